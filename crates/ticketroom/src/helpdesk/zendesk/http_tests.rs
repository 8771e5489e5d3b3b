//! The calls, against a Zendesk that answers what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::pace::Paces;
use super::super::scripted::serve;
use super::Zendesk;
use crate::call::{Cause, Failure, SideEffect};
use crate::clock::{Clock, ManualClock};
use crate::config::{ZendeskAuth, ZendeskConfig};
use crate::helpdesk::{
    Absence, Helpdesk, InternalNote, NoteAdded, NoteId, NoteState, NoteText, Observed, RoomLink, Span,
};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::room::RoomId;
use crate::ticket::{Status, Ticket, TicketKey};

const URL: &str = "https://docspace.example.com/rooms/shared/4711";

/// What is asked, what is answered, and what was asked so far.
#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, Value)>,
    asked: Vec<(String, Value)>,
    tokens: u32,
}

type Shared = Arc<Mutex<Script>>;

async fn answer(State(script): State<Shared>, request: Request) -> Response<String> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut script = script.lock().unwrap();
    let (status, answer) = if head.uri.path() == "/oauth/tokens" {
        script.tokens += 1;
        (200, json!({ "access_token": format!("t{}", script.tokens), "expires_in": 1800 }))
    } else {
        let bearer = head.headers["authorization"].to_str().unwrap();
        let asked = format!("{} {} {bearer}", head.method, head.uri.path());
        script.asked.push((asked, serde_json::from_slice(&body).unwrap_or_default()));
        script.answers.pop_front().unwrap_or((500, Value::Null))
    };
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    let response = if status == 429 { response.header("retry-after", "30") } else { response };
    response.body(answer.to_string()).unwrap()
}

struct Stage {
    zendesk: Zendesk,
    clock: Arc<ManualClock>,
    script: Shared,
    key: TicketKey,
}

impl Stage {
    async fn with(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let script = Shared::default();
        script.lock().unwrap().answers.extend(answers);
        let url = serve(axum::Router::new().fallback(answer).with_state(Arc::clone(&script))).await;
        let config = ZendeskConfig {
            url,
            webhook_secrets: vec!["s".into()],
            auth: ZendeskAuth::OAuth { client_id: "ticketroom".to_owned(), client_secret: "hush".into() },
            room_url_field: Some(5),
            signature_window: Duration::from_secs(900),
        };
        let clock = Arc::new(ManualClock::at("2026-11-24T10:00:00Z".parse().unwrap()));
        let name: crate::ticket::HelpdeskName = "zendesk".parse().unwrap();
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let zendesk = Zendesk::new(
            name.clone(),
            &config,
            Http::new(Metrics::new()).unwrap(),
            as_clock,
            &Paces::default(),
        );
        Self { zendesk, clock, script, key: TicketKey { helpdesk: name, id: "40117".parse().unwrap() } }
    }

    fn link(&self, note: NoteState) -> RoomLink<'_> {
        let version = Some("2026-11-20T08:14:03Z");
        RoomLink { key: &self.key, room: RoomId(4711), title: "Room", url: URL, version, note }
    }

    async fn add_note(&self, state: NoteState) -> Result<NoteAdded, Failure> {
        let (id, text) = (NoteId::new("archived"), NoteText::default().paragraph([Span::from("a < b")]));
        self.zendesk.add_note(&InternalNote { key: &self.key, id: &id, text: &text, state }).await
    }

    fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.iter().map(|(asked, _)| asked.clone()).collect()
    }

    fn last_body(&self) -> Value {
        self.script.lock().unwrap().asked.last().unwrap().1.clone()
    }
}

fn ticket(link: Option<&str>) -> Value {
    json!({ "ticket": { "id": 40117, "subject": "S", "custom_fields": [{ "id": 5, "value": link }] } })
}

fn updated() -> Value {
    let mut answer = ticket(Some(URL));
    answer["audit"] = json!({
        "author_id": 999,
        "metadata": { "custom": { "ticketroom": { "key": "zendesk:40117:4711:link:v1" } } },
        "events": [{ "type": "Comment", "public": false }],
    });
    answer
}

