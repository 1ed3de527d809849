//! The fifteen cases of the list (manual §2.2), the two more of §2.7, and the states between them, in one table
//! (workflow §3.2): what the manual offers, what one function computes, what the page shows.

use domain::actor::{Actor, Enterprise, MemberRole, Membership};
use domain::certificate::{AmendmentState, CertificateFacts, CertificateState, Validity};
use domain::ids::{AccountId, BureauCode, OrganisationId};
use domain::policy::{self, Operation, Ownership, StatusLink};
use domain::workflow::State as S;

use crate::story;
use crate::support::{SHANGHAI, Site, first_day};

/// The links of the 操作栏 that the manual names. 撤回 and 复制为新申请 are additions of this system, with tests of their own.
const LINKS: [(&str, Option<Operation>); 11] = [
    ("修改", Some(Operation::Edit)),
    ("查看", Some(Operation::View)),
    ("查看（补录）", Some(Operation::ViewProxy)),
    ("打印申请", Some(Operation::Print)),
    ("修改证明", Some(Operation::AmendCertificate)),
    ("已提交新证明（查看）", Some(Operation::ViewAmendment)),
    ("重新修改证明", Some(Operation::AmendAgain)),
    // What follows belongs to capabilities that do not exist yet: the links are hidden. Whoever builds one names its
    // operation here, and the rows below ask for it.
    ("预核销", Some(Operation::Declare)),
    ("查看预核销记录", Some(Operation::PreWriteOffs)),
    ("核销信息", Some(Operation::WriteOffs)),
    ("填写产品使用记录", Some(Operation::RecordUsage)),
];

/// How the status stands in the 状态栏.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Words alone.
    Text,
    /// A link to the reason, the notice, the termination.
    Reason,
    /// Words, and the link 证明.
    Certificate,
}

use Shown::{Certificate, Reason, Text};

struct Row {
    /// The number in the manual; several rows may show one case, and one row several.
    case: &'static str,
    state: S,
    by_bureau: bool,
    status: Shown,
    /// Every link that the manual offers, existing or not.
    offers: &'static [&'static str],
    selectable: bool,
    /// The open amendment of the certificate.
    amendment: Option<AmendmentState>,
}

