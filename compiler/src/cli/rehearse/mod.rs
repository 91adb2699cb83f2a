//! `benchgrid rehearse`: a scenario's cells on this machine.

mod attempt;
mod folder;
mod machine;
mod progress;
mod stop;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use benchgrid_measures::AttemptName;
use benchgrid_probe::experiment::Store;
use benchgrid_probe::sandbox::{Isolation, Relay};
use serde_json::{Value, json};

use super::{Exit, fail, inputs, print, say};
use crate::plan::{Cell, Plan, measuring_seconds};
use crate::rehearsal::{Rehearsal, Site, rehearsal};
use crate::render;
use crate::spec::{ImagePolicy, Lab, Scenario, Shaping, load_lab};
use attempt::Attempt;
use folder::Folder;
use machine::{Machine, Sandboxing};
use progress::Progress;
use stop::Stop;

/// Seconds of an attempt beside its measuring: pods, registering, leave. Measured with the smoke scenario.
const AROUND_SECONDS: f64 = 3.0;

/// `benchgrid rehearse`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  benchgrid rehearse matrices/smoke.yaml\n  benchgrid rehearse matrices/smoke.yaml --cell '*.system-http' --trials 3\n  \
                        benchgrid rehearse matrices/smoke.yaml --store http://127.0.0.1:8428\n\nNodes are processes, in network namespaces with the \
                        links that the scenario asks for; no root is needed. The built-in `http` needs nothing installed, other systems their program on \
                        PATH.\n\nExit codes: 0 every cell that can run here was measured; 1 a cell failed, or none can run; 2 the command line is wrong or \
                        names a file that is not there; 3 the machine"
)]
pub(super) struct Arguments {
    /// Scenario file
    #[arg(value_name = "FILE")]
    scenario: PathBuf,
    /// Lab file, for what groups get that say nothing; without it, links of 100 Mbit/s
    #[arg(long, value_name = "FILE")]
    lab: Option<PathBuf>,
    /// Only cells of this id or slug; `*` stands for any text
    #[arg(long, value_name = "CELL")]
    cell: Vec<String>,
    /// Fresh starts of each cell
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    trials: u32,
    /// Folder for records and logs, not there yet or empty; without it, one named by scenario and time in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Base URL of a store to push to as well, `http` without credentials
    #[arg(long, value_name = "URL", value_parser = store)]
    store: Option<StoreUrl>,
    /// Keep the nodes' data
    #[arg(long)]
    keep: bool,
    /// As on a machine that forbids namespaces
    #[arg(long, hide = true)]
    without_namespaces: bool,
}

/// A store's base URL, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoreUrl {
    /// Host and port.
    address: String,
    port: u16,
    /// What follows.
    path: String,
}

fn store(text: &str) -> Result<StoreUrl, String> {
    let rest = text.strip_prefix("http://").ok_or("a store's URL starts with http://")?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if authority.contains('@') {
        return Err("credentials in a URL would be in every log; put a proxy before the store".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| format!("`{port}` is no port"))?),
        _ => (authority, 80),
    };
    if host.is_empty() {
        return Err("the URL names no host".to_owned());
    }
    Ok(StoreUrl { address: format!("{host}:{port}"), port, path: path.trim_end_matches('/').to_owned() })
}

impl StoreUrl {
    fn at(&self, address: &str) -> Store {
        let url = format!("http://{address}{}", self.path);
        Store { write: url.clone(), read: url }
    }
}

/// What can run, and what can't, with every reason.
struct Work<'a> {
    cells: Vec<(&'a Cell, Vec<Value>)>,
    left_out: BTreeMap<&'a str, Vec<String>>,
}

impl Arguments {
    pub(super) fn run(&self) -> Exit {
        self.rehearse().unwrap_or_else(|exit| exit)
    }

