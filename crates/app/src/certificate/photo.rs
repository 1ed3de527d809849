//! A photograph or a scan of a paper: the QR code in it is read here, for those whose scanner does not.

use std::io::Cursor;

/// A picture may take this much memory when it is unpacked.
const LARGEST_PICTURE_BYTES: u64 = 96 * 1024 * 1024;
/// The long sides, in pixels, at which a code is looked for: a large picture is noisy, a small one is coarse.
const LONG_SIDES: [u32; 3] = [2400, 1400, 4000];

/// Whether the file is a picture, by its first bytes.
pub fn is_picture(file: &[u8]) -> bool {
    image::guess_format(file).is_ok()
}

/// What the first QR code that is `wanted` in the picture says; none when none can be read.
pub fn code_in(file: &[u8], wanted: impl Fn(&str) -> bool) -> Option<String> {
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
