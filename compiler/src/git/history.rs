use std::collections::BTreeMap;

use git2::{Commit, ErrorCode, ObjectType, Oid};

use super::{
    GitError, Snapshot,
    snapshot::entry,
    tree::{Entries, FILE},
};

/// A commit that changed a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderChange {
    /// The commit.
    pub commit: Oid,
    /// When it was made, in seconds since 1970.
    pub seconds: i64,
    /// The folder before.
    pub before: Option<Oid>,
    /// The folder after.
    pub after: Option<Oid>,
}

impl Snapshot<'_> {
    /// The commits that changed a folder, from this one back along first parents to `until`, newest first.
    ///
    /// Where history was cut (a shallow clone, a branch begun anew), what is there counts.
    pub fn history(&self, folder: &str, until: Option<Oid>) -> Result<Vec<FolderChange>, GitError> {
        let mut changes = Vec::new();
        let Some(commit) = self.commit() else { return Ok(changes) };
        let mut commit = self.repo.find_commit(commit)?;
        let mut after = self.folder_of(&commit, folder)?;
        while Some(commit.id()) != until {
            let parent = parent(&commit)?;
            let before = parent.as_ref().map(|parent| self.folder_of(parent, folder)).transpose()?.flatten();
            if before != after {
                changes.push(FolderChange { commit: commit.id(), seconds: commit.time().seconds(), before, after });
            }
            let Some(parent) = parent else { break };
            (commit, after) = (parent, before);
        }
        Ok(changes)
    }

    fn folder_of(&self, commit: &Commit<'_>, folder: &str) -> Result<Option<Oid>, GitError> {
        let path = if self.prefix.is_empty() { folder.to_owned() } else { format!("{}/{folder}", self.prefix) };
        Ok(entry(&commit.tree()?, &path)?.filter(|(_, kind)| *kind == ObjectType::Tree).map(|(id, _)| id))
    }

    /// Folders in a folder by its id, with their ids; none: no folders.
    pub fn folders_of(&self, folder: Option<Oid>) -> Result<BTreeMap<String, Oid>, GitError> {
        let Some(folder) = folder else { return Ok(BTreeMap::new()) };
        let tree = self.tree(folder)?;
        let folders = tree.iter().filter(|entry| entry.kind() == Some(ObjectType::Tree));
        folders.map(|entry| Ok((entry.name()?.to_owned(), entry.id()))).collect()
    }

    /// The path of the first file in which two folders differ.
    pub fn first_difference(&self, one: Oid, other: Oid) -> Result<Option<String>, GitError> {
        let (one, other) = (self.tree(one)?, self.tree(other)?);
        let diff = self.repo.diff_tree_to_tree(Some(&one), Some(&other), None)?;
        let path = diff.deltas().next().and_then(|delta| Some(delta.new_file().path()?.display().to_string()));
        Ok(path)
    }

    /// Git's id of a folder, were one of its files another: these bytes, or none.
    pub fn folder_with(&self, folder: Oid, file: &str, bytes: Option<&[u8]>) -> Result<Oid, GitError> {
        let odb = self.repo.odb()?;
        let damaged = || GitError::Library(git2::Error::from_str(&format!("the tree {folder} is damaged")));
        let mut entries = Entries::parse(odb.read(folder)?.data()).ok_or_else(damaged)?;
        entries.0.remove(file.as_bytes());
        if let Some(bytes) = bytes {
            let id = Oid::hash_object(ObjectType::Blob, bytes)?;
            entries.0.insert(file.as_bytes().to_vec(), (FILE, id));
        }
        Ok(Oid::hash_object(ObjectType::Tree, &entries.bytes())?)
    }
}

/// The first parent; none of a root, and where the history was cut.
fn parent<'r>(commit: &Commit<'r>) -> Result<Option<Commit<'r>>, GitError> {
    match commit.parent(0) {
        Ok(parent) => Ok(Some(parent)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
