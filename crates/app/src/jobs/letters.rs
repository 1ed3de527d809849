//! Letters to users, written in the transaction of what they tell: a letter always says the status that caused it, and
//! none is written twice.

use db::application::Remarks;
use db::audit::By;
use db::certificate::{Certificate, Ending};
use db::usage::Record;
use domain::actor::Post;
use domain::application::{Application, Part};
use domain::certificate::CertificateState;
use domain::expiry;
use domain::ids::{BureauCode, CertificateId};
use domain::time::{Day, Instant};
use domain::usage::UsageState;
use domain::workflow::{Action, State, Transition};
use kit::app::{App, Letter};
use kit::error::AppError;

use crate::jobs::{Decided, OrganisationNews};
use crate::parts::bureau_contact;
use crate::parts::sheet::Sheet;
use crate::parts::status::time_left;

/// The last words.
const END: &str = "本邮件由系统自动发送，请勿回复。";

/// The letter about a status: number, what happened, opinion, what to do, and where.
pub(super) fn status_changed(
    app: &App,
    to: &str,
    application: &Application,
    number: &str,
    step: Transition,
    state: State,
    remarks: &Remarks<'_>,
) -> Letter {
    let mut lines = vec![
        format!("{}：", application.applicant.name),
        String::new(),
        format!("申请单号：{number}"),
        format!("办理情况：{}", what_happened(step)),
        format!("申请单状态：{}", state.label()),
    ];
    if !remarks.opinion.is_empty() {
        let word = if step.action() == Action::Terminate { "终止原因" } else { "审批意见" };
        lines.push(format!("{word}：{}", remarks.opinion));
    }
    if !remarks.parts.is_empty() {
        let parts: Vec<_> = remarks.parts.iter().copied().map(Part::label).collect();
        lines.push(format!("需修改的部分：{}", parts.join("、")));
    }
    lines.extend(paper_notice(remarks.detail));
    if let Some(bureau) = &application.ownership.entered_by_bureau {
        lines.push(format!("代录单位：{}", app.references.now().bureau_name(bureau)));
    }
    let own = &application.ownership;
    if let Some(bureau) = own.current_bureau.as_ref().or(own.receiving_bureau.as_ref()) {
        let contact = bureau_contact::sentence(&app.references.now(), bureau);
        lines.extend((!contact.is_empty()).then(|| format!("联系方式：{contact}")));
    }
    let next = next_step(state, application.ownership.entered_by_bureau.is_some());
    lines.extend([String::new(), format!("下一步：{next}"), String::new()]);
    lines.push(format!("查看申请：{}", app.config.absolute(&format!("/applications/{}", application.id))));
    letter(app, to, format!("申请单 {number}：{}", state.label()), lines)
}

