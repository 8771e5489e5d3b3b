//! What the tests of all helpdesks stand on: a clock that is moved by hand, and answers as they came.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::Value;
use simulator::Clock;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// At the time of the examples.
    pub(crate) fn new() -> Self {
        let start: Timestamp = "2026-11-20T08:14:03.412Z".parse().unwrap();
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
