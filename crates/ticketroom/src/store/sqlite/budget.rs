//! The day's writes.

use super::SqliteStore;
use super::transitions::{day, set_day};
use crate::clock::Timestamp;
use crate::docspace::limits::Taken;
use crate::store::{Budget, StoreError};

#[async_trait::async_trait]
impl Budget for SqliteStore {
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.writer
            .run("take_writes", move |connection| {
                let (taken, day) = day(connection)?.take(now, wanted, per_day);
                day.map_or(Ok(()), |day| set_day(connection, day))?;
                Ok(Ok(taken))
            })
            .await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .run("no_writes_until", move |connection| {
                let day = day(connection)?.none_until(now, until);
                day.map_or(Ok(()), |day| set_day(connection, day)).map(Ok)
            })
            .await
    }
}
