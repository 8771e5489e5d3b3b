//! A database of a test's own.

use std::io::{Seek, SeekFrom, Write};

use crate::folder::succeed;
use crate::programs::Programs;
use crate::{Error, Result, Server};

/// The superuser of all servers.
pub(crate) const USER: &str = "ticketroom";

/// One database, empty at first. It is removed when this is dropped, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    programs: Programs,
    port: u16,
    name: String,
    url: String,
}

impl Database {
    pub(crate) fn create(programs: Programs, port: u16, number: u32) -> Result<Self> {
        let name = format!("test_{number}");
        // From the template that nobody connects to, since a connection would be in the way.
        run(&programs, port, "postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        let url = address("127.0.0.1", port, &name);
        Ok(Self { programs, port, name, url })
    }

    /// Its name, which is its own on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address: `postgres://ticketroom@127.0.0.1:PORT/NAME`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address by another name of this machine, such as the `localhost` of a server's
    /// certificate.
    #[must_use]
    pub fn url_at(&self, host: &str) -> String {
        address(host, self.port, &self.name)
    }

    /// The address of whichever can be written to of its server and a standby of that.
    #[must_use]
    pub fn url_or_at(&self, standby: &Server) -> String {
        let (one, other, name) = (self.port, standby.port(), &self.name);
        format!("postgres://{USER}@127.0.0.1:{one},127.0.0.1:{other}/{name}?target_session_attrs=read-write")
    }

    /// Runs SQL as psql does, statement by statement up to the first error. Returns what it shows:
    /// a line for each row, with `|` between the columns.
    ///
    /// # Errors
    /// When a statement fails, or the server doesn't run.
    pub fn run(&self, sql: &str) -> Result<String> {
        run(&self.programs, self.port, &self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // If the server is down, its files may go all at once. If its standby is, it would wait for
        // that.
        let sql =
            format!("SET synchronous_commit = local; DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = run(&self.programs, self.port, "postgres", &sql);
    }
}

pub(crate) fn address(host: &str, port: u16, database: &str) -> String {
    format!("postgres://{USER}@{host}:{port}/{database}")
}

pub(crate) fn run(programs: &Programs, port: u16, database: &str, sql: &str) -> Result<String> {
    // From a file, so that neither the length of an argument nor a full pipe is in the way.
    let mut script = tempfile::tempfile().map_err(Error::io("make a temporary file"))?;
    let written = script.write_all(sql.as_bytes()).and_then(|()| script.seek(SeekFrom::Start(0)));
    written.map_err(Error::io("write a temporary file"))?;
    let mut psql = programs.client("psql");
    // No settings of the user's, no headings, no question for a password.
    psql.args(["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d"]);
    succeed(psql.arg(address("127.0.0.1", port, database)).stdin(script))
}
