//! Bases that a user brings: what is built here, what programs build, and what is refused. `tests/programs` holds
//! stand-ins for the programs; `tests/flatten.rs` does the same with the real ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use benchgrid::cli::programs::Machine;
use benchgrid::cli::validate::check;
use benchgrid::kustomize::{BaseError, BuiltBase, NoPrograms, check_base, kind, load_base, name};
use benchgrid::matrix::expand;
use benchgrid::plan::{Plan, Systems, Trouble, plan};
use benchgrid::spec::{CODES, Diagnostic, GroupSpec, Role, Severity, codes, load_lab, load_scenario, load_system};
use serde_json::json;
use tempfile::TempDir;

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Stand-ins for programs, by what they do.
fn programs(what: &str) -> Machine {
    Machine { folder: Some(project().join("compiler/tests/programs").join(what)), limit: Duration::from_millis(500) }
}

/// A folder of these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
const CHART: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n");

fn config(metadata: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n")
}

fn built(files: &[(&str, &str)], what: &str) -> Result<BuiltBase, BaseError> {
    load_base(folder(files).path(), "system", &programs(what))
}

fn error(files: &[(&str, &str)], what: &str) -> BaseError {
    built(files, what).unwrap_err()
}

/// A base of plain resources with one file.
fn plain(text: &str) -> BuiltBase {
    built(&[("kustomization.yaml", "resources: [all.yaml]\n"), ("all.yaml", text)], "none").unwrap()
}

fn codes_of(base: &BuiltBase) -> Vec<&'static str> {
    base.troubles.iter().map(|trouble| trouble.code).collect()
}

#[test]
fn plain_resources_need_no_program() {
    let files = [
        (
            "kustomization.yml",
            "# only files\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: [./one.yaml, sub/two.yaml]\n",
        ),
        ("one.yaml", &format!("# a comment\n{CONFIG}---\n{}", CONFIG.replace("settings", "more"))),
        ("sub/two.yaml", &CONFIG.replace("settings", "two")),
    ];
    let base = built(&files, "none").unwrap();
    assert_eq!(base.objects.iter().map(name).collect::<Vec<_>>(), ["settings", "more", "two"]);
    assert_eq!((base.built_by, base.troubles), (None, Vec::new()));
}

#[test]
fn a_file_that_is_not_there_needs_no_program_either() {
    let said = error(&[("kustomization.yaml", "resources: [none.yaml]\n")], "none");
    assert_eq!(said.code(), codes::BASE_UNREADABLE);
    assert!(
        said.to_string().ends_with("kustomization.yaml: the resource `none.yaml` is not a file in the base's folder")
    );
    let both = error(&[("kustomization.yaml", "resources: []\n"), CHART], "none");
    assert!(both.to_string().contains("holds both"), "{both}");
}

#[test]
fn a_link_that_leads_out_of_the_folder_is_refused() {
    let base = folder(&[("kustomization.yaml", "resources: [all.yaml]\n")]);
    let outside = folder(&[("all.yaml", CONFIG)]);
    std::os::unix::fs::symlink(outside.path().join("all.yaml"), base.path().join("all.yaml")).unwrap();
    let said = load_base(base.path(), "system", &NoPrograms).unwrap_err();
    assert!(said.to_string().contains("not a file in the base's folder"), "{said}");
}

#[test]
fn what_else_kustomize_can_do_is_its_business() {
    let list = "apiVersion: v1\nkind: ConfigMapList\nmetadata: {name: x}\nitems: []\n";
    let local = config("{name: x, annotations: {config.kubernetes.io/local-config: \"true\"}}");
    for (kustomization, file) in [
        ("resources: [all.yaml]\nnamePrefix: a-\n", CONFIG),
        ("resources: [../other]\n", CONFIG),
        ("resources: [sub]\n", CONFIG),
        ("configMapGenerator: []\n", CONFIG),
        ("resources: [all.yaml]\n", list),
        ("resources: [all.yaml]\n", local.as_str()),
    ] {
        let said = error(&[("kustomization.yaml", kustomization), ("all.yaml", file), ("sub/x", "")], "none");
        assert_eq!(said.code(), codes::NO_PROGRAM, "{kustomization}{file}");
    }
}

#[test]
fn what_a_program_printed_is_the_base() {
    let printed =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: =\n  b: NaN\n  c: 1,000\n  d: \"1\"\n";
    let base = built(&[("kustomization.yaml", "namePrefix: a-\n"), ("printed.txt", printed)], "printing").unwrap();
    assert_eq!(base.built_by.as_deref(), Some("kustomize v9.9.9"));
    assert_eq!(base.objects[0]["data"], json!({"a": "=", "b": "NaN", "c": "1,000", "d": "1"}));
    let chart = built(&[CHART, ("printed.txt", "---\n# Source: chart/templates/x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: namespace-of-the-release}\n")], "printing").unwrap();
    assert_eq!(chart.built_by.as_deref(), Some("helm v9.9.9"));
    assert_eq!(chart.objects[0]["metadata"], json!({"name": "x"}));
}

