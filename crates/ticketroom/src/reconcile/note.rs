//! Notes: steps that change the ledger only. They call nothing, so they need no intent of their
//! own; they are committed with the next intent or with the end of the run.

use uuid::Uuid;

use super::effect::{move_failed, reopened, used_text};
use super::observe::{Observation, RoomNow};
use crate::clock::Timestamp;
use crate::ledger::{
    AppliedRequest, Entry, LateAccess, Ledger, LinkEntry, Location, Mover, NoteWhat, RoomEntry,
};
use crate::room::{LinkKind, Role, Room, RoomId};
use crate::store::Event;
use crate::template::Grant;

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
    Deleted {
        /// The name of the note that the ticket gets, if it gets one.
        note: Option<String>,
    },
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
    /// A person's request about the room applies from now on.
    RequestApplied {
        /// Where the room is to be.
        wants: Location,
        /// Which of the ticket's requests that is.
        nth: i64,
        /// What the ticket is like, as a digest.
        ticket: String,
    },
    /// The ticket is seen for the first time since a person's request was applied.
    RequestSeen {
        /// What the ticket is like, as a digest.
        ticket: String,
    },
    /// The ticket has changed after a person's request, which has expired.
    RequestExpired,
    /// The ticket is over.
    Over {
        /// In which way, and what follows.
        why: String,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// The ticket is not over any more.
    Reopened,
    /// The ticket is in another project or brand, so the rules were asked again.
    Moved {
        /// Where it is now.
        place: Option<String>,
        /// The template that counts from now on, if it is another one.
        template: Option<String>,
    },
    /// A look has confirmed that the room was moved.
    Arrived {
        /// Where to.
        to: Location,
        /// Which address the ticket has.
        link: LinkKind,
    },
    /// A person archived the room, or took it out of the archive.
    MovedByHand {
        /// Where to.
        to: Location,
        /// Whether the ticket is over.
        is_over: bool,
        /// The name of the note that the ticket gets, if it gets one.
        note: Option<String>,
        /// Which address the ticket has.
        link: LinkKind,
    },
    /// A move that is not wanted any more did not happen, and can't happen any more.
    MoveOver,
    /// DocSpace reports that a move which an earlier run asked for has failed.
    MoveFailed,
    /// A look has confirmed the room's title.
    Renamed,
    /// The room has a title that a call without an answer asked for, before the last one.
    LateRename {
        /// The title.
        title: String,
    },
    /// A person gave the room this title.
    TitleByHand {
        /// The title.
        title: String,
    },
    /// A person removed these from the room.
    RemovedByHand {
        /// Who had access.
        grants: Vec<Grant>,
    },
    /// A person gave somebody another role.
    RoleByHand {
        /// Who.
        id: Uuid,
        /// The role that they have now.
        role: Role,
    },
    /// Somebody has the role that a call without an answer asked for.
    LateRole {
        /// Who.
        id: Uuid,
        /// The role that they have now.
        role: Role,
    },
    /// Whoever had access because of the ticket keeps it or has lost it already, and is no concern
    /// of the ticket's any more; or they lost it by a call of ours whose answer was lost, and get
    /// it again.
    FormerForgotten {
        /// Whom the ledger need not have.
        grants: Vec<Grant>,
    },
    /// The room has another owner.
    OwnerChanged {
        /// Who.
        owner: Uuid,
        /// Whether that is our user.
        is_us: bool,
    },
    /// Nobody wants to be told of what happened in the room.
    EventsDropped {
        /// The last event.
        through: i64,
    },
    /// There is no second room to archive.
    EndAudit {
        /// Rooms with the ticket's tag that people have worked in: for a person to look at.
        used: Vec<RoomId>,
        /// When to look again.
        next: Option<Timestamp>,
    },
}

