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
    /// 产品模板.
    ProductTemplateId;
    /// An uploaded file.
    AttachmentId;
    /// The scan of a paper original.
    ScanId;
    /// 免办证明.
    CertificateId;
    /// A line of a certificate.
    CertificateItemId;
    /// 证明修改.
    AmendmentId;
    /// 证明撤销, proposed or decided.
    RevocationId;
    /// 证明注销, asked for or decided.
    SurrenderId;
    /// One submission of 预核销.
    PreWriteOffId;
    /// A product of a submission of 预核销.
    PreWriteOffItemId;
    /// An entry of a certificate's ledger.
    LedgerEntryId;
    /// 产品使用记录: of use, return or destruction.
    UsageRecordId;
    /// A file of a usage record or of an on-site visit.
    UsageFileId;
    /// An on-site visit of 后续监管.
    VisitId;
    /// A system of a port that reports write-offs.
    PortSystemId;
    /// A batch of write-offs that was handed in.
    WriteOffBatchId;
    /// A job of the outbox.
    JobId;
    /// A letter to a user.
    LetterId;
    /// A published notice.
    BulletinId;
    /// A file beside a notice.
    BulletinFileId;
    /// A 业务下放 rule.
    DelegationId;
    /// A filter of the worklist that an officer saved.
    SavedFilterId;
    /// 常用意见 that an officer keeps for himself.
    PhraseId;
    /// A note that officers write on a case (内部备注).
    CaseNoteId;
    /// A file of such a note.
    NoteFileId;
    /// A file that was shown as proof to a bureau that repairs an organisation.
    OrganisationProofId;
    /// An invitation of a colleague.
    InvitationId;
    /// A one-time password (忘记密码).
    OneTimePasswordId;
    /// A file of a long list.
    ExportId;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        assert_eq!("42".parse(), Ok(ItemId::new(42)));
        assert_eq!((ItemId::new(42).to_string().as_str(), ItemId::new(42).get()), ("42", 42));
        assert!("42a".parse::<ItemId>().is_err() && "".parse::<ItemId>().is_err());
        assert_eq!(HsCode::from("8418500000").to_string(), "8418500000");
    }
}

/// Every value type can be a column, an empty column, a field of a row, and one side of a condition.
#[cfg(all(test, feature = "db"))]
mod sql {
    use sea_orm::sea_query::{Expr, ExprTrait, Nullable, ValueType};
    use sea_orm::{FromQueryResult, Value};

    use super::*;
    use crate::number::{ApplicationNumber, CertificateNumber};
    use crate::quantity::{Money, Quantity, UnitPrice};
    use crate::text::{EmailAddress, Mobile, Phone, Postcode, UserName};
    use crate::time::{Day, Instant};

    fn survives<T>(value: &T)
    where
        T: Clone + PartialEq + std::fmt::Debug + Into<Value> + ValueType + Nullable,
    {
        let stored: Value = value.clone().into();
        assert_eq!(<T as ValueType>::try_from(stored.clone()).ok().as_ref(), Some(value));
        assert_eq!(<Option<T> as ValueType>::try_from(stored).ok(), Some(Some(value.clone())));
        assert_eq!(<Option<T> as ValueType>::try_from(T::null()).ok(), Some(None));
        assert_eq!(Value::from(None::<T>), T::null());
        let _ = Expr::col("c").eq(value.clone()).and(Expr::col("c").is_in([value.clone()]));
    }

    #[derive(Debug, FromQueryResult)]
    #[expect(dead_code, reason = "that it compiles is the test")]
    struct Row {
        id: AccountId,
        parent: Option<AccountId>,
        bureau: BureauCode,
        region: Option<RegionCode>,
        qty: Quantity,
        total: Option<Money>,
        day: Day,
        until: Option<Day>,
        at: Option<Instant>,
        number: Option<CertificateNumber>,
        email: Option<EmailAddress>,
    }

    #[test]
    fn every_value_survives_the_database() {
        let day: Day = "2026-11-23".parse().unwrap();
        let shanghai = BureauCode::new("310000");
        survives(&AccountId::new(7));
        survives(&shanghai);
        survives(&day);
        survives(&day.start_instant());
        survives(&Quantity::parse("12.5").unwrap());
        survives(&UnitPrice::parse("12.5").unwrap());
        survives(&Money::parse("12.5").unwrap());
        survives(&ApplicationNumber::new(&shanghai, day, 42).unwrap());
        survives(&CertificateNumber::new(&shanghai, day, 42).unwrap());
        survives(&UserName::parse("zhang_1").unwrap());
        survives(&EmailAddress::parse("zhang@example.com").unwrap());
        survives(&Postcode::parse("200000").unwrap());
        survives(&Phone::parse("021-12345678").unwrap());
        survives(&Mobile::parse("13800000000").unwrap());
    }

    #[test]
    fn ids_are_numbers_and_days_are_texts() {
        let day: Day = "2026-11-23".parse().unwrap();
        assert_eq!(Value::from(AccountId::new(7)), Value::BigInt(Some(7)));
        assert_eq!(Value::from(day), Value::String(Some("2026-11-23".into())));
        assert_eq!(Value::from(Quantity::from_units(1)), Value::BigInt(Some(1)));
    }
}
