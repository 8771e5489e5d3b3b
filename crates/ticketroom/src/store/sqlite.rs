//! The store in one SQLite file: WAL, full sync, one writing thread with group commit.
//!
//! One `serve` works on a file at a time; a lock beside it says so and goes with the process, however that ends.
//! Tickets that are claimed when `serve` starts were claimed by a process that is gone, so they are due at once.
//! Other commands (`tickets list`, `tickets retry`) open the file beside a running `serve`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::reader::Reader;
use super::writer::Writer;
use super::{
    Accepted, Claim, Delivery, Meaning, Save, Settlement, State, Store, StoreError, TicketQuery, TicketRecord,
    TimelineEntry,
};
use crate::clock::{Timestamp, after, until};
use crate::docspace::limits::Taken;
use crate::reconcile::ledger::Ledger;
use crate::room::{Room, RoomId};
use crate::ticket::{Ticket, TicketKey};

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    // Held for as long as the store is; the operating system lets go of it when the process ends.
    _lock: Option<File>,
}

/// What an open store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To work on tickets: one process at a time.
    Serve,
    /// To look and to mark, beside whoever works.
    Operate,
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on it.
    #[error("another ticketroom is serving from {0}: stop it first, or give this one a store of its own")]
    InUse(PathBuf),
    /// The file can't be used.
    #[error("the store {path} can't be opened: {why}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is none, and the command only looks.
    #[error("there is no store at {0}: has “ticketroom serve” run here, with this configuration?")]
    Missing(PathBuf),
}

