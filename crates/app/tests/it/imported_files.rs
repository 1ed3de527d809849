//! Files as people have them: hidden rows and sheets, numbers that a program damaged, merged cells, lines in a cell, and
//! files that are something else than their name says. Each case was made by another program (`files/`).

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use rust_xlsxwriter::Workbook;

use crate::story::AIR_CONDITIONER;
use crate::support::{Browser, Page, Site, cells};
use crate::tables::{draft, import, row, titles};
use crate::write_off::{Yard, stands};
use crate::{batches, references};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("files/", $name)).to_vec()
    };
}

/// The products of a draft as its export has them, by title.
async fn products(user: &Browser, id: &str) -> Vec<Vec<(String, String)>> {
    let mut rows = cells(&user.get(&format!("/applications/{id}/export?format=xlsx")).await.is(200).body);
    let heads = rows.remove(0);
    let of = |row: Vec<String>| heads.iter().map(|h| h.trim_end_matches('*').to_owned()).zip(row).collect();
    rows.into_iter().map(of).collect()
}

fn value<'a>(product: &'a [(String, String)], title: &str) -> &'a str {
    product.iter().find(|(t, _)| t == title).map_or("", |(_, v)| v)
}

/// A file with other texts in one of its parts.
fn changed(content: &[u8], part: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(content)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..from.len() {
        let mut entry = from.by_index(n).unwrap();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        let name = entry.name().unwrap().into_owned();
        let text = if name == part { change(std::str::from_utf8(&text).unwrap()).into_bytes() } else { text };
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(&text).unwrap();
    }
    to.finish().unwrap().into_inner()
}

const SHEET_1: &str = "xl/worksheets/sheet1.xml";

/// A workbook of complete products: their names and what is done to the sheets afterwards.
async fn workbook(
    site: &Site,
    user: &Browser,
    id: &str,
    sheets: &[(&str, &[&str])],
    then: impl FnOnce(&mut Workbook),
) -> Vec<u8> {
    let titles = titles(user, id, AIR_CONDITIONER).await;
    let mut book = Workbook::new();
    for (sheet, names) in sheets {
        let sheet = book.add_worksheet().set_name(*sheet).unwrap();
        for (at, title) in (0..).zip(&titles) {
            sheet.write_string(0, at, title).unwrap();
        }
        for (n, name) in (1..).zip(*names) {
            for (at, value) in (0..).zip(row(site, &titles, &[("需免办产品名称", name)])) {
                sheet.write_string(n, at, value).unwrap();
            }
        }
    }
    then(&mut book);
    book.save_to_buffer().unwrap()
}

/// Line breaks in a cell become `；`, and saving something else afterwards changes nothing that nobody touched.
#[tokio::test]
async fn lines_in_a_cell_stand_behind_each_other_and_later_saves_keep_them() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let list = import(&user, &id, "x26.xlsx", file!("x26_altenter.xlsx")).await.is(200);
        list.sees("已导入 1 个产品").sees("读取的工作表：“产品”");
        let item = site.number("SELECT MAX(id) FROM application_item").await;
        let edit_page = format!("/applications/{id}/items/{item}/edit");
        let before = products(&user, &id).await;
        assert_eq!(value(&before[0], "规格型号"), "A-1；A-2；A-3");
        assert_eq!(value(&before[0], "需免办产品名称"), "窗式；空调器");
        let edit = user.get(&edit_page).await.is(200);
        user.send(&edit.form("保存并关闭").set("brand", "别的牌子")).await.is(200);
        let after = products(&user, &id).await;
        for ((title, old), (_, new)) in before[0].iter().zip(&after[0]) {
            assert_eq!(new, if title == "商标" { "别的牌子" } else { old }, "{title}");
        }
        // What an earlier release stored with breaks is shown behind each other, and stays as it is when nobody touches it.
        db::testing::try_sql(&site.app.db, "UPDATE application_item SET model = 'B-1\nB-2'").await.unwrap();
        let edit = user.get(&edit_page).await.is(200);
        assert_eq!(edit.value("model"), "B-1；B-2");
        user.send(&edit.form("保存并关闭").set("brand", "第三个")).await.is(200);
        assert_eq!(value(&products(&user, &id).await[0], "规格型号"), "B-1\nB-2");
        let edit = user.get(&edit_page).await.is(200);
        user.send(&edit.form("保存并关闭").set("model", "B-1；B-3")).await.is(200);
        assert_eq!(value(&products(&user, &id).await[0], "规格型号"), "B-1；B-3");
    }
}

