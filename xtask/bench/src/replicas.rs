//! How many deliveries a second one to three replicas on one PostgreSQL database accept, beside one
//! process on an SQLite file.
//!
//! All of them are the product's own processes, with `--no-work`, so that only accepting is
//! measured. 64 callers are spread over the replicas. PostgreSQL, the replicas and the callers
//! share this machine's cores, so further replicas gain less here than on machines of their own.

use std::net::SocketAddr;

use crate::fixture::Fixture;
use crate::load::{Round, Summary, send};
use crate::served::Served;
use crate::settling::{MOST_REPLICAS, of_replicas_name};
use crate::table::{Figure, Table};
use crate::{Result, stores};

/// The stores take turns, so that other load on the machine affects all of them; the median round
/// counts.
const ROUNDS: usize = 5;
const WARM_UP: usize = 500;
/// Callers, and requests in a round.
const LOADS: [(usize, usize); 2] = [(1, 500), (64, 6000)];

pub(crate) async fn measure() -> Result<Table> {
    let fixture = Fixture::start(None).await?;
    let server = stores::start_postgres(fixture.folder())?;
    let database = server.create_database()?;
    let only_intake = ["--no-work"];
    let file = Served::start(&fixture, &fixture.store_url(), &only_intake).await?;
    let mut replicas = Vec::new();
    for _ in 0..MOST_REPLICAS {
        replicas.push(Served::start(&fixture, database.url(), &only_intake).await?);
    }
    let addresses: Vec<SocketAddr> = replicas.iter().map(|replica| replica.address).collect();
    // The file, one replica, two, three.
    let sides: Vec<&[SocketAddr]> = std::iter::once(std::slice::from_ref(&file.address))
        .chain((1..=addresses.len()).filter_map(|count| addresses.get(..count)))
        .collect();
    for addresses in &sides {
        send(addresses, fixture.open_tickets(WARM_UP).1, 8).await?;
    }

    let mut table =
        Table::between("replicas: deliveries answered, each after it is on disk", "PostgreSQL", "SQLite");
    for (callers, per_round) in LOADS {
        let mut rounds: Vec<Vec<Round>> = sides.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (addresses, rounds) in sides.iter().zip(&mut rounds) {
                rounds.push(send(addresses, fixture.open_tickets(per_round).1, callers).await?);
            }
        }
        let mut summaries = rounds.into_iter().map(Summary::of);
        let other = summaries.next().ok_or("nothing was measured")?;
        for (count, ours) in (1..).zip(summaries) {
            // One caller has one replica.
            if callers > 1 || count == 1 {
                report(&mut table, callers, count, &ours, &other);
            }
        }
    }

    // Each side has the warm-up and all rounds of each load.
    let per_side: usize = WARM_UP + LOADS.iter().map(|(_, per_round)| per_round * ROUNDS).sum::<usize>();
    let kept =
        stores::number(&database, "SELECT count(*) FROM delivery JOIN ticket ON ticket.number = ticket")?;
    let sent = u64::try_from(per_side * MOST_REPLICAS)?;
    if kept != sent {
        return Err(format!("{sent} deliveries were acknowledged, and {kept} are in the database").into());
    }
    for served in replicas {
        served.stop().await?;
    }
    file.stop().await?;
    Ok(table)
}

fn report(table: &mut Table, callers: usize, replicas: usize, ours: &Summary, other: &Summary) {
    let who = if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") };
    let who = format!("{}, {who}", of_replicas_name(replicas));
    let per_second = |summary: &Summary| Figure::new(summary.rate, 0, "/s");
    table.compare(&format!("{who}, accepted"), &per_second(ours), &per_second(other), "");
    for percent in [50, 99] {
        let answer = |summary: &Summary| Figure::millis(summary.answers.percentile(percent));
        table.compare(&format!("{who}, answer p{percent}"), &answer(ours), &answer(other), "");
    }
}
