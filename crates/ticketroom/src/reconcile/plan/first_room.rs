//! Tickets that have no room yet: which get one, and what becomes of a create without an answer.

use std::time::Duration;

use super::{Plan, Situation, note, ours, run};
use crate::clock::{Timestamp, after};
use crate::docspace::links::member_address;
use crate::docspace::reasons as docspace_reasons;
use crate::docspace::rooms::FoundRoom;
use crate::helpdesk::{Absence, LinkInTicket};
use crate::ledger::{Refusal, RoomEntry, settle_time};
use crate::reconcile::effect::{CreateRoom, Perform};
use crate::reconcile::note::Note;
use crate::reconcile::reasons;
use crate::reconcile::relations::Merged;
use crate::reconcile::rest::Rest;
use crate::template::Template;
use crate::ticket::{Status, Ticket};

/// A ticket that its helpdesk doesn't show may just have been made.
const ABSENT_AGAIN: Duration = Duration::from_secs(10);
const ABSENT_TRIES: u32 = 3;
/// Waits between looks for a room whose create brought no answer; the last one repeats.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// A ticket that is not there and has no room.
pub(super) fn without_ticket(s: &Situation<'_>, absence: &Absence) -> Plan {
    let why = why(absence);
    if let RoomEntry::Pending { attempt, .. } = &s.ledger.room {
        let settled_at = s
            .ledger
            .room
            .settled_at(s.settle)
            .unwrap_or_else(|| after(s.now, settle_time(s.settle, *attempt)));
        if s.now < settled_at {
            let reason = reasons::GONE_ROOM_MAY_COME.reason(format!("{why}; its room may still come"));
            return Rest::Waiting { until: settled_at, reason }.into();
        }
    }
    match absence {
        Absence::NotShown if s.attempts < ABSENT_TRIES => {
            let reason = reasons::NOT_SHOWN_YET.reason("the helpdesk does not show this ticket (yet)");
            Rest::Waiting { until: after(s.now, ABSENT_AGAIN), reason }
        }
        Absence::NotShown => Rest::Blocked {
            reason: reasons::NOT_SHOWN.with_help(
                format!("{} has no ticket {} that our user can see", s.key.helpdesk, s.key.id),
                format!(
                    "it was deleted, or the user needs access to its group, brand or project; then “ticketroom tickets \
                     retry {}”",
                    s.key
                ),
            ),
            again: None,
        },
        Absence::Deleted => Rest::Skipped { reason: reasons::DELETED.reason(why) },
        Absence::NotWanted(_) => Rest::Skipped { reason: reasons::NOT_WANTED.reason(why) },
    }.into()
}

/// Why a ticket is not there for us.
pub(super) fn why(absence: &Absence) -> &str {
    match absence {
        Absence::NotShown => "the ticket is not in its helpdesk any more, or our user can't see it any more",
        Absence::Deleted => "the ticket was deleted",
        Absence::NotWanted(why) => why,
    }
}

pub(super) fn first_room(
    s: &Situation<'_>,
    ticket: &Ticket,
    link: &LinkInTicket,
    template: &Template,
) -> Plan {
    if let Some(found) = ours(s) {
        return adopt(template, found, true);
    }
    if let Some(found) = s.seen.tagged_by_others.first() {
        // The owner of a room may change, but anybody may put a tag on a room of theirs. Only the
        // address in the ticket proves that this is the ticket's room.
        let address = member_address(s.portal, found.room.id);
        if matches!(link, LinkInTicket::Is(link) if *link == *address.as_str()) {
            return adopt(template, found, true);
        }
        return of_another_owner(s, found).into();
    }
    // Both can't be written to, and nobody works on them any more.
    if matches!(ticket.status, Status::Closed | Status::Deleted) {
        let reason = reasons::OVER
            .reason(format!("the ticket was already {} when we first saw it", ticket.status.as_str()));
        return Rest::Skipped { reason }.into();
    }
    if let Merged::Into(other) = &s.seen.relations.merged {
        let reason = reasons::MERGED
            .reason(format!("the ticket was already merged into {} when we first saw it", other.called));
        return Rest::Skipped { reason }.into();
    }
    create(s, template, template.room_title(s.key, ticket), 1)
}

fn create(s: &Situation<'_>, template: &Template, title: String, attempt: u32) -> Plan {
    if s.has_begun(CreateRoom::KIND) {
        let reason = reasons::ROOM_UNDER_WAY.reason("the room is being created");
        return Rest::Waiting { until: s.now, reason }.into();
    }
    run(CreateRoom { template: template.name.clone(), title, room_type: template.room_type, attempt })
}

fn adopt(template: &Template, found: &FoundRoom, tagged: bool) -> Plan {
    note(Note::Adopt { template: template.name.clone(), room: found.room.clone(), tagged })
}

fn of_another_owner(s: &Situation<'_>, found: &FoundRoom) -> Rest {
    let reason = docspace_reasons::ROOM_OF_ANOTHER_OWNER.with_help(
        format!("room {} carries this ticket's tag “{}”, but another user owns it", found.room.id, s.key.tag()),
        format!(
            "if it is this ticket's room, make the user of the API key its owner; if not, take the tag off it. Then \
             “ticketroom tickets retry {}”",
            s.key
        ),
    );
    Rest::blocked(reason, s.attempts, s.now)
}

/// A room that was asked for.
pub(super) struct PendingRoom<'a> {
    pub(super) title: &'a str,
    pub(super) attempt: u32,
    pub(super) looks: u32,
    pub(super) refusal: Option<&'a Refusal>,
}

/// A create without an answer: the room may be there, may come, or may never come.
pub(super) fn settle_room(s: &Situation<'_>, template: &Template, pending: &PendingRoom<'_>) -> Plan {
    if let Some(found) = ours(s) {
        return adopt(template, found, true);
    }
    let settled_at = s.ledger.room.settled_at(s.settle);
    // The time of the look counts, not that of this thought: the process may have been paused in
    // between, and what was looked for before it was settled says nothing.
    let is_settled = |looked: Timestamp| settled_at.is_some_and(|settled_at| settled_at <= looked);
    if !s.seen.looked.is_some_and(is_settled) {
        let wait = LOOKS.get(pending.looks as usize).or(LOOKS.last()).copied().unwrap_or_default();
        let reason = docspace_reasons::ROOM_UNSETTLED.reason(match pending.refusal {
            None => "DocSpace did not say whether it created the room; looking for it".to_owned(),
            Some(refusal) => {
                format!("{}. The room may have been created all the same; looking for it", refusal.reason)
            }
        });
        let look = after(s.now, wait);
        let until = settled_at.map_or(look, |settled_at| look.min(settled_at)).max(s.now);
        return Rest::Waiting { until, reason }.into();
    }
    // DocSpace saves a room and its tags one after the other, and may have stopped in between. That
    // is only believed now: a moment after its birth, every room is without tags.
    if let Some(found) = s.seen.untagged.iter().find(|found| found.room.title == pending.title) {
        return adopt(template, found, false);
    }
    if let Some(found) = s.seen.tagged_by_others.first() {
        return of_another_owner(s, found).into();
    }
    // A refusal that was meant is not asked for again in the same run.
    if let Some(refusal) = pending.refusal {
        if s.noted.contains(&Note::NotCreated) {
            return Rest::blocked(refusal.reason.clone(), s.attempts, s.now).into();
        }
        if !refusal.confirmed && !s.asked {
            return note(Note::NotCreated);
        }
    }
    // By the same title, so that both are found by it.
    create(s, template, pending.title.to_owned(), pending.attempt + 1)
}
