//! Which bureau does which step: asked by 提交申请 and by the tester of 业务下放 alike, so that they cannot disagree.

use db::Source;
use domain::ids::BureauCode;
use domain::routing::{self, Consignment, Stop};
use domain::time::Day;
use kit::error::AppError;
use kit::reference::ReferenceCache;

/// The direct bureau of the place of final use and the bureau of every step on this day; none when no bureau is
/// responsible for the region (workflow §4).
pub async fn resolve<'a>(
    source: &impl Source,
    references: &'a ReferenceCache,
    day: Day,
    of: &Consignment<'_>,
) -> Result<Option<(&'a BureauCode, Vec<Stop>)>, AppError> {
    let Some(direct) = references.direct_bureau_of(of.region, day) else { return Ok(None) };
    let rules = db::reference::delegations(source, direct, day).await?;
    Ok(Some((direct, routing::route(direct, &rules, of))))
}
