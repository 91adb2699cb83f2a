//! What the cluster says about pods: a small client that only reads.
//!
//! In: the pod's service account, or a base URL. Out: pods as JSON, and from them, by pure functions, why they are
//! not up ([`trouble`]), what restarted ([`restarts`]), which images run ([`containers`]) on which machine
//! ([`machine`]), in which state containers are ([`states`]), what one said last ([`termination_message`]).

mod state;

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

pub use state::{ContainerState, states};

/// Where a pod finds its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// Most lines of a container's log that are asked for, from its end.
const LOG_LINES: u32 = 100;
/// Most bytes of them. The server cuts at the end, where the newest lines are: far more than is kept of them.
const LOG_BYTES: u32 = 1 << 20;
/// Most bytes of a log that is asked for as a whole; the kubelet keeps 10 MiB unless told otherwise.
const WHOLE_LOG_BYTES: u32 = 32 << 20;
/// Longest message of the cluster that is repeated.
const MESSAGE: usize = 160;

/// Why the cluster said nothing.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// A file of the service account.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate authority can't be read.
    #[error("{path}: {text}")]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why.
        text: String,
    },
    /// The request failed.
    #[error("{url}: {text}")]
    Request {
        /// Which.
        url: String,
        /// Why.
        text: String,
    },
    /// The API server refused.
    #[error("{url}: status {status}: {text}")]
    Refused {
        /// Which request.
        url: String,
        /// HTTP status.
        status: u16,
        /// Start of what it said.
        text: String,
    },
}

/// The cluster's API, read only.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    /// Read anew for each request: the kubelet renews it.
    token: Option<PathBuf>,
    agent: ureq::Agent,
    /// How long one request may take.
    limit: Duration,
}

impl Api {
    /// The API of the cluster this process runs in; none outside of a cluster.
    pub fn in_cluster() -> Result<Option<Self>, KubernetesError> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (Some(host), Some(port)) = (env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")) else {
            return Ok(None);
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let authority = PathBuf::from(ACCOUNT).join("ca.crt");
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates(&authority)?)).build();
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Ok(Some(Self {
            base: format!("https://{host}:{port}"),
            token: Some(PathBuf::from(ACCOUNT).join("token")),
            agent: config.tls_config(tls).build().into(),
            limit: REQUEST,
        }))
    }

    /// An API server at that base URL, without credentials.
    pub fn at(base: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self { base: base.trim_end_matches('/').to_owned(), token: None, agent: config.build().into(), limit: REQUEST }
    }

    /// The same, whose requests take no longer than that.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self { limit: limit.min(self.limit), ..self.clone() }
    }

    /// All pods of a namespace.
    pub fn pods(&self, namespace: &str) -> Result<Vec<Value>, KubernetesError> {
        self.items(&format!("/api/v1/namespaces/{namespace}/pods"))
    }

    /// Names of all namespaces, those that are being removed included.
    pub fn namespaces(&self) -> Result<Vec<String>, KubernetesError> {
        let items = self.items("/api/v1/namespaces")?;
        Ok(items.iter().map(|item| text(item, "/metadata/name").to_owned()).collect())
    }

    /// Last lines of what a container says, or said before its last restart.
    pub fn log(&self, namespace: &str, pod: &str, container: &str, previous: bool) -> Result<String, KubernetesError> {
        self.get(&format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&previous={previous}\
             &tailLines={LOG_LINES}&limitBytes={LOG_BYTES}"
        ))
    }

    /// All that a container says, as far as the kubelet still has it.
    pub fn whole_log(&self, namespace: &str, pod: &str, container: &str) -> Result<String, KubernetesError> {
        self.get(&format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&limitBytes={WHOLE_LOG_BYTES}"
        ))
    }

    fn items(&self, path: &str) -> Result<Vec<Value>, KubernetesError> {
        let body = self.get(path)?;
        let url = format!("{}{path}", self.base);
        let mut list: Value =
            serde_json::from_str(&body).map_err(|error| KubernetesError::Request { url, text: error.to_string() })?;
        Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    fn get(&self, path: &str) -> Result<String, KubernetesError> {
        let url = format!("{}{path}", self.base);
        let failed = |error: ureq::Error| KubernetesError::Request { url: url.clone(), text: error.to_string() };
        let mut request = self.agent.get(&url).config().timeout_global(Some(self.limit)).build();
        if let Some(path) = &self.token {
            let token =
                fs::read_to_string(path).map_err(|source| KubernetesError::File { path: path.clone(), source })?;
            request = request.header("Authorization", format!("Bearer {}", token.trim()));
        }
        let mut response = request.call().map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(64 << 20).lossy_utf8(true).read_to_string();
        if response.status().is_success() {
            return body.map_err(failed);
        }
        Err(KubernetesError::Refused { url, status, text: refusal(&body.unwrap_or_default()) })
    }
}

/// What the API server said: the message of its answer, where that has one.
fn refusal(body: &str) -> String {
    let answer: Option<Value> = serde_json::from_str(body).ok();
    short(answer.as_ref().and_then(|answer| answer["message"].as_str()).unwrap_or(body))
}

fn certificates(path: &PathBuf) -> Result<Vec<Certificate<'static>>, KubernetesError> {
    let pem = fs::read(path).map_err(|source| KubernetesError::File { path: path.clone(), source })?;
    let bad = |text: String| KubernetesError::Authority { path: path.clone(), text };
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(certificates) }
}

/// A container that ended at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarts {
    /// Name of the pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// How often it was started again.
    pub count: u64,
    /// How it ended last: reason and exit code.
    pub last: String,
}

