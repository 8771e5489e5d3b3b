//! The real binary, run as by a user or a supervisor.

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::desks::{Desk, WebhookRequest};
use crate::patience::{PATIENCE, all_rest_within, holds_within, wait_until_all_rest};
use crate::systems::{Systems, TEMPLATE, sqlite};

/// The result of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It accepts deliveries.
    Ready,
    /// It ended before that.
    Ended,
    /// It runs, and doesn't accept them yet.
    NotInTime,
}

/// A configuration, a store, and the binary. Dropping this kills the binary.
pub struct Process {
    /// Its base address, without a slash at the end.
    pub url: String,
    /// The client for calls to it.
    pub client: Client,
    binary: PathBuf,
    child: Option<Child>,
    config: PathBuf,
    env: Vec<(String, String)>,
    folder: TempDir,
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Process {
    /// Prepares a process with its own SQLite store, without starting it.
    ///
    /// # Panics
    /// When files can't be written.
    #[must_use]
    pub fn new(binary: impl AsRef<Path>, systems: &Systems) -> Self {
        Self::prepare(binary.as_ref(), systems, None).unwrap()
    }

    /// The same on the store at that address, which several may share.
    ///
    /// # Panics
    /// When files can't be written.
    #[must_use]
    pub fn on_store(binary: impl AsRef<Path>, systems: &Systems, store: &str) -> Self {
        Self::prepare(binary.as_ref(), systems, Some(store)).unwrap()
    }

    /// Prepares a folder, a port, and a configuration with the test template.
    ///
    /// # Errors
    /// When files can't be written.
    pub fn prepare(binary: &Path, systems: &Systems, store: Option<&str>) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ticketroom-").tempdir()?;
        let store = store.map_or_else(|| sqlite(&folder.path().join("store.db")), str::to_owned);
        Self::configure(binary, folder, systems.config(&store, TEMPLATE))
    }

    /// Writes a configuration by [`Systems::config_for`] into the folder, with a free port to
    /// listen on.
    ///
    /// # Errors
    /// When files can't be written.
    pub fn configure(
        binary: &Path,
        folder: TempDir,
        (text, variables): (String, HashMap<String, String>),
    ) -> std::io::Result<Self> {
        let port = free_port()?;
        let text = text.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:{port}\""));
        let config = folder.path().join("ticketroom.toml");
        std::fs::write(&config, text)?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            client: Client::new(),
            binary: binary.to_owned(),
            child: None,
            config,
            env: variables.into_iter().collect(),
            folder,
            _kept: None,
        })
    }

    /// Keeps something as long as the process, such as its database.
    #[must_use]
    pub fn keeping(self, what: impl Any + Send + Sync) -> Self {
        Self { _kept: Some(Box::new(what)), ..self }
    }

    /// The folder of its files: `ticketroom.toml`, `log`, and its own store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the binary with this configuration.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&self.binary, arguments)
    }

    /// The same command by another program, such as a shell.
    #[must_use]
    pub fn command_of(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).env("TICKETROOM_CONFIG", &self.config).current_dir(self.folder());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts `serve`, with further variables in its environment.
    ///
    /// # Panics
    /// When it can't be run.
    pub fn serve(&mut self, env: &[(&str, String)]) {
        let mut command = self.command(&["serve"]);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        self.start(command);
    }

    /// Starts a command whose output goes to a file.
    ///
    /// # Panics
    /// When it can't be run.
    pub fn start(&mut self, command: Command) {
        self.try_start(command).unwrap();
    }

    /// Starts a command whose output goes to a file.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn try_start(&mut self, mut command: Command) -> std::io::Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.folder().join("log"))?;
        command.stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    /// Its log so far, over all starts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Waits until it has written `text`, and returns all that it has written so far. Log lines are
    /// written after the fact that they report is visible elsewhere, such as in the API.
    ///
    /// # Panics
    /// When it has not written it after [`PATIENCE`].
    pub async fn log_with(&self, text: &str) -> String {
        self.log_that(text, |log| log.contains(text)).await
    }

    /// Waits until what it has written meets a condition, and returns that.
    ///
    /// # Panics
    /// When it doesn't for [`PATIENCE`].
    pub async fn log_that(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        if !holds_within(PATIENCE, Duration::from_millis(5), async || condition(&self.log())).await {
            panic!("the log: {what}: still not so after {PATIENCE:?}: {}", self.log());
        }
        self.log()
    }

    /// Waits until it accepts deliveries or ends.
    pub async fn ready_within(&mut self, patience: Duration) -> Readiness {
        let deadline = Instant::now() + patience;
        loop {
            if self.child.is_some() && self.has_ended() {
                return Readiness::Ended;
            }
            let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return Readiness::Ready;
            }
            if Instant::now() >= deadline {
                return Readiness::NotInTime;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until it accepts deliveries. `false` if it ended before.
    ///
    /// # Panics
    /// When it does neither for [`PATIENCE`].
    pub async fn is_ready(&mut self) -> bool {
        match self.ready_within(PATIENCE).await {
            Readiness::Ready => true,
            Readiness::Ended => false,
            Readiness::NotInTime => panic!("not ready: {}", self.log()),
        }
    }

    /// Sends it a helpdesk's request once. `true` if it acknowledged it.
    pub async fn acknowledges(&self, desk: Desk, parcel: &WebhookRequest) -> bool {
        let request = parcel.request(&self.client, &format!("{}{}", self.url, desk.endpoint()));
        let answer = request.timeout(Duration::from_secs(10)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Waits until it ends. `None` if it still runs, or was never started.
    pub async fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        tokio::time::timeout(patience, child.wait()).await.ok()?.ok()
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it still runs after [`PATIENCE`], or was never started.
    pub async fn ended(&mut self) -> ExitStatus {
        self.ended_within(PATIENCE).await.expect("it still runs, or was never started")
    }

    /// Whether it isn't running.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// The process, if it runs.
    #[must_use]
    pub fn id(&self) -> Option<Pid> {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw)
    }

    /// Sends a signal. `false` if no process is running.
    pub fn signal(&self, signal: Signal) -> bool {
        let pid = self.id();
        pid.is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
    }

    /// Waits until no ticket is due, waiting or being worked on. `false` if one still is, or if it
    /// doesn't answer.
    pub async fn all_rest_within(&self, patience: Duration) -> bool {
        all_rest_within(patience, &self.client, &self.url).await
    }

    /// Waits until no ticket is due, waiting or being worked on.
    ///
    /// # Panics
    /// When one still is after [`PATIENCE`].
    pub async fn wait_until_all_rest(&self) {
        wait_until_all_rest(&self.client, &self.url).await;
    }
}

/// A port on which nothing listens now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
