//! Ids and codes, each its own type, so that one is never passed for another.

/// Keys of rows: positive 64-bit numbers given by the database.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The id of this number.
            pub const fn new(id: i64) -> Self { Self(id) }
            /// The number.
            pub const fn get(self) -> i64 { self.0 }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> { s.parse().map(Self) }
        }
    )+ };
}

ids! {
    /// A user of any kind.
    AccountId;
    /// 申请单位, one per organisation code.
    OrganisationId;
    /// A login session.
    SessionId;
    /// 申请单.
    ApplicationId;
    /// A product of an application (附表产品).
    ItemId;
    /// An uploaded file.
    AttachmentId;
    /// 免办证明.
    CertificateId;
    /// A line of a certificate.
    CertificateItemId;
    /// A job of the outbox.
    JobId;
    /// A published notice.
    BulletinId;
    /// A 业务下放 rule.
    DelegationId;
    /// A row of the audit trail.
    AuditId;
}

/// Codes of reference data: the official code is the key.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The code of this text.
            pub fn new(code: impl Into<String>) -> Self { Self(code.into()) }
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self { Self(code.to_owned()) }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )+ };
}

codes! {
    /// 检验检疫局: the CIQ code of a direct bureau, or a project key of a branch.
    BureauCode;
    /// 行政区划, six digits (GB/T 2260).
    RegionCode;
    /// 免办条款.
    ClauseCode;
    /// 贸易方式 (customs supervision mode, four digits).
    TradeModeCode;
    /// HS 编码, ten digits.
    HsCode;
    /// 计量单位 (customs unit, three digits).
    UnitCode;
    /// 国家（地区）, ISO 3166 alpha-3.
    CountryCode;
    /// 币制, ISO 4217.
    CurrencyCode;
    /// 口岸 (customs office, four digits).
    PortCode;
    /// 附件种类.
    AttachmentKindCode;
}
