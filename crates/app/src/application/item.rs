//! 免办产品信息 (manual §2.1.2; forms §2.7).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::application::Item;
use db::reference::HsType;
use domain::application::{Application, ItemForm, Part};
use domain::catalogue::{Characteristic, CharacteristicKind, carry_over};
use domain::correction::differences;
use domain::ids::{ApplicationId, CountryCode, CurrencyCode, ItemId, RegionCode, UnitCode};
use domain::quantity::{Money, Quantity, UnitPrice, total, total_differs};
use domain::text;
use domain::time::Day;
use domain::workflow::State as S;
use kit::app::{App, Papers};
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView, LONGEST_KEY};
use kit::reference::ReferenceCache;
use kit::session::{Filer, Signed, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::application::conflict::{self, Conflict};
use crate::application::typed::TypedPage;
use crate::application::{Draft, Home, Step, Steps, open, open_for_update};
use crate::frame::{self, Entry};
use crate::parts::correction::{self, CorrectionNote};
use crate::parts::typed::{self, Desk, Offer};
use crate::parts::view::{self, Rows};

/// The fields of the form, besides the characteristics `trait_0`, `trait_1`, … and their names.
const FIELDS: [&str; 21] = [
    "item",
    "creation_key",
    "seen",
    "product_name",
    "model",
    "brand",
    "manufacturer",
    "origin_country",
    "qty",
    "qty_unit",
    "hs_qty",
    "unit_price",
    "total_price",
    "currency",
    "use_region_code_1",
    "use_region_code_2",
    "use_region_code_3",
    "use_address",
    "serials",
    "usage_note",
    "remark",
];

/// Those of them that hold one line; so do the characteristics.
const ONE_LINE: [&str; 7] = ["product_name", "model", "brand", "manufacturer", "use_address", "usage_note", "remark"];

struct Field {
    name: String,
    characteristic: Characteristic,
    label: String,
    choices: Vec<Choice>,
}

impl Field {
    const fn is_choice(&self) -> bool {
        matches!(self.characteristic.kind, CharacteristicKind::Choice)
    }

    const fn is_number(&self) -> bool {
        matches!(self.characteristic.kind, CharacteristicKind::Number)
    }
}

#[derive(Template)]
#[template(path = "application/item.html")]
struct ItemPage {
    shell: Shell,
    steps: Steps,
    id: ApplicationId,
    form: FormView,
    action: String,
    hs_code: String,
    hs_name: String,
    hs_unit: String,
    fields: Vec<Field>,
    units: Vec<Choice>,
    countries: Vec<Choice>,
    currencies: Vec<Choice>,
    regions: [Vec<Choice>; 3],
    locked: bool,
    region_name: String,
    correction: Option<CorrectionNote>,
    conflict: Option<Conflict>,
    kept: Option<Offer>,
    /// Where the form is kept while somebody types.
    desk: Desk,
    /// What stands in the form is not what is stored.
    unsaved: bool,
    warnings: Vec<String>,
    note: String,
}

/// `?hs_code=` of a new product, or what it begins with: `?copy=` a product, `?template=`; `?refresh=` of a cascade,
/// `?restore=1` for what was typed and kept.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NewQuery {
    #[serde(default)]
    hs_code: String,
    #[serde(default)]
    copy: String,
    #[serde(default)]
    template: String,
    #[serde(default)]
    refresh: String,
    #[serde(default)]
    restore: String,
}

