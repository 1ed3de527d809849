//! Pages of certificates beside the pictures that a person has looked at: a change of layout is seen before it is
//! printed. After an intended change, `MIANBAN_UPDATE_DOCS=1 cargo test --workspace --test it pictures` paints them
//! again; look at them before committing.

use std::path::{Path, PathBuf};

use image::{GrayImage, ImageReader};
use pdf::Renderer;

use crate::names::names;
use crate::{pages_of, said, sheet, written};

/// Small on purpose: letters cannot be read, lines and columns can be seen.
const DPI: &str = "32";
/// Pictures are compared by squares of this many pixels, so that another release of Poppler may smooth differently.
const SQUARE: u32 = 8;
/// How much a square's brightness may differ, of 255.
const SQUARE_MAY_DIFFER: u32 = 24;
/// How much all squares may differ on average, in hundredths.
const AVERAGE_MAY_DIFFER: u32 = 150;
/// The largest picture, bytes.
const LARGEST: u64 = 60_000;

/// The QR code of these papers: always the same, so that no key matters.
const CODE: &str = "HTTPS://MIANBAN.EXAMPLE.GOV.CN/V/AEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn references() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pictures")
}

/// The mean brightness of each square, row by row.
fn squares(picture: &GrayImage) -> Vec<u32> {
    let (width, height) = picture.dimensions();
    let mut all = Vec::new();
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let (right, bottom) = ((left + SQUARE).min(width), (top + SQUARE).min(height));
            let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
            let sum: u32 = pixels.map(|(x, y)| u32::from(picture.get_pixel(x, y).0[0])).sum();
            all.push(sum / ((right - left) * (bottom - top)));
        }
    }
    all
}

fn open(path: &Path) -> GrayImage {
    let reader = ImageReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.decode().unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_luma8()
}

fn compare(painted: &Path, reference: &Path) -> Result<(), String> {
    let (now, before) = (open(painted), open(reference));
    if now.dimensions() != before.dimensions() {
        return Err(format!("{:?} pixels, not {:?}", now.dimensions(), before.dimensions()));
    }
    let differences: Vec<u32> = squares(&now).iter().zip(squares(&before)).map(|(a, b)| a.abs_diff(b)).collect();
    let count = u32::try_from(differences.len()).unwrap();
    let (most, average) = (differences.iter().max().unwrap(), differences.iter().sum::<u32>() * 100 / count);
    if *most > SQUARE_MAY_DIFFER || average > AVERAGE_MAY_DIFFER {
        return Err(format!("a square differs by {most}, all by {average} hundredths on average"));
    }
    Ok(())
}

/// R-2.6-01, -02: the certificate and its annex look as they did, with 1, 20 and 200 products.
#[test]
fn r_2_6_01_certificates_look_as_they_did() {
    let renderer = Renderer::new();
    let folder = tempfile::tempdir().unwrap();
    let update = std::env::var_os("MIANBAN_UPDATE_DOCS").is_some();
    let mut wrong = Vec::new();
    for products in [1, 20, 200] {
        let file = written(&renderer.certificate(&sheet(products), CODE).unwrap());
        let last = pages_of(&file);
        // The front is the same for all but its number of products and pages.
        let shown = if products == 1 { [("front", 1), ("annex", 2)] } else { [("annex", 2), ("last", last)] };
        for (which, page) in shown {
            let name = format!("certificate-{products}-{which}");
            let painted = folder.path().join(&name);
            let n = page.to_string();
            let (from, to) = (file.path().to_str().unwrap(), painted.to_str().unwrap());
            said("pdftoppm", &["-r", DPI, "-gray", "-png", "-f", &n, "-l", &n, "-singlefile", from, to]);
            let (painted, reference) = (painted.with_extension("png"), references().join(format!("{name}.png")));
            if update {
                std::fs::create_dir_all(references()).unwrap();
                std::fs::copy(&painted, &reference).unwrap();
            }
            if let Err(why) = compare(&painted, &reference) {
                wrong.push(format!("{name}: {why}"));
            }
            assert!(std::fs::metadata(&reference).unwrap().len() <= LARGEST, "{name} is small");
        }
    }
    assert!(wrong.is_empty(), "the pages no longer look as in {}:\n{}", references().display(), wrong.join("\n"));
}

/// Names from everywhere look as they did: no box in place of a character, and accents over their letters.
#[test]
fn names_from_everywhere_look_as_they_did() {
    let mut paper = sheet(1);
    paper.specimen = false;
    let names = names();
    paper.purpose = names.join("；");
    paper.holder.clone_from(&names[10]);
    paper.use_unit.clone_from(&names[2]);
    let folder = tempfile::tempdir().unwrap();
    let file = written(&Renderer::new().certificate(&paper, CODE).unwrap());
    let painted = folder.path().join("names");
    let (from, to) = (file.path().to_str().unwrap(), painted.to_str().unwrap());
    let part = ["-x", "140", "-y", "400", "-W", "380", "-H", "158"];
    said(
        "pdftoppm",
        &[&["-r", "72", "-gray", "-png", "-f", "1", "-l", "1", "-singlefile"], &part[..], &[from, to]].concat(),
    );
    let (painted, reference) = (painted.with_extension("png"), references().join("certificate-names.png"));
    if std::env::var_os("MIANBAN_UPDATE_DOCS").is_some() {
        std::fs::copy(&painted, &reference).unwrap();
    }
    compare(&painted, &reference).unwrap();
    assert!(std::fs::metadata(&reference).unwrap().len() <= LARGEST);
}

/// The comparison sees what a person would: a missing line, another column.
#[test]
fn the_comparison_sees_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let reference = references().join("certificate-1-front.png");
    assert_eq!(compare(&reference, &reference), Ok(()));
    let mut changed = open(&reference);
    for (x, y) in (80..130).flat_map(|x| (160..165).map(move |y| (x, y))) {
        changed.get_pixel_mut(x, y).0[0] ^= 0xff;
    }
    let file = folder.path().join("changed.png");
    changed.save(&file).unwrap();
    assert!(compare(&file, &reference).is_err());
}
