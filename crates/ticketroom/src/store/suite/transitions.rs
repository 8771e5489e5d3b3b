//! What every store has to do alike, transition by transition.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::docspace::limits::Taken;
use crate::ledger::{Ledger, LinkEntry};
use crate::room::RoomId;
use crate::ticket::Ticket;

on_every_store!(
    an_echo_marks_nothing_unless_nobody_knows_the_ticket,
    a_ticket_is_found_by_what_people_call_it,
    a_repeat_is_known_and_marks_nothing,
    the_same_id_with_another_body_is_no_repeat,
    what_is_not_understood_is_kept_once,
    one_worker_at_a_time_and_whoever_is_late_has_lost,
    what_is_still_running_is_not_claimed_beside_it_and_new_tickets_go_first,
    tickets_of_some_helpdesks_can_be_claimed_alone,
    a_delivery_during_a_run_makes_another_run,
    a_room_belongs_to_one_ticket,
    an_older_snapshot_does_not_replace_a_newer_one,
    tickets_are_found_by_what_people_remember,
    a_commit_that_is_tried_again_is_written_once,
    a_heartbeat_renews_what_is_still_held,
    whoever_leaves_lets_go_of_tickets,
    a_name_is_had_by_one_process_at_a_time,
    the_days_writes_are_counted,
    what_no_text_can_hold_is_kept_all_the_same,
    states_are_counted,
    the_oldest_that_waits_and_the_writes_that_are_left_are_figures,
    what_a_later_version_has_in_a_ledger_is_kept,
);

/// Seconds until the next ticket is due.
async fn due_in(store: &Timed, second: i64) -> Option<u64> {
    store.next_due(at(second)).await.unwrap().map(|wait| wait.as_secs())
}

