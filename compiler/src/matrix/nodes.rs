use crate::spec::Role;

/// How many nodes of a system always seed, may seed, and only download.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Nodes {
    seeders: u32,
    any: u32,
    leechers: u32,
}

impl Nodes {
    /// With so many more of a role.
    pub(crate) fn with(mut self, role: Role, count: u32) -> Self {
        let of_role = match role {
            Role::Seeder => &mut self.seeders,
            Role::Any => &mut self.any,
            Role::Leecher => &mut self.leechers,
            Role::Bootstrap => return self,
        };
        *of_role = of_role.saturating_add(count);
        self
    }

    /// How many seed by their role alone; none where nodes may do either.
    pub(crate) fn by_role(self) -> Option<u32> {
        (self.any == 0).then_some(self.seeders)
    }

    /// As few as can seed.
    pub(crate) fn fewest(self) -> u32 {
        self.seeders.max(u32::from(self.any > 0))
    }

    /// Why so many of them can't seed.
    pub(crate) fn refuse(self, system: &str, seeders: u32) -> Option<String> {
        let Self { seeders: fixed, any, leechers } = self;
        let most = fixed.saturating_add(any);
        if seeders == 0 {
            Some(format!("no node of `{system}` would seed"))
        } else if seeders < fixed || seeders > most {
            Some(format!("`{system}` can't have {seeders} seeders: {fixed} always seed, {any} may"))
        } else if most.saturating_add(leechers) == seeders {
            Some(format!("no node of `{system}` would be left to download: all {seeders} seed"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn someone_seeds_and_someone_downloads() {
        let nodes = |seeders, any, leechers| Nodes { seeders, any, leechers };
        for (nodes, seeders, why) in [
            (nodes(0, 4, 0), 3, None),
            (nodes(0, 4, 0), 4, Some("no node of `x` would be left to download: all 4 seed")),
            (nodes(0, 4, 0), 5, Some("`x` can't have 5 seeders: 0 always seed, 4 may")),
            (nodes(2, 1, 1), 1, Some("`x` can't have 1 seeders: 2 always seed, 1 may")),
            (nodes(2, 1, 1), 3, None),
            (nodes(0, 0, 2), 0, Some("no node of `x` would seed")),
            (nodes(1, 0, 2), 1, None),
        ] {
            assert_eq!(nodes.refuse("x", seeders).as_deref(), why, "{nodes:?}");
        }
        assert_eq!((nodes(1, 0, 2).by_role(), nodes(1, 1, 2).by_role()), (Some(1), None));
        assert_eq!((nodes(0, 3, 2).fewest(), nodes(2, 1, 0).fewest(), nodes(0, 0, 2).fewest()), (1, 2, 0));
    }
}
