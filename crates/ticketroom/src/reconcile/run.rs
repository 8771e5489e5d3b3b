//! One run for one ticket: observe, plan, act, settle.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::advice::advice;
use super::ledger::{Ledger, RoomEntry};
use super::observe::{Observation, RoomNow, Unseen, observe};
use super::plan::{Plan, Rest, Situation, plan};
use super::refused::System;
use super::step::{Context, Outcome};
use super::steps::{Step, StepKind};
use super::worker::{Progress, Reconciler};
use crate::call::{Cause, Effect, Failure};
use crate::clock::{Timestamp, after, until};
use crate::docspace::client::SERVICE;
use crate::docspace::rooms::CREATE_ROOM;
use crate::helpdesk::{Helpdesk, Observed};
use crate::printable::{MESSAGE, printable};
use crate::store::{Claim, Event, Save, Settlement, State, StoreError};
use crate::template::Template;
use crate::ticket::Ticket;

/// The longest wait between tries while another system is away.
const BACKOFF_LIMIT: Duration = Duration::from_secs(5 * 60);
/// How often to look whether folders have come after all.
const FOLDERS_AGAIN: Duration = Duration::from_secs(5);

/// A run.
pub(super) struct Run<'a> {
    all: &'a Reconciler,
    claim: Claim,
    ledger: Ledger,
    /// What happened since the last commit.
    events: Vec<Event>,
    /// How often something was written down in this run.
    commits: i64,
    begun: Vec<StepKind>,
    failures: Vec<Failure>,
    folders_may_come: Option<Timestamp>,
    progressed: bool,
    /// Whether the world was seen: a person's wish counts as heard only then.
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

type Running<'a> = FuturesUnordered<BoxFuture<'a, (Step, Result<Outcome, Failure>)>>;

impl<'a> Run<'a> {
    pub(super) fn new(all: &'a Reconciler, claim: Claim) -> Self {
        let mut ledger = claim.ledger.clone();
        ledger.begin_run(all.parts.clock.now());
        Self {
            all,
            claim,
            ledger,
            events: Vec::new(),
            commits: 0,
            begun: Vec::new(),
            failures: Vec::new(),
            folders_may_come: None,
            progressed: false,
            looked: false,
            looked_for_rooms: None,
        }
    }

    /// Brings the ticket as far as it will go now.
    pub(super) async fn drive(mut self) {
        let key = self.claim.key.clone();
        let deadline = self.all.parts.settings.deadline;
        let mut result = match tokio::time::timeout(deadline, self.observe_and_act()).await {
            Ok(result) => result,
            Err(_) => self.park(deadline).await,
        };
        if let Err(Cut::RoomTaken(error)) = result {
            tracing::error!(ticket = %key, %error, "looking for another room");
            result = self.begin_again(&error).await;
        }
        if result.is_err() {
            // Whoever has it now looks before doing anything.
            tracing::info!(ticket = %key, "the claim ran out; another run goes on");
        }
    }

