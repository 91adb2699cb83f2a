//! Analyses made by hand, with everything in them that a page has to cope with.

use std::collections::{BTreeMap, BTreeSet};

use benchgrid_results::analysis::{
    Analysis, Answer, AnswerForm, AttemptResult, Axis, CellResult, CellState, Claim, ClaimVerdict, Compare, Comparison,
    Estimate, GroupResult, Metric, Node, Pair, PairVerdict, PlannedCell, Quantity, Question, Repetition, Trial,
};
use benchgrid_results::statistics::{Interval, Proportion, median, spread};

const START_MS: i64 = 1_763_713_075_000;

/// Numbers that look random and are the same each time: a linear congruential generator (Knuth's MMIX).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }

    /// Around 1, by this much.
    pub(crate) fn about(&mut self, spread: f64) -> f64 {
        1.0 + (self.share() + self.share() + self.share() - 1.5) * spread
    }
}

/// What a cell is made of.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) levels: Vec<(&'static str, String)>,
    pub(crate) system: String,
    pub(crate) observe: &'static str,
    pub(crate) groups: Vec<&'static str>,
    pub(crate) leechers: usize,
    pub(crate) bytes: f64,
    /// Median seconds to 100 %.
    pub(crate) seconds: f64,
    pub(crate) spread: f64,
    pub(crate) trials: usize,
    /// Repetitions of one kind take this many times as long as those of the other.
    pub(crate) modes: f64,
    /// Every how manyth download fails; 0: none.
    pub(crate) failing: usize,
    pub(crate) curves: bool,
}

pub(crate) fn axis(name: &str, levels: &[&str]) -> Axis {
    Axis { name: name.to_owned(), levels: levels.iter().map(|level| (*level).to_owned()).collect() }
}

fn node(dice: &mut Dice, recipe: &Recipe, seconds: f64, place: usize, failed: bool) -> Node {
    let mut values = BTreeMap::new();
    for (quantity, share) in [
        (Quantity::FirstByte, 0.03),
        (Quantity::Half, 0.52),
        (Quantity::Ninety, 0.9),
        (Quantity::Whole, 1.0),
        (Quantity::Last, 1.0),
    ] {
        let value = if failed && share > 0.6 { f64::INFINITY } else { seconds * share };
        values.insert(quantity, value);
    }
    values.insert(Quantity::Speed, if failed { 0.0 } else { recipe.bytes / seconds });
    values.insert(Quantity::Efficiency, if failed { 0.0 } else { recipe.bytes / 12.5e6 / seconds });
    values.insert(Quantity::Received, recipe.bytes * dice.about(0.01) * 1.04);
    values.insert(Quantity::Overhead, dice.about(0.01) * 1.04);
    values.insert(Quantity::Stall, seconds * 0.04 * dice.about(0.5));
    let points = 0..=40;
    let curve = points.map(|step| f64::from(step) / 40.0).filter(|share| !failed || *share < 0.6);
    let curve = curve.map(|share| (seconds * (0.03 + 0.97 * share.powf(0.9)), share * recipe.bytes));
    Node {
        name: format!("nodes-{place}"),
        group: recipe.groups[place % recipe.groups.len()].to_owned(),
        downloads: true,
        values,
        success: !failed,
        failure: failed.then(|| "stalled".to_owned()),
        curve: if recipe.curves { curve.collect() } else { Vec::new() },
    }
}

fn trials(dice: &mut Dice, recipe: &Recipe, start_ms: i64) -> Vec<Trial> {
    let mut downloads = 0;
    let mut trials = Vec::new();
    for number in 1..=u8::try_from(recipe.trials).unwrap_or(u8::MAX) {
        let of_trial = recipe.seconds * dice.about(recipe.spread);
        let mut repetitions = Vec::new();
        for repetition in 1..=2 {
            let mode = if (number + repetition) % 2 == 0 { recipe.modes } else { 1.0 };
            let of_repetition = of_trial * dice.about(recipe.spread / 3.0) * mode;
            let mut nodes = Vec::new();
            for place in 0..recipe.leechers {
                downloads += 1;
                let slower = 1.0 + (place % recipe.groups.len()) as f64 * 0.6;
                let seconds = of_repetition * dice.about(0.06) * slower;
                let failed = recipe.failing > 0 && downloads % recipe.failing == 0;
                nodes.push(node(dice, recipe, seconds, place, failed));
            }
            let upload = BTreeMap::from([(Quantity::Upload, recipe.bytes / 40e6 * dice.about(0.1))]);
            nodes.push(Node {
                name: "nodes-s".to_owned(),
                group: "seed".to_owned(),
                downloads: false,
                values: upload,
                success: true,
                failure: None,
                curve: Vec::new(),
            });
            repetitions.push(Repetition { number: repetition.to_string(), nodes });
        }
        let first_ms = start_ms + 600_000 * i64::from(number);
        trials.push(Trial {
            number: number.to_string(),
            attempt: format!("bg-{}-t{number}a1", recipe.system),
            first_ms,
            ended_ms: first_ms + 400_000,
            repetitions,
            void_repetitions: usize::from(number == 3),
        });
    }
    trials
}

