//! What the page of a certificate offers besides the paper: 修改, 注销, 撤销, each as the rules allow it now; and what
//! became of them.

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::certificate::Certificate;
use domain::actor::{Actor, Officer};
use domain::certificate::{AmendmentState, CertificateState};
use domain::{amendment, ending};
use kit::error::AppError;

/// A sentence with the page where there is more.
#[derive(Debug, Clone)]
struct Note {
    class: &'static str,
    icon: &'static str,
    text: &'static str,
    href: String,
    label: &'static str,
}

/// A button.
#[derive(Debug, Clone)]
struct Link {
    icon: &'static str,
    label: &'static str,
    href: String,
}

/// Notes and links of one certificate for one reader.
#[derive(Template, Debug, Clone, Default)]
#[template(path = "parts/certificate_deeds.html")]
pub struct CertificateDeeds {
    notes: Vec<Note>,
    links: Vec<Link>,
}

impl HtmlSafe for CertificateDeeds {}

/// What this reader may do; the certificate was loaded in scope.
pub async fn load(
    source: &impl Source,
    actor: &Actor,
    certificate: &Certificate,
) -> Result<CertificateDeeds, AppError> {
    let amend = db::amendment::facts(source, certificate).await?;
    let end = db::ending::facts(source, certificate).await?;
    let page = format!("/certificates/{}", certificate.id);
    let mut out = CertificateDeeds::default();
    match certificate.state {
        CertificateState::Revoked => out.notes.push(Note {
            class: "note-bad",
            icon: "ban",
            text: "该证明已被撤销，不能再用于进口和核销。",
            href: format!("{page}/revocation"),
            label: "查看撤销原因",
        }),
        CertificateState::Surrendered => out.notes.push(Note {
            class: "note-warn",
            icon: "archive",
            text: "该证明已按企业申请注销，不能再使用。",
            href: format!("{page}/surrender"),
            label: "查看注销情况",
        }),
        CertificateState::Amending => out.notes.push(Note {
            class: "",
            icon: "file-pencil",
            text: "该证明正在修改。确认之前原证明继续有效，但不能预核销和核销。",
            href: format!("{page}/amendment/submitted"),
            label: "查看修改内容",
        }),
        CertificateState::Valid => {}
    }
    match actor {
        Actor::Enterprise(_) => holder(&mut out, actor, &amend, &end, &page),
        Actor::Officer(officer) => {
            let open = db::amendment::open_of(source, certificate.id).await?;
            bureau(&mut out, actor, officer, &amend, &end, &certificate.number, open.map(|m| m.id.to_string()));
        }
        Actor::Cnca(_) => {}
    }
    Ok(out)
}

fn holder(out: &mut CertificateDeeds, actor: &Actor, amend: &amendment::Facts, end: &ending::Facts, page: &str) {
    if amendment::may(actor, amend, amendment::Action::Edit).is_ok() {
        let label =
            if amend.amendment == Some(AmendmentState::SentBack) { "重新修改证明" } else { "修改证明" };
        out.links.push(Link { icon: "file-pencil", label, href: format!("{page}/amendment") });
    }
    if amendment::may(actor, amend, amendment::Action::Request).is_ok() {
        let href = format!("{page}/amendment-request");
        out.links.push(Link { icon: "file-pencil", label: "申请修改证明", href });
    } else if amend.amendment == Some(AmendmentState::Requested) {
        out.notes.push(Note {
            class: "",
            icon: "clock",
            text: "已申请修改证明，等待检验检疫局答复。",
            href: format!("{page}/amendment-request"),
            label: "查看申请",
        });
    }
    if ending::may(actor, end, ending::Action::RequestSurrender).is_ok() {
        out.links.push(Link { icon: "archive", label: "申请注销", href: format!("{page}/surrender") });
    } else if end.surrender_asked {
        out.notes.push(Note {
            class: "",
            icon: "clock",
            text: "已申请注销证明，等待检验检疫局确认。",
            href: format!("{page}/surrender"),
            label: "查看申请",
        });
    }
}

fn bureau(
    out: &mut CertificateDeeds,
    actor: &Actor,
    officer: &Officer,
    amend: &amendment::Facts,
    end: &ending::Facts,
    number: &str,
    open: Option<String>,
) {
    if let Some(id) = open
        && crate::parts::desks::Desk::Amendments.is_of(officer)
        && officer.bureau == amend.bureau
    {
        out.links.push(Link { icon: "file-diff", label: "办理证明修改", href: format!("/amendments/{id}") });
    } else if amendment::may(actor, amend, amendment::Action::Open).is_ok() {
        let href = format!("/amendments/opening?number={number}");
        out.links.push(Link { icon: "file-pencil", label: "同意修改证明", href });
    }
    if ending::may(actor, end, ending::Action::ProposeRevocation).is_ok() {
        let href = format!("/revocations/new?number={number}");
        out.links.push(Link { icon: "ban", label: "提出撤销", href });
    }
}
