//! DocSpace's own webhooks: the simulated portal sends them as a real one does, and the product
//! takes them.

use reqwest::header::ALLOW;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use simulator::docspace::{PasswordPolicy, Trigger, signed_headers};
use simulator::fault::{Fault, FaultKind};
use testbed::{Desk, Process, Systems, TEMPLATE, WebhookRequest, wait_until};
use ticketroom::room::FolderId;
use ticketroom::room_event::RoomEventKind;
use ticketroom::store::UnreportedEvents;

use crate::process::{process_over, run};
use crate::world::World;

pub(crate) const SECRET: &str = "Secret-123";
const ENDPOINT: &str = "/webhooks/docspace";

/// What is added to the section of DocSpace.
fn with_secret(secret: &str) -> String {
    format!("[docspace]\nwebhook_secret = {secret}\n")
}

/// A world whose service takes DocSpace's webhooks.
async fn world(more: &str) -> World {
    let world = World::with(more).await;
    world.edit(&[("[docspace]\n", &with_secret(&format!("{SECRET:?}")))]);
    assert_eq!(world.reload().await["changed"], json!(["[docspace] webhook_secret"]));
    world
}

/// The same, and the portal sends there everything that happens in it.
pub(crate) async fn connected_with(more: &str) -> World {
    let world = world(more).await;
    let endpoint: Url = world.url(ENDPOINT).parse().unwrap();
    world.systems.docspace.set_webhook(endpoint, SECRET, &[]);
    world
}

async fn connected() -> World {
    connected_with(TEMPLATE).await
}

impl World {
    async fn ask(&self, method: Method, path: &str) -> reqwest::Response {
        self.client.request(method, self.url(path)).send().await.unwrap()
    }

    /// Delivers a body as DocSpace does, by a secret.
    pub(crate) async fn deliver_event(&self, body: &Value, secret: &str) -> StatusCode {
        let body = body.to_string().into_bytes();
        let headers = signed_headers(secret, &body);
        self.deliver_to(ENDPOINT, &WebhookRequest { headers, query: "", body }).await
    }

    /// Opens a ticket and returns its name and its room, once it is ready.
    async fn ready_ticket(&self, subject: &str) -> (String, i64) {
        let id = self.open_in(Desk::Zendesk, subject).await;
        let key = format!("zendesk/{id}");
        self.wait_for_state(&key, &["ready"]).await;
        (key, self.systems.the_room_of(&Desk::Zendesk.tag(&id)).id)
    }

    /// What tickets have not been told of yet, of each that has something.
    async fn unreported(&self) -> Vec<UnreportedEvents> {
        let store = self.service.as_ref().unwrap().store();
        let mut unreported = Vec::new();
        for number in 1..20 {
            let of_one = store.unreported_events(number, None, 2000).await.unwrap();
            if of_one.total > 0 {
                unreported.push(of_one);
            }
        }
        unreported
    }

    /// Waits until the only ticket that has news has so many.
    async fn wait_for_events(&self, total: u64) -> UnreportedEvents {
        wait_until("the events are placed", async || {
            self.unreported().await.first().is_some_and(|unreported| unreported.total >= total)
        })
        .await;
        let unreported = self.unreported().await;
        assert_eq!((unreported.len(), unreported[0].total), (1, total), "{unreported:#?}");
        unreported.into_iter().next().unwrap()
    }

    async fn deliveries_counted(&self, outcome: &str) -> u64 {
        let line = format!("ticketroom_deliveries_total{{helpdesk=\"docspace\",outcome=\"{outcome}\"}} ");
        let text = self.metrics().await;
        text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }
}

/// The example of an event of a room, about this one.
fn room_event(id: u64, trigger: &str, room: i64) -> Value {
    let mut body: Value =
        serde_json::from_str(include_str!("../fixtures/docspace/room-archived.json")).unwrap();
    body["event"]["id"] = json!(id);
    body["event"]["trigger"] = json!(trigger);
    body["payload"]["id"] = json!(room);
    body
}