/// A text takes what the sheet shows; what no browser shows is dropped; merged cells fill their rows; lines and marks that
/// Excel and DOS add to a CSV are no content.
#[tokio::test]
async fn what_excel_shows_is_what_is_imported() {
    for site in Site::each().await {
        let user = site.company().await;
        for (name, content, expected) in [
            ("x08.xlsx", file!("x08_numfmt.xlsx"), vec![("规格型号", "00123"), ("序列号/零件号", "SN-0042")]),
            ("x12b.xlsx", file!("x12b_zwsp_hs.xlsx"), vec![("HS 编码", "8415101000")]),
            ("x12c.xlsx", file!("x12c_zwsp_name.xlsx"), vec![("需免办产品名称", "空调器"), ("规格型号", "KC-26")]),
            ("x12d.xlsx", file!("x12d_zwsp_lists.xlsx"), vec![("原产国", "德国"), ("数量/重量", "2")]),
            ("c08.csv", file!("c08_sep.csv"), vec![("规格型号", "KC-26/ZW-T1")]),
            ("c22.csv", file!("c22_dos_eof.csv"), vec![("规格型号", "KC-26/ZW-T1")]),
        ] {
            let id = draft(&user).await;
            import(&user, &id, name, content).await.is(200).sees("已导入 1 个产品");
            let products = products(&user, &id).await;
            for (title, text) in expected {
                assert_eq!(value(&products[0], title), text, "{name}");
            }
        }
        let id = draft(&user).await;
        let list = import(&user, &id, "x03.xlsx", file!("x03_merged.xlsx")).await.is(200);
        list.sees("已导入 3 个产品").sees("合并单元格").sees("D2:D4");
        for product in products(&user, &id).await {
            for (title, text) in [("商标", "无"), ("生产厂名", "示例工厂"), ("原产国", "德国")] {
                assert_eq!(value(&product, title), text, "{title}");
            }
        }
    }
}

/// A number that has lost digits, a picture, and a file of another kind are named, with what to do.
#[tokio::test]
async fn what_cannot_be_what_was_meant_is_named_with_the_way_to_mend_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        for (name, content, sentences) in [
            (
                "x10b.xlsx",
                file!("x10b_18digits.xlsx"),
                vec!["第 2 行「序列号/零件号」", "超过 15 位", "设为“文本”格式"],
            ),
            (
                "c15.csv",
                file!("c15_sci.csv"),
                vec!["第 2 行「规格型号」：“1.23E+10”", "第 2 行「序列号/零件号」：“8.6953E+17”", "科学计数法"],
            ),
            ("x01c.xlsx", file!("x01c_dispimg.xlsx"), vec!["第 2 行「备注」：单元格中是图片", "请作为附件上传"]),
            ("x22.ods", file!("x22_ods.ods"), vec!["OpenDocument 表格（.ods）", "另存为“Excel 工作簿（.xlsx）”"]),
            ("x22d.xls", file!("x22d_html_as.xls"), vec!["网页格式的文件", "另存为“Excel 工作簿（.xlsx）”"]),
        ] {
            let mut page = import(&user, &id, name, content).await.is(422);
            for sentence in sentences {
                page = page.sees(sentence);
            }
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
    }
}

