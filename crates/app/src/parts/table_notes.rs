//! What was read of a workbook and what was not, with the choice of another sheet and of hidden rows. It stands in the form
//! of an import, so it works without script.

use askama::Template;
use askama::filters::HtmlSafe;
use kit::form::FormData;

use crate::parts::spreadsheet::{Asked, Seen};

/// The notes, and the controls of the choice.
#[derive(Template, Debug, Clone, Default)]
#[template(path = "parts/table_notes.html")]
pub struct TableNotes {
    notes: Vec<String>,
    sheet: String,
    /// The sheets to choose from; none when there is one only.
    sheets: Vec<String>,
    has_hidden: bool,
    with_hidden: bool,
}

impl HtmlSafe for TableNotes {}

impl TableNotes {
    /// Of what was seen.
    pub fn of(seen: &Seen) -> Self {
        let mut sheets = seen.others.clone();
        if !sheets.is_empty() {
            sheets.insert(0, seen.sheet.clone());
        }
        Self {
            notes: seen.notes(),
            sheet: seen.sheet.clone(),
            sheets,
            has_hidden: seen.has_hidden(),
            with_hidden: seen.with_hidden,
        }
    }

    /// Whether there is something to say.
    pub const fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Whether another choice would read something else.
    pub const fn has_choice(&self) -> bool {
        !self.sheets.is_empty() || self.has_hidden
    }

    /// The choice that this page was made with, as the form sends it back.
    fn seen_sheet(&self) -> &str {
        if self.sheets.is_empty() { "" } else { &self.sheet }
    }

    fn is_read(&self, sheet: &str) -> bool {
        self.sheet == sheet
    }

    /// What a form or an address asks for.
    pub fn asked(sheet: &str, hidden: &str) -> Asked {
        Asked { sheet: sheet.to_owned(), with_hidden: hidden == "1" }
    }

    /// What the form asks for, and whether its page showed that already.
    pub fn chosen(form: &FormData) -> (Asked, bool) {
        let asked = Self::asked(form.get("sheet"), form.get("hidden"));
        let is_seen = Self::asked(form.get("seen_sheet"), form.get("seen_hidden")) == asked;
        (asked, is_seen && !form.has("check"))
    }
}
