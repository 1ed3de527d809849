//! 状态: icon, words and tone, never colour alone.

use askama::Template;
use askama::filters::HtmlSafe;
use domain::certificate::{CertificateState, Standing};
use domain::time::Instant;
use domain::workflow::State;

/// The badge of a state.
#[derive(Template, Debug, Clone)]
#[template(
    source = r#"{% if let Some(href) = href %}<a class="st {{ tone }}" href="{{ href }}">{{ kit::icon(icon) }}{{ label }}</a>{% else %}<span class="st {{ tone }}">{{ kit::icon(icon) }}{{ label }}</span>{% endif %}"#,
    ext = "html"
)]
pub struct Status {
    tone: &'static str,
    icon: &'static str,
    label: &'static str,
    href: Option<String>,
}

impl HtmlSafe for Status {}

impl Status {
    /// The badge alone.
    pub const fn of(state: State) -> Self {
        let (tone, icon) = match state {
            State::Draft => ("t-gray", "pencil"),
            State::Accepting => ("t-blue", "inbox"),
            State::Returned => ("t-amber", "arrow-back-up"),
            State::AcceptanceRefused => ("t-red", "ban"),
            State::FirstReview => ("t-cyan", "eye-search"),
            State::FirstReviewFailed | State::FinalReviewFailed => ("t-red", "circle-x"),
            State::FinalReview => ("t-indigo", "gavel"),
            State::Comparing => ("t-cyan", "files"),
            State::ComparingPaper => ("t-orange", "mail-forward"),
            State::ComparingFailed => ("t-red", "files-off"),
            State::AwaitingIssue => ("t-blue", "certificate"),
            State::Issued => ("t-green", "certificate"),
            State::Terminated => ("t-slate", "hand-stop"),
            State::Withdrawn => ("t-gray", "arrow-back-up"),
        };
        Self { tone, icon, label: state.label(), href: None }
    }

    /// The badge of a certificate.
    pub const fn of_certificate(standing: Standing) -> Self {
        let (tone, icon) = match standing {
            Standing::Valid => ("t-green", "certificate"),
            Standing::Amending => ("t-cyan", "file-pencil"),
            Standing::Expired => ("t-gray", "clock-off"),
            Standing::Exhausted => ("t-indigo", "checks"),
            Standing::Revoked => ("t-red", "ban"),
            Standing::Surrendered => ("t-slate", "x"),
        };
        let label = match standing {
            Standing::Amending => CertificateState::Amending.label(),
            Standing::Valid | Standing::Expired | Standing::Exhausted | Standing::Revoked | Standing::Surrendered => {
                standing.label()
            }
        };
        Self { tone, icon, label, href: None }
    }

    /// The badge as a link (状态栏 cases 6, 7 and 15).
    #[must_use]
    pub fn linked(mut self, href: String) -> Self {
        self.href = Some(href);
        self
    }
}

/// How long a draft has left, in whole hours: `剩余 9 天 23 小时`, `剩余 3 天`, `剩余 5 小时` (D8).
pub fn time_left(until: Instant, now: Instant) -> String {
    let hours = until.seconds_since(now).max(0) / 3600;
    match (hours / 24, hours % 24) {
        (0, hours) => format!("剩余 {hours} 小时"),
        (days, 0) => format!("剩余 {days} 天"),
        (days, hours) => format!("剩余 {days} 天 {hours} 小时"),
    }
}
