//! The tables: aligned for the terminal, Markdown for the documentation.

use crate::measure::Run;
use crate::requests::NARROWED;
use crate::units::{grouped, megabytes, millis, tenths_of};

/// A row of the table of requests.
#[derive(Debug, Clone)]
pub struct Line {
    /// The kind of request.
    pub name: String,
    /// Tenths of statements per request.
    pub statements: Option<u64>,
    /// CPU time that one may cost, µs.
    pub budget: Option<u64>,
    /// At one connection.
    pub alone: Option<Run>,
    /// At many connections.
    pub crowded: Option<Run>,
    /// Resident memory of the program afterwards, kB.
    pub resident: Option<u64>,
}

impl Line {
    /// The larger CPU time of one request, µs: a budget holds alone and in a crowd.
    fn worst(&self) -> u64 {
        let of = |run: &Option<Run>| run.as_ref().map_or(0, |r| r.each().total());
        of(&self.alone).max(of(&self.crowded))
    }

    /// Whether the budget is exceeded.
    fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| self.worst() > budget)
    }
}

/// A figure of the process as a whole.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// The figure.
    pub value: u64,
    /// The most that it may be.
    pub budget: Option<u64>,
    /// What both are counted in.
    pub unit: Unit,
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// kB, written as MB.
    Memory,
    /// µs, written as ms.
    Time,
}

impl Unit {
    fn written(self, value: u64) -> String {
        match self {
            Self::Memory => format!("{} MB", megabytes(value)),
            Self::Time => format!("{} ms", millis(value)),
        }
    }
}

/// The lists of a small database beside those of a large one.
#[derive(Debug, Clone)]
pub struct Growth {
    /// Applications in the two.
    pub rows: [u64; 2],
    /// Their sizes, kB.
    pub sizes: [u64; 2],
    /// The lists of the small one.
    pub few: Vec<Line>,
    /// The same lists of the large one.
    pub many: Vec<Line>,
    /// Time and memory of its longest file.
    pub figures: Vec<Figure>,
}

/// A narrowed list of the large database may cost so many tenths of that of the small one.
const FLAT_TENTHS: u64 = 15;

/// Which ratio a line must keep: narrowed lists are flat, what looks for a text anywhere has its budget alone.
fn most_tenths(line: &Line) -> Option<u64> {
    line.budget.filter(|budget| *budget <= NARROWED).map(|_| FLAT_TENTHS)
}

impl Growth {
    /// How many times as much, in tenths, to the nearest: runs differ by more.
    fn tenths(few: &Line, many: &Line) -> u64 {
        let few = few.worst().max(1);
        (many.worst() * 10 + few / 2) / few
    }

    fn over(&self) -> Vec<String> {
        let pairs = self.few.iter().zip(&self.many);
        let grown =
            pairs.filter(|(few, many)| many.is_over() || verdict(Self::tenths(few, many), most_tenths(many)) == "over");
        let figures = self.figures.iter().filter(|f| verdict(f.value, f.budget) == "over");
        let rows = grouped(self.rows[1]);
        grown.map(|(_, many)| format!("{} at {rows}", many.name)).chain(figures.map(|f| f.name.to_owned())).collect()
    }

    fn table(&self) -> Table {
        let [few, many] = self.rows.map(grouped);
        let (few, many) = (format!("CPU ms at {few}"), format!("CPU ms at {many}"));
        let mut table = Table::new(&[
            "",
            "statements",
            &few,
            &many,
            "budget",
            "",
            "ratio",
            "at most 1.5",
            "p99 ms, 1",
            "p99 ms, 16",
        ]);
        for (few, many) in self.few.iter().zip(&self.many) {
            let tenths = Self::tenths(few, many);
            let p99 = |run: &Option<Run>| run.as_ref().and_then(|r| r.percentile(99)).map(millis).unwrap_or_default();
            table.rows.push(vec![
                many.name.clone(),
                many.statements.map(tenths_of).unwrap_or_default(),
                millis(few.worst()),
                millis(many.worst()),
                many.budget.map(millis).unwrap_or_default(),
                verdict(many.worst(), many.budget).to_owned(),
                tenths_of(tenths),
                verdict(tenths, most_tenths(many)).to_owned(),
                p99(&many.alone),
                p99(&many.crowded),
            ]);
        }
        table
    }
}

/// All that was measured on one database.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Product and version.
    pub database: String,
    /// Applications in it.
    pub rows: u64,
    /// Prepared drafts beside them.
    pub drafts: u64,
    /// Size, kB.
    pub size: u64,
    /// Requests to the program.
    pub requests: Vec<Line>,
    /// What nothing can be cheaper than.
    pub ceilings: Vec<Line>,
    /// Confirmations of 预核销, each beside its statements alone.
    pub confirmations: Vec<Line>,
    /// Time and memory of the program.
    pub figures: Vec<Figure>,
    /// Lists in a small and in a large database, measured apart.
    pub growth: Option<Growth>,
}

impl Sheet {
    /// Everything over its budget, by name.
    pub fn over(&self) -> Vec<String> {
        let lines = self.requests.iter().filter(|l| l.is_over()).map(|l| l.name.clone());
        let figures = self.figures.iter().filter(|f| verdict(f.value, f.budget) == "over").map(|f| f.name.to_owned());
        lines.chain(figures).chain(self.growth.iter().flat_map(Growth::over)).collect()
    }

