use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use saphyr_parser::{Event, Marker, ScalarStyle, ScanError, Span as Marks};
use serde_json::{Map, Value};

use super::scalar::{Reading, yaml_1_1, yaml_1_2};
use super::{DEEPEST, Diagnostic, Document, codes};
use crate::spec::document::{Span, pointer_part};

/// Stands in pointers for a key that is left out.
const DROPPED: &str = "~dropped";

/// Bytes of the parser's characters.
pub(super) struct Offsets {
    bytes: Option<Vec<usize>>,
    length: usize,
}

impl Offsets {
    pub(super) fn new(text: &str) -> Self {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(index, _)| index).collect());
        Self { bytes, length: text.len() }
    }

    fn byte(&self, mark: Marker) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(mark.index()).copied().unwrap_or(self.length),
            None => mark.index().min(self.length),
        }
    }

    fn range(&self, span: Marks) -> Range<usize> {
        self.byte(span.start)..self.byte(span.end).max(self.byte(span.start))
    }
}

/// A list or map that is being read.
struct Frame {
    /// What it holds so far; a list's items or a map's fields.
    items: Vec<Value>,
    fields: Option<Map<String, Value>>,
    /// Keys seen, with those that were refused as values but must not come twice.
    keys: BTreeSet<String>,
    /// The key whose value comes next; none of the text where the value is to be dropped.
    key: Option<(Option<String>, Range<usize>)>,
    /// Whether it stands where a key is expected.
    is_key: bool,
    flow: bool,
    span: Range<usize>,
}

/// Makes a document of the parser's events.
pub(super) struct Builder<'d> {
    document: &'d mut Document,
    offsets: &'d Offsets,
    diagnostics: &'d mut Vec<Diagnostic>,
    frames: Vec<Frame>,
    /// JSON pointer of what is being read, and how long it was at each of its parts.
    path: String,
    parts: Vec<usize>,
}

impl<'d> Builder<'d> {
    pub(super) fn new(document: &'d mut Document, offsets: &'d Offsets, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        Self { document, offsets, diagnostics, frames: Vec::new(), path: String::new(), parts: Vec::new() }
    }

    fn push(&mut self, part: &str) {
        self.parts.push(self.path.len());
        self.path.push('/');
        self.path.push_str(part);
    }

    fn pop(&mut self) {
        self.path.truncate(self.parts.pop().unwrap_or_default());
    }

    fn report(&mut self, code: &'static str, bytes: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = self.document.at(code, &self.path, bytes, message);
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// How many diagnostics there are.
    pub(super) fn diagnostics(&self) -> usize {
        self.diagnostics.len()
    }

    pub(super) fn several_documents(&mut self, span: Marks) {
        let bytes = self.offsets.range(span);
        self.report(codes::DOCUMENTS, bytes, "a second document starts here").help =
            Some("one object a file: move it to a file of its own".to_owned());
    }

    pub(super) fn syntax(&mut self, error: &ScanError) {
        let start = self.offsets.byte(*error.marker());
        if error.info().contains("unknown anchor") {
            self.report(codes::ANCHOR, start..self.word_end(start), "aliases are refused, and this one names nothing");
            return;
        }
        if error.info().contains("recursion limit") {
            self.report(codes::DEPTH, start..start, format!("at most {DEEPEST} levels of nesting are read"));
            return;
        }
        let start = if start >= self.document.text.len() { self.document.text.trim_end().len() } else { start };
        let end = self.document.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        self.report(codes::SYNTAX, start..end, error.info().to_owned());
    }

    fn word_end(&self, start: usize) -> usize {
        let rest = &self.document.text[start..];
        start + rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len())
    }

