//! Letters to applicants, written when the status changes, in the same transaction: a letter always says the status
//! that caused it, and none is written twice.

use domain::application::Application;
use domain::workflow::State;
use kit::app::{App, Letter};

/// The letter about a status; none when the applicant has no mailbox.
pub(super) fn status_changed(app: &App, application: &Application, number: &str, to: State) -> Option<Letter> {
    if application.applicant.email.is_empty() {
        return None;
    }
    let link = app.config.absolute(&format!("/applications/{}", application.id));
    let body = format!(
        "{}：\n\n贵单位的免办申请（申请单号 {number}）状态变为“{}”。\n{}\n\n查看申请：{link}\n\n\
         本邮件由系统自动发送，请勿回复。\n国家认监委 CCC 免办电子审批系统\n",
        application.applicant.name,
        to.label(),
        advice(to)
    );
    Some(Letter {
        to: application.applicant.email.clone(), subject: format!("申请单 {number}：{}", to.label()), body
    })
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
