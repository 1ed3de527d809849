//! 审计查询: who did what, by case, person, bureau and time (R-C-07, R-B-14); the check of the chains; who read personal data.

pub mod audit;
pub mod chain;
pub mod export;
pub mod readings;

use db::audit_query::{Cursor, Filter, Found};
use db::params;
use domain::ids::BureauCode;
use domain::policy::{Permit, Reach, ReadAudit};
use domain::text;
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData};
use kit::reference::ReferenceCache;
use kit::session::Permitted;

/// Rows on a page.
const SIZE: i64 = 50;

/// The actions that can be asked for, with what people call them; others are shown by their word.
const ACTIONS: &[(&str, &str)] = &[
    ("create", "首次保存申请"),
    ("edit", "保存申请内容"),
    ("delete", "删除草稿"),
    ("restore_draft", "恢复已删除的草稿"),
    ("purge_draft", "清除已删除的草稿"),
    ("submit", "提交申请"),
    ("resubmit", "补正后重新提交"),
    ("withdraw", "撤回申请"),
    ("take", "开始办理"),
    ("take_over", "接手办理"),
    ("release", "放弃办理"),
    ("reassign", "改派"),
    ("transfer", "移交其他局"),
    ("accept", "受理"),
    ("refuse", "拒绝受理、拒绝用户"),
    ("return", "送补正"),
    ("pass", "通过"),
    ("fail", "未通过"),
    ("request_paper", "要求送纸质材料"),
    ("paper_arrived", "纸质材料已收到"),
    ("compare_papers", "填写文件对比结果"),
    ("add_scan", "上传纸质原件扫描件"),
    ("delete_scan", "删除纸质原件扫描件"),
    ("issue", "发证"),
    ("send_back_to_final_review", "退回终审"),
    ("send_back_to_compare", "退回文件对比"),
    ("terminate", "强制终止流程"),
    ("add_note", "写内部备注"),
    ("strike_note", "划去内部备注"),
    ("usage_create", "填写产品使用记录"),
    ("usage_edit", "修改产品使用记录"),
    ("usage_delete", "删除产品使用记录"),
    ("usage_submit", "提交产品使用记录"),
    ("usage_approve", "产品使用记录审核通过"),
    ("usage_reject", "产品使用记录审核未通过"),
    ("supervision_visit", "登记现场核查"),
    ("close_tail", "结清尾差"),
    ("close_supervision", "监管完结"),
    ("declare", "提交预核销"),
    ("write_off", "核销"),
    ("reverse", "冲正核销"),
    ("refuse_pre_write_off", "退回预核销"),
    ("withdraw_pre_write_off", "撤回预核销"),
    ("lapse", "预核销失效"),
    ("add_delegation", "新增业务下放规则"),
    ("change_delegation", "修改业务下放规则"),
    ("end_delegation", "终止业务下放规则"),
    ("hand_over_region", "调整管辖区域"),
    ("reference_create", "添加基础数据"),
    ("reference_update", "修改基础数据"),
    ("save_bureau_contact", "修改本局联系方式"),
    ("reference_cancel", "取消待生效的基础数据"),
    ("reference_table", "导入基础数据文件"),
    ("register", "注册"),
    ("appoint", "分配账号"),
    ("confirm", "确认单位用户、确认预核销"),
    ("hand_over", "移交单位管理员"),
    ("become_administrator", "成为单位管理员"),
    ("save_particulars", "修改用户信息"),
    ("save_shared_fields", "修改单位共享信息"),
    ("change_password", "修改密码"),
    ("set_password", "设置密码"),
    ("request_password", "申请新密码"),
    ("redeem_password", "使用邮件中的密码"),
    ("enable_second_factor", "启用两步验证"),
    ("disable_second_factor", "停用两步验证"),
    ("renew_recovery_codes", "更换恢复码"),
    ("use_recovery_code", "使用恢复码"),
    ("reset_second_factor", "重置两步验证"),
    ("require_second_factor", "要求两步验证"),
    ("save_officer", "修改账号和岗位"),
    ("reset_password", "重置密码"),
    ("disable", "停用账号"),
    ("enable", "恢复账号"),
    ("leave_administration", "不再担任单位管理员"),
    ("ask_mailbox_proof", "发送邮箱验证邮件"),
    ("give_mailbox", "改用其他邮箱"),
    ("prove_mailbox", "验证邮箱"),
    ("waive_mailbox_proof", "不要求验证邮箱"),
    ("vouch_for_mailbox", "代为确认邮箱"),
    ("undo_mailbox_change", "从原邮箱恢复"),
    ("suspend_organisation", "暂停单位"),
    ("lift_suspension", "解除单位暂停"),
    ("correct_code", "更正组织机构代码"),
    ("set_role", "改变用户身份"),
    ("invite", "邀请同事"),
    ("revoke_invitation", "撤回邀请"),
    ("hand_over_application", "移交申请和证明"),
    ("share_within", "打开单位内共享"),
    ("stop_sharing", "关闭单位内共享"),
    ("choose_letters", "选择邮件通知"),
    ("resend_letter", "重发邮件"),
    ("save_template", "保存产品模板"),
    ("rename_template", "修改产品模板名称"),
    ("delete_template", "删除产品模板"),
    ("open_port_system", "开通口岸系统接口"),
    ("renew_port_system_key", "更换口岸系统密钥"),
    ("close_port_system", "停用口岸系统接口"),
    ("retry_job", "重新执行后台任务"),
];

