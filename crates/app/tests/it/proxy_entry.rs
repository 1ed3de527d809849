//! 补录 (R-B-10, A17; manual §2.2, case 8): a bureau enters, edits and submits an application for a registered enterprise
//! user, on the pages of the enterprise; that user views it.

use axum::http::Method;
use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER, BASICS, Bureau, add_product, fill_basics};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// An officer of 上海局 at 补录.
pub async fn entry_officer(site: &Site) -> Browser {
    site.officer("sh_entry", SHANGHAI, &[Post::ProxyEntry]).await
}

/// 选择企业用户 → 申请人声明 → 条款 and 贸易方式; the page of the basic information.
async fn chosen(officer: &Browser, username: &str) -> Page {
    let found = officer.get(&format!("/proxy-entries/new?username={username}")).await.is(200);
    let declaration = officer.get(&found.link("补录")).await.is(200);
    let choice = officer.send(&declaration.form("我同意")).await.is(200);
    let form = choice.form("保存并进入下一步").set("clause_code", "1").set("trade_mode", "0110");
    officer.send(&form).await.is(200)
}

/// A complete draft that the officer entered for this user; says its id.
pub async fn entered(site: &Site, officer: &Browser, username: &str) -> String {
    let id = story::id_of(&chosen(officer, username).await);
    fill_basics(officer, &id, &[]).await.is(200);
    add_product(officer, &id, AIR_CONDITIONER, &[]).await.is(200);
    story::attach(site, officer, &id, "1").await;
    id
}

async fn text(site: &Site, sql: &str) -> String {
    #[derive(db::Row)]
    struct Text {
        text: String,
    }
    let found: Option<Text> = site.app.db.read().row(sql, vec![]).await.unwrap();
    found.unwrap().text
}

