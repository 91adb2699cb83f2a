//! The same input gives the same commit, whoever compiles it, wherever and when.

use std::{fs, process::Command};

use crate::world::{Run, World, git, tip};

fn world() -> World {
    let world = World::without_commit();
    world.scenario("one", 70);
    world.commit("Describe the experiment");
    world
}

#[test]
fn the_same_input_gives_the_same_commit_everywhere() {
    let first = world();
    let id = first.compile(&[]).good().to_owned();
    // Folders, settings of the process, times of the files.
    let other = world();
    let script = "umask 077; touch -d 2001-01-01 ../base/http/* ../lab.yaml; \
                  exec \"$BENCHGRID\" compile one.yaml --lab \"$PWD/../lab.yaml\"";
    for (place, locale, zone) in [("source", "C", "UTC"), ("else where", "tr_TR.UTF-8", "Asia/Kathmandu")] {
        let place = other.folder.path().join(place);
        if !place.exists() {
            fs::rename(other.source(), &place).unwrap();
        }
        let mut shell = crate::world::command("sh", &place.join("matrices"));
        shell.args(["-c", script]).env("BENCHGRID", env!("CARGO_BIN_EXE_benchgrid"));
        shell.env("LC_ALL", locale).env("LANG", locale).env("TZ", zone).env("TMPDIR", other.folder.path());
        assert_eq!(Run::of(&shell.output().unwrap()).good(), id);
        git(&place, &["update-ref", "-d", "refs/heads/deploy"]);
    }
    // Compiling twice makes one commit.
    assert!(first.compile(&[]).good().starts_with("nothing changed"));
    assert_eq!((tip(&first.source()), git(&first.source(), &["rev-list", "--count", "deploy"])), (id, "1".to_owned()));
}

#[test]
fn what_stands_on_a_branch_points_at_that_branch() {
    let world = World::new();
    world.compile(&["--branch", "preview"]).good();
    let named = git(&world.source(), &["grep", "-h", "refs/heads/", "preview"]);
    assert!(named.lines().count() > 3 && named.lines().all(|line| line.ends_with("refs/heads/preview")), "{named}");
}

#[test]
fn scenarios_that_are_kept_follow_the_lab() {
    let world = World::new();
    world.scenario("two", 2);
    world.commit("Two scenarios");
    world.compile(&[]).good();
    let lab = fs::read_to_string(world.source().join("lab.yaml")).unwrap();
    let moved = lab.replace("namespace: argocd", "namespace: elsewhere");
    assert_ne!(lab, moved);
    fs::write(world.source().join("lab.yaml"), moved).unwrap();
    world.commit("Another Argo CD");
    let two = ["compile", "matrices/two.yaml", "--lab", "lab.yaml"];
    Run::of(&world.benchgrid(&two).output().unwrap()).good();
    for scenario in ["one", "two"] {
        let set = git(&world.source(), &["show", &format!("deploy:argocd-apps/{scenario}.yaml")]);
        assert!(set.contains("  namespace: elsewhere\n"), "{set}");
    }
}

#[test]
fn git_makes_the_same_tree_of_the_same_files() {
    let world = world();
    world.compile(&[]).good();
    let source = world.source();
    let pack = fs::read_dir(source.join(".git/objects/pack")).unwrap();
    let pack: Vec<_> = pack.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(pack.len(), 2, "a pack and its index: {pack:?}");
    let index = pack.iter().find(|path| path.extension().unwrap() == "idx").unwrap();
    git(&source, &["verify-pack", index.to_str().unwrap()]);
    git(&source, &["index-pack", "--strict", "--verify", index.with_extension("pack").to_str().unwrap()]);
    let copy = world.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let unpack = "git -C ../source archive deploy | tar x";
    assert!(Command::new("sh").args(["-c", unpack]).current_dir(&copy).status().unwrap().success());
    git(&copy, &["init", "-q"]);
    git(&copy, &["add", "-A", "-f"]);
    assert_eq!(git(&copy, &["write-tree"]), git(&source, &["rev-parse", "deploy^{tree}"]));
    // A few more cells: what is there is not written again, and a few objects need no pack.
    world.scenario("one", 72);
    world.compile(&[]).good();
    assert_eq!(fs::read_dir(source.join(".git/objects/pack")).unwrap().count(), 2);
}
