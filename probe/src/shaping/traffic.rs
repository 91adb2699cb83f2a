//! The kernel's traffic control, as messages.
//!
//! In: rates, buckets, delays. Out: the options of the queueing disciplines and of the filter, without any rate
//! table; and the disciplines that the kernel lists, read.

use super::message::{Message, attribute, attributes, i32_at, text, u32_at, u64_at};

/// Attributes of every traffic control message.
pub(super) const TCA_KIND: u16 = 1;
pub(super) const TCA_OPTIONS: u16 = 2;

/// Where a discipline or filter hangs.
pub(super) const ROOT: u32 = 0xffff_ffff;
pub(super) const INGRESS: u32 = 0xffff_fff1;
pub(super) const INGRESS_HANDLE: u32 = 0xffff_0000;
/// Handles of the bucket and, below its only class, of the delay.
pub(super) const BUCKET_HANDLE: u32 = 0x0001_0000;
pub(super) const BUCKET_CLASS: u32 = 0x0001_0001;
pub(super) const DELAY_HANDLE: u32 = 0x000a_0000;
/// Priority 1 and every protocol, as a filter's `info`.
pub(super) const FILTER_INFO: u32 = 1 << 16 | (ETH_P_ALL.to_be() as u32);

const ETH_P_ALL: u16 = 3;

const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;

const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_BURST: u16 = 6;
/// Link layer of a rate: Ethernet; only "unaware" wants a rate table.
const LINKLAYER_ETHERNET: u8 = 1;

const TCA_NETEM_LATENCY64: u16 = 10;
/// A tick of the scheduler is 64 ns.
const TICK_SHIFT: u32 = 6;

const TCA_U32_SEL: u16 = 5;
const TCA_U32_ACT: u16 = 7;
const TC_U32_TERMINAL: u8 = 1;
const TCA_ACT_KIND: u16 = 1;
const TCA_ACT_OPTIONS: u16 = 2;
const TCA_MIRRED_PARMS: u16 = 2;
const TC_ACT_STOLEN: i32 = 4;
const TCA_EGRESS_REDIR: i32 = 1;

/// Body of a traffic control message (`struct tcmsg`).
pub(super) fn tcmsg(index: i32, handle: u32, parent: u32, info: u32) -> Message {
    Message::new().u32(0).i32(index).u32(handle).u32(parent).u32(info)
}

/// A token bucket: kind and options.
pub(super) fn tbf(bytes_per_second: u64, burst_bytes: u32, limit_bytes: u32) -> Message {
    let rate = u32::try_from(bytes_per_second).unwrap_or(u32::MAX);
    let rate_spec = |rate: u32| Message::new().u8(0).u8(LINKLAYER_ETHERNET).u16(0).u16(0).u16(0).u32(rate);
    let mut parameters = rate_spec(rate);
    // No peak rate.
    parameters.0.extend_from_slice(&Message::new().u32(0).u32(0).u32(0).0);
    let parameters = parameters.u32(limit_bytes).u32(0).u32(0);
    let mut options =
        Message::new().nested(TCA_TBF_PARMS, &parameters).nested(TCA_TBF_BURST, &Message::new().u32(burst_bytes));
    if rate == u32::MAX {
        options = options.nested(TCA_TBF_RATE64, &Message::new().u64(bytes_per_second));
    }
    Message::new().text(TCA_KIND, "tbf").nested(TCA_OPTIONS, &options)
}

/// A delay and a loss, in one (`struct tc_netem_qopt`): kind and options.
pub(super) fn netem(latency_seconds: f64, loss_ratio: f64, limit_packets: u32) -> Message {
    let latency = std::time::Duration::try_from_secs_f64(latency_seconds).unwrap_or_default();
    let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
    let ticks = u32::try_from(nanoseconds >> TICK_SHIFT).unwrap_or(u32::MAX);
    let options = Message::new()
        .u32(ticks)
        .u32(limit_packets)
        .u32(chance(loss_ratio))
        // No gap, no duplicates, no jitter.
        .u32(0)
        .u32(0)
        .u32(0)
        .nested(TCA_NETEM_LATENCY64, &Message::new().u64(nanoseconds));
    Message::new().text(TCA_KIND, "netem").nested(TCA_OPTIONS, &options)
}

