//! What is left to chance, drawn from names: the same attempt draws the same.
//!
//! In: a system of the cell, the cell's id, the trial. Out: who seeds; the content of each repetition.

use benchgrid_measures::{AttemptName, Phase};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    content::{Content, unhex},
    experiment::{GroupRole, System},
};

/// Who does what in a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// They hold the content before the others start; the first one uploads alone.
    pub(super) seeders: Vec<String>,
    /// They download.
    pub(super) leechers: Vec<String>,
}

/// Draws a system's seeders for one trial.
///
/// Fixed seeders seed; the others come from the groups of role `any`, each node with the same chance and each group
/// with its share, as near as whole nodes allow (systematic sampling over the groups in turn). None where the groups
/// can't give so many.
pub(super) fn parts(system: &System, cell: &str, trial: u32) -> Option<Parts> {
    let seed = Content::seed(&["seeders", cell, &trial.to_string(), &system.name]);
    let mut random = ChaCha8Rng::from_seed(unhex(&seed)?.try_into().ok()?);
    let mut seeders = Vec::new();
    let mut leechers = Vec::new();
    let mut candidates = Vec::new();
    for group in &system.groups {
        let mut pods: Vec<_> = system.pods(group).collect();
        match group.role {
            GroupRole::Seeder => seeders.append(&mut pods),
            GroupRole::Leecher => leechers.append(&mut pods),
            GroupRole::Bootstrap => {}
            GroupRole::Any => {
                shuffle(&mut pods, &mut random);
                candidates.append(&mut pods);
            }
        }
    }
    let wanted = usize::try_from(system.seeders).ok()?.checked_sub(seeders.len())?;
    let chosen = systematic(candidates.len(), wanted, random.next_u32())?;
    for (i, pod) in candidates.into_iter().enumerate() {
        if chosen.contains(&i) { seeders.push(pod) } else { leechers.push(pod) }
    }
    shuffle(&mut seeders, &mut random);
    leechers.sort();
    (!seeders.is_empty() && !leechers.is_empty()).then_some(Parts { seeders, leechers })
}

/// `wanted` of `count` positions at equal distances, from a random start.
fn systematic(count: usize, wanted: usize, start: u32) -> Option<Vec<usize>> {
    if wanted > count {
        return None;
    }
    // Position i is (i + start / 2^32) * count / wanted, in whole numbers.
    let position = |i: usize| {
        let scaled = (((i as u128) << 32) + u128::from(start)) * count as u128;
        usize::try_from((scaled / wanted as u128) >> 32).ok()
    };
    (0..wanted).map(position).collect()
}

fn shuffle(items: &mut [String], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        let other = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

/// The word of a phase in names.
pub(super) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "warmup",
        Phase::Measured => "measured",
    }
}

/// The content of one repetition, unlike any other's.
pub(super) fn content(attempt: &AttemptName, system: &str, phase: Phase, repetition: u32, bytes: u64) -> Content {
    let phase = phase_word(phase);
    let [trial, number, repetition] = [attempt.trial, attempt.number, repetition].map(|n| n.to_string());
    let seed = Content::seed(&["content", &attempt.cell, &trial, &number, system, phase, &repetition]);
    let name = format!("{}-t{trial}a{number}-{system}-{phase}{repetition}", attempt.cell);
    Content { name, seed, bytes }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::experiment::{Group, Load};

    fn system(seeders: u32, groups: &[(&str, GroupRole, u32)]) -> System {
        let group = |(name, role, replicas): &(&str, _, _)| Group {
            name: (*name).to_owned(),
            driver: None,
            role: *role,
            replicas: *replicas,
            link: None,
        };
        System {
            name: "bt".to_owned(),
            driver: "http".to_owned(),
            load: Load::Measured,
            seeders,
            groups: groups.iter().map(group).collect(),
        }
    }

    #[test]
    fn fixed_roles_hold_and_the_rest_is_drawn() {
        use GroupRole::{Any, Bootstrap, Leecher, Seeder};
        let system = system(3, &[("s", Seeder, 1), ("a", Any, 4), ("l", Leecher, 2), ("b", Bootstrap, 1)]);
        for trial in 1..50 {
            let parts = parts(&system, "0123456789", trial).unwrap();
            assert_eq!((parts.seeders.len(), parts.leechers.len()), (3, 4));
            assert!(parts.seeders.contains(&"bt-s-0".to_owned()));
            assert!(parts.leechers.contains(&"bt-l-0".to_owned()) && parts.leechers.contains(&"bt-l-1".to_owned()));
            let all: BTreeSet<_> = parts.seeders.iter().chain(&parts.leechers).collect();
            assert_eq!(all.len(), 7);
        }
    }

    #[test]
    fn each_group_gives_its_share_and_each_node_its_turn() {
        let system = system(3, &[("x", GroupRole::Any, 6), ("y", GroupRole::Any, 3)]);
        let mut turns = BTreeMap::new();
        for trial in 1..=900 {
            let parts = parts(&system, "0123456789", trial).unwrap();
            assert_eq!(parts.seeders.iter().filter(|pod| pod.starts_with("bt-x")).count(), 2, "{parts:?}");
            for pod in parts.seeders {
                *turns.entry(pod).or_insert(0) += 1;
            }
        }
        assert_eq!(turns.len(), 9);
        assert!(turns.values().all(|count| (240..360).contains(count)), "{turns:?}");
    }

    #[test]
    fn draws_repeat_and_differ() {
        let system = system(2, &[("n", GroupRole::Any, 16)]);
        assert_eq!(parts(&system, "0123456789", 1), parts(&system, "0123456789", 1));
        assert_ne!(parts(&system, "0123456789", 1), parts(&system, "0123456789", 2));
        assert_ne!(parts(&system, "0123456789", 1), parts(&system, "012345678a", 1));
    }

    #[test]
    fn impossible_draws_are_none() {
        assert_eq!(parts(&system(3, &[("n", GroupRole::Any, 2)]), "c", 1), None);
        assert_eq!(parts(&system(2, &[("n", GroupRole::Any, 2)]), "c", 1), None, "nobody left to download");
        assert_eq!(parts(&system(0, &[("n", GroupRole::Any, 2)]), "c", 1), None, "nobody to download from");
        assert_eq!(parts(&system(1, &[("s", GroupRole::Seeder, 2)]), "c", 1), None);
    }

    #[test]
    fn contents_are_fresh() {
        let attempt = AttemptName::new("x", "0123456789", "abcdef", 1, 1);
        let again = AttemptName::new("x", "0123456789", "abcdef", 1, 2);
        let one = content(&attempt, "bt", Phase::Measured, 1, 10);
        for other in [
            content(&attempt, "bt", Phase::Measured, 2, 10),
            content(&attempt, "bt", Phase::Warmup, 1, 10),
            content(&again, "bt", Phase::Measured, 1, 10),
            content(&attempt, "codex", Phase::Measured, 1, 10),
        ] {
            assert!(one.seed != other.seed && one.name != other.name);
        }
        assert_eq!(one.name, "0123456789-t1a1-bt-measured1");
    }
}
