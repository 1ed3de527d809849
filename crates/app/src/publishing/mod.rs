//! 公告管理: what CNCA publishes, by 信息发布 (R-C-01).

pub mod bulletin;
pub mod files;
pub mod list;
pub mod versions;
