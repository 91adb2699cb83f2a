//! What the compiler writes: the tree of a small scenario, and what kustomize makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use benchgrid::kustomize::{build, kind, load_base, name, read_documents};
use benchgrid::matrix;
use benchgrid::plan::{Plan, Systems, plan};
use benchgrid::render::{AttemptFile, Files, attempt, files, plan_json, plan_markdown, plan_text, show};
use benchgrid::spec::{Lab, base_folder, load_lab, load_scenario, load_system};
use benchgrid_measures::AttemptName;
use serde_json::Value;

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn lab(file: &str) -> Lab {
    let (lab, diagnostics) = load_lab(&project().join(file));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    lab.unwrap().value
}

fn planned(file: &str, lab: &Lab) -> Plan {
    let path = project().join(file);
    let (scenario, diagnostics) = load_scenario(&path);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let scenario = scenario.unwrap();
    let (matrix, diagnostics) = matrix::expand(&scenario).unwrap();
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let mut systems = Systems::new();
    for (name, using) in &scenario.spec.systems {
        let folder = base_folder(&path, &using.base);
        let (system, diagnostics) = load_system(&folder);
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        systems.insert(name.clone(), (system.unwrap().value, load_base(&folder).unwrap()));
    }
    plan(&scenario.value, &matrix, lab, &systems).unwrap_or_else(|troubles| panic!("{troubles:#?}"))
}

/// The branch of some scenarios in the test lab.
fn tree(scenarios: &[&str]) -> (Vec<Plan>, Lab, Files) {
    let lab = lab("labs/test.yaml");
    let plans: Vec<Plan> = scenarios.iter().map(|file| planned(file, &lab)).collect();
    let files = files(&plans, &BTreeSet::new(), &lab);
    (plans, lab, files)
}

/// One attempt at every cell, as the conductor would admit it.
fn admit_all(files: &mut Files, plan: &Plan) -> Vec<String> {
    let mut folders = Vec::new();
    for cell in &plan.cells {
        let overlay = format!("overlays/{}/{}/", plan.scenario, cell.slug);
        let within: Files = files
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(&overlay)?.to_owned(), bytes.clone())))
            .collect();
        let name = AttemptName::new(&plan.scenario, &cell.id, &cell.digest, 2, 3);
        let file = AttemptFile {
            attempt: name.to_string(),
            scenario: plan.scenario.clone(),
            slug: cell.slug.clone(),
            cell: cell.id.clone(),
            digest: cell.digest.clone(),
            trial: 2,
            number: 3,
            admitted: "2026-01-01T00:00:00Z".to_owned(),
            deadline_seconds: cell.deadline_seconds,
        };
        let folder = format!("active/{}/{name}", plan.scenario);
        for (path, bytes) in attempt(within, &name, &file).unwrap() {
            files.insert(format!("{folder}/{path}"), bytes);
        }
        folders.push(folder);
    }
    folders
}

/// Objects by kind and name.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let count = objects.len();
    let map: BTreeMap<String, Value> =
        objects.into_iter().map(|object| (format!("{} {}", kind(&object), name(&object)), object)).collect();
    assert_eq!(map.len(), count);
    map
}

#[test]
fn golden_tree() {
    let (plans, _, mut files) = tree(&["tests/cluster/never-ready.yaml"]);
    admit_all(&mut files, &plans[0]);
    let all: String =
        files.iter().map(|(path, bytes)| format!("##### {path}\n{}", std::str::from_utf8(bytes).unwrap())).collect();
    insta::assert_snapshot!("never-ready", all);
}

#[test]
fn golden_plan() {
    let (plans, lab, _) = tree(&["matrices/smoke.yaml"]);
    insta::assert_snapshot!("smoke-text", plan_text(&plans[0]));
    insta::assert_snapshot!("smoke-markdown", plan_markdown(&plans[0]));
    insta::assert_snapshot!("smoke-json", plan_json(&plans[0]));
    let cell = plans[0].cells.iter().find(|cell| cell.slug.contains("bittorrent")).unwrap();
    insta::assert_snapshot!("smoke-cell", show(&plans[0], cell, &lab).unwrap());
}

#[test]
fn same_bytes_twice() {
    let scenarios = ["matrices/smoke.yaml", "tests/cluster/never-ready.yaml"];
    assert_eq!(tree(&scenarios).2, tree(&scenarios).2);
}

#[test]
fn an_attempt_differs_in_its_name_only() {
    let (plans, _, mut files) = tree(&["matrices/smoke.yaml"]);
    let folders = admit_all(&mut files, &plans[0]);
    for (cell, folder) in plans[0].cells.iter().zip(folders) {
        let overlay = by_name(build(&files, &format!("overlays/smoke/{}", cell.slug)).unwrap());
        let active = by_name(build(&files, &folder).unwrap());
        let own = AttemptName::new("smoke", &cell.id, &cell.digest, 0, 0).to_string();
        let text = serde_json::to_string(&overlay).unwrap();
        let name = folder.rsplit('/').next().unwrap();
        let text = text
            .replace(&own, name)
            .replace("\"benchgrid.io/trial\":\"0\"", "\"benchgrid.io/trial\":\"2\"")
            .replace("coordinator-t0a0", "coordinator-t2a3");
        assert_eq!(serde_json::to_string(&active).unwrap(), text);
    }
}

/// Writes the branch out and lets a program build each overlay, each attempt, and what Argo CD's root deploys.
fn compare_with(program: &Path, arguments: &[&str]) {
    let (plans, _, mut files) = tree(&["matrices/smoke.yaml", "tests/cluster/never-ready.yaml"]);
    let mut folders: Vec<String> = vec!["argocd-apps".to_owned(), "conductor".to_owned()];
    for plan in &plans {
        folders.extend(plan.cells.iter().map(|cell| format!("overlays/{}/{}", plan.scenario, cell.slug)));
        folders.extend(admit_all(&mut files, plan));
    }
    let out = tempfile::tempdir().unwrap();
    for (path, bytes) in &files {
        let path = out.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    for folder in folders {
        let run = Command::new(program).args(arguments).arg(out.path().join(&folder)).output().unwrap();
        let errors = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.success() && errors.is_empty(), "{folder}: {errors}");
        let theirs = by_name(read_documents(std::str::from_utf8(&run.stdout).unwrap()).unwrap());
        let ours = by_name(build(&files, &folder).unwrap());
        assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{folder}");
        for (name, object) in &ours {
            assert_eq!(theirs[name], *object, "{folder}: {name}");
        }
    }
}

/// A program of the test cluster, or of the machine; without it a test fails in CI, and says so elsewhere.
fn program(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("BENCHGRID_CACHE").map(PathBuf::from).or_else(|| {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        Some(std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from).join("benchgrid"))
    });
    let built = cache.map(|cache| cache.join("cluster/bin").join(name)).filter(|path| path.is_file());
    let found = built.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{name} is not there; tests/cluster/build.sh builds it"
        );
        println!("NOT RUN: {name} is not there; tests/cluster/build.sh builds it");
    }
    found
}

#[test]
fn kustomize_builds_the_same() {
    if let Some(kustomize) = program("kustomize") {
        compare_with(&kustomize, &["build"]);
    }
}

#[test]
fn kubectl_builds_the_same() {
    if let Some(kubectl) = program("kubectl") {
        compare_with(&kubectl, &["kustomize"]);
    }
}
