//! 修改用户信息, 修改密码, 单位用户, 邮件通知, 两步验证 (manual §3; D3, D5, D22).

pub mod colleagues;
pub mod handover;
pub mod invitations;
pub mod letters;
pub mod particulars;
pub mod password;
pub mod second_factor;
