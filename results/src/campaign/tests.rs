//! Which attempts count, and what belongs to which deployment.

use std::collections::BTreeMap;

use benchgrid_measures::{CURVE_METRIC, OUTCOME_METRIC, Sample};

use super::{Campaign, LeftOut};

type Of<'a> = [(&'a str, &'a str)];

fn sample(name: &str, points: &[(f64, i64)], labels: &Of<'_>) -> Sample {
    let labels = labels.iter().copied().chain([("__name__", name)]);
    Sample {
        metric: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        values: points.iter().map(|(value, _)| *value).collect(),
        timestamps: points.iter().map(|(_, time)| *time).collect(),
    }
}

/// The marker of an attempt at a trial of a cell.
fn ending(attempt: &str, trial: &str, digest: &str, outcome: &str, (records, ended_ms): (f64, i64)) -> Sample {
    let labels = [("attempt", attempt), ("cell", "c"), ("trial", trial), ("digest", digest), ("outcome", outcome)];
    sample(OUTCOME_METRIC, &[(records, ended_ms)], &labels)
}

fn record(attempt: &str, node: &str, ended_ms: i64) -> Sample {
    sample("benchgrid_success", &[(1.0, ended_ms)], &[("attempt", attempt), ("node", node)])
}

fn left_out(samples: Vec<Sample>, asked: &[(&str, &str)]) -> Vec<(String, Option<LeftOut>)> {
    let campaign = Campaign::from_samples(samples);
    let asked: BTreeMap<_, _> = asked.iter().copied().collect();
    campaign.standings(&asked).into_iter().map(|(attempt, why)| (attempt.to_owned(), why)).collect()
}

fn some(list: &[(&str, Option<LeftOut>)]) -> Vec<(String, Option<LeftOut>)> {
    list.iter().map(|(attempt, why)| ((*attempt).to_owned(), why.clone())).collect()
}

#[test]
fn only_whole_measured_attempts_that_were_admitted_count() {
    let samples = vec![
        ending("counts", "1", "d", "measured", (1.0, 10)),
        record("counts", "n", 9),
        ending("short", "2", "d", "measured", (2.0, 10)),
        record("short", "n", 9),
        ending("failed", "3", "d", "failed", (0.0, 10)),
        ending("unwanted", "4", "d", "superseded", (0.0, 10)),
        ending("by hand", "0", "d", "measured", (1.0, 99)),
        record("by hand", "n", 9),
        record("runs", "n", 9),
    ];
    let nothing = String::new;
    assert_eq!(
        left_out(samples, &[]),
        some(&[
            ("by hand", Some(LeftOut::ByHand)),
            ("counts", None),
            ("failed", Some(LeftOut::Failed { detail: nothing() })),
            ("runs", Some(LeftOut::Unfinished { there: 1 })),
            ("short", Some(LeftOut::RecordsMissing { there: 1, made: 2 })),
            ("unwanted", Some(LeftOut::Superseded { detail: nothing() })),
        ])
    );
}

#[test]
fn a_trial_measured_again_counts_once() {
    for times in [[10, 20], [20, 10]] {
        let attempt = |(name, time)| [ending(name, "1", "d", "measured", (1.0, time)), record(name, "n", time)];
        let samples: Vec<_> = ["t1a1", "t1a2"].into_iter().zip(times).flat_map(attempt).collect();
        let again = Some(LeftOut::MeasuredAgain);
        let [first, second] = if times[0] < times[1] { [again, None] } else { [None, again] };
        assert_eq!(left_out(samples, &[]), some(&[("t1a1", first), ("t1a2", second)]));
    }
}

#[test]
fn two_experiments_of_a_cell_are_never_mixed() {
    let samples = || {
        let mut samples = Vec::new();
        for (attempt, trial, digest, time) in [("a", "1", "old", 10), ("b", "2", "old", 11), ("c", "1", "new", 20)] {
            samples.extend([ending(attempt, trial, digest, "measured", (1.0, time)), record(attempt, "n", time)]);
        }
        samples
    };
    let other = Some(LeftOut::OtherExperiment);
    let wanted = |[a, b, c]: [&Option<LeftOut>; 3]| some(&[("a", a.clone()), ("b", b.clone()), ("c", c.clone())]);
    assert_eq!(left_out(samples(), &[]), wanted([&other, &other, &None]));
    assert_eq!(left_out(samples(), &[("c", "old")]), wanted([&None, &None, &other]));
    // What was tried last and failed is what the cell is now: there is no number of it yet.
    let mut failed = samples();
    failed.push(ending("d", "1", "newer", "failed", (0.0, 30)));
    let all = left_out(failed, &[]);
    assert!(all[..3].iter().all(|(_, why)| *why == other), "{all:?}");
}

#[test]
fn a_name_used_again_is_another_deployment() {
    let marker = |records, time| ending("a", "1", "d", "measured", (records, time));
    let samples = vec![
        marker(2.0, 10),
        record("a", "n-0", 9),
        record("a", "n-1", 9),
        marker(1.0, 20),
        // A retried push.
        marker(1.0, 20),
        record("a", "n-0", 19),
    ];
    let campaign = Campaign::from_samples(samples);
    let ids: Vec<_> = campaign.transfers.iter().map(|transfer| (transfer.label("node"), transfer.ended_ms)).collect();
    assert_eq!(ids, [("n-0", 19)]);
    assert_eq!(campaign.endings["a"].ended_ms, 20);
    assert_eq!(campaign.standings(&BTreeMap::new())["a"], None);
}

#[test]
fn a_record_has_numbers_of_one_instant() {
    let of = [("attempt", "a"), ("node", "n")];
    let failed = [("attempt", "a"), ("node", "n"), ("failure", "stalled")];
    // The first time it arrived; the second time, which has another label, it did not.
    let mut samples = vec![
        sample("benchgrid_time_to_100_seconds", &[(3.0, 1000)], &of),
        sample("benchgrid_success", &[(1.0, 1000)], &of),
        sample("benchgrid_success", &[(0.0, 2000)], &failed),
        sample(CURVE_METRIC, &[(0.0, 900), (8.0, 1000), (0.0, 1900), (5.0, 2000)], &of),
        sample(CURVE_METRIC, &[(5.0, 2000), (3.0, 1900)], &of),
        sample("another_metric", &[(1.0, 1000)], &of),
    ];
    for _ in 0..samples.len() {
        samples.rotate_left(1);
        let campaign = Campaign::from_samples(samples.clone());
        let [transfer] = &campaign.transfers[..] else { panic!("{:?}", campaign.transfers) };
        assert_eq!(transfer.values, BTreeMap::from([("benchgrid_success", 0.0)]));
        assert_eq!((transfer.label("failure"), transfer.ended_ms), ("stalled", 2000));
        let curve: Vec<_> = transfer.curve.iter().map(|point| (point.seconds, point.bytes)).collect();
        assert_eq!(curve, [(0.0, 3), (0.1, 5)]);
    }
}

#[test]
fn reasons_are_told_in_words() {
    let words = |why: LeftOut| why.to_string();
    assert_eq!(words(LeftOut::RecordsMissing { there: 1, made: 3 }), "2 of 3 records are not in the store");
    assert_eq!(words(LeftOut::Unfinished { there: 2 }), "2 records and no outcome: it still runs, or was killed");
    assert_eq!(words(LeftOut::Failed { detail: "no disk".to_owned() }), "no disk");
}
