//! A backfill of many tickets, with DocSpace's limits but for the day's: how close its rate comes
//! to what the limits leave to it, and what it does to tickets that come in meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use simulator::docspace::Limits;
use simulator::zendesk::NewTicket;
use ticketroom::backfill::{self, BackfillId, Job, JobState, Span};
use ticketroom::clock::{Chance, SystemClock, Timestamp};
use ticketroom::config::Config;
use ticketroom::service::{Duties, Service};

use crate::Result;
use crate::fixture::{Fixture, again};
use crate::latency::measure_one;
use crate::spread::Spread;
use crate::table::{Figure, Table};

const LATENCY: Duration = Duration::from_millis(25);
/// Live tickets that are measured before it begins.
const BEFORE: usize = 25;
/// The pause between two live tickets beside it.
const BETWEEN: Duration = Duration::from_secs(3);
/// The longest time for each ticket.
const PATIENCE: Duration = Duration::from_secs(3);
const LIFTED: u32 = 1_000_000;
const CREATED: &str = "2026-01-02T00:00:00Z";

pub(crate) async fn measure(count: usize) -> Result<Table> {
    let limits = Limits { writes_per_day: LIFTED, ..Limits::default() };
    let fixture = Fixture::start(Some(limits)).await?;
    fixture.set_latencies(LATENCY, Duration::ZERO);
    let created: Timestamp = CREATED.parse()?;
    let old = (0..count).map(|number| (NewTicket::about(format!("old {number}")), created));
    let mut tickets = fixture.zendesk.import_tickets(old);
    let (text, variables) = fixture.config_text(&fixture.store_url());
    let text = text.replace("[docspace]\n", &format!("[docspace]\nwrites_per_day = {LIFTED}\n"));
    let config = Config::from_text(&text, "bench.toml", &variables)?;
    let bound = f64::from(config.docspace.limits.backfill_requests_per_minute());
    let read = again(config.clone());
    let service =
        Service::start(config, read, Duties::default(), Arc::new(SystemClock), Chance::from_os()).await?;
    let mut before = Vec::with_capacity(BEFORE);
    for _ in 0..BEFORE {
        let (ticket, time) = measure_one(&fixture, &service).await?;
        tickets.push(ticket);
        before.push(time);
    }
    // Its minute begins anew.
    tokio::time::sleep(Duration::from_secs(61)).await;
    fixture.docspace.reset_counters();

    let span = Span::parse("2026-01-01", Some("2026-01-31")).map_err(|reason| reason.to_string())?;
    let job = Job::new("zendesk".parse()?, span, None, true, None, Timestamp::UNIX_EPOCH);
    let id = BackfillId::new(Chance::from_os().uuid());
    backfill::begin(service.store().as_ref(), id.clone(), job).await?;
    let start = Instant::now();
    let patience = PATIENCE.saturating_mul(u32::try_from(count)?).max(Duration::from_secs(120));
    let mut during = Vec::new();
    let done = loop {
        let (ticket, time) = measure_one(&fixture, &service).await?;
        tickets.push(ticket);
        let job = backfill::find(service.store().as_ref(), &id).await?.job;
        if job.state == JobState::Done {
            break job;
        }
        during.push(time);
        if start.elapsed() > patience {
            return Err(format!("it is not done: {:?}, {:?}", job.counts, job.reason).into());
        }
        tokio::time::sleep(BETWEEN).await;
    };
    let took = start.elapsed();
    let counters = fixture.docspace.counters();
    // Backfilled tickets have no notes, so they are counted by their rooms and links.
    let rooms = fixture.docspace.rooms();
    let doubled = rooms.len().saturating_sub(tickets.len());
    let without = tickets.iter().filter(|ticket| !fixture.has_link(**ticket)).count();
    service.stop().await;
    if doubled > 0 || without > 0 || done.counts.ready != u64::try_from(count)? {
        return Err(format!("{doubled} rooms too many, {without} links missing; {:?}", done.counts).into());
    }

    let (before, during): (Spread, Spread) = (before.into_iter().collect(), during.into_iter().collect());
    let minutes = took.as_secs_f64() / 60.0;
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let (rate, requests) = (count as f64 / minutes, counters.requests as f64 / tickets.len() as f64);
    let mut table = Table::between(
        format!("backfill: {count} tickets, DocSpace at 25 ms a call with its limits but for the day's"),
        "with the backfill",
        "before it, or the bound",
    );
    let a_minute = |rate: f64| Figure::new(rate, 1, " a minute");
    table.compare("tickets of the backfill that are ready", &a_minute(rate), &a_minute(bound / requests), "");
    let (with, without) = (Figure::millis(during.median()), Figure::millis(before.median()));
    table.compare("a live ticket until its link, p50", &with, &without, "1.0");
    let (with, without) = (Figure::millis(during.percentile(95)), Figure::millis(before.percentile(95)));
    table.compare("a live ticket until its link, p95", &with, &without, "");
    table.add("calls that DocSpace turned away (429)", &Figure::count(counters.rejected_429), "");
    table.add("tickets lost or doubled", &Figure::count(0), "0");
    Ok(table)
}
