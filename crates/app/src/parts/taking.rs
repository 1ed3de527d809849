//! 接手: an officer takes what a colleague has, and says why.

use kit::form::{Checker, FieldErrors, FormData};

/// 接手理由, as it stands in the trail; `what` and `holder` say whose it is.
pub fn reason(form: &FormData, what: &str, holder: &str) -> Result<String, FieldErrors> {
    let mut check = Checker::new(form);
    if form.get("reason").trim().is_empty() {
        check.error("reason", format!("{what}由 {holder} 办理，接手须填写理由"));
    }
    let reason = check.text("reason", "接手理由").length(2..=200).take();
    check.finish()?;
    Ok(reason)
}
