//! 补正 as both sides read it (manual §2.4): what the officer asked for, and old and new beside each other.

use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::attachment::Attachment;
use db::audit::Subject;
use domain::application::{Application, Part};
use domain::correction::{self, Changes, Line, NamedField, Record, Sheet, Snapshot};
use domain::ids::{ApplicationId, ItemId};
use domain::workflow::State;
use kit::app::App;
use kit::error::AppError;
use kit::form::Choice;
use kit::reference::ReferenceCache;

use crate::parts::{timeline, view};

/// The name of a field that 送补正 names, for people; with its products, unless it is that of all.
pub fn label(references: &ReferenceCache, named: &NamedField) -> String {
    let name = named.label().unwrap_or_else(|| references.kind_name(&named.field));
    if named.products.is_empty() { name.to_owned() } else { format!("{name}（第 {} 项）", named.numbers()) }
}

/// The fields of one part that an application's 送补正 names; none unless it is being corrected.
pub fn fields_of(application: &Application, part: Part) -> Vec<String> {
    if application.state() != State::Returned {
        return Vec::new();
    }
    application.return_fields.iter().filter(|f| f.part == part).map(|f| f.field.clone()).collect()
}

/// The fields of one product that its application's 送补正 names; one that is not stored yet has no id.
pub fn fields_of_item(application: &Application, item: Option<ItemId>) -> Vec<String> {
    if application.state() != State::Returned {
        return Vec::new();
    }
    application.return_fields.iter().filter(|f| f.concerns(item)).map(|f| f.field.clone()).collect()
}

/// A product whose fields 送补正 names one by one.
#[derive(Debug, Clone)]
pub struct ProductToCorrect {
    /// 序号 on the page of the officer.
    pub ordinal: usize,
    /// The names of the fields.
    pub fields: Vec<&'static str>,
}

/// The products that an application's 送补正 names one by one; none unless it is being corrected.
pub fn products_to_correct(application: &Application) -> HashMap<ItemId, ProductToCorrect> {
    let mut found: HashMap<ItemId, ProductToCorrect> = HashMap::new();
    if application.state() != State::Returned {
        return found;
    }
    for field in application.return_fields.iter().filter(|f| f.part == Part::Items) {
        for named in &field.products {
            let fresh = ProductToCorrect { ordinal: named.ordinal, fields: Vec::new() };
            found.entry(named.id).or_insert(fresh).fields.extend(field.label());
        }
    }
    found
}

/// What the officer asked for, on top of every page of a correction (R-2.4-03).
#[derive(Template, Debug, Clone)]
#[template(path = "parts/correction_note.html")]
pub struct CorrectionNote {
    who: String,
    at: String,
    rfc3339: String,
    opinion: String,
    /// Each part with the names of its fields; without any the whole part is meant.
    parts: Vec<(&'static str, Vec<String>)>,
}

impl HtmlSafe for CorrectionNote {}

/// The note of an application that is being corrected; none otherwise.
pub async fn note(
    source: &impl Source,
    app: &App,
    application: &Application,
) -> Result<Option<CorrectionNote>, AppError> {
    if application.state() != State::Returned {
        return Ok(None);
    }
    let references = app.references.now();
    let deed = db::audit::last_to(source, Subject::Application(application.id), State::Returned).await?;
    Ok(deed.map(|d| CorrectionNote {
        who: timeline::who(app, &d),
        at: d.at.china(),
        rfc3339: d.at.rfc3339(),
        opinion: d.opinion,
        parts: application
            .return_parts
            .iter()
            .map(|part| {
                let fields = application.return_fields.iter().filter(|f| f.part == *part);
                (part.label(), fields.map(|f| label(&references, f)).collect())
            })
            .collect(),
    }))
}

/// Old and new: the last submission beside an earlier one.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/correction_changes.html")]
pub struct CorrectionChanges {
    id: ApplicationId,
    /// When the older and the newer one were submitted.
    submitted: Option<(String, String)>,
    /// The earlier submissions that can be chosen, newest first; none when there is one.
    earlier: Vec<Choice>,
    /// The chosen one.
    compared: String,
    /// It is the last but one.
    is_last: bool,
    changes: Changes,
    /// Where the files open, by their records.
    old_links: HashMap<String, String>,
    new_links: HashMap<String, String>,
}

impl HtmlSafe for CorrectionChanges {}

impl CorrectionChanges {
    /// Submitted first by a program that kept no snapshots: said, not hidden.
    fn unknown(id: ApplicationId) -> Self {
        Self {
            id,
            submitted: None,
            earlier: Vec::new(),
            compared: String::new(),
            is_last: true,
            changes: Changes::default(),
            old_links: HashMap::new(),
            new_links: HashMap::new(),
        }
    }