impl SqliteStore {
    /// Opens the file, making it if it is to be served from.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn open(path: &Path, purpose: Use, now: Timestamp) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Unusable { path: path.to_owned(), why };
        if purpose == Use::Operate && !path.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let lock = match purpose {
            Use::Serve => Some(lock(path)?),
            Use::Operate => None,
        };
        let mut connection = Connection::open(path).map_err(|error| unusable(error.to_string()))?;
        super::schema::configure(&connection).map_err(|error| unusable(error.to_string()))?;
        super::schema::migrate(&mut connection).map_err(|error| unusable(error.to_string()))?;
        if purpose == Use::Serve {
            let sql = "UPDATE ticket SET claimed = 0, due_at = ?1 WHERE claimed = 1";
            connection.execute(sql, [millis(now)]).map_err(|error| unusable(error.to_string()))?;
        }
        let writer = Writer::start(connection).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { writer, reader: Reader::new(path.to_owned()), _lock: lock })
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let unusable = |error: std::io::Error| OpenError::Unusable { path: path.to_owned(), why: error.to_string() };
    let file = File::options().create(true).append(true).open(&lock_path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(serde_json::from_str).transpose().map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn key(helpdesk: &str, id: &str) -> Result<TicketKey, StoreError> {
    let unreadable = |error: crate::ticket::InvalidId| StoreError::Unreadable(error.to_string());
    Ok(TicketKey { helpdesk: helpdesk.parse().map_err(unreadable)?, id: id.parse().map_err(unreadable)? })
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let snapshot = match &delivery.meaning {
            Meaning::Look { snapshot: Some(snapshot), .. } => {
                Some((json(snapshot)?, snapshot.subject.clone(), snapshot.version.clone()))
            }
            _ => None,
        };
        self.writer.run("accept", move |connection| accept(connection, &delivery, snapshot.as_ref()).map(Ok)).await
    }

    async fn claim(&self, now: Timestamp, lease: Duration, most: usize) -> Result<Vec<Claim>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let lease_until = after(now, lease);
        self.writer.run("claim", move |connection| claim(connection, now, lease_until, most).map(Ok)).await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.writer.run(save.label.clone(), move |connection| write_ledger(connection, &save)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let label = settlement.save.label.clone();
        self.writer
            .run(label, move |connection| {
                if let Err(error) = write_ledger(connection, &settlement.save)? {
                    return Ok(Err(error));
                }
                settle(connection, &settlement).map(Ok)
            })
            .await
    }

    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer
            .run("retry", move |connection| {
                let sql = "UPDATE ticket
                    SET asked = 1, attempts = 0, hints = hints + 1,
                        due_at = CASE claimed WHEN 1 THEN due_at ELSE ?3 END,
                        state = CASE state WHEN 'blocked' THEN 'waiting' ELSE state END
                    WHERE helpdesk = ?1 AND id = ?2 RETURNING number";
                let number: Option<i64> = connection
                    .prepare_cached(sql)?
                    .query_row(params![key.helpdesk.as_str(), key.id.as_str(), millis(now)], |row| row.get(0))
                    .optional()?;
                if let Some(number) = number {
                    note(connection, number, now, "retry", "somebody asked to try again")?;
                }
                Ok(Ok(number.is_some()))
            })
            .await
    }

    async fn retry_blocked(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .run("retry", move |connection| {
                let sql = "INSERT INTO timeline (ticket, at, kind, text)
                    SELECT number, ?1, 'retry', 'somebody asked to try all blocked tickets again'
                    FROM ticket WHERE state = 'blocked'";
                connection.prepare_cached(sql)?.execute([millis(now)])?;
                let sql = "UPDATE ticket
                    SET asked = 1, attempts = 0, hints = hints + 1, state = 'waiting',
                        due_at = CASE claimed WHEN 1 THEN due_at ELSE ?1 END
                    WHERE state = 'blocked'";
                let changed = connection.prepare_cached(sql)?.execute([millis(now)])?;
                Ok(Ok(changed as u64))
            })
            .await
    }

    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                let sql = format!("SELECT {RECORD} FROM ticket WHERE helpdesk = ?1 AND id = ?2");
                let mut statement = connection.prepare_cached(&sql)?;
                let row = statement.query_row(params![key.helpdesk.as_str(), key.id.as_str()], record);
                Ok(row.optional()?.transpose())
            })
            .await
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        let query = query.clone();
        self.reader.ask(move |connection| list(connection, &query)).await
    }

    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let key = key.clone();
        self.reader.ask(move |connection| timeline(connection, &key).map(Ok)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.reader
            .ask(|connection| {
                let sql = "SELECT min(due_at) FROM ticket WHERE due_at IS NOT NULL";
                let due: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
                Ok(Ok(due.map(timestamp)))
            })
            .await
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        let rooms = rooms.to_vec();
        self.reader
            .ask(move |connection| {
                let mut owned = Vec::new();
                for room in rooms {
                    if let Some(owner) = owner(connection, room)? {
                        owned.push(owner.map(|owner| (room, owner)));
                    }
                }
                Ok(owned.into_iter().collect())
            })
            .await
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.reader
            .ask(|connection| {
                let sql = "SELECT CASE claimed WHEN 1 THEN 'working' ELSE state END AS s, count(*)
                    FROM ticket GROUP BY s";
                let mut statement = connection.prepare_cached(sql)?;
                let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
                    if let Some(entry) = counts.iter_mut().find(|(state, _)| state.as_str() == name) {
                        entry.1 = u64::try_from(count).unwrap_or(0);
                    }
                }
                Ok(Ok(counts))
            })
            .await
    }

    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.writer.run("take_writes", move |connection| take_writes(connection, now, wanted, per_day).map(Ok)).await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("no_writes_until", move |connection| {
                // The day over there ends when it says so; ours begins again then.
                let sql = "UPDATE write_budget SET none_until = ?1, day_began_at = ?1, used = 0
                    WHERE none_until < ?1 AND ?1 > ?2";
                connection.prepare_cached(sql)?.execute([millis(until), millis(now)])?;
                Ok(Ok(()))
            })
            .await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("probe", move |connection| {
                let sql = "INSERT INTO probe VALUES (1, ?1, zeroblob(16384))
                    ON CONFLICT (one) DO UPDATE SET at = ?1, padding = zeroblob(16384)";
                connection.prepare_cached(sql)?.execute([millis(now)])?;
                Ok(Ok(()))
            })
            .await
    }
}

