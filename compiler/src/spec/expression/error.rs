use std::ops::Range;

use crate::spec::Advised;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// A lower-case fragment.
    pub message: String,
    /// Bytes of the whole text that are to blame.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    /// Text that would mend it, in place of the span.
    pub fix: Option<String>,
    /// Whether there is a value, but none that is true or false where that is wanted.
    pub not_boolean: bool,
}

impl ExpressionError {
    /// An error at these bytes of the text.
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, help: None, fix: None, not_boolean: false }
    }
}

impl Advised for ExpressionError {
    fn advice(&mut self) -> (&mut Option<String>, &mut Option<String>) {
        (&mut self.help, &mut self.fix)
    }
}
