//! What a file is that is no table for us, and how to make one of it.

use std::io::Cursor;

/// What a packed file holds, by the names of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    /// A workbook.
    Xlsx,
    /// Something else; the sentence says what.
    Other(&'static str),
}

const ODS: &str = "这是 OpenDocument 表格（.ods）文件，不能直接导入。请在 LibreOffice 或 WPS 中打开，另存为\
                   “Excel 工作簿（.xlsx）”后再上传";
const NUMBERS: &str = "这是苹果 Numbers 表格（.numbers）文件，不能直接导入。请在 Numbers 中选择“文件 - 导出为 - Excel”，\
                       格式选 .xlsx，再上传导出的文件";
const XLSB: &str =
    "这是 Excel 二进制工作簿（.xlsb）文件，不能直接导入。请在 Excel 中另存为“Excel 工作簿（.xlsx）”后再上传";
const WORD: &str = "这是 Word 文档，不是表格。请下载模板，把内容填入表格后上传 .xlsx 文件";
const SLIDES: &str = "这是演示文稿，不是表格。请下载模板，把内容填入表格后上传 .xlsx 文件";
const ZIP: &str = "这是压缩包，不是表格。请先解压，再上传其中的 .xlsx 或 .csv 文件";
const OLD_EXCEL: &str = "这是旧版 Excel（.xls）或 WPS 表格（.et）文件，不能直接导入。请在 Excel 或 WPS 中打开，另存为\
                         “Excel 工作簿（.xlsx）”后再上传";
const LOCKED: &str = "文件设有打开密码，不能读取。请在 Excel 中取消密码（文件 - 信息 - 保护工作簿 - 用密码进行加密，\
                      清空密码），保存为 .xlsx 后再上传";
const PDF: &str = "这是 PDF 文件，不是表格。请下载模板，把内容填入表格后上传 .xlsx 文件";
const PICTURE: &str = "这是图片，不是表格。请下载模板，把内容填入表格后上传 .xlsx 文件";
const HTML: &str = "这是网页格式的文件（一些系统导出的 .xls 其实是网页），不能直接导入。请在 Excel 或 WPS 中打开，另存为\
                    “Excel 工作簿（.xlsx）”后再上传";
const XML: &str = "这是 XML 表格文件，不能直接导入。请在 Excel 或 WPS 中打开，另存为“Excel 工作簿（.xlsx）”后再上传";
const RTF: &str = "这是 RTF 文档，不是表格。请下载模板，把内容填入表格后上传 .xlsx 文件";

/// What a packed file holds.
fn packed(names: impl Iterator<Item = String>) -> Packed {
    let mut found = Packed::Other(ZIP);
    for name in names {
        let name = name.replace('\\', "/").to_ascii_lowercase();
        found = match name.as_str() {
            "xl/workbook.xml" => return Packed::Xlsx,
            "xl/workbook.bin" => Packed::Other(XLSB),
            "content.xml" if found == Packed::Other(ZIP) => Packed::Other(ODS),
            "index/document.iwa" | "index.zip" => Packed::Other(NUMBERS),
            "word/document.xml" => Packed::Other(WORD),
            "ppt/presentation.xml" => Packed::Other(SLIDES),
            _ => found,
        };
    }
    found
}

/// Whether the packed file can be opened at all, and what it holds.
pub(super) fn of_zip(content: &[u8]) -> Option<Packed> {
    let archive = zip::ZipArchive::new(Cursor::new(content)).ok()?;
    Some(packed(archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned)))
}

/// What a file is that is not packed; none when it may be a CSV.
pub(super) fn plain(content: &[u8]) -> Option<&'static str> {
    if content.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        let has = |name: &str| {
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            memchr::memmem::find(content, &wide).is_some()
        };
        return Some(if has("EncryptedPackage") {
            LOCKED
        } else if has("WordDocument") {
            WORD
        } else if has("PowerPoint Document") {
            SLIDES
        } else {
            OLD_EXCEL
        });
    }
    // The workbooks of Excel 2 to 4 begin with the record BOF.
    if let [0x09, 0x00 | 0x02 | 0x04 | 0x08, 0x04 | 0x06 | 0x08 | 0x10, 0x00, ..] = content {
        return Some(OLD_EXCEL);
    }
    let start = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let lower = start.get(..start.len().min(1024)).unwrap_or_default().to_ascii_lowercase();
    if lower.starts_with(b"%pdf") {
        Some(PDF)
    } else if lower.starts_with(b"{\\rtf") {
        Some(RTF)
    } else if lower.starts_with(b"mime-version:") {
        Some(HTML)
    } else if lower.starts_with(b"<") {
        let is_html = [b"<html".as_slice(), b"<!doctype html", b"<table", b"<meta"]
            .iter()
            .any(|mark| memchr::memmem::find(&lower, mark).is_some());
        Some(if is_html { HTML } else { XML })
    } else if infer::is_image(content) {
        Some(PICTURE)
    } else {
        None
    }
}
