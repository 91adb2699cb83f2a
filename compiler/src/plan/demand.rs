use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cell, Needs, machines::part};

/// What an attempt takes of the lab, and how much of that only one pool can give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// All of it.
    #[serde(flatten)]
    pub all: Needs,
    /// By pool, what pods take that name it; other pods may be anywhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, Needs>,
}

impl Demand {
    /// Of one attempt at a cell.
    pub fn of(cell: &Cell) -> Self {
        let groups = cell.systems.iter().flat_map(|system| &system.groups);
        let pools = groups.filter_map(|group| group.pool.as_deref());
        let pools = pools.map(|pool| (pool.to_owned(), part(&cell.systems, Some(pool)))).collect();
        Self { all: cell.needs.clone(), pools }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.all.add(&other.all, 1);
        for (pool, needs) in &other.pools {
            self.pools.entry(pool.clone()).or_default().add(needs, 1);
        }
    }

    /// Both together.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add(other);
        sum
    }
}
