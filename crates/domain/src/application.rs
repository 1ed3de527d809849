//! The application form (申请单): its data, and what is complete enough to submit (manual §2.1).

use std::borrow::Cow;

use crate::actor::words;
use crate::catalogue::Trait;
use crate::correction::NamedField;
use crate::ids::{
    AttachmentKindCode, ClauseCode, CountryCode, CurrencyCode, HsCode, ItemId, PortCode, RegionCode, TradeModeCode,
    UnitCode,
};
use crate::policy::Ownership;
use crate::quantity::{Money, Quantity, UnitPrice};
use crate::time::{Day, Instant};
use crate::workflow::State;

words! {
    /// 后续处理方式.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    DisposalPlan {
        /// 留用.
        Keep = "keep", "留用";
        /// 退运.
        Return = "return", "退运";
        /// 销毁.
        Destroy = "destroy", "销毁";
        /// 装机出口.
        Export = "export", "装机出口";
    }
}

words! {
    /// 单位性质 (order 117, art. 42).
    ApplicantKind {
        /// 生产商.
        Manufacturer = "manufacturer", "生产商";
        /// 进口商.
        Importer = "importer", "进口商";
        /// 销售商.
        Seller = "seller", "销售商";
        /// 代理人.
        Agent = "agent", "代理人";
        /// 科研机构.
        Research = "research", "科研机构";
        /// 其他.
        Other = "other", "其他";
    }
}

words! {
    /// A part of the form, each with its own page; also what 送补正 names (manual §2.4).
    Part {
        /// 申请基本信息.
        Basics = "basics", "申请基本信息";
        /// 附表产品信息.
        Items = "items", "附表产品信息";
        /// 申请附件信息.
        Attachments = "attachments", "申请附件信息";
    }
}

words! {
    /// Whether a kind of attachment must be there, per bureau and clause (manual §2.1.3).
    Need {
        /// 必传.
        Must = "must", "必传";
        /// 有号必传.
        IfNumber = "if_number", "有号必传";
        /// 选传.
        Optional = "optional", "选传";
        /// 不用.
        Hidden = "hidden", "不用";
    }
}

/// 申请单位信息: imported from the user's information at creation, never typed (R-2.1.1-04, D21, D22).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Applicant {
    /// 申请单位.
    pub name: String,
    /// 组织机构代码, nine characters.
    pub org_code: String,
    /// 申请单位地址.
    pub address: String,
    /// 申请单位邮编.
    pub postcode: String,
    /// 联系人.
    pub contact: String,
    /// 联系电话.
    pub phone: String,
    /// 传真.
    pub fax: String,
    /// 联系人邮箱.
    pub email: String,
    /// 申请单位信息备注.
    pub remark: String,
}

/// 申请信息, as saved: blank where the draft has not been filled in yet. Stored in snapshots: a field that is added later
/// needs `#[serde(default)]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Basics {
    /// 免办条款; locked in 返回修改 (D7).
    pub clause: ClauseCode,
    /// 贸易方式.
    pub trade_mode: TradeModeCode,
    /// 产品最终使用地行政区划; decides the bureau; locked in 返回修改 (D7).
    pub use_region: Option<RegionCode>,
    /// 产品最终使用地（地址）; locked in 返回修改 (D7).
    pub use_address: String,
    /// 使用单位.
    pub use_unit_name: String,
    /// 使用单位联系人.
    pub use_contact: String,
    /// 使用单位联系电话.
    pub use_phone: String,
    /// 合同号.
    pub contract_no: String,
    /// 发票号.
    pub invoice_no: String,
    /// 提/运单号.
    pub bl_no: String,
    /// 进出口口岸（预计）.
    pub port: Option<PortCode>,
    /// 预计进口日期.
    pub expected_import_date: Option<Day>,
    /// 用途及免办理由.
    pub purpose: String,
    /// 后续处理方式.
    pub disposal_plan: Option<DisposalPlan>,
    /// 展示时间, first day (clause 5).
    pub display_from: Option<Day>,
    /// 展示时间, last day (clause 5).
    pub display_to: Option<Day>,
    /// 被代理单位, when an agent applies (art. 42).
    pub principal_name: Option<String>,
    /// 备注.
    pub remark: String,
}

