//! The process that has the whole sandbox: everything in it ends with it.
//!
//! In: a [`Sandbox`]; standard input, whose end means that whoever started it is gone or wants no more. Out: an exit
//! code: the coordinator's, or that of a sandbox which could not be. Each container that ends by itself gets a line in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::process::parent_id,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Isolation, Pod, Process, Program, Sandbox, SandboxError, file, hub,
    leash::follow,
    pod::{ENDED, READY, UP},
    relay::relay_inside,
    step,
};
use crate::shaping::device::Devices;

/// How often is looked at what runs.
const LOOK: Duration = Duration::from_millis(50);
/// How long a coordinator that was asked to end has to say how far it came.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// After which everything ends, whatever this process is busy with.
const AT_MOST: Duration = Duration::from_secs(10);

/// Runs a sandbox to its end; gives the coordinator's exit code.
pub fn supervise(path: &Path) -> Result<i32, SandboxError> {
    let sandbox = Sandbox::read(path)?;
    if sandbox.isolation == Isolation::Namespaces {
        follow(parent_id())?;
    }
    let no_more = lifeline();
    let result = run(&sandbox, path, &no_more);
    if sandbox.isolation == Isolation::Namespaces {
        // all that is left in this process namespace
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }
    for folder in &sandbox.scratch {
        let _ = fs::remove_dir_all(folder);
    }
    result
}

/// Becomes true when standard input ends; some seconds later the process ends by itself.
fn lifeline() -> Arc<AtomicBool> {
    let no_more = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&no_more);
    thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Relaxed);
        thread::sleep(AT_MOST);
        std::process::exit(1);
    });
    no_more
}

fn run(sandbox: &Sandbox, path: &Path, no_more: &AtomicBool) -> Result<i32, SandboxError> {
    let mut devices = match sandbox.isolation {
        Isolation::Namespaces => Some(hub::open(sandbox)?),
        Isolation::Loopback(_) => None,
    };
    let mut pods = Vec::new();
    for pod in &sandbox.pods {
        pods.push(Running::new(sandbox, path, pod)?);
    }
    for (number, pod) in pods.iter_mut().enumerate() {
        if let Some(devices) = &mut devices {
            pod.connect(devices, number, &sandbox.ended)?;
        }
    }
    let up = pods.into_iter().map(|pod| pod.up(&sandbox.ended)).collect::<Result<Vec<_>, _>>()?;
    if let Some(relay) = &sandbox.relay {
        relay_inside(relay).map_err(step("way to the store"))?;
    }
    let code = match &sandbox.coordinator {
        Some(coordinator) => coordinate(sandbox, coordinator, no_more)?,
        None => 0,
    };
    for mut pod in up {
        let _ = pod.child.kill();
        let _ = pod.child.wait();
    }
    Ok(code)
}

/// Runs the coordinator, at most to its limit.
fn coordinate(sandbox: &Sandbox, process: &Process, no_more: &AtomicBool) -> Result<i32, SandboxError> {
    let mut command = sandbox.own("leash");
    command.arg("--parent").arg(std::process::id().to_string()).arg("--");
    match &process.program {
        Program::Own => command.arg("/proc/self/exe").args(&sandbox.own),
        Program::Path(program) => command.arg(program),
    };
    let open = |path: &Path| File::create(path).map_err(file(path));
    command.args(&process.args).env_clear().envs(&process.env).current_dir(&process.directory);
    command.stdin(Stdio::null()).stdout(open(&process.output)?).stderr(open(&process.errors)?);
    let mut child = command.spawn().map_err(step(format!("start of {}", process.name)))?;
    let mut end = Instant::now() + Duration::from_secs(sandbox.limit_seconds);
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait().map_err(step("wait for the coordinator"))? {
            return Ok(status.code().unwrap_or(1));
        }
        if Instant::now() >= end && asked {
            let _ = child.kill();
        } else if !asked && (Instant::now() >= end || no_more.load(Ordering::Relaxed)) {
            asked = true;
            end = Instant::now() + LAST_WORDS;
            if let Ok(id) = i32::try_from(child.id()) {
                let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
            }
        }
        thread::sleep(LOOK);
    }
}

/// A pod that was started.
struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn new(sandbox: &Sandbox, path: &Path, pod: &Pod) -> Result<Self, SandboxError> {
        let mut command: Command = sandbox.own("pod");
        command.arg("--parent").arg(std::process::id().to_string()).arg(path).arg(&pod.name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(step(format!("start of pod {}", pod.name)))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| SandboxError::Process("a process without output".to_owned()))?;
        Ok(Self { name: pod.name.clone(), child, input, output: BufReader::new(output) })
    }

    /// Lays the cable to it.
    fn connect(&mut self, devices: &mut Devices, number: usize, ended: &Path) -> Result<(), SandboxError> {
        self.wait_for(READY, ended)?;
        hub::cable(devices, number, self.child.id())?;
        match &mut self.input {
            Some(input) => writeln!(input).map_err(step(format!("message to pod {}", self.name))),
            None => Ok(()),
        }
    }

    /// Waits until all its containers have started; from then on their ends are told.
    fn up(mut self, ended: &Path) -> Result<Up, SandboxError> {
        self.wait_for(UP, ended)?;
        let ended = ended.to_owned();
        let Self { name, child, output, .. } = self;
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                tell_end(&ended, &name, &line);
            }
        });
        Ok(Up { child })
    }

    fn wait_for(&mut self, word: &str, ended: &Path) -> Result<(), SandboxError> {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line).map_err(step(format!("wait for pod {}", self.name)))?;
            if line.trim_end() == word {
                return Ok(());
            }
            tell_end(ended, &self.name, line.trim_end());
            if read == 0 {
                // why not, it has told on standard error
                return Err(SandboxError::Process(format!("pod {} did not come up", self.name)));
            }
        }
    }
}

/// Tells the end of a container, where a pod's line says so.
fn tell_end(ended: &Path, pod: &str, line: &str) {
    if let Some(how) = line.strip_prefix(ENDED) {
        let file = OpenOptions::new().create(true).append(true).open(ended);
        let told = file.and_then(|mut file| file.write_all(format!("pod {pod}: {how}\n").as_bytes()));
        if let Err(error) = told {
            // Nobody reads any more: nothing is lost but words.
            let _ = writeln!(io::stderr().lock(), "error: {}: {error}", ended.display());
        }
    }
}

/// A pod whose containers have all started.
struct Up {
    child: Child,
}
