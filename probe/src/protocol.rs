//! What agents and coordinator say to each other: JSON over HTTP, always dialled by the agent.
//!
//! In: nothing. Out: the messages' types, their paths and their version.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `POST /v1/register` | [`Register`] | 200 [`Registered`]; 404 not a node of this cell; 409 another attempt |
//! | `GET /v1/step?agent=POD&instance=ID&after=N` | none | 200 [`Order`], the step after number N; 204 none within [`LONG_POLL`]; 410 another agent took the seat |
//! | `POST /v1/result` | [`Report`] | 204, also when it was reported before |
//!
//! Every request carries the header [`VERSION_HEADER`]. A coordinator of another version answers 426 and names both
//! versions. Refusals carry a [`Refusal`]. An agent polls all the time, also while it works on a step: the polls are
//! its sign of life.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use benchgrid_measures::{Counters, CurvePoint, Environment, Failure, Timing};

use crate::{
    content::Content,
    driver::{Description, Handle},
    shaping::LinkSeen,
};

/// Version of these messages. Agents and coordinator of a cell come from one image, so equality is asked.
pub const PROTOCOL_VERSION: u32 = 4;

/// Header that carries the version.
pub const VERSION_HEADER: &str = "benchgrid-protocol";

/// How long the coordinator holds a request for a step open.
pub const LONG_POLL: Duration = Duration::from_secs(20);

/// An agent that did not ask for so long is lost: one long poll and time for a retry.
pub const LOST_AFTER: Duration = Duration::from_secs(30);

/// Port of the coordinator for agents.
pub const AGENT_PORT: u16 = 7070;
/// Port of the coordinator's tracker.
pub const TRACKER_PORT: u16 = 6969;
/// Port of the coordinator for plain transfers.
pub const BASELINE_PORT: u16 = 7072;

/// An agent says who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The attempt it was deployed for.
    pub attempt: String,
    /// Name of its pod: its name in every other message.
    pub agent: String,
    /// System of its node.
    pub system: String,
    /// Group of its node.
    pub group: String,
    /// Driver it speaks to its node with.
    pub driver: String,
    /// Host by which the other nodes reach its node: a name that they resolve, or an address.
    pub host: String,
    /// Differs for every start of an agent: tells a restarted one from one that asks again.
    pub instance: String,
}

/// The coordinator took an agent in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Number of the last step given to an agent of this name; ask for steps after it.
    pub after: u64,
}

/// Query of a request for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Name of the agent's pod.
    pub agent: String,
    /// Which start of it.
    pub instance: String,
    /// Number of the last step it knows.
    pub after: u64,
}

/// A step and its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Grows by one for every step given to this agent.
    pub number: u64,
    /// What to do.
    pub step: Step,
}

/// What an agent is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Say what node is there and on what machine. Answer: [`Reply::Described`].
    Describe {
        /// Seconds in which the node must come up.
        limit_seconds: f64,
    },
    /// Check what the driver takes for granted of its node, without a change to it. Answer: [`Reply::Checked`].
    Check {
        /// Size of the contents that are to come.
        bytes: u64,
    },
    /// Plain TCP transfer to and from `address`, one after the other. Answer: [`Reply::Baseline`].
    Baseline {
        /// `ip:port` of the peer; it runs the [`baseline`](crate::baseline) server.
        address: String,
        /// Bytes each way.
        bytes: u64,
        /// Seconds after which it has failed.
        limit_seconds: f64,
    },
    /// Bring the content in and offer it. Answer: [`Reply::Ingested`].
    Ingest {
        /// Which.
        content: Content,
        /// Seconds after which it has failed.
        limit_seconds: f64,
    },
    /// Count the network of a node that does nothing; downloads tell it. Answer: [`Reply::Done`].
    Idle {
        /// For how long.
        seconds: f64,
    },
    /// Say what the link is now. Answer: [`Reply::Inspected`].
    Inspect,
    /// Connect the node to others. Answer: [`Reply::Done`].
    Connect {
        /// Their host names.
        others: Vec<String>,
        /// Seconds after which it has failed.
        limit_seconds: f64,
    },
    /// Wait until the node, which takes no part, can find the content. Answer: [`Reply::Done`].
    Find {
        /// Which.
        handle: Handle,
        /// Seconds after which it has failed.
        limit_seconds: f64,
    },
    /// Get the content. Answer: [`Reply::Downloaded`], also when the transfer failed.
    Download(Download),
    /// Get the content as a reader of the node's own download API. Answer: [`Reply::Downloaded`], also when it failed.
    Stream(Download),
    /// Remove the content from the node. Answer: [`Reply::Done`].
    Remove {
        /// Which.
        content: Content,
    },
    /// Nothing more to do. Answer: [`Reply::Done`].
    Finish,
}

