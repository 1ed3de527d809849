//! Organisations as a bureau and CNCA repair them (D30), what their administrators do about colleagues who come and leave
//! (D31), and invitations.
//!
//! Lock order: applications, certificates, then the organisation, then its users.

use domain::actor::{MemberRole, Membership};
use domain::ids::{AccountId, ApplicationId, InvitationId, OrganisationId, OrganisationProofId, RegionCode};
use domain::policy::{KeepOrganisations, Permit, Reach};
use domain::text::{self, OrganisationCode};
use domain::time::Instant;

use crate::account::{self, Registration, one_of};
use crate::audit::{self, By, Deed, Entry, Subject};
use crate::proxy_entry::NAME;
use crate::search::Conditions;
use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, Value, params, placeholders, row, rows};

/// How long an invitation is good.
pub const INVITATION_HOURS: i64 = 7 * 24;
/// Invitations that an organisation sends within a day.
pub const MOST_INVITATIONS: i64 = 50;
/// Applications that change hands in one transaction.
pub const AT_ONCE: i64 = 100;

/// Who repairs organisations, and which: all, or those of the regions that his bureau looks after today.
#[derive(Debug)]
pub struct Keeper<'a> {
    permit: &'a Permit<KeepOrganisations>,
    regions: Vec<RegionCode>,
}

impl<'a> Keeper<'a> {
    /// The holder of the permit; `regions` are those of his bureau, and mean nothing for CNCA.
    pub const fn new(permit: &'a Permit<KeepOrganisations>, regions: Vec<RegionCode>) -> Self {
        Self { permit, regions }
    }

    fn conditions(&self) -> Conditions {
        let there = Conditions::new().and("o.merged_into IS NULL", params![]);
        match self.permit.reach() {
            Reach::Everywhere => there,
            Reach::Bureau(_) if self.regions.is_empty() => there.and("o.id < 0", params![]),
            Reach::Bureau(_) => {
                let marks = vec!["?"; self.regions.len()].join(", ");
                let values = self.regions.iter().map(|r| Value::from(r.clone())).collect();
                there.and(&format!("o.region_code IN ({marks})"), values)
            }
        }
    }
}

/// What a list is narrowed by; empty = no condition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// 申请单位 or 用户名, 模糊; or the beginning of a 组织机构代码.
    pub text: &'a str,
    /// Those that need somebody.
    pub state: Option<Need>,
}

/// What an organisation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Somebody waits to be confirmed.
    Confirmation,
    /// Nobody who can log in administers it.
    Administrator,
    /// It is suspended.
    Suspended,
}

/// An organisation in the list, and the head of its page.
#[derive(Debug, Clone, crate::Row)]
pub struct Summary {
    /// Its id.
    pub id: OrganisationId,
    /// 组织机构代码, nine characters.
    pub code: String,
    /// 申请单位.
    pub name: String,
    /// 所在地行政区划.
    pub region_code: Option<RegionCode>,
    /// Since when it is suspended.
    pub suspended_at: Option<Instant>,
    /// Why.
    pub suspended_reason: String,
    /// 用户名 of the administrator who can log in.
    pub administrator: Option<String>,
    /// How many users it has.
    pub users: i64,
    /// How many wait to be confirmed.
    pub waiting: i64,
}

const ACTIVE_ADMINISTRATOR: &str = "SELECT w.username FROM account w WHERE w.organisation_id = o.id AND w.membership = 'administrator' AND NOT w.disabled";

fn summary() -> String {
    format!(
        "SELECT o.id, o.code, o.name, o.region_code, o.suspended_at, o.suspended_reason, \
         ({ACTIVE_ADMINISTRATOR}) AS administrator, \
         (SELECT COUNT(*) FROM account u WHERE u.organisation_id = o.id) AS users, \
         (SELECT COUNT(*) FROM account u WHERE u.organisation_id = o.id AND u.membership = 'pending' \
         AND NOT u.disabled AND u.mailbox_proved_at IS NOT NULL) AS waiting FROM organisation o"
    )
}

