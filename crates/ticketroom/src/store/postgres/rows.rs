//! Rows of PostgreSQL as our own types.

use tokio_postgres::{Error, Row};

use super::statements::RECORD;
use crate::ledger::Ledger;
use crate::room::{Room, RoomId};
use crate::store::day::Day;
use crate::store::list::{Condition, Dialect, condition};
use crate::store::values::{from_json, key, reason, shown, template_in, text_of, timestamp};
use crate::store::{Claim, PendingRequest, State, StoreError, TicketQuery, TicketRecord};
use crate::ticket::Ticket;

/// That somebody is called so at all has to be said: where no ticket has a name, PostgreSQL knows
/// nothing of how names are spread, takes them for frequent, and would read all tickets in the hope
/// of meeting one soon.
fn called(name: &str) -> String {
    format!("(called IS NOT NULL AND lower(called) = lower({name}))")
}

const DIALECT: Dialect = Dialect {
    parameter: '$',
    claimed: ["claimed", "NOT claimed"],
    called,
    contains: |column, text| format!("position({text} IN {column}) > 0"),
    contains_any_case: |column, text| format!("position(lower({text}) IN lower({column})) > 0"),
};

/// The statement that lists tickets.
pub(in crate::store) fn list_sql(query: &TicketQuery) -> (String, Vec<String>) {
    let Condition { sql, parameters } = condition(query, DIALECT);
    let parameters = parameters.into_iter().map(|text| text_of(&text).into_owned()).collect();
    (format!("SELECT {RECORD} FROM ticket {sql}"), parameters)
}

/// Reads the columns of [`RECORD`].
pub(super) fn record(row: &Row) -> Result<TicketRecord, StoreError> {
    let (helpdesk, id, state): (&str, &str, &str) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
    let claimed: bool = get(row, 3)?;
    let (seen, reported): (Option<&str>, Option<&str>) = (get(row, 5)?, get(row, 6)?);
    let (room_id, title): (Option<i64>, Option<String>) = (get(row, 7)?, get(row, 8)?);
    let (attempts, due): (i64, Option<i64>) = (get(row, 11)?, get(row, 12)?);
    let (known, reason, ticket) =
        shown(state, reason(get(row, 17)?, get(row, 4)?, get(row, 18)?), seen.or(reported));
    Ok(TicketRecord {
        key: key(helpdesk, id)?,
        state: if claimed { State::Working } else { known },
        reason,
        ticket,
        room: room_id.map(|id| Room { id: RoomId(id), title: title.unwrap_or_default() }),
        url: get(row, 9)?,
        written_back: get(row, 10)?,
        attempts: number(attempts),
        template: template_in(get(row, 16)?),
        due: due.map(timestamp),
        created: timestamp(get(row, 13)?),
        updated: timestamp(get(row, 14)?),
    })
}

/// Tickets for a list.
pub(super) fn records(rows: &[Row]) -> Result<Vec<TicketRecord>, StoreError> {
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        match record(row) {
            Ok(record) => records.push(record),
            Err(error) => crate::store::left_out(get(row, 15)?, &error),
        }
    }
    Ok(records)
}

/// A claimed ticket.
pub(super) fn claim(row: &Row) -> Result<Claim, StoreError> {
    let (helpdesk, id): (&str, &str) = (get(row, 2)?, get(row, 3)?);
    let (attempts, asked): (i64, i64) = (get(row, 7)?, get(row, 8)?);
    Ok(Claim {
        number: get(row, 0)?,
        fence: get(row, 1)?,
        key: key(helpdesk, id)?,
        hints: get(row, 4)?,
        reported: from_json::<Ticket>(get(row, 5)?)?,
        ledger: from_json::<Ledger>(Some(get(row, 6)?))?.unwrap_or_default(),
        attempts: number(attempts),
        asked: number(asked),
        reason: reason(get(row, 10)?, get(row, 9)?, get(row, 11)?),
        request: PendingRequest::read(get(row, 12)?, get(row, 13)?)?,
        has_unreported: get(row, 14)?,
        backfill: get(row, 15)?,
    })
}

/// The day's writes.
pub(in crate::store) fn day(row: &Row) -> Result<Day, StoreError> {
    let (began, used, none_until): (i64, i64, i64) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
    Ok(Day { began: timestamp(began), used: number(used), none_until: timestamp(none_until) })
}

/// A column, which our own tables have in the type that we ask for.
pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error: Error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn number(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(if value < 0 { 0 } else { u32::MAX })
}
