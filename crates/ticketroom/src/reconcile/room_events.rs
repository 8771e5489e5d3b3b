//! Places what people did in rooms: DocSpace names the folder of a file, and a ticket has a room.
//!
//! Intake keeps each event with its folder. This task takes folders with events that are not
//! placed, asks DocSpace which room each is in, and has the store give their events to the ticket
//! that has the room, which becomes due. Nothing that matters is in memory: whoever comes after a
//! crash finds the same folders unplaced, and placing twice is placing once.
//!
//! A portal has many rooms that are not ours. Which room a folder is in is remembered for ten
//! minutes; a folder whose events are nobody's is left alone for a minute, since its room may be on
//! its way into a ledger, and one that DocSpace could not tell of is for a growing while. Of
//! several replicas one asks ([`Reservations`](crate::store::Reservations)).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::call::{Cause, Failure};
use crate::clock::Clock;
use crate::docspace::DocSpace;
use crate::live::Live;
use crate::log_limit::LogLimiter;
use crate::metrics::Metrics;
use crate::replica::lease_guard::LeaseGuard;
use crate::room::{FolderId, RoomId};
use crate::store::{Placed, Store, StoreError};

/// What the replicas agree on which of them asks by.
const NAME: &str = "room-events";
/// How long the one that asks has the name. It only spares calls, so it is short: nobody places
/// anything for as long after a crash.
const TURN: Duration = Duration::from_secs(5);
/// How often the store is asked at least: another process may have taken a delivery.
const TICK: Duration = Duration::from_secs(5);
/// How long a round waits after an event came in: of a storm, many are placed at once.
const GATHERING: Duration = Duration::from_millis(100);
/// How often DocSpace is asked who we are, until it tells.
const WHO_WE_ARE: Duration = Duration::from_secs(60);
/// How long the store is left alone after an error.
const AFTER_AN_ERROR: Duration = Duration::from_secs(10);
/// Folders of one round.
const ROUND: usize = 200;
/// Look-ups side by side: few, so that those of tickets have most of DocSpace's lanes.
const SIDE_BY_SIDE: usize = 8;
/// How long a folder is taken to be in the same room.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Folders whose rooms are remembered.
const MOST_REMEMBERED: usize = 10_000;
/// Folders that are left alone. Beyond it they are asked for again, which does no harm.
const MOST_LEFT_ALONE: usize = 20_000;
/// How long a folder is left alone whose events are nobody's.
const NOBODYS: Duration = Duration::from_secs(60);
/// How long one is for the first time that DocSpace could not tell of; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest such wait, unless DocSpace asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest wait that DocSpace may ask for.
const MOST_PATIENT: Duration = Duration::from_secs(600);

/// What the task is made of.
pub struct Placing {
    /// Where events and tickets are.
    pub store: Arc<dyn Store>,
    /// The portal that is configured.
    pub live: Arc<Live>,
    /// The time, for the log.
    pub clock: Arc<dyn Clock>,
    /// Where it is counted.
    pub metrics: Metrics,
    /// Whether this process may act.
    pub lease_guard: LeaseGuard,
    /// This process among others on the store.
    pub replica: Uuid,
    /// Told of events that come in.
    pub came_in: Arc<Notify>,
    /// Told of tickets that become due.
    pub due: Arc<Notify>,
}

impl fmt::Debug for Placing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placing").finish_non_exhaustive()
    }
}

/// What became of a folder.
enum Outcome {
    /// Its events belong to a ticket, or to nobody.
    Placed(Option<RoomId>, Placed),
    /// DocSpace could not tell just now.
    Later(Failure),
}

