//! One system that does not answer is in nobody's way but its own tickets'.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::Value;
use simulator::fault::{CallMatch, Fault, FaultKind, Times};
use testbed::{ADMIN_TOKEN, Desk, Systems, wait_until, wait_until_every};
use ticketroom::breaker::{Breakers, THRESHOLD, Verdict};
use ticketroom::clock::{Chance, Clock, ManualClock, SystemClock};
use ticketroom::docspace::limits::{Governor, NoBudget};
use ticketroom::http::Http;
use ticketroom::ledger::RoomEntry;
use ticketroom::live::Live;
use ticketroom::live::builder::Builder;
use ticketroom::metrics::{Format, Metrics};
use ticketroom::reconcile::{Dependencies, Reconciler, Settings};
use ticketroom::replica::lease_guard::LeaseGuard;
use ticketroom::service::Duties;
use ticketroom::store::Held;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::process::{process_over, run};
use crate::world::World;

/// Connections are accepted, requests are read, and no answer comes.
fn silence() -> Fault {
    Fault { call: CallMatch::Any, kind: FaultKind::Hang(Duration::from_secs(3600)), times: Times::Always }
}

async fn open(world: &World, desk: Desk, tickets: usize) -> Vec<String> {
    let opened = (0..tickets).map(|number| async move { world.open_in(desk, &format!("{number}")).await });
    futures_util::stream::iter(opened).buffer_unordered(20).collect().await
}

/// All tickets of a helpdesk as the API shows them.
async fn tickets(world: &World, desk: Desk) -> Vec<Value> {
    let found = world.api(&format!("/api/v1/tickets?helpdesk={}&limit=500", desk.name())).await;
    found["tickets"].as_array().unwrap().clone()
}

async fn all_are_ready(world: &World, desk: Desk) -> bool {
    tickets(world, desk)
        .await
        .iter()
        .all(|ticket| ticket["state"] == "ready" && ticket["written_back"] == true)
}

async fn all_wait_for(world: &World, desk: Desk, silence: &str) -> bool {
    let says = |ticket: &Value| ticket["reason"].as_str().is_some_and(|reason| reason.contains(silence));
    tickets(world, desk).await.iter().all(|ticket| ticket["state"] == "waiting" && says(ticket))
}

/// Whether the metrics say that the breaker of a system is open.
async fn is_open(world: &World, system: &str) -> bool {
    let answer = world.client.get(world.url("/metrics")).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let value = |line: &str| {
        let value = line.strip_prefix(&format!("ticketroom_breaker_open{{system=\"{system}\"}} "))?;
        Some(value.to_owned())
    };
    text.lines().find_map(value).unwrap() == "1"
}

