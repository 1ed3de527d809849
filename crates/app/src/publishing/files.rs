//! The files of a notice: upload, open, delete. The public gets them at `/bulletins/{id}/files/{file}`.

use axum::extract::{FromRequest as _, Multipart, Path, Request, State};
use axum::response::Response;
use db::bulletin::{self, NewFile};
use domain::ids::{BulletinFileId, BulletinId};
use domain::policy::PublishBulletins;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::session::{Permitted, Submitted, check_token};
use kit::upload::{FILE_LIMIT_BYTES, UploadError, new_key, piece_by_piece, store_stream};

use super::bulletin as editor;
use crate::parts::files::{download, file_name};

fn incomplete() -> AppError {
    AppError::Invalid("没有收到完整的文件，请重试。".to_owned())
}

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
    let mut token = String::new();
    let (mut stored, mut refused) = (Vec::new(), Vec::new());
    let mut body = Multipart::from_request(request.map(piece_by_piece), &app).await.map_err(|_| incomplete())?;
    while let Some(field) = body.next_field().await.map_err(|_| incomplete())? {
        match field.name().unwrap_or_default() {
            "csrf" => token = field.text().await.map_err(|_| incomplete())?,
            "file" => {
                check_token(Some(&user.caller), &token)?;
                let name = file_name(field.file_name().unwrap_or_default());
                if name.is_empty() {
                    continue;
                }
                // Announced before its first byte: whatever breaks from here on, the sweep finds the file.
                let object_key = new_key();
                let tx = app.db.begin().await?;
                db::attachment::announce(&tx, &object_key, app.now()).await?;
                tx.commit().await?;
                let part = app.config.upload_part_bytes;
                match store_stream(app.files.as_ref(), &object_key, field, FILE_LIMIT_BYTES, part).await {
                    Ok(file) => stored.push(NewFile {
                        name,
                        size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
                        sha256: file.sha256,
                        content_type: file.content_type,
                        object_key,
                    }),
                    Err(UploadError::Broken(error)) => {
                        tracing::warn!(error = format!("{error:#}"), "an upload broke off");
                        refused.push(format!("“{name}”：没有上传成功，请重试"));
                        break;
                    }
                    Err(why) => refused.push(format!("“{name}”：{why}")),
                }
            }
            _ => {}
        }
    }
    // Also when nothing was chosen, and the token was never looked at.
    check_token(Some(&user.caller), &token)?;
    let mut added = 0;
    if !stored.is_empty() {
        let tx = app.db.begin().await?;
        for file in &stored {
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
