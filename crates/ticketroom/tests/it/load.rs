//! Many tickets at once, with repeats, out of order, and with faults at every call.

use std::time::Duration;

use futures_util::StreamExt;
use simulator::docspace::Limits;
use simulator::fault::{FaultKind, RandomFaults, TooMany};

use testbed::{Desk, generic};

use crate::world::World;

fn random_faults(seed: u64, probability: f64) -> RandomFaults {
    let kinds = vec![
        FaultKind::Refuse,
        FaultKind::TooMany(TooMany::ConcurrentWrites),
        FaultKind::StatusBefore(503),
        FaultKind::StatusAfter(502),
        FaultKind::AnswerLost,
        FaultKind::LateLanding(Duration::from_millis(300)),
        FaultKind::TruncatedBody,
    ];
    RandomFaults { seed, probability, kinds }
}

/// 500 tickets, one to three deliveries of each, shuffled, 50 at a time, 5 % of all calls to every
/// system struck. What is lost (no room), doubled (several) or wrong (anything else) is counted at
/// the other ends.
async fn five_hundred_tickets(desk: Desk) {
    let seed = 20_261_124;
    let world = World::new().await;
    let systems = &world.systems;
    systems.docspace.faults().random(random_faults(seed, 0.05));
    desk.faults(systems).random(random_faults(seed + 1, 0.05));

    let ids: Vec<String> = (0..500).map(|number| desk.open(systems, &format!("load {number}"))).collect();
    let mut deliveries: Vec<&String> =
        ids.iter().enumerate().flat_map(|(number, id)| std::iter::repeat_n(id, 1 + number % 3)).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut deliveries);
    let world = &world;
    let statuses: Vec<_> = futures_util::stream::iter(deliveries)
        .map(|id| async move {
            world.deliver_to(&desk.endpoint(), &desk.created(&world.systems, id, "load")).await
        })
        .buffer_unordered(50)
        .collect()
        .await;
    assert!(statuses.iter().all(|status| *status == 200));
    world.wait_until_all_rest().await;

    let wrong: Vec<String> = ids.iter().flat_map(|id| systems.wrong_with_opened(desk, id)).collect();
    let rooms = systems.docspace.rooms().len();
    println!(
        "{}: 500 tickets, {} deliveries, {} faults; {rooms} rooms, {} wrong",
        desk.name(),
        statuses.len(),
        systems.docspace.faults().fired() + desk.faults(systems).fired(),
        wrong.len()
    );
    assert_eq!(wrong, [""; 0], "seed {seed}");
    assert_eq!(rooms, 500, "seed {seed}");
    assert!(systems.docspace.faults().fired() > 100 && desk.faults(systems).fired() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_tickets_of_zendesk() {
    five_hundred_tickets(Desk::Zendesk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_tickets_of_freshdesk() {
    five_hundred_tickets(Desk::Freshdesk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_tickets_of_jira() {
    five_hundred_tickets(Desk::Jira).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_generic_tickets() {
    five_hundred_tickets(Desk::Generic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_never_met() {
    let world = World::new().await;
    world.systems.docspace.set_latency(Duration::from_millis(15));
    world.systems.docspace.set_limits(Some(Limits {
        requests_per_minute: 100_000,
        concurrent_writes: 15,
        concurrent_reads: 50,
        ..Limits::default()
    }));
    for number in 0..120 {
        assert_eq!(world.deliver_generic(&generic(&number.to_string(), "limited")).await, 200);
    }
    world.wait_until_all_rest().await;
    let counters = world.systems.docspace.counters();
    assert_eq!(counters.rejected_429, 0, "{counters:?}");
    assert!(counters.peak_writes <= 15 && counters.peak_writes >= 6, "{counters:?}");
    assert_eq!(world.systems.docspace.rooms().len(), 120);
}
