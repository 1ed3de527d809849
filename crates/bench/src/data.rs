//! Multiplies the demonstration's applications with portable SQL: every row keeps the shape that the real deeds gave
//! it; owner, bureau, numbers and dates are its own.

use std::str::FromStr as _;

use domain::ids::BureauCode;
use domain::number::CertificateNumber;
use domain::time::{Day, Instant};

use crate::store::{Place, Pool, Purpose, Store};

/// Enterprises beside the demonstration's own.
const ENTERPRISES: i64 = 500;
/// Certificates whose paper is left for the program to make: those of a page and its annex, then the large ones.
pub const PAPERS: i64 = 31;
/// Certificates with a large annex whose papers are asked for at once.
pub const LARGE_PAPERS: i64 = 16;
/// The user who owns the prepared drafts.
pub const WRITER: &str = "bench_0001";

/// What the applications are about, in SQL: a tenth each of air conditioners and refrigerators, the others cables; each of
/// some thousand kinds.
const PRODUCT: &str = "CASE s.i % 10 WHEN 0 THEN '独立窗式空调器样机' WHEN 1 THEN '家用冷藏箱样机' \
                       ELSE '设备内部连接电缆' END || '-' || (s.i % 997)";
const HS_CODE: &str = "CASE s.i % 10 WHEN 0 THEN '8415101000' WHEN 1 THEN '8418102000' ELSE '8544421100' END";

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Applications of the demonstration's enterprise, however many others there are: a large company has no more.
const OWN: i64 = 2_000;
/// Over this time the applications are spread.
const SPAN: i64 = 730 * DAY;
/// Drafts are younger, so that the ten days of a draft are not over while it is measured.
const DRAFT_AGE: i64 = 9 * DAY;
/// Younger applications may still be under way: the terms of the posts are eleven working days together.
const COURSE: i64 = 30 * DAY;
/// So many are that young, however many there are in all: what waits at a post follows what comes in, not what has piled
/// up over the years, and fills a page of its list.
const RECENT: i64 = 4_000;

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Applications.
    pub rows: i64,
    /// Drafts of [`WRITER`] that lack nothing, beside them.
    pub drafts: i64,
}

/// Fills the database that a first start of the program has made, while the program is stopped; says how large it has
/// become, kB.
pub async fn load(place: &Place, amount: Amount, now: Instant) -> anyhow::Result<u64> {
    let store = place.open(Purpose::Load).await?;
    enterprises(&store).await?;
    seed(&store, amount, now).await?;
    applications(&store).await?;
    certificates(&store).await?;
    finish(&store, now).await?;
    let size = store.kilobytes().await?;
    store.close().await;
    if let Place::Sqlite(file) = place {
        // Otherwise the program's first commit would wait until all of this has reached the disk.
        std::fs::File::open(file)?.sync_all()?;
    }
    Ok(size)
}

/// Copies rows of a table, called `t` in `from`: the named columns get an expression of their own, moments are shifted
/// with their application, ids are given by the database, and whatever else the table has stays as it is.
async fn copy(store: &Store, table: &str, own: &[(&str, &str)], from: &str) -> anyhow::Result<()> {
    let shifts = from.contains("bench_seed");
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for column in store.columns(table).await? {
        let own_value = own.iter().find(|(name, _)| *name == column).map(|(_, value)| (*value).to_owned());
        let is_moment = column == "at" || column.ends_with("_at");
        let value = match own_value {
            Some(value) => value,
            None if column == "id" => continue,
            None if is_moment && shifts => format!("t.{column} + s.shift"),
            None => format!("t.{column}"),
        };
        columns.push(column);
        values.push(value);
    }
    let sql = format!("INSERT INTO {table} ({}) SELECT {} FROM {from}", columns.join(", "), values.join(", "));
    store.execute(&sql).await?;
    Ok(())
}

