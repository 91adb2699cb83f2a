use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use crate::render::Files;

/// Paths of the files that are ours, one a line.
const LIST: &str = ".benchgrid-files";
/// The list while it is written.
const NEXT: &str = ".benchgrid-files.new";

/// A folder that `compile --out` writes, again and again: exactly what it wrote before is replaced.
///
/// A list in the folder says which files are ours. It names a file before the file is there, and until after it is gone, so
/// that a compile which was killed leaves nothing that the next one would not know.
pub(super) struct OutFolder<'a> {
    folder: &'a Path,
}

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutError {
    /// Somebody else's files are there.
    #[error("{0} holds files that `compile --out` did not write; name another folder")]
    Foreign(PathBuf),
    /// Somebody else's file stands where one of ours would.
    #[error("{0} was not written by `compile --out`; move it, or name another folder")]
    InTheWay(PathBuf),
    /// The list is not one that we wrote.
    #[error("{0} is no list of files: `{1}`; name another folder")]
    BadList(PathBuf, String),
    /// The machine.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

impl<'a> OutFolder<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Makes our files in the folder these; nothing is touched when a file of somebody else's is in the way.
    pub(super) fn replace(&self, files: &Files) -> Result<(), OutError> {
        fs::create_dir_all(self.folder).map_err(|error| OutError::Io(self.folder.to_owned(), error))?;
        let before = self.listed()?;
        let after: BTreeSet<String> = files.keys().cloned().collect();
        if let Some(path) = after.difference(&before).find(|path| self.folder.join(path).symlink_metadata().is_ok()) {
            return Err(OutError::InTheWay(self.folder.join(path)));
        }
        self.list(before.union(&after))?;
        for path in before.difference(&after) {
            self.remove(path)?;
        }
        for (path, bytes) in files {
            self.write(path, bytes)?;
        }
        self.list(after.iter())
    }

    /// The files that were ours before.
    fn listed(&self) -> Result<BTreeSet<String>, OutError> {
        let path = self.folder.join(LIST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return if self.is_empty()? {
                    Ok(BTreeSet::new())
                } else {
                    Err(OutError::Foreign(self.folder.to_owned()))
                };
            }
            Err(error) => return Err(OutError::Io(path, error)),
        };
        let inside = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(line) = text.lines().find(|line| line.is_empty() || !inside(line)) {
            return Err(OutError::BadList(path, line.to_owned()));
        }
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Nothing but a list that a killed compile did not finish: it had written nothing else.
    fn is_empty(&self) -> Result<bool, OutError> {
        let failed = |error: Error| OutError::Io(self.folder.to_owned(), error);
        for entry in fs::read_dir(self.folder).map_err(failed)? {
            if entry.map_err(failed)?.file_name() != NEXT {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn list<'p>(&self, paths: impl Iterator<Item = &'p String>) -> Result<(), OutError> {
        let text: String = paths.flat_map(|path| [path.as_str(), "\n"]).collect();
        let next = self.folder.join(NEXT);
        fs::write(&next, text)
            .and_then(|()| fs::rename(&next, self.folder.join(LIST)))
            .map_err(|error| OutError::Io(next, error))
    }

    /// Removes a file, and the folders that it leaves empty.
    fn remove(&self, path: &str) -> Result<(), OutError> {
        let full = self.folder.join(path);
        match fs::remove_file(&full) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(OutError::Io(full, error)),
            _ => {}
        }
        // a folder that holds anything else can't be removed, and stays
        let parents = Path::new(path).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        let _ = parents.map(|parent| fs::remove_dir(self.folder.join(parent))).find(Result::is_err);
        Ok(())
    }

    /// Writes a file where it differs, so that whoever watches the folder sees what changed.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), OutError> {
        let full = self.folder.join(path);
        if fs::read(&full).is_ok_and(|before| before == bytes) {
            return Ok(());
        }
        let parent = full.parent().unwrap_or(self.folder);
        fs::create_dir_all(parent).map_err(|error| OutError::Io(parent.to_owned(), error))?;
        fs::write(&full, bytes).map_err(|error| OutError::Io(full, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[(&str, &str)]) -> Files {
        paths.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    /// Everything below a folder but the list.
    fn found(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        let mut found: Vec<String> =
            found.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect();
        found.retain(|path| path != LIST);
        found.sort();
        found
    }

    #[test]
    fn replaces_what_it_wrote_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new/out");
        OutFolder::new(&out).replace(&files(&[("a/b/c", "1"), ("a/d", "2"), ("e", "3")])).unwrap();
        fs::write(out.join("a/mine"), "").unwrap();
        OutFolder::new(&out).replace(&files(&[("e", "4"), ("f/g", "5")])).unwrap();
        assert_eq!(found(&out), ["a/mine", "e", "f/g"]);
        assert!(!out.join("a/b").exists(), "an empty folder was left");
        assert_eq!(fs::read_to_string(out.join("e")).unwrap(), "4");
    }

    #[test]
    fn refuses_what_is_not_ours_before_it_writes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "").unwrap();
        let out = OutFolder::new(dir.path());
        assert!(matches!(out.replace(&files(&[("a", "")])), Err(OutError::Foreign(_))));
        fs::remove_file(dir.path().join("mine")).unwrap();
        out.replace(&files(&[("a", "")])).unwrap();
        fs::write(dir.path().join("c"), "mine").unwrap();
        assert!(matches!(out.replace(&files(&[("b", ""), ("c", "")])), Err(OutError::InTheWay(_))));
        assert_eq!(found(dir.path()), ["a", "c"]);
        fs::write(dir.path().join(LIST), "a\n../other\n").unwrap();
        assert!(matches!(out.replace(&files(&[("b", "")])), Err(OutError::BadList(_, _))));
    }

    #[test]
    fn goes_on_where_another_was_killed() {
        let (before, after) = (files(&[("a", "1"), ("b/c", "2")]), files(&[("a", "3"), ("d/e", "4")]));
        // with the unfinished first list; with the list of both and any number of files written or removed
        for (written, list) in [(0, ""), (0, "a\nb/c\nd/e\n"), (1, "a\nb/c\nd/e\n"), (2, "a\nb/c\nd/e\n")] {
            let dir = tempfile::tempdir().unwrap();
            let out = OutFolder::new(dir.path());
            if list.is_empty() {
                fs::write(dir.path().join(NEXT), "a\nb/").unwrap();
            } else {
                out.replace(&before).unwrap();
                fs::write(dir.path().join(LIST), list).unwrap();
                for (path, bytes) in after.iter().take(written) {
                    out.write(path, bytes).unwrap();
                }
            }
            out.replace(&after).unwrap();
            assert_eq!(found(dir.path()), ["a", "d/e"], "{written} {list:?}");
        }
    }
}
