//! What supervisors ask.

use futures_util::future::join_all;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn readiness_costs_one_write_a_second_however_often_it_is_asked_for() {
    let world = World::new().await;
    let started = std::time::Instant::now();
    for _ in 0..10 {
        let url = world.url("/readyz");
        let answers = join_all((0..50).map(|_| world.client.get(&url).send())).await;
        for answer in answers {
            assert_eq!(answer.unwrap().status(), 200);
        }
    }
    let seconds = started.elapsed().as_secs();
    let metrics = world.metrics().await;
    let probes = metrics.lines().find_map(|line| line.strip_prefix("ticketroom_store_probes_total "));
    let probes: u64 = probes.unwrap().parse().unwrap();
    assert!((1..=seconds + 2).contains(&probes), "500 calls wrote {probes} times in {seconds} s");
}
