//! Requests to the kernel's routing netlink, each waited for.
//!
//! In: messages. Out: answers, or a [`ShapingError`] that names the step and what is missing.

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::experiment::Link;

use super::{
    ShapingError,
    message::{HEADER, Message, attribute, i32_at, text, u16_at, u32_at},
    traffic::{self, Qdisc},
};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
pub(super) const NLM_F_EXCL: u16 = 0x200;
pub(super) const NLM_F_CREATE: u16 = 0x400;
/// Bit of an error's flags: the request's payload is left out; and that words follow.
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;

pub(super) const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWTFILTER: u16 = 44;
const RTM_GETTFILTER: u16 = 46;

/// Length of `struct ifinfomsg`, before a link's attributes.
const IFINFO: usize = 16;
const IFLA_GSO_MAX_SEGS: u16 = 40;
/// Segments in a packet where nobody limits them (`GSO_MAX_SEGS` of the kernel).
const MOST_SEGMENTS: u32 = 65_535;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_LINKINFO: u16 = 18;
pub(super) const IFLA_INFO_KIND: u16 = 1;
pub(super) const IFF_UP: u32 = 1;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
pub(super) const EOPNOTSUPP: i32 = 95;

/// An open socket.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
}

/// The kernel's no.
#[derive(Debug)]
pub(super) struct Refusal {
    number: i32,
    words: Option<String>,
}

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Index of a device, where there is one of that name.
    pub(super) fn index(&mut self, device: &str) -> Result<Option<i32>, ShapingError> {
        Ok(self.link(device)?.and_then(|link| i32_at(&link, 4)))
    }

    /// Whether a device is up.
    pub(super) fn is_up(&mut self, device: &str) -> Result<bool, ShapingError> {
        Ok(self.link(device)?.and_then(|link| u32_at(&link, 8)).is_some_and(|flags| flags & IFF_UP != 0))
    }

    /// Makes the intermediate device where it is missing, and takes it up.
    pub(super) fn ensure_ifb(&mut self, name: &str) -> Result<i32, ShapingError> {
        let step = format!("creation of the device {name}");
        let info = Message::new().text(IFLA_INFO_KIND, "ifb");
        let create = ifinfo(0, 0).text(IFLA_IFNAME, name).nested(IFLA_LINKINFO, &info);
        match self.request(create, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL)? {
            Err(refusal) if refusal.number == EOPNOTSUPP => return Err(no_module(&step, "ifb")),
            Err(refusal) if refusal.number != EEXIST => return Err(refusal.into_error(&step)),
            _ => {}
        }
        let index = self.index(name)?.ok_or_else(|| ShapingError::NoDevice(name.to_owned()))?;
        let up = self.request(ifinfo(index, IFF_UP), RTM_NEWLINK, 0)?;
        up.map_err(|refusal| refusal.into_error(&format!("start of the device {name}")))?;
        Ok(index)
    }

    pub(super) fn delete_link(&mut self, index: i32) -> Result<(), ShapingError> {
        let deleted = self.request(ifinfo(index, 0), RTM_DELLINK, 0)?;
        tolerate(deleted, &[ENODEV], "removal of the intermediate device")
    }

    /// Puts a token bucket on all that a device sends.
    pub(super) fn replace_root(&mut self, index: i32, qdisc: &Message, step: &str) -> Result<(), ShapingError> {
        // A discipline of another kind can't be changed into this one.
        self.delete_root(index)?;
        let place = traffic::tcmsg(index, traffic::BUCKET_HANDLE, traffic::ROOT, 0);
        self.add_qdisc(place, qdisc, step, "sch_tbf")
    }

    pub(super) fn delete_root(&mut self, index: i32) -> Result<(), ShapingError> {
        let deleted = self.request(traffic::tcmsg(index, 0, traffic::ROOT, 0), RTM_DELQDISC, 0)?;
        tolerate(deleted, &[ENOENT, EINVAL], "removal of the former shaping")
    }

    /// Delays what the bucket lets through, and loses some of it.
    pub(super) fn add_delay(&mut self, index: i32, link: &Link, packets: u32) -> Result<(), ShapingError> {
        let place = traffic::tcmsg(index, traffic::DELAY_HANDLE, traffic::BUCKET_CLASS, 0);
        let netem = traffic::netem(link.latency_seconds, link.loss_ratio, packets);
        let step = if link.loss_ratio > 0.0 { "loss" } else { "latency" };
        self.add_qdisc(place, &netem, step, "sch_netem")
    }

    /// Lets a device send every segment by itself, or bundles of them again where it was told not to.
    pub(super) fn single_segments(&mut self, device: &str, index: i32, single: bool) -> Result<(), ShapingError> {
        if (self.segments(device)? == Some(1)) == single {
            return Ok(());
        }
        let most = if single { 1 } else { MOST_SEGMENTS };
        let message = ifinfo(index, 0).nested(IFLA_GSO_MAX_SEGS, &Message::new().u32(most));
        let set = self.request(message, RTM_NEWLINK, 0)?;
        set.map_err(|refusal| refusal.into_error("limit of segmentation offload"))
    }

    /// How many segments a packet may hold that a device is given to send.
    pub(super) fn segments(&mut self, device: &str) -> Result<Option<u32>, ShapingError> {
        let link = self.link(device)?;
        Ok(link.and_then(|link| u32_at(attribute(link.get(IFINFO..)?, IFLA_GSO_MAX_SEGS)?, 0)))
    }

    /// Sends all that a device receives through another one.
    pub(super) fn redirect_ingress(&mut self, index: i32, to: i32) -> Result<(), ShapingError> {
        self.delete_ingress(index)?;
        let place = traffic::tcmsg(index, traffic::INGRESS_HANDLE, traffic::INGRESS, 0);
        self.add_qdisc(place, &traffic::ingress(), "hold on what is received", "sch_ingress")?;
        let step = "redirection of what is received";
        let mut filter = traffic::tcmsg(index, 0, traffic::INGRESS_HANDLE, traffic::FILTER_INFO);
        filter.0.extend_from_slice(&traffic::redirect(to).0);
        match self.request(filter, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL)? {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.number == ENOENT && refusal.mentions("action") => {
                Err(no_module(step, "act_mirred"))
            }
            Err(refusal) if refusal.number == ENOENT => Err(no_module(step, "cls_u32")),
            Err(refusal) => Err(refusal.into_error(step)),
        }
    }

    pub(super) fn delete_ingress(&mut self, index: i32) -> Result<(), ShapingError> {
        let place = traffic::tcmsg(index, traffic::INGRESS_HANDLE, traffic::INGRESS, 0);
        let deleted = self.request(place, RTM_DELQDISC, 0)?;
        tolerate(deleted, &[ENOENT, EINVAL], "removal of the former redirection")
    }

    /// All disciplines of all devices.
    pub(super) fn qdiscs(&mut self) -> Result<Vec<(i32, Qdisc)>, ShapingError> {
        let listed = self.dump(traffic::tcmsg(0, 0, 0, 0), RTM_GETQDISC, "list of disciplines")?;
        Ok(listed.iter().filter_map(|message| Qdisc::parse(message)).collect())
    }

    /// Whether all that a device receives goes through the other one.
    pub(super) fn redirects(&mut self, index: i32, to: i32) -> Result<bool, ShapingError> {
        let place = traffic::tcmsg(index, 0, traffic::INGRESS_HANDLE, 0);
        let listed = self.dump(place, RTM_GETTFILTER, "list of filters")?;
        Ok(listed.iter().any(|message| traffic::is_redirect(message, to)))
    }

    fn add_qdisc(
        &mut self,
        place: Message,
        qdisc: &Message,
        step: &str,
        module: &'static str,
    ) -> Result<(), ShapingError> {
        let mut message = place;
        message.0.extend_from_slice(&qdisc.0);
        match self.request(message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL)? {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.number == ENOENT => Err(no_module(step, module)),
            Err(refusal) => Err(refusal.into_error(step)),
        }
    }

    /// A device as the kernel describes it.
    fn link(&mut self, device: &str) -> Result<Option<Vec<u8>>, ShapingError> {
        let question = ifinfo(0, 0).text(IFLA_IFNAME, device);
        match self.ask(question, RTM_GETLINK, NLM_F_ACK)? {
            Ok(answers) => Ok(answers.into_iter().next()),
            Err(refusal) if [ENODEV, EINVAL].contains(&refusal.number) => Ok(None),
            Err(refusal) => Err(refusal.into_error(&format!("look at the device {device}"))),
        }
    }

    pub(super) fn request(&mut self, body: Message, kind: u16, flags: u16) -> io::Result<Result<(), Refusal>> {
        Ok(self.ask(body, kind, flags | NLM_F_ACK)?.map(|_| ()))
    }

    fn dump(&mut self, body: Message, kind: u16, step: &str) -> Result<Vec<Vec<u8>>, ShapingError> {
        self.ask(body, kind, NLM_F_DUMP)?.map_err(|refusal| refusal.into_error(step))
    }

    /// Sends a request and collects the answers until the kernel says that it was all.
    fn ask(&mut self, body: Message, kind: u16, flags: u16) -> io::Result<Result<Vec<Vec<u8>>, Refusal>> {
        self.sequence += 1;
        let bytes = body.framed(kind, NLM_F_REQUEST | flags, self.sequence);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        loop {
            let (datagram, _) = self.socket.recv_from_full()?;
            let mut rest = &datagram[..];
            while let Some(length) = u32_at(rest, 0).and_then(|length| usize::try_from(length).ok()) {
                let Some(message) = rest.get(HEADER..length) else { break };
                match (u16_at(rest, 4), u32_at(rest, 8) == Some(self.sequence)) {
                    (_, false) => {}
                    (Some(NLMSG_DONE), true) => return Ok(Ok(answers)),
                    (Some(NLMSG_ERROR), true) => {
                        let flags = u16_at(rest, 6).unwrap_or(0);
                        return Ok(Refusal::parse(message, flags).map_or(Ok(answers), Err));
                    }
                    _ => answers.push(message.to_vec()),
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

impl Refusal {
    /// Reads an error message; number 0 is an acknowledgement.
    fn parse(message: &[u8], flags: u16) -> Option<Self> {
        let number = i32_at(message, 0)?.checked_neg()?;
        let request = u32_at(message, 4).and_then(|length| usize::try_from(length).ok()).unwrap_or(HEADER);
        let echoed = if flags & NLM_F_CAPPED == 0 { request } else { HEADER };
        let words = (flags & NLM_F_ACK_TLVS != 0)
            .then(|| attribute(message.get((4 + echoed).next_multiple_of(4)..)?, NLMSGERR_ATTR_MSG))
            .flatten()
            .map(text);
        (number != 0).then_some(Self { number, words })
    }

    pub(super) fn number(&self) -> i32 {
        self.number
    }

    fn mentions(&self, word: &str) -> bool {
        self.words.as_ref().is_some_and(|words| words.to_lowercase().contains(word))
    }

    pub(super) fn into_error(self, step: &str) -> ShapingError {
        if self.number == EPERM {
            return ShapingError::NotPermitted { step: step.to_owned() };
        }
        let source = io::Error::from_raw_os_error(self.number);
        ShapingError::Refused { step: step.to_owned(), source, detail: self.words }
    }
}

/// Body of a message on a device (`struct ifinfomsg`); flags that are given are also the ones that change.
pub(super) fn ifinfo(index: i32, flags: u32) -> Message {
    Message::new().u32(0).i32(index).u32(flags).u32(flags)
}

fn no_module(step: &str, module: &'static str) -> ShapingError {
    ShapingError::NoModule { step: step.to_owned(), module }
}

/// Takes some refusals for an answer: what should go was not there.
fn tolerate(answer: Result<(), Refusal>, numbers: &[i32], step: &str) -> Result<(), ShapingError> {
    match answer {
        Err(refusal) if !numbers.contains(&refusal.number) => Err(refusal.into_error(step)),
        _ => Ok(()),
    }
}
