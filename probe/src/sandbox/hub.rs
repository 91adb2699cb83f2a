//! The middle of the network: names, a bridge, and a cable to each pod.

use std::{fs, path::Path};

use nix::mount::{MsFlags, mount};

use super::{
    Sandbox, SandboxError, file,
    spec::{HUB, PREFIX},
    step,
};
use crate::shaping::device::Devices;

const BRIDGE: &str = "hub";
/// The pods' device, as in a cluster.
pub(super) const DEVICE: &str = "eth0";

/// Gives this mount namespace processes and names of its own, and this network namespace a bridge.
pub(super) fn open(sandbox: &Sandbox) -> Result<Devices, SandboxError> {
    let nothing = None::<&Path>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).map_err(step("mounts of its own"))?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), nothing).map_err(step("a mount of /proc"))?;
    over(&sandbox.folder.join("hosts"), &sandbox.hosts(), "/etc/hosts")?;
    // names are in the hosts file alone: other sources would be asked on the machine's side, or not answer
    let sources = "passwd: files\ngroup: files\nhosts: files\n";
    over(&sandbox.folder.join("nsswitch.conf"), sources, "/etc/nsswitch.conf")?;
    let mut devices = Devices::open()?;
    devices.up("lo")?;
    devices.bridge(BRIDGE)?;
    devices.address(BRIDGE, HUB, PREFIX)?;
    Ok(devices)
}

/// A cable between the bridge and the namespace of a process.
pub(super) fn cable(devices: &mut Devices, number: usize, process: u32) -> Result<(), SandboxError> {
    Ok(devices.cable(&format!("pod{number}"), BRIDGE, DEVICE, process)?)
}

/// Puts a file over one of the machine, where there is one.
fn over(path: &Path, text: &str, target: &str) -> Result<(), SandboxError> {
    fs::write(path, text).map_err(file(path))?;
    if !Path::new(target).exists() {
        return Ok(());
    }
    let nothing = None::<&Path>;
    mount(Some(path), target, nothing, MsFlags::MS_BIND, nothing).map_err(step(format!("a mount over {target}")))
}
