//! How a ticket stands when nothing is to be done now.

use std::time::Duration;

use crate::clock::{Timestamp, after};
use crate::reason::Reason;

/// How long until a blocked ticket is tried again without anybody asking: what blocks it is set
/// right elsewhere (a group is made, a key renewed), and nobody should have to find every ticket
/// afterwards. Doubled with every try that changed nothing, since each may cost a write, up to
/// sixteen times as long.
const BLOCKED_AGAIN: Duration = Duration::from_secs(15 * 60);
const BLOCKED_DOUBLINGS: u32 = 4;

/// How a ticket stands when nothing is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// All is as it should be.
    Ready {
        /// When to look again.
        next: Option<Timestamp>,
        /// What is not quite as configured.
        remark: Option<Reason>,
    },
    /// It goes on by itself.
    Waiting {
        /// When.
        until: Timestamp,
        /// Why not now.
        reason: Reason,
    },
    /// A person has to do something.
    Blocked {
        /// What is wrong, and what to do.
        reason: Reason,
        /// When to try again all the same.
        again: Option<Timestamp>,
    },
    /// The ticket gets no room.
    Skipped {
        /// Why.
        reason: Reason,
    },
    /// The room is in the archive.
    Archived {
        /// Why.
        reason: Reason,
        /// When to look again.
        next: Option<Timestamp>,
    },
}

impl Rest {
    /// Something that a person has to set right, tried again by itself after a while that grows
    /// with `attempts`.
    #[must_use]
    pub fn blocked(reason: Reason, attempts: u32, now: Timestamp) -> Self {
        let wait = BLOCKED_AGAIN * (1 << attempts.min(BLOCKED_DOUBLINGS));
        Self::Blocked { reason, again: Some(after(now, wait)) }
    }
}
