//! How many nodes of a system seed.

use std::collections::BTreeMap;

use super::{Spot, Subject, Trouble};
use crate::matrix::Nodes;
use crate::spec::{Load, SystemUse, codes};

/// How many nodes of a system seed, and that it can be so. `asked` is `measure.seeders`, which is for measured systems.
pub(super) fn seeders(
    name: &str,
    using: &SystemUse,
    counts: &BTreeMap<&str, u32>,
    asked: Option<u32>,
) -> Result<u32, Trouble> {
    let groups = using.groups.iter();
    let nodes = groups.fold(Nodes::default(), |nodes, (name, group)| nodes.with(group.role, counts[name.as_str()]));
    match using.load {
        Load::Measured => measured(name, nodes, asked),
        Load::Background => background(name, nodes, asked),
        Load::Idle => Ok(0),
    }
}

fn measured(name: &str, nodes: Nodes, asked: Option<u32>) -> Result<u32, Trouble> {
    let Some(seeders) = asked.or_else(|| nodes.by_role()) else {
        let message = format!("`{name}` has nodes of any role, and nothing says how many seed");
        let trouble = Trouble::scenario(codes::SEEDERS, "/spec/measure", message);
        return Err(trouble.help("give measure.seeders, or the groups a role"));
    };
    let spot = match asked {
        Some(_) => Spot::new(&Subject::Scenario, "/spec/measure/seeders"),
        None => groups(name),
    };
    match nodes.refuse(name, seeders) {
        Some(message) => {
            Err(spot.trouble(codes::WRONG_SEEDERS, message).help("exclude the combination, or change the groups"))
        }
        None => Ok(seeders),
    }
}

/// As many as are asked for where that can be; else those that always seed, or one.
fn background(name: &str, nodes: Nodes, asked: Option<u32>) -> Result<u32, Trouble> {
    let fits = |seeders: &u32| nodes.refuse(name, *seeders).is_none();
    let seeders = asked.filter(fits).unwrap_or_else(|| nodes.fewest());
    match nodes.refuse(name, seeders) {
        Some(message) => Err(groups(name)
            .trouble(codes::WRONG_SEEDERS, message)
            .help("a background system transfers all the time; `load: idle` only runs")),
        None => Ok(seeders),
    }
}

fn groups(name: &str) -> Spot {
    Spot::new(&Subject::Scenario, format!("/spec/systems/{name}/groups"))
}
