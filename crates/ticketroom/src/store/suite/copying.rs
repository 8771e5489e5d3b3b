//! Moving a store to the other kind and back, and backing it up beside its writer.

use fastrand::Rng;
use uuid::Uuid;

use super::test_clock::{config, connect, database};
use super::*;
use crate::config::StoreUrl;
use crate::helpdesk::listing::Reference;
use crate::room::FolderId;
use crate::store::backup::{BackupError, backup};
use crate::store::copy::{CopyError, Progress, copy};
use crate::store::postgres::PostgresStore;

const TICKETS: usize = 700;
/// Those of them that a backfill took in.
const OLD: usize = 30;

fn file(path: &std::path::Path) -> StoreUrl {
    StoreUrl::Sqlite(path.to_owned())
}

fn at_database(database: &postgres_server::Database) -> StoreUrl {
    StoreUrl::Postgres(Box::new(config(database.url())))
}

/// A store with tickets in every state, and texts of every kind.
async fn filled(store: &Timed) {
    let mut rng = Rng::with_seed(4711);
    for number in 0..TICKETS - OLD {
        let subject = ["Printer", "T\u{fc}r", "a\0b", ""][number % 4];
        let mut delivery = reported(&number.to_string(), subject, Some("2026-01-01"), 0);
        let length = rng.usize(..300);
        delivery.body = std::iter::repeat_with(|| rng.u8(..)).take(length).collect::<Vec<u8>>().into();
        delivery.repeat = (number % 3 > 0).then(|| RepeatKey::new(format!("id {number}"), &delivery.body));
        store.accept(delivery).await.unwrap();
    }
    let states = [State::Ready, State::Blocked, State::Skipped, State::Archived, State::Waiting];
    for (nth, claim) in
        store.claim(at(0), LEASE, TICKETS - OLD - 20, &[]).await.unwrap().into_iter().enumerate()
    {
        let ledger = if nth % 2 == 0 { with_room(claim.number) } else { Ledger::default() };
        // Of some tickets there are more than go over at once, of most there are few.
        let count = if nth == 7 { 1300 } else { nth % 4 };
        let effects = (0..count)
            .map(|target| effect([ATTACHMENT, MEMBER][target % 2], &format!("{target} t\u{fc}r"), "done"));
        let save = Save { effects: effects.collect(), ..save(&claim, ledger, 1) };
        let end = Settlement { save, ..settlement(&claim, states[nth % 5], None, 1) };
        // Some stay claimed, as by a process that has died.
        if nth > 5 {
            store.settle(end).await.unwrap();
        }
    }
    // Some rooms have unreported events, and of some folders nobody has asked yet which room they
    // are in.
    for number in 0..60 {
        let event = RoomEvent {
            folder: FolderId(number % 30),
            what: RoomEventKind::FileChanged,
            entry: number,
            title: ["Log.txt", "T\u{fc}r", "a\0b"][usize::try_from(number % 3).unwrap()].to_owned(),
            by: Uuid::from_u128(1),
            at: at(1),
        };
        let meaning = Meaning::InFolder { event, consequence: Consequence::Look };
        let source = SourceName::DocSpace;
        store.accept(Delivery { source, meaning, ..delivery("1", None, 1) }).await.unwrap();
    }
    for folder in 0..20 {
        store.place(FolderId(folder), Some(RoomId(folder * 2 + 1)), at(1)).await.unwrap();
    }
    for (id, request) in [("1", RoomRequest::Archive), ("2", RoomRequest::Reopen)] {
        store.requeue(&Selection::One(key(id)), &Why::Requested(request), at(1)).await.unwrap();
    }
    // A backfill is under way, and so are sweeps.
    let tickets = (0..i64::try_from(OLD).unwrap()).map(|id| Reference {
        id: format!("old {id}").parse().unwrap(),
        updated: at(-id),
        snapshot: None,
    });
    let tickets = tickets.collect();
    let progress =
        Some(SaveProgress { name: "sweep.desk".to_owned(), turn: 0, value: "{\"t\u{fc}r\":1}".to_owned() });
    let origin = Origin::Backfill { quiet: true };
    let helpdesk = key("1").helpdesk;
    store.take_in(TakeIn { helpdesk, origin, tickets, ahead: 0, progress }, at(1)).await.unwrap();
    store.take_writes(at(0), 20, 50).await.unwrap();
}

