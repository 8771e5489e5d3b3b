//! Several processes on one PostgreSQL database: they share the work and the portal's limits, and
//! whatever becomes of one of them, or of the database, each ticket has one room.

use std::time::Duration;

use futures_util::StreamExt;
use postgres_server::{Durability, Room, Server};
use reqwest::StatusCode;
use rustix::process::Signal;
use simulator::fault::{Fault, FaultKind};
use testbed::{Desk, Process, Systems, wait_until};

use crate::process::BINARY;
use crate::stores::TestStore;

/// Processes on one database, one for each list of arguments.
pub(crate) async fn replicas(systems: &Systems, store: &str, arguments: &[&[&str]]) -> Vec<Process> {
    let mut replicas = Vec::new();
    for more in arguments {
        let mut replica = Process::on_store(BINARY, systems, store);
        let arguments: Vec<&str> = std::iter::once("serve").chain(more.iter().copied()).collect();
        let command = replica.command(&arguments);
        replica.start(command);
        replicas.push(replica);
    }
    for replica in &mut replicas {
        assert!(replica.is_ready().await, "{}", replica.log());
    }
    replicas
}

async fn post_body(replica: &Process, body: serde_json::Value) -> reqwest::Response {
    replica.client.post(format!("{}/helpdesk/ticket-created", replica.url)).json(&body).send().await.unwrap()
}

pub(crate) async fn post(replica: &Process, id: &str) -> reqwest::Response {
    post_body(replica, serde_json::json!({ "ticketId": id, "subject": "replicas" })).await
}

/// A delivery that takes its room, and can't be compressed.
async fn post_long(replica: &Process, id: &str) -> reqwest::Response {
    let filling: String = std::iter::repeat_with(fastrand::alphanumeric).take(50_000).collect();
    post_body(replica, serde_json::json!({ "ticketId": id, "subject": "replicas", "filling": filling })).await
}

/// What is wrong with these generic tickets, counted at the simulator.
pub(crate) fn wrong_with(systems: &Systems, ids: &[String]) -> Vec<String> {
    let mut wrong: Vec<String> = ids.iter().flat_map(|id| systems.wrong_with_generic_ticket(id)).collect();
    let rooms = systems.docspace.rooms().len();
    if rooms != ids.len() {
        wrong.push(format!("{rooms} rooms for {} tickets", ids.len()));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_the_work_and_the_limits() {
    let limits = simulator::docspace::Limits { concurrent_writes: 15, ..Default::default() };
    let setup = simulator::docspace::Setup { limits: Some(limits), ..Default::default() };
    let systems = Systems::start_with(setup).await;
    systems.docspace.set_latency(Duration::from_millis(20));
    let store = TestStore::postgres();
    let replicas = replicas(&systems, &store.url, &[&[], &[], &[]]).await;
    // Each has heard of the others once it has left a sign of life after the last one came.
    let now: i64 = store.ask("SELECT server_millis()").parse().unwrap();
    let since = format!("SELECT count(*) FROM replica WHERE alive_until > {now} + 1000");
    wait_until("they know of each other", async || store.ask(&since) == "3").await;
    let tickets: Vec<(Desk, String)> =
        (0..10).flat_map(|_| Desk::ALL.map(|desk| (desk, desk.open(&systems, "shared")))).collect();
    // Each is delivered to every replica at once.
    let told = tickets.iter().flat_map(|ticket| replicas.iter().map(move |replica| (replica, ticket)));
    let (systems_ref, count) = (&systems, tickets.len() * replicas.len());
    let acknowledged = futures_util::stream::iter(told)
        .map(|(replica, (desk, id))| async move {
            replica.acknowledges(*desk, &desk.created(systems_ref, id, "shared")).await
        })
        .buffer_unordered(30)
        .filter(|acknowledged| std::future::ready(*acknowledged))
        .count()
        .await;
    assert_eq!(acknowledged, count);
    replicas[0].wait_until_all_rest().await;
    let wrong: Vec<_> = tickets.iter().flat_map(|(desk, id)| systems.wrong_with_opened(*desk, id)).collect();
    assert_eq!(wrong, [""; 0]);
    assert_eq!(systems.docspace.rooms().len(), tickets.len());
    assert_eq!(systems.docspace.counters().rejected_429, 0, "they keep the limits together");
    for replica in &replicas {
        replica.log_with("room_created").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_take_deliveries_and_others_work() {
    let systems = Systems::start().await;
    let store = TestStore::postgres();
    let mut replicas = replicas(&systems, &store.url, &[&["--no-work"], &["--no-intake"]]).await;
    let refused = post(&replicas[1], "1").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(post(&replicas[0], "1").await.status(), StatusCode::OK);
    replicas[0].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &["1".to_owned()]), [""; 0]);
    assert!(!replicas[0].log().contains("room_created"), "{}", replicas[0].log());

    replicas[1].kill().await;
    assert_eq!(post(&replicas[0], "2").await.status(), StatusCode::OK, "deliveries are taken all the same");
    replicas[1].serve(&[]);
    replicas[1].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &["1".to_owned(), "2".to_owned()]), [""; 0]);
}

