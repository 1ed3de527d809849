//! Papers beside the form: a file of the case in a pane of its own, so that both are read at once. Every button is a link
//! to the same page with other parameters; with script only the pane is fetched, and what was typed stays.
//!
//! Pictures are `<img>`, PDF an `<iframe>` of our own address, which the policy of every page allows already (E22): nothing
//! of a file runs, and no other site can be framed.

use askama::Template;
use askama::filters::HtmlSafe;
use domain::ids::AttachmentId;

use crate::parts::view::FileRow;

/// What is looked at, and how.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct PaperQuery {
    /// The key of a paper.
    #[serde(default)]
    pub paper: String,
    /// `full` or `double`; otherwise it fits.
    #[serde(default)]
    pub zoom: String,
    /// Quarter turns clockwise.
    #[serde(default)]
    pub turn: String,
}

/// The page beside whose form the papers open.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Its path.
    pub path: String,
    /// What its links keep.
    pub kept: Vec<(&'static str, String)>,
}

impl Desk {
    /// The page with this paper beside it.
    pub fn paper(&self, key: &str) -> String {
        self.with(&[("paper", key)])
    }

    /// The page without a paper.
    pub fn address(&self) -> String {
        self.with(&[])
    }

    fn with(&self, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let kept = self.kept.iter().map(|(key, value)| (*key, value.as_str()));
        for (key, value) in kept.chain(more.iter().copied()).filter(|(_, value)| !value.is_empty()) {
            query.append_pair(key, value);
        }
        let query = query.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

/// How a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Picture,
    Pdf,
    /// It can only be downloaded.
    Neither,
}

/// One file.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Whose it is, where there are several beside each other.
    title: &'static str,
    name: String,
    size: String,
    at: String,
    look: Look,
    preview: String,
    download: String,
    /// What it is, where it can only be downloaded.
    why_unseen: String,
}

impl Sheet {
    /// A file of the application.
    pub fn of_file(file: &FileRow, title: &'static str) -> Self {
        let download = format!("/attachments/{}", file.id);
        Self::new(title, (&file.name, &file.size, &file.at), file.has_preview, file.is_picture, download)
            .explained(&file.why_unseen)
    }

    /// What is said where it cannot be looked at.
    #[must_use]
    pub fn explained(mut self, why_unseen: &str) -> Self {
        why_unseen.clone_into(&mut self.why_unseen);
        self
    }

    /// A file at this address, whose preview lies below it.
    pub fn new(
        title: &'static str,
        (name, size, at): (&str, &str, &str),
        has_preview: bool,
        is_picture: bool,
        download: String,
    ) -> Self {
        let look = match (has_preview, is_picture) {
            (_, true) => Look::Picture,
            (true, false) => Look::Pdf,
            (false, false) => Look::Neither,
        };
        let preview = format!("{download}/preview");
        let (name, size, at) = (name.to_owned(), size.to_owned(), at.to_owned());
        Self { title, name, size, at, look, preview, download, why_unseen: String::new() }
    }
}

/// What opens at once: one file, or the original and its scan.
#[derive(Debug, Clone)]
pub struct Round {
    /// What `?paper=` says.
    pub key: String,
    /// What kind of document it is.
    pub title: String,
    /// Its files.
    pub sheets: Vec<Sheet>,
}

/// A link of the pane.
struct Button {
    label: &'static str,
    icon: &'static str,
    href: String,
    is_on: bool,
}

/// The pane.
#[derive(Template)]
#[template(path = "casework/papers.html")]
pub struct Papers {
    open: Option<Open>,
}

impl HtmlSafe for Papers {}

struct Open {
    title: String,
    sheets: Vec<Sheet>,
    place: String,
    previous: Option<String>,
    next: Option<String>,
    zoom: &'static str,
    turn: u8,
    zooms: Vec<Button>,
    turns: Vec<Button>,
    has_picture: bool,
    close: String,
}

