//! 填写产品使用记录: the products of a certificate, how many are there, and what became of them (manual §2.9).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::usage;
use domain::ids::ApplicationId;
use domain::quantity::Quantity;
use domain::text;
use domain::usage::{is_tail, usable};
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::EnterpriseUser;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::usage::{Bar, Header, Product, Shares};
use crate::usage::{Opened, open};

/// The filter, and the page.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    product: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct GoodsRow {
    product: Product,
    required: String,
    written_off: String,
    shares: Shares,
    remaining: String,
    bar: Bar,
    /// At least one whole unit is left.
    is_open: bool,
    /// 尾差: less than one unit is left, or it was closed.
    tail: &'static str,
    is_ticked: bool,
}

#[derive(Template)]
#[template(path = "usage/goods.html")]
struct GoodsPage {
    shell: Shell,
    header: Header,
    id: ApplicationId,
    form: FormView,
    rows: Vec<GoodsRow>,
    pager: Pager,
    /// Why the button did not open a form.
    refused: Option<String>,
}

/// The list.
pub async fn list(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let opened = open(&app.db.read(), &app, &user, id).await?;
    if !opened.may_record {
        return Ok(page::see_other(&format!("/applications/{id}/usage-records")));
    }
    page::render(&build(&app, &user, &opened, &filters, &[], None).await?)
}

/// The list again, with why the button did not open a form (R-2.9-04).
pub async fn again(
    app: &App,
    user: &EnterpriseUser,
    opened: &Opened,
    ticked: &[i64],
    why: String,
) -> Result<Response, AppError> {
    let mut page = build(app, user, opened, &Filters::default(), ticked, Some(why)).await?;
    page.shell.error_title = true;
    page::unprocessable(&page)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    opened: &Opened,
    filters: &Filters,
    ticked: &[i64],
    refused: Option<String>,
) -> Result<GoodsPage, AppError> {
    let goods = &opened.goods;
    let id = goods.application.id;
    let wanted = text::fold(&filters.product);
    let fits = |words: [&str; 3]| wanted.is_empty() || words.iter().any(|w| text::fold(w).contains(&wanted));
    let found: Vec<i64> = goods
        .sheet
        .items
        .iter()
        .filter(|i| fits([&i.product_name, &i.hs_code, &i.model]))
        .map(|i| i64::from(i.ordinal))
        .collect();
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&query, total, &format!("/applications/{id}/goods"), &[("product", &filters.product)]);
    let skip = usize::try_from(pager.offset()).unwrap_or_default();
    let take = usize::try_from(pager.limit()).unwrap_or_default();
    let shown: Vec<i64> = found.into_iter().skip(skip).take(take).collect();
    let read = app.db.read();
    let lines = usage::lines(&read, goods.certificate.id, &shown).await?;
    let sums = usage::sums(&read, &lines).await?;
    let rows = lines
        .iter()
        .map(|line| {
            let product = goods.product(line.ordinal);
            let shares = Shares::of(&sums, line.id);
            let remaining = line.remaining();
            let is_open = usable(remaining) > Quantity::ZERO;
            GoodsRow {
                required: product.amount(line.required),
                written_off: product.amount(line.written_off),
                remaining: product.amount(remaining),
                bar: Bar::of(line, shares),
                is_ticked: is_open && ticked.contains(&line.ordinal),
                tail: if is_tail(remaining) {
                    "不足 1 的尾差由后续监管说明"
                } else if line.closed_tail > Quantity::ZERO {
                    "尾差已由后续监管说明"
                } else {
                    ""
                },
                product,
                shares,
                is_open,
            }
        })
        .collect();
    let data = FormData::from_pairs(vec![("product".to_owned(), filters.product.clone())]);
    Ok(GoodsPage {
        shell: frame::signed(app, user, "填写产品使用记录", Entry::Applications, &[("查看申请列表", "/applications")])
            .await?,
        header: goods.header(),
        id,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        rows,
        pager,
        refused,
    })
}
