//! The lists that a job makes files of: beside `site.rs` the only place that knows the capabilities that have one.

use domain::actor::Actor;
use domain::export::ReportKind;
use kit::app::App;
use kit::error::AppError;

use crate::parts::report::Report;
use crate::{audit, search, statistics, write_off};

/// The list of this address, as this person sees it now: rights are asked again.
pub async fn open(app: &App, actor: &Actor, kind: ReportKind, query: &str) -> Result<Report, AppError> {
    match kind {
        ReportKind::StatisticCases => statistics::cases_export::report(app, actor, query),
        ReportKind::AuditTrail => audit::export::report(app, actor, query).await,
        ReportKind::Search => search::export::report(app, actor, query).await,
        ReportKind::Ledger => write_off::ledger::report(app, actor, query).await,
    }
}
