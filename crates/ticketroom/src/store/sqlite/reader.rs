//! Reading from the SQLite file, beside the writer: each question sees the last commit.
//!
//! At most [`READERS`] questions are asked at a time. Each open connection costs three file
//! descriptors and a cache, and more of them than that don't read any faster; the others wait for
//! their turn.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::place::Place;
use super::writer::{BUSY, unavailable};
use crate::store::StoreError;

/// How many questions are asked at a time.
pub(super) const READERS: usize = 8;
/// How long a question may wait for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Connections for reading, opened as they are needed and kept.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    path: PathBuf,
    place: Arc<Place>,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Reader {
    /// Reads the file at `path`.
    pub(super) fn new(path: PathBuf, place: Arc<Place>) -> Self {
        Self { path, place, turns: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Asks a question on a thread that may block.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    {
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        // The semaphore is never closed.
        let turn = turn.ok().and_then(Result::ok).ok_or(StoreError::Overloaded)?;
        let reader = self.clone();
        let answer = tokio::task::spawn_blocking(move || {
            // Whoever asked may have gone away; the connection is in use until now all the same.
            let _turn = turn;
            reader.place.check()?;
            let connection = reader.connection().map_err(|error| unavailable(&error))?;
            let answer = question(&connection).map_err(|error| unavailable(&error))?;
            reader.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        });
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("reading was interrupted".to_owned())))
    }

    fn connection(&self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}
