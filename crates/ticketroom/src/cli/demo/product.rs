//! The product as a process of its own, so that it can be killed: this very program, as `serve`.
//!
//! It ends with the demo however that ends: it watches its standard input, whose other end the demo
//! holds.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{Ended, Result};

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
/// How long a stop may take before it is a kill.
const STOP: Duration = Duration::from_secs(17);
/// How often something is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A folder that is gone when this is.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("ticketroom-demo-{}", uuid::Uuid::new_v4().simple()));
        let mut builder = std::fs::DirBuilder::new();
        // Nobody else needs to see it, or could be there before.
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that serves, or that was killed.
pub(super) struct Product {
    address: SocketAddr,
    config: PathBuf,
    log: PathBuf,
    variables: HashMap<String, String>,
    child: Option<Child>,
}

impl Product {
    /// A product that is not started yet. It listens at the same address at each start.
    pub(super) fn new(folder: &Folder) -> std::io::Result<Self> {
        // Free now, and most likely in a moment as well.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let (config, log) = (folder.file("ticketroom.toml"), folder.file("log"));
        Ok(Self { address, config, log, variables: HashMap::new(), child: None })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what it is configured with.
    pub(super) fn configure(
        &mut self,
        text: &str,
        variables: HashMap<String, String>,
    ) -> std::io::Result<()> {
        self.variables = variables;
        std::fs::write(&self.config, text)
    }

    /// Starts it, and waits until it takes deliveries. Returns its process id.
    pub(super) async fn start(&mut self) -> Result<u32> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--until-stdin-closes"]).env_clear().envs(&self.variables);
        command.env("TICKETROOM_CONFIG", &self.config);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C is for the demo, which then stops the product.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn()?;
        let id = child.id();
        self.child = Some(child);
        let (client, ready) = (reqwest::Client::new(), format!("http://{}/readyz", self.address));
        let deadline = Instant::now() + START;
        while Instant::now() < deadline && !self.has_ended() {
            let answer = client.get(&ready).timeout(Duration::from_secs(1)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(id);
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Ended::Failed(format!("the service did not start:\n{}", last_lines(&self.log))))
    }

    /// Its process id; 0 if it doesn't run.
    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// SIGKILL: it gets no chance to finish or to write anything down.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Lets it finish what it is at.
    pub(super) async fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
        }
        let deadline = Instant::now() + STOP;
        while !self.has_ended() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        self.kill();
    }

    fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.kill();
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
}
