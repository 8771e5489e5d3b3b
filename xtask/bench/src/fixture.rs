//! The simulated systems that the product is measured against, a folder for stores, and what is
//! measured: tickets of one kind in Zendesk, and the template of the vendor's sample.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use simulator::docspace::{self, Limits};
use simulator::zendesk::NewTicket;
use tempfile::TempDir;
use testbed::{Desk, Pace, Systems, sqlite};
use ticketroom::config::Config;
use ticketroom::live::reload::Read;

use crate::load::render;
use crate::{Result, folder};

/// The folders of each room, as in the vendor's sample.
pub(crate) const FOLDERS: [&str; 3] = ["Attachments", "Findings", "Logs"];
/// The group that has access to each room.
pub(crate) const GROUP: &str = "Support";
const TEMPLATE: &str = r#"
[template.default]
title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
folders = ["Attachments", "Findings", "Logs"]
access = [{ group = "Support", role = "editor" }]
"#;

/// The systems, and a folder for files on the disk that is measured. The folder is removed when
/// this is dropped.
pub(crate) struct Fixture {
    systems: Systems,
    folder: TempDir,
}

impl Deref for Fixture {
    type Target = Systems;

    fn deref(&self) -> &Systems {
        &self.systems
    }
}

impl Fixture {
    /// Starts the systems, with or without DocSpace's limits.
    pub(crate) async fn start(limits: Option<Limits>) -> Result<Self> {
        let systems = Systems::try_start(docspace::Setup { limits, ..docspace::Setup::default() }).await?;
        Ok(Self { systems, folder: temporary_folder()? })
    }

    /// How long each call takes.
    pub(crate) fn set_latencies(&self, docspace: Duration, zendesk: Duration) {
        self.docspace.set_latency(docspace);
        self.zendesk.set_latency(zendesk);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the SQLite store.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder().join("ticketroom.db")
    }

    /// The address of that store.
    pub(crate) fn store_url(&self) -> String {
        sqlite(&self.store())
    }

    /// The text of the configuration for a store, and the environment variables that it names.
    pub(crate) fn config_text(&self, store_url: &str) -> (String, HashMap<String, String>) {
        self.config_for(store_url, &[Desk::Zendesk], Pace::Production, TEMPLATE)
    }

    /// The configuration for a store.
    pub(crate) fn config(&self, store_url: &str) -> Result<Config> {
        let (text, variables) = self.config_text(store_url);
        Ok(Config::from_text(&text, "bench.toml", &variables)?)
    }

    /// Creates a ticket. No delivery is sent for it.
    pub(crate) fn open_ticket(&self) -> u64 {
        self.zendesk.create_ticket(NewTicket {
            description: "It worked yesterday. Since this morning, nobody can log in any more.".to_owned(),
            priority: Some("high".to_owned()),
            tags: vec!["login".to_owned(), "outage".to_owned()],
            ..NewTicket::about("Login fails with error 500")
        })
    }

    /// The request that Zendesk sends for a new ticket, signed now.
    pub(crate) fn delivery(&self, ticket: u64) -> Vec<u8> {
        let parcel = Desk::Zendesk.created(self, &ticket.to_string(), "");
        render("POST", &Desk::Zendesk.endpoint(), &parcel.headers, &parcel.body)
    }

    /// Creates so many tickets, and the requests that Zendesk sends for them.
    pub(crate) fn open_tickets(&self, count: usize) -> (Vec<u64>, Vec<Vec<u8>>) {
        let tickets: Vec<u64> = std::iter::repeat_with(|| self.open_ticket()).take(count).collect();
        let deliveries = tickets.iter().map(|ticket| self.delivery(*ticket)).collect();
        (tickets, deliveries)
    }

    pub(crate) fn has_link(&self, ticket: u64) -> bool {
        !Desk::Zendesk.links(self, &ticket.to_string()).is_empty()
    }

    /// What is wrong with these tickets, one line each: lost, doubled or half done. Empty is right.
    pub(crate) fn wrong_with_all(&self, tickets: &[u64]) -> Vec<String> {
        let rooms = self.docspace.rooms().len();
        let count = (rooms != tickets.len()).then(|| format!("{rooms} rooms for {} tickets", tickets.len()));
        let tickets: Vec<_> = tickets.iter().map(|ticket| (Desk::Zendesk, ticket.to_string())).collect();
        let each = self.wrong_with_each(&FOLDERS, &tickets).into_iter().filter(|wrong| !wrong.is_empty());
        count.into_iter().chain(each.map(|wrong| wrong.join("; "))).collect()
    }
}

/// A configuration that is read again is the same one.
pub(crate) fn again(config: Config) -> Read {
    Arc::new(move || Ok(config.clone()))
}

/// A folder on the disk that is measured.
pub(crate) fn temporary_folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(folder()?)?)
}
