//! The probe's command line, for its own program and for `benchgrid`, which starts itself as a probe.
//!
//! In: arguments, or the environment that a cell's pods have. Out: an exit code; records and outcome on standard
//! output, everything else on standard error.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use benchgrid_measures::{AttemptName, Outcome, Verdict};
use clap::{Args, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    agent,
    coordinator::{self, Journal, Status},
    driver::{Place, conform, driver},
    experiment::{Experiment, Link, host},
    http_node, kubernetes, protocol, sandbox, shaping,
    tracker::Tracker,
};

/// Exit code of a process that was asked to end (128 + SIGTERM).
const TERMINATED: u8 = 143;
/// Exit code of a command line that can't be.
const USAGE: u8 = 2;
/// Exit code when the environment is not as it must be.
const ENVIRONMENT: u8 = 3;

/// What the probe can be.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Shape this pod's link and end.
    Shape(Shape),
    /// Drive the node beside it, as the coordinator says.
    Agent(Agent),
    /// Run a cell's experiment.
    Coordinator(Coordinator),
    /// Be a node of the control system `http`.
    HttpNode(HttpNode),
    /// Check whether a live node is as its driver takes it to be.
    Conform(Conform),
    /// Run a cell's pods on this machine.
    #[command(hide = true)]
    Sandbox(SandboxArgs),
    /// Be one pod of a sandbox.
    #[command(hide = true)]
    Pod(PodArgs),
    /// Become a program that ends with its parent.
    #[command(hide = true)]
    Leash(Leash),
}

/// Arguments of `shape`.
#[derive(Debug, Clone, Args)]
pub struct Shape {
    /// What the pod may send, in bits a second.
    #[arg(long, env = "BENCHGRID_UP_BPS", value_name = "RATE")]
    up: u64,
    /// What the pod may receive, in bits a second.
    #[arg(long, env = "BENCHGRID_DOWN_BPS", value_name = "RATE")]
    down: u64,
    /// Delay added when the pod sends, in seconds.
    #[arg(long, env = "BENCHGRID_LATENCY_SECONDS", value_name = "SECONDS", default_value_t = 0.0)]
    latency: f64,
    /// Share of the packets that the pod sends which are lost, 0 to 1.
    #[arg(long, env = "BENCHGRID_LOSS_RATIO", value_name = "SHARE", default_value_t = 0.0)]
    loss: f64,
    /// Network device of the pod; default: the one with the default route.
    #[arg(long, env = "BENCHGRID_DEVICE", value_name = "NAME")]
    device: Option<String>,
}

/// Arguments of `agent`.
#[derive(Debug, Clone, Args)]
pub struct Agent {
    /// Base URL of the coordinator.
    #[arg(long, env = "BENCHGRID_COORDINATOR", value_name = "URL")]
    coordinator: String,
    /// Announce URL of the tracker; default: the coordinator's host, port 6969.
    #[arg(long, env = "BENCHGRID_TRACKER", value_name = "URL")]
    tracker: Option<String>,
    /// Name of the attempt.
    #[arg(long, env = "BENCHGRID_ATTEMPT", value_name = "NAME")]
    attempt: String,
    /// System of the node.
    #[arg(long, env = "BENCHGRID_SYSTEM", value_name = "NAME")]
    system: String,
    /// Group of the node.
    #[arg(long, env = "BENCHGRID_GROUP", value_name = "NAME")]
    group: String,
    /// Name of the pod.
    #[arg(long, env = "BENCHGRID_POD", value_name = "NAME")]
    pod: String,
    /// Host by which the other nodes reach the node; default: `POD.SYSTEM-GROUP`, as a headless Service names it.
    #[arg(long, env = "BENCHGRID_HOST", value_name = "HOST")]
    host: Option<String>,
    /// Driver that speaks to the node.
    #[arg(long, env = "BENCHGRID_DRIVER", value_name = "NAME")]
    driver: String,
    /// Base URL of the node's local API.
    #[arg(long, env = "BENCHGRID_API", value_name = "URL")]
    api: String,
    /// Data directory shared with the node.
    #[arg(long, env = "BENCHGRID_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Network device whose bytes are counted; default: the one with the default route.
    #[arg(long, env = "BENCHGRID_DEVICE", value_name = "NAME")]
    device: Option<String>,
    /// Seconds for which the coordinator may be out of reach.
    #[arg(long, env = "BENCHGRID_PATIENCE_SECONDS", value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
    /// Stay when all is done until asked to end: a sidecar that ends is started again. Default: in a pod.
    #[arg(long, env = "BENCHGRID_LINGER", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    linger: Option<bool>,
}