const fn row(case: &'static str, state: S, status: Shown, offers: &'static [&'static str]) -> Row {
    Row { case, state, by_bureau: false, status, offers, selectable: matches!(state, S::Draft), amendment: None }
}

const fn entered(case: &'static str, state: S, status: Shown, offers: &'static [&'static str]) -> Row {
    Row { case, state, by_bureau: true, status, offers, selectable: false, amendment: None }
}

/// An issued one whose certificate is being amended.
const fn amended(case: &'static str, amendment: AmendmentState, offers: &'static [&'static str]) -> Row {
    Row { amendment: Some(amendment), ..row(case, S::Issued, Certificate, offers) }
}

const BASIC: &[&str] = &["查看", "打印申请"];

fn table() -> Vec<Row> {
    vec![
        row("1", S::Accepting, Text, BASIC),
        row("2", S::Draft, Text, &["修改"]),
        row("3", S::Returned, Text, &["修改", "查看", "打印申请"]),
        row("4, 5", S::FirstReview, Text, BASIC),
        row("4, 5", S::FinalReview, Text, BASIC),
        row("4, 5", S::Comparing, Text, BASIC),
        row("4, 5", S::AwaitingIssue, Text, BASIC),
        row("6", S::AcceptanceRefused, Reason, BASIC),
        row("6", S::FirstReviewFailed, Reason, BASIC),
        row("6", S::FinalReviewFailed, Reason, BASIC),
        row("6", S::ComparingFailed, Reason, BASIC),
        row("7", S::ComparingPaper, Reason, BASIC),
        entered("8", S::Draft, Text, &["查看（补录）"]),
        entered("8", S::Returned, Text, &["查看（补录）", "打印申请"]),
        entered("8", S::Accepting, Text, &["查看（补录）", "打印申请"]),
        entered("8, 9", S::Issued, Certificate, &["查看（补录）", "打印申请", "预核销", "查看预核销记录"]),
        row("9, 11, 12", S::Issued, Certificate, &["查看", "打印申请", "预核销", "查看预核销记录"]),
        amended("10", AmendmentState::Opened, &["查看", "打印申请", "修改证明", "查看预核销记录"]),
        amended("10b", AmendmentState::Submitted, &["查看", "打印申请", "已提交新证明（查看）", "查看预核销记录"]),
        amended("10c", AmendmentState::SentBack, &["查看", "打印申请", "重新修改证明", "查看预核销记录"]),
        row(
            "13, 14",
            S::Issued,
            Certificate,
            &["查看", "打印申请", "预核销", "查看预核销记录", "核销信息", "填写产品使用记录"],
        ),
        row("15", S::Terminated, Reason, BASIC),
        row("D24", S::Withdrawn, Text, BASIC),
    ]
}

fn label_of(operation: Operation) -> Option<&'static str> {
    LINKS.iter().find(|(_, known)| *known == Some(operation)).map(|(label, _)| *label)
}

/// What of a row exists by now, in the order of the manual.
fn built(offers: &[&'static str]) -> Vec<&'static str> {
    offers.iter().copied().filter(|o| LINKS.iter().any(|(label, known)| label == o && known.is_some())).collect()
}

fn owner() -> Actor {
    Actor::Enterprise(Enterprise {
        account: AccountId::new(1),
        name: "shili_a".to_owned(),
        organisation: OrganisationId::new(1),
        membership: Membership::Administrator,
        shares: false,
        role: MemberRole::Clerk,
        mailbox_proved: true,
        suspended: false,
    })
}

fn ownership(row: &Row) -> Ownership {
    let bureau = Some(BureauCode::new(SHANGHAI));
    Ownership {
        owner: AccountId::new(1),
        entered_by_bureau: bureau.clone().filter(|_| row.by_bureau),
        state: row.state,
        current_bureau: bureau.clone().filter(|_| row.state.post().is_some()),
        handler: None,
        first_reviewer: None,
        four_eyes: true,
        receiving_bureau: bureau.filter(|_| row.state != S::Draft),
    }
}

/// A certificate just issued; one that is amended in case 10, one with something written off in case 13.
fn certificate(row: &Row) -> Option<CertificateFacts> {
    let amended = row.case.starts_with("10");
    (row.state == S::Issued).then(|| CertificateFacts {
        state: if amended { CertificateState::Amending } else { CertificateState::Valid },
        validity: Validity::of_days("2026-11-23".parse().unwrap(), 90),
        lines: 1,
        open_lines: 1,
        written_lines: i64::from(is_written(row)),
        pending_lines: 0,
        amendment: row.amendment,
    })
}

/// Cases 13 and 14: goods are written off.
fn is_written(row: &Row) -> bool {
    row.offers.contains(&"填写产品使用记录")
}

/// R-2.2-06 to -21: the function behind the row and its authorisation.
#[test]
fn r_2_2_06_every_case_has_the_links_of_the_manual() {
    let table = table();
    for state in S::ALL {
        assert!(table.iter().any(|r| r.state == *state), "{state} stands in no row");
    }
    for row in &table {
        let links =
            policy::row_links(&owner(), &ownership(row), certificate(row).as_ref(), first_day().start_instant());
        let offered: Vec<_> = links.operations.iter().filter_map(|o| label_of(*o)).collect();
        assert_eq!(offered, built(row.offers), "case {}, {}", row.case, row.state);
        let status = match row.status {
            Text => None,
            Reason => Some(StatusLink::Outcome),
            Certificate => Some(StatusLink::Certificate),
        };
        assert_eq!(links.status, status, "case {}, {}", row.case, row.state);
        assert_eq!(links.selectable, row.selectable, "case {}, {}", row.case, row.state);
    }
}

/// R-2.2-06 to -21: the same table as the page shows it, row by row.
#[tokio::test]
async fn r_2_2_06_the_page_shows_every_case_as_the_manual_says() {
    for site in Site::each().await {
        let user = site.company().await;
        let mut filed = Vec::new();
        for row in table() {
            let id = if row.state == S::Draft {
                story::complete_draft(&site, &user).await
            } else {
                story::submitted(&site, &user).await
            };
            // The course to each state has tests of its own; here the row is set.
            let bureau = if row.by_bureau { format!("'{SHANGHAI}'") } else { "NULL".to_owned() };
            let sql = format!(
                "UPDATE application SET state = '{}', entered_by_bureau = {bureau} WHERE id = {id}",
                row.state.word()
            );
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            if let Some(facts) = certificate(&row) {
                let sql = format!(
                    "INSERT INTO certificate (application_id, number, check_code, state, version, valid_from, valid_to, \
                     bureau_code, issued_at, issued_by, lines, open_lines, written_lines, owner_id, organisation_id) \
                     SELECT id, 'Z' || id, 'A', '{}', 1, '2026-11-23', '2027-02-20', receiving_bureau, 0, owner_id, 1, 1, \
                     {}, owner_id, organisation_id FROM application \
                     WHERE id = {id}",
                    facts.state, facts.written_lines
                );
                db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            }
            if let Some(amendment) = row.amendment {
                let sql = format!(
                    "INSERT INTO certificate_amendment (certificate_id, holder_id, bureau_code, state, base_version, \
                     valid_from, valid_to) SELECT c.id, a.owner_id, c.bureau_code, '{amendment}', 1, c.valid_from, \
                     c.valid_to FROM certificate c JOIN application a ON a.id = c.application_id WHERE a.id = {id}"
                );
                db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            }
            filed.push((id, row));
        }
        let list = user.get("/applications?size=50").await.is(200);
        for (id, row) in filed {
            let what = format!("case {}, {}", row.case, row.state);
            let own = format!("tbody tr:has([href^=\"/applications/{id}/\"], [href=\"/applications/{id}\"])");
            let offered = list.texts(&format!("{own} .acts-cell a"));
            let offered: Vec<_> = offered.iter().filter(|o| LINKS.iter().any(|(label, _)| label == o)).collect();
            assert_eq!(offered, built(row.offers), "{what}");
            assert!(list.texts(&format!("{own} .st")).iter().any(|s| s == row.state.label()), "{what}");
            let reason = list.attribute(&format!("{own} a.st"), "href");
            assert_eq!(reason, (row.status == Reason).then(|| format!("/applications/{id}/outcome")), "{what}");
            let certificate = list.texts(&format!("{own} a[href=\"/applications/{id}/certificate\"]"));
            assert_eq!(certificate, if row.status == Certificate { vec!["证明"] } else { vec![] }, "{what}");
            let boxes = list.texts(&format!("{own} input[name=id]:not([disabled])"));
            assert_eq!(boxes.len(), usize::from(row.selectable), "{what}");
            // A hidden link is a refused request.
            let basics = user.get(&format!("/applications/{id}/basics")).await.is(200);
            let may_edit = basics.path.ends_with("/basics");
            assert_eq!(may_edit, row.offers.contains(&"修改"), "{what}");
            let print = user.get(&format!("/applications/{id}/print")).await.status;
            assert_eq!(print == 200, row.offers.contains(&"打印申请"), "{what}: {print}");
        }
    }
}

/// R-2.2-14, R-2.5-01: what the bureau entered is viewed, and not changed, deleted or submitted by the company.
#[tokio::test]
async fn r_2_2_14_an_application_entered_by_the_bureau_is_only_viewed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let basics = user.get(&format!("/applications/{id}/basics")).await.is(200).form("保存并进入下一步");
        let submission = user.get(&format!("/applications/{id}/submission")).await.is(200).form("提交申请");
        let sql = format!("UPDATE application SET entered_by_bureau = '{SHANGHAI}' WHERE id = {id}");
        db::testing::try_sql(&site.app.db, &sql).await.unwrap();

        let list = user.get("/applications").await.is(200);
        assert_eq!(list.link("查看（补录）"), format!("/applications/{id}"));
        user.get(&list.link("查看（补录）")).await.is(200).sees("局代录").sees("窗式空调器样机").sees("材料.pdf");
        user.send(&basics.set("remark", "不能改")).await.is(409);
        user.send(&submission).await.is(409);
        user.force(&axum::http::Method::POST, "/applications/deletion", &[("id", id.as_str())]).await.is(409);
        user.force(&axum::http::Method::POST, &format!("/applications/{id}/items/deletion"), &[("id", "1")])
            .await
            .is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'draft' AND remark = ''").await, 1);
    }
}
