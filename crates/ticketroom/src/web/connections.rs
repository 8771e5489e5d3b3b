//! Which connections are open, and which of them is closed when the cap is reached and another one
//! comes.
//!
//! A connection is *working* while a request is answered on it, *receiving* while the body of that
//! request is still arriving, and *idle* otherwise: nothing was sent yet, the head of a request is
//! incomplete, an answer is being read, or the connection is kept for a next request. At the cap,
//! the connection that has been idle longest is closed for the new one. If none is idle, it is the
//! one that has been receiving longest, unless that is short. A working one is never closed; where
//! all of them work, the new one is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A body that arrives within this time is never given up for another connection. Helpdesks take
/// milliseconds.
const TIME_FOR_A_BODY: Duration = Duration::from_secs(1);

/// How long a new connection waits for one that is being closed.
const CLOSING: Duration = Duration::from_secs(1);

/// The connections of one listener.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    table: Arc<Mutex<Table>>,
}

/// Those that may be closed, each kind in the order in which it came to that.
#[derive(Debug, Default)]
struct Table {
    next: u64,
    idle: BTreeMap<u64, CancellationToken>,
    receiving: BTreeMap<u64, (Instant, CancellationToken)>,
}

/// How a connection came by its place.
#[derive(Debug)]
pub(super) enum Admission {
    /// There was a free one.
    Free(Connection),
    /// Another connection was closed for it.
    InPlaceOf(Connection, Closed),
    /// All others work.
    None,
}

/// What was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The connection that had been idle longest.
    Idle,
    /// The connection whose body had been arriving longest.
    Receiving,
}

impl Connections {
    /// So many at once.
    pub(super) fn new(cap: usize) -> Self {
        let places = Arc::new(Semaphore::new(cap.min(Semaphore::MAX_PERMITS)));
        Self { places, table: Arc::default() }
    }

    /// A place for a new connection, which is idle at first.
    pub(super) async fn admit(&self) -> Admission {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Admission::Free(self.connection(place));
        }
        let Some(closed) = self.close_one() else { return Admission::None };
        let place = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(CLOSING, place).await {
            Ok(Ok(place)) => Admission::InPlaceOf(self.connection(place), closed),
            _ => Admission::None,
        }
    }

    /// Tells a connection to close; `None` if all of them work.
    pub(super) fn close_one(&self) -> Option<Closed> {
        let mut table = lock(&self.table);
        let (close, closed) = if let Some((_, close)) = table.idle.pop_first() {
            (close, Closed::Idle)
        } else {
            let first = table.receiving.first_entry()?;
            if first.get().0.elapsed() < TIME_FOR_A_BODY {
                return None;
            }
            (first.remove().1, Closed::Receiving)
        };
        drop(table);
        close.cancel();
        Some(closed)
    }

    fn connection(&self, place: OwnedSemaphorePermit) -> Connection {
        let inner = Inner {
            table: Arc::clone(&self.table),
            close: CancellationToken::new(),
            entry: Mutex::new(Entry::None),
            _place: place,
        };
        inner.enter(Phase::Idle);
        Connection(Arc::new(inner))
    }
}

/// One connection. Its place is free once all clones are gone.
#[derive(Debug, Clone)]
pub(super) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Arc<Mutex<Table>>,
    close: CancellationToken,
    /// Locked after the table.
    entry: Mutex<Entry>,
    _place: OwnedSemaphorePermit,
}

/// Where a connection stands in the table.
#[derive(Debug, Clone, Copy)]
enum Entry {
    None,
    Idle(u64),
    Receiving(u64),
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Idle,
    Receiving,
    Working,
}

impl Connection {
    /// Completes when the connection has to be closed for another one.
    pub(super) async fn has_to_close(&self) {
        self.0.close.cancelled().await;
    }

    /// A request is being answered, until this is dropped.
    pub(super) fn working(&self) -> During {
        self.0.enter(Phase::Working);
        During { connection: self.clone(), after: Phase::Idle }
    }

    /// The body of that request is arriving, until this is dropped.
    pub(super) fn receiving(&self) -> During {
        self.0.enter(Phase::Receiving);
        During { connection: self.clone(), after: Phase::Working }
    }
}

/// A phase of a connection, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct During {
    connection: Connection,
    after: Phase,
}

impl Drop for During {
    fn drop(&mut self) {
        self.connection.0.enter(self.after);
    }
}

impl Inner {
    fn enter(&self, phase: Phase) {
        let mut table = lock(&self.table);
        let mut entry = lock(&self.entry);
        match *entry {
            Entry::None => {}
            Entry::Idle(number) => drop(table.idle.remove(&number)),
            Entry::Receiving(number) => drop(table.receiving.remove(&number)),
        }
        table.next += 1;
        let number = table.next;
        *entry = match phase {
            Phase::Idle => {
                table.idle.insert(number, self.close.clone());
                Entry::Idle(number)
            }
            Phase::Receiving => {
                table.receiving.insert(number, (Instant::now(), self.close.clone()));
                Entry::Receiving(number)
            }
            Phase::Working => Entry::None,
        };
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.enter(Phase::Working);
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(admission: Admission) -> Connection {
        match admission {
            Admission::Free(connection) => connection,
            other => panic!("{other:?}"),
        }
    }

    fn is_told(connection: &Connection) -> bool {
        futures_util::FutureExt::now_or_never(connection.has_to_close()).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_way_then_the_longest_receiving_and_never_one_that_works() {
        let connections = Connections::new(3);
        let first = free(connections.admit().await);
        let second = free(connections.admit().await);
        let third = free(connections.admit().await);
        // The first has had a request in between, so that the second is the longest idle now.
        drop(first.working());
        assert_eq!(connections.close_one(), Some(Closed::Idle));
        assert!(is_told(&second) && !is_told(&first) && !is_told(&third));

        let (working, also_working) = (first.working(), third.working());
        assert_eq!(connections.close_one(), None, "nobody is closed who works");
        let receiving = third.receiving();
        assert_eq!(connections.close_one(), None, "a body has a second");
        tokio::time::advance(TIME_FOR_A_BODY).await;
        assert_eq!(connections.close_one(), Some(Closed::Receiving));
        assert!(is_told(&third) && !is_told(&first));
        drop((receiving, also_working, working));
        // It was told already, and comes to idle all the same; the first comes after it.
        assert_eq!(connections.close_one(), Some(Closed::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_taken_over_once_it_is_free() {
        let connections = Connections::new(1);
        let only = free(connections.admit().await);
        let working = only.working();
        assert!(matches!(connections.admit().await, Admission::None));
        drop(working);
        let closing = tokio::spawn(async move { only.has_to_close().await });
        let next = match connections.admit().await {
            Admission::InPlaceOf(next, Closed::Idle) => next,
            other => panic!("{other:?}"),
        };
        closing.await.unwrap();
        drop(next);
        free(connections.admit().await);
    }
}
