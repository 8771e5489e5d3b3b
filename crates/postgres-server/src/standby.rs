//! Another server that has all of a server's data, by streaming replication, and takes over from
//! it.
//!
//! A standby begins as a copy of the primary's files (`pg_basebackup`) and from then on is sent the
//! primary's write-ahead log. It can be read from. The primary keeps the log for it in a
//! replication slot, so that a standby that was stopped goes on where it was. With
//! [`Replication::Synchronous`], the primary answers a commit only once the standby has it, and
//! waits for that without end while the standby is away.
//!
//! [`Server::promote`] makes it a server to be written to, whatever it knows by then. Nothing here
//! keeps the old primary away from its clients: whoever promotes has killed or held it before, and
//! doesn't start it again.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::{Mutex, atomic::AtomicU32};

use crate::account::Account;
use crate::database::{self, Database, USER};
use crate::folder::Folder;
use crate::running::until;
use crate::server::{Server, start_anywhere};
use crate::{Error, Result};

/// The database that each server has from its beginning.
const MAINTENANCE: &str = "postgres";

/// What a commit on the primary waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// For the standby's disk as well: what was confirmed is on both.
    Synchronous,
    /// For itself only: the standby may lack the latest commits.
    Asynchronous,
}

impl Server {
    /// Makes a standby of this server, without TLS, and waits until it follows.
    ///
    /// # Errors
    /// When this one doesn't run, or the standby doesn't start or follow.
    pub fn start_standby(&self, replication: Replication) -> Result<Self> {
        let name = self.ask("SELECT 'standby_' || count(*) + 1 FROM pg_replication_slots")?;
        let folder = Folder::new(Account::for_postgres()?)?;
        let primary =
            format!("postgres://{USER}@127.0.0.1:{}/?application_name={name}&sslmode=disable", self.port);
        let mut copy = Command::new(self.programs.path("pg_basebackup"));
        copy.arg("-D").arg(folder.data()).args(["-d", &primary, "-R", "-C", "-S", &name]);
        folder.run(copy.args(["-X", "stream", "-c", "fast", "--no-sync"]))?;
        // The primary's settings came along, and the last word counts.
        append(&folder, "postgresql.conf", &settings_of(&folder))?;
        // It has no standby of its own to wait for.
        append(&folder, "postgresql.auto.conf", "synchronous_standby_names = ''\n")?;
        let (port, running) = start_anywhere(&self.programs, &folder)?;
        let (running, programs) = (Mutex::new(Some(running)), self.programs.clone());
        let standby = Self { running, folder, programs, port, tls: false, databases: AtomicU32::default() };
        let state =
            format!("SELECT state, sync_state FROM pg_stat_replication WHERE application_name = '{name}'");
        self.until("the standby follows", || {
            self.ask(&state).is_ok_and(|state| state.starts_with("streaming|"))
        })?;
        if replication == Replication::Synchronous {
            self.ask(&format!(
                "ALTER SYSTEM SET synchronous_standby_names = '{name}'; SELECT pg_reload_conf()"
            ))?;
            self.until("commits wait for the standby", || {
                self.ask(&state).is_ok_and(|state| state == "streaming|sync")
            })?;
            // It is the checkpointer that tells all others. A second order is one that it took
            // after the new setting.
            self.ask("CHECKPOINT; CHECKPOINT")?;
        }
        Ok(standby)
    }

    /// Waits until this standby has everything that was committed on its primary when this was
    /// called.
    ///
    /// # Errors
    /// When one of them doesn't run, or it takes too long.
    pub fn catch_up(&self, primary: &Self) -> Result {
        let there = primary.ask("SELECT pg_current_wal_flush_lsn()")?;
        let question = format!("SELECT pg_last_wal_replay_lsn() >= '{there}'");
        self.until("the standby has caught up", || self.ask(&question).is_ok_and(|answer| answer == "t"))
    }

    /// Makes this standby a server of its own, and waits until it can be written to. Its primary
    /// must be gone.
    ///
    /// # Errors
    /// When it isn't a standby, or doesn't run, or it takes too long.
    pub fn promote(&self) -> Result {
        if self.ask("SELECT pg_promote(true, 60)")? == "t" {
            return Ok(());
        }
        Err(Error::TooSlow { what: "the standby is promoted", log: self.folder.end_of_log() })
    }

    /// Runs SQL as [`Database::run`] does, in what this server has by the name of that database.
    ///
    /// # Errors
    /// When a statement fails, or the server doesn't run.
    pub fn run_in(&self, database: &Database, sql: &str) -> Result<String> {
        database::run(&self.programs, self.port, database.name(), sql)
    }

    fn ask(&self, sql: &str) -> Result<String> {
        database::run(&self.programs, self.port, MAINTENANCE, sql)
    }

    fn until(&self, what: &'static str, condition: impl FnMut() -> bool) -> Result {
        until(what, &self.folder, condition)
    }
}

fn settings_of(folder: &Folder) -> String {
    let socket = folder.path().display();
    // Its primary may be down for a moment, and it should not miss it when it is back. Its log
    // tells who looked whether it can be written to.
    format!(
        "\nunix_socket_directories = '{socket}'\nssl = off\nwal_retrieve_retry_interval = '100ms'\nlog_connections = on\n"
    )
}

fn append(folder: &Folder, file: &str, text: &str) -> Result {
    let settings = File::options().append(true).open(folder.data().join(file));
    settings
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io("write the settings of PostgreSQL"))
}
