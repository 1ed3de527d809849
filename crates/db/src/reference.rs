//! Reference data: import from CSV files, and all of it in memory for the pages.
//!
//! Rows are never deleted by an import: what is no longer in the files gets a last day, and what submitted
//! applications froze does not change.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use domain::actor::Post;
use domain::application::Need;
use domain::calendar::{Calendar, ServiceTerm};
use domain::catalogue::{Characteristic, CharacteristicKind};
use domain::ids::{
    AttachmentKindCode, BureauCode, ClauseCode, CountryCode, CurrencyCode, DelegationId, HsCode, PortCode, RegionCode,
    TradeModeCode, UnitCode,
};
use domain::review::{Point, SharedPhrase};
use domain::routing::{Delegation, Step};
use domain::text;
use domain::time::{Day, Instant};
use sha2::{Digest, Sha256};

use crate::{DbError, DbResult, Source, Tx, Value, params, recount, rows};

const BEGINNING: &str = "0001-01-01";
pub(crate) const END: &str = "9999-12-31";

/// The files of a set, in the order in which they are imported.
const FILES: [&str; 16] = [
    "regions.csv",
    "bureaus.csv",
    "units.csv",
    "countries.csv",
    "currencies.csv",
    "ports.csv",
    "exemption_clauses.csv",
    "trade_modes.csv",
    "hs_characteristics.csv",
    "hs_codes.csv",
    "attachment_kinds.csv",
    "attachment_rules.csv",
    "holidays.csv",
    "service_terms.csv",
    "review_points.csv",
    "opinion_phrases.csv",
];

macro_rules! embedded {
    ($($name:literal),+) => { [$(($name, include_str!(concat!("../../../reference/", $name)))),+] };
}

/// A row of a CSV file, by column name.
type Record = BTreeMap<String, String>;

/// A set of CSV files, read and checked.
#[derive(Debug, Clone)]
pub struct ReferenceSet {
    source: String,
    digest: String,
    files: HashMap<&'static str, Vec<Record>>,
}

/// Everything that is wrong with a set, file and line first.
#[derive(Debug, thiserror::Error)]
#[error("the reference data cannot be imported:\n{}", .0.join("\n"))]
pub struct BadReferenceSet(Vec<String>);

impl ReferenceSet {
    /// The set inside the program.
    pub fn embedded() -> Result<Self, BadReferenceSet> {
        let files = embedded!(
            "regions.csv",
            "bureaus.csv",
            "units.csv",
            "countries.csv",
            "currencies.csv",
            "ports.csv",
            "exemption_clauses.csv",
            "trade_modes.csv",
            "hs_characteristics.csv",
            "hs_codes.csv",
            "attachment_kinds.csv",
            "attachment_rules.csv",
            "holidays.csv",
            "service_terms.csv",
            "review_points.csv",
            "opinion_phrases.csv"
        );
        Self::parse("embedded", &files.map(|(name, text)| (name, text.to_owned())))
    }

    /// The set in a folder.
    pub fn from_folder(folder: &Path) -> Result<Self, BadReferenceSet> {
        let mut faults = Vec::new();
        let mut files = Vec::new();
        for name in FILES {
            match std::fs::read_to_string(folder.join(name)) {
                Ok(text) => files.push((name, text)),
                Err(error) => faults.push(format!("{name}: {error}")),
            }
        }
        if faults.is_empty() {
            Self::parse(&folder.display().to_string(), &files)
        } else {
            Err(BadReferenceSet(faults))
        }
    }

    fn parse(source: &str, texts: &[(&'static str, String)]) -> Result<Self, BadReferenceSet> {
        let mut faults = Vec::new();
        let mut hasher = Sha256::new();
        let mut files = HashMap::new();
        for (name, text) in texts {
            hasher.update(text.as_bytes());
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let mut records = Vec::new();
            for (n, record) in reader.deserialize::<Record>().enumerate() {
                match record {
                    Ok(record) => records.push(record),
                    Err(error) => faults.push(format!("{name}, line {}: {error}", n + 2)),
                }
            }
            if records.is_empty() {
                faults.push(format!("{name}: no rows"));
            }
            files.insert(*name, records);
        }
        let set = Self { source: source.to_owned(), digest: hex::encode(hasher.finalize()), files };
        faults.extend(set.faults());
        if faults.is_empty() { Ok(set) } else { Err(BadReferenceSet(faults)) }
    }

    fn records(&self, name: &str) -> &[Record] {
        self.files.get(name).map_or(&[], Vec::as_slice)
    }

    /// References that lead nowhere, keys that are missing or stand twice.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut keys: HashMap<&str, std::collections::HashSet<&str>> = HashMap::new();
        for name in FILES {
            if matches!(name, "hs_characteristics.csv" | "attachment_rules.csv") {
                continue;
            }
            for (n, r) in self.records(name).iter().enumerate() {
                let code = field(r, "code");
                if code.is_empty() || !keys.entry(name).or_default().insert(code) {
                    faults.push(format!("{name}, line {}: the code `{code}` is missing or stands twice", n + 2));
                }
            }
        }
        let mut points = |name: &str, column: &str, target: &str, may_be_empty: bool| {
            for (n, r) in self.records(name).iter().enumerate() {
                let code = field(r, column);
                let may_stand = may_be_empty && code.is_empty() || keys.get(target).is_some_and(|k| k.contains(code));
                if !may_stand {
                    faults.push(format!("{name}, line {}: {column} `{code}` is not in {target}", n + 2));
                }
            }
        };
        points("regions.csv", "parent_code", "regions.csv", true);
        points("bureaus.csv", "parent_code", "bureaus.csv", true);
        points("ports.csv", "parent_code", "ports.csv", true);
        points("ports.csv", "bureau_code", "bureaus.csv", false);
        points("hs_codes.csv", "unit", "units.csv", false);
        points("hs_characteristics.csv", "hs_code", "hs_codes.csv", false);
        points("attachment_rules.csv", "clause_code", "exemption_clauses.csv", false);
        points("attachment_rules.csv", "kind", "attachment_kinds.csv", false);
        points("attachment_rules.csv", "bureau_code", "bureaus.csv", true);
        for (n, r) in self.records("holidays.csv").iter().enumerate() {
            let (day, kind) = (field(r, "code"), field(r, "kind"));
            if day.parse::<Day>().is_err() || !matches!(kind, "off" | "work") {
                faults
                    .push(format!("holidays.csv, line {}: `{day}`, `{kind}` is not a day that is off or work", n + 2));
            }
        }
        for (n, r) in self.records("service_terms.csv").iter().enumerate() {
            let days = |column| field(r, column).parse::<u32>().ok().filter(|d| *d <= 60);
            let fits = matches!((days("term_days"), days("amber_days")), (Some(1..), Some(amber)) if Some(amber) <= days("term_days"));
            if field(r, "code").parse::<Post>().is_err() || !fits {
                faults.push(format!(
                    "service_terms.csv, line {}: a post, the working days of its term (1 to 60), and after how many of \
                     them it is close to its end",
                    n + 2
                ));
            }
        }
        for name in ["review_points.csv", "opinion_phrases.csv"] {
            for (n, r) in self.records(name).iter().enumerate() {
                let posts = listed(field(r, "posts"));
                let fits = !posts.is_empty() && posts.iter().all(|p| p.parse::<Post>().is_ok());
                if field(r, "text").trim().is_empty() || !fits || field(r, "ordinal").parse::<i64>().is_err() {
                    faults.push(format!("{name}, line {}: a text, the posts that use it, and its order", n + 2));
                }
            }
        }
        for (n, r) in self.records("review_points.csv").iter().enumerate() {
            for clause in listed(field(r, "clause_codes")) {
                if !keys.get("exemption_clauses.csv").is_some_and(|k| k.contains(clause)) {
                    let line = n + 2;
                    faults.push(format!(
                        "review_points.csv, line {line}: clause_codes `{clause}` is not in exemption_clauses.csv"
                    ));
                }
            }
            for prefix in listed(field(r, "hs_prefixes")) {
                if !self.records("hs_codes.csv").iter().any(|h| field(h, "code").starts_with(prefix)) {
                    let line = n + 2;
                    faults.push(format!("review_points.csv, line {line}: no HS code begins with `{prefix}`"));
                }
            }
        }
        faults
    }
}

/// The entries of a column that holds several, separated by semicolons.
fn listed(text: &str) -> Vec<&str> {
    text.split(';').map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

fn field<'a>(record: &'a Record, column: &str) -> &'a str {
    record.get(column).map_or("", String::as_str)
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// How many rows the files hold.
    pub rows: u64,
    /// The same set was imported last; nothing was changed.
    pub unchanged: bool,
}

