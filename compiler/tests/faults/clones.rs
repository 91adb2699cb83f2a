//! Kinds of clones.

use std::fs;

use crate::world::{Run, World, git, sound, tip};

#[test]
fn bare_linked_and_submodule_repositories() {
    let world = World::with_remote();
    let folder = world.folder.path();
    // The branch is written to a bare repository; the commit it names is the scenario's.
    git(folder, &["init", "-q", "--bare", "bare.git"]);
    world.compile(&["--repo", "../bare.git"]).good();
    let bare = folder.join("bare.git");
    sound(&bare, "one", 2);
    assert!(tip(&world.source()).is_empty());
    let head = git(&world.source(), &["rev-parse", "HEAD"]);
    let message = git(&bare, &["log", "-1", "--format=%B", "deploy"]);
    assert!(message.contains(&format!("Argocd-reference-commit-sha: {head}")), "{message}");
    // A bare repository's HEAD is no work tree, even if it names the branch.
    git(&bare, &["symbolic-ref", "HEAD", "refs/heads/deploy"]);
    assert!(world.compile(&["--repo", "../bare.git"]).good().starts_with("nothing changed"));

    let linked = folder.join("linked");
    git(&world.source(), &["worktree", "add", "-q", "--detach", &linked.display().to_string()]);
    world.compile_in(&linked, &["--push"]).good();
    sound(&world.source(), "one", 2);
    assert_eq!(tip(&world.source()), tip(&world.remote()));
    assert_eq!(git(&linked, &["status", "--porcelain"]), "");
    git(&linked, &["switch", "-q", "deploy"]);
    world.compile(&[]).refused("BG0706").says("linked").says("switch --detach");

    git(folder, &["init", "-q", "-b", "main", "super"]);
    let outer = folder.join("super");
    let url = world.url();
    git(&outer, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", "-b", "main", &url, "inner"]);
    let inner = outer.join("inner");
    assert!(inner.join(".git").is_file());
    world.compile_in(&inner, &[]).good();
    sound(&inner, "one", 2);
    git(&inner, &["switch", "-q", "deploy"]);
    let file = world.source().join("matrices/one.yaml");
    let arguments = ["compile", file.to_str().unwrap(), "--lab", "lab.yaml", "--repo", inner.to_str().unwrap()];
    let run = Run::of(&world.benchgrid(&arguments).output().unwrap());
    run.refused("BG0706").says(&format!("{}", inner.display()));
}

#[test]
fn shallow_clones_and_borrowed_objects() {
    let world = World::with_remote();
    let folder = world.folder.path();
    world.compile(&["--push"]).good();
    world.scenario("one", 3);
    world.commit("Widen");
    git(&world.source(), &["push", "-q", "origin", "main"]);
    git(folder, &["clone", "-q", "--depth=1", "--single-branch", &world.url(), "shallow"]);
    let shallow = folder.join("shallow");
    world.compile_in(&shallow, &["--push"]).good();
    git(&shallow, &["fsck", "--strict", "--no-dangling"]);
    sound(&world.remote(), "one", 3);
    assert_eq!(git(&world.remote(), &["rev-list", "--count", "deploy"]), "2");

    // What another repository lends is not written again.
    let source = world.source();
    git(folder, &["clone", "-q", "--shared", &source.display().to_string(), "borrower"]);
    let borrower = folder.join("borrower");
    git(&borrower, &["remote", "remove", "origin"]);
    world.compile(&[]).good();
    world.compile_in(&borrower, &[]).good();
    sound(&borrower, "one", 3);
    let own = git(&borrower, &["count-objects"]);
    let own: usize = own.split(' ').next().unwrap().parse().unwrap();
    assert!((1..20).contains(&own), "{own} objects of its own");
}

#[test]
fn partial_clones_get_what_they_lack() {
    for filter in ["blob:none", "tree:0"] {
        let world = World::with_remote();
        world.compile(&["--push"]).good();
        world.scenario("two", 4);
        world.commit("Two");
        git(&world.source(), &["push", "-q", "origin", "main"]);
        git(&world.remote(), &["config", "uploadpack.allowFilter", "true"]);
        git(&world.remote(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(world.folder.path(), &["clone", "-q", &format!("--filter={filter}"), &world.url(), "partial"]);
        let partial = world.folder.path().join("partial");
        let missing = || {
            let objects = git(&partial, &["rev-list", "--objects", "--missing=print", "origin/deploy"]);
            objects.lines().filter(|line| line.starts_with('?')).count()
        };
        assert!(missing() > 0, "nothing to test");
        let arguments = ["compile", "matrices/two.yaml", "--lab", "lab.yaml", "--push"];
        Run::of(&world.benchgrid_in(&partial, &arguments).output().unwrap()).good();
        sound(&world.remote(), "one", 2);
        sound(&world.remote(), "two", 4);
        git(&partial, &["fsck", "--no-dangling"]);
        assert_eq!((tip(&partial), missing()), (tip(&world.remote()), 0));
        assert!(world.compile_in(&partial, &[]).good().starts_with("nothing changed"));
    }
}

#[test]
fn a_partial_clone_whose_remote_is_gone_is_left_as_it_was() {
    let world = World::with_remote();
    world.compile(&["--push"]).good();
    git(&world.remote(), &["config", "uploadpack.allowFilter", "true"]);
    git(world.folder.path(), &["clone", "-q", "--filter=blob:none", &world.url(), "partial"]);
    let partial = world.folder.path().join("partial");
    git(&partial, &["update-ref", "refs/heads/deploy", "origin/deploy"]);
    let before = tip(&partial);
    fs::remove_dir_all(world.remote()).unwrap();
    world.compile_in(&partial, &[]).refused("BG0726").says("remote.git");
    assert_eq!(tip(&partial), before);
}

#[test]
fn settings_of_the_repository_do_not_touch_our_files() {
    let (plain, other) = (World::new(), World::new());
    let source = other.source();
    for (name, value) in [("core.autocrlf", "true"), ("core.eol", "crlf"), ("filter.x.clean", "tr a b")] {
        git(&source, &["config", name, value]);
    }
    fs::write(source.join(".git/info/attributes"), "* text filter=x\n").unwrap();
    let id = |world: &World| {
        world.compile(&[]).good();
        git(&world.source(), &["rev-parse", "deploy^{tree}"])
    };
    // The trees differ in nothing, not even in the source commit's id.
    assert_eq!(id(&plain), id(&other));
}

#[test]
fn a_branch_of_the_source_that_does_not_exist_yet() {
    let world = World::new();
    git(&world.source(), &["switch", "-q", "--orphan", "fresh"]);
    let world_again = World::new();
    let arguments =
        ["compile", "matrices/one.yaml", "--lab", "lab.yaml", "--repo", world.folder.path().to_str().unwrap()];
    let run = Run::of(&world_again.benchgrid(&arguments).output().unwrap());
    run.refused("BG0701").says(world.folder.path().to_str().unwrap());
    // Only the scenarios' repository needs a commit.
    world_again.compile(&["--repo", world.source().to_str().unwrap()]).good();
    // Git's own check misses the empty tree that the index of an unborn branch remembers.
    git(&world.source(), &["switch", "-q", "main"]);
    sound(&world.source(), "one", 2);
}

#[test]
fn scenarios_of_two_repositories_have_no_common_source() {
    let (one, two) = (World::new(), World::new());
    two.scenario("two", 1);
    two.commit("Two");
    let other = two.source().join("matrices/two.yaml");
    let arguments = ["compile", "matrices/one.yaml", other.to_str().unwrap(), "--lab", "lab.yaml"];
    let run = Run::of(&one.benchgrid(&arguments).output().unwrap());
    assert_eq!(run.code, 2, "{run:?}");
    run.says("two repositories");
    assert!(tip(&one.source()).is_empty());
}

#[test]
fn passwords_of_the_origin_stay_here() {
    let world = World::new();
    git(&world.source(), &["remote", "add", "origin", "https://me:pa55word@git.example.org/lab.git"]);
    world.compile(&[]).good();
    let lab = git(&world.source(), &["show", "deploy:lab.json"]);
    assert!(lab.contains("https://git.example.org/lab.git"), "{lab}");
    let every = git(&world.source(), &["log", "-p", "--format=%B", "deploy"]);
    assert!(every.contains("git.example.org") && !every.contains("pa55word"));
}
