//! One 业务下放 rule: what it decides, which rules compete with it, what a change moves; adding, changing, ending.
//!
//! Saving takes two looks: the first answers with the rules that compete and the regions whose bureau changes, the second
//! saves what was looked at, and nothing else.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::Source;
use db::delegation::{self, Planned, Rule};
use domain::ids::{BureauCode, ClauseCode, DelegationId, TradeModeCode};
use domain::policy::Delegate;
use domain::routing::{self, Delegation, Step};
use domain::text;
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{Permitted, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::routing::{
    FOR_EVER, Line, asked, conditions, conditions_text, days, line, region_levels, region_list, region_names,
    set_region, standing, steps_text, targets,
};

/// The highest priority.
const MOST_PRIORITY: i64 = 999;
/// So many lines of a rule's own history are shown; all of them stand under 变更记录.
const SHOWN_DEEDS: i64 = 100;

/// Another rule that holds for some of the same applications.
struct Overlap {
    id: DelegationId,
    version: i64,
    conditions: String,
    target: String,
    steps: String,
    days: String,
    /// Whether the rule that is looked at decides.
    wins: bool,
    same_bureau: bool,
}

/// A step that another bureau does after a change.
struct ShiftRow {
    step: &'static str,
    from: String,
    to: String,
    count: usize,
    regions: String,
    is_partial: bool,
}

/// What a change does, before it is saved.
struct Review {
    overlaps: Vec<Overlap>,
    shifts: Vec<ShiftRow>,
    day: Day,
    /// What was looked at: saved only while it is the same.
    token: String,
}

#[derive(Template)]
#[template(path = "routing/delegation.html")]
struct DelegationPage {
    shell: Shell,
    form: FormView,
    action: String,
    back: String,
    direct: String,
    direct_name: String,
    targets: Vec<Choice>,
    regions: [Vec<Choice>; 3],
    clauses: Vec<Choice>,
    common_modes: Vec<Choice>,
    other_modes: Vec<Choice>,
    /// Word, label, ticked.
    steps: Vec<(&'static str, &'static str, bool)>,
    review: Option<Review>,
    /// The rule is followed by another one, or written anew.
    succeeds: bool,
    conflict: Option<&'static str>,
}

/// `?bureau=` of a new rule, `?refresh=` of a cascade without script.
#[derive(serde::Deserialize)]
pub struct DelegationQuery {
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    refresh: String,
}

/// An empty form.
pub async fn new(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Query(query): Query<DelegationQuery>,
) -> Result<Response, AppError> {
    let Some(direct) = asked(&app, &user, &query.bureau)? else { return Ok(page::see_other("/delegations")) };
    let mut data = FormData::default();
    data.set("bureau", direct.as_str());
    data.set("priority", "0");
    data.set("valid_from", &app.clock.today().to_string());
    page::render(&build(&app, &user, &direct, None, data, FieldErrors::default(), None).await?)
}

/// Looks at a new rule, then saves it.
pub async fn create(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Query(query): Query<DelegationQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let direct = asked(&app, &user, form.get("bureau"))?
        .ok_or_else(|| AppError::Invalid("页面不完整，请从“业务下放”重新打开“新增规则”。".to_owned()))?;
    save(&app, &user, &direct, None, &query, form).await
}

/// The form with the rule in it.
pub async fn edit(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Path(id): Path<DelegationId>,
) -> Result<Response, AppError> {
    let seen = delegation::find(&app.db.read(), &user.permit, id).await?;
    asked(&app, &user, seen.direct.as_str())?;
    still_stands(&seen, app.clock.today())?;
    let data = fields_of(&app.references.now(), &seen, app.clock.today());
    page::render(&build(&app, &user, &seen.direct, Some(&seen), data, FieldErrors::default(), None).await?)
}

/// Looks at a change, then saves it.
pub async fn update(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Path(id): Path<DelegationId>,
    Query(query): Query<DelegationQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let seen = delegation::find(&app.db.read(), &user.permit, id).await?;
    asked(&app, &user, seen.direct.as_str())?;
    still_stands(&seen, app.clock.today())?;
    save(&app, &user, &seen.direct.clone(), Some(seen), &query, form).await
}

fn still_stands(rule: &Rule, today: Day) -> Result<(), AppError> {
    if rule.holds_from(today) {
        Ok(())
    } else {
        Err(AppError::Conflict("该规则已终止，不能再修改。需要时请返回“业务下放”新增规则。".to_owned()))
    }
}

async fn save(
    app: &App,
    user: &Permitted<Delegate>,
    direct: &BureauCode,
    seen: Option<Rule>,
    query: &DelegationQuery,
    mut form: FormData,
) -> Result<Response, AppError> {
    let seen = seen.as_ref();
    if !query.refresh.is_empty() {
        return page::render(&build(app, user, direct, seen, form, FieldErrors::default(), None).await?);
    }
    if let Some(seen) = seen
        && form.get("version") != seen.version.to_string()
    {
        form.set("version", &seen.version.to_string());
        let mut page = build(app, user, direct, Some(seen), form, FieldErrors::default(), None).await?;
        page.conflict =
            Some("该规则刚被他人修改，没有保存。您填写的内容仍在下方，请对照规则页面的变更记录核对后再保存。");
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    let planned = match parse(app, direct, seen, &form) {
        Ok(planned) => planned,
        Err(errors) => {
            let page = build(app, user, direct, seen, form, errors, None).await?;
            return page::unprocessable(&page);
        }
    };
    let tx = app.db.begin().await?;
    delegation::lock(&tx, &user.permit, direct).await?;
    let found = review(&tx, app, direct, seen, &planned).await?;
    let looked_at = form.get("looked_at") == found.token;
    let confirmed = found.overlaps.is_empty() || form.has("confirmed");
    if !looked_at || !confirmed {
        drop(tx);
        let mut errors = FieldErrors::default();
        if looked_at {
            errors.add("confirmed", "请核对下列重叠的规则，并勾选“已核对重叠的规则”后再保存");
        } else {
            form.remove("confirmed");
        }
        form.set("looked_at", &found.token);
        let refused = !errors.is_empty();
        let page = build(app, user, direct, seen, form, errors, Some(found)).await?;
        return if refused { page::unprocessable(&page) } else { page::render(&page) };
    }
    let id = match seen {
        Some(seen) => delegation::change(&tx, &user.permit, seen, &planned, &user.by(), app.now()).await?,
        None => delegation::add(&tx, &user.permit, direct, &planned, &user.by(), app.now()).await?,
    };
    tx.commit().await?;
    let sentence = format!("规则已保存，自 {} 起对新提交的申请有效。", planned.valid_from);
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/delegations/{id}"), &sentence))
}

fn fields_of(references: &ReferenceCache, rule: &Rule, today: Day) -> FormData {
    let r = &rule.rule;
    let mut pairs: Vec<(String, String)> = r.steps.iter().map(|s| ("step".to_owned(), s.word().to_owned())).collect();
    pairs.push(("version".to_owned(), rule.version.to_string()));
    let mut data = FormData::from_pairs(pairs);
    data.set("target", r.target.as_str());
    if let Some(prefix) = &r.region_prefix {
        set_region(references, &mut data, "region", prefix);
    }
    data.set("clause_code", r.clause.as_ref().map_or("", ClauseCode::as_str));
    data.set("hs_prefix", r.hs_prefix.as_deref().unwrap_or_default());
    data.set("trade_mode", r.trade_mode.as_ref().map_or("", TradeModeCode::as_str));
    data.set("priority", &r.priority.to_string());
    // What is in force already is followed from tomorrow on, unless somebody wants it sooner.
    data.set("valid_from", &rule.valid_from.max(today.plus_days(1)).to_string());
    if rule.valid_to.to_string() != FOR_EVER {
        data.set("valid_to", &rule.valid_to.to_string());
    }
    data
}

fn parse(app: &App, direct: &BureauCode, seen: Option<&Rule>, form: &FormData) -> Result<Planned, FieldErrors> {
    let references = app.references.now();
    let today = app.clock.today();
    let mut check = Checker::new(form);
    let names = region_names("region");
    let region = references.deepest_of(region_levels(form, &names));
    let region_prefix = region.as_ref().map(|r| db::reference::prefix_of(r.as_str()).to_owned());
    let begins = text::half_width(form.get("valid_from").trim()).parse::<Day>().unwrap_or(today);
    if let Some(prefix) = &region_prefix
        && !references.leaf_regions().any(|r| {
            r.code.as_str().starts_with(prefix.as_str()) && references.direct_bureau_of(&r.code, begins) == Some(direct)
        })
    {
        let (region, bureau) = (references.prefix_path(prefix), references.bureau_name(direct));
        check.error("region", format!("{region} 自 {begins} 起不归{bureau}管辖，请选择本局管辖的地区"));
    }
    let clause = form.get("clause_code");
    if !clause.is_empty() && !references.clause_is_valid(clause, today) {
        check.error("clause_code", "请从列表中选择免办条款，或选择“全部条款”");
    }
    let hs_prefix = check.parse_optional("hs_prefix", |typed| {
        let digits = text::half_width(typed);
        if !(2..=10).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            Err("HS 编码前几位请填写 2 至 10 位数字，如 8415".to_owned())
        } else if references.has_hs_prefix(&digits, today) {
            Ok(digits)
        } else {
            Err(format!("产品目录中没有以 {digits} 开头的 HS 编码，请核对"))
        }
    });
    let mode = form.get("trade_mode");
    if !mode.is_empty() && !references.trade_mode_is_valid(mode, today) {
        check.error("trade_mode", "请从列表中选择贸易方式，或选择“全部贸易方式”");
    }
    let offered = targets(&references, direct);
    let target = check.choice("target", "办理机构", |c| offered.iter().any(|t| t.value == c));
    let priority = check.parse("priority", "优先级", |typed| {
        let number = text::half_width(typed).parse::<i64>().ok().filter(|n| (0..=MOST_PRIORITY).contains(n));
        number.ok_or_else(|| format!("优先级请填写 0 至 {MOST_PRIORITY} 的整数"))
    });
    let steps: Vec<Step> = Step::ALL.iter().copied().filter(|s| form.all("step").any(|w| w == s.word())).collect();
    if steps.is_empty() {
        check.error("step", "请至少勾选一个下放的岗位");
    }
    let valid_from = check.day("valid_from", "生效日期");
    if valid_from.is_some_and(|day| day < today) {
        check.error("valid_from", "生效日期不能早于今天：已提交的申请仍按原规则流转");
    }
    let valid_to = check.day_optional("valid_to", "失效日期");
    if let (Some(from), Some(to)) = (valid_from, valid_to)
        && to < from
    {
        check.error("valid_to", "失效日期不能早于生效日期");
    }
    let reason = check.text("reason", "变更说明").required().length(5..=500).take();
    check.finish()?;
    Ok(Planned {
        rule: Delegation {
            // As the newest of all it gives way to the older one among equals.
            id: seen.filter(|s| s.valid_from > today && !s.is_used).map_or(DelegationId::new(i64::MAX), |s| s.rule.id),
            target: BureauCode::new(target),
            region_prefix,
            clause: (!clause.is_empty()).then(|| ClauseCode::new(clause)),
            hs_prefix,
            trade_mode: (!mode.is_empty()).then(|| TradeModeCode::new(mode)),
            steps,
            priority: priority.unwrap_or_default(),
        },
        valid_from: valid_from.unwrap_or(today),
        valid_to: valid_to.unwrap_or_else(for_ever),
        reason,
    })
}

fn for_ever() -> Day {
    FOR_EVER.parse().expect("the last day of the calendar is a day")
}

/// What the planned rule competes with and what it moves.
async fn review(
    source: &impl Source,
    app: &App,
    direct: &BureauCode,
    seen: Option<&Rule>,
    planned: &Planned,
) -> Result<Review, AppError> {
    let references = app.references.now();
    let rules = delegation::of_bureau(source, direct).await?;
    let replaced = seen.map(|s| s.rule.id);
    let others: Vec<&Rule> = rules.iter().filter(|r| Some(r.rule.id) != replaced).collect();
    let overlaps = overlaps(&references, &others, &planned.rule, planned.valid_from, planned.valid_to);
    let day = planned.valid_from;
    let before: Vec<_> = rules.iter().filter(|r| r.holds(day)).map(|r| r.rule.clone()).collect();
    let mut after: Vec<_> = others.iter().filter(|r| r.holds(day)).map(|r| r.rule.clone()).collect();
    after.push(planned.rule.clone());
    let seen: Vec<_> = overlaps.iter().map(|o| format!("{} {}", o.id, o.version)).collect();
    let looked_at = format!("{planned:?} {}", seen.join(" "));
    Ok(Review {
        overlaps,
        shifts: shift_rows(&references, direct, &before, &after, day),
        day,
        token: hash_of(&looked_at),
    })
}

fn overlaps(references: &ReferenceCache, others: &[&Rule], rule: &Delegation, from: Day, to: Day) -> Vec<Overlap> {
    others
        .iter()
        .filter(|o| o.holds_from(from) && o.valid_from <= to)
        .filter_map(|o| {
            let steps = routing::competing_steps(rule, &o.rule);
            (!steps.is_empty()).then(|| Overlap {
                id: o.rule.id,
                version: o.version,
                conditions: conditions_text(references, &o.rule),
                target: references.bureau_name(&o.rule.target).to_owned(),
                steps: steps_text(&steps),
                days: days(from.max(o.valid_from), to.min(o.valid_to)),
                wins: routing::outranks(rule, &o.rule),
                same_bureau: o.rule.target == rule.target,
            })
        })
        .collect()
}

fn shift_rows(
    references: &ReferenceCache,
    direct: &BureauCode,
    before: &[Delegation],
    after: &[Delegation],
    day: Day,
) -> Vec<ShiftRow> {
    let regions: Vec<_> = references
        .leaf_regions()
        .filter(|r| references.direct_bureau_of(&r.code, day) == Some(direct))
        .map(|r| r.code.clone())
        .collect();
    routing::shifts(direct, before, after, &regions)
        .into_iter()
        .map(|s| ShiftRow {
            step: s.step.label(),
            from: references.bureau_name(&s.from).to_owned(),
            to: references.bureau_name(&s.to).to_owned(),
            count: s.regions.len(),
            regions: region_list(references, &s.regions),
            is_partial: s.is_partial,
        })
        .collect()
}

async fn build(
    app: &App,
    user: &Permitted<Delegate>,
    direct: &BureauCode,
    seen: Option<&Rule>,
    data: FormData,
    errors: FieldErrors,
    review: Option<Review>,
) -> Result<DelegationPage, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let list = format!("/delegations?bureau={direct}");
    let (title, action, back) = match seen {
        Some(seen) => {
            let own = format!("/delegations/{}", seen.rule.id);
            (format!("修改规则 {}", seen.rule.id), own.clone(), own)
        }
        None => ("新增规则".to_owned(), "/delegations".to_owned(), list.clone()),
    };
    let crumbs = [("业务下放", list.as_str())];
    let mut shell = frame::signed(app, user, &title, Entry::Delegations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let (common_modes, other_modes) = references.trade_mode_choices(today);
    let regions = references.region_choices(data.get("region_1"), data.get("region_2"));
    Ok(DelegationPage {
        shell,
        direct: direct.to_string(),
        direct_name: references.bureau_name(direct).to_owned(),
        targets: targets(&references, direct),
        regions,
        clauses: references
            .clauses_on(today)
            .map(|c| Choice::new(c.code.as_str(), format!("{}. {}", c.code, c.short_name)))
            .collect(),
        common_modes,
        other_modes,
        steps: Step::ALL.iter().map(|s| (s.word(), s.label(), data.all("step").any(|w| w == s.word()))).collect(),
        review,
        succeeds: seen.is_some_and(|s| s.valid_from <= today || s.is_used),
        conflict: None,
        form: FormView::new(data, errors, &user.caller.csrf).at(&action),
        action,
        back,
    })
}

#[derive(Template)]
#[template(path = "routing/delegation_show.html")]
struct RulePage {
    shell: Shell,
    id: DelegationId,
    direct: String,
    direct_name: String,
    target: String,
    conditions: Vec<String>,
    steps: String,
    priority: i64,
    days: String,
    standing: &'static str,
    tone: &'static str,
    is_used: bool,
    reason: String,
    replaces: Option<DelegationId>,
    replaced_by: Option<DelegationId>,
    overlaps: Vec<Overlap>,
    /// What ending it would move.
    shifts: Vec<ShiftRow>,
    may_change: bool,
    form: FormView,
    lines: Vec<Line>,
}

/// The rule.
pub async fn show(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Path(id): Path<DelegationId>,
) -> Result<Response, AppError> {
    let rule = delegation::find(&app.db.read(), &user.permit, id).await?;
    asked(&app, &user, rule.direct.as_str())?;
    let mut data = FormData::default();
    data.set("version", &rule.version.to_string());
    data.set("last_day", &app.clock.today().to_string());
    page::render(&rule_page(&app, &user, &rule, data, FieldErrors::default()).await?)
}

async fn rule_page(
    app: &App,
    user: &Permitted<Delegate>,
    rule: &Rule,
    data: FormData,
    errors: FieldErrors,
) -> Result<RulePage, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let read = app.db.read();
    let id = rule.rule.id;
    let rules = delegation::of_bureau(&read, &rule.direct).await?;
    // The rules it took the place of, back to the first.
    let mut ids = vec![id];
    while let Some(before) = rules.iter().find(|r| Some(&r.rule.id) == ids.last()).and_then(|r| r.replaces) {
        if ids.contains(&before) {
            break;
        }
        ids.push(before);
    }
    let deeds = delegation::history(&read, &rule.direct, &ids, SHOWN_DEEDS, 0).await?;
    let stands = rule.holds_from(today);
    let others: Vec<&Rule> = rules.iter().filter(|r| r.rule.id != id && r.holds_from(today)).collect();
    let (overlaps, shifts) = if stands {
        let day = rule.valid_from.max(today);
        let before: Vec<_> = rules.iter().filter(|r| r.holds(day)).map(|r| r.rule.clone()).collect();
        let after: Vec<_> = before.iter().filter(|r| r.id != id).cloned().collect();
        (
            overlaps(&references, &others, &rule.rule, day, rule.valid_to),
            shift_rows(&references, &rule.direct, &before, &after, day),
        )
    } else {
        (Vec::new(), Vec::new())
    };
    let (_, standing, tone) = standing(rule, today);
    let list = format!("/delegations?bureau={}", rule.direct);
    let title = format!("规则 {id}");
    let mut shell = frame::signed(app, user, &title, Entry::Delegations, &[("业务下放", &list)]).await?;
    shell.error_title = !errors.is_empty();
    Ok(RulePage {
        shell,
        id,
        direct: rule.direct.to_string(),
        direct_name: references.bureau_name(&rule.direct).to_owned(),
        target: references.bureau_name(&rule.rule.target).to_owned(),
        conditions: conditions(&references, &rule.rule),
        steps: steps_text(&rule.rule.steps),
        priority: rule.rule.priority,
        days: if rule.valid_to < rule.valid_from { "—".to_owned() } else { days(rule.valid_from, rule.valid_to) },
        standing,
        tone,
        is_used: rule.is_used,
        reason: rule.reason.clone(),
        replaces: rule.replaces,
        replaced_by: rules.iter().find(|r| r.replaces == Some(id)).map(|r| r.rule.id),
        overlaps,
        shifts,
        may_change: stands,
        form: FormView::new(data, errors, &user.caller.csrf),
        lines: deeds.iter().map(|d| line(&references, d)).collect(),
    })
}

