//! The typesetter behind the trait that screens know.

use anyhow::Context as _;

/// Makes papers with the crate `pdf`.
#[derive(Default)]
pub struct Typesetter(pdf::Renderer);

impl kit::app::Papers for Typesetter {
    fn certificate(&self, sheet: &str) -> anyhow::Result<Vec<u8>> {
        let sheet: pdf::CertificateSheet = serde_json::from_str(sheet).context("the sheet of a certificate")?;
        Ok(self.0.certificate(&sheet)?)
    }

    fn missing_glyphs(&self, text: &str) -> Vec<char> {
        pdf::missing_glyphs(text)
    }
}