/// What became of a certificate; with the words of the bureau where there are any.
#[derive(Debug, Clone, Copy)]
pub enum CertificateNews<'a> {
    /// 修改证明 is open to the enterprise.
    AmendmentOpened(&'a str),
    /// The request was refused.
    AmendmentRefused(&'a str),
    /// Submitted by the enterprise.
    AmendmentSubmitted,
    /// 不通过.
    AmendmentSentBack(&'a str),
    /// 通过: this version is in force.
    AmendmentConfirmed(i64, &'a str),
    /// The bureau took the amendment back.
    AmendmentWithdrawn(&'a str),
    /// 撤销, with the reason.
    Revoked(&'a str),
    /// 注销.
    Surrendered(&'a str),
    /// The surrender was refused.
    SurrenderRefused(&'a str),
}

impl CertificateNews<'_> {
    /// Whether the holder has to act, or cannot use the certificate any more.
    pub const fn is_urgent(&self) -> bool {
        match self {
            Self::AmendmentOpened(_) | Self::AmendmentSentBack(_) | Self::Revoked(_) => true,
            Self::AmendmentRefused(_)
            | Self::AmendmentSubmitted
            | Self::AmendmentConfirmed(..)
            | Self::AmendmentWithdrawn(_)
            | Self::Surrendered(_)
            | Self::SurrenderRefused(_) => false,
        }
    }

    /// The subject, the words of the bureau, what to do, and the page below that of the certificate.
    const fn parts(&self) -> (&'static str, &str, &'static str, &'static str) {
        match self {
            Self::AmendmentOpened(note) => (
                "可以修改证明",
                note,
                "请登录系统，在申请列表点击“修改证明”，修改后提交。办结前不能预核销和核销。",
                "/amendment",
            ),
            Self::AmendmentRefused(why) => {
                ("修改证明的申请未获同意", why, "证明未变。请查看原因；如有疑问，请致电发证的检验检疫局。", "")
            }
            Self::AmendmentSubmitted => (
                "已提交证明修改",
                "",
                "等待检验检疫局确认，不需要您办理。确认前原证明继续有效，但不能预核销和核销。",
                "/amendment/submitted",
            ),
            Self::AmendmentSentBack(why) => (
                "证明修改被退回",
                why,
                "请登录系统，在申请列表点击“重新修改证明”，按意见修改后再次提交。",
                "/amendment",
            ),
            Self::AmendmentConfirmed(_, opinion) => {
                ("证明修改已确认，新证明已生效", opinion, "请登录系统下载新证明。原证明已被替代，请勿再使用。", "")
            }
            Self::AmendmentWithdrawn(why) => {
                ("证明修改已由检验检疫局收回", why, "证明未变，继续有效。如仍需修改，请再次联系检验检疫局。", "")
            }
            Self::Revoked(why) => (
                "证明已被撤销",
                why,
                "该证明不能再用于进口和核销。已进口的产品，请继续填写使用、退运或销毁记录。",
                "/revocation",
            ),
            Self::Surrendered(opinion) => {
                ("证明已注销", opinion, "该证明不能再使用。需要继续进口的，请填写新申请。", "")
            }
            Self::SurrenderRefused(why) => {
                ("注销证明的申请未获同意", why, "证明未变。请登录系统查看原因。", "/surrender")
            }
        }
    }
}

/// The letter about a certificate: number, what happened, the words of the bureau, what to do, and where.
pub(super) fn certificate_changed(
    app: &App,
    to: &str,
    certificate: &Certificate,
    news: &CertificateNews<'_>,
) -> Result<Letter, AppError> {
    let sheet: Sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
    let (what, words, next, page) = news.parts();
    let mut lines = vec![
        format!("{}：", sheet.holder),
        String::new(),
        format!("证明号：{}", certificate.number),
        format!("申请单号：{}", sheet.application_number),
        format!("办理情况：{what}"),
    ];
    if let CertificateNews::AmendmentConfirmed(version, _) = news {
        lines.push(format!("证明版本：第 {version} 版"));
    }
    if !words.is_empty() {
        let label = if matches!(news, CertificateNews::Revoked(_)) { "撤销原因" } else { "意见" };
        lines.push(format!("{label}：{words}"));
    }
    let link = app.config.absolute(&format!("/certificates/{}{page}", certificate.id));
    lines.extend([String::new(), format!("下一步：{next}"), String::new(), format!("查看证明：{link}")]);
    Ok(letter(app, to, format!("免办证明 {}：{what}", certificate.number), lines))
}

/// The letter about a draft that is going to be deleted (D8).
pub(super) fn draft_ends(app: &App, to: &str, draft: &Application, now: Instant) -> Letter {
    let left = time_left(draft.expires_at, now);
    let link = app.config.absolute(&format!("/applications/{}/basics", draft.id));
    let lines = vec![
        format!("{}：", draft.applicant.name),
        String::new(),
        format!("您于 {} 开始填写的申请（草稿 {}）还没有提交。", draft.first_saved_at.china(), draft.id),
        format!(
            "未提交的申请自初次填写起保留 10 天，系统将于 {} 自动删除，连同产品和附件（{left}）。",
            draft.expires_at.china()
        ),
        String::new(),
        "下一步：请在此之前登录系统，填写完整后点击“提交申请”；不再需要的，可以不处理。".to_owned(),
        String::new(),
        format!("继续填写：{link}"),
    ];
    letter(app, to, format!("草稿 {} 将自动删除，{left}", draft.id), lines)
}

/// The letter about a recovery code that was used to log in.
pub(super) fn recovery_code_used(app: &App, to: &str, by: &By, left: i64) -> Letter {
    let rest = match left {
        0 => "恢复码已全部用完，请尽快重新生成。".to_owned(),
        _ => format!("还有 {left} 个恢复码没有用过。"),
    };
    let page = app.config.absolute("/profile/second-factor");
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("用户 {} 于 {} 用恢复码通过两步验证并登录{}。{rest}", by.name, app.now().china(), from(by)),
        String::new(),
        format!("如果是您本人登录：手机丢失或更换的，请停用两步验证后重新设置；需要新的恢复码时，可以重新生成：{page}"),
        format!("如果不是您本人登录：请立即修改密码并重新生成恢复码：{}", app.config.absolute("/profile/password")),
        String::new(),
    ];
    signed(to, "CCC 免办电子审批系统：恢复码已用于登录".to_owned(), lines)
}

/// The letter about a second factor that the organisation's administrator switched off.
pub(super) fn second_factor_reset(app: &App, to: &str, username: &str, by: &By) -> Letter {
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("本单位的单位管理员 {} 于 {} 重置了用户 {username} 的两步验证。", by.name, app.now().china()),
        "两步验证已停用，原来的恢复码全部作废，您的登录已全部退出；密码没有变化，下次登录只需输入密码。".to_owned(),
        String::new(),
        format!("下一步：登录后重新设置两步验证：{}", app.config.absolute("/profile/second-factor")),
        "如果您没有请单位管理员重置，请立即修改密码，并与单位管理员核实。".to_owned(),
        String::new(),
    ];
    signed(to, "CCC 免办电子审批系统：两步验证已重置".to_owned(), lines)
}

/// The letter that proves a mailbox, by its link or its code (D29).
pub fn mailbox_proof(app: &App, to: &str, username: &str, token: &str, code: &str) -> Letter {
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("用户 {username} 在 CCC 免办电子审批系统中登记了本邮箱。请打开下面的链接，确认这是您的邮箱："),
        String::new(),
        format!("    {}", app.config.absolute(&format!("/mailbox/proof/{token}"))),
        String::new(),
        format!("或登录系统，在“邮箱验证”页面输入验证码：{code}"),
        String::new(),
        format!(
            "链接和验证码在 {} 小时内有效，只能使用一次。验证前可以填写申请，但不能提交。",
            db::mailbox::LIFE_HOURS
        ),
        "如果不是您本人登记，请忽略本邮件，不要打开链接，也不要把验证码告诉他人。".to_owned(),
        String::new(),
    ];
    signed(to, "CCC 免办电子审批系统：请验证您的邮箱".to_owned(), lines)
}

/// The letter to a mailbox that was replaced, with the way back.
pub(super) fn mailbox_replaced(app: &App, to: &str, username: &str, new: &str, undo_token: &str) -> Letter {
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("用户 {username} 的联系人邮箱已于 {} 由本邮箱改为 {new}。", app.now().china()),
        "如果是您本人修改，不需要处理。".to_owned(),
        String::new(),
        format!("如果不是您修改，请在 {} 小时内打开下面的链接，恢复为本邮箱：", db::mailbox::UNDO_HOURS),
        String::new(),
        format!("    {}", app.config.absolute(&format!("/mailbox/undoing/{undo_token}"))),
        String::new(),
        "恢复后，该用户的登录全部退出，期间申请的新密码作废。请随后通过“忘记密码”设置新的密码。".to_owned(),
        String::new(),
    ];
    signed(to, "CCC 免办电子审批系统：您的联系人邮箱已修改".to_owned(), lines)
}

/// The letter to a mailbox that was taken back.
pub(super) fn mailbox_restored(app: &App, to: &str, username: &str) -> Letter {
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("用户 {username} 的联系人邮箱已于 {} 由原邮箱持有人恢复，本邮箱不再使用。", app.now().china()),
        "该用户的登录已全部退出。如果您认为有误，请与本单位的单位管理员或所在地检验检疫局联系。".to_owned(),
        String::new(),
    ];
    signed(to, "CCC 免办电子审批系统：联系人邮箱已恢复".to_owned(), lines)
}

/// A letter about a hand-over lists at most this many application numbers.
const LISTED: usize = 20;

fn listed(numbers: &[String], total: usize) -> Vec<String> {
    let mut lines: Vec<String> = numbers.iter().take(LISTED).map(|n| format!("    {n}")).collect();
    if total > lines.len() {
        lines.push(format!("    ……共 {total} 件"));
    }
    lines
}

/// The letter to the colleague who has the applications now (D31).
pub(super) fn received(app: &App, to: &str, (from, by): (&str, &str), numbers: &[String], total: usize) -> Letter {
    let mut lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("{by} 于 {} 把用户 {from} 的 {total} 件申请移交给您：", app.now().china()),
        String::new(),
    ];
    lines.extend(listed(numbers, total));
    lines.extend([
        String::new(),
        "从现在起由您办理这些申请和证明：补正、预核销、修改证明、填写产品使用记录、注销；有关的邮件也发送给您。"
            .to_owned(),
        format!("查看申请列表：{}", app.config.absolute("/applications")),
        String::new(),
    ]);
    signed(to, format!("CCC 免办电子审批系统：{total} 件申请已移交给您"), lines)
}

