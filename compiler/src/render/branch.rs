//! What is on the branch once, whatever the scenarios.

use std::collections::BTreeSet;

use super::argocd::ArgoObjects;
use super::kustomization::Kustomization;
use super::names::Labels;
use super::{Files, conductor, dashboards, put};
use crate::spec::Lab;

/// Writes the objects of Argo CD and the conductor, the lab, and the pages.
pub(super) fn write(files: &mut Files, at: &dyn Fn(&str) -> String, scenarios: &BTreeSet<String>, lab: &Lab) {
    let argo = ArgoObjects { lab };
    put(files, &at("root.yaml"), &argo.root());
    put(files, &at("argocd-apps/project.yaml"), &[argo.cells()]);
    put(files, &at("argocd-apps/conductor.yaml"), &argo.conductor());
    let mut resources = vec!["project.yaml".to_owned(), "conductor.yaml".to_owned()];
    if let Some(grafana) = &lab.spec.grafana {
        put(files, &at("argocd-apps/dashboards.yaml"), &argo.dashboards(grafana));
        resources.push("dashboards.yaml".to_owned());
        dashboards::write(files, &at("dashboards"), lab, grafana);
    }
    for scenario in scenarios {
        put(files, &at(&application_set(scenario)), &[argo.application_set(scenario)]);
        resources.push(format!("{scenario}.yaml"));
    }
    let apps = Kustomization { resources, namespace: None, labels: Labels::new(), patches: Vec::new() };
    apps.write(files, &at("argocd-apps"));
    conductor::write(files, &at("conductor"), lab);
    files.insert(at("lab.json"), super::json(lab));
    files.insert(at(".gitattributes"), b"* -text linguist-generated=true\n".to_vec());
    files.insert(at("README.md"), page(scenarios, lab).into_bytes());
}

/// Path of a scenario's `ApplicationSet`.
pub(super) fn application_set(scenario: &str) -> String {
    format!("argocd-apps/{scenario}.yaml")
}

fn page(scenarios: &BTreeSet<String>, lab: &Lab) -> String {
    let list: Vec<String> = scenarios.iter().map(|scenario| format!("- [{scenario}](overlays/{scenario})")).collect();
    let list = list.join("\n");
    let dashboards = match &lab.spec.grafana {
        Some(grafana) => format!("| `dashboards/` | Grafana's, in its folder «{}» |\n", grafana.folder),
        None => String::new(),
    };
    format!(
        "# Lab {lab}\n\n\
        Written by `benchgrid compile` and by the lab's conductor; changes made here by hand are lost, except in `active/`, `done/` and `paused`.\n\n\
        Scenarios:\n\n{list}\n\n\
        | folder | what |\n| --- | --- |\n\
        | `root.yaml` | applied once by hand: `kubectl apply -f root.yaml` |\n\
        | `argocd-apps/` | what that deploys: projects, the conductor, one ApplicationSet a scenario |\n\
        | `conductor/` | the program that decides what runs |\n\
        {dashboards}\
        | `base/` | the software under test, by content |\n\
        | `overlays/<scenario>/<cell>/` | what may run; `kubectl apply -k` works on each |\n\
        | `active/<scenario>/<attempt>/` | what runs now; a commit that empties it and adds `paused` stops everything |\n\
        | `done/<scenario>/<cell>/` | how attempts ended, and what the containers of failed ones said (`.log`); removing a `.json` here runs its trial again |\n\
        | `paused` | while this file is there, nothing new runs; its first line says why |\n",
        lab = lab.metadata.name,
    )
}