/// A page of those within reach, the newest first, from the one before which it begins; one more than `limit` is asked for
/// to know whether others follow.
pub async fn list(
    source: &impl Source,
    keeper: &Keeper<'_>,
    by: Filter<'_>,
    before: Option<OrganisationId>,
    limit: i64,
) -> DbResult<Vec<Summary>> {
    let mut all = keeper.conditions();
    let folded = text::fold(by.text);
    if let Ok(code) = OrganisationCode::parse(by.text) {
        all = all.and("o.code = ?", params![code.key()]);
    } else if !folded.is_empty() {
        let code: String = folded.to_uppercase().chars().filter(|c| *c != '-').collect();
        let pattern = text::like_pattern(&folded);
        all = all.and(
            &format!(
                "({NAME} LIKE ? ESCAPE '\\' OR o.code LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM account u \
                 WHERE u.organisation_id = o.id AND u.username_folded LIKE ? ESCAPE '\\'))"
            ),
            params![pattern.clone(), format!("{}%", text::escape_like(&code)), pattern],
        );
    }
    all = match by.state {
        None => all,
        Some(Need::Suspended) => all.and("o.suspended_at IS NOT NULL", params![]),
        Some(Need::Confirmation) => all.and(
            "EXISTS (SELECT 1 FROM account u WHERE u.organisation_id = o.id AND u.membership = 'pending' \
             AND NOT u.disabled AND u.mailbox_proved_at IS NOT NULL)",
            params![],
        ),
        Some(Need::Administrator) => all.and(&format!("NOT EXISTS ({ACTIVE_ADMINISTRATOR})"), params![]),
    };
    if let Some(before) = before {
        all = all.and("o.id < ?", params![before]);
    }
    let sql = format!("{}{} ORDER BY o.id DESC LIMIT {}", summary(), all.sql(), limit + 1);
    rows(source.connection(), &sql, all.values(vec![])).await
}

