//! 附表产品信息: the list of products, 查询, 详细信息显示区, 删除 (manual §2.1.2).

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::application::{Item, ItemFilter, count_items, item, items_matching};
use domain::application::Part;
use domain::ids::{ApplicationId, ItemId};
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::paging::{PageQuery, Pager};
use kit::session::{Filer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::application::{Draft, Home, Step, Steps, open, open_for_update};
use crate::frame;
use crate::parts::correction::{self, CorrectionNote, ProductToCorrect};
use crate::parts::view::{self, ItemRow, Row};

/// 产品名称, HS 编码, 规格型号, and the product shown in the 详细信息显示区.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    hs_code: String,
    #[serde(default)]
    model: String,
    /// Only those that 送补正 names.
    #[serde(default)]
    to_correct: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct Detail {
    id: ItemId,
    name: String,
    rows: Vec<Row>,
    traits: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "application/items.html")]
struct ItemsPage {
    shell: Shell,
    home: Home,
    steps: Steps,
    correction: Option<CorrectionNote>,
    id: ApplicationId,
    form: FormView,
    rows: Vec<ItemRow>,
    /// What 送补正 names of single products.
    to_correct: HashMap<ItemId, ProductToCorrect>,
    total: i64,
    is_filtered: bool,
    detail: Option<Detail>,
    pager: Pager,
    filter_query: String,
}

impl ItemsPage {
    /// What is to be corrected of a product that 送补正 names by itself.
    fn correction_of(&self, row: &ItemRow) -> Option<String> {
        let named = self.to_correct.get(&row.id)?;
        let fields = named.fields.join("、");
        let moved = i64::try_from(named.ordinal).is_ok_and(|ordinal| ordinal != row.ordinal);
        Some(if moved { format!("{fields}（送补正时为第 {} 项）", named.ordinal) } else { fields })
    }
}

/// The page.
pub async fn list(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let draft = match open(&read, &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let references = app.references.now();
    let to_correct = correction::products_to_correct(&draft.application);
    let named: Vec<ItemId> =
        if filters.to_correct.is_empty() { Vec::new() } else { to_correct.keys().copied().collect() };
    let filter = ItemFilter {
        product_name: &filters.product_name,
        hs_code: &filters.hs_code,
        model: &filters.model,
        among: &named,
    };
    let total = count_items(&read, id, &ItemFilter::default()).await?;
    let found = count_items(&read, id, &filter).await?;
    let pairs = [
        ("product_name", filters.product_name.as_str()),
        ("hs_code", filters.hs_code.as_str()),
        ("model", filters.model.as_str()),
        ("to_correct", if named.is_empty() { "" } else { "1" }),
    ];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&query, found, &format!("/applications/{id}/items"), &pairs);
    let page = items_matching(&read, id, &filter, pager.limit(), pager.offset()).await?;
    let detail = match (filters.detail.parse::<ItemId>(), page.first()) {
        (Ok(wanted), _) => Some(detail_of(&app, &item(&read, id, wanted).await?)),
        (Err(_), Some((_, first))) => Some(detail_of(&app, first)),
        (Err(_), None) => None,
    };
    let home = Home::of(&user);
    let crumbs = [home.crumb()];
    let data = FormData::of_filters(&pairs);
    let filter_query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.iter().filter(|(_, v)| !v.is_empty()))
        .finish();
    page::render(&ItemsPage {
        shell: frame::signed(&app, &user, "附表产品信息", home.entry, &crumbs).await?,
        home,
        steps: Steps::of(&app.db.read(), &app, &draft.application, Step::Items).await?,
        correction: correction::note(&read, &app, &draft.application).await?,
        id,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        to_correct,
        total,
        rows: page.iter().map(|(ordinal, item)| view::item_row(&references, *ordinal, item)).collect(),
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
        detail,
        pager,
        filter_query,
    })
}

fn detail_of(app: &App, item: &Item) -> Detail {
    Detail {
        id: item.id,
        name: item.form.product_name.clone(),
        rows: view::item_details(&app.references.now(), item),
        traits: item.form.traits.iter().map(|t| (t.name.clone(), view::trait_value(t))).collect(),
    }
}

/// 删除 of the ticked products (R-2.1.2-24).
pub async fn delete(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let ids: Vec<ItemId> = form.all("id").filter_map(|i| i.parse().ok()).collect();
    if ids.is_empty() {
        return Err(AppError::Invalid("请先勾选要删除的产品。".to_owned()));
    }
    let tx = app.db.begin().await?;
    let Draft { application, edit } = open_for_update(&tx, &app, &user, id).await?;
    let gone = db::application::delete_items(&tx, id, &ids).await?;
    let what = "delete_products";
    db::application::touch(&tx, &application, edit, Part::Items, what, &user.by(), app.now()).await?;
    tx.commit().await?;
    let url = format!("/applications/{id}/items");
    Ok(flash::to(&app.key, app.config.is_https(), &url, &format!("已删除 {gone} 个产品。")))
}
