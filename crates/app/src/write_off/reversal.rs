//! 冲销: an officer takes back a wrong 核销 of his bureau, with a reason (workflow §3.5, E13).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::DbError;
use db::audit::Subject;
use db::ledger::{self, Deed, LedgerError, Outcome};
use domain::ids::{CertificateId, LedgerEntryId};
use domain::policy;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::frame::{self, Entry};
use crate::parts::overtaken;
use crate::write_off::ledger::{EntryView, view};
use crate::write_off::{Head, done, must_write_off, open, refused};

#[derive(Template)]
#[template(path = "write_off/reversal.html")]
struct ReversalPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    entry: EntryView,
    form: FormView,
}

/// The page that asks why.
pub async fn show(
    State(app): State<App>,
    user: BureauOfficer,
    Path((id, entry)): Path<(CertificateId, LedgerEntryId)>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let mut data = FormData::default();
    data.set("deed_key", &random::token());
    page::render(&build(&app, &user, id, entry, data, FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &BureauOfficer,
    id: CertificateId,
    entry: LedgerEntryId,
    data: FormData,
    errors: FieldErrors,
) -> Result<ReversalPage, AppError> {
    let read = app.db.read();
    let opened = open(&read, app, user.actor(), id).await?;
    let found = ledger::entry(&read, id, entry).await?;
    let ours = found.bureau_code.as_ref().is_some_and(|b| policy::may_decide_for(user.actor(), b));
    let goods = opened.goods(vec![ledger::line(&read, id, found.certificate_item_id).await?]);
    let entry = view(&app.references.now(), user.actor(), found, &goods).ok_or(AppError::NotFound)?;
    if !ours {
        return Err(AppError::Forbidden("只能由办理该笔核销的检验检疫局冲销。请返回台账。".to_owned()));
    }
    if !entry.may_reverse {
        return Err(AppError::Conflict("该笔记录不是核销，或已经冲销过。请返回台账查看。".to_owned()));
    }
    let ledger = format!("/certificates/{id}/ledger");
    let crumbs = [frame::list_of(user), ("核销台账", ledger.as_str())];
    Ok(ReversalPage {
        shell: frame::signed(app, user, "冲销", Entry::WriteOffSearch, &crumbs).await?,
        head: opened.head(app),
        id,
        entry,
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// 冲销.
pub async fn create(
    State(app): State<App>,
    user: BureauOfficer,
    Path((id, entry)): Path<(CertificateId, LedgerEntryId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    open(&app.db.read(), &app, user.actor(), id).await?;
    let mut check = Checker::new(&form);
    let reason = check.text("reason", "冲销原因").required().length(2..=500).take();
    let key = form.get("deed_key");
    if let Err(errors) = check.finish() {
        return page::unprocessable(&build(&app, &user, id, entry, form, errors).await?);
    }
    if key.len() < 32 {
        return Err(AppError::Invalid("页面不完整，请返回台账重新点击“冲销”。".to_owned()));
    }
    let tx = app.db.begin().await?;
    let deed = Deed { key, by: &user.by(), now: app.now() };
    let outcome = match ledger::reverse(&tx, id, entry, &user.user.bureau, &reason, deed).await {
        Ok(outcome) => outcome,
        // Somebody took it back meanwhile, or the certificate is amended or at its end.
        Err(LedgerError::Db(DbError::Refused(now) | DbError::Overtaken(now))) => {
            let about = (Subject::Certificate(id), &form);
            let href = format!("/certificates/{id}/ledger");
            return Err(overtaken::answer(&tx, &app, user.user.account, about, &now, &href).await);
        }
        Err(error) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            for refusal in refused(error)? {
                errors.add("reason", refusal.why.to_string());
            }
            return page::with_status(StatusCode::CONFLICT, &build(&app, &user, id, entry, form, errors).await?);
        }
    };
    tx.commit().await?;
    let url = format!("/certificates/{id}/ledger");
    Ok(match outcome {
        Outcome::Done => done(&app, &url, "已冲销，数量已恢复。"),
        Outcome::Before => page::see_other(&url),
    })
}
