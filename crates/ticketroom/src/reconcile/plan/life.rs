//! A room's life after its creation: whether it belongs into the archive, and what people did with
//! it by hand.
//!
//! The room of a ticket that is solved or closed is archived after the template's grace; of one
//! that is deleted or merged, at once; and once the ticket is open again, the same room is
//! restored. A person's request overrides all that, until the ticket changes. Whatever
//! people do in DocSpace by hand is left as they made it.
//!
//! A move is confirmed by a look at the room alone. One that was asked for and is not wanted any
//! more may still happen: it is waited for, and then undone.

use std::time::Duration;

use super::{MadeRoom, Plan, Situation, access, first_room, furnish, note, notes, template};
use crate::clock::{Timestamp, after};
use crate::docspace::reasons as docspace_reasons;
use crate::helpdesk::{Absence, LinkInTicket, Observed};
use crate::ledger::{Ledger, Location, Mover, Moving};
use crate::reason::Reason;
use crate::reconcile::effect::{
    AddNote, ArchiveRoom, Effect, Perform, RenameRoom, ReportRoomEvents, RestoreRoom, move_failed, on_its_way,
};
use crate::reconcile::note::Note;
use crate::reconcile::observe::RoomNow;
use crate::reconcile::reasons;
use crate::reconcile::relations::Merged;
use crate::reconcile::rest::Rest;
use crate::room::LinkKind;
use crate::rule::Verdict;
use crate::store::{PendingRequest, RoomRequest};
use crate::template::Template;
use crate::ticket::{Status, Ticket};
use notes::{AfterMerge, Report};

/// How long a move may take before it is asked for again, times the number of attempts.
const MOVE_AGAIN: Duration = Duration::from_secs(20);
/// After so many attempts, a person has to look.
const MOVE_ATTEMPTS: u32 = 4;
/// When a move that failed is asked for again.
const FAILED_MOVE_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How long a move that is not wanted any more may still happen: an operation without progress is
/// cancelled after a minute, and the server retries its database for five and a half.
const LATEST_MOVE: Duration = Duration::from_secs(7 * 60);
/// When to look first whether the ticket that this one was merged into has its room. It may never
/// get one, so each wait is as long as all before it.
const SURVIVOR_AGAIN: Duration = Duration::from_secs(60);

/// A person's request that is not in the ledger yet.
pub(super) fn apply_request(s: &Situation<'_>) -> Option<Note> {
    let requested = s.request.filter(|requested| !is_applied(*requested, s.ledger, s.noted))?;
    let wants = match requested.request {
        RoomRequest::Archive => Location::Archived,
        RoomRequest::Reopen => Location::Active,
    };
    Some(Note::RequestApplied { wants, nth: requested.nth, ticket: digest(s) })
}

/// Whether a request is in the ledger, or was in it in this run.
pub(in crate::reconcile) fn is_applied(requested: PendingRequest, ledger: &Ledger, noted: &[Note]) -> bool {
    ledger.life.request.as_ref().is_some_and(|applied| applied.nth >= requested.nth)
        || noted.iter().any(|note| matches!(note, Note::RequestApplied { nth, .. } if *nth == requested.nth))
}

/// What people change in a ticket, as a short text. What we write into it ourselves is left out.
fn digest(s: &Situation<'_>) -> String {
    let Observed::Present { ticket, .. } = &s.seen.ticket else { return "absent".to_owned() };
    let Ticket { subject, status, priority, assignee, group, requester, merged_into, .. } = ticket.as_ref();
    let what = format!("{subject:?}{status:?}{priority:?}{assignee:?}{group:?}{requester:?}{merged_into:?}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, what.as_bytes()).to_string()
}

/// What a ticket that has a room is like.
struct Life<'a> {
    ticket: Option<(&'a Ticket, &'a LinkInTicket)>,
    /// The template of the room, if the configuration has it.
    template: Option<&'a Template>,
    standing: Standing,
}

/// Where the ticket is in its life.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Open,
    /// Nobody works on it any more.
    Over {
        /// Whether its room is archived without waiting.
        at_once: bool,
        /// Whether it was deleted.
        deleted: bool,
        why: String,
    },
    /// It can't be seen, or is none of ours any more: its room stays as it is.
    Unknown(String),
}