/// Which import was the last; 0 before the first.
pub async fn newest_import(source: &impl Source) -> DbResult<i64> {
    crate::number(source.connection(), "SELECT COALESCE(MAX(id), 0) FROM reference_import", params![]).await
}

/// Whether anything was ever imported.
pub async fn is_empty(source: &impl Source) -> DbResult<bool> {
    Ok(crate::number(source.connection(), "SELECT COUNT(*) FROM reference_import", params![]).await? == 0)
}

/// Imports a set unless there are reference data already; none when there are. Programs that start at once on an empty
/// database wait for each other.
pub async fn import_first(tx: &Tx, set: &ReferenceSet, at: Instant) -> DbResult<Option<ImportReport>> {
    if !tx.for_update().is_empty() {
        tx.run(&format!("SELECT pg_advisory_xact_lock({FIRST_IMPORT})"), params![]).await?;
    }
    if is_empty(tx).await? { import(tx, set, at).await.map(Some) } else { Ok(None) }
}

/// The key of the advisory lock of the first import: `import` in ASCII.
const FIRST_IMPORT: i64 = 0x696d_706f_7274;

/// Imports a set: new and changed rows are written, rows that are gone end yesterday.
pub async fn import(tx: &Tx, set: &ReferenceSet, at: Instant) -> DbResult<ImportReport> {
    #[derive(crate::Row)]
    struct Last {
        digest: String,
    }
    let last: Vec<Last> =
        rows(&tx.0, "SELECT digest FROM reference_import ORDER BY id DESC LIMIT 1", params![]).await?;
    let total = FILES.iter().map(|f| set.records(f).len()).sum::<usize>() as u64;
    if last.first().is_some_and(|l| l.digest == set.digest) {
        return Ok(ImportReport { rows: total, unchanged: true });
    }
    let yesterday = at.china_day().plus_days(-1);
    let ending = ["bureau", "clause", "trade_mode", "hs_type", "attachment_kind", "review_point", "shared_phrase"];
    for table in ending {
        tx.run(&format!("UPDATE {table} SET valid_to = $1 WHERE valid_to > $1"), params![yesterday]).await?;
    }
    let t = |r: &Record, c: &str| Value::from(field(r, c));
    let open = || [Value::from(BEGINNING), Value::from(END)];

    let plain = |name: &str, columns: &[&str]| -> Vec<Vec<Value>> {
        set.records(name).iter().map(|r| columns.iter().map(|c| t(r, c)).collect()).collect()
    };
    let level = |r: &Record| Value::from(field(r, "level").parse::<i64>().unwrap_or_default());

    let regions = set.records("regions.csv").iter();
    let regions = regions.map(|r| vec![t(r, "code"), t(r, "name"), t(r, "parent_code"), level(r)]).collect();
    upsert(tx, "region", &["code", "name", "parent_code", "level"], 1, &[], regions).await?;

    let bureaus = set.records("bureaus.csv").iter();
    let bureaus = bureaus
        .map(|r| {
            let mut row = vec![t(r, "code"), t(r, "name"), t(r, "short_name"), level(r), t(r, "parent_code")];
            row.extend(open());
            row
        })
        .collect();
    let columns = ["code", "name", "short_name", "level", "parent_code", "valid_from", "valid_to"];
    upsert(tx, "bureau", &columns, 1, &["valid_from"], bureaus).await?;

    // Regions that somebody maintained stay as they are.
    #[derive(crate::Row)]
    struct Maintained {
        region_prefix: String,
    }
    let kept: Vec<Maintained> =
        rows(&tx.0, "SELECT DISTINCT region_prefix FROM jurisdiction WHERE maintained = TRUE", params![]).await?;
    tx.run("DELETE FROM jurisdiction WHERE maintained = FALSE", params![]).await?;
    let mut jurisdictions = Vec::new();
    for r in set.records("bureaus.csv").iter().filter(|r| field(r, "level") == "1") {
        for region in field(r, "region_codes").split(';').filter(|c| !c.is_empty()) {
            if kept.iter().any(|k| k.region_prefix == prefix_of(region)) {
                continue;
            }
            let mut row = vec![Value::from(prefix_of(region)), t(r, "code")];
            row.extend(open());
            jurisdictions.push(row);
        }
    }
    let columns = ["region_prefix", "bureau_code", "valid_from", "valid_to"];
    tx.insert_rows("jurisdiction", &columns, "", jurisdictions).await?;

    import_holidays(tx, set, at).await?;

    let days = |r: &Record, c: &str| Value::from(field(r, c).parse::<i64>().unwrap_or_default());
    let terms = set.records("service_terms.csv").iter();
    let terms = terms.map(|r| vec![t(r, "code"), days(r, "term_days"), days(r, "amber_days")]).collect();
    upsert(tx, "service_term", &["post", "term_days", "amber_days"], 1, &[], terms).await?;

    upsert(tx, "unit", &["code", "name"], 1, &[], plain("units.csv", &["code", "name"])).await?;
    let countries = plain("countries.csv", &["code", "name_zh", "name_en"]);
    upsert(tx, "country", &["code", "name", "name_en"], 1, &[], countries).await?;
    upsert(tx, "currency", &["code", "name"], 1, &[], plain("currencies.csv", &["code", "name_zh"])).await?;
    let ports = set.records("ports.csv").iter();
    let ports =
        ports.map(|r| vec![t(r, "code"), t(r, "name"), level(r), t(r, "parent_code"), t(r, "bureau_code")]).collect();
    upsert(tx, "port", &["code", "name", "level", "parent_code", "bureau_code"], 1, &[], ports).await?;

    let names = ["code", "short_name", "full_text", "documents", "follow_up", "follow_up_kinds"];
    let dated = |mut rows: Vec<Vec<Value>>| -> Vec<Vec<Value>> {
        for row in &mut rows {
            row.extend(open());
        }
        rows
    };
    let mut columns = names.to_vec();
    columns.extend(["valid_from", "valid_to"]);
    upsert(tx, "clause", &columns, 1, &["valid_from"], dated(plain("exemption_clauses.csv", &names))).await?;

    let modes = set.records("trade_modes.csv").iter();
    let modes = modes.map(|r| vec![t(r, "code"), t(r, "name"), Value::from(field(r, "common") == "1")]).collect();
    let columns = ["code", "name", "common", "valid_from", "valid_to"];
    upsert(tx, "trade_mode", &columns, 1, &["valid_from"], dated(modes)).await?;

    let mut characteristics: HashMap<&str, Vec<StoredCharacteristic<'_>>> = HashMap::new();
    for r in set.records("hs_characteristics.csv") {
        characteristics.entry(field(r, "hs_code")).or_default().push(StoredCharacteristic {
            ordinal: field(r, "ordinal").parse().unwrap_or_default(),
            name: field(r, "name"),
            kind: field(r, "kind"),
            choices: field(r, "choices").split('|').filter(|c| !c.is_empty()).collect(),
            unit: field(r, "unit"),
        });
    }
    let mut types = Vec::new();
    for r in set.records("hs_codes.csv") {
        let mut own = characteristics.remove(field(r, "code")).unwrap_or_default();
        own.sort_by_key(|c| c.ordinal);
        let json = serde_json::to_string(&own).map_err(|e| DbError::Inconsistent(e.to_string()))?;
        types.push(vec![
            t(r, "code"),
            t(r, "name"),
            Value::from(text::fold(field(r, "name"))),
            t(r, "unit"),
            t(r, "unit2"),
            t(r, "ccc_class"),
            Value::from(json),
        ]);
    }
    let columns = [
        "code",
        "name",
        "name_folded",
        "unit_code",
        "unit2_code",
        "ccc_class",
        "characteristics",
        "valid_from",
        "valid_to",
    ];
    upsert(tx, "hs_type", &columns, 1, &["valid_from"], dated(types)).await?;

    let kinds = set.records("attachment_kinds.csv").iter();
    let kinds = kinds
        .map(|r| vec![t(r, "code"), t(r, "name"), Value::from(field(r, "ordinal").parse::<i64>().unwrap_or_default())])
        .collect();
    let columns = ["code", "name", "ordinal", "valid_from", "valid_to"];
    upsert(tx, "attachment_kind", &columns, 1, &["valid_from"], dated(kinds)).await?;
    tx.run("DELETE FROM attachment_rule", params![]).await?;
    let columns = ["bureau_code", "clause_code", "kind", "need"];
    tx.insert_rows("attachment_rule", &columns, "", plain("attachment_rules.csv", &columns)).await?;

    let ordered = |name: &str, columns: &[&str]| -> Vec<Vec<Value>> {
        let row = |r: &Record| {
            let mut row: Vec<_> = columns.iter().map(|c| t(r, c)).collect();
            row.push(Value::from(field(r, "ordinal").parse::<i64>().unwrap_or_default()));
            row.extend(open());
            row
        };
        set.records(name).iter().map(row).collect()
    };
    let own = ["code", "text", "hint", "posts", "clause_codes", "hs_prefixes"];
    let columns = [&own[..], &["ordinal", "valid_from", "valid_to"]].concat();
    upsert(tx, "review_point", &columns, 1, &["valid_from"], ordered("review_points.csv", &own)).await?;
    let own = ["code", "text", "posts", "decisions"];
    let columns = [&own[..], &["ordinal", "valid_from", "valid_to"]].concat();
    upsert(tx, "shared_phrase", &columns, 1, &["valid_from"], ordered("opinion_phrases.csv", &own)).await?;

    tx.run(
        "INSERT INTO reference_import (imported_at, source, digest, rows_total) VALUES ($1, $2, $3, $4)",
        params![at, set.source.clone(), set.digest.clone(), i64::try_from(total).unwrap_or(i64::MAX)],
    )
    .await?;
    Ok(ImportReport { rows: total, unchanged: false })
}

