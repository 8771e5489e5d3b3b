//! Where a room belongs, and what is noticed of what people do with it.

use super::*;
use crate::ledger::{AppliedRequest, LifeEntry, Location, LocationEntry, Mover, Moving};
use crate::reconcile::effect::{ArchiveRoom, RenameRoom, RestoreRoom};
use crate::reconcile::relations::{Merged, Relative};
use crate::store::RoomRequest;

const GRACE: i64 = 3600;

fn with_grace() -> Template {
    Template { archive_after: Some(Duration::from_secs(3600)), ..template(LinkKind::External) }
}

fn of_status(status: Status) -> Ticket {
    Ticket { subject: "x".to_owned(), status, ..Ticket::default() }
}

/// A room with this many files, as it was left.
fn details(files: u64) -> RoomDetails {
    RoomDetails { title: "T 7 x".to_owned(), owner: None, files, members: None }
}

/// A ticket with everything done, seen at `now`.
fn case(status: Status, now: i64, location: LocationEntry, over_since: Option<i64>) -> Case {
    let seen = match location.now {
        Location::Active => RoomNow::Active,
        Location::Archived => RoomNow::Archived,
    };
    let life = LifeEntry { over_since: over_since.map(at), ..LifeEntry::default() };
    Case {
        ticket: of_status(status),
        ledger: Ledger { location, life, ..complete() },
        room: Some(seen),
        details: Some(details(0)),
        template: Some(with_grace()),
        now: at(now),
        ..Case::default()
    }
}

fn active() -> LocationEntry {
    LocationEntry::default()
}

fn archived(by: Mover) -> LocationEntry {
    LocationEntry { now: Location::Archived, by, ..LocationEntry::default() }
}

fn moving(from: Location, to: Location, attempt: u32, since: i64) -> LocationEntry {
    let moving = Moving { to, since: at(since), attempt, operation: None, failed: None };
    LocationEntry { now: from, moving: Some(moving), ..LocationEntry::default() }
}

fn archives(plan: &Plan) -> bool {
    matches!(plan.effects[..], [Effect::ArchiveRoom(ArchiveRoom { room: RoomId(1), .. })])
}

fn restores(plan: &Plan) -> bool {
    matches!(plan.effects[..], [Effect::RestoreRoom(RestoreRoom { room: RoomId(1), .. })])
}

fn next(rest: &Rest) -> Option<i64> {
    let seconds = |time: Timestamp| time.duration_since(at(0)).as_secs();
    match rest {
        Rest::Ready { next, .. } | Rest::Archived { next, .. } => next.map(seconds),
        Rest::Waiting { until, .. } => Some(seconds(*until)),
        Rest::Blocked { again, .. } => again.map(seconds),
        Rest::Skipped { .. } => None,
    }
}

#[test]
fn a_solved_ticket_has_a_grace_that_reopening_ends() {
    for status in [Status::Solved, Status::Closed] {
        let seen = case(status, 10, active(), None).notes();
        assert!(matches!(&seen[..], [Note::Over { why, .. }] if why.ends_with("after 1h")), "{seen:?}");
        let waiting = case(status, 20, active(), Some(10)).rest();
        assert_eq!(next(&waiting), Some(10 + GRACE), "{waiting:?}");
        assert!(archives(&case(status, 10 + GRACE, active(), Some(10)).plan()));
        assert!(archives(&case(status, 999_999, active(), Some(10)).plan()), "a clock that jumped");
        assert_eq!(next(&case(status, -500, active(), Some(10)).rest()), Some(10 + GRACE), "jumped back");
        let rest = case(status, 20 + GRACE, archived(Mover::Us), Some(10)).rest();
        assert!(matches!(rest, Rest::Archived { .. }), "{rest:?}");
    }
    assert_eq!(case(Status::Open, 20, active(), Some(10)).notes(), [Note::Reopened]);
    assert_eq!(case(Status::Open, 20, archived(Mover::Us), Some(10)).notes(), [Note::Reopened]);
    assert!(restores(&case(Status::Open, 20, archived(Mover::Us), None).plan()));
    let never =
        Case { template: Some(template(LinkKind::External)), ..case(Status::Solved, 0, active(), Some(0)) };
    assert_eq!(next(&Case { now: at(99_999_999), ..never }.rest()), None, "never is never");
}

