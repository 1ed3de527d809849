//! Two tabs on one form: yours and theirs, field by field, and which of the two to keep.

use askama::Template;
use askama::filters::HtmlSafe;
use domain::correction::Difference;
use kit::form::FormData;

/// The prefix of the choices; the rest is the key of the field.
const KEEP: &str = "keep.";

struct Row {
    key: String,
    label: String,
    yours: String,
    theirs: String,
    /// Whether each can be kept by itself.
    is_choice: bool,
    keeps_theirs: bool,
}

/// What somebody else has saved while this form was being filled in.
#[derive(Template)]
#[template(path = "application/conflict.html")]
pub struct Conflict {
    what: &'static str,
    rows: Vec<Row>,
}

impl HtmlSafe for Conflict {}

impl Conflict {
    /// The differences from what is stored to what was typed; `is_choice` says which fields can be taken over one by one.
    pub fn new(
        what: &'static str,
        differing: Vec<Difference>,
        form: &FormData,
        is_choice: impl Fn(&str) -> bool,
    ) -> Self {
        let rows = differing
            .into_iter()
            .map(|d| Row {
                keeps_theirs: form.get(&format!("{KEEP}{}", d.key)) == "theirs",
                is_choice: is_choice(&d.key),
                key: d.key,
                label: d.label,
                yours: d.after.unwrap_or_default(),
                theirs: d.before.unwrap_or_default(),
            })
            .collect();
        Self { what, rows }
    }
}

/// Puts what is stored into the form where the user chose to keep it; `fields_of` names the form's fields of a key.
pub fn keep_theirs(form: &mut FormData, stored: &FormData, fields_of: impl Fn(&str) -> Vec<String>) {
    let chosen: Vec<(String, bool)> = form
        .pairs()
        .iter()
        .filter_map(|(k, v)| k.strip_prefix(KEEP).map(|key| (key.to_owned(), v == "theirs")))
        .collect();
    for (key, keeps_theirs) in chosen {
        form.remove(&format!("{KEEP}{key}"));
        if keeps_theirs {
            for field in fields_of(&key) {
                if stored.has(&field) {
                    let value = stored.get(&field).to_owned();
                    form.set(&field, &value);
                } else {
                    form.remove(&field);
                }
            }
        }
    }
}
