//! A circuit breaker for each system that is called: DocSpace, and each configured helpdesk.
//!
//! A system that does not answer costs each call its whole timeout. After [`THRESHOLD`] calls in a
//! row without an answer, none of them longer ago than [`WINDOW`], the breaker *opens*: calls fail
//! at once and are not sent, so nothing happened over there ([`Cause::BreakerOpen`]). After a pause
//! it is *half-open*: one call is let through as a probe. If that one is answered, the breaker
//! closes; if not, it stays open for a pause that is twice as long, up to [`LONGEST_PAUSE`].
//!
//! What counts is whether the system answers. No connection, a timeout, a broken answer, and what a
//! gateway says in the place of a system that is away (502 to 504, and 520 to 530 of Cloudflare)
//! are failures. Any other answer closes the breaker, a refusal (4xx, 429) as well. A 500 does so,
//! too: it comes at once, and may be about one ticket.
//!
//! Calls are often under way when the breaker opens. Their failures are those of before and change
//! nothing any more; an answer to one of them closes the breaker. A call that is given up before it
//! ended says nothing.
//!
//! [`State`] is the state machine; it knows no clock. [`Breakers`] keeps one for each system, logs
//! when one opens and closes, and keeps the metrics.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::call::Cause;
use crate::clock::{Chance, Clock, Timestamp, after, until};
use crate::metrics::Metrics;

/// So many calls in a row without an answer open a breaker.
pub const THRESHOLD: usize = 5;
/// Failures that are longer ago than this don't count.
pub const WINDOW: Duration = Duration::from_secs(60);
/// The pause after the opening.
pub const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// No pause is longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// When to ask again while a probe is under way.
const PROBE_AGAIN: Duration = Duration::from_secs(1);

/// What a call says about whether the system answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Answers,
    /// It does not.
    Fails,
    /// Nothing: the call was not sent, or was given up.
    Unknown,
}

/// A change that people want to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The system was answering, and calls are not sent any more until then.
    Opened {
        /// Since when it has not answered.
        since: Timestamp,
        /// When the next call is sent.
        until: Timestamp,
    },
    /// The system answers again.
    Closed {
        /// Since when it had not answered.
        since: Timestamp,
    },
}

/// Whether calls would be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// They would.
    Open,
    /// One of them would.
    Probe,
    /// None would until the probe that is under way ends; when to ask again.
    Probing(Refused),
    /// None would until then.
    Shut(Refused),
}

/// Why a call is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Since when the system has not answered.
    pub since: Timestamp,
    /// When to try again.
    pub until: Timestamp,
    /// How long that is from now on.
    pub wait: Duration,
}

/// A call that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    begun: Timestamp,
    generation: u64,
}

/// The state of one breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    at: At,
    /// How often it has opened, closed or begun to probe: results of calls that were let through
    /// earlier are told apart by it.
    generation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    Closed {
        /// When the first of the calls in a row without an answer was sent.
        since: Option<Timestamp>,
        /// When they failed; fewer than [`THRESHOLD`].
        failed: Vec<Timestamp>,
    },
    Open {
        since: Timestamp,
        until: Timestamp,
        pause: Duration,
    },
    Probing {
        since: Timestamp,
        pause: Duration,
    },
}

impl Default for State {
    fn default() -> Self {
        Self { at: At::Closed { since: None, failed: Vec::new() }, generation: 0 }
    }
}

impl State {
    /// Whether a call would be sent now.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        match self.at {
            At::Closed { .. } => Gate::Open,
            At::Probing { since, .. } => {
                Gate::Probing(Refused { since, until: after(now, PROBE_AGAIN), wait: PROBE_AGAIN })
            }
            At::Open { since, until: end, pause } => {
                let wait = until(now, end);
                // No pause is that long: the clock was set back.
                if wait.is_zero() || wait > pause {
                    return Gate::Probe;
                }
                Gate::Shut(Refused { since, until: end, wait })
            }
        }
    }

    /// Asks to send a call now.
    ///
    /// # Errors
    /// When it may not be sent.
    pub fn admit(&mut self, now: Timestamp) -> Result<Admitted, Refused> {
        if let Gate::Shut(refused) | Gate::Probing(refused) = self.gate(now) {
            return Err(refused);
        }
        if let At::Open { since, pause, .. } = self.at {
            self.at = At::Probing { since, pause };
            self.generation += 1;
        }
        Ok(Admitted { begun: now, generation: self.generation })
    }

    /// A call that was let through has ended. `jitter` shortens a pause a little, as chance has it.
    pub fn ended(
        &mut self,
        call: Admitted,
        verdict: Verdict,
        now: Timestamp,
        jitter: impl Fn(Duration) -> Duration,
    ) -> Option<Change> {
        let is_current = call.generation == self.generation;
        match (&mut self.at, verdict) {
            (At::Closed { since, failed }, Verdict::Answers) => {
                *since = None;
                failed.clear();
                None
            }
            (At::Closed { since, failed }, Verdict::Fails) if is_current => {
                failed.retain(|at| until(*at, now) <= WINDOW);
                failed.push(now);
                let since = *since.get_or_insert(call.begun);
                if failed.len() < THRESHOLD {
                    return None;
                }
                let until = self.open(since, FIRST_PAUSE, now, jitter);
                Some(Change::Opened { since, until })
            }
            (&mut (At::Open { since, .. } | At::Probing { since, .. }), Verdict::Answers) => {
                self.at = State::default().at;
                self.generation += 1;
                Some(Change::Closed { since })
            }
            (&mut At::Probing { since, pause }, Verdict::Fails) if is_current => {
                self.open(since, (pause * 2).min(LONGEST_PAUSE), now, jitter);
                None
            }
            (&mut At::Probing { since, pause }, Verdict::Unknown) if is_current => {
                // The next call is the probe.
                self.at = At::Open { since, until: now, pause };
                self.generation += 1;
                None
            }
            _ => None,
        }
    }

    fn open(
        &mut self,
        since: Timestamp,
        pause: Duration,
        now: Timestamp,
        jitter: impl Fn(Duration) -> Duration,
    ) -> Timestamp {
        let until = after(now, jitter(pause));
        self.at = At::Open { since, until, pause };
        self.generation += 1;
        until
    }
}

