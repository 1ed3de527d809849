//! Letters to applicants.

use db::params;
use domain::ids::ApplicationId;
use domain::workflow::State;
use kit::app::{App, Letter};

use super::{Job, JobError, enqueue};

#[derive(db::Row)]
struct Columns {
    state: State,
    version: i64,
    number: Option<String>,
    applicant_email: String,
    applicant_name: String,
}

/// Writes the letter about the status as it is now and hands it to a job of its own, so that a slow post is retried
/// without writing twice.
pub(super) async fn notify_applicant(app: &App, id: ApplicationId) -> Result<(), JobError> {
    let found: Option<Columns> = app
        .db
        .read()
        .row(
            "SELECT state, version, number, applicant_email, applicant_name FROM application WHERE id = $1",
            params![id],
        )
        .await?;
    // A draft that was deleted meanwhile needs no letter.
    let Some(c) = found else { return Ok(()) };
    if c.applicant_email.is_empty() {
        return Ok(());
    }
    let number = c.number.unwrap_or_default();
    let link = app.config.absolute(&format!("/applications/{id}"));
    let body = format!(
        "{}：\n\n贵单位的免办申请（申请单号 {number}）状态变为“{}”。\n{}\n\n查看申请：{link}\n\n\
         本邮件由系统自动发送，请勿回复。\n国家认监委 CCC 免办电子审批系统\n",
        c.applicant_name,
        c.state.label(),
        advice(c.state)
    );
    let letter = Letter {
        to: c.applicant_email,
        subject: format!("申请单 {number}：{}", c.state.label()),
        body,
    };
    let tx = app.db.begin().await?;
    tracing::info!(application.id = %id, application.version = c.version, "a letter about a status is on its way");
    enqueue(&tx, &Job::SendLetter(letter), app.now())
        .await
        .map_err(|e| JobError::Retry(anyhow::anyhow!("enqueueing a letter: {e:?}")))?;
    tx.commit().await?;
    Ok(())
}

const fn advice(state: State) -> &'static str {
    match state {
        State::Returned => "请登录系统，按审批意见补正后重新提交。",
        State::ComparingPaper => "请登录系统查看纸质材料对比通知，并在期限内送达。",
        State::AcceptanceRefused
        | State::FirstReviewFailed
        | State::FinalReviewFailed
        | State::ComparingFailed
        | State::Terminated => "请登录系统查看原因。",
        State::Issued => "请登录系统查看、下载或打印免办证明。",
        State::Draft
        | State::Accepting
        | State::FirstReview
        | State::FinalReview
        | State::Comparing
        | State::AwaitingIssue
        | State::Withdrawn => "可随时登录系统查看办理过程。",
    }
}