#[derive(serde::Serialize)]
struct StoredCharacteristic<'a> {
    ordinal: u32,
    name: &'a str,
    kind: &'a str,
    choices: Vec<&'a str>,
    unit: &'a str,
}

/// The days of the years that the files hold, and of no other: a year that CNCA registered on pages stays. Within these
/// years, too, a day that somebody maintained on pages stays as it is.
async fn import_holidays(tx: &Tx, set: &ReferenceSet, at: Instant) -> DbResult<()> {
    #[derive(crate::Row, PartialEq)]
    struct Stored {
        day: String,
        is_working: bool,
        name: String,
    }
    #[derive(crate::Row)]
    struct Maintained {
        code: String,
    }
    let sql = "SELECT DISTINCT code FROM reference_edition WHERE kind = 'holiday'";
    let maintained: Vec<Maintained> = rows(&tx.0, sql, params![]).await?;
    let stored: Vec<Stored> = rows(&tx.0, "SELECT day, is_working, name FROM holiday", params![]).await?;
    let file: Vec<Stored> = set
        .records("holidays.csv")
        .iter()
        .map(|r| Stored {
            day: field(r, "code").to_owned(),
            is_working: field(r, "kind") == "work",
            name: field(r, "name").to_owned(),
        })
        .filter(|new| maintained.iter().all(|m| m.code != new.day))
        .collect();
    let year = |day: &str| day.get(..4).unwrap_or_default().to_owned();
    let years: std::collections::BTreeSet<String> =
        set.records("holidays.csv").iter().map(|r| year(field(r, "code"))).collect();
    let gone = stored.iter().filter(|old| {
        years.contains(&year(&old.day))
            && maintained.iter().all(|m| m.code != old.day)
            && file.iter().all(|new| new.day != old.day)
    });
    let mut changed: Vec<&str> = Vec::new();
    for old in gone {
        tx.run("DELETE FROM holiday WHERE day = $1", params![old.day.clone()]).await?;
        changed.push(&old.day);
    }
    let fresh: Vec<&Stored> = file.iter().filter(|new| !stored.contains(new)).collect();
    changed.extend(fresh.iter().map(|new| new.day.as_str()));
    let values =
        fresh.iter().map(|h| vec![Value::from(h.day.clone()), h.is_working.into(), h.name.clone().into()]).collect();
    upsert(tx, "holiday", &["day", "is_working", "name"], 1, &[], values).await?;
    // Before the first import nothing was computed.
    if let Some(first) = changed.iter().filter_map(|day| day.parse::<Day>().ok()).min()
        && !stored.is_empty()
    {
        recount::ask(tx, first.year(), at).await?;
    }
    Ok(())
}

