//! 常用条件: the filters of the worklist that an officer saved under a name; one of them opens it.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use db::DbError;
use domain::calendar::Pace;
use domain::ids::SavedFilterId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView, parse_urlencoded};
use kit::reference::ReferenceCache;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::selection::{Selection, Whose, has_desk};
use crate::frame::{self, Entry};

struct FilterRow {
    id: SavedFilterId,
    name: String,
    /// What was typed as its new name, and what is wrong with that.
    typed: String,
    error: Option<String>,
    words: String,
    href: String,
    is_default: bool,
}

#[derive(Template)]
#[template(path = "casework/saved_filters.html")]
struct SavedFiltersPage {
    shell: Shell,
    form: FormView,
    rows: Vec<FilterRow>,
    /// What is about to be saved, in words, and as a query.
    new: Option<(String, String)>,
    most: i64,
}

/// What a selection asks for, in the words of the list.
fn words(references: &ReferenceCache, selection: &Selection) -> String {
    let mut words = vec![match (selection.whose, selection.post) {
        (Whose::Mine, None) => "我的".to_owned(),
        (Whose::Mine, Some(post)) => format!("我的，{}岗", post.label()),
        (Whose::Bureau, None) => "本局".to_owned(),
        (Whose::Bureau, Some(post)) => format!("本局，{}岗", post.label()),
        (Whose::Post, post) => format!("{}岗", post.map_or("", domain::actor::Post::label)),
    }];
    for (name, label) in [
        ("number", "申请单号"),
        ("applicant", "申请单位"),
        ("clause", "免办条款"),
        ("hs_prefix", "HS 编码前几位"),
        ("pace", "等待时间"),
        ("taken", "办理人"),
        ("from", "到岗日期（起）"),
        ("to", "到岗日期（止）"),
    ] {
        let value = selection.get(name);
        let shown = match name {
            "clause" => references.clause_name(value).to_owned(),
            "pace" => value.parse::<Pace>().map_or_else(|_| value.to_owned(), |p| p.label().to_owned()),
            "taken" if value == "no" => "未办理".to_owned(),
            "taken" if value == "yes" => "已有人办理".to_owned(),
            _ => value.to_owned(),
        };
        if !value.is_empty() {
            words.push(format!("{label}：{shown}"));
        }
    }
    words.join("；")
}

/// An address stands in a header, and servers in between take no endless ones.
const LONGEST_QUERY: usize = 2_000;

fn enter(officer: &BureauOfficer) -> Result<(), AppError> {
    if has_desk(&officer.user) || officer.user.posts.holds(domain::actor::Post::BureauAdmin) {
        Ok(())
    } else {
        let why = "您的账号没有审批岗位。需要办理时，请联系本局系统管理员配置岗位。";
        Err(AppError::Forbidden(why.to_owned()))
    }
}

/// The page: those that are saved, and a form for the one that the list has now.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    enter(&officer)?;
    let data = parse_urlencoded(query.unwrap_or_default().as_bytes());
    page::render(&build(&app, &officer, data, FieldErrors::default(), None).await?)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    data: FormData,
    errors: FieldErrors,
    renamed: Option<(SavedFilterId, String, String)>,
) -> Result<SavedFiltersPage, AppError> {
    let saved = db::saved_filter::of(&app.db.read(), officer.user.account).await?;
    let references = app.references.now();
    let in_words = |query: &str| {
        Selection::carried(query, &officer.user)
            .map_or_else(|| "您已没有该岗位的权限".to_owned(), |s| words(&references, &s))
    };
    let new = Selection::carried(data.get("query"), &officer.user).map(|s| (words(&references, &s), s.query()));
    let rows = saved
        .into_iter()
        .map(|f| {
            let mine = renamed.as_ref().filter(|(id, _, _)| *id == f.id);
            FilterRow {
                id: f.id,
                typed: mine.map_or_else(|| f.name.clone(), |(_, typed, _)| typed.clone()),
                error: mine.map(|(_, _, why)| why.clone()),
                words: in_words(&f.query),
                href: format!("/casework?{}", f.query),
                name: f.name,
                is_default: f.is_default,
            }
        })
        .collect();
    let mut shell =
        frame::signed(app, officer, "常用条件", Entry::MyCases, &[("我的待办", "/casework?scope=mine")]).await?;
    shell.error_title = !errors.is_empty() || renamed.is_some();
    Ok(SavedFiltersPage {
        shell,
        form: FormView::new(data, errors, &officer.caller.csrf),
        rows,
        new,
        most: db::saved_filter::MOST,
    })
}

