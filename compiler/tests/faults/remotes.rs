//! Remotes that move, and compilations that come late.

use std::fs;

use crate::world::{Run, World, git, hook, sound, tip};

/// Lets somebody else commit to the remote's branch between our fetch and our push, that many times.
pub(crate) fn mover(world: &World, times: u32) {
    let count = world.folder.path().join("moved");
    let script = format!(
        "unset GIT_DIR GIT_PREFIX; n=$(cat '{count}' 2>/dev/null || echo 0)\n\
        [ \"$n\" -lt {times} ] || exit 0\n\
        echo $((n + 1)) > '{count}'\n\
        cd '{remote}'\n\
        new=$(git commit-tree -p deploy -m \"Somebody $n\" 'deploy^{{tree}}') && git update-ref refs/heads/deploy \"$new\"",
        count = count.display(),
        remote = world.remote().display(),
    );
    hook(&world.source().join(".git/hooks/pre-push"), &script);
}

#[test]
fn a_remote_that_moves_between_fetch_and_push_loses_nothing() {
    let world = World::with_remote();
    world.compile(&["--push"]).good();
    world.scenario("one", 3);
    world.commit("Widen");
    mover(&world, 4);
    world.compile(&["--push"]).good();
    let subjects = git(&world.remote(), &["log", "--format=%s", "deploy"]);
    let subjects: Vec<&str> = subjects.lines().collect();
    let theirs = ["Somebody 3", "Somebody 2", "Somebody 1", "Somebody 0"];
    assert_eq!(subjects[1..5], theirs, "{subjects:?}");
    assert_eq!(subjects.len(), 6);
    sound(&world.remote(), "one", 3);
    sound(&world.source(), "one", 3);
}

#[test]
fn an_older_source_after_a_newer_one_changes_nothing() {
    let world = World::with_remote();
    let old = git(&world.source(), &["rev-parse", "HEAD"]);
    world.scenario("one", 3);
    world.commit("Widen");
    world.compile(&["--push"]).good();
    let before = tip(&world.remote());
    git(&world.source(), &["switch", "-q", "--detach", &old]);
    assert!(world.compile(&["--push"]).good().contains("which comes after this commit"));
    assert!(world.compile(&[]).good().contains("which comes after this commit"));
    assert_eq!((tip(&world.remote()), tip(&world.source())), (before.clone(), before));
}

#[test]
fn an_older_set_of_scenarios_brings_nothing_back() {
    let world = World::new();
    world.scenario("two", 2);
    let old = world.commit("Two scenarios");
    fs::remove_file(world.source().join("matrices/two.yaml")).unwrap();
    world.commit("One is enough");
    let set = ["compile", "matrices", "--lab", "lab.yaml"];
    let compile = || Run::of(&world.benchgrid(&set).output().unwrap());
    let before = compile().good().to_owned();
    git(&world.source(), &["switch", "-q", "--detach", &old]);
    assert!(compile().good().contains("which comes after this commit"));
    assert_eq!(tip(&world.source()), before);
    // nor does it take back one of several that a later commit compiled alone
    git(&world.source(), &["update-ref", "-d", "refs/heads/deploy"]);
    let both = compile().good().to_owned();
    world.scenario("two", 3);
    let later = world.commit("Widen the second");
    let one = ["compile", "matrices/two.yaml", "--lab", "lab.yaml"];
    let widened = Run::of(&world.benchgrid(&one).output().unwrap()).good().to_owned();
    assert_ne!(both, widened);
    git(&world.source(), &["switch", "-q", "--detach", &old]);
    assert!(compile().good().contains(&later));
    assert_eq!(tip(&world.source()), widened);
}

#[test]
fn the_users_hooks_run_as_git_runs_them() {
    let world = World::with_remote();
    hook(&world.source().join(".git/hooks/pre-push"), "pwd > ../ran; cat >> ../ran; echo \"$1\" >> ../ran");
    world.compile(&["--push"]).good();
    let ran = fs::read_to_string(world.folder.path().join("ran")).unwrap();
    let lines: Vec<&str> = ran.lines().collect();
    assert_eq!(lines[0], world.source().to_str().unwrap());
    assert!(lines[1].contains(&format!("refs/heads/deploy {}", "0".repeat(40))), "{ran}");
    assert_eq!(lines[2], "origin");
    // Nothing but the branch goes out, whatever the settings say.
    git(&world.source(), &["tag", "-a", "-m", "x", "v1", "deploy"]);
    git(&world.source(), &["config", "push.followTags", "true"]);
    world.scenario("one", 3);
    world.commit("Widen");
    world.compile(&["--push"]).good();
    assert_eq!(git(&world.remote(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/deploy\nrefs/heads/main");
}
