//! What a status comes to: numbers by hand, and the three ways in which it is written.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use benchgrid::conduct::{
    Attempt, By, Cell, Done, Ending, HindranceKind, Look, Progress, Room, Settings, State, Status, StoreProgress,
};
use benchgrid::plan::{Available, Demand, Needs, Provision};
use benchgrid_measures::{AttemptName, Reason, Timestamp, Verdict};

/// 2026-11-21T08:17:55Z.
const NOW: i64 = 1_795_249_075;
const EXPECTED: u64 = 100;

fn pods(pods: u32) -> Demand {
    Demand { all: Needs { pods, ..Needs::default() }, ..Demand::default() }
}

fn cell(scenario: &str, n: usize, trials: u32) -> Cell {
    Cell {
        scenario: scenario.to_owned(),
        id: format!("{n:010x}"),
        slug: format!("filesize-{}mb.networksize-2", 5 * (n + 1)),
        digest: "d".repeat(64),
        order: n,
        trials,
        needs: pods(3),
        ready_seconds: 300,
        deadline_seconds: 600,
        expected_seconds: Some(EXPECTED),
        records: Some(6),
    }
}

/// Three cells of two trials; a lab with two places and one retry.
fn campaign() -> (State, Look) {
    let state = State { cells: (0..3).map(|n| cell("smoke", n, 2)).collect(), ..State::default() };
    let look = Look {
        lab: "main".to_owned(),
        settings: Settings {
            room: Room { concurrency: Some(2), has: Provision::default() },
            drain_seconds: 10,
            hold_seconds: 0,
            retries: 1,
        },
        place_seconds: 10.0,
        prefix: String::new(),
        logs: BTreeSet::new(),
        store: StoreProgress::NotAsked,
    };
    (state, look)
}

/// An attempt at a cell's trial that was admitted so many seconds ago.
fn attempt(cell: &Cell, trial: u32, number: u32, ago: i64) -> Attempt {
    Attempt {
        attempt: AttemptName::new(&cell.scenario, &cell.id, &cell.digest, trial, number).to_string(),
        scenario: cell.scenario.clone(),
        slug: cell.slug.clone(),
        cell: cell.id.clone(),
        digest: cell.digest.clone(),
        trial,
        number,
        admitted: Timestamp(NOW - ago),
        ready_seconds: cell.ready_seconds,
        deadline_seconds: cell.deadline_seconds,
        needs: cell.needs.clone(),
        tree: String::new(),
    }
}

/// The same, ended after so many seconds.
fn ended(attempt: &Attempt, seconds: i64, outcome: Verdict) -> Done {
    let reason = if outcome == Verdict::Measured { Reason::Ok } else { Reason::Gate };
    let ending = Ending {
        attempt: attempt.clone(),
        verdict: outcome,
        reason,
        detail: if outcome == Verdict::Failed { "seeders not seen within 61 s".to_owned() } else { String::new() },
        records: 6,
        by: By::Store,
        held: false,
    };
    ending.done(Timestamp(attempt.admitted.0 + seconds), "")
}

fn of(state: &State, look: &Look) -> Status {
    Status::of(state, look, Timestamp(NOW))
}

/// Least, middle, most.
fn seconds(state: &State, look: &Look) -> (u64, u64, u64) {
    let to_go = of(state, look).to_go.unwrap();
    (to_go.least_seconds, to_go.seconds, to_go.most_seconds)
}

#[test]
fn without_a_measured_attempt_the_forecast_counts() {
    let (mut state, mut look) = campaign();
    assert_eq!(seconds(&state, &look), (330, 330, 330), "6 trials of 110 s in 2 places");
    look.settings.room.concurrency = None;
    assert_eq!(seconds(&state, &look), (110, 110, 110), "all at once");
    state.cells[0].expected_seconds = Some(300);
    assert_eq!(seconds(&state, &look), (310, 310, 310), "no shorter than the longest");
    state.cells[0].expected_seconds = Some(EXPECTED);
    look.settings.room.has.all = Available { pods: Some(8), ..Available::default() };
    assert_eq!(seconds(&state, &look), (330, 330, 330), "there is room for two");
    look.settings.room.concurrency = Some(1);
    state.cells[0].expected_seconds = None;
    let to_go = of(&state, &look).to_go.unwrap();
    assert_eq!((to_go.seconds, to_go.unknown, to_go.measured), (440, 2, 0));
    state.cells.iter_mut().for_each(|cell| cell.expected_seconds = None);
    assert_eq!(of(&state, &look).to_go, None);
}