#[test]
fn a_program_that_hangs_is_stopped() {
    let start = Instant::now();
    let said = error(&[("kustomization.yaml", "namePrefix: a-\n")], "hanging");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(said.to_string().contains("did not end within"), "{said}");
}

#[test]
fn a_complaint_is_shown_and_shortened() {
    let said = error(&[("kustomization.yaml", "namePrefix: a-\n")], "failing").to_string();
    assert!(said.ends_with("kustomize can't build it: Error: accumulating resources\n  no such file"), "{said}");
}

/// The plan of the smoke scenario; what is added to the base `http`, and to its groups.
fn planned(objects: &[serde_json::Value], groups: &[&str]) -> Result<Plan, Vec<Trouble>> {
    planned_by(None, objects, groups)
}

/// The same where a program built the base `http`.
fn planned_by(program: Option<&str>, objects: &[serde_json::Value], groups: &[&str]) -> Result<Plan, Vec<Trouble>> {
    let mut scenario = load_scenario(&project().join("matrices/smoke.yaml")).0.unwrap();
    let matrix = expand(&scenario).unwrap().0;
    let lab = load_lab(&project().join("labs/test.yaml")).0.unwrap().value;
    let mut systems = Systems::new();
    for (system, base) in [("http", "http"), ("bittorrent", "qbittorrent")] {
        let base = project().join("base").join(base);
        systems.insert(
            system.to_owned(),
            (load_system(&base).0.unwrap().value, load_base(&base, system, &NoPrograms).unwrap()),
        );
    }
    let http = &mut systems.get_mut("http").unwrap().1;
    http.objects.extend_from_slice(objects);
    http.built_by = program.map(str::to_owned);
    let using = scenario.value.spec.systems.get_mut("http").unwrap();
    let leecher = GroupSpec { role: Role::Leecher, ..using.groups["slow"].clone() };
    using.groups.extend(groups.iter().map(|group| ((*group).to_owned(), leecher.clone())));
    plan(&scenario.value, &matrix, &lab, &systems)
}

fn object(kind: &str, name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
}

/// Each code, caused once, with what it says.
fn caused() -> Vec<(&'static str, String)> {
    let patched = ("kustomization.yaml", "namePrefix: a-\n");
    let mut caused: Vec<(&'static str, String)> = Vec::new();
    let remote = ("kustomization.yaml", "resources: ['https://example.com/x?ref=v1']\n");
    let source = "---\n# Source: chart/templates/x.yaml\nmode: 0755\n";
    for said in [
        error(&[patched], "none"),
        error(&[patched], "failing"),
        error(&[patched], "hanging"),
        error(&[patched], "refused"),
        error(&[remote], "none"),
        error(&[CHART], "unsteady"),
        error(&[CHART, ("printed.txt", source)], "printing"),
    ] {
        caused.push((said.code(), said.to_string()));
    }
    let several = format!("{}---\n{}", config("{name: a, namespace: one}"), config("{name: b, namespace: two}"));
    let addressed = format!("{}data: {{url: 'http://x.one.svc:80'}}\n", config("{name: a, namespace: one}"));
    let hook = config("{name: a, annotations: {helm.sh/hook: pre-install}}");
    let twice = format!("{CONFIG}---\n{CONFIG}");
    for text in [several, addressed, hook, twice] {
        caused.extend(plain(&text).troubles.into_iter().map(|trouble| (trouble.code, trouble.message)));
    }
    let mut troubles = planned(&[object("Service", &"x".repeat(60))], &[]).unwrap_err();
    troubles
        .extend(planned(&[object("ConfigMap", "a"), object("ConfigMap", "a-http-x")], &["x-http-y", "y"]).unwrap_err());
    // the http node's arguments begin with `http-node`
    troubles.extend(planned(&[object("Service", "http-node")], &[]).unwrap().warnings);
    caused.extend(troubles.into_iter().map(|trouble| (trouble.code, trouble.message)));
    caused
}

#[test]
fn every_code_of_built_bases_is_caused_here() {
    let caused = caused();
    let codes: BTreeSet<&str> = caused.iter().map(|(code, _)| *code).collect();
    for code in CODES.iter().filter(|code| ("BG0610".."BG0630").contains(&code.id)) {
        assert!(codes.contains(code.id), "nothing here causes {}", code.id);
    }
    let lines =
        caused.iter().filter(|(code, _)| *code >= "BG0610").map(|(code, text)| [code, " ", text, "\n"].concat());
    let said = lines.collect::<Vec<_>>().concat();
    let temporary = std::env::temp_dir();
    let said: String = said
        .split_inclusive(' ')
        .map(|word| if word.starts_with(temporary.to_str().unwrap()) { "DIR " } else { word })
        .collect();
    insta::assert_snapshot!("said", said);
}

#[test]
fn the_experiment_is_the_objects_whatever_built_them() {
    let plan = |program: &str| planned_by(Some(program), &[], &[]).unwrap();
    let (one, other) = (plan("kustomize v1"), plan("kustomize v2"));
    assert_eq!(one.cells, other.cells);
    assert_eq!(one.cells, planned(&[], &[]).unwrap().cells);
    assert_eq!(one.foreign_bases().keys().collect::<Vec<_>>(), other.foreign_bases().keys().collect::<Vec<_>>());
    assert_ne!(one.foreign_bases(), other.foreign_bases());
    assert_ne!(one.cells, planned(&[object("ConfigMap", "x")], &[]).unwrap().cells);
}

#[test]
fn names_in_texts_are_warned_of_where_they_matter() {
    let systems = |base: &str| load_system(&project().join("base").join(base)).0.unwrap().value;
    for base in ["codex", "http", "qbittorrent", "rqbit"] {
        let built = load_base(&project().join("base").join(base), base, &NoPrograms).unwrap();
        assert_eq!(codes_of(&built), [""; 0], "{base}");
        assert_eq!(check_base(&built.objects, &systems(base).spec), [], "{base}");
    }
    let warnings = planned(&[object("Service", "http-node")], &[]).unwrap().warnings;
    let warning = warnings.iter().find(|warning| warning.code == codes::NAME_IN_TEXT).unwrap();
    assert_eq!(warning.severity, Severity::Warning);
}

/// What the profile `restricted` asks of a pod, and what makes nodes comparable.
#[test]
fn our_bases_can_be_applied_alone() {
    for base in std::fs::read_dir(project().join("base")).unwrap() {
        let dir = base.unwrap().path();
        if !dir.join("system.yaml").is_file() {
            continue; // a compiled one
        }
        let objects = load_base(&dir, "x", &NoPrograms).unwrap().objects;
        let set = objects.iter().find(|object| kind(object) == "StatefulSet").unwrap();
        let pod = &set["spec"]["template"]["spec"];
        let at = dir.display();
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() <= 5, "{at}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{at}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{at}");
        for container in pod["containers"].as_array().unwrap() {
            assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false, "{at}");
            assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]), "{at}");
            assert_eq!(container["resources"]["requests"], container["resources"]["limits"], "{at}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{at}");
            let (_, tag) = container["image"].as_str().unwrap().rsplit_once(':').unwrap();
            assert!(tag.starts_with(|c: char| c.is_ascii_digit()), "{at}: {tag}");
        }
    }
}

