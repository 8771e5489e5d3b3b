//! What to do next for a ticket. Pure: the ticket as it is, the rules, the ledger, what was seen in DocSpace and
//! the time go in; the next steps come out, or what to wait for. All product behaviour is decided here.
//!
//! A step is either a [`Note`], which changes the ledger only, or an [`Effect`], which calls something. Once the room
//! exists, folders, access, link and (with the link) the write-back are independent of each other and are all handed out at
//! once; the run runs them side by side and plans again as each one ends.

use std::time::Duration;

use url::Url;

use super::effect::{
    Access, ArchiveExtra, CreateRoom, Effect, EffectId, Folders, FoldersStart, Link, Perform, TagRoom,
    WriteBack,
};
use super::note::Note;
use super::observe::{Observation, RoomNow};
use super::reasons;
use super::rest::Rest;
use crate::clock::{Timestamp, after};
use crate::docspace::links::member_address;
use crate::docspace::reasons as docspace_reasons;
use crate::docspace::rooms::FoundRoom;
use crate::helpdesk::{Absence, LinkInTicket, NoteState, Observed};
use crate::ledger::{Entry, Ledger, LinkEntry, Missing, Refusal, RoomEntry, settle_time};
use crate::reason::Reason;
use crate::room::{LinkKind, Room};
use crate::rule::{Rules, Verdict};
use crate::store::EffectKind;
use crate::template::{Grant, Template};
use crate::ticket::{Status, Ticket, TicketKey};

/// A ticket that its helpdesk doesn't show may just have been made.
const ABSENT_AGAIN: Duration = Duration::from_secs(10);
const ABSENT_TRIES: u32 = 3;
/// How often a link that something else changes in the ticket is put right at most.
const REPAIR_AGAIN: Duration = Duration::from_secs(60 * 60);
/// When to look whether the rooms that the last audit archived are in the archive.
const LAST_AUDIT_AGAIN: Duration = Duration::from_secs(10 * 60);
/// Waits between looks for a room whose create brought no answer; the last one repeats.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Which ticket.
    pub key: &'a TicketKey,
    /// What was seen at the beginning of this run.
    pub seen: &'a Observation,
    /// What we know of our own effects.
    pub ledger: &'a Ledger,
    /// The rules and templates of the configuration.
    pub rules: &'a Rules,
    /// DocSpace's address, ending in `/`.
    pub portal: &'a Url,
    /// Whether the helpdesk has a place for the link.
    pub writes_back: bool,
    /// Whether a person asked for this run.
    pub asked: bool,
    /// How many runs in a row brought the ticket no further.
    pub attempts: u32,
    /// Effects that are under way or have ended in this run.
    pub begun: &'a [EffectId],
    /// Notes of this run.
    pub noted: &'a [Note],
    /// The time.
    pub now: Timestamp,
    /// How long after its intent a call without an answer may still take effect.
    pub settle: Duration,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to write into the ledger first. Then there is another plan, and the effects of this one don't count.
    pub notes: Vec<Note>,
    /// What to do now, side by side.
    pub effects: Vec<Effect>,
    /// How the ticket stands when nothing is to be done or under way.
    pub rest: Rest,
}

impl From<Rest> for Plan {
    /// Nothing is to be done.
    fn from(rest: Rest) -> Self {
        Self { notes: Vec::new(), effects: Vec::new(), rest }
    }
}

// There is another plan after a step, so how the ticket rests meanwhile doesn't matter.
const MEANWHILE: Rest = Rest::Ready { next: None, remark: None };

fn note(note: Note) -> Plan {
    Plan { notes: vec![note], effects: Vec::new(), rest: MEANWHILE }
}

fn run(effect: impl Into<Effect>) -> Plan {
    Plan { notes: Vec::new(), effects: vec![effect.into()], rest: MEANWHILE }
}

impl Situation<'_> {
    /// Whether an effect of this kind is under way or has ended in this run.
    fn has_begun(&self, kind: EffectKind) -> bool {
        self.begun.iter().any(|begun| begun.kind == kind)
    }
}

