//! Connections to PostgreSQL: a pool of them, each set up so that nothing is acknowledged that a
//! crash could take back, and the one way in which statements are run.
//!
//! Every transition is one statement, and so its own transaction: there is nothing to begin, and
//! nothing that is left open when a caller goes away. A statement whose answer doesn't come in time
//! has an unknown end. Its connection is given up, and the caller is told that the store can't be
//! used; every transition may be tried again.
//!
//! Behind a pooler that lends sessions for a transaction only ([`pooler`]), nothing is left in a
//! session: statements are sent without being prepared, and what else every connection begins with
//! is only looked at. Such a statement may run longer than we wait for it, which is an unknown end
//! like any other.
//!
//! A connection in the making is not given up with the caller that it was made for. The server has
//! to do its part of it all the same, so a crowd of callers that give up and come again would keep
//! a busy one from ever finishing one.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    BuildError, Client, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
    Runtime, TimeoutType, Timeouts,
};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

use super::connector::Connector;
use super::parameter::Parameters;
use super::pooler;
use super::tls::TlsError;
use crate::config::PostgresConfig;
use crate::fault_point::{self, Side};
use crate::store::StoreError;

/// How long a statement may take; the server breaks it off a little earlier. With the wait for a
/// connection it stays below the 12 seconds that Zendesk waits for an answer.
pub(super) const STATEMENT: Duration = Duration::from_secs(6);
/// How long to wait for a connection: for one that others use, or until a new one is set up.
pub(super) const CONNECTION: Duration = Duration::from_secs(5);
/// How long a connection may be in the making, whoever still waits for it.
const MAKING: Duration = Duration::from_secs(15);
/// How often a statement is run that lost against another one (a deadlock, a serialization
/// failure).
const CONFLICTS: u32 = 5;

/// What every connection begins with. A database may be set up so that a commit is answered before
/// it is on disk; for us it is not. A stricter setting (`remote_apply`) stays. Our statements are
/// few, short and the same for ever, so one plan for each is enough; making one anew costs more
/// than running it.
const SESSION: &str = "
    SET statement_timeout = '5s';
    SET lock_timeout = '4s';
    SET idle_in_transaction_session_timeout = '60s';
    SET default_transaction_isolation = 'read committed';
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// What every connection is looked at for.
const LOOK: &str = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
    current_setting('synchronous_commit') = 'off'";

/// What a server says of itself that another one has taken over from, or not yet.
pub(super) const STANDBY: &str = "the server is a standby, which can't be written to";
const FORMER: &str = "another server has taken over";
/// What a session is like that can't be written in, and what a pooler's sessions have to be set to.
pub(super) const READ_ONLY: &str = "its transactions are read-only (default_transaction_read_only)";
pub(super) const NOT_ON_DISK: &str =
    "synchronous_commit is off, and behind a pooler ticketroom can't turn it on for itself";
/// What a process hears that was started before a newer one changed the tables.
const TAKEN_OVER: &str =
    "a newer ticketroom has taken over its tables, on which this one can't work: upgrade this one, too";

/// How long a statement stays prepared on its connection, here and at the server; nothing throws
/// one out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// One of the few that come again and again.
    ForEver,
    /// One whose text is put together of what is asked for, or any behind a pooler: it is not
    /// prepared.
    Once,
}

/// The database.
#[derive(Debug)]
pub(super) struct Database {
    pool: Pool,
    /// One connection for signs of life, which must not queue behind deliveries.
    vital: Pool,
    connector: Connector,
    /// A pooler lends us sessions for a transaction only.
    is_pooled: Arc<AtomicBool>,
    /// A newer version has made the tables its own.
    is_taken_over: AtomicBool,
}

/// Why no connection can ever be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Pool(#[from] BuildError),
}

/// Why a statement came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A row like it is there already: the name of the constraint.
    Duplicate(String),
    /// Anything else.
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Duplicate(constraint) => Self::Unavailable(format!("a row contradicts {constraint}")),
            Trouble::Store(error) => error,
        }
    }
}

impl Database {
    /// Pools that have no connection yet.
    pub(super) fn new(config: &PostgresConfig) -> Result<Self, SetupError> {
        let connector = Connector::new(config)?;
        let is_pooled = Arc::new(AtomicBool::new(false));
        let vital = pool(config, &connector.for_others(), 1, &is_pooled)?;
        let pool = pool(config, &connector, config.connections, &is_pooled)?;
        Ok(Self { pool, vital, connector, is_pooled, is_taken_over: AtomicBool::new(false) })
    }

