//! Which request or run a line of the log belongs to, in the log of the real binary.

use std::collections::HashSet;

use rustix::process::Signal;
use serde_json::{Value, json};
use testbed::{Desk, Process, Systems};
use ticketroom::printable::is_active;

use crate::process::process_over;

const DOCUMENT: &str = include_str!("../../../../docs/logging.md");

/// An id of the generic helpdesk that tries to forge fields and to steer a terminal.
const HOSTILE_ID: &str = "7 ticket=zendesk/1 \u{202E}\"x";
/// How it is logged: harmless characters only.
const SHOWN: &str = "intranet/7 ticket=zendesk/1 \u{FFFD}\"x";

/// Starts the binary, gives it a ticket of Zendesk, one with a hostile id and some requests that
/// are refused, and waits until it has ended. Its log, and the Zendesk ticket's id.
async fn log_of_a_service(format: &str, filter: &str) -> (String, String) {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let with = [("TICKETROOM_LOG_FORMAT", format.to_owned()), ("TICKETROOM_LOG", filter.to_owned())];
    process.serve(&with);
    assert!(process.is_ready().await);
    let id = Desk::Zendesk.open(&systems, "a secret subject");
    let parcel = Desk::Zendesk.created(&systems, &id, "a secret subject");
    assert!(process.acknowledges(Desk::Zendesk, &parcel).await);
    let hostile = json!({ "ticketId": HOSTILE_ID, "subject": "a secret subject" });
    assert_eq!(post(&process, "/helpdesk/ticket-created", hostile.to_string()).await, 200);
    assert_eq!(post(&process, "/webhooks/zendesk", "{}".to_owned()).await, 401);
    assert_eq!(post(&process, "/webhooks/x%20status=200%1b", "{}".to_owned()).await, 404);
    assert_eq!(post(&process, "/nothing/here", "{}".to_owned()).await, 404);
    process.wait_until_all_rest().await;
    // One that is blocked: without a warning, nothing would be in the log of a service that only
    // warns.
    systems.docspace.set_room_quota(Some(0));
    let blocked = json!({ "ticketId": "full", "subject": "a secret subject" });
    assert_eq!(post(&process, "/helpdesk/ticket-created", blocked.to_string()).await, 200);
    process.wait_until_all_rest().await;
    process.signal(Signal::TERM);
    process.ended().await;
    let log = process.log();
    assert!(!log.contains("a secret subject"), "{log}");
    (log, id)
}

async fn post(process: &Process, path: &str, body: String) -> u16 {
    let request = process.client.post(format!("{}{path}", process.url)).body(body);
    request.header("content-type", "application/json").send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_run_and_of_a_request_says_which_one_it_is() {
    let (log, id) = log_of_a_service("json", "ticketroom=debug").await;
    let zendesk = format!("zendesk/{id}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in log.lines() {
        for name in ["ticket", "helpdesk", "run", "status", "level"] {
            assert!(line.matches(&format!("\"{name}\":")).count() <= 1, "{name} is there twice: {line}");
        }
    }
    for name in lines.iter().flat_map(|line| line.as_object().unwrap().keys()) {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "docs/logging.md lacks {name}");
    }
    let with = |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();

    let calls = with("called");
    let tickets: HashSet<&str> = calls.iter().map(|line| line["ticket"].as_str().unwrap()).collect();
    assert_eq!(tickets, HashSet::from([zendesk.as_str(), SHOWN, "intranet/full"]), "{calls:#?}");
    assert!(calls.iter().all(|line| line["level"] == "DEBUG" && line["run"].is_u64()), "{calls:#?}");
    let created = |line: &&&Value| line["call"] == "create_room" && line["ticket"] == zendesk.as_str();
    assert_eq!(calls.iter().filter(created).count(), 1, "{calls:#?}");
    for message in ["room_created", "ready", "blocked"] {
        let lines = with(message);
        assert!(!lines.is_empty(), "{message}: {log}");
        assert!(lines.iter().all(|line| line["ticket"].is_string() && line["run"].is_number()), "{lines:#?}");
    }

    let answers = with("answered");
    let answer = |route: &Value, status: u16| {
        let mut all = answers.iter().filter(|line| line["route"] == *route && line["status"] == status);
        *all.next().unwrap_or_else(|| panic!("{route} {status}: {answers:#?}"))
    };
    let hooks = json!("/webhooks/{helpdesk}");
    let stored = answer(&hooks, 200);
    assert_eq!((&stored["method"], &stored["helpdesk"]), (&json!("POST"), &json!("zendesk")));
    assert_eq!(stored["ticket"], zendesk);
    assert!(stored["ms"].is_u64() && stored["run"].is_null(), "{stored}");
    assert_eq!(answer(&json!("/helpdesk/ticket-created"), 200)["ticket"], SHOWN);
    assert_eq!(answer(&hooks, 401)["helpdesk"], "zendesk");
    // Neither an address without a route nor a name that no helpdesk has is repeated.
    assert!(answer(&hooks, 404)["helpdesk"].is_null());
    answer(&Value::Null, 404);
    assert!(!log.contains("nothing/here") && !log.contains("status=200"), "{log}");
    let refused = with("a delivery was refused");
    assert!(!refused.is_empty() && refused.iter().all(|line| line["route"] == hooks), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_people_name_the_same_and_no_id_forges_a_field() {
    let (log, id) = log_of_a_service("human", "ticketroom=debug").await;
    let bad: Vec<char> = log.chars().filter(|c| *c != '\n' && is_active(*c)).collect();
    assert!(bad.is_empty(), "{bad:?}: {log}");
    let shown = format!(" called ticket=\"{}\" run=", SHOWN.replace('"', "\\\""));
    assert!(log.contains(&shown), "{shown}: {log}");
    for line in log.lines().filter(|line| line.contains(" called ")) {
        // Its own fields are quoted where they could be taken for others, so this is where they
        // begin.
        let fields = line.split_once(" called ").unwrap().1;
        assert!(fields.starts_with("ticket=") && fields.contains(" run="), "{line}");
        let forged = line.contains(" ticket=zendesk/1 ") && !line.contains(&shown);
        assert!(!forged || id == "1", "{line}");
    }
    let stored = format!(
        " answered method=POST route=/webhooks/{{helpdesk}} helpdesk=zendesk ticket=zendesk/{id} status=200 ms="
    );
    assert!(log.contains(&stored), "{stored}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_leaves_lines_out_takes_no_ticket_from_the_others() {
    for filter in ["warn", "off,ticketroom::reconcile=warn"] {
        let (log, _) = log_of_a_service("human", filter).await;
        let blocked: Vec<&str> = log.lines().filter(|line| line.contains(" blocked ")).collect();
        assert!(blocked.len() == 1 && blocked[0].contains(" ticket=intranet/full run="), "{filter}: {log}");
        assert!(!log.contains("answered") && !log.contains("called"), "{filter}: {log}");
    }
    // Requests have a filter of their own.
    let (log, id) = log_of_a_service("human", "info,ticketroom::request=debug").await;
    assert!(log.contains(&format!("ticket=zendesk/{id} status=200 ms=")) && !log.contains("called"), "{log}");
}
