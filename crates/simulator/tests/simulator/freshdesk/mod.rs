//! Freshdesk, over real HTTP.

mod api;
mod automations;
mod life;
mod limits;
mod listing;
mod loss;
mod webhooks;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::freshdesk::{Freshdesk, NewTicket, Setup};

use crate::fixture::{ManualClock, Reply, with};

struct Fixture {
    freshdesk: Freshdesk,
    clock: ManualClock,
    http: reqwest::Client,
}

async fn fixture(setup: Setup) -> Fixture {
    let clock = ManualClock::new();
    let freshdesk = Freshdesk::start(Setup { clock: clock.clock(), ..setup }).await.unwrap();
    Fixture { freshdesk, clock, http: crate::client() }
}

impl Fixture {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.freshdesk.url().join(&format!("api/v2/{path}")).unwrap();
        self.http.request(method, url)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, path).basic_auth(self.freshdesk.api_key(), Some("X"));
        Reply::to(with(request, body.as_ref())).await
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
