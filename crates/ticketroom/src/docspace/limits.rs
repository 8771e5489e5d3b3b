//! How much may be asked of DocSpace, and who waits when that is more than it takes.
//!
//! DocSpace limits a *user*, over all of their keys: requests a minute (a sliding window), reads
//! and writes in flight, and POST + PUT a day. Going over any of them is answered with 429, so we
//! don't: every call first gets a [`Pass`]. The numbers are kept a little below the portal's, since
//! a request that has been answered may still count over there for a moment. If a 429 comes all the
//! same (another program uses the same user), the lane halves its width and widens again one call
//! at a time.
//!
//! The daily writes are counted in the store, because replicas share them and a restart must not
//! forget them; they are taken from there a handful at a time, so that a write doesn't cost a
//! commit. Of the minute and of what may be in flight, each replica takes an equal
//! [share](Governor::share).
//!
//! Calls for tickets of backfills go behind all others ([`Governor::pass_behind`]): they have a
//! quarter of what may be in flight and half of the minute, and a part of the day's writes is not
//! for them. So a ticket that comes in always finds a place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The limits of a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any minute.
    pub requests_per_minute: u32,
    /// GET requests in flight.
    pub concurrent_reads: u32,
    /// Other requests in flight.
    pub concurrent_writes: u32,
    /// POST and PUT requests a day.
    pub writes_per_day: u32,
    /// How many of a day's writes backfills leave to tickets that come in.
    pub reserved_writes: u32,
}

impl Limits {
    /// What backfills leave of a day, unless somebody says otherwise: a fifth.
    #[must_use]
    pub fn usual_reserve(writes_per_day: u32) -> u32 {
        writes_per_day / 5
    }

    /// How many of a day's writes may be taken before backfills get none any more.
    #[must_use]
    pub fn writes_of_backfills(&self) -> u32 {
        self.writes_per_day.saturating_sub(self.reserved_writes)
    }

    /// How many requests backfills may send in a minute.
    #[must_use]
    pub fn backfill_requests_per_minute(&self) -> u32 {
        (self.requests_per_minute / BEHIND_IN_A_MINUTE).max(1)
    }
}

impl Default for Limits {
    /// DocSpace's own numbers.
    fn default() -> Self {
        Self {
            requests_per_minute: 1500,
            concurrent_reads: 50,
            concurrent_writes: 15,
            writes_per_day: 10_000,
            reserved_writes: 2000,
        }
    }
}

/// What a call does, as the limits see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GET.
    Read,
    /// POST or PUT: counts against the day.
    Write,
}

/// Where the day's writes are counted.
#[async_trait::async_trait]
pub trait WriteBudget: Send + Sync {
    /// Takes up to `wanted` writes from what is left of `per_day`.
    async fn take(&self, wanted: u32, per_day: u32) -> Taken;
    /// DocSpace says that nothing is left for so long.
    async fn exhausted_for(&self, wait: Duration);
}

/// What the day's budget gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// So many writes, at least one.
    Some(u32),
    /// Nothing is left for so long.
    NothingFor(Duration),
}

/// A budget for commands that don't write.
#[derive(Debug, Clone, Copy)]
pub struct NoBudget;

#[async_trait::async_trait]
impl WriteBudget for NoBudget {
    async fn take(&self, wanted: u32, _per_day: u32) -> Taken {
        Taken::Some(wanted.max(1))
    }
    async fn exhausted_for(&self, _wait: Duration) {}
}

/// How many writes are taken from the store at once. A crash forgets at most so many.
const HANDFUL: u32 = 20;
/// How long after there were no writes nobody asks for any.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// The part of what may be in flight that backfills have: a quarter.
const BEHIND_IN_FLIGHT: usize = 4;
/// The part of the minute that may be full before backfills wait: half.
const BEHIND_IN_A_MINUTE: u32 = 2;
/// How long the whole window is left alone after DocSpace said that the minute is full.
const MINUTE_IS_FULL: Duration = Duration::from_secs(3);

/// Lets calls pass as the limits allow.
pub struct Governor {
    limits: Mutex<Limits>,
    reads: Lane,
    writes: Lane,
    /// How many processes share the limits.
    sharers: AtomicU32,
    /// Held while waiting for a place in the minute, so that waiters go in the order they came.
    minute: tokio::sync::Mutex<VecDeque<Instant>>,
    not_before: Mutex<Instant>,
    budget: Arc<dyn WriteBudget>,
    in_hand: tokio::sync::Mutex<InHand>,
    behind: Behind,
}

/// What calls of backfills go through first.
struct Behind {
    reads: Lane,
    writes: Lane,
    in_hand: tokio::sync::Mutex<InHand>,
}

/// What is left of the last handful.
#[derive(Debug, Default)]
struct InHand {
    writes: u32,
    /// There was none to be had, and nobody asks again before then: hundreds may be waiting behind
    /// one who asks.
    none_before: Option<Instant>,
}

