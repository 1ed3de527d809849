//! The matrix route × kind of user → answer. A route that is missing here fails the test (architecture §3.6).

use axum::http::{Method, StatusCode};
use domain::actor::Post;
use domain::ids::AccountId;

use crate::story::{self, AIR_CONDITIONER, Bureau};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// What somebody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The page.
    Ok,
    /// Done, or led elsewhere.
    Led,
    /// Asked to log in.
    Login,
    /// It does not exist for him.
    Gone,
    /// It is not for his kind of user, his post, his bureau.
    No,
    /// Not now: the state or the page is another.
    Late,
    /// The form has mistakes: he may, if he fills it in.
    Form,
    /// The request makes no sense.
    Odd,
}

impl Answer {
    fn of(page: &Page) -> Self {
        let to_login = page.headers.get("location").is_some_and(|l| l.to_str().unwrap().starts_with("/login?next="));
        match page.status {
            StatusCode::OK | StatusCode::NO_CONTENT => Self::Ok,
            StatusCode::SEE_OTHER if to_login => Self::Login,
            StatusCode::SEE_OTHER => Self::Led,
            StatusCode::UNAUTHORIZED => Self::Login,
            StatusCode::NOT_FOUND => Self::Gone,
            StatusCode::FORBIDDEN => Self::No,
            StatusCode::CONFLICT => Self::Late,
            StatusCode::UNPROCESSABLE_ENTITY => Self::Form,
            StatusCode::BAD_REQUEST => Self::Odd,
            other => panic!("{other} at {}", page.path),
        }
    }
}

use Answer::{Form, Gone, Late, Led, Login, No, Odd, Ok as Page_};

/// What the route is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// Nothing of the owner's.
    Nothing,
    /// A complete draft of the owner.
    Draft,
    /// His application in 受理中, taken by nobody.
    Accepting,
    /// His issued one.
    Issued,
    /// His issued one, with a 预核销 that waits and a product that is written off.
    Declared,
    /// A draft of his, and a product of it saved as a template.
    Template,
    /// His issued one, returned to him for a change.
    Amending,
    /// His issued one; its revocation is proposed, and he asked for its surrender.
    Ending,
    /// His issued one, its goods written off, a 产品使用记录 saved with a file.
    Usage,
    /// The same, submitted.
    Submitted,
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Whom the columns stand for, in order:
/// visitor · owner · his colleague · another company · officer at 受理 · officer at 发证 and 强制终止 · officer of another
/// bureau · CNCA at 统计 and 业务下放配置.
const PEOPLE: [&str; 8] = ["visitor", "owner", "colleague", "stranger", "accept", "issue", "elsewhere", "cnca"];

struct Row {
    method: Method,
    path: &'static str,
    on: On,
    query: &'static str,
    fields: &'static [(&'static str, &'static str)],
    answers: [Answer; 8],
}

const fn get(path: &'static str, on: On, answers: [Answer; 8]) -> Row {
    Row { method: Method::GET, path, on, query: "", fields: &[], answers }
}

const fn post(
    path: &'static str,
    on: On,
    fields: &'static [(&'static str, &'static str)],
    answers: [Answer; 8],
) -> Row {
    Row { method: Method::POST, path, on, query: "", fields, answers }
}

const fn asking(mut row: Row, query: &'static str) -> Row {
    row.query = query;
    row
}

const EVERYBODY: [Answer; 8] = [Page_; 8];
/// A page of the owner alone, for enterprises.
const OWNER: [Answer; 8] = [Login, Page_, Gone, Gone, No, No, No, No];
/// A form of the owner alone.
const OWNERS_FORM: [Answer; 8] = [Login, Form, Gone, Gone, No, No, No, No];
/// A deed of the owner alone.
const OWNERS_DEED: [Answer; 8] = [Login, Led, Gone, Gone, No, No, No, No];
/// What a submitted application's readers see: owner, bureaus on its route, CNCA.
const READERS: [Answer; 8] = [Login, Page_, Gone, Gone, Page_, Page_, Gone, Page_];

/// A duty that none of them holds; the modules of these pages show who does.
const NO_DUTY: [Answer; 8] = [Login, No, No, No, No, No, No, No];
/// For those who see the certificate, once there is something to see.
const NOT_YET: [Answer; 8] = [Login, Late, Gone, Gone, Late, Late, Gone, Late];
/// For officers with other posts than these.
const OTHER_POSTS: [Answer; 8] = [Login, No, No, No, No, No, No, No];

/// 统计: every officer, and CNCA's post.
const COUNTERS: [Answer; 8] = [Login, No, No, No, Page_, Page_, Page_, Page_];
/// A deed of those who read 统计.
const COUNTING: [Answer; 8] = [Login, No, No, No, Led, Led, Led, Led];
/// Everybody who has logged in, each his own.
const SIGNED: [Answer; 8] = [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_];
/// 业务下放, by CNCA's post.
const DELEGATES: [Answer; 8] = [Login, No, No, No, No, No, No, Page_];
const DELEGATES_FORM: [Answer; 8] = [Login, No, No, No, No, No, No, Form];

const HS: &[(&str, &str)] = &[("hs_code", AIR_CONDITIONER), ("creation_key", "matrix")];

