//! Jira Service Management, over real HTTP.

mod api;
mod attachments;
mod auth;
mod comments;
mod data_center;
mod life;
mod limits;
mod links;
mod registered;
mod search;
mod webhooks;

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::jira::{Deployment, Jira, Mode, NewIssue, Setup, Webhook};

use crate::fixture::{ManualClock, Reply, with};

const SECRET: &str = "It's a Secret to Everybody";
const HEADER_SECRET: &str = "jira-automation-test-0123456789abcdef";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Fixture {
    jira: Jira,
    clock: ManualClock,
    http: reqwest::Client,
    deployment: Deployment,
}

async fn fixture(setup: Setup) -> Fixture {
    let clock = ManualClock::new();
    let deployment = setup.deployment;
    let jira = Jira::start(Setup { clock: clock.clock(), ..setup }).await.unwrap();
    Fixture { jira, clock, http: crate::client(), deployment }
}

impl Fixture {
    fn url(&self, path: &str) -> reqwest::Url {
        self.jira.url().join(path).unwrap()
    }

    /// With the credential that the deployment wants; the path begins after `rest/`.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let request = self.http.request(method, self.url(&format!("rest/{path}")));
        let request = match self.deployment {
            Deployment::Cloud => request.basic_auth(self.jira.email(), Some(self.jira.api_token())),
            Deployment::DataCenter => request.bearer_auth(self.jira.personal_access_token()),
        };
        Reply::to(with(request, body)).await
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
        self.jira.create_ticket(NewIssue::about("Export fails"))
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
