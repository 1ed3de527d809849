//! 预核销 confirmed as fast as officers can send the form: all on one line of one certificate, where each waits for the
//! one before it, and spread over many certificates. Beside it the same statements of the same deed, sent to the database
//! alone. The texts are those of `write_off::decision::create` and of what it calls; the numbers of statements in the
//! report show when they have grown apart.

use std::sync::Arc;

use anyhow::Context as _;

use crate::browser::Browser;
use crate::ceiling::{self, APPLICATION_OF_ALL, Ask, IDLE, SESSION, Value};
use crate::requests::Kind;
use crate::store::{Place, Pool, Purpose, Store};

const BATCH: &str =
    "SELECT certificate_id, bureau_code, port_code, customs_no, declared_at FROM pre_write_off WHERE id = $1";
const CERTIFICATE: &str = "SELECT c.id, c.application_id, c.number, c.check_code, c.state, c.version, c.valid_from, \
    c.valid_to, c.bureau_code, c.issued_at, v.sheet, v.object_key, v.sha256, \
    c.lines, c.open_lines, c.written_lines, c.pending_lines, c.supervising_bureau, c.supervision_closed_at, \
    (SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
    AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) AS amendment FROM certificate c \
    JOIN certificate_version v ON v.certificate_id = c.id AND v.version = c.version \
    JOIN application a ON a.id = c.application_id WHERE a.state <> 'draft' AND c.id = $1";
const LINES: &str = "SELECT id, ordinal, required, pending, written_off, accounted, hs_required, hs_pending, \
    hs_written_off FROM certificate_item WHERE certificate_id = $1 ORDER BY ordinal";
const RECORDS: &str = "SELECT i.id, i.certificate_item_id, i.state, i.qty, i.hs_qty, i.confirmed_qty, \
    i.confirmed_hs_qty, i.declared_at, i.decided_at, i.decided_by_name, i.opinion, b.bureau_code, b.port_code, \
    b.customs_no, (SELECT COUNT(*) FROM ledger_entry e WHERE e.pre_write_off_item_id = i.id AND e.kind = 'reverse') \
    AS reversed FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id \
    WHERE i.pre_write_off_id = $1 ORDER BY i.certificate_item_id";
const LOCK: &str = "SELECT state, valid_from, valid_to FROM certificate WHERE id = $1";
const LOCK_ROW: &str = "SELECT state, valid_from, valid_to FROM certificate WHERE id = $1 FOR UPDATE";
const KEY: &str = "SELECT COUNT(*) FROM ledger_entry WHERE deed_key = $1 AND certificate_id = $2";
const UNDECIDED: &str = "SELECT i.id, i.pre_write_off_id, i.certificate_item_id, i.state, i.qty, i.hs_qty, \
    i.bureau_code, b.port_code, b.customs_no FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id \
    WHERE i.certificate_id = $1 AND i.id IN ($2) ORDER BY i.certificate_item_id, i.id";
const CHANGE: &str = "WITH v (item, p, hp, w, hw) AS (VALUES (CAST($2 AS BIGINT), CAST($3 AS BIGINT), \
    CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT))) UPDATE certificate_item AS i \
    SET pending = i.pending + v.p, hs_pending = i.hs_pending + v.hp, written_off = i.written_off + v.w, \
    hs_written_off = i.hs_written_off + v.hw FROM v WHERE i.id = v.item AND i.certificate_id = $1 \
    AND i.written_off < i.required AND i.written_off + v.w <= i.required AND i.hs_written_off + v.hw <= i.hs_required \
    AND i.pending + v.p >= 0 AND i.hs_pending + v.hp >= 0 \
    RETURNING id, ordinal, required, pending, written_off, accounted, hs_required, hs_pending, hs_written_off";
const COUNT: &str = "UPDATE certificate SET open_lines = open_lines + $1, written_lines = written_lines + $2, \
    pending_lines = pending_lines + $3, unaccounted_lines = unaccounted_lines + $4, \
    written_at = CASE WHEN $5 = 1 THEN $6 ELSE written_at END, \
    supervision_closed_at = CASE WHEN $4 > 0 THEN NULL ELSE supervision_closed_at END WHERE id = $7";
const DECIDE: &str = "WITH v (item, q, h) AS (VALUES (CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS BIGINT))) \
    UPDATE pre_write_off_item AS i SET state = $1, decided_at = $2, decided_by = $3, decided_by_name = $4, \
    opinion = $5, confirmed_qty = v.q, confirmed_hs_qty = v.h FROM v WHERE i.id = v.item AND i.state = 'pending'";
