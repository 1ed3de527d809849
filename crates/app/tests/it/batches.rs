//! 导入核销: a file of write-offs, its preview, its result, and the batches of a bureau.

use app::parts::spreadsheet::{Head, Value, write_csv, write_xlsx};

use crate::support::{Browser, Page, Site, cells};
use crate::write_off::{self, Yard, stands};

const TITLES: [&str; 8] =
    ["证明号*", "产品序号*", "数量/重量", "HS 标准量", "口岸代码*", "报关单号", "预核销编号", "说明"];

fn heads(titles: &[&str]) -> Vec<Head> {
    let head = |t: &&str| Head { title: (*t).to_owned(), is_required: false, is_text: true, choices: Vec::new() };
    titles.iter().map(head).collect()
}

fn values(rows: &[[&str; 8]]) -> Vec<Vec<Value>> {
    rows.iter().map(|r| r.iter().map(|v| Value::Text((*v).to_owned())).collect()).collect()
}

fn csv(rows: &[[&str; 8]]) -> Vec<u8> {
    write_csv(&heads(&TITLES), &values(rows))
}

pub async fn upload(officer: &Browser, number: &str, name: &str, content: Vec<u8>) -> Page {
    let token = officer.token().await;
    let fields = [("csrf", token.as_str()), ("number", number)];
    let page = officer.multipart("/write-off/import", &fields, &[(name, content)]).await;
    match page.headers.get("location") {
        Some(next) => officer.get(next.to_str().unwrap()).await,
        None => page,
    }
}

pub async fn number_of(user: &Browser, certificate: i64) -> String {
    user.get(&format!("/certificates/{certificate}")).await.is(200).texts("h1 .code").remove(0)
}

