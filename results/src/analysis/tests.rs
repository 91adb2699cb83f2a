use std::collections::BTreeMap;

use benchgrid_measures::{OUTCOME_METRIC, Sample};

use super::*;

/// One trial of one cell: the seconds of each repetition's only leecher; none: it failed.
struct Measured<'a> {
    cell: &'a str,
    system: &'a str,
    size: &'a str,
    trial: u32,
    seconds: &'a [Option<f64>],
}

fn sample(name: &str, value: f64, ended_ms: i64, labels: &[(&str, String)]) -> Sample {
    let mut metric: BTreeMap<String, String> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    metric.insert("__name__".to_owned(), name.to_owned());
    Sample { metric, values: vec![value], timestamps: vec![ended_ms] }
}

fn identity(cell: &str, trial: u32) -> Vec<(&'static str, String)> {
    vec![
        ("lab", "l".to_owned()),
        ("scenario", "s".to_owned()),
        ("cell", cell.to_owned()),
        ("digest", "d".to_owned()),
        ("trial", trial.to_string()),
        ("attempt", format!("{cell}-t{trial}")),
    ]
}

fn ending(cell: &str, trial: u32, outcome: &str, reason: &str, records: f64) -> Sample {
    let mut labels = identity(cell, trial);
    let of = |word: &str| word.to_owned();
    labels.extend([("outcome", of(outcome)), ("reason", of(reason)), ("detail", of("what happened"))]);
    sample(OUTCOME_METRIC, records, i64::from(trial) * 600_000 + 60_000, &labels)
}

fn samples(measured: &Measured<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (number, seconds) in (1..).zip(measured.seconds) {
        let mut labels = identity(measured.cell, measured.trial);
        let of = |word: &str| word.to_owned();
        labels.extend([
            ("system", of(measured.system)),
            ("axis_system", of(measured.system)),
            ("axis_fileSize", of(measured.size)),
            ("repetition", format!("{number}")),
            ("node", of("n-0")),
            ("group", of("nodes")),
            ("kind", of("download")),
            ("phase", of("measured")),
            ("observe", of("counter")),
            ("driver", of("http")),
            ("version", of("1")),
        ]);
        let at = i64::from(measured.trial) * 600_000;
        samples.push(sample("benchgrid_success", f64::from(u8::from(seconds.is_some())), at, &labels));
        samples.push(sample("benchgrid_network_received_bytes", 2e6, at, &labels));
        samples.push(sample("benchgrid_content_bytes", 1e6, at, &labels));
        if let Some(seconds) = seconds {
            samples.push(sample("benchgrid_time_to_100_seconds", *seconds, at, &labels));
            samples.push(sample("benchgrid_download_bytes_per_second", 1e6 / seconds, at, &labels));
        }
    }
    samples.push(ending(
        measured.cell,
        measured.trial,
        "measured",
        "ok",
        f64::from(u32::try_from(measured.seconds.len()).unwrap()),
    ));
    samples
}

/// Two systems and two sizes: cells `a1` and `b1` of 1MB, `a2` and `b2` of 2MB; `a` against `b`.
fn question(claims: &[Claim]) -> Question {
    let cell = |id: &str, system: &str, size: &str| PlannedCell {
        id: id.to_owned(),
        slug: format!("{system}-{size}"),
        digest: "d".to_owned(),
        levels: BTreeMap::from([("system".to_owned(), system.to_owned()), ("fileSize".to_owned(), size.to_owned())]),
        trials: 5,
        repetitions: 2,
        systems: BTreeMap::from([(system.to_owned(), vec!["counter".to_owned()])]),
    };
    let axis =
        |name: &str, levels: [&str; 2]| Axis { name: name.to_owned(), levels: levels.map(str::to_owned).to_vec() };
    Question {
        lab: "l".to_owned(),
        scenario: "s".to_owned(),
        axes: vec![axis("system", ["a", "b"]), axis("fileSize", ["1MB", "2MB"])],
        cells: vec![cell("a1", "a", "1MB"), cell("b1", "b", "1MB"), cell("a2", "a", "2MB"), cell("b2", "b", "2MB")],
        compare: (!claims.is_empty()).then(|| Compare {
            axis: "system".to_owned(),
            baseline: "b".to_owned(),
            claims: claims.to_vec(),
        }),
        planned: true,
        ..Question::default()
    }
}

