//! Whether intervals and verdicts keep what they promise: campaigns whose truth is known, judged as a report judges them.
//!
//! A few campaigns in a plain `cargo test`; 200 for each spread in `tests/long coverage`, which prints the table of
//! docs/methodology.md. Beside it an analysis that is wrong on purpose, and must be found out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod synthetic;

use std::collections::BTreeMap;

use benchgrid_results::analysis::{Analysis, CellResult, Claim, Compare, Metric, PairVerdict, Quantity, Question};
use benchgrid_results::statistics::{Interval, half_width, median, median_interval, ratio};
use benchgrid_results::{Campaign, from_records};
use synthetic::draw::Draw;
use synthetic::{Design, MARGIN, Pair, Trouble, pairs};

/// What an interval promises.
const PROMISED: f64 = 0.95;
/// A verdict looks at one end of it.
const ONE_SIDED: f64 = 0.025;
/// A check fails by chance once in so many runs.
const CHANCE: f64 = 1e-4;
/// Standard deviations of the logarithms of trials.
const BETWEEN: [f64; 3] = [0.0, 0.05, 0.10];

const HEAD: &str = "\
| log-sd of trials | intervals | hold the truth | on the margin: non-inferior | inferior | off it: wrong | right | \
half-width | geometric mean: holds the truth | repetitions as units: hold the truth | transfers as units |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Successes of tries.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    hits: u32,
    tries: u32,
}

impl Count {
    fn add(&mut self, hit: bool) {
        self.hits += u32::from(hit);
        self.tries += 1;
    }

    fn share(self) -> f64 {
        f64::from(self.hits) / f64::from(self.tries)
    }

    /// Whether so few hits come about by less than [`CHANCE`] where each has that probability.
    fn is_below(self, probability: f64) -> bool {
        at_most(self.hits, self.tries, probability) < CHANCE
    }

    /// Whether so many do.
    fn is_above(self, probability: f64) -> bool {
        at_most(self.tries - self.hits, self.tries, 1.0 - probability) < CHANCE
    }
}

/// Probability of so many hits or fewer, of a binomial.
fn at_most(hits: u32, tries: u32, probability: f64) -> f64 {
    let mut log = f64::from(tries) * (1.0 - probability).ln();
    let mut sum = log.exp();
    for hit in 1..=hits {
        log += (f64::from(tries - hit + 1) / f64::from(hit)).ln() + (probability / (1.0 - probability)).ln();
        sum += log.exp();
    }
    sum
}

/// What came of many campaigns.
#[derive(Debug, Default)]
struct Seen {
    /// Intervals that hold the truth.
    covered: Count,
    /// The same, by what is wrong with the pair.
    by_trouble: BTreeMap<Trouble, Count>,
    /// Pairs on the margin of which it is said that they are within.
    passed: Count,
    /// Pairs on the margin of which it is said that they are beyond.
    accused: Count,
    /// Pairs off the margin of which the right thing, or the wrong one, is said.
    right: Count,
    wrong: Count,
    /// Intervals that hold the truth when repetitions, or transfers, are taken as independent.
    repetitions: Count,
    transfers: Count,
    /// Geometric means over the pairs whose interval holds the true one.
    means: Count,
    widths: Vec<f64>,
}

