//! What the compiler writes: the tree of a small scenario, and what kustomize makes of it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

#[path = "common/by_name.rs"]
mod by_name;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use benchgrid::cli::schema::schema;
use benchgrid::kustomize::{NoPrograms, build, load_base, name, read_documents};
use benchgrid::matrix;
use benchgrid::plan::{Cell, Demand, Plan, Systems, plan};
use benchgrid::render::{
    Attempt, Files, Overlays, PlanFile, admit, attempt, dashboards, files, plan_json, plan_markdown, plan_text, show,
};
use benchgrid::spec::{Lab, any_error, base_folder, load_lab, load_scenario, load_system};
use benchgrid_measures::AttemptName;
use by_name::by_name;
use serde_json::{Value, json};

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn lab(file: &str) -> Lab {
    let (lab, diagnostics) = load_lab(&project().join(file));
    assert!(!any_error(&diagnostics), "{diagnostics:#?}");
    lab.unwrap().value
}

/// The plan of a scenario without errors.
fn planned(file: &str, lab: &Lab) -> Plan {
    let path = project().join(file);
    let (scenario, diagnostics) = load_scenario(&path);
    assert!(!any_error(&diagnostics), "{diagnostics:#?}");
    let scenario = scenario.unwrap();
    let (matrix, diagnostics) = matrix::expand(&scenario).unwrap();
    assert!(!any_error(&diagnostics), "{diagnostics:#?}");
    let mut systems = Systems::new();
    for (name, using) in &scenario.spec.systems {
        let folder = base_folder(&path, &using.base);
        let (system, diagnostics) = load_system(&folder);
        assert!(!any_error(&diagnostics), "{diagnostics:#?}");
        systems.insert(name.clone(), (system.unwrap().value, load_base(&folder, name, &NoPrograms).unwrap()));
    }
    plan(&scenario.value, &matrix, lab, &systems).unwrap_or_else(|troubles| panic!("{troubles:#?}"))
}

/// The branch of some scenarios in a lab.
struct Branch {
    plans: Vec<Plan>,
    lab: Lab,
    files: Files,
}

impl Branch {
    fn new(lab_file: &str, scenarios: &[&str]) -> Self {
        let lab = lab(lab_file);
        let plans: Vec<Plan> = scenarios.iter().map(|file| planned(file, &lab)).collect();
        let files = files(&plans, &BTreeSet::new(), &lab);
        Self { plans, lab, files }
    }

    fn test(scenarios: &[&str]) -> Self {
        Self::new("labs/test.yaml", scenarios)
    }

    fn rich() -> Self {
        Self::new("compiler/tests/render/rich-lab.yaml", &["compiler/tests/render/rich.yaml"])
    }

    /// A path on the branch.
    fn path(&self, path: &str) -> String {
        if self.lab.spec.git.prefix.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.lab.spec.git.prefix)
        }
    }

    /// Admits one attempt at every cell, as the conductor would; gives back their folders.
    fn admit_all(&mut self) -> Vec<String> {
        let mut folders = Vec::new();
        for plan in &self.plans {
            for cell in &plan.cells {
                let overlay = self.path(&format!("overlays/{}/{}/", plan.scenario, cell.slug));
                let within =
                    |(path, bytes): (&String, &Vec<u8>)| Some((path.strip_prefix(&overlay)?.to_owned(), bytes.clone()));
                let tree: Files = self.files.iter().filter_map(within).collect();
                let (name, file) = admitted(plan, cell);
                let folder = self.path(&format!("active/{}/{name}", plan.scenario));
                let tree = attempt(tree, &name, &file).unwrap();
                self.files.extend(tree.into_iter().map(|(path, bytes)| (format!("{folder}/{path}"), bytes)));
                folders.push(folder);
            }
        }
        folders
    }

    /// Every folder that something builds.
    fn folders(&self) -> Vec<String> {
        let mut folders = vec![self.path("argocd-apps"), self.path("conductor")];
        folders.extend(self.lab.spec.grafana.iter().map(|_| self.path("dashboards")));
        for plan in &self.plans {
            let overlays = plan.cells.iter().map(|cell| format!("overlays/{}/{}", plan.scenario, cell.slug));
            folders.extend(overlays.map(|folder| self.path(&folder)));
        }
        folders
    }
}

