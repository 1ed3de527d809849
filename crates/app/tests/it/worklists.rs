//! Worklists per post: 我的, 本岗, 本局; taking, giving back, 改派, 移交; the service clock; saved filters; the next case
//! (requirements R-B-01 to -05, -06, -07, -12; E14; workflow §4).

use axum::http::Method;
use domain::actor::Post;
use domain::time::Clock as _;

use crate::amendments::{self, Desk};
use crate::story::{self, Bureau, decide};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// 浦东局, a branch of 上海局.
const PUDONG: &str = "310000B01";

/// The numbers on a list, in its order.
fn numbers(page: &Page) -> Vec<String> {
    page.texts("#result [data-open]")
}

/// The number of an entry of the menu.
fn in_menu(page: &Page, label: &str) -> String {
    let entries = page.texts("nav a");
    let entry = entries.iter().find(|e| e.starts_with(label)).unwrap_or_else(|| panic!("{label} in {entries:?}"));
    let n: String = entry.chars().filter(char::is_ascii_digit).collect();
    if n.is_empty() { "0".to_owned() } else { n }
}

async fn several(site: &Site, user: &Browser, n: usize) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for _ in 0..n {
        let id = story::complete_draft(site, user).await;
        let number = story::submit(user, &id).await;
        site.clock.set(site.clock.now().plus_minutes(1));
        out.push((id, number));
    }
    out
}

/// R-B-01 to -05: three scopes; the menu counts what the lists show; the longest waiting comes first.
#[tokio::test]
async fn r_b_01_mine_post_and_bureau_and_the_menu_counts_what_they_show() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cases = several(&site, &user, 3).await;
        bureau.bring_to(&cases[2].0, Post::FirstReview).await;
        let page = bureau.accept.get("/casework?post=accept").await.is(200).sees("共 2 条");
        assert_eq!(numbers(&page), [cases[0].1.clone(), cases[1].1.clone()]);
        assert_eq!((in_menu(&page, "受理"), in_menu(&page, "我的待办")), ("2".to_owned(), "0".to_owned()));
        let page = bureau.accept.get("/casework?scope=bureau").await.is(200).sees("共 3 条").sees("初审中");
        assert_eq!((numbers(&page).len(), in_menu(&page, "本局待办")), (3, "3".to_owned()));
        bureau.accept.get("/casework?scope=mine").await.is(200).sees("您没有正在办理的单据");

        // 办理所选, 放弃所选.
        let list = bureau.accept.get("/casework?post=accept").await;
        let both = list.form("办理所选").tick("case", &cases[0].0).tick("case", &cases[1].0);
        let page = bureau.accept.send(&both).await.is(200).sees("已由您办理 2 件单据").at("/casework?post=accept");
        assert_eq!(in_menu(&page, "我的待办"), "2");
        let mine = bureau.accept.get("/casework?scope=mine").await.is(200).sees("共 2 条");
        bureau
            .accept
            .send(&mine.form("放弃所选").tick("case", &cases[1].0))
            .await
            .is(200)
            .sees("已放弃办理 1 件单据")
            .sees("共 1 条");
        bureau.accept.send(&list.form("办理所选")).await.is(400).sees("请先在列表中勾选单据");
        // A narrowed list: the number of its heading is that of its rows.
        let page = bureau.accept.get("/casework?post=accept&taken=no").await.is(200).sees("共 1 条");
        assert_eq!(numbers(&page), [cases[1].1.clone()]);
        bureau.accept.get("/casework?post=accept&hs_prefix=8415").await.sees("共 2 条");
        bureau.accept.get("/casework?post=accept&hs_prefix=9999").await.sees("没有符合条件的单据");
        bureau.accept.get("/casework?post=accept&from=2026-11-24").await.sees("没有符合条件的单据");
        bureau.accept.get("/casework?post=accept&clause=5").await.sees("没有符合条件的单据");
        let page = bureau.accept.get("/casework?post=accept&hs_prefix=8x&from=x").await.is(422);
        assert_eq!(page.faulty_fields(), ["hs_prefix", "from"]);
    }
}

