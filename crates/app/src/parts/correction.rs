//! 补正 as both sides read it (manual §2.4): what the officer asked for, and old and new beside each other.

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::audit::Subject;
use domain::application::{Application, Part};
use domain::correction::{self, Changes, Line, NamedField, Record, Sheet, Snapshot};
use domain::workflow::State;
use kit::app::App;
use kit::error::AppError;
use kit::reference::ReferenceCache;

use crate::parts::{timeline, view};

/// The name of a field that 送补正 names, for people.
pub fn label(references: &ReferenceCache, named: &NamedField) -> String {
    named.label().map_or_else(|| references.kind_name(&named.field).to_owned(), str::to_owned)
}

/// The fields of one part that an application's 送补正 names; none unless it is being corrected.
pub fn fields_of(application: &Application, part: Part) -> Vec<String> {
    if application.state() != State::Returned {
        return Vec::new();
    }
    application.return_fields.iter().filter(|f| f.part == part).map(|f| f.field.clone()).collect()
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

/// Old and new of the last two submissions.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/correction_changes.html")]
pub struct CorrectionChanges {
    /// When the older and the newer one were submitted.
    submitted: Option<(String, String)>,
    changes: Changes,
}

impl HtmlSafe for CorrectionChanges {}

impl CorrectionChanges {
    fn count(&self) -> usize {
        self.changes.basics.len() + self.changes.items.count() + self.changes.files.count()
    }
}

/// What the last correction changed; none of an application that was submitted once.
pub async fn changes(
    source: &impl Source,
    app: &App,
    application: &Application,
) -> Result<Option<CorrectionChanges>, AppError> {
    // Set by 送补正 and kept from then on.
    if application.return_post.is_none() || application.state() == State::Returned {
        return Ok(None);
    }
    let references = app.references.now();
    let kept = db::application::snapshots(source, application.id).await?;
    let [(now, new), (then, old)] = kept.as_slice() else {
        // Submitted first by a program that kept no snapshots: said, not hidden.
        return Ok(Some(CorrectionChanges { submitted: None, changes: Changes::default() }));
    };
    Ok(Some(CorrectionChanges {
        submitted: Some((then.china(), now.china())),
        changes: correction::compare(&sheet(&references, old), &sheet(&references, new)),
    }))
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
                key: format!("{}/{}/{}", file.kind, file.sha256, file.name),
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
