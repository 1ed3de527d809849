//! The accounts of officers and of CNCA, as their administrators keep them (R-C-06).
//!
//! Every deed asks for a [`Permit`] of [`ManageAccounts`] and stays within its reach: what lies outside does not exist for
//! that administrator. Nobody acts on his own account here, and the last administrator of a bureau stays one.

use domain::actor::{Actor, Post, Posts};
use domain::ids::{AccountId, ApplicationId, BureauCode};
use domain::policy::{ManageAccounts, Permit, Reach, administrator_post};
use domain::text;
use domain::time::Instant;

use crate::account::{self, Appointment};
use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::{DbError, DbResult, Source, Tx, Value, one_time_password, params, row, rows, second_factor, setting};

/// The setting that asks CNCA's own people for a second factor; a bureau's lies in its row.
const REQUIRED: &str = "second_factor_required";
/// What stands in it while it asks.
const OF_CNCA: &str = "cnca";

/// An account as its administrator sees it.
#[derive(Debug, Clone, crate::Row)]
pub struct OfficerAccount {
    /// Its id.
    pub id: AccountId,
    /// 用户名; immutable.
    pub username: String,
    /// 姓名, under which his opinions appear.
    pub display_name: String,
    /// The bureau; none = CNCA. Immutable: who moves gets another account.
    pub bureau_code: Option<BureauCode>,
    /// His posts.
    pub posts: Posts,
    /// Whether he cannot log in.
    pub disabled: bool,
    /// Why not.
    pub disabled_reason: String,
    /// 联系电话.
    pub contact_phone: String,
    /// 联系邮箱.
    pub contact_email: String,
    /// 最近登录.
    pub last_login_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// A one-time password was used and not changed yet.
    pub must_change_password: bool,
    /// Changes with every deed on the account.
    pub version: i64,
    second_factor: i64,
}

impl OfficerAccount {
    /// Whether his log-ins ask for a second factor.
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor == 1
    }
}

const COLUMNS: &str = "c.id, c.username, c.display_name, c.bureau_code, c.posts, c.disabled, c.disabled_reason, \
    c.contact_phone, c.contact_email, c.last_login_at, c.created_at, c.must_change_password, c.version, \
    CAST(CASE WHEN EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = c.id AND f.confirmed_at IS NOT NULL) \
    THEN 1 ELSE 0 END AS BIGINT) AS second_factor";

/// Whose accounts a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// All within reach.
    All,
    /// One bureau's.
    Bureau(BureauCode),
    /// CNCA's.
    Cnca,
}

/// What a list is narrowed by.
#[derive(Debug, Clone)]
pub struct Filters<'a> {
    /// Whose.
    pub whose: Whose,
    /// Who hold this post.
    pub post: Option<Post>,
    /// Who can, or cannot, log in.
    pub disabled: Option<bool>,
    /// 用户名 or 姓名, 模糊 (D27).
    pub name: &'a str,
}

fn within(permit: &Permit<ManageAccounts>) -> Conditions {
    match permit.reach() {
        Reach::Bureau(own) => Conditions::new().and("c.bureau_code = ?", params![own.clone()]),
        Reach::Everywhere => Conditions::new().and("c.kind <> 'enterprise'", params![]),
    }
}

fn narrowed(permit: &Permit<ManageAccounts>, by: &Filters<'_>) -> Conditions {
    let mut all = within(permit);
    all = match &by.whose {
        Whose::All => all,
        Whose::Bureau(code) => all.and("c.bureau_code = ?", params![code.clone()]),
        Whose::Cnca => all.and("c.kind = 'cnca'", params![]),
    };
    if let Some(post) = by.post {
        let pattern = text::like_pattern(&format!(",{},", post.word()));
        all = all.and("',' || c.posts || ',' LIKE ? ESCAPE '\\'", params![pattern]);
    }
    if let Some(disabled) = by.disabled {
        all = all.and("c.disabled = ?", params![disabled]);
    }
    let name = text::fold(by.name);
    if !name.is_empty() {
        let pattern = text::like_pattern(&name);
        all = all.and(
            "(c.display_name_folded LIKE ? ESCAPE '\\' OR c.username_folded LIKE ? ESCAPE '\\')",
            params![pattern.clone(), pattern],
        );
    }
    all
}

