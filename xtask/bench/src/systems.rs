//! The simulated DocSpace and Zendesk that the product is measured against, and a configuration for them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use simulator::configuration::Secrets;
use simulator::docspace::{self, Limits};
use simulator::zendesk::{self, NewTicket};
use tempfile::TempDir;
use ticketroom::clock::{Clock, SystemClock};
use ticketroom::config::Config;
use ticketroom::live::reload::Read;

use crate::load::render;
use crate::{Result, folder};

/// The custom field that takes the link.
pub(crate) const ROOM_FIELD: u64 = 360_012_345;
/// The folders of every room, as in the vendor's sample.
pub(crate) const FOLDERS: [&str; 3] = ["Attachments", "Findings", "Logs"];
/// The group that gets into every room.
pub(crate) const GROUP: &str = "Support";
const WEBHOOK_SECRET: &str = "the benchmarks' webhook secret";
const ADMIN_TOKEN: &str = "the-token-of-the-benchmarks";

/// Any free port.
pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The systems, and a folder for the product's files. All of it is gone when this is dropped.
pub(crate) struct Systems {
    pub(crate) docspace: docspace::DocSpace,
    pub(crate) zendesk: zendesk::Zendesk,
    folder: TempDir,
}

impl Systems {
    /// Starts them, with or without DocSpace's limits.
    pub(crate) async fn start(limits: Option<Limits>) -> Result<Self> {
        let docspace = docspace::Setup { limits, ..docspace::Setup::default() };
        let zendesk = zendesk::Setup { room_field: Some(ROOM_FIELD), ..zendesk::Setup::default() };
        Ok(Self {
            docspace: docspace::DocSpace::start(docspace).await?,
            zendesk: zendesk::Zendesk::start(zendesk).await?,
            folder: tempfile::Builder::new().prefix("bench-").tempdir_in(folder()?)?,
        })
    }

    /// How long every call takes.
    pub(crate) fn set_latencies(&self, docspace: Duration, zendesk: Duration) {
        self.docspace.set_latency(docspace);
        self.zendesk.set_latency(zendesk);
    }

    /// Where the product keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store's file.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder().join("ticketroom.db")
    }

    /// The address of the store in that file.
    pub(crate) fn store_url(&self) -> String {
        format!("sqlite:{}", self.store().display())
    }

    /// The configuration, as a file has it, and the environment variables that it names.
    pub(crate) fn configuration(
        &self,
        listen: SocketAddr,
        store_url: &str,
    ) -> (String, HashMap<String, String>) {
        let mut secrets = Secrets::in_variables();
        let text = format!(
            r#"
[server]
listen = "{listen}"
[admin]
token = {token}
[store]
url = "{store_url}"
{docspace}
{zendesk}
[template.default]
title = "Ticket #{{{{ ticket.id }}}} – {{{{ ticket.subject }}}}"
folders = {FOLDERS:?}
access = [{{ group = "{GROUP}", role = "editor" }}]
"#,
            token = secrets.write("ADMIN_TOKEN", ADMIN_TOKEN),
            docspace = self.docspace.section(&mut secrets),
            zendesk = self.zendesk.section(&[WEBHOOK_SECRET], &mut secrets),
        );
        (text, secrets.variables())
    }

    /// The configuration, read.
    pub(crate) fn config(&self) -> Result<Config> {
        self.config_with(&self.store_url())
    }

    /// The same with another store.
    pub(crate) fn config_with(&self, store_url: &str) -> Result<Config> {
        let (text, variables) = self.configuration(ANY_PORT, store_url);
        Ok(Config::from_text(&text, "bench.toml", &variables)?)
    }

    /// Makes a ticket, of which nobody is told.
    pub(crate) fn open_ticket(&self) -> u64 {
        self.zendesk.create_ticket(NewTicket {
            description: "It worked yesterday. Since this morning, nobody can log in any more.".to_owned(),
            priority: Some("high".to_owned()),
            tags: vec!["login".to_owned(), "outage".to_owned()],
            ..NewTicket::about("Login fails with error 500")
        })
    }

    /// The request by which Zendesk tells of a new ticket: its own body, signed now.
    pub(crate) fn delivery(&self, ticket: u64) -> Result<Vec<u8>> {
        let body = self.zendesk.event_body(ticket, "created").ok_or("the simulator has lost a ticket")?;
        let invocation = format!("invocation-{ticket}");
        let headers = zendesk::signed_headers(WEBHOOK_SECRET, &body, &invocation, SystemClock.now());
        Ok(render("POST", "/webhooks/zendesk", &headers, &body))
    }

    /// Makes so many tickets and the requests that tell of them.
    pub(crate) fn open_tickets(&self, count: usize) -> Result<(Vec<u64>, Vec<Vec<u8>>)> {
        let tickets: Vec<u64> = std::iter::repeat_with(|| self.open_ticket()).take(count).collect();
        let deliveries = tickets.iter().map(|ticket| self.delivery(*ticket)).collect::<Result<_>>()?;
        Ok((tickets, deliveries))
    }

    /// The link that stands in a ticket.
    pub(crate) fn link_in(&self, ticket: u64) -> Option<String> {
        let ticket = self.zendesk.ticket(ticket)?;
        ticket.custom_fields.get(&ROOM_FIELD)?.as_str().map(str::to_owned)
    }

    /// Ends the systems.
    pub(crate) async fn stop(self) {
        self.zendesk.stop().await;
        self.docspace.stop().await;
    }
}

/// A configuration that is read again is the same one.
pub(crate) fn again(config: Config) -> Read {
    Arc::new(move || Ok(config.clone()))
}
