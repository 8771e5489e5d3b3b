//! The tables in PostgreSQL (`schema.sql`), and how an older database becomes a current one while
//! other replicas are at work.
//!
//! One process migrates at a time: the transaction holds an advisory lock. A replica of the version
//! before may be working meanwhile and for as long as it likes, so a migration only adds: columns
//! with defaults, tables, indexes. Each says since which version's replicas can work on the result;
//! an older one than that doesn't start, and one that is at work already hears of it with its next
//! heartbeat.

use deadpool_postgres::Client;
use tokio_postgres::Error;
use tokio_postgres::types::Type;

/// A step from one version of the tables to the next.
pub(in crate::store) struct Migration {
    pub(in crate::store) sql: &'static str,
    /// The oldest version of the tables whose programs can work on these.
    pub(in crate::store) serves: i32,
}

/// The first one makes the tables. Entries never change once released.
pub(in crate::store) const MIGRATIONS: [Migration; 1] =
    [Migration { serves: 1, sql: include_str!("schema.sql") }];

/// The key of the advisory lock: "ticketro", read as a number.
const LOCK: i64 = 0x7469_636b_6574_726f;

/// Why the tables can't be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum SchemaError {
    /// They are from a later version, on which this one can't work.
    #[error(
        "its tables have version {found}, and this ticketroom knows versions up to {known}: \
         use the ticketroom that last used it, or a newer one"
    )]
    Newer {
        /// The version of the tables.
        found: i32,
        /// Our newest.
        known: usize,
    },
    /// They are from a later version, on which this one can work, but not speak for all that is in
    /// them.
    #[error(
        "its tables have version {found}, and this ticketroom knows all of version {known} only: \
         use the ticketroom that last used it"
    )]
    NotWhollyKnown {
        /// The version of the tables.
        found: i32,
        /// Our newest.
        known: usize,
    },
    /// They are from an earlier version.
    #[error("its tables are from an earlier version: start this version's “ticketroom serve” once")]
    Older,
    /// There are none.
    #[error("it has no tables yet")]
    Missing,
    /// There are none, and this user can't make any.
    #[error("it has no tables yet, and the user {user} may not make any in the schema {schema}")]
    Forbidden {
        /// Who we are.
        user: String,
        /// Where they would be.
        schema: String,
    },
    /// There are none where the search path leads, which is nowhere.
    #[error("it has no tables, and its search_path ({path}) leads to no schema that there is")]
    Nowhere {
        /// The setting.
        path: String,
    },
    /// They are in a schema to which the search path doesn't lead.
    #[error("its tables are in the schema {schema}, where its search_path ({path}) doesn't lead")]
    Elsewhere {
        /// Where they are.
        schema: String,
        /// The setting.
        path: String,
    },
    /// The database says no.
    #[error("{}", super::connect::explain(.0))]
    Database(#[from] Error),
}

/// The version of the tables, and the oldest version whose programs can work on them; none if there
/// are no tables.
async fn version(client: &Client) -> Result<Option<(i32, i32)>, Error> {
    let sql = "SELECT to_regclass('ticketroom_schema') IS NOT NULL";
    if !client.query_typed_one(sql, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client.query_typed_one("SELECT version, serves FROM ticketroom_schema", &[]).await?;
    Ok(Some((row.get(0), row.get(1))))
}

pub(super) fn number(version: usize) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// What is to be done with tables of a version.
fn judge(found: Option<(i32, i32)>, migrations: &[Migration]) -> Result<usize, SchemaError> {
    let Some((found, serves)) = found else { return Ok(0) };
    let known = migrations.len();
    // Tables of a later version that only has more than ours are as good as our own.
    if serves > number(known) {
        return Err(SchemaError::Newer { found, known });
    }
    Ok(usize::try_from(found).unwrap_or(0).min(known))
}

/// Makes sure that the tables are those that this version knows.
pub(super) async fn demand_current(client: &Client) -> Result<(), SchemaError> {
    let found = version(client).await?;
    if found.is_none() {
        demand_place(client).await?;
        return Err(SchemaError::Missing);
    }
    if judge(found, &MIGRATIONS)? < MIGRATIONS.len() { Err(SchemaError::Older) } else { Ok(()) }
}

/// Makes sure that tables can be made, and that those that this user has made before are not just
/// out of sight: a server, a database or a role may have got another search path since.
async fn demand_place(client: &Client) -> Result<(), SchemaError> {
    let sql = "SELECT current_setting('search_path'), current_schema()::text, current_user::text,
            has_schema_privilege(current_schema(), 'CREATE'),
            (SELECT quote_ident(nspname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE relname = 'ticketroom_schema' AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
               -- Another replica may have made them where the path leads since they were looked for.
               AND NOT pg_table_is_visible(pg_class.oid)
             LIMIT 1)";
    let row = client.query_typed_one(sql, &[]).await?;
    let path = || row.get::<_, String>(0);
    if let Some(schema) = row.get(4) {
        return Err(SchemaError::Elsewhere { schema, path: path() });
    }
    let Some(schema) = row.get::<_, Option<String>>(1) else {
        return Err(SchemaError::Nowhere { path: path() });
    };
    if row.get::<_, Option<bool>>(3) == Some(true) {
        return Ok(());
    }
    Err(SchemaError::Forbidden { user: row.get(2), schema })
}

/// Makes sure that there is nothing in the tables that this version doesn't know.
pub(in crate::store) async fn demand_exact(client: &Client) -> Result<(), SchemaError> {
    demand_current(client).await?;
    match version(client).await? {
        Some((found, _)) if found != number(MIGRATIONS.len()) => {
            Err(SchemaError::NotWhollyKnown { found, known: MIGRATIONS.len() })
        }
        _ => Ok(()),
    }
}

/// Brings the tables up to date, in one transaction that one process at a time can have.
pub(in crate::store) async fn migrate(
    client: &mut Client,
    migrations: &[Migration],
) -> Result<(), SchemaError> {
    // Nothing is locked where nothing is to be done, which is so at nearly every start.
    let found = version(client).await?;
    if judge(found, migrations)? == migrations.len() {
        return Ok(());
    }
    if found.is_none() {
        demand_place(client).await?;
    }
    let transaction = client.build_transaction().start().await?;
    // In this transaction only, since a pooler may lend the session to others afterwards; that also
    // goes for statements, of which none is prepared.
    transaction.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'").await?;
    transaction.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS ticketroom_schema (
                one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL, serves integer NOT NULL)",
        )
        .await?;
    let row = transaction.query_typed_opt("SELECT version, serves FROM ticketroom_schema", &[]).await?;
    let from = judge(row.map(|row| (row.get(0), row.get(1))), migrations)?;
    for migration in migrations.iter().skip(from) {
        transaction.batch_execute(migration.sql).await?;
    }
    if let Some(last) = migrations.last().filter(|_| from < migrations.len()) {
        let sql = "INSERT INTO ticketroom_schema VALUES (1, $1, $2)
            ON CONFLICT (one) DO UPDATE SET version = $1, serves = $2";
        let (version, serves) = (number(migrations.len()), last.serves);
        transaction.execute_typed(sql, &[(&version, Type::INT4), (&serves, Type::INT4)]).await?;
    }
    transaction.commit().await?;
    Ok(())
}
