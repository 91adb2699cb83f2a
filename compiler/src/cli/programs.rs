//! Programs of this machine that build bases.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::kustomize::{Program, ProgramError, Programs};

/// Most bytes that a program may print.
const MOST: u64 = 64 << 20;

/// The programs of this machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where they are; none: on PATH.
    pub folder: Option<PathBuf>,
    /// How long one may take.
    pub limit: Duration,
}

impl Default for Machine {
    fn default() -> Self {
        Self { folder: None, limit: Duration::from_mins(1) }
    }
}

impl Programs for Machine {
    fn output(&self, program: Program, arguments: &[&OsStr]) -> Result<String, ProgramError> {
        let path = self.folder.as_ref().map_or_else(|| PathBuf::from(program.name()), |dir| dir.join(program.name()));
        let unusable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ProgramError::Missing(program),
            _ => ProgramError::Unusable(program, error),
        };
        let files = || Ok((tempfile::tempfile()?, tempfile::tempfile()?));
        let (mut printed, mut complaint) = files().map_err(|error| ProgramError::Unusable(program, error))?;
        let mut child = start(&path, arguments, &printed, &complaint).map_err(unusable)?;
        let ended = wait(&mut child, self.limit).map_err(unusable)?;
        let status = ended.ok_or(ProgramError::Hung(program, self.limit))?;
        if !status.success() {
            return Err(ProgramError::Failed(program, text(&mut complaint).unwrap_or_default()));
        }
        text(&mut printed).map_err(|error| ProgramError::Unusable(program, error))
    }
}

/// Starts a program that asks nobody anything and takes nothing from the network: git gets no protocol, and every other
/// request goes to a proxy that is not there.
fn start(path: &Path, arguments: &[&OsStr], printed: &File, complaint: &File) -> io::Result<Child> {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null()).stdout(printed.try_clone()?).stderr(complaint.try_clone()?);
    command.env("GIT_ALLOW_PROTOCOL", "none").env_remove("NO_PROXY").env_remove("no_proxy");
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.spawn()
}

/// How the program ended; none where it did not in time, and was stopped.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What a program left in a file.
fn text(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    if file.metadata()?.len() > MOST {
        return Err(io::Error::other(format!("it printed more than {} MiB", MOST >> 20)));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
