//! The cost of the store's transitions and queries with a thousand tickets, and how it grows with
//! more of them.
//!
//! One caller makes one call after another; the median of some hundred calls counts. All stores
//! take turns, so that other load on the machine affects each of them. Writes wait for the disk,
//! which is most of their time and doesn't grow. Lookups by an index grow with the number of its
//! levels. Two queries are known to be linear: the search for a text in all subjects, and the
//! number of tickets in each state, which scans an index.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use ticketroom::clock::{Clock, SystemClock};
use ticketroom::source::RepeatKey;
use ticketroom::store::{Delivery, Meaning, Save, Settlement, State, Store, TicketQuery};

use crate::fill::{self, BLOCKED, Filling};
use crate::fixture::Fixture;
use crate::spread::Spread;
use crate::table::{Figure, Table};
use crate::{Result, stores};

const SIZES: [u32; 3] = [1000, 100_000, 1_000_000];
/// Calls that count, and how often the stores take turns. The first turn doesn't count.
const CALLS: usize = 300;
const TURNS: usize = 15;
/// A turn of long calls ends then.
const LONG_ENOUGH: Duration = Duration::from_millis(500);
const LEASE: Duration = Duration::from_secs(600);
/// The page size of the list of tickets.
const PAGE: u32 = 50;
const LINEAR: &str = "linear, as is known";

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Newest,
    Blocked,
    ById,
    Text,
    NextDue,
    Counts,
    New,
    Known,
    ClaimAndSettle,
}

/// In this order: writes come last.
const OPERATIONS: [Operation; 9] = [
    Operation::Newest,
    Operation::Blocked,
    Operation::ById,
    Operation::Text,
    Operation::NextDue,
    Operation::Counts,
    Operation::New,
    Operation::Known,
    Operation::ClaimAndSettle,
];

impl Operation {
    /// Its lines in the table: what is measured, and a note.
    fn lines(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Newest => &[("list, the newest 50", "")],
            Self::Blocked => &[("list, the only 50 that are blocked", "")],
            Self::ById => &[("list, by id", "")],
            Self::Text => &[("search for a text that nobody wrote", LINEAR)],
            Self::NextDue => &[("when the next one is due", "")],
            Self::Counts => &[("how many there are in each state", LINEAR)],
            Self::New => &[("accept, a new ticket", "")],
            Self::Known => &[("accept, for one that is known", "")],
            Self::ClaimAndSettle => &[("claim one that is due", ""), ("settle it", "")],
        }
    }
}

/// One store, with so many tickets.
struct Filled {
    store: Arc<dyn Store>,
    size: u32,
}

pub(crate) async fn measure(most: u32) -> Result<Vec<Table>> {
    let mut sizes = SIZES.map(|size| size.min(most)).to_vec();
    sizes.dedup();
    let fixture = Fixture::start(None).await?;
    let server = stores::start_postgres(fixture.folder())?;
    let (mut filled, mut databases) = (Vec::new(), Vec::new());
    for size in sizes.iter().copied() {
        let file = fixture.folder().join(format!("{size}.db"));
        let url = testbed::sqlite(&file);
        // This creates the tables.
        drop(stores::open(&fixture, &url).await?);
        let start = Instant::now();
        fill::sqlite(&file, &(1..=size), Filling::Settled)?;
        tell("SQLite", size, start);
        filled.push(Filled { store: stores::open(&fixture, &url).await?, size });
    }
    for size in sizes.iter().copied() {
        let database = server.create_database()?;
        let store = stores::open(&fixture, database.url()).await?;
        let start = Instant::now();
        fill::postgres(&database, &(1..=size), Filling::Settled)?;
        tell("PostgreSQL", size, start);
        filled.push(Filled { store, size });
        databases.push(database);
    }
    // Pending writes of the filling are not measured.
    rustix::fs::sync();

    let mut tables = ["SQLite", "PostgreSQL"].map(|store| table(store, &sizes));
    for operation in OPERATIONS {
        let medians = medians(operation, &filled).await?;
        for (table, medians) in tables.iter_mut().zip(medians.chunks(sizes.len())) {
            for (place, (what, note)) in operation.lines().iter().enumerate() {
                let medians: Vec<_> = medians.iter().filter_map(|lines| lines.get(place).copied()).collect();
                table.add_line(line(what, &medians, note));
            }
        }
    }
    drop(filled);
    Ok(tables.into())
}

fn tell(store: &str, size: u32, start: Instant) {
    eprintln!("  {store}: filled with {size} tickets in {} s", start.elapsed().as_secs());
}

fn table(store: &str, sizes: &[u32]) -> Table {
    let mut head = vec![String::new()];
    for (place, size) in sizes.iter().enumerate() {
        head.push(Figure::count(u64::from(*size)).to_string());
        head.extend((place > 0).then(|| "ratio".to_owned()));
    }
    head.push(String::new());
    Table::with_head(format!("growth: {store}, a call's median by the number of tickets"), head)
}

