//! What the driver alone costs: the statements of a list and of an opened application, sent and decoded by this process
//! without the program's layers above. The texts are those of `application::list`, `application::show` and what they
//! call; the numbers of statements in the report show when they have grown apart.

use std::sync::Arc;

use anyhow::Context as _;
use sea_orm::sqlx::{self, Row as _, TypeInfo as _, ValueRef as _};

use crate::store::{Pool, Store, on};

/// Who is calling.
pub const SESSION: &str = "SELECT s.id AS session_id, s.profile, s.last_seen_at, c.id, c.kind, c.username, \
    c.display_name, c.organisation_id, c.membership, o.shares_within, c.bureau_code, c.posts, \
    o.name AS organisation_name, b.short_name AS bureau_name, c.must_change_password, \
    CAST(CASE WHEN c.kind = 'enterprise' THEN 0 \
    WHEN EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = c.id AND f.confirmed_at IS NOT NULL) THEN 0 \
    WHEN c.kind = 'bureau' THEN CASE WHEN b.second_factor_required THEN 1 ELSE 0 END \
    WHEN EXISTS (SELECT 1 FROM setting t WHERE t.name = 'second_factor_required' AND t.value = 'cnca') THEN 1 \
    ELSE 0 END AS BIGINT) AS must_set_second_factor \
    FROM login_session s JOIN account c ON c.id = s.account_id \
    LEFT JOIN organisation o ON o.id = c.organisation_id LEFT JOIN bureau b ON b.code = c.bureau_code \
    WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3 AND NOT c.disabled";
const COUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM application a \
    WHERE a.owner_id = $1 AND (a.state <> 'draft' OR a.expires_at > $2) LIMIT 10001) counted";
const ROWS: &str = "SELECT a.id, a.state, a.owner_id, a.entered_by_bureau, a.number, a.certificate_no, \
    a.applicant_name, a.clause_code, a.contract_no, a.bl_no, a.receiving_bureau, a.submitted_at, a.expires_at, \
    a.handler_id, c.id AS certificate_id, c.state AS certificate_state, c.valid_from, c.valid_to, c.lines, c.open_lines, c.written_lines, \
    c.pending_lines, (SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
    AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) AS amendment \
    FROM application a LEFT JOIN certificate c ON c.application_id = a.id WHERE a.id IN (SELECT a.id FROM application a \
    WHERE a.owner_id = $1 AND (a.state <> 'draft' OR a.expires_at > $2) ORDER BY a.id DESC LIMIT 50 OFFSET 0) \
    ORDER BY a.id DESC";
const COUNT_FILTERED: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM application a \
    WHERE a.owner_id = $1 AND (a.state <> 'draft' OR a.expires_at > $2) AND a.contract_no_folded LIKE $3 ESCAPE '\\' \
    AND a.applicant_folded LIKE $4 ESCAPE '\\' AND a.state IN ($5) LIMIT 10001) counted";
const ROWS_FILTERED: &str = "SELECT a.id, a.state, a.owner_id, a.entered_by_bureau, a.number, a.certificate_no, \
    a.applicant_name, a.clause_code, a.contract_no, a.bl_no, a.receiving_bureau, a.submitted_at, a.expires_at, \
    a.handler_id, c.id AS certificate_id, c.state AS certificate_state, c.valid_from, c.valid_to, c.lines, c.open_lines, c.written_lines, \
    c.pending_lines, (SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
    AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) AS amendment \
    FROM application a LEFT JOIN certificate c ON c.application_id = a.id WHERE a.id IN (SELECT a.id FROM application a \
    WHERE a.owner_id = $1 AND (a.state <> 'draft' OR a.expires_at > $2) AND a.contract_no_folded LIKE $3 ESCAPE '\\' \
    AND a.applicant_folded LIKE $4 ESCAPE '\\' AND a.state IN ($5) ORDER BY a.id DESC LIMIT 50 OFFSET 0) \
    ORDER BY a.id DESC";
const MENU: &str = "SELECT COUNT(*) FROM application WHERE owner_id = $1 AND entered_by_bureau IS NULL \
    AND state IN ('draft', 'returned', 'comparing_paper') \
    AND (state <> 'draft' OR (expires_at > $2 AND expires_at <= $3))";
