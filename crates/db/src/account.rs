//! Organisations and the accounts of all three kinds of user.

use domain::actor::{AccountKind, Actor, Cnca, Enterprise, MemberRole, Membership, Officer, Posts};
use domain::application::{Applicant, ApplicantKind};
use domain::ids::{AccountId, BureauCode, OrganisationId, RegionCode};
use domain::text;
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// The four blue-star fields, stored once per organisation (manual §1.1, §3 note 2).
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// 组织机构代码, nine characters.
    pub code: String,
    /// 申请单位.
    pub name: String,
    /// 申请单位邮编.
    pub postcode: String,
    /// 申请单位地址.
    pub address: String,
    /// 申请单位信息备注.
    pub remark: String,
}

/// What a user says of himself; per user (manual §1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Particulars {
    /// 所在地行政区划, the default of 产品最终使用地.
    pub region: RegionCode,
    /// 单位性质.
    pub applicant_kind: ApplicantKind,
    /// 法定代表人.
    pub legal_rep: String,
    /// 联系人.
    pub contact_name: String,
    /// 联系电话.
    pub contact_phone: String,
    /// 手机.
    pub contact_mobile: String,
    /// 传真.
    pub contact_fax: String,
    /// 联系人邮箱.
    pub contact_email: String,
}

/// A new enterprise user.
#[derive(Debug, Clone)]
pub struct Registration {
    /// 用户名, as typed.
    pub username: String,
    /// Argon2id hash of the password.
    pub password_hash: String,
    /// The code's nine-character key.
    pub org_code: String,
    /// The code as typed (9 or 18 characters).
    pub org_code_entered: String,
    /// The shared fields; used only when this is the first registrant of the code (R-1.1-15).
    pub org_name: String,
    /// 申请单位邮编.
    pub org_postcode: String,
    /// 申请单位地址.
    pub org_address: String,
    /// 申请单位信息备注.
    pub org_remark: String,
    /// The user's own.
    pub particulars: Particulars,
}

/// The organisation of a code, if somebody registered it (R-1.1-06; D4: with the region of its administrator).
pub async fn organisation_by_code(
    source: &impl Source,
    code: &str,
) -> DbResult<Option<(Organisation, Option<RegionCode>)>> {
    let conn = source.connection();
    let Some(found): Option<Organisation> =
        row(conn, "SELECT id, code, name, postcode, address, remark FROM organisation WHERE code = $1", params![code])
            .await?
    else {
        return Ok(None);
    };
    #[derive(crate::Row)]
    struct Region {
        region_code: Option<RegionCode>,
    }
    let region: Option<Region> = row(
        conn,
        "SELECT region_code FROM account WHERE organisation_id = $1 \
         ORDER BY CASE membership WHEN 'administrator' THEN 0 ELSE 1 END, id LIMIT 1",
        params![found.id],
    )
    .await?;
    Ok(Some((found, region.and_then(|r| r.region_code))))
}

/// An organisation by its id.
pub async fn organisation(source: &impl Source, id: OrganisationId) -> DbResult<Organisation> {
    let sql = "SELECT id, code, name, postcode, address, remark FROM organisation WHERE id = $1";
    row(source.connection(), sql, params![id]).await?.ok_or(DbError::NotFound)
}

/// Whether a 用户名 is taken, whatever its case.
pub async fn username_is_taken(source: &impl Source, username: &str) -> DbResult<bool> {
    let n = crate::number(
        source.connection(),
        "SELECT COUNT(*) FROM account WHERE username_folded = $1",
        params![text::fold(username)],
    )
    .await?;
    Ok(n > 0)
}

/// Whether the mailbox of a new account is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// It has to be proved first (D29): until then nobody becomes 单位管理员.
    Unproved,
    /// It counts: this installation does not ask, or an invitation reached it.
    Proved,
}

