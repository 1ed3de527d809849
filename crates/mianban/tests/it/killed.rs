//! Faults at random moments, while people do the deeds of the ledger through the pages: the server is killed with SIGKILL
//! and started again on the same data, its disk fills up or fails, its connections to the database go silent or end. What
//! was acknowledged is there once, what was refused is not there, and what was not answered is there whole or not at all;
//! sent again, with the key of its page, it is done once.
//!
//! `MIANBAN_TEST_KILLS` says how often the server is killed (20 without it), `MIANBAN_TEST_FAULTS` how many other faults
//! there are (24 without it); `make soak` has more of both. `MIANBAN_TEST_SEED` repeats the choices of a run that failed;
//! moments between threads cannot be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use db::Db;
use db::testing::{TestDb, try_sql};
use db::wire::Wire;
use domain::time::{Clock as _, SystemClock};
use kit::session::{SESSION_COOKIE, hash_of, new_token};
use tokio::runtime::Runtime;

use crate::program::{Serving, free_address, mianban, mianban_without_sigxfsz, said};

/// Hands at work at once: half of them of the enterprise, half of them officers.
const HANDS: u64 = 8;
/// Up to so many forms are done before the server is killed, however fast it is; none and all are as likely.
const MOST_DONE: u64 = 12;
/// And up to this much later, ms: so that it dies at any point of a deed.
const LONGEST: u64 = 60;
/// After a fault work goes on within this time.
const RECOVERY: Duration = Duration::from_secs(20);
/// Products of each certificate.
const LINES: i64 = 6;
/// No answer takes longer, or somebody waits for ever.
const PATIENCE: Duration = Duration::from_mins(1);
/// An amount of 1.
const ONE: i64 = 100_000;
/// 上海 › 洋山, a port of the officers of the demonstration.
const PORT: [(&str, &str); 2] = [("port_code_1", "2200"), ("port_code_2", "2202")];

/// A small generator: one seed, one course of choices.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(usize::try_from(self.roll(all.len() as u64)).unwrap()).cloned()
    }

    /// One to `most` of them.
    fn some<T: Clone>(&mut self, all: &[T], most: u64) -> Vec<T> {
        let mut left = all.to_vec();
        let wanted = 1 + self.roll(most);
        let mut out = Vec::new();
        while (out.len() as u64) < wanted && !left.is_empty() {
            out.push(left.swap_remove(usize::try_from(self.roll(left.len() as u64)).unwrap()));
        }
        out
    }
}

/// What a form asks for; amounts in both units alike.
#[derive(Debug, Clone)]
enum What {
    /// 预核销 of these amounts of these lines.
    Declare(BTreeMap<i64, i64>),
    /// 撤回 of these products of 预核销.
    Withdraw(BTreeSet<i64>),
    /// 确认核销 of these products, each with its amount.
    Confirm(BTreeMap<i64, i64>),
    /// 退回 of these.
    Refuse(BTreeSet<i64>),
    /// 直接核销.
    Direct(BTreeMap<i64, i64>),
    /// 冲销 of this entry.
    Reverse(i64),
}

/// A form as it was sent: the same bytes again are the same deed.
#[derive(Debug, Clone)]
struct Form {
    key: String,
    what: What,
    cookie: String,
    path: String,
    body: String,
}

/// What somebody was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    Refused(u16),
    Nothing,
}

/// An answer that came whole.
struct Answer {
    status: u16,
    location: String,
    body: String,
}

