//! `cargo xtask crash`: builds the product with its fault points and the package
//! `ticketroom-crash`, and runs that.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::{Result, cargo, environment, packages};

/// Handled here: the optimized build is used. Until the next release build, that binary has fault
/// points in it.
const RELEASE: &str = "--release";

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    let (ours, theirs): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| *argument == RELEASE);
    if arguments.iter().any(|argument| argument.ends_with("postgres")) {
        packages::ensure_postgresql()?;
    }
    let profile = ours.first();
    let mut build = cargo();
    // Both at once, so that shared dependencies are built once.
    build.args(["build", "--locked", "--package", "ticketroom", "--package", "ticketroom-crash"]);
    build.args(["--features", "fault-points"]);
    let built = crate::run(build.args(profile))?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let mut campaign = Command::new(built_beside_us(profile.is_some())?.join("ticketroom-crash"));
    environment::normalize(&mut campaign);
    crate::run(campaign.args(theirs))
}

/// The folder that cargo has built into, beside that of the dev profile, where this binary is.
fn built_beside_us(release: bool) -> Result<PathBuf> {
    let ourselves =
        std::env::current_exe().map_err(|error| format!("can't tell where this runs: {error}"))?;
    let profiles = ourselves.parent().and_then(|dev| dev.parent()).ok_or("this runs from nowhere")?;
    Ok(profiles.join(if release { "release" } else { "debug" }))
}
