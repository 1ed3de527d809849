//! Products from and into XLSX and CSV; an application of two thousand products.

use app::parts::spreadsheet::{Head, Value, write_csv, write_xlsx};
use domain::time::Clock as _;
use rust_xlsxwriter::{Format, Workbook};

use crate::story::{self, AIR_CONDITIONER, Bureau, PRODUCT, add_product, decide, fill_basics, open_draft};
use crate::support::{Browser, Page, Site, cells};

/// A draft whose basic information is filled in.
pub async fn draft(user: &Browser) -> String {
    let id = open_draft(user).await;
    fill_basics(user, &id, &[]).await.is(200);
    id
}

/// What the template of a HS type asks for.
pub async fn titles(user: &Browser, id: &str, hs_code: &str) -> Vec<String> {
    let file = user.get(&format!("/applications/{id}/import/template?hs_code={hs_code}&format=csv")).await.is(200).body;
    cells(&file).remove(0)
}

/// A row of a complete product under these titles, with other values for some columns.
pub fn row(site: &Site, titles: &[String], changes: &[(&str, &str)]) -> Vec<String> {
    let references = site.app.references.now();
    let hs = references.hs_type(AIR_CONDITIONER, site.today()).unwrap();
    titles
        .iter()
        .map(|title| {
            let label = title.trim_end_matches('*');
            if let Some((_, value)) = changes.iter().find(|(column, _)| *column == label) {
                return (*value).to_owned();
            }
            let typed = |field: &str| PRODUCT.iter().find(|(f, _)| *f == field).map_or("", |(_, v)| v).to_owned();
            match label {
                "需免办产品名称" => typed("product_name"),
                "规格型号" => typed("model"),
                "商标" => typed("brand"),
                "生产厂名" => typed("manufacturer"),
                "原产国" => "德国".to_owned(),
                "数量/重量" => typed("qty"),
                "数量/重量单位" => references.unit_name(&hs.unit).to_owned(),
                "HS 标准量" => typed("hs_qty"),
                "单价" => typed("unit_price"),
                "总价" => typed("total_price"),
                "币制" => typed("currency"),
                _ => {
                    let of = |n: &str| label == n || label.starts_with(&format!("{n}（"));
                    let found = label
                        .strip_prefix("产品特性：")
                        .and_then(|_| hs.characteristics.iter().find(|c| of(&format!("产品特性：{}", c.name))));
                    found.map_or(String::new(), |c| c.choices.first().cloned().unwrap_or_else(|| "220".to_owned()))
                }
            }
        })
        .collect()
}

pub fn csv(titles: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    let heads: Vec<_> = titles.iter().map(|t| head(t)).collect();
    write_csv(&heads, &values(rows))
}

pub fn head(title: &str) -> Head {
    Head { title: title.to_owned(), is_required: false, is_text: true, choices: Vec::new() }
}

pub fn values(rows: &[Vec<String>]) -> Vec<Vec<Value>> {
    rows.iter().map(|r| r.iter().map(|v| Value::Text(v.clone())).collect()).collect()
}

pub async fn import(user: &Browser, id: &str, name: &str, content: Vec<u8>) -> Page {
    let token = user.token().await;
    let fields = [("csrf", token.as_str()), ("hs_code", AIR_CONDITIONER)];
    let page = user.multipart(&format!("/applications/{id}/import"), &fields, &[(name, content)]).await;
    match page.headers.get("location") {
        Some(next) => user.get(next.to_str().unwrap()).await,
        None => page,
    }
}

/// A draft that could be submitted, with so many products from a file: 产品1号, 产品2号 …
pub async fn imported(site: &Site, user: &Browser, products: usize) -> (String, Page) {
    let id = draft(user).await;
    story::attach(site, user, &id, "1").await;
    let titles = titles(user, &id, AIR_CONDITIONER).await;
    let rows: Vec<_> =
        (1..=products).map(|n| row(site, &titles, &[("需免办产品名称", &format!("产品{n}号"))])).collect();
    let list = import(user, &id, "a.csv", csv(&titles, &rows)).await.is(200);
    (id, list.sees(&format!("已导入 {products} 个产品")))
}

