//! `cargo xtask test`: every test of the workspace, by plain `cargo test`.
//!
//! A fresh machine needs nothing but Rust and a C compiler: SQLite is compiled in, the systems that the product talks
//! to are played by the simulator, and PostgreSQL is installed before the tests start. Once a test needs a further
//! system package (a browser), it has its place beside that.

use crate::{Result, cargo, environment, packages};

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    packages::ensure_postgresql()?;
    let mut tests = cargo();
    environment::settle(&mut tests);
    tests.args(["test", "--locked"]);
    // Cargo would run all packages if it were given both.
    if !names_packages(arguments) {
        tests.arg("--workspace");
    }
    crate::run(tests.args(arguments))
}

fn names_packages(arguments: &[String]) -> bool {
    let mut for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    for_cargo.any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}
