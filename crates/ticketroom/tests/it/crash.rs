//! The real binary is killed before and after every outside call and every commit, and at random
//! under load. After a restart, every ticket that was acknowledged has exactly one room, each
//! folder once, and one note.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use testbed::{Desk, Process, Systems, wait_until};

use crate::process::{BINARY, process_over, process_over_a_file};

const SUBJECT: &str = "killed";

/// Sends what a helpdesk says of a new ticket, once. `true` if it was acknowledged.
async fn send(process: &Process, systems: &Systems, desk: Desk, id: &str) -> bool {
    process.acknowledges(desk, &desk.created(systems, id, SUBJECT)).await
}

/// One ticket of every kind of helpdesk.
fn one_of_each(systems: &Systems) -> Vec<(Desk, String)> {
    Desk::ALL.map(|desk| (desk, desk.open(systems, SUBJECT))).into()
}

/// Runs these tickets through one undisturbed process and returns the places that it passed.
async fn places() -> BTreeSet<String> {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let log = process.folder().join("places");
    process.serve(&[("TICKETROOM_FAULT_LOG", log.display().to_string())]);
    assert!(process.is_ready().await, "{}", process.log());
    for (desk, id) in one_of_each(&systems) {
        assert!(send(&process, &systems, desk, &id).await);
    }
    process.wait_until_all_rest().await;
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Kills the process at a place; `Err` says what went wrong.
async fn killed_at(place: String) -> Result<(), String> {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[("TICKETROOM_KILL_AT", place.clone())]);
    let tickets = one_of_each(&systems);
    let mut unacknowledged = tickets.clone();
    if process.is_ready().await {
        for (desk, id) in &tickets {
            if send(&process, &systems, *desk, id).await {
                unacknowledged.retain(|(_, other)| other != id);
            }
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !process.has_ended() {
            if std::time::Instant::now() > deadline {
                return Err(format!("{place}: was not reached"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    process.serve(&[]);
    if !process.is_ready().await {
        return Err(format!("{place}: does not start again: {}", process.log()));
    }
    // A helpdesk sends again what was not acknowledged.
    for (desk, id) in &unacknowledged {
        if !send(&process, &systems, *desk, id).await {
            return Err(format!("{place}: not taken after the restart"));
        }
    }
    process.wait_until_all_rest().await;
    let mut wrong: Vec<String> =
        tickets.iter().flat_map(|(desk, id)| systems.wrong_with_opened(*desk, id)).collect();
    let rooms = systems.docspace.rooms().len();
    if rooms != tickets.len() {
        wrong.push(format!("{rooms} rooms"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{place}: {}", wrong.join("; "))) }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_every_call_and_every_commit() {
    let places = places().await;
    for part in [
        "DocSpace.create_room:before",
        "DocSpace.create_room:after",
        "Store.accept:after",
        "Zendesk.update_ticket:after",
        "Freshdesk.create_note:after",
        "Freshdesk.update_ticket:before",
        "Jira.create_comment:after",
        "Jira.put_remote_link:before",
        "callback.callback:after",
    ] {
        assert!(places.contains(part), "{part} is not among {places:#?}");
    }
    assert!(places.len() > 45, "{places:#?}");
    let results: Vec<_> =
        futures_util::stream::iter(places).map(killed_at).buffer_unordered(6).collect().await;
    let wrong: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_under_load() {
    let seed = 4711;
    let mut chance = fastrand::Rng::with_seed(seed);
    let systems = Systems::start().await;
    systems.docspace.set_latency(Duration::from_millis(10));
    let mut process = process_over(&systems);
    let mut open: Vec<(Desk, String)> = (0..20).flat_map(|_| one_of_each(&systems)).collect();
    let all = open.clone();
    let mut kills = 0;
    while kills < 12 || !open.is_empty() {
        process.serve(&[]);
        assert!(process.is_ready().await, "{}", process.log());
        let until = std::time::Instant::now() + Duration::from_millis(chance.u64(20..400));
        while std::time::Instant::now() < until {
            match open.pop() {
                Some((desk, id)) if send(&process, &systems, desk, &id).await => {}
                Some(ticket) => open.push(ticket),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        process.kill().await;
        kills += 1;
    }
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    process.wait_until_all_rest().await;
    let wrong: Vec<String> = all.iter().flat_map(|(desk, id)| systems.wrong_with_opened(*desk, id)).collect();
    assert_eq!(wrong, [""; 0], "seed {seed}, {kills} kills");
    assert_eq!(systems.docspace.rooms().len(), all.len(), "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_that_is_lost() {
    let systems = Systems::start().await;
    // The worker has to wait, so that only deliveries are written.
    systems.docspace.set_down(true);
    let mut process = process_over_a_file(&systems);
    // No file may grow beyond 600 KiB: for SQLite, that is a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 600; exec '{BINARY}' serve");
    let shell = process.command_of("bash", &["-c", &script]);
    process.start(shell);
    assert!(process.is_ready().await, "{}", process.log());
    let mut acknowledged = Vec::new();
    let mut refused = None;
    for number in 0..2000 {
        let body = serde_json::json!({ "ticketId": number.to_string(), "subject": "full" });
        let request = process.client.post(format!("{}/helpdesk/ticket-created", process.url)).json(&body);
        let answer = request.send().await.unwrap();
        if answer.status() == 200 {
            acknowledged.push(number.to_string());
        } else {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the disk never got full");
    assert_eq!(refused.status(), 503);
    let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait < 60, "Zendesk comes again only below 60 seconds");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    // Readiness is tried once a second.
    wait_until("readiness says so", async || {
        let ready = process.client.get(format!("{}/readyz", process.url)).send().await.unwrap();
        ready.status() == 503
    })
    .await;
    assert!(!acknowledged.is_empty());
    process.kill().await;
    systems.docspace.set_down(false);
    process.serve(&[]);
    assert!(process.is_ready().await, "{}", process.log());
    wait_until("every acknowledged ticket has its room", async || {
        acknowledged
            .iter()
            .all(|id| systems.docspace.rooms().iter().any(|room| room.tags == [format!("intranet:{id}")]))
    })
    .await;
}
