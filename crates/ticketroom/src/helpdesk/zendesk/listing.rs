//! The tickets that changed since a time: `GET incremental/tickets/cursor`.
//!
//! The export lists tickets in the order in which they changed, deleted ones included, holds back
//! what changed in the last minute, and shows tickets twice by design. It goes on from a cursor of
//! Zendesk's for as long as we like.
//!
//! It is for administrators only. If we are refused (403), the same is asked of `GET
//! search/export`, which is for every agent. That is ordered by when tickets were *made*, so a pass
//! over it has to be finished before the time can be moved; what changes meanwhile still matches,
//! and whether it moves in that order does not matter. Its cursor is good for an hour; with one
//! that is not good any more, the pass begins again. It does not find deleted tickets, so the pass
//! ends with `GET deleted_tickets`, those deleted last first, until the time is reached. The next
//! pass tries the export again, as rights may have been given.

use serde::{Deserialize, Serialize};

use super::super::fields;
use super::super::listing::{Cursor, Gathered, Lenient, Listing, Page, a_second_before};
use super::Zendesk;
use super::api::{ExportFrom, Listed, name};
use super::wire::EntryDto;
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;

const KIND: &str = "zendesk";
const CALL: &str = "export_tickets";

/// An export may only begin so many seconds ago; a minute, and some for the way.
const NEWEST_START: i64 = 70;
/// How far the search may lag behind what happened, in seconds: a pass begins so long before the
/// one before it began.
const SEARCH_LAG: std::time::Duration = std::time::Duration::from_secs(600);

/// Where we are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// In the export, after a cursor of Zendesk's; at the beginning without one.
    Export(Option<String>),
    /// In a pass over the search.
    Search(Pass),
    /// In the list of deleted tickets, at the end of that pass.
    Deleted(Pass),
}

/// A pass over lists that are not in the order of changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pass {
    /// When it began, by Zendesk's clock, if that was said.
    begun: Option<Timestamp>,
    /// After which cursor of Zendesk's it goes on.
    after: Option<String>,
}

#[async_trait::async_trait]
impl Listing for Zendesk {
    fn since(&self, time: Timestamp) -> Cursor {
        at(time, &Place::Export(None))
    }

    async fn page(&self, after: &Cursor) -> Result<Page, Failure> {
        let (from, place) = after.read(KIND, name(CALL))?;
        match place.unwrap_or(Place::Export(None)) {
            Place::Export(after) => match self.exported(from, after.as_deref()).await {
                Err(Failure { cause: Cause::Forbidden, .. }) => {
                    self.found(from, Pass { begun: None, after: None }).await
                }
                result => result,
            },
            Place::Search(pass) => self.found(from, pass).await,
            Place::Deleted(pass) => self.deleted(from, pass).await,
        }
    }
}

fn at(from: Timestamp, place: &Place) -> Cursor {
    Cursor::new(KIND, from, place)
}

/// Whether a refusal is about the cursor or the time that was sent.
fn is_about_the_place(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::NotFound | Cause::Rejected { status: 400..=499, .. })
}

impl Zendesk {
    /// Tries to list what changed in the last minutes: true by the export, false by the search.
    pub(super) async fn can_list(&self, now: Timestamp) -> Result<bool, Failure> {
        match self.api.export(ExportFrom::Time(now.as_second() - NEWEST_START)).await?.answer {
            Ok(_) => Ok(true),
            Err(Failure { cause: Cause::Forbidden, .. }) => {
                self.api.search(&changed_after(now), None).await?.answer.map(|_| false)
            }
            Err(failure) => Err(failure),
        }
    }

    /// A page of the export.
    async fn exported(&self, from: Timestamp, after: Option<&str>) -> Result<Page, Failure> {
        let start = from.as_second().max(0);
        let mut listed = match after {
            Some(cursor) => self.api.export(ExportFrom::Cursor(cursor)).await?,
            None => self.api.export(ExportFrom::Time(start)).await?,
        };
        let newest_start = listed.now.map(|now| now.as_second() - NEWEST_START);
        if listed.answer.as_ref().is_err_and(is_about_the_place) {
            // Either the cursor is none any more, or the time is too recent: an earlier one does no
            // harm.
            let earlier = newest_start.map_or(start, |newest| newest.min(start));
            if after.is_some() || earlier < start {
                listed = self.api.export(ExportFrom::Time(earlier)).await?;
            }
        }
        let Listed { now, answer } = listed;
        let answer = answer?;
        let mut gathered = Gathered::default();
        for Lenient(entry) in &answer.tickets {
            gathered
                .take(id(entry.as_ref()), time(entry.as_ref(), |entry| &entry.updated_at).unwrap_or(from));
        }
        let next = answer.after_cursor.as_deref().or(after);
        if !answer.end_of_stream && (next.is_none() || next == after) {
            let why = "the export has more, but does not say after which cursor";
            return Err(name(CALL).failed(Cause::Unintelligible(why.to_owned())));
        }
        let seen = answer.tickets.iter().filter_map(|Lenient(entry)| entry.as_ref()?.generated_timestamp.0);
        let from = match seen.max().and_then(|seconds| Timestamp::from_second(seconds).ok()) {
            Some(seen) => from.max(a_second_before(seen).min(now.unwrap_or(from))),
            None => from,
        };
        let next = at(from, &Place::Export(next.map(str::to_owned)));
        Ok(gathered.page(&self.name, now, from, next, !answer.end_of_stream))
    }

