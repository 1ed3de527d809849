//! 移交申请和证明 (D31): what belongs to a user and to whom it goes, for the organisation's administrator and for a bureau.

use db::Tx;
use db::account::Colleague;
use db::audit::By;
use db::organisation::{self, Belonging, Handed, count_belongings, hand_over_applications};
use db::{DbError, Source};
use domain::ids::{AccountId, ApplicationId, OrganisationId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};

use crate::jobs;
use crate::parts::status::Status;

/// Rows of a page.
const SIZE: i64 = 50;

/// An application of the user.
struct Line {
    id: ApplicationId,
    name: String,
    certificate: String,
    status: Status,
    begun: String,
    is_ticked: bool,
}

/// The form, inside a page.
#[derive(askama::Template)]
#[template(path = "parts/handover.html")]
pub struct HandoverForm {
    form: FormView,
    action: String,
    username: String,
    total: i64,
    lines: Vec<Line>,
    colleagues: Vec<Choice>,
    older: Option<String>,
    newest: Option<String>,
}

impl askama::filters::HtmlSafe for HandoverForm {}

/// 申请单号, or 草稿 with its id.
pub fn name_of(b: &Belonging) -> String {
    b.number.clone().unwrap_or_else(|| format!("草稿 {}", b.id))
}

/// `?before=`: where the page begins.
#[derive(Debug, Default, serde::Deserialize)]
pub struct BeforeQuery {
    /// The id of the last row of the page before.
    #[serde(default)]
    pub before: String,
}

/// The form for what belongs to one of these colleagues. The caller has asked for their organisation.
pub async fn form(
    app: &App,
    csrf: &str,
    (colleagues, from): (&[Colleague], AccountId),
    action: String,
    before: &BeforeQuery,
    (data, errors): (FormData, FieldErrors),
) -> Result<HandoverForm, AppError> {
    let giver = colleagues.iter().find(|c| c.id == from).ok_or(AppError::NotFound)?;
    let read = app.db.read();
    let begin: Option<ApplicationId> = before.before.parse().ok();
    let mut found = organisation::belongings(&read, from, begin, SIZE).await?;
    let size = usize::try_from(SIZE).unwrap_or_default();
    let more = found.len() > size;
    found.truncate(size);
    let older = found.last().filter(|_| more).map(|b| format!("{action}?before={}", b.id));
    let ticked: Vec<String> = data.all("application").map(str::to_owned).collect();
    Ok(HandoverForm {
        username: giver.username.clone(),
        total: count_belongings(&read, from).await?,
        lines: found
            .into_iter()
            .map(|b| Line {
                name: name_of(&b),
                is_ticked: ticked.contains(&b.id.to_string()),
                id: b.id,
                certificate: b.certificate_no.unwrap_or_default(),
                status: Status::of(b.state),
                begun: b.first_saved_at.china(),
            })
            .collect(),
        colleagues: colleagues
            .iter()
            .filter(|c| c.id != from && c.can_receive())
            .map(|c| Choice::new(c.id.to_string(), format!("{}（{}，{}）", c.username, c.contact_name, c.standing())))
            .collect(),
        older,
        newest: begin.is_some().then(|| action.clone()),
        form: FormView::new(data, errors, csrf),
        action,
    })
}

/// What became of it.
pub enum Outcome {
    /// Done, or begun: the sentence.
    Done(String),
    /// The page again.
    Again(FieldErrors),
}

/// 移交所选 and 移交全部. Commits.
pub async fn perform(
    app: &App,
    tx: Tx,
    organisation: OrganisationId,
    from: AccountId,
    form: &FormData,
    by: &By,
    now: Instant,
) -> Result<Outcome, AppError> {
    let again = |field: &str, why: String| {
        let mut errors = FieldErrors::default();
        errors.add(field, why);
        Ok(Outcome::Again(errors))
    };
    let Ok(to) = form.get("to").parse::<AccountId>() else {
        return again("to", "请选择接收的同事".to_owned());
    };
    if form.get("what") == "all" {
        let is_fit = can_receive(&tx, organisation, to).await?;
        let total = count_belongings(&tx, from).await?;
        if !is_fit || to == from {
            return again("to", "接收人须是本单位已确认、可以登录、邮箱已验证的经办人员".to_owned());
        }
        if total == 0 {
            return again("to", "该用户没有可以移交的申请".to_owned());
        }
        let by = (by.account, by.name.clone(), by.bureau.clone(), by.address.clone());
        jobs::hand_over_all(&tx, jobs::Handover { organisation, from, to, by }, now).await?;
        tx.commit().await?;
        return Ok(Outcome::Done(format!("正在移交该用户的全部 {total} 件申请，完成后系统写信告知双方。")));
    }
    let mut ids: Vec<ApplicationId> = form.all("application").filter_map(|id| id.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return again("to", "请先勾选要移交的申请，或点击“移交全部”".to_owned());
    }
    match hand_over_applications(&tx, organisation, (from, to), Handed::These(&ids), by, now).await {
        Ok(gone) => {
            let numbers: Vec<String> = gone.iter().map(name_of).collect();
            jobs::handed_over(&tx, app, (from, to), &numbers, gone.len(), &by.name).await?;
            tx.commit().await?;
            Ok(Outcome::Done(format!("已移交 {} 件申请，系统已写信告知双方。", gone.len())))
        }
        Err(DbError::Refused(why)) => again("to", why),
        Err(DbError::NotFound) => again("to", "所选的接收人不属于该单位，请重新选择".to_owned()),
        Err(other) => Err(other.into()),
    }
}

async fn can_receive(source: &impl Source, organisation: OrganisationId, to: AccountId) -> Result<bool, AppError> {
    let all = db::account::colleagues(source, organisation).await?;
    Ok(all.iter().any(|c| c.id == to && c.can_receive()))
}
