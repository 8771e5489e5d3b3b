//! Deliveries in every form that senders use.

use std::io::Write as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::zendesk::{self, NewTicket};
use ticketroom::clock::{Clock, SystemClock};

use testbed::{ADMIN_TOKEN, Desk, OLD_WEBHOOK_SECRET, WEBHOOK_SECRET, generic};

use crate::world::World;

async fn send(world: &World, body: Vec<u8>, headers: Vec<(String, String)>) -> (StatusCode, Value) {
    let mut request = world.client.post(world.url("/webhooks/zendesk")).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let expected = if status.is_success() { "application/json" } else { "application/problem+json" };
    assert_eq!(kind, expected);
    (status, answer.json().await.unwrap())
}

fn signed(secret: &str, body: &[u8], ago: Duration) -> Vec<(String, String)> {
    let at = SystemClock.now().saturating_sub(ago).unwrap();
    zendesk::signed_headers(secret, body, "42", at)
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_decide() {
    let world = World::new().await;
    let id = world.systems.zendesk.create_ticket(NewTicket::about("signed"));
    let body = world.systems.zendesk.event_body(id, "created").unwrap();
    let now = Duration::ZERO;
    let without = |name: &str| {
        let mut headers = signed(WEBHOOK_SECRET, &body, now);
        headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        headers
    };
    let refused = [
        ("another secret", signed("guessed", &body, now)),
        ("another body", signed(WEBHOOK_SECRET, b"{}", now)),
        ("too old", signed(WEBHOOK_SECRET, &body, Duration::from_secs(3600))),
        ("no signature", without("x-zendesk-webhook-signature")),
        ("no timestamp", without("x-zendesk-webhook-signature-timestamp")),
        ("nothing", Vec::new()),
    ];
    for (name, headers) in refused {
        let (status, problem) = send(&world, body.clone(), headers).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(problem["status"], 401, "{name}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(world.api("/api/v1/tickets").await["tickets"], json!([]), "nothing was let in");
    for secret in [OLD_WEBHOOK_SECRET, WEBHOOK_SECRET] {
        let (status, answer) = send(&world, body.clone(), signed(secret, &body, now)).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({ "status": "ok" })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_every_kind_are_answered_and_none_harms() {
    let world = World::new().await;
    let broken = include_bytes!("../fixtures/zendesk/zendesk-trigger-broken.json.txt").to_vec();
    let nested = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
    let event =
        |detail: &str| format!(r#"{{"type":"zen:event-type:ticket.created","id":"e","detail":{detail}}}"#);
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("empty", b"".to_vec(), 400),
        ("not JSON", b"hello".to_vec(), 400),
        ("a list", b"[1,2]".to_vec(), 400),
        ("no ticket", b"{}".to_vec(), 400),
        ("invalid UTF-8", b"{\"ticket_id\": \"\xff\xfe\"}".to_vec(), 400),
        ("invalid UTF-8 beside the id", b"{\"ticket_id\":\"90001\",\"subject\":\"\xff\"}".to_vec(), 200),
        ("deeply nested", nested, 400),
        ("id as a number", b"{\"ticket_id\":90002}".to_vec(), 200),
        ("id as a string", b"{\"ticket_id\":\"90002\"}".to_vec(), 200),
        ("broken by a subject", broken, 200),
        ("event with a number", event("{\"id\":90003,\"later\":{\"a\":[1]}}").into_bytes(), 200),
        ("event without a ticket", event("{}").into_bytes(), 400),
        (
            "somebody else's event",
            br#"{"type":"zen:event-type:user.created","detail":{"id":"1"}}"#.to_vec(),
            200,
        ),
    ];
    for (name, body, expected) in cases {
        let headers = signed(WEBHOOK_SECRET, &body, Duration::ZERO);
        let headers = headers.into_iter().filter(|(header, _)| !header.contains("invocation")).collect();
        let (status, answer) = send(&world, body, headers).await;
        assert_eq!(status.as_u16(), expected, "{name}: {answer}");
    }
}

/// A body that each kind of helpdesk signs and that is about no ticket, and one that nobody
/// understands.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_about_tickets_is_taken_kept_and_counted() {
    let world = World::new().await;
    let others: [(Desk, &str); 4] = [
        (Desk::Zendesk, r#"{"type":"zen:event-type:user.created","detail":{"id":"1"}}"#),
        (Desk::Freshdesk, r#"{"event":"onContactCreate","data":{"contact":{"id":1}}}"#),
        (Desk::Jira, r#"{"webhookEvent":"user_created","user":{"accountId":"1"}}"#),
        (Desk::Generic, r#"{"event":"user.created","user":{"id":1}}"#),
    ];
    for (desk, body) in others {
        let status = world.deliver_to(&desk.endpoint(), &desk.prove(body.into(), "other-1")).await;
        assert_eq!(status, StatusCode::OK, "{desk:?}");
        let status = world.deliver_to(&desk.endpoint(), &desk.prove(b"{\"x\":1}".to_vec(), "other-2")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{desk:?}");
        let metrics = world.client.get(world.url("/metrics")).bearer_auth(ADMIN_TOKEN);
        let metrics = metrics.send().await.unwrap().text().await.unwrap();
        let counted = format!("helpdesk=\"{}\",outcome=\"about_something_else\"}} 1", desk.name());
        assert!(metrics.contains(&counted), "{counted}\n{metrics}");
    }
    assert_eq!(world.api("/api/v1/tickets").await["tickets"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_sends_more_than_tickets_loses_none_and_check_says_so() {
    let world = World::new().await;
    let zendesk = &world.systems.zendesk;
    zendesk.set_webhook(zendesk::Webhook {
        endpoint: world.url("/webhooks/zendesk").parse().unwrap(),
        secret: WEBHOOK_SECRET.to_owned(),
        mode: zendesk::Mode::Events,
    });
    zendesk.subscribe(&["created", "user.created"]);
    zendesk.add_user(zendesk::NewUser {
        name: "Nina".to_owned(),
        email: Some("nina@customer.example".to_owned()),
        role: zendesk::Role::EndUser,
    });
    let id = zendesk.create_ticket(NewTicket::about("after a user"));
    zendesk.deliveries_settled().await;
    assert!(zendesk.deliveries().iter().all(|delivery| delivery.delivered), "{:?}", zendesk.deliveries());
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let helpdesk = crate::conformance::helpdesk_of(&world, Desk::Zendesk);
    let said = helpdesk.check(&SystemClock).await.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("not about tickets: user.created"), "{said}");
    zendesk.subscribe(&["created"]);
    let said = helpdesk.check(&SystemClock).await.iter().map(ToString::to_string).collect::<String>();
    assert!(!said.contains("not about tickets"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_other_forms_become_rooms_and_a_bomb_is_refused() {
    let world = World::new().await;
    let gzip = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let post = async |headers: &[(&str, &str)], body: Vec<u8>| {
        let mut request = world.client.post(world.url("/helpdesk/ticket-created")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert!(
            answer.status().is_success() || answer.headers()["content-type"] == "application/problem+json"
        );
        answer.status().as_u16()
    };
    let json = ("content-type", "application/json");
    let compressed = ("content-encoding", "gzip");
    let latin = ("content-type", "application/json; charset=ISO-8859-1");
    assert_eq!(post(&[json], br#"{"ticketId":"ls","subject":"cut \ud83d","n":1e999}"#.to_vec()).await, 200);
    assert_eq!(post(&[latin], b"{\"ticketId\":\"l1\",\"subject\":\"Gr\xFC\xDFe\"}".to_vec()).await, 200);
    assert_eq!(
        post(&[json, compressed], gzip("{\"ticketId\":\"gz\",\"subject\":\"Grüße\"}".as_bytes())).await,
        200
    );
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(post(&[form], b"ticketId=fo&subject=Gr%C3%BC%C3%9Fe".to_vec()).await, 200);
    assert_eq!(post(&[json, compressed], gzip(&vec![b' '; 9 << 20])).await, 413);
    assert_eq!(post(&[json, ("content-encoding", "br")], b"x".to_vec()).await, 415);
    assert_eq!(post(&[("content-type", "multipart/form-data; boundary=x")], b"--x".to_vec()).await, 415);
    world.wait_until_all_rest().await;
    for (id, subject) in [("ls", "cut \u{FFFD}"), ("l1", "Grüße"), ("gz", "Grüße"), ("fo", "Grüße")] {
        assert_eq!(world.ticket(&format!("intranet/{id}")).await["subject"], subject, "{id}");
        assert_eq!(world.systems.wrong_with_generic_ticket(id), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mebibyte_is_taken_and_a_byte_more_is_not() {
    let world = World::new().await;
    let limit = 1 << 20;
    let mut body = br#"{"ticketId":"1","subject":"large","padding":""#.to_vec();
    body.resize(limit - 2, b'x');
    body.extend_from_slice(b"\"}");
    assert_eq!(body.len(), limit);
    let post = |body: Vec<u8>| world.client.post(world.url("/helpdesk/ticket-created")).body(body);
    assert_eq!(post(body.clone()).send().await.unwrap().status(), 200);
    body.push(b' ');
    let answer = post(body.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    // Without a length that is announced, the bytes themselves are counted.
    let stream = futures_util::stream::iter(
        body.chunks(65_536).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    );
    let request =
        world.client.post(world.url("/helpdesk/ticket-created")).body(reqwest::Body::wrap_stream(stream));
    assert_eq!(request.send().await.unwrap().status(), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_of_every_kind_become_rooms() {
    let world = World::new().await;
    let subjects = [
        "".to_owned(),
        "x".repeat(10_000),
        "🔥".repeat(400),
        "👨‍👩‍👧‍👦 family".repeat(60),
        "مرحبا \u{202E}txt.exe".to_owned(),
        "<script>alert(1)</script> & \"quotes\"".to_owned(),
        "{{ 7 * 7 }} {% for x in y %}".to_owned(),
        "line\r\nbreak\tand\u{0}null".to_owned(),
        "../../etc/passwd".to_owned(),
    ];
    for (index, subject) in subjects.iter().enumerate() {
        assert_eq!(world.deliver_generic(&generic(&format!("s{index}"), subject)).await, 200, "{subject:?}");
    }
    world.wait_until_all_rest().await;
    for index in 0..subjects.len() {
        let id = format!("s{index}");
        assert_eq!(world.systems.wrong_with_generic_ticket(&id), [""; 0]);
        let title = world.systems.the_room_of(&format!("intranet:{id}")).title;
        assert!(title.encode_utf16().count() <= 170 && !title.contains('<'), "{title}");
        let view = world.ticket(&format!("intranet/{id}")).await;
        assert_eq!(view["room"]["title"], title, "what we say is what DocSpace stores");
    }
    let html = world.open(NewTicket::about("<img src=x onerror=alert(1)>")).await;
    world.wait_for_state(&format!("zendesk/{html}"), &["ready"]).await;
    let ticket = world.systems.zendesk.ticket(html).unwrap();
    let note = &ticket.comments.last().unwrap().html_body;
    assert!(!note.contains("<img"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_addresses_and_methods_are_refused_in_words() {
    let world = World::new().await;
    let post = async |path: &str| {
        let answer = world.client.post(world.url(path)).json(&json!({})).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(post("/webhooks/nobody").await.0, 404);
    assert_eq!(post("/webhooks/No%20Body").await.0, 404);
    assert_eq!(post("/nothing").await.0, 404);
    for path in ["/webhooks/%ff", "/webhooks/%C3%28", "/webhooks/%00", "/webhooks/%2e%2e%2fx", "/%ff"] {
        let (status, problem) = post(path).await;
        assert_eq!((status, &problem["status"]), (404, &json!(404)), "{path}: {problem}");
        assert!(problem["detail"].is_string(), "{path}: {problem}");
    }
    for path in ["%ff/1", "zendesk/%ff", "zendesk/%00", "%ff/1/retry", "zendesk/%ff/retry"] {
        let url = world.url(&format!("/api/v1/tickets/{path}"));
        let asked = if path.ends_with("retry") { world.client.post(url) } else { world.client.get(url) };
        let answer = asked.bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], 404, "{path}");
    }
    let answer = world.client.get(world.url("/webhooks/zendesk")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    for path in ["/api/v1/tickets", "/api/v1/openapi.json", "/metrics"] {
        let bare = world.client.get(world.url(path)).send().await.unwrap();
        assert_eq!(bare.status(), 401, "{path}");
        let wrong = world.client.get(world.url(path)).bearer_auth("guess").send().await.unwrap();
        assert_eq!(wrong.status(), 401, "{path}");
        let right = world.client.get(world.url(path)).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(right.status(), 200, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.client.get(world.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    let bad = world.client.get(world.url("/api/v1/tickets?state=happy")).bearer_auth(ADMIN_TOKEN);
    assert_eq!(bad.send().await.unwrap().status(), 400);
    let bad = world.client.get(world.url("/api/v1/tickets?colour=red")).bearer_auth(ADMIN_TOKEN);
    assert_eq!(bad.send().await.unwrap().status(), 400);
    assert_eq!(world.ticket("zendesk/1").await["status"], 404);
    let metrics = world.client.get(world.url("/metrics")).bearer_auth(ADMIN_TOKEN);
    let text = metrics.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("ticketroom_tickets{state=\"ready\"} 0"), "{text}");
}
