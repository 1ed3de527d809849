//! Rules of the CCC exemption system: pure, no async, no I/O.
//!
//! What two screens would have to agree on lives here. Values first ([`ids`], [`time`], [`quantity`],
//! [`text`], [`number`], [`catalogue`], [`calendar`], [`clock_watch`]); then who is acting ([`actor`]), what he may see and do
//! ([`policy`]), how an application moves ([`workflow`]), when it is complete ([`application`]), what a correction asks
//! for and changes ([`correction`]), what an officer should look at
//! ([`risk`]) and compares with paper ([`comparison`]), which bureau handles it ([`routing`]), what CNCA keeps on pages ([`reference`]),
//! what a certificate is, how it is changed and how it ends ([`certificate`], [`ledger`], [`amendment`], [`ending`],
//! [`expiry`]), what became of the goods ([`usage`], [`supervision`]), and who is written to ([`letter`], [`bulletin`]).

pub mod actor;
pub mod amendment;
pub mod application;
pub mod bulletin;
pub mod calendar;
pub mod catalogue;
pub mod certificate;
pub mod clock_watch;
pub mod comparison;
pub mod correction;
pub mod ending;
pub mod expiry;
pub mod export;
pub mod festival;
pub mod ids;
pub mod ledger;
pub mod letter;
pub mod number;
pub mod policy;
pub mod quantity;
pub mod reference;
pub mod review;
pub mod risk;
pub mod routing;
pub mod statistics;
pub mod supervision;
pub mod text;
pub mod time;
pub mod usage;
pub mod workflow;
