//! Opening a PostgreSQL store: waiting for a server that is about to answer, tables that are up to
//! date, and advice for whatever else is in the way.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool_postgres::{Client, PoolError};
use tokio_postgres::error::SqlState;

use super::PostgresStore;
use super::connect::{self, Database, STANDBY, explain, explain_pool};
use super::schema::{self, SchemaError};
use crate::config::PostgresConfig;
use crate::store::{OpenError, Use};

/// How long a start waits for a server that does not answer yet: it may be starting as well, or
/// failing over.
const PATIENCE: Duration = Duration::from_secs(30);
/// How it is told that a server was asked for that can be written to, and this one can't.
const READ_ONLY: &str = "database does not allow writes";
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

impl PostgresStore {
    /// Connects, and brings the tables up to date if the store is to be served from.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub async fn open(config: &PostgresConfig, purpose: Use) -> Result<Self, OpenError> {
        let unusable = |why: String| OpenError::Database { database: connect::name(config), why };
        let (database, client) = Self::connect(config, purpose).await?;
        let copying = client.query_typed_one("SELECT copying IS NOT NULL FROM identity", &[]).await;
        if copying.map_err(|error| unusable(explain(&error)))?.get(0) {
            return Err(OpenError::HalfCopied(connect::name(config)));
        }
        // It may have been set up for a migration.
        drop(deadpool_postgres::Object::take(client));
        Ok(Self { database, outbox: Arc::default(), hints: Mutex::default() })
    }

    /// A pool, and a connection to tables that are up to date.
    async fn connect(config: &PostgresConfig, purpose: Use) -> Result<(Database, Client), OpenError> {
        let unusable = |why: String| OpenError::Database { database: connect::name(config), why };
        let database = Database::new(config).map_err(|error| unusable(error.to_string()))?;
        let patience = if purpose == Use::Serve { PATIENCE } else { Duration::ZERO };
        let mut client =
            first_connection(&database, patience).await.map_err(|error| unusable(advise(&error)))?;
        let tables = match purpose {
            Use::Serve => schema::migrate(&mut client, &schema::MIGRATIONS).await,
            Use::Operate => schema::demand_current(&client).await,
        };
        match tables {
            Ok(()) => Ok((database, client)),
            Err(SchemaError::Missing) => Err(OpenError::NoTables(connect::name(config))),
            Err(SchemaError::Older) => Err(OpenError::Older(connect::name(config))),
            Err(error) => Err(unusable(advise_on_tables(&error))),
        }
    }

    /// One connection whose statements may take as long as they like, and the name of the database.
    pub(in crate::store) async fn alone(
        config: &PostgresConfig,
        purpose: Use,
    ) -> Result<(Client, String), OpenError> {
        let (database, client) = Self::connect(config, purpose).await?;
        let name = connect::name(config);
        if database.is_pooled() {
            return Err(OpenError::Database {
                database: name,
                why: "a pooler is in between that lends sessions for a transaction only: name the database server \
                      itself, or a pool in session mode"
                    .to_owned(),
            });
        }
        let unlimited = client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await;
        unlimited.map_err(|error| OpenError::Database { database: name.clone(), why: explain(&error) })?;
        Ok((client, name))
    }
}

/// Waits for a server that is about to answer; whatever else is wrong is told at once.
async fn first_connection(database: &Database, patience: Duration) -> Result<Client, PoolError> {
    let started = Instant::now();
    loop {
        let connected = async {
            // Before anything is set or prepared.
            database.look_for_pooler().await?;
            database.client().await
        };
        let error = match connected.await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let may_pass = match &error {
            PoolError::Backend(error) => error
                .code()
                // The second is what a pooler says whose server doesn't answer yet, among other
                // things.
                .is_none_or(|code| {
                    code.code().starts_with("57P")
                        || code.code().starts_with("08")
                        || *code == SqlState::TOO_MANY_CONNECTIONS
                }),
            PoolError::Timeout(_) | PoolError::PostCreateHook(_) => true,
            _ => false,
        };
        if !may_pass || started.elapsed() >= patience {
            return Err(error);
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// Why there is no connection, and what to do.
fn advise(error: &PoolError) -> String {
    let why = explain_pool(error);
    if why == STANDBY {
        return format!("{why}; name all servers in [store] url: postgres://user@one,two/database");
    }
    if why == connect::READ_ONLY {
        return format!(
            "{why}; some hosts set that when the disk is full; otherwise: ALTER ROLE ... SET \
             default_transaction_read_only = off, for the user of [store] url"
        );
    }
    if why == connect::NOT_ON_DISK {
        return format!("{why}; ALTER ROLE ... SET synchronous_commit = on, for the user of [store] url");
    }
    if why.ends_with(READ_ONLY) {
        return format!(
            "{why}; none of the servers in [store] url can be written to, so promote one of them"
        );
    }
    let code = match error {
        PoolError::Backend(error) => error.code().map_or("", |code| code.code()),
        _ => "",
    };
    let advice = match code {
        "28P01" | "28000" => {
            "check user and password: [store] password = { env = \"NAME\" }; within [store] url, the password's \
             @ : / ? # and % are written %40 %3A %2F %3F %23 and %25"
        }
        "3D000" => "make the database: createdb, with this user as its owner",
        "53300" => "lower [store] connections, or raise max_connections of the server",
        "" => "check host, port and sslmode in [store] url, and whether the server runs",
        _ => return why,
    };
    format!("{why}; {advice}")
}

/// Why the tables can't be used, and what to do.
fn advise_on_tables(error: &SchemaError) -> String {
    let advice = match error {
        SchemaError::Forbidden { user, schema } => format!(
            "make {user} the owner of the database, or: GRANT CREATE, USAGE ON SCHEMA {schema} TO {user}"
        ),
        SchemaError::Database(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "make the user of [store] url the owner of the database and of the tables".to_owned()
        }
        SchemaError::Nowhere { .. } => {
            "make the schema, or: ALTER ROLE ... SET search_path = public, for the user of [store] url"
                .to_owned()
        }
        SchemaError::Elsewhere { schema, .. } => format!(
            "ALTER ROLE ... SET search_path = {schema}, for the user of [store] url; another store in the same \
             database needs a user of its own"
        ),
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}
