//! The calls, against a Freshdesk that answers what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::pace::Paces;
use super::super::scripted::serve;
use super::Freshdesk;
use super::api::refusal;
use crate::call::{Cause, Failure, SideEffect};
use crate::clock::ManualClock;
use crate::config::FreshdeskConfig;
use crate::finding::Level;
use crate::helpdesk::{
    Absence, Helpdesk, InternalNote, LinkInTicket, NoteAdded, NoteId, NoteState, NoteText, Observed,
    RoomLink, Span,
};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::room::RoomId;
use crate::ticket::{Person, Status, Ticket, TicketKey};

const URL: &str = "https://docspace.example.com/rooms/shared/4711?a&b";
/// The API key “hush” as the user, and X as the password.
const BASIC: &str = "Basic aHVzaDpY";

/// What is answered to which request, and what was asked so far.
#[derive(Default)]
struct Script {
    answers: VecDeque<(&'static str, u16, Value)>,
    asked: Vec<(String, Value)>,
}

type Shared = Arc<Mutex<Script>>;

/// Answers a request with the first answer for it that is left; requests that are made side by side
/// come in any order.
async fn answer(State(script): State<Shared>, request: Request) -> Response<String> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    assert_eq!(head.headers["authorization"], BASIC);
    let path = head.uri.path_and_query().unwrap().as_str().strip_prefix("/api/v2/").unwrap();
    let asked = format!("{} {path}", head.method);
    let mut script = script.lock().unwrap();
    let at = script.answers.iter().position(|(request, ..)| *request == asked);
    let (_, status, answer) = at.and_then(|at| script.answers.remove(at)).unwrap_or(("", 500, Value::Null));
    script.asked.push((asked, serde_json::from_slice(&body).unwrap_or_default()));
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    let response = if status == 429 { response.header("retry-after", "30") } else { response };
    // As accounts do that give fewer on a page than they are asked for.
    let has_more = script.answers.iter().any(|(request, ..)| request.contains("/conversations?"));
    let response = if has_more { response.header("link", "<x>; rel=\"next\"") } else { response };
    response.body(answer.to_string()).unwrap()
}

struct Stage {
    freshdesk: Freshdesk,
    script: Shared,
    key: TicketKey,
}

impl Stage {
    async fn with(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Self {
        Self::of(Some("cf_room"), &[], answers).await
    }

    async fn of(
        field: Option<&str>,
        groups: &[&str],
        answers: impl IntoIterator<Item = (&'static str, u16, Value)>,
    ) -> Self {
        let script = Shared::default();
        script.lock().unwrap().answers.extend(answers);
        let url = serve(axum::Router::new().fallback(answer).with_state(Arc::clone(&script))).await;
        let config = FreshdeskConfig {
            url,
            webhook_secrets: vec!["s".into()],
            api_key: "hush".into(),
            room_url_field: field.map(str::to_owned),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            companies: true,
        };
        let name: crate::ticket::HelpdeskName = "freshdesk".parse().unwrap();
        let freshdesk =
            Freshdesk::new(name.clone(), &config, Http::new(Metrics::new()).unwrap(), &Paces::default());
        Self { freshdesk, script, key: TicketKey { helpdesk: name, id: "8123".parse().unwrap() } }
    }

    fn link(&self, note: NoteState) -> RoomLink<'_> {
        RoomLink { key: &self.key, room: RoomId(4711), title: "Room", url: URL, version: None, note }
    }

    async fn add_note(&self, state: NoteState) -> Result<NoteAdded, Failure> {
        let (id, text) = (NoteId::new("archived"), NoteText::default().paragraph([Span::from("a < b")]));
        self.freshdesk.add_note(&InternalNote { key: &self.key, id: &id, text: &text, state }).await
    }

    fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.iter().map(|(asked, _)| asked.clone()).collect()
    }

    fn body_of(&self, request: &str) -> Value {
        let script = self.script.lock().unwrap();
        script.asked.iter().find(|(asked, _)| asked == request).unwrap().1.clone()
    }

    async fn observed(&self) -> (Ticket, LinkInTicket) {
        match self.freshdesk.observe(&self.key.id, None).await.unwrap() {
            Observed::Present { ticket, link } => (*ticket, link),
            Observed::Absent(absence) => panic!("{absence:?}"),
        }
    }
}

const GET: &str = "GET tickets/8123?include=requester";
const ARCHIVED: &str = "GET tickets/archived/8123";
const NOTES: &str = "POST tickets/8123/notes";
const PUT: &str = "PUT tickets/8123";
const PAGE_1: &str = "GET tickets/8123/conversations?per_page=100&page=1";
const PAGE_2: &str = "GET tickets/8123/conversations?per_page=100&page=2";
const ME: &str = "GET agents/me";