/// R-B-01: a list goes on where the page before it ended, forwards and back.
#[tokio::test]
async fn r_b_01_a_long_list_is_turned_by_its_keys() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let all: Vec<_> = several(&site, &user, 12).await.into_iter().map(|(_, n)| n).collect();
        let first = officer.get("/casework?post=accept&size=10").await.is(200).sees("共 12 条");
        assert_eq!(numbers(&first), all[..10]);
        let second = officer.get(&first.link("下一页")).await.is(200);
        assert_eq!(numbers(&second), all[10..]);
        let back = officer.get(&second.link("上一页")).await.is(200);
        assert_eq!(numbers(&back), all[..10]);
        assert!(!back.offers().contains(&"上一页".to_owned()));
    }
}

/// E14: two officers who take the same case at once: one has it, the other is told by whom.
#[tokio::test]
async fn e_14_two_take_the_same_case_and_one_has_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let one = site.officer("officer_one", SHANGHAI, &[Post::Accept]).await;
        let two = site.officer("officer_two", SHANGHAI, &[Post::Accept]).await;
        let cases = several(&site, &user, 2).await;
        let form = |page: Page| page.form("办理");
        let (a, b) = (
            form(one.get(&format!("/casework/{}", cases[0].0)).await),
            form(two.get(&format!("/casework/{}", cases[0].0)).await),
        );
        let (a, b) = tokio::join!(one.send_once(&a), two.send_once(&b));
        let (refusal, winner) = if a.status == 303 { (b, "officer_one") } else { (a, "officer_two") };
        assert_eq!(refusal.status, 409, "{}", refusal.text());
        assert!(refusal.text().contains(&format!("{winner} 某 已于")), "{}", refusal.text());
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'take'").await, 1);
        // From the list: what the other has is named, the rest is taken.
        let loser = if winner == "officer_one" { &two } else { &one };
        let list = loser.get("/casework?post=accept").await;
        let page = loser.send(&list.form("办理所选").tick("case", &cases[0].0).tick("case", &cases[1].0)).await;
        page.is(200).sees("已由您办理 1 件单据").sees(&format!("{} 由 {winner} 某 办理", cases[0].1));
    }
}

/// E14: 改派 by 局系统管理员 or the holder, with a reason, to somebody who holds the post; all or nothing.
#[tokio::test]
async fn e_14_cases_are_reassigned_to_who_holds_the_post() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let head = site.officer("sh_head", SHANGHAI, &[Post::BureauAdmin]).await;
        let two = site.officer("sh_two", SHANGHAI, &[Post::Accept]).await;
        let gone = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        let cases = several(&site, &user, 2).await;
        let list = head.get("/casework").await.is(200).sees("本局待办");
        let form = list.form("改派所选").tick("case", &cases[0].0).tick("case", &cases[1].0);
        let page = head.send(&form).await.is(200).sees("改派的单据（2 件）").sees("sh_two 某（受理）");
        assert!(!page.text().contains("sh_first 某"), "only who holds the post is offered");
        let page = head.send(&page.form("改派").set("assignee", "")).await.is(422);
        assert_eq!(page.faulty_fields(), ["assignee", "reason"]);
        for (username, why) in [("sh_first", "没有该岗位"), ("js_accept", "不是本局在用的账号")] {
            let id = site.account(username).await.to_string();
            let form = page.form("改派").fill(&[("assignee", &id), ("reason", "平衡工作量")]);
            let page = head.send(&form).await.is(422);
            assert!(page.error("assignee").contains(why), "{}", page.error("assignee"));
            assert_eq!(page.value("reason"), "平衡工作量");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE handler_id IS NOT NULL").await, 0);
        let id = site.account("sh_two").await.to_string();
        let form = page.form("改派").fill(&[("assignee", &id), ("reason", "平衡工作量")]);
        head.send(&form).await.is(200).sees("已将 2 件单据改派给 sh_two 某");
        assert_eq!(
            site.number("SELECT COUNT(*) FROM audit WHERE action = 'reassign' AND opinion = '平衡工作量'").await,
            2
        );
        let page = two.get("/casework?scope=mine").await.sees("共 2 条");
        two.get(&page.hrefs("#result [data-open]")[0]).await.is(200).sees("改派").sees("平衡工作量").sees("由我办理");
        user.get(&format!("/applications/{}", cases[0].0)).await.sees_no("平衡工作量");
        // Whoever has it may pass it on; who neither has it nor administers may not; another bureau sees nothing.
        let path = format!("/casework/assignment?case={}", cases[0].0);
        two.get(&path).await.is(200);
        bureau.accept.get(&path).await.is(403).sees("只能改派由您办理的单据");
        let me = site.account("sh_accept").await.to_string();
        let fields = [("case", cases[0].0.as_str()), ("assignee", &me), ("reason", "我来办")];
        bureau.accept.force(&Method::POST, "/casework/assignment", &fields).await.is(403);
        gone.force(&Method::POST, "/casework/assignment", &fields).await.is(404);
    }
}

