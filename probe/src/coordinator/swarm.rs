//! The agents of a cell, as the experiment sees them: named seats to which steps go and from which answers come.
//!
//! In: messages of agents (from the HTTP handlers) and steps (from the experiment's thread). Out: answers. A seat has
//! at most one step open. An agent that started anew, or fell silent, answers its open step with a [`Trouble`].

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    experiment::host,
    protocol::{LOST_AFTER, Order, Poll, Register, Registered, Reply, Report, Step, StepResult},
};

/// Why there is no answer to a step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Trouble {
    /// The agent says so.
    #[error("{0}")]
    Failed(String),
    /// The node has the content, but the others can't find it there.
    #[error("{0}")]
    Hidden(String),
    /// The agent does not ask for steps any more.
    #[error("the agent fell silent for {0} s")]
    Lost(u64),
    /// Nobody waits for the answer any more.
    #[error("the step was given up")]
    GivenUp,
    /// The agent started anew in the middle.
    #[error("the agent started anew")]
    Restarted,
    /// It took longer than it may.
    #[error("no answer after {0} s")]
    Late(u64),
}

/// What came of a step.
pub(super) type Answer = Result<Reply, Trouble>;

/// Why a message is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// No such node.
    #[error("`{0}` is not a node of this cell")]
    Unknown(String),
    /// Deployed for another attempt, or as another node.
    #[error("{0}")]
    Other(String),
    /// Another start of the agent has the seat.
    #[error("another start of the agent `{0}` has registered since")]
    Replaced(String),
}

/// A node that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// System of the node.
    pub(super) system: String,
    /// Group of the node.
    pub(super) group: String,
    /// Driver its agent must speak with.
    pub(super) driver: String,
}

#[derive(Debug)]
struct Seat {
    expected: Expected,
    instance: Option<String>,
    address: Option<IpAddr>,
    /// Host by which other nodes reach this one.
    host: Option<String>,
    seen: Instant,
    /// Started again since somebody asked.
    anew: bool,
    number: u64,
    /// The step that was given, and when.
    open: Option<(Step, Instant)>,
    answer: Option<Answer>,
    wake: Arc<Notify>,
}

/// All seats. Cheap to clone; clones are the same swarm.
#[derive(Debug, Clone)]
pub(super) struct Swarm {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    attempt: String,
    seats: Mutex<BTreeMap<String, Seat>>,
    news: Condvar,
}

