use std::ops::Deref;
use std::sync::Arc;

use super::{Diagnostic, Document, ExpressionError};

/// A value, and the document it was read from.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its file: path, text, raw tree, places.
    pub document: Arc<Document>,
}

impl<T> Located<T> {
    /// An error at the value that a JSON pointer names, or at its nearest parent that was written.
    pub fn diagnostic(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.document.at_value(code, pointer, message)
    }

    /// The same at the key.
    pub fn key_diagnostic(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.document.at_key(code, pointer, message)
    }

    /// An error within the text at a JSON pointer.
    pub fn expression_diagnostic(&self, code: &'static str, pointer: &str, error: &ExpressionError) -> Diagnostic {
        self.document.at_expression(code, pointer, error)
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
