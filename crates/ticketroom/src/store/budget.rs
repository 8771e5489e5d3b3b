//! DocSpace's writes of a day, which all processes on a store share.

use std::fmt;

use super::StoreError;
use crate::clock::Timestamp;
use crate::docspace::limits::Taken;

/// Counts the day's writes.
#[async_trait::async_trait]
pub trait Budget: Send + Sync + fmt::Debug {
    /// Takes up to `wanted` DocSpace writes from what is left of a day's `per_day`.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError>;

    /// DocSpace says that there are no writes until then.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError>;
}
