//! 免办证明 (manual §2.6): the page, the paper, and the public check.

pub mod show;
pub mod verification;
