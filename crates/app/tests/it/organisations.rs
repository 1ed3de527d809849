//! 企业用户 (D30), hand-overs (D31), roles and invitations.

use axum::http::Method;
use db::audit::{Subject, trail};
use domain::actor::Post;

use crate::mailboxes::{letter_to, link, log_in};
use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

const CODE: &str = "802100433";
/// A right code of nobody.
const OTHER: &str = "12345678-8";

/// The page of the organisation of this user, for a keeper.
async fn page_of(keeper: &Browser, username: &str) -> Page {
    let list = keeper.get(&format!("/organisations?q={username}")).await.is(200);
    keeper.get(&list.hrefs("tbody .lead-cell a").remove(0)).await.is(200)
}

/// Says why, in the form of this button for this user.
async fn with_reason(keeper: &Browser, page: &Page, button: &str, reason: &str) -> Page {
    let form = page.form_of(button);
    let field = form.fields.iter().map(|(k, _)| k.clone()).find(|k| k.starts_with("reason")).unwrap();
    keeper.send(&form.set(&field, reason)).await
}

async fn number(site: &Site, sql: &str) -> i64 {
    site.number(sql).await
}

async fn colleague(site: &Site, name: &str) -> Browser {
    let browser = site.enterprise(name, CODE).await;
    db::testing::confirm(&site.app.db, name).await;
    browser
}

/// 补正 of the basic information of a returned application.
async fn correct(user: &Browser, id: &str) {
    let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
    let form = page.form("保存").set("purpose", "补充说明：用于新一代房间空气调节器能效对比测试，完成后退运。");
    user.send(&form).await.is(200);
}

fn proof() -> Vec<(&'static str, Vec<u8>)> {
    vec![("授权书.pdf", story::pdf())]
}

async fn upload(keeper: &Browser, path: &str, fields: &[(&str, &str)], files: &[(&str, Vec<u8>)]) -> Page {
    let token = keeper.token().await;
    let mut all = vec![("csrf", token.as_str())];
    all.extend_from_slice(fields);
    let page = keeper.multipart(path, &all, files).await;
    if page.status.is_redirection() {
        let next = page.headers["location"].to_str().unwrap().to_owned();
        return keeper.get(&next).await;
    }
    page
}

/// D30: found by name, code and user, by the bureau of the region and by CNCA, and by nobody else; pages begin at a key.
#[tokio::test]
async fn d30_organisations_are_found_by_the_bureau_of_their_region_and_by_cnca() {
    for site in Site::each().await {
        site.company().await;
        let shanghai = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let jiangsu = site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        let cnca = site.cnca("cnca", &[Post::CncaAdmin]).await;
        let other = site.cnca("counter", &[Post::Statistics]).await;
        let without = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        shanghai.get("/main").await.is(200).sees("企业用户");
        for q in ["示例电器", "80210043-3", "802100", "SHILI_A"] {
            shanghai.get(&format!("/organisations?q={q}")).await.is(200).sees("80210043-3");
            cnca.get(&format!("/organisations?q={q}")).await.is(200).sees("80210043-3");
            jiangsu.get(&format!("/organisations?q={q}")).await.is(200).sees_no("80210043-3");
        }
        let page = page_of(&cnca, "shili_a").await.sees("shili_a").sees("单位管理员");
        jiangsu.get(&page.path).await.is(404);
        jiangsu
            .force(&Method::POST, &format!("{}/suspension", page.path), &[("suspension_reason", "没有原因")])
            .await
            .is(404);
        without.get(&page.path).await.is(403);
        other.get("/organisations").await.is(403);

        for n in 0..25 {
            let sql = format!(
                "INSERT INTO organisation (code, name, postcode, address, remark, created_at, region_code) \
                 VALUES ('X{n}', '另一单位{n}', '', '', '', 0, '310115')"
            );
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        }
        let first = shanghai.get("/organisations").await.is(200);
        assert_eq!(first.texts("tbody tr").len(), 20);
        // A row that comes in between moves nothing.
        site.enterprise("later", "123456788").await;
        let second = shanghai.get(&first.link("下一页")).await.is(200).sees("80210043-3").sees_no("12345678-8");
        assert_eq!(second.texts("tbody tr").len(), 6);
        assert!(first.statements <= 12, "{}", first.statements);
        shanghai.get("/organisations?state=orphaned").await.is(200).sees("另一单位").sees_no("80210043-3");
    }
}

