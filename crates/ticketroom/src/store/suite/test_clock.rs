//! A PostgreSQL store whose server goes by a clock that the test sets: each transition brings its time.

use uuid::Uuid;

use super::*;
use crate::config::{Config, StoreUrl};
use crate::docspace::limits::Taken;
use crate::store::postgres::PostgresStore;

/// The store, and a connection that sets the clock of its server.
#[derive(Debug)]
pub(super) struct OnTestClock {
    store: PostgresStore,
    clock: tokio_postgres::Client,
    database: postgres_server::Database,
}

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

impl OnTestClock {
    pub(super) async fn new() -> Self {
        let database = database();
        let url = database.url().to_owned();
        Self::at_url(database, &url).await
    }

    /// Behind a pooler that lends sessions for a transaction only.
    pub(super) async fn behind_a_pooler() -> Self {
        let database = database();
        let url = postgres_server::shared_pooler().url(&database);
        Self::at_url(database, &url).await
    }

    async fn at_url(database: postgres_server::Database, url: &str) -> Self {
        let store = PostgresStore::open(&config(url), Use::Serve).await.unwrap();
        let clock = connect(database.url()).await;
        let sql = "CREATE TABLE test_clock (millis bigint NOT NULL);
            INSERT INTO test_clock VALUES (0);
            CREATE OR REPLACE FUNCTION server_millis() RETURNS bigint LANGUAGE sql STABLE AS
                $$ SELECT millis FROM test_clock $$";
        clock.batch_execute(sql).await.unwrap();
        Self { store, clock, database }
    }

    /// Where its database is.
    pub(super) fn url(&self) -> &str {
        self.database.url()
    }

    async fn at(&self, now: Timestamp) -> &PostgresStore {
        self.clock.execute("UPDATE test_clock SET millis = $1", &[&now.as_millisecond()]).await.unwrap();
        &self.store
    }
}

#[async_trait::async_trait]
impl Queue for OnTestClock {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        self.at(delivery.at).await.accept(delivery).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        self.at(now).await.claim(now, lease, most, running).await
    }

    async fn claim_of(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        self.at(now).await.claim_of(now, lease, most, running, helpdesks).await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.at(save.now).await.save(save).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.at(settlement.save.now).await.settle(settlement).await
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError> {
        self.at(beat.now).await.heartbeat(beat).await
    }

    async fn leave(&self, replica: Uuid, held: &[Held], now: Timestamp) -> Result<(), StoreError> {
        self.at(now).await.leave(replica, held, now).await
    }

    async fn requeue(&self, selection: &Selection, why: &Why, now: Timestamp) -> Result<u64, StoreError> {
        self.at(now).await.requeue(selection, why, now).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        self.store.probe(now).await
    }
}

#[async_trait::async_trait]
impl Queries for OnTestClock {
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        self.store.ticket(key).await
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        self.store.tickets(query).await
    }

    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        self.store.timeline(key).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        self.at(now).await.next_due(now).await
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        self.store.owned_rooms(rooms).await
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.store.counts().await
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        self.store.figures(now, per_day).await
    }
}

#[async_trait::async_trait]
impl Budget for OnTestClock {
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.store.take_writes(now, wanted, per_day).await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.store.no_writes_until(now, until).await
    }
}

#[async_trait::async_trait]
impl Reservations for OnTestClock {
    async fn reserve(
        &self,
        name: &str,
        replica: Uuid,
        lease: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.at(now).await.reserve(name, replica, lease, now).await
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        self.store.remembered(name).await
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        self.store.remember(name, value).await
    }
}
