//! Writes of applications: drafts, products, submission, and the one place where a state changes.

use domain::actor::{Actor, Post};
use domain::application::{Applicant, Application, Basics, DisposalPlan, ItemForm, MOST_ITEMS, Part};
use domain::calendar::{Calendar, ServiceClock};
use domain::catalogue::Trait;
use domain::correction::{NamedField, Snapshot};
use domain::ids::{
    AccountId, ApplicationId, BureauCode, ClauseCode, CountryCode, CurrencyCode, HsCode, ItemId, OrganisationId,
    PortCode, RegionCode, TradeModeCode, UnitCode,
};
use domain::policy::{EnterForOthers, Ownership, Permit, Reach, Scope};
use domain::quantity::{Money, Quantity, UnitPrice};
use domain::review::{Checked, Finding};
use domain::routing::{Step, Stop};
use domain::text;
use domain::time::{DRAFT_LIFE_HOURS, Day, Instant};
use domain::workflow::{State, Target, Transition};

use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope, search};

/// Told to somebody whose page is older than the data.
pub const OVERTAKEN: &str = "该申请单已被处理，请刷新后查看最新状态";

/// What stands in `waiting_since` while the service clock stands still: such cases come last.
pub const NEVER: Instant = Instant::from_millis(i64::MAX);

#[derive(crate::Row)]
struct Columns {
    id: ApplicationId,
    state: State,
    version: i64,
    owner_id: AccountId,
    entered_by_bureau: Option<BureauCode>,
    number: Option<String>,
    applicant_name: String,
    applicant_org_code: String,
    applicant_address: String,
    applicant_postcode: String,
    applicant_contact: String,
    applicant_phone: String,
    applicant_fax: String,
    applicant_email: String,
    applicant_remark: String,
    clause_code: ClauseCode,
    trade_mode: TradeModeCode,
    use_region_code: Option<RegionCode>,
    use_address: String,
    use_unit_name: String,
    use_contact: String,
    use_phone: String,
    contract_no: String,
    invoice_no: String,
    bl_no: String,
    port_code: Option<PortCode>,
    expected_import_date: Option<Day>,
    purpose: String,
    disposal_plan: Option<DisposalPlan>,
    display_from: Option<Day>,
    display_to: Option<Day>,
    principal_name: Option<String>,
    remark: String,
    first_saved_at: Instant,
    expires_at: Instant,
    submitted_at: Option<Instant>,
    arrived_at: Option<Instant>,
    waiting_since: Instant,
    waited_ms: i64,
    receiving_bureau: Option<BureauCode>,
    current_bureau: Option<BureauCode>,
    return_post: Option<Post>,
    return_parts: String,
    return_fields: String,
    first_reviewer_id: Option<AccountId>,
    handler_id: Option<AccountId>,
    four_eyes: Option<bool>,
}

impl From<Columns> for Application {
    fn from(c: Columns) -> Self {
        Self {
            id: c.id,
            version: c.version,
            ownership: Ownership {
                owner: c.owner_id,
                entered_by_bureau: c.entered_by_bureau,
                state: c.state,
                current_bureau: c.current_bureau,
                handler: c.handler_id,
                first_reviewer: c.first_reviewer_id,
                four_eyes: c.four_eyes.unwrap_or(true),
                receiving_bureau: c.receiving_bureau,
            },
            number: c.number,
            first_saved_at: c.first_saved_at,
            expires_at: c.expires_at,
            submitted_at: c.submitted_at,
            arrived_at: c.arrived_at,
            clock: ServiceClock { since: (c.waiting_since != NEVER).then_some(c.waiting_since), waited: c.waited_ms },
            return_post: c.return_post,
            return_parts: c.return_parts.split(',').filter_map(|p| p.parse().ok()).collect(),
            return_fields: c.return_fields.split(',').filter_map(|f| f.parse().ok()).collect(),
            applicant: Applicant {
                name: c.applicant_name,
                org_code: c.applicant_org_code,
                address: c.applicant_address,
                postcode: c.applicant_postcode,
                contact: c.applicant_contact,
                phone: c.applicant_phone,
                fax: c.applicant_fax,
                email: c.applicant_email,
                remark: c.applicant_remark,
            },
            basics: Basics {
                clause: c.clause_code,
                trade_mode: c.trade_mode,
                use_region: c.use_region_code,
                use_address: c.use_address,
                use_unit_name: c.use_unit_name,
                use_contact: c.use_contact,
                use_phone: c.use_phone,
                contract_no: c.contract_no,
                invoice_no: c.invoice_no,
                bl_no: c.bl_no,
                port: c.port_code,
                expected_import_date: c.expected_import_date,
                purpose: c.purpose,
                disposal_plan: c.disposal_plan,
                display_from: c.display_from,
                display_to: c.display_to,
                principal_name: c.principal_name,
                remark: c.remark,
            },
        }
    }
}

const SELECT: &str = "SELECT a.id, a.state, a.version, a.owner_id, a.entered_by_bureau, a.number, a.applicant_name, \
    a.applicant_org_code, a.applicant_address, a.applicant_postcode, a.applicant_contact, a.applicant_phone, \
    a.applicant_fax, a.applicant_email, a.applicant_remark, a.clause_code, a.trade_mode, a.use_region_code, \
    a.use_address, a.use_unit_name, a.use_contact, a.use_phone, a.contract_no, a.invoice_no, a.bl_no, a.port_code, \
    a.expected_import_date, a.purpose, a.disposal_plan, a.display_from, a.display_to, a.principal_name, a.remark, \
    a.first_saved_at, a.expires_at, a.submitted_at, a.arrived_at, a.waiting_since, a.waited_ms, a.receiving_bureau, \
    a.current_bureau, a.return_post, a.return_parts, a.return_fields, a.first_reviewer_id, a.handler_id, \
    (SELECT b.four_eyes FROM bureau b WHERE b.code = a.current_bureau) AS four_eyes FROM application a";

