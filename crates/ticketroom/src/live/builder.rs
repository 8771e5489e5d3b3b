//! Makes snapshots of configurations.
//!
//! A part whose configuration has not changed is taken over as it is, with what it has learnt: a
//! helpdesk keeps its token and its directory. One that has changed is made anew; the breaker of
//! its system and the pace of its account outlive it, and DocSpace's limits are those of the
//! service.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::Snapshot;
use crate::clock::Clock;
use crate::config::{Config, HelpdeskConfig, HelpdeskKind};
use crate::docspace::DocSpace;
use crate::docspace::client::SYSTEM;
use crate::docspace::limits::Governor;
use crate::docspace::skeleton::Skeletons;
use crate::docspace::source::Webhooks;
use crate::helpdesk::{self, Helpdesk, Paces};
use crate::http::Http;
use crate::secret_hash::SecretHash;
use crate::source::Source;
use crate::store::Store;
use crate::ticket::HelpdeskName;
use crate::web::budget::BodyBudget;

/// What snapshots are made with. It outlives each of them.
#[derive(Debug)]
pub struct Builder {
    http: Http,
    store: Arc<dyn Store>,
    replica: Uuid,
    clock: Arc<dyn Clock>,
    governor: Arc<Governor>,
    paces: Paces,
}

impl Builder {
    /// A builder for the service of `replica`.
    #[must_use]
    pub fn new(
        http: Http,
        store: Arc<dyn Store>,
        replica: Uuid,
        clock: Arc<dyn Clock>,
        governor: Arc<Governor>,
    ) -> Self {
        Self { http, store, replica, clock, governor, paces: Paces::default() }
    }

    /// The limits that all snapshots share.
    pub(super) fn governor(&self) -> &Governor {
        &self.governor
    }

    /// The snapshot at the start.
    #[must_use]
    pub fn first(&self, config: Config) -> Snapshot {
        self.build(config, None)
    }

    /// The snapshot after another one.
    #[must_use]
    pub fn next(&self, config: Config, before: &Snapshot) -> Snapshot {
        self.build(config, Some(before))
    }

    fn build(&self, config: Config, before: Option<&Snapshot>) -> Snapshot {
        let same_account = before.filter(|before| config.docspace.is_same_account(&before.config.docspace));
        let mut docspace =
            DocSpace::configured(&config.docspace, self.http.to(SYSTEM), Arc::clone(&self.governor));
        if let Some(before) = same_account {
            docspace = docspace.knowing_what(&before.docspace);
        }
        let settle = config.docspace.settle;
        let skeletons = config.docspace.allow_skeleton.then(|| {
            match same_account.and_then(|before| before.skeletons.as_ref()) {
                Some(skeletons) => skeletons.settling_within(settle),
                None => Skeletons::new(
                    Arc::<dyn Store>::clone(&self.store),
                    self.replica,
                    Arc::clone(&self.clock),
                    settle,
                ),
            }
        });
        let generic = |helpdesk: &&HelpdeskConfig| matches!(helpdesk.kind, HelpdeskKind::Generic(_));
        let memory = config.server.limits.bodies_in_flight;
        let bodies = match before {
            Some(before) if before.config.server.limits.bodies_in_flight == memory => before.bodies.clone(),
            _ => BodyBudget::new(memory),
        };
        let helpdesks = self.helpdesks(&config, before);
        let sources = helpdesks.values().map(|one| -> Arc<dyn Source> { Arc::<dyn Helpdesk>::clone(one) });
        let webhooks =
            Webhooks::configured(&config.docspace, &docspace).map(|one| -> Arc<dyn Source> { Arc::new(one) });
        let sources = sources.chain(webhooks);
        Snapshot {
            docspace,
            skeletons,
            sources: sources.map(|source| (source.name(), source)).collect(),
            helpdesks,
            generic: config.helpdesks.iter().find(generic).map(|helpdesk| helpdesk.name.clone()),
            bodies,
            admin: SecretHash::of(config.admin_token().expose_secret().as_bytes()),
            config,
        }
    }

    fn helpdesks(
        &self,
        config: &Config,
        before: Option<&Snapshot>,
    ) -> HashMap<HelpdeskName, Arc<dyn Helpdesk>> {
        let unchanged = |helpdesk: &HelpdeskConfig| {
            let before = before?;
            let was = before.config.helpdesks.iter().find(|other| other.name == helpdesk.name)?;
            (was.kind == helpdesk.kind).then(|| before.helpdesks.get(&helpdesk.name).cloned())?
        };
        let of = |helpdesk: &HelpdeskConfig| match unchanged(helpdesk) {
            Some(unchanged) => vec![unchanged],
            None => helpdesk::build(slice::from_ref(helpdesk), &self.http, &self.clock, &self.paces),
        };
        config.helpdesks.iter().flat_map(of).map(|one| (one.helpdesk_name().clone(), one)).collect()
    }
}
