//! Comments, and who reads them.

use serde_json::{Value, json};
use simulator::jira::{BEN, Change, INTEGRATION, MO, RITA, Setup};

use super::{document, fixture};

fn hello() -> Value {
    document(&json!([{ "type": "text", "text": "Hello" }]))
}

/// With that value of the property that makes a comment internal.
fn visibility(value: &Value) -> Value {
    json!({ "body": hello(), "properties": [{ "key": "sd.public.comment", "value": value }] })
}

#[tokio::test]
async fn only_the_boolean_in_the_same_request_makes_a_comment_internal() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let path = format!("api/3/issue/{id}/comment");
    for (value, public) in [
        (json!({ "internal": true }), false),
        (json!({ "internal": "true" }), true),
        (json!({ "internal": 1 }), true),
        (json!({ "internal": false }), true),
        (json!({}), true),
        (json!(true), true),
    ] {
        let answer = fixture.post(&path, visibility(&value)).await;
        assert_eq!((answer.status, &answer.body["jsdPublic"]), (201, &json!(public)), "{value}");
    }
    let plain = fixture.post(&path, json!({ "body": hello() })).await;
    assert_eq!(plain.body["jsdPublic"], true);
    let number = plain.body["id"].as_str().unwrap();
    let late = format!("api/3/comment/{number}/properties/sd.public.comment");
    assert_eq!(fixture.put(&late, json!({ "internal": true })).await.status, 201);
    let view = fixture.jira.ticket(id).unwrap();
    let internal: Vec<bool> = view.comments.iter().map(|comment| comment.internal).collect();
    assert_eq!(internal, [true, false, false, false, false, false, false]);
    assert_eq!((view.customers_notified, view.comments[0].author.as_str()), (6, INTEGRATION));
    assert_eq!(view.comments[6].properties["sd.public.comment"], json!({ "internal": true }));
    assert_eq!(fixture.jira.counters().of("create_comment"), 7);
}

#[tokio::test]
async fn each_version_takes_its_own_form_of_text() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let text = |nodes: Value| json!({ "body": document(&nodes) });
    let link = json!([{ "type": "link", "attrs": { "href": "https://d.example/1" } }]);
    for (version, body, status) in [
        (3, json!({ "body": "Hello" }), 400),
        (3, json!({}), 400),
        (3, json!(["Hello"]), 400),
        (3, text(json!([{ "type": "text", "text": "" }])), 400),
        (3, text(json!([{ "type": "text" }])), 400),
        (3, text(json!([{ "type": "text", "text": "x", "marks": [{ "type": "bold" }] }])), 400),
        (3, text(json!([])), 400),
        (3, text(json!([{ "type": "text", "text": "x".repeat(32_768) }])), 400),
        (3, json!({ "body": hello(), "properties": { "key": "x" } }), 400),
        (2, json!({ "body": hello() }), 400),
        (2, json!({ "body": " " }), 400),
        (2, json!({ "body": "x".repeat(32_768) }), 400),
        (2, json!({ "body": "x".repeat(32_767) }), 201),
        (
            3,
            text(
                json!([{ "type": "text", "text": "open", "marks": link }, { "type": "text", "text": " [m:1]" }]),
            ),
            201,
        ),
        (2, json!({ "body": "[open|https://d.example/1] [m:1]" }), 201),
    ] {
        let answer = fixture.post(&format!("api/{version}/issue/{id}/comment"), body.clone()).await;
        assert_eq!(answer.status, status, "{version}: {:.200}", body.to_string());
    }
    let invalid = fixture.post(&format!("api/3/issue/{id}/comment"), json!({ "body": "Hello" })).await.body;
    assert_eq!(invalid, json!({ "errorMessages": ["Comment body is not valid!"], "errors": {} }));
    let [_, one, other] = fixture.jira.ticket(id).unwrap().comments.try_into().unwrap();
    assert_eq!(
        (one.body_text.as_str(), &other.body_text),
        ("[open|https://d.example/1] [m:1]", &one.body_text)
    );
    let read = fixture.get(&format!("api/2/issue/{id}/comment?startAt=1")).await.body;
    assert_eq!(read["comments"][0]["body"], "[open|https://d.example/1] [m:1]");
    let read = fixture.get(&format!("api/3/issue/{id}/comment?startAt=2")).await.body;
    let target = "/comments/0/body/content/0/content/0/marks/0/attrs/href";
    assert_eq!(read.pointer(target), Some(&json!("https://d.example/1")));
}