/// The clause that asks for a display time (order 117, art. 42: 仅用于商业展示).
pub const DISPLAY_CLAUSE: &str = "5";

impl Basics {
    /// A form with only clause and trade mode chosen (manual §2.1.1, first page).
    pub fn opening(clause: ClauseCode, trade_mode: TradeModeCode) -> Self {
        Self {
            clause,
            trade_mode,
            use_region: None,
            use_address: String::new(),
            use_unit_name: String::new(),
            use_contact: String::new(),
            use_phone: String::new(),
            contract_no: String::new(),
            invoice_no: String::new(),
            bl_no: String::new(),
            port: None,
            expected_import_date: None,
            purpose: String::new(),
            disposal_plan: None,
            display_from: None,
            display_to: None,
            principal_name: None,
            remark: String::new(),
        }
    }

    /// Whether clause and 最终使用地 are those of `before` (R-2.4-04, D7).
    pub fn keeps_locked_fields_of(&self, before: &Self) -> bool {
        self.clause == before.clause && self.use_region == before.use_region && self.use_address == before.use_address
    }

    /// The number that asks for a file of this kind (R-2.1.3-05 to -07).
    pub fn number_for(&self, kind: &AttachmentKindCode) -> Option<(&'static str, &str)> {
        match kind.as_str() {
            "contract" => Some(("合同号", &self.contract_no)),
            "invoice" => Some(("发票号", &self.invoice_no)),
            "bill" => Some(("提/运单号", &self.bl_no)),
            _ => None,
        }
    }
}

/// An application holds at most this many products, however they come.
pub const MOST_ITEMS: i64 = 2_000;

/// One product of the annex (申请单附表产品). Stored in snapshots: a field that is added later needs `#[serde(default)]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ItemForm {
    /// HS 编码.
    pub hs_code: HsCode,
    /// HS 编码产品名称.
    pub hs_name: String,
    /// 需免办产品名称.
    pub product_name: String,
    /// 规格型号.
    pub model: String,
    /// 商标.
    pub brand: String,
    /// 生产厂名.
    pub manufacturer: String,
    /// 原产国.
    pub origin_country: CountryCode,
    /// 数量/重量.
    pub qty: Quantity,
    /// 数量/重量单位.
    pub qty_unit: UnitCode,
    /// HS 标准量.
    pub hs_qty: Quantity,
    /// HS 标准量单位, that of the HS code (R-2.1.2-21).
    pub hs_unit: UnitCode,
    /// 单价.
    pub unit_price: UnitPrice,
    /// 总价.
    pub total_price: Money,
    /// 币制.
    pub currency: CurrencyCode,
    /// 最终使用地行政区划.
    pub use_region: RegionCode,
    /// 使用单位地址.
    pub use_address: String,
    /// 序列号/零件号.
    pub serials: String,
    /// 用途说明.
    pub usage_note: String,
    /// 备注.
    pub remark: String,
    /// 产品特性, frozen with their definitions.
    pub traits: Vec<Trait>,
}

/// An application as loaded for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: crate::ids::ApplicationId,
    /// Counts every change; two tabs are told apart by it.
    pub version: i64,
    /// The facts that decide hats.
    pub ownership: Ownership,
    /// 申请单号, from submission on.
    pub number: Option<String>,
    /// 初次填写时间 (D8).
    pub first_saved_at: Instant,
    /// When a draft is deleted (D8).
    pub expires_at: Instant,
    /// 提交时间.
    pub submitted_at: Option<Instant>,
    /// When it came to where it is now; none for a draft.
    pub arrived_at: Option<Instant>,
    /// The service clock of the post that has it.
    pub clock: crate::calendar::ServiceClock,
    /// The post that returned it (manual §2.4).
    pub return_post: Option<crate::actor::Post>,
    /// The parts that 送补正 named (D7).
    pub return_parts: Vec<Part>,
    /// The fields that 送补正 named (D7).
    pub return_fields: Vec<NamedField>,
    /// 申请单位信息.
    pub applicant: Applicant,
    /// 申请信息.
    pub basics: Basics,
}