impl std::fmt::Debug for Governor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Governor").field("limits", &self.limits()).finish_non_exhaustive()
    }
}

/// Permission for one call; the call is over when it is dropped.
#[derive(Debug)]
pub struct Pass<'a> {
    lane: &'a Lane,
    permit: Option<OwnedSemaphorePermit>,
    /// The place among those of backfills, for one of theirs.
    behind: Option<(&'a Lane, OwnedSemaphorePermit)>,
}

impl Governor {
    /// A governor for a portal with these limits.
    #[must_use]
    pub fn new(limits: Limits, budget: Arc<dyn WriteBudget>) -> Self {
        Self {
            limits: Mutex::new(limits),
            reads: Lane::new(in_flight(limits.concurrent_reads, 1)),
            writes: Lane::new(in_flight(limits.concurrent_writes, 1)),
            behind: Behind {
                reads: Lane::new(behind(in_flight(limits.concurrent_reads, 1))),
                writes: Lane::new(behind(in_flight(limits.concurrent_writes, 1))),
                in_hand: tokio::sync::Mutex::default(),
            },
            sharers: AtomicU32::new(1),
            minute: tokio::sync::Mutex::default(),
            not_before: Mutex::new(Instant::now()),
            budget,
            in_hand: tokio::sync::Mutex::default(),
        }
    }

    /// So many processes, this one included, use the portal's limits from now on.
    pub fn share(&self, sharers: u32) {
        let sharers = sharers.max(1);
        if self.sharers.swap(sharers, Ordering::Relaxed) != sharers {
            self.widen();
        }
    }

    /// The portal has these limits from now on. What is in flight, and what was sent in the last
    /// minute, counts.
    pub fn set_limits(&self, limits: Limits) {
        let before =
            std::mem::replace(&mut *self.limits.lock().unwrap_or_else(PoisonError::into_inner), limits);
        if before != limits {
            self.widen();
        }
    }

    fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn widen(&self) {
        let (limits, sharers) = (self.limits(), self.sharers.load(Ordering::Relaxed));
        let reads = in_flight(limits.concurrent_reads, sharers);
        let writes = in_flight(limits.concurrent_writes, sharers);
        self.reads.set_widest(reads);
        self.writes.set_widest(writes);
        self.behind.reads.set_widest(behind(reads));
        self.behind.writes.set_widest(behind(writes));
    }

    /// Waits until the call may be made.
    ///
    /// # Errors
    /// How long until there are writes again, when the day's are used up.
    pub async fn pass(&self, kind: Kind) -> Result<Pass<'_>, Duration> {
        let lane = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        };
        if kind == Kind::Write {
            self.take_write(&self.in_hand, self.limits().writes_per_day).await?;
        }
        let permit = lane.enter().await;
        self.wait_for_the_minute().await;
        Ok(Pass { lane, permit, behind: None })
    }

    /// The same for a call that is made for a ticket of a backfill: behind all others, and leaving
    /// a part of the day's writes to them.
    ///
    /// # Errors
    /// How long until there are writes again, when the day's are used up or left to others.
    pub async fn pass_behind(&self, kind: Kind) -> Result<Pass<'_>, Duration> {
        let (lane, before) = match kind {
            Kind::Read => (&self.reads, &self.behind.reads),
            Kind::Write => (&self.writes, &self.behind.writes),
        };
        let place = before.enter().await;
        self.wait_for_half_a_minute().await;
        if kind == Kind::Write {
            self.take_write(&self.behind.in_hand, self.limits().writes_of_backfills()).await?;
        }
        let permit = lane.enter().await;
        self.wait_for_the_minute().await;
        Ok(Pass { lane, permit, behind: place.map(|place| (before, place)) })
    }

    async fn take_write(&self, in_hand: &tokio::sync::Mutex<InHand>, per_day: u32) -> Result<(), Duration> {
        let mut in_hand = in_hand.lock().await;
        if in_hand.writes == 0 {
            let now = Instant::now();
            if let Some(before) = in_hand.none_before.filter(|before| *before > now) {
                return Err(before.duration_since(now));
            }
            match self.budget.take(HANDFUL, per_day).await {
                Taken::Some(writes) => in_hand.writes = writes,
                Taken::NothingFor(wait) => {
                    in_hand.none_before = Some(Instant::now() + wait.min(ASK_AGAIN));
                    return Err(wait);
                }
            }
        }
        in_hand.writes -= 1;
        Ok(())
    }

    /// Our share of what may be sent in a minute that has so many requests.
    fn share_of_a_minute(&self, requests: u32) -> usize {
        let requests = usize::try_from(requests).unwrap_or(usize::MAX);
        let sharers = usize::try_from(self.sharers.load(Ordering::Relaxed)).unwrap_or(1);
        ((requests - requests / 50) / sharers).max(1)
    }

    /// Waits until less than half of the minute is full, and holds up nobody meanwhile.
    async fn wait_for_half_a_minute(&self) {
        loop {
            let most = self.share_of_a_minute(self.limits().backfill_requests_per_minute());
            let until = {
                let mut sent = self.minute.lock().await;
                let now = Instant::now();
                while sent.front().is_some_and(|at| now.duration_since(*at) > MINUTE) {
                    sent.pop_front();
                }
                // So many have to be a minute ago before there is a place.
                match sent.len().checked_sub(most).and_then(|over| sent.get(over)) {
                    Some(at) => *at + MINUTE + Duration::from_millis(1),
                    None => return,
                }
            };
            tokio::time::sleep_until(until).await;
        }
    }

    async fn wait_for_the_minute(&self) {
        let mut sent = self.minute.lock().await;
        loop {
            let per_minute = self.share_of_a_minute(self.limits().requests_per_minute);
            let now = Instant::now();
            let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            if not_before > now {
                tokio::time::sleep_until(not_before).await;
                continue;
            }
            while sent.front().is_some_and(|at| now.duration_since(*at) > MINUTE) {
                sent.pop_front();
            }
            match sent.front() {
                Some(oldest) if sent.len() >= per_minute => {
                    tokio::time::sleep_until(*oldest + MINUTE + Duration::from_millis(1)).await;
                }
                _ => {
                    sent.push_back(now);
                    return;
                }
            }
        }
    }

    /// DocSpace answered 429. `limit` is its `X-RateLimit-Limit`, by which it tells the limits
    /// apart.
    pub async fn throttled(&self, kind: Kind, limit: Option<u32>, retry_after: Option<Duration>) {
        let Limits { concurrent_reads, concurrent_writes, .. } = self.limits();
        match (limit, retry_after) {
            // Only the fixed windows (the day, invitations by e-mail) say how long.
            (_, Some(wait)) if wait > MINUTE => {
                *self.in_hand.lock().await = InHand::default();
                *self.behind.in_hand.lock().await = InHand::default();
                self.budget.exhausted_for(wait).await;
            }
            (Some(limit), _) if limit > concurrent_reads.max(concurrent_writes) => {
                let until = Instant::now() + retry_after.unwrap_or(MINUTE_IS_FULL);
                *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = until;
            }
            _ => match kind {
                Kind::Read => self.reads.narrow(),
                Kind::Write => self.writes.narrow(),
            },
        }
    }
}