/// R-B-10, R-2.2-14: the officer fills in the pages of the enterprise; the application is the user's, its 申请单位信息 are his,
/// the trail names the officer, his post and his bureau; the user views it, is told of its course, and holds the certificate.
#[tokio::test]
async fn r_b_10_an_officer_enters_and_submits_for_a_registered_user() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = entry_officer(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        officer.get("/main").await.is(200).sees("补录申请");
        officer.get("/proxy-entries").await.is(200).sees("没有需要办理的补录申请");

        let basics =
            chosen(&officer, "shili_a").await.sees("正在为").sees("示例电器802100433有限公司").sees("80210043-3");
        basics.sees("shili_a@example.com").sees_no("产品模板");
        let id = site.number("SELECT MAX(id) FROM application").await.to_string();
        let list =
            officer.get("/proxy-entries").await.is(200).sees(&format!("草稿 {id}")).sees("剩余 10 天").sees("本人");
        assert_eq!(list.texts("tbody .row-acts a"), ["修改"]);
        let view = user.get("/applications").await.is(200);
        assert_eq!(view.texts("tbody .row-acts a"), ["查看（补录）"]);
        user.get(&view.link("查看（补录）")).await.is(200).sees("代录，您可以查看").sees("由该局完善后提交");
        user.get("/main").await.sees_no("未提交的申请将被删除");

        fill_basics(&officer, &id, &[]).await.is(200);
        let items = add_product(&officer, &id, AIR_CONDITIONER, &[]).await.is(200).sees("窗式空调器样机");
        items.sees_no("存为产品模板");
        story::attach(&site, &officer, &id, "1").await;
        let case =
            officer.get(&format!("/applications/{id}")).await.is(200).at(&format!("/casework/{id}")).sees("局代录");
        assert_eq!(case.link("修改"), format!("/applications/{id}/basics"));
        let number = story::submit(&officer, &id).await;
        // The second of two clicks.
        let receipt = format!("/applications/{id}/receipt");
        officer.force(&Method::POST, &format!("/applications/{id}/submission"), &[]).await.is(303);
        officer.get(&receipt).await.is(200).sees(&number).sees("继续补录").sees_no("可以撤回");

        let of = format!("FROM application WHERE id = {id}");
        assert_eq!(site.number(&format!("SELECT owner_id AS text {of}")).await, site.account("shili_a").await.get());
        assert_eq!(text(&site, &format!("SELECT entered_by_bureau AS text {of}")).await, SHANGHAI);
        assert_eq!(text(&site, &format!("SELECT applicant_contact AS text {of}")).await, "张示例");
        for action in ["create", "submit", "upload"] {
            let sql = format!(
                "SELECT COUNT(*) FROM audit WHERE subject_kind = 'application' AND subject_id = {id} \
                 AND actor_name = 'sh_entry 某' AND bureau_code = '{SHANGHAI}' AND \
                 (action = '{action}' OR detail LIKE '%{action}%')"
            );
            assert!(site.number(&sql).await > 0, "{action}");
        }
        let trail = format!(
            "SELECT COUNT(*) FROM audit WHERE subject_id = {id} AND action = 'create' AND post = 'proxy_entry'"
        );
        assert_eq!(site.number(&trail).await, 1);

        site.work().await;
        let letter = site.mail.letters().pop().expect("the user is told");
        assert_eq!(letter.to, "shili_a@example.com");
        assert!(letter.body.contains("代录单位：上海") && !letter.body.contains("撤回"), "{}", letter.body);
        let view = user.get("/applications").await.is(200);
        assert_eq!(view.texts("tbody .row-acts a"), ["查看（补录）", "打印申请"]);
        user.get(&format!("/applications/{id}")).await.is(200).sees("sh_entry 某").sees_no("撤回申请");
        officer.get("/proxy-entries").await.sees_no(&number);
        let done = officer.get("/proxy-entries?scope=submitted").await.is(200).sees(&number).sees("受理中");
        assert_eq!(done.texts("tbody .row-acts a"), ["查看", "打印申请"]);
        // What is submitted is the bureau's posts' now.
        officer.force(&Method::POST, &format!("/applications/{id}/basics"), &[]).await.is(409);
        officer.get(&format!("/applications/{id}/basics")).await.at(&format!("/casework/{id}"));

        bureau.bring_to(&id, Post::Terminate).await;
        site.work().await;
        let view = user.get("/applications").await.is(200);
        assert_eq!(view.texts("tbody .row-acts a"), ["查看（补录）", "打印申请", "预核销", "查看预核销记录"]);
        user.get(&view.link("预核销")).await.is(200);
        let certificate = site.number("SELECT MAX(id) FROM certificate").await;
        officer.get(&format!("/certificates/{certificate}/pre-write-offs/new")).await.is(403);
        officer.get(&format!("/certificates/{certificate}")).await.is(200);
    }
}

/// R-B-10, A9: 返回修改 comes back to the bureau that entered it: it corrects and resubmits to the post that returned it; the
/// user neither may nor is asked to.
#[tokio::test]
async fn r_b_10_a_returned_application_is_corrected_by_the_bureau() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = entry_officer(&site).await;
        let bureau = Bureau::shanghai(&site).await;
        let id = entered(&site, &officer, "shili_a").await;
        let number = story::submit(&officer, &id).await;
        let back =
            [("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics"), ("field", "basics.purpose")];
        story::decide(&bureau.accept, &id, &back).await.is(200);
        site.work().await;
        let letter = site.mail.letters().pop().expect("the user is told");
        assert!(letter.body.contains("由代录的检验检疫局补正后重新提交"), "{}", letter.body);
        user.get("/main").await.is(200).sees_no("返回修改的申请需要");
        user.get(&format!("/applications/{id}")).await.is(200).sees("不需要您修改");
        assert_eq!(user.get("/applications").await.texts("tbody .row-acts a"), ["查看（补录）", "打印申请"]);
        user.get(&format!("/applications/{id}/basics")).await.at(&format!("/applications/{id}"));
        user.force(&Method::POST, &format!("/applications/{id}/submission"), &[]).await.is(409);

        officer.get("/main").await.sees("补录申请").sees("1 件待办");
        let list = officer.get("/proxy-entries").await.is(200).sees(&number).sees("返回修改");
        assert_eq!(list.texts("tbody .row-acts a"), ["修改", "查看", "打印申请"]);
        let page = officer.get(&list.link("修改")).await.is(200).sees("请补充用途说明。").sees("不允许修改免办条款");
        let form = page.form("保存").set("purpose", "用于新一代房间空气调节器能效对比测试，测试共三个月，完成后退运。");
        officer.send(&form).await.is(200).sees("已保存申请基本信息");
        story::submit(&officer, &id).await;
        let state = format!(
            "SELECT COUNT(*) FROM application WHERE id = {id} AND state = 'accepting' AND current_bureau = '{SHANGHAI}'"
        );
        assert_eq!(site.number(&state).await, 1);
        bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees("补正前后对照").sees("测试共三个月");
    }
}

