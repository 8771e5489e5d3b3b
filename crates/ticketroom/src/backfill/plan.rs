//! What a backfill comes to, before anything is done.
//!
//! The whole listing is read, which costs a call for each hundred tickets or so. Of the tickets
//! that are not known some are observed, all of them if they are few; what was found for these is
//! taken to hold for the others. The figures say how many that were.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;

use super::choice::Choice;
use super::job::Job;
use crate::call::Failure;
use crate::clock::Timestamp;
use crate::docspace::limits::Limits;
use crate::helpdesk::listing::Reference;
use crate::helpdesk::{Helpdesk, Listing, Observed};
use crate::reason::Reason;
use crate::reconcile::preview::preview;
use crate::rule::Rules;
use crate::store::{Queries, StoreError};
use crate::ticket::{HelpdeskName, Status, Ticket, TicketId, TicketKey};

/// Tickets that are observed at most.
pub const SAMPLE: usize = 200;
/// Tickets of a listing that are read at most; beyond it the plan says that there are more.
pub const MOST_LISTED: usize = 200_000;
/// Tickets that are shown.
const SHOWN: usize = 10;
/// Tickets that are observed side by side.
const SIDE_BY_SIDE: usize = 4;
/// Tickets that the store is asked for at once.
const AT_ONCE: usize = 500;
/// How long the plan waits at most where the helpdesk asks for it.
const MOST_PATIENT: Duration = Duration::from_secs(120);
/// DocSpace writes that a room with folders, people and a link costs.
pub const WRITES_PER_ROOM: u64 = 3;
/// DocSpace requests that it costs, looks included.
pub const REQUESTS_PER_ROOM: u64 = 10;
const HOURS_OF_A_DAY: f64 = 24.0;

/// What a backfill comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Tickets that have changed since the beginning of the span, each once.
    pub listed: u64,
    /// Whether the listing was read to its end.
    pub listed_all: bool,
    /// Of those, are known already.
    pub known: u64,
    /// Of those that are not known, were observed.
    pub observed: u64,
    /// Of those observed, could not be read or decided about.
    pub undecided: u64,
    /// Tickets that are not known and are wanted.
    pub matching: u64,
    /// Of those, would get a room by the rules of today.
    pub rooms: u64,
    /// Whether the two are what was found for a sample, taken to hold for all.
    pub extrapolated: bool,
    /// DocSpace writes that the rooms cost.
    pub writes: u64,
    /// Hours that it takes with what the limits leave beside tickets that come in; none if they
    /// leave nothing.
    pub hours: Option<f64>,
    /// The first of them.
    pub first: Vec<First>,
}

/// A ticket of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct First {
    /// Its id.
    pub id: TicketId,
    /// What people call it, where that is not its id.
    pub key: Option<String>,
    /// Its subject: untrusted text.
    pub subject: String,
    /// When it was created, where the helpdesk tells.
    pub created: Option<Timestamp>,
    /// The template of its room.
    pub template: Option<String>,
    /// Why it gets none.
    pub why_none: Option<String>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplanned {
    /// The helpdesk does not tell.
    #[error("{0}")]
    Helpdesk(Failure),
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The choice is wrong.
    #[error("{0}")]
    Choice(Reason),
}

/// What plans are made with.
pub struct Planning<'a> {
    /// Whose tickets.
    pub helpdesk: &'a dyn Helpdesk,
    /// What is known.
    pub store: &'a dyn Queries,
    /// The rules of today.
    pub rules: &'a Rules,
    /// DocSpace's limits.
    pub limits: Limits,
    /// The time.
    pub now: Timestamp,
}

