//! The controls of forms, each a small template printed with `{{ }}` (E25): label, star, value, help, error.

use std::borrow::Cow;

use askama::Template;
use askama::filters::HtmlSafe;
use domain::text;

use crate::form::{FieldErrors, FormData};

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is submitted.
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// More about it, on choice cards.
    pub note: String,
}

impl Choice {
    /// A value with its label.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), note: String::new() }
    }

    /// The same with an explanation.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// What all controls have in common.
#[derive(Debug, Clone)]
struct Frame<'a> {
    name: &'a str,
    label: &'a str,
    error: Option<&'a str>,
    help: String,
    is_required: bool,
    is_shared: bool,
    /// 送补正 named it: a tag beside the label says so.
    is_marked: bool,
    columns: u8,
}

impl<'a> Frame<'a> {
    const fn new(name: &'a str, label: &'a str, error: Option<&'a str>) -> Self {
        Self {
            name,
            label,
            error,
            help: String::new(),
            is_required: false,
            is_shared: false,
            is_marked: false,
            columns: 1,
        }
    }

    fn label_class(&self) -> &'static str {
        match (self.is_required, self.is_shared) {
            (true, true) => "form-label req req-org",
            (true, false) => "form-label req",
            (false, true) => "form-label req-org",
            (false, false) => "form-label",
        }
    }

    fn column_class(&self) -> &'static str {
        match (self.columns, self.is_marked) {
            (2, false) => "c2",
            (2, true) => "c2 to-correct",
            (3, false) => "c3",
            (3, true) => "c3 to-correct",
            (_, false) => "",
            (_, true) => "to-correct",
        }
    }

    fn invalid(&self) -> &'static str {
        if self.error.is_some() { " is-invalid" } else { "" }
    }

    /// ` aria-invalid … aria-describedby …`, as far as there is something to say.
    fn aria(&self, counter: bool) -> Aria<'_> {
        Aria { frame: self, counter }
    }
}

struct Aria<'a> {
    frame: &'a Frame<'a>,
    counter: bool,
}

impl HtmlSafe for Aria<'_> {}

impl std::fmt::Display for Aria<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.frame.name;
        if self.frame.is_required {
            f.write_str(" required")?;
        }
        if self.frame.error.is_some() {
            f.write_str(" aria-invalid=\"true\"")?;
        }
        let mut ids = Vec::new();
        if self.frame.error.is_some() {
            ids.push(format!("f-{name}-err"));
        }
        if !self.frame.help.is_empty() {
            ids.push(format!("f-{name}-hint"));
        }
        if self.counter {
            ids.push(format!("f-{name}-count"));
        }
        if ids.is_empty() { Ok(()) } else { write!(f, " aria-describedby=\"{}\"", ids.join(" ")) }
    }
}

/// The setters that every control has.
macro_rules! setters {
    ($name:ident) => {
        impl HtmlSafe for $name<'_> {}

        impl $name<'_> {
            /// Red star.
            #[must_use]
            pub const fn required(mut self) -> Self {
                self.frame.is_required = true;
                self
            }

            /// Format or consequence, below the field.
            #[must_use]
            pub fn help(mut self, help: impl Into<String>) -> Self {
                self.frame.help = help.into();
                self
            }

            /// Named by 送补正: highlighted, with a word beside the label.
            pub(crate) const fn marked_if(mut self, yes: bool) -> Self {
                self.frame.is_marked = yes;
                self
            }

            /// Over two or three columns.
            #[must_use]
            pub const fn wide(mut self, columns: u8) -> Self {
                self.frame.columns = columns;
                self
            }
        }
    };
}

/// A text or password field.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/text.html")]
pub struct TextField<'a> {
    frame: Frame<'a>,
    value: &'a str,
    kind: &'static str,
    max: usize,
    autocomplete: &'a str,
    placeholder: &'a str,
    inputmode: &'a str,
    is_readonly: bool,
    unit: &'a str,
    unit_select: Option<(&'a str, &'a str, &'a [Choice])>,
}
setters!(TextField);

impl<'a> TextField<'a> {
    pub(crate) const fn new(
        name: &'a str,
        label: &'a str,
        value: &'a str,
        error: Option<&'a str>,
        kind: &'static str,
    ) -> Self {
        Self {
            frame: Frame::new(name, label, error),
            value,
            kind,
            max: 0,
            autocomplete: "",
            placeholder: "",
            inputmode: "",
            is_readonly: false,
            unit: "",
            unit_select: None,
        }
    }

