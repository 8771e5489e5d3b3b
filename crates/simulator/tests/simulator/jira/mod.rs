//! Jira Service Management, over real HTTP.

mod api;
mod attachments;
mod auth;
mod comments;
mod data_center;
mod limits;
mod links;
mod search;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Clock;
use simulator::callback::CallbackReceiver;
use simulator::jira::{Deployment, Jira, Mode, NewIssue, Setup, Webhook};

const SECRET: &str = "It's a Secret to Everybody";
const HEADER_SECRET: &str = "jira-automation-test-0123456789abcdef";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn move_on(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

struct Play {
    jira: Jira,
    hands: Hands,
    http: reqwest::Client,
    deployment: Deployment,
}

/// Status, headers and JSON of an answer.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn play(setup: Setup) -> Play {
    let start: Timestamp = "2026-11-20T08:14:03.412Z".parse().unwrap();
    let hands = Hands(Arc::new(AtomicI64::new(start.as_millisecond())));
    let millis = Arc::clone(&hands.0);
    let clock = Clock::new(move || Timestamp::from_millisecond(millis.load(Ordering::SeqCst)).unwrap());
    let deployment = setup.deployment;
    let jira = Jira::start(Setup { clock, ..setup }).await.unwrap();
    Play { jira, hands, http: crate::client(), deployment }
}

impl Play {
    fn url(&self, path: &str) -> reqwest::Url {
        self.jira.url().join(path).unwrap()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// With the credential that the deployment wants; the path begins after `rest/`.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let request = self.http.request(method, self.url(&format!("rest/{path}")));
        let request = match self.deployment {
            Deployment::Cloud => request.basic_auth(self.jira.email(), Some(self.jira.api_token())),
            Deployment::DataCenter => request.bearer_auth(self.jira.personal_access_token()),
        };
        self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(&body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, Some(&body)).await
    }

    fn issue(&self) -> u64 {
        self.jira.create_issue(NewIssue::about("Export fails"))
    }

    /// Connects a webhook with a receiver.
    async fn receiver(&self, mode: Mode) -> CallbackReceiver {
        let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
        let endpoint = receiver.url().join("hooks/jira").unwrap();
        self.jira.set_webhook(match mode {
            Mode::Admin => Webhook::signed(endpoint, SECRET),
            mode => Webhook::automation(endpoint, HEADER_SECRET, mode),
        });
        receiver
    }

    /// The names of all events that were delivered so far, in order.
    async fn events(&self) -> Vec<String> {
        self.jira.deliveries_settled().await;
        self.jira.deliveries().into_iter().map(|delivery| delivery.event).collect()
    }
}

/// A comment of one paragraph.
fn document(content: &Value) -> Value {
    json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": content }] })
}
