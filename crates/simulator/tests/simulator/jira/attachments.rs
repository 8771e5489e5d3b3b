//! Files.

use reqwest::redirect::Policy;
use serde_json::json;
use simulator::jira::{Deployment, NewAttachment, NewIssue, Setup};

use super::fixture;
use crate::fixture::Reply;

fn with_a_log() -> NewIssue {
    let log = NewAttachment { filename: "export.log".to_owned(), content: "0x80070057".to_owned() };
    NewIssue { attachments: vec![log], ..NewIssue::about("Export fails") }
}

#[tokio::test]
async fn the_content_is_elsewhere_and_wants_no_credentials() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.jira.create_ticket(with_a_log());
    let listed = fixture.get(&format!("api/3/issue/{id}?fields=attachment")).await.body;
    let file = &listed["fields"]["attachment"][0];
    assert_eq!(
        (&file["id"], &file["size"], &file["mimeType"]),
        (&json!("10021"), &json!(10), &json!("text/plain"))
    );
    assert_eq!(fixture.get("api/3/attachment/10021").await.body["filename"], "export.log");

    let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let content = fixture.url("rest/api/3/attachment/content/10021");
    let get =
        |url: reqwest::Url| http.get(url).basic_auth(fixture.jira.email(), Some(fixture.jira.api_token()));
    let answer = Reply::to(get(content.clone())).await;
    assert_eq!(answer.status, 303);
    let location: reqwest::Url = answer.header("location").parse().unwrap();
    assert_eq!(Reply::to(get(location.clone())).await.status, 403);
    let bytes = http.get(location.clone()).send().await.unwrap().text().await.unwrap();
    assert_eq!(bytes, "0x80070057");
    let mut forged = location;
    forged.set_query(Some("token=x"));
    assert_eq!(Reply::to(http.get(forged)).await.status, 403);
    let direct = get(fixture.url("rest/api/3/attachment/content/10021?redirect=false")).send().await.unwrap();
    assert_eq!((direct.status().as_u16(), direct.text().await.unwrap().as_str()), (200, "0x80070057"));
    assert_eq!(Reply::to(http.get(content)).await.status, 404);
    assert_eq!(fixture.get("api/3/attachment/content/1").await.status, 404);
}

#[tokio::test]
async fn data_center_has_them_itself() {
    let fixture = fixture(Setup { deployment: Deployment::DataCenter, ..Setup::default() }).await;
    fixture.jira.create_ticket(with_a_log());
    let content = fixture.get("api/2/attachment/10021").await.body["content"].as_str().unwrap().to_owned();
    let answer =
        fixture.http.get(content).bearer_auth(fixture.jira.personal_access_token()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "0x80070057");
}