impl Swarm {
    /// Seats for the nodes of an attempt, all empty.
    pub(super) fn new(attempt: &str, nodes: impl IntoIterator<Item = (String, Expected)>) -> Self {
        let seats = nodes.into_iter().map(|(pod, expected)| (pod, Seat::empty(expected))).collect();
        Self { inner: Arc::new(Inner { attempt: attempt.to_owned(), seats: Mutex::new(seats), news: Condvar::new() }) }
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<String, Seat>> {
        // No code panics while it holds the lock; if one did, the seats are still whole.
        self.inner.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an agent in, or takes it in again.
    pub(super) fn register(&self, message: &Register, address: IpAddr) -> Result<Registered, Refused> {
        if message.attempt != self.inner.attempt {
            let text = format!("this is attempt `{}`, not `{}`", self.inner.attempt, message.attempt);
            return Err(Refused::Other(text));
        }
        let mut seats = self.seats();
        let seat = seats.get_mut(&message.agent).ok_or_else(|| Refused::Unknown(message.agent.clone()))?;
        seat.expected.check(message)?;
        let again = seat.instance.as_ref() == Some(&message.instance);
        if !again && seat.instance.is_some() {
            seat.anew = true;
            if seat.open.is_some() {
                seat.close(Err(Trouble::Restarted));
            }
        }
        seat.instance = Some(message.instance.clone());
        seat.address = Some(address);
        seat.host = Some(message.host.clone());
        seat.seen = Instant::now();
        // A step still open (the answer to an earlier registration got lost) is yet to be fetched.
        let after = seat.number - u64::from(seat.open.is_some());
        drop(seats);
        self.inner.news.notify_all();
        Ok(Registered { after })
    }

    /// The step after the one the agent knows, if there is one; else what to wait for.
    pub(super) fn poll(&self, poll: &Poll) -> Result<Result<Order, Arc<Notify>>, Refused> {
        let mut seats = self.seats();
        let seat = seats.get_mut(&poll.agent).ok_or_else(|| Refused::Unknown(poll.agent.clone()))?;
        if seat.instance.as_ref() != Some(&poll.instance) {
            return Err(Refused::Replaced(poll.agent.clone()));
        }
        seat.seen = Instant::now();
        match &seat.open {
            Some((step, given)) if seat.number > poll.after => {
                Ok(Ok(Order { number: seat.number, step: step.clone().after(given.elapsed()) }))
            }
            _ => Ok(Err(Arc::clone(&seat.wake))),
        }
    }

    /// Takes an answer; one that came before, or too late, changes nothing.
    pub(super) fn report(&self, report: Report) -> Result<(), Refused> {
        let mut seats = self.seats();
        let seat = seats.get_mut(&report.agent).ok_or_else(|| Refused::Unknown(report.agent.clone()))?;
        if seat.instance.as_ref() != Some(&report.instance) {
            return Err(Refused::Replaced(report.agent));
        }
        seat.seen = Instant::now();
        if seat.number == report.number && seat.open.is_some() {
            seat.close(match report.result {
                StepResult::Ok(reply) => Ok(*reply),
                StepResult::Error(text) => Err(Trouble::Failed(text)),
                StepResult::Hidden(text) => Err(Trouble::Hidden(text)),
            });
        }
        drop(seats);
        self.inner.news.notify_all();
        Ok(())
    }

    /// Pods whose agent has not registered.
    pub(super) fn missing(&self) -> Vec<String> {
        let seats = self.seats();
        seats.iter().filter(|(_, seat)| seat.instance.is_none()).map(|(pod, _)| pod.clone()).collect()
    }

    /// Pods whose agent is there and asks for steps.
    pub(super) fn present(&self) -> Vec<String> {
        let seats = self.seats();
        let there = |seat: &Seat| seat.instance.is_some() && seat.seen.elapsed() <= LOST_AFTER;
        seats.iter().filter(|(_, seat)| there(seat)).map(|(pod, _)| pod.clone()).collect()
    }

    /// Pods whose agent started anew since this was asked last.
    pub(super) fn started_anew(&self) -> Vec<String> {
        let mut seats = self.seats();
        seats.iter_mut().filter_map(|(pod, seat)| std::mem::take(&mut seat.anew).then(|| pod.clone())).collect()
    }

    /// Address from which a pod's agent dials.
    pub(super) fn address(&self, pod: &str) -> Option<IpAddr> {
        self.seats().get(pod)?.address
    }

    /// Host by which other nodes reach the node of a pod, as its agent said.
    pub(super) fn host(&self, pod: &str) -> String {
        self.seats().get(pod).and_then(|seat| seat.host.clone()).unwrap_or_else(|| host(pod))
    }

    /// Waits for every agent to register; the pods that did not.
    pub(super) fn wait_for_all(&self, limit: Duration) -> Vec<String> {
        let end = Instant::now() + limit;
        loop {
            let missing = self.missing();
            let left = end.saturating_duration_since(Instant::now());
            if missing.is_empty() || left.is_zero() {
                return missing;
            }
            self.wait_for_news(left);
        }
    }

    /// Gives one agent a step and waits for the answer.
    pub(super) fn one(&self, pod: &str, step: &Step, limit: Duration) -> Answer {
        let mut answers = self.all(&[pod.to_owned()], limit, |_| step.clone());
        answers.remove(pod).unwrap_or_else(|| Err(Trouble::Failed(format!("`{pod}` is not a node of this cell"))))
    }

    /// Gives every agent named its step at once and waits until all answered or failed.
    pub(super) fn all(
        &self,
        pods: &[String],
        limit: Duration,
        step: impl Fn(&str) -> Step,
    ) -> BTreeMap<String, Answer> {
        self.give(pods, step);
        let end = Instant::now() + limit;
        loop {
            if let Some(answers) = self.collect(pods, end, limit) {
                return answers;
            }
            self.wait_for_news(end.saturating_duration_since(Instant::now()));
        }
    }

    /// Gives up the open steps of these agents: whoever waits for an answer goes on at once. An agent that is at work
    /// finishes what it does, and its answer changes nothing.
    pub(super) fn give_up(&self, pods: &[String]) {
        let mut seats = self.seats();
        for pod in pods {
            if let Some(seat) = seats.get_mut(pod).filter(|seat| seat.open.is_some()) {
                seat.close(Err(Trouble::GivenUp));
            }
        }
        drop(seats);
        self.inner.news.notify_all();
    }

    fn give(&self, pods: &[String], step: impl Fn(&str) -> Step) {
        // Made before the seats are locked: making a step may ask the swarm.
        let steps: Vec<_> = pods.iter().map(|pod| (pod, step(pod))).collect();
        let mut seats = self.seats();
        let now = Instant::now();
        for (pod, step) in steps {
            if let Some(seat) = seats.get_mut(pod) {
                seat.number += 1;
                seat.answer = None;
                seat.open = Some((step, now));
                seat.wake.notify_waiters();
            }
        }
    }

    /// All answers, once there is one of everybody.
    fn collect(&self, pods: &[String], end: Instant, limit: Duration) -> Option<BTreeMap<String, Answer>> {
        let mut seats = self.seats();
        let now = Instant::now();
        let mut all = true;
        for pod in pods {
            let Some(seat) = seats.get_mut(pod) else { continue };
            if seat.answer.is_none() && now.duration_since(seat.seen) > LOST_AFTER {
                seat.close(Err(Trouble::Lost(LOST_AFTER.as_secs())));
            } else if seat.answer.is_none() && now >= end {
                seat.close(Err(Trouble::Late(limit.as_secs())));
            }
            all &= seat.answer.is_some();
        }
        let mut take = |pod: &String| Some((pod.clone(), seats.get_mut(pod)?.answer.take()?));
        all.then(|| pods.iter().filter_map(&mut take).collect())
    }

    /// Waits for a message, at most a second: silence makes no news.
    fn wait_for_news(&self, limit: Duration) {
        let guard = self.seats();
        let limit = limit.clamp(Duration::from_millis(1), Duration::from_secs(1));
        drop(self.inner.news.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Seat {
    fn empty(expected: Expected) -> Self {
        Self {
            expected,
            instance: None,
            address: None,
            host: None,
            seen: Instant::now(),
            anew: false,
            number: 0,
            open: None,
            answer: None,
            wake: Arc::new(Notify::new()),
        }
    }

    fn close(&mut self, answer: Answer) {
        self.open = None;
        self.answer = Some(answer);
    }
}

impl Expected {
    fn check(&self, message: &Register) -> Result<(), Refused> {
        for (what, asked, given) in [
            ("system", &self.system, &message.system),
            ("group", &self.group, &message.group),
            ("driver", &self.driver, &message.driver),
        ] {
            if asked != given {
                let pod = &message.agent;
                return Err(Refused::Other(format!("{what} of `{pod}` must be `{asked}`, the agent has `{given}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, thread};

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn swarm() -> Swarm {
        let expected = Expected { system: "s".to_owned(), group: "g".to_owned(), driver: "http".to_owned() };
        Swarm::new("bg-x", ["s-g-0", "s-g-1"].map(|pod| (pod.to_owned(), expected.clone())))
    }

    fn register(agent: &str, instance: &str) -> Register {
        Register {
            attempt: "bg-x".to_owned(),
            agent: agent.to_owned(),
            system: "s".to_owned(),
            group: "g".to_owned(),
            driver: "http".to_owned(),
            host: String::new(),
            instance: instance.to_owned(),
        }
    }

    fn poll(agent: &str, instance: &str, after: u64) -> Poll {
        Poll { agent: agent.to_owned(), instance: instance.to_owned(), after }
    }

    fn report(number: u64, result: StepResult) -> Report {
        Report { agent: "s-g-0".to_owned(), instance: "a".to_owned(), number, result }
    }

    #[test]
    fn a_step_goes_out_and_its_answer_comes_back_once() {
        let swarm = swarm();
        assert_eq!(swarm.register(&register("s-g-0", "a"), HOME), Ok(Registered { after: 0 }));
        let runner = {
            let swarm = swarm.clone();
            thread::spawn(move || swarm.one("s-g-0", &Step::Finish, Duration::from_secs(5)))
        };
        let order = loop {
            if let Ok(order) = swarm.poll(&poll("s-g-0", "a", 0)).unwrap() {
                break order;
            }
            thread::yield_now();
        };
        assert_eq!(order, Order { number: 1, step: Step::Finish });
        assert!(swarm.poll(&poll("s-g-0", "a", 1)).unwrap().is_err(), "given once");
        swarm.report(report(1, StepResult::Ok(Box::new(Reply::Done)))).unwrap();
        swarm.report(report(1, StepResult::Error("late".to_owned()))).unwrap();
        assert_eq!(runner.join().unwrap(), Ok(Reply::Done));
    }

    #[test]
    fn a_restarted_agent_answers_its_open_step() {
        let swarm = swarm();
        swarm.register(&register("s-g-0", "a"), HOME).unwrap();
        swarm.give(&["s-g-0".to_owned()], |_| Step::Finish);
        assert_eq!(swarm.register(&register("s-g-0", "a"), HOME), Ok(Registered { after: 0 }));
        assert_eq!(swarm.register(&register("s-g-0", "b"), HOME), Ok(Registered { after: 1 }));
        let answers = swarm.collect(&["s-g-0".to_owned()], Instant::now(), Duration::ZERO).unwrap();
        assert_eq!(answers["s-g-0"], Err(Trouble::Restarted));
        assert_eq!(swarm.poll(&poll("s-g-0", "a", 0)).unwrap_err(), Refused::Replaced("s-g-0".to_owned()));
    }

    #[test]
    fn silence_and_slowness_are_told_apart() {
        let swarm = swarm();
        for agent in ["s-g-0", "s-g-1"] {
            swarm.register(&register(agent, "a"), HOME).unwrap();
        }
        let Some(past) = Instant::now().checked_sub(LOST_AFTER + Duration::from_secs(1)) else { return };
        if let Some(seat) = swarm.seats().get_mut("s-g-1") {
            seat.seen = past;
        }
        let pods = ["s-g-0".to_owned(), "s-g-1".to_owned()];
        let answers = swarm.all(&pods, Duration::from_millis(20), |_| Step::Finish);
        assert_eq!(answers["s-g-0"], Err(Trouble::Late(0)));
        assert_eq!(answers["s-g-1"], Err(Trouble::Lost(30)));
    }

    #[test]
    fn strangers_are_refused() {
        let swarm = swarm();
        assert!(matches!(swarm.register(&register("s-g-2", "a"), HOME), Err(Refused::Unknown(_))));
        let mut other = register("s-g-0", "a");
        other.attempt = "bg-y".to_owned();
        assert!(matches!(swarm.register(&other, HOME), Err(Refused::Other(_))));
        let mut other = register("s-g-0", "a");
        other.driver = "codex".to_owned();
        let text = swarm.register(&other, HOME).unwrap_err().to_string();
        assert!(text.contains("driver of `s-g-0` must be `http`"), "{text}");
        assert_eq!(swarm.missing(), ["s-g-0", "s-g-1"]);
    }

    #[test]
    fn a_common_start_does_not_wait_for_the_slow() {
        let download = crate::protocol::Download {
            content: crate::content::Content { name: String::new(), seed: String::new(), bytes: 1 },
            sha256: String::new(),
            handle: crate::driver::Handle(String::new()),
            seeders: Vec::new(),
            start_in_seconds: 1.0,
            stalled_seconds: 1.0,
            deadline_seconds: 1.0,
        };
        let swarm = swarm();
        swarm.register(&register("s-g-0", "a"), HOME).unwrap();
        swarm.give(&["s-g-0".to_owned()], |_| Step::Download(download.clone()));
        thread::sleep(Duration::from_millis(50));
        let Ok(Order { step: Step::Download(late), .. }) = swarm.poll(&poll("s-g-0", "a", 0)).unwrap() else {
            panic!("no download");
        };
        assert!((0.5..=0.95).contains(&late.start_in_seconds), "{late:?}");
    }
}
