//! Stands for `demo` and `simulate` in a build without the simulator. `--help` does not list them;
//! whoever calls them learns why they are not there.

use clap::Args;

use super::{Ended, Result};

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Options {
    /// Ignored.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _ignored: Vec<String>,
}

pub(super) async fn run(_: Options) -> Result {
    Err(Ended::Misconfigured(
        "this ticketroom was built without the simulator, so “demo” and “simulate” are not in it: build it without \
         --no-default-features, or with --features simulator"
            .to_owned(),
    ))
}
