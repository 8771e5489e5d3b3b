//! The day's writes.

use super::rows::day;
use super::{PostgresStore, only, statements};
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
            let row = only(self.read(statements::DAY, &[]).await?)?;
            let old = day(&row)?;
            let (result, new) = change(old);
            let Some(new) = new else { return Ok(result) };
            let written = self
                .write(
                    label,
                    statements::SET_DAY,
                    &[
                        &millis(new.began),
                        &i64::from(new.used),
                        &millis(new.none_until),
                        &millis(old.began),
                        &i64::from(old.used),
                        &millis(old.none_until),
                    ],
                )
                .await?;
            if !written.is_empty() {
                return Ok(result);
            }
        }
    }
}
