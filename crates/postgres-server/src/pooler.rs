//! A connection pooler in front of a server: PgBouncer, as hosted databases have it.
//!
//! In transaction mode it lends a session of the server for each transaction only. What belongs to
//! a session (settings, prepared statements, `LISTEN`) stays behind with it, for whoever gets it
//! next.

use std::fs::File;
use std::process::{Child, ChildStdin, Stdio};

use crate::account::Account;
use crate::database::{self, Database, USER};
use crate::folder::Folder;
use crate::programs::pgbouncer;
use crate::running::until;
use crate::server::{Server, free_port};
use crate::{Error, Result};

/// Runs the pooler (`$2`, with its settings in the folder `$1`) until its standard input ends.
const SUPERVISOR: &str = r#"
exec 3<&0
"$2" "$1/pgbouncer.ini" </dev/null 3<&- &
pooler=$!
(
    read -r _ <&3
    while kill -s TERM "$pooler" 2>/dev/null; do sleep 0.05; done
) &
wait "$pooler"
kill "$!" 2>/dev/null
"#;

/// For how long a client has a session of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lending {
    /// For one transaction.
    Transaction,
    /// For as long as it is connected.
    Session,
}

/// A pooler on a local port, for the superuser `ticketroom` and all databases of a server. It ends
/// when this is dropped or this process ends in whatever way.
#[derive(Debug)]
pub struct Pooler {
    supervisor: Child,
    // Gone when it shall end.
    lifeline: Option<ChildStdin>,
    port: u16,
    // After the process that writes into it.
    folder: Folder,
}

impl Pooler {
    /// Starts one with so many sessions for each database, and waits until it takes connections.
    ///
    /// # Errors
    /// When PgBouncer isn't installed, or can't be run.
    pub fn start(server: &Server, lending: Lending, sessions: u32) -> Result<Self> {
        // It doesn't run as root, either.
        let folder = Folder::new(Account::for_postgres()?)?;
        let port = free_port()?;
        let lending = match lending {
            Lending::Transaction => "transaction",
            Lending::Session => "session",
        };
        let users = folder.path().join("users");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {lending}\n\
             default_pool_size = {sessions}\nmax_client_conn = 200\n",
            server.port(),
            users.display()
        );
        let written = std::fs::write(folder.path().join("pgbouncer.ini"), settings)
            .and_then(|()| std::fs::write(users, format!("\"{USER}\" \"\"\n")));
        written.map_err(Error::io("write the settings of PgBouncer"))?;
        let log = File::options().create(true).append(true).open(folder.log());
        let log = log.map_err(Error::io("write the pooler's log"))?;
        let mut shell = folder.shell(SUPERVISOR);
        shell.arg(pgbouncer()?).stdin(Stdio::piped()).stdout(folder.lifeline()?).stderr(log);
        let mut supervisor = shell.spawn().map_err(Error::io("run /bin/sh"))?;
        let lifeline = supervisor.stdin.take();
        let mut pooler = Self { supervisor, lifeline, port, folder };
        let mut has_ended = false;
        until("PgBouncer takes connections", &pooler.folder, || {
            has_ended = !matches!(pooler.supervisor.try_wait(), Ok(None));
            has_ended || database::run(&server.programs, port, "postgres", "SELECT 1").is_ok()
        })?;
        if has_ended {
            let output = pooler.folder.end_of_log();
            return Err(Error::Failed { command: "pgbouncer".to_owned(), output });
        }
        Ok(pooler)
    }

    /// The address of a database of its server, by way of this.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        database::address("127.0.0.1", self.port, database.name())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.lifeline = None;
        let _ = self.supervisor.wait();
    }
}
