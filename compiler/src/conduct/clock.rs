//! The conductor's clock may jump, and other people's clocks differ. Nothing is decided by who is ahead.

use benchgrid_measures::Timestamp;

/// Whether a moment is less than so many seconds away.
///
/// One to come counts like one that is past: after the clock was set back by a year, what was written before is as
/// good as over, and after it was set back by a second it is not. So nothing waits for longer than twice its time.
pub(super) fn within(now: Timestamp, then: Timestamp, seconds: u64) -> bool {
    now.0.abs_diff(then.0) < seconds
}
