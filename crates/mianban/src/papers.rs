//! The typesetter behind the trait that screens know.

use std::sync::OnceLock;

use anyhow::Context as _;

/// Makes papers with the crate `pdf`.
#[derive(Default)]
pub struct Typesetter {
    renderer: pdf::Renderer,
    edition: OnceLock<String>,
}

impl kit::app::Papers for Typesetter {
    fn certificate(&self, sheet: &str, code: &str) -> anyhow::Result<Vec<u8>> {
        let sheet: pdf::CertificateSheet = serde_json::from_str(sheet).context("the sheet of a certificate")?;
        Ok(self.renderer.certificate(&sheet, code)?)
    }

    fn application(&self, sheet: &str) -> anyhow::Result<Vec<u8>> {
        let sheet: pdf::ApplicationSheet = serde_json::from_str(sheet).context("the sheet of an application")?;
        Ok(self.renderer.application(&sheet)?)
    }

    fn manual(&self, version: &str) -> anyhow::Result<Vec<u8>> {
        Ok(self.renderer.manual(version)?)
    }

    fn manual_edition(&self, version: &str) -> String {
        self.edition.get_or_init(|| pdf::manual_edition(version)).clone()
    }

    fn missing_glyphs(&self, text: &str) -> Vec<char> {
        pdf::missing_glyphs(text)
    }
}
