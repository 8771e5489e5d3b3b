//! Whatever was seen and whatever the ledger says, the notes of a run come to an end. They are made
//! without a pause, so a run whose notes don't would hold its thread for good. Then the ticket
//! rests, and is not due again at once.

use fastrand::Rng;
use uuid::Uuid;

use super::*;
use crate::docspace::share::Member;
use crate::ledger::{AppliedRequest, Location, Mover, Moving, TitleEntry};
use crate::reconcile::relations::{Merged, Relative};
use crate::room::FolderId;
use crate::store::{RoomEvent, RoomEventKind, RoomRequest};
use crate::template::Notify;

fn one_of<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    rng.choice(of).unwrap().clone()
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.bool().then(|| make(rng))
}

fn id(rng: &mut Rng) -> Uuid {
    Uuid::from_u128(rng.u128(1..4))
}

fn location(rng: &mut Rng) -> Location {
    one_of(rng, &[Location::Active, Location::Archived])
}

fn entry(rng: &mut Rng) -> Entry {
    let since = at(rng.i64(-4000..4000));
    one_of(rng, &[Entry::NotBegun, Entry::Pending { since }, Entry::Done])
}

fn title(rng: &mut Rng) -> String {
    one_of(rng, &["T 7 x", "T 7 y", "Mine"]).to_owned()
}

fn person(rng: &mut Rng) -> Person {
    Person { name: None, email: Some(one_of(rng, &["anna@x", "ben@x"]).to_owned()) }
}

fn some_grant(rng: &mut Rng) -> Grant {
    let email = person(rng).email.unwrap();
    one_of(rng, &[support(), grant(Subject::Assignee(email), Role::Viewer)])
}

fn ticket(rng: &mut Rng) -> Ticket {
    use Status::{Closed, Deleted, Open, Pending, Solved};
    Ticket {
        subject: one_of(rng, &["x", "y"]).to_owned(),
        status: one_of(rng, &[Open, Pending, Solved, Closed, Deleted]),
        assignee: maybe(rng, person),
        project: maybe(rng, |rng| one_of(rng, &["SUP", "OPS"]).to_owned()),
        ..Ticket::default()
    }
}

fn ledger(rng: &mut Rng) -> Ledger {
    let mut ledger = complete();
    ledger.template = one_of(rng, &[Some("default"), Some("removed"), None]).map(str::to_owned);
    if rng.u8(..8) == 0 {
        ledger.room = RoomEntry::Deleted { room: room(1) };
    }
    let access = &mut ledger.access;
    let granted = |rng: &mut Rng| Granted {
        id: id(rng),
        by_hand: rng.bool(),
        role: one_of(rng, &[Role::Viewer, Role::Editor]),
        grant: some_grant(rng),
    };
    access.granted = (0..rng.usize(..4)).map(|_| granted(rng)).collect();
    access.removed_by_hand = maybe(rng, some_grant).into_iter().collect();
    access.asked = maybe(rng, some_grant).into_iter().collect();
    access.revoking = maybe(rng, id).into_iter().collect();
    access.state = entry(rng);
    ledger.title = TitleEntry {
        asked: maybe(rng, title),
        state: entry(rng),
        by_hand: rng.bool(),
        ..TitleEntry::default()
    };
    ledger.location = LocationEntry {
        now: location(rng),
        by: one_of(rng, &[Mover::Us, Mover::Person]),
        moving: maybe(rng, |rng| Moving {
            to: location(rng),
            since: at(rng.i64(-4000..4000)),
            attempt: rng.u32(1..6),
            operation: None,
            failed: None,
        }),
        kept_active: rng.bool(),
        ..LocationEntry::default()
    };
    ledger.life = LifeEntry {
        over_since: maybe(rng, |rng| at(rng.i64(-9000..9000))),
        request: maybe(rng, |rng| AppliedRequest {
            wants: location(rng),
            nth: 2,
            at: at(0),
            ticket: String::new(),
        }),
        place: maybe(rng, |_| "SUP".to_owned()),
        ..LifeEntry::default()
    };
    ledger.owner = maybe(rng, id);
    ledger.audit_at = maybe(rng, |rng| at(rng.i64(-900..900)));
    ledger.write_back.url = maybe(rng, |_| "https://d/s/1".to_owned());
    ledger.report.state = entry(rng);
    ledger.report.through = maybe(rng, |rng| rng.i64(..9));
    if rng.bool() {
        ledger.link = LinkEntry::NotBegun;
    }
    ledger
}

