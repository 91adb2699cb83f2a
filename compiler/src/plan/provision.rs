use std::collections::BTreeMap;

use super::machines::Machines;
use super::{Available, Demand, Needs, Trouble};
use crate::spec::Lab;

/// What the lab has for attempts; what it does not say has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provision {
    /// All of it.
    pub all: Available,
    /// By pool.
    pub pools: BTreeMap<String, Available>,
}

impl Provision {
    /// As the lab says.
    pub fn of(lab: &Lab) -> Result<Self, Vec<Trouble>> {
        Machines::of(lab).map(|machines| Self::of_machines(&machines))
    }

    pub(super) fn of_machines(machines: &Machines) -> Self {
        let pools = machines.pools.iter().map(|pool| (pool.name.clone(), pool.all().into())).collect();
        Self { all: machines.all().into(), pools }
    }

    /// Whether there is so much: of each pool for the pods that name it, and in all.
    ///
    /// These are sums. They are all that has to hold when pods can be cut at will: those that name no pool may be
    /// anywhere. How pods fit onto single machines is Kubernetes' business, which places them by rules of its own; the
    /// plan warns where they may not.
    pub fn holds(&self, demand: &Demand) -> bool {
        let pool = |(name, needs): (&String, &Needs)| self.pools.get(name).is_none_or(|pool| pool.holds(needs));
        self.all.holds(&demand.all) && demand.pools.iter().all(pool)
    }
}
