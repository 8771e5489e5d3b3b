//! The store in one SQLite file: WAL, full sync, one writing thread with group commit.
//!
//! One `serve` works on a file at a time; a lock beside it says so and goes with the process, however that ends.
//! Tickets that are claimed when `serve` starts were claimed by a process that is gone, so they are due at once.
//! Other commands (`tickets list`, `tickets retry`) open the file beside a running `serve`.
//!
//! A restored backup says of itself that it is one, and is taken over *before* it has a write-ahead log: that it is none any
//! more stands in the file itself before anything is acknowledged. So a log beside a file that is still a backup is
//! never its own, and has nothing of it.

mod place;
mod queries;
mod reader;
pub(super) mod schema;
pub(super) mod statements;
pub(super) mod transitions;
mod writer;

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use self::place::{Place, beside, canonical};
use self::queries::{list, owner, record, ticket_sql, timeline};
use self::reader::Reader;
use self::statements::{
    COUNTS, NEXT_DUE, NOTE_RETRY, OLDEST_WAITING, PROBE, REMEMBER, REMEMBERED, RESERVE, RETRY, RETRY_BLOCKED,
};
use self::transitions::{
    Written, accept, claim, day, let_all_go, let_go, look_again_at_all, note, renew, set_day, settle,
    write_ledger,
};
pub(super) use self::writer::explain;
use self::writer::{ANSWER, BUSY, Writer};
use super::repeat::Kept;
use super::values::{json, millis, timestamp};
use super::{
    Accepted, Claim, Delivery, Figures, Heartbeat, Held, Meaning, OpenError, Pulse, Save, Settlement, State,
    Store, StoreError, TicketQuery, TicketRecord, TimelineEntry, Use, remembered_value,
};
use crate::clock::{Timestamp, after, until};
use crate::docspace::limits::Taken;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, TicketKey};

#[cfg(test)]
pub(super) use self::queries::{list_sql, ticket_sql as find_sql};

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    place: Arc<Place>,
    // Held for as long as the store is; the operating system lets go of it when the process ends.
    _lock: Option<File>,
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
        // By whatever name it is called: its log and its lock are beside the file itself.
        let path = &canonical(path).map_err(|error| unusable(error.to_string()))?;
        let lock = match purpose {
            Use::Serve => Some(lock(path)?),
            Use::Operate => None,
        };
        if purpose == Use::Serve {
            create_private(path).map_err(|error| unusable(error.to_string()))?;
        }
        if purpose == Use::Serve && is_backup_beside_another_log(path) {
            let wal = beside(path, "-wal");
            return Err(unusable(format!(
                "it is a backup, and {} is that of the store that was here before: move that away, and the -shm, \
                 and keep them with the file that they belong to",
                wal.display()
            )));
        }
        let mut connection = Connection::open(path).map_err(|error| unusable(error.to_string()))?;
        match purpose {
            // An older `serve` may be working on it.
            Use::Operate => {
                schema::configure(&connection).map_err(|error| unusable(error.to_string()))?;
                schema::demand_current(&connection).map_err(|error| match error {
                    schema::MigrationError::Older => OpenError::Older(path.display().to_string()),
                    error => unusable(error.to_string()),
                })?;
                if half_copied(&connection).map_err(|error| unusable(error.to_string()))? {
                    return Err(OpenError::HalfCopied(path.display().to_string()));
                }
            }
            Use::Serve => begin_to_serve(&mut connection, path, now)?,
        }
        connection.busy_timeout(BUSY).map_err(|error| unusable(error.to_string()))?;
        let place = Arc::new(Place::of(path));
        let writer = Writer::start(connection, Arc::clone(&place));
        let writer = writer.map_err(|error| unusable(error.to_string()))?;
        Ok(Self { writer, reader: Reader::new(path.to_owned(), Arc::clone(&place)), place, _lock: lock })
    }
}

