//! Two officers, the enterprise, the port and 后续监管 on one certificate at once (D13, D23): whatever the order in which
//! their deeds arrive, an amendment and a write-off exclude each other, and one version is in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use axum::http::StatusCode;
use db::Db;
use db::audit::{By, Subject};
use db::ledger::{self, Deed, Place};
use domain::actor::Post;
use domain::ids::{BureauCode, CertificateId, CertificateItemId, LedgerEntryId, PortCode, PreWriteOffItemId};
use domain::ledger::Amounts;
use domain::quantity::Quantity;
use domain::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::story::Bureau;
use crate::support::{Browser, Page, SHANGHAI, Site};
use crate::write_off::certificate_of;

/// A small generator, so that every hand does the same in every run; the order between hands is the machine's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What all hands know.
#[derive(Clone)]
struct Round {
    db: Db,
    certificate: i64,
    number: String,
    by: By,
    now: Instant,
    keys: Arc<AtomicI64>,
}

impl Round {
    async fn of(db: &Db, certificate: i64, by: &By, now: Instant) -> Self {
        #[derive(db::Row)]
        struct Columns {
            number: String,
        }
        let sql = format!("SELECT number FROM certificate WHERE id = {certificate}");
        let found: Option<Columns> = db.read().row(&sql, vec![]).await.unwrap();
        let number = found.unwrap().number;
        Self { db: db.clone(), certificate, number, by: by.clone(), now, keys: Arc::new(AtomicI64::new(0)) }
    }

    fn key(&self) -> String {
        format!("{}-{}", self.certificate, self.keys.fetch_add(1, Ordering::SeqCst))
    }

    async fn number_of(&self, sql: &str) -> i64 {
        self.db.read().number(sql, db::params![self.certificate]).await.unwrap()
    }

    async fn amendment(&self) -> i64 {
        self.number_of("SELECT COALESCE(MAX(id), 0) FROM certificate_amendment WHERE certificate_id = $1").await
    }

    async fn line(&self, dice: &mut Dice) -> CertificateItemId {
        let ordinal = dice.roll(2) + 1;
        let sql = format!("SELECT id FROM certificate_item WHERE certificate_id = $1 AND ordinal = {ordinal}");
        CertificateItemId::new(self.number_of(&sql).await)
    }

