//! The two stores side by side: a file, and a database of a PostgreSQL server that is made for the
//! occasion.
//!
//! Both wait for the same disk. The server has its own default settings, with `fsync`, as an
//! operator would find it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use postgres_server::{Database, Durability, Server};
use ticketroom::clock::SystemClock;
use ticketroom::store::{self, Store, Use};

use crate::Result;
use crate::fixture::Fixture;

/// Starts a server whose files are on the same disk as this folder.
pub(crate) fn start_postgres(beside: &Path) -> Result<Server> {
    let server = Server::start(Durability::Real)?;
    if std::fs::metadata(server.folder())?.dev() != std::fs::metadata(beside)?.dev() {
        let (there, here) = (server.folder().display(), beside.display());
        return Err(format!(
            "{there} is on another disk than {here}: set TMPDIR to a folder on that one, which the user of \
             PostgreSQL can reach"
        )
        .into());
    }
    Ok(server)
}

/// Opens the store with this address, as `serve` does.
pub(crate) async fn open(fixture: &Fixture, url: &str) -> Result<Arc<dyn Store>> {
    let config = fixture.config(url)?;
    Ok(store::open(&config.store, Use::Serve, &(Arc::new(SystemClock) as _)).await?)
}

/// The one number that a query returns.
pub(crate) fn number(database: &Database, query: &str) -> Result<u64> {
    Ok(database.run(query)?.trim().parse()?)
}
