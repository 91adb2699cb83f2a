use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Diagnostic, ExpressionError, Place};

const BLOCK: usize = 1024;

/// Where one value and its key stand, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The key, of a field.
    pub key: Option<Range<usize>>,
    /// The value.
    pub value: Range<usize>,
    /// Whether the value is a plain, unquoted scalar.
    pub plain: bool,
}

/// One file, read: its text, its JSON value, and the place of every part by JSON pointer.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Its text, without a byte order mark.
    pub text: Arc<str>,
    /// Its value.
    pub tree: Value,
    /// Places by JSON pointer.
    pub spans: HashMap<String, Span>,
    /// Pointers of values that were refused while reading: what is in their place is a guess.
    pub refused: BTreeSet<String>,
    /// Byte offsets at which lines start.
    lines: Arc<[usize]>,
    /// Characters before every so many bytes, so that columns of long lines are not counted from the start.
    characters: Arc<[usize]>,
}

impl Document {
    /// A document without a value yet.
    pub fn new(file: &Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Self {
            file: file.to_owned(),
            text: Arc::from(text),
            tree: Value::Null,
            spans: HashMap::new(),
            refused: BTreeSet::new(),
            lines: std::iter::once(0).chain(breaks).collect(),
            characters: characters(text),
        }
    }

    /// The place of these bytes.
    pub fn place(&self, bytes: Range<usize>) -> Place {
        let bytes = self.boundary(bytes.start)..self.boundary(bytes.end.max(bytes.start));
        let (line, column) = self.line_column(bytes.start);
        let (end_line, end_column) = self.line_column(bytes.end);
        Place { file: self.file.clone(), text: Arc::clone(&self.text), bytes, line, column, end_line, end_column }
    }

    fn boundary(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }

    fn line_column(&self, byte: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, self.characters(byte) - self.characters(start) + 1)
    }

    /// Characters before a byte at which one starts.
    fn characters(&self, byte: usize) -> usize {
        let block = byte / BLOCK;
        let bytes = self.text.as_bytes().get(block * BLOCK..byte).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or_default() + starts(bytes)
    }

    /// The span of a value, or of its nearest parent that was written.
    pub fn span(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        loop {
            if let Some(span) = self.spans.get(pointer) {
                return span.clone();
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return Span { key: None, value: 0..0, plain: false },
            }
        }
    }

    /// An error at a value; a value of several lines is blamed by its key or its first line.
    pub fn at_value(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let span = self.span(pointer);
        let known = self.spans.contains_key(pointer);
        let long = self.text.get(span.value.clone()).is_some_and(|text| text.trim_end().contains('\n'));
        let bytes = match span.key {
            Some(key) if long || !known => key,
            _ if long => self.first_line(&span.value),
            _ => span.value,
        };
        self.at(code, pointer, bytes, message)
    }

    /// An error at a key.
    pub fn at_key(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let span = self.span(pointer);
        let bytes = span.key.unwrap_or_else(|| self.first_line(&span.value));
        self.at(code, pointer, bytes, message)
    }

    /// An error at bytes of the file.
    pub fn at(&self, code: &'static str, pointer: &str, bytes: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(code, message);
        diagnostic.place = Some(self.place(bytes));
        pointer.clone_into(&mut diagnostic.path);
        diagnostic
    }

    /// An error within the expressions of a text.
    pub fn at_expression(&self, code: &'static str, pointer: &str, error: &ExpressionError) -> Diagnostic {
        let span = self.span(pointer).value;
        let value = self.tree.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let source = self.text.get(span.clone()).unwrap_or_default();
        let quote = usize::from(source.starts_with(['"', '\'']));
        let verbatim = source.get(quote..source.len().saturating_sub(quote)) == Some(value);
        let mut diagnostic = if verbatim {
            let start = span.start + quote;
            self.at(code, pointer, start + error.span.start..start + error.span.end, error.message.clone())
        } else {
            self.at_value(code, pointer, error.message.clone())
        };
        diagnostic.help.clone_from(&error.help);
        diagnostic.fix = error.fix.clone().filter(|fix| {
            let breaks = |mark: char| source.starts_with(mark) && fix.contains(mark);
            verbatim && !breaks('"') && !breaks('\'')
        });
        diagnostic
    }

    fn first_line(&self, bytes: &Range<usize>) -> Range<usize> {
        let text = self.text.get(bytes.clone()).unwrap_or_default();
        let length = text.lines().next().map_or(0, |line| line.trim_end().len());
        bytes.start..bytes.start + length
    }

    /// The text of a value as it was written.
    pub fn written(&self, pointer: &str) -> &str {
        self.text.get(self.span(pointer).value).unwrap_or_default()
    }
}

/// Characters before each block of a text.
fn characters(text: &str) -> Arc<[usize]> {
    let blocks = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
        *before += starts(block);
        Some(*before)
    });
    std::iter::once(0).chain(blocks).collect()
}

/// How many characters start in bytes.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte).cast_signed() >= -0x40).count()
}

/// A key or index as part of a JSON pointer.
pub fn pointer_part(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1").into() } else { key.into() }
}
