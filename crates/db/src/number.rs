//! 申请单号 and 证明号 (D25): unique, never reused, taken in the transaction that uses them.

use domain::ids::BureauCode;
use domain::number::{ApplicationNumber, CertificateNumber};
use domain::time::Day;

use crate::{DbResult, Tx, params};

async fn next(tx: &Tx, series: &str) -> DbResult<i64> {
    tx.insert(
        "INSERT INTO number_series (name, last) VALUES ($1, 1) \
         ON CONFLICT (name) DO UPDATE SET last = number_series.last + 1 RETURNING last",
        params![series],
    )
    .await
}

/// The next 申请单号 of a direct bureau on a day: `MB` + bureau (6) + yyyymmdd + 5 digits.
pub async fn next_application(tx: &Tx, direct: &BureauCode, day: Day) -> DbResult<ApplicationNumber> {
    let serial = next(tx, &format!("application:{direct}:{day}")).await?;
    ApplicationNumber::new(direct, day, u64::try_from(serial).unwrap_or_default())
        .map_err(|e| crate::DbError::Inconsistent(e.to_string()))
}

/// The next 证明号 of a direct bureau in a year: bureau (6) + yyyy + 6 digits + check digit.
pub async fn next_certificate(tx: &Tx, direct: &BureauCode, day: Day) -> DbResult<CertificateNumber> {
    let serial = next(tx, &format!("certificate:{direct}:{}", day.year())).await?;
    CertificateNumber::new(direct, day, u64::try_from(serial).unwrap_or_default())
        .map_err(|e| crate::DbError::Inconsistent(e.to_string()))
}
