//! 以前提交的内容: what a record or an amendment held when it was submitted before, beside what it holds now (D32).

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::submission_copy::{self, Submitted};
use kit::error::AppError;

struct Round {
    at: String,
    fields: Vec<(String, String)>,
}

/// The card; empty when there was one submission.
#[derive(Template)]
#[template(
    source = r#"{% if !rounds.is_empty() %}<section class="card" id="earlier" aria-labelledby="ear-h"><div class="card-header"><h2 id="ear-h">以前提交的内容</h2><span class="muted small">共 {{ rounds.len() }} 次，留存备查</span></div><div class="card-body">{% for r in rounds %}<details><summary>{{ r.at }} 提交</summary><dl class="kv">{% for (label, value) in r.fields %}<div class="c3"><dt>{{ label }}</dt><dd class="prewrap">{% if value.is_empty() %}<span class="muted">—</span>{% else %}{{ value }}{% endif %}</dd></div>{% endfor %}</dl></details>{% endfor %}</div></section>{% endif %}"#,
    ext = "html"
)]
pub struct SubmissionCopies {
    rounds: Vec<Round>,
}

impl HtmlSafe for SubmissionCopies {}

impl SubmissionCopies {
    /// The submissions before the newest one. The caller has loaded the subject in scope.
    pub async fn of(source: &impl Source, of: Submitted) -> Result<Self, AppError> {
        let found = submission_copy::earlier(source, of).await?;
        let rounds = found.into_iter().map(|c| Round { at: c.at.china(), fields: c.fields }).collect();
        Ok(Self { rounds })
    }
}
