//! 证明产品信息修改: exactly the six fields of the manual; all else is read-only (R-2.7-06, -07, D13).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::amendment::Line;
use domain::amendment::Product;
use domain::catalogue::{Characteristic, CharacteristicKind, carry_over};
use domain::correction::{Difference, differences};
use domain::ids::{CertificateId, HsCode, UnitCode};
use domain::quantity::Quantity;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page};

use super::{InHand, changes, open, open_for_update};
use crate::frame::{self, Entry};
use crate::parts::view::{self, Row, Rows, trait_value};

/// What of the product stays as it is, by its labels on the page of the application.
const FIXED: [&str; 7] = ["原产国", "单价", "总价", "产品最终使用地", "序列号/零件号", "用途说明", "备注"];

/// A 产品特性 of another HS 编码.
struct Field {
    name: String,
    characteristic: Characteristic,
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

/// What follows from the HS 编码 that the form shows.
struct Type {
    code: HsCode,
    name: String,
    unit: UnitCode,
    /// Its characteristics, to be answered; none = the certificate's own code, whose answers stay.
    asked: Option<Vec<Characteristic>>,
}

#[derive(Template)]
#[template(path = "amendment/item.html")]
struct ItemPage {
    shell: Shell,
    id: CertificateId,
    ordinal: i64,
    form: FormView,
    hs_codes: Vec<Choice>,
    hs_name: String,
    hs_unit: String,
    qty_unit: String,
    fields: Option<Vec<Field>>,
    traits: Vec<(String, String)>,
    fixed: Rows,
    /// What is saved and differs from the certificate.
    changed: Vec<Difference>,
    /// What stands in the form is not what is stored.
    unsaved: bool,
    warnings: Vec<String>,
}

/// `?refresh=hs`: the characteristics and the unit of the chosen code, without saving.
#[derive(Debug, Default, serde::Deserialize)]
pub struct RefreshQuery {
    #[serde(default)]
    refresh: String,
}

fn seen(line: &Line) -> String {
    hash_of(&format!("{:?} {:?}", line.old, line.new))[..16].to_owned()
}

fn typed_fields(line: &Line) -> FormData {
    let p = line.product();
    let mut data = FormData::default();
    for (name, value) in [
        ("seen", seen(line)),
        ("product_name", p.product_name.clone()),
        ("hs_code", p.hs_code.to_string()),
        ("hs_shown", p.hs_code.to_string()),
        ("model", p.model.clone()),
        ("qty", p.qty.plain()),
        ("hs_qty", p.hs_qty.plain()),
        ("brand", p.brand.clone()),
        ("manufacturer", p.manufacturer.clone()),
    ] {
        data.set(name, &value);
    }
    for (n, t) in p.traits.iter().enumerate() {
        data.set(&format!("trait_{n}"), &t.value);
        data.set(&format!("trait-name_{n}"), &t.name);
    }
    data
}

/// The type of a code: the certificate's own, which may have ended meanwhile, or one of the catalogue of today.
fn type_of(app: &App, line: &Line, code: &str) -> Option<Type> {
    if code == line.old.hs_code.as_str() {
        let o = &line.old;
        return Some(Type { code: o.hs_code.clone(), name: o.hs_name.clone(), unit: o.hs_unit.clone(), asked: None });
    }
    let references = app.references.now();
    let hs = references.hs_type(code, app.clock.today())?;
    Some(Type {
        code: hs.code.clone(),
        name: hs.name.clone(),
        unit: hs.unit.clone(),
        asked: Some(hs.characteristics.clone()),
    })
}

/// The product, with what is stored of its change.
pub async fn edit(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, ordinal)): Path<(CertificateId, i64)>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let of = match open(&read, &user, id).await? {
        Ok(of) => of,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let line = db::amendment::line(&read, of.certificate.application_id, &of.amendment, ordinal).await?;
    let page = build(&app, &user, &of, &line, typed_fields(&line), FieldErrors::default()).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    of: &InHand,
    line: &Line,
    mut data: FormData,
    errors: FieldErrors,
) -> Result<ItemPage, AppError> {
    let id = of.certificate.id;
    let references = app.references.now();
    // An unknown code is said beside the field; the form goes on showing what follows from the certificate's own.
    let shown = type_of(app, line, data.get("hs_code").trim()).unwrap_or_else(|| Type {
        code: line.old.hs_code.clone(),
        name: line.old.hs_name.clone(),
        unit: line.old.hs_unit.clone(),
        asked: None,
    });
    data.set("hs_shown", shown.code.as_str());
    let mut hs_codes: Vec<_> = references
        .hs_types_matching("", "", app.clock.today())
        .into_iter()
        .map(|t| Choice::new(t.code.as_str(), format!("{} {}", t.code, t.name)))
        .collect();
    if hs_codes.iter().all(|c| c.value != line.old.hs_code.as_str()) {
        let own = Choice::new(line.old.hs_code.as_str(), format!("{} {}", line.old.hs_code, line.old.hs_name));
        hs_codes.insert(0, own);
    }
    let item = db::application::item(&app.db.read(), of.certificate.application_id, line.item).await?;
    let fixed: Vec<Row> =
        view::item_details(&references, &item).into_iter().filter(|r| FIXED.contains(&r.label)).collect();
    let back = format!("/certificates/{id}/amendment");
    let list = format!("{back}/items");
    let crumbs = [("修改证明", back.as_str()), ("证明产品信息", list.as_str())];
    let title = format!("修改第 {} 项产品", line.ordinal);
    let mut shell = frame::signed(app, user, &title, Entry::Applications, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let old = changes::fields(&references, &line.old, &line.qty_unit);
    let now = changes::fields(&references, line.product(), &line.qty_unit);
    Ok(ItemPage {
        shell,
        id,
        ordinal: line.ordinal,
        unsaved: !errors.is_empty(),
        form: FormView::new(data, errors, &user.caller.csrf),
        hs_codes,
        hs_name: shown.name,
        hs_unit: references.unit_name(&shown.unit).to_owned(),
        qty_unit: references.unit_name(&line.qty_unit).to_owned(),
        fields: shown.asked.map(|asked| asked.into_iter().enumerate().map(field).collect()),
        traits: line.old.traits.iter().map(|t| (t.name.clone(), trait_value(t))).collect(),
        fixed: Rows::new(fixed),
        changed: differences(&old, &now),
        warnings: Vec::new(),
    })
}

fn field((n, characteristic): (usize, Characteristic)) -> Field {
    Field {
        name: format!("trait_{n}"),
        choices: characteristic.choices.iter().map(|v| Choice::new(v.as_str(), v.as_str())).collect(),
        characteristic,
    }
}

/// Another HS 编码: answers of the same name stay, HS 标准量 too while its unit does (D13).
fn follow(line: &Line, to: &Type, before: Option<&Type>, form: &mut FormData) {
    let typed: Vec<(String, String)> = (0..)
        .map_while(|n| form.has(&format!("trait-name_{n}")).then_some(n))
        .map(|n| (form.get(&format!("trait-name_{n}")).to_owned(), form.get(&format!("trait_{n}")).to_owned()))
        .collect();
    let known: Vec<(String, String)> = if typed.is_empty() {
        line.product().traits.iter().map(|t| (t.name.clone(), t.value.clone())).collect()
    } else {
        typed
    };
    if let Some(asked) = &to.asked {
        for (n, value) in carry_over(&known, asked).iter().enumerate() {
            form.set(&format!("trait_{n}"), value);
        }
    }
    if before.is_none_or(|b| b.unit != to.unit) {
        form.set("hs_qty", if to.code == line.old.hs_code { line.old.hs_qty.plain() } else { String::new() }.as_str());
    }
    form.set("hs_shown", to.code.as_str());
}

/// 保存 (R-2.7-07); 更换 of the HS 编码 shows the form of the other code and saves nothing.
pub async fn update(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, ordinal)): Path<(CertificateId, i64)>,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = open_for_update(&tx, &user, id).await?;
    let line = db::amendment::line(&tx, of.certificate.application_id, &of.amendment, ordinal).await?;
    let chosen = type_of(&app, &line, form.get("hs_code").trim());
    let before = type_of(&app, &line, form.get("hs_shown"));
    let is_other = chosen.as_ref().is_some_and(|c| form.get("hs_shown") != c.code.as_str());
    if let Some(chosen) = &chosen
        && is_other
    {
        follow(&line, chosen, before.as_ref(), &mut form);
    }
    if !query.refresh.is_empty() {
        drop(tx);
        let mut page = build(&app, &user, &of, &line, form, FieldErrors::default()).await?;
        page.unsaved = true;
        return page::render(&page);
    }
    let parsed = if let Some(chosen) = &chosen {
        parse(&app, &line, chosen, &form)
    } else {
        let mut errors = FieldErrors::default();
        errors.add("hs_code", "请从列表中选择 HS 编码；该编码不在产品目录中或已停用");
        Err(errors)
    };
    let new = match parsed {
        Ok(new) => new,
        Err(errors) => {
            drop(tx);
            return page::unprocessable(&build(&app, &user, &of, &line, form, errors).await?);
        }
    };
    let doubt = (line.qty_unit == new.hs_unit && new.qty != new.hs_qty)
        .then(|| "数量/重量单位与 HS 标准量单位相同，但两个数量不一致，请核对".to_owned());
    if let Some(doubt) = doubt
        && form.get("warned") != format!("{}|{}", new.qty.plain(), new.hs_qty.plain())
    {
        // A warning is shown once; the same numbers sent again are meant.
        drop(tx);
        form.set("warned", &format!("{}|{}", new.qty.plain(), new.hs_qty.plain()));
        let mut page = build(&app, &user, &of, &line, form, FieldErrors::default()).await?;
        page.warnings = vec![format!("{doubt}；确认无误可再次点击保存")];
        page.unsaved = true;
        return page::unprocessable(&page);
    }
    if form.get("seen") != seen(&line) {
        drop(tx);
        form.set("seen", &seen(&line));
        let mut page = build(&app, &user, &of, &line, form, FieldErrors::default()).await?;
        page.warnings =
            vec!["该产品的修改已在别处保存，本次没有保存。您填写的内容保留在下方，再次保存将以本页为准".to_owned()];
        page.unsaved = true;
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    db::amendment::save_item(&tx, &of.amendment, of.edit, ordinal, &line.old, &new, &user.by(), app.now()).await?;
    tx.commit().await?;
    let done = if new == line.old {
        format!("第 {ordinal} 项产品与原证明相同，没有修改。")
    } else {
        format!("已保存第 {ordinal} 项产品“{}”的修改。", new.product_name)
    };
    // Back to the page of the list on which it stands.
    let url = format!("/certificates/{id}/amendment/items?page={}", (ordinal.max(1) - 1) / 20 + 1);
    Ok(flash::to(&app.key, app.config.is_https(), &url, &done))
}

