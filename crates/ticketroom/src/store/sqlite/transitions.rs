//! The transitions in SQL. Each runs inside the writer's transaction, and either writes all of what it is for or
//! returns an error before it has written anything.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::rows::owner_other_than;
use super::statements::{
    CLAIM, CLAIM_OF, DAY, FORGET, HELD, IN_ROOM, KEEP, LET_ALL_GO, LET_GO, MAKE, MARK, NOTE, NUMBER, RENEW,
    REPEAT, SAVE, SET_ASIDE, SET_DAY, SETTLE,
};
use crate::clock::{Timestamp, after};
use crate::ledger::Ledger;
use crate::source::Consequence;
use crate::store::day::Day;
use crate::store::repeat::{AFTER_UNREAD, FORGET_EVERY, Kept, NOT_UNDERSTOOD, UNREAD};
use crate::store::values::{from_json, json, key, millis, timestamp};
use crate::store::{Accepted, Claim, Delivery, Held, Meaning, Save, Settlement, StoreError, UNREADABLE_FOR};
use crate::ticket::{Ticket, TicketKey};

pub(super) fn accept(
    connection: &Connection,
    delivery: &Delivery,
    kept: &Kept,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<Accepted> {
    let source = delivery.source.as_str();
    if let Some(key) = &kept.key {
        let mut statement = connection.prepare_cached(REPEAT)?;
        if statement.exists(params![source, key, kept.id, kept.body.as_ref()])? {
            return Ok(Accepted::Repeat);
        }
    }
    let (ticket, outcome) = match &delivery.meaning {
        Meaning::Look { ticket, .. } => {
            (Some(mark_due(connection, ticket, delivery.at, snapshot, now)?), "accepted")
        }
        Meaning::Echo { ticket } => {
            let mut statement = connection.prepare_cached(NUMBER)?;
            let number =
                statement.query_row(params![ticket.helpdesk.as_str(), ticket.id.as_str()], |row| row.get(0));
            match number.optional()? {
                Some(number) => (Some(number), "echo"),
                // We can't have written into a ticket that we don't know: what looks like an echo is none.
                None => (Some(mark_due(connection, ticket, delivery.at, None, now)?), "accepted"),
            }
        }
        Meaning::InRoom { room, consequence } => {
            let mut statement = connection.prepare_cached(IN_ROOM)?;
            let number = statement.query_row([room.0], |row| row.get(0)).optional()?;
            match (number, consequence) {
                (None, _) => (None, "about_something_else"),
                (Some(number), Consequence::Echo) => (Some(number), "echo"),
                (Some(number), Consequence::Look) => {
                    mark(connection, number, None, now)?;
                    (Some(number), "accepted")
                }
            }
        }
        Meaning::AboutSomethingElse => (None, "about_something_else"),
        Meaning::NotUnderstood { .. } => (None, "not_understood"),
    };
    let number = connection.prepare_cached(KEEP)?.insert(params![
        source,
        ticket,
        millis(delivery.at),
        kept.key,
        delivery.event,
        outcome,
        kept.problem,
        delivery.headers,
        delivery.query,
        kept.body.as_ref(),
    ])?;
    if matches!(delivery.meaning, Meaning::NotUnderstood { .. }) && number % FORGET_EVERY == 0 {
        connection.prepare_cached(FORGET)?.execute(params![source, UNREAD, AFTER_UNREAD, NOT_UNDERSTOOD])?;
    }
    let is_unowned = ticket.is_none() && matches!(delivery.meaning, Meaning::InRoom { .. });
    Ok(if is_unowned { Accepted::Unowned } else { Accepted::New })
}

/// What a delivery's snapshot is kept as: the ticket, its subject and its version.
type Snapshot = (String, String, Option<String>);

/// A snapshot replaces an older one only: deliveries overtake each other.
fn mark_due(
    connection: &Connection,
    ticket: &TicketKey,
    at: Timestamp,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let (helpdesk, id) = (ticket.helpdesk.as_str(), ticket.id.as_str());
    // Two plain statements cost less than one upsert that returns the number, and every delivery passes here.
    let mut statement = connection.prepare_cached(NUMBER)?;
    let number: Option<i64> = statement.query_row([helpdesk, id], |row| row.get(0)).optional()?;
    let Some(number) = number else {
        let (told, subject, version) = columns(snapshot);
        let values = params![helpdesk, id, millis(now), told, subject, version, millis(at)];
        return connection.prepare_cached(MAKE)?.insert(values);
    };
    mark(connection, number, snapshot, now)?;
    Ok(number)
}

/// The same for a ticket that is known.
fn mark(
    connection: &Connection,
    number: i64,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (told, subject, version) = columns(snapshot);
    connection.prepare_cached(MARK)?.execute(named_params! {
        ":number": number,
        ":now": millis(now),
        ":told": told,
        ":subject": subject,
        ":version": version,
    })?;
    Ok(())
}

fn columns(snapshot: Option<&Snapshot>) -> (Option<&String>, Option<&String>, Option<&String>) {
    match snapshot {
        Some((told, subject, version)) => (Some(told), Some(subject), version.as_ref()),
        None => (None, None, None),
    }
}

pub(super) fn claim(
    connection: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    most: i64,
    running: &str,
    helpdesks: Option<&str>,
) -> rusqlite::Result<Vec<Claim>> {
    let (now_millis, until) = (millis(now), millis(lease_until));
    let mut statement = connection.prepare_cached(if helpdesks.is_some() { CLAIM_OF } else { CLAIM })?;
    let mut rows = match helpdesks {
        Some(helpdesks) => statement.query(params![now_millis, until, most, running, helpdesks])?,
        None => statement.query(params![now_millis, until, most, running])?,
    };
    let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match claimed(row) {
            Ok(claim) => claims.push(claim),
            Err(error) => {
                unreadable.push(((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(9)?), error));
            }
        }
    }
    drop(rows);
    for ((number, told), error) in unreadable {
        tracing::error!(number, %error, "a ticket can't be read from the store");
        let reason = crate::store::unreadable(&error);
        connection.prepare_cached(SET_ASIDE)?.execute(params![
            number,
            reason,
            millis(after(now, UNREADABLE_FOR))
        ])?;
        // Once.
        if told.as_ref() != Some(&reason) {
            note(connection, number, now, "unreadable", &reason)?;
        }
    }
    Ok(claims)
}

