//! What only the SQLite store does: one file, one process.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use super::*;
use crate::store::{OpenError, Use};

#[tokio::test]
async fn a_start_takes_over_what_a_dead_process_had_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Timed::file(&path, Use::Serve, at(0)).unwrap();
    store.accept(delivery("1", None, 0)).await.unwrap();
    claim_one(&store, 0).await;
    assert!(matches!(Timed::file(&path, Use::Serve, at(1)), Err(OpenError::InUse(_))));
    drop(store);
    let store = Timed::file(&path, Use::Serve, at(1)).unwrap();
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
    assert!(matches!(Timed::file(&path, Use::Serve, at(0)), Err(OpenError::Unusable { .. })));
    let path = folder.path().join("later.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Timed::file(&path, Use::Serve, at(0)).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    let path = folder.path().join("earlier.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 0).unwrap();
    let error = Timed::file(&path, Use::Operate, at(0)).unwrap_err().to_string();
    assert!(error.contains("earlier version"), "{error}");
}

/// The answers to many deliveries that come at once.
async fn crowd(store: &Arc<Timed>, count: usize) -> Vec<Result<Accepted, StoreError>> {
    let senders = (0..count).map(|number| {
        let (store, id) = (Arc::clone(store), number.to_string());
        tokio::spawn(async move { store.accept(delivery(&id, Some(&id), 0)).await })
    });
    futures_util::future::join_all(senders).await.into_iter().map(Result::unwrap).collect()
}

/// Each of them alone would wait for the lock, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_has_locked_is_told_to_all_at_once() {
    let File { store, path, _folder } = File::new();
    let store = Arc::new(store);
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let other = Connection::open(&path).unwrap();
        other.execute_batch(lock).unwrap();
        let begun = Instant::now();
        let answers = crowd(&store, 500).await;
        // The first one waits for SQLite's patience, and those that come meanwhile for as long
        // again at most.
        assert!(begun.elapsed() < Duration::from_secs(6), "{lock}: {:?}", begun.elapsed());
        let reported = |answer: &Result<_, _>| matches!(answer, Err(StoreError::Unavailable(why)) if why.contains("locked"));
        assert!(answers.iter().all(reported), "{lock}: {answers:?}");
        assert!(store.probe().await.is_err());
        other.execute_batch("ROLLBACK").unwrap();
        store.probe().await.unwrap();
    }
    let answers = crowd(&store, 500).await;
    assert!(answers.iter().all(|answer| *answer == Ok(Accepted::New)), "nothing was committed: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_removed_or_replaced_takes_nothing_in() {
    let File { store, path, _folder } = File::new();
    store.accept(delivery("1", Some("a"), 0)).await.unwrap();
    let aside = path.with_extension("aside");
    let another = path.with_extension("another");
    drop(Timed::file(&another, Use::Serve, at(0)).unwrap());
    let beat = || {
        let (replica, held) = (Uuid::nil(), Vec::new());
        Heartbeat { replica, works: true, held, lease: LEASE, quiet: QUIET }
    };
    let refused = async |what: &str| {
        let errors = [
            store.accept(delivery("2", Some("b"), 0)).await.map(|_| ()).unwrap_err(),
            store.probe().await.unwrap_err(),
            store.heartbeat(at(0), beat()).await.map(|_| ()).unwrap_err(),
            store.ticket(&key("1")).await.map(|_| ()).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(&format!("was {what} while it was in use")), "{error}");
        }
    };
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut file = path.clone().into_os_string();
        file.push(suffix);
        std::fs::rename(&file, &aside).unwrap();
        refused("removed").await;
        std::fs::copy(&another, &file).unwrap();
        refused("replaced").await;
        // Put back, it is what it was.
        std::fs::rename(&aside, &file).unwrap();
        store.heartbeat(at(0), beat()).await.unwrap();
        let again = Accepted::Repeat;
        assert_eq!(store.accept(delivery("1", Some("a"), 0)).await.unwrap(), again, "{suffix}");
    }
    assert_eq!(store.accept(delivery("2", Some("b"), 0)).await.unwrap(), Accepted::New);
}

#[test]
fn a_store_is_the_same_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (link, dangling) = (folder.path().join("link.db"), folder.path().join("dangling.db"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::os::unix::fs::symlink("link.db", &dangling).unwrap();
    // The first one makes the file that they lead to.
    let store = Timed::file(&dangling, Use::Serve, at(0)).unwrap();
    let around = folder.path().join(".").join("..").join(folder.path().file_name().unwrap()).join("store.db");
    for name in [&path, &link, &dangling, &around] {
        let again = Timed::file(name, Use::Serve, at(0));
        assert!(matches!(again, Err(OpenError::InUse(_))), "{}: {again:?}", name.display());
    }
    drop(store);
}

#[tokio::test]
async fn the_files_of_a_store_are_for_its_user_alone() {
    let File { store, path, _folder } = File::new();
    store.accept(delivery("1", None, 0)).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"]);
}

/// How often this process has a file open.
fn open_descriptors(path: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    all.filter(|entry| std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_questions_shares_a_few_connections() {
    let File { store, path, _folder } = File::new();
    let store = Arc::new(store);
    for answer in crowd(&store, 200).await {
        answer.unwrap();
    }
    let searches = (0..500).map(|_| {
        let store = Arc::clone(&store);
        let query =
            TicketQuery { text: Some("nothing like it".to_owned()), limit: 10, ..TicketQuery::default() };
        tokio::spawn(async move { store.tickets(&query).await })
    });
    for answer in futures_util::future::join_all(searches).await {
        assert_eq!(answer.unwrap().unwrap(), []);
    }
    let count = open_descriptors(&path.canonicalize().unwrap());
    // The writer has one.
    assert!((2..=9).contains(&count), "{count} connections");
}
