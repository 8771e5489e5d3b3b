//! What an active room needs: its tag, its folders, the right people, its title, its address, and
//! that address in the ticket.

use std::time::Duration;

use super::life::sooner;
use super::{MadeRoom, Plan, Situation, access, tagged};
use crate::clock::after;
use crate::docspace::links::member_address;
use crate::docspace::reasons as docspace_reasons;
use crate::docspace::rooms::FoundRoom;
use crate::helpdesk::{LinkInTicket, NoteState};
use crate::ledger::{Entry, LinkEntry, Missing};
use crate::reason::Reason;
use crate::reconcile::effect::{
    ArchiveExtra, CreateRoom, Effect, Folders, FoldersStart, Link, Perform, RenameRoom, TagRoom, WriteBack,
};
use crate::reconcile::note::Note;
use crate::reconcile::rest::Rest;
use crate::room::{LinkKind, Room};
use crate::template::{Grant, Template};
use crate::ticket::{Status, Ticket};

/// How often a link that something else changes in the ticket is put right at most.
const REPAIR_AGAIN: Duration = Duration::from_secs(60 * 60);
/// When to look whether the rooms that the last audit archived are in the archive.
const LAST_AUDIT_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Everything that a room needs once it exists.
pub(super) fn furnish(
    s: &Situation<'_>,
    ticket: &Ticket,
    link_in_ticket: &LinkInTicket,
    template: &Template,
    made: &MadeRoom<'_>,
) -> Plan {
    let MadeRoom { room, tagged: is_tagged, adopted } = *made;
    let (mut notes, mut effects) = (Vec::new(), Vec::<Effect>::new());
    if !is_tagged {
        effects.push(TagRoom { room: room.id }.into());
    }
    if s.ledger.folders != Entry::Done && !template.folders.is_empty() {
        let settled_at = s.ledger.folders.pending_since().map(|since| after(since, s.settle));
        let start = match settled_at {
            Some(settled_at) if s.now < settled_at => FoldersStart::Settling(settled_at),
            None if !adopted && s.has_begun(CreateRoom::KIND) => FoldersStart::Empty,
            _ => FoldersStart::Unknown,
        };
        effects.push(Folders { room: room.id, tree: template.folders.clone(), start }.into());
    }
    let wanted = access::wanted(s, ticket, template);
    let access = access::access(s, room.id, template, &wanted);
    notes.extend(access.note);
    effects.extend(access.effect);
    if let Some(title) = new_title(s, ticket, template, room) {
        effects.push(RenameRoom { room: room.id, title }.into());
    }
    match &s.ledger.link {
        LinkEntry::Done { url, .. } => match write_back(s, ticket, room, url, link_in_ticket) {
            WriteBackNeeded::No => {}
            WriteBackNeeded::IsThere => notes.push(Note::WrittenBack),
            WriteBackNeeded::Yes(write_back) => effects.push(write_back.into()),
        },
        LinkEntry::NotBegun | LinkEntry::Pending { .. } if template.link == LinkKind::Member => {
            notes.push(Note::Link { url: member_address(s.portal, room.id).to_string() });
        }
        LinkEntry::NotBegun | LinkEntry::Pending { .. } => {
            let invitation_role = template.room_type.invitation_role();
            effects.push(Link { room: room.id, kind: template.link, invitation_role }.into());
        }
    }
    match due_audit(s, room, template) {
        Some(Audit::Ended(note)) => notes.push(note),
        Some(Audit::Archive(extra)) => effects.push(extra.into()),
        None => {}
    }
    let next = access::next_look(s, &wanted);
    Plan { notes, effects, rest: sooner(rest(s, &wanted), next.as_slice()) }
}

/// The title that the room is to have, if it is another one than what we asked for last. A title
/// that a person gave it stays.
fn new_title(s: &Situation<'_>, ticket: &Ticket, template: &Template, room: &Room) -> Option<String> {
    let title = &s.ledger.title;
    // A room that was found in this run was asked for by this title, when the ticket may have had
    // another subject. Any other is looked at first: a person may have renamed it.
    let is_as_known = match &s.seen.details {
        Some(seen) => seen.title == room.title,
        None => title.asked.as_ref() == Some(&room.title),
    };
    let is_ours = !title.by_hand && is_as_known;
    if !template.follow.subject || !is_ours {
        return None;
    }
    let wanted = template.room_title(s.key, ticket);
    // A server may store another title than the one that it is asked for.
    let asked = title.asked.as_ref().unwrap_or(&room.title);
    let is_to_be_asked = wanted != *asked || title.state.pending_since().is_some();
    (is_to_be_asked && wanted != room.title).then_some(wanted)
}

/// Whether the link has to be put into the ticket.
enum WriteBackNeeded {
    No,
    /// It is in the ticket, and the ledger does not know it yet.
    IsThere,
    Yes(WriteBack),
}

