//! 内部备注: what the officers who see a case write to each other, with files. Notes stay; their author may strike one
//! out. The enterprise never sees them.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::case_note::{self, CaseNote, LONGEST, MOST_FILES, NewNote};
use db::reading::What;
use domain::application::Application;
use domain::ids::{ApplicationId, CaseNoteId, NoteFileId};
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::casework::case;
use crate::frame::{self, Entry};
use crate::parts::files::can_preview;
use crate::parts::readings;
use crate::parts::receipt::{Receipt, Received};
use crate::parts::view::size;

/// So many stand beside the case.
const BESIDE: usize = 5;
/// So many on a page of their own.
const SIZE: usize = 20;

struct FileLink {
    id: NoteFileId,
    name: String,
    size: String,
    has_preview: bool,
}

struct Row {
    id: CaseNoteId,
    who: String,
    at: String,
    rfc3339: String,
    text: String,
    /// When it was struck out, and why.
    struck: Option<(String, String)>,
    files: Vec<FileLink>,
    is_mine: bool,
    reason_name: String,
}

/// The card with the notes and the form for another one.
#[derive(Template)]
#[template(path = "casework/notes_card.html")]
pub struct Notes {
    id: ApplicationId,
    list: String,
    rows: Vec<Row>,
    /// There are more; the page of notes goes on.
    has_more: bool,
    beside: bool,
    form: FormView,
}

impl HtmlSafe for Notes {}

impl Notes {
    /// The newest, for the page of the case.
    pub async fn newest(app: &App, officer: &BureauOfficer, application: &Application) -> Result<Self, AppError> {
        let mut data = FormData::default();
        data.set("creation_key", &random::token());
        let form = FormView::new(data, FieldErrors::default(), &officer.caller.csrf);
        Self::load(app, officer, application, None, BESIDE, form).await
    }

    async fn load(
        app: &App,
        officer: &BureauOfficer,
        application: &Application,
        before: Option<CaseNoteId>,
        most: usize,
        form: FormView,
    ) -> Result<Self, AppError> {
        let limit = i64::try_from(most).unwrap_or_default() + 1;
        let mut found = case_note::of_application(&app.db.read(), application.id, before, limit).await?;
        let has_more = found.len() > most;
        found.truncate(most);
        Ok(Self {
            id: application.id,
            list: String::new(),
            rows: found.into_iter().map(|n| row(app, officer, n)).collect(),
            has_more,
            beside: most == BESIDE,
            form,
        })
    }

    /// With the worklist from which the case was opened.
    #[must_use]
    pub fn opened_from(mut self, list: &str) -> Self {
        list.clone_into(&mut self.list);
        self
    }

    fn oldest(&self) -> Option<CaseNoteId> {
        self.rows.last().map(|r| r.id)
    }

    fn notes_address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.list.is_empty() {
            query.append_pair("list", &self.list);
        }
        if let Some(oldest) = self.oldest().filter(|_| !self.beside) {
            query.append_pair("before", &oldest.to_string());
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/casework/{}/notes{mark}{query}", self.id)
    }
}

fn row(app: &App, officer: &BureauOfficer, note: CaseNote) -> Row {
    let references = app.references.now();
    let bureau = references.bureau(&note.bureau).map_or_else(|| note.bureau.to_string(), |b| b.short_name.clone());
    let post = note.post.map(|p| format!("{}岗", p.label()));
    let who: Vec<_> = [post, Some(bureau), Some(note.author_name)].into_iter().flatten().collect();
    Row {
        id: note.id,
        who: who.join(" · "),
        at: note.at.china(),
        rfc3339: note.at.rfc3339(),
        text: note.text,
        struck: note.struck.map(|(at, reason)| (at.china(), reason)),
        files: note
            .files
            .into_iter()
            .map(|f| FileLink {
                id: f.id,
                size: size(f.size_bytes),
                has_preview: can_preview(&f.content_type),
                name: f.name,
            })
            .collect(),
        is_mine: note.author == officer.user.account,
        reason_name: reason_name(note.id),
    }
}

fn reason_name(id: CaseNoteId) -> String {
    format!("reason_{id}")
}

#[derive(Template)]
#[template(path = "casework/notes.html")]
struct NotesPage {
    shell: Shell,
    number: String,
    case: String,
    notes: Notes,
}

/// Where the page begins, and the worklist from which the case was opened.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NotesQuery {
    #[serde(default)]
    before: String,
    #[serde(default)]
    list: String,
}

