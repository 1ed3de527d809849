//! A site for tests: a fresh database, a clock that stands, post that remembers; and browsers that go through the
//! front door, filling in the forms of the pages they were shown.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use app::operations::Statements;
use app::parts::spreadsheet::{self, Asked, Most};
use app::passwords;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use db::account::{self, Appointment, Particulars, Profile, Registration};
use db::audit::By;
use db::queue::Lane;
use db::reading::Reading;
use db::testing::TestDb;
use domain::actor::{Post, Posts};
use domain::application::ApplicantKind;
use domain::ids::{AccountId, BureauCode, RegionCode};
use domain::letter::Failure;
use domain::time::{Clock as _, Day, FixedClock};
use http_body_util::BodyExt as _;
use kit::app::{App, Config, Keys, Letter, MailboxProof, Papers, Parts, Undelivered};
use kit::flash::SigningKey;
use kit::reference::References;
use kit::session::{SESSION_COOKIE, hash_of, new_token};
use object_store::memory::InMemory;
use scraper::{ElementRef, Html, Selector};
use seal::{Certificate, FileSigner, Signer};
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct-horse-7";
/// 上海局.
pub const SHANGHAI: &str = "310000";
/// 江苏局.
pub const JIANGSU: &str = "320000";

/// The texts of a table, XLSX or CSV.
pub fn cells(file: &[u8]) -> Vec<Vec<String>> {
    let most = Most { rows: 1_000_000, why: String::new() };
    let table = spreadsheet::read(file, &most, &Asked::default()).unwrap();
    table.rows.into_iter().map(|r| r.cells.iter().map(|c| c.text().unwrap()).collect()).collect()
}

/// A paper that says what it was made from; the true typesetter has tests of its own.
struct PlainPapers;

impl Papers for PlainPapers {
    fn certificate(&self, sheet: &str, code: &str) -> anyhow::Result<Vec<u8>> {
        let mut pdf = String::from("%PDF-1.7\n");
        let mut table = String::from("0000000000 65535 f \n");
        for (n, object) in
            (1..).zip(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page>>"])
        {
            writeln!(table, "{:010} 00000 n ", pdf.len())?;
            writeln!(pdf, "{n} 0 obj\n{object}\nendobj")?;
        }
        writeln!(pdf, "%{code}\n%{}", sheet.replace(['\r', '\n'], " "))?;
        let at = pdf.len();
        writeln!(pdf, "xref\n0 4\n{table}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{at}\n%%EOF")?;
        Ok(pdf.into_bytes())
    }

    fn application(&self, sheet: &str) -> anyhow::Result<Vec<u8>> {
        Ok(format!("%PDF-1.7 {sheet}").into_bytes())
    }

    fn manual(&self, version: &str) -> anyhow::Result<Vec<u8>> {
        Ok(format!("%PDF-1.7 manual {version}").into_bytes())
    }

    fn manual_edition(&self, version: &str) -> String {
        version.to_owned()
    }

    /// As the faces have it, from the list that the true typesetter is built with; without its rule for marks.
    fn missing_glyphs(&self, text: &str) -> Vec<char> {
        static PRINTED: LazyLock<Vec<bool>> = LazyLock::new(|| {
            let mut printed = vec![false; 0x11_0000];
            for run in include_str!("../../../pdf/fonts/fallback.txt").split_whitespace() {
                let Some((first, last)) = run.split_once('-') else { continue };
                let [first, last] = [first, last].map(|hex| usize::from_str_radix(hex, 16).unwrap());
                printed[first..=last].fill(true);
            }
            printed
        });
        let mut seen = HashSet::new();
        let is_plain = |c: char| matches!(c, '\n' | '\t' | '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}');
        let missing = |c: &char| !is_plain(*c) && !PRINTED[*c as usize];
        text.chars().filter(missing).filter(|c| seen.insert(*c)).collect()
    }
}

/// Remembers every letter; refuses them while `broken`.
#[derive(Default)]
pub struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    pub broken: std::sync::atomic::AtomicBool,
    /// What the mail server says to every letter.
    pub refuses: Mutex<Option<Failure>>,
    /// Takes every letter, and never says anything.
    pub silent: std::sync::atomic::AtomicBool,
    /// Fails in a way that nobody expects.
    pub panics: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl kit::app::Post for Mailbox {
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let closed = self.broken.load(std::sync::atomic::Ordering::SeqCst).then_some(Failure::Unreachable);
        if let Some(failure) = closed.or(*self.refuses.lock().unwrap()) {
            return Err(Undelivered { failure, error: anyhow::anyhow!("the post office is closed") });
        }
        if self.silent.load(std::sync::atomic::Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        assert!(!self.panics.load(std::sync::atomic::Ordering::SeqCst), "the post office burns");
        self.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }
}

impl Mailbox {
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
}

/// A key whose certificate is over.
pub const EXPIRED_KEY: &str = "expired";

/// The name of the key that signs, or none. A new name is a new key; those before it are still known.
pub struct KeyRing(pub Mutex<Option<String>>, Mutex<Vec<(String, Arc<FileSigner>)>>);

impl KeyRing {
    fn new(name: &str) -> Self {
        Self(Mutex::new(Some(name.to_owned())), Mutex::default())
    }
}

impl Keys for KeyRing {
    fn signer(&self) -> anyhow::Result<Option<Arc<dyn Signer>>> {
        let Some(name) = self.0.lock().unwrap().clone() else { return Ok(None) };
        let mut made = self.1.lock().unwrap();
        if !made.iter().any(|(known, _)| *known == name) {
            let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
            let mut params = rcgen::CertificateParams::default();
            if name == EXPIRED_KEY {
                params.not_after = rcgen::date_time_ymd(2026, 11, 1);
            }
            let certificate = params.self_signed(&pair)?;
            made.push((name.clone(), Arc::new(FileSigner::from_pem(&pair.serialize_pem(), &certificate.pem())?)));
        }
        let signer = made.iter().find(|(known, _)| *known == name).map(|(_, signer)| signer.clone());
        Ok(signer.map(|signer| signer as Arc<dyn Signer>))
    }

