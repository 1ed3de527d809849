//! The site through its front door, on SQLite and, when `MIANBAN_TEST_POSTGRES` names a server, on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod accounts;
mod attachments;
mod audit;
mod cases;
mod casework;
mod certificates;
mod copies;
mod corrections;
mod demonstration;
mod drafts;
mod filing;
mod home;
mod jobs;
mod letters;
mod lists;
mod login;
mod manual;
mod operations;
mod pre_check;
mod print;
mod products;
mod profile;
mod registration;
mod second_factor;
mod statements;
mod story;
mod structure;
mod submission;
mod support;
mod tables;
mod templates;
mod traceability;
mod typed;
mod ways;