const WHOLE: Claim = Claim { metric: Metric::TimeTo100, margin: 1.2 };
/// Five trials around 1 s, none like another.
const STEADY: [f64; 5] = [0.98, 0.99, 1.0, 1.01, 1.02];
const WILD: [f64; 5] = [0.5, 0.7, 1.0, 1.4, 2.0];

/// A cell of trials around some seconds.
fn cell(id: &str, around: f64, spread: &[f64]) -> Vec<Sample> {
    let (system, size) = (&id[..1], if id.ends_with('1') { "1MB" } else { "2MB" });
    let trial = |(trial, factor): (u32, &f64)| {
        let seconds = [Some(around * factor), Some(around * factor)];
        samples(&Measured { cell: id, system, size, trial, seconds: &seconds })
    };
    (1..).zip(spread).flat_map(trial).collect()
}

fn analysis(cells: &[Vec<Sample>], claims: &[Claim]) -> Analysis {
    Analysis::new(&Campaign::from_samples(cells.concat()), question(claims))
}

fn all(a1: f64, a2: f64) -> Vec<Vec<Sample>> {
    [("a1", a1), ("b1", 1.0), ("a2", a2), ("b2", 1.0)].map(|(id, around)| cell(id, around, &STEADY)).to_vec()
}

fn said(analysis: &Analysis) -> (AnswerForm, &str) {
    (analysis.answer.form, &analysis.answer.sentence)
}

// --- the answer, in its forms

#[test]
fn held_everywhere_is_clear() {
    let analysis = analysis(&all(0.9, 0.8), &[WHOLE]);
    let held = "Held: a needed at most 1.20 times as long as b to the whole payload, in all 2 cells.";
    assert_eq!(said(&analysis), (AnswerForm::Clear, held));
    let details = &analysis.answer.details;
    assert_eq!(details[0], "Of 2 cells, a was faster in every cell; slower in none, against b.");
    let size =
        "Over the cells (geometric mean) a took 0.85 times b's, from 0.80 (fileSize 2MB) to 0.90 (fileSize 1MB).";
    assert_eq!(details[1], size);
    assert!(details[2].ends_with("95 % interval of its ratio over 5 trials a side."), "{details:?}");
    assert!(details[3].ends_with("wrong at most once in 40."), "{details:?}");
}

#[test]
fn broken_everywhere_is_clear() {
    let analysis = analysis(&all(1.5, 2.0), &[WHOLE]);
    let broken = "Broken: a needed more than 1.20 times as long as b to the whole payload, in every cell of 2.";
    assert_eq!(said(&analysis), (AnswerForm::Clear, broken));
    assert!(analysis.answer.details[0].starts_with("Of 2 cells, a was faster in none; slower in every cell,"));
}

#[test]
fn here_and_not_there_is_mixed() {
    let analysis = analysis(&all(0.9, 2.0), &[WHOLE]);
    let broken = "Broken: a needed more than 1.20 times as long as b to the whole payload in 1 of 2 cells, just where fileSize is 2MB; \
                  not so in 1.";
    assert_eq!(said(&analysis), (AnswerForm::Mixed, broken));
}

#[test]
fn too_much_spread_is_undecided() {
    let mut cells = all(0.9, 0.9);
    cells[2] = cell("a2", 1.1, &WILD);
    let analysis = analysis(&cells, &[WHOLE]);
    let open =
        "Undecided: that a needed at most 1.20 times as long as b to the whole payload holds in 1 of 2 cells; 1 open.";
    assert_eq!(said(&analysis), (AnswerForm::Undecided, open));
    let needed = analysis.comparisons[0].pairs[1].trials_to_decide.unwrap();
    assert!(needed > 5, "{needed}");
    assert!(analysis.answer.details[2].contains(&format!("; about {needed} a side would decide the open ones")));
}

#[test]
fn too_few_trials_are_undecided() {
    let cells = ["a1", "b1", "a2", "b2"].map(|id| cell(id, 1.0, &STEADY[..2]));
    let analysis = analysis(&cells, &[WHOLE]);
    assert_eq!(said(&analysis).0, AnswerForm::Undecided);
    assert!(
        analysis.answer.details.last().unwrap().contains("over 2 trials a side, too few for an interval in some cells")
    );
    assert_eq!(analysis.cells[0].state, CellState::Partial);
    assert!(analysis.threats.contains(&"4 of 4 results: measured in fewer trials than asked for.".to_owned()));
}

