//! Logs: one line an event, for people or as JSON. Nothing that is logged holds a secret, a body or a subject.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error.
///
/// # Errors
/// What is wrong with the filter.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("--log “{filter}” is no filter: {error}; try info, or ticketroom=debug"))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell standard error that standard error can't be written to, and panic: a full disk must not end us.
        .log_internal_errors(false);
    // A second start (tests) keeps the first one's settings.
    let _ = match format {
        LogFormat::Human => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            logs.with_ansi(colours).with_target(false).try_init()
        }
        LogFormat::Json => logs.json().flatten_event(true).with_target(false).try_init(),
    };
    Ok(())
}
