//! A campaign: a rehearsal to learn the fault points, then chaos under load, then a time without
//! disturbances in which all tickets have to come to rest, then the verdict.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Client;
use simulator::docspace::{Setup, WebhookPace};
use testbed::Systems;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use url::Url;

use crate::chaos::{self, Chaos, Replicas};
use crate::context::Context;
use crate::ends::Ends;
use crate::load::Senders;
use crate::proxy::Proxy;
use crate::rehearsal::rehearse;
use crate::replica::{Replica, binary};
use crate::report::{self, Head};
use crate::store::{Store, WEBHOOK_SECRET};
use crate::verdict::{self, Verdict};
use crate::{Arguments, Result, demands, faults, load};

/// How long tickets may take then to be told of the files in their rooms.
const UNTIL_TOLD: Duration = Duration::from_secs(150);
/// How long deliveries may take to be acknowledged once everything is well again.
const UNTIL_ACKNOWLEDGED: Duration = Duration::from_secs(120);
/// How long tickets may take to come to rest then. They wait up to five minutes between two tries.
const UNTIL_REST: Duration = Duration::from_secs(15 * 60);
/// How often the progress is printed.
const PROGRESS: Duration = Duration::from_secs(10);
/// How long DocSpace's webhooks may take: it tries six times.
const UNTIL_SENT: Duration = Duration::from_secs(120);

/// Runs a campaign. `false` if anything was lost, doubled or wrong.
///
/// # Errors
/// When it can't be run, or too little has happened in it.
pub(crate) async fn run(arguments: &Arguments, seed: u64) -> Result<bool> {
    let mut rng = Rng::with_seed(seed);
    let binary = binary()?;
    let systems = Systems::try_start(portal()).await?;
    // The replicas are on this machine, also where the way out is through a proxy.
    let context = Arc::new(Context::new(systems, Client::builder().no_proxy().build()?));
    let store = Store::start(arguments.store)?;
    rehearse(&context, &store, &binary).await?;

    let (absence, actions) = (store.absence(), chaos::all_over(&store));
    let replicas = replicas(&context, &store, usize::from(arguments.replicas), &binary).await?;
    let addresses: Arc<[String]> =
        all(&replicas).await.iter().map(|replica| replica.process.url.clone()).collect();
    let _balancer = take_webhooks(&context, &addresses).await?;
    let until = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    let mut background = background(&context, rng.fork());
    let load = load::open_tickets(Arc::clone(&context), addresses, rng.fork(), arguments.rate, until);
    let store = Arc::new(Mutex::new(store));
    let chaos = Chaos {
        context: Arc::clone(&context),
        replicas: Arc::clone(&replicas),
        // The server goes with the last one who has it.
        store: Arc::clone(&store),
        absence,
    };
    let (senders, chaos) = tokio::join!(load, chaos.run(rng.fork(), until));
    chaos?;
    let mut senders = senders?;

    faults::clear(&context);
    let mut replicas = all(&replicas).await;
    for replica in &mut replicas {
        replica.settle_down().await?;
    }
    make_up(&context, &mut senders).await?;
    come_to_rest(&context, senders.into_deliveries(), &replicas).await;
    // They end only if they fail.
    while let Some(ended) = background.try_join_next() {
        context.find(format!("the campaign itself failed: {ended:?}"));
    }
    drop(background);
    context.end_watchers();
    for replica in &replicas {
        look_for_panics(&context, replica);
    }
    let Some(first) = replicas.first() else { return Err("there is no replica".into()) };
    let verdict = verdict::reach(&context, first).await;
    let head =
        Head { store: arguments.store.name(), replicas: replicas.len(), seed, minutes: arguments.minutes };
    conclude(&head, &context, &verdict, &replicas).await?;
    let (_, accepted) = context.tickets.counts();
    let missing = demands::missing(&context.tally, &actions, accepted, arguments.minutes);
    if !missing.is_empty() {
        return Err(format!("this is not a campaign: {}", missing.join(", ")).into());
    }
    Ok(verdict.is_good())
}

