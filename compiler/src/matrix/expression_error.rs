use std::ops::Range;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// A lower-case fragment.
    pub message: String,
    /// Bytes of the text that are to blame.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    /// Text that would mend it, in place of the span.
    pub fix: Option<String>,
}
