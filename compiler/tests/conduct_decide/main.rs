//! The conductor's decision: single rules, and campaigns simulated to their end.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod rules;
mod simulation;
mod steering;

use std::collections::{BTreeMap, BTreeSet};

use benchgrid::conduct::{
    Attempt, By, Cell, ClusterView, Decision, Done, Finished, Look, Marker, Over, Pods, Room, Seen, Settings, State,
    Status, StoreProgress, StoreView, decide,
};
use benchgrid::plan::{Available, Demand, Needs, Provision};
use benchgrid_measures::{AttemptName, Identity, Outcome, Reason, Timestamp, Verdict};
use proptest::prelude::*;

const READY: u64 = 300;
const DEADLINE: u64 = 600;

fn cell(n: usize, trials: u32) -> Cell {
    Cell {
        scenario: "demo".to_owned(),
        id: format!("{n:010x}"),
        slug: format!("cell-{n}"),
        digest: "d".repeat(64),
        order: n,
        trials,
        needs: Demand::default(),
        ready_seconds: READY,
        deadline_seconds: DEADLINE,
        expected_seconds: None,
        records: None,
    }
}

/// So many pods of no pool and so many of pool `p`, each with a processor.
fn demand(free: u32, pinned: u32) -> Demand {
    let needs = |pods: u32| Needs { pods, cpu_millis: u64::from(pods) * 1000, ..Needs::default() };
    Demand { all: needs(free + pinned), pools: BTreeMap::from([("p".to_owned(), needs(pinned))]) }
}

/// So many pods in all, so many of pool `p`.
fn provision(all: u64, pool: u64) -> Provision {
    let has = |pods| Available { pods: Some(pods), ..Available::default() };
    Provision { all: has(all), pools: BTreeMap::from([("p".to_owned(), has(pool)), ("q".to_owned(), has(all - pool))]) }
}

fn state(cells: usize, trials: u32) -> State {
    State { cells: (0..cells).map(|n| cell(n, trials)).collect(), lab: "lab-1".to_owned(), ..State::default() }
}

fn settings(concurrency: u32, drain_seconds: u64, retries: u32) -> Settings {
    let room = Room { concurrency: Some(concurrency), has: Provision::default() };
    Settings { room, drain_seconds, hold_seconds: 0, retries }
}

/// How far it is, where nothing is known but the branch.
fn status(state: &State, settings: &Settings) -> Status {
    let look = Look {
        lab: "lab".to_owned(),
        settings: settings.clone(),
        place_seconds: 10.0,
        prefix: String::new(),
        logs: BTreeSet::new(),
        store: StoreProgress::NotAsked,
    };
    Status::of(state, &look, Timestamp(0))
}

fn quiet() -> Seen {
    Seen { store: StoreView::Heard(BTreeMap::new()), cluster: ClusterView::Unknown }
}

fn marker(verdict: Verdict, ended: i64) -> Marker {
    let reason = if verdict == Verdict::Measured { Reason::Ok } else { Reason::NotReady };
    Marker { verdict, reason, detail: String::new(), records: 3, ended: Timestamp(ended) }
}

fn heard(attempt: &str, marker: Marker) -> Seen {
    Seen { store: StoreView::Heard([(attempt.to_owned(), marker)].into()), cluster: ClusterView::Unknown }
}

fn cluster(namespaces: &[&str], pods: &[(&str, Pods)]) -> Seen {
    let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
    let pods = pods.iter().map(|(name, pods)| ((*name).to_owned(), pods.clone())).collect();
    Seen { cluster: ClusterView::Seen { namespaces, pods }, ..quiet() }
}

/// What the branch says after a commit.
fn apply(state: &mut State, decision: &Decision, now: i64) {
    state.done.extend(decision.end.iter().map(|ending| ending.done(Timestamp(now), &state.lab)));
    let ends = decision.end.iter().filter(|ending| !ending.held).map(|ending| &ending.attempt);
    for attempt in ends.chain(&decision.release) {
        leave(state, &attempt.attempt, now);
    }
    for attempt in decision.admit.iter().map(|admission| admission.attempt(Timestamp(now))) {
        state.past.enter(&attempt.attempt);
        state.active.push(attempt);
    }
}

/// An attempt's folder goes, by a decision or by hand.
fn leave(state: &mut State, attempt: &str, now: i64) {
    state.active.retain(|active| active.attempt != attempt);
    state.past.leave(attempt, Timestamp(now));
}

/// A campaign whose first attempt runs since second 0.
fn running() -> (State, String) {
    let mut state = state(2, 1);
    let decision = decide(&state, &quiet(), Timestamp(0), &settings(1, 10, 1));
    apply(&mut state, &decision, 0);
    let name = state.active[0].attempt.clone();
    (state, name)
}

fn outcome(attempt: &Attempt, verdict: Verdict, reason: Reason, ended_ms: i64) -> Outcome {
    let identity = Identity {
        lab: "lab".to_owned(),
        scenario: attempt.scenario.clone(),
        cell: attempt.cell.clone(),
        digest: attempt.digest[..6].to_owned(),
        trial: attempt.trial,
        number: attempt.number,
        attempt: attempt.attempt.clone(),
    };
    Outcome { identity, verdict, reason, detail: "because".to_owned(), records: 3, ended_ms }
}

fn pods(finished: Option<Finished>, troubles: &[&str]) -> Pods {
    Pods {
        count: 4,
        since: Some(Timestamp(0)),
        started: true,
        finished,
        troubles: troubles.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// An attempt that ended, number `n` of the trials.
fn ended(state: &State, n: u32, ended: i64, by: By, records: u32) -> Done {
    let cell = &state.cells[0];
    let verdict = if by == By::Store && records > 0 { Verdict::Measured } else { Verdict::Failed };
    Done {
        attempt: format!("bg-demo-{}-dddddd-t{n}a1", cell.id),
        scenario: cell.scenario.clone(),
        slug: cell.slug.clone(),
        cell: cell.id.clone(),
        digest: cell.digest.clone(),
        trial: n,
        number: 1,
        admitted: Timestamp(0),
        ended: Timestamp(ended),
        outcome: verdict,
        reason: Reason::NoRecord,
        detail: String::new(),
        records,
        by,
        needs: cell.needs.clone(),
        lab: state.lab.clone(),
    }
}