/// Organisations with one user each, under names that folding does not change.
async fn enterprises(store: &Store) -> anyhow::Result<()> {
    store
        .execute(&format!(
            "CREATE TABLE bench_number AS WITH RECURSIVE n(i) AS \
             (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {ENTERPRISES}) SELECT i FROM n"
        ))
        .await?;
    copy(
        store,
        "organisation",
        &[
            ("code", "'B' || SUBSTR(CAST(100000000 + n.i AS TEXT), 2)"),
            ("name", "'示例进出口企业' || SUBSTR(CAST(10000 + n.i AS TEXT), 2)"),
        ],
        "bench_number n CROSS JOIN organisation t \
         WHERE t.id = (SELECT organisation_id FROM account WHERE username = 'demo_enterprise') ORDER BY n.i",
    )
    .await?;
    let name = "'bench_' || SUBSTR(o.code, 6)";
    copy(
        store,
        "account",
        &[
            ("username", name),
            ("username_folded", name),
            ("display_name", name),
            ("organisation_id", "o.id"),
            ("org_code_entered", "o.code"),
        ],
        "organisation o CROSS JOIN account t WHERE t.username = 'demo_enterprise' AND o.code LIKE 'B%' ORDER BY o.id",
    )
    .await
}

/// Who, where, when and in which state each application is; -1 stands for the demonstration's enterprise and bureau.
async fn seed(store: &Store, amount: Amount, now: Instant) -> anyhow::Result<()> {
    let base = store.number("SELECT MAX(id) FROM application").await?;
    let bureaus = store.number("SELECT COUNT(*) FROM bureau WHERE level = 1").await?;
    let Amount { rows, drafts } = amount;
    let all = rows + drafts;
    let own = (rows / OWN).max(2);
    let recent = RECENT.min(rows / 2);
    let (earlier, before) = (rows - recent, SPAN - COURSE);
    // Half a day back, so that the deeds that follow on the first save lie in the past, too.
    let now = now.plus_hours(-12).millis();
    let people = "SELECT c.id AS account_id, c.organisation_id, o.code, o.name";
    let of_account = "FROM account c JOIN organisation o ON o.id = c.organisation_id";
    for sql in [
        "CREATE TABLE bench_bureau AS \
         SELECT ROW_NUMBER() OVER (ORDER BY code) - 1 AS n, code FROM bureau WHERE level = 1",
        "INSERT INTO bench_bureau SELECT -1, bureau_code FROM account WHERE username = 'demo_accept'",
        &format!(
            "CREATE TABLE bench_owner AS SELECT ROW_NUMBER() OVER (ORDER BY account_id) - 1 AS n, p.* \
             FROM ({people} {of_account} WHERE c.username LIKE 'bench%') p"
        ),
        &format!(
            "INSERT INTO bench_owner SELECT -1, p.* FROM ({people} {of_account} WHERE c.username = 'demo_enterprise') p"
        ),
        "CREATE TABLE bench_template AS \
         SELECT state, MIN(id) AS id FROM application WHERE state <> 'draft' GROUP BY state",
        // The demonstration has no complete draft and not every refusal: their nearest relatives stand in.
        "INSERT INTO bench_template SELECT 'draft', id FROM bench_template WHERE state = 'accepting'",
        "INSERT INTO bench_template SELECT 'final_review_failed', id FROM bench_template \
         WHERE state = 'first_review_failed' \
         AND NOT EXISTS (SELECT 1 FROM bench_template WHERE state = 'final_review_failed')",
        "INSERT INTO bench_template SELECT 'comparing_failed', id FROM bench_template \
         WHERE state = 'first_review_failed' \
         AND NOT EXISTS (SELECT 1 FROM bench_template WHERE state = 'comparing_failed')",
        "CREATE TABLE bench_seed (i INTEGER PRIMARY KEY, id BIGINT NOT NULL, prepared BIGINT NOT NULL, \
         state TEXT NOT NULL, template BIGINT NOT NULL, shift BIGINT NOT NULL, owner_id BIGINT NOT NULL, \
         organisation_id BIGINT NOT NULL, org_code TEXT NOT NULL, org_name TEXT NOT NULL, bureau TEXT NOT NULL, \
         number TEXT, certificate_no TEXT)",
        &format!(
            "INSERT INTO bench_seed \
             WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {all}), \
             spread AS (SELECT i, CASE WHEN i > {rows} THEN 1 ELSE 0 END AS prepared, \
               CASE WHEN i > {rows} THEN {HOUR} WHEN i > {earlier} THEN ({rows} - i) * {COURSE} / {recent} \
                 ELSE {COURSE} + ({earlier} - i) * {before} / {earlier} END AS age, \
               (i * 37 + i / 50) % 100 AS r FROM n), \
             course AS (SELECT i, prepared, age, \
               CASE WHEN prepared = 1 OR (age < {DRAFT_AGE} AND r < 20) THEN 'draft' \
                 WHEN age < {COURSE} AND r BETWEEN 20 AND 27 THEN 'accepting' \
                 WHEN age < {COURSE} AND r BETWEEN 28 AND 35 THEN 'returned' \
                 WHEN age < {COURSE} AND r BETWEEN 36 AND 43 THEN 'first_review' \
                 WHEN age < {COURSE} AND r BETWEEN 44 AND 51 THEN 'final_review' \
                 WHEN age < {COURSE} AND r BETWEEN 52 AND 59 THEN 'comparing' \
                 WHEN age < {COURSE} AND r BETWEEN 60 AND 67 THEN 'comparing_paper' \
                 WHEN age < {COURSE} AND r BETWEEN 68 AND 75 THEN 'awaiting_issue' \
                 WHEN r < 3 THEN 'acceptance_refused' WHEN r < 6 THEN 'first_review_failed' \
                 WHEN r < 8 THEN 'final_review_failed' WHEN r < 10 THEN 'comparing_failed' \
                 WHEN r < 13 THEN 'terminated' WHEN r < 18 THEN 'withdrawn' ELSE 'issued' END AS state, \
               CASE WHEN prepared = 1 THEN 0 WHEN i % {own} = 0 THEN -1 ELSE (i - i / {own}) % {ENTERPRISES} END AS owner, \
               CASE WHEN prepared = 1 OR i % {own} = 0 OR i % 5 = 1 THEN -1 ELSE (i / 5) % {bureaus} END AS bureau \
               FROM spread) \
             SELECT c.i, {base} + c.i, c.prepared, c.state, t.id, {now} - c.age - a.first_saved_at, o.account_id, \
             o.organisation_id, o.code, o.name, b.code, \
             CASE WHEN c.state = 'draft' THEN NULL \
               ELSE 'MB' || b.code || '2025' || SUBSTR(CAST(1000000000 + c.i AS TEXT), 2) END, \
             CASE WHEN c.state = 'issued' THEN b.code || '2025' || SUBSTR(CAST(10000000 + c.i AS TEXT), 2) END \
             FROM course c JOIN bench_template t ON t.state = c.state JOIN application a ON a.id = t.id \
             JOIN bench_owner o ON o.n = c.owner JOIN bench_bureau b ON b.n = c.bureau ORDER BY c.i"
        ),
    ] {
        store.execute(sql).await?;
    }
    Ok(())
}

