//! The day's writes.

use super::rows::day;
use super::{PostgresStore, only, statements as sql};
use crate::clock::Timestamp;
use crate::docspace::limits::Taken;
use crate::store::day::Day;
use crate::store::values::millis;
use crate::store::{Budget, StoreError};

#[async_trait::async_trait]
impl Budget for PostgresStore {
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.change_day("take_writes", |day| day.take(now, wanted, per_day)).await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.change_day("no_writes_until", |day| ((), day.none_until(now, until))).await
    }
}

impl PostgresStore {
    /// Changes the day's writes; others may be at it as well.
    async fn change_day<T>(
        &self,
        label: &str,
        change: impl Fn(Day) -> (T, Option<Day>) + Send,
    ) -> Result<T, StoreError> {
        loop {
            let row = only(self.read(&sql::Day).await?)?;
            let old = day(&row)?;
            let (result, new) = change(old);
            let Some(new) = new else { return Ok(result) };
            let statement = sql::SetDay {
                began: &millis(new.began),
                used: &i64::from(new.used),
                none_until: &millis(new.none_until),
                old_began: &millis(old.began),
                old_used: &i64::from(old.used),
                old_none_until: &millis(old.none_until),
            };
            let written = self.write(label, &statement).await?;
            if !written.is_empty() {
                return Ok(result);
            }
        }
    }
}
