//! One-time passwords for those who forgot theirs (manual §1.4, D18).

use db::audit::By;
use db::one_time_password::{self, LIFE_HOURS};
use domain::letter::LetterKind;
use kit::app::{App, Letter};
use kit::random;

use super::{JobError, post};

/// Sends a one-time password when name and mailbox fit and the account has not asked too often.
pub(super) async fn grant(app: &App, username: &str, email: &str, address: &str) -> Result<(), JobError> {
    let Some(account) = one_time_password::account_of(&app.db.read(), username, email).await? else { return Ok(()) };
    let password = random::password();
    let hash = crate::passwords::hash(&password).await?;
    let now = app.now();
    let by = By { name: "忘记密码".to_owned(), address: address.to_owned(), ..By::system() };
    let letter = Letter {
        reference: String::new(),
        to: email.to_owned(),
        subject: "CCC 免办电子审批系统：您的新密码".to_owned(),
        body: format!(
            "您好：\n\n用户 {username} 申请取回密码。新密码为：\n\n    {password}\n\n请在 {LIFE_HOURS} 小时内用新密码登录：{}\n\
             首次用它登录后须修改密码；在此之前原密码仍可使用。如果不是您本人申请，请忽略本邮件，原密码不受影响。\n\n\
             本邮件由系统自动发送，请勿回复。\n国家认监委 CCC 免办电子审批系统\n",
            app.config.absolute("/login")
        ),
    };
    let tx = app.db.begin().await?;
    if one_time_password::grant(&tx, account, &hash, &by, now).await? {
        post(&tx, account, LetterKind::Password, letter, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The letter of an administrator who made an account or reset its password.
pub(super) fn given(app: &App, username: &str, email: &str, password: &str) -> Letter {
    Letter {
        reference: String::new(),
        to: email.to_owned(),
        subject: "CCC 免办电子审批系统：您的一次性密码".to_owned(),
        body: format!(
            "您好：\n\n系统管理员为用户 {username} 设置了一次性密码：\n\n    {password}\n\n请在 {LIFE_HOURS} 小时内登录：{}\n\
             首次登录后须修改密码。如有疑问，请联系本单位的系统管理员。\n\n\
             本邮件由系统自动发送，请勿回复。\n国家认监委 CCC 免办电子审批系统\n",
            app.config.absolute("/login")
        ),
    }
}
