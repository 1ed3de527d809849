//! Files of long lists, made where nobody waits for them (E37).

use db::export::{self, Made};
use db::stored_file;
use domain::ids::ExportId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::random;

use super::JobError;
use crate::reports;

/// Said to whoever asked when it is nobody's fault but ours.
const BROKEN: &str = "生成时出错，请重新申请；仍不能生成的，请联系系统管理员";

/// Makes the file; what the person may not see any more, or does not exist, fails for good.
pub(super) async fn make(app: &App, id: ExportId, is_last_try: bool) -> Result<(), JobError> {
    let Some(asked) = export::waiting(&app.db.read(), id).await? else { return Ok(()) };
    let object_key = format!("exports/{id}/{}", random::token());
    // Announced and never taken: the sweep removes what a broken run leaves.
    let tx = app.db.begin().await?;
    stored_file::announce(&tx, &object_key, app.now()).await?;
    tx.commit().await?;
    let actor = db::account::actor(&app.db.read(), asked.account_id).await?;
    let stored = match reports::open(app, &actor, asked.report, &asked.query).await {
        Ok(report) => {
            let name = report.name.clone();
            report.store(app, &object_key).await.map(|(rows, size)| (name, rows, size))
        }
        Err(error) => Err(error),
    };
    let tx = app.db.begin().await?;
    let outcome = match stored {
        Ok((name, rows, size_bytes)) => {
            let made = Made { name: &format!("{name}.xlsx"), rows, size_bytes, object_key: &object_key };
            export::made(&tx, id, made, app.now()).await?;
            Ok(())
        }
        Err(AppError::Unavailable(error)) => return Err(JobError::Retry(error.into())),
        Err(AppError::Internal(error)) if !is_last_try => return Err(JobError::Retry(error)),
        Err(AppError::Internal(error)) => {
            refuse(&tx, id, BROKEN, app.now()).await?;
            Err(JobError::Hopeless(error))
        }
        Err(error) => {
            refuse(&tx, id, &sentence(error), app.now()).await?;
            Ok(())
        }
    };
    tx.commit().await?;
    outcome
}

fn sentence(error: AppError) -> String {
    match error {
        AppError::Forbidden(why)
        | AppError::Conflict(why)
        | AppError::Overtaken { sentence: why, .. }
        | AppError::Invalid(why)
        | AppError::TooLarge(why)
        | AppError::TooMany(why) => why,
        AppError::NotFound | AppError::SessionEnded => "清单已不存在，或您已不能查看。".to_owned(),
        AppError::Internal(_) | AppError::Unavailable(_) | AppError::TooSlow => BROKEN.to_owned(),
    }
}

async fn refuse(tx: &db::Tx, id: ExportId, why: &str, now: Instant) -> Result<(), db::DbError> {
    export::failed(tx, id, why, now).await
}
