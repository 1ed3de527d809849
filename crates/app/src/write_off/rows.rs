//! The rows of a form over the products of a certificate, which may be two thousand: 查询, pages, and what is typed on rows
//! that are not shown travels along in the form.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use db::ledger::{Claim, Line, LineRefusal};
use domain::ids::{CertificateId, CertificateItemId};
use domain::ledger::{Amounts, doubt};
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::hash_of;

use crate::write_off::{Goods, Leaf, Opened, Typed, typed};

/// What the form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// 预核销 by the enterprise: up to 总 − 已核销 − 待确认.
    Declare,
    /// 直接核销 by an officer: up to 总 − 已核销 (D1).
    WriteOff,
}

impl Purpose {
    /// The word of its columns.
    const fn word(self) -> &'static str {
        match self {
            Self::Declare => "预核销",
            Self::WriteOff => "核销",
        }
    }

    /// Its page, below the certificate.
    const fn page(self) -> &'static str {
        match self {
            Self::Declare => "pre-write-offs/new",
            Self::WriteOff => "draw-down",
        }
    }

    fn left(self, goods: &Goods) -> Amounts {
        match self {
            Self::Declare => goods.balance.declarable(),
            Self::WriteOff => goods.balance.writable(),
        }
    }
}

/// Which rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    /// Those with something typed.
    Filled,
    /// Those with a mistake or a doubt.
    Faulty,
}

impl Shown {
    fn of(word: &str) -> Self {
        match word {
            "filled" => Self::Filled,
            "faulty" => Self::Faulty,
            _ => Self::All,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Filled => "filled",
            Self::Faulty => "faulty",
        }
    }
}

/// What is wrong or doubtful about the rows.
#[derive(Debug, Default)]
pub struct Judgement {
    wrong: BTreeMap<CertificateItemId, [Option<String>; 2]>,
    doubts: BTreeMap<CertificateItemId, String>,
    none: bool,
}

impl Judgement {
    /// Whether a row must be mended.
    pub fn is_wrong(&self) -> bool {
        self.none || !self.wrong.is_empty()
    }

    /// What the ledger says stands on its row.
    pub fn add(&mut self, refusals: &[LineRefusal]) {
        for refusal in refusals {
            self.wrong.insert(refusal.line, [Some(refusal.why.to_string()), None]);
        }
    }

    /// Whether the doubts of the rows are to be shown once more: the same amounts sent again are meant (D20). Notes in the
    /// form what was shown.
    pub fn must_be_asked(&self, form: &mut FormData) -> bool {
        let all: Vec<_> = self.doubts.keys().map(|id| format!("{id}:{}", row_text(form, *id).join(":"))).collect();
        let print = if all.is_empty() || self.is_wrong() { String::new() } else { hash_of(&all.join("|")) };
        let is_new = form.get("warned") != print;
        form.set("warned", &print);
        !self.doubts.is_empty() && is_new
    }

    /// Leads the form to the rows that it concerns.
    pub fn lead(&self, form: &mut FormData) {
        form.set("shown", if self.wrong.is_empty() && self.doubts.is_empty() { "" } else { Shown::Faulty.word() });
        form.set("page", "1");
    }

    fn concerns(&self, id: CertificateItemId) -> bool {
        self.wrong.contains_key(&id) || self.doubts.contains_key(&id)
    }
}

/// The two texts of a row.
fn row_text(form: &FormData, id: CertificateItemId) -> [String; 2] {
    ["qty", "hs_qty"].map(|field| form.get(&format!("{field}_{id}")).trim().to_owned())
}

/// Reads all rows, shown or not; every mistake at once (D20, R-2.8-05, -06).
pub fn judge(goods: &[Goods], form: &FormData, purpose: Purpose) -> (Vec<Claim>, Judgement) {
    let mut judgement = Judgement::default();
    let mut claims = Vec::new();
    for g in goods {
        let amounts = match typed(form, g.id) {
            Typed::Unused => continue,
            Typed::Wrong(why) => {
                judgement.wrong.insert(g.id, why);
                continue;
            }
            Typed::Amounts(amounts) => amounts,
        };
        claims.push((g.id, amounts));
        let left = purpose.left(g);
        let over = |is: bool, left: &dyn std::fmt::Display| is.then(|| format!("超出可{}数量 {left}", purpose.word()));
        let why = [over(amounts.qty > left.qty, &left.qty), over(amounts.hs_qty > left.hs_qty, &left.hs_qty)];
        if why.iter().any(Option::is_some) {
            judgement.wrong.insert(g.id, why);
        } else if let Some(doubt) = doubt(amounts, g.required(), g.unit == g.hs_unit) {
            judgement.doubts.insert(g.id, doubt.to_string());
        }
    }
    judgement.none = claims.is_empty() && judgement.wrong.is_empty();
    (claims, judgement)
}

