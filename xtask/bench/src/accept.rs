//! How many deliveries a second come in, and how long their answers take.
//!
//! Real signed bodies through the real door over loopback, each of them answered after the disk has confirmed it;
//! beside that, the same requests at a door without a store. The reconciler doesn't run, since its work would be
//! measured, too.

use std::net::SocketAddr;
use std::sync::Arc;

use ticketroom::breaker::Breakers;
use ticketroom::clock::{Chance, Clock, SystemClock};
use ticketroom::config::Config;
use ticketroom::docspace::limits::{Governor, NoBudget};
use ticketroom::helpdesk::Helpdesk;
use ticketroom::http::Http;
use ticketroom::intake::Intake;
use ticketroom::live::Live;
use ticketroom::live::builder::Builder;
use ticketroom::live::reload::Reloader;
use ticketroom::metrics::Metrics;
use ticketroom::store::Store;
use ticketroom::store::Use;
use ticketroom::store::sqlite::SqliteStore;
use ticketroom::web::{self, Doors, Entrance, Readiness, WrongTokens};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::load::{Summary, play};
use crate::systems::{ANY_PORT, Systems, again};
use crate::table::{Figure, Table};
use crate::{Result, bare_door, disk};

/// The two doors take turns, so that what else the machine does meets both; the median round counts.
const ROUNDS: usize = 5;
const WARM_UP: usize = 500;

pub(crate) async fn measure() -> Result<Table> {
    let systems = Systems::start(None).await?;
    let sync = disk::time_to_sync(systems.folder())?;
    let config = systems.config()?;
    let doors = open(&systems, &config).await?;
    let mut tickets = 0;
    let mut deliveries = |count| {
        tickets += count;
        systems.open_tickets(count).map(|(_, deliveries)| deliveries)
    };
    play(&[doors.bare], deliveries(WARM_UP)?, 8).await?;
    play(&[doors.real], deliveries(WARM_UP)?, 8).await?;

    let mut table = Table::new("accept: deliveries answered, each after it is on disk", "without store");
    for (callers, per_round) in [(1, 500), (64, 15_000)] {
        let (mut real, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let requests = deliveries(per_round)?;
            bare.push(play(&[doors.bare], requests.clone(), callers).await?);
            real.push(play(&[doors.real], requests, callers).await?);
        }
        report(&mut table, callers, &Summary::of(real), &Summary::of(bare));
    }
    table.add("fdatasync of a page on this disk, p50", &Figure::millis(sync.median()), "");
    table.add("fdatasync of a page on this disk, p99", &Figure::millis(sync.percentile(99)), "");

    let stored: u64 = doors.store.counts().await?.into_iter().map(|(_, count)| count).sum();
    // Those of the warm-up at the bare door are nowhere.
    let sent = u64::try_from(tickets - WARM_UP)?;
    if stored != sent {
        return Err(format!("{sent} tickets were acknowledged, and {stored} are in the store").into());
    }
    systems.stop().await;
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

/// The doors, open until this is dropped.
struct Open {
    real: SocketAddr,
    bare: SocketAddr,
    store: Arc<dyn Store>,
    _stop: DropGuard,
}

async fn open(systems: &Systems, config: &Config) -> Result<Open> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&systems.store(), Use::Serve, clock.now())?);
    let metrics = Metrics::new();
    let breakers = Breakers::new(Arc::clone(&clock), Chance::from_os(), metrics.clone());
    let governor = Arc::new(Governor::new(config.docspace.limits, Arc::new(NoBudget)));
    let http = Http::new(metrics.clone())?;
    let builder =
        Builder::new(http, Arc::clone(&store), Chance::from_os().uuid(), Arc::clone(&clock), governor);
    let live = Arc::new(Live::new(builder.first(config.clone())));
    let read = again(config.clone());
    let reloader = Arc::new(Reloader::new(read, Arc::clone(&live), builder, breakers, metrics.clone()));
    let first = config.helpdesks.first().and_then(|first| live.now().helpdesks.get(&first.name).cloned());
    let helpdesk: Arc<dyn Helpdesk> = first.ok_or("no helpdesk is configured")?;
    let wake = Arc::default();
    let doors = Doors {
        intake: Intake::new(Arc::clone(&store), Arc::clone(&clock), metrics.clone(), Arc::clone(&wake)),
        store: Arc::clone(&store),
        clock,
        metrics: metrics.clone(),
        wake,
        takes_deliveries: true,
        readiness: Readiness::default(),
        wrong_tokens: WrongTokens::default(),
        live,
        reloader,
    };
    let (listener, bare_listener) = (TcpListener::bind(ANY_PORT).await?, TcpListener::bind(ANY_PORT).await?);
    let (real, bare) = (listener.local_addr()?, bare_listener.local_addr()?);
    let stop = CancellationToken::new();
    let limits = web::Limits::new(config.server.limits.connections);
    tokio::spawn(web::serve(listener, Entrance::to(Arc::new(doors)), limits, metrics, stop.clone()));
    tokio::spawn(bare_door::serve(bare_listener, helpdesk));
    Ok(Open { real, bare, store, _stop: stop.drop_guard() })
}
