//! 撤销 and 注销 of a certificate (order 117, article 52; D23). The certificate is locked first; what is open of an
//! amendment, a proposal or a request ends with it, in the same transaction.

use domain::certificate::CertificateState;
use domain::ending::{Action, Facts, Permit, RevocationState, SurrenderState};
use domain::ids::{AccountId, BureauCode, CertificateId, RevocationId, SurrenderId};
use domain::policy::Scope;
use domain::time::Instant;

use crate::amendment;
use crate::audit::{self, By, Entry, Subject};
use crate::certificate::Certificate;
use crate::ledger::{self, LedgerError};
use crate::{DbError, DbResult, Source, Tx, params, row, scope};

/// Told to somebody whose page is older than the data.
pub const OVERTAKEN: &str = "该证明的撤销或注销已被办理，请刷新后查看最新状态";

/// What decides. The caller has loaded the certificate in scope.
pub async fn facts(source: &impl Source, certificate: &Certificate) -> DbResult<Facts> {
    #[derive(crate::Row)]
    struct Columns {
        holder: AccountId,
        proposed_by: Option<AccountId>,
        surrender_asked: bool,
        supervising: BureauCode,
    }
    let sql = "SELECT a.owner_id AS holder, \
         (SELECT p.proposed_by FROM certificate_revocation p WHERE p.certificate_id = c.id AND p.state = 'proposed') \
         AS proposed_by, \
         EXISTS (SELECT 1 FROM certificate_surrender s WHERE s.certificate_id = c.id AND s.state = 'requested') \
         AS surrender_asked, \
         COALESCE((SELECT r.bureau_code FROM application_route r WHERE r.application_id = a.id \
         AND r.step = 'supervise'), c.bureau_code) AS supervising \
         FROM certificate c JOIN application a ON a.id = c.application_id WHERE c.id = $1";
    let found: Option<Columns> = row(source.connection(), sql, params![certificate.id]).await?;
    let c = found.ok_or(DbError::NotFound)?;
    Ok(Facts {
        holder: c.holder,
        state: certificate.state,
        is_untouched: certificate.written_lines == 0,
        has_pending: certificate.pending_lines > 0,
        proposed_by: c.proposed_by,
        surrender_asked: c.surrender_asked,
        supervising: c.supervising,
        issuing: certificate.bureau_code.clone(),
    })
}

/// A revocation.
#[derive(Debug, Clone, crate::Row)]
pub struct Revocation {
    /// Its id.
    pub id: RevocationId,
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The bureau that supervises.
    pub bureau_code: BureauCode,
    /// Where it stands.
    pub state: RevocationState,
    /// Why, for the holder too once it is decided.
    pub reason: String,
    /// When it was proposed.
    pub proposed_at: Instant,
    /// By whom.
    pub proposed_by: AccountId,
    /// His name.
    pub proposer: String,
    /// What the second person said.
    pub opinion: String,
    /// When.
    pub decided_at: Option<Instant>,
}

const REVOCATION: &str = "SELECT p.id, p.certificate_id, p.bureau_code, p.state, p.reason, p.proposed_at, p.proposed_by, \
    (SELECT u.display_name FROM account u WHERE u.id = p.proposed_by) AS proposer, p.opinion, p.decided_at \
    FROM certificate_revocation p";

