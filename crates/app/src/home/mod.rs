//! 系统首页 and 主页 (manual §1, §1.3).

pub mod bulletins;
pub mod home;
pub mod main;
