use std::fmt;

use crate::spec::Severity;

/// Which of the user's files a trouble is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The scenario.
    Scenario,
    /// The lab.
    Lab,
    /// The `system.yaml` of the system with this name in the scenario.
    System(String),
    /// The base of the system with this name in the scenario: no single file.
    Base(String),
}

/// What is wrong with a plan; the command line gives it its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code, `BG0501`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The file.
    pub subject: Subject,
    /// JSON pointer within it.
    pub pointer: Box<str>,
    /// What is wrong, a lower-case fragment without a full stop.
    pub message: String,
    /// Why, or what to do.
    pub help: Option<String>,
}

impl Trouble {
    /// An error in the scenario.
    pub fn scenario(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Subject::Scenario, pointer, message)
    }

    /// An error in some file.
    pub fn new(code: &'static str, subject: Subject, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            subject,
            pointer: pointer.into().into_boxed_str(),
            message: message.into(),
            help: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code, self.message, self.pointer)
    }
}