/// All notes of a case, the newest first.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<NotesQuery>,
) -> Result<Response, AppError> {
    let application = db::application::load(&app.db.read(), &officer.scope(), id, app.now()).await?;
    readings::note(&app, &officer, What::Application, id.get()).await;
    let mut data = FormData::default();
    data.set("creation_key", &random::token());
    data.set("list", &query.list);
    page::render(&build(&app, &officer, &application, query.before.parse().ok(), data, FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    before: Option<CaseNoteId>,
    data: FormData,
    errors: FieldErrors,
) -> Result<NotesPage, AppError> {
    let number = application.number.clone().unwrap_or_default();
    let case = case::opened_from(application.id, &data, officer);
    let list = data.get("list").to_owned();
    let is_wrong = !errors.is_empty();
    let form = FormView::new(data, errors, &officer.caller.csrf);
    let notes = Notes::load(app, officer, application, before, SIZE, form).await?.opened_from(&list);
    let crumbs = [(number.as_str(), case.as_str())];
    let mut shell = frame::signed(app, officer, "内部备注", Entry::MyCases, &crumbs).await?;
    shell.error_title = is_wrong;
    Ok(NotesPage { shell, number, case, notes })
}

/// What a note may carry, by the first bytes of the file.
fn is_fitting(content_type: &str) -> bool {
    matches!(content_type, "application/pdf" | "application/zip" | "application/msword" | "application/vnd.ms-excel")
        || content_type.starts_with("image/")
        || content_type.starts_with("application/vnd.openxmlformats-officedocument.")
}

/// 保存备注.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    request: Request,
) -> Result<Response, AppError> {
    // Before a byte is stored.
    db::application::load(&app.db.read(), &officer.scope(), id, app.now()).await?;
    let one_too_many = format!("一条备注最多 {MOST_FILES} 个附件");
    let receipt = Receipt::new(&app, &officer.caller)
        .most(MOST_FILES, &one_too_many)
        .only(is_fitting, "只能上传 PDF、图片、Word、Excel 和 ZIP 文件");
    let Received { form, files, refused } = receipt.read(request).await?;
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    if application.state() == S::Draft {
        return Err(AppError::Conflict("申请提交后才能写内部备注。".to_owned()));
    }
    let mut check = Checker::new(&form);
    let text = check.text("note", "备注").required().length(2..=LONGEST).take();
    for why in &refused {
        check.error("file", format!("{why}。备注没有保存，请重新选择附件"));
    }
    if let Err(errors) = check.finish() {
        drop(tx);
        return page::unprocessable(&build(&app, &officer, &application, None, form, errors).await?);
    }
    let user = &officer.user;
    let new = NewNote {
        application: id,
        creation_key: form.get("creation_key"),
        post: application.state().post().filter(|p| user.posts.holds(*p)),
        text: &text,
        files: &files,
    };
    case_note::add(&tx, &new, user.account, &user.bureau, &officer.by(), app.now()).await?;
    tx.commit().await?;
    Ok(back(&app, &officer, id, &form, "已保存内部备注。"))
}

fn back(app: &App, officer: &BureauOfficer, id: ApplicationId, form: &FormData, done: &str) -> Response {
    let address = format!("{}#notes", case::opened_from(id, form, officer));
    flash::to(&app.key, app.config.is_https(), &address, done)
}

/// 划去: by its author, with a reason; it stays readable.
pub async fn strike(
    State(app): State<App>,
    officer: BureauOfficer,
    Path((id, note)): Path<(ApplicationId, CaseNoteId)>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    let me = officer.user.account;
    case_note::check_author(&tx, id, note, me).await.map_err(refusal)?;
    let mut check = Checker::new(&form);
    let reason = check.text(&reason_name(note), "划去理由").required().length(2..=200).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        form.set("creation_key", &random::token());
        // The page begins with this note's neighbours.
        let before = Some(CaseNoteId::new(note.get().saturating_add(1)));
        return page::unprocessable(&build(&app, &officer, &application, before, form, errors).await?);
    }
    case_note::strike(&tx, id, note, me, &reason, &officer.by(), app.now()).await.map_err(refusal)?;
    tx.commit().await?;
    Ok(back(&app, &officer, id, &form, "已划去这条备注，原文仍可查看。"))
}

fn refusal(error: DbError) -> AppError {
    match error {
        DbError::Refused(why) => AppError::Forbidden(why),
        other => other.into(),
    }
}