#[test]
fn measured_attempts_say_how_far_off_the_forecast_is() {
    let (mut state, look) = campaign();
    let [a, b] = [1, 2].map(|trial| attempt(&state.cells[0], trial, 1, 1000));
    state.done = vec![ended(&a, 100, Verdict::Measured), ended(&b, 200, Verdict::Measured)];
    state.active = vec![attempt(&state.cells[1], 1, 1, 50)];
    // Ratios 1.25, 1.5, 1.75: (125 - 50 + 10 + 3 * 135) / 2 and so on.
    assert_eq!(seconds(&state, &look), (245, 295, 345));
    let status = of(&state, &look);
    assert_eq!(status.to_go.unwrap().ends, Timestamp(NOW + 295));
    assert_eq!(status.running[0].expected, Some(Timestamp(NOW + 100)));
    // What was measured of another experiment says nothing.
    state.done[1].digest = "e".repeat(64);
    assert_eq!(of(&state, &look).to_go.unwrap().measured, 1);
}

#[test]
fn no_attempt_takes_longer_than_its_deadline() {
    let (mut state, look) = campaign();
    let slow = attempt(&state.cells[0], 1, 1, 9000);
    state.done = vec![ended(&slow, 5000, Verdict::Measured)];
    assert_eq!(seconds(&state, &look), (1525, 1525, 1525), "5 * 610 / 2");
}

#[test]
fn failures_so_far_make_further_tries_likely() {
    let (mut state, look) = campaign();
    let [a, b] = [1, 2].map(|trial| attempt(&state.cells[0], trial, 1, 1000));
    state.done = vec![ended(&a, 100, Verdict::Measured), ended(&b, 100, Verdict::Failed)];
    // One has one try left; four others take 1.5 tries each.
    assert_eq!(seconds(&state, &look), (385, 385, 385));
    // One of them runs: 100 - 40 + 10, and half of another try.
    state.active = vec![attempt(&state.cells[1], 1, 1, 40)];
    assert_eq!(seconds(&state, &look).1, 365);
}

#[test]
fn each_trial_is_counted_once() {
    let (mut state, look) = campaign();
    let c = &state.cells;
    let failed = |cell: &Cell, trial, number| ended(&attempt(cell, trial, number, 500), 100, Verdict::Failed);
    let mut gone = failed(&c[0], 1, 1);
    gone.outcome = Verdict::Superseded;
    let held = attempt(&c[2], 1, 1, 500);
    state.done = vec![
        gone,
        ended(&attempt(&c[0], 1, 2, 300), 100, Verdict::Measured),
        failed(&c[0], 2, 1),
        failed(&c[1], 1, 1),
        failed(&c[1], 1, 2),
        failed(&c[1], 2, 1),
        ended(&held, 100, Verdict::Failed),
    ];
    state.active = vec![attempt(&c[1], 2, 2, 60), held];
    let status = of(&state, &look);
    let s = &status.scenarios["smoke"];
    assert_eq!((s.cells, s.trials), (3, 6));
    assert_eq!((s.done, s.running, s.failed, s.given_up, s.waiting), (1, 1, 2, 1, 1));
    assert_eq!((s.superseded, s.failed_attempts), (1, 5));
    assert_eq!(status.running.len(), 1, "one that is held does not run");
    assert_eq!(status.hindrances[0].kind, HindranceKind::Held);
}

#[test]
fn what_is_due_and_does_not_happen_is_told() {
    let (mut state, look) = campaign();
    let kinds = |state: &State| of(state, &look).hindrances.into_iter().map(|h| h.kind).collect::<Vec<_>>();
    state.active = vec![attempt(&state.cells[0], 1, 1, 900)];
    assert_eq!(kinds(&state), []);
    state.active = vec![attempt(&state.cells[0], 1, 1, 901)];
    assert_eq!(kinds(&state), [HindranceKind::Overdue]);
    state.active.clear();
    state.done = vec![ended(&attempt(&state.cells[0], 1, 1, 410), 100, Verdict::Measured)];
    assert_eq!(kinds(&state), []);
    state.done = vec![ended(&attempt(&state.cells[0], 1, 1, 411), 100, Verdict::Measured)];
    assert_eq!(kinds(&state), [HindranceKind::Overdue]);
    let silent = |trial| Done {
        by: By::Deadline,
        records: 0,
        ..ended(&attempt(&state.cells[0], trial, 1, 900), 9, Verdict::Failed)
    };
    state.done = vec![silent(1), silent(2)];
    assert_eq!(kinds(&state), [HindranceKind::NoTrace]);
}

