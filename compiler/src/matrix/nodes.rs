use crate::spec::Role;

/// How many nodes of a system always seed, may seed, and only download.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nodes {
    seeders: u64,
    any: u64,
    leechers: u64,
}

impl Nodes {
    /// With so many more of a role.
    pub(super) fn with(mut self, role: Role, count: u64) -> Self {
        match role {
            Role::Seeder => self.seeders += count,
            Role::Any => self.any += count,
            Role::Leecher => self.leechers += count,
            Role::Bootstrap => {}
        }
        self
    }

    /// Why so many of them can't seed; without a number, those seed whose role it is.
    pub(super) fn refuse(self, system: &str, seeders: Option<u64>) -> Option<String> {
        let Self { seeders: fixed, any, leechers } = self;
        let seeders = match seeders {
            Some(seeders) => seeders,
            // That a number is missing has been said.
            None if any > 0 => return None,
            None => fixed,
        };
        if seeders == 0 {
            Some(format!("no node of `{system}` would seed"))
        } else if seeders < fixed || seeders > fixed + any {
            Some(format!("`{system}` can't have {seeders} seeders: {fixed} always seed, {any} may"))
        } else if fixed + any + leechers == seeders {
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
            (nodes(0, 4, 0), Some(3), None),
            (nodes(0, 4, 0), Some(4), Some("no node of `x` would be left to download: all 4 seed")),
            (nodes(0, 4, 0), Some(5), Some("`x` can't have 5 seeders: 0 always seed, 4 may")),
            (nodes(2, 1, 1), Some(1), Some("`x` can't have 1 seeders: 2 always seed, 1 may")),
            (nodes(2, 1, 1), Some(3), None),
            (nodes(0, 0, 2), None, Some("no node of `x` would seed")),
            (nodes(1, 0, 2), None, None),
            (nodes(0, 4, 0), None, None),
        ] {
            assert_eq!(nodes.refuse("x", seeders).as_deref(), why, "{nodes:?}");
        }
    }
}