/// R-B-03, D6: nobody is given the 终审 of what he passed at 初审.
#[tokio::test]
async fn r_b_03_the_first_reviewer_is_not_given_the_final_review() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let head = site.officer("sh_head", SHANGHAI, &[Post::BureauAdmin]).await;
        let both = site.officer("sh_both", SHANGHAI, &[Post::FirstReview, Post::FinalReview]).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        decide(&both, &id, &[("decision", "pass")]).await.is(200);
        let target = site.account("sh_both").await.to_string();
        let page = head.get(&format!("/casework/assignment?case={id}")).await.is(200);
        let page = head.send(&page.form("改派").fill(&[("assignee", &target), ("reason", "请办理")])).await.is(422);
        assert!(page.error("assignee").contains("终审须由另一人办理"));
    }
}

/// R-B-01: filters are saved under a name, renamed, deleted; one of them opens the worklist; they are his own.
#[tokio::test]
async fn r_b_01_filters_are_saved_and_one_opens_the_list() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let other = site.officer("sh_other", SHANGHAI, &[Post::Accept]).await;
        several(&site, &user, 1).await;
        let list =
            officer.get("/casework?post=accept&applicant=%E7%A4%BA%E4%BE%8B&taken=no").await.is(200).sees("共 1 条");
        let page = officer.get(&list.link("把当前条件存为常用条件")).await.is(200);
        let page = page.sees("受理岗；申请单位：示例；办理人：未办理");
        let empty = officer.send(&page.form("保存常用条件")).await.is(422);
        assert_eq!(empty.faulty_fields(), ["name"]);
        let form = page.form("保存常用条件").set("name", "我的条件").tick("is_default", "on");
        officer.send(&form).await.is(200).sees("已保存常用条件“我的条件”").sees("管理常用条件").sees("共 1 条");
        let page = officer.send(&form).await.is(422);
        assert!(page.error("name").contains("同名"));
        // Bare, the list opens with it.
        let page = officer.get("/casework").await.is(200);
        assert_eq!((page.value("applicant"), page.value("taken")), ("示例".to_owned(), "no".to_owned()));
        let page = other.get("/casework").await.is(200).sees_no("我的条件").sees("受理待办");
        assert_eq!(page.value("applicant"), "");

        let page = officer.get("/casework/saved-filters").await.is(200).sees("默认");
        let id = site.number("SELECT id FROM saved_filter").await;
        officer.send(&page.form_of("改名 我的条件").set("name", " ")).await.is(422).sees("请填写名称");
        let page = officer.send(&page.form_of("改名 我的条件").set("name", "示例单位")).await.is(200).sees("示例单位");
        other.force(&Method::POST, &format!("/casework/saved-filters/{id}"), &[("name", "别人")]).await.is(404);
        other.force(&Method::POST, &format!("/casework/saved-filters/{id}/deletion"), &[]).await.is(404);
        let page = officer.send(&page.form_of("取消默认 示例单位")).await.is(200).sees("已取消默认");
        officer.get("/casework").await.is(200).at("/casework");
        officer.send(&page.form_of("删除 示例单位")).await.is(200).sees("还没有常用条件");
    }
}

