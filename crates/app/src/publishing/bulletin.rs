//! One notice: its editor, 预览, 发布, 撤回, 删除 of a draft.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::DbError;
use db::bulletin::{self, BulletinFile, Deed, Managed, Text, Version};
use domain::bulletin::{BulletinFormat, BulletinState};
use domain::ids::BulletinId;
use domain::policy::PublishBulletins;
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{CHANGED_MEANWHILE, Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::list::{CATEGORIES, look};
use super::versions;
use crate::frame::{self, Entry};
use crate::parts::prose::Prose;
use crate::parts::view;

pub(super) const CRUMBS: [(&str, &str); 1] = [("公告管理", "/publishing")];
/// The longest text.
const LONGEST: usize = 20_000;
/// Versions that the page shows.
const SHOWN: i64 = 50;

/// What the page knows of a notice that is there already.
struct Standing {
    id: BulletinId,
    state: BulletinState,
    tone: &'static str,
    icon: &'static str,
    version: i64,
    published: String,
    withdrawn_reason: String,
    is_plain: bool,
    files: Vec<FileLine>,
    /// Files that the public could see before (D32).
    old_files: Vec<FileLine>,
    versions: Vec<versions::Line>,
}

struct FileLine {
    id: domain::ids::BulletinFileId,
    name: String,
    size: String,
    removed: String,
}

#[derive(Template)]
#[template(path = "publishing/bulletin.html")]
struct EditorPage {
    shell: Shell,
    form: FormView,
    categories: Vec<Choice>,
    has_open_time: bool,
    can_be_published: bool,
    longest: usize,
    standing: Option<Standing>,
    preview: Option<(String, Prose)>,
    /// Files that were not taken.
    refused: Vec<String>,
}

/// 添加.
pub async fn new(State(app): State<App>, user: Permitted<PublishBulletins>) -> Result<Response, AppError> {
    page::render(&build(&app, &user, None, Some(FormData::default()), FieldErrors::default()).await?)
}

/// The page of a notice.
pub async fn show(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path(id): Path<BulletinId>,
) -> Result<Response, AppError> {
    let seen = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    page::render(&build(&app, &user, Some(seen), None, FieldErrors::default()).await?)
}

/// The form of a notice as it stands.
fn stored(b: &Managed, state: BulletinState) -> FormData {
    let mut data = FormData::default();
    data.set("title", &b.title);
    data.set("category", &b.category);
    data.set("body", &b.body);
    if b.pinned {
        data.set("pinned", "1");
    }
    // One that was withdrawn is published anew: at once, unless somebody says otherwise.
    if let Some(at) = b.publishes_at().filter(|_| state != BulletinState::Withdrawn) {
        let (day, time) = at.china().split_once(' ').map(|(d, t)| (d.to_owned(), t.to_owned())).unwrap_or_default();
        data.set("publish_day", &day);
        data.set("publish_time", &time);
    }
    if let Some(end) = b.expires_at {
        data.set("expire_day", &Instant::from_millis(end.millis() - 1).china_day().to_string());
    }
    data
}

async fn build(
    app: &App,
    user: &Permitted<PublishBulletins>,
    seen: Option<Managed>,
    typed: Option<FormData>,
    errors: FieldErrors,
) -> Result<EditorPage, AppError> {
    let now = app.now();
    let state = seen.as_ref().map_or(BulletinState::Draft, |b| b.state(now));
    let title = if seen.is_some() { "修改公告" } else { "添加公告" };
    let mut shell = frame::signed(app, user, title, Entry::Publishing, &CRUMBS).await?;
    shell.error_title = !errors.is_empty();
    let mut data = match &seen {
        Some(b) => stored(b, state),
        None => FormData::default(),
    };
    if let Some(typed) = typed {
        // A form that carries only a reason leaves the text as it stands.
        if typed.has("title") || seen.is_none() {
            data = typed;
        } else if typed.has("reason") {
            data.set("reason", typed.get("reason"));
        }
    }
    let chosen = data.get("category");
    let mut categories: Vec<_> = CATEGORIES.iter().map(|c| Choice::new(*c, *c)).collect();
    if !chosen.is_empty() && seen.as_ref().is_some_and(|b| b.category == chosen) && !CATEGORIES.contains(&chosen) {
        categories.push(Choice::new(chosen, chosen));
    }
    let standing = match seen {
        Some(b) => {
            let read = app.db.read();
            let files = bulletin::files(&read, b.id).await?;
            let old = bulletin::removed_files(&read, &user.permit, b.id).await?;
            let versions = bulletin::versions(&read, &user.permit, b.id, SHOWN).await?;
            // Of what was typed into an older version the next save must know.
            let version = data.get("version").parse().unwrap_or(b.version);
            let old_files = file_lines(old);
            Some(Standing { version, old_files, ..standing(b, state, files, &versions) })
        }
        None => None,
    };
    Ok(EditorPage {
        shell,
        categories,
        has_open_time: state.has_open_time(),
        can_be_published: state.can_be_published(),
        longest: LONGEST,
        standing,
        preview: None,
        refused: Vec::new(),
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

fn standing(b: Managed, state: BulletinState, files: Vec<BulletinFile>, versions: &[Version]) -> Standing {
    let (tone, icon) = look(state);
    Standing {
        id: b.id,
        state,
        tone,
        icon,
        version: b.version,
        published: b.published_at.china(),
        withdrawn_reason: b.withdrawn_reason,
        is_plain: b.format == BulletinFormat::Plain,
        files: file_lines(files),
        old_files: Vec::new(),
        versions: versions.iter().map(versions::Line::from).collect(),
    }
}

fn file_lines(files: Vec<BulletinFile>) -> Vec<FileLine> {
    let line = |f: BulletinFile| FileLine {
        id: f.id,
        name: f.name,
        size: view::size(f.size_bytes),
        removed: f.removed_at.map(Instant::china).unwrap_or_default(),
    };
    files.into_iter().map(line).collect()
}

/// The page again after files were refused.
pub(super) async fn again(
    app: &App,
    user: &Permitted<PublishBulletins>,
    id: BulletinId,
    refused: Vec<String>,
) -> Result<Response, AppError> {
    let seen = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    let mut page = build(app, user, Some(seen), None, FieldErrors::default()).await?;
    page.shell.error_title = true;
    page.refused = refused;
    page::unprocessable(&page)
}

/// The minutes of `09:00`.
fn minutes(typed: &str) -> Result<i64, &'static str> {
    const WRONG: &str = "时刻应写成 09:00 的形式";
    let typed = text::half_width(typed);
    let (hour, minute) = typed.split_once(':').ok_or(WRONG)?;
    let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse::<i64>().ok()).flatten();
    match (number(hour), number(minute)) {
        (Some(h @ 0..24), Some(m @ 0..60)) if (1..=2).contains(&hour.len()) && minute.len() == 2 => Ok(h * 60 + m),
        _ => Err(WRONG),
    }
}

/// What was typed; `seen` is the notice that is there already.
fn read(form: &FormData, seen: Option<&Managed>, deed: Deed, now: Instant) -> Result<Text, FieldErrors> {
    let mut check = Checker::new(form);
    let title = check.text("title", "标题").one_line().required().length(2..=100).take();
    let kept = seen.map_or("", |b| b.category.as_str());
    let category = check.choice("category", "栏目", |c| CATEGORIES.contains(&c) || (!kept.is_empty() && c == kept));
    let state = seen.map_or(BulletinState::Draft, |b| b.state(now));
    let publishes_at = if state.has_open_time() {
        let day = check.day_optional("publish_day", "发布日期");
        let time = check.parse_optional("publish_time", minutes);
        if form.get("publish_day").trim().is_empty() && !form.get("publish_time").trim().is_empty() {
            check.error("publish_day", "请选择发布日期，或清除发布时刻（立即发布）");
        }
        let at = day.map(|d| d.start_instant().plus_minutes(time.unwrap_or_default()));
        let goes_out = deed == Deed::Publish || state == BulletinState::Scheduled;
        if goes_out && at.is_some_and(|at| at < now) {
            check.error("publish_day", "该发布时间已过，请改为以后的时间，或留空立即发布");
        }
        at
    } else {
        seen.map(|b| b.published_at)
    };
    let expires_at = check.day_optional("expire_day", "自动下线").map(domain::time::Day::end_instant);
    let begins = publishes_at.unwrap_or(now);
    if expires_at.is_some_and(|end| end <= begins) {
        check.error("expire_day", "自动下线日期不能早于发布日期");
    }
    let body = check.text("body", "正文").required().length(2..=LONGEST).take();
    let pinned = form.has("pinned");
    check.finish().map(|()| Text { title, category, body, pinned, publishes_at, expires_at })
}

/// What the button of the editor asks for.
enum Asked {
    /// 预览: shows the text as it will be read; nothing is saved.
    Preview,
    /// 保存 or 发布.
    Write(Deed),
}

fn asked(form: &FormData) -> Asked {
    match form.get("deed") {
        "preview" => Asked::Preview,
        "publish" => Asked::Write(Deed::Publish),
        _ => Asked::Write(Deed::Save),
    }
}

async fn preview(
    app: &App,
    user: &Permitted<PublishBulletins>,
    seen: Option<Managed>,
    form: FormData,
) -> Result<Response, AppError> {
    // Longer than what is taken would only be shown, never saved.
    let body: String = form.get("body").chars().take(LONGEST).collect();
    let shown = (form.get("title").trim().to_owned(), Prose::of(&body, BulletinFormat::Marked));
    let mut page = build(app, user, seen, Some(form), FieldErrors::default()).await?;
    page.preview = Some(shown);
    page::render(&page)
}

fn done(app: &App, id: BulletinId, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), &format!("/publishing/{id}"), sentence)
}