impl Papers {
    /// Whether a paper is open.
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The pane with the paper that is asked for, among all of them; empty when it is not there.
    pub fn of(desk: &Desk, rounds: &[Round], asked: &PaperQuery) -> Self {
        let Some(at) = rounds.iter().position(|r| r.key == asked.paper) else { return Self { open: None } };
        let Some(round) = rounds.get(at) else { return Self { open: None } };
        let neighbour = |at: Option<usize>| at.and_then(|at| rounds.get(at)).map(|r| desk.paper(&r.key));
        let zoom = match asked.zoom.as_str() {
            "full" => "full",
            "double" => "double",
            _ => "fit",
        };
        let turn = asked.turn.parse::<u8>().unwrap_or(0) % 4;
        let to = |zoom: &str, turn: u8| {
            let turn = if turn == 0 { String::new() } else { turn.to_string() };
            let zoom = if zoom == "fit" { "" } else { zoom };
            desk.with(&[("paper", &round.key), ("zoom", zoom), ("turn", &turn)])
        };
        let zooms = [("fit", "适合窗口"), ("full", "100%"), ("double", "200%")]
            .into_iter()
            .map(|(word, label)| Button { label, icon: "", href: to(word, turn), is_on: word == zoom })
            .collect();
        let turns = [("向左旋转", "rotate-2", 3), ("向右旋转", "rotate-clockwise-2", 1)]
            .into_iter()
            .map(|(label, icon, by)| Button { label, icon, href: to(zoom, (turn + by) % 4), is_on: false })
            .collect();
        Self {
            open: Some(Open {
                title: round.title.clone(),
                sheets: round.sheets.clone(),
                place: format!("{} / {}", at + 1, rounds.len()),
                previous: neighbour(at.checked_sub(1)),
                next: neighbour(Some(at + 1)),
                zoom,
                turn,
                zooms,
                turns,
                has_picture: round.sheets.iter().any(|s| s.look == Look::Picture),
                close: desk.address(),
            }),
        }
    }
}

/// The key of a file of the application.
pub fn key(file: AttachmentId) -> String {
    file.to_string()
}

/// The files of the application, each by itself; their rows are told where they open.
pub fn of_files(desk: &Desk, files: &mut [FileRow]) -> Vec<Round> {
    for file in files.iter_mut() {
        file.beside = Some(desk.paper(&key(file.id)));
    }
    files
        .iter()
        .map(|f| Round { key: key(f.id), title: f.kind_name.clone(), sheets: vec![Sheet::of_file(f, "")] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds() -> Vec<Round> {
        let sheet =
            |name: &str, is_picture| Sheet::new("", (name, "1 KB", "今天"), true, is_picture, "/a/1".to_owned());
        let round = |key: &str, is_picture| Round {
            key: key.to_owned(),
            title: "合同".to_owned(),
            sheets: vec![sheet(key, is_picture)],
        };
        vec![round("1", false), round("2", true), round("3", false)]
    }

    fn asked(paper: &str, zoom: &str, turn: &str) -> PaperQuery {
        PaperQuery { paper: paper.to_owned(), zoom: zoom.to_owned(), turn: turn.to_owned() }
    }

    #[test]
    fn the_links_of_the_pane_keep_the_list_and_go_round_the_papers() {
        let desk = Desk { path: "/casework/7".to_owned(), kept: vec![("list", "post=accept".to_owned())] };
        let open = |asked: &PaperQuery| Papers::of(&desk, &rounds(), asked).open;
        assert!(open(&asked("9", "", "")).is_none() && open(&PaperQuery::default()).is_none());
        let first = open(&asked("1", "", "")).unwrap();
        assert_eq!((first.previous, first.place.as_str(), first.has_picture), (None, "1 / 3", false));
        assert_eq!(first.next.as_deref(), Some("/casework/7?list=post%3Daccept&paper=2"));
        assert_eq!(first.close, "/casework/7?list=post%3Daccept");
        let second = open(&asked("2", "full", "3")).unwrap();
        let hrefs: Vec<_> = second.zooms.iter().chain(&second.turns).map(|b| b.href.as_str()).collect();
        assert_eq!(
            hrefs,
            [
                "/casework/7?list=post%3Daccept&paper=2&turn=3",
                "/casework/7?list=post%3Daccept&paper=2&zoom=full&turn=3",
                "/casework/7?list=post%3Daccept&paper=2&zoom=double&turn=3",
                "/casework/7?list=post%3Daccept&paper=2&zoom=full&turn=2",
                "/casework/7?list=post%3Daccept&paper=2&zoom=full",
            ]
        );
        assert!(second.zooms.iter().any(|b| b.is_on && b.label == "100%"));
        assert_eq!(open(&asked("3", "larger", "x")).map(|o| (o.zoom, o.turn, o.next)), Some(("fit", 0, None)));
    }
}