    fn rehearse(&self) -> Result<Exit, Exit> {
        let machine = Machine::look(self.without_namespaces).map_err(|error| fail(Exit::Environment, &error))?;
        let (plan, lab) = self.planned(&machine)?;
        let chosen = self.chosen(&plan)?;
        let work = self.work(&plan, &lab, &machine, chosen)?;
        let folder = Folder::make(self.out.as_deref(), &plan.scenario).map_err(|error| {
            let exit = if error.is_usage() { Exit::Usage } else { Exit::Environment };
            fail(exit, &error)
        })?;
        self.announce(&work, &machine, &folder);
        if work.cells.is_empty() {
            say("error: none of the cells can be rehearsed here");
            folder.unmake();
            return Ok(Exit::No);
        }
        let stop = Stop::listen().map_err(|error| fail(Exit::Environment, &error))?;
        let whole = self.attempts(&work, &machine, &folder, &stop)?;
        let text = folder
            .summary(machine.remark().as_deref(), &work.left_out)
            .map_err(|error| fail(Exit::Environment, &error))?;
        print(&text);
        say(&format!("records, logs and this summary are in {}", folder.path.display()));
        Ok(if whole { Exit::Yes } else { Exit::No })
    }

    /// The plan of the scenario on this machine: pools and images are a cluster's business, and where links can't be
    /// shaped the cells are those of a scenario that asks for none.
    fn planned(&self, machine: &Machine) -> Result<(Plan, Lab), Exit> {
        let lab = if let Some(path) = &self.lab {
            inputs::there(path)?;
            load_lab(path)
        } else {
            inputs::local_lab()
        };
        let unshaped = machine.sandboxing != Sandboxing::Whole;
        inputs::planned_with(&self.scenario, lab, &|scenario, lab| here(scenario, lab, unshaped))
    }

    /// Cells that the command line means: all, where it names none.
    fn chosen<'a>(&self, plan: &'a Plan) -> Result<Vec<&'a Cell>, Exit> {
        let matches = |cell: &Cell, named: &str| cell.id == named || fits(named, &cell.slug);
        for named in &self.cell {
            if !plan.cells.iter().any(|cell| matches(cell, named)) {
                return Err(inputs::no_cell(plan, named));
            }
        }
        let wanted = |cell: &&Cell| self.cell.is_empty() || self.cell.iter().any(|named| matches(cell, named));
        Ok(plan.cells.iter().filter(wanted).collect())
    }

    fn work<'a>(&self, plan: &Plan, lab: &Lab, machine: &Machine, cells: Vec<&'a Cell>) -> Result<Work<'a>, Exit> {
        let mut work = Work { cells: Vec::new(), left_out: BTreeMap::new() };
        for cell in cells {
            let objects = render::built(plan, cell, lab).map_err(|error| fail(Exit::Bug, &error))?;
            let attempt = AttemptName::new(&plan.scenario, &cell.id, &cell.digest, 1, 1);
            // what it needs does not depend on where its files are
            match self.sandboxed(&objects, cell, attempt, machine, &PathBuf::from("/")) {
                Ok(_) => work.cells.push((cell, objects)),
                Err(reasons) => drop(work.left_out.insert(&cell.slug, reasons)),
            }
        }
        Ok(work)
    }

    fn sandboxed(
        &self,
        objects: &[Value],
        cell: &Cell,
        attempt: AttemptName,
        machine: &Machine,
        folder: &std::path::Path,
    ) -> Result<Rehearsal, Vec<String>> {
        let relay = self.store.as_ref().filter(|_| machine.isolation == Isolation::Namespaces);
        let relay = relay.map(|store| Relay { socket: machine.socket(), port: store.port });
        let store = self.store.as_ref().map(|store| match &relay {
            Some(relay) => store.at(&format!("127.0.0.1:{}", relay.port)),
            None => store.at(&store.address),
        });
        let site = Site {
            attempt,
            isolation: machine.isolation,
            folder,
            own: &machine.own,
            path: &machine.path,
            find: &|program| machine.find(program),
            store,
            relay,
            keep: self.keep,
        };
        rehearsal(objects, cell, &site)
    }

    fn announce(&self, work: &Work<'_>, machine: &Machine, folder: &Folder) {
        for (cell, reasons) in &work.left_out {
            say(&format!("left out: {cell}: {}", reasons.join("; ")));
        }
        if work.cells.is_empty() {
            return;
        }
        if let Some(remark) = machine.remark() {
            say(&format!("warning: {remark}"));
        }
        for warning in Machine::warnings(work.cells.iter().map(|(cell, _)| *cell), &folder.path) {
            say(&format!("warning: {warning}"));
        }
        let seconds: f64 = work.cells.iter().map(|(cell, _)| AROUND_SECONDS + measuring_seconds(cell)).sum();
        let seconds = Duration::from_secs_f64((seconds * f64::from(self.trials)).ceil());
        let (cells, trials) = (work.cells.len(), self.trials);
        let times = if trials == 1 { String::new() } else { format!(", {trials} trials each") };
        let cells = if cells == 1 { "1 cell".to_owned() } else { format!("{cells} cells") };
        say(&format!("{cells}{times}, one after the other: about {}; into {}", words(seconds), folder.path.display()));
    }

    /// Runs every attempt; whether all measured.
    fn attempts(&self, work: &Work<'_>, machine: &Machine, folder: &Folder, stop: &Stop) -> Result<bool, Exit> {
        let environment = |error: std::io::Error| fail(Exit::Environment, &error);
        if let (Some(store), Isolation::Namespaces) = (&self.store, machine.isolation) {
            machine.relay(&store.address).map_err(environment)?;
        }
        let all = work.cells.len() * usize::try_from(self.trials).unwrap_or(usize::MAX);
        let (mut whole, mut number) = (true, 0);
        for trial in 1..=self.trials {
            for (cell, objects) in &work.cells {
                number += 1;
                let place = folder.attempt(&cell.slug, trial).map_err(environment)?;
                let name = AttemptName::new(&folder.scenario, &cell.id, &cell.digest, trial, 1);
                let rehearsal = self.sandboxed(objects, cell, name, machine, &place);
                let rehearsal = rehearsal.map_err(|reasons| {
                    say(&format!("error: {}: {}", cell.slug, reasons.join("; ")));
                    Exit::Bug
                })?;
                let title = if self.trials == 1 { cell.slug.clone() } else { format!("{}, trial {trial}", cell.slug) };
                let progress = Progress::new(format!("{number} of {all}: {title}"));
                let start = Instant::now();
                let ended = Attempt { rehearsal: &rehearsal, place: &place, machine }.run(stop, &progress);
                folder.collect(&place).map_err(environment)?;
                whole &= ended.measured;
                progress.end(&format!("{} after {}", ended.words, words(start.elapsed())));
                if stop.asked() {
                    say("interrupted; what was measured until then counts");
                    return Ok(false);
                }
            }
        }
        Ok(whole)
    }
}

