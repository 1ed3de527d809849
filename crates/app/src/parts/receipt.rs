//! A form that carries files, whatever they are for. Files are stored as they stream, each announced before its first byte,
//! so the sweep finds whatever no row takes; one that is refused does not stop the others (D9).

use axum::extract::multipart::Field;
use axum::extract::{FromRequest as _, Multipart, Request};
use db::stored_file::NewFile;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::multipart::{TEXT_LIMIT_BYTES, piece_by_piece, text_of};
use kit::session::{Caller, check_token};
use kit::upload::{FILE_LIMIT_BYTES, UploadError, new_key, store_stream};

use crate::parts::files::{announce, file_name, unfit};

/// What arrived.
#[derive(Debug, Default)]
pub struct Received {
    /// The other fields, all of them and in their order.
    pub form: FormData,
    /// The files that are stored, and no row's yet.
    pub files: Vec<NewFile>,
    /// What was not taken, and why; for the user.
    pub refused: Vec<String>,
}

/// What a form may carry. The caller has checked that this user may send it, before a byte is stored.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    app: &'a App,
    caller: &'a Caller,
    most: usize,
    one_too_many: &'a str,
    fits: fn(&str) -> bool,
    unfit: &'a str,
    texts: usize,
}

impl<'a> Receipt<'a> {
    /// Any number of files of any kind.
    pub const fn new(app: &'a App, caller: &'a Caller) -> Self {
        Self { app, caller, most: usize::MAX, one_too_many: "", fits: |_| true, unfit: "", texts: TEXT_LIMIT_BYTES }
    }

    /// No more than so many files, and what to say of the others.
    #[must_use]
    pub const fn most(self, most: usize, one_too_many: &'a str) -> Self {
        Self { most, one_too_many, ..self }
    }

    /// Only files whose first bytes say that they are one of these, and what to say of the others.
    #[must_use]
    pub const fn only(self, fits: fn(&str) -> bool, unfit: &'a str) -> Self {
        Self { fits, unfit, ..self }
    }

    /// All other fields together may be so large, in bytes, in place of [`TEXT_LIMIT_BYTES`].
    #[must_use]
    pub const fn texts(self, limit: usize) -> Self {
        Self { texts: limit, ..self }
    }

    /// Reads the form. The token stands in a header, or in a field before the first file.
    pub async fn read(self, request: Request) -> Result<Received, AppError> {
        let headers = request.headers();
        let mut token = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let mut body = Multipart::from_request(piece_by_piece(request), self.app).await.map_err(|_| incomplete())?;
        let mut left = self.texts;
        let mut pairs = Vec::new();
        let (mut files, mut refused) = (Vec::new(), Vec::new());
        while let Some(field) = body.next_field().await.map_err(|_| incomplete())? {
            let name = field.name().unwrap_or_default().to_owned();
            if name != "file" {
                let value = text_of(field, &mut left).await?;
                if name == "csrf" {
                    token.clone_from(&value);
                }
                pairs.push((name, value));
                continue;
            }
            check_token(Some(self.caller), &token)?;
            let name = file_name(field.file_name().unwrap_or_default());
            if name.is_empty() {
                continue;
            }
            if files.len() >= self.most {
                refused.push(format!("“{name}”：{}", self.one_too_many));
                continue;
            }
            match self.store(name.clone(), field).await? {
                Ok(file) if (self.fits)(&file.content_type) => match unfit(self.app, &file).await? {
                    // Its row never comes, so the sweep removes the file.
                    Some(why) => refused.push(format!("“{name}”：{why}")),
                    None => files.push(file),
                },
                Ok(_) => refused.push(format!("“{name}”：{}", self.unfit)),
                Err(UploadError::Broken(error)) => {
                    tracing::warn!(error = format!("{error:#}"), "an upload broke off");
                    refused.push(format!("“{name}”：没有上传成功，请重试"));
                    break;
                }
                // The rest of a file that is too large is read past by the next round.
                Err(why) => refused.push(format!("“{name}”：{why}")),
            }
        }
        // Also when nothing was chosen, and the token was never looked at.
        check_token(Some(self.caller), &token)?;
        Ok(Received { form: FormData::from_pairs(pairs), files, refused })
    }

    async fn store(self, name: String, field: Field<'_>) -> Result<Result<NewFile, UploadError>, AppError> {
        let object_key = new_key();
        announce(self.app, &object_key).await?;
        let part = self.app.config.upload_part_bytes;
        let stored = store_stream(self.app.files.as_ref(), &object_key, field, FILE_LIMIT_BYTES, part).await;
        Ok(stored.map(|file| NewFile {
            name,
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
            sha256: file.sha256,
            content_type: file.content_type,
            object_key,
        }))
    }
}

fn incomplete() -> AppError {
    AppError::Invalid("没有收到完整的表单，请返回上一页重试。".to_owned())
}