/// The letter to the colleague who had them.
pub(super) fn given_away(app: &App, to: &str, (taker, by): (&str, &str), numbers: &[String], total: usize) -> Letter {
    let mut lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("{by} 于 {} 把您的 {total} 件申请移交给用户 {taker}：", app.now().china()),
        String::new(),
    ];
    lines.extend(listed(numbers, total));
    lines.extend([
        String::new(),
        "从现在起由接收人办理，您不能再办理这些申请和证明。如有疑问，请联系本单位的单位管理员。".to_owned(),
        String::new(),
    ]);
    signed(to, format!("CCC 免办电子审批系统：您的 {total} 件申请已移交"), lines)
}

/// The letter to a member of an organisation about which something was done (D30).
pub(super) fn organisation_news(app: &App, to: &str, username: &str, news: &OrganisationNews<'_>) -> Letter {
    let mut lines = vec![
        format!("{username}，您好："),
        String::new(),
        format!("单位：{}", news.name),
        format!("办理情况：{}", news.what),
        format!("办理人：{}，{}", news.by, app.now().china()),
    ];
    if !news.reason.is_empty() {
        lines.push(format!("原因：{}", news.reason));
    }
    lines.extend([
        String::new(),
        format!("下一步：{}", news.next),
        format!("查看单位用户：{}", app.config.absolute("/profile/colleagues")),
        String::new(),
    ]);
    signed(to, format!("CCC 免办电子审批系统：{}", news.what), lines)
}

