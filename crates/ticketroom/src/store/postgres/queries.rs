//! Questions.

use std::time::Duration;

use super::parameter::Parameter;
use super::rows::{day, get, list_sql, record, records};
use super::{PostgresStore, only, statements as sql};
use crate::clock::Timestamp;
use crate::room::RoomId;
use crate::store::values::{key, state_of, timestamp};
use crate::store::{
    EffectKind, EffectRecord, Figures, Queries, State, StoreError, TicketQuery, TicketRecord, TimelineEntry,
};
use crate::ticket::{HelpdeskName, TicketId, TicketKey};

#[async_trait::async_trait]
impl Queries for PostgresStore {
    async fn ticket(&self, ticket: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let (helpdesk, id) = (&ticket.helpdesk.as_str(), &ticket.id.as_str());
        let mut rows = self.read(&sql::TicketById { helpdesk, id }).await?;
        if rows.is_empty() {
            rows = self.read(&sql::TicketByName { helpdesk, name: id }).await?;
        }
        rows.first().map(record).transpose()
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        let (text, texts) = list_sql(query);
        let parameters: Vec<&dyn Parameter> = texts.iter().map(|text| text as &dyn Parameter).collect();
        self.database.demand_ours()?;
        records(&self.database.run_once(&text, &parameters).await?)
    }

    async fn timeline(&self, ticket: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let (helpdesk, id) = (&ticket.helpdesk.as_str(), &ticket.id.as_str());
        let rows = self.read(&sql::Timeline { helpdesk, id }).await?;
        rows.iter()
            .map(|row| {
                Ok(TimelineEntry { at: timestamp(get(row, 0)?), kind: get(row, 1)?, text: get(row, 2)? })
            })
            .collect()
    }

    async fn effects(&self, ticket: &TicketKey, kind: EffectKind) -> Result<Vec<EffectRecord>, StoreError> {
        let (helpdesk, id) = (&ticket.helpdesk.as_str(), &ticket.id.as_str());
        let rows = self.read(&sql::Effects { helpdesk, id, kind: &kind.as_str() }).await?;
        rows.iter().map(|row| EffectRecord::read(get(row, 0)?, get(row, 1)?, get(row, 2)?)).collect()
    }

    async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let row = only(self.read(&sql::NextDue).await?)?;
        let wait: Option<i64> = get(&row, 0)?;
        Ok(wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or(0))))
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        let rooms: Vec<i64> = rooms.iter().map(|room| room.0).collect();
        let rows = self.read(&sql::Owners { rooms: &rooms }).await?;
        rows.iter().map(|row| Ok((RoomId(get(row, 0)?), key(get(row, 1)?, get(row, 2)?)?))).collect()
    }

    async fn standing(
        &self,
        helpdesk: &HelpdeskName,
        ids: &[TicketId],
    ) -> Result<Vec<(TicketId, State)>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(TicketId::as_str).collect();
        let rows = self.read(&sql::Standing { helpdesk: &helpdesk.as_str(), ids: &ids }).await?;
        rows.iter()
            .map(|row| {
                let id: &str = get(row, 0)?;
                let id = id.parse().map_err(|_| StoreError::Unreadable("the id of a ticket".to_owned()))?;
                Ok((id, state_of(get(row, 1)?, get(row, 2)?)))
            })
            .collect()
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
        for row in self.read(&sql::Counts).await? {
            crate::store::count(&mut counts, get(&row, 0)?, get(&row, 1)?);
        }
        Ok(counts)
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        let oldest: Option<i64> = get(&only(self.read(&sql::OldestWaiting).await?)?, 0)?;
        let day = day(&only(self.read(&sql::Day).await?)?)?;
        Ok(Figures { oldest_waiting: oldest.map(timestamp), writes_left: day.left(now, per_day) })
    }
}
