//! 文件对比: the documents of an application beside their paper originals, one line each (workflow A11 to A14, R-B-04).

use std::fmt;
use std::str::FromStr;

use crate::actor::words;
use crate::application::{Basics, Need};
use crate::ids::{AttachmentId, AttachmentKindCode};

words! {
    /// What the comparison of a document with its paper original found.
    PaperResult {
        /// 一致.
        Match = "match", "一致";
        /// 不一致: the remark says in what.
        Differs = "differs", "不一致";
        /// 未送: the paper did not come.
        Absent = "absent", "未送";
    }
}

/// A document of an application: an uploaded file, or a kind of which one is needed and none is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Document {
    /// This file.
    File(AttachmentId),
    /// A kind without a file.
    Kind(AttachmentKindCode),
}

/// What is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no document")]
pub struct NoDocument;

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(id) => write!(f, "file-{id}"),
            Self::Kind(kind) => write!(f, "kind-{kind}"),
        }
    }
}

impl FromStr for Document {
    type Err = NoDocument;

    fn from_str(s: &str) -> Result<Self, NoDocument> {
        match s.split_once('-') {
            Some(("file", id)) => id.parse().map(Self::File).map_err(|_| NoDocument),
            Some(("kind", kind)) if !kind.is_empty() => Ok(Self::Kind(AttachmentKindCode::new(kind))),
            _ => Err(NoDocument),
        }
    }
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The document.
    pub document: Document,
    /// Its kind, for people.
    pub kind: String,
    /// The name of the file; blank when none was uploaded.
    pub file: String,
    /// What was found; none while nobody has looked.
    pub result: Option<PaperResult>,
    /// What is to be said about it.
    pub remark: String,
}

impl Line {
    /// The document, for people.
    pub fn name(&self) -> String {
        if self.file.is_empty() {
            format!("{}（未上传）", self.kind)
        } else {
            format!("{}（{}）", self.kind, self.file)
        }
    }
}

/// The documents that are compared, in the order of the kinds: every uploaded file, and every kind of which one is needed
/// (必传, or 有号必传 with its number) and none is there. `files` are id, kind and name.
pub fn lines(
    basics: &Basics,
    needs: &[(AttachmentKindCode, String, Need)],
    files: &[(AttachmentId, AttachmentKindCode, String)],
) -> Vec<Line> {
    let line = |document, kind: &str, file: &str| Line {
        document,
        kind: kind.to_owned(),
        file: file.to_owned(),
        result: None,
        remark: String::new(),
    };
    let mut out = Vec::new();
    for (kind, name, need) in needs {
        let own: Vec<_> = files.iter().filter(|(_, k, _)| k == kind).collect();
        let number = basics.number_for(kind).is_some_and(|(_, number)| !number.is_empty());
        let is_needed = *need == Need::Must || (*need == Need::IfNumber && number);
        if own.is_empty() && is_needed {
            out.push(line(Document::Kind(kind.clone()), name, ""));
        }
        out.extend(own.iter().map(|(id, _, file)| line(Document::File(*id), name, file)));
    }
    // Of a kind that is no longer used here.
    let known = |kind: &AttachmentKindCode| needs.iter().any(|(k, _, _)| k == kind);
    out.extend(
        files.iter().filter(|(_, k, _)| !known(k)).map(|(id, k, file)| line(Document::File(*id), k.as_str(), file)),
    );
    out
}

/// How many lines have this result.
pub fn count(lines: &[Line], result: Option<PaperResult>) -> usize {
    lines.iter().filter(|l| l.result == result).count()
}

/// Whether 通过 needs an opinion: something differs.
pub fn pass_needs_opinion(lines: &[Line]) -> bool {
    count(lines, Some(PaperResult::Differs)) > 0
}

/// `一致 3 份，不一致 1 份，未送 1 份`, without what is zero; blank while nothing was compared.
pub fn summary(lines: &[Line]) -> String {
    let each: Vec<_> = PaperResult::ALL
        .iter()
        .map(|r| (r, count(lines, Some(*r))))
        .filter(|(_, n)| *n > 0)
        .map(|(r, n)| format!("{} {n} 份", r.label()))
        .collect();
    each.join("，")
}

