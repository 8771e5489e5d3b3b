//! One replica of the product, as its supervisor has it: started again whenever it has ended, whoever killed it.
//!
//! Each life writes the fault points that it passes into a log of its own, which tells of places to kill it at
//! (`places`), and when it first did something for a ticket (`first_work`).

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::{ADMIN_TOKEN, Process, Readiness};

use crate::Result;
use crate::first_work::{self, Life};
use crate::proxy::Proxy;
use crate::stage::Stage;
use crate::tally::What;

/// How long a start may take; one that waits for its database waits for half a minute.
const START: Duration = Duration::from_secs(60);
/// How long a replica may take to stop when asked to: 5 seconds for answers, 10 for runs, and the time of two statements.
const STOP: Duration = Duration::from_secs(40);
/// How long it is waited for that a replica reaches the place where it is to die. Later it may still do so.
const UNTIL_PLACE: Duration = Duration::from_millis(1500);
/// What a supervisor waits before it starts again what did not start.
const AGAIN: Duration = Duration::from_millis(300);
/// The number of SIGKILL.
const KILL: i32 = 9;

/// A replica.
pub(crate) struct Replica {
    pub(crate) process: Process,
    /// What it is called in messages.
    pub(crate) name: String,
    /// Its way to the database, if that is a server.
    pub(crate) proxy: Option<Proxy>,
    stage: Arc<Stage>,
    lives: Arc<AtomicU64>,
    /// When the present life began, or the last one.
    born: Instant,
    /// Where it is to kill itself in this life.
    armed: Option<String>,
}

/// How a life begins.
#[derive(Debug, Default)]
struct Start {
    /// Where it is to kill itself.
    kill_at: Option<String>,
    /// How many KiB a file may have.
    file_limit: Option<u64>,
    /// Whether the last life was killed, so that it counts how fast this one comes to work.
    measured: bool,
}

impl Replica {
    /// A replica that isn't running yet.
    pub(crate) fn new(stage: Arc<Stage>, process: Process, number: usize, proxy: Option<Proxy>) -> Self {
        let (name, lives) = (format!("replica {number}"), Arc::default());
        Self { process, name, proxy, stage, lives, born: Instant::now(), armed: None }
    }

    fn fault_log(&self, life: u64) -> PathBuf {
        self.process.folder().join(format!("places-{life}"))
    }

    /// Where its log is.
    pub(crate) fn log(&self) -> PathBuf {
        self.process.folder().join("log")
    }

