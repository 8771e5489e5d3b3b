//! Moves a store: from SQLite to PostgreSQL when one machine is no longer enough, or back.
//!
//! Both stores are out of use meanwhile: a file is locked, and of a database it is asked at the
//! beginning and at the end whether a replica works on it. Both have to have exactly the tables of
//! this version: of a later one's we would leave out what we don't know. Rows go over in the order
//! of their keys, a batch in each transaction, so a copy that was cut off goes on after the last
//! row that arrived. Until all of it is there and has been compared with what was read, the target
//! says so of itself, and nobody can serve from it.
//!
//! The source stays as it is. In the target, what was claimed is due at once, and if the source is
//! a backup, every ticket is looked at again: the same transaction says that the copy is whole.

mod postgres;
mod sqlite;
mod table;

use sha2::{Digest, Sha256};

use self::table::{Key, Row, TABLES, Table, Value};
use super::day::Day;
use super::{OpenError, StoreError};
use crate::clock::Timestamp;
use crate::config::StoreUrl;

/// Why a store could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of them can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody works on it.
    #[error("{0} is being served from: stop every “ticketroom serve” on it first")]
    InUse(String),
    /// The target has something else in it.
    #[error("{0} holds tickets already: copy into an empty store, or finish the copy that was begun there")]
    NotEmpty(String),
    /// The source is itself unfinished.
    #[error("{0} holds half of another store: finish that copy first")]
    Unfinished(String),
    /// Both are the same.
    #[error("both are the same store")]
    Same,
    /// What arrived is not what was sent.
    #[error(
        "{table} differs after the copy: empty the target and try again; if it happens again, please report it"
    )]
    Differs {
        /// Which table.
        table: &'static str,
    },
    /// One of them failed on the way.
    #[error("{side} failed: {why}; run the same command again, and it continues where it stopped")]
    Failed {
        /// Which store.
        side: String,
        /// Why.
        why: SideError,
    },
}

