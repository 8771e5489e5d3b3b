//! `cargo xtask test`: every test of the workspace, by plain `cargo test`; then those of the whole product once more,
//! on a PostgreSQL store.
//!
//! A fresh machine needs nothing but Rust and a C compiler: SQLite is compiled in, the systems that the product talks
//! to are played by the simulator, and PostgreSQL is installed before the tests start. Once a test needs a further
//! system package (a browser), it has its place beside that.

use std::process::ExitCode;

use crate::{Result, cargo, environment, packages};

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    packages::ensure_postgresql()?;
    let mut tests = cargo();
    environment::settle(&mut tests);
    if let Some(seed) = std::env::var_os(SEED) {
        tests.env(SEED, seed);
    }
    tests.args(["test", "--locked"]);
    // Cargo would run all packages if it were given both.
    if !names_packages(arguments) {
        tests.arg("--workspace");
    }
    let ended = crate::run(tests.args(arguments))?;
    // Whoever chose some tests has run them.
    if ended != ExitCode::SUCCESS || !arguments.is_empty() {
        return Ok(ended);
    }
    println!("\nThe same end-to-end tests, on a PostgreSQL store:");
    let mut again = cargo();
    environment::settle(&mut again);
    again.env("TICKETROOM_TEST_STORE", "postgres");
    crate::run(again.args(["test", "--locked", "--package", "ticketroom", "--test", "it"]))
}

/// Chooses one of the random histories of the stores.
const SEED: &str = "TICKETROOM_TEST_SEED";

fn names_packages(arguments: &[String]) -> bool {
    let mut for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    for_cargo.any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}
