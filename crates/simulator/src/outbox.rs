//! Deliveries on their way to a webhook's endpoint: what all helpdesks that are played have in common. Each goes its
//! own way, so they arrive in any order. How often one is tried, and with which headers, is the helpdesk's affair.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use tokio::sync::watch;
use url::Url;

/// A delivery as it is shown.
pub(crate) trait Delivery: Clone + Send + 'static {
    /// It is over: accepted, or not tried again.
    fn end(&mut self, delivered: bool);
}

/// Every delivery so far; clones share everything.
#[derive(Debug)]
pub(crate) struct Outbox<D> {
    client: reqwest::Client,
    runtime: Handle,
    deliveries: Arc<Mutex<Vec<D>>>,
    under_way: watch::Sender<usize>,
    stopping: watch::Receiver<bool>,
}

impl<D> Clone for Outbox<D> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            runtime: self.runtime.clone(),
            deliveries: Arc::clone(&self.deliveries),
            under_way: self.under_way.clone(),
            stopping: self.stopping.clone(),
        }
    }
}

/// What came back for an attempt, the whole answer read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// In seconds.
    pub(crate) retry_after: Option<u32>,
}

impl<D: Delivery> Outbox<D> {
    /// Deliveries end when `stopping` turns true, or its sender goes. A whole answer may take as long as `timeout`.
    pub(crate) fn new(timeout: Duration, stopping: watch::Receiver<bool>) -> std::io::Result<Self> {
        // One TLS provider for the process; that there is one already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(timeout)
            .build()
            .map_err(std::io::Error::other)?;
        let (runtime, under_way) = (Handle::current(), watch::Sender::new(0));
        Ok(Self { client, runtime, deliveries: Arc::default(), under_way, stopping })
    }

    fn book(&self) -> MutexGuard<'_, Vec<D>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every delivery, in the order in which they were sent off.
    pub(crate) fn deliveries(&self) -> Vec<D> {
        self.book().clone()
    }

    /// Waits until every delivery is over.
    pub(crate) async fn settled(&self) {
        // It can't fail: we hold the sender.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Sends a delivery on its way, which `view` makes of its number. From here on it is under way, even before the
    /// first attempt. `deliver` gets the number and says whether it was accepted.
    pub(crate) fn dispatch<F>(&self, view: impl FnOnce(usize) -> D, deliver: impl FnOnce(usize) -> F)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let mut book = self.book();
        let number = book.len();
        book.push(view(number));
        drop(book);

        let (outbox, mut stopping, under_way) = (self.clone(), self.stopping.clone(), UnderWay::new(self));
        let delivery = deliver(number);
        self.runtime.spawn(async move {
            let delivered = tokio::select! {
                delivered = delivery => delivered,
                _ = stopping.wait_for(|stop| *stop) => false,
            };
            outbox.record(number, |delivery| delivery.end(delivered));
            drop(under_way);
        });
    }

    /// Writes down what became of a delivery so far.
    pub(crate) fn record(&self, number: usize, write: impl FnOnce(&mut D)) {
        if let Some(delivery) = self.book().get_mut(number) {
            write(delivery);
        }
    }

    /// Makes an attempt. The timeout is for the whole answer.
    pub(crate) async fn post(
        &self,
        endpoint: Url,
        headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Result<Answered, reqwest::Error> {
        let request = self.client.post(endpoint).body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        answer.bytes().await?;
        Ok(Answered { status, retry_after })
    }
}

/// Counts a delivery as under way until it is dropped.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn new<D>(outbox: &Outbox<D>) -> Self {
        outbox.under_way.send_modify(|count| *count += 1);
        Self(outbox.under_way.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