impl Note {
    /// Writes it into the ledger, and into what was seen where that is about another room from now
    /// on.
    pub(super) fn apply(&self, ledger: &mut Ledger, seen: &mut Observation, now: Timestamp) -> Option<Event> {
        let event = |kind, text| Some(Event { at: now, kind, text });
        match self {
            Self::Adopt { template, room, tagged } => {
                ledger.template = Some(template.clone());
                ledger.room = RoomEntry::Made { room: room.clone(), tagged: *tagged, adopted: true };
                seen.room = Some(seen.state_of(room.id));
                seen.details = None;
                event(
                    "room_found",
                    format!("found room {} “{}”, which is this ticket's", room.id, room.title),
                )
            }
            Self::Deleted { note } => {
                let RoomEntry::Made { room, .. } = &ledger.room else { return None };
                let text = format!("room {} is gone: somebody deleted it in DocSpace", room.id);
                ledger.room = RoomEntry::Deleted { room: room.clone() };
                seen.room = None;
                seen.details = None;
                if let Some(note) = note {
                    ledger.notes.insert(note.clone(), NoteWhat::Deleted.into());
                }
                event("room_deleted", text)
            }
            Self::RequestApplied { wants, nth, ticket } => {
                let applied = AppliedRequest { wants: *wants, nth: *nth, at: now, ticket: ticket.clone() };
                ledger.life.request = Some(applied);
                ledger.life.last_request = Some(*nth);
                None
            }
            Self::RequestSeen { ticket } => {
                if let Some(applied) = &mut ledger.life.request {
                    applied.ticket = ticket.clone();
                }
                None
            }
            Self::RequestExpired => {
                ledger.life.request = None;
                ledger.location.kept_active = false;
                event("request_expired", "the ticket has changed since: its room follows it again".to_owned())
            }
            Self::Over { why, deleted } => {
                let life = &mut ledger.life;
                life.undeleted = life.deleted && !deleted;
                life.deleted = *deleted;
                // What was solved before it was deleted has had its grace.
                if !deleted || life.over_since.is_none() {
                    life.over_since = Some(now);
                }
                event("ticket_over", why.clone())
            }
            Self::Reopened => {
                ledger.life.over_since = None;
                ledger.life.deleted = false;
                ledger.life.undeleted = false;
                ledger.location.kept_active = false;
                // Whoever archived the room: people are to work in it again.
                ledger.location.by = Mover::Us;
                event("ticket_reopened", "the ticket is open again".to_owned())
            }
            Self::Moved { place, template } => {
                let before = std::mem::replace(&mut ledger.life.place, place.clone());
                if let Some(template) = template {
                    ledger.template = Some(template.clone());
                }
                let place = place.as_deref().unwrap_or("none");
                let text = match template {
                    Some(template) => {
                        format!(
                            "the ticket was moved to {place}: the template “{template}” counts from now on"
                        )
                    }
                    None => format!("the ticket was moved to {place}"),
                };
                before.and_then(|_| event("ticket_moved", text))
            }
            Self::Arrived { to, link } => {
                ledger.location.arrive(*to, Mover::Us);
                match to {
                    Location::Archived => event("room_archived", "the room is in the archive".to_owned()),
                    Location::Active => {
                        reopened(ledger, *link);
                        event("room_unarchived", "the room is out of the archive".to_owned())
                    }
                }
            }
            Self::MovedByHand { to: Location::Archived, is_over, note, .. } => {
                // Ours would be taken out again until the grace is over. Where only a person's word
                // says that the ticket is over, the room is to come back once that word counts no
                // more.
                let is_asked = *is_over && ledger.life.over_since.is_none();
                let by = if is_asked { Mover::Us } else { Mover::Person };
                ledger.location.arrive(Location::Archived, by);
                if let Some(note) = note {
                    ledger.notes.insert(note.clone(), NoteWhat::Archived.into());
                }
                event("room_archived", "somebody archived the room in DocSpace".to_owned())
            }
            Self::MovedByHand { to: Location::Active, is_over, link, .. } => {
                ledger.location.arrive(Location::Active, Mover::Person);
                reopened(ledger, *link);
                ledger.location.kept_active = *is_over;
                let stays =
                    if *is_over { ", where it stays until the ticket is solved once more" } else { "" };
                event("room_unarchived", format!("somebody took the room out of DocSpace's archive{stays}"))
            }
            Self::MoveFailed => {
                let moving = ledger.location.moving.as_mut()?;
                let reason = move_failed(moving.to);
                let text = reason.text.clone();
                moving.operation = None;
                moving.failed = Some(reason);
                event("failed", text)
            }
            Self::MoveOver => {
                ledger.location.moving = None;
                None
            }
            Self::Renamed => {
                ledger.title.state = Entry::Done;
                let asked = ledger.title.asked.clone();
                match (&mut ledger.room, asked) {
                    (RoomEntry::Made { room, .. }, Some(asked)) => {
                        room.title = asked;
                        event("room_renamed", format!("renamed the room “{}”", room.title))
                    }
                    _ => None,
                }
            }
            Self::LateRename { title } => {
                // What the ticket says now is asked for again.
                let entry = &mut ledger.title;
                entry.asked = Some(title.clone());
                entry.state = Entry::NotBegun;
                entry.by_hand = false;
                if let RoomEntry::Made { room, .. } = &mut ledger.room {
                    room.title = title.clone();
                }
                event("room_renamed", format!("an earlier call renamed the room “{title}” late"))
            }
            Self::TitleByHand { title } => {
                ledger.title.by_hand = true;
                ledger.title.state = Entry::Done;
                if let RoomEntry::Made { room, .. } = &mut ledger.room {
                    room.title = title.clone();
                }
                event(
                    "room_renamed",
                    format!("somebody renamed the room “{title}” in DocSpace; it keeps this title"),
                )
            }
            Self::RemovedByHand { grants } => {
                let access = &mut ledger.access;
                access.granted.retain(|granted| !grants.contains(&granted.grant));
                access.removed_by_hand.extend(grants.iter().cloned());
                let who: Vec<_> = grants.iter().map(|grant| grant.subject.to_string()).collect();
                let text =
                    format!("somebody removed {} from the room, who is not added again", who.join(", "));
                event("access_removed", text)
            }
            Self::RoleByHand { id, role } => {
                let mut who = Vec::new();
                for granted in ledger.access.granted.iter_mut().filter(|granted| granted.id == *id) {
                    granted.role = *role;
                    granted.by_hand = true;
                    who.push(granted.grant.subject.to_string());
                }
                let text = format!("somebody made {} {}, which stays", who.join(", "), role.as_str());
                event("access_changed", text)
            }
            Self::LateRole { id, role } => {
                for granted in ledger.access.granted.iter_mut().filter(|granted| granted.id == *id) {
                    granted.role = *role;
                }
                None
            }
            Self::FormerForgotten { grants } => {
                let access = &mut ledger.access;
                let (forgotten, granted) = std::mem::take(&mut access.granted)
                    .into_iter()
                    .partition::<Vec<_>, _>(|granted| grants.contains(&granted.grant));
                access.granted = granted;
                let is_forgotten = |id: &Uuid| forgotten.iter().any(|forgotten| forgotten.id == *id);
                access.revoking.retain(|id| !is_forgotten(id));
                access.late.retain(|late| match &late.what {
                    LateAccess::Grant(grant) => {
                        !forgotten.iter().any(|forgotten| forgotten.by_hand && forgotten.grant == *grant)
                    }
                    LateAccess::Role { id, .. } | LateAccess::Revoke(id) => !is_forgotten(id),
                });
                access.removed_by_hand.retain(|grant| !grants.contains(grant));
                None
            }
            Self::OwnerChanged { owner, is_us } => {
                ledger.owner = Some(*owner);
                let text = match is_us {
                    true => "our user owns the room again",
                    false => {
                        "somebody made another user the room's owner; our user can manage it only as a room manager or a DocSpace \
                         admin"
                    }
                };
                event("owner_changed", text.to_owned())
            }
            // The run tells the store.
            Self::EventsDropped { .. } => {
                seen.unreported = None;
                ledger.report.state = Entry::Done;
                None
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
                // The run tells the store: what happened in the old room is not told of the new
                // one.
                seen.unreported = None;
                ledger.report.state = Entry::Done;
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
                event("room_not_created", "looked for the room: DocSpace has not created it".to_owned())
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