/// Who is invited, by whom, and where the link leads.
#[derive(Debug, Clone, Copy)]
pub struct Invited<'a> {
    /// 申请单位.
    pub organisation: &'a str,
    /// 用户名 of the administrator.
    pub by: &'a str,
    /// 经办 or 查阅.
    pub role: &'a str,
    /// The token of the link.
    pub token: &'a str,
}

/// The letter that invites a colleague.
pub(super) fn invitation(app: &App, to: &str, invited: Invited<'_>) -> Letter {
    let Invited { organisation, by, role, token } = invited;
    let lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("{organisation}的单位管理员 {by} 邀请您注册 CCC 免办电子审批系统，身份为“{role}”。"),
        format!(
            "请在 {} 天内打开下面的链接注册，注册后即为本单位已确认的用户：",
            db::organisation::INVITATION_HOURS / 24
        ),
        String::new(),
        format!("    {}", app.config.absolute(&format!("/registration/invitation/{token}"))),
        String::new(),
        "链接只能使用一次，请勿转发。如果您不属于该单位，请忽略本邮件。".to_owned(),
        String::new(),
    ];
    signed(to, format!("CCC 免办电子审批系统：{organisation}邀请您注册"), lines)
}

/// From which network address, when it is known.
fn from(by: &By) -> String {
    if by.address.is_empty() { String::new() } else { format!("，网络地址 {}", by.address) }
}

