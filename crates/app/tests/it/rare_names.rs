//! Names from everywhere: they go all the way to a certificate, and what no face has is said at the field, at the row of a
//! file and at 提交申请, never at 发证 (E27, D33). `pdf/tests` typesets the same names.

use domain::actor::Post;

use crate::registration;
use crate::story::{self, AIR_CONDITIONER, Bureau, add_product, attach, decide, fill_basics, open_draft, submit};
use crate::support::{Browser, Page, Site};
use crate::tables::{csv, import, row, titles};

/// A character of extension G, which no packaged face has.
const RARE: &str = "\u{30EDE}";
/// What is said of it.
const SAID: &str = "“\u{30EDE}”（U+30EDE）暂无法印在证明上";

fn names() -> Vec<&'static str> {
    include_str!("../../../pdf/tests/it/names.txt").lines().collect()
}

/// 企业用户信息 with other fields.
async fn change_profile(user: &Browser, fields: &[(&str, &str)]) -> Page {
    let page = user.get("/profile/particulars").await.is(200);
    user.send(&page.form("保存").fill(fields)).await
}

async fn sql(site: &Site, statement: &str) {
    db::testing::try_sql(&site.app.db, statement).await.unwrap();
}

#[tokio::test]
async fn names_from_everywhere_go_all_the_way_to_a_certificate() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let names = names();
        let holder = "𠮷野家示例（上海）有限公司";
        change_profile(&user, &[("org_name", holder), ("org_address", "上海市浦东新区𬭎路 100 号")]).await.is(200);
        let id = open_draft(&user).await;
        let purpose = names.join("；");
        let basics = [("use_unit_name", names[0]), ("contract_no", names[9]), ("purpose", purpose.as_str())];
        fill_basics(&user, &id, &basics).await.is(200);
        for four in names.chunks(4) {
            let fields: Vec<_> =
                ["product_name", "model", "brand", "manufacturer"].into_iter().zip(four.iter().copied()).collect();
            add_product(&user, &id, AIR_CONDITIONER, &fields).await.is(200);
        }
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let rows: Vec<_> =
            names.iter().map(|name| row(&site, &titles, &[("规格型号", name), ("生产厂名", name)])).collect();
        let imported = import(&user, &id, "a.csv", csv(&titles, &rows)).await.is(200);
        imported.sees(&format!("已导入 {} 个产品", names.len()));
        attach(&site, &user, &id, "1").await;
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        submit(&user, &id).await;
        bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees(holder).sees_no("暂不能打印");
        bureau.bring_to(&id, Post::Terminate).await;
        site.work().await;
        let page = user.get(&format!("/applications/{id}/certificate")).await.is(200).sees(holder);
        let paper = user.get(&page.link("下载证明")).await.is(200).html();
        for name in names {
            // Composed at the edge: a letter with an accent is one character wherever there is one.
            let composed = name.replace("e\u{301}", "é");
            assert!(paper.contains(&composed), "{name} is not on paper");
        }
    }
}

#[tokio::test]
async fn what_no_face_has_is_said_at_the_field_and_everything_typed_stays() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let fields = [("org_name", "示例\u{30EDE}厂\u{E000}"), ("org_address", "上海市浦东新区\u{1F600}路 100 号")];
        let page = registration::register(&visitor, &fields).await.is(422);
        assert_eq!(page.faulty_fields(), ["org_name", "org_address"]);
        assert!(page.error("org_name").contains("申请单位中的“\u{30EDE}”（U+30EDE）、“\u{E000}”（U+E000）暂无法印"));
        assert!(page.error("org_address").contains("U+1F600"), "{}", page.error("org_address"));
        assert_eq!(page.value("org_name"), fields[0].1);

        let user = site.company().await;
        let page = change_profile(&user, &[("org_name", "示例\u{30EDE}厂")]).await.is(422);
        assert!(page.error("org_name").contains(SAID));
        // A colleague registers below a name from before, which is not his to mend.
        sql(&site, &format!("UPDATE organisation SET name = '示例{RARE}厂'")).await;
        registration::register(&site.visitor(), &[("username", "shili_b")]).await.is(200).sees("注册成功");

        let id = open_draft(&user).await;
        let texts = ["use_address", "use_unit_name", "contract_no", "invoice_no", "bl_no", "purpose"];
        let typed = format!("用于能效对比测试的样机{RARE}");
        let fields = texts.map(|field| (field, typed.as_str()));
        let page = fill_basics(&user, &id, &fields).await.is(422);
        assert_eq!(page.faulty_fields(), texts);
        for field in texts {
            assert!(page.error(field).contains(SAID), "{field}: {}", page.error(field));
            assert_eq!(page.value(field), typed);
        }
        // What is not printed may hold it.
        fill_basics(&user, &id, &[("remark", RARE), ("use_contact", "张\u{30EDE}")]).await.is(200);

        let texts = ["product_name", "model", "brand", "manufacturer"];
        let page = add_product(&user, &id, AIR_CONDITIONER, &texts.map(|field| (field, "样\u{30EDE}"))).await.is(422);
        assert_eq!(page.faulty_fields(), texts);
        assert!(page.error("model").contains(&format!("规格型号中的{SAID}")));
        // Scripts that no face covers; of many characters twenty are named.
        let many: String = ('\u{30000}'..='\u{3003B}').collect();
        let fields = [("brand", "شركة"), ("manufacturer", "ตัวอย่าง उदाहरण"), ("product_name", many.as_str())];
        let page = add_product(&user, &id, AIR_CONDITIONER, &fields).await.is(422);
        assert_eq!(page.faulty_fields(), ["product_name", "brand", "manufacturer"]);
        assert!(page.error("brand").contains("U+0634") && page.error("manufacturer").contains("U+0E15"));
        let said = page.error("product_name");
        assert!(said.matches("U+").count() == 20 && said.contains("等 60 个字符"), "{said}");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
    }
}

