//! `ticketroom webhook` for helpdesks, with the real binary and the simulated helpdesks.

use testbed::{Process, Systems};

use crate::process::{process_over, run};

/// The real binary, with its own address as the public one.
fn process(systems: &Systems) -> Process {
    let process = process_over(systems);
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen("[server]\n", &format!("[server]\npublic_url = {:?}\n", process.url), 1);
    std::fs::write(&file, text).unwrap();
    process
}

async fn webhook(process: &Process, arguments: &[&str]) -> (i32, String, String) {
    run(&mut process.command(&[&["webhook"], arguments].concat())).await
}

/// What is made once is found, is not made again, and is gone after it was removed.
async fn set_up_show_and_remove(desk: &str) {
    let systems = Systems::start().await;
    let process = process(&systems);
    let (status, out, err) = webhook(&process, &["setup", desk, "--dry-run"]).await;
    assert!(
        status == 0 && out.contains("create the webhook") && out.contains("nothing was changed"),
        "{out}{err}"
    );
    assert_eq!(webhook(&process, &["status", desk]).await.0, 1, "a dry run makes nothing");

    let (status, out, err) = webhook(&process, &["setup", desk]).await;
    assert!(status == 0 && out.contains("done: create the webhook"), "{out}{err}");
    let (status, out, err) = webhook(&process, &["setup", desk]).await;
    assert!(status == 0 && out.contains("nothing to do") && !out.contains("done: "), "{out}{err}");
    let (status, out, err) = webhook(&process, &["status", desk, "--json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(status == 0 && shown["good"] == true && shown["missing"] == serde_json::json!([]), "{out}{err}");

    let (status, out, err) = webhook(&process, &["remove", desk]).await;
    assert!(status == 0 && out.contains("done: delete webhook"), "{out}{err}");
    let (status, out, _) = webhook(&process, &["remove", desk]).await;
    assert!(status == 0 && out.contains("sends to"), "{out}");
    assert_eq!(webhook(&process, &["status", desk]).await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn zendesk() {
    set_up_show_and_remove("zendesk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jira() {
    set_up_show_and_remove("jira").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_person_can_do_is_told_with_all_values() {
    let systems = Systems::start().await;
    let process = process(&systems);
    for desk in ["freshdesk", "intranet"] {
        let endpoint = format!("{}/webhooks/{desk}", process.url.trim_end_matches('/'));
        let (status, out, err) = webhook(&process, &["setup", desk]).await;
        assert!(status == 0 && out.contains("by hand:") && out.contains(&endpoint), "{out}{err}");
        assert_eq!(webhook(&process, &["status", desk]).await.0, 1);
    }
}

/// A test that nobody stores is not told as one that arrived.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_through_the_public_address() {
    let systems = Systems::start().await;
    let mut process = process(&systems);
    let (status, out, err) = webhook(&process, &["setup", "jira", "--test"]).await;
    assert!(status == 1 && err.contains("the test got no answer"), "{out}{err}");
    process.serve(&[]);
    assert!(process.is_ready().await);
    for desk in ["jira", "freshdesk", "intranet"] {
        let (status, out, err) = webhook(&process, &["setup", desk, "--test"]).await;
        assert!(status == 0 && out.contains("is stored"), "{desk}: {out}{err}");
    }
    // Zendesk has made a secret of its own, which the running service does not know yet.
    let (status, out, err) = webhook(&process, &["setup", "zendesk", "--test"]).await;
    assert!(status == 1 && err.contains("has another webhook_secret"), "{out}{err}");
}
