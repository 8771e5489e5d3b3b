//! Whether deliveries could be stored, asked of the store at most once a second and by one caller
//! at a time, since the question costs it a write. Whoever asks meanwhile gets the same answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::{Timestamp, after};
use crate::store::StoreError;

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The last answer of the store.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<Answer>>>);

#[derive(Debug)]
struct Answer {
    at: Timestamp,
    result: Result<(), StoreError>,
}

impl Readiness {
    /// The store's answer at `now`: the last one while it is good, else that of `probe`.
    pub(super) async fn at(
        &self,
        now: Timestamp,
        probe: impl Future<Output = Result<(), StoreError>> + Send + 'static,
    ) -> Result<(), StoreError> {
        let mut last = Arc::clone(&self.0).lock_owned().await;
        if let Some(answer) = last.as_ref()
            // A clock that was set back must not make it good for ever.
            && (answer.at..after(answer.at, GOOD_FOR)).contains(&now)
        {
            return answer.result.clone();
        }
        // In a task of its own, so that it is the only one until its end, though the caller may go
        // away.
        let probing = tokio::spawn(async move {
            let result = probe.await;
            if let Err(error) = &result {
                tracing::error!(%error, "not ready");
            }
            *last = Some(Answer { at: now, result: result.clone() });
            result
        });
        probing.await.unwrap_or_else(|panic| Err(StoreError::Unavailable(panic.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[derive(Clone)]
    struct Probes {
        begun: Arc<AtomicUsize>,
        may_end: Arc<Semaphore>,
    }

    impl Probes {
        async fn probe(self) -> Result<(), StoreError> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.may_end.acquire().await.unwrap().forget();
            Ok(())
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::SeqCst)
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn one_probe_at_a_time_and_one_a_second_however_many_ask() {
        let readiness = Readiness::default();
        let probes = Probes { begun: Arc::default(), may_end: Arc::new(Semaphore::new(0)) };
        let ask = |at| {
            let (readiness, probe) = (readiness.clone(), probes.clone().probe());
            async move { readiness.at(at, probe).await }
        };
        // Whoever asks and goes away leaves its probe to those who come after.
        for _ in 0..100 {
            let asking = tokio::spawn(ask(second(10)));
            tokio::task::yield_now().await;
            asking.abort();
            let _ = asking.await;
        }
        assert_eq!(probes.begun(), 1);
        let asking: Vec<_> = (0..1000).map(|_| tokio::spawn(ask(second(10)))).collect();
        probes.may_end.add_permits(10);
        for asking in asking {
            assert_eq!(asking.await.unwrap(), Ok(()));
        }
        assert_eq!(probes.begun(), 1);
        for (at, begun) in [(second(11), 2), (second(11), 2), (second(12), 3), (second(5), 4), (second(5), 4)]
        {
            ask(at).await.unwrap();
            assert_eq!(probes.begun(), begun, "{at}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_shared_too_and_ends_with_its_second() {
        let readiness = Readiness::default();
        let down = StoreError::Unavailable("disk full".to_owned());
        let refusal = Err(down.clone());
        assert_eq!(readiness.at(second(1), std::future::ready(refusal.clone())).await, refusal);
        assert_eq!(readiness.at(second(1), std::future::ready(Ok(()))).await, refusal);
        assert_eq!(readiness.at(second(2), std::future::ready(Ok(()))).await, Ok(()));
    }
}