/// One request; an error when the connection ended before the answer did.
fn ask(address: SocketAddr, cookie: &str, path: &str, form: Option<&str>) -> Result<Answer, Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("Host: {address}\r\nCookie: {SESSION_COOKIE}={cookie}\r\nConnection: close\r\n");
    let request = match form {
        None => format!("GET {path} HTTP/1.1\r\n{head}\r\n"),
        Some(body) => format!(
            "POST {path} HTTP/1.1\r\n{head}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    };
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!waited, "no answer to {path} within {PATIENCE:?}");
        return Err(error);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let header = |name: &str| {
        let line = head.lines().find(|l| l.split_once(':').is_some_and(|(k, _)| k.eq_ignore_ascii_case(name)));
        line.and_then(|l| l.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length").and_then(|n| n.parse::<usize>().ok());
    if length.is_some_and(|n| body.len() < n) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    Ok(Answer { status, location: header("location").unwrap_or_default(), body: body.to_owned() })
}

/// Sends a form and says what its sender is told.
fn send(address: SocketAddr, form: &Form) -> Told {
    let Ok(answer) = ask(address, &form.cookie, &form.path, Some(&form.body)) else { return Told::Nothing };
    match answer.status {
        303 if !answer.location.starts_with("/login") => Told::Done,
        404 | 409 | 422 => Told::Refused(answer.status),
        // Not done, or not known: whoever sent it sends it again.
        503 => Told::Nothing,
        other => panic!("{form:?} is answered {other} {}:\n{}", answer.location, answer.body),
    }
}

/// The same form twice at once.
fn clicked_twice(address: SocketAddr, form: &Form) -> Told {
    let again = form.clone();
    let second = std::thread::spawn(move || send(address, &again));
    match (send(address, form), second.join().unwrap()) {
        (Told::Done, Told::Refused(_)) | (Told::Refused(_), Told::Done) => panic!("done and refused at once: {form:?}"),
        (Told::Done, _) | (_, Told::Done) => Told::Done,
        (Told::Nothing, _) | (_, Told::Nothing) => Told::Nothing,
        (refused, Told::Refused(_)) => refused,
    }
}

/// What stands on a page between a text and the next quotation mark, each time.
fn all_after(page: &str, before: &str) -> Vec<String> {
    page.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

fn hidden(page: &str, name: &str) -> String {
    let found = all_after(page, &format!("name=\"{name}\" value=\""));
    found.into_iter().next().unwrap_or_else(|| panic!("no field {name} on:\n{page}"))
}

fn numbers(texts: &[String]) -> Vec<i64> {
    texts.iter().filter_map(|t| t.parse().ok()).collect()
}

/// One of those at work.
struct Hand {
    dice: Dice,
    address: SocketAddr,
    cookie: String,
    is_officer: bool,
    certificates: Vec<i64>,
    /// Certificate and entry of 核销 that can be taken back.
    written: Vec<(i64, i64)>,
    /// How many forms all hands were told to be done.
    done: Arc<AtomicU64>,
    /// The round is over: no further form is begun.
    over: Arc<AtomicBool>,
}

impl Hand {
    /// Works until the server is gone or the round is over; says what was sent and what it was told.
    fn work(mut self) -> Vec<(Form, Told)> {
        let mut done = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            // Without its page nobody sends a form.
            let Ok(form) = self.fill_in() else {
                if TcpStream::connect(self.address).is_err() {
                    return done;
                }
                // The server lives and could not show the page.
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            let Some(form) = form else { continue };
            let told =
                if self.dice.roll(6) == 0 { clicked_twice(self.address, &form) } else { send(self.address, &form) };
            done.push((form, told));
            self.done.fetch_add(u64::from(told == Told::Done), Ordering::Relaxed);
        }
        done
    }

    fn page(&self, path: &str) -> Result<String, Error> {
        let answer = ask(self.address, &self.cookie, path, None)?;
        if answer.status == 503 {
            return Err(Error::other("the page is not available at the moment"));
        }
        assert_eq!(answer.status, 200, "{path} {}:\n{}", answer.location, answer.body);
        Ok(answer.body)
    }

    fn form(&self, page: &str, key: &str, path: &str, what: What, fields: &[(String, String)]) -> Form {
        let key_value = hidden(page, key);
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", &hidden(page, "csrf")).append_pair(key, &key_value).extend_pairs(fields);
        Form { key: key_value, what, cookie: self.cookie.clone(), path: path.to_owned(), body: body.finish() }
    }

    /// Opens a page and fills in its form; none when there is nothing to do there.
    fn fill_in(&mut self) -> Result<Option<Form>, Error> {
        let certificate = self.dice.pick(&self.certificates).unwrap();
        match (self.is_officer, self.dice.roll(10)) {
            (false, 0..=7) => {
                let page = self.page(&format!("/certificates/{certificate}/pre-write-offs/new"))?;
                let path = format!("/certificates/{certificate}/pre-write-offs");
                Ok(Some(self.amounts(&page, "submission_key", &path, What::Declare)))
            }
            (false, _) => self.withdraw(certificate),
            (true, 0..=5) => self.decide(),
            (true, 6..=8) => {
                let path = format!("/certificates/{certificate}/draw-down");
                let page = self.page(&path)?;
                Ok(Some(self.amounts(&page, "deed_key", &path, What::Direct)))
            }
            (true, _) => self.reverse(),
        }
    }

    /// Amounts on some of the lines of the form.
    fn amounts(&mut self, page: &str, key: &str, path: &str, what: fn(BTreeMap<i64, i64>) -> What) -> Form {
        let lines = numbers(&all_after(page, "name=\"qty_"));
        assert_eq!(i64::try_from(lines.len()).unwrap(), LINES, "{page}");
        let claims: BTreeMap<i64, i64> =
            self.dice.some(&lines, 4).into_iter().map(|l| (l, i64::try_from(1 + self.dice.roll(9)).unwrap())).collect();
        let mut fields: Vec<_> = PORT.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        for (line, amount) in &claims {
            fields.extend(["qty", "hs_qty"].map(|f| (format!("{f}_{line}"), amount.to_string())));
        }
        self.form(page, key, path, what(claims), &fields)
    }

    fn withdraw(&mut self, certificate: i64) -> Result<Option<Form>, Error> {
        let page = self.page(&format!("/certificates/{certificate}/pre-write-offs"))?;
        let items = numbers(&all_after(&page, "name=\"item\" value=\""));
        if items.is_empty() {
            return Ok(None);
        }
        let chosen: BTreeSet<_> = self.dice.some(&items, 3).into_iter().collect();
        let fields: Vec<_> = chosen.iter().map(|i| ("item".to_owned(), i.to_string())).collect();
        let path = format!("/certificates/{certificate}/pre-write-offs/withdrawal");
        Ok(Some(self.form(&page, "deed_key", &path, What::Withdraw(chosen), &fields)))
    }

    fn decide(&mut self) -> Result<Option<Form>, Error> {
        let list = self.page("/write-off/worklist")?;
        let links: Vec<_> =
            all_after(&list, "href=\"/pre-write-offs/").into_iter().filter(|l| l.ends_with("/decision")).collect();
        let Some(link) = self.dice.pick(&links) else { return Ok(None) };
        let path = format!("/pre-write-offs/{link}");
        let page = self.page(&path)?;
        let items = numbers(&all_after(&page, "name=\"item\" value=\""));
        if items.is_empty() {
            return Ok(None);
        }
        let chosen = self.dice.some(&items, 4);
        let mut fields = vec![("opinion".to_owned(), "与到货情况核对".to_owned())];
        fields.extend(chosen.iter().map(|i| ("item".to_owned(), i.to_string())));
        if self.dice.roll(5) == 0 {
            fields.push(("decision".to_owned(), "refuse".to_owned()));
            let what = What::Refuse(chosen.into_iter().collect());
            return Ok(Some(self.form(&page, "deed_key", &path, what, &fields)));
        }
        fields.push(("decision".to_owned(), "confirm".to_owned()));
        let mut given = BTreeMap::new();
        for item in chosen {
            let declared: i64 = hidden_amount(&page, item);
            let amount = if self.dice.roll(3) == 0 { 1 } else { declared };
            given.insert(item, amount);
            fields.extend(["qty", "hs_qty"].map(|f| (format!("{f}_{item}"), amount.to_string())));
        }
        Ok(Some(self.form(&page, "deed_key", &path, What::Confirm(given), &fields)))
    }

    fn reverse(&mut self) -> Result<Option<Form>, Error> {
        let Some((certificate, entry)) = self.dice.pick(&self.written) else { return Ok(None) };
        self.written.retain(|w| *w != (certificate, entry));
        let path = format!("/certificates/{certificate}/ledger/{entry}/reversal");
        let answer = ask(self.address, &self.cookie, &path, None)?;
        if answer.status == 503 {
            return Err(Error::other("the page is not available at the moment"));
        }
        if answer.status == 409 {
            // Another hand has taken it back since.
            return Ok(None);
        }
        assert_eq!(answer.status, 200, "{path}:\n{}", answer.body);
        let fields = [("reason".to_owned(), "数量填错".to_owned())];
        Ok(Some(self.form(&answer.body, "deed_key", &path, What::Reverse(entry), &fields)))
    }
}

/// What stands in the field of a product on the page of its decision.
fn hidden_amount(page: &str, item: i64) -> i64 {
    let field = page.split(&format!("name=\"qty_{item}\"")).nth(1).unwrap();
    all_after(field, "value=\"")[0].parse().unwrap()
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, db::Row)]
struct Entry {
    id: i64,
    deed_key: String,
    certificate: i64,
    line: i64,
    kind: String,
    pending: i64,
    hs_pending: i64,
    written_off: i64,
    hs_written_off: i64,
    pending_after: i64,
    written_off_after: i64,
    item: Option<i64>,
    reverses: Option<i64>,
}

/// What the ledger must hold: every deed that was acknowledged, once.
#[derive(Debug, Default)]
struct Book {
    /// Pending and written off, by line.
    lines: BTreeMap<i64, [i64; 2]>,
    /// Line and amount of what is declared and undecided, by product of a 预核销.
    items: BTreeMap<i64, (i64, i64)>,
    /// 核销 that can be taken back: certificate, line, amount.
    written: BTreeMap<i64, (i64, i64, i64)>,
    /// The newest entry of the rounds before.
    newest: i64,
    /// Keys of this round that are in the book.
    kept: BTreeSet<String>,
    deeds: i64,
    letters: i64,
    declarations: i64,
}

const DEEDS: &str = "('declare', 'withdraw_pre_write_off', 'confirm', 'refuse_pre_write_off', 'write_off', 'reverse')";

impl Book {
    /// As the demonstration has left it.
    async fn open(db: &Db) -> Self {
        #[derive(db::Row)]
        struct Line {
            id: i64,
            pending: i64,
            written_off: i64,
        }
        #[derive(db::Row)]
        struct Item {
            id: i64,
            line: i64,
            qty: i64,
        }
        let read = db.read();
        let lines: Vec<Line> =
            read.rows("SELECT id, pending, written_off FROM certificate_item", vec![]).await.unwrap();
        let sql = "SELECT id, certificate_item_id AS line, qty FROM pre_write_off_item WHERE state = 'pending'";
        let items: Vec<Item> = read.rows(sql, vec![]).await.unwrap();
        let [deeds, letters, declarations] = counts(db).await;
        Self {
            lines: lines.into_iter().map(|l| (l.id, [l.pending, l.written_off])).collect(),
            items: items.into_iter().map(|i| (i.id, (i.line, i.qty))).collect(),
            newest: read.number("SELECT COALESCE(MAX(id), 0) FROM ledger_entry", vec![]).await.unwrap(),
            deeds,
            letters,
            declarations,
            ..Self::default()
        }
    }

    /// Compares what the ledger has taken in this round with what was sent and told, and keeps it.
    async fn settle(&mut self, db: &Db, sent: &[(Form, Told)]) {
        let sql = "SELECT id, deed_key, certificate_id AS certificate, certificate_item_id AS line, kind, pending, \
                   hs_pending, written_off, hs_written_off, pending_after, written_off_after, \
                   pre_write_off_item_id AS item, reverses_id AS reverses FROM ledger_entry WHERE id > $1 ORDER BY id";
        let entries: Vec<Entry> = db.read().rows(sql, db::params![self.newest]).await.unwrap();
        let mut found: Vec<(String, Vec<Entry>)> = Vec::new();
        for e in entries {
            match found.iter_mut().find(|(key, _)| *key == e.deed_key) {
                Some((_, rows)) => rows.push(e),
                None => found.push((e.deed_key.clone(), vec![e])),
            }
        }
        for (form, told) in sent {
            let rows = found.iter().find(|(key, _)| *key == form.key).map(|(_, rows)| rows);
            match (told, rows) {
                (Told::Done, None) => panic!("acknowledged and lost: {form:?}"),
                (Told::Refused(_), Some(rows)) => panic!("{told:?}, and yet done: {form:?} {rows:?}"),
                _ => {}
            }
        }
        for (key, rows) in &found {
            let own = sent.iter().find(|(form, _)| form.key == *key);
            let (form, _) = own.unwrap_or_else(|| panic!("nobody sent {key}: {rows:?}"));
            if self.kept.insert(key.clone()) {
                self.keep(form, rows);
            }
        }
    }

    /// What the rules say that a form does: line, product of a 预核销, difference of what is pending and written off.
    fn effect(&self, what: &What) -> Vec<(i64, [i64; 2])> {
        let released = |items: &BTreeSet<i64>| {
            items.iter().map(|i| self.items.get(i).map(|(line, amount)| (*line, [-amount, 0])).unwrap()).collect()
        };
        match what {
            What::Declare(claims) => claims.iter().map(|(line, a)| (*line, [a * ONE, 0])).collect(),
            What::Direct(claims) => claims.iter().map(|(line, a)| (*line, [0, a * ONE])).collect(),
            What::Withdraw(items) | What::Refuse(items) => released(items),
            What::Confirm(given) => given.iter().map(|(i, a)| (self.items[i].0, [-self.items[i].1, a * ONE])).collect(),
            What::Reverse(entry) => {
                let (_, line, amount) = self.written[entry];
                vec![(line, [0, -amount])]
            }
        }
    }

    /// A deed that is in the ledger: whole, as it was sent, and nothing beside it.
    fn keep(&mut self, form: &Form, rows: &[Entry]) {
        let mut expected = self.effect(&form.what);
        let mut did: Vec<_> = rows.iter().map(|e| (e.line, [e.pending, e.written_off])).collect();
        expected.sort_unstable();
        did.sort_unstable();
        assert_eq!(expected, did, "{form:?} did {rows:?}");
        for e in rows {
            assert_eq!((e.pending, e.written_off), (e.hs_pending, e.hs_written_off), "{form:?} did {rows:?}");
            let line = self.lines.get_mut(&e.line).unwrap();
            *line = [line[0] + e.pending, line[1] + e.written_off];
            assert_eq!(*line, [e.pending_after, e.written_off_after], "{form:?} did {rows:?}");
            match (&form.what, e.item, e.reverses) {
                (What::Declare(_), Some(item), None) => {
                    assert!(self.items.insert(item, (e.line, e.pending)).is_none(), "{form:?} did {rows:?}");
                }
                (What::Withdraw(items) | What::Refuse(items), Some(item), None) if items.contains(&item) => {
                    self.items.remove(&item).unwrap();
                }
                (What::Confirm(given), Some(item), None) if given.contains_key(&item) => {
                    self.items.remove(&item).unwrap();
                    self.written.insert(e.id, (e.certificate, e.line, e.written_off));
                }
                (What::Direct(_), None, None) => {
                    self.written.insert(e.id, (e.certificate, e.line, e.written_off));
                }
                (What::Reverse(entry), _, Some(reversed)) if *entry == reversed => {
                    self.written.remove(entry).unwrap();
                }
                _ => panic!("{form:?} did {rows:?}"),
            }
        }
        self.deeds += 1;
        self.letters += i64::from(matches!(form.what, What::Confirm(_) | What::Refuse(_) | What::Direct(_)));
        self.declarations += i64::from(matches!(form.what, What::Declare(_)));
    }

    /// Nothing waits for an answer: the balances, the trail, the letters and the declarations are those of the deeds.
    async fn close_round(&mut self, db: &Db) {
        #[derive(Debug, db::Row)]
        struct Line {
            id: i64,
            pending: i64,
            hs_pending: i64,
            written_off: i64,
            hs_written_off: i64,
        }
        let read = db.read();
        let sql = "SELECT id, pending, hs_pending, written_off, hs_written_off FROM certificate_item";
        let lines: Vec<Line> = read.rows(sql, vec![]).await.unwrap();
        assert_eq!(lines.len(), self.lines.len());
        for l in &lines {
            assert_eq!(self.lines[&l.id], [l.pending, l.written_off], "line {l:?}");
            assert_eq!(self.lines[&l.id], [l.hs_pending, l.hs_written_off], "line {l:?}");
        }
        let sql = "SELECT COUNT(*) FROM pre_write_off_item WHERE state = 'pending'";
        let pending = read.number(sql, vec![]).await.unwrap();
        assert_eq!(pending, i64::try_from(self.items.len()).unwrap(), "products that wait for their port");
        let names = "audit rows, letters and declarations";
        assert_eq!(counts(db).await, [self.deeds, self.letters, self.declarations], "{names} of the deeds");
        self.newest = read.number("SELECT COALESCE(MAX(id), 0) FROM ledger_entry", vec![]).await.unwrap();
        self.kept.clear();
    }

    fn to_be_reversed(&self) -> Vec<(i64, i64)> {
        self.written.iter().map(|(entry, (certificate, ..))| (*certificate, *entry)).collect()
    }
}

/// Rows of the trail, letters and submissions that the deeds of the ledger have left.
async fn counts(db: &Db) -> [i64; 3] {
    let mut out = [0; 3];
    for (n, sql) in [
        format!("SELECT COUNT(*) FROM audit WHERE subject_kind = 'certificate' AND action IN {DEEDS}"),
        "SELECT COUNT(*) FROM letter WHERE subject LIKE '%核销%'".to_owned(),
        "SELECT COUNT(*) FROM pre_write_off".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        out[n] = db.read().number(sql, vec![]).await.unwrap();
    }
    out
}

/// Gives the certificates of the demonstration so much, of so many products, that nothing ever runs out.
async fn enlarge(db: &Db) -> Vec<i64> {
    #[derive(db::Row)]
    struct Id {
        id: i64,
    }
    // Papers are made by a job, and have tests of their own.
    try_sql(db, "DELETE FROM job WHERE kind = 'render_certificate'").await.unwrap();
    let valid = "(SELECT id FROM certificate WHERE state = 'valid')";
    for n in 2..=LINES {
        let sql = format!(
            "INSERT INTO certificate_item (certificate_id, ordinal, required, hs_required) \
             SELECT certificate_id, {n}, required, hs_required FROM certificate_item \
             WHERE ordinal = 1 AND certificate_id IN {valid}"
        );
        try_sql(db, &sql).await.unwrap();
    }
    let plenty = 10_000_000 * ONE;
    for sql in [
        format!(
            "UPDATE certificate_item SET required = {plenty}, hs_required = {plenty} WHERE certificate_id IN {valid}"
        ),
        format!("UPDATE certificate SET lines = {LINES}, open_lines = {LINES} WHERE state = 'valid'"),
    ] {
        try_sql(db, &sql).await.unwrap();
    }
    let found: Vec<Id> =
        db.read().rows("SELECT id FROM certificate WHERE state = 'valid' ORDER BY id", vec![]).await.unwrap();
    found.into_iter().map(|c| c.id).collect()
}

/// The token of a new session of an account of the demonstration.
async fn sit_down(db: &Db, username: &str) -> String {
    let account = db::account::credentials(&db.read(), username).await.unwrap().unwrap().id;
    let token = new_token(account);
    let tx = db.begin().await.unwrap();
    let profile = db::account::profile(&tx, account).await.unwrap();
    db::session::open(&tx, account, &hash_of(&token), &profile, SystemClock.now()).await.unwrap();
    tx.commit().await.unwrap();
    token
}

/// A number from the environment of the tests.
fn setting(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The server is killed with SIGKILL and started again.
    Kill,
    /// The disk of the SQLite database is full for a moment.
    DiskFull,
    /// Writing to the disk of the SQLite database fails for a moment.
    WritesFail,
    /// Every open connection to PostgreSQL goes silent; new ones work.
    Silence,
    /// Every open connection to PostgreSQL is closed by the network.
    Cut,
    /// PostgreSQL ends every session, as at a restart.
    Ended,
}

/// A small disk for a SQLite database, where the tests may mount one.
struct Disk {
    folder: tempfile::TempDir,
    is_mounted: bool,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=128m", "tmpfs"]).arg(folder.path()).output();
        let is_mounted = mounted.is_ok_and(|m| m.status.success());
        Self { folder, is_mounted }
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.folder.path().join("fill")).unwrap();
        for piece in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.folder.path().join("fill")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg(self.folder.path()).status();
        }
    }
}