/// D3, D30: when the administrator is gone his colleagues do not stay 待确认 for ever; all members are written to.
#[tokio::test]
async fn d30_the_bureau_confirms_when_the_administrator_is_gone() {
    for site in Site::each().await {
        site.company().await;
        site.enterprise("li_shili", CODE).await;
        site.enterprise("fremd", CODE).await;
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let page = page_of(&admin, "shili_a").await;
        let off = with_reason(&admin, &page, "停用 shili_a", "已离职，单位来函。").await.is(200).sees("已停用该用户");
        let off = off.sees("该单位没有可以登录的单位管理员");
        admin.send(&off.form_of("确认 li_shili")).await.is(200).sees("已确认该用户");
        let page = page_of(&admin, "shili_a").await;
        admin.send(&page.form_of("拒绝 fremd")).await.is(200).sees("已拒绝该用户");
        assert_eq!(number(&site, "SELECT COUNT(*) FROM account WHERE membership = 'confirmed'").await, 1);
        site.work().await;
        assert!(letter_to(&site, "li_shili@example.com").body.contains("fremd"));
        assert!(letter_to(&site, "fremd@example.com").subject.contains("已拒绝"));
        assert!(letter_to(&site, "shili_a@example.com").body.contains("已离职，单位来函。"));
        let deeds = trail(&site.app.db.read(), Subject::Account(site.account("li_shili").await)).await.unwrap();
        let confirmed = deeds.iter().find(|d| d.action == "confirm").unwrap();
        assert_eq!(confirmed.bureau_code.as_ref().map(domain::ids::BureauCode::as_str), Some(SHANGHAI));
    }
}

/// D30: another administrator on proof, which is kept; without proof or reason it is refused with everything typed kept.
#[tokio::test]
async fn d30_another_administrator_is_appointed_on_proof() {
    for site in Site::each().await {
        let first = site.company().await;
        let second = colleague(&site, "li_shili").await;
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let path = page_of(&admin, "shili_a").await.path;
        let li = site.account("li_shili").await.to_string();
        let address = format!("{path}/administrator");
        let missing = upload(&admin, &address, &[("administrator", &li)], &[]).await.is(422);
        assert_eq!(missing.faulty_fields(), ["appointment_reason", "file"]);
        assert_eq!(missing.value("administrator"), li);
        let fields = [("administrator", li.as_str()), ("appointment_reason", "原管理员离职，单位出具授权书。")];
        let text = upload(&admin, &address, &fields, &[("a.txt", b"x".to_vec())]).await.is(422);
        assert!(text.error("file").contains("PDF"));
        let done = upload(&admin, &address, &fields, &proof()).await.is(200).sees("已指定 li_shili 为单位管理员");
        let file = admin.get(&done.link("授权书.pdf")).await.is(200);
        assert_eq!(file.body, story::pdf());
        first.force(&Method::POST, "/profile/sharing", &[("shares", "1")]).await.is(403);
        second.force(&Method::POST, "/profile/sharing", &[("shares", "1")]).await.is(303);
        site.work().await;
        for mailbox in ["shili_a@example.com", "li_shili@example.com"] {
            assert!(letter_to(&site, mailbox).subject.contains("单位管理员由 shili_a 改为 li_shili"));
        }
        // No orphan: the sweep does not take the file.
        assert_eq!(
            number(
                &site,
                "SELECT COUNT(*) FROM orphaned_object WHERE object_key IN (SELECT object_key FROM organisation_proof)"
            )
            .await,
            0
        );
        let elsewhere = site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        elsewhere.get(&done.link("授权书.pdf")).await.is(404);
    }
}

