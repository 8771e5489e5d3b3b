//! Deliveries that a helpdesk loses: it sends nothing, and nobody is told. Real ones do so while
//! their circuit breaker is open, after their last retry, and while a rule is switched off.
//!
//! Which deliveries are lost follows from the seed and their order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which deliveries are lost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The probability that a delivery is lost, 0 to 1.
    pub rate: f64,
    /// The seed of the random numbers.
    #[serde(default)]
    pub seed: u64,
    /// When it ends, by the helpdesk's clock; without, when somebody ends it.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl Loss {
    /// Everything is lost until somebody ends it.
    pub fn of_everything() -> Self {
        Self { rate: 1.0, seed: 0, until: None }
    }

    /// Everything is lost until that time of the helpdesk's clock.
    pub fn until(end: Timestamp) -> Self {
        Self { until: Some(end), ..Self::of_everything() }
    }

    /// That share of all deliveries is lost, the same ones for the same seed.
    pub fn share(rate: f64, seed: u64) -> Self {
        Self { rate, seed, until: None }
    }
}

/// The loss that is in force, and what was lost so far.
#[derive(Debug)]
pub(crate) struct Losses<D> {
    now: Option<(Loss, fastrand::Rng)>,
    lost: Vec<D>,
}

impl<D> Default for Losses<D> {
    fn default() -> Self {
        Self { now: None, lost: Vec::new() }
    }
}

impl<D> Losses<D> {
    pub(crate) fn set(&mut self, loss: Option<Loss>) {
        self.now = loss.map(|loss| (loss, fastrand::Rng::with_seed(loss.seed)));
    }

    /// Whether the next delivery is lost.
    pub(crate) fn strike(&mut self, now: Timestamp) -> bool {
        self.now.as_mut().is_some_and(|(loss, random)| {
            let over = loss.until.is_some_and(|end| now >= end);
            !over && random.f64() < loss.rate
        })
    }

    pub(crate) fn note(&mut self, delivery: D) {
        self.lost.push(delivery);
    }

    pub(crate) fn all(&self) -> &[D] {
        &self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(loss: Loss) -> Vec<bool> {
        let mut losses = Losses::<()>::default();
        losses.set(Some(loss));
        (0..1_000).map(|second| losses.strike(Timestamp::from_second(second).unwrap())).collect()
    }

    #[test]
    fn the_same_ones_are_lost_for_the_same_seed() {
        let lost = struck(Loss::share(0.01, 7));
        assert_eq!(lost, struck(Loss::share(0.01, 7)));
        assert_ne!(lost, struck(Loss::share(0.01, 8)));
        let count = lost.iter().filter(|lost| **lost).count();
        assert!((2..30).contains(&count), "{count}");
    }

    #[test]
    fn a_loss_ends_in_time() {
        let lost = struck(Loss::until(Timestamp::from_second(600).unwrap()));
        assert!(lost[..600].iter().all(|lost| *lost) && !lost[600..].contains(&true));
    }
}
