//! Remote links.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::jira::{Mode, Setup};

use super::fixture;

const GLOBAL_ID: &str = "ticketroom=d.example&room=4711";
const ENCODED: &str = "ticketroom%3Dd.example%26room%3D4711";

fn link(title: &str) -> Value {
    json!({
        "globalId": GLOBAL_ID,
        "application": { "type": "com.onlyoffice.docspace", "name": "ONLYOFFICE DocSpace" },
        "relationship": "DocSpace room",
        "object": {
            "url": "https://d.example/rooms/4711",
            "title": title,
            "summary": "A room",
            "icon": { "url16x16": "https://d.example/favicon.ico", "title": "DocSpace" },
            "status": { "resolved": true },
        },
    })
}

#[tokio::test]
async fn a_link_is_written_by_its_global_id_and_loses_what_is_left_out() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::Admin).await;
    let (id, other) = (fixture.issue(), fixture.issue());
    let path = format!("api/3/issue/{id}/remotelink");
    let first = fixture.post(&path, link("Room")).await;
    assert_eq!((first.status, &first.body["id"]), (201, &json!(10_000)));
    let again = fixture.post(&path, link("Room for SUP-42")).await;
    assert_eq!((again.status, &again.body["id"]), (200, &json!(10_000)));
    // The same is another one for another issue, and without a global id there is nothing to be the
    // same.
    assert_eq!(fixture.post(&format!("api/3/issue/{other}/remotelink"), link("x")).await.status, 201);
    let nameless = json!({ "object": { "url": "https://x.example/", "title": "x" } });
    assert_eq!(fixture.post(&path, nameless.clone()).await.status, 201);
    assert_eq!(fixture.post(&path, nameless).await.status, 201);

    let one = fixture.get(&format!("{path}?globalId={ENCODED}")).await.body;
    assert_eq!((&one["object"]["title"], &one["globalId"]), (&json!("Room for SUP-42"), &json!(GLOBAL_ID)));
    assert_eq!(fixture.get(&path).await.body.as_array().unwrap().len(), 3);
    let view = &fixture.jira.ticket(id).unwrap().remote_links[0];
    assert_eq!((view.title.as_str(), view.resolved), ("Room for SUP-42", Some(true)));
    assert_eq!(
        (view.relationship.as_deref(), view.application.as_deref()),
        (Some("DocSpace room"), Some("ONLYOFFICE DocSpace"))
    );

    let bare = json!({ "globalId": GLOBAL_ID, "object": { "url": "https://d.example/2", "title": "Other" } });
    assert_eq!(fixture.post(&path, bare).await.status, 200);
    let view = &fixture.jira.ticket(id).unwrap().remote_links[0];
    assert_eq!((view.url.as_str(), &view.relationship, view.resolved), ("https://d.example/2", &None, None));
    assert_eq!((&view.summary, &view.application, &view.icon), (&None, &None, &None));

    // What is left out is not in the answer, or is an object without members; it is never null.
    let shown = fixture.get(&format!("{path}?globalId={ENCODED}")).await.body;
    assert_eq!((shown.get("relationship"), &shown["application"]), (None, &json!({})));
    let object =
        json!({ "url": "https://d.example/2", "title": "Other", "icon": {}, "status": { "icon": {} } });
    assert_eq!(shown["object"], object);

    let remove = || fixture.call(Method::DELETE, &path, None);
    assert_eq!(remove().await.status, 400);
    let delete = format!("{path}?globalId={ENCODED}");
    assert_eq!(fixture.call(Method::DELETE, &delete, None).await.status, 204);
    assert_eq!(fixture.call(Method::DELETE, &delete, None).await.status, 404);
    assert_eq!(fixture.get(&delete).await.status, 404);
    assert!(fixture.jira.remove_remote_links(id) && !fixture.jira.remove_remote_links(id));
    assert_eq!(fixture.jira.ticket(id).unwrap().remote_links, []);
    assert_eq!(fixture.events().await, ["jira:issue_created", "jira:issue_created"]);
    assert_eq!(receiver.received().len(), 2);
    let counters = fixture.jira.counters();
    let calls = ["put_remote_link", "remote_links", "delete_remote_link"].map(|name| counters.of(name));
    assert_eq!(calls, [6, 4, 3]);
}

#[tokio::test]
async fn links_that_are_refused_change_nothing() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let path = format!("api/3/issue/{id}/remotelink");
    for (pointer, value) in [
        ("/object/url", Value::Null),
        ("/object/title", json!("")),
        ("/object", Value::Null),
        ("/globalId", json!("g".repeat(256))),
    ] {
        let mut body = link("Room");
        *body.pointer_mut(pointer).unwrap() = value;
        assert_eq!(fixture.post(&path, body).await.status, 400, "{pointer}");
    }
    fixture.jira.set_issue_linking(false);
    let off = fixture.post(&path, link("Room")).await;
    let message = json!({ "errorMessages": ["Issue linking is currently disabled."], "errors": {} });
    assert_eq!((off.status, off.body), (403, message));
    assert_eq!(fixture.post("api/3/issue/SUP-99/remotelink", link("Room")).await.status, 404);
    assert_eq!(fixture.jira.ticket(id).unwrap().remote_links, []);
    fixture.jira.set_issue_linking(true);
    assert_eq!(fixture.post(&path, link("Room")).await.status, 201);
}
