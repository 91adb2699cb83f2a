//! Devices of a network of our own: a bridge, pairs of devices that are cables, addresses, a default route.
//!
//! In: names, addresses, the process whose network namespace gets the other end. Out: the kernel's devices; an error
//! names the step. Needs `CAP_NET_ADMIN` in the namespace, as a user namespace of one's own gives it.

use std::net::Ipv4Addr;

use super::{
    ShapingError,
    message::Message,
    netlink::{
        EOPNOTSUPP, IFF_UP, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, NLM_F_CREATE, NLM_F_EXCL, Netlink, RTM_NEWLINK,
        ifinfo,
    },
};

const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;

const IFLA_MASTER: u16 = 10;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;

const AF_INET: u8 = 2;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RTN_UNICAST: u8 = 1;

/// The devices of this process's network namespace.
#[derive(Debug)]
pub(crate) struct Devices(Netlink);

impl Devices {
    /// Of the namespace that the thread is in now.
    pub(crate) fn open() -> Result<Self, ShapingError> {
        Ok(Self(Netlink::open()?))
    }

    /// Takes a device up.
    pub(crate) fn up(&mut self, name: &str) -> Result<(), ShapingError> {
        let index = self.index(name)?;
        self.create(ifinfo(index, IFF_UP), RTM_NEWLINK, 0, &format!("start of the device {name}"))
    }

    /// Makes a bridge, up.
    pub(crate) fn bridge(&mut self, name: &str) -> Result<(), ShapingError> {
        self.create(bridge(name), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &format!("creation of the bridge {name}"))
    }

    /// Makes a cable, up on this side: one end at the bridge, the other end in the namespace of a process.
    pub(crate) fn cable(&mut self, name: &str, bridge: &str, peer: &str, process: u32) -> Result<(), ShapingError> {
        let master = self.index(bridge)?;
        let step = format!("creation of the device {name}");
        self.create(cable(name, master, peer, process), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &step)
    }

    /// Gives a device an address in a network.
    pub(crate) fn address(&mut self, name: &str, address: Ipv4Addr, prefix: u8) -> Result<(), ShapingError> {
        let body = address_message(self.index(name)?, address, prefix);
        self.create(body, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &format!("address {address} of the device {name}"))
    }

    /// Sends everything that has no other way to a gateway.
    pub(crate) fn default_route(&mut self, name: &str, gateway: Ipv4Addr) -> Result<(), ShapingError> {
        let body = route(self.index(name)?, gateway);
        self.create(body, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &format!("default route over {gateway}"))
    }

    fn index(&mut self, name: &str) -> Result<i32, ShapingError> {
        self.0.index(name)?.ok_or_else(|| ShapingError::NoDevice(name.to_owned()))
    }

    fn create(&mut self, body: Message, kind: u16, flags: u16, step: &str) -> Result<(), ShapingError> {
        self.0.request(body, kind, flags)?.map_err(|refusal| match refusal.number() {
            // only a new kind of device can be unknown
            EOPNOTSUPP if kind == RTM_NEWLINK => {
                let module = if step.contains("bridge") { "bridge" } else { "veth" };
                ShapingError::NoModule { step: step.to_owned(), module }
            }
            _ => refusal.into_error(step),
        })
    }
}

fn bridge(name: &str) -> Message {
    let info = Message::new().text(IFLA_INFO_KIND, "bridge");
    ifinfo(0, IFF_UP).text(IFLA_IFNAME, name).nested(IFLA_LINKINFO, &info)
}

fn cable(name: &str, master: i32, peer: &str, process: u32) -> Message {
    let peer = ifinfo(0, 0).text(IFLA_IFNAME, peer).nested(IFLA_NET_NS_PID, &Message::new().u32(process));
    let data = Message::new().nested(VETH_INFO_PEER, &peer);
    let info = Message::new().text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, &data);
    ifinfo(0, IFF_UP)
        .text(IFLA_IFNAME, name)
        .nested(IFLA_MASTER, &Message::new().i32(master))
        .nested(IFLA_LINKINFO, &info)
}

