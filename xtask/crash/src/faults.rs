//! Injects faults into the simulated systems: for a few seconds, at a random rate, of kinds with
//! unknown outcomes.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use simulator::fault::{FaultKind, Faults, RandomFaults, TooMany};
use testbed::Desk;

use crate::context::Context;
use crate::tally::What;

/// The latest that a late effect comes, in milliseconds: well below the `settle` of the test
/// configuration ([`testbed::SETTLE`]). A later one is outside of the campaign's scope: a second
/// room may be created, and the audit archives it.
const LATEST_LANDING: u64 = 700;

/// How many faults have fired so far.
pub(crate) fn fired(context: &Context) -> u64 {
    let desks = Desk::ALL.iter().map(|desk| desk.faults(&context.systems).fired());
    context.systems.docspace.faults().fired() + desks.sum::<u64>()
}

/// Clears all faults.
pub(crate) fn clear(context: &Context) {
    context.systems.docspace.faults().clear();
    for desk in Desk::ALL {
        desk.faults(&context.systems).clear();
    }
}

/// Switches faults on, and off again after a few seconds.
pub(crate) async fn for_a_while(context: Arc<Context>, mut rng: Rng) {
    let _disturbance = context.disturbances.begin();
    context.tally.count(What::FaultWindow);
    let systems = &context.systems;
    let desk = rng.choice(Desk::ALL).unwrap_or(Desk::Zendesk);
    let (at_docspace, at_desk) = rng.choice([(true, true), (true, false), (false, true)]).unwrap_or_default();
    let mut affected: Vec<&Faults> = Vec::new();
    if at_docspace {
        affected.push(systems.docspace.faults());
        if rng.u32(..3) == 0 {
            systems.docspace.lose_tags_of_next_room();
        }
    }
    if at_desk {
        affected.push(desk.faults(systems));
    }
    // Usually a few calls, sometimes half of them.
    let probability = rng.choice([0.05, 0.1, 0.2, 0.5]).unwrap_or(0.1);
    for faults in &affected {
        faults.random(RandomFaults { seed: rng.u64(..), probability, kinds: kinds(&mut rng) });
    }
    tokio::time::sleep(Duration::from_millis(rng.u64(1000..4000))).await;
    for faults in affected {
        faults.clear();
    }
}

/// A random selection of kinds.
fn kinds(rng: &mut Rng) -> Vec<FaultKind> {
    let late = |rng: &mut Rng| FaultKind::LateLanding(Duration::from_millis(rng.u64(50..LATEST_LANDING)));
    let mut kinds = vec![
        FaultKind::Refuse,
        FaultKind::TooMany(TooMany::PerMinute),
        FaultKind::TooMany(TooMany::ConcurrentWrites),
        FaultKind::StatusBefore(500),
        FaultKind::StatusBefore(503),
        FaultKind::StatusAfter(500),
        FaultKind::StatusAfter(502),
        FaultKind::AnswerLost,
        FaultKind::AnswerLost,
        FaultKind::Hang(Duration::from_millis(rng.u64(200..1500))),
        late(rng),
        late(rng),
        FaultKind::TruncatedBody,
    ];
    rng.shuffle(&mut kinds);
    kinds.truncate(rng.usize(1..=kinds.len()));
    kinds
}
