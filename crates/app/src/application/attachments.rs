//! 申请附件信息 (manual §2.1.3; forms §2.8): upload by kind, open, delete.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use db::attachment::{self, Attachment, Deleted};
use db::reading::What;
use domain::application::{Need, Part};
use domain::ids::{ApplicationId, AttachmentId, AttachmentKindCode};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::session::{Filer, Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::application::{Draft, Home, Step, Steps, open, open_for_update};
use crate::frame;
use crate::parts::correction::{self, CorrectionNote};
use crate::parts::files::{self, Filed, can_preview};
use crate::parts::readings;
use crate::parts::receipt::{Receipt, Received};
use crate::parts::view::{self, FileRow};

struct KindCard {
    code: String,
    name: String,
    badge: &'static str,
    tone: &'static str,
    is_needed: bool,
    /// 送补正 named it.
    is_marked: bool,
    hint: String,
    files: Vec<FileRow>,
    /// What was submitted and then deleted: it stays with the bureau (D32).
    old_files: Vec<FileRow>,
}

#[derive(Template)]
#[template(path = "application/attachments.html")]
struct AttachmentsPage {
    shell: Shell,
    home: Home,
    steps: Steps,
    correction: Option<CorrectionNote>,
    id: ApplicationId,
    form: FormView,
    kinds: Vec<KindCard>,
    bureau: String,
    refused: Vec<String>,
}

/// The page.
pub async fn list(State(app): State<App>, user: Filer, Path(id): Path<ApplicationId>) -> Result<Response, AppError> {
    match build(&app, &user, id, Vec::new()).await? {
        Ok(page) => page::render(&page),
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn build(
    app: &App,
    user: &Filer,
    id: ApplicationId,
    refused: Vec<String>,
) -> Result<Result<AttachmentsPage, Response>, AppError> {
    let read = app.db.read();
    let Draft { application, .. } = match open(&read, app, user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(Err(elsewhere)),
    };
    let files = attachment::all_of_application(&read, id).await?;
    let references = app.references.now();
    let basics = &application.basics;
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, app.clock.today()));
    let marked = correction::fields_of(&application, Part::Attachments);
    let kinds = references
        .needs(bureau, &basics.clause, app.clock.today())
        .into_iter()
        .map(|(kind, name, need)| {
            let of_kind = files.iter().filter(|f| f.kind == kind);
            let (own, old): (Vec<_>, Vec<_>) = of_kind.partition(|f| f.is_current());
            let rows = |files: Vec<&Attachment>| files.iter().map(|f| view::file_row(&references, f)).collect();
            let own = rows(own);
            let mut card = card(kind.as_str(), name, need, basics.number_for(&kind), own);
            card.is_marked = marked.contains(&card.code);
            card.old_files = rows(old);
            card
        })
        .collect();
    let home = Home::of(user);
    let crumbs = [home.crumb()];
    Ok(Ok(AttachmentsPage {
        shell: frame::signed(app, user, "申请附件信息", home.entry, &crumbs).await?,
        home,
        steps: Steps::of(&app.db.read(), app, &application, Step::Attachments).await?,
        correction: correction::note(&read, app, &application).await?,
        id,
        form: FormView::blank(&user.caller.csrf),
        kinds,
        bureau: bureau.map(|b| references.bureau_name(b).to_owned()).unwrap_or_default(),
        refused,
    }))
}

fn card(code: &str, name: String, need: Need, number: Option<(&str, &str)>, files: Vec<FileRow>) -> KindCard {
    let (is_needed, hint) = match (need, number) {
        (Need::Must, _) => (true, "必传".to_owned()),
        (Need::IfNumber, Some((label, ""))) => (false, format!("未填写{label}，可不上传")),
        (Need::IfNumber, Some((label, number))) => (true, format!("{label} {number}")),
        (Need::IfNumber | Need::Optional | Need::Hidden, _) => (false, "选传".to_owned()),
    };
    let (badge, tone) = match (is_needed, files.is_empty()) {
        (_, false) => ("已上传", "t-green"),
        (true, true) => ("待上传", "t-amber"),
        (false, true) => ("可选", "t-gray"),
    };
    KindCard {
        code: code.to_owned(),
        name,
        badge,
        tone,
        is_needed,
        is_marked: false,
        hint,
        files,
        old_files: Vec::new(),
    }
}

#[derive(Template)]
#[template(path = "application/attachment_row.html")]
struct RowFragment<'a> {
    f: FileRow,
    csrf: &'a str,
    kind: String,
    count: i64,
}

#[derive(Template)]
#[template(path = "application/attachment_refused.html")]
struct RefusedFragment {
    sentence: String,
}

