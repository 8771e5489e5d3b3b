//! Makes the room. Not repeatable: the ledger sees to it that it is asked for once at a time.

use super::{Context, Outcome};
use crate::call::Failure;
use crate::room::RoomType;

pub(super) async fn run(context: Context<'_>, title: &str, room_type: RoomType) -> Result<Outcome, Failure> {
    let tag = context.key.tag();
    let made = context.docspace.create_room(title, room_type, &tag).await?;
    let tagged = made.has_tag(&tag);
    Ok(Outcome::RoomCreated { room: made.room, tagged })
}
