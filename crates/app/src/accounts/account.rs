//! One account: 新增, 查看, 修改, 停用, 启用.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::letter::{self, Record};
use db::officer::{self, Details, OfficerAccount};
use db::{DbError, audit};
use domain::actor::{Post, Posts};
use domain::ids::{AccountId, BureauCode};
use domain::policy::{ManageAccounts, Reach, administrator_post};
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{CHANGED_MEANWHILE, Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use super::history::{self, Line};
use super::list::{self, CNCA};
use super::password::{self, Delivery, OneTimePage};
use crate::frame::{self, Entry};
use crate::parts::delivery::Standing;
use crate::{jobs, passwords};

const CRUMBS: [(&str, &str); 1] = [("账号管理", "/accounts")];
/// Deeds that the page shows.
const SHOWN: i64 = 50;
/// Letters that the page shows.
const LETTERS: i64 = 5;

/// A post with its box.
struct PostBox {
    post: Post,
    is_ticked: bool,
}

/// 检验检疫局岗位, 认监委岗位.
struct PostGroup {
    title: &'static str,
    boxes: Vec<PostBox>,
    /// Its first box is where the summary of mistakes leads.
    is_first: bool,
}

fn groups(kinds: &[bool], ticked: &[&str]) -> Vec<PostGroup> {
    let group = |(n, of_bureau): (usize, &bool)| PostGroup {
        title: if *of_bureau { "检验检疫局岗位" } else { "认监委岗位" },
        boxes: Post::ALL
            .iter()
            .filter(|p| p.is_of_bureau() == *of_bureau)
            .map(|p| PostBox { post: *p, is_ticked: ticked.contains(&p.word()) })
            .collect(),
        is_first: n == 0,
    };
    kinds.iter().enumerate().map(group).collect()
}

#[derive(Template)]
#[template(path = "accounts/new.html")]
struct NewPage {
    shell: Shell,
    form: FormView,
    everywhere: bool,
    units: Vec<Choice>,
    /// The bureau of a 局系统管理员.
    own_unit: String,
    groups: Vec<PostGroup>,
    deliveries: Vec<Choice>,
}

/// 新增账号.
pub async fn new(State(app): State<App>, user: Permitted<ManageAccounts>) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("delivery", Delivery::Show.word());
    page::render(&new_page(&app, &user, data, FieldErrors::default()).await?)
}

