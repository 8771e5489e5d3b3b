//! Tickets that become due without a delivery, some in each transaction.

use rusqlite::{Connection, Row};

use super::run::Statement;
use super::statements as sql;
use super::transitions::note;
use crate::clock::Timestamp;
use crate::store::requeue::BATCH;
use crate::store::values::millis;
use crate::store::{RoomRequest, Selection, Why};

/// Where a ticket stands in the order in which a selection is gone through: when it last changed,
/// if that counts, and its number.
pub(super) type Place = (i64, i64);

/// A part of a selection that is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) after: Place,
    pub(super) last: Place,
}

/// All of a selection, as it is now.
pub(super) fn extent(connection: &Connection, selection: &Selection) -> rusqlite::Result<Range> {
    let last = match selection {
        Selection::One(_) => Some((0, 0)),
        Selection::Blocked => sql::LastBlocked.maybe(connection, place)?,
        Selection::All => sql::Last.maybe(connection, place)?,
    };
    // Before everything, so nothing is left.
    let before = (i64::MIN, i64::MIN);
    Ok(Range { after: before, last: last.unwrap_or(before) })
}

/// Marks the first ones of what is left. Returns how many, and where they end; nothing if none is
/// left.
pub(super) fn requeue_some(
    connection: &Connection,
    selection: &Selection,
    why: &Why,
    now: Timestamp,
    Range { after, last }: Range,
) -> rusqlite::Result<Option<(u64, Place)>> {
    if after >= last {
        return Ok(None);
    }
    let (asks, is_look, at, most) = (&why.asks(), &why.is_look(), &millis(now), &BATCH);
    let request = &why.request().map(RoomRequest::as_str);
    let places = match selection {
        Selection::One(key) => {
            let (helpdesk, id) = (&key.helpdesk.as_str(), &key.id.as_str());
            sql::RequeueOne { asks, request, is_look, now: at, helpdesk, id }.rows(connection, place)
        }
        Selection::Blocked => {
            let (after_at, after, last_at, last) = (&after.0, &after.1, &last.0, &last.1);
            sql::RequeueBlocked { asks, request, is_look, now: at, after_at, after, last_at, last, most }
                .rows(connection, place)
        }
        Selection::All => {
            sql::RequeueAll { asks, request, is_look, now: at, after: &after.1, last: &last.1, most }
                .rows(connection, place)
        }
    }?;
    let text = why.to_string();
    for (_, number) in &places {
        note(connection, *number, now, why.kind(), &text)?;
    }
    let end = places.iter().max().copied();
    // Of one there is no more.
    let end = if matches!(selection, Selection::One(_)) { end.map(|_| last) } else { end };
    Ok(end.map(|end| (places.len() as u64, end)))
}

/// Marks all tickets, in the transaction of the caller. Returns how many there are.
pub(in crate::store) fn requeue_all(
    connection: &Connection,
    why: &Why,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let (mut range, mut count) = (extent(connection, &Selection::All)?, 0);
    while let Some((marked, end)) = requeue_some(connection, &Selection::All, why, now, range)? {
        (count, range.after) = (count + marked, end);
    }
    Ok(count)
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, row.get(1)?))
}
