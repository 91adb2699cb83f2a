use std::collections::BTreeSet;

use benchgrid_measures::{Timestamp, Verdict};

use super::admissions::Admissions;
use super::endings::ending;
use super::{By, ClusterView, Decision, Done, Seen, Settings, State, StoreView};

/// What is to change on the branch now.
///
/// Nothing, while the store is silent. Otherwise attempts that ended leave, and waiting trials take the free places;
/// none do while the cluster can't be asked although it should, or after two attempts in a row left nothing in the
/// store.
pub fn decide(state: &State, seen: &Seen, now: Timestamp, settings: &Settings) -> Decision {
    let mut decision = Decision::default();
    let markers = match &seen.store {
        StoreView::Heard(markers) => markers,
        StoreView::Silent(why) => {
            decision.say.push(format!("the store is silent, so nothing changes: {why}"));
            return decision;
        }
    };
    let endings = state.active.iter().filter_map(|attempt| ending(attempt, state, markers, &seen.cluster, now));
    decision.end = endings.collect();
    let ended: BTreeSet<&str> = decision.end.iter().map(|ending| ending.attempt.attempt.as_str()).collect();
    let active: Vec<_> = state.active.iter().filter(|a| !ended.contains(a.attempt.as_str())).collect();
    let mut done = state.done.clone();
    done.extend(decision.end.iter().map(|ending| ending.done(now, &state.lab)));

    if let ClusterView::Silent(why) = &seen.cluster {
        decision.say.push(format!("the cluster is silent, so nothing is admitted: {why}"));
        return decision;
    }
    let admissions = Admissions::new(state, settings, &seen.cluster, active, &done, now);
    let admit = admissions.next();
    let lingering: Vec<&str> = admissions.lingering().collect();
    if !lingering.is_empty() && admit.is_empty() {
        decision.say.push(format!("waiting for the places of {}", lingering.join(", ")));
    }
    match traceless(state, &done) {
        Some(why) if !admit.is_empty() => decision.say.push(why),
        _ => decision.admit = admit,
    }
    decision
}

/// Why nothing is admitted, when the last two attempts left nothing in the store.
///
/// Looked at are attempts of the present campaign that ended under the present lab.json, superseded ones apart, by the
/// time of their end. So a change of the lab, a compile that changes the experiment, an attempt with an outcome in the
/// store, or `git rm` of one of the two files lets it go on. An attempt whose nodes never came up but whose
/// coordinator could say so has its outcome in the store and does not count.
pub(super) fn traceless(state: &State, done: &[Done]) -> Option<String> {
    let counts = |done: &&Done| {
        done.outcome != Verdict::Superseded && done.lab == state.lab && state.wants(done.trial()).is_ok()
    };
    let mut recent: Vec<&Done> = done.iter().filter(counts).collect();
    recent.sort_by(|a, b| (b.ended, &b.attempt).cmp(&(a.ended, &a.attempt)));
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