/// Decides what to do next.
#[must_use]
pub fn plan(s: &Situation<'_>) -> Plan {
    let (ticket, link) = match &s.seen.ticket {
        Observed::Present { ticket, link } => (ticket, link),
        Observed::Absent(absence) => return without_ticket(s, absence),
    };
    let template = match template(s, ticket) {
        Ok(template) => template,
        Err(rest) => return rest.into(),
    };
    match &s.ledger.room {
        RoomEntry::Absent => first_room(s, ticket, link, template),
        RoomEntry::Pending { title, attempt, looks, refusal, .. } => {
            let refusal = refusal.as_ref();
            settle_room(s, template, &PendingRoom { title, attempt: *attempt, looks: *looks, refusal })
        }
        RoomEntry::Made { room, tagged, adopted } => {
            let made = MadeRoom { room, tagged: *tagged, adopted: *adopted };
            furnish(s, ticket, link, template, &made)
        }
        RoomEntry::Deleted { room } if tagged(s).iter().any(|found| found.room.id == room.id) => {
            note(Note::Restored)
        }
        RoomEntry::Deleted { .. } if s.asked => note(Note::BeginAgain),
        RoomEntry::Deleted { room } => Rest::Blocked {
            reason: docspace_reasons::ROOM_DELETED.with_help(
                format!("room {} was deleted in DocSpace", room.id),
                format!("“ticketroom tickets retry {}” creates a new one", s.key),
            ),
            again: None,
        }
        .into(),
    }
}

fn without_ticket(s: &Situation<'_>, absence: &Absence) -> Plan {
    let why = match absence {
        Absence::NotShown => "the ticket is not in its helpdesk any more, or our user can't see it any more",
        Absence::Deleted => "the ticket was deleted",
        Absence::NotWanted(why) => why,
    };
    if s.ledger.room.made().is_some() {
        let remark = reasons::GONE.reason(format!("{why}; the room stays"));
        return Rest::Ready { next: None, remark: Some(remark) }.into();
    }
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

/// The template that the room is or was made by; for a ticket without a room, the one that the rules pick.
fn template<'a>(s: &Situation<'a>, ticket: &Ticket) -> Result<&'a Template, Rest> {
    if let Some(name) = &s.ledger.template {
        return s.rules.template(name).map(AsRef::as_ref).ok_or_else(|| {
            let reason = reasons::TEMPLATE_REMOVED.reason(format!(
                "the room was created by the template “{name}”, which the configuration no longer has"
            ));
            Rest::blocked(reason, s.attempts, s.now)
        });
    }
    let decision = s.rules.decide(s.key, ticket).map_err(|error| {
        let help = format!(
            "correct the rule and reload the configuration, then “ticketroom tickets retry {}”",
            s.key
        );
        let reason = reasons::RULE_FAILED.with_help(error.to_string(), help);
        Rest::Blocked { reason, again: None }
    })?;
    match decision.verdict {
        Verdict::Use(template) => Ok(template),
        Verdict::Skip => Err(Rest::Skipped {
            reason: reasons::RULE_SKIPS.reason(format!(
                "the rule “{}” says that it gets no room",
                decision.because.unwrap_or_default()
            )),
        }),
    }
}

