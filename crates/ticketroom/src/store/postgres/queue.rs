//! Deliveries, claims and their commits.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Trouble;
use super::hints::Hints;
use super::parameter::{Parameter, Parameters};
use super::rows::{claim, get, number};
use super::{PostgresStore, only, schema, statements, whole_millis};
use crate::room::RoomId;
use crate::source::Consequence;
use crate::store::repeat::{AFTER_UNREAD, FORGET_EVERY, Kept, NOT_UNDERSTOOD, UNREAD};
use crate::store::requeue::BATCH;
use crate::store::values::{json, key, millis, text_of, timestamp};
use crate::store::{
    Accepted, Claim, Delivery, Event, Heartbeat, Held, Meaning, Pulse, Queue, Save, Selection, Settlement,
    StoreError, UNREADABLE_FOR, Why, unreadable,
};
use crate::ticket::HelpdeskName;

/// The constraints by which the database knows what is there already.
const REPEATED: &str = "delivery_repeat";
const ROOM_TAKEN: &str = "ticket_room";

#[async_trait::async_trait]
impl Queue for PostgresStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let (source, at) = (delivery.source.as_str(), millis(delivery.at));
        let Kept { key, id, body, problem } = Kept::of(&delivery);
        let (event, headers) = (text_of(&delivery.event), text_of(&delivery.headers));
        let (query, body) = (delivery.query.as_deref().map(text_of), body.as_ref());
        let (ticket, snapshot) = match &delivery.meaning {
            Meaning::Look { ticket, snapshot } => (ticket, snapshot.as_deref()),
            Meaning::Echo { ticket } => (ticket, None),
            Meaning::InRoom { room, consequence } => {
                let is_echo = *consequence == Consequence::Echo;
                let parameters: Parameters<'_> =
                    &[&source, &room.0, &at, &key, &event, &headers, &query, &body, &is_echo, &id];
                let written = self.write_one("accept", statements::ACCEPT_IN_ROOM, parameters).await;
                return self.accepted(written);
            }
            Meaning::AboutSomethingElse => {
                let parameters: Parameters<'_> = &[&source, &at, &key, &event, &headers, &query, &body, &id];
                let written = self.write("accept", statements::KEEP, parameters).await?;
                return Ok(if written.is_empty() { Accepted::Repeat } else { Accepted::New });
            }
            Meaning::NotUnderstood { .. } => {
                let beside = NOT_UNDERSTOOD - 1;
                let parameters: Parameters<'_> = &[
                    &source,
                    &at,
                    &key,
                    &event,
                    &problem,
                    &headers,
                    &query,
                    &body,
                    &beside,
                    &FORGET_EVERY,
                    &UNREAD,
                    &AFTER_UNREAD,
                ];
                let written = self.write("accept", statements::KEEP_NOT_UNDERSTOOD, parameters).await?;
                return Ok(if written.is_empty() { Accepted::Repeat } else { Accepted::New });
            }
        };
        let told = snapshot.map(json).transpose()?;
        let version = snapshot.and_then(|ticket| ticket.version.as_deref()).map(text_of);
        let subject = snapshot.map(|ticket| text_of(&ticket.subject));
        let is_echo = matches!(delivery.meaning, Meaning::Echo { .. });
        let parameters: Parameters<'_> = &[
            &source,
            &ticket.id.as_str(),
            &at,
            &key,
            &event,
            &headers,
            &query,
            &body,
            &told,
            &version,
            &subject,
            &is_echo,
            &id,
        ];
        self.accepted(self.write_one("accept", statements::ACCEPT, parameters).await)
    }

    async fn claim(&self, lease: Duration, most: usize, running: &[i64]) -> Result<Vec<Claim>, StoreError> {
        let (lease, most) = (whole_millis(lease), i64::try_from(most).unwrap_or(i64::MAX));
        let rows = self.write("claim", statements::CLAIM, &[&lease, &most, &running]).await?;
        self.claims(&rows).await
    }

    async fn claim_of(
        &self,
        lease: Duration,
        most: usize,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let (lease, most) = (whole_millis(lease), i64::try_from(most).unwrap_or(i64::MAX));
        let helpdesks: Vec<&str> = helpdesks.iter().map(HelpdeskName::as_str).collect();
        let parameters: Parameters<'_> = &[&lease, &most, &running, &helpdesks];
        let rows = self.write("claim", statements::CLAIM_OF, parameters).await?;
        self.claims(&rows).await
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.commit(&save, None).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.commit(&settlement.save, Some(&settlement)).await
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError> {
        let ((numbers, fences), lease) = (columns(&beat.held), whole_millis(beat.lease));
        let (replica, quiet) = (beat.replica.to_string(), whole_millis(beat.quiet));
        let known = schema::number(schema::MIGRATIONS.len());
        let parameters: Parameters<'_> = &[&numbers, &fences, &lease, &replica, &beat.works, &known, &quiet];
        let row = only(self.database.beat(statements::HEARTBEAT, parameters).await?)?;
        self.database.may_work(get(&row, 3)?)?;
        let others: i64 = get(&row, 1)?;
        let workers = (number(others) + u32::from(beat.works)).max(1);
        let renewed: Vec<i64> = get(&row, 2)?;
        let held = beat.held.into_iter().filter(|held| renewed.contains(&held.number)).collect();
        let quiet = u64::try_from(get::<i64>(&row, 4)?).map_or(Duration::ZERO, Duration::from_millis);
        Ok(Pulse { held, workers, now: Some(timestamp(get(&row, 0)?)), quiet })
    }

    async fn leave(&self, replica: Uuid, held: &[Held]) -> Result<(), StoreError> {
        let ((numbers, fences), replica) = (columns(held), replica.to_string());
        // Whoever has the tables now, their claims need not wait for the end of the lease.
        self.database.run(Some("leave"), statements::LEAVE, &[&numbers, &fences, &replica]).await?;
        self.outbox.notify_one();
        Ok(())
    }

    async fn requeue(&self, selection: &Selection, why: &Why) -> Result<u64, StoreError> {
        let (wishes, is_look) = (i64::from(why.wishes()), why.is_look());
        let (kind, text, most) = (why.kind(), why.to_string(), i64::from(BATCH));
        let last = match selection {
            Selection::One(_) => Vec::new(),
            Selection::Blocked => self.read(statements::LAST_BLOCKED, &[]).await?,
            Selection::All => self.read(statements::LAST, &[]).await?,
        };
        let (last_at, last): (i64, i64) = match last.first() {
            Some(row) => (get(row, 0)?, get(row, 1)?),
            None => (i64::MIN, i64::MIN),
        };
        let (mut after_at, mut after, mut count) = (i64::MIN, i64::MIN, 0);
        loop {
            let rows = match selection {
                Selection::One(key) => {
                    let (helpdesk, id) = (key.helpdesk.as_str(), key.id.as_str());
                    let parameters: Parameters<'_> = &[&wishes, &is_look, &kind, &text, &helpdesk, &id];
                    self.write("requeue", statements::REQUEUE_ONE, parameters).await?
                }
                Selection::Blocked => {
                    let parameters: Parameters<'_> =
                        &[&wishes, &is_look, &kind, &text, &after_at, &after, &last_at, &last, &most];
                    self.write("requeue", statements::REQUEUE_BLOCKED, parameters).await?
                }
                Selection::All => {
                    let parameters: Parameters<'_> = &[&wishes, &is_look, &kind, &text, &after, &last, &most];
                    self.write("requeue", statements::REQUEUE_ALL, parameters).await?
                }
            };
            self.outbox.notify_one();
            let Some(row) = rows.first() else { return Ok(count) };
            count += u64::try_from(get::<i64>(row, 0)?).unwrap_or(0);
            if matches!(selection, Selection::One(_)) {
                return Ok(count);
            }
            (after_at, after) = (get(row, 1)?, get(row, 2)?);
        }
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write("probe", statements::PROBE, &[]).await?;
        Ok(())
    }

    fn listen(&self, due: Arc<Notify>) {
        // Behind a pooler, a session listens for whoever gets it next. Workers look by themselves.
        if self.database.is_pooled() {
            return;
        }
        let hints = Hints::start(self.database.connector(), Arc::clone(&self.outbox), due);
        *self.hints.lock().unwrap_or_else(PoisonError::into_inner) = Some(hints);
    }
}

