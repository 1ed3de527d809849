//! Papers made inside this process: what a certificate costs without queue, database and store.

use anyhow::Context as _;
use pdf::{CertificateSheet, Renderer};

use crate::measure::{self, Run};
use crate::process::Meter;
use crate::store::Store;

/// How many are made.
const PAPERS: usize = 40;

/// What a QR code holds: an address with a statement, of the usual length.
fn code() -> String {
    format!("HTTPS://MIANBAN.EXAMPLE.GOV.CN/V/{}", "A7".repeat(112))
}

/// Names that the main face does not print alone.
const RARE: [&str; 4] =
    ["𠮷野家示例（上海）有限公司", "Łódź Przykład Sp. z o.o.", "삼성 예시전자 주식회사", "𬭎𫟼 CO₂ ⌀25"];

/// Makes certificates (a page and its annex), one after another, each with data of its own; with rare names, when asked.
pub async fn render(store: &Store, rare: bool) -> anyhow::Result<Run> {
    let sheet = store.text("SELECT sheet FROM certificate_version ORDER BY certificate_id LIMIT 1").await?;
    let mut sheet: CertificateSheet = serde_json::from_str(&sheet).context("the sheet of a certificate")?;
    let line = sheet.items.first().cloned().context("a certificate without products")?;
    sheet.items = (1..=3).map(|ordinal| pdf::CertificateSheetItem { ordinal, ..line.clone() }).collect();
    if rare {
        for (item, name) in sheet.items.iter_mut().zip(&RARE[1..]) {
            (*name).clone_into(&mut item.manufacturer);
        }
        RARE[0].clone_into(&mut sheet.holder);
    }
    let renderer = Renderer::new();
    // The faces are read at the first paper.
    renderer.certificate(&sheet, &code())?;
    let meter = Meter { process: std::process::id(), postmaster: None };
    let deed = move |renderer: Renderer, n: usize| {
        let mut sheet = sheet.clone();
        sheet.number = format!("3100002025{n:07}");
        sheet.contract_no = format!("BENCH-{n}");
        sheet.purpose = format!("{}（{n}）", sheet.purpose);
        async move {
            let made =
                tokio::task::spawn_blocking(move || renderer.certificate(&sheet, &code()).map(|p| (renderer, p.len())));
            let (renderer, bytes) = made.await??;
            anyhow::ensure!(bytes > 10_000, "a paper of {bytes} bytes");
            Ok(renderer)
        }
    };
    measure::run(meter, vec![renderer], 0, PAPERS, deed).await
}
