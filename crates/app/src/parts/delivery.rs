//! What became of a letter, in words: for its addressee, and for the administrator who had it sent.

use db::letter::{Delivery, Record};
use domain::letter::Failure;

/// Whether a letter went.
pub struct Standing {
    /// The colour of the tag.
    pub tone: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// 待发送, 已发送, 失败.
    pub label: &'static str,
    /// When it went, when it is tried again, or why nobody tries any more.
    pub remark: String,
}

impl From<&Record> for Standing {
    fn from(r: &Record) -> Self {
        let reason = r.failure.map_or("", Failure::label);
        let (tone, icon, label, remark) = match r.delivery() {
            Delivery::Sent(at) => ("t-green", "circle-check", "已发送", format!("{} 送出", at.china())),
            Delivery::Waiting(_) if reason.is_empty() => ("t-blue", "clock", "待发送", "即将发送".to_owned()),
            Delivery::Waiting(at) => ("t-amber", "clock", "待发送", format!("{reason}；下次发送 {}", at.china())),
            Delivery::Failed if r.failure.is_some() => ("t-red", "circle-x", "失败", reason.to_owned()),
            Delivery::Failed => ("t-red", "circle-x", "失败", Failure::Other.label().to_owned()),
        };
        Self { tone, icon, label, remark }
    }
}
