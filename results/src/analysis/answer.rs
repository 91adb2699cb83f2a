//! The sentence on the first screen, in each of its forms.

use std::collections::BTreeMap;

use super::anomalies::counted;
use super::{
    Answer, AnswerForm, AttemptResult, CellResult, ClaimVerdict, Comparison, Difference, Metric, Pair, PairVerdict,
    Quantity, Question,
};

/// Levels whose sentences stand in full; of more, only how many hold is said.
const IN_FULL: usize = 3;
/// How often a verdict is wrong: [`crate::statistics::CONFIDENCE`] leaves 2.5 % at each end.
const WRONG: &str = "Said of one cell, within or beyond the margin is wrong at most once in 40.";
/// Cells that are named one by one.
const NAMED: usize = 3;

/// The answer to the question.
pub(super) fn answer(
    question: &Question,
    cells: &[CellResult],
    comparisons: &[Comparison],
    attempts: &[AttemptResult],
) -> Answer {
    if cells.iter().all(|cell| cell.trials.is_empty()) {
        return nothing(question, attempts);
    }
    let Some(first) = question.compare.as_ref().and_then(|compare| compare.claims.first()) else {
        return plain(cells);
    };
    let (main, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|comparison| comparison.claim == *first);
    let writer = Writer { question, several: several(&main) };
    let details = main.iter().flat_map(|comparison| writer.details(comparison));
    let decided = main.iter().flat_map(|comparison| &comparison.pairs).any(|pair| pair.ratio.is_some());
    let details = details.chain(decided.then(|| WRONG.to_owned()));
    let details = details.chain(others.iter().map(|comparison| writer.sentence(comparison)));
    Answer { form: form(&main), sentence: writer.headline(&main), details: details.collect() }
}

/// Nothing that counts: it was not tried, or it was and came to nothing.
fn nothing(question: &Question, attempts: &[AttemptResult]) -> Answer {
    let cells = counted(question.cells.len(), "cell");
    let ended = attempts.iter().filter(|attempt| !attempt.outcome.is_empty()).count();
    if ended == 0 {
        let running = if attempts.is_empty() { "" } else { "; the first attempts run" };
        let sentence = format!("No answer yet: nothing has been measured of {cells}{running}.");
        return Answer { form: AnswerForm::Empty, sentence, details: Vec::new() };
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.outcome.is_empty()) {
        let reason = if attempt.outcome == "measured" { attempt.why.as_str() } else { attempt.reason.as_str() };
        *reasons.entry(reason).or_default() += 1;
    }
    let most = reasons.iter().max_by_key(|(reason, count)| (**count, std::cmp::Reverse(**reason)));
    let most = most.map(|(reason, count)| format!(" The most frequent reason, {count} of {ended}: {reason}."));
    let ended = counted(ended, "attempt");
    let sentence = format!("No answer: {ended} ended and none counts, so none of {cells} has a number.");
    Answer {
        form: AnswerForm::Broken,
        sentence,
        details: most.map(|most| most.trim().to_owned()).into_iter().collect(),
    }
}

/// Nothing is compared.
fn plain(cells: &[CellResult]) -> Answer {
    let measured: Vec<&CellResult> = cells.iter().filter(|cell| !cell.trials.is_empty()).collect();
    let whole = |cell: &CellResult| Some(cell.all()?.values.get(&Quantity::Whole)?.median);
    let mut times: Vec<(f64, &CellResult)> = measured.iter().filter_map(|cell| Some((whole(cell)?, *cell))).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shown = |(time, cell): &(f64, &CellResult)| {
        let several = cells.iter().any(|other| other.id == cell.id && other.system != cell.system);
        let system = if several { format!(" with {}", cell.system) } else { String::new() };
        format!("{} ({}{system})", Quantity::Whole.shown(*time), cell.title())
    };
    let range = match (times.first(), times.last()) {
        (Some(least), Some(most)) if times.len() > 1 => {
            format!(": a download took from {} to {}", shown(least), shown(most))
        }
        (Some(only), _) => format!(": a download took {}", shown(only)),
        _ => String::new(),
    };
    let sentence = format!("{} of {} measured{range}.", measured.len(), counted(cells.len(), "result"));
    Answer {
        form: AnswerForm::Plain,
        sentence,
        details: vec!["The scenario compares nothing: the cells stand for themselves.".to_owned()],
    }
}

