//! 邮件通知: which letters the user wants, and 邮件记录: what became of those he was sent. The organisation's administrator
//! also sees whether the letters with new passwords of his colleagues went.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::letter::{self, Record};
use domain::actor::Membership;
use domain::ids::{LetterId, OrganisationId};
use domain::letter::LetterChoice;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::paging::{PageQuery, Pager};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::jobs;
use crate::parts::delivery::Standing;

/// How many letters of colleagues are listed.
const COLLEAGUES: i64 = 20;

/// One letter, for people.
struct Row {
    id: LetterId,
    username: String,
    kind: &'static str,
    subject: String,
    recipient: String,
    written: String,
    tone: &'static str,
    icon: &'static str,
    label: &'static str,
    /// When it went, when it is tried again, or why nobody tries any more.
    remark: String,
    can_be_resent: bool,
}

impl From<Record> for Row {
    fn from(r: Record) -> Self {
        let Standing { tone, icon, label, remark } = Standing::from(&r);
        Self {
            id: r.id,
            kind: r.kind.label(),
            written: r.created_at.china(),
            can_be_resent: r.can_be_resent(),
            username: r.username,
            subject: r.subject,
            recipient: r.recipient,
            tone,
            icon,
            label,
            remark,
        }
    }
}

#[derive(Template)]
#[template(path = "profile/letters.html")]
struct LettersPage {
    shell: Shell,
    form: FormView,
    choices: Vec<Choice>,
    mailbox: String,
    letters: Vec<Row>,
    pager: Pager,
    /// What the administrator sees of his colleagues' letters.
    of_colleagues: Vec<Row>,
}

/// The page.
pub async fn list(
    State(app): State<App>,
    user: EnterpriseUser,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let page = build(&app, &user, &query, None).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    query: &PageQuery,
    again: Option<(FormData, FieldErrors)>,
) -> Result<LettersPage, AppError> {
    let read = app.db.read();
    let own = user.user.account;
    let mailbox = letter::mailbox(&read, own).await?;
    let pager = Pager::new(query, letter::count(&read, own).await?, "/profile/letters", &[]);
    let letters = letter::of_account(&read, own, pager.limit(), pager.offset()).await?;
    let of_colleagues = match administered(user) {
        Some(organisation) => letter::passwords_of_colleagues(&read, organisation, own, COLLEAGUES).await?,
        None => Vec::new(),
    };
    let (data, errors) = again.unwrap_or_else(|| {
        let mut data = FormData::default();
        data.set("choice", mailbox.letter_choice.word());
        (data, FieldErrors::default())
    });
    let crumbs = [("修改用户信息", "/profile/particulars")];
    let mut shell = frame::signed(app, user, "邮件通知", Entry::Profile, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let note = |choice: LetterChoice| match choice {
        LetterChoice::Every => "提交成功、受理、审批、发证等每一次变化",
        LetterChoice::Needed => "返回修改、送纸质材料、草稿即将自动删除、证明即将到期",
        LetterChoice::None => "请自行登录系统查看",
    };
    Ok(LettersPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        choices: LetterChoice::ALL.iter().map(|c| Choice::new(c.word(), c.label()).with_note(note(*c))).collect(),
        mailbox: mailbox.contact_email,
        letters: letters.into_iter().map(Row::from).collect(),
        pager,
        of_colleagues: of_colleagues.into_iter().map(Row::from).collect(),
    })
}

/// The organisation that the user administers, if he does.
fn administered(user: &EnterpriseUser) -> Option<OrganisationId> {
    match user.user.membership {
        Membership::Administrator => Some(user.user.organisation),
        Membership::Confirmed | Membership::Pending => None,
    }
}

/// 保存: which letters he wants.
pub async fn choose(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let mut check = Checker::new(&form);
    let word = check.choice("choice", "邮件通知", |word| word.parse::<LetterChoice>().is_ok());
    let (Ok(()), Ok(choice)) = (check.finish(), word.parse::<LetterChoice>()) else {
        let mut errors = FieldErrors::default();
        errors.add("choice", "请选择需要哪些邮件通知");
        let page = build(&app, &user, &PageQuery::default(), Some((form, errors))).await?;
        return page::unprocessable(&page);
    };
    let tx = app.db.begin().await?;
    letter::choose(&tx, user.user.account, choice, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, &format!("已保存邮件通知：{}。", choice.label())))
}

/// 重新发送: a letter that failed goes once more.
pub async fn resend(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<LetterId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    jobs::resend(&tx, id, user.user.account, administered(&user), &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, "已重新发送，请稍后刷新查看结果。"))
}

fn done(app: &App, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), "/profile/letters", sentence)
}
