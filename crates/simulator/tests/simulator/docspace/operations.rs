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

#[tokio::test]
async fn ten_operations_run_at_once_and_a_further_one_is_accepted_and_never_runs() {
    let fixture = fixture_with(Setup { operation_time: Duration::from_secs(600), ..Setup::default() }).await;
    let anna = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    // The queue is the portal's: the operation of another user occupies a place, and so does one
    // that cleans up after itself, while it runs.
    let hers = anna.room("Hers", 2, &[]).await;
    anna.put(&format!("files/rooms/{hers}/archive"), json!({ "deleteAfter": true })).await.response();
    let mut started = Vec::new();
    for number in 0..10 {
        let room = fixture.room(&format!("Ticket {number}"), 2, &[]).await;
        let reply = fixture.put(&format!("files/rooms/{room}/archive"), json!({})).await;
        assert_eq!((&reply.response()["status"], &reply.response()["finished"]), (&json!(0), &json!(false)));
        started.push(reply.response()["id"].clone());
    }
    let lost = started.pop().unwrap();
    assert_eq!(fixture.get("files/fileops").await.each("id"), started);
    let id = lost.as_str().unwrap();
    assert_eq!(fixture.get(&format!("files/fileops?id={id}")).await.response(), &json!([]));
}

#[tokio::test]
async fn an_operation_that_has_ended_occupies_its_place_until_it_is_read_or_forgotten() {
    let setup =
        Setup { operation_time: Duration::from_millis(100), operation_workers: 2, ..Setup::default() };
    let fixture = fixture_with(setup).await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let archived = || fixture.docspace.room(id).unwrap().archived;
    let room = format!("files/rooms/{id}");
    let ask = async |action: &str| {
        fixture.put(&format!("{room}/{action}"), json!({})).await.response();
    };
    for (action, archives) in [("archive", true), ("unarchive", false)] {
        ask(action).await;
        eventually(|| archived() == archives).await;
    }
    ask("archive").await;
    // Reads what has ended; what was lost is not there.
    assert_eq!(fixture.get("files/fileops").await.each("finished"), [true, true]);
    assert!(!archived());
    for (action, archives) in [("archive", true), ("unarchive", false)] {
        ask(action).await;
        eventually(|| archived() == archives).await;
    }
    fixture.docspace.set_operations_known_for(Duration::ZERO);
    ask("archive").await;
    eventually(archived).await;
    assert_eq!(fixture.get("files/fileops").await.response(), &json!([]));
}

#[tokio::test]
async fn operations_are_lost_when_a_test_wants_it() {
    let fixture = fixture_with(Setup { operation_time: Duration::ZERO, ..Setup::default() }).await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let skeleton = fixture.folder(id, "Logs").await;
    let archived = || fixture.docspace.room(id).unwrap().archived;
    fixture.docspace.lose_operations(3);
    let copy = json!({ "folderIds": [skeleton], "destFolderId": id, "conflictResolveType": 2 });
    fixture.put("files/fileops/copy", copy.clone()).await.response();
    assert_eq!(fixture.docspace.room(id).unwrap().folders, ["Logs"]);
    for lost in [true, true, false] {
        let reply = fixture.put(&format!("files/rooms/{id}/archive"), json!({})).await;
        assert_eq!((reply.response()["finished"] == false, archived()), (lost, !lost));
    }
    assert_eq!(fixture.get("files/fileops").await.response(), &json!([]), "a lost one is in no other answer");
    fixture.docspace.lose_operations(1);
    fixture.delete(&format!("files/rooms/{id}"), json!({})).await.response();
    assert_eq!(fixture.docspace.room(id), None, "deletions are not lost");
}

#[tokio::test]
async fn an_operation_runs_while_nobody_calls() {
    let fixture = fixture_with(Setup { operation_time: Duration::from_millis(20), ..Setup::default() }).await;
    let id = fixture.room("Ticket", 2, &[]).await;
    fixture.put(&format!("files/rooms/{id}/archive"), json!({})).await.response();
    let before = fixture.docspace.room(id).unwrap();
    assert!(!before.archived || before.archived_by.is_some());
    eventually(|| fixture.docspace.room(id).unwrap().archived).await;
    assert_eq!(fixture.docspace.room(id).unwrap().archived_by.as_deref(), Some("Helpdesk Integration"));
}

#[tokio::test]
async fn only_the_owner_and_admins_archive() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    fixture.docspace.add_member(id, fixture.user("anna"), 9);
    let anna = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    for action in ["archive", "unarchive"] {
        assert_eq!(anna.put(&format!("files/rooms/{id}/{action}"), json!({})).await.status, 403, "a manager");
    }
    let owner = fixture.with_key(&fixture.docspace.add_key_of(fixture.docspace.portal_owner()));
    owner.put(&format!("files/rooms/{id}/archive"), json!({})).await.response();
    eventually(|| fixture.docspace.room(id).unwrap().archived).await;
    // Where it is already: a success that does nothing.
    owner.put(&format!("files/rooms/{id}/archive"), json!({})).await.response();
    assert_eq!(fixture.put(&format!("files/rooms/{id}"), json!({ "title": "No" })).await.status, 403);
    assert_eq!(fixture.put("files/rooms/999999/archive", json!({})).await.status, 404);
}
