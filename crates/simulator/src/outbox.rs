//! Deliveries to a webhook's endpoint. Each is a task of its own, so they arrive in any order. The
//! sender decides how often one is tried, with which headers, and whether its body changes from
//! attempt to attempt ([`Attempts`]).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use url::Url;

use crate::clock::Clock;
use crate::lock;
use crate::loss::{Loss, Losses};
use crate::service::{Core, Shutdown};

/// A delivery and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The id of all its attempts, if they have one: Zendesk's invocation id, Jira's webhook
    /// identifier, or the id of DocSpace's event.
    pub id: Option<String>,
    /// The ticket that it is about; 0 if it is about something else.
    pub ticket: u64,
    /// The event, as its sender names it.
    pub event: String,
    /// The status that answered each attempt that is over, if any did.
    pub attempts: Vec<Option<u16>>,
    /// It has failed, and is not tried again.
    pub given_up: bool,
    /// It was answered with 2xx.
    pub delivered: bool,
}

impl Delivery {
    pub(crate) fn about(ticket: u64, event: impl Into<String>, id: Option<String>) -> Self {
        Self { id, ticket, event: event.into(), attempts: Vec::new(), given_up: false, delivered: false }
    }
}

/// How a system makes the attempts at one delivery.
pub(crate) trait Attempts: Send + 'static {
    /// The body of the next attempt: what was sent off, unless it changes from attempt to attempt.
    fn body(&mut self, sent_off: &Bytes) -> Bytes {
        sent_off.clone()
    }

    /// The method of all attempts.
    fn method(&self) -> reqwest::Method {
        reqwest::Method::POST
    }

    /// The headers of the next attempt.
    fn headers(&self, body: &[u8]) -> Vec<(String, String)>;

    /// After an attempt: how long to wait before the next one, or `None` if there is none. It is
    /// also called after an attempt that was accepted.
    fn pause_after(&mut self, outcome: Outcome) -> Option<Duration>;
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// The whole answer was read; `Retry-After` is in seconds.
    Answered {
        status: u16,
        retry_after: Option<u32>,
    },
    TimedOut,
    Failed,
}

impl Outcome {
    pub(crate) fn status(self) -> Option<u16> {
        if let Self::Answered { status, .. } = self { Some(status) } else { None }
    }

    pub(crate) fn is_accepted(self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }
}

/// All deliveries so far, and the webhook that further ones go to; clones share everything.
#[derive(Debug)]
pub struct Outbox<W>(Arc<Inner<W>>);

#[derive(Debug)]
struct Inner<W> {
    client: reqwest::Client,
    runtime: Handle,
    webhook: Mutex<Option<W>>,
    deliveries: Mutex<Vec<Delivery>>,
    under_way: watch::Sender<usize>,
    /// How many further deliveries may be worked on at once.
    places: Semaphore,
    losses: Mutex<Losses<Delivery>>,
    clock: Clock,
    shutdown: Shutdown,
}

impl<W> Clone for Outbox<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Clone> Outbox<W> {
    /// An attempt may take as long as `timeout`, until its whole answer is read.
    pub(crate) fn new(timeout: Duration, core: &Core) -> std::io::Result<Self> {
        Self::with_places(timeout, Semaphore::MAX_PERMITS, core)
    }