fn group(trials: &[Trial], name: Option<&str>) -> GroupResult {
    let estimate = |quantity: Quantity| {
        let mut values: Vec<f64> = trials.iter().filter_map(|trial| trial.value(quantity, name)).collect();
        values.sort_by(f64::total_cmp);
        let interval = (values.len() >= 5).then(|| (values[0], values[values.len() - 1]));
        Some((quantity, Estimate { median: median(&values)?, interval, trials: values.len() }))
    };
    let nodes = trials.iter().flat_map(|trial| &trial.repetitions).flat_map(|repetition| &repetition.nodes);
    let of: Vec<&Node> = nodes.filter(|node| node.downloads && name.is_none_or(|name| node.group == name)).collect();
    let succeeded = of.iter().filter(|node| node.success).count() as u64;
    GroupResult {
        group: name.unwrap_or("all").to_owned(),
        values: Quantity::ALL.into_iter().filter_map(estimate).collect(),
        success: Proportion { succeeded, tried: of.len() as u64, low: 0.914, high: 1.0 },
    }
}

pub(crate) fn cell(dice: &mut Dice, recipe: &Recipe, planned: u32) -> CellResult {
    let levels: BTreeMap<String, String> =
        recipe.levels.iter().map(|(axis, level)| ((*axis).to_owned(), level.clone())).collect();
    let slug =
        levels.iter().map(|(axis, level)| format!("{axis}-{level}").to_lowercase()).collect::<Vec<_>>().join(".");
    let trials = trials(dice, recipe, START_MS);
    let mut groups = vec![group(&trials, None)];
    if recipe.groups.len() > 1 {
        groups.extend(recipe.groups.iter().map(|name| group(&trials, Some(name))));
    }
    let state = match trials.len() {
        0 => CellState::Missing,
        count if count < planned as usize => CellState::Partial,
        _ => CellState::Measured,
    };
    CellResult {
        id: slug.bytes().fold(7_u64, |id, byte| id.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)).to_string(),
        slug,
        digest: "716f11".to_owned(),
        levels,
        system: recipe.system.clone(),
        observe: recipe.observe.to_owned(),
        software: BTreeSet::from([format!("{} v4.5.2", recipe.system)]),
        environment: BTreeMap::from([
            ("kernel".to_owned(), BTreeSet::from(["6.1.0-13-amd64".to_owned()])),
            ("image".to_owned(), BTreeSet::from(["docker.io/library/node@sha256:0d9a1f4c".to_owned()])),
            ("machine".to_owned(), BTreeSet::from(["worker-1".to_owned(), "worker-2".to_owned()])),
            ("memory_bytes".to_owned(), BTreeSet::from(["16777216000".to_owned()])),
        ]),
        links: [Some((12.1e6, 12.4e6)), None],
        state,
        planned_trials: planned,
        groups,
        spread: spread(&trials.iter().map(|trial| trial.values(Quantity::Whole, None)).collect::<Vec<_>>()),
        content_bytes: (!trials.is_empty()).then_some(recipe.bytes),
        fluid_bound_seconds: (!trials.is_empty()).then_some(recipe.bytes / 12.5e6),
        anomalies: if recipe.modes > 1.0 {
            vec!["2 repetitions far from the others of the cell (Tukey's outer fence)".to_owned()]
        } else {
            Vec::new()
        },
        trials,
    }
}

fn whole(result: &CellResult) -> Option<f64> {
    Some(result.all()?.values.get(&Quantity::Whole)?.median)
}

