//! 系统首页, 办前自查, 下载使用文档 and 主页 (manual §1, §1.3, §1.5).

pub mod bulletins;
pub mod bureaus;
pub mod home;
pub mod main;
pub mod manual;
pub mod pre_check;