    /// A page of the search.
    async fn found(&self, from: Timestamp, mut pass: Pass) -> Result<Page, Failure> {
        let query = changed_after(a_second_before(from));
        let mut listed = self.api.search(&query, pass.after.as_deref()).await?;
        if pass.after.is_some() && listed.answer.as_ref().is_err_and(is_about_the_place) {
            pass = Pass { begun: None, after: None };
            listed = self.api.search(&query, None).await?;
        }
        let Listed { now, answer } = listed;
        let answer = answer?;
        let mut gathered = Gathered::default();
        for Lenient(entry) in &answer.results {
            gathered
                .take(id(entry.as_ref()), time(entry.as_ref(), |entry| &entry.updated_at).unwrap_or(from));
        }
        let begun = pass.begun.or(now);
        let next = match (answer.meta.has_more, answer.meta.after_cursor) {
            (true, Some(after)) if Some(&after) != pass.after.as_ref() => {
                Place::Search(Pass { begun, after: Some(after) })
            }
            (true, _) => {
                let why = "the search has more, but does not say after which cursor";
                return Err(name("search_tickets").failed(Cause::Unintelligible(why.to_owned())));
            }
            (false, _) => Place::Deleted(Pass { begun, after: None }),
        };
        Ok(gathered.page(&self.name, now, from, at(from, &next), true))
    }

    /// A page of the deleted tickets. The list is only for agents who may see deleted tickets; the
    /// others can't look at one either.
    async fn deleted(&self, from: Timestamp, mut pass: Pass) -> Result<Page, Failure> {
        let mut listed = self.api.deleted_page(pass.after.as_deref()).await?;
        if pass.after.is_some() && listed.answer.as_ref().is_err_and(is_about_the_place) {
            pass.after = None;
            listed = self.api.deleted_page(None).await?;
        }
        let Listed { now, answer } = listed;
        let end = at(
            pass.begun
                .map_or(from, |begun| from.max(begun.saturating_sub(SEARCH_LAG).unwrap_or(Timestamp::MIN))),
            &Place::Export(None),
        );
        let mut gathered = Gathered::default();
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => {
                return Err(failure);
            }
            Err(_) => return Ok(gathered.page(&self.name, now, from, end, false)),
        };
        let times: Vec<Option<Timestamp>> = answer
            .deleted_tickets
            .iter()
            .map(|Lenient(entry)| time(entry.as_ref(), |entry| &entry.deleted_at))
            .collect();
        for (Lenient(entry), at) in answer.deleted_tickets.iter().zip(&times) {
            if at.is_none_or(|at| at >= from) {
                gathered.take(id(entry.as_ref()), at.unwrap_or(from));
            }
        }
        // Where Zendesk does not heed the order, only the end of the list is the end.
        let is_in_order = times.is_sorted_by(|one, next| one >= next) && !times.contains(&None);
        let has_passed = is_in_order && times.last().is_some_and(|last| *last < Some(from));
        match answer.meta.after_cursor {
            Some(after) if answer.meta.has_more && !has_passed && Some(&after) != pass.after.as_ref() => {
                let next = at(from, &Place::Deleted(Pass { after: Some(after), ..pass }));
                Ok(gathered.page(&self.name, now, from, next, true))
            }
            _ => Ok(gathered.page(&self.name, now, from, end, false)),
        }
    }
}

/// The search for what changed later than a time.
fn changed_after(time: Timestamp) -> String {
    format!("updated>{}", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

fn id(entry: Option<&EntryDto>) -> Option<u64> {
    entry?.id.0.map(|number| number.0)
}

fn time(entry: Option<&EntryDto>, of: impl Fn(&EntryDto) -> &Lenient<String>) -> Option<Timestamp> {
    fields::time(of(entry?).0.as_deref())
}
