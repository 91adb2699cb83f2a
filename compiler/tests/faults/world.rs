use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A command that the user's and the machine's Git settings don't reach.
pub(crate) fn command(program: &str, place: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(place).env("HOME", place.ancestors().last().unwrap().join("nowhere")).env("NO_COLOR", "1");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env_remove("XDG_CONFIG_HOME");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Dev").env(format!("GIT_{who}_EMAIL"), "dev@example.org");
        command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05+01:00");
    }
    command
}

/// Runs git and gives what it says.
pub(crate) fn git(place: &Path, arguments: &[&str]) -> String {
    let output = command("git", place).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(output.status.success(), "git {arguments:?} in {}: {text}", place.display());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// That it did what it should; what it printed.
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out.trim()
    }

    /// That it refused with this code, a help line and exit code 3.
    pub(crate) fn refused(&self, code: &str) -> &Self {
        assert_eq!(self.code, 3, "{self:#?}");
        let (first, help) = (format!("error[{code}]: "), "help: ");
        assert!(self.err.lines().any(|line| line.starts_with(&first)) && self.err.contains(help), "{code}: {self:#?}");
        self
    }

    /// That the message says this.
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.err.contains(text), "{text}: {self:#?}");
        self
    }
}

/// A repository of sources: scenarios, a base, a lab without `git.url`.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// With one commit that holds the scenario `one` with two cells.
    pub(crate) fn new() -> Self {
        let world = Self::without_commit();
        world.scenario("one", 2);
        world.commit("Describe the experiment");
        world
    }

    pub(crate) fn without_commit() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let source = world.source();
        fs::create_dir_all(source.join("matrices")).unwrap();
        git(&source, &["init", "-q", "-b", "main"]);
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../base/http");
        fs::create_dir_all(source.join("base/http")).unwrap();
        for file in fs::read_dir(base).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), source.join("base/http").join(file.file_name())).unwrap();
        }
        fs::write(source.join("lab.yaml"), LAB).unwrap();
        world
    }

    /// With a bare repository as `origin`.
    pub(crate) fn with_remote() -> Self {
        let world = Self::new();
        git(world.folder.path(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        git(&world.source(), &["remote", "add", "origin", &world.url()]);
        git(&world.source(), &["push", "-q", "origin", "main"]);
        world
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.remote().display())
    }

    /// Writes a scenario of that many cells.
    pub(crate) fn scenario(&self, name: &str, cells: usize) {
        let sizes: Vec<String> = (1..=cells).map(|size| format!("{size}MB")).collect();
        let text = SCENARIO.replace("NAME", name).replace("SIZES", &sizes.join(", "));
        fs::write(self.source().join(format!("matrices/{name}.yaml")), text).unwrap();
    }

    pub(crate) fn commit(&self, subject: &str) -> String {
        git(&self.source(), &["add", "-A"]);
        git(&self.source(), &["commit", "-q", "-m", subject]);
        git(&self.source(), &["rev-parse", "HEAD"])
    }

    /// A command line of the program in the sources.
    pub(crate) fn benchgrid(&self, arguments: &[&str]) -> Command {
        self.benchgrid_in(&self.source(), arguments)
    }

    pub(crate) fn benchgrid_in(&self, place: &Path, arguments: &[&str]) -> Command {
        let mut command = command(env!("CARGO_BIN_EXE_benchgrid"), place);
        command.args(arguments).env("HOME", self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Compiles the scenario `one`.
    pub(crate) fn compile(&self, more: &[&str]) -> Run {
        self.compile_in(&self.source(), more)
    }

    pub(crate) fn compile_in(&self, place: &Path, more: &[&str]) -> Run {
        let arguments = [&["compile", "matrices/one.yaml", "--lab", "lab.yaml"], more].concat();
        Run::of(&self.benchgrid_in(place, &arguments).output().unwrap())
    }
}

/// The branch's commit; empty when there is none.
pub(crate) fn tip(place: &Path) -> String {
    git(place, &["for-each-ref", "--format=%(objectname)", "refs/heads/deploy"])
}

/// That Git finds the repository sound, and the scenario's cells complete.
pub(crate) fn sound(place: &Path, scenario: &str, cells: usize) {
    git(place, &["fsck", "--strict", "--no-dangling"]);
    let text = git(place, &["show", &format!("deploy:overlays/{scenario}/cells.json")]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["cells"].as_array().unwrap().len(), cells, "{scenario}");
    let tree = git(place, &["ls-tree", "-r", "--name-only", "deploy", &format!("overlays/{scenario}/")]);
    let built = tree.lines().filter(|path| path.split('/').count() == 4 && path.ends_with("/kustomization.yaml"));
    assert_eq!(built.count(), cells, "{scenario}: {tree}");
}

/// A hook, as Git runs them.
pub(crate) fn hook(file: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

const SCENARIO: &str = "\
apiVersion: benchgrid.io/v1alpha1
kind: Scenario
metadata:
  name: NAME
spec:
  axes:
    fileSize: [SIZES]
  systems:
    http:
      base: ../base/http
      groups:
        seed: {replicas: 1, role: seeder, network: {up: 100Mbit, down: 100Mbit}}
        slow: {replicas: 1, role: leecher, network: {up: 20Mbit, down: 20Mbit}}
  measure:
    fileSize: \"{{ fileSize }}\"
    trials: 1
    repetitions: 1
";

const LAB: &str = "\
apiVersion: benchgrid.io/v1alpha1
kind: Lab
metadata:
  name: test
spec:
  argocd: {namespace: argocd, destination: 'https://kubernetes.default.svc'}
  metrics: {write: 'http://metrics:8428', read: 'http://metrics:8428'}
  defaults: {resources: {cpu: 200m, memory: 256Mi}}
  shaping: tc
  images: {probe: 'example.org/probe:test', conductor: 'example.org/benchgrid:test', policy: allow}
";
