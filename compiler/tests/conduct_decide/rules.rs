//! What ends an attempt, and which are admitted.

use super::*;

#[test]
fn admits_trial_by_trial_in_the_campaigns_order() {
    let mut state = state(3, 2);
    state.cells.reverse();
    let decision = decide(&state, &quiet(), Timestamp(0), &settings(4, 10, 1));
    let names: Vec<_> = decision.admit.iter().map(|a| (a.cell.order, a.name.trial, a.name.number)).collect();
    assert_eq!(names, [(0, 1, 1), (1, 1, 1), (2, 1, 1), (0, 2, 1)]);
    assert_eq!(decision.admit[0].name.to_string(), "bg-demo-0000000000-dddddd-t1a1");
    let mut all = settings(0, 0, 1);
    all.room.concurrency = None;
    assert_eq!(decide(&state, &quiet(), Timestamp(0), &all).admit.len(), 6);
}

#[test]
fn what_the_store_says_counts() {
    let (state, name) = running();
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(1, 0, 1));
    let end = &decision.end[0];
    assert_eq!((end.verdict, end.reason, end.records, end.by), (Verdict::Measured, Reason::Ok, 3, By::Store));
    assert_eq!(decision.admit[0].cell.order, 1, "without drain the next one takes the place in the same commit");
    // A coordinator's clock may be behind the conductor's: the name is used once, so the outcome is this attempt's.
    let mut skewed = state.clone();
    skewed.active[0].admitted = Timestamp(55);
    let decision = decide(&skewed, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings(1, 0, 1));
    assert_eq!(decision.end[0].verdict, Verdict::Measured);
    // What ended long before is of a branch that was removed and made anew, and used the name first.
    skewed.active[0].admitted = Timestamp(651);
    let decide_at =
        |now| decide(&skewed, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(now), &settings(1, 0, 1));
    assert!(decide_at(700).changes_nothing());
    // An admission that is to come, since the clock was set back, is no measure.
    assert_eq!(decide_at(600).end[0].verdict, Verdict::Measured);
}

#[test]
fn a_silent_store_changes_nothing() {
    let (mut state, _) = running();
    state.active[0].deadline_seconds = 1;
    let seen = Seen { store: StoreView::Silent("refused".to_owned()), ..quiet() };
    let decision = decide(&state, &seen, Timestamp(1000), &settings(9, 0, 1));
    assert!(decision.changes_nothing());
    assert!(decision.say[0].contains("refused"), "{:?}", decision.say);
}

#[test]
fn a_silent_cluster_admits_nothing() {
    let (state, name) = running();
    let mut seen = heard(&name, marker(Verdict::Measured, 50));
    seen.cluster = ClusterView::Silent("forbidden".to_owned());
    let decision = decide(&state, &seen, Timestamp(60), &settings(1, 0, 1));
    assert_eq!((decision.end.len(), decision.admit.len()), (1, 0));
    assert!(decision.say[0].contains("forbidden"));
}

#[test]
fn places_stay_taken_while_an_attempt_drains() {
    let (mut state, name) = running();
    let settings = settings(1, 10, 1);
    let decision = decide(&state, &heard(&name, marker(Verdict::Measured, 50)), Timestamp(60), &settings);
    assert!(decision.admit.is_empty() && decision.say[0].contains(&name), "{decision:?}");
    apply(&mut state, &decision, 60);
    assert!(decide(&state, &quiet(), Timestamp(69), &settings).admit.is_empty());
    assert_eq!(decide(&state, &quiet(), Timestamp(70), &settings).admit.len(), 1);
    // A namespace that is still there takes a place however long ago that was.
    assert!(decide(&state, &cluster(&[&name], &[]), Timestamp(900), &settings).admit.is_empty());
    assert_eq!(decide(&state, &cluster(&["kube-system"], &[]), Timestamp(900), &settings).admit.len(), 1);
    // So does the one of an attempt that was taken out of the branch by hand, but not an overlay tried by hand.
    let strange = AttemptName::new("demo", &state.cells[0].id, "eeeeee", 1, 1).to_string();
    assert!(decide(&state, &cluster(&[&strange], &[]), Timestamp(900), &settings).admit.is_empty());
    let by_hand = AttemptName::new("demo", &state.cells[0].id, "eeeeee", 0, 0).to_string();
    assert_eq!(decide(&state, &cluster(&[&by_hand], &[]), Timestamp(900), &settings).admit.len(), 1);
}

