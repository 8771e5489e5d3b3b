//! The store in one SQLite file: WAL, full sync, one writing thread with group commit.
//!
//! One `serve` works on a file at a time; a lock beside it says so and goes with the process,
//! however that ends. Tickets that are claimed when `serve` starts were claimed by a process that
//! is gone, so they are due at once. Other commands (`tickets list`, `tickets retry`) open the file
//! beside a running `serve`.
//!
//! A restored backup says of itself that it is one, and is taken over *before* it has a write-ahead
//! log: that it is none any more stands in the file itself before anything is acknowledged. So a
//! log beside a file that is still a backup is never its own, and has nothing of it.

mod budget;
mod listings;
mod place;
mod queries;
mod queue;
mod reader;
pub(super) mod requeue;
mod reservations;
mod room_events;
mod rows;
mod run;
pub(super) mod schema;
pub(super) mod statements;
pub(super) mod transitions;
mod writer;

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use self::place::{Place, beside, canonical};
use self::reader::Reader;
use self::requeue::requeue_all;
use self::transitions::let_all_go;
pub(super) use self::writer::explain;
use self::writer::{BUSY, Writer};
use super::{OpenError, Use, Why};
use crate::clock::{Clock, Timestamp};

#[cfg(test)]
pub(super) use self::rows::list_sql;

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    /// By which leases end and tickets are due.
    clock: Arc<dyn Clock>,
    place: Arc<Place>,
    // Held for as long as the store is; the operating system lets go of it when the process ends.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file, making it if it is to be served from.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn open(path: &Path, purpose: Use, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
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
            Use::Serve => begin_to_serve(&mut connection, path, clock.now())?,
        }
        connection.busy_timeout(BUSY).map_err(|error| unusable(error.to_string()))?;
        let place = Arc::new(Place::of(path));
        let writer = Writer::start(connection, Arc::clone(&place));
        let writer = writer.map_err(|error| unusable(error.to_string()))?;
        let reader = Reader::new(path.to_owned(), Arc::clone(&place));
        Ok(Self { writer, reader, clock, place, _lock: lock })
    }
}

/// A write-ahead log belongs to the file that it was written for; SQLite would damage another one
/// by it. A backup gets none before it is taken over, and says of itself that it is one until then:
/// in the file itself, without any log.
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
    // What can't be read that way is no backup of ours, or is looked at more closely when it is
    // opened.
    file.and_then(|file| file.query_row(sql, [], |row| row.get(0)).ok()).unwrap_or(false)
}

fn half_copied(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT copying IS NOT NULL FROM identity", [], |row| row.get(0))
}

/// Brings the file up to date and takes it over. A backup first gets as far as that without a log,
/// see [`is_backup_beside_another_log`].
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
        // The log of a process that has died begins anew. Somebody who reads may keep it from that,
        // which does no harm.
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
    // There are no tables yet.
    let can_be = connection.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0;
    Ok(can_be && connection.query_row("SELECT backup_at IS NOT NULL FROM identity", [], |row| row.get(0))?)
}

/// What was claimed was claimed by a process that is gone. A file that was made as a backup is a
/// restored one as soon as it is served from: the world has gone on since.
fn take_over(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let_all_go(&transaction, now)?;
    let sql = "UPDATE identity SET backup_at = NULL WHERE backup_at IS NOT NULL";
    if transaction.execute(sql, [])? == 1 {
        let tickets = requeue_all(&transaction, &Why::Restored, now)?;
        tracing::warn!(tickets, "the store is a backup that was restored: every ticket is looked at again");
    }
    transaction.commit()
}

/// It holds names, addresses and whatever people write into tickets: for this user's eyes only.
/// SQLite gives its other files the same rights.
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
