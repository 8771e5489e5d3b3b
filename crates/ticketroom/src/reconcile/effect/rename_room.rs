//! Gives the room the title that follows from the ticket now. Repeatable.

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::ledger::{Entry, Late, RoomEntry};
use crate::room::RoomId;
use crate::store::{EffectKind, EffectTarget};

/// Gives the room another title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameRoom {
    /// The room.
    pub room: RoomId,
    /// Its title, in DocSpace's form.
    pub title: String,
}

impl Perform for RenameRoom {
    const KIND: EffectKind = EffectKind::new("rename_room");
    /// The title that DocSpace stored.
    type Outcome = String;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        let title = &mut records.ledger.title;
        title.asked = Some(self.title.clone());
        title.state = Entry::Pending { since: records.now };
    }

    async fn run(&self, context: Context<'_>) -> Result<String, Failure> {
        context.docspace.rename_room(self.room, &self.title).await
    }

    fn record(&self, stored: String, records: &mut Records<'_>) -> Recorded {
        records.ledger.title.state = Entry::Done;
        let text = format!("renamed the room “{stored}”");
        if let RoomEntry::Made { room, .. } = &mut records.ledger.room {
            room.title = stored;
        }
        Recorded::done(records, "room_renamed", text)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        match failure.side_effect() {
            SideEffect::None => {
                records.ledger.title.asked = None;
                records.ledger.title.state = Entry::NotBegun;
            }
            // The next look at the room tells which title it has.
            SideEffect::Unknown => {
                Late::note(&mut records.ledger.title.late, self.title.clone(), records.now);
            }
        }
    }
}
