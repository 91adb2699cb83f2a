//! `benchgrid conduct`: the conductor, in the cluster or once from CI.

use std::{
    io::Write,
    path::PathBuf,
    sync::mpsc::{Receiver, channel},
    time::{Duration, SystemTime},
};

use benchgrid_measures::{AttemptName, Timestamp};
use benchgrid_probe::kubernetes::Api;
use clap::Args;

use super::{DeployBranch, Exit, fail_conduct};
use crate::{
    conduct::{Cluster, ConductError, Conductor, KubernetesCluster, NoCluster, Options, Over, Tick},
    render,
};

const STEERING: &str = "Examples:
  benchgrid conduct --git https://git.example.org/team/lab.git
  benchgrid conduct --git https://git.example.org/team/lab.git --once
  benchgrid conduct --git https://git.example.org/team/lab.git --until-done

A campaign is steered by commits to the deploy branch, made by hand:
  a file `paused`          nothing more is admitted, what runs goes on; its first line says why
  git rm -r active         and a file `paused`: everything stops at once
  git rm -r active/S/A     one attempt goes now; its trial runs again, if it had not ended yet
  git rm done/S/C/A.json   the trial of a cell runs again
A name is used once: what runs again has the next number.

Exit codes: 0 decided, and with --until-done everything is measured; 1 some trials are given up
(--until-done); 2 the command line is wrong; 3 Git, the network or the machine, a silent store
(--once), a signal (--until-done)";

/// Decide which cells are deployed now, and write it to the deploy branch
#[derive(Debug, Clone, Args)]
#[command(after_help = STEERING)]
pub struct ConductArgs {
    /// Which branch.
    #[command(flatten)]
    pub deploy: DeployBranch,
    /// Look once, change what is to be changed, and end
    #[arg(long)]
    pub once: bool,
    /// End when every trial is measured or given up and nothing runs any more
    #[arg(long, conflicts_with = "once")]
    pub until_done: bool,
    /// Seconds between two looks; without it, what the lab says
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub interval: Option<Duration>,
    /// Folder of the conductor's clone; without it, a temporary one
    #[arg(long, value_name = "CLONE")]
    pub dir: Option<PathBuf>,
    /// Read outcomes there instead of the lab's store
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl ConductArgs {
    pub(super) fn run(&self) -> Exit {
        run(self).unwrap_or_else(|error| fail_conduct(&error))
    }
}

/// Runs the verb.
pub fn run(args: &ConductArgs) -> Result<Exit, ConductError> {
    let temporary = if args.dir.is_none() { Some(temporary()?) } else { None };
    let directory = args.dir.clone().or(temporary.as_ref().map(|folder| folder.path().to_owned())).unwrap_or_default();
    let options = Options {
        url: args.deploy.git.clone(),
        branch: args.deploy.branch.clone(),
        prefix: args.deploy.prefix.clone(),
        directory,
        interval: args.interval,
        store: args.store.clone(),
    };
    let cluster = cluster()?;
    let mut conductor = Conductor::new(options, cluster.as_ref(), admit, &now, &log)?;
    if args.once {
        // Its log has said why.
        return Ok(if conductor.tick()? == Tick::Silent { Exit::Environment } else { Exit::Yes });
    }
    if args.until_done {
        // A pipeline that names the wrong branch hears of it now; later failures may pass.
        conductor.tick()?;
        return Ok(conductor.until_over(&signals()).map_or_else(interrupted, finished));
    }
    conductor.run(&signals());
    log("stopped");
    Ok(Exit::Yes)
}

/// The campaigns are over.
fn finished(Over { measured, given_up }: Over) -> Exit {
    log(&format!("done: {measured} trials measured, {given_up} given up"));
    if given_up == 0 { Exit::Yes } else { Exit::No }
}

fn interrupted() -> Exit {
    log("stopped before everything was measured or given up");
    Exit::Environment
}

fn temporary() -> Result<tempfile::TempDir, ConductError> {
    tempfile::tempdir().map_err(|source| crate::git::GitError::Io { path: std::env::temp_dir(), source }.into())
}

/// The cluster that this process runs in; in CI there is none.
fn cluster() -> Result<Box<dyn Cluster>, ConductError> {
    Ok(match Api::in_cluster()? {
        Some(api) => Box::new(KubernetesCluster(api)),
        None => Box::new(NoCluster),
    })
}

fn admit(text: &str, name: &AttemptName) -> Result<String, String> {
    render::admit(text, name).map_err(|error| error.to_string())
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// One line to stderr; a reader who went away is no reason to stop conducting.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{} {line}", now());
}

/// Says something when the process is asked to end. As the first process of a container it must ask for the signals:
/// the kernel keeps them from one that does not.
fn signals() -> Receiver<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return std::thread::park();
        };
        runtime.block_on(async {
            let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
            let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
                return std::future::pending().await;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        // The receiver may be gone already; then there is nobody to tell.
        let _ = sender.send(());
    });
    receiver
}
