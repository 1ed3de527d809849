//! Scans of paper originals, brought by 文件对比岗 and seen by whoever sees the case (R-B-04).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use db::comparison::{self as store, Scan};
use db::reading::What;
use domain::comparison::Document;
use domain::ids::{ApplicationId, ScanId};
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::session::{BureauOfficer, Submitted};

use crate::casework::comparison;
use crate::casework::selection::Selection;
use crate::parts::files::{self, Filed, can_preview};
use crate::parts::readings;
use crate::parts::receipt::{Receipt, Received};

/// 上传扫描件: pictures and PDF; one that is refused does not stop the others (D9).
pub async fn upload(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    request: Request,
) -> Result<Response, AppError> {
    // Asked before any byte is stored, and again when the row is written.
    let read = app.db.read();
    let application = db::application::load(&read, &officer.scope(), id, app.now()).await?;
    refuse_colleague(comparison::open_for(&read, &app, &officer, &application).await?)?;
    let receipt = Receipt::new(&app, &officer.caller).only(can_preview, "扫描件须为图片（JPG、PNG、GIF、WEBP）或 PDF");
    let Received { form, files, mut refused } = receipt.read(request).await?;
    let list = form.get("list").to_owned();
    let document = form.get("document");
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    refuse_colleague(comparison::open_for(&tx, &app, &officer, &application).await?)?;
    let lines = comparison::at_desk(&tx, &app, &application).await?;
    let is_known = document.parse::<Document>().is_ok_and(|d| lines.iter().any(|l| l.document == d));
    if !is_known {
        refused.push("请选择扫描件对应的材料".to_owned());
    }
    let mut added = 0;
    for scan in files.iter().filter(|_| is_known) {
        match store::add_scan(&tx, &application, document, scan, officer.user.account, &officer.by(), app.now()).await {
            Ok(()) => added += 1,
            Err(db::DbError::Refused(why)) => refused.push(why),
            Err(other) => return Err(other.into()),
        }
    }
    tx.commit().await?;
    if !refused.is_empty() {
        return comparison::refused(&app, &officer, &application, &list, refused).await;
    }
    let said = match added {
        0 => "没有选择文件。请先选择扫描件再点击“上传扫描件”。".to_owned(),
        n => format!("已上传 {n} 个扫描件。"),
    };
    Ok(done(&app, &officer, id, (&list, document), &said))
}

/// Back to the page, with the document beside the form.
fn done(app: &App, officer: &BureauOfficer, id: ApplicationId, (list, document): (&str, &str), said: &str) -> Response {
    let list = Selection::carried(list, &officer.user).map(|s| s.query()).unwrap_or_default();
    let desk = comparison::desk(id, &list);
    let url = if document.is_empty() { desk.address() } else { desk.paper(document) };
    flash::to(&app.key, app.config.is_https(), &url, said)
}

fn refuse_colleague(holder: Option<String>) -> Result<(), AppError> {
    match holder {
        Some(name) => {
            let why = format!("该单据由 {name} 办理。确需由您办理时，请先在单据中填写理由接手。");
            Err(AppError::Conflict(why))
        }
        None => Ok(()),
    }
}

/// 删除 of a scan, until the decision.
pub async fn delete(
    State(app): State<App>,
    officer: BureauOfficer,
    Path((id, scan)): Path<(ApplicationId, ScanId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    refuse_colleague(comparison::open_for(&tx, &app, &officer, &application).await?)?;
    let scan = store::scan(&tx, &officer.scope(), id, scan).await?;
    store::delete_scan(&tx, &application, &scan, &officer.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, &officer, id, (form.get("list"), ""), &format!("已删除扫描件“{}”。", scan.name)))
}

/// A scan, as a download.
pub async fn download(
    State(app): State<App>,
    officer: BureauOfficer,
    Path((id, scan)): Path<(ApplicationId, ScanId)>,
) -> Result<Response, AppError> {
    let scan = store::scan(&app.db.read(), &officer.scope(), id, scan).await?;
    readings::note(&app, &officer, What::Attachment, id.get()).await;
    files::download(&app, &scan.object_key, &scan.name, scan.size_bytes).await
}

/// A scan, inside the browser (E23).
pub async fn preview(
    State(app): State<App>,
    officer: BureauOfficer,
    Path((id, scan)): Path<(ApplicationId, ScanId)>,
) -> Result<Response, AppError> {
    let scan = store::scan(&app.db.read(), &officer.scope(), id, scan).await?;
    readings::note(&app, &officer, What::Attachment, id.get()).await;
    files::preview(&app, filed(&scan), &format!("/casework/{id}/scans/{}", scan.id)).await
}

fn filed(scan: &Scan) -> Filed<'_> {
    Filed {
        object_key: &scan.object_key,
        name: &scan.name,
        size_bytes: scan.size_bytes,
        content_type: &scan.content_type,
    }
}