/// Loads what the actor's scope sees; otherwise [`DbError::NotFound`]. A draft whose ten days are over does not exist.
pub async fn load(source: &impl Source, scope: &Scope, id: ApplicationId, now: Instant) -> DbResult<Application> {
    fetch(source, scope, id, now, "").await
}

/// Loads and locks the row until the end of the transaction.
pub async fn load_for_update(tx: &Tx, scope: &Scope, id: ApplicationId, now: Instant) -> DbResult<Application> {
    fetch(tx, scope, id, now, tx.for_update()).await
}

async fn fetch(
    source: &impl Source,
    scope: &Scope,
    id: ApplicationId,
    now: Instant,
    lock: &str,
) -> DbResult<Application> {
    let conditions = scope::visible(scope).and("a.id = ?", params![id]);
    let sql = format!("{SELECT}{}{lock}", conditions.sql());
    let found: Option<Columns> = row(source.connection(), &sql, conditions.values(vec![])).await?;
    let application = Application::from(found.ok_or(DbError::NotFound)?);
    if application.is_expired(now) { Err(DbError::NotFound) } else { Ok(application) }
}

/// A draft that is about to exist.
#[derive(Debug, Clone, Copy)]
pub struct NewDraft<'a> {
    /// Whose it is.
    pub owner: AccountId,
    /// His organisation.
    pub organisation: OrganisationId,
    /// The proof of whoever enters it for him (补录, A17); none when he fills it in himself.
    pub entered_by: Option<&'a Permit<EnterForOthers>>,
    /// 申请单位信息, as his session knows it (D22); of a 补录, as it stands now.
    pub applicant: &'a Applicant,
    /// The default of 产品最终使用地行政区划.
    pub region: Option<&'a RegionCode>,
    /// 免办条款.
    pub clause: &'a ClauseCode,
    /// 贸易方式.
    pub trade_mode: &'a TradeModeCode,
    /// The same key again answers with the first draft: a double click makes one.
    pub creation_key: &'a str,
}

/// Creates a draft (A1).
pub async fn create_draft(tx: &Tx, new: &NewDraft<'_>, by: &By, now: Instant) -> DbResult<ApplicationId> {
    let NewDraft { owner, organisation, applicant, creation_key, .. } = *new;
    let entering = new.entered_by.and_then(|permit| match permit.reach() {
        Reach::Bureau(bureau) => Some((bureau.clone(), permit.account())),
        Reach::Everywhere => None,
    });
    let (bureau, officer) = entering.unzip();
    let inserted = tx
        .run(
            "INSERT INTO application (state, owner_id, organisation_id, creation_key, applicant_name, \
             applicant_folded, applicant_org_code, applicant_address, applicant_postcode, applicant_contact, \
             applicant_phone, applicant_fax, applicant_email, applicant_remark, clause_code, trade_mode, \
             use_region_code, first_saved_at, expires_at, entered_by_bureau, entered_by_id) \
             VALUES ('draft', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT (creation_key) DO NOTHING",
            params![
                owner,
                organisation,
                creation_key,
                applicant.name.clone(),
                text::fold(&applicant.name),
                applicant.org_code.clone(),
                applicant.address.clone(),
                applicant.postcode.clone(),
                applicant.contact.clone(),
                applicant.phone.clone(),
                applicant.fax.clone(),
                applicant.email.clone(),
                applicant.remark.clone(),
                new.clause.clone(),
                new.trade_mode.clone(),
                new.region.cloned(),
                now,
                now.plus_hours(DRAFT_LIFE_HOURS),
                bureau,
                officer
            ],
        )
        .await?;
    let id = crate::number(
        &tx.0,
        "SELECT id FROM application WHERE creation_key = $1 AND owner_id = $2",
        params![creation_key, owner],
    )
    .await?;
    let id = ApplicationId::new(id);
    if inserted == 1 {
        let post = new.entered_by.map(|_| Post::ProxyEntry);
        let entry = Entry { post, to: Some(State::Draft), ..Entry::of("create") };
        audit::record(tx, Subject::Application(id), by, now, &entry).await?;
    }
    Ok(id)
}

/// Notes the change of one part: counts it and audits it; [`DbError::Overtaken`] when the page was older than the data.
pub async fn touch(
    tx: &Tx,
    seen: &Application,
    edit: Transition,
    part: Part,
    what: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET version = version + 1 WHERE id = $1 AND version = $2 AND state = $3",
            params![seen.id, seen.version, edit.from()],
        )
        .await?;
    changed(tx, done, seen, part, what, by, now).await
}

/// Audits a change of the form, if there was one.
async fn changed(
    tx: &Tx,
    rows: u64,
    seen: &Application,
    part: Part,
    what: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    if rows == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let detail = serde_json::json!({ "part": part.word(), "what": what }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("edit") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// Saves 申请基本信息. The applicant's data are not among them (R-2.1.1-04).
pub async fn save_basics(
    tx: &Tx,
    seen: &Application,
    edit: Transition,
    b: &Basics,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET version = version + 1, clause_code = $1, trade_mode = $2, use_region_code = $3, \
             use_address = $4, use_unit_name = $5, use_contact = $6, use_phone = $7, contract_no = $8, \
             contract_no_folded = $9, invoice_no = $10, bl_no = $11, bl_no_folded = $12, port_code = $13, \
             expected_import_date = $14, purpose = $15, disposal_plan = $16, display_from = $17, display_to = $18, \
             principal_name = $19, remark = $20 WHERE id = $21 AND version = $22 AND state = $23",
            params![
                b.clause.clone(),
                b.trade_mode.clone(),
                b.use_region.clone(),
                b.use_address.clone(),
                b.use_unit_name.clone(),
                b.use_contact.clone(),
                b.use_phone.clone(),
                b.contract_no.clone(),
                text::fold(&b.contract_no),
                b.invoice_no.clone(),
                b.bl_no.clone(),
                text::fold(&b.bl_no),
                b.port.clone(),
                b.expected_import_date,
                b.purpose.clone(),
                b.disposal_plan,
                b.display_from,
                b.display_to,
                b.principal_name.clone(),
                b.remark.clone(),
                seen.id,
                seen.version,
                edit.from()
            ],
        )
        .await?;
    changed(tx, done, seen, Part::Basics, "save", by, now).await?;
    if seen.state() == State::Draft { Ok(()) } else { search::index(tx, seen.id).await }
}

/// Copies the session's profile into a draft: 刷新申请单位信息 (D21).
pub async fn refresh_applicant(
    tx: &Tx,
    seen: &Application,
    edit: Transition,
    a: &Applicant,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET version = version + 1, applicant_name = $1, applicant_folded = $2, \
             applicant_address = $3, applicant_postcode = $4, applicant_contact = $5, applicant_phone = $6, \
             applicant_fax = $7, applicant_email = $8, applicant_remark = $9 \
             WHERE id = $10 AND version = $11 AND state = $12",
            params![
                a.name.clone(),
                text::fold(&a.name),
                a.address.clone(),
                a.postcode.clone(),
                a.contact.clone(),
                a.phone.clone(),
                a.fax.clone(),
                a.email.clone(),
                a.remark.clone(),
                seen.id,
                seen.version,
                edit.from()
            ],
        )
        .await?;
    changed(tx, done, seen, Part::Basics, "refresh_applicant", by, now).await?;
    if seen.state() == State::Draft { Ok(()) } else { search::index(tx, seen.id).await }
}

