use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

/// A program that builds the bases that we don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `kustomize`
    Kustomize,
    /// `helm`
    Helm,
}

impl Program {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
        }
    }

    /// Arguments that make it print its version.
    pub(super) fn version(self) -> &'static [&'static str] {
        match self {
            Self::Kustomize => &["version"],
            Self::Helm => &["version", "--template={{.Version}}"],
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Kustomize => "https://kubectl.docs.kubernetes.io/installation/kustomize/",
            Self::Helm => "https://helm.sh/docs/intro/install/",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a program printed nothing that could be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not installed.
    #[error("it needs the program `{program}`, which is not on PATH; get it from {from}", program = .0, from = .0.source())]
    Missing(Program),
    /// It could not be started or read.
    #[error("the program `{0}` can't be used: {1}")]
    Unusable(Program, std::io::Error),
    /// It did not come to an end.
    #[error("the program `{0}` did not end within {1:?} and was stopped")]
    Hung(Program, Duration),
    /// It said no.
    #[error("{program} can't build it: {complaint}", program = .0, complaint = shortened(.1))]
    Failed(Program, String),
}

/// Where programs are run: the library runs none itself.
pub trait Programs {
    /// What a program prints when it is started with these arguments.
    fn output(&self, program: Program, arguments: &[&OsStr]) -> Result<String, ProgramError>;
}

/// A machine without any program.
#[derive(Debug, Clone, Copy)]
pub struct NoPrograms;

impl Programs for NoPrograms {
    fn output(&self, program: Program, _: &[&OsStr]) -> Result<String, ProgramError> {
        Err(ProgramError::Missing(program))
    }
}

/// Most characters of a program's complaint that are shown.
const SHOWN: usize = 1000;

/// The beginning of a complaint, without empty lines; what is left out shows.
fn shortened(complaint: &str) -> String {
    let lines: Vec<&str> = complaint.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it does not say why".to_owned();
    }
    let text = lines.join("\n");
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
