//! The one thread that writes to the SQLite file.
//!
//! Transitions queue up; the thread takes all that are waiting, runs them in one transaction, commits (one
//! fdatasync for all of them) and only then answers each. While it waits for the disk, the next ones gather: one
//! caller gets the disk's own speed, many callers share it. If a transition fails in a way that spoils the
//! transaction, everything is rolled back and each is run again in a transaction of its own, so that one can't
//! harm another.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault_point::{self, Side};
use crate::store::StoreError;

/// How many transitions one transaction takes at most: bounds how long the first of them waits.
const BATCH: usize = 512;
/// How many may wait. Beyond that the disk doesn't keep up, and callers had better hear of it.
const QUEUE: usize = 8192;

/// The way to the writing thread.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
}

/// A transition on its way through the thread.
trait Work: Send {
    fn label(&self) -> &str;
    /// Runs it inside a transaction; may be called again after a rollback.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Tells the caller: its result if the transaction was committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Transition<T, F> {
    label: String,
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
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(connection, waiting))?;
        Ok(Self { queue })
    }

    /// Runs a change in a transaction and returns once it is committed. The change either succeeds as a whole
    /// or returns a [`StoreError`] before it has written anything.
    pub(super) async fn run<T, F>(&self, label: impl Into<String>, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = Transition { label: label.into(), change, result: None, caller };
        self.queue.try_send(Box::new(work)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable("the store is closed".to_owned()),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".to_owned())))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the thread owns what it works on")]
fn write_until_closed(connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
    let mut batch: Vec<Box<dyn Work>> = Vec::with_capacity(BATCH);
    while let Some(first) = waiting.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        match commit(&connection, &mut batch) {
            Err(_) if batch.len() > 1 => {
                for mut work in batch.drain(..) {
                    let committed = commit(&connection, std::slice::from_mut(&mut work));
                    work.answer(committed.map_err(|error| unavailable(&error)));
                }
            }
            committed => {
                for work in batch.drain(..) {
                    work.answer(committed.as_ref().map_err(unavailable).copied());
                }
            }
        }
    }
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
        rusqlite::Error::SqliteFailure(code, _) => code.to_string(),
        other => other.to_string(),
    }
}

pub(super) fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(explain(error))
}
