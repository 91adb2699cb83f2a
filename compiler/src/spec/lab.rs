use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::forms::NetworkForm;
use super::{Metadata, Resources, Template};

/// Where scenarios run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lab {
    /// `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// `Lab`.
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// The rest.
    pub spec: LabSpec,
}

/// The body of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabSpec {
    /// The deploy branch.
    #[serde(default)]
    pub git: Git,
    /// The Argo CD that deploys it.
    #[serde(default)]
    pub argocd: ArgoCd,
    /// Attempts deployed at a time.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// Time after an attempt's end during which its place stays taken.
    #[serde(default = "drain")]
    pub drain: Template,
    /// Further tries at a trial that failed.
    #[serde(default = "retries")]
    pub retries: u32,
    /// The metrics store.
    pub metrics: Metrics,
    /// Machines, by pool.
    #[serde(default)]
    pub pools: BTreeMap<String, Pool>,
    /// What groups get that say nothing.
    #[serde(default)]
    pub defaults: Defaults,
    /// Volumes of the nodes.
    #[serde(default)]
    pub storage: Storage,
    /// How links are shaped.
    #[serde(default)]
    pub shaping: Shaping,
    /// Which operator's objects ask for scraping.
    #[serde(default)]
    pub scrape: Scrape,
    /// Container images.
    #[serde(default)]
    pub images: Images,
    /// Where the conductor runs.
    #[serde(default)]
    pub conductor: Conductor,
}

fn drain() -> Template {
    Template::text("10s")
}

fn retries() -> u32 {
    1
}

/// The deploy branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Git {
    /// The remote as Argo CD and the conductor reach it; without it, the repository's `origin`.
    pub url: Option<String>,
    /// The branch.
    pub branch: String,
    /// Folder of the branch that holds everything; empty: the root.
    pub prefix: String,
}

impl Default for Git {
    fn default() -> Self {
        Self { url: None, branch: "deploy".to_owned(), prefix: String::new() }
    }
}

/// The Argo CD of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ArgoCd {
    /// Its namespace.
    pub namespace: String,
    /// Name of the `AppProject` of the cells; without it, `<lab>-cells`.
    pub project: Option<String>,
    /// The cluster that cells are deployed to.
    pub destination: String,
    /// Address of the ApplicationSet controller's webhook, for push events.
    pub webhook: Option<String>,
}

impl Default for ArgoCd {
    fn default() -> Self {
        Self {
            namespace: "argocd".to_owned(),
            project: None,
            destination: "https://kubernetes.default.svc".to_owned(),
            webhook: None,
        }
    }
}

/// Attempts deployed at a time: a number, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Concurrency {
    /// At most this many.
    Some(u32),
    /// As many as fit.
    All(All),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum All {
    /// Everything.
    All,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self::Some(1)
    }
}

/// The metrics store: base URLs to which `/api/v1/...` is appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metrics {
    /// Where cells push.
    pub write: String,
    /// Where records are read.
    pub read: String,
    /// Addresses that cells may reach the store, or its relay, at: a CIDR, for network policies.
    #[serde(default)]
    pub peer: Option<String>,
    /// Base URL of a vmagent or vmauth in the cluster that adds the store's credentials; cells push to it instead of
    /// `write`. `read` must answer without credentials, through vmauth for instance.
    #[serde(default)]
    pub relay: Option<String>,
    /// Secret in the conductor's namespace that holds the store's credentials, for the relay alone.
    #[serde(default)]
    pub secret: Option<String>,
}

impl Metrics {
    /// Where cells push: the relay, where there is one.
    pub fn pushed_to(&self) -> &str {
        self.relay.as_deref().unwrap_or(&self.write)
    }
}

/// Machines that are alike, and how much of each pods may have; what is not said has no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub struct Pool {
    /// Labels of the machines.
    pub selector: BTreeMap<String, String>,
    /// Taints that pods tolerate, as Kubernetes writes them.
    #[schemars(with = "Vec<BTreeMap<String, Value>>")]
    pub tolerations: Vec<Value>,
    /// How many machines.
    pub nodes: Option<u32>,
    /// Processors of each.
    pub cpu: Option<Template>,
    /// Memory of each.
    pub memory: Option<Template>,
    /// Disk of each.
    pub disk: Option<Template>,
    /// Pods of each.
    pub pods: Option<u32>,
    /// Network of each.
    pub link: Option<Template>,
}

/// What groups get that say nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Defaults {
    /// The link: `{up, down, latency}` or `unshaped`.
    #[schemars(with = "Option<NetworkForm>")]
    pub network: Option<Value>,
    /// Requests and limits of the node's container.
    pub resources: Option<Resources>,
    /// The pool.
    pub pool: Option<String>,
}

/// Volumes of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// Storage class; without it, nodes get an `emptyDir`.
    pub class: Option<String>,
}

/// How links are shaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shaping {
    /// By the kernel's traffic control, set by an init container.
    #[default]
    Tc,
    /// By annotations of Kube-OVN.
    KubeOvn,
    /// Not at all.
    None,
}

/// Which operator's objects ask for scraping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scrape {
    /// `VMPodScrape`.
    VictoriaMetrics,
    /// `PodMonitor`.
    PrometheusOperator,
    /// None.
    #[default]
    None,
}

/// Container images of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Images {
    /// The probe's image.
    pub probe: String,
    /// The conductor's image.
    pub conductor: String,
    /// Registry that stands in for the one an image names.
    pub mirror: Option<String>,
    /// Images to take instead of others, by full name.
    pub replace: BTreeMap<String, String>,
    /// What is said of an image without a digest.
    pub policy: ImagePolicy,
}

impl Default for Images {
    fn default() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            probe: format!("ghcr.io/benchgrid/probe:{version}"),
            conductor: format!("ghcr.io/benchgrid/benchgrid:{version}"),
            mirror: None,
            replace: BTreeMap::new(),
            policy: ImagePolicy::default(),
        }
    }
}

/// What is said of an image without a digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImagePolicy {
    /// A warning.
    #[default]
    Warn,
    /// An error.
    Error,
    /// Nothing.
    Allow,
}

/// Where the conductor runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Conductor {
    /// Its namespace; without it, `benchgrid-<lab>`.
    pub namespace: Option<String>,
    /// Secret in that namespace with a file `credentials` in the form of `git credential-store`.
    pub git_secret: Option<String>,
    /// Time between two looks at branch, store and cluster.
    pub interval: Template,
}

impl Default for Conductor {
    fn default() -> Self {
        Self { namespace: None, git_secret: None, interval: Template::text("5s") }
    }
}
