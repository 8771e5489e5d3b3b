//! One run for one ticket: observe, plan, act, settle. It is driven inside a span that has the
//! ticket and the run's number, so the lines that it logs don't name them again.

mod settle;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::effect::{Context, Effect, EffectId, Ended, Records, Wait};
use super::note::Note;
use super::observe::{Observation, Unseen, observe};
use super::plan::requests::is_applied;
use super::plan::{Plan, Situation, plan};
use super::reasons;
use super::relations::relations;
use super::rest::Rest;
use super::worker::{Progress, Reconciler};
use crate::call::{Cause, Failure};
use crate::clock::{Timestamp, after};
use crate::docspace::DocSpace;
use crate::helpdesk::{Helpdesk, Observed};
use crate::ledger::Ledger;
use crate::live::Snapshot;
use crate::printable::{MESSAGE, printable};
use crate::reason::Reason;
use crate::store::{Claim, Event, Queue, Save, Settlement, State, StoreError};
use crate::ticket::Ticket;
use settle::backoff;

/// So many events of a room are read for a note.
const MOST_UNREPORTED: usize = 200;

/// A run.
pub(super) struct Run<'a> {
    all: &'a Reconciler,
    /// What is configured, for the whole run.
    snapshot: &'a Snapshot,
    /// The portal. Calls for a ticket of a backfill go behind all others.
    docspace: DocSpace,
    claim: Claim,
    ledger: Ledger,
    /// What happened since the last commit.
    events: Vec<Event>,
    /// How often something was written down in this run.
    commits: i64,
    begun: Vec<EffectId>,
    noted: Vec<Note>,
    failures: Vec<Failure>,
    /// The last event of the room that the ticket has been told of since the last commit.
    reported_through: Option<i64>,
    /// What may still come.
    wait: Option<Wait>,
    progressed: bool,
    /// Whether the world was seen: a person's request is applied only then.
    looked: bool,
    /// When rooms with the ticket's tag were looked for.
    looked_for_rooms: Option<Timestamp>,
}

/// Why a run ends before it has settled.
enum Cut {
    /// Somebody else has the ticket.
    Overtaken,
    /// The room that it found or was given belongs to another ticket.
    RoomTaken(StoreError),
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, Ended>>;

impl<'a> Run<'a> {
    pub(super) fn new(all: &'a Reconciler, snapshot: &'a Snapshot, claim: Claim) -> Self {
        let mut ledger = claim.ledger.clone();
        ledger.begin_run(all.parts.clock.now());
        let docspace = if claim.backfill { snapshot.docspace.behind() } else { snapshot.docspace.clone() };
        Self {
            all,
            snapshot,
            docspace,
            claim,
            ledger,
            events: Vec::new(),
            commits: 0,
            begun: Vec::new(),
            noted: Vec::new(),
            failures: Vec::new(),
            reported_through: None,
            wait: None,
            progressed: false,
            looked: false,
            looked_for_rooms: None,
        }
    }

    /// Brings the ticket as far as it will go now.
    pub(super) async fn drive(mut self) {
        let deadline = self.all.parts.settings.deadline;
        let mut result = match tokio::time::timeout(deadline, self.observe_and_act()).await {
            Ok(result) => result,
            Err(_) => self.park(deadline).await,
        };
        if let Err(Cut::RoomTaken(error)) = result {
            tracing::error!(%error, "looking for another room");
            result = self.begin_again(&error).await;
        }
        if result.is_err() {
            // Whoever has it now looks before doing anything.
            tracing::info!("the claim expired; another run continues");
        }
    }

    /// The run took too long, and was broken off. What it was at is unknown, as after a crash: the
    /// intents stay, and the next run takes the ledger as one that was not finished.
    async fn park(&mut self, deadline: Duration) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        let reason = reasons::RUN_TOO_LONG.reason(format!(
            "the run took longer than {} seconds and was broken off; what it was doing is looked for first",
            deadline.as_secs_f64()
        ));
        tracing::warn!(code = %reason.code, %reason, "parked");
        self.events.push(Event { at: now, kind: "failed", text: reason.to_string() });
        let backoff = self.all.parts.chance.jitter(backoff(self.claim.attempts, self.progressed));
        let attempts = if self.progressed { 1 } else { self.claim.attempts.saturating_add(1) };
        let settlement = Settlement {
            save: self.next_save("settle_waiting".to_owned(), None),
            hints: self.claim.hints,
            asked: 0,
            applied: None,
            state: State::Waiting,
            reason: Some(reason),
            due: Some(after(now, backoff)),
            attempts,
        };
        self.end(settlement).await
    }

