//! `ticketroom store`: a backup of the store, and a move to another kind of store.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Ended, Result, say};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ProcessEnv, StoreUrl};
use crate::store::backup;
use crate::store::copy::{self, Progress};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copies an SQLite store into a new file, beside a running serve.
    Backup(Backup),
    /// Copies a whole store into an empty one: from SQLite to PostgreSQL, or back. Nobody may serve
    /// from either.
    Copy(Copy),
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Copy {
    /// The store that there is: sqlite:ticketroom.db or postgres://user@host/database.
    from: String,
    /// The empty store that it is copied to. A password may be in PGPASSWORD.
    to: String,
}

pub(super) fn backup(config: &Config, options: &Backup) -> Result {
    let StoreUrl::Sqlite(path) = &config.store else {
        return Err(Ended::Failed(
            "the store is a PostgreSQL database: back it up with pg_dump, or as you do with your others; after \
             restoring one, start “ticketroom serve --recover” once"
                .to_owned(),
        ));
    };
    let copied = backup::backup(path, &options.file, SystemClock.now());
    let copied = copied.map_err(|error| Ended::Failed(error.to_string()))?;
    say(format!(
        "{backup} has {} tickets ({} KiB)\nto restore it: stop serve, move {store}, {store}-wal and {store}-shm away, put \
         {backup} in the place of {store}, start serve",
        copied.tickets,
        copied.bytes.div_ceil(1024),
        backup = options.file.display(),
        store = path.display()
    ))
}

pub(super) async fn copy(options: Copy) -> Result {
    let mut urls = Vec::new();
    for (what, text) in [("FROM", &options.from), ("TO", &options.to)] {
        let (url, warnings) = StoreUrl::from_argument(what, text, &ProcessEnv)?;
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        urls.push(url);
    }
    let [from, to] = urls.as_slice() else { return Ok(()) };
    let is_watched = std::io::stderr().is_terminal();
    let mut counts: Vec<Progress> = Vec::new();
    let progress = |progress: Progress| {
        if is_watched {
            eprint!("\r{:<10} {} of {}\u{1b}[K", progress.table, progress.done, progress.all);
        }
        counts.retain(|other| other.table != progress.table);
        counts.push(progress);
    };
    let copied = copy::copy(from, to, SystemClock.now(), progress).await;
    if is_watched {
        eprint!("\r\u{1b}[K");
    }
    copied.map_err(|error| Ended::Failed(error.to_string()))?;
    let counts: Vec<String> = counts.iter().map(|table| format!("{} {}", table.table, table.done)).collect();
    say(format!(
        "copied and compared: {}; set [store] url to the new store and start serve; the old one is as it was",
        counts.join(", ")
    ))
}
