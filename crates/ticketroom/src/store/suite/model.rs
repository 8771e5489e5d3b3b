//! The reference: a store in memory, as plain as can be, that says what the others have to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::*;
use crate::clock::{Clock, until};
use crate::docspace::limits::Taken;
use crate::helpdesk::listing::Reference;
use crate::room::FolderId;
use crate::store::day::Day;

/// A store in memory.
#[derive(Debug)]
pub(super) struct Model {
    contents: Mutex<Contents>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Contents {
    tickets: Vec<Row>,
    /// Source and key of every delivery that has one; for those that were not understood, that of
    /// their body.
    repeats: Vec<(SourceName, String)>,
    day: Day,
    reservations: BTreeMap<String, (Uuid, Timestamp)>,
    /// Events of rooms, in the order in which they came in.
    happened: Vec<Happened>,
    progress: BTreeMap<String, ProgressRecord>,
}

/// An event of a room.
#[derive(Debug)]
struct Happened {
    event: RoomEvent,
    received: Timestamp,
    /// When its folder is to be asked for.
    due: Timestamp,
    /// The number of its ticket, and how many hints that had when it was placed.
    placed: Option<(i64, i64)>,
}

#[derive(Debug)]
struct Row {
    key: TicketKey,
    called: Option<String>,
    state: State,
    reason: Option<Reason>,
    due: Option<Timestamp>,
    claimed: bool,
    fence: i64,
    saves: i64,
    hints: i64,
    asked: u32,
    attempts: u32,
    request: Option<RoomRequest>,
    requests: i64,
    reported: Option<Ticket>,
    seen: Option<Ticket>,
    /// Its latest change that we know of.
    known: Option<Timestamp>,
    backfill: bool,
    subject: String,
    ledger: Ledger,
    created: Timestamp,
    updated: Timestamp,
    deliveries: Vec<TimelineEntry>,
    events: Vec<TimelineEntry>,
    effects: BTreeMap<(EffectKind, EffectTarget), (serde_json::Value, Timestamp)>,
}

impl Model {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (tickets, repeats, reservations) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (happened, progress) = (Vec::new(), BTreeMap::new());
        let contents = Contents { tickets, repeats, day: Day::UNUSED, reservations, happened, progress };
        Self { contents: Mutex::new(contents), clock }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// Numbers count from 1.
    fn numbered(&mut self) -> impl Iterator<Item = (i64, &mut Row)> {
        (1..).zip(&mut self.tickets)
    }

    fn find(&mut self, key: &TicketKey) -> Option<&mut Row> {
        self.tickets.iter_mut().find(|row| row.key == *key)
    }

    fn held(&mut self, held: Held) -> Option<&mut Row> {
        let row = self.tickets.get_mut(usize::try_from(held.number - 1).unwrap())?;
        (row.fence == held.fence).then_some(row)
    }

    fn mark_due(
        &mut self,
        key: TicketKey,
        snapshot: Option<&Ticket>,
        reported: Timestamp,
        now: Timestamp,
    ) -> &mut Row {
        let Some(place) = self.tickets.iter().position(|row| row.key == key) else {
            self.tickets.push(Row {
                reported: snapshot.cloned(),
                subject: snapshot.map(|ticket| ticket.subject.clone()).unwrap_or_default(),
                created: reported,
                updated: reported,
                ..Row::new(key, now)
            });
            return self.tickets.last_mut().unwrap();
        };
        let row = self.tickets[place].mark_reported(now);
        row.tell(snapshot);
        row
    }

    /// Somebody did something in a folder. If nobody has its room, it waits with the folder's other
    /// events.
    fn happened(&mut self, event: RoomEvent, now: Timestamp) {
        let waiting =
            self.happened.iter().filter(|it| it.placed.is_none() && it.event.folder == event.folder);
        let due = waiting.map(|it| it.due).max().map_or(now, |due| due.max(now));
        self.happened.push(Happened { event, received: now, due, placed: None });
    }

    fn save_progress(&mut self, its: &SaveProgress) -> Result<i64, StoreError> {
        if its.turn != self.progress.get(&its.name).map_or(0, |record| record.turn) {
            return Err(StoreError::Lost);
        }
        let SaveProgress { name, turn, value } = its.clone();
        self.progress.insert(name.clone(), ProgressRecord { name, turn: turn + 1, value });
        Ok(its.turn + 1)
    }

