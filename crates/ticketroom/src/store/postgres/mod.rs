//! The store in a PostgreSQL database, which any number of processes share.
//!
//! A replica has no state of its own. Each transition is one statement ([`statements`]), and what must not happen twice
//! is excluded by the database: two claims of a ticket by `SKIP LOCKED` and a fence, two rooms of a ticket by a unique
//! column, a repeated delivery by a unique index. Leases and what is due go by the server's clock.
//!
//! A newer version may take the tables over while this one is at work. The next heartbeat hears of it and renews nothing,
//! and from then on every transition fails: deliveries are refused, claims end with their leases.

mod connect;
mod connector;
mod hints;
mod opening;
mod parameter;
mod pooler;
pub(super) mod rows;
pub(super) mod schema;
pub(super) mod statements;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Row;
use uuid::Uuid;

pub(super) use self::connect::explain;
use self::connect::{Database, Trouble};
use self::hints::Hints;
use self::parameter::{Parameter, Parameters};
use self::rows::{claim, day, get, list_sql, number, record, records, ticket_sql};
use super::day::Day;
use super::repeat::{AFTER_UNREAD, FORGET_EVERY, Kept, NOT_UNDERSTOOD, UNREAD};
use super::values::{json, key, millis, text_of, timestamp};
use super::{
    Accepted, Claim, Delivery, Event, Figures, Heartbeat, Held, Meaning, Pulse, Save, Settlement, State,
    Store, StoreError, TicketQuery, TicketRecord, TimelineEntry, remembered_value,
};
use crate::clock::Timestamp;
use crate::docspace::limits::Taken;
use crate::room::RoomId;
use crate::ticket::{HelpdeskName, TicketKey};

/// The constraints by which the database knows what is there already.
const REPEATED: &str = "delivery_repeat";
const ROOM_TAKEN: &str = "ticket_room";

#[cfg(test)]
pub(super) use self::schema::{Migration, migrate};

/// The store.
#[derive(Debug)]
pub struct PostgresStore {
    database: Database,
    /// Told of every ticket that a delivery made due.
    outbox: Arc<Notify>,
    hints: Mutex<Option<Hints>>,
}

impl PostgresStore {
    /// Whether a pooler lends us sessions for a transaction only.
    #[cfg(test)]
    pub(super) fn is_pooled(&self) -> bool {
        self.database.is_pooled()
    }

    /// One of its connections.
    #[cfg(test)]
    pub(super) async fn connection(&self) -> deadpool_postgres::Client {
        self.database.client().await.unwrap()
    }

