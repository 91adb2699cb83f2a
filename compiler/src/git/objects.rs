use std::{collections::BTreeMap, io::Read, path::PathBuf};

use flate2::read::ZlibDecoder;
use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};
use sha1::{Digest, Sha1};

use super::{
    GitError,
    pack::{Deflater, PackEntry, write_pack},
    tree::Entries,
};
use crate::parallel;

/// Objects that the repository does not have yet. They are kept deflated until all are known, then written at once:
/// a few as loose files, many as one pack.
pub struct Objects<'r> {
    odb: Odb<'r>,
    folder: PathBuf,
    deflater: Deflater,
    new: BTreeMap<Oid, PackEntry>,
}

impl<'r> Objects<'r> {
    /// From this many new objects on they are written as a pack.
    pub const PACK: usize = 300;

    /// Nothing yet.
    pub fn new(repo: &'r Repository) -> Result<Self, GitError> {
        let folder = repo.commondir().join("objects");
        Ok(Self { odb: repo.odb()?, folder, deflater: Deflater::new(), new: BTreeMap::new() })
    }

    /// Ids of files with these bytes.
    pub fn blobs(&mut self, files: &[&[u8]]) -> Result<Vec<Oid>, GitError> {
        let ids = parallel::map(files, |bytes| id_of(ObjectType::Blob, bytes));
        let ids = ids.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut missing: BTreeMap<Oid, &[u8]> = BTreeMap::new();
        for (id, bytes) in ids.iter().zip(files) {
            if !missing.contains_key(id) && !self.has(*id) {
                missing.insert(*id, bytes);
            }
        }
        let missing: Vec<(Oid, &[u8])> = missing.into_iter().collect();
        let failed = |source| GitError::Io { path: self.folder.clone(), source };
        let entries = parallel::map_with(&missing, Deflater::new, |deflater, (id, bytes)| {
            Ok((*id, deflater.entry(ObjectType::Blob, bytes)?))
        });
        for entry in entries {
            let (id, entry) = entry.map_err(failed)?;
            self.new.insert(id, entry);
        }
        Ok(ids)
    }

    /// Id of a folder with these entries.
    pub(super) fn tree(&mut self, entries: &Entries) -> Result<Oid, GitError> {
        let bytes = entries.bytes();
        let id = id_of(ObjectType::Tree, &bytes)?;
        if !self.has(id) {
            let entry = self.deflater.entry(ObjectType::Tree, &bytes);
            let entry = entry.map_err(|source| GitError::Io { path: self.folder.clone(), source })?;
            self.new.insert(id, entry);
        }
        Ok(id)
    }

    /// The entries of a folder, be it new or in the repository.
    pub(super) fn entries(&self, id: Oid) -> Result<Entries, GitError> {
        let parsed = match self.new.get(&id) {
            Some(entry) => Entries::parse(&self.inflate(entry)?),
            None => Entries::parse(self.odb.read(id)?.data()),
        };
        parsed.ok_or_else(|| GitError::Library(git2::Error::from_str(&format!("the tree {id} is damaged"))))
    }

    /// Writes what is new. Nothing refers to it before this returns.
    pub(super) fn write(self) -> Result<(), GitError> {
        if self.new.len() < Self::PACK {
            for (id, entry) in &self.new {
                let written = self.odb.write(entry.kind, &self.inflate(entry)?)?;
                debug_assert_eq!(written, *id);
            }
            return Ok(());
        }
        let folder = self.folder.join("pack");
        let entries: Vec<_> = self.new.into_iter().collect();
        write_pack(&folder, &entries).map_err(|source| GitError::Io { path: folder, source })?;
        Ok(self.odb.refresh()?)
    }

    fn has(&self, id: Oid) -> bool {
        // A miss would have the library list its folders anew, each time.
        self.new.contains_key(&id) || self.odb.exists_ext(id, OdbLookupFlags::NO_REFRESH)
    }

    fn inflate(&self, entry: &PackEntry) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::new();
        let read = ZlibDecoder::new(entry.deflated()).read_to_end(&mut bytes);
        read.map_err(|source| GitError::Io { path: self.folder.clone(), source })?;
        Ok(bytes)
    }
}

/// An object's id. The library computes the same, but looks for forged collisions meanwhile, which takes several times
/// as long and finds nothing in bytes that are ours.
fn id_of(kind: ObjectType, bytes: &[u8]) -> Result<Oid, git2::Error> {
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", kind.str(), bytes.len()));
    hash.update(bytes);
    Oid::from_bytes(&hash.finalize())
}
