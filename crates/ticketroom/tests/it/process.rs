//! The real binary, run as a user or a supervisor would.

use std::process::Stdio;
use std::time::Duration;

use testbed::{Desk, PATIENCE, Process, Systems, free_port, wait_until};
use tokio::process::Command;

use crate::stores::TestStore;

/// The product's binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_ticketroom");

/// The binary over these systems and a store of its own, prepared and not started.
pub(crate) fn process_over(systems: &Systems) -> Process {
    let folder = tempfile::tempdir().unwrap();
    let store = TestStore::new(folder.path());
    Process::on_store(BINARY, systems, &store.url).keeping((store, folder))
}

/// The same over a store in a file, for what is about files.
pub(crate) fn process_over_a_file(systems: &Systems) -> Process {
    Process::new(BINARY, systems)
}

pub(crate) async fn run(command: &mut Command) -> (i32, String, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it goes on").unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_room_stops_nothing() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut serve = process.command(&["serve"]).stderr(full).stdout(Stdio::null()).spawn().unwrap();
    tokio::select! {
        ended = serve.wait() => panic!("{ended:?}"),
        ready = process.is_ready() => assert!(ready),
    }
    let id = Desk::Generic.open(&systems, "unheard");
    assert!(process.acknowledges(Desk::Generic, &Desk::Generic.created(&systems, &id, "unheard")).await);
    process.wait_until_all_rest().await;
    assert_eq!(systems.wrong_with_opened(Desk::Generic, &id), [""; 0]);
}

