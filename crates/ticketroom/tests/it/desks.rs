//! Every kind of helpdesk as the conformance suite sees it: how a ticket comes to be there, what is sent of it, and
//! what is in it afterwards.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use simulator::Counters;
use simulator::fault::Faults;
use simulator::{freshdesk, jira, zendesk};
use ticketroom::clock::{Clock, SystemClock};

use crate::world::{OLD_WEBHOOK_SECRET, ROOM_FIELD, Systems, WEBHOOK_SECRET, generic};

/// The custom field of the played Freshdesk.
const FRESHDESK_FIELD: &str = "cf_room";

/// The kinds of helpdesk that there are. For a further one, the compiler asks for whatever the suite has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    Zendesk,
    Freshdesk,
    Jira,
    Generic,
}

/// What a helpdesk sends.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Parcel {
    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// With a header of another value.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }
}

impl Desk {
    pub(crate) const ALL: [Self; 4] = [Self::Zendesk, Self::Freshdesk, Self::Jira, Self::Generic];

    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk",
            Self::Freshdesk => "freshdesk",
            Self::Jira => "jira",
            Self::Generic => "intranet",
        }
    }

    /// Where its deliveries go.
    pub(crate) fn door(self) -> String {
        format!("/webhooks/{}", self.name())
    }

    /// Makes a ticket that is assigned to Anna and says its id. A generic helpdesk has no tickets; what it sends is
    /// all that there is.
    pub(crate) fn open(self, systems: &Systems, subject: &str) -> String {
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
                systems.jira.create_issue(issue).to_string()
            }
            Self::Generic => format!("{:08x}", fastrand::u32(..)),
        }
    }

    /// What it sends when the ticket is made, with everything that proves it.
    pub(crate) fn created(self, systems: &Systems, id: &str, subject: &str) -> Parcel {
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
                Parcel {
                    headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                    query: "",
                    body,
                }
            }
        }
    }

    /// The addresses in the places of the ticket where the link belongs.
    pub(crate) fn links(self, systems: &Systems, id: &str) -> Vec<String> {
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
                let issue = systems.jira.issue(number()).unwrap();
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

    /// What is written in a ticket: whether only agents see it, and the text.
    fn comments(self, systems: &Systems, id: &str) -> Vec<(bool, String)> {
        let number = || id.parse::<u64>().unwrap();
        match self {
            Self::Zendesk => {
                let comments = systems.zendesk.ticket(number()).unwrap().comments.into_iter();
                comments.map(|note| (!note.public, note.html_body)).collect()
            }
            Self::Freshdesk => {
                let notes = systems.freshdesk.ticket(number()).unwrap().conversations.into_iter();
                notes.map(|note| (note.private, note.body)).collect()
            }
            Self::Jira => {
                let comments = systems.jira.issue(number()).unwrap().comments.into_iter();
                comments.map(|note| (note.internal, note.body_text)).collect()
            }
            Self::Generic => Vec::new(),
        }
    }

    /// Our notes in a ticket.
    pub(crate) fn note_texts(self, systems: &Systems, id: &str) -> Vec<String> {
        let comments = self.comments(systems, id).into_iter().map(|(_, text)| text);
        comments.filter(|text| text.contains("ticketroom:")).collect()
    }

    /// How many notes of ours the ticket has: those that only agents see, and those that customers see.
    pub(crate) fn notes(self, systems: &Systems, id: &str) -> (usize, usize) {
        if self == Self::Generic {
            // It has none; to be told with one idempotency key is its one note.
            let received = systems.callback.received().into_iter();
            let told = received.filter(|told| told.body["ticketId"] == id);
            let keys: std::collections::BTreeSet<_> =
                told.map(|told| told.headers.get("idempotency-key").cloned()).collect();
            return (keys.len(), 0);
        }
        let ours = self.comments(systems, id).into_iter().filter(|(_, text)| text.contains("ticketroom:"));
        let (internal, public): (Vec<_>, Vec<_>) = ours.partition(|(internal, _)| *internal);
        (internal.len(), public.len())
    }

    /// The calls that a ticket makes for sure.
    pub(crate) fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["oauth_token", "get_ticket", "update_ticket"],
            Self::Freshdesk => &["get_ticket", "get_agent", "create_note", "update_ticket"],
            Self::Jira => &["get_issue", "remote_links", "create_comment", "put_remote_link"],
            Self::Generic => &["callback"],
        }
    }

    /// Those of them that are made once and remembered.
    pub(crate) fn asked_once(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["oauth_token"],
            Self::Freshdesk => &["get_agent"],
            Self::Jira | Self::Generic => &[],
        }
    }

    /// The call by which a ticket is read.
    pub(crate) fn reading_call(self) -> &'static str {
        match self {
            Self::Zendesk | Self::Freshdesk => "get_ticket",
            Self::Jira => "get_issue",
            Self::Generic => "callback",
        }
    }

    /// The call that writes the note, and the one by which the note is looked for.
    pub(crate) fn note_calls(self) -> (&'static str, &'static str) {
        match self {
            Self::Zendesk => ("update_ticket", "comments"),
            Self::Freshdesk => ("create_note", "conversations"),
            Self::Jira => ("create_comment", "comments"),
            Self::Generic => ("callback", "callback"),
        }
    }

    /// Those of them that write.
    pub(crate) fn writing_calls(self) -> &'static [&'static str] {
        match self {
            Self::Zendesk => &["update_ticket"],
            Self::Freshdesk => &["create_note", "update_ticket"],
            Self::Jira => &["create_comment", "put_remote_link"],
            Self::Generic => &["callback"],
        }
    }

    pub(crate) fn faults(self, systems: &Systems) -> &Faults {
        match self {
            Self::Zendesk => systems.zendesk.faults(),
            Self::Freshdesk => systems.freshdesk.faults(),
            Self::Jira => systems.jira.faults(),
            Self::Generic => systems.callback.faults(),
        }
    }

    pub(crate) fn counters(self, systems: &Systems) -> Counters {
        match self {
            Self::Zendesk => systems.zendesk.counters(),
            Self::Freshdesk => systems.freshdesk.counters(),
            Self::Jira => systems.jira.counters(),
            Self::Generic => systems.callback.counters(),
        }
    }

    /// Somebody takes the link away. A generic ticket has no place for one.
    pub(crate) fn take_link_away(self, systems: &Systems, id: &str) {
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

    /// The ticket comes to an end after which it can't be written to.
    pub(crate) fn end(self, systems: &Systems, id: &str) {
        let number = || id.parse::<u64>().unwrap();
        let ended = match self {
            Self::Zendesk => {
                systems.zendesk.change_ticket(number(), zendesk::Change::Status("closed".to_owned()))
            }
            Self::Freshdesk => systems.freshdesk.change_ticket(number(), freshdesk::Change::Archive),
            Self::Jira => systems.jira.change_issue(number(), jira::Change::Status("Closed".to_owned())),
            Self::Generic => true,
        };
        assert!(ended);
    }

    /// A body with the proof that this helpdesk sends along.
    pub(crate) fn prove(self, body: Vec<u8>, id: &str) -> Parcel {
        match self {
            Self::Zendesk => zendesk_parcel(body, id),
            Self::Freshdesk => {
                let headers = vec![("x-ticketroom-secret".to_owned(), WEBHOOK_SECRET.to_owned())];
                Parcel { headers, query: "", body }
            }
            Self::Jira => jira_parcel(body, id),
            Self::Generic => Parcel { headers: Vec::new(), query: "", body },
        }
    }

    /// Deliveries that prove where they come from, and such that don't.
    pub(crate) fn proofs(self, systems: &Systems, id: &str) -> Proofs {
        let parcel = self.created(systems, id, "proven");
        let old = SystemClock.now().saturating_sub(Duration::from_secs(3600)).unwrap();
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        match self {
            Self::Zendesk => {
                let signed = |secret: &str, at| {
                    let headers = zendesk::signed_headers(secret, &parcel.body, "proof", at);
                    Parcel { headers, ..parcel.clone() }
                };
                let signature = "x-zendesk-webhook-signature";
                let other_body = Parcel { body: b"{}".to_vec(), ..parcel.clone() };
                Proofs {
                    door: self.door(),
                    good: vec![
                        ("new", parcel.clone()),
                        ("old secret", signed(OLD_WEBHOOK_SECRET, SystemClock.now())),
                    ],
                    bad: vec![
                        ("nothing", parcel.clone().without(signature)),
                        ("no timestamp", parcel.clone().without("x-zendesk-webhook-signature-timestamp")),
                        ("no base64", parcel.clone().with(signature, "?")),
                        ("another secret", signed("guessed", SystemClock.now())),
                        ("another body", other_body),
                        ("an hour old", signed(WEBHOOK_SECRET, old)),
                    ],
                }
            }
            Self::Freshdesk => {
                let secret = "x-ticketroom-secret";
                let bare = parcel.clone().without(secret).without("authorization");
                let authorized = |pair: &str| bare.clone().with("authorization", &basic(pair));
                Proofs {
                    door: self.door(),
                    good: vec![
                        ("header", bare.clone().with(secret, WEBHOOK_SECRET)),
                        ("old secret", bare.clone().with(secret, OLD_WEBHOOK_SECRET)),
                        ("password", authorized(&format!("ticketroom:{WEBHOOK_SECRET}"))),
                    ],
                    bad: vec![
                        ("nothing", bare.clone()),
                        ("another secret", bare.clone().with(secret, "guessed")),
                        ("an empty secret", bare.clone().with(secret, "")),
                        ("another password", authorized("ticketroom:guessed")),
                        ("no base64", bare.clone().with("authorization", "Basic ?")),
                    ],
                }
            }
            Self::Jira => {
                let signature = "x-hub-signature";
                let signed =
                    |secret: &str| parcel.clone().with(signature, &jira::hub_signature(secret, &parcel.body));
                let bare = parcel.clone().without(signature);
                let other_body = Parcel { body: b"{}".to_vec(), ..parcel.clone() };
                Proofs {
                    door: self.door(),
                    good: vec![
                        ("signed", signed(WEBHOOK_SECRET)),
                        ("old secret", signed(OLD_WEBHOOK_SECRET)),
                        ("automation", bare.clone().with("x-ticketroom-secret", WEBHOOK_SECRET)),
                    ],
                    bad: vec![
                        ("nothing", bare.clone()),
                        ("another secret", signed("guessed")),
                        ("another body", other_body),
                        ("another method", parcel.clone().with(signature, "sha1=00")),
                        ("no hexadecimal", parcel.clone().with(signature, "sha256=zz")),
                        ("another automation", bare.with("x-ticketroom-secret", "guessed")),
                    ],
                }
            }
            Self::Generic => {
                let secret = "x-ticketroom-secret";
                let (signature, timestamp) = ("x-ticketroom-signature", "x-ticketroom-timestamp");
                let signed = |secret: &str, at: jiff::Timestamp| {
                    let at = at.as_second().to_string();
                    let message = [at.as_bytes(), b".", parcel.body.as_slice()].concat();
                    // The same construction as Jira's, over another message.
                    let value = jira::hub_signature(secret, &message);
                    parcel.clone().with(signature, &value).with(timestamp, &at)
                };
                let now = SystemClock.now();
                Proofs {
                    door: "/webhooks/signed".to_owned(),
                    good: vec![
                        ("signed", signed(WEBHOOK_SECRET, now)),
                        ("secret", parcel.clone().with(secret, WEBHOOK_SECRET)),
                    ],
                    bad: vec![
                        ("nothing", parcel.clone()),
                        ("another secret", signed("guessed", now)),
                        ("an hour old", signed(WEBHOOK_SECRET, old)),
                        ("another time", signed(WEBHOOK_SECRET, now).with(timestamp, "1")),
                        ("no hexadecimal", parcel.clone().with(signature, "sha256=zz")),
                        ("another plain secret", parcel.clone().with(secret, "guessed")),
                    ],
                }
            }
        }
    }

    /// From now on the helpdesk itself sends everything that happens, our own doing included, to that address. A
    /// generic one sends nothing by itself.
    pub(crate) fn send_all_to(self, systems: &Systems, address: &str) {
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

    /// Waits until everything that the helpdesk sends has been answered.
    pub(crate) async fn deliveries_settled(self, systems: &Systems) {
        match self {
            Self::Zendesk => systems.zendesk.deliveries_settled().await,
            Self::Freshdesk => systems.freshdesk.deliveries_settled().await,
            Self::Jira => systems.jira.deliveries_settled().await,
            Self::Generic => {}
        }
    }

    /// Deliveries of the helpdesk's own that were not taken.
    pub(crate) fn refused_deliveries(self, systems: &Systems) -> Vec<String> {
        let refused = |deliveries: Vec<(bool, String)>| {
            deliveries.into_iter().filter(|(taken, _)| !taken).map(|(_, what)| what).collect()
        };
        match self {
            Self::Zendesk => {
                let all = systems.zendesk.deliveries().into_iter();
                refused(all.map(|delivery| (delivery.delivered, format!("{delivery:?}"))).collect())
            }
            Self::Freshdesk => {
                let all = systems.freshdesk.deliveries().into_iter();
                refused(all.map(|delivery| (delivery.delivered, format!("{delivery:?}"))).collect())
            }
            Self::Jira => {
                let all = systems.jira.deliveries().into_iter();
                refused(all.map(|delivery| (delivery.delivered, format!("{delivery:?}"))).collect())
            }
            Self::Generic => Vec::new(),
        }
    }
}

/// Deliveries with all sorts of proofs.
pub(crate) struct Proofs {
    pub(crate) door: String,
    pub(crate) good: Vec<(&'static str, Parcel)>,
    pub(crate) bad: Vec<(&'static str, Parcel)>,
}

/// An event of Zendesk's, signed now.
fn zendesk_parcel(body: Vec<u8>, invocation: &str) -> Parcel {
    let headers = zendesk::signed_headers(WEBHOOK_SECRET, &body, invocation, SystemClock.now());
    Parcel { headers, query: "", body }
}

/// An event of Jira's, signed.
fn jira_parcel(body: Vec<u8>, identifier: &str) -> Parcel {
    let headers = jira::signed_headers(Some(WEBHOOK_SECRET), &body, identifier, jira::Flow::Primary, 0);
    Parcel { headers, query: "", body }
}
