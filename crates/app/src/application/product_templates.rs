//! 产品模板: products to begin with, saved once and used in many applications; shared as applications are (D5).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::product_template::{self, NewTemplate, ProductTemplate, TemplateFilter};
use domain::ids::{ApplicationId, ItemId, ProductTemplateId};
use domain::policy;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::paging::{PageQuery, Pager};
use kit::reference::ReferenceCache;
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::frame::{self, Entry};
use crate::parts::view;

/// 模板名称, 产品名称, HS 编码; and the application that a template is chosen for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    name: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    hs_code: String,
    #[serde(default)]
    application: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct Line {
    id: ProductTemplateId,
    name: String,
    product_name: String,
    hs_code: String,
    model: String,
    brand: String,
    owner: String,
    created: String,
    /// Its HS type still holds.
    is_valid: bool,
}

#[derive(Template)]
#[template(path = "application/product_templates.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    rows: Vec<Line>,
    pager: Pager,
    is_filtered: bool,
    /// The application that a template is chosen for.
    application: Option<ApplicationId>,
    clear: String,
}

/// The list; on the way of a new product each row offers 使用.
pub async fn list(
    State(app): State<App>,
    user: EnterpriseUser,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let references = app.references.now();
    let filter = TemplateFilter { name: &filters.name, product_name: &filters.product_name, hs_code: &filters.hs_code };
    let application: Option<ApplicationId> = filters.application.parse().ok();
    let pairs = [
        ("name", filters.name.as_str()),
        ("product_name", filters.product_name.as_str()),
        ("hs_code", filters.hs_code.as_str()),
        ("application", filters.application.as_str()),
    ];
    let total = product_template::count(&read, &user.scope(), &filter).await?;
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&query, total, "/product-templates", &pairs);
    let found = product_template::page(&read, &user.scope(), &filter, pager.limit(), pager.offset()).await?;
    let items = application.map(|id| format!("/applications/{id}/items")).unwrap_or_default();
    let crumbs = [("查看申请列表", "/applications"), ("附表产品信息", items.as_str())];
    let crumbs = if application.is_some() { crumbs.as_slice() } else { &[] };
    let data = FormData::of_filters(&pairs);
    page::render(&ListPage {
        shell: frame::signed(&app, &user, "产品模板", Entry::Templates, crumbs).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        rows: found.into_iter().map(|t| line(&app, &references, &user, t)).collect(),
        pager,
        is_filtered: pairs.iter().take(3).any(|(_, v)| !v.is_empty()),
        clear: application
            .map_or_else(|| "/product-templates".to_owned(), |id| format!("/product-templates?application={id}")),
        application,
    })
}

fn line(app: &App, references: &ReferenceCache, user: &EnterpriseUser, t: ProductTemplate) -> Line {
    Line {
        id: t.id,
        is_valid: references.hs_type(t.hs_code.as_str(), app.clock.today()).is_some(),
        owner: if t.owner == user.user.account { "本人".to_owned() } else { t.owner_name },
        name: t.name,
        product_name: t.product_name,
        hs_code: t.hs_code.to_string(),
        model: t.model,
        brand: t.brand,
        created: t.created_at.china(),
    }
}

/// The product that becomes a template.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NewQuery {
    #[serde(default)]
    application: String,
    #[serde(default)]
    item: String,
}

#[derive(Template)]
#[template(path = "application/product_template_new.html")]
struct NewPage {
    shell: Shell,
    form: FormView,
    application: ApplicationId,
    rows: Vec<(&'static str, String)>,
}

/// 存为产品模板: its name, and what is kept.
pub async fn new(
    State(app): State<App>,
    user: EnterpriseUser,
    Query(query): Query<NewQuery>,
) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("application", &query.application);
    data.set("item", &query.item);
    // One template per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    let page = build_new(&app, &user, data, FieldErrors::default()).await?;
    page::render(&page)
}

/// The product of the form; both ids come from a page of ours.
fn product_of(form: &FormData) -> Result<(ApplicationId, ItemId), AppError> {
    match (form.get("application").parse(), form.get("item").parse()) {
        (Ok(application), Ok(item)) => Ok((application, item)),
        _ => Err(AppError::NotFound),
    }
}