/// Everything that can be known of a store, as text.
async fn everything(store: &dyn Store) -> String {
    let all = TicketQuery { limit: 10_000, ..TicketQuery::default() };
    let mut everything = String::new();
    for record in store.tickets(&all).await.unwrap() {
        let timeline = store.timeline(&record.key).await.unwrap();
        let attachments = store.effects(&record.key, ATTACHMENT).await.unwrap();
        let members = store.effects(&record.key, MEMBER).await.unwrap();
        everything.push_str(&format!("{record:?} {timeline:?} {attachments:?} {members:?}\n"));
    }
    // A copy keeps the numbers of tickets.
    for number in 1..=i64::try_from(TICKETS).unwrap() {
        let unreported = store.unreported_events(number, None, 9).await.unwrap();
        everything.push_str(&format!("{unreported:?}\n"));
    }
    everything.push_str(&format!("{:?}", store.progresses("").await.unwrap()));
    everything
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_to_postgres_and_back() {
    let old = File::new();
    filled(&old.store).await;
    let database = database();
    let (from, to) = (file(&old.path), at_database(&database));
    let error = copy(&from, &to, at(2), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("another ticketroom is serving"), "{error}");
    let File { store, path, _folder } = old;
    drop(store);

    // It is cut off in the middle of the deliveries.
    let (theirs, ours) = (to.clone(), from.clone());
    let cut_off = tokio::spawn(async move {
        copy(&ours, &theirs, at(2), |Progress { table, done, .. }| {
            assert!(table != "delivery" || done < 500, "cut off");
        })
        .await
    });
    assert!(cut_off.await.unwrap_err().is_panic());
    let error = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap_err().to_string();
    assert!(error.contains("run “ticketroom store copy” again"), "{error}");
    let error = copy(&to, &file(&path.with_extension("other")), at(2), |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::Unfinished(_)), "{error}");

    let mut first = None;
    copy(&from, &to, at(2), |progress| {
        first.get_or_insert(progress);
    })
    .await
    .unwrap();
    assert_eq!(first.unwrap().done, TICKETS as u64, "it goes on where it stopped");
    let moved = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    // As a service would take it over.
    let again = Timed::file(&path, Use::Serve, at(2)).unwrap();
    // What no text of PostgreSQL can hold is the one difference.
    let expected = everything(&*again).await.replace("a\\0b", "a\u{fffd}b");
    let found = everything(&moved).await;
    // Subjects are in JSON as well, where they keep it.
    let found = found.replace("a\\0b", "a\u{fffd}b");
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "the copy differs");
    }
    let taken = moved.take_writes(at(3), 50, 50).await.unwrap();
    assert_eq!(taken, crate::docspace::limits::Taken::Some(30), "the day's writes went along");
    moved.accept(delivery("new", None, 3)).await.unwrap();
    // The server's clock is behind that of this test, by which everything else is due.
    let claim = claim_one_now(&moved).await;
    assert_eq!(claim.key, key("new"));

    let beat = Heartbeat { replica: Uuid::nil(), works: true, held: Vec::new(), lease: LEASE, quiet: QUIET };
    moved.heartbeat(beat).await.unwrap();
    let back = file(&path.with_extension("back"));
    let error = copy(&to, &back, at(4), |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::InUse(_)), "{error}");
    moved.leave(Uuid::nil(), &[claim.held()]).await.unwrap();
    copy(&to, &back, at(4), |_| ()).await.unwrap();
    let StoreUrl::Sqlite(back) = back else { unreachable!() };
    let back = Timed::file(&back, Use::Operate, at(4)).unwrap();
    assert!(everything(&*back).await == everything(&moved).await, "the copy differs");
    // What is to be done went along as well.
    assert_eq!(back.unplaced(99, at(4)).await.unwrap(), (20..30).map(FolderId).collect::<Vec<_>>());
    let claims = back.claim(at(4), LEASE, TICKETS, &[]).await.unwrap();
    let request = |id: &str| claims.iter().find(|claim| claim.key == key(id)).unwrap().request;
    assert_eq!(request("1"), Some(PendingRequest { request: RoomRequest::Archive, nth: 1 }));
    assert_eq!(request("2"), Some(PendingRequest { request: RoomRequest::Reopen, nth: 1 }));
    for claim in &claims {
        let unreported = back.unreported_events(claim.number, None, 9).await.unwrap();
        assert_eq!(claim.has_unreported, unreported.total > 0);
    }
    assert!(claims.iter().any(|claim| claim.has_unreported));
}

