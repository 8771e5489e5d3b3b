//! Deliveries, claims and their commits, on their way to the writing thread.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::SqliteStore;
use super::statements::{NOTE_RETRY, PROBE, RETRY, RETRY_BLOCKED};
use super::transitions::{
    Written, accept, claim, let_go, look_again_at_all, note, renew, settle, write_ledger,
};
use super::writer::ANSWER;
use crate::clock::{Timestamp, after};
use crate::store::repeat::Kept;
use crate::store::values::{json, millis};
use crate::store::{
    Accepted, Claim, Delivery, Heartbeat, Held, Meaning, Pulse, Queue, Save, Settlement, StoreError,
};
use crate::ticket::{HelpdeskName, TicketKey};

#[async_trait::async_trait]
impl Queue for SqliteStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let snapshot = match &delivery.meaning {
            Meaning::Look { snapshot: Some(snapshot), .. } => {
                Some((json(snapshot)?, snapshot.subject.clone(), snapshot.version.clone()))
            }
            _ => None,
        };
        let kept = Kept::of(&delivery);
        // It may be committed after that: then its repeat is known, or its ticket is looked at once too often.
        within(
            ANSWER,
            self.writer.run("accept", move |connection| {
                accept(connection, &delivery, &kept, snapshot.as_ref()).map(Ok)
            }),
        )
        .await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (lease_until, running) = (after(now, lease), json(&running)?);
        self.writer
            .run("claim", move |connection| claim(connection, now, lease_until, most, &running, None).map(Ok))
            .await
    }

    async fn claim_of(
        &self,
        now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (lease_until, running, helpdesks) = (after(now, lease), json(&running)?, json(&helpdesks)?);
        self.writer
            .run("claim", move |connection| {
                claim(connection, now, lease_until, most, &running, Some(&helpdesks)).map(Ok)
            })
            .await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        let label = save.label.clone();
        self.writer
            .run(label, move |connection| Ok(write_ledger(connection, &save)?.map(|_: Written| ())))
            .await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let label = settlement.save.label.clone();
        self.writer
            .run(label, move |connection| match write_ledger(connection, &settlement.save)? {
                Ok(Written::Now) => settle(connection, &settlement).map(Ok),
                Ok(Written::Before) => Ok(Ok(())),
                Err(error) => Ok(Err(error)),
            })
            .await
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError> {
        self.place.check()?;
        // Nobody else works on this file, and no clock but ours counts.
        if beat.held.is_empty() {
            return Ok(Pulse { held: Vec::new(), workers: 1, now: None, quiet: Duration::ZERO });
        }
        let until = after(beat.now, beat.lease);
        let renew = move |connection: &Connection| renew(connection, &beat.held, until).map(Ok);
        let held = self.writer.run("heartbeat", renew).await?;
        Ok(Pulse { held, workers: 1, now: None, quiet: Duration::ZERO })
    }

    async fn leave(&self, _replica: Uuid, held: &[Held], now: Timestamp) -> Result<(), StoreError> {
        let held = held.to_vec();
        self.writer.run("leave", move |connection| let_go(connection, &held, now).map(Ok)).await
    }

    async fn retry(&self, key: &TicketKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer
            .run("retry", move |connection| {
                let number: Option<i64> = connection
                    .prepare_cached(RETRY)?
                    .query_row(params![key.helpdesk.as_str(), key.id.as_str(), millis(now)], |row| row.get(0))
                    .optional()?;
                if let Some(number) = number {
                    note(connection, number, now, "retry", "somebody asked to try again")?;
                }
                Ok(Ok(number.is_some()))
            })
            .await
    }

    async fn retry_blocked(&self, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        let why = why.to_owned();
        self.writer
            .run("retry", move |connection| {
                connection.prepare_cached(NOTE_RETRY)?.execute(params![millis(now), why])?;
                let changed = connection.prepare_cached(RETRY_BLOCKED)?.execute([millis(now)])?;
                Ok(Ok(changed as u64))
            })
            .await
    }

    async fn look_again_at_all(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.run("look_again", move |connection| look_again_at_all(connection, now).map(Ok)).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let probe = self.writer.run("probe", move |connection| {
            connection.prepare_cached(PROBE)?.execute([millis(now)])?;
            Ok(Ok(()))
        });
        within(ANSWER, probe).await
    }
}

/// An answer, if there is one in time.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable(format!("no answer within {} seconds", limit.as_secs()));
    tokio::time::timeout(limit, answer).await.map_err(late)?
}