/// Working days, as the database has them now.
pub(crate) async fn calendar(source: &impl Source) -> DbResult<Calendar> {
    #[derive(crate::Row)]
    struct HolidayRow {
        day: Day,
        is_working: bool,
    }
    let holidays: Vec<HolidayRow> = rows(source.connection(), "SELECT day, is_working FROM holiday", params![]).await?;
    Ok(Calendar::new(holidays.into_iter().map(|h| (h.day, h.is_working))))
}

/// How long each post may take, as the database has it now.
pub(crate) async fn terms(source: &impl Source) -> DbResult<Vec<(Post, ServiceTerm)>> {
    #[derive(crate::Row)]
    struct TermRow {
        post: Post,
        term_days: i64,
        amber_days: i64,
    }
    let sql = "SELECT post, term_days, amber_days FROM service_term ORDER BY post";
    let found: Vec<TermRow> = rows(source.connection(), sql, params![]).await?;
    let days = |n: i64| u32::try_from(n).unwrap_or_default();
    let term = |t: &TermRow| ServiceTerm { term_days: days(t.term_days), amber_days: days(t.amber_days) };
    Ok(found.iter().map(|t| (t.post, term(t))).collect())
}

/// Says that reference data were changed by a person, so that every process reads them again.
pub(crate) async fn touch(tx: &Tx, what: &str, at: Instant) -> DbResult<()> {
    tx.run(
        "INSERT INTO reference_import (imported_at, source, digest, rows_total) VALUES ($1, $2, '', 1)",
        params![at, what],
    )
    .await?;
    Ok(())
}

/// `310000` → `31`, `330200` → `3302`, `310115` → `310115`: what the codes of a region and of all below it begin with.
pub fn prefix_of(region: &str) -> &str {
    region.strip_suffix("0000").or_else(|| region.strip_suffix("00")).unwrap_or(region)
}

/// Writes rows; on a known key (the first `keys` columns) every other column but `kept` is replaced.
async fn upsert(
    tx: &Tx,
    table: &str,
    columns: &[&str],
    keys: usize,
    kept: &[&str],
    rows: Vec<Vec<Value>>,
) -> DbResult<()> {
    let set: Vec<_> =
        columns[keys..].iter().filter(|c| !kept.contains(*c)).map(|c| format!("{c} = excluded.{c}")).collect();
    let tail = format!(" ON CONFLICT ({}) DO UPDATE SET {}", columns[..keys].join(", "), set.join(", "));
    tx.insert_rows(table, columns, &tail, rows).await
}

/// The 业务下放 rules of a direct bureau that hold on a day.
pub async fn delegations(source: &impl Source, direct: &BureauCode, day: Day) -> DbResult<Vec<Delegation>> {
    #[derive(crate::Row)]
    struct Columns {
        id: DelegationId,
        target_bureau_code: BureauCode,
        region_prefix: Option<String>,
        clause_code: Option<ClauseCode>,
        hs_prefix: Option<String>,
        trade_mode: Option<TradeModeCode>,
        steps: String,
        priority: i64,
    }
    let found: Vec<Columns> = rows(
        source.connection(),
        "SELECT id, target_bureau_code, region_prefix, clause_code, hs_prefix, trade_mode, steps, priority \
         FROM delegation WHERE direct_bureau_code = $1 AND valid_from <= $2 AND valid_to >= $2",
        params![direct.clone(), day],
    )
    .await?;
    found
        .into_iter()
        .map(|c| {
            let steps: Result<Vec<Step>, _> = c.steps.split(',').map(str::parse).collect();
            Ok(Delegation {
                id: c.id,
                target: c.target_bureau_code,
                region_prefix: c.region_prefix,
                clause: c.clause_code,
                hs_prefix: c.hs_prefix,
                trade_mode: c.trade_mode,
                steps: steps.map_err(|e| DbError::Inconsistent(e.to_string()))?,
                priority: c.priority,
            })
        })
        .collect()
}

/// Adds a 业务下放 rule that holds from a day on.
pub async fn add_delegation(tx: &Tx, direct: &BureauCode, rule: &Delegation, from: Day, at: Instant) -> DbResult<()> {
    let steps: Vec<_> = rule.steps.iter().map(|s| s.word()).collect();
    tx.run(
        "INSERT INTO delegation (direct_bureau_code, target_bureau_code, region_prefix, clause_code, hs_prefix, \
         trade_mode, steps, priority, valid_from, valid_to, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            direct.clone(),
            rule.target.clone(),
            rule.region_prefix.clone(),
            rule.clause.clone(),
            rule.hs_prefix.clone(),
            rule.trade_mode.clone(),
            steps.join(","),
            rule.priority,
            from,
            END,
            at
        ],
    )
    .await?;
    Ok(())
}

/// The days from and to which a row holds.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    from: Day,
    to: Day,
}

impl Validity {
    /// Whether it holds on a day.
    pub fn holds(self, day: Day) -> bool {
        self.from <= day && day <= self.to
    }
}

/// 行政区划.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its code.
    pub code: RegionCode,
    /// Its name.
    pub name: String,
    /// The code above; empty at the top.
    pub parent: RegionCode,
}

/// 检验检疫局.
#[derive(Debug, Clone)]
pub struct Bureau {
    /// Its code.
    pub code: BureauCode,
    /// Its full name.
    pub name: String,
    /// Its short name.
    pub short_name: String,
    /// The direct bureau above; empty for a direct bureau.
    pub parent: BureauCode,
    /// Its address; empty when not registered.
    pub address: String,
    /// Its phone; empty when not registered.
    pub phone: String,
    /// When it is open; empty when not registered.
    pub office_hours: String,
    /// Who takes papers in; empty when not registered.
    pub paper_receiver: String,
    /// Whether 文件对比 is done (D6).
    pub compare_enabled: bool,
    /// The usual validity of its certificates, in days (D17).
    pub validity_days: i64,
}

/// A code with its name.
#[derive(Debug, Clone)]
pub struct Named<C> {
    /// The code.
    pub code: C,
    /// The name.
    pub name: String,
}

/// 口岸, in two levels.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its code.
    pub code: PortCode,
    /// Its name.
    pub name: String,
    /// The district above; empty for a district.
    pub parent: PortCode,
    /// The bureau whose 核销岗 confirms what is declared for it (R-2.8-18).
    pub bureau: BureauCode,
}

/// 免办条款.
#[derive(Debug, Clone)]
pub struct Clause {
    /// Its code.
    pub code: ClauseCode,
    /// A few words.
    pub short_name: String,
    /// The wording of the rules.
    pub full_text: String,
    /// What follows after import.
    pub follow_up: String,
    /// use, return, destruction.
    pub follow_up_kinds: Vec<String>,
    validity: Validity,
}

/// 贸易方式.
#[derive(Debug, Clone)]
pub struct TradeMode {
    /// Its code.
    pub code: TradeModeCode,
    /// Its name.
    pub name: String,
    /// Offered first.
    pub common: bool,
    validity: Validity,
}

/// A kind of attachment.
#[derive(Debug, Clone)]
pub struct AttachmentKind {
    /// Its code.
    pub code: AttachmentKindCode,
    /// Its name.
    pub name: String,
    validity: Validity,
}

