//! What people did in folders: kept with the folder, placed with the ticket that has its room, and
//! gone once that was told of it.

use uuid::Uuid;

use super::*;
use crate::room::FolderId;

on_every_store!(
    an_event_waits_for_its_folder_to_be_placed,
    what_we_did_ourselves_is_kept_and_is_not_reported,
    a_repeat_happens_once,
    events_that_come_later_are_placed_later,
    what_is_placed_while_a_note_is_on_its_way_is_told_by_the_next_one,
    a_folder_of_nobody_waits_for_a_quarter_of_an_hour,
    folders_of_nobody_let_others_go_first,
    events_are_reported_by_a_commit_that_holds,
    each_ticket_has_its_own_unreported_events,
    placing_marks_a_ticket_as_a_delivery_does,
    a_thousand_events_are_placed_at_once,
    everything_is_told_once_whoever_places_it_meanwhile,
);

const FILES: FolderId = FolderId(70);
const LOGS: FolderId = FolderId(71);
const ROOM: Option<RoomId> = Some(RoomId(7));

fn event(folder: FolderId, title: &str, second: i64) -> RoomEvent {
    let (what, entry, by) = (RoomEventKind::FileAdded, second + 100, Uuid::from_u128(1));
    RoomEvent { folder, what, entry, title: title.to_owned(), by, at: at(second) }
}

fn happened(event: RoomEvent, delivery_id: Option<&str>, second: i64) -> Delivery {
    let meaning = Meaning::InFolder { event, consequence: Consequence::Look };
    Delivery { source: SourceName::DocSpace, meaning, ..delivery("1", delivery_id, second) }
}

/// Somebody adds a file.
async fn add(store: &Timed, folder: FolderId, title: &str, second: i64) {
    let added = happened(event(folder, title, second), None, second);
    assert_eq!(store.accept(added).await.unwrap(), Accepted::New);
}

