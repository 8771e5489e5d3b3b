//! Connections to PostgreSQL: a pool of them, each set up so that nothing is acknowledged that a crash could take
//! back, and the one way in which statements are run.
//!
//! Every transition is one statement, and so its own transaction: there is nothing to begin, and nothing that is left
//! open when a caller goes away. A statement whose answer doesn't come in time has an unknown end. Its connection is
//! given up, and the caller is told that the store can't be used; every transition may be tried again.
//!
//! The address may name several servers, of which one can be written to; another one may take over at any moment, and the
//! old one may be refusing, or silent, or back as a standby. [`Connector`] finds the one, and once it has found another one
//! than before, pools use no connection any more that is older than that.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Client, Connect, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
    Runtime, TimeoutType, Timeouts,
};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Connection, Error, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use crate::config::{PostgresConfig, Tls};
use crate::fault_point::{self, Side};
use crate::store::StoreError;

/// How long a statement may take; the server breaks it off a little earlier. With the wait for a connection it stays below
/// the 12 seconds that Zendesk waits for an answer.
pub(super) const STATEMENT: Duration = Duration::from_secs(6);
/// How long to wait for a connection: for one that others use, or until a new one is set up.
pub(super) const CONNECTION: Duration = Duration::from_secs(5);
/// How often a statement is run that lost against another one (a deadlock, a serialization failure).
const CONFLICTS: u32 = 5;

/// What every connection begins with. A database may be set up so that a commit is answered before it is on disk;
/// for us it is not. A stricter setting (`remote_apply`) stays. Our statements are few, short and the same for ever, so one
/// plan for each is enough; making one anew costs more than running it.
const SESSION: &str = "
    SET statement_timeout = '5s';
    SET lock_timeout = '4s';
    SET idle_in_transaction_session_timeout = '60s';
    SET default_transaction_isolation = 'read committed';
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// What a server says of itself that another one has taken over from, or not yet.
pub(super) const STANDBY: &str = "the server is a standby, which can't be written to";
const TAKEN_OVER: &str = "another server has taken over";

/// The parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The database.
#[derive(Debug)]
pub(super) struct Database {
    pool: Pool,
    /// One connection for signs of life, which must not queue behind deliveries.
    vital: Pool,
    connector: Connector,
}

/// Why a statement came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A row like it is there already: the name of the constraint.
    Duplicate(String),
    /// Anything else.
    Store(StoreError),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Duplicate(constraint) => Self::Unavailable(format!("a row contradicts {constraint}")),
            Trouble::Store(error) => error,
        }
    }
}

/// The TLS side of a connection.
fn tls(config: &PostgresConfig) -> Result<MakeRustlsConnect, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = match &config.tls {
        Tls::Unverified => tls::unverified(),
        Tls::Verified { roots: None } => {
            ClientConfig::with_platform_verifier().map_err(|error| error.to_string())
        }
        Tls::Verified { roots: Some(path) } => tls::verified(path),
    };
    Ok(MakeRustlsConnect::new(client?))
}

impl Database {
    /// Pools that have no connection yet.
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, String> {
        let connector = Connector::new(config)?;
        let (pool, vital) = (pool(config, &connector, config.connections)?, pool(config, &connector, 1)?);
        Ok(Self { pool, vital, connector })
    }

    /// What makes its connections.
    pub(super) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// A connection.
    pub(super) async fn client(&self) -> Result<Client, PoolError> {
        client(&self.pool).await
    }

    /// Runs a statement; `label` names it for fault points, if it changes anything.
    pub(super) async fn run(
        &self,
        label: Option<&str>,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        run(&self.pool, label, sql, parameters).await
    }