    fn certificates(&self) -> anyhow::Result<Vec<Certificate>> {
        Ok(self.1.lock().unwrap().iter().map(|(_, signer)| signer.certificate().clone()).collect())
    }
}

/// A whole site on one database.
pub struct Site {
    pub app: App,
    pub clock: Arc<FixedClock>,
    pub mail: Arc<Mailbox>,
    pub keys: Arc<KeyRing>,
    pub router: Router,
    readings: tokio::sync::Mutex<tokio::sync::mpsc::Receiver<Reading>>,
    _db: Option<TestDb>,
}

async fn password_hash() -> String {
    static HASH: OnceCell<String> = OnceCell::const_new();
    HASH.get_or_init(|| async { passwords::hash(PASSWORD).await.unwrap() }).await.clone()
}

/// The day on which tests begin.
pub fn first_day() -> Day {
    "2026-11-23".parse().unwrap()
}

impl Site {
    /// One on SQLite, and one on PostgreSQL when there is a server.
    pub async fn each() -> Vec<Self> {
        let mut sites = Vec::new();
        for test in TestDb::each().await {
            println!("on {}", test.db.kind());
            sites.push(Self::on(test).await);
        }
        sites
    }

    async fn on(test: TestDb) -> Self {
        let clock = Arc::new(FixedClock::at(first_day().start_instant().plus_hours(9)));
        let mail = Arc::new(Mailbox::default());
        let keys = Arc::new(KeyRing::new("test"));
        let (readings, read_by) = tokio::sync::mpsc::channel(10_000);
        let app = App::new(Parts {
            db: test.db.clone(),
            files: Arc::new(InMemory::new()),
            clock: clock.clone(),
            config: Config {
                public_url: "http://127.0.0.1:8080".parse().unwrap(),
                mail_from: "mianban@example.com".to_owned(),
                mailbox_proof: MailboxProof::NotAsked,
                demo: false,
                trusted_proxies: Vec::new(),
                folders: Vec::new(),
                upload_part_bytes: 256 * 1024,
                version: "V0.0.0",
            },
            key: SigningKey::new([7; 32]),
            references: References::new(db::reference::load(&test.db.read()).await.unwrap()),
            papers: Arc::new(PlainPapers),
            post: mail.clone(),
            keys: keys.clone(),
            guesses: kit::throttle::Throttle::default(),
            cores: Arc::new(tokio::sync::Semaphore::new(2)),
            seen: tokio::sync::mpsc::channel(64).0,
            readings,
            watch: kit::watch::Watch::default(),
        });
        let readings = tokio::sync::Mutex::new(read_by);
        Self { router: app::site::router(app.clone()), app, clock, mail, keys, readings, _db: Some(test) }
    }