#[test]
fn one_side_alone_is_undecided_and_says_so() {
    let analysis = analysis(&[cell("a1", 1.0, &STEADY), cell("a2", 1.0, &STEADY)], &[WHOLE]);
    assert_eq!(said(&analysis), (AnswerForm::Undecided, "Undecided: no cell of 2 has numbers of both a and b."));
    assert_eq!(analysis.comparisons[0].pairs[0].notes, ["b was not measured"]);
    assert!(analysis.threats.iter().any(|threat| threat == "2 pairs were of one side only: they have no ratio."));
}

#[test]
fn a_claim_with_a_missing_cell_does_not_hold() {
    let mut cells = all(0.9, 0.9);
    cells.pop();
    let analysis = analysis(&cells, &[WHOLE]);
    let open = "Undecided: that a needed at most 1.20 times as long as b to the whole payload holds in 1 of 2 cells; 1 without \
                numbers of both sides.";
    assert_eq!(said(&analysis), (AnswerForm::Undecided, open));
}

#[test]
fn attempts_that_all_failed_are_broken() {
    let failed: Vec<Sample> = (1..=3).map(|trial| ending("a1", trial, "failed", "not-ready", 0.0)).collect();
    let analysis = analysis(&[failed], &[WHOLE]);
    assert_eq!(
        said(&analysis),
        (AnswerForm::Broken, "No answer: 3 attempts ended and none counts, so none of 4 cells has a number.")
    );
    assert_eq!(analysis.answer.details, ["The most frequent reason, 3 of 3: not-ready."]);
    assert_eq!((analysis.cells[0].state, analysis.cells[1].state), (CellState::Failed, CellState::Missing));
}

#[test]
fn nothing_measured_is_empty() {
    let analysis = analysis(&[], &[WHOLE]);
    assert_eq!(said(&analysis), (AnswerForm::Empty, "No answer yet: nothing has been measured of 4 cells."));
    assert_eq!(analysis.cells.len(), 4);
}

#[test]
fn nothing_compared_is_plain() {
    let analysis = analysis(&all(0.9, 2.0), &[]);
    let plain = "4 of 4 results measured: a download took from 0.900 s (fileSize 1MB, system a) to 2.000 s (fileSize 2MB, system a).";
    assert_eq!(said(&analysis), (AnswerForm::Plain, plain));
}

