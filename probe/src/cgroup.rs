//! The control groups of this process: what it may take, and how often it was held back.
//!
//! In: `/proc/self/cgroup` and the trees below `/sys/fs/cgroup`, of version 1, version 2, or both. Out: limits and
//! [`Pressure`]; what can't be read is missing. A container may see its own group as the root of a tree, or at the
//! path that the machine knows it by.

use std::{
    fs,
    path::{Path, PathBuf},
};

use benchgrid_measures::Cgroup;

/// A limit of version 1 beyond this is none: the kernel writes the largest multiple of a page.
const NO_LIMIT: u64 = 1 << 62;

/// Where the files of this process's groups are.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    kind: Cgroup,
    cpu: Option<Place>,
    memory: Option<Place>,
}

/// One controller's group.
#[derive(Debug, Clone)]
struct Place {
    /// Version 2, or 1.
    second: bool,
    /// Root of the tree, as it is mounted.
    mount: PathBuf,
    /// Folder of the group.
    folder: PathBuf,
}

/// What a group suffered since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// Periods in which it was not run, since it had used up its share.
    pub throttled_periods: Option<u64>,
    /// How long, in seconds.
    pub throttled_seconds: Option<f64>,
    /// Processes that were killed for want of memory.
    pub oom_kills: Option<u64>,
}

impl Groups {
    /// Those of this process.
    pub fn own() -> Self {
        Self::under(Path::new("/"))
    }

    /// The same, of a machine whose root is there.
    fn under(root: &Path) -> Self {
        let listed = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let trees = root.join("sys/fs/cgroup");
        let entries: Vec<Entry<'_>> = listed.lines().filter_map(Entry::parse).collect();
        let first = entries.iter().any(|entry| !entry.controllers.is_empty() && !entry.controllers.contains("name="));
        let second = entries.iter().any(|entry| entry.controllers.is_empty());
        let place = |controller| entries.iter().find_map(|entry| entry.place(controller, &trees));
        Self {
            kind: match (first, second) {
                (true, true) => Cgroup::Hybrid,
                (true, false) => Cgroup::V1,
                (false, true) => Cgroup::V2,
                (false, false) => Cgroup::None,
            },
            cpu: place("cpu"),
            memory: place("memory"),
        }
    }

    /// Which versions the machine has.
    pub fn kind(&self) -> Cgroup {
        self.kind
    }

    /// Processors that it may use at most, by its own group or one above.
    pub fn cpu_limit(&self) -> Option<f64> {
        let place = self.cpu.as_ref()?;
        place.upwards().filter_map(|folder| cpu_limit(place.second, folder)).reduce(f64::min)
    }

    /// Memory that it may use at most, in bytes, by its own group or one above.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        let place = self.memory.as_ref()?;
        let name = if place.second { "memory.max" } else { "memory.limit_in_bytes" };
        let limits = place.upwards().filter_map(|folder| text(folder, name)?.parse::<u64>().ok());
        limits.filter(|limit| *limit < NO_LIMIT).min()
    }

    /// What its own group suffered until now.
    pub fn pressure(&self) -> Pressure {
        let mut pressure = Pressure::default();
        if let Some(Place { second, folder, .. }) = &self.cpu {
            let stat = text(folder, "cpu.stat").unwrap_or_default();
            // microseconds in version 2, nanoseconds in version 1
            let (name, digits) = if *second { ("throttled_usec", 6) } else { ("throttled_time", 9) };
            pressure.throttled_periods = value(&stat, "nr_throttled");
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let seconds = |count: u64| count as f64 / 10_f64.powi(digits);
            pressure.throttled_seconds = value(&stat, name).map(seconds);
        }
        if let Some(Place { second, folder, .. }) = &self.memory {
            let name = if *second { "memory.events" } else { "memory.oom_control" };
            pressure.oom_kills = text(folder, name).and_then(|text| value(&text, "oom_kill"));
        }
        pressure
    }
}

impl Pressure {
    /// What came since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let count = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Self {
            throttled_periods: count(self.throttled_periods, earlier.throttled_periods),
            throttled_seconds: self.throttled_seconds.zip(earlier.throttled_seconds).map(|(now, then)| now - then),
            oom_kills: count(self.oom_kills, earlier.oom_kills),
        }
    }
}

/// A line of `/proc/self/cgroup`: a number, controllers, a path. Of version 2 there are no controllers.
struct Entry<'a> {
    controllers: &'a str,
    path: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':').skip(1);
        Some(Self { controllers: parts.next()?, path: parts.next()? })
    }

    /// Where the controller's files are, where this entry is the one that has them.
    fn place(&self, controller: &str, trees: &Path) -> Option<Place> {
        let second = self.controllers.is_empty();
        if !second && !self.controllers.split(',').any(|name| name == controller) {
            return None;
        }
        let file = match (second, controller) {
            (_, "cpu") => "cpu.stat",
            (true, _) => "memory.events",
            (false, _) => "memory.oom_control",
        };
        let mounts = if second {
            [trees.to_owned(), trees.join("unified")]
        } else {
            [trees.join(self.controllers), trees.join(controller)]
        };
        // At the path that the machine knows, or mounted as if it were the root.
        let folders = mounts.iter().flat_map(|mount| {
            [mount.join(self.path.trim_start_matches('/')), mount.clone()].map(|folder| (mount, folder))
        });
        let mut there = folders.filter(|(_, folder)| folder.join(file).exists());
        there.next().map(|(mount, folder)| Place { second, mount: mount.clone(), folder })
    }
}