/// Two products, and formats in every row down to the last one that Excel has.
#[tokio::test]
async fn a_million_formatted_rows_without_content_are_no_products() {
    let mut rows = String::new();
    for n in 4..=1_048_576 {
        let _ =
            write!(rows, "<row r=\"{n}\" spans=\"1:23\" s=\"1\" customFormat=\"1\" ht=\"14.25\" customHeight=\"1\"/>");
    }
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let small = workbook(&site, &user, &id, &[("产品", &["甲产品", "乙产品"])], |_| {}).await;
        let large = changed(&small, SHEET_1, |xml| xml.replacen("</sheetData>", &format!("{rows}</sheetData>"), 1));
        assert!(large.len() < 5 * 1024 * 1024, "{}", large.len());
        import(&user, &id, "x16.xlsx", large).await.is(200).sees("已导入 2 个产品");
    }
}

/// D37: hidden rows, columns and sheets are listed before anything is added, and are left out unless somebody chooses them.
#[tokio::test]
async fn d37_hidden_rows_of_products_are_listed_first_and_left_out_unless_chosen() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let hidden = workbook(&site, &user, &id, &[("产品", &["甲产品", "乙产品", "丙产品"])], |book| {
            book.worksheet_from_index(0).unwrap().set_row_hidden(2).unwrap();
        })
        .await;
        let page = import(&user, &id, "隐藏.xlsx", hidden).await.is(200);
        let page =
            page.sees("读取的工作表：“产品”").sees("有 1 行因筛选或手工隐藏而不显示，没有读取：第 3 行").sees("乙产品");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        // The tick and the other button: what was not shown is not added.
        let ticked = page.form("全部导入（2 行）").tick("hidden", "1");
        let again = user.send(&ticked).await.is(200).sees("已按您的选择一并读取");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        let back = user.send(&again.form("重新检查").set("hidden", "")).await.is(200).sees("没有读取");
        user.send(&back.form("全部导入（2 行）"))
            .await
            .is(200)
            .sees("已导入 2 个产品")
            .sees("隐藏的 1 行、0 列没有读取");
        let names: Vec<_> = products(&user, &id).await.iter().map(|p| value(p, "需免办产品名称").to_owned()).collect();
        assert_eq!(names, ["甲产品", "丙产品"]);

        let other = draft(&user).await;
        let mut form = again.form("全部导入（3 行）");
        form.action = form.action.replace(&format!("/{id}/"), &format!("/{other}/"));
        user.send(&form).await.is(409).sees("重新上传");
        user.send(&again.form("全部导入（3 行）")).await.is(409).sees("已按另一种选择导入");
        assert_eq!(products(&user, &id).await.len(), 2);
        // A required column that is hidden is said to be hidden.
        let column = workbook(&site, &user, &other, &[("产品", &["甲产品"])], |book| {
            book.worksheet_from_index(0).unwrap().set_column_hidden(3).unwrap();
        })
        .await;
        let page = import(&user, &other, "隐藏列.xlsx", column).await.is(422);
        let page = page.sees("缺少“商标”").sees("有 1 列是隐藏的，没有读取：D 列“商标*”");
        let all = user.send(&page.form("重新检查").tick("hidden", "1")).await.is(200);
        user.send(&all.form("全部导入（1 行）")).await.is(200).sees("已导入 1 个产品");
    }
}

