//! 办前自查: catalogue, art. 41, clause, place, papers; without login, all of it in the query.

use crate::support::{Page, Site};

/// Answers a question by its link parameters, as the form without script does.
fn answer(page: &Page, button: &str, fields: &[(&str, &str)]) -> String {
    let form = page.form(button).fill(fields);
    format!("{}?{}", form.action, form.body())
}

#[tokio::test]
async fn the_pre_check_leads_from_the_product_to_the_papers() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let home = visitor.get("/").await.is(200);
        let page = visitor.get(&home.link("办前自查")).await.is(200).sees("第 1 步").sees("仅供参考");
        let hits = visitor.get(&answer(&page, "查询", &[("name", "空调器")])).await.is(200).sees("以上都不是我的产品");
        assert!(hits.texts("input[name=hs] + span strong").len() > 2);
        let page = visitor.get(&answer(&hits, "下一步", &[("hs", "8415101000")])).await.is(200).sees("第 2 步");
        let page = page.sees("第四十一条").sees("外国驻华使馆");
        let page = visitor.get(&answer(&page, "下一步", &[("exempt", "none")])).await.is(200).sees("第 3 步");
        assert_eq!(page.texts("input[name=clause] + span strong").len(), 10, "nine clauses and none of them");
        let page = visitor.get(&answer(&page, "下一步", &[("clause", "6")])).await.is(200).sees("第 4 步");
        let result = visitor.get(&answer(&page, "查看结果", &[("province", "310000")])).await.is(200);
        let result = result
            .sees("可以申请免办证明")
            .sees("仅供参考")
            .sees("6. 暂时进口后需退运出关的产品（含展览品）")
            .sees("上海出入境检验检疫局")
            .sees("通常 90 天")
            .sees("营业执照")
            .sees("退运保函")
            .sees("打印结果");
        assert_eq!(result.link("注册"), "/registration/terms");
        // Nothing was stored, and nobody was asked who he is.
        assert!(!visitor.cookies.lock().unwrap().contains_key("mianban"));
        // After the log-in the clause is chosen already.
        site.company().await;
        let login = visitor.get(&result.link("登录后填写新申请")).await.is(200);
        let fields = [("username", "shili_a"), ("password", crate::support::PASSWORD)];
        let declaration = visitor.send(&login.form("登录").fill(&fields)).await.is(200).sees("申请人声明");
        let clause = visitor.send(&declaration.form("我同意")).await.is(200);
        assert_eq!(clause.attribute("input[name=clause_code][checked]", "value").as_deref(), Some("6"));
        let signed = visitor.get(&result.path).await.is(200);
        assert_eq!(signed.link("填写新申请"), "/applications/declaration?clause=6");
    }
}

#[tokio::test]
async fn whoever_needs_nothing_is_told_not_to_apply() {
    for site in Site::each().await {
        let visitor = site.visitor();
        for (query, says) in [
            ("hs=none", "不在强制性产品认证目录内的产品"),
            ("hs=8415101000&exempt=traveller", "请不要在本系统提交申请"),
            ("hs=8415101000&exempt=none&clause=none", "应先取得强制性产品认证"),
        ] {
            let page = visitor.get(&format!("/pre-check?{query}")).await.is(200).sees(says).sees("仅供参考");
            let page = page.sees_no("填写新申请").sees("重新自查");
            assert!(!page.link("重新回答").is_empty());
        }
    }
}

#[tokio::test]
async fn a_missing_answer_is_asked_for_and_a_strange_one_is_none() {
    for site in Site::each().await {
        let visitor = site.visitor();
        for (query, field) in [
            ("at=1", "code"),
            ("at=hits&name=%E7%A9%BA%E8%B0%83", "hs"),
            ("hs=8415101000&at=2", "exempt"),
            ("hs=8415101000&exempt=none&at=3", "clause"),
            ("hs=8415101000&exempt=none&clause=1&at=4", "province"),
            ("hs=8415101000&exempt=none&clause=1&province=330000&at=city", "city"),
        ] {
            let page = visitor.get(&format!("/pre-check?{query}")).await.is(422);
            assert_eq!(page.faulty_fields(), [field], "{query}");
        }
        let first = visitor.get("/pre-check?name=%E7%A9%BA%E8%B0%83").await.is(200);
        visitor.get(&answer(&first, "下一步", &[])).await.is(422).sees("请选择产品类型");
        for strange in ["hs=1", "hs=8415101000&exempt=x", "hs=8415101000&exempt=none&clause=99"] {
            visitor.get(&format!("/pre-check?{strange}")).await.is(200).sees_no("可以申请免办证明");
        }
        // A province with two direct bureaus asks for the city; 宁波 is not 浙江.
        let query = "/pre-check?hs=8415101000&exempt=none&clause=1&province=330000";
        let page = visitor.get(query).await.is(200).sees("市级");
        let ningbo = visitor.get(&answer(&page, "查看结果", &[("city", "330200")])).await.is(200);
        ningbo.sees("宁波出入境检验检疫局");
    }
}