fn first_room(s: &Situation<'_>, ticket: &Ticket, link: &LinkInTicket, template: &Template) -> Plan {
    if let Some(found) = ours(s) {
        return adopt(template, found, true);
    }
    if let Some(found) = s.seen.tagged_by_others.first() {
        // The owner of a room may change, but anybody may put a tag on a room of theirs. Only the address in the ticket
        // proves that this is the ticket's room.
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

struct PendingRoom<'a> {
    title: &'a str,
    attempt: u32,
    looks: u32,
    refusal: Option<&'a Refusal>,
}

/// A create without an answer: the room may be there, may come, or may never come.
fn settle_room(s: &Situation<'_>, template: &Template, pending: &PendingRoom<'_>) -> Plan {
    if let Some(found) = ours(s) {
        return adopt(template, found, true);
    }
    let settled_at = s.ledger.room.settled_at(s.settle);
    // The time of the look counts, not that of this thought: the process may have been paused in between, and what was
    // looked for before it was settled says nothing.
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
    // DocSpace saves a room and its tags one after the other, and may have stopped in between. That is only
    // believed now: a moment after its birth, every room is without tags.
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

struct MadeRoom<'a> {
    room: &'a Room,
    tagged: bool,
    adopted: bool,
}

/// Everything that a room needs once it exists.
fn furnish(
    s: &Situation<'_>,
    ticket: &Ticket,
    link_in_ticket: &LinkInTicket,
    template: &Template,
    made: &MadeRoom<'_>,
) -> Plan {
    let MadeRoom { room, tagged: is_tagged, adopted } = *made;
    match s.seen.room {
        Some(RoomNow::Deleted) => return note(Note::Deleted),
        Some(RoomNow::Archived) => {
            let reason = docspace_reasons::ROOM_ARCHIVED.reason("the room is in DocSpace's archive");
            return Rest::Archived { reason }.into();
        }
        Some(RoomNow::Hidden) => {
            let reason = docspace_reasons::ROOM_HIDDEN
                .reason(format!("DocSpace does not let our user see room {}", room.id));
            return Rest::blocked(reason, s.attempts, s.now).into();
        }
        Some(RoomNow::Active) | None => {}
    }
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
    let grants = to_ask_for(s, template.grants(s.key, ticket));
    if !grants.is_empty() {
        effects.push(Access { room: room.id, grants }.into());
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
    // Only what was looked for after it became due can be told from nothing.
    if s.ledger.audit_at.is_some_and(|at| s.seen.looked.is_some_and(|looked| at <= looked)) {
        match audit(s, room, template) {
            Audit::Ended(note) => notes.push(note),
            Audit::Archive(extra) => effects.push(extra.into()),
        }
    }
    effects.retain(|effect| !s.begun.contains(&effect.id()));
    Plan { notes, effects, rest: rest(s, &template.grants(s.key, ticket)) }
}

/// Whoever is not in yet, but for those whom DocSpace has refused a short while ago.
fn to_ask_for(s: &Situation<'_>, mut grants: Vec<Grant>) -> Vec<Grant> {
    let access = &s.ledger.access;
    let in_vain = !s.asked && access.refused_until.is_some_and(|until| s.now < until);
    let refused = |grant: &Grant| {
        let mut missing = access.missing.iter().filter(|missing| missing.grant == *grant);
        in_vain && missing.any(|missing| missing.why.costs_a_write())
    };
    grants.retain(|grant| !access.granted.iter().any(|granted| granted.grant == *grant) && !refused(grant));
    grants
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
        // A place that somebody emptied or overwrote is put right; one that can't be read may well be right. What is
        // closed can't be written to any more, or need not be.
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
        // Only into the ticket of a room that was made a moment ago has surely nothing been written: this ledger may
        // be a backup's.
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
    // A place that did not take the link won't take it now, unless somebody has done something about it.
    let lately = entry.repaired_at.is_some_and(|at| s.now < after(at, REPAIR_AGAIN));
    !s.asked && (lately || entry.refused)
}

/// What an audit leads to.
enum Audit {
    Ended(Note),
    Archive(ArchiveExtra),
}

/// Of two rooms for a ticket the one in the ledger stays; another is archived if nobody has used it.
fn audit(s: &Situation<'_>, own: &Room, template: &Template) -> Audit {
    // The second room may lack its tag; then it has the title that was sent with both calls.
    let untagged = s.seen.untagged.iter().filter(|found| found.room.title == own.title);
    let others = tagged(s).iter().chain(untagged).filter(|found| found.room.id != own.id && !found.archived);
    let (rooms, used): (Vec<_>, Vec<_>) = others.partition(|found| found.files == 0);
    let ids = |rooms: Vec<&FoundRoom>| rooms.iter().map(|found| found.room.id).collect();
    let looked = s.seen.looked.unwrap_or(s.now);
    let next = s.ledger.creates.and_then(|creates| creates.next_audit(looked, s.settle));
    if rooms.is_empty() {
        return Audit::Ended(Note::EndAudit { used: ids(used), next });
    }
    // DocSpace may answer that it archives a room and never do it, so there is another look in any case.
    let next = next.unwrap_or_else(|| after(looked, LAST_AUDIT_AGAIN));
    let granted = s.ledger.access.granted.iter().map(|granted| granted.id).collect();
    let tree = template.folders.clone();
    Audit::Archive(ArchiveExtra { rooms: ids(rooms), used: ids(used), tree, granted, next })
}

fn rest(s: &Situation<'_>, grants: &[Grant]) -> Rest {
    // Groups and users come from the configuration, so their absence is somebody's mistake; that an assignee
    // has no account in DocSpace is everyday life.
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

/// Of several rooms with the ticket's tag the oldest, and rather one that people can work in.
fn ours<'a>(s: &Situation<'a>) -> Option<&'a FoundRoom> {
    tagged(s).iter().min_by_key(|found| (found.archived, found.room.id))
}

fn tagged<'a>(s: &Situation<'a>) -> &'a [FoundRoom] {
    &s.seen.tagged
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