#[test]
fn a_changed_cell_is_superseded() {
    for change in [
        |state: &mut State| drop(state.cells.remove(0)),
        |state: &mut State| state.cells[0].digest = "e".repeat(64),
        |state: &mut State| state.cells[0].trials = 0,
    ] {
        let (mut state, name) = running();
        change(&mut state);
        let decision = decide(&state, &quiet(), Timestamp(5), &settings(2, 0, 1));
        let end = &decision.end[0];
        assert_eq!(
            (end.attempt.attempt.as_str(), end.verdict, end.by),
            (name.as_str(), Verdict::Superseded, By::Campaign)
        );
        // It is no failure, and the new experiment begins.
        apply(&mut state, &decision, 5);
        assert!(state.active.iter().all(|attempt| attempt.number == 1 && attempt.attempt != name));
    }
}

#[test]
fn a_coordinator_that_ended_unheard_has_failed() {
    let (state, name) = running();
    let attempt = &state.active[0];
    let at = |outcome: Option<Outcome>, troubles: &[&str], now| {
        let finished = Finished { at: Some(Timestamp(100)), outcome };
        let seen = cluster(&[&name], &[(&name, pods(Some(finished), troubles))]);
        let decision = decide(&state, &seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by, end.records))
    };
    let measured = || Some(outcome(attempt, Verdict::Measured, Reason::Ok, 100_000));
    assert_eq!(at(measured(), &[], 189), None);
    assert!(matches!(at(measured(), &[], 190), Some((Reason::NoRecord, _, By::Pods, 0))));
    let gate = || Some(outcome(attempt, Verdict::Failed, Reason::Gate, 100_000));
    assert_eq!(at(gate(), &[], 189), None);
    assert_eq!(at(gate(), &[], 190), Some((Reason::Gate, "because".to_owned(), By::Pods, 0)));
    let store = Some(outcome(attempt, Verdict::Failed, Reason::Store, 100_000));
    assert_eq!(at(store, &[], 101), Some((Reason::Store, "because".to_owned(), By::Pods, 0)));
    let killed = "pod coordinator: container coordinator: OOMKilled (exit code 137)";
    assert_eq!(at(None, &[killed], 190), Some((Reason::NoRecord, killed.to_owned(), By::Pods, 0)));
    assert!(matches!(at(None, &[], 190), Some((Reason::NoRecord, _, By::Pods, 0))));
}

#[test]
fn what_is_overdue_has_failed_and_the_pods_say_why() {
    let (state, name) = running();
    let late = i64::try_from(DEADLINE).unwrap() + 1;
    let at = |seen: &Seen, now| {
        let decision = decide(&state, seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by))
    };
    assert_eq!(at(&quiet(), late - 1), None);
    assert!(matches!(at(&quiet(), late), Some((Reason::Deadline, _, By::Deadline))));
    let trouble = "pod codex-nodes-0: container storage: ImagePullBackOff: no such image";
    let seen = cluster(&[&name], &[(&name, pods(None, &[trouble]))]);
    assert_eq!(at(&seen, late), Some((Reason::NotReady, trouble.to_owned(), By::Pods)));
    assert!(
        matches!(at(&cluster(&[], &[]), late), Some((Reason::NotReady, why, By::Deadline)) if why.contains("namespace"))
    );
    let empty = cluster(&[&name], &[(&name, Pods::default())]);
    assert!(matches!(at(&empty, late), Some((Reason::NotReady, why, By::Deadline)) if why.contains("pod")));
    let busy = cluster(&[&name], &[(&name, pods(None, &[]))]);
    assert!(matches!(at(&busy, late), Some((Reason::Deadline, _, By::Deadline))));
    // An outcome may still be on its way when the deadline passes.
    let finished = Finished { at: Some(Timestamp(late - 5)), outcome: None };
    assert_eq!(at(&cluster(&[&name], &[(&name, pods(Some(finished), &[]))]), late), None);
}