    /// Asks for something.
    async fn read(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Trouble> {
        self.database.demand_ours()?;
        self.database.run(None, sql, parameters).await
    }

    /// Changes something.
    async fn write(&self, label: &str, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Trouble> {
        self.database.demand_ours()?;
        self.database.run(Some(label), sql, parameters).await
    }

    /// Changes something by a statement that always returns a row.
    async fn write_one(&self, label: &str, sql: &str, parameters: Parameters<'_>) -> Result<Row, Trouble> {
        only(self.write(label, sql, parameters).await?)
    }

    /// What a claim has brought. Tickets that can't be read are set aside.
    async fn claims(&self, rows: &[Row]) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::with_capacity(rows.len());
        for row in rows {
            match claim(row) {
                Ok(claim) => claims.push(claim),
                Err(error) => {
                    let (number, fence): (i64, i64) = (get(row, 0)?, get(row, 1)?);
                    tracing::error!(number, %error, "a ticket can't be read from the store");
                    let (reason, wait) = (super::unreadable(&error), whole_millis(super::UNREADABLE_FOR));
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

    /// Whose a room is that can't be ours.
    async fn taken(&self, room: RoomId, number: i64) -> StoreError {
        let owner = async {
            let rows = self.read(statements::OWNER, &[&room.0, &number]).await?;
            let row = rows.first().ok_or(StoreError::Unavailable("the room is taken no more".to_owned()))?;
            key(get(row, 0)?, get(row, 1)?)
        };
        owner.await.map_or_else(|error| error, |owner| StoreError::RoomTaken { room, owner })
    }

    /// Changes the day's writes; others may be at it as well.
    async fn change_day<T>(
        &self,
        label: &str,
        change: impl Fn(Day) -> (T, Option<Day>) + Send,
    ) -> Result<T, StoreError> {
        loop {
            let row = only(self.read(statements::DAY, &[]).await?)?;
            let old = day(&row)?;
            let (result, new) = change(old);
            let Some(new) = new else { return Ok(result) };
            let written = self
                .write(
                    label,
                    statements::SET_DAY,
                    &[
                        &millis(new.began),
                        &i64::from(new.used),
                        &millis(new.none_until),
                        &millis(old.began),
                        &i64::from(old.used),
                        &millis(old.none_until),
                    ],
                )
                .await?;
            if !written.is_empty() {
                return Ok(result);
            }
        }
    }
}

/// The row of a statement that always returns one.
fn only(rows: Vec<Row>) -> Result<Row, Trouble> {
    let row = rows.into_iter().next();
    row.ok_or_else(|| Trouble::Store(StoreError::Unreadable("a statement returned nothing".to_owned())))
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

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn columns(held: &[Held]) -> (Vec<i64>, Vec<i64>) {
    held.iter().map(|held| (held.number, held.fence)).unzip()
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let (source, at) = (delivery.source.as_str(), millis(delivery.at));
        let Kept { key, id, body, problem } = Kept::of(&delivery);
        let (event, headers) = (text_of(&delivery.event), text_of(&delivery.headers));
        let (query, body) = (delivery.query.as_deref().map(text_of), body.as_ref());
        let (ticket, snapshot) = match &delivery.meaning {
            Meaning::Look { ticket, snapshot } => (ticket, snapshot.as_deref()),
            Meaning::Echo { ticket } => (ticket, None),
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
        match self.write_one("accept", statements::ACCEPT, parameters).await {
            Ok(row) if get::<bool>(&row, 0)? => {
                self.outbox.notify_one();
                Ok(Accepted::New)
            }
            Ok(_) => Ok(Accepted::Repeat),
            // The same delivery, at the same moment, by another endpoint.
            Err(Trouble::Duplicate(constraint)) if constraint == REPEATED => Ok(Accepted::Repeat),
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn claim(
        &self,
        _now: Timestamp,
        lease: Duration,
        most: usize,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let (lease, most) = (whole_millis(lease), i64::try_from(most).unwrap_or(i64::MAX));
        let rows = self.write("claim", statements::CLAIM, &[&lease, &most, &running]).await?;
        self.claims(&rows).await
    }

    async fn claim_of(
        &self,
        _now: Timestamp,
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

    async fn leave(&self, replica: Uuid, held: &[Held], _now: Timestamp) -> Result<(), StoreError> {
        let ((numbers, fences), replica) = (columns(held), replica.to_string());
        // Whoever has the tables now, their claims need not wait for the end of the lease.
        self.database.run(Some("leave"), statements::LEAVE, &[&numbers, &fences, &replica]).await?;
        self.outbox.notify_one();
        Ok(())
    }

    async fn reserve(
        &self,
        name: &str,
        replica: Uuid,
        lease: Duration,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (replica, lease) = (replica.to_string(), whole_millis(lease));
        Ok(!self.write("reserve", statements::RESERVE, &[&name, &replica, &lease]).await?.is_empty())
    }

    async fn retry(&self, ticket: &TicketKey, now: Timestamp) -> Result<bool, StoreError> {
        let parameters: Parameters<'_> = &[&ticket.helpdesk.as_str(), &ticket.id.as_str(), &millis(now)];
        let row = self.write_one("retry", statements::RETRY, parameters).await?;
        self.outbox.notify_one();
        get(&row, 0)
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let rows = self.read(statements::REMEMBERED, &[&name]).await?;
        rows.first().map(|row| remembered_value(&get::<String>(row, 0)?)).transpose()
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        self.write("remember", statements::REMEMBER, &[&name, &value.to_string()]).await?;
        Ok(())
    }

    async fn retry_blocked(&self, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        let Some(last) = self.read(statements::LAST_BLOCKED, &[]).await?.into_iter().next() else {
            return Ok(0);
        };
        let (end_at, end): (i64, i64) = (get(&last, 0)?, get(&last, 1)?);
        let (mut at, mut number, mut count) = (i64::MIN, 0_i64, 0_i64);
        loop {
            let parameters: Parameters<'_> = &[&millis(now), &at, &number, &end_at, &end, &why];
            let some = self.write("retry", statements::RETRY_BLOCKED, parameters).await?;
            self.outbox.notify_one();
            let Some(row) = some.first() else { return Ok(u64::try_from(count).unwrap_or(0)) };
            let marked: i64 = get(row, 0)?;
            (count, at, number) = (count + marked, get(row, 1)?, get(row, 2)?);
        }
    }

    async fn look_again_at_all(&self, now: Timestamp) -> Result<u64, StoreError> {
        let last: i64 = get(&only(self.read(statements::LAST, &[]).await?)?, 0)?;
        let (mut number, mut count) = (0_i64, 0_i64);
        loop {
            let parameters: Parameters<'_> = &[&millis(now), &number, &last];
            let some = self.write("look_again", statements::LOOK_AGAIN, parameters).await?;
            self.outbox.notify_one();
            let Some(row) = some.first() else { return Ok(u64::try_from(count).unwrap_or(0)) };
            let marked: i64 = get(row, 0)?;
            (count, number) = (count + marked, get(row, 1)?);
        }
    }

    async fn ticket(&self, ticket: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        for by_name in [false, true] {
            let parameters: Parameters<'_> = &[&ticket.helpdesk.as_str(), &ticket.id.as_str()];
            let rows = self.read(&ticket_sql(by_name), parameters).await?;
            if let Some(row) = rows.first() {
                return record(row).map(Some);
            }
        }
        Ok(None)
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        let (sql, texts) = list_sql(query);
        let parameters: Vec<&dyn Parameter> = texts.iter().map(|text| text as &dyn Parameter).collect();
        self.database.demand_ours()?;
        records(&self.database.run_once(&sql, &parameters).await?)
    }

    async fn timeline(&self, ticket: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let parameters: Parameters<'_> = &[&ticket.helpdesk.as_str(), &ticket.id.as_str()];
        let rows = self.read(statements::TIMELINE, parameters).await?;
        rows.iter()
            .map(|row| {
                Ok(TimelineEntry { at: timestamp(get(row, 0)?), kind: get(row, 1)?, text: get(row, 2)? })
            })
            .collect()
    }

    async fn next_due(&self, _now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let row = only(self.read(statements::NEXT_DUE, &[]).await?)?;
        let wait: Option<i64> = get(&row, 0)?;
        Ok(wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or(0))))
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        let rooms: Vec<i64> = rooms.iter().map(|room| room.0).collect();
        let rows = self.read(statements::OWNERS, &[&rooms]).await?;
        rows.iter().map(|row| Ok((RoomId(get(row, 0)?), key(get(row, 1)?, get(row, 2)?)?))).collect()
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let mut counts: Vec<(State, u64)> = State::ALL.map(|state| (state, 0)).to_vec();
        for row in self.read(statements::COUNTS, &[]).await? {
            super::count(&mut counts, get(&row, 0)?, get(&row, 1)?);
        }
        Ok(counts)
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        let oldest: Option<i64> = get(&only(self.read(statements::OLDEST_WAITING, &[]).await?)?, 0)?;
        let day = day(&only(self.read(statements::DAY, &[]).await?)?)?;
        Ok(Figures { oldest_waiting: oldest.map(timestamp), writes_left: day.left(now, per_day) })
    }

    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        self.change_day("take_writes", |day| day.take(now, wanted, per_day)).await
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.change_day("no_writes_until", |day| ((), day.none_until(now, until))).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write("probe", statements::PROBE, &[&millis(now)]).await?;
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
