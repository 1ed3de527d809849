//! What several capabilities show: an application as people read it, its state, its course, the login card, the sheet of
//! a certificate.

pub mod certificate_deeds;
pub mod certificate_notices;
pub mod correction;
pub mod delivery;
pub mod desks;
pub mod filed_form;
pub mod files;
pub mod found_certificate;
pub mod login_card;
pub mod particulars;
pub mod photo;
pub mod prose;
pub mod readings;
pub mod reminders;
pub mod routing;
pub mod sheet;
pub mod signing;
pub mod spreadsheet;
pub mod status;
pub mod timeline;
pub mod track;
pub mod usage;
pub mod view;
pub mod waiting;
