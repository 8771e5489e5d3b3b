//! The binary: reads the command line and hands over.

use std::process::ExitCode;

use ticketroom::cli;

fn main() -> ExitCode {
    cli::main()
}
