//! How a delivery comes in: raw bytes, verified, read, committed.
//!
//! Nothing is answered with a success before the delivery is on disk. A delivery that proves where it comes from
//! but can't be understood is kept, too, for the operator; it is refused all the same. One that is understood and is not
//! about a ticket is kept and answered with a success: a refusal would count as an error of ours, and some helpdesks then
//! hold back their tickets, too. The log says so once for each kind of event.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
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
    Consequence, NoTarget, NotUnderstood, RawDelivery, Source, SourceName, Target, Unverified,
};
use crate::store::{Accepted, Delivery, Meaning, Queue, StoreError};

/// Takes deliveries in.
#[derive(Debug)]
pub struct Intake {
    sources: HashMap<SourceName, Arc<dyn Source>>,
    store: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    wake: Arc<Notify>,
    /// Callers outside decide how often these are to be logged.
    refusals: LogLimiter,
    failures: LogLimiter,
    /// The kinds of events, by source, of which the log has said that they are not about tickets.
    said: Mutex<HashSet<(SourceName, String)>>,
}

/// Of so many kinds of events the log speaks. Senders name them as they like.
const MOST_SAID: usize = 200;

/// A delivery that was taken in.
enum Taken {
    /// It is about a ticket.
    Ticket(Accepted),
    /// It is about something else.
    SomethingElse(Accepted),
}

codes! {
    HELPDESK_UNKNOWN = "request.delivery.helpdesk-unknown", Never,
        "The delivery's address names a helpdesk that is not configured (404).",
        "the address is /webhooks/ and the helpdesk's `name`: correct the address at the sender, or the configuration";
    NOT_STORED = "request.delivery.not-stored", Never,
        "The delivery could not be stored (503).",
        "send it again: it is taken as soon as the store can be written to. What is wrong with the store is in the log";
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
    /// An intake for these sources; `wake` is told of every ticket that becomes due.
    #[must_use]
    pub fn new(
        sources: impl IntoIterator<Item = Arc<dyn Source>>,
        store: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        wake: Arc<Notify>,
    ) -> Self {
        let sources = sources.into_iter().map(|source| (source.name(), source)).collect();
        let (refusals, failures) =
            (LogLimiter::new("refused deliveries"), LogLimiter::new("deliveries that could not be stored"));
        Self { sources, store, clock, metrics, wake, refusals, failures, said: Mutex::default() }
    }

    /// Checks what can be checked before the body of a delivery is read.
    ///
    /// # Errors
    /// Why it is refused whatever its body is.
    pub fn admit(&self, name: &str, headers: &HeaderMap) -> Result<(), Refused> {
        let (name, source) = self.source(name)?;
        Span::current().record("helpdesk", name.as_str());
        source.require_proof(headers).map_err(|unverified| {
            let refused = Refused::Unverified(unverified);
            self.refused(name, &refused);
            refused
        })
    }

    fn source(&self, name: &str) -> Result<(&SourceName, &dyn Source), Refused> {
        let source = name.parse().ok().and_then(|name: SourceName| self.sources.get_key_value(&name));
        source.map(|(name, source)| (name, source.as_ref())).ok_or(Refused::NoSuchSource)
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
    pub async fn deliver(&self, name: &str, raw: RawDelivery) -> Result<Accepted, Refused> {
        let (name, source) = self.source(name)?;
        let result = self.deliver_from(name, source, raw).await;
        if result.is_ok() {
            self.metrics.delivery_stored(name, self.clock.now());
        }
        match &result {
            Ok(Taken::Ticket(Accepted::New)) => self.metrics.delivered(name, "accepted"),
            Ok(Taken::SomethingElse(Accepted::New)) => {
                self.metrics.delivered(name, "about_something_else");
            }
            Ok(Taken::Ticket(Accepted::Repeat) | Taken::SomethingElse(Accepted::Repeat)) => {
                self.metrics.delivered(name, "repeat");
            }
            Err(refused) => self.refused(name, refused),
        }
        result.map(|(Taken::Ticket(accepted) | Taken::SomethingElse(accepted))| accepted)
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
        let delivery = |delivery_id, event: String, meaning| Delivery {
            source: name.clone(),
            at,
            delivery_id,
            event: printable(&event, LONGEST_EVENT),
            headers: headers_as_json(verified.headers()),
            query: verified.query().map(str::to_owned),
            body: Bytes::clone(verified.body()),
            meaning,
        };
        let refused = match hint {
            Ok(hint) => {
                let Target::Ticket(ticket) = hint.target;
                Span::current().record("ticket", display(&ticket));
                let meaning = match hint.consequence {
                    Consequence::Look => Meaning::Look { ticket, snapshot: hint.snapshot.map(Box::new) },
                    Consequence::Echo => Meaning::Echo { ticket },
                };
                let delivery = delivery(hint.delivery_id, hint.event, meaning);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                if accepted == Accepted::New {
                    self.wake.notify_one();
                }
                return Ok(Taken::Ticket(accepted));
            }
            Err(NoTarget::AboutSomethingElse { event, delivery_id }) => {
                self.say_once(name, &event);
                let delivery = delivery(delivery_id, event, Meaning::AboutSomethingElse);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                return Ok(Taken::SomethingElse(accepted));
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
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_as_they_came_but_for_secrets() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "1".parse().unwrap());
        headers.append("x-a", "2".parse().unwrap());
        headers.append("authorization", "Bearer secret".parse().unwrap());
        let kept = headers_as_json(&headers);
        assert_eq!(kept, r#"[["x-a","1"],["x-a","2"],["authorization","(withheld)"]]"#);
    }
}
