//! Whether a link is the one that was asked for.
//!
//! In: a device, or what its kernel said; the [`Link`] asked. Out: a sentence that names both, where they differ.

use serde::{Deserialize, Serialize};

use crate::{experiment::Link, shaping};

/// A link as its kernel tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkSeen {
    /// Both directions are shaped.
    Shaped(Link),
    /// One direction, or none.
    Unshaped,
    /// The kernel can't be asked, and why.
    Unknown(String),
}

impl LinkSeen {
    /// The link of a device, now.
    pub fn now(device: &str) -> Self {
        match shaping::in_force(device) {
            Ok(Some(link)) => Self::Shaped(link),
            Ok(None) => Self::Unshaped,
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// What is wrong with a pod's link, where it is not the one asked for.
    pub fn differs(&self, pod: &str, asked: &Link) -> Option<String> {
        let is = match self {
            Self::Shaped(is) if same(is, asked) => return None,
            Self::Shaped(is) => text(is),
            Self::Unshaped => "not shaped".to_owned(),
            Self::Unknown(why) => format!("not known: {why}"),
        };
        Some(format!("shaping not in force on {pod}: asked {}, is {is}", text(asked)))
    }
}

/// Equal, but for what the kernel rounds: rates to bytes, delays to 64 ns, losses to 32 bits.
fn same(is: &Link, asked: &Link) -> bool {
    is.up_bits_per_second / 8 == asked.up_bits_per_second / 8
        && is.down_bits_per_second / 8 == asked.down_bits_per_second / 8
        && (is.latency_seconds - asked.latency_seconds).abs() < 1e-6
        && (is.loss_ratio - asked.loss_ratio).abs() < 1e-8
}

/// `up 40 Mbit/s, down 40 Mbit/s, latency 5 ms, loss 0.1 %`, what is nothing left out.
fn text(link: &Link) -> String {
    #[expect(clippy::cast_precision_loss, reason = "rates stay far below 2^53 bits a second")]
    let rate = |bits: u64| bits as f64 / 1e6;
    let rates = [("up", rate(link.up_bits_per_second)), ("down", rate(link.down_bits_per_second))];
    let mut parts: Vec<_> = rates.iter().map(|(way, rate)| format!("{way} {rate} Mbit/s")).collect();
    for (name, value, unit) in [("latency", link.latency_seconds * 1e3, "ms"), ("loss", link.loss_ratio * 100.0, "%")] {
        if value > 0.0 {
            let rounded = (value * 1e6).round() / 1e6;
            parts.push(format!("{name} {rounded} {unit}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Link = Link {
        up_bits_per_second: 40_000_003,
        down_bits_per_second: 20_000_000,
        latency_seconds: 0.005,
        loss_ratio: 0.001,
    };

    #[test]
    fn what_the_kernel_rounds_is_the_same() {
        let is = Link { up_bits_per_second: 40_000_000, loss_ratio: 4_294_967.0 / f64::from(u32::MAX), ..ASKED };
        assert_eq!(LinkSeen::Shaped(is).differs("bt-nodes-1", &ASKED), None);
    }

    #[test]
    fn every_part_counts() {
        for is in [
            Link { up_bits_per_second: 40_000_011, ..ASKED },
            Link { down_bits_per_second: 19_999_992, ..ASKED },
            Link { latency_seconds: 0.0051, ..ASKED },
            Link { loss_ratio: 0.0, ..ASKED },
        ] {
            assert!(LinkSeen::Shaped(is).differs("p", &ASKED).is_some(), "{is:?}");
        }
    }

    #[test]
    fn asked_and_is_are_named() {
        let asked = Link { up_bits_per_second: 40_000_000, ..ASKED };
        let is = LinkSeen::Shaped(Link { latency_seconds: 0.0, loss_ratio: 0.0, ..asked });
        assert_eq!(
            is.differs("bt-nodes-1", &asked).unwrap(),
            "shaping not in force on bt-nodes-1: asked up 40 Mbit/s, down 20 Mbit/s, latency 5 ms, loss 0.1 %, \
             is up 40 Mbit/s, down 20 Mbit/s"
        );
        assert!(LinkSeen::Unshaped.differs("p", &asked).unwrap().ends_with("is not shaped"));
        assert!(LinkSeen::now("none-such").differs("p", &asked).unwrap().contains("not known: no network device"));
    }
}