/// D30: a suspended organisation reads, answers running corrections and reports use, and starts nothing new.
#[tokio::test]
async fn d30_a_suspended_organisation_starts_nothing_and_finishes_what_runs() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let draft = story::complete_draft(&site, &user).await;
        let returned = story::submitted(&site, &user).await;
        story::decide(
            &bureau.accept,
            &returned,
            &[("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")],
        )
        .await
        .is(200);
        let c = crate::usage::cleared(&site, &user, &bureau, &["10"]).await;
        let fresh = story::issued(&site, &user, &bureau).await;
        let untouched = number(&site, &format!("SELECT id FROM certificate WHERE application_id = {fresh}")).await;
        let declare = user.get(&format!("/certificates/{untouched}/pre-write-offs/new")).await.is(200).form("提交");

        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let page = page_of(&admin, "shili_a").await;
        let empty = admin.send(&page.form("暂停")).await.is(422);
        assert_eq!(empty.faulty_fields(), ["suspension_reason"]);
        let form = empty.form("暂停").set("suspension_reason", "使用地与申报不符，核查期间暂停。");
        admin.send(&form).await.is(200).sees("已暂停该单位");
        admin.send(&form).await.is(409);

        // Reads, and reads why.
        user.get("/main").await.is(200).sees("本单位已被检验检疫局暂停").sees_no("填写新申请");
        user.get("/profile/colleagues").await.is(200).sees("使用地与申报不符");
        user.get(&format!("/applications/{fresh}")).await.is(200);
        // Starts nothing.
        let suspended = "本单位已被检验检疫局暂停";
        user.get("/applications/declaration").await.is(409).sees(suspended);
        user.force(&Method::POST, "/applications/declaration", &[]).await.is(409);
        let key = "0123456789abcdef0123456789abcdef";
        let clause = [("clause_code", "1"), ("trade_mode", "0110"), ("creation_key", key)];
        user.force(&Method::POST, "/applications/clause", &clause).await.is(409);
        user.get(&format!("/applications/{fresh}/copy")).await.is(409).sees(suspended);
        user.force(&Method::POST, &format!("/applications/{fresh}/copy"), &[("creation_key", key)]).await.is(409);
        user.force(&Method::POST, &format!("/applications/{draft}/submission"), &[]).await.is(422).sees(suspended);
        user.get(&format!("/certificates/{untouched}/pre-write-offs/new")).await.is(409).sees(suspended);
        user.send(&declare).await.is(409);
        let amend = format!("/certificates/{untouched}/amendment-request");
        user.get(&amend).await.is(409).sees(suspended);
        user.force(&Method::POST, &amend, &[("request_reason", "需要延长有效期。")]).await.is(409);
        user.force(&Method::POST, &format!("/certificates/{untouched}/surrender"), &[("reason", "不再进口了。")])
            .await
            .is(409);
        let counts = "SELECT (SELECT COUNT(*) FROM application) + (SELECT COUNT(*) FROM pre_write_off) * 100 \
                      + (SELECT COUNT(*) FROM certificate_amendment) * 1000 \
                      + (SELECT COUNT(*) FROM certificate_surrender) * 10000";
        let before = number(&site, counts).await;
        assert_eq!(before % 100, 4, "nothing was made");
        // A bureau does not start for it either.
        let entry = site.officer("entry", SHANGHAI, &[Post::ProxyEntry]).await;
        let owner = site.account("shili_a").await.to_string();
        entry.get(&format!("/applications/declaration?owner={owner}")).await.is(409).sees("该单位已被暂停");

        // Answers and reports.
        correct(&user, &returned).await;
        story::submit(&user, &returned).await;
        let page = crate::usage::open(&user, &c.id, "use", &[1]).await.is(200);
        user.send(&page.form("保存").fill(crate::usage::complete("use")).set("qty_1", "2")).await.is(200);

        let page = page_of(&admin, "shili_a").await;
        let form = page.form("解除暂停").set("suspension_reason", "核查完毕。");
        admin.send(&form).await.is(200).sees("已解除暂停");
        story::submit(&user, &draft).await;
        site.work().await;
        let told: Vec<_> = site.mail.letters().into_iter().filter(|l| l.subject.contains("暂停")).collect();
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|l| l.to == "shili_a@example.com"));
    }
}

