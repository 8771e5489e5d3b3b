//! Many tickets at once, with repeats, out of order, and with faults at every call.

use std::time::Duration;

use futures_util::StreamExt;
use simulator::docspace::Limits;
use simulator::fault::{FaultKind, RandomFaults, TooMany};
use simulator::zendesk::{ANNA, NewTicket};

use crate::world::{World, generic};

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

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_tickets_shuffled_repeated_and_with_faults_everywhere() {
    let seed = 20_261_124;
    let world = World::new().await;
    let systems = &world.systems;
    systems.docspace.faults().random(random_faults(seed, 0.05));
    systems.zendesk.faults().random(random_faults(seed + 1, 0.05));
    systems.callback.faults().random(random_faults(seed + 2, 0.05));

    let mut deliveries: Vec<(Option<u64>, usize)> = Vec::new();
    let mut ids = Vec::new();
    for number in 0..300 {
        let assignee = (number % 3 == 0).then_some(ANNA);
        let ticket = NewTicket { assignee, ..NewTicket::about(format!("load {number}")) };
        let id = systems.zendesk.create_ticket(ticket);
        ids.push(id);
        deliveries.extend((0..1 + number % 3).map(|_| (Some(id), number)));
    }
    deliveries.extend((0..200).map(|number| (None, number)));
    fastrand::Rng::with_seed(seed).shuffle(&mut deliveries);

    let world = &world;
    let statuses: Vec<_> = futures_util::stream::iter(deliveries)
        .map(|(zendesk, number)| async move {
            match zendesk {
                Some(id) => world.deliver_created(id, &format!("invocation-{id}")).await,
                None => world.deliver_generic(&generic(&number.to_string(), "load")).await,
            }
        })
        .buffer_unordered(50)
        .collect()
        .await;
    assert!(statuses.iter().all(|status| *status == 200));
    world.wait_until_all_rest().await;

    let mut wrong: Vec<String> = ids.iter().flat_map(|id| systems.wrong_with_zendesk_ticket(*id)).collect();
    wrong.extend((0..200).flat_map(|number| systems.wrong_with_generic_ticket(&number.to_string())));
    assert_eq!(wrong, [""; 0], "seed {seed}");
    assert_eq!(systems.docspace.rooms().len(), 500, "seed {seed}");
    assert!(systems.docspace.faults().fired() > 100 && systems.zendesk.faults().fired() > 20);
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
