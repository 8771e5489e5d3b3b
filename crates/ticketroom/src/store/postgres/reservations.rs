//! Names and what is remembered under them.

use std::time::Duration;

use uuid::Uuid;

use super::rows::get;
use super::{PostgresStore, statements as sql, whole_millis};
use crate::store::{Reservations, StoreError, remembered_value};

#[async_trait::async_trait]
impl Reservations for PostgresStore {
    async fn reserve(&self, name: &str, replica: Uuid, lease: Duration) -> Result<bool, StoreError> {
        let (replica, lease) = (replica.to_string(), whole_millis(lease));
        let reserve = sql::Reserve { name: &name, replica: &replica, lease: &lease };
        Ok(!self.write("reserve", &reserve).await?.is_empty())
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let rows = self.read(&sql::Remembered { name: &name }).await?;
        rows.first().map(|row| remembered_value(&get::<String>(row, 0)?)).transpose()
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        self.write("remember", &sql::Remember { name: &name, value: &value.to_string() }).await?;
        Ok(())
    }
}