/// The third try at the second trial.
fn admitted(plan: &Plan, cell: &Cell) -> (AttemptName, Attempt) {
    let name = AttemptName::new(&plan.scenario, &cell.id, &cell.digest, 2, 3);
    let file = Attempt {
        attempt: name.to_string(),
        scenario: plan.scenario.clone(),
        slug: cell.slug.clone(),
        cell: cell.id.clone(),
        digest: cell.digest.clone(),
        trial: 2,
        number: 3,
        admitted: "2026-01-01T00:00:00Z".parse().unwrap(),
        ready_seconds: 300,
        deadline_seconds: cell.deadline_seconds,
        needs: Demand::of(cell),
        tree: String::new(),
    };
    (name, file)
}

fn printed(files: &Files) -> String {
    let one = |(path, bytes): (&String, &Vec<u8>)| format!("##### {path}\n{}", std::str::from_utf8(bytes).unwrap());
    files.iter().map(one).collect::<Vec<_>>().concat()
}

#[test]
fn golden_tree() {
    let mut branch = Branch::test(&["tests/cluster/never-ready.yaml"]);
    branch.admit_all();
    insta::assert_snapshot!("never-ready", printed(&branch.files));
}

#[test]
fn golden_tree_of_everything() {
    let branch = Branch::rich();
    let plan = &branch.plans[0];
    let keep = branch.path(&format!("overlays/{}/{}/", plan.scenario, plan.cells[0].slug));
    let overlays = branch.path("overlays");
    let mut files = branch.files.clone();
    files.retain(|path, _| path.starts_with(&keep) || !path.starts_with(&overlays));
    let dashboards = files.extract_if(.., |path, _| path.contains("/dashboards/")).collect();
    insta::assert_snapshot!("rich", printed(&files));
    insta::assert_snapshot!("rich-dashboards", printed(&dashboards));
    let warnings: String = plan.warnings.iter().map(|warning| warning.to_string() + "\n").collect();
    insta::assert_snapshot!("rich-warnings", warnings);
}

/// Conventions of Grafana, of its sidecar and of its linter, and limits of Kubernetes.
#[test]
fn dashboards_are_as_grafana_wants_them() {
    let branch = Branch::rich();
    let built = build(&branch.files, &branch.path("dashboards")).unwrap();
    assert_eq!(built.len(), 3);
    for map in built {
        assert_eq!(
            (map["metadata"]["namespace"].as_str(), map["kind"].as_str()),
            (Some("watching"), Some("ConfigMap"))
        );
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!(map["metadata"]["annotations"], json!({"grafana_folder": "Measurements"}));
        // Argo CD keeps all of it once more, in an annotation of at most 256 KiB.
        assert!(serde_json::to_string(&map).unwrap().len() < 200 << 10);
        let data = map["data"].as_object().unwrap();
        let (file, text) = data.iter().next().unwrap();
        let board: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!((data.len(), file.as_str()), (1, &*format!("{}.json", board["uid"].as_str().unwrap())));
        dashboard(&board);
    }
    let mut lab = lab("labs/test.yaml");
    lab.metadata.name = "l".repeat(50);
    let uids: BTreeSet<String> =
        dashboards(&lab).iter().map(|board| board["uid"].as_str().unwrap().to_owned()).collect();
    assert!(uids.len() == 3 && uids.iter().all(|uid| uid.len() <= 40), "{uids:?}");
}

fn dashboard(board: &Value) {
    let (uid, source) = (&board["uid"], json!({"type": "prometheus", "uid": "${datasource}"}));
    assert_eq!((&board["id"], &board["editable"], &board["timezone"]), (&Value::Null, &json!(false), &json!("utc")));
    assert!(board.get("__inputs").is_none() && (39..=42).contains(&board["schemaVersion"].as_u64().unwrap()), "{uid}");
    assert!(!board["title"].as_str().unwrap().is_empty() && !board["description"].as_str().unwrap().is_empty());
    let variables = board["templating"]["list"].as_array().unwrap();
    assert_eq!((&variables[0]["name"], &variables[0]["type"]), (&json!("datasource"), &json!("datasource")));
    for variable in &variables[1..] {
        assert_eq!(
            (&variable["datasource"], &variable["refresh"]),
            (&source, &json!(2)),
            "{uid}: {}",
            variable["name"]
        );
    }
    let (mut ids, mut taken, mut titles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in board["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()) && titles.insert(title) && !title.is_empty(),
            "{uid}: {title}"
        );
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{uid}: {title} is outside");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{uid}: {title} lies on another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().unwrap().ends_with('.'), "{uid}: {title} says nothing of itself");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{uid}: {title} has no unit");
        assert_eq!(panel["datasource"], source, "{uid}: {title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{uid}: {title} asks nothing");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert_eq!(target["datasource"], source);
            // What is pushed lies in the past: it is looked for in all of the time that is shown, or in each step.
            assert_ne!(target["instant"], target["range"], "{uid}: {title}");
            let windows =
                if target["range"] == true { ["$__interval]", "$__rate_interval]"] } else { ["$__range]", "[6h:1m]"] };
            let gauge = query.contains("kube_") || query.contains("container_memory");
            assert!(gauge || windows.iter().any(|window| query.contains(window)), "{uid}: {title}: {query}");
            let known =
                ["$__range", "$__interval", "$__rate_interval", "${axis:csv}", "$scenario", "$system", "$observe"];
            let rest = known.iter().fold(query.to_owned(), |rest, name| rest.replace(name, ""));
            assert!(!rest.contains('$'), "{uid}: {title}: {rest}");
        }
    }
}