    /// The value as an input of one line holds it. Browsers take line breaks out and glue what stands around them.
    fn shown(&self) -> Cow<'a, str> {
        if self.value.contains(['\r', '\n']) {
            Cow::Owned(text::one_line(self.value))
        } else {
            Cow::Borrowed(self.value)
        }
    }

    /// Blue ✱: shared by all users of the organisation code.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.frame.is_shared = true;
        self
    }

    /// The most characters.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// The autocomplete token.
    #[must_use]
    pub const fn autocomplete(mut self, token: &'a str) -> Self {
        self.autocomplete = token;
        self
    }

    /// An example inside the empty field.
    #[must_use]
    pub const fn placeholder(mut self, text: &'a str) -> Self {
        self.placeholder = text;
        self
    }

    /// A number is asked for: the right keyboard on phones.
    #[must_use]
    pub const fn decimal(mut self) -> Self {
        self.inputmode = "decimal";
        self
    }

    /// Shown, not typed.
    #[must_use]
    pub const fn readonly_if(mut self, yes: bool) -> Self {
        self.is_readonly = yes;
        self
    }

    /// A fixed unit behind the number.
    #[must_use]
    pub const fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }

    /// A unit to choose behind the number: field, value, choices.
    #[must_use]
    pub const fn unit_select(mut self, name: &'a str, value: &'a str, choices: &'a [Choice]) -> Self {
        self.unit_select = Some((name, value, choices));
        self
    }
}

/// Several lines of text, with the remaining characters.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/textarea.html")]
pub struct TextArea<'a> {
    frame: Frame<'a>,
    value: &'a str,
    max: usize,
    rows: u8,
}
setters!(TextArea);

impl<'a> TextArea<'a> {
    pub(crate) const fn new(name: &'a str, label: &'a str, value: &'a str, error: Option<&'a str>) -> Self {
        Self { frame: Frame::new(name, label, error), value, max: 0, rows: 3 }
    }

    /// The most characters.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// How many lines are seen.
    #[must_use]
    pub const fn rows(mut self, rows: u8) -> Self {
        self.rows = rows;
        self
    }

    fn left(&self) -> usize {
        // Browsers send line breaks as two characters and count them as one.
        self.max.saturating_sub(self.value.chars().filter(|c| *c != '\r').count())
    }
}

/// A list.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/select.html")]
pub struct Select<'a> {
    frame: Frame<'a>,
    value: &'a str,
    choices: &'a [Choice],
    more: Option<(&'a str, &'a [Choice])>,
    search: &'a str,
    blank: &'a str,
}
setters!(Select);

impl<'a> Select<'a> {
    pub(crate) const fn new(
        name: &'a str,
        label: &'a str,
        value: &'a str,
        error: Option<&'a str>,
        choices: &'a [Choice],
    ) -> Self {
        Self { frame: Frame::new(name, label, error), value, choices, more: None, search: "", blank: "请选择" }
    }

    /// A second group, after the first.
    #[must_use]
    pub const fn more(mut self, title: &'a str, choices: &'a [Choice]) -> Self {
        self.more = Some((title, choices));
        self
    }

    /// A long list: can be searched by typing.
    #[must_use]
    pub const fn search(mut self, hint: &'a str) -> Self {
        self.search = hint;
        self
    }

    /// What the empty entry says.
    #[must_use]
    pub const fn blank(mut self, label: &'a str) -> Self {
        self.blank = label;
        self
    }
}

/// Choice cards, at most a dozen, with explanations.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/radio.html")]
pub struct Radio<'a> {
    frame: Frame<'a>,
    value: &'a str,
    choices: &'a [Choice],
}
setters!(Radio);

impl<'a> Radio<'a> {
    pub(crate) const fn new(
        name: &'a str,
        label: &'a str,
        value: &'a str,
        error: Option<&'a str>,
        choices: &'a [Choice],
    ) -> Self {
        Self { frame: Frame::new(name, label, error), value, choices }
    }
}

/// A box to tick.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/checkbox.html")]
pub struct Checkbox<'a> {
    frame: Frame<'a>,
    is_ticked: bool,
}
setters!(Checkbox);

