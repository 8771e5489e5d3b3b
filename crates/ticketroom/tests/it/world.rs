//! A world to test in: the simulated systems, a store in a temporary folder, and the service in this process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::docspace::{self, RoomView};
use simulator::zendesk::{self, NewTicket};
use tempfile::TempDir;
use ticketroom::clock::{Chance, Clock, SystemClock};
use ticketroom::config::Config;
use ticketroom::service::Service;

pub const ROOM_FIELD: u64 = 360_012_345;
pub const WEBHOOK_SECRET: &str = "one of two live secrets";
pub const OLD_WEBHOOK_SECRET: &str = "the secret of yesterday";
pub const ADMIN_TOKEN: &str = "the-token-that-lets-an-operator-in";
/// How long anything may take before a test gives up; conditions are awaited, so a good run takes a fraction.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Folders of the test template; one of them nests.
pub const FOLDERS: [&str; 4] = ["Attachments", "Findings", "Logs", "Logs/Server"];

/// The simulated systems.
#[derive(Clone)]
pub struct Systems {
    pub docspace: docspace::DocSpace,
    pub zendesk: zendesk::Zendesk,
    pub callback: CallbackReceiver,
}

impl Systems {
    pub async fn start() -> Self {
        Self::start_with(docspace::Setup::default()).await
    }

    pub async fn start_with(setup: docspace::Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let zendesk = zendesk::Setup { room_field: Some(ROOM_FIELD), ..zendesk::Setup::default() };
        Self {
            docspace: docspace::DocSpace::start(setup).await.unwrap(),
            zendesk: zendesk::Zendesk::start(zendesk).await.unwrap(),
            callback: CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await.unwrap(),
        }
    }