fn matrix() -> Vec<Row> {
    use On::{Accepting, Amending, Declared, Draft, Ending, Issued, Nothing, Submitted, Template, Usage};
    vec![
        get("/", Nothing, EVERYBODY),
        get("/bulletins", Nothing, EVERYBODY),
        get("/bulletins/{id}", Nothing, EVERYBODY),
        get("/bulletins/{id}/files/{file}", Nothing, [Gone; 8]),
        get("/bureaus", Nothing, EVERYBODY),
        get("/verification", Nothing, EVERYBODY),
        get("/verification/keys", Nothing, EVERYBODY),
        get("/V/{statement}", Nothing, [Led; 8]),
        get("/v/{statement}", Nothing, [Led; 8]),
        post("/verification/document", Nothing, &[], [Form; 8]),
        get("/pre-check", Nothing, EVERYBODY),
        get("/manual", Nothing, EVERYBODY),
        get("/healthz", Nothing, EVERYBODY),
        get("/readyz", Nothing, EVERYBODY),
        get("/registration/terms", Nothing, EVERYBODY),
        post("/registration/terms", Nothing, &[], EVERYBODY),
        get("/registration/organisation", Nothing, [Led; 8]),
        post("/registration/organisation", Nothing, &[], [Late; 8]),
        post("/registration/particulars", Nothing, &[], [Late; 8]),
        get("/registration/done", Nothing, EVERYBODY),
        get("/registration/invitation/{token}", Nothing, [Gone; 8]),
        post("/registration/invitation/{token}", Nothing, &[], [Gone; 8]),
        get("/mailbox", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        post("/mailbox", Nothing, &[], [Login, Form, Form, Form, No, No, No, No]),
        post("/mailbox/code", Nothing, &[], [Login, Form, Form, Form, No, No, No, No]),
        // Their mailboxes are proved.
        post("/mailbox/resending", Nothing, &[], [Login, Late, Late, Late, No, No, No, No]),
        get("/mailbox/proof/{token}", Nothing, [Gone; 8]),
        post("/mailbox/proof/{token}", Nothing, &[], [Gone; 8]),
        get("/mailbox/undoing/{token}", Nothing, [Gone; 8]),
        post("/mailbox/undoing/{token}", Nothing, &[], [Gone; 8]),
        // 企业用户: the tests of organisations show who holds the duty.
        get("/organisations", Nothing, NO_DUTY),
        get("/organisations/{id}", Nothing, NO_DUTY),
        post("/organisations/{id}/suspension", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/lifting", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/administrator", Nothing, &[], NO_DUTY),
        get("/organisations/{id}/code", Nothing, NO_DUTY),
        post("/organisations/{id}/code", Nothing, &[], NO_DUTY),
        get("/organisations/{id}/proofs/{proof}", Nothing, NO_DUTY),
        post("/organisations/{id}/users/{user}/confirmation", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/users/{user}/refusal", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/users/{user}/suspension", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/users/{user}/reinstatement", Nothing, &[], NO_DUTY),
        post("/organisations/{id}/users/{user}/vouching", Nothing, &[], NO_DUTY),
        get("/organisations/{id}/users/{user}/handover", Nothing, NO_DUTY),
        post("/organisations/{id}/users/{user}/handover", Nothing, &[], NO_DUTY),
        get("/login", Nothing, [Page_, Led, Led, Led, Led, Led, Led, Led]),
        post("/login", Nothing, &[], [Form; 8]),
        get("/login/second-factor", Nothing, [Led; 8]),
        post("/login/second-factor", Nothing, &[], [Form; 8]),
        post("/logout", Nothing, &[], [Led; 8]),
        post("/session", Nothing, &[], [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        get("/main", Nothing, [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        get("/password-reset", Nothing, EVERYBODY),
        post("/password-reset", Nothing, &[], [Form; 8]),
        get("/profile/particulars", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        post("/profile/particulars", Nothing, &[], [Login, Form, Form, Form, No, No, No, No]),
        get("/profile/password", Nothing, [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        post("/profile/password", Nothing, &[], [Login, Form, Form, Form, Form, Form, Form, Form]),
        get("/profile/colleagues", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        // The id is nobody's: the administrators of both companies are told so, others are no administrators.
        post("/profile/colleagues/{id}/confirmation", Nothing, &[], [Login, Late, No, Late, No, No, No, No]),
        post("/profile/colleagues/{id}/refusal", Nothing, &[], [Login, Late, No, Late, No, No, No, No]),
        post("/profile/colleagues/{id}/handover", Nothing, &[], [Login, Late, No, Late, No, No, No, No]),
        post("/profile/colleagues/{id}/second-factor-reset", Nothing, &[], [Login, Late, No, Late, No, No, No, No]),
        post("/profile/colleagues/{id}/suspension", Nothing, &[], [Login, Form, No, Form, No, No, No, No]),
        post("/profile/colleagues/{id}/reinstatement", Nothing, &[], [Login, Form, No, Form, No, No, No, No]),
        post("/profile/colleagues/{id}/role", Nothing, &[("role", "viewer")], [Login, Late, No, Late, No, No, No, No]),
        get("/profile/colleagues/{id}/applications", Nothing, [Login, Gone, No, Gone, No, No, No, No]),
        post("/profile/colleagues/{id}/applications", Nothing, &[], [Login, Gone, No, Gone, No, No, No, No]),
        post("/profile/invitations", Nothing, &[], [Login, Form, No, Form, No, No, No, No]),
        post("/profile/invitations/{id}/revocation", Nothing, &[], [Login, Late, No, Late, No, No, No, No]),
        post("/profile/sharing", Nothing, &[], [Login, Led, No, Led, No, No, No, No]),
        get("/profile/letters", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        post("/profile/letters", Nothing, &[], [Login, Form, Form, Form, No, No, No, No]),
        post("/profile/letters/{id}/resending", Nothing, &[], [Login, Gone, Gone, Gone, No, No, No, No]),
        get("/profile/second-factor", Nothing, [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        post("/profile/second-factor", Nothing, &[], [Login, Form, Form, Form, Form, Form, Form, Form]),
        get("/profile/second-factor/qr", Nothing, [Login, Gone, Gone, Gone, Gone, Gone, Gone, Gone]),
        post("/profile/second-factor/confirmation", Nothing, &[], [Login, Led, Led, Led, Led, Led, Led, Led]),
        post("/profile/second-factor/codes", Nothing, &[], [Login, Late, Late, Late, Late, Late, Late, Late]),
        post("/profile/second-factor/removal", Nothing, &[], [Login, Late, Late, Late, Late, Late, Late, Late]),
        get("/applications", Nothing, [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        post("/applications/deletion", Draft, &[("id", "{id}")], OWNERS_DEED),
        get("/applications/declaration", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        post("/applications/declaration", Nothing, &[], [Login, Page_, Page_, Page_, No, No, No, No]),
        get("/applications/clause", Nothing, [Login, Led, Led, Led, No, No, No, No]),
        post("/applications/clause", Nothing, &[], [Login, Form, Form, Form, No, No, No, No]),
        // Officers are led to the page of the case.
        get("/applications/{id}", Accepting, [Login, Page_, Gone, Gone, Led, Led, Led, Page_]),
        get("/applications/{id}/basics", Draft, OWNER),
        post("/applications/{id}/basics", Draft, &[], OWNERS_FORM),
        post("/applications/{id}/applicant", Draft, &[], OWNERS_DEED),
        get("/applications/{id}/items", Draft, OWNER),
        post("/applications/{id}/items/deletion", Draft, &[("id", "999999")], OWNERS_DEED),
        get("/applications/{id}/import", Draft, OWNER),
        post("/applications/{id}/import", Draft, &[], OWNERS_FORM),
        asking(get("/applications/{id}/import/template", Draft, OWNER), "?hs_code=8415101000&format=csv"),
        post(
            "/applications/{id}/import/rows",
            Draft,
            &[("key", "00000000-0000-4000-8000-000000000000")],
            [Login, Late, Gone, Gone, No, No, No, No],
        ),
        asking(get("/applications/{id}/export", Accepting, READERS), "?format=csv"),
        get("/applications/{id}/copy", Accepting, OWNER),
        post("/applications/{id}/copy", Accepting, &[("creation_key", KEY)], OWNERS_DEED),
        // 补录岗 has matrices of its own below.
        get("/proxy-entries", Nothing, NO_DUTY),
        get("/proxy-entries/new", Nothing, NO_DUTY),
        get("/product-templates", Nothing, [Login, Page_, Page_, Page_, No, No, No, No]),
        asking(get("/product-templates/new", Draft, OWNER), "?application={id}&item={item}"),
        post(
            "/product-templates",
            Draft,
            &[("application", "{id}"), ("item", "{item}"), ("creation_key", KEY), ("name", "")],
            OWNERS_FORM,
        ),
        get("/product-templates/{id}", Template, OWNER),
        post("/product-templates/{id}", Template, &[("name", "")], OWNERS_FORM),
        post("/product-templates/{id}/deletion", Template, &[], OWNERS_DEED),
        get("/applications/{id}/catalogue", Draft, OWNER),
        post("/applications/{id}/catalogue", Draft, &[("choose", "1")], OWNERS_FORM),
        asking(get("/applications/{id}/items/new", Draft, OWNER), "?hs_code=8415101000"),
        post("/applications/{id}/items", Draft, HS, OWNERS_FORM),
        get("/applications/{id}/items/{item}", Accepting, READERS),
        get("/applications/{id}/items/{item}/edit", Draft, OWNER),
        post("/applications/{id}/items/{item}", Draft, HS, OWNERS_FORM),
        get("/applications/{id}/attachments", Draft, OWNER),
        post("/applications/{id}/attachments", Draft, &[], OWNERS_DEED),
        get("/attachments/{id}", Accepting, READERS),
        get("/attachments/{id}/preview", Accepting, READERS),
        post("/attachments/{id}/deletion", Draft, &[], OWNERS_DEED),
        post("/applications/{id}/typed/{page}", Draft, &[("purpose", "x")], OWNER),
        post("/applications/{id}/typed/{page}/deletion", Draft, &[], OWNERS_DEED),
        get("/applications/{id}/submission", Draft, OWNER),
        post("/applications/{id}/submission", Draft, &[], OWNERS_DEED),
        get("/applications/{id}/receipt", Accepting, OWNER),
        post("/applications/{id}/withdrawal", Accepting, &[], OWNERS_DEED),
        get("/applications/{id}/print", Accepting, READERS),
        get("/applications/{id}/outcome", Accepting, [Login, Led, Gone, Gone, Led, Led, Gone, Led]),
        get("/casework", Nothing, [Login, No, No, No, Page_, Page_, Page_, No]),
        post("/casework/taking", Nothing, &[], [Login, No, No, No, Odd, Odd, Odd, No]),
        post("/casework/release", Nothing, &[], [Login, No, No, No, Odd, Odd, Odd, No]),
        get("/casework/assignment", Nothing, [Login, No, No, No, Odd, Odd, Odd, No]),
        post("/casework/assignment", Nothing, &[], [Login, No, No, No, Odd, Odd, Odd, No]),
        post("/casework/assignment/selection", Nothing, &[], [Login, No, No, No, Odd, Odd, Odd, No]),
        get("/casework/saved-filters", Nothing, [Login, No, No, No, Page_, Page_, Page_, No]),
        post("/casework/saved-filters", Nothing, &[], [Login, No, No, No, Odd, Odd, Odd, No]),
        post("/casework/saved-filters/{id}", Nothing, &[("name", "x")], [Login, No, No, No, Gone, Gone, Gone, No]),
        post("/casework/saved-filters/{id}/deletion", Nothing, &[], [Login, No, No, No, Gone, Gone, Gone, No]),
        post(
            "/casework/saved-filters/{id}/default",
            Nothing,
            &[("is_default", "1")],
            [Login, No, No, No, Gone, Gone, Gone, No],
        ),
        get("/casework/{id}/transfer", Accepting, [Login, No, No, No, No, No, No, Page_]),
        post("/casework/{id}/transfer", Accepting, &[], [Login, No, No, No, No, No, No, Late]),
        get("/casework/{id}/history", Accepting, [Login, No, No, No, Page_, Page_, Gone, No]),
        get("/casework/{id}/comparison", Accepting, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/casework/{id}/comparison", Accepting, &[], [Login, No, No, No, Late, No, Gone, No]),
        post("/casework/{id}/scans", Accepting, &[], [Login, No, No, No, Late, No, Gone, No]),
        get("/casework/{id}/scans/{scan}", Accepting, [Login, No, No, No, Gone, Gone, Gone, No]),
        get("/casework/{id}/scans/{scan}/preview", Accepting, [Login, No, No, No, Gone, Gone, Gone, No]),
        post("/casework/{id}/scans/{scan}/deletion", Accepting, &[], [Login, No, No, No, Late, No, Gone, No]),
        get("/casework/{id}", Accepting, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/casework/{id}/taking", Accepting, &[], [Login, No, No, No, Led, No, Gone, No]),
        post("/casework/{id}/release", Accepting, &[], [Login, No, No, No, Late, Late, Gone, No]),
        post("/casework/{id}/decision", Accepting, &[], [Login, No, No, No, Late, No, Gone, No]),
        post("/casework/{id}/draft", Accepting, &[], [Login, No, No, No, Led, No, Gone, No]),
        post("/casework/{id}/draft/deletion", Accepting, &[], [Login, No, No, No, Led, Led, Gone, No]),
        post("/casework/{id}/phrases", Accepting, &[], [Login, No, No, No, Form, No, Gone, No]),
        post("/casework/{id}/phrases/insertion", Accepting, &[], [Login, No, No, No, Form, No, Gone, No]),
        post("/casework/{id}/phrases/deletion", Accepting, &[], [Login, No, No, No, Gone, No, Gone, No]),
        get("/casework/{id}/notes", Accepting, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/casework/{id}/notes", Accepting, &[], [Login, No, No, No, Odd, Odd, Gone, No]),
        // No such note, no such file.
        post("/casework/{id}/notes/{note}/striking", Accepting, &[], [Login, No, No, No, Gone, Gone, Gone, No]),
        get("/note-files/{id}", Nothing, [Login, No, No, No, Gone, Gone, Gone, No]),
        get("/note-files/{id}/preview", Nothing, [Login, No, No, No, Gone, Gone, Gone, No]),
        post("/casework/{id}/termination", Accepting, &[], [Login, No, No, No, No, Form, Gone, No]),
        get("/statistics", Nothing, COUNTERS),
        asking(get("/statistics/export", Nothing, COUNTERS), "?table=posts&format=csv"),
        get("/statistics/cases", Nothing, COUNTERS),
        asking(get("/statistics/cases/export", Nothing, COUNTERS), "?format=csv"),
        get("/search", Nothing, [Login, No, No, No, Page_, Page_, Page_, Page_]),
        asking(get("/search/export", Nothing, [Login, No, No, No, Page_, Page_, Page_, Page_]), "?q=MB&format=csv"),
        // 局系统管理员, which none of them is.
        get("/bureau-contact", Nothing, NO_DUTY),
        post("/bureau-contact", Nothing, &[], NO_DUTY),
        get("/audit", Nothing, NO_DUTY),
        get("/audit/export", Nothing, NO_DUTY),
        get("/exports", Nothing, SIGNED),
        asking(get("/exports/new", Nothing, COUNTERS), "?report=statistic_cases&query="),
        post("/exports", Nothing, &[("report", "statistic_cases"), ("creation_key", KEY)], COUNTING),
        get("/exports/{id}", Nothing, [Login, Gone, Gone, Gone, Gone, Gone, Gone, Gone]),
        get("/audit/chain", Nothing, NO_DUTY),
        get("/audit/readings", Nothing, NO_DUTY),
        get("/delegations", Nothing, DELEGATES),
        post("/delegations", Nothing, &[("bureau", SHANGHAI)], DELEGATES_FORM),
        asking(get("/delegations/new", Nothing, DELEGATES), "?bureau=310000"),
        get("/delegations/tester", Nothing, DELEGATES),
        post("/delegations/tester", Nothing, &[], DELEGATES_FORM),
        asking(get("/delegations/history", Nothing, DELEGATES), "?bureau=310000"),
        get("/delegations/{id}", Nothing, DELEGATES),
        get("/delegations/{id}/edit", Nothing, DELEGATES),
        post("/delegations/{id}", Nothing, &[("version", "1")], DELEGATES_FORM),
        post("/delegations/{id}/ending", Nothing, &[], DELEGATES_FORM),
        get("/jurisdictions", Nothing, DELEGATES),
        post("/jurisdictions", Nothing, &[], DELEGATES_FORM),
        get("/applications/{id}/certificate", Issued, [Login, Led, Gone, Gone, Led, Led, Gone, Led]),
        get("/certificates", Nothing, [Login, Page_, Page_, Page_, Page_, Page_, Page_, Page_]),
        asking(get("/certificates/archive", Issued, READERS), "?id={id}"),
        get("/applications/{id}/goods", Usage, OWNER),
        get("/applications/{id}/usage-records", Usage, OWNER),
        asking(get("/applications/{id}/usage-records/new", Usage, OWNER), "?kind=use&line=1"),
        post(
            "/applications/{id}/usage-records",
            Usage,
            &[("kind", "use"), ("line", "1"), ("qty_1", "x"), ("creation_key", KEY)],
            OWNERS_FORM,
        ),
        post("/applications/{id}/usage-records/typed/{kind}", Usage, &[("note", "x")], OWNER),
        post("/applications/{id}/usage-records/typed/{kind}/deletion", Usage, &[], OWNERS_DEED),
        post("/usage-records/{id}/typed", Usage, &[("note", "x")], OWNER),
        post("/usage-records/{id}/typed/deletion", Usage, &[], OWNERS_DEED),
        // Officers are led to the page on which it is judged, and meet no draft there.
        get("/usage-records/{id}", Usage, [Login, Page_, Gone, Gone, Gone, Gone, Gone, Gone]),
        get("/usage-records/{id}/edit", Usage, OWNER),
        post("/usage-records/{id}", Usage, &[("qty_1", "x")], OWNERS_FORM),
        post("/usage-records/{id}/submission", Usage, &[], OWNERS_FORM),
        post("/usage-records/{id}/deletion", Usage, &[], OWNERS_DEED),
        get("/usage-files/{id}", Submitted, READERS),
        get("/usage-files/{id}/preview", Submitted, READERS),
        get("/supervision", Nothing, [Login, No, No, No, No, No, No, No]),
        get("/usage-records/{id}/review", Submitted, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/usage-records/{id}/review", Submitted, &[], [Login, No, No, No, No, No, Gone, No]),
        get("/casework/{id}/dossier", Submitted, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/casework/{id}/tails", Submitted, &[], [Login, No, No, No, No, No, Gone, No]),
        post("/casework/{id}/closure", Submitted, &[], [Login, No, No, No, No, No, Gone, No]),
        post("/casework/{id}/visits", Submitted, &[], [Login, No, No, No, No, No, Gone, No]),
        get("/overdue-certificates", Nothing, [Login, Page_, Page_, Page_, No, No, No, Page_]),
        get("/certificates/{id}", Issued, READERS),
        get("/certificates/{id}/document", Issued, READERS),
        get("/certificates/{id}/versions/{version}/document", Issued, READERS),
        get("/reference", Nothing, NO_DUTY),
        get("/reference/attachment-rules", Nothing, NO_DUTY),
        post("/reference/attachment-rules", Nothing, &[], NO_DUTY),
        get("/reference/{kind}", Nothing, NO_DUTY),
        post("/reference/{kind}", Nothing, &[], NO_DUTY),
        get("/reference/{kind}/new", Nothing, NO_DUTY),
        get("/reference/{kind}/{code}", Nothing, NO_DUTY),
        post("/reference/{kind}/{code}", Nothing, &[], NO_DUTY),
        post("/reference/{kind}/{code}/cancellation", Nothing, &[], NO_DUTY),
        get("/reference-files/{kind}", Nothing, NO_DUTY),
        get("/reference-files/{kind}/export", Nothing, NO_DUTY),
        post("/reference-files/{kind}", Nothing, &[], NO_DUTY),
        post("/reference-files/{kind}/rows", Nothing, &[], NO_DUTY),
        get("/publishing", Nothing, NO_DUTY),
        get("/publishing/new", Nothing, NO_DUTY),
        post("/publishing", Nothing, &[], NO_DUTY),
        get("/publishing/{id}", Nothing, NO_DUTY),
        post("/publishing/{id}", Nothing, &[], NO_DUTY),
        post("/publishing/{id}/withdrawal", Nothing, &[], NO_DUTY),
        post("/publishing/{id}/deletion", Nothing, &[], NO_DUTY),
        get("/publishing/{id}/versions/{version}", Nothing, NO_DUTY),
        post("/publishing/{id}/files", Nothing, &[], NO_DUTY),
        get("/publishing/{id}/files/{file}", Nothing, NO_DUTY),
        post("/publishing/{id}/files/{file}/deletion", Nothing, &[], NO_DUTY),
        get("/jobs", Nothing, NO_DUTY),
        post("/jobs/{id}/retry", Nothing, &[], NO_DUTY),
        get("/accounts", Nothing, NO_DUTY),
        get("/accounts/new", Nothing, NO_DUTY),
        post("/accounts", Nothing, &[], NO_DUTY),
        post("/accounts/second-factor", Nothing, &[], NO_DUTY),
        get("/accounts/{id}", Nothing, NO_DUTY),
        post("/accounts/{id}", Nothing, &[], NO_DUTY),
        post("/accounts/{id}/suspension", Nothing, &[], NO_DUTY),
        post("/accounts/{id}/reinstatement", Nothing, &[], NO_DUTY),
        post("/accounts/{id}/password", Nothing, &[], NO_DUTY),
        post("/accounts/{id}/second-factor/removal", Nothing, &[], NO_DUTY),
        get("/applications/{id}/amendment", Amending, [Login, Led, Gone, Gone, Led, Led, Gone, Led]),
        get("/certificates/{id}/amendment-request", Issued, OWNER),
        post("/certificates/{id}/amendment-request", Issued, &[], OWNERS_FORM),
        get("/certificates/{id}/amendment", Amending, OWNER),
        post("/certificates/{id}/amendment", Amending, &[], OWNERS_FORM),
        get("/certificates/{id}/amendment/items", Amending, OWNER),
        get("/certificates/{id}/amendment/items/{item}", Amending, OWNER),
        post("/certificates/{id}/amendment/items/{item}", Amending, &[], OWNERS_FORM),
        post("/certificates/{id}/amendment/submission", Amending, &[], OWNERS_FORM),
        post("/certificates/{id}/amendment/cancellation", Amending, &[], OWNERS_DEED),
        get("/certificates/{id}/amendment/submitted", Amending, NOT_YET),
        get("/amendments", Nothing, OTHER_POSTS),
        get("/amendments/opening", Nothing, OTHER_POSTS),
        post("/amendments/opening", Nothing, &[], OTHER_POSTS),
        get("/amendments/{id}", Amending, [Login, No, No, No, Page_, Page_, Gone, No]),
        post("/amendments/{id}/taking", Amending, &[], [Login, No, No, No, Late, Late, Gone, No]),
        post("/amendments/{id}/release", Amending, &[], [Login, No, No, No, Late, Late, Gone, No]),
        post("/amendments/{id}/decision", Amending, &[], [Login, No, No, No, Late, Late, Gone, No]),
        post("/amendments/{id}/withdrawal", Amending, &[], [Login, No, No, No, No, No, Gone, No]),
        get("/revocations", Nothing, OTHER_POSTS),
        get("/revocations/new", Nothing, OTHER_POSTS),
        post("/revocations", Nothing, &[], OTHER_POSTS),
        get("/revocations/{id}", Ending, OTHER_POSTS),
        post("/revocations/{id}/decision", Ending, &[], OTHER_POSTS),
        post("/revocations/{id}/withdrawal", Ending, &[], OTHER_POSTS),
        get("/certificates/{id}/revocation", Ending, NOT_YET),
        get("/certificates/{id}/surrender", Ending, READERS),
        post("/certificates/{id}/surrender", Issued, &[], OWNERS_FORM),
        post("/certificates/{id}/surrender/withdrawal", Ending, &[], OWNERS_DEED),
        get("/surrenders", Nothing, [Login, No, No, No, No, Page_, Page_, No]),
        get("/surrenders/{id}", Ending, [Login, No, No, No, No, Page_, Gone, No]),
        post("/surrenders/{id}/decision", Ending, &[], [Login, No, No, No, No, Form, Gone, No]),
        get("/certificates/{id}/pre-write-offs/new", Declared, OWNER),
        get("/certificates/{id}/pre-write-offs", Declared, READERS),
        post("/certificates/{id}/pre-write-offs/typed", Declared, &[("customs_no", "1")], OWNER),
        post("/certificates/{id}/pre-write-offs/typed/deletion", Declared, &[], OWNERS_DEED),
        post("/certificates/{id}/pre-write-offs", Declared, &[("submission_key", KEY)], OWNERS_FORM),
        post(
            "/certificates/{id}/pre-write-offs/withdrawal",
            Declared,
            &[("deed_key", KEY), ("item", "999999")],
            [Login, Gone, Gone, Gone, No, No, No, No],
        ),
        get("/certificates/{id}/write-offs", Declared, READERS),
        get("/certificates/{id}/lines/{line}", Declared, READERS),
        get("/certificates/{id}/ledger", Declared, READERS),
        asking(get("/certificates/{id}/ledger/export", Declared, READERS), "?format=csv"),
        // 核销岗 has a test of its own: write_off::officers_of_every_bureau_meet_what_is_theirs.
        get("/certificates/{id}/ledger/{entry}/reversal", Declared, NO_DUTY),
        post("/certificates/{id}/ledger/{entry}/reversal", Declared, &[], NO_DUTY),
        get("/certificates/{id}/draw-down", Declared, NO_DUTY),
        post("/certificates/{id}/draw-down", Declared, &[], NO_DUTY),
        get("/write-off/worklist", Nothing, NO_DUTY),
        get("/write-off/search", Nothing, NO_DUTY),
        post("/write-off/search/photo", Nothing, &[], NO_DUTY),
        get("/write-off/import", Nothing, NO_DUTY),
        post("/write-off/import", Nothing, &[], NO_DUTY),
        asking(get("/write-off/import/template", Nothing, NO_DUTY), "?format=csv"),
        get("/write-off/import/{key}", Nothing, NO_DUTY),
        post("/write-off/import/{key}", Nothing, &[], NO_DUTY),
        get("/write-off/batches", Nothing, NO_DUTY),
        get("/write-off/batches/{id}", Nothing, NO_DUTY),
        get("/write-off/batches/{id}/export", Nothing, NO_DUTY),
        // A login session opens nothing here: the systems of ports have tests of their own, port_systems.
        post("/api/write-off/batches", Nothing, &[], [Login; 8]),
        get("/api/write-off/batches/{number}", Nothing, [Login; 8]),
        get("/api/write-off/pre-write-offs", Nothing, [Login; 8]),
        get("/pre-write-offs/{id}/decision", Declared, NO_DUTY),
        post("/pre-write-offs/{id}/decision", Declared, &[], NO_DUTY),
    ]
}

/// Somebody with a browser of his own for every probe, so that no answer changes the next one.
struct People {
    accounts: [Option<AccountId>; 8],
}

impl People {
    async fn of(site: &Site) -> (Self, Browser) {
        let owner = site.company().await;
        site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        site.enterprise("stranger", "911100008").await;
        site.officer("accept", SHANGHAI, &[Post::Accept]).await;
        site.officer("issue", SHANGHAI, &[Post::Issue, Post::Terminate]).await;
        site.officer("elsewhere", JIANGSU, &Post::COURSE).await;
        site.cnca("cnca", &[Post::Statistics, Post::RoutingAdmin]).await;
        let mut accounts = [None; 8];
        for (n, name) in PEOPLE.iter().enumerate().skip(1) {
            let username = if *name == "owner" { "shili_a" } else { name };
            let found = db::account::credentials(&site.app.db.read(), username).await.unwrap();
            accounts[n] = Some(found.unwrap().id);
        }
        (Self { accounts }, owner)
    }

    async fn browser(&self, site: &Site, n: usize) -> Browser {
        match self.accounts[n] {
            Some(account) => site.sit_down(account).await,
            None => site.visitor(),
        }
    }
}

/// The address of a row, for a fresh thing of the owner.
async fn address(site: &Site, owner: &Browser, bureau: &Bureau, row: &Row) -> (String, String, String) {
    let id = match row.on {
        On::Nothing => String::new(),
        On::Draft => story::complete_draft(site, owner).await,
        On::Accepting => story::submitted(site, owner).await,
        On::Issued => story::issued(site, owner, bureau).await,
        On::Amending | On::Ending => {
            let id = story::issued(site, owner, bureau).await;
            for sql in open_deeds(row.on, &id) {
                db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            }
            id
        }
        On::Declared => {
            let id = story::issued(site, owner, bureau).await;
            crate::write_off::begun(site, owner, &id).await;
            id
        }
        On::Template => {
            let id = story::complete_draft(site, owner).await;
            crate::templates::save(owner, &id, &format!("模板 {id}")).await.is(200);
            id
        }
        On::Usage | On::Submitted => {
            let c = crate::usage::cleared(site, owner, bureau, &["10"]).await;
            let page = crate::usage::open(owner, &c.id, "use", &[1]).await.is(200);
            let form = page.form("添加");
            let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let page = owner.multipart(&form.action, &fields, &[("确认函.pdf", story::pdf())]).await.is(200);
            let button = if row.on == On::Usage { "保存" } else { "提交" };
            owner.send(&page.form(button).fill(&[("qty_1", "2"), ("used_on", "2026-11-20")])).await.is(200);
            if row.path.ends_with("/submission") {
                let sql = "UPDATE usage_line SET qty = NULL";
                db::testing::try_sql(&site.app.db, sql).await.unwrap();
            }
            c.id
        }
    };
    let one = async |sql: String| if id.is_empty() { 0 } else { site.number(&sql).await };
    let item = one(format!("SELECT MIN(id) FROM application_item WHERE application_id = {}", &id)).await;
    let named = if row.path.starts_with("/attachments") {
        one(format!("SELECT MIN(id) FROM attachment WHERE application_id = {}", &id)).await.to_string()
    } else if row.path.starts_with("/certificates") {
        one(format!("SELECT id FROM certificate WHERE application_id = {}", &id)).await.to_string()
    } else if let Some(table) = ["amendment", "revocation", "surrender"]
        .into_iter()
        .find(|t| row.path.starts_with(&format!("/{t}s")) && row.on != On::Nothing)
    {
        site.number(&format!("SELECT MAX(id) FROM certificate_{table}")).await.to_string()
    } else if row.path.starts_with("/pre-write-offs") {
        site.number("SELECT MAX(id) FROM pre_write_off").await.to_string()
    } else if row.path.starts_with("/product-templates/") && row.on == On::Template {
        site.number("SELECT MAX(id) FROM product_template").await.to_string()
    } else if row.path.starts_with("/delegations") {
        site.number("SELECT MIN(id) FROM delegation").await.to_string()
    } else if row.path.starts_with("/usage-records/") {
        site.number("SELECT MAX(id) FROM usage_record").await.to_string()
    } else if row.path.starts_with("/usage-files/") {
        site.number("SELECT MAX(id) FROM usage_file").await.to_string()
    } else if row.path.starts_with("/bulletins") {
        site.number("SELECT MIN(id) FROM bulletin").await.to_string()
    } else if row.on == On::Nothing {
        "999999".to_owned()
    } else {
        id.clone()
    };
    // The products of a certificate are named by their 序号.
    let item = if row.path.contains("/amendment/items/") { 1 } else { item };
    let line = site.number("SELECT COALESCE(MAX(id), 0) FROM certificate_item").await.to_string();
    let entry = site.number("SELECT COALESCE(MAX(id), 0) FROM ledger_entry").await.to_string();
    let path = row
        .path
        .replace("typed/{kind}", "typed/use")
        .replace("{page}", "basics")
        .replace("{line}", &line)
        .replace("{entry}", &entry);
    let address = format!("{path}{}", row.query);
    (
        address
            .replace("{id}", &named)
            .replace("{item}", &item.to_string())
            .replace("{file}", "1")
            .replace("{scan}", "1")
            .replace("{version}", "1")
            .replace("{note}", "999999")
            .replace("{token}", "0")
            .replace("{user}", "999999")
            .replace("{proof}", "999999")
            .replace("{key}", "00000000-0000-4000-8000-000000000000")
            .replace("{number}", "B-1")
            .replace("{kind}", "units")
            .replace("{code}", "001"),
        id,
        item.to_string(),
    )
}

/// What a certificate has open; the way there has tests of its own.
fn open_deeds(on: On, application: &str) -> Vec<String> {
    let of = format!("FROM certificate c JOIN application a ON a.id = c.application_id WHERE a.id = {application}");
    if on == On::Amending {
        return vec![
            format!("UPDATE certificate SET state = 'amending' WHERE application_id = {application}"),
            format!(
                "INSERT INTO certificate_amendment (certificate_id, holder_id, bureau_code, state, base_version, \
                 valid_from, valid_to) SELECT c.id, a.owner_id, c.bureau_code, 'opened', 1, c.valid_from, c.valid_to {of}"
            ),
        ];
    }
    vec![
        format!(
            "INSERT INTO certificate_revocation (certificate_id, holder_id, bureau_code, state, reason, proposed_at, \
             proposed_by) SELECT c.id, a.owner_id, c.bureau_code, 'proposed', 'x', 0, c.issued_by {of}"
        ),
        format!(
            "INSERT INTO certificate_surrender (certificate_id, holder_id, bureau_code, state, reason, requested_at) \
             SELECT c.id, a.owner_id, c.bureau_code, 'requested', 'x', 0 {of}"
        ),
    ]
}

async fn probe(browser: &Browser, row: &Row, path: &str, id: &str, item: &str) -> Page {
    if row.method == Method::POST && row.path.ends_with("/attachments") {
        let token = browser.token().await;
        return browser.upload_once(path, &token, "other", &[("a.txt", b"x".to_vec())]).await;
    }
    if row.method == Method::POST && row.path == "/write-off/search/photo" {
        let token = browser.token().await;
        return browser.multipart(path, &[("csrf", &token)], &[("a.png", b"x".to_vec())]).await;
    }
    if row.method == Method::POST && row.path == "/verification/document" {
        let token = browser.token().await;
        return browser.multipart(path, &[("csrf", &token)], &[("a.pdf", b"%PDF-1.7".to_vec())]).await;
    }
    if row.method == Method::POST && row.path.ends_with("/import") {
        let token = browser.token().await;
        let csv = "别的,表\n甲,1\n".as_bytes().to_vec();
        return browser.multipart(path, &[("csrf", &token)], &[("a.csv", csv)]).await;
    }
    let fields: Vec<_> = row.fields.iter().map(|(k, v)| (*k, v.replace("{id}", id).replace("{item}", item))).collect();
    let fields: Vec<_> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    browser.force(&row.method, path, &fields).await
}

/// A notice and a rule of 业务下放, for the routes that name one.
async fn something_to_name(site: &Site) {
    let tx = site.app.db.begin().await.unwrap();
    db::bulletin::publish(&tx, "公告", "公告", "内容", false, site.app.now()).await.unwrap();
    crate::delegations::put(&tx, site, SHANGHAI, crate::delegations::rule("310000B01", Some("310151"))).await;
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_route_answers_every_kind_of_user_as_the_matrix_says() {
    for site in Site::each().await {
        let (people, owner) = People::of(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        something_to_name(&site).await;
        let mut wrong = Vec::new();
        for row in matrix() {
            let (path, id, item) = address(&site, &owner, &bureau, &row).await;
            // The owner and his bureau last: what they do changes what others would meet.
            for n in [0, 2, 3, 6, 7, 5, 4, 1] {
                let browser = people.browser(&site, n).await;
                let page = probe(&browser, &row, &path, &id, &item).await;
                let answer = Answer::of(&page);
                if answer != row.answers[n] {
                    wrong.push(format!(
                        "{} {} {}: {answer:?}, not {:?}",
                        row.method, row.path, PEOPLE[n], row.answers[n]
                    ));
                }
                if matches!(answer, Answer::No | Answer::Gone | Answer::Late | Odd) {
                    let text = page.text();
                    assert!(text.chars().count() > 40, "a refusal says why: {} {}", row.path, text);
                }
            }
        }
        assert!(wrong.is_empty(), "on {}:\n{}", site.app.db.kind(), wrong.join("\n"));
    }
}

/// An application of the owner in one state, as the routes name it.
struct Case {
    id: String,
    item: i64,
    attachment: i64,
    certificate: i64,
}

impl Case {
    async fn of(site: &Site, id: String) -> Self {
        let one = async |sql: String| site.number(&sql).await;
        Self {
            item: one(format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await,
            attachment: one(format!("SELECT MIN(id) FROM attachment WHERE application_id = {id}")).await,
            certificate: one(format!("SELECT COALESCE(MAX(id), 999999) FROM certificate WHERE application_id = {id}"))
                .await,
            id,
        }
    }

    /// The draft, the correction, the application in 受理中 and the issued one.
    async fn each(site: &Site, owner: &Browser, bureau: &Bureau) -> Vec<Self> {
        let draft = story::complete_draft(site, owner).await;
        let returned = story::submitted(site, owner).await;
        let back = [("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")];
        story::decide(&bureau.accept, &returned, &back).await.is(200);
        let accepting = story::submitted(site, owner).await;
        let issued = story::issued(site, owner, bureau).await;
        let mut out = Vec::new();
        for id in [draft, returned, accepting, issued] {
            out.push(Self::of(site, id).await);
        }
        out
    }

    fn address(&self, row: &Row) -> String {
        let named = if row.path.starts_with("/attachments") {
            self.attachment.to_string()
        } else if row.path.starts_with("/certificates") {
            self.certificate.to_string()
        } else {
            self.id.clone()
        };
        let path = row.path.replace("typed/{kind}", "typed/use").replace("{page}", "basics").replace("{version}", "1");
        let path =
            path.replace("{line}", "1").replace("{entry}", "1").replace("{note}", "999999").replace("{scan}", "1");
        let address = format!("{path}{}", row.query);
        address.replace("{id}", &named).replace("{item}", &self.item.to_string())
    }

    /// Changes with every deed on the application.
    async fn stands(&self, site: &Site) -> String {
        #[derive(db::Row)]
        struct Columns {
            version: i64,
            audit_head: String,
        }
        let sql = "SELECT version, audit_head FROM application WHERE id = $1";
        let id: i64 = self.id.parse().unwrap();
        let found: Option<Columns> = site.app.db.read().row(sql, db::params![id]).await.unwrap();
        let c = found.expect("it is still there");
        format!("{}, {}", c.version, c.audit_head)
    }
}

/// Every route on an application, its files, its certificate, its case.
fn on_applications() -> Vec<Row> {
    let of = ["/applications/{id}", "/casework/{id}", "/attachments/{id}", "/certificates/{id}"];
    matrix().into_iter().filter(|row| of.iter().any(|path| row.path.starts_with(path))).collect()
}

/// In every state and on every route: another company, a colleague while the organisation does not share, a colleague
/// 待确认 while it does, and an officer of another bureau meet nothing and change nothing (D3, D5).
#[tokio::test]
async fn outsiders_meet_nothing_of_an_application_in_any_state() {
    for site in Site::each().await {
        let (people, owner) = People::of(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        let pending = site.enterprise("pending", "802100433").await;
        let outsiders = [
            ("another company", people.browser(&site, 3).await, false),
            ("colleague, sharing off", people.browser(&site, 2).await, false),
            ("pending colleague, sharing on", pending, true),
            ("officer of another bureau", people.browser(&site, 6).await, false),
        ];
        let mut wrong = Vec::new();
        for case in Case::each(&site, &owner, &bureau).await {
            let before = case.stands(&site).await;
            for (who, browser, shares) in &outsiders {
                db::testing::set_sharing(&site.app.db, "802100433", *shares).await;
                for row in on_applications() {
                    let path = case.address(&row);
                    let page = probe(browser, &row, &path, &case.id, &case.item.to_string()).await;
                    // Officers look at cases, not at the enterprise's pages: they are led there, and find nothing.
                    let to_case =
                        page.headers.get("location").is_some_and(|l| l.to_str().unwrap().starts_with("/casework/"));
                    let answer = Answer::of(&page);
                    let meets_nothing = matches!(answer, Gone | No) || (answer == Led && to_case);
                    if !meets_nothing {
                        wrong.push(format!("{} {path} for {who}: {answer:?}", row.method));
                    }
                }
            }
            assert_eq!(before, case.stands(&site).await, "somebody changed {}", case.id);
        }
        assert!(wrong.is_empty(), "on {}:\n{}", site.app.db.kind(), wrong.join("\n"));
    }
}

/// 单位内共享: a confirmed colleague reads what the owner reads, in every state and on every route, and changes nothing
/// (D5).
#[tokio::test]
async fn a_colleague_under_sharing_reads_everything_and_changes_nothing() {
    for site in Site::each().await {
        let (people, owner) = People::of(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        let colleague = people.browser(&site, 2).await;
        let mut wrong = Vec::new();
        for case in Case::each(&site, &owner, &bureau).await {
            let before = case.stands(&site).await;
            for row in on_applications() {
                let path = case.address(&row);
                let page = probe(&colleague, &row, &path, &case.id, &case.item.to_string()).await;
                let answer = Answer::of(&page);
                let fits = if row.path.starts_with("/casework") {
                    answer == No
                } else if row.path.ends_with("/copy") && row.method == Method::GET {
                    // One begins with one's own applications.
                    answer == Late
                } else if row.method == Method::GET {
                    let his = Answer::of(&probe(&owner, &row, &path, &case.id, &case.item.to_string()).await);
                    // Pages on which the owner works lead his colleague to the page on which one reads.
                    answer == his || (his == Page_ && answer == Led) || (his == Form && answer == Led)
                } else {
                    // Led back to the page on which one reads: nothing was done.
                    let view = format!("/applications/{}", case.id);
                    let to_view = page.headers.get("location").is_some_and(|l| l.to_str().unwrap() == view);
                    matches!(answer, No | Late | Gone) || (answer == Led && to_view)
                };
                if !fits {
                    wrong.push(format!("{} {path}: {answer:?}", row.method));
                }
            }
            let view = colleague.get(&format!("/applications/{}", case.id)).await.is(200);
            let deeds = view.texts("main form button");
            assert!(deeds.is_empty(), "nothing to press on {}: {deeds:?}", view.path);
            assert_eq!(before, case.stands(&site).await, "he changed {}", case.id);
        }
        for list in ["/applications?size=50", "/certificates?size=50"] {
            let rows = |page: crate::support::Page| page.is(200).texts("tbody .lead-cell");
            let (his, theirs) = (rows(colleague.get(list).await), rows(owner.get(list).await));
            assert_eq!(his, theirs, "{list}");
            assert!(!his.is_empty(), "{list} is empty");
        }
        assert!(wrong.is_empty(), "on {}:\n{}", site.app.db.kind(), wrong.join("\n"));
    }
}

/// What 补录岗 alone gets where an officer without it is refused, on something of an enterprise that it did not enter.
fn of_entry_post(row: &Row) -> Option<Answer> {
    Some(match (row.path, row.method.as_str()) {
        ("/proxy-entries" | "/proxy-entries/new", _) => Page_,
        // Without a chosen user they lead to the choice.
        ("/applications/declaration", _) | ("/applications/clause", "GET") => Led,
        ("/applications/clause", _) => Late,
        ("/applications/deletion", _) => Gone,
        // A draft of the enterprise does not exist for him.
        (path, _) if row.on == On::Draft && !path.starts_with("/product-templates") => Gone,
        ("/applications/{id}/receipt", _) => Page_,
        _ => return None,
    })
}

/// R-B-10: on every route the post gives what it is for, and nothing else.
#[tokio::test]
async fn r_b_10_the_post_opens_its_pages_on_every_route_and_no_other() {
    for site in Site::each().await {
        let (_, owner) = People::of(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        something_to_name(&site).await;
        site.officer("entry", SHANGHAI, &[Post::ProxyEntry]).await;
        // The same bureau, and a post that no route here asks for.
        site.officer("plain", SHANGHAI, &[Post::AmendConfirm]).await;
        let entry = site.account("entry").await;
        let plain = site.account("plain").await;
        let mut wrong = Vec::new();
        for row in matrix() {
            if matches!(row.path, "/login" | "/logout" | "/session") || row.path.starts_with("/amendments") {
                continue;
            }
            let (path, id, item) = address(&site, &owner, &bureau, &row).await;
            let without = Answer::of(&probe(&site.sit_down(plain).await, &row, &path, &id, &item).await);
            let answer = Answer::of(&probe(&site.sit_down(entry).await, &row, &path, &id, &item).await);
            let wanted = of_entry_post(&row).unwrap_or(without);
            if answer != wanted {
                wrong.push(format!("{} {}: {answer:?}, not {wanted:?}", row.method, row.path));
            }
        }
        assert!(wrong.is_empty(), "on {}:\n{}", site.app.db.kind(), wrong.join("\n"));
    }
}

/// A deed on an entered application, and what the four answer.
type Entered = (Method, &'static str, &'static [(&'static str, &'static str)], [Answer; 4]);

/// The pages of the form of an application that a bureau entered: 补录岗 of that bureau · its user · an officer of the bureau
/// without the post · 补录岗 of another bureau.
fn entered_matrix() -> Vec<Entered> {
    let page = [Page_, Led, No, Gone];
    let deed = [Led, Late, No, Gone];
    let form = [Form, Late, No, Gone];
    let get = |path| (Method::GET, path, [].as_slice(), page);
    vec![
        get("/applications/{id}/basics"),
        (Method::POST, "/applications/{id}/basics", &[], form),
        get("/applications/{id}/items"),
        (Method::POST, "/applications/{id}/items/deletion", &[("id", "999999")], deed),
        get("/applications/{id}/import"),
        // Led back to where he reads, before any byte is stored.
        (Method::POST, "/applications/{id}/import", &[], [Form, Led, No, Gone]),
        get("/applications/{id}/import/template?hs_code=8415101000&format=csv"),
        get("/applications/{id}/catalogue"),
        (Method::POST, "/applications/{id}/catalogue", &[("choose", "1")], [Form, Led, No, Gone]),
        get("/applications/{id}/items/new?hs_code=8415101000"),
        (Method::POST, "/applications/{id}/items", HS, form),
        get("/applications/{id}/items/{item}/edit"),
        (Method::POST, "/applications/{id}/items/{item}", HS, form),
        get("/applications/{id}/attachments"),
        (Method::POST, "/applications/{id}/attachments", &[], [Led, Led, No, Gone]),
        (Method::POST, "/applications/{id}/typed/basics", &[("purpose", "x")], [Page_, Late, No, Gone]),
        (Method::POST, "/applications/{id}/typed/basics/deletion", &[], deed),
        get("/applications/{id}/submission"),
        // Looking is for all who see it.
        (Method::GET, "/applications/{id}", &[], [Led, Page_, Led, Led]),
        (Method::GET, "/applications/{id}/items/{item}", &[], [Page_, Page_, Page_, Gone]),
        (Method::GET, "/casework/{id}", &[], [Page_, No, Page_, Gone]),
        // What is the enterprise's alone.
        (Method::GET, "/applications/{id}/copy", &[], [No, Late, No, No]),
        (Method::POST, "/applications/{id}/withdrawal", &[], [No, Late, No, No]),
        (Method::GET, "/product-templates/new?application={id}&item={item}", &[], [No, Page_, No, No]),
        (Method::POST, "/applications/{id}/applicant", &[], deed),
        (Method::POST, "/applications/{id}/submission", &[], deed),
    ]
}

/// R-B-10, R-2.2-14: in every state in which it is filled in.
#[tokio::test]
async fn r_b_10_what_a_bureau_entered_answers_each_as_the_matrix_says() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let entry = crate::proxy_entry::entry_officer(&site).await;
        let elsewhere = site.officer("js_entry", JIANGSU, &[Post::ProxyEntry]).await;
        let without = site.officer("sh_compare_2", SHANGHAI, &[Post::Compare]).await;
        let mut wrong = Vec::new();
        for is_returned in [false, true] {
            let id = crate::proxy_entry::entered(&site, &entry, "shili_a").await;
            if is_returned {
                story::submit(&entry, &id).await;
                let back = [("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")];
                story::decide(&bureau.accept, &id, &back).await.is(200);
            }
            let item = site.number(&format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await;
            for (method, path, fields, answers) in entered_matrix() {
                let address = path.replace("{id}", &id).replace("{item}", &item.to_string());
                let on = On::Draft;
                let row = Row {
                    method: method.clone(),
                    path: path.split('?').next().unwrap(),
                    on,
                    query: "",
                    fields,
                    answers: [No; 8],
                };
                // The post itself last: what it does changes what others would meet.
                for (n, browser) in [(1, &user), (2, &without), (3, &elsewhere), (0, &entry)] {
                    let answer = Answer::of(&probe(browser, &row, &address, &id, &item.to_string()).await);
                    // Only drafts take 申请单位信息 anew.
                    let is_late = is_returned && path.ends_with("/applicant") && n == 0;
                    let wanted = if is_late { Late } else { answers[n] };
                    if answer != wanted {
                        wrong.push(format!("{method} {path} {n} returned {is_returned}: {answer:?}, not {wanted:?}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "on {}:\n{}", site.app.db.kind(), wrong.join("\n"));
    }
}

/// A route that nobody thought about fails here.
#[test]
fn the_matrix_names_every_route() {
    let mut served: Vec<_> =
        app::site::site().table().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let mut named: Vec<_> = matrix().iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    served.sort_unstable();
    named.sort_unstable();
    assert_eq!(served, named);
}

/// Rights are read on every request: a post that is taken away is gone at once (D22).
#[tokio::test]
async fn rights_are_never_cached() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("accept", SHANGHAI, &[Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        let form = officer.get(&format!("/casework/{id}")).await.is(200).form("提交意见").set("decision", "accept");
        db::testing::set_posts(&site.app.db, "accept", "issue").await;
        officer.send(&form).await.is(403);
        officer.get("/casework?post=accept").await.is(403);
    }
}
