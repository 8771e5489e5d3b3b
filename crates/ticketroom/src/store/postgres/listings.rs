//! Tickets that are taken in without a delivery, and how far tasks are.

use tokio_postgres::Row;

use super::rows::get;
use super::{PostgresStore, statements as sql};
use crate::store::listings::{BLUR, end_of};
use crate::store::values::{json, millis, text_of};
use crate::store::{Listings, Origin, ProgressRecord, SaveProgress, StoreError, TakeIn, TakenIn};
use crate::ticket::TicketId;

#[async_trait::async_trait]
impl Listings for PostgresStore {
    async fn take_in(&self, tickets: TakeIn) -> Result<TakenIn, StoreError> {
        let references = tickets.references();
        let ids: Vec<_> = references.iter().map(|its| its.id.as_str()).collect();
        let changes: Vec<_> = references.iter().map(|its| millis(its.updated)).collect();
        let snapshots: Vec<_> = references.iter().map(|its| its.snapshot.as_deref()).collect();
        let subjects: Vec<_> =
            snapshots.iter().map(|its| its.map(|ticket| text_of(&ticket.subject))).collect();
        let versions: Vec<_> = snapshots
            .iter()
            .map(|its| its.and_then(|ticket| ticket.version.as_deref()).map(text_of))
            .collect();
        let snapshots =
            snapshots.into_iter().map(|its| its.map(json).transpose()).collect::<Result<Vec<_>, _>>()?;
        let (origin, progress) = (tickets.origin, tickets.progress.as_ref());
        let take_in = sql::TakeIn {
            helpdesk: &tickets.helpdesk.as_str(),
            ids: &ids,
            changes: &changes,
            snapshots: &snapshots,
            subjects: &subjects,
            versions: &versions,
            is_sweep: &(origin == Origin::Sweep),
            ahead: &tickets.ahead,
            blur: &BLUR,
            backfill: &origin.is_backfill(),
            ledger: &origin.ledger()?,
            kind: &origin.kind(),
            new_text: &origin.text(),
            changed_text: &Origin::CHANGED,
            name: &progress.map(|progress| &progress.name),
            turn: &progress.map_or(0, |progress| progress.turn),
            value: &progress.map(|progress| text_of(&progress.value)),
        };
        let row = self.write_one("take_in", &take_in).await?;
        if !get::<bool>(&row, 0)? {
            return Err(StoreError::Lost);
        }
        let ids = |column| -> Result<Vec<TicketId>, StoreError> {
            let unreadable = |error: crate::ticket::InvalidId| StoreError::Unreadable(error.to_string());
            let texts: Vec<&str> = get(&row, column)?;
            texts.into_iter().map(|id| id.parse().map_err(unreadable)).collect()
        };
        let (new, changed, known) = (ids(1)?, ids(2)?, get::<i64>(&row, 3)?);
        if !new.is_empty() || !changed.is_empty() {
            self.outbox.notify_one();
        }
        Ok(TakenIn { new, changed, known: u64::try_from(known).unwrap_or(0) })
    }

    async fn progress(&self, name: &str) -> Result<Option<ProgressRecord>, StoreError> {
        self.read(&sql::Progress { name: &name }).await?.first().map(record).transpose()
    }

    async fn progresses(&self, prefix: &str) -> Result<Vec<ProgressRecord>, StoreError> {
        let rows = self.read(&sql::Progresses { first: &prefix, end: &end_of(prefix) }).await?;
        rows.iter().map(record).collect()
    }

    async fn save_progress(&self, progress: SaveProgress) -> Result<i64, StoreError> {
        let SaveProgress { name, turn, value } = &progress;
        let save = sql::SaveProgress { name, turn, value: &text_of(value) };
        let written = self.write("save_progress", &save).await?;
        if written.is_empty() { Err(StoreError::Lost) } else { Ok(turn + 1) }
    }
}

fn record(row: &Row) -> Result<ProgressRecord, StoreError> {
    Ok(ProgressRecord { name: get(row, 0)?, turn: get(row, 1)?, value: get(row, 2)? })
}