/// One organisation within reach; [`DbError::NotFound`] otherwise.
pub async fn load(source: &impl Source, keeper: &Keeper<'_>, id: OrganisationId) -> DbResult<Summary> {
    let conditions = keeper.conditions().and("o.id = ?", params![id]);
    let sql = format!("{}{}", summary(), conditions.sql());
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// The same for a deed: the organisation is locked.
pub async fn load_for_update(tx: &Tx, keeper: &Keeper<'_>, id: OrganisationId) -> DbResult<Summary> {
    account::lock_organisation(tx, id).await?;
    load(tx, keeper, id).await
}

/// Whether the organisation of an application is suspended.
pub async fn is_suspended(source: &impl Source, application: ApplicationId) -> DbResult<bool> {
    let sql = "SELECT COUNT(*) FROM application a JOIN organisation o ON o.id = a.organisation_id \
               WHERE a.id = $1 AND o.suspended_at IS NOT NULL";
    Ok(crate::number(source.connection(), sql, params![application]).await? > 0)
}

/// Since when an organisation is suspended, and why.
pub async fn suspension(source: &impl Source, id: OrganisationId) -> DbResult<Option<(Instant, String)>> {
    #[derive(crate::Row)]
    struct Columns {
        suspended_at: Option<Instant>,
        suspended_reason: String,
    }
    let sql = "SELECT suspended_at, suspended_reason FROM organisation WHERE id = $1";
    let found: Columns = row(source.connection(), sql, params![id]).await?.ok_or(DbError::NotFound)?;
    Ok(found.suspended_at.map(|at| (at, found.suspended_reason)))
}

/// A member who is written to.
#[derive(Debug, Clone, crate::Row)]
pub struct Addressee {
    /// The account.
    pub id: AccountId,
    /// 用户名.
    pub username: String,
    /// 联系人邮箱.
    pub contact_email: String,
}

/// All confirmed members who can log in (D30: each deed is written to them).
pub async fn members(source: &impl Source, id: OrganisationId) -> DbResult<Vec<Addressee>> {
    rows(
        source.connection(),
        "SELECT id, username, contact_email FROM account WHERE organisation_id = $1 AND NOT disabled \
         AND membership IN ('administrator', 'confirmed') AND contact_email <> '' ORDER BY id",
        params![id],
    )
    .await
}

/// A user of the organisation, as a deed finds him.
#[derive(Debug, Clone, crate::Row)]
pub struct Member {
    /// The account.
    pub id: AccountId,
    /// 用户名.
    pub username: String,
    /// 联系人邮箱.
    pub contact_email: String,
    /// Where he stands.
    pub membership: Membership,
    /// 经办 or 查阅.
    pub member_role: MemberRole,
    /// Whether he cannot log in.
    pub disabled: bool,
    /// When his mailbox was proved.
    pub mailbox_proved_at: Option<Instant>,
}

/// A user of this organisation; [`DbError::NotFound`] otherwise.
pub async fn member(source: &impl Source, id: OrganisationId, user: AccountId) -> DbResult<Member> {
    let sql = "SELECT id, username, contact_email, membership, member_role, disabled, mailbox_proved_at FROM account \
               WHERE id = $1 AND organisation_id = $2";
    row(source.connection(), sql, params![user, id]).await?.ok_or(DbError::NotFound)
}

/// On whose chain the deeds on an organisation stand: its administrator's, else its first user's. Locked.
async fn chain(tx: &Tx, id: OrganisationId) -> DbResult<AccountId> {
    #[derive(crate::Row)]
    struct First {
        id: AccountId,
    }
    let sql = "SELECT id FROM account WHERE organisation_id = $1 \
               ORDER BY CASE membership WHEN 'administrator' THEN 0 ELSE 1 END, id LIMIT 1";
    let first: First = row(&tx.0, sql, params![id]).await?.ok_or(DbError::NotFound)?;
    account::lock(tx, first.id).await?;
    Ok(first.id)
}

/// The deeds on the users of an organisation that its page shows, the newest first.
pub async fn history(source: &impl Source, id: OrganisationId, limit: i64) -> DbResult<Vec<(String, Deed)>> {
    #[derive(crate::Row)]
    struct Name {
        id: i64,
        username: String,
    }
    let sql = format!(
        "SELECT {} FROM audit WHERE subject_kind = 'account' AND subject_id IN (SELECT id FROM account \
         WHERE organisation_id = $1) AND action NOT IN ('save_particulars', 'choose_letters', 'save_template', \
         'rename_template', 'delete_template') ORDER BY id DESC LIMIT $2",
        audit::COLUMNS
    );
    let deeds: Vec<Deed> = rows(source.connection(), &sql, params![id, limit]).await?;
    if deeds.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<_> = placeholders(1).take(deeds.len()).collect();
    let sql = format!(
        "SELECT a.id, c.username FROM audit a JOIN account c ON c.id = a.subject_id WHERE a.id IN ({})",
        marks.join(", ")
    );
    let ids = deeds.iter().map(|d| Value::from(d.id)).collect();
    let names: Vec<Name> = rows(source.connection(), &sql, ids).await?;
    let name = |deed: &Deed| names.iter().find(|n| n.id == deed.id).map(|n| n.username.clone()).unwrap_or_default();
    Ok(deeds.into_iter().map(|d| (name(&d), d)).collect())
}

/// 暂停: the organisation reads, answers and reports, and starts nothing new (D30).
pub async fn suspend(
    tx: &Tx,
    keeper: &Keeper<'_>,
    id: OrganisationId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    load_for_update(tx, keeper, id).await?;
    let sql = "UPDATE organisation SET suspended_at = $1, suspended_reason = $2, version = version + 1 \
               WHERE id = $3 AND suspended_at IS NULL";
    if tx.run(sql, params![at, reason, id]).await? == 0 {
        return Err(DbError::Overtaken("该单位已经暂停，请刷新后查看".to_owned()));
    }
    let entry = Entry { opinion: reason, ..Entry::of("suspend_organisation") };
    audit::record(tx, Subject::Account(chain(tx, id).await?), by, at, &entry).await
}

/// 解除暂停.
pub async fn lift(
    tx: &Tx,
    keeper: &Keeper<'_>,
    id: OrganisationId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    load_for_update(tx, keeper, id).await?;
    let sql = "UPDATE organisation SET suspended_at = NULL, suspended_reason = '', version = version + 1 \
               WHERE id = $1 AND suspended_at IS NOT NULL";
    if tx.run(sql, params![id]).await? == 0 {
        return Err(DbError::Overtaken("该单位没有暂停，请刷新后查看".to_owned()));
    }
    let entry = Entry { opinion: reason, ..Entry::of("lift_suspension") };
    audit::record(tx, Subject::Account(chain(tx, id).await?), by, at, &entry).await
}

/// 停用 of a user, with the reason: he cannot log in any more. The administrator stays one in name; another one takes his
/// place by [`appoint`].
pub async fn disable_member(
    tx: &Tx,
    id: OrganisationId,
    user: AccountId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    let sql = "UPDATE account SET disabled = $1, disabled_reason = $2, version = version + 1 \
               WHERE id = $3 AND organisation_id = $4 AND NOT disabled";
    one_of(tx.run(sql, params![true, reason, user, id]).await?)?;
    for sql in [
        "DELETE FROM login_session WHERE account_id = $1",
        "DELETE FROM one_time_password WHERE account_id = $1",
        "DELETE FROM mailbox_proof WHERE account_id = $1",
    ] {
        tx.run(sql, params![user]).await?;
    }
    audit::record(tx, Subject::Account(user), by, at, &Entry { opinion: reason, ..Entry::of("disable") }).await
}

/// 启用 of a user, with the reason.
pub async fn enable_member(
    tx: &Tx,
    id: OrganisationId,
    user: AccountId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    let sql = "UPDATE account SET disabled = $1, disabled_reason = '', version = version + 1 \
               WHERE id = $2 AND organisation_id = $3 AND disabled";
    one_of(tx.run(sql, params![false, user, id]).await?)?;
    audit::record(tx, Subject::Account(user), by, at, &Entry { opinion: reason, ..Entry::of("enable") }).await
}

/// 经办 or 查阅 of a confirmed colleague; who administers is always 经办.
pub async fn set_role(
    tx: &Tx,
    id: OrganisationId,
    user: AccountId,
    role: MemberRole,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    let sql = "UPDATE account SET member_role = $1, version = version + 1 \
               WHERE id = $2 AND organisation_id = $3 AND membership = 'confirmed' AND NOT disabled AND member_role <> $1";
    one_of(tx.run(sql, params![role, user, id]).await?)?;
    let detail = serde_json::json!({ "role": role.word() }).to_string();
    audit::record(tx, Subject::Account(user), by, at, &Entry { detail: &detail, ..Entry::of("set_role") }).await
}

/// Why a bureau does it, and what it was shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Why.
    pub reason: &'a str,
    /// The file that is kept.
    pub proof: &'a NewFile,
}