/// What an action is called.
pub fn action_label(word: &str) -> &str {
    ACTIONS.iter().find(|(w, _)| *w == word).map_or(word, |(_, label)| label)
}

/// What is asked for, as the page has it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    number: String,
    #[serde(default)]
    certificate_no: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    before: String,
}

impl Filters {
    /// The filters without the place in the list.
    fn pairs(&self) -> [(&'static str, &str); 8] {
        [
            ("number", &self.number),
            ("certificate_no", &self.certificate_no),
            ("account", &self.account),
            ("username", &self.username),
            ("bureau", &self.bureau),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn data(&self) -> FormData {
        FormData::from_pairs(self.pairs().iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn is_empty(&self) -> bool {
        self.pairs().iter().all(|(_, v)| v.is_empty())
    }

    /// An address with these filters.
    fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (k, v) in self.pairs().iter().filter(|(_, v)| !v.is_empty()).chain(more) {
            query.append_pair(k, v);
        }
        format!("{path}?{}", query.finish())
    }
}

/// The instants of two days that were typed: the first belongs to it, the second is the first one after it.
fn period(errors: &mut FieldErrors, from: &str, to: &str) -> (Option<Instant>, Option<Instant>) {
    let mut day = |field: &str, typed: &str| {
        let typed = text::half_width(typed.trim());
        if typed.is_empty() {
            return None;
        }
        match typed.parse::<Day>() {
            Ok(day) => Some(day),
            Err(why) => {
                errors.add(field, why.to_string());
                None
            }
        }
    };
    let (first, last) = (day("from", from), day("to", to));
    if let (Some(first), Some(last)) = (first, last)
        && last < first
    {
        errors.add("to", "结束日期不能早于开始日期");
    }
    (first.map(Day::start_instant), last.map(Day::end_instant))
}

/// A page that was asked for by its address; an address that somebody changed begins at the top.
fn cursor(typed: &str) -> Option<Cursor> {
    typed.parse().ok()
}

/// The account of a 用户名.
async fn account_id(app: &App, username: &str) -> Result<Option<i64>, AppError> {
    #[derive(db::Row)]
    struct Id {
        id: i64,
    }
    let sql = "SELECT id FROM account WHERE username_folded = $1";
    let found: Option<Id> = app.db.read().row(sql, params![text::fold(username)]).await?;
    Ok(found.map(|f| f.id))
}

/// What to look for; what does not exist is a mistake beside its field. A bureau sees its own deeds.
async fn filter(
    app: &App,
    permit: &Permit<ReadAudit>,
    asked: &Filters,
) -> Result<Result<Filter, FieldErrors>, AppError> {
    #[derive(db::Row)]
    struct Id {
        id: i64,
    }
    let mut errors = FieldErrors::default();
    let mut filter = Filter::default();
    let read = app.db.read();
    let typed = |value: &str| text::half_width(value.trim());
    let (number, certificate) = (typed(&asked.number), typed(&asked.certificate_no));
    if !number.is_empty() {
        let sql = "SELECT id FROM application WHERE number = $1";
        let found: Option<Id> = read.row(sql, params![number.to_uppercase()]).await?;
        match found {
            Some(found) => filter.subject = Some(("application", found.id)),
            None => errors.add("number", "没有这个申请单号，请填写完整的申请单号"),
        }
    }
    if !certificate.is_empty() {
        let sql = "SELECT id FROM certificate WHERE number = $1";
        let found: Option<Id> = read.row(sql, params![certificate.to_uppercase()]).await?;
        match found {
            Some(_) if filter.subject.is_some() => {
                errors.add("certificate_no", "申请单号、证明号、对象用户名只能填写一个");
            }
            Some(found) => filter.subject = Some(("certificate", found.id)),
            None => errors.add("certificate_no", "没有这个证明号，请填写完整的证明号"),
        }
    }
    if !asked.account.trim().is_empty() {
        match account_id(app, &asked.account).await? {
            Some(_) if filter.subject.is_some() => errors.add("account", "申请单号、证明号、对象用户名只能填写一个"),
            Some(id) => filter.subject = Some(("account", id)),
            None => errors.add("account", "没有这个用户名"),
        }
    }
    if !asked.username.trim().is_empty() {
        match account_id(app, &asked.username).await? {
            Some(id) => filter.actor = Some(domain::ids::AccountId::new(id)),
            None => errors.add("username", "没有这个用户名"),
        }
    }
    filter.bureau = match permit.reach() {
        Reach::Bureau(own) => Some(own.clone()),
        Reach::Everywhere if asked.bureau.is_empty() => None,
        Reach::Everywhere => Some(BureauCode::new(asked.bureau.as_str())),
    };
    filter.action = (!asked.action.is_empty()).then(|| asked.action.clone());
    (filter.from, filter.to) = period(&mut errors, &asked.from, &asked.to);
    Ok(if errors.is_empty() { Ok(filter) } else { Err(errors) })
}

/// The bureaus to choose from; none for a bureau, which sees itself.
fn bureau_choices(app: &App, user: &Permitted<ReadAudit>) -> Vec<Choice> {
    match user.permit.reach() {
        Reach::Bureau(_) => Vec::new(),
        Reach::Everywhere => {
            app.references.now().bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.name.as_str())).collect()
        }
    }
}

/// What a row is about, and where it is read.
fn subject(row: &Found, of_bureau: bool) -> (String, Option<String>) {
    let name = row.subject_name.clone();
    match row.subject_kind.as_str() {
        "application" => match name {
            Some(number) if of_bureau => (number, Some(format!("/casework/{}", row.subject_id))),
            Some(number) => (number, Some(format!("/applications/{}", row.subject_id))),
            None => (format!("草稿 {}", row.subject_id), None),
        },
        "certificate" => {
            (name.unwrap_or_else(|| row.subject_id.to_string()), Some(format!("/certificates/{}", row.subject_id)))
        }
        _ => (name.unwrap_or_else(|| row.subject_id.to_string()), None),
    }
}

/// 申请, 证明, 账号.
fn kind_label(kind: &str) -> &'static str {
    match kind {
        "application" => "申请",
        "certificate" => "证明",
        "port_system" => "口岸系统",
        "job" => "后台任务",
        _ => "账号",
    }
}

fn bureau_name(references: &ReferenceCache, code: Option<&BureauCode>) -> String {
    code.map(|c| references.bureau_name(c).to_owned()).unwrap_or_default()
}

/// `受理中 → 初审中`.
fn states(row: &Found) -> String {
    match (row.from_state, row.to_state) {
        (Some(from), Some(to)) if from != to => format!("{} → {}", from.label(), to.label()),
        (None, Some(to)) => to.label().to_owned(),
        (_, _) => String::new(),
    }
}
