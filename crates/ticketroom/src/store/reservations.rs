//! What processes on one store agree on by a name: who has it for now, and what was last known
//! under it.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use super::StoreError;

/// Names that one process may have at a time, by the store's own clock, and values that are
/// remembered under names.
#[async_trait::async_trait]
pub trait Reservations: Send + Sync + fmt::Debug {
    /// Takes a name that only one process may have at a time, for as long as `lease`; `false` if
    /// another one has it. Whoever has it may take it again. It ends by itself only: a process that
    /// stops may have a call on its way.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn reserve(&self, name: &str, replica: Uuid, lease: Duration) -> Result<bool, StoreError>;

    /// What was last remembered under a name.
    ///
    /// # Errors
    /// When the store can't be reached, or holds something else under this name.
    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError>;

    /// Remembers a value under a name, in place of the last one. The names are those of
    /// [`reserve`](Self::reserve); no name is used for both.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError>;
}