/// What is stored of the products, for comparing.
pub async fn stored(user: &Browser, id: &str) -> Vec<Vec<String>> {
    cells(&user.get(&format!("/applications/{id}/export?format=csv")).await.is(200).body)
}

/// R-2.1.2-03, -12: from the list to the choice of a type, to the template with the labels of the form and the 产品特性 of
/// the HS code, with lists and an explanation; required columns are marked.
#[tokio::test]
async fn r_2_1_2_12_the_template_has_the_columns_of_the_form() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let list = user.get(&format!("/applications/{id}/items")).await.is(200);
        let page = user.get(&list.link("导入产品")).await.is(200).sees("请先选择产品类型");
        let choice = user.get(&page.link("选择产品类型")).await.is(200);
        let found = choice.form("查询").set("code", "8415").set("name", "");
        let types = user.get(&format!("{}?{}", found.action, found.body())).await.is(200);
        assert_eq!(types.link("返回"), format!("/applications/{id}/import"));
        let page = user.send(&types.form("提交").set("chosen", AIR_CONDITIONER)).await.is(200);
        let page = page.sees("第二步").sees("填写说明");
        assert_eq!(page.path, format!("/applications/{id}/import?hs_code={AIR_CONDITIONER}"));

        let form = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        for label in form.texts("#form label.req").iter().filter(|l| !l.contains("行政区划") && *l != "使用单位地址")
        {
            let label = label.trim_end_matches('*').trim();
            let known = titles
                .iter()
                .any(|t| t == &format!("{label}*") || t.starts_with(&format!("产品特性：{label}")) && t.ends_with('*'));
            assert!(known, "{label} is not in {titles:?}");
        }
        let xlsx = user.get(&page.link("下载 XLSX 模板")).await.is(200);
        assert!(xlsx.headers["content-disposition"].to_str().unwrap().contains("8415101000%2Exlsx"));
        assert_eq!(cells(&xlsx.body), [titles]);
        user.get(&format!("/applications/{id}/import/template?hs_code=1&format=csv")).await.is(400).sees("先选择产品");
        user.get(&format!("/applications/{id}/import/template?hs_code={AIR_CONDITIONER}&format=pdf")).await.is(400);
        // An exact code leads back to the file, too.
        let exact = format!("/applications/{id}/catalogue?import=1&code={AIR_CONDITIONER}");
        user.get(&exact).await.is(200).at(&page.path);
    }
}

/// R-2.1.2-22: XLSX, CSV in UTF-8 and in GBK make the product that somebody would have typed.
#[tokio::test]
async fn r_2_1_2_22_a_file_makes_the_products_that_the_form_would_make() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let typed = draft(&user).await;
        let references = site.app.references.now();
        let hs = references.hs_type(AIR_CONDITIONER, site.today()).unwrap();
        add_product(&user, &typed, AIR_CONDITIONER, &[("qty_unit", hs.unit.as_str())]).await.is(200);
        let expected = stored(&user, &typed).await;

        let one = row(&site, &titles, &[]);
        let utf8 = csv(&titles, std::slice::from_ref(&one));
        let text = String::from_utf8(utf8[3..].to_vec()).unwrap();
        let gbk = encoding_rs::GBK.encode(&text).0.into_owned();
        let heads: Vec<_> = titles.iter().map(|t| head(t)).collect();
        let xlsx = write_xlsx(&heads, &values(std::slice::from_ref(&one)), &[], site.clock.now()).unwrap();
        // Numbers as Excel keeps them, and codes in place of names.
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let codes = row(&site, &titles, &[("原产国", "deu"), ("数量/重量单位", hs.unit.as_str()), ("币制", "eur")]);
        for (at, (title, value)) in (0_u16..).zip(titles.iter().zip(&codes)) {
            sheet.write_string(0, at, title.replace('*', " ＊")).unwrap();
            match value.parse::<f64>() {
                Ok(number) => sheet.write_number(4, at, number).unwrap(),
                Err(_) => sheet.write_string(4, at, value).unwrap(),
            };
        }
        let numbers = book.save_to_buffer().unwrap();
        let files =
            [("a.csv", utf8), ("b.csv", text.into_bytes()), ("c.csv", gbk), ("d.xlsx", xlsx), ("e.xlsx", numbers)];
        for (name, content) in files {
            let id = draft(&user).await;
            let list = import(&user, &id, name, content).await.is(200).sees("已导入 1 个产品");
            list.at(&format!("/applications/{id}/items")).sees("窗式空调器样机");
            assert_eq!(stored(&user, &id).await, expected, "{name}");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE detail LIKE '%import_products%'").await, 5);
    }
}