#[test]
fn what_is_held_takes_a_place_and_what_is_too_large_is_told() {
    let (mut state, mut look) = campaign();
    let held = attempt(&state.cells[0], 1, 1, 500);
    state.done = vec![ended(&held, 100, Verdict::Failed)];
    state.active = vec![held];
    // Five trials of two tries each, since all attempts failed so far, and one that has one: 110 s each, in one place.
    assert_eq!(seconds(&state, &look).1, 1210);
    look.settings.room.has.all = Available { pods: Some(4), ..Available::default() };
    state.cells[2].needs = pods(5);
    let hindrances = of(&state, &look).hindrances;
    let told: Vec<_> = hindrances.iter().map(|hindrance| hindrance.kind).collect();
    assert_eq!(told, [HindranceKind::Held, HindranceKind::TooLarge]);
    assert!(hindrances[1].text.starts_with("2 trials can't be admitted, filesize-15mb"), "{}", hindrances[1].text);
}

/// All three, one after the other.
fn golden(name: &str, state: &State, look: &Look) {
    let status = of(state, look);
    let json = serde_json::to_value(&status).unwrap();
    let validator = jsonschema::draft7::new(&benchgrid::cli::schema::schema("status").unwrap()).unwrap();
    assert!(validator.is_valid(&json), "{json}");
    let json = serde_json::to_string_pretty(&json).unwrap();
    insta::assert_snapshot!(name, format!("{status}\n---\n{}\n---\n{json}", status.markdown()));
}

#[test]
fn goldens() {
    let (state, look) = campaign();
    golden("nothing-yet", &state, &look);

    let (mut state, mut look) = campaign();
    state.cells.push(cell("a|b", 0, 1));
    let c = state.cells.clone();
    state.done =
        (1..=2).map(|n| ended(&attempt(&c[0], n, 1, 4000), 90 + 40 * i64::from(n), Verdict::Measured)).collect();
    state.active = vec![attempt(&c[1], 1, 1, 70), attempt(&c[2], 1, 1, 20)];
    let progress = Progress { records: 4, newest: Some("measured 1, counter".to_owned()) };
    look.store = StoreProgress::Heard(BTreeMap::from([
        (state.active[0].attempt.clone(), progress),
        (state.active[1].attempt.clone(), Progress::default()),
    ]));
    golden("running", &state, &look);

    let all = c[..3].iter().flat_map(|cell| [1, 2].map(|trial| attempt(cell, trial, 1, 4000)));
    let (mut state, look) = campaign();
    state.done = all.clone().map(|attempt| ended(&attempt, 120, Verdict::Measured)).collect();
    golden("finished", &state, &look);

    let given_up = attempt(&c[2], 2, 2, 2000);
    state.done[5] = ended(&all.last().unwrap(), 300, Verdict::Failed);
    state.done.push(ended(&given_up, 300, Verdict::Failed));
    golden("given-up", &state, &look);

    let (mut state, mut look) = campaign();
    state.cells.iter_mut().for_each(|cell| cell.trials = 4);
    state.done = c[..3]
        .iter()
        .flat_map(|cell| {
            (1..=4).map(|trial| ended(&attempt(cell, trial, 1, 4000 - 300 * i64::from(trial)), 120, Verdict::Failed))
        })
        .collect();
    state.done[3].detail = "pod `x`: | <b>no</b>\n@team [a](b)".to_owned();
    state.done[0].outcome = Verdict::Measured;
    look.prefix = "bench".to_owned();
    let done = &state.done[3];
    look.logs.insert(format!("done/{}/{}/{}.log", done.scenario, done.slug, done.attempt));
    golden("failures", &state, &look);

    let (mut state, mut look) = campaign();
    state.paused = Some("the switch | is changed".to_owned());
    look.store = StoreProgress::Silent("http://store:8428/api/v1/export: host not found".to_owned());
    let held = attempt(&c[0], 1, 1, 600);
    state.done = vec![ended(&held, 200, Verdict::Failed)];
    state.active = vec![held, attempt(&c[0], 2, 1, 700)];
    golden("paused", &state, &look);
}
