//! One replica of the product with its supervisor, which restarts it whenever it has ended.
//!
//! Each run logs the fault points that it passes into a file of its own: places to kill it at
//! (`fault_points`), and its first work on a ticket (`first_work`).

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::{Process, Readiness};

use crate::Result;
use crate::context::Context;
use crate::fault_points::{Choice, has_called};
use crate::first_work::{self, Life};
use crate::proxy::Proxy;
use crate::tally::What;
use crate::unfinished::{ask, unfinished};

/// How long a start may take; one that waits for its database waits for half a minute.
const START: Duration = Duration::from_secs(60);
/// How long a replica may take to stop when asked to: 5 seconds for answers, 10 for runs, and the
/// time of two statements.
const STOP: Duration = Duration::from_secs(40);
/// How long a ready replica may take to reach the place where it is to kill itself. It may still
/// reach it later.
const UNTIL_PLACE: Duration = Duration::from_millis(1500);
/// How long it may take to become ready before that, on a busy machine or while its database is
/// down.
const UNTIL_READY: Duration = Duration::from_secs(8);
/// The pause before a failed start is tried again.
const AGAIN: Duration = Duration::from_millis(300);
/// The number of SIGKILL.
const KILL: i32 = 9;

/// A replica.
pub(crate) struct Replica {
    pub(crate) process: Process,
    /// Its name in messages.
    pub(crate) name: String,
    /// The proxy to its database, if that is a server.
    pub(crate) proxy: Option<Proxy>,
    context: Arc<Context>,
    lives: Arc<AtomicU64>,
    /// When the current or last run began.
    started: Instant,
    /// Where it is to kill itself in this run.
    armed: Option<String>,
    /// Whether it was ready in this run. Before that, it may end with a message; afterwards never.
    was_ready: bool,
}

/// How a run begins.
#[derive(Debug, Default)]
struct Start {
    /// Where it is to kill itself: a place, and after how many passes.
    kill_at: Option<(String, u32)>,
    /// How many KiB a file may have.
    file_limit: Option<u64>,
    /// Whether the last run was killed, so that the time to this one's first work is measured.
    measured: bool,
}