/// What a new product begins with.
struct Model {
    hs_code: String,
    fields: Vec<(&'static str, String)>,
    traits: Vec<(String, String)>,
    note: String,
}

/// An empty form of a HS type; or the copy of a product, or a template, to go on from.
pub async fn new(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<NewQuery>,
) -> Result<Response, AppError> {
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let references = app.references.now();
    let today = app.clock.today();
    let kept = typed::find(&app.db.read(), &user, id, &TypedPage::NewItem.word()).await?;
    let restores = kept.is_some() && !query.restore.is_empty();
    let begun = if restores { None } else { model(&app, &user, id, &query).await? };
    let (hs, data, note) = if let Some(model) = begun {
        let Some(hs) = references.hs_type_ever(&model.hs_code) else {
            return Err(AppError::Conflict(unknown_hs(&model.hs_code)));
        };
        let mut data = defaults(&references, &draft.application, hs);
        for (field, value) in &model.fields {
            data.set(field, value);
        }
        for (n, value) in carry_over(&model.traits, &hs.characteristics).iter().enumerate() {
            data.set(&format!("trait_{n}"), value);
        }
        (hs, data, model.note)
    } else {
        let code = match &kept {
            Some(kept) if restores => typed::form_of(kept).get("hs_code").to_owned(),
            Some(_) | None => query.hs_code,
        };
        let Some(hs) = references.hs_type(&code, today) else {
            return Err(AppError::Invalid(unknown_hs(&code)));
        };
        (hs, defaults(&references, &draft.application, hs), String::new())
    };
    let creation_key = data.get("creation_key").to_owned();
    let (mut data, offer) = typed::restored(kept, data, restores);
    data.set("creation_key", &creation_key);
    let mut page = build(&app, &user, &draft.application, hs, data, FieldErrors::default()).await?;
    page.unsaved = offer.is_restored();
    page.kept = offer.shown(&page.desk, &user);
    page.note = note;
    if references.hs_type(hs.code.as_str(), today).is_none() {
        page.warnings.push(unknown_hs(hs.code.as_str()));
    }
    page::render(&page)
}

/// The product or the template that the new one begins with. 序列号/零件号 belong to one product and are not copied.
async fn model(app: &App, user: &Filer, id: ApplicationId, query: &NewQuery) -> Result<Option<Model>, AppError> {
    let read = app.db.read();
    if !query.copy.is_empty() {
        let wanted = query.copy.parse().map_err(|_| AppError::NotFound)?;
        let stored = db::application::item(&read, id, wanted).await?;
        let mut fields = item_fields(&stored.form);
        fields.retain(|(field, _)| *field != "serials");
        for (n, code) in app.references.now().region_levels(&stored.form.use_region).iter().enumerate() {
            let names = ["use_region_code_1", "use_region_code_2", "use_region_code_3"];
            fields.extend(names.get(n).map(|name| (*name, code.to_string())));
        }
        return Ok(Some(Model {
            hs_code: stored.form.hs_code.to_string(),
            fields,
            traits: stored.form.traits.iter().map(|t| (t.name.clone(), t.value.clone())).collect(),
            note: format!("复制自产品“{}”，序列号/零件号没有复制；保存后成为新的产品", stored.form.product_name),
        }));
    }
    if !query.template.is_empty() {
        let wanted = query.template.parse().map_err(|_| AppError::NotFound)?;
        let t = db::product_template::load(&read, &user.scope(), wanted).await?;
        return Ok(Some(Model {
            note: format!("取自产品模板“{}”，请填写数量和总价，核对其余内容后保存", t.name),
            hs_code: t.hs_code.to_string(),
            traits: t.traits.iter().map(|t| (t.name.clone(), t.value.clone())).collect(),
            fields: vec![
                ("product_name", t.product_name),
                ("model", t.model),
                ("brand", t.brand),
                ("manufacturer", t.manufacturer),
                ("origin_country", t.origin_country.to_string()),
                ("qty_unit", t.qty_unit.to_string()),
                ("unit_price", t.unit_price.plain()),
                ("currency", t.currency.to_string()),
                ("usage_note", t.usage_note),
                ("remark", t.remark),
            ],
        }));
    }
    Ok(None)
}

fn unknown_hs(code: &str) -> String {
    format!("HS 编码“{code}”不在产品目录中或已停用，请点击“重新选择”，从选择免办产品页面选取")
}

/// 产品最终使用地 comes from the basic information (R-2.1.2-19), the unit from the HS code.
fn defaults(references: &ReferenceCache, application: &Application, hs: &HsType) -> FormData {
    let mut data = FormData::default();
    // One product per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    data.set("qty_unit", hs.unit.as_str());
    data.set("currency", "USD");
    if let Some(region) = &application.basics.use_region {
        set_region(references, &mut data, region);
    }
    data.set("use_address", &application.basics.use_address);
    data
}

/// Chooses a region in the three selects.
pub fn set_region(references: &ReferenceCache, data: &mut FormData, region: &RegionCode) {
    for (n, code) in references.region_levels(region).iter().enumerate() {
        data.set(&format!("use_region_code_{}", n + 1), code.as_str());
    }
}

/// What was typed into a product form, to be kept during 重新选择.
pub fn kept(form: &FormData) -> Vec<(String, String)> {
    if !form.has("product_name") {
        return Vec::new();
    }
    form.pairs()
        .iter()
        .filter(|(k, _)| FIELDS.contains(&k.as_str()) || k.starts_with("trait_") || k.starts_with("trait-name_"))
        .cloned()
        .collect()
}

/// The form of a chosen type, with what was typed before 重新选择 (R-2.1.2-13): traits of the same name survive.
pub async fn with_type(
    app: &App,
    user: &Filer,
    id: ApplicationId,
    hs: &HsType,
    form: &FormData,
) -> Result<Response, AppError> {
    let kept = kept(form);
    if kept.is_empty() {
        return Ok(page::see_other(&format!("/applications/{id}/items/new?hs_code={}", hs.code)));
    }
    let Draft { application, .. } = match open(&app.db.read(), app, user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let mut data = FormData::default();
    for (k, v) in kept.iter().filter(|(k, _)| FIELDS.contains(&k.as_str())) {
        data.set(k, v);
    }
    let old: Vec<(String, String)> = (0..)
        .map_while(|n| form.has(&format!("trait-name_{n}")).then_some(n))
        .map(|n| (form.get(&format!("trait-name_{n}")).to_owned(), form.get(&format!("trait_{n}")).to_owned()))
        .collect();
    for (n, value) in carry_over(&old, &hs.characteristics).iter().enumerate() {
        data.set(&format!("trait_{n}"), value);
    }
    let mut page = build(app, user, &application, hs, data, FieldErrors::default()).await?;
    page.unsaved = true;
    page::render(&page)
}

/// `?restore=1`: what was typed and kept, in place of what is stored (E21).
#[derive(Debug, serde::Deserialize)]
pub struct EditQuery {
    #[serde(default)]
    restore: String,
}

/// A product, to be changed (R-2.1.2-23).
pub async fn edit(
    State(app): State<App>,
    user: Filer,
    Path((id, item)): Path<(ApplicationId, ItemId)>,
    Query(query): Query<EditQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let Ok(draft) = open(&read, &app, &user, id).await? else {
        return Ok(page::see_other(&format!("/applications/{id}/items/{item}")));
    };
    let stored = db::application::item(&read, id, item).await?;
    let references = app.references.now();
    let kept = typed::find(&read, &user, id, &TypedPage::Item(item).word()).await?;
    let (data, offer) = typed::restored(kept, typed_fields(&references, &stored), !query.restore.is_empty());
    // A type that ended meanwhile still shows what the product has; saving asks for another.
    let code = data.get("hs_code").to_owned();
    let code = code.as_str();
    let Some(hs) = references.hs_type_ever(code) else { return Err(AppError::Conflict(unknown_hs(code))) };
    let mut page = build(&app, &user, &draft.application, hs, data, FieldErrors::default()).await?;
    page.unsaved = offer.is_restored();
    page.kept = offer.shown(&page.desk, &user);
    if references.hs_type(code, app.clock.today()).is_none() {
        page.warnings.push(unknown_hs(code));
    }
    page::render(&page)
}

fn seen(item: &Item) -> String {
    format!("{}-{}", item.version, &hash_of(&format!("{:?}", item.form))[..16])
}

fn typed_fields(references: &ReferenceCache, item: &Item) -> FormData {
    let i = &item.form;
    let mut d = FormData::default();
    d.set("item", &item.id.to_string());
    d.set("seen", &seen(item));
    d.set("hs_code", i.hs_code.as_str());
    for (field, value) in item_fields(i) {
        d.set(field, &value);
    }
    set_region(references, &mut d, &i.use_region);
    for (n, t) in i.traits.iter().enumerate() {
        d.set(&format!("trait_{n}"), &t.value);
    }
    d
}

/// A product as it stands in the inputs, without type, place, traits and what belongs to the page.
pub fn item_fields(i: &ItemForm) -> Vec<(&'static str, String)> {
    vec![
        ("product_name", i.product_name.clone()),
        ("model", i.model.clone()),
        ("brand", i.brand.clone()),
        ("manufacturer", i.manufacturer.clone()),
        ("origin_country", i.origin_country.to_string()),
        ("qty", i.qty.plain()),
        ("qty_unit", i.qty_unit.to_string()),
        ("hs_qty", i.hs_qty.plain()),
        ("unit_price", i.unit_price.plain()),
        ("total_price", i.total_price.plain()),
        ("currency", i.currency.to_string()),
        ("use_address", i.use_address.clone()),
        ("serials", i.serials.clone()),
        ("usage_note", i.usage_note.clone()),
        ("remark", i.remark.clone()),
    ]
}

async fn build(
    app: &App,
    user: &Filer,
    application: &Application,
    hs: &HsType,
    mut data: FormData,
    errors: FieldErrors,
) -> Result<ItemPage, AppError> {
    let id = application.id;
    let references = app.references.now();
    let locked = application.state() == S::Returned;
    if locked {
        // A product's 最终使用地 is locked in a correction too; a new one takes the application's (D7).
        let (region, address) = match data.get("item").parse() {
            Ok(item) => {
                let stored = db::application::item(&app.db.read(), id, item).await?.form;
                (Some(stored.use_region), stored.use_address)
            }
            Err(_) => (application.basics.use_region.clone(), application.basics.use_address.clone()),
        };
        if let Some(region) = &region {
            set_region(&references, &mut data, region);
        }
        data.set("use_address", &address);
    }
    data.set("hs_code", hs.code.as_str());
    let items_href = format!("/applications/{id}/items");
    let home = Home::of(user);
    let crumbs = [home.crumb(), ("附表产品信息", items_href.as_str())];
    let mut shell = frame::signed(app, user, "免办产品信息", home.entry, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let regions = references.region_choices_on(
        [data.get("use_region_code_1"), data.get("use_region_code_2"), data.get("use_region_code_3")],
        app.clock.today(),
    );
    let fields = hs
        .characteristics
        .iter()
        .enumerate()
        .map(|(n, c)| Field {
            name: format!("trait_{n}"),
            label: c.name.clone(),
            choices: c.choices.iter().map(|v| Choice::new(v.as_str(), v.as_str())).collect(),
            characteristic: c.clone(),
        })
        .collect();
    let item = data.get("item").to_owned();
    let marked = marked(application, hs, data.get("item").parse().ok());
    let desk = Desk {
        address: TypedPage::of_item(item.parse().ok()).address(id),
        restore: if item.is_empty() {
            format!("/applications/{id}/items/new?restore=1")
        } else {
            format!("/applications/{id}/items/{item}/edit?restore=1")
        },
        hidden: vec![("hs_code".to_owned(), data.get("hs_code").to_owned())],
        deed: "保存",
    };
    let action = if item.is_empty() { items_href.clone() } else { format!("/applications/{id}/items/{item}") };
    let region_name = references
        .leaf_of([data.get("use_region_code_1"), data.get("use_region_code_2"), data.get("use_region_code_3")])
        .map(|r| references.region_path(&r))
        .unwrap_or_default();
    let mut units = references.unit_choices_on(app.clock.today());
    let stored_unit = data.get("qty_unit");
    // One that has ended since stays with the product that names it.
    if !stored_unit.is_empty() && !units.iter().any(|u| u.value == stored_unit) {
        units.extend(references.unit_choices().into_iter().find(|u| u.value == stored_unit));
    }
    let today = app.clock.today();
    let countries = references.country_choices_on(today, data.get("origin_country"));
    let currencies = references.currency_choices_on(today, data.get("currency"));
    Ok(ItemPage {
        shell,
        steps: Steps::of(&app.db.read(), app, application, Step::Items).await?,
        id,
        correction: correction::note(&app.db.read(), app, application).await?,
        unsaved: !errors.is_empty(),
        form: FormView::new(data, errors, &user.caller.csrf).at(&action).marking(marked),
        action,
        hs_code: hs.code.to_string(),
        hs_name: hs.name.clone(),
        hs_unit: references.unit_name(&hs.unit).to_owned(),
        fields,
        units,
        countries,
        currencies,
        regions,
        locked,
        region_name,
        conflict: None,
        kept: None,
        desk,
        warnings: Vec::new(),
        note: String::new(),
    })
}

/// The fields of this product that 送补正 names; 产品特性 stands for all of them.
fn marked(application: &Application, hs: &HsType, item: Option<ItemId>) -> Vec<String> {
    let mut fields = correction::fields_of_item(application, item);
    if fields.iter().any(|f| f == "traits") {
        fields.extend((0..hs.characteristics.len()).map(|n| format!("trait_{n}")));
    }
    fields
}

/// 保存并关闭, 保存并添加下一个 of a new product.
pub async fn create(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<NewQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    save(&app, &user, id, None, &query, form).await
}

/// 保存并关闭, 保存并添加下一个 of a product that exists.
pub async fn update(
    State(app): State<App>,
    user: Filer,
    Path((id, item)): Path<(ApplicationId, ItemId)>,
    Query(query): Query<NewQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    save(&app, &user, id, Some(item), &query, form).await
}

async fn save(
    app: &App,
    user: &Filer,
    id: ApplicationId,
    item: Option<ItemId>,
    query: &NewQuery,
    mut form: FormData,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let Some(hs) = references.hs_type_ever(form.get("hs_code")) else {
        return Err(AppError::Invalid(unknown_hs(form.get("hs_code"))));
    };
    form.set("item", &item.map(|i| i.to_string()).unwrap_or_default());
    if item.is_none() && !(1..=LONGEST_KEY).contains(&form.get("creation_key").len()) {
        return Err(AppError::Invalid("页面不完整，请返回产品列表，点击“添加”重新填写。".to_owned()));
    }
    if !query.refresh.is_empty() {
        let Draft { application, .. } = match open(&app.db.read(), app, user, id).await? {
            Ok(draft) => draft,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let mut page = build(app, user, &application, hs, form, FieldErrors::default()).await?;
        page.unsaved = true;
        return page::render(&page);
    }

    let tx = app.db.begin().await?;
    let Draft { application, edit } = open_for_update(&tx, app, user, id).await?;
    let stored = match item {
        Some(item) => match db::application::item(&tx, id, item).await {
            Ok(stored) => Some(stored),
            Err(DbError::NotFound) => {
                drop(tx);
                return gone(app, user, &application, hs, form).await;
            }
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let before = stored.as_ref().map(|stored| typed_fields(&references, stored));
    keep_lines(&mut form, before.as_ref());
    if let Some(stored) = &stored
        && form.get("seen") == seen(stored)
    {
        conflict::keep_theirs(&mut form, &typed_fields(&references, stored), |key| fields_of(hs, key));
    }
    let mut ended = FieldErrors::default();
    if references.hs_type(hs.code.as_str(), app.clock.today()).is_none() {
        ended.add("hs_code", unknown_hs(hs.code.as_str()));
    }
    let parsed = if ended.is_empty() {
        parse(&references, app.papers.as_ref(), app.clock.today(), &application, stored.as_ref(), hs, &form)
    } else {
        Err(ended)
    };
    let new = match parsed {
        Ok(new) => new,
        Err(errors) => {
            drop(tx);
            let page = build(app, user, &application, hs, form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    let warnings = warnings(&new);
    if !warnings.is_empty() && form.get("warned") != hash_of(&warnings.join("|")) {
        // A warning is shown once; the same numbers sent again are meant.
        drop(tx);
        form.set("warned", &hash_of(&warnings.join("|")));
        let mut page = build(app, user, &application, hs, form, FieldErrors::default()).await?;
        page.warnings = warnings.into_iter().map(|w| format!("{w}；确认无误可再次点击保存")).collect();
        page.unsaved = true;
        return page::unprocessable(&page);
    }
    match &stored {
        Some(stored) if form.get("seen") != seen(stored) => {
            drop(tx);
            let differing =
                differences(&view::item_lines(&references, &stored.form), &view::item_lines(&references, &new));
            // HS 编码 and what follows from it are one choice; the form was filled in for its own.
            let same_type = stored.form.hs_code == new.hs_code;
            let is_choice = |key: &str| !key.starts_with("hs_") && !key.starts_with("trait:") || same_type;
            let conflict = Conflict::new("该产品已在别处被修改", differing, &form, is_choice);
            form.set("seen", &seen(stored));
            let mut page = build(app, user, &application, hs, form, FieldErrors::default()).await?;
            page.conflict = Some(conflict);
            page.unsaved = true;
            return page::with_status(StatusCode::CONFLICT, &page);
        }
        Some(stored) => db::application::save_item(&tx, id, stored, &new).await?,
        None => db::application::add_item(&tx, id, &new, form.get("creation_key")).await?,
    }
    let what = if item.is_some() { "change_product" } else { "add_product" };
    db::application::touch(&tx, &application, edit, Part::Items, what, &user.by(), app.now()).await?;
    typed::forget(&tx, user, id, &TypedPage::of_item(item).word()).await?;
    tx.commit().await?;
    let saved = format!("已保存产品“{}”。", new.product_name);
    let url = if form.has("next") {
        format!("/applications/{id}/items/new?hs_code={}", hs.code)
    } else {
        format!("/applications/{id}/items")
    };
    Ok(flash::to(&app.key, app.config.is_https(), &url, &saved))
}

/// What looks wrong and may be right (forms §2.7).
pub fn warnings(new: &ItemForm) -> Vec<String> {
    let mut out = Vec::new();
    if total_differs(new.qty, new.unit_price, new.total_price) {
        let right = total(new.qty, new.unit_price).map(|t| t.to_string()).unwrap_or_default();
        out.push(format!("总价与数量/重量 × 单价（{right}）不一致，请核对"));
    }
    if new.qty_unit == new.hs_unit && new.qty != new.hs_qty {
        out.push("数量/重量单位与 HS 标准量单位相同，但两个数量不一致，请核对".to_owned());
    }
    out
}

/// Reads a product; every mistake at once. A file of products is read by the same rules.
pub fn parse(
    references: &ReferenceCache,
    papers: &dyn Papers,
    today: Day,
    application: &Application,
    stored: Option<&Item>,
    hs: &HsType,
    form: &FormData,
) -> Result<ItemForm, FieldErrors> {
    let locked = application.state() == S::Returned;
    let stored_country = stored.map_or("", |s| s.form.origin_country.as_str());
    let stored_currency = stored.map_or("", |s| s.form.currency.as_str());
    let mut check = Checker::new(form);
    let product_name = check.text("product_name", "需免办产品名称").required().length(1..=100).printed(papers).take();
    let model = check.text("model", "规格型号").required().length(1..=200).printed(papers).take();
    let brand = check.text("brand", "商标").required().length(1..=100).printed(papers).take();
    let manufacturer = check.text("manufacturer", "生产厂名").required().length(1..=150).printed(papers).take();
    let origin =
        check.choice("origin_country", "原产国", |c| references.may_choose_country(c, today, stored_country));
    let qty = check.parse("qty", "数量/重量", |s| Quantity::parse_positive(s).map_err(|e| format!("数量/重量{e}")));
    let qty_unit = check.choice("qty_unit", "数量/重量单位", |c| {
        let stands = stored.is_some_and(|s| s.form.qty_unit.as_str() == c);
        references.units.iter().any(|u| u.code.as_str() == c) && (stands || references.unit_holds(c, today))
    });
    let hs_qty =
        check.parse("hs_qty", "HS 标准量", |s| Quantity::parse_positive(s).map_err(|e| format!("HS 标准量{e}")));
    let unit_price = check.parse("unit_price", "单价", |s| UnitPrice::parse(s).map_err(|e| format!("单价{e}")));
    let total_price = check.parse("total_price", "总价", |s| Money::parse(s).map_err(|e| format!("总价{e}")));
    let currency = check.choice("currency", "币制", |c| references.may_choose_currency(c, today, stored_currency));
    let mut traits = Vec::new();
    for (n, characteristic) in hs.characteristics.iter().enumerate() {
        let name = format!("trait_{n}");
        match characteristic.answer(form.get(&name)) {
            Ok(answer) => traits.push(answer),
            Err(why) => check.error(&name, why),
        }
    }
    let place = match (locked, stored) {
        (true, Some(stored)) => (Some(stored.form.use_region.clone()), stored.form.use_address.clone()),
        (true, None) => (application.basics.use_region.clone(), application.basics.use_address.clone()),
        (false, _) => {
            let region = check.region("use_region_code", "最终使用地行政区划", |levels| {
                let stands = stored.map(|s| &s.form.use_region).or(application.basics.use_region.as_ref());
                references.leaf_on(levels, today, stands)
            });
            let address = check.text("use_address", "使用单位地址").required().length(2..=200).take();
            (region, address)
        }
    };
    let serials = check.text("serials", "序列号/零件号").length(0..=2000).take();
    let usage_note = check.text("usage_note", "用途说明").length(0..=500).take();
    let remark = check.text("remark", "备注").length(0..=500).take();
    check.finish()?;
    let (Some(qty), Some(hs_qty), Some(unit_price), Some(total_price), (Some(use_region), use_address)) =
        (qty, hs_qty, unit_price, total_price, place)
    else {
        let mut errors = FieldErrors::default();
        errors.add("use_region_code", "请先在申请基本信息中填写产品最终使用地");
        return Err(errors);
    };
    Ok(ItemForm {
        hs_code: hs.code.clone(),
        hs_name: hs.name.clone(),
        product_name,
        model,
        brand,
        manufacturer,
        origin_country: CountryCode::new(origin),
        qty,
        qty_unit: UnitCode::new(qty_unit),
        hs_qty,
        hs_unit: hs.unit.clone(),
        unit_price,
        total_price,
        currency: CurrencyCode::new(currency),
        use_region,
        use_address,
        serials,
        usage_note,
        remark,
        traits,
    })
}

/// The product was deleted in another tab: what was typed stays and can be saved as a new product.
async fn gone(
    app: &App,
    user: &Filer,
    application: &Application,
    hs: &HsType,
    mut form: FormData,
) -> Result<Response, AppError> {
    form.set("item", "");
    form.set("seen", "");
    form.set("creation_key", &random::token());
    let mut page = build(app, user, application, hs, form, FieldErrors::default()).await?;
    page.warnings =
        vec!["该产品已在别处被删除，本次没有保存。您填写的内容保留在下方，再次保存将作为新产品添加".to_owned()];
    page.unsaved = true;
    page::with_status(StatusCode::CONFLICT, &page)
}

/// Lines of a field of one line stand behind each other. What was stored with breaks and was not touched stays as it is.
fn keep_lines(form: &mut FormData, stored: Option<&FormData>) {
    let fields: Vec<String> = form
        .pairs()
        .iter()
        .map(|(field, _)| field.clone())
        .filter(|field| ONE_LINE.contains(&field.as_str()) || field.starts_with("trait_"))
        .collect();
    for field in fields {
        let line = text::one_line(form.get(&field));
        let before = stored.map_or("", |stored| stored.get(&field));
        let is_untouched = text::one_line(before).trim() == line.trim();
        form.set(&field, if is_untouched { before } else { &line });
    }
}

/// The fields of the form that make up one field as people read it.
fn fields_of(hs: &HsType, key: &str) -> Vec<String> {
    let named = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    match (key, key.strip_prefix("trait:")) {
        ("qty", _) => named(&["qty", "qty_unit"]),
        ("use_region_code", _) => named(&["use_region_code_1", "use_region_code_2", "use_region_code_3"]),
        ("hs_code" | "hs_name", _) => Vec::new(),
        (_, Some(name)) => {
            let found = hs.characteristics.iter().position(|c| c.name == name);
            found.map(|n| format!("trait_{n}")).into_iter().collect()
        }
        (other, None) => named(&[other]),
    }
}

#[derive(Template)]
#[template(path = "application/item_show.html")]
struct ShowPage {
    shell: Shell,
    back: String,
    name: String,
    rows: Rows,
    traits: Vec<(String, String)>,
}

/// Product details, read-only (R-2.5.3-01).
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path((id, item)): Path<(ApplicationId, ItemId)>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    let stored = db::application::item(&read, id, item).await?;
    let number = application.number.unwrap_or_else(|| format!("草稿 {id}"));
    let officer = matches!(user.actor(), domain::actor::Actor::Officer(_));
    let back = if officer { format!("/casework/{id}") } else { format!("/applications/{id}") };
    let crumbs = [(number.as_str(), back.as_str())];
    page::render(&ShowPage {
        shell: frame::signed(&app, &user, "产品详细信息", Entry::Applications, &crumbs).await?,
        name: stored.form.product_name.clone(),
        rows: Rows::new(view::item_details(&app.references.now(), &stored)),
        traits: stored.form.traits.iter().map(|t| (t.name.clone(), view::trait_value(t))).collect(),
        back,
    })
}