/// Which place the next proved user of an organisation takes: the first one is its administrator (D3). Locks the
/// organisation.
pub(crate) async fn seat(tx: &Tx, organisation: OrganisationId) -> DbResult<Membership> {
    lock_organisation(tx, organisation).await?;
    let sql =
        "SELECT COUNT(*) FROM account WHERE organisation_id = $1 AND membership IN ('administrator', 'confirmed')";
    let members = crate::number(&tx.0, sql, params![organisation]).await?;
    Ok(if members == 0 { Membership::Administrator } else { Membership::Pending })
}

/// Locks an organisation: before the accounts of its users.
pub(crate) async fn lock_organisation(tx: &Tx, id: OrganisationId) -> DbResult<()> {
    #[derive(crate::Row)]
    struct Id {
        #[expect(dead_code, reason = "the row is locked; what stands in it is read afterwards")]
        id: OrganisationId,
    }
    let sql = format!("SELECT id FROM organisation WHERE id = $1{}", tx.for_update());
    let _: Option<Id> = row(&tx.0, &sql, params![id]).await?;
    Ok(())
}

/// Registers an enterprise user: the first of a code whose mailbox is proved becomes its administrator, others are 待确认
/// (D3, D29).
///
/// [`DbError::Duplicate`] when the 用户名 is taken.
pub async fn register(
    tx: &Tx,
    new: &Registration,
    mailbox: Mailbox,
    at: Instant,
    by_address: &str,
) -> DbResult<AccountId> {
    let (organisation, _) = found(tx, new, at).await?;
    let membership = match mailbox {
        Mailbox::Unproved => Membership::Pending,
        Mailbox::Proved => seat(tx, organisation.id).await?,
    };
    let proved_at = (mailbox == Mailbox::Proved).then_some(at);
    let place = Place { organisation: organisation.id, membership, role: MemberRole::Clerk, proved_at };
    let id = enrol(tx, new, &place, at).await?;
    let by = By { account: Some(id), name: new.username.clone(), bureau: None, address: by_address.to_owned() };
    let detail = serde_json::json!({ "organisation": organisation.code, "membership": membership.word() }).to_string();
    audit::record(tx, Subject::Account(id), &by, at, &Entry { detail: &detail, ..Entry::of("register") }).await?;
    Ok(id)
}

/// The organisation of a registration's code, made with the shared fields when it is not there yet.
async fn found(tx: &Tx, new: &Registration, at: Instant) -> DbResult<(Organisation, Option<RegionCode>)> {
    tx.run(
        "INSERT INTO organisation (code, name, postcode, address, remark, created_at, region_code) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (code) DO NOTHING",
        params![
            new.org_code.clone(),
            new.org_name.clone(),
            new.org_postcode.clone(),
            new.org_address.clone(),
            new.org_remark.clone(),
            at,
            new.particulars.region.clone()
        ],
    )
    .await?;
    organisation_by_code(tx, &new.org_code).await?.ok_or(DbError::NotFound)
}

/// Where a new user belongs.
pub(crate) struct Place {
    pub organisation: OrganisationId,
    pub membership: Membership,
    pub role: MemberRole,
    pub proved_at: Option<Instant>,
}

/// The row of a new user.
pub(crate) async fn enrol(tx: &Tx, new: &Registration, place: &Place, at: Instant) -> DbResult<AccountId> {
    let p = &new.particulars;
    let id = tx
        .insert(
            "INSERT INTO account (kind, username, username_folded, password_hash, display_name, organisation_id, \
             membership, org_code_entered, region_code, applicant_kind, legal_rep, contact_name, contact_phone, \
             contact_mobile, contact_fax, contact_email, created_at, member_role, mailbox_proved_at) \
             VALUES ('enterprise', $1, $2, $3, $1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
             RETURNING id",
            params![
                new.username.clone(),
                text::fold(&new.username),
                new.password_hash.clone(),
                place.organisation,
                place.membership,
                new.org_code_entered.clone(),
                p.region.clone(),
                p.applicant_kind,
                p.legal_rep.clone(),
                p.contact_name.clone(),
                p.contact_phone.clone(),
                p.contact_mobile.clone(),
                p.contact_fax.clone(),
                p.contact_email.clone(),
                at,
                place.role,
                place.proved_at
            ],
        )
        .await?;
    Ok(AccountId::new(id))
}

