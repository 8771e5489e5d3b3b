//! Calls whose answers were lost take effect after the next look: what they do then is ours, and is
//! put right at a later look.

use std::time::Duration;

use simulator::fault::{Fault, FaultKind};
use testbed::{Act, Agent, Desk, TEMPLATE, wait_until};

use super::{key, members};
use crate::conformance::over;
use crate::world::World;

over! {
    zendesk: Desk::Zendesk, generic: Desk::Generic;
    { access_that_comes_late_is_revoked, a_title_that_comes_late_is_put_right }
}

/// Long after the next look.
const LATE: FaultKind = FaultKind::LateLanding(Duration::from_secs(4));
/// When the second look is due, and a bit.
const SECOND_LOOK: Duration = Duration::from_secs(6 * 60 + 5);
const SUPPORT: (&str, i32) = ("Support", 10);
const BEN: (&str, i32) = ("Ben Engineer", 11);

async fn access_that_comes_late_is_revoked(desk: Desk) {
    let world = World::with(TEMPLATE).await;
    let mut ticket = world.begin(desk, "too late").await;
    let faults = world.systems.docspace.faults();
    faults.add(Fault::once("share_room", LATE));
    world.act(&mut ticket, Act::Assign(Agent::Ben)).await;
    wait_until("it is asked for", async || faults.fired() == 1).await;
    world.act(&mut ticket, Act::Assign(Agent::Nobody)).await;
    wait_until("the next look is over", async || members(&world.room(&ticket)) == [SUPPORT]).await;
    world.is_active(&ticket).await;
    wait_until("Ben is let in", async || members(&world.room(&ticket)) == [BEN, SUPPORT]).await;
    world.pass(SECOND_LOOK).await;
    wait_until("Ben is out", async || members(&world.room(&ticket)) == [SUPPORT]).await;
    let view = world.is_active(&ticket).await;
    assert!(!view["timeline"].to_string().contains("somebody"), "{view:#}");
    world.nothing_follows(&ticket).await;
}

async fn a_title_that_comes_late_is_put_right(desk: Desk) {
    let world = World::with(TEMPLATE).await;
    let mut ticket = world.begin(desk, "before").await;
    let faults = world.systems.docspace.faults();
    faults.add(Fault::once("update_room", LATE));
    world.act(&mut ticket, Act::Rename("too late".to_owned())).await;
    wait_until("it is asked for", async || faults.fired() == 1).await;
    world.act(&mut ticket, Act::Rename("the last one".to_owned())).await;
    let ends = |title: &str| world.room(&ticket).title.ends_with(title);
    wait_until("it has its title", async || ends("the last one")).await;
    world.is_active(&ticket).await;
    wait_until("the lost call lands", async || ends("too late")).await;
    world.pass(SECOND_LOOK).await;
    wait_until("it has its title again", async || ends("the last one")).await;
    let view = world.is_active(&ticket).await;
    assert!(!view["timeline"].to_string().contains("somebody"), "{}: {view:#}", key(&ticket));
    world.nothing_follows(&ticket).await;
}