/// A HS code of the catalogue with its 产品特性.
#[derive(Debug, Clone)]
pub struct HsType {
    /// Ten digits.
    pub code: HsCode,
    /// HS 编码产品名称.
    pub name: String,
    name_folded: String,
    /// The unit of HS 标准量.
    pub unit: UnitCode,
    /// 产品大类.
    pub class: String,
    /// What it asks of a product.
    pub characteristics: Vec<Characteristic>,
    validity: Validity,
}

/// All reference data, in memory.
#[derive(Debug, Default)]
pub struct ReferenceData {
    import: i64,
    /// 行政区划, by code.
    pub regions: Vec<Region>,
    /// 检验检疫局.
    pub bureaus: Vec<Bureau>,
    jurisdictions: Vec<(String, BureauCode, Validity)>,
    /// Working days.
    pub calendar: Calendar,
    terms: Vec<(Post, ServiceTerm)>,
    /// 计量单位.
    pub units: Vec<Named<UnitCode>>,
    /// 国家（地区）.
    pub countries: Vec<Named<CountryCode>>,
    /// 币制.
    pub currencies: Vec<Named<CurrencyCode>>,
    /// 口岸.
    pub ports: Vec<Port>,
    /// 免办条款.
    pub clauses: Vec<Clause>,
    /// 贸易方式.
    pub trade_modes: Vec<TradeMode>,
    hs_types: Vec<HsType>,
    /// Kinds of attachment, in their order.
    pub attachment_kinds: Vec<AttachmentKind>,
    attachment_rules: HashMap<(String, String, String), Need>,
    review_points: Vec<(Point, Validity)>,
    shared_phrases: Vec<(SharedPhrase, Validity)>,
    /// The units, ports, regions, countries and currencies that have a first or a last day, by table and code.
    bounded: HashMap<(String, String), Validity>,
}

/// Reads all reference data.
pub async fn load(source: &impl Source) -> DbResult<ReferenceData> {
    let conn = source.connection();
    // Read first: an import that comes in between is noticed at the next look.
    let import = newest_import(source).await?;

    #[derive(crate::Row)]
    struct RegionRow {
        code: RegionCode,
        name: String,
        parent_code: RegionCode,
    }
    let regions: Vec<RegionRow> =
        rows(conn, "SELECT code, name, parent_code FROM region ORDER BY code", params![]).await?;

    #[derive(crate::Row)]
    struct BureauRow {
        code: BureauCode,
        name: String,
        short_name: String,
        parent_code: BureauCode,
        address: String,
        phone: String,
        office_hours: String,
        paper_receiver: String,
        compare_enabled: bool,
        validity_days: i64,
    }
    let bureaus: Vec<BureauRow> = rows(
        conn,
        "SELECT code, name, short_name, parent_code, address, phone, office_hours, paper_receiver, compare_enabled, \
         validity_days FROM bureau ORDER BY code",
        params![],
    )
    .await?;

    #[derive(crate::Row)]
    struct JurisdictionRow {
        region_prefix: String,
        bureau_code: BureauCode,
        valid_from: Day,
        valid_to: Day,
    }
    let jurisdictions: Vec<JurisdictionRow> =
        rows(conn, "SELECT region_prefix, bureau_code, valid_from, valid_to FROM jurisdiction", params![]).await?;

    #[derive(crate::Row)]
    struct NamedRow {
        code: String,
        name: String,
    }
    let units: Vec<NamedRow> = rows(conn, "SELECT code, name FROM unit ORDER BY code", params![]).await?;
    let countries: Vec<NamedRow> = rows(conn, "SELECT code, name FROM country ORDER BY code", params![]).await?;
    let currencies: Vec<NamedRow> = rows(conn, "SELECT code, name FROM currency ORDER BY code", params![]).await?;

    let calendar = calendar(source).await?;
    let terms = terms(source).await?;

    #[derive(crate::Row)]
    struct KindRow {
        code: AttachmentKindCode,
        name: String,
        valid_from: Day,
        valid_to: Day,
    }
    let kinds: Vec<KindRow> =
        rows(conn, "SELECT code, name, valid_from, valid_to FROM attachment_kind ORDER BY ordinal, code", params![])
            .await?;

    #[derive(crate::Row)]
    struct PortRow {
        code: PortCode,
        name: String,
        parent_code: PortCode,
        bureau_code: BureauCode,
    }
    let ports = "SELECT code, name, parent_code, bureau_code FROM port ORDER BY code";
    let ports: Vec<PortRow> = rows(conn, ports, params![]).await?;

    #[derive(crate::Row)]
    struct ClauseRow {
        code: ClauseCode,
        short_name: String,
        full_text: String,
        follow_up: String,
        follow_up_kinds: String,
        valid_from: Day,
        valid_to: Day,
    }
    let clauses: Vec<ClauseRow> = rows(
        conn,
        "SELECT code, short_name, full_text, follow_up, follow_up_kinds, valid_from, valid_to FROM clause \
         ORDER BY code",
        params![],
    )
    .await?;

    #[derive(crate::Row)]
    struct ModeRow {
        code: TradeModeCode,
        name: String,
        common: bool,
        valid_from: Day,
        valid_to: Day,
    }
    let modes: Vec<ModeRow> =
        rows(conn, "SELECT code, name, common, valid_from, valid_to FROM trade_mode ORDER BY code", params![]).await?;

    #[derive(crate::Row)]
    struct TypeRow {
        code: HsCode,
        name: String,
        name_folded: String,
        unit_code: UnitCode,
        ccc_class: String,
        characteristics: String,
        valid_from: Day,
        valid_to: Day,
    }
    let types: Vec<TypeRow> = rows(
        conn,
        "SELECT code, name, name_folded, unit_code, ccc_class, characteristics, valid_from, valid_to FROM hs_type \
         ORDER BY code",
        params![],
    )
    .await?;

    #[derive(crate::Row)]
    struct RuleRow {
        bureau_code: String,
        clause_code: String,
        kind: String,
        need: Need,
    }
    let rules: Vec<RuleRow> =
        rows(conn, "SELECT bureau_code, clause_code, kind, need FROM attachment_rule", params![]).await?;

    #[derive(crate::Row)]
    struct PointRow {
        code: String,
        text: String,
        hint: String,
        posts: String,
        clause_codes: String,
        hs_prefixes: String,
        valid_from: Day,
        valid_to: Day,
    }
    let points: Vec<PointRow> = rows(
        conn,
        "SELECT code, text, hint, posts, clause_codes, hs_prefixes, valid_from, valid_to FROM review_point \
         ORDER BY ordinal, code",
        params![],
    )
    .await?;

    #[derive(crate::Row)]
    struct PhraseRow {
        code: String,
        text: String,
        posts: String,
        decisions: String,
        valid_from: Day,
        valid_to: Day,
    }
    let phrases: Vec<PhraseRow> = rows(
        conn,
        "SELECT code, text, posts, decisions, valid_from, valid_to FROM shared_phrase ORDER BY ordinal, code",
        params![],
    )
    .await?;

    #[derive(crate::Row)]
    struct BoundedRow {
        kind: String,
        code: String,
        valid_from: Day,
        valid_to: Day,
    }
    let bounded: Vec<BoundedRow> = rows(
        conn,
        "SELECT 'unit' AS kind, code, valid_from, valid_to FROM unit WHERE valid_from > $1 OR valid_to < $2 \
         UNION ALL SELECT 'port', code, valid_from, valid_to FROM port WHERE valid_from > $1 OR valid_to < $2 \
         UNION ALL SELECT 'region', code, valid_from, valid_to FROM region WHERE valid_from > $1 OR valid_to < $2 \
         UNION ALL SELECT 'country', code, valid_from, valid_to FROM country WHERE valid_from > $1 OR valid_to < $2 \
         UNION ALL SELECT 'currency', code, valid_from, valid_to FROM currency WHERE valid_from > $1 OR valid_to < $2",
        params![BEGINNING, END],
    )
    .await?;

    Ok(ReferenceData {
        import,
        regions: regions.into_iter().map(|r| Region { code: r.code, name: r.name, parent: r.parent_code }).collect(),
        bureaus: bureaus
            .into_iter()
            .map(|b| Bureau {
                code: b.code,
                name: b.name,
                short_name: b.short_name,
                parent: b.parent_code,
                address: b.address,
                phone: b.phone,
                office_hours: b.office_hours,
                paper_receiver: b.paper_receiver,
                compare_enabled: b.compare_enabled,
                validity_days: b.validity_days,
            })
            .collect(),
        jurisdictions: jurisdictions
            .into_iter()
            .map(|j| (j.region_prefix, j.bureau_code, Validity { from: j.valid_from, to: j.valid_to }))
            .collect(),
        calendar,
        terms,
        units: units.into_iter().map(|r| Named { code: UnitCode::new(r.code), name: r.name }).collect(),
        countries: countries.into_iter().map(|r| Named { code: CountryCode::new(r.code), name: r.name }).collect(),
        currencies: currencies.into_iter().map(|r| Named { code: CurrencyCode::new(r.code), name: r.name }).collect(),
        ports: ports
            .into_iter()
            .map(|p| Port { code: p.code, name: p.name, parent: p.parent_code, bureau: p.bureau_code })
            .collect(),
        clauses: clauses
            .into_iter()
            .map(|c| Clause {
                code: c.code,
                short_name: c.short_name,
                full_text: c.full_text,
                follow_up: c.follow_up,
                follow_up_kinds: c.follow_up_kinds.split(';').map(str::to_owned).collect(),
                validity: Validity { from: c.valid_from, to: c.valid_to },
            })
            .collect(),
        trade_modes: modes
            .into_iter()
            .map(|m| TradeMode {
                code: m.code,
                name: m.name,
                common: m.common,
                validity: Validity { from: m.valid_from, to: m.valid_to },
            })
            .collect(),
        hs_types: types
            .into_iter()
            .map(|t| {
                Ok(HsType {
                    code: t.code,
                    name: t.name,
                    name_folded: t.name_folded,
                    unit: t.unit_code,
                    class: t.ccc_class,
                    characteristics: characteristics(&t.characteristics)?,
                    validity: Validity { from: t.valid_from, to: t.valid_to },
                })
            })
            .collect::<DbResult<_>>()?,
        attachment_kinds: kinds
            .into_iter()
            .map(|k| AttachmentKind {
                code: k.code,
                name: k.name,
                validity: Validity { from: k.valid_from, to: k.valid_to },
            })
            .collect(),
        attachment_rules: rules.into_iter().map(|r| ((r.bureau_code, r.clause_code, r.kind), r.need)).collect(),
        review_points: points
            .into_iter()
            .map(|p| {
                let point = Point {
                    posts: posts(&p.posts),
                    clauses: listed(&p.clause_codes).into_iter().map(ClauseCode::from).collect(),
                    hs_prefixes: listed(&p.hs_prefixes).into_iter().map(str::to_owned).collect(),
                    code: p.code,
                    text: p.text,
                    hint: p.hint,
                };
                (point, Validity { from: p.valid_from, to: p.valid_to })
            })
            .collect(),
        shared_phrases: phrases
            .into_iter()
            .map(|p| {
                let phrase = SharedPhrase {
                    posts: posts(&p.posts),
                    decisions: listed(&p.decisions).into_iter().map(str::to_owned).collect(),
                    code: p.code,
                    text: p.text,
                };
                (phrase, Validity { from: p.valid_from, to: p.valid_to })
            })
            .collect(),
        bounded: bounded
            .into_iter()
            .map(|r| ((r.kind, r.code), Validity { from: r.valid_from, to: r.valid_to }))
            .collect(),
    })
}