/// The applications and what hangs on them.
async fn applications(store: &Store) -> anyhow::Result<()> {
    copy(
        store,
        "application",
        &[
            ("id", "s.id"),
            ("state", "s.state"),
            ("owner_id", "s.owner_id"),
            ("organisation_id", "s.organisation_id"),
            ("creation_key", "'bench-' || s.i"),
            ("number", "s.number"),
            ("certificate_no", "s.certificate_no"),
            ("applicant_name", "s.org_name"),
            ("applicant_folded", "s.org_name"),
            ("applicant_org_code", "s.org_code"),
            // Prepared drafts keep the contract of their template: with the same content they share one `seen`.
            ("contract_no", "CASE WHEN s.prepared = 1 THEN t.contract_no ELSE 'BENCH-' || s.i END"),
            ("contract_no_folded", "CASE WHEN s.prepared = 1 THEN t.contract_no_folded ELSE 'bench-' || s.i END"),
            ("submitted_at", "CASE WHEN s.state <> 'draft' THEN t.submitted_at + s.shift END"),
            ("arrived_at", "CASE WHEN s.state <> 'draft' THEN t.arrived_at + s.shift END"),
            (
                "waiting_since",
                "CASE WHEN s.state <> 'draft' AND t.waiting_since < 9000000000000000000 \
                 THEN t.waiting_since + s.shift ELSE 9223372036854775807 END",
            ),
            ("receiving_bureau", "CASE WHEN s.state <> 'draft' THEN s.bureau END"),
            ("current_bureau", "CASE WHEN s.state <> 'draft' AND t.current_bureau IS NOT NULL THEN s.bureau END"),
            ("current_post", "CASE WHEN s.state <> 'draft' THEN t.current_post END"),
        ],
        "bench_seed s CROSS JOIN application t WHERE t.id = s.template ORDER BY s.i",
    )
    .await?;
    store.execute("CREATE TABLE bench_three AS SELECT i AS k FROM bench_number WHERE i <= 3").await?;
    copy(
        store,
        "application_item",
        &[
            ("application_id", "s.id"),
            ("creation_key", "t.creation_key || '-' || x.k"),
            // Prepared drafts keep what makes them complete.
            ("hs_code", &format!("CASE WHEN s.prepared = 1 THEN t.hs_code ELSE {HS_CODE} END")),
            ("product_name", &format!("CASE WHEN s.prepared = 1 THEN t.product_name ELSE {PRODUCT} END")),
            ("product_folded", &format!("CASE WHEN s.prepared = 1 THEN t.product_folded ELSE {PRODUCT} END")),
        ],
        "bench_seed s CROSS JOIN application_item t CROSS JOIN bench_three x \
         WHERE t.application_id = s.template AND x.k <= 1 + s.i % 3 ORDER BY s.i, x.k, t.id",
    )
    .await?;
    copy(
        store,
        "attachment",
        &[("application_id", "s.id"), ("object_key", "'bench/' || s.i || '/' || t.id"), ("uploaded_by", "s.owner_id")],
        "bench_seed s CROSS JOIN attachment t WHERE t.application_id = s.template ORDER BY s.i, t.id",
    )
    .await?;
    copy(
        store,
        "application_route",
        &[("application_id", "s.id"), ("bureau_code", "s.bureau")],
        "bench_seed s CROSS JOIN application_route t \
         WHERE t.application_id = s.template AND s.state <> 'draft' ORDER BY s.i",
    )
    .await?;
    copy(
        store,
        "application_viewer",
        &[("application_id", "s.id"), ("bureau_code", "s.bureau"), ("state", "s.state")],
        "bench_seed s CROSS JOIN application_viewer t \
         WHERE t.application_id = s.template AND s.state <> 'draft' ORDER BY s.i",
    )
    .await?;
    // In the order of time, as they come to lie on disk when many cases run side by side.
    copy(
        store,
        "audit",
        &[
            ("subject_id", "s.id"),
            ("actor_id", "CASE WHEN t.bureau_code IS NULL THEN s.owner_id ELSE t.actor_id END"),
            ("bureau_code", "CASE WHEN t.bureau_code IS NOT NULL THEN s.bureau END"),
        ],
        "bench_seed s CROSS JOIN audit t WHERE t.subject_kind = 'application' AND t.subject_id = s.template \
         AND (s.state <> 'draft' OR t.action <> 'submit') ORDER BY t.at + s.shift, s.i",
    )
    .await
}

