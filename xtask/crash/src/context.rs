//! What all parts of a campaign share: the played systems, the tickets, and what is counted and noted.

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

/// What all parts share.
pub(crate) struct Context {
    pub(crate) systems: Systems,
    /// What deliveries and questions are sent with; it has no limits of its own.
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
    /// With which ticket, if with one.
    pub(crate) ticket: Option<(Desk, String)>,
    pub(crate) text: String,
}

impl Context {
    /// Over these systems.
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

    /// Something is wrong that is no ticket's matter.
    pub(crate) fn find(&self, text: impl Into<String>) {
        let text = format!("after {:.1} s: {}", self.started.elapsed().as_secs_f64(), text.into());
        eprintln!("WRONG {text}");
        let finding = Finding { ticket: None, text };
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    /// Something goes on beside everything else, until it ends by itself or with the campaign.
    pub(crate) fn spawn(&self, watcher: impl Future<Output = ()> + Send + 'static) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).spawn(watcher);
    }

    /// Ends what still goes on beside, and notes what has ended as nothing should.
    pub(crate) fn end_watchers(&self) {
        let mut watchers = std::mem::take(&mut *self.watchers.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(ended) = watchers.try_join_next() {
            if let Err(error) = ended {
                self.find(format!("the campaign itself failed: {error}"));
            }
        }
    }

    /// What was found so far.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
