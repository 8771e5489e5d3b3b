//! How many due tickets a second the store takes through a run: claim, save one intent, settle.
//!
//! A real run waits for DocSpace, whose limits (1,500 requests a minute) allow five tickets a
//! second, so the whole product can't reach the store's limit. Here workers make only the store's
//! transitions of a run, as the reconciler does: each replica has up to 64 runs in flight and
//! claims as soon as one of them has ended. The replicas are stores in this process, each with its
//! own connections.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketroom::clock::{Clock, SystemClock};
use ticketroom::ledger::{Ledger, RoomEntry};
use ticketroom::store::{Claim, Event, Save, Settlement, State, Store};
use tokio::task::JoinSet;

use crate::fill::{self, Filling};
use crate::fixture::Fixture;
use crate::table::{Figure, Table};
use crate::{Result, stores};

/// The stores take turns, so that other load on the machine affects all of them; the median round
/// counts.
const ROUNDS: usize = 5;
const PER_ROUND: u32 = 4000;
pub(crate) const MOST_REPLICAS: usize = 3;
/// Runs at once in one process, as the reconciler has them.
const PARALLEL: usize = 64;
const LEASE: Duration = Duration::from_secs(600);

pub(crate) async fn measure() -> Result<Table> {
    let fixture = Fixture::start(None).await?;
    let server = stores::start_postgres(fixture.folder())?;
    let database = server.create_database()?;
    let file = vec![stores::open(&fixture, &fixture.store_url()).await?];
    let mut replicas = Vec::new();
    for _ in 0..MOST_REPLICAS {
        replicas.push(stores::open(&fixture, database.url()).await?);
    }

    let (mut of_file, mut of_replicas) = (Vec::new(), [const { Vec::new() }; MOST_REPLICAS]);
    let (mut in_file, mut in_database) = (0, 0);
    // The first round doesn't count: its caches are cold.
    for round in 0..=ROUNDS {
        let numbers = next(&mut in_file);
        fill::sqlite(&fixture.store(), &numbers, Filling::Due)?;
        let rate = work_off(&file).await?;
        of_file.extend((round > 0).then_some(rate));
        for (count, rates) in (1..).zip(&mut of_replicas) {
            let numbers = next(&mut in_database);
            fill::postgres(&database, &numbers, Filling::Due)?;
            let rate = work_off(replicas.get(..count).unwrap_or_default()).await?;
            rates.extend((round > 0).then_some(rate));
        }
    }
    for (store, count) in [(file.first(), in_file), (replicas.first(), in_database)] {
        let counts = store.ok_or("no store was opened")?.counts().await?;
        let ready = counts.iter().find(|(state, _)| *state == State::Ready).map_or(0, |(_, ready)| *ready);
        if ready != u64::from(count) {
            return Err(format!("{count} tickets were due, and {ready} are ready").into());
        }
    }

    let mut table = Table::between(
        format!("replicas: tickets claimed, saved once and settled, {PARALLEL} at once in each"),
        "PostgreSQL",
        "SQLite",
    );
    let other = per_second(of_file);
    for (count, rates) in (1..).zip(of_replicas) {
        table.compare(&of_replicas_name(count), &per_second(rates), &other, "");
    }
    Ok(table)
}

/// “1 replica”, “2 replicas”.
pub(crate) fn of_replicas_name(count: usize) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}

fn next(last: &mut u32) -> RangeInclusive<u32> {
    let first = *last + 1;
    *last += PER_ROUND;
    first..=*last
}

fn per_second(mut rates: Vec<f64>) -> Figure {
    rates.sort_by(f64::total_cmp);
    Figure::new(rates.get(rates.len() / 2).copied().unwrap_or_default(), 0, "/s")
}

/// Has these replicas work until nothing is due; returns how many tickets a second they settled.
async fn work_off(replicas: &[Arc<dyn Store>]) -> Result<f64> {
    let start = Instant::now();
    let mut working = JoinSet::new();
    for store in replicas {
        working.spawn(work(Arc::clone(store)));
    }
    let mut settled = 0;
    while let Some(ended) = working.join_next().await {
        settled += ended??;
    }
    // A ticket that is claimed twice is settled twice, or its first run fails.
    if settled != PER_ROUND {
        return Err(format!("{PER_ROUND} tickets were due, and {settled} were settled").into());
    }
    Ok(f64::from(settled) / start.elapsed().as_secs_f64())
}

/// One replica, until nothing is due and nothing under way.
async fn work(store: Arc<dyn Store>) -> Result<u32> {
    let mut runs: JoinSet<Result<i64>> = JoinSet::new();
    let (mut running, mut settled) = (HashSet::new(), 0);
    loop {
        let numbers: Vec<i64> = running.iter().copied().collect();
        let free = PARALLEL - running.len();
        let claims = store.claim(LEASE, free.into(), &numbers).await?;
        for claim in claims {
            running.insert(claim.number);
            runs.spawn(run(Arc::clone(&store), claim));
        }
        let Some(mut ended) = runs.join_next().await else { return Ok(settled) };
        // Other runs may have ended meanwhile, too.
        loop {
            running.remove(&ended??);
            settled += 1;
            match runs.try_join_next() {
                Some(next) => ended = next,
                None => break,
            }
        }
    }
}

/// One ticket. Returns its number.
async fn run(store: Arc<dyn Store>, claim: Claim) -> Result<i64> {
    let (number, now) = (claim.number, SystemClock.now());
    let title = format!("Ticket #{number} – Login fails with error 500");
    let room = RoomEntry::Pending {
        title,
        since: now,
        attempt: 1,
        looks: 0,
        gave_up: None,
        first_look: None,
        refusal: None,
    };
    let save = Save {
        held: claim.held(),
        nth: 1,
        ledger: Ledger { template: Some("default".to_owned()), room, unfinished: true, ..Ledger::default() },
        seen: Some(fill::ticket()),
        effects: Vec::new(),
        reported_through: None,
        events: Vec::new(),
        now,
        lease: LEASE,
        label: "intend_create_room".to_owned(),
    };
    store.save(save.clone()).await?;
    let event = |kind, text: &str| Event { at: now, kind, text: text.to_owned() };
    let events = vec![
        event("room_created", "made the room: custom, with 3 folders"),
        event("written_back", "put the link into the ticket"),
    ];
    let settlement = Settlement {
        save: Save { nth: 2, ledger: fill::finished(number), seen: None, events, ..save },
        hints: claim.hints,
        asked: claim.asked,
        applied: None,
        state: State::Ready,
        reason: None,
        due: None,
        attempts: 0,
    };
    store.settle(settlement).await?;
    Ok(number)
}
