//! 后台任务: letters, papers and files that could not be made, for CNCA's administrators and those of the bureaus.

pub mod jobs;