fn posts(text: &str) -> Vec<Post> {
    listed(text).into_iter().filter_map(|p| p.parse().ok()).collect()
}

fn characteristics(json: &str) -> DbResult<Vec<Characteristic>> {
    #[derive(serde::Deserialize)]
    struct Stored {
        name: String,
        kind: String,
        choices: Vec<String>,
        unit: String,
    }
    let broken = |e: &dyn std::fmt::Display| DbError::Inconsistent(format!("characteristics: {e}"));
    let stored: Vec<Stored> = serde_json::from_str(json).map_err(|e| broken(&e))?;
    stored
        .into_iter()
        .map(|s| {
            let kind: CharacteristicKind = s.kind.parse().map_err(|e| broken(&e))?;
            Ok(Characteristic { name: s.name, kind, choices: s.choices, unit: s.unit })
        })
        .collect()
}

impl ReferenceData {
    /// The import after which they were read.
    pub const fn import(&self) -> i64 {
        self.import
    }

    /// Whether a unit can be chosen on a day.
    pub fn unit_holds(&self, code: &str, day: Day) -> bool {
        self.holds("unit", code, day)
    }

    /// Whether a port can be chosen on a day.
    pub fn port_holds(&self, code: &str, day: Day) -> bool {
        self.holds("port", code, day)
    }

    /// Whether a region can be chosen on a day.
    pub fn region_holds(&self, code: &str, day: Day) -> bool {
        self.holds("region", code, day)
    }

    /// Whether a country can be chosen on a day.
    pub fn country_holds(&self, code: &str, day: Day) -> bool {
        self.holds("country", code, day)
    }

    /// Whether a currency can be chosen on a day.
    pub fn currency_holds(&self, code: &str, day: Day) -> bool {
        self.holds("currency", code, day)
    }

    fn holds(&self, table: &str, code: &str, day: Day) -> bool {
        // A handful at most has bounds.
        self.bounded.is_empty()
            || self.bounded.get(&(table.to_owned(), code.to_owned())).is_none_or(|validity| validity.holds(day))
    }

    /// A region by code.
    pub fn region(&self, code: &RegionCode) -> Option<&Region> {
        self.regions.binary_search_by(|r| r.code.cmp(code)).ok().map(|n| &self.regions[n])
    }

    /// The regions right below one; `""` = the provinces.
    pub fn regions_below<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a Region> {
        self.regions.iter().filter(move |r| r.parent.as_str() == parent)
    }

