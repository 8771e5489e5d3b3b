//! `ticketroom serve`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, Result};
use crate::clock::{Chance, SystemClock};
use crate::config::{Config, StoreUrl, is_same_secret};
use crate::live::reload::Read;
use crate::service::{Duties, Service};
use crate::telemetry::{self, LogFormat};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Takes no deliveries: works on tickets that other replicas took in.
    #[arg(long)]
    no_intake: bool,
    /// Only takes deliveries: other replicas work on the tickets.
    #[arg(long)]
    no_work: bool,
    /// Looks at every ticket again: for a store that was restored from a backup.
    #[arg(long)]
    recover: bool,
    /// How log lines look.
    #[arg(long, value_enum, env = "TICKETROOM_LOG_FORMAT", default_value = "human")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, or per module such as ticketroom=debug.
    #[arg(long, env = "TICKETROOM_LOG", default_value = "info")]
    log: String,
    /// Ends when standard input is closed, which it is once whoever started this has ended, however
    /// it did.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub(super) async fn run(config: Config, read: Read, options: Options) -> Result {
    let _logging = telemetry::start(options.log_format, &options.log)
        .map_err(|error| Ended::Misconfigured(error.to_string()))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if config.admin.token.is_none() && !config.server.listen.ip().is_loopback() {
        return Err(Ended::Misconfigured(
            "[admin] token is missing: without one, serve listens on this machine only; set a token, or listen on \
             127.0.0.1"
                .to_owned(),
        ));
    }
    let duties = Duties { intake: !options.no_intake, work: !options.no_work, recover: options.recover };
    if !duties.work && matches!(config.store, StoreUrl::Sqlite(_)) {
        tracing::warn!(
            "--no-work with an SQLite store: nobody works on the tickets until serve runs without it"
        );
    }
    // Before anything is claimed, so that none of them is lost on the way.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let terminal = Terminal::of_this_process();
    let start = Service::start(config, read, duties, Arc::new(SystemClock), Chance::from_os());
    let mut service = tokio::select! {
        started = start => started.map_err(|error| Ended::Failed(error.to_string()))?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let mut replacements = service.live().replacements();
    let mut in_force = Arc::clone(&replacements.borrow_and_update());
    announce(&in_force.config, service.address());
    show_derived_token(&in_force.config, options.log_format, service.address());
    let closed = stdin_closed(options.until_stdin_closes);
    tokio::pin!(closed);
    loop {
        tokio::select! {
            () = &mut closed => {
                tracing::info!("standard input was closed: finishing what is in progress");
                break;
            }
            _ = terminate.recv() => {
                tracing::info!("SIGTERM: finishing what is in progress");
                break;
            }
            _ = interrupt.recv() => {
                tracing::info!("interrupted: finishing what is in progress");
                break;
            }
            _ = hangup.recv() => {
                if terminal.has_gone() {
                    tracing::info!("the terminal was closed: finishing what is in progress");
                    break;
                }
                let reloader = Arc::clone(service.reloader());
                // It logs what comes of it. Meanwhile the service may be told to stop.
                tokio::spawn(async move { reloader.reload().await });
            }
            Ok(()) = replacements.changed() => {
                let next = Arc::clone(&replacements.borrow_and_update());
                if !is_same_secret(&next.config.admin_token(), &in_force.config.admin_token()) {
                    show_derived_token(&next.config, options.log_format, service.address());
                }
                in_force = next;
            }
            broken = service.ended() => {
                service.stop().await;
                let why = broken.err().map_or_else(|| "the listener ended".to_owned(), |error| error.to_string());
                return Err(Ended::Failed(why));
            }
        }
    }
    service.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// The terminal that a process was started in. It sends SIGHUP when it is closed, as somebody does
/// who wants a reload.
struct Terminal {
    was_there: bool,
}

impl Terminal {
    fn of_this_process() -> Self {
        Self { was_there: Self::is_there() }
    }

    fn is_there() -> bool {
        std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
    }

    fn has_gone(&self) -> bool {
        self.was_there && !Self::is_there()
    }
}

/// Shows the derived token to whoever reads plain text. It never goes through the log, which others
/// collect and keep.
fn show_derived_token(config: &Config, format: LogFormat, address: SocketAddr) {
    if config.admin.token.is_some() {
        return;
    }
    if format == LogFormat::Json {
        tracing::info!(
            "no [admin] token is configured, and the one derived from DocSpace's API key is not written to a JSON log: \
             set a token, or see it with --log-format human"
        );
        return;
    }
    // Where nothing can be written, the service is there all the same.
    super::tell(format!(
        "no [admin] token is configured; this one is derived from DocSpace's API key: \
         curl -H 'Authorization: Bearer {}' http://{address}/api/v1/tickets",
        config.admin_token().expose_secret(),
    ));
}

/// Waits until standard input is closed; for ever if that is not `wanted`.
async fn stdin_closed(wanted: bool) {
    let (closed, told) = tokio::sync::oneshot::channel();
    if !wanted {
        return std::future::pending().await;
    }
    // In a thread that the runtime does not wait for when it ends: the read may last for ever.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = told.await;
}

fn announce(config: &Config, address: SocketAddr) {
    let base = match &config.server.public_url {
        Some(url) => url.to_string(),
        None => format!("http://{address}/"),
    };
    tracing::info!(%address, "listening");
    for helpdesk in &config.helpdesks {
        tracing::info!(
            helpdesk = %helpdesk.name,
            "deliveries are accepted at {}/webhooks/{}",
            base.trim_end_matches('/'),
            helpdesk.name
        );
    }
    if !config.docspace.webhook_secrets.is_empty() {
        let base = base.trim_end_matches('/');
        tracing::info!("DocSpace's own webhooks are accepted at {base}/webhooks/docspace");
    }
}