/// R-2.1.2-14: every mistake of every row at once, by row and column, in the words of the form; nothing is imported, or what
/// is right when somebody says so; a second click adds nothing.
#[tokio::test]
async fn r_2_1_2_14_every_mistake_of_a_file_is_named_and_nothing_is_imported() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let good = row(&site, &titles, &[]);
        let bad = row(
            &site,
            &titles,
            &[("数量/重量", "十二"), ("需免办产品名称", ""), ("原产国", "乌有国"), ("总价", "1.123"), ("币制", "")],
        );
        let unknown = row(&site, &titles, &[("HS 编码", "9999999999"), ("规格型号", ""), ("HS 标准量单位", "吨")]);
        let mut trait_missing = good.clone();
        let at = titles.iter().position(|t| t.starts_with("产品特性：")).unwrap();
        trait_missing[at] = String::new();
        let place = row(&site, &titles, &[("最终使用地行政区划", "上海市"), ("使用单位地址", "某地")]);
        let file = csv(&titles, &[good.clone(), bad, unknown, trait_missing, place]);
        let page = import(&user, &id, "产品.csv", file.clone()).await.is(422);
        let lines = page.texts(".error-summary li");
        for line in [
            "第 3 行「需免办产品名称」：请填写需免办产品名称",
            "第 3 行「数量/重量」：数量/重量请输入数字，例如 12 或 12.5",
            "第 3 行「原产国」：“乌有国”不在原产国列表中，请从模板的“选项”工作表中选取",
            "第 3 行「总价」：总价最多保留 2 位小数，请删去多余的小数位",
            "第 3 行「币制」：请选择币制",
            "第 4 行「HS 编码」：“9999999999”不在产品目录中或已停用，请从选择免办产品页面查找编码",
            "第 4 行「规格型号」：请填写规格型号",
        ] {
            assert!(lines.contains(&line.to_owned()), "{line} is not in {lines:#?}");
        }
        assert!(lines.iter().any(|l| l.starts_with("第 5 行「产品特性：")), "{lines:#?}");
        assert!(
            lines.iter().any(|l| l.contains("第 6 行「最终使用地行政区划」") && l.contains("最后一级")),
            "{lines:#?}"
        );
        let page = page.sees("5 行产品中有 1 行正确").sees("还没有导入任何产品");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);

        let only = page.form("只导入正确的行（1 行）");
        let (one, two) = tokio::join!(user.send(&only), user.send(&only));
        one.is(200).sees("已导入 1 个产品。4 行有误，没有导入");
        two.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 1);
        // The file waits for the page it was shown on, not for another application.
        let other = draft(&user).await;
        let mut moved = only.clone();
        moved.action = moved.action.replace(&format!("/{id}/"), &format!("/{other}/"));
        user.send(&moved).await.is(409).sees("重新上传");
    }
}

/// Numbers that look wrong are asked about before anything is imported (forms §2.7).
#[tokio::test]
async fn numbers_in_a_file_that_look_wrong_are_asked_about() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let rows = [row(&site, &titles, &[("总价", "9999")]), row(&site, &titles, &[])];
        let page = import(&user, &id, "a.csv", csv(&titles, &rows)).await.is(200);
        let page = page.sees("第 2 行：总价与数量/重量 × 单价（1,252.50）不一致，请核对");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        user.send(&page.form("全部导入（2 行）")).await.is(200).sees("已导入 2 个产品").sees("9,999.00");
    }
}

