//! Issues, people and projects in the REST API, and the control control.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::fault::{Fault, FaultKind, TooMany};
use simulator::jira::{
    ANNA, AccountType, BEN, Change, EmailShown, INTEGRATION, IssueView, MO, Mode, NewIssue, NewUser, RITA,
    ROOM_FIELD, Setup,
};

use super::{document, fixture};
use crate::fixture::Reply;

#[tokio::test]
async fn an_issue_is_found_by_id_and_key_and_shows_what_is_asked_for() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.jira.create_ticket(NewIssue {
        description: Some("See the log.\n[log|https://l.example/]".to_owned()),
        assignee: Some(BEN.to_owned()),
        labels: vec!["export".to_owned()],
        ..NewIssue::about("Export of \"Q3\" fails")
    });
    assert_eq!((id, fixture.jira.ticket(id).unwrap().key.as_str()), (10042, "SUP-42"));
    let body = fixture.get("api/3/issue/sup-42").await.body;
    for (pointer, value) in [
        ("/id", json!("10042")),
        ("/key", json!("SUP-42")),
        ("/fields/summary", json!("Export of \"Q3\" fails")),
        ("/fields/description/content/1/content/0/marks/0/attrs/href", json!("https://l.example/")),
        ("/fields/project/id", json!("10001")),
        ("/fields/project/projectTypeKey", json!("service_desk")),
        ("/fields/status/statusCategory/key", json!("indeterminate")),
        ("/fields/resolution", Value::Null),
        ("/fields/created", json!("2026-11-20T08:14:03.412+0000")),
        ("/fields/assignee/emailAddress", json!("ben.engineer@example.com")),
        ("/fields/reporter/accountType", json!("customer")),
        ("/fields/customfield_10010/requestType/id", json!("21")),
        ("/fields/customfield_10077", Value::Null),
    ] {
        assert_eq!(body.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(body.pointer("/fields/reporter/emailAddress"), None);
    assert_eq!(body.get("properties"), None);
    let text = fixture.get("api/2/issue/10042?fields=description,key").await.body;
    assert_eq!(text["fields"], json!({ "description": "See the log.\n[log|https://l.example/]" }));
    let few = fixture.get("api/3/issue/10042?fields=summary&fields=labels").await.body;
    assert_eq!(few["fields"], json!({ "summary": "Export of \"Q3\" fails", "labels": ["export"] }));
    let view = fixture.jira.ticket(id).unwrap();
    assert_eq!(serde_json::from_value::<IssueView>(json!(view)).unwrap(), view);
    assert_eq!(fixture.jira.counters().of("get_issue"), 3);
}

#[tokio::test]
async fn moved_issues_keep_their_id_and_hidden_and_deleted_ones_are_not_there() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    assert!(fixture.jira.change_ticket(id, Change::Move("HR".to_owned())));
    assert!(!fixture.jira.change_ticket(id, Change::Move("HR".to_owned())));
    assert!(!fixture.jira.change_ticket(id, Change::Move("NONE".to_owned())));
    for name in ["SUP-42", "HR-1", "hr-1", "10042"] {
        let body = fixture.get(&format!("api/3/issue/{name}?fields=project")).await.body;
        assert_eq!((&body["key"], &body["fields"]["project"]["key"]), (&json!("HR-1"), &json!("HR")));
    }
    assert!(fixture.jira.hide_project("hr"));
    assert_eq!(fixture.get("api/3/issue/10042").await.status, 404);
    assert_eq!(fixture.get("api/3/project/HR").await.status, 404);
    let other = fixture.issue();
    assert_eq!(fixture.get(&format!("api/3/issue/{other}")).await.status, 200);
    assert!(fixture.jira.change_ticket(other, Change::Delete));
    assert!(!fixture.jira.change_ticket(other, Change::Delete));
    assert_eq!(fixture.get(&format!("api/3/issue/{other}")).await.status, 404);
    assert_eq!(fixture.get("api/3/issue/SUP-99").await.status, 404);
    let third = fixture.issue();
    let many = json!({ "issueIdsOrKeys": [third.to_string(), "10042", "SUP-43"], "fields": ["status"] });
    let body = fixture.post("api/3/issue/bulkfetch", many).await.body;
    assert_eq!((body["issues"].as_array().unwrap().len(), &body["issues"][0]["key"]), (1, &json!("SUP-44")));
    assert_eq!(body["issueErrors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn people_and_projects_can_be_read() {
    let fixture = fixture(Setup::default()).await;
    fixture.jira.add_project("OPS", "Operations");
    let newcomer = NewUser {
        name: "Nina".to_owned(),
        email: Some("nina@example.com".to_owned()),
        account_type: AccountType::Atlassian,
        email_shown: EmailShown::Nowhere,
        active: false,
    };
    let newcomer = fixture.jira.add_user(newcomer);
    for (path, pointer, value) in [
        (format!("user?accountId={ANNA}"), "/emailAddress", json!("anna.agent@example.com")),
        (format!("user?accountId={RITA}"), "/displayName", json!("Rita Requester")),
        (format!("user?accountId={newcomer}"), "/active", json!(false)),
        ("user?accountId=nobody".to_owned(), "/errors", json!({})),
        ("myself".to_owned(), "/timeZone", json!("Etc/UTC")),
        ("field".to_owned(), "/4/schema/custom", json!("com.atlassian.servicedesk:vp-origin")),
        ("field".to_owned(), "/5/id", json!(ROOM_FIELD)),
        ("project/SUP".to_owned(), "/name", json!("Customer Support")),
        ("project/ops".to_owned(), "/id", json!("10003")),
        ("project/NONE".to_owned(), "/errorMessages/0", json!("No project could be found with key 'NONE'.")),
    ] {
        assert_eq!(fixture.get(&format!("api/3/{path}")).await.body.pointer(pointer), Some(&value), "{path}");
    }
    for hidden in [RITA, MO, &newcomer] {
        let user = fixture.get(&format!("api/3/user?accountId={hidden}")).await.body;
        assert_eq!((&user["accountId"], user.get("emailAddress")), (&json!(hidden), None));
    }
    let id = fixture.issue();
    let request = fixture.get(&format!("servicedeskapi/request/{id}")).await.body;
    assert_eq!(request["reporter"]["emailAddress"], "rita@customer.example");
    assert_eq!(
        (&request["issueKey"], &request["currentStatus"]["status"]),
        (&json!("SUP-42"), &json!("Waiting for support"))
    );
    fixture.jira.change_ticket(id, Change::Reporter(None));
    assert_eq!(fixture.get(&format!("servicedeskapi/request/{id}")).await.body["reporter"], Value::Null);
}

#[tokio::test]
async fn an_edit_is_made_as_a_whole_or_not_at_all() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let path = format!("api/3/issue/{id}");
    fixture.clock.advance(5);
    let edit = json!({
        "fields": { ROOM_FIELD: "https://d.example/rooms/1", "summary": "Import fails", "assignee": { "accountId": BEN } },
        "update": { "labels": [{ "add": "docspace-room" }, { "add": "x" }, { "remove": "x" }] },
    });
    assert_eq!(fixture.put(&path, edit.clone()).await.status, 204);
    let view = fixture.jira.ticket(id).unwrap();
    assert_eq!(
        (view.room_field.as_deref(), view.summary.as_str()),
        (Some("https://d.example/rooms/1"), "Import fails")
    );
    assert_eq!(
        (view.labels.as_slice(), view.assignee.as_deref()),
        (["docspace-room".to_owned()].as_slice(), Some(BEN))
    );
    assert!(view.updated_at > view.created_at);
    fixture.clock.advance(5);
    assert_eq!(fixture.put(&path, edit).await.status, 204);
    assert_eq!(fixture.jira.ticket(id).unwrap(), view);
    let both = json!({ "fields": { "labels": [] }, "update": { "labels": [{ "add": "x" }] } });
    for (edit, field) in [
        (json!({ "fields": { "summary": "y", "customfield_1": "x" } }), "customfield_1"),
        (json!({ "fields": { "summary": "a\nb" } }), "summary"),
        (json!({ "fields": { "summary": "y".repeat(256) } }), "summary"),
        (json!({ "fields": { "summary": "y", ROOM_FIELD: "no url" } }), ROOM_FIELD),
        (json!({ "fields": { "summary": "y", "labels": ["a b"] } }), "labels"),
        (json!({ "fields": { "summary": "y", "status": { "id": "10105" } } }), "status"),
        (json!({ "fields": { "summary": "y", "description": "text" } }), "description"),
        (json!({ "fields": { "summary": "y", "assignee": { "accountId": RITA } } }), "assignee"),
        (json!({ "fields": { "summary": "y", "priority": { "name": "Extreme" } } }), "priority"),
        (both, "labels"),
    ] {
        let answer = fixture.put(&path, edit.clone()).await;
        assert_eq!((answer.status, answer.body["errors"][field].is_string()), (400, true), "{edit}");
        assert_eq!(fixture.jira.ticket(id).unwrap(), view);
    }
    fixture.jira.set_administrator(false);
    let quiet =
        fixture.put(&format!("{path}?notifyUsers=false"), json!({ "fields": { "summary": "y" } })).await;
    assert_eq!((quiet.status, fixture.jira.ticket(id).unwrap()), (403, view));
    let text = document(&json!([{ "type": "text", "text": "new" }]));
    assert_eq!(fixture.put(&path, json!({ "fields": { "description": text } })).await.status, 204);
    assert_eq!(fixture.jira.ticket(id).unwrap().description.as_deref(), Some("new"));
}

#[tokio::test]
async fn properties_are_kept_with_the_issue() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let path = format!("api/3/issue/{id}/properties/docspace.room");
    assert_eq!(fixture.get(&path).await.status, 404);
    assert_eq!(fixture.put(&path, json!({ "room_id": 4711 })).await.status, 201);
    assert_eq!(fixture.put(&path, json!({ "room_id": 4712 })).await.status, 200);
    let body = fixture.get(&path).await.body;
    assert_eq!(body, json!({ "key": "docspace.room", "value": { "room_id": 4712 } }));
    let issue =
        fixture.get(&format!("api/3/issue/{id}?fields=status&properties=docspace.room,other")).await.body;
    assert_eq!(issue["properties"], json!({ "docspace.room": { "room_id": 4712 } }));
    assert_eq!(fixture.jira.ticket(id).unwrap().properties["docspace.room"], json!({ "room_id": 4712 }));
    assert_eq!(fixture.put(&path, json!("x".repeat(32_767))).await.status, 400);
    let long = format!("api/3/issue/{id}/properties/{}", "k".repeat(256));
    assert_eq!(fixture.put(&long, json!(1)).await.status, 400);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.call(Method::DELETE, &path, None).await.status, 404);
    let counters = fixture.jira.counters();
    assert_eq!((counters.of("put_property"), counters.of("get_property")), (4, 2));
}

