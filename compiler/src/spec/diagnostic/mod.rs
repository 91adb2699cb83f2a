//! What is said about the user's files: one list, four renderers.

mod advised;
mod github;
mod json;
mod sarif;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::codes;

pub use advised::Advised;
pub use github::github;
pub use json::json;
pub use sarif::sarif;
pub use text::text;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is written.
    Error,
    /// Worth a look.
    Warning,
}

/// A place in a file: bytes, and what people count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// The file's text, for excerpts.
    #[serde(skip)]
    pub text: Arc<str>,
    /// Byte offsets, start and end.
    #[serde(skip)]
    pub bytes: std::ops::Range<usize>,
    /// First line, from 1.
    pub line: usize,
    /// First column in characters, from 1.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// Column after the last character.
    pub end_column: usize,
}

/// One thing that is wrong with what the user wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Stable code, `BG0001`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, a lower-case fragment without a full stop.
    pub message: String,
    /// Where; none where no file is to blame.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// JSON pointer of the value within its file.
    pub path: String,
    /// Why, or what to do.
    pub help: Option<String>,
    /// Text that would mend it, in place of the place's bytes.
    pub fix: Option<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: shortened(message.into()),
            place: None,
            path: String::new(),
            help: None,
            fix: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl Advised for Diagnostic {
    fn advice(&mut self) -> (&mut Option<String>, &mut Option<String>) {
        (&mut self.help, &mut self.fix)
    }
}

/// A message that quotes what nobody reads to its end ends early.
fn shortened(mut message: String) -> String {
    const LONGEST: usize = 1000;
    if message.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message += " ...";
    }
    message
}

/// Sorts by file and place; what has no place comes first.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key =
            |it: &Diagnostic| it.place.as_ref().map(|place| (place.file.clone(), place.bytes.start, place.bytes.end));
        key(a).cmp(&key(b)).then_with(|| a.code.cmp(b.code)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup();
}

/// Most diagnostics of one file: whoever mends the first thousand has seen enough of the others.
pub const MOST_SAID: usize = 1000;

/// Leaves out what comes after the first [`MOST_SAID`], and says so; whether anything was left out.
pub fn cut(diagnostics: &mut Vec<Diagnostic>) -> bool {
    if diagnostics.len() < MOST_SAID {
        return false;
    }
    diagnostics.truncate(MOST_SAID);
    let place = diagnostics.last().and_then(|last| last.place.clone());
    let message = format!("there may be more mistakes in this file; {MOST_SAID} are said");
    diagnostics.push(Diagnostic { place, ..Diagnostic::new(codes::MORE, message) });
    true
}

/// Whether any of them is an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
