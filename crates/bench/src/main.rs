//! `make bench`: what the program costs at 100,000 applications, beside what nothing can be cheaper than.
//!
//! Figures inform: a budget that is exceeded is marked, and the exit code stays 0. An answer that is not the expected
//! one ends the run.

mod browser;
mod campaign;
mod ceiling;
mod confirmations;
mod counters;
mod data;
mod document;
mod growth;
mod http;
mod jobs;
mod measure;
mod papers;
mod process;
mod report;
mod requests;
mod server;
mod store;
mod units;
mod uploads;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;

use crate::campaign::{Effort, Part};
use crate::report::Sheet;
use crate::store::Place;

/// Measures the built program on SQLite, and on PostgreSQL when `MIANBAN_TEST_POSTGRES` names a server.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// The program.
    program: PathBuf,
    /// Applications in the database.
    #[arg(long, default_value_t = 100_000)]
    rows: u32,
    /// Requests of a kind at one connection; twice as many at 16, half as many of those that write.
    #[arg(long, default_value_t = 400)]
    requests: u16,
    /// Measure this part alone; fewer `--rows` are enough for it.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Applications of the large database in which `--only lists` measures them again, beside those of 10,000.
    #[arg(long, default_value_t = 1_000_000)]
    large: u32,
    /// Write the tables as Markdown into this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // An interrupted run drops what it has started and made.
    tokio::select! {
        outcome = run(&options) => outcome,
        () = told_to_stop() => anyhow::bail!("stopped"),
    }
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let program = options.program.canonicalize().with_context(|| format!("{}", options.program.display()))?;
    let load = process::load_average();
    let mut sheets = vec![on_sqlite(&program, options).await?];
    if let Ok(server) = std::env::var("MIANBAN_TEST_POSTGRES") {
        sheets.push(on_postgres(&program, options, &server).await?);
    }
    for sheet in &sheets {
        print(sheet);
    }
    if let Some(file) = &options.report {
        std::fs::write(file, document::written(&sheets, options.requests, &load, options.only))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn effort(options: &Options) -> Effort {
    Effort { rows: i64::from(options.rows), requests: usize::from(options.requests), only: options.only }
}

async fn on_sqlite(program: &Path, options: &Options) -> anyhow::Result<Sheet> {
    let folder = tempfile::tempdir()?;
    let place = Place::Sqlite(folder.path().join("mianban.sqlite"));
    let mut sheet = campaign::run(program, folder.path(), &place, effort(options)).await?;
    drop(folder);
    if options.has_growth() {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let [few, many] = folders.each_ref().map(|f| Place::Sqlite(f.path().join("mianban.sqlite")));
        let places = [(folders[0].path(), &few), (folders[1].path(), &many)];
        sheet.growth = Some(growth::run(program, places, options.large, usize::from(options.requests)).await?);
    }
    Ok(sheet)
}

impl Options {
    /// Whether lists are measured in a small database and in a large one.
    const fn has_growth(&self) -> bool {
        matches!(self.only, Some(Part::Lists))
    }
}

async fn on_postgres(program: &Path, options: &Options, server: &str) -> anyhow::Result<Sheet> {
    let folder = tempfile::tempdir()?;
    let place = Place::create_on(server).await?;
    let outcome = campaign::run(program, folder.path(), &place, effort(options)).await;
    place.remove_from(server).await?;
    let mut sheet = outcome?;
    if options.has_growth() {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let (few, many) = (Place::create_on(server).await?, Place::create_on(server).await?);
        let places = [(folders[0].path(), &few), (folders[1].path(), &many)];
        let growth = growth::run(program, places, options.large, usize::from(options.requests)).await;
        for place in [few, many] {
            place.remove_from(server).await?;
        }
        sheet.growth = Some(growth?);
    }
    Ok(sheet)
}

fn print(sheet: &Sheet) {
    println!("\n{}", sheet.heading());
    for (title, table) in sheet.tables() {
        println!("\n{title}\n\n{}", table.text());
    }
    let over = sheet.over();
    if over.is_empty() {
        println!("every budget is kept");
    } else {
        println!("OVER BUDGET: {}", over.join("; "));
    }
}

/// Ends when the process is asked to stop.
async fn told_to_stop() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
