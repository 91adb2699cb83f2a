use clap::Args;

/// Where a deploy branch is.
#[derive(Debug, Clone, Args)]
pub struct DeployBranch {
    /// The repository of the deploy branch
    #[arg(long, value_name = "URL", env = "BENCHGRID_GIT")]
    pub git: String,
    /// The deploy branch
    #[arg(long, value_name = "NAME", default_value = "deploy", env = "BENCHGRID_BRANCH")]
    pub branch: String,
    /// Folder of the branch that holds everything
    #[arg(long, value_name = "FOLDER", default_value = "", env = "BENCHGRID_PREFIX", hide_default_value = true)]
    pub prefix: String,
}
