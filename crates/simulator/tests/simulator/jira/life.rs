//! How issues are merged, linked as duplicates, and end.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::jira::{ANNA, BEN, CARLA, Change, Mode, NewIssue, RITA, Setup};

use super::{Fixture, fixture};

/// The links of an issue to others, as the API shows them.
async fn links(fixture: &Fixture, id: u64) -> Value {
    fixture.get(&format!("api/3/issue/{id}?fields=issuelinks")).await.body["fields"]["issuelinks"].clone()
}

#[tokio::test]
async fn a_merged_issue_is_resolved_as_a_duplicate_and_linked() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    let (target, source) = (fixture.issue(), fixture.issue());
    assert!(!fixture.jira.change_ticket(source, Change::Merge(source)));
    assert!(!fixture.jira.change_ticket(source, Change::Merge(1)));
    assert!(fixture.jira.change_ticket(source, Change::Merge(target)));
    assert!(!fixture.jira.change_ticket(source, Change::Merge(target)), "it is so already");

    let fields = fixture.get(&format!("api/3/issue/{source}")).await.body["fields"].clone();
    assert_eq!(
        (&fields["status"]["name"], &fields["resolution"]["name"]),
        (&json!("Resolved"), &json!("Duplicate"))
    );
    let link = &fields["issuelinks"][0];
    assert_eq!(
        (&link["type"]["name"], &link["type"]["outward"], &link["type"]["inward"]),
        (&json!("Duplicate"), &json!("duplicates"), &json!("is duplicated by"))
    );
    assert_eq!((&link["outwardIssue"]["id"], link.get("inwardIssue")), (&json!(target.to_string()), None));
    assert_eq!(link["outwardIssue"]["fields"]["summary"], "Export fails");
    let other = &links(&fixture, target).await[0];
    assert_eq!((&other["inwardIssue"]["key"], other.get("outwardIssue")), (&json!("SUP-43"), None));
    let view = fixture.jira.ticket(source).unwrap();
    assert_eq!((view.duplicates, view.resolution.as_deref()), (vec![target], Some("Duplicate")));
    assert_eq!(fixture.jira.ticket(target).unwrap().duplicated_by, [source]);

    // One event for the resolution, none for the link, nothing about the target.
    assert_eq!(fixture.events().await, ["jira:issue_created", "jira:issue_created", "jira:issue_updated"]);
    let received = receiver.received();
    let told = received.iter().find(|it| it.body["webhookEvent"] == "jira:issue_updated").unwrap();
    assert_eq!(told.body["issue"]["fields"].get("issuelinks"), None);
    let items = &told.body["changelog"]["items"];
    assert_eq!((&items[0]["field"], &items[0]["toString"]), (&json!("resolution"), &json!("Duplicate")));

    // The link outlives the resolution.
    assert!(fixture.jira.change_ticket(source, Change::Status("Waiting for support".to_owned())));
    let fields = fixture.get(&format!("api/3/issue/{source}")).await.body["fields"].clone();
    assert_eq!((&fields["resolution"], fields["issuelinks"].as_array().unwrap().len()), (&Value::Null, 1));
    // A circle is possible.
    assert!(fixture.jira.change_ticket(target, Change::Merge(source)));
    assert_eq!(links(&fixture, source).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_resolved_issue_that_is_merged_gets_the_other_resolution() {
    let fixture = fixture(Setup::default()).await;
    let (target, source) = (fixture.issue(), fixture.issue());
    fixture.jira.change_ticket(source, Change::Status("Resolved".to_owned()));
    assert_eq!(fixture.jira.ticket(source).unwrap().resolution.as_deref(), Some("Done"));
    assert!(fixture.jira.change_ticket(source, Change::Merge(target)));
    assert_eq!(fixture.jira.ticket(source).unwrap().resolution.as_deref(), Some("Duplicate"));
    fixture.jira.change_ticket(source, Change::Status("Closed".to_owned()));
    assert_eq!(fixture.jira.ticket(source).unwrap().resolution.as_deref(), Some("Duplicate"), "it stays");
}

#[tokio::test]
async fn duplicates_are_linked_by_hand_and_by_the_api_without_an_event() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = fixture.receiver(Mode::Admin).await;
    let original = fixture.issue();
    let new = NewIssue { duplicates: Some(original), ..NewIssue::about("again") };
    let (first, second, third) = (fixture.jira.create_ticket(new), fixture.issue(), fixture.issue());
    assert!(fixture.jira.change_ticket(second, Change::Duplicates(original)));
    assert!(!fixture.jira.change_ticket(second, Change::Duplicates(original)));
    // The source is named as the inward issue.
    let link = |kind: &str, from: u64, to: &str| json!({ "type": { "name": kind }, "inwardIssue": { "id": from.to_string() }, "outwardIssue": { "key": to } });
    let made = fixture.post("api/3/issueLink", link("Duplicate", third, "SUP-42")).await;
    assert_eq!((made.status, made.length), (201, 0));
    assert_eq!(fixture.jira.ticket(original).unwrap().duplicated_by, [first, second, third]);
    for id in [first, second, third] {
        assert_eq!(fixture.jira.ticket(id).unwrap().duplicates, [original]);
        let shown = links(&fixture, id).await;
        assert_eq!(shown[0]["outwardIssue"]["key"], "SUP-42");
    }
    fixture.post("api/3/issueLink", link("Blocks", third, "SUP-42")).await;
    assert_eq!(links(&fixture, third).await[1]["type"]["outward"], "blocks");
    assert_eq!(fixture.jira.ticket(third).unwrap().duplicates, [original], "another type is no duplicate");

    for (body, status) in [
        (link("Clones", third, "SUP-42"), 404),
        (link("Duplicate", third, "SUP-99"), 404),
        (link("Duplicate", original, "SUP-42"), 400),
    ] {
        assert_eq!(fixture.post("api/3/issueLink", body).await.status, status);
    }
    let number = links(&fixture, third).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("api/3/issueLink/{number}");
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 404);
    assert_eq!(fixture.jira.ticket(original).unwrap().duplicated_by, [first, second]);
    assert_eq!(fixture.events().await, ["jira:issue_created"; 4]);
    assert_eq!(fixture.jira.counters().of("create_issue_link"), 5);
    fixture.jira.set_issue_linking(false);
    assert_eq!(fixture.post("api/3/issueLink", link("Duplicate", third, "SUP-42")).await.status, 404);
}

