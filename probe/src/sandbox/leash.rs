use std::{
    ffi::OsString,
    os::unix::process::{CommandExt, parent_id},
    process::Command,
};

use nix::sys::{prctl, signal::Signal};

use super::{SandboxError, step};

/// Becomes another program that ends when the process `parent` does, which started this one. Returns only with an
/// error.
pub fn leash(parent: u32, command: &[OsString]) -> SandboxError {
    if let Err(error) = follow(parent) {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else {
        return SandboxError::Process("no program to start".to_owned());
    };
    let error = Command::new(program).args(arguments).exec();
    step(format!("start of {}", program.display()))(error)
}

/// Lets this process end when its parent does.
pub(super) fn follow(parent: u32) -> Result<(), SandboxError> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(step("wish to end with the parent"))?;
    // the parent may have ended before the wish; 0: it is in another namespace
    match parent_id() {
        0 => Ok(()),
        now if now == parent => Ok(()),
        _ => Err(SandboxError::Process("the process that started this one has ended".to_owned())),
    }
}