    /// `Ok(true)`: it is to be written now; `Ok(false)`: it was before.
    fn begin_commit(&mut self, save: &Save, now: Timestamp) -> Result<bool, StoreError> {
        let number = save.held.number;
        if let Some(room) = save.ledger.room.made() {
            let owner = self.numbered().find(|(other, row)| *other != number && row.has(room.id));
            let owner = owner.map(|(_, row)| row.key.clone());
            let may_write = self.held(save.held).is_some_and(|row| row.claimed && row.saves < save.nth);
            if let Some(owner) = owner.filter(|_| may_write) {
                return Err(StoreError::RoomTaken { room: room.id, owner });
            }
        }
        let Some(row) = self.held(save.held) else { return Err(StoreError::Lost) };
        if row.saves >= save.nth {
            return Ok(false);
        }
        if !row.claimed {
            return Err(StoreError::Lost);
        }
        row.saves = save.nth;
        row.ledger = save.ledger.clone();
        row.updated = save.now;
        row.due = Some(after(now, save.lease));
        if let Some(seen) = &save.seen {
            row.seen = Some(seen.clone());
            row.known = row.known.max(seen.changed());
            row.subject.clone_from(&seen.subject);
            row.called = seen.key.clone().or(row.called.take());
        }
        for EffectEntry { kind, target, entry } in &save.effects {
            row.effects.insert((*kind, target.clone()), (entry.clone(), save.now));
        }
        for event in &save.events {
            row.events.push(entry(event.at, event.kind, &event.text));
        }
        if let Some(reported) = save.reported_through {
            let is_told = |(owner, placed): (i64, i64)| owner == number && placed <= reported;
            self.happened.retain(|it| !it.placed.is_some_and(is_told));
        }
        Ok(true)
    }
}

fn entry(at: Timestamp, kind: &str, text: &str) -> TimelineEntry {
    TimelineEntry { at, kind: kind.to_owned(), text: text.to_owned() }
}

impl Row {
    fn new(key: TicketKey, now: Timestamp) -> Self {
        Self {
            key,
            called: None,
            state: State::Waiting,
            reason: None,
            due: Some(now),
            claimed: false,
            fence: 0,
            saves: 0,
            hints: 1,
            asked: 0,
            attempts: 0,
            request: None,
            requests: 0,
            reported: None,
            seen: None,
            known: None,
            backfill: false,
            subject: String::new(),
            ledger: Ledger::default(),
            created: now,
            updated: now,
            deliveries: Vec::new(),
            events: Vec::new(),
            effects: BTreeMap::new(),
        }
    }

    fn record(&self) -> TicketRecord {
        let url = self.ledger.link.url();
        TicketRecord {
            key: self.key.clone(),
            state: if self.claimed { State::Working } else { self.state },
            reason: self.reason.clone(),
            ticket: self.seen.clone().or(self.reported.clone()),
            room: self.ledger.room.made().cloned(),
            url: url.map(str::to_owned),
            written_back: url.is_some() && self.ledger.write_back.url.as_deref() == url,
            attempts: self.attempts,
            template: self.ledger.template.clone(),
            due: self.due,
            created: self.created,
            updated: self.updated,
        }
    }

    fn has(&self, room: RoomId) -> bool {
        self.ledger.room.made().is_some_and(|made| made.id == room)
    }

    /// A delivery about it came.
    fn mark_reported(&mut self, now: Timestamp) -> &mut Self {
        self.hints += 1;
        self.backfill = false;
        if !matches!(self.state, State::Waiting | State::Blocked) {
            self.attempts = 0;
        }
        if !self.claimed {
            self.due = Some(self.due.map_or(now, |due| due.min(now)));
        }
        self
    }

