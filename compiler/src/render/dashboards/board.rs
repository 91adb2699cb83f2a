use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::panel::{Panel, data_source};
use crate::plan::experiment::hex;

/// Form of the JSON: Grafana 10.4's, which later ones migrate as they load it.
const SCHEMA_VERSION: u32 = 39;
/// Columns of a dashboard.
const COLUMNS: u32 = 24;
/// Longest uid that Grafana takes.
const LONGEST_UID: usize = 40;

/// A dashboard.
pub(super) struct Board {
    /// What it is, one word.
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// How often it looks again; empty: when it is told to.
    pub(super) refresh: &'static str,
    pub(super) variables: Vec<Value>,
    /// Titles of rows, and the panels below each.
    pub(super) rows: Vec<(&'static str, Vec<Panel>)>,
}

impl Board {
    /// As Grafana reads it.
    pub(super) fn json(self, lab: &str) -> Value {
        let variables: Vec<Value> = std::iter::once(source()).chain(self.variables).collect();
        json!({
            "annotations": {"list": []},
            "description": self.description,
            "editable": false,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": null,
            "links": [{
                "asDropdown": false, "icon": "external link", "includeVars": true, "keepTime": true,
                "tags": [tag(lab)], "targetBlank": false, "title": "", "tooltip": "", "type": "dashboards", "url": "",
            }],
            "panels": placed(self.rows),
            "refresh": self.refresh,
            "schemaVersion": SCHEMA_VERSION,
            "tags": ["benchgrid", tag(lab)],
            "templating": {"list": variables},
            "time": {"from": "now-24h", "to": "now"},
            "timepicker": {},
            "timezone": "utc",
            "title": format!("{lab}: {}", self.title),
            "uid": uid(lab, self.word),
            "version": 1,
            "weekStart": "",
        })
    }
}

/// What the dashboards of a lab have in common, for the links between them.
fn tag(lab: &str) -> String {
    format!("benchgrid-{lab}")
}

/// `benchgrid-<lab>-<word>`; of a lab whose name is too long, the start of its SHA-256.
fn uid(lab: &str, word: &str) -> String {
    let uid = format!("benchgrid-{lab}-{word}");
    if uid.len() <= LONGEST_UID {
        return uid;
    }
    let digest = hex(&Sha256::digest(lab));
    format!("benchgrid-{}-{word}", &digest[..10])
}

/// Panels from left to right, below the title of their row.
fn placed(rows: Vec<(&str, Vec<Panel>)>) -> Vec<Value> {
    let (mut all, mut top) = (Vec::new(), 0);
    for (title, panels) in rows {
        let at = json!({"h": 1, "w": COLUMNS, "x": 0, "y": top});
        all.push(json!({"collapsed": false, "gridPos": at, "id": all.len() + 1, "panels": [], "title": title, "type": "row"}));
        top += 1;
        let (mut left, mut lowest) = (0, top);
        for panel in panels {
            let (width, height) = panel.size();
            if left + width > COLUMNS {
                (left, top) = (0, lowest);
            }
            all.push(panel.json(all.len() + 1, &json!({"h": height, "w": width, "x": left, "y": top})));
            left += width;
            lowest = lowest.max(top + height);
        }
        top = lowest;
    }
    all
}

/// The choice of a data source.
fn source() -> Value {
    json!({
        "current": {}, "hide": 0, "includeAll": false, "label": "data source", "multi": false, "name": "datasource",
        "options": [], "query": "prometheus", "refresh": 1, "regex": "", "skipUrlSync": false, "type": "datasource",
    })
}

/// A choice of values that the store knows, all of them at first. `all` stands for all of them; none: their list.
pub(super) fn variable(name: &str, query: &str, regex: &str, all: Option<&str>) -> Value {
    let mut variable = json!({
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": data_source(), "definition": query, "hide": 0, "includeAll": true, "label": name, "multi": true,
        "name": name, "options": [], "query": {"query": query, "refId": "StandardVariableQuery"}, "refresh": 2,
        "regex": regex, "skipUrlSync": false, "sort": 1, "type": "query",
    });
    if let Some(all) = all {
        variable["allValue"] = json!(all);
    }
    variable
}