/// The breakers of one service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Breakers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    chance: Chance,
    metrics: Metrics,
    states: Mutex<HashMap<String, State>>,
}

impl Breakers {
    /// All of them closed.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, chance: Chance, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { clock, chance, metrics, states: Mutex::default() }))
    }

    /// The breaker of a system, by the name that it has in metrics.
    #[must_use]
    pub fn of(&self, system: &str) -> Breaker {
        let mut states = self.states();
        // It may be known already: a configuration that is read again calls the same systems.
        let state = states.entry(system.to_owned()).or_default();
        self.0.metrics.breaker(system, !matches!(state.at, At::Closed { .. }));
        drop(states);
        Breaker(Some(One { breakers: self.clone(), system: system.into() }))
    }

    /// Forgets a system that is not called any more.
    pub fn forget(&self, system: &str) {
        let mut states = self.states();
        states.remove(system);
        self.0.metrics.no_breaker(system);
    }

    /// Whether calls to a system would be sent now.
    #[must_use]
    pub fn gate(&self, system: &str) -> Gate {
        let now = self.0.clock.now();
        self.states().get(system).map_or(Gate::Open, |state| state.gate(now))
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.0.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The breaker of one system. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Breaker(Option<One>);

#[derive(Clone)]
struct One {
    breakers: Breakers,
    system: Arc<str>,
}

impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&self.system).finish()
    }
}

impl Breaker {
    /// Asks to send a call to `service` now.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub fn admit(&self, service: &'static str) -> Result<Pass<'_>, Cause> {
        let Some(one) = &self.0 else { return Ok(Pass(None)) };
        let now = one.breakers.0.clock.now();
        let admitted = one.breakers.states().entry(one.system.to_string()).or_default().admit(now);
        match admitted {
            Ok(call) => Ok(Pass(Some((one, call, service)))),
            Err(refused) => Err(one.open(refused)),
        }
    }

    /// Whether a call would be refused now, and why. Other than [`admit`](Self::admit), this takes
    /// no probe's place.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub fn refuses(&self) -> Result<(), Cause> {
        let Some(one) = &self.0 else { return Ok(()) };
        match one.breakers.gate(&one.system) {
            Gate::Shut(refused) | Gate::Probing(refused) => Err(one.open(refused)),
            Gate::Open | Gate::Probe => Ok(()),
        }
    }
}

impl One {
    fn open(&self, Refused { since, until, wait }: Refused) -> Cause {
        Cause::BreakerOpen { system: self.system.to_string(), since, until, wait }
    }

    fn ended(&self, call: Admitted, verdict: Verdict, service: &'static str) {
        let Shared { clock, chance, metrics, .. } = &*self.breakers.0;
        let change = {
            let mut states = self.breakers.states();
            let state = states.entry(self.system.to_string()).or_default();
            let change = state.ended(call, verdict, clock.now(), |pause| chance.jitter(pause));
            // Under the lock, so that the last one to change it has the last word.
            if let Some(change) = change {
                metrics.breaker(&self.system, matches!(change, Change::Opened { .. }));
            }
            change
        };
        let system = &*self.system;
        match change {
            Some(Change::Opened { since, until }) => tracing::warn!(
                system,
                %since,
                %until,
                "{service} does not answer; no more calls are sent for now, and then one at a time until it does"
            ),
            Some(Change::Closed { since }) => {
                tracing::info!(system, %since, "{service} answers again; its tickets resume");
            }
            None => {}
        }
    }
}

/// A call that may be sent. If it is dropped before it ended, nothing is learnt from it.
#[derive(Debug)]
pub struct Pass<'a>(Option<(&'a One, Admitted, &'static str)>);

impl Pass<'_> {
    /// The call has ended.
    pub fn ended(mut self, verdict: Verdict) {
        if let Some((one, call, service)) = self.0.take() {
            one.ended(call, verdict, service);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some((one, call, service)) = self.0.take() {
            one.ended(call, Verdict::Unknown, service);
        }
    }
}

/// What a call's end says about whether the system answers.
#[must_use]
pub fn verdict(ended: Result<u16, &Cause>) -> Verdict {
    match ended {
        Ok(502..=504 | 520..=530) | Err(Cause::Unreachable(_) | Cause::NoAnswer(_)) => Verdict::Fails,
        Ok(_) => Verdict::Answers,
        Err(_) => Verdict::Unknown,
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