/// R-B-10: registered users that are active are found by 组织机构代码, 用户名 and 申请单位; nobody is listed before something is
/// typed, and who looked is noted (E11).
#[tokio::test]
async fn r_b_10_only_active_registered_users_are_found() {
    for site in Site::each().await {
        let officer = entry_officer(&site).await;
        site.company().await;
        site.enterprise("stranger", "911100008").await;
        site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let found =
            async |query: &str| officer.get(&format!("/proxy-entries/new?{query}")).await.is(200).texts("td.lead-cell");
        officer.get("/proxy-entries/new").await.is(200).sees("请先输入查询条件");
        assert_eq!(found("org_code=80210043-3").await, ["示例电器802100433有限公司"]);
        assert_eq!(found("org_code=802100433").await.len(), 1);
        assert_eq!(found("org_code=8021").await.len(), 1);
        assert_eq!(found("username=SHILI").await.len(), 1);
        assert_eq!(found("name=%E7%A4%BA%E4%BE%8B").await.len(), 2, "示例");
        assert_eq!(found("name=%E7%A4%BA%E4%BE%8B&username=stran").await, ["示例电器911100008有限公司"]);
        assert!(found("username=sh_accept").await.is_empty(), "officers are no enterprise users");
        assert!(found("name=%25").await.is_empty(), "% is a character");
        officer.get("/proxy-entries/new?name=x").await.sees("没有符合条件的企业用户").sees("先注册用户");

        let stranger = site.account("stranger").await;
        db::testing::try_sql(
            &site.app.db,
            &format!("UPDATE account SET disabled = NOT disabled WHERE id = {stranger}"),
        )
        .await
        .unwrap();
        assert!(found("username=stranger").await.is_empty());
        officer.get(&format!("/applications/declaration?owner={stranger}")).await.is(200).at("/proxy-entries/new");
        let (chosen, key) = (stranger.to_string(), "k".repeat(40));
        let fields =
            [("owner", chosen.as_str()), ("clause_code", "1"), ("trade_mode", "0110"), ("creation_key", key.as_str())];
        officer.force(&Method::POST, "/applications/clause", &fields).await.is(409).sees("重新选择企业用户");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 0);

        let owner = site.account("shili_a").await;
        officer.get(&format!("/applications/declaration?owner={owner}")).await.is(200).sees("申请单位已同意声明内容");
        site.note_readings().await;
        let read = "SELECT COUNT(*) FROM reading WHERE what = 'enterprise_users' AND actor_name = 'sh_entry 某'";
        assert!(site.number(read).await >= 6);
        assert_eq!(site.number(&format!("{read} AND subject_id = {owner}")).await, 1);
        let admin = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        admin.get("/audit/readings?action=enterprise_users").await.is(200).sees("查询企业用户").sees("sh_entry");
    }
}

