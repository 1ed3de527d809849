//! 产品详细信息 behind 产品名称 on the pages of §2.8 (R-2.8-03, -11).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::application::{ItemFilter, items_matching};
use db::ledger;
use domain::ids::{CertificateId, CertificateItemId};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::sheet::SheetItem;
use crate::parts::view;
use crate::write_off::{Goods, Head, open};

#[derive(Template)]
#[template(path = "write_off/lines.html")]
struct LinePage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    goods: Goods,
    item: SheetItem,
    /// What only the readers of the application see: the rest of the form, and 产品特性.
    more: Vec<(String, String)>,
    traits: Vec<(String, String)>,
    back: String,
}

/// `?back=`: the page of the certificate that 返回 leads to.
#[derive(Debug, Default, serde::Deserialize)]
pub struct BackQuery {
    #[serde(default)]
    back: String,
}

impl BackQuery {
    fn address(&self, id: CertificateId) -> String {
        let known = ["pre-write-offs/new", "draw-down", "write-offs", "ledger"];
        let page = known.into_iter().find(|k| *k == self.back).unwrap_or("pre-write-offs");
        format!("/certificates/{id}/{page}")
    }
}

/// The product, as the certificate in force names it.
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path((id, line)): Path<(CertificateId, CertificateItemId)>,
    Query(query): Query<BackQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    let line = ledger::line(&read, id, line).await?;
    let ordinal = line.ordinal;
    let goods = opened.goods(vec![line]).into_iter().next().ok_or(AppError::NotFound)?;
    let at = usize::try_from(ordinal - 1).unwrap_or(usize::MAX);
    let item = opened.sheet.items.get(at).cloned().ok_or(AppError::NotFound)?;
    let (mut more, mut traits) = (Vec::new(), Vec::new());
    if opened.is_reader {
        let application = opened.certificate.application_id;
        let found = items_matching(&read, application, &ItemFilter::default(), 1, ordinal - 1).await?;
        if let Some((_, entered)) = found.first() {
            let shown = [
                "产品名称",
                "需免办产品名称",
                "HS 编码",
                "规格型号",
                "商标",
                "生产厂名",
                "原产国",
                "数量/重量",
                "HS 标准量",
            ];
            let rest = view::item_details(&app.references.now(), entered).into_iter();
            more = rest.filter(|r| !shown.contains(&r.label)).map(|r| (r.label.to_owned(), r.value)).collect();
            traits = entered.form.traits.iter().map(|t| (t.name.clone(), view::trait_value(t))).collect();
        }
    }
    let crumbs = [frame::list_of(&user)];
    page::render(&LinePage {
        shell: frame::signed(&app, &user, "产品详细信息", Entry::of_list(&user), &crumbs).await?,
        head: opened.head(&app),
        id,
        goods,
        item,
        more,
        traits,
        back: query.address(id),
    })
}