    /// Runs the statement of a sign of life.
    pub(super) async fn beat(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Trouble> {
        run(&self.vital, Some("heartbeat"), sql, parameters).await
    }

    /// Runs a statement that goes over every row, for as long as it takes.
    pub(super) async fn run_long(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await.map_err(no_client)?;
        let run = async {
            client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
            client.query(sql, parameters).await
        };
        let result = run.await.map_err(|error| StoreError::Unavailable(explain(&error)));
        // The others have limits.
        drop(Object::take(client));
        result
    }
}

async fn run(
    pool: &Pool,
    label: Option<&str>,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, Trouble> {
    let mut conflicts = 0;
    loop {
        let client = client(pool).await.map_err(|error| Trouble::Store(no_client(error)))?;
        pass(Side::Before, label);
        let result = tokio::time::timeout(STATEMENT, query(&client, sql, parameters)).await;
        let error = match result {
            Ok(Ok(rows)) => {
                pass(Side::After, label);
                return Ok(rows);
            }
            Ok(Err(error)) => error,
            Err(_) => {
                drop(Object::take(client));
                let why = format!("no answer within {} seconds", STATEMENT.as_secs());
                return Err(Trouble::Store(StoreError::Unavailable(why)));
            }
        };
        let state = error.code().cloned();
        if state.as_ref().is_none_or(is_about_the_connection) {
            drop(Object::take(client));
        }
        match state {
            Some(SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE)
                if conflicts < CONFLICTS =>
            {
                conflicts += 1;
            }
            Some(SqlState::UNIQUE_VIOLATION) => {
                let constraint = error.as_db_error().and_then(|error| error.constraint());
                return Err(Trouble::Duplicate(constraint.unwrap_or_default().to_owned()));
            }
            _ => return Err(Trouble::Store(StoreError::Unavailable(explain(&error)))),
        }
    }
}

/// A pool whose connections are set up before anybody gets one.
fn pool(config: &PostgresConfig, connector: &Connector, size: usize) -> Result<Pool, String> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_connect(config.connect.clone(), connector.clone(), recycling);
    let connector = connector.clone();
    let still_the_one = Hook::sync_fn(move |_: &mut deadpool_postgres::ClientWrapper, metrics| {
        if connector.is_outdated(metrics.created) { Err(HookError::message(TAKEN_OVER)) } else { Ok(()) }
    });
    let set_up = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move {
            client.batch_execute(SESSION).await.map_err(HookError::Backend)?;
            let row =
                client.query_one("SELECT pg_is_in_recovery()", &[]).await.map_err(HookError::Backend)?;
            if row.get(0) { Err(HookError::message(STANDBY)) } else { Ok(()) }
        })
    });
    let built = Pool::builder(manager)
        .max_size(size)
        .timeouts(Timeouts { wait: Some(CONNECTION), create: Some(CONNECTION), recycle: Some(CONNECTION) })
        .runtime(Runtime::Tokio1)
        .post_create(set_up)
        .pre_recycle(still_the_one)
        .build();
    built.map_err(|error| error.to_string())
}

/// A connection, or none in time: the pool counts its own waits, but not how long a connection takes to be set up.
async fn client(pool: &Pool) -> Result<Client, PoolError> {
    let client = tokio::time::timeout(CONNECTION, pool.get()).await;
    client.unwrap_or(Err(PoolError::Timeout(TimeoutType::Create)))
}

fn pass(side: Side, label: Option<&str>) {
    if let Some(label) = label {
        fault_point::pass(side, "Store", label);
    }
}

async fn query(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}

/// Whether a connection is of no use any more: its server stops, or can only be read from since another one took over.
fn is_about_the_connection(state: &SqlState) -> bool {
    let code = state.code();
    *state == SqlState::READ_ONLY_SQL_TRANSACTION || code.starts_with("08") || code.starts_with("57P")
}

fn no_client(error: PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Overloaded,
        error => StoreError::Unavailable(explain_pool(&error)),
    }
}

/// Why there is no connection.
pub(super) fn explain_pool(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => explain(error),
        PoolError::PostCreateHook(HookError::Message(message)) => message.to_string(),
        PoolError::Timeout(_) => "no connection within the time for one".to_owned(),
        error => error.to_string(),
    }
}

/// An error for an operator: what the server says without its details, which may quote what was being stored.
pub(in crate::store) fn explain(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// What to call the database in messages.
pub(super) fn name(config: &PostgresConfig) -> String {
    let hosts = config.connect.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    format!("{}/{}", hosts.join(","), config.connect.get_dbname().unwrap_or_default())
}

/// What makes connections, to whichever of the servers can be written to.
///
/// They are asked one after the other, beginning with the one that took the last connection, and each has its share of
/// the time. So one that is silent, since it hangs or its machine is off, leaves time for the one that has taken over.
#[derive(Clone)]
pub(super) struct Connector {
    servers: Arc<[tokio_postgres::Config]>,
    found: Arc<Mutex<Found>>,
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

impl Connector {
    fn new(config: &PostgresConfig) -> Result<Self, String> {
        Ok(Self { servers: servers(&config.connect).into(), found: Arc::default(), tls: tls(config)? })
    }

    /// Makes one. The last server that is left may take as long as it likes: the caller has to have a limit.
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
    fn is_outdated(&self, created: Instant) -> bool {
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
