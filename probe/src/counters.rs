//! What the pod's network counted.
//!
//! In: `/proc/net/dev`, `/proc/net/snmp`, the link's buckets and the agent's control groups at two instants, and at
//! two idle ones before. Out: the record's [`Counters`]. All containers of a pod share one network, so the agent sees
//! the node's traffic.
//!
//! What a node receives has its hidden headers counted by the kernel only where the link is shaped: `InSegs` counts a
//! bundle of segments once, as the device does.

use std::{fs, io, time::Instant};

use benchgrid_measures::Counters;

use crate::{
    cgroup::{Groups, Pressure},
    shaping,
};

/// Headers of a TCP segment on an Ethernet wire: Ethernet 14, IP 20, TCP with timestamps 32.
const SEGMENT_HEADERS: u64 = 66;

/// The counters at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When they were read.
    pub at: Instant,
    /// The chosen device.
    pub device: Device,
    /// Packets that never left the pod: the agent speaks to its node by TCP too.
    pub loopback_packets: u64,
    /// TCP segments sent and sent again, loopback included.
    pub tcp: Tcp,
    /// Bytes received that passed the link's bucket, all headers included; none where there is no bucket.
    pub passed_bytes: Option<u64>,
    /// What the agent's own group suffered.
    pub pressure: Pressure,
}

/// Counters of a network device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Device {
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets received.
    pub received_packets: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
}

/// Counters of the TCP stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tcp {
    /// `OutSegs`: segments sent, those sent again left out.
    pub segments_sent: u64,
    /// `RetransSegs`: segments sent again.
    pub segments_retransmitted: u64,
}

/// Traffic while nothing is transferred, in bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Idle {
    /// Received.
    pub received_bytes_per_second: f64,
    /// Sent.
    pub sent_bytes_per_second: f64,
}

impl Reading {
    /// Reads the counters of a device now.
    pub fn take(device: &str) -> io::Result<Self> {
        let dev = fs::read_to_string("/proc/net/dev")?;
        let snmp = fs::read_to_string("/proc/net/snmp")?;
        let missing = |what: &str| io::Error::new(io::ErrorKind::NotFound, format!("no counters of {what}"));
        Ok(Self {
            at: Instant::now(),
            device: parse_device(&dev, device).ok_or_else(|| missing(device))?,
            loopback_packets: parse_device(&dev, "lo").map_or(0, |device| device.sent_packets),
            tcp: parse_tcp(&snmp).ok_or_else(|| missing("TCP"))?,
            // A kernel that does not tell is no reason to count nothing.
            passed_bytes: shaping::passed(device).ok().flatten().map(|(_, received)| received),
            pressure: Groups::own().pressure(),
        })
    }

    /// What was counted since an earlier reading.
    pub fn since(&self, earlier: &Self, idle: Idle) -> Counters {
        let (now, then) = (self.device, earlier.device);
        let sent_bytes = now.sent_bytes.saturating_sub(then.sent_bytes);
        let sent_packets = now.sent_packets.saturating_sub(then.sent_packets);
        let segments_sent = self.tcp.segments_sent.saturating_sub(earlier.tcp.segments_sent);
        let again = self.tcp.segments_retransmitted.saturating_sub(earlier.tcp.segments_retransmitted);
        let loopback = self.loopback_packets.saturating_sub(earlier.loopback_packets);
        let pressure = self.pressure.since(&earlier.pressure);
        // Segments on the device that it counted as parts of bigger packets, so without headers of their own.
        let hidden = segments_sent.saturating_sub(loopback).saturating_sub(sent_packets);
        Counters {
            received_bytes: now.received_bytes.saturating_sub(then.received_bytes),
            sent_bytes,
            received_packets: now.received_packets.saturating_sub(then.received_packets),
            sent_packets,
            segments_sent,
            segments_retransmitted: again,
            sent_wire_bytes: sent_bytes + hidden * SEGMENT_HEADERS,
            received_wire_bytes: self
                .passed_bytes
                .zip(earlier.passed_bytes)
                .and_then(|(now, then)| now.checked_sub(then)),
            idle_received_bytes_per_second: idle.received_bytes_per_second,
            idle_sent_bytes_per_second: idle.sent_bytes_per_second,
            seconds: self.at.saturating_duration_since(earlier.at).as_secs_f64(),
            agent_throttled_seconds: pressure.throttled_seconds,
            agent_throttled_periods: pressure.throttled_periods,
            agent_oom_kills: pressure.oom_kills,
        }
    }