/// R-B-10: the post is of the bureau: a colleague goes on with what was begun; officers without it, of another bureau, CNCA
/// and the enterprise's colleagues do not; and 补录岗 changes nothing that an enterprise filled in itself.
#[tokio::test]
async fn r_b_10_the_post_of_the_bureau_and_nobody_else_fills_it_in() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = entry_officer(&site).await;
        let colleague = site.officer("sh_entry_2", SHANGHAI, &[Post::ProxyEntry, Post::Issue]).await;
        let without = site.officer("sh_accept", SHANGHAI, &[Post::Accept, Post::BureauAdmin]).await;
        let elsewhere = site.officer("js_entry", JIANGSU, &[Post::ProxyEntry]).await;
        let cnca = site.cnca("cnca", &[Post::CncaAdmin, Post::Statistics]).await;
        let id = entered(&site, &officer, "shili_a").await;
        let basics = format!("/applications/{id}/basics");

        colleague.get("/proxy-entries").await.is(200).sees(&format!("草稿 {id}")).sees("sh_entry 某").sees_no("本人");
        colleague.get("/proxy-entries?entered_by=mine").await.is(200).sees("没有符合条件的申请");
        let page = colleague.get(&basics).await.is(200);
        colleague.send(&page.form("保存").set("remark", "由同事补充")).await.is(200);
        for (who, status) in [(&without, 403), (&elsewhere, 404), (&cnca, 403)] {
            who.get(&basics).await.is(status);
            who.force(&Method::POST, &format!("/applications/{id}/submission"), &[]).await.is(status);
            who.force(&Method::POST, "/applications/deletion", &[("id", id.as_str())]).await.is(status);
        }
        for who in [&without, &cnca] {
            who.get("/proxy-entries").await.is(403);
            who.get("/proxy-entries/new").await.is(403);
            who.get("/applications/declaration").await.is(403);
        }
        elsewhere.get("/proxy-entries").await.is(200).sees_no(&format!("草稿 {id}"));
        elsewhere.get(&format!("/casework/{id}")).await.is(404);
        user.force(&Method::POST, &basics, &BASICS).await.is(409);
        user.get("/proxy-entries").await.is(403);
        // Officers enter for one whom they chose, never for themselves; owner of a form of the enterprise changes nothing.
        officer.get("/applications/declaration").await.at("/proxy-entries/new");
        officer.get("/applications/clause").await.at("/proxy-entries/new");
        let own = story::open_draft(&user).await;
        officer.get(&format!("/applications/{own}/basics")).await.is(404);
        let submitted = story::submitted(&site, &user).await;
        officer.get(&format!("/applications/{submitted}/basics")).await.is(200).at(&format!("/casework/{submitted}"));
        officer.force(&Method::POST, &format!("/applications/{submitted}/withdrawal"), &[]).await.is(403);
        officer
            .force(&Method::POST, &format!("/applications/{submitted}/items/deletion"), &[("id", "1")])
            .await
            .is(409);

        // The post is taken away: gone at once (D22).
        db::testing::set_posts(&site.app.db, "sh_entry", "accept").await;
        officer.get(&basics).await.is(403);
        // 删除 is the post's, and says so on its own list.
        let list = colleague.get("/proxy-entries").await.is(200);
        colleague
            .send(&list.form("删除").tick("id", &id))
            .await
            .is(200)
            .at("/proxy-entries")
            .sees("已删除 1 份未提交的申请");
        assert_eq!(site.number(&format!("SELECT COUNT(*) FROM application WHERE id = {id}")).await, 0);
    }
}