impl Step {
    /// The step as it goes out some time after it was given: a common start stays where it was.
    #[must_use]
    pub fn after(mut self, waited: Duration) -> Self {
        if let Self::Download(download) | Self::Stream(download) = &mut self {
            download.start_in_seconds -= waited.as_secs_f64();
        }
        self
    }
}

/// One transfer, as a leecher is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Download {
    /// Which content.
    pub content: Content,
    /// Its SHA-256, hex, as every seeder found it.
    pub sha256: String,
    /// How to get it.
    pub handle: Handle,
    /// Host names of the seeders.
    pub seeders: Vec<String>,
    /// Start so many seconds after this step arrived; negative: the common start has passed already.
    pub start_in_seconds: f64,
    /// Seconds without a newly verified byte after which it has failed.
    pub stalled_seconds: f64,
    /// Seconds after which it has failed.
    pub deadline_seconds: f64,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the agent's pod.
    pub agent: String,
    /// Which start of it.
    pub instance: String,
    /// Number of the step.
    pub number: u64,
    /// What came out, or what went wrong.
    pub result: StepResult,
}

/// A step's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepResult {
    /// It was done.
    Ok(Box<Reply>),
    /// It could not be done.
    Error(String),
    /// Of [`Step::Ingest`]: the node has the content, but the others can't find it there, and why.
    Hidden(String),
}

/// What came out of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Of [`Step::Describe`].
    Described {
        /// The node.
        description: Description,
        /// The machine.
        environment: Environment,
        /// The link.
        link: LinkSeen,
    },
    /// Of [`Step::Check`].
    Checked {
        /// What was taken for granted and is not so, each as a sentence.
        broken: Vec<String>,
    },
    /// Of [`Step::Baseline`]: payload rates.
    Baseline {
        /// Sending, bits a second.
        up_bits_per_second: f64,
        /// Receiving, bits a second.
        down_bits_per_second: f64,
    },
    /// Of [`Step::Ingest`].
    Ingested {
        /// For the leechers.
        handle: Handle,
        /// How long the upload took.
        upload_seconds: f64,
        /// SHA-256 of the content, hex.
        sha256: String,
        /// The node's network during the ingest.
        counters: Counters,
    },
    /// Of [`Step::Inspect`].
    Inspected {
        /// The link.
        link: LinkSeen,
    },
    /// Of [`Step::Download`] and [`Step::Stream`].
    Downloaded(Transfer),
    /// Of the others.
    Done,
}

/// One transfer, as a leecher saw it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Durations since t0.
    pub timing: Timing,
    /// The node's network over the timed part.
    pub counters: Counters,
    /// Progress.
    pub curve: Vec<CurvePoint>,
    /// Most peers seen at once, where the node says.
    pub peers: Option<u32>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Why the coordinator refused a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For people.
    pub error: String,
}

/// The refusal of another version's message (status 426).
pub fn version_refusal(theirs: Option<&str>) -> Refusal {
    Refusal {
        error: format!(
            "this coordinator speaks protocol {PROTOCOL_VERSION}, the agent {}: both must come from one release",
            theirs.unwrap_or("none at all")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_documented_form() {
        let order = Order { number: 3, step: Step::Idle { seconds: 5.0 } };
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(text, r#"{"number":3,"step":{"step":"idle","seconds":5.0}}"#);
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);

        let report = Report {
            agent: "s-g-0".to_owned(),
            instance: "i".to_owned(),
            number: 3,
            result: StepResult::Ok(Box::new(Reply::Downloaded(Transfer::default()))),
        };
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.contains(r#""result":{"ok":{"reply":"downloaded","timing":"#), "{text}");
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let failed = serde_json::to_string(&StepResult::Error("no".to_owned())).unwrap();
        assert_eq!(failed, r#"{"error":"no"}"#);
    }

    #[test]
    fn a_refusal_names_both_versions() {
        let text = version_refusal(Some("7")).error;
        assert!(text.contains(&format!("protocol {PROTOCOL_VERSION}")) && text.contains("agent 7"), "{text}");
    }
}