const APPLICATION: &str = "SELECT a.id, a.state, a.version, a.owner_id, a.entered_by_bureau, a.number, \
    a.applicant_name, a.applicant_org_code, a.applicant_address, a.applicant_postcode, a.applicant_contact, \
    a.applicant_phone, a.applicant_fax, a.applicant_email, a.applicant_remark, a.clause_code, a.trade_mode, \
    a.use_region_code, a.use_address, a.use_unit_name, a.use_contact, a.use_phone, a.contract_no, a.invoice_no, \
    a.bl_no, a.port_code, a.expected_import_date, a.purpose, a.disposal_plan, a.display_from, a.display_to, \
    a.principal_name, a.remark, a.first_saved_at, a.expires_at, a.submitted_at, a.arrived_at, a.waiting_since, \
    a.waited_ms, a.receiving_bureau, \
    a.current_bureau, a.return_post, a.return_parts, a.return_fields, a.first_reviewer_id, a.handler_id, \
    (SELECT b.four_eyes FROM bureau b WHERE b.code = a.current_bureau) AS four_eyes FROM application a \
    WHERE a.owner_id = $1 AND a.id = $2";
/// The same for those who see all.
pub const APPLICATION_OF_ALL: &str = "SELECT a.id, a.state, a.version, a.owner_id, a.entered_by_bureau, a.number, \
    a.applicant_name, a.applicant_org_code, a.applicant_address, a.applicant_postcode, a.applicant_contact, \
    a.applicant_phone, a.applicant_fax, a.applicant_email, a.applicant_remark, a.clause_code, a.trade_mode, \
    a.use_region_code, a.use_address, a.use_unit_name, a.use_contact, a.use_phone, a.contract_no, a.invoice_no, \
    a.bl_no, a.port_code, a.expected_import_date, a.purpose, a.disposal_plan, a.display_from, a.display_to, \
    a.principal_name, a.remark, a.first_saved_at, a.expires_at, a.submitted_at, a.arrived_at, a.waiting_since, \
    a.waited_ms, a.receiving_bureau, \
    a.current_bureau, a.return_post, a.return_parts, a.return_fields, a.first_reviewer_id, a.handler_id, \
    (SELECT b.four_eyes FROM bureau b WHERE b.code = a.current_bureau) AS four_eyes FROM application a \
    WHERE a.state <> 'draft' AND a.id = $1";
const ITEMS: &str = "SELECT id, version, hs_code, hs_name, product_name, model, brand, manufacturer, origin_country, \
    qty, qty_unit, hs_qty, hs_unit, unit_price, total_price, currency, use_region_code, use_address, serials, \
    usage_note, remark, traits FROM application_item WHERE application_id = $1 ORDER BY id LIMIT 51";
const FILES: &str = "SELECT t.id, t.application_id, t.kind, t.name, t.size_bytes, t.sha256, t.content_type, \
    t.object_key, t.uploaded_at FROM attachment t WHERE t.application_id = $1 ORDER BY t.id";
const TRAIL: &str = "SELECT id, at, actor_id, actor_name, bureau_code, post, action, from_state, to_state, opinion, \
    detail, address, previous_hash, hash FROM audit WHERE subject_kind = $1 AND subject_id = $2 \
    AND action <> 'edit' ORDER BY id";

/// Half an hour: a session ends when it is idle for so long.
pub const IDLE: i64 = 1_800_000;
/// The menu counts drafts in their last three days.
const LAST_DAYS: i64 = 3 * 86_400_000;

/// A bound value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// No number.
    NoNumber,
    /// No text.
    NoText,
    /// The id of the row that the statement before it made.
    Returned,
}