const ENTER: &str = "INSERT INTO ledger_entry (deed_key, ordinal, certificate_id, certificate_item_id, kind, pending, \
    hs_pending, written_off, hs_written_off, accounted, pending_after, hs_pending_after, written_off_after, \
    hs_written_off_after, accounted_after, actor_id, actor_name, bureau_code, port_code, customs_no, reason, \
    pre_write_off_item_id, reverses_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
    $16, $17, $18, $19, $20, $21, $22, $23, $24)";
const HEAD: &str = "SELECT audit_head FROM certificate WHERE id = $1";
const TRAIL: &str = "INSERT INTO audit (subject_kind, subject_id, at, actor_id, actor_name, bureau_code, post, action, \
    from_state, to_state, opinion, detail, address, previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
    $10, $11, $12, $13, $14, $15) RETURNING id";
const NEW_HEAD: &str = "UPDATE certificate SET audit_head = $1 WHERE id = $2";
const MAILBOX: &str = "SELECT contact_email, letter_choice FROM account WHERE id = $1";
const JOB: &str =
    "INSERT INTO job (kind, payload, state, run_at, created_at) VALUES ($1, $2, 'ready', $3, $3) RETURNING id";
const LETTER: &str = "INSERT INTO letter (account_id, job_id, kind, recipient, subject, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";

/// What each of them confirms, in the smallest unit.
const ONE: i64 = 100_000;
/// So much of each line that nothing runs out.
const PLENTY: i64 = 100_000 * ONE;
/// The kind of the jobs of the bare database; nobody runs them.
const NO_JOB: &str = "bench";

/// A product of a 预核销 that waits for its confirmation.
#[derive(Debug, Clone, Copy)]
struct Item {
    batch: i64,
    id: i64,
    certificate: i64,
    application: i64,
    line: i64,
}

impl Item {
    /// The key of its page.
    fn key(self) -> String {
        format!("bench-{:0>26}", self.batch)
    }
}

/// What waits, for one measurement through the pages and one of the database alone.
#[derive(Debug, Clone)]
pub struct Work {
    /// What is confirmed.
    pub name: &'static str,
    through_pages: Arc<Vec<Item>>,
    bare: Arc<Vec<Item>>,
}

/// The officer of the demonstration.
#[derive(Debug, Clone)]
struct Officer {
    id: i64,
    name: String,
    bureau: String,
}

impl Officer {
    async fn of(store: &Store) -> anyhow::Result<Self> {
        let account = "FROM account WHERE username = 'demo_writeoff'";
        Ok(Self {
            id: store.number(&format!("SELECT id {account}")).await?,
            name: store.text(&format!("SELECT display_name {account}")).await?,
            bureau: store.text(&format!("SELECT bureau_code {account}")).await?,
        })
    }
}

/// Declares `n` products on one line of one certificate, and `n` on lines of as many certificates; twice, for the pages
/// and for the database alone.
pub async fn prepare(store: &Store, n: usize, now: i64) -> anyhow::Result<[Work; 2]> {
    let officer = Officer::of(store).await?;
    let owner = store.number("SELECT id FROM account WHERE username = 'demo_enterprise'").await?;
    let valid = format!("FROM certificate WHERE state = 'valid' ORDER BY id LIMIT {n}");
    let certificates = store.numbers(&format!("SELECT id {valid}")).await?;
    let applications = store.numbers(&format!("SELECT application_id {valid}")).await?;
    let lines = store
        .numbers(&format!(
            "SELECT MIN(id) FROM certificate_item WHERE certificate_id IN (SELECT id {valid}) \
             GROUP BY certificate_id ORDER BY certificate_id"
        ))
        .await?;
    anyhow::ensure!(certificates.len() == lines.len() && lines.len() > 1, "certificates with a line each");
    let mut next = [
        store.number("SELECT COALESCE(MAX(id), 0) FROM pre_write_off").await?,
        store.number("SELECT COALESCE(MAX(id), 0) FROM pre_write_off_item").await?,
    ];
    let mut sets = Vec::new();
    for spread in [1, 1, lines.len(), lines.len()] {
        let mut items = Vec::with_capacity(n);
        for k in 0..n {
            next = next.map(|id| id + 1);
            let (of, [batch, id]) = (k % spread, next);
            let (certificate, application) = (certificates[of], applications[of]);
            items.push(Item { batch, id, certificate, application, line: lines[of] });
        }
        for some in items.chunks(200) {
            declare(store, some, &officer, owner, now).await?;
        }
        sets.push(Arc::new(items));
    }
    let used = format!("certificate_id IN (SELECT id {valid})");
    let declared =
        "FROM pre_write_off_item p WHERE p.certificate_item_id = certificate_item.id AND p.state = 'pending'";
    for sql in [
        format!(
            "UPDATE certificate_item SET required = {PLENTY}, hs_required = {PLENTY}, \
             pending = (SELECT CAST(COALESCE(SUM(p.qty), 0) AS BIGINT) {declared}), \
             hs_pending = (SELECT CAST(COALESCE(SUM(p.hs_qty), 0) AS BIGINT) {declared}) WHERE {used}"
        ),
        format!(
            "UPDATE certificate SET pending_lines = (SELECT COUNT(*) FROM certificate_item i \
             WHERE i.certificate_id = certificate.id AND i.pending > 0) WHERE id IN (SELECT id {valid})"
        ),
    ] {
        store.execute(&sql).await?;
    }
    let mut sets = sets.into_iter();
    let mut work = |name| Some(Work { name, through_pages: sets.next()?, bare: sets.next()? });
    let found = [work("confirm a 预核销, all on one line"), work("confirm a 预核销, each on another certificate")];
    let [Some(one), Some(many)] = found else { anyhow::bail!("four sets were made") };
    Ok([one, many])
}