#[tokio::test]
async fn comments_come_in_pages_with_properties_for_those_who_ask() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    for number in 0..101 {
        fixture.jira.change_ticket(id, Change::InternalComment(format!("note {number}")));
    }
    let path = format!("api/3/issue/{id}/comment");
    let mark = json!({ "key": "docspace.room", "value": { "key": "jira:10042" } });
    let body = json!({ "body": hello(), "properties": [mark] });
    let made = fixture.post(&format!("{path}?expand=properties"), body.clone()).await.body;
    assert_eq!(made["properties"], json!([mark]));
    assert_eq!(fixture.post(&path, body).await.body.get("properties"), None);

    let page = fixture.get(&format!("{path}?orderBy=-created&maxResults=500&expand=properties")).await.body;
    assert_eq!((&page["maxResults"], &page["total"]), (&json!(100), &json!(103)));
    assert_eq!(page["comments"].as_array().unwrap().len(), 100);
    assert_eq!(page["comments"][0]["properties"], json!([mark]));
    assert_eq!(
        (&page["comments"][0]["jsdPublic"], &page["comments"][2]["jsdPublic"]),
        (&json!(true), &json!(false))
    );
    let rest = fixture.get(&format!("{path}?orderBy=-created&startAt=100&maxResults=100")).await.body;
    assert_eq!(
        (rest["comments"].as_array().unwrap().len(), rest["comments"][2].get("properties")),
        (3, None)
    );
    let oldest = rest.pointer("/comments/2/body/content/0/content/0/text");
    assert_eq!(oldest, Some(&json!("note 0")));
    assert_eq!(fixture.get(&format!("{path}?orderBy=author")).await.status, 400);
    assert_eq!(fixture.jira.counters().of("comments"), 3);
}

#[tokio::test]
async fn the_service_desk_has_a_flag_for_it() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let path = format!("servicedeskapi/request/{id}/comment");
    for (body, status, public) in [
        (json!({ "body": "note", "public": false }), 201, json!(false)),
        (json!({ "body": "reply", "public": true }), 201, json!(true)),
        (json!({ "body": "reply" }), 201, json!(true)),
        (json!({ "body": "" }), 400, Value::Null),
    ] {
        let answer = fixture.post(&path, body).await;
        assert_eq!((answer.status, &answer.body["public"]), (status, &public));
    }
    let view = fixture.jira.ticket(id).unwrap();
    assert_eq!((view.comments.len(), view.comments[0].internal, view.customers_notified), (3, true, 2));
}

#[tokio::test]
async fn nobody_is_told_of_what_they_wrote() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    let public = || Change::PublicComment("x".to_owned());
    assert!(fixture.jira.change_ticket_by(RITA, id, public()));
    assert_eq!(fixture.jira.ticket(id).unwrap().customers_notified, 0);
    assert!(
        fixture.jira.change_ticket_by(BEN, id, public()) && fixture.jira.change_ticket_by(MO, id, public())
    );
    assert_eq!(fixture.jira.ticket(id).unwrap().customers_notified, 2);
}

#[tokio::test]
async fn an_issue_takes_so_many_comments() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.issue();
    for _ in 0..5_000 {
        fixture.jira.change_ticket(id, Change::InternalComment("x".to_owned()));
    }
    assert_eq!(
        fixture.post(&format!("api/3/issue/{id}/comment"), json!({ "body": hello() })).await.status,
        413
    );
    assert_eq!(fixture.jira.ticket(id).unwrap().comments.len(), 5_000);
}
