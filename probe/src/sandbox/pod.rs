//! One pod: a network and a file system of its own, and the processes that its containers are.
//!
//! Whoever started it reads its standard output: `ready` when it has left the namespaces, `up` when all containers have
//! started, `ended <container>: <how>` when one ends; and answers the first with a line, when the cable is there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use nix::sched::{CloneFlags, unshare};

use super::{
    Isolation, Pod, Process, Program, Sandbox, SandboxError, file,
    hub::DEVICE,
    leash::follow,
    root,
    spec::{HUB, PREFIX},
    step,
};
use crate::shaping::device::Devices;

/// What a pod says of itself.
pub(super) const READY: &str = "ready";
pub(super) const UP: &str = "up";
pub(super) const ENDED: &str = "ended ";

/// Runs the pod of that name until whoever started this process ends. The process must have one thread.
pub fn pod(path: &Path, name: &str, parent: u32) -> Result<(), SandboxError> {
    follow(parent)?;
    let sandbox = Sandbox::read(path)?;
    let pod = sandbox.pods.iter().find(|pod| pod.name == name);
    let pod = pod.ok_or_else(|| SandboxError::Process(format!("no pod {name} in {}", path.display())))?;
    // files first: the places they are at may be covered afterwards
    let processes =
        |list: &[Process]| list.iter().map(|one| Started::new(one, &sandbox)).collect::<Result<Vec<_>, _>>();
    let (init, containers) = (processes(&pod.init)?, processes(&pod.containers)?);
    if sandbox.isolation == Isolation::Namespaces {
        live(&sandbox, pod)?;
    }
    for process in init {
        process.wait()?;
    }
    for process in containers {
        process.start()?;
    }
    tell(UP);
    loop {
        thread::park();
    }
}

/// Leaves the namespaces of its parent, and makes itself at home in new ones.
fn live(sandbox: &Sandbox, pod: &Pod) -> Result<(), SandboxError> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).map_err(step("new namespaces"))?;
    tell(READY);
    io::stdin().lock().read_line(&mut String::new()).map_err(step("wait for the cable"))?;
    let mut devices = Devices::open()?;
    devices.up("lo")?;
    devices.address(DEVICE, pod.address, PREFIX)?;
    devices.up(DEVICE)?;
    devices.default_route(DEVICE, HUB)?;
    root::build(&sandbox.folder, &pod.mounts)
}

/// A process about to start, its files open.
struct Started {
    name: String,
    command: Command,
}

impl Started {
    fn new(process: &Process, sandbox: &Sandbox) -> Result<Self, SandboxError> {
        let mut command = sandbox.own("leash");
        command.arg("--parent").arg(std::process::id().to_string()).arg("--");
        match &process.program {
            Program::Own => command.arg("/proc/self/exe").args(&sandbox.own),
            Program::Path(path) => command.arg(path),
        };
        command.args(&process.args).env_clear().envs(&process.env).current_dir(&process.directory);
        command.stdin(Stdio::null()).stdout(log(&process.output)?).stderr(log(&process.errors)?);
        Ok(Self { name: process.name.clone(), command })
    }

    fn spawn(&mut self) -> Result<Child, SandboxError> {
        self.command.spawn().map_err(step(format!("start of {}", self.name)))
    }

    fn wait(mut self) -> Result<(), SandboxError> {
        let status = self.spawn()?.wait().map_err(step(format!("wait for {}", self.name)))?;
        if status.success() {
            return Ok(());
        }
        Err(SandboxError::Process(format!("{} {}", self.name, how(status))))
    }

    /// Starts it; its end is told.
    fn start(mut self) -> Result<(), SandboxError> {
        let mut child = self.spawn()?;
        thread::spawn(move || {
            if let Ok(status) = child.wait() {
                tell(&format!("{ENDED}{}: {}", self.name, how(status)));
            }
        });
        Ok(())
    }
}

fn log(path: &Path) -> Result<File, SandboxError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file(folder))?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(file(path))
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or(0)),
    }
}

/// Says something to whoever started this process.
fn tell(line: &str) {
    // Nobody listens any more: then this process is about to end.
    let _ = writeln!(io::stdout().lock(), "{line}");
}
