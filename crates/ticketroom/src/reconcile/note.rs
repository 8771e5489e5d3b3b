//! Notes: steps that change the ledger only. They call nothing, so they need no intent of their own; they are committed with
//! the next intent or with the end of the run.

use super::effect::used_text;
use super::observe::{Observation, RoomNow};
use crate::clock::Timestamp;
use crate::ledger::{Entry, Ledger, LinkEntry, RoomEntry};
use crate::room::{Room, RoomId};
use crate::store::Event;

/// A change of the ledger that follows from what was seen or asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A room that was found is the ticket's.
    Adopt {
        /// The template that counts from now on.
        template: String,
        /// The room.
        room: Room,
        /// Whether it carries the ticket's tag.
        tagged: bool,
    },
    /// The room is gone.
    Deleted,
    /// A room that was thought to be gone is there.
    Restored,
    /// A room that is gone is forgotten, since a person asked for a new one.
    BeginAgain,
    /// The address of the room's page for members, which needs no asking.
    Link {
        /// The address.
        url: String,
    },
    /// The link is in the ticket already.
    WrittenBack,
    /// A create that was refused has created no room.
    NotCreated,
    /// There is no second room to archive.
    EndAudit {
        /// Rooms with the ticket's tag that people have worked in: for a person to look at.
        used: Vec<RoomId>,
        /// When to look again.
        next: Option<Timestamp>,
    },
}

impl Note {
    /// Writes it into the ledger, and into what was seen where that is about another room from now on.
    pub(super) fn apply(&self, ledger: &mut Ledger, seen: &mut Observation, now: Timestamp) -> Option<Event> {
        let event = |kind, text| Some(Event { at: now, kind, text });
        match self {
            Self::Adopt { template, room, tagged } => {
                ledger.template = Some(template.clone());
                ledger.room = RoomEntry::Made { room: room.clone(), tagged: *tagged, adopted: true };
                seen.room = Some(seen.state_of(room.id));
                event(
                    "room_found",
                    format!("found room {} “{}”, which is this ticket's", room.id, room.title),
                )
            }
            Self::Deleted => {
                let RoomEntry::Made { room, .. } = &ledger.room else { return None };
                let text = format!("room {} is gone: somebody deleted it in DocSpace", room.id);
                ledger.room = RoomEntry::Deleted { room: room.clone() };
                seen.room = None;
                event("room_deleted", text)
            }
            Self::Restored => {
                let RoomEntry::Deleted { room } = &ledger.room else { return None };
                let text = format!("room {} is there after all", room.id);
                seen.room = Some(seen.state_of(room.id));
                ledger.room = RoomEntry::Made { room: room.clone(), tagged: true, adopted: true };
                event("room_restored", text)
            }
            Self::BeginAgain => {
                *ledger = ledger.begin_again();
                seen.room = None;
                event("begin_again", "a new room is created, as asked".to_owned())
            }
            Self::Link { url } => {
                ledger.link = LinkEntry::Done { url: url.clone(), internal: false };
                event("linked", format!("the room's address is {url}"))
            }
            Self::WrittenBack => {
                ledger.write_back.url = ledger.link.url().map(str::to_owned);
                ledger.write_back.noted = true;
                ledger.write_back.state = Entry::Done;
                event("written_back", "the link is in the ticket already".to_owned())
            }
            Self::NotCreated => {
                let RoomEntry::Pending { refusal: Some(refusal), .. } = &mut ledger.room else { return None };
                refusal.confirmed = true;
                event("room_not_made", "looked for the room: DocSpace has not created it".to_owned())
            }
            Self::EndAudit { used, next } => {
                ledger.set_next_audit(*next);
                match (used.is_empty(), next) {
                    (false, _) => event("audited", used_text(used)),
                    (true, None) => event("audited", "looked for a second room: there is none".to_owned()),
                    // The last look tells.
                    (true, Some(_)) => None,
                }
            }
        }
    }
}

impl Observation {
    /// How a room stands of which it is known that it is there.
    fn state_of(&self, room: RoomId) -> RoomNow {
        let mut found = self.tagged.iter().chain(&self.untagged).chain(&self.tagged_by_others);
        if found.any(|found| found.room.id == room && found.archived) {
            RoomNow::Archived
        } else {
            RoomNow::Active
        }
    }
}
