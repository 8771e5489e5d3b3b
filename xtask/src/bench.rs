//! `cargo xtask bench`: builds the product for release, as it is shipped, and runs the package
//! `ticketroom-bench`.

use std::process::ExitCode;

use crate::{Result, cargo, environment};

pub(crate) fn run(arguments: &[String]) -> Result {
    environment::raise_open_files()?;
    // On its own, so that no other package's needs get into the binary that is measured.
    let built = crate::run(cargo().args(["build", "--release", "--locked", "--package", "ticketroom"]))?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let mut bench = cargo();
    environment::normalize(&mut bench);
    bench.args(["run", "--quiet", "--release", "--locked", "--package", "ticketroom-bench", "--"]);
    crate::run(bench.args(arguments))
}
