//! Which tickets get a room, and what becomes of a create without an answer.

use super::*;

#[test]
fn a_new_ticket_gets_a_room_and_one_that_has_a_room_already_gets_that() {
    let create = Case::default().plan();
    let expected = CreateRoom {
        template: "default".to_owned(),
        title: "T 7 x".to_owned(),
        room_type: RoomType::Custom,
        attempt: 1,
    };
    assert_eq!(create.effects, [expected.into()]);
    let adopt = Case { tagged: vec![found(3, false), found(4, true)], ..Case::default() }.notes();
    let expected = Note::Adopt { template: "default".to_owned(), room: room(3), tagged: true };
    assert_eq!(adopt, [expected], "the lowest number");
}

#[test]
fn tickets_that_are_over_get_no_room() {
    for (status, skipped) in
        [(Status::Closed, true), (Status::Deleted, true), (Status::Solved, false), (Status::Pending, false)]
    {
        let ticket = Ticket { status, ..Ticket::default() };
        let plan = Case { ticket, ..Case::default() }.plan();
        assert_eq!(
            matches!(plan.rest, Rest::Skipped { .. }) && plan.effects.is_empty(),
            skipped,
            "{status:?}"
        );
    }
}

#[test]
fn an_unanswered_create_is_looked_for_until_it_has_settled() {
    let waiting =
        |now, looks| match (Case { ledger: pending(0, looks), now: at(now), ..Case::default() }).rest() {
            Rest::Waiting { until, .. } => until.duration_since(at(now)).as_millis(),
            other => panic!("{other:?}"),
        };
    assert_eq!([waiting(1, 0), waiting(2, 1), waiting(9, 4), waiting(20, 9)], [500, 1000, 10_000, 10_000]);
    assert_eq!(waiting(44, 9), 1000, "not beyond the time when it has settled");

    let tagged = Case { ledger: pending(0, 0), tagged: vec![found(5, true)], now: at(1), ..Case::default() };
    assert!(matches!(tagged.notes()[..], [Note::Adopt { .. }]));
    let early = Case { ledger: pending(0, 0), untagged: vec![found(5, true)], now: at(1), ..Case::default() };
    assert!(matches!(early.rest(), Rest::Waiting { .. }), "every room is without tags for a moment");
    // Paused between the look and the thought: what was looked for too early says nothing, and is
    // looked for again.
    let stale = Case { ledger: pending(0, 9), looked: Some(at(44)), now: at(60), ..Case::default() }.rest();
    assert!(matches!(stale, Rest::Waiting { until, .. } if until == at(60)), "{stale:?}");
    let late = Case { ledger: pending(0, 9), untagged: vec![found(5, true)], now: at(45), ..Case::default() };
    let expected = Note::Adopt { template: "default".to_owned(), room: room(5), tagged: false };
    assert_eq!(late.notes(), [expected]);
    let gone = Case { ledger: pending(0, 9), now: at(45), ..Case::default() }.plan();
    assert!(matches!(gone.effects[..], [Effect::CreateRoom(CreateRoom { attempt: 2, .. })]), "{gone:?}");
}

#[test]
fn tickets_that_are_not_there_are_told_apart() {
    let rest = |absence, ledger, attempts| {
        Case { absent: true, absence, ledger, attempts, ..Case::default() }.plan().rest
    };
    let not_wanted = || Absence::NotWanted("it is in project HR".to_owned());
    assert!(matches!(rest(Absence::NotShown, Ledger::default(), 0), Rest::Waiting { .. }));
    assert!(matches!(rest(Absence::NotShown, Ledger::default(), 3), Rest::Blocked { .. }));
    for absence in [Absence::Deleted, not_wanted()] {
        assert!(matches!(rest(absence, Ledger::default(), 0), Rest::Skipped { .. }));
    }
    for absence in [Absence::NotShown, not_wanted()] {
        let rest = rest(absence, complete(), 0);
        assert!(
            matches!(&rest, Rest::Ready { remark: Some(remark), .. } if remark.is(&reasons::GONE)),
            "{rest:?}"
        );
    }
}

