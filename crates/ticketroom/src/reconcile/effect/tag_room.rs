//! Gives a room the ticket's tag: one that was found by its title, or created by a server that
//! ignores the tags of a new room (2.x). Repeatable. The tag is what a room is found by when all
//! else is lost; a server that refuses it is no reason to keep the room from its people.

use super::{Context, Perform, Recorded, Records};
use crate::call::Failure;
use crate::ledger::RoomEntry;
use crate::room::RoomId;
use crate::store::{EffectKind, EffectTarget};

/// Gives a room the ticket's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRoom {
    /// The room.
    pub room: RoomId,
}

/// Whether the room has the tag.
#[derive(Debug)]
pub(in crate::reconcile) enum Tagged {
    /// It does.
    Yes,
    /// DocSpace refused it.
    Refused(Failure),
}

impl Perform for TagRoom {
    const KIND: EffectKind = EffectKind::new("tag_room");
    type Outcome = Tagged;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, _: &mut Records<'_>) {
        // Repeatable: nothing has to be known of an earlier call.
    }

    async fn run(&self, context: Context<'_>) -> Result<Tagged, Failure> {
        match context.docspace.add_tag(self.room, &context.key.tag()).await {
            Ok(()) => Ok(Tagged::Yes),
            Err(failure) if failure.is_transient() => Err(failure),
            // A refusal does not prove that the tag was not saved.
            Err(failure) => match context.docspace.room(self.room).await {
                Ok(found) if found.has_tag(&context.key.tag()) => Ok(Tagged::Yes),
                Err(look) if look.is_transient() => Err(look),
                _ => Ok(Tagged::Refused(failure)),
            },
        }
    }

    fn record(&self, outcome: Tagged, records: &mut Records<'_>) -> Recorded {
        if let RoomEntry::Made { tagged, .. } = &mut records.ledger.room {
            *tagged = true;
        }
        match outcome {
            Tagged::Yes => Recorded::done(records, "room_tagged", "gave the room the ticket's tag"),
            Tagged::Refused(failure) => {
                let text = format!("the room goes without the ticket's tag: {failure}");
                Recorded::done(records, "room_not_tagged", text)
            }
        }
    }

    fn take_back(&self, _: &Failure, _: &mut Records<'_>) {
        // No intent was written down.
    }
}