/// Another administrator, on proof that is kept (D30). The one before, if there is one, becomes a confirmed user.
pub async fn appoint(
    tx: &Tx,
    keeper: &Keeper<'_>,
    id: OrganisationId,
    user: AccountId,
    Shown { reason, proof }: Shown<'_>,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    load_for_update(tx, keeper, id).await?;
    let next = member(tx, id, user).await?;
    if next.membership == Membership::Administrator && !next.disabled {
        return Err(DbError::Overtaken("该用户已经是单位管理员，请刷新后查看".to_owned()));
    }
    if next.disabled {
        return Err(DbError::Refused("该用户已停用，请先启用，再指定为单位管理员".to_owned()));
    }
    if next.mailbox_proved_at.is_none() {
        return Err(DbError::Refused("该用户的邮箱还没有验证，请先由本人验证或代为确认邮箱".to_owned()));
    }
    #[derive(crate::Row)]
    struct Before {
        id: AccountId,
    }
    let sql = "SELECT id FROM account WHERE organisation_id = $1 AND membership = 'administrator'";
    let before: Option<Before> = row(&tx.0, sql, params![id]).await?;
    if let Some(before) = &before {
        let sql = "UPDATE account SET membership = 'confirmed', version = version + 1 WHERE id = $1";
        tx.run(sql, params![before.id]).await?;
        let entry = Entry { opinion: reason, ..Entry::of("leave_administration") };
        audit::record(tx, Subject::Account(before.id), by, at, &entry).await?;
    }
    let sql =
        "UPDATE account SET membership = 'administrator', member_role = 'clerk', version = version + 1 WHERE id = $1";
    tx.run(sql, params![user]).await?;
    account::follow_region(tx, user).await?;
    let file = keep_proof(tx, id, Some(user), reason, proof, by, at).await?;
    let detail = serde_json::json!({ "proof": file, "sha256": proof.sha256 }).to_string();
    let entry = Entry { opinion: reason, detail: &detail, ..Entry::of("become_administrator") };
    audit::record(tx, Subject::Account(user), by, at, &entry).await
}

/// A file that was shown as proof.
#[derive(Debug, Clone, crate::Row)]
pub struct KeptProof {
    /// Its id.
    pub id: OrganisationProofId,
    /// For whom.
    pub username: Option<String>,
    /// Why.
    pub reason: String,
    /// The name of the file.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// Where it lies.
    pub object_key: String,
    /// Who kept it.
    pub uploaded_by_name: String,
    /// When.
    pub uploaded_at: Instant,
}

const PROOF: &str = "SELECT p.id, c.username, p.reason, p.name, p.size_bytes, p.object_key, p.uploaded_by_name, \
    p.uploaded_at FROM organisation_proof p LEFT JOIN account c ON c.id = p.account_id";

