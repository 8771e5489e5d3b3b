//! The REST API and the control control.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::fault::{Fault, FaultKind, TooMany};
use simulator::zendesk::{
    ANNA, Change, INTEGRATION, Limits, MO, Mode, NewTicket, NewUser, RITA, Role, SUPPORT, Setup, TicketView,
};

use super::{FIELD, fixture};
use crate::fixture::Reply;

#[tokio::test]
async fn people_groups_and_fields_can_be_read() {
    let fixture = fixture(Setup::default()).await;
    let newcomer = NewUser { name: "Nina".to_owned(), email: None, role: Role::Agent };
    let (newcomer, group) = (fixture.zendesk.add_user(newcomer), fixture.zendesk.add_group("Outages"));
    for (path, pointer, value) in [
        (format!("users/{RITA}"), "/user/email", json!("rita@customer.example")),
        (format!("users/{RITA}"), "/user/role", json!("end-user")),
        (format!("users/{MO}"), "/user/email", Value::Null),
        (format!("users/{newcomer}"), "/user/role", json!("agent")),
        (format!("groups/{SUPPORT}"), "/group/name", json!("Support")),
        (format!("groups/{group}"), "/group/name", json!("Outages")),
        (format!("ticket_fields/{FIELD}"), "/ticket_field/title", json!("DocSpace room")),
        ("ticket_fields".to_owned(), "/ticket_fields/2/id", json!(FIELD)),
        ("users/1".to_owned(), "/error", json!("RecordNotFound")),
        ("groups/1".to_owned(), "/error", json!("RecordNotFound")),
        ("ticket_fields/1".to_owned(), "/error", json!("RecordNotFound")),
        ("tickets/1/comments".to_owned(), "/description", json!("Not found")),
        ("views".to_owned(), "/error", json!("RecordNotFound")),
    ] {
        assert_eq!(fixture.get(&path).await.body.pointer(pointer), Some(&value), "{path}");
    }
    assert_eq!(fixture.zendesk.counters().of("unknown"), 1);
}

#[tokio::test]
async fn a_ticket_has_numbers_and_lower_case_and_brings_its_people() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.zendesk.create_ticket(NewTicket {
        assignee: Some(ANNA),
        group: Some(SUPPORT),
        priority: Some("urgent".to_owned()),
        tags: vec!["web".to_owned(), "Export big".to_owned()],
        description: "Hello".to_owned(),
        ..NewTicket::about("Export fails")
    });
    assert_eq!(id, 40117);
    let body = fixture.get(&format!("tickets/{id}?include=users,groups")).await.body;
    for (pointer, value) in [
        ("/ticket/id", json!(id)),
        ("/ticket/requester_id", json!(RITA)),
        ("/ticket/status", json!("open")),
        ("/ticket/priority", json!("urgent")),
        ("/ticket/description", json!("Hello")),
        ("/ticket/tags", json!(["big", "export", "web"])),
        ("/ticket/custom_fields", json!([{ "id": FIELD, "value": null }])),
        ("/ticket/updated_at", json!("2026-11-20T08:14:03Z")),
        ("/users/0/id", json!(RITA)),
        ("/users/1/name", json!("Anna Agent")),
        ("/groups/0/name", json!("Support")),
    ] {
        assert_eq!(body.pointer(pointer), Some(&value), "{pointer}");
    }
    fixture.zendesk.change_ticket(id, Change::Delete);
    assert_eq!(fixture.get(&format!("tickets/{id}")).await.status, 404);
    assert_eq!(fixture.put(id, json!({ "subject": "x" })).await.status, 404);
    let other = fixture.ticket();
    let many = fixture.get(&format!("tickets/show_many?ids={id},{other},7")).await.body;
    assert_eq!((many["tickets"].as_array().unwrap().len(), &many["tickets"][0]["id"]), (1, &json!(other)));
}

