//! Opening the store that the configuration names.

use std::path::PathBuf;
use std::sync::Arc;

use super::Store;
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use crate::clock::Clock;
use crate::config::StoreUrl;

/// What an open store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To work on tickets. With SQLite, one process at a time.
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
    /// The database has no tables, and the command only looks.
    #[error("the store at {0} has no tables yet: has “ticketroom serve” run with this configuration?")]
    NoTables(String),
    /// Its tables are from an earlier version, and the command only looks.
    #[error("the store at {0} is from an earlier version: start this version's “ticketroom serve” once")]
    Older(String),
    /// Another store was being copied into it.
    #[error(
        "the store at {0} holds half of another one: run “ticketroom store copy” again with the same two stores; it \
         goes on where it stopped"
    )]
    HalfCopied(String),
    /// The database can't be used.
    #[error("the store at {database} can't be opened: {why}")]
    Database {
        /// Which database: host and name, never the password.
        database: String,
        /// Why not, and what to do.
        why: String,
    },
}

/// Opens the store, and brings its tables up to date if it is to be served from. A file goes by
/// `clock`, a database by that of its server.
///
/// # Errors
/// What is in the way, and what to do.
pub async fn open(url: &StoreUrl, purpose: Use, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match url {
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open(path, purpose, Arc::clone(clock))?),
        StoreUrl::Postgres(config) => Arc::new(PostgresStore::open(config, purpose).await?),
    })
}
