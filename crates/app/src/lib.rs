//! The screens: one folder per capability, one file and one template per screen.
//!
//! **The URL names the file**: `/applications/{id}/items` is `application/items.rs` with `items.html` beside it.
//! What several of them show lies in [`parts`]; no folder uses another one.
//! [`site::site`] is the table of every URL.

pub mod accounts;
pub mod amendment;
pub mod application;
pub mod audit;
pub mod background;
pub mod casework;
pub mod certificate;
pub mod clerk;
pub mod clock;
pub mod demo;
pub mod ending;
pub mod exports;
pub mod frame;
pub mod home;
pub mod jobs;
pub mod login;
pub mod mailbox;
pub mod mailbox_proof;
pub mod operations;
pub mod organisations;
pub mod parts;
pub mod passwords;
pub mod profile;
pub mod publishing;
pub mod reference;
pub mod registration;
pub mod reports;
pub mod routing;
pub mod search;
pub mod second_factor;
pub mod site;
pub mod statistics;
pub mod supervision;
pub mod usage;
pub mod write_off;
