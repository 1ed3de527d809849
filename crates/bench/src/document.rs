//! The report that is kept in the documentation.

use domain::time::{Clock as _, SystemClock};

use crate::campaign::Part;
use crate::process;
use crate::report::Sheet;
use crate::units::megabytes;

/// The tables of every database, with what a reader must know to compare them with another run; `load` is that of the
/// machine before it began.
pub fn written(sheets: &[Sheet], requests: u16, load: &str, only: Option<Part>) -> String {
    let mut parts = match only {
        Some(Part::Lists) => vec![opening("Lists of many applications", load), method_of_lists(requests)],
        Some(Part::Confirmations) | None => vec![opening("Benchmarks", load), method(requests)],
    };
    parts.extend(sheets.iter().map(section));
    format!("{}\n", parts.concat().trim_end())
}

fn opening(title: &str, load: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (model, memory) = process::machine();
    format!(
        "# {title}\n\n\
         Written by `make bench` on {}: release build, {cores} cores ({model}), {} MB of memory, load average {load} \
         before; the program, the database and the measuring process share the machine. Figures over their budget are marked; they fail \
         nothing.\n\n",
        SystemClock.now().china_day(),
        megabytes(memory).split('.').next().unwrap_or_default(),
    )
}

fn method(requests: u16) -> String {
    format!(
        "* **Data**: the applications of the demonstration, multiplied to the number named below, over two years, 500 \
         enterprises and all direct bureaus, each with products, files, route, trail and certificate. \
         `demo_enterprise` owns 2,000, the Shanghai bureau has more than a fifth; more than half of those of the last 30 \
         days are under way.\n\
         * **Requests**: {requests} at 1 connection and {} at 16 (half as many of those that write; fewer when 8 \
         seconds are over), after a warm-up, over HTTP, signed in, compressed as browsers ask for it. Lists show 50 \
         rows. Each deed has an application of its own.\n\
         * **CPU**: user and system time of the program and of every process of the PostgreSQL server, divided by the \
         requests. The larger figure, of 1 and of 16 connections, is held against the budget.\n\
         * **Statements** are those that the program counts; BEGIN and COMMIT are not among them.\n\
         * **Letters** are held back while submissions are measured, and measured afterwards.\n\
         * **PDF**: certificates with a page and an annex, then with 200 products, each typeset, signed and stored by \
         a job of the program, after a first one; all are asked for at once.\n\
         * **Ceilings**: nothing can be cheaper than the layers around a handler that does nothing, and than the same \
         statements sent and decoded by the driver alone.\n\
         * **Confirmations**: an officer confirms one product of a 预核销, all of them on one line of one certificate, \
         where each waits for the one before it, then each on another certificate. Beside them the same statements in \
         the same transaction, sent by the driver alone over as many connections as the program has. Letters are held \
         back here too.\n\
         * **Memory** is `VmRSS` (now) and `VmHWM` (the most) of the program.\n\n",
        u32::from(requests) * 2,
    )
}

fn method_of_lists(requests: u16) -> String {
    format!(
        "* **Data**: as in [Benchmarks](benchmarks.md), once 10,000 applications and once many more (`--large`), each in \
         a database of its own. A tenth of the products are air conditioners, a tenth refrigerators, each of 997 kinds. \
         In both \
         4,000 applications are of the last 30 days, most of them under way: what waits follows what comes in, not what lies \
         in the archive, and fills a page.\n\
         * **Requests**: {requests} at 1 connection and {} at 16 (fewer when 8 seconds are over), as there; the larger \
         CPU time of both. A narrowed list must not cost more than 1.5 times as much in the large database.\n\
         * **Texts** that one, some and many bear, and none: what looks for them begins elsewhere for each.\n\
         * **The longest list** is the CSV of every submitted application, read to its end.\n\n",
        u32::from(requests) * 2,
    )
}

fn section(sheet: &Sheet) -> String {
    let tables = sheet.tables().into_iter().map(|(title, table)| format!("### {title}\n\n{}\n", table.markdown()));
    let tables: String = tables.collect();
    let over = sheet.over();
    let verdict = if over.is_empty() {
        "Every budget is kept.".to_owned()
    } else {
        format!("**Over budget:** {}.", over.join("; "))
    };
    format!("## {}\n\n{tables}{verdict}\n\n", sheet.heading())
}
