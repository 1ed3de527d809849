//! The whole measurement of one database, from an empty folder to the tables.

use std::path::Path;
use std::time::Duration;

use domain::time::{Clock as _, SystemClock};

use crate::browser::Browser;
use crate::ceiling::{self, Ceiling};
use crate::confirmations::{self, Bare};
use crate::data::{self, Amount, WRITER};
use crate::http::Connection;
use crate::measure::{self, Run};
use crate::process::{self, Memory, Meter};
use crate::report::{Figure, Line, Sheet, Unit};
use crate::requests::{self, Kind};
use crate::server::Server;
use crate::store::{Place, Purpose, Store};
use crate::uploads::{self, Growth, UPLOADS};
use crate::{counters, jobs, papers};

/// Connections of the crowd.
const CROWD: usize = 16;
/// Requests before the first reading, so that connections and statements are prepared.
const WARMING: usize = 32;
/// The program is started so many times; the slowest counts.
const STARTS: usize = 5;
/// After this long the program is taken to be idle.
const REST: Duration = Duration::from_secs(3);

/// Uploads pass through buffers; this much for all of them together is taken to be flat, kB.
const FLAT: u64 = 16 * 1024;
const MEGABYTE: u64 = 1024;
/// CPU time that a certificate may cost, signed, µs.
const PDF: Option<u64> = Some(30_000);
/// The same with an annex of [`MANY`] products.
const LARGE_PDF: Option<u64> = Some(300_000);
/// Products of a large annex.
const MANY: u32 = 200;

/// A part that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Confirmations of 预核销, through the pages and on the bare database.
    Confirmations,
    /// Lists in a small database and in a large one.
    Lists,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Applications in the database.
    pub rows: i64,
    /// Requests of a kind at one connection; twice as many in a crowd, half as many of those that write.
    pub requests: usize,
    /// A part alone, or everything.
    pub only: Option<Part>,
}

impl Effort {
    const fn alone(self, writes: bool) -> usize {
        if writes { self.requests / 2 } else { self.requests }
    }

    const fn crowded(self, writes: bool) -> usize {
        self.alone(writes) * 2
    }

    /// How many drafts a kind that writes uses up.
    const fn drafts(self) -> usize {
        WARMING + self.alone(true) + self.crowded(true)
    }
}

/// Measures the program on a database.
pub async fn run(program: &Path, folder: &Path, place: &Place, effort: Effort) -> anyhow::Result<Sheet> {
    if effort.only == Some(Part::Lists) {
        // Its databases are made apart; this one says which product it is.
        demonstrate(program, folder, place).await?;
        let store = place.open(Purpose::Beside).await?;
        let database = format!("{} {}", place.product(), store.version().await?);
        store.close().await;
        let (requests, ceilings, confirmations, figures) = Default::default();
        return Ok(Sheet {
            database,
            rows: 0,
            drafts: 0,
            size: 0,
            requests,
            ceilings,
            confirmations,
            figures,
            growth: None,
        });
    }
    say(place, "making the demonstration data");
    demonstrate(program, folder, place).await?;
    say(place, "multiplying them");
    let amount = Amount { rows: effort.rows, drafts: i64::try_from(effort.drafts() * 2 + UPLOADS)? };
    let size = data::load(place, amount, SystemClock.now()).await?;

    let (rows, made) = (u64::try_from(amount.rows)?, u64::try_from(amount.drafts)?);
    if effort.only == Some(Part::Confirmations) {
        let server = Server::start(program, folder, &place.url()).await?;
        let store = place.open(Purpose::Beside).await?;
        let database = format!("{} {}", place.product(), store.version().await?);
        let meter = Meter { process: server.pid(), postmaster: store.postmaster().await? };
        let confirmations = confirmations(&server, &store, place, meter, effort).await?;
        store.close().await;
        server.stop().await?;
        let (requests, ceilings, figures) = (Vec::new(), Vec::new(), Vec::new());
        return Ok(Sheet {
            database,
            rows,
            drafts: made,
            size,
            requests,
            ceilings,
            confirmations,
            figures,
            growth: None,
        });
    }

    say(place, "starting");
    let (server, slowest) = start(program, folder, place).await?;
    tokio::time::sleep(REST).await;
    let idle = process::memory(server.pid())?;
    let store = place.open(Purpose::Beside).await?;
    let database = format!("{} {}", place.product(), store.version().await?);
    let meter = Meter { process: server.pid(), postmaster: store.postmaster().await? };
    let mut drafts = prepared(&store, amount.drafts).await?;
    let uploaded = drafts.split_off(drafts.len() - UPLOADS);
    let mut requests = requests(&server, &store, place, meter, effort, drafts).await?;
    let answered = process::memory(server.pid())?;
    say(place, "papers");
    process::forget_peak(server.pid())?;
    requests.extend(papers(&server, &store, meter).await?);
    let printed = process::memory(server.pid())?;
    process::forget_peak(server.pid())?;
    requests.push(large_papers(&server, &store, meter).await?);
    let large = process::memory(server.pid())?;
    say(place, "ceilings");
    let ceilings = ceilings(&server, &store, meter, effort).await?;
    let confirmations = confirmations(&server, &store, place, meter, effort).await?;
    store.close().await;
    server.stop().await?;

    say(place, "uploads");
    let server = Server::start(program, folder, &place.url()).await?;
    tokio::time::sleep(REST).await;
    let growth = uploads::grow(&server, &uploaded).await?;
    server.stop().await?;

    let figures = figures(slowest, idle, answered, [printed, large], growth);
    Ok(Sheet { database, rows, drafts: made, size, requests, ceilings, confirmations, figures, growth: None })
}

