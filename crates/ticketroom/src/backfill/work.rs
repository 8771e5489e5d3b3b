//! Works on backfills: one at a time, by one of the replicas, the oldest first.
//!
//! A round looks what became of the tickets that were taken in, and then takes some more in. A
//! helpdesk that does not answer holds the backfill up, and nothing else; a ticket that can't be
//! decided about is left out, logged and counted.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::choice::Choice;
use super::job::{BackfillId, JobState};
use super::jobs::{Listed, all};
use super::reasons::GONE;
use crate::call::{Cause, Failure};
use crate::clock::Clock;
use crate::helpdesk::listing::{Page, Reference};
use crate::helpdesk::{Helpdesk, Listing, Observed};
use crate::live::Live;
use crate::log_limit::LogLimiter;
use crate::printable::{DETAIL, printable};
use crate::reason::Reason;
use crate::replica::lease_guard::LeaseGuard;
use crate::store::{Origin, State, Store, StoreError, TakeIn};
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

/// What the replicas agree on which of them is at it by.
const NAME: &str = "backfills";
/// How long the one that is has the name: nobody goes on for as long after a crash.
const TURN: Duration = Duration::from_secs(10);
/// How often the store is asked whether there is a backfill.
const IDLE: Duration = Duration::from_secs(2);
/// How long a round waits for the tickets of the one before.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long the store is left alone after an error.
const AFTER_AN_ERROR: Duration = Duration::from_secs(10);
/// Tickets that are decided about before some of them are taken in.
const SOME: usize = 50;
/// Tickets that are observed side by side: few, since the helpdesk also has live work.
const SIDE_BY_SIDE: usize = 4;
/// The first wait for a helpdesk that does not answer; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest such wait, unless the helpdesk asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// The longest wait that a helpdesk may ask for.
const MOST_PATIENT: Duration = Duration::from_secs(3600);
/// After so many tries a ticket that alone can't be read is left out.
const TRIES: u32 = 5;

/// What the task is made of.
pub struct Backfills {
    /// Where backfills and tickets are.
    pub store: Arc<dyn Store>,
    /// The helpdesks that are configured.
    pub live: Arc<Live>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether this process may act.
    pub lease_guard: LeaseGuard,
    /// This process among others on the store.
    pub replica: Uuid,
    /// Told of tickets that become due.
    pub due: Arc<Notify>,
}

impl fmt::Debug for Backfills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfills").finish_non_exhaustive()
    }
}

/// What a round leaves to the next one. All of it may be forgotten at any time.
#[derive(Debug, Default)]
struct Memory {
    /// The page that is worked on, and whose it is.
    page: Option<(BackfillId, Page)>,
    /// How often tickets of it could not be read.
    failed: HashMap<TicketId, u32>,
    /// When to ask the helpdesk again, and how long that was.
    wait: Option<(Instant, Duration)>,
}

/// What is known of a ticket that a listing names.
enum Fate {
    Wanted,
    LeftOut,
    /// Nobody can say; why.
    Undecided(String),
    /// Its helpdesk could not tell just now.
    Later(Failure),
}