/// A base that needs kustomize, on a machine without it.
#[test]
fn a_missing_program_is_the_machines_fault() {
    let work = folder(&[
        ("base/mine/kustomization.yaml", include_str!("flatten/kustomization.yaml")),
        ("base/mine/system.yaml", include_str!("flatten/system.yaml")),
        ("scenario.yaml", include_str!("flatten/scenario.yaml")),
        ("lab.yaml", include_str!("flatten/lab.yaml")),
    ]);
    let benchgrid = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchgrid"));
        let run = command.current_dir(work.path()).env("PATH", "").args(arguments).output().unwrap();
        (run.status.code(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
    };
    let plan = |scenario: &str| benchgrid(&["plan", scenario, "--lab", "lab.yaml"]);
    assert_eq!(benchgrid(&["validate", "scenario.yaml"]).0, Some(0));
    let (code, said) = plan("scenario.yaml");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.starts_with("error[BG0610]: the base base/mine: it needs the program `kustomize`"), "{said}");
    assert!(said.contains("scenario.yaml:9:13"), "{said}");
    // what the user can mend comes first
    let other = "  systems:\n    other: {base: base/none, groups: {nodes: {replicas: 2}}}\n";
    let wrong = include_str!("flatten/scenario.yaml").replace("  systems:\n", other);
    std::fs::write(work.path().join("wrong.yaml"), wrong).unwrap();
    assert_eq!(plan("wrong.yaml").0, Some(1));
}

/// `validate` builds what needs no program, and leaves the rest to `plan`.
#[test]
fn bases_are_validated() {
    let sound = include_str!("flatten/statefulset.yaml").replace("0644", "420");
    let work = folder(&[
        ("base/mine/kustomization.yaml", "resources: [statefulset.yaml]\n"),
        ("base/mine/statefulset.yaml", &sound),
        ("base/mine/system.yaml", include_str!("flatten/system.yaml")),
        ("scenario.yaml", include_str!("flatten/scenario.yaml")),
    ]);
    let codes = || {
        let found = check(&[work.path().join("scenario.yaml")]).diagnostics;
        let place = |it: &Diagnostic| it.place.as_ref().unwrap().file.file_name().unwrap().to_owned();
        found.iter().map(|it| (it.code, place(it).into_string().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(codes(), [(codes::OTHER_WORKLOAD, "system.yaml".to_owned())]);
    let write = |file: &str, text: &str| std::fs::write(work.path().join("base/mine").join(file), text).unwrap();
    write("statefulset.yaml", include_str!("flatten/statefulset.yaml"));
    assert_eq!(codes(), [(codes::BASE_UNREADABLE, "scenario.yaml".to_owned())]);
    write("kustomization.yaml", "resources: [statefulset.yaml]\nnamePrefix: my-\n");
    assert_eq!(codes(), []);
}
