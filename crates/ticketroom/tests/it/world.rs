//! A world to test in: the simulated systems, a store in a temporary folder, and the service in this process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::desks::{Desk, Parcel};
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::docspace::{self, RoomView};
use simulator::zendesk::{self, NewTicket};
use simulator::{freshdesk, jira};
use tempfile::TempDir;
use ticketroom::clock::{Chance, Clock, SystemClock};
use ticketroom::config::Config;
use ticketroom::service::Service;

pub(crate) const ROOM_FIELD: u64 = 360_012_345;
pub(crate) const WEBHOOK_SECRET: &str = "one of two live secrets";
pub(crate) const OLD_WEBHOOK_SECRET: &str = "the secret of yesterday";
pub(crate) const ADMIN_TOKEN: &str = "the-token-that-lets-an-operator-in";
/// How long anything may take before a test gives up; conditions are awaited, so a good run takes a fraction.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Folders of the test template; one of them nests.
pub(crate) const FOLDERS: [&str; 4] = ["Attachments", "Findings", "Logs", "Logs/Server"];

/// The simulated systems.
#[derive(Clone)]
pub(crate) struct Systems {
    pub(crate) docspace: docspace::DocSpace,
    pub(crate) zendesk: zendesk::Zendesk,
    pub(crate) freshdesk: freshdesk::Freshdesk,
    pub(crate) jira: jira::Jira,
    pub(crate) callback: CallbackReceiver,
}

impl Systems {
    pub(crate) async fn start() -> Self {
        Self::start_with(docspace::Setup::default()).await
    }

    pub(crate) async fn start_with(setup: docspace::Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let zendesk = zendesk::Setup { room_field: Some(ROOM_FIELD), ..zendesk::Setup::default() };
        Self {
            docspace: docspace::DocSpace::start(setup).await.unwrap(),
            zendesk: zendesk::Zendesk::start(zendesk).await.unwrap(),
            freshdesk: freshdesk::Freshdesk::start(freshdesk::Setup::default()).await.unwrap(),
            jira: jira::Jira::start(jira::Setup::default()).await.unwrap(),
            callback: CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await.unwrap(),
        }
    }

    /// A configuration file for these systems, and the environment variables that it names. `more` is added at its
    /// end.
    pub(crate) fn config(&self, store: &Path, more: &str) -> (String, HashMap<String, String>) {
        let mut secrets = Secrets::in_variables();
        let text = format!(
            r#"
[server]
listen = "127.0.0.1:0"
[admin]
token = {token}
[store]
url = "sqlite:{store}"
{docspace}
timeout = "800ms"
settle = "1500ms"
# Tests that are not about it should not have to wait for the next minute.
requests_per_minute = 1000000

{zendesk}
{freshdesk}
{jira}
{callback}
{signed}
{more}
            "#,
            token = secrets.write("ADMIN", ADMIN_TOKEN),
            store = store.display(),
            docspace = self.docspace.section(&mut secrets),
            zendesk = self.zendesk.section(&[WEBHOOK_SECRET, OLD_WEBHOOK_SECRET], &mut secrets),
            freshdesk = self.freshdesk.section(&[WEBHOOK_SECRET, OLD_WEBHOOK_SECRET], &mut secrets),
            jira = self.jira.section(&[WEBHOOK_SECRET, OLD_WEBHOOK_SECRET], &mut secrets),
            callback = self.callback.section("intranet"),
            signed = format_args!(
                "[[helpdesk]]\nname = \"signed\"\nkind = \"generic\"\nwebhook_secret = {}\n",
                secrets.write("GENERIC_SECRET", WEBHOOK_SECRET)
            ),
        );
        (text, secrets.variables())
    }

    /// The room of a ticket; fails unless there is exactly one, active, complete and linked.
    #[track_caller]
    pub(crate) fn the_room_of(&self, tag: &str) -> RoomView {
        let rooms: Vec<_> = self
            .docspace
            .rooms()
            .into_iter()
            .filter(|room| room.tags.iter().any(|have| have == tag))
            .collect();
        assert_eq!(rooms.len(), 1, "ticket {tag} has {} rooms: {rooms:#?}", rooms.len());
        let room = rooms.into_iter().next().unwrap();
        assert!(!room.archived, "the room of {tag} is archived");
        room
    }

    /// What is wrong with a ticket of the test template, counted at the other ends; empty is right.
    pub(crate) fn wrong_with(&self, desk: Desk, id: &str) -> Vec<String> {
        let tag = format!("{}:{id}", desk.name());
        let (mut wrong, room) = self.wrong_with_room(&tag);
        let Some(room) = room else { return wrong };
        let (internal, public) = desk.notes(self, id);
        if (internal, public) != (1, 0) {
            wrong.push(format!("{tag}: {internal} notes for agents, {public} that customers see"));
        }
        let links = desk.links(self, id);
        if links != [self.member_address(&room)] {
            wrong.push(format!("{tag}: the links are {links:?}"));
        }
        wrong
    }

