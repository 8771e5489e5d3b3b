//! What a server, a database or a role can be set to that is in the way: each is told by `check`
//! and at the start, with what to do.

use std::fs;

use postgres_server::{Durability, Replication, Server};

use super::test_clock::{config, database};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, StoreUrl};
use crate::finding::Level;
use crate::store::postgres::PostgresStore;

/// What `check` says, and what a start says that fails.
async fn reported(url: &str) -> [String; 2] {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let url = StoreUrl::Postgres(Box::new(config(url)));
    let finding = crate::store::check::store(&url, &clock).await.remove(0);
    assert!(finding.level() == Level::Bad, "{finding:?}");
    [finding.what().to_owned(), crate::store::open(&url, Use::Serve, &clock).await.unwrap_err().to_string()]
}

#[tokio::test]
async fn tables_are_made_where_the_search_path_leads_and_found_there_again() {
    let database = database();
    let set = |path: &str| {
        let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = PATH', current_database()); END $$";
        database.run(&sql.replace("PATH", path)).unwrap();
    };
    set("app, public");
    database.run("CREATE SCHEMA app").unwrap();
    let open = async || PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    open().await.accept(delivery("1", Some("a"), 0)).await.unwrap();
    assert_eq!(database.run("SELECT count(*) FROM app.ticket").unwrap(), "1");
    assert_eq!(open().await.accept(delivery("1", Some("a"), 0)).await.unwrap(), Accepted::Repeat);
    // Somebody sets another one: an empty store in another schema would have forgotten every
    // ticket.
    set("public");
    for reported in reported(database.url()).await {
        assert!(
            reported.contains("its tables are in the schema app, where its search_path (public)"),
            "{reported}"
        );
        assert!(reported.contains("SET search_path = app"), "{reported}");
    }
    assert_eq!(database.run("SELECT to_regclass('public.ticket') IS NULL").unwrap(), "t");
    set("app");
    open().await.probe().await.unwrap();
}

#[tokio::test]
async fn a_search_path_that_leads_nowhere() {
    let database = database();
    let sql = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = missing', current_database()); END $$";
    database.run(sql).unwrap();
    for reported in reported(database.url()).await {
        assert!(
            reported.contains("search_path (missing) leads to no schema that there is; make the schema"),
            "{reported}"
        );
    }
}

#[tokio::test]
async fn a_role_that_may_make_no_tables() {
    let database = database();
    database
        .run(
            "DROP ROLE IF EXISTS without_create; CREATE ROLE without_create LOGIN;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )
        .unwrap();
    for reported in reported(&database.url().replace("ticketroom@", "without_create@")).await {
        assert!(reported.contains("GRANT CREATE, USAGE ON SCHEMA public TO without_create"), "{reported}");
    }
}

#[tokio::test]
async fn a_database_whose_transactions_are_read_only() {
    let database = database();
    PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let sql = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$";
    database.run(sql).unwrap();
    for reported in reported(database.url()).await {
        assert!(reported.contains("its transactions are read-only"), "{reported}");
        assert!(reported.contains("SET default_transaction_read_only = off"), "{reported}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_can_only_be_read() {
    let primary = Server::start(Durability::ForTests).unwrap();
    let database = primary.create_database().unwrap();
    PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let standby = primary.start_standby(Replication::Asynchronous).unwrap();
    standby.catch_up(&primary).unwrap();
    let port = |server: &Server| format!(":{}/", server.port());
    for reported in reported(&database.url().replace(&port(&primary), &port(&standby))).await {
        assert!(reported.contains("the server is a standby"), "{reported}");
        assert!(reported.contains("name all servers in [store] url"), "{reported}");
    }
}

#[tokio::test]
async fn a_password_may_have_any_character() {
    let server = Server::start(Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let password = "p@s:s/w?o#r%41 d'\"\\\\ü&=+";
    // As SQL has it.
    let quoted = password.replace('\'', "''");
    database
        .run(&format!(
            "SET standard_conforming_strings = on; CREATE ROLE odd LOGIN PASSWORD '{quoted}';
             GRANT ALL ON SCHEMA public TO odd"
        ))
        .unwrap();
    let access = server.folder().join("data/pg_hba.conf");
    let trusting = fs::read_to_string(&access).unwrap();
    fs::write(&access, format!("host all odd all scram-sha-256\n{trusting}")).unwrap();
    database.run("SELECT pg_reload_conf()").unwrap();
    // New connections go by it from some moment on.
    let url = database.url().replace("ticketroom@", "odd@");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "it asks for no password");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let text = |store: &str| {
        format!(
            "[docspace]\nurl = \"https://d.example\"\napi_key = \"k\"\n[store]\n{store}\n\
            [[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true"
        )
    };
    let open = async |store: String, environment: &[(&str, &str)]| {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::from_text(
            &text(&store),
            "test.toml",
            &environment.collect::<std::collections::HashMap<_, _>>(),
        )
        .unwrap();
        let StoreUrl::Postgres(config) = config.store else { panic!("a file") };
        PostgresStore::open(&config, Use::Serve).await
    };
    let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let usual: String = ["@ %40", ": %3A", "/ %2F", "? %3F", "# %23", "\" %22", "\\ %5C", "  %20"]
        .iter()
        .fold(password.replace('%', "%25"), |text, pair| text.replace(&pair[..1], &pair[2..]));
    for encoded in [encoded, usual] {
        let url = database.url().replace("ticketroom@", &format!("odd:{encoded}@"));
        open(format!("url = '{}'", url.replace('\'', "%27")), &[]).await.unwrap().probe().await.unwrap();
    }
    let store =
        open(format!("url = {url:?}\npassword = {{ env = \"PW\" }}"), &[("PW", password)]).await.unwrap();
    store.probe().await.unwrap();
    let wrong = open(format!("url = {url:?}\npassword = {{ env = \"PW\" }}"), &[("PW", "p@s")]).await;
    let error = wrong.unwrap_err().to_string();
    assert!(error.contains("check user and password") && error.contains("%40"), "{error}");
}
