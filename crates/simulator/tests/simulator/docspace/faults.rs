//! What can go wrong on the way, what the client sees of it, and what exists afterwards.

use simulator::docspace::RoomView;
use simulator::fault::{Fault, FaultKind, RandomFaults, TooMany};

use super::*;

fn room() -> Value {
    json!({ "title": "Ticket", "roomType": 2, "tags": ["hd-1"] })
}

#[tokio::test]
async fn every_fault_differs_in_what_was_done_and_what_is_said() {
    let short = Duration::from_millis(30);
    // What it is, the status if there is an answer, whether a room exists at once and in the end,
    // whether counted.
    let table = [
        (FaultKind::Refuse, None, false, false, 0),
        (FaultKind::TooMany(TooMany::PerMinute), Some(429), false, false, 1),
        (FaultKind::StatusBefore(503), Some(503), false, false, 1),
        (FaultKind::StatusBefore(429), Some(429), false, false, 1),
        (FaultKind::StatusAfter(500), Some(500), true, true, 1),
        (FaultKind::AnswerLost, None, true, true, 1),
        (FaultKind::Hang(short), None, false, false, 1),
        (FaultKind::LateLanding(short), None, false, true, 1),
        (FaultKind::TruncatedBody, Some(200), true, true, 1),
    ];
    for (kind, status, at_once, in_the_end, counted) in table {
        let fixture = fixture().await;
        // Over a connection that is in use, too.
        fixture.get("files/rooms").await.response();
        fixture.docspace.faults().add(Fault::once("create_room", kind.clone()));
        let answer = fixture.request(Method::POST, "files/rooms", Some(&room())).send().await;
        assert_eq!(answer.as_ref().map(|answer| answer.status().as_u16()).ok(), status, "{kind:?}");
        if let FaultKind::TruncatedBody = kind {
            let answer = answer.unwrap();
            assert!(answer.content_length().unwrap() > 1000);
            assert!(answer.bytes().await.is_err(), "it ends in the middle");
        }
        if !matches!(kind, FaultKind::LateLanding(_)) {
            assert_eq!(!fixture.docspace.rooms().is_empty(), at_once, "{kind:?}");
        }
        eventually(|| fixture.docspace.rooms().is_empty() != in_the_end).await;
        assert_eq!(fixture.docspace.counters().of("create_room"), counted, "{kind:?}");
        assert_eq!(fixture.docspace.faults().fired(), 1);
        assert_eq!(fixture.post("files/rooms", room()).await.status, 200, "once only");
    }
}

#[tokio::test]
async fn a_fault_words_its_refusal_as_the_server_would() {
    let fixture = fixture().await;
    for (kind, limit, retry_after) in [
        (TooMany::PerMinute, "1500", None),
        (TooMany::ConcurrentReads, "50", None),
        (TooMany::ConcurrentWrites, "15", None),
        (TooMany::Daily { retry_after_s: 7 }, "10000", Some("7")),
        (TooMany::EmailInvitations { retry_after_s: 9 }, "100", Some("9")),
    ] {
        fixture.docspace.faults().add(Fault::once("find_rooms", FaultKind::TooMany(kind)));
        let refused = fixture.get("files/rooms").await;
        let headers = (refused.header("x-ratelimit-limit"), refused.header("retry-after"));
        assert_eq!((refused.status, headers), (429, (Some(limit), retry_after)), "{kind:?}");
        assert_eq!(refused.header("x-ratelimit-reset").is_some(), retry_after.is_some());
    }
    for (status, kind) in
        [(402, "TenantQuota"), (403, "Security"), (404, "ItemNotFound"), (500, "DistributedLock")]
    {
        fixture.docspace.faults().add(Fault::once("find_rooms", FaultKind::StatusBefore(status)));
        let refused = fixture.get("files/rooms").await;
        assert_eq!(refused.status, status);
        let error = &refused.body["error"];
        assert!(error["type"].as_str().unwrap().contains(kind) && error["stack"].is_string(), "{error}");
    }
    fixture.docspace.faults().add(Fault::always("find_rooms", FaultKind::StatusBefore(502)));
    let gateway = fixture.request(Method::GET, "files/rooms", None).send().await.unwrap();
    assert!(gateway.text().await.unwrap().contains("502 Bad Gateway"));
    fixture.docspace.faults().clear();
    assert_eq!(fixture.get("files/rooms").await.status, 200);
}