#[test]
fn a_create_settles_from_the_first_look_after_it_was_given_up() {
    let kinds = |room| Case { ledger: with_room(room), now: at(50), ..Case::default() }.kinds();
    assert_eq!(kinds(pending_room(Some(0), 1, 3)), [CreateRoom::KIND]);
    assert_eq!(kinds(pending_room(Some(30), 1, 3)), [], "DocSpace could not be asked before");
    assert_eq!(kinds(pending_room(None, 1, 3)), [], "no look has succeeded yet");
    assert_eq!(kinds(pending_room(Some(0), 2, 3)), [], "a further call is given more time");

    let mut room = pending_room(None, 1, 0);
    room.give_up(at(20));
    room.note_look(at(10));
    assert_eq!(room.settled_at(SETTLE), None, "a look from before the call was given up");
    room.note_look(at(21));
    room.note_look(at(30));
    assert_eq!(room.settled_at(SETTLE), Some(at(66)));
    let mut cut_off = Ledger { room: room.clone(), unfinished: true, ..Ledger::default() };
    cut_off.begin_run(at(50));
    assert_eq!(cut_off.room.settled_at(SETTLE), None, "a process that died may have sent it last thing");
    let mut settled = Ledger { room: room.clone(), ..Ledger::default() };
    settled.begin_run(at(50));
    assert_eq!(settled.room, room);
}

#[test]
fn a_refused_create_blocks_only_after_the_room_was_looked_for() {
    let refused = |confirmed| {
        let mut room = pending_room(Some(0), 1, 9);
        if let RoomEntry::Pending { refusal, .. } = &mut room {
            *refusal = Some(Refusal {
                reason: docspace_reasons::CREATE_FORBIDDEN.reason("DocSpace forbids it (403)"),
                confirmed,
            });
        }
        Case { ledger: with_room(room), ..Case::default() }
    };
    let early = Case { now: at(5), ..refused(false) }.rest();
    assert!(
        matches!(&early, Rest::Waiting { reason, .. } if reason.is(&docspace_reasons::ROOM_UNSETTLED) && reason.text.contains("403")),
        "{early:?}"
    );
    let found = Case { untagged: vec![found(5, true)], now: at(45), ..refused(false) };
    assert!(matches!(found.notes()[..], [Note::Adopt { .. }]), "it was created before it was refused");
    assert_eq!(Case { now: at(45), ..refused(false) }.notes(), [Note::NotCreated]);
    let noted = Case { now: at(45), noted: vec![Note::NotCreated], ..refused(true) }.rest();
    assert!(matches!(&noted, Rest::Blocked { again: Some(_), .. }), "{noted:?}");
    assert_eq!(Case { now: at(990), ..refused(true) }.kinds(), [CreateRoom::KIND], "the next run asks again");
    assert_eq!(Case { now: at(45), asked: true, ..refused(false) }.kinds(), [CreateRoom::KIND]);
}

#[test]
fn a_tagged_room_of_another_owner_is_neither_taken_nor_doubled() {
    let others = || Case { tagged_by_others: vec![found(5, true)], ..Case::default() };
    let Rest::Blocked { reason, again: Some(_) } = others().rest() else { panic!("not blocked") };
    assert!(reason.is(&docspace_reasons::ROOM_OF_ANOTHER_OWNER), "{reason}");
    assert!(reason.text.contains("room 5") && reason.text.contains("zendesk:7"), "{reason}");
    let address = "https://d/rooms/shared/5/filter?folder=5".to_owned();
    let shown = Case { link_in_ticket: LinkInTicket::Is(address), ..others() };
    assert!(matches!(shown.notes()[..], [Note::Adopt { .. }]), "the ticket itself says that it is its room");
    let pending = Case { ledger: pending(0, 9), now: at(45), ..others() };
    assert!(matches!(pending.rest(), Rest::Blocked { .. }));
}

#[test]
fn a_ticket_that_is_not_there_is_asked_for_again_and_then_given_up() {
    let absent = |attempts, ledger| Case { absent: true, attempts, ledger, ..Case::default() }.rest();
    assert!(matches!(absent(0, Ledger::default()), Rest::Waiting { .. }));
    assert!(matches!(absent(3, Ledger::default()), Rest::Blocked { again: None, .. }));
    assert!(matches!(absent(9, pending(0, 1)), Rest::Waiting { .. }), "its room may still come");
    assert!(matches!(absent(9, complete()), Rest::Ready { remark: Some(_), .. }));
}
