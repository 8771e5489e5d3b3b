//! How a delivery comes in: raw bytes, verified, read, committed.
//!
//! Nothing is answered with a success before the delivery is on disk. A delivery that proves where it comes from
//! but can't be understood is kept, too, for the operator; it is refused all the same. One that is understood and is not
//! about a ticket is kept and answered with a success: a refusal would count as an error of ours, and some helpdesks then
//! hold back their tickets, too. The log says so once for each kind of event.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::sync::Notify;
use tracing::Span;
use tracing::field::display;

use crate::clock::Clock;
use crate::helpdesk::{Consequence, Helpdesk, NoTicket, NotUnderstood, RawDelivery, Unverified};
use crate::live::Snapshot;
use crate::log_limit::LogLimiter;
use crate::metrics::Metrics;
use crate::printable::{MESSAGE, printable, printed};
use crate::store::{Accepted, Delivery, Meaning, Store, StoreError};
use crate::ticket::HelpdeskName;

/// Takes deliveries in.
#[derive(Debug)]
pub struct Intake {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    wake: Arc<Notify>,
    /// Callers outside decide how often these are to be logged.
    refusals: LogLimiter,
    failures: LogLimiter,
    /// The kinds of events, by helpdesk, of which the log has said that they are not about tickets.
    said: Mutex<HashSet<(HelpdeskName, String)>>,
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

/// Why a delivery was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No helpdesk has this name.
    #[error("no helpdesk is configured under this name")]
    NoSuchHelpdesk,
    /// It doesn't prove where it comes from.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// It is not in the helpdesk's format.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// It is written in a way that is not supported.
    #[error("{0}")]
    Unsupported(NotUnderstood),
    /// It is larger than may be.
    #[error("{0}")]
    TooLarge(NotUnderstood),
    /// It could not be committed; it is welcome again later.
    #[error("the delivery could not be stored")]
    NotStored(#[source] StoreError),
}

impl Refused {
    fn outcome(&self) -> &'static str {
        match self {
            Self::NoSuchHelpdesk => "no_such_helpdesk",
            Self::Unverified(_) => "unverified",
            Self::NotUnderstood(_) | Self::Unsupported(_) | Self::TooLarge(_) => "not_understood",
            Self::NotStored(_) => "not_stored",
        }
    }
}

impl Intake {
    /// An intake; `wake` is told of every ticket that becomes due.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Metrics, wake: Arc<Notify>) -> Self {
        let (refusals, failures) =
            (LogLimiter::new("refused deliveries"), LogLimiter::new("deliveries that could not be stored"));
        Self { store, clock, metrics, wake, refusals, failures, said: Mutex::default() }
    }

    /// Checks what can be checked before the body of a delivery is read.
    ///
    /// # Errors
    /// Why it is refused whatever its body is.
    pub fn admit(&self, snapshot: &Snapshot, helpdesk: &str, headers: &HeaderMap) -> Result<(), Refused> {
        let helpdesk = named(snapshot, helpdesk)?;
        Span::current().record("helpdesk", helpdesk.name().as_str());
        helpdesk.require_proof(headers).map_err(|unverified| {
            let refused = Refused::Unverified(unverified);
            self.refused(helpdesk, &refused);
            refused
        })
    }

    fn refused(&self, helpdesk: &dyn Helpdesk, refused: &Refused) {
        self.metrics.delivered(helpdesk.name(), refused.outcome());
        match refused {
            Refused::NotStored(error) if self.failures.admit(self.clock.now()) => {
                tracing::error!(helpdesk = %helpdesk.name(), %error, "a delivery could not be stored");
            }
            Refused::NotStored(_) => {}
            refused if self.refusals.admit(self.clock.now()) => {
                tracing::warn!(helpdesk = %helpdesk.name(), %refused, "a delivery was refused");
            }
            _ => {}
        }
    }

    /// Takes a delivery in. Once this returns well, the delivery is on disk.
    ///
    /// # Errors
    /// Why it was not taken in.
    pub async fn deliver(
        &self,
        snapshot: &Snapshot,
        helpdesk: &str,
        raw: RawDelivery,
    ) -> Result<Accepted, Refused> {
        let helpdesk = named(snapshot, helpdesk)?;
        let result = self.deliver_to(helpdesk, raw).await;
        if result.is_ok() {
            self.metrics.delivery_stored(helpdesk.name(), self.clock.now());
        }
        match &result {
            Ok(Taken::Ticket(Accepted::New)) => self.metrics.delivered(helpdesk.name(), "accepted"),
            Ok(Taken::SomethingElse(Accepted::New)) => {
                self.metrics.delivered(helpdesk.name(), "about_something_else");
            }
            Ok(Taken::Ticket(Accepted::Repeat) | Taken::SomethingElse(Accepted::Repeat)) => {
                self.metrics.delivered(helpdesk.name(), "repeat");
            }
            Err(refused) => self.refused(helpdesk, refused),
        }
        result.map(|(Taken::Ticket(accepted) | Taken::SomethingElse(accepted))| accepted)
    }

    async fn deliver_to(&self, helpdesk: &dyn Helpdesk, raw: RawDelivery) -> Result<Taken, Refused> {
        let at = self.clock.now();
        let verified = helpdesk.verify(raw, at)?;
        let hint = helpdesk.read(&verified);
        let delivery = |delivery_id, event: String, meaning| Delivery {
            helpdesk: helpdesk.name().clone(),
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
                Span::current()
                    .record("ticket", display(format_args!("{}/{}", helpdesk.name(), hint.ticket)));
                let meaning = match hint.consequence {
                    Consequence::Look => {
                        Meaning::Look { ticket: hint.ticket, snapshot: hint.snapshot.map(Box::new) }
                    }
                    Consequence::Echo => Meaning::Echo { ticket: hint.ticket },
                };
                let delivery = delivery(hint.delivery_id, hint.event, meaning);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                if accepted == Accepted::New {
                    self.wake.notify_one();
                }
                return Ok(Taken::Ticket(accepted));
            }
            Err(NoTicket::AboutSomethingElse { event, delivery_id }) => {
                self.say_once(helpdesk.name(), &event);
                let delivery = delivery(delivery_id, event, Meaning::AboutSomethingElse);
                let accepted = self.store.accept(delivery).await.map_err(Refused::NotStored)?;
                return Ok(Taken::SomethingElse(accepted));
            }
            Err(NoTicket::NotUnderstood(why)) => Refused::NotUnderstood(why),
            Err(NoTicket::Unsupported(why)) => Refused::Unsupported(why),
            Err(NoTicket::TooLarge(why)) => Refused::TooLarge(why),
        };
        let meaning = Meaning::NotUnderstood { why: printed(&refused, MESSAGE) };
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
    fn say_once(&self, helpdesk: &HelpdeskName, event: &str) {
        // Nothing in here can fail halfway, so what a panic elsewhere left is good.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < MOST_SAID && said.insert((helpdesk.clone(), event.to_owned())) {
            tracing::info!(
                %helpdesk,
                event,
                "events of this kind are not about tickets: they are kept, and nothing follows; the sender need not send them"
            );
        }
    }
}

fn named<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s dyn Helpdesk, Refused> {
    let helpdesk = name.parse().ok().and_then(|name: HelpdeskName| snapshot.helpdesks.get(&name));
    helpdesk.map(Arc::as_ref).ok_or(Refused::NoSuchHelpdesk)
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
