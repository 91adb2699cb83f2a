//! A repository that `benchgrid init` wrote, used as people and their CI use it: every command of its workflows is run,
//! with stand-ins for `gh` and `docker`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use benchgrid::cli::init::COPIED;
use benchgrid::kustomize::read_documents;
use benchgrid::spec::Images;
use serde_json::Value;
use tempfile::TempDir;

const BENCHGRID: &str = env!("CARGO_BIN_EXE_benchgrid");

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A new repository with a remote, and a machine around it.
struct Bed {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl Bed {
    /// Initialised, committed, pushed.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        for folder in ["bin", "temp", "home"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        std::fs::write(path("temp/output"), "").unwrap();
        let env = [
            ("PATH", format!("{}:{}", path("bin"), std::env::var("PATH").unwrap())),
            ("HOME", path("home")),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("RUNNER_TEMP", path("temp")),
            ("GITHUB_PATH", path("temp/path")),
            ("GITHUB_OUTPUT", path("temp/output")),
            ("GITHUB_STEP_SUMMARY", path("temp/summary.md")),
            ("GH_LOG", path("temp/gh")),
            ("BENCHGRID", BENCHGRID.to_owned()),
        ];
        let bed = Self { env: env.map(|(key, value)| (key.to_owned(), value)).into(), dir };
        // `docker cp` of the program; `gh` notes what it was asked for, with the file that it was given
        bed.program("docker", "case $1 in create) echo c1 ;; cp) cp \"$BENCHGRID\" \"$3\" ;; esac");
        bed.program("gh", "{ echo \"gh $*\"; for last; do :; done; cat \"$last\"; } >>\"$GH_LOG\"");
        bed.shell(
            ".",
            "git config --global user.name Someone && git config --global user.email someone@example.org
             git config --global init.defaultBranch main
             git init --quiet --bare remote.git && \"$BENCHGRID\" init work && cd work
             git init --quiet && git add . && git commit --quiet --message First
             git remote add origin ../remote.git && git push --quiet origin main",
        );
        bed
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.dir.path().join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/bash\nset -e\n{script}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn run(&self, folder: &str, script: &str, env: &BTreeMap<String, String>) -> Output {
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.dir.path().join(folder));
        command.env_clear().envs(&self.env).envs(env).output().unwrap()
    }

