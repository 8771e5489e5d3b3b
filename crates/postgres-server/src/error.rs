//! What can be in the way of a server, and what to do about it.

use std::io;

/// Why something came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing.
    #[error(
        "“{program}” is not installed (looked for it in {looked_in}); `cargo xtask test` installs what tests need, \
         or do it yourself: apt-get install postgresql pgbouncer openssl util-linux"
    )]
    Missing {
        /// Which one.
        program: &'static str,
        /// Where it was looked for.
        looked_in: String,
    },

    /// Nobody is there whom it could run as.
    #[error(
        "PostgreSQL doesn't run as root, and /etc/passwd has no user “postgres” to run it as; Debian's package \
         postgresql-common makes one, or: useradd --system postgres"
    )]
    NoAccount,

    /// A command ended with a failure.
    #[error("{command} failed: {output}")]
    Failed {
        /// The program.
        command: String,
        /// What it wrote, or the end of the server's log.
        output: String,
    },

    /// Something took longer than it ever should.
    #[error("{what}: not within a minute; the server's log ends with: {log}")]
    TooSlow {
        /// What was waited for.
        what: &'static str,
        /// The end of the log.
        log: String,
    },

    /// The server is stopped, or was killed.
    #[error("the PostgreSQL server doesn't run")]
    NotRunning,

    /// Files, pipes and processes.
    #[error("can't {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// How it failed.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