    /// Takes one event; false where reading can't go on.
    pub(super) fn event(&mut self, event: Event<'_>, span: Marks) -> bool {
        let bytes = self.offsets.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let bytes = self.properties(anchor, tag.is_some(), bytes);
                self.scalar(&text, style, bytes);
            }
            Event::Alias(_) => {
                self.report(codes::ANCHOR, bytes.clone(), "aliases are refused").help =
                    Some("write the value out".to_owned());
                self.refuse();
                self.complete(Value::Null, bytes, false);
            }
            Event::SequenceStart(anchor, tag) => {
                let bytes = self.properties(anchor, tag.is_some(), bytes);
                return self.open(None, bytes);
            }
            Event::MappingStart(anchor, tag) => {
                let bytes = self.properties(anchor, tag.is_some(), bytes);
                return self.open(Some(Map::new()), bytes);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes.start),
            _ => {}
        }
        true
    }

    /// Refuses an anchor and a tag before a value; the value's own bytes.
    fn properties(&mut self, anchor: usize, tag: bool, bytes: Range<usize>) -> Range<usize> {
        if anchor == 0 && !tag {
            return bytes;
        }
        let from = self.document.text[..bytes.start].rfind([':', '-', ',', '[', '{', '\n']).map_or(0, |at| at + 1);
        let from = if self.document.text[bytes.clone()].starts_with(['&', '!']) { bytes.start } else { from };
        let mut start = from;
        for (present, mark, code, message) in
            [(anchor != 0, '&', codes::ANCHOR, "anchors are refused"), (tag, '!', codes::TAG, "tags are refused")]
        {
            if !present {
                continue;
            }
            let at = self.document.text[from..].find(mark).map_or(bytes.start, |found| from + found);
            let end = self.word_end(at);
            self.report(code, at..end, message).help = Some("write the value without it".to_owned());
            start = start.max(end);
        }
        let rest = &self.document.text[start..];
        let start = start + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        start.min(bytes.end.max(bytes.start))..bytes.end.max(start)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, bytes: Range<usize>) {
        let bytes = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let trimmed = self.document.text[bytes.clone()].trim_end();
                bytes.start..bytes.start + trimmed.len()
            }
            ScalarStyle::Plain if text.is_empty() => bytes.start..bytes.start,
            _ => bytes,
        };
        let plain = style == ScalarStyle::Plain;
        if self.key_expected() {
            self.key(text, plain, bytes);
            return;
        }
        let bytes = if plain && text.is_empty() { self.pending_key().unwrap_or(bytes) } else { bytes };
        let value = if plain { self.plain(text, &bytes) } else { Value::String(text.to_owned()) };
        self.complete(value, bytes, plain);
    }

    /// Notes that the value that comes next is a guess.
    fn refuse(&mut self) {
        let item =
            self.frames.last().filter(|frame| frame.fields.is_none()).map(|frame| format!("/{}", frame.items.len()));
        self.document.refused.insert(self.path.clone() + &item.unwrap_or_default());
    }

    fn key_expected(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.fields.is_some() && frame.key.is_none())
    }

    fn pending_key(&self) -> Option<Range<usize>> {
        self.frames.last()?.key.as_ref().map(|(_, span)| span.clone())
    }

    /// A plain scalar's value; where readers differ, text, and a diagnostic.
    fn plain(&mut self, text: &str, bytes: &Range<usize>) -> Value {
        let (old, new) = (yaml_1_1(text), yaml_1_2(text));
        let message = match (&old, &new) {
            _ if text == "~" => "`~` is nothing to most readers and text to some".to_owned(),
            (Reading::Value(one), Reading::Value(two)) if one == two => return one.clone(),
            _ if old == new => format!("`{text}` is {}, which JSON does not have", new.describe()),
            _ => format!("`{text}` is {} in YAML 1.1 and {} in YAML 1.2", old.describe(), new.describe()),
        };
        self.refuse();
        let quoted = Value::String(text.to_owned()).to_string();
        let help = match [&old, &new].into_iter().find_map(|reading| match reading {
            Reading::Value(Value::Number(number)) => Some(number),
            _ => None,
        }) {
            Some(number) => format!("write {quoted} for the text, or a plain decimal such as {number} for a number"),
            None => format!("write {quoted} for the text"),
        };
        let diagnostic = self.report(codes::AMBIGUOUS, bytes.clone(), message);
        (diagnostic.help, diagnostic.fix) = (Some(help), Some(quoted));
        match new {
            Reading::Value(value) => value,
            Reading::Other(_) => Value::String(text.to_owned()),
        }
    }

    fn key(&mut self, text: &str, plain: bool, bytes: Range<usize>) {
        if plain && text == "<<" {
            self.report(codes::MERGE_KEY, bytes.clone(), "merge keys are refused").help =
                Some("write the fields out".to_owned());
            self.set_key(None, bytes);
            return;
        }
        let is_text = |reading: Reading| matches!(reading, Reading::Value(Value::String(_)));
        if plain && !(is_text(yaml_1_1(text)) && is_text(yaml_1_2(text))) {
            let quoted = Value::String(text.to_owned()).to_string();
            let readings = (yaml_1_1(text).describe(), yaml_1_2(text).describe());
            let message = if readings.0 == readings.1 {
                format!("the key `{text}` is {}, not text", readings.0)
            } else {
                format!("the key `{text}` is {} in YAML 1.1 and {} in YAML 1.2", readings.0, readings.1)
            };
            self.report(codes::KEY_NOT_TEXT, bytes.clone(), message).fix = Some(quoted);
        }
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.keys.insert(text.to_owned()) {
            self.set_key(Some(text), bytes);
        } else {
            let first = self.document.span(&format!("{}/{}", self.path, pointer_part(text)));
            let line = self.document.place(first.key.unwrap_or_default()).line;
            self.report(
                codes::DUPLICATE_KEY,
                bytes.clone(),
                format!("the key `{text}` is already there, on line {line}"),
            );
            self.set_key(None, bytes);
        }
    }

    fn set_key(&mut self, key: Option<&str>, bytes: Range<usize>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.span.end = frame.span.end.max(bytes.end);
            frame.key = Some((key.map(str::to_owned), bytes.clone()));
        }
        self.push(&key.map_or(Cow::Borrowed(DROPPED), pointer_part));
        if key.is_some() {
            // So that a second one can say where the first one is, whatever its value turns out to be.
            let span = Span { key: Some(bytes.clone()), value: bytes, plain: false };
            self.document.spans.insert(self.path.clone(), span);
        }
    }

    fn open(&mut self, fields: Option<Map<String, Value>>, bytes: Range<usize>) -> bool {
        if self.frames.len() >= DEEPEST {
            self.report(codes::DEPTH, bytes, format!("at most {DEEPEST} levels of nesting are read"));
            return false;
        }
        let is_key = self.key_expected();
        if is_key {
            self.report(codes::KEY_NOT_TEXT, bytes.clone(), "a key must be text");
        } else if let Some(frame) = self.frames.last().filter(|frame| frame.fields.is_none()) {
            let index = frame.items.len().to_string();
            self.push(&index);
        }
        if is_key {
            self.push(DROPPED);
        }
        // The start of a block has no characters of its own.
        let flow = !bytes.is_empty() && self.document.text[bytes.start..].starts_with(['[', '{']);
        self.frames.push(Frame {
            items: Vec::new(),
            fields,
            keys: BTreeSet::new(),
            key: None,
            is_key,
            flow,
            span: bytes,
        });
        true
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.frames.pop() else { return };
        let end = if frame.flow { (end + 1).min(self.document.text.len()) } else { frame.span.end };
        let bytes = frame.span.start..end.max(frame.span.start);
        let value = frame.fields.map_or_else(|| Value::Array(frame.items), Value::Object);
        if frame.is_key {
            self.pop();
            self.set_key(None, bytes);
            return;
        }
        if self.frames.last().is_some_and(|parent| parent.fields.is_none()) {
            self.pop();
        }
        self.complete(value, bytes, false);
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, value: Value, bytes: Range<usize>, plain: bool) {
        let Some(frame) = self.frames.last_mut() else {
            self.document.tree = value;
            self.document.spans.insert(String::new(), Span { key: None, value: bytes, plain });
            return;
        };
        frame.span.end = frame.span.end.max(bytes.end);
        match (&mut frame.fields, frame.key.take()) {
            (Some(fields), Some((key, key_bytes))) => {
                if let Some(key) = key {
                    // its place was noted when the key came
                    if let Some(span) = self.document.spans.get_mut(&self.path) {
                        *span = Span { key: Some(key_bytes), value: bytes, plain };
                    }
                    fields.insert(key, value);
                }
                self.path.truncate(self.parts.pop().unwrap_or_default());
            }
            (None, _) => {
                let pointer = format!("{}/{}", self.path, frame.items.len());
                self.document.spans.insert(pointer, Span { key: None, value: bytes, plain });
                frame.items.push(value);
            }
            (Some(_), None) => self.set_key(None, bytes),
        }
    }
}