    /// What a script that must work prints.
    fn shell(&self, folder: &str, script: &str) -> String {
        let output = self.run(folder, script, &BTreeMap::new());
        assert!(output.status.success(), "{script}\n{output:#?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, path: &str) -> String {
        let path = self.dir.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs the steps of a job as GitHub would; ends with the first that fails. `known`: the expressions of its `env`.
    fn job(&mut self, workflow: &str, job: &str, known: &[(&str, &str)]) -> Result<(), String> {
        let workflow = yaml(&self.read(&format!("work/.github/workflows/{workflow}")));
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash", "no pipefail otherwise");
        let job = &workflow["jobs"][job];
        let around: BTreeMap<_, _> = environment(&workflow, known).into_iter().chain(environment(job, known)).collect();
        for step in job["steps"].as_array().unwrap() {
            self.step(step, &around, known)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Value, around: &BTreeMap<String, String>, known: &[(&str, &str)]) -> Result<(), String> {
        if step["if"] == "steps.check.outputs.sound != 'true'" && self.read("temp/output").contains("sound=true") {
            return Ok(());
        }
        if let Some(action) = step["uses"].as_str() {
            let Some(local) = action.strip_prefix("./") else { return Ok(()) };
            let action = yaml(&self.read(&format!("work/{local}/action.yaml")));
            return action["runs"]["steps"]
                .as_array()
                .unwrap()
                .iter()
                .try_for_each(|step| self.step(step, around, known));
        }
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "text of others in a command: {script}");
        let mut env = around.clone();
        env.extend(environment(step, known));
        let output = self.run("work", script, &env);
        if let Ok(path) = std::fs::read_to_string(self.dir.path().join("temp/path")) {
            let path = format!("{}:{}", path.trim(), self.env["PATH"]);
            self.env.insert("PATH".to_owned(), path);
        }
        if output.status.success() { Ok(()) } else { Err(format!("{script}\n{output:#?}")) }
    }
}

fn yaml(text: &str) -> Value {
    let documents = read_documents(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    documents.into_iter().next().unwrap()
}

/// `env`, with its expressions replaced by what the test knows.
fn environment(of: &Value, known: &[(&str, &str)]) -> BTreeMap<String, String> {
    let value = |value: &Value| {
        let text = value.as_str().unwrap();
        match text.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) {
            Some(expression) => {
                let found = known.iter().find(|(name, _)| *name == expression);
                found.unwrap_or_else(|| panic!("what is {expression}?")).1.to_owned()
            }
            None => text.to_owned(),
        }
    };
    let env = of["env"].as_object().into_iter().flatten();
    env.map(|(key, text)| (key.clone(), value(text))).collect()
}

#[test]
fn the_repository_works_at_once() {
    let bed = Bed::new();
    bed.shell("work", "\"$BENCHGRID\" validate . && \"$BENCHGRID\" validate matrices labs base");
    let plan = bed.shell("work", "\"$BENCHGRID\" plan matrices/demo-3x3.yaml --lab labs/main.yaml");
    assert!(plan.starts_with("9 cells"), "{plan}");
    bed.shell("work", "\"$BENCHGRID\" compile matrices --lab labs/main.yaml");
    assert_eq!(bed.shell("work", "git ls-tree deploy overlays/demo-3x3/ | grep --count tree"), "9\n");
    bed.shell(
        "work",
        "\"$BENCHGRID\" compile matrices --lab labs/main.yaml --out out && test -z \"$(git status --short)\"",
    );
    // every schema that a file names is there
    for (path, text) in benchgrid::cli::init::files() {
        let Some(schema) = text.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema=")) else {
            continue;
        };
        let schema = bed.dir.path().join("work").join(path).parent().unwrap().join(schema);
        assert!(schema.is_file(), "{}", schema.display());
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("README.md"), "mine").unwrap();
    std::fs::create_dir(dir.path().join("labs")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("labs/main.yaml")).unwrap();
    let output = Command::new(BENCHGRID).arg("init").arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    for path in ["README.md", "labs/main.yaml"] {
        assert!(said.contains(&format!("{path} is there already")), "{said}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read_to_string(dir.path().join("README.md")).unwrap(), "mine");
}

#[test]
fn nothing_is_written_half() {
    let dir = tempfile::tempdir().unwrap();
    // a file where a folder has to be
    std::fs::write(dir.path().join("matrices"), "").unwrap();
    let output = Command::new(BENCHGRID).arg("init").arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let left = Command::new("find").arg(dir.path()).args(["-type", "f"]).output().unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), format!("{}/matrices\n", dir.path().display()));
}

#[test]
fn a_pull_request_is_checked_and_its_merge_compiled() {
    let mut bed = Bed::new();
    let known = [("github.token", "t"), ("github.event.pull_request.number", "12")];
    bed.job("benchgrid.yaml", "check", &known).unwrap();
    assert!(bed.read("temp/summary.md").contains("### Plan of `demo-3x3`"));
    let asked = bed.read("temp/gh");
    assert!(asked.starts_with("gh pr comment 12 ") && asked.contains("| cell | id |"), "{asked}");

    bed.job("benchgrid.yaml", "compile", &known).unwrap();
    assert_eq!(bed.shell("remote.git", "git ls-tree deploy overlays/demo-3x3/ | grep --count tree"), "9\n");

    // the next pull request is compared with it
    bed.shell("work", "git fetch --quiet && sed -i 's/20MB, 50MB/20MB/' matrices/demo-3x3.yaml");
    bed.job("benchgrid.yaml", "check", &known).unwrap();
    assert!(bed.read("temp/summary.md").contains("| gone | "), "{}", bed.read("temp/summary.md"));

    bed.shell("work", "sed -i 's/question:/qestion:/' matrices/demo-3x3.yaml");
    let failed = bed.job("benchgrid.yaml", "check", &known).unwrap_err();
    assert!(failed.contains("::error file=matrices/demo-3x3.yaml,line="), "{failed}");
}

/// An issue as the form gives it: headings, and the scenario in fences.
fn issue(bed: &Bed) -> String {
    let form = yaml(&bed.read("work/.github/ISSUE_TEMPLATE/benchmark.yml"));
    let scenario = form["body"].as_array().unwrap().iter().find(|field| field["id"] == "scenario").unwrap();
    assert_eq!(scenario["attributes"]["render"], "yaml", "no fences otherwise");
    let text = scenario["attributes"]["value"].as_str().unwrap();
    format!("### What should it answer?\n\nAnything.\n\n### Scenario\n\n```yaml\n{text}\n```\n").replace('\n', "\r\n")
}

#[test]
fn an_issue_becomes_a_pull_request() {
    let mut bed = Bed::new();
    let body = issue(&bed);
    let known = [("github.token", "t"), ("github.event.issue.number", "7"), ("github.event.issue.body", &*body)];
    bed.job("benchmark-issue.yaml", "propose", &known).unwrap();
    let asked = bed.read("temp/gh");
    assert!(asked.starts_with("gh pr create --head benchmark/issue-7 "), "{asked}");
    assert!(asked.contains("### Plan of `my-benchmark`") && asked.ends_with("Asked for in #7.\n"), "{asked}");
    let changed = bed.shell("remote.git", "git diff --name-only main benchmark/issue-7");
    assert_eq!(changed, "matrices/issue-7.yaml\n");
}

#[test]
fn text_of_an_issue_is_never_run() {
    let mut bed = Bed::new();
    let before = bed.shell("work", "git rev-parse main");
    let body = "```yaml\n$(touch pwned) `touch pwned`\n'; touch pwned; '\n\"$(touch pwned)\"\n```\n";
    let known = [("github.token", "t"), ("github.event.issue.number", "8"), ("github.event.issue.body", body)];
    bed.job("benchmark-issue.yaml", "propose", &known).unwrap_err();
    let asked = bed.read("temp/gh");
    assert!(asked.starts_with("gh issue comment 8 ") && asked.contains("    error[BG"), "{asked}");
    assert!(asked.contains("touch pwned"), "the answer shows the place: {asked}");
    assert!(!bed.dir.path().join("work/pwned").exists());
    assert_eq!(bed.shell("remote.git", "git for-each-ref --format '%(objectname)'"), before, "a branch was pushed");
}

#[test]
fn the_hook_before_a_commit_runs() {
    let bed = Bed::new();
    bed.shell(".", "cp \"$BENCHGRID\" bin/benchgrid");
    let local = yaml(&bed.read("work/.pre-commit-config.yaml"))["repos"][0]["hooks"][0].clone();
    bed.shell("work", local["entry"].as_str().unwrap());
    // the project's own hook, for repositories that name this project
    let shared = std::fs::read_to_string(project().join(".pre-commit-hooks.yaml")).unwrap();
    let shared = yaml(&shared)[0].clone();
    let args: Vec<&str> = shared["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    bed.shell("work", &format!("{} {}", shared["entry"].as_str().unwrap(), args.join(" ")));
    bed.shell("work", "sed -i 's/fileSize:/filesize:/' matrices/demo-3x3.yaml");
    let refused = bed.run("work", local["entry"].as_str().unwrap(), &BTreeMap::new());
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn what_is_in_the_program_is_what_the_project_has() {
    let mut there = BTreeSet::new();
    for base in std::fs::read_dir(project().join("base")).unwrap().map(|entry| entry.unwrap().path()) {
        // one without system.yaml is a compiled one
        if base.join("system.yaml").exists() {
            for file in std::fs::read_dir(&base).unwrap() {
                there.insert(file.unwrap().path().strip_prefix(project()).unwrap().display().to_string());
            }
        }
    }
    let copied: BTreeSet<String> =
        COPIED.iter().map(|(path, _)| (*path).to_owned()).filter(|path| path.starts_with("base/")).collect();
    assert_eq!(copied, there, "compiler/src/cli/init.rs lists the bases that a new repository gets");
    let action = std::fs::read_to_string(project().join("compiler/src/cli/init/install-action.yaml")).unwrap();
    assert_eq!(yaml(&action)["runs"]["steps"][0]["env"]["IMAGE"], Images::default().conductor);
}

#[test]
fn without_an_address_the_branch_can_only_be_looked_at() {
    let bed = Bed::new();
    bed.shell("work", "git remote remove origin");
    let compile = |more: &str| {
        let script = format!("\"$BENCHGRID\" compile matrices --lab labs/main.yaml {more}");
        let output = bed.run("work", &script, &BTreeMap::new());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = compile("");
    assert!(code == Some(0) && said.contains("warning: the lab has no `git.url`"), "{code:?} {said}");
    let (code, said) = compile("--push");
    assert!(code == Some(3) && said.contains("nowhere to push to"), "{code:?} {said}");
}
