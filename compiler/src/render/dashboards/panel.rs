use serde_json::{Value, json};

/// A panel of a dashboard.
pub(super) struct Panel {
    value: Value,
    width: u32,
    height: u32,
}

/// A column of a table that merges several queries: its title, its unit, its query.
pub(super) type Column = (&'static str, &'static str, String);

/// The data source that the dashboard's user chose.
pub(super) fn data_source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

impl Panel {
    /// One number.
    pub(super) fn number(title: &str, description: &str, unit: &str, query: &str) -> Self {
        let options = json!({
            "colorMode": "none", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false}, "textMode": "auto",
        });
        Self::new("stat", (title, description), (4, 4), &options).unit(unit).query(query, "", Form::Now)
    }

    /// A bar for each series. `legend` names them; empty: by all their labels.
    pub(super) fn bars(title: &str, description: &str, unit: &str, query: &str, legend: &str) -> Self {
        let options = json!({
            "displayMode": "basic", "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "auto", "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false}, "showUnfilled": true,
            "sizing": "auto", "valueMode": "color",
        });
        Self::new("bargauge", (title, description), (12, 9), &options).unit(unit).query(query, legend, Form::Now)
    }

    /// A line for each series, over time.
    pub(super) fn lines(title: &str, description: &str, unit: &str, query: &str, legend: &str) -> Self {
        let options = json!({
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        });
        let mut panel = Self::new("timeseries", (title, description), (12, 8), &options);
        panel.value["fieldConfig"]["defaults"]["custom"] =
            json!({"drawStyle": "line", "showPoints": "auto", "spanNulls": false});
        // Records are apart by seconds, so narrower steps would show gaps.
        panel.value["interval"] = json!("1m");
        panel.unit(unit).query(query, legend, Form::Series)
    }

    /// The same lines as stacked columns: amounts within each step.
    pub(super) fn columns(title: &str, description: &str, unit: &str, query: &str, legend: &str) -> Self {
        let mut panel = Self::lines(title, description, unit, query, legend);
        panel.value["fieldConfig"]["defaults"]["custom"] = json!({
            "drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "showPoints": "never",
            "stacking": {"group": "A", "mode": "normal"},
        });
        panel
    }

    /// A table: a row for each set of labels, a column for each label and query. `hidden` labels have no column.
    pub(super) fn table(title: &str, description: &str, columns: Vec<Column>, hidden: &[&str]) -> Self {
        let options = json!({"cellHeight": "sm", "footer": {"show": false}, "showHeader": true});
        let mut panel = Self::new("table", (title, description), (24, 9), &options).unit("none");
        let single = columns.len() == 1;
        let (mut names, mut overrides) = (json!({}), Vec::new());
        for (place, (name, unit, query)) in columns.into_iter().enumerate() {
            // Grafana calls the column of a lone query without its letter.
            let column = if single { "Value".to_owned() } else { format!("Value #{}", letter(place)) };
            names[column] = json!(name);
            let properties = json!([{"id": "unit", "value": unit}]);
            overrides.push(json!({"matcher": {"id": "byName", "options": name}, "properties": properties}));
            panel = panel.query(&query, "", Form::Table);
        }
        let mut excluded = json!({"Time": true, "__name__": true});
        for label in hidden {
            excluded[*label] = json!(true);
        }
        panel.value["fieldConfig"]["overrides"] = json!(overrides);
        panel.value["transformations"] = json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": excluded, "indexByName": {}, "renameByName": names}},
        ]);
        panel
    }

    /// The same, so many columns wide and so high.
    pub(super) fn sized(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(super) fn json(self, id: usize, place: &Value) -> Value {
        let mut value = self.value;
        value["id"] = json!(id);
        value["gridPos"] = place.clone();
        value
    }

    fn new(kind: &str, (title, description): (&str, &str), (width, height): (u32, u32), options: &Value) -> Self {
        let value = json!({
            "datasource": data_source(), "description": description, "fieldConfig": {"defaults": {}, "overrides": []},
            "options": options, "targets": [], "title": title, "type": kind,
        });
        Self { value, width, height }
    }

    fn unit(mut self, unit: &str) -> Self {
        self.value["fieldConfig"]["defaults"]["unit"] = json!(unit);
        self.value["fieldConfig"]["defaults"]["noValue"] = json!("none");
        self
    }

    fn query(mut self, query: &str, legend: &str, form: Form) -> Self {
        let targets = self.value["targets"].as_array_mut();
        if let Some(targets) = targets {
            targets.push(json!({
                "datasource": data_source(), "editorMode": "code", "expr": query,
                "format": if form == Form::Table { "table" } else { "time_series" },
                "instant": form != Form::Series, "legendFormat": if legend.is_empty() { "__auto" } else { legend },
                "range": form == Form::Series, "refId": letter(targets.len()),
            }));
        }
        self
    }
}

/// What a query gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A number for each series, at the end of the time shown.
    Now,
    /// The same, labels as columns.
    Table,
    /// Numbers over time.
    Series,
}

/// `A`, `B`, ...; a table has fewer columns than the alphabet letters.
fn letter(place: usize) -> String {
    let letter = u8::try_from(place).ok().and_then(|place| b'A'.checked_add(place)).unwrap_or(b'Z');
    char::from(letter).to_string()
}