    /// A deed of the ledger; a refusal is an answer.
    async fn ledger(&self, dice: &mut Dice, deed: Write) {
        let id = CertificateId::new(self.certificate);
        let (port, here) = (PortCode::new("2248"), BureauCode::new(SHANGHAI));
        let place = Place { port: &port, bureau: &here, customs_no: "" };
        let key = self.key();
        let deed_of = Deed { key: &key, by: &self.by, now: self.now };
        let one = Quantity::from_units(1000);
        let amounts = Amounts { qty: one, hs_qty: one };
        let line = self.line(dice).await;
        let waiting = "SELECT COALESCE(MIN(id), 0) FROM pre_write_off_item WHERE certificate_id = $1 \
                       AND state = 'pending'";
        let written = "SELECT COALESCE(MIN(e.id), 0) FROM ledger_entry e WHERE e.certificate_id = $1 \
                       AND e.written_off > 0 AND NOT EXISTS (SELECT 1 FROM ledger_entry r WHERE r.reverses_id = e.id)";
        let pending = PreWriteOffItemId::new(self.number_of(waiting).await);
        let entry = LedgerEntryId::new(self.number_of(written).await);
        let tx = self.db.begin().await.unwrap();
        let done = match deed {
            Write::Declare => ledger::declare(&tx, id, place, &[(line, amounts)], deed_of).await.map(|_| ()),
            Write::Withdraw => ledger::withdraw(&tx, id, &[pending], deed_of).await.map(|_| ()),
            Write::Confirm => ledger::confirm(&tx, id, &here, &[(pending, amounts)], "核对", deed_of).await.map(|_| ()),
            Write::Direct => ledger::draw_down(&tx, id, place, &[(line, amounts)], "到货", deed_of).await.map(|_| ()),
            Write::Reverse => ledger::reverse(&tx, id, entry, &here, "数量填错", deed_of).await.map(|_| ()),
        };
        match done {
            Ok(()) => tx.commit().await.unwrap(),
            Err(ledger::LedgerError::Db(db::DbError::Sql(error))) => panic!("{error}"),
            Err(_) => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Declare,
    Withdraw,
    Confirm,
    Direct,
    Reverse,
}

/// An answer of the site: done, led on, or refused with a reason; never a fault.
fn sound(page: &Page) {
    assert!(page.status != StatusCode::INTERNAL_SERVER_ERROR, "{}: {}", page.path, page.text());
}

/// Opens a page and, if it has this button, fills in its form and presses it.
async fn press(browser: &Browser, path: &str, button: &str, fields: &[(&str, &str)]) {
    let page = browser.get(path).await;
    sound(&page);
    if page.status == StatusCode::OK && page.offers().iter().any(|o| o == button) {
        sound(&browser.send_once(&page.form(button).fill(fields)).await);
    }
}

async fn enterprise(round: Round, browser: Browser, mut dice: Dice, deeds: u32) {
    let page = format!("/certificates/{}", round.certificate);
    for n in 0..deeds {
        match dice.roll(12) {
            0 => {
                let fields = [("request_reason", "型号按最终发票更正。")];
                press(&browser, &format!("{page}/amendment-request"), "提交申请", &fields).await;
            }
            1..=4 => {
                let (model, qty) = (format!("M-{n}"), format!("{}", dice.roll(5) + 1));
                let fields = [("model", model.as_str()), ("qty", &qty), ("hs_qty", &qty)];
                press(&browser, &format!("{page}/amendment/items/1"), "保存", &fields).await;
            }
            5..=7 => press(&browser, &format!("{page}/amendment"), "提交", &[]).await,
            8 if dice.roll(3) == 0 => press(&browser, &format!("{page}/amendment"), "取消修改", &[]).await,
            9 => round.ledger(&mut dice, Write::Declare).await,
            _ => round.ledger(&mut dice, Write::Withdraw).await,
        }
    }
}

async fn amender(round: Round, browser: Browser, mut dice: Dice, deeds: u32) {
    for _ in 0..deeds {
        let case = format!("/amendments/{}", round.amendment().await);
        match dice.roll(6) {
            0 | 1 => release(&round, &browser).await,
            2 if dice.roll(2) == 0 => {
                press(&browser, &case, "收回修改", &[("withdrawal_reason", "企业不再修改。")]).await;
            }
            _ => decide_amendment(&round, &browser, dice.roll(4) > 0).await,
        }
    }
}

/// The company called.
async fn release(round: &Round, officer: &Browser) {
    let fields = [("caller", "张示例"), ("call_note", "企业来电申请修改。")];
    press(officer, &format!("/amendments/opening?number={}", round.number), "同意修改", &fields).await;
}

/// The word on a request, or on what was submitted.
async fn decide_amendment(round: &Round, officer: &Browser, yes: bool) {
    let page = officer.get(&format!("/amendments/{}", round.amendment().await)).await;
    sound(&page);
    if page.status == StatusCode::OK && page.offers().iter().any(|o| o == "提交意见") {
        let request = page.html().contains("value=\"open_amendment\"");
        let decision = match (request, yes) {
            (true, true) => "open_amendment",
            (true, false) => "refuse_amendment",
            (false, true) => "confirm_amendment",
            (false, false) => "send_back_amendment",
        };
        let form = page.form("提交意见").fill(&[("decision", decision), ("opinion", "请核对后办理。")]);
        sound(&officer.send_once(&form).await);
    }
}

async fn port(round: Round, mut dice: Dice, deeds: u32) {
    for _ in 0..deeds {
        let deed = match dice.roll(16) {
            0 => Write::Confirm,
            1 => Write::Direct,
            _ => Write::Reverse,
        };
        round.ledger(&mut dice, deed).await;
        tokio::task::yield_now().await;
    }
}

/// One proposes, the other decides: mostly no, and once for all yes.
async fn supervisors(round: Round, first: Browser, second: Browser, mut dice: Dice, deeds: u32, revokes: bool) {
    for n in 0..deeds {
        propose(&round, &first).await;
        rule(&round, &second, revokes && n + 1 == deeds).await;
        for _ in 0..dice.roll(20) {
            tokio::task::yield_now().await;
        }
    }
}

async fn propose(round: &Round, officer: &Browser) {
    let fields = [("reason", "现场检查发现未按申报用途使用。")];
    press(officer, &format!("/revocations/new?number={}", round.number), "提出撤销", &fields).await;
}

async fn rule(round: &Round, officer: &Browser, yes: bool) {
    let sql = "SELECT COALESCE(MAX(id), 0) FROM certificate_revocation WHERE certificate_id = $1";
    let case = format!("/revocations/{}", round.number_of(sql).await);
    let decision = if yes { "revoke" } else { "reject_revocation" };
    let fields = [("decision", decision), ("opinion", "事实尚未查清。"), ("confirm_number", round.number.as_str())];
    press(officer, &case, "提交意见", &fields).await;
}

/// What must hold at every moment, in one statement, so that all of it is seen at once.
const BROKEN: &str = "SELECT COUNT(*) FROM certificate c WHERE c.id = $1 AND (\
    (SELECT COUNT(*) FROM certificate_amendment m WHERE m.certificate_id = c.id \
     AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) > 1 \
    OR (c.state = 'amending') <> EXISTS (SELECT 1 FROM certificate_amendment m WHERE m.certificate_id = c.id \
     AND m.state IN ('opened', 'submitted', 'sent_back')) \
    OR (c.state = 'amending' AND EXISTS (SELECT 1 FROM certificate_item i WHERE i.certificate_id = c.id \
     AND (i.written_off > 0 OR i.pending > 0 OR i.hs_written_off > 0 OR i.hs_pending > 0))) \
    OR c.version <> (SELECT MAX(v.version) FROM certificate_version v WHERE v.certificate_id = c.id) \
    OR c.version <> (SELECT COUNT(*) FROM certificate_version v WHERE v.certificate_id = c.id) \
    OR c.version <> 1 + (SELECT COUNT(*) FROM certificate_amendment m WHERE m.certificate_id = c.id \
     AND m.state = 'confirmed') \
    OR c.pending_lines <> (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = c.id \
     AND (i.pending > 0 OR i.hs_pending > 0)) \
    OR c.written_lines <> (SELECT COUNT(*) FROM certificate_item i WHERE i.certificate_id = c.id \
     AND (i.written_off > 0 OR i.hs_written_off > 0)) \
    OR (c.state = 'revoked' AND EXISTS (SELECT 1 FROM certificate_item i WHERE i.certificate_id = c.id \
     AND (i.pending > 0 OR i.hs_pending > 0))))";

/// The trail is the order in which the deeds were done: replayed, no deed of the ledger stands between the release and the
/// end of an amendment, none that declares or writes off after the revocation. Says how often what happened.
async fn replay(db: &Db, certificate: i64) -> (usize, usize, usize) {
    let subject = Subject::Certificate(CertificateId::new(certificate));
    let trail = db::audit::trail(&db.read(), subject).await.unwrap();
    assert_eq!(db::audit::first_break(subject, &trail), None);
    let (mut open, mut asked, mut revoked) = (false, false, false);
    let (mut opened, mut confirmed, mut written) = (0, 0, 0);
    for deed in &trail {
        match deed.action.as_str() {
            "request_amendment" => {
                assert!(!open && !asked && !revoked, "asked for twice");
                asked = true;
            }
            "open_amendment" => {
                assert!(!open && !revoked, "released twice");
                (open, asked) = (true, false);
                opened += 1;
            }
            "refuse_amendment" => {
                assert!(asked && !open);
                asked = false;
            }
            "edit" | "submit_amendment" | "send_back_amendment" => assert!(open, "{}", deed.action),
            "confirm_amendment" => {
                assert!(open && !revoked, "confirmed without a release");
                open = false;
                confirmed += 1;
            }
            "cancel_amendment" => {
                assert!(open || asked);
                (open, asked) = (false, false);
            }
            "declare" | "confirm" | "write_off" => {
                assert!(!open, "{} while it is amended", deed.action);
                assert!(!revoked, "{} after the revocation", deed.action);
                written += 1;
            }
            "withdraw_pre_write_off" | "reverse" => assert!(!open, "{} while it is amended", deed.action),
            "revoke" => revoked = true,
            "issue" | "lapse" | "propose_revocation" | "reject_revocation" => {}
            other => panic!("{other} is not expected here"),
        }
    }
    (opened, confirmed, written)
}

/// One deed of one person, as a schedule of the property test has it.
#[derive(Debug, Clone, Copy)]
enum Move {
    Ask,
    Model(u8),
    Validity(u8),
    Submit,
    GiveUp,
    Release(usize),
    TakeBack(usize),
    Decide(usize, bool),
    Port(Write),
    Propose,
    Rule(bool),
}

/// Deeds in the proportion in which something happens; those that end everything are rare.
fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => Just(Move::Ask),
        3 => (1..5_u8).prop_map(Move::Model),
        2 => (1..5_u8).prop_map(Move::Validity),
        4 => Just(Move::Submit),
        1 => Just(Move::GiveUp),
        4 => (0..2_usize).prop_map(Move::Release),
        1 => (0..2_usize).prop_map(Move::TakeBack),
        6 => (0..2_usize, prop::bool::weighted(0.75)).prop_map(|(who, yes)| Move::Decide(who, yes)),
        2 => Just(Move::Port(Write::Declare)),
        2 => Just(Move::Port(Write::Withdraw)),
        1 => Just(Move::Port(Write::Confirm)),
        1 => Just(Move::Port(Write::Direct)),
        2 => Just(Move::Port(Write::Reverse)),
        1 => Just(Move::Propose),
        1 => prop::bool::weighted(0.3).prop_map(Move::Rule),
    ]
}

