//! The files of a notice: upload, open, delete. The public gets them at `/bulletins/{id}/files/{file}`.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use db::bulletin;
use domain::ids::{BulletinFileId, BulletinId};
use domain::policy::PublishBulletins;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::session::{Permitted, Submitted};

use super::bulletin as editor;
use crate::parts::files::download;
use crate::parts::receipt::{Receipt, Received};

fn done(app: &App, id: BulletinId, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), &format!("/publishing/{id}#files"), sentence)
}

/// 上传附件: several at once; one that is refused does not stop the others (D9).
pub async fn upload(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path(id): Path<BulletinId>,
    request: Request,
) -> Result<Response, AppError> {
    bulletin::load_managed(&app.db.read(), &user.permit, id).await?;
    let Received { files, mut refused, .. } = Receipt::new(&app, &user.caller).read(request).await?;
    let mut added = 0;
    if !files.is_empty() {
        let tx = app.db.begin().await?;
        for file in &files {
            match bulletin::add_file(&tx, &user.permit, id, file, &user.by(), app.now()).await {
                Ok(()) => added += 1,
                Err(db::DbError::Refused(why)) => refused.push(why),
                Err(other) => return Err(other.into()),
            }
        }
        tx.commit().await?;
    }
    if !refused.is_empty() {
        return editor::again(&app, &user, id, refused).await;
    }
    let sentence =
        if added == 0 { "没有选择文件。".to_owned() } else { format!("已上传 {added} 个附件。") };
    Ok(done(&app, id, &sentence))
}

/// A file, for its publisher, also before the notice is public.
pub async fn show(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path((id, file)): Path<(BulletinId, BulletinFileId)>,
) -> Result<Response, AppError> {
    let file = bulletin::managed_file(&app.db.read(), &user.permit, id, file).await?;
    download(&app, &file.object_key, &file.name, file.size_bytes).await
}

/// 删除.
pub async fn delete(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path((id, file)): Path<(BulletinId, BulletinFileId)>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let file = bulletin::managed_file(&app.db.read(), &user.permit, id, file).await?;
    let tx = app.db.begin().await?;
    bulletin::delete_file(&tx, &user.permit, id, &file, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, id, &format!("已删除附件“{}”。", file.name)))
}