impl Replica {
    /// A replica that isn't running yet.
    pub(crate) fn new(context: Arc<Context>, process: Process, number: usize, proxy: Option<Proxy>) -> Self {
        let (name, lives) = (format!("replica {number}"), Arc::default());
        Self { process, name, proxy, context, lives, started: Instant::now(), armed: None, was_ready: false }
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
        let left = if start.measured { first_work::left(&self.context, self.started) } else { Vec::new() };
        let life = self.lives.fetch_add(1, Ordering::AcqRel) + 1;
        let fault_log = self.fault_log(life);
        let mut command = match start.file_limit {
            None => self.process.command(&["serve"]),
            Some(kibibytes) => {
                // A limit of file sizes is like a full disk, if its signal is ignored.
                let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" serve");
                self.process.command_of("bash", &["-c", &script, &binary()?.to_string_lossy()])
            }
        };
        command.env("TICKETROOM_FAULT_LOG", &fault_log);
        if let Some((place, passing)) = &start.kill_at {
            command.env("TICKETROOM_KILL_AT", format!("{place}#{passing}"));
        }
        let spawned = Instant::now();
        self.process.try_start(command)?;
        self.started = spawned;
        self.armed = start.kill_at.as_ref().map(|(place, _)| place.clone());
        self.was_ready = false;
        if !left.is_empty() {
            let life = Life { fault_log, spawned, lives: Arc::clone(&self.lives) };
            self.context.spawn(first_work::watch(Arc::clone(&self.context), life, left));
        }
        Ok(())
    }

    /// Ends the current run.
    fn end_life(&mut self) {
        if self.armed.take().is_some() {
            self.context.tally.count(What::NotReached);
        }
        let life = self.lives.fetch_add(1, Ordering::AcqRel);
        let fault_log = self.fault_log(life);
        self.context.fault_points.learn(&fault_log);
        let _ = std::fs::remove_file(fault_log);
    }

    /// Starts it and waits until it is ready; restarts it if it ends before that. `measured` if it
    /// was killed before.
    pub(crate) async fn start(&mut self, measured: bool) -> Result {
        self.start_armed(measured, None).await
    }

    /// The same, with a place where it is to kill itself if it reaches it.
    pub(crate) async fn start_armed(&mut self, measured: bool, at: Option<Choice>) -> Result {
        let kill_at = at.map(|choice| (choice.place, 1));
        let mut start = Start { measured, kill_at, ..Start::default() };
        let deadline = Instant::now() + START;
        loop {
            self.spawn(&start)?;
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.process.ready_within(left)).await {
                Ok(Readiness::Ready) => {
                    self.was_ready = true;
                    return Ok(());
                }
                Ok(Readiness::Ended) => {}
                Err(_) | Ok(Readiness::NotInTime) => {
                    self.context.find(format!("{} takes no deliveries: {}", self.name, self.log_tail()));
                    return Ok(());
                }
            }
            let Some(status) = self.process.ended_within(Duration::ZERO).await else { continue };
            if !self.note_end(status).await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                self.context.find(format!("{} doesn't start: {}", self.name, self.log_tail()));
                return Ok(());
            }
            start = Start::default();
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Starts it with so much room for each of its files. `false` if it refuses to start.
    pub(crate) async fn start_with_room(&mut self, kibibytes: u64) -> Result<bool> {
        self.spawn(&Start { file_limit: Some(kibibytes), ..Start::default() })?;
        match tokio::time::timeout(START, self.process.ready_within(AGAIN)).await {
            Ok(Readiness::Ended) => {}
            readiness => {
                self.was_ready = readiness == Ok(Readiness::Ready);
                return Ok(true);
            }
        }
        if let Some(status) = self.process.ended_within(Duration::ZERO).await {
            self.note_end(status).await;
        }
        Ok(false)
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        match self.process.ended_within(Duration::ZERO).await {
            // It had ended before.
            Some(status) => {
                self.note_end(status).await;
            }
            None => self.clear().await,
        }
    }

    /// Kills it and ends its run.
    async fn clear(&mut self) {
        self.process.kill().await;
        self.end_life();
    }

    /// Starts it so that it kills itself at a place, after so many passes. `true` if it did so
    /// soon; otherwise it runs, and may still do it.
    pub(crate) async fn die_at(&mut self, place: &str, passing: u32) -> Result<bool> {
        self.spawn(&Start {
            kill_at: Some((place.to_owned(), passing)),
            measured: true,
            ..Start::default()
        })?;
        let ready = tokio::time::timeout(UNTIL_READY, self.process.ready_within(UNTIL_READY)).await;
        self.was_ready = ready == Ok(Readiness::Ready);
        match self.process.ended_within(UNTIL_PLACE).await {
            Some(status) => {
                self.note_end(status).await;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Notes that it has ended by itself. `false` if that is a finding.
    async fn note_end(&mut self, status: ExitStatus) -> bool {
        let armed = self.armed.take();
        // If it has worked on tickets, it was ready.
        let was_ready = self.was_ready || has_called(&self.fault_log(self.lives.load(Ordering::Acquire)));
        let end = End { is_armed: armed.is_some(), was_ready, age: self.started.elapsed() };
        let verdict = end.judge(status.code(), status.signal());
        match verdict {
            Some(what) => self.context.tally.count(what),
            None => self.context.find(format!("{} ended with {status}: {}", self.name, self.log_tail())),
        }
        if let (Some(place), Some(What::KilledAtPlace)) = (armed, verdict) {
            self.context.fault_points.killed_at(&place);
        }
        self.clear().await;
        verdict.is_some()
    }

    /// Pauses it for that long. `false` if it wasn't running.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        let is_paused = self.process.signal(Signal::STOP);
        if is_paused {
            tokio::time::sleep(time).await;
            self.process.signal(Signal::CONT);
        }
        is_paused
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn terminate(&mut self) {
        self.process.signal(Signal::TERM);
        match self.process.ended_within(STOP).await {
            Some(status) if status.success() => self.clear().await,
            Some(status) => {
                self.note_end(status).await;
            }
            None => {
                self.context.find(format!("{} did not stop: {}", self.name, self.log_tail()));
                self.clear().await;
            }
        }
    }

    /// Makes sure that it runs, is ready, and won't kill itself.
    pub(crate) async fn settle_down(&mut self) -> Result {
        if self.armed.is_some() {
            self.kill().await;
            return self.start(true).await;
        }
        self.keep_up().await
    }

    /// Restarts it if it has ended.
    pub(crate) async fn keep_up(&mut self) -> Result {
        match self.process.ended_within(Duration::ZERO).await {
            Some(status) => {
                self.note_end(status).await;
            }
            None if self.process.has_ended() => {}
            None => {
                if !self.was_ready {
                    self.was_ready = self.readiness().await == Some(200);
                }
                return Ok(());
            }
        }
        self.start(true).await
    }

    /// The status of its readiness endpoint.
    async fn readiness(&self) -> Option<u16> {
        let request = self.context.client.get(format!("{}/readyz", self.process.url));
        let answer = request.timeout(Duration::from_secs(5)).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    /// Whether it reports that it can't accept deliveries now.
    pub(crate) async fn is_unready(&self) -> bool {
        self.readiness().await == Some(503)
    }

    /// The answer of its API; `None` without a successful one.
    pub(crate) async fn ask(&self, path: &str) -> Option<serde_json::Value> {
        ask(&self.context.client, &self.process.url, path).await
    }

    /// How many tickets have work left, or will have within that time; `None` if it doesn't answer.
    pub(crate) async fn unfinished(&self, soon: Duration) -> Option<usize> {
        unfinished(&self.context.client, &self.process.url, soon).await
    }

    /// How large the largest file of its own store is, in bytes.
    pub(crate) fn store_size(&self) -> u64 {
        let sizes = ["store.db", "store.db-wal"].into_iter().filter_map(|name| {
            std::fs::metadata(self.process.folder().join(name)).ok().map(|metadata| metadata.len())
        });
        sizes.max().unwrap_or_default()
    }

    /// The end of its log, in one line.
    fn log_tail(&self) -> String {
        let log = self.process.log();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ")
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
struct End {
    /// Whether it was to kill itself.
    is_armed: bool,
    was_ready: bool,
    age: Duration,
}

impl End {
    /// What it is counted as; `None` if it is a finding.
    fn judge(self, code: Option<i32>, signal: Option<i32>) -> Option<What> {
        match (code, signal) {
            (_, Some(KILL)) if self.is_armed => Some(What::KilledAtPlace),
            // Its database may be down, its disk full, or its port in use by another connection.
            (Some(1), None) if !self.was_ready && self.age < START => Some(What::StartFailed),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_give_up_only_before_it_was_ready() {
        let end = |is_armed, was_ready| End { is_armed, was_ready, age: Duration::from_secs(5) };
        for is_armed in [true, false] {
            assert_eq!(end(is_armed, false).judge(Some(1), None), Some(What::StartFailed));
            assert_eq!(end(is_armed, true).judge(Some(1), None), None);
            assert_eq!(end(is_armed, false).judge(Some(0), None), None);
            assert_eq!(end(is_armed, false).judge(Some(101), None), None);
        }
        assert_eq!(End { age: START, ..end(true, false) }.judge(Some(1), None), None);
        assert_eq!(end(true, true).judge(None, Some(KILL)), Some(What::KilledAtPlace));
        assert_eq!(end(false, true).judge(None, Some(KILL)), None);
        assert_eq!(end(true, true).judge(None, Some(11)), None);
    }
}