/// Who acts in a schedule.
#[derive(Clone)]
struct Cast {
    user: Browser,
    amenders: [Browser; 2],
    proposer: Browser,
    ruler: Browser,
}

async fn act(round: Round, people: Cast, deed: Move, dice: u64) {
    let page = format!("/certificates/{}", round.certificate);
    match deed {
        Move::Ask => {
            let fields = [("request_reason", "型号按最终发票更正。")];
            press(&people.user, &format!("{page}/amendment-request"), "提交申请", &fields).await;
        }
        Move::Model(n) => {
            let (model, qty) = (format!("M-{n}"), n.to_string());
            let fields = [("model", model.as_str()), ("qty", &qty), ("hs_qty", &qty)];
            press(&people.user, &format!("{page}/amendment/items/1"), "保存", &fields).await;
        }
        Move::Validity(n) => {
            let to = format!("2027-01-0{n}");
            press(&people.user, &format!("{page}/amendment"), "保存", &[("valid_to", &to)]).await;
        }
        Move::Submit => press(&people.user, &format!("{page}/amendment"), "提交", &[]).await,
        Move::GiveUp => press(&people.user, &format!("{page}/amendment"), "取消修改", &[]).await,
        Move::Release(who) => release(&round, &people.amenders[who]).await,
        Move::TakeBack(who) => {
            let case = format!("/amendments/{}", round.amendment().await);
            press(&people.amenders[who], &case, "收回修改", &[("withdrawal_reason", "企业不再修改。")]).await;
        }
        Move::Decide(who, yes) => decide_amendment(&round, &people.amenders[who], yes).await,
        Move::Port(write) => round.ledger(&mut Dice(dice), write).await,
        Move::Propose => propose(&round, &people.proposer).await,
        Move::Rule(yes) => rule(&round, &people.ruler, yes).await,
    }
}