    /// Starts it, ready or not.
    fn spawn(&mut self, start: &Start) -> Result {
        let left = if start.measured { first_work::left(&self.stage, self.born) } else { Vec::new() };
        let life = self.lives.fetch_add(1, Ordering::AcqRel) + 1;
        let fault_log = self.fault_log(life);
        let mut command = match start.file_limit {
            None => self.process.command(&["serve"]),
            Some(kibibytes) => {
                // For a program, no file that may grow is a full disk, once the signal that tells of it is ignored.
                let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" serve");
                self.process.command_of("bash", &["-c", &script, &binary()?.to_string_lossy()])
            }
        };
        command.env("TICKETROOM_FAULT_LOG", &fault_log);
        if let Some(place) = &start.kill_at {
            command.env("TICKETROOM_KILL_AT", place);
        }
        let spawned = Instant::now();
        self.process.try_start(command)?;
        self.born = spawned;
        self.armed.clone_from(&start.kill_at);
        if !left.is_empty() {
            let life = Life { fault_log, spawned, lives: Arc::clone(&self.lives) };
            tokio::spawn(first_work::watch(Arc::clone(&self.stage), life, left));
        }
        Ok(())
    }

    /// The present life is over, or can't be measured any more.
    fn end_life(&mut self) {
        if self.armed.take().is_some() {
            self.stage.tally.count(What::NotReached);
        }
        let life = self.lives.fetch_add(1, Ordering::AcqRel);
        let fault_log = self.fault_log(life);
        self.stage.places.learn(&fault_log);
        let _ = std::fs::remove_file(fault_log);
    }

    /// Starts it and waits until it takes deliveries; starts it again if it ends before it does. `measured` is said if
    /// it was killed before, so that it counts how fast it comes to work.
    pub(crate) async fn start(&mut self, measured: bool) -> Result {
        let mut start = Start { measured, ..Start::default() };
        let deadline = Instant::now() + START;
        loop {
            self.spawn(&start)?;
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.process.ready_within(left)).await {
                Ok(Readiness::Ready) => return Ok(()),
                Ok(Readiness::Ended) => {}
                Err(_) | Ok(Readiness::NotInTime) => {
                    self.stage.find(format!("{} takes no deliveries: {}", self.name, self.last_words()));
                    return Ok(());
                }
            }
            let status = self.process.ended_within(Duration::ZERO).await;
            self.end_life();
            if status.is_none_or(|status| status.code() != Some(1)) || Instant::now() >= deadline {
                self.stage.find(format!(
                    "{} doesn't start, but ends with {status:?}: {}",
                    self.name,
                    self.last_words()
                ));
                return Ok(());
            }
            self.stage.tally.count(What::StartFailed);
            start.measured = false;
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Starts it with so much room for each of its files. It may as well refuse to start; then this is `false`.
    pub(crate) async fn start_with_room(&mut self, kibibytes: u64) -> Result<bool> {
        self.spawn(&Start { file_limit: Some(kibibytes), ..Start::default() })?;
        let ready = self.process.ready_within(AGAIN);
        if !matches!(tokio::time::timeout(START, ready).await, Ok(Readiness::Ended)) {
            return Ok(true);
        }
        let status = self.process.ended_within(Duration::ZERO).await;
        if status.is_none_or(|status| status.code() != Some(1)) {
            let words = self.last_words();
            self.stage.find(format!("{} ended with {status:?} as its disk was full: {words}", self.name));
        }
        Ok(false)
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        if let Some(status) = self.process.ended_within(Duration::ZERO).await
            && self.armed.is_some()
        {
            // It was first.
            return Box::pin(self.note_end(status)).await;
        }
        self.process.kill().await;
        self.end_life();
    }

    /// Starts it so that it dies at a place, for the first time or a later one that it passes it. `true` if it did soon;
    /// otherwise it runs, and may still do it.
    pub(crate) async fn die_at(&mut self, place: &str, times: u32) -> Result<bool> {
        let kill_at = if times > 1 { format!("{place}#{times}") } else { place.to_owned() };
        self.spawn(&Start { kill_at: Some(kill_at), measured: true, ..Start::default() })?;
        match self.process.ended_within(UNTIL_PLACE).await {
            Some(status) => {
                self.note_end(status).await;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// It has ended, and is not known to have.
    async fn note_end(&mut self, status: ExitStatus) {
        let armed = self.armed.take();
        match (armed.as_deref().map(|at| at.split('#').next().unwrap_or(at)), status.signal()) {
            (Some(place), Some(KILL)) => {
                self.stage.places.killed_at(place);
                self.stage.tally.count(What::KilledAtPlace);
            }
            // It may have found its database away, or its port the other end of somebody's connection.
            (Some(_), None) if status.code() == Some(1) && self.born.elapsed() < START => {
                self.stage.tally.count(What::StartFailed);
            }
            _ => self.stage.find(format!("{} ended with {status}: {}", self.name, self.last_words())),
        }
        self.kill().await;
    }

    /// Nothing runs for that long, and then it goes on.
    pub(crate) async fn pause(&self, time: Duration) {
        if self.process.signal(Signal::STOP) {
            tokio::time::sleep(time).await;
            self.process.signal(Signal::CONT);
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn terminate(&mut self) {
        self.process.signal(Signal::TERM);
        match self.process.ended_within(STOP).await {
            Some(status) if status.success() => {}
            Some(status) => return self.note_end(status).await,
            None => self.stage.find(format!("{} did not stop: {}", self.name, self.last_words())),
        }
        self.process.kill().await;
        self.end_life();
    }

    /// Sees to it that it runs, takes deliveries, and won't kill itself.
    pub(crate) async fn settle_down(&mut self) -> Result {
        if self.armed.is_some() {
            self.kill().await;
            return self.start(true).await;
        }
        self.keep_up().await
    }

    /// Starts it again if it has ended.
    pub(crate) async fn keep_up(&mut self) -> Result {
        if let Some(status) = self.process.ended_within(Duration::ZERO).await {
            self.note_end(status).await;
            self.start(true).await?;
        }
        Ok(())
    }

    /// Whether it says that it can't take deliveries now.
    pub(crate) async fn is_unready(&self) -> bool {
        let request = self.stage.client.get(format!("{}/readyz", self.process.url));
        let answer = request.timeout(Duration::from_secs(5)).send().await;
        answer.is_ok_and(|answer| answer.status() == 503)
    }

    /// What it says to an operator's question; `None` if there is no answer, or none by 200.
    pub(crate) async fn ask(&self, path: &str) -> Option<serde_json::Value> {
        let request = self.stage.client.get(format!("{}/api/v1/{path}", self.process.url));
        let request = request.bearer_auth(ADMIN_TOKEN).timeout(Duration::from_secs(20));
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// How large the largest file of its own store is, in bytes.
    pub(crate) fn store_size(&self) -> u64 {
        let sizes = ["store.db", "store.db-wal"].into_iter().filter_map(|name| {
            std::fs::metadata(self.process.folder().join(name)).ok().map(|metadata| metadata.len())
        });
        sizes.max().unwrap_or_default()
    }

    /// The end of its log, in one line.
    fn last_words(&self) -> String {
        let log = self.process.log();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ")
    }
}

/// The product's binary, which `cargo xtask crash` builds into the folder that we are in.
///
/// # Errors
/// When it isn't there.
pub(crate) fn binary() -> Result<PathBuf> {
    let ourselves = std::env::current_exe()?;
    let binary = ourselves.parent().unwrap_or(Path::new(".")).join("ticketroom");
    if binary.is_file() { Ok(binary) } else { Err(format!("{} is not built", binary.display()).into()) }
}
