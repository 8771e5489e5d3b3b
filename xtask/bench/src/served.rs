//! The product's own process: `ticketroom serve`, from the release build, as an operator runs it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::load::{Caller, render};
use crate::systems::{ANY_PORT, Systems};
use crate::{Result, product};

const PATIENCE: Duration = Duration::from_secs(20);

/// The running process; it is killed if this is dropped before it was stopped.
pub(crate) struct Served {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it was ready.
    pub(crate) started_in: Duration,
}

impl Served {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(systems: &Systems) -> Result<Self> {
        Self::start_as("serve", systems, &systems.store_url(), &[]).await
    }

    /// Starts one of several: with a name of its own for its files, on this store, and with more arguments.
    pub(crate) async fn start_as(
        name: &str,
        systems: &Systems,
        store_url: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        // Free a moment ago; nothing on this machine but ourselves is likely to take it.
        let address = std::net::TcpListener::bind(ANY_PORT)?.local_addr()?;
        let config = systems.folder().join(format!("{name}.toml"));
        let (text, variables) = systems.configuration(address, store_url);
        std::fs::write(&config, text)?;
        let log = systems.folder().join(format!("{name}.log"));
        let mut command = Command::new(product()?);
        command.arg("--config").arg(&config).arg("serve").args(arguments);
        command.env_clear().envs(variables);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let start = Instant::now();
        let mut served = Self { child: command.spawn()?, log, address, started_in: Duration::ZERO };
        while !served.is_ready().await {
            if served.child.try_wait()?.is_some() || start.elapsed() > PATIENCE {
                return Err(format!("serve did not get ready:\n{}", served.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.started_in = start.elapsed();
        Ok(served)
    }

    async fn is_ready(&self) -> bool {
        let request = render("GET", "/readyz", &[], b"");
        match Caller::connect(self.address).await {
            Ok(mut caller) => caller.call(&request).await.is_ok_and(|status| status == 200),
            Err(_) => false,
        }
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
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the kernel doesn't tell")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// Asks it to stop, as a supervisor does, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result {
        if let Some(pid) = Pid::from_raw(i32::try_from(self.child.id())?) {
            kill_process(pid, Signal::TERM)?;
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("serve ended with {status}").into())
                };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("serve did not stop when asked to".into())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
