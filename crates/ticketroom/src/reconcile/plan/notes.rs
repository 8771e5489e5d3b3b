//! Further notes that a ticket gets: about the tickets that it was merged into or continues, about
//! what people did with its room by hand, and about the files in it.

use super::Situation;
use crate::clock::{Timestamp, after};
use crate::helpdesk::{NoteId, NoteState, NoteText, Span};
use crate::ledger::{Entry, NoteWhat};
use crate::reconcile::effect::{AddNote, Effect, ReportRoomEvents, note_name};
use crate::reconcile::note::Note;
use crate::reconcile::relations::{Merged, Relative};
use crate::room::Room;
use crate::store::{RoomEvent, UnreportedEvents};
use crate::template::{Notify, Template};
use crate::ticket::{Status, Ticket, TicketKey};

/// A room in which people work without a pause has a note after so many times the quiet period.
const LONGEST_QUIET: u32 = 4;

/// What becomes of the room of a ticket that was merged into another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterMerge {
    /// It is archived.
    Archived,
    /// There are files in it, so it stays open until then.
    OpenUntil(Timestamp),
    /// There are files in it, and the template archives no rooms.
    Open,
}

/// The notes about other tickets.
pub(super) fn about_others(
    s: &Situation<'_>,
    ticket: &Ticket,
    room: &Room,
    after: AfterMerge,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !s.takes_notes || ticket.status == Status::Deleted {
        return effects;
    }
    let relations = &s.seen.relations;
    if let Some(Relative { key, called, url: Some(url) }) = &relations.earlier {
        let text = NoteText::default().paragraph([
            Span::Text(format!("This ticket follows ticket {called}. Room of the earlier ticket: ")),
            Span::Link { text: url.clone(), url: url.clone() },
        ]);
        let id = NoteId::new(&format!("follows-{}", key.id));
        effects.extend(add(s, s.key, id, text, format!("the room of the earlier ticket {called}")));
    }
    if let Merged::Into(Relative { key, called, url: Some(url) }) = &relations.merged {
        let own = ticket.key.as_deref().unwrap_or(s.key.id.as_str());
        let fate = match after {
            AfterMerge::Archived => "The room of the merged ticket is archived.".to_owned(),
            AfterMerge::OpenUntil(until) => {
                format!(
                    "There are files in the room of the merged ticket, so it stays open until {}.",
                    day(until)
                )
            }
            AfterMerge::Open => {
                "There are files in the room of the merged ticket, so it stays open.".to_owned()
            }
        };
        let text = NoteText::default()
            .paragraph([
                Span::Text(format!(
                    "This ticket was merged into ticket {called}. The work goes on in its room: "
                )),
                Span::Link { text: url.clone(), url: url.clone() },
            ])
            .paragraph([Span::Text(fate.clone())]);
        let id = NoteId::new(&format!("merged-into-{}", key.id));
        effects.extend(add(s, s.key, id, text, format!("merged into {called}")));
        let earlier = s.ledger.link.url().unwrap_or_default().to_owned();
        let text = NoteText::default()
            .paragraph([
                Span::Text(format!("Ticket {own} was merged into this ticket. Its room “{}”: ", room.title)),
                Span::Link { text: earlier.clone(), url: earlier },
            ])
            .paragraph([Span::Text(fate)]);
        let id = NoteId::new(&format!("merged-from-{}", s.key.id));
        effects.extend(add(s, key, id, text, format!("in ticket {called} about the merge")));
    }
    effects
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The notes about what people did with the room by hand.
pub(super) fn by_hand(s: &Situation<'_>, ticket: &Ticket) -> Vec<Effect> {
    if !s.takes_notes || ticket.status == Status::Deleted {
        return Vec::new();
    }
    let prefix = format!("{}/", s.key);
    let to_write = s.ledger.notes.iter().filter_map(|(name, entry)| Some((name, entry.what?)));
    let effects = to_write.filter_map(|(name, what)| {
        let id = NoteId::new(name.strip_prefix(&prefix)?);
        let (text, about) = match what {
            NoteWhat::Archived => (
                "Somebody archived the DocSpace room of this ticket. It stays in the archive, where it can only be read. \
                 To work in it again, restore it in DocSpace.",
                "somebody archived the room",
            ),
            NoteWhat::Deleted => (
                "Somebody deleted the DocSpace room of this ticket. Its link leads nowhere any more. Whoever runs \
                 ticketroom can create a new room.",
                "somebody deleted the room",
            ),
        };
        add(s, s.key, id, NoteText::default().paragraph([text.into()]), about.to_owned())
    });
    effects.collect()
}

/// The name under which a note about this ticket is kept in the ledger.
pub(super) fn name_of(s: &Situation<'_>, what: &str) -> Option<String> {
    s.takes_notes.then(|| note_name(s.key, &NoteId::new(what)))
}

fn add(s: &Situation<'_>, on: &TicketKey, id: NoteId, text: NoteText, about: String) -> Option<Effect> {
    let entry = s.ledger.notes.get(&note_name(on, &id)).map(|entry| entry.state).unwrap_or_default();
    let state = state(s, entry)?;
    Some(AddNote { on: on.clone(), id, text, about, state }.into())
}

/// What is known of a note; `None` once it is written.
fn state(s: &Situation<'_>, entry: Entry) -> Option<NoteState> {
    match entry {
        Entry::Done => None,
        // Helpdesks have no keys that make a repeat harmless: what may still land is waited for.
        Entry::Pending { since } if s.now < after(since, s.settle) => Some(NoteState::Settling),
        // This ledger may be a backup's, so that it is looked for in any case.
        Entry::Pending { .. } | Entry::NotBegun => Some(NoteState::Uncertain),
    }
}

/// What follows from the events in the room.
pub(super) enum Report {
    /// There are none.
    None,
    /// Nobody is to be told of them.
    Drop(Note),
    /// They are told then.
    Later(Timestamp),
    /// They are told now.
    Tell(Box<ReportRoomEvents>),
}

/// Tells the ticket what people did in the room, once nothing has happened there for a while.
pub(super) fn report(s: &Situation<'_>, ticket: &Ticket, room: &Room, template: &Template) -> Report {
    let Some(unreported) = &s.seen.unreported else { return Report::None };
    let entry = &s.ledger.report;
    let pending = entry.through.filter(|_| entry.state.pending_since().is_some());
    let (Some(first), Some(last)) = (unreported.first_at, unreported.last_at) else {
        // Nothing is left of what the note tells that may be written: others go on.
        return pending.map_or(Report::None, |through| Report::Drop(Note::EventsDropped { through }));
    };
    let Some(notify) = template.notify.filter(|_| s.takes_notes && ticket.status != Status::Deleted) else {
        return Report::Drop(Note::EventsDropped { through: unreported.last });
    };
    let due = after(last, notify.quiet).min(after(first, notify.quiet * LONGEST_QUIET));
    // An event may be placed long after it happened, and after a note about others.
    let due = entry.told_at.map_or(due, |told_at| due.max(after(told_at, notify.quiet)));
    if pending.is_none() && s.now < due {
        return Report::Later(due);
    }
    let events: Vec<RoomEvent> =
        unreported.events.iter().filter(|event| is_told(s, event, notify)).cloned().collect();
    // Those beyond the ones that were read are counted as they are: nobody does so much on our
    // behalf.
    let left_out = (unreported.events.len() - events.len()) as u64;
    if events.is_empty() && unreported.total == left_out {
        return Report::Drop(Note::EventsDropped { through: unreported.last });
    }
    let state = if pending.is_some() { state(s, entry.state) } else { Some(NoteState::Uncertain) };
    let Some(state) = state else { return Report::None };
    let members = s.seen.details.iter().filter_map(|details| details.members.as_ref()).flatten();
    let names = members.filter_map(|member| Some((member.id, member.name.clone()?))).collect();
    let UnreportedEvents { total, last: through, .. } = *unreported;
    let through = pending.unwrap_or(through);
    let since = unreported.events.first().map_or(first, |event| event.at);
    Report::Tell(Box::new(ReportRoomEvents {
        room: room.id,
        events,
        total: total - left_out,
        through,
        since,
        names,
        state,
    }))
}

/// What we do ourselves is not reported.
fn is_told(s: &Situation<'_>, event: &RoomEvent, notify: Notify) -> bool {
    let is_wanted = if event.what.is_file() { notify.files } else { notify.folders };
    is_wanted && s.seen.own != Some(event.by)
}
