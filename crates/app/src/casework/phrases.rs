//! 常用意见: phrases that the officers of a post share, and those that an officer keeps for himself. With script they go
//! into the opinion where the caret is; without, the server puts them at its end and keeps the form as 暂存.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{Path, State};
use axum::response::Response;
use db::DbError;
use db::opinion::{self, OwnPhrase};
use domain::actor::Post;
use domain::ids::{ApplicationId, PhraseId};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData};
use kit::session::{BureauOfficer, Submitted};

use crate::casework::case;
use crate::casework::draft::{self, Opened};

/// An opinion may be this long.
const LONGEST_OPINION: usize = 500;

struct Phrase {
    /// The code of a shared one, the id of an own one.
    key: String,
    text: String,
}

struct Group {
    label: String,
    phrases: Vec<Phrase>,
}

/// The list beside the opinion.
#[derive(Template)]
#[template(path = "casework/phrases.html")]
pub struct Phrases {
    id: ApplicationId,
    /// By decision.
    groups: Vec<Group>,
    own: Vec<Phrase>,
    most: i64,
}

impl HtmlSafe for Phrases {}

impl Phrases {
    /// The phrases of a post, by the decisions that it offers, and the officer's own.
    pub fn of(app: &App, id: ApplicationId, post: Post, decisions: &[Choice], own: &[OwnPhrase]) -> Self {
        let references = app.references.now();
        let shared: Vec<_> = references.shared_phrases(post, app.clock.today()).collect();
        let group = |decision: &Choice| {
            let explains = shared.iter().filter(|p| p.decisions.contains(&decision.value));
            let phrases = explains.map(|p| Phrase { key: p.code.clone(), text: p.text.clone() }).collect();
            Group { label: decision.label.clone(), phrases }
        };
        Self {
            id,
            groups: decisions.iter().map(group).filter(|g| !g.phrases.is_empty()).collect(),
            own: own.iter().map(|p| Phrase { key: p.id.to_string(), text: p.text.clone() }).collect(),
            most: opinion::MOST_PHRASES,
        }
    }
}

/// 存为常用意见: the opinion as it stands. What was typed is kept too.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (tx, application, post) = match draft::open(&app, &officer, id, &form).await? {
        Opened::His(tx, application, post) => (tx, application, post),
        Opened::Not(answer) => return Ok(answer),
    };
    let mut check = Checker::new(&form);
    let text = check.text("opinion", "意见").required().length(2..=LONGEST_OPINION).take();
    let refused = match check.finish() {
        Err(errors) => Some(errors),
        Ok(()) => match opinion::add_phrase(&tx, officer.user.account, &text, app.now()).await {
            Ok(()) => None,
            Err(DbError::Refused(why)) => {
                let mut errors = FieldErrors::default();
                errors.add("opinion", why);
                Some(errors)
            }
            Err(other) => return Err(other.into()),
        },
    };
    if let Some(errors) = refused {
        drop(tx);
        return case::again(&app, &officer, &application, form, errors).await;
    }
    draft::keep(&tx, &app, &officer, (id, post), &form).await?;
    tx.commit().await?;
    Ok(draft::back(&app, &officer, id, &form, "已存为常用意见，填写的内容已暂存。"))
}

/// A phrase goes to the end of the opinion, for those without script.
pub async fn insert(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let (tx, application, post) = match draft::open(&app, &officer, id, &form).await? {
        Opened::His(tx, application, post) => (tx, application, post),
        Opened::Not(answer) => return Ok(answer),
    };
    let key = form.get("phrase").to_owned();
    let found = if let Ok(own) = key.parse::<PhraseId>() {
        opinion::phrase(&tx, officer.user.account, own).await
    } else {
        let references = app.references.now();
        let found = references.shared_phrases(post, app.clock.today()).find(|p| p.code == key);
        found.map(|p| p.text.clone()).ok_or(DbError::NotFound)
    };
    let text = match found {
        Ok(text) => text,
        // Ended or deleted since the page was opened.
        Err(DbError::NotFound) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("opinion", "该常用意见已停用或删除，请另选一条，或直接填写");
            return case::again(&app, &officer, &application, form, errors).await;
        }
        Err(other) => return Err(other.into()),
    };
    append(&mut form, &text);
    draft::keep(&tx, &app, &officer, (id, post), &form).await?;
    tx.commit().await?;
    Ok(draft::back(&app, &officer, id, &form, "已填入常用意见，填写的内容已暂存。"))
}

fn append(form: &mut FormData, phrase: &str) {
    let before = form.get("opinion").trim_end().to_owned();
    let both = if before.is_empty() { phrase.to_owned() } else { format!("{before}\n{phrase}") };
    form.set("opinion", &both);
}

/// 删除 of one's own phrase. What was typed is kept too.
pub async fn delete(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (tx, post) = match draft::open(&app, &officer, id, &form).await? {
        Opened::His(tx, _, post) => (tx, post),
        Opened::Not(answer) => return Ok(answer),
    };
    let own: PhraseId = form.get("phrase").parse().map_err(|_| DbError::NotFound)?;
    opinion::delete_phrase(&tx, officer.user.account, own).await?;
    draft::keep(&tx, &app, &officer, (id, post), &form).await?;
    tx.commit().await?;
    Ok(draft::back(&app, &officer, id, &form, "已删除常用意见，填写的内容已暂存。"))
}