async fn conclude(
    head: &Head,
    context: &Context,
    verdict: &Verdict,
    replicas: &[MutexGuard<'_, Replica>],
) -> Result {
    if !verdict.is_good()
        && let Some(first) = replicas.first()
    {
        report::findings(verdict, first).await;
        let replicas: Vec<&Replica> = replicas.iter().map(|replica| &**replica).collect();
        eprintln!("\nthe logs of the replicas are in {}", report::keep(head, &replicas)?.display());
    }
    eprintln!("{}", report::uncovered(context));
    println!("{}", report::table(head, context, verdict));
    Ok(())
}

/// How the simulated portal is set up.
pub(crate) fn portal() -> Setup {
    Setup {
        // Operations that nobody has read because they were killed occupy their places for a
        // minute; then most others were lost, and asked for again only after minutes.
        operations_known_for: Duration::from_secs(5),
        webhook_pace: WebhookPace { pause: Duration::from_millis(200), ..WebhookPace::default() },
        ..Setup::default()
    }
}

/// Has DocSpace send its webhooks to the replicas, each connection to another one, until the proxy
/// is dropped.
async fn take_webhooks(context: &Context, addresses: &[String]) -> Result<Proxy> {
    let mut replicas = Vec::new();
    for address in addresses {
        let port = address.parse::<Url>()?.port().ok_or("a replica has no port")?;
        replicas.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let balancer = Proxy::start(replicas).await?;
    let endpoint = format!("http://127.0.0.1:{}/webhooks/docspace", balancer.port()).parse()?;
    context.systems.docspace.set_webhook(endpoint, WEBHOOK_SECRET, &[]);
    Ok(balancer)
}

/// Tells of what nobody has told of: the delivery or DocSpace's webhook was dropped.
async fn make_up(context: &Context, senders: &mut Senders) -> Result {
    let docspace = &context.systems.docspace;
    docspace.lose_webhooks(0);
    if tokio::time::timeout(UNTIL_SENT, docspace.webhook_deliveries_settled()).await.is_err() {
        context.find("DocSpace's webhooks do not end");
    }
    let sent = docspace.webhook_deliveries();
    let owner = docspace.portal_owner();
    let is_unseen = |room: i64| {
        let renames = || sent.iter().filter(|sent| sent.entry == room && sent.created_by == owner);
        renames().all(|sent| !sent.delivered)
    };
    for ticket in context.tickets.all() {
        let (is_owed, was_retitled) = {
            let life = ticket.life();
            (life.owed, life.title_by_hand.is_some())
        };
        let room = ticket.room(&context.systems).filter(|_| was_retitled);
        if is_owed || room.is_some_and(|room| is_unseen(room.id)) {
            senders.tell_surely(&ticket)?;
        }
    }
    Ok(())
}

async fn replicas(context: &Arc<Context>, store: &Store, count: usize, binary: &Path) -> Result<Replicas> {
    let mut replicas = Vec::new();
    for number in 1..=count {
        let (process, proxy) = store.replica(binary, &context.systems).await?;
        let mut replica = Replica::new(Arc::clone(context), process, number, proxy);
        replica.start(false).await?;
        if !context.findings().is_empty() {
            return Err(format!("{} doesn't start", replica.name).into());
        }
        replicas.push(Arc::new(Mutex::new(replica)));
    }
    Ok(replicas.into())
}

async fn all(replicas: &Replicas) -> Vec<MutexGuard<'_, Replica>> {
    let mut all = Vec::new();
    for replica in replicas.iter() {
        all.push(replica.lock().await);
    }
    all
}

/// Varies DocSpace's latency, and prints the progress every few seconds. Ends when dropped.
fn background(context: &Arc<Context>, mut rng: Rng) -> JoinSet<()> {
    let mut background = JoinSet::new();
    let systems = context.systems.clone();
    background.spawn(async move {
        loop {
            systems.docspace.set_latency(Duration::from_millis(rng.u64(1..30)));
            tokio::time::sleep(Duration::from_millis(rng.u64(50..500))).await;
        }
    });
    let context = Arc::clone(context);
    background.spawn(async move {
        loop {
            tokio::time::sleep(PROGRESS).await;
            eprintln!("{}", report::progress(&context));
        }
    });
    background
}

/// Waits until all deliveries are acknowledged and no work is left; notes a finding otherwise.
async fn come_to_rest(context: &Context, mut deliveries: JoinSet<()>, replicas: &[MutexGuard<'_, Replica>]) {
    let acknowledged = async {
        while let Some(ended) = deliveries.join_next().await {
            load::note_end(context, ended);
        }
    };
    if tokio::time::timeout(UNTIL_ACKNOWLEDGED, acknowledged).await.is_err() {
        return context.find(format!("{} deliveries are not acknowledged at all", deliveries.len()));
    }
    let deadline = Instant::now() + UNTIL_REST;
    let Some(replica) = replicas.first() else { return };
    // The list comes in pages, between which a ticket may move: what is finished is finished twice
    // in a row.
    let mut was_finished = false;
    // Which room a folder belongs to is asked for apart from all tickets, and again and again after
    // a fault.
    let told = Instant::now() + UNTIL_TOLD;
    loop {
        match replica.unfinished(SOON).await {
            Some(0) if was_finished && Instant::now() < told && Ends::untold(context) > 0 => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Some(0) if was_finished => return,
            Some(0) => was_finished = true,
            left if Instant::now() > deadline => {
                let left = left.map_or("some".to_owned(), |left| left.to_string());
                return context.find(format!("{left} tickets do not come to rest"));
            }
            _ => {
                was_finished = false;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// Looks that are further away are not waited for: those for effects that come later than any here.
const SOON: Duration = Duration::from_secs(20);

/// Each panic is a finding, even if the process has survived it.
fn look_for_panics(context: &Context, replica: &Replica) {
    for line in replica.process.log().lines().filter(|line| line.contains("panicked at")) {
        context.find(format!("{}: {line}", replica.name));
    }
}
