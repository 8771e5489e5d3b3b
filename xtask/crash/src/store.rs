//! The store of the replicas: an SQLite file of the one replica, or a database server that they
//! share.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use postgres_server::{Database, Durability, Room, Server};
use testbed::{Process, SETTLE, Systems};
use url::Url;

use crate::proxy::Proxy;
use crate::{Result, StoreKind};

/// Shorter than the default, so that claims often pass to other replicas.
const LEASE: Duration = Duration::from_secs(3);
/// The secret of DocSpace's webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "Secret-of-DocSpace-1";

/// How long a pause or cut lasts: with leases, 1.2 to 2 of them, so that claims pass to other
/// replicas; otherwise 1.2 to 3 times the settle time, so that earlier observations are outdated
/// afterwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Absence {
    unit: Duration,
    most: f64,
}

impl Absence {
    const LEAST: f64 = 1.2;

    /// One of them.
    pub(crate) fn random(self, rng: &mut Rng) -> Duration {
        self.unit.mul_f64(Self::LEAST + (self.most - Self::LEAST) * rng.f64())
    }
}

/// The store of a campaign.
pub(crate) enum Store {
    /// An SQLite file in the folder of the one replica.
    File,
    /// A database on a server of the campaign's own.
    Server {
        // Before the server: dropping it removes the database.
        database: Database,
        server: Arc<Server>,
    },
}

impl Store {
    /// Starts a store of that kind.
    ///
    /// # Errors
    /// When a server doesn't start.
    pub(crate) fn start(kind: StoreKind) -> Result<Self> {
        match kind {
            StoreKind::Sqlite => Ok(Self::File),
            StoreKind::Postgres => {
                // Without it, a killed server may lose confirmed commits.
                let server = Arc::new(Server::start(Durability::Real)?);
                Ok(Self::Server { database: server.create_database()?, server })
            }
        }
    }

    /// The lease of claims, if they have one.
    pub(crate) fn lease(&self) -> Option<Duration> {
        matches!(self, Self::Server { .. }).then_some(LEASE)
    }

    /// How long pauses and cuts last.
    pub(crate) fn absence(&self) -> Absence {
        match self.lease() {
            Some(lease) => Absence { unit: lease, most: 2.0 },
            None => Absence { unit: SETTLE, most: 3.0 },
        }
    }

    /// A replica on it that isn't running yet, and its proxy.
    ///
    /// # Errors
    /// When files can't be written, or there is no port for a proxy.
    pub(crate) async fn replica(&self, binary: &Path, systems: &Systems) -> Result<(Process, Option<Proxy>)> {
        match self {
            Self::File => Ok((prepare(binary, systems, None)?, None)),
            Self::Server { database, server } => {
                let proxy =
                    Proxy::start(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()))]).await?;
                let mut url: Url = database.url().parse()?;
                url.set_port(Some(proxy.port())).map_err(|()| "the database's address has no port")?;
                let process = prepare(binary, systems, Some(url.as_str()))?;
                set_lease(&process)?;
                Ok((process, Some(proxy)))
            }
        }
    }

    /// A process on another store of the same kind.
    ///
    /// # Errors
    /// When files can't be written.
    pub(crate) fn another(&self, binary: &Path, systems: &Systems) -> Result<(Process, Option<Database>)> {
        match self {
            Self::File => Ok((prepare(binary, systems, None)?, None)),
            Self::Server { server, .. } => {
                let database = server.create_database()?;
                Ok((prepare(binary, systems, Some(database.url()))?, Some(database)))
            }
        }
    }

    /// Ends the server, by SIGKILL or as an administrator does, and starts it again after a while.
    ///
    /// # Errors
    /// When it doesn't start again.
    pub(crate) async fn restart(&self, kills: bool, away: Duration) -> Result {
        let Self::Server { server, .. } = self else { return Ok(()) };
        let restarted = Arc::clone(server);
        tokio::task::spawn_blocking(move || {
            if kills {
                restarted.kill()?;
            } else {
                restarted.stop()?;
            }
            std::thread::sleep(away);
            restarted.start_again()
        })
        .await??;
        Ok(())
    }

    /// Leaves the server only so much room on its disk for a while. Afterwards it is restarted if
    /// it has ended.
    ///
    /// # Errors
    /// When that can't be done, or undone.
    pub(crate) async fn fill_disk(&self, left: Room, time: Duration) -> Result {
        let Self::Server { server, .. } = self else { return Ok(()) };
        let filled = Arc::clone(server);
        tokio::task::spawn_blocking(move || {
            filled.fill_disk(left)?;
            std::thread::sleep(time);
            filled.free_disk()?;
            filled.start_again()
        })
        .await??;
        Ok(())
    }
}

/// A process that takes DocSpace's webhooks, and whose rooms follow their tickets without long
/// waits.
fn prepare(binary: &Path, systems: &Systems, store: Option<&str>) -> Result<Process> {
    let process = Process::prepare(binary, systems, store)?;
    edit(&process, "[docspace]\n", &format!("[docspace]\nwebhook_secret = {WEBHOOK_SECRET:?}\n"))?;
    let life = "archive_after = \"2s\"\nnotify = { quiet = \"2s\", events = [\"file\"] }\n";
    edit(&process, "[template.default]\n", &format!("[template.default]\n{life}"))?;
    Ok(process)
}

/// Writes something else into its configuration.
fn edit(process: &Process, before: &str, after: &str) -> Result {
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file)?;
    if !text.contains(before) {
        return Err(format!("the configuration of tests has no “{}” any more", before.trim()).into());
    }
    std::fs::write(&file, text.replacen(before, after, 1))?;
    Ok(())
}

/// The lease of tests is too short for a busy machine.
fn set_lease(process: &Process) -> Result {
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file)?;
    let line = text.lines().find(|line| line.starts_with("lease = "));
    let line = line.ok_or("the configuration of tests has no lease any more")?;
    edit(process, line, &format!("lease = \"{}s\"", LEASE.as_secs()))
}