/// Why pods are not up, one sentence a trouble; empty when nothing is wrong with any of them.
pub fn trouble(pods: &[Value]) -> Vec<String> {
    pods.iter().flat_map(pod_trouble).collect()
}

fn pod_trouble(pod: &Value) -> Vec<String> {
    let name = text(pod, "/metadata/name");
    match text(pod, "/status/phase") {
        "Succeeded" => return Vec::new(),
        // An evicted pod has no container left to speak for it.
        "Failed" if !text(pod, "/status/reason").is_empty() => {
            return vec![format!("pod {name}: {}{}", text(pod, "/status/reason"), message(pod, "/status/message"))];
        }
        _ => {}
    }
    if let Some(condition) = not_scheduled(pod) {
        let reason = if text(condition, "/reason").is_empty() { "Pending" } else { text(condition, "/reason") };
        return vec![format!("pod {name} not scheduled: {reason}{}", message(condition, "/message"))];
    }
    let waiting: Vec<_> = statuses(pod).filter_map(container_trouble).collect();
    // A container that waits for others says nothing by itself; without any other word it is all there is.
    let telling: Vec<_> = waiting.iter().filter(|trouble| !trouble.ends_with(": PodInitializing")).cloned().collect();
    let mut all = if telling.is_empty() { waiting } else { telling };
    if all.is_empty() && text(pod, "/status/phase") == "Pending" {
        all.push("not started by the kubelet yet".to_owned());
    }
    all.into_iter().map(|trouble| format!("pod {name}: {trouble}")).collect()
}

fn not_scheduled(pod: &Value) -> Option<&Value> {
    let conditions = pod.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| text(c, "/type") == "PodScheduled" && text(c, "/status") == "False")
}

fn container_trouble(status: &Value) -> Option<String> {
    let name = text(status, "/name");
    if let Some(waiting) = status.pointer("/state/waiting") {
        let (reason, last) = (text(waiting, "/reason"), ended_last(status));
        return Some(format!("container {name}: {reason}{}{last}", message(waiting, "/message")));
    }
    let ended = status.pointer("/state/terminated")?;
    (number(ended, "/exitCode") != 0).then(|| format!("container {name}: ended with {}", ending(ended)))
}

/// How a container ended before it was started again, as the end of a sentence; empty where it did not.
fn ended_last(status: &Value) -> String {
    let last = status.pointer("/lastState/terminated");
    last.map(|last| format!("; ended last with {}", ending(last))).unwrap_or_default()
}

/// Containers that were started again, or ended with an error and were not.
pub fn restarts(pods: &[Value]) -> Vec<Restarts> {
    let mut all = Vec::new();
    for pod in pods {
        for status in statuses(pod) {
            let ended = status.pointer("/state/terminated").filter(|ended| number(ended, "/exitCode") != 0);
            let count = number(status, "/restartCount") + u64::from(ended.is_some());
            if count > 0 {
                let last = ended.or_else(|| status.pointer("/lastState/terminated"));
                all.push(Restarts {
                    pod: text(pod, "/metadata/name").to_owned(),
                    container: text(status, "/name").to_owned(),
                    count,
                    last: last.map_or_else(|| "an unknown end".to_owned(), ending),
                });
            }
        }
    }
    all
}

/// A container and its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its pod.
    pub pod: String,
    /// Its name.
    pub name: String,
    /// The image that the pod asks for.
    pub asked: String,
    /// The image that runs, as the runtime names it; empty where none runs yet.
    pub pulled: String,
}

/// The containers of a pod that run beside each other, with their images.
pub fn containers(pod: &Value) -> Vec<Container> {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let specs = pod.pointer("/spec/containers").and_then(Value::as_array);
    let of = |status: &Value| {
        let spec = specs.into_iter().flatten().find(|spec| text(spec, "/name") == text(status, "/name"));
        Container {
            pod: name(pod).to_owned(),
            name: text(status, "/name").to_owned(),
            asked: spec.map_or("", |spec| text(spec, "/image")).to_owned(),
            pulled: text(status, "/imageID").to_owned(),
        }
    };
    statuses.into_iter().flatten().map(of).collect()
}

/// Name of a pod.
pub fn name(pod: &Value) -> &str {
    text(pod, "/metadata/name")
}

/// Name of the machine that a pod runs on; empty where none is chosen yet.
pub fn machine(pod: &Value) -> &str {
    text(pod, "/spec/nodeName")
}

/// What a container that ended left as its termination message; the newest end counts.
pub fn termination_message<'a>(pod: &'a Value, container: &str) -> Option<&'a str> {
    let status = statuses(pod).find(|status| text(status, "/name") == container)?;
    ["/state/terminated/message", "/lastState/terminated/message"]
        .into_iter()
        .find_map(|path| status.pointer(path)?.as_str())
}

/// Statuses of a pod's containers, those that prepare it first.
fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten()
}

/// `OOMKilled (exit code 137)`.
fn ending(terminated: &Value) -> String {
    let reason = text(terminated, "/reason");
    let reason = if reason.is_empty() { "an end" } else { reason };
    let message = message(terminated, "/message");
    format!("{reason} (exit code {}){message}", number(terminated, "/exitCode"))
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn message(value: &Value, path: &str) -> String {
    match text(value, path) {
        "" => String::new(),
        words => format!(": {}", short(words)),
    }
}

/// One line, not too long.
fn short(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MESSAGE { line } else { line.chars().take(MESSAGE).chain(['…']).collect() }
}

#[cfg(test)]
mod tests;
