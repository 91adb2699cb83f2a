//! A pod's file system: the machine's, with the pod's folders where the pod wants them.
//!
//! In: a folder to stand on, mounts. Out: a root of its own, in memory, into which the machine's folders are bound.
//! Nothing is made in a folder of the machine: where a mount's place is missing in one, the folder is shown by its
//! entries, and the place is made beside them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::{chdir, pivot_root},
};

use super::{Mount, SandboxError, file, step};

/// Where the machine's own root is while the new one is made.
const OLD: &str = "/.old";

/// Gives this mount namespace a root with these mounts; `stand` is a folder that is there.
pub(super) fn build(stand: &Path, mounts: &[Mount]) -> Result<(), SandboxError> {
    tmpfs(stand)?;
    let old = stand.join(OLD.trim_start_matches('/'));
    fs::create_dir(&old).map_err(file(&old))?;
    pivot_root(stand, &old).map_err(step("a root of its own"))?;
    chdir("/").map_err(step("change to the new root"))?;
    let mut root = Root { ours: [PathBuf::from("/")].into(), volumes: BTreeSet::new() };
    show(Path::new("/"))?;
    for mount in mounts {
        root.mount(mount)?;
    }
    // a root that is kept below would do no harm
    let _ = umount2(OLD, MntFlags::MNT_DETACH);
    let _ = fs::remove_dir(OLD);
    Ok(())
}

/// What of the root is not the machine's.
struct Root {
    /// Folders in memory.
    ours: BTreeSet<PathBuf>,
    /// Mounted folders.
    volumes: BTreeSet<PathBuf>,
}

impl Root {
    fn mount(&mut self, Mount { source, target }: &Mount) -> Result<(), SandboxError> {
        let source = under(Path::new(OLD), source);
        if source.is_dir() {
            self.folder(target)?;
            bind(&source, target)?;
            self.volumes.insert(target.clone());
            return Ok(());
        }
        if !target.exists() {
            self.room_for(target)?;
            File::create(target).map_err(file(target))?;
        }
        bind(&source, target)
    }

    /// Makes a folder, and those above it, where they are missing.
    fn folder(&mut self, path: &Path) -> Result<(), SandboxError> {
        if path.is_dir() {
            return Ok(());
        }
        self.room_for(path)?;
        fs::create_dir(path).map_err(file(path))?;
        self.ours.insert(path.to_owned());
        Ok(())
    }

    /// Makes sure that an entry can be made without making it on the machine.
    fn room_for(&mut self, path: &Path) -> Result<(), SandboxError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        self.folder(parent)?;
        let is_ours = self.ours.contains(parent) || self.volumes.iter().any(|volume| parent.starts_with(volume));
        if !is_ours {
            tmpfs(parent)?;
            show(parent)?;
            self.ours.insert(parent.to_owned());
        }
        Ok(())
    }
}

/// Shows the entries that the machine has in a folder, in a folder that is empty.
fn show(folder: &Path) -> Result<(), SandboxError> {
    let there = under(Path::new(OLD), folder);
    for entry in fs::read_dir(&there).map_err(file(&there))? {
        let entry = entry.map_err(file(&there))?;
        let (source, target) = (entry.path(), folder.join(entry.file_name()));
        let kind = entry.file_type().map_err(file(&source))?;
        if kind.is_symlink() {
            let to = fs::read_link(&source).map_err(file(&source))?;
            symlink(to, &target).map_err(file(&target))?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&target).map_err(file(&target))?;
        } else {
            File::create(&target).map_err(file(&target))?;
        }
        bind(&source, &target)?;
    }
    Ok(())
}

fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn bind(source: &Path, target: &Path) -> Result<(), SandboxError> {
    let nothing = None::<&Path>;
    mount(Some(source), target, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing).map_err(step(format!(
        "a mount of {} at {}",
        source.display(),
        target.display()
    )))
}

fn tmpfs(at: &Path) -> Result<(), SandboxError> {
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .map_err(step(format!("a file system in memory at {}", at.display())))
}
