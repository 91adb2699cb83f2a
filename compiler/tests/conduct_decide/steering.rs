//! What operators, clocks and the lab's capacity do to a campaign.

use super::*;

fn names(decision: &Decision) -> Vec<String> {
    decision.admit.iter().map(|admission| admission.name.to_string()).collect()
}

#[test]
fn capacity_counts_by_pool_and_in_all() {
    let fits = |demands: &[Demand], all, pool| {
        let mut state = state(demands.len(), 1);
        state.cells.iter_mut().zip(demands).for_each(|(cell, demand)| cell.needs = demand.clone());
        let mut settings = settings(99, 0, 1);
        settings.room.has = provision(all, pool);
        decide(&state, &quiet(), Timestamp(0), &settings).admit.len()
    };
    assert_eq!(fits(&[demand(3, 2), demand(3, 2), demand(3, 2)], 10, 6), 2, "in all");
    assert_eq!(fits(&[demand(0, 2), demand(0, 2), demand(0, 2)], 100, 5), 2, "the pool");
    assert_eq!(fits(&[demand(3, 2), demand(3, 2), demand(3, 2)], 15, 6), 3);
    let mut elsewhere = demand(1, 1);
    elsewhere.pools = BTreeMap::from([("unknown".to_owned(), Needs { pods: 1, ..Needs::default() })]);
    assert_eq!(fits(&[elsewhere], 2, 0), 1, "a pool that the lab does not name bounds nothing");
}

#[test]
fn a_large_attempt_is_not_overtaken() {
    let mut state = state(4, 1);
    for (cell, free) in state.cells.iter_mut().zip([3, 8, 1, 1]) {
        cell.needs = demand(free, 0);
    }
    let mut settings = settings(99, 0, 1);
    settings.room.has = provision(10, 0);
    let decision = decide(&state, &quiet(), Timestamp(0), &settings);
    apply(&mut state, &decision, 0);
    assert_eq!(state.active.len(), 1, "the second waits, and all behind it");
    let first = state.active[0].attempt.clone();
    let decision = decide(&state, &heard(&first, marker(Verdict::Measured, 5)), Timestamp(5), &settings);
    assert_eq!(decision.admit.iter().map(|a| a.cell.order).collect::<Vec<_>>(), [1, 2, 3]);
    // One that is larger than the whole lab would block it for ever: it is left out, and named.
    state.cells[1].needs = demand(11, 0);
    let decision = decide(&state, &heard(&first, marker(Verdict::Measured, 5)), Timestamp(5), &settings);
    assert_eq!(decision.admit.iter().map(|a| a.cell.order).collect::<Vec<_>>(), [2, 3]);
    assert!(decision.say[0].contains("demo/cell-1 can't be admitted"), "{:?}", decision.say);
}

#[test]
fn what_left_still_takes_what_it_took() {
    let (mut state, name) = running();
    state.active[0].needs = demand(6, 0);
    state.cells[1].needs = demand(6, 0);
    let mut settings = settings(9, 10, 0);
    settings.room.has = provision(10, 0);
    let decision = decide(&state, &heard(&name, marker(Verdict::Failed, 50)), Timestamp(60), &settings);
    assert!(decision.admit.is_empty());
    apply(&mut state, &decision, 60);
    // The cell takes less by now; the pods that are still there don't.
    state.cells[0].needs = demand(1, 0);
    assert!(decide(&state, &cluster(&[&name], &[]), Timestamp(900), &settings).admit.is_empty());
    assert_eq!(decide(&state, &cluster(&[], &[]), Timestamp(900), &settings).admit.len(), 1);
}

#[test]
fn while_it_is_paused_attempts_end_and_none_begins() {
    let (mut state, name) = running();
    state.paused = Some("the rack is being moved".to_owned());
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(9, 0, 1));
    assert_eq!((decision.end.len(), decision.admit.len()), (1, 0));
    assert_eq!(decision.say, ["paused, so nothing is admitted: the rack is being moved"]);
    state.paused = None;
    assert_eq!(decide(&state, &quiet(), Timestamp(60), &settings(9, 0, 1)).admit.len(), 1);
}

