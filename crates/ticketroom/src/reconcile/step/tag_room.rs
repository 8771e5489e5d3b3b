//! Gives a room the ticket's tag: one that was found by its title, or made by a server that ignores the tags of a
//! new room (2.x). Repeatable. The tag is what a room is found by when all else is lost; a server that refuses it is no
//! reason to keep the room from its people.

use super::{Context, Outcome};
use crate::call::Failure;
use crate::room::RoomId;

pub(super) async fn run(context: Context<'_>, room: RoomId) -> Result<Outcome, Failure> {
    match context.docspace.add_tag(room, &context.key.tag()).await {
        Ok(()) => Ok(Outcome::Tagged),
        Err(failure) if failure.is_transient() => Err(failure),
        // A refusal does not prove that the tag was not saved.
        Err(failure) => match context.docspace.room(room).await {
            Ok(found) if found.has_tag(&context.key.tag()) => Ok(Outcome::Tagged),
            Err(look) if look.is_transient() => Err(look),
            _ => Ok(Outcome::NotTagged(failure)),
        },
    }
}
