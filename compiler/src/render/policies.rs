//! What keeps cells apart.

use serde_json::{Value, json};

use super::names::meta;
use crate::spec::Lab;

/// Pods of a cell reach each other and the name service; the coordinator also the store and the API server.
pub(super) fn policies(lab: &Lab) -> [Value; 2] {
    let own = json!([{"podSelector": {}}]);
    let dns = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]);
    [
        policy(
            "cell",
            &json!({
                "egress": [{"to": own}, {"ports": dns}],
                "ingress": [{"from": own}],
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
            }),
        ),
        policy(
            "coordinator",
            &json!({
                "egress": [store(lab), {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}],
                "podSelector": {"matchLabels": {"benchgrid.io/role": "coordinator"}},
                "policyTypes": ["Egress"],
            }),
        ),
    ]
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(name), "spec": spec})
}

/// The store's addresses where the lab says them, else its ports anywhere.
fn store(lab: &Lab) -> Value {
    let metrics = &lab.spec.metrics;
    let mut ports: Vec<u16> = [metrics.pushed_to(), &metrics.read].iter().map(|url| port(url)).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut rule =
        json!({"ports": ports.iter().map(|port| json!({"port": port, "protocol": "TCP"})).collect::<Vec<_>>()});
    if let Some(peer) = &metrics.peer {
        rule["to"] = json!([{"ipBlock": {"cidr": peer}}]);
    }
    rule
}

/// Port of a URL: the one it names, else its scheme's.
fn port(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let named = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    named.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports() {
        for (url, port) in [("http://a:8428", 8428), ("https://a/b", 443), ("http://a/x:9", 80), ("http://[::1]:7/", 7)]
        {
            assert_eq!(super::port(url), port, "{url}");
        }
    }
}