/// A product of the annex, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// Counts its changes; two tabs are told apart by it.
    pub version: i64,
    /// Its data.
    pub form: ItemForm,
}

#[derive(crate::Row)]
struct ItemColumns {
    id: ItemId,
    version: i64,
    hs_code: HsCode,
    hs_name: String,
    product_name: String,
    model: String,
    brand: String,
    manufacturer: String,
    origin_country: CountryCode,
    qty: Quantity,
    qty_unit: UnitCode,
    hs_qty: Quantity,
    hs_unit: UnitCode,
    unit_price: UnitPrice,
    total_price: Money,
    currency: CurrencyCode,
    use_region_code: RegionCode,
    use_address: String,
    serials: String,
    usage_note: String,
    remark: String,
    traits: String,
}

impl ItemColumns {
    fn item(self) -> DbResult<Item> {
        let traits: Vec<Trait> =
            serde_json::from_str(&self.traits).map_err(|e| DbError::Inconsistent(format!("traits of item: {e}")))?;
        Ok(Item {
            id: self.id,
            version: self.version,
            form: ItemForm {
                hs_code: self.hs_code,
                hs_name: self.hs_name,
                product_name: self.product_name,
                model: self.model,
                brand: self.brand,
                manufacturer: self.manufacturer,
                origin_country: self.origin_country,
                qty: self.qty,
                qty_unit: self.qty_unit,
                hs_qty: self.hs_qty,
                hs_unit: self.hs_unit,
                unit_price: self.unit_price,
                total_price: self.total_price,
                currency: self.currency,
                use_region: self.use_region_code,
                use_address: self.use_address,
                serials: self.serials,
                usage_note: self.usage_note,
                remark: self.remark,
                traits,
            },
        })
    }
}

const ITEM: &str = "SELECT id, version, hs_code, hs_name, product_name, model, brand, manufacturer, origin_country, \
    qty, qty_unit, hs_qty, hs_unit, unit_price, total_price, currency, use_region_code, use_address, serials, \
    usage_note, remark, traits FROM application_item";

/// All products of an application, in the order of their entry. The caller has loaded the application in scope.
pub async fn items(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Item>> {
    let found: Vec<ItemColumns> =
        rows(source.connection(), &format!("{ITEM} WHERE application_id = $1 ORDER BY id"), params![application])
            .await?;
    found.into_iter().map(ItemColumns::item).collect()
}

/// The first of them, at most so many. The caller has loaded the application in scope.
pub async fn first_items(source: &impl Source, application: ApplicationId, limit: i64) -> DbResult<Vec<Item>> {
    let sql = format!("{ITEM} WHERE application_id = $1 ORDER BY id LIMIT {limit}");
    let found: Vec<ItemColumns> = rows(source.connection(), &sql, params![application]).await?;
    found.into_iter().map(ItemColumns::item).collect()
}

/// The ids of all products, in the order of their 序号. The caller has loaded the application in scope.
pub async fn item_ids(source: &impl Source, application: ApplicationId) -> DbResult<Vec<ItemId>> {
    #[derive(crate::Row)]
    struct Columns {
        id: ItemId,
    }
    let sql = "SELECT id FROM application_item WHERE application_id = $1 ORDER BY id";
    let found: Vec<Columns> = rows(source.connection(), sql, params![application]).await?;
    Ok(found.into_iter().map(|c| c.id).collect())
}

/// The HS codes of its products, each once.
pub async fn hs_codes(source: &impl Source, application: ApplicationId) -> DbResult<Vec<HsCode>> {
    #[derive(crate::Row)]
    struct Columns {
        hs_code: HsCode,
    }
    let sql = "SELECT DISTINCT hs_code FROM application_item WHERE application_id = $1 ORDER BY hs_code";
    let found: Vec<Columns> = rows(source.connection(), sql, params![application]).await?;
    Ok(found.into_iter().map(|c| c.hs_code).collect())
}

/// What its products need of the catalogue: each HS code with the 产品特性 that are filled in, each once.
pub async fn kinds_of_items(source: &impl Source, application: ApplicationId) -> DbResult<Vec<(HsCode, Vec<Trait>)>> {
    #[derive(crate::Row)]
    struct Columns {
        hs_code: HsCode,
        traits: String,
    }
    let sql = "SELECT DISTINCT hs_code, traits FROM application_item WHERE application_id = $1";
    let found: Vec<Columns> = rows(source.connection(), sql, params![application]).await?;
    let kind = |c: Columns| {
        let traits =
            serde_json::from_str(&c.traits).map_err(|e| DbError::Inconsistent(format!("traits of item: {e}")))?;
        Ok((c.hs_code, traits))
    };
    found.into_iter().map(kind).collect()
}

/// What the list of products is narrowed by; empty = no condition (D27).
#[derive(Debug, Clone, Copy, Default)]
pub struct ItemFilter<'a> {
    /// 产品名称.
    pub product_name: &'a str,
    /// HS 编码.
    pub hs_code: &'a str,
    /// 规格型号.
    pub model: &'a str,
    /// Only these, when there are any.
    pub among: &'a [ItemId],
}