async fn build_new(
    app: &App,
    user: &EnterpriseUser,
    mut data: FormData,
    errors: FieldErrors,
) -> Result<NewPage, AppError> {
    let read = app.db.read();
    let (id, item) = product_of(&data)?;
    db::application::load(&read, &user.scope(), id, app.now()).await?;
    let stored = db::application::item(&read, id, item).await?;
    if !data.has("name") {
        let name = format!("{} {}", stored.form.product_name, stored.form.model);
        data.set("name", &name.chars().take(LONGEST_NAME).collect::<String>());
    }
    let items = format!("/applications/{id}/items");
    let crumbs = [("查看申请列表", "/applications"), ("附表产品信息", items.as_str())];
    let mut shell = frame::signed(app, user, "存为产品模板", Entry::Templates, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let rows = vec![
        ("HS 编码", stored.form.hs_code.to_string()),
        ("需免办产品名称", stored.form.product_name.clone()),
        ("规格型号", stored.form.model.clone()),
    ];
    Ok(NewPage { shell, form: FormView::new(data, errors, &user.caller.csrf), application: id, rows })
}

/// The longest 模板名称, in characters.
const LONGEST_NAME: usize = 60;

fn name_of(form: &FormData) -> Result<String, FieldErrors> {
    let mut check = Checker::new(form);
    let name = check.text("name", "模板名称").one_line().required().length(1..=LONGEST_NAME).take();
    check.finish()?;
    Ok(name)
}

/// 保存.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (id, item) = product_of(&form)?;
    let Some(key) = form.creation_key() else {
        return Err(AppError::Invalid("页面不完整，请返回产品列表重新点击“存为产品模板”。".to_owned()));
    };
    let name = match name_of(&form) {
        Ok(name) => name,
        Err(errors) => {
            let page = build_new(&app, &user, form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    let tx = app.db.begin().await?;
    db::application::load(&tx, &user.scope(), id, app.now()).await?;
    db::application::item(&tx, id, item).await?;
    let new =
        NewTemplate { owner: user.user.account, organisation: user.user.organisation, name: &name, creation_key: key };
    match product_template::save(&tx, &new, id, item, &user.by(), app.now()).await {
        Ok(()) => tx.commit().await?,
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("name", why);
            let page = build_new(&app, &user, form, errors).await?;
            return page::unprocessable(&page);
        }
        Err(other) => return Err(other.into()),
    }
    let said = format!("已存为产品模板“{name}”。添加产品时可以使用。");
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/applications/{id}/items"), &said))
}

#[derive(Template)]
#[template(path = "application/product_template.html")]
struct EditPage {
    shell: Shell,
    form: FormView,
    id: ProductTemplateId,
    name: String,
    owner: String,
    created: String,
    rows: Vec<(&'static str, String)>,
    traits: Vec<(String, String)>,
    may_change: bool,
}

/// A template: what it holds, its name, 删除.
pub async fn edit(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ProductTemplateId>,
) -> Result<Response, AppError> {
    let template = product_template::load(&app.db.read(), &user.scope(), id).await?;
    let mut data = FormData::default();
    data.set("name", &template.name);
    let page = build(&app, &user, template, data, FieldErrors::default()).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    t: ProductTemplate,
    data: FormData,
    errors: FieldErrors,
) -> Result<EditPage, AppError> {
    let references = app.references.now();
    let crumbs = [("产品模板", "/product-templates")];
    let mut shell = frame::signed(app, user, &t.name, Entry::Templates, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    Ok(EditPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        id: t.id,
        may_change: policy::may_change_template(&user.user, t.owner),
        owner: t.owner_name,
        created: Instant::china(t.created_at),
        rows: vec![
            ("HS 编码", t.hs_code.to_string()),
            ("HS 编码产品名称", t.hs_name),
            ("需免办产品名称", t.product_name),
            ("规格型号", t.model),
            ("商标", t.brand),
            ("生产厂名", t.manufacturer),
            ("原产国", references.country_name(t.origin_country.as_str()).to_owned()),
            ("数量/重量单位", references.unit_name(&t.qty_unit).to_owned()),
            ("单价", format!("{} {}", t.unit_price, t.currency)),
            ("用途说明", t.usage_note),
            ("备注", t.remark),
        ],
        traits: t.traits.iter().map(|t| (t.name.clone(), view::trait_value(t))).collect(),
        name: t.name,
    })
}

/// Only its owner and 单位管理员 change a template.
fn changeable(user: &EnterpriseUser, template: &ProductTemplate) -> Result<(), AppError> {
    if policy::may_change_template(&user.user, template.owner) {
        Ok(())
    } else {
        Err(AppError::Forbidden(
            "产品模板只能由保存它的用户或单位管理员修改、删除。您可以使用该模板添加产品。".to_owned(),
        ))
    }
}

/// 保存 of another name.
pub async fn update(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ProductTemplateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let template = product_template::load(&tx, &user.scope(), id).await?;
    changeable(&user, &template)?;
    let renamed = match name_of(&form) {
        Ok(name) => {
            match product_template::rename(&tx, &template, &name, user.user.account, &user.by(), app.now()).await {
                Ok(()) => Ok(name),
                Err(DbError::Refused(why)) => {
                    let mut errors = FieldErrors::default();
                    errors.add("name", why);
                    Err(errors)
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(errors) => Err(errors),
    };
    match renamed {
        Ok(name) => {
            tx.commit().await?;
            let said = format!("产品模板已改名为“{name}”。");
            Ok(flash::to(&app.key, app.config.is_https(), &format!("/product-templates/{id}"), &said))
        }
        Err(errors) => {
            drop(tx);
            let page = build(&app, &user, template, form, errors).await?;
            page::unprocessable(&page)
        }
    }
}

/// 删除; products made from it stay.
pub async fn delete(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ProductTemplateId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let template = product_template::load(&tx, &user.scope(), id).await?;
    changeable(&user, &template)?;
    product_template::delete(&tx, &template, user.user.account, &user.by(), app.now()).await?;
    tx.commit().await?;
    let said = format!("已删除产品模板“{}”。", template.name);
    Ok(flash::to(&app.key, app.config.is_https(), "/product-templates", &said))
}
