//! What happened to an application, from its audit trail: who, at which post, when, with which opinion (R-B-13).

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::audit::{Deed, Subject, course};
use domain::actor::Post;
use domain::application::Part;
use domain::correction::NamedField;
use domain::ids::{ApplicationId, BureauCode, CertificateId};
use domain::review::Finding;
use domain::workflow::State;
use domain::{amendment, ending};
use kit::app::App;
use kit::error::AppError;

use crate::parts::correction;

/// One line.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its colour.
    pub tone: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// What happened.
    pub title: String,
    /// Who, where.
    pub who: String,
    /// When.
    pub at: String,
    /// For `datetime`.
    pub rfc3339: String,
    /// The opinion.
    pub opinion: String,
    /// 送补正: the parts; 送纸质材料: address, list, deadline.
    pub facts: Vec<(String, String)>,
    /// 审核要点 with what was found; for officers alone.
    pub checklist: Option<CheckedPoints>,
}

/// What an officer found of the points that he looked at.
#[derive(Debug, Clone)]
pub struct CheckedPoints {
    /// `符合 4，不符合 1，未核对 1`.
    pub sum: String,
    /// Each point with the word for what was found.
    pub points: Vec<(String, &'static str)>,
}

/// The line of events, newest first.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/timeline.html")]
pub struct Timeline {
    events: Vec<Event>,
    /// The newest row of the trail: what came after it is new to this page.
    trail: i64,
}

impl HtmlSafe for Timeline {}

impl Timeline {
    /// The newest row of the trail when the page was drawn; 0 when there is none.
    pub const fn trail(&self) -> i64 {
        self.trail
    }