    /// A configuration file for these systems. `more` is added at its end.
    pub fn config_text(&self, store: &Path, more: &str) -> String {
        format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            [admin]
            token = {{ env = "ADMIN" }}
            [store]
            url = "sqlite:{store}"
            [docspace]
            url = "{docspace}"
            api_key = {{ env = "API_KEY" }}
            timeout = "800ms"
            settle = "1500ms"

            [[helpdesk]]
            name = "zendesk"
            kind = "zendesk"
            url = "{zendesk}"
            webhook_secret = [{{ env = "WEBHOOK_SECRET" }}, {{ env = "OLD_WEBHOOK_SECRET" }}]
            client_id = "{client}"
            client_secret = {{ env = "CLIENT_SECRET" }}
            room_url_field = {ROOM_FIELD}

            [[helpdesk]]
            name = "intranet"
            kind = "generic"
            allow_unsigned = true
            callback_url = "{callback}"

            {more}
            "#,
            store = store.display(),
            docspace = self.docspace.url(),
            zendesk = self.zendesk.url(),
            client = self.zendesk.client_id(),
            callback = self.callback.url(),
        )
    }

    pub fn env(&self) -> HashMap<String, String> {
        [
            ("ADMIN", ADMIN_TOKEN.to_owned()),
            ("API_KEY", self.docspace.api_key()),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("OLD_WEBHOOK_SECRET", OLD_WEBHOOK_SECRET.to_owned()),
            ("CLIENT_SECRET", self.zendesk.client_secret()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The room of a ticket; fails unless there is exactly one, active, complete and linked.
    #[track_caller]
    pub fn the_room_of(&self, tag: &str) -> RoomView {
        let rooms: Vec<_> =
            self.docspace.rooms().into_iter().filter(|room| room.tags.iter().any(|have| have == tag)).collect();
        assert_eq!(rooms.len(), 1, "ticket {tag} has {} rooms: {rooms:#?}", rooms.len());
        let room = rooms.into_iter().next().unwrap();
        assert!(!room.archived, "the room of {tag} is archived");
        room
    }

    /// What is wrong with a ticket of the test template, counted at the other ends; empty is right.
    pub fn wrong_with_zendesk_ticket(&self, id: u64) -> Vec<String> {
        let tag = format!("zendesk:{id}");
        let (mut wrong, room) = self.wrong_with_room(&tag);
        let Some(room) = room else { return wrong };
        let ticket = self.zendesk.ticket(id).unwrap();
        let notes: Vec<_> =
            ticket.comments.iter().filter(|note| note.html_body.contains("[ticketroom:")).collect();
        if notes.len() != 1 {
            wrong.push(format!("{tag}: {} notes", notes.len()));
        }
        if notes.iter().any(|note| note.public) {
            wrong.push(format!("{tag}: the note is public"));
        }
        let field = ticket.custom_fields.get(&ROOM_FIELD).and_then(Value::as_str).unwrap_or_default();
        if field != self.member_address(&room) {
            wrong.push(format!("{tag}: the field has “{field}”"));
        }
        wrong
    }

    /// What is wrong with a generic ticket of the test template.
    pub fn wrong_with_generic_ticket(&self, id: &str) -> Vec<String> {
        let tag = format!("intranet:{id}");
        let (mut wrong, room) = self.wrong_with_room(&tag);
        let Some(room) = room else { return wrong };
        let told: Vec<_> =
            self.callback.received().into_iter().filter(|told| told.body["ticketId"] == id).collect();
        let keys: std::collections::BTreeSet<_> =
            told.iter().map(|told| told.headers.get("idempotency-key").cloned()).collect();
        if keys.len() != 1 {
            wrong.push(format!("{tag}: told with {} different keys", keys.len()));
        }
        if told.iter().any(|told| told.body["roomUrl"] != self.member_address(&room)) {
            wrong.push(format!("{tag}: told another address"));
        }
        wrong
    }

    fn wrong_with_room(&self, tag: &str) -> (Vec<String>, Option<RoomView>) {
        let mut rooms: Vec<_> = self
            .docspace
            .rooms()
            .into_iter()
            .filter(|room| room.tags.iter().any(|have| have == tag))
            .collect();
        if rooms.len() != 1 {
            return (vec![format!("{tag}: {} rooms", rooms.len())], None);
        }
        let room = rooms.remove(0);
        let mut wrong = Vec::new();
        if room.archived {
            wrong.push(format!("{tag}: archived"));
        }
        if room.folders != FOLDERS {
            wrong.push(format!("{tag}: folders {:?}", room.folders));
        }
        let support: Vec<_> = room.members.iter().filter(|member| member.name == "Support").collect();
        if support.len() != 1 || support[0].access != 10 {
            wrong.push(format!("{tag}: members {:?}", room.members));
        }
        (wrong, Some(room))
    }

    pub fn member_address(&self, room: &RoomView) -> String {
        format!("{}rooms/shared/{id}/filter?folder={id}", self.docspace.url(), id = room.id)
    }

    pub async fn stop(&self) {
        self.docspace.stop().await;
        self.zendesk.stop().await;
        self.callback.stop().await;
    }
}

/// The test template: nested folders, a group and the assignee.
pub const TEMPLATE: &str = r#"
    [template.default]
    title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
    folders = ["Logs/Server", "Attachments", "Findings"]
    access = [{ group = "Support", role = "editor" }, { assignee = true, role = "content-creator" }]
"#;

/// The simulated systems and a service.
pub struct World {
    pub systems: Systems,
    pub service: Option<Service>,
    pub client: Client,
    config: Config,
    // Deleted when the world ends.
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(TEMPLATE).await
    }

    pub async fn with(more: &str) -> Self {
        Self::around(Systems::start().await, more).await
    }

    pub async fn around(systems: Systems, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = systems.config_text(&folder.path().join("store.db"), more);
        let config = match Config::from_text(&text, "test.toml", &systems.env()) {
            Ok(config) => config,
            Err(error) => panic!("{error}"),
        };
        let mut world = Self { systems, service: None, client: Client::new(), config, folder };
        world.start().await;
        world
    }

    /// Starts the service (again), on the same store.
    pub async fn start(&mut self) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let admin = SecretString::from(ADMIN_TOKEN);
        let service = Service::start(&self.config, &admin, clock, Chance::seeded(7)).await.unwrap();
        self.service = Some(service);
    }

    /// Stops the service; the systems go on.
    pub async fn stop(&mut self) {
        self.service.take().unwrap().stop().await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.as_ref().unwrap().address())
    }

    /// Makes a ticket in Zendesk and delivers what an event webhook says about it.
    pub async fn open(&self, ticket: NewTicket) -> u64 {
        let id = self.systems.zendesk.create_ticket(ticket);
        let status = self.deliver_created(id, &format!("invocation-{id}")).await;
        assert_eq!(status, StatusCode::OK);
        id
    }

    /// Delivers that a ticket was created.
    pub async fn deliver_created(&self, id: u64, invocation: &str) -> StatusCode {
        let body = self.systems.zendesk.event_body(id, "created").unwrap();
        self.deliver(&body, invocation).await
    }

    /// Delivers a body at Zendesk's door, signed now.
    pub async fn deliver(&self, body: &[u8], invocation: &str) -> StatusCode {
        let headers = zendesk::signed_headers(WEBHOOK_SECRET, body, invocation, SystemClock.now());
        let mut request = self.client.post(self.url("/webhooks/zendesk")).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    }

    /// Delivers a generic ticket.
    pub async fn deliver_generic(&self, body: &Value) -> StatusCode {
        let request = self.client.post(self.url("/helpdesk/ticket-created")).json(body);
        request.send().await.unwrap().status()
    }

    pub async fn api(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// A ticket as the API shows it.
    pub async fn ticket(&self, key: &str) -> Value {
        self.api(&format!("/api/v1/tickets/{key}")).await
    }

    /// Waits until a ticket rests in one of these states and shows it.
    pub async fn wait_for_state(&self, key: &str, states: &[&str]) -> Value {
        let mut last = Value::Null;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            last = self.ticket(key).await;
            if !is_due(&last) && states.iter().any(|state| last["state"] == *state) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{key} is not {states:?} but {last:#}");
    }

    pub async fn retry(&self, key: &str) {
        let url = self.url(&format!("/api/v1/tickets/{key}/retry"));
        let answer = self.client.post(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }

    /// Waits until no ticket is due, waits or is worked on.
    pub async fn wait_until_all_rest(&self) {
        wait_until_all_rest(&self.client, &self.url("")).await;
    }
}

/// Whether something is still to be done for a ticket, as the API shows it.
fn is_due(ticket: &Value) -> bool {
    let next = ticket["next"].as_str().and_then(|next| next.parse::<jiff::Timestamp>().ok());
    ticket["state"] == "waiting"
        || ticket["state"] == "working"
        || next.is_some_and(|next| next <= SystemClock.now())
}

/// Waits until no ticket of the service at `url` is due, waits or is worked on.
pub async fn wait_until_all_rest(client: &Client, url: &str) {
    let url = format!("{url}/api/v1/tickets?limit=500");
    let rest = async || {
        let Ok(answer) = client.get(&url).bearer_auth(ADMIN_TOKEN).send().await else { return false };
        let Ok(found) = answer.json::<Value>().await else { return false };
        found["tickets"].as_array().is_some_and(|tickets| !tickets.iter().any(is_due))
    };
    wait_until("all tickets rest", rest).await;
}

/// Waits until a condition holds.
pub async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: still not so after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn generic(id: &str, subject: &str) -> Value {
    json!({ "ticketId": id, "subject": subject })
}
