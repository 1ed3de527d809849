//! 基础数据 that CNCA keeps on pages (R-C-02, R-C-04): which tables, which fields, what may change once a row is used.

use crate::actor::{Post, words};
use crate::text;
use crate::time::Day;
use crate::workflow::{Action, AfterFinal};

words! {
    /// A table of reference data.
    ReferenceKind {
        /// HS codes of the catalogue, with their 产品特性.
        HsType = "hs_type", "HS 产品类型";
        /// 计量单位.
        Unit = "unit", "计量单位";
        /// 免办条款.
        Clause = "clause", "免办条款";
        /// 贸易方式.
        TradeMode = "trade_mode", "贸易方式";
        /// 附件种类.
        AttachmentKind = "attachment_kind", "附件种类";
        /// 口岸.
        Port = "port", "口岸";
        /// 检验检疫局.
        Bureau = "bureau", "检验检疫局";
        /// 行政区划.
        Region = "region", "行政区划";
        /// 审核要点: what a post looks at before it decides.
        ReviewPoint = "review_point", "审核要点";
        /// 常用意见 that every officer is offered.
        SharedPhrase = "shared_phrase", "常用意见";
        /// 节假日与调休上班日: a row is a day on which it is not as the weekday says.
        Holiday = "holiday", "节假日";
        /// 办理时限 of a post.
        ServiceTerm = "service_term", "办理时限";
        /// 国家（地区）.
        Country = "country", "国家（地区）";
        /// 币制.
        Currency = "currency", "币制";
    }
}

/// The posts that have a term: those of the course, and those of 证明修改.
pub const TERM_POSTS: [Post; 7] = [
    Post::Accept,
    Post::FirstReview,
    Post::FinalReview,
    Post::Compare,
    Post::Issue,
    Post::AmendApprove,
    Post::AmendConfirm,
];

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// One line, so many characters at most.
    Text(usize),
    /// Several lines.
    Long(usize),
    /// A whole number between these.
    Number(i64, i64),
    /// Yes or no.
    Flag,
    /// A unit.
    Unit,
    /// The district of a port; a district has none.
    District,
    /// A bureau.
    Bureau,
    /// The direct bureau above a branch; a direct bureau has none.
    DirectBureau,
    /// The region above; a province has none.
    RegionAbove,
    /// Some of these words.
    Several(Words),
    /// What HS codes begin with.
    HsPrefixes,
    /// 产品特性.
    Characteristics,
}

/// Words of which a field holds several, separated by semicolons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// What may follow after import: use, return, destruction.
    FollowUps,
    /// The posts that review.
    Posts,
    /// What these posts decide ([`Action::word`](crate::workflow::Action::word)).
    Decisions,
    /// 免办条款, by their codes.
    Clauses,
}

impl Words {
    /// What one of them is called, for people.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::FollowUps => "后续处理方式",
            Self::Posts => "岗位",
            Self::Decisions => "处理结果",
            Self::Clauses => "免办条款",
        }
    }

    /// All of them with their labels; none where they are rows of a table.
    pub fn known(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::FollowUps => vec![("use", "使用记录"), ("return", "退运"), ("destruction", "销毁")],
            Self::Posts => [Post::Accept, Post::FirstReview, Post::FinalReview, Post::Compare, Post::Issue]
                .map(|post| (post.word(), post.label()))
                .to_vec(),
            Self::Decisions => [
                Action::Accept,
                Action::Refuse,
                Action::Return,
                Action::Pass { after_final: AfterFinal::Compare },
                Action::Fail,
                Action::RequestPaper,
                Action::PaperArrived,
                Action::Issue,
                Action::SendBack { to: Post::FinalReview },
                Action::SendBack { to: Post::Compare },
            ]
            .map(|action| (action.word(), action.label()))
            .to_vec(),
            Self::Clauses => Vec::new(),
        }
    }
}

/// What an HS code may begin with.
pub fn is_hs_prefix(typed: &str) -> bool {
    (2..=10).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_digit())
}

/// A field of a table; its name is the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The column, and the name in the form.
    pub column: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What stands in it.
    pub kind: FieldKind,
    /// Red star.
    pub is_required: bool,
    /// Never changes once an application names the row: what was submitted must read as it did (R-C-02).
    pub is_lasting: bool,
}