/// Changes the configuration of a process that isn't running.
pub(crate) fn configure(process: &Process, changes: &[(&str, &str)]) {
    let file = process.folder().join("ticketroom.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (before, after) in changes {
        assert!(text.contains(before), "{text}");
        text = text.replace(before, after);
    }
    std::fs::write(file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_stops_hands_over_at_once() {
    let systems = Systems::start().await;
    let store = TestStore::postgres();
    // Its claims would hold for minutes, and its call takes longer than a process that stops waits
    // for it.
    let slow = [("lease = \"1s\"", "lease = \"5min\""), ("timeout = \"800ms\"", "timeout = \"60s\"")];
    let [mut first, mut second] = [0, 1].map(|_| Process::on_store(BINARY, &systems, &store.url));
    for process in [&first, &second] {
        configure(process, &slow);
    }
    systems.docspace.faults().add(Fault::once("create_room", FaultKind::Hang(Duration::from_secs(50))));
    first.serve(&[]);
    assert!(first.is_ready().await, "{}", first.log());
    assert_eq!(post(&first, "1").await.status(), StatusCode::OK);
    wait_until("it is in the call", async || systems.docspace.counters().of("create_room") == 1).await;
    second.serve(&[]);
    assert!(second.is_ready().await, "{}", second.log());
    assert!(first.signal(Signal::TERM));
    assert!(first.ended().await.success(), "{}", first.log());
    assert!(first.log().contains("some runs were stopped before their end"), "{}", first.log());
    let asked = std::time::Instant::now();
    second.wait_until_all_rest().await;
    assert!(asked.elapsed() < Duration::from_secs(120), "it did not wait for the lease");
    assert_eq!(wrong_with(&systems, &["1".to_owned()]), [""; 0]);
}

/// A call may wait for its turn for a long time. If the claim passes on to somebody else meanwhile,
/// it must not go out, not even once the process may act again.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_turn_does_not_go_out_for_a_claim_that_has_passed_on() {
    let setup = simulator::docspace::Setup { limits: None, ..Default::default() };
    let systems = Systems::start_with(setup).await;
    let store = TestStore::postgres();
    let [mut first, mut second] = [0, 1].map(|_| Process::on_store(BINARY, &systems, &store.url));
    // The first one has one write in flight at a time, and the first of these takes long.
    let slow = "timeout = \"20s\"\nconcurrent_writes = 1";
    configure(&first, &[("timeout = \"800ms\"", slow)]);
    systems.docspace.faults().add(Fault::once("create_room", FaultKind::Hang(Duration::from_secs(8))));
    first.serve(&[]);
    assert!(first.is_ready().await, "{}", first.log());
    let ids = ["1", "2", "3"].map(str::to_owned);
    for id in &ids {
        assert_eq!(post(&first, id).await.status(), StatusCode::OK);
    }
    let intended = async || {
        let pending = store.ask("SELECT count(*) FROM ticket WHERE claimed AND ledger LIKE '%\"pending\"%'");
        systems.docspace.counters().of("create_room") == 1 && pending == ids.len().to_string()
    };
    wait_until("all three are intended, and one is asked for", intended).await;
    assert!(first.signal(Signal::STOP));
    second.serve(&[]);
    assert!(second.is_ready().await, "{}", second.log());
    second.wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &ids), [""; 0], "while it is paused");
    assert!(first.signal(Signal::CONT));
    wait_until("it has noticed", async || first.log().matches("the claim expired").count() >= ids.len())
        .await;
    assert_eq!(post(&first, "4").await.status(), StatusCode::OK);
    wait_until("it acts again", async || systems.rooms_of("intranet:4").len() == 1).await;
    first.wait_until_all_rest().await;
    let ids: Vec<String> = ids.into_iter().chain(["4".to_owned()]).collect();
    assert_eq!(wrong_with(&systems, &ids), [""; 0], "after it went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_paused_beyond_its_lease_does_no_harm() {
    let systems = Systems::start().await;
    systems.docspace.set_latency(Duration::from_millis(30));
    let store = TestStore::postgres();
    let replicas = replicas(&systems, &store.url, &[&[], &[]]).await;
    let ids: Vec<String> = (0..40).map(|id| id.to_string()).collect();
    for id in &ids {
        assert_eq!(post(&replicas[0], id).await.status(), StatusCode::OK);
    }
    wait_until("it is in the middle of it", async || systems.docspace.rooms().len() > 3).await;
    assert!(replicas[0].signal(Signal::STOP));
    // The other one does all of it, what the paused one had claimed included.
    replicas[1].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &ids), [""; 0], "while it is paused");
    assert!(replicas[0].signal(Signal::CONT));
    let done = async || replicas[0].log().contains("the claim expired");
    wait_until("it has noticed", done).await;
    replicas[0].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &ids), [""; 0], "after it went on");
}

