//! The tickets of a campaign, and which deliveries about them were acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::Value;
use testbed::{Desk, Systems};

use crate::receipts::{Difference, Label, Receipts};

/// A ticket.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) desk: Desk,
    pub(crate) id: String,
    /// Whether its deliveries have ids, where the sender may choose.
    pub(crate) identified: bool,
    /// Its subjects, in order.
    subjects: Mutex<Vec<String>>,
    /// How many requests were sent about it.
    requests: AtomicU64,
    receipts: Mutex<Receipts>,
    /// When a delivery about it was first answered by 200.
    accepted: OnceLock<Instant>,
}

impl Ticket {
    /// A ticket without deliveries.
    pub(crate) fn new(desk: Desk, id: String, subject: &str, identified: bool) -> Self {
        Self {
            desk,
            id,
            identified,
            subjects: Mutex::new(vec![subject.to_owned()]),
            requests: AtomicU64::default(),
            receipts: Mutex::default(),
            accepted: OnceLock::new(),
        }
    }

    fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next request about it.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A request about it is sent.
    pub(crate) fn send(&self, label: &Label) {
        self.receipts().sent(label);
    }

    /// It was answered by 200.
    pub(crate) fn accept(&self, label: &Label) {
        self.receipts().acknowledged(label);
        // Only the first one counts.
        let _ = self.accepted.set(Instant::now());
    }

    /// When it was accepted, if it was.
    pub(crate) fn accepted(&self) -> Option<Instant> {
        self.accepted.get().copied()
    }

    /// Compares all that was acknowledged with the product's timeline.
    pub(crate) fn compare(&self, timeline: &[Value]) -> Difference {
        self.receipts().compare(timeline)
    }

    /// Changes its subject.
    pub(crate) fn rename(&self, subject: &str) {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).push(subject.to_owned());
    }

    /// All subjects that it had; the last one is the current one.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has its link.
    pub(crate) fn has_link(&self, systems: &Systems) -> bool {
        !self.desk.links(systems, &self.id).is_empty()
    }
}

/// All tickets, in the order in which they were opened.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<Vec<Arc<Ticket>>>);

impl Tickets {
    fn tickets(&self) -> MutexGuard<'_, Vec<Arc<Ticket>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a ticket in a helpdesk.
    pub(crate) fn open(&self, desk: Desk, systems: &Systems, identified: bool) -> Arc<Ticket> {
        let mut tickets = self.tickets();
        let subject = format!("crash {}", tickets.len() + 1);
        let ticket = Arc::new(Ticket::new(desk, desk.open(systems, &subject), &subject, identified));
        tickets.push(Arc::clone(&ticket));
        ticket
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Ticket>> {
        self.tickets().clone()
    }

    /// Those that were opened last, at most so many.
    pub(crate) fn latest(&self, most: usize) -> Vec<Arc<Ticket>> {
        self.tickets().iter().rev().take(most).cloned().collect()
    }

    /// How many there are, and how many of them were accepted.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let tickets = self.tickets();
        (tickets.len(), tickets.iter().filter(|ticket| ticket.accepted().is_some()).count())
    }

    /// Those that were accepted after that moment, and not long ago.
    pub(crate) fn accepted_after(&self, moment: Instant) -> Vec<Arc<Ticket>> {
        let tickets = self.tickets();
        let recent = tickets.iter().rev().take(100);
        recent.filter(|ticket| ticket.accepted().is_some_and(|at| at > moment)).cloned().collect()
    }
}
