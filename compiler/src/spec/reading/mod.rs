//! One strict dialect of YAML.
//!
//! In: the bytes of a file. Out: a [`Document`] (JSON value and places), as far as it can be read, and what is refused.

mod builder;
mod scalar;

use std::path::Path;

use saphyr_parser::{Event, Parser};

use super::{Diagnostic, Document, MOST_SAID, codes, cut};
use builder::{Builder, Offsets};

/// Largest file.
pub const LARGEST_FILE: usize = 8 << 20;
/// Deepest nesting.
pub const DEEPEST: usize = 64;

/// Reads a file's bytes; a document wherever there is one to speak of.
pub(super) fn read(file: &Path, bytes: &[u8]) -> (Option<Document>, Vec<Diagnostic>) {
    if bytes.len() > LARGEST_FILE {
        let message = format!("the file has {} bytes, at most 8 MiB are read", bytes.len());
        return (None, vec![Document::new(file, "").at(codes::TOO_LARGE, "", 0..0, message)]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => return (None, vec![not_utf8(file, bytes, error.valid_up_to())]),
    };
    let mut document = Document::new(file, text);
    if let Some(refused) = control_character(&document) {
        return (None, vec![refused]);
    }
    let mut diagnostics = Vec::new();
    let complete = build(&mut document, &mut diagnostics);
    let complete = !cut(&mut diagnostics) && complete;
    (complete.then_some(document), diagnostics)
}

fn not_utf8(file: &Path, bytes: &[u8], valid: usize) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    let message = format!("the byte 0x{:02x} is not UTF-8", bytes.get(valid).copied().unwrap_or_default());
    let end = valid + '\u{fffd}'.len_utf8();
    Document::new(file, &text).at(codes::NOT_UTF8, "", valid..end, message)
}

/// The parser would take some of these for the end of the file.
fn control_character(document: &Document) -> Option<Diagnostic> {
    let refused = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let (start, character) = document.text.char_indices().find(|(_, c)| refused(*c))?;
    let message = format!("the control character U+{:04X} is not allowed", u32::from(character));
    Some(document.at(codes::SYNTAX, "", start..start + character.len_utf8(), message))
}

/// Fills the document; false where nothing useful came of it.
fn build(document: &mut Document, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let text = std::sync::Arc::clone(&document.text);
    let offsets = Offsets::new(&text);
    let mut builder = Builder::new(document, &offsets, diagnostics);
    let mut documents = 0;
    for event in Parser::new_from_str(&text) {
        match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    builder.several_documents(span);
                    break;
                }
            }
            Ok((event, span)) => {
                if !builder.event(event, span) || builder.diagnostics() >= MOST_SAID {
                    return false;
                }
            }
            Err(error) => {
                builder.syntax(&error);
                return false;
            }
        }
    }
    if documents == 0 {
        diagnostics.push(document.at(codes::EMPTY, "", 0..0, "the file holds no object"));
    }
    documents > 0
}