async fn declare(store: &Store, items: &[Item], officer: &Officer, owner: i64, now: i64) -> anyhow::Result<()> {
    let Officer { bureau, .. } = officer;
    let batches: Vec<_> = items
        .iter()
        .map(|i| {
            format!("({}, {}, 'declared-{}', '2202', '{bureau}', '', {owner}, {now})", i.batch, i.certificate, i.batch)
        })
        .collect();
    let products: Vec<_> = items
        .iter()
        .map(|i| {
            let Item { batch, id, certificate, line, .. } = i;
            format!("({id}, {batch}, {certificate}, {line}, '{bureau}', 'pending', {ONE}, {ONE}, {now})")
        })
        .collect();
    store
        .execute(&format!(
            "INSERT INTO pre_write_off (id, certificate_id, submission_key, port_code, bureau_code, customs_no, \
             declared_by, declared_at) VALUES {}",
            batches.join(", ")
        ))
        .await?;
    store
        .execute(&format!(
            "INSERT INTO pre_write_off_item (id, pre_write_off_id, certificate_id, certificate_item_id, bureau_code, \
             state, qty, hs_qty, declared_at) VALUES {}",
            products.join(", ")
        ))
        .await?;
    Ok(())
}

impl Work {
    /// The form of 办理预核销, as the officer sends it.
    pub fn through_pages(&self, officer: Browser) -> Kind {
        let items = self.through_pages.clone();
        let make = move |n: usize| {
            let item = items[n];
            let (qty, hs_qty) = (format!("qty_{}", item.id), format!("hs_qty_{}", item.id));
            let (key, id) = (item.key(), item.id.to_string());
            let fields = [
                ("deed_key", key.as_str()),
                ("item", id.as_str()),
                (qty.as_str(), "1"),
                (hs_qty.as_str(), "1"),
                ("decision", "confirm"),
            ];
            officer.form(&format!("/pre-write-offs/{}/decision", item.batch), &fields)
        };
        Kind {
            name: self.name,
            route: "/pre-write-offs/{id}/decision",
            budget: None,
            status: 303,
            rows: None,
            writes: true,
            make: Arc::new(make),
        }
    }

    /// Its statements, to be sent by this process.
    pub async fn bare(&self, place: &Place, read: &Store, now: i64) -> anyhow::Result<Bare> {
        let officer = Officer::of(read).await?;
        let token = read
            .text(&format!(
                "SELECT token_hash FROM login_session WHERE account_id = {} ORDER BY id DESC LIMIT 1",
                officer.id
            ))
            .await
            .context("the session of the demonstration's officer at 核销")?;
        let owner = read.number("SELECT id FROM account WHERE username = 'demo_enterprise'").await?;
        let write = place.open(Purpose::Write).await?;
        let items = self.bare.clone();
        Ok(Bare { write, read: read.clone(), items, officer, token, owner, now })
    }
}

/// The deed as statements: six that look, and a transaction.
#[derive(Debug, Clone)]
pub struct Bare {
    write: Store,
    read: Store,
    items: Arc<Vec<Item>>,
    officer: Officer,
    token: String,
    owner: i64,
    now: i64,
}