struct RowView {
    goods: Goods,
    /// What may still be typed, in both units.
    left: Amounts,
    qty: String,
    hs_qty: String,
    qty_error: Option<String>,
    hs_error: Option<String>,
    doubt: Option<String>,
    is_open: bool,
}

/// The card with the rows, inside the form of its page.
#[derive(Template)]
#[template(path = "write_off/rows.html")]
pub struct GoodsTable {
    id: CertificateId,
    purpose: Purpose,
    action: String,
    form: FormView,
    rows: Vec<RowView>,
    /// What was typed on rows that are not shown.
    elsewhere: Vec<(String, String)>,
    leaf: Leaf,
    shown: Shown,
    /// On so many rows something is typed.
    pub filled: usize,
    none: bool,
    /// Whether doubts are shown.
    pub is_doubtful: bool,
}

impl HtmlSafe for GoodsTable {}

/// Builds the rows of a form, and moves their mistakes into `errors`, in the order of the page. `data` is read for what
/// was clicked, and left as the form goes on.
pub fn build(
    opened: &Opened,
    lines: Vec<Line>,
    data: &mut FormData,
    errors: &mut FieldErrors,
    judgement: &Judgement,
    (purpose, action): (Purpose, &str),
    csrf: &str,
) -> GoodsTable {
    if data.has("clear") {
        for field in ["product_name", "hs_code", "model"] {
            data.remove(field);
        }
    }
    if data.has("show") {
        let wanted = data.get("show").to_owned();
        data.set("shown", &wanted);
    }
    // 查询 looks among all products.
    if data.has("find") || data.has("clear") {
        data.set("shown", "");
    }
    if data.has("find") || data.has("clear") || data.has("show") {
        data.set("page", "1");
    }
    let goods = opened.goods(lines);
    let is_filled = |g: &Goods| row_text(data, g.id).iter().any(|t| !t.is_empty());
    let filled = goods.iter().filter(|g| is_filled(g)).count();
    let faulty = goods.iter().filter(|g| judgement.concerns(g.id)).count();
    let shown = match Shown::of(data.get("shown")) {
        Shown::Faulty if faulty == 0 => Shown::All,
        Shown::Filled if filled == 0 => Shown::All,
        shown => shown,
    };
    let filters = ["product_name", "hs_code", "model"].map(|f| data.get(f).to_owned());
    let wanted = |g: &Goods| match shown {
        Shown::All => g.matches(filters.each_ref().map(String::as_str)),
        Shown::Filled => is_filled(g),
        Shown::Faulty => judgement.concerns(g.id),
    };
    let (mut on_view, mut aside): (Vec<_>, Vec<_>) = goods.into_iter().partition(wanted);
    // The number of a page that was clicked, or that of the page which was shown.
    let leaf = Leaf::of(if data.has("page") { data.get("page") } else { data.get("at") }, on_view.len());
    let on_page = leaf.range();
    aside.extend(on_view.drain(on_page.end..));
    aside.extend(on_view.drain(..on_page.start));
    let elsewhere = aside
        .iter()
        .flat_map(|g| {
            let names = ["qty", "hs_qty"].map(|field| format!("{field}_{}", g.id));
            names.into_iter().zip(row_text(data, g.id)).filter(|(_, typed)| !typed.is_empty())
        })
        .collect();
    if judgement.none {
        errors.add("rows", format!("请至少填写一个产品的本次{}数量", purpose.word()));
    }
    let rows: Vec<_> = on_view
        .into_iter()
        .map(|g| {
            let [qty, hs_qty] = row_text(data, g.id);
            let [qty_error, hs_error] = judgement.wrong.get(&g.id).cloned().unwrap_or_default();
            for (field, why) in [("qty", &qty_error), ("hs_qty", &hs_error)] {
                if let Some(why) = why {
                    errors.add(&format!("{field}_{}", g.id), format!("第 {} 项：{why}", g.ordinal));
                }
            }
            let doubt = judgement.doubts.get(&g.id).cloned();
            let is_open = !g.balance.is_finished() || !qty.is_empty() || !hs_qty.is_empty();
            RowView { left: purpose.left(&g), qty, hs_qty, qty_error, hs_error, doubt, is_open, goods: g }
        })
        .collect();
    for field in ["find", "clear", "show", "page"] {
        data.remove(field);
    }
    GoodsTable {
        id: opened.certificate.id,
        purpose,
        action: action.to_owned(),
        form: FormView::new(data.clone(), FieldErrors::default(), csrf),
        rows,
        elsewhere,
        leaf,
        shown,
        filled,
        none: judgement.none,
        is_doubtful: !judgement.doubts.is_empty(),
    }
}