    /// What the ticket is like, as somebody told who may have been overtaken.
    fn tell(&mut self, snapshot: Option<&Ticket>) {
        let is_newer = |reported: &Ticket, snapshot: &Ticket| matches!((&reported.version, &snapshot.version), (Some(reported), Some(new)) if reported > new);
        if let Some(snapshot) = snapshot
            && !self.reported.as_ref().is_some_and(|reported| is_newer(reported, snapshot))
        {
            self.reported = Some(snapshot.clone());
            if !snapshot.subject.is_empty() {
                self.subject.clone_from(&snapshot.subject);
            }
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.called.as_ref().is_some_and(|called| called.eq_ignore_ascii_case(name))
    }

    fn is_wanted(&self, query: &TicketQuery) -> bool {
        let text = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        query.helpdesk.as_ref().is_none_or(|helpdesk| *helpdesk == self.key.helpdesk)
            && query.state.is_none_or(|state| state == self.record().state)
            && query.id.as_ref().is_none_or(|id| *id == self.key.id || self.is_called(id.as_str()))
            && text.is_none_or(|text| {
                let subject = self.subject.to_ascii_lowercase();
                self.is_called(text)
                    || self.key.id.as_str().contains(text)
                    || subject.contains(&text.to_ascii_lowercase())
            })
    }
}

#[async_trait::async_trait]
impl Queue for Model {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let mut contents = self.contents();
        let key = match &delivery.meaning {
            Meaning::NotUnderstood { .. } => Some(format!("unread {:?}", delivery.body)),
            _ => delivery.repeat.as_ref().map(RepeatKey::to_string),
        };
        if let Some(key) = key {
            let repeat = (delivery.source.clone(), key);
            if contents.repeats.contains(&repeat) {
                return Ok(Accepted::Repeat);
            }
            contents.repeats.push(repeat);
        }
        let kept = entry(delivery.at, "delivery", &delivery.event);
        let ours = if delivery.source == SourceName::DocSpace { "done by us" } else { "our own note" };
        let echo = entry(delivery.at, "delivery", &format!("{} ({ours})", delivery.event));
        match &delivery.meaning {
            Meaning::Look { ticket, snapshot } => {
                contents
                    .mark_due(ticket.clone(), snapshot.as_deref(), delivery.at, self.clock.now())
                    .deliveries
                    .push(kept);
            }
            Meaning::Echo { ticket } => match contents.find(ticket) {
                Some(row) => row.deliveries.push(echo),
                None => contents
                    .mark_due(ticket.clone(), None, delivery.at, self.clock.now())
                    .deliveries
                    .push(kept),
            },
            Meaning::InRoom { room, consequence } => {
                let Some(row) = contents.tickets.iter_mut().find(|row| row.has(*room)) else {
                    return Ok(Accepted::Unowned);
                };
                match consequence {
                    Consequence::Look => row.mark_reported(self.clock.now()).deliveries.push(kept),
                    Consequence::Echo => row.deliveries.push(echo),
                }
            }
            Meaning::InFolder { event, consequence: Consequence::Look } => {
                let event = RoomEvent { title: event.title.replace('\0', "\u{fffd}"), ..event.clone() };
                contents.happened(event, self.clock.now());
            }
            Meaning::AboutSomethingElse
            | Meaning::InFolder { consequence: Consequence::Echo, .. }
            | Meaning::NotUnderstood { .. } => {}
        }
        Ok(Accepted::New)
    }

    async fn claim(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
    ) -> Result<Vec<Claim>, StoreError> {
        let all: Vec<_> = self.contents().tickets.iter().map(|row| row.key.helpdesk.clone()).collect();
        self.claim_of(lease, limit, running, &all).await
    }

