//! Names and what is remembered under them.

use std::time::Duration;

use uuid::Uuid;

use super::SqliteStore;
use super::run::Statement;
use super::statements as sql;
use crate::clock::after;
use crate::store::values::millis;
use crate::store::{Reservations, StoreError, remembered_value};

#[async_trait::async_trait]
impl Reservations for SqliteStore {
    async fn reserve(&self, name: &str, replica: Uuid, lease: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let (name, replica, until) = (name.to_owned(), replica.to_string(), after(now, lease));
        self.writer
            .run("reserve", move |connection| {
                let (lease_until, now) = (millis(until), millis(now));
                let reserve =
                    sql::Reserve { name: &name, replica: &replica, lease_until: &lease_until, now: &now };
                Ok(Ok(reserve.execute(connection)? == 1))
            })
            .await
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let name = name.to_owned();
        self.reader
            .ask(move |connection| {
                let remembered = sql::Remembered { name: &name };
                let value: Option<String> = remembered.maybe(connection, |row| row.get(0))?;
                Ok(value.as_deref().map(remembered_value).transpose())
            })
            .await
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_string());
        self.writer
            .run("remember", move |connection| {
                sql::Remember { name: &name, value: &value }.execute(connection)?;
                Ok(Ok(()))
            })
            .await
    }
}
