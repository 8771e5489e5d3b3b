//! Tickets that become due without a delivery.

use super::*;

on_every_store!(
    who_asks_is_counted_once,
    blocked_tickets_are_tried_again_and_nobody_asks_for_rooms_by_that,
    many_tickets_are_marked_in_parts,
    after_a_restore_every_ticket_is_due_behind_those_that_are_reported,
);

async fn requeue_one(store: &Timed, id: &str, second: i64) -> u64 {
    store.requeue(&Selection::One(key(id)), &Why::Asked, at(second)).await.unwrap()
}

async fn who_asks_is_counted_once(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    assert!(requeue_one(store, "1", 1).await == 1);
    assert!(requeue_one(store, "2", 1).await == 0);
    store.settle(settlement(&claim, State::Blocked, None, 2)).await.unwrap();
    let asked = claim_one(store, 2).await;
    assert_eq!((claim.asked, asked.asked), (0, 1));
    store.accept(delivery("1", None, 3)).await.unwrap();
    store.settle(settlement(&asked, State::Blocked, None, 3)).await.unwrap();
    assert_eq!(claim_one(store, 3).await.asked, 0, "it is counted once");
}

async fn blocked_tickets_are_tried_again_and_nobody_asks_for_rooms_by_that(store: &Timed) {
    for id in ["blocked", "claimed", "ready"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    for claim in store.claim(at(0), LEASE, 10, &[]).await.unwrap() {
        let state = if claim.key == key("ready") { State::Ready } else { State::Blocked };
        let end = Settlement { attempts: 4, ..settlement(&claim, state, None, 0) };
        store.settle(end).await.unwrap();
    }
    assert_eq!(requeue_one(store, "claimed", 1).await, 1);
    let claimed = claim_one(store, 1).await;
    let at_work = Settlement { attempts: 2, ..settlement(&claimed, State::Blocked, None, 1) };
    assert_eq!((claimed.asked, claimed.attempts), (1, 0), "somebody asked for this one");
    let why = Why::Accepted { system: "DocSpace".to_owned() };
    let again = async |second| store.requeue(&Selection::Blocked, &why, at(second)).await.unwrap();
    assert_eq!(again(2).await, 1, "what is worked on waits already");
    assert_eq!(again(2).await, 0);
    let again_at_it = claim_one(store, 2).await;
    assert_eq!((again_at_it.key.clone(), again_at_it.asked), (key("blocked"), 0));
    assert_eq!(again_at_it.attempts, 0, "as if it were new");
    let reported = store.timeline(&key("blocked")).await.unwrap().pop().unwrap();
    let reported = (reported.kind.as_str(), reported.text.as_str(), reported.at);
    assert_eq!(reported, ("retry", "DocSpace accepts our credentials again", at(2)));
    // One that is worked on goes on, and is looked at again.
    assert_eq!(store.requeue(&Selection::All, &why, at(3)).await.unwrap(), 3);
    let due = store.claim(at(3), LEASE, 10, &[]).await.unwrap();
    assert_eq!(due.iter().map(|claim| &claim.key).collect::<Vec<_>>(), [&key("ready")]);
    store.settle(at_work).await.unwrap();
    assert_eq!(claim_one(store, 3).await.key, key("claimed"));
}

async fn many_tickets_are_marked_in_parts(store: &Timed) {
    let count = 520;
    for number in 0..count {
        store.accept(delivery(&number.to_string(), None, 0)).await.unwrap();
    }
    for claim in store.claim(at(0), LEASE, count, &[]).await.unwrap() {
        // Many have changed at the same moment.
        let second = claim.number / 200;
        store.settle(settlement(&claim, State::Blocked, None, second)).await.unwrap();
    }
    let all = count as u64;
    // What stays blocked is marked once all the same.
    assert_eq!(store.requeue(&Selection::Blocked, &Why::Restored, at(9)).await.unwrap(), all);
    assert_eq!(store.requeue(&Selection::Blocked, &Why::Configured, at(10)).await.unwrap(), all);
    assert_eq!(store.requeue(&Selection::Blocked, &Why::Configured, at(11)).await.unwrap(), 0);
    assert_eq!(store.requeue(&Selection::All, &Why::Restored, at(12)).await.unwrap(), all);
    for id in ["0", "499", "500", "519"] {
        let reported = store.timeline(&key(id)).await.unwrap();
        let reported: Vec<_> = reported.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(reported, ["delivery", "tested", "recover", "retry", "recover"], "{id}");
    }
}

async fn after_a_restore_every_ticket_is_due_behind_those_that_are_reported(store: &Timed) {
    for id in ["1", "2", "reported"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    for claim in store.claim(at(0), LEASE, 10, &[]).await.unwrap() {
        store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    }
    assert_eq!(store.requeue(&Selection::All, &Why::Restored, at(5)).await.unwrap(), 3);
    store.accept(delivery("reported", None, 6)).await.unwrap();
    store.accept(delivery("new", None, 6)).await.unwrap();
    for id in ["reported", "new", "1", "2"] {
        let claims = store.claim(at(6), LEASE, 1, &[]).await.unwrap();
        assert_eq!(claims[0].key, key(id));
    }
    assert_eq!(store.timeline(&key("1")).await.unwrap().last().unwrap().kind, "recover");
}
