//! The records of an attempt on their way out.
//!
//! In: records as they are made. Out: each as a JSON line to the journal at once, and to the store; at the end the
//! outcome, after the records were read back and counted. What the store did not take yet waits as frozen bytes, and what
//! it took is kept until it was read back. Without a store, the
//! journal is all.

use std::time::Duration;

use benchgrid_measures::{Identity, Outcome, Record};

use crate::{
    coordinator::{Journal, end::End},
    store::{PATIENCE, Parcel, Store, StoreError},
};

/// How long the experiment waits for the store between two repetitions; the rest can wait for the end.
const BETWEEN: Duration = Duration::from_secs(10);

/// How long the values are looked for before everything is sent once more.
const FIRST_CONFIRMATION: Duration = Duration::from_secs(30);

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
        if let Err(error) = self.push(BETWEEN) {
            self.journal.note(&format!("the store has to wait: {error}"));
        }
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
