//! What only the SQLite store does: one file, one process.

use rusqlite::Connection;

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::{OpenError, Use};

#[tokio::test]
async fn a_start_takes_over_what_a_dead_process_had_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, Use::Serve, at(0)).unwrap();
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
