//! What all parts of a campaign share: the simulated systems, the tickets, counts and findings.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use reqwest::Client;
use testbed::{Desk, Systems};
use tokio::task::JoinSet;

use crate::disturbances::Disturbances;
use crate::fault_points::FaultPoints;
use crate::first_work::Restarts;
use crate::tally::Tally;
use crate::tickets::Tickets;

/// The shared state of a campaign.
pub(crate) struct Context {
    pub(crate) systems: Systems,
    /// The client for deliveries and API calls, without timeouts of its own.
    pub(crate) client: Client,
    pub(crate) tickets: Tickets,
    pub(crate) tally: Tally,
    pub(crate) disturbances: Disturbances,
    pub(crate) fault_points: FaultPoints,
    pub(crate) restarts: Restarts,
    pub(crate) started: Instant,
    findings: Mutex<Vec<Finding>>,
    watchers: Mutex<JoinSet<()>>,
}

/// Something that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The ticket, if it is about one.
    pub(crate) ticket: Option<(Desk, String)>,
    pub(crate) text: String,
}

impl Context {
    /// A campaign with these systems.
    pub(crate) fn new(systems: Systems, client: Client) -> Self {
        Self {
            systems,
            client,
            tickets: Tickets::default(),
            tally: Tally::default(),
            disturbances: Disturbances::default(),
            fault_points: FaultPoints::default(),
            restarts: Restarts::default(),
            started: Instant::now(),
            findings: Mutex::default(),
            watchers: Mutex::default(),
        }
    }

    /// Notes a finding that is not about one ticket.
    pub(crate) fn find(&self, text: impl Into<String>) {
        let text = format!("after {:.1} s: {}", self.started.elapsed().as_secs_f64(), text.into());
        eprintln!("WRONG {text}");
        let finding = Finding { ticket: None, text };
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// Runs a task in the background, until it or the campaign ends.
    pub(crate) fn spawn(&self, watcher: impl Future<Output = ()> + Send + 'static) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).spawn(watcher);
    }

    /// Ends all background tasks, and notes those that have failed.
    pub(crate) fn end_watchers(&self) {
        let mut watchers = std::mem::take(&mut *self.watchers.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(ended) = watchers.try_join_next() {
            if let Err(error) = ended {
                self.find(format!("the campaign itself failed: {error}"));
            }
        }
    }

    /// All findings so far.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
