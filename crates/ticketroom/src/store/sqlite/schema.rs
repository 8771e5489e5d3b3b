//! The tables, and how an older database becomes a current one.
//!
//! Times are milliseconds since 1970 in UTC. A ticket's `due_at` is when a worker may take it next; while it is
//! claimed, that is when the lease ends.

use rusqlite::Connection;

/// Each entry brings a database of the version before it to the next; entries never change once released.
const MIGRATIONS: [&str; 4] = [
    r"
    CREATE TABLE ticket (
        number       INTEGER PRIMARY KEY,
        helpdesk     TEXT    NOT NULL,
        id           TEXT    NOT NULL,
        state        TEXT    NOT NULL,          -- waiting, ready, blocked, skipped, archived
        reason       TEXT,
        due_at       INTEGER,                   -- NULL: nothing to do
        claimed      INTEGER NOT NULL DEFAULT 0,
        fence        INTEGER NOT NULL DEFAULT 0,
        hints        INTEGER NOT NULL DEFAULT 0, -- deliveries so far
        asked        INTEGER NOT NULL DEFAULT 0, -- how often a person asked since the last run
        attempts     INTEGER NOT NULL DEFAULT 0,
        told         TEXT,                      -- JSON: the ticket as the last delivery had it
        seen         TEXT,                      -- JSON: the ticket as its helpdesk had it
        subject      TEXT    NOT NULL DEFAULT '',
        ledger       TEXT    NOT NULL DEFAULT '{}',
        room_id      INTEGER UNIQUE,            -- one room belongs to one ticket
        room_title   TEXT,
        room_url     TEXT,
        written_back INTEGER NOT NULL DEFAULT 0,
        created_at   INTEGER NOT NULL,
        updated_at   INTEGER NOT NULL,
        UNIQUE (helpdesk, id)
    ) STRICT;
    -- New tickets go before those that have been tried in vain.
    CREATE INDEX ticket_due ON ticket (attempts > 0, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX ticket_updated ON ticket (updated_at);

    CREATE TABLE delivery (
        number       INTEGER PRIMARY KEY,
        helpdesk     TEXT    NOT NULL,
        ticket       INTEGER REFERENCES ticket (number), -- NULL: not understood
        received_at  INTEGER NOT NULL,
        delivery_id  TEXT,                      -- its key, see `store/repeat.rs`
        event        TEXT    NOT NULL,
        outcome      TEXT    NOT NULL,          -- accepted, echo, not_understood, about_something_else
        problem      TEXT,
        headers      TEXT    NOT NULL,
        query        TEXT,
        body         BLOB    NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX delivery_repeat ON delivery (helpdesk, delivery_id) WHERE delivery_id IS NOT NULL;
    CREATE INDEX delivery_ticket ON delivery (ticket) WHERE ticket IS NOT NULL;

    CREATE TABLE timeline (
        number       INTEGER PRIMARY KEY,
        ticket       INTEGER NOT NULL REFERENCES ticket (number),
        at           INTEGER NOT NULL,
        kind         TEXT    NOT NULL,
        text         TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX timeline_ticket ON timeline (ticket);

    -- One row: the writes of DocSpace's current day.
    CREATE TABLE write_budget (
        one          INTEGER PRIMARY KEY CHECK (one = 1),
        day_began_at INTEGER NOT NULL,
        used         INTEGER NOT NULL,
        none_until   INTEGER NOT NULL
    ) STRICT;
    INSERT INTO write_budget VALUES (1, 0, 0, 0);

    CREATE TABLE probe (
        one          INTEGER PRIMARY KEY CHECK (one = 1),
        at           INTEGER NOT NULL,
        padding      BLOB    NOT NULL          -- as much as a delivery takes
    ) STRICT;
    ",
    r"
    -- What people call the ticket, where that is not its id: SUP-42 in Jira.
    ALTER TABLE ticket ADD COLUMN called TEXT COLLATE NOCASE;
    CREATE INDEX ticket_called ON ticket (helpdesk, called) WHERE called IS NOT NULL;
    ",
    r"
    -- The version of the snapshot in `told`.
    ALTER TABLE ticket ADD COLUMN told_version TEXT;
    UPDATE ticket SET told_version = json_extract(told, '$.version') WHERE told IS NOT NULL;
    -- Commits of the current claim: one that is tried again after a lost answer is written once.
    ALTER TABLE ticket ADD COLUMN saves INTEGER NOT NULL DEFAULT 0;

    -- Lists are long: whatever they are narrowed by comes from an index in the order in which it is shown.
    DROP INDEX ticket_updated;
    CREATE INDEX ticket_updated ON ticket (updated_at, number);
    CREATE INDEX ticket_helpdesk_updated ON ticket (helpdesk, updated_at, number);
    CREATE INDEX ticket_state_updated ON ticket (state, updated_at, number);
    -- A ticket is looked for by its id or its name alone.
    CREATE INDEX ticket_id ON ticket (id);
    DROP INDEX ticket_called;
    CREATE INDEX ticket_called ON ticket (called) WHERE called IS NOT NULL;
    CREATE INDEX ticket_claimed ON ticket (updated_at, number) WHERE claimed = 1;
    -- New tickets go before those that have been tried in vain.
    DROP INDEX ticket_due;
    CREATE INDEX ticket_new ON ticket (due_at) WHERE attempts = 0 AND due_at IS NOT NULL;
    CREATE INDEX ticket_again ON ticket (due_at) WHERE attempts > 0 AND due_at IS NOT NULL;

    -- Names that one process may have at a time.
    CREATE TABLE reservation (
        name         TEXT    PRIMARY KEY,
        replica      TEXT    NOT NULL,
        until        INTEGER NOT NULL
    ) STRICT;

    -- One row: which store this is.
    CREATE TABLE identity (
        one          INTEGER PRIMARY KEY CHECK (one = 1),
        id           TEXT    NOT NULL,
        copying      TEXT,                      -- the store that is being copied into this one
        backup_at    INTEGER                    -- when this was made as a backup; NULL once it is served from
    ) STRICT;
    INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), NULL, NULL);
    ",
    r"
    -- What is due of some helpdesks, while others have their share of the runs.
    CREATE INDEX ticket_new_of ON ticket (helpdesk, due_at) WHERE attempts = 0 AND due_at IS NOT NULL;
    CREATE INDEX ticket_again_of ON ticket (helpdesk, due_at) WHERE attempts > 0 AND due_at IS NOT NULL;
    ",
];

/// Sets a connection up for a file that is served from: with a write-ahead log. That stays so, and whoever opens the file
/// beside it needn't say it.
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
    // Kibibytes. The indexes of deliveries are written all over; reading their pages again and again is most of the
    // work of a busy writer.
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
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > MIGRATIONS.len() {
        return Err(MigrationError::Newer { found, known: MIGRATIONS.len() });
    }
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_the_first_version_is_brought_up_to_date() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let ticket = "INSERT INTO ticket (helpdesk, id, state, created_at, updated_at) VALUES ('z', '1', 'ready', 0, 0)";
        connection.execute(ticket, []).unwrap();
        assert!(matches!(demand_current(&connection), Err(MigrationError::Older)));
        migrate(&mut connection).unwrap();
        demand_current(&connection).unwrap();
        let called: Option<String> =
            connection.query_row("SELECT called FROM ticket", [], |row| row.get(0)).unwrap();
        assert_eq!(called, None);
        // Both ways to a ticket go by an index.
        for name in ["id", "called"] {
            let sql =
                format!("EXPLAIN QUERY PLAN SELECT number FROM ticket WHERE helpdesk = 'z' AND {name} = '1'");
            let plan: String = connection.query_row(&sql, [], |row| row.get(3)).unwrap();
            assert!(plan.starts_with("SEARCH ticket USING"), "{name}: {plan}");
        }
    }
}
