//! `cargo xtask test`: every test of the workspace, by plain `cargo test`; then those of the whole
//! product once more, on a PostgreSQL store.
//!
//! A fresh machine needs nothing but Rust and a C compiler: SQLite is compiled in, the systems that
//! the product talks to are simulated, and PostgreSQL, promtool and Python are installed before the
//! tests start. Clients of the simulated systems come from PyPI.

use std::process::ExitCode;

use crate::{Result, cargo, environment, packages};

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    packages::ensure_postgresql()?;
    packages::ensure_promtool()?;
    packages::ensure_python()?;
    let mut tests = cargo();
    environment::normalize(&mut tests);
    if let Some(seed) = std::env::var_os(SEED) {
        tests.env(SEED, seed);
    }
    tests.env(THREADS, MOST_AT_ONCE);
    tests.args(["test", "--locked"]);
    // Cargo would run all packages if it were given both.
    if !names_packages(arguments) {
        tests.arg("--workspace");
    }
    let ended = crate::run(tests.args(arguments))?;
    if ended != ExitCode::SUCCESS {
        return Ok(ended);
    }
    if !only_choose_tests(arguments) {
        println!(
            "\nNot run: the end-to-end tests on a PostgreSQL store. What was asked for has options for cargo, which may \
             not fit them. To run them, too:\n    TICKETROOM_TEST_STORE=postgres cargo test --package ticketroom --test it"
        );
        return Ok(ended);
    }
    println!("\nThe same end-to-end tests, on a PostgreSQL store:");
    let mut again = cargo();
    environment::normalize(&mut again);
    again.env("TICKETROOM_TEST_STORE", "postgres");
    again.env(THREADS, MOST_AT_ONCE);
    again.args(["test", "--locked", "--package", "ticketroom", "--test", "it"]);
    crate::run(again.args(arguments))
}

/// Whether all that is asked of cargo is to run tests of some name. What comes after `--` is for
/// the tests themselves.
fn only_choose_tests(arguments: &[String]) -> bool {
    let mut for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    for_cargo.all(|argument| !argument.starts_with('-'))
}

/// Chooses one of the random histories of the stores.
const SEED: &str = "TICKETROOM_TEST_SEED";

/// How many tests run at once. The tests of the whole product mostly wait for others, so more of
/// them than there are cores end sooner.
const THREADS: &str = "RUST_TEST_THREADS";
const MOST_AT_ONCE: &str = "6";

fn names_packages(arguments: &[String]) -> bool {
    let mut for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    for_cargo.any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_told_from_options_for_cargo() {
        let only_choose = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            only_choose_tests(&arguments)
        };
        assert!(only_choose(&[]));
        assert!(only_choose(&["crash::"]));
        assert!(only_choose(&["crash::", "--", "--nocapture", "--test-threads", "1"]));
        assert!(!only_choose(&["-p", "ticketroom-testbed"]));
        assert!(!only_choose(&["--test", "it", "crash::"]));
    }
}