#[tokio::test]
async fn one_update_writes_note_field_and_metadata() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let answer = fixture
        .put(
            id,
            json!({
                "comment": { "html_body": "<p><a href=\"https://d.example/1\">room</a></p><p>[m]</p>", "public": false },
                "custom_fields": [{ "id": FIELD, "value": "https://d.example/1" }, { "id": 99, "value": "lost" }],
                "metadata": { "ticketroom": { "key": "k" } },
            }),
        )
        .await;
    assert_eq!(answer.status, 200);
    for (pointer, value) in [
        ("/ticket/custom_fields", json!([{ "id": FIELD, "value": "https://d.example/1" }])),
        ("/audit/author_id", json!(INTEGRATION)),
        ("/audit/metadata/custom/ticketroom/key", json!("k")),
        ("/audit/events/0/type", json!("Change")),
        ("/audit/events/1/type", json!("Comment")),
        ("/audit/events/1/public", json!(false)),
    ] {
        assert_eq!(answer.body.pointer(pointer), Some(&value), "{pointer}");
    }
    let view = fixture.zendesk.ticket(id).unwrap();
    assert_eq!((view.comments[1].body.as_str(), view.audits), ("room\n[m]", 2));
    assert_eq!(serde_json::from_value::<TicketView>(json!(view)).unwrap(), view);

    // The same again changes nothing but adds the comment, which is public where nothing else is
    // said.
    fixture.put(id, json!({ "comment": { "body": "a <b>" } })).await;
    let again =
        fixture.put(id, json!({ "custom_fields": [{ "id": FIELD, "value": "https://d.example/1" }] })).await;
    assert_eq!((again.status, &again.body["audit"]), (200, &Value::Null));
    let comments = fixture.get(&format!("tickets/{id}/comments?page[size]=2&sort=-created_at")).await.body;
    assert_eq!(
        (&comments["comments"][0]["public"], &comments["meta"]["has_more"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(comments["comments"][1]["metadata"]["custom"]["ticketroom"]["key"], "k");
    let after = comments["meta"]["after_cursor"].as_str().unwrap();
    let path = format!("tickets/{id}/comments?page[size]=2&page[after]={after}&sort=-created_at");
    let rest = fixture.get(&path).await.body;
    assert_eq!((rest["comments"].as_array().unwrap().len(), &rest["meta"]["has_more"]), (1, &json!(false)));
    // Each way of paging heeds its own parameter for the order, and only that; an account may heed
    // neither.
    let first = async |query: &str| {
        fixture.get(&format!("tickets/{id}/comments?{query}")).await.body["comments"][0]["id"].clone()
    };
    let (oldest, newest) = (first("per_page=1").await, first("per_page=1&sort_order=desc").await);
    assert_ne!(oldest, newest);
    assert_eq!(first("page[size]=1&sort_order=desc").await, oldest);
    assert_eq!(first("page[size]=1&sort=-created_at").await, newest);
    assert_eq!(first("per_page=1&sort=-created_at").await, oldest);
    fixture.zendesk.set_heeds_order(false);
    assert_eq!(first("page[size]=1&sort=-created_at").await, oldest);
    fixture.zendesk.set_heeds_order(true);
    let numbered = fixture.get(&format!("tickets/{id}/comments?per_page=2&page=2")).await.body;
    assert_eq!((numbered["comments"].as_array().unwrap().len(), &numbered["count"]), (1, &json!(3)));
    assert_eq!(fixture.get(&format!("tickets/{id}/audits")).await.body["count"], 3);
    assert_eq!(fixture.get(&format!("tickets/{id}/comments?page[size]=101")).await.status, 400);
}

#[tokio::test]
async fn updates_that_are_refused_change_nothing() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let stamp = fixture.zendesk.ticket(id).unwrap().updated_at;
    fixture.clock.advance(5);
    fixture.zendesk.change_ticket(id, Change::Subject("Import fails".to_owned()));
    let before = fixture.zendesk.ticket(id).unwrap();
    for (update, status, error) in [
        (json!({ "subject": "x", "safe_update": true, "updated_stamp": stamp }), 409, "UpdateConflict"),
        (json!({ "subject": "x", "safe_update": false, "updated_stamp": stamp }), 409, "UpdateConflict"),
        (json!({ "subject": "x", "status": "done" }), 422, "RecordInvalid"),
        (json!({ "subject": "x", "assignee_id": RITA }), 422, "RecordInvalid"),
        (json!({ "subject": "x", "group_id": 1 }), 422, "RecordInvalid"),
        (json!({ "subject": "x", "priority": "extreme" }), 422, "RecordInvalid"),
        (json!({ "subject": "x", "comment": { "body": "y".repeat(65_536) } }), 422, "RecordInvalid"),
    ] {
        let answer = fixture.put(id, update.clone()).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(error)));
        assert_eq!(fixture.zendesk.ticket(id).unwrap(), before);
    }
    // Without `safe_update` the stamp is not looked at, and with the right one all is well.
    assert_eq!(fixture.put(id, json!({ "subject": "y", "updated_stamp": stamp })).await.status, 200);
    let stamp = fixture.zendesk.ticket(id).unwrap().updated_at;
    let safe = |subject| json!({ "subject": subject, "safe_update": true, "updated_stamp": stamp });
    assert_eq!(fixture.put(id, safe("z")).await.status, 200);
    // A second writer within the same second isn't noticed: that is how coarse the stamp is.
    assert_eq!(fixture.put(id, safe("zz")).await.status, 200);

    fixture.zendesk.change_ticket(id, Change::Status("closed".to_owned()));
    let closed = fixture.put(id, json!({ "subject": "x" })).await;
    assert_eq!((closed.status, closed.body["details"]["status"].is_array()), (422, true));
    assert!(!fixture.zendesk.change_ticket(id, Change::PrivateComment("x".to_owned())));
}