#[test]
fn what_is_deleted_or_spam_is_archived_at_once_and_comes_back() {
    let deleted = |absent, location, over| {
        let mut case = Case { absent, absence: Absence::Deleted, ..case(Status::Deleted, 5, location, over) };
        case.ledger.life.deleted = over.is_some();
        case
    };
    for absent in [false, true] {
        assert!(matches!(deleted(absent, active(), None).notes()[..], [Note::Over { .. }]));
        assert!(archives(&deleted(absent, active(), Some(5)).plan()), "absent: {absent}");
        let rest = deleted(absent, archived(Mover::Us), Some(5)).rest();
        assert!(matches!(rest, Rest::Archived { .. }), "{rest:?}");
    }
    assert_eq!(case(Status::Open, 9, archived(Mover::Us), Some(5)).notes(), [Note::Reopened]);
    // One that is only hidden from us is not deleted.
    for location in [active(), archived(Mover::Us)] {
        let hidden = Case { absent: true, ..case(Status::Open, 5, location.clone(), None) }.rest();
        assert_eq!(matches!(hidden, Rest::Archived { .. }), location.now == Location::Archived, "{hidden:?}");
    }
}

#[test]
fn what_was_solved_before_it_was_deleted_comes_back_for_a_grace() {
    let archived = || archived(Mover::Us);
    let mut back = case(Status::Solved, 9, archived(), Some(5));
    back.ledger.life.deleted = true;
    let notes = back.notes();
    assert!(matches!(&notes[..], [Note::Over { deleted: false, .. }]), "{notes:?}");
    let mut undeleted = case(Status::Solved, 9, archived(), Some(9));
    undeleted.ledger.life.undeleted = true;
    assert!(restores(&undeleted.plan()));
    // Whatever else changes while a ticket is over, its room stays in the archive.
    let longer = case(Status::Solved, 9, archived(), Some(5)).rest();
    assert!(matches!(longer, Rest::Archived { .. }), "the template's grace is longer now: {longer:?}");
}

#[test]
fn a_merged_ticket_keeps_a_room_that_people_used_for_the_grace() {
    let other = |url: Option<&str>| Relative {
        key: TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "8".parse().unwrap() },
        called: "8".to_owned(),
        url: url.map(str::to_owned),
    };
    let merged = |files, url, now| Case {
        relations: Relations { merged: Merged::Into(other(url)), earlier: None },
        details: Some(details(files)),
        takes_notes: false,
        ..case(Status::Closed, now, active(), Some(0))
    };
    assert!(archives(&merged(0, Some("https://d/8"), 1).plan()));
    assert_eq!(next(&merged(3, Some("https://d/8"), 1).rest()), Some(GRACE));
    assert!(archives(&merged(3, Some("https://d/8"), GRACE).plan()));
    assert_eq!(next(&merged(0, None, 1).rest()), Some(61), "the other ticket may get its room yet");
    assert_eq!(next(&merged(0, None, 1000).rest()), Some(2000), "or never");
    let found = Case { details: None, ..merged(0, Some("https://d/8"), 1) };
    assert_eq!(next(&found.rest()), Some(61), "there may be files in a room that was found only now");
    let circle = Case {
        relations: Relations { merged: Merged::InACircle, earlier: None },
        ..case(Status::Open, 1, active(), None)
    };
    assert!(matches!(circle.rest(), Rest::Ready { .. }), "none of them survives, so all keep their rooms");
    // Both were archived, since neither was known to be merged when the other one was seen.
    let in_archive =
        |relations, now| Case { relations, ..case(Status::Closed, now, archived(Mover::Us), Some(0)) };
    let into = || Relations { merged: Merged::Into(other(Some("https://d/8"))), earlier: None };
    let in_a_circle = || Relations { merged: Merged::InACircle, earlier: None };
    let at_once = Case { takes_notes: false, ..in_archive(into(), 1) }.rest();
    assert_eq!(next(&at_once), Some(60), "it is looked at once more");
    assert_eq!(next(&Case { takes_notes: false, ..in_archive(into(), 60) }.rest()), None);
    assert!(restores(&in_archive(in_a_circle(), 60).plan()), "for the grace");
    assert!(matches!(in_archive(in_a_circle(), GRACE).rest(), Rest::Archived { .. }));
    let first =
        Case { relations: Relations { merged: Merged::Into(other(None)), earlier: None }, ..Case::default() };
    assert!(matches!(first.rest(), Rest::Skipped { .. }), "no room for what was merged before it was seen");
}

