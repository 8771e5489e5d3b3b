//! Memory for the bodies of requests that are arriving or being stored, all of them together.
//!
//! Memory is taken as bytes arrive, not as a sender announces them: many who announce much and send
//! little use nothing up. The beginning of each body is free, since the cap of connections bounds
//! it already. Deliveries are rarely longer, so they are taken even while senders of large bodies
//! have used up all the rest.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As much of each body is not counted, in bytes.
const FREE: usize = 16 * 1024;
/// What is counted, in bytes.
const UNIT: usize = 1024;

/// The memory for bodies in flight.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

/// Nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp;

/// What one body takes of it, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: BodyBudget,
    taken: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// For a body of which nothing has arrived.
    pub(super) fn share(&self) -> Share {
        Share { budget: self.clone(), taken: None }
    }
}

impl Share {
    /// The body takes this many bytes from now on.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), UsedUp> {
        let wanted = bytes.saturating_sub(FREE).div_ceil(UNIT);
        let more = wanted.saturating_sub(self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| UsedUp)?;
        let more = Arc::clone(&self.budget.0).try_acquire_many_owned(more).map_err(|_| UsedUp)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_as_they_come_and_given_back_and_the_first_are_free() {
        let budget = BodyBudget::new(100 * UNIT);
        let (mut large, mut other) = (budget.share(), budget.share());
        for bytes in (0..=FREE + 100 * UNIT).step_by(100) {
            assert_eq!(large.grow_to(bytes), Ok(()), "{bytes}");
        }
        assert_eq!(large.grow_to(FREE + 100 * UNIT + 1), Err(UsedUp));
        assert_eq!(other.grow_to(FREE), Ok(()));
        assert_eq!(other.grow_to(FREE + 1), Err(UsedUp));
        drop(large);
        assert_eq!(other.grow_to(FREE + 100 * UNIT), Ok(()));
    }
}
