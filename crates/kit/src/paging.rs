//! Pages of a list: total, links, jump to page (R-2.2-03). The links keep every filter.

use askama::Template;
use askama::filters::HtmlSafe;
use db::keyset::{Asked, Page, Place};

/// The sizes on offer.
pub const SIZES: [i64; 3] = [10, 20, 50];

/// `?page=&size=`, and of a list that goes on behind a row `place`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct PageQuery {
    /// From 1.
    #[serde(default)]
    pub page: String,
    /// Rows on a page.
    #[serde(default)]
    pub size: String,
    /// The row behind which the page begins, or before which it ends.
    #[serde(default)]
    pub place: String,
}

/// Where one is in a list.
#[derive(Template, Debug, Clone)]
#[template(path = "kit/paging.html")]
pub struct Pager {
    total: i64,
    more: bool,
    page: i64,
    size: i64,
    path: String,
    filters: Vec<(String, String)>,
    is_below: bool,
    fragment: &'static str,
    place: Place,
    /// The places of the first and the last row of this page: 上一页 and 下一页 go on from them.
    edges: Option<(String, String)>,
}

impl HtmlSafe for Pager {}

impl Pager {
    /// The pager of a list of `total` rows at `path` with these filters.
    pub fn new(query: &PageQuery, total: i64, path: &str, filters: &[(&str, &str)]) -> Self {
        let size = query.size.trim().parse().ok().filter(|s| SIZES.contains(s)).unwrap_or(20);
        let pages = (total.max(1) + size - 1) / size;
        let asked = domain::text::half_width(query.page.trim()).parse::<i64>().unwrap_or(1);
        Self {
            total,
            more: false,
            page: asked.clamp(1, pages),
            size,
            path: path.to_owned(),
            filters: filters
                .iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            is_below: false,
            fragment: "",
            place: Place::of(&query.place),
            edges: None,
        }
    }

    /// What a list in the order of a key is asked for.
    pub fn asked(&self) -> Asked {
        Asked { place: self.place.clone(), limit: self.limit(), offset: self.offset() }
    }

    /// The pager of a page that was read by key: 上一页 and 下一页 go on from its rows, whatever comes and goes meanwhile.
    #[must_use]
    pub fn around<T>(mut self, page: &Page<T>) -> Self {
        self.edges = (!page.rows.is_empty()).then(|| (page.first.clone(), page.last.clone()));
        self
    }

    /// The same once more, below the table.
    #[must_use]
    pub fn below(&self) -> Self {
        Self { is_below: true, ..self.clone() }
    }

    /// A list further down on its page: the links lead to the element of this id.
    #[must_use]
    pub const fn at(mut self, fragment: &'static str) -> Self {
        self.fragment = fragment;
        self
    }

    /// `#` and the element that the links lead to.
    fn anchor(&self) -> String {
        if self.fragment.is_empty() { String::new() } else { format!("#{}", self.fragment) }
    }

    /// The total is a lower bound: 「10000 条以上」 (E10).
    #[must_use]
    pub const fn or_more(mut self, more: bool) -> Self {
        self.more = more;
        self
    }

    /// Rows on this page at most.
    pub const fn limit(&self) -> i64 {
        self.size
    }

    /// Rows before this page.
    pub const fn offset(&self) -> i64 {
        (self.page - 1) * self.size
    }

    /// How many rows there are.
    pub const fn total(&self) -> i64 {
        self.total
    }

    fn pages(&self) -> i64 {
        (self.total.max(1) + self.size - 1) / self.size
    }

    fn first(&self) -> i64 {
        if self.total == 0 { 0 } else { self.offset() + 1 }
    }

    fn last(&self) -> i64 {
        (self.offset() + self.size).min(self.total)
    }

    fn href(&self, page: impl std::borrow::Borrow<i64>) -> String {
        self.address(*page.borrow(), self.size)
    }

    fn previous(&self) -> String {
        let place = self.edges.as_ref().map(|(first, _)| Place::before(first));
        self.address_at(self.page - 1, self.size, place)
    }

    fn next(&self) -> String {
        let place = self.edges.as_ref().map(|(_, last)| Place::after(last));
        self.address_at(self.page + 1, self.size, place)
    }

    /// The sizes on offer, each with the address of the page that shows the same first row.
    fn sizes(&self) -> Vec<(i64, String)> {
        SIZES.iter().map(|size| (*size, self.address(self.offset() / size + 1, *size))).collect()
    }

    /// More rows than the smallest page holds.
    fn offers_sizes(&self) -> bool {
        SIZES.iter().any(|size| self.total > *size)
    }

    fn address(&self, page: i64, size: i64) -> String {
        self.address_at(page, size, None)
    }

    fn address_at(&self, page: i64, size: i64, place: Option<String>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (k, v) in &self.filters {
            query.append_pair(k, v);
        }
        query.append_pair("page", &page.to_string());
        query.append_pair("size", &size.to_string());
        if let Some(place) = place {
            query.append_pair("place", &place);
        }
        format!("{}?{}{}", self.path, query.finish(), self.anchor())
    }

    /// The page numbers around this one.
    fn near(&self) -> Vec<i64> {
        let from = (self.page - 2).max(1);
        let to = (from + 4).min(self.pages());
        ((to - 4).max(1)..=to).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(page: &str) -> PageQuery {
        PageQuery { page: page.to_owned(), size: "10".to_owned(), place: String::new() }
    }

    #[test]
    fn links_keep_the_filters_and_pages_stay_in_range() {
        let pager = Pager::new(&query("99"), 41, "/applications", &[("number", "MB&1"), ("state", "")]);
        assert_eq!((pager.page, pager.offset(), pager.last()), (5, 40, 41));
        assert_eq!(pager.href(2), "/applications?number=MB%261&page=2&size=10");
        let html = pager.to_string();
        assert!(html.contains("共 41 条"), "{html}");
        assert!(html.contains("name=\"number\" value=\"MB&#38;1\""), "{html}");
        // 20 rows a page: row 41 is on page 3.
        assert!(html.contains("page=3&#38;size=20"), "{html}");
        assert!(pager.below().to_string().contains("id=\"jump-below\""));
        assert!(pager.at("list").to_string().contains("size=20#list"));
    }

    #[test]
    fn a_list_that_fits_the_smallest_page_offers_no_sizes() {
        let html = Pager::new(&query(""), 10, "/x", &[]).to_string();
        assert!(html.contains("共 10 条") && !html.contains("每页") && !html.contains("跳转"), "{html}");
    }

    #[test]
    fn an_empty_list_has_one_page_and_full_width_digits_are_read() {
        assert_eq!(Pager::new(&query(""), 0, "/x", &[]).pages(), 1);
        assert_eq!(Pager::new(&query("３"), 100, "/x", &[]).page, 3);
    }
}
