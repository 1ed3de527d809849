//! 更正组织机构代码: an organisation that was registered with a mistaken code, on proof that is kept (D30).

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use db::DbError;
use db::organisation::{self, Shown, Summary};
use domain::ids::OrganisationId;
use domain::policy::KeepOrganisations;
use domain::text::{self, OrganisationCode};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::Permitted;
use kit::shell::Shell;
use kit::{flash, page};

use super::keeper;
use super::organisation::{PROOF_KINDS, tell};
use crate::frame::{self, Entry};
use crate::parts::files::can_preview;
use crate::parts::receipt::{Receipt, Received};

#[derive(Template)]
#[template(path = "organisations/code.html")]
struct CodePage {
    shell: Shell,
    form: FormView,
    o: Summary,
    code: String,
    /// The organisation that has the right code already.
    target: Option<String>,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
) -> Result<Response, AppError> {
    page::render(&build(&app, &user, id, FormData::default(), FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &Permitted<KeepOrganisations>,
    id: OrganisationId,
    data: FormData,
    errors: FieldErrors,
) -> Result<CodePage, AppError> {
    let read = app.db.read();
    let o = organisation::load(&read, &keeper(app, user), id).await?;
    let back = format!("/organisations/{id}");
    let crumbs = [("企业用户", "/organisations"), (o.name.as_str(), back.as_str())];
    let mut shell = frame::signed(app, user, "更正组织机构代码", Entry::Organisations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let target = match OrganisationCode::parse(data.get("right_code")) {
        Ok(code) => db::account::organisation_by_code(&read, code.key()).await?.map(|(o, _)| o.name),
        Err(_) => None,
    };
    Ok(CodePage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        code: text::hyphenated(&o.code),
        o,
        target,
    })
}

/// 更正. Where the right code is registered already, whoever does it says so: its name has to be confirmed.
pub async fn create(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
    request: Request,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let receipt = Receipt::new(&app, &user.caller).most(1, "只能附一个文件").only(can_preview, PROOF_KINDS);
    let Received { form, files, refused } = receipt.read(request).await?;
    let mut check = Checker::new(&form);
    let right = check.parse("right_code", "正确的组织机构代码", |s| {
        OrganisationCode::parse(s).map_err(|e| format!("正确的组织机构代码{e}"))
    });
    let reason = check.text("reason", "原因").required().length(5..=200).take();
    match (refused.first(), files.first()) {
        (Some(why), _) => check.error("file", why.clone()),
        (None, None) => check.error("file", "请选择证明材料，例如组织机构代码证或营业执照"),
        (None, Some(_)) => {}
    }
    if let Some(right) = &right
        && let Some((known, _)) = db::account::organisation_by_code(&app.db.read(), right.key()).await?
        && known.id != id
        && !form.has("merge")
    {
        check.error(
            "merge",
            format!("该代码已由“{}”注册。确认是同一单位的，请勾选后再次提交（证明材料须重新选择）", known.name),
        );
    }
    let outcome = check.finish();
    let (Ok(()), Some(right), Some(proof)) = (&outcome, right, files.first()) else {
        let page = build(&app, &user, id, form, outcome.err().unwrap_or_default()).await?;
        return page::unprocessable(&page);
    };
    let tx = app.db.begin().await?;
    let keeper = keeper(&app, &user);
    let before = organisation::load(&tx, &keeper, id).await?;
    let users: Vec<_> = db::account::colleagues(&tx, id).await?.into_iter().map(|u| u.id).collect();
    let shown = Shown { reason: &reason, proof };
    let done = match organisation::correct_code(&tx, &keeper, id, &right, shown, &user.by(), app.now()).await {
        Ok(done) => done,
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("right_code", why);
            return page::unprocessable(&build(&app, &user, id, form, errors).await?);
        }
        Err(DbError::Duplicate(_)) => {
            return Err(AppError::Conflict("该代码刚刚由其他单位注册，没有更正。请返回后重新提交。".to_owned()));
        }
        Err(other) => return Err(other.into()),
    };
    let name = if done.is_merged { organisation_name(&tx, &right).await? } else { before.name.clone() };
    let news = Summary { id: done.organisation, name, ..before.clone() };
    let (old, new) = (text::hyphenated(&before.code), text::hyphenated(right.key()));
    let what = format!("组织机构代码由 {old} 更正为 {new}");
    let next = if done.is_merged {
        "原代码的用户已并入正确代码的单位，须经其单位管理员确认；请重新登录。已提交的申请和已发的证明仍显示原代码。"
    } else {
        "请重新登录，新申请使用正确的代码。已提交的申请和已发的证明仍显示原代码。"
    };
    tell(&tx, &app, &user, &news, &users, (what, &reason, next)).await?;
    tx.commit().await?;
    let sentence =
        format!("已将 {old} 更正为 {new}：{} 个用户、{} 件申请，并已写信告知。", done.users, done.applications);
    // The organisation of the right code may lie in another region.
    let url = match organisation::load(&app.db.read(), &keeper, done.organisation).await {
        Ok(o) => format!("/organisations/{}", o.id),
        Err(DbError::NotFound) => "/organisations".to_owned(),
        Err(other) => return Err(other.into()),
    };
    Ok(flash::to(&app.key, app.config.is_https(), &url, &sentence))
}

async fn organisation_name(tx: &db::Tx, code: &OrganisationCode) -> Result<String, AppError> {
    Ok(db::account::organisation_by_code(tx, code.key()).await?.map(|(o, _)| o.name).unwrap_or_default())
}
