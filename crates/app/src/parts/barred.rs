//! What keeps an enterprise's user from something, with the way out beside it (D29, D30).

use domain::actor::Bar;

/// The note on a page.
#[derive(Debug, Clone, Copy, askama::Template)]
#[template(path = "parts/barred.html")]
pub struct Barred {
    bar: Bar,
}

impl askama::filters::HtmlSafe for Barred {}

impl Barred {
    /// The note of a bar.
    pub const fn of(bar: Bar) -> Self {
        Self { bar }
    }

    /// The page on which one goes on, and what its link says.
    const fn way_out(self) -> (&'static str, &'static str) {
        match self.bar {
            Bar::Mailbox => ("/mailbox", "邮箱验证"),
            Bar::Suspended | Bar::Viewer => ("/profile/colleagues", "查看单位用户"),
        }
    }
}