#[test]
fn a_move_is_confirmed_by_a_look_and_asked_for_again() {
    let to_archive = |attempt, now| {
        case(Status::Solved, now, moving(Location::Active, Location::Archived, attempt, 0), Some(-GRACE))
    };
    let waits: Vec<_> = [1, 6, 19].map(|now| next(&to_archive(1, now).rest())).into();
    assert_eq!(waits, [Some(2), Some(11), Some(24)]);
    assert!(archives(&to_archive(1, 20).plan()));
    assert!(matches!(to_archive(2, 20).rest(), Rest::Waiting { .. }), "each attempt is given more time");
    assert!(archives(&to_archive(2, 40).plan()));
    let given_up = to_archive(4, 241).rest();
    assert!(
        matches!(&given_up, Rest::Blocked { again: Some(again), .. } if *again == at(900)),
        "{given_up:?}"
    );
    assert!(archives(&Case { asked: true, ..to_archive(4, 241) }.plan()));
    assert!(archives(&to_archive(4, 900).plan()));
    let there = Case { room: Some(RoomNow::Archived), ..to_archive(1, 1) }.notes();
    assert_eq!(there, [Note::Arrived { to: Location::Archived, link: LinkKind::External }]);
}

#[test]
fn a_move_that_failed_blocks_the_ticket_and_is_asked_for_later() {
    let mut location = moving(Location::Archived, Location::Active, 1, 0);
    let reason = crate::docspace::reasons::ROOM_NOT_RESTORED.reason("no");
    location.moving.as_mut().unwrap().failed = Some(reason.clone());
    let failed = |now| case(Status::Open, now, location.clone(), None);
    assert_eq!(failed(5).rest(), Rest::Blocked { reason, again: Some(at(900)) });
    assert!(restores(&failed(900).plan()));
    assert!(restores(&Case { asked: true, ..failed(5) }.plan()));
    let reported = |location| Case { move_failed: true, ..case(Status::Open, 5, location, None) };
    let mut late = reported(moving(Location::Archived, Location::Active, 1, 0));
    assert_eq!(late.clone().notes(), [Note::MoveFailed], "an earlier run asked for it");
    apply_notes(&mut late);
    assert!(matches!(late.rest(), Rest::Blocked { .. }));
    let there =
        Case { room: Some(RoomNow::Active), ..reported(moving(Location::Archived, Location::Active, 1, 0)) };
    assert!(matches!(there.notes()[..], [Note::Arrived { .. }]), "the room is what counts");
}

