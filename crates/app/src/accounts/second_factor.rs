//! 两步验证: required of a bureau's officers, and reset for one who lost his telephone.

use axum::extract::{Path, State};
use axum::response::Response;
use db::officer;
use domain::ids::{AccountId, BureauCode};
use domain::policy::ManageAccounts;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::session::{Permitted, Submitted};

use super::account;
use super::list::{CNCA, unit_name};

/// 要求启用两步验证, or no longer.
pub async fn require(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let bureau = match form.get("bureau") {
        CNCA => None,
        code => Some(BureauCode::new(code)),
    };
    let required = form.has("required");
    let tx = app.db.begin().await?;
    officer::require_second_factor(&tx, &user.permit, bureau.as_ref(), required, &user.by(), app.now()).await?;
    tx.commit().await?;
    let references = app.references.now();
    let name = unit_name(&references, bureau.as_ref());
    let what = if required { "已要求" } else { "不再要求" };
    let url = format!("/accounts?bureau={}", bureau.as_ref().map_or(CNCA, BureauCode::as_str));
    Ok(flash::to(&app.key, app.config.is_https(), &url, &format!("{what}{name}的人员启用两步验证。")))
}

/// 重置两步验证.
pub async fn remove(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    officer::reset_second_factor(&tx, &user.permit, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(account::done(&app, id, "两步验证已重置，登录已全部退出。本人登录后可重新设置。"))
}
