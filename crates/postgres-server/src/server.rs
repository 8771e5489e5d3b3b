//! The server: made, stopped, killed and started again.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::account::Account;
use crate::certificates;
use crate::database::{Database, USER};
use crate::folder::Folder;
use crate::programs::Programs;
use crate::running::Running;
use crate::{Error, Result};

/// Ports below those that the kernel hands out by itself (from 32768, by default). The server has
/// to find its port free again when it is started again, and no client's connection should have got
/// it meanwhile.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// How large each file of the write-ahead log is, in MiB.
const WAL_MIB: &str = "1";
const WAL_BYTES: u64 = 1024 * 1024;

/// What is asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What an operator has: a commit waits until it is on the disk.
    Real,
    /// Nothing waits for the disk. A killed server still finds everything again; a machine without
    /// power would not.
    ForTests,
}

/// What a full disk still has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// The write-ahead log, which often has a disk of its own. The largest table can't grow any
    /// more.
    ForTheLog,
    /// Nothing at all.
    None,
}

/// A PostgreSQL server of one's own on a local port. It ends, and its files go, when this is
/// dropped or this process ends in whatever way.
///
/// Everybody on this machine may connect, as the superuser `ticketroom` and without a password.
#[derive(Debug)]
pub struct Server {
    // Before the folder: dropping this ends the server.
    pub(crate) running: Mutex<Option<Running>>,
    pub(crate) folder: Folder,
    pub(crate) programs: Programs,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) databases: AtomicU32,
}

impl Server {
    /// Makes a server and starts it.
    ///
    /// # Errors
    /// When PostgreSQL isn't installed, or can't be run.
    pub fn start(durability: Durability) -> Result<Self> {
        Self::make(durability, false)
    }

    /// The same with TLS, for those who ask for it. Its certificate is for the host `localhost`,
    /// and only [`Server::ca_certificate`] vouches for it.
    ///
    /// # Errors
    /// When PostgreSQL or openssl isn't installed, or can't be run.
    pub fn start_with_tls(durability: Durability) -> Result<Self> {
        Self::make(durability, true)
    }

    fn make(durability: Durability, tls: bool) -> Result<Self> {
        let programs = Programs::find()?;
        let folder = Folder::new(Account::for_postgres()?)?;
        let mut initdb = Command::new(programs.path("initdb"));
        initdb.arg("-D").arg(folder.data()).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
        // With small pieces of the log, a table can be too large for a disk while the log isn't.
        folder.run(initdb.args(["--wal-segsize", WAL_MIB, "--no-sync", "--no-instructions"]))?;
        if tls {
            certificates::make(&folder)?;
        }
        let settings = File::options().append(true).open(folder.data().join("postgresql.conf"));
        let written = settings.and_then(|mut file| write!(file, "{}", settings_of(&folder, durability, tls)));
        written.map_err(Error::io("write the settings of PostgreSQL"))?;
        let (port, running) = start_anywhere(&programs, &folder)?;
        let running = Mutex::new(Some(running));
        Ok(Self { running, folder, programs, port, tls, databases: AtomicU32::default() })
    }

    /// The port on 127.0.0.1; it stays the same.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where all of its files are, and its Unix socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate that vouches for that of the server, if it has one.
    #[must_use]
    pub fn ca_certificate(&self) -> Option<std::path::PathBuf> {
        self.tls.then(|| certificates::authority(&self.folder))
    }