/// The certificates of what was issued; a few of the demonstration's enterprise lack their paper.
async fn certificates(store: &Store) -> anyhow::Result<()> {
    let base = store.number("SELECT COALESCE(MAX(id), 0) FROM certificate").await?;
    let id = format!("{base} + s.i");
    let issued = "c.application_id = s.template AND s.state = 'issued'";
    copy(
        store,
        "certificate",
        &[
            ("id", &id),
            ("application_id", "s.id"),
            ("number", "s.certificate_no"),
            ("bureau_code", "s.bureau"),
            ("owner_id", "s.owner_id"),
            ("organisation_id", "s.organisation_id"),
            ("lines", "1 + s.i % 3"),
            ("open_lines", "1 + s.i % 3"),
        ],
        "bench_seed s CROSS JOIN certificate t \
         WHERE t.application_id = s.template AND s.state = 'issued' ORDER BY s.i",
    )
    .await?;
    copy(
        store,
        "certificate_version",
        // No reminders: the duty of the clock would plan every one of them while requests are measured.
        &[
            ("certificate_id", &id),
            ("sheet", "REPLACE(t.sheet, c.number, s.certificate_no)"),
            ("remind_on", "'9999-12-31'"),
        ],
        &format!(
            "bench_seed s CROSS JOIN certificate c CROSS JOIN certificate_version t \
             WHERE {issued} AND t.certificate_id = c.id AND t.version = c.version ORDER BY s.i"
        ),
    )
    .await?;
    copy(
        store,
        "certificate_item",
        &[("certificate_id", &id), ("ordinal", "x.k"), ("hs_code", HS_CODE), ("product_folded", PRODUCT)],
        &format!(
            "bench_seed s CROSS JOIN certificate c CROSS JOIN certificate_item t CROSS JOIN bench_three x \
             WHERE {issued} AND t.certificate_id = c.id AND t.ordinal = 1 AND x.k <= 1 + s.i % 3 ORDER BY s.i, x.k"
        ),
    )
    .await?;
    store
        .execute(&format!(
            "INSERT INTO certificate_viewer (bureau_code, certificate_id, valid_to) \
             SELECT v.bureau_code, c.id, c.valid_to FROM application_viewer v \
             JOIN certificate c ON c.application_id = v.application_id WHERE c.id > {base}"
        ))
        .await?;
    store
        .execute(&format!(
            "UPDATE certificate_version SET object_key = NULL, sha256 = NULL, size_bytes = NULL \
             WHERE certificate_id IN (SELECT {id} FROM bench_seed s JOIN bench_owner o ON o.n = -1 \
             WHERE s.state = 'issued' AND s.owner_id = o.account_id ORDER BY s.i DESC LIMIT {})",
            PAPERS + LARGE_PAPERS
        ))
        .await?;
    // Their QR codes carry the number, and no code carries one whose check digit does not hold.
    for id in store.numbers("SELECT certificate_id FROM certificate_version WHERE object_key IS NULL").await? {
        let number = store.text(&format!("SELECT number FROM certificate WHERE id = {id}")).await?;
        let (bureau, serial) = (BureauCode::new(&number[..6]), number[11..].parse::<u64>()?.max(1));
        let day = Day::from_str("2024-01-01")?;
        let proper = CertificateNumber::new(&bureau, day, serial)?;
        for sql in [
            format!("UPDATE certificate SET number = '{proper}' WHERE id = {id}"),
            format!(
                "UPDATE certificate_version SET sheet = REPLACE(sheet, '{number}', '{proper}') \
                 WHERE certificate_id = {id}"
            ),
            format!("UPDATE application SET certificate_no = '{proper}' WHERE certificate_no = '{number}'"),
        ] {
            store.execute(&sql).await?;
        }
    }
    store.execute(&db::search::index_sql("id IN (SELECT id FROM bench_seed WHERE state <> 'draft')")).await?;
    Ok(())
}

