//! Bases that the real kustomize and helm build. They must be on PATH.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/by_name.rs"]
mod by_name;
#[path = "common/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use benchgrid::cli::programs::Machine;
use benchgrid::kustomize::{BuiltBase, NoPrograms, emit, load_base, read_documents};
use benchgrid::spec::codes;
use by_name::by_name;
use folder::folder;
use serde_json::{Value, json};

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn built(dir: &Path) -> BuiltBase {
    load_base(dir, "mine", &Machine::default()).unwrap()
}

/// What a program prints; it must end well.
fn run(command: &mut Command) -> String {
    let run = command.output().unwrap();
    assert!(run.status.success(), "{command:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn kustomize(dir: &Path) -> BTreeMap<String, Value> {
    by_name(read_documents(&run(Command::new("kustomize").arg("build").arg(dir))).unwrap())
}

fn without_namespaces(objects: &mut BTreeMap<String, Value>) {
    for object in objects.values_mut() {
        object["metadata"].as_object_mut().unwrap().remove("namespace");
    }
}

/// A base that uses what Kustomize is used for, a scenario with it, and a lab.
const PATCHED: [(&str, &str); 8] = [
    ("base/mine/kustomization.yaml", include_str!("flatten/kustomization.yaml")),
    ("base/mine/statefulset.yaml", include_str!("flatten/statefulset.yaml")),
    ("base/mine/probe.yaml", include_str!("flatten/probe.yaml")),
    ("base/mine/settings.conf", "mode=fast\n"),
    ("base/mine/system.yaml", include_str!("flatten/system.yaml")),
    ("base/component/kustomization.yaml", include_str!("flatten/component.yaml")),
    ("scenario.yaml", include_str!("flatten/scenario.yaml")),
    ("lab.yaml", include_str!("flatten/lab.yaml")),
];

#[test]
fn what_kustomize_builds_is_the_base() {
    let work = folder(&PATCHED);
    let dir = work.path().join("base/mine");
    let mut theirs = kustomize(&dir);
    assert_eq!(theirs.len(), 3);
    without_namespaces(&mut theirs);
    let base = built(&dir);
    assert_eq!(by_name(base.objects), theirs);
    assert_eq!(base.built_by.unwrap(), format!("kustomize {}", run(Command::new("kustomize").arg("version")).trim()));
    assert_eq!(base.troubles, []);
    let set = &theirs["StatefulSet my-node"];
    assert_eq!(set["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/node:2.0");
}

#[test]
fn its_cells_are_the_same_to_kustomize_and_to_us() {
    let work = folder(&PATCHED);
    let benchgrid = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
        command.current_dir(work.path());
        command
    };
    run(benchgrid().args(["compile", "scenario.yaml", "--lab", "lab.yaml", "--out", "out"]));
    let ours = run(benchgrid().args(["show", "filesize-5mb", "--scenario", "scenario.yaml", "--lab", "lab.yaml"]));
    let theirs = kustomize(&work.path().join("out/overlays/mine/filesize-5mb"));
    assert_eq!(by_name(read_documents(&ours).unwrap()), theirs);
    assert!(theirs.keys().any(|key| key.starts_with("ConfigMap my-settings-") && key.ends_with("-mine-nodes")));
}

#[test]
fn the_version_is_recorded_and_is_not_the_experiment() {
    let work = folder(&PATCHED);
    let git = |arguments: &[&str]| run(Command::new("git").current_dir(work.path()).args(arguments));
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"]);
    let benchgrid = |arguments: &[&str]| {
        run(Command::new(env!("CARGO_BIN_EXE_benchgrid")).current_dir(work.path()).args(arguments))
    };
    let plan: Value =
        serde_json::from_str(&benchgrid(&["plan", "scenario.yaml", "--lab", "lab.yaml", "--format", "json"])).unwrap();
    benchgrid(&["compile", "scenario.yaml", "--lab", "lab.yaml"]);
    let metadata: Value = serde_json::from_str(&git(&["show", "deploy:hydrator.metadata"])).unwrap();
    assert_eq!(metadata["bases"], plan["bases"]);
    let (folder, program) = plan["bases"].as_object().unwrap().iter().next().unwrap();
    assert!(program.as_str().unwrap().starts_with("kustomize v"), "{program}");
    // the folder has the objects and nothing else
    let files = git(&["ls-tree", "--name-only", &format!("deploy:base/{folder}")]);
    assert_eq!(files, "kustomization.yaml\nmanifest.yaml\n");
    assert!(benchgrid(&["compile", "scenario.yaml", "--lab", "lab.yaml"]).starts_with("nothing changed"));
}

const CHART: [(&str, &str); 5] = [
    ("Chart.yaml", "apiVersion: v2\nname: node\nversion: 1.2.3\n"),
    ("values.yaml", "image: registry.example/node:1.0\nlog: \"off\"\n"),
    ("templates/statefulset.yaml", include_str!("flatten/chart-statefulset.yaml")),
    (
        "templates/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  log: {{ .Values.log | quote }}\n",
    ),
    (
        "templates/tests/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n",
    ),
];

#[test]
fn what_helm_renders_is_the_base() {
    let chart = folder(&CHART);
    let base = built(chart.path());
    assert!(base.built_by.unwrap().starts_with("helm v"));
    assert_eq!(base.troubles, []);
    let ours = by_name(base.objects);
    assert_eq!(ours.keys().collect::<Vec<_>>(), ["ConfigMap mine", "StatefulSet mine"]);
    assert_eq!(ours["ConfigMap mine"]["data"], json!({"log": "off"}));
    let printed = run(Command::new("helm").args(["template", "mine", "--skip-tests"]).arg(chart.path()));
    let mut theirs = by_name(read_documents(&printed).unwrap());
    without_namespaces(&mut theirs);
    assert_eq!(ours, theirs);
}

#[test]
fn a_chart_with_random_values_is_refused() {
    let chart = folder(&CHART);
    std::fs::write(
        chart.path().join("templates/random.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: random\ndata:\n  a: {{ randAlphaNum 8 | quote }}\n",
    )
    .unwrap();
    let said = load_base(chart.path(), "mine", &Machine::default()).unwrap_err();
    assert_eq!(said.code(), codes::UNSTEADY);
}

#[test]
fn a_chart_that_writes_its_namespace_into_an_address_is_warned_of() {
    let chart = folder(&CHART);
    std::fs::write(
        chart.path().join("templates/address.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: address\n  namespace: {{ .Release.Namespace }}\ndata:\n  a: x.{{ .Release.Namespace }}.svc\n",
    )
    .unwrap();
    let codes: Vec<&str> = built(chart.path()).troubles.iter().map(|trouble| trouble.code).collect();
    assert_eq!(codes, [codes::NAMESPACE_IN_TEXT]);
}

#[test]
fn nothing_comes_from_the_network_or_from_outside() {
    let remote = "resources: [https://example.com/all.yaml]\n";
    let repository = "resources: ['https://github.com/example/example?ref=v1']\n";
    let outside = "configMapGenerator: [{name: x, files: [../../outside.txt]}]\n";
    for (nested, reason) in [
        (remote, "127.0.0.1:9: connect: connection refused"),
        (repository, "not allowed"),
        (outside, "is not in or below"),
    ] {
        let dir = folder(&[
            ("outside.txt", "x"),
            ("base/kustomization.yaml", "resources: [nested]\n"),
            ("base/nested/kustomization.yaml", nested),
        ]);
        let start = Instant::now();
        let said = load_base(&dir.path().join("base"), "mine", &Machine::default()).unwrap_err();
        assert_eq!(said.code(), codes::PROGRAM_FAILED, "{said}");
        assert!(said.to_string().contains(reason), "{said}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn every_text_survives_what_kustomize_prints() {
    let texts = [
        "yes",
        "n",
        "~",
        "null",
        "1e3",
        "1_000",
        "0o17",
        "017",
        "12:30",
        "2026-01-01",
        "=",
        "<<",
        "NaN",
        ".nan",
        ".inf",
        "1,000",
        "1e",
        "0x1f",
        "+1",
        ".5",
        "5.",
        "-",
        "a: b",
        "a #b",
        " x ",
        "tab\t",
        "two\nlines\n",
        "\u{7}",
        "é",
        "",
        "1.0",
        "'",
        "\"",
        "%x",
        "@x",
        "`x`",
        "{a}",
        "[a]",
        "*x",
        "&x",
        "!x",
        "|",
        ">",
        "-0",
        "0b1",
        "1e+21",
        "True",
        "2026-01-01T00:00:00Z",
    ];
    let data: serde_json::Map<String, Value> =
        texts.iter().enumerate().map(|(n, text)| (format!("k{n}"), json!(text))).collect();
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data});
    let dir = folder(&[("kustomization.yaml", "resources: [x.yaml]\nnamePrefix: a-\n"), ("x.yaml", &emit(&object))]);
    assert_eq!(built(dir.path()).objects[0]["data"], object["data"]);
}

#[test]
fn numbers_survive_too() {
    let numbers = json!([0, -7, 1.5, 0.1, 1e21, 1e-7, 9_007_199_254_740_991_i64]);
    let mut object = json!({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "numbers": numbers});
    let dir = folder(&[("kustomization.yaml", "resources: [x.yaml]\nnamePrefix: a-\n"), ("x.yaml", &emit(&object))]);
    object["metadata"]["name"] = json!("a-x");
    let floats =
        |value: &Value| value["numbers"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>();
    assert_eq!(floats(&built(dir.path()).objects[0]), floats(&object));
}

#[test]
fn our_own_bases_need_no_kustomize_and_are_the_same_to_it() {
    for base in std::fs::read_dir(project().join("base")).unwrap() {
        let dir = base.unwrap().path();
        if !dir.join("system.yaml").is_file() {
            continue; // a compiled one
        }
        let ours = load_base(&dir, "x", &NoPrograms).unwrap();
        assert_eq!(by_name(ours.objects), kustomize(&dir), "{}", dir.display());
    }
}
