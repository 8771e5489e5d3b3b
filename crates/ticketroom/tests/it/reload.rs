//! The configuration is replaced while the service runs: by its API, by SIGHUP and by the command;
//! as a whole or not at all; and nothing is lost on the way.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use simulator::zendesk::NewTicket;
use testbed::{ADMIN_TOKEN, Desk, Process, Systems, wait_until};

use crate::process::{BINARY, process_over, run};
use crate::replicas::replicas;
use crate::stores::TestStore;
use crate::world::World;

/// What the test template calls rooms.
const TITLE: &str = "title = \"";

fn about(subject: &str) -> NewTicket {
    NewTicket::about(subject)
}

/// The titles of all rooms, as the portal has them.
fn titles(systems: &Systems) -> Vec<String> {
    let mut titles: Vec<String> = systems.docspace.rooms().into_iter().map(|room| room.title).collect();
    titles.sort();
    titles
}

#[tokio::test(flavor = "multi_thread")]
async fn another_title_is_in_force_at_once_and_a_bad_one_changes_nothing() {
    let world = World::new().await;
    world.open(about("first")).await;
    world.wait_until_all_rest().await;
    world.edit(&[(TITLE, "title = \"New: ")]);
    let done = world.reload().await;
    assert_eq!(done["changed"], json!(["template “default” changed"]), "{done:#}");
    assert_eq!(done["needs_restart"], json!([]), "{done:#}");
    world.open(about("second")).await;
    world.wait_until_all_rest().await;
    let new = |titles: &[String]| titles.iter().filter(|title| title.starts_with("New_ ")).count();
    assert_eq!(new(&titles(&world.systems)), 1, "{:?}", titles(&world.systems));

    world.edit(&[("title = \"New: ", "titel = \"Bad: ")]);
    let answer = world.ask_to_reload().await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    let problems = problem["problems"].as_array().unwrap();
    let unknown =
        problems.iter().find(|one| one["message"].as_str().unwrap().contains("unknown key “titel”"));
    let unknown = unknown.unwrap_or_else(|| panic!("{problem:#}"));
    assert_eq!(unknown["file"], "test.toml");
    assert!(unknown["line"].is_u64() && unknown["help"] == "did you mean “title”?", "{problem:#}");
    world.open(about("third")).await;
    world.wait_until_all_rest().await;
    assert_eq!(new(&titles(&world.systems)), 2, "the one from before is in force");

    // Again the same file as before: nothing differs.
    world.edit(&[("titel = \"Bad: ", "title = \"New: ")]);
    assert_eq!(world.reload().await["changed"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_configuration_that_it_began_with() {
    let world = World::new().await;
    // While the ticket is read, everything is replaced.
    world.systems.zendesk.set_latency_of("get_ticket", Duration::from_millis(700));
    let id = world.open_in(Desk::Zendesk, "under way").await;
    wait_until("the run has begun", async || world.systems.zendesk.counters().of("get_ticket") > 0).await;
    world.edit(&[(TITLE, "title = \"New: "), ("folders = [", "folders = [\"New\", ")]);
    let done = world.reload().await;
    assert_eq!(done["changed"], json!(["template “default” changed"]), "{done:#}");
    world.systems.zendesk.set_latency_of("get_ticket", Duration::ZERO);
    world.wait_until_all_rest().await;
    let view = world.ticket(&format!("zendesk/{id}")).await;
    assert_eq!(view["state"], "ready", "{view:#}");
    let room = world.systems.docspace.rooms().pop().unwrap();
    assert!(!room.title.starts_with("New"), "{}", room.title);
    assert!(!room.folders.iter().any(|folder| folder == "New"), "{:?}", room.folders);
    assert_eq!(world.systems.wrong_with_opened(Desk::Zendesk, &id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_a_run_of_before_blocks_is_tried_again() {
    let world = World::new().await;
    let file = world.file();
    let right = file.lines().find(|line| line.starts_with("api_key = ")).unwrap();
    let wrong = "api_key = \"sk-wrong\"";
    world.edit(&[(right, wrong)]);
    assert_eq!(world.reload().await["changed"], json!(["[docspace] api_key"]));
    world.systems.zendesk.set_latency_of("get_ticket", Duration::from_millis(700));
    let id = world.open_in(Desk::Zendesk, "with the wrong key").await;
    wait_until("the run has begun", async || world.systems.zendesk.counters().of("get_ticket") > 0).await;
    world.edit(&[(wrong, right)]);
    assert_eq!(world.reload().await["changed"], json!(["[docspace] api_key"]));
    let view = world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let timeline = view["timeline"].to_string();
    assert!(timeline.contains("\"blocked\""), "it was blocked by the run of before: {timeline}");
    assert_eq!(world.systems.wrong_with_opened(Desk::Zendesk, &id), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_that_is_removed_takes_nothing_and_goes_on_when_it_is_back() {
    let world = World::new().await;
    let id = world.open_in(Desk::Generic, "kept").await;
    world.wait_until_all_rest().await;
    let breaker = format!("ticketroom_breaker_open{{system=\"{}\"}}", Desk::Generic.name());
    assert!(world.metrics().await.contains(&breaker));
    let named = format!("name = \"{}\"", Desk::Generic.name());
    world.edit(&[(&named, "name = \"another\"")]);
    let done = world.reload().await;
    let expected =
        json!(["helpdesk “another” added", format!("helpdesk “{}” removed", Desk::Generic.name()),]);
    assert_eq!(done["changed"], expected, "{done:#}");
    let parcel = Desk::Generic.created(&world.systems, &id, "kept");
    assert_eq!(world.deliver_to(&Desk::Generic.endpoint(), &parcel).await, StatusCode::NOT_FOUND);
    assert!(!world.metrics().await.contains(&breaker));

    let key = format!("{}/{id}", Desk::Generic.name());
    world.retry(&key).await;
    let view = world.wait_for_state(&key, &["blocked"]).await;
    let reason = view["reason"].as_str().unwrap();
    assert!(reason.contains("has no helpdesk") && reason.contains("put it back"), "{reason}");
    world.edit(&[("name = \"another\"", &named)]);
    world.reload().await;
    // It is tried again by itself.
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.deliver_to(&Desk::Generic.endpoint(), &parcel).await, StatusCode::OK);
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.docspace.rooms().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_lose_nothing_and_two_at_once_are_one_after_the_other() {
    let world = World::new().await;
    let deliveries = async {
        let mut ids = Vec::new();
        for number in 0..60 {
            ids.push(world.open_in(Desk::ALL[number % Desk::ALL.len()], &format!("load {number}")).await);
        }
        ids
    };
    let reloads = async {
        for number in 0..25 {
            let (from, to) = if number % 2 == 0 { (800, 900) } else { (900, 800) };
            let timeout = |ms: u32| format!("timeout = \"{ms}ms\"");
            world.edit(&[(&timeout(from), &timeout(to))]);
            let both = join_all([world.ask_to_reload(), world.ask_to_reload()]).await;
            let mut changes = Vec::new();
            for answer in both {
                assert_eq!(answer.status(), StatusCode::OK);
                let done: Value = answer.json().await.unwrap();
                changes.extend(done["changed"].as_array().unwrap().clone());
            }
            assert_eq!(changes, [json!("[docspace] timeout")], "the second one finds nothing new");
        }
    };
    let (ids, ()) = tokio::join!(deliveries, reloads);
    world.wait_until_all_rest().await;
    for (number, id) in ids.iter().enumerate() {
        let desk = Desk::ALL[number % Desk::ALL.len()];
        assert_eq!(world.systems.wrong_with_opened(desk, id), [""; 0], "{desk:?} {id}");
    }
    assert_eq!(world.systems.docspace.rooms().len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_sizes_change_with_a_reload() {
    let world = World::new().await;
    let body = |bytes: usize| json!({ "ticketId": "1", "subject": "s".repeat(bytes) });
    assert_eq!(world.deliver_generic(&body(2000)).await, StatusCode::OK);
    world.edit(&[
        ("[server]\n", "[server]\nmax_body = \"1 KiB\"\n"),
        ("writes_per_day = 1000000", "writes_per_day = 70"),
    ]);
    let done = world.reload().await;
    assert_eq!(done["changed"], json!(["[server] max_body", "[docspace] writes_per_day"]), "{done:#}");
    assert_eq!(world.deliver_generic(&body(2001)).await, StatusCode::PAYLOAD_TOO_LARGE);
    world.wait_until_all_rest().await;
    // What was written today counts.
    let metrics = world.metrics().await;
    let left =
        metrics.lines().find_map(|line| line.strip_prefix("ticketroom_docspace_writes_left ")).unwrap();
    assert!(left.parse::<u32>().unwrap() < 70, "{left}");
}

/// The file of a process.
fn edit(process: &Process, edits: &[(&str, &str)]) {
    let file = process.folder().join("ticketroom.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}: {text}");
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
}

async fn ticket(process: &Process, desk: Desk, id: &str) -> Value {
    let url = format!("{}/api/v1/tickets/{}/{id}", process.url, desk.name());
    let answer = process.client.get(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn open(process: &Process, systems: &Systems, subject: &str) -> String {
    let id = Desk::Generic.open(systems, subject);
    assert!(process.acknowledges(Desk::Generic, &Desk::Generic.created(systems, &id, subject)).await);
    process.wait_until_all_rest().await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_changed_by_sighup_and_by_the_command() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let skip = "[[rule]]\nwhen = \"ticket.subject == 'none'\"\nskip = true\n\n[template.default]";
    edit(&process, &[("[template.default]", skip)]);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let skipped = open(&process, &systems, "none").await;
    assert_eq!(ticket(&process, Desk::Generic, &skipped).await["state"], "skipped");

    edit(&process, &[("== 'none'", "== 'no room'")]);
    assert!(process.signal(Signal::HUP));
    process.log_with("the configuration was reloaded: rules").await;
    let id = open(&process, &systems, "no room").await;
    assert_eq!(ticket(&process, Desk::Generic, &id).await["state"], "skipped");

    edit(&process, &[("== 'no room'", "== 'nothing'")]);
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert_eq!((status, out.as_str()), (0, "reloaded; from now on differ:\n  rules\n"), "{err}");
    let id = open(&process, &systems, "no room").await;
    assert_eq!(ticket(&process, Desk::Generic, &id).await["state"], "ready");
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert_eq!((status, out.as_str()), (0, "reloaded: nothing has changed\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_refused_with_all_of_its_errors() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    edit(&process, &[("[template.default]", "[template.default]\nfolder = []\nlink = \"none\"")]);
    let file = process.folder().join("ticketroom.toml");
    let at_start = {
        let (status, _, err) = run(&mut process.command(&["serve"])).await;
        assert_eq!(status, 2, "{err}");
        err
    };
    assert!(
        at_start.contains("unknown key “folder”") && at_start.contains("“none” is not a kind of link"),
        "{at_start}"
    );
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert_eq!((status, out.as_str()), (1, ""), "{err}");
    assert!(err.starts_with(&at_start) && err.contains("the one from before stays in force"), "{err}");

    assert!(process.signal(Signal::HUP));
    let log = process
        .log_that("both refusals", |log| log.matches("ERROR the configuration was not reloaded").count() == 2)
        .await;
    let line = format!("{}:", file.display());
    let errors = log.lines().filter(|logged| logged.contains("ERROR") && logged.contains(&line)).count();
    assert_eq!(errors, 4, "one line for each problem: {log}");
    let id = open(&process, &systems, "as before").await;
    assert_eq!(systems.wrong_with_opened(Desk::Generic, &id), [""; 0]);

    // Where it can't even be told where the service listens, all that is wrong is told as well.
    edit(&process, &[("[server]", "[server]\nlisten = ")]);
    let (status, _, err) = run(&mut process.command(&["reload"])).await;
    assert!(
        status == 1 && err.contains("not valid TOML") && err.contains("was not asked"),
        "{status}: {err}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_change_is_named_and_the_rest_is_in_force() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let at = process.url.trim_start_matches("http://").to_owned();
    let listen = format!("listen = \"{at}\"");
    let elsewhere =
        "listen = \"127.0.0.1:1\"\n[server.limits]\nconnections = 7\nbodies_in_flight = \"1 MiB\"";
    edit(&process, &[(&listen, elsewhere), (TITLE, "title = \"New: ")]);
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert!(
        status == 1 && err.contains("no service runs at 127.0.0.1:1") && err.contains("--at"),
        "{out}{err}"
    );
    for _ in 0..2 {
        let (status, out, err) = run(&mut process.command(&["reload", "--at", &at])).await;
        assert_eq!(status, 0, "{out}{err}");
        let (_, kept) = out.split_once("as before until a restart:\n").unwrap_or_else(|| panic!("{out}"));
        let file = process.folder().join("ticketroom.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let place = |key: &str| {
            let line = text.lines().position(|line| line.starts_with(key)).unwrap() + 1;
            format!("({}:{line})", file.display())
        };
        assert_eq!(
            kept,
            format!(
                "  [server] listen {}\n  [server.limits] connections {}\n",
                place("listen"),
                place("connections")
            ),
            "also of a second reload"
        );
    }
    process.log_with("WARN [server] listen (").await;
    let id = open(&process, &systems, "all the same").await;
    assert_eq!(ticket(&process, Desk::Generic, &id).await["state"], "ready");
    assert!(titles(&systems)[0].starts_with("New_ "), "{:?}", titles(&systems));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_running_service_and_with_somebody_else_there_it_says_so() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let (status, _, err) = run(&mut process.command(&["reload"])).await;
    assert!(status == 1 && err.contains("no service runs at 127.0.0.1:"), "{err}");
    let other = systems.docspace.url().to_string();
    let other = other.trim_start_matches("http://").trim_end_matches('/');
    let (status, _, err) = run(&mut process.command(&["reload", "--at", other])).await;
    assert!(status == 1 && err.contains("something else than ticketroom answers"), "{err}");
}

/// Has `key` read from a file of its own with this secret, and returns that file.
fn in_a_file(process: &Process, key: &str, secret: &str) -> std::path::PathBuf {
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let path = process.folder().join(format!("{key}.secret"));
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // DocSpace's section is before those of the helpdesks.
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    let in_a_file = format!("{key} = {{ file = {:?} }}", path.to_str().unwrap());
    std::fs::write(file, text.replacen(line, &in_a_file, 1)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_token_that_are_rotated_in_their_files_are_in_force_after_a_reload() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let right = systems.docspace.api_key();
    let key = in_a_file(&process, "api_key", "sk-wrong");
    let token = in_a_file(&process, "token", ADMIN_TOKEN);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let id = Desk::Generic.open(&systems, "refused");
    assert!(process.acknowledges(Desk::Generic, &Desk::Generic.created(&systems, &id, "refused")).await);
    wait_until("the key is refused", async || {
        ticket(&process, Desk::Generic, &id).await["state"] == "blocked"
    })
    .await;
    std::fs::write(&key, right).unwrap();
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert_eq!((status, out.as_str()), (0, "reloaded; from now on differ:\n  [docspace] api_key\n"), "{err}");
    wait_until("the ticket goes on by itself", async || {
        ticket(&process, Desk::Generic, &id).await["state"] == "ready"
    })
    .await;
    assert_eq!(systems.wrong_with_opened(Desk::Generic, &id), [""; 0]);

    // Whoever has changed the admin token has only the new one.
    std::fs::write(&token, "another-admin-token").unwrap();
    let list = format!("{}/api/v1/tickets", process.url);
    let with = async |token: &str| {
        process.client.get(&list).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!((with(ADMIN_TOKEN).await, with("another-admin-token").await), (200, 401));
    let (status, out, err) = run(&mut process.command(&["reload"])).await;
    assert_eq!((status, out.as_str()), (0, "reloaded; from now on differ:\n  [admin] token\n"), "{err}");
    assert_eq!((with(ADMIN_TOKEN).await, with("another-admin-token").await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_closed_ends_the_service() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    // `script` gives it a terminal, which is gone once `script` is.
    let command = process.command_of("script", &["-qec", &format!("exec {BINARY} serve"), "/dev/null"]);
    process.start(command);
    assert!(process.is_ready().await);
    process.kill().await;
    let alive = format!("{}/healthz", process.url);
    wait_until("the service has ended", async || process.client.get(&alive).send().await.is_err()).await;
}

/// How often a process has tried all blocked tickets again.
fn tried_again(process: &Process) -> usize {
    process.log().matches("blocked tickets are tried again").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_different_files_do_not_keep_each_other_busy() {
    let systems = Systems::start().await;
    let store = TestStore::postgres();
    let replicas = replicas(&systems, &store.url, &[&[], &[]]).await;
    for round in 1..=3 {
        for replica in &replicas {
            assert!(replica.signal(Signal::HUP));
            let reloaded = "the configuration was reloaded: nothing has changed";
            replica.log_that(reloaded, |log| log.matches(reloaded).count() == round).await;
        }
    }
    // At their starts, each finds that it has another file than the one that started before.
    let before = tried_again(&replicas[0]);
    assert!(before <= 1 && tried_again(&replicas[1]) <= 1, "{}", replicas[0].log());
    edit(&replicas[0], &[("[template.default]", "# Another file.\n[template.default]")]);
    let (status, _, err) = run(&mut replicas[0].command(&["reload"])).await;
    assert_eq!(status, 0, "{err}");
    wait_until("it tries them again", async || tried_again(&replicas[0]) > before).await;
    assert!(tried_again(&replicas[1]) <= 1, "{}", replicas[1].log());
}
