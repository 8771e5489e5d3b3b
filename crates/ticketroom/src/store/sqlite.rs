//! The store in one SQLite file: WAL, full sync, one writing thread with group commit.
//!
//! One `serve` works on a file at a time; a lock beside it says so and goes with the process, however that ends.
//! Tickets that are claimed when `serve` starts were claimed by a process that is gone, so they are due at once.
//! Other commands (`tickets list`, `tickets retry`) open the file beside a running `serve`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::queries::{RECORD, list, owner, record, timeline};
use super::reader::Reader;
use super::transitions::{accept, claim, note, settle, take_writes, write_ledger};
use super::values::{json, millis, timestamp};
use super::writer::Writer;
use super::{
    Accepted, Claim, Delivery, Meaning, Save, Settlement, State, Store, StoreError, TicketQuery,
    TicketRecord, TimelineEntry,
};
use crate::clock::{Timestamp, after};
use crate::docspace::limits::Taken;
use crate::room::RoomId;
use crate::ticket::TicketKey;

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    // Held for as long as the store is; the operating system lets go of it when the process ends.
    _lock: Option<File>,
}

/// What an open store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To work on tickets: one process at a time.
    Serve,
    /// To look and to mark, beside whoever works.
    Operate,
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on it.
    #[error("another ticketroom is serving from {0}: stop it first, or give this one a store of its own")]
    InUse(PathBuf),
    /// The file can't be used.
    #[error("the store {path} can't be opened: {why}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is none, and the command only looks.
    #[error("there is no store at {0}: has “ticketroom serve” run here, with this configuration?")]
    Missing(PathBuf),
}

impl SqliteStore {
    /// Opens the file, making it if it is to be served from.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn open(path: &Path, purpose: Use, now: Timestamp) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Unusable { path: path.to_owned(), why };
        if purpose == Use::Operate && !path.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let lock = match purpose {
            Use::Serve => Some(lock(path)?),
            Use::Operate => None,
        };
        if purpose == Use::Serve {
            create_private(path).map_err(|error| unusable(error.to_string()))?;
        }
        let mut connection = Connection::open(path).map_err(|error| unusable(error.to_string()))?;
        super::schema::configure(&connection).map_err(|error| unusable(error.to_string()))?;
        match purpose {
            // An older `serve` may be working on it.
            Use::Operate => {
                super::schema::demand_current(&connection).map_err(|error| unusable(error.to_string()))?;
            }
            Use::Serve => {
                super::schema::migrate(&mut connection).map_err(|error| unusable(error.to_string()))?;
            }
        }
        if purpose == Use::Serve {
            let sql = "UPDATE ticket SET claimed = 0, due_at = ?1 WHERE claimed = 1";
            connection.execute(sql, [millis(now)]).map_err(|error| unusable(error.to_string()))?;
        }
        let writer = Writer::start(connection).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { writer, reader: Reader::new(path.to_owned()), _lock: lock })
    }
}

