//! The crash campaign: `cargo xtask crash`.
//!
//! Real binaries are killed, paused, cut off from their database and given full disks, at each
//! fault point and at random, while people work with tickets and rooms, helpdesks send, repeat,
//! reorder and drop their deliveries, and DocSpace loses answers and webhooks. Afterwards the
//! disturbances end, and the results are counted in the simulated systems: each acknowledged ticket
//! has exactly one room, which is as the ticket's life and the template say, with one link and one
//! note of it; each ticket was told of its files, and of nothing twice; and the product's records
//! match, and contain each delivery that it acknowledged.
//!
//! The seed determines all choices, but not their timing, so a seed makes a finding likely again,
//! not certain.

mod campaign;
mod chaos;
mod claims;
mod context;
mod demands;
mod disturbances;
mod ends;
mod fault_points;
mod faults;
mod first_work;
mod lives;
mod load;
mod message;
mod people;
mod proxy;
mod receipts;
mod rehearsal;
mod replica;
mod report;
mod store;
mod tally;
mod tickets;
mod unfinished;
mod verdict;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

/// The result of a campaign; an error says why it could not be run.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Kills the product over and over, and counts what was lost or doubled.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask crash")]
struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// The store of the replicas.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    store: StoreKind,
    /// How many processes work on the store; one only if it is a file.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    replicas: u8,
    /// The seed of all choices, but not of their timing; a random one by default.
    #[arg(long)]
    seed: Option<u64>,
    /// How many tickets are opened in a second, over all helpdesks. Long campaigns open fewer.
    #[arg(long, default_value_t = 4.0)]
    rate: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A file of the one replica.
    Sqlite,
    /// A server, which is started for the campaign.
    Postgres,
}

impl StoreKind {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(why) = check(&arguments) {
        Arguments::command().error(ErrorKind::ValueValidation, why).exit();
    }
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    println!("seed {seed}");
    let ended = tokio::select! {
        ended = campaign::run(&arguments, seed) => ended,
        // All processes that it has started are killed when it is dropped.
        why = interrupted() => Err(why.into()),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("seed {seed}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal that ends the campaign.
async fn interrupted() -> &'static str {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return "no signals can be had" };
    tokio::select! {
        _ = terminate.recv() => "terminated",
        _ = tokio::signal::ctrl_c() => "interrupted",
    }
}

/// Checks what clap can't.
fn check(arguments: &Arguments) -> std::result::Result<(), &'static str> {
    if arguments.store == StoreKind::Sqlite && arguments.replicas > 1 {
        return Err("one process at a time works on an SQLite file: --replicas needs --store postgres\n");
    }
    let is_positive = |number: f64| number.is_finite() && number > 0.0;
    if !is_positive(arguments.minutes) || !is_positive(arguments.rate) {
        return Err("--minutes and --rate are more than nothing\n");
    }
    Ok(())
}