    /// The same site in demonstration mode.
    pub fn demonstration(&self) -> Self {
        self.set_up(db::reference::ReferenceData::default(), |config| {
            config.demo = true;
            config.mailbox_proof = MailboxProof::Shown;
        })
    }

    /// The same site where new users have to prove their mailboxes by a letter.
    pub async fn asking(&self) -> Self {
        let references = db::reference::load(&self.app.db.read()).await.unwrap();
        self.set_up(references, |config| config.mailbox_proof = MailboxProof::Asked)
    }

    /// The same site where the letter is shown on the page as well, as in a demonstration.
    pub async fn showing(&self) -> Self {
        let references = db::reference::load(&self.app.db.read()).await.unwrap();
        self.set_up(references, |config| config.mailbox_proof = MailboxProof::Shown)
    }

    /// The same site with another set-up.
    fn set_up(&self, references: db::reference::ReferenceData, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.app.config.clone();
        change(&mut config);
        let app = App::new(Parts {
            db: self.app.db.clone(),
            files: self.app.files.clone(),
            clock: self.clock.clone(),
            config,
            key: self.app.key.clone(),
            references: References::new(references),
            papers: self.app.papers.clone(),
            post: self.mail.clone(),
            keys: self.keys.clone(),
            cores: self.app.cores.clone(),
            guesses: kit::throttle::Throttle::default(),
            seen: self.app.seen.clone(),
            readings: self.app.readings.clone(),
            watch: kit::watch::Watch::default(),
        });
        Self {
            router: app::site::router(app.clone()),
            app,
            clock: self.clock.clone(),
            mail: self.mail.clone(),
            keys: self.keys.clone(),
            readings: tokio::sync::Mutex::new(tokio::sync::mpsc::channel(1).1),
            _db: None,
        }
    }

    /// Somebody who has not logged in.
    pub fn visitor(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: Arc::default() }
    }

    /// A user of the organisation with this 组织机构代码, logged in; the first one is its administrator.
    pub async fn enterprise(&self, username: &str, org_code: &str) -> Browser {
        let new = Registration {
            username: username.to_owned(),
            password_hash: password_hash().await,
            org_code: org_code.to_owned(),
            org_code_entered: org_code.to_owned(),
            org_name: format!("示例电器{org_code}有限公司"),
            org_postcode: "200000".to_owned(),
            org_address: "上海市浦东新区示例路 100 号".to_owned(),
            org_remark: String::new(),
            particulars: Particulars {
                region: RegionCode::new("310115"),
                applicant_kind: ApplicantKind::Importer,
                legal_rep: String::new(),
                contact_name: "张示例".to_owned(),
                contact_phone: "021-00000000".to_owned(),
                contact_mobile: String::new(),
                contact_fax: String::new(),
                contact_email: format!("{username}@example.com"),
            },
        };
        let tx = self.app.db.begin().await.unwrap();
        let id = db::account::register(&tx, &new, account::Mailbox::Proved, self.app.now(), "").await.unwrap();
        tx.commit().await.unwrap();
        self.sit_down(id).await
    }

    /// 示例电器: the company of most tests.
    pub async fn company(&self) -> Browser {
        self.enterprise("shili_a", "802100433").await
    }

    /// An officer of a bureau, logged in.
    pub async fn officer(&self, username: &str, bureau: &str, posts: &[Post]) -> Browser {
        self.appoint(username, Some(bureau), posts).await
    }

    /// A person of CNCA, logged in.
    pub async fn cnca(&self, username: &str, posts: &[Post]) -> Browser {
        self.appoint(username, None, posts).await
    }