/// A probability as the kernel has it: all 32 bits set are certainty.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float stays in range")]
fn chance(ratio: f64) -> u32 {
    (ratio.clamp(0.0, 1.0) * f64::from(u32::MAX)).round() as u32
}

/// The discipline that filters of received packets hang on.
pub(super) fn ingress() -> Message {
    Message::new().text(TCA_KIND, "ingress")
}

/// A filter that matches everything and sends it out of another device.
pub(super) fn redirect(to: i32) -> Message {
    let mirred = Message::new().u32(0).u32(0).i32(TC_ACT_STOLEN).i32(0).i32(0).i32(TCA_EGRESS_REDIR).i32(to);
    let action = Message::new()
        .text(TCA_ACT_KIND, "mirred")
        .nested(TCA_ACT_OPTIONS, &Message::new().nested(TCA_MIRRED_PARMS, &mirred));
    // One key: no bit of the packet's first word has to be anything. The selector has a byte of padding.
    let selector = Message::new()
        .u8(TC_U32_TERMINAL)
        .u8(0)
        .u8(1)
        .u8(0)
        .u16(0)
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(0)
        .u32(0)
        .u32(0)
        .i32(0)
        .i32(0);
    let options = Message::new().nested(TCA_U32_SEL, &selector).nested(TCA_U32_ACT, &Message::new().nested(1, &action));
    Message::new().text(TCA_KIND, "u32").nested(TCA_OPTIONS, &options)
}

/// Whether a listed filter sends everything out of that device.
pub(super) fn is_redirect(message: &[u8], to: i32) -> bool {
    let target = || {
        let attributes = message.get(20..)?;
        let options = attribute(attributes, TCA_OPTIONS)?;
        let action = attribute(attribute(options, TCA_U32_ACT)?, 1)?;
        let mirred = attribute(attribute(action, TCA_ACT_OPTIONS)?, TCA_MIRRED_PARMS)?;
        i32_at(mirred, 24)
    };
    target() == Some(to)
}

/// A queueing discipline that the kernel lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Qdisc {
    parent: u32,
    kind: String,
    options: Vec<u8>,
    /// Bytes that passed: the kernel counts the headers that segmentation offload hides.
    bytes: Option<u64>,
}

impl Qdisc {
    /// Reads a listed one; gives the device's index too.
    pub(super) fn parse(message: &[u8]) -> Option<(i32, Self)> {
        let index = i32_at(message, 4)?;
        let parent = u32_at(message, 12)?;
        let attributes = message.get(20..)?;
        let kind = text(attribute(attributes, TCA_KIND)?);
        let options = attribute(attributes, TCA_OPTIONS).unwrap_or_default().to_vec();
        let basic = attribute(attributes, TCA_STATS2).and_then(|all| attribute(all, TCA_STATS_BASIC));
        Some((index, Self { parent, kind, options, bytes: basic.and_then(|basic| u64_at(basic, 0)) }))
    }

    /// Bytes a second, where it is a token bucket on everything that the device sends.
    pub(super) fn root_rate(&self) -> Option<u64> {
        if self.kind != "tbf" || self.parent != ROOT {
            return None;
        }
        let wide = attribute(&self.options, TCA_TBF_RATE64).and_then(|value| u64_at(value, 0));
        wide.or_else(|| u32_at(attribute(&self.options, TCA_TBF_PARMS)?, 8).map(u64::from))
    }

    /// Bytes that it let through, headers that segmentation offload hides included, where it is on everything that
    /// the device sends.
    pub(super) fn root_bytes(&self) -> Option<u64> {
        self.bytes.filter(|_| self.kind == "tbf" && self.parent == ROOT)
    }

    /// Share of the packets that it loses, where it can.
    pub(super) fn loss(&self) -> Option<f64> {
        let chance = u32_at(&self.options, 8).filter(|_| self.kind == "netem")?;
        Some(f64::from(chance) / f64::from(u32::MAX))
    }

