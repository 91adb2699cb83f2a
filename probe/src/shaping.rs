//! Shaping of a pod's own link, by netlink alone.
//!
//! In: the network device and the [`Link`] asked for. Out: a token bucket on what the device sends and, over an
//! intermediate device, one on what it receives; and what is in force, read back from the kernel. Runs in the pod's
//! network namespace with `NET_ADMIN` (reading back needs none), before the node starts: it stays when the process
//! ends. Every step may run again, after a run that ended half-way too.

use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::experiment::Link;

pub(crate) mod device;
mod message;
mod netlink;
mod seen;
mod traffic;

use netlink::Netlink;
pub use seen::LinkSeen;
use traffic::Qdisc;

/// The intermediate device: what is received passes it as if it were sent.
pub const IFB: &str = "ifb-bg";

/// Least bucket: a super-packet of segmentation offload fits in.
const LEAST_BURST_BYTES: u64 = 64 * 1024;
/// Bucket at high rates: the timer of the kernel may be so late.
const BURST_SECONDS: f64 = 0.002;
/// How long a packet may wait for the bucket before it is dropped.
const QUEUE_SECONDS: f64 = 0.05;

/// What was set up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The device that was shaped.
    pub device: String,
    /// Rate of what it sends, in bits a second.
    pub up_bits_per_second: u64,
    /// Rate of what it receives, in bits a second.
    pub down_bits_per_second: u64,
    /// Delay of what it sends, in seconds.
    pub latency_seconds: f64,
    /// Share of what it sends that is lost.
    pub loss_ratio: f64,
    /// Bucket of what it sends, in bytes.
    pub up_burst_bytes: u64,
    /// Bucket of what it receives, in bytes.
    pub down_burst_bytes: u64,
}

/// Why a link can't be shaped.
#[derive(Debug, thiserror::Error)]
pub enum ShapingError {
    /// The device does not exist in this namespace.
    #[error("no network device {0}")]
    NoDevice(String),
    /// The process may not.
    #[error("{step}: not permitted; the container needs the capability NET_ADMIN")]
    NotPermitted {
        /// What was tried.
        step: String,
    },
    /// The kernel of the machine lacks something.
    #[error(
        "{step}: the kernel has no {module}; load the module {module} on the machine, or ask for a link without it"
    )]
    NoModule {
        /// What was tried.
        step: String,
        /// Name of the kernel module.
        module: &'static str,
    },
    /// The kernel refused.
    #[error("{step}: {source}{}", detail.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// What was tried.
        step: String,
        /// The kernel's error number.
        source: io::Error,
        /// The kernel's own words.
        detail: Option<String>,
    },
    /// Netlink itself does not work.
    #[error("netlink: {0}")]
    Netlink(#[from] io::Error),
    /// A rate of nothing would stop the node.
    #[error("a link of 0 bit/s can't be shaped")]
    NoRate,
}

/// A token bucket's size and queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    bytes_per_second: u64,
    burst_bytes: u32,
    limit_bytes: u32,
}

/// Shapes a device; what was there before is replaced.
pub fn apply(device: &str, link: &Link) -> Result<Report, ShapingError> {
    let up = Bucket::of(link.up_bits_per_second)?;
    let down = Bucket::of(link.down_bits_per_second)?;
    let mut netlink = Netlink::open()?;
    let index = netlink.index(device)?.ok_or_else(|| ShapingError::NoDevice(device.to_owned()))?;
    let ifb = netlink.ensure_ifb(IFB)?;
    netlink.replace_root(index, &up.qdisc(), &format!("shaping of what {device} sends"))?;
    if link.latency_seconds > 0.0 || link.loss_ratio > 0.0 {
        netlink.add_delay(index, link, up.packets_under_way(link.latency_seconds))?;
    }
    // What is lost is what the device is given: with offload dozens of segments at once.
    netlink.single_segments(device, index, link.loss_ratio > 0.0)?;
    netlink.replace_root(ifb, &down.qdisc(), &format!("shaping of what {device} receives"))?;
    netlink.redirect_ingress(index, ifb)?;
    Ok(Report {
        device: device.to_owned(),
        up_bits_per_second: link.up_bits_per_second,
        down_bits_per_second: link.down_bits_per_second,
        latency_seconds: link.latency_seconds,
        loss_ratio: link.loss_ratio,
        up_burst_bytes: up.burst_bytes.into(),
        down_burst_bytes: down.burst_bytes.into(),
    })
}

/// The link that is in force on a device, where both directions are shaped; nothing where one of them is not.
pub fn in_force(device: &str) -> Result<Option<Link>, ShapingError> {
    let mut netlink = Netlink::open()?;
    let index = netlink.index(device)?.ok_or_else(|| ShapingError::NoDevice(device.to_owned()))?;
    let Some(ifb) = netlink.index(IFB)? else { return Ok(None) };
    let qdiscs = netlink.qdiscs()?;
    let of = |wanted: i32| qdiscs.iter().filter(move |(at, _)| *at == wanted).map(|(_, qdisc)| qdisc);
    let rate = |index| of(index).find_map(Qdisc::root_rate);
    let (Some(up), Some(down)) = (rate(index), rate(ifb)) else { return Ok(None) };
    if !netlink.is_up(IFB)? || !netlink.redirects(index, ifb)? {
        return Ok(None);
    }
    let loss_ratio = of(index).find_map(Qdisc::loss).unwrap_or(0.0);
    // Whole bundles of segments would be lost: that is another link.
    if loss_ratio > 0.0 && netlink.segments(device)? != Some(1) {
        return Ok(None);
    }
    Ok(Some(Link {
        up_bits_per_second: up.saturating_mul(8),
        down_bits_per_second: down.saturating_mul(8),
        latency_seconds: of(index).find_map(Qdisc::delay).unwrap_or(0.0),
        loss_ratio,
    }))
}