    async fn appoint(&self, username: &str, bureau: Option<&str>, posts: &[Post]) -> Browser {
        let new = Appointment {
            username: username.to_owned(),
            password_hash: password_hash().await,
            display_name: format!("{username} 某"),
            bureau: bureau.map(BureauCode::new),
            posts: Posts::new(posts.iter().copied()),
        };
        let tx = self.app.db.begin().await.unwrap();
        let id = db::account::appoint(&tx, &new, &By::system(), self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.sit_down(id).await
    }

    /// The account of a user name.
    pub async fn account(&self, username: &str) -> AccountId {
        db::account::credentials(&self.app.db.read(), username).await.unwrap().unwrap().id
    }

    /// A browser with a session of this account; the login form has tests of its own.
    pub async fn sit_down(&self, account: AccountId) -> Browser {
        self.sit_down_with(account, |_| {}).await
    }

    /// The same with another profile than that of the database.
    pub async fn sit_down_with(&self, account: AccountId, change: impl FnOnce(&mut Profile)) -> Browser {
        let token = new_token(account);
        let tx = self.app.db.begin().await.unwrap();
        let mut profile = db::account::profile(&tx, account).await.unwrap();
        change(&mut profile);
        db::session::open(&tx, account, &hash_of(&token), &profile, self.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        let browser = self.visitor();
        browser.cookies.lock().unwrap().insert(SESSION_COOKIE.to_owned(), token);
        browser
    }

    /// Runs every job that is due, and the jobs these cause.
    pub async fn work(&self) {
        // A job may cause one of another lane: a password that was asked for is a letter.
        loop {
            let mut n = 0;
            for lane in Lane::ALL {
                n += app::jobs::run_due(&self.app, lane, 10).await.unwrap();
            }
            if n == 0 {
                return;
            }
        }
    }

    /// Writes down who read personal data since the last time, as the program does every second.
    pub async fn note_readings(&self) {
        let mut receiver = self.readings.lock().await;
        let batch: Vec<Reading> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        let tx = self.app.db.begin().await.unwrap();
        db::reading::record(&tx, &batch).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A number from the database, for what no page shows.
    pub async fn number(&self, sql: &str) -> i64 {
        self.app.db.read().number(sql, vec![]).await.unwrap()
    }

    /// Today, on the site's clock.
    pub fn today(&self) -> Day {
        self.clock.today()
    }
}

/// A browser: keeps cookies, follows redirects, fills in forms.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What a browser shows.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The address, after redirects.
    pub path: String,
    /// How many statements the last request sent.
    pub statements: u64,
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("tests write valid selectors")
}

fn words(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

impl Page {
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn document(&self) -> Html {
        Html::parse_document(&self.html())
    }

    /// The words a person reads, without those of scripts.
    pub fn text(&self) -> String {
        words(self.document().root_element())
    }

    /// Fails unless the page says this.
    #[track_caller]
    pub fn sees(self, what: &str) -> Self {
        let text = self.text();
        assert!(text.contains(what), "“{what}” is not on {} ({}):\n{text}", self.path, self.status);
        self
    }

    /// Fails if the page says this.
    #[track_caller]
    pub fn sees_no(self, what: &str) -> Self {
        let text = self.text();
        assert!(!text.contains(what), "“{what}” is on {}:\n{text}", self.path);
        self
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}:\n{}", self.path, self.text());
        self
    }

    /// Fails unless the browser is at this address.
    #[track_caller]
    pub fn at(self, path: &str) -> Self {
        assert_eq!(self.path, path, "{}", self.text());
        self
    }

    /// The sentence beside a field.
    pub fn error(&self, field: &str) -> String {
        let document = self.document();
        let found = document.select(&selector(&format!("[id=\"f-{field}-err\"]"))).next().map(words);
        found.unwrap_or_default()
    }

    /// The fields with a mistake, in the order of the page.
    pub fn faulty_fields(&self) -> Vec<String> {
        let document = self.document();
        document
            .select(&selector(".error-summary a[href^=\"#f-\"]"))
            .filter_map(|a| a.value().attr("href").map(|h| h.trim_start_matches("#f-").to_owned()))
            .collect()
    }

    /// What stands in a field.
    pub fn value(&self, field: &str) -> String {
        let document = self.document();
        let css = ["input", "textarea", "select"].map(|e| format!("{e}[name=\"{field}\"]")).join(", ");
        let found = document.select(&selector(&css)).next();
        found.map(|e| control_value(&e).unwrap_or_default()).unwrap_or_default()
    }

    /// Whether there is a field of this name.
    pub fn has_field(&self, field: &str) -> bool {
        self.document().select(&selector(&format!("[name=\"{field}\"]"))).next().is_some()
    }

    /// The words of every link and button.
    pub fn offers(&self) -> Vec<String> {
        let document = self.document();
        document.select(&selector("main a, main button")).map(words).filter(|w| !w.is_empty()).collect()
    }

    /// Where the first link with these words leads.
    #[track_caller]
    pub fn link(&self, label: &str) -> String {
        let document = self.document();
        document
            .select(&selector("a"))
            .find(|a| words(*a) == label)
            .and_then(|a| a.value().attr("href").map(str::to_owned))
            .unwrap_or_else(|| panic!("no link “{label}” on {}:\n{}", self.path, self.text()))
    }

    /// The texts of all that a selector finds.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.document().select(&selector(css)).map(words).collect()
    }

    /// The words of every cell of a table, but for its pictures.
    pub fn cells(&self, table: &str) -> Vec<Vec<String>> {
        let document = self.document();
        let rows = selector(&format!("{table} tr"));
        let cells = selector("th:not(.col-share), td:not(.col-share)");
        document.select(&rows).map(|row| row.select(&cells).map(words).collect()).collect()
    }

    /// The names that readers of the screen hear for the links of the rows, each once.
    pub fn document_labels(&self) -> Vec<String> {
        let found = |e: ElementRef<'_>| e.value().attr("aria-label").map(str::to_owned);
        self.document().select(&selector("#result .row-acts a")).filter_map(found).collect()
    }

    /// Where all that a selector finds lead.
    pub fn hrefs(&self, css: &str) -> Vec<String> {
        self.document().select(&selector(css)).filter_map(|e| e.value().attr("href").map(str::to_owned)).collect()
    }

    /// An attribute of all that a selector finds.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        self.document().select(&selector(css)).filter_map(|e| e.value().attr(name).map(str::to_owned)).collect()
    }

