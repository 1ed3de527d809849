//! What all screens share: who is calling, forms and their controls, the frame, error pages, paging, uploads, assets.
//!
//! Templates of other crates extend `kit/layout.html` (signed in) or `kit/public.html`.

extern crate self as kit;

pub mod app;
pub mod assets;
pub mod controls;
pub mod cookies;
pub mod error;
pub mod flash;
pub mod form;
pub mod glyphs;
pub mod kept;
pub mod multipart;
pub mod page;
pub mod paging;
pub mod random;
pub mod reference;
pub mod security;
pub mod session;
pub mod session_ended;
pub mod shell;
pub mod throttle;
pub mod upload;
pub mod watch;

pub use shell::icon;