/// The letter about a certificate whose validity is going to end, with what can be done (D17, D19).
pub(super) fn certificate_ends(app: &App, to: &str, ending: &Ending, today: Day) -> Letter {
    let references = app.references.now();
    let left = expiry::left_in_words(ending.valid_to, today);
    let bureau = references.bureau_name(&ending.bureau_code);
    let page = app.config.absolute(&format!("/certificates/{}", ending.id));
    let mut lines = vec![
        format!("{}：", ending.applicant_name),
        String::new(),
        format!("证明号：{}", ending.number),
        format!("申请单号：{}", ending.application_number.as_deref().unwrap_or_default()),
        format!("证明有效期截止：{}（{left}）", ending.valid_to),
        String::new(),
        "有效期过后不能再提交预核销；截止前已提交的预核销仍可确认。".to_owned(),
        String::new(),
    ];
    let copy = app.config.absolute(&format!("/applications/{}/copy", ending.application_id));
    if ending.state == CertificateState::Amending {
        lines.push(
            "下一步：本证明正在办理修改。请在有效期截止前完成修改并提交；确认后以新证明的有效期为准。".to_owned(),
        );
    } else if ending.is_touched {
        lines.push("下一步：本证明已有核销或待确认的预核销，不能再修改或延期。".to_owned());
        lines.push("请在有效期内对已进口的产品提交预核销；其余产品还需要进口的，请复制为新申请重新办理。".to_owned());
        if !ending.is_proxy {
            lines.push(format!("复制为新申请：{copy}"));
        }
    } else {
        lines.push(format!(
            "下一步：本证明尚未核销，需要延长有效期的，请在截止前打电话给发证机关（{bureau}），或登录系统在线申请修改证明；不再需要的，可以不处理。"
        ));
    }
    lines.extend([String::new(), format!("查看证明：{page}")]);
    letter(app, to, format!("免办证明 {} 即将到期，{left}", ending.number), lines)
}

/// The letter about products of a 预核销.
#[expect(clippy::too_many_arguments, reason = "the letter says all of it")]
pub(super) fn pre_write_off_decided(
    app: &App,
    to: &str,
    application: &Application,
    certificate: CertificateId,
    number: &str,
    decided: Decided,
    products: usize,
    opinion: &str,
) -> Letter {
    let (what, next) = match decided {
        Decided::Confirmed => ("已确认核销", "不需要您办理。可以登录系统查看核销信息。"),
        Decided::Refused => ("被退回", "数量已恢复为可预核销。请登录系统查看原因，需要时重新提交预核销。"),
        Decided::Lapsed => ("已失效", "数量已恢复为可预核销。需要时请登录系统重新提交预核销。"),
    };
    let mut lines = vec![
        format!("{}：", application.applicant.name),
        String::new(),
        format!("证明号：{number}"),
        format!("办理情况：{products} 个产品的预核销{what}"),
    ];
    if !opinion.is_empty() {
        lines.push(format!("说明：{opinion}"));
    }
    lines.extend([String::new(), format!("下一步：{next}"), String::new()]);
    let records = app.config.absolute(&format!("/certificates/{certificate}/pre-write-offs"));
    lines.push(format!("查看预核销记录：{records}"));
    letter(app, to, format!("证明 {number}：预核销{what}"), lines)
}

/// The letter about what an officer wrote off directly.
pub(super) fn written_off(
    app: &App,
    to: &str,
    application: &Application,
    certificate: CertificateId,
    number: &str,
    bureau: &BureauCode,
    products: usize,
) -> Letter {
    let references = app.references.now();
    let lines = vec![
        format!("{}：", application.applicant.name),
        String::new(),
        format!("证明号：{number}"),
        format!("办理情况：{}直接核销了 {products} 个产品", references.bureau_name(bureau)),
        String::new(),
        "下一步：不需要您办理。可以登录系统查看核销信息；数量不符的，请联系办理的检验检疫局。".to_owned(),
        String::new(),
        format!("查看核销信息：{}", app.config.absolute(&format!("/certificates/{certificate}/write-offs"))),
    ];
    letter(app, to, format!("证明 {number}：产品已核销"), lines)
}

/// The letter about a 产品使用记录 that 后续监管 judged: which one, how, why, and what to do.
pub(super) fn usage_judged(
    app: &App,
    to: &str,
    record: &Record,
    certificate_no: &str,
    state: UsageState,
    opinion: &str,
) -> Letter {
    let name = record.kind.record();
    let mut lines = vec![
        "您好：".to_owned(),
        String::new(),
        format!("证明号：{certificate_no}"),
        format!("产品使用记录：{name} {}", record.id),
        format!("审核结果：{}", state.label()),
    ];
    if !opinion.is_empty() {
        lines.push(format!("审核意见：{opinion}"));
    }
    let next = if state == UsageState::Rejected {
        "请登录系统，按审核意见修改后再次提交；该记录占用的数量已退还。"
    } else {
        "该记录已办结，不需要您办理。"
    };
    lines.extend([String::new(), format!("下一步：{next}"), String::new()]);
    lines.push(format!("查看记录：{}", app.config.absolute(&format!("/usage-records/{}", record.id))));
    letter(app, to, format!("证明 {certificate_no} 的{name}：{}", state.label()), lines)
}

