//! Lists that become files of any length (E37).

use crate::actor::words;

/// A file is kept for so many days.
pub const KEPT_DAYS: i64 = 7;
/// So many files of one person are made at once.
pub const MOST_WAITING: i64 = 3;

words! {
    /// A list that becomes a file.
    ReportKind {
        /// The list behind a number of the statistics.
        StatisticCases = "statistic_cases", "统计清单";
        /// What 综合查询 found.
        Search = "search", "查询结果";
        /// 审计查询.
        AuditTrail = "audit_trail", "审计记录";
        /// 核销台账 of a certificate.
        Ledger = "ledger", "核销台账";
    }
}

words! {
    /// How far a file is.
    ExportState {
        /// It waits or is being made.
        Waiting = "waiting", "正在生成";
        /// It can be taken away.
        Done = "done", "已生成";
        /// It could not be made.
        Failed = "failed", "未能生成";
    }
}