/// R-B-10: the ten days of a draft (D8), one draft for two clicks, kept text of each officer (E21), two officers on one form.
#[tokio::test]
async fn r_b_10_a_draft_of_the_bureau_keeps_the_rules_of_drafts() {
    for site in Site::each().await {
        site.company().await;
        let officer = entry_officer(&site).await;
        let colleague = site.officer("sh_entry_2", SHANGHAI, &[Post::ProxyEntry]).await;
        let owner = site.account("shili_a").await;
        let declaration = officer.get(&format!("/applications/declaration?owner={owner}")).await.is(200);
        let choice = officer.send(&declaration.form("我同意")).await.is(200);
        let form = choice.form("保存并进入下一步");
        officer.send(&form.clone().set("trade_mode", "0110")).await.is(422).sees("免办条款").sees("正在为");
        let form = form.set("clause_code", "1").set("trade_mode", "0110");
        let first = officer.send(&form).await.is(200).path;
        assert_eq!(officer.send(&form).await.is(200).path, first, "one draft");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 1);
        let id = first.split('/').nth(2).unwrap().to_owned();

        let (mine, his) = (officer.get(&first).await.is(200), colleague.get(&first).await.is(200));
        let address = mine.attribute("form[data-autosave]", "data-autosave").expect("the form is kept");
        officer.post(&address, &mine.form("保存").set("purpose", "没有保存的用途").body()).await.is(200);
        colleague.get(&first).await.is(200).sees_no("恢复");
        officer.get(&first).await.sees("恢复");
        colleague.send(&his.form("保存").fill(&BASICS)).await.is(200).sees("已保存");
        let conflict = officer.send(&mine.form("保存").fill(&BASICS).set("use_contact", "李示例")).await.is(409);
        conflict.sees("该申请已在别处被修改");

        // 申请单位信息 stand as they were when it was begun, until they are asked for again (D21).
        officer.get(&first).await.sees_no("刷新申请单位信息");
        let change = format!("UPDATE account SET contact_phone = '021-11111111' WHERE id = {owner}");
        db::testing::try_sql(&site.app.db, &change).await.unwrap();
        let page = officer.get(&first).await.is(200);
        officer.send(&page.form("刷新申请单位信息")).await.is(200).sees("021-11111111").sees_no("企业用户信息已有变化");

        site.clock.pass_hours(239);
        app::jobs::duties(&site.app).await;
        site.work().await;
        let letters = site.mail.letters().iter().filter(|l| l.subject.contains("将自动删除")).count();
        assert_eq!(letters, 0, "the user is not asked to finish what the bureau enters");
        let officer = site.sit_down(site.account("sh_entry").await).await;
        officer.get("/proxy-entries").await.is(200).sees("剩余 1 小时");
        site.clock.pass_hours(1);
        let officer = site.sit_down(site.account("sh_entry").await).await;
        officer.get("/proxy-entries").await.is(200).sees("没有需要办理的补录申请");
        officer.get("/main").await.is(200).sees("0 件待办");
        officer.get(&first).await.is(404);
        officer.get(&format!("/casework/{id}")).await.is(404);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE deleted_at IS NULL").await, 0);
    }
}

/// R-B-10, D5: the bureau that entered it sees it in its lists wherever the route leads, and its officers act on none of the
/// steps of another bureau.
#[tokio::test]
async fn r_b_10_the_bureau_sees_what_it_entered_wherever_the_route_leads() {
    for site in Site::each().await {
        site.company().await;
        let officer = entry_officer(&site).await;
        let accept = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        let id = story::id_of(&chosen(&officer, "shili_a").await);
        let there = [("use_region_code_1", "320000"), ("use_region_code_2", "320100"), ("use_region_code_3", "320102")];
        fill_basics(&officer, &id, &there).await.is(200);
        add_product(&officer, &id, AIR_CONDITIONER, &[]).await.is(200);
        story::attach(&site, &officer, &id, "1").await;
        officer.get("/applications").await.is(200).sees_no(&format!("草稿 {id}"));
        let number = story::submit(&officer, &id).await;
        officer.get("/applications?number=MB320000").await.is(200).sees(&number);
        accept.get("/casework?post=accept").await.is(200).sees(&number);
        story::decide(&accept, &id, &[("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")])
            .await
            .is(200);
        officer.get("/proxy-entries").await.is(200).sees(&number).sees("返回修改");
        story::submit(&officer, &id).await;
        let viewers = format!("SELECT COUNT(*) FROM application_viewer WHERE application_id = {id}");
        assert_eq!(site.number(&viewers).await, 2);
    }
}

/// A bounded number of statements, whatever was entered.
#[tokio::test]
async fn the_list_of_entries_is_few_statements() {
    for site in Site::each().await {
        site.company().await;
        let officer = entry_officer(&site).await;
        chosen(&officer, "shili_a").await;
        let one = officer.get("/proxy-entries?size=50").await.is(200).statements;
        for _ in 0..6 {
            chosen(&officer, "shili_a").await;
        }
        let page = officer.get("/proxy-entries?size=50").await.is(200);
        assert_eq!(page.texts("tbody tr").len(), 7);
        assert!(page.statements == one && one <= 6, "{one}, then {}", page.statements);
        let found = officer.get("/proxy-entries/new?username=shili").await.is(200);
        assert!(found.statements <= 6, "{}", found.statements);
    }
}
