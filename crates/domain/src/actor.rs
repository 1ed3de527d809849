//! Who is acting: the three kinds of user and the posts they hold.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AccountId, BureauCode, OrganisationId};

/// A word that is not in the closed list of its type, found in stored data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a known {kind}")]
pub struct UnknownWord {
    /// The type that was asked for.
    pub kind: &'static str,
    /// What was found.
    pub word: String,
}

/// A closed list of words: the Rust name, the stored word, and the label a person reads.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal, $label:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every member, in the order of the work.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stored word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The label on screen and paper.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { f.write_str(self.word()) }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::actor::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    other => Err($crate::actor::UnknownWord { kind: stringify!($name), word: other.to_owned() }),
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// 用户类型: the choice in the login column (manual §1.2).
    AccountKind {
        /// 企业: applies.
        Enterprise = "enterprise", "企业";
        /// 检验检疫局: decides.
        Bureau = "bureau", "检验检疫局";
        /// 认监委: publishes, keeps reference data, watches.
        Cnca = "cnca", "认监委";
    }
}

words! {
    /// 岗位: what a person of a bureau or of CNCA is entrusted with (E15). One person may hold several.
    Post {
        /// 受理岗.
        Accept = "accept", "受理";
        /// 初审岗.
        FirstReview = "first_review", "初审";
        /// 终审岗.
        FinalReview = "final_review", "终审";
        /// 文件对比岗.
        Compare = "compare", "文件对比";
        /// 发证岗.
        Issue = "issue", "发证";
        /// 证明修改批准岗.
        AmendApprove = "amend_approve", "证明修改批准";
        /// 证明修改确认岗.
        AmendConfirm = "amend_confirm", "证明修改确认";
        /// 核销岗（检务人员）.
        WriteOff = "write_off", "核销";
        /// 后续监管岗.
        Supervise = "supervise", "后续监管";
        /// 补录岗.
        ProxyEntry = "proxy_entry", "补录";
        /// 强制终止岗.
        Terminate = "terminate", "强制终止";
        /// 局系统管理员.
        BureauAdmin = "bureau_admin", "局系统管理员";
        /// 信息发布 (CNCA).
        Publish = "publish", "信息发布";
        /// 基础数据 (CNCA).
        ReferenceAdmin = "reference_admin", "基础数据";
        /// 业务下放配置 (CNCA).
        RoutingAdmin = "routing_admin", "业务下放配置";
        /// 统计 (CNCA).
        Statistics = "statistics", "统计";
        /// 系统管理 (CNCA).
        CncaAdmin = "cnca_admin", "系统管理";
    }
}

impl Post {
    /// The five posts an application passes, in their order (D6).
    pub const COURSE: [Self; 5] = [Self::Accept, Self::FirstReview, Self::FinalReview, Self::Compare, Self::Issue];

    /// Whether the post belongs to a bureau (else to CNCA).
    pub const fn is_of_bureau(self) -> bool {
        !matches!(self, Self::Publish | Self::ReferenceAdmin | Self::RoutingAdmin | Self::Statistics | Self::CncaAdmin)
    }
}

words! {
    /// Where a user stands in his organisation (D3).
    Membership {
        /// 单位管理员: the first registrant of the code.
        Administrator = "administrator", "单位管理员";
        /// Confirmed by the administrator.
        Confirmed = "confirmed", "已确认";
        /// 待确认: may draft and submit his own, the shared fields are read-only to him.
        Pending = "pending", "待确认";
    }
}

words! {
    /// What a member of an organisation may do beside its administrator.
    MemberRole {
        /// 经办: fills applications in and does everything that follows.
        Clerk = "clerk", "经办";
        /// 查阅: sees what the organisation shares, starts and changes nothing.
        Viewer = "viewer", "查阅";
    }
}

/// Why an enterprise's user may not do something that his hat would allow. `Display` is the sentence for him: why, and
/// what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bar {
    /// His mailbox is not proved (D29).
    #[error(
        "您的邮箱还没有验证，可以填写和保存，但不能提交。请在“邮箱验证”页面完成验证、换一个邮箱，或联系所在地检验检疫局代为确认。"
    )]
    Mailbox,
    /// The bureau has suspended his organisation (D30).
    #[error(
        "本单位已被检验检疫局暂停，不能办理新的业务；可以查看、答复进行中的补正和修改、填写产品使用记录。请查看“单位用户”页面的暂停原因，并联系所在地检验检疫局。"
    )]
    Suspended,
    /// He only reads.
    #[error(
        "您在本单位的身份是“查阅”，只能查看单位内共享的申请和证明。需要办理业务的，请联系本单位的单位管理员改为“经办”。"
    )]
    Viewer,
}

/// What a deed of an enterprise means for somebody who is barred from some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undertaking {
    /// Beginning a draft: 新申请, 复制为新申请.
    Draft,
    /// Handing something new to a bureau: 提交申请, 预核销, 申请修改证明, 申请注销证明.
    Beginning,
    /// Handing in what a running procedure or the duties of a certificate ask for: a correction, a changed certificate, a
    /// 产品使用记录.
    Answer,
}