/// What happened, for the next page.
fn outcome(deed: Deed, to: &Text, now: Instant) -> String {
    match (deed, to.publishes_at) {
        (Deed::Save, _) => "已保存。".to_owned(),
        (Deed::Publish, Some(at)) if at > now => format!("将于 {} 自动发布。", at.china()),
        (Deed::Publish, _) => "已发布，公共首页现在显示该公告。".to_owned(),
    }
}

/// 保存, 发布 or 预览 of a new notice.
pub async fn create(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let Asked::Write(deed) = asked(&form) else { return preview(&app, &user, None, form).await };
    let now = app.now();
    let new = match read(&form, None, deed, now) {
        Ok(new) => new,
        Err(errors) => return page::unprocessable(&build(&app, &user, None, Some(form), errors).await?),
    };
    let tx = app.db.begin().await?;
    let id = bulletin::create(&tx, &user.permit, &new, deed, &user.by(), now).await?;
    tx.commit().await?;
    Ok(done(&app, id, &outcome(deed, &new, now)))
}

/// 保存, 发布 or 预览.
pub async fn update(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path(id): Path<BulletinId>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let mut seen = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    let Asked::Write(deed) = asked(&form) else { return preview(&app, &user, Some(seen), form).await };
    let now = app.now();
    let to = match read(&form, Some(&seen), deed, now) {
        Ok(to) => to,
        Err(errors) => return page::unprocessable(&build(&app, &user, Some(seen), Some(form), errors).await?),
    };
    seen.version = form.get("version").parse().unwrap_or_default();
    let tx = app.db.begin().await?;
    match bulletin::update(&tx, &user.permit, &seen, &to, deed, &user.by(), now).await {
        Ok(()) => tx.commit().await?,
        Err(DbError::Overtaken(_)) => {
            drop(tx);
            let now_there = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
            form.remove("version");
            let mut errors = FieldErrors::default();
            errors.add("title", CHANGED_MEANWHILE);
            return page::unprocessable(&build(&app, &user, Some(now_there), Some(form), errors).await?);
        }
        Err(other) => return Err(other.into()),
    }
    Ok(done(&app, id, &outcome(deed, &to, now)))
}

/// 撤回.
pub async fn withdraw(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path(id): Path<BulletinId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let seen = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    let mut check = Checker::new(&form);
    let reason = check.text("reason", "撤回原因").required().length(2..=200).take();
    if let Err(errors) = check.finish() {
        return page::unprocessable(&build(&app, &user, Some(seen), Some(form), errors).await?);
    }
    let tx = app.db.begin().await?;
    bulletin::withdraw(&tx, &user.permit, &seen, &reason, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已撤回，公共首页不再显示该公告。"))
}

/// 删除 of a draft.
pub async fn delete(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path(id): Path<BulletinId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let seen = bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    let tx = app.db.begin().await?;
    bulletin::delete_draft(&tx, &user.permit, &seen, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), "/publishing", &format!("已删除草稿“{}”。", seen.title)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_in_the_ways_people_type_it() {
        assert_eq!(minutes("09:00"), Ok(540));
        assert_eq!(minutes("9:30"), Ok(570));
        assert_eq!(minutes("２３：５９"), Ok(1439));
        for wrong in ["24:00", "9", "9:5", "09:60", "-1:00", "+9:00", "009:00", ":", ""] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