/// A delivery may have as many bytes as all others together; what goes over at once has to fit into
/// memory, several times.
#[tokio::test(flavor = "multi_thread")]
async fn few_long_rows_go_over_at_once() {
    let File { store, path, _folder } = File::new();
    const MIB: usize = 1024 * 1024;
    for (nth, mib) in [3, 3, 3, 1, 9, 1, 1].into_iter().enumerate() {
        let body = vec![u8::try_from(nth).unwrap(); mib * MIB].into();
        store.accept(Delivery { body, ..delivery(&nth.to_string(), None, 0) }).await.unwrap();
    }
    drop(store);
    let database = database();
    let back = file(&path.with_extension("back"));
    for (from, to) in [(file(&path), at_database(&database)), (at_database(&database), back)] {
        let mut done = Vec::new();
        copy(&from, &to, at(1), |progress| {
            if progress.table == "delivery" {
                done.push(progress.done);
            }
        })
        .await
        .unwrap();
        assert_eq!(done, [0, 2, 4, 5, 7], "from {from:?}");
    }
}

/// A database of a later version may be worked on, but has what an older program would leave out.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_store_that_is_known_wholly_is_copied() {
    let (old, later) = (database(), database());
    for database in [&old, &later] {
        PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    }
    let next = "ALTER TABLE ticket ADD COLUMN mood text; UPDATE ticketroom_schema SET version = version + 1";
    later.run(next).unwrap();
    PostgresStore::open(&config(later.url()), Use::Serve).await.unwrap();
    for (from, to) in [(&old, &later), (&later, &old)] {
        let error = copy(&at_database(from), &at_database(to), at(1), |_| ()).await.unwrap_err().to_string();
        assert!(error.contains("use the ticketroom that last used it"), "{error}");
    }
}

/// Somebody who was late for the beginning is seen at the end, on either side.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_works_on_either_store_in_the_end_spoils_the_copy() {
    for is_source in [true, false] {
        let (from, to) = (database(), database());
        let source = PostgresStore::open(&config(from.url()), Use::Serve).await.unwrap();
        source.accept(delivery("1", None, 0)).await.unwrap();
        drop(source);
        let spoilt = if is_source { &from } else { &to };
        let beat =
            "INSERT INTO replica VALUES ('late', true, server_millis() + 60000) ON CONFLICT DO NOTHING";
        let (source, target) = (at_database(&from), at_database(&to));
        let copied = copy(&source, &target, at(1), |progress| {
            if progress.table == "timeline" {
                spoilt.run(beat).unwrap();
            }
        });
        let error = copied.await.unwrap_err();
        let CopyError::InUse(name) = error else { panic!("{error}") };
        assert!(spoilt.url().ends_with(name.rsplit('/').next().unwrap()), "{name}");
        let error = PostgresStore::open(&config(to.url()), Use::Serve).await.unwrap_err();
        assert!(matches!(error, OpenError::HalfCopied(_)), "{error}");
    }
}

