//! What this machine lets a rehearsal do.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use benchgrid_probe::sandbox::{Isolation, Pod, Process, Program, Sandbox, address, relay_outside};
use tempfile::TempDir;

use crate::plan::Cell;

/// The words with which this program becomes the probe.
const OWN: &str = "probe";
/// Payload that a processor moves in a second between two nodes, sent, received and hashed, in bits: a bit less than
/// what the built-in control was seen to do.
const BITS_PER_PROCESSOR: u64 = 1_000_000_000;

/// How far a sandbox goes here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sandboxing {
    /// Namespaces with shaped links.
    Whole,
    /// Namespaces, but the kernel can't shape; why.
    Unshaped(String),
    /// No namespaces; why.
    Loopback(String),
}

/// This machine.
pub(super) struct Machine {
    pub(super) sandboxing: Sandboxing,
    pub(super) isolation: Isolation,
    pub(super) own: Vec<String>,
    pub(super) path: String,
    /// For what must have a short path.
    temporary: TempDir,
}

impl Machine {
    /// Tries what is possible.
    pub(super) fn look(without_namespaces: bool) -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("benchgrid-").tempdir()?;
        let mut machine = Self {
            sandboxing: Sandboxing::Whole,
            isolation: Isolation::Namespaces,
            own: vec![OWN.to_owned()],
            path: std::env::var("PATH").unwrap_or_default(),
            temporary,
        };
        let tried =
            if without_namespaces { Sandboxing::Loopback("none were wanted".to_owned()) } else { machine.tried()? };
        if let Sandboxing::Loopback(_) = tried {
            // 127.64.0.0 to 127.127.255.0: rehearsals at the same time have different ones
            let number = u16::try_from(std::process::id() % 0x4000).unwrap_or_default();
            machine.isolation = Isolation::Loopback(0x4000 | number);
        }
        machine.sandboxing = tried;
        Ok(machine)
    }

    /// One pod with a shaped link; failing that, with any.
    fn tried(&self) -> io::Result<Sandboxing> {
        let Err(whole) = self.try_one("shaped", true)? else { return Ok(Sandboxing::Whole) };
        Ok(match self.try_one("plain", false)? {
            Ok(()) => Sandboxing::Unshaped(whole),
            Err(plain) => Sandboxing::Loopback(plain),
        })
    }

    fn try_one(&self, name: &str, shaped: bool) -> io::Result<Result<(), String>> {
        let folder = self.temporary.path().join(name);
        fs::create_dir(&folder)?;
        let log = folder.join("log");
        let rates = ["BENCHGRID_UP_BPS", "BENCHGRID_DOWN_BPS"].map(|key| (key.to_owned(), "1000000".to_owned()));
        let shape = Process {
            name: "shape".to_owned(),
            program: Program::Own,
            args: vec!["shape".to_owned()],
            env: BTreeMap::from(rates),
            directory: PathBuf::from("/"),
            output: log.clone(),
            errors: log.clone(),
        };
        let sandbox = Sandbox {
            own: self.own.clone(),
            isolation: Isolation::Namespaces,
            folder: folder.clone(),
            ended: folder.join("ended"),
            scratch: Vec::new(),
            pods: vec![Pod {
                name: "try".to_owned(),
                host: "try".to_owned(),
                address: address(Isolation::Namespaces, 0).unwrap_or(Ipv4Addr::UNSPECIFIED),
                init: if shaped { vec![shape] } else { Vec::new() },
                containers: Vec::new(),
                mounts: Vec::new(),
            }],
            coordinator: None,
            limit_seconds: 10,
            relay: None,
        };
        let file = folder.join("sandbox.json");
        fs::write(&file, serde_json::to_vec(&sandbox)?)?;
        let mut command = self.sandbox(&file);
        let output = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        // its standard input stays open while it is waited for
        let output = wait(output)?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        // of a link that can't be shaped, the log says why
        let said = fs::read_to_string(&log).unwrap_or_default() + &String::from_utf8_lossy(&output.stderr);
        let line = said.lines().next().map(|line| line.trim_start_matches("error: ").to_owned());
        Ok(Err(line.unwrap_or_else(|| output.status.to_string())))
    }

    /// This program as a sandbox.
    pub(super) fn sandbox(&self, file: &Path) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(&self.own).arg("sandbox");
        if self.isolation != Isolation::Namespaces {
            command.arg("--inner");
        }
        command.arg(file);
        command
    }

    /// The program of that name on PATH, or at that path.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        let is_program = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|path| path.is_absolute() && is_program(path));
        }
        std::env::split_paths(&self.path).map(|folder| folder.join(program)).find(is_program)
    }

    /// The file at which the network's inside reaches the store.
    pub(super) fn socket(&self) -> PathBuf {
        self.temporary.path().join("store")
    }

    /// Leads from there to the store, until this process ends.
    pub(super) fn relay(&self, address: &str) -> io::Result<()> {
        relay_outside(&self.socket(), address.to_owned())
    }

    /// What must be known of every number that is measured here.
    pub(super) fn remark(&self) -> Option<String> {
        match &self.sandboxing {
            Sandboxing::Whole => None,
            Sandboxing::Unshaped(why) => Some(format!(
                "links are not shaped, because this machine can't ({why}): the cells are those of a scenario that says \
                 `network: unshaped`, there is no baseline and no efficiency, and times are those of this machine's memory"
            )),
            Sandboxing::Loopback(why) => Some(format!(
                "without network namespaces ({why}): nodes share this machine's loopback device. Links are not shaped: the \
                 cells are those of a scenario that says `network: unshaped`, there is no baseline and no efficiency, times \
                 are those of this machine's memory, and no node's bytes are counted"
            )),
        }
    }

    /// What the cells ask of this machine that it may not have.
    pub(super) fn warnings<'a>(cells: impl Iterator<Item = &'a Cell>, folder: &Path) -> Vec<String> {
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let mut warnings = Vec::new();
        let (mut most_bits, mut most_bytes) = (0, 0);
        for cell in cells {
            let groups = cell.systems.iter().flat_map(|system| &system.groups);
            let down =
                groups.map(|group| u64::from(group.replicas) * group.link.map_or(0, |link| link.down_bits_per_second));
            most_bits = most_bits.max(down.sum());
            let nodes: u32 = cell.systems.iter().flat_map(|system| &system.groups).map(|group| group.replicas).sum();
            most_bytes = most_bytes.max(u64::from(nodes) * cell.measure.file_size);
        }
        if most_bits > processors * BITS_PER_PROCESSOR {
            warnings.push(format!(
                "a cell's nodes may receive {} Mbit/s together, more than the {processors} processors of this machine are \
                 likely to move: times may say more of the machine than of the systems",
                most_bits / 1_000_000
            ));
        }
        if let Some(free) = benchgrid_probe::sandbox::free_bytes(folder).filter(|free| *free < most_bytes) {
            warnings.push(format!(
                "a cell's nodes hold up to {} MB, and {} has {} MB left",
                most_bytes / 1_000_000,
                folder.display(),
                free / 1_000_000
            ));
        }
        warnings
    }
}

/// Waits with the standard input kept open.
fn wait(mut child: std::process::Child) -> io::Result<std::process::Output> {
    let input = child.stdin.take();
    let output = child.wait_with_output();
    drop(input);
    output
}
