//! A world to test in: the simulated systems, a store in a temporary folder, and the service in
//! this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::stores::TestStore;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use simulator::zendesk::{self, NewTicket};
use tempfile::TempDir;
use testbed::{ADMIN_TOKEN, Desk, PATIENCE, Systems, TEMPLATE, WEBHOOK_SECRET, WebhookRequest};
use ticketroom::clock::{Chance, Clock, SystemClock, Timestamp, after};
use ticketroom::config::Config;
use ticketroom::live::reload::Read;
use ticketroom::service::{Duties, Service};

/// The machine's clock, moved forward.
#[derive(Debug, Default)]
struct MovedClock {
    ahead_millis: AtomicI64,
}

impl MovedClock {
    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed).unsigned_abs())
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        after(SystemClock.now(), self.ahead())
    }
}

/// The simulated systems and a service.
pub(crate) struct World {
    pub(crate) systems: Systems,
    clock: Arc<MovedClock>,
    passed: AtomicI64,
    pub(crate) service: Option<Service>,
    pub(crate) client: Client,
    config: Config,
    /// What a reload reads.
    text: Arc<Mutex<String>>,
    variables: HashMap<String, String>,
    // Deleted when the world ends.
    store: TestStore,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(TEMPLATE).await
    }

    pub(crate) async fn with(more: &str) -> Self {
        Self::around(Systems::start().await, more).await
    }

    pub(crate) async fn around(systems: Systems, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = TestStore::new(folder.path());
        let (text, variables) = systems.config(&store.url, more);
        let config = match Config::from_text(&text, "test.toml", &variables) {
            Ok(config) => config,
            Err(error) => panic!("{error}"),
        };
        let mut world = Self {
            systems,
            clock: Arc::default(),
            passed: AtomicI64::new(0),
            service: None,
            client: Client::new(),
            config,
            text: Arc::new(Mutex::new(text)),
            variables,
            store,
            _folder: folder,
        };
        world.start().await;
        world
    }

    /// Starts the service (again), on the same store.
    pub(crate) async fn start(&mut self) {
        self.start_with(Duties::default()).await;
    }

    /// Starts a service that has only these duties.
    pub(crate) async fn start_with(&mut self, duties: Duties) {
        let clock: Arc<dyn Clock> = Arc::<MovedClock>::clone(&self.clock);
        let (text, variables) = (Arc::clone(&self.text), self.variables.clone());
        let read: Read = Arc::new(move || Config::from_text(&text.lock().unwrap(), "test.toml", &variables));
        let started = Service::start(self.config.clone(), read, duties, clock, Chance::from_os());
        let service = started.await.unwrap();
        self.service = Some(service);
    }

    /// The file that a reload reads.
    pub(crate) fn file(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Edits the file that a reload reads: replaces each of the first texts by the second one.
    pub(crate) fn edit(&self, edits: &[(&str, &str)]) {
        let mut text = self.text.lock().unwrap();
        for (from, to) in edits {
            assert!(text.contains(from), "{from}: {text}");
            *text = text.replace(from, to);
        }
    }

    /// Reloads the configuration, which has to be all right.
    pub(crate) async fn reload(&self) -> Value {
        let answer = self.ask_to_reload().await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Reloads the configuration.
    pub(crate) async fn ask_to_reload(&self) -> reqwest::Response {
        self.client.post(self.url("/api/v1/reload")).bearer_auth(ADMIN_TOKEN).send().await.unwrap()
    }

    /// The clock that the service goes by jumps forward: its own, or that of its database. The
    /// other systems' clocks don't. A service that runs goes by the new time from now on.
    pub(crate) async fn pass(&self, time: Duration) {
        self.jump(time);
        if !self.store.is_database() || self.service.is_none() {
            return;
        }
        // Its heartbeats tell it the time. The answer to one has come once there is another.
        let heartbeat = || {
            let beat = self
                .store
                .ask("SELECT coalesce(max(alive_until - server_millis()), 0), max(alive_until) FROM replica");
            let (left, until) = beat.split_once('|').unwrap();
            (left.parse::<i64>().unwrap() > 0).then(|| until.to_owned())
        };
        testbed::wait_until("a heartbeat by the new time", async || heartbeat().is_some()).await;
        let first = heartbeat();
        testbed::wait_until("another heartbeat", async || {
            heartbeat().is_some_and(|beat| Some(beat) != first)
        })
        .await;
    }

    /// The same, and a service on a database hears of it a moment later.
    pub(crate) fn jump(&self, time: Duration) {
        let time = i64::try_from(time.as_millis()).unwrap();
        let passed = self.passed.fetch_add(time, Ordering::Relaxed) + time;
        if self.store.is_database() {
            self.store.ask(&format!(
                "CREATE OR REPLACE FUNCTION server_millis() RETURNS bigint LANGUAGE sql STABLE AS
                 $$ SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint + {passed} $$"
            ));
        } else {
            self.clock.ahead_millis.store(passed, Ordering::Relaxed);
        }
    }

    /// How far the service's clock is ahead of the other systems' clocks.
    pub(crate) fn passed(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Stops the service; the systems go on.
    pub(crate) async fn stop(&mut self) {
        self.service.take().unwrap().stop().await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.as_ref().unwrap().address())
    }

    /// Makes a ticket in Zendesk and delivers what an event webhook says about it.
    pub(crate) async fn open(&self, ticket: NewTicket) -> u64 {
        let id = self.systems.zendesk.create_ticket(ticket);
        let status = self.deliver_created(id, &format!("invocation-{id}")).await;
        assert_eq!(status, StatusCode::OK);
        id
    }

    /// Delivers that a ticket was created.
    pub(crate) async fn deliver_created(&self, id: u64, invocation: &str) -> StatusCode {
        let body = self.systems.zendesk.event_body(id, "created").unwrap();
        self.deliver(&body, invocation).await
    }

    /// Delivers a body to Zendesk's endpoint, signed now.
    pub(crate) async fn deliver(&self, body: &[u8], invocation: &str) -> StatusCode {
        let headers = zendesk::signed_headers(WEBHOOK_SECRET, body, invocation, SystemClock.now());
        let mut request = self.client.post(self.url("/webhooks/zendesk")).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    }

    /// Makes a ticket in a helpdesk and delivers what it says about it.
    pub(crate) async fn open_in(&self, desk: Desk, subject: &str) -> String {
        let id = desk.open(&self.systems, subject);
        let status = self.deliver_to(&desk.endpoint(), &desk.created(&self.systems, &id, subject)).await;
        assert_eq!(status, StatusCode::OK, "{desk:?}");
        id
    }

    /// Delivers what a helpdesk sends, to its endpoint.
    pub(crate) async fn deliver_to(&self, endpoint: &str, parcel: &WebhookRequest) -> StatusCode {
        self.send(endpoint, parcel).await.status()
    }

    /// Sends what a helpdesk sends, and returns the whole answer.
    pub(crate) async fn send(&self, endpoint: &str, parcel: &WebhookRequest) -> reqwest::Response {
        parcel.request(&self.client, &self.url(endpoint)).send().await.unwrap()
    }

    /// The configuration, to make parts of the product of.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Delivers a generic ticket.
    pub(crate) async fn deliver_generic(&self, body: &Value) -> StatusCode {
        let request = self.client.post(self.url("/helpdesk/ticket-created")).json(body);
        request.send().await.unwrap().status()
    }

    pub(crate) async fn api(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// What Prometheus is told.
    pub(crate) async fn metrics(&self) -> String {
        let answer = self.client.get(self.url("/metrics")).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// A ticket as the API shows it.
    pub(crate) async fn ticket(&self, key: &str) -> Value {
        self.api(&format!("/api/v1/tickets/{key}")).await
    }

    /// Waits until a ticket rests in one of these states and shows it.
    pub(crate) async fn wait_for_state(&self, key: &str, states: &[&str]) -> Value {
        let mut last = Value::Null;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            last = self.ticket(key).await;
            if !self.is_due(&last) && states.iter().any(|state| last["state"] == *state) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{key} is not {states:?} but {last:#}");
    }

    fn is_due(&self, ticket: &Value) -> bool {
        testbed::is_due(ticket) || testbed::is_due_within(ticket, self.passed())
    }

    pub(crate) async fn retry(&self, key: &str) {
        self.ask_for(key, "retry").await;
    }

    /// Asks for something to be done with a ticket, as a person would: `retry`, `archive`,
    /// `reopen`.
    pub(crate) async fn ask_for(&self, key: &str, what: &str) {
        let url = self.url(&format!("/api/v1/tickets/{key}/{what}"));
        let answer = self.client.post(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }

    /// Waits until no ticket is due, waits or is worked on. If one still is after [`PATIENCE`], it
    /// is shown with its timeline.
    pub(crate) async fn wait_until_all_rest(&self) {
        let pause = Duration::from_millis(50);
        if testbed::holds_within(PATIENCE, pause, async || self.all_rest().await).await {
            return;
        }
        let unrested = self.unrested().await;
        let mut shown = Vec::new();
        for ticket in unrested.iter().take(3) {
            let key = format!("{}/{}", ticket["helpdesk"].as_str().unwrap(), ticket["id"].as_str().unwrap());
            shown.push(format!("{:#}", self.ticket(&key).await));
        }
        panic!("{} tickets don't rest after {PATIENCE:?}, such as {}", unrested.len(), shown.join("\n"));
    }

    /// Whether no ticket is due, waits or is worked on.
    pub(crate) async fn all_rest(&self) -> bool {
        self.unrested().await.is_empty()
    }

    async fn unrested(&self) -> Vec<Value> {
        let mut found = self.api("/api/v1/tickets?limit=500").await;
        let Value::Array(mut tickets) = found["tickets"].take() else {
            panic!("no list of tickets: {found}")
        };
        tickets.retain(|ticket| self.is_due(ticket));
        tickets
    }
}
