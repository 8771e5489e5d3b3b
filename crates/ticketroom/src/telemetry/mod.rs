//! Logs: one line an event, for people or as JSON. Nothing that is logged holds a secret, a body or
//! a subject.
//!
//! [`line`] makes a line of an event and of the [`fields`] of the spans around it, and makes every
//! value in it harmless. [`writer`] takes lines to standard error in a thread of its own: a
//! standard error that nobody reads, or that can't be written to, delays nothing and fails nothing.
//! What doesn't fit into the buffer is dropped and counted.

mod fields;
mod line;
mod writer;

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use writer::{Logging, dropped_lines};

use crate::printable::{MESSAGE, printed};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The target of the span around a run, with its ticket. The span exists whatever the filter is:
/// each line that the filter lets through names its ticket.
pub const RUN: &str = "ticketroom::run";

/// The target of the span around a request, and of the line about its answer. Both are at the level
/// debug.
pub const REQUEST: &str = "ticketroom::request";

/// Why logging can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `--log` is not in the filter's language.
    #[error("--log “{filter}” is no filter: {error}; try info, or ticketroom=debug")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// Standard error is closed.
    #[error("standard error can't be written to: {0}")]
    Stderr(std::io::Error),
    /// The machine has no thread left.
    #[error("no thread can be started for the log: {0}")]
    Thread(std::io::Error),
}

/// Starts logging to standard error, panics included. What is returned has to be kept until the
/// end: dropping it writes what is left, for at most a second.
///
/// # Errors
/// What is wrong with the filter, or with standard error.
pub fn start(format: LogFormat, filter: &str) -> Result<Logging, StartError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| StartError::Filter { filter: filter.to_owned(), error })?;
    let filter = match format!("{RUN}=error").parse() {
        Ok(runs) => filter.add_directive(runs),
        Err(_) => filter,
    };
    let stderr = std::io::stderr();
    let colours = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A descriptor of its own: a write that blocks must not hold the lock of the standard library's
    // standard error, on which others would wait.
    let descriptor = stderr.as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(StartError::Stderr)?;
    let (lines, logging) = writer::start(std::fs::File::from(descriptor)).map_err(StartError::Thread)?;
    let logs = tracing_subscriber::fmt::layer()
        .with_writer(lines)
        .with_ansi(colours)
        // It would tell standard error that standard error can't be written to, and panic: a full
        // disk must not end us.
        .log_internal_errors(false)
        .fmt_fields(fields::NoText)
        .event_format(line::Line { format });
    // A second start keeps the first one's settings.
    if tracing_subscriber::registry().with(fields::SpanFields).with(logs).with(filter).try_init().is_ok() {
        // The usual hook writes to standard error itself, where it may wait for ever.
        std::panic::set_hook(Box::new(|panic| {
            tracing::error!("a defect of ticketroom, please report it: {}", printed(panic, MESSAGE));
        }));
    }
    Ok(logging)
}
