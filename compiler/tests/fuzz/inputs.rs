//! Bytes that nobody should write, and some that somebody will.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::random::Random;

/// Scalars that readers of YAML take for different things, or for more than text.
const AWKWARD: &[&str] = &[
    "",
    "~",
    "null",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "N",
    "True",
    "1_000",
    "010",
    "0o17",
    "0x1F",
    "0b11",
    "1e3",
    "1e999",
    "-0",
    "0.0",
    "-.5",
    ".inf",
    "-.INF",
    ".nan",
    "12:30:45",
    "2026-11-21",
    "2026-11-21T10:00:00Z",
    "=",
    "<<",
    "08",
    "+7",
    "18446744073709551615",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999",
    "0.1",
    "1.0",
    "1GB",
    "1000MB",
    "2 GB",
    "5mb",
    "5MB/s",
    "0B",
    "20Mbit",
    "5ms",
    "18446744073709551615TiB",
    "1.0000001kB",
    "\"\"",
    "''",
    "\"\\u0000\"",
    "\"\\uD800\"",
    "\"\\x07\"",
    "\"\\",
    "'it''s'",
    "\"{{\"",
    "é",
    "\u{1f600}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{7f}",
    "a: b",
    "a #b",
    "#",
    "- ",
    "? ",
    ": ",
    "---",
    "...",
    "%YAML 1.1",
    "&a b",
    "*a",
    "!!str 1",
    "!x",
    "!<tag:x>",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "[[]]",
    "{a}",
    "{a: b, a: c}",
    "{? x}",
    "{<<: {}}",
    "|",
    ">",
    "|+2",
    "|9\n x",
    "@",
    "`",
    "\t",
    "../base/http",
    "/",
    "..",
    "unshaped",
    "any",
    "-",
    "http",
    "qbittorrent",
    "coordinator",
    "name",
    "a/b",
    "a~b",
    "~1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Keys of the three kinds, and some of nobody's.
const KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "spec",
    "question",
    "axes",
    "include",
    "exclude",
    "when",
    "reason",
    "systems",
    "base",
    "groups",
    "replicas",
    "role",
    "network",
    "up",
    "down",
    "latency",
    "image",
    "resources",
    "cpu",
    "memory",
    "env",
    "args",
    "patches",
    "target",
    "ops",
    "op",
    "path",
    "value",
    "data",
    "size",
    "measure",
    "fileSize",
    "seeders",
    "trials",
    "repetitions",
    "warmup",
    "observe",
    "stalled",
    "ready",
    "compare",
    "axis",
    "baseline",
    "claims",
    "metric",
    "margin",
    "salt",
    "load",
    "join",
    "pool",
    "pools",
    "spread",
    "git",
    "url",
    "branch",
    "prefix",
    "argocd",
    "namespace",
    "metrics",
    "write",
    "read",
    "images",
    "policy",
    "replace",
    "mirror",
    "conductor",
    "interval",
    "driver",
    "workload",
    "container",
    "ports",
    "api",
    "roles",
    "process",
    "system",
    "networkSize",
    "x",
];

const INDICATORS: &[u8] = b"-?:,[]{}#&*!|>'\"%@`~= \t\n\r\\/<0123456789abcxyz_.";

/// One input: where it comes from, and its bytes.
pub(crate) struct Input {
    pub(crate) source: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Makes inputs out of the project's files, and of nothing.
pub(crate) struct Inputs {
    /// Scenarios, labs and systems without a mistake.
    good: Vec<Vec<u8>>,
    /// Those with one, manifests, and whatever else there is.
    others: Vec<Vec<u8>>,
}

impl Inputs {
    pub(crate) fn new(project: &Path) -> Self {
        let mut files = Vec::new();
        for folder in ["matrices", "labs", "base", "compiler/tests/fixtures", "compiler/tests/render", "tests/cluster"]
        {
            collect(&project.join(folder), &mut files);
        }
        files.sort();
        // a million combinations take their time in every mutation
        files.retain(|file| !file.to_string_lossy().contains("BG0312"));
        let read = |file: &PathBuf| std::fs::read(file).unwrap();
        let is_good =
            |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains("\napiVersion: benchgrid.io/v1alpha1\n");
        let (bad, rest): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.to_string_lossy().contains("/bad/"));
        let (good, mut others): (Vec<_>, Vec<_>) = rest.into_iter().map(read).partition(is_good);
        others.extend(bad.into_iter().map(read));
        assert!(good.len() >= 8 && others.len() > 50, "{} {}", good.len(), others.len());
        Self { good, others }
    }

    /// One of the files; the good ones are read further, so they come more often.
    fn file(&self, random: &mut Random) -> &[u8] {
        let files = if random.once_in(4) { &self.others } else { &self.good };
        &files[random.below(files.len())]
    }

    pub(crate) fn input(&self, random: &mut Random) -> Input {
        match random.below(10) {
            0 => Input { source: "bytes", bytes: bytes(random) },
            1..=3 => Input { source: "yaml", bytes: yaml(random) },
            _ => Input { source: "mutation", bytes: self.mutation(random) },
        }
    }

    fn mutation(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.file(random).to_vec();
        let times = random.pick(&[1, 1, 1, 2, 3, 6]);
        for _ in 0..times {
            bytes = match random.below(10) {
                0 => flip(bytes, random),
                1 => self.splice(&bytes, random),
                2..=4 => scalar(&bytes, random),
                5 => expression(&bytes, random),
                _ => lines(&bytes, random),
            };
        }
        finish(bytes, random)
    }