    /// Where the file of an earlier submission opens.
    fn old_link(&self, file: &Record) -> Option<&str> {
        self.old_links.get(&file.key).map(String::as_str)
    }

    /// Where the file of the last submission opens.
    fn new_link(&self, file: &Record) -> Option<&str> {
        self.new_links.get(&file.key).map(String::as_str)
    }

    fn count(&self) -> usize {
        self.changes.basics.len() + self.changes.items.count() + self.changes.files.count()
    }
}

/// What changed since an earlier submission, the last but one unless `compared` names another; none of an application that
/// was submitted once.
pub async fn changes(
    source: &impl Source,
    app: &App,
    application: &Application,
    compared: &str,
) -> Result<Option<CorrectionChanges>, AppError> {
    // Set by 送补正 and kept from then on.
    if application.return_post.is_none() || application.state() == State::Returned {
        return Ok(None);
    }
    let id = application.id;
    let submissions = db::application::submissions(source, id).await?;
    let [now, earlier @ ..] = submissions.as_slice() else { return Ok(Some(CorrectionChanges::unknown(id))) };
    let chosen = earlier.iter().find(|s| s.version.to_string() == compared);
    let Some(then) = chosen.or(earlier.first()) else { return Ok(Some(CorrectionChanges::unknown(id))) };
    let old = db::application::snapshot(source, id, then.version).await?;
    let new = db::application::snapshot(source, id, now.version).await?;
    let files = db::attachment::all_of_application(source, id).await?;
    // The same file may have come twice: of the older one that which went, of the newer one that which is there.
    let links = |is_meant: fn(&Attachment) -> bool| {
        let of = |f: &Attachment| (file_key(f.kind.as_str(), &f.sha256, &f.name), format!("/attachments/{}", f.id));
        let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|f| is_meant(f));
        first.into_iter().chain(last).map(of).collect::<HashMap<_, _>>()
    };
    let references = app.references.now();
    let choices = (1..=earlier.len())
        .rev()
        .zip(earlier)
        .map(|(n, s)| Choice::new(s.version.to_string(), format!("第 {n} 次提交 {}", s.at.china())));
    Ok(Some(CorrectionChanges {
        id,
        submitted: Some((then.at.china(), now.at.china())),
        earlier: if earlier.len() > 1 { choices.collect() } else { Vec::new() },
        compared: then.version.to_string(),
        is_last: earlier.first().is_some_and(|s| s.version == then.version),
        changes: correction::compare(&sheet(&references, &old), &sheet(&references, &new)),
        old_links: links(|f| !f.is_current()),
        new_links: links(Attachment::is_current),
    }))
}

/// What makes a file the same one in two submissions.
fn file_key(kind: &str, sha256: &str, name: &str) -> String {
    format!("{kind}/{sha256}/{name}")
}

/// A snapshot as people read it.
fn sheet(references: &ReferenceCache, snapshot: &Snapshot) -> Sheet {
    let line = |key: &str, label: &str, value: String| Line { key: key.to_owned(), label: label.to_owned(), value };
    Sheet {
        basics: view::basics_lines(references, &snapshot.basics),
        items: (1..)
            .zip(&snapshot.items)
            .map(|(ordinal, item)| Record {
                key: item.id.to_string(),
                ordinal,
                lines: view::item_lines(references, &item.form),
            })
            .collect(),
        files: (1..)
            .zip(&snapshot.files)
            .map(|(ordinal, file)| Record {
                key: file_key(file.kind.as_str(), &file.sha256, &file.name),
                ordinal,
                lines: vec![
                    line("kind", "附件类型", references.kind_name(file.kind.as_str()).to_owned()),
                    line("name", "附件名称", file.name.clone()),
                    line("size", "大小", view::size(file.size_bytes)),
                ],
            })
            .collect(),
    }
}
