//! What is left to chance, drawn from names: the same attempt draws the same.
//!
//! In: a system of the cell, the cell's id, the trial. Out: who seeds; the content of each repetition.

use benchgrid_measures::{AttemptName, Observation, Phase};
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

/// Which repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Which {
    pub(super) phase: Phase,
    pub(super) number: u32,
    pub(super) observe: Observation,
}

impl Which {
    /// For people.
    pub(super) fn text(self) -> String {
        format!("{} {}, {}", phase_word(self.phase), self.number, self.observe.word())
    }
}

/// Warm-ups, then what counts.
///
/// Of several kinds of observation, each round has one repetition; which is first is drawn, and turns from round to round, so
/// that what drifts in a deployment is shared by all.
pub(super) fn schedule(attempt: &AttemptName, kinds: &[Observation], warmup: u32, repetitions: u32) -> Vec<Which> {
    let drawn = unhex(&Content::seed(&["order", &attempt.cell, &attempt.trial.to_string()]));
    let mut first = drawn.and_then(|bytes| bytes.first().copied()).map_or(0, usize::from);
    let mut all = Vec::new();
    for (phase, count) in [(Phase::Warmup, warmup), (Phase::Measured, repetitions)] {
        for number in 1..=count {
            let turn = (0..kinds.len()).map(|i| kinds[(first + i) % kinds.len()]);
            all.extend(turn.map(|observe| Which { phase, number, observe }));
            first += 1;
        }
    }
    all
}

/// The content of one repetition, unlike any other's.
pub(super) fn content(attempt: &AttemptName, system: &str, which: Which, bytes: u64) -> Content {
    let (phase, observe) = (phase_word(which.phase), which.observe.word());
    let [trial, number, repetition] = [attempt.trial, attempt.number, which.number].map(|n| n.to_string());
    let seed = Content::seed(&["content", &attempt.cell, &trial, &number, system, phase, &repetition, &observe]);
    let name = format!("{}-t{trial}a{number}-{system}-{phase}{repetition}-{observe}", attempt.cell);
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
        let of = |phase, number| Which { phase, number, observe: Observation::Counter };
        let first = of(Phase::Measured, 1);
        let one = content(&attempt, "bt", first, 10);
        for other in [
            content(&attempt, "bt", of(Phase::Measured, 2), 10),
            content(&attempt, "bt", of(Phase::Warmup, 1), 10),
            content(&attempt, "bt", Which { observe: Observation::Stream, ..first }, 10),
            content(&again, "bt", first, 10),
            content(&attempt, "codex", first, 10),
        ] {
            assert!(one.seed != other.seed && one.name != other.name);
        }
        assert_eq!(one.name, "0123456789-t1a1-bt-measured1-counter");
    }

    #[test]
    fn kinds_take_turns() {
        use Observation::{Counter, Stream};
        let shown = |attempt: &AttemptName, kinds: &[Observation]| -> String {
            let all = schedule(attempt, kinds, 1, 4);
            let word = |which: Which| if which.observe == Counter { 'c' } else { 's' };
            let turn = |which: Which| format!("{}{}{} ", &phase_word(which.phase)[..1], which.number, word(which));
            all.into_iter().map(turn).collect()
        };
        let of = |trial| AttemptName::new("x", "0123456789", "abcdef", trial, 1);
        assert_eq!(shown(&of(1), &[Counter]), "w1c m1c m2c m3c m4c ");
        let orders = ["w1c w1s m1s m1c m2c m2s m3s m3c m4c m4s ", "w1s w1c m1c m1s m2s m2c m3c m3s m4s m4c "];
        let drawn: BTreeSet<_> = (1..20).map(|trial| shown(&of(trial), &[Counter, Stream])).collect();
        assert_eq!(drawn, BTreeSet::from(orders.map(str::to_owned)));
        assert!(schedule(&of(1), &[], 1, 4).is_empty());
    }
}
