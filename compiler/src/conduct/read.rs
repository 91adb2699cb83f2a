use super::{Cell, State};
use crate::{
    git::{GitError, Snapshot},
    render::{CellEntry, CellsFile},
};

/// Everything that one commit of the branch says. A file that can't be read is an error: guessing what it said could
/// measure a trial twice.
pub fn read_state(snapshot: &Snapshot<'_>) -> Result<State, GitError> {
    let lab = snapshot.id("lab.json")?.map(|id| id.to_string()).unwrap_or_default();
    let mut state = State { lab, ..State::default() };
    for scenario in snapshot.folders("overlays")? {
        let cells: Option<CellsFile> = snapshot.json(&format!("overlays/{scenario}/cells.json"))?;
        state.cells.extend(cells.into_iter().flat_map(|file| file.cells).map(|entry| cell(&scenario, entry)));
    }
    for scenario in snapshot.folders("active")? {
        for attempt in snapshot.folders(&format!("active/{scenario}"))? {
            // Without the file, no ApplicationSet deploys the folder.
            state.active.extend(snapshot.json(&format!("active/{scenario}/{attempt}/attempt.json"))?);
        }
    }
    for path in snapshot.list("done")? {
        if path.rsplit('.').next() == Some("json") {
            state.done.extend(snapshot.json(&path)?);
        }
    }
    Ok(state)
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