/// What to do for a ticket that has a room.
pub(super) fn with_room(s: &Situation<'_>, made: &MadeRoom<'_>) -> Plan {
    match s.seen.room {
        Some(RoomNow::Deleted) => {
            // Those who worked on a ticket that is over need not know that its room was cleared
            // away.
            let is_over = life(s).is_ok_and(|life| matches!(life.standing, Standing::Over { .. }));
            let name = notes::name_of(s, &format!("deleted-{}", made.room.id)).filter(|_| !is_over);
            return note(Note::Deleted { note: name });
        }
        Some(RoomNow::Hidden) => {
            let reason = docspace_reasons::ROOM_HIDDEN
                .reason(format!("DocSpace does not let our user see room {}", made.room.id));
            return Rest::blocked(reason, s.attempts, s.now).into();
        }
        Some(RoomNow::Active | RoomNow::Archived) | None => {}
    }
    // Before its template is needed, which the configuration may not have any more.
    if let Observed::Present { ticket, .. } = &s.seen.ticket
        && let Some(step) = moved(s, ticket)
    {
        return note(step);
    }
    let life = match life(s) {
        Ok(life) => life,
        Err(rest) => return rest.into(),
    };
    if let Some(step) = changed(s, &life).or_else(|| noticed(s, &life, made)) {
        return note(step);
    }
    let mut effects = Vec::new();
    let mut next = Vec::new();
    let wants = wants(s, &life);
    if is_move_over(s, &wants) {
        return note(Note::MoveOver);
    }
    if let Some((ticket, _)) = life.ticket {
        effects.extend(notes::about_others(s, ticket, made.room, after_merge(s, &life, &wants)));
        effects.extend(notes::by_hand(s, ticket));
        if let Some(template) = life.template {
            match notes::report(s, ticket, made.room, template) {
                Report::None => {}
                Report::Drop(step) => return note(step),
                Report::Later(at) => next.push(at),
                Report::Tell(news) => effects.push((*news).into()),
            }
            // What was not looked at yet has a note of its own.
            if s.seen.has_more_unreported && s.ledger.report.state.pending_since().is_none() {
                next.push(s.now);
            }
        }
    }
    next.extend(wants.next);
    let mut plan = match step(s, &life, made, &wants) {
        Step::Stay(Location::Active) => match (life.ticket, life.template) {
            (Some((ticket, link)), Some(template)) => furnish::furnish(s, ticket, link, template, made),
            _ => {
                let remark = match &life.standing {
                    Standing::Unknown(why) | Standing::Over { why, .. } => {
                        Some(reasons::GONE.reason(format!("{why}; the room stays")))
                    }
                    Standing::Open => None,
                };
                audited(s, &life, made, |next| Rest::Ready { next, remark })
            }
        },
        Step::Stay(Location::Archived) => {
            let reason = archived(s, &life, &wants);
            audited(s, &life, made, |next| Rest::Archived { reason, next })
        }
        Step::Move(effect) => Plan { notes: Vec::new(), effects: vec![effect], rest: super::MEANWHILE },
        Step::Wait(rest) => rest.into(),
    };
    // A move that is not wanted any more may come after all.
    if let Some(moving) = s.ledger.location.moving.as_ref().filter(|moving| moving.to != wants.location) {
        let latest = after(moving.since, LATEST_MOVE);
        next.extend((s.now < latest).then_some(latest));
    }
    plan.effects.extend(effects);
    plan.rest = sooner(plan.rest, &next);
    plan
}

fn life<'a>(s: &Situation<'a>) -> Result<Life<'a>, Rest> {
    match &s.seen.ticket {
        Observed::Present { ticket, link } => {
            let template = template(s, ticket)?;
            let standing = standing(s, ticket);
            Ok(Life { ticket: Some((ticket, link)), template: Some(template), standing })
        }
        Observed::Absent(absence) => {
            let why = first_room::why(absence).to_owned();
            let standing = match absence {
                Absence::Deleted => Standing::Over { at_once: true, deleted: true, why },
                Absence::NotShown | Absence::NotWanted(_) => Standing::Unknown(why),
            };
            let name = s.ledger.template.as_ref();
            let template = name.and_then(|name| s.rules.template(name)).map(AsRef::as_ref);
            Ok(Life { ticket: None, template, standing })
        }
    }
}