/// What a finding of `check --json` says is to be done.
fn help(findings: &str, what: &str) -> String {
    let findings: serde_json::Value = serde_json::from_str(findings).unwrap();
    let mut all = findings.as_array().unwrap().iter();
    let finding = all.find(|finding| finding["what"].as_str().unwrap().contains(what));
    finding.unwrap_or_else(|| panic!("{what}: {findings:#}"))["help"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_is_well_and_what_is_not() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let (status, out, err) = run(&mut process.command(&["check"])).await;
    assert_eq!(status, 0, "{out}\n{err}");
    for part in [
        "version 3.7.2",
        ", a DocSpace admin: ",
        "group “Support” exists",
        "helpdesk zendesk",
        "helpdesk intranet",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    systems.docspace.remove_group(systems.docspace.group("Support").unwrap());
    let (_, out, _) = run(&mut process.command(&["check", "--json"])).await;
    let missing = help(&out, "DocSpace has no group “Support”");
    assert!(missing.contains(".toml:") && missing.contains("did you mean “Support EMEA”?"), "{missing}");
    systems.docspace.set_service_user_kind(simulator::docspace::UserKind::User);
    systems.zendesk.revoke_client();
    let (status, out, _) = run(&mut process.command(&["check", "--json"])).await;
    assert_eq!(status, 1, "{out}");
    let findings: serde_json::Value = serde_json::from_str(&out).unwrap();
    let bad: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "error")
        .map(|finding| finding["about"].as_str().unwrap())
        .collect();
    assert!(bad.contains(&"DocSpace") && bad.contains(&"helpdesk zendesk"), "{findings:#}");
    help(&out, "a user without admin rights, and may not make rooms");
    assert_eq!(systems.docspace.counters().writes, 0, "check changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_is_no_docspace_and_what_speaks_http() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let file = process.folder().join("ticketroom.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    let plain = |url: String| url.trim_end_matches('/').to_owned();
    let docspace = plain(systems.docspace.url().to_string());
    let zendesk = plain(systems.zendesk.url().to_string());
    for (wrong, expected) in [
        (zendesk.clone(), "answers 401, which DocSpace never does here"),
        (docspace.replace("http://", "https://"), "it speaks http, not https, at port "),
    ] {
        std::fs::write(&file, right.replace(&docspace, &wrong)).unwrap();
        let (status, out, err) = run(&mut process.command(&["check"])).await;
        assert_eq!(status, 1, "{out}{err}");
        assert!(out.contains(expected), "{expected}: {out}{err}");
        assert_eq!(out.matches("  FAIL").count(), 1, "one mistake is one problem: {out}");
        assert!(out.ends_with("1 problem must be fixed\n"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_listed_shown_explained_and_retried_beside_a_running_serve() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let (status, _, err) = run(&mut process.command(&["tickets", "list"])).await;
    assert_eq!(status, 1);
    assert!(err.contains("has “ticketroom serve” run"), "{err}");
    process.serve(&[]);
    assert!(process.is_ready().await);
    let subject = "Tür \u{1b}[31m klemmt";
    let body = serde_json::json!({ "ticketId": "4711", "subject": subject });
    let request = process.client.post(format!("{}/helpdesk/ticket-created", process.url)).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), serde_json::json!({ "status": "ok" }));
    process.wait_until_all_rest().await;

    let (status, out, _) = run(&mut process.command(&["tickets", "list"])).await;
    assert_eq!(status, 0);
    assert!(out.contains("intranet/4711") && out.contains("ready"), "{out}");
    assert!(!out.contains('\u{1b}'), "a subject must not steer the terminal");
    let (_, out, _) =
        run(&mut process.command(&["tickets", "list", "klemmt", "--state", "ready", "--json"])).await;
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["id"], "4711");
    assert_eq!(listed[0]["subject"], subject);
    let (_, out, _) = run(&mut process.command(&["tickets", "show", "4711"])).await;
    assert!(out.contains("created room") && out.contains("put the link into the ticket"), "{out}");
    let (_, out, _) = run(&mut process.command(&["tickets", "explain", "intranet/4711"])).await;
    assert!(out.contains("template  default") && out.contains("Logs/Server"), "{out}");
    let writes = systems.docspace.counters().writes;
    let (status, _, _) = run(&mut process.command(&["tickets", "retry", "4711"])).await;
    assert_eq!(status, 0);
    process.wait_until_all_rest().await;
    assert_eq!(systems.docspace.counters().writes, writes, "all was well already");
    for what in ["archive", "reopen"] {
        let (status, _, err) = run(&mut process.command(&["tickets", what])).await;
        assert_eq!(status, 2, "{err}");
        let (status, out, _) = run(&mut process.command(&["tickets", what, "4711"])).await;
        assert_eq!(status, 0);
        assert!(out.contains("the room of intranet/4711 is going to be"), "{out}");
        // Those before one that is not known are asked for.
        let (status, out, err) = run(&mut process.command(&["tickets", what, "intranet/4711", "9999"])).await;
        assert_eq!(status, 1);
        assert!(out.contains("intranet/4711") && err.contains("9999"), "{out}{err}");
    }
    let (_, out, _) = run(&mut process.command(&["tickets", "show", "4711"])).await;
    for text in [
        "archive         somebody asked to archive the room",
        "reopen          somebody asked to restore the room",
    ] {
        assert_eq!(out.matches(text).count(), 2, "{out}");
    }
    let (status, _, err) = run(&mut process.command(&["tickets", "show", "9999"])).await;
    assert_eq!(status, 1);
    assert!(err.contains("9999"), "{err}");
    process.wait_until_all_rest().await;
    // How much of that a run has seen is left to chance; the last word counts.
    let counters = systems.docspace.counters();
    let moves = counters.of("archive_room") + counters.of("unarchive_room");
    assert_eq!(counters.writes, writes + moves);
    assert!(!systems.the_room_of("intranet:4711").archived);
    assert_eq!(systems.wrong_with_generic_ticket("4711"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_serve_at_a_time_on_a_file() {
    let systems = Systems::start().await;
    let mut process = process_over_a_file(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let mut second = process.command(&["serve"]);
    let config = std::fs::read_to_string(process.folder().join("ticketroom.toml")).unwrap();
    let other = config.replace(&process.url.replace("http://", ""), "127.0.0.1:0");
    std::fs::write(process.folder().join("second.toml"), other).unwrap();
    second.env("TICKETROOM_CONFIG", process.folder().join("second.toml"));
    let (status, _, err) = run(&mut second).await;
    assert_eq!(status, 1, "{err}");
    assert!(err.contains("another ticketroom is serving"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_parks_what_is_under_way() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    systems.docspace.set_latency(Duration::from_millis(100));
    let body = serde_json::json!({ "ticketId": "1", "subject": "in the middle" });
    process.client.post(format!("{}/helpdesk/ticket-created", process.url)).json(&body).send().await.unwrap();
    wait_until("the room is made", async || !systems.docspace.rooms().is_empty()).await;
    assert!(process.signal(rustix::process::Signal::TERM));
    assert!(process.ended().await.success(), "{}", process.log());
    assert!(process.log().contains("stopped"), "{}", process.log());
    process.serve(&[]);
    assert!(process.is_ready().await);
    process.wait_until_all_rest().await;
    assert_eq!(systems.wrong_with_generic_ticket("1"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_named_with_its_line() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let config = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("timeout =", "timeot =");
    let line = 1 + text.lines().position(|line| line.contains("timeot")).unwrap();
    std::fs::write(&config, text).unwrap();
    for command in [["serve"].as_slice(), &["check"], &["tickets", "list"]] {
        let (status, _, err) = run(&mut process.command(command)).await;
        assert_eq!(status, 2, "{err}");
        assert!(
            err.contains(&format!("ticketroom.toml:{line}: [docspace] has an unknown key “timeot”")),
            "{err}"
        );
    }
    let (status, _, err) = run(&mut process.command(&["serv"])).await;
    assert_eq!(status, 2, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_variables_are_enough() {
    let systems = Systems::start().await;
    let empty = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .args(["serve", "--log-format", "json"])
        .current_dir(empty.path())
        .env_clear()
        .kill_on_drop(true)
        .env("DOCSPACE_URL", systems.docspace.url().as_str())
        .env("DOCSPACE_API_KEY", systems.docspace.api_key())
        .env("TICKETROOM_LISTEN", format!("127.0.0.1:{port}"));
    let mut process = process_over_a_file(&systems);
    process.url = format!("http://127.0.0.1:{port}");
    process.start(serve);
    assert!(process.is_ready().await, "{}", process.log());
    let body = serde_json::json!({ "ticketId": "4711", "subject": "nothing configured" });
    process.client.post(format!("{}/helpdesk/ticket-created", process.url)).json(&body).send().await.unwrap();
    wait_until("the room has its folders", async || {
        systems.docspace.rooms().iter().any(|room| room.folders == ["Attachments", "Findings", "Logs"])
    })
    .await;
    assert_eq!(systems.the_room_of("generic:4711").title, "Ticket #4711 – nothing configured");
    let log = process.log_with("no [admin] token is configured").await;
    assert!(!log.contains("Bearer"), "{log}");
    assert!(!log.contains(&systems.docspace.api_key()) && !log.contains("nothing configured"), "{log}");
}
