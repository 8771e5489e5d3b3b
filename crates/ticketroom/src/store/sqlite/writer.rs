//! The one thread that writes to the SQLite file.
//!
//! Transitions queue up; the thread takes all that are waiting, runs them in one transaction,
//! commits (one fdatasync for all of them) and only then answers each. While it waits for the disk,
//! the next ones gather: one caller gets the disk's own speed, many callers share it. If a
//! transition fails in a way that spoils the transaction, everything is rolled back and each is run
//! again in a transaction of its own, so that one can't harm another.
//!
//! What is in the way of all of them (another process has locked the file, the disk is full or
//! broken, the file was removed) is told to all of them at once, and to all that wait meanwhile:
//! each one's own try would only have the next ones wait for longer. What has waited for [`TURN`]
//! is not run any more, and its caller is told so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::place::Place;
use crate::fault_point::{self, Side};
use crate::store::StoreError;

/// How many transitions one transaction takes at most: bounds how long the first of them waits.
const BATCH: usize = 512;
/// How many may wait. Beyond that the disk doesn't keep up, and callers had better hear of it.
const QUEUE: usize = 8192;
/// How long a transition may wait until it is run.
const TURN: Duration = Duration::from_secs(4);
/// How long a caller waits at most where it does no harm if the transition is committed all the
/// same. With this, a sender has its answer well before it gives up.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process that has the file locked.
pub(super) const BUSY: Duration = Duration::from_millis(1500);

/// The way to the writing thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
}

/// A transition on its way through the thread.
trait Work: Send {
    fn label(&self) -> &str;
    /// Since when it waits.
    fn since(&self) -> Instant;
    /// Runs it inside a transaction; may be called again after a rollback.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Tells the caller: its result if the transaction was committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Transition<T, F> {
    label: String,
    since: Instant,
    change: F,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Transition<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send,
{
    fn label(&self) -> &str {
        &self.label
    }

    fn since(&self) -> Instant {
        self.since
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.change)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Transition { result, caller, .. } = *self;
        let lost = || Err(StoreError::Unavailable("the transition was not run".to_owned()));
        // A caller that has gone away needs no answer.
        let _ = caller.send(committed.and_then(|()| result.unwrap_or_else(lost)));
    }
}

impl Writer {
    /// Starts the thread. It ends when the last [`Writer`] is gone.
    pub(super) fn start(connection: Connection, place: Arc<Place>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(connection, &place, waiting))?;
        Ok(Self { queue })
    }

    /// Runs a change in a transaction and returns once it is committed. The change either succeeds
    /// as a whole or returns a [`StoreError`] before it has written anything.
    pub(super) async fn run<T, F>(&self, label: impl Into<String>, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = Transition { label: label.into(), since: Instant::now(), change, result: None, caller };
        self.queue.try_send(Box::new(work)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable("the store is closed".to_owned()),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".to_owned())))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the thread owns what it works on")]
fn write_until_closed(connection: Connection, place: &Place, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
    let mut batch: Vec<Box<dyn Work>> = Vec::with_capacity(BATCH);
    while let Some(first) = waiting.blocking_recv() {
        take(first, &mut batch);
        while batch.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            take(next, &mut batch);
        }
        let Err(in_the_way) = write(&connection, place, &mut batch) else { continue };
        // Those that came until now. Once anybody has heard of it, the next try may be after its
        // end.
        while let Ok(next) = waiting.try_recv() {
            batch.push(next);
        }
        refuse(batch.drain(..), &in_the_way);
    }
}

/// Puts a transition into the batch, unless it has waited for too long.
fn take(work: Box<dyn Work>, batch: &mut Vec<Box<dyn Work>>) {
    if work.since().elapsed() < TURN {
        batch.push(work);
    } else {
        work.answer(Err(StoreError::Overloaded));
    }
}

fn refuse(refused: impl Iterator<Item = Box<dyn Work>>, why: &StoreError) {
    refused.for_each(|work| work.answer(Err(why.clone())));
}

/// Commits a batch and answers it. Of what is in the way of all of them, those that are left in the
/// batch have not heard.
fn write(connection: &Connection, place: &Place, batch: &mut Vec<Box<dyn Work>>) -> Result<(), StoreError> {
    place.check()?;
    match commit(connection, batch) {
        Ok(()) => {
            // Before anybody is told that it is on disk.
            place.check()?;
            batch.drain(..).for_each(|work| work.answer(Ok(())));
            Ok(())
        }
        Err(error) if is_in_the_way_of_all(&error) => Err(unavailable(&error)),
        Err(error) if batch.len() <= 1 => {
            refuse(batch.drain(..), &unavailable(&error));
            Ok(())
        }
        Err(_) => {
            // In their order.
            batch.reverse();
            while let Some(work) = batch.pop() {
                let mut alone = vec![work];
                if let Err(in_the_way) = write(connection, place, &mut alone) {
                    batch.append(&mut alone);
                    return Err(in_the_way);
                }
            }
            Ok(())
        }
    }
}

/// Whether no other transition would fare better now. A damaged page, say, is in the way only of
/// those that need it.
fn is_in_the_way_of_all(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::NotADatabase
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory
        )
    )
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Work>]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let run = |connection: &Connection, batch: &mut [Box<dyn Work>]| {
        for work in batch.iter_mut() {
            work.run(connection)?;
            fault_point::pass(Side::Before, "Store", work.label());
        }
        connection.execute_batch("COMMIT")
    };
    let result = run(connection, batch);
    if result.is_err() && !connection.is_autocommit() {
        // That fails only if SQLite has rolled back already.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result?;
    for work in batch.iter() {
        fault_point::pass(Side::After, "Store", work.label());
    }
    Ok(())
}

/// SQLite's error for an operator: what it says, never what was being stored.
pub(in crate::store) fn explain(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, _) if code.code == ErrorCode::DatabaseBusy => {
            format!("another process has locked the file, such as an sqlite3 shell: end that ({code})")
        }
        rusqlite::Error::SqliteFailure(code, _) => code.to_string(),
        other => other.to_string(),
    }
}

pub(super) fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(explain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_waited_for_too_long_is_not_run() {
        let waiting = |since: Instant| {
            let (caller, answer) = oneshot::channel();
            let change = |_: &Connection| Ok(Ok(()));
            (Box::new(Transition { label: String::new(), since, change, result: None, caller }), answer)
        };
        let mut batch = Vec::new();
        let (late, mut answer) = waiting(Instant::now().checked_sub(TURN).unwrap());
        take(late, &mut batch);
        assert_eq!(answer.try_recv(), Ok(Err(StoreError::Overloaded)));
        let (in_time, mut answer) = waiting(Instant::now());
        take(in_time, &mut batch);
        assert_eq!(batch.len(), 1);
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }
}