#[test]
fn reopened_in_the_middle_of_archiving() {
    let reopened = |now| case(Status::Open, now, moving(Location::Active, Location::Archived, 1, 0), None);
    assert!(matches!(reopened(5).rest(), Rest::Waiting { .. }), "the move may still happen");
    let rest = reopened(46).rest();
    assert_eq!((matches!(rest, Rest::Ready { .. }), next(&rest)), (true, Some(420)), "it may come late");
    assert_eq!(reopened(421).notes(), [Note::MoveOver], "whoever archives it now is a person");
    let late = Case { room: Some(RoomNow::Archived), ..reopened(100) }.notes();
    let link = LinkKind::External;
    assert_eq!(late, [Note::Arrived { to: Location::Archived, link }], "our own move is no person's");
}

#[test]
fn what_people_do_by_hand_stays() {
    let by_hand = |status, location: LocationEntry, over| {
        let seen = match location.now {
            Location::Active => RoomNow::Archived,
            Location::Archived => RoomNow::Active,
        };
        Case { room: Some(seen), ..case(status, 5, location, over) }
    };
    let note = by_hand(Status::Open, active(), None).notes();
    let expected = Note::MovedByHand {
        to: Location::Archived,
        is_over: false,
        note: Some("zendesk/7/archived-1-1800000005".to_owned()),
        link: LinkKind::External,
    };
    assert_eq!(note, [expected], "the ticket is told");
    let rest = case(Status::Open, 6, archived(Mover::Person), None).rest();
    assert!(matches!(&rest, Rest::Archived { reason, .. } if reason.is(&docspace_reasons::ROOM_ARCHIVED)));
    let agreed = by_hand(Status::Solved, active(), Some(0)).notes();
    let link = LinkKind::External;
    let expected = Note::MovedByHand { to: Location::Archived, is_over: true, note: None, link };
    assert_eq!(agreed, [expected], "as it would have been archived");
    let mut in_the_grace = by_hand(Status::Solved, active(), Some(0));
    apply_notes(&mut in_the_grace);
    let rest = in_the_grace.rest();
    assert!(matches!(rest, Rest::Archived { .. }), "not restored until the grace is over: {rest:?}");
    let taken_out = by_hand(Status::Solved, archived(Mover::Us), Some(0)).notes();
    assert_eq!(taken_out, [Note::MovedByHand { to: Location::Active, is_over: true, note: None, link }]);
    let mut linked = by_hand(Status::Open, archived(Mover::Person), None);
    apply_notes(&mut linked);
    assert_eq!(linked.kinds(), [Link::KIND], "archiving disabled the link");
    let kept = LocationEntry { kept_active: true, by: Mover::Person, ..active() };
    assert!(matches!(case(Status::Solved, 9 * GRACE, kept, Some(0)).rest(), Rest::Ready { .. }));
}

#[test]
fn a_persons_request_stands_until_the_ticket_changes() {
    let request = |request, status, location| Case {
        request: Some(PendingRequest { request, nth: 3 }),
        ..case(status, 5, location, None)
    };
    let [Note::RequestApplied { wants: Location::Archived, nth: 3, ticket }] =
        &request(RoomRequest::Archive, Status::Open, active()).notes()[..]
    else {
        panic!()
    };
    let word =
        |wants, ticket: &str| Some(AppliedRequest { wants, nth: 3, at: at(5), ticket: ticket.to_owned() });
    let spoken = |wants, status, location, over| {
        let mut case = case(status, 6, location, over);
        case.ledger.life.request = word(wants, ticket);
        case
    };
    assert!(archives(&spoken(Location::Archived, Status::Open, active(), None).plan()));
    let rest = spoken(Location::Archived, Status::Open, archived(Mover::Us), None).rest();
    assert!(
        matches!(&rest, Rest::Archived { reason, .. } if reason.is(&reasons::ARCHIVED_AS_ASKED)),
        "{rest:?}"
    );
    assert_eq!(
        spoken(Location::Archived, Status::Pending, archived(Mover::Us), None).notes(),
        [Note::RequestExpired]
    );
    assert!(restores(&spoken(Location::Active, Status::Open, archived(Mover::Person), None).plan()));
    let mut solved = spoken(Location::Active, Status::Solved, active(), Some(-9 * GRACE));
    assert_eq!(
        Case { ledger: solved.ledger.clone(), ..case(Status::Solved, 6, active(), None) }.notes(),
        [Note::RequestExpired]
    );
    let [Note::RequestApplied { ticket: of_solved, .. }] =
        &request(RoomRequest::Reopen, Status::Solved, active()).notes()[..]
    else {
        panic!()
    };
    solved.ledger.life.request = word(Location::Active, of_solved);
    assert!(
        matches!(solved.rest(), Rest::Ready { next: None, .. }),
        "it is not archived though its grace is over"
    );
    let mut hidden = spoken(Location::Archived, Status::Open, archived(Mover::Us), None);
    hidden.absent = true;
    assert!(matches!(hidden.rest(), Rest::Archived { .. }), "a ticket that can't be seen has not changed");
}