impl Backfills {
    /// Works on backfills, for as long as it is polled.
    pub async fn run(self) {
        let mut memory = Memory::default();
        let (errors, undecided) = (
            LogLimiter::new("rounds without the store"),
            LogLimiter::new("tickets that backfills leave out"),
        );
        loop {
            let wait = match self.round(&mut memory, &undecided).await {
                Ok(wait) => wait,
                // A person has changed it, or another replica is at it.
                Err(StoreError::Lost) => {
                    memory = Memory::default();
                    BETWEEN
                }
                Err(error) => {
                    if errors.admit(self.clock.now()) {
                        tracing::warn!(%error, "backfills can't go on; trying again");
                    }
                    AFTER_AN_ERROR
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Does a bit of work. How long to wait then.
    async fn round(&self, memory: &mut Memory, undecided: &LogLimiter) -> Result<Duration, StoreError> {
        // Whoever may not act leaves it to those who may.
        if self.lease_guard.permit().is_none() {
            return Ok(IDLE);
        }
        let (jobs, unreadable) = all(self.store.as_ref()).await?;
        for reason in unreadable {
            tracing::debug!(code = %reason.code, %reason, "a backfill is left alone");
        }
        let mut jobs: Vec<Listed> = jobs
            .into_iter()
            .filter(|one| one.job.state == JobState::Running || !one.job.open.is_empty())
            .collect();
        if jobs.is_empty() || !self.store.reserve(NAME, self.replica, TURN).await? {
            return Ok(IDLE);
        }
        for listed in &mut jobs {
            self.look(listed).await?;
        }
        match jobs.iter_mut().find(|one| one.job.state == JobState::Running) {
            Some(listed) => self.advance(memory, listed, undecided).await,
            None => Ok(IDLE),
        }
    }

    /// Writes down what became of the tickets that were taken in.
    async fn look(&self, listed: &mut Listed) -> Result<(), StoreError> {
        let before = listed.job.clone();
        let job = &mut listed.job;
        let standing = self.store.standing(&job.helpdesk, &job.open).await?;
        job.look(&standing, self.clock.now());
        // While one waits for what all need, that is what the backfill waits for.
        if job.state == JobState::Running && (job.free() == 0 || job.read_all) {
            let waits = job
                .open
                .iter()
                .find(|id| standing.iter().any(|(its, state)| its == *id && *state == State::Waiting));
            job.reason = match waits {
                Some(id) => {
                    let key = TicketKey { helpdesk: job.helpdesk.clone(), id: id.clone() };
                    self.store.ticket(&key).await?.and_then(|record| record.reason)
                }
                None => None,
            };
        }
        if *job == before {
            return Ok(());
        }
        if job.state == JobState::Done {
            let (id, taken_in) = (&listed.id, job.counts.taken_in);
            tracing::info!(backfill = %id, helpdesk = %job.helpdesk, taken_in, "a backfill is done");
        }
        listed.turn = self.store.save_progress(listed.save()?).await?;
        Ok(())
    }

    /// Takes some tickets in. How long to wait then.
    async fn advance(
        &self,
        memory: &mut Memory,
        listed: &mut Listed,
        undecided: &LogLimiter,
    ) -> Result<Duration, StoreError> {
        if listed.job.read_all || listed.job.free() == 0 {
            return Ok(BETWEEN);
        }
        let now = Instant::now();
        if let Some((until, _)) = memory.wait.filter(|(until, _)| *until > now) {
            return Ok((until - now).min(IDLE));
        }
        let snapshot = self.live.now();
        let helpdesk = snapshot.helpdesks.get(&listed.job.helpdesk);
        let helpdesk = helpdesk.and_then(|helpdesk| Some((helpdesk.as_ref(), helpdesk.listing()?)));
        let choice = Choice::new(listed.job.span.clone(), listed.job.condition.as_deref());
        let ((helpdesk, listing), choice) = match (helpdesk, choice) {
            (Some(helpdesk), Ok(choice)) => (helpdesk, choice),
            (_, Err(reason)) => return self.wait_for(memory, listed, reason, None).await,
            _ => {
                let name = &listed.job.helpdesk;
                let reason = GONE.reason(format!("there is no helpdesk “{name}” that lists its tickets"));
                return self.wait_for(memory, listed, reason, None).await;
            }
        };
        if memory.page.as_ref().is_none_or(|(id, _)| *id != listed.id) {
            match read_page(listing, listed).await {
                Ok(page) => memory.page = Some((listed.id.clone(), page)),
                Err(failure) => {
                    return self.wait_for(memory, listed, failure.reason(), failure.retry_after()).await;
                }
            }
            memory.failed.clear();
        }
        let Some((_, page)) = &memory.page else { return Ok(IDLE) };
        let some = undecided_of(page, &listed.job.decided, SOME.min(listed.job.free()));
        let fates = self.fates(helpdesk, &choice, &listed.job.helpdesk, &some).await?;
        let mut wanted = Vec::new();
        let mut failure = None;
        let before = listed.job.decided.len();
        for (reference, fate) in some.into_iter().zip(fates) {
            let counts = &mut listed.job.counts;
            let fate = match fate {
                Some(Fate::Later(why)) => match given_up(&mut memory.failed, &reference.id, why) {
                    Ok(why) => Some(Fate::Undecided(why)),
                    Err(why) => {
                        failure = Some(why);
                        continue;
                    }
                },
                fate => fate,
            };
            match fate {
                None => counts.known += 1,
                Some(Fate::Wanted) => wanted.push(reference.clone()),
                Some(Fate::LeftOut) => counts.left_out += 1,
                Some(Fate::Undecided(why)) => {
                    counts.undecided += 1;
                    if undecided.admit(self.clock.now()) {
                        let (ticket, why) = (&reference.id, printable(&why, DETAIL));
                        tracing::warn!(backfill = %listed.id, %ticket, why, "a backfill leaves out a ticket that nobody can decide about");
                    }
                }
                Some(Fate::Later(_)) => continue,
            }
            counts.listed += 1;
            listed.job.decided.push(reference.id.clone());
        }
        let is_read = undecided_of(page, &listed.job.decided, 1).is_empty();
        if is_read {
            listed.job.cursor = Some(page.next.clone());
            listed.job.read_all = !page.more;
            listed.job.decided.clear();
        }
        if failure.is_none() {
            listed.job.reason = None;
        }
        if is_read || listed.job.decided.len() > before || !wanted.is_empty() {
            self.take_in(listed, wanted).await?;
            memory.wait = None;
        }
        if is_read {
            memory.page = None;
        }
        match failure {
            Some(failure) => self.wait_for(memory, listed, failure.reason(), failure.retry_after()).await,
            None => Ok(Duration::ZERO),
        }
    }

    /// Takes tickets in, together with what is written of the backfill.
    async fn take_in(&self, listed: &mut Listed, wanted: Vec<Reference>) -> Result<(), StoreError> {
        let job = &mut listed.job;
        // Those that become known meanwhile are not ours, and nothing happens to them here. They
        // count as taken in all the same: what is written is written before that is known.
        job.counts.taken_in += u64::try_from(wanted.len()).unwrap_or_default();
        job.open.extend(wanted.iter().map(|reference| reference.id.clone()));
        let progress = listed.save()?;
        let job = &listed.job;
        if wanted.is_empty() {
            listed.turn = self.store.save_progress(progress).await?;
            return Ok(());
        }
        let taking_in = TakeIn {
            helpdesk: job.helpdesk.clone(),
            origin: Origin::Backfill { quiet: job.quiet },
            tickets: wanted,
            ahead: 0,
            progress: Some(progress),
        };
        self.store.take_in(taking_in).await?;
        listed.turn += 1;
        self.due.notify_one();
        Ok(())
    }

    /// What is to become of some references; nothing of what is known.
    async fn fates(
        &self,
        helpdesk: &dyn Helpdesk,
        choice: &Choice,
        name: &HelpdeskName,
        some: &[Reference],
    ) -> Result<Vec<Option<Fate>>, StoreError> {
        let ids: Vec<TicketId> = some.iter().map(|reference| reference.id.clone()).collect();
        let known = self.store.standing(name, &ids).await?;
        let fates = some.iter().map(|reference| {
            let is_known = known.iter().any(|(id, _)| *id == reference.id);
            async move { if is_known { None } else { Some(fate(helpdesk, choice, name, reference).await) } }
        });
        let fates: Vec<_> = fates.collect();
        Ok(futures_util::stream::iter(fates).buffered(SIDE_BY_SIDE).collect().await)
    }

    /// The backfill waits, and says what for.
    async fn wait_for(
        &self,
        memory: &mut Memory,
        listed: &mut Listed,
        reason: Reason,
        asked_for: Option<Duration>,
    ) -> Result<Duration, StoreError> {
        let last = memory.wait.map(|(_, length)| length);
        let own = last.map_or(FIRST_WAIT, |last| (last * 2).min(LONGEST_WAIT));
        let length = asked_for.map_or(own, |asked_for| asked_for.clamp(own, MOST_PATIENT));
        memory.wait = Some((Instant::now() + length, own));
        let reason = reason.printable();
        if listed.job.reason.as_ref() != Some(&reason) {
            tracing::warn!(backfill = %listed.id, code = %reason.code, %reason, "a backfill waits");
            listed.job.reason = Some(reason);
            listed.turn = self.store.save_progress(listed.save()?).await?;
        }
        Ok(length.min(IDLE))
    }
}

async fn read_page(listing: &dyn Listing, listed: &Listed) -> Result<Page, Failure> {
    let cursor = listed.job.cursor.clone().unwrap_or_else(|| listing.since(listed.job.span.since));
    listing.page(&cursor).await
}

/// The next ones of a page that were not decided about, each once.
fn undecided_of(page: &Page, decided: &[TicketId], most: usize) -> Vec<Reference> {
    let mut some: Vec<Reference> = Vec::new();
    for reference in &page.tickets {
        if some.len() == most {
            break;
        }
        if !decided.contains(&reference.id) && some.iter().all(|one| one.id != reference.id) {
            some.push(reference.clone());
        }
    }
    some
}

async fn fate(helpdesk: &dyn Helpdesk, choice: &Choice, name: &HelpdeskName, reference: &Reference) -> Fate {
    if choice.is_surely_not(reference.updated) {
        return Fate::LeftOut;
    }
    let key = TicketKey { helpdesk: name.clone(), id: reference.id.clone() };
    match helpdesk.observe(&key.id, reference.snapshot.as_deref()).await {
        Ok(Observed::Present { ticket, .. }) => match choice.wants(&key, &ticket, reference.updated) {
            Ok(true) => Fate::Wanted,
            Ok(false) => Fate::LeftOut,
            Err(error) => Fate::Undecided(error.to_string()),
        },
        Ok(Observed::Absent(_)) => Fate::LeftOut,
        Err(failure) if failure.is_transient() => Fate::Later(failure),
        // What is about us is about all tickets.
        Err(failure) if matches!(failure.cause, Cause::Unauthorized | Cause::PaymentRequired) => {
            Fate::Later(failure)
        }
        Err(failure) => Fate::Undecided(failure.to_string()),
    }
}

/// Whether a ticket that could not be read is left out: the others can be, again and again. Why,
/// or the failure.
fn given_up(failed: &mut HashMap<TicketId, u32>, id: &TicketId, failure: Failure) -> Result<String, Failure> {
    let is_about_it = matches!(
        failure.cause,
        Cause::NoAnswer(_) | Cause::ServerError { .. } | Cause::Unintelligible(_) | Cause::Conflict
    );
    if !is_about_it {
        return Err(failure);
    }
    let tries = failed.entry(id.clone()).or_default();
    *tries += 1;
    if *tries < TRIES { Err(failure) } else { Ok(failure.to_string()) }
}