/// What one of so many may have in flight. Four fifths of the limit: an answered request still
/// counts over there until the server has put it away.
fn in_flight(limit: u32, sharers: u32) -> usize {
    usize::try_from(limit * 4 / 5 / sharers).unwrap_or(1).max(1)
}

/// How many of them calls of backfills may be.
fn behind(in_flight: usize) -> usize {
    (in_flight / BEHIND_IN_FLIGHT).max(1)
}

/// A number of calls that may be in flight, which shrinks and grows.
#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    width: Mutex<Width>,
}

#[derive(Debug)]
struct Width {
    now: usize,
    widest: usize,
    /// Places to take away as soon as somebody leaves them.
    owed: usize,
    /// Calls since the width last changed.
    since_change: usize,
    narrowed_at: Option<Instant>,
}

impl Lane {
    fn new(widest: usize) -> Self {
        let width = Width { now: widest, widest, owed: 0, since_change: 0, narrowed_at: None };
        Self { places: Arc::new(Semaphore::new(widest)), width: Mutex::new(width) }
    }

    /// Another share of the limits. Less counts at once; more is tried out one call at a time, as
    /// after a 429, since those who shared them may still have calls in flight.
    fn set_widest(&self, widest: usize) {
        let mut width = self.width.lock().unwrap_or_else(PoisonError::into_inner);
        width.widest = widest;
        let less = width.now.saturating_sub(widest);
        self.take_away(&mut width, less);
    }

    fn take_away(&self, width: &mut Width, less: usize) {
        let idle = self.places.forget_permits(less);
        width.now -= less;
        width.owed += less - idle;
        width.since_change = 0;
    }

    async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    fn narrow(&self) {
        let mut width = self.width.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // The answers to one burst are one piece of news.
        if width.narrowed_at.is_some_and(|at| now.duration_since(at) < Duration::from_millis(250)) {
            return;
        }
        let less = width.now - (width.now / 2).max(1);
        self.take_away(&mut width, less);
        width.narrowed_at = Some(now);
    }

    fn leave(&self, permit: OwnedSemaphorePermit) {
        let mut width = self.width.lock().unwrap_or_else(PoisonError::into_inner);
        width.since_change += 1;
        if width.owed > 0 {
            width.owed -= 1;
            permit.forget();
        } else if width.now < width.widest && width.since_change >= width.now * 8 {
            width.now += 1;
            width.since_change = 0;
            self.places.add_permits(1);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.lane.leave(permit);
        }
        if let Some((lane, place)) = self.behind.take() {
            lane.leave(place);
        }
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
