//! What a lab asks for that can't be.

use super::{Subject, Trouble};
use crate::spec::{Lab, Scrape, Shaping, codes};

/// What is wrong with a lab: errors go to the list, warnings come back.
pub(super) fn troubles(lab: &Lab, troubles: &mut Vec<Trouble>) -> Vec<Trouble> {
    let mut warnings = Vec::new();
    if lab.spec.shaping == Shaping::KubeOvn {
        troubles.push(
            Trouble::new(codes::KUBE_OVN, Subject::Lab, "/spec/shaping", "links can't be shaped by Kube-OVN yet")
                .help("write tc or none"),
        );
    }
    if lab.spec.scrape != Scrape::None {
        let trouble = Trouble::new(codes::SCRAPE, Subject::Lab, "/spec/scrape", "nothing is scraped yet");
        warnings.push(trouble.warning());
    }
    secrets(lab, troubles);
    warnings
}

/// Credentials where everybody reads them, or where no relay would use them.
fn secrets(lab: &Lab, troubles: &mut Vec<Trouble>) {
    let metrics = &lab.spec.metrics;
    let store = "name a Secret in `metrics.secret`, and a `metrics.relay` that adds them";
    let urls = [
        ("git/url", lab.spec.git.url.as_deref(), "name a Secret in `conductor.gitSecret`"),
        ("argocd/webhook", lab.spec.argocd.webhook.as_deref(), "the webhook needs none"),
        ("argocd/destination", Some(lab.spec.argocd.destination.as_str()), "Argo CD knows the cluster's"),
        ("metrics/write", Some(metrics.write.as_str()), store),
        ("metrics/read", Some(metrics.read.as_str()), store),
        ("metrics/relay", metrics.relay.as_deref(), store),
    ];
    for (field, url, help) in urls {
        if url.is_some_and(has_credentials) {
            let message =
                format!("`{}` holds credentials; this file and the branch are read by many", field.replace('/', "."));
            let pointer = format!("/spec/{field}");
            troubles.push(Trouble::new(codes::SECRET_IN_URL, Subject::Lab, pointer, message).help(help));
        }
    }
    if let (Some(secret), None) = (&metrics.secret, &metrics.relay) {
        let message = format!(
            "the store's credentials are in the Secret `{secret}`, and no relay adds them: cells hold no Secret"
        );
        troubles.push(
            Trouble::new(codes::NO_RELAY, Subject::Lab, "/spec/metrics/secret", message)
                .help("`metrics.relay` is the base URL of a vmagent or vmauth in the conductor's namespace"),
        );
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
