use std::time::Duration;

use git2::Oid;
use serde_json::{Value, json};

/// A push event as GitHub sends it, which Argo CD's ApplicationSet controller understands: it looks at the branch at
/// once instead of minutes later.
pub(super) fn push_event(url: &str, branch: &str, before: Option<Oid>, after: Oid) -> Value {
    let page = url.strip_suffix(".git").unwrap_or(url);
    json!({
        "ref": format!("refs/heads/{branch}"),
        "before": before.map_or_else(|| "0".repeat(40), |id| id.to_string()),
        "after": after.to_string(),
        "commits": [],
        "repository": {"html_url": page, "default_branch": "main"},
    })
}

/// Sends it. Argo CD looks by itself now and then, so a failure is only slow.
pub(super) fn send(webhook: &str, event: &Value) -> Result<(), ureq::Error> {
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5)));
    let agent: ureq::Agent = config.build().into();
    agent.post(webhook).header("X-GitHub-Event", "push").send_json(event).map(|_| ())
}