impl ItemFilter<'_> {
    /// The numbered products of an application as a table `n`, and the conditions on it.
    fn select(&self, columns: &str, application: ApplicationId) -> (String, Conditions) {
        let conditions = Conditions::new()
            .and("n.application_id = ?", params![application])
            .contains("n.product_folded", self.product_name)
            .contains("n.hs_code", self.hs_code)
            .contains("n.model_folded", self.model);
        let conditions = if self.among.is_empty() {
            conditions
        } else {
            let among: Vec<_> = self.among.iter().map(ToString::to_string).collect();
            conditions.and(&format!("n.id IN ({})", among.join(", ")), vec![])
        };
        // 序号 is that of the whole list, whatever it is narrowed by.
        let sql = format!(
            "SELECT {columns} FROM (SELECT ROW_NUMBER() OVER (ORDER BY i.id) AS ordinal, i.* FROM application_item i \
             WHERE i.application_id = $1) n{}",
            conditions.sql()
        );
        (sql, conditions)
    }
}

/// A page of the products that fit, each with its 序号. The caller has loaded the application in scope.
pub async fn items_matching(
    source: &impl Source,
    application: ApplicationId,
    filter: &ItemFilter<'_>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<(i64, Item)>> {
    #[derive(crate::Row)]
    struct Numbered {
        ordinal: i64,
        #[sea_orm(nested)]
        columns: ItemColumns,
    }
    let (sql, conditions) = filter.select("n.*", application);
    let sql = format!("{sql} ORDER BY n.ordinal LIMIT {limit} OFFSET {offset}");
    let found: Vec<Numbered> = rows(source.connection(), &sql, conditions.values(vec![])).await?;
    found.into_iter().map(|n| Ok((n.ordinal, n.columns.item()?))).collect()
}

