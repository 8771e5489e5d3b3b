//! Every refusal of the HTTP API is a problem document with a code that docs/errors.md explains.

use std::io::Write as _;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::zendesk::{self, NewTicket};
use testbed::{ADMIN_TOKEN, PATIENCE, WEBHOOK_SECRET};
use ticketroom::clock::{Clock, SystemClock};
use ticketroom::metrics::Metrics;
use ticketroom::web::{self, Limits, StartupGate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::world::World;

const MANUAL: &str = include_str!("../../../../docs/errors.md");

/// Checks a problem document and its code.
fn check(problem: &Value, status: u16, code: &str) {
    assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem:#}");
    assert_eq!(problem["type"], "about:blank", "{problem:#}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem:#}");
    let row = MANUAL.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
    let row = row.unwrap_or_else(|| panic!("{code} is not in docs/errors.md"));
    assert!(row.contains(&format!("({status})")), "the manual names another status: {row}");
}

async fn refused(request: RequestBuilder, status: u16, code: &str) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{code}");
    assert_eq!(answer.status(), status, "{code}");
    check(&answer.json().await.unwrap(), status, code);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_and_parameter_that_is_wrong_has_a_code() {
    let world = World::new().await;
    let ask = |method: Method, path: &str| world.client.request(method, world.url(path));
    let get = |path: &str| ask(Method::GET, path).bearer_auth(ADMIN_TOKEN);
    let post = |path: &str| ask(Method::POST, path).bearer_auth(ADMIN_TOKEN);
    for path in ["/", "/nothing", "/%ff", "/api/v2/tickets"] {
        refused(get(path), 404, "request.address.unknown").await;
    }
    refused(post("/webhooks/%ff"), 404, "request.address.unknown").await;
    refused(get("/webhooks/zendesk"), 405, "request.address.method-not-allowed").await;
    refused(post("/healthz"), 405, "request.address.method-not-allowed").await;
    for parameters in ["limit=many", "state=odd", "helpdesk=A%20B", "unknown=1", "limit=1&limit=2"] {
        let path = format!("/api/v1/tickets?{parameters}");
        refused(get(&path), 400, "request.parameter.invalid").await;
    }
    refused(get("/api/v1/tickets/zendesk/9"), 404, "request.ticket.unknown").await;
    for what in ["retry", "archive", "reopen"] {
        let path = format!("/api/v1/tickets/zendesk/9/{what}");
        refused(post(&path), 404, "request.ticket.unknown").await;
        refused(get(&path), 405, "request.address.method-not-allowed").await;
        refused(ask(Method::POST, &path), 401, "request.admin.token-missing").await;
    }
    for path in ["/api/v1/tickets", "/api/v1/openapi.json", "/metrics"] {
        refused(ask(Method::GET, path), 401, "request.admin.token-missing").await;
        refused(ask(Method::GET, path).bearer_auth("wrong"), 401, "request.admin.token-wrong").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_delivery_has_a_code() {
    let world = World::new().await;
    let id = world.systems.zendesk.create_ticket(NewTicket::about("refused"));
    let body = world.systems.zendesk.event_body(id, "created").unwrap();
    let deliver = |path: &str, body: &[u8], headers: Vec<(String, String)>| {
        let request = world.client.post(world.url(path)).body(body.to_vec());
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    let signed = |secret: &str, body: &[u8], ago: u64| {
        let at = SystemClock.now().saturating_sub(Duration::from_secs(ago)).unwrap();
        zendesk::signed_headers(secret, body, "42", at)
    };
    let zendesk = |headers| deliver("/webhooks/zendesk", &body, headers);
    refused(deliver("/webhooks/nobody", &body, vec![]), 404, "request.delivery.helpdesk-unknown").await;
    refused(zendesk(vec![]), 401, "request.delivery.proof-missing").await;
    refused(zendesk(signed("guessed", &body, 0)), 401, "request.delivery.proof-wrong").await;
    refused(zendesk(signed(WEBHOOK_SECRET, &body, 3600)), 401, "request.delivery.too-old").await;
    let odd = deliver("/webhooks/zendesk", b"{}", signed(WEBHOOK_SECRET, b"{}", 0));
    refused(odd, 400, "request.delivery.not-understood").await;

    let generic = |headers: &[(&str, &str)], body: &[u8]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        deliver("/helpdesk/ticket-created", body, headers.collect())
    };
    refused(generic(&[], b"hello"), 400, "request.delivery.not-understood").await;
    let packed = [("content-encoding", "br")];
    refused(generic(&packed, b"x"), 415, "request.delivery.encoding-unsupported").await;
    let form = [("content-type", "multipart/form-data; boundary=x")];
    refused(generic(&form, b"--x"), 415, "request.delivery.encoding-unsupported").await;
    refused(generic(&[], &vec![b' '; 2 << 20]), 413, "request.delivery.too-large").await;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 9 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    refused(generic(&[("content-encoding", "gzip")], &bomb), 413, "request.delivery.too-large").await;
    assert_eq!(world.api("/api/v1/tickets").await["tickets"], json!([]), "nothing was let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_starting_and_what_is_no_request_have_codes() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = web::serve(listener, StartupGate::default(), Limits::new(10), Metrics::new(), stop.clone());
    let serving = tokio::spawn(serving);
    let client = reqwest::Client::new();
    for path in ["webhooks/zendesk", "readyz", "api/v1/tickets"] {
        refused(client.post(format!("http://{address}/{path}")), 503, "request.store.opening").await;
    }
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (request, status, code) in [
        ("no HTTP\r\n\r\n".to_owned(), 400, "request.http.unreadable"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431, "request.http.head-too-large"),
    ] {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (_, problem) = answer.split_once("\r\n\r\n").unwrap();
        check(&serde_json::from_str(problem).unwrap(), status, code);
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
