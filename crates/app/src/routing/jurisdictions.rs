//! 管辖区域: which direct bureau every region belongs to, and from when; no region may be left without one by a change.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::delegation::{self, Handover, Jurisdiction};
use domain::ids::{BureauCode, RegionCode};
use domain::policy::KeepJurisdiction;
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::routing::{days, region_levels, region_list, region_names};

/// What is chosen when a region goes back to the bureau of the region around it.
const BACK: &str = "back";

struct JurisdictionRow {
    region: String,
    prefix: String,
    bureau: String,
    days: String,
    standing: &'static str,
    tone: &'static str,
    /// Leaf regions that it decides today.
    leaves: usize,
}

#[derive(Template)]
#[template(path = "routing/jurisdictions.html")]
struct JurisdictionsPage {
    shell: Shell,
    form: FormView,
    rows: Vec<JurisdictionRow>,
    regions: [Vec<Choice>; 3],
    bureaus: Vec<Choice>,
    leaf_count: usize,
    /// Regions without a bureau today.
    without: Vec<String>,
    /// Regions for which two rows of the same length hold today.
    doubtful: Vec<String>,
    shows_past: bool,
}

/// `?past=1` shows what is over; `?refresh=` of a cascade without script.
#[derive(serde::Deserialize)]
pub struct JurisdictionQuery {
    #[serde(default)]
    past: String,
    #[serde(default)]
    refresh: String,
}

/// The row that decides a region on a day: the longest prefix.
fn deciding<'a>(all: &'a [Jurisdiction], region: &RegionCode, day: Day) -> Option<&'a Jurisdiction> {
    all.iter()
        .filter(|j| j.valid_from <= day && day <= j.valid_to && region.as_str().starts_with(&j.region_prefix))
        .max_by_key(|j| j.region_prefix.len())
}

/// The table with its check, and the form.
pub async fn list(
    State(app): State<App>,
    user: Permitted<KeepJurisdiction>,
    Query(query): Query<JurisdictionQuery>,
) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("from", &app.clock.today().plus_days(1).to_string());
    page::render(&build(&app, &user, data, FieldErrors::default(), !query.past.is_empty()).await?)
}

async fn build(
    app: &App,
    user: &Permitted<KeepJurisdiction>,
    data: FormData,
    errors: FieldErrors,
    shows_past: bool,
) -> Result<JurisdictionsPage, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let all = delegation::jurisdictions(&app.db.read()).await?;
    let (mut without, mut doubtful) = (Vec::new(), Vec::new());
    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    let mut leaf_count = 0;
    for region in references.leaf_regions() {
        leaf_count += 1;
        let Some(found) = deciding(&all, &region.code, today) else {
            without.push(references.region_path(&region.code));
            continue;
        };
        *decided.entry(&found.region_prefix).or_default() += 1;
        let same =
            |j: &&Jurisdiction| j.region_prefix == found.region_prefix && j.valid_from <= today && today <= j.valid_to;
        if all.iter().filter(same).count() > 1 {
            doubtful.push(references.region_path(&region.code));
        }
    }
    let rows = all
        .iter()
        .filter(|j| shows_past || j.valid_to >= today)
        .map(|j| {
            let (standing, tone) = match () {
                () if j.valid_to < today => ("已终止", "t-slate"),
                () if j.valid_from > today => ("未生效", "t-blue"),
                () => ("生效中", "t-green"),
            };
            JurisdictionRow {
                region: references.prefix_path(&j.region_prefix),
                prefix: j.region_prefix.clone(),
                bureau: references.bureau_name(&j.bureau_code).to_owned(),
                days: days(j.valid_from, j.valid_to),
                leaves: if standing == "生效中" {
                    decided.get(j.region_prefix.as_str()).copied().unwrap_or_default()
                } else {
                    0
                },
                standing,
                tone,
            }
        })
        .collect();
    let crumbs = [("业务下放", "/delegations")];
    let mut shell = frame::signed(app, user, "管辖区域", Entry::Delegations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let mut bureaus: Vec<_> =
        references.direct_bureaus().map(|b| Choice::new(b.code.as_str(), b.name.as_str())).collect();
    bureaus.push(Choice::new(BACK, "并回上一级地区的检验检疫局"));
    Ok(JurisdictionsPage {
        shell,
        regions: references.region_choices(data.get("region_1"), data.get("region_2")),
        form: FormView::new(data, errors, &user.caller.csrf).at("/jurisdictions"),
        rows,
        bureaus,
        leaf_count,
        without,
        doubtful,
        shows_past,
    })
}

