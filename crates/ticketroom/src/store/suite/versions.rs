//! What a later version has written, and this one can't read: it hides no ticket, and is left to
//! those who can read it.

use super::test_clock::{config, connect, database};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::config::StoreUrl;
use crate::reason::Reason;
use crate::store::postgres::PostgresStore;
use crate::store::reasons::{TICKET_UNREADABLE, WRITTEN_BY_A_LATER_VERSION};
use uuid::Uuid;

/// A ticket that rests, and four that a later version has changed: its ledger, its state, what it
/// saw of it, and what a person wants of its room.
async fn written_by_a_later_version(store: &Timed, run: impl AsyncFn(&str)) {
    for id in ["plain", "ledger", "state", "seen", "request"] {
        store.accept(delivery(id, None, 0)).await.unwrap();
    }
    run(r#"UPDATE ticket SET ledger = '{"room": {"moved": {"to": 7}}}' WHERE id = 'ledger'"#).await;
    run("UPDATE ticket SET state = 'merged', reason = 'as somebody requested', reason_code = 'archived.merged' WHERE id = 'state'").await;
    run(r#"UPDATE ticket SET seen = '{"tags": {"a": 1}}' WHERE id = 'seen'"#).await;
    run("UPDATE ticket SET request = 'freeze', requests = 1 WHERE id = 'request'").await;

    let all = TicketQuery { limit: 9, ..TicketQuery::default() };
    let records = store.tickets(&all).await.unwrap();
    assert_eq!(records.len(), 5, "one that can't be read hides no others: {records:?}");
    let record = |id: &str| records.iter().find(|record| record.key == key(id)).unwrap();
    let reason = |id: &str| record(id).reason.as_ref().map(Reason::to_string).unwrap_or_default();
    assert_eq!(record("state").state, State::Waiting);
    assert_eq!(
        reason("state"),
        "as somebody requested; its state is “merged”, which this ticketroom doesn't know"
    );
    assert_eq!(record("state").reason.as_ref().unwrap().code, "archived.merged", "a code of a later version");
    assert!(record("seen").reason.as_ref().unwrap().is(&WRITTEN_BY_A_LATER_VERSION));
    assert!(reason("seen").contains("what was seen of it can't be shown"), "{}", reason("seen"));
    assert_eq!(reason("plain"), "");
    let counts = store.counts().await.unwrap();
    assert!(counts.contains(&(State::Waiting, 5)), "{counts:?}");
    assert_eq!(store.ticket(&key("state")).await.unwrap().as_ref(), Some(record("state")));

    // What can't be read is let go of, for a while.
    let claims = store.claim(at(1), LEASE, 10, &[]).await.unwrap();
    let mut ids: Vec<_> = claims.iter().map(|claim| claim.key.id.to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["plain", "seen", "state"]);
    for id in ["ledger", "request"] {
        let set_aside = store.ticket(&key(id)).await.unwrap().unwrap();
        assert_eq!((set_aside.state, set_aside.due), (State::Waiting, Some(at(301))), "{id}");
        assert!(set_aside.reason.unwrap().is(&TICKET_UNREADABLE), "{id}");
    }
    let held: Vec<_> = claims.iter().map(Claim::held).collect();
    // The three stay claimed, and the others are looked at again.
    let beat =
        || Heartbeat { replica: Uuid::nil(), works: true, held: held.clone(), lease: LEASE, quiet: QUIET };
    store.heartbeat(at(301), beat()).await.unwrap();
    assert_eq!(store.claim(at(300), LEASE, 10, &[]).await.unwrap(), []);
    assert_eq!(store.claim(at(301), LEASE, 10, &[]).await.unwrap(), []);
    let reported = store.timeline(&key("ledger")).await.unwrap();
    let reported: Vec<_> = reported.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(reported, ["delivery", "unreadable"], "it is said once");
    // An upgrade later.
    run("UPDATE ticket SET ledger = '{}' WHERE id = 'ledger'").await;
    store.heartbeat(at(601), beat()).await.unwrap();
    assert_eq!(claim_one(store, 601).await.key, key("ledger"));
    run("UPDATE ticket SET request = 'archive' WHERE id = 'request'").await;
    let later = claim_one(store, 901).await;
    assert_eq!(later.request, Some(PendingRequest { request: RoomRequest::Archive, nth: 1 }));

    // Not even its name can be read.
    run("UPDATE ticket SET helpdesk = 'A Later Kind' WHERE id = 'plain'").await;
    assert_eq!(store.tickets(&all).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_file_of_a_later_version_hides_nothing() {
    let file = File::new();
    let run = async |sql: &str| {
        rusqlite::Connection::open(&file.path).unwrap().execute_batch(sql).unwrap();
    };
    written_by_a_later_version(&file.store, run).await;
}

#[tokio::test]
async fn a_database_of_a_later_version_hides_nothing() {
    let store = Timed::postgres().await;
    let client = connect(store.url()).await;
    written_by_a_later_version(&store, async |sql: &str| client.batch_execute(sql).await.unwrap()).await;
}

/// A replica that is at work when a newer one takes the tables over ends by itself.
#[tokio::test]
async fn an_older_replica_hears_that_it_may_not_work_any_more() {
    let database = database();
    let store = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let client = connect(database.url()).await;
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one_now(&store).await;
    let beat = || Heartbeat {
        replica: Uuid::nil(),
        works: true,
        held: vec![claim.held()],
        lease: LEASE,
        quiet: QUIET,
    };
    store.heartbeat(beat()).await.unwrap();
    let alive = async || -> (i64, i64) {
        let sql = "SELECT (SELECT due_at FROM ticket), (SELECT alive_until FROM replica)";
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    };
    let before = alive().await;
    client.batch_execute("UPDATE ticketroom_schema SET version = 9, serves = 9").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = store.heartbeat(beat()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("newer ticketroom")), "{error}");
    assert_eq!(alive().await, before, "its claims end with their leases");
    let refused = [
        store.accept(delivery("2", None, 0)).await.map(|_| ()),
        store.save(save(&claim, Ledger::default(), 0)).await,
        store.claim(LEASE, 10.into(), &[]).await.map(|_| ()),
        store.probe().await,
    ];
    assert!(refused.iter().all(|refused| refused.as_ref() == Err(&error)), "{refused:?}");
    store.leave(Uuid::nil(), &[claim.held()]).await.unwrap();
    // Somebody has gone back to a backup of before.
    client.batch_execute("UPDATE ticketroom_schema SET version = 1, serves = 1").await.unwrap();
    store.heartbeat(beat()).await.unwrap();
    claim_one_now(&store).await;
}

/// An upgrade goes by `check`, then `serve`.
#[tokio::test]
async fn check_says_that_serve_will_bring_older_tables_up_to_date() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let File { store, path, _folder } = File::new();
    drop(store);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 0).unwrap();
    let database = database();
    PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    database.run("UPDATE ticketroom_schema SET version = 0, serves = 0").unwrap();
    for url in [StoreUrl::Sqlite(path), StoreUrl::Postgres(Box::new(config(database.url())))] {
        let findings = crate::store::check::store(&url, &clock).await;
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert!(finding.level() == crate::finding::Level::Good, "{finding:?}");
        assert!(finding.what().contains("will bring its tables up to date"), "{finding:?}");
        let error = crate::store::open(&url, Use::Operate, &clock).await.unwrap_err().to_string();
        assert!(error.contains("start this version's “ticketroom serve” once"), "{error}");
    }
}