    /// Whether nothing lies below: a leaf can be level 1, 2 or 3.
    pub fn is_leaf(&self, code: &RegionCode) -> bool {
        self.region(code).is_some() && self.regions_below(code.as_str()).next().is_none()
    }

    /// A bureau by code.
    pub fn bureau(&self, code: &BureauCode) -> Option<&Bureau> {
        self.bureaus.binary_search_by(|b| b.code.cmp(code)).ok().map(|n| &self.bureaus[n])
    }

    /// How long a post may take; none where no term is set.
    pub fn term(&self, post: Post) -> Option<ServiceTerm> {
        self.terms.iter().find(|(p, _)| *p == post).map(|(_, term)| *term)
    }

    /// 审核要点 of a post on a day, for an application of this clause with these products.
    pub fn review_points(&self, post: Post, clause: &ClauseCode, hs_codes: &[HsCode], day: Day) -> Vec<Point> {
        let holding = self.review_points.iter().filter(|(_, validity)| validity.holds(day)).map(|(point, _)| point);
        holding.filter(|p| p.belongs_to(post, clause, hs_codes)).cloned().collect()
    }

    /// A point of 审核要点 by its key.
    pub fn review_point(&self, code: &str) -> Option<&Point> {
        self.review_points.iter().map(|(point, _)| point).find(|p| p.code == code)
    }

    /// 常用意见 that the officers of a post share on a day.
    pub fn shared_phrases(&self, post: Post, day: Day) -> impl Iterator<Item = &SharedPhrase> {
        let holding = self.shared_phrases.iter().filter(move |(_, validity)| validity.holds(day));
        holding.map(|(phrase, _)| phrase).filter(move |p| p.posts.contains(&post))
    }

