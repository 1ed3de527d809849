//! 本局联系方式: address, telephone, office hours and the receiver of papers of one's own bureau, kept by 局系统管理员.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::DbError;
use db::reference_edition::{self, BureauContact, Edition};
use domain::ids::BureauCode;
use domain::policy::{KeepBureauContact, Reach};
use domain::reference::ReferenceKind;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{CHANGED_MEANWHILE, Checker, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::row::{EditionLine, history, refresh};
use crate::frame::{self, Entry};

/// Editions that the page shows.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "reference/bureau_contact.html")]
struct ContactPage {
    shell: Shell,
    bureau: String,
    form: FormView,
    seen: i64,
    is_missing: bool,
    history: Vec<EditionLine>,
}

fn own_bureau(user: &Permitted<KeepBureauContact>) -> Result<BureauCode, AppError> {
    match user.permit.reach() {
        Reach::Bureau(code) => Ok(code.clone()),
        Reach::Everywhere => Err(AppError::NotFound),
    }
}

/// The page.
pub async fn show(State(app): State<App>, user: Permitted<KeepBureauContact>) -> Result<Response, AppError> {
    let code = own_bureau(&user)?;
    let stored = reference_edition::content(&app.db.read(), ReferenceKind::Bureau, code.as_str()).await?;
    let mut data = FormData::default();
    for column in ["address", "phone", "office_hours", "paper_receiver"] {
        data.set(column, stored.get(column).map_or("", String::as_str));
    }
    page::render(&build(&app, &user, &code, data, FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &Permitted<KeepBureauContact>,
    code: &BureauCode,
    data: FormData,
    errors: FieldErrors,
) -> Result<ContactPage, AppError> {
    let kind = ReferenceKind::Bureau;
    let references = app.references.now();
    let editions: Vec<Edition> = reference_edition::editions(&app.db.read(), kind, code.as_str(), SHOWN).await?;
    let bureau = references.bureau(code);
    let mut shell = frame::signed(app, user, "本局联系方式", Entry::BureauContact, &[]).await?;
    shell.error_title = !errors.is_empty();
    Ok(ContactPage {
        shell,
        bureau: references.bureau_name(code).to_owned(),
        seen: data.get("seen").parse().unwrap_or_else(|_| editions.first().map_or(0, |e| e.id)),
        is_missing: bureau.is_some_and(|b| b.address.is_empty() || b.phone.is_empty()),
        history: history(&references, kind, &editions)?,
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// 保存.
pub async fn update(
    State(app): State<App>,
    user: Permitted<KeepBureauContact>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let code = own_bureau(&user)?;
    let mut check = Checker::new(&form);
    let address = check.text("address", "地址").required().one_line().length(5..=200).take();
    let phone = check.parse("phone", "电话", text::phones).unwrap_or_default();
    let office_hours = check.text("office_hours", "办公时间").one_line().length(0..=100).take();
    let paper_receiver = check.text("paper_receiver", "纸质材料收件人").one_line().length(0..=50).take();
    if let Err(errors) = check.finish() {
        return page::unprocessable(&build(&app, &user, &code, form, errors).await?);
    }
    let to = BureauContact { address, phone, office_hours, paper_receiver };
    let seen = form.get("seen").parse().unwrap_or(-1);
    let tx = app.db.begin().await?;
    match reference_edition::save_contact(&tx, &user.permit, &code, &to, seen, &user.by(), app.now()).await {
        Ok(()) => tx.commit().await?,
        Err(error @ (DbError::Overtaken(_) | DbError::Refused(_))) => {
            drop(tx);
            form.remove("seen");
            let mut errors = FieldErrors::default();
            errors.add(
                "address",
                match error {
                    DbError::Refused(why) => why,
                    _ => CHANGED_MEANWHILE.to_owned(),
                },
            );
            return page::unprocessable(&build(&app, &user, &code, form, errors).await?);
        }
        Err(other) => return Err(other.into()),
    }
    refresh(&app).await?;
    let said = "已保存。此后的回执、通知和邮件使用新的联系方式，以前发出的保持不变。";
    Ok(flash::to(&app.key, app.config.is_https(), "/bureau-contact", said))
}
