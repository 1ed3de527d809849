//! 登录, 退出系统 (manual §1.2, §1.3).

pub mod login;
pub mod logout;
