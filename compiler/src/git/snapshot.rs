use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};

use super::{GitError, Remote, guard};

/// The files of one commit of the branch, below the lab's folder.
///
/// Everything a tick or a compile reads comes from one snapshot, so that it can't change under the reader.
pub struct Snapshot<'r> {
    pub(super) repo: &'r Repository,
    branch: String,
    pub(super) prefix: String,
    commit: Option<Oid>,
    tree: Option<Tree<'r>>,
}

impl<'r> Snapshot<'r> {
    /// What a commit holds below `prefix`; without a commit, nothing.
    pub fn at(repo: &'r Repository, branch: &str, commit: Option<Oid>, prefix: &str) -> Result<Self, GitError> {
        if let (Some(commit), Some(lender)) = (commit, Remote::promised(repo)?) {
            lender.complete(commit)?;
        }
        let root = commit.map(|id| repo.find_commit(id)?.tree()).transpose()?;
        let tree = match root {
            Some(root) if !prefix.is_empty() => entry(&root, prefix)?
                .filter(|(_, kind)| *kind == ObjectType::Tree)
                .map(|(id, _)| repo.find_tree(id))
                .transpose()?,
            root => root,
        };
        Ok(Self { repo, branch: branch.to_owned(), prefix: prefix.to_owned(), commit, tree })
    }

    /// What a branch, tag or commit of the repository holds below `prefix`.
    pub fn of(repo: &'r Repository, reference: &str, prefix: &str) -> Result<Self, GitError> {
        let commit = match repo.revparse_single(reference).and_then(|object| object.peel_to_commit()) {
            Ok(commit) => commit.id(),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                return Err(GitError::NoReference { place: repo.path().to_owned(), reference: reference.to_owned() });
            }
            Err(error) => return Err(error.into()),
        };
        Self::at(repo, reference, Some(commit), prefix.trim_matches('/'))
    }

    /// What a branch, tag or commit of the repository holds below `prefix`; it must be of that lab.
    pub fn of_lab(repo: &'r Repository, reference: &str, prefix: &str, lab: &str) -> Result<Self, GitError> {
        let snapshot = Self::of(repo, reference, prefix)?;
        guard::ours(&snapshot, lab)?;
        Ok(snapshot)
    }

    /// The commit.
    pub fn commit(&self) -> Option<Oid> {
        self.commit
    }

    /// Name of the branch, for messages.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// Whether there is no file at all.
    pub fn is_empty(&self) -> bool {
        self.tree.as_ref().is_none_or(Tree::is_empty)
    }

    /// Id of a file or folder: equal ids, equal contents.
    pub fn id(&self, path: &str) -> Result<Option<Oid>, GitError> {
        Ok(self.entry(path)?.map(|(id, _)| id))
    }

    /// A file's bytes.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.entry(path)? {
            Some((id, ObjectType::Blob)) => Ok(Some(self.blob(id)?)),
            _ => Ok(None),
        }
    }

    /// A file's JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, GitError> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.bad(path, &error))
    }

    /// The JSON of all files `*.json` of a folder by its id; `path` is for messages.
    pub fn jsons<T: serde::de::DeserializeOwned>(&self, folder: Oid, path: &str) -> Result<Vec<T>, GitError> {
        let tree = self.tree(folder)?;
        let files = tree.iter().filter(|entry| entry.kind() == Some(ObjectType::Blob));
        let mut values = Vec::new();
        for file in files {
            let name = file.name()?;
            if name.rsplit('.').next() == Some("json") {
                let value = serde_json::from_slice(&self.blob(file.id())?);
                values.push(value.map_err(|error| self.bad(&format!("{path}/{name}"), &error))?);
            }
        }
        Ok(values)
    }

    /// The error of a file that does not hold what it should.
    pub fn bad(&self, path: &str, why: &dyn std::fmt::Display) -> GitError {
        GitError::BadFile { branch: self.branch.clone(), path: path.to_owned(), why: why.to_string() }
    }

    /// Names in a folder, in Git's order; folders end in `/`. Empty where there is no such folder.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, GitError> {
        let Some(tree) = self.folder(folder)? else { return Ok(Vec::new()) };
        let name = |entry: git2::TreeEntry<'_>| {
            let slash = if entry.kind() == Some(ObjectType::Tree) { "/" } else { "" };
            Ok(format!("{}{slash}", entry.name()?))
        };
        tree.iter().map(name).collect()
    }

    /// Names of the folders in a folder.
    pub fn folders(&self, folder: &str) -> Result<Vec<String>, GitError> {
        let names = self.names(folder)?;
        Ok(names.iter().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect())
    }

    /// Paths of all files below a folder, in order.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, GitError> {
        let mut paths = Vec::new();
        for name in self.names(folder)? {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match path.strip_suffix('/') {
                Some(inner) => paths.extend(self.list(inner)?),
                None => paths.push(path),
            }
        }
        Ok(paths)
    }

    /// A blob's bytes.
    pub(crate) fn blob(&self, id: Oid) -> Result<Vec<u8>, GitError> {
        Ok(self.repo.find_blob(id)?.content().to_vec())
    }

    /// A folder's tree.
    pub(crate) fn folder(&self, path: &str) -> Result<Option<Tree<'r>>, GitError> {
        match self.entry(path)? {
            Some((id, ObjectType::Tree)) => Ok(Some(self.repo.find_tree(id)?)),
            _ => Ok(None),
        }
    }

    /// A tree by its id.
    pub(crate) fn tree(&self, id: Oid) -> Result<Tree<'r>, GitError> {
        Ok(self.repo.find_tree(id)?)
    }

    fn entry(&self, path: &str) -> Result<Option<(Oid, ObjectType)>, GitError> {
        match &self.tree {
            Some(tree) if path.is_empty() => Ok(Some((tree.id(), ObjectType::Tree))),
            Some(tree) => entry(tree, path),
            None => Ok(None),
        }
    }
}

pub(super) fn entry(tree: &Tree<'_>, path: &str) -> Result<Option<(Oid, ObjectType)>, GitError> {
    match tree.get_path(Path::new(path)) {
        Ok(entry) => Ok(entry.kind().map(|kind| (entry.id(), kind))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
