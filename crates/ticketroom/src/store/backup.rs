//! A copy of an SQLite store, made while it is served from.
//!
//! `VACUUM INTO` reads one state of the store beside the writer and writes it out compactly. The
//! copy gets its name only once it is whole, checked and on disk. It knows that it is a backup:
//! whoever serves from it looks at every ticket again, since the world has gone on without it.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::sqlite::{create_private, schema};
use super::values::millis;
use crate::clock::Timestamp;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no store at {0}")]
    Missing(PathBuf),
    /// Something is there already.
    #[error("{0} exists; a backup overwrites nothing: choose another name, or move it away")]
    Exists(PathBuf),
    /// The copy can't be written.
    #[error("{path} can't be written: {source}")]
    Unwritable {
        /// The copy.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The store is of another version.
    #[error("{0}")]
    Version(String),
    /// The copy is not what it should be.
    #[error("the copy is damaged, and so may be the store: {0}; look at the disk, then try again")]
    Damaged(String),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many tickets.
    pub tickets: u64,
    /// How many bytes the copy has.
    pub bytes: u64,
}

/// Copies the store at `from` to the new file `to`.
///
/// # Errors
/// What is in the way. No file of that name is left then.
pub fn backup(from: &Path, to: &Path, now: Timestamp) -> Result<Copied, BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let result = write(from, &partial, now).and_then(|tickets| {
        let unwritable = |source| BackupError::Unwritable { path: to.to_owned(), source };
        let bytes = publish(&partial, to).map_err(unwritable)?;
        Ok(Copied { tickets, bytes })
    });
    if result.is_err() {
        // It may not even be there; what is wrong has been said.
        let _ = std::fs::remove_file(&partial);
    }
    result
}

fn write(from: &Path, partial: &Path, now: Timestamp) -> Result<u64, BackupError> {
    let unwritable = |source| BackupError::Unwritable { path: partial.to_owned(), source };
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    create_private(partial).map_err(unwritable)?;
    let store = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    store.busy_timeout(std::time::Duration::from_secs(30))?;
    schema::demand_current(&store).map_err(|error| BackupError::Version(error.to_string()))?;
    store.execute("VACUUM INTO ?1", [partial.to_string_lossy()])?;
    drop(store);
    let copy = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute("UPDATE identity SET backup_at = ?1", [millis(now)])?;
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    let tickets: i64 = copy.query_row("SELECT count(*) FROM ticket", [], |row| row.get(0))?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(u64::try_from(tickets).unwrap_or(0))
}

/// On disk under its own name, or not there at all. Somebody else's file of that name stays.
fn publish(partial: &Path, to: &Path) -> std::io::Result<u64> {
    let file = File::open(partial)?;
    file.sync_all()?;
    std::fs::hard_link(partial, to)?;
    std::fs::remove_file(partial)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(file.metadata()?.len())
}
