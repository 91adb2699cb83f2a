//! What is said about files that are wrong: one fixture a code, in `fixtures/bad`, named after the code it is about.
//!
//! A fixture is one of three things:
//! - `BG0207-unknown-name.yaml`: one file, as `benchgrid validate` reads it; its base is `../good/base`.
//! - `BG0515-replicas/`: files that are put over those of `fixtures/good` (`scenario.yaml`, `lab.yaml`, `base/`), so
//!   that it holds only what differs. The folder is validated, and planned where that finds no error.
//! - a function in [`MADE`], for what no file of the repository can be.
//!
//! A comment at the end of a line says what is expected there: `# BG0207: unknown name ...`; several stand one after the
//! other. To add a fixture, write the codes alone (`# BG0207`) and run
//! `BENCHGRID_BLESS=1 cargo test -p benchgrid --test spec_fixtures`, which adds the messages, and renews
//! `src/spec/examples.txt`, the examples of `benchgrid explain`. Then read what it wrote.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benchgrid::cli::inputs::read_and_plan;
use benchgrid::cli::validate::{check, collect};
use benchgrid::git::{GitError, RemoteProblem};
use benchgrid::kustomize::{Program, ProgramError, Programs, check_cell};
use benchgrid::matrix::expand;
use benchgrid::plan::{Systems, plan};
use benchgrid::spec::{self, Advised, CODES, Diagnostic, Template, any_error, codes};
use git2::{ErrorClass, ErrorCode};
use serde_json::json;
use tempfile::TempDir;

/// Makes files in an empty folder; what is said of them.
type Maker = fn(&Path) -> Vec<Diagnostic>;

/// What can't be committed: the code, the message, and who makes it in an empty folder.
const MADE: [(&str, &str, Maker); 14] = [
    (codes::UNREADABLE, "scenario.yaml is not a file", |folder| {
        let file = folder.join("scenario.yaml");
        std::fs::create_dir(&file).unwrap();
        check(&[file]).diagnostics
    }),
    (codes::TOO_LARGE, "the file has 8388609 bytes, at most 8 MiB are read", |folder| {
        let file = folder.join("scenario.yaml");
        std::fs::write(&file, "#".repeat(spec::LARGEST_FILE + 1)).unwrap();
        check(&[file]).diagnostics
    }),
    (codes::MORE, "there may be more mistakes in this file; 1000 are said", |folder| {
        let file = folder.join("scenario.yaml");
        std::fs::write(&file, "- yes\n".repeat(spec::MOST_SAID * 2)).unwrap();
        check(&[file]).diagnostics.split_off(spec::MOST_SAID)
    }),
    (codes::TOO_MANY, "there are 40 axes, at most 32 are read", |folder| {
        let file = folder.join("scenario.yaml");
        let axes: String = (0..40).fold(String::new(), |text, axis| text + &format!("    a{axis}: [1]\n"));
        let text = format!(
            "apiVersion: benchgrid.io/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec:\n  axes:\n{axes}  systems: {{}}\n  measure: {{fileSize: 1MB}}\n"
        );
        std::fs::write(&file, text).unwrap();
        check(&[file]).diagnostics
    }),
    (codes::LEAVES, "`base` leaves the repository", |folder| {
        copy(&fixtures().join("good"), &folder.join("repository"));
        let root = folder.join("repository");
        git2::Repository::init(&root).unwrap();
        std::fs::rename(root.join("base"), folder.join("outside")).unwrap();
        std::os::unix::fs::symlink(folder.join("outside"), root.join("base")).unwrap();
        let found = check(&[root.join("scenario.yaml")]).diagnostics;
        found.into_iter().map(|it| short(it, &root)).collect()
    }),
    (codes::NOT_READ, "the system's base was not read", |_| planned_apart(|_, systems| systems.clear())),
    (codes::NO_UNIT, "9 has no unit; wanted is a duration such as 30s or 5ms", |_| {
        planned_apart(|scenario, _| scenario.spec.measure.ready = Some(Template(9.into())))
    }),
    (codes::NO_PROGRAM, "it needs the program `helm`", |folder| {
        charted(folder, |program, _| Err(ProgramError::Missing(program)))
    }),
    (codes::PROGRAM_FAILED, "helm can't build it: no template", |folder| {
        charted(folder, |program, _| Err(ProgramError::Failed(program, "no template".to_owned())))
    }),
    (codes::PROGRAM_UNUSABLE, "did not end within", |folder| {
        charted(folder, |program, _| Err(ProgramError::Hung(program, Duration::from_secs(60))))
    }),
    (codes::UNSTEADY, "gives something else each time", |folder| {
        charted(folder, |_, call| Ok(format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{call}}}\n")))
    }),
    (codes::PRINTED, "the base base: in ", |folder| charted(folder, |_, _| Ok("a: [b\n".to_owned()))),
    (codes::CELL_KIND, "Secret", |_| built(&["Secret"], codes::CELL_KIND)),
    (codes::CELL_MARK, "without the labels", |_| built(&["ConfigMap"], codes::CELL_MARK)),
];

