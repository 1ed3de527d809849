//! The text of a notice as people read it: paragraphs, headings, lists, tables, links; nothing that runs.
//!
//! Two keepers of the gate: the reader of the marks takes HTML for plain text, and what it writes is cleaned by a list of
//! what may stand in a page. Pictures stand as their words, because the security policy of the site loads none from
//! elsewhere.

use std::collections::{HashMap, HashSet};

use askama::filters::HtmlSafe;
use domain::bulletin::BulletinFormat;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Safe HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose(String);

impl HtmlSafe for Prose {}

impl std::fmt::Display for Prose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Prose {
    /// The text of a notice.
    pub fn of(body: &str, format: BulletinFormat) -> Self {
        match format {
            BulletinFormat::Plain => Self::plain(body),
            BulletinFormat::Marked => Self::marked(body),
        }
    }

    fn plain(body: &str) -> Self {
        let paragraphs: Vec<_> =
            body.split("\n\n").map(|p| format!("<p>{}</p>", ammonia::clean_text(p).replace("&#10;", "\n"))).collect();
        Self(paragraphs.concat())
    }

    fn marked(body: &str) -> Self {
        let events =
            Parser::new_ext(body, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(|event| {
                Some(match event {
                    Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
                    Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
                    Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
                    Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
                    // The title of the notice is the heading of the page.
                    Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                        Event::Start(Tag::Heading { level: below(level), id: None, classes, attrs })
                    }
                    Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
                    // People who type a line break mean one.
                    Event::SoftBreak => Event::HardBreak,
                    other => other,
                })
            });
        let mut written = String::new();
        html::push_html(&mut written, events);
        Self(cleaner().clean(&written).to_string())
    }
}

const fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H4,
    }
}

fn cleaner() -> ammonia::Builder<'static> {
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .tags(HashSet::from([
            "p",
            "br",
            "h2",
            "h3",
            "h4",
            "ul",
            "ol",
            "li",
            "strong",
            "em",
            "del",
            "a",
            "blockquote",
            "hr",
            "code",
            "pre",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ]))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("noopener noreferrer"));
    cleaner
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(body: &str) -> String {
        Prose::of(body, BulletinFormat::Marked).to_string()
    }

    #[test]
    fn the_marks_of_the_editor_become_headings_lists_tables_and_links() {
        let html = marked(
            "# 一、范围\n\n**请注意**：\n第二行\n\n- 甲\n- 乙\n\n| 项目 | 说明 |\n|---|---|\n| 一 | 二 |\n\n[自查](/pre-check)",
        );
        for part in [
            "<h2>一、范围</h2>",
            "<strong>请注意</strong>",
            "<br>",
            "<li>甲</li>",
            "<td>二</td>",
            "<a href=\"/pre-check\" rel=\"noopener noreferrer\">自查</a>",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn nothing_that_runs_gets_through() {
        for body in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[链接](javascript:alert(1))",
            "[链接](JaVaScRiPt:alert(1))",
            "[链接](data:text/html;base64,PHNjcmlwdD4=)",
            "<a href=\"javascript:alert(1)\">x</a>",
            "![图](javascript:alert(1))",
            "<javascript:alert(1)>",
            "a <svg/onload=alert(1)> b",
            "<style>body{}</style>",
        ] {
            let html = marked(body);
            let parsed = scraper::Html::parse_fragment(&html);
            let bad =
                scraper::Selector::parse("script, img, svg, style, iframe, [onerror], [onload], [style]").unwrap();
            assert!(parsed.select(&bad).next().is_none(), "{body} became {html}");
            let links = scraper::Selector::parse("a[href]").unwrap();
            for link in parsed.select(&links) {
                let href = link.value().attr("href").unwrap().to_lowercase();
                assert!(!href.contains("javascript:") && !href.contains("data:"), "{body} became {html}");
            }
        }
        assert!(marked("<b>粗</b>").contains("&lt;b&gt;"), "HTML is text");
        assert_eq!(marked("![流程图](x.png)"), "<p>流程图</p>\n");
    }

    #[test]
    fn plain_notices_stay_as_they_were() {
        let html = Prose::of("第一段。\n\n第二段<b>。", BulletinFormat::Plain).to_string();
        assert_eq!(html, "<p>第一段。</p><p>第二段&lt;b&gt;。</p>");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_gives_only_what_may_stand_in_a_page(body in "([a-z<>/=\"'`*_#|:()\\[\\]! \n&;-]|javascript:|<script|onerror=|中){0,60}") {
            let html = marked(&body);
            let parsed = scraper::Html::parse_fragment(&html);
            let all = scraper::Selector::parse("*").unwrap();
            for element in parsed.select(&all) {
                let name = element.value().name();
                prop_assert!(name == "html" || cleaner().clone_tags().contains(name), "{name} in {html}");
                for (attribute, value) in element.value().attrs() {
                    prop_assert!(matches!(attribute, "href" | "rel" | "start"), "{attribute} in {html}");
                    prop_assert!(!value.trim().to_lowercase().starts_with("javascript:"), "{html}");
                }
            }
        }
    }
}
