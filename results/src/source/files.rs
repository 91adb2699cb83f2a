use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::{ArchiveFile, Mistake, Selection, SourceError, archive, intake::Intake};
use crate::Campaign;

/// What a folder of a rehearsal, and a folder of a report, keep all records in.
const WHOLE: [&str; 2] = ["records.jsonl", "samples.jsonl"];

/// Reads record files: what coordinators print, other lines of a log passed over; `samples.jsonl` of reports; and
/// folders, of which the one file that has everything is read where there is one, else every `.jsonl` file in them.
///
/// `now_ms` is the present, in milliseconds since 1970: what ends after it is odd.
pub fn from_records(paths: &[PathBuf], selection: &Selection, now_ms: i64) -> Result<Campaign, SourceError> {
    let mut intake = Intake::new(selection);
    for path in paths {
        let result = if path.is_dir() { folder(&mut intake, path) } else { file(&mut intake, path) };
        if let Err((path, source)) = result {
            intake.mistakes.push(Mistake::Unreadable { path, source });
        }
    }
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    intake.finish(&names.join(", "), now_ms)
}

type Unread<T> = Result<T, (PathBuf, io::Error)>;

fn file(intake: &mut Intake<'_>, path: &Path) -> Unread<()> {
    let opened = File::open(path).map_err(|source| (path.to_owned(), source))?;
    intake.file(path, BufReader::new(opened));
    Ok(())
}

fn folder(intake: &mut Intake<'_>, path: &Path) -> Unread<()> {
    if let Some(whole) = WHOLE.iter().map(|name| path.join(name)).find(|whole| whole.is_file()) {
        return file(intake, &whole);
    }
    let files = below(path)?;
    let before = (intake.ours, intake.mistakes.len());
    if files.iter().any(|file| archive::is_checksum(file)) {
        archive::take(intake, files.into_iter().map(read));
    } else {
        for records in files.iter().filter(|file| file.extension().is_some_and(|end| end == "jsonl")) {
            file(intake, records)?;
        }
    }
    if (intake.ours, intake.mistakes.len()) == before {
        intake.mistakes.push(Mistake::NothingIn { path: path.to_owned() });
    }
    Ok(())
}

/// Every file of a folder and the folders in it, in the order of their names; those whose name begins with a dot apart.
fn below(folder: &Path) -> Unread<Vec<PathBuf>> {
    let unread = |source| (folder.to_owned(), source);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        entries.push(entry.map_err(unread)?.path());
    }
    entries.retain(|entry| !entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        // A link to a folder may lead back to where it is.
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(below(&entry)?);
        } else if entry.is_file() {
            files.push(entry);
        }
    }
    Ok(files)
}

/// A file with what is in it.
fn read(file: PathBuf) -> ArchiveFile {
    match fs::read(&file) {
        Ok(bytes) => Ok((file, bytes)),
        Err(source) => Err((file, source)),
    }
}

/// Every file of an archive that is checked out in a folder, each read when it is asked for.
pub fn archive_files(folder: &Path) -> impl Iterator<Item = ArchiveFile> {
    let (files, error) = match below(folder) {
        Ok(files) => (files, None),
        Err(error) => (Vec::new(), Some(Err(error))),
    };
    error.into_iter().chain(files.into_iter().map(read))
}