impl Planning<'_> {
    /// Plans a backfill.
    ///
    /// # Errors
    /// Why that is not possible now.
    pub async fn plan(&self, listing: &dyn Listing, job: &Job) -> Result<Plan, Unplanned> {
        let choice = Choice::new(job.span.clone(), job.condition.as_deref()).map_err(Unplanned::Choice)?;
        let (mut references, listed_all) = self.listed(listing, job).await?;
        let listed = references.len();
        let mut known = HashSet::new();
        for some in references.chunks(AT_ONCE) {
            let ids: Vec<TicketId> = some.iter().map(|one| one.id.clone()).collect();
            let standing = self.store.standing(&job.helpdesk, &ids).await?;
            known.extend(standing.into_iter().map(|(id, _)| id));
        }
        references.retain(|one| !known.contains(&one.id));
        let unknown = references.len();
        let sample = spread(references, SAMPLE);
        let observed = sample.len();
        let found = self.observe(&choice, &job.helpdesk, sample).await?;
        let undecided = observed - found.len();
        let mut wanted: Vec<First> = found.into_iter().flatten().collect();
        let rooms = wanted.iter().filter(|one| one.template.is_some()).count();
        wanted.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        let matching = scaled(wanted.len(), unknown, observed);
        let rooms = scaled(rooms, unknown, observed);
        wanted.truncate(SHOWN);
        let left = self.store.figures(self.now, self.limits.writes_per_day).await?.writes_left;
        let writes = rooms.saturating_mul(WRITES_PER_ROOM);
        Ok(Plan {
            listed: count(listed),
            listed_all,
            known: count(known.len()),
            observed: count(observed),
            undecided: count(undecided),
            matching,
            rooms,
            extrapolated: observed < unknown,
            writes,
            hours: hours(rooms, left, &self.limits),
            first: wanted,
        })
    }

    /// What the listing names, each once, in the order of the latest changes.
    async fn listed(&self, listing: &dyn Listing, job: &Job) -> Result<(Vec<Reference>, bool), Unplanned> {
        let mut all: HashMap<TicketId, Reference> = HashMap::new();
        let mut cursor = listing.since(job.span.since);
        loop {
            let page = patiently(async || listing.page(&cursor).await).await.map_err(Unplanned::Helpdesk)?;
            for reference in page.tickets {
                if job.span.since <= reference.updated {
                    all.insert(reference.id.clone(), reference);
                }
            }
            if !page.more || all.len() >= MOST_LISTED {
                let mut all: Vec<Reference> = all.into_values().collect();
                all.sort_by(|one, other| (one.updated, &one.id).cmp(&(other.updated, &other.id)));
                return Ok((all, !page.more));
            }
            cursor = page.next;
        }
    }

    /// Those of a sample that could be decided about: what they would get, or nothing if they are
    /// not wanted.
    async fn observe(
        &self,
        choice: &Choice,
        name: &HelpdeskName,
        sample: Vec<Reference>,
    ) -> Result<Vec<Option<First>>, Unplanned> {
        let looks = sample.into_iter().map(|reference| async move {
            let reported = reference.snapshot.as_deref();
            let seen = patiently(async || self.helpdesk.observe(&reference.id, reported).await).await;
            let ticket = match seen {
                Ok(Observed::Present { ticket, .. }) => ticket,
                Ok(Observed::Absent(_)) => return Ok(Some(None)),
                Err(failure) if failure.is_transient() => return Err(Unplanned::Helpdesk(failure)),
                Err(_) => return Ok(None),
            };
            let key = TicketKey { helpdesk: name.clone(), id: reference.id.clone() };
            Ok(match choice.wants(&key, &ticket, reference.updated) {
                Ok(true) => Some(Some(first(self.rules, &key, *ticket))),
                Ok(false) => Some(None),
                Err(_) => None,
            })
        });
        let looks: Vec<_> = looks.collect();
        let mut looks = futures_util::stream::iter(looks).buffered(SIDE_BY_SIDE);
        let mut found = Vec::new();
        while let Some(looked) = looks.next().await {
            found.extend(looked?);
        }
        Ok(found)
    }
}

/// What a ticket would get if it came now.
fn first(rules: &Rules, key: &TicketKey, ticket: Ticket) -> First {
    let (template, why_none) = match (ticket.status, preview(rules, key, &ticket)) {
        // Nobody works on them any more, whatever the rules say.
        (Status::Closed | Status::Deleted, _) => (None, Some(format!("it is {}", ticket.status.as_str()))),
        (_, Ok(preview)) => match (preview.room, preview.rule) {
            (Some(room), _) => (Some(room.template), None),
            (None, Some(rule)) => (None, Some(format!("rule: {rule}"))),
            (None, None) => (None, Some("the rules make no room".to_owned())),
        },
        (_, Err(error)) => (None, Some(error.to_string())),
    };
    First {
        id: key.id.clone(),
        key: ticket.key,
        subject: ticket.subject,
        created: ticket.created,
        template,
        why_none,
    }
}

