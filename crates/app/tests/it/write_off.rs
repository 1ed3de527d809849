//! 预核销 and 核销 (manual §2.8).

use domain::actor::Post;
use domain::quantity::{UnitPrice, total};

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product};
use crate::support::{Browser, Site};

/// An issued certificate with one product per pair of 数量/重量 and HS 标准量; says its id.
pub async fn certificate_of(site: &Site, user: &Browser, bureau: &Bureau, amounts: &[(&str, &str)]) -> i64 {
    let id = story::open_draft(user).await;
    story::fill_basics(user, &id, &[]).await.is(200);
    for (n, (qty, hs_qty)) in (1..).zip(amounts) {
        let name = format!("样机{n}");
        let total = total(qty.parse().unwrap(), UnitPrice::from_units(100_000)).unwrap().plain();
        let fields = [
            ("product_name", name.as_str()),
            ("qty", qty),
            // 台 as in HS 标准量, or 件 where the numbers are others.
            ("qty_unit", if qty == hs_qty { "001" } else { "011" }),
            ("hs_qty", hs_qty),
            ("unit_price", "1"),
            ("total_price", &total),
        ];
        add_product(user, &id, AIR_CONDITIONER, &fields).await.is(200).sees(&name);
    }
    story::attach(site, user, &id, "1").await;
    story::submit(user, &id).await;
    bureau.bring_to(&id, Post::Terminate).await;
    site.number(&format!("SELECT id FROM certificate WHERE application_id = {id}")).await
}
