//! The deeds on the users of an organisation, in words.

use db::audit::Deed;
use kit::app::App;

use crate::parts::timeline;

/// One deed, for people.
pub struct Line {
    /// When.
    pub at: String,
    /// On whose account.
    pub user: String,
    /// Who did it.
    pub who: String,
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// A deed on the account of this user.
pub fn line(app: &App, user: &str, deed: &Deed) -> Line {
    let detail: serde_json::Value = serde_json::from_str(&deed.detail).unwrap_or_default();
    let text = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
    let what = match deed.action.as_str() {
        "register" => "注册".to_owned(),
        "confirm" => "确认用户".to_owned(),
        "refuse" => "拒绝用户".to_owned(),
        "hand_over" => "移交单位管理员".to_owned(),
        "become_administrator" => "成为单位管理员".to_owned(),
        "leave_administration" => "不再担任单位管理员".to_owned(),
        "ask_mailbox_proof" => format!("发送验证邮件到 {}", text("mailbox")),
        "give_mailbox" => format!("改用邮箱 {}", text("mailbox")),
        "prove_mailbox" => format!("验证邮箱 {}", text("mailbox")),
        "waive_mailbox_proof" => "不要求验证邮箱".to_owned(),
        "vouch_for_mailbox" => format!("代为确认邮箱 {}", text("mailbox")),
        "undo_mailbox_change" => format!("从原邮箱恢复为 {}", text("mailbox")),
        "suspend_organisation" => "暂停单位".to_owned(),
        "lift_suspension" => "解除暂停".to_owned(),
        "correct_code" => format!("组织机构代码由 {} 更正为 {}", text("from"), text("to")),
        "set_role" if text("role") == "viewer" => "身份改为查阅".to_owned(),
        "set_role" => "身份改为经办".to_owned(),
        "invite" => format!("邀请 {}", text("mailbox")),
        "revoke_invitation" => "撤回邀请".to_owned(),
        "hand_over_application" => {
            let n = detail["applications"].as_u64().unwrap_or_default();
            format!("{} 件申请由 {} 移交给 {}", n, text("from"), text("to"))
        }
        "disable" => "停用".to_owned(),
        "enable" => "启用".to_owned(),
        "share_within" => "打开单位内共享".to_owned(),
        "stop_sharing" => "关闭单位内共享".to_owned(),
        "save_shared_fields" => "修改单位共用的信息".to_owned(),
        "change_password" => "修改密码".to_owned(),
        "set_password" => "设置密码（运维命令）".to_owned(),
        "request_password" => "申请取回密码".to_owned(),
        "redeem_password" => "使用一次性密码登录".to_owned(),
        "enable_second_factor" => "启用两步验证".to_owned(),
        "disable_second_factor" => "停用两步验证".to_owned(),
        "reset_second_factor" => "重置两步验证".to_owned(),
        "use_recovery_code" => "使用恢复码登录".to_owned(),
        "renew_recovery_codes" => "重新生成恢复码".to_owned(),
        "resend_letter" => "重新发送邮件".to_owned(),
        other => other.to_owned(),
    };
    Line {
        at: deed.at.china(),
        user: user.to_owned(),
        who: timeline::who(app, deed),
        what,
        reason: deed.opinion.clone(),
    }
}