    /// The direct bureau of a region on a day: the longest prefix wins (workflow §4).
    pub fn direct_bureau_of(&self, region: &RegionCode, day: Day) -> Option<&BureauCode> {
        self.jurisdictions
            .iter()
            .filter(|(prefix, _, validity)| validity.holds(day) && region.as_str().starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _, _)| prefix.len())
            .map(|(_, bureau, _)| bureau)
    }

    /// 直属局, by code.
    pub fn direct_bureaus(&self) -> impl Iterator<Item = &Bureau> {
        self.bureaus.iter().filter(|b| b.parent.as_str().is_empty())
    }

    /// The bureaus below a direct one, by code.
    pub fn branches_of<'a>(&'a self, direct: &'a BureauCode) -> impl Iterator<Item = &'a Bureau> {
        self.bureaus.iter().filter(move |b| b.parent == *direct)
    }

    /// The regions below which there is nothing, by code.
    pub fn leaf_regions(&self) -> impl Iterator<Item = &Region> {
        let parents: std::collections::HashSet<&str> = self.regions.iter().map(|r| r.parent.as_str()).collect();
        self.regions.iter().filter(move |r| !parents.contains(r.code.as_str()))
    }

    /// Whether a HS code of the catalogue begins with this on a day.
    pub fn has_hs_prefix(&self, prefix: &str, day: Day) -> bool {
        self.hs_types.iter().any(|t| t.validity.holds(day) && t.code.as_str().starts_with(prefix))
    }

    /// The direct bureau that a bureau belongs to, or itself.
    pub fn direct_of<'a>(&'a self, code: &'a BureauCode) -> &'a BureauCode {
        match self.bureau(code) {
            Some(b) if !b.parent.as_str().is_empty() => &b.parent,
            Some(_) | None => code,
        }
    }

    /// The clauses that hold on a day.
    pub fn clauses_on(&self, day: Day) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(move |c| c.validity.holds(day))
    }

    /// The trade modes that hold on a day.
    pub fn trade_modes_on(&self, day: Day) -> impl Iterator<Item = &TradeMode> {
        self.trade_modes.iter().filter(move |m| m.validity.holds(day))
    }

    /// A HS type that holds on a day.
    pub fn hs_type(&self, code: &str, day: Day) -> Option<&HsType> {
        self.hs_type_ever(code).filter(|t| t.validity.holds(day))
    }

    /// A HS type, whether it still holds or not.
    pub fn hs_type_ever(&self, code: &str) -> Option<&HsType> {
        self.hs_types.binary_search_by(|t| t.code.as_str().cmp(code)).ok().map(|n| &self.hs_types[n])
    }

    /// 选择免办产品: code by prefix, name by containment, both must hold (R-2.1.2-04, -05, -30).
    pub fn hs_types_matching<'a>(&'a self, code: &str, name: &str, day: Day) -> Vec<&'a HsType> {
        let code = text::fold(code);
        let name = text::fold(name);
        self.hs_types
            .iter()
            .filter(|t| t.validity.holds(day) && t.code.as_str().starts_with(&code) && t.name_folded.contains(&name))
            .collect()
    }

    /// The one type that 查询 opens at once: exactly one match equal to what was typed, or exactly one match at all
    /// (R-2.1.2-09, -10).
    pub fn hs_type_to_open<'a>(&'a self, code: &str, name: &str, day: Day) -> Option<&'a HsType> {
        let matching = self.hs_types_matching(code, name, day);
        let code = text::fold(code);
        let name = text::fold(name);
        if code.is_empty() && name.is_empty() {
            return None;
        }
        let equal: Vec<_> = matching
            .iter()
            .filter(|t| t.code.as_str() == code || (!name.is_empty() && t.name_folded == name))
            .collect();
        match (equal.as_slice(), matching.as_slice()) {
            ([only], _) => Some(only),
            (_, [only]) => Some(only),
            _ => None,
        }
    }

    /// The kinds of attachment that hold on a day.
    pub fn attachment_kinds_on(&self, day: Day) -> impl Iterator<Item = &AttachmentKind> {
        self.attachment_kinds.iter().filter(move |k| k.validity.holds(day))
    }

    /// How much each kind of attachment is needed by a bureau for a clause on a day; kinds 不用 are left out.
    pub fn needs(
        &self,
        bureau: Option<&BureauCode>,
        clause: &ClauseCode,
        day: Day,
    ) -> Vec<(AttachmentKindCode, String, Need)> {
        self.attachment_kinds_on(day)
            .filter_map(|kind| {
                let of = |bureau: &str| {
                    let key = (bureau.to_owned(), clause.as_str().to_owned(), kind.code.as_str().to_owned());
                    self.attachment_rules.get(&key).copied()
                };
                let need = bureau
                    .and_then(|b| of(b.as_str()).or_else(|| of(self.direct_of(b).as_str())))
                    .or_else(|| of(""))
                    .unwrap_or(Need::Optional);
                (need != Need::Hidden).then(|| (kind.code.clone(), kind.name.clone(), need))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDb;

    fn today() -> Day {
        "2026-11-23".parse().unwrap()
    }

    async fn imported(db: &crate::Db) -> ReferenceData {
        let tx = db.begin().await.unwrap();
        import(&tx, &ReferenceSet::embedded().unwrap(), today().start_instant()).await.unwrap();
        tx.commit().await.unwrap();
        load(&db.read()).await.unwrap()
    }

    #[tokio::test]
    async fn the_embedded_set_is_imported_once() {
        for test in TestDb::each_bare().await {
            assert!(is_empty(&test.db.read()).await.unwrap());
            let data = imported(&test.db).await;
            assert_eq!((data.regions.len(), data.bureaus.len(), data.clauses.len()), (3222, 189, 9));
            let tx = test.db.begin().await.unwrap();
            let again = import(&tx, &ReferenceSet::embedded().unwrap(), today().start_instant()).await.unwrap();
            assert!(again.unchanged);
        }
    }

    #[tokio::test]
    async fn a_region_belongs_to_the_bureau_of_the_longest_prefix() {
        for test in TestDb::each_bare().await {
            let data = imported(&test.db).await;
            for (region, bureau) in [
                ("310115", "上海"),
                ("330203", "宁波"),
                ("330106", "浙江"),
                ("440305", "深圳"),
                ("350203", "厦门"),
                ("370202", "山东"),
            ] {
                let found = data.direct_bureau_of(&RegionCode::new(region), today()).unwrap();
                assert!(data.bureau(found).unwrap().name.starts_with(bureau), "{region}: {found}");
            }
            assert!(data.direct_bureau_of(&RegionCode::new("710000"), today()).is_none());
        }
    }

    /// R-2.1.2-04, -05, -09, -10, -30: prefix, containment, exact match, single hit, both conditions.
    #[tokio::test]
    async fn hs_types_are_found_as_the_manual_says() {
        for test in TestDb::each_bare().await {
            let data = imported(&test.db).await;
            let by_prefix = data.hs_types_matching("83", "", today());
            assert!(by_prefix.len() >= 2 && by_prefix.iter().all(|t| t.code.as_str().starts_with("83")));
            let by_name = data.hs_types_matching("", "空调器", today());
            assert!(by_name.len() >= 2 && by_name.iter().all(|t| t.name.contains("空调器")));
            assert!(data.hs_type_to_open("83", "", today()).is_none());
            let one = by_name[0];
            assert_eq!(data.hs_type_to_open(one.code.as_str(), "", today()).unwrap().code, one.code);
            let both = data.hs_types_matching("8415", "空调器", today());
            assert!(both.iter().all(|t| t.code.as_str().starts_with("8415") && t.name.contains("空调器")));
            assert!(data.hs_types_matching("9999", "空调器", today()).is_empty());
        }
    }

    /// An installation that imported its set before has the same points and phrases as a new one.
    #[tokio::test]
    async fn the_migration_brings_what_the_files_hold() {
        for test in TestDb::each_bare().await {
            let before = load(&test.db.read()).await.unwrap();
            let after = imported(&test.db).await;
            let points = |d: &ReferenceData| d.review_points.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
            let phrases = |d: &ReferenceData| d.shared_phrases.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
            assert_eq!(points(&before), points(&after));
            assert_eq!(phrases(&before), phrases(&after));
            assert!(points(&after).len() > 40 && phrases(&after).len() > 20);
        }
    }

    /// Every post of the course has points and phrases, every clause and every class of products has points of its own.
    #[tokio::test]
    async fn every_clause_and_class_is_looked_at() {
        for test in TestDb::each_bare().await {
            let data = imported(&test.db).await;
            for post in Post::COURSE {
                for clause in &data.clauses {
                    assert!(data.review_points(post, &clause.code, &[], today()).len() > 2, "{post} {}", clause.code);
                }
                assert!(data.shared_phrases(post, today()).next().is_some(), "{post}");
            }
            for clause in &data.clauses {
                let own = |p: &Point| p.clauses.len() == 1 && p.clauses[0] == clause.code;
                assert!(data.review_points.iter().any(|(p, _)| own(p)), "{}", clause.code);
            }
            let looked = |t: &HsType| {
                let points = data.review_points(Post::FirstReview, &"1".into(), std::slice::from_ref(&t.code), today());
                points.iter().any(|p| !p.hs_prefixes.is_empty())
            };
            let most = data.hs_types.iter().filter(|t| looked(t)).count();
            assert!(most * 10 > data.hs_types.len() * 9, "{most} of {}", data.hs_types.len());
        }
    }

    #[tokio::test]
    async fn what_is_gone_from_the_files_ends_and_stays_readable() {
        for test in TestDb::each_bare().await {
            imported(&test.db).await;
            let mut set = ReferenceSet::embedded().unwrap();
            set.digest = "another".to_owned();
            set.files.get_mut("exemption_clauses.csv").unwrap().retain(|r| field(r, "code") != "9");
            let tx = test.db.begin().await.unwrap();
            import(&tx, &set, today().start_instant()).await.unwrap();
            tx.commit().await.unwrap();
            let data = load(&test.db.read()).await.unwrap();
            assert_eq!(data.clauses.len(), 9);
            assert_eq!(data.clauses_on(today()).count(), 8);
            assert_eq!(data.clauses_on(today().plus_days(-1)).count(), 9);
        }
    }

    /// An import changes the days of the years that it holds; a year that CNCA registered stays, and what was computed with a
    /// day that changed is computed again.
    #[tokio::test]
    async fn an_import_leaves_the_years_alone_that_it_does_not_hold() {
        for test in TestDb::each_bare().await {
            imported(&test.db).await;
            let asked = "SELECT COUNT(*) FROM calendar_recount";
            assert_eq!(test.db.read().number(asked, params![]).await.unwrap(), 0, "nothing was computed before");
            let own = "INSERT INTO holiday (day, is_working, name) VALUES ('2027-01-04', FALSE, '元旦')";
            crate::testing::try_sql(&test.db, own).await.unwrap();
            let mut set = ReferenceSet::embedded().unwrap();
            set.digest = "another".to_owned();
            let days = set.files.get_mut("holidays.csv").unwrap();
            days.retain(|r| field(r, "code") != "2026-10-07");
            days.iter_mut().find(|r| field(r, "code") == "2026-10-10").unwrap().insert("kind".into(), "off".into());
            let tx = test.db.begin().await.unwrap();
            import(&tx, &set, today().start_instant()).await.unwrap();
            tx.commit().await.unwrap();
            let calendar = load(&test.db.read()).await.unwrap().calendar;
            let works = |day: &str| calendar.is_working_day(day.parse().unwrap());
            assert!(!works("2027-01-04") && works("2026-10-07") && !works("2026-10-10") && !works("2026-10-06"));
            let from = "SELECT COUNT(*) FROM calendar_recount WHERE from_day = '2026-01-01'";
            assert_eq!(test.db.read().number(from, params![]).await.unwrap(), 2);
        }
    }

    #[test]
    fn a_broken_set_is_refused_with_file_and_line() {
        let mut files: Vec<_> = FILES.iter().map(|f| (*f, "code\nA\n".to_owned())).collect();
        files[5].1 = "code,name,level,parent_code,bureau_code\n0100,北京关区,1,,XX\n".to_owned();
        let error = ReferenceSet::parse("test", &files).unwrap_err().to_string();
        assert!(error.contains("ports.csv, line 2: bureau_code `XX` is not in bureaus.csv"), "{error}");
    }
}