fn line(what: &str, medians: &[Duration], note: &str) -> Vec<String> {
    let first = Figure::micros(medians.first().copied().unwrap_or_default());
    let mut line = vec![what.to_owned()];
    for (place, median) in medians.iter().enumerate() {
        let figure = Figure::micros(*median);
        line.push(figure.to_string());
        line.extend((place > 0).then(|| figure.ratio(&first)));
    }
    line.push(note.to_owned());
    line
}

/// For each store the median of each of the operation's lines.
async fn medians(operation: Operation, filled: &[Filled]) -> Result<Vec<Vec<Duration>>> {
    let lines = operation.lines().len();
    let mut times = vec![vec![Vec::new(); lines]; filled.len()];
    let mut calls = vec![0; filled.len()];
    for turn in 0..=TURNS {
        for ((store, times), calls) in filled.iter().zip(&mut times).zip(&mut calls) {
            let start = Instant::now();
            for _ in 0..CALLS / TURNS {
                let took = call(operation, store, *calls).await?;
                *calls += 1;
                for (times, took) in times.iter_mut().zip(took) {
                    times.extend((turn > 0).then_some(took));
                }
                if start.elapsed() > LONG_ENOUGH {
                    break;
                }
            }
        }
    }
    let median = |times: Vec<Duration>| Spread::from_iter(times).median();
    Ok(times.into_iter().map(|lines| lines.into_iter().map(median).collect()).collect())
}

/// Makes one call, and returns the time of each of its lines. `number` calls were before it.
async fn call(operation: Operation, filled: &Filled, number: usize) -> Result<Vec<Duration>> {
    let Filled { store, size } = filled;
    let start = Instant::now();
    match operation {
        Operation::Newest => list(store, PAGE, TicketQuery::default()).await?,
        Operation::Blocked => {
            list(store, BLOCKED, TicketQuery { state: Some(State::Blocked), ..TicketQuery::default() })
                .await?;
        }
        Operation::ById => {
            let id = Some(fill::key(any(number, *size))?.id);
            list(store, 1, TicketQuery { id, ..TicketQuery::default() }).await?;
        }
        Operation::Text => {
            let text = Some("nobody wrote this".to_owned());
            list(store, 0, TicketQuery { text, ..TicketQuery::default() }).await?;
        }
        Operation::NextDue => drop(store.next_due().await?),
        Operation::Counts => drop(store.counts().await?),
        Operation::New => accept(store, size.saturating_add(u32::try_from(number)? + 1), number).await?,
        Operation::Known => accept(store, any(number, *size), number).await?,
        Operation::ClaimAndSettle => return claim_and_settle(store).await,
    }
    Ok(vec![start.elapsed()])
}

/// The number of some ticket or other, all over the store.
fn any(call: usize, size: u32) -> u32 {
    let call = u32::try_from(call).unwrap_or_default();
    call.wrapping_mul(2_654_435_761) % size + 1
}

async fn list(store: &Arc<dyn Store>, expected: u32, query: TicketQuery) -> Result {
    let found = store.tickets(&TicketQuery { limit: PAGE, ..query }).await?.len();
    if found != usize::try_from(expected)? {
        return Err(format!("{found} tickets were listed, and {expected} are there").into());
    }
    Ok(())
}

async fn accept(store: &Arc<dyn Store>, number: u32, call: usize) -> Result {
    let key = fill::key(number)?;
    // Like the ids of deliveries, which come in no order.
    let delivery_id = format!("{}-{call}", key.uuid());
    let body = Bytes::from("b".repeat(fill::BODY));
    let delivery = Delivery {
        source: key.helpdesk.clone().into(),
        at: SystemClock.now(),
        repeat: Some(RepeatKey::new(delivery_id, &body)),
        event: "zen:event-type:ticket.created".to_owned(),
        headers: "h".repeat(fill::HEADERS),
        query: None,
        body,
        meaning: Meaning::Look { ticket: key, snapshot: None },
    };
    store.accept(delivery).await?;
    Ok(())
}

/// A ticket at a time; it is due again at once, after all others.
async fn claim_and_settle(store: &Arc<dyn Store>) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let claim = store.claim(LEASE, 1.into(), &[]).await?.pop().ok_or("nothing is due")?;
    let claimed = start.elapsed();
    let now = SystemClock.now();
    let settlement = Settlement {
        save: Save {
            held: claim.held(),
            nth: 1,
            ledger: fill::finished(claim.number),
            seen: Some(fill::ticket()),
            effects: Vec::new(),
            reported_through: None,
            events: Vec::new(),
            now,
            lease: LEASE,
            label: "settle".to_owned(),
        },
        hints: claim.hints,
        asked: claim.asked,
        applied: None,
        state: State::Waiting,
        reason: None,
        due: Some(now),
        attempts: 0,
    };
    let start = Instant::now();
    store.settle(settlement).await?;
    Ok(vec![claimed, start.elapsed()])
}
