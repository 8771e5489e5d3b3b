//! The receiver of a generic helpdesk's callbacks: it answers any request with 204 and keeps it.
//! Each call is counted as `callback`, whatever its path and method.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::fault::TooMany;
use crate::handle::Server;
use crate::http::{Answer, Request};
use crate::lock;
use crate::service::{Core, Service};

/// A running receiver.
pub type CallbackReceiver = Server<Inbox>;

/// A callback that was received. One that a fault kept from being processed is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When.
    pub at: Timestamp,
    /// The headers, their names in lower case; of several with one name, the last.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; `null` if it is none.
    pub body: Value,
    /// The raw body, which the signature covers.
    pub raw: Bytes,
}

/// The callbacks of a receiver.
#[derive(Debug, Default)]
pub struct Inbox {
    clock: Clock,
    received: Mutex<Vec<Received>>,
}

impl CallbackReceiver {
    /// Starts to listen.
    ///
    /// # Errors
    /// When it can't listen at the address.
    pub async fn start(listen: SocketAddr) -> std::io::Result<Self> {
        Self::run(listen, Core::default(), Inbox::default()).await
    }

    /// All callbacks, in order.
    pub fn received(&self) -> Vec<Received> {
        self.system().received().clone()
    }
}

impl Inbox {
    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        lock(&self.received)
    }
}

impl Service for Inbox {
    fn name(&self, _: &Method, _: &str) -> &'static str {
        "callback"
    }

    fn answer(&self, request: &Request, _: &'static str) -> Answer {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = request.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        self.received().push(Received {
            at: self.clock.now(),
            headers: headers.collect(),
            body: request.json().ok().flatten().unwrap_or_default(),
            raw: request.body.clone(),
        });
        Answer::empty(StatusCode::NO_CONTENT)
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        Answer::empty(status)
    }

    fn too_many(&self, kind: TooMany) -> Answer {
        self.refusal(StatusCode::TOO_MANY_REQUESTS).with_retry_after(kind.retry_after_s())
    }

    fn state(&self) -> Value {
        self.received().iter().map(|received| json!({ "at": received.at, "body": received.body })).collect()
    }
}