impl Placing {
    /// Places events, for as long as it is polled.
    pub async fn run(self) {
        let mut memory = Memory::default();
        let mut replacements = self.live.replacements();
        let (failures, errors) = (
            LogLimiter::new("folders whose rooms DocSpace does not tell"),
            LogLimiter::new("rounds without the store"),
        );
        loop {
            let wait = match self.round(&mut memory, &failures).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => TICK,
                Err(error) => {
                    if errors.admit(self.clock.now()) {
                        tracing::warn!(%error, "events of rooms can't be placed; trying again");
                    }
                    AFTER_AN_ERROR
                }
            };
            tokio::select! {
                () = self.came_in.notified() => tokio::time::sleep(GATHERING).await,
                // Webhooks may be taken from now on.
                Ok(()) = replacements.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Places the events of some folders. Whether there may be more to do at once.
    async fn round(&self, memory: &mut Memory, failures: &LogLimiter) -> Result<bool, StoreError> {
        let snapshot = self.live.now();
        let docspace = &snapshot.docspace;
        memory.forget_another_account(docspace);
        // Whoever may not act leaves it to those who may.
        if self.lease_guard.permit().is_none() {
            return Ok(false);
        }
        let now = Instant::now();
        if !snapshot.config.docspace.webhook_secrets.is_empty() && memory.may_ask_who_we_are(now) {
            // What we do ourselves is not reported, and that can be told once it is known who we
            // are. Remembered over there.
            let _ = docspace.own_id().await;
        }
        memory.left_alone.forget_those_of_before(now);
        // Those that are left alone are the longest waiting ones. One more than is placed tells
        // whether there are more.
        let waiting = self.store.unplaced(memory.left_alone.len() + ROUND + 1).await?;
        let mut folders: Vec<FolderId> =
            waiting.into_iter().filter(|folder| !memory.left_alone.has(*folder, now)).collect();
        let more = folders.len() > ROUND;
        folders.truncate(ROUND);
        if folders.is_empty() || !self.store.reserve(NAME, self.replica, TURN).await? {
            return Ok(false);
        }
        let placing = folders.into_iter().map(|folder| {
            let known = memory.rooms.get(folder, now);
            async move { (folder, self.place(docspace, folder, known).await) }
        });
        let placing: Vec<_> = placing.collect();
        let mut placing = futures_util::stream::iter(placing).buffer_unordered(SIDE_BY_SIDE);
        let mut error = None;
        while let Some((folder, placed)) = placing.next().await {
            match placed {
                Ok(outcome) => self.note(memory, failures, folder, outcome),
                Err(unusable) => error = Some(unusable),
            }
        }
        error.map_or(Ok(more), Err)
    }

    /// Gives the events of a folder to the ticket that has its room.
    async fn place(
        &self,
        docspace: &DocSpace,
        folder: FolderId,
        known: Option<RoomId>,
    ) -> Result<Outcome, StoreError> {
        let room = match known {
            Some(room) => Some(room),
            None => match docspace.room_of(folder).await {
                Ok(room) => room,
                // It is gone, or is somebody's own: in no room of ours.
                Err(Failure { cause: Cause::NotFound | Cause::Forbidden, .. }) => None,
                Err(failure) => return Ok(Outcome::Later(failure)),
            },
        };
        Ok(Outcome::Placed(room, self.store.place(folder, room).await?))
    }

    fn note(&self, memory: &mut Memory, failures: &LogLimiter, folder: FolderId, outcome: Outcome) {
        let now = Instant::now();
        match outcome {
            Outcome::Placed(room, placed) => {
                memory.left_alone.no_more(folder);
                if let Some(room) = room {
                    memory.rooms.put(folder, room, now);
                }
                match placed {
                    Placed::Ticket => {
                        self.metrics.folder_placed("ticket");
                        self.due.notify_one();
                    }
                    Placed::Nobody => {
                        self.metrics.folder_placed("nobody");
                        memory.left_alone.pause(folder, now, NOBODYS);
                    }
                }
            }
            Outcome::Later(failure) => {
                self.metrics.folder_placed("later");
                memory.left_alone.pause_longer(folder, now, failure.retry_after());
                if failures.admit(self.clock.now()) {
                    let reason = failure.reason();
                    let code = reason.code.as_ref();
                    tracing::warn!(%folder, code, %reason, "DocSpace does not tell which room a folder is in; trying again");
                }
            }
        }
    }
}

/// What spares calls. All of it may be forgotten at any time.
#[derive(Debug, Default)]
struct Memory {
    account: Option<url::Url>,
    asked_who_we_are: Option<Instant>,
    rooms: Rooms,
    left_alone: LeftAlone,
}

impl Memory {
    /// Another portal has other folders under the same numbers.
    fn forget_another_account(&mut self, docspace: &DocSpace) {
        if self.account.as_ref() != Some(docspace.portal()) {
            *self = Self { account: Some(docspace.portal().clone()), ..Self::default() };
        }
    }

    fn may_ask_who_we_are(&mut self, now: Instant) -> bool {
        let may = self.asked_who_we_are.is_none_or(|asked| now.duration_since(asked) >= WHO_WE_ARE);
        if may {
            self.asked_who_we_are = Some(now);
        }
        may
    }
}

/// Which rooms folders are in: those that were asked for last.
#[derive(Debug, Default)]
struct Rooms {
    of: HashMap<FolderId, Remembered>,
    /// The folders in the order in which they were asked for, by `Remembered::used`.
    order: BTreeMap<u64, FolderId>,
    uses: u64,
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    room: RoomId,
    since: Instant,
    used: u64,
}

impl Rooms {
    fn get(&mut self, folder: FolderId, now: Instant) -> Option<RoomId> {
        let remembered = self.forget(folder)?;
        if now.duration_since(remembered.since) >= REMEMBERED {
            return None;
        }
        self.remember(folder, remembered.room, remembered.since);
        Some(remembered.room)
    }

    fn put(&mut self, folder: FolderId, room: RoomId, now: Instant) {
        // It counts from when DocSpace was asked, however often it is used.
        let since = self.forget(folder).filter(|was| was.room == room).map_or(now, |was| was.since);
        self.remember(folder, room, since);
        while self.of.len() > MOST_REMEMBERED {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.of.remove(&oldest);
        }
    }

    fn remember(&mut self, folder: FolderId, room: RoomId, since: Instant) {
        self.uses += 1;
        self.order.insert(self.uses, folder);
        self.of.insert(folder, Remembered { room, since, used: self.uses });
    }

    fn forget(&mut self, folder: FolderId) -> Option<Remembered> {
        let remembered = self.of.remove(&folder)?;
        self.order.remove(&remembered.used);
        Some(remembered)
    }
}

/// Folders that are not asked for again before their time.
#[derive(Debug, Default)]
struct LeftAlone {
    folders: HashMap<FolderId, Pause>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    ends: Instant,
    length: Duration,
}

impl LeftAlone {
    fn len(&self) -> usize {
        self.folders.len()
    }

    fn has(&self, folder: FolderId, now: Instant) -> bool {
        self.folders.get(&folder).is_some_and(|pause| now < pause.ends)
    }

    fn no_more(&mut self, folder: FolderId) {
        self.folders.remove(&folder);
    }

    fn pause(&mut self, folder: FolderId, now: Instant, length: Duration) {
        if self.folders.len() < MOST_LEFT_ALONE || self.folders.contains_key(&folder) {
            self.folders.insert(folder, Pause { ends: now + length, length });
        }
    }

    /// Twice as long as the last time, or as long as was asked for.
    fn pause_longer(&mut self, folder: FolderId, now: Instant, asked_for: Option<Duration>) {
        let last = self.folders.get(&folder).map(|pause| pause.length);
        let own = last.map_or(FIRST_WAIT, |last| (last * 2).min(LONGEST_WAIT));
        self.pause(folder, now, asked_for.map_or(own, |asked_for| asked_for.clamp(own, MOST_PATIENT)));
    }

    /// How long a pause was is kept for a while after its end, since the next one may be longer.
    fn forget_those_of_before(&mut self, now: Instant) {
        self.folders.retain(|_, pause| now < pause.ends + LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(7);

    #[test]
    fn rooms_are_remembered_for_a_while_and_the_ones_asked_for_last_stay() {
        let mut rooms = Rooms::default();
        let start = Instant::now();
        rooms.put(FolderId(1), ROOM, start);
        let almost = start + REMEMBERED - Duration::from_secs(1);
        assert_eq!(rooms.get(FolderId(1), almost), Some(ROOM));
        rooms.put(FolderId(1), ROOM, almost);
        assert_eq!(rooms.get(FolderId(1), start + REMEMBERED), None, "use does not prolong it");
        rooms.put(FolderId(1), ROOM, start);
        for number in 2..=i64::try_from(MOST_REMEMBERED).unwrap() {
            rooms.put(FolderId(number), ROOM, start);
        }
        assert_eq!(rooms.get(FolderId(1), start), Some(ROOM));
        rooms.put(FolderId(-1), ROOM, start);
        assert_eq!(rooms.get(FolderId(1), start), Some(ROOM), "it was asked for just now");
        assert_eq!(rooms.get(FolderId(2), start), None, "it made room for another one");
        assert_eq!((rooms.of.len(), rooms.order.len()), (MOST_REMEMBERED, MOST_REMEMBERED));
    }

    #[test]
    fn a_folder_is_left_alone_for_longer_and_longer() {
        let mut left = LeftAlone::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..7 {
            left.pause_longer(FolderId(1), now, None);
            let pause = left.folders[&FolderId(1)];
            assert!(left.has(FolderId(1), now) && !left.has(FolderId(1), pause.ends));
            waits.push(pause.length.as_secs());
            now = pause.ends;
            left.forget_those_of_before(now);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        left.pause_longer(FolderId(2), now, Some(Duration::from_secs(30)));
        left.pause_longer(FolderId(3), now, Some(Duration::from_secs(86_400)));
        assert_eq!(left.folders[&FolderId(2)].length, Duration::from_secs(30));
        assert_eq!(left.folders[&FolderId(3)].length, MOST_PATIENT);
        left.forget_those_of_before(now + MOST_PATIENT + LONGEST_WAIT);
        assert_eq!(left.len(), 0);
    }

    #[test]
    fn what_is_left_alone_is_bounded() {
        let mut left = LeftAlone::default();
        let now = Instant::now();
        for number in 0..=i64::try_from(MOST_LEFT_ALONE).unwrap() {
            left.pause(FolderId(number), now, NOBODYS);
        }
        assert_eq!(left.len(), MOST_LEFT_ALONE);
    }
}
