//! The store in a PostgreSQL database, which any number of processes share.
//!
//! A replica has no state of its own. Each transition is one statement ([`statements`]), and what
//! must not happen twice is excluded by the database: two claims of a ticket by `SKIP LOCKED` and a
//! fence, two rooms of a ticket by a unique column, a repeated delivery by a unique index. Leases
//! and what is due go by the server's clock.
//!
//! A newer version may take the tables over while this one is at work. The next heartbeat hears of
//! it and renews nothing, and from then on every transition fails: deliveries are refused, claims
//! end with their leases.

mod budget;
mod connect;
mod connector;
mod hints;
mod listings;
mod opening;
pub(super) mod parameter;
mod pooler;
mod queries;
mod queue;
mod reservations;
mod room_events;
pub(super) mod rows;
pub(super) mod schema;
pub(super) mod statements;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Row;

pub(super) use self::connect::explain;
use self::connect::{Database, Trouble};
use self::hints::Hints;
use self::parameter::Statement;
use super::StoreError;

#[cfg(test)]
pub(super) use self::schema::{Migration, migrate};

/// The store.
#[derive(Debug)]
pub struct PostgresStore {
    database: Database,
    /// Told of every ticket that a delivery made due.
    outbox: Arc<Notify>,
    hints: Mutex<Option<Hints>>,
}

impl PostgresStore {
    /// Whether a pooler lends us sessions for a transaction only.
    #[cfg(test)]
    pub(super) fn is_pooled(&self) -> bool {
        self.database.is_pooled()
    }

    /// One of its connections.
    #[cfg(test)]
    pub(super) async fn connection(&self) -> deadpool_postgres::Client {
        self.database.client().await.unwrap()
    }

    /// Asks for something.
    async fn read(&self, statement: &dyn Statement) -> Result<Vec<Row>, Trouble> {
        self.database.demand_ours()?;
        self.database.run(None, statement.sql(), &statement.values()).await
    }

    /// Changes something.
    async fn write(&self, label: &str, statement: &dyn Statement) -> Result<Vec<Row>, Trouble> {
        self.database.demand_ours()?;
        self.database.run(Some(label), statement.sql(), &statement.values()).await
    }

    /// Changes something by a statement that always returns a row.
    async fn write_one(&self, label: &str, statement: &dyn Statement) -> Result<Row, Trouble> {
        only(self.write(label, statement).await?)
    }
}

/// The row of a statement that always returns one.
fn only(rows: Vec<Row>) -> Result<Row, Trouble> {
    let row = rows.into_iter().next();
    row.ok_or_else(|| Trouble::Store(StoreError::Unreadable("a statement returned nothing".to_owned())))
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
