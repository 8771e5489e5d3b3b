//! Very many tickets at once, with DocSpace's limits: how close the product gets to these limits,
//! its memory, and whether each ticket has exactly one complete room afterwards.

use std::time::{Duration, Instant};

use simulator::docspace::Limits;

use crate::Result;
use crate::fixture::Fixture;
use crate::load::send;
use crate::served::Served;
use crate::table::{Figure, Table};

const LATENCY: Duration = Duration::from_millis(25);
const CALLERS: usize = 64;
/// The longest time without progress. The limit is one for a minute, so a minute without progress
/// is normal.
const PATIENCE: Duration = Duration::from_secs(180);
const PROGRESS: Duration = Duration::from_secs(15);
/// How long after completion a second room may still appear.
const AFTERMATH: Duration = Duration::from_secs(3);

pub(crate) async fn measure(count: usize) -> Result<Table> {
    let limits = Limits::default();
    let fixture = Fixture::start(Some(limits)).await?;
    fixture.set_latencies(LATENCY, Duration::ZERO);
    let served = Served::start(&fixture, &fixture.store_url(), &[]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = served.memory()?;

    let (tickets, deliveries) = fixture.open_tickets(count);
    let start = Instant::now();
    let accepted = send(&[served.address], deliveries, CALLERS).await?;
    let accepted_in = start.elapsed();
    let linked_in = wait(&fixture, &served, start, "have their link", || {
        tickets.iter().filter(|ticket| !fixture.has_link(**ticket)).count()
    });
    let linked_in = linked_in.await?;
    let complete_in =
        wait(&fixture, &served, start, "are complete", || fixture.wrong_with_all(&tickets).len());
    let complete_in = complete_in.await?;
    tokio::time::sleep(AFTERMATH).await;
    let wrong = fixture.wrong_with_all(&tickets);
    if !wrong.is_empty() {
        return Err(format!("{} are wrong: {:#?}", wrong.len(), wrong.iter().take(10)).into());
    }
    let (peak, counters) = (served.peak_memory()?, fixture.docspace.counters());
    let started_in = served.started_in;
    served.stop().await?;

    let bound = bound(limits, counters.requests, counters.writes);
    let seconds = |duration: Duration| Figure::new(duration.as_secs_f64(), 1, " s");
    let mut table = Table::new(
        format!("storm: {count} tickets at once, DocSpace at 25 ms a call with its limits"),
        "bound by limits",
    );
    table.compare("until the last link", &seconds(linked_in), &seconds(bound), "");
    table.compare("until everything is complete", &seconds(complete_in), &seconds(bound), "");
    table.add("until all are accepted", &Figure::millis(accepted_in), "");
    table.add("answer to a delivery, p99", &Figure::millis(accepted.answers.percentile(99)), "");
    table.add("DocSpace writes a ticket", &Figure::per(counters.writes, count), "≤ 3");
    table.add("DocSpace calls a ticket", &Figure::per(counters.requests, count), "");
    table.add("calls that DocSpace turned away (429)", &Figure::count(counters.rejected_429), "");
    table.add("most writes in flight (15 are allowed)", &Figure::count(counters.peak_writes), "");
    table.add("peak memory of serve", &Figure::megabytes(peak), "< 60 MB");
    table.add("idle memory of serve", &Figure::megabytes(idle), "< 30 MB");
    table.add("from start to ready", &Figure::millis(started_in), "");
    table.add("tickets lost, doubled or half done", &Figure::count(0), "0");
    Ok(table)
}

/// The least time for so many calls: the last one has to wait for those of the minutes before, and
/// only so many writes run at once.
fn bound(limits: Limits, requests: u64, writes: u64) -> Duration {
    let full_minutes = requests.saturating_sub(1) / u64::from(limits.requests_per_minute.max(1));
    let rounds = writes.div_ceil(u64::from(limits.concurrent_writes.max(1)));
    let by_writes = LATENCY.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
    by_writes.max(Duration::from_secs(60 * full_minutes))
}

/// Waits until nothing is left to be done, and returns how long that was after the start.
async fn wait(
    fixture: &Fixture,
    served: &Served,
    start: Instant,
    what: &str,
    left: impl Fn() -> usize,
) -> Result<Duration> {
    let (mut least, mut changed, mut told) = (usize::MAX, Instant::now(), Instant::now());
    loop {
        let left = left();
        if left == 0 {
            return Ok(start.elapsed());
        }
        if left < least {
            (least, changed) = (left, Instant::now());
        }
        if changed.elapsed() > PATIENCE {
            return Err(format!("{left} never {what}\n{}", served.log()).into());
        }
        if told.elapsed() > PROGRESS {
            let (elapsed, requests) = (start.elapsed().as_secs(), fixture.docspace.counters().requests);
            eprintln!("  {elapsed} s: all but {left} {what}; {requests} calls");
            told = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_when_the_last_call_may_be_made() {
        let limits = Limits::default();
        assert_eq!(bound(limits, 1500, 0), Duration::ZERO);
        assert_eq!(bound(limits, 1501, 0), Duration::from_secs(60));
        assert_eq!(bound(limits, 10_000, 6_000), Duration::from_secs(360));
        assert_eq!(bound(limits, 1000, 1000), LATENCY * 67);
    }
}
