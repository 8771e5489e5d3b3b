//! The database fails over to a standby, a real one, while deliveries go on: whatever the standby
//! has, each acknowledged ticket ends with one room, and the same processes go on without a
//! restart.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use postgres_server::{Database, Durability, Replication, Server};
use reqwest::StatusCode;
use simulator::fault::{Fault, FaultKind};
use testbed::{Process, Systems, wait_until};

use crate::process::BINARY;
use crate::replicas::{assert_refused, configure, post, replicas, wrong_with};
use crate::restore::{open, tell, wrong};

/// A server, its standby, and a database of theirs.
struct Pair {
    database: Database,
    primary: Server,
    standby: Server,
}

impl Pair {
    fn start(replication: Replication) -> Self {
        let primary = Server::start(Durability::ForTests).unwrap();
        let standby = primary.start_standby(replication).unwrap();
        Self { database: primary.create_database().unwrap(), primary, standby }
    }

    fn url(&self) -> String {
        self.database.url_or_at(&self.standby)
    }
}

/// How many deliveries each replica has acknowledged, and how many were refused.
#[derive(Default)]
struct Count {
    taken: [AtomicUsize; 2],
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Count {
    fn taken(&self) -> [usize; 2] {
        [0, 1].map(|replica| self.taken[replica].load(Ordering::Relaxed))
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// One who tells a replica of a new ticket after the other, until it is over. Returns those that
/// were acknowledged.
async fn deliver(replica: &Process, nth: usize, sender: usize, count: &Count) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if count.over.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{nth}-{sender}-{n}");
        let answer = post(replica, &id).await;
        if answer.status() == StatusCode::OK {
            acknowledged.push(id);
            count.taken[nth].fetch_add(1, Ordering::Relaxed);
        } else {
            assert_refused(&answer);
            count.refused.fetch_add(1, Ordering::Relaxed);
        }
        // Rooms are made more slowly than tickets are told of.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    acknowledged
}

/// Deliveries go on, the primary goes, a third replica is started, and the standby is promoted.
async fn fail_over(pair: &Pair, go: impl AsyncFn()) {
    let systems = Systems::start().await;
    systems.docspace.set_latency(Duration::from_millis(20));
    let url = pair.url();
    let mut replicas = replicas(&systems, &url, &[&[], &[]]).await;
    let mut third = Process::on_store(BINARY, &systems, &format!("{url}&application_name=third"));
    let count = Count::default();
    let play = async {
        wait_until("deliveries are taken", async || count.taken().iter().all(|taken| *taken >= 10)).await;
        wait_until("rooms are made", async || systems.docspace.rooms().len() > 5).await;
        go().await;
        wait_until("deliveries are refused", async || count.refused() >= 4).await;
        third.serve(&[]);
        let knocked = async || pair.standby.log().contains("application_name=third");
        wait_until("the third one finds only a standby", knocked).await;
        let taken = count.taken();
        pair.standby.promote().unwrap();
        let again = async || count.taken().iter().zip(taken).all(|(now, then)| *now >= then + 10);
        wait_until("deliveries are taken again", again).await;
        count.over.store(true, Ordering::Relaxed);
    };
    let senders = (0..4).map(|sender| deliver(&replicas[sender % 2], sender % 2, sender, &count));
    let (acknowledged, ()) = tokio::join!(futures_util::future::join_all(senders), play);
    let acknowledged: Vec<String> = acknowledged.into_iter().flatten().collect();
    assert!(third.is_ready().await, "it waits for a server that can be written to: {}", third.log());
    for replica in &mut replicas {
        assert!(!replica.has_ended(), "{}", replica.log());
        replica.wait_until_all_rest().await;
    }
    let wrong: Vec<_> = acknowledged.iter().flat_map(|id| systems.wrong_with_generic_ticket(id)).collect();
    assert_eq!(wrong, [""; 0]);
    // One that was refused may have been kept all the same: then it has a room, too.
    let rooms = systems.docspace.rooms();
    let tags: std::collections::HashSet<_> = rooms.iter().flat_map(|room| room.tags.clone()).collect();
    assert_eq!(tags.len(), rooms.len(), "no ticket has two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_loses_and_repeats_nothing() {
    let pair = Pair::start(Replication::Synchronous);
    fail_over(&pair, async || pair.primary.kill().unwrap()).await;
}

/// Connections to it stay open and say nothing, and new ones are taken by its machine and come to
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_from_a_server_that_hangs_loses_and_repeats_nothing() {
    let pair = Pair::start(Replication::Synchronous);
    fail_over(&pair, async || pair.primary.hold().unwrap()).await;
    pair.primary.kill().unwrap();
}

/// What the standby doesn't know is in the world all the same: rooms are found by their tags, notes
/// by their markers.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_forgets_the_latest_commits_makes_no_second_rooms() {
    let systems = Systems::start().await;
    let pair = Pair::start(Replication::Asynchronous);
    let mut replicas = replicas(&systems, &pair.url(), &[&[], &[]]).await;
    let mut tickets = open(&systems);
    tell(&replicas[0], &systems, &tickets).await;
    replicas[0].wait_until_all_rest().await;
    // These are known to the standby without their rooms.
    let unfinished = open(&systems);
    systems.docspace.set_down(true);
    tell(&replicas[1], &systems, &unfinished).await;
    pair.standby.catch_up(&pair.primary).unwrap();
    pair.standby.stop().unwrap();
    systems.docspace.set_down(false);
    // And these not at all.
    let later = open(&systems);
    tell(&replicas[0], &systems, &later).await;
    replicas[0].wait_until_all_rest().await;
    tickets.extend(unfinished.iter().cloned());
    tickets.extend(later);
    assert_eq!(wrong(&systems, &tickets), [""; 0]);

    pair.primary.kill().unwrap();
    pair.standby.start_again().unwrap();
    pair.standby.promote().unwrap();
    let (first, second) = (&replicas[0], &replicas[1]);
    for replica in [first, second] {
        let url = format!("{}/readyz", replica.url);
        let ready = async || {
            replica.client.get(&url).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK)
        };
        wait_until("it is ready again", ready).await;
    }
    // By themselves, they go on with what they know; of the rest they have to be told again.
    first.wait_until_all_rest().await;
    assert_eq!(wrong(&systems, &tickets), [""; 0], "before they are told again");
    tell(first, &systems, &tickets).await;
    tell(second, &systems, &tickets).await;
    first.wait_until_all_rest().await;
    assert_eq!(wrong(&systems, &tickets), [""; 0], "after they were told again");
    for replica in &mut replicas {
        assert!(!replica.has_ended(), "{}", replica.log());
    }
}

/// The standby knows the ticket and nothing of the intent to make its room, and the room comes
/// after the failover.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_under_way_in_a_failover_is_waited_for() {
    let systems = Systems::start().await;
    let pair = Pair::start(Replication::Asynchronous);
    let [mut intake, mut first, mut second] =
        [0, 1, 2].map(|_| Process::on_store(BINARY, &systems, &pair.url()));
    for process in [&intake, &first, &second] {
        configure(process, &[("settle = \"1500ms\"", "settle = \"15s\"")]);
    }
    let command = intake.command(&["serve", "--no-work"]);
    intake.start(command);
    assert!(intake.is_ready().await, "{}", intake.log());
    assert_eq!(post(&intake, "1").await.status(), StatusCode::OK);
    pair.standby.catch_up(&pair.primary).unwrap();
    pair.standby.stop().unwrap();
    let late = FaultKind::LateLanding(Duration::from_secs(8));
    systems.docspace.faults().add(Fault::once("create_room", late));
    first.serve(&[]);
    wait_until("it was asked for", async || systems.docspace.counters().of("create_room") == 1).await;
    first.kill().await;
    pair.primary.kill().unwrap();
    pair.standby.start_again().unwrap();
    pair.standby.promote().unwrap();
    second.serve(&[]);
    assert!(second.is_ready().await, "{}", second.log());
    second.wait_until_all_rest().await;
    assert_eq!(wrong_with(&systems, &["1".to_owned()]), [""; 0]);
    assert_eq!(systems.docspace.counters().of("create_room"), 1, "there was a room already");
    second.log_with("another server has taken over the database").await;
}
