//! What must survive: deliveries, tickets with their ledgers, the timeline, the day's writes.
//!
//! The store is a dozen transitions, each of them one transaction. A ticket that is *due* is claimed by one
//! worker at a time; every later transition of that worker carries the fence it got, and comes to nothing once
//! somebody else has claimed the ticket. A claim is a lease: it holds for a while, and each commit and each heartbeat
//! renews it.
//!
//! There are two: [`sqlite`], one file for one process, and [`postgres`], one database for any number of them. What
//! they have to do alike stands in the suite (`suite/`), which runs over both and over a model in memory.

pub mod backup;
pub mod check;
pub mod copy;
mod day;
mod list;
mod open;
pub mod postgres;
mod repeat;
pub mod sqlite;
#[cfg(test)]
mod suite;
mod types;
mod values;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::docspace::limits::Taken;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, TicketKey};

pub use open::{OpenError, Use, open};
pub use types::{
    Accepted, Claim, Delivery, Event, Figures, Heartbeat, Held, Meaning, Pulse, Save, Settlement, State,
    TicketQuery, TicketRecord, TimelineEntry,
};

/// The store of one service.
#[async_trait::async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Keeps a delivery and marks its ticket as due. When this returns, it is on disk. A repeat, with the same id and the
    /// same body, changes nothing; the same id with another body is a delivery of its own. What was not understood is kept
    /// once for each body, and the newest thousand of a helpdesk.
    ///
    /// # Errors
    /// When it could not be committed: nothing may be acknowledged.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError>;

    /// Claims tickets that are due for as long as `lease`: new ones before those that were tried in vain, and of
    /// each the longest due first; in which order they come back says nothing. Those in `running` are left alone: the caller is still at them, though their
    /// lease has run out (the clock jumped, or the process was paused).
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError>;

    /// The same of these helpdesks only: others have their share of the runs, and however many tickets of theirs are due,
    /// they cost nothing here.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn claim_of(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError>;

    /// Writes down an intent or an outcome, and renews the lease.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when somebody else has claimed the ticket; [`StoreError::RoomTaken`] when the
    /// ledger names a room that another ticket has. Nothing is written then.
    async fn save(&self, save: Save) -> Result<(), StoreError>;

    /// Ends a run. If deliveries came in meanwhile, the ticket is due again at once.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError>;

    /// Renews the claims of a process, and tells with how many others it shares DocSpace's limits. Claims that are not
    /// its own any more are left alone.
    ///
    /// # Errors
    /// When the store can't be reached: the claims end with their leases.
    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError>;

    /// A process that stops gives up its claims: their tickets are due at once, for whoever comes next.
    ///
    /// # Errors
    /// When the store can't be reached: the claims end with their leases.
    async fn leave(&self, replica: Uuid, held: &[Held], now: Timestamp) -> Result<(), StoreError>;

    /// Takes a name that only one process may have at a time, for as long as `lease`; `false` if another one has it.
    /// Whoever has it may take it again. It ends by itself only: a process that stops may have a call on its way.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn reserve(
        &self,
        name: &str,
        replica: Uuid,
        lease: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Marks a ticket as due because a person asks for it. `false` if there is no such ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError>;

    /// Marks every blocked ticket as due, and says why in its timeline; returns how many there were. Nobody asks for new
    /// rooms by that.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn retry_blocked(&self, why: &str, now: Timestamp) -> Result<u64, StoreError>;

    /// What was last remembered under a name.
    ///
    /// # Errors
    /// When the store can't be reached, or holds something else under this name.
    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError>;

    /// Remembers a value under a name, in place of the last one. The names are those of [`reserve`](Self::reserve); no
    /// name is used for both.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError>;

    /// The store was restored from a backup, so any ledger may be behind the world: marks every ticket as due, after
    /// those that are new. Returns how many there are.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn look_again_at_all(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// One ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError>;

    /// Tickets, the most recently changed first.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError>;

    /// Everything that happened to a ticket, oldest first.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError>;

    /// How long until the next ticket is due; nothing if it is already.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError>;

    /// Which of these rooms belong to a ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError>;

    /// How many tickets there are in each state.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError>;

    /// What operators watch. `per_day` is how many writes DocSpace allows a day.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError>;

    /// Takes up to `wanted` DocSpace writes from what is left of a day's `per_day`.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError>;

    /// DocSpace says that there are no writes until then.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError>;

    /// Commits something small: proof that deliveries could be committed now.
    ///
    /// # Errors
    /// When they could not.
    async fn probe(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Wakes `due` when another process has marked a ticket as due. No more than a hint: it may not come, or come for
    /// nothing.
    fn listen(&self, due: Arc<Notify>) {
        drop(due);
    }
}

/// Why a transition came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be written or read: disk full, file gone, damaged.
    #[error("the store can't be used: {0}")]
    Unavailable(String),
    /// More transitions are waiting than can be worked off soon.
    #[error("the store is overloaded")]
    Overloaded,
    /// Somebody else has claimed the ticket.
    #[error("the ticket was claimed by somebody else")]
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

/// Adds what a row says to the counts of states: `waiting`, or `-waiting` for tickets that count as something else. Those in
/// a state that only a later version knows count as they are shown ([`values::shown`]).
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

/// How long a ticket that can't be read is left alone: another replica may be able to, or a later version.
const UNREADABLE_FOR: Duration = Duration::from_secs(5 * 60);

/// Why a ticket waits that can't be read from the store.
fn unreadable(error: &StoreError) -> String {
    format!("{error}; it is left to a ticketroom that can read it: the one that wrote it, or a newer one")
}

/// A ticket that is missing from a list, because not even its name can be read.
fn left_out(number: i64, error: &StoreError) {
    tracing::warn!(number, %error, "a ticket is left out of a list: its name can't be read from the store");
}