/// Why one of the stores failed on the way. Says what the database says, never what was being
/// stored.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// The file.
    #[error("{}", super::sqlite::explain(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The database.
    #[error("{}", super::postgres::explain(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// What a row has in it.
    #[error(transparent)]
    Row(#[from] StoreError),
    /// A text that is none.
    #[error(transparent)]
    NotText(#[from] std::str::Utf8Error),
    /// A column of another type than ours.
    #[error("a number with a fraction, which none of ours has")]
    Fraction,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which table.
    pub table: &'static str,
    /// Rows that are over there.
    pub done: u64,
    /// Rows that there are.
    pub all: u64,
}

/// One of the two stores, out of use for as long as this lives.
#[async_trait::async_trait]
trait Side: Send {
    /// What to call it in messages.
    fn name(&self) -> String;
    /// Which store it is.
    async fn identity(&mut self) -> Result<Identity, SideError>;
    /// Whether somebody works on it.
    async fn is_in_use(&mut self) -> Result<bool, SideError>;
    /// Says whose copy is being made here.
    async fn begin(&mut self, source: &str) -> Result<(), SideError>;
    /// How many rows a table has, and where the last one is.
    async fn extent(&mut self, table: &Table) -> Result<(u64, Option<Key>), SideError>;
    /// The rows after one, or from the first one on, in order, at most a batch of them, and not
    /// more bytes than [`table::BYTES`] if that is more than one row.
    async fn read(&mut self, table: &Table, after: Option<&Key>) -> Result<Vec<Row>, SideError>;
    /// Adds rows, all or none.
    async fn write(&mut self, table: &Table, rows: &[Row]) -> Result<(), SideError>;
    /// The day's writes.
    async fn day(&mut self) -> Result<Day, SideError>;
    /// Makes a whole store of it, in one transaction: sets the day's writes, lets go of claims,
    /// marks all tickets if it is a backup's copy, and says that the copy is whole.
    async fn finish(&mut self, day: Day, is_backup: bool, now: Timestamp) -> Result<(), SideError>;
}

/// Which store it is.
struct Identity {
    id: String,
    /// The store that is being copied into it.
    copying: Option<String>,
    /// It was made as a backup, and nobody has served from it since.
    is_backup: bool,
}

/// Copies everything from one store into an empty one, or goes on with a copy that was cut off.
///
/// # Errors
/// What is in the way, and what to do.
pub async fn copy(
    from: &StoreUrl,
    to: &StoreUrl,
    now: Timestamp,
    mut progress: impl FnMut(Progress),
) -> Result<(), CopyError> {
    if from == to {
        return Err(CopyError::Same);
    }
    let (mut source, mut target) = (open(from, false).await?, open(to, true).await?);
    let (ours, theirs) = (source.name(), target.name());
    let at_source = |why| CopyError::Failed { side: ours.clone(), why };
    let at_target = |why| CopyError::Failed { side: theirs.clone(), why };

    if source.is_in_use().await.map_err(at_source)? {
        return Err(CopyError::InUse(ours.clone()));
    }
    if target.is_in_use().await.map_err(at_target)? {
        return Err(CopyError::InUse(theirs.clone()));
    }
    let identity = source.identity().await.map_err(at_source)?;
    if identity.copying.is_some() {
        return Err(CopyError::Unfinished(ours.clone()));
    }
    let there = target.identity().await.map_err(at_target)?;
    if there.id == identity.id {
        return Err(CopyError::Same);
    }
    if there.copying.as_ref() != Some(&identity.id) {
        for table in &TABLES {
            if target.extent(table).await.map_err(at_target)?.0 > 0 {
                return Err(CopyError::NotEmpty(theirs.clone()));
            }
        }
        target.begin(&identity.id).await.map_err(at_target)?;
    }
    for table in &TABLES {
        let (all, _) = source.extent(table).await.map_err(at_source)?;
        let (mut done, mut last) = target.extent(table).await.map_err(at_target)?;
        progress(Progress { table: table.name, done, all });
        loop {
            let rows = source.read(table, last.as_ref()).await.map_err(at_source)?;
            let Some(end) = rows.last().map(|row| row.key(table)) else { break };
            target.write(table, &rows).await.map_err(at_target)?;
            (done, last) = (done + rows.len() as u64, Some(end));
            progress(Progress { table: table.name, done, all });
        }
    }
    for table in &TABLES {
        let sent = digest(source.as_mut(), table).await.map_err(at_source)?;
        let arrived = digest(target.as_mut(), table).await.map_err(at_target)?;
        if sent != arrived {
            return Err(CopyError::Differs { table: table.name });
        }
    }
    let day = source.day().await.map_err(at_source)?;
    // Somebody may have begun to serve from one of them, or its supervisor.
    let mut is_changed = source.is_in_use().await.map_err(at_source)?;
    if target.is_in_use().await.map_err(at_target)? {
        return Err(CopyError::InUse(theirs.clone()));
    }
    for table in &TABLES {
        let extents =
            (source.extent(table).await.map_err(at_source)?, target.extent(table).await.map_err(at_target)?);
        is_changed |= extents.0 != extents.1;
    }
    if is_changed {
        return Err(CopyError::InUse(ours.clone()));
    }
    target.finish(day, identity.is_backup, now).await.map_err(at_target)
}

async fn open(url: &StoreUrl, may_be_new: bool) -> Result<Box<dyn Side>, CopyError> {
    Ok(match url {
        StoreUrl::Sqlite(path) => Box::new(sqlite::File::open(path, may_be_new)?),
        StoreUrl::Postgres(config) => Box::new(postgres::Database::open(config, may_be_new).await?),
    })
}

/// A fingerprint of all rows of a table, the same whatever database they are in.
async fn digest(side: &mut dyn Side, table: &Table) -> Result<[u8; 32], SideError> {
    let (mut hash, mut last) = (Sha256::new(), None);
    loop {
        let rows = side.read(table, last.as_ref()).await?;
        let Some(end) = rows.last().map(|row| row.key(table)) else { return Ok(hash.finalize().into()) };
        for value in rows.iter().flat_map(|row| &row.0) {
            value.feed(&mut hash);
        }
        last = Some(end);
    }
}

/// Each table that is copied, with its columns.
#[cfg(test)]
pub(super) fn columns() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLES.iter().map(|table| (table.name, table.columns.iter().map(|(name, _)| *name).collect()))
}

impl Value {
    fn feed(&self, hash: &mut Sha256) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Number(number) => (1, &number.to_be_bytes()),
            Self::Text(text) => (2, text.as_bytes()),
            Self::Bytes(bytes) => (3, bytes),
        };
        hash.update([kind]);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
}