fn ticket(link: Option<&str>) -> Value {
    json!({ "id": 8123, "subject": "S", "status": 2, "responder_id": 42, "group_id": 31,
            "custom_fields": { "cf_room": link } })
}

fn note(by: u64) -> Value {
    let body = format!("<a href=\"{}\">Room</a> [ticketroom:freshdesk:8123]", URL.replace('&', "&amp;"));
    json!({ "user_id": by, "private": true, "body": body, "body_text": "Room [ticketroom:freshdesk:8123]" })
}

fn agent() -> Value {
    json!({ "id": 42, "contact": { "name": "Ben", "email": "ben@helpdesk.example" } })
}

#[tokio::test]
async fn a_ticket_comes_with_its_agent_and_its_group_which_are_remembered() {
    let answers = [
        (GET, 200, ticket(None)),
        ("GET agents/42", 200, agent()),
        ("GET groups/31", 200, json!({ "id": 31, "name": "Billing" })),
        (GET, 200, ticket(Some(URL))),
    ];
    let stage = Stage::with(answers).await;
    let (ticket, link) = stage.observed().await;
    let ben = Person { name: Some("Ben".to_owned()), email: Some("ben@helpdesk.example".to_owned()) };
    assert_eq!((ticket.assignee.as_ref(), ticket.group.as_deref()), (Some(&ben), Some("Billing")));
    assert_eq!(link, LinkInTicket::Missing);
    let (again, link) = stage.observed().await;
    assert_eq!((again.assignee, again.group), (ticket.assignee, ticket.group));
    assert_eq!(link, LinkInTicket::Is(URL.to_owned()));
    assert_eq!(stage.asked().len(), 4);
}

