//! 产品模板: products that an enterprise fills in again and again, its own or with 单位内共享 those of its organisation (D5).

use domain::catalogue::Trait;
use domain::ids::{
    AccountId, ApplicationId, CountryCode, CurrencyCode, HsCode, ItemId, OrganisationId, ProductTemplateId, UnitCode,
};
use domain::policy::Scope;
use domain::quantity::UnitPrice;
use domain::text;
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope};

/// A template as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductTemplate {
    /// Its id.
    pub id: ProductTemplateId,
    /// Whose it is.
    pub owner: AccountId,
    /// His user name.
    pub owner_name: String,
    /// 模板名称.
    pub name: String,
    /// When it was saved.
    pub created_at: Instant,
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
    /// 数量/重量单位.
    pub qty_unit: UnitCode,
    /// 单价.
    pub unit_price: UnitPrice,
    /// 币制.
    pub currency: CurrencyCode,
    /// 用途说明.
    pub usage_note: String,
    /// 备注.
    pub remark: String,
    /// 产品特性.
    pub traits: Vec<Trait>,
}

#[derive(crate::Row)]
struct Columns {
    id: ProductTemplateId,
    owner_id: AccountId,
    owner_name: String,
    name: String,
    created_at: Instant,
    hs_code: HsCode,
    hs_name: String,
    product_name: String,
    model: String,
    brand: String,
    manufacturer: String,
    origin_country: CountryCode,
    qty_unit: UnitCode,
    unit_price: UnitPrice,
    currency: CurrencyCode,
    usage_note: String,
    remark: String,
    traits: String,
}

impl Columns {
    fn template(self) -> DbResult<ProductTemplate> {
        let traits = serde_json::from_str(&self.traits)
            .map_err(|e| DbError::Inconsistent(format!("traits of template: {e}")))?;
        Ok(ProductTemplate {
            id: self.id,
            owner: self.owner_id,
            owner_name: self.owner_name,
            name: self.name,
            created_at: self.created_at,
            hs_code: self.hs_code,
            hs_name: self.hs_name,
            product_name: self.product_name,
            model: self.model,
            brand: self.brand,
            manufacturer: self.manufacturer,
            origin_country: self.origin_country,
            qty_unit: self.qty_unit,
            unit_price: self.unit_price,
            currency: self.currency,
            usage_note: self.usage_note,
            remark: self.remark,
            traits,
        })
    }
}

const SELECT: &str = "SELECT t.id, t.owner_id, c.username AS owner_name, t.name, t.created_at, t.hs_code, t.hs_name, \
    t.product_name, t.model, t.brand, t.manufacturer, t.origin_country, t.qty_unit, t.unit_price, t.currency, \
    t.usage_note, t.remark, t.traits FROM product_template t JOIN account c ON c.id = t.owner_id";

/// The templates that this scope sees. Only enterprises have any.
fn visible(scope: &Scope) -> Conditions {
    match scope {
        Scope::Enterprise { user, shared_organisation } => scope::owned("t", *user, *shared_organisation),
        Scope::Bureau(_) | Scope::All => Conditions::new().and("t.id < ?", params![0_i64]),
    }
}

/// What the list is narrowed by; empty = no condition (D27).
#[derive(Debug, Clone, Copy, Default)]
pub struct TemplateFilter<'a> {
    /// 模板名称.
    pub name: &'a str,
    /// 产品名称.
    pub product_name: &'a str,
    /// HS 编码.
    pub hs_code: &'a str,
}

impl TemplateFilter<'_> {
    fn conditions(&self, scope: &Scope) -> Conditions {
        visible(scope)
            .contains("t.name_folded", self.name)
            .contains("t.product_folded", self.product_name)
            .contains("t.hs_code", self.hs_code)
    }
}

/// A page of the templates that fit, newest first.
pub async fn page(
    source: &impl Source,
    scope: &Scope,
    filter: &TemplateFilter<'_>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<ProductTemplate>> {
    let conditions = filter.conditions(scope);
    let sql = format!("{SELECT}{} ORDER BY t.id DESC LIMIT {limit} OFFSET {offset}", conditions.sql());
    let found: Vec<Columns> = rows(source.connection(), &sql, conditions.values(vec![])).await?;
    found.into_iter().map(Columns::template).collect()
}