    async fn claim_of(
        &self,
        lease: Duration,
        limit: ClaimLimit,
        running: &[i64],
        helpdesks: &[HelpdeskName],
    ) -> Result<Vec<Claim>, StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        let with_news: BTreeSet<i64> =
            contents.happened.iter().filter_map(|it| it.placed).map(|(owner, _)| owner).collect();
        let mut due: Vec<(i64, &mut Row)> = contents
            .numbered()
            .filter(|(number, row)| {
                row.due.is_some_and(|due| due <= now)
                    && !running.contains(number)
                    && helpdesks.contains(&row.key.helpdesk)
            })
            .collect();
        // Of backfills, which come last, only some.
        due.sort_by_key(|(number, row)| (row.backfill, row.attempts > 0 && !row.backfill, row.due, *number));
        let others = due.iter().filter(|(_, row)| !row.backfill).count();
        let most = limit.all.min(others + limit.backfill);
        let claims = due.into_iter().take(most).map(|(number, row)| {
            row.claimed = true;
            row.fence += 1;
            row.saves = 0;
            row.due = Some(after(now, lease));
            Claim {
                number,
                fence: row.fence,
                key: row.key.clone(),
                hints: row.hints,
                reported: row.reported.clone(),
                ledger: row.ledger.clone(),
                attempts: row.attempts,
                asked: row.asked,
                reason: row.reason.clone(),
                request: row.request.map(|request| PendingRequest { request, nth: row.requests }),
                has_unreported: with_news.contains(&number),
                backfill: row.backfill,
            }
        });
        Ok(claims.collect())
    }

    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.contents().begin_commit(&save, self.clock.now()).map(|_| ())
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let mut contents = self.contents();
        if contents.begin_commit(&settlement.save, self.clock.now())?
            && let Some(row) = contents.held(settlement.save.held)
        {
            row.claimed = false;
            row.state = settlement.state;
            row.reason = settlement.reason;
            row.attempts = settlement.attempts;
            row.asked = row.asked.saturating_sub(settlement.asked);
            row.request = row.request.filter(|_| settlement.applied != Some(row.requests));
            row.due = if row.hints > settlement.hints { Some(self.clock.now()) } else { settlement.due };
        }
        Ok(())
    }

    async fn heartbeat(&self, beat: Heartbeat) -> Result<Pulse, StoreError> {
        let mut contents = self.contents();
        let mut still = Vec::new();
        for held in beat.held {
            if let Some(row) = contents.held(held).filter(|row| row.claimed) {
                row.due = Some(after(self.clock.now(), beat.lease));
                still.push(held);
            }
        }
        Ok(Pulse { held: still, workers: 1, now: None, quiet: Duration::ZERO })
    }

    async fn leave(&self, _replica: Uuid, held: &[Held]) -> Result<(), StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        for held in held {
            if let Some(row) = contents.held(*held).filter(|row| row.claimed) {
                row.claimed = false;
                row.due = Some(now);
            }
        }
        Ok(())
    }

    async fn requeue(&self, selection: &Selection, why: &Why) -> Result<u64, StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        let is_selected = |row: &&mut Row| match selection {
            Selection::One(key) => row.key == *key,
            Selection::Blocked => row.state == State::Blocked,
            Selection::All => true,
        };
        let mut count = 0;
        for row in contents.tickets.iter_mut().filter(is_selected) {
            row.hints += 1;
            row.backfill &= !matches!(why, Why::Asked | Why::Requested(_));
            row.asked += u32::from(*why == Why::Asked);
            if let Why::Requested(request) = why {
                row.request = Some(*request);
                row.requests += 1;
            }
            if !row.claimed {
                row.due = Some(now);
            }
            if *why == Why::Restored {
                row.attempts = row.attempts.max(1);
            } else {
                row.attempts = 0;
                row.state = if row.state == State::Blocked { State::Waiting } else { row.state };
            }
            row.events.push(entry(now, why.kind(), &why.to_string()));
            count += 1;
        }
        Ok(count)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl Queries for Model {
    async fn ticket(&self, key: &TicketKey) -> Result<Option<TicketRecord>, StoreError> {
        let mut contents = self.contents();
        if let Some(row) = contents.find(key) {
            return Ok(Some(row.record()));
        }
        let called = contents
            .tickets
            .iter()
            .filter(|row| row.key.helpdesk == key.helpdesk && row.is_called(key.id.as_str()));
        Ok(called.max_by_key(|row| row.updated).map(Row::record))
    }

    async fn tickets(&self, query: &TicketQuery) -> Result<Vec<TicketRecord>, StoreError> {
        let mut contents = self.contents();
        let mut rows: Vec<_> = contents.numbered().filter(|(_, row)| row.is_wanted(query)).collect();
        rows.sort_by_key(|(number, row)| std::cmp::Reverse((row.updated, *number)));
        let (offset, limit) = (query.offset as usize, query.limit as usize);
        Ok(rows.into_iter().skip(offset).take(limit).map(|(_, row)| row.record()).collect())
    }

    async fn timeline(&self, key: &TicketKey) -> Result<Vec<TimelineEntry>, StoreError> {
        let mut contents = self.contents();
        let Some(row) = contents.find(key) else { return Ok(Vec::new()) };
        let mut entries: Vec<_> = row.deliveries.iter().chain(&row.events).cloned().collect();
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }

    async fn effects(&self, key: &TicketKey, kind: EffectKind) -> Result<Vec<EffectRecord>, StoreError> {
        let mut contents = self.contents();
        let all = contents.find(key).into_iter().flat_map(|row| &row.effects);
        let of_kind = all.filter(|((its, _), _)| *its == kind);
        let record = |((_, target), (entry, updated)): (
            &(EffectKind, EffectTarget),
            &(serde_json::Value, Timestamp),
        )| {
            EffectRecord { target: target.clone(), entry: entry.clone(), updated: *updated }
        };
        Ok(of_kind.map(record).collect())
    }

    async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let due = self.contents().tickets.iter().filter_map(|row| row.due).min();
        Ok(due.map(|due| until(self.clock.now(), due)))
    }

    async fn owned_rooms(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, TicketKey)>, StoreError> {
        let contents = self.contents();
        let owned =
            contents.tickets.iter().filter_map(|row| Some((row.ledger.room.made()?.id, row.key.clone())));
        Ok(owned.filter(|(room, _)| rooms.contains(room)).collect())
    }

    async fn standing(
        &self,
        helpdesk: &HelpdeskName,
        ids: &[TicketId],
    ) -> Result<Vec<(TicketId, State)>, StoreError> {
        let contents = self.contents();
        let of_these =
            contents.tickets.iter().filter(|row| row.key.helpdesk == *helpdesk && ids.contains(&row.key.id));
        Ok(of_these.map(|row| (row.key.id.clone(), row.record().state)).collect())
    }

    async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let contents = self.contents();
        let count = |state| contents.tickets.iter().filter(|row| row.record().state == state).count() as u64;
        Ok(State::ALL.map(|state| (state, count(state))).to_vec())
    }

    async fn figures(&self, now: Timestamp, per_day: u32) -> Result<Figures, StoreError> {
        let contents = self.contents();
        let waiting = contents.tickets.iter().filter(|row| row.state == State::Waiting && !row.backfill);
        let oldest_waiting = waiting.filter(|row| !row.record().written_back).map(|row| row.created).min();
        Ok(Figures { oldest_waiting, writes_left: contents.day.left(now, per_day) })
    }
}