    /// Rates since an earlier reading, where nothing was transferred between the two.
    pub fn idle_since(&self, earlier: &Self) -> Idle {
        let counted = self.since(earlier, Idle::default());
        if counted.seconds <= 0.0 {
            return Idle::default();
        }
        let rate = |bytes: u64| u64_to_f64(bytes) / counted.seconds;
        Idle {
            received_bytes_per_second: rate(counted.received_bytes),
            sent_bytes_per_second: rate(counted.sent_bytes),
        }
    }
}

/// Exact below 2^53 bytes, far beyond any counter here.
fn u64_to_f64(number: u64) -> f64 {
    let (high, low) = (number >> 32, number & u64::from(u32::MAX));
    let half = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    half(high) * 4_294_967_296.0 + half(low)
}

/// Counters of a device in the text of `/proc/net/dev`.
pub fn parse_device(text: &str, device: &str) -> Option<Device> {
    let (_, numbers) = text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == device)?;
    let numbers: Vec<u64> = numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(Device {
        received_bytes: *numbers.first()?,
        received_packets: *numbers.get(1)?,
        sent_bytes: *numbers.get(8)?,
        sent_packets: *numbers.get(9)?,
    })
}

/// Counters of TCP in the text of `/proc/net/snmp`: a line of names, then a line of numbers.
pub fn parse_tcp(text: &str) -> Option<Tcp> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let value = |wanted: &str| {
        let (_, number) = names.split_whitespace().zip(numbers.split_whitespace()).find(|(name, _)| *name == wanted)?;
        number.parse().ok()
    };
    Some(Tcp { segments_sent: value("OutSegs")?, segments_retransmitted: value("RetransSegs")? })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    4000      40    0    0    0     0          0         0     4000      40    0    0    0     0       0          0
  eth0:31415926    2718    0    5    0     0          0         0  1618033     577    0    0    0     0       0          0
";
    const SNMP: &str = "Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 12 8 0 0 2 900 10545 7 0 3 0
Udp: InDatagrams
Udp: 4
";

    #[test]
    fn files_of_the_kernel_are_read() {
        let device =
            Device { received_bytes: 31_415_926, received_packets: 2718, sent_bytes: 1_618_033, sent_packets: 577 };
        assert_eq!(parse_device(DEV, "eth0"), Some(device));
        assert_eq!(parse_device(DEV, "eth"), None);
        assert_eq!(parse_tcp(SNMP), Some(Tcp { segments_sent: 10_545, segments_retransmitted: 7 }));
        assert_eq!(parse_tcp("Udp: a\nUdp: 1\n"), None);
    }

    fn reading(at: Instant, scale: u64) -> Reading {
        Reading {
            at,
            device: Device {
                received_bytes: 10 * scale,
                received_packets: scale,
                sent_bytes: 1000 * scale,
                sent_packets: 100 * scale,
            },
            loopback_packets: 20 * scale,
            tcp: Tcp { segments_sent: 1020 * scale, segments_retransmitted: scale },
            passed_bytes: Some(11 * scale),
            pressure: Pressure::default(),
        }
    }

    #[test]
    fn headers_that_offload_hides_are_added() {
        let start = Instant::now();
        let idle = Idle { received_bytes_per_second: 1.0, sent_bytes_per_second: 2.0 };
        let counters = reading(start + Duration::from_secs(2), 3).since(&reading(start, 1), idle);
        assert_eq!((counters.sent_bytes, counters.sent_packets, counters.segments_sent), (2000, 200, 2040));
        // 2040 segments, 40 on loopback, 200 counted: 1800 had no headers of their own.
        assert_eq!(counters.sent_wire_bytes, 2000 + 1800 * 66);
        assert_eq!((counters.received_bytes, counters.received_packets), (20, 2));
        assert_eq!(counters.received_wire_bytes, Some(22));
        let anew = Reading { passed_bytes: Some(3), ..reading(start, 3) };
        assert_eq!(anew.since(&reading(start, 1), idle).received_wire_bytes, None, "buckets that were set anew");
        assert_eq!(counters.segments_retransmitted, 2);
        assert!((counters.seconds - 2.0).abs() < 1e-9);
        assert!((counters.idle_sent_bytes_per_second - 2.0).abs() < 1e-9);
    }

    #[test]
    fn idle_is_a_rate() {
        let start = Instant::now();
        let idle = reading(start + Duration::from_secs(2), 3).idle_since(&reading(start, 1));
        assert!((idle.sent_bytes_per_second - 1000.0).abs() < 1e-9);
        assert!((idle.received_bytes_per_second - 10.0).abs() < 1e-9);
        assert_eq!(reading(start, 1).idle_since(&reading(start, 1)), Idle::default());
    }

    #[test]
    fn this_machine_has_counters() {
        let reading = Reading::take("lo").unwrap();
        assert_eq!(reading.device.sent_packets, reading.loopback_packets);
        assert!(Reading::take("none-such").unwrap_err().to_string().contains("none-such"));
    }
}