pub(super) fn claimed(row: &Row<'_>) -> Result<Claim, StoreError> {
    let unreadable = |error: rusqlite::Error| StoreError::Unreadable(error.to_string());
    let read = || -> rusqlite::Result<_> {
        let names: (String, String) = (row.get(2)?, row.get(3)?);
        let texts: (Option<String>, String) = (row.get(5)?, row.get(6)?);
        Ok((names, texts, (row.get(0)?, row.get(1)?, row.get(4)?), (row.get(7)?, row.get(8)?, row.get(9)?)))
    };
    let ((helpdesk, id), (told, ledger), (number, fence, hints), (attempts, asked, reason)) =
        read().map_err(unreadable)?;
    Ok(Claim {
        number,
        fence,
        key: key(&helpdesk, &id)?,
        hints,
        told: from_json::<Ticket>(told.as_deref())?,
        ledger: from_json::<Ledger>(Some(&ledger))?.unwrap_or_default(),
        attempts,
        asked,
        reason,
    })
}

/// What became of a commit of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is written.
    Now,
    /// It was written before, and the answer was lost.
    Before,
}

pub(super) fn write_ledger(
    connection: &Connection,
    save: &Save,
    now: Timestamp,
) -> rusqlite::Result<Result<Written, StoreError>> {
    let Held { number, fence } = save.held;
    let mut statement = connection.prepare_cached(HELD)?;
    let row = statement.query_row([number, fence], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?)));
    match row.optional()? {
        Some((_, saves)) if saves >= save.nth => return Ok(Ok(Written::Before)),
        Some((true, _)) => {}
        Some((false, _)) | None => return Ok(Err(StoreError::Lost)),
    }
    let encoded = json(&save.ledger).and_then(|ledger| {
        Ok((
            ledger,
            save.seen
                .as_ref()
                .map(|seen| Ok::<_, StoreError>((json(seen)?, seen.subject.clone(), seen.key.clone())))
                .transpose()?,
        ))
    });
    let (ledger, seen) = match encoded {
        Ok(encoded) => encoded,
        Err(error) => return Ok(Err(error)),
    };
    let room = save.ledger.room.made();
    if let Some(room) = room
        && let Some(owner) = owner_other_than(connection, room.id, number)?
    {
        return Ok(owner.and_then(|owner| Err(StoreError::RoomTaken { room: room.id, owner })));
    }
    connection.prepare_cached(SAVE)?.execute(named_params! {
        ":ledger": ledger,
        ":lease_until": millis(after(now, save.lease)),
        ":nth": save.nth,
        ":now": millis(save.now),
        ":seen": seen.as_ref().map(|(seen, _, _)| seen),
        ":subject": seen.as_ref().map(|(_, subject, _)| subject),
        ":called": seen.as_ref().and_then(|(_, _, called)| called.as_ref()),
        ":room_id": room.map(|room| room.id.0),
        ":room_title": room.map(|room| &room.title),
        ":room_url": save.ledger.link.url(),
        ":written_back": save.ledger.write_back.url.is_some()
            && save.ledger.write_back.url.as_deref() == save.ledger.link.url(),
        ":number": number,
    })?;
    for event in &save.events {
        note(connection, number, event.at, event.kind, &event.text)?;
    }
    Ok(Ok(Written::Now))
}

