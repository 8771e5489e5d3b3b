//! How a delivery comes in: raw bytes, verified, read, committed.
//!
//! Nothing is answered with a success before the delivery is on disk. A delivery that proves where
//! it comes from but can't be understood is kept, too, for the operator; it is refused all the
//! same. One that is understood and is not about a ticket is kept and answered with a success: a
//! refusal would count as an error of ours, and some helpdesks then hold back their tickets, too.
//! The log says so once for each kind of event.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::sync::Notify;
use tracing::Span;
use tracing::field::display;

use crate::clock::Clock;
use crate::log_limit::LogLimiter;
use crate::metrics::Metrics;
use crate::printable::{MESSAGE, printable};
use crate::reason::{Reason, codes};
use crate::source::reasons::{NOT_UNDERSTOOD, TOO_LARGE, UNSUPPORTED};
use crate::source::{
    Consequence, NoTarget, NotUnderstood, RawDelivery, RepeatKey, Source, SourceName, Sources, Target,
    Unverified,
};
use crate::store::{Accepted, Delivery, Meaning, Store, StoreError};
use crate::ticket::{Ticket, TicketKey};

/// Takes deliveries in.
#[derive(Debug)]
pub struct Intake {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    wake: Arc<Notify>,
    in_folders: Arc<Notify>,
    /// Callers outside decide how often these are to be logged.
    refusals: LogLimiter,
    failures: LogLimiter,
    /// The kinds of events, by source, of which the log has said that they are not about tickets.
    said: Mutex<HashSet<(SourceName, String)>>,
}

/// Of so many kinds of events the log speaks. Senders name them as they like.
const MOST_SAID: usize = 200;

/// A delivery that was taken in.
#[derive(Debug, Clone, Copy)]
enum Taken {
    /// It is about a ticket, or may be: which room a folder is in is asked later.
    Ticket,
    /// It is about something else.
    SomethingElse,
    /// It had been here before.
    Repeat,
}

impl Taken {
    fn outcome(self) -> &'static str {
        match self {
            Self::Ticket => "accepted",
            Self::SomethingElse => "about_something_else",
            Self::Repeat => "repeat",
        }
    }
}

codes! {
    HELPDESK_UNKNOWN = "request.delivery.helpdesk-unknown", Never,
        "The delivery's address names a helpdesk that is not configured (404).",
        "the address is /webhooks/ and the helpdesk's `name`: correct the address at the sender, or the configuration";
    NOT_STORED = "request.delivery.not-stored", Never,
        "The delivery could not be stored (503).",
        "send it again: it is taken as soon as the store can be written to. What is wrong with the store is in the log";
}

/// Whether a delivery tells only what its ticket was like when it was created. One that carries no
/// time may come after later ones, and must not reopen a ticket that is over.
fn is_of_a_creation(ticket: &Ticket, event: &str) -> bool {
    let last_word = event.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    ticket.version.is_none() && !ticket.status.is_over() && last_word.eq_ignore_ascii_case("created")
}

/// Why a delivery was not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No source has this name.
    NoSuchSource,
    /// It doesn't prove where it comes from.
    Unverified(Unverified),
    /// It is not in the source's format.
    NotUnderstood(NotUnderstood),
    /// It is written in a way that is not supported.
    Unsupported(NotUnderstood),
    /// It is larger than may be.
    TooLarge(NotUnderstood),
    /// It could not be committed; it is welcome again later.
    NotStored(StoreError),
}

impl Refused {
    /// What the sender is told. What is wrong with the store is nothing for the outside.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoSuchSource => HELPDESK_UNKNOWN.reason("no helpdesk is configured under this name"),
            Self::Unverified(why) => why.reason(),
            Self::NotUnderstood(why) => NOT_UNDERSTOOD.reason(&why.0),
            Self::Unsupported(why) => UNSUPPORTED.reason(&why.0),
            Self::TooLarge(why) => TOO_LARGE.reason(&why.0),
            Self::NotStored(_) => {
                NOT_STORED.with_help("the delivery could not be stored just now", "send it again")
            }
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::NoSuchSource => "no_such_source",
            Self::Unverified(_) => "unverified",
            Self::NotUnderstood(_) | Self::Unsupported(_) | Self::TooLarge(_) => "not_understood",
            Self::NotStored(_) => "not_stored",
        }
    }
}