fn pair(cells: &[CellResult], place: usize, partner: usize, axis: &str, claim: Claim) -> Pair {
    let (ours, theirs) = (&cells[place], &cells[partner]);
    let mut levels = ours.levels.clone();
    levels.remove(axis);
    let estimate = whole(ours).zip(whole(theirs)).map(|(ours, theirs)| ours / theirs).filter(|ratio| !ratio.is_nan());
    let width = if ours.trials.len() < 5 { 1.35 } else { 1.06 };
    let ratio = estimate.map(|ratio| Interval { estimate: ratio, low: ratio / width, high: ratio * width });
    let verdict = match ratio {
        None => PairVerdict::Missing,
        Some(ratio) if ratio.high <= claim.margin => PairVerdict::NonInferior,
        Some(ratio) if ratio.low > claim.margin => PairVerdict::Inferior,
        Some(_) => PairVerdict::Undecided,
    };
    let undecided = verdict == PairVerdict::Undecided;
    Pair {
        cell: Some(place),
        partner: Some(partner),
        levels,
        times_worse: estimate,
        ratio,
        delta: ratio.map(|ratio| if ratio.estimate > 1.0 { 0.84 } else { -0.2 }),
        p: ratio.map(|_| 0.007_936),
        adjusted_p: ratio.map(|_| 0.309_5),
        verdict,
        trials: [ours.trials.len(), theirs.trials.len()],
        trials_to_decide: undecided.then_some(14),
        notes: if ratio.is_none() { vec!["codex was not measured".to_owned()] } else { Vec::new() },
    }
}

/// Each cell of a level with the baseline's cell of the same other levels.
pub(crate) fn comparison(
    cells: &[CellResult],
    axis: &str,
    level: &str,
    baseline: &str,
    observe: &str,
    claim: Claim,
) -> Comparison {
    let others = |result: &CellResult| {
        let mut levels = result.levels.clone();
        levels.remove(axis);
        (levels, if axis == "system" { String::new() } else { result.system.clone() })
    };
    let of = |result: &CellResult, own: &str| {
        result.observe == observe && result.levels.get(axis).is_some_and(|level| level == own)
    };
    let mut pairs = Vec::new();
    for (place, ours) in cells.iter().enumerate().filter(|(_, result)| of(result, level)) {
        if let Some(partner) = cells.iter().position(|theirs| of(theirs, baseline) && others(theirs) == others(ours)) {
            pairs.push(pair(cells, place, partner, axis, claim));
        }
    }
    Comparison {
        claim,
        level: level.to_owned(),
        baseline: baseline.to_owned(),
        observe: observe.to_owned(),
        verdict: ClaimVerdict::Broken,
        mean: Some(1.27),
        mean_interval: Some((1.19, 1.36)),
        pairs,
    }
}

pub(crate) fn question(cells: &[CellResult], axes: Vec<Axis>, compare: Option<Compare>, text: &str) -> Question {
    let planned = |result: &CellResult| PlannedCell {
        id: result.id.clone(),
        slug: result.slug.clone(),
        digest: result.digest.clone(),
        levels: result.levels.clone(),
        trials: result.planned_trials,
        repetitions: 2,
        systems: BTreeMap::from([(result.system.clone(), vec![result.observe.clone()])]),
    };
    Question {
        lab: "example".to_owned(),
        scenario: "codex-vs-bittorrent".to_owned(),
        text: Some(text.to_owned()),
        axes,
        cells: cells.iter().map(planned).collect(),
        excluded: BTreeMap::new(),
        compare,
        planned: true,
    }
}

/// An attempt for each trial, and where some are missing those that failed.
pub(crate) fn attempts(cells: &[CellResult]) -> Vec<AttemptResult> {
    let reasons = ["deadline", "preflight", "transfer-failed", "node-restarted"];
    let mut all = Vec::new();
    for (place, result) in cells.iter().enumerate() {
        for number in 1..=result.planned_trials {
            let counts = number as usize <= result.trials.len();
            let tried = counts || result.state != CellState::Missing;
            let again = counts && place % 9 == 0 && number == 1;
            for (attempt, counts) in [(1, counts && !again), (2, again)] {
                if (attempt == 2 && !again) || !tried {
                    continue;
                }
                let reason = if counts { "ok" } else { reasons[(place + number as usize) % reasons.len()] };
                all.push(AttemptResult {
                    name: format!(
                        "bg-codex-vs-bittorrent-{}-716f11-t{number}a{attempt}",
                        &result.id[..10.min(result.id.len())]
                    ),
                    cell: result.id.clone(),
                    trial: number.to_string(),
                    outcome: if counts { "measured" } else { "failed" }.to_owned(),
                    reason: reason.to_owned(),
                    ended_ms: START_MS + i64::from(number) * 600_000,
                    counts,
                    why: if counts {
                        String::new()
                    } else {
                        "it failed: the coordinator gave up on a node after 30 s of silence".to_owned()
                    },
                });
            }
        }
    }
    all
}

