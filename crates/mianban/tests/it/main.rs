//! The program as an operator meets it: options, commands, start and stop.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod commands;
mod killed;
mod mail;
mod options;
mod outside;
mod program;
mod serving;
mod store;