fn form(main: &[&Comparison]) -> AnswerForm {
    let pairs = || main.iter().flat_map(|comparison| &comparison.pairs);
    let any = |verdict| pairs().any(|pair| pair.verdict == verdict);
    let (within, beyond) = (any(PairVerdict::NonInferior), any(PairVerdict::Inferior));
    let open = any(PairVerdict::Undecided) || any(PairVerdict::Missing);
    match (within, beyond, open) {
        (_, true, _) if within || open => AnswerForm::Mixed,
        (true, false, false) | (false, true, false) => AnswerForm::Clear,
        _ => AnswerForm::Undecided,
    }
}

/// Whether comparisons are of several ways of seeing, which sentences then name.
fn several(comparisons: &[&Comparison]) -> bool {
    comparisons.iter().any(|comparison| comparison.observe != comparisons[0].observe)
}

struct Writer<'a> {
    question: &'a Question,
    /// Whether sentences name the way of seeing.
    several: bool,
}

impl Writer<'_> {
    fn headline(&self, main: &[&Comparison]) -> String {
        match main {
            [] => "Undecided: no cell has numbers of what is compared.".to_owned(),
            _ if main.len() <= IN_FULL => {
                main.iter().map(|comparison| self.sentence(comparison)).collect::<Vec<_>>().join(" ")
            }
            _ => {
                let claim = self.claim(main[0], "each level", true);
                let of = |verdict| main.iter().filter(|comparison| comparison.verdict == verdict).count();
                let counts = [
                    (of(ClaimVerdict::Held), "held"),
                    (of(ClaimVerdict::Broken), "broken"),
                    (of(ClaimVerdict::Undecided) + of(ClaimVerdict::Empty), "undecided"),
                ];
                let counts = counts.iter().filter(|(count, _)| *count > 0);
                let counts: Vec<String> = counts.map(|(count, word)| format!("{word} for {count}")).collect();
                format!("That {claim}: {} of {} comparisons.", counts.join(", "), main.len())
            }
        }
    }

    /// What comes out of one comparison.
    fn sentence(&self, comparison: &Comparison) -> String {
        let level = self.name(&comparison.level);
        let (claim, broken) = (self.claim(comparison, &level, true), self.claim(comparison, &level, false));
        let count = |verdict| comparison.pairs.iter().filter(|pair| pair.verdict == verdict).count();
        let (within, beyond) = (count(PairVerdict::NonInferior), count(PairVerdict::Inferior));
        let (open, without) = (count(PairVerdict::Undecided), count(PairVerdict::Missing));
        let all = comparison.pairs.len();
        let cells = counted(all, "cell");
        match comparison.verdict {
            ClaimVerdict::Held if all == 1 => format!("Held: {claim}, in the only cell."),
            ClaimVerdict::Held => format!("Held: {claim}, in all {cells}."),
            ClaimVerdict::Broken if all == 1 => format!("Broken: {broken}, in the only cell."),
            ClaimVerdict::Broken if beyond == all => format!("Broken: {broken}, in every cell of {all}."),
            ClaimVerdict::Broken => {
                let place = located(comparison, |pair| pair.verdict == PairVerdict::Inferior);
                let held = if within == 0 { String::new() } else { format!("; not so in {within}") };
                format!("Broken: {broken} in {beyond} of {cells}, {place}{held}{}.", rest(open, without))
            }
            ClaimVerdict::Undecided if open == all => format!("Undecided: whether {claim} is open in all {cells}."),
            ClaimVerdict::Undecided => {
                format!("Undecided: that {claim} holds in {within} of {cells}{}.", rest(open, without))
            }
            ClaimVerdict::Empty => format!(
                "Undecided: no cell of {all} has numbers of both {} and {}.",
                self.name(&comparison.level),
                self.name(&comparison.baseline)
            ),
        }
    }

    /// The claim as a clause, or that it is broken.
    fn claim(&self, comparison: &Comparison, level: &str, holds: bool) -> String {
        let (baseline, margin) = (self.name(&comparison.baseline), comparison.claim.margin);
        let most = if holds { format!("at most {margin:.2} times") } else { format!("more than {margin:.2} times") };
        let needed = |mark| format!("{level} needed {most} as long as {baseline} to {mark}");
        let clause = match comparison.claim.metric {
            Metric::TimeToFirstByte => needed("the first byte"),
            Metric::TimeTo50 => needed("half of the payload"),
            Metric::TimeTo90 => needed("90 % of the payload"),
            Metric::TimeTo100 => needed("the whole payload"),
            Metric::DownloadSpeed => {
                let least = if holds { "at least" } else { "less than" };
                format!("{level} had {least} {:.2} of {baseline}'s download speed", margin.recip())
            }
            Metric::UploadTime => format!("{level}'s upload took {most} as long as {baseline}'s"),
            Metric::NetworkBytes => {
                format!("leechers of {level} received {most} the bytes of {baseline}'s for a payload")
            }
            Metric::Success => {
                format!("trials of {baseline} in which everything arrived are {most} as frequent as {level}'s")
            }
        };
        if self.several { format!("{clause}, seen by {}", comparison.observe) } else { clause }
    }

    /// A level as people read it.
    fn name(&self, level: &str) -> String {
        match &self.question.compare {
            Some(compare) if compare.axis != "system" && !compare.is_of_campaigns() => {
                format!("{} {level}", compare.axis)
            }
            _ => level.to_owned(),
        }
    }

    /// Which side was better, where, by how much, and how sure that is.
    fn details(&self, comparison: &Comparison) -> Vec<String> {
        if comparison.verdict == ClaimVerdict::Empty {
            return Vec::new();
        }
        let mut details: Vec<String> = self.better(comparison).into_iter().collect();
        details.extend(self.size(comparison));
        details.push(sure(comparison));
        details
    }

    /// None where no cell has an interval.
    fn better(&self, comparison: &Comparison) -> Option<String> {
        comparison.pairs.iter().find_map(Pair::difference)?;
        let words = words(comparison.claim.metric);
        let is = |wanted| move |pair: &Pair| pair.difference() == Some(wanted);
        let part = |wanted, word: &str| {
            let count = comparison.pairs.iter().filter(|pair| is(wanted)(pair)).count();
            match count {
                0 => format!("{word} in none"),
                _ if count == comparison.pairs.len() => format!("{word} in every cell"),
                _ => format!("{word} in {count}, {}", located(comparison, is(wanted))),
            }
        };
        let none = comparison.pairs.iter().filter(|pair| is(Difference::NoneShown)(pair)).count();
        let cells = counted(comparison.pairs.len(), "cell");
        let seen = if self.several { format!(" (seen by {})", comparison.observe) } else { String::new() };
        let (level, baseline) = (self.name(&comparison.level), self.name(&comparison.baseline));
        let (better, worse) = (part(Difference::Better, words.0), part(Difference::Worse, words.1));
        let none = if none == 0 { String::new() } else { format!("; in {none} no difference is shown") };
        Some(format!("Of {cells}, {level} was {better}; {worse}{none}{seen}, against {baseline}."))
    }

    fn size(&self, comparison: &Comparison) -> Option<String> {
        let mean = comparison.mean?;
        let mut ratios: Vec<(f64, &Pair)> =
            comparison.pairs.iter().filter_map(|pair| Some((pair.times_worse?, pair))).collect();
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (least, most) = (ratios.first()?, ratios.last()?);
        let what = words(comparison.claim.metric).2;
        let shown = |(ratio, pair): &(f64, &Pair)| format!("{} ({})", times(*ratio), pair_title(pair));
        let range =
            if ratios.len() > 1 { format!(", from {} to {}", shown(least), shown(most)) } else { String::new() };
        let over = if ratios.len() > 1 { "Over the cells (geometric mean)" } else { "There" };
        Some(format!(
            "{over} {} {what} {} times {}'s{range}.",
            self.name(&comparison.level),
            times(mean),
            self.name(&comparison.baseline)
        ))
    }
}