/// R-B-01: the colours follow working days: a weekend does not count, and nothing is approved by the clock.
#[tokio::test]
async fn r_b_01_the_wait_is_amber_and_red_by_working_days() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        // Monday; 受理 has two working days, from the second one on it is close to the end.
        let id = several(&site, &user, 1).await.remove(0).0;
        let again = async |hours| {
            site.clock.pass_hours(hours);
            crate::amendments::again(&site, "sh_accept").await
        };
        officer.get("/casework?post=accept").await.sees_no("临期 1 件").sees_no("超期 1 件");
        let officer = again(24).await;
        officer.get("/casework?post=accept").await.sees_no("临期 1 件");
        let officer = again(24).await;
        let page = officer.get("/casework?post=accept").await.sees("临期 1 件").sees("2 个工作日 临期");
        assert_eq!(numbers(&officer.get(&page.link("临期 1 件")).await.sees("共 1 条")).len(), 1);
        let officer = again(24).await;
        officer.get("/casework?post=accept&pace=overdue").await.sees("3 个工作日 超期").sees("共 1 条");
        officer.get("/casework?post=accept&pace=in_time").await.sees("没有符合条件的单据");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'accepting'").await, 1);

        // 送补正: the clock stands, for as long as the enterprise needs, and goes on where it stood.
        decide(&officer, &id, &[("decision", "return"), ("part", "basics"), ("opinion", "请补充用途说明")])
            .await
            .is(200);
        let (user, officer) = {
            site.clock.pass_hours(24 * 28);
            (amendments::again(&site, "shili_a").await, amendments::again(&site, "sh_accept").await)
        };
        story::submit(&user, &id).await;
        let page = officer.get("/casework?post=accept").await.sees("3 个工作日 超期").sees("补正再提交");
        assert_eq!(numbers(&page).len(), 1);
        // Another post begins anew.
        decide(&officer, &id, &[("decision", "accept")]).await.is(200);
        let first = site.officer("sh_first", SHANGHAI, &[Post::FirstReview]).await;
        first.get("/casework?post=first_review").await.sees("不到 1 小时").sees_no("超期 1 件");
    }
}

/// R-B-04: while the paper is on its way the clock of 文件对比 stands, and the case is the last of the list.
#[tokio::test]
async fn r_b_04_the_clock_stands_while_the_paper_is_on_its_way() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cases = several(&site, &user, 2).await;
        for (id, _) in &cases {
            bureau.bring_to(id, Post::Compare).await;
        }
        let notice = [
            ("decision", "request_paper"),
            ("address", "上海局受理窗口"),
            ("papers", "责任担保书原件"),
            ("contact", "受理窗口 021-00000000"),
            ("deadline", "2026-12-01"),
        ];
        decide(&bureau.compare, &cases[0].0, &notice).await.is(200);
        let page = bureau.compare.get("/casework?post=compare").await.sees("等待企业");
        assert_eq!(numbers(&page), [cases[1].1.clone(), cases[0].1.clone()]);
        let since = "SELECT waiting_since FROM application WHERE state = 'comparing' AND id = ";
        story::papers_arrive(&bureau.compare, &cases[0].0).await.is(200);
        let now = site.clock.now().millis();
        assert_eq!(site.number(&format!("{since}{}", cases[0].0)).await, now, "nothing was used up before");
        assert_eq!(bureau.compare.get("/casework?post=compare&pace=stopped").await.texts("#result tbody tr").len(), 0);
    }
}

/// R-B-01 to -05: after a decision comes the next case of the same list, its filters kept; with the last one the list.
#[tokio::test]
async fn r_b_02_a_decision_leads_to_the_next_case_of_the_list() {
    for site in Site::each().await {
        let user = site.company().await;
        let one = site.officer("officer_one", SHANGHAI, &[Post::Accept]).await;
        let two = site.officer("officer_two", SHANGHAI, &[Post::Accept]).await;
        let cases = several(&site, &user, 4).await;
        let list = "/casework?post=accept&applicant=%E7%A4%BA%E4%BE%8B";
        // The second one belongs to a colleague.
        two.send(&two.get(&format!("/casework/{}", cases[1].0)).await.form("办理")).await.is(200);
        let page = one.get(list).await.is(200);
        let page = one.get(&page.link("办理下一件")).await.is(200).sees(&cases[0].1);
        let page = one.send(&page.form("办理")).await.is(200).sees("由我办理");
        let page = one.send(&page.form("提交意见").set("decision", "accept")).await.is(200);
        let page = page.sees(&format!("{}：已提交意见“受理”。已打开本列表的下一件。", cases[0].1));
        assert!(page.path.starts_with(&format!("/casework/{}?list=", cases[2].0)), "{}", page.path);
        // A mistake keeps the list.
        let page = one.send(&page.form("提交意见").fill(&[("decision", "refuse"), ("opinion", "短")])).await.is(422);
        let page = one.send(&page.form("提交意见").set("decision", "accept")).await.is(200);
        assert!(page.path.starts_with(&format!("/casework/{}?list=", cases[3].0)), "{}", page.path);
        let page = one.send(&page.form("提交意见").set("decision", "accept")).await.is(200);
        let page = page.sees("本列表没有其他可以办理的单据").at(list);
        assert_eq!(numbers(&page), [cases[1].1.clone()]);
        // Opened by its address, the list of the post follows.
        decide(&two, &cases[1].0, &[("decision", "accept")]).await.is(200).at("/casework?post=accept");
    }
}

