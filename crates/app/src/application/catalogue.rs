//! 选择免办产品 (manual §2.1.2): code by prefix, name by containment, exact or single hit opens at once.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use domain::application::Application;
use domain::ids::ApplicationId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::{Filer, Submitted};
use kit::shell::Shell;

use crate::application::{Home, Step, Steps, item, open};
use crate::frame;

/// What was typed, and which product is being given another type (重新选择).
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Search {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    name: Option<String>,
    /// The type is chosen for 导入产品.
    #[serde(default)]
    import: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

/// What a chosen type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// A product form.
    Product,
    /// A file of products.
    Import,
}

impl For {
    const fn of(import: &str) -> Self {
        if import.is_empty() { Self::Product } else { Self::Import }
    }

    /// The page of the chosen type.
    fn page(self, id: ApplicationId, hs_code: &str) -> String {
        match self {
            Self::Product => format!("/applications/{id}/items/new?hs_code={hs_code}"),
            Self::Import => format!("/applications/{id}/import?hs_code={hs_code}"),
        }
    }
}

struct TypeRow {
    code: String,
    name: String,
    unit: String,
    class: String,
}

#[derive(Template)]
#[template(path = "application/catalogue.html")]
struct CataloguePage {
    shell: Shell,
    home: Home,
    steps: Steps,
    id: ApplicationId,
    form: FormView,
    /// The product form that waits for another type: its fields, kept.
    kept: Vec<(String, String)>,
    /// The type is chosen for 导入产品.
    import: bool,
    searched: bool,
    rows: Vec<TypeRow>,
    pager: Pager,
}

/// The page; 查询 is a GET.
pub async fn show(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(search): Query<Search>,
) -> Result<Response, AppError> {
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let code = search.code.as_deref().unwrap_or_default();
    let name = search.name.as_deref().unwrap_or_default();
    let purpose = For::of(&search.import);
    if let Some(only) = app.references.now().hs_type_to_open(code, name, app.clock.today()) {
        return Ok(page::see_other(&purpose.page(id, only.code.as_str())));
    }
    let searched = search.code.is_some() || search.name.is_some();
    let query = PageQuery { page: search.page.clone(), size: search.size.clone(), ..PageQuery::default() };
    let application = &draft.application;
    render(&app, &user, application, purpose, code, name, searched, &query, Vec::new(), FieldErrors::default()).await
}

/// 查询 and 提交 while a product waits for another type: what was typed into it is kept in the page (R-2.1.2-13).
pub async fn choose(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let kept = item::kept(&form);
    let code = form.get("code").to_owned();
    let name = form.get("name").to_owned();
    let today = app.clock.today();
    let references = app.references.now();
    let searching = form.has("search");
    let chosen = if searching {
        references.hs_type_to_open(&code, &name, today)
    } else {
        references.hs_type(form.get("chosen"), today)
    };
    let purpose = For::of(form.get("import"));
    if let (Some(chosen), For::Import) = (chosen, purpose) {
        return Ok(page::see_other(&purpose.page(id, chosen.code.as_str())));
    }
    if let Some(chosen) = chosen {
        return item::with_type(&app, &user, id, chosen, &form).await;
    }
    let mut errors = FieldErrors::default();
    if form.has("choose") {
        errors.add("chosen", "请先选择一个产品类型，再点击“提交”");
    }
    let query =
        PageQuery { page: form.get("page").to_owned(), size: form.get("size").to_owned(), ..PageQuery::default() };
    let searched = searching || !code.is_empty() || !name.is_empty();
    render(&app, &user, &draft.application, purpose, &code, &name, searched, &query, kept, errors).await
}

#[expect(clippy::too_many_arguments, reason = "one page, two ways into it")]
async fn render(
    app: &App,
    user: &Filer,
    application: &Application,
    purpose: For,
    code: &str,
    name: &str,
    searched: bool,
    query: &PageQuery,
    kept: Vec<(String, String)>,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    let id = application.id;
    let references = app.references.now();
    let matching = references.hs_types_matching(code, name, app.clock.today());
    let total = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let path = format!("/applications/{id}/catalogue");
    // While a product waits, every hit is on one page: paging links would lose what was typed into it.
    let import = if purpose == For::Import { "1" } else { "" };
    let size = if kept.is_empty() { query.size.clone() } else { "50".to_owned() };
    let query = PageQuery { page: query.page.clone(), size, ..PageQuery::default() };
    let pager = Pager::new(&query, total, &path, &[("code", code), ("name", name), ("import", import)]);
    let take = if kept.is_empty() { pager.limit() } else { i64::MAX };
    let rows = matching
        .into_iter()
        .skip(if kept.is_empty() { usize::try_from(pager.offset()).unwrap_or_default() } else { 0 })
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .map(|t| TypeRow {
            code: t.code.to_string(),
            name: t.name.clone(),
            unit: references.unit_name(&t.unit).to_owned(),
            class: t.class.clone(),
        })
        .collect();
    let items_href = format!("/applications/{id}/items");
    let home = Home::of(user);
    let crumbs = [home.crumb(), ("附表产品信息", items_href.as_str())];
    let invalid = !errors.is_empty();
    let mut data = FormData::default();
    data.set("code", code);
    data.set("name", name);
    let mut shell = frame::signed(app, user, "选择免办产品", home.entry, &crumbs).await?;
    shell.error_title = invalid;
    let page = CataloguePage {
        shell,
        home,
        steps: Steps::of(&app.db.read(), app, application, Step::Items).await?,
        id,
        form: FormView::new(data, errors, &user.caller.csrf),
        kept,
        import: purpose == For::Import,
        searched,
        rows,
        pager,
    };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}
