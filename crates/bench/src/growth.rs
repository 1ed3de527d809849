//! Lists in a small database and in a large one: what they cost must not follow the number of applications. And the longest
//! list as a file, which must not lie in memory.

use std::path::Path;

use anyhow::Context as _;
use domain::time::{Clock as _, SystemClock};

use crate::browser::Browser;
use crate::campaign::{self, Effort};
use crate::data::{self, Amount};
use crate::http::Connection;
use crate::process::{self, Meter};
use crate::report::{Figure, Growth, Line, Unit};
use crate::requests;
use crate::server::Server;
use crate::store::{Place, Purpose, Store};

/// Applications of the small database.
pub const FEW: u32 = 10_000;
/// What a file may add to the memory of the program, kB: some thousand rows, and buffers.
const FLAT: u64 = 32 * 1024;

/// What one database showed.
struct Found {
    size: u64,
    lines: Vec<Line>,
    figures: Vec<Figure>,
}

/// Measures the lists twice; `fresh` gives an empty place each time.
pub async fn run(program: &Path, places: [(&Path, &Place); 2], many: u32, requests: usize) -> anyhow::Result<Growth> {
    let [few_at, many_at] = places;
    let few = measured(program, few_at, FEW, requests).await?;
    let large = measured(program, many_at, many, requests).await?;
    Ok(Growth {
        rows: [u64::from(FEW), u64::from(many)],
        sizes: [few.size, large.size],
        few: few.lines,
        many: large.lines,
        figures: large.figures,
    })
}

async fn measured(program: &Path, at: (&Path, &Place), rows: u32, requests: usize) -> anyhow::Result<Found> {
    let (folder, place) = at;
    let effort = Effort { rows: i64::from(rows), requests, only: None };
    campaign::say(place, &format!("making {rows} applications"));
    campaign::demonstrate(program, folder, place).await?;
    let size = data::load(place, Amount { rows: effort.rows, drafts: 0 }, SystemClock.now()).await?;
    let server = Server::start(program, folder, &place.url()).await?;
    let store = place.open(Purpose::Beside).await?;
    let meter = Meter { process: server.pid(), postmaster: store.postmaster().await? };
    let mut lines = Vec::new();
    for kind in requests::growing(&server, &store).await? {
        campaign::say(place, kind.name);
        lines.push(campaign::measured(&server, meter, &kind, effort).await?);
    }
    campaign::say(place, "a list as a file");
    let figures = file(&server, &store).await?;
    store.close().await;
    server.stop().await?;
    Ok(Found { size, lines, figures })
}

/// Every submitted application as one CSV.
async fn file(server: &Server, store: &Store) -> anyhow::Result<Vec<Figure>> {
    let cnca = Browser::sign_in(server.address, "cnca", "demo_cnca").await?;
    let rows = store.number("SELECT COUNT(*) FROM case_fact WHERE kind = 'submitted' AND hs_class = ''").await?;
    let from = SystemClock.now().china_day().plus_days(-800);
    let path = format!("/statistics/cases/export?of=submitted&format=csv&from={}", &from.to_string()[..7]);
    // What the log-in has needed for its hash is given back before the peak is read.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    process::forget_peak(server.pid())?;
    let before = process::memory(server.pid())?.now;
    let begun = std::time::Instant::now();
    let lines = Connection::open(server.address).await?.count_lines(&cnca.plain(&path)).await?;
    let took = u64::try_from(begun.elapsed().as_micros()).context("a file that took for ever")?;
    // The heads stand before the rows.
    anyhow::ensure!(i64::try_from(lines)? == rows + 1, "the file has {lines} lines, not {rows} and its heads");
    let peak = process::memory(server.pid())?.peak;
    Ok(vec![
        Figure {
            name: "a CSV of all submitted applications, from request to its last byte",
            value: took,
            budget: None,
            unit: Unit::Time,
        },
        Figure {
            name: "what it added to the memory of the program at most",
            value: peak.saturating_sub(before),
            budget: Some(FLAT),
            unit: Unit::Memory,
        },
    ])
}