#[test]
fn dashboards_go_with_the_grafana_that_wanted_them() {
    let branch = Branch::test(&[]);
    assert!(branch.files.keys().all(|path| !path.contains("dashboards")));
}

#[test]
fn golden_plan() {
    let branch = Branch::test(&["matrices/smoke.yaml"]);
    let plan = &branch.plans[0];
    insta::assert_snapshot!("smoke-text", plan_text(&PlanFile::of(plan)));
    insta::assert_snapshot!("smoke-markdown", plan_markdown(&PlanFile::of(plan)));
    insta::assert_snapshot!("smoke-json", plan_json(&PlanFile::of(plan)));
    let cell = plan.cells.iter().find(|cell| cell.slug.contains("bittorrent")).unwrap();
    insta::assert_snapshot!("smoke-cell", show(plan, cell, &branch.lab).unwrap());
}

#[test]
fn the_reference_scenario_is_planned() {
    let lab = lab("labs/example.yaml");
    let plan = planned("matrices/codex-vs-bittorrent.yaml", &lab);
    assert_eq!((plan.cells.len(), plan.exclusions.len()), (78, 42));
    assert!(plan_text(&PlanFile::of(&plan)).contains("no node would be left to download"));
}

#[test]
fn labels_of_long_names_are_cut() {
    let mut lab = lab("labs/test.yaml");
    lab.metadata.name = "l".repeat(49);
    let scenario = format!("{}-{}", "s".repeat(13), "t".repeat(36));
    let files = files(&[], &[scenario.clone()].into(), &lab);
    let sets = read_documents(std::str::from_utf8(&files[&format!("argocd-apps/{scenario}.yaml")]).unwrap()).unwrap();
    assert_eq!(name(&sets[0]).len(), 100);
    let label = sets[0]["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap();
    assert_eq!(label, format!("{}-{}", "l".repeat(49), "s".repeat(13)));
    for (key, value) in sets[0]["metadata"]["labels"].as_object().unwrap() {
        assert!(value.as_str().unwrap().len() <= 63, "{key}");
    }
}

#[test]
fn same_bytes_twice() {
    let scenarios = ["matrices/smoke.yaml", "tests/cluster/never-ready.yaml"];
    assert_eq!(Branch::test(&scenarios).files, Branch::test(&scenarios).files);
}

#[test]
fn cells_share_group_folders_that_are_their_own() {
    for branch in [Branch::rich(), Branch::test(&["matrices/codex-vs-bittorrent.yaml"])] {
        let overlays = Overlays::new(&branch.plans[0], &branch.lab);
        let groups = overlays.groups();
        let distinct: Vec<Files> = groups.distinct().map(|make| make()).collect();
        let mut count = 0;
        for ((_, cell), parts) in overlays.folders().zip(groups.of_cells()) {
            let mut files = overlays.own_files(cell);
            for (name, place) in parts {
                files.extend(distinct[*place].iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes.clone())));
            }
            assert_eq!(files, overlays.files(cell));
            count += parts.len();
        }
        assert!(distinct.len() < count, "{} folders for {count} groups", distinct.len());
    }
}

