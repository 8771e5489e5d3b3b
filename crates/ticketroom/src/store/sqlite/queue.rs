//! Deliveries, claims and their commits, on their way to the writing thread.

use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

use super::SqliteStore;
use super::requeue::{extent, requeue_some};
use super::statements::PROBE;
use super::transitions::{Written, accept, claim, let_go, renew, settle, write_ledger};
use super::writer::ANSWER;
use crate::clock::{Timestamp, after};
use crate::store::repeat::Kept;
use crate::store::values::{json, millis};
use crate::store::{
    Accepted, Claim, Delivery, Heartbeat, Held, Meaning, Pulse, Queue, Save, Selection, Settlement,
    StoreError, Why,
};
use crate::ticket::HelpdeskName;

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

    async fn requeue(&self, selection: &Selection, why: &Why, now: Timestamp) -> Result<u64, StoreError> {
        let selected = selection.clone();
        let whole = self.writer.run("requeue", move |connection| extent(connection, &selected).map(Ok));
        let (mut range, mut count) = (whole.await?, 0);
        loop {
            let (selected, why, place) = (selection.clone(), why.clone(), range);
            let marked = self.writer.run("requeue", move |connection| {
                requeue_some(connection, &selected, &why, now, place).map(Ok)
            });
            let Some((marked, end)) = marked.await? else { return Ok(count) };
            (count, range.after) = (count + marked, end);
        }
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
