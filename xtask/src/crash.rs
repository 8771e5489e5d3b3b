//! `cargo xtask crash`: builds the product with its fault points, and runs the package `ticketroom-crash`.

use std::process::ExitCode;

use crate::{Result, cargo, environment, packages};

/// For our own ears: the optimized build is killed. Until the next release build, that binary has fault points in it.
const RELEASE: &str = "--release";

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    let (ours, theirs): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| *argument == RELEASE);
    if arguments.iter().any(|argument| argument.ends_with("postgres")) {
        packages::ensure_postgresql()?;
    }
    let profile = ours.first();
    let mut build = cargo();
    build.args(["build", "--locked", "--package", "ticketroom", "--features", "fault-points"]);
    let built = crate::run(build.args(profile))?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let mut campaign = cargo();
    environment::settle(&mut campaign);
    campaign.args(["run", "--quiet", "--locked", "--package", "ticketroom-crash"]).args(profile);
    crate::run(campaign.arg("--").args(theirs))
}
