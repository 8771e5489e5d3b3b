//! The listener over real connections, with short times.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Limits, serve_router};
use crate::metrics::{Format, Metrics};
use crate::web::StartupGate;

const ALIVE: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

struct Listening {
    address: std::net::SocketAddr,
    metrics: Metrics,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Answers the question for its liveness, and nothing else.
    async fn start(limits: Limits) -> Self {
        Self::start_router(limits, StartupGate::default().into_router()).await
    }

    async fn start_router(limits: Limits, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let metrics = Metrics::new();
        let serving = tokio::spawn(serve_router(listener, router, limits, metrics.clone(), stop.clone()));
        Self { address, metrics, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Sends a request and reads its answer; the connection stays open.
async fn answer(connection: &mut TcpStream) -> String {
    connection.write_all(ALIVE.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Reads until the other side closes.
async fn closed(mut connection: TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset is as good as an end.
    let _ = connection.read_to_end(&mut rest).await;
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn connections_that_send_nothing_or_too_slowly_are_closed() {
    let listening = Listening::start(Limits { head: Duration::from_millis(200), ..Limits::new(10) }).await;
    assert_eq!(closed(listening.connect().await).await, "");

    let mut head = listening.connect().await;
    head.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    assert!(!closed(head).await.contains("200 OK"));

    let mut kept = listening.connect().await;
    assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200 OK"));
    assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200 OK"), "it is kept for a next request");
    assert_eq!(closed(kept).await, "");

    // A byte now and then is no progress.
    let mut trickle = listening.connect().await;
    trickle.write_all(b"GET /healthz HTTP/1.1\r\nx: ").await.unwrap();
    while trickle.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_words() {
    let listening = Listening::start(Limits::new(10)).await;
    let head = |header: &str| format!("POST /webhooks/zendesk HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let cases = [
        ("\u{16}\u{3}\u{1} no HTTP \r\n\r\n".to_owned(), 400),
        ("POST /webhooks/zendesk HTTP/2.0\r\n\r\n".to_owned(), 400),
        ("POST /\u{1b}[31m HTTP/1.1\r\n\r\n".to_owned(), 400),
        (head("content-length: -5"), 400),
        (head("content-length: 1\r\ncontent-length: 2"), 400),
        (head("transfer-encoding: chunked, gzip"), 400),
        (head("x : 1"), 400),
        (head(&many), 431),
        (head(&format!("x: {}", "a".repeat(100_000))), 431),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000)), 431),
    ];
    for (request, status) in cases {
        let said: String = request.chars().take(60).collect();
        // Behind a request that is one, and alone.
        for before in ["", ALIVE, &ALIVE.repeat(5)] {
            let mut connection = listening.connect().await;
            // What is refused need not be taken to its end.
            let _ = connection.write_all(format!("{before}{request}").as_bytes()).await;
            let answers = closed(connection).await;
            let refusals = answers.matches("HTTP/1.1 4").count();
            let good = answers.matches("HTTP/1.1 200 OK").count();
            assert_eq!((good, refusals), (before.matches("GET").count(), 1), "{said:?}: {answers}");
            let (head, problem) = answers.rsplit_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-type: application/problem+json"), "{said:?}: {answers}");
            let problem: serde_json::Value = serde_json::from_str(problem).unwrap();
            assert_eq!(problem["status"], status, "{said:?}: {answers}");
            let code = if status == 431 { "request.http.head-too-large" } else { "request.http.unreadable" };
            assert_eq!(problem["code"], code, "{said:?}: {answers}");
            assert!(problem["title"].is_string() && problem["detail"].is_string(), "{said:?}: {answers}");
        }
    }
}

#[tokio::test]
async fn a_caller_that_reads_no_answers_is_given_up() {
    let listening = Listening::start(Limits { write: Duration::from_millis(200), ..Limits::new(10) }).await;
    let mut connection = listening.connect().await;
    let requests = ALIVE.repeat(1000);
    // At some point neither side's buffers take any more; then only the listener can end it.
    while connection.write_all(requests.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn at_the_cap_the_longest_idle_connection_gives_way() {
    let listening = Listening::start(Limits::new(4)).await;
    let mut oldest = listening.connect().await;
    assert!(answer(&mut oldest).await.starts_with("HTTP/1.1 200 OK"));
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(listening.connect().await);
    }
    // The oldest is idle only since this, and so are two of the silent ones.
    assert!(answer(&mut silent[0]).await.starts_with("HTTP/1.1 200 OK"));
    assert!(answer(&mut oldest).await.starts_with("HTTP/1.1 200 OK"));
    let mut new = listening.connect().await;
    assert!(answer(&mut new).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(closed(silent.remove(1)).await, "");
    for connection in silent.iter_mut().chain([&mut oldest, &mut new]) {
        assert!(answer(connection).await.starts_with("HTTP/1.1 200 OK"));
    }
    let text = listening.metrics.text(Format::Prometheus);
    assert!(text.contains("ticketroom_connections_shed_total{how=\"idle\"} 1"), "{text}");
    assert!(text.contains("ticketroom_connections 4"), "{text}");
}

#[tokio::test]
async fn where_all_connections_work_a_new_one_is_told_to_come_again() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let works_for_ever = get(async move || {
        arrived.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let router = Router::new().route("/healthz", works_for_ever);
    let listening = Listening::start_router(Limits::new(2), router).await;
    let mut working = Vec::new();
    for _ in 0..2 {
        let mut connection = listening.connect().await;
        connection.write_all(ALIVE.as_bytes()).await.unwrap();
        arrivals.recv().await.unwrap();
        working.push(connection);
    }
    let refused = closed(listening.connect().await).await;
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    assert!(head.contains("\r\nretry-after: 30\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/problem+json\r\n"), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], 503);
    let text = listening.metrics.text(Format::Prometheus);
    assert!(text.contains("ticketroom_connections_shed_total{how=\"refused\"} 1"), "{text}");
}

#[tokio::test]
async fn a_flood_of_silent_connections_keeps_nobody_out() {
    let listening = Listening::start(Limits::new(8)).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(listening.connect().await);
        if silent.len() % 20 == 0 {
            let mut caller = listening.connect().await;
            assert!(answer(&mut caller).await.starts_with("HTTP/1.1 200 OK"));
        }
    }
}

#[tokio::test]
async fn a_listener_that_is_stopped_lets_connections_end() {
    let listening = Listening::start(Limits::new(4)).await;
    let mut kept = listening.connect().await;
    assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200 OK"));
    listening.stop.cancel();
    assert_eq!(closed(kept).await, "");
    listening.serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(listening.address).await.is_err());
}
