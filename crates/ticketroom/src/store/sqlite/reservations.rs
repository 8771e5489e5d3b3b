//! Names and what is remembered under them.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::SqliteStore;
use super::statements::{REMEMBER, REMEMBERED, RESERVE};
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
                let values = params![name, replica, millis(until), millis(now)];
                Ok(Ok(connection.prepare_cached(RESERVE)?.execute(values)? == 1))
            })
            .await
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let name = name.to_owned();
        self.reader
            .ask(move |connection| {
                let mut statement = connection.prepare_cached(REMEMBERED)?;
                let value: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
                Ok(value.as_deref().map(remembered_value).transpose())
            })
            .await
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_string());
        self.writer
            .run("remember", move |connection| {
                connection.prepare_cached(REMEMBER)?.execute([&name, &value])?;
                Ok(Ok(()))
            })
            .await
    }
}