fn letter(app: &App, to: &str, subject: String, mut lines: Vec<String>) -> Letter {
    lines.push(format!("修改邮件通知：{}", app.config.absolute("/profile/letters")));
    lines.push(String::new());
    signed(to, subject, lines)
}

fn signed(to: &str, subject: String, mut lines: Vec<String>) -> Letter {
    lines.extend([END.to_owned(), "国家认监委 CCC 免办电子审批系统".to_owned(), String::new()]);
    Letter { to: to.to_owned(), subject, body: lines.join("\n"), reference: String::new() }
}

fn what_happened(step: Transition) -> String {
    let post = step.from().post().map_or("", Post::label);
    match step.action() {
        Action::Submit => "提交成功，已送到受理岗".to_owned(),
        Action::Resubmit { to } => format!("补正后重新提交成功，已送回{}岗", to.label()),
        Action::Withdraw => "您已撤回该申请".to_owned(),
        Action::Accept => "已受理，送初审岗".to_owned(),
        Action::Refuse => "拒绝受理".to_owned(),
        Action::Return => format!("{post}岗送补正"),
        Action::Pass { .. } => format!("{post}通过"),
        Action::Fail => format!("{post}未通过"),
        Action::RequestPaper => "需要送交纸质材料，进行文件对比".to_owned(),
        Action::PaperArrived => "已收到纸质材料".to_owned(),
        Action::Issue => "已发放免办证明".to_owned(),
        Action::SendBack { to } => format!("{post}岗退回{}岗重新办理", to.label()),
        Action::Terminate => "审批流程已被检验检疫局强制终止".to_owned(),
        action @ (Action::Edit | Action::Delete) => action.label().to_owned(),
    }
}

/// The paper notice, line by line.
fn paper_notice(detail: &str) -> Vec<String> {
    let Ok(serde_json::Value::Object(notice)) = serde_json::from_str(detail) else { return Vec::new() };
    [("papers", "材料清单"), ("address", "送达地址"), ("contact", "联系人及电话"), ("deadline", "送达期限")]
        .into_iter()
        .filter_map(|(key, label)| Some((label, notice.get(key)?.as_str()?)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| format!("{label}：{value}"))
        .collect()
}

/// What the user does next; what the bureau entered (补录), it also corrects.
const fn next_step(state: State, is_entered: bool) -> &'static str {
    match state {
        State::Accepting if is_entered => "等待受理，不需要您办理。该申请由检验检疫局代录，您可以登录系统查看。",
        State::Returned if is_entered => "由代录的检验检疫局补正后重新提交，不需要您办理；您可以登录系统查看。",
        State::Accepting => "等待受理，不需要您办理。受理人员办理之前，您可以登录系统撤回。",
        State::Returned => "请登录系统，按审批意见补正后重新提交。",
        State::FirstReview => "等待初审，不需要您办理。",
        State::FinalReview => "等待终审，不需要您办理。",
        State::Comparing => "正在对比文件，不需要您办理。",
        State::ComparingPaper => "请在送达期限内送交纸质材料，并可登录系统查看纸质材料对比通知。",
        State::AwaitingIssue => "审批已通过，等待发证，不需要您办理。",
        State::Issued => "请登录系统查看、下载或打印免办证明，并在有效期内使用。",
        State::AcceptanceRefused | State::FirstReviewFailed | State::FinalReviewFailed | State::ComparingFailed => {
            "审批已结束。请登录系统查看原因；如需再次办理，请填写新申请。"
        }
        State::Terminated => "审批已结束。请登录系统查看办理的检验检疫局、操作人和时间。",
        State::Withdrawn => "审批已结束。申请单号保留，可随时登录系统查看。",
        State::Draft => "请登录系统填写完整后提交。",
    }
}