impl Application {
    /// Its state.
    pub const fn state(&self) -> State {
        self.ownership.state
    }

    /// The post that has it, or to which it comes back from 返回修改; none before its submission and after its end.
    pub fn post_on_the_way(&self) -> Option<crate::actor::Post> {
        if self.state() == State::Returned { self.return_post } else { self.state().post() }
    }

    /// Whether a draft's ten days are over: unusable at once, whether purged or not (D8).
    pub fn is_expired(&self, now: Instant) -> bool {
        self.state() == State::Draft && now >= self.expires_at
    }
}

/// What the check before 提交申请 looks at beside the basic information.
#[derive(Debug, Clone, Default)]
pub struct Enclosures {
    /// Products that are incomplete or whose HS type is no longer valid: (id, name, what is wrong).
    pub faulty_items: Vec<(ItemId, String, String)>,
    /// How many products there are.
    pub item_count: u64,
    /// The kinds of attachment of this bureau and clause: (code, name, need).
    pub needs: Vec<(AttachmentKindCode, String, Need)>,
    /// The kinds of which at least one file is there.
    pub present: Vec<AttachmentKindCode>,
    /// Whether a bureau is responsible for the region.
    pub has_bureau: bool,
}

/// One thing that stands in the way of 提交申请, with the page that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The page.
    pub part: Part,
    /// The product, when it is about one.
    pub item: Option<ItemId>,
    /// The field on that page; of 申请附件信息 the kind of attachment.
    pub field: Cow<'static, str>,
    /// What to do.
    pub sentence: String,
}

/// Everything that stands in the way of 提交申请, all at once (manual §2.1.3); empty = it may go.
pub fn faults(basics: &Basics, enclosures: &Enclosures) -> Vec<Fault> {
    let mut out = Vec::new();
    let mut basic = |field: &'static str, missing: bool, sentence: &str| {
        if missing {
            out.push(Fault { part: Part::Basics, item: None, field: field.into(), sentence: sentence.to_owned() });
        }
    };
    basic("use_region_code", basics.use_region.is_none(), "请选择产品最终使用地行政区划");
    basic("use_address", basics.use_address.is_empty(), "请填写产品最终使用地（地址）");
    basic("use_unit_name", basics.use_unit_name.is_empty(), "请填写使用单位");
    basic("use_contact", basics.use_contact.is_empty(), "请填写使用单位联系人");
    basic("use_phone", basics.use_phone.is_empty(), "请填写使用单位联系电话");
    basic("purpose", basics.purpose.is_empty(), "请填写用途及免办理由");
    basic("disposal_plan", basics.disposal_plan.is_none(), "请选择后续处理方式");
    let display = basics.clause.as_str() == DISPLAY_CLAUSE;
    basic("display_from", display && basics.display_from.is_none(), "免办条款 5 须填写展示开始日期");
    basic("display_to", display && basics.display_to.is_none(), "免办条款 5 须填写展示结束日期");
    basic("principal_name", basics.principal_name.as_ref().is_some_and(String::is_empty), "请填写被代理单位");
    basic(
        "use_region_code",
        basics.use_region.is_some() && !enclosures.has_bureau,
        "所选最终使用地行政区划没有对应的受理检验检疫局，请重新选择产品最终使用地行政区划",
    );

    if enclosures.item_count == 0 {
        out.push(Fault {
            part: Part::Items,
            item: None,
            field: "items".into(),
            sentence: "请至少添加一个免办产品".to_owned(),
        });
    }
    for (id, name, what) in &enclosures.faulty_items {
        out.push(Fault {
            part: Part::Items,
            item: Some(*id),
            field: "hs_code".into(),
            sentence: format!("产品“{name}”：{what}"),
        });
    }
    for (kind, name, need) in &enclosures.needs {
        if enclosures.present.contains(kind) {
            continue;
        }
        let sentence = match (need, basics.number_for(kind)) {
            (Need::Must, _) => format!("请上传{name}"),
            (Need::IfNumber, Some((label, number))) if !number.is_empty() => {
                format!("已填写{label}，请上传{name}")
            }
            (Need::IfNumber | Need::Optional | Need::Hidden, _) => continue,
        };
        out.push(Fault { part: Part::Attachments, item: None, field: kind.as_str().to_owned().into(), sentence });
    }
    out
}

