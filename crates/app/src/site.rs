//! Every URL of the site in one table, and the layers around all of them.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use kit::app::App;
use kit::error::{self, AppError};
use kit::{security, session};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::{
    accounts, amendment, application, audit, background, casework, certificate, ending, exports, home, login, mailbox,
    operations, organisations, profile, publishing, reference, registration, routing, search, statistics, supervision,
    usage, write_off,
};

/// A form's body may be this large; uploads have their own limit.
const FORM_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The router under construction, and the list of what it serves: the permission matrix is compared with it.
#[derive(Default)]
pub struct Site {
    router: Router<App>,
    table: Vec<(Method, &'static str)>,
}

impl Site {
    fn get<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::GET, path, get(handler))
    }

    fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(Method::POST, path, post(handler))
    }

    fn route(mut self, method: Method, path: &'static str, handler: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, handler);
        self.table.push((method, path));
        self
    }

    fn upload<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        // Files are counted one by one while they stream; the body as a whole needs no bound of its own.
        self.router = self.router.route(path, post(handler).layer(DefaultBodyLimit::disable()));
        self.table.push((Method::POST, path));
        self
    }

    /// What is served, in the order of the table.
    pub fn table(&self) -> &[(Method, &'static str)] {
        &self.table
    }
}

/// Every URL.
pub fn site() -> Site {
    Site::default()
        // manual §1: public
        .get("/", home::home::show)
        .get("/bulletins", home::bulletins::list)
        .get("/bureaus", home::bureaus::list)
        .get("/bulletins/{id}", home::bulletins::show)
        .get("/bulletins/{id}/files/{file}", home::bulletins::file)
        .get("/verification", certificate::verification::show)
        .get("/verification/keys", certificate::keys::show)
        // What a QR code holds is in capitals; a statement may be typed in any case.
        .get("/V/{statement}", certificate::statement::show)
        .get("/v/{statement}", certificate::statement::show)
        .upload("/verification/document", certificate::verification::document)
        .get("/pre-check", home::pre_check::show)
        // manual §1.5
        .get("/manual", home::manual::show)
        // manual §1.1
        .get("/registration/terms", registration::terms::show)
        .post("/registration/terms", registration::terms::accept)
        .get("/registration/organisation", registration::organisation::show)
        .post("/registration/organisation", registration::organisation::submit)
        .post("/registration/particulars", registration::particulars::submit)
        .get("/registration/done", registration::done::show)
        .get("/registration/invitation/{token}", registration::invitation::show)
        .post("/registration/invitation/{token}", registration::invitation::create)
        // 邮箱验证 (D29)
        .get("/mailbox", mailbox::mailbox::show)
        .post("/mailbox", mailbox::mailbox::change)
        .post("/mailbox/code", mailbox::mailbox::confirm)
        .post("/mailbox/resending", mailbox::mailbox::resend)
        .get("/mailbox/proof/{token}", mailbox::proof::show)
        .post("/mailbox/proof/{token}", mailbox::proof::confirm)
        .get("/mailbox/undoing/{token}", mailbox::undoing::show)
        .post("/mailbox/undoing/{token}", mailbox::undoing::create)
        // manual §1.2, §1.3
        .get("/login", login::login::show)
        .post("/login", login::login::submit)
        .get("/login/second-factor", login::second_factor::show)
        .post("/login/second-factor", login::second_factor::submit)
        .post("/logout", login::logout::submit)
        .post("/session", login::logout::keep_alive)
        .get("/main", home::main::show)
        // manual §1.4
        .get("/password-reset", login::password_reset::show)
        .post("/password-reset", login::password_reset::request)
        // manual §2.1–2.5
        .get("/applications", application::list::list)
        .post("/applications/deletion", application::list::delete)
        .get("/applications/declaration", application::declaration::show)
        .post("/applications/declaration", application::declaration::accept)
        .get("/applications/clause", application::clause::show)
        .post("/applications/clause", application::clause::create)
        .get("/applications/{id}", application::show::show)
        .get("/applications/{id}/basics", application::basics::edit)
        .post("/applications/{id}/basics", application::basics::update)
        .post("/applications/{id}/applicant", application::basics::refresh_applicant)
        .get("/applications/{id}/items", application::items::list)
        .post("/applications/{id}/items/deletion", application::items::delete)
        .get("/applications/{id}/import", application::import::show)
        .upload("/applications/{id}/import", application::import::upload)
        .get("/applications/{id}/import/template", application::import::template)
        .post("/applications/{id}/import/rows", application::import::accept)
        .get("/applications/{id}/export", application::export::show)
        .get("/applications/{id}/copy", application::copy::show)
        .post("/applications/{id}/copy", application::copy::create)
        .get("/proxy-entries", application::proxy_entries::list)
        .get("/proxy-entries/new", application::proxy_entries::new)
        .get("/product-templates", application::product_templates::list)
        .get("/product-templates/new", application::product_templates::new)
        .post("/product-templates", application::product_templates::create)
        .get("/product-templates/{id}", application::product_templates::edit)
        .post("/product-templates/{id}", application::product_templates::update)
        .post("/product-templates/{id}/deletion", application::product_templates::delete)
        .get("/applications/{id}/catalogue", application::catalogue::show)
        .post("/applications/{id}/catalogue", application::catalogue::choose)
        .get("/applications/{id}/items/new", application::item::new)
        .post("/applications/{id}/items", application::item::create)
        .get("/applications/{id}/items/{item}", application::item::show)
        .get("/applications/{id}/items/{item}/edit", application::item::edit)
        .post("/applications/{id}/items/{item}", application::item::update)
        .get("/applications/{id}/attachments", application::attachments::list)
        .upload("/applications/{id}/attachments", application::attachments::upload)
        .get("/attachments/{id}", application::attachments::download)
        .get("/attachments/{id}/preview", application::attachments::preview)
        .post("/attachments/{id}/deletion", application::attachments::delete)
        .post("/applications/{id}/typed/{page}", application::typed::keep)
        .post("/applications/{id}/typed/{page}/deletion", application::typed::discard)
        .get("/applications/{id}/submission", application::submission::check)
        .post("/applications/{id}/submission", application::submission::create)
        .get("/applications/{id}/receipt", application::submission::receipt)
        .post("/applications/{id}/withdrawal", application::show::withdraw)
        .get("/applications/{id}/print", application::print::show)
        .get("/applications/{id}/outcome", application::outcome::show)
        // the bureau's posts
        .get("/casework", casework::worklist::list)
        .post("/casework/taking", casework::worklist::take)
        .post("/casework/release", casework::worklist::release)
        .get("/casework/assignment", casework::assignment::show)
        .post("/casework/assignment", casework::assignment::create)
        .post("/casework/assignment/selection", casework::assignment::choose)
        .get("/casework/saved-filters", casework::saved_filters::list)
        .post("/casework/saved-filters", casework::saved_filters::create)
        .post("/casework/saved-filters/{id}", casework::saved_filters::rename)
        .post("/casework/saved-filters/{id}/deletion", casework::saved_filters::delete)
        .post("/casework/saved-filters/{id}/default", casework::saved_filters::open_with)
        .get("/casework/{id}", casework::case::show)
        .get("/casework/{id}/history", casework::history::show)
        .get("/casework/{id}/comparison", casework::comparison::show)
        .post("/casework/{id}/comparison", casework::comparison::save)
        .upload("/casework/{id}/scans", casework::scans::upload)
        .get("/casework/{id}/scans/{scan}", casework::scans::download)
        .get("/casework/{id}/scans/{scan}/preview", casework::scans::preview)
        .post("/casework/{id}/scans/{scan}/deletion", casework::scans::delete)
        .post("/casework/{id}/taking", casework::case::take)
        .post("/casework/{id}/release", casework::case::release)
        .post("/casework/{id}/decision", casework::decision::create)
        .post("/casework/{id}/draft", casework::draft::create)
        .post("/casework/{id}/draft/deletion", casework::draft::delete)
        .post("/casework/{id}/phrases", casework::phrases::create)
        .post("/casework/{id}/phrases/insertion", casework::phrases::insert)
        .post("/casework/{id}/phrases/deletion", casework::phrases::delete)
        .get("/casework/{id}/notes", casework::notes::list)
        .upload("/casework/{id}/notes", casework::notes::create)
        .post("/casework/{id}/notes/{note}/striking", casework::notes::strike)
        .get("/note-files/{id}", casework::note_files::download)
        .get("/note-files/{id}/preview", casework::note_files::preview)
        .post("/casework/{id}/termination", casework::termination::create)
        .get("/casework/{id}/transfer", casework::transfer::show)
        .post("/casework/{id}/transfer", casework::transfer::create)
        // 审计查询
        .get("/audit", audit::audit::show)
        .get("/audit/export", audit::export::show)
        .get("/exports", exports::exports::list)
        .post("/exports", exports::exports::create)
        .get("/exports/new", exports::exports::new)
        .get("/exports/{id}", exports::exports::download)
        .get("/audit/chain", audit::chain::show)
        .get("/audit/readings", audit::readings::list)
        // 业务下放 and 管辖区域
        .get("/delegations", routing::delegations::list)
        .post("/delegations", routing::delegation::create)
        .get("/delegations/new", routing::delegation::new)
        .get("/delegations/tester", routing::tester::show)
        .post("/delegations/tester", routing::tester::answer)
        .get("/delegations/history", routing::history::list)
        .get("/delegations/{id}", routing::delegation::show)
        .get("/delegations/{id}/edit", routing::delegation::edit)
        .post("/delegations/{id}", routing::delegation::update)
        .post("/delegations/{id}/ending", routing::delegation::end)
        .get("/jurisdictions", routing::jurisdictions::list)
        .post("/jurisdictions", routing::jurisdictions::create)
        // manual §3
        .get("/profile/particulars", profile::particulars::edit)
        .post("/profile/particulars", profile::particulars::update)
        .get("/profile/password", profile::password::edit)
        .post("/profile/password", profile::password::update)
        .get("/profile/colleagues", profile::colleagues::list)
        .post("/profile/colleagues/{id}/confirmation", profile::colleagues::confirm)
        .post("/profile/colleagues/{id}/refusal", profile::colleagues::refuse)
        .post("/profile/colleagues/{id}/handover", profile::colleagues::hand_over)
        .post("/profile/colleagues/{id}/second-factor-reset", profile::colleagues::reset_second_factor)
        .post("/profile/colleagues/{id}/suspension", profile::colleagues::suspend)
        .post("/profile/colleagues/{id}/reinstatement", profile::colleagues::reinstate)
        .post("/profile/colleagues/{id}/role", profile::colleagues::change_role)
        .get("/profile/colleagues/{id}/applications", profile::handover::show)
        .post("/profile/colleagues/{id}/applications", profile::handover::create)
        .post("/profile/invitations", profile::invitations::create)
        .post("/profile/invitations/{id}/revocation", profile::invitations::revoke)
        .post("/profile/sharing", profile::colleagues::share)
        .get("/profile/letters", profile::letters::list)
        .post("/profile/letters", profile::letters::choose)
        .post("/profile/letters/{id}/resending", profile::letters::resend)
        .get("/profile/second-factor", profile::second_factor::show)
        .post("/profile/second-factor", profile::second_factor::begin)
        .get("/profile/second-factor/qr", profile::second_factor::qr)
        .post("/profile/second-factor/confirmation", profile::second_factor::confirm)
        .post("/profile/second-factor/codes", profile::second_factor::renew_codes)
        .post("/profile/second-factor/removal", profile::second_factor::remove)
        // accounts of bureaus and CNCA (R-C-06)
        .get("/accounts", accounts::list::list)
        .get("/accounts/new", accounts::account::new)
        .post("/accounts", accounts::account::create)
        .post("/accounts/second-factor", accounts::second_factor::require)
        .get("/accounts/{id}", accounts::account::show)
        .post("/accounts/{id}", accounts::account::update)
        .post("/accounts/{id}/suspension", accounts::account::suspend)
        .post("/accounts/{id}/reinstatement", accounts::account::reinstate)
        .post("/accounts/{id}/password", accounts::password::reset)
        .post("/accounts/{id}/second-factor/removal", accounts::second_factor::remove)
        // 后台任务
        .get("/jobs", background::jobs::list)
        .post("/jobs/{id}/retry", background::jobs::retry)
        // 企业用户 (D30, D31)
        .get("/organisations", organisations::list::list)
        .get("/organisations/{id}", organisations::organisation::show)
        .post("/organisations/{id}/suspension", organisations::organisation::suspend)
        .post("/organisations/{id}/lifting", organisations::organisation::lift)
        .upload("/organisations/{id}/administrator", organisations::organisation::appoint)
        .get("/organisations/{id}/code", organisations::code::show)
        .upload("/organisations/{id}/code", organisations::code::create)
        .get("/organisations/{id}/proofs/{proof}", organisations::proofs::show)
        .post("/organisations/{id}/users/{user}/confirmation", organisations::users::confirm)
        .post("/organisations/{id}/users/{user}/refusal", organisations::users::refuse)
        .post("/organisations/{id}/users/{user}/suspension", organisations::users::suspend)
        .post("/organisations/{id}/users/{user}/reinstatement", organisations::users::reinstate)
        .post("/organisations/{id}/users/{user}/vouching", organisations::users::vouch)
        .get("/organisations/{id}/users/{user}/handover", organisations::handover::show)
        .post("/organisations/{id}/users/{user}/handover", organisations::handover::create)
        // reference data on pages (R-C-02, R-C-04)
        .get("/bureau-contact", reference::bureau_contact::show)
        .post("/bureau-contact", reference::bureau_contact::update)
        .get("/reference", reference::list::index)
        .get("/reference/attachment-rules", reference::attachment_rules::show)
        .post("/reference/attachment-rules", reference::attachment_rules::update)
        .get("/reference/{kind}", reference::list::list)
        .post("/reference/{kind}", reference::row::create)
        .get("/reference/{kind}/new", reference::row::new)
        .get("/reference/{kind}/{code}", reference::row::show)
        .post("/reference/{kind}/{code}", reference::row::update)
        .post("/reference/{kind}/{code}/cancellation", reference::row::cancel)
        .get("/reference-files/{kind}", reference::reference_files::show)
        .get("/reference-files/{kind}/export", reference::reference_files::export)
        .upload("/reference-files/{kind}", reference::reference_files::upload)
        .post("/reference-files/{kind}/rows", reference::reference_files::create)
        // what CNCA publishes (R-C-01)
        .get("/publishing", publishing::list::list)
        .get("/publishing/new", publishing::bulletin::new)
        .post("/publishing", publishing::bulletin::create)
        .get("/publishing/{id}", publishing::bulletin::show)
        .post("/publishing/{id}", publishing::bulletin::update)
        .post("/publishing/{id}/withdrawal", publishing::bulletin::withdraw)
        .post("/publishing/{id}/deletion", publishing::bulletin::delete)
        .get("/publishing/{id}/versions/{version}", publishing::versions::show)
        .upload("/publishing/{id}/files", publishing::files::upload)
        .get("/publishing/{id}/files/{file}", publishing::files::show)
        .post("/publishing/{id}/files/{file}/deletion", publishing::files::delete)
        // manual §2.6
        .get("/applications/{id}/certificate", certificate::show::of_application)
        .get("/certificates", certificate::list::list)
        .get("/certificates/archive", certificate::archive::show)
        .get("/certificates/{id}", certificate::show::show)
        .get("/certificates/{id}/document", certificate::show::document)
        .get("/certificates/{id}/versions/{version}/document", certificate::show::version_document)
        // manual §2.7
        .get("/applications/{id}/amendment", amendment::amendment::of_application)
        .get("/certificates/{id}/amendment-request", amendment::amendment_request::show)
        .post("/certificates/{id}/amendment-request", amendment::amendment_request::create)
        .get("/certificates/{id}/amendment", amendment::amendment::show)
        .post("/certificates/{id}/amendment", amendment::amendment::update)
        .get("/certificates/{id}/amendment/items", amendment::items::list)
        .get("/certificates/{id}/amendment/items/{item}", amendment::item::edit)
        .post("/certificates/{id}/amendment/items/{item}", amendment::item::update)
        .post("/certificates/{id}/amendment/submission", amendment::amendment::submit)
        .post("/certificates/{id}/amendment/cancellation", amendment::amendment_request::cancel)
        .get("/certificates/{id}/amendment/submitted", amendment::submitted::show)
        .get("/amendments", amendment::amendments::list)
        .get("/amendments/opening", amendment::opening::show)
        .post("/amendments/opening", amendment::opening::create)
        .get("/amendments/{id}", amendment::case::show)
        .post("/amendments/{id}/taking", amendment::case::take)
        .post("/amendments/{id}/release", amendment::case::release)
        .post("/amendments/{id}/decision", amendment::case::decide)
        .post("/amendments/{id}/withdrawal", amendment::case::withdraw)
        // how a certificate ends before its time
        .get("/revocations", ending::revocations::list)
        .post("/revocations", ending::proposal::create)
        .get("/revocations/new", ending::proposal::new)
        .get("/revocations/{id}", ending::revocation::show)
        .post("/revocations/{id}/decision", ending::revocation::decide)
        .post("/revocations/{id}/withdrawal", ending::revocation::withdraw)
        .get("/certificates/{id}/revocation", ending::notice::show)
        .get("/certificates/{id}/surrender", ending::surrender::show)
        .post("/certificates/{id}/surrender", ending::surrender::create)
        .post("/certificates/{id}/surrender/withdrawal", ending::surrender::withdraw)
        .get("/surrenders", ending::surrenders::list)
        .get("/surrenders/{id}", ending::surrender_case::show)
        .post("/surrenders/{id}/decision", ending::surrender_case::decide)
        // manual §2.8
        .get("/certificates/{id}/pre-write-offs/new", write_off::pre_write_off::new)
        .get("/certificates/{id}/pre-write-offs", write_off::pre_write_offs::list)
        .post("/certificates/{id}/pre-write-offs", write_off::pre_write_off::create)
        .post("/certificates/{id}/pre-write-offs/typed", write_off::typed::keep)
        .post("/certificates/{id}/pre-write-offs/typed/deletion", write_off::typed::discard)
        .post("/certificates/{id}/pre-write-offs/withdrawal", write_off::pre_write_offs::withdraw)
        .get("/certificates/{id}/write-offs", write_off::write_offs::list)
        .get("/certificates/{id}/lines/{line}", write_off::lines::show)
        .get("/certificates/{id}/ledger", write_off::ledger::show)
        .get("/certificates/{id}/ledger/export", write_off::ledger::export)
        .get("/certificates/{id}/ledger/{entry}/reversal", write_off::reversal::show)
        .post("/certificates/{id}/ledger/{entry}/reversal", write_off::reversal::create)
        .get("/certificates/{id}/draw-down", write_off::draw_down::new)
        .post("/certificates/{id}/draw-down", write_off::draw_down::create)
        .get("/write-off/worklist", write_off::worklist::list)
        .get("/write-off/search", write_off::search::list)
        .upload("/write-off/search/photo", write_off::search::photo)
        .get("/write-off/import", write_off::import::show)
        .upload("/write-off/import", write_off::import::upload)
        .get("/write-off/import/template", write_off::import::template)
        .get("/write-off/import/{key}", write_off::import::preview)
        .post("/write-off/import/{key}", write_off::import::create)
        .get("/write-off/batches", write_off::batches::list)
        .get("/write-off/batches/{id}", write_off::batches::show)
        .get("/write-off/batches/{id}/export", write_off::batches::export)
        // the systems of ports, by their keys (docs/port-api.md)
        .post("/api/write-off/batches", write_off::api::create)
        .get("/api/write-off/batches/{number}", write_off::api::show)
        .get("/api/write-off/pre-write-offs", write_off::api::list)
        .get("/pre-write-offs/{id}/decision", write_off::decision::show)
        .post("/pre-write-offs/{id}/decision", write_off::decision::create)
        // manual §2.9
        .get("/applications/{id}/goods", usage::goods::list)
        .get("/applications/{id}/usage-records", usage::usage_records::list)
        .get("/applications/{id}/usage-records/new", usage::usage_record::new)
        .upload("/applications/{id}/usage-records", usage::usage_record::create)
        .post("/applications/{id}/usage-records/typed/{kind}", usage::typed::keep)
        .post("/applications/{id}/usage-records/typed/{kind}/deletion", usage::typed::discard)
        .get("/usage-records/{id}", usage::usage_record::show)
        .get("/usage-records/{id}/edit", usage::usage_record::edit)
        .upload("/usage-records/{id}", usage::usage_record::update)
        .post("/usage-records/{id}/typed", usage::typed::keep_record)
        .post("/usage-records/{id}/typed/deletion", usage::typed::discard_record)
        .post("/usage-records/{id}/submission", usage::usage_records::submit)
        .post("/usage-records/{id}/deletion", usage::usage_records::delete)
        .get("/usage-files/{id}", usage::usage_files::download)
        .get("/usage-files/{id}/preview", usage::usage_files::preview)
        // 后续监管
        .get("/supervision", supervision::waiting::list)
        .get("/usage-records/{id}/review", supervision::review::show)
        .post("/usage-records/{id}/review", supervision::review::decide)
        .get("/casework/{id}/dossier", supervision::dossier::show)
        .post("/casework/{id}/tails", supervision::dossier::close_tail)
        .post("/casework/{id}/closure", supervision::dossier::close)
        .upload("/casework/{id}/visits", supervision::visits::create)
        .get("/overdue-certificates", supervision::overdue_certificates::list)
        // 统计
        .get("/statistics", statistics::statistics::show)
        .get("/statistics/export", statistics::export::show)
        .get("/statistics/cases", statistics::cases::list)
        .get("/statistics/cases/export", statistics::cases_export::show)
        // 综合查询
        .get("/search", search::search::show)
        .get("/search/export", search::export::show)
        .get("/healthz", operations::healthz)
        .get("/readyz", operations::readyz)
}

