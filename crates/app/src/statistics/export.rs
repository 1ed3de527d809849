//! A table of the statistics as a file, or all of them as one workbook: the numbers of the page.

use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use domain::policy::ReadStatistics;
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::parts::report::{Kind, Sheet, file, refusal, workbook};
use crate::parts::spreadsheet::{self, Head, Value};
use crate::statistics::figures::{self, Table};
use crate::statistics::statistics::Filters;

/// The file that is asked for, beside the filters of the page.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    table: String,
    #[serde(default)]
    format: String,
}

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    Query(filters): Query<Filters>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let asked = filters.read(&app, &user.permit).map_err(|errors| refusal(&errors, "统计"))?;
    let is_csv = query.format == "csv";
    let mut tables = figures::load(&app, &asked).await?.tables;
    if !query.table.is_empty() || is_csv {
        tables.retain(|t| t.word == query.table);
    }
    let Some(first) = tables.first() else { return Err(AppError::NotFound) };
    let title = if tables.len() == 1 { first.title } else { "全部" };
    let name = format!("统计_{title}_{}_{}", asked.period.from, asked.period.to);
    if is_csv {
        let (heads, rows) = rows_of(first);
        let heads: Vec<_> = heads
            .into_iter()
            .map(|title| Head { title, is_required: false, is_text: false, choices: Vec::new() })
            .collect();
        return Ok(file(spreadsheet::write_csv(&heads, &rows).into(), &name, Kind::Csv));
    }
    let sheets: Vec<_> = tables
        .iter()
        .map(|t| {
            let (heads, rows) = rows_of(t);
            Sheet { name: t.title, heads, rows }
        })
        .collect();
    Ok(file(workbook(&sheets, app.now())?.into(), &name, Kind::Xlsx))
}

/// The heads and the rows, the sum at their end.
fn rows_of(table: &Table) -> (Vec<String>, Vec<Vec<Value>>) {
    let heads = std::iter::once(table.first).chain(table.heads.iter().copied()).map(str::to_owned).collect();
    let rows = table
        .lines
        .iter()
        .chain(&table.total)
        .map(|line| {
            let number =
                |n: Option<i64>| n.map_or_else(|| Value::Text(String::new()), |n| Value::Number(n.to_string()));
            std::iter::once(Value::Text(line.label.clone())).chain(line.figures.iter().map(|f| number(f.n))).collect()
        })
        .collect();
    (heads, rows)
}