/// A revocation whose certificate the scope sees.
pub async fn revocation(source: &impl Source, scope: &Scope, id: RevocationId) -> DbResult<Revocation> {
    let conditions = scope::visible(scope).and("p.id = ?", params![id]);
    let sql = format!(
        "{REVOCATION} JOIN certificate c ON c.id = p.certificate_id JOIN application a ON a.id = c.application_id{}",
        conditions.sql()
    );
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// The revocation that ended a certificate. The caller has loaded the certificate in scope.
pub async fn revocation_of(source: &impl Source, certificate: CertificateId) -> DbResult<Option<Revocation>> {
    let sql = format!("{REVOCATION} WHERE p.certificate_id = $1 AND p.state = 'revoked'");
    row(source.connection(), &sql, params![certificate]).await
}

/// A surrender.
#[derive(Debug, Clone, crate::Row)]
pub struct Surrender {
    /// Its id.
    pub id: SurrenderId,
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The issuing bureau.
    pub bureau_code: BureauCode,
    /// Where it stands.
    pub state: SurrenderState,
    /// Why.
    pub reason: String,
    /// When it was asked for.
    pub requested_at: Instant,
    /// What the officer said.
    pub opinion: String,
    /// When.
    pub decided_at: Option<Instant>,
}

const SURRENDER: &str = "SELECT s.id, s.certificate_id, s.bureau_code, s.state, s.reason, s.requested_at, s.opinion, \
    s.decided_at FROM certificate_surrender s";

/// A surrender whose certificate the scope sees.
pub async fn surrender(source: &impl Source, scope: &Scope, id: SurrenderId) -> DbResult<Surrender> {
    let conditions = scope::visible(scope).and("s.id = ?", params![id]);
    let sql = format!(
        "{SURRENDER} JOIN certificate c ON c.id = s.certificate_id JOIN application a ON a.id = c.application_id{}",
        conditions.sql()
    );
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// The newest surrender of a certificate, open or over. The caller has loaded the certificate in scope.
pub async fn newest_surrender(source: &impl Source, certificate: CertificateId) -> DbResult<Option<Surrender>> {
    let sql = format!("{SURRENDER} WHERE s.certificate_id = $1 ORDER BY s.id DESC LIMIT 1");
    row(source.connection(), &sql, params![certificate]).await
}

async fn note(
    tx: &Tx,
    certificate: CertificateId,
    permit: Permit,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let entry = Entry { post: permit.post(), opinion, ..Entry::of(permit.action().word()) };
    audit::record(tx, Subject::Certificate(certificate), by, now, &entry).await
}

/// One open thing of a kind per certificate: the second one was slower.
fn one_only<T>(done: DbResult<T>) -> DbResult<T> {
    match done {
        Err(DbError::Duplicate(_)) => Err(DbError::Overtaken(OVERTAKEN.to_owned())),
        other => other,
    }
}

/// 提出撤销, with the reason.
pub async fn propose(
    tx: &Tx,
    certificate: &Certificate,
    of: &Facts,
    permit: Permit,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<RevocationId> {
    let inserted = tx
        .insert(
            "INSERT INTO certificate_revocation (certificate_id, bureau_code, state, reason, proposed_at, proposed_by, \
             holder_id) VALUES ($1, $2, 'proposed', $3, $4, $5, $6) RETURNING id",
            params![certificate.id, of.supervising.clone(), reason, now, by.account, of.holder],
        )
        .await;
    let id = RevocationId::new(one_only(inserted)?);
    note(tx, certificate.id, permit, reason, by, now).await?;
    Ok(id)
}

/// The word of the second person, or of the proposer who takes it back. [`Action::Revoke`] ends the certificate and
/// whatever is open of it.
pub async fn decide(
    tx: &Tx,
    certificate: &Certificate,
    seen: &Revocation,
    permit: Permit,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let to = match permit.action() {
        Action::Revoke => RevocationState::Revoked,
        Action::RejectRevocation => RevocationState::Rejected,
        Action::WithdrawRevocation
        | Action::ProposeRevocation
        | Action::RequestSurrender
        | Action::WithdrawSurrender
        | Action::Surrender
        | Action::RefuseSurrender => RevocationState::Withdrawn,
    };
    let done = tx
        .run(
            "UPDATE certificate_revocation SET state = $1, opinion = $2, decided_at = $3, decided_by = $4 \
             WHERE id = $5 AND state = 'proposed'",
            params![to, opinion, now, by.account, seen.id],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    note(tx, certificate.id, permit, if opinion.is_empty() { &seen.reason } else { opinion }, by, now).await?;
    if to == RevocationState::Revoked {
        end(tx, certificate, CertificateState::Revoked, "证明已撤销", now).await?;
    }
    Ok(())
}

/// 申请注销, with the reason.
pub async fn request_surrender(
    tx: &Tx,
    certificate: &Certificate,
    of: &Facts,
    permit: Permit,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<SurrenderId> {
    let inserted = tx
        .insert(
            "INSERT INTO certificate_surrender (certificate_id, bureau_code, state, reason, requested_at, holder_id) \
             VALUES ($1, $2, 'requested', $3, $4, $5) RETURNING id",
            params![certificate.id, certificate.bureau_code.clone(), reason, now, of.holder],
        )
        .await;
    let id = SurrenderId::new(one_only(inserted)?);
    note(tx, certificate.id, permit, reason, by, now).await?;
    Ok(id)
}

/// The answer to the request, or its withdrawal. [`Action::Surrender`] ends the certificate, of which nothing may be
/// written off or pending.
pub async fn answer_surrender(
    tx: &Tx,
    certificate: &Certificate,
    seen: &Surrender,
    permit: Permit,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let to = match permit.action() {
        Action::Surrender => SurrenderState::Surrendered,
        Action::RefuseSurrender => SurrenderState::Refused,
        Action::WithdrawSurrender
        | Action::ProposeRevocation
        | Action::WithdrawRevocation
        | Action::Revoke
        | Action::RejectRevocation
        | Action::RequestSurrender => SurrenderState::Withdrawn,
    };
    let done = tx
        .run(
            "UPDATE certificate_surrender SET state = $1, opinion = $2, decided_at = $3, decided_by = $4 \
             WHERE id = $5 AND state = 'requested'",
            params![to, opinion, now, by.account, seen.id],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    note(tx, certificate.id, permit, opinion, by, now).await?;
    if to == SurrenderState::Surrendered {
        end(tx, certificate, CertificateState::Surrendered, "证明已注销", now).await?;
    }
    Ok(())
}

/// The certificate ends. Nothing stays open: its amendment, a proposal, a request.
async fn end(tx: &Tx, certificate: &Certificate, to: CertificateState, why: &str, now: Instant) -> DbResult<()> {
    let by = By::system();
    if to == CertificateState::Revoked {
        // What was declared gives its quantity back (P5, D23).
        ledger::lapse_pending(tx, certificate.id, why, &by, now).await.map_err(|error| match error {
            LedgerError::Db(error) => error,
            LedgerError::Lines(lines) => DbError::Inconsistent(format!("{} lines cannot lapse", lines.len())),
        })?;
    }
    amendment::end(tx, certificate, why, &by, now).await?;
    for (table, from) in [("certificate_revocation", "proposed"), ("certificate_surrender", "requested")] {
        tx.run(
            &format!(
                "UPDATE {table} SET state = 'withdrawn', opinion = $1, decided_at = $2 \
                 WHERE certificate_id = $3 AND state = '{from}'"
            ),
            params![why, now, certificate.id],
        )
        .await?;
    }
    let untouched =
        if to == CertificateState::Surrendered { " AND written_lines = 0 AND pending_lines = 0" } else { "" };
    let done = tx
        .run(
            &format!("UPDATE certificate SET state = $1 WHERE id = $2 AND state = 'valid' AND version = $3{untouched}"),
            params![to, certificate.id, certificate.version],
        )
        .await?;
    if done == 0 { Err(DbError::Overtaken(OVERTAKEN.to_owned())) } else { Ok(()) }
}
