//! Where a bureau is and who answers, as its administrator keeps it (receipt, notices, letters, public pages).

use db::reference::Bureau;
use domain::ids::BureauCode;
use domain::policy::{KeepBureauContact, permit};
use kit::app::App;
use kit::reference::ReferenceCache;

use domain::actor::Actor;

/// Address, telephone, office hours, receiver of papers, each with its label; what is not registered is left out.
pub fn lines(bureau: &Bureau) -> Vec<(&'static str, String)> {
    [
        ("地址", &bureau.address),
        ("电话", &bureau.phone),
        ("办公时间", &bureau.office_hours),
        ("纸质材料收件人", &bureau.paper_receiver),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(label, value)| (label, value.clone()))
    .collect()
}

/// The same of the bureau with this code.
pub fn of(references: &ReferenceCache, code: Option<&BureauCode>) -> Vec<(&'static str, String)> {
    code.and_then(|code| references.bureau(code)).map(lines).unwrap_or_default()
}

/// One line for a letter; empty when nothing is registered.
pub fn sentence(references: &ReferenceCache, code: &BureauCode) -> String {
    let Some(bureau) = references.bureau(code) else { return String::new() };
    let said: Vec<_> = lines(bureau).into_iter().map(|(label, value)| format!("{label} {value}")).collect();
    if said.is_empty() { String::new() } else { format!("{}：{}", bureau.name, said.join("；")) }
}

/// Whom papers are brought to, as the notice says it: receiver, telephone, office hours.
pub fn for_papers(bureau: &Bureau) -> String {
    let parts = [&bureau.paper_receiver, &bureau.phone, &bureau.office_hours];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("，")
}

/// Whether this user keeps the contact of a bureau that has no address or no telephone yet.
pub fn is_asked_for(app: &App, actor: &Actor) -> bool {
    let references = app.references.now();
    permit::<KeepBureauContact>(actor).is_ok()
        && actor
            .bureau()
            .and_then(|code| references.bureau(code))
            .is_some_and(|bureau| bureau.address.is_empty() || bureau.phone.is_empty())
}