#[test]
fn names_are_used_once() {
    let (mut state, name) = running();
    // Taken out of `active/` by hand: it drains, then runs again under its next number.
    leave(&mut state, &name, 100);
    let settings = settings(9, 10, 1);
    let first = |decision: &Decision| names(decision).into_iter().find(|name| name.contains("-0000000000-"));
    assert_eq!(first(&decide(&state, &quiet(), Timestamp(105), &settings)), None);
    let again = first(&decide(&state, &quiet(), Timestamp(110), &settings)).unwrap();
    assert!(name.ends_with("t1a1") && again.ends_with("t1a2"), "{name}, {again}");
    // Its namespace is still there: two live attempts of one trial.
    assert_eq!(first(&decide(&state, &cluster(&[&name], &[]), Timestamp(999), &settings)), None);
    // Another experiment begins with 1.
    state.cells[0].digest = "e".repeat(64);
    assert!(first(&decide(&state, &quiet(), Timestamp(110), &settings)).unwrap().ends_with("-eeeeee-t1a1"));
}

#[test]
fn the_newest_failure_is_held_for_a_look() {
    let (mut state, name) = running();
    let mut settings = settings(2, 0, 1);
    settings.hold_seconds = 100;
    let decision = decide(&state, &heard(&name, marker(Verdict::Failed, 50)), Timestamp(60), &settings);
    assert!(decision.end[0].held && decision.end[0].to_string().contains("held for a look"));
    assert_eq!(
        decision.admit.iter().map(|a| a.cell.order).collect::<Vec<_>>(),
        [1],
        "it keeps its place and its trial"
    );
    apply(&mut state, &decision, 60);
    assert_eq!((state.active.len(), state.done.len(), state.held().len()), (2, 1, 1));
    assert!(decide(&state, &quiet(), Timestamp(159), &settings).changes_nothing());
    let decision = decide(&state, &quiet(), Timestamp(160), &settings);
    assert_eq!(decision.release[0].attempt, name);
    assert!(names(&decision)[0].ends_with("t1a2"), "{:?}", names(&decision));
    // By hand it goes at once.
    let mut by_hand = state.clone();
    leave(&mut by_hand, &name, 70);
    assert_eq!(names(&decide(&by_hand, &quiet(), Timestamp(70), &settings)).len(), 1);
    // A newer failure takes its turn; what was measured is not held.
    let other = state.active.iter().find(|active| active.attempt != name).unwrap().attempt.clone();
    for (verdict, held, released) in [(Verdict::Failed, true, 1), (Verdict::Measured, false, 0)] {
        let decision = decide(&state, &heard(&other, marker(verdict, 70)), Timestamp(70), &settings);
        assert_eq!((decision.end[0].held, decision.release.len()), (held, released), "{verdict}");
    }
    // A lab that holds nothing any more, or a campaign that does not want the trial, lets it go.
    let mut hurried = settings.clone();
    hurried.hold_seconds = 0;
    assert_eq!(decide(&state, &quiet(), Timestamp(70), &hurried).release.len(), 1);
    state.cells.remove(0);
    assert_eq!(decide(&state, &quiet(), Timestamp(70), &settings).release.len(), 1);
}

