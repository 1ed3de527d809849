//! 校验: walks the chain of one subject, and looks whether the newest checkpoint fits the rows it covers (E12).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit::{self, Subject};
use db::audit_query;
use domain::ids::{AccountId, ApplicationId, CertificateId, JobId, PortSystemId};
use domain::policy::{Reach, ReadAudit};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::audit::kind_label;
use crate::frame::{self, Entry};

/// `?kind=application&id=12`; without them the checkpoint alone.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ChainQuery {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    id: i64,
}

/// What the walk found.
struct Walk {
    kind: &'static str,
    id: i64,
    rows: usize,
    first: String,
    last: String,
    /// The first row that does not fit.
    broken: Option<i64>,
    /// The subject's own row knows another end.
    lacks_end: bool,
    covered: bool,
}

impl Walk {
    fn is_whole(&self) -> bool {
        self.broken.is_none() && !self.lacks_end
    }
}

struct CheckpointView {
    at: String,
    rows: usize,
    last: i64,
    fits: bool,
}

#[derive(Template)]
#[template(path = "audit/chain.html")]
struct ChainPage {
    shell: Shell,
    walk: Option<Walk>,
    checkpoint: Option<CheckpointView>,
    now: String,
}

/// The result.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadAudit>,
    Query(query): Query<ChainQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let checkpoint = audit::newest_checkpoint(&read).await?;
    let walk = if query.kind.is_empty() {
        None
    } else {
        let subject = match query.kind.as_str() {
            "application" => Subject::Application(ApplicationId::new(query.id)),
            "certificate" => Subject::Certificate(CertificateId::new(query.id)),
            "account" => Subject::Account(AccountId::new(query.id)),
            "port_system" => Subject::PortSystem(PortSystemId::new(query.id)),
            "job" => Subject::Job(JobId::new(query.id)),
            _ => return Err(AppError::NotFound),
        };
        if let Reach::Bureau(own) = user.permit.reach()
            && !audit_query::has_deed_of(read, &query.kind, query.id, own).await?
        {
            return Err(AppError::NotFound);
        }
        let trail = audit::trail(&read, subject).await?;
        let (Some(first), Some(last)) = (trail.first(), trail.last()) else { return Err(AppError::NotFound) };
        let head = audit::head(&read, subject).await?;
        Some(Walk {
            kind: kind_label(&query.kind),
            id: query.id,
            rows: trail.len(),
            first: first.at.china(),
            last: last.at.china(),
            broken: audit::first_break(subject, &trail),
            lacks_end: head.is_some_and(|h| h != last.hash),
            covered: checkpoint.as_ref().is_some_and(|c| c.last_audit_id >= last.id),
        })
    };
    page::render(&ChainPage {
        shell: frame::signed(&app, &user, "校验", Entry::Audit, &[("审计查询", "/audit")]).await?,
        walk,
        checkpoint: checkpoint.map(|c| CheckpointView {
            at: c.at.china(),
            rows: c.rows,
            last: c.last_audit_id,
            fits: c.fits,
        }),
        now: app.now().china(),
    })
}
