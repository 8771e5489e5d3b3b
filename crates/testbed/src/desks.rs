//! Each kind of helpdesk for tests: how a ticket is created, what is sent for it, and what was
//! written to it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use simulator::configuration::Secrets;
use simulator::fault::Faults;
use simulator::{Clock, Counters, Loss, freshdesk, jira, zendesk};

use crate::systems::{OLD_WEBHOOK_SECRET, ROOM_FIELD, Systems, WEBHOOK_SECRET};

/// The project of Jira to which issues are moved; the configuration names it beside `SUP`.
pub(crate) const MOVED_TO: &str = "OPS";

/// The custom field of the simulated Freshdesk.
const FRESHDESK_FIELD: &str = "cf_room";

/// The kinds of helpdesks. For a further one, the compiler asks for everything that the suite needs
/// to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desk {
    /// Zendesk, by its events.
    Zendesk,
    /// Freshdesk, by its automation rules.
    Freshdesk,
    /// Jira Service Management, by its webhooks.
    Jira,
    /// An intranet without a ticket API, which gets callbacks.
    Generic,
}

/// A request that a helpdesk sends.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// Its headers, with the proof.
    pub headers: Vec<(String, String)>,
    /// Its query: empty, or with the question mark.
    pub query: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

impl WebhookRequest {
    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// The request to an endpoint, such as `http://127.0.0.1:8080/webhooks/jira`.
    pub fn request(&self, client: &Client, url: &str) -> RequestBuilder {
        let mut request = client.post(format!("{url}{}", self.query)).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// With another value of a header.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }
}

impl Desk {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Zendesk, Self::Freshdesk, Self::Jira, Self::Generic];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk",
            Self::Freshdesk => "freshdesk",
            Self::Jira => "jira",
            Self::Generic => "intranet",
        }
    }

    /// Its section of the configuration. A generic helpdesk has two: one that takes unsigned
    /// deliveries, and `signed`.
    pub(crate) fn section(self, systems: &Systems, secrets: &mut Secrets) -> String {
        const LIVE: [&str; 2] = [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET];
        match self {
            Self::Zendesk => systems.zendesk.section(&LIVE, secrets),
            Self::Freshdesk => systems.freshdesk.section(&LIVE, secrets),
            Self::Jira => {
                let section = systems.jira.section(&LIVE, secrets);
                section.replace("projects = [\"SUP\"]", &format!("projects = [\"SUP\", \"{MOVED_TO}\"]"))
            }
            Self::Generic => format!(
                "{}\n[[helpdesk]]\nname = \"signed\"\nkind = \"generic\"\nwebhook_secret = {}\n",
                systems.callback.section(self.name()),
                secrets.write("GENERIC_SECRET", WEBHOOK_SECRET)
            ),
        }
    }

    /// The tag of a ticket's room.
    #[must_use]
    pub fn tag(self, id: &str) -> String {
        format!("{}:{id}", self.name())
    }

    /// The path that its deliveries go to.
    #[must_use]
    pub fn endpoint(self) -> String {
        format!("/webhooks/{}", self.name())
    }

    /// Creates a ticket that is assigned to Anna, and returns its id. A generic helpdesk has no
    /// tickets, only deliveries.
    #[must_use]
    pub fn open(self, systems: &Systems, subject: &str) -> String {
        match self {
            Self::Zendesk => {
                let assignee = Some(zendesk::ANNA);
                let ticket = zendesk::NewTicket { assignee, ..zendesk::NewTicket::about(subject) };
                systems.zendesk.create_ticket(ticket).to_string()
            }
            Self::Freshdesk => {
                let responder = Some(freshdesk::ANNA);
                let ticket = freshdesk::NewTicket { responder, ..freshdesk::NewTicket::about(subject) };
                systems.freshdesk.create_ticket(ticket).to_string()
            }
            Self::Jira => {
                let assignee = Some(jira::ANNA.to_owned());
                let issue = jira::NewIssue { assignee, ..jira::NewIssue::about(subject) };
                systems.jira.create_ticket(issue).to_string()
            }
            Self::Generic => format!("{:08x}", fastrand::u32(..)),
        }
    }

    /// What it sends when the ticket is created, with its proof.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn created(self, systems: &Systems, id: &str, subject: &str) -> WebhookRequest {
        let number = || id.parse::<u64>().unwrap();
        match self {
            Self::Zendesk => {
                let body = systems.zendesk.event_body(number(), "created").unwrap();
                zendesk_parcel(body, &format!("created-{id}"))
            }
            Self::Freshdesk => {
                let body = systems.freshdesk.created_body(number(), freshdesk::Content::Simple).unwrap();
                self.prove(body, "")
            }
            Self::Jira => {
                let body = systems.jira.event_body(number(), "jira:issue_created").unwrap();
                jira_parcel(body, &format!("created-{id}"))
            }
            Self::Generic => {
                let mut ticket = generic(id, subject);
                ticket["assignee"] = Value::from("anna.agent@example.com");
                let body = ticket.to_string().into_bytes();
                WebhookRequest {
                    headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                    query: "",
                    body,
                }
            }
        }
    }

    /// The addresses in the ticket's place for the link.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn links(self, systems: &Systems, id: &str) -> Vec<String> {
        let number = || id.parse::<u64>().unwrap();
        let text = |value: Option<&Value>| value.and_then(|value| value.as_str()).map(str::to_owned);
        match self {
            Self::Zendesk => {
                let ticket = systems.zendesk.ticket(number()).unwrap();
                text(ticket.custom_fields.get(&ROOM_FIELD)).into_iter().collect()
            }
            Self::Freshdesk => {
                let ticket = systems.freshdesk.ticket(number()).unwrap();
                text(ticket.custom_fields.get(FRESHDESK_FIELD)).into_iter().collect()
            }
            Self::Jira => {
                let issue = systems.jira.ticket(number()).unwrap();
                issue.remote_links.into_iter().map(|link| link.url).collect()
            }
            Self::Generic => {
                let received = systems.callback.received().into_iter();
                let told = received.filter(|told| told.body["ticketId"] == id);
                let mut addresses: Vec<_> = told.filter_map(|told| text(told.body.get("roomUrl"))).collect();
                addresses.dedup();
                addresses
            }
        }
    }

    /// The calls that each ticket causes.
    #[must_use]
    pub fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["oauth_token", "get_ticket", "update_ticket"],
            Self::Freshdesk => &["get_ticket", "get_agent", "create_note", "update_ticket"],
            Self::Jira => &["get_issue", "remote_links", "create_comment", "put_remote_link"],
            Self::Generic => &["callback"],
        }
    }

    /// Those of them whose answer is cached.
    #[must_use]
    pub fn asked_once(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["oauth_token"],
            Self::Freshdesk => &["get_agent"],
            Self::Jira | Self::Generic => &[],
        }
    }

    /// The call that reads a ticket.
    #[must_use]
    pub fn reading_call(self) -> &'static str {
        match self {
            Self::Zendesk | Self::Freshdesk => "get_ticket",
            Self::Jira => "get_issue",
            Self::Generic => "callback",
        }
    }

    /// The call that writes the note, and the call that looks for it.
    #[must_use]
    pub fn note_calls(self) -> (&'static str, &'static str) {
        match self {
            Self::Zendesk => ("update_ticket", "comments"),
            Self::Freshdesk => ("create_note", "conversations"),
            Self::Jira => ("create_comment", "comments"),
            Self::Generic => ("callback", "callback"),
        }
    }

    /// Those of [`calls`](Self::calls) that write.
    #[must_use]
    pub fn writing_calls(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["update_ticket"],
            Self::Freshdesk => &["create_note", "update_ticket"],
            Self::Jira => &["create_comment", "put_remote_link"],
            Self::Generic => &["callback"],
        }
    }

    /// The faults of its calls.
    #[must_use]
    pub fn faults(self, systems: &Systems) -> &Faults {
        match self {
            Self::Zendesk => systems.zendesk.faults(),
            Self::Freshdesk => systems.freshdesk.faults(),
            Self::Jira => systems.jira.faults(),
            Self::Generic => systems.callback.faults(),
        }
    }

    /// Counts of its calls.
    #[must_use]
    pub fn counters(self, systems: &Systems) -> Counters {
        match self {
            Self::Zendesk => systems.zendesk.counters(),
            Self::Freshdesk => systems.freshdesk.counters(),
            Self::Jira => systems.jira.counters(),
            Self::Generic => systems.callback.counters(),
        }
    }

    /// A person removes the link. A generic ticket has no place for one.
    ///
    /// # Panics
    /// When there is none.
    pub fn take_link_away(self, systems: &Systems, id: &str) {
        let number = || id.parse::<u64>().unwrap();
        let taken = match self {
            Self::Zendesk => {
                let change = zendesk::Change::Field(ROOM_FIELD, Value::Null);
                systems.zendesk.change_ticket(number(), change)
            }
            Self::Freshdesk => systems.freshdesk.change_ticket(number(), freshdesk::Change::RoomField(None)),
            Self::Jira => systems.jira.remove_remote_links(number()),
            Self::Generic => false,
        };
        assert!(taken, "{self:?}");
    }

    /// Closes the ticket, so that it can't be written to any more.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    pub fn end(self, systems: &Systems, id: &str) {
        let number = || id.parse::<u64>().unwrap();
        let ended = match self {
            Self::Zendesk => {
                systems.zendesk.change_ticket(number(), zendesk::Change::Status("closed".to_owned()))
            }
            Self::Freshdesk => systems.freshdesk.change_ticket(number(), freshdesk::Change::Archive),
            Self::Jira => systems.jira.change_ticket(number(), jira::Change::Status("Closed".to_owned())),
            Self::Generic => true,
        };
        assert!(ended);
    }

    /// A body with this helpdesk's proof.
    #[must_use]
    pub fn prove(self, body: Vec<u8>, id: &str) -> WebhookRequest {
        match self {
            Self::Zendesk => zendesk_parcel(body, id),
            Self::Freshdesk => {
                let headers = vec![("x-ticketroom-secret".to_owned(), WEBHOOK_SECRET.to_owned())];
                WebhookRequest { headers, query: "", body }
            }
            Self::Jira => jira_parcel(body, id),
            Self::Generic => WebhookRequest { headers: Vec::new(), query: "", body },
        }
    }

    /// From now on, the helpdesk sends all events, also those of our own updates, to that address.
    /// A generic one sends nothing by itself.
    ///
    /// # Panics
    /// When that is not an address.
    pub fn send_all_to(self, systems: &Systems, address: &str) {
        let endpoint = address.parse().unwrap();
        let secret = WEBHOOK_SECRET.to_owned();
        match self {
            Self::Zendesk => {
                let mode = zendesk::Mode::Events;
                systems.zendesk.set_webhook(zendesk::Webhook { endpoint, secret, mode });
            }
            Self::Freshdesk => systems.freshdesk.set_webhook(freshdesk::Webhook {
                endpoint,
                header_secret: Some(secret),
                basic: None,
                content: freshdesk::Content::Simple,
            }),
            Self::Jira => systems.jira.set_webhook(jira::Webhook::signed(endpoint, secret)),
            Self::Generic => {}
        }
    }

    /// From now on the helpdesk loses deliveries like that, or none. A generic one sends nothing by
    /// itself.
    pub fn lose_deliveries(self, systems: &Systems, loss: Option<Loss>) {
        match self {
            Self::Zendesk => systems.zendesk.lose_deliveries(loss),
            Self::Freshdesk => systems.freshdesk.lose_deliveries(loss),
            Self::Jira => systems.jira.lose_deliveries(loss),
            Self::Generic => {}
        }
    }

    /// The tickets of which some deliveries were lost and no delivery was accepted so far.
    #[must_use]
    pub fn unheard_tickets(self, systems: &Systems) -> BTreeSet<String> {
        let unheard = match self {
            Self::Zendesk => systems.zendesk.unheard_tickets(),
            Self::Freshdesk => systems.freshdesk.unheard_tickets(),
            Self::Jira => systems.jira.unheard_tickets(),
            Self::Generic => BTreeSet::new(),
        };
        unheard.iter().map(ToString::to_string).collect()
    }

    /// The helpdesk's clock is fast by that much from now on, or slow if that is negative.
    pub fn set_clock_off(self, systems: &Systems, off: SignedDuration) {
        match self {
            Self::Zendesk => systems.zendesk.set_clock_off(off),
            Self::Freshdesk => systems.freshdesk.set_clock_off(off),
            Self::Jira => systems.jira.set_clock_off(off),
            Self::Generic => systems.callback.set_clock_off(off),
        }
    }

    /// Adds tickets that were created at these times, all assigned to Anna, without a delivery.
    /// Returns their ids; a generic helpdesk has none.
    #[must_use]
    pub fn import(
        self,
        systems: &Systems,
        tickets: impl IntoIterator<Item = (String, Timestamp)>,
    ) -> Vec<String> {
        let tickets = tickets.into_iter();
        let ids = match self {
            Self::Zendesk => systems.zendesk.import_tickets(tickets.map(|(subject, at)| {
                let assignee = Some(zendesk::ANNA);
                (zendesk::NewTicket { assignee, ..zendesk::NewTicket::about(subject) }, at)
            })),
            Self::Freshdesk => systems.freshdesk.import_tickets(tickets.map(|(subject, at)| {
                let responder = Some(freshdesk::ANNA);
                (freshdesk::NewTicket { responder, ..freshdesk::NewTicket::about(subject) }, at)
            })),
            Self::Jira => systems.jira.import_tickets(tickets.map(|(subject, at)| {
                let assignee = Some(jira::ANNA.to_owned());
                (jira::NewIssue { assignee, ..jira::NewIssue::about(subject) }, at)
            })),
            Self::Generic => Vec::new(),
        };
        ids.iter().map(ToString::to_string).collect()
    }

    /// Waits until all deliveries of the helpdesk have ended.
    pub async fn deliveries_settled(self, systems: &Systems) {
        match self {
            Self::Zendesk => systems.zendesk.deliveries_settled().await,
            Self::Freshdesk => systems.freshdesk.deliveries_settled().await,
            Self::Jira => systems.jira.deliveries_settled().await,
            Self::Generic => {}
        }
    }

    /// Deliveries of the helpdesk's own that were not accepted.
    #[must_use]
    pub fn refused_deliveries(self, systems: &Systems) -> Vec<String> {
        let deliveries = match self {
            Self::Zendesk => systems.zendesk.deliveries(),
            Self::Freshdesk => systems.freshdesk.deliveries(),
            Self::Jira => systems.jira.deliveries(),
            Self::Generic => Vec::new(),
        };
        let refused = deliveries.into_iter().filter(|delivery| !delivery.delivered);
        refused.map(|delivery| format!("{delivery:?}")).collect()
    }
}

/// An event of Zendesk, signed now.
pub(crate) fn zendesk_parcel(body: Vec<u8>, invocation: &str) -> WebhookRequest {
    let headers = zendesk::signed_headers(WEBHOOK_SECRET, &body, invocation, Clock::default().now());
    WebhookRequest { headers, query: "", body }
}

/// An event of Jira, signed.
pub(crate) fn jira_parcel(body: Vec<u8>, identifier: &str) -> WebhookRequest {
    let headers = jira::signed_headers(Some(WEBHOOK_SECRET), &body, identifier, jira::Flow::Primary, 0);
    WebhookRequest { headers, query: "", body }
}

/// A ticket as a generic helpdesk sends it.
#[must_use]
pub fn generic(id: &str, subject: &str) -> Value {
    json!({ "ticketId": id, "subject": subject })
}