async fn an_echo_marks_nothing_unless_nobody_knows_the_ticket(store: &Timed) {
    let echo =
        |second| Delivery { meaning: Meaning::Echo { ticket: key("1") }, ..delivery("1", None, second) };
    store.accept(echo(0)).await.unwrap();
    assert_eq!(due_in(store, 0).await, Some(0), "we can't have written into it");
    let claim = claim_one(store, 0).await;
    store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    store.accept(echo(1)).await.unwrap();
    assert_eq!(due_in(store, 9).await, None);
    let about_something_else =
        Delivery { meaning: Meaning::AboutSomethingElse, ..delivery("2", Some("x"), 2) };
    assert_eq!(store.accept(about_something_else.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(about_something_else).await.unwrap(), Accepted::Repeat);
    assert_eq!(due_in(store, 9).await, None);
}

async fn a_ticket_is_found_by_what_people_call_it(store: &Timed) {
    store.accept(delivery("10042", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    let seen = |key: &str| Ticket { key: Some(key.to_owned()), subject: "S".to_owned(), ..Ticket::default() };
    store.save(Save { seen: Some(seen("SUP-42")), ..save(&claim, Ledger::default(), 0) }).await.unwrap();
    for called in ["10042", "SUP-42", "sup-42"] {
        let found = store.ticket(&key(called)).await.unwrap().unwrap();
        assert_eq!(found.key, key("10042"), "{called}");
        let query = TicketQuery { id: Some(called.parse().unwrap()), limit: 9, ..TicketQuery::default() };
        assert_eq!(store.tickets(&query).await.unwrap().len(), 1, "{called}");
    }
    // Moved: the old name is somebody else's now, or nobody's.
    let again = Save { nth: 2, ..save(&claim, Ledger::default(), 1) };
    store.save(Save { seen: Some(seen("HR-7")), ..again }).await.unwrap();
    assert!(store.ticket(&key("SUP-42")).await.unwrap().is_none());
    assert!(store.ticket(&key("HR-7")).await.unwrap().is_some());
}

async fn a_repeat_is_known_and_marks_nothing(store: &Timed) {
    assert_eq!(store.accept(delivery("1", Some("a"), 0)).await.unwrap(), Accepted::New);
    let claim = claim_one(store, 0).await;
    store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    assert_eq!(store.accept(delivery("1", Some("a"), 1)).await.unwrap(), Accepted::Repeat);
    assert_eq!(due_in(store, 9).await, None);
    assert_eq!(store.accept(delivery("1", Some("b"), 2)).await.unwrap(), Accepted::New);
    assert_eq!(due_in(store, 2).await, Some(0));
}

async fn the_same_id_with_another_body_is_no_repeat(store: &Timed) {
    // One captured delivery of ticket 1, sent again under the ids that others will have.
    for id in ["a", "b", "c"] {
        let replayed = with_body(b"captured", delivery("1", Some(id), 0));
        assert_eq!(store.accept(replayed).await.unwrap(), Accepted::New);
    }
    let claim = claim_one(store, 0).await;
    store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    let genuine = with_body(b"genuine", delivery("2", Some("a"), 1));
    assert_eq!(store.accept(genuine.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(genuine).await.unwrap(), Accepted::Repeat);
    assert_eq!(claim_one(store, 1).await.key, key("2"));
    // The same where there is nothing new to be made: an echo, something else, and a ticket that is
    // known.
    let echo = Meaning::Echo { ticket: key("3") };
    let echo = Delivery { meaning: echo, ..with_body(b"echo", delivery("3", Some("b"), 2)) };
    assert_eq!(store.accept(echo).await.unwrap(), Accepted::New);
    assert_eq!(claim_one(store, 2).await.key, key("3"));
    let else_where =
        Delivery { meaning: Meaning::AboutSomethingElse, ..with_body(b"else", delivery("1", Some("c"), 3)) };
    assert_eq!(store.accept(else_where.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(else_where).await.unwrap(), Accepted::Repeat);
    let known = with_body(b"more of it", delivery("1", Some("a"), 4));
    assert_eq!(store.accept(known).await.unwrap(), Accepted::New);
    assert_eq!(claim_one(store, 4).await.key, key("1"));
    // Without an id it is never a repeat, nor is one with an id a repeat of it.
    for _ in 0..2 {
        let nameless = with_body(b"genuine", delivery("4", None, 5));
        assert_eq!(store.accept(nameless).await.unwrap(), Accepted::New);
    }
    let named = with_body(b"genuine", delivery("4", Some("d"), 5));
    assert_eq!(store.accept(named).await.unwrap(), Accepted::New);
    // Nor does another helpdesk's count.
    let other = delivery_of("other", "5", Some("a"), 6);
    assert_eq!(store.accept(with_body(b"genuine", other)).await.unwrap(), Accepted::New);
}

async fn what_is_not_understood_is_kept_once(store: &Timed) {
    let unread = |body, helpdesk: &str| Delivery {
        source: helpdesk.parse().unwrap(),
        meaning: Meaning::NotUnderstood { why: "no".to_owned() },
        ..with_body(body, delivery("1", None, 0))
    };
    for (body, helpdesk, expected) in [
        (b"one".as_slice(), "desk", Accepted::New),
        (b"one", "desk", Accepted::Repeat),
        (b"two", "desk", Accepted::New),
        (b"one", "other", Accepted::New),
        (b"one", "desk", Accepted::Repeat),
    ] {
        assert_eq!(store.accept(unread(body, helpdesk)).await.unwrap(), expected, "{body:?} of {helpdesk}");
    }
    // A later version may understand it, with an id or without.
    for id in [None, Some("")] {
        let understood = with_body(b"one", delivery("1", id, 1));
        assert_eq!(store.accept(understood).await.unwrap(), Accepted::New);
    }
}

async fn one_worker_at_a_time_and_whoever_is_late_has_lost(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let first = claim_one(store, 0).await;
    assert_eq!(store.claim(at(1), LEASE, 10, &[]).await.unwrap(), []);
    let second = claim_one(store, 600).await;
    assert_eq!(store.save(save(&first, Ledger::default(), 601)).await, Err(StoreError::Lost));
    let late = store.settle(settlement(&first, State::Ready, None, 601)).await;
    assert_eq!(late, Err(StoreError::Lost));
    store.save(save(&second, Ledger::default(), 602)).await.unwrap();
    assert_eq!(store.claim(at(1201), LEASE, 10, &[]).await.unwrap(), [], "a save renews the lease");
}

async fn what_is_still_running_is_not_claimed_beside_it_and_new_tickets_go_first(store: &Timed) {
    store.accept(delivery("old", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    assert_eq!(store.claim(at(9999), LEASE, 10, &[claim.number]).await.unwrap(), [], "the clock jumped");
    let waiting = Settlement { attempts: 3, ..settlement(&claim, State::Waiting, Some(at(1)), 0) };
    store.settle(waiting).await.unwrap();
    store.accept(delivery("new", None, 5)).await.unwrap();
    assert_eq!(due_in(store, 0).await, Some(1));
    let claims = store.claim(at(6), LEASE, 1, &[]).await.unwrap();
    assert_eq!(claims[0].key, key("new"));
    assert_eq!(claim_one(store, 6).await.key, key("old"));
}

async fn tickets_of_some_helpdesks_can_be_claimed_alone(store: &Timed) {
    let of = |helpdesk, id, second| delivery_of(helpdesk, id, None, second);
    // One that was tried in vain, and many new ones that are due for longer than what others have.
    store.accept(of("dead", "tried", 0)).await.unwrap();
    let tried = claim_one(store, 0).await;
    let waiting = Settlement { attempts: 1, ..settlement(&tried, State::Waiting, Some(at(1)), 0) };
    store.settle(waiting).await.unwrap();
    for id in ["1", "2", "3", "4", "5"] {
        store.accept(of("dead", id, 2)).await.unwrap();
    }
    store.accept(of("well", "new", 3)).await.unwrap();
    store.accept(of("gone", "new", 4)).await.unwrap();
    let (dead, well): (HelpdeskName, HelpdeskName) = ("dead".parse().unwrap(), "well".parse().unwrap());
    let nobody: HelpdeskName = "nobody".parse().unwrap();
    let claim = async |helpdesks: &[HelpdeskName], most| {
        let claims = store.claim_of(at(9), LEASE, most, &[], helpdesks).await.unwrap();
        let mut keys: Vec<_> = claims.iter().map(|claim| claim.key.to_string()).collect();
        keys.sort();
        keys
    };
    assert_eq!(claim(&[], 10).await, [""; 0]);
    assert_eq!(claim(&[well.clone(), nobody], 10).await, ["well/new"]);
    // New ones go first, and the longest due.
    assert_eq!(claim(&[well, dead.clone()], 2).await, ["dead/1", "dead/2"]);
    assert_eq!(claim(std::slice::from_ref(&dead), 4).await, ["dead/3", "dead/4", "dead/5", "dead/tried"]);
    let rest = store.claim(at(9), LEASE, 10, &[]).await.unwrap();
    assert_eq!(rest.len(), 1, "what was left out is not lost");
}

async fn a_delivery_during_a_run_makes_another_run(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    store.accept(delivery("1", None, 1)).await.unwrap();
    assert_eq!(store.claim(at(2), LEASE, 10, &[]).await.unwrap(), [], "not beside the first");
    store.settle(settlement(&claim, State::Ready, None, 3)).await.unwrap();
    let again = claim_one(store, 3).await;
    store.settle(settlement(&again, State::Ready, None, 4)).await.unwrap();
    assert_eq!(due_in(store, 9).await, None);
}

async fn a_room_belongs_to_one_ticket(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let first = claim_one(store, 0).await;
    store.accept(delivery("2", None, 0)).await.unwrap();
    let second = claim_one(store, 0).await;
    store.save(save(&first, with_room(5), 1)).await.unwrap();
    store.save(Save { nth: 2, ..save(&first, with_room(5), 2) }).await.unwrap();
    let taken = store.save(save(&second, with_room(5), 1)).await;
    assert_eq!(taken, Err(StoreError::RoomTaken { room: RoomId(5), owner: key("1") }));
    assert_eq!(store.owned_rooms(&[RoomId(5), RoomId(6)]).await.unwrap(), [(RoomId(5), key("1"))]);
    let ids = ["2", "7", "1"].map(|id| id.parse().unwrap());
    let mut standing = store.standing(&key("1").helpdesk, &ids).await.unwrap();
    standing.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(standing, [(key("1").id, State::Working), (key("2").id, State::Working)]);
    let timeline = store.timeline(&key("2")).await.unwrap();
    assert_eq!(timeline.len(), 1, "what came to nothing leaves no trace: {timeline:?}");
}

async fn an_older_snapshot_does_not_replace_a_newer_one(store: &Timed) {
    store.accept(reported("1", "second", Some("2026-02-02"), 0)).await.unwrap();
    store.accept(reported("1", "first", Some("2026-01-01"), 1)).await.unwrap();
    let subject = async || store.ticket(&key("1")).await.unwrap().unwrap().ticket.unwrap().subject;
    assert_eq!(subject().await, "second");
    store.accept(reported("1", "unversioned", None, 2)).await.unwrap();
    assert_eq!(subject().await, "unversioned");
}

async fn tickets_are_found_by_what_people_remember(store: &Timed) {
    for (id, subject) in [("4711", "Printer smokes"), ("47", "VPN"), ("x", "about 4711")] {
        store.accept(reported(id, subject, None, 0)).await.unwrap();
    }
    let found = async |text: &str| {
        let query = TicketQuery { text: Some(text.to_owned()), limit: 10, ..TicketQuery::default() };
        let mut ids: Vec<_> = store
            .tickets(&query)
            .await
            .unwrap()
            .into_iter()
            .map(|record| record.key.id.to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(found("4711").await, ["4711", "x"]);
    assert_eq!(found("PRINTER").await, ["4711"]);
    assert_eq!(found("%").await, [""; 0]);
    let query = TicketQuery { id: Some("47".parse().unwrap()), limit: 10, ..TicketQuery::default() };
    assert_eq!(store.tickets(&query).await.unwrap().len(), 1);
}

async fn a_commit_that_is_tried_again_is_written_once(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    let first = save(&claim, with_room(5), 1);
    store.save(first.clone()).await.unwrap();
    store.save(first.clone()).await.unwrap();
    let end = Settlement {
        save: Save { nth: 2, ..save(&claim, with_room(5), 2) },
        ..settlement(&claim, State::Waiting, Some(at(9)), 2)
    };
    store.settle(end.clone()).await.unwrap();
    store.settle(end).await.unwrap();
    let tested = store.timeline(&key("1")).await.unwrap();
    assert_eq!(tested.iter().filter(|entry| entry.kind == "tested").count(), 2, "{tested:?}");
    assert_eq!(due_in(store, 2).await, Some(7));
    // Nothing more may be written under a claim that has ended.
    let late = Save { nth: 3, ..save(&claim, Ledger::default(), 3) };
    assert_eq!(store.save(late).await, Err(StoreError::Lost));
    let next = claim_one(store, 9).await;
    assert_eq!(store.save(first).await, Err(StoreError::Lost));
    store.save(save(&next, with_room(5), 9)).await.unwrap();
}

async fn a_heartbeat_renews_what_is_still_held(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let first = claim_one(store, 0).await;
    let beat = |claim: &Claim| Heartbeat {
        replica: Uuid::nil(),
        works: true,
        held: vec![claim.held()],
        lease: LEASE,
        quiet: QUIET,
    };
    let pulse = store.heartbeat(at(500), beat(&first)).await.unwrap();
    assert_eq!((pulse.workers, pulse.held), (1, vec![first.held()]));
    assert_eq!(store.claim(at(1099), LEASE, 10, &[]).await.unwrap(), []);
    let second = claim_one(store, 1100).await;
    assert_eq!(store.heartbeat(at(1100), beat(&first)).await.unwrap().held, [], "it has passed on");
    store.save(save(&second, Ledger::default(), 1101)).await.unwrap();
    let end = Save { nth: 2, ..save(&second, Ledger::default(), 1102) };
    store.settle(Settlement { save: end, ..settlement(&second, State::Ready, None, 1102) }).await.unwrap();
    store.heartbeat(at(1103), beat(&second)).await.unwrap();
    assert_eq!(due_in(store, 1103).await, None, "what has ended is not renewed");
}

async fn whoever_leaves_lets_go_of_tickets(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    let (me, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert!(store.reserve("name", me, LEASE, at(0)).await.unwrap());
    store.leave(me, &[claim.held()], at(1)).await.unwrap();
    let again = claim_one(store, 1).await;
    assert!(again.fence > claim.fence);
    store.leave(me, &[claim.held()], at(2)).await.unwrap();
    assert_eq!(store.claim(at(2), LEASE, 10, &[]).await.unwrap(), [], "it is somebody else's");
    assert!(!store.reserve("name", other, LEASE, at(2)).await.unwrap(), "a call may be on its way");
}

async fn a_name_is_had_by_one_process_at_a_time(store: &Timed) {
    let (me, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert!(store.reserve("name", me, LEASE, at(0)).await.unwrap());
    assert!(store.reserve("another", other, LEASE, at(0)).await.unwrap());
    assert!(!store.reserve("name", other, LEASE, at(599)).await.unwrap());
    assert!(store.reserve("name", me, LEASE, at(599)).await.unwrap(), "renewed");
    assert!(!store.reserve("name", other, LEASE, at(600)).await.unwrap());
    assert!(store.reserve("name", me, Duration::ZERO, at(601)).await.unwrap(), "given back");
    assert!(store.reserve("name", other, LEASE, at(601)).await.unwrap());
}

async fn the_days_writes_are_counted(store: &Timed) {
    let take = async |second| store.take_writes(at(second), 20, 50).await.unwrap();
    assert_eq!(take(0).await, Taken::Some(20));
    assert_eq!(take(1).await, Taken::Some(20));
    assert_eq!(take(2).await, Taken::Some(10));
    assert_eq!(take(3).await, Taken::NothingFor(Duration::from_secs(86_400 - 3)));
    assert_eq!(take(86_400).await, Taken::Some(20));
    store.no_writes_until(at(86_401), at(90_000)).await.unwrap();
    assert_eq!(take(89_900).await, Taken::NothingFor(Duration::from_secs(100)));
    assert_eq!(take(90_000).await, Taken::Some(20));
}

/// A database has texts without the character NUL; whatever a helpdesk sends must be taken in all
/// the same.
async fn what_no_text_can_hold_is_kept_all_the_same(store: &Timed) {
    let odd = "a\0b\u{1f600}\u{fffe}'\"\\";
    let mut reported = reported("1", odd, Some(odd), 0);
    reported.repeat = Some(RepeatKey::new(odd.to_owned(), odd.as_bytes()));
    reported.event = odd.to_owned();
    reported.headers = odd.to_owned();
    reported.query = Some(odd.to_owned());
    reported.body = Bytes::from_static(b"\0\xff");
    assert_eq!(store.accept(reported.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(reported).await.unwrap(), Accepted::Repeat);
    let why = Meaning::NotUnderstood { why: odd.to_owned() };
    let refused = Delivery { meaning: why, ..delivery("2", None, 0) };
    assert_eq!(store.accept(refused).await.unwrap(), Accepted::New);
    let claim = claim_one(store, 0).await;
    assert_eq!(claim.reported.as_ref().unwrap().subject, odd);
    let mut end = settlement(&claim, State::Blocked, None, 1);
    end.reason = Some(some_reason(odd));
    end.save.events[0].text = odd.to_owned();
    end.save.seen = claim.reported.clone();
    store.settle(end).await.unwrap();
    let query = TicketQuery { text: Some(odd.to_owned()), limit: 5, ..TicketQuery::default() };
    assert_eq!(store.tickets(&query).await.unwrap().len(), 1);
    assert_eq!(store.timeline(&key("1")).await.unwrap().len(), 2);
}

async fn states_are_counted(store: &Timed) {
    for id in ["1", "2", "3"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    let claims = store.claim(at(0), LEASE, 2, &[]).await.unwrap();
    store.settle(settlement(&claims[0], State::Ready, None, 0)).await.unwrap();
    let counts: Vec<_> = store.counts().await.unwrap().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counts, [(State::Waiting, 1), (State::Working, 1), (State::Ready, 1)]);
    for (state, count) in counts {
        let query = TicketQuery { state: Some(state), limit: 5, ..TicketQuery::default() };
        assert_eq!(store.tickets(&query).await.unwrap().len() as u64, count, "{state:?}");
    }
}

async fn the_oldest_that_waits_and_the_writes_that_are_left_are_figures(store: &Timed) {
    let figures = async |second| store.figures(at(second), 100).await.unwrap();
    assert_eq!(figures(0).await, Figures { oldest_waiting: None, writes_left: 100 });
    for (id, second) in [("1", 5), ("2", 7), ("3", 9)] {
        store.accept(delivery(id, None, second)).await.unwrap();
    }
    store.take_writes(at(10), 30, 100).await.unwrap();
    assert_eq!(figures(10).await, Figures { oldest_waiting: Some(at(5)), writes_left: 70 });
    let mut claims = store.claim(at(10), LEASE, 3, &[]).await.unwrap();
    claims.sort_by_key(|claim| claim.key.to_string());
    let [first, second, third] = claims.try_into().unwrap();
    // One that is worked on waits still.
    assert_eq!(figures(10).await.oldest_waiting, Some(at(5)));
    store.settle(settlement(&first, State::Ready, None, 10)).await.unwrap();
    assert_eq!(figures(10).await.oldest_waiting, Some(at(7)));
    store.settle(settlement(&second, State::Blocked, None, 10)).await.unwrap();
    assert_eq!(figures(10).await.oldest_waiting, Some(at(9)));
    // It has its link, and waits for something else.
    let url = "https://d.example/1".to_owned();
    let mut ledger = third.ledger.clone();
    ledger.link = LinkEntry::Done { url: url.clone(), internal: false };
    ledger.write_back.url = Some(url);
    let save = Save { ..save(&third, ledger, 10) };
    store.settle(Settlement { save, ..settlement(&third, State::Waiting, Some(at(60)), 10) }).await.unwrap();
    assert_eq!(figures(10).await.oldest_waiting, None);
    store.no_writes_until(at(10), at(1000)).await.unwrap();
    assert_eq!(figures(11).await.writes_left, 0);
}

async fn what_a_later_version_has_in_a_ledger_is_kept(store: &Timed) {
    let later = r#"{"mood": "calm", "access": {"granted": [], "wishes": [1]}, "write_back": {"seen_at": {"by": "x"}}}"#;
    let ledger: Ledger = serde_json::from_str(later).unwrap();
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    store
        .settle(Settlement {
            save: save(&claim, ledger, 1),
            ..settlement(&claim, State::Waiting, Some(at(2)), 1)
        })
        .await
        .unwrap();
    let mut claim = claim_one(store, 2).await;
    claim.ledger.write_back.noted = true;
    store.save(save(&claim, claim.ledger.clone(), 2)).await.unwrap();
    let again = claim_one(store, 9999).await.ledger;
    assert!(again.write_back.noted);
    let written = serde_json::to_value(&again).unwrap();
    for (place, expected) in
        [("/mood", "\"calm\""), ("/access/wishes", "[1]"), ("/write_back/seen_at", "{\"by\":\"x\"}")]
    {
        assert_eq!(written.pointer(place).unwrap().to_string(), expected, "{place}");
    }
}
