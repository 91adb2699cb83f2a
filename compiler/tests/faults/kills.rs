//! Kills at random moments.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::world::{Run, World, git, hook, sound, tip};

/// Kills a round; the same in each run of the tests.
fn kills() -> u64 {
    std::env::var("BENCHGRID_KILLS").map_or(20, |text| text.parse().unwrap())
}

/// Where the row of moments starts; never 0, from which it would not move.
fn seed() -> u64 {
    std::env::var("BENCHGRID_SEED").map_or(0x5eed, |text| text.parse::<u64>().unwrap().max(1))
}

/// The next of a row of numbers that look random.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Compiles; when a lock was left behind, does what the message says, and compiles again.
fn go_on(world: &World, more: &[&str]) -> Run {
    let run = world.compile(more);
    if run.code != 3 {
        return run;
    }
    run.refused("BG0710");
    let (_, rest) = run.err.split_once("`rm ").unwrap();
    fs::remove_file(rest.split_once('`').unwrap().0).unwrap();
    world.compile(more)
}

/// That the branch is the old one or one commit on top of it, and whole.
fn old_or_new(place: &Path, old: &str, cells: (usize, usize)) -> bool {
    let now = tip(place);
    if now == old {
        sound(place, "one", cells.0);
        return false;
    }
    assert_eq!(git(place, &["rev-parse", &format!("{now}^")]), old);
    sound(place, "one", cells.1);
    true
}

fn killed(push: bool, kills: u64) {
    // Enough cells that some rounds write a pack and others loose objects.
    let sizes = [2, 60, 5, 62, 64];
    let world = World::with_remote();
    let more: &[&str] = if push { &["--push"] } else { &[] };
    let began = Instant::now();
    world.compile(more).good();
    let usual = began.elapsed() * 2;
    let (mut state, mut cells, mut new) = (seed(), 2, 0);
    for round in 0..kills {
        let wanted = sizes[usize::try_from(round + 1).unwrap() % sizes.len()];
        world.scenario("one", wanted);
        world.commit(&format!("Round {round}"));
        let place = if push { world.remote() } else { world.source() };
        let old = tip(&place);
        let arguments = [&["compile", "matrices/one.yaml", "--lab", "lab.yaml"], more].concat();
        let mut child = world.benchgrid(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(usual.mul_f64(f64::from(u32::try_from(next(&mut state) % 1000).unwrap()) / 1000.0));
        child.kill().unwrap();
        child.wait().unwrap();
        quiet(&world);
        new += u32::from(old_or_new(&place, &old, (cells, wanted)));
        git(&world.source(), &["fsck", "--strict", "--no-dangling"]);
        go_on(&world, more).good();
        sound(&place, "one", wanted);
        cells = wanted;
    }
    eprintln!("{kills} kills, {new} after the branch had moved");
}

/// A push goes on when the program is killed; git ends by itself soon.
fn quiet(world: &World) {
    let end = Instant::now() + Duration::from_secs(20);
    let incoming = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("tmp_objdir");
    let mut before = (tip(&world.remote()), tip(&world.source()));
    loop {
        sleep(Duration::from_millis(150));
        let now = (tip(&world.remote()), tip(&world.source()));
        let busy = fs::read_dir(world.remote().join("objects")).unwrap().any(|entry| incoming(entry.unwrap()));
        if !busy && now == before {
            return;
        }
        before = now;
        assert!(Instant::now() < end, "the remote does not become quiet");
    }
}

#[test]
fn a_kill_leaves_the_old_branch_or_the_new_one() {
    killed(false, kills() - kills() / 4);
}

#[test]
fn a_kill_with_push_leaves_the_old_branch_or_the_new_one() {
    killed(true, kills() / 4);
}

#[test]
fn killed_while_pushing() {
    let world = World::with_remote();
    world.compile(&["--push"]).good();
    let old = tip(&world.remote());
    world.scenario("one", 3);
    world.commit("Widen");
    let here = world.folder.path().join("here");
    hook(&world.remote().join("hooks/pre-receive"), &format!("touch '{}'; sleep 1", here.display()));
    let arguments = ["compile", "matrices/one.yaml", "--lab", "lab.yaml", "--push"];
    let mut child = world.benchgrid(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_mins(1);
    while !here.exists() {
        assert!(Instant::now() < end, "never came to the push");
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(tip(&world.source()), old, "the local branch follows the remote's, never leads");
    quiet(&world);
    old_or_new(&world.remote(), &old, (2, 3));
    go_on(&world, &["--push"]).good();
    assert_eq!(tip(&world.remote()), tip(&world.source()));
    sound(&world.remote(), "one", 3);
    assert_eq!(git(&world.remote(), &["rev-list", "--count", "deploy"]), "2");
}