/// D30: a mistaken code is corrected: users, applications and certificates go to the right code, papers stay as they are,
/// and the mistaken code is free for whom it belongs to.
#[tokio::test]
async fn d30_a_mistaken_code_is_corrected_and_papers_stay() {
    for site in Site::each().await {
        let wrong = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let issued = story::issued(&site, &wrong, &bureau).await;
        let draft = story::open_draft(&wrong).await;
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let path = page_of(&admin, "shili_a").await.path;
        let page = admin.get(&format!("{path}/code")).await.is(200).sees("80210043-3");
        let again = upload(&admin, &format!("{path}/code"), &[("right_code", "1"), ("reason", "")], &[]).await.is(422);
        assert_eq!(again.faulty_fields(), ["right_code", "reason", "file"]);
        drop(page);
        // Nobody has the right code: the organisation takes it.
        let fields = [("right_code", OTHER), ("reason", "注册时填错，营业执照为准。")];
        upload(&admin, &format!("{path}/code"), &fields, &proof())
            .await
            .is(200)
            .sees("已将 80210043-3 更正为 12345678-8");
        wrong.get("/main").await.at("/login?next=%2Fmain");
        let sheet =
            "SELECT COUNT(*) FROM certificate_version WHERE sheet LIKE '%802100433%' OR sheet LIKE '%80210043-3%'";
        assert_eq!(number(&site, sheet).await, 1, "what is printed stays");
        let codes = format!(
            "SELECT COUNT(*) FROM application WHERE (id = {issued} AND applicant_org_code = '802100433') \
             OR (id = {draft} AND applicant_org_code = '123456788')"
        );
        assert_eq!(number(&site, &codes).await, 2);

        // Its true owner registers the code, and becomes its administrator.
        let owner = site.enterprise("wahr", CODE).await;
        owner.get("/profile/colleagues").await.is(200).sees_no("shili_a");

        // The right code is somebody's: the users wait there to be confirmed.
        let second = site.enterprise("vertippt", "876543210").await;
        story::open_draft(&second).await;
        let path = page_of(&admin, "vertippt").await.path;
        let fields = [("right_code", OTHER), ("reason", "与该单位为同一单位。")];
        let asked = upload(&admin, &format!("{path}/code"), &fields, &proof()).await.is(422);
        assert_eq!(asked.faulty_fields(), ["merge"]);
        let merging = [("right_code", OTHER), ("reason", "与该单位为同一单位。"), ("merge", "1")];
        let merged = upload(&admin, &format!("{path}/code"), &merging, &proof()).await.is(200);
        merged.sees("vertippt").sees("待确认");
        admin.get(&path).await.is(404);
        let sql = "SELECT COUNT(*) FROM account c JOIN organisation o ON o.id = c.organisation_id \
                   WHERE c.username = 'vertippt' AND o.code = '123456788' AND c.membership = 'pending'";
        assert_eq!(number(&site, sql).await, 1);
        assert_eq!(number(&site, "SELECT COUNT(*) FROM organisation WHERE code = '876543210'").await, 0);
        site.work().await;
        assert!(letter_to(&site, "vertippt@example.com").body.contains("12345678-8"));
        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(findings.faults, Vec::<String>::new());
    }
}

