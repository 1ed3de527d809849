//! 批量下载: the papers of several certificates in one ZIP, with a list of what is in it and what is not (manual §2.6).
//!
//! The archive is made while it is sent: one paper after the other passes through, and no more of it is in memory than
//! a piece of one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use db::certificate_list::{Listed, Order, listed};
use db::reading::What;
use domain::certificate::Standing;
use domain::ids::CertificateId;
use domain::time::Instant;
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::certificate::list::{COLUMNS, Columns, Filters, short_label};
use crate::parts::files::disposition;
use crate::parts::readings;

/// So many certificates in one archive.
pub const MOST: i64 = 1_000;

/// A paper goes into the archive in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// The certificates that are ticked, or all that the filters mean.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Ticked {
    #[serde(default)]
    id: Vec<String>,
    #[serde(default)]
    all: String,
}

/// The archive. Somebody who may not see one of the ticked certificates gets none of them.
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Query(ticked): Query<Ticked>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let (listed, asked) = if ticked.all.is_empty() {
        let mut ids: Vec<CertificateId> = ticked.id.iter().filter_map(|id| id.parse().ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Err(AppError::Invalid("请先在列表中勾选要下载的证明，或点击“下载全部查询结果”。".to_owned()));
        }
        if i64::try_from(ids.len()).unwrap_or(i64::MAX) > MOST {
            return Err(too_many());
        }
        (listed(&user.scope()).of(&ids), Some(ids.len()))
    } else {
        let Ok(listed) = filters.meant(&app, &user).await? else {
            return Err(AppError::Invalid("查询条件有误，没有下载。请返回证明列表修改后重新查询。".to_owned()));
        };
        (listed, None)
    };
    let found = read(&app, &listed).await?;
    if i64::try_from(found.len()).unwrap_or(i64::MAX) > MOST {
        return Err(too_many());
    }
    if asked.is_some_and(|n| found.len() < n) {
        return Err(AppError::NotFound);
    }
    if found.is_empty() {
        return Err(AppError::Invalid("没有符合条件的证明，没有下载。请返回证明列表修改查询条件。".to_owned()));
    }
    for certificate in &found {
        readings::note(&app, &user, What::Certificate, certificate.id.get()).await;
    }
    let now = app.now();
    let name = format!("免办证明_{}_{}份.zip", app.clock.today().compact(), found.len());
    let mut response = Body::from_stream(archive(app.files.clone(), found, now)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", &name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

fn too_many() -> AppError {
    AppError::Invalid(format!("一次最多下载 {MOST} 份证明，没有下载。请返回证明列表缩小查询条件，分几次下载。"))
}

async fn read(app: &App, listed: &Listed) -> Result<Vec<Columns>, AppError> {
    Ok(listed.page(app.db.read(), COLUMNS, Order::Newest, MOST + 1, 0).await?)
}

/// Sends the archive piece by piece; whoever stops reading stops the making.
fn archive(
    files: Arc<dyn ObjectStore>,
    certificates: Vec<Columns>,
    now: Instant,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let (pieces, mut sent) = mpsc::channel::<io::Result<Bytes>>(2);
    tokio::spawn(async move {
        if let Err(error) = make(files.as_ref(), &certificates, now, &pieces).await {
            // A broken archive must not look like a whole one.
            let _ = pieces.send(Err(error)).await;
        }
    });
    poll_fn(move |context| sent.poll_recv(context))
}

/// What the archive's writer has written and nobody has sent yet.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn take(&self) -> Bytes {
        Bytes::from(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// Hands on what was written; fails when nobody reads any more.
async fn send(written: &Written, pieces: &Pieces) -> io::Result<()> {
    let piece = written.take();
    if piece.is_empty() {
        return Ok(());
    }
    pieces.send(Ok(piece)).await.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the archive"))
}

async fn make(files: &dyn ObjectStore, certificates: &[Columns], now: Instant, pieces: &Pieces) -> io::Result<()> {
    let written = Written::default();
    let mut zip = ZipWriter::new_stream(written.clone());
    let mut rows = vec![
        ["证明号", "申请单号", "申请单位", "版本", "有效期起", "有效期止", "状态", "文件名", "SHA-256", "说明"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for certificate in certificates {
        let name = format!("免办证明{}.pdf", certificate.number);
        let missing = add_paper(files, certificate, &name, &mut zip, &written, pieces).await?;
        rows.push(row(certificate, &name, missing, now));
    }
    zip.start_file("清单.csv", options()).map_err(io::Error::other)?;
    zip.write_all(csv(&rows).as_bytes())?;
    zip.finish().map_err(io::Error::other)?;
    send(&written, pieces).await
}

fn options() -> SimpleFileOptions {
    // Compressed lightly: then every reader of archives knows where a streamed file ends.
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .unix_permissions(0o644)
}

/// Adds a paper; says why not when there is none.
async fn add_paper(
    files: &dyn ObjectStore,
    certificate: &Columns,
    name: &str,
    zip: &mut ZipWriter<StreamWriter<Written>>,
    written: &Written,
    pieces: &Pieces,
) -> io::Result<Option<&'static str>> {
    let Some(key) = &certificate.object_key else {
        return Ok(Some("证明文件正在生成，没有放入压缩包，请稍后在证明页面下载"));
    };
    let found = match files.get(&object_store::path::Path::from(key.clone())).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(certificate.id = %certificate.id, %error, "the paper of a certificate cannot be read");
            return Ok(Some("证明文件暂时读取不到，没有放入压缩包，请联系系统管理员"));
        }
    };
    zip.start_file(name, options()).map_err(io::Error::other)?;
    let mut arriving = found.into_stream();
    while let Some(piece) = arriving.next().await {
        let piece = piece.map_err(io::Error::other)?;
        for part in piece.chunks(PIECE_BYTES) {
            zip.write_all(part)?;
            send(written, pieces).await?;
        }
    }
    Ok(None)
}

fn row(certificate: &Columns, name: &str, missing: Option<&str>, now: Instant) -> Vec<String> {
    let standing = certificate.standing(now);
    let has_paper = missing.is_none();
    let usable = match standing {
        Standing::Valid | Standing::Amending => "",
        Standing::Expired | Standing::Exhausted | Standing::Revoked | Standing::Surrendered => "该证明已不能用于进口",
    };
    vec![
        // A tab keeps the 17 digits a text where a spreadsheet would round them.
        format!("\t{}", certificate.number),
        certificate.application_number.clone().unwrap_or_default(),
        certificate.applicant_name.clone(),
        format!("第 {} 版", certificate.version),
        certificate.valid_from.to_string(),
        certificate.valid_to.to_string(),
        short_label(standing).to_owned(),
        if has_paper { name.to_owned() } else { String::new() },
        if has_paper { certificate.sha256.clone().unwrap_or_default() } else { String::new() },
        missing.unwrap_or(usable).to_owned(),
    ]
}

/// A CSV of UTF-8 with its mark, by which spreadsheets know it; nothing in it is taken for a formula.
fn csv(rows: &[Vec<String>]) -> String {
    let mut out = String::from('\u{feff}');
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .map(|text| {
                let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
                format!("\"{guard}{}\"", text.replace('"', "\"\""))
            })
            .collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let rows = [vec!["甲\"乙\",丙".to_owned(), "=1+1".to_owned(), String::new()]];
        assert_eq!(csv(&rows), "\u{feff}\"甲\"\"乙\"\",丙\",\"'=1+1\",\"\"\r\n");
    }
}
