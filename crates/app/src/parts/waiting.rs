//! How long a case has waited, on the service clock, with its colour.

use askama::Template;
use askama::filters::HtmlSafe;
use db::application::NEVER;
use domain::actor::Post;
use domain::calendar::Pace;
use domain::time::Instant;
use kit::reference::ReferenceCache;

/// What the list shows: an icon and words beside the colour.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/waiting.html")]
pub struct Waiting {
    pace: Pace,
    text: String,
}

impl HtmlSafe for Waiting {}

impl Waiting {
    /// The wait at a post since an instant; [`NEVER`] while the clock stands.
    pub fn of(references: &ReferenceCache, post: Option<Post>, since: Instant, now: Instant) -> Self {
        if since == NEVER {
            return Self { pace: Pace::Stopped, text: Pace::Stopped.label().to_owned() };
        }
        let term = post.and_then(|p| references.term(p));
        let pace = term.map_or(Pace::InTime, |t| t.pace(&references.calendar, since, now.china_day()));
        let days = references.calendar.working_days_since(since, now.china_day());
        let text = match (days, now.seconds_since(since).max(0) / 3600) {
            (0, ..1) => "不到 1 小时".to_owned(),
            (0, hours @ 1..24) => format!("{hours} 小时"),
            (days, _) => format!("{days} 个工作日"),
        };
        Self { pace, text }
    }

    const fn class(&self) -> &'static str {
        match self.pace {
            Pace::InTime => "",
            Pace::Due => "t-amber",
            Pace::Overdue => "t-red",
            Pace::Stopped => "t-gray",
        }
    }

    const fn icon(&self) -> &'static str {
        match self.pace {
            Pace::InTime | Pace::Due => "clock-exclamation",
            Pace::Overdue => "alert-triangle",
            Pace::Stopped => "mail-forward",
        }
    }
}
