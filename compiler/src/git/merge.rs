use std::collections::{BTreeMap, BTreeSet};

use git2::{ObjectType, Oid, Tree};

use super::{Change, GitError, Ownership, Publication, Snapshot};

/// Files and folders that every compile writes anew, whatever scenarios it compiles.
const SHARED: [&str; 10] = [
    "README.md",
    ".gitattributes",
    "lab.json",
    "root.yaml",
    "argocd-apps/kustomization.yaml",
    "argocd-apps/project.yaml",
    "argocd-apps/conductor.yaml",
    "argocd-apps/dashboards.yaml",
    "conductor",
    "dashboards",
];

/// What a compile does to the branch: its own scenarios and the shared files are replaced; other scenarios', the
/// conductor's and foreign files stay; bases that nothing refers to any more go.
pub(super) struct Merge {
    /// The change, without the metadata file.
    pub(super) change: Change,
    /// Scenarios on the branch that this compile leaves alone.
    pub(super) kept: BTreeSet<String>,
}

impl Merge {
    /// Works out the change for a branch that looks like `base`.
    pub(super) fn new(base: &Snapshot<'_>, publication: &Publication<'_>) -> Result<Self, GitError> {
        let there: BTreeSet<String> = base.folders("overlays")?.into_iter().collect();
        let compiled = publication.scenarios();
        let owned = match publication.own {
            Ownership::Everything => there.union(&compiled).cloned().collect(),
            Ownership::Compiled => compiled.clone(),
        };
        let kept: BTreeSet<String> = there.difference(&owned).cloned().collect();
        let mut change = Change { write: publication.below(&publication.files)?, ..Change::default() };
        let names: BTreeSet<String> = kept.union(&compiled).cloned().collect();
        change.write.extend(publication.below(&(publication.index)(&names))?);
        change.write.remove(super::publish::METADATA);
        change.remove.extend(SHARED.map(str::to_owned));
        for scenario in &owned {
            change.remove.push(format!("overlays/{scenario}"));
            change.remove.push(format!("argocd-apps/{scenario}.yaml"));
        }
        change.remove.extend(unused_bases(base, &kept, &change.write)?);
        Ok(Self { change, kept })
    }
}

/// Folders of `base/` that are neither written now, nor named by any kustomization that stays.
fn unused_bases(
    base: &Snapshot<'_>,
    kept: &BTreeSet<String>,
    written: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<String>, GitError> {
    let folders = base.folders("base")?.into_iter().map(|name| format!("base/{name}"));
    let mut unused: Vec<String> = folders.filter(|folder| !has_folder(written, folder)).collect();
    let mut seen = BTreeSet::new();
    let others = kept.iter().map(|scenario| format!("overlays/{scenario}"));
    for place in others.chain(["active".to_owned()]) {
        if let (false, Some(tree)) = (unused.is_empty(), base.folder(&place)?) {
            keep_named(base, &tree, &mut seen, &mut unused)?;
        }
    }
    for (path, bytes) in written {
        if is_kustomization(path) {
            unused.retain(|folder| !names(bytes, folder));
        }
    }
    Ok(unused)
}

fn has_folder(files: &BTreeMap<String, Vec<u8>>, folder: &str) -> bool {
    let inside = format!("{folder}/");
    files.range(inside.clone()..).next().is_some_and(|(path, _)| path.starts_with(&inside))
}

/// Strikes the bases that kustomizations below a tree refer to; equal trees and files are read once.
fn keep_named(
    base: &Snapshot<'_>,
    tree: &Tree<'_>,
    seen: &mut BTreeSet<Oid>,
    unused: &mut Vec<String>,
) -> Result<(), GitError> {
    for entry in tree {
        if unused.is_empty() || !seen.insert(entry.id()) {
            continue;
        }
        match entry.kind() {
            Some(ObjectType::Tree) => keep_named(base, &base.tree(entry.id())?, seen, unused)?,
            Some(ObjectType::Blob) if entry.name().is_ok_and(is_kustomization) => {
                let bytes = base.blob(entry.id())?;
                unused.retain(|folder| !names(&bytes, folder));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_kustomization(path: &str) -> bool {
    path == "kustomization.yaml" || path.ends_with("/kustomization.yaml")
}

fn names(bytes: &[u8], folder: &str) -> bool {
    bytes.windows(folder.len()).any(|window| window == folder.as_bytes())
}
