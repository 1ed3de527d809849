//! 复制为新申请: what was filled in once begins a new application (D19, D24).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::Source;
use db::application::{ItemFilter, NewDraft, Products, count_items, create_draft};
use domain::actor::Undertaking;
use domain::application::{Application, Basics, ItemForm};
use domain::ids::ApplicationId;
use domain::ledger::Amounts;
use domain::policy;
use domain::quantity::{Quantity, total};
use domain::workflow::Action;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::frame::{self, Entry};

#[derive(Template)]
#[template(path = "application/copy.html")]
struct CopyPage {
    shell: Shell,
    id: ApplicationId,
    form: FormView,
    title: String,
    items: i64,
    /// How many products are not finished, when something of the certificate is written off (D19).
    rest: Option<usize>,
    quantities: Vec<Choice>,
}

/// 剩余数量 or 全部数量.
const REST: &str = "rest";
const ALL: &str = "all";

/// What is left of the certificate of an application, product by product (D19): its N − W in both units, finished ones left
/// out; none while nothing is written off, or when nothing is left.
async fn rest_of(source: &impl Source, application: &Application) -> Result<Option<Vec<(usize, Amounts)>>, AppError> {
    let facts = db::certificate::facts(source, application).await?;
    if !facts.is_some_and(|f| f.written_lines > 0 && !f.is_exhausted()) {
        return Ok(None);
    }
    let Some(certificate) = db::certificate::of_application(source, application.id).await? else { return Ok(None) };
    let lines = db::ledger::lines(source, certificate.id).await?;
    Ok(Some((0..).zip(lines).filter_map(|(n, line)| Some((n, line.balance.remaining()?))).collect()))
}

/// What is copied and what is not; the declaration of every new application (R-2.1-04).
pub async fn show(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = load(&read, &app, &user, id).await?;
    let mut data = FormData::default();
    // One draft per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    let rest = rest_of(&read, &application).await?.map(|rest| rest.len());
    data.set("quantity", if rest.is_some() { REST } else { ALL });
    let title = application.number.clone().unwrap_or_else(|| format!("草稿 {id}"));
    let from = format!("/applications/{id}");
    let crumbs = [("查看申请列表", "/applications"), (title.as_str(), from.as_str())];
    page::render(&CopyPage {
        shell: frame::signed(&app, &user, "复制为新申请", Entry::NewApplication, &crumbs).await?,
        id,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        items: count_items(&read, id, &ItemFilter::default()).await?,
        quantities: vec![
            Choice::new(REST, "剩余数量").with_note("需核销数量减去已核销数量，已核销完的产品不复制"),
            Choice::new(ALL, "全部数量").with_note("原申请的全部产品和数量"),
        ],
        rest,
        title,
    })
}

/// The application, if this user may copy it.
async fn load(
    source: &impl Source,
    app: &App,
    user: &EnterpriseUser,
    id: ApplicationId,
) -> Result<Application, AppError> {
    let application = db::application::load(source, &user.scope(), id, app.now()).await?;
    if let Some(bar) = user.user.bar(Undertaking::Draft) {
        return Err(AppError::Conflict(bar.to_string()));
    }
    if policy::may_copy(user.actor(), &application.ownership) {
        Ok(application)
    } else {
        Err(AppError::Conflict(
            "只能复制自己填写的申请；其他用户的申请和检验检疫局代录的申请不能复制。请返回申请列表。".to_owned(),
        ))
    }
}