/// Where a campaign takes place.
struct Ground {
    /// The address of the database that the program gets.
    address: String,
    /// The address that the test itself uses.
    direct: String,
    disk: Option<Disk>,
    wire: Option<Wire>,
    faults: Vec<Fault>,
    rounds: u64,
}

impl Ground {
    /// Lets the fault happen and makes it pass.
    fn suffer(&self, fault: Fault, serving: &Serving, runtime: &Runtime, dice: &mut Dice) {
        let moment = Duration::from_millis(20 + dice.roll(300));
        let pid = serving.child.id().to_string();
        let limit = |bytes: &str| {
            let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status().unwrap();
            assert!(done.success());
        };
        match fault {
            Fault::Kill => unreachable!("the caller kills the server"),
            Fault::DiskFull => {
                let disk = self.disk.as_ref().unwrap();
                disk.fill();
                std::thread::sleep(moment);
                disk.free();
            }
            Fault::WritesFail => {
                limit("65536");
                std::thread::sleep(moment);
                limit("unlimited");
            }
            Fault::Silence => self.wire.as_ref().unwrap().silence(),
            Fault::Cut => self.wire.as_ref().unwrap().cut(),
            Fault::Ended => runtime.block_on(async {
                let db = Db::open(&self.direct).await.unwrap();
                let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                db::testing::on_writer(&db, sql).await.unwrap();
                db.close().await.unwrap();
            }),
        }
    }
}

