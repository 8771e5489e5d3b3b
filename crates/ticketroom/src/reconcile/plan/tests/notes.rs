//! What a ticket is told beside its link.

use uuid::Uuid;

use super::*;
use crate::ledger::{NoteWhat, ReportEntry};
use crate::reconcile::effect::{AddNote, ReportRoomEvents};
use crate::reconcile::relations::{Merged, Relative};
use crate::room::FolderId;
use crate::store::{RoomEvent, RoomEventKind};
use crate::template::Notify;

const US: Uuid = Uuid::from_u128(9);

fn event(title: &str, by: Uuid) -> RoomEvent {
    RoomEvent {
        folder: FolderId(1),
        what: RoomEventKind::FileAdded,
        entry: 5,
        title: title.to_owned(),
        by,
        at: at(0),
    }
}

fn unreported(events: Vec<RoomEvent>, first: i64, last: i64) -> UnreportedEvents {
    let (total, first_at, last_at) = (events.len() as u64, Some(at(first)), Some(at(last)));
    UnreportedEvents { total, last: 77, first_at, last_at, events }
}

fn case(unreported: UnreportedEvents, now: i64) -> Case {
    let details = RoomDetails { title: "T 7 x".to_owned(), owner: None, files: 1, members: None };
    Case {
        ledger: complete(),
        room: Some(RoomNow::Active),
        details: Some(details),
        own: Some(US),
        unreported: Some(unreported),
        template: Some(Template { notify: Some(Notify::default()), ..template(LinkKind::External) }),
        now: at(now),
        ..Case::default()
    }
}

fn told(plan: &Plan) -> ReportRoomEvents {
    match &plan.effects[..] {
        [Effect::ReportRoomEvents(effect)] => effect.clone(),
        _ => panic!("{plan:?}"),
    }
}

#[test]
fn the_ticket_is_told_once_nothing_has_happened_for_a_while() {
    let people = Uuid::from_u128(2);
    let all = || vec![event("a.txt", people), event("ours.txt", US), event("b.txt", people)];
    let rest = case(unreported(all(), 0, 100), 399).rest();
    assert!(matches!(rest, Rest::Ready { next: Some(at_), .. } if at_ == at(400)), "{rest:?}");
    let note = told(&case(unreported(all(), 0, 100), 400).plan());
    assert_eq!((note.total, note.through, note.state), (2, 77, NoteState::Uncertain));
    assert_eq!(told(&case(unreported(all(), 0, 1190), 1200).plan()).total, 2, "a room that is never quiet");
    let mut late = case(unreported(all(), 0, 100), 1000);
    late.ledger.report.told_at = Some(at(900));
    let rest = late.rest();
    assert!(
        matches!(rest, Rest::Ready { next: Some(at_), .. } if at_ == at(1200)),
        "one note a period: {rest:?}"
    );
    let ours = case(unreported(vec![event("ours.txt", US)], 0, 0), 300).notes();
    assert_eq!(ours, [Note::EventsDropped { through: 77 }]);
    let none = Case { takes_notes: false, ..case(unreported(all(), 0, 0), 0) }.notes();
    assert_eq!(none, [Note::EventsDropped { through: 77 }]);
}

#[test]
fn a_note_without_an_answer_is_looked_for_under_its_own_id() {
    let mut case = case(unreported(vec![event("a.txt", Uuid::from_u128(2))], 0, 0), 500);
    case.ledger.report =
        ReportEntry { through: Some(70), state: Entry::Pending { since: at(490) }, told_at: None };
    let note = told(&case.plan());
    assert_eq!((note.through, note.state), (70, NoteState::Settling));
}

#[test]
fn what_came_after_a_note_without_an_answer_has_a_note_of_its_own() {
    let mut told = case(UnreportedEvents::default(), 500);
    told.unreported = None;
    told.more_unreported = Some(9);
    told.ledger.report = ReportEntry { through: Some(70), state: Entry::Done, told_at: None };
    let rest = told.rest();
    assert!(
        matches!(rest, Rest::Ready { next: Some(next), .. } if next == at(500)),
        "looked at now: {rest:?}"
    );
    let mut gone = case(UnreportedEvents::default(), 500);
    gone.ledger.report =
        ReportEntry { through: Some(70), state: Entry::Pending { since: at(0) }, told_at: None };
    assert_eq!(gone.clone().notes(), [Note::EventsDropped { through: 70 }], "nothing is left to be told");
    apply_notes(&mut gone);
    assert_eq!(gone.ledger.report.state, Entry::Done);
}

impl Case {
    fn added(self) -> Vec<(String, NoteState)> {
        let effects = self.plan().effects.into_iter();
        let notes = effects.filter_map(|effect| match effect {
            Effect::AddNote(note @ AddNote { state, .. }) => Some((note.name(), state)),
            _ => None,
        });
        notes.collect()
    }
}

fn relative(url: Option<&str>) -> Relative {
    Relative {
        key: TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "8".parse().unwrap() },
        called: "8".to_owned(),
        url: url.map(str::to_owned),
    }
}

#[test]
fn both_tickets_of_a_merge_are_told() {
    let merged = |url| {
        let mut case = case(UnreportedEvents::default(), 0);
        case.unreported = None;
        case.ticket.status = Status::Closed;
        case.ledger.life.over_since = Some(at(0));
        case.relations = Relations { merged: Merged::Into(relative(url)), earlier: None };
        case
    };
    let uncertain = |name: &str| (name.to_owned(), NoteState::Uncertain);
    assert_eq!(
        merged(Some("https://d/8")).added(),
        [uncertain("zendesk/7/merged-into-8"), uncertain("zendesk/8/merged-from-7")]
    );
    assert_eq!(merged(None).added(), [], "without a room there is nothing to point to");
    let mut done = merged(Some("https://d/8"));
    done.ledger.notes.entry("zendesk/7/merged-into-8".to_owned()).or_default().state = Entry::Done;
    assert_eq!(done.added(), [uncertain("zendesk/8/merged-from-7")]);
}

#[test]
fn a_follow_up_names_the_earlier_room() {
    let mut follow_up = case(UnreportedEvents::default(), 0);
    follow_up.unreported = None;
    follow_up.relations.earlier = Some(relative(Some("https://d/8")));
    assert_eq!(follow_up.added(), [("zendesk/7/follows-8".to_owned(), NoteState::Uncertain)]);
}

#[test]
fn what_people_did_by_hand_is_told_also_when_the_room_is_gone() {
    let mut deleted = case(UnreportedEvents::default(), 0);
    deleted.ledger.room = RoomEntry::Deleted { room: room(1) };
    deleted.ledger.notes.insert("zendesk/7/deleted-1".to_owned(), NoteWhat::Deleted.into());
    assert_eq!(deleted.added(), [("zendesk/7/deleted-1".to_owned(), NoteState::Uncertain)]);
}