impl<'a> Checkbox<'a> {
    pub(crate) const fn new(name: &'a str, label: &'a str, is_ticked: bool, error: Option<&'a str>) -> Self {
        Self { frame: Frame::new(name, label, error), is_ticked }
    }
}

/// A day.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/date.html")]
pub struct DateField<'a> {
    frame: Frame<'a>,
    value: &'a str,
}
setters!(DateField);

impl<'a> DateField<'a> {
    pub(crate) const fn new(name: &'a str, label: &'a str, value: &'a str, error: Option<&'a str>) -> Self {
        Self { frame: Frame::new(name, label, error), value }
    }
}

/// One select of a cascade.
struct Level<'a> {
    id: String,
    name: String,
    label: &'static str,
    value: &'a str,
    choices: &'a [Choice],
    /// The ones below follow a change of this one.
    leads: bool,
}

fn levels<'a, const N: usize>(
    name: &str,
    labels: [&'static str; N],
    data: &'a FormData,
    choices: &'a [Vec<Choice>; N],
) -> Vec<Level<'a>> {
    (0..N)
        .map(|n| {
            let field = format!("{name}_{}", n + 1);
            let value = data.pairs().iter().find(|(k, _)| *k == field).map_or("", |(_, v)| v.as_str());
            // The summary of mistakes leads to the first select.
            let id = if n == 0 { format!("f-{name}") } else { format!("f-{field}") };
            Level { id, name: field, label: labels[n], value, choices: &choices[n], leads: n + 1 < N }
        })
        .collect()
}

/// 行政区划 in three linked selects; without script a 刷新 button asks for the next list (E24).
///
/// Before 刷新 stands a hidden button without address: a browser presses the first button of a form when somebody types
/// Enter, and that must save, not refresh.
#[derive(Template)]
#[template(path = "kit/controls/cascade.html")]
pub struct RegionField<'a> {
    frame: Frame<'a>,
    levels: Vec<Level<'a>>,
    action: &'a str,
}
setters!(RegionField);

impl<'a> RegionField<'a> {
    pub(crate) fn new(
        name: &'a str,
        label: &'a str,
        data: &'a FormData,
        error: Option<&'a str>,
        choices: &'a [Vec<Choice>; 3],
        action: &'a str,
    ) -> Self {
        let mut frame = Frame::new(name, label, error);
        frame.columns = 3;
        let levels = levels(name, ["省（自治区、直辖市）", "市", "区（县）"], data, choices);
        Self { frame, levels, action }
    }
}

/// 口岸 in two linked selects.
#[derive(Template)]
#[template(path = "kit/controls/cascade.html")]
pub struct TwoLevel<'a> {
    frame: Frame<'a>,
    levels: Vec<Level<'a>>,
    action: &'a str,
}
setters!(TwoLevel);

impl<'a> TwoLevel<'a> {
    pub(crate) fn new(
        name: &'a str,
        label: &'a str,
        data: &'a FormData,
        error: Option<&'a str>,
        choices: &'a [Vec<Choice>; 2],
        action: &'a str,
    ) -> Self {
        let mut frame = Frame::new(name, label, error);
        frame.columns = 3;
        Self { frame, levels: levels(name, ["关区", "口岸"], data, choices), action }
    }
}

/// The token of a form.
#[derive(Template, Debug, Clone)]
#[template(source = r#"<input type="hidden" name="csrf" value="{{ csrf }}">"#, ext = "html")]
pub struct HiddenToken<'a> {
    csrf: &'a str,
}
impl HtmlSafe for HiddenToken<'_> {}

impl<'a> HiddenToken<'a> {
    pub(crate) const fn new(csrf: &'a str) -> Self {
        Self { csrf }
    }
}

/// All mistakes of a form, as links to their fields.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/controls/error_summary.html")]
pub struct ErrorSummary<'a> {
    errors: &'a FieldErrors,
    saves: bool,
}
impl HtmlSafe for ErrorSummary<'_> {}

impl<'a> ErrorSummary<'a> {
    pub(crate) const fn new(errors: &'a FieldErrors) -> Self {
        Self { errors, saves: true }
    }

    /// Of a form that saves nothing, such as a query or a log-in: it does not say 没有保存.
    #[must_use]
    pub const fn of_query(mut self) -> Self {
        self.saves = false;
        self
    }

    fn count(&self) -> usize {
        self.errors.iter().count()
    }
}
