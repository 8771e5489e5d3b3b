//! How many deliveries a second are accepted, and how long their answers take.
//!
//! Real signed bodies to the real endpoint over loopback, each of them answered after the disk has
//! confirmed it; beside that, the same requests to an endpoint without a store. The reconciler
//! doesn't run, so that its work isn't measured.

use std::net::SocketAddr;
use std::sync::Arc;

use ticketroom::breaker::Breakers;
use ticketroom::clock::{Chance, Clock, SystemClock};
use ticketroom::config::Config;
use ticketroom::docspace::limits::{Governor, NoBudget};
use ticketroom::http::Http;
use ticketroom::intake::Intake;
use ticketroom::live::Live;
use ticketroom::live::builder::Builder;
use ticketroom::live::reload::Reloader;
use ticketroom::metrics::Metrics;
use ticketroom::store::Store;
use ticketroom::store::Use;
use ticketroom::store::sqlite::SqliteStore;
use ticketroom::web::{self, AppState, Readiness, StartupGate, WrongTokens};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fixture::{Fixture, again};
use crate::load::{Summary, send};
use crate::table::{Figure, Table};
use crate::{Result, disk, without_store};

/// The two endpoints take turns, so that other load on the machine affects both; the median round
/// counts.
const ROUNDS: usize = 5;
const WARM_UP: usize = 500;

pub(crate) async fn measure() -> Result<Table> {
    let fixture = Fixture::start(None).await?;
    let sync = disk::time_to_sync(fixture.folder())?;
    let config = fixture.config(&fixture.store_url())?;
    let endpoints = open(&fixture, &config).await?;
    let mut tickets = 0;
    let mut deliveries = |count| {
        tickets += count;
        fixture.open_tickets(count).1
    };
    send(&[endpoints.bare], deliveries(WARM_UP), 8).await?;
    send(&[endpoints.real], deliveries(WARM_UP), 8).await?;

    let mut table = Table::new("accept: deliveries answered, each after it is on disk", "without store");
    for (callers, per_round) in [(1, 500), (64, 15_000)] {
        let (mut real, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let requests = deliveries(per_round);
            bare.push(send(&[endpoints.bare], requests.clone(), callers).await?);
            real.push(send(&[endpoints.real], requests, callers).await?);
        }
        report(&mut table, callers, &Summary::of(real), &Summary::of(bare));
    }
    table.add("fdatasync of a page on this disk, p50", &Figure::millis(sync.median()), "");
    table.add("fdatasync of a page on this disk, p99", &Figure::millis(sync.percentile(99)), "");

    let stored: u64 = endpoints.store.counts().await?.into_iter().map(|(_, count)| count).sum();
    // Those of the warm-up without a store are nowhere.
    let sent = u64::try_from(tickets - WARM_UP)?;
    if stored != sent {
        return Err(format!("{sent} tickets were acknowledged, and {stored} are in the store").into());
    }
    Ok(table)
}

fn report(table: &mut Table, callers: usize, real: &Summary, bare: &Summary) {
    let (rate, median) = match callers {
        1 => ("", "< 5 ms"),
        _ => ("> 5,000, and ≥ half of the endpoint without a store", ""),
    };
    let who = if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") };
    let per_second = |summary: &Summary| Figure::new(summary.rate, 0, "/s");
    table.compare(&format!("{who}, accepted"), &per_second(real), &per_second(bare), rate);
    for (percent, aim) in [(50, median), (99, "")] {
        let answer = |summary: &Summary| Figure::millis(summary.answers.percentile(percent));
        table.compare(&format!("{who}, answer p{percent}"), &answer(real), &answer(bare), aim);
    }
}

/// The endpoints, open until this is dropped.
struct Open {
    real: SocketAddr,
    bare: SocketAddr,
    store: Arc<dyn Store>,
    _stop: DropGuard,
}

async fn open(fixture: &Fixture, config: &Config) -> Result<Open> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&fixture.store(), Use::Serve, Arc::clone(&clock))?);
    let metrics = Metrics::new();
    let breakers = Breakers::new(Arc::clone(&clock), Chance::from_os(), metrics.clone());
    let governor = Arc::new(Governor::new(config.docspace.limits, Arc::new(NoBudget)));
    let http = Http::new(metrics.clone())?;
    let builder =
        Builder::new(http, Arc::clone(&store), Chance::from_os().uuid(), Arc::clone(&clock), governor);
    let live = Arc::new(Live::new(builder.first(config.clone())));
    let read = again(config.clone());
    let reloader = Arc::new(Reloader::new(read, Arc::clone(&live), builder, breakers, metrics.clone()));
    let source = live.now().sources.values().next().cloned().ok_or("no helpdesk is configured")?;
    let wake = Arc::default();
    let endpoints = AppState {
        intake: Intake::new(
            Arc::<dyn Store>::clone(&store),
            Arc::clone(&clock),
            metrics.clone(),
            Arc::clone(&wake),
            Arc::default(),
        ),
        store: Arc::clone(&store),
        clock,
        metrics: metrics.clone(),
        wake,
        takes_deliveries: true,
        readiness: Readiness::default(),
        wrong_tokens: WrongTokens::default(),
        live,
        reloader,
        chance: Chance::from_os(),
    };
    let (listener, bare_listener) =
        (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let (real, bare) = (listener.local_addr()?, bare_listener.local_addr()?);
    let stop = CancellationToken::new();
    let limits = web::Limits::new(config.server.limits.connections);
    tokio::spawn(web::serve(listener, StartupGate::to(Arc::new(endpoints)), limits, metrics, stop.clone()));
    tokio::spawn(without_store::serve(bare_listener, source));
    Ok(Open { real, bare, store, _stop: stop.drop_guard() })
}