fn reference_recipe(system: &str, size: usize, seeders: usize, file: &str, place: usize) -> Recipe {
    let bytes = match file {
        "100MB" => 1e8,
        "1GB" => 1e9,
        _ => 5e9,
    };
    let codex = system == "codex";
    let slower =
        if codex { [0.78, 0.98, 1.04, 1.15, 1.19, 1.34, 1.62, 2.4][(place / 2 + size + seeders) % 8] } else { 1.0 };
    Recipe {
        levels: vec![
            ("system", system.to_owned()),
            ("networkSize", size.to_string()),
            ("seeders", seeders.to_string()),
            ("fileSize", file.to_owned()),
        ],
        system: system.to_owned(),
        observe: "counter",
        groups: vec!["nodes"],
        leechers: size - seeders,
        bytes,
        seconds: bytes / 12.5e6 * 1.18 * (1.0 + (size as f64).log2() * 0.06) * slower,
        spread: if place % 7 == 3 { 0.3 } else { 0.08 },
        trials: match (codex, place) {
            (true, 25 | 31) => 0,
            (true, 38) => 2,
            _ => 5,
        },
        modes: if place == 12 { 1.9 } else { 1.0 },
        failing: match place {
            30 => 17,
            65 => 1,
            5 => 3,
            _ => 0,
        },
        curves: place != 14,
    }
}

/// The reference matrix: two systems, 13 pairs of network size and seeders, three sizes of file; cells missing, partial, failed, undecided,
/// without an end, with two modes, without a curve.
pub(crate) fn reference() -> Analysis {
    let mut dice = Dice::new(1);
    let mut cells = Vec::new();
    for system in ["codex", "bittorrent"] {
        for size in [2, 8, 16, 32] {
            for seeders in [1, 2, 4, 8, 16] {
                for file in ["100MB", "1GB", "5GB"] {
                    if seeders < size {
                        let recipe = reference_recipe(system, size, seeders, file, cells.len());
                        cells.push(cell(&mut dice, &recipe, 5));
                    }
                }
            }
        }
    }
    cells[20].trials.clear();
    cells[20].groups = vec![group(&[], None)];
    cells[20].spread = None;
    cells[20].state = CellState::Failed;
    let claim = Claim { metric: Metric::TimeTo100, margin: 1.2 };
    let compare = Compare { axis: "system".to_owned(), baseline: "bittorrent".to_owned(), claims: vec![claim] };
    let axes = vec![
        axis("system", &["codex", "bittorrent"]),
        axis("networkSize", &["2", "8", "16", "32"]),
        axis("seeders", &["1", "2", "4", "8", "16"]),
        axis("fileSize", &["100MB", "1GB", "5GB"]),
    ];
    let mut question = question(
        &cells,
        axes,
        Some(compare),
        "Is Codex at most 20 % slower than BitTorrent when many nodes download one file?",
    );
    question.excluded = BTreeMap::from([("no node would be left to download".to_owned(), 42)]);
    Analysis {
        comparisons: vec![comparison(&cells, "system", "codex", "bittorrent", "counter", claim)],
        attempts: attempts(&cells),
        answer: Answer {
            form: AnswerForm::Mixed,
            sentence: "In part: codex is within 1.20 times of bittorrent's time to 100 % in 17 of 39 cells, beyond it in 14; 5 are undecided and 3 were not measured.".to_owned(),
            details: vec![
                "bittorrent was faster in 24 cells, by up to 2.40 times (networkSize 32, seeders 8, fileSize 1GB).".to_owned(),
                "codex was faster in 6 cells, most of them with one seeder.".to_owned(),
                "Geometric mean of the ratios: 1.27.".to_owned(),
            ],
        },
        question,
        cells,
        threats: vec![
            "3 of 78 cells have no trial that counts; the claim over all cells can't be held.".to_owned(),
            "2 pairs were measured more than an hour apart; what changed between them is in their ratio.".to_owned(),
        ],
        transfers: 18_642,
        span_ms: Some((START_MS, START_MS + 86_400_000)),
    }
}