/// D31: what belongs to a leaver goes to a colleague: he declares, amends, accounts for and surrenders, and the old one
/// cannot; the trail keeps who did what before; letters go to the new owner; doctor finds nothing.
#[tokio::test]
async fn d31_a_leavers_applications_go_to_a_colleague_who_can_do_everything() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let leaver = colleague(&site, "leaver").await;
        let taker = colleague(&site, "taker").await;
        let bureau = Bureau::shanghai(&site).await;
        let draft = story::complete_draft(&site, &leaver).await;
        let used = crate::usage::cleared(&site, &leaver, &bureau, &["10"]).await;
        let fresh = story::issued(&site, &leaver, &bureau).await;
        let returned = story::submitted(&site, &leaver).await;
        story::decide(
            &bureau.accept,
            &returned,
            &[("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")],
        )
        .await
        .is(200);
        let of = async |application: &str| {
            number(&site, &format!("SELECT id FROM certificate WHERE application_id = {application}")).await
        };
        let (used_certificate, fresh_certificate) = (of(&used.id).await, of(&fresh).await);
        site.work().await;

        let id = site.account("leaver").await;
        let page = administrator.get("/profile/colleagues").await.is(200);
        let page = administrator.get(&page.link("移交申请（4）")).await.is(200).sees("草稿");
        let taker_id = site.account("taker").await.to_string();
        // Nothing chosen, nobody chosen.
        assert_eq!(administrator.send(&page.form("移交所选")).await.is(422).faulty_fields(), ["to"]);
        let one = page.form("移交所选").set("to", &taker_id);
        assert_eq!(administrator.send(&one).await.is(422).faulty_fields(), ["to"]);
        let done = administrator.send(&one.tick("application", &draft)).await.is(200).sees("已移交 1 件申请");
        let page = administrator.get(&done.link("移交申请（3）")).await;
        // A second tab is older than that.
        administrator.send(&page.form("移交所选").set("to", &taker_id).tick("application", &draft)).await.is(409);
        administrator.send(&page.form("移交全部").set("to", &taker_id)).await.is(200).sees("正在移交");
        site.work().await;
        let left = format!("SELECT COUNT(*) FROM application WHERE owner_id = {id}");
        assert_eq!(number(&site, &left).await, 0);
        let told = letter_to(&site, "taker@example.com");
        assert!(told.subject.contains("3 件申请已移交给您"), "{}", told.subject);
        assert!(letter_to(&site, "leaver@example.com").subject.contains("已移交"));

        // The old one cannot; without sharing he does not even see them.
        for path in [
            format!("/applications/{fresh}"),
            format!("/applications/{draft}/basics"),
            format!("/certificates/{used_certificate}"),
        ] {
            leaver.get(&path).await.is(404);
        }
        leaver.force(&Method::POST, &format!("/applications/{draft}/submission"), &[]).await.is(404);
        // The new one can.
        story::submit(&taker, &draft).await;
        taker.get(&format!("/certificates/{fresh_certificate}/pre-write-offs/new")).await.is(200).form("提交");
        let page = taker.get(&format!("/certificates/{fresh_certificate}/amendment-request")).await.is(200);
        let asking = page.form("提交申请").set("request_reason", "需要延长有效期。");
        taker.send(&asking).await.is(200).sees("已提交修改证明的申请");
        let page = taker.get(&format!("/certificates/{fresh_certificate}/amendment-request")).await.is(200);
        drop(page);
        let page = crate::usage::open(&taker, &used.id, "use", &[1]).await.is(200);
        taker
            .send(&page.form("提交").fill(crate::usage::complete("use")).set("qty_1", "2"))
            .await
            .is(200)
            .sees("已提交");
        correct(&taker, &returned).await;
        story::submit(&taker, &returned).await;
        taker.get(&format!("/applications/{fresh}")).await.is(200).sees("由 leaver 移交给 taker").sees("leaver");
        bureau.accept.get(&format!("/casework/{returned}")).await.is(200).sees("移交经办人");

        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(findings.faults, Vec::<String>::new());
    }
}

/// D31: surrender and letters follow the new owner; a hand-over to somebody who cannot act is refused; a record of use
/// that was begun before goes with it.
#[tokio::test]
async fn d31_records_surrenders_and_letters_follow_the_new_owner() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let leaver = colleague(&site, "leaver").await;
        let taker = colleague(&site, "taker").await;
        let bureau = Bureau::shanghai(&site).await;
        let used = crate::usage::cleared(&site, &leaver, &bureau, &["10"]).await;
        let page = crate::usage::open(&leaver, &used.id, "use", &[1]).await.is(200);
        leaver.send(&page.form("保存").fill(crate::usage::complete("use")).set("qty_1", "2")).await.is(200);
        let fresh = story::issued(&site, &leaver, &bureau).await;
        let certificate = number(&site, &format!("SELECT id FROM certificate WHERE application_id = {fresh}")).await;
        let running = story::submitted(&site, &leaver).await;
        site.work().await;
        let from = site.account("leaver").await;
        let to = site.account("taker").await.to_string();
        let path = format!("/profile/colleagues/{from}/applications");
        site.enterprise("pending", CODE).await;
        let pending = site.account("pending").await.to_string();
        let whole = [("what", "all"), ("to", pending.as_str())];
        administrator.force(&Method::POST, &path, &whole).await.is(422);
        // Not by himself, not by the one who gets it.
        leaver.force(&Method::POST, &path, &[("what", "all"), ("to", &to)]).await.is(403);
        taker.force(&Method::POST, &path, &[("what", "all"), ("to", &to)]).await.is(403);
        administrator.force(&Method::POST, &path, &[("what", "all"), ("to", &to)]).await.is(303);
        site.work().await;

        let record = number(&site, "SELECT MAX(id) FROM usage_record").await;
        taker.force(&Method::POST, &format!("/usage-records/{record}/submission"), &[]).await.is(303);
        assert_eq!(number(&site, "SELECT COUNT(*) FROM usage_record WHERE state = 'submitted'").await, 1);
        taker
            .force(&Method::POST, &format!("/certificates/{certificate}/surrender"), &[("reason", "不再进口了。")])
            .await
            .is(303);
        let before = site.mail.letters().len();
        story::decide(&bureau.accept, &running, &[("decision", "accept"), ("opinion", "同意。")]).await.is(200);
        site.work().await;
        let new: Vec<_> = site.mail.letters().split_off(before).into_iter().map(|l| l.to).collect();
        assert_eq!(new, ["taker@example.com"]);
        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(findings.faults, Vec::<String>::new());
    }
}

