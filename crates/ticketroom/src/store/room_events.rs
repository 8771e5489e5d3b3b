//! Events of rooms on their way into a ticket's note.
//!
//! DocSpace names the folder of a file, not its room. So an event is kept with its folder first, and is *placed* once somebody
//! has asked which room that is: then it belongs to the ticket that has the room, which is due. It is deleted by the commit
//! that records the note that tells of it.

use std::fmt;

use super::StoreError;
use crate::clock::Timestamp;
use crate::room::{FolderId, RoomId};
use crate::room_event::RoomEvent;

/// What became of the events of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// They belong to a ticket, which is due.
    Ticket,
    /// No ticket has the room. What came in within the last quarter of an hour is kept, since the room may be on its way
    /// into a ledger; older events are deleted.
    Nobody,
}

/// What a ticket has not been told of yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomNews {
    /// How many events there are.
    pub total: u64,
    /// The number of the last one: all up to it are told by one note.
    pub last: i64,
    /// When the first one came in.
    pub first_at: Option<Timestamp>,
    /// When the last one came in.
    pub last_at: Option<Timestamp>,
    /// The events, oldest first, as many as were asked for.
    pub events: Vec<RoomEvent>,
}

/// Keeps what happened in rooms.
#[async_trait::async_trait]
pub trait RoomEvents: Send + Sync + fmt::Debug {
    /// Folders with events that are not placed, the longest waiting first.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn unplaced(&self, most: usize) -> Result<Vec<FolderId>, StoreError>;

    /// The events of a folder that are not placed belong to the ticket that has this room, or to nobody.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn place(&self, folder: FolderId, room: Option<RoomId>) -> Result<Placed, StoreError>;

    /// What a ticket has not been told of yet: of the oldest `most` events all that is known.
    ///
    /// # Errors
    /// When the store can't be reached, or an event can't be read.
    async fn room_news(&self, ticket: i64, most: usize) -> Result<RoomNews, StoreError>;
}
