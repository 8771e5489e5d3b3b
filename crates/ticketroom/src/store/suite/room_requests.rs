//! What a person wants of a ticket's room: kept until a run has written it into the ledger.

use super::*;

on_every_store!(
    a_request_makes_its_ticket_due_as_if_it_were_new,
    a_request_is_kept_until_a_run_has_applied_it,
    the_last_request_counts,
    a_request_outlives_a_lost_claim,
    a_request_is_applied_by_what_is_committed_only,
);

async fn request(store: &Timed, request: RoomRequest, second: i64) -> u64 {
    store.requeue(&Selection::One(key("1")), &Why::Requested(request), at(second)).await.unwrap()
}

/// The end of a run that has applied a request, or none.
async fn settle(store: &Timed, claim: &Claim, applied: Option<i64>, second: i64) -> Result<(), StoreError> {
    store.settle(Settlement { applied, ..settlement(claim, State::Ready, None, second) }).await
}

fn requested(request: RoomRequest, nth: i64) -> Option<PendingRequest> {
    Some(PendingRequest { request, nth })
}

async fn a_request_makes_its_ticket_due_as_if_it_were_new(store: &Timed) {
    assert_eq!(request(store, RoomRequest::Archive, 0).await, 0, "there is no such ticket");
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    assert_eq!((claim.request, claim.asked), (None, 0));
    let blocked = Settlement { attempts: 3, ..settlement(&claim, State::Blocked, None, 0) };
    store.settle(blocked).await.unwrap();
    assert_eq!(store.next_due(at(9)).await.unwrap(), None);

    assert_eq!(request(store, RoomRequest::Archive, 10).await, 1);
    let record = store.ticket(&key("1")).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts, record.due), (State::Waiting, 0, Some(at(10))));
    let claim = claim_one(store, 10).await;
    assert_eq!((claim.request, claim.hints, claim.attempts), (requested(RoomRequest::Archive, 1), 2, 0));
    assert_eq!(claim.asked, 0, "nobody asked for a new room by that");
    assert_eq!(request(store, RoomRequest::Reopen, 11).await, 1);
    let reported = store.timeline(&key("1")).await.unwrap();
    let reported: Vec<_> = reported[2..].iter().map(|entry| (&*entry.kind, &*entry.text, entry.at)).collect();
    let expected = [
        ("archive", "somebody asked to archive the room", at(10)),
        ("reopen", "somebody asked to restore the room", at(11)),
    ];
    assert_eq!(reported, expected);
}

async fn a_request_is_kept_until_a_run_has_applied_it(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    request(store, RoomRequest::Reopen, 1).await;
    // A run that has got no further has not applied it.
    let claim = claim_one(store, 1).await;
    let end = Settlement { attempts: 1, ..settlement(&claim, State::Waiting, Some(at(2)), 1) };
    store.settle(end).await.unwrap();
    let again = claim_one(store, 2).await;
    assert_eq!(again.request, requested(RoomRequest::Reopen, 1));
    settle(store, &again, Some(1), 2).await.unwrap();
    assert_eq!(store.next_due(at(9)).await.unwrap(), None);
    store.accept(delivery("1", None, 3)).await.unwrap();
    assert_eq!(claim_one(store, 3).await.request, None, "it is applied once");
}

async fn the_last_request_counts(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    request(store, RoomRequest::Archive, 1).await;
    let claim = claim_one(store, 1).await;
    // While a run is at the first one, there are two more.
    request(store, RoomRequest::Reopen, 2).await;
    request(store, RoomRequest::Archive, 2).await;
    settle(store, &claim, claim.request.map(|requested| requested.nth), 3).await.unwrap();
    let next = claim_one(store, 3).await;
    assert_eq!(
        next.request,
        requested(RoomRequest::Archive, 3),
        "it is due again, though the same is wanted"
    );
    settle(store, &next, Some(3), 4).await.unwrap();
    // The number goes on where it was.
    request(store, RoomRequest::Archive, 5).await;
    assert_eq!(claim_one(store, 5).await.request, requested(RoomRequest::Archive, 4));
}

async fn a_request_outlives_a_lost_claim(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    request(store, RoomRequest::Archive, 0).await;
    let lost = claim_one(store, 0).await;
    let after_lease = 700;
    let claim = claim_one(store, after_lease).await;
    assert_eq!(claim.request, requested(RoomRequest::Archive, 1));
    assert_eq!(settle(store, &lost, Some(1), after_lease).await, Err(StoreError::Lost));
    store.leave(uuid::Uuid::nil(), &[claim.held()], at(after_lease)).await.unwrap();
    assert_eq!(claim_one(store, after_lease).await.request, requested(RoomRequest::Archive, 1));
}

async fn a_request_is_applied_by_what_is_committed_only(store: &Timed) {
    for id in ["2", "1"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    let claims = store.claim(at(0), LEASE, 10, &[]).await.unwrap();
    let other = claims.iter().find(|claim| claim.key == key("2")).unwrap();
    store.save(save(other, with_room(7), 0)).await.unwrap();
    let first = claims.iter().find(|claim| claim.key == key("1")).unwrap();
    settle(store, first, None, 0).await.unwrap();
    request(store, RoomRequest::Archive, 1).await;
    let claim = claim_one(store, 1).await;
    let taken = Save { ledger: with_room(7), ..save(&claim, Ledger::default(), 1) };
    let end = Settlement { save: taken, applied: Some(1), ..settlement(&claim, State::Ready, None, 1) };
    assert!(matches!(store.settle(end).await, Err(StoreError::RoomTaken { .. })));
    // Its answer is lost, and another request comes before it is tried again.
    settle(store, &claim, Some(1), 2).await.unwrap();
    request(store, RoomRequest::Reopen, 3).await;
    settle(store, &claim, Some(1), 4).await.unwrap();
    assert_eq!(claim_one(store, 4).await.request, requested(RoomRequest::Reopen, 2));
}
