//! The command line: one file a verb. Printing and exit codes live only here.
//!
//! In: arguments. Out: results on stdout, everything else on stderr, an exit code of [`Exit`].

mod compare;
mod compile;
pub mod conduct;
mod deploy_branch;
mod explain;
pub mod files;
mod function;
pub mod init;
pub mod inputs;
mod measured;
mod out_folder;
mod plan;
pub mod programs;
mod rehearse;
mod report;
pub mod schema;
mod show;
pub mod status;
pub mod validate;

pub use deploy_branch::DeployBranch;

use std::num::NonZero;
use std::process::ExitCode;

use benchgrid_probe::command::Command as Probe;
use clap::{CommandFactory, Parser, Subcommand};

use crate::conduct::ConductError;
use crate::git::GitError;
use crate::parallel;
use crate::spec::{Advised, Diagnostic};

/// What a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Yes.
    Yes = 0,
    /// No: errors found, drift, claim broken.
    No = 1,
    /// The command line is wrong, or names a file that is not there.
    Usage = 2,
    /// Git, network, a missing program, no permission.
    Environment = 3,
    /// A defect of benchgrid.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Compare distributed storage systems, honestly: one scenario file becomes a Git branch that Argo CD deploys, cell by
/// cell, and a report.
#[derive(Debug, Parser)]
#[command(
    name = "benchgrid",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  benchgrid rehearse matrices/smoke.yaml\n  benchgrid validate matrices labs base\n  benchgrid plan matrices/smoke.yaml --lab labs/test.yaml\n  \
                  benchgrid compile matrices --lab labs/test.yaml --push\n  benchgrid report --lab labs/test.yaml\n\nExit codes: 0 yes; 1 no (mistakes, differences); 2 the \
                  command line is wrong or names a file that is not there; 3 Git, the network or the machine; 70 a defect"
)]
struct Arguments {
    /// Threads that work; without it, one a processor
    #[arg(long, env = "BENCHGRID_THREADS", hide = true, hide_env = true, global = true, value_name = "N")]
    threads: Option<NonZero<usize>>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a repository that works: a scenario, a lab, bases, workflows
    Init(init::InitArgs),
    /// Check scenario, lab and system files; every mistake in one run
    Validate(validate::ValidateArgs),
    /// Print what would be deployed and measured, and what it takes
    Plan(plan::Arguments),
    /// Write the deploy branch: one commit
    Compile(compile::Arguments),
    /// Print one cell, built, as Kubernetes gets it
    Show(show::Arguments),
    /// Run a scenario's cells on this machine, without a cluster, and report
    Rehearse(rehearse::Arguments),
    /// Decide which cells are deployed now, again and again (runs in the cluster)
    Conduct(conduct::ConductArgs),
    /// Print what is done, running, failed and waiting, from the branch
    Status(status::StatusArgs),
    /// Make the report of what was measured: pages, tables, the answer
    Report(report::Arguments),
    /// Compare two campaigns or two versions, for each claim; ends with 1 when one is broken
    Compare(compare::Arguments),
    /// Print a JSON Schema, or write all of them
    Schema(schema::SchemaArgs),
    /// Say what a code means, with an example; without a code, list all of them
    Explain(explain::ExplainArgs),
    /// Give Kustomize cells, or check what it built: a plugin, which Kustomize runs
    #[command(name = "fn")]
    Function(function::Arguments),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  benchgrid completions bash > /etc/bash_completion.d/benchgrid")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Run a part of the probe
    #[command(hide = true, subcommand)]
    Probe(Probe),
}

/// The command line: its verbs, and what they take.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // What panicked has said where.
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        say("this is a defect of benchgrid: please report it, with the lines above");
        Exit::Bug.into()
    })
}

fn run() -> ExitCode {
    let mut words = std::env::args_os();
    if let Some(kind) = function::legacy(words.next().as_deref()) {
        return function::run_legacy(kind, words.next().as_deref().map(std::path::Path::new)).into();
    }
    let Arguments { threads, verb } = Arguments::parse();
    if let Some(threads) = threads.or_else(|| std::thread::available_parallelism().ok()) {
        parallel::allow(threads);
    }
    match verb {
        Verb::Init(arguments) => arguments.run().into(),
        Verb::Validate(arguments) => arguments.run().into(),
        Verb::Plan(arguments) => arguments.run().into(),
        Verb::Compile(arguments) => arguments.run().into(),
        Verb::Show(arguments) => arguments.run().into(),
        Verb::Rehearse(arguments) => arguments.run().into(),
        Verb::Conduct(arguments) => arguments.run().into(),
        Verb::Status(arguments) => arguments.run().into(),
        Verb::Report(arguments) => arguments.run().into(),
        Verb::Compare(arguments) => arguments.run().into(),
        Verb::Schema(arguments) => arguments.run().into(),
        Verb::Explain(arguments) => arguments.run().into(),
        Verb::Function(arguments) => arguments.run().into(),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "benchgrid", &mut script);
            print(&String::from_utf8_lossy(&script));
            Exit::Yes.into()
        }
        Verb::Probe(command) => command.run(),
    }
}

/// Prints a result. A reader that went away is no error; a result that is lost is one, and ends the program.
fn print(text: &str) {
    use std::io::{ErrorKind, Write};
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // The reader of a pipe may stop reading: `benchgrid report | head`.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(&format!("error: standard output: {error}"));
            std::process::exit(Exit::Environment as i32);
        }
        _ => {}
    }
}

/// Says something beside the result.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says what is wrong with a repository or branch, and what to do.
fn fail_git(error: &GitError) -> Exit {
    let diagnostic = Diagnostic::new(error.code(), error.to_string()).help(error.help());
    say(inputs::rendered(&[diagnostic]).trim_end());
    Exit::Environment
}

/// Says why a branch can't be conducted.
fn fail_conduct(error: &ConductError) -> Exit {
    match error {
        ConductError::Git(error) => fail_git(error),
        error => fail(Exit::Environment, error),
    }
}

/// Says why a command can't do what it was asked to, with every cause that the message does not name itself.
fn fail(exit: Exit, error: &dyn std::error::Error) -> Exit {
    let mut said = vec![format!("error: {error}")];
    let mut cause = error.source();
    while let Some(error) = cause {
        let because = error.to_string();
        if !said.iter().any(|said| said.contains(&because)) {
            said.push(format!("  because: {because}"));
        }
        cause = error.source();
    }
    say(&said.join("\n"));
    exit
}
