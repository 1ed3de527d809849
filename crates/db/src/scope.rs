//! A policy's `Scope` as a condition on `application a` (E8: EXISTS, never JOIN).

use domain::policy::Scope;

use crate::search::Conditions;
use crate::{Value, params};

/// The condition, with `?` for values.
fn clause(scope: &Scope) -> (&'static str, Vec<Value>) {
    match scope {
        Scope::Enterprise { user, shared_organisation: None } => ("a.owner_id = ?", params![*user]),
        Scope::Enterprise { user, shared_organisation: Some(organisation) } => {
            ("(a.owner_id = ? OR a.organisation_id = ?)", params![*user, *organisation])
        }
        Scope::Bureau(bureau) => (
            "(EXISTS (SELECT 1 FROM application_route r WHERE r.application_id = a.id AND r.bureau_code = ?) \
             OR a.entered_by_bureau = ?)",
            params![bureau.clone(), bureau.clone()],
        ),
        Scope::All => ("a.state <> 'draft'", params![]),
    }
}

/// The rows that this scope sees; a WHERE to go on from.
pub fn visible(scope: &Scope) -> Conditions {
    let (sql, values) = clause(scope);
    Conditions::new().and(sql, values)
}
