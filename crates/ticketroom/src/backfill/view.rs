//! A backfill as people and programs see it.

use serde::{Deserialize, Serialize};

use super::job::{Counts, Job, JobState};
use super::jobs::Listed;
use crate::clock::Timestamp;
use crate::reason::Reason;

/// A backfill.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Backfill))]
pub struct BackfillView {
    /// By what it is known.
    pub id: String,
    /// The helpdesk's name.
    pub helpdesk: String,
    /// Tickets that were created at or after this time.
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// And before this one.
    #[cfg_attr(test, schema(required = true, value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// And that meet this condition.
    #[cfg_attr(test, schema(required = true))]
    pub r#where: Option<String>,
    /// Whether they get no internal notes with the links.
    pub no_note: bool,
    /// How it stands.
    pub state: JobState,
    /// What it waits for.
    #[cfg_attr(test, schema(required = true))]
    pub reason: Option<String>,
    /// The stable code of the reason; docs/errors.md has all of them.
    #[cfg_attr(test, schema(required = true))]
    pub code: Option<String>,
    /// How many tickets the listing named so far.
    pub listed: u64,
    /// How many of them were known already, and left alone.
    pub known: u64,
    /// How many of them were not wanted.
    pub left_out: u64,
    /// How many of them could not be decided about; the log names them.
    pub undecided: u64,
    /// How many were taken in.
    pub taken_in: u64,
    /// How many of those are not worked off yet.
    pub open: u64,
    /// How many of those came to rest with a room.
    pub ready: u64,
    /// How many of those came to rest without one, as the rules say.
    pub without_room: u64,
    /// How many of those came to rest with a room in the archive.
    pub archived: u64,
    /// How many of those were blocked when they first came to rest.
    pub blocked: u64,
    /// How many tickets the plan expected to be taken in.
    #[cfg_attr(test, schema(required = true))]
    pub expected: Option<u64>,
    /// How many seconds it takes from now on, at the pace of the last minutes, where that is known.
    #[cfg_attr(test, schema(required = true))]
    pub seconds_left: Option<u64>,
    /// When it was asked for.
    #[cfg_attr(test, schema(value_type = String, format = DateTime))]
    pub created: Timestamp,
    /// Since when it is over.
    #[cfg_attr(test, schema(required = true, value_type = Option<String>, format = DateTime))]
    pub ended: Option<Timestamp>,
}

impl BackfillView {
    /// The view of a backfill now.
    #[must_use]
    pub fn new(listed: &Listed, now: Timestamp) -> Self {
        let job: &Job = &listed.job;
        let Counts {
            listed: named,
            known,
            left_out,
            undecided,
            taken_in,
            ready,
            without_room,
            archived,
            blocked,
        } = job.counts;
        Self {
            id: listed.id.to_string(),
            helpdesk: job.helpdesk.to_string(),
            since: job.span.since,
            until: job.span.until,
            r#where: job.condition.clone(),
            no_note: job.quiet,
            state: job.state,
            reason: job.reason.as_ref().map(Reason::to_string),
            code: job.reason.as_ref().map(|reason| reason.code.to_string()),
            listed: named,
            known,
            left_out,
            undecided,
            taken_in,
            open: u64::try_from(job.open.len()).unwrap_or(u64::MAX),
            ready,
            without_room,
            archived,
            blocked,
            expected: job.expected,
            seconds_left: job.time_left(now).map(|left| left.as_secs()),
            created: job.created,
            ended: job.ended,
        }
    }
}
