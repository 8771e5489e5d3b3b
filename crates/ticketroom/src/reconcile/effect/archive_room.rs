//! Moves the room into the archive. Repeatable: nothing happens to a room that is there already.

use super::move_room::{self, Moved};
use super::{Context, Perform, Recorded, Records};
use crate::call::Failure;
use crate::ledger::Location;
use crate::room::{LinkKind, RoomId};
use crate::store::{EffectKind, EffectTarget};

/// Moves the room into the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRoom {
    /// The room.
    pub room: RoomId,
    /// Which address the ticket has.
    pub link: LinkKind,
    /// Why, for the timeline.
    pub why: String,
}

impl Perform for ArchiveRoom {
    const KIND: EffectKind = EffectKind::new("archive_room");
    type Outcome = Moved;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        records.ledger.location.begin_move(Location::Archived, records.now);
    }

    async fn run(&self, context: Context<'_>) -> Result<Moved, Failure> {
        let operation = context.docspace.archive_room(self.room).await?;
        Ok(move_room::follow(context.docspace, self.room, Location::Archived, operation).await)
    }

    fn record(&self, moved: Moved, records: &mut Records<'_>) -> Recorded {
        move_room::record(moved, Location::Archived, self.link, &self.why, records)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        move_room::take_back(failure, records);
    }
}
