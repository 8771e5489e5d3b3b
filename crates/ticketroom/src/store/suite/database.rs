//! What only the PostgreSQL store does: many processes on one database, on the server's real clock.

use std::collections::HashSet;

use uuid::Uuid;

use super::test_clock::{config, connect, database};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::docspace::limits::Taken;
use crate::store::OpenError;
use crate::store::postgres::{
    Migration, PostgresStore, migrate,
    schema::{MIGRATIONS, SchemaError},
};

const SHORT: Duration = Duration::from_millis(300);

async fn replicas(count: usize) -> (Vec<Arc<PostgresStore>>, postgres_server::Database) {
    let database = database();
    let config = config(database.url());
    let open = (0..count).map(|_| PostgresStore::open(&config, Use::Serve));
    // At once: one of them makes the tables, and the others wait for it.
    let stores = futures_util::future::try_join_all(open).await.unwrap();
    (stores.into_iter().map(Arc::new).collect(), database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_claimed_by_one_of_many() {
    let (stores, _database) = replicas(4).await;
    for number in 0..200 {
        stores[0].accept(delivery(&number.to_string(), None, 0)).await.unwrap();
    }
    let claiming = stores.iter().map(|store| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            loop {
                let claims = store.claim(LEASE, 7.into(), &[]).await.unwrap();
                if claims.is_empty() {
                    return numbers;
                }
                numbers.extend(claims.into_iter().map(|claim| claim.number));
            }
        })
    });
    let claimed: Vec<i64> =
        futures_util::future::join_all(claiming).await.into_iter().flat_map(Result::unwrap).collect();
    // One that others were just claiming is skipped, and is still there for the next one.
    let rest = stores[0].claim(LEASE, 500.into(), &[]).await.unwrap();
    let all: HashSet<i64> = claimed.iter().copied().chain(rest.iter().map(|claim| claim.number)).collect();
    assert_eq!((claimed.len() + rest.len(), all.len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_by_many_endpoints_counts_once() {
    let (stores, _database) = replicas(4).await;
    for round in 0..30 {
        let id = round.to_string();
        assert_eq!(accepted_as_new(&stores, &delivery(&id, Some(&id), 0)).await, 1, "round {round}");
        assert_eq!(stores[0].timeline(&key(&round.to_string())).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_news_of_a_room_by_many_endpoints_counts_once() {
    let (stores, _database) = replicas(4).await;
    stores[0].accept(delivery("1", None, 0)).await.unwrap();
    let claim = stores[0].claim(LEASE, 1.into(), &[]).await.unwrap().remove(0);
    stores[0].save(save(&claim, with_room(7), 0)).await.unwrap();
    for round in 0..30 {
        let unreported = in_room(7, Consequence::Look, Some(&round.to_string()), 0);
        assert_eq!(accepted_as_new(&stores, &unreported).await, 1, "round {round}");
    }
    let end = settlement(&claim, State::Ready, None, 0);
    stores[0].settle(Settlement { save: Save { nth: 2, ..end.save }, ..end }).await.unwrap();
    let again = stores[0].claim(LEASE, 1.into(), &[]).await.unwrap().remove(0);
    assert_eq!(again.hints, claim.hints + 30);
}

/// How many of twelve at the same moment are told that a delivery is new.
async fn accepted_as_new(stores: &[Arc<PostgresStore>], delivery: &Delivery) -> usize {
    let accepting = stores.iter().cycle().take(12).map(|store| {
        let (store, delivery) = (Arc::clone(store), delivery.clone());
        tokio::spawn(async move { store.accept(delivery).await.unwrap() })
    });
    let accepted = futures_util::future::join_all(accepting).await;
    accepted.into_iter().filter(|accepted| *accepted.as_ref().unwrap() == Accepted::New).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_room_for_one_ticket_however_many_want_it() {
    let (stores, _database) = replicas(4).await;
    for id in 0..8 {
        stores[0].accept(delivery(&id.to_string(), None, 0)).await.unwrap();
    }
    let claims = stores[0].claim(LEASE, 8.into(), &[]).await.unwrap();
    let saving = claims.iter().enumerate().map(|(place, claim)| {
        let store = Arc::clone(&stores[place % 4]);
        let save = save(claim, with_room(5), 0);
        tokio::spawn(async move { store.save(save).await })
    });
    let saved = futures_util::future::join_all(saving).await.into_iter().map(Result::unwrap);
    let (won, lost): (Vec<_>, Vec<_>) = saved.partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let owner = stores[0].owned_rooms(&[RoomId(5)]).await.unwrap().remove(0).1;
    for error in lost {
        assert_eq!(error, Err(StoreError::RoomTaken { room: RoomId(5), owner: owner.clone() }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_writes_are_shared_to_the_last_one() {
    let (stores, _database) = replicas(3).await;
    let taking = stores.iter().cycle().take(30).map(|store| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.take_writes(at(0), 20, 333).await.unwrap() })
    });
    let taken: u32 = futures_util::future::join_all(taking)
        .await
        .into_iter()
        .map(|taken| match taken.unwrap() {
            Taken::Some(writes) => writes,
            Taken::NothingFor(_) => 0,
        })
        .sum();
    assert_eq!(taken, 333);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_see_each_other_come_and_go() {
    let (stores, _database) = replicas(1).await;
    let store = &stores[0];
    let beat = async |replica: u128, works, lease| {
        let replica = Uuid::from_u128(replica);
        let beat = Heartbeat { replica, works, held: Vec::new(), lease, quiet: QUIET };
        store.heartbeat(beat).await.unwrap()
    };
    let before = SystemClock.now();
    let pulse = beat(1, true, LEASE).await;
    assert_eq!(pulse.workers, 1);
    // Both clocks are this machine's.
    assert!(crate::clock::until(before, pulse.now.unwrap()) < Duration::from_secs(5));
    assert_eq!(beat(2, true, LEASE).await.workers, 2);
    assert_eq!(beat(3, false, LEASE).await.workers, 2, "one that only takes deliveries calls nobody");
    store.leave(Uuid::from_u128(2), &[]).await.unwrap();
    assert_eq!(beat(1, true, LEASE).await.workers, 1);
    assert_eq!(beat(4, true, SHORT).await.workers, 2);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while beat(1, true, LEASE).await.workers != 1 {
        assert!(
            std::time::Instant::now() < deadline,
            "a replica without a sign of life is gone with its lease"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The lease ends by the server's clock: what the replicas' clocks say doesn't count.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_by_the_servers_clock() {
    let (stores, _database) = replicas(2).await;
    stores[0].accept(delivery("1", None, 0)).await.unwrap();
    let first = stores[0].claim(SHORT, 1.into(), &[]).await.unwrap().remove(0);
    assert_eq!(stores[1].claim(SHORT, 1.into(), &[]).await.unwrap(), []);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let second = loop {
        if let Some(claim) = stores[1].claim(LEASE, 1.into(), &[]).await.unwrap().pop() {
            break claim;
        }
        assert!(std::time::Instant::now() < deadline, "it is never due");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(second.fence > first.fence);
    assert_eq!(stores[0].save(save(&first, with_room(5), 0)).await, Err(StoreError::Lost));
}

/// Whoever only works hears of what another replica took in.
#[tokio::test(flavor = "multi_thread")]
async fn hints_go_from_one_replica_to_another() {
    let (stores, _database) = replicas(2).await;
    let (here, there) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    stores[0].listen(Arc::clone(&here));
    stores[1].listen(Arc::clone(&there));
    let hear = async |notify: &Notify| {
        tokio::time::timeout(Duration::from_secs(20), notify.notified()).await.expect("a hint");
    };
    // Both are listening when they say so themselves.
    hear(&here).await;
    hear(&there).await;
    stores[0].accept(delivery("1", None, 0)).await.unwrap();
    hear(&there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_an_error_and_comes_back() {
    let server = postgres_server::Server::start(postgres_server::Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let store = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    store.accept(delivery("1", Some("a"), 0)).await.unwrap();
    server.kill().unwrap();
    let error = store.accept(delivery("2", Some("b"), 0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    server.start_again().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while let Err(error) = store.accept(delivery("2", Some("b"), 0)).await {
        assert!(std::time::Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.accept(delivery("1", Some("a"), 0)).await.unwrap(), Accepted::Repeat);
}

/// A database may be set up so that it answers a commit before it is on disk. Ours are on disk.
/// A busy server takes longer to take a connection than callers wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_comes_too_late_is_the_next_callers() {
    #[derive(Clone, Copy, PartialEq)]
    enum Way {
        Open,
        Slow,
        // Only for those who are waiting.
        Closed,
    }
    let database = database();
    let server: std::net::SocketAddr = ([127, 0, 0, 1], postgres_server::shared().port()).into();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let [there, here] =
        [server, listener.local_addr().unwrap()].map(|address| format!(":{}/", address.port()));
    let url = database.url().replace(&there, &here);
    let (set, way) = tokio::sync::watch::channel(Way::Open);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut way = way.clone();
            if *way.borrow() == Way::Closed {
                continue;
            }
            tokio::spawn(async move {
                way.wait_for(|way| *way != Way::Slow).await.unwrap();
                let mut there = tokio::net::TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut there).await;
            });
        }
    });
    let store = PostgresStore::open(&config(&url), Use::Serve).await.unwrap();
    set.send(Way::Slow).unwrap();
    let error = store.probe().await.unwrap_err();
    assert!(error.to_string().contains("no connection within the time for one"), "{error}");
    set.send(Way::Closed).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.probe().await {
        assert!(std::time::Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_commit_is_on_disk_whatever_the_database_is_set_to() {
    let database = database();
    let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database());
        END $$";
    database.run(sql).unwrap();
    let store = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let client = store.connection().await;
    for (setting, expected) in [("synchronous_commit", "on"), ("transaction_isolation", "read committed")] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_told_with_what_to_do() {
    let database = database();
    let url = database.url();
    let open = async |url: &str| match PostgresStore::open(&config(url), Use::Operate).await {
        Err(error @ (OpenError::Database { .. } | OpenError::NoTables(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let error = open(url).await;
    assert!(error.contains("has “ticketroom serve” run"), "{error}");
    let error = open(&format!("{url}_not")).await;
    assert!(error.contains("make the database: createdb"), "{error}");
    let role = "DROP ROLE IF EXISTS a_stranger; CREATE ROLE a_stranger LOGIN;
        REVOKE CREATE ON SCHEMA public FROM PUBLIC";
    database.run(role).unwrap();
    let stranger = url.replace("ticketroom@", "a_stranger@");
    for purpose in [Use::Serve, Use::Operate] {
        let error = PostgresStore::open(&config(&stranger), purpose).await.unwrap_err().to_string();
        assert!(error.contains("GRANT CREATE"), "{error}");
    }
    let error = open("postgres://me:hush@127.0.0.1:1/db").await;
    assert!(error.contains("127.0.0.1/db") && error.contains("whether the server runs"), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

/// A statement is broken off after 5 seconds; to mark all tickets may take longer, and must not
/// hold all of them meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn all_tickets_are_marked_however_long_that_takes() {
    let (stores, database) = replicas(1).await;
    // 6 seconds for all of them.
    let slow = "INSERT INTO ticket (helpdesk, id, state, created_at, updated_at)
            SELECT 'desk', n, CASE n WHEN 3000 THEN 'ready' ELSE 'blocked' END, 0, n / 10
            FROM generate_series(1, 3000) AS n;
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION slow()";
    database.run(slow).unwrap();
    let client = connect(database.url()).await;
    let store = Arc::clone(&stores[0]);
    let marking = tokio::spawn(async move { store.requeue(&Selection::Blocked, &Why::Configured).await });
    let sql = "SELECT count(*) FROM ticket WHERE state = 'waiting'";
    let mut first = 0_i64;
    while first == 0 && !marking.is_finished() {
        first = client.query_one(sql, &[]).await.unwrap().get(0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let marked = marking.await.unwrap();
    assert_eq!(marked.unwrap(), 2999);
    assert!((1..2999).contains(&first), "{first} of them at once");
    assert_eq!(stores[0].requeue(&Selection::Blocked, &Why::Configured).await.unwrap(), 0);
    assert_eq!(stores[0].requeue(&Selection::All, &Why::Restored).await.unwrap(), 3000);
    let reported = stores[0].timeline(&key("7")).await.unwrap();
    let reported: Vec<_> = reported.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(reported, ["retry", "recover"]);
}

/// Each page is a statement of its own, which must not stay on the connection for ever.
#[tokio::test]
async fn reading_many_pages_leaves_no_statements_behind() {
    let (stores, _database) = replicas(1).await;
    let page = async |offset| {
        let query = TicketQuery { limit: 10, offset, ..TicketQuery::default() };
        stores[0].tickets(&query).await.unwrap();
    };
    let prepared = async || -> i64 {
        // Only one at a time was ever needed.
        let client = stores[0].connection().await;
        client.query_one("SELECT count(*) FROM pg_prepared_statements", &[]).await.unwrap().get(0)
    };
    page(0).await;
    let before = prepared().await;
    for offset in 1..20 {
        page(offset).await;
    }
    assert_eq!(prepared().await, before);
}

#[tokio::test]
async fn older_and_newer_replicas_share_the_tables() {
    let database = database();
    let config = config(database.url());
    let old = PostgresStore::open(&config, Use::Serve).await.unwrap();
    old.accept(delivery("1", None, 0)).await.unwrap();
    // The version to come adds a column, and says that today's replicas may go on.
    let mut more: Vec<_> = MIGRATIONS.iter().map(|_| Migration { serves: 1, sql: "" }).collect();
    let sql = "ALTER TABLE ticket ADD COLUMN mood text NOT NULL DEFAULT 'calm'";
    more.push(Migration { serves: 1, sql });
    let mut client = old.connection().await;
    migrate(&mut client, &more).await.unwrap();
    let claim = claim_one_now(&old).await;
    old.save(save(&claim, with_room(5), 0)).await.unwrap();
    old.accept(delivery("2", None, 0)).await.unwrap();
    let restarted = PostgresStore::open(&config, Use::Serve).await.unwrap();
    assert_eq!(
        restarted.tickets(&TicketQuery { limit: 9, ..TicketQuery::default() }).await.unwrap().len(),
        2
    );
    // The one after that can't be served by today's.
    let latest = i32::try_from(more.len() + 1).unwrap();
    more.push(Migration { serves: latest, sql: "DROP TABLE probe" });
    migrate(&mut client, &more).await.unwrap();
    let error = PostgresStore::open(&config, Use::Serve).await.unwrap_err().to_string();
    let ours = MIGRATIONS.len();
    let reported = format!("version {latest}, and this ticketroom knows versions up to {ours}");
    assert!(error.contains(&reported), "{error}");
    more.pop();
    let error = migrate(&mut client, &more).await.unwrap_err();
    assert!(
        matches!(error, SchemaError::Newer { found, known } if found == latest && known == ours + 1),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_has_to_prove_who_it_is() {
    let server = postgres_server::Server::start_with_tls(postgres_server::Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let open = async |url: String| {
        let opened = PostgresStore::open(&config(&url), Use::Operate).await;
        // It has no tables yet: whoever says so has got in.
        opened.unwrap_err().to_string()
    };
    let got_in = "has no tables yet";
    let authority = server.ca_certificate().unwrap().display().to_string();
    let verified = format!("?sslmode=verify-full&sslrootcert={authority}");
    let error = open(format!("{}{verified}", database.url_at("localhost"))).await;
    assert!(error.contains(got_in), "{error}");
    let error = open(format!("{}{verified}", database.url())).await;
    assert!(error.contains("certificate") && !error.contains(got_in), "another name: {error}");
    let error = open(format!("{}?sslmode=verify-full", database.url_at("localhost"))).await;
    assert!(error.contains("certificate") && !error.contains(got_in), "nobody vouches for it: {error}");
    let error = open(format!("{}?sslmode=require", database.url())).await;
    assert!(error.contains(got_in), "{error}");
    let error = open(format!("{}?sslmode=verify-full&sslrootcert=/no/such/file", database.url())).await;
    assert!(error.contains("/no/such/file"), "{error}");
    let plain = self::database();
    let error = open(format!("{}?sslmode=require", plain.url())).await;
    assert!(error.contains("TLS") && !error.contains(got_in), "a server without TLS: {error}");
}
