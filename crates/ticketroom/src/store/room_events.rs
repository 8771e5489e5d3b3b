//! Events of rooms on their way into a ticket's note.
//!
//! DocSpace names the folder of a file, not its room. So an event is kept with its folder first,
//! and is *placed* once somebody has asked which room that is: then it belongs to the ticket that
//! has the room, which is due. It is deleted by the commit that records the note that tells of it.
//!
//! Folders are placed in any order, so an event may be placed after one that came in later, while a
//! note about that one is on its way. What a note tells is therefore everything that was placed up
//! to some moment: the ticket's `hints` of that moment are kept with each event
//! ([`UnreportedEvents::last`]).

use std::fmt;
use std::time::Duration;

use super::StoreError;
use super::values::timestamp;
use crate::clock::Timestamp;
use crate::room::{FolderId, RoomId};
use crate::room_event::{RoomEvent, RoomEventKind};

/// How long events are kept whose room no ticket has.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
/// After how long their folder is [unplaced](RoomEvents::unplaced) again.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What became of the events of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// They belong to a ticket, which is due.
    Ticket,
    /// No ticket has the room. What came in within the last quarter of an hour is kept, since the
    /// room may be on its way into a ledger, and is asked for again after a minute; older events
    /// are deleted.
    Nobody,
}

/// What a ticket has not been told of yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnreportedEvents {
    /// How many events there are.
    pub total: u64,
    /// Up to where these events go, for [`Save::reported_through`](super::Save::reported_through):
    /// it grows with each folder that is placed.
    pub last: i64,
    /// When the first one came in, by the store's own clock.
    pub first_at: Option<Timestamp>,
    /// When the last one came in, by the store's own clock.
    pub last_at: Option<Timestamp>,
    /// The events in the order in which they came in, as many as were asked for.
    pub events: Vec<RoomEvent>,
}

/// Keeps what happened in rooms.
#[async_trait::async_trait]
pub trait RoomEvents: Send + Sync + fmt::Debug {
    /// Folders with events that are not placed, the longest waiting first. One that belonged to
    /// nobody waits anew: it is among them again after a minute.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn unplaced(&self, most: usize) -> Result<Vec<FolderId>, StoreError>;

    /// The events of a folder that are not placed belong to the ticket that has this room, or to
    /// nobody. However many there are, they are placed at once; if there are none, nothing follows.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn place(&self, folder: FolderId, room: Option<RoomId>) -> Result<Placed, StoreError>;

    /// What a ticket, by its number ([`Claim::number`](super::Claim::number)), has not been told of
    /// yet: of the oldest `most` events all that is known.
    ///
    /// # Errors
    /// When the store can't be reached, or an event can't be read.
    async fn unreported_events(
        &self,
        ticket: i64,
        through: Option<i64>,
        most: usize,
    ) -> Result<UnreportedEvents, StoreError>;
}

/// An event as it is kept, with what goes for all events of its ticket.
pub(super) struct UnreportedRow {
    pub(super) folder: i64,
    pub(super) kind: String,
    pub(super) entry: i64,
    pub(super) title: String,
    pub(super) done_by: String,
    pub(super) done_at: i64,
    pub(super) total: i64,
    pub(super) last: i64,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
}

impl UnreportedEvents {
    /// Of the rows of a ticket, which are none or at least one: of those, `most` are asked for.
    pub(super) fn read(rows: Vec<UnreportedRow>, most: usize) -> Result<Self, StoreError> {
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            total: u64::try_from(row.total).unwrap_or(0),
            last: row.last,
            first_at: Some(timestamp(row.first_at)),
            last_at: Some(timestamp(row.last_at)),
            events: rows.into_iter().take(most).map(UnreportedRow::event).collect::<Result<_, _>>()?,
        })
    }
}

impl UnreportedRow {
    fn event(self) -> Result<RoomEvent, StoreError> {
        let unreadable = |what: &str| StoreError::Unreadable(format!("{what} of an event of a room"));
        Ok(RoomEvent {
            folder: FolderId(self.folder),
            what: RoomEventKind::from_name(&self.kind).ok_or_else(|| unreadable("the kind"))?,
            entry: self.entry,
            title: self.title,
            by: self.done_by.parse().map_err(|_| unreadable("the user"))?,
            at: timestamp(self.done_at),
        })
    }
}
