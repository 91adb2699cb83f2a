use std::collections::BTreeMap;

/// What the campaign claims: at most this many times worse.
pub(crate) const MARGIN: f64 = 1.20;

/// True ratios, in turn. Errors are likeliest, and their promised rate is reached, on the margin.
const RATIOS: [f64; 10] = [MARGIN, 0.80, 1.35, MARGIN, 1.0, 1.10, MARGIN, 0.95, 1.60, 3.0];

/// A cell of each system with the same other levels.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Its place, from 0.
    pub(crate) index: usize,
    /// Ids of the level's cell and of the baseline's.
    pub(crate) cells: [String; 2],
    /// Nodes.
    pub(crate) network_size: u32,
    /// Those that hold the content before.
    pub(crate) seeders: u32,
    /// The payload as people read it, and in bytes.
    pub(crate) file: (&'static str, u64),
    /// How many times as long the level takes as the baseline.
    pub(crate) ratio: f64,
    /// What is wrong with it.
    pub(crate) trouble: Trouble,
}

/// Which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that is judged.
    Level,
    /// What it is compared with.
    Baseline,
}

/// What goes wrong in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// In some repetitions one leecher takes four times as long.
    Stragglers,
    /// Some downloads fail.
    Failures,
    /// Three trials of ten take 1.3 times as long.
    TwoModes,
    /// All attempts of the level fail.
    Broken,
    /// Only three trials of the level can be used.
    Partial,
    /// The baseline was never tried.
    Missing,
}

/// The 39 pairs of the reference matrix.
pub(crate) fn pairs() -> Vec<Pair> {
    let sizes = [("100MB", 100_000_000), ("1GB", 1_000_000_000), ("5GB", 5_000_000_000)];
    let networks = [2, 8, 16, 32].into_iter().flat_map(|network| [1, 2, 4, 8, 16].map(|seeders| (network, seeders)));
    let cells = networks.filter(|(network, seeders)| seeders < network);
    let files = cells.flat_map(|(network, seeders)| sizes.map(|file| (network, seeders, file)));
    let pair = |(index, (network_size, seeders, file))| {
        let (ratio, trouble) = (RATIOS[index % RATIOS.len()], Trouble::of(index));
        let cells = [0, 1].map(|side| format!("{:010x}", 2 * index + side));
        Pair { index, cells, network_size, seeders, file, ratio, trouble }
    };
    files.enumerate().map(pair).collect()
}

impl Trouble {
    fn of(index: usize) -> Self {
        match index {
            12 => Self::Missing,
            20 => Self::Partial,
            30 => Self::Broken,
            // of each ten pairs three are on the margin, so seven meets all ratios
            _ if index % 7 == 2 => Self::Stragglers,
            _ if index % 7 == 4 => Self::Failures,
            _ if index % 7 == 6 => Self::TwoModes,
            _ => Self::None,
        }
    }
}

impl Pair {
    /// The levels that both sides have.
    pub(crate) fn levels(&self) -> BTreeMap<String, String> {
        [
            ("networkSize", self.network_size.to_string()),
            ("seeders", self.seeders.to_string()),
            ("fileSize", self.file.0.to_owned()),
        ]
        .map(|(axis, level)| (axis.to_owned(), level))
        .into()
    }

    /// All levels of one side's cell.
    pub(crate) fn cell_levels(&self, side: Side) -> BTreeMap<String, String> {
        let mut levels = self.levels();
        levels.insert("system".to_owned(), side.system().to_owned());
        levels
    }
}

impl Side {
    /// The level of the axis `system`.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Self::Level => "codex",
            Self::Baseline => "bittorrent",
        }
    }
}
