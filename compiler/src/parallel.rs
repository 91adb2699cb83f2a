//! Work on many items by several threads, with results in the items' order.
//!
//! How many threads is said once a process, by the command line; nobody else asks the machine. Results don't depend on it.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static THREADS: OnceLock<NonZero<usize>> = OnceLock::new();
/// Items that a thread takes at once: enough that taking costs nothing, few enough that no thread is left with all.
const PORTION: usize = 32;

/// Says how many threads may work; the first word counts. Nothing said: one.
pub fn allow(threads: NonZero<usize>) {
    // a second word is no mistake: tests run in one process
    let _ = THREADS.set(threads);
}

/// How many threads may work.
fn threads() -> NonZero<usize> {
    THREADS.get().copied().unwrap_or(NonZero::<usize>::MIN)
}

/// `work` done on every item, in the items' order.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_with(items, || (), |(), item| work(item))
}

/// The same, where each thread has a tool that it makes once.
pub fn map_with<T: Sync, S, R: Send>(
    items: &[T],
    tool: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    map_by(threads().get(), items, tool, work)
}

fn map_by<T: Sync, S, R: Send>(
    threads: usize,
    items: &[T],
    tool: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let portions: Vec<&[T]> = items.chunks(PORTION).collect();
    if threads < 2 || portions.len() < 2 {
        let mut tool = tool();
        return items.iter().map(|item| work(&mut tool, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut tool = tool();
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(portion) = portions.get(place) else { return done };
            done.push((place, portion.iter().map(|item| work(&mut tool, item)).collect()));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(portions.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0, 1, PORTION, 10 * PORTION + 1] {
            let items: Vec<usize> = (0..count).collect();
            let wanted: Vec<usize> = items.iter().map(|item| item * 2).collect();
            for threads in [1, 2, 8] {
                assert_eq!(
                    map_by(threads, &items, || 2, |two, item| item * *two),
                    wanted,
                    "{threads} threads, {count} items"
                );
            }
        }
    }
}
