//! Disks that are full or read-only. They are mounted for the test alone, in a mount namespace of its own.

use std::fs;

use crate::{
    cannot,
    world::{Run, World, command, sound, tip},
};

/// Runs a shell script with mounts of its own; none where the machine won't.
fn mounted(world: &World, what: &str, script: &str) -> Option<Run> {
    let probe = |flags: &str| {
        let mut probe = command("unshare", world.folder.path());
        probe.args([flags, "sh", "-c", "mount -t tmpfs tmpfs \"$PWD\""]);
        probe.output().is_ok_and(|output| output.status.success())
    };
    let Some(flags) = ["-m", "-rm"].into_iter().find(|flags| probe(flags)) else {
        cannot(what, "nothing can be mounted here, not in a namespace either");
        return None;
    };
    let mut shell = command("unshare", world.folder.path());
    shell.args([flags, "sh", "-euc", script]).env("HOME", world.folder.path());
    shell.env("BENCHGRID", env!("CARGO_BIN_EXE_benchgrid"));
    Some(Run::of(&shell.output().unwrap()))
}

/// After the mount: compile, then say what became of the branch.
const COMPILE: &str = "
compile() { rc=0; \"$BENCHGRID\" compile matrices/one.yaml --lab lab.yaml \"$@\" || rc=$?; }
state() { git for-each-ref; git fsck --strict --no-dangling; }
";

#[test]
fn a_full_disk_changes_nothing() {
    let world = World::new();
    world.compile(&[]).good();
    // Some of these fail at the objects, some at the pack, some at the reference.
    for (cells, free) in [(80, 0), (80, 16), (80, 64), (80, 128), (4, 0), (4, 8), (4, 32)] {
        world.scenario("one", cells);
        let script = format!(
            "{COMPILE}
            mkdir full; mount -t tmpfs -o size=8m tmpfs full; cp -a source/. full; cd full
            before=$(state); cat /dev/zero > fill 2>/dev/null || true; truncate -s -{free}K fill
            compile; rm fill
            [ \"$(state)\" = \"$before\" ] || {{ echo changed; exit 99; }}
            ls .git/objects/pack | grep -v '^tmp_' | grep . && {{ echo left; exit 98; }}
            compile_rc=$rc; compile >/dev/null 2>&1; [ $rc = 0 ] || exit 97
            git fsck --strict --no-dangling >&2; exit $compile_rc"
        );
        let Some(run) = mounted(&world, "a full disk", &script) else { return };
        run.refused("BG0722").says("No space left on device").says(".git");
        fs::remove_dir(world.folder.path().join("full")).unwrap();
    }
}

#[test]
fn a_read_only_repository_stays_as_it_is() {
    let world = World::new();
    world.compile(&[]).good();
    for cells in [4, 80] {
        world.scenario("one", cells);
        let script = format!(
            "{COMPILE}
            mount --bind source source; mount -o remount,bind,ro source; cd source
            before=$(state); compile; [ \"$(state)\" = \"$before\" ] || exit 99; exit $rc"
        );
        let Some(run) = mounted(&world, "a read-only repository", &script) else { return };
        run.refused("BG0721").says("Read-only file system").says(".git");
    }
}

#[test]
fn a_remote_on_a_full_or_read_only_disk_stays_as_it_is() {
    let world = World::with_remote();
    world.compile(&["--push"]).good();
    world.scenario("one", 80);
    world.commit("Widen");
    let before = tip(&world.remote());
    for (code, mount) in [
        ("BG0721", "mount --bind remote.git remote.git; mount -o remount,bind,ro remote.git"),
        (
            "BG0722",
            "cp -a remote.git copy; mount -t tmpfs -o size=4m tmpfs remote.git; cp -a copy/. remote.git; rm -r copy; \
            cat /dev/zero > remote.git/fill 2>/dev/null || true",
        ),
    ] {
        let script = format!(
            "{COMPILE} {mount}; cd source; before=$(git -C ../remote.git for-each-ref; git rev-parse deploy)
            compile --push; [ \"$(git -C ../remote.git for-each-ref; git rev-parse deploy)\" = \"$before\" ] || exit 99
            git -C ../remote.git fsck --strict --no-dangling >&2; exit $rc"
        );
        let Some(run) = mounted(&world, "a remote on a full disk", &script) else { return };
        run.refused(code);
        assert_eq!(tip(&world.remote()), before);
    }
    world.compile(&["--push"]).good();
    sound(&world.remote(), "one", 80);
}

#[test]
fn home_and_temporary_folder_are_not_needed() {
    let world = World::with_remote();
    let script = format!(
        "{COMPILE} mkdir home temporary; mount -t tmpfs -o ro tmpfs home; mount -t tmpfs -o size=4k tmpfs temporary
        cat /dev/zero > temporary/fill 2>/dev/null || true; export HOME=$PWD/home TMPDIR=$PWD/temporary
        cd source; compile --push; exit $rc"
    );
    let Some(run) = mounted(&world, "a full temporary folder", &script) else { return };
    run.good();
    sound(&world.remote(), "one", 2);
}
