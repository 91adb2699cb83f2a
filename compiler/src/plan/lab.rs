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
    relay(lab, troubles);
    warnings
}

/// Credentials that no relay would use.
fn relay(lab: &Lab, troubles: &mut Vec<Trouble>) {
    let metrics = &lab.spec.metrics;
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