impl Bare {
    /// How many statements it is.
    pub fn statements(&self) -> usize {
        let item = self.items[0];
        self.looks(item).len() + self.deed(item).len()
    }

    /// Confirms the n-th.
    pub async fn confirm(&self, n: usize) -> anyhow::Result<()> {
        let item = self.items[n];
        for (sql, values) in self.looks(item) {
            anyhow::ensure!(ceiling::decode(&self.read, sql, &values).await? > 0, "no answer to: {sql}");
        }
        ceiling::transact(&self.write, &self.deed(item)).await
    }

    /// Closes the connections that write, and forgets the letters.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.write
            .execute(&format!("DELETE FROM letter WHERE job_id IN (SELECT id FROM job WHERE kind = '{NO_JOB}')"))
            .await?;
        self.write.execute(&format!("DELETE FROM job WHERE kind = '{NO_JOB}'")).await?;
        self.write.close().await;
        Ok(())
    }

    /// What the page asks before it writes.
    fn looks(&self, item: Item) -> Vec<Ask> {
        let now = Value::Number(self.now);
        vec![
            (SESSION, vec![Value::Text(self.token.clone()), now, Value::Number(self.now - IDLE)]),
            (BATCH, vec![Value::Number(item.batch)]),
            (CERTIFICATE, vec![Value::Number(item.certificate)]),
            (APPLICATION_OF_ALL, vec![Value::Number(item.application)]),
            (LINES, vec![Value::Number(item.certificate)]),
            (RECORDS, vec![Value::Number(item.batch)]),
        ]
    }

    fn deed(&self, item: Item) -> Vec<Ask> {
        let number = Value::Number;
        let text = |t: &str| Value::Text(t.to_owned());
        let lock = match self.write.pool {
            Pool::Sqlite(_) => LOCK,
            Pool::Postgres(_) => LOCK_ROW,
        };
        let (certificate, now) = (number(item.certificate), number(self.now));
        let locked = (lock, vec![certificate.clone()]);
        let asked = (KEY, vec![text(&item.key()), certificate.clone()]);
        let Officer { id, name, bureau } = &self.officer;
        // As long as a hash is; whether it is one does not matter here.
        let hash = text(&format!("{:0>64}", item.id));
        let entry = vec![
            text(&item.key()),
            number(0),
            certificate.clone(),
            number(item.line),
            text("confirm"),
            number(-ONE),
            number(-ONE),
            number(ONE),
            number(ONE),
            number(0),
            number(PLENTY),
            number(PLENTY),
            number(ONE),
            number(ONE),
            number(0),
            number(*id),
            text(name),
            text(bureau),
            text("2202"),
            text(""),
            text(""),
            number(item.id),
            Value::NoNumber,
            now.clone(),
        ];
        let trail = vec![
            text("certificate"),
            certificate.clone(),
            now.clone(),
            number(*id),
            text(name),
            text(bureau),
            text("write_off"),
            text("confirm"),
            Value::NoText,
            Value::NoText,
            text(""),
            text(&format!("{{\"items\":[{}],\"lines\":1}}", item.id)),
            text("127.0.0.1"),
            hash.clone(),
            hash.clone(),
        ];
        let counted = [0, 0, 0, 0, 1, self.now, item.certificate].map(Value::Number).to_vec();
        vec![
            locked.clone(),
            asked.clone(),
            locked,
            asked,
            (UNDECIDED, vec![certificate.clone(), number(item.id)]),
            (CHANGE, [item.certificate, item.line, -ONE, -ONE, ONE, ONE].map(Value::Number).to_vec()),
            (COUNT, counted),
            (
                DECIDE,
                vec![
                    text("confirmed"),
                    now.clone(),
                    number(*id),
                    text(name),
                    text(""),
                    number(item.id),
                    number(ONE),
                    number(ONE),
                ],
            ),
            (ENTER, entry),
            (HEAD, vec![certificate.clone()]),
            (TRAIL, trail),
            (NEW_HEAD, vec![hash, certificate]),
            (MAILBOX, vec![number(self.owner)]),
            (JOB, vec![text(NO_JOB), text(&"一封信的正文。".repeat(40)), now.clone()]),
            (
                LETTER,
                vec![
                    number(self.owner),
                    Value::Returned,
                    text("status"),
                    text("demo@example.com"),
                    text("预核销已确认"),
                    now,
                ],
            ),
        ]
    }
}