/// What is no file of products is refused with what to do.
#[tokio::test]
async fn a_file_that_cannot_be_products_is_refused_with_a_reason() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let good = row(&site, &titles, &[]);
        let mut doubled = titles.clone();
        doubled.push("商标".to_owned());
        let mut dates = Workbook::new();
        let sheet = dates.add_worksheet();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        for (at, (title, value)) in (0_u16..).zip(titles.iter().zip(&good)) {
            sheet.write_string(0, at, title).unwrap();
            if title.starts_with("规格型号") {
                sheet.write_number_with_format(1, at, 45_000, &day).unwrap();
            } else {
                sheet.write_string(1, at, value).unwrap();
            }
        }
        let mut wide = good.clone();
        wide.push("多出的".to_owned());
        for (content, why) in [
            (b"%PDF-1.7\0".to_vec(), "这是 PDF 文件，不是表格"),
            (vec![1; 9], "请使用模板"),
            (Vec::new(), "0 字节"),
            (vec![b'a'; 5 * 1024 * 1024 + 1], "超过 5M"),
            ("名称,数量\n甲,1\n".as_bytes().to_vec(), "第 1 列的标题“名称”不是产品信息的栏目"),
            ("商标\n甲\n".as_bytes().to_vec(), "缺少“需免办产品名称”、“规格型号”"),
            (csv(&doubled, std::slice::from_ref(&good)), "标题“商标”出现了两次"),
            (csv(&titles, &[]), "没有产品"),
            (csv(&titles, &[wide]), "该列没有标题"),
            (csv(&titles, &vec![good.clone(); 2_001]), "超过 2000 行"),
            (dates.save_to_buffer().unwrap(), "第 2 行「规格型号」：单元格是日期或时间格式"),
        ] {
            import(&user, &id, "a.csv", content).await.is(422).sees(why);
        }
        let token = user.token().await;
        let path = format!("/applications/{id}/import");
        user.multipart(&path, &[("csrf", &token)], &[]).await.is(422).sees("请先选择要导入的");
        user.multipart(&path, &[("csrf", "x")], &[("a.csv", b"a".to_vec())]).await.is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);

        // Neither somebody else's application nor one that is submitted.
        let other = site.enterprise("other", "911100008").await;
        import(&other, &id, "a.csv", csv(&titles, std::slice::from_ref(&good))).await.is(404);
        let done = story::submitted(&site, &user).await;
        user.get(&format!("/applications/{done}/import")).await.is(200).at(&format!("/applications/{done}"));
        import(&user, &done, "a.csv", csv(&titles, &[good])).await.is(200).at(&format!("/applications/{done}"));
    }
}

/// Products of several types go out and come back as they were, to the last digit, and no text is a formula.
#[tokio::test]
async fn exported_products_can_be_imported_again() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        user.get(&format!("/applications/{id}/items")).await.sees_no("导出 XLSX");
        let exact =
            [("qty", "123456789.12345"), ("hs_qty", "0.00001"), ("unit_price", "0.1"), ("total_price", "12345678.91")];
        let form = add_product(&user, &id, AIR_CONDITIONER, &exact).await.is(422);
        user.send(&form.form("保存并关闭")).await.is(200);
        let wild = [("product_name", "=HYPERLINK(\"x\")"), ("model", "3-4"), ("brand", "@甲,乙"), ("remark", "-1")];
        add_product(&user, &id, "8544422100", &wild).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[("serials", "+86；'=1\n00123"), ("model", "1E5")]).await.is(200);
        let first = user.get(&format!("/applications/{id}/export?format=csv")).await.is(200).body;
        assert!(first.starts_with(b"\xef\xbb\xbf"));
        let text = String::from_utf8(first.clone()).unwrap();
        assert!(text.contains("'=HYPERLINK") && !text.contains(",=") && !text.contains(",@"), "{text}");
        let xlsx = user.get(&format!("/applications/{id}/export?format=xlsx")).await.is(200).body;
        assert_eq!(cells(&xlsx)[2][1..4], ["=HYPERLINK(\"x\")", "3-4", "@甲,乙"]);
        for (name, content) in [("a.csv", first.clone()), ("a.xlsx", xlsx)] {
            let next = draft(&user).await;
            let page = import(&user, &next, name, content).await.is(200).sees("不一致");
            user.send(&page.form("全部导入（3 行）")).await.is(200).sees("已导入 3 个产品");
            assert_eq!(user.get(&format!("/applications/{next}/export?format=csv")).await.body, first, "{name}");
        }
        user.get(&format!("/applications/{id}/export?format=pdf")).await.is(400);
    }
}

