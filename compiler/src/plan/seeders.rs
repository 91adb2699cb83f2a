//! How many nodes of a system seed.

use std::collections::BTreeMap;

use super::{Spot, Subject, Trouble};
use crate::spec::{Load, Role, SystemUse, codes};

/// Nodes of a system that transfer, by role.
struct Nodes {
    fixed: u32,
    any: u32,
    leechers: u32,
}

/// How many nodes of a system seed, and that it can be so. `asked` is `measure.seeders`, which is for measured systems.
pub(super) fn seeders(
    name: &str,
    using: &SystemUse,
    counts: &BTreeMap<&str, u32>,
    asked: Option<u32>,
) -> Result<u32, Trouble> {
    let of = |role: Role| -> u32 {
        let groups = using.groups.iter().filter(|(_, group)| group.role == role);
        groups.map(|(name, _)| counts[name.as_str()]).sum()
    };
    let nodes = Nodes { fixed: of(Role::Seeder), any: of(Role::Any), leechers: of(Role::Leecher) };
    match using.load {
        Load::Measured => measured(name, &nodes, asked),
        Load::Background => background(name, &nodes, asked),
        Load::Idle => Ok(0),
    }
}

fn measured(name: &str, nodes: &Nodes, asked: Option<u32>) -> Result<u32, Trouble> {
    let seeders = match asked {
        Some(seeders) => seeders,
        None if nodes.any == 0 => nodes.fixed,
        None => {
            let message = format!("`{name}` has nodes of any role, and nothing says how many seed");
            let trouble = Trouble::scenario(codes::SEEDERS, "/spec/measure", message);
            return Err(trouble.help("give measure.seeders, or the groups a role"));
        }
    };
    let spot = match asked {
        Some(_) => Spot::new(&Subject::Scenario, "/spec/measure/seeders"),
        None => groups(name),
    };
    match nodes.refuse(name, seeders) {
        Some(message) => Err(spot.trouble(codes::WRONG_SEEDERS, message).help(HELP)),
        None => Ok(seeders),
    }
}

/// As many as are asked for where that can be; else those that always seed, or one.
fn background(name: &str, nodes: &Nodes, asked: Option<u32>) -> Result<u32, Trouble> {
    let fits = |seeders: &u32| nodes.refuse(name, *seeders).is_none();
    let seeders = asked.filter(fits).unwrap_or(nodes.fixed.max(u32::from(nodes.any > 0)));
    match nodes.refuse(name, seeders) {
        Some(message) => Err(groups(name)
            .trouble(codes::WRONG_SEEDERS, message)
            .help("a background system transfers all the time; `load: idle` only runs")),
        None => Ok(seeders),
    }
}

const HELP: &str = "exclude the combination, or change the groups";

fn groups(name: &str) -> Spot {
    Spot::new(&Subject::Scenario, format!("/spec/systems/{name}/groups"))
}

impl Nodes {
    /// Why so many can't seed.
    fn refuse(&self, name: &str, seeders: u32) -> Option<String> {
        let Self { fixed, any, leechers } = self;
        if seeders == 0 {
            return Some(format!("no node of `{name}` would seed"));
        }
        if seeders < *fixed || seeders > fixed + any {
            return Some(format!("`{name}` can't have {seeders} seeders: {fixed} always seed, {any} may"));
        }
        (fixed + any + leechers == seeders)
            .then(|| format!("no node of `{name}` would be left to download: all {seeders} seed"))
    }
}
