//! Forms: raw text in, checked values out, every error at once, nothing typed is lost.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;
use domain::ids::RegionCode;
use domain::text;
use domain::time::Day;

use crate::app::Papers;
pub use crate::controls::Choice;
use crate::controls::{
    Checkbox, DateField, ErrorSummary, HiddenToken, Radio, RegionField, Select, TextArea, TextField, TwoLevel,
};
use crate::glyphs;

/// No key of a page is longer.
pub const LONGEST_KEY: usize = 64;

/// Said above a form whose page was opened before somebody else changed what it shows; what was typed stands in it.
pub const CHANGED_MEANWHILE: &str =
    "您打开本页后，内容已被他人修改，因此没有保存。以下是您填写的内容，请对照本页下方的记录核对后再次保存";

/// A submitted body or query: pairs in their order. What nobody can see is dropped from their values
/// ([`text::visible`]), but for passwords, of which every byte counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormData(Vec<(String, String)>);

impl FormData {
    /// The form of these pairs.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let kept = |(name, value): (String, String)| {
            let value = if is_kept_as_it_is(&name, &value) { value } else { text::visible(&value) };
            (name, value)
        };
        Self(pairs.into_iter().map(kept).collect())
    }

    /// The filters of a list as a form; an empty one is absent.
    pub fn of_filters(filters: &[(&str, &str)]) -> Self {
        let filled = filters.iter().filter(|(_, v)| !v.is_empty());
        Self(filled.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    /// What was typed, `""` when the field is absent.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v)
    }

    /// The key of a page whose form makes something once, however often it is sent; none when the page is not whole.
    pub fn creation_key(&self) -> Option<&str> {
        Some(self.get("creation_key")).filter(|key| (32..=LONGEST_KEY).contains(&key.len()))
    }

    /// Every value of a repeated field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// Whether the field is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(k, _)| k == name)
    }

    /// Replaces a field, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(k, _)| k != name);
        let value = if is_kept_as_it_is(name, value) { value.to_owned() } else { text::visible(value) };
        self.0.push((name.to_owned(), value));
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(k, _)| k != name);
    }

    /// The pairs, in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

fn is_kept_as_it_is(name: &str, value: &str) -> bool {
    name.contains("password") || text::is_visible(value)
}

/// Reads `application/x-www-form-urlencoded`.
pub fn parse_urlencoded(body: &[u8]) -> FormData {
    FormData::from_pairs(url::form_urlencoded::parse(body).into_owned().collect())
}

/// Drops what nobody can see from the query of an address, so that a search finds what was pasted with it.
pub async fn clean_query(mut request: Request, next: Next) -> Response {
    if let Some(uri) = cleaned(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// The address with a clean query; none when its own is clean.
fn cleaned(uri: &Uri) -> Option<Uri> {
    // What cannot be seen is never written into an address as it is.
    let query = uri.query().filter(|query| query.contains('%'))?;
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if pairs.iter().all(|(_, value)| text::is_visible(value)) {
        return None;
    }
    let mut clean = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &pairs {
        clean.append_pair(name, &text::visible(value));
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{}?{}", uri.path(), clean.finish()).parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What to do.
    pub message: String,
}

/// All mistakes of a form, in the order of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds a mistake; the first one of a field stays.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        if self.for_field(field).is_none() {
            self.0.push(FieldError { field: field.to_owned(), message: message.into() });
        }
    }

    /// The mistake of a field.
    pub fn for_field(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|e| e.field == field).map(|e| e.message.as_str())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }
}

/// Reads the fields of a form and gathers every mistake.
#[derive(Debug)]
pub struct Checker<'a> {
    form: &'a FormData,
    errors: FieldErrors,
}

impl<'a> Checker<'a> {
    /// Begins with a form.
    pub fn new(form: &'a FormData) -> Self {
        Self { form, errors: FieldErrors::default() }
    }

    /// Notes a mistake.
    pub fn error(&mut self, field: &str, message: impl Into<String>) {
        self.errors.add(field, message);
    }

