//! The steps: one effect a file. Each is intended (in the ledger, committed), run (the calls), and recorded.

mod access;
mod archive_extra;
mod create_room;
mod folders;
mod link;
mod tag_room;
mod write_back;

use std::time::Duration;

use super::advice::advice;
use super::steps::{FoldersStart, Step};
use crate::call::{Effect, Failure};
use crate::clock::{Clock, Timestamp, after};
use crate::docspace::DocSpace;
use crate::docspace::links::SharedLink;
use crate::docspace::skeleton::Skeletons;
use crate::helpdesk::{Helpdesk, Note, WrittenBack};
use crate::ledger::{Creates, Entry, INTERNAL_LINK, Ledger, LinkEntry, Refusal, RoomEntry};
use crate::room::Room;
use crate::store::Event;
use crate::template::Template;
use crate::ticket::{Ticket, TicketKey};

pub(super) use access::Admitted;
pub(super) use archive_extra::PutAway;

/// What steps work with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) key: &'a TicketKey,
    pub(super) ticket: &'a Ticket,
    pub(super) template: &'a Template,
    pub(super) docspace: &'a DocSpace,
    /// `None` where the portal is not to hold folder skeletons.
    pub(super) skeletons: Option<&'a Skeletons>,
    pub(super) helpdesk: &'a dyn Helpdesk,
    pub(super) clock: &'a dyn Clock,
}

/// What a step brought about.
#[derive(Debug)]
pub(super) enum Outcome {
    RoomCreated {
        room: Room,
        tagged: bool,
    },
    Tagged,
    NotTagged(Failure),
    /// All folders are there; so many were made now.
    Folders {
        made: usize,
    },
    /// Some folders are missing, and may still come.
    FoldersMayCome {
        until: Timestamp,
    },
    Admitted(Admitted),
    Linked(SharedLink),
    WrittenBack {
        url: String,
        done: WrittenBack,
    },
    PutAway {
        rooms: PutAway,
        next: Timestamp,
    },
}