/// A write-ahead log belongs to the file that it was written for; SQLite would damage another one by it. A backup gets
/// none before it is taken over, and says of itself that it is one until then: in the file itself, without any log.
fn is_backup_beside_another_log(path: &Path) -> bool {
    if !std::fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0) {
        return false;
    }
    let mut address = url::Url::parse("file:///").ok();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Some(address) = &mut address {
        address.set_path(&absolute.to_string_lossy());
        // The file alone, as if there were no log.
        address.set_query(Some("immutable=1"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let file = address.and_then(|address| Connection::open_with_flags(address.as_str(), flags).ok());
    let sql = "SELECT backup_at IS NOT NULL FROM identity";
    // What can't be read that way is no backup of ours, or is looked at more closely when it is opened.
    file.and_then(|file| file.query_row(sql, [], |row| row.get(0)).ok()).unwrap_or(false)
}

fn half_copied(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT copying IS NOT NULL FROM identity", [], |row| row.get(0))
}

/// Brings the file up to date and takes it over. A backup first gets as far as that without a log, see
/// [`is_backup_beside_another_log`].
fn begin_to_serve(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), OpenError> {
    let unusable = |why: String| OpenError::Unusable { path: path.to_owned(), why };
    let failed = |error: rusqlite::Error| unusable(in_the_way(&error));
    let is_backup = is_backup(connection).map_err(failed)?;
    if is_backup {
        schema::configure_without_log(connection).map_err(failed)?;
    } else {
        schema::configure_with_log(connection).map_err(failed)?;
    }
    schema::migrate(connection).map_err(|error| match error {
        schema::MigrationError::Sqlite(error) => failed(error),
        error => unusable(error.to_string()),
    })?;
    if half_copied(connection).map_err(failed)? {
        return Err(OpenError::HalfCopied(path.display().to_string()));
    }
    take_over(connection, now).map_err(failed)?;
    if is_backup {
        schema::configure_with_log(connection).map_err(failed)?;
    } else {
        // The log of a process that has died begins anew. Somebody who reads may keep it from that, which does no harm.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
    }
    Ok(())
}

/// What keeps the start from going on, and what to do.
fn in_the_way(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => format!(
            "somebody else is reading or writing it, a “store backup” perhaps or an sqlite3 shell: end that, and \
             start again ({error})"
        ),
        _ => error.to_string(),
    }
}

/// Whether the file was made as a backup, and nobody has served from it since.
fn is_backup(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM pragma_table_info('identity') WHERE name = 'backup_at'";
    // There are no tables yet, or those of an earlier version, whose backups didn't say so.
    let can_be = connection.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0;
    Ok(can_be && connection.query_row("SELECT backup_at IS NOT NULL FROM identity", [], |row| row.get(0))?)
}

/// What was claimed was claimed by a process that is gone. A file that was made as a backup is a restored one as soon as
/// it is served from: the world has gone on since.
fn take_over(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let_all_go(&transaction, now)?;
    let sql = "UPDATE identity SET backup_at = NULL WHERE backup_at IS NOT NULL";
    if transaction.execute(sql, [])? == 1 {
        let tickets = look_again_at_all(&transaction, now)?;
        tracing::warn!(tickets, "the store is a backup that was restored: every ticket is looked at again");
    }
    transaction.commit()
}

/// It holds names, addresses and whatever people write into tickets: for this user's eyes only. SQLite gives its
/// other files the same rights.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    File::options().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// Locks it for this process, by whatever name it is called.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let unusable =
        |error: std::io::Error| OpenError::Unusable { path: path.to_owned(), why: error.to_string() };
    let beside = beside(&canonical(path).map_err(unusable)?, ".lock");
    let file = File::options().create(true).append(true).mode(0o600).open(beside).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// An answer, if there is one in time.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable(format!("no answer within {} seconds", limit.as_secs()));
    tokio::time::timeout(limit, answer).await.map_err(late)?
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
        let kept = Kept::of(&delivery);
        // It may be committed after that: then its repeat is known, or its ticket is looked at once too often.
        within(
            ANSWER,
            self.writer.run("accept", move |connection| {
                accept(connection, &delivery, &kept, snapshot.as_ref()).map(Ok)
            }),
        )
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
            .run("claim", move |connection| claim(connection, now, lease_until, most, &running, None).map(Ok))
            .await
    }

    async fn claim_of(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (lease_until, running, helpdesks) = (after(now, lease), json(&running)?, json(&helpdesks)?);
        self.writer
            .run("claim", move |connection| {
                claim(connection, now, lease_until, most, &running, Some(&helpdesks)).map(Ok)
            })
            .await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        let label = save.label.clone();
        self.writer
            .run(label, move |connection| Ok(write_ledger(connection, &save)?.map(|_: Written| ())))
            .await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let label = settlement.save.label.clone();
        self.writer
            .run(label, move |connection| match write_ledger(connection, &settlement.save)? {
                Ok(Written::Now) => settle(connection, &settlement).map(Ok),
                Ok(Written::Before) => Ok(Ok(())),
                Err(error) => Ok(Err(error)),
            })
            .await
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError> {
        self.place.check()?;
        // Nobody else works on this file, and no clock but ours counts.
        if beat.held.is_empty() {
            return Ok(Pulse { held: Vec::new(), workers: 1, now: None, quiet: Duration::ZERO });
        }
        let until = after(beat.now, beat.lease);
        let renew = move |connection: &Connection| renew(connection, &beat.held, until).map(Ok);
        let held = self.writer.run("heartbeat", renew).await?;
        Ok(Pulse { held, workers: 1, now: None, quiet: Duration::ZERO })
    }

    async fn leave(&self, _replica: Uuid, held: &[Held], now: Timestamp) -> Result<(), StoreError> {
        let held = held.to_vec();
        self.writer.run("leave", move |connection| let_go(connection, &held, now).map(Ok)).await
    }

    async fn reserve(
        &self,
        name: &str,
        replica: Uuid,
        lease: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (name, replica, until) = (name.to_owned(), replica.to_string(), after(now, lease));
        self.writer
            .run("reserve", move |connection| {
                let values = params![name, replica, millis(until), millis(now)];
                Ok(Ok(connection.prepare_cached(RESERVE)?.execute(values)? == 1))
            })
            .await
    }

    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer
            .run("retry", move |connection| {
                let number: Option<i64> = connection
                    .prepare_cached(RETRY)?
                    .query_row(params![key.helpdesk.as_str(), key.id.as_str(), millis(now)], |row| row.get(0))
                    .optional()?;
                if let Some(number) = number {
                    note(connection, number, now, "retry", "somebody asked to try again")?;
                }
                Ok(Ok(number.is_some()))
            })
            .await
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let name = name.to_owned();
        self.reader
            .ask(move |connection| {
                let mut statement = connection.prepare_cached(REMEMBERED)?;
                let value: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
                Ok(value.as_deref().map(remembered_value).transpose())
            })
            .await
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_string());
        self.writer
            .run("remember", move |connection| {
                connection.prepare_cached(REMEMBER)?.execute([&name, &value])?;
                Ok(Ok(()))
            })
            .await
    }

    async fn retry_blocked(&self, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        let why = why.to_owned();
        self.writer
            .run("retry", move |connection| {
                connection.prepare_cached(NOTE_RETRY)?.execute(params![millis(now), why])?;
                let changed = connection.prepare_cached(RETRY_BLOCKED)?.execute([millis(now)])?;
                Ok(Ok(changed as u64))
            })
            .await
    }

    async fn look_again_at_all(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.run("look_again", move |connection| look_again_at_all(connection, now).map(Ok)).await
    }

    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                for by_name in [false, true] {
                    let mut statement = connection.prepare_cached(&ticket_sql(by_name))?;
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

    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        self.reader
            .ask(move |connection| {
                let due: Option<i64> =
                    connection.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
                Ok(Ok(due.map(|due| until(now, timestamp(due)))))
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
                let mut statement = connection.prepare_cached(COUNTS)?;
                let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
                    super::count(&mut counts, &name, count);
                }
                Ok(Ok(counts))
            })
            .await
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        self.reader
            .ask(move |connection| {
                let oldest: Option<i64> =
                    connection.prepare_cached(OLDEST_WAITING)?.query_row([], |row| row.get(0))?;
                let writes_left = day(connection)?.left(now, per_day);
                Ok(Ok(Figures { oldest_waiting: oldest.map(timestamp), writes_left }))
            })
            .await
    }

    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.writer
            .run("take_writes", move |connection| {
                let (taken, day) = day(connection)?.take(now, wanted, per_day);
                day.map_or(Ok(()), |day| set_day(connection, day))?;
                Ok(Ok(taken))
            })
            .await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("no_writes_until", move |connection| {
                let day = day(connection)?.none_until(now, until);
                day.map_or(Ok(()), |day| set_day(connection, day)).map(Ok)
            })
            .await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let probe = self.writer.run("probe", move |connection| {
            connection.prepare_cached(PROBE)?.execute([millis(now)])?;
            Ok(Ok(()))
        });
        within(ANSWER, probe).await
    }
}
