//! The log of the real binary: bounded in rate and in memory, and harmless whatever others write
//! into tickets.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};
use testbed::{Desk, Process, Systems, wait_until};
use ticketroom::printable::is_active;

use crate::process::{process_over, run};

/// A pipe that nobody reads and that takes no more.
async fn full_pipe() -> (std::os::fd::OwnedFd, tokio::net::unix::pipe::Receiver) {
    let (sender, receiver) = tokio::net::unix::pipe::pipe().unwrap();
    sender.writable().await.unwrap();
    while sender.try_write(&[b'x'; 4096]).is_ok() {}
    (sender.into_blocking_fd().unwrap(), receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_delays_nothing() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let (stderr, _unread) = full_pipe().await;
    let mut serve = process.command(&["serve"]).stderr(stderr).stdout(Stdio::null()).spawn().unwrap();
    tokio::select! {
        ended = serve.wait() => panic!("{ended:?}"),
        ready = process.is_ready() => assert!(ready),
    }
    let id = Desk::Generic.open(&systems, "unheard");
    assert!(process.acknowledges(Desk::Generic, &Desk::Generic.created(&systems, &id, "unheard")).await);
    process.wait_until_all_rest().await;
    assert_eq!(systems.wrong_with_opened(Desk::Generic, &id), [""; 0]);
    let pid = rustix::process::Pid::from_raw(serve.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let ended = tokio::time::timeout(testbed::PATIENCE, serve.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_ends_though_nobody_reads_why() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let (stderr, _unread) = full_pipe().await;
    let mut show = process.command(&["tickets", "show", "1"]).stderr(stderr).spawn().unwrap();
    let ended = tokio::time::timeout(testbed::PATIENCE, show.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(1));
}

/// How many refusals the log has one by one, and how many it counts.
fn refusals(log: &str) -> (u64, u64) {
    let one_by_one = log.lines().filter(|line| line.contains("a delivery was refused")).count();
    let counted = log.lines().filter_map(|line| {
        let (_, count) = line
            .split_once("refused deliveries: more of them")
            .and_then(|_| line.split_once("suppressed="))?;
        count.split(' ').next()?.parse::<u64>().ok()
    });
    (one_by_one as u64, counted.sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_sampled_and_counted() {
    const SENT: u64 = 2000;
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let began = std::time::Instant::now();
    let senders = (0..20).map(|_| {
        let (client, url) = (process.client.clone(), format!("{}/webhooks/zendesk", process.url));
        tokio::spawn(async move {
            for _ in 0..SENT / 20 {
                assert_eq!(client.post(&url).body("{}").send().await.unwrap().status(), 401);
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let seconds = began.elapsed().as_secs() + 2;
    wait_until("all of them are in the log in one way or the other", async || {
        let (one_by_one, counted) = refusals(&process.log());
        one_by_one + counted == SENT
    })
    .await;
    let (one_by_one, _) = refusals(&process.log());
    assert!(one_by_one <= 10 * seconds, "{one_by_one} lines in {seconds} seconds");
}

/// Text that moves cursors, turns directions, begins lines and forges fields.
const HOSTILE: &str =
    "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{202E}\u{2066}\u{61C}\u{2028}\u{85}\r\nWARN forged state=ready \"";

fn harmless(what: &str, text: &str) {
    let bad: Vec<char> = text.chars().filter(|c| *c != '\n' && is_active(*c)).collect();
    assert!(bad.is_empty(), "{what} has {bad:?}: {text}");
}

async fn hostile_delivery(process: &Process, body: &Value) -> String {
    let request = process.client.post(format!("{}/helpdesk/ticket-created", process.url)).json(body);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_reaches_no_terminal_and_no_log() {
    // What may be in an id: no controls, but everything else.
    const ID: &str = "7 state=ready \u{202E}\u{2028}\u{61C}\"x";
    for format in ["human", "json"] {
        let systems = Systems::start().await;
        let mut process = process_over(&systems);
        process.serve(&[
            ("TICKETROOM_LOG_FORMAT", format.to_owned()),
            ("TICKETROOM_LOG", "ticketroom=debug".to_owned()),
        ]);
        assert!(process.is_ready().await);
        let field = format!("{HOSTILE}{}", "f".repeat(200_000));
        let answers = [
            hostile_delivery(
                &process,
                &json!({ "ticketId": ID, "subject": HOSTILE, "event": HOSTILE, "fields": { field: HOSTILE },
                    "assignee": { "email": format!("{HOSTILE}@example.com"), "name": HOSTILE } }),
            )
            .await,
            hostile_delivery(&process, &json!({ "ticketId": HOSTILE, "subject": HOSTILE })).await,
            hostile_delivery(&process, &json!({ "ticketId": { HOSTILE: 1 }, "subject": HOSTILE })).await,
        ];
        for answer in &answers {
            harmless("an answer", answer);
        }
        process.wait_until_all_rest().await;
        for command in [
            ["tickets", "list"].as_slice(),
            &["tickets", "list", "--json"],
            &["tickets", "show", ID],
            &["tickets", "show", ID, "--json"],
            &["tickets", "explain", ID],
            &["tickets", "explain", ID, "--json"],
            &["tickets", "show", HOSTILE],
        ] {
            let (_, out, err) = run(&mut process.command(command)).await;
            harmless(&format!("{command:?}"), &out);
            harmless(&format!("{command:?}"), &err);
        }
        let (_, out, _) = run(&mut process.command(&["tickets", "show", ID, "--json"])).await;
        let shown: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(shown["subject"], HOSTILE, "JSON says all of it");
        process.signal(Signal::TERM);
        process.ended().await;
        let log = process.log();
        harmless("the log", &log);
        for line in log.lines().filter(|line| !line.starts_with("no [admin] token")) {
            assert!(line.len() < 5000, "{line}");
            if format == "json" {
                let line: Value = serde_json::from_str(line).unwrap();
                assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
            } else {
                assert!(line.starts_with("20"), "no line begins but with its time: {line}");
                assert!(!line.contains(" ticket=intranet/7 state"), "a forged field: {line}");
            }
        }
        assert!(log.contains("7 state=ready"), "the ticket is in the log: {log}");
    }
}