/// D7: in a correction a file does not move the place of use.
#[tokio::test]
async fn d7_a_file_does_not_change_the_place_of_use_in_a_correction() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let back = [("decision", "return"), ("opinion", "请补充产品。"), ("part", "items")];
        decide(&bureau.accept, &id, &back).await.is(200);
        let titles = titles(&user, &id, AIR_CONDITIONER).await;
        let moved =
            row(&site, &titles, &[("最终使用地行政区划", "北京市 市辖区 东城区"), ("使用单位地址", "别处 1 号")]);
        import(&user, &id, "a.csv", csv(&titles, &[moved])).await.is(422).sees("不允许修改产品最终使用地");
        let same = row(&site, &titles, &[("最终使用地行政区划", "310115"), ("使用单位地址", "示例科技园 3 号楼 2 层")]);
        let blank = row(&site, &titles, &[]);
        import(&user, &id, "a.csv", csv(&titles, &[same, blank])).await.is(200).sees("已导入 2 个产品");
        let places = "SELECT COUNT(*) FROM application_item WHERE use_region_code = '310115'";
        assert_eq!(site.number(places).await, 3);
    }
}

/// R-2.1.2-28, R-2.5.3-01: two thousand products come in by a file and are submitted, with as many statements as two are;
/// pages show some of them, paper shows all; one more is refused.
#[tokio::test]
async fn r_2_1_2_28_two_thousand_products_are_imported_and_submitted() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let mut statements = Vec::new();
        for products in [2, 2_000] {
            let (id, list) = imported(&site, &user, products).await;
            let mut counts = vec![list.statements];
            if products == 2_000 {
                list.sees("共 2000 项");
                let titles = titles(&user, &id, AIR_CONDITIONER).await;
                let one = row(&site, &titles, &[]);
                import(&user, &id, "a.csv", csv(&titles, &[one])).await.is(422).sees("超出 1 个");
                let full = add_product(&user, &id, AIR_CONDITIONER, &[]).await.is(409);
                full.sees("一份申请最多 2000 个产品").sees("没有添加任何产品");
            }
            let check = user.get(&format!("/applications/{id}/submission")).await.is(200);
            counts.push(check.statements);
            let receipt = user.send_once(&check.form("提交申请")).await.is(303);
            counts.push(receipt.statements);
            let view = user.get(&format!("/applications/{id}")).await.is(200);
            counts.push(view.statements);
            let case = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
            counts.push(case.statements);
            for page in [&check, &view, &case] {
                let shown = page.texts("#part-items tbody tr").len();
                assert_eq!(shown, products.min(50), "{}", page.path);
                assert!(page.body.len() < 150_000, "{}: {} bytes", page.path, page.body.len());
            }
            if products == 2_000 {
                let end = user.get(&format!("/applications/{id}?page=40&size=50")).await.is(200);
                assert_eq!(end.texts("#part-items tbody td:nth-child(1)").last().unwrap(), "2000");
                user.get(&end.link("产品2000号")).await.is(200).sees("KC-26/ZW-T1");
                let case = bureau.accept.get(&format!("/casework/{id}?page=40")).await.is(200);
                assert_eq!(case.texts("#part-items tbody tr").len(), 50);
                case.sees("产品1951号");
                let paper = user.get(&format!("/applications/{id}?print=1")).await.is(200);
                assert_eq!(paper.texts("#part-items tbody tr").len(), 2_000);
            }
            statements.push(counts);
        }
        // Beyond the first page the view also says how many there are.
        statements[0][3] += 1;
        assert_eq!(statements[0], statements[1], "list, check, submit, view, case");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'accepting'").await, 2);
    }
}
