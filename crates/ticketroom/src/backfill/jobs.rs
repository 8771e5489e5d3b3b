//! The records of backfills in the store: made, listed, and changed by people.

use super::choice::{Choice, Span};
use super::job::{BackfillId, Job, PREFIX, Steering};
use super::reasons::{HELPDESK_UNKNOWN, OVER, UNKNOWN, UNREADABLE};
use crate::clock::Timestamp;
use crate::reason::Reason;
use crate::store::{Listings, ProgressRecord, SaveProgress, StoreError};

/// How often a change is tried again that somebody else got ahead of.
const TRIES: usize = 50;

/// A backfill as it is in the store.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which.
    pub id: BackfillId,
    /// The turn that was read.
    pub turn: i64,
    /// What it is.
    pub job: Job,
}

/// Why nothing came of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What was asked for is not possible.
    #[error("{0}")]
    No(Reason),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Listed {
    /// What is written of it.
    ///
    /// # Errors
    /// None in practice: all of it has a form in JSON.
    pub fn save(&self) -> Result<SaveProgress, StoreError> {
        let value =
            serde_json::to_string(&self.job).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(SaveProgress { name: self.id.record(), turn: self.turn, value })
    }

    fn read(record: ProgressRecord) -> Result<Self, Reason> {
        let ProgressRecord { name, turn, value } = record;
        let id = name.strip_prefix(PREFIX).and_then(|id| id.parse().ok());
        let (id, job) = id
            .zip(serde_json::from_str(&value).ok())
            .ok_or_else(|| UNREADABLE.reason(format!("the record of {name} can't be read")))?;
        Ok(Self { id, turn, job })
    }
}

/// All backfills, the oldest first, and why others can't be shown.
///
/// # Errors
/// When the store can't be reached.
pub async fn all(store: &(impl Listings + ?Sized)) -> Result<(Vec<Listed>, Vec<Reason>), StoreError> {
    let (mut listed, mut unreadable) = (Vec::new(), Vec::new());
    for record in store.progresses(PREFIX).await? {
        match Listed::read(record) {
            Ok(one) => listed.push(one),
            Err(reason) => unreadable.push(reason),
        }
    }
    listed.sort_by(|one, other| (one.job.created, &one.id).cmp(&(other.job.created, &other.id)));
    Ok((listed, unreadable))
}

/// One backfill.
///
/// # Errors
/// When there is none, or it can't be read.
pub async fn find(store: &(impl Listings + ?Sized), id: &BackfillId) -> Result<Listed, Refused> {
    let record = store.progress(&id.record()).await?;
    let record = record.ok_or_else(|| Refused::No(UNKNOWN.reason(format!("there is no backfill {id}"))))?;
    Listed::read(record).map_err(Refused::No)
}

/// Begins a backfill: its record is there from now on, and a service works on it.
///
/// # Errors
/// When the condition is wrong, or the store can't be reached.
pub async fn begin(store: &(impl Listings + ?Sized), id: BackfillId, job: Job) -> Result<Listed, Refused> {
    Choice::new(job.span.clone(), job.condition.as_deref()).map_err(Refused::No)?;
    let mut listed = Listed { id, turn: 0, job };
    listed.turn = store.save_progress(listed.save()?).await?;
    Ok(listed)
}

/// Reads the span of a backfill, and checks its helpdesk by what is known of those that there are:
/// whether each can list its tickets.
///
/// # Errors
/// What is wrong.
pub(crate) fn checked(
    helpdesk: &str,
    lists: Option<bool>,
    since: &str,
    until: Option<&str>,
) -> Result<Span, Reason> {
    match lists {
        Some(true) => Span::parse(since, until),
        Some(false) => Err(HELPDESK_UNKNOWN.reason(format!("“{helpdesk}” can't list its tickets"))),
        None => Err(HELPDESK_UNKNOWN.reason(format!("there is no helpdesk “{helpdesk}”"))),
    }
}

/// Does what a person asks.
///
/// # Errors
/// When there is no such backfill, or it is over, or the store can't be reached.
pub async fn steer(
    store: &(impl Listings + ?Sized),
    id: &BackfillId,
    steering: Steering,
    now: Timestamp,
) -> Result<Listed, Refused> {
    let mut tries = 0;
    loop {
        let mut listed = find(store, id).await?;
        if !listed.job.steer(steering, now) {
            let state = listed.job.state.as_str();
            return Err(Refused::No(OVER.reason(format!("backfill {id} is {state}"))));
        }
        match store.save_progress(listed.save()?).await {
            Ok(turn) => return Ok(Listed { turn, ..listed }),
            // The replica that is at it has written it meanwhile.
            Err(StoreError::Lost) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}