#[test]
fn a_coordinator_that_never_started_is_not_waited_for() {
    let (state, name) = running();
    let ready = i64::try_from(READY).unwrap();
    let at = |seen: &Seen, now| {
        let decision = decide(&state, seen, Timestamp(now), &settings(1, 0, 1));
        decision.end.first().map(|end| (end.reason, end.detail.clone(), end.by))
    };
    let trouble = "pod coordinator: container coordinator: ImagePullBackOff: no such image";
    let mute = Pods { started: false, since: Some(Timestamp(100)), ..pods(None, &[trouble]) };
    let seen = cluster(&[&name], &[(&name, mute)]);
    assert_eq!(at(&seen, 100 + ready), None, "its time counts from its pods");
    assert_eq!(at(&seen, 101 + ready), Some((Reason::NotReady, trouble.to_owned(), By::Pods)));
    // One that runs says itself what is the matter, and has until the deadline.
    assert_eq!(at(&cluster(&[&name], &[(&name, pods(None, &[trouble]))]), ready + 1), None);
    // What can't be seen, or is not deployed yet, is given the whole time as well.
    assert_eq!(at(&quiet(), ready + 1), None);
    assert_eq!(at(&cluster(&[], &[]), ready + 1), None);
}

#[test]
fn retries_come_last_and_are_counted() {
    let (mut state, name) = running();
    let one = settings(1, 0, 1);
    let decision = decide(&state, &heard(&name, marker(Verdict::Failed, 5)), Timestamp(5), &one);
    apply(&mut state, &decision, 5);
    assert_eq!((state.active[0].slug.as_str(), state.active[0].number), ("cell-1", 1));
    let next = state.active[0].attempt.clone();
    let decision = decide(&state, &heard(&next, marker(Verdict::Measured, 9)), Timestamp(9), &one);
    apply(&mut state, &decision, 9);
    let retry = state.active[0].clone();
    assert_eq!((retry.slug.as_str(), retry.number), ("cell-0", 2));
    assert!(retry.attempt.ends_with("-t1a2"));
    let decision = decide(&state, &heard(&retry.attempt, marker(Verdict::Failed, 12)), Timestamp(12), &one);
    apply(&mut state, &decision, 12);
    assert!(state.active.is_empty(), "given up after retries + 1");
    let status = status(&state, &one);
    let demo = &status.scenarios["demo"];
    assert_eq!((demo.done, demo.running, demo.failed, demo.given_up, demo.waiting), (1, 0, 0, 1, 0));
    assert_eq!((demo.failed_attempts, status.to_go), (2, None));
}

#[test]
fn what_is_kept_of_an_attempt_is_as_its_schema_says() {
    let validator = jsonschema::draft7::new(&benchgrid::cli::schema::schema("done").unwrap()).unwrap();
    for (by, records) in [(By::Store, 3), (By::Campaign, 0)] {
        let done = serde_json::to_value(ended(&state(1, 1), 1, 100, by, records)).unwrap();
        assert!(validator.is_valid(&done), "{done}");
    }
}

#[test]
fn two_attempts_without_a_trace_stop_it() {
    let settings = settings(1, 0, 1);
    let mut state = state(1, 9);
    state.done = vec![ended(&state, 1, 10, By::Pods, 0), ended(&state, 2, 20, By::Deadline, 0)];
    let decision = decide(&state, &quiet(), Timestamp(100), &settings);
    assert!(decision.admit.is_empty() && decision.say[0].contains("t2a1"), "{decision:?}");
    let goes_on = |change: &dyn Fn(&mut State)| {
        let mut state = state.clone();
        change(&mut state);
        !decide(&state, &quiet(), Timestamp(100), &settings).admit.is_empty()
    };
    assert!(!goes_on(&|_| {}));
    assert!(goes_on(&|state| "lab-2".clone_into(&mut state.lab)), "another lab.json");
    assert!(goes_on(&|state| state.cells[0].digest = "e".repeat(64)), "another experiment");
    assert!(goes_on(&|state| state.done.push(ended(state, 3, 30, By::Store, 2))), "one measured later");
    assert!(goes_on(&|state| state.done.push(ended(state, 3, 30, By::Store, 0))), "one that could say why it failed");
    assert!(!goes_on(&|state| state.done.push(ended(state, 3, 5, By::Store, 2))), "one measured before");
    assert!(goes_on(&|state| drop(state.done.pop())), "one file removed by hand");
    let superseded = |state: &mut State| {
        let mut done = ended(state, 3, 30, By::Campaign, 0);
        done.outcome = Verdict::Superseded;
        state.done.push(done);
    };
    assert!(!goes_on(&superseded), "a superseded attempt says nothing about the store");
}
