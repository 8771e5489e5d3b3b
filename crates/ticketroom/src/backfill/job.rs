//! A backfill as the store keeps it: what is wanted, how far the listing was read, which of its
//! tickets are not worked off yet, and what became of the others.
//!
//! It is a record of progress ([`crate::store::Listings`]) under the name `backfill/ID`. Each
//! change is written with its turn, so of two who change it one begins again: a person who pauses
//! it, and the replica that is at it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::choice::Span;
use crate::clock::{Timestamp, until};
use crate::helpdesk::listing::Cursor;
use crate::reason::Reason;
use crate::store::State;
use crate::ticket::{HelpdeskName, TicketId};

/// What the names of all records begin with.
pub(super) const PREFIX: &str = "backfill/";
/// Tickets of one backfill that are not worked off, at most. So the queue stays short, and little
/// goes on after a backfill was paused or cancelled.
pub const MOST_OPEN: usize = 200;
/// How often the number of tickets that have come to rest is noted, for the time that is left.
const NOTED_EVERY: Duration = Duration::from_secs(30);
/// How many of these notes are kept.
const NOTES: usize = 10;

/// By what a backfill is known: eight of `0-9` and `a-f`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackfillId(String);

impl BackfillId {
    /// The id that comes of a name that nobody else has.
    #[must_use]
    pub fn new(unique: uuid::Uuid) -> Self {
        Self(format!("{:.8}", unique.simple().to_string()))
    }

    /// The name of its record.
    pub(super) fn record(&self) -> String {
        format!("{PREFIX}{self}")
    }
}

impl FromStr for BackfillId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let is_one = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_one { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

impl fmt::Display for BackfillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no id of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a backfill has eight of 0-9 and a-f; “ticketroom backfill list” shows them")]
pub struct NotAnId;

/// How a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = BackfillState))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It goes on, or waits for its turn.
    Running,
    /// A person paused it: no more tickets are taken in.
    Paused,
    /// A person cancelled it.
    Cancelled,
    /// Everything was taken in and worked off.
    Done,
}

impl JobState {
    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }

    /// Whether nothing can be asked of it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done)
    }
}

/// What a person asks of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Takes no more tickets in for now.
    Pause,
    /// Goes on.
    Resume,
    /// Takes no more tickets in.
    Cancel,
}

/// How many tickets it was so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// The listing named them.
    pub listed: u64,
    /// They were known already, and left alone.
    pub known: u64,
    /// They were not wanted.
    pub left_out: u64,
    /// Nobody can say whether they are wanted: the helpdesk does not tell of them, or the condition
    /// can't be evaluated for them.
    pub undecided: u64,
    /// They were taken in.
    pub taken_in: u64,
    /// Of those, have come to rest with a room.
    pub ready: u64,
    /// Of those, have come to rest without one, as the rules say.
    pub without_room: u64,
    /// Of those, have come to rest with a room in the archive.
    pub archived: u64,
    /// Of those, were blocked when they first came to rest.
    pub blocked: u64,
}

impl Counts {
    /// How many have come to rest.
    #[must_use]
    pub fn rested(&self) -> u64 {
        self.ready + self.without_room + self.archived + self.blocked
    }
}

/// A backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Whose tickets.
    pub helpdesk: HelpdeskName,
    /// From when.
    #[serde(flatten)]
    pub span: Span,
    /// Which of these: the source of a condition.
    pub condition: Option<String>,
    /// Whether they get no internal notes with the links.
    pub quiet: bool,
    /// When it was asked for.
    pub created: Timestamp,
    /// How it stands.
    pub state: JobState,
    /// Since when it is over.
    pub ended: Option<Timestamp>,
    /// How many tickets the plan expected to be taken in.
    pub expected: Option<u64>,
    /// What it waits for.
    pub reason: Option<Reason>,
    /// The page that is read is after this one; none at the beginning.
    pub cursor: Option<Cursor>,
    /// What of that page was decided about.
    pub decided: Vec<TicketId>,
    /// Whether there is no further page.
    pub read_all: bool,
    /// How many tickets it was so far.
    pub counts: Counts,
    /// What was taken in and has not come to rest yet.
    pub open: Vec<TicketId>,
    /// How many had come to rest at some times of the last minutes.
    pub pace: Vec<(Timestamp, u64)>,
}

impl Job {
    /// A backfill that was asked for now.
    #[must_use]
    pub fn new(
        helpdesk: HelpdeskName,
        span: Span,
        condition: Option<String>,
        quiet: bool,
        expected: Option<u64>,
        now: Timestamp,
    ) -> Self {
        Self {
            helpdesk,
            span,
            condition,
            quiet,
            created: now,
            state: JobState::Running,
            ended: None,
            expected,
            reason: None,
            cursor: None,
            decided: Vec::new(),
            read_all: false,
            counts: Counts::default(),
            open: Vec::new(),
            pace: Vec::new(),
        }
    }

    /// How many more may be taken in now.
    #[must_use]
    pub fn free(&self) -> usize {
        MOST_OPEN.saturating_sub(self.open.len())
    }

    /// Pauses, resumes or cancels. Whether it can still be done: what is over stays so.
    pub fn steer(&mut self, steering: Steering, now: Timestamp) -> bool {
        if self.state.is_over() {
            return steering == Steering::Cancel && self.state == JobState::Cancelled;
        }
        self.reason = None;
        // What was done before a pause says nothing about the pace after it.
        self.pace.clear();
        match steering {
            Steering::Pause => self.state = JobState::Paused,
            Steering::Resume => self.state = JobState::Running,
            Steering::Cancel => {
                self.state = JobState::Cancelled;
                self.ended = Some(now);
            }
        }
        true
    }

