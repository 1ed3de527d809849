//! Who read personal data (E11): written in batches, after the page was sent.

use domain::actor::Actor;
use domain::ids::{AccountId, BureauCode};
use domain::time::Instant;

use crate::search::Conditions;
use crate::{DbResult, Reader, Tx, params};

/// What was read (a stored word, and what people call it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An application, on its page or as a case.
    Application,
    /// Its print.
    Print,
    /// One of its files.
    Attachment,
    /// A certificate or its paper.
    Certificate,
    /// A 产品使用记录, its files, or the dossier of a certificate.
    Usage,
    /// The users of an organisation.
    Colleagues,
    /// The registered enterprise users, looked for to enter an application for one (补录).
    EnterpriseUsers,
    /// A part of the audit trail, as a file.
    AuditTrail,
    /// A list of the statistics, as a file.
    Statistics,
    /// What 综合查询 found, as a file.
    Search,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Application,
        Self::Print,
        Self::Attachment,
        Self::Certificate,
        Self::Usage,
        Self::Colleagues,
        Self::EnterpriseUsers,
        Self::AuditTrail,
        Self::Statistics,
        Self::Search,
    ];

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Print => "print",
            Self::Attachment => "attachment",
            Self::Certificate => "certificate",
            Self::Usage => "usage",
            Self::Colleagues => "colleagues",
            Self::EnterpriseUsers => "enterprise_users",
            Self::AuditTrail => "audit_trail",
            Self::Statistics => "statistics",
            Self::Search => "search",
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Application => "查看申请",
            Self::Print => "打印申请",
            Self::Attachment => "查看附件",
            Self::Certificate => "查看证明",
            Self::Usage => "查看产品使用记录",
            Self::Colleagues => "查看单位用户",
            Self::EnterpriseUsers => "查询企业用户",
            Self::AuditTrail => "导出审计记录",
            Self::Statistics => "导出统计清单",
            Self::Search => "导出查询结果",
        }
    }

    /// What a stored word is called; the word itself when it is none of ours.
    pub fn label_of(word: &str) -> &str {
        Self::ALL.iter().find(|w| w.word() == word).map_or(word, |w| w.label())
    }
}

/// One reading.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When.
    pub at: Instant,
    /// Who.
    pub account: AccountId,
    /// His name as it was then.
    pub name: String,
    /// For which bureau.
    pub bureau: Option<BureauCode>,
    /// What.
    pub what: What,
    /// Of which application, certificate, organisation or account; 0 when it was a list.
    pub subject: i64,
    /// From which network address.
    pub address: String,
}

impl Reading {
    /// By this actor, from this address.
    pub fn of(actor: &Actor, address: &str, what: What, subject: i64, at: Instant) -> Self {
        Self {
            at,
            account: actor.account(),
            name: actor.name().to_owned(),
            bureau: actor.bureau().cloned(),
            what,
            subject,
            address: address.to_owned(),
        }
    }
}

/// Writes what was read since the last time.
pub async fn record(tx: &Tx, readings: &[Reading]) -> DbResult<()> {
    let rows = readings
        .iter()
        .map(|r| {
            params![r.at, r.account, r.name.clone(), r.bureau.clone(), r.what.word(), r.subject, r.address.clone()]
        })
        .collect();
    let columns = ["at", "account_id", "actor_name", "bureau_code", "what", "subject_id", "address"];
    tx.insert_rows("reading", &columns, "", rows).await
}

/// A row of the log.
#[derive(Debug, Clone, crate::Row)]
pub struct Logged {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Instant,
    /// Who, by name.
    pub actor_name: String,
    /// 用户名.
    pub username: String,
    /// For which bureau.
    pub bureau_code: Option<BureauCode>,
    /// What (a stored word).
    pub what: String,
    /// Of what.
    pub subject_id: i64,
    /// From which address.
    pub address: String,
    /// The 申请单号, when an application, its print or its file was read.
    pub number: Option<String>,
}

/// A page of the log under these conditions on `reading r`, newest first.
pub async fn page(read: Reader<'_>, conditions: &Conditions, limit: i64) -> DbResult<Vec<Logged>> {
    let sql = format!(
        "SELECT r.id, r.at, r.actor_name, u.username, r.bureau_code, r.what, r.subject_id, r.address, a.number \
         FROM reading r JOIN account u ON u.id = r.account_id \
         LEFT JOIN application a ON r.what IN ('application', 'print', 'attachment') AND a.id = r.subject_id{} \
         ORDER BY r.at DESC, r.id DESC LIMIT {limit}",
        conditions.sql()
    );
    read.rows(&sql, conditions.values(vec![])).await
}