/// Does as many rounds as the environment says, each with one of the faults.
fn campaign(ground: &Ground) {
    let seed = setting("MIANBAN_TEST_SEED").unwrap_or_else(|| u64::try_from(SystemClock.now().millis()).unwrap());
    println!("MIANBAN_TEST_SEED={seed} on {}", ground.direct.split(':').next().unwrap_or_default());
    let mut dice = Dice(seed);
    let begun = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let start = |on: SocketAddr| {
        let mut command = mianban_without_sigxfsz(folder.path());
        command.args(["serve", "--listen", &on.to_string(), "--demo", "--database-url", &ground.address]);
        Serving::start_from(command, on)
    };
    let listen = free_address();
    assert!(start(listen).terminate());

    let (mut book, certificates, cookies) = runtime.block_on(async {
        let db = Db::open(&ground.direct).await.unwrap();
        let certificates = enlarge(&db).await;
        let cookies = [sit_down(&db, "demo_enterprise").await, sit_down(&db, "demo_writeoff").await];
        let book = Book::open(&db).await;
        db.close().await.unwrap();
        (book, certificates, cookies)
    });
    assert!(certificates.len() >= 2, "{certificates:?}");
    println!("prepared after {:?}", begun.elapsed());

    let mut serving = start(listen);
    let [mut acknowledged, mut unanswered, mut came_through, mut refused] = [0_u64; 4];
    let mut longest = Duration::ZERO;
    for round in 1..=ground.rounds {
        let fault = dice.pick(&ground.faults).unwrap();
        let done = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let hands = (0..HANDS).map(|n| Hand {
            dice: Dice(dice.roll(1 << 31) * 2 + n),
            address: serving.address,
            cookie: cookies[usize::try_from(n % 2).unwrap()].clone(),
            is_officer: n % 2 == 1,
            certificates: certificates.clone(),
            written: book.to_be_reversed(),
            done: Arc::clone(&done),
            over: Arc::clone(&over),
        });
        let hands: Vec<_> = hands.map(|hand| std::thread::spawn(move || hand.work())).collect();
        let (enough, waiting) = (dice.roll(MOST_DONE + 1), Instant::now());
        while done.load(Ordering::Relaxed) < enough && waiting.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(dice.roll(LONGEST)));
        if fault == Fault::Kill {
            serving.child.kill().unwrap();
            serving.child.wait().unwrap();
        } else {
            let suffered = Instant::now();
            ground.suffer(fault, &serving, &runtime, &mut dice);
            // Work goes on by itself, and soon.
            let before = done.load(Ordering::Relaxed);
            while done.load(Ordering::Relaxed) < before + 2 {
                assert!(suffered.elapsed() < RECOVERY, "round {round}: nothing is done any more after {fault:?}");
                std::thread::sleep(Duration::from_millis(1));
            }
            longest = longest.max(suffered.elapsed());
            over.store(true, Ordering::Relaxed);
        }
        let mut sent: Vec<_> = hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect();
        if fault == Fault::Kill {
            serving = start(listen);
        }

        let at = |what: &str| println!("round {round}, {fault:?}, {} forms sent: {what}", sent.len());
        at("what the fault has left");
        let check = async |book: &mut Book, sent: &[(Form, Told)], is_quiet: bool| {
            let db = Db::open(&ground.direct).await.unwrap();
            book.settle(&db, sent).await;
            if is_quiet {
                book.close_round(&db).await;
            }
            db.close().await.unwrap();
        };
        runtime.block_on(check(&mut book, &sent, false));
        at("what was not answered is sent again, and some of the rest");
        for (form, told) in &mut sent {
            match told {
                Told::Nothing => {
                    unanswered += 1;
                    came_through += u64::from(book.kept.contains(&form.key));
                    *told = send_until_answered(serving.address, form);
                }
                Told::Done if dice.roll(4) == 0 => {
                    acknowledged += 1;
                    assert_eq!(send_until_answered(serving.address, form), Told::Done, "{form:?}");
                }
                Told::Done => acknowledged += 1,
                Told::Refused(_) => refused += 1,
            }
        }
        runtime.block_on(check(&mut book, &sent, true));
        let doctor = mianban(folder.path()).args(["doctor", "--database-url", &ground.direct]).output().unwrap();
        assert!(doctor.status.success(), "round {round}, {fault:?}: {}", said(&doctor));
    }
    assert!(serving.terminate());
    println!(
        "{} rounds in {:?}: {acknowledged} acknowledged, {refused} refused, {unanswered} not answered, of which \
         {came_through} had been done; work went on after at most {longest:?}",
        ground.rounds,
        begun.elapsed()
    );
    assert!(acknowledged > 2 * ground.rounds, "the hands were too slow: {acknowledged} deeds");
}

