//! How long something took, many times over.

use std::time::Duration;

/// Durations, the shortest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    /// The duration that so many of a hundred did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }
}

impl FromIterator<Duration> for Spread {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut durations: Vec<_> = durations.into_iter().collect();
        durations.sort_unstable();
        Self(durations)
    }
}

impl IntoIterator for Spread {
    type Item = Duration;
    type IntoIter = std::vec::IntoIter<Duration>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let spread: Spread = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(spread.median(), Duration::from_millis(50));
        assert_eq!(spread.percentile(99), Duration::from_millis(99));
        assert_eq!(
            [Duration::from_secs(3)].into_iter().collect::<Spread>().percentile(1),
            Duration::from_secs(3)
        );
        assert_eq!(Spread::default().median(), Duration::ZERO);
    }
}
