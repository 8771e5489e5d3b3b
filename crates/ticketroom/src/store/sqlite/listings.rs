//! Tickets that are taken in without a delivery, and how far tasks are.

use rusqlite::{Connection, Row, ToSql};

use super::SqliteStore;
use super::run::Statement;
use super::statements as sql;
use super::transitions::{Snapshot, columns, encoded, note};
use crate::clock::Timestamp;
use crate::helpdesk::listing::Reference;
use crate::store::listings::{BLUR, end_of};
use crate::store::values::millis;
use crate::store::{Listings, Origin, ProgressRecord, SaveProgress, StoreError, TakeIn, TakenIn};
use crate::ticket::TicketId;

#[async_trait::async_trait]
impl Listings for SqliteStore {
    async fn take_in(&self, tickets: TakeIn) -> Result<TakenIn, StoreError> {
        let (now, ledger) = (self.clock.now(), tickets.origin.ledger()?);
        let listed = |its: &Reference| {
            let snapshot = its.snapshot.as_deref().map(encoded).transpose()?;
            Ok::<_, StoreError>((its.id.clone(), millis(its.updated), snapshot))
        };
        let references =
            tickets.references().into_iter().map(listed).collect::<Result<Vec<_>, StoreError>>()?;
        self.writer
            .run("take_in", move |connection| take_in(connection, &tickets, &references, &ledger, now))
            .await
    }

    async fn progress(&self, name: &str) -> Result<Option<ProgressRecord>, StoreError> {
        let name = name.to_owned();
        self.reader
            .ask(move |connection| sql::Progress { name: &name }.maybe(connection, record).map(Ok))
            .await
    }

    async fn progresses(&self, prefix: &str) -> Result<Vec<ProgressRecord>, StoreError> {
        let (first, end) = (prefix.to_owned(), end_of(prefix));
        self.reader
            .ask(move |connection| {
                sql::Progresses { first: &first, end: &end }.rows(connection, record).map(Ok)
            })
            .await
    }

    async fn save_progress(&self, progress: SaveProgress) -> Result<i64, StoreError> {
        self.writer
            .run("save_progress", move |connection| {
                let is_saved = save(connection, &progress)?;
                Ok(if is_saved { Ok(progress.turn + 1) } else { Err(StoreError::Lost) })
            })
            .await
    }
}

fn take_in(
    connection: &Connection,
    tickets: &TakeIn,
    references: &[(TicketId, i64, Option<Snapshot>)],
    ledger: &str,
    now: Timestamp,
) -> rusqlite::Result<Result<TakenIn, StoreError>> {
    if let Some(progress) = &tickets.progress
        && !save(connection, progress)?
    {
        return Ok(Err(StoreError::Lost));
    }
    let (helpdesk, origin, at) = (&tickets.helpdesk.as_str(), tickets.origin, &millis(now));
    let mut taken = TakenIn::default();
    for (id, updated, snapshot) in references {
        let (its, changed_at) = (&id.as_str(), updated);
        let (reported, subject, version) = columns(snapshot.as_ref());
        let (reported, subject, version): (&dyn ToSql, &dyn ToSql, &dyn ToSql) =
            (&reported, &subject, &version);
        let Some(known) = (sql::Listed { helpdesk, id: its }).maybe(connection, Known::read)? else {
            let (backfill, ledger) = (&origin.is_backfill(), &ledger);
            let make = sql::TakeIn {
                helpdesk,
                id: its,
                changed_at,
                reported,
                subject,
                version,
                backfill,
                ledger,
                now: at,
            };
            let number = make.insert(connection)?;
            note(connection, number, now, origin.kind(), origin.text())?;
            taken.new.push(id.clone());
            continue;
        };
        taken.known += 1;
        if origin != Origin::Sweep || *updated <= known.known_at {
            continue;
        }
        let is_ours = updated - tickets.ahead <= known.updated_at + BLUR;
        let number = &known.number;
        sql::MarkListed { number, changed_at, reported, subject, version, is_ours: &is_ours, now: at }
            .execute(connection)?;
        let is_due = known.due_at.is_some_and(|due| due <= *at);
        if !known.claimed && known.known_at > 0 && !is_due && !is_ours {
            note(connection, known.number, now, origin.kind(), Origin::CHANGED)?;
            taken.changed.push(id.clone());
        }
    }
    Ok(Ok(taken))
}

/// What is known of a ticket that a listing names.
struct Known {
    number: i64,
    claimed: bool,
    due_at: Option<i64>,
    known_at: i64,
    updated_at: i64,
}

impl Known {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            claimed: row.get(1)?,
            due_at: row.get(2)?,
            known_at: row.get(3)?,
            updated_at: row.get(4)?,
        })
    }
}

/// Whether it is written: nobody else has done so since that turn.
fn save(
    connection: &Connection,
    SaveProgress { name, turn, value }: &SaveProgress,
) -> rusqlite::Result<bool> {
    Ok(sql::SaveProgress { name, turn, value }.execute(connection)? == 1)
}

fn record(row: &Row<'_>) -> rusqlite::Result<ProgressRecord> {
    Ok(ProgressRecord { name: row.get(0)?, turn: row.get(1)?, value: row.get(2)? })
}
