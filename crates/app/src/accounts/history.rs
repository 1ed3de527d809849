//! 操作记录 of an account: its audit trail in words.

use db::audit::Deed;
use domain::actor::Posts;
use domain::ids::AccountId;

/// One deed, for people.
pub(super) struct Line {
    pub at: String,
    pub who: String,
    pub what: String,
    pub reason: String,
    pub address: String,
}

/// A deed on this account in words.
pub(super) fn line(deed: &Deed, account: AccountId) -> Line {
    let detail: serde_json::Value = serde_json::from_str(&deed.detail).unwrap_or_default();
    let what = match deed.action.as_str() {
        "appoint" => format!("新增账号，岗位：{}", labels(&detail["posts"])),
        "save_officer" => saved(&detail),
        "disable" => format!("停用{}", released(&detail)),
        "enable" => "启用".to_owned(),
        "reset_password" => "重置密码".to_owned(),
        "set_password" => "设置密码（运维命令）".to_owned(),
        "change_password" => "修改密码".to_owned(),
        "request_password" => "申请取回密码".to_owned(),
        "redeem_password" => "使用一次性密码登录".to_owned(),
        "enable_second_factor" => "启用两步验证".to_owned(),
        "disable_second_factor" if deed.actor_id == Some(account) => "停用两步验证".to_owned(),
        "disable_second_factor" => "重置两步验证".to_owned(),
        "use_recovery_code" => "使用恢复码登录".to_owned(),
        "renew_recovery_codes" => "重新生成恢复码".to_owned(),
        "resend_letter" => "重新发送邮件".to_owned(),
        "require_second_factor" => required(&detail),
        other => other.to_owned(),
    };
    Line {
        at: deed.at.china(),
        who: deed.actor_name.clone(),
        what,
        reason: deed.opinion.clone(),
        address: deed.address.clone(),
    }
}

fn labels(words: &serde_json::Value) -> String {
    let posts = words.as_str().and_then(|w| w.parse::<Posts>().ok()).unwrap_or_default();
    super::list::labels(&posts)
}

fn released(detail: &serde_json::Value) -> String {
    match detail["released"].as_u64() {
        Some(n) if n > 0 => format!("，{n} 件在办单据已退回岗位"),
        Some(_) | None => String::new(),
    }
}

fn saved(detail: &serde_json::Value) -> String {
    let changed: Vec<_> = detail["changed"].as_array().into_iter().flatten().filter_map(|c| c.as_str()).collect();
    let mut parts = Vec::new();
    if changed.contains(&"posts") {
        parts.push(format!("岗位由“{}”改为“{}”", labels(&detail["posts_before"]), labels(&detail["posts"])));
    }
    for (word, label) in [("name", "修改姓名"), ("phone", "修改联系电话"), ("email", "修改联系邮箱")] {
        if changed.contains(&word) {
            parts.push(label.to_owned());
        }
    }
    if parts.is_empty() {
        parts.push("保存，没有变化".to_owned());
    }
    parts.join("，") + &released(detail)
}

fn required(detail: &serde_json::Value) -> String {
    let whose = detail["bureau"].as_str().map_or_else(|| "认监委".to_owned(), |code| format!("检验检疫局 {code}"));
    let what = if detail["required"].as_bool() == Some(true) { "要求" } else { "不再要求" };
    format!("{what}{whose}的人员启用两步验证")
}