fn standing(s: &Situation<'_>, ticket: &Ticket) -> Standing {
    let over = |why: &str| Standing::Over { at_once: false, deleted: false, why: why.to_owned() };
    if ticket.status == Status::Deleted {
        let why = "the ticket was deleted or marked as spam".to_owned();
        return Standing::Over { at_once: true, deleted: true, why };
    }
    if let Merged::Into(other) = &s.seen.relations.merged {
        let why = format!("the ticket was merged into {}", other.called);
        // Without another room there would be none to work in.
        let at_once = other.url.is_some() && files(s) == Some(0);
        return Standing::Over { at_once, deleted: false, why };
    }
    match ticket.status {
        Status::Solved => over("the ticket is solved"),
        Status::Closed => over("the ticket is closed"),
        _ => Standing::Open,
    }
}

/// How many files are in the room; `None` if it was not looked at, since it was found only now.
fn files(s: &Situation<'_>) -> Option<u64> {
    s.seen.details.as_ref().map(|details| details.files)
}

/// What changed in the ticket's life since it was last seen.
fn changed(s: &Situation<'_>, life: &Life<'_>) -> Option<Note> {
    let entry = &s.ledger.life;
    // One that can't be seen has not changed.
    let is_seen = !matches!(life.standing, Standing::Unknown(_));
    if is_seen && entry.request.as_ref().is_some_and(|word| word.ticket != digest(s)) {
        return Some(Note::RequestExpired);
    }
    match &life.standing {
        Standing::Over { why, at_once, deleted }
            if entry.over_since.is_none() || *deleted != entry.deleted =>
        {
            let grace = life.template.and_then(|template| template.archive_after);
            let then = match grace {
                _ if *at_once => "its room is archived".to_owned(),
                Some(grace) => format!("its room is archived after {}", humantime::format_duration(grace)),
                None => "its room stays".to_owned(),
            };
            Some(Note::Over { why: format!("{why}: {then}"), deleted: *deleted })
        }
        Standing::Open if entry.over_since.is_some() => Some(Note::Reopened),
        _ => None,
    }
}

/// A ticket that was moved to another project or brand: the rules are asked again. Its room stays.
fn moved(s: &Situation<'_>, ticket: &Ticket) -> Option<Note> {
    let place = ticket.project.as_ref().or(ticket.brand.as_ref());
    if s.ledger.life.place.as_ref() == place {
        return None;
    }
    // Where it was when it was first seen is no move.
    let is_first = s.ledger.life.place.is_none();
    let decided = if is_first { None } else { s.rules.decide(s.key, ticket).ok() };
    let template = decided.and_then(|decision| match decision.verdict {
        Verdict::Use(template) => Some(template.name.clone()),
        Verdict::Skip => None,
    });
    let template = template.filter(|name| Some(name) != s.ledger.template.as_ref());
    Some(Note::Moved { place: place.cloned(), template })
}

/// What people, or a move of ours, did with the room since it was last looked at.
fn noticed(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>) -> Option<Note> {
    let link = life.template.map_or(LinkKind::Member, |template| template.link);
    if let Some(step) = relocated(s, life, made, link) {
        return Some(step);
    }
    let details = s.seen.details.as_ref()?;
    let title = &s.ledger.title;
    if details.title != made.room.title && !s.has_begun(RenameRoom::KIND) {
        let is_ours = title.state.pending_since().is_some() && title.asked.as_ref() == Some(&details.title);
        return Some(if is_ours {
            Note::Renamed
        } else {
            Note::TitleByHand { title: details.title.clone() }
        });
    }
    // Of a room that was found, or created by an earlier version, the ledger knows no owner: it was
    // ours.
    if let (Some(owner), Some(before)) = (details.owner, s.ledger.owner.or(s.seen.own))
        && owner != before
    {
        return Some(Note::OwnerChanged { owner, is_us: s.seen.own == Some(owner) });
    }
    let ((ticket, _), template) = (life.ticket?, life.template?);
    access::by_hand(s, details.members.as_ref()?, &access::wanted(s, ticket, template))
}

