//! 登记现场核查: where somebody went to look at the goods, what he found, and the photos with the time of their taking
//! (order 117, art. 37 and 38; R-B-09).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::supervision::{self, NewVisit};
use domain::ids::ApplicationId;
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::form::{Checker, FieldErrors, FormData};
use kit::session::BureauOfficer;

use crate::parts::filed_form::{self, FiledForm};
use crate::parts::usage::Goods;
use crate::supervision::{dossier, must_supervise};

/// `?refresh=files`: 添加, 覆盖, 删除 of photos.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Refresh {
    #[serde(default)]
    refresh: String,
}

struct Visited {
    on: Day,
    place: String,
    companions: String,
    findings: String,
}

/// 登记核查.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<Refresh>,
    request: Request,
) -> Result<Response, AppError> {
    let goods = Goods::open(&app.db.read(), &app, &officer, id).await?;
    must_supervise(&officer, goods.certificate.supervising_bureau.as_ref())?;
    let certificate = goods.certificate.id;
    let filed = filed_form::read(&app, &officer, certificate, request).await?;
    if let Some(row) = filed.row(&app, &officer, &format!("/casework/{id}/visits")).await {
        return row;
    }
    let FiledForm { form, refused, .. } = filed;
    if !query.refresh.is_empty() || !refused.is_empty() {
        return dossier::again(&app, &officer, id, form, FieldErrors::default(), refused).await;
    }
    let visited = match parse(&form, app.clock.today()) {
        Ok(visited) => visited,
        Err(errors) => return dossier::again(&app, &officer, id, form, errors, refused).await,
    };
    let new = NewVisit {
        certificate,
        creation_key: form.get("creation_key"),
        visited_on: visited.on,
        place: visited.place,
        companions: visited.companions,
        findings: visited.findings,
        files: &FiledForm::attached(&form),
    };
    let tx = app.db.begin().await?;
    let user = &officer.user;
    match supervision::add_visit(&tx, &new, user.account, &user.bureau, &officer.by(), app.now()).await {
        Ok(()) => {}
        Err(DbError::Refused(why)) => {
            drop(tx);
            return dossier::again(&app, &officer, id, form, FieldErrors::default(), vec![why]).await;
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    let url = format!("/casework/{id}/dossier");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已登记现场核查。"))
}

fn parse(form: &FormData, today: Day) -> Result<Visited, FieldErrors> {
    let mut check = Checker::new(form);
    let on = check.day("visited_on", "核查日期");
    if on.is_some_and(|d| d > today) {
        check.error("visited_on", "核查日期不能晚于今天");
    }
    let place = check.text("place", "核查地点").one_line().required().length(2..=200).take();
    let companions = check.text("companions", "陪同人员").one_line().length(0..=200).take();
    let findings = check.text("findings", "核查情况").required().length(5..=2000).take();
    check.finish()?;
    let Some(on) = on else { return Err(FieldErrors::default()) };
    Ok(Visited { on, place, companions, findings })
}
