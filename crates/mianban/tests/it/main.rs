//! The program as an operator meets it: options, commands, start and stop.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod commands;
mod deploy;
mod durable;
mod killed;
mod mail;
mod migrations;
mod options;
mod outside;
mod program;
mod readiness;
mod serving;
mod store;
