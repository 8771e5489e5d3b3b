//! Counts of calls, taken at the server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::Method;
use serde::{Deserialize, Serialize};

use crate::lock;

/// Numbers of calls since the start or the last reset.
///
/// Calls that a fault refused are not counted: a real server never sees them. A call that was
/// rejected with 429 is in `requests`, `by_call` and `rejected_429` only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Every call.
    pub requests: u64,
    /// Admitted POST, PUT and PATCH calls.
    pub writes: u64,
    /// Admitted GET and HEAD calls.
    pub reads: u64,
    /// Admitted DELETE calls.
    pub deletes: u64,
    /// Calls answered 429, by the limits or by a fault.
    pub rejected_429: u64,
    /// The most GETs that were in flight at once.
    pub peak_reads: u64,
    /// The most other calls that were in flight at once.
    pub peak_writes: u64,
    /// Every call by its name.
    pub by_call: BTreeMap<String, u64>,
}

impl Counters {
    /// How many calls of this name there were.
    pub fn of(&self, call: &str) -> u64 {
        self.by_call.get(call).copied().unwrap_or(0)
    }
}

/// The counters of a running server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counting(Arc<Mutex<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    counters: Counters,
    reads_in_flight: u64,
    writes_in_flight: u64,
}

impl Counting {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.0)
    }

    pub(crate) fn snapshot(&self) -> Counters {
        self.tally().counters.clone()
    }

    /// Counts from zero again. Calls in flight stay in flight, and count for the new peaks.
    pub(crate) fn reset(&self) {
        let mut tally = self.tally();
        tally.counters = Counters {
            peak_reads: tally.reads_in_flight,
            peak_writes: tally.writes_in_flight,
            ..Counters::default()
        };
    }

    pub(crate) fn arrived(&self, call: &str) {
        let mut tally = self.tally();
        tally.counters.requests += 1;
        match tally.counters.by_call.get_mut(call) {
            Some(count) => *count += 1,
            None => {
                tally.counters.by_call.insert(call.to_owned(), 1);
            }
        }
    }

    pub(crate) fn rejected(&self) {
        self.tally().counters.rejected_429 += 1;
    }

    /// Counts an admitted call, which is in flight until the guard is dropped.
    pub(crate) fn admitted(&self, method: &Method) -> InFlight {
        let mut guard = self.tally();
        let tally = &mut *guard;
        let read = method == Method::GET || method == Method::HEAD;
        if read {
            tally.counters.reads += 1;
            tally.reads_in_flight += 1;
            tally.counters.peak_reads = tally.counters.peak_reads.max(tally.reads_in_flight);
        } else {
            let kind = if method == Method::DELETE {
                &mut tally.counters.deletes
            } else {
                &mut tally.counters.writes
            };
            *kind += 1;
            tally.writes_in_flight += 1;
            tally.counters.peak_writes = tally.counters.peak_writes.max(tally.writes_in_flight);
        }
        InFlight { counting: self.clone(), read }
    }
}

/// A call in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    counting: Counting,
    read: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut tally = self.counting.tally();
        if self.read {
            tally.reads_in_flight -= 1;
        } else {
            tally.writes_in_flight -= 1;
        }
    }
}