/// How many templates fit.
pub async fn count(source: &impl Source, scope: &Scope, filter: &TemplateFilter<'_>) -> DbResult<i64> {
    let conditions = filter.conditions(scope);
    let sql = format!("SELECT COUNT(*) FROM product_template t{}", conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// One template that this scope sees; otherwise [`DbError::NotFound`].
pub async fn load(source: &impl Source, scope: &Scope, id: ProductTemplateId) -> DbResult<ProductTemplate> {
    let conditions = visible(scope).and("t.id = ?", params![id]);
    let sql = format!("{SELECT}{}", conditions.sql());
    let found: Option<Columns> = row(source.connection(), &sql, conditions.values(vec![])).await?;
    found.ok_or(DbError::NotFound)?.template()
}

/// A template that is about to be saved.
#[derive(Debug, Clone, Copy)]
pub struct NewTemplate<'a> {
    /// Whose it will be.
    pub owner: AccountId,
    /// His organisation.
    pub organisation: OrganisationId,
    /// 模板名称.
    pub name: &'a str,
    /// The same key again saves nothing: a double click makes one.
    pub creation_key: &'a str,
}

/// Told to somebody who already has a template of this name.
pub const NAME_TAKEN: &str = "您已有同名的产品模板，请换一个名称";

/// Saves a product as a template: what one application alone knows (amounts, place, serial numbers) is left out. The
/// caller has loaded the application in scope. [`DbError::Refused`] when the owner has another one of this name.
pub async fn save(
    tx: &Tx,
    new: &NewTemplate<'_>,
    application: ApplicationId,
    item: ItemId,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    lock_author(tx, new.owner).await?;
    let done = tx
        .run(
            "INSERT INTO product_template (owner_id, organisation_id, creation_key, created_at, name, name_folded, \
             hs_code, hs_name, product_name, product_folded, model, model_folded, brand, manufacturer, \
             origin_country, qty_unit, unit_price, currency, usage_note, remark, traits) \
             SELECT $1, $2, $3, $4, $5, $6, hs_code, hs_name, product_name, product_folded, model, model_folded, \
             brand, manufacturer, origin_country, qty_unit, unit_price, currency, usage_note, remark, traits \
             FROM application_item WHERE application_id = $7 AND id = $8 ON CONFLICT DO NOTHING",
            params![
                new.owner,
                new.organisation,
                new.creation_key,
                now,
                new.name,
                text::fold(new.name),
                application,
                item
            ],
        )
        .await?;
    if done == 1 {
        let detail = serde_json::json!({ "name": new.name }).to_string();
        let entry = Entry { detail: &detail, ..Entry::of("save_template") };
        return audit::record(tx, Subject::Account(new.owner), by, now, &entry).await;
    }
    let known = crate::number(
        &tx.0,
        "SELECT COUNT(*) FROM product_template WHERE owner_id = $1 AND creation_key = $2",
        params![new.owner, new.creation_key],
    )
    .await?;
    if known == 1 { Ok(()) } else { Err(DbError::Refused(NAME_TAKEN.to_owned())) }
}

/// The author's chain of deeds is his own row, locked before it grows.
async fn lock_author(tx: &Tx, author: AccountId) -> DbResult<()> {
    let sql = format!("SELECT id FROM account WHERE id = $1{}", tx.for_update());
    crate::number(&tx.0, &sql, params![author]).await.map(|_| ())
}

/// Renames a template; [`DbError::Refused`] when its owner has another one of this name.
pub async fn rename(
    tx: &Tx,
    template: &ProductTemplate,
    name: &str,
    author: AccountId,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    lock_author(tx, author).await?;
    let folded = text::fold(name);
    let done = tx
        .run(
            "UPDATE product_template SET name = $1, name_folded = $2 WHERE id = $3 AND NOT EXISTS (SELECT 1 \
             FROM product_template o WHERE o.owner_id = $4 AND o.name_folded = $2 AND o.id <> $3)",
            params![name, folded, template.id, template.owner],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Refused(NAME_TAKEN.to_owned()));
    }
    let detail = serde_json::json!({ "from": template.name, "name": name }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("rename_template") };
    audit::record(tx, Subject::Account(author), by, now, &entry).await
}

/// Deletes a template; products made from it stay as they are.
pub async fn delete(tx: &Tx, template: &ProductTemplate, author: AccountId, by: &By, now: Instant) -> DbResult<()> {
    lock_author(tx, author).await?;
    let done = tx.run("DELETE FROM product_template WHERE id = $1", params![template.id]).await?;
    if done == 0 {
        return Err(DbError::Overtaken("该产品模板已被删除，请刷新后查看".to_owned()));
    }
    let detail = serde_json::json!({ "name": template.name }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("delete_template") };
    audit::record(tx, Subject::Account(author), by, now, &entry).await
}