    /// The newest event that matches.
    pub fn newest(&self, mut wanted: impl FnMut(&Event) -> bool) -> Option<&Event> {
        self.events.iter().find(|e| wanted(e))
    }
}

/// Loads the line of events; `for_officer` adds who took and released the case.
pub async fn load(source: &impl Source, app: &App, id: ApplicationId, for_officer: bool) -> Result<Timeline, AppError> {
    let deeds = course(source, Subject::Application(id)).await?;
    let mut events: Vec<_> = deeds
        .iter()
        .filter(|d| match d.action.as_str() {
            "take" | "take_over" | "release" | "reassign" | "compare_papers" | "add_scan" | "delete_scan" => {
                for_officer
            }
            _ => true,
        })
        .map(|d| event(app, d, for_officer))
        .collect();
    events.reverse();
    Ok(Timeline { events, trail: deeds.last().map_or(0, |d| d.id) })
}

/// What happened to a certificate. Its holder does not see what was weighed inside the bureau: a revocation that was
/// proposed and not carried out.
pub async fn of_certificate(
    source: &impl Source,
    app: &App,
    id: CertificateId,
    for_officer: bool,
) -> Result<Timeline, AppError> {
    let deeds = course(source, Subject::Certificate(id)).await?;
    let mut events: Vec<_> = deeds
        .iter()
        .filter(|d| match d.action.as_str() {
            "propose_revocation" | "reject_revocation" | "withdraw_revocation" | "take" | "take_over" | "release" => {
                for_officer
            }
            _ => true,
        })
        .map(|d| event(app, d, for_officer))
        .collect();
    events.reverse();
    Ok(Timeline { events, trail: deeds.last().map_or(0, |d| d.id) })
}

fn event(app: &App, d: &Deed, for_officer: bool) -> Event {
    let (tone, icon) = match (d.action.as_str(), d.to_state) {
        ("create" | "take" | "take_over" | "release" | "reassign" | "transfer" | "hand_over_application", _) => {
            ("t-gray", "pencil")
        }
        (_, Some(State::Returned)) | ("send_back_to_final_review" | "send_back_to_compare", _) => {
            ("t-amber", "arrow-back-up")
        }
        (_, Some(State::ComparingPaper)) => ("t-orange", "mail-forward"),
        (_, Some(State::Issued)) => ("t-green", "certificate"),
        (_, Some(State::Terminated)) => ("t-slate", "hand-stop"),
        (_, Some(s)) if s.is_negative() => ("t-red", "circle-x"),
        ("submit" | "resubmit" | "submit_amendment" | "request_amendment" | "request_surrender", _) => {
            ("t-blue", "send")
        }
        ("issue" | "confirm_amendment", _) => ("t-green", "certificate"),
        ("open_amendment", _) => ("t-amber", "file-pencil"),
        ("send_back_amendment", _) => ("t-amber", "arrow-back-up"),
        ("refuse_amendment" | "refuse_surrender" | "reject_revocation", _) => ("t-red", "circle-x"),
        ("cancel_amendment" | "withdraw_surrender" | "withdraw_revocation", _) => ("t-gray", "arrow-back-up"),
        ("revoke" | "propose_revocation", _) => ("t-red", "ban"),
        ("surrender", _) => ("t-slate", "archive"),
        _ => ("t-blue", "check"),
    };
    Event {
        tone,
        icon,
        title: title(d),
        who: who(app, d),
        at: d.at.china(),
        rfc3339: d.at.rfc3339(),
        opinion: d.opinion.clone(),
        facts: facts(app, d),
        checklist: if for_officer { checklist(d) } else { None },
    }
}

/// Post, bureau and name of whoever did it.
pub fn who(app: &App, d: &Deed) -> String {
    let bureau = d.bureau_code.as_ref().map(|b| {
        let references = app.references.now();
        references.bureau(b).map_or_else(|| b.to_string(), |b| b.short_name.clone())
    });
    let who: Vec<_> = [d.post.map(|p| format!("{}岗", p.label())), bureau, Some(d.actor_name.clone())]
        .into_iter()
        .flatten()
        .collect();
    who.join(" · ")
}

/// What was done, in words.
pub fn title(d: &Deed) -> String {
    let post = d.post.map_or("", Post::label);
    match d.action.as_str() {
        "create" => "首次保存".to_owned(),
        "submit" => "提交申请".to_owned(),
        "resubmit" => "补正后重新提交".to_owned(),
        "withdraw" => "企业撤回".to_owned(),
        "accept" => "受理".to_owned(),
        "refuse" => "拒绝受理".to_owned(),
        "return" => "送补正（返回修改）".to_owned(),
        "pass" => format!("{post}通过"),
        "fail" => format!("{post}未通过"),
        "request_paper" => "要求送纸质材料".to_owned(),
        "paper_arrived" => "纸质材料已收到".to_owned(),
        "compare_papers" => "填写文件对比结果".to_owned(),
        "add_scan" => "上传纸质原件扫描件".to_owned(),
        "delete_scan" => "删除纸质原件扫描件".to_owned(),
        "issue" => "发证".to_owned(),
        "send_back_to_final_review" => format!("{post}岗退回终审"),
        "send_back_to_compare" => format!("{post}岗退回文件对比"),
        "terminate" => "强制终止流程".to_owned(),
        "take" => "开始办理".to_owned(),
        "take_over" => "接手办理".to_owned(),
        "release" => "放弃办理".to_owned(),
        "reassign" => "改派".to_owned(),
        "hand_over_application" => {
            let detail: serde_json::Value = serde_json::from_str(&d.detail).unwrap_or_default();
            let name = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
            format!("移交经办人：由 {} 移交给 {}", name("from"), name("to"))
        }
        "transfer" => "移交其他局".to_owned(),
        "open_amendment" => "同意修改证明，返回企业修改".to_owned(),
        "refuse_amendment" => "不同意修改证明".to_owned(),
        "declare" => "提交预核销".to_owned(),
        "confirm" => "确认预核销".to_owned(),
        "refuse_pre_write_off" => "退回预核销".to_owned(),
        "withdraw_pre_write_off" => "撤回预核销".to_owned(),
        "lapse" => "预核销失效".to_owned(),
        "write_off" => "核销".to_owned(),
        "reverse" => "冲销".to_owned(),
        "usage_create" => "填写产品使用记录".to_owned(),
        "usage_edit" => "修改产品使用记录".to_owned(),
        "usage_delete" => "删除产品使用记录".to_owned(),
        "usage_submit" => "提交产品使用记录".to_owned(),
        "usage_approve" => "产品使用记录审核通过".to_owned(),
        "usage_reject" => "产品使用记录审核未通过".to_owned(),
        "supervision_visit" => "登记现场核查".to_owned(),
        "close_tail" => "结清尾差".to_owned(),
        "close_supervision" => "监管完结".to_owned(),
        other => amendment::Action::ALL
            .iter()
            .map(|a| (a.word(), a.label()))
            .chain(ending::Action::ALL.iter().map(|a| (a.word(), a.label())))
            .find(|(word, _)| *word == other)
            .map_or_else(|| other.to_owned(), |(_, label)| label.to_owned()),
    }
}

/// What was found of the points of a checklist.
fn checklist(d: &Deed) -> Option<CheckedPoints> {
    const OPEN: &str = "未核对";
    #[derive(serde::Deserialize)]
    struct Stored {
        checklist: Vec<Found>,
    }
    #[derive(serde::Deserialize)]
    struct Found {
        text: String,
        finding: String,
    }
    let stored: Stored = serde_json::from_str(&d.detail).ok()?;
    let word = |f: Found| (f.text, f.finding.parse().map_or(OPEN, Finding::label));
    let points: Vec<_> = stored.checklist.into_iter().map(word).collect();
    let labels = Finding::ALL.iter().map(|f| f.label()).chain([OPEN]);
    let counts = labels.map(|l| (l, points.iter().filter(|(_, found)| *found == l).count()));
    let sum: Vec<_> = counts.filter(|(_, n)| *n > 0).map(|(label, n)| format!("{label} {n}")).collect();
    Some(CheckedPoints { sum: sum.join("，"), points })
}

/// The further facts of a deed, for people.
fn facts(app: &App, d: &Deed) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(detail)) = serde_json::from_str(&d.detail) else { return Vec::new() };
    let text = |key: &str| detail.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let mut out = Vec::new();
    if let Some(parts) = detail.get("parts").and_then(|p| p.as_array()) {
        let labels: Vec<_> =
            parts.iter().filter_map(|p| p.as_str().and_then(|p| p.parse::<Part>().ok())).map(Part::label).collect();
        out.push(("需修改".to_owned(), labels.join("、")));
    }
    let fields: Vec<NamedField> = detail
        .get("fields")
        .and_then(|f| f.as_array())
        .map(|f| f.iter().filter_map(|f| f.as_str()?.parse().ok()).collect())
        .unwrap_or_default();
    if !fields.is_empty() {
        let references = app.references.now();
        let labels: Vec<_> =
            fields.iter().map(|f| format!("{}—{}", f.part.label(), correction::label(&references, f))).collect();
        out.push(("需修改的项目".to_owned(), labels.join("、")));
    }
    for (key, label) in [
        ("address", "送达地址"),
        ("papers", "材料清单"),
        ("contact", "联系人及电话"),
        ("deadline", "送达期限"),
        ("arrived", "收到的材料"),
        ("arrived_on", "收到日期"),
        ("comparison", "对比结果"),
        ("file", "扫描件"),
        ("certificate", "证明号"),
        ("caller", "来电人"),
        ("version", "新证明版本"),
        ("assignee", "改派给"),
    ] {
        let value = text(key);
        if !value.is_empty() {
            out.push((label.to_owned(), value));
        }
    }
    for (key, label) in [("from_bureau", "移交前"), ("to_bureau", "移交后")] {
        let code = text(key);
        if !code.is_empty() {
            out.push((label.to_owned(), app.references.now().bureau_name(&BureauCode::new(code.as_str())).to_owned()));
        }
    }
    out
}