/// What was asked: region prefix, bureau or back, from when, why.
struct Change {
    region_prefix: String,
    to: Option<BureauCode>,
    from: Day,
    reason: String,
}

/// 调整管辖区域.
pub async fn create(
    State(app): State<App>,
    user: Permitted<KeepJurisdiction>,
    Query(query): Query<JurisdictionQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    if !query.refresh.is_empty() {
        return page::render(&build(&app, &user, form, FieldErrors::default(), false).await?);
    }
    let change = match parse(&app, &form) {
        Ok(change) => change,
        Err(errors) => return page::unprocessable(&build(&app, &user, form, errors, false).await?),
    };
    let references = app.references.now();
    let tx = app.db.begin().await?;
    let standing = delegation::lock_jurisdictions(&tx, &user.permit).await?;
    if let Some((field, sentence)) = refusal(&references, &standing, &change) {
        drop(tx);
        let mut errors = FieldErrors::default();
        errors.add(field, sentence);
        return page::unprocessable(&build(&app, &user, form, errors, false).await?);
    }
    let handover = Handover {
        region_prefix: &change.region_prefix,
        to: change.to.as_ref(),
        from: change.from,
        reason: &change.reason,
    };
    delegation::hand_over(&tx, &user.permit, &standing, &handover, &user.by(), app.now()).await?;
    tx.commit().await?;
    // Other processes read it within the minute; the change begins tomorrow at the earliest.
    app.references.replace(db::reference::load(&app.db.read()).await?);
    let sentence = format!(
        "已登记：{} 自 {} 起由{}受理，已提交的申请不受影响。",
        references.prefix_path(&change.region_prefix),
        change.from,
        change.to.as_ref().map_or("上一级地区的检验检疫局", |b| references.bureau_name(b))
    );
    Ok(flash::to(&app.key, app.config.is_https(), "/jurisdictions", &sentence))
}

fn parse(app: &App, form: &FormData) -> Result<Change, FieldErrors> {
    let references = app.references.now();
    let mut check = Checker::new(form);
    let names = region_names("region");
    let region = references.deepest_of(region_levels(form, &names));
    if region.is_none() {
        check.error("region", "请选择要调整的地区");
    }
    let to =
        check.choice("bureau", "受理局", |c| c == BACK || references.direct_bureaus().any(|b| b.code.as_str() == c));
    let from = check.day("from", "生效日期");
    if from.is_some_and(|day| day <= app.clock.today()) {
        check.error("from", "生效日期最早是明天，以便所有服务器同时按新的管辖区域受理");
    }
    let reason = check.text("reason", "变更说明").required().length(5..=500).take();
    check.finish()?;
    Ok(Change {
        region_prefix: region.map(|r| db::reference::prefix_of(r.as_str()).to_owned()).unwrap_or_default(),
        to: (to != BACK).then(|| BureauCode::new(to)),
        from: from.unwrap_or_else(|| app.clock.today().plus_days(1)),
        reason,
    })
}

/// Why a change cannot be made: it changes nothing, or leaves regions without a bureau.
fn refusal(references: &ReferenceCache, standing: &[Jurisdiction], change: &Change) -> Option<(&'static str, String)> {
    let own = |j: &&Jurisdiction| {
        j.region_prefix == change.region_prefix && j.valid_from <= change.from && change.from <= j.valid_to
    };
    let before = standing.iter().find(own);
    match (&change.to, before) {
        (None, None) => {
            return Some(("bureau", "该地区没有单独指定受理局，本来就由上一级地区的检验检疫局受理".to_owned()));
        }
        (Some(to), Some(before)) if before.bureau_code == *to => {
            let name = references.bureau_name(to);
            return Some(("bureau", format!("该地区自 {} 起已由{name}受理，无须调整", before.valid_from)));
        }
        (Some(_), _) => return None,
        (None, Some(_)) => {}
    }
    let after: Vec<_> = standing.iter().filter(|j| !own(j)).cloned().collect();
    let bare: Vec<_> = references
        .leaf_regions()
        .filter(|r| {
            r.code.as_str().starts_with(&change.region_prefix) && deciding(&after, &r.code, change.from).is_none()
        })
        .map(|r| r.code.clone())
        .collect();
    (!bare.is_empty()).then(|| {
        let list = region_list(references, &bare[..bare.len().min(5)]);
        ("bureau", format!("并回后有 {} 个行政区划没有受理局（{list} 等），请改为指定受理局", bare.len()))
    })
}
