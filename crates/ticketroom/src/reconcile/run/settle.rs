//! How a run ends: what failed in it and what the plan says become the ticket's state, its reason
//! and its next time. They are committed with the ledger, and the log has a line for a ticket that
//! is ready or blocked now and was not before.

use std::time::Duration;

use super::super::refused::Account;
use super::super::rest::Rest;
use super::super::worker::Progress;
use super::{Cut, Run};
use crate::call::{Cause, Failure, SideEffect};
use crate::clock::{Timestamp, after, until};
use crate::docspace::reasons::{DOCSPACE, ROOM_MAY_BE_GONE, ROOM_ON_ITS_WAY};
use crate::docspace::rooms::CREATE_ROOM;
use crate::ledger::RoomEntry;
use crate::reason::Reason;
use crate::store::{Event, Settlement, State};
use crate::ticket::Ticket;

/// The longest wait between tries while another system is away.
const BACKOFF_LIMIT: Duration = Duration::from_secs(5 * 60);

fn is_on_its_way(reason: Option<&Reason>) -> bool {
    reason.is_some_and(|reason| reason.is(&ROOM_ON_ITS_WAY))
}

impl Run<'_> {
    pub(super) async fn settle(&mut self, rest: Rest, seen: Option<Ticket>) -> Result<(), Cut> {
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
            Rest::Archived { reason, next } => (State::Archived, Some(reason), next),
        };
        // It may quote what other systems said.
        let reason = reason.map(Reason::printable);
        let attempts = match state {
            State::Waiting | State::Blocked if self.progressed => 1,
            // Looking for a room on its way is no failure: one that comes then is tried again soon,
            // and not after minutes.
            State::Waiting if self.failures.is_empty() && is_on_its_way(reason.as_ref()) => 1,
            // It was not tried at all, so it goes before those that were.
            State::Waiting if self.is_held_back() => self.claim.attempts,
            // Nor was this, but whatever it waits for makes it wait again: new ones go before it.
            State::Waiting if self.was_not_sent() => self.claim.attempts.max(1),
            State::Waiting | State::Blocked => self.claim.attempts.saturating_add(1),
            _ => 0,
        };
        if matches!(state, State::Blocked | State::Skipped | State::Archived)
            && reason != self.claim.reason
            && let Some(reason) = &reason
        {
            self.events.push(Event { at: now, kind: state.as_str(), text: reason.to_string() });
        }
        let mut save = self.next_save(format!("settle_{}", state.as_str()), seen);
        save.ledger.unfinished = false;
        let settlement = Settlement {
            save,
            hints: self.claim.hints,
            asked: if self.looked { self.claim.asked } else { 0 },
            applied: self.applied(),
            state,
            reason,
            due,
            attempts,
        };
        self.end(settlement).await
    }

    pub(super) async fn end(&mut self, settlement: Settlement) -> Result<(), Cut> {
        self.commit(|store| {
            let settlement = settlement.clone();
            Box::pin(async move { store.settle(settlement).await })
        })
        .await?;
        self.publish(settlement.save.events);
        let now = self.all.parts.clock.now();
        if settlement.state == State::Blocked && !self.all.parts.live.is_in_force(self.snapshot) {
            self.all.blocked_by_an_earlier.notify_one();
        }
        self.log_how_it_stands(settlement.state, settlement.reason.as_ref(), now).await;
        let settled = Progress::Settled(self.claim.key.clone(), settlement.state, settlement.reason);
        let _ = self.all.progress.send(settled);
        Ok(())
    }

    /// One line for a ticket that is ready or blocked now and was not before. That a system refuses
    /// our credentials is one line for all the tickets that wait for it.
    async fn log_how_it_stands(&self, state: State, reason: Option<&Reason>, now: Timestamp) {
        let key = &self.claim.key;
        match state {
            State::Ready if self.progressed => {
                let Some(room) = self.ledger.room.made() else { return };
                // Only the run that made the room tells how long that took.
                let is_new = self.claim.ledger.write_back.url.is_none();
                let record =
                    if is_new { self.all.parts.store.ticket(key).await.ok().flatten() } else { None };
                let after_ms =
                    record.and_then(|record| u64::try_from(until(record.created, now).as_millis()).ok());
                let (code, remark) = (reason.map(|reason| &*reason.code), reason.map(Reason::to_string));
                tracing::info!(room = room.id.0, after_ms, code, remark, "ready");
            }
            State::Blocked => {
                let Some(reason) = reason else { return };
                let refused = self.failures.iter().find(|failure| failure.cause == Cause::Unauthorized);
                let is_logged = match refused.map(|failure| (failure, self.account_of(failure))) {
                    Some((failure, Some(account))) => {
                        let is_news = self.all.refused.refused(account, &key.id, now);
                        if is_news {
                            let refusal = failure.reason();
                            tracing::warn!(
                                code = %refusal.code,
                                "{}: this ticket and others that need it are blocked, and resume once it \
                                 accepts our credentials",
                                refusal
                            );
                        }
                        true
                    }
                    _ => self.claim.reason.as_ref() == Some(reason) || !self.all.blocked.admit(now),
                };
                if is_logged {
                    tracing::debug!(code = %reason.code, %reason, "blocked");
                } else {
                    tracing::warn!(code = %reason.code, %reason, "blocked");
                }
            }
            _ => {}
        }
    }

    /// Whose credentials a failure is about, if that system can be asked whether it still refuses
    /// them.
    fn account_of(&self, failure: &Failure) -> Option<Account> {
        if failure.system == &DOCSPACE {
            return Some(Account::DocSpace);
        }
        failure.system.can_be_asked.then(|| Account::Helpdesk(self.claim.key.helpdesk.clone()))
    }

    /// DocSpace says 403 also of what doesn't exist. A run that did not begin with a look at the
    /// room can't tell; the next one does.
    fn may_mean_that_the_room_is_gone(&self, failure: &Failure) -> bool {
        failure.system == &DOCSPACE
            && matches!(failure.cause, Cause::Forbidden | Cause::NotFound)
            && self.ledger.room.made().is_some()
            && self.claim.ledger.room.made().is_none()
    }

    /// Whether nothing went wrong but that this process may not act now. Others may, so nobody has
    /// to wait.
    fn is_held_back(&self) -> bool {
        !self.failures.is_empty() && self.failures.iter().all(|failure| failure.cause == Cause::HeldBack)
    }

    /// Whether nothing went wrong but that a system has not answered for a while, so that nobody
    /// was asked.
    fn was_not_sent(&self) -> bool {
        !self.failures.is_empty()
            && self.failures.iter().all(|failure| matches!(failure.cause, Cause::BreakerOpen { .. }))
    }

    /// What failed in this run counts for more than how the plan would let the ticket rest.
    fn after_failures(&self, rest: Rest, now: Timestamp) -> Rest {
        if self.failures.iter().any(|failure| self.may_mean_that_the_room_is_gone(failure)) {
            let reason = ROOM_MAY_BE_GONE
                .reason("DocSpace denies access to the room; checking whether it still exists");
            return Rest::Waiting { until: now, reason };
        }
        // A refused create is looked for before it counts as refused.
        let is_looked_for = |failure: &Failure| {
            failure.call == CREATE_ROOM
                && failure.side_effect() == SideEffect::Unknown
                && matches!(self.ledger.room, RoomEntry::Pending { .. })
        };
        let refused = |failure: &&Failure| !failure.is_transient() && !is_looked_for(failure);
        if let Some(failure) = self.failures.iter().find(refused) {
            // What is wrong with the request itself will not get better by waiting.
            if matches!(failure.cause, Cause::Rejected { status: 400 | 413 | 415 | 422, .. }) {
                return Rest::Blocked { reason: failure.reason(), again: None };
            }
            return Rest::blocked(failure.reason(), self.claim.attempts, now);
        }
        if let Some(failure) = self.failures.iter().max_by_key(|failure| failure.retry_after()) {
            if self.is_held_back() {
                return Rest::Waiting { until: now, reason: failure.reason() };
            }
            if self.was_not_sent() {
                // When it answers, all go on at once, at the pace that the limits allow. Which of
                // them is the next probe is left to chance: the system may not answer for one
                // ticket only.
                let spread = self.all.parts.chance.jitter(Duration::from_secs(1));
                let until = after(now, failure.retry_after().unwrap_or_default() + spread);
                return Rest::Waiting { until, reason: failure.reason() };
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
            return Rest::Waiting { until, reason: failure.reason() };
        }
        match (&self.wait, rest) {
            (Some(wait), Rest::Ready { .. } | Rest::Blocked { .. }) => {
                Rest::Waiting { until: wait.until, reason: wait.reason.clone() }
            }
            (_, rest) => rest,
        }
    }
}

/// One second, doubled with every run in a row that brought the ticket no further.
pub(super) fn backoff(attempts: u32, progressed: bool) -> Duration {
    let doublings = if progressed { 0 } else { attempts.min(16) };
    Duration::from_secs(1 << doublings).min(BACKOFF_LIMIT)
}