    /// A text field.
    pub fn text<'c>(&'c mut self, field: &'c str, label: &'c str) -> TextCheck<'c, 'a> {
        TextCheck {
            check: self,
            field,
            label,
            is_required: false,
            is_one_line: false,
            length: 0..=usize::MAX,
            printer: None,
        }
    }

    /// A field that must be filled in and has a form of its own; the parser's message stands beside the field.
    pub fn parse<T, E: Display>(
        &mut self,
        field: &str,
        label: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let typed = self.form.get(field).trim();
        if typed.is_empty() {
            self.errors.add(field, format!("请填写{label}"));
            return None;
        }
        self.parsed(field, typed, parse)
    }

    /// The same for a field that may be blank.
    pub fn parse_optional<T, E: Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let typed = self.form.get(field).trim();
        if typed.is_empty() { None } else { self.parsed(field, typed, parse) }
    }

    fn parsed<T, E: Display>(
        &mut self,
        field: &str,
        typed: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(typed) {
            Ok(value) => Some(value),
            Err(why) => {
                self.errors.add(field, why.to_string());
                None
            }
        }
    }

    /// One of a list; the answer is the code, or `""` with a mistake noted.
    pub fn choice(&mut self, field: &str, label: &str, exists: impl FnOnce(&str) -> bool) -> String {
        let typed = self.form.get(field).trim();
        if typed.is_empty() || !exists(typed) {
            self.errors.add(field, format!("请选择{label}"));
            String::new()
        } else {
            typed.to_owned()
        }
    }

    /// A day that may be blank.
    pub fn day_optional(&mut self, field: &str, label: &str) -> Option<Day> {
        self.parse_optional(field, |s| text::half_width(s).parse::<Day>().map_err(|e| format!("{label}：{e}")))
    }

    /// A day that must be chosen.
    pub fn day(&mut self, field: &str, label: &str) -> Option<Day> {
        if self.form.get(field).trim().is_empty() {
            self.errors.add(field, format!("请选择{label}"));
            return None;
        }
        self.day_optional(field, label)
    }

    /// The three selects of a region; `leaf` answers for the deepest one chosen.
    pub fn region(
        &mut self,
        field: &str,
        label: &str,
        leaf: impl FnOnce([&str; 3]) -> Option<RegionCode>,
    ) -> Option<RegionCode> {
        let names = [1, 2, 3].map(|n| format!("{field}_{n}"));
        let levels = names.each_ref().map(|n| self.form.get(n));
        let chosen = leaf(levels);
        if chosen.is_none() {
            let deeper = if levels[0].is_empty() { "请选择" } else { "请选择完整的" };
            self.errors.add(field, format!("{deeper}{label}（选到最后一级）"));
        }
        chosen
    }

    /// All mistakes, if any.
    pub fn finish(self) -> Result<(), FieldErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

/// What must be able to print a text.
struct Printer<'c>(&'c dyn Papers);

impl fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Printer")
    }
}

/// A text field being checked.
#[derive(Debug)]
pub struct TextCheck<'c, 'a> {
    check: &'c mut Checker<'a>,
    field: &'c str,
    label: &'c str,
    is_required: bool,
    is_one_line: bool,
    length: RangeInclusive<usize>,
    printer: Option<Printer<'c>>,
}

impl<'c> TextCheck<'c, '_> {
    /// Red star.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// A field of one line: a line break in it becomes "；" ([`text::one_line`]).
    #[must_use]
    pub const fn one_line(mut self) -> Self {
        self.is_one_line = true;
        self
    }

    /// Length in characters.
    #[must_use]
    pub const fn length(mut self, length: RangeInclusive<usize>) -> Self {
        self.length = length;
        self
    }

    /// Printed on the certificate: a character that no face has is a mistake (E27, D33).
    #[must_use]
    pub const fn printed(mut self, papers: &'c dyn Papers) -> Self {
        self.printer = Some(Printer(papers));
        self
    }

    /// The normalised text; a mistake is noted.
    pub fn take(self) -> String {
        let Self { check, field, label, is_required, is_one_line, length, printer } = self;
        let typed = check.form.get(field);
        let value = if is_one_line { text::one_line(typed) } else { text::normalise(typed) };
        let n = value.chars().count();
        if value.is_empty() {
            if is_required {
                check.errors.add(field, format!("请填写{label}"));
            }
        } else if n < *length.start() {
            check.errors.add(field, format!("{label}至少填写 {} 个字，现在是 {n} 个字", length.start()));
        } else if n > *length.end() {
            check.errors.add(field, format!("{label}不能超过 {} 个字，现在是 {n} 个字", length.end()));
        } else if let Some(why) = printer.and_then(|Printer(papers)| glyphs::mistake(papers, label, &value)) {
            check.errors.add(field, why);
        }
        value
    }
}

/// A form as a page shows it: what was typed, the mistakes, the token.
#[derive(Debug, Clone)]
pub struct FormView {
    /// What was typed.
    pub data: FormData,
    /// The mistakes.
    pub errors: FieldErrors,
    csrf: String,
    action: String,
    marked: Vec<String>,
}

impl FormView {
    /// A form with what was typed and what is wrong with it.
    pub fn new(data: FormData, errors: FieldErrors, csrf: &str) -> Self {
        Self { data, errors, csrf: csrf.to_owned(), action: String::new(), marked: Vec::new() }
    }

