//! Callers that are hostile or unlucky: silent connections, bodies that are unwanted, too large,
//! too many or too slow.

use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::zendesk::NewTicket;
use testbed::{Desk, PATIENCE, Systems, TEMPLATE, WEBHOOK_SECRET, generic, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{BINARY, process_over_a_file};
use crate::world::World;

async fn world_with(limits: &str) -> World {
    World::with(&format!("{TEMPLATE}\n[server.limits]\n{limits}")).await
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.service.as_ref().unwrap().address()).await.unwrap()
}

/// Sends the head of a POST with these headers and the beginning of its body.
async fn begin(world: &World, path: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut connection = connect(world).await;
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    // The other side may have refused it by now.
    let _ = connection.write_all(body).await;
    connection
}

/// What was answered: the head, and the problem.
async fn answer(connection: &mut TcpStream) -> (String, Value) {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                return (head.to_ascii_lowercase(), body);
            }
            match connection.read(&mut buffer).await {
                Ok(0) | Err(_) => panic!("closed after {text:?}"),
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("no answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_no_delivery_out() {
    let world = world_with("connections = 20").await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(connect(&world).await);
    }
    let started = Instant::now();
    let id = world.open(NewTicket::about("in time")).await;
    assert!(started.elapsed() < Duration::from_secs(10), "it waited for a timeout: {:?}", started.elapsed());
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    assert_eq!(world.systems.wrong_with(Desk::Zendesk, &id.to_string()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_head_tells_is_refused_before_the_body_comes() {
    let world = World::new().await;
    let large = "content-length: 67108864\r\n";
    let cases = [
        ("/webhooks/nobody", large.to_owned(), 404),
        ("/webhooks/zendesk", large.to_owned(), 401),
        ("/webhooks/zendesk", format!("{large}x-zendesk-webhook-signature: eA==\r\n"), 401),
        ("/webhooks/freshdesk", large.to_owned(), 401),
        ("/webhooks/freshdesk", format!("{large}x-ticketroom-secret: guessed\r\n"), 401),
        ("/webhooks/freshdesk", format!("{large}x-ticketroom-secret: {WEBHOOK_SECRET}\r\n"), 413),
        ("/webhooks/jira", large.to_owned(), 401),
        ("/webhooks/jira", format!("{large}x-ticketroom-secret: guessed\r\n"), 401),
        ("/webhooks/jira", format!("{large}x-hub-signature: sha256=00\r\n"), 413),
        ("/webhooks/signed", large.to_owned(), 401),
        ("/webhooks/signed", format!("{large}authorization: Bearer guessed\r\n"), 401),
        ("/webhooks/signed", format!("{large}x-hub-signature-256: sha256=00\r\n"), 413),
        ("/helpdesk/ticket-created", large.to_owned(), 413),
        ("/helpdesk/ticket-created", "content-length: 1048577\r\nexpect: 100-continue\r\n".to_owned(), 413),
        // A small body is not awaited either.
        ("/webhooks/nobody", "content-length: 2\r\n".to_owned(), 404),
    ];
    for (path, headers, expected) in cases {
        let mut connection = begin(&world, path, &headers, b"").await;
        let (head, problem) = answer(&mut connection).await;
        assert_eq!(problem["status"], expected, "{path} {headers}");
        assert!(head.starts_with(&format!("http/1.1 {expected}")), "{head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert_eq!(head.contains("connection: close"), expected == 413, "{head}");
    }
    assert_eq!(world.api("/api/v1/tickets").await["tickets"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_of_too_much_sees_why_it_was_refused() {
    let world = World::new().await;
    for length in [(1 << 20) + 1, 3 << 20] {
        // Everything is written before anything is read.
        let headers = format!("content-length: {length}\r\n");
        let mut connection = begin(&world, "/helpdesk/ticket-created", &headers, &vec![b' '; length]).await;
        assert_eq!(answer(&mut connection).await.1["status"], 413, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_flight_have_a_budget_that_small_deliveries_do_not_need() {
    let world = world_with("bodies_in_flight = \"1 MiB\"").await;
    let half = vec![b' '; 512 * 1024];
    let endpoint = "/helpdesk/ticket-created";
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(begin(&world, endpoint, "content-length: 1000000\r\n", &half).await);
    }
    // One or two of them fit, as the order in which their bytes arrive has it.
    wait_until("the others are refused", async || {
        let metrics = world.metrics().await;
        let refused = "ticketroom_bodies_not_received_total{why=\"no_memory\"} ";
        let refused = metrics.lines().find_map(|line| line.strip_prefix(refused));
        refused.is_some_and(|refused| refused.parse::<u32>().unwrap() >= 6)
    })
    .await;
    for id in ["1", "2"] {
        assert_eq!(
            world.deliver_generic(&generic(id, "small")).await,
            200,
            "small ones are taken all the while"
        );
    }
    let mut large = generic("3", "large");
    large["padding"] = "x".repeat(600_000).into();
    let answer = world.client.post(world.url(endpoint)).json(&large).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "30");
    drop(held);
    wait_until("what was held is given back", async || world.deliver_generic(&large).await == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cap_bodies_that_take_long_give_way() {
    let world = world_with("connections = 2").await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let headers = "content-length: 10\r\nexpect: 100-continue\r\n";
        let mut connection = begin(&world, "/helpdesk/ticket-created", headers, b"").await;
        // It is told to go on once its body is waited for: until then it is idle, and closed for
        // others at once.
        let mut go_on = [0; 25];
        connection.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        slow.push(connection);
    }
    wait_until("others get in", async || {
        let answer = world.client.get(world.url("/healthz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "", "it was closed for another, not answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_answered_and_nothing_is_stored() {
    let world = World::new().await;
    let mut connection = begin(&world, "/helpdesk/ticket-created", "content-length: 10\r\n", b"{").await;
    let (head, problem) = answer(&mut connection).await;
    assert_eq!(problem["status"], 503);
    assert!(head.contains("retry-after: 30") && head.contains("connection: close"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_short_of_descriptors_works_on_beside_silent_connections() {
    let systems = Systems::start().await;
    let mut process = process_over_a_file(&systems);
    let serve = process.command_of("sh", &["-c", "ulimit -n 128 && exec \"$0\" serve", BINARY]);
    process.start(serve);
    assert!(process.is_ready().await, "{}", process.log());
    let address = process.url.strip_prefix("http://").unwrap();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    // It takes deliveries, keeps them, and calls DocSpace and the helpdesk for them.
    for subject in ["one", "two", "three"] {
        let id = Desk::Zendesk.open(&systems, subject);
        assert!(process.acknowledges(Desk::Zendesk, &Desk::Zendesk.created(&systems, &id, subject)).await);
        process.wait_until_all_rest().await;
        assert_eq!(systems.wrong_with(Desk::Zendesk, &id), [""; 0]);
    }
    let log = process.log_with("the cap of connections is reached").await;
    for once in ["fewer connections than configured", "the cap of connections is reached"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
    assert!(!log.contains("can't be accepted"), "{log}");
}
