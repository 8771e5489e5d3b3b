//! Effects that come in numbers: what is known of each, under the fence of a claim.

use super::*;

on_every_store!(
    effects_are_known_by_kind_and_target,
    effects_are_written_with_the_ledger_or_not_at_all,
    a_thousand_effects_go_into_one_commit,
);

/// What is known of the effects of ticket 1.
async fn effects(store: &Timed, kind: EffectKind) -> Vec<(String, String, Timestamp)> {
    let records = store.effects(&key("1"), kind).await.unwrap();
    let read = |record: EffectRecord| {
        let state = record.entry["state"].as_str().unwrap().to_owned();
        (record.target.as_str().to_owned(), state, record.updated)
    };
    records.into_iter().map(read).collect()
}

fn known(target: &str, state: &str, second: i64) -> (String, String, Timestamp) {
    (target.to_owned(), state.to_owned(), at(second))
}

async fn effects_are_known_by_kind_and_target(store: &Timed) {
    for id in ["1", "2"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    let mut claims = store.claim(at(0), LEASE, 2, &[]).await.unwrap();
    claims.sort_by_key(|claim| claim.key.to_string());
    let commit = async |claim: &Claim, nth, effects, second| {
        let save = Save { nth, effects, ..save(claim, Ledger::default(), second) };
        store.save(save).await.unwrap();
    };
    let first = vec![
        effect(ATTACHMENT, "b", "pending"),
        effect(MEMBER, "b", "done"),
        effect(ATTACHMENT, "a\0", "pending"),
        effect(ATTACHMENT, "B", "once"),
        effect(ATTACHMENT, "B", "twice"),
    ];
    commit(&claims[0], 1, first, 1).await;
    commit(&claims[1], 1, vec![effect(ATTACHMENT, "b", "of another")], 1).await;
    let odd = EffectTarget::from("a\0");
    let (odd, at_first) = (odd.as_str(), [known("B", "twice", 1), known("b", "pending", 1)]);
    let [upper, lower] = at_first;
    assert_eq!(effects(store, ATTACHMENT).await, [upper.clone(), known(odd, "pending", 1), lower]);
    // What is not named stays.
    commit(&claims[0], 2, vec![effect(ATTACHMENT, "b", "done"), effect(ATTACHMENT, "c", "pending")], 2).await;
    let expected = [upper, known(odd, "pending", 1), known("b", "done", 2), known("c", "pending", 2)];
    assert_eq!(effects(store, ATTACHMENT).await, expected);
    assert_eq!(effects(store, MEMBER).await, [known("b", "done", 1)]);
    assert_eq!(effects(store, EffectKind::new("nothing")).await, []);
    assert_eq!(store.effects(&key("3"), MEMBER).await.unwrap(), []);
    // The end of a run has them as well.
    let save =
        Save { nth: 3, effects: vec![effect(MEMBER, "b", "gone")], ..save(&claims[0], Ledger::default(), 3) };
    store.settle(Settlement { save, ..settlement(&claims[0], State::Ready, None, 3) }).await.unwrap();
    assert_eq!(effects(store, MEMBER).await, [known("b", "gone", 3)]);
}

async fn effects_are_written_with_the_ledger_or_not_at_all(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let first = claim_one(store, 0).await;
    let pending = vec![effect(ATTACHMENT, "a", "pending")];
    let once = Save { effects: pending, ..save(&first, Ledger::default(), 1) };
    store.save(once.clone()).await.unwrap();
    // The answer was lost; what it says by now is not written any more.
    store.save(Save { effects: vec![effect(ATTACHMENT, "a", "again")], ..once.clone() }).await.unwrap();
    assert_eq!(effects(store, ATTACHMENT).await, [known("a", "pending", 1)]);
    let second = claim_one(store, 700).await;
    let done = || vec![effect(ATTACHMENT, "a", "done"), effect(ATTACHMENT, "b", "done")];
    let late = Save { nth: 2, effects: done(), ..save(&first, Ledger::default(), 701) };
    assert_eq!(store.save(late.clone()).await, Err(StoreError::Lost));
    let end = Settlement { save: late, ..settlement(&first, State::Ready, None, 701) };
    assert_eq!(store.settle(end).await, Err(StoreError::Lost));
    assert_eq!(effects(store, ATTACHMENT).await, [known("a", "pending", 1)]);
    // Nor is anything with a ledger that can't be.
    store.accept(delivery("2", None, 702)).await.unwrap();
    let other = claim_one(store, 702).await;
    store.save(save(&other, with_room(5), 702)).await.unwrap();
    let taken = Save { effects: done(), ..save(&second, with_room(5), 703) };
    assert!(matches!(store.save(taken).await, Err(StoreError::RoomTaken { .. })));
    assert_eq!(effects(store, ATTACHMENT).await, [known("a", "pending", 1)]);
    store.save(Save { effects: done(), ..save(&second, Ledger::default(), 704) }).await.unwrap();
    assert_eq!(effects(store, ATTACHMENT).await, [known("a", "done", 704), known("b", "done", 704)]);
}

async fn a_thousand_effects_go_into_one_commit(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    let all = |state| -> Vec<EffectEntry> {
        (0..1000).map(|number| effect(ATTACHMENT, &format!("{number:04}"), state)).collect()
    };
    for (nth, state, second) in [(1, "pending", 1), (2, "done", 2)] {
        let save = Save { nth, effects: all(state), ..save(&claim, Ledger::default(), second) };
        store.save(save).await.unwrap();
        let found = effects(store, ATTACHMENT).await;
        let expected: Vec<_> =
            (0..1000).map(|number| known(&format!("{number:04}"), state, second)).collect();
        assert_eq!(found, expected);
    }
}
