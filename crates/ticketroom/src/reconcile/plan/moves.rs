//! Moving the room into the archive and out of it: what is asked for, waited for, and undone.
//!
//! A move is confirmed by a look at the room alone. One that was asked for and is not wanted any
//! more may still happen: it is waited for, and then undone.

use std::time::Duration;

use super::standing::{Life, Standing, Wants};
use super::{MadeRoom, Situation, notes};
use crate::clock::{Timestamp, after};
use crate::ledger::{Location, Mover, Moving};
use crate::reconcile::effect::{
    AddNote, ArchiveRoom, Effect, Perform, ReportRoomEvents, RestoreRoom, move_failed, on_its_way,
};
use crate::reconcile::note::Note;
use crate::reconcile::observe::RoomNow;
use crate::reconcile::rest::Rest;

/// How long a move may take before it is asked for again, times the number of attempts.
const MOVE_AGAIN: Duration = Duration::from_secs(20);
/// After so many attempts, a person has to look.
const MOVE_ATTEMPTS: u32 = 4;
/// When a move that failed is asked for again.
const FAILED_MOVE_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How long a move that is not wanted any more may still happen: an operation without progress is
/// cancelled after a minute, and the server retries its database for five and a half.
const LATEST_MOVE: Duration = Duration::from_secs(7 * 60);
/// What a look at the room says of where it is.
pub(super) fn relocated(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>) -> Option<Note> {
    let link = life.link;
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
pub(super) fn is_over(s: &Situation<'_>, wanted: Location) -> bool {
    let has_moved = s.has_begun(ArchiveRoom::KIND) || s.has_begun(RestoreRoom::KIND);
    let moving = s.ledger.location.moving.as_ref().filter(|moving| moving.to != wanted);
    !has_moved
        && s.seen.room.is_some()
        && moving.is_some_and(|moving| after(moving.since, LATEST_MOVE) <= s.now)
}

/// Until when a move that is not wanted any more may still come.
pub(super) fn latest_of_unwanted(s: &Situation<'_>, wanted: Location) -> Option<Timestamp> {
    let moving = s.ledger.location.moving.as_ref().filter(|moving| moving.to != wanted)?;
    Some(after(moving.since, LATEST_MOVE)).filter(|latest| s.now < *latest)
}

/// What is to be done about where the room is.
pub(super) enum Step {
    Stay(Location),
    Move(Effect),
    Wait(Rest),
}

pub(super) fn step(s: &Situation<'_>, life: &Life<'_>, made: &MadeRoom<'_>, wants: &Wants) -> Step {
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
    let link = life.link;
    Step::Move(match wants.location {
        Location::Archived => ArchiveRoom { room, link, why }.into(),
        Location::Active => RestoreRoom { room, link, why }.into(),
    })
}
