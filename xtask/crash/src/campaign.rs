//! A campaign: a rehearsal to learn the fault points, then chaos under load, then a time without disturbances in which all
//! tickets have to come to rest, then the verdict.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Client;
use serde_json::Value;
use testbed::{Desk, Systems, is_due, is_due_within};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

use crate::chaos::{self, Chaos, Replicas};
use crate::context::Context;
use crate::replica::{Replica, binary};
use crate::report::{self, Head};
use crate::store::Store;
use crate::verdict::{self, Verdict};
use crate::{Arguments, Result, demands, faults, load};

/// How long deliveries may take to be acknowledged once everything is well again.
const UNTIL_ACKNOWLEDGED: Duration = Duration::from_secs(120);
/// How long tickets may take to come to rest then. They wait up to five minutes between two tries.
const UNTIL_REST: Duration = Duration::from_secs(15 * 60);
/// How long a rehearsal may take.
const REHEARSAL: Duration = Duration::from_secs(60);
/// How often the progress is printed.
const PROGRESS: Duration = Duration::from_secs(10);
/// How many tickets the API lists at once.
const PAGE: usize = 500;

/// Runs a campaign. `false` if anything was lost, doubled or wrong.
///
/// # Errors
/// When it can't be run, or too little has happened in it.
pub(crate) async fn run(arguments: &Arguments, seed: u64) -> Result<bool> {
    let mut rng = Rng::with_seed(seed);
    let binary = binary()?;
    let systems = Systems::try_start(simulator::docspace::Setup::default()).await?;
    // The replicas are on this machine, also where the way out is through a proxy.
    let context = Arc::new(Context::new(systems, Client::builder().no_proxy().build()?));
    let store = Store::start(arguments.store)?;
    rehearse(&context, &store, &binary).await?;

    let (absence, actions) = (store.absence(), chaos::all_over(&store));
    let replicas = replicas(&context, &store, usize::from(arguments.replicas), &binary).await?;
    let addresses = all(&replicas).await.iter().map(|replica| replica.process.url.clone()).collect();
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
    let (deliveries, chaos) = tokio::join!(load, chaos.run(rng.fork(), until));
    chaos?;
    let deliveries = deliveries?;

    faults::clear(&context);
    let mut replicas = all(&replicas).await;
    for replica in &mut replicas {
        replica.settle_down().await?;
    }
    come_to_rest(&context, deliveries, &replicas).await;
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

/// Lets an undisturbed process with its own systems and store work on a ticket of each kind, and learns its fault points.
async fn rehearse(context: &Context, store: &Store, binary: &Path) -> Result {
    let systems = Systems::try_start(simulator::docspace::Setup::default()).await?;
    let (mut process, _database) = store.another(binary, &systems)?;
    let log = process.folder().join("places");
    let mut command = process.command(&["serve"]);
    command.env("TICKETROOM_FAULT_LOG", &log);
    process.try_start(command)?;
    process.ready_within(REHEARSAL).await;
    for desk in Desk::ALL {
        let id = desk.open(&systems, "rehearsal");
        if !process.acknowledges(desk, &desk.created(&systems, &id, "rehearsal")).await {
            return Err(format!("the rehearsal failed: {}", process.log()).into());
        }
    }
    if !process.all_rest_within(REHEARSAL).await {
        return Err(format!("the rehearsal does not come to an end: {}", process.log()).into());
    }
    context.fault_points.learn(&log);
    let (_, known) = context.fault_points.covered();
    if known == 0 {
        return Err("the binary was built without its fault points: use “cargo xtask crash”".into());
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
    // The list comes in pages, between which a ticket may move: what is finished is finished twice in a row.
    let mut was_finished = false;
    loop {
        match unfinished(replica).await {
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

/// Looks that are further away are not waited for.
const SOON: Duration = Duration::from_secs(60);

/// How many tickets have work left; `None` if the replica doesn't answer.
async fn unfinished(replica: &Replica) -> Option<usize> {
    let mut unfinished = 0;
    for page in 0.. {
        let list = replica.ask(&format!("tickets?limit={PAGE}&offset={}", page * PAGE)).await?;
        let tickets = list["tickets"].as_array()?;
        // One that is ready may still be looked at soon, whether it has a second room. The looks long after that are for
        // effects that come later than any here.
        let is_unfinished =
            |ticket: &&Value| is_due(ticket) || (ticket["state"] == "ready" && is_due_within(ticket, SOON));
        unfinished += tickets.iter().filter(is_unfinished).count();
        if tickets.len() < PAGE {
            break;
        }
    }
    Some(unfinished)
}

/// Each panic is a finding, even if the process has survived it.
fn look_for_panics(context: &Context, replica: &Replica) {
    for line in replica.process.log().lines().filter(|line| line.contains("panicked at")) {
        context.find(format!("{}: {line}", replica.name));
    }
}