/// What the statistics would have read from the trail: submissions and endings, and a decision of each post on the way.
async fn statistics(store: &Store) -> anyhow::Result<()> {
    let columns =
        "kind, hs_class, audit_id, application_id, at, month, bureau_code, clause_code, post, outcome, is_late, days";
    let month = match store.pool {
        Pool::Sqlite(_) => "STRFTIME('%Y-%m', {at} / 1000, 'unixepoch', '+8 hours')",
        Pool::Postgres(_) => "TO_CHAR(TO_TIMESTAMP({at} / 1000) AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')",
    };
    let base = store.number("SELECT MAX(id) FROM audit").await?;
    let ended = "a.state IN ('issued', 'terminated', 'withdrawn', 'acceptance_refused', 'first_review_failed', \
                 'final_review_failed', 'comparing_failed')";
    let outcome = "CASE a.state WHEN 'issued' THEN 'issued' WHEN 'terminated' THEN 'terminated' \
                   WHEN 'withdrawn' THEN 'withdrawn' ELSE 'failed' END";
    let mut facts = vec![("submitted", "''".to_owned(), "''", "0", "a.state <> 'draft'".to_owned())];
    facts.push(("concluded", "''".to_owned(), outcome, "s.i % 17 + s.i % 5", ended.to_owned()));
    for post in ["accept", "first_review", "final_review", "compare"] {
        facts.push(("decided", format!("'{post}'"), "'passed'", "s.i % 4", "a.state = 'issued'".to_owned()));
    }
    for (n, (kind, post, outcome, days, meant)) in facts.into_iter().enumerate() {
        let at = if kind == "submitted" { "a.submitted_at" } else { "a.arrived_at" };
        let month = month.replace("{at}", at);
        store
            .execute(&format!(
                "INSERT INTO case_fact ({columns}) SELECT '{kind}', '', {base} + s.id * 10 + {n}, s.id, {at}, {month}, \
                 s.bureau, a.clause_code, {post}, {outcome}, CASE WHEN s.i % 11 = 0 THEN 1 ELSE 0 END, {days} \
                 FROM bench_seed s JOIN application a ON a.id = s.id WHERE {meant} AND {at} IS NOT NULL ORDER BY s.i"
            ))
            .await?;
    }
    for sql in db::statistics::recount_sql() {
        store.execute(&sql).await?;
    }
    Ok(())
}

