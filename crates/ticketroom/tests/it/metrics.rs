//! What a Prometheus server gets, tried with its own checker.

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::Response;
use serde_json::json;
use simulator::zendesk::NewTicket;
use testbed::ADMIN_TOKEN;

use crate::world::World;

const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");

async fn scrape(world: &World, accept: &str) -> Response {
    let request = world.client.get(world.url("/metrics")).bearer_auth(ADMIN_TOKEN);
    request.header("accept", accept).send().await.unwrap()
}

fn value(text: &str, metric: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {metric} in {text}")).parse().unwrap()
}

/// What `promtool check metrics` says; nothing is good.
fn complaints(text: &str) -> String {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = promtool
        .unwrap_or_else(|error| panic!("promtool (Debian's package prometheus) can't be run: {error}"));
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{}{}", String::from_utf8_lossy(&said), if output.status.success() { "" } else { "(failed)" })
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_no_complaint_and_every_metric_is_documented() {
    let world = World::new().await;
    let before = world.metrics().await;
    assert!(!before.contains("ticketroom_last_delivery_timestamp_seconds{"), "{before}");
    let id = world.open(NewTicket::about("measured")).await;
    world.wait_for_state(&format!("zendesk/{id}"), &["ready"]).await;
    let json = json!({ "nothing": "that is understood" });
    assert_eq!(world.deliver_generic(&json).await, 400);
    let wrong = world.client.get(world.url("/metrics")).bearer_auth("guessed").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(world.client.get(world.url("/readyz")).send().await.unwrap().status(), 200);

    let answer = scrape(&world, "text/plain;version=0.0.4").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    assert_eq!(complaints(&text), "", "{text}");
    assert!(!text.contains("# EOF"), "{text}");
    let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(types.len() > 10, "{types:?}");
    for line in types {
        let (name, kind) = line.split_once(' ').unwrap();
        let documented = format!("| `{name}` | {kind} |");
        assert!(DOCUMENT.contains(&documented), "docs/metrics.md lacks {documented}");
    }
    assert_eq!(value(&text, "ticketroom_store_up"), 1.0);
    assert_eq!(value(&text, "ticketroom_oldest_waiting_ticket_age_seconds"), 0.0);
    let left = value(&text, "ticketroom_docspace_writes_left");
    assert!((999_000.0..1_000_000.0).contains(&left), "of a million, some were taken: {left}");
    let at = value(&text, "ticketroom_last_delivery_timestamp_seconds{helpdesk=\"zendesk\"}");
    assert!(at > 1_700_000_000.0, "{at}");
    assert!(!text.contains("ticketroom_last_delivery_timestamp_seconds{helpdesk=\"intranet\"}"), "{text}");

    let asks = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    let answer = scrape(&world, asks).await;
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE ticketroom_deliveries counter\n"), "{text}");
    assert!(
        text.contains("ticketroom_deliveries_total{helpdesk=\"zendesk\",outcome=\"accepted\"} 1"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_ticket_that_waits_is_told_of() {
    let world = World::new().await;
    world.systems.docspace.set_down(true);
    world.open(NewTicket::about("has to wait")).await;
    testbed::wait_until("its age shows", async || {
        value(&world.metrics().await, "ticketroom_oldest_waiting_ticket_age_seconds") > 0.0
    })
    .await;
}
