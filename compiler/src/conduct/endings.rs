use std::collections::BTreeMap;

use benchgrid_measures::{Outcome, Reason, Timestamp, Verdict};

use super::{Attempt, By, ClusterView, Ending, Finished, Marker, Pods, State, clock::within, index::Index};

/// Seconds in which an outcome may take its way into the store after its coordinator ended.
const GRACE: u64 = 90;

/// Seconds by which the conductor's clock and a coordinator's may differ.
pub(super) const CLOCKS_APART: i64 = 600;

/// How an attempt ended, if it did. The branch's word comes first where somebody changed the attempt's folder, since
/// nobody knows what it measured; then the store's, the campaign's, the pods', the clock's.
pub(super) fn ending(
    attempt: &Attempt,
    (state, index): (&State, &Index<'_>),
    markers: &BTreeMap<String, Marker>,
    cluster: &ClusterView,
    now: Timestamp,
) -> Option<Ending> {
    let end = |verdict, reason, detail: String, records, by| Ending {
        attempt: attempt.clone(),
        verdict,
        reason,
        detail: detail.chars().take(Outcome::DETAIL_LENGTH).collect(),
        records,
        by,
        held: false,
    };
    let superseded = |why: &str| Some(end(Verdict::Superseded, Reason::Superseded, why.to_owned(), 0, By::Campaign));
    if let Some(difference) = state.edited.get(&attempt.attempt) {
        return superseded(&format!("its folder was changed by hand: {difference}"));
    }
    let marker = markers.get(&attempt.attempt).filter(|marker| is_of(marker, attempt, now));
    if let Some(Marker { verdict, reason, detail, records, .. }) = marker {
        return Some(end(*verdict, *reason, detail.clone(), *records, By::Store));
    }
    if let Err(why) = index.wants(attempt.trial()) {
        return superseded(why);
    }
    let view = look(attempt, cluster);
    let late = |grace| !within(now, attempt.admitted, attempt.deadline_seconds.saturating_add(grace + 1));
    if let View::Pods(Pods { finished: Some(finished), troubles, .. }) = view {
        let (reason, detail) = unheard(finished, troubles, now, late(GRACE))?;
        return Some(end(Verdict::Failed, reason, detail, 0, By::Pods));
    }
    // A coordinator that runs says itself what keeps the nodes; one that never started can't. Its time counts from its
    // pods, not from the admission: how long Argo CD takes to make them is not the system's fault. That is the
    // cluster's clock: one that is ahead of ours makes us wait for the deadline at worst.
    let past = |since: Timestamp, seconds| now.0 > since.0.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
    let mute = match &view {
        View::Pods(Pods { started: false, since: Some(since), .. }) => past(*since, attempt.ready_seconds),
        _ => false,
    };
    if !mute && !late(0) {
        return None;
    }
    if !mute && attempt.admitted > now {
        let detail = format!("admitted at {}, which is to come: the clock was set back", attempt.admitted);
        return Some(end(Verdict::Failed, Reason::Deadline, detail, 0, By::Deadline));
    }
    let (reason, detail, by) = overdue(&view, if mute { attempt.ready_seconds } else { attempt.deadline_seconds });
    Some(end(Verdict::Failed, reason, detail, 0, by))
}

/// Whether an outcome is this attempt's. Names are used once in a branch's life, but a branch that was removed and made
/// anew begins with them again, while the store remembers: what ended clearly before the admission is another's.
fn is_of(marker: &Marker, attempt: &Attempt, now: Timestamp) -> bool {
    let since = attempt.admitted.min(now);
    marker.ended.0 >= since.0.saturating_sub(CLOCKS_APART)
}

/// What the cluster says about one attempt.
enum View<'a> {
    Unknown,
    NoNamespace,
    Pods(&'a Pods),
}

fn look<'a>(attempt: &Attempt, cluster: &'a ClusterView) -> View<'a> {
    match cluster {
        ClusterView::Seen { namespaces, pods } => match pods.get(&attempt.attempt) {
            Some(pods) => View::Pods(pods),
            None if namespaces.contains(&attempt.attempt) => View::Unknown,
            None => View::NoNamespace,
        },
        ClusterView::Unknown | ClusterView::Silent(_) => View::Unknown,
    }
}

/// The coordinator ended and the store has nothing of it: why, once the outcome can't be on its way any more. `late`:
/// by the attempt's own deadline, whatever the machine's clock said when it ended.
fn unheard(finished: &Finished, troubles: &[String], now: Timestamp, late: bool) -> Option<(Reason, String)> {
    let outcome = finished.outcome.as_ref();
    let at = finished.at.or(outcome.map(|outcome| Timestamp(outcome.ended_ms / 1000)));
    let waits = !late && at.is_some_and(|at| at > now || within(now, at, GRACE));
    match outcome {
        Some(Outcome { reason: Reason::Store, detail, .. }) => Some((Reason::Store, detail.clone())),
        _ if waits => None,
        Some(Outcome { verdict: Verdict::Failed, reason, detail, .. }) => Some((*reason, detail.clone())),
        Some(outcome) => {
            Some((Reason::NoRecord, format!("the coordinator made {} records, the store has none", outcome.records)))
        }
        None if troubles.is_empty() => Some((Reason::NoRecord, "the coordinator ended without a word".to_owned())),
        None => Some((Reason::NoRecord, troubles.join("; "))),
    }
}

fn overdue(view: &View<'_>, seconds: u64) -> (Reason, String, By) {
    match view {
        View::Pods(pods) if !pods.troubles.is_empty() => (Reason::NotReady, pods.troubles.join("; "), By::Pods),
        View::Pods(pods) if pods.count == 0 => {
            (Reason::NotReady, format!("no pod in its namespace within {seconds} s"), By::Deadline)
        }
        View::Pods(_) => (Reason::Deadline, format!("still running after {seconds} s"), By::Deadline),
        View::NoNamespace => {
            (Reason::NotReady, format!("no namespace within {seconds} s: nothing deploys it"), By::Deadline)
        }
        View::Unknown => {
            (Reason::Deadline, format!("nothing in the store after {seconds} s, the cluster is not seen"), By::Deadline)
        }
    }
}
