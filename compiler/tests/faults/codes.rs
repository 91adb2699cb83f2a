//! Every code of Git's is caused once. Those that need a disk of their own are in `disks`.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::chown,
    path::Path,
    time::{Duration, SystemTime},
};

use benchgrid::{
    git::{Branch, Change, GitError},
    spec::CODES,
};

use crate::{
    cannot,
    world::{Run, World, git, hook, tip},
};

macro_rules! causes {
    ($($code:literal $name:ident)*) => {
        $(#[test] fn $name() { causes::$name().refused($code); })*
        const CAUSED: &[&str] = &[$($code),*];
    };
}

causes! {
    "BG0701" no_repository
    "BG0702" no_commit
    "BG0704" sha256
    "BG0705" no_name_for_a_branch
    "BG0706" checked_out
    "BG0707" unrelated_history
    "BG0708" another_lab
    "BG0709" dirty
    "BG0710" lock_left_behind
    "BG0711" moved_each_time
    "BG0712" no_branch_there
    "BG0715" file_changed_by_hand
    "BG0716" no_git
    "BG0717" nowhere_to_push
    "BG0718" closed_port
    "BG0719" no_permission
    "BG0720" refused_by_a_hook
    "BG0723" shallow_and_older
    "BG0724" unknown_transport
    "BG0725" damaged
    "BG0726" no_repository_there
}

#[test]
fn every_code_of_git_is_caused() {
    // The first three are caused below, the others in `disks`.
    let elsewhere = ["BG0703", "BG0713", "BG0714", "BG0721", "BG0722"];
    let caused: BTreeSet<&str> = CAUSED.iter().copied().chain(elsewhere).collect();
    let codes: BTreeSet<&str> = CODES.iter().map(|code| code.id).filter(|id| id.starts_with("BG07")).collect();
    assert_eq!(caused, codes);
}

#[test]
fn an_unknown_reference_is_a_mistake_of_the_command_line() {
    let world = World::new();
    let arguments = ["plan", "matrices/one.yaml", "--lab", "lab.yaml", "--against", "nowhere"];
    let run = Run::of(&world.benchgrid(&arguments).output().unwrap());
    assert_eq!(run.code, 2, "{run:?}");
    run.says("error[BG0713]: ").says("help: ");
}

#[test]
fn no_file_is_a_folder_at_once() {
    let world = World::new();
    let repo = git2::Repository::open(world.source()).unwrap();
    let write = ["a", "a/b"].map(|path| (path.to_owned(), Vec::new())).into();
    let by = git2::Signature::now("Dev", "dev@example.org").unwrap();
    let change = Change { write, ..Change::default() };
    let error: GitError = Branch::open(&repo, "deploy").unwrap().commit(&change, "Bad", &by).unwrap_err();
    assert_eq!(error.code(), "BG0714");
    assert!(!error.help().is_empty());
}

#[test]
fn a_repository_of_another_user() {
    let world = World::new();
    let source = world.source();
    if let Err(error) = [".", ".git", ".git/HEAD"].iter().try_for_each(|at| chown(source.join(at), Some(4242), None)) {
        cannot("a repository of another user", &error.to_string());
        return;
    }
    world.compile(&[]).refused("BG0703").says("safe.directory");
    let home = world.folder.path().join(".gitconfig");
    fs::write(home, format!("[safe]\n\tdirectory = {}\n", source.display())).unwrap();
    world.compile(&[]).good();
}

/// What causes them.
mod causes {
    use super::*;

    pub(crate) fn no_repository() -> Run {
        let world = World::new();
        fs::remove_dir_all(world.source().join(".git")).unwrap();
        world.compile(&[])
    }

    pub(crate) fn no_commit() -> Run {
        let world = World::without_commit();
        world.scenario("one", 1);
        world.compile(&[])
    }

    pub(crate) fn sha256() -> Run {
        let world = World::new();
        let source = world.source();
        for extension in ["weird", "refStorage", "partialClone"] {
            git(&source, &["config", "core.repositoryFormatVersion", "1"]);
            let config = fs::read(source.join(".git/config")).unwrap();
            git(&source, &["config", &format!("extensions.{extension}"), "reftable"]);
            world.compile(&[]).refused("BG0704").says(source.to_str().unwrap());
            fs::write(source.join(".git/config"), config).unwrap();
        }
        fs::remove_dir_all(source.join(".git")).unwrap();
        git(&source, &["init", "-q", "--object-format=sha256"]);
        world.commit("Another hash");
        let run = world.compile(&[]);
        run.says("sha256");
        run
    }

    pub(crate) fn no_name_for_a_branch() -> Run {
        let world = World::new();
        world.compile(&["--branch", "a..b"]).refused("BG0705");
        git(&world.source(), &["branch", "deploy/x"]);
        let run = world.compile(&[]);
        git(&world.source(), &["branch", "-q", "-m", "deploy/x", "y"]);
        world.compile(&["--branch", "y/z"]).refused("BG0705");
        run
    }

    pub(crate) fn checked_out() -> Run {
        let world = World::new();
        let run = world.compile(&["--branch", "main"]);
        run.says(world.source().to_str().unwrap());
        run
    }

    pub(crate) fn unrelated_history() -> Run {
        let world = World::new();
        git(&world.source(), &["branch", "deploy"]);
        let before = tip(&world.source());
        let run = world.compile(&[]);
        assert_eq!(tip(&world.source()), before);
        run
    }

    pub(crate) fn another_lab() -> Run {
        let world = World::new();
        world.compile(&[]).good();
        let file = world.source().join("lab.yaml");
        fs::write(&file, fs::read_to_string(&file).unwrap().replace("name: test", "name: other")).unwrap();
        world.compile(&[])
    }

    pub(crate) fn dirty() -> Run {
        let world = World::with_remote();
        world.scenario("one", 3);
        let run = world.compile(&["--push"]);
        assert!(tip(&world.remote()).is_empty());
        run
    }

    pub(crate) fn lock_left_behind() -> Run {
        let world = World::with_remote();
        world.compile(&["--push"]).good();
        world.scenario("one", 3);
        world.commit("Widen");
        let old = |path: &Path| {
            fs::write(path, "").unwrap();
            let hour_ago = SystemTime::now() - Duration::from_hours(1);
            fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
        };
        // The branch's own, and that of what was fetched.
        let fetched = world.source().join(".git/refs/benchgrid/fetched/deploy");
        git(&world.source(), &["fetch", "-q", "origin", "deploy:refs/benchgrid/fetched/deploy"]);
        for lock in ["refs/heads/deploy.lock", "refs/benchgrid/fetched/deploy.lock"] {
            let lock = world.source().join(".git").join(lock);
            old(&lock);
            // Fetching takes the lock only to change something.
            fs::remove_file(&fetched).unwrap_or_default();
            let run = world.compile(&["--push"]);
            run.refused("BG0710").says(lock.to_str().unwrap()).says("since 36");
            assert!(lock.exists(), "never taken away by us");
            fs::remove_file(&lock).unwrap();
        }
        world.compile(&["--push"]).good();
        let lock = world.source().join(".git/refs/heads/deploy.lock");
        old(&lock);
        world.compile(&[])
    }

    pub(crate) fn moved_each_time() -> Run {
        let world = World::with_remote();
        world.compile(&["--push"]).good();
        world.scenario("one", 3);
        world.commit("Widen");
        crate::remotes::mover(&world, 1000);
        world.compile(&["--push"])
    }

    pub(crate) fn no_branch_there() -> Run {
        let world = World::with_remote();
        Run::of(&world.benchgrid(&["status", "--git", &world.url()]).output().unwrap())
    }

    pub(crate) fn file_changed_by_hand() -> Run {
        let world = World::new();
        world.compile(&[]).good();
        let repo = git2::Repository::open(world.source()).unwrap();
        let write = [("hydrator.metadata".to_owned(), b"by hand".to_vec())].into();
        let by = git2::Signature::now("Dev", "dev@example.org").unwrap();
        let change = Change { write, ..Change::default() };
        Branch::open(&repo, "deploy").unwrap().commit(&change, "By hand", &by).unwrap();
        let run = world.compile(&[]);
        run.says("hydrator.metadata");
        run
    }

    pub(crate) fn no_git() -> Run {
        let world = World::with_remote();
        let arguments = ["compile", "matrices/one.yaml", "--lab", "lab.yaml", "--push"];
        Run::of(&world.benchgrid(&arguments).env("PATH", world.folder.path()).output().unwrap())
    }

    pub(crate) fn nowhere_to_push() -> Run {
        let world = World::new();
        let run = world.compile(&["--push"]);
        assert!(tip(&world.source()).is_empty());
        run
    }

    pub(crate) fn closed_port() -> Run {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let world = World::with_remote();
        for scheme in ["http", "git"] {
            git(&world.source(), &["remote", "set-url", "origin", &format!("{scheme}://127.0.0.1:{port}/x.git")]);
            world.compile(&["--push"]).refused("BG0718");
        }
        assert!(tip(&world.source()).is_empty());
        world.compile(&["--push"])
    }

    pub(crate) fn no_permission() -> Run {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for status in ["401 Unauthorized\r\nWWW-Authenticate: Basic realm=x", "403 Forbidden"] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        let world = World::with_remote();
        git(&world.source(), &["remote", "set-url", "origin", &format!("http://127.0.0.1:{port}/x.git")]);
        world.compile(&["--push"]).refused("BG0719").says("could not read Username");
        world.compile(&["--push"])
    }

    pub(crate) fn refused_by_a_hook() -> Run {
        let world = World::with_remote();
        let remotes = world.remote().join("hooks/pre-receive");
        hook(&remotes, "echo 'no entry today' >&2; exit 1");
        let run = world.compile(&["--push"]);
        run.says("no entry today");
        fs::remove_file(remotes).unwrap();
        // The user's own hook says no; its path is relative, as teams have it.
        hook(&world.source().join("team/pre-push"), "echo 'not on a Friday' >&2; exit 1");
        git(&world.source(), &["config", "core.hooksPath", "team"]);
        world.commit("Hooks");
        let arguments = ["compile", "one.yaml", "--lab", "../lab.yaml", "--push"];
        let inner = world.source().join("matrices");
        let own = Run::of(&world.benchgrid_in(&inner, &arguments).output().unwrap());
        own.refused("BG0720").says("not on a Friday");
        assert!(tip(&world.remote()).is_empty() && tip(&world.source()).is_empty());
        run
    }

    pub(crate) fn shallow_and_older() -> Run {
        let world = World::with_remote();
        git(world.folder.path(), &["clone", "-q", "--depth=1", "--single-branch", &world.url(), "shallow"]);
        world.scenario("one", 3);
        git(&world.source(), &["add", "-A"]);
        let mut later = crate::world::command("git", &world.source());
        later.args(["commit", "-q", "-m", "Later"]).env("GIT_COMMITTER_DATE", "2026-01-03T03:04:05+01:00");
        assert!(later.status().unwrap().success());
        git(&world.source(), &["push", "-q", "origin", "main"]);
        world.compile(&["--push"]).good();
        let shallow = world.folder.path().join("shallow");
        let before = tip(&world.remote());
        let run = world.compile_in(&shallow, &["--push"]);
        run.says("--unshallow");
        assert_eq!(tip(&world.remote()), before);
        git(&shallow, &["fetch", "-q", "--unshallow", "origin", "main"]);
        let outdated = world.compile_in(&shallow, &["--push"]);
        assert!(outdated.good().contains("which comes after this commit"), "{outdated:?}");
        assert_eq!(tip(&world.remote()), before);
        run
    }

    pub(crate) fn unknown_transport() -> Run {
        let world = World::with_remote();
        git(&world.source(), &["remote", "set-url", "origin", "pigeon://somewhere/x.git"]);
        world.compile(&["--push"])
    }

    pub(crate) fn damaged() -> Run {
        let world = World::new();
        world.compile(&[]).good();
        let tree = git(&world.source(), &["rev-parse", "deploy:overlays"]);
        let (folder, file) = tree.split_at(2);
        fs::remove_file(world.source().join(".git/objects").join(folder).join(file)).unwrap();
        world.scenario("one", 3);
        let run = world.compile(&[]);
        run.says("git fsck");
        run
    }

    pub(crate) fn no_repository_there() -> Run {
        let world = World::with_remote();
        fs::remove_dir_all(world.remote()).unwrap();
        world.compile(&["--push"])
    }
}
