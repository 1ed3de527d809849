//! What somebody typed into a form that was not done, to be read and copied: beside the sentence that says why not.
//!
//! Only fields with a known label are shown. Keys, tokens and passwords have none.

use std::sync::{Arc, OnceLock};

use askama::Template;
use askama::filters::HtmlSafe;
use domain::actor::Post;
use domain::application::Part;
use domain::correction::{BASICS_FIELDS, ITEM_FIELDS, NamedField};
use domain::ids::BureauCode;
use domain::review::Finding;
use domain::usage::UsageAction;
use domain::{amendment, ending, workflow};

use crate::form::FormData;
use crate::reference::ReferenceCache;

/// A field that was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptField {
    /// Its label on the form.
    pub label: String,
    /// What was typed, as people read it.
    pub value: String,
}

/// The card with what was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "kit/kept.html")]
pub struct Kept {
    fields: Vec<KeptField>,
}

impl HtmlSafe for Kept {}

impl Kept {
    /// The fields of a form, with the labels that all forms share.
    pub fn of(references: &ReferenceCache, form: &FormData) -> Self {
        Self::with(references, form, |_, _| None)
    }

    /// The same, where a page names fields of its own: `own` says the label and the value of those.
    pub fn with(
        references: &ReferenceCache,
        form: &FormData,
        own: impl Fn(&str, &str) -> Option<(String, String)>,
    ) -> Self {
        let mut fields: Vec<KeptField> = Vec::new();
        for (name, value) in form.pairs() {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let Some((label, value)) = own(name, value).or_else(|| known(references, name, value)) else { continue };
            match fields.iter_mut().find(|f| f.label == label) {
                Some(field) => {
                    field.value.push('、');
                    field.value.push_str(&value);
                }
                None => fields.push(KeptField { label, value }),
            }
        }
        Self { fields }
    }

    /// Whether nothing was typed.
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// The labels of fields that stand in several forms under the same name.
const LABELS: &[(&str, &str)] = &[
    ("opinion", "意见"),
    ("reason", "理由"),
    ("termination_reason", "终止原因"),
    ("withdrawal_reason", "收回原因"),
    ("closing_opinion", "完结意见"),
    ("confirm_number", "确认号码"),
    ("valid_from", "起始日期"),
    ("valid_to", "截止日期"),
    ("address", "送达地址"),
    ("papers", "材料清单"),
    ("contact", "联系人及电话"),
    ("deadline", "送达期限"),
    ("arrived_on", "收到日期"),
    ("caller", "来电人"),
    ("call_note", "电话记录"),
    ("request_reason", "需要修改的内容和原因"),
    ("visited_on", "核查日期"),
    ("place", "地点"),
    ("companions", "陪同人员"),
    ("findings", "核查情况"),
    ("customs_no", "报关单号"),
    ("note", "说明"),
    ("use_address", "地址"),
    ("used_on", "使用日期"),
    ("returned_on", "退运日期"),
    ("destroyed_on", "销毁日期"),
    ("export_decl_no", "出口报关单号"),
    ("method", "方式"),
    ("handler", "单位"),
    ("witness", "监销人"),
    ("title", "标题"),
    ("body", "正文"),
    ("name", "名称"),
    ("display_name", "姓名"),
    ("org_name", "申请单位"),
    ("org_address", "单位地址"),
    ("org_postcode", "邮编"),
    ("contact_name", "联系人"),
    ("contact_phone", "联系电话"),
    ("contact_mobile", "手机"),
    ("contact_fax", "传真"),
    ("legal_rep", "法定代表人"),
    ("valid_on", "生效日期"),
    ("text", "内容"),
];

/// Label and value of a field that several forms have; none for what nobody typed.
fn known(references: &ReferenceCache, name: &str, value: &str) -> Option<(String, String)> {
    let owned = |label: &str, value: &str| Some((label.to_owned(), value.to_owned()));
    if let Some((_, label)) = LABELS.iter().find(|(known, _)| *known == name) {
        return owned(label, value);
    }
    if let Some((kind, key)) = name.split_once('.') {
        return match kind {
            "point" => {
                let point = references.review_point(key).map_or("审核要点", |p| p.text.as_str());
                let found = value.parse().map_or(value, |f: Finding| f.label());
                owned("审核要点", &format!("{point}：{found}"))
            }
            "products" => {
                let label = ITEM_FIELDS.iter().find(|f| f.0 == key).map_or(key, |f| f.1);
                owned("产品序号", &format!("{label}：{value}"))
            }
            "remark" => owned("对比说明", value),
            _ => None,
        };
    }
    match name {
        "decision" => owned("处理结果", decision(value)),
        "part" => owned("需修改的部分", value.parse().map_or(value, |p: Part| p.label())),
        "field" => {
            let named: NamedField = value.parse().ok()?;
            let label = named.label().unwrap_or_else(|| references.kind_name(&named.field));
            owned("需修改的项目", &format!("{}—{label}", named.part.label()))
        }
        "extent" => owned("移交的岗位", if value == "rest" { "本岗及以后各岗" } else { "只移交本岗" }),
        "bureau" => owned("移交给", references.bureau_name(&BureauCode::new(value))),
        "back_to" => owned("退回", value.parse().map_or(value, |p: Post| p.label())),
        "port_code_2" => owned("进出口口岸", &references.port_name(value)),
        _ if name.starts_with("qty_") => owned("数量/重量", value),
        _ if name.starts_with("hs_qty_") => owned("HS 标准量", value),
        _ if name.starts_with("note_") => owned("尾差说明", value),
        _ => BASICS_FIELDS
            .iter()
            .chain(&ITEM_FIELDS)
            .find(|(known, _)| *known == name)
            .and_then(|(_, label)| owned(label, value)),
    }
}

/// What a decision is called on its form.
fn decision(word: &str) -> &str {
    workflow::Action::ALL
        .iter()
        .map(|a| (a.word(), a.label()))
        .chain(amendment::Action::ALL.iter().map(|a| (a.word(), a.label())))
        .chain(ending::Action::ALL.iter().map(|a| (a.word(), a.label())))
        .chain(UsageAction::ALL.iter().map(|a| (a.word(), a.label())))
        .chain([("confirm", "确认核销")])
        .find(|(known, _)| *known == word)
        .map_or(word, |(_, label)| label)
}

/// Where a request leaves the form that it read, for the error page of the same request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(Arc<OnceLock<FormData>>);

impl Typed {
    /// The form that was read; the first one stays.
    pub(crate) fn note(&self, form: &FormData) {
        // A request reads one form.
        let _ = self.0.set(form.clone());
    }

    /// It again, as a card; empty where none was read.
    pub(crate) fn kept(&self, references: &ReferenceCache) -> Kept {
        self.0.get().map(|form| Kept::of(references, form)).unwrap_or_default()
    }
}