/// 上传附件: several files of one kind at once; a file that is refused does not stop the others (D9).
///
/// With script each file comes alone and gets its row back; without, the page comes back with every refusal.
pub async fn upload(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    request: Request,
) -> Result<Response, AppError> {
    let scripted = request.headers().contains_key("hx-request");
    // Seen before any byte is stored: not the owner, or no longer editable.
    if let Err(elsewhere) = open(&app.db.read(), &app, &user, id).await? {
        return Ok(elsewhere);
    }
    let Received { form, files, mut refused } = Receipt::new(&app, &user.caller).read(request).await?;
    let kind = AttachmentKindCode::new(form.get("kind"));
    if !app.references.now().attachment_kinds_on(app.clock.today()).any(|k| k.code == kind) {
        return Err(AppError::Invalid("没有这种附件类型，请刷新页面后重试。".to_owned()));
    }
    let mut added = Vec::new();
    if !files.is_empty() {
        let tx = app.db.begin().await?;
        let Draft { application, edit } = open_for_update(&tx, &app, &user, id).await?;
        for file in &files {
            match attachment::add(&tx, id, &kind, file, user.account(), app.now()).await {
                Ok(key) => added.push(key),
                Err(db::DbError::Refused(why)) => refused.push(why),
                Err(other) => return Err(other.into()),
            }
        }
        if !added.is_empty() {
            let part = Part::Attachments;
            db::application::touch(&tx, &application, edit, part, "upload", &user.by(), app.now()).await?;
        }
        tx.commit().await?;
    }
    if scripted {
        return fragment(&app, &user, id, &added, &refused).await;
    }
    if refused.is_empty() {
        let unseen: Vec<_> = files
            .iter()
            .filter_map(|f| files::kind_of(&f.content_type, &f.name).map(|kind| (f, kind)))
            .filter(|(f, _)| files::caution(&f.content_type, &f.name).is_some())
            .map(|(f, kind)| format!("“{}”是 {kind}", f.name))
            .take(3)
            .collect();
        let cautions = if unseen.is_empty() {
            String::new()
        } else {
            format!("{}，不能在浏览器中查看，建议转换为 JPG 或 PDF 后重新上传。", unseen.join("、"))
        };
        let url = format!("/applications/{id}/attachments");
        let message = if added.is_empty() {
            "没有选择文件。请点击“浏览”选择文件后再点击“上传附件”。".to_owned()
        } else {
            format!("已上传 {} 个附件。{cautions}", added.len())
        };
        return Ok(flash::to(&app.key, app.config.is_https(), &url, &message));
    }
    match build(&app, &user, id, refused).await? {
        Ok(mut page) => {
            page.shell.error_title = true;
            page::unprocessable(&page)
        }
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn fragment(
    app: &App,
    user: &Filer,
    id: ApplicationId,
    added: &[AttachmentId],
    refused: &[String],
) -> Result<Response, AppError> {
    if let Some(key) = added.first() {
        let stored = attachment::load(&app.db.read(), &user.scope(), *key, app.now()).await?;
        let all = attachment::of_application(&app.db.read(), id).await?;
        let count = all.iter().filter(|a| a.kind == stored.kind).count();
        let references = app.references.now();
        return page::render(&RowFragment {
            f: view::file_row(&references, &stored),
            csrf: &user.caller.csrf,
            kind: stored.kind.to_string(),
            count: i64::try_from(count).unwrap_or_default(),
        });
    }
    let sentence = refused.first().cloned().unwrap_or_else(|| "没有选择文件".to_owned());
    page::unprocessable(&RefusedFragment { sentence })
}

/// 删除 behind the name (R-2.1.3-14).
pub async fn delete(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<AttachmentId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let file = attachment::load(&tx, &user.scope(), id, app.now()).await?;
    let Draft { application, edit } = open_for_update(&tx, &app, &user, file.application_id).await?;
    let deleted = attachment::delete(&tx, &file, app.now()).await?;
    let part = Part::Attachments;
    db::application::touch(&tx, &application, edit, part, "delete_file", &user.by(), app.now()).await?;
    tx.commit().await?;
    let url = format!("/applications/{}/attachments", file.application_id);
    let kept = match deleted {
        Deleted::Gone => "",
        Deleted::Kept => "已提交过的材料由检验检疫局留存。",
    };
    Ok(flash::to(&app.key, app.config.is_https(), &url, &format!("已删除附件“{}”。{kept}", file.name)))
}

/// A file, as a download (R-2.1.3-13, R-2.5.2-01).
pub async fn download(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<AttachmentId>,
) -> Result<Response, AppError> {
    let file = attachment::load(&app.db.read(), &user.scope(), id, app.now()).await?;
    readings::note(&app, &user, What::Attachment, file.application_id.get()).await;
    files::download(&app, &file.object_key, &file.name, file.size_bytes).await
}

/// A picture or PDF, inside the browser (E23); what turns out to be neither is downloaded.
pub async fn preview(State(app): State<App>, user: Signed, Path(id): Path<AttachmentId>) -> Result<Response, AppError> {
    let file = attachment::load(&app.db.read(), &user.scope(), id, app.now()).await?;
    if can_preview(&file.content_type) {
        readings::note(&app, &user, What::Attachment, file.application_id.get()).await;
    }
    files::preview(&app, filed(&file), &format!("/attachments/{id}")).await
}

fn filed(file: &Attachment) -> Filed<'_> {
    Filed {
        object_key: &file.object_key,
        name: &file.name,
        size_bytes: file.size_bytes,
        content_type: &file.content_type,
    }
}
