//! What a 产品使用记录 or a 证明修改 held each time it was submitted, as people read it: a later submission does not replace it
//! (D32). Applications have their snapshots.

use domain::ids::{AmendmentId, UsageRecordId};
use domain::time::Instant;

use crate::{DbError, DbResult, Source, Tx, params, rows};

/// So many submissions of one subject are shown at most, the newest.
const SHOWN: i64 = 20;

/// What was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// 产品使用记录.
    Usage(UsageRecordId),
    /// 证明修改.
    Amendment(AmendmentId),
}

impl Submitted {
    const fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Usage(id) => ("usage", id.get()),
            Self::Amendment(id) => ("amendment", id.get()),
        }
    }
}

/// A submission as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// When.
    pub at: Instant,
    /// Its fields: label and value.
    pub fields: Vec<(String, String)>,
}

/// Keeps what is submitted; in the transaction of the submission. `version` is that of the subject before it.
pub async fn keep(tx: &Tx, of: Submitted, version: i64, fields: &[(String, String)], now: Instant) -> DbResult<()> {
    let (kind, id) = of.parts();
    let body =
        serde_json::to_string(fields).map_err(|e| DbError::Inconsistent(format!("copy of a submission: {e}")))?;
    tx.run(
        "INSERT INTO submission_copy (kind, subject_id, version, at, body) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (kind, subject_id, version) DO NOTHING",
        params![kind, id, version, now, body],
    )
    .await?;
    Ok(())
}

/// The submissions before the newest one, the newest of them first. The caller has loaded the subject in scope.
pub async fn earlier(source: &impl Source, of: Submitted) -> DbResult<Vec<Copy>> {
    #[derive(crate::Row)]
    struct Columns {
        at: Instant,
        body: String,
    }
    let (kind, id) = of.parts();
    let found: Vec<Columns> = rows(
        source.connection(),
        "SELECT at, body FROM submission_copy WHERE kind = $1 AND subject_id = $2 ORDER BY version DESC LIMIT $3",
        params![kind, id, SHOWN + 1],
    )
    .await?;
    let copy = |c: Columns| {
        let fields = serde_json::from_str(&c.body).map_err(|e| DbError::Inconsistent(format!("copy: {e}")))?;
        Ok(Copy { at: c.at, fields })
    };
    found.into_iter().skip(1).map(copy).collect()
}