/// Three levels against each other, two ways of seeing, several groups, two claims.
pub(crate) fn groups() -> Analysis {
    let mut dice = Dice::new(2);
    let mut cells = Vec::new();
    for (place, link) in ["cable", "mobile", "satellite link of a very remote station"].into_iter().enumerate() {
        for file in ["5MB", "20MB"] {
            for observe in ["counter", "stream"] {
                let recipe = Recipe {
                    levels: vec![("link", link.to_owned()), ("fileSize", file.to_owned())],
                    system: "bittorrent".to_owned(),
                    observe,
                    groups: vec!["fast", "slow"],
                    leechers: 4,
                    bytes: if file == "5MB" { 5e6 } else { 2e7 },
                    seconds: if file == "5MB" { 1.1 } else { 4.2 } * (1.0 + place as f64 * 9.0),
                    spread: 0.1,
                    trials: 6,
                    modes: 1.0,
                    failing: 0,
                    curves: observe == "counter",
                };
                cells.push(cell(&mut dice, &recipe, 6));
            }
        }
    }
    let claims =
        vec![Claim { metric: Metric::TimeTo100, margin: 1.2 }, Claim { metric: Metric::NetworkBytes, margin: 1.05 }];
    let compare = Compare { axis: "link".to_owned(), baseline: "cable".to_owned(), claims: claims.clone() };
    let mut comparisons = Vec::new();
    for claim in claims {
        for level in ["mobile", "satellite link of a very remote station"] {
            for observe in ["counter", "stream"] {
                comparisons.push(comparison(&cells, "link", level, "cable", observe, claim));
            }
        }
    }
    let axes = vec![
        axis("link", &["cable", "mobile", "satellite link of a very remote station"]),
        axis("fileSize", &["5MB", "20MB"]),
    ];
    let question = question(&cells, axes, Some(compare), "How does the client fare on a poorer link?");
    let attempts = attempts(&cells);
    let answer = Answer {
        form: AnswerForm::Clear,
        sentence: "No: every other link is beyond the margin everywhere.".to_owned(),
        details: Vec::new(),
    };
    Analysis { question, answer, cells, comparisons, attempts, threats: Vec::new(), transfers: 300, span_ms: None }
}

/// Cells that measure two systems each.
pub(crate) fn systems() -> Analysis {
    let mut dice = Dice::new(4);
    let mut cells = Vec::new();
    for (place, link) in ["cable", "mobile"].into_iter().enumerate() {
        for system in ["bittorrent", "http"] {
            let recipe = Recipe {
                levels: vec![("link", link.to_owned())],
                system: system.to_owned(),
                observe: "counter",
                groups: vec!["nodes"],
                leechers: 3,
                bytes: 1e7,
                seconds: if place == 0 { 2.0 } else { 2.3 },
                spread: 0.1,
                trials: 5,
                modes: 1.0,
                failing: 0,
                curves: true,
            };
            cells.push(cell(&mut dice, &recipe, 5));
        }
    }
    let claim = Claim { metric: Metric::TimeTo100, margin: 1.2 };
    let compare = Compare { axis: "link".to_owned(), baseline: "cable".to_owned(), claims: vec![claim] };
    let comparisons = vec![comparison(&cells, "link", "mobile", "cable", "counter", claim)];
    let question =
        question(&cells, vec![axis("link", &["cable", "mobile"])], Some(compare), "Which system minds the link?");
    let attempts = attempts(&cells);
    let answer = Answer {
        form: AnswerForm::Undecided,
        sentence: "Undecided: both pairs are open.".to_owned(),
        details: Vec::new(),
    };
    Analysis { question, answer, cells, comparisons, attempts, threats: Vec::new(), transfers: 80, span_ms: None }
}

/// One cell that is compared with none.
pub(crate) fn single() -> Analysis {
    let recipe = Recipe {
        levels: Vec::new(),
        system: "http".to_owned(),
        observe: "counter",
        groups: vec!["nodes"],
        leechers: 1,
        bytes: 1e6,
        seconds: 0.4,
        spread: 0.05,
        trials: 1,
        modes: 1.0,
        failing: 0,
        curves: true,
    };
    let cells = vec![cell(&mut Dice::new(3), &recipe, 1)];
    let mut question = question(&cells, Vec::new(), None, "");
    question.text = None;
    let answer = Answer {
        form: AnswerForm::Plain,
        sentence: "One cell was measured; it is compared with none.".to_owned(),
        details: Vec::new(),
    };
    let attempts = attempts(&cells);
    Analysis {
        question,
        answer,
        cells,
        comparisons: Vec::new(),
        attempts,
        threats: Vec::new(),
        transfers: 3,
        span_ms: None,
    }
}

