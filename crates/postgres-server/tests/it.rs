//! Servers that are really started, stopped, killed and left alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is the failure report")]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres_server::{Database, Durability, Lending, Pooler, Replication, Room, Server, installed, shared};

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: still not so");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_served(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn databases_are_apart_and_go_when_they_are_dropped() {
    let (one, other) = (shared().create_database().unwrap(), shared().create_database().unwrap());
    assert_eq!(one.url(), format!("postgres://ticketroom@127.0.0.1:{}/{}", shared().port(), one.name()));
    let rows = one.run(
        "CREATE TABLE ticket (id int, subject text);
         INSERT INTO ticket VALUES (1, 'Tür klemmt 🚪'), (2, NULL);
         SELECT * FROM ticket ORDER BY id",
    );
    assert_eq!(rows.unwrap(), "1|Tür klemmt 🚪\n2|");
    let error = other.run("SELECT 1; SELECT * FROM ticket; SELECT 2").unwrap_err().to_string();
    assert!(error.contains("relation \"ticket\" does not exist") && !error.contains('2'), "{error}");
    // Long ones, both ways.
    let long = "x".repeat(300_000);
    assert_eq!(other.run(&format!("SELECT '{long}'")).unwrap(), long);

    let name = one.name().to_owned();
    let there = || {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        other.run(&sql).unwrap()
    };
    assert_eq!(there(), "1");
    drop(one);
    assert_eq!(there(), "0");
}

#[test]
fn only_a_server_for_tests_does_not_wait_for_the_disk() {
    let show = |server: &Server| server.create_database().unwrap().run("SHOW fsync; SHOW synchronous_commit");
    assert_eq!(show(shared()).unwrap(), "off\non");
    assert_eq!(show(&Server::start(Durability::Real).unwrap()).unwrap(), "on\non");
}

#[test]
fn stopped_and_killed_it_is_away_and_started_again_it_has_its_data() {
    let server = Server::start(Durability::Real).unwrap();
    let database = server.create_database().unwrap();
    database.run("CREATE TABLE passed (what text)").unwrap();
    type Outage = fn(&Server) -> Result<(), postgres_server::Error>;
    for (name, outage) in
        [("stop", Server::stop as Outage), ("kill", Server::kill), ("kill again", Server::kill)]
    {
        database.run(&format!("INSERT INTO passed VALUES ('{name}')")).unwrap();
        std::thread::scope(|scope| {
            // Somebody is at work while it happens.
            let query = scope.spawn(|| database.run("SELECT pg_sleep(600)"));
            let active = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'";
            wait_until("the query runs", || database.run(active).unwrap() == "1");
            outage(&server).unwrap();
            query.join().unwrap().unwrap_err();
        });
        assert!(!is_served(server.port()));
        database.run("SELECT 1").unwrap_err();
        // Nothing is left to be stopped.
        outage(&server).unwrap();
        server.start_again().unwrap();
        server.start_again().unwrap();
        let passed = database.run("SELECT what FROM passed").unwrap();
        assert_eq!(passed.lines().last(), Some(name));
    }
    let recoveries = server.log().matches("automatic recovery in progress").count();
    assert_eq!(recoveries, 2, "a kill is no stop: {}", server.log());
}

const GROW: &str = "INSERT INTO passed SELECT repeat('x', 1000) FROM generate_series(1, 2000)";

#[test]
fn with_a_full_disk_it_refuses_to_write_and_has_lost_nothing() {
    let server = Server::start(Durability::Real).unwrap();
    let database = server.create_database().unwrap();
    database.run("CREATE TABLE passed (what text)").unwrap();
    database.run(GROW).unwrap();
    server.fill_disk(Room::ForTheLog).unwrap();
    let error = database.run(GROW).unwrap_err().to_string();
    assert!(error.contains("could not extend file"), "{error}");
    assert_eq!(database.run("SELECT count(*) FROM passed").unwrap(), "2000");
    server.free_disk().unwrap();
    database.run(GROW).unwrap();
    assert_eq!(database.run("SELECT count(*) FROM passed").unwrap(), "4000");
    assert!(!server.log().contains("PANIC"), "{}", server.log());
}

#[test]
fn without_room_for_its_log_it_goes_down_and_has_lost_nothing() {
    let server = Server::start(Durability::Real).unwrap();
    let database = server.create_database().unwrap();
    database.run("CREATE TABLE passed (what text)").unwrap();
    database.run(GROW).unwrap();
    server.fill_disk(Room::None).unwrap();
    database.run(GROW).unwrap_err();
    wait_until("it is down", || !is_served(server.port()));
    server.free_disk().unwrap();
    server.start_again().unwrap();
    // What it said of it found no room either.
    assert!(server.log().contains("automatic recovery in progress"), "{}", server.log());
    assert_eq!(database.run("SELECT count(*) FROM passed").unwrap(), "2000");
    database.run(GROW).unwrap();
}

#[test]
fn started_again_while_it_still_goes_down_it_takes_connections_in_the_end() {
    let server = Server::start(Durability::Real).unwrap();
    let database = server.create_database().unwrap();
    database.run("CREATE TABLE passed (what text)").unwrap();
    for pause in [0, 20, 100, 300] {
        server.fill_disk(Room::None).unwrap();
        database.run(GROW).unwrap_err();
        std::thread::sleep(Duration::from_millis(pause));
        server.free_disk().unwrap();
        server.start_again().unwrap();
        wait_until("it takes statements", || database.run(GROW).is_ok());
    }
}

#[test]
fn it_goes_with_all_its_files_when_it_is_dropped() {
    for outage in [|_: &Server| {}, |server: &Server| server.kill().unwrap()] {
        let server = Server::start(Durability::ForTests).unwrap();
        let (port, folder) = (server.port(), server.folder().to_owned());
        outage(&server);
        drop(server);
        assert!(!folder.exists());
        assert!(!is_served(port));
    }
}

