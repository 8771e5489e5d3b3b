//! Deliveries, claims and their commits.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connect::Trouble;
use super::hints::Hints;
use super::parameter::Statement;
use super::rows::{claim, get, number};
use super::{PostgresStore, only, schema, statements as sql, whole_millis};
use crate::room::RoomId;
use crate::source::Consequence;
use crate::store::repeat::{AFTER_UNREAD, FORGET_EVERY, Kept, NOT_UNDERSTOOD, UNREAD};
use crate::store::requeue::BATCH;
use crate::store::values::{json, key, millis, text_of, timestamp};
use crate::store::{
    Accepted, Claim, ClaimLimit, Delivery, EffectEntry, Event, Heartbeat, Held, Meaning, Pulse, Queue,
    RoomRequest, Save, Selection, Settlement, StoreError, UNREADABLE_FOR, Why, unreadable,
};
use crate::ticket::{HelpdeskName, Ticket};

/// The constraints by which the database knows what is there already.
const REPEATED: &str = "delivery_repeat";
const ROOM_TAKEN: &str = "ticket_room";

#[async_trait::async_trait]
impl Queue for PostgresStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let (source, at) = (delivery.source.as_str(), millis(delivery.at));
        let Kept { key, body, problem } = Kept::of(&delivery);
        let (source, at, key, body) = (&source, &at, &key, &body.as_ref());
        let (event, headers) = (&text_of(&delivery.event), &text_of(&delivery.headers));
        let query = &delivery.query.as_deref().map(text_of);
        let (ticket, snapshot) = match &delivery.meaning {
            Meaning::Look { ticket, snapshot } => (ticket, snapshot.as_deref()),
            Meaning::Echo { ticket } => (ticket, None),
            Meaning::InRoom { room, consequence } => {
                let (room, is_echo) = (&room.0, &(*consequence == Consequence::Echo));
                let accept =
                    sql::AcceptInRoom { source, room, is_echo, at, key, event, headers, query, body };
                return self.accepted(self.write_one("accept", &accept).await);
            }
            Meaning::InFolder { event: its, consequence } => {
                let accept = sql::AcceptInFolder {
                    source,
                    is_echo: &(*consequence == Consequence::Echo),
                    at,
                    key,
                    event,
                    headers,
                    query,
                    body,
                    folder: &its.folder.0,
                    kind: &its.what.as_str(),
                    entry: &its.entry,
                    title: &text_of(&its.title),
                    done_by: &its.by.to_string(),
                    done_at: &millis(its.at),
                };
                if self.write("accept", &accept).await?.is_empty() {
                    return Ok(Accepted::Repeat);
                }
                // Somebody has to ask which room the folder is in.
                self.outbox.notify_one();
                return Ok(Accepted::New);
            }
            Meaning::AboutSomethingElse => {
                let keep = sql::Keep { source, at, key, event, headers, query, body };
                let written = self.write("accept", &keep).await?;
                return Ok(if written.is_empty() { Accepted::Repeat } else { Accepted::New });
            }
            Meaning::NotUnderstood { .. } => {
                let keep = sql::KeepNotUnderstood {
                    source,
                    at,
                    key,
                    event,
                    problem: &problem,
                    headers,
                    query,
                    body,
                    beside: &(NOT_UNDERSTOOD - 1),
                    forget_every: &FORGET_EVERY,
                    first: &UNREAD,
                    end: &AFTER_UNREAD,
                };
                let written = self.write("accept", &keep).await?;
                return Ok(if written.is_empty() { Accepted::Repeat } else { Accepted::New });
            }
        };
        let accept = sql::Accept {
            source,
            helpdesk: &ticket.helpdesk.as_str(),
            id: &ticket.id.as_str(),
            at,
            key,
            event,
            headers,
            query,
            body,
            reported: &snapshot.map(json).transpose()?,
            version: &snapshot.and_then(|ticket| ticket.version.as_deref()).map(text_of),
            subject: &snapshot.map(|ticket| text_of(&ticket.subject)),
            is_echo: &matches!(delivery.meaning, Meaning::Echo { .. }),
        };
        self.accepted(self.write_one("accept", &accept).await)
    }

    async fn claim(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let (lease, most, backfill) = (whole_millis(lease), limit.all(), limit.backfill());
        let claim = sql::Claim { lease: &lease, most: &most, backfill: &backfill, running: &running };
        let rows = self.write("claim", &claim).await?;
        self.claims(&rows).await
    }

    async fn claim_of(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let (lease, most, backfill) = (whole_millis(lease), limit.all(), limit.backfill());
        let helpdesks: Vec<&str> = helpdesks.iter().map(HelpdeskName::as_str).collect();
        let claim = sql::ClaimOf {
            lease: &lease,
            most: &most,
            backfill: &backfill,
            running: &running,
            helpdesks: &helpdesks,
        };
        let rows = self.write("claim", &claim).await?;
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
        let heartbeat = sql::Heartbeat {
            numbers: &numbers,
            fences: &fences,
            lease: &lease,
            replica: &replica,
            works: &beat.works,
            known: &schema::number(schema::MIGRATIONS.len()),
            quiet: &quiet,
        };
        let row = only(self.database.beat(heartbeat.sql(), &heartbeat.values()).await?)?;
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
        let leave = sql::Leave { numbers: &numbers, fences: &fences, replica: &replica };
        self.database.run(Some("leave"), leave.sql(), &leave.values()).await?;
        self.outbox.notify_one();
        Ok(())
    }

    async fn requeue(&self, selection: &Selection, why: &Why) -> Result<u64, StoreError> {
        let (asks, is_look, request) =
            (&i64::from(why.asks()), &why.is_look(), &why.request().map(RoomRequest::as_str));
        let (kind, text, most) = (&why.kind(), &why.to_string(), &i64::from(BATCH));
        let last = match selection {
            Selection::One(_) => Vec::new(),
            Selection::Blocked => self.read(&sql::LastBlocked).await?,
            Selection::All => self.read(&sql::Last).await?,
        };
        let (last_at, last): (i64, i64) = match last.first() {
            Some(row) => (get(row, 0)?, get(row, 1)?),
            None => (i64::MIN, i64::MIN),
        };
        let (mut after_at, mut after, mut count) = (i64::MIN, i64::MIN, 0);
        loop {
            let (last_at, last, behind_at, behind) = (&last_at, &last, &after_at, &after);
            let rows = match selection {
                Selection::One(key) => {
                    let (helpdesk, id) = (&key.helpdesk.as_str(), &key.id.as_str());
                    let one = sql::RequeueOne { asks, request, is_look, kind, text, helpdesk, id };
                    self.write("requeue", &one).await?
                }
                Selection::Blocked => {
                    let blocked = sql::RequeueBlocked {
                        asks,
                        request,
                        is_look,
                        kind,
                        text,
                        after_at: behind_at,
                        after: behind,
                        last_at,
                        last,
                        most,
                    };
                    self.write("requeue", &blocked).await?
                }
                Selection::All => {
                    let all =
                        sql::RequeueAll { asks, request, is_look, kind, text, after: behind, last, most };
                    self.write("requeue", &all).await?
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
        self.write("probe", &sql::Probe).await?;
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
                    let set_aside = sql::SetAside {
                        number: &number,
                        fence: &fence,
                        why: &text_of(&reason.text),
                        code: &&*reason.code,
                        wait: &wait,
                    };
                    // Those that can be read have to be worked on, whatever becomes of this one.
                    if let Err(trouble) = self.write("claim", &set_aside).await {
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
        let Held { number, fence } = &save.held;
        let room = save.ledger.room.made();
        let (events, effects) = (Events::of(&save.events), Effects::of(&save.effects)?);
        let (nth, ledger, lease, now) =
            (&save.nth, &json(&save.ledger)?, &whole_millis(save.lease), &millis(save.now));
        let seen = &save.seen.as_ref().map(json).transpose()?;
        let changed_at = &save.seen.as_ref().and_then(Ticket::changed).map(millis);
        let subject = &save.seen.as_ref().map(|seen| text_of(&seen.subject));
        let called = &save.seen.as_ref().and_then(|seen| seen.key.as_deref()).map(text_of);
        let (room_id, room_title) = (&room.map(|room| room.id.0), &room.map(|room| text_of(&room.title)));
        let room_url = &save.ledger.link.url().map(text_of);
        let written_back = &(save.ledger.write_back.url.is_some()
            && save.ledger.write_back.url.as_deref() == save.ledger.link.url());
        let (event_times, event_kinds, event_texts) = (&events.at, &events.kinds, &events.texts);
        let (effect_kinds, effect_targets, effect_entries) =
            (&effects.kinds, &effects.targets, &effects.entries);
        let reported_through = &save.reported_through;
        #[rustfmt::skip]
        let result = match settlement {
            None => {
                let save_it = sql::Save {
                    number, fence, nth, ledger, lease, now, seen, changed_at, subject, called, room_id, room_title, room_url,
                    written_back, event_times, event_kinds, event_texts, effect_kinds, effect_targets, effect_entries, reported_through,
                };
                self.write_one(&save.label, &save_it).await
            }
            Some(settlement) => {
                let settle = sql::Settle {
                    number, fence, nth, ledger, lease, now, seen, changed_at, subject, called, room_id, room_title, room_url,
                    written_back, event_times, event_kinds, event_texts, effect_kinds, effect_targets, effect_entries, reported_through,
                    state: &settlement.state.as_str(),
                    reason: &settlement.reason.as_ref().map(|reason| text_of(&reason.text)),
                    reason_code: &settlement.reason.as_ref().map(|reason| text_of(&reason.code)),
                    reason_help: &settlement.reason.as_ref().and_then(|reason| reason.help.as_deref()).map(text_of),
                    attempts: &i64::from(settlement.attempts),
                    hints: &settlement.hints,
                    asked: &i64::from(settlement.asked),
                    applied: &settlement.applied,
                    due: &settlement.due.map(millis),
                };
                self.write_one(&save.label, &settle).await
            }
        };
        match result {
            Ok(row) if get::<bool>(&row, 0)? => Ok(()),
            Ok(_) => {
                let before = self.read(&sql::WrittenBefore { number, fence, nth }).await?;
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
            let rows = self.read(&sql::Owner { room: &room.0, other_than: &number }).await?;
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

/// Effects, column by column: a statement can't write one twice.
struct Effects<'a> {
    kinds: Vec<&'a str>,
    targets: Vec<&'a str>,
    entries: Vec<String>,
}

impl<'a> Effects<'a> {
    fn of(effects: &'a [EffectEntry]) -> Result<Self, StoreError> {
        let last: BTreeMap<_, _> =
            effects.iter().map(|effect| ((effect.kind, &effect.target), &effect.entry)).collect();
        Ok(Self {
            kinds: last.keys().map(|(kind, _)| kind.as_str()).collect(),
            targets: last.keys().map(|(_, target)| target.as_str()).collect(),
            entries: last.values().map(json).collect::<Result<_, _>>()?,
        })
    }
}

fn columns(held: &[Held]) -> (Vec<i64>, Vec<i64>) {
    held.iter().map(|held| (held.number, held.fence)).unzip()
}