    /// Where the cascades of this form ask, when it is not the page's own address.
    #[must_use]
    pub fn at(mut self, action: &str) -> Self {
        action.clone_into(&mut self.action);
        self
    }

    /// Highlights these fields with 需补正: 送补正 named them (D7).
    #[must_use]
    pub fn marking(mut self, fields: Vec<String>) -> Self {
        self.marked = fields;
        self
    }

    /// Whether this field is highlighted.
    pub fn is_marked(&self, name: &str) -> bool {
        self.marked.iter().any(|m| m == name)
    }

    /// A form with nothing typed.
    pub fn blank(csrf: &str) -> Self {
        Self::new(FormData::default(), FieldErrors::default(), csrf)
    }

    /// The token, as a hidden field.
    pub fn token(&self) -> HiddenToken<'_> {
        HiddenToken::new(&self.csrf)
    }

    /// All mistakes as links to their fields; takes focus.
    pub fn error_summary(&self) -> ErrorSummary<'_> {
        ErrorSummary::new(&self.errors)
    }

    fn error(&self, name: &str) -> Option<&str> {
        self.errors.for_field(name)
    }

    /// One line of text.
    pub fn text<'a>(&'a self, name: &'a str, label: &'a str) -> TextField<'a> {
        TextField::new(name, label, self.data.get(name), self.error(name), "text").marked_if(self.is_marked(name))
    }

    /// A password; never shown again.
    pub fn password<'a>(&'a self, name: &'a str, label: &'a str) -> TextField<'a> {
        TextField::new(name, label, "", self.error(name), "password").marked_if(self.is_marked(name))
    }

    /// Several lines of text.
    pub fn textarea<'a>(&'a self, name: &'a str, label: &'a str) -> TextArea<'a> {
        TextArea::new(name, label, self.data.get(name), self.error(name)).marked_if(self.is_marked(name))
    }

    /// A list.
    pub fn select<'a>(&'a self, name: &'a str, label: &'a str, choices: &'a [Choice]) -> Select<'a> {
        Select::new(name, label, self.data.get(name), self.error(name), choices).marked_if(self.is_marked(name))
    }

    /// Choice cards.
    pub fn radio<'a>(&'a self, name: &'a str, label: &'a str, choices: &'a [Choice]) -> Radio<'a> {
        Radio::new(name, label, self.data.get(name), self.error(name), choices).marked_if(self.is_marked(name))
    }

    /// A box to tick.
    pub fn checkbox<'a>(&'a self, name: &'a str, label: &'a str) -> Checkbox<'a> {
        Checkbox::new(name, label, self.data.has(name), self.error(name)).marked_if(self.is_marked(name))
    }

    /// A day.
    pub fn date<'a>(&'a self, name: &'a str, label: &'a str) -> DateField<'a> {
        DateField::new(name, label, self.data.get(name), self.error(name)).marked_if(self.is_marked(name))
    }

    /// 行政区划 in three selects `{name}_1` to `{name}_3`.
    pub fn region<'a>(&'a self, name: &'a str, label: &'a str, levels: &'a [Vec<Choice>; 3]) -> RegionField<'a> {
        RegionField::new(name, label, &self.data, self.error(name), levels, &self.action)
            .marked_if(self.is_marked(name))
    }

    /// 口岸 in two selects `{name}_1`, `{name}_2`.
    pub fn two_level<'a>(&'a self, name: &'a str, label: &'a str, levels: &'a [Vec<Choice>; 2]) -> TwoLevel<'a> {
        TwoLevel::new(name, label, &self.data, self.error(name), levels, &self.action).marked_if(self.is_marked(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> FormData {
        FormData(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn every_mistake_is_found_at_once_in_the_order_of_the_page() {
        let data = form(&[("purpose", "短"), ("phone", "abc"), ("mode", "0110")]);
        let mut check = Checker::new(&data);
        check.text("name", "申请单位").required().take();
        check.text("purpose", "用途及免办理由").required().length(10..=1000).take();
        check.parse("phone", "联系电话", text::phone);
        check.choice("mode", "贸易方式", |m| m == "0214");
        let errors = check.finish().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["name", "purpose", "phone", "mode"]);
        assert_eq!(errors.for_field("name"), Some("请填写申请单位"));
        assert_eq!(errors.for_field("purpose"), Some("用途及免办理由至少填写 10 个字，现在是 1 个字"));
    }

    #[test]
    fn a_field_with_a_mistake_shows_it_and_keeps_what_was_typed() {
        let mut errors = FieldErrors::default();
        errors.add("name", "请填写<申请单位>");
        let view = FormView::new(form(&[("name", "\"><script>")]), errors, "token");
        let html = view.text("name", "申请单位").required().help("帮助").to_string();
        assert!(html.contains("is-invalid") && html.contains("aria-invalid=\"true\""), "{html}");
        assert!(html.contains("aria-describedby=\"f-name-err f-name-hint\""), "{html}");
        assert!(!html.contains("<script>") && html.contains("&#60;申请单位&#62;"), "{html}");
        assert!(view.error_summary().to_string().contains("href=\"#f-name\""));
        assert!(view.token().to_string().contains("value=\"token\""));
    }

    /// Browsers would glue the lines of what was stored with breaks.
    #[test]
    fn a_field_of_one_line_shows_lines_behind_each_other() {
        let view = FormView::new(form(&[("model", "A-1\nA-2\r\nA-3")]), FieldErrors::default(), "token");
        let html = view.text("model", "规格型号").to_string();
        assert!(html.contains("value=\"A-1；A-2；A-3\""), "{html}");
    }

    #[test]
    fn a_cascade_keeps_what_was_chosen_and_enter_saves() {
        let levels = [vec![Choice::new("31", "上海市")], vec![Choice::new("3101", "市辖区")], Vec::new()];
        let mut errors = FieldErrors::default();
        errors.add("place", "请选择完整的行政区划（选到最后一级）");
        let view = FormView::new(form(&[("place_1", "31"), ("place_2", "3101")]), errors, "token");
        let html = view.region("place", "行政区划", &levels).required().to_string();
        assert!(html.contains("<option value=\"31\" selected>") && html.contains("<option value=\"3101\" selected>"));
        // The summary of mistakes leads to the first select, and only that one is required.
        assert!(html.contains("id=\"f-place\" name=\"place_1\"") && html.contains("name=\"place_3\""), "{html}");
        assert_eq!(html.matches(" required").count(), 1, "{html}");
        assert_eq!(html.matches("hx-post=\"?refresh=place\"").count(), 2, "{html}");
        // Enter presses the first button of a form.
        let first = html.find("<button").expect("there is a button");
        assert!(html[first..].starts_with("<button class=\"visually-hidden\" type=\"submit\""), "{html}");
        assert!(!html[first..html.find("</button>").unwrap()].contains("formaction"), "{html}");
    }

    #[test]
    fn tags_are_closed_whatever_stands_behind_a_number() {
        let units = [Choice::new("007", "台")];
        let view = FormView::blank("token");
        for html in [
            view.text("q", "数量").to_string(),
            view.text("q", "数量").unit("千克").to_string(),
            view.text("q", "数量").unit_select("u", "007", &units).to_string(),
            view.text("q", "数量").unit("千克").unit_select("u", "007", &units).help("帮助").to_string(),
        ] {
            assert_eq!(html.matches("<div").count(), html.matches("</div>").count(), "{html}");
        }
    }

    #[test]
    fn line_breaks_count_once_in_the_remaining_characters() {
        let view = FormView::new(form(&[("t", "甲\r\n乙")]), FieldErrors::default(), "token");
        assert!(view.textarea("t", "意见").max(10).to_string().contains("还可输入 7 字"));
    }

    #[test]
    fn what_nobody_can_see_is_dropped_from_every_field_but_a_password() {
        let data = parse_urlencoded("name=%E2%80%8B%E7%94%B2%EF%BB%BF&password=a%E2%80%8Bb&note=a%0D%0Ab".as_bytes());
        assert_eq!((data.get("name"), data.get("password"), data.get("note")), ("甲", "a\u{200b}b", "a\nb"));
        let mut check = Checker::new(&data);
        assert_eq!(check.text("note", "型号").one_line().take(), "a；b");
        assert_eq!(check.text("note", "备注").take(), "a\nb");
    }

    #[test]
    fn a_query_is_read_without_what_nobody_can_see() {
        let clean = |uri: &str| cleaned(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(clean("/search?q=%E2%80%8BMB%EF%BB%BF&p=1").as_deref(), Some("/search?q=MB&p=1"));
        assert_eq!(clean("/search?q=%E7%94%B2"), None);
        assert_eq!(clean("/search?q=a%ff%00b").as_deref(), Some("/search?q=a%EF%BF%BDb"));
        assert_eq!(clean("/search"), None);
    }

    #[test]
    fn repeated_and_unknown_fields_are_kept() {
        let data = parse_urlencoded("a=1&a=2&b=%E7%94%B2+%2B".as_bytes());
        assert_eq!(data.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(data.get("b"), "甲 +");
        assert_eq!(data.pairs().len(), 3);
    }
}