/// Warnings that do not stop 提交申请 but are shown to the applicant and to 受理岗 (law §1.3: clause and trade mode).
pub fn warnings(basics: &Basics) -> Vec<&'static str> {
    if crate::risk::odds(&basics.clause, &basics.trade_mode).is_some() {
        vec!["免办条款与贸易方式通常不一致，请核对；如确属此情形，可继续提交"]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Basics {
        Basics {
            use_region: Some(RegionCode::new("310115")),
            use_address: "示例路1号".into(),
            use_unit_name: "示例电器(上海)有限公司".into(),
            use_contact: "张示例".into(),
            use_phone: "021-00000000".into(),
            purpose: "用于科研测试，测试后退运。".into(),
            disposal_plan: Some(DisposalPlan::Return),
            ..Basics::opening(ClauseCode::new("1"), TradeModeCode::new("0110"))
        }
    }

    fn enclosed() -> Enclosures {
        Enclosures {
            item_count: 1,
            needs: vec![
                (AttachmentKindCode::new("contract"), "合同".into(), Need::IfNumber),
                (AttachmentKindCode::new("license"), "营业执照".into(), Need::Must),
                (AttachmentKindCode::new("other"), "其他".into(), Need::Optional),
            ],
            present: vec![AttachmentKindCode::new("license")],
            has_bureau: true,
            ..Enclosures::default()
        }
    }

    #[test]
    fn a_complete_application_has_no_fault() {
        assert_eq!(faults(&complete(), &enclosed()), []);
    }

    #[test]
    fn r_2_1_3_05_a_contract_number_asks_for_its_file_and_an_empty_one_does_not() {
        let mut basics = complete();
        basics.contract_no = "HT-1".into();
        let found = faults(&basics, &enclosed());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sentence, "已填写合同号，请上传合同");
        let mut with = enclosed();
        with.present.push(AttachmentKindCode::new("contract"));
        assert_eq!(faults(&basics, &with), []);
    }

    #[test]
    fn r_2_1_3_16_every_fault_is_reported_at_once() {
        let basics = Basics::opening(ClauseCode::new("5"), TradeModeCode::new("0110"));
        let found = faults(&basics, &Enclosures { needs: enclosed().needs, ..Enclosures::default() });
        let fields: Vec<_> = found.iter().map(|f| f.field.as_ref()).collect();
        assert_eq!(
            fields,
            [
                "use_region_code",
                "use_address",
                "use_unit_name",
                "use_contact",
                "use_phone",
                "purpose",
                "disposal_plan",
                "display_from",
                "display_to",
                "items",
                "license"
            ]
        );
    }

    #[test]
    fn clause_and_final_use_are_locked_together() {
        let before = complete();
        assert!(Basics { remark: "改".into(), ..complete() }.keeps_locked_fields_of(&before));
        assert!(!Basics { use_address: "别处".into(), ..complete() }.keeps_locked_fields_of(&before));
        assert!(!Basics { clause: ClauseCode::new("2"), ..complete() }.keeps_locked_fields_of(&before));
    }
}