/// How often a ticket's timeline has a delivery of an event.
fn times(ticket: &Value, event: &str) -> usize {
    let timeline = ticket["timeline"].as_array().unwrap();
    timeline.iter().filter(|entry| entry.to_string().contains(event)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn docspace_is_a_source_only_with_a_secret_and_finds_it_by_head() {
    let world = World::new().await;
    let event = room_event(1, "room.archived", 7);
    let head = async |path: &str| world.ask(Method::HEAD, path).await.status();
    assert_eq!(head(ENDPOINT).await, 404);
    assert_eq!(world.deliver_event(&event, SECRET).await, 404);

    world.edit(&[("[docspace]\n", &with_secret(&format!("[\"New-secret-1\", {SECRET:?}]")))]);
    assert_eq!(world.reload().await["changed"], json!(["[docspace] webhook_secret"]));
    let answer = world.ask(Method::HEAD, ENDPOINT).await;
    assert_eq!((answer.status(), answer.bytes().await.unwrap().len()), (StatusCode::OK, 0));
    assert_eq!(world.ask(Method::GET, ENDPOINT).await.status(), 405);
    let other = world.ask(Method::HEAD, "/webhooks/zendesk").await;
    assert_eq!(
        (other.status(), other.headers()[ALLOW].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    assert_eq!(head("/webhooks/nobody").await, 404);
    for secret in [SECRET, "New-secret-1"] {
        assert_eq!(world.deliver_event(&event, secret).await, 200, "{secret}");
    }
    assert_eq!(world.deliver_event(&event, "Another-1").await, 401);
    let unsigned = WebhookRequest { headers: Vec::new(), query: "", body: event.to_string().into_bytes() };
    assert_eq!(world.deliver_to(ENDPOINT, &unsigned).await, 401);
    assert_eq!(world.deliver_event(&json!({ "ticket_id": 7 }), SECRET).await, 400);
    assert!(world.metrics().await.contains("last_delivery_timestamp_seconds{helpdesk=\"docspace\"}"));

    world.edit(&[("webhook_secret = [\"New-secret-1\"", "# [\"New-secret-1\"")]);
    assert_eq!(world.reload().await["changed"], json!(["[docspace] webhook_secret"]));
    assert_eq!(
        (head(ENDPOINT).await, world.deliver_event(&event, SECRET).await),
        (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
    );
    assert!(!world.metrics().await.contains("last_delivery_timestamp_seconds{helpdesk=\"docspace\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_archived_by_hand_is_seen_at_once_and_once() {
    let world = connected().await;
    let docspace = &world.systems.docspace;
    let (key, room) = world.ready_ticket("archived by hand").await;
    docspace.webhook_deliveries_settled().await;
    let looks = world.systems.zendesk.counters().of("get_ticket");
    docspace.archive_room(room);
    let ticket = world.wait_for_state(&key, &["archived"]).await;
    assert_eq!(times(&ticket, "room.archived"), 1, "{ticket:#}");
    assert!(world.systems.zendesk.counters().of("get_ticket") > looks);

    // DocSpace tries again with another body and another signature.
    docspace.webhook_deliveries_settled().await;
    let sent = docspace.webhook_deliveries();
    let archived = sent.iter().find(|sent| sent.trigger == "room.archived").unwrap();
    assert_eq!(archived.attempts, [Some(200)]);
    let mut again: Value = serde_json::from_str(&archived.bodies[0]).unwrap();
    again["webhook"]["retryCount"] = json!(1);
    again["webhook"]["lastFailureContent"] = json!("no answer");
    assert_eq!(world.deliver_event(&again, SECRET).await, 200);
    assert_eq!(world.deliveries_counted("repeat").await, 1);
    // The same number with something else in it is something else.
    again["payload"]["title"] = json!("another title");
    assert_eq!(world.deliver_event(&again, SECRET).await, 200);
    let ticket = world.wait_for_state(&key, &["archived"]).await;
    assert_eq!(times(&ticket, "room.archived"), 2, "{ticket:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_attempts_of_one_delivery_are_one() {
    let world = connected().await;
    let docspace = &world.systems.docspace;
    let (key, room) = world.ready_ticket("tried often").await;
    docspace.webhook_deliveries_settled().await;
    // Refused, and so tried again until DocSpace gives up.
    docspace.set_webhook(world.url(ENDPOINT).parse().unwrap(), "Another-12", &[Trigger::RoomArchived]);
    docspace.archive_room(room);
    docspace.webhook_deliveries_settled().await;
    let sent = docspace.webhook_deliveries();
    let archived = sent.iter().find(|sent| sent.trigger == "room.archived").unwrap();
    assert_eq!(archived.attempts, [Some(401); 6]);
    let before = (world.deliveries_counted("accepted").await, world.deliveries_counted("repeat").await);
    for (number, body) in archived.bodies.iter().enumerate() {
        assert!(!archived.bodies[..number].contains(body), "each attempt has a body of its own");
        assert_eq!(world.deliver_event(&serde_json::from_str(body).unwrap(), SECRET).await, 200);
    }
    let after = (world.deliveries_counted("accepted").await, world.deliveries_counted("repeat").await);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 5));
    let ticket = world.wait_for_state(&key, &["archived"]).await;
    assert_eq!(times(&ticket, "room.archived"), 1, "{ticket:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_people_are_given_to_the_ticket_that_has_the_room_and_nothing_else_is() {
    let world = connected().await;
    let docspace = &world.systems.docspace;
    let (_, room) = world.ready_ticket("with files").await;
    let anna = docspace.user("anna.agent@example.com").unwrap();
    // What the service user did itself is no news: it made folders in this room.
    docspace.webhook_deliveries_settled().await;
    let us = docspace.service_user();
    let ours = docspace.webhook_deliveries();
    assert!(
        ours.iter().any(|sent| sent.created_by == us && sent.trigger.starts_with("folder.")),
        "{ours:#?}"
    );
    let store = world.service.as_ref().unwrap().store();
    assert_eq!((world.unreported().await, store.unplaced(100).await.unwrap()), (Vec::new(), Vec::new()));

    let in_folder = docspace.by(anna).upload_into(room, "Logs/Server", "trace\u{202E}.log").unwrap();
    let directly = docspace.by(anna).upload(room, "report.docx").unwrap();
    let unreported = world.wait_for_events(2).await;
    let told: Vec<_> = unreported.events.iter().map(|event| (event.entry, event.what, event.by)).collect();
    for file in [in_folder, directly] {
        assert!(told.contains(&(file, RoomEventKind::FileAdded, anna)), "{unreported:#?}");
    }
    let titles: Vec<&str> = unreported.events.iter().map(|event| event.title.as_str()).collect();
    assert!(titles.contains(&"trace.log") && titles.contains(&"report.docx"), "{titles:?}");
    assert!(unreported.events.iter().any(|event| event.folder == FolderId(room)));

    docspace.by(anna).trash_file(directly).unwrap();
    let unreported = world.wait_for_events(3).await;
    let removed = unreported.events.iter().find(|event| event.what == RoomEventKind::FileRemoved).unwrap();
    assert_eq!((removed.entry, removed.folder), (directly, FolderId(room)));

    // Another room, and the trash.
    let other = docspace.by(anna).create_room("nobody's").unwrap();
    let elsewhere = docspace.by(anna).upload(other, "private.docx").unwrap();
    docspace.by(anna).delete_file(directly).unwrap();
    docspace.webhook_deliveries_settled().await;
    wait_until("nobody's events are placed", async || {
        world.metrics().await.contains("ticketroom_folders_placed_total{outcome=\"nobody\"} ")
    })
    .await;
    let unreported = world.wait_for_events(3).await;
    assert!(unreported.events.iter().all(|event| event.entry != elsewhere));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_asked_for_once_and_waits_while_docspace_is_away() {
    let world = connected().await;
    let docspace = &world.systems.docspace;
    let (_, room) = world.ready_ticket("busy").await;
    docspace.webhook_deliveries_settled().await;
    let anna = docspace.user("anna.agent@example.com").unwrap();
    let asked = || docspace.counters().of("folder_path");
    // DocSpace can't tell at first.
    docspace.faults().add(Fault::always("folder_path", FaultKind::StatusBefore(500)));
    docspace.by(anna).upload_into(room, "Logs", "0.log").unwrap();
    wait_until("it was asked in vain", async || asked() > 0).await;
    assert_eq!(world.unreported().await, []);
    docspace.faults().clear();
    world.wait_for_events(1).await;
    let before = asked();
    for number in 1..=40 {
        docspace.by(anna).upload_into(room, "Logs", &format!("{number}.log")).unwrap();
    }
    docspace.webhook_deliveries_settled().await;
    world.wait_for_events(41).await;
    assert_eq!(asked(), before, "the room of the folder is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_stopped_service_left_are_placed_by_the_next_one() {
    let mut world = connected().await;
    let (_, room) = world.ready_ticket("left").await;
    let docspace = world.systems.docspace.clone();
    docspace.webhook_deliveries_settled().await;
    docspace.faults().add(Fault::always("folder_path", FaultKind::StatusBefore(500)));
    let anna = docspace.user("anna.agent@example.com").unwrap();
    docspace.by(anna).upload_into(room, "Logs", "left.log").unwrap();
    docspace.webhook_deliveries_settled().await;
    world.stop().await;
    docspace.faults().clear();
    world.start().await;
    let unreported = world.wait_for_events(1).await;
    assert_eq!(unreported.events[0].title, "left.log");
}

/// The real binary, with this in its section of DocSpace, and its own address as the public one.
fn process_with(systems: &Systems, more: &str) -> Process {
    let process = process_over(systems);
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen("[server]\n", &format!("[server]\npublic_url = {:?}\n", process.url), 1);
    std::fs::write(&file, text.replacen("[docspace]\n", &format!("[docspace]\n{more}\n"), 1)).unwrap();
    process
}

async fn webhook(process: &Process, arguments: &[&str]) -> (i32, String, String) {
    run(&mut process.command(&[&["webhook"], arguments].concat())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_registers_once_and_puts_right_what_differs() {
    let systems = Systems::start().await;
    let docspace = &systems.docspace;
    let mut process = process_with(&systems, &format!("webhook_secret = {SECRET:?}"));
    let writes = || docspace.counters().writes;

    // Nobody answers the address yet.
    let (status, out, err) = webhook(&process, &["setup", "docspace"]).await;
    assert_eq!(status, 1, "{out}{err}");
    assert!(out.contains("gets no answer from here") && out.contains("a private address"), "{out}");
    assert!(err.contains("does not answer its HEAD request"), "{err}");
    let (status, _, _) = webhook(&process, &["status", "docspace"]).await;
    assert_eq!(status, 1, "it is not registered");
    process.serve(&[]);
    assert!(process.is_ready().await);

    let before = writes();
    let (status, out, err) = webhook(&process, &["setup", "docspace", "--dry-run"]).await;
    assert_eq!((status, writes()), (0, before), "{out}{err}");
    assert!(out.contains("is answered with 200 from here") && out.contains("room.archived"), "{out}");
    let (status, out, err) = webhook(&process, &["setup", "docspace"]).await;
    assert_eq!((status, writes()), (0, before + 1), "{out}{err}");
    for arguments in [&["setup", "docspace"][..], &["setup", "docspace", "--dry-run"]] {
        let (status, out, _) = webhook(&process, arguments).await;
        assert_eq!((status, writes()), (0, before + 1), "{out}");
        assert!(out.contains("nothing to do"), "{out}");
    }
    let (status, out, err) = run(&mut process.command(&["check"])).await;
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("DocSpace's webhook “ticketroom” tells of rooms, files and folders"), "{out}");

    // Something happens, and is delivered.
    let id = Desk::Zendesk.open(&systems, "seen");
    assert!(process.acknowledges(Desk::Zendesk, &Desk::Zendesk.created(&systems, &id, "seen")).await);
    process.wait_until_all_rest().await;
    docspace.webhook_deliveries_settled().await;
    let (status, out, err) = webhook(&process, &["status", "docspace", "--json"]).await;
    assert_eq!(status, 0, "{out}{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&shown["good"], &shown["webhook"]["enabled"]), (&json!(true), &json!(true)), "{shown:#}");
    assert_eq!(shown["deliveries"][0]["status"], 200, "{shown:#}");
    assert!(shown["webhook"]["last_success"].is_string() && shown["last_stored"].is_string(), "{shown:#}");
    let (status, out, _) = webhook(&process, &["status", "docspace"]).await;
    assert!(status == 0 && out.contains("last success") && out.contains("folder.created"), "{out}");

    // Somebody changes it by hand.
    let registered = docspace.webhook_deliveries()[0].webhook;
    let change = json!({
        "id": registered, "name": "renamed", "uri": format!("{}{ENDPOINT}", process.url), "secretKey": SECRET,
        "enabled": false, "ssl": true, "triggers": 1 << 24 | 1,
    });
    let request = process.client.put(docspace.url().join("api/2.0/settings/webhook").unwrap());
    let answer = request.bearer_auth(docspace.api_key()).json(&change).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (status, out, _) = webhook(&process, &["status", "docspace"]).await;
    assert!(
        status == 1 && out.contains("it is disabled") && out.contains("it lacks the triggers file.created"),
        "{out}"
    );
    let (status, out, _) = run(&mut process.command(&["check"])).await;
    assert!(status == 0 && out.contains("check.docspace.webhook-disabled"), "a warning: {out}");
    let (status, out, err) = webhook(&process, &["setup", "docspace"]).await;
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("it is disabled; enable it") && out.contains("“renamed”"), "{out}");
    assert_eq!(webhook(&process, &["status", "docspace"]).await.0, 0);

    let (status, out, _) = webhook(&process, &["remove", "docspace", "--dry-run"]).await;
    assert!(status == 0 && out.contains("nothing was changed"), "{out}");
    assert_eq!(webhook(&process, &["remove", "docspace"]).await.0, 0);
    let (status, out, _) = webhook(&process, &["remove", "docspace"]).await;
    assert!(status == 0 && out.contains("nothing to do"), "{out}");
    let (status, out, _) = webhook(&process, &["status", "docspace"]).await;
    assert!(status == 1 && out.contains("check.docspace.webhook-missing"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_says_what_is_in_the_way() {
    let systems = Systems::start().await;
    systems.docspace.set_password_policy(PasswordPolicy::default());
    let refused = async |more: &str, arguments: &[&str], expected: &str| {
        let process = process_with(&systems, more);
        let (status, out, err) = webhook(&process, arguments).await;
        assert_eq!(status, 2, "{arguments:?}: {out}{err}");
        assert!(err.contains(expected), "{expected}: {err}");
        process
    };
    refused("", &["setup", "docspace"], "[docspace] webhook_secret is missing").await;
    refused("", &["status", "docspace"], "[docspace] webhook_secret is not set").await;
    let good = format!("webhook_secret = {SECRET:?}");
    refused(&good, &["setup", "nobody"], "no helpdesk “nobody” is configured").await;
    refused(&good, &["setup", "No Name"], "invalid value").await;
    let narrow = systems.docspace.add_key(&["rooms:write", "files:write", "accounts:read"], None);
    let process = process_with(&systems, &good);
    for arguments in [["setup", "docspace"], ["status", "docspace"], ["remove", "docspace"]] {
        let mut command = process.command(&[&["webhook"], &arguments[..]].concat());
        let (status, out, err) = run(command.env("DOCSPACE_API_KEY", &narrow)).await;
        assert!(status == 2 && err.contains("it needs full access (scope *)"), "{arguments:?}: {out}{err}");
    }
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (url, expected) in [
        (format!("public_url = {:?}\n", process.url), "public_url is not set"),
        (process.url.clone(), "and not https"),
    ] {
        let other = if url.starts_with("http") { "http://rooms.example.com" } else { "" };
        std::fs::write(&file, text.replace(&url, other)).unwrap();
        let (status, out, err) = webhook(&process, &["setup", "docspace"]).await;
        assert!(status == 2 && err.contains(expected), "{expected}: {out}{err}");
    }
    let too_long = format!("webhook_secret = {:?}", "A1-".repeat(11));
    refused(&too_long, &["setup", "docspace"], "more than 30 characters").await;
    refused("webhook_secret = \"lowercase\"", &["setup", "docspace"], "has no capital letter").await;
}