#[tokio::test]
async fn tags_are_added_set_and_removed() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let path = format!("tickets/{id}/tags");
    for (method, tags, then) in [
        (Method::PUT, json!(["b"]), json!(["b"])),
        (Method::PUT, json!(["A", "c"]), json!(["a", "b", "c"])),
        (Method::DELETE, json!(["b"]), json!(["a", "c"])),
        (Method::POST, json!(["z"]), json!(["z"])),
    ] {
        let answer = fixture.call(method, &path, Some(&json!({ "tags": tags }))).await;
        assert_eq!(answer.body, json!({ "tags": then }));
    }
    let stamp: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let safe = json!({ "tags": ["q"], "safe_update": "true", "updated_stamp": stamp });
    assert_eq!(fixture.call(Method::PUT, &path, Some(&safe)).await.status, 409);
    assert_eq!(fixture.zendesk.counters().of("update_tags"), 5);
}

#[tokio::test]
async fn the_export_tells_everything_late_and_some_twice() {
    let fixture = fixture(Setup::default()).await;
    let begin = fixture.zendesk.ticket(fixture.ticket()).unwrap().created_at.as_second();
    for _ in 0..3 {
        fixture.clock.advance(1);
        let id = fixture.ticket();
        fixture.zendesk.change_ticket(id, Change::Delete);
    }
    let early = fixture.get(&format!("incremental/tickets/cursor?start_time={begin}")).await;
    assert_eq!((early.status, &early.body["error"]), (422, &json!("StartTimeTooRecent")));
    fixture.clock.advance(62);
    fixture.ticket();
    let mut path = format!("incremental/tickets/cursor?start_time={begin}&per_page=3");
    let mut pages = Vec::new();
    loop {
        let body = fixture.get(&path).await.body;
        let tickets = body["tickets"].as_array().unwrap().clone();
        pages.push(tickets.iter().map(|ticket| ticket["id"].as_u64().unwrap()).collect::<Vec<_>>());
        if body["end_of_stream"] == true {
            assert_eq!(tickets[1]["status"], "deleted");
            break;
        }
        path = format!(
            "incremental/tickets/cursor?cursor={}&per_page=3",
            body["after_cursor"].as_str().unwrap()
        );
    }
    assert_eq!(pages, [vec![40117, 40118, 40119], vec![40119, 40120]]);
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let limits = Limits { requests_per_minute: 6, ticket_updates_per_minute: 3, updates_per_ticket: 2 };
    let fixture = fixture(Setup { limits: Some(limits), ..Setup::default() }).await;
    let (one, other) = (fixture.ticket(), fixture.ticket());
    let update = |id, subject: &'static str| fixture.put(id, json!({ "subject": subject }));
    let first = update(one, "a").await;
    assert_eq!((first.header("x-rate-limit"), first.header("ratelimit-remaining")), ("6", "5"));
    assert_eq!(first.header("zendesk-ratelimit-tickets-update"), "total=3; remaining=2; resets=60");
    assert_eq!(update(one, "b").await.status, 200);
    let third = update(one, "c").await;
    assert_eq!((third.status, third.header("retry-after")), (429, "600"));
    fixture.clock.advance(10);
    let fourth = update(other, "d").await;
    assert_eq!((fourth.status, fourth.header("retry-after")), (429, "50"));
    for status in [200, 200, 429] {
        assert_eq!(fixture.get("users/me").await.status, status);
    }
    assert_eq!(fixture.zendesk.counters().rejected_429, 3);
    fixture.clock.advance(50);
    assert_eq!(update(other, "d").await.status, 200);
    fixture.zendesk.set_limits(None);
    assert_eq!(fixture.get("users/me").await.header("x-rate-limit"), "");
}

