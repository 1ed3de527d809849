//! 注册 (manual §1.1): declaration → organisation code → particulars → account.
//!
//! "我同意" travels as a signed hidden field, so that the later pages cannot be reached without it and no row is
//! written for a visitor (E19).

pub mod done;
pub mod invitation;
pub mod organisation;
pub mod particulars;
pub mod terms;

use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::session::Caller;

/// The signed 我同意 of this visitor.
fn consent(app: &App, caller: &Caller) -> String {
    app.key.sign("registration-consent", &caller.csrf)
}

/// Refuses a form that does not carry 我同意 (R-1.1-03).
fn require_consent(app: &App, caller: &Caller, form: &FormData) -> Result<(), AppError> {
    if form.get("consent") == consent(app, caller) {
        Ok(())
    } else {
        Err(AppError::Conflict(
            "请先阅读注册用户声明并点击“我同意”。没有保存任何内容，请从首页点击“注册”重新开始。".to_owned(),
        ))
    }
}
