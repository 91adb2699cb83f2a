use benchgrid_measures::{Timestamp, Verdict};

use super::{Attempt, Done, Ending, Settings, clock::within, index::Index};

/// Which attempts that failed stay for a look: the newest failure alone, so that a campaign never stops for them.
///
/// It takes its place and its trial meanwhile: a second try beside it would be two live attempts of one trial. Gives
/// back those that leave now.
pub(super) fn hold<'a>(
    held: &[(&'a Attempt, &Done)],
    ends: &mut [Ending],
    index: &Index<'_>,
    settings: &Settings,
    now: Timestamp,
) -> Vec<&'a Attempt> {
    let failure = ends.iter_mut().rfind(|end| end.verdict == Verdict::Failed && settings.hold_seconds > 0);
    let newer = failure.map(|end| end.held = true).is_some();
    let stays = |(_, done): &&(&Attempt, &Done)| {
        !newer && within(now, done.ended, settings.hold_seconds) && index.wants(done.trial()).is_ok()
    };
    let newest = held.iter().filter(stays).max_by_key(|(_, done)| (done.ended, &done.attempt));
    let newest = newest.map(|(attempt, _)| attempt.attempt.as_str());
    held.iter().map(|(attempt, _)| *attempt).filter(|attempt| Some(attempt.attempt.as_str()) != newest).collect()
}
