//! 修改用户信息 (manual §3; forms §2.3): 用户名 and 组织机构代码 cannot be changed; the blue-star fields change for every
//! user of the code; new applications take the new data after the next log-in (D22).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::account::{self, Details, Organisation};
use domain::actor::{Enterprise, Membership};
use domain::application::ApplicantKind;
use domain::policy;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::mailbox_proof::{self, Given};
use crate::parts::particulars;

#[derive(Template)]
#[template(path = "profile/particulars.html")]
struct ParticularsPage {
    shell: Shell,
    form: FormView,
    username: String,
    org_code: String,
    standing: &'static str,
    is_confirmed: bool,
    shared_is_open: bool,
    is_overtaken: bool,
    /// Saved since the log-in: new applications still take the older data.
    is_pending: bool,
    regions: [Vec<Choice>; 3],
    kinds: Vec<Choice>,
}

impl ParticularsPage {
    /// Whether the blue-starred fields may only be read (D3).
    const fn is_shared_frozen(&self) -> bool {
        !self.shared_is_open
    }
}

/// `?refresh=region_code`: a cascade without script.
#[derive(serde::Deserialize)]
pub struct RefreshQuery {
    #[serde(default)]
    refresh: String,
}

/// The page.
pub async fn edit(State(app): State<App>, user: EnterpriseUser) -> Result<Response, AppError> {
    let details = account::details(&app.db.read(), user.user.account).await?;
    let data = typed(&app, &details);
    let page = build(&app, &user, &details, data, FieldErrors::default()).await?;
    page::render(&page)
}

fn typed(app: &App, details: &Details) -> FormData {
    let mut data = particulars::typed(&app.references.now(), &details.particulars);
    let o = &details.organisation;
    for (field, value) in
        [("org_name", &o.name), ("org_postcode", &o.postcode), ("org_address", &o.address), ("org_remark", &o.remark)]
    {
        data.set(field, value);
    }
    data.set("seen", &seen(details));
    data
}

/// 单位管理员, 经办, 查阅, 待确认.
const fn standing(user: &Enterprise) -> &'static str {
    match (user.membership, user.role) {
        (Membership::Administrator | Membership::Pending, _) => user.membership.label(),
        (Membership::Confirmed, role) => role.label(),
    }
}

fn seen(details: &Details) -> String {
    hash_of(&format!("{details:?}"))
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    details: &Details,
    data: FormData,
    errors: FieldErrors,
) -> Result<ParticularsPage, AppError> {
    let references = app.references.now();
    let mut shell = frame::signed(app, user, "修改用户信息", Entry::Profile, &[]).await?;
    shell.error_title = !errors.is_empty();
    let stored = account::profile(&app.db.read(), user.user.account).await?;
    Ok(ParticularsPage {
        shell,
        username: details.username.clone(),
        org_code: text::hyphenated(&details.organisation.code),
        standing: standing(&user.user),
        is_confirmed: user.user.membership != Membership::Pending,
        shared_is_open: policy::may_edit_shared_fields(&user.user),
        is_overtaken: false,
        is_pending: stored != user.session.profile,
        regions: references.region_choices_on(
            [data.get("region_code_1"), data.get("region_code_2"), data.get("region_code_3")],
            app.clock.today(),
        ),
        kinds: ApplicantKind::ALL.iter().map(|k| Choice::new(k.word(), k.label())).collect(),
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// 保存.
pub async fn update(
    State(app): State<App>,
    user: EnterpriseUser,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let id = user.user.account;
    if !query.refresh.is_empty() {
        let details = account::details(&app.db.read(), id).await?;
        let page = build(&app, &user, &details, form, FieldErrors::default()).await?;
        return page::render(&page);
    }
    // A password takes its time: it is looked at before the transaction.
    let stored = account::details(&app.db.read(), id).await?.particulars.contact_email;
    let wrong_password = match text::email(form.get("contact_email")) {
        Ok(typed) if typed != stored => {
            mailbox_proof::wrong_password(&app, &user, form.get("mailbox_password")).await?
        }
        Ok(_) | Err(_) => None,
    };
    let tx = app.db.begin().await?;
    let details = account::details_for_update(&tx, id).await?;
    let may_share = policy::may_edit_shared_fields(&user.user);
    let references = app.references.now();
    let mut check = Checker::new(&form);
    let shared = if may_share {
        Organisation {
            name: check
                .text("org_name", "申请单位")
                .one_line()
                .required()
                .length(2..=100)
                .printed(app.papers.as_ref())
                .take(),
            postcode: check.parse("org_postcode", "申请单位邮编", text::postcode).unwrap_or_default(),
            address: check
                .text("org_address", "申请单位地址")
                .one_line()
                .required()
                .length(5..=200)
                .printed(app.papers.as_ref())
                .take(),
            remark: check.text("org_remark", "申请单位信息备注").one_line().length(0..=500).take(),
            ..details.organisation.clone()
        }
    } else {
        details.organisation.clone()
    };
    let own = particulars::parse(&mut check, &references, app.clock.today(), Some(&details.particulars.region));
    if let Some(why) = wrong_password {
        check.error("mailbox_password", why);
    }
    let mut own = match (check.finish(), own) {
        (Ok(()), Some(own)) => own,
        (checked, _) => {
            drop(tx);
            let errors = checked.err().unwrap_or_default();
            let page = build(&app, &user, &details, form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    if form.get("seen") != seen(&details) {
        drop(tx);
        form.set("seen", &seen(&details));
        let mut page = build(&app, &user, &details, form, FieldErrors::default()).await?;
        page.is_overtaken = true;
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    // The mailbox is another matter: it counts when it is proved, and the old one is told.
    let mailbox = std::mem::replace(&mut own.contact_email, details.particulars.contact_email.clone());
    if own != details.particulars {
        account::save_particulars(&tx, id, &own, &user.by(), app.now()).await?;
    }
    let mut also = String::new();
    if mailbox != details.particulars.contact_email {
        match mailbox_proof::give(&tx, &app, id, &mailbox, &user.by()).await? {
            Given::Counts => {}
            Given::Asked => also = format!("已向 {mailbox} 发送验证邮件，验证后使用新邮箱。"),
            Given::TooMany => {
                drop(tx);
                let mut errors = FieldErrors::default();
                errors.add("contact_email", mailbox_proof::TOO_MANY);
                let page = build(&app, &user, &details, form, errors).await?;
                return page::unprocessable(&page);
            }
        }
    }
    if shared != details.organisation {
        account::save_shared_fields(&tx, id, &shared, &user.by(), app.now()).await?;
    }
    tx.commit().await?;
    let saved = format!("已保存用户信息。保存后需退出系统并重新登录才能在新申请中生效。{also}");
    Ok(flash::to(&app.key, app.config.is_https(), "/profile/particulars", &saved))
}
