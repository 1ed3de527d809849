//! 注册 by invitation: whoever follows the link of 邀请同事 registers as a confirmed user of that organisation.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::account::{Organisation, Registration};
use db::organisation::{self, Invitation};
use domain::application::ApplicantKind;
use domain::text::{self};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::session::{Caller, Submitted, hash_of};
use kit::shell::Shell;

use super::particulars::RefreshQuery;
use crate::parts::particulars;
use crate::{frame, mailbox_proof, passwords};

#[derive(Template)]
#[template(path = "registration/invitation.html")]
struct InvitationPage {
    shell: Shell,
    form: FormView,
    token: String,
    organisation: String,
    code: String,
    role: &'static str,
    regions: [Vec<Choice>; 3],
    kinds: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "registration/invitation_over.html")]
struct OverPage {
    shell: Shell,
}

/// The link leads nowhere any more.
fn over(app: &App, caller: &Caller) -> Result<Response, AppError> {
    page::with_status(StatusCode::NOT_FOUND, &OverPage { shell: frame::public(app, caller, "邀请已失效") })
}

/// The organisation that invites.
async fn inviting(app: &App, invitation: &Invitation) -> Result<Organisation, AppError> {
    Ok(db::account::organisation(&app.db.read(), invitation.organisation_id).await?)
}

async fn build(
    app: &App,
    caller: &Caller,
    (token, invitation): (&str, &Invitation),
    data: FormData,
    errors: FieldErrors,
) -> Result<InvitationPage, AppError> {
    let references = app.references.now();
    let organisation = inviting(app, invitation).await?;
    let regions = references.region_choices_on(
        [data.get("region_code_1"), data.get("region_code_2"), data.get("region_code_3")],
        app.clock.today(),
    );
    let mut shell = frame::public(app, caller, "接受邀请，注册");
    shell.error_title = !errors.is_empty();
    let action = format!("/registration/invitation/{token}");
    Ok(InvitationPage {
        shell,
        form: FormView::new(data, errors, &caller.csrf).at(&action),
        token: token.to_owned(),
        organisation: organisation.name,
        code: text::hyphenated(&organisation.code),
        role: invitation.member_role.label(),
        regions,
        kinds: ApplicantKind::ALL.iter().map(|k| Choice::new(k.word(), k.label())).collect(),
    })
}

/// The form.
pub async fn show(State(app): State<App>, caller: Caller, Path(token): Path<String>) -> Result<Response, AppError> {
    let read = app.db.read();
    let Some(invitation) = organisation::invitation_by_link(&read, &hash_of(&token), app.now()).await? else {
        return over(&app, &caller);
    };
    let mut data = FormData::default();
    data.set("applicant_kind", ApplicantKind::Importer.word());
    data.set("contact_email", &invitation.mailbox);
    let code = inviting(&app, &invitation).await?.code;
    if let Some((_, Some(region))) = db::account::organisation_by_code(&read, &code).await? {
        for (n, level) in app.references.now().region_levels(&region).iter().enumerate() {
            data.set(&format!("region_code_{}", n + 1), level.as_str());
        }
    }
    page::render(&build(&app, &caller, (&token, &invitation), data, FieldErrors::default()).await?)
}

/// 注册.
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    Query(query): Query<RefreshQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let hash = hash_of(&token);
    let Some(invitation) = organisation::invitation_by_link(&app.db.read(), &hash, app.now()).await? else {
        return over(&app, &caller);
    };
    let of = (token.as_str(), &invitation);
    if query.is_set() {
        return page::render(&build(&app, &caller, of, form, FieldErrors::default()).await?);
    }
    let organisation = inviting(&app, &invitation).await?;
    let references = app.references.now();
    let mut check = Checker::new(&form);
    if !form.has("consent") {
        check.error("consent", "请阅读并同意注册用户声明");
    }
    let username = check.parse("username", "用户名", text::user_name);
    let password = form.get("password");
    let known = [form.get("username"), organisation.code.as_str(), form.get("contact_email")];
    if password.is_empty() {
        check.error("password", "请填写密码");
    } else if let Err(why) = passwords::judge(password, form.get("username"), &known) {
        check.error("password", why);
    }
    if form.get("password_again") != password {
        check.error("password_again", "两次填写的密码不一致，请重新填写");
    }
    let own = particulars::parse(&mut check, &references, app.clock.today(), None);
    let outcome = check.finish();
    let (Ok(()), Some(username), Some(own)) = (&outcome, username, own) else {
        let page = build(&app, &caller, of, form, outcome.err().unwrap_or_default()).await?;
        return page::unprocessable(&page);
    };
    let mailbox = own.contact_email.clone();
    let new = Registration {
        username: username.clone(),
        password_hash: passwords::hash(password).await?,
        org_code: organisation.code.clone(),
        org_code_entered: organisation.code.clone(),
        org_name: organisation.name,
        org_postcode: organisation.postcode,
        org_address: organisation.address,
        org_remark: organisation.remark,
        particulars: own,
    };
    let tx = app.db.begin().await?;
    match organisation::accept_invitation(&tx, &hash, &new, &caller.address, app.now()).await {
        Ok(id) => {
            if mailbox != invitation.mailbox {
                // The link proved the mailbox that it went to, and no other.
                let (account, address) = (Some(id), caller.address.clone());
                let by = db::audit::By { account, name: username, bureau: None, address };
                mailbox_proof::give(&tx, &app, id, &mailbox, &by).await?;
            }
            tx.commit().await?;
            Ok(page::see_other("/registration/done"))
        }
        Err(DbError::Duplicate(_)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("username", format!("用户名“{username}”已被使用，请换一个用户名"));
            page::unprocessable(&build(&app, &caller, of, form, errors).await?)
        }
        Err(DbError::NotFound) => {
            drop(tx);
            over(&app, &caller)
        }
        Err(other) => Err(other.into()),
    }
}
