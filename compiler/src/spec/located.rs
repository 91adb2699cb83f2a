use std::path::PathBuf;

use super::Diagnostic;

/// A value, and where each part of it stands in its file.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The file, as the user named it.
    pub file: PathBuf,
}

impl<T> Located<T> {
    /// An error at the value that a JSON pointer names, or at its nearest parent that was written.
    pub fn diagnostic(&self, _code: &'static str, _pointer: &str, _message: impl Into<String>) -> Diagnostic {
        todo!()
    }

    /// The same at the key.
    pub fn key_diagnostic(&self, _code: &'static str, _pointer: &str, _message: impl Into<String>) -> Diagnostic {
        todo!()
    }
}
