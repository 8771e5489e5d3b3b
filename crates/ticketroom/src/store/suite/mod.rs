//! The transitions on a real file.

use bytes::Bytes;

use super::*;
use crate::reconcile::ledger::{Ledger, RoomEntry};
use crate::room::Room;
use crate::store::{Event, Meaning};
use crate::ticket::Ticket;

const LEASE: Duration = Duration::from_secs(600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

struct File {
    store: SqliteStore,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn store() -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    File { store: SqliteStore::open(&path, Use::Serve, at(0)).unwrap(), path, _folder: folder }
}

fn key(id: &str) -> TicketKey {
    TicketKey { helpdesk: "desk".parse().unwrap(), id: id.parse().unwrap() }
}

fn delivery(id: &str, delivery_id: Option<&str>, second: i64) -> Delivery {
    Delivery {
        helpdesk: "desk".parse().unwrap(),
        at: at(second),
        delivery_id: delivery_id.map(str::to_owned),
        event: "created".to_owned(),
        headers: "{}".to_owned(),
        query: None,
        body: Bytes::from_static(b"{}"),
        meaning: Meaning::Look { ticket: id.parse().unwrap(), snapshot: None },
    }
}

fn told(id: &str, subject: &str, version: Option<&str>, second: i64) -> Delivery {
    let ticket =
        Ticket { subject: subject.to_owned(), version: version.map(str::to_owned), ..Ticket::default() };
    let meaning = Meaning::Look { ticket: id.parse().unwrap(), snapshot: Some(Box::new(ticket)) };
    Delivery { meaning, ..delivery(id, None, second) }
}

fn save(claim: &Claim, ledger: Ledger, second: i64) -> Save {
    Save {
        number: claim.number,
        fence: claim.fence,
        ledger,
        seen: None,
        events: vec![Event { at: at(second), kind: "tested", text: "something".to_owned() }],
        now: at(second),
        lease_until: after(at(second), LEASE),
        label: "test".to_owned(),
    }
}

fn settlement(claim: &Claim, state: State, due: Option<Timestamp>, second: i64) -> Settlement {
    Settlement {
        save: save(claim, claim.ledger.clone(), second),
        hints: claim.hints,
        asked: claim.asked,
        state,
        reason: None,
        due,
        attempts: 0,
    }
}

fn with_room(id: i64) -> Ledger {
    let room = Room { id: RoomId(id), title: "t".to_owned() };
    Ledger { room: RoomEntry::Made { room, tagged: true, adopted: false }, ..Ledger::default() }
}

async fn claim_one(store: &SqliteStore, second: i64) -> Claim {
    let mut claims = store.claim(at(second), LEASE, 10, &[]).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

#[tokio::test]
async fn an_echo_marks_nothing_unless_nobody_knows_the_ticket() {
    let File { store, .. } = &store();
    let echo = |second| Delivery {
        meaning: Meaning::Echo { ticket: "1".parse().unwrap() },
        ..delivery("1", None, second)
    };
    store.accept(echo(0)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)), "we can't have written into it");
    let claim = claim_one(store, 0).await;
    store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    store.accept(echo(1)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    let about_something_else =
        Delivery { meaning: Meaning::AboutSomethingElse, ..delivery("2", Some("x"), 2) };
    assert_eq!(store.accept(about_something_else.clone()).await.unwrap(), Accepted::New);
    assert_eq!(store.accept(about_something_else).await.unwrap(), Accepted::Repeat);
    assert_eq!(store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_ticket_is_found_by_what_people_call_it() {
    let File { store, .. } = &store();
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
    store.save(Save { seen: Some(seen("HR-7")), ..save(&claim, Ledger::default(), 1) }).await.unwrap();
    assert!(store.ticket(&key("SUP-42")).await.unwrap().is_none());
    assert!(store.ticket(&key("HR-7")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_repeat_is_known_and_marks_nothing() {
    let File { store, .. } = &store();
    assert_eq!(store.accept(delivery("1", Some("a"), 0)).await.unwrap(), Accepted::New);
    let claim = claim_one(store, 0).await;
    store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    assert_eq!(store.accept(delivery("1", Some("a"), 1)).await.unwrap(), Accepted::Repeat);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.accept(delivery("1", Some("b"), 2)).await.unwrap(), Accepted::New);
    assert_eq!(store.next_due().await.unwrap(), Some(at(2)));
}

#[tokio::test]
async fn one_worker_at_a_time_and_whoever_is_late_has_lost() {
    let File { store, .. } = &store();
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

#[tokio::test]
async fn what_is_still_running_is_not_claimed_beside_it_and_new_tickets_go_first() {
    let File { store, .. } = &store();
    store.accept(delivery("old", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    assert_eq!(store.claim(at(9999), LEASE, 10, &[claim.number]).await.unwrap(), [], "the clock jumped");
    let waiting = Settlement { attempts: 3, ..settlement(&claim, State::Waiting, Some(at(1)), 0) };
    store.settle(waiting).await.unwrap();
    store.accept(delivery("new", None, 5)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(1)));
    let claims = store.claim(at(6), LEASE, 1, &[]).await.unwrap();
    assert_eq!(claims[0].key, key("new"));
    assert_eq!(claim_one(store, 6).await.key, key("old"));
}

#[tokio::test]
async fn a_delivery_during_a_run_makes_another_run() {
    let File { store, .. } = &store();
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    store.accept(delivery("1", None, 1)).await.unwrap();
    assert_eq!(store.claim(at(2), LEASE, 10, &[]).await.unwrap(), [], "not beside the first");
    store.settle(settlement(&claim, State::Ready, None, 3)).await.unwrap();
    let again = claim_one(store, 3).await;
    store.settle(settlement(&again, State::Ready, None, 4)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_wish_is_kept_until_a_run_has_heard_it() {
    let File { store, .. } = &store();
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 0).await;
    assert!(store.retry(&key("1"), at(1)).await.unwrap());
    assert!(!store.retry(&key("2"), at(1)).await.unwrap());
    store.settle(settlement(&claim, State::Blocked, None, 2)).await.unwrap();
    let asked = claim_one(store, 2).await;
    assert_eq!((claim.asked, asked.asked), (0, 1));
    store.accept(delivery("1", None, 3)).await.unwrap();
    store.settle(settlement(&asked, State::Blocked, None, 3)).await.unwrap();
    assert_eq!(claim_one(store, 3).await.asked, 0, "a wish is heard once");
}

#[tokio::test]
async fn a_room_belongs_to_one_ticket() {
    let File { store, .. } = &store();
    store.accept(delivery("1", None, 0)).await.unwrap();
    let first = claim_one(store, 0).await;
    store.accept(delivery("2", None, 0)).await.unwrap();
    let second = claim_one(store, 0).await;
    store.save(save(&first, with_room(5), 1)).await.unwrap();
    store.save(save(&first, with_room(5), 2)).await.unwrap();
    let taken = store.save(save(&second, with_room(5), 1)).await;
    assert_eq!(taken, Err(StoreError::RoomTaken { room: RoomId(5), owner: key("1") }));
    assert_eq!(store.owned_rooms(&[RoomId(5), RoomId(6)]).await.unwrap(), [(RoomId(5), key("1"))]);
    let timeline = store.timeline(&key("2")).await.unwrap();
    assert_eq!(timeline.len(), 1, "what came to nothing leaves no trace: {timeline:?}");
}

#[tokio::test]
async fn an_older_snapshot_does_not_replace_a_newer_one() {
    let File { store, .. } = &store();
    store.accept(told("1", "second", Some("2026-02-02"), 0)).await.unwrap();
    store.accept(told("1", "first", Some("2026-01-01"), 1)).await.unwrap();
    let subject = async || store.ticket(&key("1")).await.unwrap().unwrap().ticket.unwrap().subject;
    assert_eq!(subject().await, "second");
    store.accept(told("1", "unversioned", None, 2)).await.unwrap();
    assert_eq!(subject().await, "unversioned");
}

#[tokio::test]
async fn tickets_are_found_by_what_people_remember() {
    let File { store, .. } = &store();
    for (id, subject) in [("4711", "Printer smokes"), ("47", "VPN"), ("x", "about 4711")] {
        store.accept(told(id, subject, None, 0)).await.unwrap();
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

#[tokio::test]
async fn the_days_writes_are_counted_over_restarts() {
    let File { store, path, _folder } = store();
    assert_eq!(store.take_writes(at(0), 20, 50).await.unwrap(), Taken::Some(20));
    drop(store);
    // The lock goes with the store; its thread may need a moment to end.
    let store = SqliteStore::open(&path, Use::Operate, at(1)).unwrap();
    assert_eq!(store.take_writes(at(1), 20, 50).await.unwrap(), Taken::Some(20));
    assert_eq!(store.take_writes(at(2), 20, 50).await.unwrap(), Taken::Some(10));
    let left = Taken::NothingFor(Duration::from_secs(86_400 - 3));
    assert_eq!(store.take_writes(at(3), 20, 50).await.unwrap(), left);
    assert_eq!(store.take_writes(at(86_400), 20, 50).await.unwrap(), Taken::Some(20));
    store.no_writes_until(at(86_401), at(90_000)).await.unwrap();
    let told = Taken::NothingFor(Duration::from_secs(100));
    assert_eq!(store.take_writes(at(89_900), 20, 50).await.unwrap(), told);
    assert_eq!(store.take_writes(at(90_000), 20, 50).await.unwrap(), Taken::Some(20));
}

#[tokio::test]
async fn a_start_takes_over_what_a_dead_process_had_claimed() {
    let File { store, path, _folder } = store();
    store.accept(delivery("1", None, 0)).await.unwrap();
    claim_one(&store, 0).await;
    assert!(matches!(SqliteStore::open(&path, Use::Serve, at(1)), Err(OpenError::InUse(_))));
    drop(store);
    let store = SqliteStore::open(&path, Use::Serve, at(1)).unwrap();
    claim_one(&store, 1).await;
}

#[test]
fn a_file_that_is_no_store_and_one_of_a_later_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "these are my notes, and they are long enough to be a file of their own".repeat(20),
    )
    .unwrap();
    assert!(matches!(SqliteStore::open(&path, Use::Serve, at(0)), Err(OpenError::Unusable { .. })));
    let path = folder.path().join("later.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path, Use::Serve, at(0)).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    let path = folder.path().join("earlier.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 0).unwrap();
    let error = SqliteStore::open(&path, Use::Operate, at(0)).unwrap_err().to_string();
    assert!(error.contains("earlier version"), "{error}");
}