/// What differs or did not come, a line each.
pub fn complaints(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|l| {
            let result = l.result.filter(|r| *r != PaperResult::Match)?;
            let remark = if l.remark.is_empty() { String::new() } else { format!("，{}", l.remark) };
            Some(format!("{}：{}{remark}", l.name(), result.label()))
        })
        .collect()
}

/// The reason of 未通过 as the enterprise reads it: the opinion, and what differs or did not come (R-B-13).
pub fn reason(opinion: &str, lines: &[Line]) -> String {
    let complaints = complaints(lines);
    if complaints.is_empty() {
        return opinion.to_owned();
    }
    let numbered: Vec<_> = (1..).zip(complaints).map(|(n, c)| format!("{n}. {c}")).collect();
    format!("{opinion}\n文件对比结果：\n{}", numbered.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{ClauseCode, TradeModeCode};

    fn kind(code: &str) -> AttachmentKindCode {
        AttachmentKindCode::new(code)
    }

    fn line(result: Option<PaperResult>, file: &str, remark: &str) -> Line {
        Line {
            document: Document::File(AttachmentId::new(1)),
            kind: "合同".into(),
            file: file.into(),
            result,
            remark: remark.into(),
        }
    }

    #[test]
    fn every_file_and_every_needed_kind_without_one_is_a_line() {
        let mut basics = Basics::opening(ClauseCode::new("1"), TradeModeCode::new("0110"));
        basics.contract_no = "HT-1".into();
        let needs = [
            (kind("contract"), "合同".to_owned(), Need::IfNumber),
            (kind("invoice"), "发票".to_owned(), Need::IfNumber),
            (kind("license"), "营业执照".to_owned(), Need::Must),
            (kind("plan"), "计划".to_owned(), Need::Must),
            (kind("other"), "其他".to_owned(), Need::Optional),
        ];
        let file = |id: i64, code: &str, name: &str| (AttachmentId::new(id), kind(code), name.to_owned());
        let files = [file(9, "gone", "旧.pdf"), file(7, "plan", "乙.pdf"), file(5, "plan", "甲.pdf")];
        let found: Vec<_> = lines(&basics, &needs, &files).iter().map(|l| (l.document.to_string(), l.name())).collect();
        let wanted = [
            ("kind-contract", "合同（未上传）"),
            ("kind-license", "营业执照（未上传）"),
            ("file-7", "计划（乙.pdf）"),
            ("file-5", "计划（甲.pdf）"),
            ("file-9", "gone（旧.pdf）"),
        ];
        assert_eq!(found, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn the_reason_lists_what_differs_or_did_not_come() {
        let lines = [
            line(Some(PaperResult::Match), "一.pdf", "无"),
            line(Some(PaperResult::Differs), "二.pdf", "金额不符"),
            line(Some(PaperResult::Absent), "", ""),
            line(None, "三.pdf", ""),
        ];
        assert!(pass_needs_opinion(&lines) && !pass_needs_opinion(&lines[2..]));
        assert_eq!(summary(&lines), "一致 1 份，不一致 1 份，未送 1 份");
        assert_eq!(
            reason("材料不符。", &lines),
            "材料不符。\n文件对比结果：\n1. 合同（二.pdf）：不一致，金额不符\n2. 合同（未上传）：未送"
        );
        assert_eq!((reason("材料不符。", &lines[..1]), summary(&lines[3..])), ("材料不符。".into(), String::new()));
    }

    proptest! {
        #[test]
        fn a_document_is_read_as_it_is_written(id in 0..i64::MAX, code in "[a-z_]{1,12}") {
            for document in [Document::File(AttachmentId::new(id)), Document::Kind(kind(&code))] {
                prop_assert_eq!(document.to_string().parse(), Ok(document));
            }
        }

        #[test]
        fn what_is_no_document_is_refused(text in "[^-]{0,20}|file-[a-z]*|kind-|other-1") {
            prop_assert_eq!(text.parse::<Document>(), Err(NoDocument));
        }
    }
}
