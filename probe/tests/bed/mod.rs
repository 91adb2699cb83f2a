//! Network namespaces of a test, and this test program run inside them.
//!
//! Needs root and iproute2. A test program can't change its own namespace without unsafe code, so it starts itself
//! again there, for one ignored test that reads its part from the environment.

use std::process::Command;

/// Environment variable that tells a child its part.
pub(crate) const PART: &str = "BENCHGRID_TEST_PART";

/// A namespace, gone when dropped.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    /// Makes one; fails clearly where that is not possible.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("bgt{}-{name}", std::process::id());
        ip(&["netns", "add", &name]);
        let namespace = Self(name);
        ip(&["-n", &namespace.0, "link", "set", "lo", "up"]);
        namespace
    }

    /// A command inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// This program inside, for one of its ignored tests.
    pub(crate) fn part(&self, test: &str, part: &str) -> Command {
        let program = std::env::current_exe().unwrap();
        let mut command = self.command(program.to_str().unwrap());
        command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env(PART, part);
        command
    }

    /// Runs a part to its end and gives what it printed.
    pub(crate) fn run(&self, test: &str, part: &str) -> String {
        let output = self.part(test, part).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{part} in {}: {printed}{errors}", self.0);
        printed
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Runs iproute2.
pub(crate) fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.expect("this test needs the program `ip` (package iproute2)");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs root: ip {arguments:?}: {errors}");
}

/// What a part printed as `key=value`.
pub(crate) fn value<'a>(printed: &'a str, key: &str) -> &'a str {
    let prefix = format!("{key}=");
    printed.split_whitespace().find_map(|word| word.strip_prefix(&prefix)).unwrap_or_else(|| panic!("{printed}"))
}
