//! Faults between a client and a server, injected by a test or, where that is enabled, at the
//! control endpoint.
//!
//! Faults wait in a queue. The first one that matches a call and has firings left fires. If none
//! does, a random fault may. The kinds differ in the two things that matter to a client: whether
//! the work was done, and what the client learns.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lock;

/// The faults of one server; clones share the same queue.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    ordered: Vec<Fault>,
    random: Option<(RandomFaults, fastrand::Rng)>,
    fired: u64,
}

/// One fault in the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The calls that it fires at.
    #[serde(default)]
    pub call: CallMatch,
    /// What happens.
    pub kind: FaultKind,
    /// How often it fires.
    #[serde(default)]
    pub times: Times,
}

impl Fault {
    /// A fault that fires once, at the next call of this name.
    pub fn once(call: &str, kind: FaultKind) -> Self {
        Self { call: CallMatch::Named(call.to_owned()), kind, times: Times::Once }
    }

    /// A fault that fires at every call of this name.
    pub fn always(call: &str, kind: FaultKind) -> Self {
        Self { call: CallMatch::Named(call.to_owned()), kind, times: Times::Always }
    }
}

/// Which calls a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallMatch {
    /// Every call.
    #[default]
    Any,
    /// Calls counted under this name, for example `create_room`.
    Named(String),
}

/// How often a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// At the next matching call only.
    #[default]
    Once,
    /// At this many matching calls.
    N(u32),
    /// Until the faults are cleared.
    Always,
}

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The connection is closed before the request is processed: nothing done, no answer, not
    /// counted.
    Refuse,
    /// 429 with the headers of that limit; nothing done.
    TooMany(TooMany),
    /// That status with the server's error body; nothing done.
    StatusBefore(u16),
    /// The work is done, then that status.
    StatusAfter(u16),
    /// The work is done, then the connection is dropped.
    AnswerLost,
    /// Nothing done and no answer for that long, then the connection is dropped.
    Hang(#[serde(with = "millis")] Duration),
    /// The connection is dropped at once; the work is done that much later.
    LateLanding(#[serde(with = "millis")] Duration),
    /// The work is done; the answer promises its full length, but ends in the middle.
    TruncatedBody,
    /// The work is done; the answer never ends.
    EndlessBody,
}

/// The limit that an injected 429 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooMany {
    /// Requests a minute: DocSpace sends no `Retry-After`.
    PerMinute,
    /// GETs in flight: DocSpace sends no `Retry-After`.
    ConcurrentReads,
    /// Other calls in flight: DocSpace sends no `Retry-After`.
    ConcurrentWrites,
    /// POST and PUT a day.
    Daily {
        /// The value of `Retry-After`.
        retry_after_s: u64,
    },
    /// E-mail invitations a day.
    EmailInvitations {
        /// The value of `Retry-After`.
        retry_after_s: u64,
    },
}

impl TooMany {
    /// Its `Retry-After`, if that kind has one.
    pub(crate) fn retry_after_s(self) -> Option<u64> {
        match self {
            Self::Daily { retry_after_s } | Self::EmailInvitations { retry_after_s } => Some(retry_after_s),
            Self::PerMinute | Self::ConcurrentReads | Self::ConcurrentWrites => None,
        }
    }
}

/// Random faults: the same ones for the same seed and order of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// The seed of the random numbers.
    pub seed: u64,
    /// The probability that a fault fires at a call, 0 to 1.
    pub probability: f64,
    /// One of these, each as likely as the others.
    pub kinds: Vec<FaultKind>,
}

impl Faults {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.0)
    }

    /// Puts a fault at the end of the queue.
    pub fn add(&self, fault: Fault) {
        self.queue().ordered.push(fault);
    }

    /// From now on, random faults fire at calls that no fault in the queue is for.
    pub fn random(&self, random: RandomFaults) {
        let rng = fastrand::Rng::with_seed(random.seed);
        self.queue().random = Some((random, rng));
    }

    /// No more faults of either sort.
    pub fn clear(&self) {
        let mut queue = self.queue();
        queue.ordered.clear();
        queue.random = None;
    }

    /// How many faults have fired since the start.
    pub fn fired(&self) -> u64 {
        self.queue().fired
    }

    /// The fault that fires at this call, if any.
    pub(crate) fn next_for(&self, call: &str) -> Option<FaultKind> {
        let mut queue = self.queue();
        let kind = queue.ordered_for(call).or_else(|| queue.by_chance())?;
        queue.fired += 1;
        Some(kind)
    }
}

impl Queue {
    fn ordered_for(&mut self, call: &str) -> Option<FaultKind> {
        let position = self.ordered.iter().position(|fault| {
            fault.times != Times::N(0)
                && match &fault.call {
                    CallMatch::Any => true,
                    CallMatch::Named(name) => name == call,
                }
        })?;
        let fault = self.ordered.get_mut(position)?;
        let kind = fault.kind.clone();
        match &mut fault.times {
            Times::Always => {}
            Times::N(left) if *left > 1 => *left -= 1,
            Times::Once | Times::N(_) => {
                self.ordered.remove(position);
            }
        }
        Some(kind)
    }

    fn by_chance(&mut self) -> Option<FaultKind> {
        let (random, rng) = self.random.as_mut()?;
        let fires = rng.f64() < random.probability && !random.kinds.is_empty();
        if fires { random.kinds.get(rng.usize(..random.kinds.len())).cloned() } else { None }
    }
}

/// Durations at the control endpoint are whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_with_firings_left_fires() {
        let faults = Faults::default();
        faults.add(Fault { times: Times::N(2), ..Fault::once("a", FaultKind::StatusBefore(503)) });
        faults.add(Fault { call: CallMatch::Any, kind: FaultKind::Refuse, times: Times::Once });
        assert_eq!(faults.next_for("b"), Some(FaultKind::Refuse));
        assert_eq!(faults.next_for("b"), None);
        assert_eq!(faults.next_for("a"), Some(FaultKind::StatusBefore(503)));
        assert_eq!(faults.next_for("a"), Some(FaultKind::StatusBefore(503)));
        assert_eq!(faults.next_for("a"), None);
        assert_eq!(faults.fired(), 3);
    }

    #[test]
    fn chance_repeats_for_the_same_seed() {
        let run = || {
            let faults = Faults::default();
            let kinds = vec![FaultKind::AnswerLost, FaultKind::Refuse];
            faults.random(RandomFaults { seed: 7, probability: 0.3, kinds });
            (0..200).map(|_| faults.next_for("x")).collect::<Vec<_>>()
        };
        let strikes = run();
        assert_eq!(strikes, run());
        let hits = strikes.iter().flatten().count();
        assert!((30..90).contains(&hits), "{hits}");
    }

    #[test]
    fn faults_are_readable_json() {
        let text = r#"[{"kind":"answer_lost"},
            {"call":{"named":"create_room"},"kind":{"hang":1500},"times":{"n":3}},
            {"kind":{"too_many":{"daily":{"retry_after_s":60}}},"times":"always"},
            {"kind":{"too_many":"per_minute"}}, {"kind":{"status_after":500}}]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).unwrap();
        assert_eq!(faults[0].times, Times::Once);
        assert_eq!(faults[1].kind, FaultKind::Hang(Duration::from_millis(1500)));
        assert_eq!(faults[3].kind, FaultKind::TooMany(TooMany::PerMinute));
    }
}