/// The proofs of an organisation, the newest first. The caller has loaded it within reach.
pub async fn proofs(source: &impl Source, id: OrganisationId) -> DbResult<Vec<KeptProof>> {
    let sql = format!("{PROOF} WHERE p.organisation_id = $1 ORDER BY p.id DESC LIMIT 50");
    rows(source.connection(), &sql, params![id]).await
}

/// One of them.
pub async fn proof(source: &impl Source, id: OrganisationId, proof: OrganisationProofId) -> DbResult<KeptProof> {
    let sql = format!("{PROOF} WHERE p.organisation_id = $1 AND p.id = $2");
    row(source.connection(), &sql, params![id, proof]).await?.ok_or(DbError::NotFound)
}

async fn keep_proof(
    tx: &Tx,
    id: OrganisationId,
    user: Option<AccountId>,
    reason: &str,
    file: &NewFile,
    by: &By,
    at: Instant,
) -> DbResult<i64> {
    let kept = tx
        .insert(
            "INSERT INTO organisation_proof (organisation_id, account_id, reason, name, size_bytes, sha256, \
             content_type, object_key, uploaded_by, uploaded_by_name, uploaded_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
            params![
                id,
                user,
                reason,
                file.name.clone(),
                file.size_bytes,
                file.sha256.clone(),
                file.content_type.clone(),
                file.object_key.clone(),
                by.account,
                by.name.clone(),
                at
            ],
        )
        .await?;
    stored_file::take(tx, &file.object_key).await?;
    Ok(kept)
}

/// What a corrected code led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// Where the users are now: the same organisation, or the one that had the right code.
    pub organisation: OrganisationId,
    /// Whether it had been registered: then the users who came wait to be confirmed there.
    pub is_merged: bool,
    /// How many users changed.
    pub users: usize,
    /// How many applications went with them.
    pub applications: u64,
}

/// The right organisation of a mistaken code, on proof that is kept (D30).
///
/// Nobody has the right code yet: the organisation takes it. Somebody has it: users, applications, certificates and
/// templates go there, and the users wait to be confirmed by its administrator, because a code that anybody can type in
/// must open nothing. Drafts take the right code; what was submitted or issued keeps the code that is printed on it. The
/// mistaken code is free again, for whom it belongs to. All sessions of the users end: they hold the mistaken code.
pub async fn correct_code(
    tx: &Tx,
    keeper: &Keeper<'_>,
    id: OrganisationId,
    right: &OrganisationCode,
    Shown { reason, proof }: Shown<'_>,
    by: &By,
    at: Instant,
) -> DbResult<Corrected> {
    #[derive(crate::Row)]
    struct Id {
        id: OrganisationId,
    }
    #[derive(crate::Row)]
    struct User {
        id: AccountId,
    }
    let sql = "SELECT id FROM organisation WHERE code = $1";
    let target: Option<Id> = row(&tx.0, sql, params![right.key()]).await?;
    // Applications first; two organisations in the order of their ids.
    let sql = format!("SELECT id FROM application WHERE organisation_id = $1 ORDER BY id{}", tx.for_update());
    let _: Vec<User> = rows(&tx.0, &sql, params![id]).await?;
    let mut locked = vec![id];
    locked.extend(target.as_ref().map(|t| t.id));
    locked.sort_unstable();
    for one in locked {
        account::lock_organisation(tx, one).await?;
    }
    let wrong = load(tx, keeper, id).await?;
    if wrong.code == right.key() {
        return Err(DbError::Refused("这就是该单位现在的组织机构代码，不需要更正".to_owned()));
    }
    let sql = format!("SELECT id FROM account WHERE organisation_id = $1 ORDER BY id{}", tx.for_update());
    let users: Vec<User> = rows(&tx.0, &sql, params![id]).await?;
    // The papers of the deed stay where the users go.
    let organisation = target.as_ref().map_or(id, |t| t.id);
    let mut applications = 0;
    if let Some(target) = &target {
        let sql = "UPDATE application SET organisation_id = $1, version = version + 1 WHERE organisation_id = $2";
        applications = tx.run(sql, params![target.id, id]).await?;
        for table in ["certificate", "product_template", "organisation_proof"] {
            let sql = format!("UPDATE {table} SET organisation_id = $1 WHERE organisation_id = $2");
            tx.run(&sql, params![target.id, id]).await?;
        }
        let sql = "UPDATE invitation SET revoked_at = $1 WHERE organisation_id = $2 AND revoked_at IS NULL \
                   AND accepted_at IS NULL";
        tx.run(sql, params![at, id]).await?;
        let sql = "UPDATE account SET organisation_id = $1, membership = 'pending', org_code_entered = $2, \
                   member_role = 'clerk', version = version + 1 WHERE organisation_id = $3";
        tx.run(sql, params![target.id, right.entered(), id]).await?;
        // The code goes to whom it belongs to; the row stays for what names it.
        let sql =
            "UPDATE organisation SET code = code || '~' || id, merged_into = $1, version = version + 1 WHERE id = $2";
        tx.run(sql, params![target.id, id]).await?;
    } else {
        let sql = "UPDATE organisation SET code = $1, version = version + 1 WHERE id = $2";
        tx.run(sql, params![right.key(), id]).await?;
        let sql = "UPDATE account SET org_code_entered = $1, version = version + 1 WHERE organisation_id = $2";
        tx.run(sql, params![right.entered(), id]).await?;
    }
    let detail = serde_json::json!({
        "from": wrong.code,
        "to": right.key(),
        "merged": target.is_some(),
        "applications": applications,
    })
    .to_string();
    for user in &users {
        let sql = "UPDATE application SET applicant_org_code = $1, version = version + 1 \
                   WHERE owner_id = $2 AND state = 'draft' AND applicant_org_code = $3";
        tx.run(sql, params![right.key(), user.id, wrong.code.clone()]).await?;
        tx.run("DELETE FROM login_session WHERE account_id = $1", params![user.id]).await?;
        let entry = Entry { opinion: reason, detail: &detail, ..Entry::of("correct_code") };
        audit::record(tx, Subject::Account(user.id), by, at, &entry).await?;
    }
    keep_proof(tx, organisation, None, reason, proof, by, at).await?;
    Ok(Corrected { organisation, is_merged: target.is_some(), users: users.len(), applications })
}