impl Step {
    /// Notes a step that makes no call in the ledger.
    pub(super) fn note(&self, ledger: &mut Ledger, now: Timestamp) -> Option<Event> {
        let event = |kind, text| Some(Event { at: now, kind, text });
        match self {
            Self::Adopt { template, room, tagged } => {
                ledger.template = Some(template.clone());
                ledger.room = RoomEntry::Made { room: room.clone(), tagged: *tagged, adopted: true };
                event(
                    "room_found",
                    format!("found room {} “{}”, which is this ticket's", room.id, room.title),
                )
            }
            Self::NoteDeleted => {
                let RoomEntry::Made { room, .. } = &ledger.room else { return None };
                let room = room.clone();
                let text = format!("room {} is gone: somebody deleted it in DocSpace", room.id);
                ledger.room = RoomEntry::Deleted { room };
                event("room_deleted", text)
            }
            Self::NoteRestored => {
                let RoomEntry::Deleted { room } = &ledger.room else { return None };
                let room = room.clone();
                let text = format!("room {} is there after all", room.id);
                ledger.room = RoomEntry::Made { room, tagged: true, adopted: true };
                event("room_restored", text)
            }
            Self::BeginAgain => {
                *ledger = ledger.begin_again();
                event("begin_again", "a new room is made, as asked".to_owned())
            }
            Self::NoteLink { url } => {
                ledger.link = LinkEntry::Done { url: url.clone(), internal: false };
                event("linked", format!("the room's address is {url}"))
            }
            Self::NoteWrittenBack => {
                ledger.write_back.url = ledger.link.url().map(str::to_owned);
                ledger.write_back.noted = true;
                ledger.write_back.state = Entry::Done;
                event("written_back", "the link is in the ticket already".to_owned())
            }
            Self::NoteNotMade => {
                let RoomEntry::Pending { refusal: Some(refusal), .. } = &mut ledger.room else { return None };
                refusal.confirmed = true;
                event("room_not_made", "looked for the room: DocSpace has not made it".to_owned())
            }
            Self::EndAudit { used, next } => {
                set_next_audit(ledger, *next);
                match (used.is_empty(), next) {
                    (false, _) => event("audited", archive_extra::used_text(used)),
                    (true, None) => event("audited", "looked for a second room: there is none".to_owned()),
                    // The last look tells.
                    (true, Some(_)) => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the step makes no call.
    pub(super) fn is_note(&self) -> bool {
        matches!(
            self,
            Self::Adopt { .. }
                | Self::NoteDeleted
                | Self::NoteRestored
                | Self::BeginAgain
                | Self::NoteLink { .. }
                | Self::NoteWrittenBack
                | Self::NoteNotMade
                | Self::EndAudit { .. }
        )
    }

    /// Writes the intent into the ledger; to be committed before [`run`](Self::run).
    pub(super) fn intend(&self, ledger: &mut Ledger, now: Timestamp, settle: Duration) {
        match self {
            Self::CreateRoom { template, title, attempt, .. } => {
                ledger.template = Some(template.clone());
                let (title, attempt) = (title.clone(), *attempt);
                let before = match &ledger.room {
                    RoomEntry::Pending { since, .. } => Some(*since),
                    _ => None,
                };
                ledger.room = RoomEntry::Pending {
                    title,
                    since: before.unwrap_or(now),
                    attempt,
                    looks: 0,
                    gave_up: before.map(|_| now),
                    first_look: None,
                    refusal: None,
                };
                if let Some(first) = before {
                    // The one before may land after all.
                    ledger.creates = Some(Creates { first, last: now });
                    ledger.audit_at = Some(after(now, settle));
                }
            }
            // While an earlier call may land, nothing new is asked for.
            Self::Folders { start: FoldersStart::Settling(_), .. } => {}
            Self::Folders { .. } => ledger.folders = Entry::Pending { since: now },
            Self::Access { .. } => ledger.access.state = Entry::Pending { since: now },
            Self::Link { .. } => ledger.link = LinkEntry::Pending { since: now },
            Self::WriteBack { note: Note::Settling, .. } => {}
            Self::WriteBack { .. } => ledger.write_back.state = Entry::Pending { since: now },
            Self::TagRoom { .. } | Self::ArchiveExtra { .. } => {}
            Self::Adopt { .. }
            | Self::NoteDeleted
            | Self::NoteRestored
            | Self::BeginAgain
            | Self::NoteLink { .. }
            | Self::NoteWrittenBack
            | Self::NoteNotMade
            | Self::EndAudit { .. } => {}
        }
    }

    /// Makes the calls.
    pub(super) async fn run(&self, context: Context<'_>) -> Result<Outcome, Failure> {
        match self {
            Self::CreateRoom { title, room_type, .. } => create_room::run(context, title, *room_type).await,
            Self::TagRoom { room } => tag_room::run(context, *room).await,
            Self::Folders { room, start } => folders::run(context, *room, *start).await,
            Self::Access { room, grants } => access::run(context, *room, grants).await.map(Outcome::Admitted),
            Self::Link { room, kind } => link::run(context, *room, *kind).await.map(Outcome::Linked),
            Self::WriteBack { room, url, note } => write_back::run(context, room, url, *note).await,
            Self::ArchiveExtra { rooms, used, granted, next } => {
                let mut put_away = archive_extra::run(context, rooms, granted).await?;
                put_away.used.extend(used);
                Ok(Outcome::PutAway { rooms: put_away, next: *next })
            }
            Self::Adopt { .. }
            | Self::NoteDeleted
            | Self::NoteRestored
            | Self::BeginAgain
            | Self::NoteLink { .. }
            | Self::NoteWrittenBack
            | Self::NoteNotMade
            | Self::EndAudit { .. } => unreachable!("noted, not run"),
        }
    }

    /// Takes an intent back that surely came to nothing. One that may have had its effect stays.
    pub(super) fn record_failure(&self, failure: &Failure, ledger: &mut Ledger, now: Timestamp) {
        if failure.effect() == Effect::Unknown {
            // What was sent may have been sent just now, however long ago it was intended.
            match (self, &mut ledger.room) {
                (Self::CreateRoom { .. }, room) => {
                    room.give_up(now);
                    if let RoomEntry::Pending { refusal, .. } = room
                        && !failure.is_transient()
                    {
                        *refusal = Some(Refusal { reason: advice(failure), confirmed: false });
                    }
                }
                (Self::Folders { start: FoldersStart::Empty | FoldersStart::Unknown, .. }, _) => {
                    ledger.folders = Entry::Pending { since: now };
                }
                (Self::WriteBack { note: Note::Missing | Note::Uncertain, .. }, _) => {
                    ledger.write_back.state = Entry::Pending { since: now };
                }
                _ => {}
            }
            return;
        }
        match self {
            Self::CreateRoom { .. } => {
                ledger.room = RoomEntry::Absent;
                ledger.template = None;
            }
            Self::Folders { start: FoldersStart::Empty | FoldersStart::Unknown, .. } => {
                folders::record_failure(ledger);
            }
            Self::Access { .. } => ledger.access.state = Entry::NotBegun,
            Self::Link { .. } => ledger.link = LinkEntry::NotBegun,
            // Whatever was asked for before had been settled by looking.
            Self::WriteBack { note: Note::Missing | Note::Uncertain, .. } => {
                ledger.write_back.state = Entry::NotBegun;
            }
            _ => {}
        }
    }
}

impl Outcome {
    /// Whether the ticket is further than before.
    pub(super) fn is_progress(&self) -> bool {
        match self {
            Self::Admitted(admitted) => admitted.lets_somebody_in(),
            _ => true,
        }
    }

    /// Writes the outcome into the ledger.
    pub(super) fn record(self, ledger: &mut Ledger, now: Timestamp) -> Option<Event> {
        let event = |kind, text| Some(Event { at: now, kind, text });
        match self {
            Self::RoomCreated { room, tagged } => {
                let text = format!("made room {} “{}”", room.id, room.title);
                ledger.room = RoomEntry::Made { room, tagged, adopted: false };
                event("room_created", text)
            }
            Self::Tagged => {
                set_tagged(ledger);
                event("room_tagged", "gave the room the ticket's tag".to_owned())
            }
            Self::NotTagged(failure) => {
                set_tagged(ledger);
                event("room_not_tagged", format!("the room goes without the ticket's tag: {failure}"))
            }
            Self::Folders { made } => {
                ledger.folders = Entry::Done;
                event(
                    "folders_ready",
                    if made == 0 {
                        "all folders are there".to_owned()
                    } else {
                        format!("made {made} folders")
                    },
                )
            }
            Self::FoldersMayCome { .. } => None,
            Self::Admitted(admitted) => access::record(admitted, ledger, now),
            Self::Linked(SharedLink { url, internal }) => {
                let text = match internal {
                    false => format!("the room's link is {url}"),
                    true => format!("the room's link is {url}; {INTERNAL_LINK}"),
                };
                ledger.link = LinkEntry::Done { url, internal };
                event("linked", text)
            }
            Self::WrittenBack { url, done } => write_back::record(url, &done, ledger, now),
            Self::PutAway { rooms, next } => {
                // Without a create that may still land, rooms that people use are no reason to look again.
                let next = if rooms.archived.is_empty() {
                    ledger.creates.and_then(|creates| creates.next_audit(now, Duration::ZERO))
                } else {
                    Some(next)
                };
                set_next_audit(ledger, next);
                event("extra_archived", rooms.text())
            }
        }
    }
}

fn set_next_audit(ledger: &mut Ledger, next: Option<Timestamp>) {
    ledger.audit_at = next;
    if next.is_none() {
        ledger.creates = None;
    }
}

fn set_tagged(ledger: &mut Ledger) {
    if let RoomEntry::Made { tagged, .. } = &mut ledger.room {
        *tagged = true;
    }
}
