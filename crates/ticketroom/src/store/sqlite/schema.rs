//! The tables (`schema.sql`), and how an older database becomes a current one.

use rusqlite::Connection;

/// Each entry brings a database of the version before it to the next, the first one an empty file
/// to the first version; entries never change once released.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// Sets a connection up for a file that is served from: with a write-ahead log. That stays so, and
/// whoever opens the file beside it needn't say it.
pub(in crate::store) fn configure_with_log(connection: &Connection) -> rusqlite::Result<()> {
    configure(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")
}

/// The same without one: what is committed is in the file itself.
pub(super) fn configure_without_log(connection: &Connection) -> rusqlite::Result<()> {
    configure(connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode != "delete" {
        // Whoever has the file open with a log keeps it.
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, None));
    }
    Ok(())
}

/// Sets a connection up: nothing is acknowledged that an fsync has not confirmed.
pub(in crate::store) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A checkpoint writes pages back to the file; seldom, so that commits only append.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // Kibibytes. The indexes of deliveries are written all over; reading their pages again and
    // again is most of the work of a busy writer.
    connection.pragma_update(None, "cache_size", -8000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Why a database can't be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum MigrationError {
    /// It is from a later version of ticketroom.
    #[error(
        "the store has version {found}, and this ticketroom knows versions up to {known}: \
         use the ticketroom that last used it, or a newer one"
    )]
    Newer {
        /// The database's version.
        found: usize,
        /// Our newest.
        known: usize,
    },
    /// It is from an earlier version, whose `serve` may still work on it.
    #[error("the store is from an earlier version: start this version's “ticketroom serve” once")]
    Older,
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Makes sure that the tables are those that this version knows.
pub(in crate::store) fn demand_current(connection: &Connection) -> Result<(), MigrationError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(found).unwrap_or(usize::MAX) {
        found if found > MIGRATIONS.len() => Err(MigrationError::Newer { found, known: MIGRATIONS.len() }),
        found if found < MIGRATIONS.len() => Err(MigrationError::Older),
        _ => Ok(()),
    }
}

/// Brings the tables up to date, in one transaction.
pub(in crate::store) fn migrate(connection: &mut Connection) -> Result<(), MigrationError> {
    migrate_by(connection, &MIGRATIONS)
}

fn migrate_by(connection: &mut Connection, migrations: &[&str]) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > migrations.len() {
        return Err(MigrationError::Newer { found, known: migrations.len() });
    }
    for migration in migrations.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_this_version_is_brought_to_the_next_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        demand_current(&connection).unwrap();
        let ticket = "INSERT INTO ticket (helpdesk, id, state, created_at, updated_at) VALUES ('z', '1', 'ready', 0, 0)";
        connection.execute(ticket, []).unwrap();
        let mut more = MIGRATIONS.to_vec();
        more.push("ALTER TABLE ticket ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'");
        // The second time there is nothing to do.
        for _ in 0..2 {
            migrate_by(&mut connection, &more).unwrap();
            let mood: String = connection.query_row("SELECT mood FROM ticket", [], |row| row.get(0)).unwrap();
            assert_eq!(mood, "calm");
        }
        let (known, found) = (MIGRATIONS.len(), more.len());
        for refused in [migrate(&mut connection), demand_current(&connection)] {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, MigrationError::Newer { found: its, known: ours } if (its, ours) == (found, known)),
                "{error}"
            );
        }
    }
}