fn details(rng: &mut Rng) -> RoomDetails {
    let member = |rng: &mut Rng| {
        let access = one_of(rng, &[Role::Viewer, Role::Editor]).number();
        Member { id: id(rng), access, is_owner: rng.bool(), name: None }
    };
    let members = maybe(rng, |rng| (0..rng.usize(..4)).map(|_| member(rng)).collect());
    RoomDetails { title: title(rng), owner: maybe(rng, id), files: rng.u64(..2), members }
}

fn unreported(rng: &mut Rng) -> UnreportedEvents {
    let event = RoomEvent {
        folder: FolderId(1),
        what: one_of(rng, &[RoomEventKind::FileAdded, RoomEventKind::FolderAdded]),
        entry: 5,
        title: "a".to_owned(),
        by: id(rng),
        at: at(0),
    };
    let last_at = Some(at(rng.i64(-900..900)));
    UnreportedEvents { total: rng.u64(1..3), last: 7, first_at: Some(at(-900)), last_at, events: vec![event] }
}

fn relations(rng: &mut Rng) -> Relations {
    let url = maybe(rng, |_| "https://d/8".to_owned());
    let key = TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "8".parse().unwrap() };
    let other = Relative { key, called: "8".to_owned(), url };
    let merged = one_of(rng, &[Merged::No, Merged::No, Merged::Into(other.clone()), Merged::InACircle]);
    Relations { merged, earlier: maybe(rng, |_| other) }
}

fn any_case(rng: &mut Rng) -> Case {
    use RoomNow::{Active, Archived, Deleted, Hidden};
    let absences = [Absence::NotShown, Absence::Deleted, Absence::NotWanted("other project".to_owned())];
    let link = one_of(rng, &[LinkKind::Member, LinkKind::External]);
    Case {
        ticket: ticket(rng),
        absent: rng.u8(..4) == 0,
        absence: one_of(rng, &absences),
        ledger: ledger(rng),
        tagged: maybe(rng, |_| found(1, true)).into_iter().collect(),
        room: one_of(
            rng,
            &[Some(Active), Some(Active), Some(Archived), Some(Archived), Some(Deleted), Some(Hidden), None],
        ),
        details: maybe(rng, details),
        own: maybe(rng, id),
        relations: relations(rng),
        unreported: maybe(rng, unreported),
        move_failed: rng.bool(),
        template: Some(Template {
            archive_after: maybe(rng, |rng| Duration::from_secs(rng.u64(..5000))),
            notify: maybe(rng, |_| Notify::default()),
            remove_former: rng.bool(),
            ..template(link)
        }),
        takes_notes: rng.bool(),
        request: maybe(rng, |rng| PendingRequest {
            request: one_of(rng, &[RoomRequest::Archive, RoomRequest::Reopen]),
            nth: rng.i64(1..4),
        }),
        asked: rng.u8(..4) == 0,
        ..Case::default()
    }
}

#[test]
fn the_notes_of_a_run_come_to_an_end() {
    let mut rng = Rng::with_seed(20_261_130);
    let mut most = 0;
    for _ in 0..10_000 {
        let mut case = any_case(&mut rng);
        most = most.max(apply_notes(&mut case).len());
        let plan = case.clone().plan();
        let next = match &plan.rest {
            Rest::Ready { next, .. } | Rest::Archived { next, .. } => *next,
            Rest::Waiting { until, .. } => Some(*until),
            Rest::Blocked { again, .. } => *again,
            Rest::Skipped { .. } => None,
        };
        let is_at_once = plan.effects.is_empty() && next.is_some_and(|next| next <= case.now);
        assert!(!is_at_once, "{plan:?} of {:?}", case.ledger);
    }
    assert!(most >= 5, "the cases are too plain: {most}");
}
