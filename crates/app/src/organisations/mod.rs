//! 企业用户 (D30): the organisations of a region and their users, repaired by 局系统管理员 of the direct bureau and by CNCA.

pub mod code;
pub mod handover;
pub mod list;
pub mod organisation;
pub mod proofs;
pub mod users;

use db::organisation::Keeper;
use domain::ids::RegionCode;
use domain::policy::{KeepOrganisations, Reach};
use kit::app::App;
use kit::session::Permitted;

/// Who this is, and which organisations are his: those of the regions that his bureau looks after today.
fn keeper<'a>(app: &App, user: &'a Permitted<KeepOrganisations>) -> Keeper<'a> {
    let references = app.references.now();
    let today = app.clock.today();
    let regions: Vec<RegionCode> = match user.permit.reach() {
        Reach::Everywhere => Vec::new(),
        Reach::Bureau(own) => references
            .regions
            .iter()
            .filter(|r| references.direct_bureau_of(&r.code, today) == Some(own))
            .map(|r| r.code.clone())
            .collect(),
    };
    Keeper::new(&user.permit, regions)
}