    /// What is wrong with a ticket that [`Desk::open`] has made: Anna has to be in its room as well.
    pub(crate) fn wrong_with_opened(&self, desk: Desk, id: &str) -> Vec<String> {
        let tag = format!("{}:{id}", desk.name());
        let mut wrong = self.wrong_with(desk, id);
        let rooms = self.docspace.rooms().into_iter().filter(|room| room.tags.contains(&tag));
        let members = rooms.flat_map(|room| room.members).filter(|member| member.name == "Anna Agent");
        let roles: Vec<_> = members.map(|member| member.access).collect();
        if roles != [11] {
            wrong.push(format!("{tag}: the assignee has the roles {roles:?}"));
        }
        wrong
    }

    /// What is wrong with a ticket in Zendesk.
    pub(crate) fn wrong_with_zendesk_ticket(&self, id: u64) -> Vec<String> {
        self.wrong_with(Desk::Zendesk, &id.to_string())
    }

    /// What is wrong with a generic ticket.
    pub(crate) fn wrong_with_generic_ticket(&self, id: &str) -> Vec<String> {
        self.wrong_with(Desk::Generic, id)
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

    pub(crate) fn member_address(&self, room: &RoomView) -> String {
        format!("{}rooms/shared/{id}/filter?folder={id}", self.docspace.url(), id = room.id)
    }
}

/// The test template: nested folders, a group and the assignee.
pub(crate) const TEMPLATE: &str = r#"
    [template.default]
    title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
    folders = ["Logs/Server", "Attachments", "Findings"]
    access = [{ group = "Support", role = "editor" }, { assignee = true, role = "content-creator" }]
"#;

/// The simulated systems and a service.
pub(crate) struct World {
    pub(crate) systems: Systems,
    pub(crate) service: Option<Service>,
    pub(crate) client: Client,
    config: Config,
    // Deleted when the world ends.
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
        let (text, variables) = systems.config(&folder.path().join("store.db"), more);
        let config = match Config::from_text(&text, "test.toml", &variables) {
            Ok(config) => config,
            Err(error) => panic!("{error}"),
        };
        let mut world = Self { systems, service: None, client: Client::new(), config, _folder: folder };
        world.start().await;
        world
    }

    /// Starts the service (again), on the same store.
    pub(crate) async fn start(&mut self) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let admin = SecretString::from(ADMIN_TOKEN);
        let service = Service::start(&self.config, &admin, clock, Chance::seeded(7)).await.unwrap();
        self.service = Some(service);
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

    /// Delivers a body at Zendesk's door, signed now.
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
        let status = self.deliver_to(&desk.door(), &desk.created(&self.systems, &id, subject)).await;
        assert_eq!(status, StatusCode::OK, "{desk:?}");
        id
    }

    /// Delivers what a helpdesk sends, at its door.
    pub(crate) async fn deliver_to(&self, door: &str, parcel: &Parcel) -> StatusCode {
        self.send(door, parcel).await.status()
    }

    /// Sends what a helpdesk sends, and returns the whole answer.
    pub(crate) async fn send(&self, door: &str, parcel: &Parcel) -> reqwest::Response {
        let mut request = self.client.post(self.url(&format!("{door}{}", parcel.query)));
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        request.body(parcel.body.clone()).send().await.unwrap()
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
            if !is_due(&last) && states.iter().any(|state| last["state"] == *state) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{key} is not {states:?} but {last:#}");
    }

    pub(crate) async fn retry(&self, key: &str) {
        let url = self.url(&format!("/api/v1/tickets/{key}/retry"));
        let answer = self.client.post(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }

    /// Waits until no ticket is due, waits or is worked on.
    pub(crate) async fn wait_until_all_rest(&self) {
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
pub(crate) async fn wait_until_all_rest(client: &Client, url: &str) {
    let url = format!("{url}/api/v1/tickets?limit=500");
    let rest = async || {
        let Ok(answer) = client.get(&url).bearer_auth(ADMIN_TOKEN).send().await else { return false };
        let Ok(found) = answer.json::<Value>().await else { return false };
        found["tickets"].as_array().is_some_and(|tickets| !tickets.iter().any(is_due))
    };
    // The list is long: asking for it all the time would be most of the load.
    wait_until_every(Duration::from_millis(100), "all tickets rest", rest).await;
}

/// Waits until a condition holds.
pub(crate) async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    wait_until_every(Duration::from_millis(10), what, condition).await;
}

async fn wait_until_every(pause: Duration, what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: still not so after {PATIENCE:?}");
        tokio::time::sleep(pause).await;
    }
}

pub(crate) fn generic(id: &str, subject: &str) -> Value {
    json!({ "ticketId": id, "subject": subject })
}
