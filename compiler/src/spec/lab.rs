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
    /// Version of the language: `benchgrid.io/v1alpha1`.
    pub api_version: String,
    /// What the file is: `Lab`.
    pub kind: String,
    /// What the lab is called.
    pub metadata: Metadata,
    /// Where scenarios run, and where results go.
    pub spec: LabSpec,
}

/// The body of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabSpec {
    /// The deploy branch, and the branch of results.
    #[serde(default)]
    pub git: Git,
    /// The Argo CD that deploys the branch.
    #[serde(default)]
    pub argocd: ArgoCd,
    /// How many attempts are deployed at a time: a number, or `all` for as many as fit.
    #[serde(default)]
    #[schemars(extend("examples" = [2, "all"]))]
    pub concurrency: Concurrency,
    /// How long an attempt that ended still counts, since its removal takes time.
    #[serde(default = "drain")]
    #[schemars(extend("examples" = ["30s"]))]
    pub drain: Template,
    /// How long an attempt that failed stays deployed for a look; the newest one alone, and it keeps its place meanwhile.
    #[serde(default = "hold")]
    #[schemars(extend("examples" = ["1h"]))]
    pub hold: Template,
    /// How often a trial that failed is tried again.
    #[serde(default = "retries")]
    pub retries: u32,
    /// The store that cells push to and reports read from.
    pub metrics: Metrics,
    /// Machines that are alike, by pool: what a cell may need is checked against them.
    #[serde(default)]
    pub pools: BTreeMap<String, Pool>,
    /// What groups get that say nothing of it.
    #[serde(default)]
    pub defaults: Defaults,
    /// Volumes of the nodes.
    #[serde(default)]
    pub storage: Storage,
    /// How links are shaped.
    #[serde(default)]
    pub shaping: Shaping,
    /// Which operator is asked to scrape the nodes' own metrics.
    #[serde(default)]
    pub scrape: Scrape,
    /// Where dashboards go; without it, there are none.
    #[serde(default)]
    pub grafana: Option<Grafana>,
    /// Where container images come from, and whether they may change.
    #[serde(default)]
    pub images: Images,
    /// Where the conductor runs, which decides what is deployed now.
    #[serde(default)]
    pub conductor: Conductor,
}

fn drain() -> Template {
    Template::text("10s")
}

fn hold() -> Template {
    Template::text("0s")
}

fn retries() -> u32 {
    1
}

/// The deploy branch, and the branch of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Git {
    /// The remote as Argo CD and the conductor reach it; without it, the repository's `origin`.
    #[schemars(extend("examples" = ["https://git.example.com/team/bench-deploy.git"]))]
    pub url: Option<String>,
    /// The branch that Argo CD follows; it holds nothing else.
    pub branch: String,
    /// Folder of the branch that holds everything; empty means the root.
    #[schemars(extend("examples" = ["bench"]))]
    pub prefix: String,
    /// The branch that the conductor writes the records of ended attempts to; empty means that they are in the store alone.
    pub results: String,
}

impl Default for Git {
    fn default() -> Self {
        Self { url: None, branch: "deploy".to_owned(), prefix: String::new(), results: "results".to_owned() }
    }
}

/// The Argo CD of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ArgoCd {
    /// Namespace of Argo CD.
    pub namespace: String,
    /// Name of the `AppProject` of the cells; without it, `<lab>-cells`.
    pub project: Option<String>,
    /// Address of the cluster that cells are deployed to, as Argo CD knows it.
    pub destination: String,
    /// Address of the ApplicationSet controller's webhook, which makes Argo CD react in seconds.
    #[schemars(extend("examples" = ["https://argocd-webhook.example.com/api/webhook"]))]
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
    /// Base URL that cells push to; `/api/v1/...` is appended.
    #[schemars(extend("examples" = ["http://vminsert.monitoring:8480/insert/0/prometheus"]))]
    pub write: String,
    /// Base URL that records are read from; `/api/v1/...` is appended.
    #[schemars(extend("examples" = ["http://vmselect.monitoring:8481/select/0/prometheus"]))]
    pub read: String,
    /// Network that the store, or its relay, is in, for the cells' network policies.
    #[serde(default)]
    #[schemars(extend("examples" = ["10.0.0.0/8"]))]
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
    #[schemars(extend("examples" = [{"node.example.com/pool": "bench"}]))]
    pub selector: BTreeMap<String, String>,
    /// Taints that pods tolerate, as Kubernetes writes them.
    #[schemars(with = "Vec<BTreeMap<String, Value>>")]
    #[schemars(extend("examples" = [[{"key": "bench", "operator": "Exists", "effect": "NoSchedule"}]]))]
    pub tolerations: Vec<Value>,
    /// How many machines there are.
    pub nodes: Option<u32>,
    /// Processors of each machine.
    #[schemars(extend("examples" = [16]))]
    pub cpu: Option<Template>,
    /// Memory of each machine.
    #[schemars(extend("examples" = ["64Gi"]))]
    pub memory: Option<Template>,
    /// Disk of each machine.
    #[schemars(extend("examples" = ["1TB"]))]
    pub disk: Option<Template>,
    /// How many pods each machine takes.
    #[schemars(extend("examples" = [60]))]
    pub pods: Option<u32>,
    /// Rate of each machine's network.
    #[schemars(extend("examples" = ["10Gbit"]))]
    pub link: Option<Template>,
}

/// What groups get that say nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Defaults {
    /// The link of nodes whose group has none: its rates, latency and loss, or `unshaped`.
    #[schemars(with = "Option<NetworkForm>")]
    #[schemars(extend("examples" = [{"up": "100Mbit", "down": "100Mbit", "latency": "5ms"}]))]
    pub network: Option<Value>,
    /// Processors and memory of nodes whose group says nothing.
    #[schemars(extend("examples" = [{"cpu": 1, "memory": "2Gi"}]))]
    pub resources: Option<Resources>,
    /// The pool of groups that name none.
    pub pool: Option<String>,
}

/// Volumes of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// Storage class of the data volumes; without it, nodes get an `emptyDir`.
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

/// A Grafana whose sidecar picks up `ConfigMaps` with the label `grafana_dashboard: "1"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grafana {
    /// Namespace that the dashboards' `ConfigMaps` are put in; it must be there, and the sidecar must look there.
    #[schemars(extend("examples" = ["monitoring"]))]
    pub namespace: String,
    /// Folder of Grafana that they are shown in.
    #[serde(default = "grafana_folder")]
    pub folder: String,
}

fn grafana_folder() -> String {
    "benchgrid".to_owned()
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
    #[schemars(extend("examples" = ["registry.example.com"]))]
    pub mirror: Option<String>,
    /// Images to take instead of others, by their names.
    #[schemars(extend("examples" = [{"docker.io/team/node": "registry.example.com/node:1"}]))]
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
    /// Secret of that namespace with a file `credentials` in the form of `git credential-store`.
    #[schemars(extend("examples" = ["bench-deploy-git"]))]
    pub git_secret: Option<String>,
    /// Time between two looks at branch, store and cluster.
    #[schemars(extend("examples" = ["10s"]))]
    pub interval: Template,
}

impl Default for Conductor {
    fn default() -> Self {
        Self { namespace: None, git_secret: None, interval: Template::text("5s") }
    }
}
