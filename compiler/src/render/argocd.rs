//! Argo CD's objects: projects, the root, the conductor's and the dashboards' Applications, one ApplicationSet a scenario.

use serde_json::{Value, json};

use super::names::{conductor_namespace, lab_labels};
use crate::kustomize::ALLOWED_KINDS;
use crate::spec::{Grafana, Lab};

/// The cluster that Argo CD itself runs in.
const IN_CLUSTER: &str = "https://kubernetes.default.svc";
const API: &str = "argoproj.io/v1alpha1";
/// Keeps an Application until what it deployed is gone, and a project until no Application refers to it: an Application
/// whose project is gone could not be removed any more.
const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// Seconds between two looks at the branch without a push event.
const REQUEUE_SECONDS: u32 = 180;

/// A lab's objects of Argo CD.
pub(super) struct ArgoObjects<'a> {
    pub(super) lab: &'a Lab,
}

impl ArgoObjects<'_> {
    fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.lab.metadata.name)
    }

    fn url(&self) -> &str {
        self.lab.spec.git.url.as_deref().unwrap_or_default()
    }

    /// A branch of that name and no tag.
    fn revision(&self) -> String {
        format!("refs/heads/{}", self.lab.spec.git.branch)
    }

    fn path(&self, path: &str) -> String {
        super::on_branch(self.lab, path)
    }

    fn meta(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.lab.spec.argocd.namespace, "labels": lab_labels(self.lab, name)})
    }

    fn cells_project(&self) -> String {
        self.lab.spec.argocd.project.clone().unwrap_or_else(|| self.name("cells"))
    }

    /// What is applied by hand, once: it may deploy objects of Argo CD, nothing else.
    pub(super) fn root(&self) -> [Value; 2] {
        let name = self.name("root");
        let namespace = &self.lab.spec.argocd.namespace;
        let kinds = ["AppProject", "Application", "ApplicationSet"].map(|kind| ("argoproj.io", kind));
        let project = self.project(&name, (IN_CLUSTER, namespace), &[], &kinds);
        [project, self.application(&name, &name, "argocd-apps", (IN_CLUSTER, namespace))]
    }

    /// The cells' project: namespaces `bg-*`, and in them what a cell is made of.
    pub(super) fn cells(&self) -> Value {
        let destination = (self.lab.spec.argocd.destination.as_str(), "bg-*");
        let mut project = self.project(&self.cells_project(), destination, &[("", "Namespace")], &ALLOWED_KINDS);
        first(&mut project);
        project
    }

    /// The conductor's project and Application.
    pub(super) fn conductor(&self) -> [Value; 2] {
        let name = self.name("conductor");
        let namespace = conductor_namespace(self.lab);
        let destination = (self.lab.spec.argocd.destination.as_str(), namespace.as_str());
        let rbac = "rbac.authorization.k8s.io";
        let cluster = [("", "Namespace"), (rbac, "ClusterRole"), (rbac, "ClusterRoleBinding")];
        let mut project = self.project(&name, destination, &cluster, &[("", "ServiceAccount"), ("apps", "Deployment")]);
        first(&mut project);
        [project, self.application(&name, &name, "conductor", destination)]
    }

    /// The dashboards' project and Application: `ConfigMap`s in Grafana's namespace.
    pub(super) fn dashboards(&self, grafana: &Grafana) -> [Value; 2] {
        let name = self.name("dashboards");
        let destination = (self.lab.spec.argocd.destination.as_str(), grafana.namespace.as_str());
        let mut project = self.project(&name, destination, &[], &[("", "ConfigMap")]);
        first(&mut project);
        [project, self.application(&name, &name, "dashboards", destination)]
    }

    /// One Application for each admitted attempt of a scenario.
    pub(super) fn application_set(&self, scenario: &str) -> Value {
        let active = self.path(&format!("active/{scenario}"));
        let destination = (self.lab.spec.argocd.destination.as_str(), "{{.attempt}}");
        let mut template = self.application("{{.attempt}}", &self.cells_project(), "", destination);
        template["spec"]["source"]["path"] = json!(format!("{active}/{{{{.attempt}}}}"));
        json!({
            "apiVersion": API, "kind": "ApplicationSet", "metadata": self.meta(&self.name(scenario)),
            "spec": {
                "goTemplate": true,
                "goTemplateOptions": ["missingkey=error"],
                "generators": [{"git": {
                    "repoURL": self.url(), "revision": self.revision(), "requeueAfterSeconds": REQUEUE_SECONDS,
                    "files": [{"path": format!("{active}/*/attempt.json")}],
                }}],
                "syncPolicy": {"applicationsSync": "sync"},
                "template": {
                    "metadata": {
                        "name": "{{.attempt}}",
                        "annotations": template["metadata"]["annotations"],
                        "finalizers": template["metadata"]["finalizers"],
                        "labels": {
                            "app.kubernetes.io/managed-by": "benchgrid", "app.kubernetes.io/part-of": scenario,
                            "benchgrid.io/lab": self.lab.metadata.name,
                            "benchgrid.io/scenario": scenario,
                        },
                    },
                    "spec": template["spec"],
                },
            },
        })
    }

    /// Least privilege: one repository, one destination, the kinds that are named.
    fn project(&self, name: &str, to: (&str, &str), cluster: &[(&str, &str)], namespaced: &[(&str, &str)]) -> Value {
        let kinds = |list: &[(&str, &str)]| -> Vec<Value> {
            list.iter().map(|(group, kind)| json!({"group": group, "kind": kind})).collect()
        };
        let mut meta = self.meta(name);
        meta["finalizers"] = json!([FINALIZER]);
        json!({
            "apiVersion": API, "kind": "AppProject", "metadata": meta,
            "spec": {
                "clusterResourceWhitelist": kinds(cluster),
                "destinations": [{"namespace": to.1, "server": to.0}],
                "namespaceResourceWhitelist": kinds(namespaced),
                "sourceRepos": [self.url()],
            },
        })
    }

    /// Follows the branch, but looks at its own folder only; prunes; never heals what was changed by hand.
    fn application(&self, name: &str, project: &str, folder: &str, to: (&str, &str)) -> Value {
        let mut meta = self.meta(name);
        meta["annotations"] = json!({"argocd.argoproj.io/manifest-generate-paths": "."});
        meta["finalizers"] = json!([FINALIZER]);
        json!({
            "apiVersion": API, "kind": "Application", "metadata": meta,
            "spec": {
                "destination": {"namespace": to.1, "server": to.0},
                "project": project,
                "revisionHistoryLimit": 1,
                "source": {"path": self.path(folder), "repoURL": self.url(), "targetRevision": self.revision()},
                // `selfHeal: false` is left out: Argo CD drops defaults from what it stores, and would show drift for ever.
                "syncPolicy": {
                    "automated": {"prune": true},
                    "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}},
                },
            },
        })
    }
}

/// Before what belongs to the project; when the root is removed, after it.
fn first(project: &mut Value) {
    project["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": "-1"});
}
