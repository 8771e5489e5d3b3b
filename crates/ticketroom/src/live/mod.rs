//! The configuration in force, and how another one takes its place while the service runs.
//!
//! A [`Snapshot`] is a configuration with everything that is made of it: the DocSpace client, the
//! helpdesks, the compiled rules and templates. It never changes. [`Live`] has the one in force;
//! whoever begins something (a run, a request) takes it once and keeps it to the end, so nothing
//! sees half of one configuration and half of another. [`reload`] reads the file again and replaces
//! the snapshot as a whole; a file with errors changes nothing.
//!
//! What has to outlive a snapshot is in [`builder`], or is handed on from the snapshot before:
//! limits in use, breakers, paces, tokens, memory for bodies.

pub mod builder;
pub mod changes;
pub mod reload;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;
use crate::docspace::DocSpace;
use crate::docspace::skeleton::Skeletons;
use crate::helpdesk::Helpdesk;
use crate::secret_hash::SecretHash;
use crate::source::Sources;
use crate::ticket::HelpdeskName;
use crate::web::budget::BodyBudget;

/// A configuration, and what is made of it.
#[derive(Debug)]
pub struct Snapshot {
    /// What was read. What can't be changed while the service runs is in it as it was at the start.
    pub config: Config,
    /// The portal.
    pub docspace: DocSpace,
    /// None if the portal may not hold any.
    pub skeletons: Option<Skeletons>,
    /// All helpdesks, by their names.
    pub helpdesks: HashMap<HelpdeskName, Arc<dyn Helpdesk>>,
    /// All sources of deliveries.
    pub sources: Sources,
    /// The generic helpdesk behind `/helpdesk/ticket-created`, if there is one.
    pub generic: Option<HelpdeskName>,
    /// Memory for the deliveries that are arriving or being stored.
    pub bodies: BodyBudget,
    admin: SecretHash,
}

impl Snapshot {
    /// Whether this is the admin token.
    pub(crate) fn is_admin_token(&self, given: &str) -> bool {
        self.admin.is_same(&SecretHash::of(given.as_bytes()))
    }
}

/// The snapshot in force.
#[derive(Debug)]
pub struct Live(watch::Sender<Arc<Snapshot>>);

impl Live {
    /// The first one.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Self(watch::Sender::new(Arc::new(first)))
    }

    /// The one that is in force now, to be kept for as long as what begins now goes on.
    #[must_use]
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.borrow())
    }

    /// Whether no other one is in force by now.
    #[must_use]
    pub fn is_in_force(&self, snapshot: &Snapshot) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.0.borrow()), snapshot)
    }

    /// Tells of each replacement from now on.
    #[must_use]
    pub fn replacements(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.subscribe()
    }

    /// Puts another one in force.
    pub fn replace(&self, next: Snapshot) {
        self.0.send_replace(Arc::new(next));
    }
}
