use std::collections::BTreeMap;

use git2::Oid;

use super::{Attempt, Cell, Done, State};
use crate::{
    git::{GitError, Snapshot},
    render::{CellEntry, CellsFile},
};

/// Everything that one commit of the branch says, without its history. A file that can't be read is an error: guessing
/// what it said could measure a trial twice.
pub fn read_state(snapshot: &Snapshot<'_>) -> Result<State, GitError> {
    Reading::default().at(snapshot).map(|reading| reading.state)
}

/// What a commit says, and what is needed to read the next one without reading everything again.
#[derive(Debug, Default)]
pub struct Reading {
    /// What the commit says.
    pub state: State,
    /// Ids of the folders of `done/` in the order of `state.done`, and how many files are from each.
    folders: Vec<(Oid, usize)>,
    commit: Option<Oid>,
}

impl Reading {
    /// Reads a commit and the history since this one.
    pub fn next(self, snapshot: &Snapshot<'_>) -> Result<Self, GitError> {
        let mut next = self.at(snapshot)?;
        next.state.past.read(snapshot, next.commit)?;
        next.commit = snapshot.commit();
        Ok(next)
    }

    /// Reads a commit.
    fn at(mut self, snapshot: &Snapshot<'_>) -> Result<Self, GitError> {
        let known = self.known();
        let lab = snapshot.id("lab.json")?.map(|id| id.to_string()).unwrap_or_default();
        let mut state = State { lab, past: self.state.past, paused: paused(snapshot)?, ..State::default() };
        for scenario in snapshot.folders("overlays")? {
            let cells: Option<CellsFile> = snapshot.json(&format!("overlays/{scenario}/cells.json"))?;
            state.cells.extend(cells.into_iter().flat_map(|file| file.cells).map(|entry| cell(&scenario, entry)));
        }
        for (scenario, folder) in snapshot.folders_of(snapshot.id("active")?)? {
            for (name, folder) in snapshot.folders_of(Some(folder))? {
                active(snapshot, (&scenario, &name, folder), &mut state)?;
            }
        }
        let folders = done(snapshot, known, &mut state.done)?;
        Ok(Self { state, folders, commit: self.commit })
    }

    /// What the folders of `done/` said.
    fn known(&mut self) -> BTreeMap<Oid, Vec<Done>> {
        let mut done = std::mem::take(&mut self.state.done).into_iter();
        self.folders.iter().map(|(folder, count)| (*folder, done.by_ref().take(*count).collect())).collect()
    }
}

/// The first line of the file `paused`.
fn paused(snapshot: &Snapshot<'_>) -> Result<Option<String>, GitError> {
    let Some(bytes) = snapshot.read("paused")? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(Some(line.unwrap_or("the file `paused` gives no reason").to_owned()))
}

/// One folder of `active/`.
fn active(
    snapshot: &Snapshot<'_>,
    (scenario, name, folder): (&str, &str, Oid),
    state: &mut State,
) -> Result<(), GitError> {
    let place = format!("active/{scenario}/{name}");
    let path = format!("{place}/attempt.json");
    let Some(bytes) = snapshot.read(&path)? else {
        state.problems.push(format!("{place} has no attempt.json, so nothing deploys it; `git rm -r {place}`"));
        return Ok(());
    };
    let attempt: Attempt = serde_json::from_slice(&bytes).map_err(|error| {
        let why = format!("{error}; restore it from the branch's history, or `git rm -r {place}` to end the attempt");
        snapshot.bad(&path, &why)
    })?;
    if (attempt.scenario.as_str(), attempt.attempt.as_str()) != (scenario, name) {
        let Attempt { scenario: other, attempt, .. } = attempt;
        state.problems.push(format!("{path} is of {other}/{attempt}, so nothing counts it; `git rm -r {place}`"));
        return Ok(());
    }
    let now = snapshot.folder_with(folder, "attempt.json", None)?;
    if !attempt.tree.is_empty() && attempt.tree != now.to_string() {
        state.edited.insert(attempt.attempt.clone(), difference(snapshot, (&place, folder), &attempt)?);
    }
    state.active.push(attempt);
    Ok(())
}

/// Where a folder differs from what was admitted: the history has it as it was.
fn difference(snapshot: &Snapshot<'_>, (place, folder): (&str, Oid), attempt: &Attempt) -> Result<String, GitError> {
    for change in snapshot.history(place, None)? {
        let Some(before) = change.before else { continue };
        if snapshot.folder_with(before, "attempt.json", None)?.to_string() == attempt.tree {
            let path = snapshot.first_difference(before, folder)?;
            return Ok(path.unwrap_or_else(|| "files' modes".to_owned()));
        }
    }
    Ok("the history does not show how it was".to_owned())
}

/// Reads `done/<scenario>/<slug>/<attempt>.json`; folders that are as they were are not read again.
fn done(
    snapshot: &Snapshot<'_>,
    mut known: BTreeMap<Oid, Vec<Done>>,
    done: &mut Vec<Done>,
) -> Result<Vec<(Oid, usize)>, GitError> {
    let mut folders = Vec::new();
    for (scenario, cells) in snapshot.folders_of(snapshot.id("done")?)? {
        for (slug, folder) in snapshot.folders_of(Some(cells))? {
            let read = match known.remove(&folder) {
                Some(known) => known,
                None => snapshot.jsons(folder, &format!("done/{scenario}/{slug}"))?,
            };
            folders.push((folder, read.len()));
            done.extend(read);
        }
    }
    Ok(folders)
}

fn cell(scenario: &str, entry: CellEntry) -> Cell {
    let CellEntry { id, slug, digest, order, trials, needs, ready_seconds, deadline_seconds, .. } = entry;
    let CellEntry { expected_seconds, records, .. } = entry;
    let scenario = scenario.to_owned();
    Cell {
        scenario,
        id,
        slug,
        digest,
        order,
        trials,
        needs,
        ready_seconds,
        deadline_seconds,
        expected_seconds,
        records,
    }
}
