//! Making a connection to whichever of the servers in an address can be written to. Another one may
//! take over at any moment, and the old one may be refusing, or silent, or back as a standby.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use deadpool_postgres::Connect;
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connect::{CONNECTION, explain};
use super::tls::{self, TlsError};
use crate::config::{PostgresConfig, Tls};

/// So many connections are made at once: the server starts a process for each, and a busy one is
/// not helped by more.
const AT_ONCE: usize = 4;

/// What makes connections, to whichever of the servers can be written to.
///
/// They are asked one after the other, beginning with the one that took the last connection, and
/// each has its share of the time. So one that is silent, since it hangs or its machine is off,
/// leaves time for the one that has taken over. Once another one was found than before, pools use
/// no connection any more that is older than that.
#[derive(Clone)]
pub(super) struct Connector {
    servers: Arc<[tokio_postgres::Config]>,
    found: Arc<Mutex<Found>>,
    turns: Arc<Semaphore>,
    tls: MakeRustlsConnect,
}

/// Which server can be written to, as far as is known.
#[derive(Debug, Default)]
struct Found {
    server: usize,
    /// When it turned out to be another one than before.
    since: Option<Instant>,
}

/// A connection, and what has to be polled for it.
type Made =
    (tokio_postgres::Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// The TLS side of a connection.
fn tls(config: &PostgresConfig) -> Result<MakeRustlsConnect, TlsError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = match &config.tls {
        Tls::Unverified => tls::unverified(),
        Tls::Verified { roots: None } => ClientConfig::with_platform_verifier().map_err(TlsError::from),
        Tls::Verified { roots: Some(path) } => tls::verified(path),
    };
    Ok(MakeRustlsConnect::new(client?))
}

impl Connector {
    /// For the servers in an address.
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, TlsError> {
        Ok(Self {
            servers: servers(&config.connect).into(),
            found: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            tls: tls(config)?,
        })
    }

    /// The same for others, who don't wait for turns of ours.
    pub(super) fn for_others(&self) -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), ..self.clone() }
    }

    /// Makes one. The last server that is left may take as long as it likes: the caller has to have
    /// a limit.
    pub(super) async fn connect(&self) -> Result<Made, Error> {
        let (count, first) = (self.servers.len(), self.found().server);
        let deadline = Instant::now() + CONNECTION;
        for left in (2..=count).rev() {
            let server = (first + count - left) % count;
            let share = deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(2);
            let attempt = self.servers[server].connect(self.tls.clone());
            match tokio::time::timeout(share, attempt).await {
                Ok(Ok(made)) => {
                    self.note(server);
                    return Ok(made);
                }
                Ok(Err(error)) => tracing::debug!(server, error = explain(&error), "not this one"),
                Err(_) => tracing::debug!(server, "silent"),
            }
        }
        let server = (first + count - 1) % count;
        let made = self.servers[server].connect(self.tls.clone()).await?;
        self.note(server);
        Ok(made)
    }

    /// Whether a connection is older than what is known of where to connect to.
    pub(super) fn is_outdated(&self, created: Instant) -> bool {
        self.found().since.is_some_and(|since| created < since)
    }

    fn note(&self, server: usize) {
        let mut found = self.found();
        if found.server != server {
            *found = Found { server, since: Some(Instant::now()) };
        }
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &tokio_postgres::Config,
    ) -> Pin<Box<dyn Future<Output = Result<(tokio_postgres::Client, JoinHandle<()>), Error>> + Send + '_>>
    {
        Box::pin(async move {
            // It is never closed.
            let _turn = self.turns.acquire().await.ok();
            let (client, connection) = self.connect().await?;
            let polled = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error = explain(&error), "a connection to the database has ended");
                }
            });
            Ok((client, polled))
        })
    }
}

/// Each server of an address by itself; at least one.
fn servers(all: &tokio_postgres::Config) -> Vec<tokio_postgres::Config> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let count = hosts.len().max(addresses.len()).max(1);
    // A name may stand for two addresses, of which the first is silent.
    let each = CONNECTION / u32::try_from(2 * count).unwrap_or(u32::MAX);
    let timeout = all.get_connect_timeout().map_or(each, |timeout| each.min(*timeout));
    let fits = |given: usize| given == 0 || given == count;
    if count == 1 || !fits(hosts.len()) || !fits(addresses.len()) || !(ports.len() == 1 || fits(ports.len()))
    {
        // What doesn't fit together is told by whoever connects.
        let mut one = all.clone();
        one.connect_timeout(timeout);
        return vec![one];
    }
    let one = |nth: usize| {
        let mut one = everything_but_the_place(all);
        match hosts.get(nth) {
            Some(Host::Tcp(name)) => {
                one.host(name);
            }
            Some(Host::Unix(path)) => {
                one.host_path(path);
            }
            None => {}
        }
        if let Some(address) = addresses.get(nth) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(nth).or(ports.first()) {
            one.port(*port);
        }
        one.connect_timeout(timeout);
        // Of several, one is the right one, whether that was said or not.
        if one.get_target_session_attrs() == TargetSessionAttrs::Any {
            one.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        one
    };
    (0..count).map(one).collect()
}

fn everything_but_the_place(all: &tokio_postgres::Config) -> tokio_postgres::Config {
    let mut one = tokio_postgres::Config::new();
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .load_balance_hosts(all.get_load_balance_hosts())
        .target_session_attrs(all.get_target_session_attrs());
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_what_the_address_says_of_it_and_of_all() {
        let all = "postgres://me:secret@one,two:5433/db?connect_timeout=9&keepalives_idle=7&keepalives_retries=2\
            &tcp_user_timeout=8&options=-c%20x%3Dy&application_name=n&channel_binding=disable&sslmode=require";
        let each = |name, port| {
            let text = all.replace("one,two:5433", &format!("{name}:{port}"));
            let mut one: tokio_postgres::Config = text.parse().unwrap();
            one.connect_timeout(CONNECTION / 4).target_session_attrs(TargetSessionAttrs::ReadWrite);
            one
        };
        assert_eq!(servers(&all.parse().unwrap()), [each("one", 5432), each("two", 5433)]);
        let mut alone: tokio_postgres::Config =
            "postgres://me@/db?host=/run&connect_timeout=1".parse().unwrap();
        assert_eq!(servers(&alone), [alone.clone()]);
        alone.connect_timeout(CONNECTION);
        assert_eq!(servers(&alone)[0].get_connect_timeout(), Some(&(CONNECTION / 2)));
    }
}
