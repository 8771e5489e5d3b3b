//! What may be asked of DocSpace, and who waits.

use super::*;

fn governor(limits: Limits) -> Governor {
    Governor::new(limits, Arc::new(NoBudget))
}

#[tokio::test]
async fn no_more_in_flight_than_allowed() {
    let governor = governor(Limits { concurrent_writes: 5, ..Limits::default() });
    let mut passes = Vec::new();
    for _ in 0..4 {
        passes.push(governor.pass(Kind::Write).await.unwrap());
    }
    let fifth = tokio::time::timeout(Duration::from_millis(50), governor.pass(Kind::Write)).await;
    assert!(fifth.is_err(), "four fifths of five are four");
    passes.pop();
    governor.pass(Kind::Write).await.unwrap();
}

#[tokio::test]
async fn a_429_halves_the_lane_and_success_widens_it_again() {
    let governor = governor(Limits { concurrent_writes: 10, ..Limits::default() });
    governor.throttled(Kind::Write, Some(10), None).await;
    assert_eq!(governor.writes.width.lock().unwrap().now, 4);
    for _ in 0..4 * 8 {
        governor.pass(Kind::Write).await.unwrap();
    }
    assert_eq!(governor.writes.width.lock().unwrap().now, 5);
    assert_eq!(governor.reads.width.lock().unwrap().now, 40);
}

#[tokio::test]
async fn replicas_share_what_may_be_in_flight() {
    let governor = governor(Limits { concurrent_writes: 15, ..Limits::default() });
    let held = governor.pass(Kind::Write).await.unwrap();
    governor.share(3);
    let width = |governor: &Governor| governor.writes.width.lock().unwrap().now;
    assert_eq!((width(&governor), governor.reads.width.lock().unwrap().now), (4, 13));
    drop(held);
    assert_eq!(governor.writes.places.available_permits(), 4);
    // The others are gone: what they had is taken over bit by bit.
    governor.share(1);
    assert_eq!(width(&governor), 4);
    for _ in 0..4 * 8 {
        governor.pass(Kind::Write).await.unwrap();
    }
    assert_eq!(width(&governor), 5);
    governor.share(1000);
    assert_eq!(width(&governor), 1, "everybody may do something");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_counts_for_other_limits() {
    let governor = governor(Limits { concurrent_writes: 10, requests_per_minute: 100, ..Limits::default() });
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(governor.pass(Kind::Write).await.unwrap());
    }
    governor.set_limits(Limits { concurrent_writes: 5, requests_per_minute: 8, ..Limits::default() });
    held.truncate(4);
    let one_more = tokio::time::timeout(Duration::from_secs(1), governor.pass(Kind::Write)).await;
    assert!(one_more.is_err(), "four fifths of five are four, and four are in flight");
    drop(held);
    let start = Instant::now();
    for _ in 0..3 {
        governor.pass(Kind::Read).await.unwrap();
    }
    assert!(start.elapsed() >= MINUTE - Duration::from_secs(2), "six were sent in this minute");
}

#[tokio::test(start_paused = true)]
async fn the_minute_is_a_sliding_window() {
    let governor = governor(Limits { requests_per_minute: 10, ..Limits::default() });
    let start = Instant::now();
    for _ in 0..10 {
        governor.pass(Kind::Read).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    governor.pass(Kind::Read).await.unwrap();
    assert!(start.elapsed() >= MINUTE);
}

#[tokio::test(start_paused = true)]
async fn the_minute_is_shared() {
    let governor = governor(Limits { requests_per_minute: 10, ..Limits::default() });
    governor.share(2);
    let start = Instant::now();
    for _ in 0..6 {
        governor.pass(Kind::Read).await.unwrap();
    }
    assert!(start.elapsed() >= MINUTE, "five of ten are for another process");
}

#[tokio::test(start_paused = true)]
async fn backfills_have_a_part_of_what_may_be_in_flight_and_of_the_minute() {
    let limits = Limits { concurrent_writes: 10, requests_per_minute: 20, ..Limits::default() };
    let governor = governor(limits);
    let mut held = vec![governor.pass_behind(Kind::Write).await.unwrap()];
    held.push(governor.pass_behind(Kind::Write).await.unwrap());
    let waits = async |pass: &mut (dyn Future<Output = Result<Pass<'_>, Duration>> + Unpin)| {
        tokio::time::timeout(Duration::from_secs(1), pass).await.is_err()
    };
    let mut third = Box::pin(governor.pass_behind(Kind::Write));
    assert!(waits(&mut third).await, "two of eight are a quarter");
    for _ in 0..6 {
        held.push(governor.pass(Kind::Write).await.unwrap());
    }
    held.clear();
    drop(third.await.unwrap());
    governor.pass_behind(Kind::Read).await.unwrap();
    let mut more = Box::pin(governor.pass_behind(Kind::Read));
    assert!(waits(&mut more).await, "ten of twenty were sent in this minute");
    for _ in 0..9 {
        governor.pass(Kind::Read).await.unwrap();
    }
    more.await.unwrap();
}

#[tokio::test]
async fn backfills_leave_writes_to_others() {
    struct Day(AtomicU32);
    #[async_trait::async_trait]
    impl WriteBudget for Day {
        async fn take(&self, wanted: u32, per_day: u32) -> Taken {
            let used = self.0.load(Ordering::Relaxed);
            let taken = wanted.min(per_day.saturating_sub(used));
            self.0.store(used + taken, Ordering::Relaxed);
            if taken == 0 { Taken::NothingFor(Duration::from_secs(3600)) } else { Taken::Some(taken) }
        }
        async fn exhausted_for(&self, _: Duration) {}
    }
    let limits = Limits { writes_per_day: 60, reserved_writes: 25, ..Limits::default() };
    let governor = Governor::new(limits, Arc::new(Day(AtomicU32::new(0))));
    for _ in 0..35 {
        governor.pass_behind(Kind::Write).await.unwrap();
    }
    assert_eq!(governor.pass_behind(Kind::Write).await.unwrap_err(), Duration::from_secs(3600));
    for _ in 0..25 {
        governor.pass(Kind::Write).await.unwrap();
    }
    assert_eq!(governor.pass(Kind::Write).await.unwrap_err(), Duration::from_secs(3600));
}

#[tokio::test]
async fn a_used_up_day_is_an_error_that_says_how_long() {
    struct Empty;
    #[async_trait::async_trait]
    impl WriteBudget for Empty {
        async fn take(&self, _: u32, _: u32) -> Taken {
            Taken::NothingFor(Duration::from_secs(3600))
        }
        async fn exhausted_for(&self, _: Duration) {}
    }
    let governor = Governor::new(Limits::default(), Arc::new(Empty));
    assert_eq!(governor.pass(Kind::Write).await.unwrap_err(), Duration::from_secs(3600));
    assert!(governor.pass(Kind::Read).await.is_ok(), "reads don't count against the day");
}
