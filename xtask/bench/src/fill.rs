//! Fills stores with tickets, as after a long time: most of them are ready, a hundredth is due, and
//! fifty are blocked, whatever the size. Each has two deliveries and three entries in its timeline.
//!
//! The rows are inserted in bulk, not through the store's transitions, which are not measured here.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

use postgres_server::Database;
use rusqlite::Connection;
use ticketroom::ledger::{Entry, Ledger, LinkEntry, RoomEntry, WriteBackEntry};
use ticketroom::room::{Room, RoomId};
use ticketroom::ticket::{Ticket, TicketKey};

use crate::Result;

/// The helpdesk of all tickets.
const HELPDESK: &str = "zendesk";
/// The first ticket's last change, in milliseconds.
const FIRST_CHANGE: i64 = 1_700_000_000_000;
/// The size of Zendesk's delivery for a new ticket.
pub(crate) const BODY: usize = 700;
/// The size of the headers that are kept.
pub(crate) const HEADERS: usize = 350;
/// A placeholder for the ticket's number.
const NUMBER: i64 = 987_654_321_987;
/// How many are blocked.
pub(crate) const BLOCKED: u32 = 50;
/// One of so many is due.
const DUE: u32 = 100;

/// Creating an index at the end is much faster than updating it with each of a million rows.
const WITHOUT_INDEXES: &str = "
    CREATE TEMPORARY TABLE put_off AS SELECT indexname, indexdef FROM pg_indexes
        WHERE tablename IN ('ticket', 'delivery', 'timeline')
        AND indexname NOT IN (SELECT conname FROM pg_constraint);
    DO $$ DECLARE its record; BEGIN
        FOR its IN SELECT * FROM put_off LOOP EXECUTE format('DROP INDEX %I', its.indexname); END LOOP;
    END $$;";
const WITH_INDEXES: &str = "
    DO $$ DECLARE its record; BEGIN
        FOR its IN SELECT * FROM put_off LOOP EXECUTE its.indexdef; END LOOP;
    END $$;";
const PATIENCE: Duration = Duration::from_secs(5);

/// The states of the tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    /// New and due, all of them.
    Due,
    /// As in a store after a long time.
    Settled,
}

/// The key of a ticket.
pub(crate) fn key(number: u32) -> Result<TicketKey> {
    Ok(TicketKey { helpdesk: HELPDESK.parse()?, id: u64::from(number).into() })
}

/// A ticket as its helpdesk shows it.
pub(crate) fn ticket() -> Ticket {
    Ticket {
        subject: format!("Login fails with error {NUMBER}"),
        tags: vec!["login".to_owned(), "outage".to_owned()],
        ..Ticket::default()
    }
}

/// The ledger of a ticket that has everything, in this room.
pub(crate) fn finished(room: i64) -> Ledger {
    let url = format!("https://docspace.example/rooms/shared/{room}/filter?folder={room}");
    let room = Room { id: RoomId(room), title: format!("Ticket #{room} – Login fails with error 500") };
    Ledger {
        template: Some("default".to_owned()),
        room: RoomEntry::Made { room, tagged: true, adopted: false },
        folders: Entry::Done,
        link: LinkEntry::Done { url: url.clone(), internal: false },
        write_back: WriteBackEntry { url: Some(url), noted: true, state: Entry::Done, ..Default::default() },
        ..Ledger::default()
    }
}