/// Asks again where the helpdesk says when, as long as that is soon.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut left = MOST_PATIENT;
    loop {
        match ask().await {
            Err(failure) => match failure.retry_after() {
                Some(wait) if wait <= left => {
                    tokio::time::sleep(wait).await;
                    left = left.saturating_sub(wait.max(Duration::from_secs(1)));
                }
                _ => return Err(failure),
            },
            done => return done,
        }
    }
}

/// So many of them, evenly spread.
fn spread(all: Vec<Reference>, most: usize) -> Vec<Reference> {
    let of = all.len();
    if of <= most {
        return all;
    }
    let is_taken = |place: usize| (place + 1) * most / of > place * most / of;
    all.into_iter().enumerate().filter(|(place, _)| is_taken(*place)).map(|(_, one)| one).collect()
}

/// What holds for a part, for all.
fn scaled(found: usize, all: usize, observed: usize) -> u64 {
    if observed == 0 || observed == all {
        return count(found);
    }
    (count(found) * count(all) + count(observed) / 2) / count(observed)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// How long so many rooms take: what is left of today for backfills goes first, then as much as
/// each day leaves to them. The minute may be the narrower limit.
#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn hours(rooms: u64, left_today: u32, limits: &Limits) -> Option<f64> {
    if rooms == 0 {
        return Some(0.0);
    }
    let by_the_minute =
        (rooms * REQUESTS_PER_ROOM) as f64 / f64::from(limits.backfill_requests_per_minute()) / 60.0;
    let today = u64::from(left_today.saturating_sub(limits.reserved_writes));
    let later = (rooms * WRITES_PER_ROOM).saturating_sub(today);
    let by_the_day = match (later, limits.writes_of_backfills()) {
        (0, _) => 0.0,
        (_, 0) => return None,
        (later, a_day) => HOURS_OF_A_DAY * later as f64 / f64::from(a_day),
    };
    Some(by_the_minute.max(by_the_day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(number: u64) -> Reference {
        Reference { id: number.into(), updated: Timestamp::UNIX_EPOCH, snapshot: None }
    }

    #[test]
    fn a_sample_is_spread_over_all() {
        let all = |count: u64| (0..count).map(reference).collect::<Vec<_>>();
        assert_eq!(spread(all(5), 10).len(), 5);
        let numbers = |sample: Vec<Reference>| -> Vec<String> {
            sample.into_iter().map(|one| one.id.to_string()).collect()
        };
        assert_eq!(numbers(spread(all(10), 5)), ["1", "3", "5", "7", "9"]);
        for count in [11, 17, 200, 1001] {
            assert_eq!(spread(all(count), 10).len(), 10, "{count}");
        }
    }

    #[test]
    fn what_was_found_for_a_sample_is_scaled() {
        assert_eq!(scaled(3, 10, 10), 3);
        assert_eq!(scaled(0, 0, 0), 0);
        assert_eq!(scaled(50, 10_000, 200), 2500);
        assert_eq!(scaled(1, 1000, 300), 3);
    }

    #[test]
    fn the_hours_go_by_what_the_limits_leave() {
        let limits = Limits::default();
        assert_eq!(hours(0, 0, &limits), Some(0.0));
        // 3,000 writes fit into what is left of today, so the minute counts: 750 requests.
        let today = hours(1000, 10_000, &limits).unwrap();
        assert!((today - 10_000.0 / 750.0 / 60.0).abs() < 0.01, "{today}");
        // 30,000 writes, 8,000 a day and nothing left today.
        let days = hours(10_000, 2000, &limits).unwrap();
        assert!((days - 90.0).abs() < 0.01, "{days}");
        let none = Limits { reserved_writes: 10_000, ..limits };
        assert_eq!(hours(1, 10_000, &none), None);
    }
}
