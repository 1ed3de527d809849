//! Two persons at one case (D34): the slower one is told who was faster, what was done and when, and how things stand now.
//! What he typed comes back with the answer; missing rights are not mentioned.

use db::Source;
use db::audit::{Deed, Subject, newest};
use domain::ids::AccountId;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;

use crate::parts::timeline;

/// The newest rows of the trail in which deeds since the page was opened are looked for, at most.
const LOOKED_AT: i64 = 40;
/// At most this many of them are named.
const NAMED: usize = 3;

/// Whether a deed changed the case for others: saves of a form and notes do not.
fn counts(deed: &Deed) -> bool {
    !matches!(deed.action.as_str(), "edit" | "create" | "add_note" | "strike_note" | "usage_edit" | "usage_create")
}

/// What others did since the page was opened, oldest first, as one sentence; of a page that does not say when it was
/// opened the newest deed. `""` when nothing happened. The form carries the newest row of the trail in `trail`. The caller
/// has loaded the subject in scope.
pub async fn meanwhile(
    source: &impl Source,
    app: &App,
    me: AccountId,
    subject: Subject,
    form: &FormData,
) -> Result<String, AppError> {
    let deeds = newest(source, subject, LOOKED_AT).await?;
    let since = form.get("trail").parse::<i64>().ok();
    let mut after: Vec<_> = deeds.iter().filter(|d| counts(d) && since.is_none_or(|s| d.id > s)).collect();
    if since.is_none() {
        after.truncate(1);
    }
    after.reverse();
    let said: Vec<_> = after.iter().take(NAMED).map(|d| told(app, me, d)).collect();
    if said.is_empty() {
        return Ok(String::new());
    }
    let more = if after.len() > NAMED { "；此后还有其他变化" } else { "" };
    Ok(format!("{}{more}。", said.join("；")))
}

/// `受理岗 · 上海局 · 张某 已于 2026-11-23 09:00 先办理：受理`.
fn told(app: &App, me: AccountId, deed: &Deed) -> String {
    let at = deed.at.china();
    let what = timeline::title(deed);
    if deed.actor_id == Some(me) {
        return format!("您本人已于 {at} 办理：{what}");
    }
    let who = if deed.actor_id.is_none() { "系统".to_owned() } else { timeline::who(app, deed) };
    format!("{who} 已于 {at} 先办理：{what}")
}

/// The answer to a form that came too late: who, what, when; `now` says how things stand, `href` shows them. The error page
/// keeps what was typed.
pub async fn answer(
    source: &impl Source,
    app: &App,
    me: AccountId,
    (subject, form): (Subject, &FormData),
    now: &str,
    href: &str,
) -> AppError {
    match meanwhile(source, app, me, subject, form).await {
        Ok(said) => AppError::Overtaken { sentence: format!("{said}{now}"), newest: href.to_owned() },
        Err(error) => error,
    }
}