/// Nothing at all.
pub(crate) fn empty() -> Analysis {
    let answer = Answer { form: AnswerForm::Empty, sentence: "Nothing was measured.".to_owned(), details: Vec::new() };
    Analysis {
        question: Question::default(),
        answer,
        cells: Vec::new(),
        comparisons: Vec::new(),
        attempts: Vec::new(),
        threats: Vec::new(),
        transfers: 0,
        span_ms: None,
    }
}

/// The analysis of [`groups`] with something that would leave any place in a page, in every string.
pub(crate) fn hostile() -> Analysis {
    let mut analysis = groups();
    analysis.question.excluded = BTreeMap::from([("no reason".to_owned(), 1)]);
    analysis.threats = vec!["a threat".to_owned()];
    analysis.answer.details = vec!["a detail".to_owned()];
    spoil_question(&mut analysis.question);
    analysis.cells.iter_mut().for_each(spoil_cell);
    for comparison in &mut analysis.comparisons {
        [&mut comparison.level, &mut comparison.baseline, &mut comparison.observe].into_iter().for_each(spoil);
        for pair in &mut comparison.pairs {
            pair.levels = spoiled(&pair.levels);
            pair.notes.push(String::new());
            pair.notes.iter_mut().for_each(spoil);
        }
    }
    for attempt in &mut analysis.attempts {
        let AttemptResult { name, cell, trial, outcome, reason, why, .. } = attempt;
        [name, cell, trial, outcome, reason, why].into_iter().for_each(spoil);
    }
    spoil(&mut analysis.answer.sentence);
    analysis.answer.details.iter_mut().chain(&mut analysis.threats).for_each(spoil);
    analysis
}

/// What is put into every string.
pub(crate) const HOSTILE: &str =
    "</title></style><script>console.error(1)</script>\"'><img src=x onerror=alert(1)>&amp;\u{0}";

fn spoil(text: &mut String) {
    text.push_str(HOSTILE);
}

fn spoiled(words: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    words.iter().map(|(key, value)| (key.clone() + HOSTILE, value.clone() + HOSTILE)).collect()
}

fn spoil_question(question: &mut Question) {
    [&mut question.lab, &mut question.scenario].into_iter().for_each(spoil);
    question.text.iter_mut().for_each(spoil);
    for axis in &mut question.axes {
        spoil(&mut axis.name);
        axis.levels.iter_mut().for_each(spoil);
    }
    for cell in &mut question.cells {
        [&mut cell.id, &mut cell.slug, &mut cell.digest].into_iter().for_each(spoil);
        cell.levels = spoiled(&cell.levels);
    }
    question.excluded = question.excluded.iter().map(|(reason, count)| (reason.clone() + HOSTILE, *count)).collect();
    if let Some(compare) = &mut question.compare {
        [&mut compare.axis, &mut compare.baseline].into_iter().for_each(spoil);
    }
}

fn spoil_cell(cell: &mut CellResult) {
    [&mut cell.id, &mut cell.slug, &mut cell.digest, &mut cell.system, &mut cell.observe].into_iter().for_each(spoil);
    cell.levels = spoiled(&cell.levels);
    cell.software = cell.software.iter().map(|word| word.clone() + HOSTILE).collect();
    for words in cell.environment.values_mut() {
        *words = words.iter().map(|word| word.clone() + HOSTILE).collect();
    }
    cell.anomalies.push("odd".to_owned());
    cell.anomalies.iter_mut().for_each(spoil);
    cell.groups.iter_mut().for_each(|group| spoil(&mut group.group));
    for trial in &mut cell.trials {
        [&mut trial.number, &mut trial.attempt].into_iter().for_each(spoil);
        for repetition in &mut trial.repetitions {
            spoil(&mut repetition.number);
            for node in &mut repetition.nodes {
                [&mut node.name, &mut node.group].into_iter().for_each(spoil);
                // one download of each repetition failed, for a reason nobody knows
                node.success = node.success && node.name.starts_with("nodes-0");
                node.failure = Some(HOSTILE.to_owned());
            }
        }
    }
}