    /// The start of one file and the end of another.
    fn splice(&self, bytes: &[u8], random: &mut Random) -> Vec<u8> {
        let other = self.file(random);
        let (start, end) = (random.below(bytes.len()), random.below(other.len()));
        bytes[..start].iter().chain(&other[end..]).copied().collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
}

fn bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(600);
    let any = random.once_in(3);
    let byte = |random: &mut Random| if any { random.next().to_le_bytes()[0] } else { random.pick(INDICATORS) };
    (0..length).map(|_| byte(random)).collect()
}

/// A line break of another kind, a byte order mark, a line that is long, a file without an end.
fn finish(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    match random.below(24) {
        0 => {
            bytes =
                bytes.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect();
        }
        1 => bytes.splice(0..0, "\u{feff}".bytes()).for_each(drop),
        2 => bytes.extend("# ".bytes().chain(std::iter::repeat_n(b'x', 20_000))),
        3 => bytes.truncate(random.below(bytes.len())),
        4 => bytes = bytes.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect(),
        _ => {}
    }
    bytes
}

fn flip(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if random.once_in(3) { random.next().to_le_bytes()[0] } else { random.pick(INDICATORS) };
        }
    }
    bytes
}

/// One scalar, after `: ` or `- `, becomes another one.
fn scalar(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    replace(bytes, random, |random, line| {
        let start = line.find(": ").or_else(|| line.find("- ")).map(|at| at + 2)?;
        let end = line[start..].find([',', '}', ']']).map_or(line.len(), |at| start + at);
        Some(format!("{}{}{}", &line[..start], text(random), &line[end..]))
    })
}

/// One scalar becomes an expression.
fn expression(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    replace(bytes, random, |random, line| {
        let start = line.find(": ").map(|at| at + 2)?;
        let expression = crate::expressions::expression(random, 3);
        let quoted = expression.replace('\\', "\\\\").replace('"', "\\\"");
        let condition = line[..start].trim_end().ends_with("when:");
        let braced = if condition { quoted } else { format!("{{{{ {quoted} }}}}") };
        Some(format!("{}\"{braced}\"", &line[..start]))
    })
}

fn text(random: &mut Random) -> &'static str {
    if random.once_in(8) { random.pick(KEYS) } else { random.pick(AWKWARD) }
}

/// One line becomes another, where it can.
fn replace(bytes: &[u8], random: &mut Random, by: impl Fn(&mut Random, &str) -> Option<String>) -> Vec<u8> {
    let whole = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = whole.split('\n').map(str::to_owned).collect();
    for _ in 0..8 {
        let at = random.below(lines.len());
        if let Some(line) = by(random, &lines[at]) {
            lines[at] = line;
            break;
        }
    }
    lines.join("\n").into_bytes()
}

/// Lines that go, come twice, change places or their indentation.
fn lines(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let whole = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = whole.split('\n').map(str::to_owned).collect();
    let (at, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(other, lines[at].clone()),
        2 => lines.swap(at, other),
        3 => lines[at].insert_str(0, random.pick(&[" ", "  ", "\t", "- ", "# ", "? "])),
        4 => lines[at] = lines[at].trim_start().into(),
        _ => lines.insert(at, format!("{}: {}", random.pick(KEYS), text(random))),
    }
    lines.join("\n").into_bytes()
}

/// Maps, lists and scalars in one another; half of them under a header that is ours.
fn yaml(random: &mut Random) -> Vec<u8> {
    let mut out = String::new();
    if random.once_in(2) {
        let kind = random.pick(&["Scenario", "Lab", "System"]);
        let _ = write!(out, "apiVersion: benchgrid.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n  ");
        block(random, &mut out, 2, 6);
    } else if random.once_in(20) {
        let (open, depth) = (random.pick(&["[", "{a: ", "- ", "? ", "[{x: "]), random.below(400));
        out += &open.repeat(depth);
    } else {
        block(random, &mut out, 0, 7);
    }
    finish(out.into_bytes(), random)
}

fn block(random: &mut Random, out: &mut String, indent: usize, depth: usize) {
    if depth == 0 || random.once_in(4) {
        *out += text(random);
        return;
    }
    if random.once_in(6) {
        flow(random, out, depth);
        return;
    }
    let (list, count) = (random.once_in(3), 1 + random.below(5));
    for index in 0..count {
        if index > 0 {
            *out += &" ".repeat(indent);
        }
        let key = if random.once_in(12) { random.pick(AWKWARD) } else { random.pick(KEYS) };
        let inner = indent + 2;
        if list {
            *out += "- ";
        } else {
            let gap = if random.once_in(2) { " ".to_owned() } else { format!("\n{}", " ".repeat(inner)) };
            let _ = write!(out, "{key}:{gap}");
        }
        block(random, out, inner, depth - 1);
        *out += random.pick(&["\n", "\n", "\n", " # é\n", "\n\n", "\r\n"]);
    }
}

fn flow(random: &mut Random, out: &mut String, depth: usize) {
    let list = random.once_in(2);
    *out += if list { "[" } else { "{" };
    for _ in 0..random.below(4) {
        if !list {
            *out += random.pick(KEYS);
            *out += ": ";
        }
        if depth > 1 && random.once_in(3) {
            flow(random, out, depth - 1);
        } else {
            *out += text(random);
        }
        *out += random.pick(&[", ", ",", ",\n  ", ""]);
    }
    *out += if list { "]" } else { "}" };
}