/// How many products fit.
pub async fn count_items(source: &impl Source, application: ApplicationId, filter: &ItemFilter<'_>) -> DbResult<i64> {
    let (sql, conditions) = filter.select("COUNT(*)", application);
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// One product; [`DbError::NotFound`] when it belongs to another application.
pub async fn item(source: &impl Source, application: ApplicationId, id: ItemId) -> DbResult<Item> {
    let found: Option<ItemColumns> =
        row(source.connection(), &format!("{ITEM} WHERE application_id = $1 AND id = $2"), params![application, id])
            .await?;
    found.ok_or(DbError::NotFound)?.item()
}

fn item_params(i: &ItemForm) -> DbResult<Vec<crate::Value>> {
    let traits = serde_json::to_string(&i.traits).map_err(|e| DbError::Inconsistent(e.to_string()))?;
    Ok(params![
        i.hs_code.clone(),
        i.hs_name.clone(),
        i.product_name.clone(),
        text::fold(&i.product_name),
        i.model.clone(),
        text::fold(&i.model),
        i.brand.clone(),
        i.manufacturer.clone(),
        i.origin_country.clone(),
        i.qty,
        i.qty_unit.clone(),
        i.hs_qty,
        i.hs_unit.clone(),
        i.unit_price,
        i.total_price,
        i.currency.clone(),
        i.use_region.clone(),
        i.use_address.clone(),
        i.serials.clone(),
        i.usage_note.clone(),
        i.remark.clone(),
        traits
    ])
}

const ITEM_COLUMNS: &str = "hs_code, hs_name, product_name, product_folded, model, model_folded, brand, manufacturer, \
    origin_country, qty, qty_unit, hs_qty, hs_unit, unit_price, total_price, currency, use_region_code, use_address, \
    serials, usage_note, remark, traits";

/// Adds a product. The application row is locked and counted by [`touch`] in the same transaction. The same
/// `creation_key` again adds nothing: a double click makes one. [`DbError::Refused`] when the application is full.
pub async fn add_item(tx: &Tx, application: ApplicationId, item: &ItemForm, creation_key: &str) -> DbResult<()> {
    let mut values = item_params(item)?;
    values.extend(params![application, creation_key]);
    let done = tx
        .run(
            &format!(
                "INSERT INTO application_item ({ITEM_COLUMNS}, application_id, creation_key) \
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
                 $22, $23, $24 WHERE (SELECT COUNT(*) FROM application_item WHERE application_id = $23) < {MOST_ITEMS} \
                 ON CONFLICT (application_id, creation_key) DO NOTHING"
            ),
            values,
        )
        .await?;
    if done == 1 {
        return Ok(());
    }
    let known = crate::number(
        &tx.0,
        "SELECT COUNT(*) FROM application_item WHERE application_id = $1 AND creation_key = $2",
        params![application, creation_key],
    )
    .await?;
    if known == 1 { Ok(()) } else { Err(DbError::Refused(full(MOST_ITEMS, 1))) }
}

/// Why no more products go in, and what to do.
fn full(there: i64, more: i64) -> String {
    format!(
        "一份申请最多 {MOST_ITEMS} 个产品，现有 {there} 个，不能再添加 {more} 个，本次没有添加任何产品。\
         请减少产品，或将其余产品填写在另一份申请中。"
    )
}

/// Whether products of the file of this key are there: a second click on the same button adds nothing.
pub async fn has_items_of(source: &impl Source, application: ApplicationId, key: &str) -> DbResult<bool> {
    let there = crate::number(
        source.connection(),
        "SELECT COUNT(*) FROM application_item WHERE application_id = $1 AND SUBSTR(creation_key, 1, $2) = $3",
        params![application, i32::try_from(key.len()).unwrap_or(i32::MAX), key],
    )
    .await?;
    Ok(there > 0)
}

/// Adds the rows of a file, each with its number, all or none; [`DbError::Refused`] when they are more than the
/// application has room for. The application row is locked, and counted by [`touch`] in the same transaction.
pub async fn add_items(tx: &Tx, application: ApplicationId, items: &[(usize, ItemForm)], key: &str) -> DbResult<()> {
    let there =
        crate::number(&tx.0, "SELECT COUNT(*) FROM application_item WHERE application_id = $1", params![application])
            .await?;
    let more = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if there.saturating_add(more) > MOST_ITEMS {
        return Err(DbError::Refused(full(there, more)));
    }
    let mut all = Vec::with_capacity(items.len());
    for (row, item) in items {
        let mut values = item_params(item)?;
        values.extend(params![application, format!("{key}-{row}")]);
        all.push(values);
    }
    let columns: Vec<_> = ITEM_COLUMNS.split(", ").chain(["application_id", "creation_key"]).collect();
    tx.insert_rows("application_item", &columns, "", all).await
}

/// Which products 复制为新申请 takes over.
#[derive(Debug, Clone, Copy)]
pub enum Products<'a> {
    /// All, as they were entered.
    Entered,
    /// These, each with its number among those of the old application: as the certificate has them, or what is left of it
    /// (D19).
    These(&'a [(usize, ItemForm)]),
}

/// 复制为新申请: gives a draft that was just made the basic information `basics` and the products of `from`; files, numbers
/// and opinions stay behind (D24). Says how many products there are.
#[expect(clippy::too_many_arguments, reason = "what is copied, and who does it")]
pub async fn copy_into(
    tx: &Tx,
    draft: &Application,
    edit: Transition,
    from: ApplicationId,
    basics: &Basics,
    products: Products<'_>,
    by: &By,
    now: Instant,
) -> DbResult<u64> {
    save_basics(tx, draft, edit, basics, by, now).await?;
    let copied = match products {
        Products::Entered => {
            let sql = format!(
                "INSERT INTO application_item ({ITEM_COLUMNS}, application_id, creation_key) \
                 SELECT {ITEM_COLUMNS}, $1, 'copy-' || CAST(id AS TEXT) FROM application_item \
                 WHERE application_id = $2 ORDER BY id"
            );
            tx.run(&sql, params![draft.id, from]).await?
        }
        Products::These(items) => {
            add_items(tx, draft.id, items, "rest").await?;
            u64::try_from(items.len()).unwrap_or_default()
        }
    };
    let detail = serde_json::json!({ "part": Part::Items.word(), "what": "copy_products", "from": from }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("edit") };
    audit::record(tx, Subject::Application(draft.id), by, now, &entry).await?;
    Ok(copied)
}

/// Saves a product; [`DbError::Overtaken`] when another tab was faster.
pub async fn save_item(tx: &Tx, application: ApplicationId, seen: &Item, item: &ItemForm) -> DbResult<()> {
    let mut values = item_params(item)?;
    values.extend(params![application, seen.id, seen.version]);
    let done = tx
        .run(
            "UPDATE application_item SET hs_code = $1, hs_name = $2, product_name = $3, product_folded = $4, \
             model = $5, model_folded = $6, brand = $7, manufacturer = $8, origin_country = $9, qty = $10, \
             qty_unit = $11, hs_qty = $12, hs_unit = $13, unit_price = $14, total_price = $15, currency = $16, \
             use_region_code = $17, use_address = $18, serials = $19, usage_note = $20, remark = $21, traits = $22, \
             version = version + 1 WHERE application_id = $23 AND id = $24 AND version = $25",
            values,
        )
        .await?;
    if done == 1 { Ok(()) } else { Err(DbError::Overtaken(OVERTAKEN.to_owned())) }
}

/// Deletes the ticked products; says how many were there.
pub async fn delete_items(tx: &Tx, application: ApplicationId, ids: &[ItemId]) -> DbResult<u64> {
    let mut gone = 0;
    for some in ids.chunks(300) {
        let marks: Vec<_> = crate::placeholders(2).take(some.len()).collect();
        let sql = format!("DELETE FROM application_item WHERE application_id = $1 AND id IN ({})", marks.join(", "));
        let mut values = params![application];
        values.extend(some.iter().map(|id| crate::Value::from(*id)));
        gone += tx.run(&sql, values).await?;
    }
    Ok(gone)
}

/// Deletes a draft with its products and files; the audit row stays (A3, A4).
pub async fn delete(tx: &Tx, seen: &Application, deletion: Transition, by: &By, now: Instant) -> DbResult<()> {
    if deletion.to() != Target::Deleted {
        return Err(DbError::Inconsistent("delete needs a deletion".to_owned()));
    }
    audit::record(
        tx,
        Subject::Application(seen.id),
        by,
        now,
        &Entry { from: Some(deletion.from()), ..Entry::of(deletion.action().word()) },
    )
    .await?;
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) \
         SELECT object_key, CAST($1 AS BIGINT) FROM attachment WHERE application_id = $2",
        params![now, seen.id],
    )
    .await?;
    let done =
        tx.run("DELETE FROM application WHERE id = $1 AND state = $2", params![seen.id, deletion.from()]).await?;
    if done == 1 { Ok(()) } else { Err(DbError::Overtaken(OVERTAKEN.to_owned())) }
}

/// How long a draft that the clock deleted is kept, hidden, so that an operator can restore it.
pub const DELETED_DRAFT_DAYS: i64 = 30;

#[derive(crate::Row)]
struct Id {
    id: ApplicationId,
}

/// The drafts whose ten days are over, oldest first, a handful at a time.
pub async fn expired_drafts(source: &impl Source, now: Instant) -> DbResult<Vec<ApplicationId>> {
    let found: Vec<Id> = rows(
        source.connection(),
        "SELECT id FROM application WHERE state = 'draft' AND deleted_at IS NULL AND expires_at <= $1 \
         ORDER BY expires_at LIMIT 50",
        params![now],
    )
    .await?;
    Ok(found.into_iter().map(|i| i.id).collect())
}