/// Arguments of `coordinator`.
#[derive(Debug, Clone, Args)]
pub struct Coordinator {
    /// The cell, as compiled.
    #[arg(long, env = "BENCHGRID_CELL", value_name = "FILE")]
    cell: PathBuf,
    /// Name of the attempt.
    #[arg(long, env = "BENCHGRID_ATTEMPT", value_name = "NAME")]
    attempt: AttemptName,
    /// Address to listen on; default: all.
    #[arg(long, env = "BENCHGRID_LISTEN", value_name = "IP")]
    listen: Option<IpAddr>,
    /// Port for agents.
    #[arg(long, value_name = "PORT", default_value_t = protocol::AGENT_PORT)]
    agent_port: u16,
    /// Port of the tracker.
    #[arg(long, value_name = "PORT", default_value_t = protocol::TRACKER_PORT)]
    tracker_port: u16,
    /// Port of the plain transfers that prove a link.
    #[arg(long, value_name = "PORT", default_value_t = protocol::BASELINE_PORT)]
    baseline_port: u16,
    /// File with a line for each container that ended by itself, where there is no cluster to ask.
    #[arg(long, env = "BENCHGRID_ENDED", value_name = "FILE")]
    ended: Option<PathBuf>,
    /// File that gets the outcome; default: a pod's termination log, where there is one.
    #[arg(long, env = "BENCHGRID_TERMINATION_LOG", value_name = "FILE")]
    termination_log: Option<PathBuf>,
}

/// Arguments of `http-node`.
#[derive(Debug, Clone, Args)]
pub struct HttpNode {
    /// Address to listen on.
    #[arg(long, env = "BENCHGRID_HTTP_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Directory of its files.
    #[arg(long, env = "BENCHGRID_DATA", value_name = "DIR")]
    data: PathBuf,
}

/// Arguments of `conform`.
#[derive(Debug, Clone, Args)]
pub struct Conform {
    /// Driver that speaks to the node.
    #[arg(long, value_name = "NAME")]
    driver: String,
    /// Base URL of the node's API.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Directory in which uploads are prepared: for `qbittorrent` and `rqbit` one that the node sees under the same path.
    #[arg(long, value_name = "DIR", default_value = ".")]
    data: PathBuf,
    /// Announce URL of the tracker; default: one of its own on loopback.
    #[arg(long, value_name = "URL")]
    tracker: Option<String>,
}

/// Arguments of `sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// What runs there.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// This process is in the sandbox's namespaces already, or there are none.
    #[arg(long)]
    inner: bool,
}

/// Arguments of `pod`.
#[derive(Debug, Clone, Args)]
pub struct PodArgs {
    /// What runs in the sandbox.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which pod.
    #[arg(value_name = "NAME")]
    name: String,
    /// The process that this one ends with.
    #[arg(long, value_name = "PID")]
    parent: u32,
}

/// Arguments of `leash`.
#[derive(Debug, Clone, Args)]
pub struct Leash {
    /// The process that this one ends with.
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// Program and arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Command {
    /// Does it; returns when it is done, or when the process is asked to end.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Shape(args) => args.run(),
            Self::Agent(args) => args.run(),
            Self::Coordinator(args) => args.run(),
            Self::HttpNode(args) => args.run(),
            Self::Conform(args) => args.run(),
            Self::Sandbox(args) => args.run(),
            Self::Pod(args) => sandbox::pod(&args.file, &args.name, args.parent)
                .map_or_else(|error| fail(&format!("pod {}: {error}", args.name)), |()| ExitCode::SUCCESS),
            Self::Leash(args) => fail(&sandbox::leash(args.parent, &args.command)),
        }
    }
}

impl Shape {
    fn run(self) -> ExitCode {
        let link = Link {
            up_bits_per_second: self.up,
            down_bits_per_second: self.down,
            latency_seconds: self.latency,
            loss_ratio: self.loss,
        };
        let device = self.device.unwrap_or_else(shaping::default_device);
        match shaping::apply(&device, &link) {
            Ok(report) => {
                out(&serde_json::to_string(&report).unwrap_or_default());
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        }
    }
}

impl Agent {
    fn run(self) -> ExitCode {
        let linger = self.linger.unwrap_or_else(in_a_pod);
        let settings = self.settings();
        let work = move || match agent::run(&settings, note) {
            Ok(()) if linger => {
                note("all done; staying until asked to end");
                loop {
                    thread::park();
                }
            }
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
        until_asked_to_end(work).unwrap_or(ExitCode::from(TERMINATED))
    }

    fn settings(self) -> agent::Settings {
        let tracker = self.tracker.unwrap_or_else(|| tracker_beside(&self.coordinator));
        agent::Settings {
            coordinator: self.coordinator,
            tracker,
            attempt: self.attempt,
            system: self.system,
            group: self.group,
            host: self.host.unwrap_or_else(|| host(&self.pod)),
            pod: self.pod,
            driver: self.driver,
            api: self.api,
            data: self.data,
            device: self.device.unwrap_or_else(shaping::default_device),
            patience: Duration::from_secs(self.patience),
        }
    }
}

impl Coordinator {
    fn run(self) -> ExitCode {
        let log = self.termination_log.clone().or_else(termination_log);
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(error) => return fail(&error),
        };
        let status = Status::default();
        let work = {
            let (settings, status) = (settings.clone(), status.clone());
            move || coordinator::run(&settings, &status, &mut Console)
        };
        let (outcome, code) = match until_asked_to_end(work) {
            Some(outcome) => {
                let code = u8::from(outcome.verdict != Verdict::Measured);
                (outcome, code)
            }
            None => (status.interrupted(&settings), TERMINATED),
        };
        tell(&outcome, log.as_ref());
        ExitCode::from(code)
    }

