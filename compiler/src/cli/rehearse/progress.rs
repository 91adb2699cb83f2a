use std::io::{IsTerminal, Write};
use std::time::Instant;

/// What is being done, on one line of a terminal; how it ended, everywhere.
pub(super) struct Progress {
    title: String,
    start: Instant,
    shown: bool,
}

/// Back to the start of the line, and clear it.
const ANEW: &str = "\r\x1b[2K";
/// Most characters of a line.
const WIDTH: usize = 100;

impl Progress {
    pub(super) fn new(title: String) -> Self {
        Self { title, start: Instant::now(), shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn doing(&self, what: &str) {
        if self.shown {
            let line = format!("{}: {what} ({} s)", self.title, self.start.elapsed().as_secs());
            let line: String = line.chars().take(WIDTH).collect();
            let _ = write!(std::io::stderr().lock(), "{ANEW}{line}");
        }
    }

    pub(super) fn end(&self, how: &str) {
        let anew = if self.shown { ANEW } else { "" };
        let _ = writeln!(std::io::stderr().lock(), "{anew}{}: {how}", self.title);
    }
}
