//! The least time that links allow.

use benchgrid_probe::experiment::Link;

use super::PlannedGroup;
use crate::spec::Role;

/// Least possible seconds of one transfer, over every draw of seeders: the smallest, and the largest.
///
/// With F bits, L leechers: the slowest leecher's `F / down`, what all seeders send together `F / sum of up`, and what
/// all nodes send together `L F / sum of up`; the largest of the three. A node without a link has the `unknown` one;
/// none where that is none.
pub(super) fn bounds(
    groups: &[PlannedGroup],
    seeders: u32,
    file_size: u64,
    unknown: Option<Link>,
) -> Option<(f64, f64)> {
    let nodes: Vec<(Role, Link)> = groups
        .iter()
        .filter(|group| group.role != Role::Bootstrap)
        .flat_map(|group| (0..group.replicas).map(|_| group.link.or(unknown).map(|link| (group.role, link))))
        .collect::<Option<_>>()?;
    let leechers = nodes.len().checked_sub(seeders as usize).filter(|count| *count > 0)?;
    let of = |role: Role| nodes.iter().filter(move |(r, _)| *r == role).map(|(_, link)| *link);
    let drawn = (seeders as usize).saturating_sub(of(Role::Seeder).count());
    let bits = bits(file_size);

    let all_up: f64 = nodes.iter().map(|(_, link)| rate(link.up_bits_per_second)).sum();
    let fixed_up: f64 = of(Role::Seeder).map(|link| rate(link.up_bits_per_second)).sum();
    let mut drawn_up: Vec<u64> = of(Role::Any).map(|link| link.up_bits_per_second).collect();
    drawn_up.sort_unstable();
    let slow: f64 = drawn_up.iter().take(drawn).map(|up| rate(*up)).sum();
    let fast: f64 = drawn_up.iter().rev().take(drawn).map(|up| rate(*up)).sum();

    let fixed_down = of(Role::Leecher).map(|link| link.down_bits_per_second).min();
    let mut drawn_down: Vec<u64> = of(Role::Any).map(|link| link.down_bits_per_second).collect();
    drawn_down.sort_unstable();
    let slowest = drawn_down.first().filter(|_| drawn < drawn_down.len()).copied();
    // the draw that spares the leechers the slowest links
    let spared = drawn_down.get(drawn).copied();
    let least = |drawn: Option<u64>| fixed_down.into_iter().chain(drawn).min().map_or(0.0, |down| bits / rate(down));

    let together = count(leechers) * bits / all_up;
    let smallest = least(spared).max(bits / (fixed_up + fast)).max(together);
    let largest = least(slowest).max(bits / (fixed_up + slow)).max(together);
    Some((smallest, largest))
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
fn bits(bytes: u64) -> f64 {
    bytes as f64 * 8.0
}

#[expect(clippy::cast_precision_loss, reason = "rates stay below 2^53")]
fn rate(bits_per_second: u64) -> f64 {
    bits_per_second as f64
}

#[expect(clippy::cast_precision_loss, reason = "cells have few nodes")]
fn count(nodes: usize) -> f64 {
    nodes as f64
}
