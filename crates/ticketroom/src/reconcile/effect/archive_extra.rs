//! Archives further rooms of a ticket, which calls without an answer have left behind.
//!
//! A room is archived only if it holds nothing but what ticketroom puts into a room: the template's
//! folders and the members of the ticket's own room. Everything else is the work of people, and
//! stays as it is. Repeatable: archiving a room that is in the archive changes nothing.

use std::time::Duration;

use uuid::Uuid;

use super::move_room;
use super::{Context, Perform, Recorded, Records};
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::ledger::Location;
use crate::room::{FolderId, RoomId};
use crate::store::{EffectKind, EffectTarget};
use crate::template::FolderTree;

/// Archives further rooms that hold nothing but what ticketroom puts into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveExtra {
    /// The rooms, none of which has files.
    pub rooms: Vec<RoomId>,
    /// Further rooms, in which people have worked.
    pub used: Vec<RoomId>,
    /// The template's folders.
    pub tree: FolderTree,
    /// Who was granted access to the ticket's own room.
    pub granted: Vec<Uuid>,
    /// When to look again.
    pub next: Timestamp,
}

/// What became of the further rooms.
#[derive(Debug, Default)]
pub(in crate::reconcile) struct Outcome {
    /// They are being archived.
    archived: Vec<RoomId>,
    /// People have worked in them.
    used: Vec<RoomId>,
}

impl Perform for ArchiveExtra {
    const KIND: EffectKind = EffectKind::new("archive_extra");
    type Outcome = Outcome;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, _: &mut Records<'_>) {
        // Repeatable: nothing has to be known of an earlier call.
    }

    async fn run(&self, context: Context<'_>) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        for room in &self.rooms {
            match self.holds_only_ours(context, *room).await {
                Ok(true) => {
                    let operation = context.docspace.archive_room(*room).await?;
                    // Whether it is there now is found out by the next look, however this one ends.
                    move_room::follow(context.docspace, *room, Location::Archived, operation).await;
                    outcome.archived.push(*room);
                }
                Ok(false) => outcome.used.push(*room),
                // Somebody deleted it meanwhile.
                Err(Failure { cause: Cause::NotFound, .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        outcome.used.extend(&self.used);
        Ok(outcome)
    }

    fn record(&self, Outcome { archived, used }: Outcome, records: &mut Records<'_>) -> Recorded {
        // Without a create that may still land, rooms that people use are no reason to look again.
        let next = if archived.is_empty() {
            records.ledger.creates.and_then(|creates| creates.next_audit(records.now, Duration::ZERO))
        } else {
            Some(self.next)
        };
        records.ledger.set_next_audit(next);
        let text = match (archived.is_empty(), used.is_empty()) {
            (true, false) => used_text(&used),
            (_, true) => format!("archived empty second rooms: {}", list(&archived)),
            (false, false) => {
                format!("archived empty second rooms: {}; {}", list(&archived), used_text(&used))
            }
        };
        Recorded::done(records, "extra_archived", text)
    }

    fn take_back(&self, _: &Failure, _: &mut Records<'_>) {
        // No intent was written down.
    }
}

impl ArchiveExtra {
    async fn holds_only_ours(&self, context: Context<'_>, room: RoomId) -> Result<bool, Failure> {
        let (found, tree, members) = futures_util::try_join!(
            context.docspace.room(room),
            context.docspace.tree_state(FolderId::from(room), &self.tree),
            context.docspace.members(room),
        )?;
        let only_our_folders = found.files == 0 && found.folders == tree.present.len() as u64;
        let only_our_members =
            members.iter().all(|member| member.is_owner || self.granted.contains(&member.id));
        Ok(only_our_folders && only_our_members)
    }
}

/// What people read of further rooms in which people have worked.
pub fn used_text(rooms: &[RoomId]) -> String {
    format!("people have worked in a second room of this ticket, too; look at {} in DocSpace", list(rooms))
}

fn list(rooms: &[RoomId]) -> String {
    rooms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
