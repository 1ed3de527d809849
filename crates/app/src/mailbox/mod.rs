//! 邮箱验证 (D29): the user's mailbox, and what the links of letters about it lead to.

pub mod mailbox;
pub mod proof;
pub mod undoing;