#[test]
fn of_two_failures_at_once_one_is_held() {
    let mut state = state(2, 1);
    let mut settings = settings(2, 0, 0);
    settings.hold_seconds = 100;
    let decision = decide(&state, &quiet(), Timestamp(0), &settings);
    apply(&mut state, &decision, 0);
    let late = Timestamp(i64::try_from(DEADLINE).unwrap() + 1);
    let decision = decide(&state, &quiet(), late, &settings);
    assert_eq!(decision.end.iter().map(|end| end.held).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_was_changed_by_hand_is_superseded_whatever_it_measured() {
    let (mut state, name) = running();
    state.edited.insert(name.clone(), "cell.json".to_owned());
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(1, 0, 0));
    let end = &decision.end[0];
    assert_eq!((end.verdict, end.by, end.records), (Verdict::Superseded, By::Campaign, 0));
    assert_eq!(end.detail, "its folder was changed by hand: cell.json");
    assert_eq!(decision.admit[0].name.number, 2, "its trial begins anew, without a failure");
}

#[test]
fn odd_folders_are_said() {
    let mut state = state(1, 1);
    state.problems = vec!["active/demo/x has no attempt.json".to_owned()];
    assert_eq!(decide(&state, &quiet(), Timestamp(0), &settings(1, 0, 1)).say, state.problems);
}

#[test]
fn a_clock_that_is_set_back_blocks_nothing_for_ever() {
    let year = 365 * 86_400;
    // The place of an attempt that ended in a time to come.
    let (mut state, name) = running();
    let settings = settings(1, 10, 1);
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(year), &settings);
    apply(&mut state, &decision, year);
    assert!(decide(&state, &quiet(), Timestamp(year - 5), &settings).admit.is_empty(), "a little is a little");
    assert_eq!(decide(&state, &quiet(), Timestamp(60), &settings).admit.len(), 1);
    // A deadline.
    let (mut state, name) = running();
    state.active[0].admitted = Timestamp(year);
    assert!(decide(&state, &quiet(), Timestamp(year - 600), &settings).end.is_empty());
    let decision = decide(&state, &quiet(), Timestamp(60), &settings);
    assert_eq!(decision.end[0].reason, Reason::Deadline);
    assert!(decision.end[0].detail.contains("the clock was set back"), "{:?}", decision.end);
    // A coordinator that ended in a time to come.
    let (state, _) = running();
    let finished = Finished { at: Some(Timestamp(year)), outcome: None };
    let seen = cluster(&[&name], &[(&name, pods(Some(finished), &[]))]);
    assert!(decide(&state, &seen, Timestamp(60), &settings).end.is_empty());
    assert_eq!(decide(&state, &seen, Timestamp(600 + 91), &settings).end[0].reason, Reason::NoRecord);
    // Two without a trace.
    let mut state = super::state(1, 9);
    state.done = vec![ended(&state, 1, year, By::Pods, 0), ended(&state, 2, year, By::Deadline, 0)];
    assert_eq!(decide(&state, &quiet(), Timestamp(year), &settings).admit.len(), 0);
    assert_eq!(decide(&state, &quiet(), Timestamp(60), &settings).admit.len(), 1);
    // A held one.
    let (mut state, name) = running();
    let mut holds = settings;
    holds.hold_seconds = 100;
    let decision = decide(&state, &heard(&name, marker(Verdict::Failed, 50)), Timestamp(year), &holds);
    apply(&mut state, &decision, year);
    assert_eq!(decide(&state, &quiet(), Timestamp(60), &holds).release.len(), 1);
}

#[test]
fn it_is_over_when_nothing_runs_lingers_or_waits() {
    let (mut state, name) = running();
    let settings = settings(1, 10, 0);
    for (name, verdict, now) in [(name, Verdict::Measured, 50), (String::new(), Verdict::Failed, 100)] {
        let name = if name.is_empty() { state.active[0].attempt.clone() } else { name };
        let decision = decide(&state, &heard(&name, marker(verdict, now)), Timestamp(now), &settings);
        assert_eq!(decision.over, None, "its place is still taken");
        apply(&mut state, &decision, now);
        let decision = decide(&state, &quiet(), Timestamp(now + 10), &settings);
        apply(&mut state, &decision, now + 10);
    }
    let over = |seen: &Seen| decide(&state, seen, Timestamp(120), &settings).over;
    assert_eq!(over(&quiet()), Some(Over { measured: 1, given_up: 1 }));
    let last = state.done[1].attempt.clone();
    assert_eq!(over(&cluster(&[&last], &[])), None);
    assert_eq!(over(&Seen { cluster: ClusterView::Silent("down".to_owned()), ..quiet() }), None);
}
