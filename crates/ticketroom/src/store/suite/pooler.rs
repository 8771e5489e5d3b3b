//! Behind a pooler that lends a session of the server for each transaction only. All transitions
//! run there, too (`transitions::behind_a_pooler`).

use postgres_server::{Lending, Pooler};

use super::test_clock::{config, connect, database};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::config::StoreUrl;
use crate::store::copy::copy;
use crate::store::postgres::PostgresStore;

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_noticed_by_what_it_does() {
    let database = database();
    let server = postgres_server::shared();
    let is_noticed =
        async |url: &str| PostgresStore::open(&config(url), Use::Serve).await.unwrap().is_pooled();
    assert!(!is_noticed(database.url()).await);
    for (lending, sessions, expected) in
        [(Lending::Session, 10, false), (Lending::Transaction, 1, true), (Lending::Transaction, 10, true)]
    {
        let pooler = Pooler::start(server, lending, sessions).unwrap();
        assert_eq!(is_noticed(&pooler.url(&database)).await, expected, "{lending:?}, {sessions} sessions");
    }
}

/// The first delivery was taken in, and no other one ever was.
#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_through_many_connections_are_taken_in() {
    let database = database();
    let url = postgres_server::shared_pooler().url(&database);
    let mut stores = Vec::new();
    for _ in 0..2 {
        stores.push(Arc::new(PostgresStore::open(&config(&url), Use::Serve).await.unwrap()));
    }
    let accepting = (0..200).map(|number: i32| {
        let store = Arc::clone(&stores[usize::from(number % 2 == 0)]);
        // Each comes twice, by way of both.
        let id = (number / 2).to_string();
        tokio::spawn(async move { store.accept(delivery(&id, Some(&id), 0)).await.unwrap() })
    });
    let accepted = futures_util::future::join_all(accepting).await;
    let new = accepted.iter().filter(|accepted| *accepted.as_ref().unwrap() == Accepted::New).count();
    assert_eq!(new, 100);
    for store in &stores {
        store.listen(Arc::default());
        store.probe().await.unwrap();
        store.tickets(&TicketQuery { limit: 9, ..TicketQuery::default() }).await.unwrap();
    }
    // Whoever gets a session after us finds it as if it were new.
    let client = connect(&url).await;
    let left = "SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
        current_setting('statement_timeout') || current_setting('lock_timeout') || current_setting('jit')";
    for _ in 0..5 {
        let row = client.query_typed_one(left, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get(2)), (0, 0, "00on"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pooler_is_no_good_for_is_told_with_what_to_do() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = database();
    let pooled = StoreUrl::Postgres(Box::new(config(&postgres_server::shared_pooler().url(&database))));
    crate::store::open(&pooled, Use::Serve, &clock).await.unwrap();
    let findings = crate::store::check::store(&pooled, &clock).await;
    assert!(findings[0].level() == crate::finding::Level::Good, "{findings:?}");
    let file = File::new();
    drop(file.store);
    let error = copy(&StoreUrl::Sqlite(file.path), &pooled, at(0), |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("name the database server itself, or a pool in session mode"), "{error}");
    // A commit that is answered before it is on disk.
    let sql = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    database.run(sql).unwrap();
    let pooler = Pooler::start(postgres_server::shared(), Lending::Transaction, 2).unwrap();
    let pooled = StoreUrl::Postgres(Box::new(config(&pooler.url(&database))));
    for reported in [
        crate::store::check::store(&pooled, &clock).await.remove(0).what().to_owned(),
        crate::store::open(&pooled, Use::Serve, &clock).await.unwrap_err().to_string(),
    ] {
        assert!(reported.contains("ALTER ROLE ... SET synchronous_commit = on"), "{reported}");
    }
}