fn accept(
    connection: &Connection,
    delivery: &Delivery,
    snapshot: Option<&(String, String, Option<String>)>,
) -> rusqlite::Result<Accepted> {
    if let Some(id) = &delivery.delivery_id {
        let sql = "SELECT 1 FROM delivery WHERE helpdesk = ?1 AND delivery_id = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        if statement.exists(params![delivery.helpdesk.as_str(), id])? {
            return Ok(Accepted::Repeat);
        }
    }
    let (ticket, outcome, problem) = match &delivery.meaning {
        Meaning::Look { ticket, .. } => {
            (Some(mark_due(connection, delivery, ticket.as_str(), snapshot)?), "accepted", None)
        }
        Meaning::Echo { ticket } => {
            let sql = "SELECT number FROM ticket WHERE helpdesk = ?1 AND id = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let number =
                statement.query_row(params![delivery.helpdesk.as_str(), ticket.as_str()], |row| row.get(0));
            (number.optional()?, "echo", None)
        }
        Meaning::NotUnderstood { why } => (None, "not_understood", Some(why.as_str())),
    };
    let sql = "INSERT INTO delivery
        (helpdesk, ticket, received_at, delivery_id, event, outcome, problem, headers, query, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        delivery.helpdesk.as_str(),
        ticket,
        millis(delivery.at),
        delivery.delivery_id,
        delivery.event,
        outcome,
        problem,
        delivery.headers,
        delivery.query,
        delivery.body.as_ref(),
    ])?;
    Ok(Accepted::New)
}

/// A snapshot replaces an older one only: deliveries overtake each other.
fn mark_due(
    connection: &Connection,
    delivery: &Delivery,
    ticket: &str,
    snapshot: Option<&(String, String, Option<String>)>,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO ticket (helpdesk, id, state, due_at, hints, told, subject, created_at, updated_at)
        VALUES (:helpdesk, :id, 'waiting', :now, 1, :told, coalesce(:subject, ''), :now, :now)
        ON CONFLICT (helpdesk, id) DO UPDATE SET
            hints = hints + 1,
            due_at = CASE claimed WHEN 1 THEN due_at ELSE min(coalesce(due_at, :now), :now) END,
            told = CASE
                WHEN :told IS NULL THEN told
                WHEN :version IS NOT NULL AND json_extract(told, '$.version') > :version THEN told
                ELSE :told END,
            subject = CASE
                WHEN :told IS NULL THEN subject
                WHEN :version IS NOT NULL AND json_extract(told, '$.version') > :version THEN subject
                ELSE :subject END
        RETURNING number";
    let (told, subject, version) = match snapshot {
        Some((told, subject, version)) => (Some(told), Some(subject), version.as_ref()),
        None => (None, None, None),
    };
    connection.prepare_cached(sql)?.query_row(
        named_params! {
            ":helpdesk": delivery.helpdesk.as_str(),
            ":id": ticket,
            ":now": millis(delivery.at),
            ":told": told,
            ":subject": subject,
            ":version": version,
        },
        |row| row.get(0),
    )
}

fn claim(
    connection: &Connection,
    now: Timestamp,
    lease_until: Timestamp,
    most: i64,
) -> rusqlite::Result<Vec<Claim>> {
    let sql = "UPDATE ticket SET claimed = 1, fence = fence + 1, due_at = ?2
        WHERE number IN (SELECT number FROM ticket WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3)
        RETURNING number, fence, helpdesk, id, hints, told, ledger, attempts, asked, reason";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![millis(now), millis(lease_until), most])?;
    let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match claimed(row)? {
            Ok(claim) => claims.push(claim),
            Err(error) => unreadable.push((row.get::<_, i64>(0)?, error)),
        }
    }
    drop(rows);
    for (number, error) in unreadable {
        let sql = "UPDATE ticket SET claimed = 0, due_at = NULL, state = 'blocked', reason = ?2 WHERE number = ?1";
        connection.prepare_cached(sql)?.execute(params![number, error.to_string()])?;
    }
    Ok(claims)
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Result<Claim, StoreError>> {
    let (helpdesk, id): (String, String) = (row.get(2)?, row.get(3)?);
    let (told, ledger): (Option<String>, String) = (row.get(5)?, row.get(6)?);
    let (number, fence, hints, attempts, asked) =
        (row.get(0)?, row.get(1)?, row.get(4)?, row.get(7)?, row.get(8)?);
    let reason: Option<String> = row.get(9)?;
    let read = || {
        Ok(Claim {
            number,
            fence,
            key: key(&helpdesk, &id)?,
            hints,
            told: from_json::<Ticket>(told.as_deref())?,
            ledger: from_json::<Ledger>(Some(&ledger))?.unwrap_or_default(),
            attempts,
            asked,
            reason: reason.clone(),
        })
    };
    Ok(read())
}