/// What Git and its files say no with, by value: `tests/git.rs` causes them.
fn git_errors() -> Vec<GitError> {
    use std::io::{Error, ErrorKind};
    let (branch, place) = (|| "deploy".to_owned(), || PathBuf::from("bench"));
    let library =
        |code, class, message: &str| GitError::Open { place: place(), source: git2::Error::new(code, class, message) };
    let remote = |problem, detail: &str| GitError::Remote {
        problem,
        verb: "push",
        url: "https://git.example.com/deploy.git".to_owned(),
        detail: detail.to_owned(),
    };
    let io = |kind| GitError::Io { path: place().join(".git"), source: Error::from(kind) };
    let (any, none) = (ErrorCode::GenericError, ErrorClass::None);
    vec![
        library(ErrorCode::NotFound, ErrorClass::Repository, "could not find repository"),
        GitError::NoSource { place: place() },
        library(ErrorCode::Owner, none, "repository path is not owned by current user"),
        library(any, ErrorClass::Repository, "unsupported extension name extensions.partialclone"),
        GitError::BadBranch { branch: "a..b".to_owned(), why: "Git forbids the name".to_owned() },
        GitError::CheckedOut { branch: branch(), place: place() },
        GitError::Foreign { branch: branch() },
        GitError::OtherLab { branch: branch(), found: "one".to_owned(), wanted: "two".to_owned() },
        GitError::Dirty { place: place(), first: "matrices/smoke.yaml".to_owned() },
        GitError::Locked { path: place().join(".git/index.lock"), age: Duration::from_secs(90) },
        GitError::Contended { branch: branch(), tries: 20 },
        GitError::NoBranch { url: "https://git.example.com/deploy.git".to_owned(), branch: branch() },
        GitError::NoReference { place: place(), reference: "deploi".to_owned() },
        GitError::BadPath("../lab.json".to_owned()),
        GitError::BadFile { branch: branch(), path: "lab.json".to_owned(), why: "it is not JSON".to_owned() },
        GitError::NoProgram(Error::from(ErrorKind::NotFound)),
        GitError::NoRemote { place: place() },
        remote(RemoteProblem::Network, "could not resolve host: git.example.com"),
        remote(RemoteProblem::Denied, "authentication failed"),
        remote(RemoteProblem::Refused, "pre-receive hook declined"),
        io(ErrorKind::PermissionDenied),
        io(ErrorKind::StorageFull),
        GitError::Shallow { theirs: "0123456".to_owned() },
        remote(RemoteProblem::Other, "unexpected disconnect"),
        io(ErrorKind::InvalidData),
        remote(RemoteProblem::NotThere, "repository not found"),
    ]
}

/// A program that answers as a test wants, which knows how often it was asked.
struct Answering(Cell<usize>, fn(Program, usize) -> Result<String, ProgramError>);

impl Programs for Answering {
    fn output(&self, program: Program, _: &[&OsStr]) -> Result<String, ProgramError> {
        self.0.set(self.0.get() + 1);
        self.1(program, self.0.get())
    }
}

/// What is said of a chart whose program answers so.
fn charted(folder: &Path, answer: fn(Program, usize) -> Result<String, ProgramError>) -> Vec<Diagnostic> {
    let base = folder.join("base");
    std::fs::create_dir(&base).unwrap();
    std::fs::write(base.join("Chart.yaml"), "apiVersion: v2\nname: node\nversion: 1.0.0\n").unwrap();
    let error = benchgrid::kustomize::load_base(&base, "node", &Answering(Cell::new(0), answer)).unwrap_err();
    vec![Diagnostic::new(error.code(), error.to_string())]
}

/// What the contract says, under one code, of a cell with bare objects of these kinds.
fn built(kinds: &[&str], code: &str) -> Vec<Diagnostic> {
    let object =
        |kind: &&str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "cell"}});
    let objects: Vec<_> = ["Namespace"].iter().chain(kinds).map(object).collect();
    let found = check_cell(&objects).into_iter().filter(|it| it.code == code);
    found
        .map(|it| Diagnostic::new(it.code, format!("{} `{}`, {}: {}", it.kind, it.name, it.pointer, it.message)))
        .collect()
}