pub fn say(place: &Place, what: &str) {
    eprintln!("{}: {what}", place.product());
}

/// Starts the program a few times; says how long the slowest start took, µs.
async fn start(program: &Path, folder: &Path, place: &Place) -> anyhow::Result<(Server, u64)> {
    let mut slowest = 0;
    for _ in 1..STARTS {
        let server = Server::start(program, folder, &place.url()).await?;
        slowest = server.first_page.max(slowest);
        server.stop().await?;
    }
    let server = Server::start(program, folder, &place.url()).await?;
    let slowest = server.first_page.max(slowest);
    Ok((server, slowest))
}

/// Every kind of request; submissions last, with their letters after them.
async fn requests(
    server: &Server,
    store: &Store,
    place: &Place,
    meter: Meter,
    effort: Effort,
    mut drafts: Vec<i64>,
) -> anyhow::Result<Vec<Line>> {
    let submitted = drafts.split_off(effort.drafts());
    let mut lines = Vec::new();
    for kind in requests::reading_and_saving(server, store, drafts).await? {
        say(place, kind.name);
        lines.push(measured(server, meter, &kind, effort).await?);
    }
    let submit = requests::submit(server, place, submitted).await?;
    say(place, submit.name);
    jobs::hold(store).await?;
    lines.push(measured(server, meter, &submit, effort).await?);
    let (n, cpu) = jobs::release(store, meter, SystemClock.now()).await?;
    anyhow::ensure!(n > 0, "no submission has caused a letter");
    let memory = process::memory(server.pid())?;
    lines.push(aside("the letter of a submission, a job", None, Run::untimed(n, cpu), Some(memory)));
    Ok(lines)
}

/// Certificates made by the program's jobs, and by this process.
async fn papers(server: &Server, store: &Store, meter: Meter) -> anyhow::Result<Vec<Line>> {
    // The faces are read at the first paper.
    jobs::make_papers(store, meter, 1, SystemClock.now()).await?;
    let (n, cpu) = jobs::make_papers(store, meter, data::PAPERS - 1, SystemClock.now()).await?;
    anyhow::ensure!(n > 0, "no paper was made");
    let memory = process::memory(server.pid())?;
    Ok(vec![
        aside("PDF, typeset and signed, a job", PDF, Run::untimed(n, cpu), Some(memory)),
        aside("PDF, typeset alone", PDF, papers::render(store, false).await?, None),
        aside("PDF with rare names, typeset alone", PDF, papers::render(store, true).await?, None),
    ])
}