/// D37: of several sheets one is read, it is named, and another one can be chosen.
#[tokio::test]
async fn d37_the_sheet_that_is_read_is_named_and_can_be_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let two = workbook(
            &site,
            &user,
            &id,
            &[("一月", &["甲产品"]), ("二月", &["乙产品"]), ("旧表", &["丙产品"])],
            |book| {
                book.worksheet_from_index(1).unwrap().set_active(true);
                book.worksheet_from_index(2).unwrap().set_hidden(true);
            },
        )
        .await;
        let page = import(&user, &id, "两表.xlsx", two).await.is(200);
        let page = page
            .sees("只读取了工作表“二月”；工作表“一月”也有内容，没有读取")
            .sees("隐藏的工作表“旧表”有内容，没有读取");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        let other = user.send(&page.form("重新检查").set("sheet", "一月")).await.is(200).sees("只读取了工作表“一月”");
        user.send(&other.form("全部导入（1 行）")).await.is(200).sees("已导入 1 个产品").sees("读取的工作表：“一月”");
        assert_eq!(value(&products(&user, &id).await[0], "需免办产品名称"), "甲产品");
        // A file that waits holds no sheet of this name.
        user.send(&page.form("重新检查").set("sheet", "旧表")).await.is(422).sees("没有名为“旧表”的工作表");
        let only = workbook(&site, &user, &id, &[("空", &[]), ("产品", &["丁产品"])], |book| {
            book.worksheet_from_index(1).unwrap().set_very_hidden(true);
        })
        .await;
        let page = import(&user, &id, "隐藏表.xlsx", only).await.is(422);
        page.sees("没有产品").sees("隐藏的工作表“产品”有内容，没有读取");
    }
}

async fn numbered(yard: &Yard, certificate: i64, content: &[u8]) -> Vec<u8> {
    let number = batches::number_of(&yard.user, certificate).await;
    changed(content, SHEET_1, |xml| xml.replace("31000020260000064", &number).replace("3.100002026000006e+16", &number))
}

/// A write-off names the numbers that were kept as numbers, and what is hidden.
#[tokio::test]
async fn d37_a_file_of_write_offs_hides_nothing_and_keeps_every_digit() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let officer = &yard.here;
        let five = [("10", "10"); 5];
        let c = yard.certificate(&site, &five).await;
        for (name, content, column) in [
            ("w01.xlsx", file!("w01_numeric_cert.xlsx"), "证明号"),
            ("w02.xlsx", file!("w02_decl_numeric.xlsx"), "报关单号"),
        ] {
            let content = numbered(&yard, c, &content).await;
            let page = batches::upload(officer, "", name, content).await.is(422);
            page.sees(&format!("第 2 行「{column}」：单元格是数字格式，超过 15 位的数字")).sees("设为“文本”格式");
        }
        let hidden = numbered(&yard, c, &file!("w03_hidden.xlsx")).await;
        let preview = batches::upload(officer, "", "w03.xlsx", hidden.clone()).await.is(200);
        let preview = preview.sees("工作表“产品”").sees("共 2 行：2 行可以核销").sees("没有读取：第 3 行");
        let shown = preview.form("重新检查").tick("hidden", "1");
        let all = officer.get(&format!("{}?{}", shown.action, shown.body())).await.is(200);
        let all = all.sees("共 3 行：3 行可以核销").sees("已按您的选择一并读取");
        assert_eq!(stands(&site, c, 2).await[2], "0", "nothing was done");
        officer.send(&preview.form("确认核销（2 行）")).await.is(200).sees("已核销 2 行");
        let done = [stands(&site, c, 2).await, stands(&site, c, 3).await, stands(&site, c, 4).await];
        assert_eq!(done.map(|s| s[2].clone()), ["1", "0", "1"]);
        // The rows that are done are not done again together with the hidden one.
        officer.send(&all.form("确认核销（3 行）")).await.is(409).sees("已按另一种选择").sees("另存为一个文件");
        let again = batches::upload(officer, "", "w03.xlsx", hidden).await.is(200).sees("没有读取：第 3 行");
        let shown = again.form("重新检查").tick("hidden", "1");
        officer.get(&format!("{}?{}", shown.action, shown.body())).await.is(409).sees("没有核销");
        assert_eq!([stands(&site, c, 2).await[2].clone(), stands(&site, c, 3).await[2].clone()], ["1", "0"]);
        // A file whose only rows are hidden.
        let nothing = numbered(&yard, c, &file!("w03_hidden.xlsx")).await;
        let nothing = changed(&nothing, SHEET_1, |xml| {
            xml.replace("<row r=\"2\">", "<row r=\"2\" hidden=\"true\">")
                .replace("<row r=\"4\">", "<row r=\"4\" ht=\"0\">")
        });
        let page = batches::upload(officer, "B-9", "全隐藏.xlsx", nothing).await.is(422).sees("没有要核销的产品");
        let form = page.sees("有 3 行因筛选或手工隐藏").form("重新检查").tick("hidden", "1");
        let all = officer.get(&format!("{}?{}", form.action, form.body())).await.is(200);
        all.sees("共 3 行").sees("批次号 B-9");
    }
}

