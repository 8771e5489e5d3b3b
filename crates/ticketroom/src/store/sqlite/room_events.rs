//! What happened in rooms.

use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::run::Statement;
use super::statements as sql;
use crate::clock::{Timestamp, after};
use crate::room::{FolderId, RoomId};
use crate::room_event::RoomEvent;
use crate::store::room_events::{ASK_AGAIN_AFTER, KEPT_FOR, UnreportedRow};
use crate::store::values::{millis, text_of};
use crate::store::{Placed, RoomEvents, StoreError, UnreportedEvents};

#[async_trait::async_trait]
impl RoomEvents for SqliteStore {
    async fn unplaced(&self, most: usize) -> Result<Vec<FolderId>, StoreError> {
        let (now, most) = (millis(self.clock.now()), i64::try_from(most).unwrap_or(i64::MAX));
        self.reader
            .ask(move |connection| {
                let folders = sql::Unplaced { now: &now, most: &most };
                folders.rows(connection, |row| row.get(0).map(FolderId)).map(Ok)
            })
            .await
    }

    async fn place(&self, folder: FolderId, room: Option<RoomId>) -> Result<Placed, StoreError> {
        let now = self.clock.now();
        self.writer.run("place", move |connection| place(connection, folder, room, now).map(Ok)).await
    }

    async fn unreported_events(
        &self,
        ticket: i64,
        through: Option<i64>,
        most: usize,
    ) -> Result<UnreportedEvents, StoreError> {
        let through = through.unwrap_or(i64::MAX);
        let rows = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let unreported = self.reader.ask(move |connection| {
            let unreported = sql::UnreportedEvents { ticket: &ticket, through: &through, most: &rows }
                .rows(connection, unreported_row)?;
            Ok(UnreportedEvents::read(unreported, most))
        });
        unreported.await
    }
}

/// Keeps what somebody did in a folder.
pub(super) fn keep_event(connection: &Connection, event: &RoomEvent, now: Timestamp) -> rusqlite::Result<()> {
    let keep = sql::KeepEvent {
        folder: &event.folder.0,
        kind: &event.what.as_str(),
        entry: &event.entry,
        // As the other store can keep it.
        title: &text_of(&event.title),
        done_by: &event.by.to_string(),
        done_at: &millis(event.at),
        now: &millis(now),
    };
    keep.execute(connection).map(|_| ())
}

fn place(
    connection: &Connection,
    folder: FolderId,
    room: Option<RoomId>,
    now: Timestamp,
) -> rusqlite::Result<Placed> {
    let owner = match &room {
        Some(room) => sql::InRoom { room: &room.0 }.maybe(connection, |row| row.get::<_, i64>(0))?,
        None => None,
    };
    let folder = &folder.0;
    let Some(number) = &owner else {
        let since = now.saturating_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        sql::ForgetEvents { folder, since: &millis(since) }.execute(connection)?;
        sql::AskAgain { folder, at: &millis(after(now, ASK_AGAIN_AFTER)) }.execute(connection)?;
        return Ok(Placed::Nobody);
    };
    if (sql::Place { folder, ticket: number }).execute(connection)? > 0 {
        sql::MarkUnreported { number, now: &millis(now) }.execute(connection)?;
    }
    Ok(Placed::Ticket)
}

fn unreported_row(row: &Row<'_>) -> rusqlite::Result<UnreportedRow> {
    Ok(UnreportedRow {
        folder: row.get(0)?,
        kind: row.get(1)?,
        entry: row.get(2)?,
        title: row.get(3)?,
        done_by: row.get(4)?,
        done_at: row.get(5)?,
        total: row.get(6)?,
        last: row.get(7)?,
        first_at: row.get(8)?,
        last_at: row.get(9)?,
    })
}
