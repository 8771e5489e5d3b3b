//! The command line, one command a file.
//!
//! Exit status: 0 done, 1 failed, 2 wrong usage or configuration.

mod backfill;
pub(crate) mod check;
pub(crate) mod check_address;
pub(crate) mod check_running;
#[cfg(feature = "simulator")]
mod demo;
mod init;
#[cfg(not(feature = "simulator"))]
mod no_simulator;
mod reload;
mod serve;
#[cfg(feature = "simulator")]
mod simulate;
mod store;
mod tickets;
mod webhook;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, DEFAULT_FILE, ProcessEnv, Secrets};
use crate::live;
use crate::printable::{block, escaped_json};

#[cfg(not(feature = "simulator"))]
use no_simulator::{self as demo, self as simulate};

/// Exactly one ONLYOFFICE DocSpace room for every helpdesk ticket.
#[derive(Debug, Parser)]
#[command(name = "ticketroom", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file; without one, ./ticketroom.toml, or DOCSPACE_URL and
    /// DOCSPACE_API_KEY.
    #[arg(long, value_name = "FILE", env = "TICKETROOM_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the whole product on this machine, with nothing to configure.
    #[cfg_attr(not(feature = "simulator"), command(hide = true))]
    Demo(demo::Options),
    /// Runs the service until SIGTERM or Ctrl-C.
    Serve(serve::Options),
    /// Tries the configuration against the live systems and changes nothing.
    Check(check::Options),
    /// Runs only the built-in DocSpace and helpdesks, to try a configuration against.
    #[cfg_attr(not(feature = "simulator"), command(hide = true))]
    Simulate(simulate::Options),
    /// Has the running service read its configuration again, as SIGHUP does.
    Reload(reload::Options),
    /// Shows tickets and puts them back to work.
    #[command(subcommand)]
    Tickets(tickets::Command),
    /// Takes in tickets that were there before, and shows how far that is.
    Backfill(backfill::Command),
    /// Makes, shows and removes webhooks: of helpdesks and of DocSpace.
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Copies the store: a backup, or a move to another kind of store.
    #[command(subcommand)]
    Store(store::Command),
    /// Asks a few questions and writes ticketroom.toml.
    Init,
}

/// Why a command ended without success.
#[derive(Debug)]
enum Ended {
    /// It was tried, and failed: 1.
    Failed(String),
    /// The usage or the configuration is wrong: 2.
    Misconfigured(String),
}

impl From<ConfigError> for Ended {
    fn from(error: ConfigError) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

type Result<T = ()> = std::result::Result<T, Ended>;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let load_with =
        |secrets| -> Result<Config> { Ok(Config::load_with(config.as_deref(), &ProcessEnv, secrets)?) };
    let load = || load_with(Secrets::All);
    // What works on the store alone runs without the secrets of the service.
    let load_for_store = || load_with(Secrets::OfTheStore);
    let result = match command {
        Command::Demo(options) => block_on(demo::run(options)),
        Command::Serve(options) => {
            load().and_then(|read| block_on(serve::run(read, read_again(config.clone()), options)))
        }
        Command::Reload(options) => block_on(reload::run(config.as_deref(), options)),
        Command::Check(options) => load().and_then(|config| block_on(check::run(config, options))),
        Command::Simulate(options) => block_on(simulate::run(options)),
        Command::Tickets(command) => {
            load_for_store().and_then(|config| block_on(tickets::run(config, command)))
        }
        Command::Backfill(command) => {
            let config = if command.asks_helpdesks() { load() } else { load_for_store() };
            config.and_then(|config| block_on(backfill::run(config, command)))
        }
        // The secret of a webhook may be what is about to be made.
        Command::Webhook(command) => {
            load_with(Secrets::AllButWebhooks).and_then(|config| block_on(webhook::run(config, command)))
        }
        Command::Store(store::Command::Backup(options)) => {
            load_for_store().and_then(|config| store::backup(&config, &options))
        }
        Command::Store(store::Command::Copy(options)) => block_on(store::copy(options)),
        Command::Init => initialise(config.as_deref()),
    };
    let (status, message) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Ended::Failed(message)) => (1, message),
        Err(Ended::Misconfigured(message)) => (2, message),
    };
    if !message.is_empty() {
        tell(block(message.trim_end()));
    }
    ExitCode::from(status)
}

/// Reads the configuration from where it was read at the start.
fn read_again(file: Option<PathBuf>) -> live::reload::Read {
    Arc::new(move || Config::load(file.as_deref(), &ProcessEnv))
}

/// Writes to standard error. One that nobody reads must not keep the process from going on, nor
/// from ending.
fn tell(message: String) {
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = writeln!(std::io::stderr(), "{message}");
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(Duration::from_secs(1));
}

fn initialise(target: Option<&Path>) -> Result {
    let target = target.unwrap_or(Path::new(DEFAULT_FILE));
    init::run(&mut std::io::stdin().lock(), &mut std::io::stdout().lock(), target)
        .map_err(|error| Ended::Failed(error.to_string()))
}

fn block_on(command: impl Future<Output = Result>) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(command)
}

/// Prints lines, whatever text of other systems is in them; a reader that has gone away ends the
/// command as if it had said so.
fn say(lines: impl AsRef<str>) -> Result {
    print(&block(lines.as_ref()))
}

/// Prints a value as JSON. What could steer a terminal is escaped, so that nothing of it is lost.
fn say_json(value: &impl serde::Serialize) -> Result {
    let json = serde_json::to_string_pretty(value).map_err(|error| Ended::Failed(error.to_string()))?;
    print(&escaped_json(&json))
}

/// Prints what is known to be harmless.
fn print(lines: &str) -> Result {
    writeln!(std::io::stdout().lock(), "{lines}").map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ended::Failed(String::new()),
        _ => error.into(),
    })
}

#[cfg(all(test, feature = "simulator"))]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    /// The help of a command and of those below it.
    fn help(command: &mut clap::Command, out: &mut String) {
        *out += &format!("{}\n----\n", command.render_long_help());
        for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
            help(below, out);
        }
    }

    /// Without the values that variables have in this process.
    fn without_values(command: clap::Command) -> clap::Command {
        command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(without_values)
    }

    #[test]
    fn the_help_of_every_command() {
        let mut command = without_values(Arguments::command()).term_width(100);
        command.build();
        let mut out = String::new();
        help(&mut command, &mut out);
        insta::assert_snapshot!(out);
    }
}