/// The whole site: every URL, the assets, and what surrounds every request.
pub fn router(app: App) -> Router {
    // The address users type, whatever a proxy in front makes of the Host header (E19).
    let origin = app.config.public_url.origin().ascii_serialization();
    let https = app.config.is_https();
    let csrf = CsrfLayer::new().add_trusted_origin(origin).expect("--public-url is an http address with a host");
    let dynamic = site()
        .router
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(operations::Readiness::default()))
        .layer(DefaultBodyLimit::max(FORM_LIMIT_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), session::identify))
        .layer(middleware::from_fn(kit::form::clean_query))
        .layer(csrf)
        .layer(CatchPanicLayer::custom(panicked))
        // Outside of what may refuse or panic, so that the user reads a page in every case.
        .layer(middleware::from_fn_with_state(app.clone(), error::pages))
        // Papers are compressed inside already, and keep their length for the browser's progress bar.
        .layer(
            CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(
                DefaultPredicate::new()
                    .and(NotForContentType::const_new("application/pdf"))
                    .and(NotForContentType::const_new("application/zip")),
            ),
        )
        .with_state(app);
    Router::new()
        .merge(kit::assets::router())
        .merge(dynamic)
        .layer(middleware::from_fn(operations::measure))
        .layer(middleware::from_fn_with_state(https, security::headers))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

async fn not_found() -> AppError {
    AppError::NotFound
}

async fn wrong_method() -> AppError {
    AppError::NotFound
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let what = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_default();
    AppError::Internal(anyhow::anyhow!("panic: {what}")).into_response()
}
