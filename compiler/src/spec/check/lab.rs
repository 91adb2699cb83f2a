use std::net::IpAddr;

use serde_json::Value;

use super::{Advised, Diagnostic, Document};
use crate::spec::{codes, suggest};

/// Addresses of a lab, and the pool that groups get.
pub(super) fn lab(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    let mut check = Check { document, diagnostics };
    for pointer in ["/spec/metrics/write", "/spec/metrics/read", "/spec/argocd/webhook"] {
        check.url(pointer);
        check.credentials(pointer);
    }
    check.credentials("/spec/git/url");
    check.network("/spec/metrics/peer");
    check.prefix("/spec/git/prefix");
    check.pool("/spec/defaults/pool");
    check.concurrency("/spec/concurrency");
}

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

    /// `user:password@`, which would be on the branch for all to read; a name alone, as of ssh, gives nothing away.
    fn credentials(&mut self, pointer: &str) {
        let authority = self.text(pointer).and_then(|url| url.split_once("://")?.1.split('/').next());
        let Some((user, _)) = authority.and_then(|authority| authority.rsplit_once('@')) else { return };
        if user.contains(':') {
            let message = "the address holds a password, and would be on the branch for all to read";
            let help = match pointer {
                "/spec/git/url" => "name a Secret with it in `conductor.gitSecret`",
                _ => "let a relay in the conductor's namespace hold it, and write the relay's address",
            };
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