#[tokio::test]
async fn the_resolution_comes_and_goes_with_the_status() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    for (status, category, resolution) in [
        ("Resolved", "done", json!("Done")),
        ("Closed", "done", json!("Done")),
        ("10100", "indeterminate", Value::Null),
        ("open", "new", Value::Null),
    ] {
        assert!(fixture.jira.change_ticket(id, Change::Status(status.to_owned())));
        assert!(!fixture.jira.change_ticket(id, Change::Status(status.to_owned())));
        let fields = &fixture.get(&format!("api/3/issue/{id}?fields=status,resolution")).await.body["fields"];
        assert_eq!(fields["status"]["statusCategory"]["key"], category, "{status}");
        assert_eq!(fields.pointer("/resolution/name").unwrap_or(&Value::Null), &resolution, "{status}");
    }
    for impossible in [
        Change::Status("done".to_owned()),
        Change::Assignee(Some(RITA.to_owned())),
        Change::Reporter(Some("nobody".to_owned())),
        Change::Priority("extreme".to_owned()),
    ] {
        assert!(!fixture.jira.change_ticket(id, impossible));
    }
}

#[tokio::test]
async fn faults_speak_like_jira() {
    let fixture = fixture(Setup::default()).await;
    let daily = FaultKind::TooMany(TooMany::Daily { retry_after_s: 7 });
    for (kind, status, retry_after, reason) in [
        (daily, 429, "7", "jira-burst-based"),
        (FaultKind::TooMany(TooMany::PerMinute), 429, "", "jira-burst-based"),
        (FaultKind::TooMany(TooMany::ConcurrentWrites), 429, "", "jira-per-issue-on-write"),
        (FaultKind::StatusBefore(401), 401, "", ""),
        (FaultKind::StatusBefore(404), 404, "", ""),
        (FaultKind::StatusBefore(503), 503, "", ""),
    ] {
        fixture.jira.faults().add(Fault::once("myself", kind));
        let answer = fixture.get("api/3/myself").await;
        let told = (answer.status, answer.header("retry-after"), answer.header("ratelimit-reason"));
        assert_eq!(told, (status, retry_after, reason));
        assert_eq!(answer.body["errorMessages"].is_array(), status != 503);
    }
    assert_eq!(fixture.jira.counters().rejected_429, 3);
}