/// A scenario and a lab as far as they matter on one machine.
fn here(scenario: &mut Scenario, lab: &mut Lab, unshaped: bool) {
    for group in scenario.spec.systems.values_mut().flat_map(|system| system.groups.values_mut()) {
        group.pool = None;
        if unshaped {
            group.network = Some(json!("unshaped"));
        }
    }
    if unshaped {
        lab.metadata.name = format!("{}-unshaped", lab.metadata.name);
    }
    let spec = &mut lab.spec;
    spec.pools.clear();
    spec.defaults.pool = None;
    spec.storage.class = None;
    spec.shaping = Shaping::Tc;
    spec.images.policy = ImagePolicy::Allow;
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))),
    }
}

/// A time as people say it.
fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fit) in [
            ("a.b", "a.b", true),
            ("a*", "a.b", true),
            ("*b", "a.b", true),
            ("*.*", "a.b", true),
            ("a", "a.b", false),
            ("*c*", "a.b", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn stores() {
        let url = store("http://127.0.0.1:8428/insert/0/").unwrap();
        assert_eq!((url.address.as_str(), url.port, url.path.as_str()), ("127.0.0.1:8428", 8428, "/insert/0"));
        assert_eq!(store("http://[::1]").unwrap().address, "[::1]:80");
        assert_eq!(url.at("127.0.0.1:9").write, "http://127.0.0.1:9/insert/0");
        for wrong in ["https://a", "a:8428", "http://u:p@a", "http://:80", "http://a:b"] {
            assert!(store(wrong).is_err(), "{wrong}");
        }
    }
}
