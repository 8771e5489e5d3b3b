//! Questions, asked beside the writing thread.

use std::time::Duration;

use super::SqliteStore;
use super::rows::{list, owner, record, timeline};
use super::run::Statement;
use super::statements as sql;
use super::transitions::day;
use crate::clock::{Timestamp, until};
use crate::room::RoomId;
use crate::store::values::{state_of, timestamp};
use crate::store::{
    EffectKind, EffectRecord, Figures, Queries, State, StoreError, TicketQuery, TicketRecord, TimelineEntry,
};
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

#[async_trait::async_trait]
impl Queries for SqliteStore {
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                let (helpdesk, id) = (&key.helpdesk.as_str(), &key.id.as_str());
                let found = match (sql::TicketById { helpdesk, id }).maybe(connection, record)? {
                    None => sql::TicketByName { helpdesk, name: id }.maybe(connection, record)?,
                    found => found,
                };
                Ok(found.transpose())
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

    async fn effects(&self, key: &TicketKey, kind: EffectKind) -> Result<Vec<EffectRecord>, StoreError> {
        let key = key.clone();
        self.reader
            .ask(move |connection| {
                let (helpdesk, id) = (&key.helpdesk.as_str(), &key.id.as_str());
                let effects =
                    sql::Effects { helpdesk, id, kind: &kind.as_str() }.rows(connection, |row| {
                        let (target, entry): (String, String) = (row.get(0)?, row.get(1)?);
                        Ok(EffectRecord::read(&target, &entry, row.get(2)?))
                    })?;
                Ok(effects.into_iter().collect())
            })
            .await
    }

    async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let now = self.clock.now();
        self.reader
            .ask(move |connection| {
                let due: Option<i64> = sql::NextDue.row(connection, |row| row.get(0))?;
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

    async fn standing(
        &self,
        helpdesk: &HelpdeskName,
        ids: &[TicketId],
    ) -> Result<Vec<(TicketId, State)>, StoreError> {
        let (helpdesk, ids) = (helpdesk.clone(), ids.to_vec());
        self.reader
            .ask(move |connection| {
                let mut standing = Vec::new();
                for id in ids {
                    let its = sql::Standing { helpdesk: &helpdesk.as_str(), id: &id.as_str() };
                    let state = its.maybe(connection, |row| {
                        let state: String = row.get(0)?;
                        Ok(state_of(&state, row.get(1)?))
                    })?;
                    standing.extend(state.map(|state| (id, state)));
                }
                Ok(Ok(standing))
            })
            .await
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.reader
            .ask(|connection| {
                let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
                let rows = sql::Counts.rows(connection, |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.iter().for_each(|(name, count): &(String, i64)| {
                    crate::store::count(&mut counts, name, *count);
                });
                Ok(Ok(counts))
            })
            .await
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        self.reader
            .ask(move |connection| {
                let oldest: Option<i64> = sql::OldestWaiting.row(connection, |row| row.get(0))?;
                let writes_left = day(connection)?.left(now, per_day);
                Ok(Ok(Figures { oldest_waiting: oldest.map(timestamp), writes_left }))
            })
            .await
    }
}