fn write_ledger(connection: &Connection, save: &Save) -> rusqlite::Result<Result<(), StoreError>> {
    let encoded = json(&save.ledger).and_then(|ledger| {
        Ok((ledger, save.seen.as_ref().map(|seen| Ok((json(seen)?, seen.subject.clone()))).transpose()?))
    });
    let (ledger, seen) = match encoded {
        Ok(encoded) => encoded,
        Err(error) => return Ok(Err(error)),
    };
    let room = save.ledger.room.made();
    if let Some(room) = room
        && let Some(owner) = owner_other_than(connection, room.id, save.number)?
    {
        return Ok(owner.and_then(|owner| Err(StoreError::RoomTaken { room: room.id, owner })));
    }
    let sql = "UPDATE ticket SET
            ledger = :ledger, due_at = :lease_until, updated_at = :now,
            seen = coalesce(:seen, seen), subject = coalesce(:subject, subject),
            room_id = :room_id, room_title = :room_title, room_url = :room_url, written_back = :written_back
        WHERE number = :number AND fence = :fence AND claimed = 1";
    let changed = connection.prepare_cached(sql)?.execute(named_params! {
        ":ledger": ledger,
        ":lease_until": millis(save.lease_until),
        ":now": millis(save.now),
        ":seen": seen.as_ref().map(|(seen, _)| seen),
        ":subject": seen.as_ref().map(|(_, subject)| subject),
        ":room_id": room.map(|room| room.id.0),
        ":room_title": room.map(|room| &room.title),
        ":room_url": save.ledger.link.url(),
        ":written_back": save.ledger.write_back.url.is_some()
            && save.ledger.write_back.url.as_deref() == save.ledger.link.url(),
        ":number": save.number,
        ":fence": save.fence,
    })?;
    if changed == 0 {
        return Ok(Err(StoreError::Lost));
    }
    for event in &save.events {
        note(connection, save.number, event.at, event.kind, &event.text)?;
    }
    Ok(Ok(()))
}

fn settle(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<()> {
    // A delivery that came while we worked is seen by another run, at once. Until then this one's findings stand,
    // and a person's wish that came meanwhile is kept.
    let sql = "UPDATE ticket SET
            claimed = 0, state = :state, reason = :reason, attempts = :attempts,
            due_at = CASE WHEN hints > :hints THEN :now ELSE :due END,
            asked = CASE WHEN hints > :hints THEN asked ELSE 0 END
        WHERE number = :number AND fence = :fence";
    connection.prepare_cached(sql)?.execute(named_params! {
        ":state": settlement.state.as_str(),
        ":reason": settlement.reason,
        ":attempts": settlement.attempts,
        ":hints": settlement.hints,
        ":now": millis(settlement.save.now),
        ":due": settlement.due.map(millis),
        ":number": settlement.save.number,
        ":fence": settlement.save.fence,
    })?;
    Ok(())
}

fn note(connection: &Connection, ticket: i64, at: Timestamp, kind: &str, text: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO timeline (ticket, at, kind, text) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![ticket, millis(at), kind, text])?;
    Ok(())
}

fn owner(connection: &Connection, room: RoomId) -> rusqlite::Result<Option<Result<TicketKey, StoreError>>> {
    owner_other_than(connection, room, 0)
}

fn owner_other_than(
    connection: &Connection,
    room: RoomId,
    number: i64,
) -> rusqlite::Result<Option<Result<TicketKey, StoreError>>> {
    let sql = "SELECT helpdesk, id FROM ticket WHERE room_id = ?1 AND number <> ?2";
    connection
        .prepare_cached(sql)?
        .query_row([room.0, number], |row| {
            let (helpdesk, id): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(key(&helpdesk, &id))
        })
        .optional()
}

/// The columns of a [`TicketRecord`], in the order of [`record`].
const RECORD: &str = "helpdesk, id, state, claimed, reason, seen, told, room_id, room_title, room_url, \
    written_back, attempts, due_at, created_at, updated_at";