impl Place {
    /// The group's folder and those above it.
    fn upwards(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take_while(|folder| folder.starts_with(&self.mount))
    }
}

fn cpu_limit(second: bool, folder: &Path) -> Option<f64> {
    let (quota, period) = if second {
        let both = text(folder, "cpu.max")?;
        let (quota, period) = both.split_once(' ')?;
        (quota.to_owned(), period.to_owned())
    } else {
        (text(folder, "cpu.cfs_quota_us")?, text(folder, "cpu.cfs_period_us")?)
    };
    // `max`, or -1: no limit
    let quota: f64 = quota.parse().ok().filter(|quota| *quota > 0.0)?;
    let period: f64 = period.parse().ok().filter(|period| *period > 0.0)?;
    Some(quota / period)
}

fn text(folder: &Path, name: &str) -> Option<String> {
    Some(fs::read_to_string(folder.join(name)).ok()?.trim().to_owned())
}

/// The number of a line `name number`.
fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of these files.
    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Groups) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let groups = Groups::under(root.path());
        (root, groups)
    }

    #[test]
    fn version_2_in_a_container_of_its_own() {
        let (_root, groups) = machine(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
            ("sys/fs/cgroup/cpu.max", "10000 100000\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 250000\n"),
            ("sys/fs/cgroup/memory.max", "67108864\n"),
            ("sys/fs/cgroup/memory.events", "low 0\noom 5\noom_kill 2\n"),
        ]);
        assert_eq!((groups.kind(), groups.cpu_limit()), (Cgroup::V2, Some(0.1)));
        assert_eq!(groups.memory_limit_bytes(), Some(64 << 20));
        let expected = Pressure { throttled_periods: Some(3), throttled_seconds: Some(0.25), oom_kills: Some(2) };
        assert_eq!(groups.pressure(), expected);
    }

    #[test]
    fn version_2_at_the_machines_path_takes_the_limits_above() {
        let (_root, groups) = machine(&[
            ("proc/self/cgroup", "0::/pods/one\n"),
            ("sys/fs/cgroup/cpu.stat", "nr_throttled 99\n"),
            ("sys/fs/cgroup/memory.events", "oom_kill 99\n"),
            ("sys/fs/cgroup/pods/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/pods/memory.max", "1000000\n"),
            ("sys/fs/cgroup/pods/one/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/pods/one/cpu.stat", "usage_usec 9\n"),
            ("sys/fs/cgroup/pods/one/memory.max", "max\n"),
            ("sys/fs/cgroup/pods/one/memory.events", "oom_kill 0\n"),
        ]);
        assert_eq!((groups.cpu_limit(), groups.memory_limit_bytes()), (Some(2.0), Some(1_000_000)));
        let expected = Pressure { throttled_periods: None, throttled_seconds: None, oom_kills: Some(0) };
        assert_eq!(groups.pressure(), expected, "its own, where the controller is on");
    }

    const FIRST: &[(&str, &str)] = &[
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 1500000000\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
    ];

    #[test]
    fn version_1_mounted_as_the_root_of_each_tree() {
        let list = "4:memory:/kubepods/pod1/c\n3:cpu,cpuacct:/kubepods/pod1/c\n1:name=systemd:/kubepods/pod1/c\n";
        let files: Vec<_> = FIRST.iter().copied().chain([("proc/self/cgroup", list)]).collect();
        let (_root, groups) = machine(&files);
        assert_eq!((groups.kind(), groups.cpu_limit(), groups.memory_limit_bytes()), (Cgroup::V1, Some(0.5), None));
        let expected = Pressure { throttled_periods: Some(4), throttled_seconds: Some(1.5), oom_kills: Some(1) };
        assert_eq!(groups.pressure(), expected);
    }

    #[test]
    fn a_hybrid_has_each_controller_in_one_of_its_trees() {
        // The processor in version 1, memory in version 2.
        let list = "3:cpu,cpuacct:/one\n1:name=systemd:/one\n0::/one\n";
        let (_root, groups) = machine(&[
            ("proc/self/cgroup", list),
            ("sys/fs/cgroup/cpu,cpuacct/one/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu,cpuacct/one/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/one/cpu.stat", "nr_throttled 0\nthrottled_time 0\n"),
            ("sys/fs/cgroup/unified/one/cpu.stat", "usage_usec 1\n"),
            ("sys/fs/cgroup/unified/one/memory.max", "5000000\n"),
            ("sys/fs/cgroup/unified/one/memory.events", "oom_kill 0\n"),
        ]);
        assert_eq!((groups.kind(), groups.cpu_limit()), (Cgroup::Hybrid, None));
        assert_eq!(groups.memory_limit_bytes(), Some(5_000_000));
        let expected = Pressure { throttled_periods: Some(0), throttled_seconds: Some(0.0), oom_kills: Some(0) };
        assert_eq!(groups.pressure(), expected);
    }

    #[test]
    fn no_groups_no_limits() {
        let (_root, groups) = machine(&[]);
        assert_eq!((groups.kind(), groups.cpu_limit(), groups.memory_limit_bytes()), (Cgroup::None, None, None));
        assert_eq!(groups.pressure(), Pressure::default());
    }

    #[test]
    fn pressure_is_counted_from_a_look() {
        let then = Pressure { throttled_periods: Some(3), throttled_seconds: Some(0.25), oom_kills: None };
        let now = Pressure { throttled_periods: Some(5), throttled_seconds: Some(1.0), oom_kills: Some(1) };
        let expected = Pressure { throttled_periods: Some(2), throttled_seconds: Some(0.75), oom_kills: None };
        assert_eq!(now.since(&then), expected);
    }
}
