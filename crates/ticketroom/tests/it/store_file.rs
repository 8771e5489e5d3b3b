//! What can happen to the file of a store while it is served from, as senders and load balancers
//! see it.

use std::path::PathBuf;
use std::time::Instant;

use testbed::{PATIENCE, generic};
use ticketroom::config::StoreUrl;

use crate::world::World;

/// Where the store is; none where these tests run on a database.
fn file(world: &World) -> Option<PathBuf> {
    match &world.config().store {
        StoreUrl::Sqlite(path) => Some(path.clone()),
        StoreUrl::Postgres(_) => None,
    }
}

/// Waits until the service says that it is ready, or that it isn't.
async fn wait_for_readiness(world: &World, expected: u16) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = world.client.get(world.url("/readyz")).send().await.unwrap().status().as_u16();
        if status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "/readyz answers {status}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_503_for_all_and_then_all_is_as_before() {
    let world = World::new().await;
    let Some(path) = file(&world) else { return };
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tickets: Vec<_> = (0..60).map(|number| generic(&format!("l{number}"), "locked")).collect();
    let answers =
        futures_util::future::join_all(tickets.iter().map(|ticket| world.deliver_generic(ticket))).await;
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    wait_for_readiness(&world, 503).await;
    other.execute_batch("ROLLBACK").unwrap();
    wait_for_readiness(&world, 200).await;
    for ticket in &tickets {
        assert_eq!(world.deliver_generic(ticket).await, 200);
    }
    world.wait_until_all_rest().await;
    for number in 0..tickets.len() {
        assert_eq!(world.systems.rooms_of(&format!("intranet:l{number}")).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_503_until_it_is_back() {
    let world = World::new().await;
    let Some(path) = file(&world) else { return };
    assert_eq!(world.deliver_generic(&generic("before", "s")).await, 200);
    world.wait_for_state("intranet/before", &["ready"]).await;
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).unwrap();
    assert_eq!(world.deliver_generic(&generic("meanwhile", "s")).await, 503);
    wait_for_readiness(&world, 503).await;
    // As an operator does who restores a backup without stopping the service.
    std::fs::copy(&aside, &path).unwrap();
    assert_eq!(world.deliver_generic(&generic("meanwhile", "s")).await, 503);
    std::fs::rename(&aside, &path).unwrap();
    wait_for_readiness(&world, 200).await;
    assert_eq!(world.deliver_generic(&generic("meanwhile", "s")).await, 200);
    world.wait_for_state("intranet/meanwhile", &["ready"]).await;
}