    /// The run took too long, and was broken off. What it was at is unknown, as after a crash: the intents stay, and
    /// the next run takes the ledger as one that was not finished.
    async fn park(&mut self, deadline: Duration) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        let reason = format!(
            "the run took longer than {} seconds and was broken off; what it was at is looked for first",
            deadline.as_secs_f64()
        );
        tracing::warn!(ticket = %self.claim.key, reason, "parked");
        self.events.push(Event { at: now, kind: "failed", text: reason.clone() });
        let backoff = self.all.parts.chance.jitter(backoff(self.claim.attempts, self.progressed));
        let attempts = if self.progressed { 1 } else { self.claim.attempts.saturating_add(1) };
        let settlement = Settlement {
            save: self.next_save("settle_waiting".to_owned(), None),
            hints: self.claim.hints,
            asked: 0,
            state: State::Waiting,
            reason: Some(reason),
            due: Some(after(now, backoff)),
            attempts,
        };
        self.end(settlement).await
    }

    /// The room belongs to another ticket, so ours must be another one; the next run looks without this one.
    async fn begin_again(&mut self, error: &StoreError) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        self.ledger = self.ledger.begin_again();
        self.events.clear();
        self.events.push(Event { at: now, kind: "failed", text: error.to_string() });
        self.settle(
            Rest::Waiting { until: after(now, Duration::from_secs(1)), reason: error.to_string() },
            None,
        )
        .await
    }

    async fn observe_and_act(&mut self) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        let Some(helpdesk) = self.all.parts.helpdesks.get(&self.claim.key.helpdesk) else {
            let name = &self.claim.key.helpdesk;
            let reason =
                format!("the configuration has no helpdesk “{name}” any more: put it back and restart");
            return self.settle(Rest::blocked(reason, self.claim.attempts, now), None).await;
        };
        let all = self.all;
        let settle = all.parts.settings.settle;
        if let Err(failure) = all.parts.docspace.refuses() {
            // The helpdesk's allowance is not to be spent on tickets for which nothing can be done.
            self.failed("observe", &failure);
            self.failures.push(failure);
            return self.settle(Rest::Ready { next: None, remark: None }, None).await;
        }
        let seen =
            observe(&self.claim, &self.ledger, now, settle, helpdesk.as_ref(), &all.parts.docspace).await;
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
            return self.settle(Rest::Waiting { until, reason: error.to_string() }, None).await;
        }
        self.looked = true;
        self.looked_for_rooms = seen.looked;
        let ticket = match &seen.ticket {
            Observed::Present { ticket, .. } => Some(ticket.as_ref().clone()),
            Observed::Absent(_) => None,
        };
        let rest = self.act(helpdesk.as_ref(), &mut seen, ticket.as_ref()).await?;
        self.settle(rest, ticket).await
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
        let all = self.all;
        let (key, none) = (self.claim.key.clone(), Ticket::default());
        let ticket = ticket.unwrap_or(&none);
        let mut running: Running<'_> = FuturesUnordered::new();
        let mut first_save = true;
        loop {
            let Plan { steps, rest } = plan(&self.situation(helpdesk, seen));
            let (notes, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(Step::is_note);
            if !notes.is_empty() {
                self.note(&notes, seen);
                continue;
            }
            if !steps.is_empty() {
                let now = self.all.parts.clock.now();
                for step in &steps {
                    step.intend(&mut self.ledger, now, self.all.parts.settings.settle);
                    self.begun.push(step.kind());
                }
                let label = format!("intend_{}", names(&steps));
                self.save(label, first_save.then(|| ticket.clone())).await?;
                first_save = false;
                for step in steps {
                    let Some(template) = self.template() else { continue };
                    let context = Context {
                        key: &key,
                        ticket,
                        template,
                        docspace: &all.parts.docspace,
                        skeletons: all.parts.skeletons.as_ref(),
                        helpdesk,
                        clock: all.parts.clock.as_ref(),
                    };
                    running.push(Box::pin(async move {
                        let result = step.run(context).await;
                        (step, result)
                    }));
                }
            } else if !self.events.is_empty() && !running.is_empty() {
                self.save("record".to_owned(), None).await?;
            }
            let Some((step, result)) = running.next().await else { return Ok(rest) };
            self.record(&step, result);
        }
    }

    fn note(&mut self, notes: &[Step], seen: &mut Observation) {
        for step in notes {
            let event = step.note(&mut self.ledger, self.all.parts.clock.now());
            self.events.extend(event);
            self.begun.push(step.kind());
            match (step, self.ledger.room.made()) {
                (Step::Adopt { .. } | Step::NoteRestored, Some(room)) => {
                    let mut found = seen.tagged.iter().chain(&seen.untagged).chain(&seen.tagged_by_others);
                    let is_archived = found.any(|found| found.room.id == room.id && found.archived);
                    seen.room = Some(if is_archived { RoomNow::Archived } else { RoomNow::Active });
                }
                (Step::BeginAgain | Step::NoteDeleted, _) => seen.room = None,
                _ => {}
            }
        }
        self.progressed = true;
    }

    fn record(&mut self, step: &Step, result: Result<Outcome, Failure>) {
        let kind = step.kind().as_str();
        match result {
            Ok(Outcome::FoldersMayCome { until }) => self.folders_may_come = Some(until),
            Ok(outcome) => {
                self.all.parts.metrics.stepped(kind, "done");
                self.progressed |= outcome.is_progress();
                self.events.extend(outcome.record(&mut self.ledger, self.all.parts.clock.now()));
            }
            Err(failure) => {
                self.all.parts.metrics.stepped(kind, "failed");
                step.record_failure(&failure, &mut self.ledger, self.all.parts.clock.now());
                self.failed(kind, &failure);
                self.failures.push(failure);
            }
        }
    }

    /// Notes a failure in the timeline, once for as long as it stays the same.
    fn failed(&mut self, kind: &str, failure: &Failure) {
        let text = failure.to_string();
        let silence = failure.silence();
        // What does not pass by itself is said once, when the ticket is blocked by it; that a system does not answer is said
        // once for all tickets, when its breaker opens.
        let is_told_here = silence.is_none() && failure.is_transient();
        if is_told_here && self.all.failures.admit(self.all.parts.clock.now()) {
            tracing::warn!(ticket = %self.claim.key, step = kind, %failure, "failed");
        } else {
            tracing::debug!(ticket = %self.claim.key, step = kind, %failure, "failed");
        }
        let told = silence.as_ref().unwrap_or(&text);
        let is_news = self.claim.reason.as_ref().is_none_or(|reason| !reason.contains(told));
        // That it was not asked says nothing about the ticket.
        if is_news && failure.cause != Cause::HeldBack {
            self.events.push(Event { at: self.all.parts.clock.now(), kind: "failed", text });
        }
    }

    /// The template of the room. Every step that calls comes with or after the intent or the find that fixed it.
    fn template(&self) -> Option<&'a Template> {
        self.all.parts.rules.template(self.ledger.template.as_deref()?).map(AsRef::as_ref)
    }

    fn situation<'s>(&'s self, helpdesk: &dyn Helpdesk, seen: &'s Observation) -> Situation<'s> {
        Situation {
            key: &self.claim.key,
            seen,
            ledger: &self.ledger,
            rules: &self.all.parts.rules,
            portal: self.all.parts.docspace.portal(),
            writes_back: helpdesk.writes_back(),
            asked: self.claim.asked > 0,
            attempts: self.claim.attempts,
            begun: &self.begun,
            now: self.all.parts.clock.now(),
            settle: self.all.parts.settings.settle,
        }
    }

    /// Commits the ledger and what happened. While the store can't be used, nothing else may go on for this
    /// ticket, so it waits.
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
                tracing::info!(ticket = %self.claim.key, "{}", event.kind);
            }
            // Nobody may be watching.
            let _ = self.all.progress.send(Progress::Happened(self.claim.key.clone(), event));
        }
    }

    async fn commit(
        &self,
        transition: impl Fn(&'a dyn crate::store::Store) -> BoxFuture<'a, Result<(), StoreError>>,
    ) -> Result<(), Cut> {
        let mut wait = Duration::from_millis(50);
        loop {
            match transition(self.all.parts.store.as_ref()).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Lost) => return Err(Cut::Overtaken),
                Err(error @ StoreError::RoomTaken { .. }) => return Err(Cut::RoomTaken(error)),
                Err(error) => {
                    tracing::error!(ticket = %self.claim.key, %error, "can't be written down; trying again");
                    tokio::time::sleep(self.all.parts.chance.jitter(wait)).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }

    async fn settle(&mut self, rest: Rest, seen: Option<Ticket>) -> Result<(), Cut> {
        let now = self.all.parts.clock.now();
        let rest = self.after_failures(rest, now);
        if let Some(looked) = self.looked_for_rooms {
            self.ledger.room.note_look(looked);
        }
        let (state, reason, due) = match rest {
            Rest::Ready { next, remark } => (State::Ready, remark, next),
            Rest::Waiting { until, reason } => (State::Waiting, Some(reason), Some(until)),
            Rest::Blocked { reason, again } => (State::Blocked, Some(reason), again),
            Rest::Skipped { reason } => (State::Skipped, Some(reason), None),
            Rest::Archived { reason } => (State::Archived, Some(reason), None),
        };
        let reason = reason.map(|reason| printable(&reason, MESSAGE));
        let attempts = match state {
            State::Waiting | State::Blocked if self.progressed => 1,
            // It was not tried at all, so it goes before those that were.
            State::Waiting if self.is_held_back() => self.claim.attempts,
            // Nor was this, but whatever it waits for makes it wait again: new ones go before it.
            State::Waiting if self.was_not_sent() => self.claim.attempts.max(1),
            State::Waiting | State::Blocked => self.claim.attempts.saturating_add(1),
            _ => 0,
        };
        if matches!(state, State::Blocked | State::Skipped | State::Archived)
            && reason != self.claim.reason
            && let Some(text) = reason.clone()
        {
            self.events.push(Event { at: now, kind: state.as_str(), text });
        }
        let mut save = self.next_save(format!("settle_{}", state.as_str()), seen);
        save.ledger.unfinished = false;
        let settlement = Settlement {
            save,
            hints: self.claim.hints,
            asked: if self.looked { self.claim.asked } else { 0 },
            state,
            reason,
            due,
            attempts,
        };
        self.end(settlement).await
    }

    async fn end(&mut self, settlement: Settlement) -> Result<(), Cut> {
        self.commit(|store| {
            let settlement = settlement.clone();
            Box::pin(async move { store.settle(settlement).await })
        })
        .await?;
        self.publish(settlement.save.events);
        let now = self.all.parts.clock.now();
        self.log_how_it_stands(settlement.state, settlement.reason.as_deref(), now).await;
        let settled = Progress::Settled(self.claim.key.clone(), settlement.state, settlement.reason);
        let _ = self.all.progress.send(settled);
        Ok(())
    }

    /// One line for a ticket that is ready or blocked now and was not before. That a system refuses our credentials is one
    /// line for all the tickets that wait for it.
    async fn log_how_it_stands(&self, state: State, reason: Option<&str>, now: Timestamp) {
        let (key, reason_now) = (&self.claim.key, reason.unwrap_or_default());
        match state {
            State::Ready if self.progressed => {
                let Some(room) = self.ledger.room.made() else { return };
                // Only the run that made the room tells how long that took.
                let is_new = self.claim.ledger.write_back.url.is_none();
                let record =
                    if is_new { self.all.parts.store.ticket(key).await.ok().flatten() } else { None };
                let after_ms =
                    record.and_then(|record| u64::try_from(until(record.created, now).as_millis()).ok());
                tracing::info!(ticket = %key, room = room.id.0, after_ms, remark = reason, "ready");
            }
            State::Blocked => {
                let refused = self.failures.iter().find(|failure| failure.cause == Cause::Unauthorized);
                let is_logged = match refused.map(|failure| (failure, self.system_of(failure))) {
                    Some((failure, Some(system))) => {
                        let is_news = self.all.refused.refused(system, &key.id, now);
                        if is_news {
                            tracing::warn!(
                                ticket = %key,
                                "{}: this ticket and others that need it are blocked, and go on by themselves once it \
                                 accepts our credentials",
                                advice(failure)
                            );
                        }
                        true
                    }
                    _ => self.claim.reason.as_deref() == reason || !self.all.blocked.admit(now),
                };
                if is_logged {
                    tracing::debug!(ticket = %key, reason = reason_now, "blocked");
                } else {
                    tracing::warn!(ticket = %key, reason = reason_now, "blocked");
                }
            }
            _ => {}
        }
    }

    /// The system that a failure is about, if it can be asked whether it still refuses us.
    fn system_of(&self, failure: &Failure) -> Option<System> {
        match failure.service {
            SERVICE => Some(System::DocSpace),
            // A callback can only be told.
            "callback" => None,
            _ => Some(System::Helpdesk(self.claim.key.helpdesk.clone())),
        }
    }

    /// DocSpace says 403 also of what doesn't exist. A run that did not begin with a look at the room can't tell; the
    /// next one does.
    fn may_mean_that_the_room_is_gone(&self, failure: &Failure) -> bool {
        failure.service == SERVICE
            && matches!(failure.cause, Cause::Forbidden | Cause::NotFound)
            && self.ledger.room.made().is_some()
            && self.claim.ledger.room.made().is_none()
    }

    /// Whether nothing went wrong but that this process may not act now. Others may, so nobody has to wait.
    fn is_held_back(&self) -> bool {
        !self.failures.is_empty() && self.failures.iter().all(|failure| failure.cause == Cause::HeldBack)
    }

    /// Whether nothing went wrong but that a system has not answered for a while, so that nobody was asked.
    fn was_not_sent(&self) -> bool {
        !self.failures.is_empty()
            && self.failures.iter().all(|failure| matches!(failure.cause, Cause::BreakerOpen { .. }))
    }

    /// What failed in this run counts for more than how the plan would let the ticket rest.
    fn after_failures(&self, rest: Rest, now: Timestamp) -> Rest {
        if self.failures.iter().any(|failure| self.may_mean_that_the_room_is_gone(failure)) {
            let reason = "DocSpace does not let us at the room; looking whether it is still there".to_owned();
            return Rest::Waiting { until: now, reason };
        }
        // A refused create is looked for before it counts as refused.
        let is_looked_for = |failure: &Failure| {
            failure.call == CREATE_ROOM
                && failure.effect() == Effect::Unknown
                && matches!(self.ledger.room, RoomEntry::Pending { .. })
        };
        let refused = |failure: &&Failure| !failure.is_transient() && !is_looked_for(failure);
        if let Some(failure) = self.failures.iter().find(refused) {
            // What is wrong with the request itself will not get better by waiting.
            if matches!(failure.cause, Cause::Rejected { status: 400 | 413 | 415 | 422, .. }) {
                return Rest::Blocked { reason: advice(failure), again: None };
            }
            return Rest::blocked(advice(failure), self.claim.attempts, now);
        }
        if let Some(failure) = self.failures.iter().max_by_key(|failure| failure.retry_after()) {
            if self.is_held_back() {
                return Rest::Waiting { until: now, reason: failure.to_string() };
            }
            if self.was_not_sent() {
                // When it answers, all go on at once, at the pace that the limits allow. Which of them is the next probe is
                // left to chance: the system may not answer for one ticket only.
                let spread = self.all.parts.chance.jitter(Duration::from_secs(1));
                let until = after(now, failure.retry_after().unwrap_or_default() + spread);
                return Rest::Waiting { until, reason: failure.to_string() };
            }
            let backoff = self.all.parts.chance.jitter(backoff(self.claim.attempts, self.progressed));
            let mut until = after(now, failure.retry_after().unwrap_or_default().max(backoff));
            // A room that may be there is looked for soon: it is what people wait for.
            if let Rest::Waiting { until: look, reason } = &rest
                && failure.retry_after().is_none()
                && matches!(self.ledger.room, RoomEntry::Pending { .. })
            {
                until = *look;
                if is_looked_for(failure) && !failure.is_transient() {
                    return Rest::Waiting { until, reason: reason.clone() };
                }
            }
            return Rest::Waiting { until, reason: failure.to_string() };
        }
        match (self.folders_may_come, rest) {
            (Some(until), Rest::Ready { .. } | Rest::Blocked { .. }) => Rest::Waiting {
                until: after(now, FOLDERS_AGAIN).min(until),
                reason: "DocSpace did not say whether it made all folders; looking for them".to_owned(),
            },
            (_, rest) => rest,
        }
    }
}

fn names(steps: &[Step]) -> String {
    steps.iter().map(|step| step.kind().as_str()).collect::<Vec<_>>().join("+")
}

/// One second, doubled with every run in a row that brought the ticket no further.
fn backoff(attempts: u32, progressed: bool) -> Duration {
    let doublings = if progressed { 0 } else { attempts.min(16) };
    Duration::from_secs(1 << doublings).min(BACKOFF_LIMIT)
}