impl Intake {
    /// An intake; `wake` is told of every ticket that becomes due, and `in_folders` of events whose
    /// ticket is not known yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        wake: Arc<Notify>,
        in_folders: Arc<Notify>,
    ) -> Self {
        let (refusals, failures) =
            (LogLimiter::new("refused deliveries"), LogLimiter::new("deliveries that could not be stored"));
        Self { store, clock, metrics, wake, in_folders, refusals, failures, said: Mutex::default() }
    }

    /// Checks what can be checked before the body of a delivery is read.
    ///
    /// # Errors
    /// Why it is refused whatever its body is.
    pub fn admit(&self, sources: &Sources, name: &str, headers: &HeaderMap) -> Result<(), Refused> {
        let (name, source) = named(sources, name)?;
        Span::current().record("helpdesk", name.as_str());
        source.require_proof(headers).map_err(|unverified| {
            let refused = Refused::Unverified(unverified);
            self.refused(name, &refused);
            refused
        })
    }

    /// Whether a source looks for its endpoint with a HEAD request.
    ///
    /// # Errors
    /// If there is no such source.
    pub fn is_found_by_head(&self, sources: &Sources, name: &str) -> Result<bool, Refused> {
        let (name, source) = named(sources, name)?;
        Span::current().record("helpdesk", name.as_str());
        Ok(source.is_found_by_head())
    }

    fn refused(&self, source: &SourceName, refused: &Refused) {
        self.metrics.delivered(source, refused.outcome());
        match refused {
            Refused::NotStored(error) if self.failures.admit(self.clock.now()) => {
                let code = NOT_STORED.name;
                tracing::error!(helpdesk = %source, code, %error, "a delivery could not be stored");
            }
            Refused::NotStored(_) => {}
            refused if self.refusals.admit(self.clock.now()) => {
                let reason = refused.reason();
                let code = reason.code.as_ref();
                tracing::warn!(helpdesk = %source, code, refused = %reason, "a delivery was refused");
            }
            _ => {}
        }
    }

    /// Takes a delivery in. Once this returns well, the delivery is on disk.
    ///
    /// # Errors
    /// Why it was not taken in.
    pub async fn deliver(&self, sources: &Sources, name: &str, raw: RawDelivery) -> Result<(), Refused> {
        let (name, source) = named(sources, name)?;
        let result = self.deliver_from(name, source, raw).await;
        match &result {
            Ok(taken) => {
                self.metrics.delivery_stored(name, self.clock.now());
                self.metrics.delivered(name, taken.outcome());
            }
            Err(refused) => self.refused(name, refused),
        }
        result.map(|_: Taken| ())
    }

    /// Whether a ticket is known, and solved, closed or deleted.
    async fn is_over(&self, key: &TicketKey) -> Result<bool, StoreError> {
        let ticket = self.store.ticket(key).await?.and_then(|record| record.ticket);
        Ok(ticket.is_some_and(|ticket| ticket.status.is_over()))
    }

    async fn deliver_from(
        &self,
        name: &SourceName,
        source: &dyn Source,
        raw: RawDelivery,
    ) -> Result<Taken, Refused> {
        let at = self.clock.now();
        let verified = source.verify(raw, at).map_err(Refused::Unverified)?;
        let hint = source.read(&verified);
        let delivery = |delivery_id: Option<String>, event: String, meaning| Delivery {
            source: name.clone(),
            at,
            repeat: delivery_id.map(|id| RepeatKey::new(id, &source.stable_part(&verified))),
            event: printable(&event, LONGEST_EVENT),
            headers: headers_as_json(verified.headers()),
            query: verified.query().map(str::to_owned),
            body: Bytes::clone(verified.body()),
            meaning,
        };
        let refused = match hint {
            Ok(mut hint) => {
                if let Target::Ticket(ticket) = &hint.target {
                    Span::current().record("ticket", display(ticket));
                    if let Some(snapshot) = &hint.snapshot
                        && is_of_a_creation(snapshot, &hint.event)
                        && self.is_over(ticket).await.map_err(Refused::NotStored)?
                    {
                        hint.snapshot = None;
                    }
                }
                let meaning = match (hint.target, hint.consequence) {
                    (Target::Ticket(ticket), Consequence::Look) => {
                        Meaning::Look { ticket, snapshot: hint.snapshot.map(Box::new) }
                    }
                    (Target::Ticket(ticket), Consequence::Echo) => Meaning::Echo { ticket },
                    (Target::Room(room), consequence) => Meaning::InRoom { room, consequence },
                    (Target::Folder(event), consequence) => Meaning::InFolder { event, consequence },
                };
                // Whose ticket is concerned by what is in a folder has to be asked for first.
                let wakes = match &meaning {
                    Meaning::InFolder { consequence: Consequence::Look, .. } => Some(&self.in_folders),
                    Meaning::InFolder { consequence: Consequence::Echo, .. } => None,
                    _ => Some(&self.wake),
                };
                let delivery = delivery(hint.delivery_id, hint.event, meaning);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                return Ok(match accepted {
                    Accepted::New => {
                        if let Some(wakes) = wakes {
                            wakes.notify_one();
                        }
                        Taken::Ticket
                    }
                    Accepted::Unowned => Taken::SomethingElse,
                    Accepted::Repeat => Taken::Repeat,
                });
            }
            Err(NoTarget::AboutSomethingElse { event, delivery_id }) => {
                self.say_once(name, &event);
                let delivery = delivery(delivery_id, event, Meaning::AboutSomethingElse);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                return Ok(match accepted {
                    Accepted::New | Accepted::Unowned => Taken::SomethingElse,
                    Accepted::Repeat => Taken::Repeat,
                });
            }
            Err(NoTarget::NotUnderstood(why)) => Refused::NotUnderstood(why),
            Err(NoTarget::Unsupported(why)) => Refused::Unsupported(why),
            Err(NoTarget::TooLarge(why)) => Refused::TooLarge(why),
        };
        let meaning = Meaning::NotUnderstood { why: printable(&refused.reason().text, MESSAGE) };
        let kept = self.store.accept(delivery(None, "not understood".to_owned(), meaning)).await;
        // The sender is told what is wrong with it in any case, and that is what matters.
        if let Err(error) = kept
            && self.failures.admit(at)
        {
            tracing::error!(%error, "a delivery that was not understood could not be kept");
        }
        Err(refused)
    }

    /// Tells the log that a kind of event is not about tickets, the first time it comes.
    fn say_once(&self, source: &SourceName, event: &str) {
        // A portal tells of much that is no ticket's, and by the same kinds of events that are
        // needed.
        if *source == SourceName::DocSpace {
            return;
        }
        // Nothing in here can fail halfway, so what a panic elsewhere left is good.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < MOST_SAID && said.insert((source.clone(), event.to_owned())) {
            tracing::info!(
                helpdesk = %source,
                event,
                "events of this kind are not about tickets: they are kept, and nothing follows; the sender need not send them"
            );
        }
    }
}

fn named<'s>(sources: &'s Sources, name: &str) -> Result<(&'s SourceName, &'s dyn Source), Refused> {
    let source = name.parse().ok().and_then(|name: SourceName| sources.get_key_value(&name));
    source.map(|(name, source)| (name, source.as_ref())).ok_or(Refused::NoSuchSource)
}

/// How much of an event's name is kept: characters.
const LONGEST_EVENT: usize = 100;

/// Headers that hold secrets are not stored.
const WITHHELD: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-ticketroom-secret"];

/// The headers in the order and number in which they came, as a list of name and value.
fn headers_as_json(headers: &HeaderMap) -> String {
    let pairs: Vec<(&str, Cow<'_, str>)> = headers
        .iter()
        .map(|(name, value)| {
            let withheld = WITHHELD.contains(&name.as_str());
            let value = if withheld {
                Cow::Borrowed("(withheld)")
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            (name.as_str(), value)
        })
        .collect();
    // A list of texts can always be written as JSON.
    serde_json::to_string(&pairs).unwrap_or_default()
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
