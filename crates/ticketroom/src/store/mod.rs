//! What must survive: deliveries, tickets with their ledgers, the timeline, the day's writes.
//!
//! The store has six parts, each a trait: the [`Queue`] of deliveries and tickets, [`Queries`], the
//! [`Budget`] of the day's writes, [`Reservations`], [`RoomEvents`], and [`Listings`]. Who needs
//! one part takes that; [`Store`] is all of them.
//!
//! The queue is a dozen transitions, each of them one transaction. A ticket that is *due* is
//! claimed by one worker at a time; every later transition of that worker carries the fence it got,
//! and comes to nothing once somebody else has claimed the ticket. A claim is a lease: it holds for
//! a while, and each commit and each heartbeat renews it.
//!
//! There are two: [`sqlite`], one file for one process, and [`postgres`], one database for any
//! number of them. What they have to do alike stands in the suite (`suite/`), which runs over both
//! and over a model in memory.

pub mod backup;
mod budget;
pub mod check;
pub mod copy;
mod day;
mod effect;
mod list;
mod listings;
mod named;
mod open;
pub mod postgres;
mod queries;
mod queue;
pub(crate) mod reasons;
mod repeat;
mod requeue;
mod reservations;
mod room_events;
mod room_request;
pub mod sqlite;
#[cfg(test)]
mod suite;
mod types;
mod values;

use std::time::Duration;

use uuid::Uuid;

use crate::reason::Reason;
use crate::room::RoomId;
use crate::ticket::TicketKey;

pub use budget::Budget;
pub use effect::{EffectEntry, EffectKind, EffectRecord, EffectTarget};
pub use listings::{Listings, Origin, ProgressRecord, SaveProgress, TakeIn, TakenIn};
pub use open::{OpenError, Use, open};
pub use queries::Queries;
pub use queue::Queue;
pub use requeue::{Selection, Why};
pub use reservations::Reservations;
pub use room_events::{Placed, RoomEvents, UnreportedEvents};
pub use room_request::{PendingRequest, RoomRequest};
pub use types::{
    Accepted, Claim, ClaimLimit, Delivery, Event, Figures, Heartbeat, Held, Meaning, Pulse, Save, Settlement,
    State, TicketQuery, TicketRecord, TimelineEntry,
};

pub use crate::room_event::{RoomEvent, RoomEventKind};

/// The store of one service: all six parts of it.
pub trait Store: Queue + Queries + Budget + Reservations + RoomEvents + Listings {}

impl<T: Queue + Queries + Budget + Reservations + RoomEvents + Listings> Store for T {}

/// Why a transition came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be written or read: disk full, file gone, damaged.
    #[error("the store can't be used: {0}")]
    Unavailable(String),
    /// More transitions are waiting than can be worked off soon.
    #[error("the store is overloaded")]
    Overloaded,
    /// Somebody else has claimed the ticket, or is at the task.
    #[error("somebody else is at it")]
    Lost,
    /// The room belongs to another ticket.
    #[error("room {room} belongs to ticket {owner}")]
    RoomTaken {
        /// The room.
        room: RoomId,
        /// Whose it is.
        owner: TicketKey,
    },
    /// What is stored can't be understood: a newer version wrote it, or it is damaged.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}

/// Adds what a row says to the counts of states: `waiting`, or `-waiting` for tickets that count as
/// something else. Those in a state that only a later version knows count as they are shown
/// ([`values::shown`]).
fn count(counts: &mut [(State, u64)], name: &str, tickets: i64) {
    let tickets = u64::try_from(tickets).unwrap_or(0);
    let (less, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
    let counted = State::from_name(name).unwrap_or(State::Waiting);
    if let Some((_, count)) = counts.iter_mut().find(|(state, _)| *state == counted) {
        *count = if less { count.saturating_sub(tickets) } else { *count + tickets };
    }
}

/// Reads a value that was remembered.
fn remembered_value(text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable("a value that was remembered".to_owned()))
}

/// How long a ticket that can't be read is left alone: another replica may be able to, or a later
/// version.
const UNREADABLE_FOR: Duration = Duration::from_secs(5 * 60);

/// Why a ticket waits that can't be read from the store.
fn unreadable(error: &StoreError) -> Reason {
    reasons::TICKET_UNREADABLE.reason(format!(
        "{error}; it is left to a ticketroom that can read it: the one that wrote it, or a newer one"
    ))
}

/// A ticket that is missing from a list, because not even its name can be read.
fn left_out(number: i64, error: &StoreError) {
    tracing::warn!(number, %error, "a ticket is left out of a list: its name can't be read from the store");
}
