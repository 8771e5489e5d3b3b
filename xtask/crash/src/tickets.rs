//! The tickets of a campaign, and which deliveries about them were acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::Value;
use simulator::docspace::RoomView;
use testbed::{Desk, Systems};

use crate::lives::Life;
use crate::receipts::{Difference, Events, Label, Receipts};

/// A ticket.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) desk: Desk,
    pub(crate) id: String,
    /// Whether its deliveries have ids, where the sender may choose.
    pub(crate) identified: bool,
    life: Mutex<Life>,
    /// Its room's number, once it has one.
    room: OnceLock<i64>,
    linked: OnceLock<()>,
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
            life: Mutex::new(Life::new(desk, id.clone(), subject)),
            desk,
            id,
            identified,
            room: OnceLock::new(),
            linked: OnceLock::new(),
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

    /// Compares all that was acknowledged with the product's timeline. `raised` is what DocSpace
    /// reported of its room.
    pub(crate) fn compare(&self, timeline: &[Value], raised: &Events) -> Difference {
        self.receipts().compare(timeline, raised)
    }

    /// Its life.
    pub(crate) fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has had its link.
    pub(crate) fn has_link(&self, systems: &Systems) -> bool {
        if self.linked.get().is_none() && !self.desk.links(systems, &self.id).is_empty() {
            let _ = self.linked.set(());
        }
        self.linked.get().is_some()
    }

    /// Its room, if it has one. Of a second one, the end of the campaign tells.
    pub(crate) fn room(&self, systems: &Systems) -> Option<RoomView> {
        if let Some(room) = self.room.get() {
            return systems.docspace.room(*room);
        }
        let room = systems.rooms_of(&self.desk.tag(&self.id)).into_iter().next()?;
        let _ = self.room.set(room.id);
        Some(room)
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