    /// How those that are open stand now. What is not known any more counts as left out.
    pub fn look(&mut self, standing: &[(TicketId, State)], now: Timestamp) {
        let counts = &mut self.counts;
        self.open.retain(|id| {
            let state = standing.iter().find(|(its, _)| its == id).map(|(_, state)| *state);
            match state {
                Some(State::Waiting | State::Working) => return true,
                Some(State::Ready) => counts.ready += 1,
                Some(State::Skipped) | None => counts.without_room += 1,
                Some(State::Archived) => counts.archived += 1,
                Some(State::Blocked) => counts.blocked += 1,
            }
            false
        });
        if self.state == JobState::Running {
            self.note_pace(now);
        }
        if self.state == JobState::Running && self.read_all && self.open.is_empty() {
            self.state = JobState::Done;
            self.ended = Some(now);
            self.reason = None;
        }
    }

    fn note_pace(&mut self, now: Timestamp) {
        if self.pace.last().is_some_and(|(at, _)| until(*at, now) < NOTED_EVERY && *at <= now) {
            return;
        }
        self.pace.push((now, self.counts.rested()));
        if self.pace.len() > NOTES {
            self.pace.remove(0);
        }
    }

    /// How long it takes from now on, at the pace of the last minutes. Not known at the beginning,
    /// and while nothing goes on.
    #[must_use]
    pub fn time_left(&self, now: Timestamp) -> Option<Duration> {
        if self.state != JobState::Running {
            return None;
        }
        let open = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        let left =
            if self.read_all { open } else { self.expected?.saturating_sub(self.counts.rested()).max(open) };
        let (since, then) = self.pace.first()?;
        let (took, done) = (until(*since, now), self.counts.rested().saturating_sub(*then));
        if done == 0 || took.is_zero() {
            return None;
        }
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        Some(took.saturating_mul(left) / u32::try_from(done).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job() -> Job {
        let span = Span::parse("2026-01-01", None).unwrap();
        Job::new("zendesk".parse().unwrap(), span, None, true, Some(100), at(0))
    }

    fn ids(ids: std::ops::Range<u64>) -> Vec<TicketId> {
        ids.map(TicketId::from).collect()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut job = job();
        job.steer(Steering::Pause, at(1));
        job.open = ids(1..3);
        let written = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&written).unwrap(), job);
        let id = BackfillId::new(uuid::Uuid::nil());
        assert_eq!((id.to_string(), id.record()), ("00000000".to_owned(), "backfill/00000000".to_owned()));
        assert_eq!("00000000".parse(), Ok(id));
        assert!("0000000g".parse::<BackfillId>().is_err() && "000".parse::<BackfillId>().is_err());
    }

    #[test]
    fn what_has_come_to_rest_is_counted_once() {
        let mut job = job();
        job.open = ids(1..8);
        let states =
            [State::Waiting, State::Working, State::Ready, State::Skipped, State::Archived, State::Blocked];
        let standing: Vec<_> = ids(1..7).into_iter().zip(states).collect();
        job.look(&standing, at(1));
        assert_eq!(job.open, ids(1..3));
        let counts = Counts { ready: 1, without_room: 2, archived: 1, blocked: 1, ..Counts::default() };
        assert_eq!(job.counts, counts, "the seventh is not known any more");
        job.look(&standing, at(2));
        assert_eq!((job.counts, job.free()), (counts, MOST_OPEN - 2));
        job.read_all = true;
        job.look(&standing, at(3));
        assert_eq!(job.state, JobState::Running);
        job.look(&[(TicketId::from(1), State::Ready), (TicketId::from(2), State::Ready)], at(4));
        assert_eq!((job.state, job.ended), (JobState::Done, Some(at(4))));
        assert!(!job.steer(Steering::Resume, at(5)) && !job.steer(Steering::Cancel, at(5)));
    }

    #[test]
    fn it_can_be_steered_until_it_is_over() {
        let mut job = job();
        assert!(job.steer(Steering::Pause, at(1)));
        job.read_all = true;
        job.look(&[], at(2));
        assert_eq!((job.state, job.ended), (JobState::Paused, None), "a paused one does not end by itself");
        assert!(job.steer(Steering::Resume, at(3)));
        job.look(&[], at(4));
        assert_eq!(job.state, JobState::Done);
        let mut job = self::job();
        assert!(job.steer(Steering::Cancel, at(1)) && job.steer(Steering::Cancel, at(2)), "twice is once");
        assert_eq!((job.state, job.ended), (JobState::Cancelled, Some(at(1))));
        assert!(!job.steer(Steering::Resume, at(3)));
    }

    #[test]
    fn the_time_left_goes_by_the_last_minutes() {
        let mut job = job();
        job.look(&[], at(0));
        assert_eq!(job.time_left(at(0)), None, "nothing is known yet");
        job.counts.ready = 10;
        assert_eq!(job.time_left(at(60)), Some(Duration::from_secs(540)), "90 are left, 10 a minute");
        for round in 0..20 {
            job.look(&[], at(60 + round * 30));
        }
        assert_eq!(job.pace.len(), NOTES);
        assert_eq!(job.time_left(at(660)), None, "nothing went on for minutes");
        job.counts.ready = 20;
        job.read_all = true;
        job.open = ids(1..6);
        assert!(job.time_left(at(660)).is_some_and(|left| left < Duration::from_secs(180)), "5 are left");
        job.steer(Steering::Pause, at(661));
        assert_eq!(job.time_left(at(662)), None);
    }
}