/// A new officer or person of CNCA, made by the operator or by demonstration data.
#[derive(Debug, Clone)]
pub struct Appointment {
    /// 用户名.
    pub username: String,
    /// Argon2id hash of the password.
    pub password_hash: String,
    /// The name under which his opinions appear.
    pub display_name: String,
    /// The bureau; none = CNCA.
    pub bureau: Option<BureauCode>,
    /// His posts.
    pub posts: Posts,
}

/// Creates an account of a bureau or of CNCA. [`DbError::Duplicate`] when the 用户名 is taken.
pub async fn appoint(tx: &Tx, new: &Appointment, by: &By, at: Instant) -> DbResult<AccountId> {
    let kind = if new.bureau.is_some() { AccountKind::Bureau } else { AccountKind::Cnca };
    let id = tx
        .insert(
            "INSERT INTO account (kind, username, username_folded, password_hash, display_name, display_name_folded, \
             bureau_code, posts, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
            params![
                kind,
                new.username.clone(),
                text::fold(&new.username),
                new.password_hash.clone(),
                new.display_name.clone(),
                text::fold(&new.display_name),
                new.bureau.clone(),
                new.posts.clone(),
                at
            ],
        )
        .await?;
    let id = AccountId::new(id);
    let detail = serde_json::json!({ "posts": new.posts.to_string() }).to_string();
    audit::record(tx, Subject::Account(id), by, at, &Entry { detail: &detail, ..Entry::of("appoint") }).await?;
    Ok(id)
}

/// Replaces a password hash and ends every login session of the account.
pub async fn set_password(tx: &Tx, id: AccountId, password_hash: &str, by: &By, at: Instant) -> DbResult<()> {
    let done = tx
        .run("UPDATE account SET password_hash = $1, version = version + 1 WHERE id = $2", params![password_hash, id])
        .await?;
    if done == 0 {
        return Err(DbError::NotFound);
    }
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("set_password")).await
}

/// The user changes his own password: one-time passwords are void, every other session ends.
pub async fn change_password(
    tx: &Tx,
    id: AccountId,
    password_hash: &str,
    kept_session: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    tx.run(
        "UPDATE account SET password_hash = $1, must_change_password = $2, version = version + 1 WHERE id = $3",
        params![password_hash, false, id],
    )
    .await?;
    tx.run("DELETE FROM one_time_password WHERE account_id = $1", params![id]).await?;
    tx.run("DELETE FROM login_session WHERE account_id = $1 AND token_hash <> $2", params![id, kept_session]).await?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("change_password")).await
}

/// The hash of an account's password.
pub async fn password_hash(source: &impl Source, id: AccountId) -> DbResult<String> {
    #[derive(crate::Row)]
    struct Hash {
        password_hash: String,
    }
    let found: Option<Hash> =
        row(source.connection(), "SELECT password_hash FROM account WHERE id = $1", params![id]).await?;
    Ok(found.ok_or(DbError::NotFound)?.password_hash)
}

/// Switches an account off (ending every login session of it) or on again.
pub async fn set_disabled(tx: &Tx, id: AccountId, disabled: bool, by: &By, at: Instant) -> DbResult<()> {
    let sql = "UPDATE account SET disabled = $1, disabled_reason = '', version = version + 1 WHERE id = $2";
    let done = tx.run(sql, params![disabled, id]).await?;
    if done == 0 {
        return Err(DbError::NotFound);
    }
    if disabled {
        tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    }
    let action = if disabled { "disable" } else { "enable" };
    audit::record(tx, Subject::Account(id), by, at, &Entry::of(action)).await
}