/// A statement with its values.
pub type Ask = (&'static str, Vec<Value>);

/// The statements of one request, for the n-th time.
#[derive(Clone)]
pub struct Ceiling {
    /// Its name in the table.
    pub name: &'static str,
    /// How many statements it has.
    pub statements: usize,
    asks: Arc<dyn Fn(usize) -> Vec<Ask> + Send + Sync>,
    store: Store,
}

impl Ceiling {
    /// Sends the statements of the n-th request and decodes every column of the answers.
    pub async fn answer(&self, n: usize) -> anyhow::Result<()> {
        for (sql, values) in (self.asks)(n) {
            anyhow::ensure!(decode(&self.store, sql, &values).await? > 0, "no answer to: {sql}");
        }
        Ok(())
    }
}

/// The list of the demonstration's enterprise with and without filters, and its applications opened one by one.
pub async fn ceilings(store: &Store, now: i64) -> anyhow::Result<Vec<Ceiling>> {
    let owner = store.number("SELECT id FROM account WHERE username = 'demo_enterprise'").await?;
    let token = store
        .text(&format!("SELECT token_hash FROM login_session WHERE account_id = {owner} ORDER BY id DESC LIMIT 1"))
        .await
        .context("the session of the demonstration's enterprise")?;
    let own = store
        .numbers(&format!("SELECT id FROM application WHERE owner_id = {owner} AND state <> 'draft' ORDER BY id"))
        .await?;
    let session = (SESSION, vec![Value::Text(token), Value::Number(now), Value::Number(now - IDLE)]);
    let menu = (MENU, [owner, now, now + LAST_DAYS].map(Value::Number).to_vec());
    let list = {
        let values = vec![Value::Number(owner), Value::Number(now)];
        vec![session.clone(), (COUNT, values.clone()), (ROWS, values), menu.clone()]
    };
    let filtered = {
        let mut values = vec![Value::Number(owner), Value::Number(now)];
        values.extend(["%bench-1%", "%示例%", "issued"].map(|t| Value::Text(t.to_owned())));
        vec![session.clone(), (COUNT_FILTERED, values.clone()), (ROWS_FILTERED, values), menu.clone()]
    };
    let open = move |n: usize| {
        let id = Value::Number(own[n * 7919 % own.len()]);
        vec![
            session.clone(),
            (APPLICATION, vec![Value::Number(owner), id.clone()]),
            (ITEMS, vec![id.clone()]),
            (FILES, vec![id.clone()]),
            (TRAIL, vec![Value::Text("application".to_owned()), id]),
            menu.clone(),
        ]
    };
    let of = |name, asks: Arc<dyn Fn(usize) -> Vec<Ask> + Send + Sync>| Ceiling {
        name,
        statements: asks(0).len(),
        asks,
        store: store.clone(),
    };
    Ok(vec![
        of("list of an enterprise", Arc::new(move |_| list.clone())),
        of("list of an enterprise, three filters", Arc::new(move |_| filtered.clone())),
        of("open an application", Arc::new(open)),
    ])
}

/// A statement with its values, ready to be sent.
macro_rules! bound {
    ($driver:ident, $sql:expr, $values:expr, $returned:expr) => {{
        let mut query = sqlx::query::<$driver>($sql);
        for value in $values {
            query = match value {
                Value::Number(n) => query.bind(*n),
                Value::Text(t) => query.bind(t.clone()),
                Value::NoNumber => query.bind(None::<i64>),
                Value::NoText => query.bind(None::<String>),
                Value::Returned => query.bind($returned),
            };
        }
        query
    }};
}

/// Decodes every value of a row.
macro_rules! decoded {
    ($row:expr) => {
        for column in 0..$row.len() {
            let value = $row.try_get_raw(column)?;
            if value.is_null() {
                continue;
            }
            let name = value.type_info().name().to_owned();
            match name.as_str() {
                "TEXT" | "VARCHAR" => {
                    std::hint::black_box($row.try_get_unchecked::<String, _>(column)?);
                }
                "BOOL" | "BOOLEAN" => {
                    std::hint::black_box($row.try_get_unchecked::<bool, _>(column)?);
                }
                _ => {
                    std::hint::black_box($row.try_get_unchecked::<i64, _>(column)?);
                }
            }
        }
    };
}

/// Sends a statement, decodes every value of every row, and says how many rows there were.
pub async fn decode(store: &Store, sql: &'static str, values: &[Value]) -> anyhow::Result<usize> {
    on!(store, pool, Driver => {
        let rows = bound!(Driver, sql, values, 0_i64).fetch_all(pool).await?;
        for row in &rows {
            decoded!(row);
        }
        Ok(rows.len())
    })
}

/// Sends statements in one transaction, as the program opens it; each that looks or returns must find something.
pub async fn transact(store: &Store, steps: &[Ask]) -> anyhow::Result<()> {
    let begin = match store.pool {
        Pool::Sqlite(_) => "BEGIN IMMEDIATE",
        Pool::Postgres(_) => "BEGIN",
    };
    on!(store, pool, Driver => {
        let mut tx = pool.begin_with(begin).await?;
        let mut returned = 0_i64;
        for (sql, values) in steps {
            let rows = bound!(Driver, *sql, values, returned).fetch_all(&mut *tx).await?;
            for row in &rows {
                decoded!(row);
            }
            let must_answer = sql.starts_with("SELECT") || sql.contains("RETURNING");
            anyhow::ensure!(!must_answer || !rows.is_empty(), "no answer to: {sql}");
            if sql.ends_with("RETURNING id") {
                returned = rows[0].try_get_unchecked::<i64, _>(0)?;
            }
        }
        tx.commit().await?;
    });
    Ok(())
}
