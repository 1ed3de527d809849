//! What several capabilities show: an application as people read it, its state, its course, the login card, the sheet of
//! a certificate.

pub mod correction;
pub mod delivery;
pub mod files;
pub mod login_card;
pub mod particulars;
pub mod prose;
pub mod readings;
pub mod reminders;
pub mod routing;
pub mod sheet;
pub mod status;
pub mod timeline;
pub mod track;
pub mod view;
