//! What was typed and not saved: kept while somebody types, offered when the page is opened again (E21). It never counts
//! as 保存 and never touches the application.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use db::typed_text::{self, LIMIT_BYTES, TypedText};
use db::{Source, Tx};
use domain::ids::{ApplicationId, ItemId};
use kit::app::App;
use kit::error::AppError;
use kit::form::{FormData, parse_urlencoded};
use kit::page;
use kit::session::{EnterpriseUser, Submitted};

use crate::application::open_for_update;

/// A page whose form is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedPage {
    /// 申请基本信息.
    Basics,
    /// A new product; one per application.
    NewItem,
    /// A product that exists.
    Item(ItemId),
}

impl TypedPage {
    /// The page of a product's form.
    pub fn of_item(item: Option<ItemId>) -> Self {
        item.map_or(Self::NewItem, Self::Item)
    }

    fn parse(word: &str) -> Option<Self> {
        match (word, word.strip_prefix("item-")) {
            ("basics", _) => Some(Self::Basics),
            ("item-new", _) => Some(Self::NewItem),
            (_, Some(id)) => id.parse().ok().map(Self::Item),
            (_, None) => None,
        }
    }

    /// Where this page's form is kept.
    pub fn address(self, id: ApplicationId) -> String {
        format!("/applications/{id}/typed/{self}")
    }
}

impl std::fmt::Display for TypedPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basics => f.write_str("basics"),
            Self::NewItem => f.write_str("item-new"),
            Self::Item(id) => write!(f, "item-{id}"),
        }
    }
}

/// What a page says about kept text.
#[derive(Debug, Clone)]
pub struct Offer {
    /// When it was kept.
    pub at: String,
    /// It stands in the form now.
    pub restored: bool,
}

/// Whether there is something to offer.
#[derive(Debug, Clone, Default)]
pub struct Found(Option<Offer>);

impl Found {
    /// Whether the form shows what was kept in place of what is stored.
    pub fn is_restored(&self) -> bool {
        self.0.as_ref().is_some_and(|o| o.restored)
    }

    /// What the page says about it.
    pub fn shown(self) -> Option<Offer> {
        self.0
    }
}

/// What this user typed on a page and did not save. The caller has opened the application.
pub async fn find(
    source: &impl Source,
    user: &EnterpriseUser,
    id: ApplicationId,
    page: TypedPage,
) -> Result<Option<TypedText>, AppError> {
    Ok(typed_text::find(source, id, user.user.account, &page.to_string()).await?)
}

/// The form as kept.
pub fn form_of(kept: &TypedText) -> FormData {
    parse_urlencoded(kept.body.as_bytes())
}

/// Fields that nobody types.
const UNTYPED: [&str; 6] = ["seen", "creation_key", "warned", "item", "stay", "next"];

/// The form to show: what is stored, or what was kept when asked for. Kept text that is the same as what is stored is not
/// worth an offer: the last keystrokes may arrive after 保存.
pub fn restored(kept: Option<TypedText>, stored: FormData, wanted: bool) -> (FormData, Found) {
    let Some(kept) = kept else { return (stored, Found::default()) };
    let typed = form_of(&kept);
    let is_same = typed
        .pairs()
        .iter()
        .filter(|(k, _)| !UNTYPED.contains(&k.as_str()) && !k.starts_with("trait-name_"))
        .all(|(k, v)| stored.get(k).replace("\r\n", "\n") == v.replace("\r\n", "\n"))
        // A box that is not ticked sends nothing.
        && typed.has("agent_flag") == stored.has("agent_flag");
    if is_same {
        return (stored, Found::default());
    }
    let offer = Found(Some(Offer { at: kept.saved_at.china(), restored: wanted }));
    if wanted { (typed, offer) } else { (stored, offer) }
}

/// 保存: what was kept of this page is gone, in the transaction that saves.
pub async fn forget(tx: &Tx, user: &EnterpriseUser, id: ApplicationId, page: TypedPage) -> Result<(), AppError> {
    Ok(typed_text::drop_page(tx, id, user.user.account, &page.to_string()).await?)
}

async fn opened(
    tx: &Tx,
    app: &App,
    user: &EnterpriseUser,
    id: ApplicationId,
    word: &str,
) -> Result<TypedPage, AppError> {
    let page = TypedPage::parse(word).ok_or(AppError::NotFound)?;
    open_for_update(tx, app, user, id).await?;
    if let TypedPage::Item(item) = page {
        db::application::item(tx, id, item).await?;
    }
    Ok(page)
}

/// Keeps the form; the answer is the time of day, for 已自动保存.
pub async fn keep(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, word)): Path<(ApplicationId, String)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let typed = form.pairs().iter().filter(|(k, _)| k != "csrf" && !k.contains("password") && !k.starts_with("keep."));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish();
    if body.len() > LIMIT_BYTES {
        return Err(AppError::TooLarge("填写的内容超过 64 KB，没有自动保存，请点击“保存”。".to_owned()));
    }
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &word).await?;
    let now = app.now();
    typed_text::keep(&tx, id, user.user.account, &page.to_string(), &body, now).await?;
    tx.commit().await?;
    Ok(now.china_time_of_day().into_response())
}

/// 放弃, and 返回: what was kept is gone; the page shows what is stored.
pub async fn discard(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, word)): Path<(ApplicationId, String)>,
    form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &word).await?;
    forget(&tx, &user, id, page).await?;
    tx.commit().await?;
    let back = match page {
        TypedPage::Basics => format!("/applications/{id}/basics"),
        TypedPage::Item(item) => format!("/applications/{id}/items/{item}/edit"),
        TypedPage::NewItem => {
            let code = form.0.get("hs_code");
            let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
            if is_code {
                format!("/applications/{id}/items/new?hs_code={code}")
            } else {
                format!("/applications/{id}/items")
            }
        }
    };
    Ok(page::see_other(&back))
}