/// A ratio as people read it.
pub fn times(ratio: f64) -> String {
    if ratio.is_infinite() { "∞".to_owned() } else { format!("{ratio:.2}") }
}

/// Better, worse, and what the ratio is of.
fn words(metric: Metric) -> (&'static str, &'static str, &'static str) {
    match metric {
        Metric::NetworkBytes => ("cheaper in bytes", "dearer in bytes", "received, for a payload,"),
        Metric::Success => ("more reliable", "less reliable", "was as rarely whole as"),
        Metric::DownloadSpeed => ("faster", "slower", "took, for a byte,"),
        _ => ("faster", "slower", "took"),
    }
}

fn rest(open: usize, without: usize) -> String {
    let open = if open == 0 { String::new() } else { format!("; {open} open") };
    let without = if without == 0 { String::new() } else { format!("; {without} without numbers of both sides") };
    format!("{open}{without}")
}

/// How sure the verdicts are, and what would make the open ones sure.
fn sure(comparison: &Comparison) -> String {
    let counts: Vec<usize> = comparison
        .pairs
        .iter()
        .filter(|pair| pair.verdict != PairVerdict::Missing)
        .flat_map(|pair| pair.trials)
        .collect();
    let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
    let trials = if least == most { counted(*most, "trial") } else { format!("{least} to {most} trials") };
    let without = comparison.pairs.iter().any(|pair| pair.verdict != PairVerdict::Missing && pair.ratio.is_none());
    let few = if without { ", too few for an interval in some cells" } else { "" };
    let more = comparison.pairs.iter().filter_map(|pair| pair.trials_to_decide).max();
    let more = more.map(|more| format!("; about {more} a side would decide the open ones")).unwrap_or_default();
    format!("Each cell's verdict rests on a 95 % interval of its ratio over {trials} a side{few}{more}.")
}

