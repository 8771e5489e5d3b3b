//! `ticketroom demo`, as somebody who tries the product runs it: what it shows, that its links
//! open, and that it leaves nothing behind however it ends.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal};
use testbed::{PATIENCE, wait_until};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::process::{BINARY, run};

/// A demo whose temporary files go into `folder`.
fn demo(folder: &Path, arguments: &[&str]) -> Command {
    let mut demo = Command::new(BINARY);
    demo.arg("demo").args(arguments).current_dir(folder).env_clear().env("TMPDIR", folder);
    demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    demo
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// The service that a demo has started, as the system knows it.
fn services_of(demo: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{demo}/task/{demo}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn lives(id: u32) -> bool {
    // A process that nobody has waited for yet is dead all the same.
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_one_room_for_each_ticket_that_has_followed_its_life() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, err) = run(&mut demo(folder.path(), &["--once"])).await;
    assert_eq!(status, 0, "{out}\n{err}");
    for part in [
        "14 rooms: one for each ticket",
        "New rooms: 0. New writes to DocSpace: 0.",
        "DocSpace did not answer “create room”",
        "got SIGKILL",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(out.matches("found room").count(), 2, "after the lost answer and after the kill: {out}");
    for (what, times) in [
        ("renamed the room", 4),
        ("revoked access of assignee anna.ag", 4),
        ("added a note: 2 events in the room", 4),
        ("archived the room: the ticket is solved", 4),
        ("restored the room: the ticket is open", 4),
        ("archived the room: the ticket was merged into", 1),
        ("archived the room: the ticket was deleted", 1),
        ("(its room is archived)", 2),
    ] {
        assert_eq!(out.matches(what).count(), times, "{what}: {out}");
    }
    assert!(!out.contains('\u{1b}'), "colours are for terminals: {out}");
    let wide: Vec<&str> = out.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert_eq!(left(folder.path()), [""; 0]);
}

/// A demo that has come to its end and goes on, its output, and the first link that it shows.
async fn until_it_waits(folder: &Path) -> (Child, BufReader<tokio::process::ChildStdout>, String) {
    let mut demo = demo(folder, &[]).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let mut link = None;
    let reading = async {
        let mut line = String::new();
        while out.read_line(&mut line).await.unwrap() > 0 && !line.contains("The demo runs until") {
            if line.contains("/filter?folder=") && line.trim_start().starts_with("http") {
                link.get_or_insert_with(|| line.trim().to_owned());
            }
            line.clear();
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    (demo, out, link.expect("it shows links"))
}

#[tokio::test(flavor = "multi_thread")]
async fn its_links_open_and_it_leaves_nothing_behind_however_it_ends() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let (mut demo, _out, link) = until_it_waits(folder.path()).await;
        // Whichever test of this binary runs first has to do it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let page = reqwest::get(&link).await.unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(
            page.contains("<h2>Folders</h2>") && page.contains("Findings") && page.contains("Support"),
            "{page}"
        );
        let docspace = reqwest::Url::parse(&link).unwrap();
        assert_eq!(inject(&docspace).await, 404, "nobody else can disturb the demo");
        let services = services_of(demo.id().unwrap());
        assert_eq!(services.len(), 1);
        let pid = Pid::from_raw(demo.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let ended = tokio::time::timeout(PATIENCE, demo.wait()).await.expect("it ends").unwrap();
        assert!(ended.success(), "{signal:?}: {ended:?}");
        assert!(services.iter().all(|id| !lives(*id)), "{signal:?}: the service goes on");
        assert_eq!(left(folder.path()), [""; 0], "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(folder.path(), &[]).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    out.read_line(&mut String::new()).await.unwrap();
    drop(out);
    tokio::time::timeout(PATIENCE, demo.wait()).await.expect("it ends").unwrap();
    assert_eq!(left(folder.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_no_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, _out, _) = until_it_waits(folder.path()).await;
    let services = services_of(demo.id().unwrap());
    demo.kill().await.unwrap();
    wait_until("the service has ended", async || services.iter().all(|id| !lives(*id))).await;
}

/// The status of a call that would lose the answer to the next new room.
async fn inject(docspace: &reqwest::Url) -> u16 {
    let fault = serde_json::json!({ "call": { "named": "create_room" }, "kind": "answer_lost" });
    let faults = docspace.join("/_simulator/faults").unwrap();
    reqwest::Client::new().post(faults).json(&fault).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn simulate_takes_faults_only_if_it_is_asked_to() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (arguments, status) in [([].as_slice(), 404), (["--fault-injection"].as_slice(), 204)] {
        let mut simulate = Command::new(BINARY);
        simulate.args(["simulate", "--listen", "127.0.0.1:0"]).args(arguments).env_clear();
        simulate.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut simulate = simulate.spawn().unwrap();
        let mut lines = BufReader::new(simulate.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let docspace = first.strip_prefix("DocSpace").unwrap().trim().parse().unwrap();
        assert_eq!(inject(&docspace).await, status, "{arguments:?}");
        simulate.kill().await.unwrap();
    }
}
