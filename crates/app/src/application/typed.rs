//! The pages of an application whose forms are kept while somebody types (E21); see [`parts::typed`](crate::parts::typed).

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use db::Tx;
use db::typed_text;
use domain::ids::{ApplicationId, ItemId};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::{Filer, Submitted};

use crate::application::open_for_update;
use crate::parts::typed::{body_of, forget};

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

    /// Its name beside the application.
    pub fn word(self) -> String {
        match self {
            Self::Basics => "basics".to_owned(),
            Self::NewItem => "item-new".to_owned(),
            Self::Item(id) => format!("item-{id}"),
        }
    }

    /// Where this page's form is kept.
    pub fn address(self, id: ApplicationId) -> String {
        format!("/applications/{id}/typed/{}", self.word())
    }
}

async fn opened(tx: &Tx, app: &App, user: &Filer, id: ApplicationId, word: &str) -> Result<TypedPage, AppError> {
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
    user: Filer,
    Path((id, word)): Path<(ApplicationId, String)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let body = body_of(&form)?;
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &word).await?;
    let now = app.now();
    typed_text::keep(&tx, id, user.account(), &page.word(), &body, now).await?;
    tx.commit().await?;
    Ok(now.china_time_of_day().into_response())
}

/// 放弃, and 返回: what was kept is gone; the page shows what is stored.
pub async fn discard(
    State(app): State<App>,
    user: Filer,
    Path((id, word)): Path<(ApplicationId, String)>,
    form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &word).await?;
    forget(&tx, &user, id, &page.word()).await?;
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
