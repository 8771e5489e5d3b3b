//! How long it is from a ticket to the link in it.
//!
//! Calls in a row can't be seen from outside, but they can be measured: if every call takes 25 ms longer, the whole
//! takes that much longer for each call on its critical path. What is left when calls take no time is our own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ticketroom::clock::{Chance, SystemClock};
use ticketroom::service::{Duties, Service};
use ticketroom::store::State;
use ticketroom::ticket::TicketKey;

use crate::load::Caller;
use crate::sample::{self, Sample};
use crate::spread::Spread;
use crate::systems::{Systems, again};
use crate::table::{Figure, Table};
use crate::{Result, audit};

const TICKETS: usize = 25;
const LATENCY: Duration = Duration::from_millis(25);
const NONE: Duration = Duration::ZERO;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure() -> Result<Table> {
    let systems = Systems::start(None).await?;
    let config = systems.config()?;
    let service = Service::start(
        config.clone(),
        again(config),
        Duties::default(),
        Arc::new(SystemClock),
        Chance::from_os(),
    )
    .await?;
    let mut tickets = Vec::new();
    // The first ones find out who we are and make the folders that later ones copy.
    for _ in 0..3 {
        tickets.push(play(&systems, &service).await?.0);
    }
    systems.docspace.reset_counters();
    let modes = [(NONE, NONE), (LATENCY, NONE), (NONE, LATENCY)];
    let mut times = modes.map(|_| Vec::with_capacity(TICKETS));
    // They take turns, so that what else the machine does meets all of them.
    for _ in 0..TICKETS {
        for ((docspace, zendesk), times) in modes.into_iter().zip(&mut times) {
            systems.set_latencies(docspace, zendesk);
            let (ticket, time) = play(&systems, &service).await?;
            tickets.push(ticket);
            times.push(time);
        }
    }
    let [own, links, slow_zendesk] = times.map(Spread::from_iter);
    let counters = systems.docspace.counters();
    systems.set_latencies(LATENCY, NONE);
    let wrong = audit::wrong(&systems, &tickets);
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    service.stop().await;
    let sample = play_sample(&systems).await?;
    systems.stop().await;

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

/// Sends a ticket and waits for its link; says how long that took.
async fn play(systems: &Systems, service: &Service) -> Result<(u64, Duration)> {
    let mut caller = Caller::connect(service.address()).await?;
    let ticket = systems.open_ticket();
    let delivery = systems.delivery(ticket)?;
    let sent = Instant::now();
    let status = caller.call(&delivery).await?;
    if status != 200 {
        return Err(format!("a delivery was answered {status}").into());
    }
    until(sent, "a ticket got no link", async || Ok(systems.link_in(ticket).is_some())).await?;
    let time = sent.elapsed();
    // The next one finds nothing of this one under way.
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

async fn play_sample(systems: &Systems) -> Result<Spread> {
    let sample = Sample::new(systems)?;
    sample.play(systems.open_ticket()).await?;
    let mut times = Vec::with_capacity(TICKETS);
    for _ in 0..TICKETS {
        let ticket = systems.open_ticket();
        let start = Instant::now();
        sample.play(ticket).await?;
        times.push(start.elapsed());
    }
    Ok(times.into_iter().collect())
}
