//! The frame around every page (manual §1.3): who, when, menu, reminders, version.

use askama::Template;
use askama::filters::HtmlSafe;
use domain::time::Instant;

/// Whose frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Nobody signed in.
    #[default]
    Public,
    /// 企业用户.
    Enterprise,
    /// 检验检疫局.
    Bureau,
    /// 认监委.
    Cnca,
}

impl Role {
    /// The chip beside the name of the system.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Public => "",
            Self::Enterprise => "企业用户",
            Self::Bureau => "检验检疫局",
            Self::Cnca => "认监委",
        }
    }

    /// The class of the body.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Public => "role-pub",
            Self::Enterprise => "role-ent",
            Self::Bureau => "role-ciq",
            Self::Cnca => "role-cnca",
        }
    }
}

/// A part of the menu.
#[derive(Debug, Clone)]
pub struct MenuGroup {
    /// Its heading.
    pub title: &'static str,
    /// Its entries.
    pub items: Vec<MenuItem>,
}

/// An entry of the menu.
#[derive(Debug, Clone)]
pub struct MenuItem {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// Its icon.
    pub icon: &'static str,
    /// How many things wait there.
    pub count: Option<u64>,
    /// Whether this page belongs to it.
    pub current: bool,
}

/// Everything the frame shows.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The title of the page.
    pub title: String,
    /// 当前用户.
    pub account_name: String,
    /// 申请单位 or bureau.
    pub organisation: String,
    /// Whose frame it is.
    pub role: Role,
    /// 操作菜单 and 快捷操作.
    pub menu: Vec<MenuGroup>,
    /// 当前位置.
    pub crumbs: Vec<(String, Option<String>)>,
    /// 当前时间.
    pub now: Instant,
    /// 今日提醒.
    pub reminders: u64,
    /// 当前版本.
    pub version: &'static str,
    /// The token of this caller.
    pub csrf: String,
    /// A message from the page before.
    pub flash: Option<String>,
    /// The form has errors: the title says so.
    pub error_title: bool,
    /// The public home page: its content rises into the header.
    pub lifted: bool,
}

impl Shell {
    /// Whether somebody of an enterprise is signed in.
    pub fn is_enterprise(&self) -> bool {
        self.role == Role::Enterprise
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self {
            title: String::new(),
            account_name: String::new(),
            organisation: String::new(),
            role: Role::Public,
            menu: Vec::new(),
            crumbs: Vec::new(),
            now: Instant::from_millis(0),
            reminders: 0,
            version: "",
            csrf: String::new(),
            flash: None,
            error_title: false,
            lifted: false,
        }
    }
}

/// An icon of the sprite.
#[derive(Template, Debug, Clone, Copy)]
#[template(
    source = r#"<svg class="ic" aria-hidden="true" focusable="false"><use href="{{ crate::assets::PREFIX }}/icons.svg#{{ name }}"></use></svg>"#,
    ext = "html"
)]
pub struct Icon<'a> {
    name: &'a str,
}

impl HtmlSafe for Icon<'_> {}

/// An icon of the sprite; decoration only, the words stand beside it.
pub const fn icon(name: &str) -> Icon<'_> {
    Icon { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "{% extends \"kit/layout.html\" %}{% block content %}<h1>页</h1>{% endblock %}", ext = "html")]
    struct Signed {
        shell: Shell,
    }

    fn shell() -> Shell {
        let item = |label: &str, count| MenuItem {
            label: label.to_owned(),
            href: "/x".to_owned(),
            icon: "home",
            count,
            current: label == "主页",
        };
        Shell {
            title: "主页".to_owned(),
            account_name: "<示例>".to_owned(),
            role: Role::Enterprise,
            menu: vec![
                MenuGroup { title: "操作菜单", items: vec![item("主页", None), item("申请", Some(3))] },
                MenuGroup { title: "快捷操作", items: vec![item("返回主页", Some(0))] },
            ],
            crumbs: vec![("主页".to_owned(), Some("/main".to_owned())), ("申请".to_owned(), None)],
            csrf: "token".to_owned(),
            version: "1.2.3",
            flash: Some("保存成功".to_owned()),
            error_title: true,
            ..Shell::default()
        }
    }

    #[test]
    fn the_frame_shows_the_parts_of_the_manual_and_no_inline_script_or_style() {
        let html = Signed { shell: shell() }.to_string();
        for part in [
            "<title>错误：主页 - CCC 免办电子审批系统</title>",
            "操作菜单",
            "快捷操作",
            "今日提醒",
            "当前时间 1970-01-01 星期四 08:00",
            "当前版本 1.2.3",
            "3<span class=\"visually-hidden\"> 件待办</span>",
            "保存成功",
            "<h1>页</h1>",
            "content=\"token\"",
            "&#60;示例&#62;",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        // Every way out is a form with the token.
        assert_eq!(html.matches("action=\"/logout\"").count(), html.matches("name=\"csrf\" value=\"token\"").count());
        assert_eq!(html.matches("aria-current=\"page\"").count(), 2);
        assert!(!html.contains(" style=") && !html.contains("<script>") && !html.contains(" onclick="));
    }
}
