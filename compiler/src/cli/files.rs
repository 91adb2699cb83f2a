//! Which files are meant by the paths that a command is given: the same for every verb.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::kustomize::plugin::KINDS;

/// How much of a file is read to see whether it is ours: manifests of others may be large.
const LOOKED_AT: u64 = 1 << 20;

/// The files of paths: a folder gives its YAML files that speak of our API, at any depth. All that is not there is named.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<String>> {
    let mut files = Vec::new();
    let mut wrong = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            match folder(path, &mut files) {
                Err((path, error)) => wrong.push(format!("{} can't be read: {error}", path.display())),
                Ok(()) if files.len() == before => {
                    wrong.push(format!("{} holds no file of ours, there is nothing to check", path.display()));
                }
                Ok(()) => {}
            }
        } else if path.exists() {
            files.push(path.clone());
        } else {
            wrong.push(format!("{} is not there", path.display()));
        }
    }
    let mut seen = BTreeSet::new();
    // `matrices` and `./matrices` are one
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    if wrong.is_empty() { Ok(files) } else { Err(wrong) }
}

fn folder(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let read = || std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>();
    let mut entries = read().map_err(|error| (path.to_owned(), error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if path.is_dir() {
            if !hidden && !link {
                folder(&path, files)?;
            }
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && ours(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Other YAML files, a base's manifests above all, are none of our business. One that can't be read may be ours, and
/// whoever reads it says why.
fn ours(path: &Path) -> bool {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(LOOKED_AT).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    // opening a pipe would wait for its writer
    if !path.is_file() {
        return true;
    }
    let Ok(bytes) = read() else { return true };
    // Windows' own encoding of Unicode
    bytes.starts_with(&[0xff, 0xfe]) || speaks_of_us(&String::from_utf8_lossy(&bytes))
}

fn speaks_of_us(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#') && *line != "---";
    let first = text.lines().find(content).unwrap_or_default();
    let indent = &first[..first.len() - first.trim_start().len()];
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(indent)?.strip_prefix(key)?.strip_prefix(':')?;
        Some(value.split('#').next()?.trim().trim_matches(['"', '\'']).to_owned())
    };
    let has = |key: &str, wanted: &dyn Fn(&str) -> bool| {
        text.lines().filter_map(|line| value(line, key)).any(|value| wanted(&value))
    };
    has("kind", &|kind| ["Scenario", "Lab", "System"].contains(&kind))
        || has("apiVersion", &|version| version.contains("benchgrid.io/"))
            && !has("kind", &|kind| KINDS.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_however_they_are_written() {
        for text in [
            "kind: Scenario\n",
            "# a comment\n---\nkind: \"Lab\" # here\n",
            "\u{feff}kind: System\r\n",
            "  apiVersion: benchgrid.io/v1alpha1\n  kind: Scenari\n",
            "apiVersion: benchgrid.io/v2\n",
        ] {
            assert!(speaks_of_us(text), "{text:?}");
        }
        for text in [
            "",
            "kind: ConfigMap\ndata:\n  x: |\n    kind: Scenario\n",
            "apiVersion: benchgrid.io/v1alpha1\nkind: BenchgridCells\n",
            "kind: ScenarioList\n",
        ] {
            assert!(!speaks_of_us(text), "{text:?}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_named_and_each_file_once() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("sub")).unwrap();
        std::fs::create_dir(place("folder.yaml")).unwrap();
        std::fs::write(place("sub/a.yaml"), "kind: Scenario").unwrap();
        std::fs::write(place("utf16.yaml"), [0xff, 0xfe, b'k', 0]).unwrap();
        std::fs::write(place("other.yaml"), "kind: Service").unwrap();
        std::os::unix::fs::symlink("nowhere", place("link.yaml")).unwrap();
        let found = files(&[dir.path().to_owned(), place("sub/../sub/a.yaml")]).unwrap();
        assert_eq!(found, [place("link.yaml"), place("sub/a.yaml"), place("utf16.yaml")]);
        let wrong = files(&[place("folder.yaml"), place("no1"), place("sub"), place("no2")]).unwrap_err();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }
}