#[test]
fn an_attempt_differs_in_its_name_only() {
    let mut branch = Branch::test(&["matrices/smoke.yaml"]);
    let folders = branch.admit_all();
    for (cell, folder) in branch.plans[0].cells.iter().zip(folders) {
        let overlay = by_name(build(&branch.files, &format!("overlays/smoke/{}", cell.slug)).unwrap());
        let active = by_name(build(&branch.files, &folder).unwrap());
        let own = AttemptName::new("smoke", &cell.id, &cell.digest, 0, 0).to_string();
        let name = folder.rsplit('/').next().unwrap();
        let text = serde_json::to_string(&overlay)
            .unwrap()
            .replace(&own, name)
            .replace("\"benchgrid.io/trial\":\"0\"", "\"benchgrid.io/trial\":\"2\"")
            .replace("coordinator-t0a0", "coordinator-t2a3");
        assert_eq!(serde_json::to_string(&active).unwrap(), text);
    }
}

#[test]
fn what_is_added_to_a_cell_writes_to_volumes_only_and_is_not_root() {
    let branch = Branch::test(&["matrices/smoke.yaml"]);
    let mut seen = BTreeSet::new();
    for folder in branch.folders().iter().filter(|folder| folder.contains("overlays/")) {
        for object in build(&branch.files, folder).unwrap() {
            let pod = &object["spec"]["template"]["spec"];
            let lists = ["initContainers", "containers"].map(|list| pod[list].as_array());
            for container in lists.into_iter().flatten().flatten() {
                let name = container["name"].as_str().unwrap();
                if !["agent", "coordinator", "shape"].contains(&name) {
                    continue;
                }
                seen.insert(name.to_owned());
                let (security, shapes) = (&container["securityContext"], name == "shape");
                assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(security["runAsNonRoot"], !shapes, "{name}");
                assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{name}");
                let more = if shapes { json!(["NET_ADMIN"]) } else { Value::Null };
                assert_eq!(security["capabilities"]["add"], more, "{name}");
            }
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn files_of_the_branch_are_as_their_schemas_say() {
    let mut branch = Branch::test(&["matrices/smoke.yaml", "tests/cluster/never-ready.yaml"]);
    branch.admit_all();
    for kind in ["cells", "attempt"] {
        let validator = jsonschema::draft7::new(&schema(kind).unwrap()).unwrap();
        let end = format!("/{kind}.json");
        let files: Vec<_> = branch.files.iter().filter(|(path, _)| path.ends_with(&end)).collect();
        assert!(!files.is_empty(), "{kind}");
        for (path, bytes) in files {
            let value: Value = serde_json::from_slice(bytes).unwrap();
            assert!(validator.is_valid(&value), "{path}");
            // the ApplicationSet's generator would put its own in place of it
            assert!(value.get("path").is_none(), "{path}");
        }
    }
}

#[test]
fn an_overlay_that_was_changed_is_not_admitted() {
    let branch = Branch::test(&["matrices/smoke.yaml"]);
    let (plan, cell) = (&branch.plans[0], &branch.plans[0].cells[0]);
    let (name, _) = admitted(plan, cell);
    let path = format!("overlays/smoke/{}/kustomization.yaml", cell.slug);
    let text = String::from_utf8(branch.files[&path].clone()).unwrap();
    assert!(admit(&text, &name).is_ok());
    assert!(admit(&admit(&text, &name).unwrap(), &name).is_err());
    assert!(admit(&text.replace("namespace:", "namespace: # mine\n "), &name).is_err());
    assert!(admit(&text, &AttemptName { digest: "000000".to_owned(), ..name }).is_err());
}

/// Writes branches out and lets a program build each overlay, each attempt, and what Argo CD's root deploys.
fn compare_with(program: &Path, arguments: &[&str]) {
    for mut branch in [Branch::test(&["matrices/smoke.yaml", "tests/cluster/never-ready.yaml"]), Branch::rich()] {
        let mut folders = branch.folders();
        folders.extend(branch.admit_all());
        let out = tempfile::tempdir().unwrap();
        for (path, bytes) in &branch.files {
            let path = out.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        for folder in folders {
            let run = Command::new(program).args(arguments).arg(out.path().join(&folder)).output().unwrap();
            let errors = String::from_utf8_lossy(&run.stderr).into_owned();
            assert!(run.status.success() && errors.is_empty(), "{folder}: {errors}");
            let theirs = by_name(read_documents(std::str::from_utf8(&run.stdout).unwrap()).unwrap());
            let ours = by_name(build(&branch.files, &folder).unwrap());
            assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{folder}");
            for (name, object) in &ours {
                assert_eq!(theirs[name], *object, "{folder}: {name}");
            }
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
