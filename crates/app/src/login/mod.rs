//! 登录, 退出系统, 忘记密码 (manual §1.2–1.4).

pub mod login;
pub mod logout;
pub mod password_reset;
pub mod second_factor;
