//! 后续监管: the bureau's side of what became of the goods (R-B-09), and the board of what is overdue for both sides.
//!
//! | file | what |
//! |---|---|
//! | `waiting` | the records that wait for 后续监管 |
//! | `review` | one record, judged |
//! | `dossier` | a certificate under supervision: goods, records, 尾差, 监管完结 |
//! | `visits` | on-site visits with photos |
//! | `overdue_certificates` | every certificate with its next duty and date |

pub mod dossier;
pub mod overdue_certificates;
pub mod review;
pub mod visits;
pub mod waiting;

use domain::actor::Post;
use domain::ids::BureauCode;
use domain::policy;
use kit::error::AppError;
use kit::session::BureauOfficer;

/// Refuses officers without the post.
fn must_hold_post(officer: &BureauOfficer) -> Result<(), AppError> {
    if officer.user.posts.holds(Post::Supervise) {
        return Ok(());
    }
    let why = "您没有后续监管岗的权限。需要办理时，请联系本局系统管理员配置岗位。";
    Err(AppError::Forbidden(why.to_owned()))
}

/// Refuses officers of other bureaus too: the frozen route names who supervises.
fn must_supervise(officer: &BureauOfficer, bureau: Option<&BureauCode>) -> Result<(), AppError> {
    must_hold_post(officer)?;
    if bureau.is_some_and(|b| policy::may_supervise(officer.actor(), b)) {
        return Ok(());
    }
    let why = "该证明的后续监管由其他检验检疫局办理，您可以查看，不能办理。";
    Err(AppError::Forbidden(why.to_owned()))
}
