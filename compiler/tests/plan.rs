//! What a plan refuses, and what makes a cell another experiment.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use benchgrid::kustomize::{check_base, emit, load_base};
use benchgrid::matrix::{Matrix, expand};
use benchgrid::plan::{Plan, Systems, Trouble, plan};
use benchgrid::spec::{ImagePolicy, Lab, Role, Scenario, Shaping, Template, load_lab, load_scenario, load_system};
use serde_json::{Map, Value, json};

/// One change of something.
type Change<T> = fn(&mut T);

/// The smoke scenario in the test lab, to be changed.
struct Input {
    scenario: Scenario,
    matrix: Matrix,
    lab: Lab,
    systems: Systems,
}

impl Input {
    fn new() -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let scenario = load_scenario(&project.join("matrices/smoke.yaml")).0.unwrap();
        let matrix = expand(&scenario).unwrap().0;
        let lab = load_lab(&project.join("labs/test.yaml")).0.unwrap().value;
        let read = |base: &str| -> PathBuf { project.join("base").join(base) };
        let systems = [("http", "http"), ("bittorrent", "qbittorrent")]
            .map(|(name, base)| {
                let system = load_system(&read(base)).0.unwrap().value;
                (name.to_owned(), (system, load_base(&read(base)).unwrap()))
            })
            .into();
        Self { scenario: scenario.value, matrix, lab, systems }
    }

    fn plan(&self) -> Result<Plan, Vec<Trouble>> {
        plan(&self.scenario, &self.matrix, &self.lab, &self.systems)
    }

    /// The plan of a changed input.
    fn with(change: impl FnOnce(&mut Self)) -> Result<Plan, Vec<Trouble>> {
        let mut input = Self::new();
        change(&mut input);
        input.plan()
    }

    fn group(&mut self, name: &str) -> &mut benchgrid::spec::GroupSpec {
        self.scenario.spec.systems.get_mut("http").unwrap().groups.get_mut(name).unwrap()
    }
}

fn digests(plan: &Plan) -> Vec<&str> {
    plan.cells.iter().map(|cell| cell.digest.as_str()).collect()
}

#[test]
fn furniture_does_not_change_the_experiment() {
    let usual = Input::new().plan().unwrap();
    let other = Input::with(|input| {
        let lab = &mut input.lab.spec;
        lab.metrics.write = "http://elsewhere".to_owned();
        lab.images.mirror = Some("mirror.example".to_owned());
        lab.images.probe = "other:2".to_owned();
        lab.storage.class = Some("fast".to_owned());
        lab.shaping = Shaping::None;
        input.scenario.spec.measure.trials = Some(Template(json!(9)));
        input.scenario.spec.measure.ready = Some(Template::text("9m"));
    });
    assert_eq!(digests(&usual), digests(&other.unwrap()));
}

#[test]
fn what_is_measured_changes_the_experiment() {
    let usual = Input::new().plan().unwrap();
    let changes: [Change<Input>; 7] = [
        |input| input.scenario.spec.salt = Some("2".to_owned()),
        |input| input.scenario.spec.measure.repetitions = Some(Template(json!(3))),
        |input| input.scenario.spec.measure.stalled = Some(Template::text("9s")),
        |input| input.group("fast").network = Some(json!({"up": "51Mbit", "down": "50Mbit"})),
        |input| input.group("fast").env = [("A".to_owned(), "b".to_owned())].into(),
        |input| input.group("slow").replicas = Template(json!(2)),
        |input| drop(input.lab.spec.images.replace.insert("ghcr.io/benchgrid/probe".to_owned(), "x.y/z:1".to_owned())),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let other = Input::with(change).unwrap();
        let http = usual.cells.iter().position(|cell| cell.slug.ends_with("http")).unwrap();
        assert_ne!(digests(&usual)[http], digests(&other)[http], "change {place}");
    }
}

#[test]
fn links_give_bound_and_deadline() {
    let plan = Input::new().plan().unwrap();
    let cell = plan.cells.iter().find(|cell| cell.slug == "filesize-20mb.system-http").unwrap();
    // 20 MB over the slow leecher's 20 Mbit/s: 8 s, more than 160 Mbit over 100, and than 320 over 170
    assert_eq!(cell.measure.fluid_bound_seconds, Some(8.0));
    assert!((cell.measure.transfer_deadline_seconds - 160.0).abs() < f64::EPSILON);
    assert_eq!(cell.measure.baseline_bytes, 5_000_000);
    assert_eq!((cell.needs.pods, cell.needs.cpu_millis), (4, 1600));
    assert!(cell.deadline_seconds > cell.coordinator_seconds);
}

#[test]
fn troubles_name_their_place() {
    let cases: [(Change<Input>, &str, &str); 9] = [
        (|input| input.scenario.spec.measure.seeders = Some(Template(json!(3))), "BG0507", "/spec/measure/seeders"),
        (|input| input.group("seed").role = Role::Leecher, "BG0507", "/spec/systems/http/groups"),
        (|input| input.group("fast").role = Role::Any, "BG0506", "/spec/measure"),
        (
            |input| input.group("fast").replicas = Template(json!(0)),
            "BG0515",
            "/spec/systems/http/groups/fast/replicas",
        ),
        (|input| input.group("fast").pool = Some("x".to_owned()), "BG0519", "/spec/systems/http/groups/fast/pool"),
        (
            |input| input.group("fast").network = Some(json!({"up": "1Mbit"})),
            "BG0513",
            "/spec/systems/http/groups/fast/network",
        ),
        (|input| input.lab.spec.images.policy = ImagePolicy::Error, "BG0517", ""),
        (|input| input.scenario.spec.systems.clear(), "BG0501", "/spec/systems"),
        (|input| input.scenario.metadata.name = "project".to_owned(), "BG0532", "/metadata/name"),
    ];
    for (change, code, pointer) in cases {
        let troubles = Input::with(change).unwrap_err();
        let found = troubles.iter().find(|trouble| trouble.code == code);
        let found = found.unwrap_or_else(|| panic!("{code} is not in {troubles:#?}"));
        assert_eq!(&*found.pointer, pointer, "{found}");
    }
}