    /// An attribute of the first that a selector finds.
    pub fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.document().select(&selector(css)).next().and_then(|e| e.value().attr(name).map(str::to_owned))
    }

    /// The form that this button sends, with what stands in it now.
    #[track_caller]
    pub fn form(&self, button: &str) -> Form {
        self.sent_by(button, |b| words(b) == button || b.value().attr("value") == Some(button))
    }

    /// The same for a button that is known by its label for those who do not see it.
    #[track_caller]
    pub fn form_of(&self, label: &str) -> Form {
        self.sent_by(label, |b| b.value().attr("aria-label") == Some(label))
    }

    #[track_caller]
    fn sent_by(&self, button: &str, is_meant: impl Fn(ElementRef<'_>) -> bool) -> Form {
        let document = self.document();
        let found = document.select(&selector("main button, main input[type=submit]")).find(|b| is_meant(*b));
        let Some(found) = found else {
            panic!("no button “{button}” on {} ({}):\n{}", self.path, self.status, self.text());
        };
        let form = match found.value().attr("form") {
            Some(id) => document.select(&selector(&format!("form[id=\"{id}\"]"))).next(),
            None => found.ancestors().filter_map(ElementRef::wrap).find(|e| e.value().name() == "form"),
        };
        let form = form.expect("buttons belong to forms");
        let mut fields = Vec::new();
        let elsewhere = form.value().attr("id").map_or_else(Vec::new, |id| {
            document.select(&selector(&format!("input[form=\"{id}\"]"))).collect::<Vec<_>>()
        });
        for control in form.select(&selector("input, textarea, select")).chain(elsewhere) {
            let Some(name) = control.value().attr("name") else { continue };
            if control.value().attr("disabled").is_some() {
                continue;
            }
            if let Some(value) = control_value(&control) {
                fields.push((name.to_owned(), value));
            }
        }
        if let Some(name) = found.value().attr("name") {
            fields.push((name.to_owned(), found.value().attr("value").unwrap_or_default().to_owned()));
        }
        let action = found.value().attr("formaction").or_else(|| form.value().attr("action"));
        let path = self.path.split('?').next().unwrap_or_default().to_owned();
        let action = match action {
            Some(query) if query.starts_with('?') => format!("{path}{query}"),
            Some(action) if !action.is_empty() => action.to_owned(),
            Some(_) | None => path,
        };
        Form { action, fields }
    }
}

