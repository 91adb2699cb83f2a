//! A payload as a file beside the node.
//!
//! In: the place and a content. Out: for a torrent client, the file that it sees under the same path, with its torrent and
//! its SHA-256, and gone again; for others, where an upload is made ready.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use super::{DriverError, Place, torrent::Metainfo};
use crate::content::{Content, copy_hashed};

impl Place {
    /// Where an upload is made ready. Hidden, so that the node doesn't take it for one of its files.
    pub(super) fn staging(&self, content: &Content) -> PathBuf {
        self.data.join(format!(".ingest-{}", content.name))
    }

    fn payload(&self, content: &Content) -> PathBuf {
        self.data.join(&content.name)
    }

    /// Puts the payload beside the node and describes it.
    pub(super) fn make_payload(&self, content: &Content) -> Result<Metainfo, DriverError> {
        let path = self.payload(content);
        let made = content.write_to(&path).and_then(|_| {
            // The node runs as another user.
            fs::set_permissions(&path, Permissions::from_mode(0o666))?;
            Metainfo::of_file(&path, &content.name, &self.tracker)
        });
        made.map_err(|source| DriverError::File { path, source })
    }

    /// SHA-256 of the payload as it is there.
    pub(super) fn hash_payload(&self, content: &Content) -> Result<String, DriverError> {
        let path = self.payload(content);
        let digest = File::open(&path).and_then(|mut file| copy_hashed(&mut file, &mut io::sink()));
        digest.map_err(|source| DriverError::File { path, source })
    }

    /// Removes the payload; no error when it isn't there.
    pub(super) fn remove_payload(&self, content: &Content) -> Result<(), DriverError> {
        let path = self.payload(content);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(DriverError::File { path, source }),
            _ => Ok(()),
        }
    }
}
