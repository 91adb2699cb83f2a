use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::scalar;

/// Why a text is not YAML that every reader takes for the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct YamlError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// A lower-case fragment.
    pub message: String,
}

/// Deepest nesting.
const DEPTH: usize = 64;

/// Every document of a text that is not empty. Anchors, tags, merge keys, duplicate keys and scalars that readers
/// disagree about are refused.
pub fn read_documents(text: &str) -> Result<Vec<Value>, YamlError> {
    read(text, scalar::plain)
}

/// The same for what kustomize printed. It quotes every text that it would itself take for something else, so a plain
/// scalar that is no canonical value is text: `=`, `1,000`, `NaN`. Only floats may have an exponent.
pub(super) fn read_printed(text: &str) -> Result<Vec<Value>, YamlError> {
    read(text, scalar::printed)
}

fn read(text: &str, plain: fn(&str) -> Option<Value>) -> Result<Vec<Value>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), plain };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(_), _) => {
                let (event, span) = reader.next()?;
                let document = reader.value(event, span, 0)?;
                if !document.is_null() {
                    documents.push(document);
                }
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// What a plain scalar is; none where it is refused.
    plain: fn(&str) -> Option<Value>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                message: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value, YamlError> {
        if depth > DEPTH {
            return Err(at(span, format!("nested deeper than {DEPTH}")));
        }
        match event {
            Event::Scalar(text, style, 0, None) => self.scalar(&text, style, span),
            Event::SequenceStart(0, None) => self.sequence(depth),
            Event::MappingStart(0, None) => self.mapping(depth),
            Event::Alias(_) => Err(at(span, "an alias".to_owned() + NOT_READ)),
            Event::Scalar(_, _, 0, _) | Event::SequenceStart(0, _) | Event::MappingStart(0, _) => {
                Err(at(span, "a tag".to_owned() + NOT_READ))
            }
            _ => Err(at(span, "an anchor".to_owned() + NOT_READ)),
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: Span) -> Result<Value, YamlError> {
        if style != ScalarStyle::Plain {
            return Ok(Value::from(text));
        }
        let differs = || at(span, format!("`{text}` is not the same to every reader of YAML; quote it"));
        (self.plain)(text).ok_or_else(differs)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.value(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            let key = match self.value(event, span, depth + 1)? {
                Value::String(key) => key,
                other => return Err(at(span, format!("the key `{other}` is no text; quote it"))),
            };
            let (event, value_span) = self.next()?;
            let value = self.value(event, value_span, depth + 1)?;
            if map.insert(key.clone(), value).is_some() {
                return Err(at(span, format!("the key `{key}` is there twice")));
            }
        }
    }
}

const NOT_READ: &str = " is not read here; write the value out";

fn at(span: Span, message: String) -> YamlError {
    YamlError { line: span.start.line(), column: span.start.col() + 1, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_documents() {
        let text = "a: 1\nb: [x, \"y\"]\n---\n---\nc: |\n  l1\n   l2\n";
        assert_eq!(read_documents(text).unwrap(), vec![json!({"a": 1, "b": ["x", "y"]}), json!({"c": "l1\n l2\n"})]);
    }

    #[test]
    fn refuses_what_readers_differ_about() {
        for (text, line) in [
            ("a: yes", 1),
            ("a: &x 1\nb: *x", 1),
            ("a: !!str 1", 1),
            ("a: 1\na: 2", 2),
            ("b: 1\non: 2", 2),
            ("<<: {}", 1),
        ] {
            assert_eq!(read_documents(text).unwrap_err().line, line, "{text}");
        }
    }
}
