//! The records of an attempt on their way out.
//!
//! In: records as they are made. Out: each as a JSON line to the journal at once, and to the store; at the end the
//! outcome, after the records were read back and counted. What the store did not take yet waits as frozen bytes, and what
//! it took is kept until it was read back. Without a store, the
//! journal is all.

use std::time::Duration;

use benchgrid_measures::{ExpositionLine, Identity, Outcome, Record};

use crate::{
    coordinator::{Journal, end::End},
    store::{PATIENCE, Parcel, Store, StoreError},
};

/// How long the experiment waits for the store between two repetitions; the rest can wait for the end.
pub const STORE_BETWEEN: Duration = Duration::from_secs(10);

/// How long the values are looked for before everything is sent once more.
const FIRST_CONFIRMATION: Duration = Duration::from_secs(30);

/// Longest time from the last repetition to the outcome: everything is sent and looked for, sent and looked for once
/// more, then the marker is sent, and each of it takes all its patience.
pub const STORE_CLOSING: Duration = Duration::from_secs(4 * PATIENCE.as_secs() + FIRST_CONFIRMATION.as_secs());

/// Keeps what must still go to the store, and counts what went.
pub(super) struct Ledger<'a> {
    store: Option<Store>,
    journal: &'a mut dyn Journal,
    waiting: Vec<Parcel>,
    /// What the store took: one that is killed forgets what it took last.
    taken: Vec<Parcel>,
    records: u32,
    values: usize,
    span: Option<(i64, i64)>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(store: Option<Store>, journal: &'a mut dyn Journal) -> Self {
        Self { store, journal, waiting: Vec::new(), taken: Vec::new(), records: 0, values: 0, span: None }
    }

    /// Tells people what happens.
    pub(super) fn note(&mut self, text: &str) {
        self.journal.note(text);
    }

    /// Takes the records of a repetition.
    pub(super) fn add(&mut self, records: &[Record]) {
        for record in records {
            match serde_json::to_string(record) {
                Ok(line) => self.journal.record(&line),
                Err(error) => self.journal.note(&format!("record {}: {error}", record.id)),
            }
            self.records += 1;
            self.values += record.lines().len();
            let (first, last) = self.span.unwrap_or((i64::MAX, i64::MIN));
            self.span = Some((first.min(record.ended_ms), last.max(record.ended_ms)));
        }
        if self.store.is_none() {
            return;
        }
        self.waiting.extend(Parcel::records(records));
        if let Err(error) = self.push(STORE_BETWEEN) {
            self.journal.note(&format!("the store has to wait: {error}"));
        }
    }

    /// Takes what the nodes run on: told once, and not counted when values are read back, since no number hangs on it.
    pub(super) fn introduce(&mut self, lines: &[ExpositionLine]) {
        self.waiting.extend(Parcel::lines(lines));
    }

    /// Sends what waits, in order; stops where the store can't be reached. A parcel that it refuses holds up no other.
    fn push(&mut self, patience: Duration) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let mut refused = Ok(());
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        while let Some(parcel) = waiting.next() {
            let Err(error) = store.push(&parcel, patience) else {
                self.taken.push(parcel);
                continue;
            };
            self.waiting.push(parcel);
            if !matches!(error, StoreError::Refused { .. }) {
                self.waiting.extend(waiting);
                return Err(error);
            }
            refused = Err(error);
        }
        refused
    }

    /// Ends the attempt: everything to the store, read back, then the marker, which says that all records are there.
    pub(super) fn close(mut self, end: End, identity: &Identity) -> Outcome {
        let stored = self.settle(&identity.attempt);
        if let Err(error) = stored {
            return end.and_store(&error).outcome(identity, self.records);
        }
        let outcome = end.outcome(identity, self.records);
        let marked = self.store.as_ref().map(|store| store.push(&Parcel::outcome(&outcome), PATIENCE));
        match marked.transpose() {
            Ok(_) => outcome,
            Err(error) => end.and_store(&error).outcome(identity, self.records),
        }
    }

    /// Whether the store shows every value.
    fn confirm(&self, attempt: &str, patience: Duration) -> Result<(), StoreError> {
        match (&self.store, self.span) {
            (Some(store), Some(span)) => store.confirm(attempt, self.values, span, patience),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, attempt: &str) -> Result<(), StoreError> {
        self.push(PATIENCE)?;
        match self.confirm(attempt, FIRST_CONFIRMATION) {
            Err(missing @ StoreError::Missing { .. }) => {
                self.journal.note(&format!("sent once more: {missing}"));
                self.waiting = std::mem::take(&mut self.taken);
                self.push(PATIENCE)?;
                self.confirm(attempt, PATIENCE)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use benchgrid_measures::Reason;

    use super::*;
    use crate::{
        experiment::Store as Urls,
        store::scripted::{Answer, Scripted},
    };

    struct Silent;

    impl Journal for Silent {
        fn record(&mut self, _: &str) {}
        fn note(&mut self, _: &str) {}
    }

    fn identity() -> Identity {
        Identity {
            lab: "l".to_owned(),
            scenario: "s".to_owned(),
            cell: "c".to_owned(),
            digest: "d".to_owned(),
            trial: 1,
            number: 1,
            attempt: "a1".to_owned(),
        }
    }

    fn line() -> ExpositionLine {
        ExpositionLine { name: "m".to_owned(), labels: BTreeMap::new(), value: 1.0, timestamp_ms: 7 }
    }

    /// Closes a ledger of one line and two values that were pushed before.
    fn close(answers: Vec<Answer>) -> (Outcome, Vec<String>) {
        let scripted = Scripted::new(answers);
        let urls = Urls { write: scripted.base.clone(), read: scripted.base.clone() };
        let mut journal = Silent;
        let mut ledger = Ledger::new(Some(Store::new(&urls)), &mut journal);
        ledger.introduce(&[line()]);
        (ledger.records, ledger.values, ledger.span) = (1, 2, Some((7, 7)));
        let outcome = ledger.close(End::new(Reason::Ok, ""), &identity());
        (outcome, scripted.requests().into_iter().map(|request| request.line).collect())
    }

    fn exported(names: &[&str]) -> Answer {
        let series = |name| format!("{{\"metric\":{{\"__name__\":\"{name}\"}},\"values\":[1],\"timestamps\":[7]}}\n");
        Answer::Status(200, names.iter().map(series).collect())
    }

    #[test]
    fn the_outcome_comes_after_everything_was_read_back() {
        let taken = || Answer::Status(204, String::new());
        let (outcome, requests) = close(vec![taken(), exported(&["a", "b"]), taken()]);
        let import = "POST /api/v1/import/prometheus";
        assert_eq!(requests, [import, "GET /api/v1/export", import]);
        assert_eq!((outcome.reason, outcome.records), (Reason::Ok, 1));
    }

    #[test]
    fn a_store_that_refuses_gets_no_outcome() {
        let (outcome, requests) = close(vec![Answer::Status(400, "no".to_owned())]);
        assert_eq!(requests.len(), 1);
        assert_eq!(outcome.reason, Reason::Store);
    }
}
