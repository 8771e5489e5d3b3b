//! Freshdesk, over real HTTP.

mod api;
mod limits;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Clock;
use simulator::freshdesk::{Freshdesk, NewTicket, Setup};

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn move_on(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

struct Play {
    freshdesk: Freshdesk,
    hands: Hands,
    http: reqwest::Client,
}

/// Status, headers and body of an answer.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
    length: usize,
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
    let freshdesk = Freshdesk::start(Setup { clock, ..setup }).await.unwrap();
    Play { freshdesk, hands, http: crate::client() }
}

impl Play {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.freshdesk.url().join(&format!("api/v2/{path}")).unwrap();
        self.http.request(method, url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        Reply {
            status,
            headers,
            length: bytes.len(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, path).basic_auth(self.freshdesk.api_key(), Some("X"));
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    async fn note(&self, id: u64, body: &str) -> Reply {
        self.call(Method::POST, &format!("tickets/{id}/notes"), Some(json!({ "body": body }))).await
    }

    async fn update(&self, id: u64, update: Value) -> Reply {
        self.call(Method::PUT, &format!("tickets/{id}"), Some(update)).await
    }

    fn ticket(&self) -> u64 {
        self.freshdesk.create_ticket(NewTicket::about("Invoice shows wrong VAT"))
    }
}