#[tokio::test]
async fn the_control_endpoint_makes_issues() {
    let fixture = fixture(Setup::default()).await;
    let receiver = fixture.receiver(Mode::AutomationFormat).await;
    let control = |method, path: &str, body: Value| {
        Reply::to(fixture.http.request(method, fixture.url(&format!("_simulator/{path}"))).json(&body))
    };
    let webhook = json!({ "endpoint": receiver.url(), "secret": "s", "mode": "admin", "projects": ["SUP"] });
    assert_eq!(control(Method::PUT, "webhook", webhook).await.status, 204);
    assert_eq!(
        control(Method::PUT, "webhook", json!({ "endpoint": receiver.url(), "token": "x" })).await.status,
        400
    );
    let made = control(Method::POST, "tickets", json!({ "subject": "By hand", "labels": ["a"] })).await;
    assert_eq!((made.status, &made.body), (201, &json!({ "id": 10042 })));
    assert_eq!(control(Method::POST, "tickets/10042", json!({ "status": "Resolved" })).await.status, 204);
    assert_eq!(control(Method::POST, "tickets/10043", json!("delete")).await.status, 404);
    assert_eq!(control(Method::POST, "tickets", json!({ "topic": "x" })).await.status, 400);
    assert_eq!(fixture.events().await, ["jira:issue_created", "jira:issue_updated"]);
    let tickets = control(Method::GET, "tickets", Value::Null).await.body;
    assert_eq!((&tickets[0]["summary"], &tickets[0]["status"]), (&json!("By hand"), &json!("Resolved")));
    assert_eq!(control(Method::PUT, "issue_linking", json!(false)).await.status, 204);
    assert_eq!(fixture.get("api/3/issue/10042/remotelink").await.status, 403);
    let state = control(Method::GET, "state", Value::Null).await.body;
    assert_eq!(state["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!((fixture.jira.counters().requests, fixture.jira.account_id().as_str()), (1, INTEGRATION));
}