#[async_trait::async_trait]
impl Budget for Model {
    async fn take_writes(&self, now: Timestamp, wanted: u32, per_day: u32) -> Result<Taken, StoreError> {
        let mut contents = self.contents();
        let (taken, day) = contents.day.take(now, wanted, per_day);
        contents.day = day.unwrap_or(contents.day);
        Ok(taken)
    }

    async fn no_writes_until(&self, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.day = contents.day.none_until(now, until).unwrap_or(contents.day);
        Ok(())
    }
}

#[async_trait::async_trait]
impl Reservations for Model {
    async fn reserve(&self, name: &str, replica: Uuid, lease: Duration) -> Result<bool, StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        let is_free =
            contents.reservations.get(name).is_none_or(|(holder, until)| *holder == replica || *until <= now);
        if is_free {
            contents.reservations.insert(name.to_owned(), (replica, after(now, lease)));
        }
        Ok(is_free)
    }

    async fn remembered(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        Ok(self.contents().reservations.get(name).map(|(value, _)| *value))
    }

    async fn remember(&self, name: &str, value: Uuid) -> Result<(), StoreError> {
        self.contents().reservations.insert(name.to_owned(), (value, Timestamp::UNIX_EPOCH));
        Ok(())
    }
}

#[async_trait::async_trait]
impl RoomEvents for Model {
    async fn unplaced(&self, most: usize) -> Result<Vec<FolderId>, StoreError> {
        let (contents, now) = (self.contents(), self.clock.now());
        let mut since: BTreeMap<FolderId, Timestamp> = BTreeMap::new();
        for it in contents.happened.iter().filter(|it| it.placed.is_none()) {
            let since = since.entry(it.event.folder).or_insert(it.due);
            *since = it.due.min(*since);
        }
        let mut due: Vec<_> = since.into_iter().filter(|(_, since)| *since <= now).collect();
        due.sort_by_key(|(folder, since)| (*since, *folder));
        Ok(due.into_iter().take(most).map(|(folder, _)| folder).collect())
    }

