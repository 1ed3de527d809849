//! 业务下放 and 管辖区域: who does which step (R-C-03, workflow §4; forms §2.13).

pub mod delegation;
pub mod delegations;
pub mod history;
pub mod jurisdictions;
pub mod tester;

use db::audit::Deed;
use db::delegation::Rule;
use domain::ids::{BureauCode, ClauseCode, RegionCode, TradeModeCode};
use domain::policy::{Delegate, Reach};
use domain::routing::{Delegation, Step};
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FormData};
use kit::reference::ReferenceCache;
use kit::session::Permitted;

/// The first day of what was always so.
const BEGINNING: &str = "0001-01-01";
/// The last day of what has no end.
const FOR_EVER: &str = "9999-12-31";

/// The direct bureaus whose rules he may look after: all of them, or his own. A bureau below a direct one has no rules.
fn bureaus(app: &App, user: &Permitted<Delegate>) -> Result<Vec<Choice>, AppError> {
    let references = app.references.now();
    let choices: Vec<_> = references
        .direct_bureaus()
        .filter(|b| user.permit.covers(Some(&b.code)))
        .map(|b| Choice::new(b.code.as_str(), b.name.as_str()))
        .collect();
    if choices.is_empty() {
        return Err(AppError::Forbidden(
            "业务下放由直属局配置，您所在的是下属机构。需要调整时请联系直属局的局系统管理员。".to_owned(),
        ));
    }
    Ok(choices)
}

/// The direct bureau that was asked for, his own if he has but one; none when none was named.
fn asked(app: &App, user: &Permitted<Delegate>, code: &str) -> Result<Option<BureauCode>, AppError> {
    let choices = bureaus(app, user)?;
    match (user.permit.reach(), code) {
        (Reach::Bureau(own), "") => Ok(Some(own.clone())),
        (Reach::Everywhere, "") => Ok(None),
        (_, code) if choices.iter().any(|c| c.value == code) => Ok(Some(BureauCode::new(code))),
        (_, _) => Err(AppError::NotFound),
    }
}

/// Who may be given a step: the bureaus below the direct one, and itself for an exception from a wider rule.
fn targets(references: &ReferenceCache, direct: &BureauCode) -> Vec<Choice> {
    let below = references.branches_of(direct).map(|b| Choice::new(b.code.as_str(), b.name.as_str()));
    let own = Choice::new(direct.as_str(), format!("{}（直属局自行办理）", references.bureau_name(direct)));
    below.chain([own]).collect()
}

/// The conditions of a rule, as people read them; none = every application.
fn conditions(references: &ReferenceCache, rule: &Delegation) -> Vec<String> {
    let region = rule.region_prefix.as_ref().map(|p| format!("{}（{p}）", references.prefix_path(p)));
    let clause = rule.clause.as_ref().map(|c| format!("条款 {c} {}", references.clause_name(c.as_str())));
    let hs = rule.hs_prefix.as_ref().map(|p| format!("HS 编码 {p} 开头"));
    let mode = rule.trade_mode.as_ref().map(|m| format!("{}（{m}）", references.trade_mode_name(m.as_str())));
    [region, clause, hs, mode].into_iter().flatten().collect()
}

fn conditions_text(references: &ReferenceCache, rule: &Delegation) -> String {
    let all = conditions(references, rule);
    if all.is_empty() { "全部申请".to_owned() } else { all.join(" · ") }
}

fn steps_text(steps: &[Step]) -> String {
    steps.iter().map(|s| s.label()).collect::<Vec<_>>().join("、")
}

/// `2026-12-01 起`, `2026-12-01 至 2027-03-31`, `至 2027-03-31`, `长期`.
fn days(from: Day, to: Day) -> String {
    let (always, for_ever) = (from.to_string() == BEGINNING, to.to_string() == FOR_EVER);
    match (always, for_ever) {
        (true, true) => "长期".to_owned(),
        (true, false) => format!("至 {to}"),
        (false, true) => format!("{from} 起"),
        (false, false) => format!("{from} 至 {to}"),
    }
}

/// Where a rule stands on a day: its word in filters, its label, its colour.
fn standing(rule: &Rule, today: Day) -> (&'static str, &'static str, &'static str) {
    if rule.valid_to < rule.valid_from {
        ("ended", "未生效即取消", "t-slate")
    } else if rule.valid_to < today {
        ("ended", "已终止", "t-slate")
    } else if rule.valid_from > today {
        ("later", "未生效", "t-blue")
    } else {
        ("now", "生效中", "t-green")
    }
}

