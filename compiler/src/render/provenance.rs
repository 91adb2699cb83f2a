/// Which commit a branch was compiled from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Address of the repository that holds the scenario.
    pub repository: Option<String>,
    /// The commit, where the work tree is clean.
    pub commit: Option<String>,
    /// Author of that commit: `Name <address>`.
    pub author: Option<String>,
    /// Its date, RFC 3339.
    pub date: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
}
