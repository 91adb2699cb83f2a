use std::collections::BTreeSet;

use benchgrid_measures::{Timestamp, Verdict};

use super::admissions::{Admissions, Admitted, is_ours};
use super::endings::ending;
use super::held::hold;
use super::index::Index;
use super::{Attempt, By, ClusterView, Decision, Done, Over, Seen, Settings, State, StoreView};

/// What is to change on the branch now.
///
/// Nothing, while the store is silent. Otherwise attempts that ended leave, and waiting trials take the free places;
/// none do while the branch says `paused`, while the cluster can't be asked although it should, or after two attempts
/// in a row left nothing in the store.
pub fn decide(state: &State, seen: &Seen, now: Timestamp, settings: &Settings) -> Decision {
    let index = Index::of(state);
    let behind = is_behind((state, &index), &seen.cluster);
    let mut decision = Decision { behind, say: state.problems.clone(), ..Decision::default() };
    let markers = match &seen.store {
        StoreView::Heard(markers) => markers,
        StoreView::Silent(why) => {
            decision.silent = true;
            decision.say.push(format!("the store is silent, so nothing changes: {why}"));
            return decision;
        }
    };
    let held = state.held();
    let running = state.running(&held).into_iter();
    let endings = running.filter_map(|attempt| ending(attempt, (state, &index), markers, &seen.cluster, now));
    decision.end = endings.collect();
    let release = hold(&held, &mut decision.end, &index, settings, now);
    decision.release = release.iter().map(|attempt| (*attempt).clone()).collect();

    let ends: Vec<Done> = decision.end.iter().map(|ending| ending.done(now, &state.lab)).collect();
    let done: Vec<&Done> = state.done.iter().chain(&ends).collect();
    let places = stay_or_leave(state, &decision);
    let admissions = Admissions::new((state, &index), settings, &seen.cluster, (places.0, &places.1), &done, now);
    let (admit, keeps) = admissible(state, seen, &admissions, &index, &done, now);
    let over = admissions.over().filter(|_| !matches!(seen.cluster, ClusterView::Silent(_)));
    decision.over = over.map(|(measured, given_up)| Over { measured, given_up });
    decision.admit = admit;
    decision.say.extend(keeps);
    decision
}

/// Whether the cluster shows other attempts than the branch.
fn is_behind((state, index): (&State, &Index<'_>), cluster: &ClusterView) -> bool {
    let ClusterView::Seen { namespaces, .. } = cluster else { return false };
    let active: BTreeSet<&str> = state.active.iter().map(|attempt| attempt.attempt.as_str()).collect();
    let left = |name: &String| !active.contains(name.as_str()) && is_ours(name, (state, index));
    active.iter().any(|name| !namespaces.contains(*name)) || namespaces.iter().any(left)
}

/// Attempts that are deployed after this decision, and those that were before it and leave.
fn stay_or_leave<'a>(state: &'a State, decision: &Decision) -> (Vec<&'a Attempt>, Vec<&'a Attempt>) {
    let ends = decision.end.iter().filter(|end| !end.held).map(|end| &end.attempt);
    let leaving: BTreeSet<&str> = ends.chain(&decision.release).map(|attempt| attempt.attempt.as_str()).collect();
    state.active.iter().partition(|attempt| !leaving.contains(attempt.attempt.as_str()))
}

/// What is admitted, and what keeps more from it.
fn admissible(
    state: &State,
    seen: &Seen,
    admissions: &Admissions<'_>,
    index: &Index<'_>,
    done: &[&Done],
    now: Timestamp,
) -> (Vec<super::Admission>, Vec<String>) {
    if let ClusterView::Silent(why) = &seen.cluster {
        return (Vec::new(), vec![format!("the cluster is silent, so nothing is admitted: {why}")]);
    }
    if let Some(why) = &state.paused {
        return (Vec::new(), vec![format!("paused, so nothing is admitted: {why}")]);
    }
    let mut say = Vec::new();
    let Admitted { admit, too_large } = admissions.next();
    if let [first, others @ ..] = &too_large[..] {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more trials", others.len()) };
        say.push(format!("{first}{more} can't be admitted: it needs more than the lab's pools have"));
    }
    let lingering: Vec<&str> = admissions.lingering().collect();
    if !lingering.is_empty() && admit.is_empty() {
        say.push(format!("waiting for the places of {}", lingering.join(", ")));
    }
    match traceless(state, index, done, now) {
        Some(why) if !admit.is_empty() => (Vec::new(), [say, vec![why]].concat()),
        _ => (admit, say),
    }
}

/// Why nothing is admitted, when the last two attempts left nothing in the store.
///
/// Looked at are attempts of the present campaign that ended under the present lab.json, superseded ones apart, by the
/// time of their end. So a change of the lab, a compile that changes the experiment, an attempt with an outcome in the
/// store, or `git rm` of one of the two files lets it go on. An attempt whose nodes never came up but whose
/// coordinator could say so has its outcome in the store and does not count. One whose end is to come, since the clock
/// was set back, says nothing about the last two.
pub(super) fn traceless(state: &State, index: &Index<'_>, done: &[&Done], now: Timestamp) -> Option<String> {
    let counts = |done: &&Done| {
        done.ended <= now
            && done.outcome != Verdict::Superseded
            && done.lab == state.lab
            && index.wants(done.trial()).is_ok()
    };
    let mut recent: Vec<&Done> = done.iter().copied().filter(counts).collect();
    recent.sort_unstable_by(|a, b| (b.ended, &b.attempt).cmp(&(a.ended, &a.attempt)));
    let [last, before, ..] = recent[..] else { return None };
    let without = |done: &Done| done.records == 0 && done.by != By::Store;
    (without(last) && without(before)).then(|| {
        format!(
            "nothing is admitted: the last two attempts left nothing in the store, {} ({}: {}) and {} ({}: {}); \
             mend that and change the lab, or `git rm` one of their files in done/",
            before.attempt, before.reason, before.detail, last.attempt, last.reason, last.detail
        )
    })
}