/// Deletes a draft whose ten days are over. Nobody has seen it since they ended; products and files are kept for
/// [`DELETED_DRAFT_DAYS`].
pub async fn expire(tx: &Tx, seen: &Application, deletion: Transition, by: &By, now: Instant) -> DbResult<()> {
    if deletion.to() != Target::Deleted {
        return Err(DbError::Inconsistent("a draft ends by a deletion".to_owned()));
    }
    let done = tx
        .run(
            "UPDATE application SET deleted_at = $1 WHERE id = $2 AND state = $3 AND deleted_at IS NULL AND expires_at <= $1",
            params![now, seen.id, deletion.from()],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let entry = Entry { from: Some(deletion.from()), ..Entry::of(deletion.action().word()) };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// Deleted drafts whose thirty days are over, a handful at a time.
pub async fn drafts_to_purge(source: &impl Source, now: Instant) -> DbResult<Vec<ApplicationId>> {
    let found: Vec<Id> = rows(
        source.connection(),
        "SELECT id FROM application WHERE state = 'draft' AND deleted_at <= $1 AND expires_at <= $2 \
         ORDER BY deleted_at LIMIT 50",
        params![now.plus_days(-DELETED_DRAFT_DAYS), now],
    )
    .await?;
    Ok(found.into_iter().map(|i| i.id).collect())
}

/// Removes a deleted draft for good, with products and files; false when it was restored meanwhile.
pub async fn purge(tx: &Tx, id: ApplicationId, by: &By, now: Instant) -> DbResult<bool> {
    let before = now.plus_days(-DELETED_DRAFT_DAYS);
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT id FROM application WHERE id = $1 AND state = 'draft' AND deleted_at <= $2{}) d",
        tx.for_update()
    );
    if crate::number(&tx.0, &sql, params![id, before]).await? == 0 {
        return Ok(false);
    }
    audit::record(tx, Subject::Application(id), by, now, &Entry::of("purge_draft")).await?;
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) \
         SELECT object_key, CAST($1 AS BIGINT) FROM attachment WHERE application_id = $2",
        params![now, id],
    )
    .await?;
    tx.run("DELETE FROM application WHERE id = $1", params![id]).await?;
    Ok(true)
}

/// A draft that the clock deleted.
#[derive(Debug, Clone, crate::Row)]
pub struct DeletedDraft {
    /// Its number.
    pub id: ApplicationId,
    /// Whose it is.
    pub username: String,
    /// 申请单位.
    pub applicant_name: String,
    /// When it was first saved.
    pub first_saved_at: Instant,
    /// When it was deleted.
    pub deleted_at: Instant,
    /// How many products it has.
    pub items: i64,
}

impl DeletedDraft {
    /// Until when it can be restored.
    pub const fn kept_until(&self) -> Instant {
        self.deleted_at.plus_days(DELETED_DRAFT_DAYS)
    }
}

/// The drafts that can be restored, those deleted last first.
pub async fn deleted_drafts(source: &impl Source) -> DbResult<Vec<DeletedDraft>> {
    rows(
        source.connection(),
        "SELECT a.id, c.username, a.applicant_name, a.first_saved_at, a.deleted_at, \
         (SELECT COUNT(*) FROM application_item i WHERE i.application_id = a.id) AS items \
         FROM application a JOIN account c ON c.id = a.owner_id WHERE a.deleted_at IS NOT NULL \
         ORDER BY a.deleted_at DESC, a.id DESC",
        params![],
    )
    .await
}

/// Gives a deleted draft back to its owner: it lives for ten days from now. [`DbError::NotFound`] when there is none.
pub async fn restore(tx: &Tx, id: ApplicationId, by: &By, now: Instant) -> DbResult<Instant> {
    let until = now.plus_hours(DRAFT_LIFE_HOURS);
    let done = tx
        .run(
            "UPDATE application SET deleted_at = NULL, expires_at = $1, reminded_day = 0 \
             WHERE id = $2 AND state = 'draft' AND deleted_at IS NOT NULL",
            params![until, id],
        )
        .await?;
    if done == 0 {
        return Err(DbError::NotFound);
    }
    let entry = Entry { to: Some(State::Draft), ..Entry::of("restore_draft") };
    audit::record(tx, Subject::Application(id), by, now, &entry).await?;
    Ok(until)
}

/// The day of its ten on which a draft is mentioned in a letter, and how many hours it has left then (D8).
pub const REMINDERS: [(i64, i64); 2] = [(7, 72), (9, 24)];

/// Drafts whose reminder of day 7 or 9 has not gone: each with the day. Those that a bureau entered are its own affair.
pub async fn drafts_to_remind(source: &impl Source, now: Instant) -> DbResult<Vec<(ApplicationId, i64)>> {
    #[derive(crate::Row)]
    struct Columns {
        id: ApplicationId,
        expires_at: Instant,
    }
    let [(first_day, first_left), (last_day, last_left)] = REMINDERS;
    let found: Vec<Columns> = rows(
        source.connection(),
        "SELECT id, expires_at FROM application WHERE state = 'draft' AND entered_by_bureau IS NULL \
         AND expires_at > $1 AND ((expires_at <= $2 AND reminded_day < $3) OR (expires_at <= $4 AND reminded_day < $5)) \
         ORDER BY expires_at LIMIT 50",
        params![now, now.plus_hours(first_left), first_day, now.plus_hours(last_left), last_day],
    )
    .await?;
    let day = |c: &Columns| if c.expires_at <= now.plus_hours(last_left) { last_day } else { first_day };
    Ok(found.iter().map(|c| (c.id, day(c))).collect())
}

/// Notes that a draft was mentioned; false when it was before, or is no draft any more: every reminder goes once.
pub async fn note_reminder(tx: &Tx, id: ApplicationId, day: i64) -> DbResult<bool> {
    let sql = "UPDATE application SET reminded_day = $1 WHERE id = $2 AND state = 'draft' AND reminded_day < $1";
    Ok(tx.run(sql, params![day, id]).await? == 1)
}

/// Loads a draft for the purge or a reminder, whether over or not.
pub async fn load_expired(tx: &Tx, id: ApplicationId) -> DbResult<Application> {
    let sql = format!("{SELECT} WHERE a.id = $1 AND a.state = 'draft'{}", tx.for_update());
    let found: Option<Columns> = row(&tx.0, &sql, params![id]).await?;
    Ok(found.ok_or(DbError::NotFound)?.into())
}