/// It holds names, addresses and whatever people write into tickets: for this user's eyes only. SQLite gives its
/// other files the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let unusable =
        |error: std::io::Error| OpenError::Unusable { path: path.to_owned(), why: error.to_string() };
    let file = File::options().create(true).append(true).open(&lock_path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let snapshot = match &delivery.meaning {
            Meaning::Look { snapshot: Some(snapshot), .. } => {
                Some((json(snapshot)?, snapshot.subject.clone(), snapshot.version.clone()))
            }
            _ => None,
        };
        self.writer
            .run("accept", move |connection| accept(connection, &delivery, snapshot.as_ref()).map(Ok))
            .await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (lease_until, running) = (after(now, lease), json(&running)?);
        self.writer
            .run("claim", move |connection| claim(connection, now, lease_until, most, &running).map(Ok))
            .await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.writer.run(save.label.clone(), move |connection| write_ledger(connection, &save)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let label = settlement.save.label.clone();
        self.writer
            .run(label, move |connection| {
                if let Err(error) = write_ledger(connection, &settlement.save)? {
                    return Ok(Err(error));
                }
                settle(connection, &settlement).map(Ok)
            })
            .await
    }

    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer
            .run("retry", move |connection| {
                let sql = "UPDATE ticket
                    SET asked = asked + 1, attempts = 0, hints = hints + 1,
                        due_at = CASE claimed WHEN 1 THEN due_at ELSE ?3 END,
                        state = CASE state WHEN 'blocked' THEN 'waiting' ELSE state END
                    WHERE helpdesk = ?1 AND id = ?2 RETURNING number";
                let number: Option<i64> = connection
                    .prepare_cached(sql)?
                    .query_row(params![key.helpdesk.as_str(), key.id.as_str(), millis(now)], |row| row.get(0))
                    .optional()?;
                if let Some(number) = number {
                    note(connection, number, now, "retry", "somebody asked to try again")?;
                }
                Ok(Ok(number.is_some()))
            })
            .await
    }

    async fn retry_blocked(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .run("retry", move |connection| {
                let sql = "INSERT INTO timeline (ticket, at, kind, text)
                    SELECT number, ?1, 'retry', 'somebody asked to try all blocked tickets again'
                    FROM ticket WHERE state = 'blocked'";
                connection.prepare_cached(sql)?.execute([millis(now)])?;
                let sql = "UPDATE ticket
                    SET attempts = 0, hints = hints + 1, state = 'waiting',
                        due_at = CASE claimed WHEN 1 THEN due_at ELSE ?1 END
                    WHERE state = 'blocked'";
                let changed = connection.prepare_cached(sql)?.execute([millis(now)])?;
                Ok(Ok(changed as u64))
            })
            .await
    }

    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                for name in ["id", "called"] {
                    let sql = format!(
                        "SELECT {RECORD} FROM ticket WHERE helpdesk = ?1 AND {name} = ?2
                        ORDER BY updated_at DESC LIMIT 1"
                    );
                    let mut statement = connection.prepare_cached(&sql)?;
                    let row = statement.query_row(params![key.helpdesk.as_str(), key.id.as_str()], record);
                    if let Some(record) = row.optional()? {
                        return Ok(record.map(Some));
                    }
                }
                Ok(Ok(None))
            })
            .await
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        let query = query.clone();
        self.reader.ask(move |connection| list(connection, &query)).await
    }

    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let key = key.clone();
        self.reader.ask(move |connection| timeline(connection, &key).map(Ok)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.reader
            .ask(|connection| {
                let sql = "SELECT min(due) FROM (
                    SELECT min(due_at) AS due FROM ticket WHERE (attempts > 0) = 0 AND due_at IS NOT NULL
                    UNION ALL
                    SELECT min(due_at) FROM ticket WHERE (attempts > 0) = 1 AND due_at IS NOT NULL)";
                let due: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
                Ok(Ok(due.map(timestamp)))
            })
            .await
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        let rooms = rooms.to_vec();
        self.reader
            .ask(move |connection| {
                let mut owned = Vec::new();
                for room in rooms {
                    if let Some(owner) = owner(connection, room)? {
                        owned.push(owner.map(|owner| (room, owner)));
                    }
                }
                Ok(owned.into_iter().collect())
            })
            .await
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.reader
            .ask(|connection| {
                let sql = "SELECT CASE claimed WHEN 1 THEN 'working' ELSE state END AS s, count(*)
                    FROM ticket GROUP BY s";
                let mut statement = connection.prepare_cached(sql)?;
                let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
                    if let Some(entry) = counts.iter_mut().find(|(state, _)| state.as_str() == name) {
                        entry.1 = u64::try_from(count).unwrap_or(0);
                    }
                }
                Ok(Ok(counts))
            })
            .await
    }

    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.writer
            .run("take_writes", move |connection| take_writes(connection, now, wanted, per_day).map(Ok))
            .await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("no_writes_until", move |connection| {
                // The day over there ends when it says so; ours begins again then.
                let sql = "UPDATE write_budget SET none_until = ?1, day_began_at = ?1, used = 0
                    WHERE (none_until < ?1 OR none_until > ?2 + 86400000) AND ?1 > ?2";
                connection.prepare_cached(sql)?.execute([millis(until), millis(now)])?;
                Ok(Ok(()))
            })
            .await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("probe", move |connection| {
                let sql = "INSERT INTO probe VALUES (1, ?1, randomblob(49152))
                    ON CONFLICT (one) DO UPDATE SET at = ?1, padding = randomblob(49152)";
                connection.prepare_cached(sql)?.execute([millis(now)])?;
                Ok(Ok(()))
            })
            .await
    }
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