/// The plan of the good files, changed after they were read: what reading refuses before the plan sees it.
fn planned_apart(change: impl FnOnce(&mut spec::Scenario, &mut Systems)) -> Vec<Diagnostic> {
    let good = fixtures().join("good");
    let scenario = spec::load_scenario(&good.join("scenario.yaml")).0.unwrap();
    let matrix = expand(&scenario).unwrap().0;
    let lab = spec::load_lab(&good.join("lab.yaml")).0.unwrap().value;
    let system = spec::load_system(&good.join("base")).0.unwrap().value;
    let objects =
        benchgrid::kustomize::load_base(&good.join("base"), "node", &benchgrid::kustomize::NoPrograms).unwrap();
    let (mut scenario, mut systems) = (scenario.value, Systems::from([("node".to_owned(), (system, objects))]));
    change(&mut scenario, &mut systems);
    let troubles = plan(&scenario, &matrix, &lab, &systems).unwrap_err();
    troubles.into_iter().map(|it| Diagnostic::new(it.code, it.message.split(" (cell").next().unwrap())).collect()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// One fixture, copied to where it can be damaged.
struct Case {
    /// The file or folder in the repository.
    source: PathBuf,
    root: TempDir,
}

/// What is said: file, line, code, message.
type Said = (PathBuf, usize, String, String);

impl Case {
    fn all() -> Vec<Self> {
        let mut sources: Vec<_> =
            std::fs::read_dir(fixtures().join("bad")).unwrap().map(|entry| entry.unwrap().path()).collect();
        sources.sort();
        sources.into_iter().map(Self::new).collect()
    }

    fn new(source: PathBuf) -> Self {
        let case = Self { source, root: tempfile::tempdir().unwrap() };
        if case.source.is_dir() {
            copy(&fixtures().join("good"), case.root.path());
            copy(&case.source, case.root.path());
        } else {
            copy(&fixtures().join("good/base"), &case.root.path().join("good/base"));
            std::fs::create_dir(case.root.path().join("matrices")).unwrap();
            std::fs::copy(&case.source, case.file()).unwrap();
        }
        case
    }

    /// The one file of a fixture that is no folder.
    fn file(&self) -> PathBuf {
        self.root.path().join("matrices/scenario.yaml")
    }

    /// The fixture's own files: in the repository, and here.
    fn own(&self) -> Vec<(PathBuf, PathBuf)> {
        if self.source.is_file() {
            return vec![(self.source.clone(), self.file())];
        }
        let here = |file: &PathBuf| self.root.path().join(file.strip_prefix(&self.source).unwrap());
        files(&self.source).into_iter().map(|file| (file.clone(), here(&file))).collect()
    }

    fn code(&self) -> String {
        self.source.file_name().unwrap().to_str().unwrap().split('-').next().unwrap().to_owned()
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        if self.source.is_file() {
            return check(&[self.file()]).diagnostics;
        }
        let root = self.root.path();
        let mut found = check(&collect(&[root.to_owned()]).unwrap()).diagnostics;
        if !any_error(&found) {
            found.extend(read_and_plan(&root.join("scenario.yaml"), &root.join("lab.yaml")).1);
            spec::sort(&mut found);
        }
        found
    }

    /// What is said, with paths as seen from the folder of the files.
    fn said(&self) -> Vec<Diagnostic> {
        self.diagnostics().into_iter().map(|diagnostic| short(diagnostic, self.root.path())).collect()
    }

    fn expected(&self) -> Vec<Said> {
        let mut expected = Vec::new();
        for (file, here) in self.own() {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            let here = here.strip_prefix(self.root.path()).unwrap().to_owned();
            for (index, line) in text.lines().enumerate() {
                expected.extend(comments(line).map(|(code, message)| (here.clone(), index + 1, code, message)));
            }
        }
        expected.sort();
        expected
    }

    /// Writes the messages beside the codes that are there.
    fn bless(&self) {
        let found = said(&self.said());
        for (file, here) in self.own() {
            let here = here.strip_prefix(self.root.path()).unwrap();
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (index, line) in lines.iter_mut().enumerate().filter(|(_, line)| line.contains("# BG")) {
                let mut written: Vec<_> = comments(line).map(|(code, _)| code).collect();
                written.sort();
                let at: Vec<_> = found.iter().filter(|(file, line, ..)| file == here && *line == index + 1).collect();
                if at.iter().map(|(_, _, code, _)| code).eq(&written) {
                    line.truncate(line.find("# BG").unwrap());
                    let comments: Vec<_> =
                        at.iter().map(|(_, _, code, message)| format!("# {code}: {message}")).collect();
                    *line += &comments.join(" ");
                }
            }
            std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&file, &copy).unwrap();
    }
}

/// Codes and messages at the end of a line.
fn comments(line: &str) -> impl Iterator<Item = (String, String)> {
    line.split("# BG").skip(1).map(|comment| {
        let (code, message) = comment.split_at(4.min(comment.len()));
        (format!("BG{code}"), message.trim_start_matches(':').trim().to_owned())
    })
}

/// A diagnostic whose paths start at a folder.
fn short(mut diagnostic: Diagnostic, folder: &Path) -> Diagnostic {
    let shorten = |text: &str| text.replace(&format!("{}/", folder.display()), "");
    diagnostic.message = shorten(&diagnostic.message);
    diagnostic.help = diagnostic.help.as_deref().map(shorten);
    if let Some(place) = &mut diagnostic.place {
        place.file = PathBuf::from(shorten(&place.file.to_string_lossy()));
    }
    diagnostic
}

fn said(diagnostics: &[Diagnostic]) -> Vec<Said> {
    let mut said: Vec<Said> = diagnostics
        .iter()
        .map(|it| {
            let (file, line) = it.place.as_ref().map(|place| (place.file.clone(), place.line)).unwrap_or_default();
            (file, line, it.code.to_owned(), it.message.clone())
        })
        .collect();
    said.sort();
    said
}

/// Whether what is committed is rewritten instead of compared.
fn blessing() -> bool {
    std::env::var_os("BENCHGRID_BLESS").is_some()
}

#[test]
fn every_fixture_gives_what_its_comments_say() {
    let mut wrong = String::new();
    for case in Case::all() {
        if blessing() {
            case.bless();
        }
        let found = case.said();
        if said(&found) != case.expected() || !found.iter().any(|it| it.code == case.code()) {
            let (source, text) = (case.source.display(), spec::text(&found, false));
            let _ = writeln!(wrong, "{source}\nexpected {:#?}\nfound {:#?}\n{text}", case.expected(), said(&found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_no_file_can_be() {
    for (code, message, make) in MADE {
        let folder = tempfile::tempdir().unwrap();
        let found: Vec<_> = make(folder.path()).into_iter().map(|it| short(it, folder.path())).collect();
        assert!(found.iter().all(|it| it.code == code), "{found:#?}");
        assert!(found.iter().any(|it| it.message.contains(message)), "{code} does not say {message}: {found:#?}");
    }
}

#[test]
fn every_code_has_a_fixture() {
    let named: BTreeSet<String> = Case::all().iter().map(Case::code).collect();
    let made: BTreeSet<&str> = MADE.iter().map(|(code, ..)| *code).collect();
    let git: Vec<_> = git_errors().iter().map(GitError::code).collect();
    assert!(git.is_sorted(), "codes of Git in order: {git:?}");
    let without: Vec<_> = CODES
        .iter()
        .map(|code| code.id)
        .filter(|id| !named.contains(*id) && !made.contains(id) && !git.contains(id))
        .collect();
    assert!(without.is_empty(), "no fixture causes {without:?}");
    assert!(CODES.is_sorted_by_key(|code| code.id), "codes are in order");
}

#[test]
fn every_code_has_an_example() {
    let mut examples = String::new();
    let cases = Case::all();
    for code in CODES {
        let case = cases.iter().find(|case| case.code() == code.id);
        let maker = MADE.iter().find(|(made, ..)| *made == code.id);
        let found = match (case, maker) {
            (Some(case), _) => case.said(),
            (None, Some((_, _, make))) => {
                let folder = tempfile::tempdir().unwrap();
                make(folder.path()).into_iter().map(|it| short(it, folder.path())).collect()
            }
            (None, None) => git_errors()
                .into_iter()
                .filter(|it| it.code() == code.id)
                .map(|it| Diagnostic::new(it.code(), it.to_string()).help(it.help()))
                .collect(),
        };
        let Some(found) = found.into_iter().find(|it| it.code == code.id) else { continue };
        let _ = writeln!(examples, "== {}", code.id);
        for line in spec::text(&[found], false).trim_end().lines() {
            let _ = writeln!(examples, "{}", line.split("# BG").next().unwrap_or_default().trim_end());
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/spec/examples.txt");
    if blessing() {
        std::fs::write(&file, &examples).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    assert_eq!(committed, examples, "src/spec/examples.txt is stale: run with BENCHGRID_BLESS=1");
    for code in CODES.iter().filter(|_| !blessing()) {
        assert!(spec::example(code.id).is_some(), "{} has no example", code.id);
    }
}

#[test]
fn every_fix_that_is_offered_mends() {
    // Put in place of the bytes, a fix leaves no diagnostic of its code at its place.
    for case in Case::all() {
        for diagnostic in case.diagnostics() {
            let (Some(fix), Some(place)) = (diagnostic.fix, diagnostic.place) else { continue };
            let mut text = place.text.to_string();
            text.replace_range(place.bytes.clone(), &fix);
            std::fs::write(&place.file, &text).unwrap();
            let left = case.diagnostics();
            std::fs::write(&place.file, &*place.text).unwrap();
            let same = |it: &Diagnostic| {
                it.code == diagnostic.code && it.place.as_ref().is_some_and(|at| at.bytes.start == place.bytes.start)
            };
            let (source, message) = (case.source.display(), &diagnostic.message);
            assert!(!left.iter().any(same), "{source}: `{fix}` does not mend {message}:\n{text}");
        }
    }
}

#[test]
fn places_count_characters_behind_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    let text =
        "\u{feff}apiVersion: benchgrid.io/v1alpha1\r\nkind: Lab\r\nmetadata: {name: é}\r\nspec: {metrics: 1}\r\n";
    std::fs::write(&file, text).unwrap();
    let found = spec::load_lab(&file).1;
    let places: Vec<_> =
        found.iter().map(|it| it.place.as_ref().map(|p| (it.code, p.line, p.column, p.end_column))).collect();
    assert_eq!(places, [Some((codes::BAD_NAME, 3, 18, 19)), Some((codes::WRONG_TYPE, 4, 17, 18))]);
}

#[test]
fn places_of_collections() {
    let text = "a:\n- [1, {b: c}]\n- x\nd: [e,\n f]\ng: {}\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, text).unwrap();
    let document = spec::load_document(&file).0.unwrap();
    for (pointer, written) in [
        ("", text.trim_end()),
        ("/a", "- [1, {b: c}]\n- x"),
        ("/a/0", "[1, {b: c}]"),
        ("/a/0/1", "{b: c}"),
        ("/a/0/1/b", "c"),
        ("/d", "[e,\n f]"),
        ("/g", "{}"),
    ] {
        let found = document.written(pointer);
        assert!(found == written || found == &written[2..], "{pointer}: {found:?}");
    }
}

#[test]
fn paths_that_hold_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(collect(&[folder.path().to_owned()]).is_err());
    assert!(collect(&[folder.path().join("none.yaml")]).is_err());
    std::fs::write(folder.path().join("kustomization.yaml"), "kind: Kustomization\n").unwrap();
    assert!(collect(&[folder.path().to_owned()]).is_err());
    std::fs::write(folder.path().join("lab.yaml"), "kind: Lab\n").unwrap();
    assert_eq!(collect(&[folder.path().to_owned()]).unwrap().len(), 1);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// A fixture with some bytes replaced is read or refused, and every place is within the text.
    #[test]
    fn damaged_files_never_panic(pick in 0_usize..1000, at in 0_usize..1000, cut in 0_usize..8, put in "[ \\t\\n:{}\\[\\]&*!|>'\"#,\\-?é0-9a-z%\r~<]{0,6}") {
        let mut files = files(&fixtures().join("bad"));
        files.retain(|file| !file.to_string_lossy().contains("BG0312")); // a million combinations take their time
        let bytes = std::fs::read(&files[pick % files.len()]).unwrap();
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        let floor = |text: &str, at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let start = floor(&text, at % (text.len() + 1));
        let end = floor(&text, start + cut).max(start);
        text.replace_range(start..end, &put);
        let (scenario, found) = spec::parse_scenario(Path::new("damaged.yaml"), text.as_bytes());
        let more = scenario.map(|scenario| benchgrid::matrix::expand(&scenario).map_or_else(|errors| errors, |(_, warnings)| warnings));
        let all: Vec<_> = found.into_iter().chain(more.unwrap_or_default()).collect();
        for place in all.iter().filter_map(|it| it.place.as_ref()) {
            assert!(place.text.get(place.bytes.clone()).is_some(), "{place:?}");
        }
        let _ = (spec::text(&all, true), spec::sarif(&all));
    }
}