/// A line of the history.
struct Line {
    title: String,
    who: String,
    at: String,
    rfc3339: String,
    reason: String,
    facts: Vec<(String, String)>,
}

/// A deed of the routing, as people read it.
fn line(references: &ReferenceCache, deed: &Deed) -> Line {
    let detail: serde_json::Value = serde_json::from_str(&deed.detail).unwrap_or_default();
    let id = detail["delegation"].as_i64().unwrap_or_default();
    let title = match deed.action.as_str() {
        "add_delegation" => format!("新增规则 {id}"),
        "change_delegation" => format!("修改为规则 {id}"),
        "end_delegation" => format!("终止规则 {id}"),
        "hand_over_region" => "调整管辖区域".to_owned(),
        other => other.to_owned(),
    };
    let bureau = |value: &serde_json::Value| match value.as_str() {
        Some(code) => references.bureau_name(&BureauCode::new(code)).to_owned(),
        None => "无".to_owned(),
    };
    let mut facts = Vec::new();
    if deed.action == "hand_over_region" {
        let prefix = detail["region_prefix"].as_str().unwrap_or_default();
        facts.push(("地区".to_owned(), format!("{}（{prefix}）", references.prefix_path(prefix))));
        facts.push(("原受理局".to_owned(), bureau(&detail["before"])));
        facts.push(("现受理局".to_owned(), bureau(&detail["after"])));
        facts.push(("生效日期".to_owned(), detail["from"].as_str().unwrap_or_default().to_owned()));
    } else {
        let now = if detail["before"].is_null() { "内容" } else { "修改后" };
        for (key, label) in [("before", "修改前"), ("after", now)] {
            if let Some(text) = planned_text(references, &detail[key]) {
                facts.push((label.to_owned(), text));
            }
        }
    }
    Line {
        title,
        who: deed.actor_name.clone(),
        at: deed.at.china(),
        rfc3339: deed.at.rfc3339(),
        reason: deed.opinion.clone(),
        facts,
    }
}

fn planned_text(references: &ReferenceCache, json: &serde_json::Value) -> Option<String> {
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    let steps: Vec<Step> =
        json["steps"].as_array()?.iter().filter_map(|s| s.as_str().and_then(|s| s.parse().ok())).collect();
    let rule = Delegation {
        id: domain::ids::DelegationId::new(0),
        target: BureauCode::new(text("target")?),
        region_prefix: text("region_prefix"),
        clause: text("clause").map(ClauseCode::new),
        hs_prefix: text("hs_prefix"),
        trade_mode: text("trade_mode").map(TradeModeCode::new),
        steps,
        priority: json["priority"].as_i64().unwrap_or_default(),
    };
    let (from, to) = (text("valid_from")?.parse().ok()?, text("valid_to")?.parse().ok()?);
    Some(format!(
        "{}；{} → {}；优先级 {}；{}",
        conditions_text(references, &rule),
        steps_text(&rule.steps),
        references.bureau_name(&rule.target),
        rule.priority,
        if to < from { "取消".to_owned() } else { days(from, to) }
    ))
}

/// The fields of a region cascade, for the region whose codes begin with `prefix`.
fn set_region(references: &ReferenceCache, data: &mut FormData, field: &str, prefix: &str) {
    if let Some(region) = references.region_of_prefix(prefix) {
        for (n, code) in references.region_levels(&region).iter().enumerate() {
            data.set(&format!("{field}_{}", n + 1), code.as_str());
        }
    }
}

fn region_levels<'a>(form: &'a FormData, names: &'a [String; 3]) -> [&'a str; 3] {
    names.each_ref().map(|n| form.get(n))
}

/// The names of the three selects of a region.
fn region_names(field: &str) -> [String; 3] {
    [1, 2, 3].map(|n| format!("{field}_{n}"))
}

/// `上海市 浦东新区、上海市 徐汇区`.
fn region_list(references: &ReferenceCache, regions: &[RegionCode]) -> String {
    regions.iter().map(|r| references.region_path(r)).collect::<Vec<_>>().join("、")
}
