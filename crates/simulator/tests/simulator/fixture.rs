//! What all tests use: a clock that is moved by hand, and answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::Value;
use simulator::Clock;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// At the time of the helpdesks' examples.
    pub(crate) fn new() -> Self {
        Self::at("2026-11-20T08:14:03.412Z")
    }

    pub(crate) fn at(start: &str) -> Self {
        let start: Timestamp = start.parse().unwrap();
        Self(Arc::new(AtomicI64::new(start.as_millisecond())))
    }

    pub(crate) fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_millisecond(millis.load(Ordering::SeqCst)).unwrap())
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

/// Status, headers and JSON of an answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    /// How many bytes the body has.
    pub(crate) length: usize,
}

impl Reply {
    pub(crate) async fn to(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        Self {
            status,
            headers,
            length: bytes.len(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The request with a JSON body, if there is one.
pub(crate) fn with(request: reqwest::RequestBuilder, body: Option<&Value>) -> reqwest::RequestBuilder {
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}