/// What a log-in needs to know of an account.
#[derive(Debug, Clone, crate::Row)]
pub struct Credentials {
    /// The account.
    pub id: AccountId,
    /// Its kind; the choice in the login column must match (R-1.2-03).
    pub kind: AccountKind,
    /// Argon2id hash.
    pub password_hash: String,
    /// Whether it was switched off.
    pub disabled: bool,
    /// 用户名, as registered.
    pub username: String,
    /// 1 when the log-in asks for a second factor.
    second_factor: i64,
}

impl Credentials {
    /// Whether the log-in asks for a second factor.
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor == 1
    }
}

const CREDENTIALS: &str = "SELECT c.id, c.kind, c.password_hash, c.disabled, c.username, \
    CAST(CASE WHEN EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = c.id AND f.confirmed_at IS NOT NULL) \
    THEN 1 ELSE 0 END AS BIGINT) AS second_factor FROM account c";

/// Looks an account up by 用户名, whatever its case.
pub async fn credentials(source: &impl Source, username: &str) -> DbResult<Option<Credentials>> {
    let sql = format!("{CREDENTIALS} WHERE c.username_folded = $1");
    row(source.connection(), &sql, params![text::fold(username)]).await
}

/// The same of an account that is known already: between the two steps of a log-in.
pub async fn credentials_of(source: &impl Source, id: AccountId) -> DbResult<Option<Credentials>> {
    row(source.connection(), &format!("{CREDENTIALS} WHERE c.id = $1"), params![id]).await
}

/// The columns from which an actor is built, here and in `session`.
#[derive(Debug, Clone, crate::Row)]
pub(crate) struct ActorRow {
    pub id: AccountId,
    pub kind: AccountKind,
    pub username: String,
    pub display_name: String,
    pub organisation_id: Option<OrganisationId>,
    pub membership: Option<Membership>,
    pub shares_within: Option<bool>,
    pub member_role: MemberRole,
    pub mailbox_proved_at: Option<Instant>,
    pub suspended_at: Option<Instant>,
    pub bureau_code: Option<BureauCode>,
    pub posts: Posts,
}

impl ActorRow {
    pub(crate) fn actor(self) -> DbResult<Actor> {
        let broken = || DbError::Inconsistent("an account lacks its organisation or bureau".to_owned());
        Ok(match self.kind {
            AccountKind::Enterprise => Actor::Enterprise(Enterprise {
                account: self.id,
                name: self.username,
                organisation: self.organisation_id.ok_or_else(broken)?,
                membership: self.membership.ok_or_else(broken)?,
                shares: self.shares_within.unwrap_or(false),
                role: self.member_role,
                mailbox_proved: self.mailbox_proved_at.is_some(),
                suspended: self.suspended_at.is_some(),
            }),
            AccountKind::Bureau => Actor::Officer(Officer {
                account: self.id,
                name: self.display_name,
                bureau: self.bureau_code.ok_or_else(broken)?,
                posts: self.posts,
            }),
            AccountKind::Cnca => Actor::Cnca(Cnca { account: self.id, name: self.display_name, posts: self.posts }),
        })
    }
}

/// The actor behind an account, with the rights he has now.
pub async fn actor(source: &impl Source, id: AccountId) -> DbResult<Actor> {
    let found: Option<ActorRow> = row(
        source.connection(),
        "SELECT c.id, c.kind, c.username, c.display_name, c.organisation_id, c.membership, o.shares_within, \
         c.member_role, c.mailbox_proved_at, o.suspended_at, \
         c.bureau_code, c.posts FROM account c LEFT JOIN organisation o ON o.id = c.organisation_id WHERE c.id = $1",
        params![id],
    )
    .await?;
    found.ok_or(DbError::NotFound)?.actor()
}

/// The profile that a login session holds and new applications copy (D22).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    /// 申请单位信息, copied into new applications.
    pub applicant: Applicant,
    /// The default of 产品最终使用地行政区划.
    pub region: String,
}