/// R-B-12, workflow §4: 移交 by the direct bureau or CNCA, with a reason; both bureaus see it, and the rest of the route
/// stays.
#[tokio::test]
async fn r_b_12_a_running_case_is_transferred_with_a_reason() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let head = site.officer("sh_head", SHANGHAI, &[Post::BureauAdmin]).await;
        let branch = site.officer("pd_first", PUDONG, &[Post::FirstReview]).await;
        let branch_head = site.officer("pd_head", PUDONG, &[Post::BureauAdmin]).await;
        let elsewhere = site.officer("js_head", JIANGSU, &[Post::BureauAdmin]).await;
        let cnca = site.cnca("routing", &[Post::RoutingAdmin]).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        bureau.first.send(&bureau.first.get(&format!("/casework/{id}")).await.form("办理")).await.is(200);
        let path = format!("/casework/{id}/transfer");
        branch.get(&format!("/casework/{id}")).await.is(404);
        bureau.first.get(&path).await.is(403);
        branch_head.get(&path).await.is(403).sees("由直属局或认监委办理");
        elsewhere.get(&path).await.is(404);
        let page = head.get(&format!("/casework/{id}")).await.is(200);
        let page = head.get(&page.link("移交")).await.is(200).sees("浦东").sees_no("江苏出入境检验检疫局");
        let empty = head.send(&page.form("移交")).await.is(422);
        assert_eq!(empty.faulty_fields(), ["bureau", "reason"]);
        let form = page.form("移交").fill(&[("reason", "使用单位在浦东，便于核查")]);
        let nobody = head.send(&form.clone().set("bureau", "310000B02")).await.is(422);
        assert!(nobody.error("bureau").contains("没有初审岗人员"));
        let outside = head.send(&form.clone().set("bureau", JIANGSU)).await.is(422);
        assert_eq!(outside.faulty_fields(), ["bureau"]);
        let form = form.set("bureau", PUDONG);
        head.send(&form).await.is(200).sees("已移交").sees("使用单位在浦东，便于核查").sees("移交后");
        head.send(&form.set("bureau", SHANGHAI)).await.is(409);

        // There it is free, here it can be read; the opinion is in the course that the enterprise reads.
        branch.get("/casework?post=first_review").await.sees("共 1 条").sees("未办理");
        bureau.first.get("/casework?post=first_review").await.sees("没有待办单据");
        bureau.first.get(&format!("/casework/{id}")).await.is(200).sees("移交其他局").sees_no("提交意见");
        user.get(&format!("/applications/{id}")).await.sees("移交其他局").sees("使用单位在浦东，便于核查");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'transfer'").await, 1);
        // Only this step: 终审 is 上海局's as before.
        decide(&branch, &id, &[("decision", "pass")]).await.is(200);
        bureau.last.get("/casework?post=final_review").await.sees("共 1 条");
        branch.get(&format!("/casework/{id}")).await.is(200);

        // CNCA gives the rest of the way to another direct bureau.
        site.officer("js_final", JIANGSU, &[Post::FinalReview]).await;
        let page = cnca.get(&format!("/applications/{id}")).await.is(200);
        let page = cnca.get(&page.link("移交其他局")).await.is(200);
        let form = page.form("移交").fill(&[("bureau", JIANGSU), ("extent", "rest"), ("reason", "生产线已迁至江苏")]);
        cnca.send(&form).await.is(200).sees("已移交");
        let route = |bureau: &str| {
            format!("SELECT COUNT(*) FROM application_route WHERE application_id = {id} AND bureau_code = '{bureau}'")
        };
        assert_eq!(site.number(&route(JIANGSU)).await, 3, "终审, 文件对比, 发证");
        assert_eq!(site.number(&route(PUDONG)).await, 1);
        bureau.last.get(&format!("/casework/{id}")).await.is(200).sees_no("提交意见");
    }
}

