//! Files and expressions that nobody should write: no panic, no hang, no exit code 70.
//!
//! `BENCHGRID_FUZZ` says how many inputs, `BENCHGRID_FUZZ_SEED` where to start: input `n` of a seed is always the same.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod expressions;
mod inputs;
mod pipeline;
mod random;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use inputs::Inputs;
use pipeline::Pipeline;
use random::Random;

/// Processor time that one input may take.
const LONGEST: Duration = if cfg!(debug_assertions) { Duration::from_secs(10) } else { Duration::from_secs(2) };
/// Time without an end to one input, after which it hangs.
const HANGS: Duration = Duration::from_mins(2);

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

fn seed() -> u64 {
    number("BENCHGRID_FUZZ_SEED", 1)
}

/// Processor time of this thread: the machine may be busy. Where the system does not say, none.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0))
}

/// Ends the process where one input does not end; the test's own thread can't be stopped.
fn watch(current: &Arc<AtomicU64>) {
    let current = Arc::downgrade(current);
    std::thread::spawn(move || {
        let mut seen = (u64::MAX, Duration::ZERO);
        while let Some(now) = current.upgrade().map(|current| current.load(Ordering::Relaxed)) {
            seen = if seen.0 == now { (now, seen.1 + Duration::from_secs(1)) } else { (now, Duration::ZERO) };
            if seen.1 > HANGS {
                eprintln!("input {now} of seed {} hangs", seed());
                std::process::abort();
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    });
}

thread_local! {
    /// Whether a panic is only noted, and where the last one was.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of inputs are noted with their places; the test's own are printed as ever.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if QUIET.get() {
                PLACE.set(panic.location().map(ToString::to_string).unwrap_or_default());
            } else {
                usual(panic);
            }
        }));
    });
}

/// What is wrong with running something: a panic's message, or that it took too long.
fn wrong(run: impl FnOnce()) -> Option<String> {
    note_panics();
    let before = processor_time();
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    QUIET.set(false);
    let took = processor_time().saturating_sub(before);
    match result {
        Err(panic) => {
            let said =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Some(format!("{} at {}", said.unwrap_or("a panic"), PLACE.take()))
        }
        Ok(()) => (took > LONGEST).then(|| format!("took {took:?}")),
    }
}

/// The same bytes without every line that the mistake does not need.
fn smaller(bytes: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut size = lines.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < lines.len() {
            let rest: Vec<Vec<u8>> =
                lines[..at].iter().chain(&lines[(at + size).min(lines.len())..]).cloned().collect();
            if fails(&rest.concat()) { lines = rest } else { at += size }
        }
        size /= 2;
    }
    lines.concat()
}

#[test]
fn files() {
    let (count, seed) = (number("BENCHGRID_FUZZ", 1_000), seed());
    let (inputs, pipeline) = (Inputs::new(&project()), Pipeline::new(&project()));
    let current = Arc::new(AtomicU64::new(0));
    watch(&current);
    let mut reached: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut failures = Vec::new();
    // a stack that overflows ends the process without a word: its input is left here
    let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-input");
    for index in 0..count {
        current.store(index, Ordering::Relaxed);
        let input = inputs.input(&mut Random(seed.wrapping_mul(1 << 32).wrapping_add(index)));
        std::fs::write(&left, &input.bytes).unwrap();
        let mut how_far = "failed";
        let said = wrong(|| how_far = pipeline.run(&input.bytes));
        *reached.entry((input.source, how_far)).or_default() += 1;
        if let Some(said) = said {
            let small = smaller(&input.bytes, |bytes| wrong(|| _ = pipeline.run(bytes)).is_some());
            let show = String::from_utf8_lossy(&small).chars().take(2_000).collect::<String>();
            failures.push(format!("input {index} ({}): {said}\n{show}\n---", input.source));
            if failures.len() == 20 {
                break;
            }
        }
    }
    println!("seed {seed}, {count} inputs: {reached:?}");
    assert!(failures.is_empty(), "seed {seed}: {} inputs\n{}", failures.len(), failures.join("\n"));
    // that the driver gets anywhere at all
    assert!(
        count < 1_000
            || ["refused", "read", "expanded", "planned"].iter().all(|far| reached.contains_key(&("mutation", far)))
    );
}

#[test]
fn expressions_agree_with_minijinja() {
    let (count, seed) = (number("BENCHGRID_FUZZ", 1_000) * 2, seed());
    let mut random = Random(seed);
    let mut values = 0;
    let mut failures = Vec::new();
    for _ in 0..count {
        let depth = 1 + random.below(5);
        let expression = expressions::expression(&mut random, depth);
        let said = wrong(|| {
            values += u64::from(expressions::ours(&expression).is_ok());
            if let Some(disagreement) = expressions::disagreement(&expression) {
                panic!("{disagreement}");
            }
        });
        failures.extend(said.map(|said| format!("{expression}: {said}")));
        if failures.len() == 20 {
            break;
        }
    }
    println!("seed {seed}, {count} expressions, {values} with a value");
    assert!(failures.is_empty(), "seed {seed}:\n{}", failures.join("\n"));
    assert!(values > count / 20, "{values} of {count}");
}

/// The start of a scenario.
const HEAD: &str = "apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n";
/// Its end, with a system that seeds and downloads.
const TAIL: &str = "  systems:\n    http:\n      base: ../base/http\n      groups: {a: {replicas: 1, role: seeder}, b: {replicas: 1, role: leecher}}\n  \
                    measure: {fileSize: 1MB}\n";

/// A scenario with these lines in it.
fn scenario(lines: &str) -> String {
    format!("{HEAD}{lines}{TAIL}")
}

