//! Conditions of a list: joined by AND, an empty one is none (D27).

use domain::text;

use crate::Value;

/// The WHERE of a list under construction. Texts are trusted SQL, values are bound.
#[derive(Debug, Default)]
pub struct Conditions {
    clauses: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// No condition yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition; each `?` of `sql` takes the next value.
    #[must_use]
    pub fn and(mut self, sql: &str, values: Vec<Value>) -> Self {
        let mut out = String::with_capacity(sql.len() + 8);
        let mut n = self.values.len();
        for c in sql.chars() {
            if c == '?' {
                n += 1;
                out.push('$');
                out.push_str(&n.to_string());
            } else {
                out.push(c);
            }
        }
        self.values.extend(values);
        self.clauses.push(out);
        self
    }

    /// Adds 模糊 containment on a folded column, unless nothing was typed (D27).
    #[must_use]
    pub fn contains(self, folded_column: &str, typed: &str) -> Self {
        let folded = text::fold(typed);
        if folded.is_empty() {
            return self;
        }
        let pattern = text::like_pattern(&folded);
        self.and(&format!("{folded_column} LIKE ? ESCAPE '\\'"), crate::params![pattern])
    }

    /// ` WHERE …`, or nothing.
    pub fn sql(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!(" WHERE {}", self.clauses.join(" AND ")) }
    }

    /// The bound values, and more after them: the next placeholder is [`Self::next`].
    pub fn values(&self, more: Vec<Value>) -> Vec<Value> {
        self.values.iter().cloned().chain(more).collect()
    }

    /// The number of the first free placeholder.
    pub const fn next(&self) -> usize {
        self.values.len() + 1
    }
}
