//! The line of posts that an application passes, and where it stands (D6).

use std::cmp::Ordering;

use askama::Template;
use askama::filters::HtmlSafe;
use domain::actor::Post;
use domain::application::Application;
use domain::workflow::State as S;
use kit::app::App;

use crate::frame;

struct Stop {
    label: &'static str,
    class: &'static str,
    tone: &'static str,
    icon: &'static str,
}

/// 提交申请 and the posts, drawn as a line; nothing for a course that was broken off.
#[derive(Template)]
#[template(
    source = r#"{% if !stops.is_empty() %}<section class="card" aria-label="审批进度"><div class="card-body"><ol class="track">{% for s in stops %}<li class="{{ s.class }}"{% if s.class == "now" %} aria-current="step"{% endif %}><span class="dot {{ s.tone }}">{{ kit::icon(s.icon) }}</span><span>{{ s.label }}</span></li>{% endfor %}</ol></div></section>{% endif %}"#,
    ext = "html"
)]
pub struct Track {
    stops: Vec<Stop>,
}

impl HtmlSafe for Track {}

impl Track {
    /// The line of this application; 文件对比 is left out where its bureau has switched it off.
    pub fn of(app: &App, application: &Application) -> Self {
        let references = app.references.now();
        let of = &application.ownership;
        let bureau = of.current_bureau.as_ref().or(of.receiving_bureau.as_ref());
        let compares = bureau.and_then(|b| references.bureau(b)).is_none_or(|b| b.compare_enabled);
        let state = of.state;
        let (post, tone, icon) = match state {
            S::Terminated | S::Withdrawn => return Self { stops: Vec::new() },
            S::Returned => (application.return_post, "t-amber", Some("arrow-back-up")),
            S::AcceptanceRefused => (Some(Post::Accept), "t-red", Some("ban")),
            S::FirstReviewFailed => (Some(Post::FirstReview), "t-red", Some("circle-x")),
            S::FinalReviewFailed => (Some(Post::FinalReview), "t-red", Some("circle-x")),
            S::ComparingFailed => (Some(Post::Compare), "t-red", Some("files-off")),
            other => (other.post(), "", None),
        };
        let mut posts = vec![("提交申请", None)];
        let course = Post::COURSE.into_iter().filter(|p| *p != Post::Compare || compares || post == Some(*p));
        posts.extend(course.map(|p| (p.label(), Some(p))));
        let at = match state {
            S::Issued => posts.len(),
            _ => post.and_then(|p| posts.iter().position(|(_, q)| *q == Some(p))).unwrap_or(0),
        };
        let stops = posts.into_iter().enumerate().map(|(n, (label, post))| {
            let own = post.map_or("send", frame::icon_of);
            match n.cmp(&at) {
                Ordering::Less => Stop { label, class: "done", tone: "", icon: "check" },
                Ordering::Equal => Stop { label, class: "now", tone, icon: icon.unwrap_or(own) },
                Ordering::Greater => Stop { label, class: "", tone: "", icon: own },
            }
        });
        Self { stops: stops.collect() }
    }
}
