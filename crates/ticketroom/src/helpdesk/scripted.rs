//! A helpdesk for tests of listings: it answers what it is told to, in turn, and remembers what it
//! was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::listing::{Cursor, Listing, Page};

/// The time of every answer.
pub(super) const NOW: &str = "Tue, 24 Nov 2026 10:00:00 GMT";

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<(u16, Value)>,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

/// The running server.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) url: Url,
    script: Shared,
}

async fn answer(State(script): State<Shared>, request: Request) -> Response<String> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let query: Vec<String> =
        url::form_urlencoded::parse(query).map(|(name, value)| format!("{name}={value}")).collect();
    let mut script = script.lock().unwrap();
    let (status, answer) = if head.uri.path() == "/oauth/tokens" {
        (200, json!({ "access_token": "t", "expires_in": 1800 }))
    } else {
        let body = String::from_utf8_lossy(&body);
        let asked = format!("{}?{} {body}", head.uri.path(), query.join("&"));
        script.asked.push(asked.trim_end().to_owned());
        script.answers.pop_front().unwrap_or((500, Value::Null))
    };
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("date", NOW);
    let response = if status == 429 { response.header("retry-after", "30") } else { response };
    response.body(answer.to_string()).unwrap()
}

/// Serves on a port of this machine. Returns the address.
pub(super) async fn serve(router: axum::Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

impl Scripted {
    pub(super) async fn with(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let script = Shared::default();
        script.lock().unwrap().answers.extend(answers);
        let url = serve(axum::Router::new().fallback(answer).with_state(Arc::clone(&script))).await;
        Self { url, script }
    }

    /// What was asked since the last time: path, query and body.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }
}

/// The ids on a page.
pub(super) fn ids(page: &Page) -> Vec<&str> {
    page.tickets.iter().map(|ticket| ticket.id.as_str()).collect()
}

/// A cursor is kept as text.
pub(super) fn stored(cursor: &Cursor) -> Cursor {
    serde_json::from_str(&serde_json::to_string(cursor).unwrap()).unwrap()
}

/// What holds for the cursors of every kind.
pub(super) async fn assert_foreign_cursors(listing: &dyn Listing, asked: impl Fn() -> Vec<String>) {
    let place = json!({ "v": 1, "kind": "another", "from": "2026-11-20T08:00:00Z", "place": { "x": 1 } });
    let newer = json!({ "v": 2, "kind": "any", "from": "2026-11-20T08:00:00Z", "place": null });
    for cursor in [place, newer] {
        let cursor: Cursor = serde_json::from_value(Value::String(cursor.to_string())).unwrap();
        let _ = listing.page(&cursor).await;
        assert!(!asked().is_empty(), "it begins again from the time");
    }
    for cursor in ["", "{}", "17", "{\"v\":1,\"kind\":\"x\",\"from\":\"yesterday\",\"place\":null}"] {
        let cursor: Cursor = serde_json::from_value(json!(cursor)).unwrap();
        let failure = listing.page(&cursor).await.unwrap_err();
        assert!(failure.to_string().contains("stored place"), "{failure}");
        assert!(asked().is_empty());
    }
}