/// A ticket that rests has the room with this number, in a ledger that is returned.
async fn ticket_with_room(store: &Timed, id: &str, room: i64) -> Ledger {
    store.accept(delivery(id, None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    settle(store, &claim, &with_room(room), None, 0).await.unwrap();
    with_room(room)
}

/// The end of a run, with what it has told.
async fn settle(
    store: &Timed,
    claim: &Claim,
    ledger: &Ledger,
    reported_through: Option<i64>,
    second: i64,
) -> Result<(), StoreError> {
    let save = Save { reported_through, ..save(claim, ledger.clone(), second) };
    store.settle(Settlement { save, ..settlement(claim, State::Ready, None, second) }).await
}

async fn unplaced(store: &Timed, second: i64) -> Vec<FolderId> {
    store.unplaced(9, at(second)).await.unwrap()
}

async fn place(store: &Timed, folder: FolderId, room: Option<RoomId>, second: i64) -> Placed {
    store.place(folder, room, at(second)).await.unwrap()
}

fn titles(unreported: &UnreportedEvents) -> Vec<&str> {
    unreported.events.iter().map(|event| event.title.as_str()).collect()
}

async fn an_event_waits_for_its_folder_to_be_placed(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    let renamed = RoomEvent { what: RoomEventKind::FolderChanged, ..event(FILES, "a\0b", 5) };
    assert_eq!(store.accept(happened(renamed.clone(), None, 10)).await.unwrap(), Accepted::New);
    add(store, FILES, "T\u{fc}r.txt", 20).await;
    add(store, LOGS, "server.log", 30).await;
    assert_eq!(store.next_due(at(30)).await.unwrap(), None, "nobody knows yet whose they are");
    assert_eq!(unplaced(store, 30).await, [FILES, LOGS], "the longest waiting first");
    assert_eq!(store.unplaced(1, at(30)).await.unwrap(), [FILES]);

    assert_eq!(place(store, FILES, ROOM, 31).await, Placed::Ticket);
    assert_eq!(unplaced(store, 31).await, [LOGS]);
    let claim = claim_one(store, 31).await;
    assert_eq!((claim.key.clone(), claim.hints, claim.has_unreported), (key("1"), 2, true));
    let unreported = store.unreported_events(claim.number, None, 9).await.unwrap();
    // No store keeps the character NUL.
    let expected =
        [RoomEvent { title: "a\u{fffd}b".to_owned(), ..renamed }, event(FILES, "T\u{fc}r.txt", 20)];
    assert_eq!((unreported.total, &unreported.events[..]), (2, &expected[..]));
    assert_eq!((unreported.first_at, unreported.last_at), (Some(at(10)), Some(at(20))));
    let few = store.unreported_events(claim.number, None, 1).await.unwrap();
    assert_eq!(few, UnreportedEvents { events: vec![expected[0].clone()], ..unreported.clone() });
    let none = store.unreported_events(claim.number, None, 0).await.unwrap();
    assert_eq!(none, UnreportedEvents { events: Vec::new(), ..unreported.clone() });

    settle(store, &claim, &with_room(7), Some(unreported.last), 32).await.unwrap();
    assert_eq!(store.unreported_events(claim.number, None, 9).await.unwrap(), UnreportedEvents::default());
    store.accept(delivery("1", None, 33)).await.unwrap();
    assert!(!claim_one(store, 33).await.has_unreported);
    // Of the deliveries, those that are about a ticket are in its timeline.
    let timeline = store.timeline(&key("1")).await.unwrap();
    assert_eq!(timeline.iter().filter(|entry| entry.kind == "delivery").count(), 2);
}

async fn what_we_did_ourselves_is_kept_and_is_not_reported(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    let meaning = Meaning::InFolder { event: event(FILES, "Logs", 1), consequence: Consequence::Echo };
    let echo = Delivery { meaning, ..happened(event(FILES, "Logs", 1), Some("ours"), 1) };
    assert_eq!(store.accept(echo.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(echo).await.unwrap(), Accepted::Repeat);
    assert_eq!(unplaced(store, 1).await, []);
    assert_eq!(place(store, FILES, ROOM, 1).await, Placed::Ticket);
    assert_eq!(store.next_due(at(9)).await.unwrap(), None, "there was nothing to be placed");
}

async fn a_repeat_happens_once(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    let added = || happened(event(FILES, "a", 1), Some("event 1"), 1);
    assert_eq!(store.accept(added()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(added()).await.unwrap(), Accepted::Repeat);
    place(store, FILES, ROOM, 2).await;
    let claim = claim_one(store, 2).await;
    let unreported = store.unreported_events(claim.number, None, 9).await.unwrap();
    assert_eq!(titles(&unreported), ["a"]);
    settle(store, &claim, &with_room(7), Some(unreported.last), 3).await.unwrap();
    // Not even once it was told.
    assert_eq!(store.accept(added()).await.unwrap(), Accepted::Repeat);
    assert_eq!(unplaced(store, 4).await, []);
}

async fn events_that_come_later_are_placed_later(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    add(store, FILES, "a", 1).await;
    place(store, FILES, ROOM, 1).await;
    add(store, FILES, "b", 2).await;
    assert_eq!(unplaced(store, 2).await, [FILES], "the folder is unplaced again");
    let claim = claim_one(store, 2).await;
    assert_eq!(titles(&store.unreported_events(claim.number, None, 9).await.unwrap()), ["a"]);
    place(store, FILES, ROOM, 3).await;
    assert_eq!(titles(&store.unreported_events(claim.number, None, 9).await.unwrap()), ["a", "b"]);
    settle(store, &claim, &with_room(7), None, 3).await.unwrap();
    // What came in after the claim makes another run, and what was not told stays.
    assert!(claim_one(store, 3).await.has_unreported);
}

async fn what_is_placed_while_a_note_is_on_its_way_is_told_by_the_next_one(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    add(store, FILES, "first, and placed last", 1).await;
    add(store, LOGS, "last, and placed first", 2).await;
    place(store, LOGS, ROOM, 3).await;
    let claim = claim_one(store, 3).await;
    let unreported = store.unreported_events(claim.number, None, 9).await.unwrap();
    assert_eq!(titles(&unreported), ["last, and placed first"]);
    place(store, FILES, ROOM, 4).await;
    settle(store, &claim, &with_room(7), Some(unreported.last), 5).await.unwrap();
    let next = claim_one(store, 5).await;
    assert!(next.has_unreported);
    let rest = store.unreported_events(next.number, None, 9).await.unwrap();
    assert_eq!(titles(&rest), ["first, and placed last"]);
    let before = store.unreported_events(next.number, Some(unreported.last), 9).await.unwrap();
    assert_eq!(before, UnreportedEvents::default(), "what the note before told is gone");
    assert_eq!(store.unreported_events(next.number, Some(rest.last), 9).await.unwrap(), rest);
    assert!(rest.last > unreported.last);
    settle(store, &next, &with_room(7), Some(rest.last), 6).await.unwrap();
    assert_eq!(store.unreported_events(next.number, None, 9).await.unwrap().total, 0);
}

async fn a_folder_of_nobody_waits_for_a_quarter_of_an_hour(store: &Timed) {
    add(store, FILES, "old", 0).await;
    add(store, FILES, "new", 600).await;
    // Neither a room that no ticket has, nor none at all.
    assert_eq!(place(store, FILES, ROOM, 900).await, Placed::Nobody, "no event is too old yet");
    assert_eq!(place(store, FILES, None, 901).await, Placed::Nobody);
    store.accept(delivery("1", None, 950)).await.unwrap();
    let claim = claim_one(store, 950).await;
    settle(store, &claim, &with_room(7), None, 950).await.unwrap();
    assert_eq!(place(store, FILES, ROOM, 961).await, Placed::Ticket);
    let claim = claim_one(store, 961).await;
    assert_eq!(titles(&store.unreported_events(claim.number, None, 9).await.unwrap()), ["new"]);

    add(store, LOGS, "of nobody", 1000).await;
    assert_eq!(place(store, LOGS, None, 1901).await, Placed::Nobody);
    assert_eq!(unplaced(store, 99_999).await, [], "nothing is left");
}

async fn folders_of_nobody_let_others_go_first(store: &Timed) {
    add(store, FILES, "a", 0).await;
    assert_eq!(unplaced(store, 0).await, [FILES]);
    assert_eq!(place(store, FILES, None, 1).await, Placed::Nobody);
    add(store, LOGS, "b", 2).await;
    // What happens there meanwhile is asked for with the rest.
    add(store, FILES, "c", 3).await;
    assert_eq!(unplaced(store, 60).await, [LOGS]);
    assert_eq!(unplaced(store, 61).await, [LOGS, FILES]);
}

async fn events_are_reported_by_a_commit_that_holds(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    add(store, FILES, "a", 1).await;
    place(store, FILES, ROOM, 1).await;
    let lost = claim_one(store, 1).await;
    let claim = claim_one(store, 700).await;
    assert!(claim.has_unreported);
    let last = store.unreported_events(claim.number, None, 9).await.unwrap().last;
    let reported = Save { reported_through: Some(last), ..save(&lost, with_room(7), 700) };
    assert_eq!(store.save(reported).await, Err(StoreError::Lost));
    // Nor by one with a ledger that can't be.
    store.accept(delivery("2", None, 700)).await.unwrap();
    let other = claim_one(store, 700).await;
    store.save(save(&other, with_room(8), 700)).await.unwrap();
    let taken = Save { reported_through: Some(last), ..save(&claim, with_room(8), 701) };
    assert!(matches!(store.save(taken).await, Err(StoreError::RoomTaken { .. })));
    assert_eq!(store.unreported_events(claim.number, None, 9).await.unwrap().total, 1);

    let reported = Save { reported_through: Some(last), ..save(&claim, with_room(7), 702) };
    store.save(reported.clone()).await.unwrap();
    assert_eq!(store.unreported_events(claim.number, None, 9).await.unwrap().total, 0);
    // Its answer was lost. What it says by now is not written any more.
    add(store, FILES, "b", 703).await;
    place(store, FILES, ROOM, 703).await;
    let more = store.unreported_events(claim.number, None, 9).await.unwrap();
    store.save(Save { reported_through: Some(more.last), ..reported }).await.unwrap();
    assert_eq!(store.unreported_events(claim.number, None, 9).await.unwrap(), more);
}

async fn each_ticket_has_its_own_unreported_events(store: &Timed) {
    for (id, room) in [("1", 7), ("2", 8)] {
        ticket_with_room(store, id, room).await;
    }
    add(store, FILES, "a", 1).await;
    add(store, LOGS, "b", 1).await;
    place(store, FILES, ROOM, 1).await;
    place(store, LOGS, Some(RoomId(8)), 1).await;
    let mut claims = store.claim(at(1), LEASE, 9, &[]).await.unwrap();
    claims.sort_by(|one, other| one.key.cmp(&other.key));
    assert!(claims.iter().all(|claim| claim.has_unreported));
    for (claim, title) in claims.iter().zip(["a", "b"]) {
        assert_eq!(titles(&store.unreported_events(claim.number, None, 9).await.unwrap()), [title]);
    }
    // As much as there could be.
    settle(store, &claims[0], &with_room(7), Some(i64::MAX), 2).await.unwrap();
    assert_eq!(store.unreported_events(claims[0].number, None, 9).await.unwrap().total, 0);
    assert_eq!(store.unreported_events(claims[1].number, None, 9).await.unwrap().total, 1);
    // A folder goes with the room that it is in now.
    add(store, FILES, "c", 3).await;
    place(store, FILES, Some(RoomId(8)), 3).await;
    assert_eq!(titles(&store.unreported_events(claims[1].number, None, 9).await.unwrap()), ["b", "c"]);
    assert_eq!(store.unreported_events(claims[0].number, None, 9).await.unwrap().total, 0);
}

async fn placing_marks_a_ticket_as_a_delivery_does(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    for (state, attempts, expected) in [(State::Ready, 2, 0), (State::Blocked, 2, 2)] {
        add(store, FILES, "a", 1).await;
        place(store, FILES, ROOM, 1).await;
        let claim = claim_one(store, 1).await;
        // During a run, another one follows.
        add(store, FILES, "b", 2).await;
        place(store, FILES, ROOM, 2).await;
        assert_eq!(store.claim(at(2), LEASE, 9, &[]).await.unwrap(), []);
        let save = save(&claim, with_room(7), 3);
        let end = Settlement { save, attempts, ..settlement(&claim, state, Some(at(99)), 3) };
        store.settle(end).await.unwrap();
        let next = claim_one(store, 3).await;
        assert_eq!((next.hints, next.attempts), (claim.hints + 1, attempts));
        let save = Save { reported_through: Some(next.hints), ..self::save(&next, with_room(7), 3) };
        let end = Settlement { save, attempts, ..settlement(&next, state, Some(at(99)), 3) };
        store.settle(end).await.unwrap();
        add(store, FILES, "c", 4).await;
        place(store, FILES, ROOM, 4).await;
        let next = claim_one(store, 4).await;
        assert_eq!(next.attempts, expected, "{state:?}");
        settle(store, &next, &with_room(7), Some(next.hints), 4).await.unwrap();
    }
}

async fn a_thousand_events_are_placed_at_once(store: &Timed) {
    ticket_with_room(store, "1", 7).await;
    let titles: Vec<_> = (0..1000).map(|number| format!("{number}.log")).collect();
    for title in &titles {
        add(store, FILES, title, 1).await;
    }
    assert_eq!(unplaced(store, 1).await, [FILES]);
    place(store, FILES, ROOM, 2).await;
    assert_eq!(unplaced(store, 99).await, []);
    let claim = claim_one(store, 2).await;
    assert_eq!(claim.hints, 2, "it was marked once");
    let unreported = store.unreported_events(claim.number, None, 5000).await.unwrap();
    assert!(unreported.events.iter().map(|event| &event.title).eq(&titles));
    assert_eq!(store.unreported_events(claim.number, None, 3).await.unwrap().total, 1000);
    settle(store, &claim, &with_room(7), Some(unreported.last), 3).await.unwrap();
    assert_eq!(store.unreported_events(claim.number, None, 1).await.unwrap().total, 0);
}

/// Events come in, two workers place them, and runs tell of them, all at the same time.
async fn everything_is_told_once_whoever_places_it_meanwhile(store: &Timed) {
    const FOLDERS: i64 = 4;
    const EVENTS: i64 = 40;
    ticket_with_room(store, "1", 7).await;
    let (store, is_over) = (store.at(at(1)).await, std::cell::Cell::new(false));
    let come_in = async |folder: i64| {
        for number in 0..EVENTS {
            let event = event(FolderId(folder), &format!("{folder}/{number}"), 1);
            store.accept(happened(event, None, 1)).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let place = async || {
        while !is_over.get() {
            for folder in store.unplaced(9).await.unwrap() {
                assert_eq!(store.place(folder, ROOM).await.unwrap(), Placed::Ticket);
            }
            tokio::task::yield_now().await;
        }
    };
    let tell = async || {
        let mut reported = Vec::new();
        while reported.len() < usize::try_from(FOLDERS * EVENTS).unwrap() {
            tokio::task::yield_now().await;
            for claim in store.claim(LEASE, 1.into(), &[]).await.unwrap() {
                let unreported = store.unreported_events(claim.number, None, 1000).await.unwrap();
                assert!(
                    claim.has_unreported || unreported.total == 0 || unreported.last > claim.hints,
                    "{claim:?} {unreported:?}"
                );
                reported.extend(unreported.events.iter().map(|event| event.title.clone()));
                // Meanwhile others are placed.
                tokio::task::yield_now().await;
                let reported_through = (unreported.total > 0).then_some(unreported.last);
                let save = Save { reported_through, ..save(&claim, with_room(7), 1) };
                let end = Settlement { save, ..settlement(&claim, State::Ready, None, 1) };
                store.settle(end).await.unwrap();
            }
        }
        is_over.set(true);
        reported
    };
    let all = futures_util::future::join_all((0..FOLDERS).map(come_in));
    let work = async { tokio::join!(all, place(), place(), tell()).3 };
    let mut reported =
        tokio::time::timeout(Duration::from_secs(60), work).await.expect("some were never told");
    reported.sort_unstable();
    reported.dedup();
    assert_eq!(reported.len(), usize::try_from(FOLDERS * EVENTS).unwrap(), "none is told twice");
    assert_eq!(store.unplaced(9).await.unwrap(), []);
    for claim in store.claim(LEASE, 1.into(), &[]).await.unwrap() {
        assert!(!claim.has_unreported, "all was told");
    }
}