/// How many accounts there are.
pub async fn count(source: &impl Source, permit: &Permit<ManageAccounts>, by: &Filters<'_>) -> DbResult<i64> {
    let conditions = narrowed(permit, by);
    let sql = format!("SELECT COUNT(*) FROM account c{}", conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// A page of them: CNCA's first, then bureau by bureau.
pub async fn list(
    source: &impl Source,
    permit: &Permit<ManageAccounts>,
    by: &Filters<'_>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<OfficerAccount>> {
    let conditions = narrowed(permit, by);
    let sql = format!(
        "SELECT {COLUMNS} FROM account c{} ORDER BY COALESCE(c.bureau_code, ''), c.id LIMIT {limit} OFFSET {offset}",
        conditions.sql()
    );
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

/// One account within reach; [`DbError::NotFound`] otherwise.
pub async fn load(source: &impl Source, permit: &Permit<ManageAccounts>, id: AccountId) -> DbResult<OfficerAccount> {
    let conditions = within(permit).and("c.id = ?", params![id]);
    let sql = format!("SELECT {COLUMNS} FROM account c{}", conditions.sql());
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// 姓名, contact and posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// 姓名.
    pub display_name: String,
    /// 联系电话; may be empty.
    pub contact_phone: String,
    /// 联系邮箱; may be empty.
    pub contact_email: String,
    /// At least one post, of the kind of the account.
    pub posts: Posts,
}

/// 新增账号, with a one-time password that must be changed at the first log-in. [`DbError::Duplicate`] when the 用户名 is
/// taken. `password_hash` is that of a password nobody knows.
#[expect(clippy::too_many_arguments, reason = "one deed with its proof, its secrets and its author")]
pub async fn appoint(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    username: &str,
    bureau: Option<&BureauCode>,
    details: &Details,
    password_hash: &str,
    one_time_hash: &str,
    by: &By,
    at: Instant,
) -> DbResult<AccountId> {
    if !permit.covers(bureau) {
        return Err(DbError::NotFound);
    }
    check_posts(&details.posts, bureau.is_some())?;
    let new = Appointment {
        username: username.to_owned(),
        password_hash: password_hash.to_owned(),
        display_name: details.display_name.clone(),
        bureau: bureau.cloned(),
        posts: details.posts.clone(),
    };
    let id = account::appoint(tx, &new, by, at).await?;
    tx.run(
        "UPDATE account SET contact_phone = $1, contact_email = $2 WHERE id = $3",
        params![details.contact_phone.clone(), details.contact_email.clone(), id],
    )
    .await?;
    one_time_password::issue(tx, id, one_time_hash, at).await?;
    Ok(id)
}

fn check_posts(posts: &Posts, of_bureau: bool) -> DbResult<()> {
    if posts.is_empty() || !posts.are_of(of_bureau) {
        return Err(DbError::Refused("请选择与所属单位相符的岗位，至少一个".to_owned()));
    }
    Ok(())
}

const CHANGED: &str = "该账号已有变化，没有保存。请返回账号页面查看后重新操作";

/// 保存: details and posts of the account as it was seen. Cases that he has taken at posts he loses go back to their posts;
/// says how many.
pub async fn update(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    id: AccountId,
    seen: i64,
    to: &Details,
    by: &By,
    at: Instant,
) -> DbResult<u64> {
    let before = load(tx, permit, id).await?;
    if before.version != seen {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    check_posts(&to.posts, before.bureau_code.is_some())?;
    let lost = before.posts.without(&to.posts);
    let administrator = administrator_post(before.bureau_code.is_some());
    let leaves_office = lost.holds(administrator);
    if leaves_office && id == permit.account() {
        let label = administrator.label();
        return Err(DbError::Refused(format!("不能取消自己的“{label}”岗位，请由另一位{label}办理")));
    }
    // Lock order: the cases first, the accounts last.
    let released = release_cases(tx, id, Some(&lost), by, at).await?;
    if leaves_office && !before.disabled {
        stays_administered(tx, before.bureau_code.as_ref(), id).await?;
    }
    let done = tx
        .run(
            "UPDATE account SET display_name = $1, display_name_folded = $2, contact_phone = $3, contact_email = $4, \
             posts = $5, version = version + 1 WHERE id = $6 AND version = $7",
            params![
                to.display_name.clone(),
                text::fold(&to.display_name),
                to.contact_phone.clone(),
                to.contact_email.clone(),
                to.posts.clone(),
                id,
                seen
            ],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    let changed: Vec<_> = [
        ("name", before.display_name != to.display_name),
        ("phone", before.contact_phone != to.contact_phone),
        ("email", before.contact_email != to.contact_email),
        ("posts", before.posts != to.posts),
    ]
    .into_iter()
    .filter_map(|(what, changed)| changed.then_some(what))
    .collect();
    let detail = serde_json::json!({
        "changed": changed,
        "posts_before": before.posts.to_string(),
        "posts": to.posts.to_string(),
        "released": released,
    })
    .to_string();
    let entry = Entry { detail: &detail, ..Entry::of("save_officer") };
    audit::record(tx, Subject::Account(id), by, at, &entry).await?;
    Ok(released)
}

/// Gives the cases that he has taken back to their posts: all, or those at `posts`.
async fn release_cases(tx: &Tx, id: AccountId, posts: Option<&Posts>, by: &By, at: Instant) -> DbResult<u64> {
    #[derive(crate::Row)]
    struct Taken {
        id: ApplicationId,
        current_post: Option<Post>,
    }
    if posts.is_some_and(Posts::is_empty) {
        return Ok(0);
    }
    let sql = format!("SELECT id, current_post FROM application WHERE handler_id = $1 ORDER BY id{}", tx.for_update());
    let taken: Vec<Taken> = rows(&tx.0, &sql, params![id]).await?;
    let mut released = 0;
    for case in taken {
        let stays = posts.is_some_and(|lost| !case.current_post.is_some_and(|p| lost.holds(p)));
        if stays {
            continue;
        }
        tx.run(
            "UPDATE application SET handler_id = NULL, taken_at = NULL, version = version + 1 WHERE id = $1",
            params![case.id],
        )
        .await?;
        let detail = serde_json::json!({ "account": id }).to_string();
        let entry = Entry { post: case.current_post, detail: &detail, ..Entry::of("release") };
        audit::record(tx, Subject::Application(case.id), by, at, &entry).await?;
        released += 1;
    }
    Ok(released)
}

/// Refuses to leave a bureau, or CNCA, without an administrator who can log in. The rows of all of them are locked, so two
/// who leave at the same moment do so one after the other.
async fn stays_administered(tx: &Tx, bureau: Option<&BureauCode>, leaving: AccountId) -> DbResult<()> {
    let post = administrator_post(bureau.is_some());
    let pattern = text::like_pattern(&format!(",{},", post.word()));
    let (whose, values): (&str, Vec<Value>) = match bureau {
        Some(code) => ("kind = 'bureau' AND bureau_code = $3", params![pattern, false, code.clone()]),
        None => ("kind = 'cnca'", params![pattern, false]),
    };
    let sql = format!(
        "SELECT id FROM account WHERE ',' || posts || ',' LIKE $1 ESCAPE '\\' AND disabled = $2 AND {whose} \
         ORDER BY id{}",
        tx.for_update()
    );
    #[derive(crate::Row)]
    struct Administrator {
        id: AccountId,
    }
    let all: Vec<Administrator> = rows(&tx.0, &sql, values).await?;
    if all.iter().any(|a| a.id != leaving) {
        return Ok(());
    }
    let whose = if bureau.is_some() { "该局" } else { "认监委" };
    let label = post.label();
    Err(DbError::Refused(format!("该账号是{whose}最后一位可以登录的{label}，请先为另一人配置“{label}”岗位")))
}

fn not_himself(permit: &Permit<ManageAccounts>, id: AccountId, sentence: &str) -> DbResult<()> {
    if permit.account() == id { Err(DbError::Refused(sentence.to_owned())) } else { Ok(()) }
}

/// 停用, with the reason: his login sessions end at once, one-time passwords are void, what he has taken goes back to its
/// posts; says how many cases.
pub async fn suspend(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    id: AccountId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<u64> {
    not_himself(permit, id, "不能停用自己的账号，请由另一位系统管理员办理")?;
    let before = load(tx, permit, id).await?;
    let released = release_cases(tx, id, None, by, at).await?;
    if before.posts.holds(administrator_post(before.bureau_code.is_some())) {
        stays_administered(tx, before.bureau_code.as_ref(), id).await?;
    }
    let done = tx
        .run(
            "UPDATE account SET disabled = $1, disabled_reason = $2, version = version + 1 \
             WHERE id = $3 AND disabled = $4",
            params![true, reason, id, false],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken("该账号已经停用，请刷新后查看".to_owned()));
    }
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    tx.run("DELETE FROM one_time_password WHERE account_id = $1", params![id]).await?;
    let detail = serde_json::json!({ "released": released }).to_string();
    let entry = Entry { opinion: reason, detail: &detail, ..Entry::of("disable") };
    audit::record(tx, Subject::Account(id), by, at, &entry).await?;
    Ok(released)
}

/// 启用, with the reason.
pub async fn reinstate(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    id: AccountId,
    reason: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    load(tx, permit, id).await?;
    let done = tx
        .run(
            "UPDATE account SET disabled = $1, disabled_reason = '', version = version + 1 \
             WHERE id = $2 AND disabled = $3",
            params![false, id, true],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken("该账号已经启用，请刷新后查看".to_owned()));
    }
    let entry = Entry { opinion: reason, ..Entry::of("enable") };
    audit::record(tx, Subject::Account(id), by, at, &entry).await
}

/// 重置密码: the old password is void at once and every login session ends; only the one-time password opens, and must be
/// changed. (A user who forgot his own keeps the old one until the new one is used, D18: there a stranger may have asked.)
pub async fn reset_password(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    id: AccountId,
    password_hash: &str,
    one_time_hash: &str,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    not_himself(permit, id, "自己的密码请在“修改密码”中修改")?;
    load(tx, permit, id).await?;
    let done = tx
        .run(
            "UPDATE account SET password_hash = $1, version = version + 1 WHERE id = $2 AND disabled = $3",
            params![password_hash, id, false],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Refused("该账号已停用，不能重置密码。请先启用".to_owned()));
    }
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    one_time_password::issue(tx, id, one_time_hash, at).await?;
    audit::record(tx, Subject::Account(id), by, at, &Entry::of("reset_password")).await
}

/// 重置两步验证: switched off with its recovery codes; his login sessions end, because they were opened with it.
pub async fn reset_second_factor(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    id: AccountId,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    not_himself(permit, id, "自己的两步验证请在“两步验证”中设置")?;
    load(tx, permit, id).await?;
    if !second_factor::disable(tx, id, by, at).await? {
        return Err(DbError::Overtaken("该账号没有启用两步验证，请刷新后查看".to_owned()));
    }
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![id]).await?;
    Ok(())
}

/// Whether the log-ins of a bureau's officers, or of CNCA (none), must have a second factor.
pub async fn second_factor_required(source: &impl Source, bureau: Option<&BureauCode>) -> DbResult<bool> {
    #[derive(crate::Row)]
    struct Required {
        second_factor_required: bool,
    }
    let Some(code) = bureau else {
        return Ok(setting::get(source, REQUIRED).await?.as_deref() == Some(OF_CNCA));
    };
    let sql = "SELECT second_factor_required FROM bureau WHERE code = $1";
    let found: Option<Required> = row(source.connection(), sql, params![code.clone()]).await?;
    Ok(found.ok_or(DbError::NotFound)?.second_factor_required)
}

/// Asks for a second factor from now on, or no longer. Who has none is led to set one up at his next request.
pub async fn require_second_factor(
    tx: &Tx,
    permit: &Permit<ManageAccounts>,
    bureau: Option<&BureauCode>,
    required: bool,
    by: &By,
    at: Instant,
) -> DbResult<()> {
    if !permit.covers(bureau) {
        return Err(DbError::NotFound);
    }
    match bureau {
        Some(code) => {
            let sql = "UPDATE bureau SET second_factor_required = $1 WHERE code = $2";
            if tx.run(sql, params![required, code.clone()]).await? == 0 {
                return Err(DbError::NotFound);
            }
        }
        None => setting::put(tx, REQUIRED, if required { OF_CNCA } else { "" }).await?,
    }
    account::lock(tx, permit.account()).await?;
    let detail = serde_json::json!({ "bureau": bureau.map(BureauCode::as_str), "required": required }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("require_second_factor") };
    audit::record(tx, Subject::Account(permit.account()), by, at, &entry).await
}

/// The officer of this account, when he works at this bureau and can log in; for a deed that gives him a case.
pub async fn working(source: &impl Source, bureau: &BureauCode, id: AccountId) -> DbResult<Option<Actor>> {
    let sql =
        "SELECT COUNT(*) FROM account WHERE id = $1 AND bureau_code = $2 AND kind = 'bureau' AND disabled = FALSE";
    if crate::number(source.connection(), sql, params![id, bureau.clone()]).await? == 0 {
        return Ok(None);
    }
    Ok(Some(account::actor(source, id).await?))
}

/// How many officers of a bureau hold a post and can log in.
pub async fn holders(source: &impl Source, bureau: &BureauCode, post: Post) -> DbResult<i64> {
    let sql = "SELECT COUNT(*) FROM account WHERE bureau_code = $1 AND kind = 'bureau' AND disabled = FALSE \
               AND ',' || posts || ',' LIKE $2 ESCAPE '\\'";
    crate::number(source.connection(), sql, params![bureau.clone(), text::like_pattern(&format!(",{},", post.word()))])
        .await
}
