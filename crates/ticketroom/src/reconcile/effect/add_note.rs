//! Adds a further internal note to a ticket: this one, or another one that it was merged into.

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::helpdesk::{InternalNote, NoteAdded, NoteId, NoteState, NoteText};
use crate::ledger::Entry;
use crate::store::{EffectKind, EffectTarget};
use crate::ticket::TicketKey;

/// Adds a note to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddNote {
    /// Which ticket.
    pub on: TicketKey,
    /// Which note.
    pub id: NoteId,
    /// What it says.
    pub text: NoteText,
    /// What it is about, for the timeline.
    pub about: String,
    /// What is known of it.
    pub state: NoteState,
}

impl AddNote {
    /// Its name in the ledger.
    #[must_use]
    pub fn name(&self) -> String {
        name(&self.on, &self.id)
    }
}

/// The name of a note in the ledger.
#[must_use]
pub fn name(on: &TicketKey, id: &NoteId) -> String {
    format!("{on}/{id}")
}

impl Perform for AddNote {
    const KIND: EffectKind = EffectKind::new("add_note");
    type Outcome = NoteAdded;

    fn target(&self) -> Option<EffectTarget> {
        Some(self.name().as_str().into())
    }

    fn intend(&self, records: &mut Records<'_>) {
        // While an earlier call may still land, this one only looks.
        if self.state != NoteState::Settling {
            records.ledger.notes.entry(self.name()).or_default().state =
                Entry::Pending { since: records.now };
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<NoteAdded, Failure> {
        let note = InternalNote { key: &self.on, id: &self.id, text: &self.text, state: self.state };
        context.helpdesk.add_note(&note).await
    }

    fn record(&self, added: NoteAdded, records: &mut Records<'_>) -> Recorded {
        records.ledger.notes.entry(self.name()).or_default().state = Entry::Done;
        match added {
            NoteAdded::Written => Recorded::done(records, "noted", format!("added a note: {}", self.about)),
            NoteAdded::NotPossible(why) => {
                Recorded::done(records, "not_noted", format!("no note about {}: {why}", self.about))
            }
        }
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        if self.state == NoteState::Settling {
            return;
        }
        let state = match failure.side_effect() {
            SideEffect::None => Entry::NotBegun,
            SideEffect::Unknown => Entry::Pending { since: records.now },
        };
        records.ledger.notes.entry(self.name()).or_default().state = state;
    }
}