/// R-2.8-17, -18: template, preview with the verdict of each line, confirmation, result, and its file.
#[tokio::test]
async fn r_2_8_17_a_file_of_write_offs_is_checked_confirmed_and_kept() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let officer = &yard.here;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "20")]).await;
        let number = number_of(&yard.user, c).await;
        write_off::declare(&site, &yard.user, c, &[(1, "5", "5")]).await.is(200);
        let item = write_off::items(&site).await[0].to_string();
        let decision = write_off::case(&site, officer).await.is(200);
        decision.sees(&format!("编号 {item}"));

        // From the menu to the template, with the ports of the bureau to choose from.
        let menu = officer.get("/main").await.link("批量核销");
        let list = officer.get(&menu).await.is(200).sees("还没有批次");
        let page = officer.get(&list.link("导入核销")).await.is(200).sees("第一步：下载模板");
        let template = officer.get(&page.link("下载 CSV 模板")).await.is(200);
        assert_eq!(cells(&template.body)[0], TITLES);
        let template = officer.get(&page.link("下载 XLSX 模板")).await.is(200);
        assert_eq!(cells(&template.body)[0], TITLES);

        let rows = [
            [number.as_str(), "1", "4", "4", "吴淞海关（2202）", "220220261000000015", "", ""],
            [&number, "1", "7", "7", "2202", "", "", ""],
            [&number, "２", "5", "5", "2202", "", &item, ""],
            [&number, "2", "5", "5", "2202", "", &item, ""],
            ["1", "x", "", "", "", "1", "y", "短"],
        ];
        let heads = heads(&TITLES);
        let xlsx = write_xlsx(&heads, &values(&rows), &[], site.app.now()).unwrap();
        for (name, content) in [("核销.csv", csv(&rows)), ("核销.xlsx", xlsx)] {
            let preview = upload(officer, "", name, content).await.is(200).sees(name);
            let preview = preview.sees("共 5 行：2 行可以核销，3 行不能核销");
            let verdicts = preview.texts("tbody tr td:last-child");
            let expected = ["可以核销", "余量不足：数量/重量最多 6", "可以核销", "该项已确认", "证明号：证明号"];
            for (verdict, expected) in verdicts.iter().zip(expected) {
                assert!(verdict.contains(&expected[..12]), "{verdict}");
            }
            assert!(preview.statements <= 12, "{}", preview.statements);
            let only = officer.get(&preview.link("只看不能核销的行")).await.is(200);
            assert_eq!(only.texts("tbody tr").len(), 3);
            officer.get(&only.link("显示全部")).await.is(200);
        }
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "0", "10", "0", "0"], "nothing was done");

        let preview = upload(officer, "B-1", "核销.csv", csv(&rows)).await.is(200).sees("B-1");
        let form = preview.form("确认核销（2 行）");
        let result = officer.send(&form).await.is(200).sees("已核销 2 行，3 行没有核销");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "4", "10", "0", "4"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "0", "5", "20", "0", "5"]);
        assert_eq!(result.texts("tbody tr").len(), 5);
        // A double click, and the same file under its number, find the first result.
        officer.send(&form).await.is(200).at(&result.path).sees("没有再次核销");
        upload(officer, "B-1", "再传.csv", csv(&rows)).await.is(200).at(&result.path).sees("没有再次核销");
        let other = upload(officer, "B-1", "核销.csv", csv(&rows[..1])).await.is(422);
        assert!(other.error("number").contains("批次号 B-1 已用于另一份内容"), "{}", other.error("number"));
        assert_eq!(other.value("number"), "B-1");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "4", "10", "0", "4"]);

        let only = officer.get(&result.link("只看没有核销的行")).await.is(200);
        assert_eq!(only.texts("tbody tr").len(), 3);
        let file = cells(&officer.get(&result.link("导出 CSV")).await.is(200).body);
        assert_eq!((file.len(), file[1][9].as_str(), file[2][9].as_str()), (6, "已核销", "没有核销"));
        assert_eq!(file[1][1], number);
        officer.get(&result.link("导出 XLSX")).await.is(200);
        // The rejected ones, mended, are a new batch.
        let rejected = officer.get(&result.link("导出没有核销的行")).await.is(200);
        let again = upload(officer, "B-2", "改.xlsx", rejected.body).await.is(200);
        again.sees("共 3 行：0 行可以核销").sees_no("确认核销（");

        let list = officer.get("/write-off/batches?number=b-1").await.is(200).sees("B-1");
        let cells = list.texts("tbody tr:first-child td");
        assert_eq!((cells[3].as_str(), cells[4].as_str(), cells[5].as_str()), ("5", "2", "3"));
        officer.get("/write-off/batches?source=没有").await.is(200).sees("没有符合条件的批次");
        // To other bureaus it does not exist.
        yard.elsewhere.get("/write-off/batches").await.is(200).sees("还没有批次");
        yard.elsewhere.get(&result.path).await.is(404);
        yard.elsewhere.get(&format!("{}/export?format=csv", result.path)).await.is(404);
        yard.elsewhere.send(&form.clone().set("csrf", &yard.elsewhere.token().await)).await.is(409);
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// A file that is none is refused with every reason, and what was typed stays.
#[tokio::test]
async fn a_file_that_cannot_be_write_offs_is_refused_with_a_reason() {
    for site in Site::each().await {
        let officer = Yard::of(&site).await.here;
        let none = upload(&officer, "批 次", "", Vec::new()).await.is(422);
        assert!(none.error("file").contains("请先选择") && none.error("number").contains("批次号只能由"));
        let wrong = "证明号,数量/重量,数量/重量,别的\n1,2,3,4\n".as_bytes().to_vec();
        let page = upload(&officer, "B-1", "错.csv", wrong).await.is(422).sees("“错.csv”不能导入，没有核销");
        let page = page
            .sees("缺少栏目“产品序号”")
            .sees("缺少栏目“口岸代码”")
            .sees("出现了两次")
            .sees("“别的”不是模板中的栏目");
        assert_eq!(page.value("number"), "B-1");
        upload(&officer, "", "空.csv", csv(&[])).await.is(422).sees("只有标题");
        let line = ["31000020260000015", "1", "1", "1", "2202", "", "", ""];
        upload(&officer, "", "大.csv", csv(&vec![line; 1001])).await.is(422).sees("文件超过 1000 行");
        upload(&officer, "", "坏.xlsx", b"PK\x03\x04broken".to_vec()).await.is(422).sees("文件无法读取");
        officer
            .get("/write-off/import/00000000-0000-4000-8000-000000000000?number=B-1")
            .await
            .is(409)
            .sees("超过一小时");
        assert_eq!(site.number("SELECT COUNT(*) FROM write_off_batch").await, 0);
    }
}

/// The preview of many lines sends as many statements as that of a few.
#[tokio::test]
async fn the_preview_sends_a_bounded_number_of_statements() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let number = number_of(&yard.user, c).await;
        let line = [number.as_str(), "1", "0.01", "0.01", "2202", "", "", ""];
        let few = upload(&yard.here, "", "a.csv", csv(&[line; 3])).await.is(200);
        let many = upload(&yard.here, "", "b.csv", csv(&vec![line; 900])).await.is(200).sees("900 行可以核销");
        assert_eq!(few.statements, many.statements);
        assert_eq!(many.texts("tbody tr").len(), 20);
    }
}
