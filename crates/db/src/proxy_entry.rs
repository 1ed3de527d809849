//! 补录 (R-B-10): the registered enterprise users for whom a bureau enters an application.

use domain::actor::Membership;
use domain::ids::{AccountId, OrganisationId};
use domain::policy::{EnterForOthers, Permit};
use domain::text::{self, OrganisationCode};

use crate::search::Conditions;
use crate::{DbResult, Source, params, row, rows};

/// A registered enterprise user whose account is active.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct EnterpriseUser {
    /// His account.
    pub id: AccountId,
    /// 用户名.
    pub username: String,
    /// 联系人.
    pub contact_name: String,
    /// His organisation.
    pub organisation_id: OrganisationId,
    /// 组织机构代码.
    pub code: String,
    /// 申请单位.
    pub name: String,
    /// 地址.
    pub address: String,
    /// Where he stands in it (D3).
    pub membership: Membership,
    /// Since when his organisation is suspended (D30).
    pub suspended_at: Option<domain::time::Instant>,
}

/// What he is looked for by; empty = no condition (D27).
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    /// 组织机构代码: a whole one, of 9 or 18 characters, or how it begins.
    pub code: &'a str,
    /// 用户名, 模糊.
    pub username: &'a str,
    /// 申请单位, 模糊.
    pub name: &'a str,
}

/// The name of an organisation as it is compared, in SQL: brackets of half width, no blanks, small letters, one kind of dot
/// ([`crate::search::folded_sql`]).
pub(crate) const NAME: &str = "LOWER(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(o.name, \
    '（', '('), '）', ')'), ' ', ''), '\u{3000}', ''), '·', '.'), '•', '.'), '‧', '.'), '∙', '.'), '・', '.'))";

const SELECT: &str = "SELECT c.id, c.username, c.contact_name, c.organisation_id, o.code, o.name, o.address, c.membership, o.suspended_at";

const FROM: &str = " FROM account c JOIN organisation o ON o.id = c.organisation_id";

impl UserFilter<'_> {
    /// Whether nothing narrows the list: then nobody is shown, for a list of everybody serves no entry.
    pub fn is_empty(&self) -> bool {
        [self.code, self.username, self.name].iter().all(|typed| text::fold(typed).is_empty())
    }

    fn conditions(&self) -> Conditions {
        let active = Conditions::new().and("c.kind = 'enterprise' AND NOT c.disabled", params![]);
        let typed: String = text::fold(self.code).to_uppercase().chars().filter(|c| *c != '-').collect();
        let by_code = match OrganisationCode::parse(self.code) {
            Ok(code) => active.and("o.code = ?", params![code.key()]),
            Err(_) if typed.is_empty() => active,
            Err(_) => active.and("o.code LIKE ? ESCAPE '\\'", params![format!("{}%", text::escape_like(&typed))]),
        };
        by_code.contains("c.username_folded", self.username).contains(NAME, self.name)
    }
}

/// How many active users fit.
pub async fn count(source: &impl Source, _: &Permit<EnterForOthers>, filter: &UserFilter<'_>) -> DbResult<i64> {
    let conditions = filter.conditions();
    let sql = format!("SELECT COUNT(*){FROM}{}", conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// A page of the active users that fit, by organisation.
pub async fn page(
    source: &impl Source,
    _: &Permit<EnterForOthers>,
    filter: &UserFilter<'_>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<EnterpriseUser>> {
    let conditions = filter.conditions();
    let sql = format!("{SELECT}{FROM}{} ORDER BY o.code, c.id LIMIT {limit} OFFSET {offset}", conditions.sql());
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

/// One of them; none when he is not active, or no enterprise's user.
pub async fn find(source: &impl Source, _: &Permit<EnterForOthers>, id: AccountId) -> DbResult<Option<EnterpriseUser>> {
    let sql = format!("{SELECT}{FROM} WHERE c.kind = 'enterprise' AND NOT c.disabled AND c.id = $1");
    row(source.connection(), &sql, params![id]).await
}