    /// At most so many deliveries are worked on at once, the waits between their attempts included.
    pub(crate) fn with_places(timeout: Duration, most: usize, core: &Core) -> std::io::Result<Self> {
        // An error means that the process has a TLS provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(timeout)
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self(Arc::new(Inner {
            client,
            runtime: Handle::current(),
            webhook: Mutex::new(None),
            deliveries: Mutex::default(),
            under_way: watch::Sender::new(0),
            places: Semaphore::new(most),
            losses: Mutex::default(),
            clock: core.clock.clone(),
            shutdown: core.shutdown.clone(),
        })))
    }

    pub(crate) fn set_webhook(&self, webhook: W) {
        *lock(&self.0.webhook) = Some(webhook);
    }

    pub(crate) fn webhook(&self) -> Option<W> {
        lock(&self.0.webhook).clone()
    }

    /// All deliveries, in the order in which they were sent off.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.0.deliveries).clone()
    }

    /// From now on, deliveries are lost like that, or none.
    pub(crate) fn lose(&self, loss: Option<Loss>) {
        lock(&self.0.losses).set(loss);
    }

    /// The deliveries that were lost: they were never sent off, and are not among the others.
    pub(crate) fn lost(&self) -> Vec<Delivery> {
        lock(&self.0.losses).all().to_vec()
    }

    /// Waits until all deliveries are over.
    pub(crate) async fn settled(&self) {
        // The sender is in `self`, so this can't fail.
        let _ = self.0.under_way.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl<W: Send + 'static> Outbox<W> {
    /// Starts a delivery, which is under way from now on. `make` gets its number among all
    /// deliveries, from 0, those that were lost included.
    pub(crate) fn send<A: Attempts>(
        &self,
        endpoint: Url,
        body: Vec<u8>,
        make: impl FnOnce(usize) -> (Delivery, A),
    ) {
        self.send_if(endpoint, body, |number| {
            let (delivery, attempts) = make(number);
            (true, delivery, attempts)
        });
    }

    /// The same, where `make` also decides whether the delivery is sent off. If not, it is lost.
    pub(crate) fn send_if<A: Attempts>(
        &self,
        endpoint: Url,
        body: Vec<u8>,
        make: impl FnOnce(usize) -> (bool, Delivery, A),
    ) {
        let mut deliveries = lock(&self.0.deliveries);
        let mut losses = lock(&self.0.losses);
        let number = deliveries.len();
        let (admits, delivery, attempts) = make(number + losses.all().len());
        let struck = losses.strike(self.0.clock.now());
        if struck || !admits {
            return losses.note(delivery);
        }
        deliveries.push(delivery);
        drop((deliveries, losses));
        self.0.under_way.send_modify(|count| *count += 1);
        let (outbox, mut shutdown) = (self.clone(), self.0.shutdown.receiver());
        self.0.runtime.spawn(async move {
            let delivery = outbox.deliver(number, endpoint, Bytes::from(body), attempts);
            let delivered = shutdown.unless_stopped(delivery).await.unwrap_or(false);
            outbox.record(number, |delivery| {
                delivery.delivered = delivered;
                delivery.given_up = !delivered;
            });
            outbox.0.under_way.send_modify(|count| *count -= 1);
        });
    }

    /// Tries until it is accepted (true) or not tried again (false).
    async fn deliver(&self, number: usize, endpoint: Url, body: Bytes, mut attempts: impl Attempts) -> bool {
        // Nobody closes the semaphore, so there is always a place in the end.
        let _place = self.0.places.acquire().await;
        loop {
            let body = attempts.body(&body);
            let headers = attempts.headers(&body);
            let request = self.0.client.request(attempts.method(), endpoint.clone());
            let outcome = self.send_once(request.body(body), headers).await;
            self.record(number, |delivery| delivery.attempts.push(outcome.status()));
            match attempts.pause_after(outcome) {
                _ if outcome.is_accepted() => return true,
                Some(pause) => tokio::time::sleep(pause).await,
                None => return false,
            }
        }
    }

    fn record(&self, number: usize, change: impl FnOnce(&mut Delivery)) {
        if let Some(delivery) = lock(&self.0.deliveries).get_mut(number) {
            change(delivery);
        }
    }

    /// Posts a body once, beside all deliveries.
    pub(crate) async fn post(&self, endpoint: Url, headers: Vec<(String, String)>, body: Vec<u8>) -> Outcome {
        self.send_once(self.0.client.post(endpoint).body(body), headers).await
    }

    /// Asks whether there is something at an address, without a body.
    pub(crate) async fn head(&self, endpoint: Url) -> Outcome {
        self.send_once(self.0.client.head(endpoint), Vec::new()).await
    }

    async fn send_once(&self, request: reqwest::RequestBuilder, headers: Vec<(String, String)>) -> Outcome {
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answered = async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get("retry-after");
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            answer.bytes().await?;
            Ok::<_, reqwest::Error>(Outcome::Answered { status, retry_after })
        };
        match answered.await {
            Ok(outcome) => outcome,
            Err(error) if error.is_timeout() => Outcome::TimedOut,
            Err(_) => Outcome::Failed,
        }
    }
}
