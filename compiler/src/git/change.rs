use std::collections::BTreeMap;

use git2::Oid;

use super::{
    Folder, Folders, GitError, Make, Objects,
    tree::{Entries, FILE, FOLDER, is_file},
};
use crate::parallel;

/// What a commit does to the tree before it: first removals, then copies, then writes.
///
/// Whatever is not named stays as it is, without being read. Paths are below the lab's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Files and folders that go.
    pub remove: Vec<String>,
    /// Files and folders of the tree before, and where they are to be as well.
    pub copy: Vec<(String, String)>,
    /// Files and their bytes.
    pub write: BTreeMap<String, Vec<u8>>,
}

/// What becomes of one path; children are applied on top.
#[derive(Default)]
struct Edit {
    start: Start,
    children: BTreeMap<String, Edit>,
}

#[derive(Default, Clone, Copy)]
enum Start {
    #[default]
    Keep,
    Gone,
    Tree(Oid),
    Blob(Oid),
}

impl Change {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.copy.is_empty() && self.write.is_empty()
    }

    /// The tree after the change; what is new of it waits in `objects`.
    pub fn apply(&self, objects: &mut Objects<'_>, root: Option<Oid>, prefix: &str) -> Result<Oid, GitError> {
        self.apply_with(objects, root, prefix, &Folders::default())
    }

    /// The same, and folders that are made now; their paths are whole ones. A few at a time are in memory.
    pub(super) fn apply_with(
        &self,
        objects: &mut Objects<'_>,
        root: Option<Oid>,
        prefix: &str,
        folders: &Folders<'_>,
    ) -> Result<Oid, GitError> {
        let mut edit = self.edits(objects, root, prefix)?;
        let shared: Vec<_> = folders.shared.iter().map(|make| (make, Vec::new())).collect();
        let shared = made(objects, &shared)?;
        let mut wanted = Vec::with_capacity(folders.folders.len());
        for Folder { make, parts } in folders.folders.values() {
            let tree = |(name, place): &'_ (String, usize)| {
                let tree = shared.get(*place).copied().flatten();
                Ok((name.clone(), tree.ok_or_else(|| GitError::BadPath(name.clone()))?))
            };
            wanted.push((make, parts.iter().map(tree).collect::<Result<Vec<_>, GitError>>()?));
        }
        for (path, tree) in folders.folders.keys().zip(made(objects, &wanted)?) {
            if let Some(tree) = tree {
                edit.set(path, Start::Tree(tree))?;
            }
        }
        let tree = edit_tree(objects, root, &edit)?;
        // An empty tree is one, too.
        tree.map_or_else(|| objects.tree(&Entries::default()), Ok)
    }

    fn edits(&self, objects: &mut Objects<'_>, root: Option<Oid>, prefix: &str) -> Result<Edit, GitError> {
        let mut edit = Edit::default();
        let full = |path: &str| if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
        for path in &self.remove {
            edit.set(&full(path), Start::Gone)?;
        }
        for (from, to) in &self.copy {
            let source = root.map(|root| find(objects, root, &full(from))).transpose()?.flatten();
            let start = source.ok_or_else(|| GitError::NotThere(from.clone()))?;
            edit.set(&full(to), start)?;
        }
        let bytes: Vec<&[u8]> = self.write.values().map(Vec::as_slice).collect();
        for (path, id) in self.write.keys().zip(objects.blobs(&bytes)?) {
            edit.set(&full(path), Start::Blob(id))?;
        }
        Ok(edit)
    }
}

/// The trees of folders that are made now, each with further trees in it; none where a folder would be empty. The files
/// of a few at a time are in memory.
fn made(objects: &mut Objects<'_>, folders: &[(&Make<'_>, Vec<(String, Oid)>)]) -> Result<Vec<Option<Oid>>, GitError> {
    const AT_ONCE: usize = 512;
    let mut trees = Vec::with_capacity(folders.len());
    for some in folders.chunks(AT_ONCE) {
        let made = parallel::map(some, |(make, _)| make());
        let bytes: Vec<&[u8]> = made.iter().flat_map(BTreeMap::values).map(Vec::as_slice).collect();
        let mut ids = objects.blobs(&bytes)?.into_iter();
        for ((_, parts), files) in some.iter().zip(&made) {
            let mut folder = Edit::default();
            for (file, id) in files.keys().zip(&mut ids) {
                folder.set(file, Start::Blob(id))?;
            }
            for (name, id) in parts {
                folder.set(name, Start::Tree(*id))?;
            }
            trees.push(edit_tree(objects, None, &folder)?);
        }
    }
    Ok(trees)
}

/// A file or folder below a tree.
fn find(objects: &Objects<'_>, root: Oid, path: &str) -> Result<Option<Start>, GitError> {
    let mut found = Some((FOLDER, root));
    for part in path.split('/') {
        let Some((FOLDER, folder)) = found else { return Ok(None) };
        found = objects.entries(folder)?.get(part);
    }
    Ok(match found {
        Some((FOLDER, id)) => Some(Start::Tree(id)),
        Some((mode, id)) if is_file(mode) => Some(Start::Blob(id)),
        _ => None,
    })
}

impl Edit {
    fn set(&mut self, path: &str, start: Start) -> Result<(), GitError> {
        let mut edit = self;
        for part in path.trim_end_matches('/').split('/') {
            // A file that gets children, or a name that Git forbids, is a mistake of the caller.
            if matches!(part, "" | "." | "..")
                || part.eq_ignore_ascii_case(".git")
                || matches!(edit.start, Start::Blob(_))
            {
                return Err(GitError::BadPath(path.to_owned()));
            }
            edit = edit.children.entry(part.to_owned()).or_default();
        }
        if matches!(start, Start::Blob(_)) && edit.children.values().any(Edit::writes) {
            return Err(GitError::BadPath(path.to_owned()));
        }
        *edit = Self { start, children: BTreeMap::new() };
        Ok(())
    }

    fn writes(&self) -> bool {
        matches!(self.start, Start::Tree(_) | Start::Blob(_)) || self.children.values().any(Self::writes)
    }
}

/// The tree after the edits of its children; none when nothing is left in it, since Git keeps no empty folders.
fn edit_tree(objects: &mut Objects<'_>, base: Option<Oid>, edit: &Edit) -> Result<Option<Oid>, GitError> {
    if edit.children.is_empty() {
        return Ok(base);
    }
    let mut entries = base.map(|id| objects.entries(id)).transpose()?.unwrap_or_default();
    for (name, child) in &edit.children {
        let before = entries.get(name);
        let folder = before.filter(|(mode, _)| *mode == FOLDER).map(|(_, id)| id);
        let start = match child.start {
            Start::Keep => folder,
            Start::Tree(id) => Some(id),
            Start::Gone | Start::Blob(_) => None,
        };
        if let Start::Blob(id) = child.start {
            entries.0.insert(name.clone().into_bytes(), (FILE, id));
        } else if let Some(id) = edit_tree(objects, start, child)? {
            entries.0.insert(name.clone().into_bytes(), (FOLDER, id));
        } else if !matches!(child.start, Start::Keep) || folder.is_some() {
            entries.0.remove(name.as_bytes());
        }
    }
    if entries.0.is_empty() { Ok(None) } else { objects.tree(&entries).map(Some) }
}