/// `struct ifaddrmsg` and the address, which is the device's own and, on a bridge or cable, its end's.
fn address_message(index: i32, address: Ipv4Addr, prefix: u8) -> Message {
    let octets = address.octets();
    Message::new()
        .u8(AF_INET)
        .u8(prefix)
        .u8(0)
        .u8(RT_SCOPE_UNIVERSE)
        .i32(index)
        .attribute(IFA_LOCAL, &octets)
        .attribute(IFA_ADDRESS, &octets)
}

/// `struct rtmsg` and the way.
fn route(index: i32, gateway: Ipv4Addr) -> Message {
    Message::new()
        .u8(AF_INET)
        .u8(0)
        .u8(0)
        .u8(0)
        .u8(RT_TABLE_MAIN)
        .u8(RTPROT_STATIC)
        .u8(RT_SCOPE_UNIVERSE)
        .u8(RTN_UNICAST)
        .u32(0)
        .attribute(RTA_GATEWAY, &gateway.octets())
        .nested(RTA_OIF, &Message::new().i32(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shaping::message::{attribute, i32_at, text, u32_at};

    /// Behind `struct ifinfomsg`.
    fn after_ifinfo(bytes: &[u8]) -> &[u8] {
        &bytes[16..]
    }

    #[test]
    fn a_cable_has_its_other_end_in_the_namespace_of_a_process() {
        let Message(bytes) = cable("p7", 3, "eth0", 4711);
        assert_eq!((u32_at(&bytes, 8), u32_at(&bytes, 12)), (Some(IFF_UP), Some(IFF_UP)));
        let outer = after_ifinfo(&bytes);
        assert_eq!(text(attribute(outer, IFLA_IFNAME).unwrap()), "p7");
        assert_eq!(i32_at(attribute(outer, IFLA_MASTER).unwrap(), 0), Some(3));
        let info = attribute(outer, IFLA_LINKINFO).unwrap();
        assert_eq!(text(attribute(info, IFLA_INFO_KIND).unwrap()), "veth");
        let peer = attribute(attribute(info, IFLA_INFO_DATA).unwrap(), VETH_INFO_PEER).unwrap();
        assert_eq!(u32_at(peer, 8), Some(0), "the other end is taken up by whoever lives there");
        assert_eq!(text(attribute(after_ifinfo(peer), IFLA_IFNAME).unwrap()), "eth0");
        assert_eq!(u32_at(attribute(after_ifinfo(peer), IFLA_NET_NS_PID).unwrap(), 0), Some(4711));
    }

    #[test]
    fn structs_have_the_sizes_of_the_kernel() {
        let Message(address) = address_message(5, Ipv4Addr::new(10, 1, 2, 3), 16);
        assert_eq!((address[0], address[1], i32_at(&address, 4)), (AF_INET, 16, Some(5)));
        assert_eq!(attribute(&address[8..], IFA_LOCAL), Some(&[10, 1, 2, 3][..]));
        let Message(route) = route(5, Ipv4Addr::new(10, 1, 0, 1));
        assert_eq!((route[1], route[4], route[7]), (0, RT_TABLE_MAIN, RTN_UNICAST));
        assert_eq!(attribute(&route[12..], RTA_GATEWAY), Some(&[10, 1, 0, 1][..]));
        assert_eq!(i32_at(attribute(&route[12..], RTA_OIF).unwrap(), 0), Some(5));
    }

    #[test]
    fn a_bridge_is_made_up() {
        let Message(bytes) = bridge("hub");
        assert_eq!(u32_at(&bytes, 8), Some(IFF_UP));
        let info = attribute(after_ifinfo(&bytes), IFLA_LINKINFO).unwrap();
        assert_eq!(text(attribute(info, IFLA_INFO_KIND).unwrap()), "bridge");
    }
}
