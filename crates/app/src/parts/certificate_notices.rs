//! 今日提醒 about certificates, for their holder: what he has to change, and what the bureau decided lately.

use db::params;
use domain::ids::{AccountId, CertificateId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;

use crate::parts::reminders::Reminder;

/// How long a decision is mentioned.
pub const DAYS: i64 = 7;

const AMENDMENTS: &str = "FROM certificate_amendment m JOIN certificate c ON c.id = m.certificate_id \
    WHERE m.holder_id = $1 AND (m.state IN ('opened', 'sent_back') \
    OR (m.state IN ('refused', 'confirmed') AND m.decided_at > $5) \
    OR (m.state = 'cancelled' AND m.decided_at > $5 AND m.decided_by <> $1))";
const REVOCATIONS: &str = "FROM certificate_revocation m JOIN certificate c ON c.id = m.certificate_id \
    WHERE m.holder_id = $1 AND m.state = 'revoked' AND m.decided_at > $5";
const SURRENDERS: &str = "FROM certificate_surrender m JOIN certificate c ON c.id = m.certificate_id \
    WHERE m.holder_id = $1 AND m.state IN ('surrendered', 'refused') AND m.decided_at > $5";

/// How many there are, as a term of a sum: $1 = the user, $5 = since when decisions are mentioned.
pub fn count_sql() -> String {
    format!("(SELECT COUNT(*) {AMENDMENTS}) + (SELECT COUNT(*) {REVOCATIONS}) + (SELECT COUNT(*) {SURRENDERS})")
}

#[derive(db::Row)]
struct Columns {
    kind: String,
    state: String,
    id: CertificateId,
    number: String,
    at: Option<Instant>,
}

/// The notices themselves, newest first.
pub async fn of_holder(app: &App, holder: AccountId, most: i64) -> Result<Vec<Reminder>, AppError> {
    let sql = format!(
        "SELECT * FROM (\
         SELECT 'amendment' AS kind, m.state, c.id, c.number, COALESCE(m.decided_at, m.opened_at) AS at {AMENDMENTS} \
         UNION ALL SELECT 'revocation' AS kind, m.state, c.id, c.number, m.decided_at AS at {REVOCATIONS} \
         UNION ALL SELECT 'surrender' AS kind, m.state, c.id, c.number, m.decided_at AS at {SURRENDERS}\
         ) found ORDER BY at DESC, id DESC LIMIT {most}"
    )
    .replace("$5", "$2");
    let found: Vec<Columns> = app.db.read().rows(&sql, params![holder, app.now().plus_days(-DAYS)]).await?;
    Ok(found.into_iter().map(reminder).collect())
}

fn reminder(c: Columns) -> Reminder {
    let page = format!("/certificates/{}", c.id);
    let (tone, icon, title, text, href) = match (c.kind.as_str(), c.state.as_str()) {
        ("amendment", "opened") => (
            "t-amber",
            "file-pencil",
            "证明可以修改",
            "检验检疫局已同意修改，请修改后提交：",
            format!("{page}/amendment"),
        ),
        ("amendment", "sent_back") => {
            ("t-amber", "arrow-back-up", "证明修改被退回", "请按确认意见重新修改后提交：", format!("{page}/amendment"))
        }
        ("amendment", "confirmed") => {
            ("t-green", "certificate", "证明修改已确认", "新证明已生效，原证明不再使用，请下载新证明：", page)
        }
        ("amendment", "refused") => ("t-red", "circle-x", "修改证明的申请未获同意", "请查看原因：", page),
        ("amendment", _) => ("t-gray", "arrow-back-up", "证明修改已收回", "检验检疫局收回了修改，证明未变：", page),
        ("revocation", _) => (
            "t-red",
            "ban",
            "证明已被撤销",
            "该证明不能再用于进口和核销，请查看撤销原因：",
            format!("{page}/revocation"),
        ),
        (_, "surrendered") => ("t-slate", "archive", "证明已注销", "检验检疫局已确认注销：", page),
        (_, _) => ("t-red", "circle-x", "注销证明的申请未获同意", "请查看原因：", format!("{page}/surrender")),
    };
    Reminder {
        tone,
        icon,
        title,
        when: c.at.map(Instant::china).unwrap_or_default(),
        text: text.to_owned(),
        link_label: c.number,
        href,
    }
}