#[test]
fn bases_are_checked() {
    let input = Input::new();
    let (system, objects) = &input.systems["http"];
    let changed = |change: fn(&mut Vec<Value>)| {
        let mut objects = objects.clone();
        change(&mut objects);
        check_base(&objects, &system.spec).into_iter().map(|trouble| trouble.code).collect::<Vec<_>>()
    };
    let extra = |kind: &str, version: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}});
    let cases: [(Change<Vec<Value>>, &str); 6] = [
        (Vec::clear, "BG0601"),
        (|objects| objects[0]["metadata"]["name"] = json!("other"), "BG0602"),
        (|objects| objects[0]["spec"]["template"]["spec"]["containers"][0]["name"] = json!("other"), "BG0604"),
        (|objects| objects[0]["spec"]["template"]["spec"]["containers"][0]["name"] = json!("agent"), "BG0605"),
        (|objects| objects[0]["spec"]["template"]["spec"]["hostNetwork"] = json!(true), "BG0606"),
        (
            |objects| objects[0]["spec"]["template"]["spec"]["containers"][0]["ports"][0]["hostPort"] = json!(1),
            "BG0607",
        ),
    ];
    for (change, code) in cases {
        assert!(changed(change).contains(&code), "{code}");
    }
    for (kind, version) in [
        ("Deployment", "apps/v1"),
        ("Namespace", "v1"),
        ("Secret", "v1"),
        ("Job", "batch/v1"),
        ("Thing", "example.com/v1"),
    ] {
        let mut objects = objects.clone();
        objects.push(extra(kind, version));
        let codes: Vec<&str> = check_base(&objects, &system.spec).iter().map(|trouble| trouble.code).collect();
        assert_eq!(codes, ["BG0603"], "{kind}");
    }
}

/// Text that some reader of YAML takes for something else, or changes. Not here: what has `&`, `<` or `>`, which
/// kustomize's own comparison takes for different, and a tab before a line feed, which it spoils itself.
const AWKWARD: [&str; 55] = [
    "",
    " ",
    "~",
    "null",
    "Null",
    "y",
    "N",
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "False",
    "1",
    "-1",
    "+1",
    "1_000",
    "0x10",
    "0o17",
    "017",
    "0b1",
    "1e3",
    "1E+3",
    ".5",
    "5.",
    "1.0",
    ".inf",
    "-.Inf",
    ".NaN",
    "12:30",
    "12:30:45",
    "2026-01-01",
    "=",
    "-",
    "- a",
    "?",
    ": ",
    "a: b",
    "a:",
    "a #b",
    "#",
    "*a",
    "!a",
    "|",
    "%a",
    "@a",
    "`a",
    "{a",
    "[a",
    "'a",
    "\"a",
    "a\tb",
    "a\\nb",
    "line\n",
    "line\n\n",
];

#[test]
fn kustomize_reads_what_we_emit() {
    let program = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/benchgrid/cluster/bin/kustomize"));
    let Some(program) = program.filter(|program| program.is_file()) else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "kustomize is not there; tests/cluster/build.sh builds it"
        );
        println!("NOT RUN: kustomize is not there; tests/cluster/build.sh builds it");
        return;
    };
    let more = [
        " lead\nb\n",
        "a\n b\n  c\n\nd\n",
        "a \nb\n",
        "a\r\nb",
        "é\n",
        "\u{1f600}",
        "\u{2028}",
        "x: |\n  y\n",
        "---\n",
        "a\n...\n",
    ];
    let texts = AWKWARD.iter().chain(&more);
    let data: Map<String, Value> = texts.clone().enumerate().map(|(n, text)| (format!("k{n}"), json!(text))).collect();
    let keys: Map<String, Value> = texts.map(|text| ((*text).to_owned(), json!([{ *text: text }]))).collect();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data, "keys": keys});
    let again = emit(&json!([{"op": "add", "path": "/again", "value": {"data": data, "keys": keys}}]));
    // kustomize itself compares what it read with the same in JSON
    let mut compared = vec![json!({"op": "test", "path": "/again", "value": {"data": data, "keys": keys}})];
    for (pointer, map) in [("/data", &data), ("/keys", &keys)] {
        compared.push(json!({"op": "test", "path": pointer, "value": map}));
    }
    let each = |(key, value): (&String, &Value)| json!({"op": "test", "path": format!("/data/{key}"), "value": value});
    compared.splice(0..0, data.iter().map(each));
    let target = json!({"kind": "ConfigMap"});
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["map.yaml"],
        "patches": [{"target": target, "patch": again}, {"target": target, "path": "tests.json"}],
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("map.yaml", emit(&map)),
        ("kustomization.yaml", emit(&kustomization)),
        ("tests.json", Value::from(compared).to_string()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let run = std::process::Command::new(program).arg("build").arg(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