/// Bytes that passed a device's buckets since they were set, with the headers that segmentation offload hides: sent,
/// and received; nothing where there is no bucket.
pub fn passed(device: &str) -> Result<Option<(u64, u64)>, ShapingError> {
    let mut netlink = Netlink::open()?;
    let (Some(index), Some(ifb)) = (netlink.index(device)?, netlink.index(IFB)?) else { return Ok(None) };
    let qdiscs = netlink.qdiscs()?;
    let bytes = |of: i32| qdiscs.iter().find_map(|(at, qdisc)| qdisc.root_bytes().filter(|_| *at == of));
    Ok(bytes(index).zip(bytes(ifb)))
}

/// Takes all shaping off a device; no error where there is none.
pub fn remove(device: &str) -> Result<(), ShapingError> {
    let mut netlink = Netlink::open()?;
    let index = netlink.index(device)?.ok_or_else(|| ShapingError::NoDevice(device.to_owned()))?;
    netlink.delete_ingress(index)?;
    netlink.delete_root(index)?;
    netlink.single_segments(device, index, false)?;
    if let Some(ifb) = netlink.index(IFB)? {
        netlink.delete_link(ifb)?;
    }
    Ok(())
}

/// The device with the default route, else `eth0`.
pub fn default_device() -> String {
    let four = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let six = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let device = default_route(&four).or_else(|| default_route6(&six));
    device.unwrap_or("eth0").to_owned()
}

/// Device of the default route in the text of `/proc/net/route`: destination and mask are 0.
fn default_route(text: &str) -> Option<&str> {
    text.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&"00000000") && fields.get(7) == Some(&"00000000")).then(|| fields[0])
    })
}

/// The same in the text of `/proc/net/ipv6_route`, where the kernel's own refusals are listed on `lo`.
fn default_route6(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let device = *fields.get(9)?;
        let everything = fields[0].bytes().all(|digit| digit == b'0') && fields[1] == "00";
        (everything && device != "lo").then_some(device)
    })
}

impl Bucket {
    fn of(bits_per_second: u64) -> Result<Self, ShapingError> {
        let bytes_per_second = bits_per_second / 8;
        if bytes_per_second == 0 {
            return Err(ShapingError::NoRate);
        }
        let burst = LEAST_BURST_BYTES.max(share(bytes_per_second, BURST_SECONDS));
        let limit = burst + share(bytes_per_second, QUEUE_SECONDS);
        let cut = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        Ok(Self { bytes_per_second, burst_bytes: cut(burst), limit_bytes: cut(limit) })
    }

    fn qdisc(self) -> message::Message {
        traffic::tbf(self.bytes_per_second, self.burst_bytes, self.limit_bytes)
    }

    /// Packets that are delayed and those that wait, at the least size that fills a link.
    fn packets_under_way(self, latency_seconds: f64) -> u32 {
        let bytes = share(self.bytes_per_second, latency_seconds + QUEUE_SECONDS);
        u32::try_from(bytes / 500 + 1000).unwrap_or(u32::MAX)
    }
}

/// What a rate gives in that time.
fn share(bytes_per_second: u64, seconds: f64) -> u64 {
    let nanoseconds = std::time::Duration::try_from_secs_f64(seconds).map_or(0, |time| time.as_nanos());
    u64::try_from(u128::from(bytes_per_second) * nanoseconds / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_the_rate() {
        let slow = Bucket::of(20_000_000).unwrap();
        assert_eq!((slow.bytes_per_second, slow.burst_bytes, slow.limit_bytes), (2_500_000, 65_536, 190_536));
        let fast = Bucket::of(10_000_000_000).unwrap();
        assert_eq!((fast.burst_bytes, fast.limit_bytes), (2_500_000, 65_000_000));
        assert!(matches!(Bucket::of(7), Err(ShapingError::NoRate)));
        assert_eq!(slow.packets_under_way(0.05), 1500);
    }

    #[test]
    fn the_default_route_names_its_device() {
        let four = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                    eth1\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                    eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert_eq!(default_route(four), Some("eth0"));
        assert_eq!(default_route("Iface\n"), None);
        let zeros = "0".repeat(32);
        let route = |device: &str| {
            format!("{zeros} 00 {zeros} 00 fe800000000000000000000000000001 00000400 00000001 0 00000003 {device}\n")
        };
        assert_eq!(default_route6(&(route("lo") + &route("eth3"))), Some("eth3"));
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        assert!(in_force("none-such").unwrap_err().to_string().contains("none-such"));
    }
}