/// The profile of an account as it stands in the database now.
pub async fn profile(source: &impl Source, id: AccountId) -> DbResult<Profile> {
    #[derive(crate::Row)]
    struct Columns {
        code: Option<String>,
        name: Option<String>,
        postcode: Option<String>,
        address: Option<String>,
        remark: Option<String>,
        region_code: Option<String>,
        contact_name: String,
        contact_phone: String,
        contact_fax: String,
        contact_email: String,
    }
    let found: Option<Columns> = row(
        source.connection(),
        "SELECT o.code, o.name, o.postcode, o.address, o.remark, c.region_code, c.contact_name, c.contact_phone, \
         c.contact_fax, c.contact_email FROM account c LEFT JOIN organisation o ON o.id = c.organisation_id \
         WHERE c.id = $1",
        params![id],
    )
    .await?;
    let c = found.ok_or(DbError::NotFound)?;
    Ok(Profile {
        applicant: Applicant {
            name: c.name.unwrap_or_default(),
            org_code: c.code.unwrap_or_default(),
            address: c.address.unwrap_or_default(),
            postcode: c.postcode.unwrap_or_default(),
            contact: c.contact_name,
            phone: c.contact_phone,
            fax: c.contact_fax,
            email: c.contact_email,
            remark: c.remark.unwrap_or_default(),
        },
        region: c.region_code.unwrap_or_default(),
    })
}

/// The user information of an enterprise's user, as it stands in the database (manual §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// 用户名; immutable.
    pub username: String,
    /// 组织机构代码 as entered; immutable.
    pub org_code_entered: String,
    /// The shared fields.
    pub organisation: Organisation,
    /// The user's own.
    pub particulars: Particulars,
}

/// Reads the user information.
pub async fn details(source: &impl Source, id: AccountId) -> DbResult<Details> {
    #[derive(crate::Row)]
    struct Columns {
        username: String,
        org_code_entered: String,
        region_code: Option<RegionCode>,
        applicant_kind: Option<ApplicantKind>,
        legal_rep: String,
        contact_name: String,
        contact_phone: String,
        contact_mobile: String,
        contact_fax: String,
        contact_email: String,
        organisation_id: OrganisationId,
        code: String,
        name: String,
        postcode: String,
        address: String,
        remark: String,
    }
    let found: Option<Columns> = row(
        source.connection(),
        "SELECT c.username, c.org_code_entered, c.region_code, c.applicant_kind, c.legal_rep, c.contact_name, \
         c.contact_phone, c.contact_mobile, c.contact_fax, c.contact_email, o.id AS organisation_id, o.code, o.name, \
         o.postcode, o.address, o.remark FROM account c JOIN organisation o ON o.id = c.organisation_id WHERE c.id = $1",
        params![id],
    )
    .await?;
    let c = found.ok_or(DbError::NotFound)?;
    Ok(Details {
        username: c.username,
        org_code_entered: c.org_code_entered,
        organisation: Organisation {
            id: c.organisation_id,
            code: c.code,
            name: c.name,
            postcode: c.postcode,
            address: c.address,
            remark: c.remark,
        },
        particulars: Particulars {
            region: c.region_code.unwrap_or_else(|| RegionCode::new("")),
            applicant_kind: c.applicant_kind.unwrap_or(ApplicantKind::Other),
            legal_rep: c.legal_rep,
            contact_name: c.contact_name,
            contact_phone: c.contact_phone,
            contact_mobile: c.contact_mobile,
            contact_fax: c.contact_fax,
            contact_email: c.contact_email,
        },
    })
}

/// Locks the user's row: what is written beside it is written one after the other.
pub(crate) async fn lock(tx: &Tx, id: AccountId) -> DbResult<()> {
    let sql = format!("SELECT id FROM account WHERE id = $1{}", tx.for_update());
    crate::number(&tx.0, &sql, params![id]).await?;
    Ok(())
}