/// A user of an enterprise, as his rights stand at this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enterprise {
    /// His account.
    pub account: AccountId,
    /// 用户名.
    pub name: String,
    /// His organisation.
    pub organisation: OrganisationId,
    /// Where he stands in it.
    pub membership: Membership,
    /// Whether the organisation's administrator switched 单位内共享 on (D5).
    pub shares: bool,
    /// 经办 or 查阅.
    pub role: MemberRole,
    /// Whether his mailbox is proved (D29).
    pub mailbox_proved: bool,
    /// Whether a bureau has suspended his organisation (D30).
    pub suspended: bool,
}

impl Enterprise {
    /// What keeps him from this, if anything does.
    pub const fn bar(&self, from: Undertaking) -> Option<Bar> {
        match (self.role, from) {
            (MemberRole::Viewer, _) => Some(Bar::Viewer),
            (MemberRole::Clerk, Undertaking::Draft | Undertaking::Beginning) if self.suspended => Some(Bar::Suspended),
            (MemberRole::Clerk, Undertaking::Beginning | Undertaking::Answer) if !self.mailbox_proved => {
                Some(Bar::Mailbox)
            }
            (MemberRole::Clerk, _) => None,
        }
    }

    /// Whether he acts for himself with what belongs to this account: it is his, and he does not only read.
    pub fn acts_for(&self, owner: AccountId) -> bool {
        self.account == owner && matches!(self.role, MemberRole::Clerk)
    }
}

/// An officer of a bureau.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// His account.
    pub account: AccountId,
    /// The name under which his opinions appear.
    pub name: String,
    /// His bureau.
    pub bureau: BureauCode,
    /// The posts he holds now.
    pub posts: Posts,
}

/// A person of CNCA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cnca {
    /// His account.
    pub account: AccountId,
    /// The name under which he appears.
    pub name: String,
    /// The posts he holds now.
    pub posts: Posts,
}

/// Who is acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// 企业.
    Enterprise(Enterprise),
    /// 检验检疫局.
    Officer(Officer),
    /// 认监委.
    Cnca(Cnca),
}

impl Actor {
    /// The account behind the actor.
    pub const fn account(&self) -> AccountId {
        match self {
            Self::Enterprise(e) => e.account,
            Self::Officer(o) => o.account,
            Self::Cnca(c) => c.account,
        }
    }

    /// The name that audit rows and timelines show.
    pub fn name(&self) -> &str {
        match self {
            Self::Enterprise(e) => &e.name,
            Self::Officer(o) => &o.name,
            Self::Cnca(c) => &c.name,
        }
    }

    /// The bureau he acts for, if any.
    pub const fn bureau(&self) -> Option<&BureauCode> {
        match self {
            Self::Officer(o) => Some(&o.bureau),
            Self::Enterprise(_) | Self::Cnca(_) => None,
        }
    }

    /// What keeps an enterprise's user from this, if anything does; others are kept by their posts alone.
    pub const fn bar(&self, from: Undertaking) -> Option<Bar> {
        match self {
            Self::Enterprise(e) => e.bar(from),
            Self::Officer(_) | Self::Cnca(_) => None,
        }
    }

    /// The kind of user.
    pub const fn kind(&self) -> AccountKind {
        match self {
            Self::Enterprise(_) => AccountKind::Enterprise,
            Self::Officer(_) => AccountKind::Bureau,
            Self::Cnca(_) => AccountKind::Cnca,
        }
    }
}

/// A set of posts, stored as words joined by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub struct Posts(Vec<Post>);

impl Posts {
    /// The set of these posts, in the order of the work, each once.
    pub fn new(posts: impl IntoIterator<Item = Post>) -> Self {
        let mut all: Vec<_> = posts.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Whether the post is held.
    pub fn holds(&self, post: Post) -> bool {
        self.0.contains(&post)
    }

    /// The posts, in the order of the work.
    pub fn iter(&self) -> impl Iterator<Item = Post> + '_ {
        self.0.iter().copied()
    }

    /// Whether all of them are a bureau's, or all of them CNCA's.
    pub fn are_of(&self, bureau: bool) -> bool {
        self.iter().all(|p| p.is_of_bureau() == bureau)
    }

    /// Those that `others` does not hold.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self(self.iter().filter(|p| !others.holds(*p)).collect())
    }

    /// Whether no post is held.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Posts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, post) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            f.write_str(post.word())?;
        }
        Ok(())
    }
}

impl FromStr for Posts {
    type Err = UnknownWord;

    fn from_str(words: &str) -> Result<Self, Self::Err> {
        words.split(',').filter(|w| !w.is_empty()).map(Post::from_str).collect::<Result<Vec<_>, _>>().map(Self::new)
    }
}
