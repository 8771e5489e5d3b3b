//! Stores whose clocks the test sets: each transition brings its time. That of a PostgreSQL store
//! is its server's.

use std::path::Path;

use uuid::Uuid;

use super::model::Model;
use super::*;
use crate::clock::ManualClock;
use crate::config::{Config, StoreUrl};
use crate::room::FolderId;
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;

/// The configuration of a store at `url`.
pub(super) fn config(url: &str) -> crate::config::PostgresConfig {
    let text = format!(
        "[docspace]\nurl = \"https://d.example\"\napi_key = \"k\"\n[store]\nurl = {url:?}\n\
        [[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true"
    );
    let read = Config::from_text(&text, "test.toml", &std::collections::HashMap::new());
    match read.map_err(|error| error.to_string()).unwrap().store {
        StoreUrl::Postgres(config) => *config,
        StoreUrl::Sqlite(path) => panic!("{url} was read as {}", path.display()),
    }
}

/// An empty database of the server that all tests share.
pub(super) fn database() -> postgres_server::Database {
    postgres_server::shared().create_database().unwrap()
}

/// A connection of the test's own.
pub(super) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A store whose clock stands still, and is set by each call that says when it is made.
#[derive(Debug)]
pub(super) struct Timed {
    store: Box<dyn Store>,
    clock: Hands,
}

/// What sets a clock.
#[derive(Debug)]
enum Hands {
    /// Of a store that was opened with this one.
    Ours(Arc<ManualClock>),
    /// Of a database's server.
    Server { session: Box<tokio_postgres::Client>, database: postgres_server::Database },
}

impl Timed {
    /// The model.
    pub(super) fn model() -> Self {
        let clock = Arc::new(ManualClock::at(at(0)));
        Self { store: Box::new(Model::new(Arc::<ManualClock>::clone(&clock))), clock: Hands::Ours(clock) }
    }

    /// A file.
    pub(super) fn file(path: &Path, purpose: Use, now: Timestamp) -> Result<Self, OpenError> {
        let clock = Arc::new(ManualClock::at(now));
        let store = SqliteStore::open(path, purpose, Arc::<ManualClock>::clone(&clock))?;
        Ok(Self { store: Box::new(store), clock: Hands::Ours(clock) })
    }

    /// A database.
    pub(super) async fn postgres() -> Self {
        let database = database();
        let url = database.url().to_owned();
        Self::at_url(database, &url).await
    }

    /// One behind a pooler that lends sessions for a transaction only.
    pub(super) async fn behind_a_pooler() -> Self {
        let database = database();
        let url = postgres_server::shared_pooler().url(&database);
        Self::at_url(database, &url).await
    }

    async fn at_url(database: postgres_server::Database, url: &str) -> Self {
        let store = PostgresStore::open(&config(url), Use::Serve).await.unwrap();
        let session = connect(database.url()).await;
        let sql = "CREATE TABLE test_clock (millis bigint NOT NULL);
            INSERT INTO test_clock VALUES (0);
            CREATE OR REPLACE FUNCTION server_millis() RETURNS bigint LANGUAGE sql STABLE AS
                $$ SELECT millis FROM test_clock $$";
        session.batch_execute(sql).await.unwrap();
        Self { store: Box::new(store), clock: Hands::Server { session: Box::new(session), database } }
    }

    /// Where its database is.
    pub(super) fn url(&self) -> &str {
        match &self.clock {
            Hands::Server { database, .. } => database.url(),
            Hands::Ours(_) => panic!("it has no database"),
        }
    }

    /// Sets the clock.
    pub(super) async fn at(&self, now: Timestamp) -> &dyn Store {
        match &self.clock {
            Hands::Ours(clock) => clock.set(now),
            Hands::Server { session, .. } => {
                let sql = "UPDATE test_clock SET millis = $1";
                session.execute(sql, &[&now.as_millisecond()]).await.unwrap();
            }
        }
        self.store.as_ref()
    }

    pub(super) async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        self.at(delivery.at).await.accept(delivery).await
    }

    pub(super) async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: impl Into<ClaimLimit>,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        self.at(now).await.claim(lease, limit.into(), running).await
    }

    pub(super) async fn claim_of(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: impl Into<ClaimLimit>,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        self.at(now).await.claim_of(lease, limit.into(), running, helpdesks).await
    }

    pub(super) async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.at(save.now).await.save(save).await
    }

    pub(super) async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.at(settlement.save.now).await.settle(settlement).await
    }

    pub(super) async fn heartbeat(&self, now: Timestamp, beat: Heartbeat) -> Result<Pulse, StoreError> {
        self.at(now).await.heartbeat(beat).await
    }

    pub(super) async fn leave(&self, replica: Uuid, held: &[Held], now: Timestamp) -> Result<(), StoreError> {
        self.at(now).await.leave(replica, held).await
    }

    pub(super) async fn requeue(
        &self,
        selection: &Selection,
        why: &Why,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.at(now).await.requeue(selection, why).await
    }

    pub(super) async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        self.at(now).await.next_due().await
    }

    pub(super) async fn unplaced(&self, most: usize, now: Timestamp) -> Result<Vec<FolderId>, StoreError> {
        self.at(now).await.unplaced(most).await
    }

    pub(super) async fn place(
        &self,
        folder: FolderId,
        room: Option<RoomId>,
        now: Timestamp,
    ) -> Result<Placed, StoreError> {
        self.at(now).await.place(folder, room).await
    }

    pub(super) async fn take_in(&self, tickets: TakeIn, now: Timestamp) -> Result<TakenIn, StoreError> {
        self.at(now).await.take_in(tickets).await
    }

    pub(super) async fn reserve(
        &self,
        name: &str,
        replica: Uuid,
        lease: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.at(now).await.reserve(name, replica, lease).await
    }
}

/// For what doesn't go by its clock.
impl std::ops::Deref for Timed {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        self.store.as_ref()
    }
}