#[test]
fn a_request_for_a_ticket_that_can_t_be_seen_stands_when_it_is_seen_again() {
    let request = Some(PendingRequest { request: RoomRequest::Archive, nth: 1 });
    let mut case = Case { absent: true, request, ..case(Status::Open, 5, active(), None) };
    assert!(matches!(apply_notes(&mut case)[..], [Note::RequestApplied { nth: 1, .. }]));
    assert!(archives(&case.clone().plan()));
    case.absent = false;
    assert!(matches!(apply_notes(&mut case)[..], [Note::RequestSeen { .. }]));
    assert!(archives(&case.clone().plan()), "that it is seen is no change");
    case.ticket.subject = "y".to_owned();
    assert_eq!(apply_notes(&mut case), [Note::RequestExpired]);
}

#[test]
fn a_request_is_applied_once() {
    let request = Some(PendingRequest { request: RoomRequest::Archive, nth: 3 });
    let mut case = Case { request, ..case(Status::Open, 5, active(), None) };
    apply_notes(&mut case);
    assert!(archives(&case.clone().plan()));
    // The run is cut off after its first commit, and the ticket changes before the next one.
    case.ticket.status = Status::Pending;
    assert_eq!(apply_notes(&mut case), [Note::RequestExpired]);
    assert!(matches!(case.clone().rest(), Rest::Ready { .. }), "{:?}", case.ledger.life);
    case.request = Some(PendingRequest { request: RoomRequest::Archive, nth: 4 });
    assert!(matches!(apply_notes(&mut case)[..], [Note::RequestApplied { nth: 4, .. }]), "another one");
    // An earlier version has written only the request that is in force.
    case.ledger.life.last_request = None;
    assert_eq!(apply_notes(&mut case), []);
}

#[test]
fn a_room_whose_template_was_removed_is_archived_and_restored_all_the_same() {
    let removed = |status, now, location, over| {
        let mut case = case(status, now, location, over);
        case.ledger.template = Some("incident".to_owned());
        case
    };
    let is_blocked =
        |rest: &Rest| matches!(rest, Rest::Blocked { reason, .. } if reason.is(&reasons::TEMPLATE_REMOVED));
    let rest = removed(Status::Open, 5, active(), None).rest();
    assert!(is_blocked(&rest), "nothing is furnished: {rest:?}");
    let mut solved = removed(Status::Solved, 5, active(), None);
    assert!(matches!(apply_notes(&mut solved)[..], [Note::Over { .. }]));
    let rest = solved.rest();
    assert!(is_blocked(&rest) && next(&rest) == Some(905), "{rest:?}");
    let rest = removed(Status::Solved, 5 + GRACE - 10, active(), Some(5)).rest();
    assert!(is_blocked(&rest) && next(&rest) == Some(5 + GRACE), "the grace of the default: {rest:?}");
    assert!(archives(&removed(Status::Solved, 5 + GRACE, active(), Some(5)).plan()));
    let mut deleted = removed(Status::Deleted, 5, active(), Some(5));
    deleted.ledger.life.deleted = true;
    assert!(archives(&deleted.plan()));
    let rest = removed(Status::Solved, 9 + GRACE, archived(Mover::Us), Some(5)).rest();
    assert!(matches!(rest, Rest::Archived { .. }), "{rest:?}");
    assert!(restores(&removed(Status::Open, 5, archived(Mover::Us), None).plan()));
    let asked = |request, location| {
        let request = Some(PendingRequest { request, nth: 1 });
        let mut case = Case { request, ..removed(Status::Open, 5, location, None) };
        apply_notes(&mut case);
        case.plan()
    };
    assert!(archives(&asked(RoomRequest::Archive, active())));
    assert!(restores(&asked(RoomRequest::Reopen, archived(Mover::Person))));
}

