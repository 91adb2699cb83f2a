//! Out of the caller's namespaces.

use std::{fs, path::Path};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use super::{Sandbox, SandboxError, file, step};

/// Leaves the user, mount, network and process namespaces of its caller and runs [`super::supervise`] in new ones;
/// gives its exit code. The process must have one thread.
///
/// Root in a place that forbids user namespaces needs none.
pub fn enter(path: &Path) -> Result<i32, SandboxError> {
    let sandbox = Sandbox::read(path)?;
    let (user, group) = (geteuid(), getegid());
    let others = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID;
    match unshare(others | CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            write("/proc/self/setgroups", "deny")?;
            write("/proc/self/uid_map", &format!("0 {user} 1"))?;
            write("/proc/self/gid_map", &format!("0 {group} 1"))?;
        }
        Err(_) if user.is_root() => unshare(others).map_err(step("new namespaces"))?,
        Err(error) => return Err(step("a new user namespace")(error)),
    }
    // Children are in the new process namespace; this process is not.
    let mut inner = sandbox.own("sandbox");
    inner.arg("--inner").arg(path);
    let mut inner = inner.spawn().map_err(step("start in the new namespaces"))?;
    let status = inner.wait().map_err(step("wait for the sandbox"))?;
    Ok(status.code().unwrap_or(1))
}

fn write(path: &str, text: &str) -> Result<(), SandboxError> {
    fs::write(path, text).map_err(file(Path::new(path)))
}
