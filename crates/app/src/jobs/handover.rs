//! All applications of somebody who leaves, a hundred at a time, so that no transaction is long (D31).

use db::DbError;
use db::audit::By;
use db::organisation::{AT_ONCE, Handed, hand_over_applications};
use kit::app::App;

use super::{Handover, JobError, handed_over};
use crate::parts::handover::name_of;

/// Hands over until nothing is left. What went stays where it is when the job is repeated.
pub(super) async fn run(app: &App, what: &Handover) -> Result<(), JobError> {
    let (account, name, bureau, address) = what.by.clone();
    let by = By { account, name, bureau, address };
    let pair = (what.from, what.to);
    loop {
        let tx = app.db.begin().await?;
        let gone = match hand_over_applications(&tx, what.organisation, pair, Handed::Next, &by, app.now()).await {
            Ok(gone) => gone,
            // The colleague has left meanwhile: what is left stays, and the page says how much.
            Err(error @ (DbError::Refused(_) | DbError::NotFound)) => return Err(JobError::Hopeless(error.into())),
            Err(error) => return Err(error.into()),
        };
        if gone.is_empty() {
            return Ok(());
        }
        let numbers: Vec<String> = gone.iter().map(name_of).collect();
        handed_over(&tx, app, pair, &numbers, gone.len(), &by.name).await.map_err(|e| anyhow::anyhow!("{e:?}"))?;
        tx.commit().await?;
        if i64::try_from(gone.len()).unwrap_or(AT_ONCE) < AT_ONCE {
            return Ok(());
        }
    }
}
