//! 账号管理: the accounts of officers and of CNCA, kept by 局系统管理员 for their bureau and by 系统管理 of CNCA for all
//! (R-C-06).

pub mod account;
mod history;
pub mod list;
pub mod password;
pub mod second_factor;