#[tokio::test]
async fn a_client_that_gives_up_undoes_nothing() {
    let fixture = fixture().await;
    fixture.docspace.set_latency_of("create_room", Duration::from_millis(800));
    let request = fixture.request(Method::POST, "files/rooms", Some(&room()));
    let error = request.timeout(Duration::from_millis(300)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert!(fixture.docspace.rooms().is_empty(), "the work comes after the latency");
    eventually(|| fixture.docspace.rooms().len() == 1).await;
}

#[tokio::test]
async fn a_portal_that_is_down_leaves_the_talking_to_its_proxy() {
    let fixture = fixture().await;
    fixture.docspace.set_down(true);
    let answer = fixture.request(Method::GET, "capabilities", None).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert!(answer.text().await.unwrap().contains("503 Service Unavailable"));
    fixture.docspace.set_down(false);
    assert_eq!(fixture.get("capabilities").await.status, 200);
}

#[tokio::test]
async fn the_control_endpoint_is_not_part_of_the_portal() {
    let fixture = fixture().await;
    fixture.docspace.enable_fault_injection();
    let id = fixture.room("Ticket", 2, &["hd-1"]).await;
    fixture
        .docspace
        .faults()
        .add(Fault { call: simulator::fault::CallMatch::Any, ..Fault::always("", FaultKind::Refuse) });
    let state = fixture.control(Method::GET, "state", None).await.body;
    let rooms: Vec<RoomView> = serde_json::from_value(state["rooms"].clone()).unwrap();
    assert_eq!((rooms.len(), rooms[0].id, &rooms[0].tags), (1, id, &vec!["hd-1".to_owned()]));
    assert_eq!(state["users"].as_array().unwrap().len(), 6);
    assert_eq!(fixture.control(Method::GET, "counters", None).await.body["requests"], 1);
    for (method, path, body) in [
        (Method::POST, "counters/reset", None),
        (Method::DELETE, "faults", None),
        (
            Method::POST,
            "faults",
            Some(json!([{ "call": { "named": "get_room" }, "kind": { "status_before": 500 } }])),
        ),
        (Method::POST, "faults", Some(json!({ "kind": { "status_after": 502 }, "times": { "n": 1 } }))),
        (Method::PUT, "latency", Some(json!({ "call": "find_rooms", "ms": 1 }))),
        (Method::PUT, "room_quota", Some(json!({ "most": 1 }))),
        (Method::PUT, "limits", Some(json!({ "requests_per_minute": 100 }))),
        (Method::PUT, "down", Some(json!({ "down": false }))),
        (Method::POST, "lose_tags_of_next_room", None),
        (Method::PUT, "lose_operations", Some(json!({ "n": 0 }))),
        (Method::PUT, "lose_webhooks", Some(json!({ "n": 0 }))),
        (Method::PUT, "operations", Some(json!({ "time_ms": 1, "workers": 5 }))),
    ] {
        assert_eq!(fixture.control(method, path, body).await.status, 204, "{path}");
    }
    assert_eq!(fixture.docspace.counters(), Default::default());
    assert_eq!(fixture.get(&format!("files/rooms/{id}")).await.status, 500);
    assert_eq!(fixture.get("files/rooms").await.status, 502);
    assert_eq!(fixture.post("files/rooms", room()).await.status, 402);
    assert_eq!(fixture.control(Method::POST, &format!("rooms/{id}/archive"), None).await.status, 204);
    assert!(fixture.docspace.room(id).unwrap().archived);
    assert_eq!(fixture.control(Method::DELETE, &format!("rooms/{id}"), None).await.status, 204);
    assert!(fixture.docspace.rooms().is_empty());
    let misspelt = fixture.control(Method::POST, "faults", Some(json!({ "kinds": "refuse" }))).await;
    assert!(misspelt.status == 400 && misspelt.body["error"].as_str().unwrap().contains("kinds"));
    assert_eq!(fixture.control(Method::GET, "nothing", None).await.status, 404);
    let random = RandomFaults { seed: 1, probability: 1.0, kinds: vec![FaultKind::StatusBefore(503)] };
    fixture.control(Method::POST, "faults/random", Some(json!(random))).await;
    assert_eq!(fixture.get("files/rooms").await.status, 503);
}

#[tokio::test]
async fn a_stopped_portal_is_gone() {
    let fixture = fixture().await;
    let url = fixture.docspace.url();
    fixture.docspace.set_latency_of("find_rooms", Duration::from_secs(600));
    let waiting = tokio::spawn(fixture.request(Method::GET, "files/rooms", None).send());
    eventually(|| fixture.docspace.counters().requests == 1).await;
    fixture.docspace.stop().await;
    assert!(waiting.await.unwrap().is_err());
    assert!(fixture.http.get(url.clone()).send().await.unwrap_err().is_connect());
    // Its port is free for the next one, which stops with its last handle.
    let listen = ([127, 0, 0, 1], url.port().unwrap()).into();
    let next = DocSpace::start(Setup { listen, ..Setup::default() }).await.unwrap();
    assert_eq!(next.url(), url);
    assert!(fixture.http.get(url.clone()).send().await.is_ok());
    drop(next.clone());
    assert!(fixture.http.get(url.clone()).send().await.is_ok());
    drop(next);
    let deadline = Instant::now() + Duration::from_secs(10);
    while fixture.http.get(url.clone()).send().await.is_ok() {
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn faults_are_injected_over_http_only_if_that_is_enabled() {
    let fixture = fixture().await;
    let calls = [
        (Method::POST, "faults", Some(json!({ "kind": "refuse" }))),
        (Method::POST, "faults/random", Some(json!({ "seed": 1, "probability": 0.0, "kinds": ["refuse"] }))),
        (Method::DELETE, "faults", None),
        (Method::PUT, "latency", Some(json!({ "ms": 1 }))),
        (Method::PUT, "down", Some(json!({ "down": false }))),
        (Method::PUT, "limits", Some(Value::Null)),
        (Method::PUT, "quirks", Some(json!({}))),
        (Method::PUT, "room_quota", Some(json!({}))),
        (Method::POST, "lose_tags_of_next_room", None),
        (Method::PUT, "lose_operations", Some(json!({ "n": 0 }))),
        (Method::PUT, "lose_webhooks", Some(json!({ "n": 0 }))),
        (Method::PUT, "operations", Some(json!({}))),
    ];
    for (method, path, body) in calls.clone() {
        let answer = fixture.control(method, path, body).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body["error"].as_str().unwrap().contains("not enabled"), "{path}");
    }
    assert_eq!(fixture.control(Method::GET, "state", None).await.status, 200);
    assert_eq!(fixture.post("files/rooms", room()).await.status, 200, "nothing was injected");
    fixture.docspace.enable_fault_injection();
    for (method, path, body) in calls {
        assert_eq!(fixture.control(method, path, body).await.status, 204, "{path}");
    }
}
