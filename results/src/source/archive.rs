use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Mistake, Selection, SourceError, intake::Intake};
use crate::Campaign;

/// End of the name of a checksum's file: `<attempt>.jsonl.sha256`.
const SUM: &str = ".sha256";

/// A file of an archive, with what is in it, or why it can't be read.
pub type ArchiveFile = Result<(PathBuf, Vec<u8>), (PathBuf, io::Error)>;

/// Reads an archive, from anywhere: for each attempt a file `<lab>/<scenario>/<cell>/<attempt>.jsonl` and beside it its checksum
/// `<attempt>.jsonl.sha256`, in any order; other files are passed over. One of them is in memory at a time.
///
/// `from` is what people call the archive; `now_ms` is the present, in milliseconds since 1970.
pub fn from_archive(
    from: &str,
    files: impl IntoIterator<Item = ArchiveFile>,
    selection: &Selection,
    now_ms: i64,
) -> Result<Campaign, SourceError> {
    let mut intake = Intake::new(selection);
    take(&mut intake, files);
    if intake.ours == 0 && intake.mistakes.is_empty() {
        intake.mistakes.push(Mistake::NothingIn { path: from.into() });
    }
    intake.finish(from, now_ms)
}

/// Whether this is the name of a checksum's file.
pub(super) fn is_checksum(path: &Path) -> bool {
    path.to_string_lossy().ends_with(&format!(".jsonl{SUM}"))
}

/// Takes the files of an archive, and holds each against its checksum.
pub(super) fn take(intake: &mut Intake<'_>, files: impl IntoIterator<Item = ArchiveFile>) {
    let (mut sums, mut said) = (BTreeMap::new(), BTreeMap::new());
    for file in files {
        match file {
            Ok((path, bytes)) if is_checksum(&path) => {
                let path = path.to_string_lossy();
                said.insert(PathBuf::from(path.strip_suffix(SUM).unwrap_or(&path)), bytes);
            }
            Ok((path, bytes)) if path.extension().is_some_and(|end| end == "jsonl") => {
                intake.file(&path, &bytes[..]);
                sums.insert(path, sha256(&bytes));
            }
            Ok(_) => {}
            Err((path, source)) => intake.mistakes.push(Mistake::Unreadable { path, source }),
        }
    }
    intake.mistakes.extend(wrong(sums, said));
}

/// What is wrong with the files of these checksums, against what was said of them.
fn wrong(sums: BTreeMap<PathBuf, String>, mut said: BTreeMap<PathBuf, Vec<u8>>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (path, there) in sums {
        match said.remove(&path) {
            None => mistakes.push(Mistake::NoChecksum { path }),
            Some(line) => {
                let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
                if line != format!("{there}  {name}\n").as_bytes() {
                    let said = format!("{:?}", String::from_utf8_lossy(&line).trim());
                    mistakes.push(Mistake::Checksum { path, there, said });
                }
            }
        }
    }
    mistakes.extend(said.into_keys().map(|path| Mistake::Gone { path }));
    mistakes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
