//! The time from a ticket to the link in it.
//!
//! The number of calls on the critical path is measured: if each call takes 25 ms longer, the whole
//! takes 25 ms longer for each call on that path. What is left when calls take no time is the
//! product's own time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketroom::clock::{Chance, SystemClock};
use ticketroom::service::{Duties, Service};
use ticketroom::store::State;
use ticketroom::ticket::TicketKey;

use crate::Result;
use crate::fixture::{Fixture, again};
use crate::load::Caller;
use crate::sample::{self, Sample};
use crate::spread::Spread;
use crate::table::{Figure, Table};

const TICKETS: usize = 25;
const LATENCY: Duration = Duration::from_millis(25);
const NONE: Duration = Duration::ZERO;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure() -> Result<Table> {
    let fixture = Fixture::start(None).await?;
    let config = fixture.config(&fixture.store_url())?;
    let read = again(config.clone());
    let service =
        Service::start(config, read, Duties::default(), Arc::new(SystemClock), Chance::from_os()).await?;
    let mut tickets = Vec::new();
    // The first ones look up the service user and create the folders that later ones copy.
    for _ in 0..3 {
        tickets.push(measure_one(&fixture, &service).await?.0);
    }
    fixture.docspace.reset_counters();
    let modes = [(NONE, NONE), (LATENCY, NONE), (NONE, LATENCY)];
    let mut times = modes.map(|_| Vec::with_capacity(TICKETS));
    // They take turns, so that other load on the machine affects all of them.
    for _ in 0..TICKETS {
        for ((docspace, zendesk), times) in modes.into_iter().zip(&mut times) {
            fixture.set_latencies(docspace, zendesk);
            let (ticket, time) = measure_one(&fixture, &service).await?;
            tickets.push(ticket);
            times.push(time);
        }
    }
    let [own, links, slow_zendesk] = times.map(Spread::from_iter);
    let counters = fixture.docspace.counters();
    fixture.set_latencies(LATENCY, NONE);
    let wrong = fixture.wrong_with_all(&tickets);
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    service.stop().await;
    let sample = measure_sample(&fixture).await?;

    let in_a_row = |slow: &Spread| {
        let longer = slow.median().saturating_sub(own.median()).as_secs_f64() / LATENCY.as_secs_f64();
        Figure::new(longer, 1, "")
    };
    let mut table = Table::new(
        "latency: from sending a ticket to the link in it, DocSpace at 25 ms a call",
        "vendor's sample",
    );
    let (median, sample_median) = (Figure::millis(links.median()), Figure::millis(sample.median()));
    table.compare("link, p50", &median, &sample_median, "3 calls + 30 ms = 105 ms");
    let (slowest, sample_slowest) =
        (Figure::millis(links.percentile(95)), Figure::millis(sample.percentile(95)));
    table.compare("link, p95", &slowest, &sample_slowest, "");
    table.compare("calls in a row: DocSpace", &in_a_row(&links), &Figure::count(sample::CALLS - 1), "≤ 3");
    table.compare("calls in a row: Zendesk", &in_a_row(&slow_zendesk), &Figure::count(1), "");
    table.add("our own time (no call takes any)", &Figure::millis(own.median()), "< 30 ms");
    let per_ticket = |count| Figure::per(count, TICKETS * modes.len());
    let of_sample = Figure::count(sample::CALLS - 1);
    table.compare("DocSpace writes a ticket", &per_ticket(counters.writes), &of_sample, "≤ 3");
    table.compare("DocSpace calls a ticket", &per_ticket(counters.requests), &of_sample, "");
    Ok(table)
}

/// Sends a ticket and waits for its link; returns how long that took.
pub(crate) async fn measure_one(fixture: &Fixture, service: &Service) -> Result<(u64, Duration)> {
    let mut caller = Caller::connect(service.address()).await?;
    let ticket = fixture.open_ticket();
    let delivery = fixture.delivery(ticket);
    let sent = Instant::now();
    let status = caller.call(&delivery).await?;
    if status != 200 {
        return Err(format!("a delivery was answered {status}").into());
    }
    until(sent, "a ticket got no link", async || Ok(fixture.has_link(ticket))).await?;
    let time = sent.elapsed();
    // Nothing of this ticket is under way when the next one is sent.
    let key = TicketKey { helpdesk: "zendesk".parse()?, id: ticket.into() };
    let is_ready = async || {
        let record = service.store().ticket(&key).await?;
        Ok(record.is_some_and(|record| record.state == State::Ready))
    };
    until(sent, "a ticket did not get ready", is_ready).await?;
    Ok((ticket, time))
}

async fn until(since: Instant, otherwise: &str, condition: impl AsyncFn() -> Result<bool>) -> Result {
    while !condition().await? {
        if since.elapsed() > PATIENCE {
            return Err(otherwise.into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn measure_sample(fixture: &Fixture) -> Result<Spread> {
    let sample = Sample::new(fixture)?;
    sample.run(fixture.open_ticket()).await?;
    let mut times = Vec::with_capacity(TICKETS);
    for _ in 0..TICKETS {
        let ticket = fixture.open_ticket();
        let start = Instant::now();
        sample.run(ticket).await?;
        times.push(start.elapsed());
    }
    Ok(times.into_iter().collect())
}
