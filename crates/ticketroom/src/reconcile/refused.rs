//! Systems that refuse our credentials.
//!
//! A revoked key blocks every ticket, and its new or restored one helps all of them at once. So the
//! log says once that a system refuses us, not for each ticket, and the system is asked with one
//! cheap read every now and then, first after a second and then less and less often. When it
//! answers, every blocked ticket is tried again; so are they when the configuration has changed,
//! which may have what they lacked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::worker::Reconciler;
use crate::call::Cause;
use crate::clock::{Timestamp, after};
use crate::store::{Selection, StoreError, Why};
use crate::ticket::{HelpdeskName, TicketId};

/// The first wait before a system is asked; doubled each time.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// The longest one.
const LAST_PROBE: Duration = Duration::from_secs(60);

/// How long until a change of the configuration is noted again that could not be.
const NOTE_AGAIN: Duration = Duration::from_secs(30);

/// A system that has credentials of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Account {
    /// The portal.
    DocSpace,
    /// A helpdesk.
    Helpdesk(HelpdeskName),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DocSpace => f.write_str("DocSpace"),
            Self::Helpdesk(name) => write!(f, "the helpdesk {name}"),
        }
    }
}

/// A system that is to be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) system: Account,
    /// A ticket that it refused us; what to ask a helpdesk for.
    pub(super) ticket: TicketId,
}

#[derive(Debug)]
struct Entry {
    ticket: TicketId,
    wait: Duration,
    probe_at: Timestamp,
}

/// The systems that refuse our credentials, as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<BTreeMap<Account, Entry>>);

impl Refused {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Account, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A system refused our credentials for a ticket. Whether that is news.
    pub(super) fn refused(&self, system: Account, ticket: &TicketId, now: Timestamp) -> bool {
        let mut entries = self.entries();
        let is_news = !entries.contains_key(&system);
        entries.entry(system).or_insert_with(|| Entry {
            ticket: ticket.clone(),
            wait: FIRST_PROBE,
            probe_at: after(now, FIRST_PROBE),
        });
        is_news
    }

    /// A system accepts our credentials. Whether that is news.
    pub(super) fn accepted(&self, system: &Account) -> bool {
        self.entries().remove(system).is_some()
    }

    /// Who is to be asked now, and when to look again.
    pub(super) fn due(&self, now: Timestamp) -> (Vec<Probe>, Duration) {
        let mut probes = Vec::new();
        for (system, entry) in self.entries().iter_mut() {
            // A clock that was set back must not put the probe off for long.
            if now >= entry.probe_at || after(now, LAST_PROBE) < entry.probe_at {
                probes.push(Probe { system: system.clone(), ticket: entry.ticket.clone() });
                entry.wait = (entry.wait * 2).min(LAST_PROBE);
                entry.probe_at = after(now, entry.wait);
            }
        }
        (probes, FIRST_PROBE)
    }
}

impl Reconciler {
    /// Asks systems that refuse our credentials whether they still do, for as long as it is polled.
    /// Once one of them does not any more, all blocked tickets are tried again.
    pub async fn watch_refusals(&self) {
        loop {
            let (probes, wait) = self.refused.due(self.parts.clock.now());
            let snapshot = self.parts.live.now();
            for Probe { system, ticket } in probes {
                let asked = match &system {
                    Account::DocSpace => snapshot.docspace.own_user().await.map(|_| ()),
                    Account::Helpdesk(name) => match snapshot.helpdesks.get(name) {
                        Some(helpdesk) => helpdesk.observe(&ticket, None).await.map(|_| ()),
                        None => continue,
                    },
                };
                // A 403 or a 404 comes from a system that knows who asks.
                let accepts = match &asked {
                    Ok(()) => true,
                    Err(failure) => matches!(failure.cause, Cause::Forbidden | Cause::NotFound),
                };
                if accepts && self.refused.accepted(&system) {
                    // What can't be marked is tried again in its own time.
                    let _ = self.retry_blocked(&Why::Accepted { system: system.to_string() }).await;
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Marks all blocked tickets as due.
    async fn retry_blocked(&self, why: &Why) -> Result<(), StoreError> {
        let marked = self.parts.store.requeue(&Selection::Blocked, why).await;
        match &marked {
            Ok(tickets) => {
                tracing::info!(tickets, "{why}: blocked tickets are tried again");
                self.wake().notify_one();
            }
            Err(error) => {
                tracing::error!(%error, "{why}, but blocked tickets can't be marked to be tried again");
            }
        }
        marked.map(|_| ())
    }

    /// Tries all blocked tickets again when the configuration is another one than at the last
    /// start, and whenever another one is put in force, for as long as it is polled.
    pub async fn watch_configuration(&self) {
        let mut replacements = self.parts.live.replacements();
        let mut was = None;
        loop {
            let now = replacements.borrow_and_update().config.fingerprint.as_uuid();
            while let Err(error) = self.note_configuration(was, now).await {
                tracing::warn!(%error, "whether the configuration has changed can't be told; trying again");
                tokio::time::sleep(NOTE_AGAIN).await;
            }
            was = Some(now);
            loop {
                tokio::select! {
                    _ = replacements.changed() => break,
                    // It began with the configuration from before, and may be all right with this
                    // one.
                    () = self.blocked_by_an_earlier.notified() => {
                        // What can't be marked is tried again in its own time.
                        let _ = self.retry_blocked(&Why::Configured).await;
                    }
                }
            }
        }
    }

    /// `was` is the configuration that this process had before; none at its start. Other replicas
    /// may have others, so what the store remembers counts at the start only: else each reload of
    /// one would be a change for all others.
    async fn note_configuration(&self, was: Option<Uuid>, now: Uuid) -> Result<(), StoreError> {
        const NAME: &str = "configuration";
        let remembered = self.parts.store.remembered(NAME).await?;
        let is_changed = match was {
            Some(was) => was != now,
            None => remembered.is_some_and(|last| last != now),
        };
        if is_changed {
            self.retry_blocked(&Why::Configured).await?;
        }
        if remembered != Some(now) {
            // Only now: if this process dies before, the next start does it.
            self.parts.store.remember(NAME, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_news_once_and_probed_less_and_less_often() {
        let refused = Refused::default();
        let ticket: TicketId = "1".parse().unwrap();
        let mut now = Timestamp::UNIX_EPOCH;
        assert!(refused.refused(Account::DocSpace, &ticket, now));
        assert!(!refused.refused(Account::DocSpace, &"2".parse().unwrap(), now));
        assert_eq!(refused.due(now).0, []);
        let mut probes = 0;
        for _ in 0..600 {
            now = after(now, Duration::from_secs(1));
            probes += refused.due(now).0.len();
        }
        // After 1, 3, 7, 15, 31, 63 seconds, then once a minute.
        assert_eq!(probes, 6 + (600 - 63) / 60);
        assert!(refused.accepted(&Account::DocSpace));
        assert!(!refused.accepted(&Account::DocSpace));
        assert_eq!(refused.due(after(now, LAST_PROBE)).0, []);
    }
}