#[test]
fn a_link_for_everybody_is_checked_after_its_room_came_back_without_a_template() {
    let arrived = |url: &str| {
        let mut case = case(Status::Open, 5, moving(Location::Archived, Location::Active, 1, 0), None);
        case.room = Some(RoomNow::Active);
        case.ledger.template = Some("incident".to_owned());
        case.ledger.link = LinkEntry::Done { url: url.to_owned(), internal: false };
        apply_notes(&mut case);
        case.ledger.link
    };
    assert_eq!(arrived("https://d/s/1"), LinkEntry::NotBegun, "archiving disabled it");
    assert!(matches!(arrived("https://d/rooms/shared/1/filter?folder=1"), LinkEntry::Done { .. }));
}

#[test]
fn a_room_is_moved_in_a_run_of_its_own() {
    let begun = vec![Access::KIND];
    let busy = Case { begun, ..case(Status::Solved, 10 + GRACE, active(), Some(10)) }.rest();
    assert!(matches!(busy, Rest::Waiting { until, .. } if until == at(10 + GRACE)), "{busy:?}");
}

#[test]
fn the_title_follows_the_subject_unless_a_person_changed_it() {
    let renamed = |title: &str, by_hand, asked: Option<&str>| {
        let mut case = case(Status::Open, 0, active(), None);
        case.ticket.subject = "y".to_owned();
        case.details = Some(RoomDetails { title: title.to_owned(), ..details(0) });
        case.ledger.title.by_hand = by_hand;
        case.ledger.title.asked = asked.map(str::to_owned);
        case
    };
    let rename = |plan: Plan| match &plan.effects[..] {
        [Effect::RenameRoom(RenameRoom { room: RoomId(1), title })] => Some(title.clone()),
        _ => None,
    };
    assert_eq!(rename(renamed("T 7 x", false, None).plan()).as_deref(), Some("T 7 y"));
    assert_eq!(rename(renamed("T 7 x", true, None).plan()), None, "a person's title stays");
    assert_eq!(rename(renamed("T 7 x", false, Some("T 7 y")).plan()), None, "the server stores another one");
    let by_hand = renamed("Mine", false, None).notes();
    assert_eq!(by_hand, [Note::TitleByHand { title: "Mine".to_owned() }]);
    let mut lost = renamed("T 7 y", false, Some("T 7 y"));
    lost.ledger.title.state = Entry::Pending { since: at(0) };
    assert_eq!(lost.notes(), [Note::Renamed]);
    let mut not_done = renamed("T 7 x", false, Some("T 7 y"));
    not_done.ledger.title.state = Entry::Pending { since: at(0) };
    assert_eq!(rename(not_done.plan()).as_deref(), Some("T 7 y"), "asked for again");
    let mut found = renamed("T 7 x", false, Some("T 7 x"));
    found.details = None;
    assert_eq!(rename(found.plan()).as_deref(), Some("T 7 y"), "found under the title of an earlier subject");
    let mut unknown = renamed("T 7 x", false, None);
    unknown.details = None;
    assert_eq!(rename(unknown.plan()), None, "it may be a person's title");
    let mut fixed = renamed("T 7 x", false, None);
    fixed.template = Some(Template { follow: Follow { subject: false, ..Follow::ALL }, ..with_grace() });
    assert_eq!(rename(fixed.plan()), None);
}