/// R-B-12, workflow §4 (5), (6): what the enterprise has for correction is transferred too, and comes back to the same post
/// of the new bureau; the one before reads on.
#[tokio::test]
async fn r_b_12_a_returned_case_is_transferred_and_comes_back_to_the_new_bureau() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let head = site.officer("sh_head", SHANGHAI, &[Post::BureauAdmin]).await;
        let branch = site.officer("pd_first", PUDONG, &[Post::FirstReview]).await;
        let elsewhere = site.officer("js_head", JIANGSU, &[Post::BureauAdmin]).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        let asked = [("decision", "return"), ("opinion", "请补充用途说明"), ("part", "basics")];
        decide(&bureau.first, &id, &asked).await.is(200);
        let arrived = format!("SELECT arrived_at FROM application WHERE id = {id}");
        let since = site.number(&arrived).await;
        site.clock.set(site.app.now().plus_minutes(20));
        let path = format!("/casework/{id}/transfer");
        elsewhere.get(&path).await.is(404);
        let page = head.get(&format!("/casework/{id}")).await.is(200);
        let page = head.get(&page.link("移交")).await.is(200).sees("补正后回到").sees("初审岗");
        let form = page.form("移交").fill(&[("bureau", PUDONG), ("reason", "使用单位在浦东，便于核查")]);
        head.send(&form).await.is(200).sees("已移交").sees("返回修改");
        assert_eq!(site.number(&arrived).await, since, "the enterprise has it as long as before");
        branch.get("/casework?post=first_review").await.sees("没有待办单据");
        user.get(&format!("/applications/{id}")).await.sees("移交其他局").sees("使用单位在浦东，便于核查");
        story::submit(&user, &id).await;
        branch.get("/casework?post=first_review").await.sees("共 1 条");
        bureau.first.get("/casework?post=first_review").await.sees("没有待办单据");
        bureau.first.get(&format!("/casework/{id}")).await.is(200).sees_no("提交意见");
        decide(&branch, &id, &[("decision", "fail"), ("opinion", "用途不属于免办条款范围")]).await.is(200);
        head.get(&path).await.is(409).sees("审批已结束");
    }
}

/// R-B-06, R-B-07, E14: an amendment is taken, taken over with a reason, given back; its holder decides.
#[tokio::test]
async fn r_b_07_an_amendment_belongs_to_who_took_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let two = site.officer("sh_confirm2", SHANGHAI, &[Post::AmendConfirm]).await;
        let id = story::issued(&site, &user, &bureau).await;
        let (certificate, number) = amendments::certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        amendments::change_model(&user, certificate, "KC-27").await.is(200);
        amendments::submit(&user, certificate).await.is(200);
        let path = format!("/amendments/{}", amendments::newest(&site, certificate).await);
        let early = two.get(&path).await.is(200).form("提交意见").fill(&[("decision", "confirm_amendment")]);
        desk.approve.force(&Method::POST, &format!("{path}/taking"), &[]).await.is(409);
        let page = desk.confirm.get(&path).await.is(200);
        desk.confirm.send(&page.form("办理")).await.is(200).sees("由我办理");
        desk.confirm.get("/amendments?mine=1").await.is(200).sees("由我办理（1）").sees(&number);
        two.get("/amendments?state=submitted").await.sees("sh_confirm 某");
        two.send(&early).await.is(409).sees("由 sh_confirm 某 办理");
        let page = two.get(&path).await.is(200).sees("由 sh_confirm 某 办理").sees_no("提交意见");
        let page = two.send(&page.form("接手")).await.is(422);
        assert_eq!(page.faulty_fields(), ["reason"]);
        two.send(&page.form("接手").set("reason", "同事请假")).await.is(200).sees("由我办理").sees("同事请假");
        let page = two.get(&path).await;
        two.send(&page.form("放弃办理")).await.is(200).sees("已放弃办理");
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_amendment WHERE handler_id IS NOT NULL").await, 0);
        user.get(&format!("/certificates/{certificate}")).await.sees_no("同事请假");
    }
}
