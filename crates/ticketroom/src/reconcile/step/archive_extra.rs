//! Archives further rooms of a ticket, which calls without an answer have left behind.
//!
//! A room is archived only if it holds nothing but what ticketroom puts into a room: the template's folders and the members
//! of the ticket's own room. Everything else is the work of people, and stays as it is. Repeatable: archiving a room that
//! is in the archive changes nothing.

use uuid::Uuid;

use super::Context;
use crate::call::{Cause, Failure};
use crate::room::{FolderId, RoomId};

/// What became of the further rooms.
#[derive(Debug, Default)]
pub(crate) struct PutAway {
    /// They are being archived.
    pub(super) archived: Vec<RoomId>,
    /// People have worked in them.
    pub(super) used: Vec<RoomId>,
}

impl PutAway {
    pub(super) fn text(&self) -> String {
        let archived = format!("archived empty second rooms: {}", list(&self.archived));
        match (self.archived.is_empty(), self.used.is_empty()) {
            (_, true) => archived,
            (false, false) => format!("{archived}; {}", used_text(&self.used)),
            (true, false) => used_text(&self.used),
        }
    }
}

pub(super) async fn run(
    context: Context<'_>,
    rooms: &[RoomId],
    granted: &[Uuid],
) -> Result<PutAway, Failure> {
    let mut put_away = PutAway::default();
    for room in rooms {
        match holds_only_ours(context, *room, granted).await {
            Ok(true) => {
                context.docspace.archive_room(*room).await?;
                put_away.archived.push(*room);
            }
            Ok(false) => put_away.used.push(*room),
            // Somebody deleted it meanwhile.
            Err(Failure { cause: Cause::NotFound, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(put_away)
}

async fn holds_only_ours(context: Context<'_>, room: RoomId, granted: &[Uuid]) -> Result<bool, Failure> {
    let (found, tree, members) = futures_util::try_join!(
        context.docspace.room(room),
        context.docspace.tree_state(FolderId::from(room), &context.template.folders),
        context.docspace.members(room),
    )?;
    let only_our_folders = found.files == 0 && found.folders == tree.present.len() as u64;
    let only_our_members = members.iter().all(|member| member.is_owner || granted.contains(&member.id));
    Ok(only_our_folders && only_our_members)
}

pub(super) fn used_text(rooms: &[RoomId]) -> String {
    format!("people have worked in a second room of this ticket, too; look at {} in DocSpace", list(rooms))
}

fn list(rooms: &[RoomId]) -> String {
    rooms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