#[test]
fn a_ticket_that_is_moved_has_the_rules_asked_again() {
    let project = |name: &str| Ticket { project: Some(name.to_owned()), ..of_status(Status::Open) };
    let mut first = case(Status::Open, 0, active(), None);
    first.ticket = project("SUP");
    assert_eq!(first.notes(), [Note::Moved { place: Some("SUP".to_owned()), template: None }]);
    let mut moved = case(Status::Open, 0, active(), None);
    moved.ticket = project("OPS");
    moved.ledger.life.place = Some("SUP".to_owned());
    moved.ledger.template = Some("default".to_owned());
    let expected = Note::Moved { place: Some("OPS".to_owned()), template: None };
    assert_eq!(moved.notes(), [expected], "the template is the same");
    let mut without = case(Status::Open, 0, active(), None);
    without.ticket = project("OPS");
    without.ledger.life.place = Some("SUP".to_owned());
    without.ledger.template = Some("removed".to_owned());
    let expected = Note::Moved { place: Some("OPS".to_owned()), template: Some("default".to_owned()) };
    assert_eq!(without.notes(), [expected], "the template from before need not be there any more");
}

#[test]
fn another_owner_is_noticed_also_where_the_ledger_has_none() {
    let (us, other) = (uuid::Uuid::from_u128(9), uuid::Uuid::from_u128(8));
    let owned = |owner, before| {
        let mut case = case(Status::Open, 0, active(), None);
        case.own = Some(us);
        case.ledger.owner = before;
        case.details = Some(RoomDetails { owner: Some(owner), ..details(0) });
        case
    };
    let expected = Note::OwnerChanged { owner: other, is_us: false };
    assert_eq!(owned(other, None).notes(), std::slice::from_ref(&expected), "a room of an earlier version");
    assert_eq!(owned(other, Some(us)).notes(), [expected]);
    assert_eq!(owned(us, Some(other)).notes(), [Note::OwnerChanged { owner: us, is_us: true }]);
    assert_eq!((owned(us, None).notes(), owned(other, Some(other)).notes()), (vec![], vec![]));
}

#[test]
fn a_second_room_is_looked_for_wherever_the_first_one_is() {
    let creates = Some(Creates { first: at(-100), last: at(-100) });
    let due = |status, absent, location, template: &str| {
        let mut case = Case { absent, ..case(status, 0, location, Some(-9 * GRACE)) };
        case.ledger.audit_at = Some(at(-10));
        case.ledger.creates = creates;
        case.ledger.template = Some(template.to_owned());
        case
    };
    for (status, absent, location) in [
        (Status::Open, true, active()),
        (Status::Open, true, archived(Mover::Us)),
        (Status::Solved, false, archived(Mover::Us)),
    ] {
        let mut case = due(status, absent, location, "default");
        assert!(matches!(case.clone().notes()[..], [Note::EndAudit { .. }]), "{status:?} {absent}");
        apply_notes(&mut case);
        let rest = case.rest();
        assert!(next(&rest).is_some_and(|next| next > 0), "it is not due for ever: {rest:?}");
    }
    let rest = due(Status::Open, true, active(), "removed").rest();
    assert_eq!(next(&rest), None, "nothing can be told of other rooms without the template");
}

#[test]
fn that_the_room_is_gone_is_told_while_people_work_on_the_ticket() {
    let gone = |status| Case { room: Some(RoomNow::Deleted), ..case(status, 0, active(), Some(0)) }.notes();
    assert!(matches!(gone(Status::Open)[..], [Note::Deleted { note: Some(_) }]));
    assert_eq!(gone(Status::Solved), [Note::Deleted { note: None }]);
}