impl PostgresStore {
    /// What a claim has brought. Tickets that can't be read are set aside.
    async fn claims(&self, rows: &[Row]) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::with_capacity(rows.len());
        for row in rows {
            match claim(row) {
                Ok(claim) => claims.push(claim),
                Err(error) => {
                    let (number, fence): (i64, i64) = (get(row, 0)?, get(row, 1)?);
                    tracing::error!(number, %error, "a ticket can't be read from the store");
                    let (reason, wait) = (unreadable(&error), whole_millis(UNREADABLE_FOR));
                    let parameters: Parameters<'_> = &[&number, &fence, &text_of(&reason), &wait];
                    // Those that can be read have to be worked on, whatever becomes of this one.
                    if let Err(trouble) = self.write("claim", statements::SET_ASIDE, parameters).await {
                        let error = StoreError::from(trouble);
                        tracing::error!(number, %error, "the ticket is skipped until its lease ends");
                    }
                }
            }
        }
        Ok(claims)
    }

    /// Commits what a claim writes. `settlement` is what is written at its end only.
    async fn commit(&self, save: &Save, settlement: Option<&Settlement>) -> Result<(), StoreError> {
        let ledger = json(&save.ledger)?;
        let seen = save.seen.as_ref().map(json).transpose()?;
        let subject = save.seen.as_ref().map(|seen| text_of(&seen.subject));
        let called = save.seen.as_ref().and_then(|seen| seen.key.as_deref()).map(text_of);
        let room = save.ledger.room.made();
        let (room_id, room_title) = (room.map(|room| room.id.0), room.map(|room| text_of(&room.title)));
        let url = save.ledger.link.url().map(text_of);
        let written_back = save.ledger.write_back.url.is_some()
            && save.ledger.write_back.url.as_deref() == save.ledger.link.url();
        let events = Events::of(&save.events);
        let (lease, now) = (whole_millis(save.lease), millis(save.now));
        let common: [&dyn Parameter; 16] = [
            &save.held.number,
            &save.held.fence,
            &save.nth,
            &ledger,
            &lease,
            &now,
            &seen,
            &subject,
            &called,
            &room_id,
            &room_title,
            &url,
            &written_back,
            &events.at,
            &events.kinds,
            &events.texts,
        ];
        let result = match settlement {
            None => self.write_one(&save.label, statements::SAVE, &common).await,
            Some(settlement) => {
                let reason = settlement.reason.as_deref().map(text_of);
                let due = settlement.due.map(millis);
                let (attempts, asked) = (i64::from(settlement.attempts), i64::from(settlement.asked));
                let state = settlement.state.as_str();
                let end: [&dyn Parameter; 6] = [&state, &reason, &attempts, &settlement.hints, &asked, &due];
                let all: Vec<_> = common.into_iter().chain(end).collect();
                self.write_one(&save.label, statements::SETTLE, &all).await
            }
        };
        match result {
            Ok(row) if get::<bool>(&row, 0)? => Ok(()),
            Ok(_) => {
                let parameters: Parameters<'_> = &[&save.held.number, &save.held.fence, &save.nth];
                let before = self.read(statements::WRITTEN_BEFORE, parameters).await?;
                if before.is_empty() { Err(StoreError::Lost) } else { Ok(()) }
            }
            Err(Trouble::Duplicate(constraint)) if constraint == ROOM_TAKEN => {
                Err(self.taken(room.map_or(RoomId(0), |room| room.id), save.held.number).await)
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// What became of a delivery that points at a ticket or a room.
    fn accepted(&self, written: Result<Row, Trouble>) -> Result<Accepted, StoreError> {
        match written {
            Ok(row) if !get::<bool>(&row, 0)? => Ok(Accepted::Repeat),
            Ok(row) if !get::<bool>(&row, 1)? => Ok(Accepted::Unowned),
            Ok(_) => {
                self.outbox.notify_one();
                Ok(Accepted::New)
            }
            // The same delivery, at the same moment, by another replica.
            Err(Trouble::Duplicate(constraint)) if constraint == REPEATED => Ok(Accepted::Repeat),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Whose a room is that can't be ours.
    async fn taken(&self, room: RoomId, number: i64) -> StoreError {
        let owner = async {
            let rows = self.read(statements::OWNER, &[&room.0, &number]).await?;
            let row = rows.first().ok_or(StoreError::Unavailable("the room is taken no more".to_owned()))?;
            key(get(row, 0)?, get(row, 1)?)
        };
        owner.await.map_or_else(|error| error, |owner| StoreError::RoomTaken { room, owner })
    }
}

/// Events, column by column.
struct Events<'a> {
    at: Vec<i64>,
    kinds: Vec<&'a str>,
    texts: Vec<std::borrow::Cow<'a, str>>,
}

impl<'a> Events<'a> {
    fn of(events: &'a [Event]) -> Self {
        Self {
            at: events.iter().map(|event| millis(event.at)).collect(),
            kinds: events.iter().map(|event| event.kind).collect(),
            texts: events.iter().map(|event| text_of(&event.text)).collect(),
        }
    }
}

fn columns(held: &[Held]) -> (Vec<i64>, Vec<i64>) {
    held.iter().map(|held| (held.number, held.fence)).unzip()
}