#[test]
fn it_goes_when_the_process_that_started_it_is_killed() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_ticketroom-postgres-server"));
    let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (url, folder) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split_once('/')).unwrap().0.parse().unwrap();
    assert!(is_served(port) && Path::new(&folder).exists());
    process.kill().unwrap();
    process.wait().unwrap();
    wait_until("the server is gone", || !is_served(port));
    wait_until("its files are gone", || !Path::new(&folder).exists());
}

#[test]
fn its_certificate_is_good_for_localhost_and_for_those_who_know_its_authority() {
    let server = Server::start_with_tls(Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let authority = server.ca_certificate().unwrap();
    let connect = |database: &Database, host: &str, mode: &str, authority: &Path| {
        let settings = format!("sslmode={mode}&sslrootcert={}", authority.display());
        let mut psql = Command::new(installed().unwrap().join("psql"));
        psql.args(["-X", "-A", "-t", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]);
        psql.arg(format!("{}?{settings}", database.url_at(host)));
        // Not with certificates of whoever runs the tests.
        let output = psql.env("LC_ALL", "C").env("HOME", server.folder()).output().unwrap();
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat()
    };
    assert_eq!(connect(&database, "localhost", "verify-full", &authority), "t\n");
    let wrong_name = connect(&database, "127.0.0.1", "verify-full", &authority);
    assert!(wrong_name.contains("does not match host name"), "{wrong_name}");

    let other = Server::start_with_tls(Durability::ForTests).unwrap();
    let unknown = connect(&database, "localhost", "verify-full", &other.ca_certificate().unwrap());
    assert!(unknown.contains("certificate verify failed"), "{unknown}");
    let plain = shared().create_database().unwrap();
    assert_eq!(shared().ca_certificate(), None);
    let refused = connect(&plain, "localhost", "require", &authority);
    assert!(refused.contains("server does not support SSL"), "{refused}");
}

#[test]
fn a_synchronous_standby_has_all_that_was_confirmed_and_takes_over() {
    let primary = Server::start(Durability::ForTests).unwrap();
    let database = primary.create_database().unwrap();
    database.run("CREATE TABLE passed (what text); INSERT INTO passed VALUES ('before')").unwrap();
    let standby = primary.start_standby(Replication::Synchronous).unwrap();
    let passed = || standby.run_in(&database, "SELECT what FROM passed").unwrap();
    standby.catch_up(&primary).unwrap();
    assert_eq!(passed(), "before");
    let refused =
        standby.run_in(&database, "INSERT INTO passed VALUES ('too early')").unwrap_err().to_string();
    assert!(refused.contains("cannot execute INSERT in a read-only transaction"), "{refused}");
    let chosen = |host: &str| {
        let mut psql = Command::new(installed().unwrap().join("psql"));
        psql.args(["-X", "-A", "-t", "-c", "SHOW port"]).arg(database.url_or_at(&standby));
        let output = psql.env("LC_ALL", "C").env("HOME", standby.folder()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), host);
    };
    chosen(&primary.port().to_string());

    // Without its standby, a commit isn't confirmed, though it is there; with it, it is.
    standby.stop().unwrap();
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| database.run("INSERT INTO passed VALUES ('confirmed')"));
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        wait_until("the commit waits", || database.run(waits).unwrap() == "1");
        assert!(!commit.is_finished());
        standby.start_again().unwrap();
        commit.join().unwrap().unwrap();
    });
    primary.kill().unwrap();
    standby.promote().unwrap();
    assert_eq!(passed(), "before\nconfirmed");
    standby.run_in(&database, "INSERT INTO passed VALUES ('after')").unwrap();
    assert_eq!(passed(), "before\nconfirmed\nafter");
    chosen(&standby.port().to_string());
    standby.promote().unwrap_err();

    let folders = [&primary, &standby].map(|server| server.folder().to_owned());
    let ports = [&primary, &standby].map(Server::port);
    drop((database, primary, standby));
    assert!(folders.iter().all(|folder| !folder.exists()));
    assert!(!ports.into_iter().any(is_served));
}

#[test]
fn an_asynchronous_standby_takes_over_with_what_it_has() {
    let primary = Server::start(Durability::ForTests).unwrap();
    let database = primary.create_database().unwrap();
    database.run("CREATE TABLE passed (what text); INSERT INTO passed VALUES ('known')").unwrap();
    let standby = primary.start_standby(Replication::Asynchronous).unwrap();
    standby.catch_up(&primary).unwrap();
    standby.stop().unwrap();
    database.run("INSERT INTO passed VALUES ('lost')").unwrap();
    // Silent, as a machine that hangs: it can be connected to, and says nothing.
    primary.hold().unwrap();
    standby.start_again().unwrap();
    standby.promote().unwrap();
    assert_eq!(standby.run_in(&database, "SELECT what FROM passed").unwrap(), "known");
    standby.run_in(&database, "INSERT INTO passed VALUES ('after')").unwrap();
    primary.kill().unwrap();
    assert!(!is_served(primary.port()));
}

#[test]
fn a_pooler_lends_sessions_for_a_transaction_and_goes_when_it_is_dropped() {
    let database = shared().create_database().unwrap();
    let pooler = Pooler::start(shared(), Lending::Transaction, 1).unwrap();
    let url = pooler.url(&database);
    let port: u16 = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let mut psql = Command::new("psql");
    let output =
        psql.args(["-X", "-A", "-t", "-d", &url, "-c", "SELECT current_database()"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), database.name());
    drop(pooler);
    assert!(!is_served(port));
}