/// What a browser would send for a control; none when it sends nothing.
fn control_value(control: &ElementRef<'_>) -> Option<String> {
    match control.value().name() {
        "select" => {
            let options: Vec<_> = control.select(&selector("option")).collect();
            let chosen = options.iter().find(|o| o.value().attr("selected").is_some()).or_else(|| options.first());
            chosen.map(|o| o.value().attr("value").map_or_else(|| words(*o), str::to_owned))
        }
        "textarea" => Some(control.text().collect::<String>()),
        _ => match control.value().attr("type").unwrap_or("text") {
            "checkbox" | "radio" if control.value().attr("checked").is_none() => None,
            "checkbox" => Some(control.value().attr("value").unwrap_or("on").to_owned()),
            "submit" | "button" | "reset" | "file" => None,
            "hidden" => Some(control.value().attr("value").unwrap_or_default().to_owned()),
            // Browsers take line breaks out of an input of one line.
            _ => Some(control.value().attr("value").unwrap_or_default().replace(['\r', '\n'], "")),
        },
    }
}

/// A form that somebody is filling in.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Types into a field, chooses from a list.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(k, _)| k != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Types into several fields.
    #[must_use]
    pub fn fill(self, fields: &[(&str, &str)]) -> Self {
        fields.iter().fold(self, |form, (name, value)| form.set(name, value))
    }

    /// Ticks one more box of this name.
    #[must_use]
    pub fn tick(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v)
    }

    /// The body a browser sends.
    pub fn body(&self) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.fields {
            body.append_pair(name, value);
        }
        body.finish()
    }
}

impl Browser {
    /// Opens a page and follows redirects.
    pub async fn get(&self, path: &str) -> Page {
        let mut page = self.once(Request::get(path), Body::empty(), path).await;
        for _ in 0..5 {
            if page.status != StatusCode::SEE_OTHER {
                break;
            }
            let next = page.headers[header::LOCATION].to_str().unwrap().to_owned();
            let address = next.split('#').next().unwrap_or_default().to_owned();
            page = self.once(Request::get(&address), Body::empty(), &next).await;
        }
        page
    }

    /// Sends a form and follows the redirect.
    pub async fn send(&self, form: &Form) -> Page {
        let page = self.send_once(form).await;
        if page.status == StatusCode::SEE_OTHER {
            let next = page.headers[header::LOCATION].to_str().unwrap().to_owned();
            return self.get(&next).await;
        }
        page
    }

    /// Sends a form and stays with the first answer.
    pub async fn send_once(&self, form: &Form) -> Page {
        self.post(&form.action, &form.body()).await
    }

    /// Sends a body to an address.
    pub async fn post(&self, path: &str, body: &str) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, body.len());
        self.once(request, Body::from(body.to_owned()), path).await
    }

    /// The token that every form of this browser carries now.
    pub async fn token(&self) -> String {
        self.get("/verification").await.attribute("meta[name=csrf]", "content").unwrap_or_default()
    }

    /// Sends any request with the token and these fields, without having seen a form.
    pub async fn force(&self, method: &Method, path: &str, fields: &[(&str, &str)]) -> Page {
        if method == Method::GET {
            return self.once(Request::get(path), Body::empty(), path).await;
        }
        let token = self.token().await;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", &token);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        self.post(path, &body.finish()).await
    }

    /// Uploads files of one kind, as the page without script does.
    pub async fn upload(&self, application: &str, kind: &str, files: &[(&str, Vec<u8>)]) -> Page {
        let path = format!("/applications/{application}/attachments");
        let token = self.token().await;
        let page = self.upload_once(&path, &token, kind, files).await;
        if page.status == StatusCode::SEE_OTHER {
            let next = page.headers[header::LOCATION].to_str().unwrap().to_owned();
            return self.get(&next).await;
        }
        page
    }

    /// Uploads with this token and stays with the first answer.
    pub async fn upload_once(&self, path: &str, token: &str, kind: &str, files: &[(&str, Vec<u8>)]) -> Page {
        self.multipart(path, &[("csrf", token), ("kind", kind)], files).await
    }

    /// Sends a form with files and stays with the first answer.
    pub async fn multipart(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, Vec<u8>)]) -> Page {
        let boundary = "----test-boundary";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (name, bytes) in files {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.once(Request::post(path).header(header::CONTENT_TYPE, kind), Body::from(body), path).await
    }

    /// One request with this browser's cookies, no redirect followed.
    pub async fn once(&self, request: axum::http::request::Builder, body: Body, path: &str) -> Page {
        let cookies: Vec<_> = self.cookies.lock().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(body).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let statements = response.extensions().get::<Statements>().map_or(0, |s| s.0);
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap_or_default().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.lock().unwrap().remove(name);
            } else {
                self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Page { status: parts.status, headers: parts.headers, body, path: path.to_owned(), statements }
    }
}
