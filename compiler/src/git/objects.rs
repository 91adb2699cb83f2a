use std::{collections::BTreeMap, io::Read, num::NonZeroUsize, path::PathBuf};

use flate2::read::ZlibDecoder;
use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};

use super::{
    GitError,
    pack::{Deflater, PackEntry, write_pack},
    tree::Entries,
};

/// Objects that the repository does not have yet. They are kept deflated until all are known, then written at once:
/// a few as loose files, many as one pack.
pub struct Objects<'r> {
    odb: Odb<'r>,
    folder: PathBuf,
    threads: usize,
    deflater: Deflater,
    new: BTreeMap<Oid, PackEntry>,
}

impl<'r> Objects<'r> {
    /// From this many new objects on they are written as a pack.
    pub const PACK: usize = 300;

    /// Nothing yet; work is shared by this many threads, or by as many as the machine runs at once.
    pub fn new(repo: &'r Repository, threads: Option<NonZeroUsize>) -> Result<Self, GitError> {
        let threads = threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let folder = repo.commondir().join("objects");
        Ok(Self { odb: repo.odb()?, folder, threads, deflater: Deflater::new(), new: BTreeMap::new() })
    }

    /// Ids of files with these bytes.
    pub fn blobs(&mut self, files: &[&[u8]]) -> Result<Vec<Oid>, GitError> {
        let hash = |files: &[&[u8]]| {
            files.iter().map(|bytes| Ok(Oid::hash_object(ObjectType::Blob, bytes)?)).collect::<Result<Vec<_>, _>>()
        };
        let ids = side_by_side(files, self.threads, hash)?;
        let mut missing: BTreeMap<Oid, &[u8]> = BTreeMap::new();
        for (id, bytes) in ids.iter().zip(files) {
            if !missing.contains_key(id) && !self.has(*id) {
                missing.insert(*id, bytes);
            }
        }
        let missing: Vec<(Oid, &[u8])> = missing.into_iter().collect();
        let failed = |source| GitError::Io { path: self.folder.clone(), source };
        let deflate = |files: &[(Oid, &[u8])]| {
            let mut deflater = Deflater::new();
            let entry = |(id, bytes): &(Oid, &[u8])| Ok((*id, deflater.entry(ObjectType::Blob, bytes)?));
            files.iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(failed)
        };
        self.new.extend(side_by_side(&missing, self.threads, deflate)?);
        Ok(ids)
    }

    /// Id of a folder with these entries.
    pub(super) fn tree(&mut self, entries: &Entries) -> Result<Oid, GitError> {
        let bytes = entries.bytes();
        let id = Oid::hash_object(ObjectType::Tree, &bytes)?;
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

/// Does the work on parts of the items by several threads, and gives the results in the items' order.
fn side_by_side<T: Sync, U: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&[T]) -> Result<Vec<U>, GitError> + Sync,
) -> Result<Vec<U>, GitError> {
    /// A thread costs more than this many small files do.
    const LEAST: usize = 64;
    let size = items.len().div_ceil(threads.max(1)).max(LEAST);
    if items.len() <= size {
        return work(items);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = items.chunks(size).map(|part| scope.spawn(|| work(part))).collect();
        let mut results = Vec::with_capacity(items.len());
        for part in parts {
            results.append(&mut part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(results)
    })
}
