//! The other end of a generic helpdesk's callback: an address that takes whatever is posted to it, answers
//! 204 and remembers it. The one call is counted as `callback`, whatever its path and method.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use crate::clock::Clock;
use crate::fault::TooMany;
use crate::http::{Answer, Request};
use crate::server::{self, Core, Running, Service};

/// A running receiver. Clones are the same receiver, which stops when the last one is dropped.
#[derive(Debug, Clone)]
pub struct CallbackReceiver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    inbox: Arc<Inbox>,
    core: Core,
    running: Running,
}

/// What was received; a call that a fault kept from being worked on is not in here.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When.
    pub at: Timestamp,
    /// The headers, their names in lower case; of several with one name, the last.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; `null` if it is none.
    pub body: Value,
    /// The body as it came, which is what a signature is over.
    pub raw: Bytes,
}

#[derive(Debug, Default)]
struct Inbox {
    clock: Clock,
    received: Mutex<Vec<Received>>,
}

server::controlled!(CallbackReceiver, |handle| handle.0.core);

impl CallbackReceiver {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the address can't be listened at.
    pub async fn start(listen: SocketAddr) -> std::io::Result<Self> {
        let (inbox, core) = (Arc::<Inbox>::default(), Core::default());
        let running = server::start(listen, core.clone(), Arc::<Inbox>::clone(&inbox)).await?;
        Ok(Self(Arc::new(Inner { inbox, core, running })))
    }

    /// Ends all calls and frees the port.
    pub async fn stop(&self) {
        self.0.running.stop().await;
    }

    /// What a `callback_url` may be; any path below will do as well.
    pub fn url(&self) -> Url {
        self.0.running.url()
    }

    /// Everything received, in order.
    pub fn received(&self) -> Vec<Received> {
        self.0.inbox.received().clone()
    }
}

impl Inbox {
    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
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
        let answer = self.refusal(StatusCode::TOO_MANY_REQUESTS);
        match kind.retry_after_s() {
            Some(seconds) => answer.with("retry-after", &seconds.to_string()),
            None => answer,
        }
    }

    fn state(&self) -> Value {
        self.received().iter().map(|received| json!({ "at": received.at, "body": received.body })).collect()
    }
}
