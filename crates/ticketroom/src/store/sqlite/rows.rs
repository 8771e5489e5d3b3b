//! Rows as our own types, and the questions whose rows they are.

use rusqlite::{Connection, Row, params_from_iter};

use super::run::Statement;
use super::statements::{self as sql, RECORD};
use crate::room::{Room, RoomId};
use crate::store::list::{Condition, Dialect, condition};
use crate::store::values::{key, reason, shown, template_in, timestamp};
use crate::store::{State, StoreError, TicketQuery, TicketRecord, TimelineEntry, left_out};
use crate::ticket::TicketKey;

pub(super) fn owner(
    connection: &Connection,
    room: RoomId,
) -> rusqlite::Result<Option<Result<TicketKey, StoreError>>> {
    owner_other_than(connection, room, 0)
}

pub(super) fn owner_other_than(
    connection: &Connection,
    room: RoomId,
    number: i64,
) -> rusqlite::Result<Option<Result<TicketKey, StoreError>>> {
    sql::Owner { room: &room.0, other_than: &number }.maybe(connection, |row| {
        let (helpdesk, id): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(key(&helpdesk, &id))
    })
}

/// Reads the columns of [`RECORD`].
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Result<TicketRecord, StoreError>> {
    let (helpdesk, id, state): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let claimed: bool = row.get(3)?;
    let (seen, reported): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
    let room_id: Option<i64> = row.get(7)?;
    let title: Option<String> = row.get(8)?;
    let (url, written_back, attempts) = (row.get(9)?, row.get(10)?, row.get(11)?);
    let reason = reason(row.get(17)?, row.get(4)?, row.get(18)?);
    let (due, ledger): (Option<i64>, String) = (row.get(12)?, row.get(16)?);
    let (created, updated): (i64, i64) = (row.get(13)?, row.get(14)?);
    let read = || {
        let (known, reason, ticket) = shown(&state, reason, seen.as_deref().or(reported.as_deref()));
        Ok(TicketRecord {
            key: key(&helpdesk, &id)?,
            state: if claimed { State::Working } else { known },
            reason,
            ticket,
            room: room_id.map(|id| Room { id: RoomId(id), title: title.unwrap_or_default() }),
            url,
            written_back,
            attempts,
            template: template_in(&ledger),
            due: due.map(timestamp),
            created: timestamp(created),
            updated: timestamp(updated),
        })
    };
    Ok(read())
}

const DIALECT: Dialect = Dialect {
    parameter: '?',
    claimed: ["claimed = 1", "claimed = 0"],
    // The column compares without case.
    called: |name| format!("called = {name}"),
    contains: |column, text| format!("instr({column}, {text}) > 0"),
    contains_any_case: |column, text| format!("instr(lower({column}), lower({text})) > 0"),
};

/// The statement that lists tickets.
pub(in crate::store) fn list_sql(query: &TicketQuery) -> (String, Vec<String>) {
    let Condition { sql, parameters } = condition(query, DIALECT);
    (format!("SELECT {RECORD} FROM ticket {sql}"), parameters)
}

pub(super) fn list(
    connection: &Connection,
    query: &TicketQuery,
) -> rusqlite::Result<Result<Vec<TicketRecord>, StoreError>> {
    let (text, parameters) = list_sql(query);
    // Its text may never come again.
    let mut statement = connection.prepare(&text)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        match record(row)? {
            Ok(record) => records.push(record),
            Err(error) => left_out(row.get(15)?, &error),
        }
    }
    Ok(Ok(records))
}

pub(super) fn timeline(connection: &Connection, key: &TicketKey) -> rusqlite::Result<Vec<TimelineEntry>> {
    let timeline = sql::Timeline { helpdesk: &key.helpdesk.as_str(), id: &key.id.as_str() };
    timeline.rows(connection, |row| {
        Ok(TimelineEntry { at: timestamp(row.get(0)?), kind: row.get(1)?, text: row.get(2)? })
    })
}
