//! What operators see and need not do: blocked tickets that go on by themselves, and what is said
//! about them.

use testbed::{Desk, Systems, generic, wait_until};

use crate::process::{process_over, process_over_a_file, run};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn tickets_go_on_by_themselves_once_a_key_works_again() {
    let world = World::new().await;
    let key = world.systems.docspace.api_key();
    world.systems.docspace.revoke_key(&key);
    for id in ["1", "2", "3"] {
        world.deliver_generic(&generic(id, "locked out")).await;
        world.wait_for_state(&format!("intranet/{id}"), &["blocked"]).await;
    }
    world.systems.docspace.restore_key(&key);
    for id in ["1", "2", "3"] {
        let view = world.wait_for_state(&format!("intranet/{id}"), &["ready"]).await;
        let timeline = view["timeline"].to_string();
        assert!(timeline.contains("DocSpace accepts our credentials again"), "{timeline}");
        assert_eq!(world.systems.wrong_with_generic_ticket(id), [""; 0]);
    }
}

/// What follows of it is in the timeline as well, and is none of this test.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_want_of_a_room_is_in_its_timeline() {
    let world = World::new().await;
    world.deliver_generic(&generic("1", "archived by hand")).await;
    world.wait_for_state("intranet/1", &["ready"]).await;
    for what in ["archive", "reopen", "archive"] {
        world.ask_for("intranet/1", what).await;
    }
    let view = world.ticket("intranet/1").await;
    let timeline = view["timeline"].as_array().unwrap().iter();
    let told = timeline.filter(|entry| ["archive", "reopen"].contains(&entry["kind"].as_str().unwrap()));
    let told: Vec<_> = told.map(|entry| (entry["kind"].as_str(), entry["text"].as_str())).collect();
    let [archive, reopen] = ["archive", "restore"].map(|what| format!("somebody asked to {what} the room"));
    let expected = [("archive", &archive), ("reopen", &reopen), ("archive", &archive)];
    assert_eq!(told, expected.map(|(kind, text)| (Some(kind), Some(text.as_str()))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_one_line_and_a_changed_configuration_tries_again() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    let post = |process: &testbed::Process, id: &str| {
        process
            .client
            .post(format!("{}/helpdesk/ticket-created", process.url))
            .json(&generic(id, "locked out"))
    };
    process.serve(&[]);
    assert!(process.is_ready().await);
    post(&process, "0").send().await.unwrap();
    process.wait_until_all_rest().await;
    let is_ready = |line: &&str| line.ends_with("ready") || line.contains(" ready ");
    let log = process.log_that("a ticket is ready", |log| log.lines().any(|line| is_ready(&line))).await;
    let ready = log.lines().find(is_ready).unwrap();
    assert!(ready.contains("INFO") && ready.contains("room=") && ready.contains("after_ms="), "{ready}");

    systems.docspace.revoke_key(&systems.docspace.api_key());
    for id in ["1", "2", "3", "4"] {
        post(&process, id).send().await.unwrap();
    }
    process.wait_until_all_rest().await;
    let log = process.log_with("does not accept our credentials").await;
    let about_it: Vec<&str> =
        log.lines().filter(|line| line.contains("does not accept our credentials")).collect();
    assert!(about_it.len() == 1 && about_it[0].contains(" WARN "), "{about_it:#?}");
    assert!(process.signal(rustix::process::Signal::TERM));
    process.ended().await;

    // The new key is another one: at the next start, nobody has to ask.
    let config = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let new_key = systems.docspace.add_key(&["*"], None);
    let line = text.lines().find(|line| line.starts_with("api_key") && text.contains(line)).unwrap();
    let text = text.replacen(line, &format!("api_key = {new_key:?}"), 1);
    std::fs::write(&config, text).unwrap();
    process.serve(&[]);
    assert!(process.is_ready().await);
    wait_until("all tickets have their rooms", async || systems.docspace.rooms().len() == 5).await;
    process.wait_until_all_rest().await;
    process.log_with("the configuration has changed: blocked tickets are tried again").await;
    let (_, out, _) = run(&mut process.command(&["tickets", "list"])).await;
    assert!(!out.contains("blocked"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_ticket_is_a_warning_with_its_reason() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    systems.docspace.set_room_quota(Some(0));
    let url = format!("{}/helpdesk/ticket-created", process.url);
    process.client.post(&url).json(&generic("1", "no room left")).send().await.unwrap();
    process.wait_until_all_rest().await;
    let log = process.log_with("blocked").await;
    let blocked: Vec<&str> = log.lines().filter(|line| line.contains("blocked")).collect();
    assert!(
        blocked.len() == 1 && blocked[0].contains(" WARN ") && blocked[0].contains("quota"),
        "{blocked:#?}"
    );
    assert!(!log.contains(" failed"), "one line is enough: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_why_tickets_are_blocked_and_needs_no_secret() {
    let systems = Systems::start().await;
    let mut process = process_over_a_file(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    systems.docspace.revoke_key(&systems.docspace.api_key());
    for subject in ["VPN down", "Printer smokes", "Door is stuck"] {
        let id = Desk::Zendesk.open(&systems, subject);
        let created = Desk::Zendesk.created(&systems, &id, subject);
        assert!(process.acknowledges(Desk::Zendesk, &created).await);
    }
    process.wait_until_all_rest().await;
    let list = |arguments: &[&str]| {
        let mut command = process.command(&[&["tickets", "list"], arguments].concat());
        command.env_clear().env("TICKETROOM_CONFIG", process.folder().join("ticketroom.toml"));
        command
    };
    let (status, out, err) = run(&mut list(&[])).await;
    assert_eq!(status, 0, "{err}");
    let mut lines = out.lines();
    assert_eq!(lines.next(), Some("blocked:"), "{out}");
    let cause = lines.next().unwrap();
    assert!(cause.starts_with("3 × DocSpace does not accept our credentials (401"), "{out}");
    assert!(cause.ends_with(" [blocked.docspace.unauthorized]"), "{out}");
    for subject in ["VPN down", "Printer smokes", "Door is stuck"] {
        assert!(out.contains(subject), "a portal that refuses us hides no subject: {out}");
    }
    let (_, out, _) = run(&mut list(&["--limit", "2"])).await;
    assert!(out.contains("2 of 3"), "{out}");
    let (_, out, _) = run(&mut list(&["--json"])).await;
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(listed[0]["reason"].as_str().unwrap().contains("api_key"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_is_beside_what_the_rules_say_today() {
    let systems = Systems::start().await;
    let mut process = process_over_a_file(&systems);
    process.serve(&[]);
    assert!(process.is_ready().await);
    let url = format!("{}/helpdesk/ticket-created", process.url);
    process.client.post(&url).json(&generic("1", "VIP: the door is stuck")).send().await.unwrap();
    process.wait_until_all_rest().await;
    let config = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let more = "\n[[rule]]\nwhen = \"'VIP' in ticket.subject\"\ntemplate = \"vip\"\n[template.vip]\ntitle = \"VIP {{ ticket.id }}\"\n";
    std::fs::write(&config, text + more).unwrap();
    let (_, out, err) = run(&mut process.command(&["tickets", "explain", "intranet/1"])).await;
    assert!(out.contains("made from default") && out.contains("the rules would pick vip"), "{out}{err}");
    let (_, out, _) = run(&mut process.command(&["tickets", "explain", "intranet/1", "--json"])).await;
    let explained: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&explained["made_from"], &explained["room"]["template"]), (&"default".into(), &"vip".into()));
}