fn write_back(
    s: &Situation<'_>,
    ticket: &Ticket,
    room: &Room,
    url: &str,
    link_in_ticket: &LinkInTicket,
) -> WriteBackNeeded {
    let entry = &s.ledger.write_back;
    // Nobody reads a ticket in the trash, and nobody can write into it.
    if !s.writes_back || ticket.status == Status::Deleted {
        return WriteBackNeeded::No;
    }
    let shown = matches!(link_in_ticket, LinkInTicket::Is(link) if link == url);
    if entry.url.as_deref() == Some(url) {
        // A place that somebody emptied or overwrote is put right; one that can't be read may well
        // be right. What is closed can't be written to any more, or need not be.
        let is_right =
            shown || *link_in_ticket == LinkInTicket::Unreadable || ticket.status == Status::Closed;
        if is_right || repaired_lately(s) {
            return WriteBackNeeded::No;
        }
    } else if shown {
        // A write-back fills this place last: where the link is, the note is, too.
        return WriteBackNeeded::IsThere;
    }
    let note = match (entry.noted, entry.state) {
        (true, _) => NoteState::Written,
        (false, _) if s.ledger.quiet => NoteState::Unwanted,
        // Only into the ticket of a room that was made a moment ago has surely nothing been
        // written: this ledger may be a backup's.
        (false, Entry::NotBegun) if s.has_begun(CreateRoom::KIND) => NoteState::Missing,
        // Helpdesks have no keys that make a repeat harmless: what may still land is waited for.
        (false, Entry::Pending { since }) if s.now < after(since, s.settle) => NoteState::Settling,
        (false, _) => NoteState::Uncertain,
    };
    WriteBackNeeded::Yes(WriteBack { room: room.clone(), url: url.to_owned(), note })
}

/// Two programs that write the same field would go on for ever.
fn repaired_lately(s: &Situation<'_>) -> bool {
    let entry = &s.ledger.write_back;
    // A place that did not take the link won't take it now, unless somebody has done something
    // about it.
    let lately = entry.repaired_at.is_some_and(|at| s.now < after(at, REPAIR_AGAIN));
    !s.asked && (lately || entry.refused)
}

/// What an audit leads to.
pub(super) enum Audit {
    Ended(Note),
    Archive(ArchiveExtra),
}

/// The audit, once it is due: a ticket may have a second room wherever its own one is.
pub(super) fn due_audit(s: &Situation<'_>, own: &Room, template: &Template) -> Option<Audit> {
    // Only what was looked for after it became due can be told from nothing.
    let is_due = s.ledger.audit_at.is_some_and(|at| s.seen.looked.is_some_and(|looked| at <= looked));
    is_due.then(|| audit(s, own, template))
}

/// Of two rooms for a ticket the one in the ledger stays; another is archived if nobody has used
/// it.
fn audit(s: &Situation<'_>, own: &Room, template: &Template) -> Audit {
    // The second room may lack its tag; then it has the title that was sent with its call. The
    // first one may have been renamed since.
    let is_ours = |title: &String| *title == own.title || s.ledger.title.created_as.contains(title);
    let untagged = s.seen.untagged.iter().filter(|found| is_ours(&found.room.title));
    let others = tagged(s).iter().chain(untagged).filter(|found| found.room.id != own.id && !found.archived);
    let (rooms, used): (Vec<_>, Vec<_>) = others.partition(|found| found.files == 0);
    let ids = |rooms: Vec<&FoundRoom>| rooms.iter().map(|found| found.room.id).collect();
    let looked = s.seen.looked.unwrap_or(s.now);
    let next = s.ledger.creates.and_then(|creates| creates.next_audit(looked, s.settle));
    if rooms.is_empty() {
        return Audit::Ended(Note::EndAudit { used: ids(used), next });
    }
    // DocSpace may answer that it archives a room and never do it, so there is another look in any
    // case.
    let next = next.unwrap_or_else(|| after(looked, LAST_AUDIT_AGAIN));
    let granted = s.ledger.access.granted.iter().map(|granted| granted.id).collect();
    let tree = template.folders.clone();
    Audit::Archive(ArchiveExtra { rooms: ids(rooms), used: ids(used), tree, granted, next })
}

fn rest(s: &Situation<'_>, grants: &[Grant]) -> Rest {
    // Groups and users come from the configuration, so their absence is somebody's mistake; that an
    // assignee has no account in DocSpace is everyday life.
    let (absent, remarks): (Vec<_>, Vec<_>) = s
        .ledger
        .access
        .missing
        .iter()
        // Whom the template no longer names, or who was the assignee once, is missed by nobody.
        .filter(|missing| grants.contains(&missing.grant))
        .partition(|missing| !missing.grant.subject.is_of_the_ticket());
    let reasons =
        |missing: Vec<&'_ Missing>| missing.into_iter().map(docspace_reasons::missing).collect::<Vec<_>>();
    if let Some(reason) = Reason::join(reasons(absent)) {
        return Rest::blocked(reason, s.attempts, s.now);
    }
    let internal_link = matches!(s.ledger.link, LinkEntry::Done { internal: true, .. }).then(|| {
        docspace_reasons::LINK_INTERNAL
            .reason(format!("the room's link: {}", docspace_reasons::INTERNAL_LINK))
    });
    let remark = Reason::join(internal_link.into_iter().chain(reasons(remarks)));
    Rest::Ready { next: s.ledger.audit_at, remark }
}
