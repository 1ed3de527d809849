//! The proof of a mailbox (D29): letters that ask for it, what follows from it, and what a change of the mailbox asks for.

use db::Tx;
use db::audit::By;
use db::mailbox::{self as store, How, NewProof, Proof, Proved};
use domain::ids::AccountId;
use domain::text;
use kit::app::{App, MailboxProof};
use kit::error::AppError;
use kit::random;
use kit::session::{EnterpriseUser, hash_of};

use crate::{jobs, passwords};

/// Groups of four characters in the code of a letter.
const GROUPS: usize = 2;

/// Told to somebody who asks for more letters than are sent.
pub const TOO_MANY: &str = "验证邮件发送过于频繁，请一小时后再试，或使用最近一封邮件中的链接、验证码";

/// The outcome of checking a mailbox: what the answer page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A letter is on its way; it counts when it is proved.
    Asked,
    /// It counts at once: this installation does not ask.
    Counts,
    /// Too many letters within an hour: nothing was changed.
    TooMany,
}

/// The user gives this mailbox: a letter goes to it, and it counts when it is proved. Until then a proved one stays in
/// force; one that was never proved is replaced at once.
pub async fn give(tx: &Tx, app: &App, id: AccountId, mailbox: &str, by: &By) -> Result<Given, AppError> {
    let now = app.now();
    let standing = store::standing(tx, id, now).await?;
    let shown = match app.config.mailbox_proof {
        MailboxProof::NotAsked => {
            accept(tx, app, id, mailbox, How::NotAsked, "", by).await?;
            return Ok(Given::Counts);
        }
        MailboxProof::Asked => false,
        MailboxProof::Shown => true,
    };
    let (token, code) = (random::token(), random::code(GROUPS));
    let letter = jobs::letters::mailbox_proof(app, mailbox, &standing.username, &token, &code);
    let new = NewProof {
        mailbox,
        link_hash: &hash_of(&token),
        code_hash: &hash_of_code(app, id, &code),
        shown: if shown { &letter.body } else { "" },
    };
    if !store::ask(tx, id, new, by, now).await? {
        return Ok(Given::TooMany);
    }
    store::replace_unproved(tx, id, mailbox, by, now).await?;
    jobs::mailbox_proof(tx, app, id, letter).await?;
    Ok(Given::Asked)
}

/// The mailbox is proved; a proved one that it replaces is told, with the way back.
pub async fn accept(
    tx: &Tx,
    app: &App,
    id: AccountId,
    mailbox: &str,
    how: How,
    reason: &str,
    by: &By,
) -> Result<Proved, AppError> {
    let undo = random::token();
    let proof = Proof { mailbox, how, reason, undo_hash: &hash_of(&undo) };
    let proved = store::accept(tx, id, proof, by, app.now()).await?;
    if let Some(old) = proved.replaced.as_deref().filter(|old| !old.is_empty()) {
        let username = store::standing(tx, id, app.now()).await?.username;
        jobs::mailbox_replaced(tx, app, id, &username, old, mailbox, &undo).await?;
    }
    Ok(proved)
}

/// A user of an installation that does not ask counts from his log-in on, whatever was asked of him before.
pub async fn waive(tx: &Tx, app: &App, id: AccountId, by: &By) -> Result<(), AppError> {
    if app.config.mailbox_proof != MailboxProof::NotAsked {
        return Ok(());
    }
    let standing = store::standing(tx, id, app.now()).await?;
    if standing.mailbox_proved_at.is_none() {
        accept(tx, app, id, &standing.contact_email, How::NotAsked, "", by).await?;
    }
    Ok(())
}

/// What is kept of the code of a letter.
pub fn hash_of_code(app: &App, id: AccountId, code: &str) -> String {
    let plain: String = text::half_width(code).chars().filter(char::is_ascii_alphanumeric).collect();
    app.key.sign("mailbox-code", &format!("{id}.{}", plain.to_ascii_uppercase()))
}

/// What a proof led to, for the user.
pub fn proved_sentence(proved: &Proved) -> &'static str {
    match (proved.is_administrator, &proved.replaced) {
        (true, _) => "邮箱已验证，您是本单位的单位管理员，现在可以提交申请。",
        (false, Some(_)) => "新邮箱已验证，从现在起使用新邮箱。系统已写信告知原邮箱。",
        (false, None) => "邮箱已验证，现在可以提交申请。",
    }
}

/// Why the password that a change of the mailbox asks for does not do; none when it fits.
pub async fn wrong_password(app: &App, user: &EnterpriseUser, typed: &str) -> Result<Option<&'static str>, AppError> {
    if typed.is_empty() {
        return Ok(Some("修改联系人邮箱时，请填写您的登录密码"));
    }
    let (id, now) = (user.user.account, app.now());
    let subject = format!("change|{id}|{}", user.caller.address);
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        return Ok(Some("密码连续输错次数过多，请 15 分钟后再试"));
    }
    let stored = db::account::password_hash(&app.db.read(), id).await?;
    let fits = passwords::verify(typed, Some(&stored)).await?;
    let tx = app.db.begin().await?;
    if fits {
        db::session::forgive(&tx, &subject).await?;
    } else {
        db::session::note_failure(&tx, &subject, now).await?;
    }
    tx.commit().await?;
    Ok((!fits).then_some("密码不正确，请重新填写"))
}