pub(super) fn settle(
    connection: &Connection,
    settlement: &Settlement,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.prepare_cached(SETTLE)?.execute(named_params! {
        ":state": settlement.state.as_str(),
        ":reason": settlement.reason,
        ":attempts": settlement.attempts,
        ":hints": settlement.hints,
        ":asked": settlement.asked,
        ":now": millis(now),
        ":due": settlement.due.map(millis),
        ":number": settlement.save.held.number,
        ":fence": settlement.save.held.fence,
    })?;
    Ok(())
}

pub(super) fn note(
    connection: &Connection,
    ticket: i64,
    at: Timestamp,
    kind: &str,
    text: &str,
) -> rusqlite::Result<()> {
    connection.prepare_cached(NOTE)?.execute(params![ticket, millis(at), kind, text])?;
    Ok(())
}

/// Returns those that still hold.
pub(super) fn renew(connection: &Connection, held: &[Held], until: Timestamp) -> rusqlite::Result<Vec<Held>> {
    let mut statement = connection.prepare_cached(RENEW)?;
    let mut still = Vec::with_capacity(held.len());
    for claim in held {
        if statement.execute(params![claim.number, claim.fence, millis(until)])? == 1 {
            still.push(*claim);
        }
    }
    Ok(still)
}

pub(super) fn let_go(connection: &Connection, held: &[Held], now: Timestamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(LET_GO)?;
    for Held { number, fence } in held {
        statement.execute(params![number, fence, millis(now)])?;
    }
    Ok(())
}

/// Nobody holds any claim.
pub(in crate::store) fn let_all_go(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute(LET_ALL_GO, [millis(now)]).map(|_| ())
}

pub(in crate::store) fn day(connection: &Connection) -> rusqlite::Result<Day> {
    connection.prepare_cached(DAY)?.query_row([], |row| {
        Ok(Day { began: timestamp(row.get(0)?), used: row.get(1)?, none_until: timestamp(row.get(2)?) })
    })
}

pub(in crate::store) fn set_day(connection: &Connection, day: Day) -> rusqlite::Result<()> {
    connection.prepare_cached(SET_DAY)?.execute(params![
        millis(day.began),
        day.used,
        millis(day.none_until)
    ])?;
    Ok(())
}
