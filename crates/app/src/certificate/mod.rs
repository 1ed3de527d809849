//! 免办证明 (manual §2.6): the list and what is downloaded of it, the page, the paper, and the public check.

pub mod answer;
pub mod archive;
pub mod keys;
pub mod list;
pub mod show;
pub mod statement;
pub mod verification;
