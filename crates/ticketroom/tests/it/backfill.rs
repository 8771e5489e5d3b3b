//! Backfills: tickets that were there before get their rooms, once, behind all others.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{ADMIN_TOKEN, Desk, Process, Systems, wait_until, wait_until_every};
use ticketroom::clock::{Clock, SystemClock};

use crate::process::{process_over, run};

const DESK: Desk = Desk::Zendesk;
const DAY: i64 = 24 * 3600;

/// So many days ago, and some seconds later.
fn ago(days: i64, seconds: i64) -> Timestamp {
    Timestamp::from_second(SystemClock.now().as_second() - days * DAY + seconds).unwrap()
}

fn import(systems: &Systems, count: i64, days: i64) -> Vec<String> {
    DESK.import(systems, (0..count).map(|number| (format!("old {number}"), ago(days, number))))
}

/// Changes the configuration's file before the start.
fn edit(process: &Process, from: &str, to: &str) {
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
}

async fn started(process: &mut Process) {
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
}

/// What the command says as JSON.
async fn said(process: &Process, arguments: &[&str]) -> Value {
    let (status, out, err) = run(&mut process.command(arguments)).await;
    assert_eq!(status, 0, "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

async fn api(process: &Process, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request =
        process.client.request(method, format!("{}{path}", process.url)).bearer_auth(ADMIN_TOKEN);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn begin(process: &Process, since: Timestamp) -> String {
    let body = json!({ "helpdesk": "zendesk", "since": since.to_string() });
    let (status, view) = api(process, reqwest::Method::POST, "/api/v1/backfills", Some(body)).await;
    assert_eq!((status, &view["state"]), (201, &json!("running")), "{view:#}");
    view["id"].as_str().unwrap().to_owned()
}

async fn ask(process: &Process, id: &str, what: &str) -> (u16, Value) {
    api(process, reqwest::Method::POST, &format!("/api/v1/backfills/{id}/{what}"), None).await
}

/// A backfill as the API shows it.
async fn view(process: &Process, id: &str) -> Value {
    let (_, all) = api(process, reqwest::Method::GET, "/api/v1/backfills", None).await;
    let all = all["backfills"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["id"] == id).unwrap()
}

async fn until_it_is(process: &Process, id: &str, state: &str) -> Value {
    wait_until_every(Duration::from_millis(100), state, async || view(process, id).await["state"] == state)
        .await;
    view(process, id).await
}

fn number(view: &Value, name: &str) -> u64 {
    view[name].as_u64().unwrap_or_else(|| panic!("{name}: {view:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_what_the_backfill_then_does_without_notes_and_twice_is_once() {
    let systems = Systems::start().await;
    let old = import(&systems, 5, 40);
    let ids = import(&systems, 12, 10);
    let mut process = process_over(&systems);
    edit(
        &process,
        "[template.default]",
        "[[rule]]\nname = \"none of these\"\nwhen = \"ticket.subject == 'old 3'\"\nskip = true\n[template.default]",
    );
    started(&mut process).await;
    let since = ago(20, 0).to_string();
    let arguments = ["backfill", "zendesk", "--since", &since, "--where", "ticket.subject != 'old 4'"];
    let with = |more: &[&'static str]| -> Vec<&str> {
        arguments.iter().copied().chain(more.iter().copied()).collect()
    };
    let planned = said(&process, &with(&["--plan", "--json"])).await;
    let plan = &planned["plan"];
    assert_eq!(planned["backfill"], Value::Null);
    let figures =
        ["listed", "known", "observed", "matching", "rooms", "writes"].map(|name| number(plan, name));
    assert_eq!(figures, [12, 0, 12, 11, 10, 30], "{plan:#}");
    assert_eq!((&plan["extrapolated"], &plan["first"][0]["subject"]), (&json!(false), &json!("old 0")));
    assert_eq!(plan["first"][3]["why_none"], "rule: none of these");
    assert_eq!(systems.docspace.counters().writes, 0, "a plan changes nothing");

    let (status, _, err) = run(&mut process.command(&with(&[]))).await;
    assert!(status == 2 && err.contains("--yes"), "nobody is there to be asked: {err}");
    let begun = said(&process, &with(&["--yes", "--no-note", "--json"])).await;
    let id = begun["backfill"]["id"].as_str().unwrap();
    let done = until_it_is(&process, id, "done").await;
    let names = ["listed", "left_out", "taken_in", "ready", "without_room", "open", "expected"];
    assert_eq!(names.map(|name| number(&done, name)), [12, 1, 11, 10, 1, 0, 11], "{done:#}");
    for (place, ticket) in ids.iter().enumerate() {
        let tag = format!("zendesk:{ticket}");
        let rooms = systems.rooms_of(&tag);
        let expected = usize::from(place != 3 && place != 4);
        assert_eq!(rooms.len(), expected, "{tag}");
        assert_eq!(DESK.notes(&systems, ticket), (0, 0), "no note is wanted");
        assert_eq!(DESK.links(&systems, ticket).len(), expected, "the field has the link");
    }
    for ticket in &old {
        assert_eq!(systems.rooms_of(&format!("zendesk:{ticket}")).len(), 0, "it was made before");
    }

    let writes = systems.docspace.counters().writes;
    let again = said(&process, &with(&["--yes", "--json"])).await;
    // What has just got its link has changed a moment ago, which Zendesk's list does not have yet.
    assert_eq!(number(&again["plan"], "matching"), 0);
    let done = until_it_is(&process, again["backfill"]["id"].as_str().unwrap(), "done").await;
    assert_eq!(number(&done, "taken_in"), 0);
    assert_eq!(systems.docspace.counters().writes, writes, "twice is once");
    let (_, out, _) = run(&mut process.command(&["backfill", "list"])).await;
    assert!(out.contains("done  zendesk") && out.contains("10 ready"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_is_killed_goes_on_and_live_tickets_go_first() {
    let systems = Systems::start().await;
    let ids = import(&systems, 300, 10);
    let mut process = process_over(&systems);
    started(&mut process).await;
    let id = begin(&process, ago(20, 0)).await;
    let rested = async |process: &Process| number(&view(process, &id).await, "ready");
    wait_until("some are ready", async || rested(&process).await >= 10).await;
    process.kill().await;
    started(&mut process).await;
    wait_until("it goes on", async || rested(&process).await >= 30).await;

    let live = DESK.open(&systems, "live");
    assert!(process.acknowledges(DESK, &DESK.created(&systems, &live, "live")).await);
    wait_until("the live one has its room", async || systems.wrong_with_opened(DESK, &live).is_empty()).await;
    let now = view(&process, &id).await;
    assert!(number(&now, "ready") < 300, "it did not wait for them: {now:#}");
    assert!(number(&now, "open") <= 200, "{now:#}");

    let done = until_it_is(&process, &id, "done").await;
    assert_eq!(["taken_in", "ready"].map(|name| number(&done, name)), [300, 300], "{done:#}");
    let all: Vec<(Desk, String)> = ids.into_iter().map(|ticket| (DESK, ticket)).collect();
    let wrong: Vec<String> = systems.wrong_with_each_opened(&all).into_iter().flatten().collect();
    assert_eq!(wrong, [""; 0]);
    assert_eq!(systems.docspace.rooms().len(), 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_paused_resumed_and_cancelled() {
    let systems = Systems::start().await;
    let ids = import(&systems, 600, 10);
    let mut process = process_over(&systems);
    started(&mut process).await;
    let id = begin(&process, ago(20, 0)).await;
    wait_until("some are taken in", async || number(&view(&process, &id).await, "taken_in") > 0).await;
    let (status, paused) = ask(&process, &id, "pause").await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    let taken_in = number(&paused, "taken_in");
    wait_until_every(Duration::from_millis(100), "those that were taken in are ready", async || {
        number(&view(&process, &id).await, "open") == 0
    })
    .await;
    let now = view(&process, &id).await;
    assert_eq!((number(&now, "taken_in"), &now["state"]), (taken_in, &json!("paused")), "nothing more");
    assert!(taken_in <= 250, "{taken_in}");

    let (_, out, _) = run(&mut process.command(&["backfill", "resume"])).await;
    assert!(out.contains("goes on"), "{out}");
    wait_until("more are taken in", async || number(&view(&process, &id).await, "taken_in") > taken_in).await;
    let (status, cancelled) = ask(&process, &id, "cancel").await;
    assert_eq!((status, &cancelled["state"]), (200, &json!("cancelled")));
    let taken_in = number(&cancelled, "taken_in");
    process.wait_until_all_rest().await;
    assert!(taken_in < 600, "{taken_in}");
    assert_eq!(systems.docspace.rooms().len() as u64, taken_in, "those that were taken in, and no more");
    assert!(ids.len() == 600);
    let (status, refusal) = ask(&process, &id, "resume").await;
    assert_eq!((status, &refusal["code"]), (409, &json!("request.backfill.over")));
    let (status, refusal) = ask(&process, "00000000", "pause").await;
    assert_eq!((status, &refusal["code"]), (404, &json!("request.backfill.unknown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_kept_for_tickets_that_come_in() {
    let systems = Systems::start().await;
    import(&systems, 40, 10);
    let mut process = process_over(&systems);
    edit(&process, "writes_per_day = 1000000", "writes_per_day = 120\nfolder_skeleton = false");
    edit(&process, "[admin]", "[backfill]\nreserve = 80\n[admin]");
    started(&mut process).await;
    let id = begin(&process, ago(20, 0)).await;
    wait_until_every(Duration::from_millis(100), "it says what it waits for", async || {
        let view = view(&process, &id).await;
        view["reason"].as_str().is_some_and(|reason| reason.contains("kept for tickets that come in"))
    })
    .await;
    let writes = systems.docspace.counters().writes;
    assert!(writes <= 40, "{writes} of 120, and 80 are kept");
    let now = view(&process, &id).await;
    assert_eq!((&now["state"], number(&now, "blocked")), (&json!("running"), 0), "{now:#}");
    let live = DESK.open(&systems, "live");
    assert!(process.acknowledges(DESK, &DESK.created(&systems, &live, "live")).await);
    wait_until("the live one has its room", async || systems.wrong_with_opened(DESK, &live).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_meant_is_refused() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    started(&mut process).await;
    for (arguments, expected) in [
        (vec!["nobody", "--since", "2026-01-01"], "there is no helpdesk “nobody”"),
        (vec!["zendesk", "--since", "soon"], "“since” is no date"),
        (vec!["zendesk", "--since", "2026-01-02", "--until", "2026-01-01"], "is not after “since”"),
        (
            vec!["zendesk", "--since", "2026-01-01", "--where", "ticket.priorty == 'x'"],
            "did you mean ticket.priority?",
        ),
        (vec!["zendesk"], "--since"),
    ] {
        let all: Vec<&str> = ["backfill"].into_iter().chain(arguments).chain(["--plan"]).collect();
        let (status, out, err) = run(&mut process.command(&all)).await;
        assert!(status == 2 && err.contains(expected), "{all:?}: {out}{err}");
    }
    for (body, status, code) in [
        (json!({ "helpdesk": "zendesk" }), 400, "request.backfill.body-invalid"),
        (json!({ "helpdesk": "nobody", "since": "2026-01-01" }), 422, "request.backfill.helpdesk-unknown"),
        (json!({ "helpdesk": "zendesk", "since": "x" }), 422, "request.backfill.choice-invalid"),
        (
            json!({ "helpdesk": "zendesk", "since": "2026-01-01", "where": "(" }),
            422,
            "request.backfill.choice-invalid",
        ),
    ] {
        let answer = api(&process, reqwest::Method::POST, "/api/v1/backfills", Some(body)).await;
        assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{:#}", answer.1);
    }
    let (_, out, _) = run(&mut process.command(&["backfill", "list"])).await;
    assert!(out.contains("no backfill was begun yet"), "{out}");
}
