//! Measures the product, as it is built for release: `cargo xtask bench`.
//!
//! Machines differ, and so does what else they are doing. So each figure stands beside something
//! that was measured in the same run on the same machine: the endpoint without a store, the
//! sequence of calls without the reconciler, the bound that DocSpace's limits set, the other store,
//! the same store with fewer tickets. Only the *ratio* can be compared with that of another day. A
//! benchmark doesn't fail for slowness. It fails for a wrong result, counted at the simulated
//! systems.

mod accept;
mod backfill;
mod disk;
mod fill;
mod fixture;
mod growth;
mod latency;
mod lives;
mod load;
mod replicas;
mod sample;
mod served;
mod settling;
mod size;
mod spread;
mod stores;
mod storm;
mod table;
mod without_store;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// The result of a benchmark. An error is a wrong result, never slowness.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the release build of ticketroom.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// What to measure; everything by default.
    topics: Vec<Topic>,
    /// How many tickets the storm has (2,000 by default; DocSpace's limit of 1,500 requests a
    /// minute sets its pace), how many live (1,000 by default), and how many
    /// a backfill has (10,000 by default).
    #[arg(long)]
    tickets: Option<usize>,
    /// How many tickets the largest store has whose growth is measured.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    most: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// Deliveries a second, and how long their answers take.
    Accept,
    /// From a ticket to its link.
    Latency,
    /// Many tickets at once, under DocSpace's limits; memory and start-up.
    Storm,
    /// Whole lives of tickets under random faults: nothing is lost, doubled or in a wrong state.
    Lives,
    /// A backfill, and live tickets beside it.
    Backfill,
    /// One to three replicas on PostgreSQL beside one process on SQLite.
    Replicas,
    /// How the store's cost grows with the number of tickets.
    Growth,
    /// The binary.
    Size,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut wrong = false;
    for topic in Topic::value_variants() {
        if !arguments.topics.is_empty() && !arguments.topics.contains(topic) {
            continue;
        }
        if let Err(error) = measure(*topic, &arguments).await {
            eprintln!("{topic:?}: WRONG: {error}");
            wrong = true;
        }
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(topic: Topic, arguments: &Arguments) -> Result {
    // With several providers compiled in, one has to be chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tables = match topic {
        Topic::Accept => vec![accept::measure().await?],
        Topic::Latency => vec![latency::measure().await?],
        Topic::Storm => vec![storm::measure(arguments.tickets.unwrap_or(2000)).await?],
        Topic::Lives => vec![lives::measure(arguments.tickets.unwrap_or(1000)).await?],
        Topic::Backfill => vec![backfill::measure(arguments.tickets.unwrap_or(10_000)).await?],
        Topic::Replicas => vec![replicas::measure().await?, settling::measure().await?],
        Topic::Growth => growth::measure(arguments.most).await?,
        Topic::Size => vec![size::measure()?],
    };
    for table in tables {
        println!("{table}");
    }
    Ok(())
}

/// The product's binary, which `cargo xtask bench` builds into the same folder.
fn product() -> Result<PathBuf> {
    let binary = folder()?.join("ticketroom");
    if binary.is_file() { Ok(binary) } else { Err(format!("{} is not built", binary.display()).into()) }
}

/// The folder of this binary. It is on a disk, unlike some folders for temporary files.
fn folder() -> Result<PathBuf> {
    let ourselves = std::env::current_exe()?;
    Ok(ourselves.parent().unwrap_or(Path::new(".")).to_owned())
}
