//! A form that carries files: 使用、退运、销毁 records and on-site visits.
//!
//! The form names its files in hidden fields `attached`. What is uploaded waits without an owner until a form is saved
//! that names it, so 返回 drops new files and brings deleted ones back, with and without script: 添加 and 覆盖 send the
//! whole form with the chosen files to `?refresh=files`, 删除 sends it without; the page comes back with everything typed.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use db::stored_file::NewFile;
use db::usage::{self, UsageFile};
use domain::ids::{CertificateId, UsageFileId, UsageRecordId};
use kit::app::App;
use kit::error::AppError;
use kit::form::{FormData, parse_urlencoded};
use kit::page;
use kit::session::{Signed, check_token};
use object_store::ObjectStoreExt as _;

use crate::parts::files::{can_preview, caution, is_picture, why_unseen};
use crate::parts::receipt::{Receipt, Received};
use crate::parts::view::size;

/// All fields of a form together may be this large.
const TEXT_LIMIT_BYTES: usize = 2 * 1024 * 1024;
/// A camera writes the time into the first bytes of a picture.
const HEAD_BYTES: u64 = 128 * 1024;
/// The files that one upload brings.
const MOST_FILES: usize = 100;
/// A form that names more ids than this is no form of ours; how many files a record may have is said when it is saved.
const MOST_NAMED: usize = 1_000;

/// What arrived.
#[derive(Debug)]
pub struct FiledForm {
    /// The fields; `attached` names the files that the form has now.
    pub form: FormData,
    /// What was not taken, and why.
    pub refused: Vec<String>,
    /// How many files came.
    added: Vec<UsageFileId>,
    scripted: bool,
}

