//! 本局联系方式: kept by the administrator of a bureau, used by receipt, notice, letters and the public page.

use domain::actor::Post;

use crate::story::{self, Bureau, decide};
use crate::support::{SHANGHAI, Site};

#[tokio::test]
async fn a_bureau_keeps_its_address_and_enterprises_read_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let first = story::submitted(&site, &user).await;
        user.get(&format!("/applications/{first}/receipt")).await.is(200).sees("未登记");
        site.visitor().get("/bureaus?q=%E4%B8%8A%E6%B5%B7").await.is(200).sees("尚未登记");

        // He is reminded, and not held up.
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let main = admin.get("/main").await.is(200).sees("本局联系方式未登记");
        admin.get("/accounts").await.is(200);
        let page = admin.get(&main.link("填写本局联系方式")).await.at("/bureau-contact").is(200);
        let empty = page.form("保存");
        let wrong =
            admin.send(&empty.clone().fill(&[("address", "短"), ("phone", "很多；021-12345678")])).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["address", "phone"]);
        assert!(wrong.error("phone").contains("“很多”不是电话号码") && wrong.value("phone").contains("很多"));
        let filled = [
            ("address", "上海市浦东新区示例路 1 号\u{200b}"),
            ("phone", "（021）12345678 转 801／021—87654321"),
            ("office_hours", "工作日 9:00–11:30"),
            ("paper_receiver", "业务受理窗口"),
        ];
        let saved = admin.send(&empty.clone().fill(&filled)).await.is(200).sees("已保存");
        assert_eq!(saved.value("phone"), "021-12345678转801；021-87654321");
        assert_eq!(saved.value("address"), "上海市浦东新区示例路 1 号");
        saved.sees("地址：（空） → 上海市浦东新区示例路 1 号").sees("导入");
        admin.get("/main").await.is(200).sees_no("本局联系方式未登记");
        // A page from before: what was typed stays, and nothing is overwritten.
        let older = admin.send(&empty.fill(&filled).set("address", "另一个窗口的地址")).await.is(422);
        assert!(older.error("address").contains("已被他人修改"));
        assert_eq!(older.value("address"), "另一个窗口的地址");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'save_bureau_contact'").await, 1);

        let receipt = user.get(&format!("/applications/{first}/receipt")).await.is(200);
        receipt.sees("上海市浦东新区示例路 1 号").sees("021-12345678转801").sees("工作日 9:00–11:30");
        user.get(&format!("/applications/{first}")).await.is(200).sees("上海市浦东新区示例路 1 号");
        let public = site.visitor().get("/bureaus?q=%E4%B8%8A%E6%B5%B7").await.is(200);
        public.sees("上海市浦东新区示例路 1 号").sees("业务受理窗口");

        // The notice begins with it, and stays as it was sent when the bureau moves.
        bureau.bring_to(&first, Post::Compare).await;
        let case = bureau.compare.get(&format!("/casework/{first}")).await.is(200);
        assert_eq!(case.value("address"), "上海市浦东新区示例路 1 号");
        assert_eq!(case.value("contact"), "业务受理窗口，021-12345678转801；021-87654321，工作日 9:00–11:30");
        let notice = [("decision", "request_paper"), ("papers", "责任担保书原件"), ("deadline", "2026-12-01")];
        decide(&bureau.compare, &first, &notice).await.is(200);
        site.work().await;
        let letter = site.mail.letters().into_iter().rfind(|l| l.body.contains("责任担保书原件")).unwrap();
        assert!(letter.body.contains("送达地址：上海市浦东新区示例路 1 号"), "{}", letter.body);
        assert!(
            letter.body.contains("联系方式：") && letter.body.contains("办公时间 工作日 9:00–11:30"),
            "{}",
            letter.body
        );
        let page = admin.get("/bureau-contact").await.is(200);
        admin.send(&page.form("保存").set("address", "上海市浦东新区示例路 2 号")).await.is(200);
        let outcome = user.get(&format!("/applications/{first}/outcome")).await.is(200);
        outcome.sees("上海市浦东新区示例路 1 号").sees_no("示例路 2 号");
        user.get(&format!("/applications/{first}")).await.sees("上海市浦东新区示例路 2 号");

        // CNCA keeps all of them, in one history; a change that waits for its day is said.
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        let page = keeper.get("/reference/bureaus/310000").await.is(200).sees("sh_admin");
        assert_eq!(page.value("office_hours"), "工作日 9:00–11:30");
        let later = page.form("保存").fill(&[("phone", "021-00000009"), ("effective_on", "2026-12-01")]);
        keeper.send(&later).await.is(200).sees("2026-12-01 生效");
        let page = admin.get("/bureau-contact").await.is(200);
        let refused = admin.send(&page.form("保存").set("phone", "021-00000008")).await.is(422);
        assert!(refused.error("address").contains("将于 2026-12-01 生效"));
        for browser in [&bureau.accept, &keeper, &user] {
            browser.get("/bureau-contact").await.is(403);
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}
