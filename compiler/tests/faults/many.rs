//! Eight at once.

use crate::world::{Run, World, git, sound};

fn race(push: bool) {
    let world = World::with_remote();
    for n in 0..8 {
        world.scenario(&format!("s{n}"), n + 1);
    }
    world.commit("Eight scenarios");
    let mut children = Vec::new();
    for n in 0..8 {
        // With a remote, each has a clone of its own, as machines have.
        let place = if push { world.folder.path().join(format!("clone{n}")) } else { world.source() };
        if push {
            git(world.folder.path(), &["clone", "-q", &world.source().display().to_string(), &format!("clone{n}")]);
            git(&place, &["remote", "set-url", "origin", &world.url()]);
        }
        let file = format!("matrices/s{n}.yaml");
        let arguments = [&["compile", &file, "--lab", "lab.yaml"][..], if push { &["--push"] } else { &[] }].concat();
        let mut command = world.benchgrid_in(&place, &arguments);
        children
            .push(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap());
    }
    for child in children {
        Run::of(&child.wait_with_output().unwrap()).good();
    }
    let place = if push { world.remote() } else { world.source() };
    for n in 0..8 {
        sound(&place, &format!("s{n}"), n + 1);
    }
    // One line of commits, none lost, each on top of the one before.
    assert_eq!(git(&place, &["rev-list", "--count", "deploy"]), "8");
    assert_eq!(git(&place, &["rev-list", "--merges", "--count", "deploy"]), "0");
    let apps = git(&place, &["show", "deploy:argocd-apps/kustomization.yaml"]);
    assert!((0..8).all(|n| apps.contains(&format!("s{n}.yaml"))), "{apps}");
}

#[test]
fn eight_in_one_repository_all_land() {
    race(false);
}

#[test]
fn eight_clones_to_one_remote_all_land() {
    race(true);
}
