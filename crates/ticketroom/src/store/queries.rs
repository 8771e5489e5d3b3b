//! What operators, the API and the plan of a run ask. Nothing is changed.

use std::fmt;
use std::time::Duration;

use super::{EffectKind, EffectRecord, Figures, State, StoreError, TicketQuery, TicketRecord, TimelineEntry};
use crate::clock::Timestamp;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

/// Answers questions, each by what was committed last.
#[async_trait::async_trait]
pub trait Queries: Send + Sync + fmt::Debug {
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

    /// What is known of a ticket's effects of a kind, in the order of their targets.
    ///
    /// # Errors
    /// When the store can't be reached, or an entry can't be read.
    async fn effects(&self, key: &TicketKey, kind: EffectKind) -> Result<Vec<EffectRecord>, StoreError>;

    /// How long until the next ticket is due, by the store's own clock; nothing if it is already.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn next_due(&self) -> Result<Option<Duration>, StoreError>;

    /// Which of these rooms belong to a ticket.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError>;

    /// How some tickets of a helpdesk stand, those that are known of them.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn standing(
        &self,
        helpdesk: &HelpdeskName,
        ids: &[TicketId],
    ) -> Result<Vec<(TicketId, State)>, StoreError>;

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
}