/// The same as a property: whatever the schedule, with the deeds of one step at once, what must hold does after each step.
/// A schedule that breaks it is made smaller until nothing can be left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_2_7_11_no_schedule_of_deeds_breaks_a_certificate() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let both = [Post::AmendApprove, Post::AmendConfirm];
        let people = Cast {
            user: user.clone(),
            amenders: [
                site.officer("sh_amend", SHANGHAI, &both).await,
                site.officer("sh_amend2", SHANGHAI, &both).await,
            ],
            proposer: site.officer("sh_supervise", SHANGHAI, &[Post::Supervise]).await,
            ruler: site.officer("sh_supervise2", SHANGHAI, &[Post::Supervise]).await,
        };
        let db = site.app.db.clone();
        let account = db::account::credentials(&db.read(), "shili_a").await.unwrap().unwrap().id;
        let by = By::actor(&db::account::actor(&db.read(), account).await.unwrap(), "-");
        let happened = std::sync::Mutex::new((0, 0, 0));
        // As far along the usual way as chance has it, then anything.
        let usual = [Move::Release(0), Move::Model(2), Move::Submit, Move::Decide(1, true)].map(|m| vec![m]);
        let steps = (0..=usual.len(), prop::collection::vec(prop::collection::vec(any_move(), 1..4), 1..28))
            .prop_map(move |(n, random)| [&usual[..n], &random].concat());
        let mut runner = TestRunner::new(Config {
            cases: 24,
            // A smaller schedule races too: it is given a few chances, not hundreds.
            max_shrink_iters: 60,
            failure_persistence: None,
            ..Config::default()
        });
        let handle = tokio::runtime::Handle::current();
        let run = |schedule: Vec<Vec<Move>>| {
            handle.block_on(async {
                let certificate = certificate_of(&site, &user, &bureau, &[("5", "5"), ("3", "3")]).await;
                let round = Round::of(&db, certificate, &by, site.app.now()).await;
                for (n, step) in schedule.iter().enumerate() {
                    let at_once: Vec<_> = step
                        .iter()
                        .zip(0_u64..)
                        .map(|(deed, k)| tokio::spawn(act(round.clone(), people.clone(), *deed, n as u64 * 31 + k)))
                        .collect();
                    for hand in at_once {
                        hand.await.map_err(|e| TestCaseError::fail(format!("step {n}: {e}")))?;
                    }
                    prop_assert_eq!(round.number_of(BROKEN).await, 0, "broken after step {}: {:?}", n, step);
                }
                let (opened, confirmed, written) = replay(&db, certificate).await;
                let mut all = happened.lock().unwrap();
                *all = (all.0 + opened, all.1 + confirmed, all.2 + written);
                Ok(())
            })
        };
        let outcome = tokio::task::block_in_place(|| runner.run(&steps, run));
        outcome.unwrap_or_else(|error| panic!("{error}"));
        let (opened, confirmed, written) = *happened.lock().unwrap();
        println!("{opened} released, {confirmed} confirmed, {written} declared or written off");
        // Schedules are drawn anew each time: bounds that no draw misses.
        assert!(
            opened > 10 && confirmed > 2 && written > 2,
            "{opened} {confirmed} {written}: hardly anything happened"
        );
        assert_eq!(db::doctor::examine(&db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-2.7-02, R-2.7-11, D13, D23: never two open amendments, never a write-off while a certificate is amended, never two
/// versions in force, never anything after the revocation; balances stay sound.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_2_7_11_amendment_write_off_and_revocation_exclude_each_other() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let both = [Post::AmendApprove, Post::AmendConfirm];
        let amenders =
            [site.officer("sh_amend", SHANGHAI, &both).await, site.officer("sh_amend2", SHANGHAI, &both).await];
        let first = site.officer("sh_supervise", SHANGHAI, &[Post::Supervise]).await;
        let second = site.officer("sh_supervise2", SHANGHAI, &[Post::Supervise]).await;
        let db = site.app.db.clone();
        let account = db::account::credentials(&db.read(), "shili_a").await.unwrap().unwrap().id;
        let by = By::actor(&db::account::actor(&db.read(), account).await.unwrap(), "-");
        let (mut opened, mut confirmed, mut written) = (0, 0, 0);
        for seed in 0..6_u64 {
            let certificate = certificate_of(&site, &user, &bureau, &[("5", "5"), ("3", "3")]).await;
            let round = Round::of(&db, certificate, &by, site.app.now()).await;
            let dice = |n: u64| Dice(seed * 7919 + n);
            let over = Arc::new(AtomicBool::new(false));
            let watcher = tokio::spawn({
                let (round, over) = (round.clone(), over.clone());
                async move {
                    let mut looks = 0;
                    while !over.load(Ordering::SeqCst) {
                        assert_eq!(round.number_of(BROKEN).await, 0, "certificate {} is broken", round.certificate);
                        looks += 1;
                        tokio::task::yield_now().await;
                    }
                    looks
                }
            });
            let [one, other] = amenders.clone();
            let hands = [
                tokio::spawn(enterprise(round.clone(), user.clone(), dice(1), 120)),
                tokio::spawn(amender(round.clone(), one, dice(2), 60)),
                tokio::spawn(amender(round.clone(), other, dice(3), 60)),
                tokio::spawn(port(round.clone(), dice(4), 300)),
                tokio::spawn(supervisors(round.clone(), first.clone(), second.clone(), dice(5), 12, seed % 2 == 0)),
            ];
            for hand in hands {
                hand.await.unwrap();
            }
            over.store(true, Ordering::SeqCst);
            assert!(watcher.await.unwrap() > 0);
            assert_eq!(round.number_of(BROKEN).await, 0);
            let (o, c, w) = replay(&db, certificate).await;
            println!("seed {seed}: {o} released, {c} confirmed, {w} declared or written off");
            opened += o;
            confirmed += c;
            written += w;
        }
        assert!(opened > 5 && confirmed > 0 && written > 10, "{opened} {confirmed} {written}: the hands hardly met");
        assert_eq!(db::doctor::examine(&db).await.unwrap().faults, Vec::<String>::new());
    }
}