fn relocated(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>, link: LinkKind) -> Option<Note> {
    if s.has_begun(ArchiveRoom::KIND) || s.has_begun(RestoreRoom::KIND) {
        return None;
    }
    let seen = match s.seen.room? {
        RoomNow::Active => Location::Active,
        RoomNow::Archived => Location::Archived,
        RoomNow::Deleted | RoomNow::Hidden => return None,
    };
    let location = &s.ledger.location;
    let is_failed =
        s.seen.move_failed && location.moving.as_ref().is_some_and(|moving| moving.failed.is_none());
    // Each of these notes changes what the ledger says, so it comes once in a run.
    if seen == location.now {
        return is_failed.then_some(Note::MoveFailed);
    }
    if location.moving.as_ref().is_some_and(|moving| moving.to == seen) {
        return Some(Note::Arrived { to: seen, link });
    }
    let word = s.ledger.life.request.as_ref().map(|word| word.wants);
    let is_over = matches!(life.standing, Standing::Over { .. }) || word == Some(Location::Archived);
    let note = (seen == Location::Archived && !is_over)
        .then(|| notes::name_of(s, &format!("archived-{}-{}", made.room.id, s.now.as_second())))
        .flatten();
    Some(Note::MovedByHand { to: seen, is_over, note, link })
}

/// Whether a move that is not wanted any more can't happen any more. What moves the room after that
/// is a person.
fn is_move_over(s: &Situation<'_>, wants: &Wants) -> bool {
    let has_moved = s.has_begun(ArchiveRoom::KIND) || s.has_begun(RestoreRoom::KIND);
    let moving = s.ledger.location.moving.as_ref().filter(|moving| moving.to != wants.location);
    !has_moved
        && s.seen.room.is_some()
        && moving.is_some_and(|moving| after(moving.since, LATEST_MOVE) <= s.now)
}

/// Where the room belongs.
struct Wants {
    location: Location,
    /// Why, for the timeline.
    why: String,
    /// Whether a person said so.
    asked: bool,
    /// When that may change by itself.
    next: Option<Timestamp>,
}

fn wants(s: &Situation<'_>, life: &Life<'_>) -> Wants {
    if let Some(word) = &s.ledger.life.request {
        return Wants {
            location: word.wants,
            why: "somebody asked for it".to_owned(),
            asked: true,
            next: None,
        };
    }
    let wants = |location, why: &str, next| Wants { location, why: why.to_owned(), asked: false, next };
    match &life.standing {
        Standing::Open => wants(Location::Active, "the ticket is open", None),
        Standing::Unknown(why) => wants(s.ledger.location.now, why, None),
        Standing::Over { at_once: true, why, .. } => wants(Location::Archived, why, None),
        // However the grace is counted now: what is in the archive stays there until the ticket is
        // open again.
        Standing::Over { why, .. }
            if s.ledger.location.now == Location::Archived && !s.ledger.life.undeleted =>
        {
            wants(Location::Archived, why, None)
        }
        Standing::Over { at_once: false, why, .. } => {
            let since = s.ledger.life.over_since.unwrap_or(s.now);
            let due =
                life.template.and_then(|template| template.archive_after).map(|grace| after(since, grace));
            let look = match &s.seen.relations.merged {
                // The ticket that this one was merged into may get its room yet.
                Merged::Into(other) if other.url.is_none() => {
                    let waited = Duration::try_from(s.now.duration_since(since)).unwrap_or_default();
                    Some(after(s.now, waited.max(SURVIVOR_AGAIN)))
                }
                Merged::Into(_) => files(s).is_none().then(|| after(s.now, SURVIVOR_AGAIN)),
                Merged::No | Merged::InACircle => None,
            };
            match due {
                Some(due) if due <= s.now => wants(Location::Archived, why, None),
                due => wants(Location::Active, why, due.into_iter().chain(look).min()),
            }
        }
    }
}

fn after_merge(s: &Situation<'_>, life: &Life<'_>, wants: &Wants) -> AfterMerge {
    let grace = life.template.and_then(|template| template.archive_after);
    match (files(s), grace) {
        (Some(0), _) => AfterMerge::Archived,
        _ if wants.location == Location::Archived => AfterMerge::Archived,
        (_, Some(grace)) => AfterMerge::OpenUntil(after(s.ledger.life.over_since.unwrap_or(s.now), grace)),
        (_, None) => AfterMerge::Open,
    }
}

/// What is to be done about where the room is.
enum Step {
    Stay(Location),
    Move(Effect),
    Wait(Rest),
}

fn step(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>, wants: &Wants) -> Step {
    let location = &s.ledger.location;
    if location.now == wants.location {
        return match &location.moving {
            // It may still happen.
            Some(moving) if s.now < after(moving.since, s.settle) => Step::Wait(look_again(s, moving)),
            _ => Step::Stay(location.now),
        };
    }
    if let Some(moving) = location.moving.as_ref().filter(|moving| moving.to == wants.location) {
        return under_way(s, life, made, wants, moving);
    }
    let stays = match wants.location {
        Location::Archived => location.kept_active,
        Location::Active => location.by == Mover::Person,
    };
    if stays && !wants.asked {
        return Step::Stay(location.now);
    }
    begin(s, life, made, wants)
}

