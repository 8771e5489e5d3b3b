//! Deliveries that point at a room, and repeats that are known by less than the whole body:
//! DocSpace's.

use super::*;

on_every_store!(
    what_happens_in_a_room_concerns_the_ticket_that_has_it,
    what_happens_in_a_room_during_a_run_makes_another_run,
    what_happens_in_a_room_that_no_ticket_has_is_kept_and_nothing_follows,
    a_repeat_is_known_by_what_stays_the_same,
);

/// Ticket 1 has room 7, and a run over it is claimed.
async fn ticket_with_room(store: &Timed) -> Claim {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    store.save(save(&claim, with_room(7), 0)).await.unwrap();
    claim
}

/// The end of such a run.
async fn settle(store: &Timed, claim: &Claim, state: State, attempts: u32, second: i64) {
    let save = Save { nth: 2, ..save(claim, with_room(7), second) };
    let end = Settlement { save, attempts, ..settlement(claim, state, None, second) };
    store.settle(end).await.unwrap();
}

async fn due_in(store: &Timed, second: i64) -> Option<u64> {
    store.next_due(at(second)).await.unwrap().map(|wait| wait.as_secs())
}

/// The entries of the ticket's timeline that tell of deliveries.
async fn deliveries(store: &Timed) -> Vec<String> {
    let timeline = store.timeline(&key("1")).await.unwrap();
    timeline.into_iter().filter(|entry| entry.kind == "delivery").map(|entry| entry.text).collect()
}

async fn what_happens_in_a_room_concerns_the_ticket_that_has_it(store: &Timed) {
    let claim = ticket_with_room(store).await;
    settle(store, &claim, State::Ready, 3, 0).await;
    // Our own doing is noted, and nothing is to be done about it.
    let echo = Delivery { event: "room.created".to_owned(), ..in_room(7, Consequence::Echo, Some("a"), 1) };
    assert_eq!(store.accept(echo.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(echo).await.unwrap(), Accepted::Repeat);
    assert_eq!(due_in(store, 9).await, None);
    let unreported =
        Delivery { event: "file.uploaded".to_owned(), ..in_room(7, Consequence::Look, Some("b"), 2) };
    assert_eq!(store.accept(unreported.clone()).await.unwrap(), Accepted::New);
    assert_eq!(due_in(store, 2).await, Some(0));
    let claimed = claim_one(store, 2).await;
    assert_eq!((claimed.key.clone(), claimed.hints, claimed.attempts), (key("1"), 2, 0));
    settle(store, &claimed, State::Blocked, 1, 3).await;
    assert_eq!(store.accept(unreported).await.unwrap(), Accepted::Repeat);
    assert_eq!(due_in(store, 9).await, None);
    // As after any delivery, one that was tried in vain goes behind new ones.
    store.accept(in_room(7, Consequence::Look, None, 4)).await.unwrap();
    assert_eq!(claim_one(store, 4).await.attempts, 1);
    let expected = ["created", "room.created (done by us)", "file.uploaded", "created"];
    assert_eq!(deliveries(store).await, expected);
}

async fn what_happens_in_a_room_during_a_run_makes_another_run(store: &Timed) {
    let claim = ticket_with_room(store).await;
    assert_eq!(store.accept(in_room(7, Consequence::Echo, None, 1)).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(in_room(7, Consequence::Look, None, 2)).await.unwrap(), Accepted::New);
    assert_eq!(store.claim(at(3), LEASE, 10, &[]).await.unwrap(), [], "it is claimed already");
    settle(store, &claim, State::Ready, 0, 3).await;
    assert_eq!(claim_one(store, 3).await.hints, claim.hints + 1);
}

async fn what_happens_in_a_room_that_no_ticket_has_is_kept_and_nothing_follows(store: &Timed) {
    let claim = ticket_with_room(store).await;
    settle(store, &claim, State::Ready, 0, 0).await;
    for consequence in [Consequence::Look, Consequence::Echo] {
        let id = format!("{consequence:?}");
        let other = || in_room(8, consequence, Some(&id), 1);
        assert_eq!(store.accept(other()).await.unwrap(), Accepted::Unowned);
        assert_eq!(store.accept(other()).await.unwrap(), Accepted::Repeat);
        assert_eq!(store.accept(in_room(8, consequence, None, 1)).await.unwrap(), Accepted::Unowned);
    }
    assert_eq!(due_in(store, 9).await, None);
    assert_eq!(deliveries(store).await, ["created"]);
    // It stays a repeat when a ticket gets the room, and what is new then concerns that ticket.
    store.accept(delivery("2", None, 2)).await.unwrap();
    let second = claim_one(store, 2).await;
    let end =
        Settlement { save: save(&second, with_room(8), 2), ..settlement(&second, State::Ready, None, 2) };
    store.settle(end).await.unwrap();
    assert_eq!(store.accept(in_room(8, Consequence::Look, Some("Look"), 3)).await.unwrap(), Accepted::Repeat);
    assert_eq!(store.accept(in_room(8, Consequence::Look, Some("new"), 3)).await.unwrap(), Accepted::New);
    assert_eq!(claim_one(store, 3).await.key, key("2"));
}

/// DocSpace makes a new body for each attempt.
async fn a_repeat_is_known_by_what_stays_the_same(store: &Timed) {
    ticket_with_room(store).await;
    let attempt = |id: &str, stable: &[u8], body: &'static [u8], delivery: Delivery| Delivery {
        repeat: Some(RepeatKey::new(id.to_owned(), stable)),
        body: Bytes::from_static(body),
        ..delivery
    };
    let something_else = || Delivery { meaning: Meaning::AboutSomethingElse, ..delivery("1", None, 1) };
    let echo = || Delivery { meaning: Meaning::Echo { ticket: key("1") }, ..delivery("1", None, 1) };
    let cases = [
        ("room", in_room(7, Consequence::Look, None, 1), Accepted::New),
        ("no ticket's room", in_room(8, Consequence::Look, None, 1), Accepted::Unowned),
        ("ticket", delivery("1", None, 1), Accepted::New),
        ("echo", echo(), Accepted::New),
        ("something else", something_else(), Accepted::New),
    ];
    for (id, delivery, new) in cases {
        let first = attempt(id, b"event", b"first attempt", delivery.clone());
        assert_eq!(store.accept(first).await.unwrap(), new, "{id}");
        let second = attempt(id, b"event", b"second attempt", delivery.clone());
        assert_eq!(store.accept(second).await.unwrap(), Accepted::Repeat, "{id}");
        // Neither the same body nor the same id alone makes a repeat.
        let other = attempt(id, b"another event", b"second attempt", delivery.clone());
        assert_eq!(store.accept(other).await.unwrap(), new, "{id}");
        let other = attempt(&format!("another {id}"), b"event", b"second attempt", delivery);
        assert_eq!(store.accept(other).await.unwrap(), new, "{id}");
    }
}
