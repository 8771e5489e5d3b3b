//! The product's own process: `ticketroom serve`, from the release build, as an operator runs it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::{Process, Readiness};

use crate::fixture::{Fixture, temporary_folder};
use crate::{Result, product};

const PATIENCE: Duration = Duration::from_secs(20);

/// The running process; it is killed if this is dropped before it was stopped.
pub(crate) struct Served {
    process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it was ready.
    pub(crate) started_in: Duration,
}

impl Served {
    /// Starts it on this store, with more arguments, and waits until it is ready.
    pub(crate) async fn start(fixture: &Fixture, store_url: &str, arguments: &[&str]) -> Result<Self> {
        let config = fixture.config_text(store_url);
        let mut process = Process::configure(&product()?, temporary_folder()?, config)?;
        let address = process.url.trim_start_matches("http://").parse()?;
        let command = process.command(&[&["serve"], arguments].concat());
        let start = Instant::now();
        process.try_start(command)?;
        if process.ready_within(PATIENCE).await != Readiness::Ready {
            return Err(format!("serve did not get ready:\n{}", process.log()).into());
        }
        Ok(Self { process, address, started_in: start.elapsed() })
    }

    /// The memory that it uses now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most memory that it has used so far, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let id = self.process.id().ok_or("serve has ended")?.as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the kernel doesn't tell")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        let log = self.process.log();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// Asks it to stop, as a supervisor does, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result {
        self.process.signal(Signal::TERM);
        match self.process.ended_within(PATIENCE).await {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("serve ended with {status}").into()),
            None => Err("serve did not stop when asked to".into()),
        }
    }
}
