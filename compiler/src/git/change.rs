use std::collections::BTreeMap;

use git2::{FileMode, ObjectType, Oid, Repository, Tree};

use super::GitError;

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

    /// Writes the objects of the tree after the change and returns that tree's id.
    pub fn apply(&self, repo: &Repository, root: Option<&Tree<'_>>, prefix: &str) -> Result<Oid, GitError> {
        let edit = self.edits(repo, root, prefix)?;
        let tree = edit_tree(repo, root.map(Tree::id), &edit)?;
        // An empty tree is one, too.
        tree.map_or_else(|| Ok(repo.treebuilder(None)?.write()?), Ok)
    }

    fn edits(&self, repo: &Repository, root: Option<&Tree<'_>>, prefix: &str) -> Result<Edit, GitError> {
        let mut edit = Edit::default();
        let full = |path: &str| if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
        for path in &self.remove {
            edit.set(&full(path), Start::Gone)?;
        }
        for (from, to) in &self.copy {
            let source = root.and_then(|tree| tree.get_path(full(from).as_ref()).ok());
            let start = match source.map(|entry| (entry.id(), entry.kind())) {
                Some((id, Some(ObjectType::Tree))) => Start::Tree(id),
                Some((id, Some(ObjectType::Blob))) => Start::Blob(id),
                _ => return Err(GitError::NotThere(from.clone())),
            };
            edit.set(&full(to), start)?;
        }
        for (path, bytes) in &self.write {
            edit.set(&full(path), Start::Blob(repo.blob(bytes)?))?;
        }
        Ok(edit)
    }
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
fn edit_tree(repo: &Repository, base: Option<Oid>, edit: &Edit) -> Result<Option<Oid>, GitError> {
    if edit.children.is_empty() {
        return Ok(base);
    }
    let base = base.map(|id| repo.find_tree(id)).transpose()?;
    let mut builder = repo.treebuilder(base.as_ref())?;
    for (name, child) in &edit.children {
        let before = base.as_ref().and_then(|tree| tree.get_name(name));
        let start = match child.start {
            Start::Keep => before.as_ref().filter(|e| e.kind() == Some(ObjectType::Tree)).map(git2::TreeEntry::id),
            Start::Tree(id) => Some(id),
            Start::Gone | Start::Blob(_) => None,
        };
        if let Start::Blob(id) = child.start {
            builder.insert(name.as_str(), id, FileMode::Blob.into())?;
        } else if let Some(id) = edit_tree(repo, start, child)? {
            builder.insert(name.as_str(), id, FileMode::Tree.into())?;
        } else if before.is_some_and(|e| !matches!(child.start, Start::Keep) || e.kind() == Some(ObjectType::Tree)) {
            builder.remove(name.as_str())?;
        }
    }
    if builder.is_empty() { Ok(None) } else { Ok(Some(builder.write()?)) }
}
