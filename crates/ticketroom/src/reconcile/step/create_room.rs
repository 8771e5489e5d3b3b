//! Makes the room. Not repeatable: the ledger sees to it that it is asked for once at a time.

use super::{Context, Outcome};
use crate::call::Failure;
use crate::room::RoomType;

pub(super) async fn run(context: Context<'_>, title: &str, room_type: RoomType) -> Result<Outcome, Failure> {
    let room = context.docspace.create_room(title, room_type, &context.key.tag()).await?;
    Ok(Outcome::RoomCreated(room))
}
