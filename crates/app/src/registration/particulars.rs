//! 注册资料 (manual §1.1, forms §2.2).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::account::{self, Mailbox, Registration};
use db::audit::By;
use domain::application::ApplicantKind;
use domain::text::{self, OrganisationCode};
use kit::app::{App, MailboxProof};
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Caller, Submitted};
use kit::shell::Shell;
use kit::{glyphs, page};

use crate::parts::particulars;
use crate::registration::{consent, require_consent};
use crate::{frame, mailbox_proof, passwords};

/// The four fields that live once per organisation.
const SHARED: [&str; 4] = ["org_name", "org_postcode", "org_address", "org_remark"];

#[derive(Template)]
#[template(path = "registration/particulars.html")]
struct ParticularsPage {
    shell: Shell,
    form: FormView,
    /// The code is registered: its shared fields are shown and cannot be changed (D3).
    known: bool,
    regions: [Vec<Choice>; 3],
    kinds: Vec<Choice>,
}

/// `?refresh=region`: a cascade without script.
#[derive(serde::Deserialize)]
pub struct RefreshQuery {
    #[serde(default)]
    refresh: String,
}

impl RefreshQuery {
    /// Whether the lists are asked for anew.
    pub const fn is_set(&self) -> bool {
        !self.refresh.is_empty()
    }
}

/// The form for a code, or a blank one.
pub async fn blank(app: &App, caller: &Caller, code: Option<&OrganisationCode>) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("consent", &consent(app, caller));
    data.set("applicant_kind", ApplicantKind::Importer.word());
    if let Some(code) = code {
        data.set("org_code", code.entered());
    }
    let known = prefill(app, &mut data).await?;
    show(app, caller, data, FieldErrors::default(), known)
}

/// Reads the former registration of the typed code into the shared fields (R-1.1-06, D4); says whether there is one.
async fn prefill(app: &App, data: &mut FormData) -> Result<bool, AppError> {
    let Ok(code) = OrganisationCode::parse(data.get("org_code")) else { return Ok(false) };
    let Some((organisation, region)) = account::organisation_by_code(&app.db.read(), code.key()).await? else {
        return Ok(false);
    };
    for (field, value) in
        SHARED.into_iter().zip([organisation.name, organisation.postcode, organisation.address, organisation.remark])
    {
        data.set(field, &value);
    }
    if data.get("region_code_1").is_empty()
        && let Some(region) = region
    {
        let path = app.references.now().region_levels(&region);
        for (n, code) in path.iter().enumerate() {
            data.set(&format!("region_code_{}", n + 1), code.as_str());
        }
    }
    Ok(true)
}

fn show(app: &App, caller: &Caller, data: FormData, errors: FieldErrors, known: bool) -> Result<Response, AppError> {
    let references = app.references.now();
    let regions = references.region_choices_on(
        [data.get("region_code_1"), data.get("region_code_2"), data.get("region_code_3")],
        app.clock.today(),
    );
    let kinds = ApplicantKind::ALL.iter().map(|k| Choice::new(k.word(), k.label())).collect();
    let invalid = !errors.is_empty();
    let mut shell = frame::public(app, caller, "注册资料");
    shell.error_title = invalid;
    // The page also stands at the address of the one before it.
    let form = FormView::new(data, errors, &caller.csrf).at("/registration/particulars");
    let page = ParticularsPage { shell, form, known, regions, kinds };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 注册: all mistakes at once, or the account.
pub async fn submit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    require_consent(&app, &caller, &form)?;
    // A code that is registered already: its shared fields are not overwritten (R-1.1-15).
    let known = prefill(&app, &mut form).await?;
    if !query.refresh.is_empty() {
        return show(&app, &caller, form, FieldErrors::default(), known);
    }
    let (new, username) = match parse(&app, &form, known) {
        Ok(parsed) => parsed,
        Err(errors) => return show(&app, &caller, form, errors, known),
    };
    let password_hash = passwords::hash(form.get("password")).await?;
    let tx = app.db.begin().await?;
    let (mailbox, standing) = (new.particulars.contact_email.clone(), standing(&app));
    let new = Registration { password_hash, ..new };
    match account::register(&tx, &new, standing, app.now(), &caller.address).await {
        Ok(id) => {
            if standing == Mailbox::Unproved {
                let by = By { account: Some(id), name: username, bureau: None, address: caller.address.clone() };
                mailbox_proof::give(&tx, &app, id, &mailbox, &by).await?;
            }
            tx.commit().await?;
        }
        Err(db::DbError::Duplicate(_)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("username", format!("用户名“{username}”已被使用，请换一个用户名"));
            return show(&app, &caller, form, errors, known);
        }
        Err(other) => return Err(other.into()),
    }
    Ok(page::see_other("/registration/done"))
}

/// Whether a new user has to prove his mailbox before he counts (D29).
fn standing(app: &App) -> Mailbox {
    match app.config.mailbox_proof {
        MailboxProof::Asked | MailboxProof::Shown => Mailbox::Unproved,
        MailboxProof::NotAsked => Mailbox::Proved,
    }
}

fn parse(app: &App, form: &FormData, known: bool) -> Result<(Registration, String), FieldErrors> {
    let references = app.references.now();
    let mut check = Checker::new(form);
    let username = check.parse("username", "用户名", text::user_name);
    let password = form.get("password");
    let guessable = [form.get("username"), form.get("org_code"), form.get("contact_email")];
    if password.is_empty() {
        check.error("password", "请填写密码");
    } else if let Err(why) = passwords::judge(password, form.get("username"), &guessable) {
        check.error("password", why);
    }
    if form.get("password_again").is_empty() {
        check.error("password_again", "请再次填写密码");
    } else if form.get("password_again") != password {
        check.error("password_again", "两次填写的密码不一致，请重新填写");
    }
    let code = check.parse("org_code", "申请单位组织机构代码", |s| {
        OrganisationCode::parse(s).map_err(|e| format!("申请单位组织机构代码{e}"))
    });
    let org_name = check.text("org_name", "申请单位").one_line().required().length(2..=100).take();
    let org_postcode = check.parse("org_postcode", "申请单位邮编", text::postcode);
    let org_address = check.text("org_address", "申请单位地址").one_line().required().length(5..=200).take();
    let org_remark = check.text("org_remark", "申请单位信息备注").one_line().length(0..=500).take();
    // What is registered already is not typed here, and cannot be mended here.
    if !known {
        for (field, label, text) in [("org_name", "申请单位", &org_name), ("org_address", "申请单位地址", &org_address)]
        {
            if let Some(why) = glyphs::mistake(app.papers.as_ref(), label, text) {
                check.error(field, why);
            }
        }
    }
    let own = particulars::parse(&mut check, &references, app.clock.today(), None);
    check.finish()?;
    let missing = || {
        let mut errors = FieldErrors::default();
        errors.add("username", "请核对所填内容");
        errors
    };
    let code = code.ok_or_else(missing)?;
    let username = username.ok_or_else(missing)?;
    let new = Registration {
        username: username.clone(),
        password_hash: String::new(),
        org_code: code.key().to_owned(),
        org_code_entered: code.entered().to_owned(),
        org_name,
        org_postcode: org_postcode.ok_or_else(missing)?,
        org_address,
        org_remark,
        particulars: own.ok_or_else(missing)?,
    };
    Ok((new, username))
}
