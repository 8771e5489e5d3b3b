//! Questions, asked beside the writing thread.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use super::rows::{list, owner, record, ticket_sql, timeline};
use super::statements::{COUNTS, NEXT_DUE, OLDEST_WAITING};
use super::transitions::day;
use crate::clock::{Timestamp, until};
use crate::room::RoomId;
use crate::store::values::timestamp;
use crate::store::{Figures, Queries, State, StoreError, TicketQuery, TicketRecord, TimelineEntry};
use crate::ticket::TicketKey;

#[async_trait::async_trait]
impl Queries for SqliteStore {
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                for by_name in [false, true] {
                    let mut statement = connection.prepare_cached(&ticket_sql(by_name))?;
                    let row = statement.query_row(params![key.helpdesk.as_str(), key.id.as_str()], record);
                    if let Some(record) = row.optional()? {
                        return Ok(record.map(Some));
                    }
                }
                Ok(Ok(None))
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

    async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let now = self.clock.now();
        self.reader
            .ask(move |connection| {
                let due: Option<i64> =
                    connection.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
                Ok(Ok(due.map(|due| until(now, timestamp(due)))))
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
                let mut statement = connection.prepare_cached(COUNTS)?;
                let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
                    crate::store::count(&mut counts, &name, count);
                }
                Ok(Ok(counts))
            })
            .await
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        self.reader
            .ask(move |connection| {
                let oldest: Option<i64> =
                    connection.prepare_cached(OLDEST_WAITING)?.query_row([], |row| row.get(0))?;
                let writes_left = day(connection)?.left(now, per_day);
                Ok(Ok(Figures { oldest_waiting: oldest.map(timestamp), writes_left }))
            })
            .await
    }
}