    async fn place(&self, folder: FolderId, room: Option<RoomId>) -> Result<Placed, StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        let Contents { tickets, happened, .. } = &mut *contents;
        let is_waiting = |it: &Happened| it.placed.is_none() && it.event.folder == folder;
        let owner = (1..).zip(tickets).find(|(_, row)| room.is_some_and(|room| row.has(room)));
        let Some((number, row)) = owner else {
            let quarter = jiff::SignedDuration::from_mins(15);
            happened.retain(|it| !is_waiting(it) || now.duration_since(it.received) <= quarter);
            let again = after(now, Duration::from_secs(60));
            happened.iter_mut().filter(|it| is_waiting(it)).for_each(|it| it.due = again);
            return Ok(Placed::Nobody);
        };
        if happened.iter().any(is_waiting) {
            // One that has other events already is told of all of them when it is due.
            let has_unreported =
                happened.iter().any(|it| it.placed.is_some_and(|(owner, _)| owner == number));
            let due = row.due.filter(|_| has_unreported);
            let placed = row.mark_reported(now).hints;
            row.due = due.or(row.due);
            happened.iter_mut().filter(|it| is_waiting(it)).for_each(|it| it.placed = Some((number, placed)));
        }
        Ok(Placed::Ticket)
    }

    async fn unreported_events(
        &self,
        ticket: i64,
        through: Option<i64>,
        most: usize,
    ) -> Result<UnreportedEvents, StoreError> {
        let contents = self.contents();
        let is_its = |(owner, placed)| owner == ticket && through.is_none_or(|through| placed <= through);
        let its = contents.happened.iter().filter(|it| it.placed.is_some_and(is_its));
        let its: Vec<_> = its.collect();
        Ok(UnreportedEvents {
            total: its.len() as u64,
            last: its.iter().filter_map(|it| it.placed).map(|(_, placed)| placed).max().unwrap_or(0),
            first_at: its.iter().map(|it| it.received).min(),
            last_at: its.iter().map(|it| it.received).max(),
            events: its.iter().take(most).map(|it| it.event.clone()).collect(),
        })
    }
}

#[async_trait::async_trait]
impl Listings for Model {
    async fn take_in(&self, its: TakeIn) -> Result<TakenIn, StoreError> {
        let (mut contents, now) = (self.contents(), self.clock.now());
        if let Some(progress) = &its.progress {
            contents.save_progress(progress)?;
        }
        let mut changes: BTreeMap<TicketId, Reference> = BTreeMap::new();
        for reference in its.tickets {
            let latest = changes.entry(reference.id.clone()).or_insert_with(|| reference.clone());
            if reference.updated > latest.updated {
                *latest = reference;
            }
        }
        let mut taken = TakenIn::default();
        for (id, Reference { updated, snapshot, .. }) in changes {
            let key = TicketKey { helpdesk: its.helpdesk.clone(), id: id.clone() };
            let Some(row) = contents.find(&key) else {
                let mut row = Row { known: Some(updated), ..Row::new(key, now) };
                row.tell(snapshot.as_deref());
                if let Origin::Backfill { quiet } = its.origin {
                    (row.backfill, row.ledger.quiet) = (true, quiet);
                }
                row.events.push(entry(now, its.origin.kind(), its.origin.text()));
                contents.tickets.push(row);
                taken.new.push(id);
                continue;
            };
            taken.known += 1;
            if its.origin != Origin::Sweep || row.known.is_some_and(|known| known >= updated) {
                continue;
            }
            let by_our_clock = updated.as_millisecond() - its.ahead;
            let may_be_ours = by_our_clock <= row.updated.as_millisecond() + 2000;
            let is_due = row.claimed || row.due.is_some_and(|due| due <= now);
            if row.known.is_some() && !is_due && !may_be_ours {
                let text = "found by sweep: a change of it was never reported";
                row.events.push(entry(now, "found", text));
                taken.changed.push(id);
            }
            row.known = Some(updated);
            let was_backfill = row.backfill && (row.claimed || may_be_ours);
            let rests = !matches!(row.state, State::Waiting | State::Blocked);
            let before = row.attempts;
            row.mark_reported(now).backfill = was_backfill;
            row.tell(snapshot.as_deref());
            if rests && may_be_ours {
                row.attempts = before.max(1);
            }
        }
        Ok(taken)
    }

    async fn progress(&self, name: &str) -> Result<Option<ProgressRecord>, StoreError> {
        Ok(self.contents().progress.get(name).cloned())
    }

    async fn progresses(&self, prefix: &str) -> Result<Vec<ProgressRecord>, StoreError> {
        let contents = self.contents();
        Ok(contents.progress.values().filter(|record| record.name.starts_with(prefix)).cloned().collect())
    }

    async fn save_progress(&self, progress: SaveProgress) -> Result<i64, StoreError> {
        self.contents().save_progress(&progress)
    }
}