/// What accompanies a step.
#[derive(Debug, Clone, Default)]
pub struct Remarks<'a> {
    /// The opinion, shown to both sides.
    pub opinion: &'a str,
    /// The parts named by 送补正.
    pub parts: &'a [Part],
    /// The fields named by 送补正.
    pub fields: &'a [NamedField],
    /// Further facts as JSON, e.g. the paper notice.
    pub detail: &'a str,
    /// 审核要点 with what was found; for officers alone.
    pub checked: &'a [Checked],
}

/// The further facts with the checklist beside them, as far as anybody looked at it.
fn with_checklist(detail: String, checked: &[Checked]) -> DbResult<String> {
    if checked.iter().all(|c| c.finding.is_none()) {
        return Ok(detail);
    }
    let mut facts: serde_json::Map<String, serde_json::Value> = if detail.is_empty() {
        serde_json::Map::new()
    } else {
        serde_json::from_str(&detail).map_err(|e| DbError::Inconsistent(format!("detail: {e}")))?
    };
    let points = checked
        .iter()
        .map(|c| serde_json::json!({ "code": c.code, "text": c.text, "finding": c.finding.map_or("", Finding::word) }));
    facts.insert("checklist".to_owned(), points.collect());
    Ok(serde_json::Value::Object(facts).to_string())
}