/// What a migration adds to a table has to go over as well.
#[tokio::test]
async fn every_column_is_copied() {
    let (file, database) = (File::new(), database());
    PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let (connection, client) =
        (rusqlite::Connection::open(&file.path).unwrap(), connect(database.url()).await);
    for (table, mut copied) in crate::store::copy::columns() {
        copied.sort_unstable();
        let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        let here = statement.query_map([table], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(here.map(Result::unwrap).collect::<Vec<_>>(), copied, "{table}");
        let sql = "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1
            ORDER BY column_name::text COLLATE \"C\"";
        let there = client.query(sql, &[&table]).await.unwrap();
        assert_eq!(there.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), copied, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_overwrites_nothing() {
    let (one, two) = (File::new(), File::new());
    one.store.accept(delivery("1", None, 0)).await.unwrap();
    two.store.accept(delivery("2", None, 0)).await.unwrap();
    let (File { store, path: from, _folder: a }, File { store: other, path: to, _folder: b }) = (one, two);
    drop((store, other));
    let error = copy(&file(&from), &file(&to), at(1), |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::NotEmpty(_)), "{error}");
    let error = copy(&file(&from), &file(&from), at(1), |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::Same), "{error}");
    let missing = from.with_extension("missing");
    let error = copy(&file(&missing), &file(&to), at(1), |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::Open(OpenError::Missing(_))), "{error}");
    drop((a, b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_the_writer_and_knows_what_it_is() {
    let file = File::new();
    filled(&file.store).await;
    let copy = file.path.with_extension("backup");
    let (from, to) = (file.path.clone(), copy.clone());
    let copying = tokio::task::spawn_blocking(move || backup(&from, &to, at(2)));
    let mut more = 0;
    while !copying.is_finished() || more == 0 {
        file.store.accept(delivery(&format!("more {more}"), None, 2)).await.unwrap();
        more += 1;
    }
    let copied = copying.await.unwrap().unwrap();
    assert!((TICKETS as u64..=TICKETS as u64 + more).contains(&copied.tickets), "{copied:?}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(backup(&file.path, &copy, at(3)), Err(BackupError::Exists(_))));
    let missing = file.path.with_extension("missing");
    assert!(matches!(backup(&missing, &copy.with_extension("x"), at(3)), Err(BackupError::Missing(_))));
    let nowhere = file.path.join("nowhere");
    assert!(matches!(backup(&file.path, &nowhere, at(3)), Err(BackupError::Unwritable { .. })));

    // The log of the store that it takes the place of would damage it.
    let wal = copy.with_extension("backup-wal");
    std::fs::copy(file.path.with_extension("db-wal"), &wal).unwrap();
    let error = Timed::file(&copy, Use::Serve, at(4)).unwrap_err().to_string();
    assert!(error.contains("backup-wal is that of the store that was here before"), "{error}");
    std::fs::remove_file(&wal).unwrap();
    // Looking at it changes nothing; serving from it does, once.
    drop(Timed::file(&copy, Use::Operate, at(4)).unwrap());
    for expected in [copied.tickets, 0] {
        let restored = Timed::file(&copy, Use::Serve, at(5)).unwrap();
        let claims = restored.claim(at(5), LEASE, 10_000, &[]).await.unwrap();
        assert_eq!(claims.len() as u64, expected);
        for claim in claims {
            restored.settle(settlement(&claim, State::Ready, None, 6)).await.unwrap();
        }
    }
}

/// Whoever looks at a restored backup while it is taken over keeps the start from going on, and
/// nothing more: once something was acknowledged, its log is never taken for that of another store.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_that_somebody_reads_is_taken_over_wholly_or_not_at_all() {
    // Somebody may even have given it a log, by hand.
    for has_log in [false, true] {
        let source = File::new();
        source.store.accept(delivery("1", None, 0)).await.unwrap();
        let restored = source.path.with_extension("restored");
        let log = restored.with_extension("restored-wal");
        backup(&source.path, &restored, at(1)).unwrap();
        let reader = rusqlite::Connection::open(&restored).unwrap();
        if has_log {
            reader.pragma_update(None, "journal_mode", "WAL").unwrap();
        } else {
            // Beside nobody's `serve`, a command may mark something.
            let looked_at = Timed::file(&restored, Use::Operate, at(1)).unwrap();
            let one = Selection::One(key("1"));
            assert_eq!(looked_at.requeue(&one, &Why::Asked, at(1)).await.unwrap(), 1);
            assert!(std::fs::metadata(&log).map_or(0, |log| log.len()) == 0, "a backup has a log");
        }
        reader.execute_batch("BEGIN; SELECT count(*) FROM ticket").unwrap();
        let (store, reader) = match Timed::file(&restored, Use::Serve, at(2)) {
            // Then it has to withstand what follows.
            Ok(store) => (store, Some(reader)),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("somebody else is reading") && error.contains("end that"), "{error}");
                drop(reader);
                (Timed::file(&restored, Use::Serve, at(2)).unwrap(), None)
            }
        };
        assert_eq!(store.accept(delivery("2", Some("acknowledged"), 2)).await.unwrap(), Accepted::New);
        // As the disk has it when the process is killed now.
        let killed = source.path.with_extension("killed");
        std::fs::copy(&restored, &killed).unwrap();
        std::fs::copy(&log, killed.with_extension("killed-wal")).unwrap();
        drop(reader);
        let store = Timed::file(&killed, Use::Serve, at(3)).unwrap();
        assert_eq!(store.accept(delivery("2", Some("acknowledged"), 3)).await.unwrap(), Accepted::Repeat);
        assert_eq!(store.timeline(&key("1")).await.unwrap().last().unwrap().kind, "recover");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_copied_stays_one() {
    let source = File::new();
    source.store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(&source.store, 0).await;
    source.store.settle(settlement(&claim, State::Ready, None, 0)).await.unwrap();
    let copied = source.path.with_extension("backup");
    backup(&source.path, &copied, at(1)).unwrap();
    let database = database();
    copy(&file(&copied), &at_database(&database), at(2), |_| ()).await.unwrap();
    let moved = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    assert_eq!(moved.claim(LEASE, 10.into(), &[]).await.unwrap().len(), 1, "it is looked at again");
}