impl Seen {
    fn campaign(&mut self, design: &Design) {
        let campaign = read(design);
        let analysis = Analysis::new(&campaign, question(&campaign));
        let [comparison] = analysis.comparisons.as_slice() else { panic!("{:?}", analysis.comparisons.len()) };
        assert_eq!(comparison.pairs.len(), 39);
        let mut logs = Vec::new();
        for truth in &design.pairs {
            let pair = comparison.pairs.iter().find(|pair| pair.levels == truth.levels()).unwrap();
            self.verdict(truth, pair.verdict);
            let Some(interval) = pair.ratio else { continue };
            logs.push(truth.ratio.ln());
            self.covered.add(holds(&interval, truth));
            self.by_trouble.entry(truth.trouble).or_default().add(holds(&interval, truth));
            self.widths.push(half_width(&interval));
            let sides = [pair.cell, pair.partner].map(|place| &analysis.cells[place.unwrap()]);
            for (count, units) in
                [(&mut self.repetitions, repetitions as Units), (&mut self.transfers, transfers as Units)]
            {
                let [level, baseline] = sides.map(units);
                count.add(ratio(&level, &baseline).is_some_and(|interval| holds(&interval, truth)));
            }
        }
        let ((low, high), count) = (comparison.mean_interval.unwrap(), f64::from(u32::try_from(logs.len()).unwrap()));
        let truth = (logs.iter().sum::<f64>() / count).exp();
        self.means.add(low <= truth && truth <= high);
    }

    fn verdict(&mut self, truth: &Pair, said: PairVerdict) {
        match truth.trouble {
            Trouble::Broken | Trouble::Missing => assert_eq!(said, PairVerdict::Missing, "{truth:?}"),
            Trouble::Partial => assert_eq!(said, PairVerdict::Undecided, "{truth:?}"),
            _ if truth.ratio == MARGIN => {
                self.passed.add(said == PairVerdict::NonInferior);
                self.accused.add(said == PairVerdict::Inferior);
            }
            _ => {
                let within = truth.ratio < MARGIN;
                self.right.add(said == if within { PairVerdict::NonInferior } else { PairVerdict::Inferior });
                self.wrong.add(said == if within { PairVerdict::Inferior } else { PairVerdict::NonInferior });
            }
        }
    }

    fn row(&mut self, between: f64) -> String {
        self.widths.sort_by(f64::total_cmp);
        let width = self.widths[self.widths.len() / 2];
        let percent = |count: Count| format!("{:.2} %", count.share() * 100.0);
        let cells = [
            format!("{between:.2}"),
            self.covered.tries.to_string(),
            percent(self.covered),
            percent(self.passed),
            percent(self.accused),
            percent(self.wrong),
            percent(self.right),
            format!("{:.1} %", width * 100.0),
            percent(self.means),
            percent(self.repetitions),
            percent(self.transfers),
        ];
        format!("| {} |", cells.join(" | "))
    }
}

type Units = fn(&CellResult) -> Vec<f64>;

/// Wrong: values of one deployment are not independent.
fn repetitions(cell: &CellResult) -> Vec<f64> {
    cell.trials.iter().flat_map(|trial| trial.values(Quantity::Whole, None)).collect()
}

/// Wrong, and more so.
fn transfers(cell: &CellResult) -> Vec<f64> {
    let nodes = cell.trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    nodes.filter_map(|node| node.values.get(&Quantity::Whole).copied()).collect()
}

fn holds(interval: &Interval, truth: &Pair) -> bool {
    interval.low <= truth.ratio && truth.ratio <= interval.high
}

/// The campaign as record files, read as a report reads them.
fn read(design: &Design) -> Campaign {
    let folder = tempfile::tempdir().unwrap();
    design.write(folder.path()).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    from_records(&files, &benchgrid_results::Selection::default(), i64::MAX).unwrap()
}

fn question(campaign: &Campaign) -> Question {
    let mut question = Question::found(campaign).remove(0);
    let claims = vec![Claim { metric: Metric::TimeTo100, margin: MARGIN }];
    question.compare = Some(Compare { axis: "system".to_owned(), baseline: "bittorrent".to_owned(), claims });
    question
}

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap())
}

