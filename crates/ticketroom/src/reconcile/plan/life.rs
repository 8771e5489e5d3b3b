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

use super::moves::{self, Step};
use super::standing::{Life, Standing, Wants, after_merge, life, wants};
use super::{MadeRoom, Plan, Situation, access, furnish, note, notes, requests};
use crate::clock::Timestamp;
use crate::docspace::reasons as docspace_reasons;
use crate::helpdesk::Observed;
use crate::ledger::{Location, Mover};
use crate::reason::Reason;
use crate::reconcile::effect::{Perform, RenameRoom};
use crate::reconcile::note::Note;
use crate::reconcile::observe::RoomNow;
use crate::reconcile::reasons;
use crate::reconcile::rest::Rest;
use crate::rule::Verdict;
use crate::ticket::Ticket;
use notes::Report;

/// What to do for a ticket that has a room.
pub(super) fn with_room(s: &Situation<'_>, made: &MadeRoom<'_>) -> Plan {
    match s.seen.room {
        Some(RoomNow::Deleted) => {
            // Those who worked on a ticket that is over need not know that its room was cleared
            // away.
            let is_over = matches!(life(s, made).standing, Standing::Over { .. });
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
    let life = life(s, made);
    if let Some(step) = changed(s, &life).or_else(|| noticed(s, &life, made)) {
        return note(step);
    }
    let mut effects = Vec::new();
    let mut next = Vec::new();
    let wants = wants(s, &life);
    if moves::is_over(s, wants.location) {
        return note(Note::MoveOver);
    }
    if let Some((ticket, _)) = life.ticket {
        effects.extend(notes::about_others(s, ticket, made.room, after_merge(s, &life, &wants)));
        effects.extend(notes::by_hand(s, ticket));
        if let Some(template) = life.template.or(life.default) {
            match notes::report(s, ticket, made.room, template) {
                Report::None => {}
                Report::Drop(step) => return note(step),
                Report::Later(at) => next.push(at),
                Report::Tell(effect) => effects.push((*effect).into()),
            }
            // What was not looked at yet has a note of its own.
            if s.seen.more_unreported.is_some() && s.ledger.report.state.pending_since().is_none() {
                next.push(s.now);
            }
        }
    }
    next.extend(wants.next);
    let mut plan = match moves::step(s, &life, made, &wants) {
        Step::Stay(Location::Active) => match (life.ticket, &life.template_missing, life.template) {
            (Some(_), Some(rest), _) => rest.clone().into(),
            (Some((ticket, link)), None, Some(template)) => furnish::furnish(s, ticket, link, template, made),
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
    next.extend(moves::latest_of_unwanted(s, wants.location));
    plan.effects.extend(effects);
    plan.rest = sooner(plan.rest, &next);
    plan
}

/// What changed in the ticket's life since it was last seen.
fn changed(s: &Situation<'_>, life: &Life<'_>) -> Option<Note> {
    let entry = &s.ledger.life;
    // One that can't be seen has not changed.
    let is_seen = !matches!(life.standing, Standing::Unknown(_));
    if let Some(changed) = requests::changed(s).filter(|_| is_seen) {
        return Some(changed);
    }
    match &life.standing {
        Standing::Over { why, at_once, deleted }
            if entry.over_since.is_none() || *deleted != entry.deleted =>
        {
            let grace = life.archive_after();
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
    if let Some(step) = moves::relocated(s, life, made) {
        return Some(step);
    }
    let details = s.seen.details.as_ref()?;
    let title = &s.ledger.title;
    if details.title != made.room.title && !s.has_begun(RenameRoom::KIND) {
        let is_ours = title.state.pending_since().is_some() && title.asked.as_ref() == Some(&details.title);
        let (seen, is_late) =
            (details.title.clone(), title.late.iter().any(|late| late.what == details.title));
        return Some(match (is_ours, is_late) {
            (true, _) => Note::Renamed,
            (false, true) => Note::LateRename { title: seen },
            (false, false) => Note::TitleByHand { title: seen },
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
pub(super) fn sooner(rest: Rest, times: &[Timestamp]) -> Rest {
    let earliest = |next: Option<Timestamp>| next.into_iter().chain(times.iter().copied()).min();
    match rest {
        Rest::Ready { next, remark } => Rest::Ready { next: earliest(next), remark },
        Rest::Archived { reason, next } => Rest::Archived { reason, next: earliest(next) },
        Rest::Blocked { reason, again } => Rest::Blocked { reason, again: earliest(again) },
        waiting @ (Rest::Waiting { .. } | Rest::Skipped { .. }) => waiting,
    }
}
