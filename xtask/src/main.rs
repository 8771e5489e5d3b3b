//! Development tasks, run as `cargo xtask TASK`.

mod bench;
mod crash;
mod environment;
mod generated;
mod packages;
mod test;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  test [-- ARGS]       run every test of the workspace; ARGS go to `cargo test`
  bench [TOPIC]... [--tickets N] [--most N]
                       measure the release build: accept, latency, storm, lives, replicas, growth, size; all of
                       them by default. N tickets in the storm, or that live; at most N in the stores whose growth is
                       measured
  crash [--minutes N] [--store sqlite|postgres] [--replicas N] [--seed S] [--release]
                       kill the product over and over under load, and count what was lost or doubled
  openapi              write crates/ticketroom/src/web/openapi.json anew, after a change of the API
  errors               write docs/errors.md anew, after a change of a code
";

/// How a task ended: with the status of its command, or with an error.
type Result<T = ExitCode> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let mut rest: Vec<String> = arguments.collect();
    // `cargo xtask test -- ARGS` and `cargo xtask test ARGS` are the same.
    if rest.first().is_some_and(|first| first == "--") {
        rest.remove(0);
    }
    let ended = match task.as_deref() {
        Some("test") => test::run(&rest),
        Some("bench") => bench::run(&rest),
        Some("crash") => crash::run(&rest),
        Some("openapi") => generated::renew(&generated::OPENAPI),
        Some("errors") => generated::renew(&generated::ERRORS),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ended.unwrap_or_else(|why| {
        eprintln!("xtask: {why}");
        ExitCode::FAILURE
    })
}

/// The cargo that runs this program, in the workspace's folder.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // From the environment, since the folder may have been moved after the build.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    if let Some(root) = here.as_deref().and_then(Path::parent) {
        cargo.current_dir(root);
    }
    cargo
}

/// Runs a command and returns its status.
fn run(command: &mut Command) -> Result {
    let status =
        command.status().map_err(|error| format!("can't run {:?}: {error}", command.get_program()))?;
    // A status beyond 255, or none after a signal, is a failure like any other.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
