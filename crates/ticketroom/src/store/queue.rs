//! Deliveries and the tickets that they make due: what is claimed, committed under a claim, and put
//! back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Accepted, Claim, ClaimLimit, Delivery, Heartbeat, Held, Pulse, Save, Selection, Settlement, StoreError,
    Why,
};
use crate::ticket::HelpdeskName;

/// Takes deliveries in, and gives their tickets to one worker at a time. When a ticket is due and
/// when a lease ends goes by the store's own clock: that of the database's server, or the one that
/// a file was opened with.
#[async_trait::async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Keeps a delivery and marks its ticket as due, or the ticket that has its room; what happened
    /// in a folder is kept for [`RoomEvents`](super::RoomEvents). When this returns, it is on disk.
    /// A repeat, with the same key, changes nothing. What was not understood is kept once for each
    /// body, and the newest thousand of a source.
    ///
    /// # Errors
    /// When it could not be committed: nothing may be acknowledged.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError>;

    /// Claims tickets that are due for as long as `lease`: new ones before those that were tried in
    /// vain, and of each the longest due first, and those of backfills after all others; in which
    /// order they come back says nothing. Those in `running` are left alone: the caller is still at
    /// them, though their lease has run out (the clock jumped, or the process was paused).
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn claim(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError>;

    /// The same of these helpdesks only: others have their share of the runs, and however many
    /// tickets of theirs are due, they cost nothing here.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn claim_of(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError>;

    /// Writes down an intent or an outcome, and renews the lease.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when somebody else has claimed the ticket; [`StoreError::RoomTaken`]
    /// when the ledger names a room that another ticket has. Nothing is written then.
    async fn save(&self, save: Save) -> Result<(), StoreError>;

    /// Ends a run. If deliveries came in meanwhile, the ticket is due again at once.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError>;

    /// Renews the claims of a process, and tells with how many others it shares DocSpace's limits.
    /// Claims that are not its own any more are left alone.
    ///
    /// # Errors
    /// When the store can't be reached: the claims end with their leases.
    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError>;

    /// A process that stops gives up its claims: their tickets are due at once, for whoever comes
    /// next.
    ///
    /// # Errors
    /// When the store can't be reached: the claims end with their leases.
    async fn leave(&self, replica: Uuid, held: &[Held]) -> Result<(), StoreError>;

    /// Marks tickets as due without a delivery, and says why in their timelines; returns how many
    /// there were. One that is worked on is due again at the end of its run. What is marked is
    /// marked in parts, see [`requeue`](super::requeue).
    ///
    /// # Errors
    /// When the store can't be reached. Some may be marked then.
    async fn requeue(&self, selection: &Selection, why: &Why) -> Result<u64, StoreError>;

    /// Commits something small: proof that deliveries could be committed now.
    ///
    /// # Errors
    /// When they could not.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Wakes `due` when another process has marked a ticket as due. No more than a hint: it may not
    /// come, or come for nothing.
    fn listen(&self, due: Arc<Notify>) {
        drop(due);
    }
}