    fn settings(self) -> Result<coordinator::Settings, String> {
        let path = self.cell.display();
        let text = fs::read_to_string(&self.cell).map_err(|error| format!("{path}: {error}"))?;
        let experiment: Experiment = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        let api = kubernetes::Api::in_cluster().unwrap_or_else(|error| {
            note(&format!("the cluster can't be asked: {error}"));
            None
        });
        Ok(coordinator::Settings {
            experiment,
            attempt: self.attempt,
            api,
            ended: self.ended,
            listen: self.listen,
            agent_port: self.agent_port,
            tracker_port: self.tracker_port,
            baseline_port: self.baseline_port,
        })
    }
}

impl HttpNode {
    fn run(self) -> ExitCode {
        let work = move || {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(http_node::run(self.listen, self.data))
        };
        match until_asked_to_end(work) {
            None | Some(Ok(())) => ExitCode::SUCCESS,
            Some(Err(error)) => fail(&error),
        }
    }
}

impl Conform {
    fn run(self) -> ExitCode {
        let own = match self.own_tracker() {
            Ok(own) => own,
            Err(error) => return fail(&format!("a tracker on loopback: {error}")),
        };
        let tracker = self.tracker.or_else(|| Some(own.as_ref()?.1.clone())).unwrap_or_default();
        let data = match self.data.canonicalize() {
            Ok(data) => data,
            Err(error) => return fail(&format!("{}: {error}", self.data.display())),
        };
        let place = Place { api: self.url, data, host: String::new(), tracker };
        match driver(&self.driver, place) {
            Ok(mut driver) => {
                let checks = conform(driver.as_mut());
                out(checks.to_string().trim_end());
                ExitCode::from(u8::from(!checks.hold()))
            }
            Err(error) => {
                note(&format!("error: {error}"));
                ExitCode::from(USAGE)
            }
        }
    }
}

impl SandboxArgs {
    fn run(self) -> ExitCode {
        let code = if self.inner { sandbox::supervise(&self.file) } else { sandbox::enter(&self.file) };
        match code {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(error) => fail(&error),
        }
    }
}

impl Conform {
    /// A tracker for as long as its runtime lives, and its announce URL; none where there is another one.
    fn own_tracker(&self) -> io::Result<Option<(tokio::runtime::Runtime, String)>> {
        if self.tracker.is_some() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Runtime::new()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}/announce", listener.local_addr()?);
        runtime.spawn(Tracker::new().serve(listener));
        Ok(Some((runtime, url)))
    }
}

/// Runs the work in a thread of its own; none when the process was asked to end before it was done.
///
/// The thread is left behind then: the process is about to end.
fn until_asked_to_end<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let (done, result) = tokio::sync::oneshot::channel();
        thread::spawn(move || drop(done.send(work())));
        tokio::select! {
            result = result => result.ok(),
            () = asked_to_end() => None,
        }
    })
}

async fn asked_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()))
    else {
        // Without handlers the system's own answer to these signals stands: the process ends.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn listen(kind: SignalKind) -> io::Result<Signal> {
    signal(kind)
}

/// Tells the outcome as the last line of standard output and as the container's termination message.
fn tell(outcome: &Outcome, log: Option<&PathBuf>) {
    let text = serde_json::to_string(outcome).unwrap_or_default();
    if let Some(path) = log
        && let Err(error) = fs::write(path, &text)
    {
        note(&format!("{}: {error}", path.display()));
    }
    out(&text);
}

fn termination_log() -> Option<PathBuf> {
    Some(PathBuf::from("/dev/termination-log")).filter(|path| path.exists())
}

fn in_a_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// `http://coordinator:7070` has its tracker at `http://coordinator:6969/announce`.
fn tracker_beside(coordinator: &str) -> String {
    let coordinator = coordinator.trim_end_matches('/');
    let port = coordinator.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let host = port.map_or(coordinator, |(host, _)| host);
    format!("{host}:{}/announce", protocol::TRACKER_PORT)
}

/// Records go to standard output, notes to standard error.
struct Console;

impl Journal for Console {
    fn record(&mut self, line: &str) {
        out(line);
    }

    fn note(&mut self, text: &str) {
        note(text);
    }
}

fn out(line: &str) {
    // Nobody reads any more: the records go to the store all the same.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

fn note(text: &str) {
    // Nobody reads any more: nothing is lost but words.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    note(&format!("error: {error}"));
    ExitCode::from(ENVIRONMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracker_is_beside_the_coordinator() {
        assert_eq!(tracker_beside("http://coordinator:7070"), "http://coordinator:6969/announce");
        assert_eq!(tracker_beside("http://coordinator/"), "http://coordinator:6969/announce");
        assert_eq!(tracker_beside("http://[fd00::1]:7070"), "http://[fd00::1]:6969/announce");
    }
}