/// Certificates with a large annex, all asked for at once.
async fn large_papers(server: &Server, store: &Store, meter: Meter) -> anyhow::Result<Line> {
    jobs::enlarge(store, MANY).await?;
    let (n, cpu) = jobs::make_papers(store, meter, data::LARGE_PAPERS, SystemClock.now()).await?;
    anyhow::ensure!(n > 0, "no large paper was made");
    let memory = process::memory(server.pid())?;
    Ok(aside("PDF of 200 products, typeset and signed, a job", LARGE_PDF, Run::untimed(n, cpu), Some(memory)))
}

/// What nothing can be cheaper than.
async fn ceilings(server: &Server, store: &Store, meter: Meter, effort: Effort) -> anyhow::Result<Vec<Line>> {
    let mut lines = vec![measured(server, meter, &requests::without_database(server), effort).await?];
    for ceiling in ceiling::ceilings(store, SystemClock.now().millis()).await? {
        lines.push(driver_alone(ceiling, meter.postmaster, effort).await?);
    }
    Ok(lines)
}

/// 预核销 confirmed through the pages, and the same statements on the bare database, in turn.
async fn confirmations(
    server: &Server,
    store: &Store,
    place: &Place,
    meter: Meter,
    effort: Effort,
) -> anyhow::Result<Vec<Line>> {
    let officer = Browser::sign_in(server.address, "bureau", "demo_writeoff").await?;
    let now = SystemClock.now().millis();
    let all = confirmations::prepare(store, effort.drafts(), now).await?;
    jobs::hold(store).await?;
    let mut lines = Vec::new();
    for work in all {
        say(place, work.name);
        lines.push(measured(server, meter, &work.through_pages(officer.clone()), effort).await?);
        let bare = work.bare(place, store, now).await?;
        lines.push(deed_alone(&bare, work.name, meter.postmaster, effort).await?);
        bare.finish().await?;
    }
    jobs::release(store, meter, SystemClock.now()).await?;
    Ok(lines)
}

/// Measures the statements of a deed, sent by this process; each number is used once.
async fn deed_alone(bare: &Bare, name: &str, postmaster: Option<u32>, effort: Effort) -> anyhow::Result<Line> {
    let meter = Meter { process: std::process::id(), postmaster };
    let (alone, crowded) = (effort.alone(true), effort.crowded(true));
    let statements = bare.statements();
    let bare = bare.clone();
    let deed = move |(): (), n: usize| {
        let bare = bare.clone();
        async move { bare.confirm(n).await }
    };
    measure::run(meter, vec![(); CROWD], 0, WARMING, deed.clone()).await?;
    let alone_run = measure::run(meter, vec![()], WARMING, alone, deed.clone()).await?;
    let crowded_run = measure::run(meter, vec![(); CROWD], WARMING + alone, crowded, deed).await?;
    Ok(Line {
        name: format!("{name}: its statements, the driver alone"),
        statements: Some(u64::try_from(statements)? * 10),
        budget: None,
        alone: Some(alone_run),
        crowded: Some(crowded_run),
        resident: None,
    })
}

/// The process as a whole; all but the uploads are moments of one process: idle, after the requests, after the papers,
/// after the large ones.
fn figures(
    slowest: u64,
    idle: Memory,
    answered: Memory,
    [printed, large]: [Memory; 2],
    uploads: Growth,
) -> Vec<Figure> {
    let memory = |name, value, budget: Option<u64>| Figure { name, value, budget, unit: Unit::Memory };
    vec![
        Figure {
            name: "from process start to the first page, existing database, slowest of 5",
            value: slowest,
            budget: Some(500_000),
            unit: Unit::Time,
        },
        memory("resident, idle, before the first PDF", idle.now, Some(60 * MEGABYTE)),
        memory("resident, after all requests above", answered.now, Some(80 * MEGABYTE)),
        memory("the most until then", answered.peak, Some(80 * MEGABYTE)),
        memory("resident, once PDFs were made", printed.now, Some(160 * MEGABYTE)),
        memory("the most while they were made", printed.peak, Some(160 * MEGABYTE)),
        memory("the most while 16 of 200 products were made, asked for at once", large.peak, Some(200 * MEGABYTE)),
        memory("a new process, before uploads", uploads.before, None),
        memory("the most during 16 parallel uploads of 5 MiB", uploads.peak, None),
        memory("their growth, which must be flat", uploads.peak.saturating_sub(uploads.before), Some(FLAT)),
    ]
}