#[test]
fn intervals_and_verdicts_keep_their_promise() {
    let (campaigns, first) = (number("BENCHGRID_CAMPAIGNS", 4), number("BENCHGRID_SEED", 1));
    println!("{HEAD}");
    let mut all = Vec::new();
    for between in BETWEEN {
        let mut seen = Seen::default();
        for seed in first..first + campaigns {
            let pairs = pairs();
            seen.campaign(&Design { pairs, trials: 5, repetitions: 2, between, leechers: 3, points: 0, seed });
        }
        println!("{}", seen.row(between));
        all.push((between, seen));
    }
    for (between, seen) in &all {
        for (trouble, count) in &seen.by_trouble {
            println!("log-sd {between}, {trouble:?}: {} of {} intervals hold the truth", count.hits, count.tries);
        }
    }
    for (between, seen) in &all {
        assert!(!seen.covered.is_below(PROMISED), "log-sd {between}: {:?}", seen.covered);
        assert!(!seen.passed.is_above(ONE_SIDED), "log-sd {between}: {:?}", seen.passed);
        assert!(!seen.accused.is_above(ONE_SIDED), "log-sd {between}: {:?}", seen.accused);
        assert!(!seen.wrong.is_above(ONE_SIDED), "log-sd {between}: {:?}", seen.wrong);
        assert!(!seen.means.is_below(PROMISED), "log-sd {between}: {:?}", seen.means);
        // Without spread between trials everything in them is independent, and they may be taken as such.
        if *between > 0.0 {
            assert!(seen.repetitions.is_below(PROMISED), "log-sd {between}: not found out: {:?}", seen.repetitions);
            assert!(seen.transfers.is_below(PROMISED), "log-sd {between}: not found out: {:?}", seen.transfers);
        }
    }
}

/// Trials of one side: standard deviation of their logarithms, and which share takes how many times as long.
type Shape = (f64, f64, f64);

fn values(shape: Shape, count: usize, draw: &mut Draw) -> Vec<f64> {
    let (log_sd, portion, times) = shape;
    (0..count).map(|_| draw.factor(log_sd) * if draw.happens(portion) { times } else { 1.0 }).collect()
}

#[test]
fn intervals_hold_for_other_shapes() {
    let shapes: [[Shape; 2]; 5] = [
        [(0.02, 0.0, 1.0), (0.02, 0.0, 1.0)],
        [(0.10, 0.0, 1.0), (0.01, 0.0, 1.0)],
        [(0.05, 0.1, 2.0), (0.05, 0.1, 2.0)],
        [(0.05, 0.2, 1.5), (0.05, 0.0, 1.0)],
        [(0.02, 0.3, 1.2), (0.02, 0.3, 1.2)],
    ];
    let mut draw = Draw::new([7; 4]);
    for shape in shapes {
        let [one, other] = shape.map(|side| median(&values(side, 100_000, &mut draw)).unwrap());
        let truth = one / other;
        for trials in [4, 5, 7, 10] {
            let (mut covered, mut medians) = (Count::default(), Count::default());
            for _ in 0..1000 {
                let [level, baseline] = shape.map(|side| values(side, trials, &mut draw));
                let interval = ratio(&level, &baseline).unwrap();
                covered.add(interval.low <= truth && truth <= interval.high);
                if let Some(interval) = median_interval(&level) {
                    medians.add(interval.low <= one && one <= interval.high);
                }
            }
            let [of, median_of] = [covered.tries, medians.tries];
            println!(
                "{shape:?}, {trials} trials: ratio {} of {of}, median {} of {median_of}",
                covered.hits, medians.hits
            );
            assert!(!medians.is_below(PROMISED), "{shape:?}, {trials} trials: {medians:?}");
            assert!(!covered.is_below(PROMISED), "{shape:?}, {trials} trials: {covered:?}");
        }
    }
}

#[test]
fn the_check_is_a_binomial_tail() {
    // scipy 1.17.1: stats.binom.cdf(180, 200, .95), stats.binom.cdf(7150, 7600, .95)
    for ((hits, tries), published) in
        [((180, 200), 0.002_664_579_549_829_474_3), ((7150, 7600), 0.000_180_318_059_682_861_66)]
    {
        let seen = at_most(hits, tries, PROMISED);
        assert!((seen / published - 1.0).abs() < 1e-6, "{seen}, not {published}");
    }
}
