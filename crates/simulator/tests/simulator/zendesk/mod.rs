//! Zendesk, over real HTTP.

mod api;
mod auth;
mod life;
mod listing;
mod registered;
mod webhooks;

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::zendesk::{Mode, NewTicket, Setup, Webhook, Zendesk};

use crate::fixture::{ManualClock, Reply, with};

const FIELD: u64 = 360_012_345;
const SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Fixture {
    zendesk: Zendesk,
    clock: ManualClock,
    http: reqwest::Client,
    token: String,
}

async fn fixture(setup: Setup) -> Fixture {
    let clock = ManualClock::new();
    let zendesk = Zendesk::start(Setup { clock: clock.clock(), ..setup }).await.unwrap();
    let mut fixture = Fixture { zendesk, clock, http: crate::client(), token: String::new() };
    fixture.token = fixture.new_token("read write").await;
    fixture.zendesk.reset_counters();
    fixture
}

impl Fixture {
    async fn new_token(&self, scope: &str) -> String {
        let answer = self.token(json!({ "scope": scope })).await;
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for a token with these changes to a good request.
    async fn token(&self, changes: Value) -> Reply {
        let mut body = json!({
            "grant_type": "client_credentials",
            "client_id": self.zendesk.client_id(),
            "client_secret": self.zendesk.client_secret(),
            "scope": "read",
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Reply::to(self.http.post(self.url("oauth/tokens")).json(&body)).await
    }

    fn url(&self, path: &str) -> reqwest::Url {
        self.zendesk.url().join(path).unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let request = self.http.request(method, self.url(&format!("api/v2/{path}"))).bearer_auth(&self.token);
        Reply::to(with(request, body)).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    /// Updates a ticket.
    async fn put(&self, id: u64, ticket: Value) -> Reply {
        self.call(Method::PUT, &format!("tickets/{id}"), Some(&json!({ "ticket": ticket }))).await
    }

    fn ticket(&self) -> u64 {
        self.zendesk.create_ticket(NewTicket::about("Export fails"))
    }

    /// Connects a webhook with a receiver.
    async fn receiver(&self, mode: Mode) -> CallbackReceiver {
        let receiver = CallbackReceiver::start(LOOPBACK).await.unwrap();
        let endpoint = receiver.url().join("hooks/zendesk").unwrap();
        self.zendesk.set_webhook(Webhook { endpoint, secret: SECRET.to_owned(), mode });
        receiver
    }

    /// The names of all events that were delivered so far, in order.
    async fn events(&self) -> Vec<String> {
        self.zendesk.deliveries_settled().await;
        self.zendesk.deliveries().into_iter().map(|delivery| delivery.event).collect()
    }
}
