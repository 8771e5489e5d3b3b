//! The tickets of a campaign, and which of them were acknowledged.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use testbed::{Desk, Systems};

/// A ticket.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) desk: Desk,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// When a delivery about it was first answered by 200.
    accepted: OnceLock<Instant>,
}

impl Ticket {
    /// A delivery about it was answered by 200.
    pub(crate) fn accept(&self) {
        // Only the first one counts.
        let _ = self.accepted.set(Instant::now());
    }

    /// When it was accepted, if it was.
    pub(crate) fn accepted(&self) -> Option<Instant> {
        self.accepted.get().copied()
    }

    /// Whether its link is where it belongs.
    pub(crate) fn has_link(&self, systems: &Systems) -> bool {
        !self.desk.links(systems, &self.id).is_empty()
    }
}

/// All tickets, in the order in which they were opened.
#[derive(Debug, Default)]
pub(crate) struct Book(Mutex<Vec<Arc<Ticket>>>);

impl Book {
    fn tickets(&self) -> MutexGuard<'_, Vec<Arc<Ticket>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a ticket in a helpdesk.
    pub(crate) fn open(&self, desk: Desk, systems: &Systems) -> Arc<Ticket> {
        let mut tickets = self.tickets();
        let subject = format!("crash {}", tickets.len() + 1);
        let id = desk.open(systems, &subject);
        let ticket = Arc::new(Ticket { desk, id, subject, accepted: OnceLock::new() });
        tickets.push(Arc::clone(&ticket));
        ticket
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Ticket>> {
        self.tickets().clone()
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