/// The differences between the two databases.
struct Dialect {
    /// A table with the numbers of all tickets, as `n`.
    series: String,
    /// A new id.
    any_id: &'static str,
    blob: &'static str,
    no_and_yes: [&'static str; 2],
}

/// Fills a database that a store has made.
pub(crate) fn postgres(database: &Database, numbers: &RangeInclusive<u32>, filling: Filling) -> Result {
    let (first, last) = (numbers.start(), numbers.end());
    let dialect = Dialect {
        series: format!("generate_series({first}::bigint, {last}) AS series (n)"),
        any_id: "md5(random()::text)",
        blob: "bytea",
        no_and_yes: ["false", "true"],
    };
    // The rows are known to be consistent, and nothing has to survive a crash in the middle of
    // this.
    let mut sql = "ALTER SYSTEM SET max_wal_size = '32GB';
        ALTER SYSTEM SET full_page_writes = off;
        SELECT pg_reload_conf();
        SET session_replication_role = replica;
        SET maintenance_work_mem = '512MB';
        BEGIN;"
        .to_owned();
    if filling == Filling::Settled {
        sql += WITHOUT_INDEXES;
    }
    for insert in inserts(numbers, filling, &dialect)? {
        write!(sql, "{insert};")?;
    }
    if filling == Filling::Settled {
        sql += WITH_INDEXES;
    }
    sql += "SELECT setval(pg_get_serial_sequence('ticket', 'number'), (SELECT max(number) FROM ticket));
        COMMIT;
        ALTER SYSTEM RESET max_wal_size;
        ALTER SYSTEM RESET full_page_writes;
        SELECT pg_reload_conf();
        VACUUM ANALYZE;
        CHECKPOINT";
    database.run(&sql)?;
    Ok(())
}

/// Fills a file that a store has made. With [`Filling::Settled`], no store may have it open any
/// more.
pub(crate) fn sqlite(path: &Path, numbers: &RangeInclusive<u32>, filling: Filling) -> Result {
    let (first, last) = (numbers.start(), numbers.end());
    let dialect = Dialect {
        series: format!(
            "(WITH RECURSIVE series (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {last})
                SELECT n FROM series) AS series"
        ),
        any_id: "lower(hex(randomblob(16)))",
        blob: "blob",
        no_and_yes: ["0", "1"],
    };
    let connection = Connection::open(path)?;
    // As above; writes stay in memory until the end.
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA cache_size = -2000000")?;
    if filling == Filling::Settled {
        // One large write without a journal.
        alone(&connection)?;
        connection.execute_batch("PRAGMA synchronous = OFF")?;
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for insert in inserts(numbers, filling, &dialect)? {
        connection.execute_batch(&insert)?;
    }
    connection.execute_batch("COMMIT")?;
    drop(connection);
    std::fs::File::open(path)?.sync_all()?;
    Ok(())
}

/// Waits until the threads of the store that created the file have ended.
fn alone(connection: &Connection) -> Result {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "OFF") {
            Ok(()) => return Ok(()),
            Err(error) if started.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The statements for tickets, deliveries and timelines.
fn inserts(numbers: &RangeInclusive<u32>, filling: Filling, dialect: &Dialect) -> Result<Vec<String>> {
    let count = numbers.end() - numbers.start() + 1;
    let Dialect { series, any_id, blob, no_and_yes: [no, yes] } = dialect;
    // Tickets change in another order than they were created.
    let changed = format!("{FIRST_CHANGE} + n * 7919 % {count} * 1000");
    let tickets = match filling {
        Filling::Due => format!(
            "INSERT INTO ticket (number, helpdesk, id, state, due_at, hints, created_at, updated_at)
            SELECT n, '{HELPDESK}', CAST(n AS text), 'waiting', {changed}, 1, {changed}, {changed} FROM {series}"
        ),
        Filling::Settled => {
            let of_ticket =
                |text: &str| format!("replace('{}', '{NUMBER}', CAST(n AS text))", text.replace('\'', "''"));
            let ledger = finished(NUMBER);
            let title = ledger.room.made().map(|room| of_ticket(&room.title)).unwrap_or_default();
            let url = of_ticket(ledger.link.url().unwrap_or_default());
            let (seen, subject) = (of_ticket(&serde_json::to_string(&ticket())?), of_ticket(&ticket().subject));
            let (ledger, every) = (of_ticket(&serde_json::to_string(&ledger)?), (count / BLOCKED).max(1));
            format!(
                "INSERT INTO ticket (number, helpdesk, id, state, due_at, written_back, hints, fence, saves,
                    seen, subject, ledger, room_id, room_title, room_url, created_at, updated_at)
                SELECT n, '{HELPDESK}', CAST(n AS text),
                    CASE WHEN n % {DUE} = 1 THEN 'waiting' WHEN n % {every} = 0 THEN 'blocked' ELSE 'ready' END,
                    CASE WHEN n % {DUE} = 1 THEN {changed} END, CASE WHEN n % {DUE} = 1 THEN {no} ELSE {yes} END,
                    2, 2, 8, {seen}, {subject}, {ledger}, n, {title}, {url}, {changed} - 600000, {changed}
                FROM {series}"
            )
        }
    };
    let (body, headers) = ("b".repeat(BODY), "h".repeat(HEADERS));
    let deliveries = format!(
        "INSERT INTO delivery (source, ticket, received_at, delivery_id, event, outcome, headers, body)
        SELECT '{HELPDESK}', n, {changed} - 1000 * turn, {any_id}, 'zen:event-type:ticket.created', 'accepted',
            '{headers}', CAST('{body}' AS {blob})
        FROM {series} CROSS JOIN (SELECT 1 AS turn UNION ALL SELECT 0) AS turns"
    );
    let timeline = format!(
        "INSERT INTO timeline (ticket, at, kind, text)
        SELECT n, {changed} - 1000 * turn, 'room_created', 'made the room: custom, with 3 folders'
        FROM {series} CROSS JOIN (SELECT 2 AS turn UNION ALL SELECT 1 UNION ALL SELECT 0) AS turns"
    );
    Ok(match filling {
        Filling::Due => vec![tickets, deliveries],
        Filling::Settled => vec![tickets, deliveries, timeline],
    })
}