const fn field(column: &'static str, label: &'static str, kind: FieldKind) -> Field {
    Field { column, label, kind, is_required: true, is_lasting: false }
}

impl Field {
    const fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    const fn lasting(self) -> Self {
        Self { is_lasting: true, ..self }
    }
}

impl ReferenceKind {
    /// Its word in addresses.
    pub const fn path(self) -> &'static str {
        match self {
            Self::HsType => "hs-types",
            Self::Unit => "units",
            Self::Clause => "clauses",
            Self::TradeMode => "trade-modes",
            Self::AttachmentKind => "attachment-kinds",
            Self::Port => "ports",
            Self::Bureau => "bureaus",
            Self::Region => "regions",
            Self::ReviewPoint => "review-points",
            Self::SharedPhrase => "phrases",
            Self::Holiday => "holidays",
            Self::ServiceTerm => "service-terms",
            Self::Country => "countries",
            Self::Currency => "currencies",
        }
    }

    /// The table of this word of an address.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.path() == path)
    }

    /// The column of the code.
    pub const fn code_column(self) -> &'static str {
        match self {
            Self::Holiday => "day",
            Self::ServiceTerm => "post",
            Self::HsType
            | Self::Unit
            | Self::Clause
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::Bureau
            | Self::Region
            | Self::ReviewPoint
            | Self::SharedPhrase
            | Self::Country
            | Self::Currency => "code",
        }
    }

    /// What the code is called.
    pub const fn code_label(self) -> &'static str {
        match self {
            Self::Holiday => "日期",
            Self::ServiceTerm => "岗位代码",
            Self::HsType
            | Self::Unit
            | Self::Clause
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::Bureau
            | Self::Region
            | Self::ReviewPoint
            | Self::SharedPhrase
            | Self::Country
            | Self::Currency => "代码",
        }
    }

    /// The column that names a row in lists.
    pub const fn title_column(self) -> &'static str {
        match self {
            Self::Clause | Self::Bureau => "short_name",
            Self::HsType
            | Self::Unit
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::Region
            | Self::Holiday
            | Self::Country
            | Self::Currency => "name",
            Self::ServiceTerm => "term_days",
            Self::ReviewPoint | Self::SharedPhrase => "text",
        }
    }

    /// Whether its rows have a first and a last day. Bureaus have none here: they end by their jurisdiction. A holiday is one
    /// day, and a post always has a term.
    pub const fn is_dated(self) -> bool {
        match self {
            Self::HsType
            | Self::Unit
            | Self::Clause
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::Region
            | Self::ReviewPoint
            | Self::SharedPhrase
            | Self::Country
            | Self::Currency => true,
            Self::Bureau | Self::Holiday | Self::ServiceTerm => false,
        }
    }

    /// Whether a row may lie below another one of this code: the code of a region begins with that of the region above.
    pub fn fits_above(self, code: &str, above: &str) -> bool {
        match self {
            Self::Region => {
                let prefix = above.trim_end_matches("00");
                above.is_empty() || (code != above && code.starts_with(prefix))
            }
            Self::Bureau => code != above,
            Self::HsType
            | Self::Unit
            | Self::Clause
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::ReviewPoint
            | Self::SharedPhrase
            | Self::Holiday
            | Self::ServiceTerm
            | Self::Country
            | Self::Currency => true,
        }
    }

    /// How a code is written, for people.
    pub const fn code_rule(self) -> &'static str {
        match self {
            Self::HsType => "10 位数字",
            Self::Unit => "3 位数字",
            Self::Clause => "1–3 位数字或字母",
            Self::TradeMode | Self::Port => "4 位数字",
            Self::AttachmentKind => "2–30 个小写字母或下划线",
            Self::Bureau => "6–12 位数字或字母",
            Self::Region => "6 位数字（GB/T 2260）",
            Self::ReviewPoint | Self::SharedPhrase => "2–40 个小写字母、数字或连字符",
            Self::Holiday => "日期，写成 2027-02-06 的形式",
            Self::ServiceTerm => {
                "岗位代码：accept、first_review、final_review、compare、issue、amend_approve 或 amend_confirm"
            }
            Self::Country | Self::Currency => "3 位大写字母（ISO 代码）",
        }
    }

    /// Whether a code is written like that.
    pub fn accepts_code(self, code: &str) -> bool {
        let digits = |n: usize| code.len() == n && code.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::HsType => digits(10),
            Self::Unit => digits(3),
            Self::Region => digits(6),
            Self::Clause => (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric()),
            Self::TradeMode | Self::Port => digits(4),
            Self::AttachmentKind => {
                (2..=30).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            }
            Self::Bureau => (6..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric()),
            Self::ReviewPoint | Self::SharedPhrase => {
                (2..=40).contains(&code.len())
                    && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            }
            Self::Holiday => code.parse::<Day>().is_ok_and(|day| (2000..2100).contains(&day.year())),
            Self::ServiceTerm => TERM_POSTS.iter().any(|p| p.word() == code),
            Self::Country | Self::Currency => code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()),
        }
    }

    /// A code as people type it, in the form in which it is kept.
    pub fn code_of(self, typed: &str) -> String {
        let code = text::half_width(&text::normalise(typed));
        match self {
            // Spreadsheets and people write days in several ways.
            Self::Holiday => {
                let parts: Vec<&str> =
                    code.split(['-', '/', '.', '年', '月', '日']).map(str::trim).filter(|p| !p.is_empty()).collect();
                match parts.as_slice() {
                    [year, month, day] => format!("{year}-{month:0>2}-{day:0>2}"),
                    _ => code,
                }
            }
            Self::ServiceTerm => {
                let post = code.trim_end_matches('岗');
                let known = TERM_POSTS.into_iter().find(|p| p.label() == post || p.word() == post);
                known.map_or(code, |p| p.word().to_owned())
            }
            Self::Country | Self::Currency => code.to_ascii_uppercase(),
            Self::HsType
            | Self::Unit
            | Self::Clause
            | Self::TradeMode
            | Self::AttachmentKind
            | Self::Port
            | Self::Bureau
            | Self::Region
            | Self::ReviewPoint
            | Self::SharedPhrase => code,
        }
    }

    /// Its fields, in the order of the form.
    pub const fn fields(self) -> &'static [Field] {
        use FieldKind::{
            Bureau, Characteristics, DirectBureau, District, Flag, HsPrefixes, Long, Number, RegionAbove, Several,
            Text, Unit,
        };
        const HS: &[Field] = &[
            field("name", "产品名称", Text(200)),
            field("unit_code", "HS 标准量单位", Unit),
            field("unit2_code", "第二单位", Unit).optional(),
            field("ccc_class", "产品大类", Text(100)),
            field("characteristics", "产品特性", Characteristics).optional(),
        ];
        const UNITS: &[Field] = &[field("name", "名称", Text(20)).lasting()];
        const CLAUSES: &[Field] = &[
            field("short_name", "简称", Text(30)),
            field("full_text", "条款原文", Long(500)).lasting(),
            field("documents", "所需材料", Long(1000)).optional(),
            field("follow_up", "后续监管", Long(300)),
            field("follow_up_kinds", "后续处理方式", Several(Words::FollowUps)),
        ];
        const MODES: &[Field] =
            &[field("name", "名称", Text(50)).lasting(), field("common", "常用（排在最前）", Flag).optional()];
        const KINDS: &[Field] = &[field("name", "名称", Text(50)), field("ordinal", "排列次序", Number(1, 9999))];
        const PORTS: &[Field] = &[
            field("name", "名称", Text(50)),
            field("parent_code", "所属关区", District).optional(),
            field("bureau_code", "确认核销的检验检疫局", Bureau),
        ];
        const BUREAUS: &[Field] = &[
            field("name", "全称", Text(100)),
            field("short_name", "简称", Text(30)),
            field("parent_code", "直属局", DirectBureau).optional().lasting(),
            field("address", "地址", Text(200)).optional(),
            field("phone", "电话", Text(80)).optional(),
            field("office_hours", "办公时间", Text(100)).optional(),
            field("paper_receiver", "纸质材料收件人", Text(50)).optional(),
            field("validity_days", "证明有效期（天）", Number(1, 365)),
            field("compare_enabled", "进行文件对比", Flag).optional(),
            field("four_eyes", "初审和终审由不同的人办理", Flag).optional(),
        ];
        const REGIONS: &[Field] = &[
            field("name", "名称", Text(50)).lasting(),
            field("parent_code", "上级行政区划", RegionAbove).optional().lasting(),
        ];
        const POINTS: &[Field] = &[
            field("text", "要点", Text(100)),
            field("hint", "说明", Long(300)).optional(),
            field("posts", "适用岗位", Several(Words::Posts)),
            field("clause_codes", "适用条款（不选为全部）", Several(Words::Clauses)).optional(),
            field("hs_prefixes", "适用 HS 编码（前几位，不填为全部）", HsPrefixes).optional(),
            field("ordinal", "排列次序", Number(1, 9999)),
        ];
        const PHRASES: &[Field] = &[
            field("text", "意见", Long(300)),
            field("posts", "适用岗位", Several(Words::Posts)),
            field("decisions", "适用处理结果", Several(Words::Decisions)),
            field("ordinal", "排列次序", Number(1, 9999)),
        ];
        const HOLIDAYS: &[Field] = &[field("name", "名称", Text(50)), field("is_working", "调休上班", Flag).optional()];
        const TERMS: &[Field] = &[
            field("term_days", "办理期限（工作日）", Number(1, 60)),
            field("amber_days", "临期（超过几个工作日）", Number(0, 60)),
        ];
        const COUNTRIES: &[Field] =
            &[field("name", "名称", Text(50)).lasting(), field("name_en", "英文名称", Text(100))];
        const CURRENCIES: &[Field] = &[field("name", "名称", Text(50)).lasting()];
        match self {
            Self::Holiday => HOLIDAYS,
            Self::ServiceTerm => TERMS,
            Self::Country => COUNTRIES,
            Self::Currency => CURRENCIES,
            Self::HsType => HS,
            Self::Unit => UNITS,
            Self::Clause => CLAUSES,
            Self::TradeMode => MODES,
            Self::AttachmentKind => KINDS,
            Self::Port => PORTS,
            Self::Bureau => BUREAUS,
            Self::Region => REGIONS,
            Self::ReviewPoint => POINTS,
            Self::SharedPhrase => PHRASES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_an_address_of_its_own_and_a_title_among_its_fields() {
        for kind in ReferenceKind::ALL {
            assert_eq!(ReferenceKind::from_path(kind.path()), Some(*kind));
            assert!(kind.fields().iter().any(|f| f.column == kind.title_column()), "{kind}");
            assert!(kind.fields().len() <= 10, "{kind}: db reads ten columns");
        }
        assert_eq!(ReferenceKind::from_path("moons"), None);
        assert_eq!(ReferenceKind::Holiday.code_of("２０２７/2/6"), "2027-02-06");
        assert_eq!(ReferenceKind::Holiday.code_of("2027年2月6日"), "2027-02-06");
        assert!(
            ReferenceKind::Holiday.accepts_code("2027-02-06") && !ReferenceKind::Holiday.accepts_code("2027-02-30")
        );
        assert_eq!(ReferenceKind::ServiceTerm.code_of("受理岗"), ReferenceKind::ServiceTerm.code_of("accept"));
        assert!(!ReferenceKind::ServiceTerm.accepts_code("write_off") && ReferenceKind::Currency.accepts_code("USD"));
        assert!(ReferenceKind::HsType.accepts_code("8415101000") && !ReferenceKind::HsType.accepts_code("84151010"));
        assert!(
            ReferenceKind::Region.fits_above("310120", "310100")
                && ReferenceKind::Region.fits_above("310100", "310000")
        );
        assert!(
            !ReferenceKind::Region.fits_above("320120", "310100") && ReferenceKind::Region.fits_above("990000", "")
        );
        assert!(ReferenceKind::ReviewPoint.accepts_code("entry-complete-2"));
        assert!(!ReferenceKind::SharedPhrase.accepts_code("Entry") && !is_hs_prefix("8") && is_hs_prefix("84"));
        assert!(!ReferenceKind::Clause.accepts_code("1/2") && !ReferenceKind::Unit.accepts_code("０01"));
    }
}
