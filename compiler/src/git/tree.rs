use std::collections::BTreeMap;

use git2::Oid;

/// Mode of a folder within a tree.
pub(super) const FOLDER: u32 = 0o040_000;
/// Mode of an ordinary file within a tree.
pub(super) const FILE: u32 = 0o100_644;

/// Whether a mode is an ordinary file's, executable or not, and no link or submodule.
pub(super) fn is_file(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

/// The entries of one folder, as Git stores them: mode and id by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries(pub(super) BTreeMap<Vec<u8>, (u32, Oid)>);

impl Entries {
    /// Reads the bytes of a tree object; none when they are damaged.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        const ID: usize = 20;
        let mut entries = BTreeMap::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
            let end = space + 1 + bytes[space + 1..].iter().position(|byte| *byte == 0)?;
            let id = Oid::from_bytes(bytes.get(end + 1..end + 1 + ID)?).ok()?;
            entries.insert(bytes[space + 1..end].to_vec(), (mode, id));
            bytes = &bytes[end + 1 + ID..];
        }
        Some(Self(entries))
    }

    /// The bytes of the tree object. Git sorts a folder as if its name ended in `/`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_cached_key(|(name, (mode, _))| {
            let mut key = (*name).clone();
            if *mode == FOLDER {
                key.push(b'/');
            }
            key
        });
        let mut bytes = Vec::new();
        for (name, (mode, id)) in sorted {
            bytes.extend_from_slice(format!("{mode:o} ").as_bytes());
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes
    }

    /// The folder or file of that name.
    pub(super) fn get(&self, name: &str) -> Option<(u32, Oid)> {
        self.0.get(name.as_bytes()).copied()
    }
}