/// The same of 基础数据; and its days may be days of Excel.
#[tokio::test]
async fn d37_a_table_of_reference_data_hides_nothing() {
    for site in Site::each().await {
        let keeper = references::keeper(&site).await;
        let exported = keeper.get("/reference-files/units/export?format=xlsx").await.is(200).body;
        let known = cells(&exported);
        let at = |title: &str| {
            u16::try_from(known[0].iter().position(|t| t.trim_end_matches('*') == title).unwrap()).unwrap()
        };
        let mut book = Workbook::new();
        let day = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d");
        let sheet = book.add_worksheet();
        for (n, title) in (0..).zip(&known[0]) {
            sheet.write_string(0, n, title).unwrap();
        }
        for (n, code) in [(1, "901"), (2, "902")] {
            sheet.write_string(n, at("代码"), code).unwrap();
            for (column, title) in (0..).zip(&known[0]) {
                if title.trim_end_matches('*') == "名称" || (title.ends_with('*') && title != "代码*") {
                    sheet.write_string(n, column, format!("单位{code}")).unwrap();
                }
            }
            sheet.write_number_with_format(n, at("启用日期"), 46_388, &day).unwrap();
        }
        sheet.set_row_hidden(2).unwrap();
        let look = references::look_at(&keeper, "units", "2026-12-01", book.save_to_buffer().unwrap()).await.is(200);
        let look = look.sees("新增 1 项").sees("没有读取：第 3 行（902");
        let both = keeper.send(&look.form("重新检查").tick("hidden", "1")).await.is(200).sees("新增 2 项");
        assert_eq!(site.number("SELECT COUNT(*) FROM unit WHERE code IN ('901', '902')").await, 0);
        keeper.send(&both.form("确认导入（2 项）")).await.is(200).sees("已导入：新增 2 项");
        assert_eq!(site.number("SELECT COUNT(*) FROM unit WHERE valid_from = '2027-01-01'").await, 2);
    }
}

