//! One log line for many equal events: the first is logged at once, then their number at each
//! interval in which there were more, and their total when an interval has passed without any.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is logged about a series of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The first one.
    Begins,
    /// So many more since the last report.
    Continues(u64),
    /// There were none for an interval; so many in all.
    Ended(u64),
}

/// Counts equal events and reports them.
#[derive(Debug)]
pub(super) struct Sampled(Arc<Series>);

#[derive(Debug)]
struct Series {
    interval: Duration,
    report: fn(Report),
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Since the series began.
    total: u64,
    /// Since the last report.
    unreported: u64,
}

impl Sampled {
    /// `report` logs; it is called at most once an interval, and once more at the beginning of each
    /// series.
    pub(super) fn new(interval: Duration, report: fn(Report)) -> Self {
        Self(Arc::new(Series { interval, report, counts: Mutex::default() }))
    }

    /// One more of them; `true` if it begins a series. Has to be called within a runtime.
    pub(super) fn happened(&self) -> bool {
        {
            let mut counts = self.0.counts();
            counts.total += 1;
            if counts.total > 1 {
                counts.unreported += 1;
                return false;
            }
        }
        (self.0.report)(Report::Begins);
        let series = Arc::clone(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(series.interval).await;
                let report = series.next_report();
                (series.report)(report);
                if matches!(report, Report::Ended(_)) {
                    return;
                }
            }
        });
        true
    }
}

impl Series {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_report(&self) -> Report {
        let mut counts = self.counts();
        match std::mem::take(&mut counts.unreported) {
            0 => Report::Ended(std::mem::take(&mut counts.total)),
            more => Report::Continues(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static REPORTS: Mutex<Vec<Report>> = Mutex::new(Vec::new());

    #[tokio::test(start_paused = true)]
    async fn a_series_is_three_lines_however_many_events_it_has() {
        let interval = Duration::from_secs(10);
        let sampled = Sampled::new(interval, |report| REPORTS.lock().unwrap().push(report));
        for _ in 0..2 {
            for _ in 0..70_000 {
                sampled.happened();
            }
            tokio::time::sleep(interval * 3).await;
            let expected = [Report::Begins, Report::Continues(69_999), Report::Ended(70_000)];
            assert_eq!(std::mem::take(&mut *REPORTS.lock().unwrap()), expected);
        }
        sampled.happened();
        tokio::time::sleep(interval * 3).await;
        assert_eq!(*REPORTS.lock().unwrap(), [Report::Begins, Report::Ended(1)]);
    }
}