/// A process may be able to use the store and not to write its heartbeat: other connections are in
/// question.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_may_not_act_claims_nothing() {
    let systems = Systems::start().await;
    let store = TestStore::postgres();
    let replicas = replicas(&systems, &store.url, &[&[]]).await;
    store.ask("ALTER TABLE replica RENAME TO elsewhere");
    let missed = "the heartbeat can't be written";
    let misses = || replicas[0].log().matches(missed).count();
    // Its lease of a second has ended by then.
    wait_until("it has no right to act", async || misses() >= 15).await;
    assert_eq!(post(&replicas[0], "1").await.status(), StatusCode::OK);
    let then = misses();
    wait_until("it had time to claim it", async || misses() >= then + 15).await;
    let row = "SELECT fence, attempts, claimed, hints FROM ticket";
    assert_eq!(store.ask(row), "0|0|f|1");
    store.ask("ALTER TABLE elsewhere RENAME TO replica");
    replicas[0].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &["1".to_owned()]), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_starts_before_its_database_says_to_come_again() {
    let systems = Systems::start().await;
    let server = Server::start(Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    server.stop().unwrap();
    let mut replica = Process::on_store(BINARY, &systems, database.url());
    replica.serve(&[]);
    let alive = async || {
        let asked = replica.client.get(format!("{}/healthz", replica.url)).send().await;
        asked.is_ok_and(|answer| answer.status() == StatusCode::OK)
    };
    wait_until("it is alive", alive).await;
    assert_refused(&post(&replica, "1").await);
    let ready = replica.client.get(format!("{}/readyz", replica.url)).send().await.unwrap();
    assert_refused(&ready);
    server.start_again().unwrap();
    let taken = async || post(&replica, "1").await.status() == StatusCode::OK;
    wait_until("deliveries are taken", taken).await;
    replica.wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &["1".to_owned()]), [""; 0]);
}

/// It can't take that delivery now, and says so in a way that makes a helpdesk come again.
pub(crate) fn assert_refused(answer: &reqwest::Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait < 60, "Zendesk comes again only below 60 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_loses_and_repeats_nothing() {
    let systems = Systems::start().await;
    systems.docspace.set_latency(Duration::from_millis(20));
    let server = Server::start(Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let replicas = replicas(&systems, database.url(), &[&[], &[]]).await;
    let (mut next, mut ids, mut refused) = (0, Vec::new(), 0);
    for round in 0..4 {
        for attempt in 0..12 {
            if attempt == 6 {
                if round % 2 == 0 { server.kill().unwrap() } else { server.stop().unwrap() }
            }
            let id = next.to_string();
            next += 1;
            let answer = post(&replicas[attempt % 2], &id).await;
            if answer.status() == StatusCode::OK {
                ids.push(id);
            } else {
                assert_refused(&answer);
                refused += 1;
            }
        }
        server.start_again().unwrap();
        let taken = async || {
            replicas[0].acknowledges(Desk::Generic, &Desk::Generic.created(&systems, "again", "a")).await
        };
        wait_until("deliveries are taken again", taken).await;
    }
    assert!(refused >= 12, "{refused} were refused");
    ids.push("again".to_owned());
    for replica in &replicas {
        replica.wait_until_all_rest().await;
    }
    // One that was refused may have been kept all the same: then it has a room, too.
    let rooms = systems.docspace.rooms();
    let wrong: Vec<_> = ids.iter().flat_map(|id| systems.wrong_with_generic_ticket(id)).collect();
    assert_eq!(wrong, [""; 0]);
    let tags: std::collections::HashSet<_> = rooms.iter().flat_map(|room| room.tags.clone()).collect();
    assert_eq!(tags.len(), rooms.len(), "no ticket has two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_disk_is_full_loses_and_repeats_nothing() {
    let systems = Systems::start().await;
    let server = Server::start(Durability::ForTests).unwrap();
    let database = server.create_database().unwrap();
    let replicas = replicas(&systems, database.url(), &[&[], &[]]).await;
    let mut ids = Vec::new();
    for left in [Room::ForTheLog, Room::None] {
        server.fill_disk(left).unwrap();
        let mut refused = 0;
        while refused < 10 {
            let id = ids.len().to_string();
            let answer = post_long(&replicas[ids.len() % 2], &id).await;
            if answer.status() == StatusCode::OK {
                ids.push(id);
            } else {
                assert_refused(&answer);
                refused += 1;
            }
            assert!(ids.len() < 500, "the disk never got full");
        }
        server.free_disk().unwrap();
        server.start_again().unwrap();
        let id = ids.len().to_string();
        let taken = async || post(&replicas[0], &id).await.status() == StatusCode::OK;
        wait_until("deliveries are taken again", taken).await;
        ids.push(id);
    }
    replicas[0].wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &ids), [""; 0]);
}