#[tokio::test]
async fn whoever_may_not_be_seen_is_nobody() {
    let answers =
        [(GET, 200, ticket(None)), ("GET agents/42", 404, Value::Null), ("GET groups/31", 403, json!({}))];
    let stage = Stage::with(answers).await;
    let (seen, _) = stage.observed().await;
    assert_eq!((seen.subject.as_str(), seen.assignee, seen.group), ("S", None, None));

    let answers = [(GET, 200, ticket(None)), ("GET agents/42", 503, Value::Null)];
    let stage = Stage::with(answers).await;
    assert!(stage.freshdesk.observe(&stage.key.id, None).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn what_is_not_there_is_absent_unless_it_is_in_the_archive() {
    let archived = json!({ "subject": "Old", "status": 5, "custom_fields": { "cf_room": URL } });
    let stage = Stage::with([(GET, 404, Value::Null), (ARCHIVED, 200, archived)]).await;
    let (ticket, link) = stage.observed().await;
    assert_eq!((ticket.subject.as_str(), ticket.status), ("Old", Status::Closed));
    assert_eq!(link, LinkInTicket::Is(URL.to_owned()));

    for status in [404, 403, 405] {
        let stage = Stage::with([(GET, 404, Value::Null), (ARCHIVED, status, Value::Null)]).await;
        let observed = stage.freshdesk.observe(&stage.key.id, None).await;
        assert_eq!(observed, Ok(Observed::Absent(Absence::NotShown)), "{status}");
    }
    for status in [401, 429, 503] {
        let stage = Stage::with([(GET, 404, Value::Null), (ARCHIVED, status, Value::Null)]).await;
        assert!(stage.freshdesk.observe(&stage.key.id, None).await.is_err(), "{status}");
    }
    let stage = Stage::with([]).await;
    for id in ["SUP-1", "8123/conversations", "+1", "../agents/me", "archived/1"] {
        let observed = stage.freshdesk.observe(&id.parse().unwrap(), None).await;
        assert_eq!(observed, Ok(Observed::Absent(Absence::NotShown)));
    }
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test]
async fn tickets_of_other_groups_are_not_wanted() {
    let group = |name: &str| {
        [
            (GET, 200, ticket(None)),
            ("GET agents/42", 200, agent()),
            ("GET groups/31", 200, json!({ "name": name })),
        ]
    };
    let stage = Stage::of(None, &["Billing"], group("Billing")).await;
    stage.observed().await;
    let stage = Stage::of(None, &["Billing"], group("Sales")).await;
    let why = "the ticket is in the group “Sales”, and only “Billing” is configured".to_owned();
    let observed = stage.freshdesk.observe(&stage.key.id, None).await;
    assert_eq!(observed, Ok(Observed::Absent(Absence::NotWanted(why))));
}

#[tokio::test]
async fn a_429_stops_further_calls() {
    let stage = Stage::with([(GET, 429, json!({}))]).await;
    for _ in 0..2 {
        let failure = stage.freshdesk.observe(&stage.key.id, None).await.unwrap_err();
        assert!(failure.retry_after().is_some_and(|wait| wait > Duration::from_secs(25)), "{failure}");
    }
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn a_missing_note_is_written_before_the_field() {
    let stage = Stage::with([(NOTES, 201, note(999)), (PUT, 200, ticket(Some(URL)))]).await;
    let written = stage.freshdesk.write_back(&stage.link(NoteState::Missing)).await.unwrap();
    assert_eq!((written.place.as_str(), written.warning), ("field and private note", None));
    assert_eq!(stage.asked(), [NOTES, PUT]);
    let posted = stage.body_of(NOTES);
    let fields: Vec<&String> = posted.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["body", "private"], "nobody is notified, and nobody else is its author");
    assert_eq!(posted["private"], true);
    assert!(posted["body"].as_str().unwrap().contains("[ticketroom:freshdesk:8123]"));
    assert_eq!(stage.body_of(PUT), json!({ "custom_fields": { "cf_room": URL } }));
    assert_eq!(stage.freshdesk.api.known_own_id(), Some(999));
}

#[tokio::test]
async fn without_a_field_there_is_only_the_note() {
    let stage = Stage::of(None, &[], [(NOTES, 201, json!({ "private": false }))]).await;
    let written = stage.freshdesk.write_back(&stage.link(NoteState::Missing)).await.unwrap();
    assert_eq!(written.place, "private note");
    assert!(written.warning.unwrap().contains("made the note public"));
    let written = stage.freshdesk.write_back(&stage.link(NoteState::Written)).await.unwrap();
    assert_eq!((written.place.as_str(), written.warning), ("private note", None));
    assert_eq!(stage.asked(), [NOTES]);
}

#[tokio::test]
async fn an_uncertain_note_is_looked_for_on_every_page() {
    let mut full: Vec<Value> = vec![json!({ "body": "hello", "private": true }); 99];
    full.push(note(1));
    let answers = [
        (PAGE_1, 200, json!(full)),
        (ME, 200, json!({ "id": 999 })),
        (PAGE_2, 200, json!([note(999)])),
        (GET, 200, ticket(Some(URL))),
    ];
    let stage = Stage::with(answers).await;
    let written = stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap();
    assert_eq!((written.place.as_str(), written.warning), ("field and private note", None));
    assert_eq!(stage.asked(), [PAGE_1, ME, PAGE_2, GET], "a field that is right is not written");
}

#[tokio::test]
async fn an_uncertain_note_that_is_not_there_is_written() {
    let answers = [
        (PAGE_1, 200, json!([note(1)])),
        (ME, 200, json!({ "id": 999 })),
        (NOTES, 201, note(999)),
        (GET, 200, ticket(None)),
        (PUT, 200, ticket(Some(URL))),
    ];
    let stage = Stage::with(answers).await;
    stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap();
    assert_eq!(stage.asked(), [PAGE_1, ME, NOTES, GET, PUT], "somebody copied the marker");
}

#[tokio::test]
async fn nothing_is_written_while_the_note_can_not_be_looked_for() {
    let stage = Stage::with([(PAGE_1, 503, Value::Null)]).await;
    assert!(stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.is_err());
    let stage = Stage::with([(PAGE_1, 200, json!([note(1)])), (ME, 401, Value::Null)]).await;
    assert!(stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.is_err());
    assert_eq!(stage.asked(), [PAGE_1, ME]);
    // Who we are is not told to every key; then the marker has to do.
    let answers = [(PAGE_1, 200, json!([note(1)])), (ME, 403, Value::Null), (GET, 200, ticket(Some(URL)))];
    let stage = Stage::with(answers).await;
    assert!(stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.is_ok());
}

#[tokio::test]
async fn a_written_note_is_not_written_again() {
    let stage = Stage::with([(PUT, 200, ticket(Some(URL)))]).await;
    stage.freshdesk.write_back(&stage.link(NoteState::Written)).await.unwrap();
    assert_eq!(stage.asked(), [PUT]);
}

#[tokio::test]
async fn a_refused_field_is_no_failure() {
    let cases = [
        (400, refusal(&[("cf_room", "invalid_field")]), "no custom field cf_room"),
        (400, refusal(&[("cf_region", "missing_field")]), "cf_region (missing_field)"),
        (400, json!({ "code": "invalid_json" }), "could not be filled"),
        (403, json!({ "code": "access_denied" }), "could not be filled"),
        (200, ticket(None), "did not take the link"),
    ];
    for (status, body, part) in cases {
        for state in [NoteState::Missing, NoteState::Written] {
            let stage = Stage::with([(NOTES, 201, note(999)), (PUT, status, body.clone())]).await;
            let written = stage.freshdesk.write_back(&stage.link(state)).await.unwrap();
            assert_eq!(written.place, "private note");
            assert!(
                written.warning.is_some_and(|said| said.contains(part) && !said.contains("rita")),
                "{part}"
            );
        }
    }
}

#[tokio::test]
async fn a_note_that_is_there_is_never_forgotten() {
    for status in [401, 404, 409, 429, 503] {
        let stage = Stage::with([(NOTES, 201, note(999)), (PUT, status, json!({}))]).await;
        let failure = stage.freshdesk.write_back(&stage.link(NoteState::Missing)).await.unwrap_err();
        assert_eq!(failure.side_effect(), SideEffect::Unknown, "{status}");
    }
    // No further call may be made, so the field's was not: the note is there all the same.
    let answers = [(PAGE_1, 200, json!([])), (NOTES, 201, note(999)), (GET, 429, json!({}))];
    let stage = Stage::with(answers).await;
    let failure = stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap_err();
    assert_eq!((failure.side_effect(), failure.call), (SideEffect::Unknown, "get_ticket"));

    for (status, effect) in [
        (400, SideEffect::None),
        (403, SideEffect::None),
        (429, SideEffect::None),
        (500, SideEffect::Unknown),
    ] {
        let stage = Stage::with([(NOTES, status, json!({}))]).await;
        let failure = stage.freshdesk.write_back(&stage.link(NoteState::Missing)).await.unwrap_err();
        assert_eq!(failure.side_effect(), effect, "{status}");
        assert_eq!(stage.asked(), [NOTES], "the field comes last");
    }
    let stage = Stage::with([(PUT, 429, json!({}))]).await;
    let failure = stage.freshdesk.write_back(&stage.link(NoteState::Written)).await.unwrap_err();
    assert_eq!(failure.side_effect(), SideEffect::None, "no note was posted");
}

#[tokio::test]
async fn refusals_name_fields_and_codes_only() {
    let stage = Stage::with([(NOTES, 400, refusal(&[("body", "invalid_value")]))]).await;
    let failure = stage.freshdesk.write_back(&stage.link(NoteState::Missing)).await.unwrap_err();
    let detail = "body (invalid_value)".to_owned();
    assert_eq!(failure.cause, Cause::Rejected { status: 400, detail });
}

#[tokio::test]
async fn everything_is_checked_and_nothing_changed() {
    let clock = ManualClock::at("2026-11-24T10:00:00Z".parse().unwrap());
    let answers = [
        (ME, 200, json!({ "id": 999, "ticket_scope": 1 })),
        ("GET ticket_fields", 403, json!({})),
        ("GET agents/999", 403, json!({})),
        ("GET groups?per_page=100&page=1", 200, json!([{ "name": "Billing" }])),
    ];
    let stage = Stage::of(Some("cf_room"), &["Billing", "Sales"], answers).await;
    let levels: Vec<Level> =
        stage.freshdesk.check(&clock).await.iter().map(crate::finding::Finding::level).collect();
    assert_eq!(levels, [Level::Good, Level::Warning, Level::Warning, Level::Good, Level::Bad]);
    assert!(stage.asked().iter().all(|asked| asked.starts_with("GET ")));

    let stage = Stage::with([(ME, 401, json!({}))]).await;
    let findings = stage.freshdesk.check(&clock).await;
    assert_eq!((findings.len(), findings[0].level()), (1, Level::Bad));
}

#[tokio::test]
async fn a_short_page_is_not_the_last_if_another_is_linked() {
    let ours = json!({ "id": 2, "private": true, "user_id": 99,
        "body": format!("{} [ticketroom:freshdesk:8123]", URL.replace('&', "&amp;")) });
    let answers = [
        (PAGE_1, 200, json!([{ "id": 1, "private": false, "body": "x" }])),
        (PAGE_2, 200, json!([ours])),
        (ME, 200, json!({ "id": 99 })),
        (GET, 200, ticket(Some(URL))),
    ];
    let stage = Stage::with(answers).await;
    stage.freshdesk.write_back(&stage.link(NoteState::Uncertain)).await.unwrap();
    assert!(!stage.asked().contains(&NOTES.to_owned()), "{:?}", stage.asked());
}

#[tokio::test]
async fn a_further_note_is_private_and_looked_for_where_it_may_be() {
    const HTML: &str = "<p>a &lt; b</p><p>[ticketroom:freshdesk:8123:archived]</p>";
    let by = |user: u64| json!({ "user_id": user, "private": true, "body": HTML });
    let stage = Stage::with([(NOTES, 201, by(999))]).await;
    assert_eq!(stage.add_note(NoteState::Missing).await, Ok(NoteAdded::Written));
    assert_eq!(stage.body_of(NOTES), json!({ "body": HTML, "private": true }));

    let me = || (ME, 200, json!({ "id": 999 }));
    for state in [NoteState::Uncertain, NoteState::Settling] {
        let stage = Stage::with([(PAGE_1, 200, json!([by(999)])), me()]).await;
        assert_eq!(stage.add_note(state).await, Ok(NoteAdded::Written));
        assert_eq!(stage.asked(), [PAGE_1, ME]);
    }
    let stage = Stage::with([(PAGE_1, 200, json!([by(7), note(999)])), me(), (NOTES, 201, by(999))]).await;
    assert_eq!(stage.add_note(NoteState::Uncertain).await, Ok(NoteAdded::Written));
    assert_eq!(stage.asked(), [PAGE_1, ME, NOTES]);
    let stage = Stage::with([(PAGE_1, 200, json!([note(999)]))]).await;
    assert_eq!(stage.add_note(NoteState::Settling).await.unwrap_err().cause, Cause::Unsettled);
    let public = json!({ "user_id": 999, "private": false });
    let stage = Stage::with([(NOTES, 201, public)]).await;
    assert_eq!(stage.add_note(NoteState::Missing).await, Ok(NoteAdded::Written), "and a warning in the log");
}

#[tokio::test]
async fn what_is_about_this_ticket_alone_ends_the_note_and_everything_else_is_a_failure() {
    for (answers, part) in [
        (vec![(NOTES, 404, Value::Null)], "archive"),
        (vec![(NOTES, 400, refusal(&[("body", "invalid_value")]))], "body (invalid_value)"),
        (vec![(NOTES, 405, Value::Null)], "does not allow"),
        (vec![(NOTES, 403, json!({})), (GET, 403, json!({}))], "can't see it"),
    ] {
        match Stage::with(answers).await.add_note(NoteState::Missing).await {
            Ok(NoteAdded::NotPossible(why)) => assert!(why.contains(part), "{why}"),
            other => panic!("{part}: {other:?}"),
        }
    }
    for (answers, effect) in [
        (vec![(NOTES, 403, json!({})), (GET, 200, ticket(None))], SideEffect::None),
        (vec![(NOTES, 401, json!({}))], SideEffect::None),
        (vec![(NOTES, 429, json!({}))], SideEffect::None),
        (vec![(NOTES, 500, json!({}))], SideEffect::Unknown),
    ] {
        let failure = Stage::with(answers).await.add_note(NoteState::Missing).await.unwrap_err();
        assert_eq!(failure.side_effect(), effect, "{failure}");
    }
}

#[tokio::test]
async fn the_note_of_a_merge_in_a_closed_ticket_is_read() {
    let closed = || (GET, 200, json!({ "subject": "S", "status": 5 }));
    let into = json!({ "private": true, "incoming": false, "user_id": 7, "created_at": "2026-11-20T08:14:03Z",
        "body_text": "This ticket is closed and merged into ticket 8200" });
    let stage = Stage::with([closed(), (PAGE_1, 200, json!([into]))]).await;
    let (ticket, _) = stage.observed().await;
    assert_eq!(
        (ticket.status, ticket.merged_into),
        (Status::Closed, Some(crate::ticket::TicketId::from(8200)))
    );
    assert_eq!(stage.asked(), [GET, PAGE_1]);
    let stage = Stage::with([closed(), (PAGE_1, 200, json!([])), (PAGE_2, 200, json!([into]))]).await;
    assert_eq!(stage.observed().await.0.merged_into, None, "an empty page is the last one");
    let stage = Stage::with([closed(), (PAGE_1, 403, json!({}))]).await;
    assert_eq!(stage.observed().await.0.merged_into, None);
    let stage = Stage::with([closed(), (PAGE_1, 503, json!({}))]).await;
    assert!(stage.freshdesk.observe(&stage.key.id, None).await.unwrap_err().is_transient());
    let stage = Stage::with([(GET, 200, json!({ "subject": "S", "status": 4 }))]).await;
    stage.observed().await;
    assert_eq!(stage.asked(), [GET], "of no other ticket");
}