#[test]
fn every_claim_has_a_sentence() {
    let claims = Metric::ALL.map(|metric| Claim { metric, margin: 1.2 });
    let analysis = analysis(&all(0.9, 0.9), &claims);
    let of = |metric: Metric| analysis.comparisons.iter().find(|it| it.claim.metric == metric).unwrap();
    assert_eq!(of(Metric::DownloadSpeed).verdict, ClaimVerdict::Held);
    assert_eq!(of(Metric::NetworkBytes).verdict, ClaimVerdict::Held);
    // five whole trials of five can't tell 1.2 from 1
    assert_eq!(of(Metric::Success).verdict, ClaimVerdict::Undecided);
    assert_eq!(of(Metric::UploadTime).verdict, ClaimVerdict::Empty);
    let text = analysis.answer.details.join("\n");
    for words in [
        "had at least 0.83 of b's download speed",
        "received at most 1.20 times the bytes of b's",
        "in which everything arrived",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn levels_that_are_not_systems_are_named_with_their_axis() {
    let mut asked = question(&[WHOLE]);
    asked.compare = Some(Compare { axis: "fileSize".to_owned(), baseline: "1MB".to_owned(), claims: vec![WHOLE] });
    let analysis = Analysis::new(&Campaign::from_samples(all(0.9, 0.9).concat()), asked);
    let held =
        "Held: fileSize 2MB needed at most 1.20 times as long as fileSize 1MB to the whole payload, in all 2 cells.";
    assert_eq!(said(&analysis), (AnswerForm::Clear, held));
}

#[test]
fn of_many_levels_only_the_counts_are_said() {
    let mut asked = question(&[WHOLE]);
    asked.cells.retain(|cell| cell.id.ends_with('1'));
    for system in ["c", "d", "e"] {
        let mut cell = asked.cells[0].clone();
        cell.id = format!("{system}1");
        cell.levels.insert("system".to_owned(), system.to_owned());
        cell.systems = BTreeMap::from([(system.to_owned(), vec!["counter".to_owned()])]);
        asked.cells.push(cell);
        asked.axes[0].levels.push(system.to_owned());
    }
    let cells = [("a1", 1.0), ("b1", 1.0), ("c1", 2.0), ("d1", 1.1)].map(|(id, around)| cell(id, around, &STEADY));
    let analysis = Analysis::new(&Campaign::from_samples(cells.concat()), asked);
    let counts = "That each level needed at most 1.20 times as long as b to the whole payload: held for 2, broken for 1, undecided \
                  for 1 of 4 comparisons.";
    assert_eq!(said(&analysis), (AnswerForm::Mixed, counts));
}

// --- numbers

fn whole(analysis: &Analysis) -> Option<f64> {
    Some(analysis.cells[0].all()?.values.get(&Quantity::Whole)?.median)
}

fn one_cell(trials: &[&[Option<f64>]]) -> Analysis {
    let trials = (1..).zip(trials);
    let trials =
        trials.map(|(trial, seconds)| samples(&Measured { cell: "a1", system: "a", size: "1MB", trial, seconds }));
    analysis(&trials.collect::<Vec<_>>(), &[])
}

#[test]
fn a_trial_is_one_value() {
    // Trial 1: repetitions of 1, 3 and 4; trial 2: 10. Trials 3 and 10: 6.5.
    let one = one_cell(&[&[Some(1.0), Some(3.0), Some(4.0)], &[Some(10.0)]]);
    assert_eq!(whole(&one), Some(6.5));
}

#[test]
fn a_failed_download_counts_as_infinite() {
    assert_eq!(whole(&one_cell(&[&[Some(1.0), None, None]])), Some(f64::INFINITY));
    let one = one_cell(&[&[Some(1.0), Some(2.0), None]]);
    assert_eq!(whole(&one), Some(2.0));
    let success = &one.cells[0].groups[0].success;
    assert_eq!((success.succeeded, success.tried), (2, 3));
}

#[test]
fn a_side_that_mostly_fails_is_inferior() {
    let mut cells = all(1.0, 1.0);
    let failed = |trial| samples(&Measured { cell: "a2", system: "a", size: "2MB", trial, seconds: &[None, None] });
    cells[2] = (1..=5).flat_map(failed).collect();
    let analysis = analysis(&cells, &[WHOLE]);
    let pair = &analysis.comparisons[0].pairs[1];
    assert_eq!((pair.verdict, pair.ratio.unwrap().estimate), (PairVerdict::Inferior, f64::INFINITY));
}

#[test]
fn what_a_reader_saw_is_apart() {
    let mut seen = cell("a1", 1.0, &STEADY);
    for sample in cell("a1", 9.0, &STEADY) {
        let mut sample = sample;
        if sample.metric.contains_key("observe") {
            sample.metric.insert("observe".to_owned(), "stream".to_owned());
            seen.push(sample);
        }
    }
    let mut asked = question(&[WHOLE]);
    asked.cells.truncate(2);
    let both = vec!["counter".to_owned(), "stream".to_owned()];
    asked.cells[0].systems.insert("a".to_owned(), both);
    let mut campaign = Campaign::from_samples(seen.into_iter().chain(cell("b1", 1.0, &STEADY)));
    for ending in campaign.endings.values_mut() {
        ending.records = 2.0;
    }
    let analysis = Analysis::new(&campaign, asked);
    let seen: Vec<_> = analysis
        .cells
        .iter()
        .map(|it| (it.observe.as_str(), it.all().unwrap().values[&Quantity::Whole].median))
        .collect();
    assert_eq!(seen, [("counter", 1.0), ("stream", 9.0), ("counter", 1.0)]);
    let verdicts: Vec<_> = analysis.comparisons.iter().map(|it| (it.observe.as_str(), it.verdict)).collect();
    assert_eq!(verdicts, [("counter", ClaimVerdict::Held), ("stream", ClaimVerdict::Empty)]);
}

#[test]
fn pairs_measured_far_apart_are_said() {
    let mut cells = all(0.9, 0.9);
    for sample in &mut cells[0] {
        sample.timestamps.iter_mut().for_each(|time| *time += 5 * 3_600_000);
    }
    let analysis = analysis(&cells, &[WHOLE]);
    let notes = &analysis.comparisons[0].pairs[0].notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("5 trials of partners were measured up to 5.0 h apart"), "{notes:?}");
    assert!(analysis.comparisons[0].pairs[1].notes.is_empty());
    assert!(analysis.threats.iter().any(|threat| threat.starts_with("1 pair was measured too far apart")));
}

#[test]
fn attempts_of_a_cell_that_is_gone_are_said() {
    let mut asked = question(&[WHOLE]);
    asked.cells.retain(|cell| cell.id != "a2");
    let analysis = Analysis::new(&Campaign::from_samples(all(0.9, 0.9).concat()), asked);
    let gone: Vec<_> = analysis.attempts.iter().filter(|attempt| !attempt.counts).collect();
    assert_eq!(gone.len(), 5);
    assert!(gone.iter().all(|attempt| attempt.why == "the scenario has no such cell any more"));
}

#[test]
fn an_experiment_that_is_not_asked_for_does_not_count() {
    let mut asked = question(&[WHOLE]);
    asked.cells[0].digest = "other".to_owned();
    let analysis = Analysis::new(&Campaign::from_samples(all(0.9, 0.9).concat()), asked);
    assert_eq!(analysis.cells[0].state, CellState::Failed);
    assert_eq!(analysis.attempts[0].why, "its cell is another experiment now");
}

#[test]
fn results_alone_give_a_question() {
    let campaign = Campaign::from_samples(all(0.9, 0.9).concat());
    let found = Question::found(&campaign);
    assert_eq!(found.len(), 1);
    let levels: Vec<_> = found[0].axes.iter().map(|axis| (axis.name.as_str(), axis.levels.join(" "))).collect();
    assert_eq!(levels, [("fileSize", "1MB 2MB".to_owned()), ("system", "a b".to_owned())]);
    let analysis = Analysis::new(&campaign, found[0].clone());
    assert_eq!(analysis.answer.form, AnswerForm::Plain);
    assert!(analysis.threats[0].starts_with("No scenario was given"), "{:?}", analysis.threats);
}

// --- two campaigns

fn against(baseline: &[Vec<Sample>], candidate: &[Vec<Sample>]) -> Analysis {
    let [baseline, candidate] = [baseline, candidate].map(|cells| Campaign::from_samples(cells.concat()));
    let asked = |campaign: &Campaign| Question::found(campaign).remove(0);
    let claims = vec![WHOLE, Claim { metric: Metric::NetworkBytes, margin: 1.1 }];
    Analysis::against((&baseline, asked(&baseline)), (&candidate, asked(&candidate)), claims)
}

#[test]
fn a_campaign_against_another() {
    let analysis = against(&all(1.0, 1.0), &[cell("a1", 1.5, &STEADY), cell("b1", 1.0, &STEADY)]);
    let broken = "Broken: candidate needed more than 1.20 times as long as baseline to the whole payload in 1 of 4 cells, at fileSize \
                  1MB, system a; not so in 1; 2 without numbers of both sides.";
    assert_eq!(said(&analysis), (AnswerForm::Mixed, broken));
    let [time, bytes] = analysis.comparisons.as_slice() else { panic!("{:?}", analysis.comparisons) };
    assert_eq!((time.verdict, bytes.verdict), (ClaimVerdict::Broken, ClaimVerdict::Undecided));
    assert_eq!(time.pairs[0].times_worse, Some(1.5));
    assert_eq!(bytes.pairs[0].times_worse, Some(1.0));
    assert_eq!(analysis.cells.len(), 6);
    assert_eq!(analysis.attempts.iter().filter(|attempt| attempt.counts).count(), 30);
}

#[test]
fn a_campaign_against_itself_holds() {
    let analysis = against(&all(0.7, 2.0), &all(0.7, 2.0));
    assert_eq!(analysis.answer.form, AnswerForm::Clear);
    assert!(analysis.comparisons.iter().all(|comparison| comparison.verdict == ClaimVerdict::Held));
}