async fn new_page(
    app: &App,
    user: &Permitted<ManageAccounts>,
    data: FormData,
    errors: FieldErrors,
) -> Result<NewPage, AppError> {
    let references = app.references.now();
    let mut shell = frame::signed(app, user, "新增账号", Entry::Accounts, &CRUMBS).await?;
    shell.error_title = !errors.is_empty();
    let ticked: Vec<_> = data.all("post").collect();
    let (everywhere, own_unit, groups) = match user.permit.reach() {
        Reach::Everywhere => (true, String::new(), groups(&[true, false], &ticked)),
        Reach::Bureau(own) => (false, list::unit_name(&references, Some(own)).to_owned(), groups(&[true], &ticked)),
    };
    Ok(NewPage {
        shell,
        everywhere,
        units: if everywhere { list::units(&references) } else { Vec::new() },
        own_unit,
        groups,
        deliveries: Delivery::choices(),
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// 姓名, contact and posts as typed; of one kind.
fn details(check: &mut Checker<'_>, form: &FormData, of_bureau: Option<bool>) -> Details {
    let display_name = check.text("display_name", "姓名").one_line().required().length(1..=50).take();
    let contact_phone = check.parse_optional("contact_phone", text::phone).unwrap_or_default();
    let contact_email = check.parse_optional("contact_email", text::email).unwrap_or_default();
    let posts = Posts::new(form.all("post").filter_map(|w| w.parse::<Post>().ok()));
    if posts.is_empty() {
        check.error("post", "请至少选择一个岗位");
    } else if let Some(of_bureau) = of_bureau
        && !posts.are_of(of_bureau)
    {
        let (unit, label) =
            if of_bureau { ("检验检疫局", "检验检疫局岗位") } else { ("认监委", "认监委岗位") };
        check.error("post", format!("{unit}的账号只能选择“{label}”，请取消其他岗位"));
    }
    Details { display_name, contact_phone, contact_email, posts }
}

/// 保存 of 新增账号: the one-time password is shown once, or goes by mail.
pub async fn create(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let mut check = Checker::new(&form);
    let username = check.parse("username", "用户名", text::user_name).unwrap_or_default();
    let bureau = match user.permit.reach() {
        Reach::Bureau(own) => Some(Some(own.clone())),
        Reach::Everywhere => {
            let known = |code: &str| code == CNCA || references.bureau(&BureauCode::new(code)).is_some();
            match check.choice("bureau", "所属", known).as_str() {
                "" => None,
                CNCA => Some(None),
                code => Some(Some(BureauCode::new(code))),
            }
        }
    };
    let to = details(&mut check, &form, bureau.as_ref().map(Option::is_some));
    let delivery = password::delivery(&mut check, &form, &to.contact_email, "contact_email");
    if !username.is_empty() && db::account::username_is_taken(&app.db.read(), &username).await? {
        check.error("username", "该用户名已被使用，请换一个");
    }
    let outcome = check.finish();
    let (Ok(()), Some(bureau), Some(delivery)) = (&outcome, bureau, delivery) else {
        let errors = outcome.err().unwrap_or_default();
        return page::unprocessable(&new_page(&app, &user, form, errors).await?);
    };
    let secret = random::password();
    let one_time = passwords::hash(&secret).await?;
    let unknown = passwords::hash(&random::token()).await?;
    let tx = app.db.begin().await?;
    let (by, now) = (user.by(), app.now());
    let made =
        officer::appoint(&tx, &user.permit, &username, bureau.as_ref(), &to, &unknown, &one_time, &by, now).await;
    let id = match made {
        Ok(id) => id,
        Err(DbError::Duplicate(_)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("username", "该用户名已被使用，请换一个");
            return page::unprocessable(&new_page(&app, &user, form, errors).await?);
        }
        Err(other) => return Err(other.into()),
    };
    if delivery == Delivery::Mail {
        jobs::send_password(&tx, &app, id, &username, &to.contact_email, &secret).await?;
    }
    tx.commit().await?;
    match delivery {
        Delivery::Mail => {
            let done = format!("账号 {username} 已新增，一次性密码将发送到 {}。", to.contact_email);
            Ok(flash::to(&app.key, app.config.is_https(), &format!("/accounts/{id}"), &done))
        }
        Delivery::Show => OneTimePage::show(&app, &user, id, &username, secret, true).await,
    }
}

/// A letter to the user.
struct LetterLine {
    at: String,
    subject: String,
    recipient: String,
    standing: Standing,
}

impl From<Record> for LetterLine {
    fn from(r: Record) -> Self {
        Self { at: r.created_at.china(), standing: Standing::from(&r), subject: r.subject, recipient: r.recipient }
    }
}

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct AccountPage {
    shell: Shell,
    form: FormView,
    id: AccountId,
    username: String,
    unit: String,
    groups: Vec<PostGroup>,
    version: i64,
    is_own: bool,
    administrator: &'static str,
    disabled: bool,
    disabled_reason: String,
    has_second_factor: bool,
    must_change_password: bool,
    last_login: String,
    created: String,
    deliveries: Vec<Choice>,
    letters: Vec<LetterLine>,
    history: Vec<Line>,
}

/// The page of an account.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
) -> Result<Response, AppError> {
    let account = officer::load(&app.db.read(), &user.permit, id).await?;
    page::render(&build(&app, &user, account, None, FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &Permitted<ManageAccounts>,
    a: OfficerAccount,
    typed: Option<FormData>,
    errors: FieldErrors,
) -> Result<AccountPage, AppError> {
    let references = app.references.now();
    let read = app.db.read();
    let deeds = audit::newest(&read, audit::Subject::Account(a.id), SHOWN).await?;
    let letters = letter::of_account(&read, a.id, LETTERS, 0).await?;
    let crumb = a.username.clone();
    let mut shell = frame::signed(app, user, &crumb, Entry::Accounts, &CRUMBS).await?;
    shell.error_title = !errors.is_empty();
    let of_bureau = a.bureau_code.is_some();
    let mut data = typed.unwrap_or_default();
    let is_of_details = data.has("display_name");
    if !is_of_details {
        data.set("display_name", &a.display_name);
        data.set("contact_phone", &a.contact_phone);
        data.set("contact_email", &a.contact_email);
    }
    if !data.has("delivery") {
        data.set("delivery", Delivery::Show.word());
    }
    let held: Vec<_> = a.posts.iter().map(Post::word).collect();
    let ticked: Vec<_> = if is_of_details { data.all("post").collect() } else { held };
    let groups = groups(&[of_bureau], &ticked);
    Ok(AccountPage {
        shell,
        id: a.id,
        unit: list::unit_name(&references, a.bureau_code.as_ref()).to_owned(),
        groups,
        // Of what was typed into an older version the next save must know.
        version: data.get("version").parse().unwrap_or(a.version),
        is_own: a.id == user.permit.account(),
        administrator: administrator_post(of_bureau).label(),
        disabled: a.disabled,
        has_second_factor: a.has_second_factor(),
        must_change_password: a.must_change_password,
        last_login: a.last_login_at.map(Instant::china).unwrap_or_default(),
        created: a.created_at.china(),
        deliveries: Delivery::choices(),
        letters: letters.into_iter().map(LetterLine::from).collect(),
        history: deeds.iter().map(|d| history::line(d, a.id)).collect(),
        disabled_reason: a.disabled_reason,
        username: a.username,
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// The page again, with what is wrong.
pub(super) async fn again(
    app: &App,
    user: &Permitted<ManageAccounts>,
    id: AccountId,
    form: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    let account = officer::load(&app.db.read(), &user.permit, id).await?;
    page::unprocessable(&build(app, user, account, Some(form), errors).await?)
}

pub(super) fn done(app: &App, id: AccountId, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), &format!("/accounts/{id}"), sentence)
}

/// What became of the cases that he had taken, to append to a message.
fn also(released: u64) -> String {
    if released == 0 { String::new() } else { format!("其在办的 {released} 件单据已退回岗位待办。") }
}

/// 保存.
pub async fn update(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let before = officer::load(&app.db.read(), &user.permit, id).await?;
    let mut check = Checker::new(&form);
    let to = details(&mut check, &form, Some(before.bureau_code.is_some()));
    if let Err(errors) = check.finish() {
        return again(&app, &user, id, form, errors).await;
    }
    let seen = form.get("version").parse().unwrap_or_default();
    let tx = app.db.begin().await?;
    match officer::update(&tx, &user.permit, id, seen, &to, &user.by(), app.now()).await {
        Ok(released) => {
            tx.commit().await?;
            Ok(done(&app, id, &format!("已保存。{}", also(released))))
        }
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("post", why);
            again(&app, &user, id, form, errors).await
        }
        Err(DbError::Overtaken(_)) => {
            drop(tx);
            form.remove("version");
            let mut errors = FieldErrors::default();
            errors.add("display_name", CHANGED_MEANWHILE);
            again(&app, &user, id, form, errors).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The reason of 停用 and 启用, or the page again.
fn reason(form: &FormData) -> Result<String, FieldErrors> {
    let mut check = Checker::new(form);
    let reason = check.text("reason", "原因").required().length(2..=200).take();
    check.finish().map(|()| reason)
}

/// 停用.
pub async fn suspend(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    officer::load(&app.db.read(), &user.permit, id).await?;
    let reason = match reason(&form) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    match officer::suspend(&tx, &user.permit, id, &reason, &user.by(), app.now()).await {
        Ok(released) => {
            tx.commit().await?;
            Ok(done(&app, id, &format!("账号已停用，登录已全部退出。{}", also(released))))
        }
        // His own page has no such form: then the refusal is a page.
        Err(DbError::Refused(why)) if id != user.permit.account() => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("reason", why);
            again(&app, &user, id, form, errors).await
        }
        Err(other) => Err(other.into()),
    }
}

/// 启用.
pub async fn reinstate(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    officer::load(&app.db.read(), &user.permit, id).await?;
    let reason = match reason(&form) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    officer::reinstate(&tx, &user.permit, id, &reason, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, id, "账号已启用，可以登录。"))
}
