//! The volumes of a pod as folders and files.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use benchgrid_probe::sandbox::{Isolation, Mount};
use serde_json::Value;

use super::{Rehearsal, Site, names};
use crate::kustomize::{kind, name};

/// A pod's volumes, and where its containers see them.
pub(super) struct Volumes<'a> {
    set: &'a Value,
    objects: &'a [Value],
    site: &'a Site<'a>,
    /// The pod's own folder, for what it writes.
    folder: PathBuf,
    /// Where files of config maps are: the same for all pods.
    configuration: PathBuf,
    mounts: BTreeMap<PathBuf, PathBuf>,
    folders: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl<'a> Volumes<'a> {
    pub(super) fn of(set: &'a Value, objects: &'a [Value], site: &'a Site<'a>, pod: &str) -> Self {
        Self {
            set,
            objects,
            site,
            folder: site.folder.join(names::VOLUMES).join(pod),
            configuration: site.folder.join(names::PRIVATE).join("configuration"),
            mounts: BTreeMap::new(),
            folders: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// Adds what a container mounts. Containers of a pod share one file system here, so they must agree.
    pub(super) fn mount(&mut self, container: &Value) -> Result<(), String> {
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let text = |field: &str| mount[field].as_str().unwrap_or_default();
            let target = PathBuf::from(format!("/{}", text("mountPath").trim_matches('/')));
            if mount.get("subPathExpr").is_some() {
                return Err(format!("the mount at {} has a subPathExpr", target.display()));
            }
            let source = inside(&self.volume(text("name"))?, text("subPath"))?;
            match self.mounts.get(&target) {
                Some(other) if *other != source => {
                    return Err(format!("two containers of a pod see different volumes at {}", target.display()));
                }
                _ => {
                    if !self.files.contains_key(&source) {
                        self.folders.push(source.clone());
                    }
                    self.mounts.insert(target, source);
                }
            }
        }
        Ok(())
    }

    /// Mounts, each before those below it; none on loopback, where everybody sees the machine's own files.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        if self.site.isolation != Isolation::Namespaces {
            return Vec::new();
        }
        // paths sort so
        self.mounts.iter().map(|(target, source)| Mount { source: source.clone(), target: target.clone() }).collect()
    }

    /// Where the machine has what a pod sees at a path.
    pub(super) fn source(&self, target: &str) -> Option<PathBuf> {
        self.mounts.get(Path::new(target)).cloned()
    }

    /// Hands over what must be there.
    pub(super) fn leave(self, rehearsal: &mut Rehearsal) {
        rehearsal.folders.extend(self.folders);
        rehearsal.files.extend(self.files);
    }

    /// Where a volume is.
    fn volume(&mut self, volume: &str) -> Result<PathBuf, String> {
        let spec = &self.set["spec"];
        let mut claims = spec["volumeClaimTemplates"].as_array().into_iter().flatten();
        if claims.any(|claim| claim["metadata"]["name"] == volume) {
            return Ok(self.folder.join(volume));
        }
        let mut volumes = spec["template"]["spec"]["volumes"].as_array().into_iter().flatten();
        let found = volumes.find(|one| one["name"] == volume);
        let found = found.ok_or_else(|| format!("there is no volume {volume}"))?;
        if found.get("emptyDir").is_some() {
            return Ok(self.folder.join(volume));
        }
        match found["configMap"]["name"].as_str() {
            Some(map) => self.config_map(map, &found["configMap"]),
            None => Err(format!("volume {volume} is of a kind that only a cluster has")),
        }
    }

    /// The folder of a `ConfigMap`'s files.
    fn config_map(&mut self, named: &str, source: &Value) -> Result<PathBuf, String> {
        let map = self.objects.iter().find(|object| kind(object) == "ConfigMap" && name(object) == named);
        let map = map.ok_or_else(|| format!("there is no ConfigMap {named}"))?;
        let folder = self.configuration.join(named);
        let items = source["items"].as_array();
        for (key, text) in map["data"].as_object().into_iter().flatten() {
            let path = match items {
                Some(items) => {
                    items.iter().find(|item| item["key"] == key.as_str()).and_then(|item| item["path"].as_str())
                }
                None => Some(key.as_str()),
            };
            if let (Some(path), Some(text)) = (path, text.as_str()) {
                self.files.insert(inside(&folder, path)?, text.as_bytes().to_vec());
            }
        }
        Ok(folder)
    }
}

/// A path below a folder.
fn inside(folder: &Path, path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Ok(folder.to_owned());
    }
    let below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if below { Ok(folder.join(path)) } else { Err(format!("the path {path} leaves its volume")) }
}