fn name_of(form: &FormData) -> Result<String, FieldErrors> {
    let mut check = Checker::new(form);
    let name = check.text("name", "名称").one_line().required().length(1..=30).take();
    check.finish()?;
    Ok(name)
}

/// 保存: the filters of the list under a name.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    enter(&officer)?;
    let Some(selection) = Selection::carried(form.get("query"), &officer.user) else {
        return Err(AppError::Invalid("请在待办列表中选好条件，再点击“把当前条件存为常用条件”。".to_owned()));
    };
    if selection.query().len() > LONGEST_QUERY {
        return Err(AppError::Invalid("筛选条件过长，没有保存。请在待办列表中缩短条件，再存为常用条件。".to_owned()));
    }
    let name = match name_of(&form) {
        Ok(name) => name,
        Err(errors) => return page::unprocessable(&build(&app, &officer, form, errors, None).await?),
    };
    let me = officer.user.account;
    let tx = app.db.begin().await?;
    let id = match db::saved_filter::save(&tx, me, &name, &selection.query(), app.now()).await {
        Ok(id) => id,
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("name", why);
            return page::unprocessable(&build(&app, &officer, form, errors, None).await?);
        }
        Err(error) => return Err(error.into()),
    };
    if form.has("is_default") {
        db::saved_filter::open_with(&tx, me, Some(id)).await?;
    }
    tx.commit().await?;
    let done = format!("已保存常用条件“{name}”。");
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/casework?{}", selection.query()), &done))
}

/// 改名.
pub async fn rename(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<SavedFilterId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    enter(&officer)?;
    let typed = form.get("name").to_owned();
    let name = match name_of(&form) {
        Ok(name) => name,
        Err(errors) => {
            let why = errors.for_field("name").unwrap_or_default().to_owned();
            return page::unprocessable(&again(&app, &officer, id, typed, why).await?);
        }
    };
    let tx = app.db.begin().await?;
    match db::saved_filter::rename(&tx, officer.user.account, id, &name).await {
        Ok(()) => tx.commit().await?,
        Err(DbError::Refused(why)) => {
            drop(tx);
            return page::unprocessable(&again(&app, &officer, id, typed, why).await?);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(done(&app, &format!("已改名为“{name}”。")))
}

async fn again(
    app: &App,
    officer: &BureauOfficer,
    id: SavedFilterId,
    typed: String,
    why: String,
) -> Result<SavedFiltersPage, AppError> {
    build(app, officer, FormData::default(), FieldErrors::default(), Some((id, typed, why))).await
}

fn done(app: &App, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), "/casework/saved-filters", sentence)
}

/// 删除.
pub async fn delete(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<SavedFilterId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    enter(&officer)?;
    let tx = app.db.begin().await?;
    db::saved_filter::delete(&tx, officer.user.account, id).await?;
    tx.commit().await?;
    Ok(done(&app, "已删除常用条件。"))
}

/// 设为默认, 取消默认: with which filter the worklist opens.
pub async fn open_with(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<SavedFilterId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    enter(&officer)?;
    let chosen = (form.get("is_default") == "1").then_some(id);
    let tx = app.db.begin().await?;
    db::saved_filter::open_with(&tx, officer.user.account, chosen).await?;
    tx.commit().await?;
    Ok(done(&app, if chosen.is_some() { "已设为默认，“默认待办”按它打开。" } else { "已取消默认。" }))
}