#[tokio::test]
async fn faults_speak_like_zendesk() {
    let fixture = fixture(Setup::default()).await;
    for (kind, status, retry_after, error) in [
        (FaultKind::TooMany(TooMany::Daily { retry_after_s: 7 }), 429, "7", json!("APIRateLimitExceeded")),
        (FaultKind::StatusBefore(404), 404, "", json!("RecordNotFound")),
        (FaultKind::StatusBefore(409), 409, "", json!("UpdateConflict")),
        (FaultKind::StatusBefore(503), 503, "", Value::Null),
    ] {
        fixture.zendesk.faults().add(Fault::once("me", kind));
        let answer = fixture.get("users/me").await;
        assert_eq!(
            (answer.status, answer.header("retry-after"), &answer.body["error"]),
            (status, retry_after, &error)
        );
    }
}

#[tokio::test]
async fn the_control_endpoint_makes_tickets() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Trigger).await;
    let control = |method, path: &str, body: Value| {
        Reply::to(fixture.http.request(method, fixture.url(&format!("_simulator/{path}"))).json(&body))
    };
    let webhook = json!({ "endpoint": receiver.url(), "secret": "s", "mode": "events" });
    assert_eq!(control(Method::PUT, "webhook", webhook).await.status, 204);
    let made = control(Method::POST, "tickets", json!({ "subject": "By hand", "tags": ["a"] })).await;
    assert_eq!((made.status, &made.body), (201, &json!({ "id": 40117 })));
    assert_eq!(control(Method::POST, "tickets/40117", json!({ "status": "solved" })).await.status, 204);
    assert_eq!(control(Method::POST, "tickets/40118", json!("delete")).await.status, 404);
    assert_eq!(control(Method::POST, "tickets", json!({ "topic": "x" })).await.status, 400);
    assert_eq!(fixture.events().await, ["created", "status_changed"]);
    let tickets = control(Method::GET, "tickets", Value::Null).await.body;
    assert_eq!((&tickets[0]["subject"], &tickets[0]["status"]), (&json!("By hand"), &json!("solved")));
    assert_eq!(fixture.zendesk.counters().requests, 0);
}