impl FiledForm {
    /// The files that the form names.
    pub fn attached(form: &FormData) -> Vec<UsageFileId> {
        let mut ids: Vec<_> = form.all("attached").filter_map(|id| id.parse().ok()).take(MOST_NAMED).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The answer to an upload by script: the row of its file, or why there is none.
    pub async fn row(&self, app: &App, user: &Signed, action: &str) -> Option<Result<Response, AppError>> {
        if !self.scripted {
            return None;
        }
        let Some(id) = self.added.first() else {
            let sentence = self.refused.first().cloned().unwrap_or_else(|| "没有选择文件".to_owned());
            return Some(page::unprocessable(&RefusedRow { sentence }));
        };
        let account = user.actor().account();
        match usage::load_file(&app.db.read(), &user.scope(), account, *id).await {
            Ok(file) => Some(page::render(&FileRow::of(&file, action))),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// Reads a form with or without files; files are stored as they stream. The caller has checked that this user may fill in
/// the form, before a byte is stored.
pub async fn read(
    app: &App,
    user: &Signed,
    certificate: CertificateId,
    request: Request,
) -> Result<FiledForm, AppError> {
    let headers = request.headers();
    let scripted = headers.contains_key("hx-request");
    let token = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/") {
        let body = to_bytes(request.into_body(), TEXT_LIMIT_BYTES)
            .await
            .map_err(|_| AppError::TooLarge("提交的内容过多，请减少后重新提交。".to_owned()))?;
        let mut form = parse_urlencoded(&body);
        let typed = if token.is_empty() { form.get("csrf").to_owned() } else { token };
        check_token(Some(&user.caller), &typed)?;
        drop_named(&mut form);
        return Ok(FiledForm { form, refused: Vec::new(), added: Vec::new(), scripted: false });
    }
    let one_too_many = format!("一次最多上传 {MOST_FILES} 个文件");
    let receipt = Receipt::new(app, &user.caller).most(MOST_FILES, &one_too_many).texts(TEXT_LIMIT_BYTES);
    let Received { mut form, files, mut refused } = receipt.read(request).await?;
    let added = keep(app, user, certificate, files, &mut refused).await?;
    if added.is_empty() && refused.is_empty() && !scripted {
        refused.push("没有选择文件。请先点击“浏览”选择文件，再点击“添加”或“覆盖”".to_owned());
    }
    attach(&mut form, &added);
    Ok(FiledForm { form, refused, added, scripted })
}

async fn keep(
    app: &App,
    user: &Signed,
    certificate: CertificateId,
    files: Vec<NewFile>,
    refused: &mut Vec<String>,
) -> Result<Vec<UsageFileId>, AppError> {
    let mut added = Vec::new();
    if files.is_empty() {
        return Ok(added);
    }
    let mut dated = Vec::new();
    for file in files {
        dated.push((taken_at(app, &file).await, file));
    }
    let tx = app.db.begin().await?;
    for (taken_at, file) in &dated {
        match usage::add_file(&tx, certificate, file, taken_at, user.actor().account(), app.now()).await {
            Ok(id) => added.push(id),
            Err(db::DbError::Refused(why)) => refused.push(why),
            Err(other) => return Err(other.into()),
        }
    }
    tx.commit().await?;
    Ok(added)
}

/// 删除: the file that the button names is not named any more.
fn drop_named(form: &mut FormData) {
    let dropped = form.get("drop").to_owned();
    if !dropped.is_empty() {
        let pairs = form.pairs().iter().filter(|(k, v)| !(k == "attached" && *v == dropped)).cloned().collect();
        *form = FormData::from_pairs(pairs);
    }
    form.remove("drop");
}

/// 添加, 覆盖: the new files are named, in place of the one that the button names.
fn attach(form: &mut FormData, added: &[UsageFileId]) {
    let over = form.get("over").to_owned();
    let mut pairs: Vec<_> = form.pairs().to_vec();
    if !added.is_empty() && !over.is_empty() {
        pairs.retain(|(k, v)| !(k == "attached" && *v == over));
    }
    pairs.extend(added.iter().map(|id| ("attached".to_owned(), id.to_string())));
    *form = FormData::from_pairs(pairs);
    form.remove("over");
}

/// When a picture was taken, as its camera wrote it: `2026-11-23 09:30`; blank when it does not say.
async fn taken_at(app: &App, file: &NewFile) -> String {
    if !is_picture(&file.content_type) {
        return String::new();
    }
    let path = object_store::path::Path::from(file.object_key.as_str());
    let size = u64::try_from(file.size_bytes).unwrap_or_default();
    match app.files.get_range(&path, 0..size.min(HEAD_BYTES)).await {
        Ok(head) => taken(&head).unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "the first bytes of a picture cannot be read");
            String::new()
        }
    }
}

fn taken(head: &[u8]) -> Option<String> {
    let read = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(head)).ok()?;
    let field = read.get_field(exif::Tag::DateTimeOriginal, exif::In::PRIMARY)?;
    let exif::Value::Ascii(texts) = &field.value else { return None };
    let t = exif::DateTime::from_ascii(texts.first()?).ok()?;
    Some(format!("{:04}-{:02}-{:02} {:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute))
}

/// A file in a form.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/filed_row.html")]
pub struct FileRow {
    id: UsageFileId,
    name: String,
    size: String,
    taken_at: String,
    has_preview: bool,
    /// What its uploader should know; empty when it is fine.
    caution: String,
    action: String,
}

impl askama::filters::HtmlSafe for FileRow {}

impl FileRow {
    fn of(file: &UsageFile, action: &str) -> Self {
        Self {
            id: file.id,
            name: file.name.clone(),
            size: size(file.size_bytes),
            taken_at: file.taken_at.clone(),
            has_preview: can_preview(&file.content_type),
            caution: caution(&file.content_type, &file.name).unwrap_or_default(),
            action: action.to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "application/attachment_refused.html")]
struct RefusedRow {
    sentence: String,
}

/// The part of a form that holds its files.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/filed.html")]
pub struct Files {
    title: &'static str,
    help: &'static str,
    /// Where the form is sent.
    action: String,
    rows: Vec<FileRow>,
    refused: Vec<String>,
}

impl askama::filters::HtmlSafe for Files {}

impl Files {
    /// The files that a form names, as far as this user may name them.
    pub async fn of(
        app: &App,
        user: &Signed,
        certificate: CertificateId,
        record: Option<UsageRecordId>,
        form: &FormData,
        action: &str,
    ) -> Result<Self, AppError> {
        let named = FiledForm::attached(form);
        let found = usage::files_among(&app.db.read(), certificate, record, user.actor().account(), &named).await?;
        Ok(Self {
            title: "上传附件",
            help: "可以选择多个文件，每个不超过 5M，合计不超过 100M。",
            action: action.to_owned(),
            rows: found.iter().map(|f| FileRow::of(f, action)).collect(),
            refused: usage::lost(named.len(), found.len()).into_iter().collect(),
        })
    }

    /// With another heading and another hint.
    #[must_use]
    pub const fn titled(mut self, title: &'static str, help: &'static str) -> Self {
        self.title = title;
        self.help = help;
        self
    }

    /// With what was not taken.
    #[must_use]
    pub fn refusing(mut self, refused: Vec<String>) -> Self {
        if !refused.is_empty() {
            self.refused = refused;
        }
        self
    }
}

/// A file in a list, to be opened.
#[derive(Debug, Clone)]
pub struct FileLink {
    /// Its id.
    pub id: UsageFileId,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: String,
    /// When the picture was taken.
    pub taken_at: String,
    /// Whether it can be looked at without downloading.
    pub has_preview: bool,
    /// Whether it is a picture.
    pub is_picture: bool,
    /// When it was deleted or replaced after it had been submitted (D32); blank while it belongs to the record.
    pub removed: String,
    /// What it is, when it is a picture that no browser shows; else empty.
    pub unseen: String,
}

impl FileLink {
    /// The link to a file.
    pub fn of(file: &UsageFile) -> Self {
        Self {
            id: file.id,
            name: file.name.clone(),
            size: size(file.size_bytes),
            taken_at: file.taken_at.clone(),
            has_preview: can_preview(&file.content_type),
            is_picture: is_picture(&file.content_type),
            removed: file.removed_at.map(domain::time::Instant::china).unwrap_or_default(),
            unseen: caution(&file.content_type, &file.name)
                .map_or_else(String::new, |_| why_unseen(&file.content_type, &file.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of nothing whose camera wrote a time.
    fn photo(time: &str) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0".to_vec();
        // One entry: the Exif block at 26.
        tiff.extend(b"\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0");
        // One entry there: DateTimeOriginal, 20 bytes at 44.
        tiff.extend(b"\x01\0\x03\x90\x02\0\x14\0\0\0\x2c\0\0\0\0\0\0\0");
        tiff.extend(time.as_bytes());
        tiff.push(0);
        let mut out = b"\xff\xd8\xff\xe1".to_vec();
        out.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
        out.extend(b"Exif\0\0");
        out.extend(tiff);
        out.extend(b"\xff\xd9");
        out
    }

    #[test]
    fn the_time_of_a_photo_is_read_and_a_missing_one_is_blank() {
        assert_eq!(taken(&photo("2026:11:20 14:05:59")).as_deref(), Some("2026-11-20 14:05"));
        assert_eq!(taken(b"\xff\xd8\xff\xd9"), None);
        assert_eq!(taken(b"no picture"), None);
    }

    #[test]
    fn files_are_named_dropped_and_replaced() {
        let pairs = |p: &[(&str, &str)]| p.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut form = FormData::from_pairs(pairs(&[("attached", "1"), ("attached", "2"), ("drop", "1")]));
        drop_named(&mut form);
        assert_eq!(FiledForm::attached(&form), [UsageFileId::new(2)]);
        form.set("over", "2");
        attach(&mut form, &[]);
        assert_eq!(FiledForm::attached(&form), [UsageFileId::new(2)], "nothing came in its place");
        form.set("over", "2");
        attach(&mut form, &[UsageFileId::new(7)]);
        assert_eq!(FiledForm::attached(&form), [UsageFileId::new(7)]);
    }
}
