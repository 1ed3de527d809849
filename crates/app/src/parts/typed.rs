//! What was typed and not saved: kept while somebody types, offered when the page is opened again (E21). It never counts
//! as 保存 and touches nothing that is stored.

use askama::Template;
use askama::filters::HtmlSafe;
use db::typed_text::{self, LIMIT_BYTES, TypedText};
use db::{Source, Tx};
use domain::ids::ApplicationId;
use kit::error::AppError;
use kit::form::{FormData, parse_urlencoded};
use kit::session::Signed;

/// A page whose form is kept, and how it speaks of that.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// Where its form is kept while somebody types; 放弃 is a deed below it.
    pub address: String,
    /// The page with what was kept.
    pub restore: String,
    /// What 放弃 needs to find the way back.
    pub hidden: Vec<(String, String)>,
    /// The button that makes it count.
    pub deed: &'static str,
}

/// What a page says about kept text.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/typed_offer.html")]
pub struct Offer {
    at: String,
    restored: bool,
    desk: Desk,
    csrf: String,
}

impl HtmlSafe for Offer {}

/// Whether there is something to offer.
#[derive(Debug, Clone, Default)]
pub struct Found(Option<(String, bool)>);

impl Found {
    /// Whether the form shows what was kept in place of what is stored.
    pub fn is_restored(&self) -> bool {
        self.0.as_ref().is_some_and(|(_, restored)| *restored)
    }

    /// What the page says about it.
    pub fn shown(self, desk: &Desk, user: &Signed) -> Option<Offer> {
        self.0.map(|(at, restored)| Offer { at, restored, desk: desk.clone(), csrf: user.caller.csrf.clone() })
    }
}

/// What this user typed on a page and did not save. The caller has opened the application.
pub async fn find(
    source: &impl Source,
    user: &Signed,
    id: ApplicationId,
    page: &str,
) -> Result<Option<TypedText>, AppError> {
    Ok(typed_text::find(source, id, user.actor().account(), page).await?)
}

/// The form as kept.
pub fn form_of(kept: &TypedText) -> FormData {
    parse_urlencoded(kept.body.as_bytes())
}

/// What is kept of a form: all but secrets, and only what fits.
pub fn body_of(form: &FormData) -> Result<String, AppError> {
    let typed = form.pairs().iter().filter(|(k, _)| k != "csrf" && !k.contains("password") && !k.starts_with("keep."));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish();
    if body.len() > LIMIT_BYTES {
        return Err(AppError::TooLarge("填写的内容超过 64 KB，没有自动保存，请尽快保存或提交。".to_owned()));
    }
    Ok(body)
}

/// Fields that nobody types.
const UNTYPED: [&str; 14] = [
    "deed",
    "seen",
    "version",
    "kind",
    "creation_key",
    "submission_key",
    "warned",
    "item",
    "stay",
    "next",
    "shown",
    "at",
    "find",
    "show",
];
/// Boxes and files: what is not chosen any more sends nothing.
const CHOSEN: [&str; 2] = ["agent_flag", "attached"];

/// The form to show: what is stored, or what was kept when asked for. Kept text that is the same as what is stored is not
/// worth an offer: the last keystrokes may arrive after 保存.
pub fn restored(kept: Option<TypedText>, stored: FormData, wanted: bool) -> (FormData, Found) {
    let Some(kept) = kept else { return (stored, Found::default()) };
    let typed = form_of(&kept);
    let values = |form: &FormData, name: &str| {
        let all = form.all(name).filter(|v| !v.is_empty()).map(|v| v.replace("\r\n", "\n"));
        all.collect::<Vec<_>>()
    };
    let is_same = typed
        .pairs()
        .iter()
        .map(|(k, _)| k.as_str())
        .filter(|k| !UNTYPED.contains(k) && !k.starts_with("trait-name_"))
        .chain(CHOSEN)
        .all(|k| values(&stored, k) == values(&typed, k));
    if is_same {
        return (stored, Found::default());
    }
    let offer = Found(Some((kept.saved_at.china(), wanted)));
    if wanted { (typed, offer) } else { (stored, offer) }
}

/// 保存, 提交, 放弃: what was kept of a page is gone, in the transaction that saves.
pub async fn forget(tx: &Tx, user: &Signed, id: ApplicationId, page: &str) -> Result<(), AppError> {
    Ok(typed_text::drop_page(tx, id, user.actor().account(), page).await?)
}