    /// Finds out whether there is a pooler in between. To be done before anything else.
    pub(super) async fn look_for_pooler(&self) -> Result<(), PoolError> {
        let asked = tokio::time::timeout(MAKING, pooler::is_in_between(&self.connector)).await;
        let is_pooled = asked.map_err(|_| PoolError::Timeout(TimeoutType::Create))?;
        self.is_pooled.store(is_pooled.map_err(PoolError::Backend)?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a pooler lends us sessions for a transaction only.
    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    /// What makes its connections.
    pub(super) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// What the last sign of life applied: whether this version may work on the tables.
    pub(super) fn may_work(&self, may_work: bool) -> Result<(), StoreError> {
        self.is_taken_over.store(!may_work, Ordering::Relaxed);
        self.demand_ours()
    }

    /// Makes sure that the tables are not those of a newer version, as far as is known.
    pub(super) fn demand_ours(&self) -> Result<(), StoreError> {
        let is_taken_over = self.is_taken_over.load(Ordering::Relaxed);
        if is_taken_over { Err(StoreError::Unavailable(TAKEN_OVER.to_owned())) } else { Ok(()) }
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
        self.run_in(&self.pool, label, sql, Kept::ForEver, parameters).await
    }

    /// Asks by a statement that may never come again in the same words.
    pub(super) async fn run_once(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Trouble> {
        self.run_in(&self.pool, None, sql, Kept::Once, parameters).await
    }

    /// Runs the statement of a sign of life.
    pub(super) async fn beat(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Trouble> {
        self.run_in(&self.vital, Some("heartbeat"), sql, Kept::ForEver, parameters).await
    }

    async fn run_in(
        &self,
        pool: &Pool,
        label: Option<&str>,
        sql: &str,
        kept: Kept,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        let mut conflicts = 0;
        loop {
            let client = client(pool).await.map_err(|error| Trouble::Store(no_client(error)))?;
            pass(Side::Before, label);
            let kept = if self.is_pooled() { Kept::Once } else { kept };
            let result = tokio::time::timeout(STATEMENT, query(&client, sql, kept, parameters)).await;
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
                // There is a pooler in between after all, or by now. The statement wasn't run.
                Some(SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT)
                    if kept == Kept::ForEver =>
                {
                    self.is_pooled.store(true, Ordering::Relaxed);
                }
                Some(SqlState::UNIQUE_VIOLATION) => {
                    let constraint = error.as_db_error().and_then(|error| error.constraint());
                    return Err(Trouble::Duplicate(constraint.unwrap_or_default().to_owned()));
                }
                _ => return Err(Trouble::Store(StoreError::Unavailable(explain(&error)))),
            }
        }
    }
}

/// A pool whose connections are set up before anybody gets one.
fn pool(
    config: &PostgresConfig,
    connector: &Connector,
    size: usize,
    is_pooled: &Arc<AtomicBool>,
) -> Result<Pool, BuildError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_connect(config.connect.clone(), connector.clone(), recycling);
    let connector = connector.clone();
    let still_the_one = Hook::sync_fn(move |_: &mut deadpool_postgres::ClientWrapper, metrics| {
        if connector.is_outdated(metrics.created) { Err(HookError::message(FORMER)) } else { Ok(()) }
    });
    let is_pooled = Arc::clone(is_pooled);
    let set_up = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        let is_pooled = is_pooled.load(Ordering::Relaxed);
        Box::pin(async move {
            if !is_pooled {
                client.batch_execute(SESSION).await.map_err(HookError::Backend)?;
            }
            let row = client.query_typed_one(LOOK, &[]).await.map_err(HookError::Backend)?;
            let wrong = [(0, STANDBY), (1, READ_ONLY), (2, NOT_ON_DISK)];
            let wrong = wrong.into_iter().find(|(column, _)| row.get(*column));
            wrong.map_or(Ok(()), |(_, what)| Err(HookError::message(what)))
        })
    });
    Pool::builder(manager)
        .max_size(size)
        .timeouts(Timeouts { wait: Some(CONNECTION), create: Some(MAKING), recycle: Some(CONNECTION) })
        .runtime(Runtime::Tokio1)
        .post_create(set_up)
        .pre_recycle(still_the_one)
        .build()
}

/// A connection, or none in time. One that comes too late is the next caller's.
async fn client(pool: &Pool) -> Result<Client, PoolError> {
    let pool = pool.clone();
    // The pool counts its own waits, but not how long a connection takes to be set up.
    let got = tokio::spawn(async move { tokio::time::timeout(MAKING, pool.get()).await });
    match tokio::time::timeout(CONNECTION, got).await {
        Ok(Ok(Ok(client))) => client,
        _ => Err(PoolError::Timeout(TimeoutType::Create)),
    }
}

fn pass(side: Side, label: Option<&str>) {
    if let Some(label) = label {
        fault_point::pass(side, "Store", label);
    }
}

async fn query(
    client: &Client,
    sql: &str,
    kept: Kept,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, Error> {
    match kept {
        Kept::ForEver => {
            let values: Vec<_> = parameters.iter().map(|parameter| parameter.value()).collect();
            client.query(&client.prepare_cached(sql).await?, &values).await
        }
        Kept::Once => {
            let typed: Vec<_> =
                parameters.iter().map(|parameter| (parameter.value(), parameter.kind())).collect();
            client.query_typed(sql, &typed).await
        }
    }
}

/// Whether a connection is of no use any more: its server stops, or can only be read from since
/// another one took over.
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

/// An error for an operator: what the server says without its details, which may quote what was
/// being stored.
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