#[tokio::test]
async fn what_no_face_has_is_said_at_the_row_of_a_file() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let rows = [&[][..], &[("商标", "样\u{30EDE}"), ("规格型号", "A\u{1F600}")]]
            .map(|changes| row(&site, &titles, changes));
        let page = import(&user, &id, "a.csv", csv(&titles, &rows)).await.is(422);
        let lines = page.texts(".error-summary li");
        for start in [
            "第 3 行「商标」：商标中的“\u{30EDE}”（U+30EDE）暂无法印",
            "第 3 行「规格型号」：规格型号中的“\u{1F600}”（U+1F600）",
        ] {
            assert!(lines.iter().any(|line| line.starts_with(start)), "{start} is not in {lines:#?}");
        }
    }
}

/// What was stored before the fields said so stops 提交申请, with a way to mend each.
#[tokio::test]
async fn what_no_face_has_stops_the_submission() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let stored = format!(
            "UPDATE application SET applicant_name = '示例{RARE}厂', use_unit_name = '使用{RARE}' WHERE id = {id}"
        );
        sql(&site, &stored).await;
        sql(&site, &format!("UPDATE application_item SET model = '型{RARE}' WHERE application_id = {id}")).await;
        let check = user.get(&format!("/applications/{id}/submission")).await.is(200);
        let refused = user.send(&check.form("提交申请")).await.is(422);
        for page in [check, refused] {
            let page = page.sees(&format!("使用单位中的{SAID}")).sees(&format!("规格型号中的{SAID}"));
            page.sees(&format!("申请单位中的{SAID}")).sees("刷新申请单位信息").sees("产品“窗式空调器样机”");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state <> 'draft'").await, 0);

        let basics = user.get(&format!("/applications/{id}/basics")).await.is(200);
        user.send(&basics.form("刷新申请单位信息")).await.is(200).sees("已刷新");
        fill_basics(&user, &id, &[]).await.is(200);
        let list = user.get(&format!("/applications/{id}/items")).await.is(200);
        let product = user.get(&list.link("查看")).await.is(200);
        user.send(&product.form("保存并关闭").set("model", "型号")).await.is(200);
        submit(&user, &id).await;
    }
}

/// A case that was submitted before is named to the officers, and everything in it can be mended by a correction, what is
/// locked in other corrections too.
#[tokio::test]
async fn a_case_submitted_before_is_mended_by_a_correction() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let stored = format!(
            "UPDATE application SET applicant_name = '示例{RARE}厂', use_address = '地址{RARE}' WHERE id = {id}"
        );
        sql(&site, &stored).await;
        let stored = format!("UPDATE organisation SET name = '示例{RARE}厂'");
        sql(&site, &stored).await;
        let note = "证明暂不能打印下列字：“\u{30EDE}”（U+30EDE）";
        bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees(note);
        let back = [("decision", "return"), ("opinion", "名称和地址请改用其他写法"), ("part", "basics")];
        decide(&bureau.accept, &id, &back).await.is(200);

        let basics = user.get(&format!("/applications/{id}/basics")).await.is(200).sees("不能印在证明上的字");
        let page = user.send(&basics.form("保存")).await.is(422);
        assert_eq!(page.faulty_fields(), ["use_address"]);
        user.send(&page.form("保存").set("use_address", "示例科技园 3 号楼")).await.is(200);
        let user = site.sit_down(site.account("shili_a").await).await;
        change_profile(&user, &[("org_name", "示例厂")]).await.is(200);
        let user = site.sit_down(site.account("shili_a").await).await;
        let basics = user.get(&format!("/applications/{id}/basics")).await.is(200).sees("示例\u{30EDE}厂");
        user.send(&basics.form("刷新申请单位信息")).await.is(200).sees("示例厂").sees_no(RARE);
        // Mended, both are locked again.
        let basics = user.get(&format!("/applications/{id}/basics")).await.is(200).sees_no("刷新申请单位信息");
        assert!(!basics.has_field("use_address"));
        submit(&user, &id).await;
        bureau.bring_to(&id, Post::Terminate).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate").await, 1);
    }
}

/// The last look before the number is given: nothing is issued that could not be printed, and what was typed stays.
#[tokio::test]
async fn e_27_nothing_is_issued_that_cannot_be_printed() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Issue).await;
        sql(&site, &format!("UPDATE application_item SET brand = '样{RARE}' WHERE application_id = {id}")).await;
        let page = decide(&bureau.issue, &id, &[("decision", "issue"), ("opinion", "保留的意见")]).await.is(409);
        let page = page.sees("证明暂不能打印下列字：“\u{30EDE}”（U+30EDE）");
        assert_eq!(page.value("opinion"), "保留的意见");
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate").await, 0);
    }
}

/// What CNCA's pages take is printed, too: no enterprise could mend it.
#[tokio::test]
async fn reference_data_that_is_printed_can_be_printed() {
    for site in Site::each().await {
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        let page = keeper.get("/reference/regions/new").await.is(200);
        let new = [("code", "310199"), ("name", "示例\u{30EDE}新区"), ("parent_code", "310100")];
        let page = keeper.send(&page.form("保存").fill(&new)).await.is(422);
        assert!(page.error("name").contains(SAID), "{}", page.error("name"));
        keeper.send(&page.form("保存").set("name", "示例𠮷新区")).await.is(200).sees("已添加");
        let page = keeper.get("/reference/regions/310199").await.is(200);
        assert!(keeper.send(&page.form("保存").set("name", RARE)).await.is(422).error("name").contains(SAID));
    }
}
