//! What happened in rooms.

use tokio_postgres::Row;

use super::rows::get;
use super::{PostgresStore, statements as sql, whole_millis};
use crate::room::{FolderId, RoomId};
use crate::store::room_events::{ASK_AGAIN_AFTER, KEPT_FOR, UnreportedRow};
use crate::store::{Placed, RoomEvents, StoreError, UnreportedEvents};

#[async_trait::async_trait]
impl RoomEvents for PostgresStore {
    async fn unplaced(&self, most: usize) -> Result<Vec<FolderId>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.read(&sql::Unplaced { most: &most }).await?;
        rows.iter().map(|row| get(row, 0).map(FolderId)).collect()
    }

    async fn place(&self, folder: FolderId, room: Option<RoomId>) -> Result<Placed, StoreError> {
        let place = sql::Place {
            folder: &folder.0,
            room: &room.map(|room| room.0),
            kept_for: &whole_millis(KEPT_FOR),
            again_after: &whole_millis(ASK_AGAIN_AFTER),
        };
        if get(&self.write_one("place", &place).await?, 0)? {
            self.outbox.notify_one();
            return Ok(Placed::Ticket);
        }
        Ok(Placed::Nobody)
    }

    async fn unreported_events(
        &self,
        ticket: i64,
        through: Option<i64>,
        most: usize,
    ) -> Result<UnreportedEvents, StoreError> {
        let through = through.unwrap_or(i64::MAX);
        let rows = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let rows =
            self.read(&sql::UnreportedEvents { ticket: &ticket, through: &through, most: &rows }).await?;
        UnreportedEvents::read(rows.iter().map(unreported_row).collect::<Result<_, _>>()?, most)
    }
}

fn unreported_row(row: &Row) -> Result<UnreportedRow, StoreError> {
    Ok(UnreportedRow {
        folder: get(row, 0)?,
        kind: get(row, 1)?,
        entry: get(row, 2)?,
        title: get(row, 3)?,
        done_by: get(row, 4)?,
        done_at: get(row, 5)?,
        total: get(row, 6)?,
        last: get(row, 7)?,
        first_at: get(row, 8)?,
        last_at: get(row, 9)?,
    })
}