/// An application that can be handed over.
#[derive(Debug, Clone, crate::Row)]
pub struct Belonging {
    /// Its id.
    pub id: ApplicationId,
    /// 申请单号; none of a draft.
    pub number: Option<String>,
    /// 证明号, once it is issued.
    pub certificate_no: Option<String>,
    /// Its state.
    pub state: domain::workflow::State,
    /// When it was begun.
    pub first_saved_at: Instant,
}

/// A page of what belongs to a user, the newest first; one more than `limit`. The caller has asked for his organisation.
pub async fn belongings(
    source: &impl Source,
    owner: AccountId,
    before: Option<ApplicationId>,
    limit: i64,
) -> DbResult<Vec<Belonging>> {
    let from = before.map_or(i64::MAX, ApplicationId::get);
    let sql = format!(
        "SELECT id, number, certificate_no, state, first_saved_at FROM application WHERE owner_id = $1 AND id < $2 \
         ORDER BY id DESC LIMIT {}",
        limit + 1
    );
    rows(source.connection(), &sql, params![owner, from]).await
}

/// How many applications a user has.
pub async fn count_belongings(source: &impl Source, owner: AccountId) -> DbResult<i64> {
    let sql = "SELECT COUNT(*) FROM application WHERE owner_id = $1";
    crate::number(source.connection(), sql, params![owner]).await
}

/// What changes hands.
#[derive(Debug, Clone, Copy)]
pub enum Handed<'a> {
    /// These.
    These(&'a [ApplicationId]),
    /// The first [`AT_ONCE`] of all.
    Next,
}

