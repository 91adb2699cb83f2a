//! Expressions within texts: where they start and end, which names they use.
//!
//! In: a text of a file. Out: its plain pieces and its expressions, parsed by MiniJinja. Values are the matrix's affair.

mod error;
mod references;

pub use error::ExpressionError;
use references::is_deeper;
pub use references::{Reference, extent, references};

use super::Advised;
use minijinja::machinery::{ast::Expr, parse_expr};

/// Longest expression, in bytes.
pub const LONGEST_EXPRESSION: usize = 1000;
/// Deepest expression; a chain of operators of one kind counts each of them.
pub const DEEPEST_EXPRESSION: usize = 150;
/// Longest text that holds expressions, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// One part of a text.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// What stands between `{{` and `}}`.
    Expression(Expression<'a>),
}

/// One expression, parsed.
#[derive(Debug)]
pub struct Expression<'a> {
    /// Its text.
    pub source: &'a str,
    /// Where it starts in the whole text, in bytes.
    pub offset: usize,
    /// Its syntax tree.
    pub tree: Expr<'a>,
}

impl<'a> Expression<'a> {
    /// Parses a bare expression that starts at `offset` of a text.
    pub fn parse(source: &'a str, offset: usize) -> Result<Self, ExpressionError> {
        if source.trim().is_empty() {
            return Err(ExpressionError::new("there is no expression", offset..offset + source.len()));
        }
        // The parser and everything that walks its trees call themselves for every level: the stack is not endless.
        if source.len() > LONGEST_EXPRESSION {
            let message = format!("the expression has {} bytes, at most {LONGEST_EXPRESSION} are read", source.len());
            return Err(ExpressionError::new(message, offset..offset + source.len()));
        }
        match parse_expr(source) {
            Ok(tree) if is_deeper(&tree, DEEPEST_EXPRESSION) => {
                let message = format!("the expression nests more than {DEEPEST_EXPRESSION} levels deep");
                Err(ExpressionError::new(message, offset..offset + source.len())
                    .help("of many values, `x in [1, 2, 3]` takes one level"))
            }
            Ok(tree) => Ok(Self { source, offset, tree }),
            Err(error) => {
                let range = error.range().unwrap_or(0..source.len());
                let end = range.end.clamp(1, source.len());
                let start = range.start.min(end - 1);
                let detail = error.detail().unwrap_or("it can't be parsed");
                Err(ExpressionError::new(
                    format!("the expression is not valid: {detail}"),
                    offset + start..offset + end,
                ))
            }
        }
    }

    /// Bytes of a node within the whole text.
    pub fn span(&self, node: &Expr<'_>) -> std::ops::Range<usize> {
        let extent = extent(node);
        self.offset + extent.start..self.offset + extent.end
    }

    /// The text of a node.
    pub fn text(&self, node: &Expr<'_>) -> &'a str {
        self.source.get(extent(node)).unwrap_or(self.source)
    }
}

/// Splits a text at its `{{ }}`; `{%` and `{#` are plain text.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ExpressionError> {
    if text.len() > LONGEST_TEXT && text.contains("{{") {
        let message = format!("a text with expressions has at most {LONGEST_TEXT} bytes");
        return Err(ExpressionError::new(message, 0..text.len()));
    }
    let mut pieces = Vec::new();
    let mut position = 0;
    while let Some(found) = text[position..].find("{{") {
        let open = position + found;
        if open > position {
            pieces.push(Piece::Text(&text[position..open]));
        }
        let start = open + 2;
        let Some(length) = closing(&text[start..]) else {
            return Err(ExpressionError::new("`{{` is not closed by `}}`", open..text.len())
                .help("a literal `{{` is written `{{ \"{{\" }}`"));
        };
        pieces.push(Piece::Expression(Expression::parse(&text[start..start + length], start)?));
        position = start + length + 2;
    }
    if position < text.len() {
        pieces.push(Piece::Text(&text[position..]));
    }
    Ok(pieces)
}

/// Bytes until the `}}` that ends an expression: not one within a quoted text or a map.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut index, mut depth, mut quote) = (0, 0_usize, None);
    while let Some(&byte) = bytes.get(index) {
        if let Some(open) = quote {
            match byte {
                b'\\' => index += 1,
                _ if byte == open => quote = None,
                _ => {}
            }
        } else {
            match byte {
                b'"' | b'\'' => quote = Some(byte),
                b'{' => depth += 1,
                b'}' if depth > 0 => depth -= 1,
                b'}' if bytes.get(index + 1) == Some(&b'}') => return Some(index),
                _ => {}
            }
        }
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        let pieces = pieces(text).unwrap();
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => format!("[{text}]"),
                Piece::Expression(expression) => format!("<{}>", expression.source),
            })
            .collect()
    }

    #[test]
    fn splits_at_braces_only() {
        assert_eq!(shape("a {{ b }} c"), "[a ]< b >[ c]");
        assert_eq!(shape("{{ '}}' }}"), "< '}}' >");
        assert_eq!(shape("{{ {'a': {'b': 1}}.a.b }}"), "< {'a': {'b': 1}}.a.b >");
        assert_eq!(shape("{% x %}{# y #}}}"), "[{% x %}{# y #}}}]");
        assert_eq!(shape("{{ \"{{\" }}"), "< \"{{\" >");
        assert_eq!(pieces("a {{ b").unwrap_err().span, 2..6);
    }

    #[test]
    fn what_would_overflow_the_stack_is_refused() {
        let long = LONGEST_EXPRESSION;
        for text in [
            "-".repeat(1 << 20),
            "1+".repeat(1 << 20) + "1",
            "1+".repeat(long / 2 - 1) + "1",
            "a".to_owned() + &".a".repeat(long / 2 - 1),
        ] {
            let error = Expression::parse(&text, 0).unwrap_err();
            assert!(error.message.contains("at most") || error.message.contains("levels deep"), "{error}");
        }
        for text in ["-".repeat(long - 1) + "1", "not ".repeat(long / 4 - 1) + "1", "(".repeat(long)] {
            assert!(Expression::parse(&text, 0).is_err(), "{text}");
        }
        assert!(Expression::parse(&("a or ".repeat(DEEPEST_EXPRESSION - 1) + "a"), 0).is_ok());
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = pieces("x {{ a + }}").unwrap_err();
        assert!(error.span.start >= 4 && error.span.end <= 9, "{error:?}");
    }
}
