//! Deliveries, claims and their commits, on their way to the writing thread.

use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

use super::SqliteStore;
use super::requeue::{extent, requeue_some};
use super::run::Statement;
use super::statements as sql;
use super::transitions::{Written, accept, claim, encoded, let_go, renew, settle, write_ledger};
use super::writer::ANSWER;
use crate::clock::after;
use crate::store::repeat::Kept;
use crate::store::values::{json, millis};
use crate::store::{
    Accepted, Claim, ClaimLimit, Delivery, Heartbeat, Held, Meaning, Pulse, Queue, Save, Selection,
    Settlement, StoreError, Why,
};
use crate::ticket::HelpdeskName;

#[async_trait::async_trait]
impl Queue for SqliteStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let snapshot = match &delivery.meaning {
            Meaning::Look { snapshot: Some(snapshot), .. } => Some(encoded(snapshot)?),
            _ => None,
        };
        let (kept, now) = (Kept::of(&delivery), self.clock.now());
        // It may be committed after that: then its repeat is known, or its ticket is looked at once
        // too often.
        within(
            ANSWER,
            self.writer.run("accept", move |connection| {
                accept(connection, &delivery, &kept, snapshot.as_ref(), now).map(Ok)
            }),
        )
        .await
    }

    async fn claim(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let now = self.clock.now();
        let (lease_until, running) = (after(now, lease), json(&running)?);
        self.writer
            .run("claim", move |connection| {
                claim(connection, now, lease_until, limit, &running, None).map(Ok)
            })
            .await
    }

    async fn claim_of(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let now = self.clock.now();
        let (lease_until, running, helpdesks) = (after(now, lease), json(&running)?, json(&helpdesks)?);
        self.writer
            .run("claim", move |connection| {
                claim(connection, now, lease_until, limit, &running, Some(&helpdesks)).map(Ok)
            })
            .await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        let (label, now) = (save.label.clone(), self.clock.now());
        self.writer
            .run(label, move |connection| Ok(write_ledger(connection, &save, now)?.map(|_: Written| ())))
            .await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let (label, now) = (settlement.save.label.clone(), self.clock.now());
        self.writer
            .run(label, move |connection| match write_ledger(connection, &settlement.save, now)? {
                Ok(Written::Now) => settle(connection, &settlement, now).map(Ok),
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
        let until = after(self.clock.now(), beat.lease);
        let renew = move |connection: &Connection| renew(connection, &beat.held, until).map(Ok);
        let held = self.writer.run("heartbeat", renew).await?;
        Ok(Pulse { held, workers: 1, now: None, quiet: Duration::ZERO })
    }

    async fn leave(&self, _replica: Uuid, held: &[Held]) -> Result<(), StoreError> {
        let (held, now) = (held.to_vec(), self.clock.now());
        self.writer.run("leave", move |connection| let_go(connection, &held, now).map(Ok)).await
    }

    async fn requeue(&self, selection: &Selection, why: &Why) -> Result<u64, StoreError> {
        let now = self.clock.now();
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

    async fn probe(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let probe = self.writer.run("probe", move |connection| {
            sql::Probe { now: &millis(now) }.execute(connection)?;
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