/// The first start makes the demonstration's data through the real deeds; its jobs make the papers.
pub async fn demonstrate(program: &Path, folder: &Path, place: &Place) -> anyhow::Result<()> {
    let server = Server::start(program, folder, &place.url()).await?;
    let store = place.open(Purpose::Beside).await?;
    jobs::done(&store).await?;
    store.close().await;
    server.stop().await
}

/// The drafts that [`data::load`] has prepared, oldest first.
async fn prepared(store: &Store, n: i64) -> anyhow::Result<Vec<i64>> {
    let mut found = store
        .numbers(&format!(
            "SELECT a.id FROM application a JOIN account c ON c.id = a.owner_id \
             WHERE c.username = '{WRITER}' AND a.state = 'draft' ORDER BY a.id DESC LIMIT {n}"
        ))
        .await?;
    found.reverse();
    anyhow::ensure!(i64::try_from(found.len())? == n, "{} of {n} prepared drafts are there", found.len());
    Ok(found)
}

/// Measures a kind of request alone and in a crowd.
pub async fn measured(server: &Server, meter: Meter, kind: &Kind, effort: Effort) -> anyhow::Result<Line> {
    if let Some((page, rows)) = &kind.rows {
        let answer = Connection::open(server.address).await?.send(page).await?;
        answer.expect(200, kind.name)?;
        // One more for the head of the table.
        let shown = answer.text().matches("<tr role=\"row\"").count();
        anyhow::ensure!(shown == rows + 1, "{} shows {shown} rows with its head, not {} and it", kind.name, rows);
    }
    let (alone, crowded) = (effort.alone(kind.writes), effort.crowded(kind.writes));
    requested(server, meter, kind, CROWD, 0, WARMING).await?;
    let before = counters::read(server.metrics, kind.route).await?;
    let alone_run = requested(server, meter, kind, 1, WARMING, alone).await?;
    let crowded_run = requested(server, meter, kind, CROWD, WARMING + alone, crowded).await?;
    let after = counters::read(server.metrics, kind.route).await?;
    Ok(Line {
        name: kind.name.to_owned(),
        statements: Some(after.tenths_per_request_since(before)),
        budget: kind.budget,
        alone: Some(alone_run),
        crowded: Some(crowded_run),
        resident: Some(process::memory(server.pid())?.now),
    })
}

async fn requested(
    server: &Server,
    meter: Meter,
    kind: &Kind,
    connections: usize,
    first: usize,
    n: usize,
) -> anyhow::Result<Run> {
    let mut workers = Vec::new();
    for _ in 0..connections {
        workers.push(Connection::open(server.address).await?);
    }
    let kind = kind.clone();
    let deed = move |mut connection: Connection, n: usize| {
        let request = (kind.make)(n);
        let (name, status) = (kind.name, kind.status);
        async move {
            connection.send(&request).await?.expect(status, name)?;
            Ok(connection)
        }
    };
    measure::run(meter, workers, first, n, deed).await
}

/// Measures the statements of a request, sent by this process.
async fn driver_alone(ceiling: Ceiling, postmaster: Option<u32>, effort: Effort) -> anyhow::Result<Line> {
    let meter = Meter { process: std::process::id(), postmaster };
    let (name, statements) = (ceiling.name, ceiling.statements);
    let deed = move |(): (), n: usize| {
        let ceiling = ceiling.clone();
        async move { ceiling.answer(n).await }
    };
    measure::run(meter, vec![(); CROWD], 0, WARMING, deed.clone()).await?;
    let alone = measure::run(meter, vec![()], WARMING, effort.alone(false), deed.clone()).await?;
    let crowded = measure::run(meter, vec![(); CROWD], WARMING, effort.crowded(false), deed).await?;
    Ok(Line {
        name: format!("{name}: its statements, the driver alone"),
        statements: Some(u64::try_from(statements)? * 10),
        budget: None,
        alone: Some(alone),
        crowded: Some(crowded),
        resident: None,
    })
}

/// What is not a request of its own.
fn aside(name: &str, budget: Option<u64>, run: Run, memory: Option<Memory>) -> Line {
    let resident = memory.map(|m| m.now);
    Line { name: name.to_owned(), statements: None, budget, alone: Some(run), crowded: None, resident }
}