fn record(row: &Row<'_>) -> rusqlite::Result<Result<TicketRecord, StoreError>> {
    let (helpdesk, id, state): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let claimed: bool = row.get(3)?;
    let (seen, told): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
    let room_id: Option<i64> = row.get(7)?;
    let title: Option<String> = row.get(8)?;
    let (reason, url, written_back, attempts) = (row.get(4)?, row.get(9)?, row.get(10)?, row.get(11)?);
    let due: Option<i64> = row.get(12)?;
    let (created, updated): (i64, i64) = (row.get(13)?, row.get(14)?);
    let read = || {
        let known = State::from_name(&state).ok_or_else(|| StoreError::Unreadable(format!("state {state}")))?;
        Ok(TicketRecord {
            key: key(&helpdesk, &id)?,
            state: if claimed { State::Working } else { known },
            reason,
            ticket: from_json(seen.as_deref().or(told.as_deref()))?,
            room: room_id.map(|id| Room { id: RoomId(id), title: title.unwrap_or_default() }),
            url,
            written_back,
            attempts,
            due: due.map(timestamp),
            created: timestamp(created),
            updated: timestamp(updated),
        })
    };
    Ok(read())
}

fn list(connection: &Connection, query: &TicketQuery) -> rusqlite::Result<Result<Vec<TicketRecord>, StoreError>> {
    let sql = format!(
        "SELECT {RECORD} FROM ticket
        WHERE (:helpdesk IS NULL OR helpdesk = :helpdesk)
          AND (:state IS NULL OR CASE claimed WHEN 1 THEN 'working' ELSE state END = :state)
          AND (:text IS NULL OR id = :text OR instr(lower(subject), lower(:text)) > 0 OR instr(id, :text) > 0)
        ORDER BY updated_at DESC, number DESC LIMIT :limit OFFSET :offset"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":helpdesk": query.helpdesk.as_ref().map(crate::ticket::HelpdeskName::as_str),
            ":state": query.state.map(State::as_str),
            ":text": query.text.as_deref().map(str::trim).filter(|text| !text.is_empty()),
            ":limit": query.limit,
            ":offset": query.offset,
        },
        record,
    )?;
    let mut records = Vec::new();
    for row in rows {
        match row? {
            Ok(record) => records.push(record),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(records))
}

fn timeline(connection: &Connection, key: &TicketKey) -> rusqlite::Result<Vec<TimelineEntry>> {
    let sql = "WITH this AS (SELECT number FROM ticket WHERE helpdesk = ?1 AND id = ?2)
        SELECT received_at, 'delivery', event || CASE outcome WHEN 'echo' THEN ' (our own note)' ELSE '' END, number
            FROM delivery WHERE ticket = (SELECT number FROM this)
        UNION ALL
        SELECT at, kind, text, number + (1 << 40) FROM timeline WHERE ticket = (SELECT number FROM this)
        ORDER BY 1, 4";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![key.helpdesk.as_str(), key.id.as_str()], |row| {
        Ok(TimelineEntry { at: timestamp(row.get(0)?), kind: row.get(1)?, text: row.get(2)? })
    })?;
    rows.collect()
}

fn take_writes(
    connection: &Connection,
    now: Timestamp,
    wanted: u32,
    per_day: u32,
) -> rusqlite::Result<Taken> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let sql = "SELECT day_began_at, used, none_until FROM write_budget";
    let (began, used, none_until): (i64, u32, i64) = connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if timestamp(none_until) > now {
        return Ok(Taken::NothingFor(until(now, timestamp(none_until))));
    }
    // The day is a window from the first write. A clock that was set back must not make it last for ever.
    let ends = after(timestamp(began), DAY);
    let is_over = now >= ends || now < timestamp(began);
    let (began, used, ends) = if is_over { (millis(now), 0, after(now, DAY)) } else { (began, used, ends) };
    let taken = wanted.min(per_day.saturating_sub(used));
    if taken == 0 {
        return Ok(Taken::NothingFor(until(now, ends)));
    }
    let sql = "UPDATE write_budget SET day_began_at = ?1, used = ?2";
    connection.prepare_cached(sql)?.execute(params![began, used + taken])?;
    Ok(Taken::Some(taken))
}