/// Locks the user's row, so that a page that is older than the data is noticed.
pub async fn details_for_update(tx: &Tx, id: AccountId) -> DbResult<Details> {
    lock(tx, id).await?;
    details(tx, id).await
}

/// Saves the user's own fields (manual §3).
pub async fn save_particulars(tx: &Tx, id: AccountId, p: &Particulars, by: &By, at: Instant) -> DbResult<()> {
    tx.run(
        "UPDATE account SET version = version + 1, region_code = $1, applicant_kind = $2, legal_rep = $3, \
         contact_name = $4, contact_phone = $5, contact_mobile = $6, contact_fax = $7, contact_email = $8 WHERE id = $9",
        params![
            p.region.clone(),
            p.applicant_kind,
            p.legal_rep.clone(),
            p.contact_name.clone(),
            p.contact_phone.clone(),
            p.contact_mobile.clone(),
            p.contact_fax.clone(),
            p.contact_email.clone(),
            id
        ],
    )
    .await?;
    follow_region(tx, id).await?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("save_particulars")).await
}

/// The region of an organisation is that of its administrator: nothing happens when this user is none.
pub(crate) async fn follow_region(tx: &Tx, id: AccountId) -> DbResult<()> {
    let sql = "UPDATE organisation SET region_code = (SELECT c.region_code FROM account c WHERE c.id = $1) \
               WHERE id = (SELECT c.organisation_id FROM account c WHERE c.id = $1 AND c.membership = 'administrator' \
               AND c.region_code IS NOT NULL)";
    tx.run(sql, params![id]).await?;
    Ok(())
}

/// Saves the four shared fields, for every user of the code (R-1.1-12, R-3-06). The caller has asked
/// `policy::may_edit_shared_fields`.
pub async fn save_shared_fields(tx: &Tx, user: AccountId, to: &Organisation, by: &By, at: Instant) -> DbResult<()> {
    tx.run(
        "UPDATE organisation SET version = version + 1, name = $1, postcode = $2, address = $3, remark = $4, \
         changed_at = $5, changed_by = $6 WHERE id = $7",
        params![to.name.clone(), to.postcode.clone(), to.address.clone(), to.remark.clone(), at, user, to.id],
    )
    .await?;
    let detail = serde_json::json!({
        "name": to.name, "postcode": to.postcode, "address": to.address, "remark": to.remark,
    })
    .to_string();
    audit::record(tx, Subject::Account(user), by, at, &Entry { detail: &detail, ..Entry::of("save_shared_fields") })
        .await
}

/// A user of an organisation, as its administrator sees him (D3).
#[derive(Debug, Clone, crate::Row)]
pub struct Colleague {
    /// The account.
    pub id: AccountId,
    /// 用户名.
    pub username: String,
    /// 联系人.
    pub contact_name: String,
    /// 联系电话.
    pub contact_phone: String,
    /// Where he stands.
    pub membership: Membership,
    /// 经办 or 查阅.
    pub member_role: MemberRole,
    /// When his mailbox was proved (D29).
    pub mailbox_proved_at: Option<Instant>,
    /// Whether he was refused, has left, or was switched off.
    pub disabled: bool,
    /// Why he was switched off, where somebody said so.
    pub disabled_reason: String,
    /// When he registered.
    pub created_at: Instant,
    second_factor: i64,
    /// How many applications are his.
    pub applications: i64,
}

impl Colleague {
    /// Whether his log-in asks for a second factor.
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor == 1
    }

    /// 单位管理员, 经办, 查阅, 待确认.
    pub const fn standing(&self) -> &'static str {
        match (self.membership, self.member_role) {
            (Membership::Administrator | Membership::Pending, _) => self.membership.label(),
            (Membership::Confirmed, role) => role.label(),
        }
    }

    /// Whether applications can be handed to him: he belongs here, can log in, and does not only read (D31).
    pub const fn can_receive(&self) -> bool {
        !self.disabled
            && self.mailbox_proved_at.is_some()
            && matches!(self.membership, Membership::Administrator | Membership::Confirmed)
            && matches!(self.member_role, MemberRole::Clerk)
    }
}