/// D31: the administrator ends the account of a leaver; the bureau hands over where the organisation cannot.
#[tokio::test]
async fn d31_a_leaver_cannot_log_in_and_the_bureau_hands_over_too() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let leaver = colleague(&site, "leaver").await;
        story::open_draft(&leaver).await;
        colleague(&site, "taker").await;
        let page = administrator.get("/profile/colleagues").await.is(200);
        let off = with_reason(&administrator, &page, "停用 leaver", "已离职").await.is(200).sees("已停用该用户");
        leaver.get("/main").await.at("/login?next=%2Fmain");
        log_in(&site, "leaver", crate::support::PASSWORD).await.0.is(422);
        off.sees("不能登录").sees("移交申请（1）");
        let own = site.account("shili_a").await;
        let field = format!("reason_{own}");
        let path = format!("/profile/colleagues/{own}/suspension");
        administrator.force(&Method::POST, &path, &[(&field, "自己")]).await.is(403);

        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let page = page_of(&admin, "leaver").await;
        let page = admin.get(&page.link("1 件，移交")).await.is(200);
        let form = page.form("移交全部").set("to", &site.account("taker").await.to_string());
        admin.send(&form).await.is(200).sees("正在移交");
        site.work().await;
        assert_eq!(
            number(
                &site,
                "SELECT COUNT(*) FROM application a JOIN account c ON c.id = a.owner_id WHERE c.username = 'taker'"
            )
            .await,
            1
        );
        let page = administrator.get("/profile/colleagues").await;
        with_reason(&administrator, &page, "恢复 leaver", "返聘").await.is(200).sees("已恢复该用户");
        log_in(&site, "leaver", crate::support::PASSWORD).await.0.at("/main");
    }
}

/// A hand-over and a submission of the same draft at the same moment: one of them sees the other.
#[tokio::test]
async fn d31_a_hand_over_and_a_submission_at_once_leave_one_owner() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let leaver = colleague(&site, "leaver").await;
        colleague(&site, "taker").await;
        let id = story::complete_draft(&site, &leaver).await;
        let submit = leaver.get(&format!("/applications/{id}/submission")).await.form("提交申请");
        let from = site.account("leaver").await;
        let page = administrator.get(&format!("/profile/colleagues/{from}/applications")).await;
        let hand = page.form("移交所选").set("to", &site.account("taker").await.to_string()).tick("application", &id);
        let (handed, submitted) = tokio::join!(administrator.send_once(&hand), leaver.send_once(&submit));
        assert_eq!(handed.status, 303);
        assert!(matches!(submitted.status.as_u16(), 303 | 404), "{}", submitted.status);
        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(findings.faults, Vec::<String>::new());
    }
}