const PAUSE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_that_does_not_answer_delays_only_its_own_tickets() {
    let world = World::new().await;
    let (stuck, well) = (Desk::Freshdesk, Desk::Zendesk);
    stuck.faults(&world.systems).add(silence());
    let stuck_tickets = open(&world, stuck, 200).await;
    // Of 64 runs, 6 belong to each of the five helpdesks, and 34 to whoever needs them.
    let asked = || stuck.counters(&world.systems).requests;
    wait_until("it has its share of the runs", async || asked() >= 40).await;

    let begun = Instant::now();
    let well_tickets = open(&world, well, 20).await;
    wait_until_every(PAUSE, "the others have their links", async || all_are_ready(&world, well).await).await;
    println!("20 tickets of the helpdesk that answers: {:?}", begun.elapsed());
    // Whatever timed out meanwhile: there are the 40, and a probe now and then. All 64 would be
    // stuck otherwise.
    assert!((40..60).contains(&asked()), "{}", asked());
    let is_ready = |ticket: &Value| ticket["state"] == "ready";
    assert_eq!(tickets(&world, stuck).await.iter().filter(|ticket| is_ready(ticket)).count(), 0);

    let silence = "Freshdesk has not answered since ";
    wait_until_every(PAUSE, "each says why it waits", async || all_wait_for(&world, stuck, silence).await)
        .await;
    assert!(is_open(&world, "freshdesk").await && !is_open(&world, "zendesk").await);
    for ticket in tickets(&world, stuck).await {
        assert!(ticket["attempts"].as_u64().unwrap() <= 5, "{ticket}");
        assert!(ticket["reason"].as_str().unwrap().contains(": trying again at "), "{ticket}");
        assert_eq!(ticket["code"], "waiting.freshdesk.silent");
    }

    stuck.faults(&world.systems).clear();
    wait_until_every(PAUSE, "all have their links", async || all_are_ready(&world, stuck).await).await;
    assert!(!is_open(&world, "freshdesk").await);
    for (desk, ids) in [(stuck, &stuck_tickets), (well, &well_tickets)] {
        for id in ids {
            assert_eq!(world.systems.wrong_with_opened(desk, id), [""; 0]);
        }
    }
    assert_eq!(world.systems.docspace.rooms().len(), 220, "one room each");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_docspace_does_not_answer_helpdesks_are_not_asked_again_and_again() {
    let world = World::new().await;
    let desk = Desk::Zendesk;
    world.systems.docspace.faults().add(silence());
    let ids = open(&world, desk, 100).await;
    let silence = "DocSpace has not answered since ";
    wait_until_every(PAUSE, "each says why it waits", async || all_wait_for(&world, desk, silence).await)
        .await;
    assert!(is_open(&world, "docspace").await && !is_open(&world, "zendesk").await);
    // More probes fail, and each time all tickets are due.
    let probes = world.systems.docspace.counters().requests;
    world.systems.zendesk.reset_counters();
    wait_until_every(PAUSE, "it was probed", async || {
        world.systems.docspace.counters().requests >= probes + 2
    })
    .await;
    // For a probe, some tickets are read beside the one that is it.
    let read = desk.counters(&world.systems).of("get_ticket");
    assert!(read <= 130, "{read} tickets were read for two probes");

    world.systems.docspace.faults().clear();
    wait_until_every(PAUSE, "all have their links", async || all_are_ready(&world, desk).await).await;
    for id in &ids {
        assert_eq!(world.systems.wrong_with_opened(desk, id), [""; 0]);
    }
    assert_eq!(world.systems.docspace.rooms().len(), 100, "one room each");
}

/// The part of a service that works, over the store and the systems of a world whose own service
/// only takes deliveries.
struct Worker {
    stop: CancellationToken,
    working: tokio::task::JoinHandle<Vec<Held>>,
}

impl Worker {
    fn start(world: &World, breakers: Breakers, metrics: &Metrics, deadline: Duration) -> Self {
        let (clock, mut config): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), world.config().clone());
        config.docspace.allow_skeleton = false;
        let http = Http::new(metrics.clone()).unwrap().with_breakers(breakers.clone());
        let governor = Arc::new(Governor::new(config.docspace.limits, Arc::new(NoBudget)));
        let store = world.service.as_ref().unwrap().store();
        let builder = Builder::new(http, Arc::clone(store), Uuid::nil(), Arc::clone(&clock), governor);
        let reconciler = Arc::new(Reconciler::new(Dependencies {
            store: Arc::clone(store),
            live: Arc::new(Live::new(builder.first(config))),
            clock,
            chance: Chance::from_os(),
            metrics: metrics.clone(),
            lease_guard: LeaseGuard::for_good(),
            breakers,
            settings: Settings { deadline, ..Settings::default() },
        }));
        let stop = CancellationToken::new();
        Self { working: tokio::spawn(reconciler.run(stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.working.await.unwrap(), [], "nothing is parked");
    }
}

async fn without_work() -> World {
    let mut world = World::new().await;
    world.stop().await;
    world.start_with(Duties { work: false, ..Duties::default() }).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_is_broken_off_and_its_calls_are_unknown() {
    let world = without_work().await;
    // The run ends while the call is under way; the room is made all the same.
    world.systems.docspace.set_latency_of("create_room", Duration::from_millis(750));
    let id = world.open_in(Desk::Zendesk, "slow").await;
    let metrics = Metrics::new();
    let breakers = Breakers::new(Arc::new(SystemClock), Chance::from_os(), metrics.clone());
    let worker = Worker::start(&world, breakers, &metrics, Duration::from_millis(600));
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let timeline = view["timeline"].to_string();
    assert!(timeline.contains("the run took longer than 0.6 seconds and was broken off"), "{timeline}");
    assert_eq!(world.systems.wrong_with_opened(Desk::Zendesk, &id), [""; 0]);
    assert_eq!(world.systems.docspace.counters().of("create_room"), 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_not_sent_is_taken_back() {
    let world = without_work().await;
    // While the ticket is read, DocSpace has been looked at already.
    world.systems.zendesk.set_latency_of("get_ticket", Duration::from_secs(3));
    let id = world.open_in(Desk::Zendesk, "not sent").await;
    let metrics = Metrics::new();
    // Its clock stands still, so the breaker stays open.
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let breakers = Breakers::new(clock, Chance::from_os(), metrics.clone());
    let docspace = breakers.of("docspace");
    let worker = Worker::start(&world, breakers, &metrics, Duration::from_secs(300));
    // An answer that came after the breaker opened would close it again.
    wait_until("the helpdesk was asked, and DocSpace has answered", async || {
        world.systems.zendesk.counters().of("get_ticket") == 1
            && metrics.text(Format::OpenMetrics).contains("call=\"find_rooms\"")
    })
    .await;
    for _ in 0..THRESHOLD {
        docspace.admit("DocSpace").unwrap().ended(Verdict::Fails);
    }
    let key = format!("zendesk/{id}");
    wait_until("it waits for DocSpace", async || {
        let view = world.ticket(&key).await;
        let reason = view["reason"].as_str().unwrap_or_default();
        view["state"] == "waiting" && reason.starts_with("DocSpace has not answered since ")
    })
    .await;
    worker.stop().await;
    let text = metrics.text(Format::OpenMetrics);
    assert!(text.contains("step=\"create_room\",outcome=\"failed\"} 1"), "{text}");
    assert_eq!(world.systems.docspace.counters().of("create_room"), 0);

    let store = world.service.as_ref().unwrap().store();
    let claims = tokio::sync::Mutex::new(Vec::new());
    wait_until("it is due again", async || {
        let claimed = store.claim(Duration::from_secs(60), 10.into(), &[]).await.unwrap();
        claims.lock().await.extend(claimed);
        !claims.lock().await.is_empty()
    })
    .await;
    let claims = claims.into_inner();
    assert_eq!(claims[0].ledger.room, RoomEntry::Absent, "there is no room that may come");
    assert_eq!(claims[0].attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_systems_the_running_service_does_not_call() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let (_, out, err) = run(&mut process.command(&["check"])).await;
    assert!(out.contains("the service runs, and calls DocSpace and every helpdesk"), "{out}{err}");

    systems.docspace.faults().add(silence());
    for number in 0..10 {
        let id = format!("{number}");
        assert!(process.acknowledges(Desk::Generic, &Desk::Generic.created(&systems, &id, "silent")).await);
    }
    wait_until_every(PAUSE, "check says so", async || {
        let (_, out, _) = run(&mut process.command(&["check"])).await;
        // It tries DocSpace itself, whatever the service does.
        out.contains("does not call DocSpace for now") && out.contains("did not answer “")
    })
    .await;
}