/// After a fault some connections may still be found broken: the page asks to try again, and that is what people do.
fn send_until_answered(address: SocketAddr, form: &Form) -> Told {
    let begun = Instant::now();
    loop {
        match send(address, form) {
            Told::Nothing => {
                assert!(begun.elapsed() < RECOVERY, "no answer: {form:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
            told => return told,
        }
    }
}

fn kills(address: &str) -> Ground {
    Ground {
        address: address.to_owned(),
        direct: address.to_owned(),
        disk: None,
        wire: None,
        faults: vec![Fault::Kill],
        rounds: setting("MIANBAN_TEST_KILLS").unwrap_or(20),
    }
}

fn fault_rounds() -> u64 {
    setting("MIANBAN_TEST_FAULTS").unwrap_or(24)
}

/// R-2.8-19: killed at any moment, on SQLite.
#[test]
fn r_2_8_19_a_killed_server_keeps_its_word_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    campaign(&kills(&format!("sqlite:{}", folder.path().join("mianban.sqlite").display())));
}

/// R-2.8-19: killed at any moment, on PostgreSQL.
#[test]
fn r_2_8_19_a_killed_server_keeps_its_word_on_postgresql() {
    let runtime = Runtime::new().unwrap();
    if let Some(test) = runtime.block_on(TestDb::postgres()) {
        campaign(&kills(&test.address));
    }
}

/// R-2.8-19: the disk is full or fails, and the server goes on, on SQLite.
#[test]
fn r_2_8_19_a_server_with_a_failing_disk_keeps_its_word_on_sqlite() {
    let disk = Disk::new();
    let address = format!("sqlite:{}", disk.folder.path().join("mianban.sqlite").display());
    let mut faults = vec![Fault::WritesFail];
    if disk.is_mounted {
        faults.push(Fault::DiskFull);
    } else {
        println!("no disk can be mounted here: a full disk is left out");
    }
    let ground = Ground {
        address: address.clone(),
        direct: address,
        disk: Some(disk),
        wire: None,
        faults,
        rounds: fault_rounds(),
    };
    campaign(&ground);
}

/// R-2.8-19: connections to the database go silent, are cut, or end, and the server goes on, on PostgreSQL.
#[test]
fn r_2_8_19_a_server_with_failing_connections_keeps_its_word_on_postgresql() {
    let runtime = Runtime::new().unwrap();
    let Some(test) = runtime.block_on(TestDb::postgres()) else { return };
    let wire = runtime.block_on(Wire::to(&test.address));
    let ground = Ground {
        address: wire.address.clone(),
        direct: test.address.clone(),
        disk: None,
        wire: Some(wire),
        faults: vec![Fault::Cut, Fault::Ended, Fault::Cut, Fault::Ended, Fault::Silence],
        rounds: fault_rounds(),
    };
    campaign(&ground);
}
