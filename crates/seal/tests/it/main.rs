//! Signing and verifying, as others would try it: the right file, the changed file, the forged file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;
mod statements;
mod support;