#[tokio::test]
async fn links_to_what_is_gone_or_hidden_are_not_shown() {
    let fixture = fixture(Setup::default()).await;
    let elsewhere = NewIssue { project: Some("HR".to_owned()), ..NewIssue::about("salary") };
    let (deleted, hidden, source) = (fixture.issue(), fixture.jira.create_ticket(elsewhere), fixture.issue());
    for original in [deleted, hidden] {
        fixture.jira.change_ticket(source, Change::Duplicates(original));
    }
    assert_eq!(links(&fixture, source).await.as_array().unwrap().len(), 2);
    fixture.jira.hide_project("HR");
    fixture.jira.change_ticket(deleted, Change::Delete);
    assert_eq!(links(&fixture, source).await, json!([]));
    assert_eq!(fixture.jira.ticket(source).unwrap().duplicates, [hidden], "it is there, but not for us");
    assert!(!fixture.jira.change_ticket(source, Change::Merge(deleted)));
}

#[tokio::test]
async fn the_latest_event_is_that_of_a_person() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let latest =
        || -> Value { serde_json::from_slice(&fixture.jira.latest_event_body(id).unwrap()).unwrap() };
    assert_eq!(latest()["webhookEvent"], "jira:issue_created");
    fixture.jira.change_ticket(id, Change::Assignee(Some(BEN.to_owned())));
    fixture.put(&format!("api/3/issue/{id}"), json!({ "fields": { "labels": ["ours"] } })).await;
    assert_eq!(latest()["changelog"]["items"][0]["to"], BEN);
    assert_eq!(latest()["user"]["accountId"], ANNA);
    assert!(fixture.jira.change_ticket(id, Change::Reporter(Some(CARLA.to_owned()))));
    assert_eq!(latest()["changelog"]["items"][0]["from"], RITA);
    let request = fixture.get(&format!("servicedeskapi/request/{id}")).await.body;
    assert_eq!(request["reporter"]["emailAddress"], "carla.customer@example.com");
    fixture.jira.change_ticket(id, Change::Delete);
    assert_eq!(latest()["webhookEvent"], "jira:issue_deleted");
}