/// 终止规则: from the day after its last one the next rule decides, or the direct bureau.
pub async fn end(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Path(id): Path<DelegationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let rule = delegation::find(&app.db.read(), &user.permit, id).await?;
    asked(&app, &user, rule.direct.as_str())?;
    let today = app.clock.today();
    still_stands(&rule, today)?;
    let mut check = Checker::new(&form);
    let last = check.day("last_day", "最后有效日");
    if let Some(last) = last {
        if last < today.plus_days(-1) {
            check.error("last_day", "最后有效日不能早于昨天：已按本规则提交的申请不受影响，填写昨天即立即停用");
        } else if last > rule.valid_to {
            check.error("last_day", format!("规则原定 {} 失效，最后有效日不能晚于这一天", rule.valid_to));
        }
    }
    let reason = check.text("end_reason", "终止原因").required().length(5..=500).take();
    let version = form.get("version").to_owned();
    if let Err(errors) = check.finish() {
        let page = rule_page(&app, &user, &rule, form, errors).await?;
        return page::unprocessable(&page);
    }
    if version != rule.version.to_string() {
        return Err(AppError::Conflict(
            "该规则刚被他人修改，没有终止。请返回规则页面查看最新内容后再办理。".to_owned(),
        ));
    }
    let tx = app.db.begin().await?;
    delegation::lock(&tx, &user.permit, &rule.direct).await?;
    let last = last.unwrap_or(today);
    delegation::end(&tx, &user.permit, &rule, last, &reason, &user.by(), app.now()).await?;
    tx.commit().await?;
    let sentence = if last < rule.valid_from {
        "规则已取消。".to_owned()
    } else {
        format!("规则在 {last} 之后不再适用。")
    };
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/delegations/{id}"), &sentence))
}
