use std::net::IpAddr;

use serde_json::Value;

use super::{Advised, Diagnostic, Document};
use crate::spec::{codes, suggest};

/// Addresses of a lab, and the pool that groups get.
pub(super) fn lab(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let mut check = Check { document, diagnostics };
    for pointer in ["/spec/metrics/write", "/spec/metrics/read", "/spec/argocd/webhook"] {
        check.url(pointer);
    }
    for (pointer, help) in CREDENTIALS {
        check.credentials(pointer, help);
    }
    check.network("/spec/metrics/peer");
    check.prefix("/spec/git/prefix");
    check.results("/spec/git/results");
    check.pool("/spec/defaults/pool");
    check.concurrency("/spec/concurrency");
}

/// What a store's credentials need.
const STORE: &str = "name a Secret in `metrics.secret`, and a `metrics.relay` that adds them";

/// Where credentials are often written, and where they belong.
const CREDENTIALS: [(&str, &str); 6] = [
    ("/spec/git/url", "name a Secret with them in `conductor.gitSecret`"),
    ("/spec/argocd/webhook", "the webhook needs none"),
    ("/spec/argocd/destination", "Argo CD knows the cluster's"),
    ("/spec/metrics/write", STORE),
    ("/spec/metrics/read", STORE),
    ("/spec/metrics/relay", STORE),
];

struct Check<'a> {
    document: &'a Document,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn text(&self, pointer: &str) -> Option<&'a str> {
        self.document.tree.pointer(pointer).and_then(Value::as_str)
    }

    fn url(&mut self, pointer: &str) {
        let Some(url) = self.text(pointer) else { return };
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
        let message = match host {
            None => format!("`{url}` is no address of http or https"),
            Some("") => format!("`{url}` names no host"),
            Some(_) if url.contains(char::is_whitespace) => format!("`{url}` holds a blank"),
            Some(_) => return,
        };
        self.diagnostics.push(self.document.at_value(codes::ADDRESS, pointer, message));
    }

    /// Credentials would be on the branch, for all to read.
    fn credentials(&mut self, pointer: &str, help: &str) {
        if self.text(pointer).is_some_and(has_credentials) {
            let message = "the address holds credentials, and would be on the branch for all to read";
            self.diagnostics.push(self.document.at_value(codes::CREDENTIALS, pointer, message).help(help));
        }
    }

    fn network(&mut self, pointer: &str) {
        let Some(text) = self.text(pointer) else { return };
        let parts =
            text.split_once('/').and_then(|(ip, bits)| Some((ip.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?)));
        let sound = parts.is_some_and(|(ip, bits)| bits <= if ip.is_ipv4() { 32 } else { 128 });
        if !sound {
            let message = format!("`{text}` is no network such as 10.0.0.0/8");
            let diagnostic = self.document.at_value(codes::ADDRESS, pointer, message);
            let single = text.parse::<IpAddr>().ok().map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 }));
            self.diagnostics.push(diagnostic.meant(single));
        }
    }

    fn prefix(&mut self, pointer: &str) {
        let leaves = |prefix: &&str| prefix.starts_with('/') || prefix.split('/').any(|part| part == "..");
        if let Some(prefix) = self.text(pointer).filter(leaves) {
            let message = format!("the folder `{prefix}` is not one of the branch");
            self.diagnostics.push(self.document.at_value(codes::LEAVES, pointer, message));
        }
    }

    fn results(&mut self, pointer: &str) {
        let deploy = self.text("/spec/git/branch").unwrap_or("deploy");
        if self.text(pointer) == Some(deploy) {
            let message = format!("`{deploy}` is the deploy branch; the records need a branch of their own");
            let help = "name another one, or `\"\"` to have the records in the store alone";
            self.diagnostics.push(self.document.at_value(codes::BAD_NAME, pointer, message).help(help));
        }
    }

    fn concurrency(&mut self, pointer: &str) {
        if self.document.tree.pointer(pointer).and_then(Value::as_u64) == Some(0) {
            let message = "nothing would ever be deployed: at least 1, or `all`";
            self.diagnostics.push(self.document.at_value(codes::OUT_OF_RANGE, pointer, message));
        }
    }

    fn pool(&mut self, pointer: &str) {
        let Some(pool) = self.text(pointer) else { return };
        let pools = self.document.tree.pointer("/spec/pools").and_then(Value::as_object);
        let names: Vec<&str> = pools.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        if !names.contains(&pool) {
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("the lab has no pool `{pool}`; it has {has}");
            let near = suggest(pool, names.iter().copied());
            self.diagnostics.push(self.document.at_value(codes::NO_POOL, pointer, message).meant(near));
        }
    }
}

/// A user with a password, or, over HTTP, anybody: a token is given as a user too. `ssh://git@host` is fine.
fn has_credentials(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    scheme.starts_with("http") || user.contains(':')
}

#[cfg(test)]
mod tests {
    #[test]
    fn credentials_of_urls() {
        for (url, has) in [
            ("https://a:b@host/x", true),
            ("http://token@host", true),
            ("ssh://git@host/x", false),
            ("ssh://git:b@host/x", true),
            ("git@host:x/y", false),
            ("https://host/x@y", false),
            ("https://host?user=a@b", false),
        ] {
            assert_eq!(super::has_credentials(url), has, "{url}");
        }
    }
}