    /// A sentence on the data.
    pub fn heading(&self) -> String {
        if let Some(Growth { rows, sizes, .. }) = &self.growth {
            let [few, many] =
                [0, 1].map(|n| format!("{} applications in {} MB", grouped(rows[n]), megabytes(sizes[n])));
            return format!("{}: {few}, and {many}", self.database);
        }
        format!(
            "{}: {} applications and {} prepared drafts, {} MB",
            self.database,
            grouped(self.rows),
            grouped(self.drafts),
            megabytes(self.size)
        )
    }

    /// The tables of what was measured.
    pub fn tables(&self) -> Vec<(&'static str, Table)> {
        let mut all = vec![
            ("Requests", lines(&self.requests)),
            ("Ceilings in the same run", lines(&self.ceilings)),
            ("Confirmations of 预核销, beside the bare database", lines(&self.confirmations)),
            ("Start and memory of the program", figures(&self.figures)),
        ];
        if let Some(growth) = &self.growth {
            all.push(("Lists in a small database and in a large one", growth.table()));
            all.push(("The longest list of the large one as a file", figures(&growth.figures)));
        }
        all.into_iter().filter(|(_, table)| !table.rows.is_empty()).collect()
    }
}

fn verdict(value: u64, budget: Option<u64>) -> &'static str {
    match budget {
        Some(budget) if value > budget => "over",
        Some(_) => "ok",
        None => "",
    }
}

fn lines(lines: &[Line]) -> Table {
    let mut table = Table::new(&[
        "",
        "statements",
        "CPU ms, 1",
        "CPU ms, 16",
        "of it database",
        "budget",
        "",
        "p50 ms, 1",
        "p99 ms, 1",
        "p50 ms, 16",
        "p99 ms, 16",
        "per second, 16",
        "MB then",
    ]);
    let cell = |run: &Option<Run>, write: &dyn Fn(&Run) -> String| run.as_ref().map_or_else(String::new, write);
    let time = |run: &Option<Run>, percent| cell(run, &|r| r.percentile(percent).map(millis).unwrap_or_default());
    for line in lines {
        table.rows.push(vec![
            line.name.clone(),
            line.statements.map(tenths_of).unwrap_or_default(),
            cell(&line.alone, &|r| millis(r.each().total())),
            cell(&line.crowded, &|r| millis(r.each().total())),
            cell(&line.crowded, &|r| millis(r.each().database)),
            line.budget.map(millis).unwrap_or_default(),
            verdict(line.worst(), line.budget).to_owned(),
            time(&line.alone, 50),
            time(&line.alone, 99),
            time(&line.crowded, 50),
            time(&line.crowded, 99),
            cell(&line.crowded, &|r| r.rate().map(grouped).unwrap_or_default()),
            line.resident.map(megabytes).unwrap_or_default(),
        ]);
    }
    table
}

fn figures(figures: &[Figure]) -> Table {
    let mut table = Table::new(&["", "measured", "budget", ""]);
    for f in figures {
        table.rows.push(vec![
            f.name.to_owned(),
            f.unit.written(f.value),
            f.budget.map(|b| f.unit.written(b)).unwrap_or_default(),
            verdict(f.value, f.budget).to_owned(),
        ]);
    }
    table
}

/// Cells in rows; the first column is text, the others are figures.
#[derive(Debug, Clone)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new() }
    }

    fn widths(&self) -> Vec<usize> {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        (0..self.head.len())
            .map(|n| all().filter_map(|row| row.get(n)).map(|c| c.chars().count()).max().unwrap_or_default())
            .collect()
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        let widths = self.widths();
        let aligned = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(n, (cell, width))| match n {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
            format!("{}\n", cells.collect::<String>().trim_end())
        };
        std::iter::once(&self.head).chain(&self.rows).map(aligned).collect()
    }

    /// For the documentation.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut rule: Vec<String> = vec!["---".to_owned()];
        rule.resize(self.head.len(), "---:".to_owned());
        [&self.head, &rule].into_iter().chain(&self.rows).map(|cells| row(cells)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_written_as_markdown() {
        let mut table = Table::new(&["", "ms"]);
        table.rows.push(vec!["open".to_owned(), "1.20".to_owned()]);
        table.rows.push(vec!["submit".to_owned(), "12.00".to_owned()]);
        assert_eq!(table.text(), "           ms\nopen     1.20\nsubmit  12.00\n");
        assert_eq!(table.markdown(), "|  | ms |\n| --- | ---: |\n| open | 1.20 |\n| submit | 12.00 |\n");
    }

    #[test]
    fn what_is_over_its_budget_is_named() {
        let figure = |value| Figure { name: "idle", value, budget: Some(100), unit: Unit::Memory };
        let sheet = Sheet {
            database: "SQLite".to_owned(),
            rows: 1,
            drafts: 0,
            size: 1,
            requests: Vec::new(),
            ceilings: Vec::new(),
            confirmations: Vec::new(),
            figures: vec![figure(100), figure(101)],
            growth: None,
        };
        assert_eq!(sheet.over(), ["idle"]);
    }
}