/// A move that is wanted and was asked for.
fn under_way(
    s: &Situation<'_>,
    life: &Life<'_>,
    made: &MadeRoom<'_>,
    wants: &Wants,
    moving: &Moving,
) -> Step {
    let has_tried = s.has_begun(ArchiveRoom::KIND) || s.has_begun(RestoreRoom::KIND);
    let failed =
        moving.failed.clone().or_else(|| (moving.attempt >= MOVE_ATTEMPTS).then(|| move_failed(moving.to)));
    let again =
        after(moving.since, if failed.is_some() { FAILED_MOVE_AGAIN } else { MOVE_AGAIN * moving.attempt });
    if !has_tried && (again <= s.now || (failed.is_some() && s.asked)) {
        return begin(s, life, made, wants);
    }
    match failed {
        Some(reason) => Step::Wait(Rest::Blocked { reason, again: Some(again) }),
        None => Step::Wait(look_again(s, moving)),
    }
}

fn look_again(s: &Situation<'_>, moving: &Moving) -> Rest {
    let waited = s.now.duration_since(moving.since).as_secs();
    let wait = match waited {
        ..5 => 1,
        5..30 => 5,
        _ => 10,
    };
    Rest::Waiting { until: after(s.now, Duration::from_secs(wait)), reason: on_its_way(moving.to) }
}

/// Asks for a move. A room is moved by a run that has done nothing else with it: what is under way
/// would be refused in the archive.
fn begin(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>, wants: &Wants) -> Step {
    let is_apart = |kind| kind == AddNote::KIND || kind == ReportRoomEvents::KIND;
    if !s.begun.iter().all(|begun| is_apart(begun.kind)) {
        return Step::Wait(Rest::Waiting { until: s.now, reason: on_its_way(wants.location) });
    }
    let (room, why) = (made.room.id, wants.why.clone());
    let link = life.template.map_or(LinkKind::Member, |template| template.link);
    Step::Move(match wants.location {
        Location::Archived => ArchiveRoom { room, link, why }.into(),
        Location::Active => RestoreRoom { room, link, why }.into(),
    })
}

/// Why the room is in the archive.
fn archived(s: &Situation<'_>, life: &Life<'_>, wants: &Wants) -> Reason {
    match (&life.standing, s.ledger.location.by) {
        _ if wants.asked => reasons::ARCHIVED_AS_ASKED.reason("somebody asked to archive the room"),
        (Standing::Over { why, .. } | Standing::Unknown(why), _) => reasons::ARCHIVED.reason(why),
        (Standing::Open, Mover::Person) => {
            docspace_reasons::ROOM_ARCHIVED.reason("somebody archived the room in DocSpace")
        }
        (Standing::Open, Mover::Us) => reasons::ARCHIVED.reason("the ticket was over"),
    }
}

/// Nothing is to be done with the room itself, but a second one is looked for.
fn audited(
    s: &Situation<'_>,
    life: &Life<'_>,
    made: &MadeRoom<'_>,
    rest: impl FnOnce(Option<Timestamp>) -> Rest,
) -> Plan {
    // Without the template there is no telling which rooms hold nothing but what it makes.
    let Some(template) = life.template else { return rest(None).into() };
    let (mut notes, mut effects) = (Vec::new(), Vec::new());
    match furnish::due_audit(s, made.room, template) {
        Some(furnish::Audit::Ended(note)) => notes.push(note),
        Some(furnish::Audit::Archive(extra)) => effects.push(extra.into()),
        None => {}
    }
    Plan { notes, effects, rest: rest(s.ledger.audit_at) }
}

/// The same, looked at again at the earliest of these times.
fn sooner(rest: Rest, times: &[Timestamp]) -> Rest {
    let earliest = |next: Option<Timestamp>| next.into_iter().chain(times.iter().copied()).min();
    match rest {
        Rest::Ready { next, remark } => Rest::Ready { next: earliest(next), remark },
        Rest::Archived { reason, next } => Rest::Archived { reason, next: earliest(next) },
        Rest::Blocked { reason, again } => Rest::Blocked { reason, again: earliest(again) },
        waiting @ (Rest::Waiting { .. } | Rest::Skipped { .. }) => waiting,
    }
}