/// 查阅 sees what is shared and changes nothing; the administrator gives and takes the role.
#[tokio::test]
async fn roles_a_viewer_sees_what_is_shared_and_changes_nothing() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let viewer = colleague(&site, "viewer").await;
        let own = story::open_draft(&viewer).await;
        let bureau = Bureau::shanghai(&site).await;
        let issued = story::issued(&site, &administrator, &bureau).await;
        administrator.force(&Method::POST, "/profile/sharing", &[("shares", "1")]).await.is(303);
        let page = administrator.get("/profile/colleagues").await;
        administrator.send(&page.form_of("改为查阅 viewer")).await.is(200).sees("已改为查阅");
        viewer.get(&format!("/applications/{issued}")).await.is(200);
        viewer.get("/main").await.is(200).sees("只能查看单位内共享的申请和证明").sees_no("填写新申请");
        viewer.get("/applications/declaration").await.is(403).sees("查阅");
        viewer.get(&format!("/applications/{own}/basics")).await.is(403);
        viewer.force(&Method::POST, &format!("/applications/{own}/submission"), &[]).await.is(403);
        viewer.force(&Method::POST, "/applications/deletion", &[("id", &own)]).await.is(403);
        viewer
            .force(
                &Method::POST,
                &format!("/applications/{issued}/copy"),
                &[("creation_key", "0123456789abcdef0123456789abcdef")],
            )
            .await
            .is(409);
        let shared = viewer.get("/profile/particulars").await.is(200).sees("查阅");
        assert!(shared.html().contains("readonly"), "the shared fields are read-only to him");
        let page = administrator.get("/profile/colleagues").await;
        administrator.send(&page.form_of("改为经办 viewer")).await.is(200);
        viewer.get(&format!("/applications/{own}/basics")).await.is(200);
    }
}

/// Invitation: by mail, seven days, one use, revocable; registers a confirmed member with the role, his mailbox proved.
#[tokio::test]
async fn invitations_register_confirmed_colleagues() {
    for site in Site::each().await {
        let site = site.asking().await;
        let administrator = site.company().await;
        let page = administrator.get("/profile/colleagues").await.is(200);
        let wrong = administrator.send(&page.form("发送邀请").set("mailbox", "不是邮箱")).await.is(422);
        assert_eq!(
            (wrong.faulty_fields(), wrong.value("mailbox")),
            (vec!["mailbox".to_owned()], "不是邮箱".to_owned())
        );
        let form = wrong.form("发送邀请").set("mailbox", "neu@example.com").set("role", "viewer");
        administrator.send(&form).await.is(200).sees("已向 neu@example.com 发送邀请");
        site.work().await;
        let address = link(&letter_to(&site, "neu@example.com"), "/registration/invitation/");
        let visitor = site.visitor();
        let page = visitor.get(&address).await.is(200).sees("示例电器802100433有限公司").sees("查阅");
        assert_eq!(page.value("contact_email"), "neu@example.com");
        let filled = page.form("注册").fill(&[
            ("username", "neu_shili"),
            ("password", "Xin-mima-2026"),
            ("password_again", "Xin-mima-2026"),
            ("contact_name", "李示例"),
            ("contact_phone", "021-00000000"),
        ]);
        let asked = visitor.send(&filled).await.is(422);
        assert_eq!(asked.faulty_fields(), ["consent"]);
        let filled = filled.tick("consent", "1");
        visitor.send(&filled).await.is(200).sees("注册成功");
        visitor.send(&filled).await.is(404).sees("邀请已失效");
        let sql = "SELECT COUNT(*) FROM account WHERE username = 'neu_shili' AND membership = 'confirmed' \
                   AND member_role = 'viewer' AND mailbox_proved_at IS NOT NULL";
        assert_eq!(number(&site, sql).await, 1);
        administrator.get("/profile/colleagues").await.sees("注册为 neu_shili");

        // Taken back, and over.
        let page = administrator.get("/profile/colleagues").await;
        administrator.send(&page.form("发送邀请").set("mailbox", "zwei@example.com")).await.is(200);
        site.work().await;
        let second = link(&letter_to(&site, "zwei@example.com"), "/registration/invitation/");
        let page = administrator.get("/profile/colleagues").await;
        administrator.send(&page.form_of("撤回邀请 zwei@example.com")).await.is(200).sees("已撤回邀请");
        visitor.get(&second).await.is(404);
        let page = administrator.get("/profile/colleagues").await;
        administrator.send(&page.form("发送邀请").set("mailbox", "drei@example.com")).await.is(200);
        site.work().await;
        let third = link(&letter_to(&site, "drei@example.com"), "/registration/invitation/");
        visitor.get(&third).await.is(200);
        site.clock.pass_hours(7 * 24 + 1);
        visitor.get(&third).await.is(404).sees("已过期");
        let words = trail(&site.app.db.read(), Subject::Account(site.account("shili_a").await)).await.unwrap();
        assert!(words.iter().any(|d| d.action == "invite") && words.iter().any(|d| d.action == "revoke_invitation"));
    }
}
