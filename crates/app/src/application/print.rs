//! 打印申请: the application form on paper, all fields and products (manual §2.2 case 4; R-2.2-10).

use std::collections::HashSet;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use db::application::Item;
use db::reading::What;
use domain::application::Application;
use domain::ids::ApplicationId;
use domain::policy::{self, Operation};
use domain::time::Instant;
use kit::app::{App, Papers};
use kit::error::AppError;
use kit::reference::ReferenceCache;
use kit::session::Signed;
use serde::Serialize;

use crate::parts::files::disposition;
use crate::parts::readings;
use crate::parts::view::{self, Row};

/// What stands for a character that the typeface lacks (E27).
const GETA: char = '〓';

#[derive(Serialize)]
struct Sheet {
    number: String,
    version: i64,
    submitted_on: String,
    printed_at: String,
    applicant_name: String,
    submission: Vec<Line>,
    applicant: Vec<Line>,
    basics: Vec<Line>,
    items: Vec<SheetItem>,
    files: Vec<SheetFile>,
    replaced: bool,
    specimen: bool,
}

#[derive(Serialize)]
struct Line {
    label: String,
    value: String,
    wide: bool,
}

#[derive(Serialize)]
struct SheetItem {
    ordinal: i64,
    product_name: String,
    hs_code: String,
    model: String,
    brand: String,
    manufacturer: String,
    origin_country: String,
    quantity: String,
    hs_quantity: String,
    total: String,
    details: String,
}

#[derive(Serialize)]
struct SheetFile {
    kind: String,
    name: String,
    size: String,
    at: String,
}

/// The paper, for everybody who may see the submitted application; typeset outside the async threads, and never more
/// at once than there are cores.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<ApplicationId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    let offered =
        policy::row_links(user.actor(), &application.ownership, None, app.now()).operations.contains(&Operation::Print);
    let (true, Some(number), Some(submitted)) = (offered, &application.number, application.submitted_at) else {
        return Err(AppError::Conflict("申请尚未提交，不能打印申请。请提交后再打印。".to_owned()));
    };
    readings::note(&app, &user, What::Print, id.get()).await;
    let items = db::application::items(&read, id).await?;
    let files = db::attachment::of_application(&read, id).await?;
    let mut sheet = fill_in(&app, &application, number, submitted, &items);
    sheet.files = view::file_rows(&app.references.now(), &files)
        .into_iter()
        .map(|f| SheetFile { kind: f.kind_name, name: f.name, size: f.size, at: f.at })
        .collect();

    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let papers = app.papers.clone();
    let typeset = move || {
        let _permit = permit;
        papers.application(&printable(papers.as_ref(), &mut sheet)?)
    };
    let bytes = tokio::task::spawn_blocking(typeset).await.map_err(anyhow::Error::new)??;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(header::CONTENT_DISPOSITION, disposition("inline", &format!("申请单{number}.pdf")));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

fn fill_in(app: &App, application: &Application, number: &str, submitted: Instant, items: &[Item]) -> Sheet {
    let references = app.references.now();
    let bureau = application.ownership.receiving_bureau.as_ref();
    let line = |label: &str, value: String| Line { label: label.to_owned(), value, wide: false };
    Sheet {
        number: number.to_owned(),
        version: application.version,
        submitted_on: submitted.china_day().to_string(),
        printed_at: app.now().china(),
        applicant_name: application.applicant.name.clone(),
        submission: vec![
            line("申请单号", number.to_owned()),
            line("提交时间", submitted.china()),
            line("受理局", bureau.map(|b| references.bureau_name(b).to_owned()).unwrap_or_default()),
            line("申请单状态", application.state().label().to_owned()),
        ],
        applicant: lines(view::applicant_rows(&application.applicant)),
        basics: lines(view::basics_rows(&references, application)),
        items: (1..).zip(items).map(|(ordinal, item)| sheet_item(&references, ordinal, item)).collect(),
        files: Vec::new(),
        replaced: false,
        specimen: app.config.demo,
    }
}

fn lines(rows: Vec<Row>) -> Vec<Line> {
    rows.into_iter().map(|r| Line { label: r.label.to_owned(), value: r.value, wide: !r.class.is_empty() }).collect()
}

fn sheet_item(references: &ReferenceCache, ordinal: i64, item: &Item) -> SheetItem {
    let row = view::item_row(references, ordinal, item);
    // What has no column of its own, in the order of the page.
    let columns = ["HS 编码", "规格型号", "商标", "生产厂名", "原产国", "数量/重量", "HS 标准量", "总价"];
    let traits = item.form.traits.iter().map(|t| (t.name.clone(), view::trait_value(t)));
    let rest = view::item_details(references, item)
        .into_iter()
        .filter(|r| !columns.contains(&r.label))
        .map(|r| (r.label.to_owned(), r.value));
    let details: Vec<_> =
        traits.chain(rest).filter(|(_, value)| !value.is_empty()).map(|(label, v)| format!("{label}：{v}")).collect();
    SheetItem {
        ordinal,
        product_name: row.product_name,
        hs_code: row.hs_code,
        model: row.model,
        brand: row.brand,
        manufacturer: row.manufacturer,
        origin_country: references.country_name(item.form.origin_country.as_str()).to_owned(),
        quantity: row.quantity,
        hs_quantity: row.hs_quantity,
        total: row.total,
        details: details.join("；"),
    }
}

/// The sheet as JSON, with 〓 for what the typeface lacks: a name of a file may hold any character.
fn printable(papers: &dyn Papers, sheet: &mut Sheet) -> anyhow::Result<String> {
    let written = |sheet: &Sheet| serde_json::to_string(sheet).context("the sheet of an application");
    let json = written(sheet)?;
    let missing: HashSet<char> = papers.missing_glyphs(&json).into_iter().collect();
    if missing.is_empty() {
        return Ok(json);
    }
    sheet.replaced = true;
    Ok(written(sheet)?.chars().map(|c| if missing.contains(&c) { GETA } else { c }).collect())
}