    /// Seconds, where it is a delay.
    pub(super) fn delay(&self) -> Option<f64> {
        if self.kind != "netem" {
            return None;
        }
        let extra = self.options.get(24..).unwrap_or_default();
        let wide = attributes(extra).find(|(kind, _)| *kind == TCA_NETEM_LATENCY64);
        let wide = wide.and_then(|(_, value)| u64_at(value, 0));
        let nanoseconds = wide.or_else(|| u32_at(&self.options, 0).map(|ticks| u64::from(ticks) << TICK_SHIFT))?;
        Some(std::time::Duration::from_nanos(nanoseconds).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(index: i32, parent: u32, options: &Message) -> Vec<u8> {
        let mut message = tcmsg(index, BUCKET_HANDLE, parent, 0);
        message.0.extend_from_slice(&options.0);
        message.0
    }

    #[test]
    fn rates_are_read_back() {
        for rate in [2_500_000, u64::from(u32::MAX) - 1, 12_500_000_000] {
            let (index, qdisc) = Qdisc::parse(&listed(3, ROOT, &tbf(rate, 65_536, 100_000))).unwrap();
            assert_eq!((index, qdisc.root_rate(), qdisc.delay()), (3, Some(rate), None));
        }
        let (_, below) = Qdisc::parse(&listed(3, BUCKET_CLASS, &tbf(1, 1, 1))).unwrap();
        assert_eq!(below.root_rate(), None);
    }

    #[test]
    fn delays_are_read_back() {
        let (_, qdisc) = Qdisc::parse(&listed(3, BUCKET_CLASS, &netem(0.025, 0.001, 1000))).unwrap();
        assert!((qdisc.delay().unwrap() - 0.025).abs() < 1e-9);
        assert!((qdisc.loss().unwrap() - 0.001).abs() < 1e-9);
        assert_eq!((qdisc.root_rate(), qdisc.root_bytes()), (None, None));
        let (_, bucket) = Qdisc::parse(&listed(3, ROOT, &tbf(1, 1, 1))).unwrap();
        assert_eq!((bucket.loss(), bucket.delay()), (None, None));
    }

    /// `struct tc_netem_qopt` of `linux/pkt_sched.h`: latency and limit, then loss, gap, duplicate, jitter; every
    /// number has 32 bits, latency in ticks of 64 ns.
    #[test]
    fn delay_and_loss_stand_where_the_kernel_reads_them() {
        let options = attribute(&netem(0.064, 0.5, 700).0, TCA_OPTIONS).unwrap().to_vec();
        let words: Vec<u32> = options[..24].chunks(4).map(|word| u32_at(word, 0).unwrap()).collect();
        assert_eq!(words, [1_000_000, 700, 0x8000_0000, 0, 0, 0]);
        let extra = attribute(&options[24..], TCA_NETEM_LATENCY64).unwrap();
        assert_eq!(u64_at(extra, 0), Some(64_000_000));
        assert_eq!([0.0, 0.001, 1.0, 2.0].map(chance), [0, 4_294_967, u32::MAX, u32::MAX]);
    }

    #[test]
    fn bytes_that_passed_are_read() {
        let basic = Message::new().u64(31_415_926).u32(2718).u32(0);
        let options = tbf(1, 1, 1).nested(TCA_STATS2, &Message::new().nested(TCA_STATS_BASIC, &basic));
        let at = |parent| Qdisc::parse(&listed(3, parent, &options)).unwrap().1.root_bytes();
        assert_eq!((at(ROOT), at(BUCKET_CLASS)), (Some(31_415_926), None));
    }

    #[test]
    fn redirects_are_known_by_their_target() {
        let message = listed(3, INGRESS_HANDLE, &redirect(7));
        assert!(is_redirect(&message, 7));
        assert!(!is_redirect(&message, 8));
        assert!(!is_redirect(&[0; 10], 0));
    }

    #[test]
    fn structs_have_the_sizes_of_the_kernel() {
        let options = |message: &Message| attribute(&message.0, TCA_OPTIONS).unwrap().to_vec();
        assert_eq!(attribute(&options(&tbf(1, 1, 1)), TCA_TBF_PARMS).unwrap().len(), 36);
        assert_eq!(options(&netem(0.1, 0.0, 1)).len(), 24 + 12);
        assert_eq!(attribute(&options(&redirect(1)), TCA_U32_SEL).unwrap().len(), 32);
    }
}
