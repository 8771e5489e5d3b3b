//! A PostgreSQL server for tests: made from nothing in a temporary folder, stopped and killed on
//! order, and gone with the process that started it, however that ends.
//!
//! It is the machine's own PostgreSQL, whose programs are looked for in Debian's place and in
//! `PATH`. Most tests want a [`Database`] of the one [`shared`] server; one that stops or kills a
//! server starts its own ([`Server`]), and one that has another server take over makes a standby of
//! that (`standby`). A pooler can be put in front (`pooler`).
//!
//! Who watches what: all files are in one folder, which a little shell removes once nobody holds
//! its standard input any more (`folder`). Each start of PostgreSQL has another one, which shuts it
//! down when its own standard input closes (`running`). A process that dies closes its pipes, so
//! neither depends on anybody tidying up.
//!
//! Everything here waits until it is done, for milliseconds up to a second or two; asynchronous
//! tests call it all the same. Linux only: the processes to kill are found in `/proc`.

mod account;
mod certificates;
mod database;
mod error;
mod folder;
mod pooler;
mod programs;
mod running;
mod server;
mod standby;

pub use database::Database;
pub use error::Error;
pub use pooler::{Lending, Pooler};
pub use server::{Durability, Room, Server};
pub use standby::Replication;

use std::path::PathBuf;
use std::sync::OnceLock;

/// What functions here return.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// The one server of this process, with [`Durability::ForTests`]. It is started at the first call.
///
/// # Panics
/// When it can't be started: no test that asks for it could go on.
#[allow(clippy::panic, reason = "a panic is the test's failure report")]
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Durability::ForTests).unwrap_or_else(|error| panic!("{error}")))
}

/// The one pooler of this process, before the [`shared`] server: it lends a few sessions of each
/// database for a transaction at a time. It is started at the first call.
///
/// # Panics
/// When it can't be started.
#[allow(clippy::panic, reason = "a panic is the test's failure report")]
pub fn shared_pooler() -> &'static Pooler {
    static POOLER: OnceLock<Pooler> = OnceLock::new();
    POOLER.get_or_init(|| {
        Pooler::start(shared(), Lending::Transaction, 3).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The folder of PostgreSQL's programs, if everything is installed that servers here need.
///
/// # Errors
/// The first thing that is missing.
pub fn installed() -> Result<PathBuf> {
    programs::openssl()?;
    programs::prlimit()?;
    programs::pgbouncer()?;
    Ok(programs::Programs::find()?.into_folder())
}
