//! Letters: an SMTP server, or a folder of .eml files.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use kit::app::{Letter, Post};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;

use crate::options::Options;

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
}

/// Carries letters.
pub struct Carrier {
    from: Mailbox,
    way: Way,
}

/// Opens the way that `--smtp-url` names; the folder of letters by default.
pub fn open(options: &Options) -> anyhow::Result<Arc<dyn Post>> {
    let from: Mailbox =
        options.mail_from.parse().with_context(|| format!("--mail-from `{}` cannot be used", options.mail_from))?;
    let way = if let Some(url) = &options.smtp_url {
        Way::Smtp(
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                .map_err(|e| anyhow::anyhow!("--smtp-url cannot be used: {e}"))?
                .build(),
        )
    } else {
        let folder: PathBuf = options.mail_dir.clone().unwrap_or_else(|| options.data_dir.join("mail"));
        std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        Way::Folder(AsyncFileTransport::new(folder))
    };
    Ok(Arc::new(Carrier { from, way }))
}

#[async_trait::async_trait]
impl Post for Carrier {
    async fn send(&self, letter: &Letter) -> anyhow::Result<()> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(letter.to.parse().context("the mailbox of a letter")?)
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())?;
        match &self.way {
            Way::Smtp(smtp) => {
                smtp.send(message).await?;
            }
            Way::Folder(folder) => {
                folder.send(message).await?;
            }
        }
        Ok(())
    }
}
