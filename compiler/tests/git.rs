//! The deploy branch, with real Git: what `git` itself says about what was written.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/copy.rs"]
mod copy;
#[path = "common/git.rs"]
mod git;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use benchgrid::git::{Branch, Change, Folders, GitError, Ownership, Provenance, Publication, Published, publish};
use copy::copy;
use git::git;
use git2::{Oid, Repository, Signature, Time};

/// A repository of sources with one commit, and a bare remote.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        fs::create_dir(world.source()).unwrap();
        git(&world.source(), &["init", "-q", "-b", "main"]);
        world.commit("scenario.yaml", "one", "Describe the experiment");
        git(world.folder.path(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        world
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    fn url(&self) -> String {
        format!("file://{}", self.remote().display())
    }

    fn commit(&self, file: &str, text: &str, subject: &str) -> String {
        fs::write(self.source().join(file), text).unwrap();
        git(&self.source(), &["add", "-A"]);
        git(&self.source(), &["commit", "-q", "-m", subject]);
        git(&self.source(), &["rev-parse", "HEAD"])
    }

    fn provenance(&self) -> Provenance {
        Provenance::of(&Repository::open(self.source()).unwrap()).unwrap()
    }

    fn publish(&self, files: BTreeMap<String, Vec<u8>>, push: bool) -> Result<Published, GitError> {
        self.publish_as("lab", Ownership::Compiled, files, push)
    }

    fn publish_as(
        &self,
        lab: &str,
        own: Ownership,
        files: BTreeMap<String, Vec<u8>>,
        push: bool,
    ) -> Result<Published, GitError> {
        let publication = Publication {
            branch: "deploy",
            prefix: "",
            lab,
            own,
            files,
            folders: Folders::default(),
            index: &index,
            provenance: self.provenance(),
            version: "0.0.0",
        };
        publish(&self.source(), &publication, push.then(|| self.url()).as_deref())
    }

    fn tree(&self, place: &Path) -> Vec<String> {
        let _ = self;
        git(place, &["ls-tree", "-r", "--name-only", "deploy"]).lines().map(str::to_owned).collect()
    }
}

fn index(scenarios: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    let names: Vec<&str> = scenarios.iter().map(String::as_str).collect();
    [("argocd-apps/kustomization.yaml".to_owned(), names.join("\n").into_bytes())].into()
}

fn map(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// What a compile of one scenario with one cell gives.
fn files(scenario: &str, base: &str) -> BTreeMap<String, Vec<u8>> {
    map(&[
        ("lab.json", "{\"metadata\":{\"name\":\"lab\"}}"),
        ("README.md", "A deploy branch."),
        ("argocd-apps/project.yaml", "kind: AppProject"),
        (&format!("argocd-apps/{scenario}.yaml"), "kind: ApplicationSet"),
        (&format!("base/{base}/manifest.yaml"), "kind: StatefulSet"),
        (&format!("overlays/{scenario}/cells.json"), "{}"),
        (&format!("overlays/{scenario}/c-1/kustomization.yaml"), &format!("resources: [../../../base/{base}]")),
    ])
}

fn committed(published: Published) -> Oid {
    match published {
        Published::Committed(id) => id,
        other => panic!("{other:?}"),
    }
}

fn signature() -> Signature<'static> {
    Signature::new("Dev", "dev@example.org", &Time::new(1_700_000_000, 0)).unwrap()
}

#[test]
fn makes_an_orphan_branch_that_git_finds_sound() {
    let world = World::new();
    let id = committed(world.publish(files("a", "codex-00000001"), false).unwrap());
    let source = world.source();
    assert_eq!(git(&source, &["rev-parse", "deploy"]), id.to_string());
    assert_eq!(git(&source, &["rev-list", "--count", "deploy"]), "1");
    assert_eq!(git(&source, &["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(git(&source, &["status", "--porcelain"]), "");
    assert_eq!(git(&source, &["show", "deploy:argocd-apps/kustomization.yaml"]), "a");
    let head = git(&source, &["rev-parse", "HEAD"]);
    let message = git(&source, &["log", "-1", "--format=%B", "deploy"]);
    for line in [
        format!("Argocd-reference-commit-sha: {head}"),
        "Argocd-reference-commit-author: Dev <dev@example.org>".to_owned(),
        "Argocd-reference-commit-date: 2026-01-02T02:04:05Z".to_owned(),
        "Argocd-reference-commit-subject: Describe the experiment".to_owned(),
        "Benchgrid-Scenario: a".to_owned(),
        "Benchgrid-Version: 0.0.0".to_owned(),
    ] {
        assert!(message.lines().any(|l| l == line), "{line} in\n{message}");
    }
    assert_eq!(git(&source, &["log", "-1", "--format=%an %cn %aI", "deploy"]), "Dev Dev 2026-01-02T03:04:05+01:00");
    assert!(git(&source, &["show", "deploy:hydrator.metadata"]).contains(&head));
}

#[test]
fn the_same_input_gives_the_same_commit() {
    let (one, two) = (World::new(), World::new());
    let first = committed(one.publish(files("a", "codex-00000001"), false).unwrap());
    let second = committed(two.publish(files("a", "codex-00000001"), true).unwrap());
    assert_eq!(first, second);
}

#[test]
fn commits_nothing_when_nothing_changed() {
    let world = World::new();
    for push in [false, true] {
        let id = committed(world.publish(files("a", "codex-00000001"), push).unwrap());
        assert_eq!(world.publish(files("a", "codex-00000001"), push).unwrap(), Published::Unchanged(id));
        // A new source commit that changes no file of the branch is no reason either.
        world.commit("scenario.yaml", if push { "three" } else { "two" }, "Say it in other words");
        assert_eq!(world.publish(files("a", "codex-00000001"), push).unwrap(), Published::Unchanged(id));
        assert_eq!(git(&world.source(), &["rev-parse", "deploy"]), id.to_string());
    }
}

#[test]
fn a_late_compile_of_an_older_commit_changes_nothing() {
    let world = World::new();
    let old = world.provenance();
    world.commit("scenario.yaml", "two", "Change it");
    let id = committed(world.publish(files("a", "codex-00000002"), false).unwrap());
    let late = |files| Publication {
        branch: "deploy",
        prefix: "",
        lab: "lab",
        own: Ownership::Compiled,
        files,
        folders: Folders::default(),
        index: &index,
        provenance: old.clone(),
        version: "0.0.0",
    };
    let published = publish(&world.source(), &late(files("a", "codex-00000001")), None).unwrap();
    assert_eq!(published, Published::Outdated { tip: id, by: world.provenance().sha });
    // Another scenario was not compiled from that later commit.
    committed(publish(&world.source(), &late(files("b", "codex-00000001")), None).unwrap());
}

#[test]
fn keeps_what_is_not_its_own() {
    let world = World::new();
    world.publish(files("a", "codex-00000001"), false).unwrap();
    world.publish(files("b", "torrent-00000001"), false).unwrap();
    let repo = Repository::open(world.source()).unwrap();
    let theirs = map(&[
        ("active/a/bg-a/attempt.json", "{}"),
        ("active/a/bg-a/nodes/kustomization.yaml", "resources: [../../../../base/codex-00000001]"),
        ("done/a/c-1/bg-a.json", "{}"),
        ("notes/by-hand.txt", "Hello."),
    ]);
    let branch = Branch::open(&repo, "deploy").unwrap();
    branch.commit(&Change { write: theirs, ..Change::default() }, "By others", &signature()).unwrap();
    let mut next = files("a", "codex-00000002");
    next.remove("overlays/a/c-1/kustomization.yaml");
    next.insert("overlays/a/c-2/kustomization.yaml".to_owned(), b"resources: [../../../base/codex-00000002]".to_vec());
    world.publish(next.clone(), false).unwrap();
    let tree = world.tree(&world.source());
    for path in [
        "active/a/bg-a/attempt.json",
        "base/codex-00000001/manifest.yaml",
        "base/codex-00000002/manifest.yaml",
        "base/torrent-00000001/manifest.yaml",
        "done/a/c-1/bg-a.json",
        "notes/by-hand.txt",
        "overlays/a/c-2/kustomization.yaml",
        "overlays/b/c-1/kustomization.yaml",
    ] {
        assert!(tree.iter().any(|p| p == path), "{path} in {tree:#?}");
    }
    assert!(!tree.iter().any(|path| path.starts_with("overlays/a/c-1/")));
    assert_eq!(git(&world.source(), &["show", "deploy:argocd-apps/kustomization.yaml"]), "a\nb");

    // The attempt ends: its base goes with the next compile. The whole set without b: b goes.
    branch.commit(&Change { remove: vec!["active".to_owned()], ..Change::default() }, "End", &signature()).unwrap();
    world.publish_as("lab", Ownership::Everything, next, false).unwrap();
    let tree = world.tree(&world.source());
    for gone in ["base/codex-00000001", "base/torrent-00000001", "overlays/b", "argocd-apps/b.yaml"] {
        assert!(!tree.iter().any(|path| path.starts_with(gone)), "{gone} in {tree:#?}");
    }
    assert!(tree.iter().any(|path| path == "done/a/c-1/bg-a.json"));
    assert_eq!(git(&world.source(), &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn dashboards_that_the_lab_no_longer_wants_go() {
    let world = World::new();
    let mut first = files("a", "codex-00000001");
    for path in ["argocd-apps/dashboards.yaml", "dashboards/one.yaml", "dashboards/kustomization.yaml"] {
        first.insert(path.to_owned(), b"kind: ConfigMap".to_vec());
    }
    world.publish(first, false).unwrap();
    assert!(world.tree(&world.source()).iter().any(|path| path == "dashboards/one.yaml"));
    world.publish(files("a", "codex-00000001"), false).unwrap();
    let left: Vec<String> =
        world.tree(&world.source()).into_iter().filter(|path| path.contains("dashboards")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn copies_share_trees_and_folders_that_become_empty_go() {
    let world = World::new();
    world.publish(files("a", "codex-00000001"), false).unwrap();
    let repo = Repository::open(world.source()).unwrap();
    let branch = Branch::open(&repo, "deploy").unwrap();
    let change = Change {
        copy: vec![("overlays/a/c-1".to_owned(), "active/a/bg-x".to_owned())],
        write: map(&[("active/a/bg-x/attempt.json", "{}")]),
        remove: vec!["README.md".to_owned(), "argocd-apps/a.yaml".to_owned(), "nowhere/at/all".to_owned()],
    };
    branch.commit(&change, "Admit", &signature()).unwrap();
    assert_eq!(branch.list("active").unwrap(), ["active/a/bg-x/attempt.json", "active/a/bg-x/kustomization.yaml"]);
    let id = |path: &str| git(&world.source(), &["rev-parse", &format!("deploy:{path}")]);
    assert_eq!(id("active/a/bg-x/kustomization.yaml"), id("overlays/a/c-1/kustomization.yaml"));
    assert_eq!(branch.read("README.md").unwrap(), None);
    let change = Change { remove: vec!["active/a/bg-x".to_owned()], ..Change::default() };
    branch.commit(&change, "End", &signature()).unwrap();
    assert!(branch.snapshot().unwrap().names("active").unwrap().is_empty());
    for path in ["", "a//b", "../x", "a/.git/config", "/a"] {
        let change = Change { write: map(&[(path, "x")]), ..Change::default() };
        assert!(matches!(branch.commit(&change, "Bad", &signature()), Err(GitError::BadPath(_))), "{path}");
    }
    let change = Change { write: map(&[("a", "file"), ("a/b", "folder")]), ..Change::default() };
    assert!(matches!(branch.commit(&change, "Bad", &signature()), Err(GitError::BadPath(_))));
}

#[test]
fn a_folder_of_a_branch_can_hold_everything() {
    let world = World::new();
    let repo = Repository::open(world.source()).unwrap();
    let branch = Branch::open(&repo, "deploy").unwrap();
    let change = Change { write: map(&[("other.txt", "theirs")]), ..Change::default() };
    branch.commit(&change, "Theirs", &signature()).unwrap();
    let inside = |files: BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        files.into_iter().map(|(path, bytes)| (format!("labs/one/{path}"), bytes)).collect()
    };
    let index = |names: &BTreeSet<String>| inside(index(names));
    let publication = Publication {
        branch: "deploy",
        prefix: "labs/one",
        lab: "lab",
        own: Ownership::Compiled,
        files: inside(files("a", "codex-00000001")),
        folders: Folders::default(),
        index: &index,
        provenance: world.provenance(),
        version: "0.0.0",
    };
    committed(publish(&world.source(), &publication, None).unwrap());
    assert!(matches!(publish(&world.source(), &publication, None).unwrap(), Published::Unchanged(_)));
    let branch = Branch::open(&repo, "deploy").unwrap().within("labs/one");
    assert!(branch.read("overlays/a/cells.json").unwrap().is_some());
    assert_eq!(branch.read("argocd-apps/kustomization.yaml").unwrap(), Some(b"a".to_vec()));
    assert!(world.tree(&world.source()).contains(&"other.txt".to_owned()));
}

#[test]
fn refuses_branches_of_others() {
    let world = World::new();
    let repo = Repository::open(world.source()).unwrap();
    let head = repo.head().unwrap().target().unwrap();
    repo.reference("refs/heads/deploy", head, false, "test").unwrap();
    assert!(matches!(world.publish(files("a", "x-00000001"), false), Err(GitError::Foreign { .. })));
    git(&world.source(), &["push", "-q", &world.url(), "deploy"]);
    assert!(matches!(world.publish(files("a", "x-00000001"), true), Err(GitError::Foreign { .. })));
    git(&world.source(), &["branch", "-q", "-D", "deploy"]);
    world.publish(files("a", "x-00000001"), false).unwrap();
    let error = world.publish_as("another", Ownership::Compiled, files("a", "x-00000001"), false).unwrap_err();
    assert!(matches!(&error, GitError::OtherLab { found, .. } if found == "lab"), "{error}");
}

#[test]
fn refuses_a_branch_that_is_checked_out() {
    let world = World::new();
    let id = committed(world.publish(files("a", "x-00000001"), false).unwrap());
    let other = world.folder.path().join("other");
    git(&world.source(), &["worktree", "add", "-q", &other.display().to_string(), "deploy"]);
    let error = world.publish(files("a", "x-00000002"), false).unwrap_err();
    assert!(matches!(&error, GitError::CheckedOut { place, .. } if place.ends_with("other")), "{error}");
    git(&world.source(), &["worktree", "remove", &other.display().to_string()]);
    git(&world.source(), &["switch", "-q", "deploy"]);
    assert!(matches!(world.publish(files("a", "x-00000002"), false), Err(GitError::CheckedOut { .. })));
    assert_eq!(git(&world.source(), &["rev-parse", "deploy"]), id.to_string());
    git(&world.source(), &["switch", "-q", "--orphan", "deploy2"]);
    let unborn = World::new();
    git(&unborn.source(), &["symbolic-ref", "HEAD", "refs/heads/deploy"]);
    assert!(matches!(Provenance::of(&Repository::open(unborn.source()).unwrap()), Err(GitError::NoSource { .. })));
}

#[test]
fn refuses_to_push_what_is_in_no_commit() {
    let world = World::new();
    fs::write(world.source().join("scenario.yaml"), "changed").unwrap();
    let error = world.publish(files("a", "x-00000001"), true).unwrap_err();
    assert!(matches!(&error, GitError::Dirty { first, .. } if first == "scenario.yaml"), "{error}");
    committed(world.publish(files("a", "x-00000001"), false).unwrap());
}

#[test]
fn reports_a_lock_that_was_left_behind() {
    let world = World::new();
    world.publish(files("a", "x-00000001"), false).unwrap();
    let lock = world.source().join(".git/refs/heads/deploy.lock");
    fs::write(&lock, "").unwrap();
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    fs::File::options().write(true).open(&lock).unwrap().set_modified(hour_ago).unwrap();
    let error = world.publish(files("a", "x-00000002"), false).unwrap_err();
    assert!(
        matches!(&error, GitError::Locked { path, age } if path.ends_with("refs/heads/deploy.lock") && age.as_secs() >= 3600),
        "{error}"
    );
    assert!(lock.exists(), "never taken away by us");
}

#[test]
fn a_kill_before_the_ref_moves_leaves_the_branch_as_it_was() {
    let world = World::new();
    let id = committed(world.publish(files("a", "x-00000001"), false).unwrap());
    let repo = Repository::open(world.source()).unwrap();
    let change = Change { write: map(&[("overlays/a/more", "x")]), ..Change::default() };
    // Everything up to the last step: objects are there, the branch does not know them.
    benchgrid::git::write_commit(&repo, Some(id), "", &change, "Never", &signature()).unwrap();
    assert_eq!(git(&world.source(), &["rev-parse", "deploy"]), id.to_string());
    git(&world.source(), &["fsck", "--strict", "--no-dangling"]);
    // Two who read the same tip: the second one is told.
    let branch = Branch::open(&repo, "deploy").unwrap();
    branch.commit(&change, "First", &signature()).unwrap();
    assert!(matches!(branch.advance(Some(id), id), Err(GitError::Moved { .. })));
    assert!(matches!(branch.advance(None, id), Err(GitError::Moved { .. })));
}

#[test]
fn a_rejected_push_is_applied_again_on_the_new_tip() {
    let world = World::new();
    world.publish(files("a", "x-00000001"), true).unwrap();
    // The conductor pushes from a clone of its own; our local branch does not know.
    let clone = world.folder.path().join("clone");
    git(world.folder.path(), &["clone", "-q", "-b", "deploy", &world.url(), "clone"]);
    fs::create_dir_all(clone.join("active/a/bg-a")).unwrap();
    fs::write(clone.join("active/a/bg-a/attempt.json"), "{}").unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "Admit"]);
    git(&clone, &["push", "-q", "origin", "deploy"]);
    let id = committed(world.publish(files("b", "x-00000001"), true).unwrap());
    assert_eq!(git(&world.remote(), &["rev-parse", "deploy"]), id.to_string());
    assert_eq!(git(&world.source(), &["rev-parse", "deploy"]), id.to_string());
    let tree = world.tree(&world.remote());
    assert!(
        tree.contains(&"active/a/bg-a/attempt.json".to_owned()) && tree.contains(&"overlays/b/cells.json".to_owned())
    );
    // A local branch that went its own way follows the remote, and what it had is kept.
    let own = committed(world.publish(files("local-only", "x-00000001"), false).unwrap());
    world.publish(files("c", "x-00000001"), true).unwrap();
    world.publish(files("c", "x-00000002"), true).unwrap();
    assert_eq!(git(&world.source(), &["rev-parse", "refs/benchgrid/replaced/deploy"]), own.to_string());
    assert!(!world.tree(&world.remote()).iter().any(|path| path.starts_with("overlays/local-only")));
}

#[test]
fn a_remote_that_refuses_is_no_race() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let hook = world.remote().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho 'no entry today' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let error = world.publish(files("a", "x-00000001"), true).unwrap_err();
    assert!(error.to_string().contains("no entry today"), "{error}");
    let repo = Repository::open(world.source()).unwrap();
    assert_eq!(Branch::open(&repo, "deploy").unwrap().tip().unwrap(), None);
}

/// Eight writers at once, each with a scenario of its own, in one repository or in clones of one remote.
fn race(push: bool) {
    let world = World::new();
    world.publish(files("base", "x-00000001"), push).unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let world = &world;
            scope.spawn(move || committed(world.publish(files(&format!("s{n}"), "x-00000001"), push).unwrap()));
        }
    });
    let place = if push { world.remote() } else { world.source() };
    let tree = world.tree(&place);
    for n in 0..8 {
        assert!(tree.contains(&format!("overlays/s{n}/cells.json")), "s{n} in {tree:#?}");
    }
    assert_eq!(git(&place, &["rev-list", "--count", "deploy"]), "9");
    assert_eq!(git(&place, &["show", "deploy:argocd-apps/kustomization.yaml"]).lines().count(), 9);
    git(&place, &["fsck", "--strict", "--no-dangling"]);
    assert_eq!(git(&world.source(), &["rev-parse", "deploy"]), git(&place, &["rev-parse", "deploy"]));
}

#[test]
fn eight_writers_in_one_repository_all_land() {
    race(false);
}

#[test]
fn eight_writers_to_one_remote_all_land() {
    race(true);
}

#[test]
fn many_new_objects_become_one_pack() {
    let many: BTreeMap<String, Vec<u8>> = (0..2000)
        .map(|n| {
            let path = format!("overlays/a/c-{}/{}.yaml", n % 400, n / 400);
            (path, format!("number: {}\n", n / 2).repeat(1 + n % 50).into_bytes())
        })
        .chain(files("a", "codex-00000001"))
        .collect();
    let world = World::new();
    let count = many.len();
    committed(world.publish(many, false).unwrap());
    git(&world.source(), &["fsck", "--strict", "--no-dangling"]);
    let packs = fs::read_dir(world.source().join(".git/objects/pack")).unwrap().count();
    assert_eq!(packs, 2, "one pack with its index");
    assert_eq!(world.tree(&world.source()).len(), count + 2);
}

#[test]
fn the_commit_is_the_same_for_any_number_of_threads() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let compile = |threads: &str| {
        let world = World::new();
        for folder in ["base", "labs", "matrices"] {
            copy(&project.join(folder), &world.source().join(folder));
        }
        world.commit("scenario.yaml", "two", "Describe more of it");
        let run = Command::new(env!("CARGO_BIN_EXE_benchgrid"))
            .current_dir(world.source())
            .args(["compile", "matrices/codex-vs-bittorrent.yaml", "--lab", "labs/example.yaml", "--threads", threads])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert!(world.tree(&world.source()).len() > 300, "several threads have something to do");
        git(&world.source(), &["rev-parse", "deploy"])
    };
    assert_eq!(compile("1"), compile("8"));
}
