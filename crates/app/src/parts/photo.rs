//! A photograph or a scan of a paper: the QR code in it is read here, for those whose scanner does not. The file is in
//! memory while it is looked at, and nowhere afterwards.

use std::cell::Cell;
use std::io::Cursor;

use axum::extract::{FromRequest as _, Multipart, Request};
use kit::app::App;
use kit::error::AppError;
use kit::multipart::{TEXT_LIMIT_BYTES, piece_by_piece, text_of};
use kit::session::{Caller, check_token};
use kit::upload::content_type_of;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::parts::files::file_name;

/// The largest file that is looked at.
const LARGEST_BYTES: usize = 20 * 1024 * 1024;
/// What arrives is kept in pieces of at most this size.
const PIECE_BYTES: usize = 64 * 1024;
/// All files that are looked at, in pieces: they are in memory only, and never more than this.
static ROOM: Semaphore = Semaphore::const_new(640);
/// A picture may take this much memory when it is unpacked.
const LARGEST_PICTURE_BYTES: u64 = 96 * 1024 * 1024;
/// The long sides, in pixels, at which a code is looked for: a large picture is noisy, a small one is coarse.
const LONG_SIDES: [u32; 3] = [2400, 1400, 4000];

/// A file that is looked at.
pub struct Arrived {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Its place in [`ROOM`].
    _room: Vec<SemaphorePermit<'static>>,
}

/// Reads the file of the form into memory; a sentence when there is none that can be looked at, `missing` when there is
/// none at all.
pub async fn receive(
    app: &App,
    caller: &Caller,
    request: Request,
    missing: &'static str,
) -> Result<Result<Arrived, &'static str>, AppError> {
    let mut token = request.headers().get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut body = Multipart::from_request(piece_by_piece(request), app).await.map_err(|_| incomplete())?;
    let (mut outcome, mut left) = (Err(missing), TEXT_LIMIT_BYTES);
    while let Some(mut field) = body.next_field().await.map_err(|_| incomplete())? {
        match field.name().unwrap_or_default() {
            "csrf" => token = text_of(field, &mut left).await?,
            "file" if outcome.is_err() => {
                check_token(Some(caller), &token)?;
                let name = file_name(field.file_name().unwrap_or_default());
                if name.is_empty() {
                    continue;
                }
                let (mut bytes, mut room) = (Vec::new(), Vec::new());
                outcome = loop {
                    let Some(chunk) = field.chunk().await.map_err(|_| incomplete())? else {
                        break if bytes.is_empty() {
                            Err("文件是空的（0 字节），请重新选择")
                        } else {
                            Ok(Arrived { name, bytes, _room: room })
                        };
                    };
                    if bytes.len() + chunk.len() > LARGEST_BYTES {
                        break Err("文件超过 20M，请缩小后上传，或选择从系统下载的证明文件");
                    }
                    if room.len() * PIECE_BYTES < bytes.len() + chunk.len() {
                        match ROOM.try_acquire() {
                            Ok(place) => room.push(place),
                            Err(_) => break Err("同时核验的文件较多，请稍后再试"),
                        }
                    }
                    bytes.extend_from_slice(&chunk);
                };
            }
            _ => {}
        }
    }
    check_token(Some(caller), &token)?;
    Ok(outcome)
}

fn incomplete() -> AppError {
    AppError::Invalid("文件没有完整送达，没有核验。请返回上一页，刷新后重新上传。".to_owned())
}

/// What a picture shows instead of the QR code that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCode {
    /// None that can be read.
    Nothing,
    /// QR codes of something else.
    Foreign,
}

/// Whether the file is a picture, by its first bytes.
pub fn is_picture(file: &[u8]) -> bool {
    image::guess_format(file).is_ok()
}

/// What to do about a photograph that only telephones show; none when the file is something else.
pub fn foreign_photo(file: &[u8]) -> Option<&'static str> {
    matches!(content_type_of(file), "image/heif" | "image/tiff" | "image/avif").then_some(
        "这是 HEIC、TIFF 等格式的照片，不能识别其中的二维码。请转换为 JPG 后上传；苹果手机可在“设置 - 相机 - 格式”中         选择“兼容性最佳”后重新拍摄",
    )
}

/// What the first QR code that is `wanted` in the picture says.
pub fn code_in(file: &[u8], wanted: impl Fn(&str) -> bool) -> Result<String, NoCode> {
    let saw_other = Cell::new(false);
    let wanted = |text: &str| {
        let is_wanted = wanted(text);
        saw_other.set(saw_other.get() || !is_wanted);
        is_wanted
    };
    found_in(file, wanted).ok_or_else(|| if saw_other.get() { NoCode::Foreign } else { NoCode::Nothing })
}

fn found_in(file: &[u8], wanted: impl Fn(&str) -> bool) -> Option<String> {
    let mut reader = image::ImageReader::new(Cursor::new(file)).with_guessed_format().ok()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(LARGEST_PICTURE_BYTES);
    reader.limits(limits);
    let picture = reader.decode().ok()?.into_luma8();
    let long = picture.width().max(picture.height());
    let mut tried_whole = false;
    for side in LONG_SIDES {
        let is_whole = side >= long;
        if is_whole && tried_whole {
            continue;
        }
        tried_whole |= is_whole;
        let found = if is_whole {
            look(&picture, &wanted)
        } else {
            let scale = |n: u32| u32::try_from(u64::from(n) * u64::from(side) / u64::from(long)).unwrap_or(n).max(1);
            let smaller = image::imageops::thumbnail(&picture, scale(picture.width()), scale(picture.height()));
            look(&smaller, &wanted)
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn look(picture: &image::GrayImage, wanted: &impl Fn(&str) -> bool) -> Option<String> {
    let (width, height) = (usize::try_from(picture.width()).ok()?, usize::try_from(picture.height()).ok()?);
    let pixels = picture.as_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let grids = prepared.detect_grids();
    grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).find(|text| wanted(text))
}
