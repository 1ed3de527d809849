//! The login card: on the home page, alone, and after a registration.

use domain::actor::AccountKind;
use kit::app::App;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::Caller;
use kit::session_ended;

use crate::demo;

/// The login card, on the home page and alone.
pub struct LoginCard {
    /// What was typed.
    pub form: FormView,
    /// The accounts of a demonstration: kind, name, what for.
    pub demo: Vec<(&'static str, &'static str, &'static str)>,
}

impl LoginCard {
    /// Nothing typed yet; 企业 chosen.
    pub fn empty(app: &App, caller: &Caller) -> Self {
        Self::again(app, caller, FormData::default(), FieldErrors::default())
    }

    /// With what was typed, and what is wrong with it.
    pub fn again(app: &App, caller: &Caller, form: FormData, errors: FieldErrors) -> Self {
        let demo = if app.config.demo {
            demo::ACCOUNTS.iter().map(|a| (a.kind, a.username, a.what)).collect()
        } else {
            Vec::new()
        };
        Self { form: FormView::new(form, errors, &caller.csrf), demo }
    }

    /// The kinds of user, 企业 first.
    pub fn kinds(&self) -> Vec<(&'static str, &'static str)> {
        AccountKind::ALL.iter().map(|k| (k.word(), k.label())).collect()
    }

    /// What was typed before the session ended, through however many attempts to log in (E20).
    pub fn carried(&self) -> Vec<(&str, &str)> {
        session_ended::carried(&self.form.data)
    }

    /// Whether this kind is chosen.
    pub fn is_chosen(&self, value: &str) -> bool {
        let chosen = self.form.data.get("kind");
        value == if chosen.is_empty() { AccountKind::Enterprise.word() } else { chosen }
    }
}