/// Applications, drafts and certificates of a user go to a colleague (D31): the application, its certificate, its records of
/// use, amendments, revocations and surrenders, in one transaction; at most [`AT_ONCE`]. The trail keeps who did what
/// before. Says which went. [`DbError::Refused`] when the colleague cannot take them.
pub async fn hand_over_applications(
    tx: &Tx,
    organisation: OrganisationId,
    (from, to): (AccountId, AccountId),
    what: Handed<'_>,
    by: &By,
    at: Instant,
) -> DbResult<Vec<Belonging>> {
    if from == to {
        return Err(DbError::Refused("请选择另一位同事接收".to_owned()));
    }
    if matches!(what, Handed::These([])) {
        return Ok(Vec::new());
    }
    // Somebody else's colleague is none; he is looked at again below, locked.
    member(tx, organisation, to).await?;
    let mut values = params![from, organisation];
    let mut narrowed = String::new();
    if let Handed::These(ids) = what {
        let marks: Vec<_> = placeholders(3).take(ids.len()).collect();
        narrowed = format!(" AND id IN ({})", marks.join(", "));
        values.extend(ids.iter().map(|id| Value::from(*id)));
    }
    let sql = format!(
        "SELECT id, number, certificate_no, state, first_saved_at FROM application \
         WHERE owner_id = $1 AND organisation_id = $2{narrowed} ORDER BY id LIMIT {AT_ONCE}{}",
        tx.for_update()
    );
    let moved: Vec<Belonging> = rows(&tx.0, &sql, values).await?;
    if let Handed::These(ids) = what
        && moved.len() != ids.len()
    {
        return Err(DbError::Overtaken("所选的申请中有的已不属于该用户，没有移交。请刷新后重新选择".to_owned()));
    }
    if moved.is_empty() {
        return Ok(moved);
    }
    let marks = placeholders(2).take(moved.len()).collect::<Vec<_>>().join(", ");
    let with = || {
        let mut values = params![to];
        values.extend(moved.iter().map(|b| Value::from(b.id)));
        values
    };
    let of_certificates = format!("certificate_id IN (SELECT id FROM certificate WHERE application_id IN ({marks}))");
    for sql in [
        format!("UPDATE application SET owner_id = $1, version = version + 1 WHERE id IN ({marks})"),
        format!("UPDATE certificate SET owner_id = $1 WHERE application_id IN ({marks})"),
        format!("UPDATE usage_record SET owner_id = $1 WHERE {of_certificates}"),
        format!("UPDATE certificate_amendment SET holder_id = $1 WHERE {of_certificates}"),
        format!("UPDATE certificate_revocation SET holder_id = $1 WHERE {of_certificates}"),
        format!("UPDATE certificate_surrender SET holder_id = $1 WHERE {of_certificates}"),
        // Who is told what became of it; who declared it stands in the ledger.
        format!("UPDATE pre_write_off SET declared_by = $1 WHERE {of_certificates}"),
    ] {
        tx.run(&sql, with()).await?;
    }
    // The accounts last, in the order of their ids.
    for id in [from.min(to), from.max(to)] {
        account::lock(tx, id).await?;
    }
    let giver = member(tx, organisation, from).await?;
    let taker = member(tx, organisation, to).await?;
    let can_take = !taker.disabled
        && taker.mailbox_proved_at.is_some()
        && matches!(taker.membership, Membership::Administrator | Membership::Confirmed)
        && taker.member_role == MemberRole::Clerk;
    if !can_take {
        let why = "接收人须是本单位已确认、可以登录、邮箱已验证的经办人员，请另选一位同事";
        return Err(DbError::Refused(why.to_owned()));
    }
    let names = serde_json::json!({ "from": giver.username, "to": taker.username }).to_string();
    for one in &moved {
        let entry = Entry { detail: &names, ..Entry::of("hand_over_application") };
        audit::record(tx, Subject::Application(one.id), by, at, &entry).await?;
    }
    let detail =
        serde_json::json!({ "from": giver.username, "to": taker.username, "applications": moved.len() }).to_string();
    for id in [from, to] {
        let entry = Entry { detail: &detail, ..Entry::of("hand_over_application") };
        audit::record(tx, Subject::Account(id), by, at, &entry).await?;
    }
    Ok(moved)
}

/// An invitation, as the administrator sees it.
#[derive(Debug, Clone, crate::Row)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// To whom it went.
    pub mailbox: String,
    /// As what.
    pub member_role: MemberRole,
    /// Who invites.
    pub invited_by_name: String,
    /// When.
    pub created_at: Instant,
    /// Until when it is good.
    pub expires_at: Instant,
    /// When it was taken back.
    pub revoked_at: Option<Instant>,
    /// When it was accepted.
    pub accepted_at: Option<Instant>,
    /// By whom.
    pub accepted_by: Option<String>,
}

const INVITATION: &str = "SELECT i.id, i.organisation_id, i.mailbox, i.member_role, i.invited_by_name, i.created_at, \
    i.expires_at, i.revoked_at, i.accepted_at, c.username AS accepted_by FROM invitation i \
    LEFT JOIN account c ON c.id = i.accepted_by";