/// 我同意，复制为新申请.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let Some(key) = form.creation_key() else {
        return Err(AppError::Invalid("页面不完整，请返回申请列表重新点击“复制为新申请”。".to_owned()));
    };
    let references = app.references.now();
    let today = app.clock.today();
    let tx = app.db.begin().await?;
    let from = load(&tx, &app, &user, id).await?;
    let basics = copied(&references, &from.basics);
    if !references.clause_is_valid(basics.clause.as_str(), today)
        || !references.trade_mode_is_valid(basics.trade_mode.as_str(), today)
    {
        return Err(AppError::Conflict("原申请的免办条款或贸易方式已停用，不能复制，请填写新申请。".to_owned()));
    }
    let rest = if form.get("quantity") == REST { rest_of(&tx, &from).await? } else { None };
    let is_rest = rest.is_some();
    let amended = amended(&tx, &from).await?;
    let these: Option<Vec<_>> = match (rest, amended) {
        (Some(rest), Some(amended)) => Some(reduced(amended, &rest)),
        (Some(rest), None) => Some(reduced(entered(&tx, id).await?, &rest)),
        (None, Some(amended)) => Some((1..).zip(amended).collect()),
        (None, None) => None,
    };
    let new = NewDraft {
        owner: user.user.account,
        organisation: user.user.organisation,
        entered_by: None,
        applicant: &user.session.profile.applicant,
        region: basics.use_region.as_ref(),
        clause: &basics.clause,
        trade_mode: &basics.trade_mode,
        creation_key: key,
    };
    let draft = create_draft(&tx, &new, &user.by(), app.now()).await?;
    let url = format!("/applications/{draft}/basics");
    let draft = db::application::load_for_update(&tx, &user.scope(), draft, app.now()).await?;
    if draft.version > 1 {
        // The same page sent again: the copy is there.
        return Ok(page::see_other(&url));
    }
    let edit = policy::may(user.actor(), &draft.ownership, Action::Edit)
        .map_err(|refusal| AppError::Conflict(refusal.to_string()))?;
    let products = these.as_deref().map_or(Products::Entered, Products::These);
    let items = db::application::copy_into(&tx, &draft, edit, id, &basics, products, &user.by(), app.now()).await?;
    tx.commit().await?;
    let what = if is_rest { "的剩余数量" } else { "" };
    let said = format!(
        "已复制为新申请，带来申请基本信息和 {items} 个产品{what}。合同号、发票号、提/运单号、日期和附件没有复制，请补充后提交。"
    );
    Ok(flash::to(&app.key, app.config.is_https(), &url, &said))
}

/// The products as they were entered.
async fn entered(source: &impl Source, id: ApplicationId) -> Result<Vec<ItemForm>, AppError> {
    Ok(db::application::items(source, id).await?.into_iter().map(|i| i.form).collect())
}

/// The products as the certificate has them, when it was amended (R-2.7-11); 总价 follows the quantity.
async fn amended(source: &impl Source, of: &Application) -> Result<Option<Vec<ItemForm>>, AppError> {
    let Some(certificate) = db::certificate::of_application(source, of.id).await? else { return Ok(None) };
    let Some(products) = db::amendment::in_force(source, &certificate).await? else { return Ok(None) };
    let mut items = entered(source, of.id).await?;
    for (form, p) in items.iter_mut().zip(products) {
        if p.qty != form.qty {
            form.total_price = total(p.qty, form.unit_price).unwrap_or(form.total_price);
        }
        (form.product_name, form.hs_code, form.hs_name, form.hs_unit) =
            (p.product_name, p.hs_code, p.hs_name, p.hs_unit);
        (form.model, form.qty, form.hs_qty, form.brand) = (p.model, p.qty, p.hs_qty, p.brand);
        (form.manufacturer, form.traits) = (p.manufacturer, p.traits);
    }
    Ok(Some(items))
}

/// The products of which something is left, with what is left of them; 总价 follows the quantity. HS 标准量 that is used up
/// before 数量/重量 is taken in its proportion, for an application asks for both.
fn reduced(items: Vec<ItemForm>, rest: &[(usize, Amounts)]) -> Vec<(usize, ItemForm)> {
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    rest.iter()
        .filter_map(|(n, left)| {
            let mut form = items.get_mut(*n)?.take()?;
            let hs_qty = if left.hs_qty == Quantity::ZERO {
                let part = i128::from(form.hs_qty.units()) * i128::from(left.qty.units());
                let part = part / i128::from(form.qty.units()).max(1);
                Quantity::from_units(i64::try_from(part).unwrap_or_default().max(1))
            } else {
                left.hs_qty
            };
            form.total_price = total(left.qty, form.unit_price).unwrap_or(form.total_price);
            (form.qty, form.hs_qty) = (left.qty, hs_qty);
            Some((n + 1, form))
        })
        .collect()
}

/// What a new application takes over: not the numbers of the papers and not the days of one consignment.
fn copied(references: &ReferenceCache, from: &Basics) -> Basics {
    Basics {
        use_region: from.use_region.clone().filter(|r| references.is_leaf(r)),
        port: from.port.clone().filter(|p| references.has_port(p.as_str())),
        contract_no: String::new(),
        invoice_no: String::new(),
        bl_no: String::new(),
        expected_import_date: None,
        display_from: None,
        display_to: None,
        ..from.clone()
    }
}
