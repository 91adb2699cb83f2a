use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use benchgrid_measures::{Outcome, Verdict};

use super::machine::Machine;
use super::progress::Progress;
use super::stop::Stop;
use crate::rehearsal::{Rehearsal, names};

/// How often is looked at what happens.
const LOOK: Duration = Duration::from_millis(200);
/// How long a sandbox that was asked to end may take.
const LAST: Duration = Duration::from_secs(12);
/// What the coordinator says while nodes come up.
const WAITING: &str = "waiting for all nodes";

/// One attempt, about to run.
pub(super) struct Attempt<'a> {
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) place: &'a Path,
    pub(super) machine: &'a Machine,
}

/// How it ended.
pub(super) struct Ended {
    pub(super) measured: bool,
    /// For people.
    pub(super) words: String,
}

impl Attempt<'_> {
    /// Runs it to its end, or until somebody wants no more.
    pub(super) fn run(&self, stop: &Stop, progress: &Progress) -> Ended {
        let failed = |words: String| Ended { measured: false, words };
        match self.start() {
            Ok(child) => match self.watch(child, stop, progress) {
                Ok((status, why)) => self.ended(status, why),
                Err(error) => failed(format!("failed: {error}")),
            },
            Err(error) => failed(format!("failed: {error}")),
        }
    }

    fn start(&self) -> io::Result<Child> {
        for folder in &self.rehearsal.folders {
            fs::create_dir_all(folder)?;
        }
        for (path, bytes) in &self.rehearsal.files {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, bytes)?;
        }
        let file = self.place.join(names::PRIVATE).join("sandbox.json");
        fs::write(&file, serde_json::to_vec_pretty(&self.rehearsal.sandbox)?)?;
        let mut command = self.machine.sandbox(&file);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(self.place.join(names::SANDBOX))?);
        // a terminal's Ctrl-C is for this process alone, which ends the other
        command.process_group(0).spawn()
    }

    /// Waits for the end, and tells what happens meanwhile. Gives the reason, where it was ended for one.
    fn watch(&self, mut child: Child, stop: &Stop, progress: &Progress) -> io::Result<(ExitStatus, Option<String>)> {
        // the sandbox ends when this does
        let mut line = child.stdin.take();
        let mut why = None;
        let mut killed_at = None;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok((status, why));
            }
            let doing = self.doing();
            progress.doing(&doing);
            if line.is_some() {
                if stop.asked() {
                    why = Some("interrupted".to_owned());
                } else if doing == WAITING {
                    why = self.gone();
                }
                if why.is_some() {
                    line = None;
                    killed_at = Some(Instant::now() + LAST);
                }
            }
            if killed_at.is_some_and(|at| Instant::now() > at) {
                child.kill()?;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What the coordinator said last that is for people.
    fn doing(&self) -> String {
        let notes = fs::read_to_string(self.place.join(names::NOTES)).unwrap_or_default();
        let last = notes.lines().rev().find(|line| !line.starts_with('{'));
        last.map_or_else(|| "starting nodes".to_owned(), str::to_owned)
    }

    /// A container that has ended by itself: its node will not come up.
    fn gone(&self) -> Option<String> {
        let ended = fs::read_to_string(self.place.join(names::ENDED)).unwrap_or_default();
        let line = ended.lines().next()?;
        Some(format!("{line}; its log is in {}", self.place.join(names::LOGS).display()))
    }

    fn ended(&self, status: ExitStatus, why: Option<String>) -> Ended {
        let outcome = fs::read_to_string(self.place.join(names::OUTCOME)).ok();
        let outcome: Option<Outcome> = outcome.and_then(|text| serde_json::from_str(&text).ok());
        let words = match (&outcome, why) {
            (_, Some(why)) => format!("failed: {why}"),
            (Some(outcome), None) if outcome.verdict == Verdict::Measured => {
                format!("measured, {} records", outcome.records)
            }
            (Some(outcome), None) => format!("failed ({}): {}", outcome.reason, outcome.detail),
            (None, None) => format!("failed: {}", self.complaint(status)),
        };
        let measured = outcome.is_some_and(|outcome| outcome.verdict == Verdict::Measured);
        Ended { measured, words }
    }

    /// What the sandbox said before it ended without an outcome.
    fn complaint(&self, status: ExitStatus) -> String {
        let log = fs::read_to_string(self.place.join(names::SANDBOX)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().map(|line| line.trim_start_matches("error: ")).collect();
        let said = if lines.is_empty() { status.to_string() } else { lines.join("; ") };
        format!("{said}; logs are in {}", self.place.join(names::LOGS).display())
    }
}