    /// What it has written so far, over all starts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.log()).unwrap_or_default()
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server doesn't run.
    pub fn create_database(&self) -> Result<Database> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed) + 1;
        Database::create(self.programs.clone(), self.port, number)
    }

    /// SIGKILL to all of its processes: a crash of the server, not of the machine, so that what it
    /// gave to the kernel is still there at the next start.
    ///
    /// # Errors
    /// When it doesn't go.
    pub fn kill(&self) -> Result {
        self.take().map_or(Ok(()), |running| running.kill(&self.folder))
    }

    /// Has all of its processes do nothing any more: for its clients it is silent, as a machine is
    /// that hangs or that a network no longer reaches. It never goes on; what is left to be done
    /// with it is [`Server::kill`].
    ///
    /// # Errors
    /// When it can't be held.
    pub fn hold(&self) -> Result {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map_or(Ok(()), |running| running.hold(&self.folder))
    }

    /// Cuts all connections and shuts it down in good order.
    ///
    /// # Errors
    /// When it takes too long; it was killed then.
    pub fn stop(&self) -> Result {
        self.take().map_or(Ok(()), |running| running.stop(&self.folder))
    }

    /// Starts it where it was, after a stop or a kill, and waits until it takes connections. One
    /// that runs goes on; if it is still at beginning anew after a crash, or at going down, that is
    /// waited for.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start_again(&self) -> Result {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = running.as_mut()
            && present.takes_connections(&self.programs, &self.folder, self.port)?
        {
            return Ok(());
        }
        // The old one goes first, and its supervisor with it.
        *running = None;
        *running = Some(Running::start(&self.programs, &self.folder, self.port)?);
        Ok(())
    }

    /// Has its disk full until that is undone: what would grow beyond the room that is left fails
    /// to be written, as with a disk without space. Without a log, the server doesn't only refuse
    /// statements, but goes down; see [`Server::start_again`].
    ///
    /// Files have a limit, not the disk: one that others use as well can't be filled.
    ///
    /// # Errors
    /// When the limit can't be set, or the sizes of files can't be read.
    pub fn fill_disk(&self, left: Room) -> Result {
        let bytes = match left {
            Room::ForTheLog => largest(&self.folder.data().join("base"))?.max(WAL_BYTES),
            Room::None => 0,
        };
        self.limit_files(Some(bytes))
    }

    /// Has space on the disk again. It doesn't start a server that went down meanwhile.
    ///
    /// # Errors
    /// When the limit can't be lifted.
    pub fn free_disk(&self) -> Result {
        self.limit_files(None)
    }

    fn limit_files(&self, bytes: Option<u64>) -> Result {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_mut().map_or(Ok(()), |running| running.limit_files(&self.folder, bytes))
    }

    fn take(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn settings_of(folder: &Folder, durability: Durability, tls: bool) -> String {
    let mut settings = format!(
        "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_connections = 200\n",
        folder.path().display()
    );
    // In the folder, so that a server that was killed leaves nothing outside of it.
    settings += "dynamic_shared_memory_type = mmap\n";
    if durability == Durability::ForTests {
        settings += "fsync = off\nfull_page_writes = off\n";
    }
    if tls {
        settings += "ssl = on\nssl_cert_file = '../server.crt'\nssl_key_file = '../server.key'\n";
    }
    settings
}

/// Starts the server on a port that is free.
pub(crate) fn start_anywhere(programs: &Programs, folder: &Folder) -> Result<(u16, Running)> {
    let mut attempts = 0;
    loop {
        let port = free_port()?;
        attempts += 1;
        match Running::start(programs, folder, port) {
            Ok(running) => return Ok((port, running)),
            // Somebody else took the port after we had looked.
            Err(Error::Failed { output, .. })
                if output.contains("Address already in use") && attempts < 5 => {}
            Err(error) => return Err(error),
        }
    }
}

pub(crate) fn free_port() -> Result<u16> {
    // Servers that are started at the same time, in several processes, should not all try the same
    // one.
    let start = RandomState::new().hash_one(std::process::id());
    let count = u64::from(PORTS.end - PORTS.start);
    let ports = (0..count).filter_map(|n| u16::try_from((start % count + n) % count).ok());
    let mut ports = ports.map(|offset| PORTS.start + offset);
    let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.ok_or_else(|| Error::Io {
        what: "find a free port".to_owned(),
        source: std::io::ErrorKind::AddrInUse.into(),
    })
}

/// The size of the largest file in a folder and those in it, in bytes.
fn largest(folder: &Path) -> Result<u64> {
    let what = || Error::io(format!("read {}", folder.display()));
    let mut largest = 0;
    for entry in fs::read_dir(folder).map_err(what())? {
        let entry = entry.map_err(what())?;
        // One that is gone already needs no room.
        let Ok(metadata) = entry.metadata() else { continue };
        largest = largest.max(if metadata.is_dir() { self::largest(&entry.path())? } else { metadata.len() });
    }
    Ok(largest)
}