/// The newest invitations of an organisation.
pub async fn invitations(source: &impl Source, id: OrganisationId) -> DbResult<Vec<Invitation>> {
    let sql = format!("{INVITATION} WHERE i.organisation_id = $1 ORDER BY i.id DESC LIMIT 50");
    rows(source.connection(), &sql, params![id]).await
}

/// Invites somebody. [`DbError::Refused`] when too many were sent within a day.
pub async fn invite(
    tx: &Tx,
    id: OrganisationId,
    administrator: AccountId,
    (mailbox, role): (&str, MemberRole),
    link_hash: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    account::lock_organisation(tx, id).await?;
    let sql = "SELECT COUNT(*) FROM invitation WHERE organisation_id = $1 AND created_at > $2";
    if crate::number(&tx.0, sql, params![id, at.plus_hours(-24)]).await? >= MOST_INVITATIONS {
        return Err(DbError::Refused("今天发出的邀请过多，请明天再试".to_owned()));
    }
    tx.run(
        "INSERT INTO invitation (organisation_id, mailbox, member_role, link_hash, invited_by, invited_by_name, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![id, mailbox, role, link_hash, administrator, by.name.clone(), at, at.plus_hours(INVITATION_HOURS)],
    )
    .await?;
    account::lock(tx, administrator).await?;
    let detail = serde_json::json!({ "mailbox": mailbox, "role": role.word() }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("invite") };
    audit::record(tx, Subject::Account(administrator), by, at, &entry).await
}

/// Takes an invitation back that nobody accepted yet.
pub async fn revoke_invitation(
    tx: &Tx,
    id: OrganisationId,
    administrator: AccountId,
    invitation: InvitationId,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    let sql = "UPDATE invitation SET revoked_at = $1 WHERE id = $2 AND organisation_id = $3 AND revoked_at IS NULL \
               AND accepted_at IS NULL";
    if tx.run(sql, params![at, invitation, id]).await? == 0 {
        return Err(DbError::Overtaken("该邀请已被接受或已撤回，请刷新后查看".to_owned()));
    }
    account::lock(tx, administrator).await?;
    let detail = serde_json::json!({ "invitation": invitation }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("revoke_invitation") };
    audit::record(tx, Subject::Account(administrator), by, at, &entry).await
}

/// The open invitation of a link. Whoever invited must still administer the organisation.
pub async fn invitation_by_link(source: &impl Source, link_hash: &str, now: Instant) -> DbResult<Option<Invitation>> {
    let sql = format!(
        "{INVITATION} JOIN account w ON w.id = i.invited_by AND w.organisation_id = i.organisation_id \
         AND w.membership = 'administrator' AND NOT w.disabled \
         WHERE i.link_hash = $1 AND i.expires_at > $2 AND i.revoked_at IS NULL AND i.accepted_at IS NULL"
    );
    row(source.connection(), &sql, params![link_hash, now]).await
}

/// The invited person registers: a confirmed member at once, his mailbox proved by the link. [`DbError::NotFound`] when the
/// invitation is not good any more, [`DbError::Duplicate`] when the 用户名 is taken.
pub async fn accept_invitation(
    tx: &Tx,
    link_hash: &str,
    new: &Registration,
    address: &str,
    at: Instant,
) -> DbResult<AccountId> {
    let invitation = invitation_by_link(tx, link_hash, at).await?.ok_or(DbError::NotFound)?;
    account::lock_organisation(tx, invitation.organisation_id).await?;
    let place = account::Place {
        organisation: invitation.organisation_id,
        membership: Membership::Confirmed,
        role: invitation.member_role,
        proved_at: (new.particulars.contact_email == invitation.mailbox).then_some(at),
    };
    let id = account::enrol(tx, new, &place, at).await?;
    let sql = "UPDATE invitation SET accepted_at = $1, accepted_by = $2 WHERE id = $3 AND accepted_at IS NULL \
               AND revoked_at IS NULL";
    if tx.run(sql, params![at, id, invitation.id]).await? == 0 {
        return Err(DbError::NotFound);
    }
    let by = By { account: Some(id), name: new.username.clone(), bureau: None, address: address.to_owned() };
    let detail = serde_json::json!({
        "organisation": new.org_code,
        "membership": Membership::Confirmed.word(),
        "role": invitation.member_role.word(),
        "invited_by": invitation.invited_by_name,
    })
    .to_string();
    audit::record(tx, Subject::Account(id), &by, at, &Entry { detail: &detail, ..Entry::of("register") }).await?;
    Ok(id)
}
