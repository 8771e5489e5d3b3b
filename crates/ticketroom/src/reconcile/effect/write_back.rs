//! Puts the link into the ticket. How that is done, and how a repeat is avoided, is up to the
//! helpdesk.

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::helpdesk::{NoteState, RoomLink, WrittenBack};
use crate::ledger::Entry;
use crate::room::Room;
use crate::store::{EffectKind, EffectTarget};

/// Puts the link into the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteBack {
    /// The room.
    pub room: Room,
    /// The address.
    pub url: String,
    /// What is known of our note.
    pub note: NoteState,
}

impl WriteBack {
    /// Whether it is the first to fill the ticket's places, rather than to look for the note or to
    /// put the link right.
    fn fills_the_places(&self) -> bool {
        match self.note {
            NoteState::Missing | NoteState::Uncertain | NoteState::Unwanted => true,
            NoteState::Settling | NoteState::Written => false,
        }
    }
}

impl Perform for WriteBack {
    const KIND: EffectKind = EffectKind::new("write_back");
    type Outcome = WrittenBack;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        // While an earlier call may still land, this one only looks.
        if self.note != NoteState::Settling {
            records.ledger.write_back.state = Entry::Pending { since: records.now };
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<WrittenBack, Failure> {
        let link = RoomLink {
            key: context.key,
            room: self.room.id,
            title: &self.room.title,
            url: &self.url,
            version: context.ticket.version.as_deref(),
            note: self.note,
        };
        context.helpdesk.write_back(&link).await
    }

    fn record(&self, done: WrittenBack, records: &mut Records<'_>) -> Recorded {
        let entry = &mut records.ledger.write_back;
        if entry.noted {
            entry.repaired_at = Some(records.now);
        }
        entry.url = Some(self.url.clone());
        entry.noted = true;
        entry.refused = done.warning.is_some();
        entry.state = Entry::Done;
        let text = match &done.warning {
            None => format!("put the link into the ticket ({})", done.place),
            Some(warning) => format!("put the link into the ticket ({}); {warning}", done.place),
        };
        Recorded::done(records, "written_back", text)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        if !self.fills_the_places() {
            return;
        }
        records.ledger.write_back.state = match failure.side_effect() {
            // Whatever was asked for before had been settled by looking.
            SideEffect::None => Entry::NotBegun,
            // What was sent may have been sent just now, however long ago it was intended.
            SideEffect::Unknown => Entry::Pending { since: records.now },
        };
    }
}
