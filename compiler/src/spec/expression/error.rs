use std::ops::Range;

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
}

impl ExpressionError {
    /// An error at these bytes of the text.
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, help: None, fix: None }
    }

    /// With a word on what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the text that would mend it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}