/// A PDF that nobody can look at is refused beside its name while the others of the batch are taken; a picture that no
/// browser shows is taken, and both sides are told what it is.
#[tokio::test]
async fn a_file_that_nobody_can_look_at_is_named_when_it_comes_and_when_it_is_opened() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = crate::story::complete_draft(&site, &user).await;
        let empty = b"%PDF-1.3\n1 0 obj\n<< /Pages 2 0 R /Type /Catalog >>\nendobj\n2 0 obj\n<< /Count 0 /Kids [ ] /Type /Pages >>\nendobj\ntrailer << /Root 1 0 R /Size 3 >>\n%%EOF".to_vec();
        let tiff = b"II*\0\x08\0\0\0\0\0\0\0".to_vec();
        let files = [
            ("密码.pdf", file!("encrypted.pdf")),
            ("空.pdf", empty),
            ("限制打印.pdf", file!("restricted-256.pdf")),
            ("IMG_0002.HEIC", file!("IMG_0002.HEIC")),
            ("扫描.tif", tiff),
        ];
        let page = user.upload(&id, "other", &files).await.is(422).sees("有 2 个文件没有上传");
        let page = page.sees("“密码.pdf”：PDF 设有打开密码").sees("“空.pdf”：PDF 中没有页面");
        assert_eq!(page.texts("#l-other .nm > a:first-of-type"), ["限制打印.pdf", "IMG_0002.HEIC", "扫描.tif"]);
        let cautions = page.texts("#l-other .bad");
        assert!(cautions[0].contains("HEIC 照片（苹果手机的照片格式）不能在浏览器中查看"), "{cautions:?}");
        assert!(cautions[1].contains("TIFF 图片") && cautions[1].contains("JPG 或 PDF"), "{cautions:?}");
        user.get(&format!("/applications/{id}/attachments")).await.is(200).sees("HEIC 照片");
        let again = [("IMG_0003.HEIC", file!("IMG_0002.HEIC"))];
        user.upload(&id, "other", &again).await.is(200).sees("“IMG_0003.HEIC”是 HEIC 照片");

        let check = user.get(&format!("/applications/{id}/submission")).await.is(200);
        user.send(&check.form("提交申请")).await.is(200);
        let officer = site.officer("sh", crate::support::SHANGHAI, &[domain::actor::Post::Accept]).await;
        let case = officer.get(&format!("/casework/{id}")).await.is(200).sees("该文件是HEIC 照片");
        let heic = site.number("SELECT MIN(id) FROM attachment WHERE name = 'IMG_0002.HEIC'").await;
        let beside = officer.get(&format!("{}?paper={heic}", case.path)).await.is(200);
        beside.sees("该文件是HEIC 照片（苹果手机的照片格式），浏览器不能显示").sees("下载");
        officer.get(&format!("/attachments/{heic}")).await.is(200);
        // One that came before such files were refused.
        let old = site.number("SELECT MIN(id) FROM attachment WHERE name = '限制打印.pdf'").await;
        let address = format!("/attachments/{old}/preview");
        assert_eq!(officer.get(&address).await.is(200).headers["content-type"], "application/pdf");
        let size = file!("restricted-256.pdf").len() as u64;
        let kept: Vec<_> = site.app.files.list(None).try_collect().await.unwrap();
        let kept: Vec<_> = kept.into_iter().filter(|o| o.size == size).collect();
        assert_eq!(kept.len(), 1);
        site.app.files.put(&kept[0].location, file!("encrypted.pdf").into()).await.unwrap();
        let why = officer.get(&address).await.is(200).sees("该 PDF 设有打开密码，浏览器不能显示").sees("下载文件");
        assert!(why.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'self'"));
    }
}

/// With script each file comes alone and gets its row back.
#[tokio::test]
async fn a_scripted_upload_says_beside_the_file_what_is_wrong_with_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = crate::story::open_draft(&user).await;
        let refused: Page = scripted(&user, &id, "密码.pdf", file!("encrypted.pdf")).await.is(422);
        refused.sees("“密码.pdf”：PDF 设有打开密码");
        scripted(&user, &id, "a.heic", file!("IMG_0002.HEIC"))
            .await
            .is(200)
            .sees("HEIC 照片（苹果手机的照片格式）不能在浏览器中查看");
    }
}

async fn scripted(user: &Browser, id: &str, name: &str, content: Vec<u8>) -> Page {
    let token = user.token().await;
    let mut body = Vec::new();
    for (field, value) in [("csrf", token.as_str()), ("kind", "other")] {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    body.extend(
        format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").into_bytes(),
    );
    body.extend(content);
    body.extend(b"\r\n--b--\r\n");
    let path = format!("/applications/{id}/attachments");
    let request = axum::http::Request::post(&path)
        .header("content-type", "multipart/form-data; boundary=b")
        .header("hx-request", "true");
    user.once(request, axum::body::Body::from(body), &path).await
}

/// A photograph of a telephone says nothing to the reader of QR codes; its owner learns why.
#[tokio::test]
async fn a_photograph_that_only_telephones_show_is_named_where_a_code_is_looked_for() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        for (who, path) in [(&yard.here, "/verification/document"), (&yard.here, "/write-off/search/photo")] {
            let token = who.token().await;
            let files = [("IMG_0002.HEIC", file!("IMG_0002.HEIC"))];
            let page = who.multipart(path, &[("csrf", &token)], &files).await.is(422);
            page.sees("HEIC、TIFF 等格式的照片").sees("转换为 JPG 后上传");
        }
    }
}