fn numbers(count: usize) -> String {
    (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

/// Sizes are for the optimised program; the other one gets a tenth.
const fn large(size: usize) -> usize {
    if cfg!(debug_assertions) { size / 10 } else { size }
}

fn listed(count: usize, entry: impl Fn(usize) -> String) -> String {
    (0..count).flat_map(|index| ["    ".to_owned(), entry(index), "\n".to_owned()]).collect()
}

#[test]
fn what_a_user_can_write_large_ends_soon() {
    let pipeline = Pipeline::new(&project());
    let axes = |count: usize, levels: usize| -> String {
        format!("  axes:\n{}", listed(count, |axis| format!("a{axis}: [{}]", numbers(levels))))
    };
    let rules = |count: usize| {
        format!("  exclude:\n{}", listed(count, |index| format!("- {{when: a0 == {index}, reason: r}}")))
    };
    let long = "x".repeat(large(1 << 20));
    for (what, text) in [
        ("a product that can't be counted", scenario(&axes(30, 1000))),
        ("more axes than anybody has", scenario(&axes(large(20_000), 1))),
        ("an axis of many levels", scenario(&axes(1, large(100_000)))),
        (
            "an axis of many levels that are one",
            scenario(&format!("  axes: {{a: [{}]}}\n", vec!["1"; large(100_000)].join(", "))),
        ),
        ("many rules about many combinations", scenario(&(axes(2, 300) + &rules(1000)))),
        ("more rules than anybody has", scenario(&(axes(1, 10) + &rules(large(50_000))))),
        ("combinations of large levels", scenario(&format!("  axes: {{a: [{long}], b: [{}]}}\n", numbers(20_000)))),
        (
            "many included combinations",
            scenario(&format!("  include:\n{}", listed(large(20_000), |index| format!("- {{a: {index}}}")))),
        ),
        (
            "one combination, many times",
            scenario(&format!("  include:\n{}", listed(large(20_000), |_| "- {a: 1}".to_owned()))),
        ),
        (
            "a giant number of nodes",
            scenario("  axes: {a: [1]}\n").replace("replicas: 1", "replicas: '{{ 10 ** 300 * a }}'"),
        ),
        ("a long unknown field", scenario(&format!("  {long}: 1\n"))),
        (
            "many unknown fields",
            scenario(&listed(large(50_000), |index| format!("x{index}: 1")).replace("    x", "  x")),
        ),
        (
            "a long unknown name",
            scenario(&format!("  axes: {{a: [1]}}\n  exclude: [{{when: {long} == 1, reason: r}}]\n")),
        ),
        (
            "a long chain",
            scenario(&format!(
                "  axes: {{a: [1]}}\n  exclude: [{{when: {}1, reason: r}}]\n",
                "1+".repeat(large(1 << 19))
            )),
        ),
        (
            "a text of many expressions",
            scenario(&format!("  axes: {{a: [1]}}\n  salt: \"{}\"\n", "{{ a }}".repeat(large(100_000)))),
        ),
        ("a line of many mistakes", format!("[{}]", "yes, ".repeat(large(200_000)))),
        ("a line of many mistakes, in other letters", format!("[{}]", "é, yes, ".repeat(large(100_000)))),
        ("many lines of mistakes", "- yes\n".repeat(large(100_000))),
        ("many keys of one name", "a: 1\n".repeat(large(100_000))),
        ("many tags", "- !x 1\n".repeat(large(100_000))),
        ("many tiny lists", scenario(&format!("  axes: {{a: [{}]}}\n", "[], ".repeat(large(100_000))))),
        ("many brackets", "[".repeat(large(1 << 20))),
        ("many keys in one another", "? ".repeat(large(1 << 20))),
        ("a long text", scenario(&format!("  salt: {long}\n"))),
        ("a long folded text", format!("a: >\n{}", "  x\n\n".repeat(large(200_000)))),
        ("a long plain text", format!("a: {}", "x\n  ".repeat(large(200_000)))),
        ("a long comment", format!("# {long}\na: 1")),
    ] {
        let said = wrong(|| _ = pipeline.run(text.as_bytes()));
        assert_eq!(said, None, "{what}");
    }
}

/// Runs the program on some files; its exit code says yes or no, and what it prints is a list.
fn validate(files: &[PathBuf]) {
    let run = Command::new(env!("CARGO_BIN_EXE_benchgrid"))
        .args(["validate", "--format", "json"])
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(matches!(run.status.code(), Some(0 | 1)), "{:?} {files:?}\n{errors}", run.status);
    let list: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let error = list.as_array().unwrap().iter().any(|diagnostic| diagnostic["severity"] == "error");
    assert_eq!(run.status.code() == Some(1), error, "{files:?}\n{errors}");
}

#[test]
fn the_program_says_yes_or_no() {
    let (count, seed) = (number("BENCHGRID_FUZZ", 1_000) / 10, seed());
    let inputs = Inputs::new(&project());
    let folder = tempfile::tempdir().unwrap();
    for base in ["http", "qbittorrent", "codex"] {
        let to = folder.path().join("base").join(base);
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(project().join("base").join(base).join("system.yaml"), to.join("system.yaml")).unwrap();
    }
    let matrices = folder.path().join("matrices");
    std::fs::create_dir(&matrices).unwrap();
    for start in (0..count).step_by(20) {
        let files: Vec<PathBuf> =
            (start..count.min(start + 20)).map(|index| matrices.join(format!("{index}.yaml"))).collect();
        for (file, index) in files.iter().zip(start..) {
            let input = inputs.input(&mut Random(seed.wrapping_mul(1 << 32).wrapping_add(index)));
            std::fs::write(file, input.bytes).unwrap();
        }
        validate(&files);
    }
}
