//! 审计查询: pages of the trail by case, person, bureau, action and time (R-C-07), each found in an index and begun where the
//! page before ended.

use domain::actor::Post;
use domain::ids::{AccountId, BureauCode};
use domain::time::Instant;
use domain::workflow::State;

use crate::search::Conditions;
use crate::{DbResult, Reader, params};

/// What is asked for; absent = any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `application`, `certificate` or `account`, and which.
    pub subject: Option<(&'static str, i64)>,
    /// Who did it.
    pub actor: Option<AccountId>,
    /// For which bureau.
    pub bureau: Option<BureauCode>,
    /// What (a stored word).
    pub action: Option<String>,
    /// From this instant on.
    pub from: Option<Instant>,
    /// Before this instant.
    pub to: Option<Instant>,
}

/// Where a page ends: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The instant of its last row.
    pub at: Instant,
    /// Its id.
    pub id: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.millis(), self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (at, id) = typed.split_once('-').unwrap_or((typed, ""));
        Ok(Self { at: Instant::from_millis(at.parse()?), id: id.parse()? })
    }
}

/// A row of the trail with what its subject is called.
#[derive(Debug, Clone, crate::Row)]
pub struct Found {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Instant,
    /// Who, by name.
    pub actor_name: String,
    /// Who, by 用户名; none = the system.
    pub username: Option<String>,
    /// For which bureau.
    pub bureau_code: Option<BureauCode>,
    /// At which post.
    pub post: Option<Post>,
    /// What (a stored word).
    pub action: String,
    /// From which state.
    pub from_state: Option<State>,
    /// To which state.
    pub to_state: Option<State>,
    /// The opinion.
    pub opinion: String,
    /// Further facts as JSON.
    pub detail: String,
    /// From which address.
    pub address: String,
    /// `application`, `certificate` or `account`.
    pub subject_kind: String,
    /// Which.
    pub subject_id: i64,
    /// 申请单号, 证明号 or 用户名; none when it has none or is gone.
    pub subject_name: Option<String>,
}

impl Found {
    /// The place in the trail.
    pub const fn cursor(&self) -> Cursor {
        Cursor { at: self.at, id: self.id }
    }
}

/// The conditions on `at` and `id` that both logs share.
pub fn within(
    conditions: Conditions,
    table: &str,
    from: Option<Instant>,
    to: Option<Instant>,
    before: Option<Cursor>,
) -> Conditions {
    let mut out = conditions;
    if let Some(from) = from {
        out = out.and(&format!("{table}.at >= ?"), params![from]);
    }
    if let Some(to) = to {
        out = out.and(&format!("{table}.at < ?"), params![to]);
    }
    if let Some(before) = before {
        out = out.and(&format!("({table}.at, {table}.id) < (?, ?)"), params![before.at, before.id]);
    }
    out
}

impl Filter {
    fn conditions(&self, before: Option<Cursor>) -> Conditions {
        let mut out = Conditions::new();
        if let Some((kind, id)) = self.subject {
            out = out.and("d.subject_kind = ? AND d.subject_id = ?", params![kind, id]);
        }
        if let Some(actor) = self.actor {
            out = out.and("d.actor_id = ?", params![actor]);
        }
        if let Some(bureau) = &self.bureau {
            out = out.and("d.bureau_code = ?", params![bureau.clone()]);
        }
        if let Some(action) = &self.action {
            out = out.and("d.action = ?", params![action.clone()]);
        }
        within(out, "d", self.from, self.to, before)
    }
}

/// The rows after `before`, newest first; only the page's own rows look for what their subjects are called.
pub async fn page(read: Reader<'_>, filter: &Filter, before: Option<Cursor>, limit: i64) -> DbResult<Vec<Found>> {
    let conditions = filter.conditions(before);
    let sql = format!(
        "SELECT p.id, p.at, p.actor_name, u.username, p.bureau_code, p.post, p.action, p.from_state, p.to_state, \
         p.opinion, p.detail, p.address, p.subject_kind, p.subject_id, \
         COALESCE(a.number, c.number, s.username, o.name) AS subject_name \
         FROM (SELECT d.* FROM audit d{} ORDER BY d.at DESC, d.id DESC LIMIT {limit}) p \
         LEFT JOIN account u ON u.id = p.actor_id \
         LEFT JOIN application a ON p.subject_kind = 'application' AND a.id = p.subject_id \
         LEFT JOIN certificate c ON p.subject_kind = 'certificate' AND c.id = p.subject_id \
         LEFT JOIN account s ON p.subject_kind = 'account' AND s.id = p.subject_id \
         LEFT JOIN port_system o ON p.subject_kind = 'port_system' AND o.id = p.subject_id \
         ORDER BY p.at DESC, p.id DESC",
        conditions.sql()
    );
    read.rows(&sql, conditions.values(vec![])).await
}

/// The newest checkpoint: when it was made, up to which row.
#[derive(Debug, Clone, crate::Row)]
pub struct Checkpoint {
    /// When.
    pub at: Instant,
    /// The last row it covers.
    pub last_audit_id: i64,
}

/// The newest checkpoint, if there is one.
pub async fn newest_checkpoint(read: Reader<'_>) -> DbResult<Option<Checkpoint>> {
    read.row("SELECT at, last_audit_id FROM audit_checkpoint ORDER BY id DESC LIMIT 1", params![]).await
}

/// Whether a bureau did anything on a subject.
pub async fn has_deed_of(read: Reader<'_>, kind: &str, id: i64, bureau: &BureauCode) -> DbResult<bool> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM audit WHERE subject_kind = $1 AND subject_id = $2 \
               AND bureau_code = $3 LIMIT 1) found";
    Ok(read.number(sql, params![kind, id, bureau.clone()]).await? > 0)
}
