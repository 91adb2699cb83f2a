use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::PathBuf, process::Command};

use serde::{Deserialize, Serialize};

use super::{SandboxError, file};

/// The hub of a network of namespaces, and the length of its prefix.
pub(super) const HUB: Ipv4Addr = Ipv4Addr::new(10, 98, 0, 1);
pub(super) const PREFIX: u8 = 16;

/// Everything that runs for one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Words with which this program becomes the probe: `benchgrid` has the probe behind a word of its own.
    pub own: Vec<String>,
    /// Whether there are namespaces.
    pub isolation: Isolation,
    /// A folder that is there, for what the sandbox itself needs.
    pub folder: PathBuf,
    /// The file that gets a line for each container that ended by itself.
    pub ended: PathBuf,
    /// Folders that go when all is over.
    pub scratch: Vec<PathBuf>,
    /// The pods, in the order of their addresses.
    pub pods: Vec<Pod>,
    /// What runs at the hub; none: the pods are started, and that is all.
    pub coordinator: Option<Process>,
    /// Seconds that the coordinator may take.
    pub limit_seconds: u64,
    /// The way to a store outside of the network.
    pub relay: Option<Relay>,
}

/// What keeps pods apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// A network and a file system for each.
    Namespaces,
    /// Addresses of the loopback device, and nothing else; the number tells sandboxes of one machine apart.
    Loopback(u16),
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The name by which others find it.
    pub host: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// What runs before the others, one after the other, to a good end.
    pub init: Vec<Process>,
    /// What runs at the same time.
    pub containers: Vec<Process>,
    /// Folders and files at other places than theirs; each before those below it.
    pub mounts: Vec<Mount>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What people call it.
    pub name: String,
    /// What is started.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// The file that gets its standard output.
    pub output: PathBuf,
    /// The file that gets its standard error.
    pub errors: PathBuf,
}

/// What can be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// This program, as the probe.
    Own,
    /// Another one, by its path.
    Path(PathBuf),
}

/// A folder or file, and where a pod sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is.
    pub source: PathBuf,
    /// Where the pod sees it.
    pub target: PathBuf,
}

/// A port of the hub that leads out of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// The socket file at which the outside is reached.
    pub socket: PathBuf,
    /// The port, of the hub's loopback device.
    pub port: u16,
}

/// Address of the pod of that number; none where there are too many.
pub fn address(isolation: Isolation, number: usize) -> Option<Ipv4Addr> {
    match isolation {
        Isolation::Namespaces => {
            let number = u16::try_from(number).ok().filter(|number| *number < 1000)?;
            let [high, low] = (number + 2).to_be_bytes();
            let [a, b, ..] = HUB.octets();
            Some(Ipv4Addr::new(a, b, high, low))
        }
        Isolation::Loopback(of) => {
            let last = u8::try_from(number + 1).ok().filter(|last| *last < 250)?;
            let [high, low] = of.to_be_bytes();
            Some(Ipv4Addr::new(127, high, low, last))
        }
    }
}

/// Address of the hub, where the coordinator is.
pub fn hub_address(isolation: Isolation) -> Ipv4Addr {
    match isolation {
        Isolation::Namespaces => HUB,
        Isolation::Loopback(of) => {
            let [high, low] = of.to_be_bytes();
            Ipv4Addr::new(127, high, low, 254)
        }
    }
}

impl Sandbox {
    /// Reads what was written for this process.
    pub(super) fn read(path: &std::path::Path) -> Result<Self, SandboxError> {
        let text = fs::read_to_string(path).map_err(file(path))?;
        serde_json::from_str(&text).map_err(|error| file(path)(std::io::Error::other(error)))
    }

    /// Names of pods and coordinator, as a hosts file has them.
    pub(super) fn hosts(&self) -> String {
        let hub = hub_address(self.isolation);
        let fixed = [format!("127.0.0.1 localhost\n::1 localhost\n{hub} coordinator\n")];
        let pods = self.pods.iter().map(|pod| format!("{} {} {}\n", pod.address, pod.host, pod.name));
        fixed.into_iter().chain(pods).collect()
    }

    /// This program, as a part of the probe. The path stays good whatever is mounted over the program's own.
    pub(super) fn own(&self, part: &str) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(&self.own).arg(part);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_have_addresses_of_their_own() {
        let at = |number| address(Isolation::Namespaces, number).unwrap().to_string();
        assert_eq!(
            (at(0), at(253), at(254), at(999)),
            ("10.98.0.2".into(), "10.98.0.255".into(), "10.98.1.0".into(), "10.98.3.233".into())
        );
        assert_eq!(address(Isolation::Namespaces, 1000), None);
        assert_eq!(address(Isolation::Loopback(0x6407), 2).unwrap().to_string(), "127.100.7.3");
        assert_eq!(address(Isolation::Loopback(0x6407), 249), None);
        assert_eq!(hub_address(Isolation::Loopback(0x6407)).to_string(), "127.100.7.254");
    }
}