/// The only writer of the state column: moves the application, frees it, tells the new bureau and post, audits.
///
/// Guarded by state and version: zero rows mean somebody was faster ([`DbError::Overtaken`]). The calendar is that of the
/// service clock.
pub async fn advance(
    tx: &Tx,
    seen: &Application,
    step: Transition,
    remarks: &Remarks<'_>,
    by: &By,
    (now, calendar): (Instant, &Calendar),
) -> DbResult<()> {
    let Target::State(to) = step.to() else {
        return Err(DbError::Inconsistent("advance does not delete".to_owned()));
    };
    let next_step = to.post().and_then(Step::of);
    let returned_by = if to == State::Returned { step.post() } else { None };
    let parts = remarks.parts.iter().map(|p| p.word()).collect::<Vec<_>>().join(",");
    let fields: Vec<String> = remarks.fields.iter().map(ToString::to_string).collect();
    let reviewed = to == State::FinalReview && step.from() == State::FirstReview;
    let clock = seen.clock.after(step.from(), to, calendar, now);
    let done = tx
        .run(
            "UPDATE application SET state = $1, version = version + 1, handler_id = NULL, taken_at = NULL, \
             current_post = $2, arrived_at = $3, \
             current_bureau = (SELECT r.bureau_code FROM application_route r \
                               WHERE r.application_id = application.id AND r.step = $4), \
             return_post = CASE WHEN $1 = 'returned' THEN $5 ELSE return_post END, \
             return_parts = CASE WHEN $1 = 'returned' THEN $6 ELSE return_parts END, \
             return_fields = CASE WHEN $1 = 'returned' THEN $12 ELSE return_fields END, \
             first_reviewer_id = CASE WHEN $7 = 1 THEN $8 ELSE first_reviewer_id END, \
             waiting_since = $13, waited_ms = $14 \
             WHERE id = $9 AND state = $10 AND version = $11",
            params![
                to,
                to.post(),
                now,
                next_step,
                returned_by,
                parts,
                i64::from(reviewed),
                by.account,
                seen.id,
                step.from(),
                seen.version,
                fields.join(","),
                clock.since.unwrap_or(NEVER),
                clock.waited
            ],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    if matches!(step.from(), State::Comparing | State::ComparingPaper) {
        crate::comparison::keep_decided(tx, seen.id).await?;
    }
    // Of a first submission [`assign`] has written it.
    if step.from() != State::Draft {
        tx.run("UPDATE application_viewer SET state = $1 WHERE application_id = $2", params![to, seen.id]).await?;
    }
    let detail = if remarks.detail.is_empty() && !remarks.parts.is_empty() {
        let words: Vec<_> = remarks.parts.iter().map(|p| p.word()).collect();
        serde_json::json!({ "parts": words, "fields": fields }).to_string()
    } else {
        remarks.detail.to_owned()
    };
    let detail = with_checklist(detail, remarks.checked)?;
    audit::record(
        tx,
        Subject::Application(seen.id),
        by,
        now,
        &Entry {
            action: step.action().word(),
            post: step.post(),
            from: Some(step.from()),
            to: Some(to),
            opinion: remarks.opinion,
            detail: &detail,
        },
    )
    .await
}

/// Freezes the route and the number of a first submission, and says which bureaus see it and see it in 受理中; before
/// [`advance`], in the same transaction.
pub async fn assign(tx: &Tx, seen: &Application, number: &str, route: &[Stop], now: Instant) -> DbResult<()> {
    let id = seen.id;
    let receiving = route.iter().find(|s| s.step == Step::Accept).map(|s| s.bureau.clone());
    let stops = route.iter().map(|stop| params![id, stop.step, stop.bureau.clone(), stop.rule]).collect();
    tx.insert_rows("application_route", &["application_id", "step", "bureau_code", "delegation_id"], "", stops).await?;
    // The bureau that entered it sees it wherever its route leads.
    let entering = seen.ownership.entered_by_bureau.iter();
    let mut bureaus: Vec<_> = route.iter().map(|stop| &stop.bureau).chain(entering).cloned().collect();
    bureaus.sort_unstable();
    bureaus.dedup();
    let viewers = bureaus.into_iter().map(|bureau| params![bureau, id, State::Accepting]).collect();
    tx.insert_rows("application_viewer", &["bureau_code", "application_id", "state"], "", viewers).await?;
    tx.run(
        "UPDATE application SET number = $1, receiving_bureau = $2, submitted_at = $3 WHERE id = $4",
        params![number, receiving, now, id],
    )
    .await?;
    Ok(())
}

/// Keeps what a submission holds, and makes it findable; in its transaction, once per submission (manual §2.4).
pub async fn keep_snapshot(tx: &Tx, seen: &Application, snapshot: &Snapshot, now: Instant) -> DbResult<()> {
    let body = serde_json::to_string(snapshot).map_err(|e| DbError::Inconsistent(format!("snapshot: {e}")))?;
    tx.run(
        "INSERT INTO application_snapshot (application_id, version, at, body) VALUES ($1, $2, $3, $4)",
        params![seen.id, seen.version, now, body],
    )
    .await?;
    crate::attachment::keep_submitted(tx, seen.id, seen.version).await?;
    search::index(tx, seen.id).await
}

/// A submission whose content was kept.
#[derive(Debug, Clone, Copy, crate::Row)]
pub struct Submission {
    /// The version of the application that was submitted.
    pub version: i64,
    /// When.
    pub at: Instant,
}

/// The submissions of an application, newest first. The caller has loaded the application in scope.
pub async fn submissions(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Submission>> {
    rows(
        source.connection(),
        "SELECT version, at FROM application_snapshot WHERE application_id = $1 ORDER BY version DESC",
        params![application],
    )
    .await
}

/// What a submission held. The caller has loaded the application in scope.
pub async fn snapshot(source: &impl Source, application: ApplicationId, version: i64) -> DbResult<Snapshot> {
    #[derive(crate::Row)]
    struct Kept {
        body: String,
    }
    let found: Option<Kept> = row(
        source.connection(),
        "SELECT body FROM application_snapshot WHERE application_id = $1 AND version = $2",
        params![application, version],
    )
    .await?;
    serde_json::from_str(&found.ok_or(DbError::NotFound)?.body)
        .map_err(|e| DbError::Inconsistent(format!("snapshot of application {application}: {e}")))
}

/// 办理: takes the case for this officer (E14). Refused when somebody else holds it.
pub async fn take(tx: &Tx, seen: &Application, officer: AccountId, by: &By, now: Instant) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET handler_id = $1, taken_at = $2, version = version + 1 \
             WHERE id = $3 AND version = $4 AND handler_id IS NULL",
            params![officer, now, seen.id, seen.version],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let entry = Entry { post: seen.state().post(), ..Entry::of("take") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// 接手: takes the case over from its holder, with a reason (E14).
pub async fn take_over(
    tx: &Tx,
    seen: &Application,
    officer: AccountId,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET handler_id = $1, taken_at = $2, version = version + 1 WHERE id = $3 AND version = $4",
            params![officer, now, seen.id, seen.version],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let entry = Entry { post: seen.state().post(), opinion: reason, ..Entry::of("take_over") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// 放弃办理: gives the case back to its post (E14).
pub async fn release(tx: &Tx, seen: &Application, officer: AccountId, by: &By, now: Instant) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET handler_id = NULL, taken_at = NULL, version = version + 1 \
             WHERE id = $1 AND version = $2 AND handler_id = $3",
            params![seen.id, seen.version, officer],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let entry = Entry { post: seen.state().post(), ..Entry::of("release") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// 改派: gives the case to this officer of its bureau, with a reason. The caller has asked the policy for both of them.
pub async fn reassign(tx: &Tx, seen: &Application, to: &Actor, reason: &str, by: &By, now: Instant) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE application SET handler_id = $1, taken_at = $2, version = version + 1 \
             WHERE id = $3 AND version = $4 AND state = $5",
            params![to.account(), now, seen.id, seen.version, seen.state()],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let detail = serde_json::json!({ "assignee": to.name() }).to_string();
    let entry = Entry { post: seen.state().post(), opinion: reason, detail: &detail, ..Entry::of("reassign") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// The bureau that does this step of a submitted application (workflow §4).
pub async fn bureau_of_step(source: &impl Source, id: ApplicationId, step: Step) -> DbResult<BureauCode> {
    #[derive(crate::Row)]
    struct Stop {
        bureau_code: BureauCode,
    }
    let sql = "SELECT bureau_code FROM application_route WHERE application_id = $1 AND step = $2";
    let found: Option<Stop> = row(source.connection(), sql, params![id, step]).await?;
    Ok(found.ok_or(DbError::NotFound)?.bureau_code)
}

/// 移交: another bureau does these steps of the route, among them the one that the case is at, or to which it comes back
/// from 返回修改. The case is free there; its service clock goes on, and both bureaus see it (workflow §4).
#[expect(clippy::too_many_arguments, reason = "one deed: what, from whom to whom, why, by whom, when")]
pub async fn transfer(
    tx: &Tx,
    seen: &Application,
    from: &BureauCode,
    to: &BureauCode,
    steps: &[Step],
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let received = steps.contains(&Step::Accept);
    let done = tx
        .run(
            "UPDATE application SET current_bureau = CASE WHEN current_bureau IS NULL THEN NULL ELSE $1 END, \
             handler_id = NULL, taken_at = NULL, \
             arrived_at = CASE WHEN current_bureau IS NULL THEN arrived_at ELSE $2 END, \
             receiving_bureau = CASE WHEN $3 = 1 THEN $1 ELSE receiving_bureau END, version = version + 1 \
             WHERE id = $4 AND version = $5 AND state = $6 AND (current_bureau IS NULL OR current_bureau <> $1)",
            params![to.clone(), now, i64::from(received), seen.id, seen.version, seen.state()],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    for step in steps {
        tx.run(
            "UPDATE application_route SET bureau_code = $1, delegation_id = NULL WHERE application_id = $2 AND step = $3",
            params![to.clone(), seen.id, *step],
        )
        .await?;
    }
    tx.run(
        "INSERT INTO application_viewer (bureau_code, application_id, state) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![to.clone(), seen.id, seen.state()],
    )
    .await?;
    let words: Vec<_> = steps.iter().map(|s| s.word()).collect();
    let detail = serde_json::json!({ "from_bureau": from, "to_bureau": to, "steps": words }).to_string();
    let entry = Entry { post: seen.post_on_the_way(), opinion: reason, detail: &detail, ..Entry::of("transfer") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}
