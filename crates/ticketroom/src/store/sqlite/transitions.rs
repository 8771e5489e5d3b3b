//! The transitions in SQL. Each runs inside the writer's transaction, and either writes all of what
//! it is for or returns an error before it has written anything.

use rusqlite::{Connection, Row, ToSql};

use super::room_events::keep_event;
use super::rows::owner_other_than;
use super::run::Statement;
use super::statements as sql;
use crate::clock::{Timestamp, after};
use crate::ledger::Ledger;
use crate::source::Consequence;
use crate::store::day::Day;
use crate::store::repeat::{AFTER_UNREAD, FORGET_EVERY, Kept, NOT_UNDERSTOOD, UNREAD};
use crate::store::values::{from_json, json, key, millis, reason, timestamp};
use crate::store::{
    Accepted, Claim, ClaimLimit, Delivery, EffectEntry, Held, Meaning, PendingRequest, Save, Settlement,
    StoreError, UNREADABLE_FOR,
};
use crate::ticket::{Ticket, TicketKey};

/// What a delivery's snapshot is kept as: the ticket, its subject and its version.
pub(super) type Snapshot = (String, String, Option<String>);

pub(super) fn accept(
    connection: &Connection,
    delivery: &Delivery,
    kept: &Kept,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<Accepted> {
    let source = &delivery.source.as_str();
    if let Some(key) = &kept.key
        && (sql::Repeat { source, key }).exists(connection)?
    {
        return Ok(Accepted::Repeat);
    }
    let (ticket, outcome) = match &delivery.meaning {
        Meaning::Look { ticket, .. } => {
            (Some(mark_due(connection, ticket, delivery.at, snapshot, now)?), "accepted")
        }
        Meaning::Echo { ticket } => match number_of(connection, ticket)? {
            Some(number) => (Some(number), "echo"),
            // We can't have written into a ticket that we don't know: what looks like an echo is
            // none.
            None => (Some(mark_due(connection, ticket, delivery.at, None, now)?), "accepted"),
        },
        Meaning::InRoom { room, consequence } => {
            let owner = sql::InRoom { room: &room.0 }.maybe(connection, |row| row.get(0))?;
            match (owner, consequence) {
                (None, _) => (None, "about_something_else"),
                (Some(number), Consequence::Echo) => (Some(number), "echo"),
                (Some(number), Consequence::Look) => {
                    mark(connection, number, None, now)?;
                    (Some(number), "accepted")
                }
            }
        }
        Meaning::InFolder { consequence: Consequence::Echo, .. } => (None, "echo"),
        Meaning::InFolder { event, consequence: Consequence::Look } => {
            keep_event(connection, event, now)?;
            (None, "accepted")
        }
        Meaning::AboutSomethingElse => (None, "about_something_else"),
        Meaning::NotUnderstood { .. } => (None, "not_understood"),
    };
    let keep = sql::Keep {
        source,
        ticket: &ticket,
        at: &millis(delivery.at),
        key: &kept.key,
        event: &delivery.event,
        outcome: &outcome,
        problem: &kept.problem,
        headers: &delivery.headers,
        query: &delivery.query,
        body: &kept.body.as_ref(),
    };
    let number = keep.insert(connection)?;
    if matches!(delivery.meaning, Meaning::NotUnderstood { .. }) && number % FORGET_EVERY == 0 {
        sql::Forget { source, first: &UNREAD, end: &AFTER_UNREAD, kept: &NOT_UNDERSTOOD }
            .execute(connection)?;
    }
    let is_unowned = ticket.is_none() && matches!(delivery.meaning, Meaning::InRoom { .. });
    Ok(if is_unowned { Accepted::Unowned } else { Accepted::New })
}

fn number_of(connection: &Connection, ticket: &TicketKey) -> rusqlite::Result<Option<i64>> {
    let (helpdesk, id) = (&ticket.helpdesk.as_str(), &ticket.id.as_str());
    sql::Number { helpdesk, id }.maybe(connection, |row| row.get(0))
}

/// Marks a ticket as due that is known or not.
fn mark_due(
    connection: &Connection,
    ticket: &TicketKey,
    at: Timestamp,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    // Two plain statements cost less than one upsert that returns the number, and every delivery
    // passes here.
    if let Some(number) = number_of(connection, ticket)? {
        mark(connection, number, snapshot, now)?;
        return Ok(number);
    }
    let (reported, subject, version) = columns(snapshot);
    let make = sql::Make {
        helpdesk: &ticket.helpdesk.as_str(),
        id: &ticket.id.as_str(),
        now: &millis(now),
        reported: &reported,
        subject: &subject,
        version: &version,
        at: &millis(at),
    };
    make.insert(connection)
}

/// Marks a ticket as due that is known. A snapshot replaces an older one only: deliveries overtake
/// each other.
fn mark(
    connection: &Connection,
    number: i64,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (reported, subject, version) = columns(snapshot);
    let (reported, subject, version): (&dyn ToSql, &dyn ToSql, &dyn ToSql) = (&reported, &subject, &version);
    sql::Mark { number: &number, now: &millis(now), reported, subject, version }.execute(connection)?;
    Ok(())
}

/// A snapshot as it is kept.
pub(super) fn encoded(snapshot: &Ticket) -> Result<Snapshot, StoreError> {
    Ok((json(snapshot)?, snapshot.subject.clone(), snapshot.version.clone()))
}

pub(super) fn columns(snapshot: Option<&Snapshot>) -> (Option<&String>, Option<&String>, Option<&String>) {
    match snapshot {
        Some((reported, subject, version)) => (Some(reported), Some(subject), version.as_ref()),
        None => (None, None, None),
    }
}

pub(super) fn claim(
    connection: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: ClaimLimit,
    running: &str,
    helpdesks: Option<&str>,
) -> rusqlite::Result<Vec<Claim>> {
    let (now_millis, lease_until, running) = (&millis(now), &millis(lease_until), &running);
    let (most, backfill) = (&limit.all(), &limit.backfill());
    let read = |row: &Row<'_>| Ok((claimed(row), row.get::<_, i64>(0)?, row.get::<_, Option<String>>(9)?));
    let rows = match &helpdesks {
        Some(helpdesks) => sql::ClaimOf { now: now_millis, lease_until, most, backfill, running, helpdesks }
            .rows(connection, read),
        None => sql::Claim { now: now_millis, lease_until, most, backfill, running }.rows(connection, read),
    };
    let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
    for (claim, number, reported) in rows? {
        match claim {
            Ok(claim) => claims.push(claim),
            Err(error) => unreadable.push(((number, reported), error)),
        }
    }
    for ((number, reported), error) in unreadable {
        tracing::error!(number, %error, "a ticket can't be read from the store");
        let reason = crate::store::unreadable(&error);
        let until = millis(after(now, UNREADABLE_FOR));
        sql::SetAside { number: &number, why: &reason.text, code: &&*reason.code, until: &until }
            .execute(connection)?;
        // Once.
        if reported.as_ref() != Some(&reason.text) {
            note(connection, number, now, "unreadable", &reason.text)?;
        }
    }
    Ok(claims)
}

pub(super) fn claimed(row: &Row<'_>) -> Result<Claim, StoreError> {
    let unreadable = |error: rusqlite::Error| StoreError::Unreadable(error.to_string());
    let read = || -> rusqlite::Result<_> {
        let names: (String, String) = (row.get(2)?, row.get(3)?);
        let texts: (Option<String>, String) = (row.get(5)?, row.get(6)?);
        Ok((
            names,
            texts,
            (row.get(0)?, row.get(1)?, row.get(4)?),
            (row.get(7)?, row.get(8)?, reason(row.get(10)?, row.get(9)?, row.get(11)?)),
            (row.get::<_, Option<String>>(12)?, row.get(13)?, row.get(14)?, row.get(15)?),
        ))
    };
    let (
        (helpdesk, id),
        (reported, ledger),
        (number, fence, hints),
        (attempts, asked, reason),
        (request, requests, has_unreported, backfill),
    ) = read().map_err(unreadable)?;
    Ok(Claim {
        number,
        fence,
        key: key(&helpdesk, &id)?,
        hints,
        reported: from_json::<Ticket>(reported.as_deref())?,
        ledger: from_json::<Ledger>(Some(&ledger))?.unwrap_or_default(),
        attempts,
        asked,
        reason,
        request: PendingRequest::read(request.as_deref(), requests)?,
        has_unreported,
        backfill,
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
    let held = sql::Held { number: &number, fence: &fence };
    match held.maybe(connection, |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?)))? {
        Some((_, saves)) if saves >= save.nth => return Ok(Ok(Written::Before)),
        Some((true, _)) => {}
        Some((false, _)) | None => return Ok(Err(StoreError::Lost)),
    }
    let encoded = json(&save.ledger).and_then(|ledger| {
        let effects = save.effects.iter().map(|effect| json(&effect.entry));
        Ok((
            ledger,
            effects.collect::<Result<Vec<_>, _>>()?,
            save.seen
                .as_ref()
                .map(|seen| Ok::<_, StoreError>((json(seen)?, seen.subject.clone(), seen.key.clone())))
                .transpose()?,
        ))
    });
    let (ledger, effects, seen) = match encoded {
        Ok(encoded) => encoded,
        Err(error) => return Ok(Err(error)),
    };
    let room = save.ledger.room.made();
    if let Some(room) = room
        && let Some(owner) = owner_other_than(connection, room.id, number)?
    {
        return Ok(owner.and_then(|owner| Err(StoreError::RoomTaken { room: room.id, owner })));
    }
    let written_back = save.ledger.write_back.url.is_some()
        && save.ledger.write_back.url.as_deref() == save.ledger.link.url();
    let statement = sql::Save {
        number: &number,
        ledger: &ledger,
        lease_until: &millis(after(now, save.lease)),
        nth: &save.nth,
        now: &millis(save.now),
        seen: &seen.as_ref().map(|(seen, _, _)| seen),
        changed_at: &save.seen.as_ref().and_then(Ticket::changed).map(millis),
        subject: &seen.as_ref().map(|(_, subject, _)| subject),
        called: &seen.as_ref().and_then(|(_, _, called)| called.as_ref()),
        room_id: &room.map(|room| room.id.0),
        room_title: &room.map(|room| &room.title),
        room_url: &save.ledger.link.url(),
        written_back: &written_back,
        reported_through: &save.reported_through,
    };
    statement.execute(connection)?;
    if let Some(reported_through) = &save.reported_through {
        sql::Told { ticket: &number, reported_through }.execute(connection)?;
    }
    for (EffectEntry { kind, target, .. }, entry) in save.effects.iter().zip(&effects) {
        let (kind, target, at) = (&kind.as_str(), &target.as_str(), &millis(save.now));
        sql::SaveEffect { ticket: &number, kind, target, entry, at }.execute(connection)?;
    }
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
    let statement = sql::Settle {
        number: &settlement.save.held.number,
        fence: &settlement.save.held.fence,
        state: &settlement.state.as_str(),
        reason: &settlement.reason.as_ref().map(|reason| &reason.text),
        reason_code: &settlement.reason.as_ref().map(|reason| &*reason.code),
        reason_help: &settlement.reason.as_ref().and_then(|reason| reason.help.as_ref()),
        attempts: &settlement.attempts,
        hints: &settlement.hints,
        now: &millis(now),
        due: &settlement.due.map(millis),
        asked: &settlement.asked,
        applied: &settlement.applied,
    };
    statement.execute(connection)?;
    Ok(())
}

pub(super) fn note(
    connection: &Connection,
    ticket: i64,
    at: Timestamp,
    kind: &str,
    text: &str,
) -> rusqlite::Result<()> {
    sql::Note { ticket: &ticket, at: &millis(at), kind: &kind, text: &text }.execute(connection)?;
    Ok(())
}

/// Returns those that still hold.
pub(super) fn renew(connection: &Connection, held: &[Held], until: Timestamp) -> rusqlite::Result<Vec<Held>> {
    let lease_until = millis(until);
    let mut still = Vec::with_capacity(held.len());
    for claim in held {
        let renew = sql::Renew { number: &claim.number, fence: &claim.fence, lease_until: &lease_until };
        if renew.execute(connection)? == 1 {
            still.push(*claim);
        }
    }
    Ok(still)
}

pub(super) fn let_go(connection: &Connection, held: &[Held], now: Timestamp) -> rusqlite::Result<()> {
    let now = millis(now);
    for Held { number, fence } in held {
        sql::LetGo { number, fence, now: &now }.execute(connection)?;
    }
    Ok(())
}

/// Nobody holds any claim.
pub(in crate::store) fn let_all_go(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    sql::LetAllGo { now: &millis(now) }.execute(connection).map(|_| ())
}

pub(in crate::store) fn day(connection: &Connection) -> rusqlite::Result<Day> {
    sql::Day.row(connection, |row| {
        Ok(Day { began: timestamp(row.get(0)?), used: row.get(1)?, none_until: timestamp(row.get(2)?) })
    })
}

pub(in crate::store) fn set_day(connection: &Connection, day: Day) -> rusqlite::Result<()> {
    let (began, none_until) = (millis(day.began), millis(day.none_until));
    sql::SetDay { began: &began, used: &day.used, none_until: &none_until }.execute(connection)?;
    Ok(())
}