    /// The room belongs to another ticket, so ours must be another one; the next run looks without
    /// this one.
    async fn begin_again(&mut self, error: &StoreError) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        self.ledger = self.ledger.begin_again();
        self.events.clear();
        self.events.push(Event { at: now, kind: "failed", text: error.to_string() });
        let reason = reasons::ROOM_OF_ANOTHER_TICKET.reason(error.to_string());
        self.settle(Rest::Waiting { until: after(now, Duration::from_secs(1)), reason }, None).await
    }

    async fn observe_and_act(&mut self) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        let Some(helpdesk) = self.snapshot.helpdesks.get(&self.claim.key.helpdesk) else {
            let name = &self.claim.key.helpdesk;
            let reason = reasons::HELPDESK_REMOVED
                .reason(format!("the configuration has no helpdesk “{name}” any more"));
            return self.settle(Rest::blocked(reason, self.claim.attempts, now), None).await;
        };
        let snapshot = self.snapshot;
        let settle = snapshot.config.docspace.settle;
        if let Err(failure) = self.docspace.refuses() {
            // The helpdesk's allowance is not to be spent on tickets for which nothing can be done.
            self.failed("observe", &failure);
            self.failures.push(failure);
            return self.settle(Rest::Ready { next: None, remark: None }, None).await;
        }
        let seen = observe(&self.claim, &self.ledger, now, settle, helpdesk.as_ref(), &self.docspace).await;
        let mut seen = match seen {
            Ok(seen) => seen,
            Err(Unseen { failure, ticket }) => {
                self.failed("observe", &failure);
                self.failures.push(failure);
                let ticket = ticket.map(|ticket| *ticket);
                return self.settle(Rest::Ready { next: None, remark: None }, ticket).await;
            }
        };
        if let Err(error) = self.leave_out_rooms_of_others(&mut seen).await {
            // Without knowing whose they are, neither taking one nor making another would be right.
            let until = after(now, Duration::from_secs(1));
            let reason = reasons::STORE_UNAVAILABLE.reason(error.to_string());
            return self.settle(Rest::Waiting { until, reason }, None).await;
        }
        if let Err(error) = self.look_at_relations(&mut seen).await {
            let until = after(now, Duration::from_secs(1));
            let reason = reasons::STORE_UNAVAILABLE.reason(error.to_string());
            return self.settle(Rest::Waiting { until, reason }, None).await;
        }
        self.looked = true;
        self.looked_for_rooms = seen.looked;
        if let Some(details) = &seen.details {
            self.ledger.looked(now, details.members.is_some());
        }
        let ticket = match &seen.ticket {
            Observed::Present { ticket, .. } => Some(ticket.as_ref().clone()),
            Observed::Absent(_) => None,
        };
        let rest = self.act(helpdesk.as_ref(), &mut seen, ticket.as_ref()).await?;
        self.settle(rest, ticket).await
    }

    /// What the store knows of tickets that matter to this one, and of what happened in its room.
    async fn look_at_relations(&self, seen: &mut Observation) -> Result<(), StoreError> {
        let store = self.all.parts.store.as_ref();
        if let Observed::Present { ticket, .. } = &seen.ticket {
            seen.relations = relations(store, &self.claim.key, ticket).await?;
        }
        if self.claim.has_unreported {
            // A note that may be written already tells of what it told of.
            let news = &self.ledger.report;
            let through = news.through.filter(|_| news.state.pending_since().is_some());
            let number = self.claim.number;
            seen.unreported = Some(store.unreported_events(number, through, MOST_UNREPORTED).await?);
            if let Some(through) = through {
                let last = store.unreported_events(number, None, 0).await?.last;
                seen.more_unreported = (last > through).then_some(last);
            }
        }
        Ok(())
    }

    /// The request that is in the ledger now.
    fn applied(&self) -> Option<i64> {
        let requested = self.claim.request.filter(|requested| is_applied(*requested, &self.ledger))?;
        Some(requested.nth)
    }

    /// Another ticket's room may look like ours while its tag is not saved yet.
    async fn leave_out_rooms_of_others(&self, seen: &mut Observation) -> Result<(), StoreError> {
        let rooms: Vec<_> = {
            let found = seen.tagged.iter().chain(&seen.untagged).chain(&seen.tagged_by_others);
            found.map(|found| found.room.id).collect()
        };
        if rooms.is_empty() {
            return Ok(());
        }
        let owned = self.all.parts.store.owned_rooms(&rooms).await?;
        let of_others = |id| owned.iter().any(|(room, owner)| *room == id && *owner != self.claim.key);
        seen.tagged.retain(|found| !of_others(found.room.id));
        seen.tagged_by_others.retain(|found| !of_others(found.room.id));
        seen.untagged.retain(|found| !of_others(found.room.id));
        Ok(())
    }

    /// Plans and acts until nothing is to be done now.
    async fn act(
        &mut self,
        helpdesk: &'a dyn Helpdesk,
        seen: &mut Observation,
        ticket: Option<&Ticket>,
    ) -> Result<Rest, Cut> {
        let (all, snapshot) = (self.all, self.snapshot);
        let (key, docspace, none) = (self.claim.key.clone(), self.docspace.clone(), Ticket::default());
        let mut running: Running<'_> = FuturesUnordered::new();
        let mut first_save = true;
        loop {
            let Plan { notes, effects, rest } = plan(&self.situation(helpdesk, seen));
            if !notes.is_empty() {
                self.note(notes, seen);
                continue;
            }
            if !effects.is_empty() {
                self.intend(&effects);
                let label = format!("intend_{}", names(&effects));
                // Of a ticket that is not there any more, what was seen before is kept.
                self.save(label, ticket.filter(|_| first_save).cloned()).await?;
                first_save = false;
                let context = Context {
                    key: &key,
                    ticket: ticket.unwrap_or(&none),
                    docspace: &docspace,
                    skeletons: snapshot.skeletons.as_ref(),
                    helpdesk,
                    clock: all.parts.clock.as_ref(),
                };
                running.extend(effects.into_iter().map(|effect| effect.run(context)));
            } else if !self.events.is_empty() && !running.is_empty() {
                self.save("record".to_owned(), None).await?;
            }
            let Some(ended) = running.next().await else { return Ok(rest) };
            self.record(ended);
        }
    }

    fn note(&mut self, notes: Vec<Note>, seen: &mut Observation) {
        for note in notes {
            match &note {
                Note::EventsDropped { through } => self.reported_through = Some(*through),
                Note::BeginAgain => {
                    let unreported = seen.unreported.as_ref().map(|unreported| unreported.last);
                    self.reported_through = seen.more_unreported.or(unreported);
                }
                _ => {}
            }
            let event = note.apply(&mut self.ledger, seen, self.all.parts.clock.now());
            self.events.extend(event);
            self.noted.push(note);
        }
        self.progressed = true;
    }

    fn intend(&mut self, effects: &[Effect]) {
        let mut records = self.records();
        for effect in effects {
            effect.intend(&mut records);
        }
        self.begun.extend(effects.iter().map(Effect::id));
    }

    fn record(&mut self, ended: Ended) {
        let kind = ended.kind().as_str();
        match ended.record(&mut self.records()) {
            Ok(recorded) => {
                if recorded.wait.is_none() {
                    self.all.parts.metrics.stepped(kind, "done");
                }
                self.progressed |= recorded.is_progress;
                self.events.extend(recorded.event);
                self.wait = recorded.wait.or(self.wait.take());
            }
            Err(failure) => {
                self.all.parts.metrics.stepped(kind, "failed");
                self.failed(kind, &failure);
                self.failures.push(failure);
            }
        }
    }

    fn records(&mut self) -> Records<'_> {
        let (now, settle) = (self.all.parts.clock.now(), self.snapshot.config.docspace.settle);
        Records { ledger: &mut self.ledger, reported_through: &mut self.reported_through, now, settle }
    }

    /// Notes a failure in the timeline, once for as long as it stays the same.
    fn failed(&mut self, kind: &str, failure: &Failure) {
        let reason = failure.reason();
        let silence = failure.silence();
        // What does not pass by itself is said once, when the ticket is blocked by it; that a
        // system does not answer is said once for all tickets, when its breaker opens.
        let is_told_here = silence.is_none() && failure.is_transient();
        if is_told_here && self.all.failures.admit(self.all.parts.clock.now()) {
            tracing::warn!(effect = kind, code = %reason.code, %failure, "failed");
        } else {
            tracing::debug!(effect = kind, code = %reason.code, %failure, "failed");
        }
        let is_known = |known: &Reason| known.says_the_same_as(&reason);
        let refusal = self.claim.ledger.room.refusal().map(|refusal| &refusal.reason);
        let is_news = !self.claim.reason.as_ref().is_some_and(is_known) && !refusal.is_some_and(is_known);
        // That it was not asked says nothing about the ticket.
        if is_news && failure.cause != Cause::HeldBack {
            self.events.push(Event {
                at: self.all.parts.clock.now(),
                kind: "failed",
                text: failure.to_string(),
            });
        }
    }

    fn situation<'s>(&'s self, helpdesk: &dyn Helpdesk, seen: &'s Observation) -> Situation<'s> {
        Situation {
            key: &self.claim.key,
            seen,
            ledger: &self.ledger,
            rules: &self.snapshot.config.rules,
            portal: self.docspace.portal(),
            writes_back: helpdesk.writes_back(),
            takes_notes: helpdesk.takes_notes(),
            asked: self.claim.asked > 0,
            request: self.claim.request,
            attempts: self.claim.attempts,
            begun: &self.begun,
            noted: &self.noted,
            now: self.all.parts.clock.now(),
            settle: self.snapshot.config.docspace.settle,
        }
    }

    /// Commits the ledger and what happened. While the store can't be used, nothing else may go on
    /// for this ticket, so it waits.
    async fn save(&mut self, label: String, seen: Option<Ticket>) -> Result<(), Cut> {
        let save = self.next_save(label, seen);
        self.commit(|store| {
            let save = save.clone();
            Box::pin(async move { store.save(save).await })
        })
        .await?;
        self.publish(save.events);
        Ok(())
    }

    fn next_save(&mut self, label: String, seen: Option<Ticket>) -> Save {
        let now = self.all.parts.clock.now();
        self.ledger.unfinished = true;
        self.commits += 1;
        for event in &mut self.events {
            // It may quote what other systems said.
            event.text = printable(&event.text, MESSAGE);
        }
        Save {
            held: self.claim.held(),
            nth: self.commits,
            ledger: self.ledger.clone(),
            seen,
            // No effect comes in numbers yet.
            effects: Vec::new(),
            reported_through: self.reported_through.take(),
            events: std::mem::take(&mut self.events),
            now,
            lease: self.all.parts.settings.lease,
            label,
        }
    }

    fn publish(&self, events: Vec<Event>) {
        for event in events {
            // How the ticket stands has a line of its own, with the reason.
            if !matches!(event.kind, "failed" | "blocked") {
                tracing::info!("{}", event.kind);
            }
            // Nobody may be watching.
            let _ = self.all.progress.send(Progress::Happened(self.claim.key.clone(), event));
        }
    }

    async fn commit(
        &self,
        transition: impl Fn(&'a dyn Queue) -> BoxFuture<'a, Result<(), StoreError>>,
    ) -> Result<(), Cut> {
        let mut wait = Duration::from_millis(50);
        loop {
            match transition(self.all.parts.store.as_ref()).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Lost) => return Err(Cut::Overtaken),
                Err(error @ StoreError::RoomTaken { .. }) => return Err(Cut::RoomTaken(error)),
                Err(error) => {
                    tracing::error!(%error, "can't be written down; trying again");
                    tokio::time::sleep(self.all.parts.chance.jitter(wait)).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }
}

fn names(effects: &[Effect]) -> String {
    effects.iter().map(|effect| effect.id().kind.as_str()).collect::<Vec<_>>().join("+")
}