/// Leaves the database as years of use would: statistics current, nothing waiting, no trace of the multiplication.
async fn finish(store: &Store, now: Instant) -> anyhow::Result<()> {
    // Otherwise the duty of the clock would read the new rows, five thousand a minute, while requests are measured.
    store
        .execute(&format!(
            "INSERT INTO audit_checkpoint (at, last_audit_id, previous_hash, hash) \
             SELECT {}, MAX(id), 'bench', 'bench' FROM audit",
            now.millis()
        ))
        .await?;
    statistics(store).await?;
    // Its statistics too would be read from the trail.
    store.execute("UPDATE statistic_progress SET last_audit_id = (SELECT MAX(id) FROM audit)").await?;
    for table in ["number", "three", "bureau", "owner", "template", "seed"] {
        store.execute(&format!("DROP TABLE bench_{table}")).await?;
    }
    match store.pool {
        Pool::Sqlite(_) => {
            store.execute("ANALYZE").await?;
        }
        Pool::Postgres(_) => {
            for table in ["application", "certificate"] {
                store
                    .number(&format!(
                        "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
                    ))
                    .await?;
            }
            store.execute("VACUUM ANALYZE").await?;
            // What the load has left in the write-ahead log is not charged to the requests.
            store.execute("CHECKPOINT").await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::text;

    #[test]
    fn the_names_of_enterprises_are_not_changed_by_folding() {
        // The folded column is copied from the name in SQL.
        for name in ["示例进出口企业0001", "示例电器(上海)有限公司"] {
            assert_eq!(text::fold(name), name);
        }
    }
}
