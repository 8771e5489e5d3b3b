//! Calls without an answer, which may take effect minutes later: what they asked for stays known
//! until a look long after that, so that it is recognised as ours then.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LAST_AUDIT, LATEST_LANDING};
use crate::clock::{Timestamp, after};
use crate::room::Role;
use crate::template::Grant;

/// What a call without an answer asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late<T> {
    /// What.
    pub what: T,
    /// Until when the call may have been sent.
    pub since: Timestamp,
    /// When it was looked for last.
    pub looked: Timestamp,
}

/// What a call about access asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateAccess {
    /// Access.
    Grant(Grant),
    /// Another role.
    Role {
        /// Who.
        id: Uuid,
        /// The role.
        role: Role,
    },
    /// No access for this person or group.
    Revoke(Uuid),
}

impl<T: PartialEq> Late<T> {
    /// A call was given up at `now`, or may have been sent until then.
    pub fn note(all: &mut Vec<Self>, what: T, now: Timestamp) {
        all.retain(|late| late.what != what);
        all.push(Self { what, since: now, looked: now });
    }
}

impl<T> Late<T> {
    /// When to look next: after `settle`, 6 minutes and an hour; `None` once the last look is over.
    #[must_use]
    pub fn next_look(&self, settle: Duration) -> Option<Timestamp> {
        let looks = [settle, LATEST_LANDING, LAST_AUDIT].map(|wait| after(self.since, wait));
        looks.into_iter().filter(|at| *at > self.looked).min()
    }

    /// Whether it can't take effect any more.
    #[must_use]
    pub fn is_past(&self, now: Timestamp) -> bool {
        after(self.since, LAST_AUDIT) <= now
    }

    /// Whether it can't take effect any more, and was looked for after that.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_past(self.looked)
    }
}