#[tokio::test]
async fn a_token_serves_many_calls_and_is_renewed_once() {
    let answers = [
        (200, ticket(None)),
        (200, ticket(None)),
        (401, json!({})),
        (200, ticket(None)),
        (401, json!({})),
        (401, json!({})),
    ];
    let stage = Stage::with(answers).await;
    let observe = async || stage.zendesk.observe(&stage.key.id, None).await;
    let (one, two) = tokio::join!(observe(), observe());
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(stage.script.lock().unwrap().tokens, 1);
    assert!(observe().await.is_ok());
    assert_eq!(observe().await.unwrap_err().cause, Cause::Unauthorized);
    let tokens: Vec<_> =
        stage.asked().iter().map(|asked| asked.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(tokens, ["t1", "t1", "t1", "t2", "t2", "t3"]);
    stage.clock.advance(Duration::from_secs(1741));
    let _ = observe().await;
    assert!(stage.asked().last().unwrap().ends_with("t4"), "renewed a minute before its end");
}

#[tokio::test]
async fn what_is_not_there_is_absent() {
    let gone = || (404, json!({ "error": "RecordNotFound" }));
    let stage = Stage::with([gone(), (200, json!({ "deleted_tickets": [{ "id": 1 }] }))]).await;
    assert_eq!(stage.zendesk.observe(&stage.key.id, None).await, Ok(Observed::Absent(Absence::NotShown)));
    for id in ["SUP-1", "40117/comments", "+1", "../users/1"] {
        assert_eq!(
            stage.zendesk.observe(&id.parse().unwrap(), None).await,
            Ok(Observed::Absent(Absence::NotShown))
        );
    }
    assert_eq!(stage.asked().len(), 2);
}

#[tokio::test]
async fn a_deletion_is_told_by_an_event_or_by_the_list() {
    let gone = || (404, json!({ "error": "RecordNotFound" }));
    let deleted = Ok(Observed::Absent(Absence::Deleted));
    let reported = |status| Ticket { status, ..Ticket::default() };
    let stage = Stage::with([gone()]).await;
    assert_eq!(stage.zendesk.observe(&stage.key.id, Some(&reported(Status::Deleted))).await, deleted);
    let listed =
        json!({ "deleted_tickets": [{ "id": 1 }, { "id": 40117, "deleted_at": "2026-11-23T12:00:00Z" }] });
    let stage = Stage::with([gone(), (200, listed)]).await;
    assert_eq!(stage.zendesk.observe(&stage.key.id, Some(&reported(Status::Open))).await, deleted);
    assert!(stage.asked()[1].starts_with("GET /api/v2/deleted_tickets"));
    for status in [403, 404] {
        let stage = Stage::with([gone(), (status, json!({}))]).await;
        let observed = stage.zendesk.observe(&stage.key.id, None).await;
        assert_eq!(observed, Ok(Observed::Absent(Absence::NotShown)), "the list is not for us: {status}");
    }
    let stage = Stage::with([gone(), (503, json!({}))]).await;
    assert!(stage.zendesk.observe(&stage.key.id, None).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn the_comments_of_a_merged_ticket_say_into_which() {
    let merged = |tags: Value| {
        let mut answer = ticket(None);
        answer["ticket"]["status"] = json!("closed");
        answer["ticket"]["tags"] = tags;
        (200, answer)
    };
    let comment =
        |time: &str, body: &str| json!({ "created_at": time, "public": false, "author_id": 1, "body": body });
    let (old, new) = ("2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z");
    let (talk, into) = (comment(old, "see #7"), comment(new, "closed and merged into request #50"));
    let more = json!({ "has_more": true, "after_cursor": "c" });
    let observed = async |answers: Vec<(u16, Value)>| {
        let stage = Stage::with(answers).await;
        let observed = stage.zendesk.observe(&stage.key.id, None).await;
        (
            observed.map(|observed| match observed {
                Observed::Present { ticket, .. } => ticket.merged_into.map(|id| id.to_string()),
                Observed::Absent(absence) => panic!("{absence:?}"),
            }),
            stage.asked().len(),
        )
    };
    let tag = || merged(json!(["export", "closed_by_merge"]));
    let newest_first = json!({ "comments": [into.clone(), talk.clone()], "meta": more });
    assert_eq!(observed(vec![tag(), (200, newest_first)]).await, (Ok(Some("50".to_owned())), 2));
    let oldest_first =
        json!({ "comments": [comment("2026-11-19T08:00:00Z", "#8"), talk.clone()], "meta": more });
    let last = json!({ "comments": [talk, into], "meta": { "has_more": false } });
    let (target, calls) = observed(vec![tag(), (200, oldest_first), (200, last)]).await;
    assert_eq!((target, calls), (Ok(Some("50".to_owned())), 3), "whichever order they come in");
    assert_eq!(observed(vec![tag(), (403, json!({}))]).await, (Ok(None), 2));
    assert!(observed(vec![tag(), (503, json!({}))]).await.0.is_err());
    assert_eq!(observed(vec![merged(json!(["export"]))]).await, (Ok(None), 1), "closed, and no more");
}

#[tokio::test]
async fn a_429_stops_further_calls() {
    let stage = Stage::with([(429, json!({}))]).await;
    for _ in 0..2 {
        let failure = stage.zendesk.observe(&stage.key.id, None).await.unwrap_err();
        assert!(failure.retry_after().is_some_and(|wait| wait > Duration::from_secs(25)), "{failure}");
    }
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn a_missing_note_is_written_with_the_field() {
    let stage = Stage::with([(200, updated())]).await;
    let written = stage.zendesk.write_back(&stage.link(NoteState::Missing)).await.unwrap();
    assert_eq!((written.place.as_str(), written.warning), ("field and internal note", None));
    assert_eq!(stage.asked(), ["PUT /api/v2/tickets/40117 Bearer t1"]);
    assert_eq!(stage.last_body()["ticket"]["comment"]["public"], false);
    assert_eq!(stage.zendesk.api.known_own_id(), Some(999));
}

#[tokio::test]
async fn where_no_note_is_wanted_only_the_field_is_filled() {
    let stage = Stage::with([(200, updated())]).await;
    let written = stage.zendesk.write_back(&stage.link(NoteState::Unwanted)).await.unwrap();
    assert_eq!((written.place.as_str(), written.warning), ("field", None));
    assert_eq!(stage.asked(), ["PUT /api/v2/tickets/40117 Bearer t1"]);
    assert_eq!(stage.last_body()["ticket"].get("comment"), None);
}

#[tokio::test]
async fn an_uncertain_note_is_looked_for_on_every_page() {
    let note = format!("{URL} [ticketroom:zendesk:40117]");
    let elsewhere = json!({ "comments": [{ "author_id": 1, "public": false, "body": note }],
        "meta": { "has_more": true, "after_cursor": "c" } });
    let ours = json!({ "comments": [{ "author_id": 999, "public": false, "html_body": note }] });
    let me = json!({ "user": { "id": 999, "role": "agent" } });
    let found = [(200, elsewhere), (200, me), (200, ours), (200, ticket(Some(URL)))];
    let stage = Stage::with(found).await;
    let written = stage.zendesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap();
    assert_eq!(written.place, "field and internal note");
    let asked: Vec<_> = stage.asked().iter().map(|asked| asked.replace(" Bearer t1", "")).collect();
    let (comments, me) = ("GET /api/v2/tickets/40117/comments", "GET /api/v2/users/me");
    assert_eq!(asked, [comments, me, comments, "GET /api/v2/tickets/40117"]);
}

#[tokio::test]
async fn an_uncertain_note_that_is_not_there_is_written() {
    let stage = Stage::with([(200, json!({ "comments": [] })), (200, updated())]).await;
    stage.zendesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap();
    assert!(stage.last_body()["ticket"]["comment"]["html_body"].is_string());
}

#[tokio::test]
async fn a_written_note_is_not_written_again() {
    let stage = Stage::with([(200, ticket(Some(URL)))]).await;
    stage.zendesk.write_back(&stage.link(NoteState::Written)).await.unwrap();
    assert_eq!(stage.last_body(), json!({ "ticket": { "custom_fields": [{ "id": 5, "value": URL }] } }));
}

#[tokio::test]
async fn refusals_say_what_happened() {
    let invalid = json!({ "error": "RecordInvalid", "description": "Rita", "details": { "status": [{ "error": "Closed" }] } });
    let cases = [
        (409, json!({ "error": "UpdateConflict" }), Cause::Conflict),
        (422, invalid, Cause::Rejected { status: 422, detail: "RecordInvalid, status, Closed".to_owned() }),
        (503, Value::Null, Cause::ServerError { status: 503, retry_after: None }),
    ];
    for (status, body, cause) in cases {
        let stage = Stage::with([(status, body)]).await;
        assert_eq!(stage.zendesk.write_back(&stage.link(NoteState::Missing)).await.unwrap_err().cause, cause);
    }
}

fn noted(public: bool) -> Value {
    let mut answer = ticket(None);
    answer["audit"] = json!({
        "author_id": 999,
        "metadata": { "custom": { "ticketroom": { "key": "zendesk:40117:archived:note:v1" } } },
        "events": [{ "type": "Comment", "public": public }],
    });
    answer
}

#[tokio::test]
async fn a_further_note_is_internal_and_decides_nothing_by_the_version() {
    let stage = Stage::with([(200, noted(false))]).await;
    assert_eq!(stage.add_note(NoteState::Missing).await, Ok(NoteAdded::Written));
    let comment =
        json!({ "public": false, "html_body": "<p>a &lt; b</p><p>[ticketroom:zendesk:40117:archived]</p>" });
    let about = json!({ "op": "note", "key": "zendesk:40117:archived:note:v1" });
    let update = json!({ "ticket": { "comment": comment, "metadata": { "ticketroom": about } } });
    assert_eq!(stage.last_body(), update);
    assert_eq!(stage.zendesk.api.known_own_id(), Some(999));

    let stage = Stage::with([(200, noted(true))]).await;
    assert_eq!(stage.add_note(NoteState::Missing).await, Ok(NoteAdded::Written), "and a warning in the log");
    let stage = Stage::with([(200, ticket(None))]).await;
    assert_eq!(stage.add_note(NoteState::Missing).await.unwrap_err().side_effect(), SideEffect::Unknown);
}

#[tokio::test]
async fn a_further_note_is_looked_for_where_it_may_be() {
    let ours = json!({ "public": false, "metadata": { "custom": { "ticketroom": { "key": "zendesk:40117:archived:note:v1" } } } });
    for state in [NoteState::Uncertain, NoteState::Settling] {
        let stage = Stage::with([(200, json!({ "comments": [ours] }))]).await;
        assert_eq!(stage.add_note(state).await, Ok(NoteAdded::Written));
        assert_eq!(stage.asked().len(), 1);
    }
    let others = json!({ "comments": [{ "public": false, "author_id": 999, "body": "[ticketroom:zendesk:40117:files-1]" }] });
    let stage = Stage::with([(200, others.clone()), (200, noted(false))]).await;
    assert_eq!(stage.add_note(NoteState::Uncertain).await, Ok(NoteAdded::Written));
    assert_eq!(stage.asked().len(), 2);
    let stage = Stage::with([(200, others)]).await;
    assert_eq!(stage.add_note(NoteState::Settling).await.unwrap_err().cause, Cause::Unsettled);
}

#[tokio::test]
async fn what_is_about_this_ticket_alone_ends_the_note_and_everything_else_is_a_failure() {
    let closed = json!({ "error": "RecordInvalid", "details": { "status": [{ "error": "Closed" }] } });
    for (answers, part) in [
        (vec![(422, closed)], "it is closed"),
        (vec![(404, json!({}))], "deleted"),
        (vec![(403, json!({})), (404, json!({}))], "can't see it"),
    ] {
        match Stage::with(answers).await.add_note(NoteState::Missing).await {
            Ok(NoteAdded::NotPossible(why)) => assert!(why.contains(part), "{why}"),
            other => panic!("{part}: {other:?}"),
        }
    }
    for (answers, effect) in [
        (vec![(403, json!({})), (200, ticket(None))], SideEffect::None),
        (vec![(403, json!({})), (503, json!({}))], SideEffect::Unknown),
        (vec![(401, json!({})), (401, json!({}))], SideEffect::None),
        (vec![(409, json!({}))], SideEffect::None),
        (vec![(429, json!({}))], SideEffect::None),
        (vec![(500, json!({}))], SideEffect::Unknown),
    ] {
        let failure = Stage::with(answers).await.add_note(NoteState::Missing).await.unwrap_err();
        assert_eq!(failure.side_effect(), effect, "{failure}");
    }
}