/// Where pairs of one kind lie: by the levels that tell them from the others, or one by one.
fn located(comparison: &Comparison, is: impl Fn(&Pair) -> bool) -> String {
    let (these, others): (Vec<&Pair>, Vec<&Pair>) = comparison.pairs.iter().partition(|pair| is(pair));
    let axes: Vec<&String> = these.first().map(|pair| pair.levels.keys().collect()).unwrap_or_default();
    for axis in axes {
        let mut levels: Vec<&str> = Vec::new();
        for level in these.iter().filter_map(|pair| pair.levels.get(axis)) {
            if !levels.contains(&level.as_str()) {
                levels.push(level);
            }
        }
        let among = |pair: &&Pair| pair.levels.get(axis).is_some_and(|level| levels.contains(&level.as_str()));
        if !others.is_empty() && !others.iter().any(among) {
            return format!("just where {axis} is {}", levels.join(" or "));
        }
    }
    let named: Vec<String> = these.iter().take(NAMED).map(|pair| pair_title(pair)).collect();
    let more = these.len() - named.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("at {}{more}", named.join("; "))
}

/// The levels of a pair; a matrix of one axis has none.
pub fn pair_title(pair: &Pair) -> String {
    if pair.levels.is_empty() {
        return "the only cell".to_owned();
    }
    pair.levels.iter().map(|(axis, level)| format!("{axis} {level}")).collect::<Vec<_>>().join(", ")
}