/// Reads the six fields, and the 产品特性 of another HS 编码; every mistake at once.
fn parse(app: &App, line: &Line, chosen: &Type, form: &FormData) -> Result<Product, FieldErrors> {
    let mut check = Checker::new(form);
    // The new certificate is printed from these (E27).
    let papers = app.papers.as_ref();
    let product_name =
        check.text("product_name", "产品名称").one_line().required().length(1..=100).printed(papers).take();
    let model = check.text("model", "规格/型号").one_line().required().length(1..=200).printed(papers).take();
    let qty = check.parse("qty", "数量/重量", |s| Quantity::parse_positive(s).map_err(|e| format!("数量/重量{e}")));
    let hs_qty =
        check.parse("hs_qty", "HS 标准量", |s| Quantity::parse_positive(s).map_err(|e| format!("HS 标准量{e}")));
    let brand = check.text("brand", "商标").one_line().required().length(1..=100).printed(papers).take();
    let manufacturer =
        check.text("manufacturer", "生产厂名").one_line().required().length(1..=150).printed(papers).take();
    let mut traits = Vec::new();
    match &chosen.asked {
        None => traits.clone_from(&line.old.traits),
        Some(asked) => {
            for (n, characteristic) in asked.iter().enumerate() {
                let name = format!("trait_{n}");
                match characteristic.answer(form.get(&name)) {
                    Ok(answer) => traits.push(answer),
                    Err(why) => check.error(&name, why),
                }
            }
        }
    }
    check.finish()?;
    let (Some(qty), Some(hs_qty)) = (qty, hs_qty) else { return Err(FieldErrors::default()) };
    Ok(Product {
        product_name,
        hs_code: chosen.code.clone(),
        hs_name: chosen.name.clone(),
        hs_unit: chosen.unit.clone(),
        model,
        qty,
        hs_qty,
        brand,
        manufacturer,
        traits,
    })
}
