//! Tickets that somebody else than a webhook names: a listing of their helpdesk, or a person.
//!
//! A page of a listing is taken in by one transaction, and the progress of whoever reads the
//! listing goes with it: a cursor moves only with the tickets before it. Progress has a *turn*, how
//! often it was written. Whoever writes it says which turn they have read, and nothing happens if
//! somebody else has written it since ([`StoreError::Lost`]). So of two who read the same pages one
//! has an effect.
//!
//! For each ticket the store keeps its latest change that we know of, by its helpdesk's clock: what
//! a run has seen, or what a listing has said. A listing that has a later one tells of a change
//! that nobody has looked at. That is a look, and it is told in the timeline, unless
//!
//! * the ticket is due or claimed anyway: a delivery may have come, too;
//! * nobody has ever seen it: that is no change;
//! * the change is not later than our own last commit: it may be our own doing, a note that we
//!   wrote. Then it is only looked at, after tickets that are new.

use std::fmt;

use super::StoreError;
use super::values::json;
use crate::helpdesk::listing::Reference;
use crate::ledger::Ledger;
use crate::ticket::{HelpdeskName, TicketId};

/// How much later than our own doing its time may seem to us: helpdesks count in seconds, and how
/// far their clock is ahead of ours is known to a second or so. In milliseconds.
pub(super) const BLUR: i64 = 2000;

/// Who names tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A sweep: what it finds has no delivery. Tickets that are known are looked at if they have
    /// changed.
    Sweep,
    /// A backfill. Its tickets go after all others, until a delivery, a sweep or a person makes
    /// them due. Nothing happens to those that are known.
    Backfill {
        /// Their helpdesk gets no internal notes with the links, which only go into their places.
        quiet: bool,
    },
    /// A person. Nothing happens to tickets that are known.
    Person,
}

impl Origin {
    /// What kind of thing that is in a timeline.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Sweep => "found",
            Self::Backfill { .. } => "backfill",
            Self::Person => "added",
        }
    }

    /// What the timeline of a ticket says that is new.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Sweep => "found by sweep: its webhook never came",
            Self::Backfill { .. } => "taken in by a backfill",
            Self::Person => "somebody added it",
        }
    }

    /// What the timeline of a ticket says that has changed.
    pub(super) const CHANGED: &'static str = "found by sweep: a change of it was never reported";

    pub(super) fn is_backfill(self) -> bool {
        matches!(self, Self::Backfill { .. })
    }

    /// The ledger of a ticket that is new.
    pub(super) fn ledger(self) -> Result<String, StoreError> {
        if self == (Self::Backfill { quiet: true }) {
            return json(&Ledger { quiet: true, ..Ledger::default() });
        }
        Ok("{}".to_owned())
    }
}

/// Tickets to be taken in, by one transaction.
#[derive(Debug, Clone)]
pub struct TakeIn {
    /// Whose.
    pub helpdesk: HelpdeskName,
    /// Who names them.
    pub origin: Origin,
    /// Which, at most [`MOST_AT_ONCE`](Self::MOST_AT_ONCE). Of those that are named twice the
    /// latest change counts.
    pub tickets: Vec<Reference>,
    /// How many milliseconds the helpdesk's clock is ahead of ours.
    pub ahead: i64,
    /// What is written with them; if that can't be, nothing is.
    pub progress: Option<SaveProgress>,
}

impl TakeIn {
    /// How many tickets one transaction takes, so that it holds up no others.
    pub const MOST_AT_ONCE: usize = 1000;

    /// Each ticket once, with its latest change, in the order of their ids.
    pub(super) fn references(&self) -> Vec<&Reference> {
        let mut all: Vec<_> = self.tickets.iter().collect();
        all.sort_by_key(|its| (&its.id, std::cmp::Reverse(its.updated)));
        all.dedup_by_key(|its| &its.id);
        all
    }
}

/// What became of tickets that were named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// They were not known, and are due.
    pub new: Vec<TicketId>,
    /// They were known, and a change that nobody had reported makes them due.
    pub changed: Vec<TicketId>,
    /// How many of those that were named were known.
    pub known: u64,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressRecord {
    /// Under which name.
    pub name: String,
    /// How often it was written: at least once.
    pub turn: i64,
    /// JSON of the task.
    pub value: String,
}

/// How far a task is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveProgress {
    /// Under which name.
    pub name: String,
    /// The turn that was read; 0 if there was nothing under this name. From now on it is the next.
    pub turn: i64,
    /// JSON of the task.
    pub value: String,
}

/// Takes tickets in, and keeps how far those are who look for them.
#[async_trait::async_trait]
pub trait Listings: Send + Sync + fmt::Debug {
    /// Takes tickets in that were named: those that are unknown are made and due, those that have
    /// changed are due ([`Origin`] and the module say which). All of it is one transaction.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if somebody else has written the progress since its turn: nothing has
    /// happened. When the store can't be reached, it is unknown whether it happened; to do it again
    /// is lost if it did.
    async fn take_in(&self, tickets: TakeIn) -> Result<TakenIn, StoreError>;

    /// How far a task is; nothing if it never began.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn progress(&self, name: &str) -> Result<Option<ProgressRecord>, StoreError>;

    /// How far all tasks are whose names begin so, in the order of their names.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn progresses(&self, prefix: &str) -> Result<Vec<ProgressRecord>, StoreError>;

    /// Writes how far a task is. Returns the turn.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if somebody else has written it since its turn. When the store can't be
    /// reached, it is unknown whether it was written.
    async fn save_progress(&self, progress: SaveProgress) -> Result<i64, StoreError>;
}

/// The first name after all that begin with a prefix: names are compared byte by byte.
pub(super) fn end_of(prefix: &str) -> String {
    // No byte of a text is higher than this character's first.
    format!("{prefix}\u{10ffff}")
}