/// All users of an organisation: its administrator first, those who wait next.
pub async fn colleagues(source: &impl Source, organisation: OrganisationId) -> DbResult<Vec<Colleague>> {
    rows(
        source.connection(),
        "SELECT c.id, c.username, c.contact_name, c.contact_phone, c.membership, c.member_role, c.mailbox_proved_at, \
         c.disabled, c.disabled_reason, c.created_at, \
         (SELECT COUNT(*) FROM application a WHERE a.owner_id = c.id) AS applications, CAST(CASE WHEN f.confirmed_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS second_factor \
         FROM account c LEFT JOIN second_factor f ON f.account_id = c.id WHERE c.organisation_id = $1 \
         ORDER BY CASE c.membership WHEN 'administrator' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, c.id",
        params![organisation],
    )
    .await
}

/// A user 待确认 of the organisation becomes a confirmed one (D3).
pub async fn confirm(tx: &Tx, organisation: OrganisationId, id: AccountId, by: &By, at: Instant) -> DbResult<()> {
    let sql = "UPDATE account SET membership = 'confirmed', version = version + 1 \
               WHERE id = $1 AND organisation_id = $2 AND membership = 'pending' AND NOT disabled \
               AND mailbox_proved_at IS NOT NULL";
    one_of(tx.run(sql, params![id, organisation]).await?)?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("confirm")).await
}

/// A user 待确认 of the organisation is refused: he does not belong to it and cannot log in any more (D3).
pub async fn refuse(tx: &Tx, organisation: OrganisationId, id: AccountId, by: &By, at: Instant) -> DbResult<()> {
    let sql = "UPDATE account SET disabled = $1, version = version + 1 \
               WHERE id = $2 AND organisation_id = $3 AND membership = 'pending' AND NOT disabled";
    one_of(tx.run(sql, params![true, id, organisation]).await?)?;
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("refuse")).await
}

/// The administrator hands his office to a confirmed colleague and becomes one himself (D3).
pub async fn hand_over(
    tx: &Tx,
    organisation: OrganisationId,
    from: AccountId,
    to: AccountId,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    // The old one first: an organisation never has two (unique index).
    let leave = "UPDATE account SET membership = 'confirmed', version = version + 1 \
                 WHERE id = $1 AND organisation_id = $2 AND membership = 'administrator'";
    one_of(tx.run(leave, params![from, organisation]).await?)?;
    let enter = "UPDATE account SET membership = 'administrator', version = version + 1 \
                 WHERE id = $1 AND organisation_id = $2 AND membership = 'confirmed' AND NOT disabled AND id <> $3 \
                 AND mailbox_proved_at IS NOT NULL AND member_role = 'clerk'";
    one_of(tx.run(enter, params![to, organisation, from]).await?)?;
    follow_region(tx, to).await?;
    audit::record(tx, Subject::Account(from), by, at, &Entry::of("hand_over")).await?;
    audit::record(tx, Subject::Account(to), by, at, &Entry::of("become_administrator")).await
}

/// Switches 单位内共享 (D5).
pub async fn set_sharing(
    tx: &Tx,
    organisation: OrganisationId,
    administrator: AccountId,
    shares: bool,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    tx.run("UPDATE organisation SET shares_within = $1 WHERE id = $2", params![shares, organisation]).await?;
    let action = if shares { "share_within" } else { "stop_sharing" };
    audit::record(tx, Subject::Account(administrator), by, at, &Entry::of(action)).await
}

pub(crate) fn one_of(changed: u64) -> DbResult<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(DbError::Overtaken("该用户的状态已有变化，请刷新后查看".to_owned()))
    }
}
