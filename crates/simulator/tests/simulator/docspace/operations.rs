//! Archive, unarchive, delete: answered at once, done later, reported once.

use super::files::finished;
use super::*;

#[tokio::test]
async fn a_finished_operation_is_reported_once_to_whoever_asks_first() {
    let fixture =
        fixture_with(Setup { operation_time: Duration::from_millis(400), ..Setup::default() }).await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let room = format!("files/rooms/{id}");
    let started = fixture.put(&format!("{room}/archive"), json!({ "deleteAfter": false })).await;
    assert!(!fixture.docspace.room(id).unwrap().archived, "only started");
    let operation = started.response()["id"].as_str().unwrap().to_owned();
    let report = finished(&fixture, &operation).await;
    assert_eq!((&report["status"], &report["folders"][0]["rootFolderType"]), (&json!(2), &json!(20)));
    assert_eq!(fixture.get(&format!("files/fileops?id={operation}")).await.response(), &json!([]));

    // Another poller of the same user takes the report of this one.
    fixture.put(&format!("{room}/unarchive"), json!({ "deleteAfter": false })).await.response();
    eventually(|| !fixture.docspace.room(id).unwrap().archived).await;
    let stranger = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    assert_eq!(stranger.get("files/fileops").await.response(), &json!([]), "it is not hers to see");
    assert_eq!(fixture.get("files/fileops/copy").await.response(), &json!([]));
    assert_eq!(fixture.get("files/fileops/move").await.each("finished"), [true]);
    assert_eq!(fixture.get("files/fileops").await.response(), &json!([]));
    let nobody = fixture.with_key("none").get("files/fileops").await;
    assert_eq!((nobody.status, nobody.body["error"]["hresult"].as_i64()), (401, Some(0)));

    // One that cleans up after itself is never reported.
    fixture.archive(id).await;
    assert_eq!(fixture.get("files/fileops").await.response(), &json!([]));
}

#[tokio::test]
async fn a_deletion_answers_with_the_first_of_its_user() {
    let fixture = fixture_with(Setup { operation_time: Duration::from_secs(600), ..Setup::default() }).await;
    let (one, two) = (fixture.room("One", 2, &[]).await, fixture.room("Two", 2, &[]).await);
    let delete =
        |id: i64| fixture.request(Method::DELETE, &format!("files/rooms/{id}"), Some(&json!({}))).send();
    let id_of = async |id| delete(id).await.unwrap().json::<Value>().await.unwrap()["response"]["id"].clone();
    assert_eq!(id_of(one).await, id_of(two).await);
    assert_eq!(fixture.get("files/fileops").await.each("progress"), [50, 0]);
}

#[tokio::test]
async fn what_cannot_be_done_any_more_fails_in_the_operation() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    fixture.docspace.archive_room(id);
    fixture.docspace.set_room_quota(Some(1));
    fixture.room("Another", 2, &[]).await;
    let started = fixture.put(&format!("files/rooms/{id}/unarchive"), json!({})).await;
    let operation = started.response()["id"].as_str().unwrap().to_owned();
    let report = finished(&fixture, &operation).await;
    assert_eq!((&report["status"], report["error"] != ""), (&json!(4), true), "{report}");
    assert!(fixture.docspace.room(id).unwrap().archived);
    fixture.delete(&format!("files/rooms/{id}"), json!({})).await.response();
    eventually(|| fixture.docspace.room(id).is_none()).await;
}

#[tokio::test]
async fn an_operation_needs_a_body() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let bare = fixture.send(Method::PUT, &format!("files/rooms/{id}/archive"), None).await;
    assert_eq!((bare.status, bare.body["status"].as_i64()), (400, Some(1)));
}
