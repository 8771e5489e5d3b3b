//! Folders, and copying a skeleton of them.

use super::*;

#[tokio::test]
async fn the_same_title_twice_makes_two_folders() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let logs = fixture.folder(id, "Logs").await;
    fixture.folder(id, "Logs").await;
    fixture.folder(logs, "a/b: c").await;
    assert_eq!(fixture.docspace.room(id).unwrap().folders, ["Logs", "Logs", "Logs/a_b_ c"]);
    assert_eq!(fixture.get(&format!("files/{id}/subfolders")).await.each("title"), ["Logs", "Logs"]);
    assert_eq!(fixture.get(&format!("files/rooms/{id}")).await.response()["foldersCount"], 3);
    for (title, status) in [("x".repeat(165), 200), ("x".repeat(166), 400), (String::new(), 400)] {
        let reply = fixture.post(&format!("files/folder/{id}"), json!({ "title": title })).await;
        assert_eq!(reply.status, status, "{title}");
    }
    let folder = fixture.get(&format!("files/folder/{logs}")).await;
    assert_eq!(
        (&folder.response()["parentId"], &folder.response()["parentRoomType"]),
        (&json!(id), &json!(16))
    );
}

#[tokio::test]
async fn a_folder_goes_with_what_is_in_it() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let logs = fixture.folder(id, "Logs").await;
    let server = fixture.folder(logs, "Server").await;
    fixture.docspace.add_file(server, "boot.log");
    assert_eq!(fixture.docspace.room(id).unwrap().files, 1);
    let contents = fixture.get(&format!("files/{server}")).await;
    assert_eq!(contents.response()["files"][0]["title"], "boot.log");
    let path: Vec<_> =
        contents.response()["pathParts"].as_array().unwrap().iter().map(|p| &p["title"]).collect();
    assert_eq!(path, ["Rooms", "Ticket", "Logs", "Server"]);
    assert_eq!(
        fixture.delete(&format!("files/folder/{id}"), json!({})).await.status,
        403,
        "a room is no folder"
    );
    fixture.delete(&format!("files/folder/{logs}"), json!({})).await.response();
    eventually(|| fixture.docspace.room(id).unwrap().folders.is_empty()).await;
    assert_eq!(fixture.docspace.room(id).unwrap().files, 0);
}

#[tokio::test]
async fn the_room_around_a_folder_is_found_by_its_path() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &["zendesk:1"]).await;
    let logs = fixture.folder(id, "Logs").await;
    let server = fixture.folder(logs, "Server").await;
    let path = fixture.get(&format!("files/folder/{server}/path")).await;
    assert_eq!(path.each("id"), [json!(14), json!(id), json!(logs), json!(server)]);
    assert_eq!(path.each("roomType"), [Value::Null, json!(2), Value::Null, Value::Null]);
    assert_eq!(path.response()[1]["tags"], json!(["zendesk:1"]));
    let contents = fixture.get(&format!("files/{server}")).await;
    let parts = &contents.response()["pathParts"];
    assert_eq!(parts[1], json!({ "id": id, "title": "Ticket", "roomType": 2, "folderType": 16 }));
    assert_eq!(parts[3], json!({ "id": server, "title": "Server" }));
    fixture.archive(id).await;
    assert_eq!(fixture.get(&format!("files/folder/{server}/path")).await.each("id")[0], 15);
    let stranger = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("ben")));
    assert_eq!(stranger.get(&format!("files/folder/{server}/path")).await.status, 403);
    assert_eq!(fixture.get("files/folder/999999/path").await.status, 404);
}

#[tokio::test]
async fn a_deleted_folder_is_in_the_trash_of_who_deleted_it() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    for (immediately, is_there) in [(false, true), (true, false)] {
        let logs = fixture.folder(id, "Logs").await;
        let body = json!({ "immediately": immediately });
        fixture.delete(&format!("files/folder/{logs}"), body).await.response();
        eventually(|| fixture.docspace.room(id).unwrap().folders.is_empty()).await;
        let folder = fixture.get(&format!("files/folder/{logs}")).await;
        assert_eq!(folder.status == 200, is_there);
        if is_there {
            assert_eq!(folder.response()["rootFolderType"], 3);
        }
    }
}

#[tokio::test]
async fn each_folder_knows_how_much_is_in_it() {
    let fixture = fixture().await;
    let (room, other) = (fixture.room("Ticket", 2, &[]).await, fixture.room("Other", 2, &[]).await);
    let logs = fixture.folder(room, "Logs").await;
    let server = fixture.folder(logs, "Server").await;
    fixture.docspace.add_file(server, "boot.log");
    let counts = async |list: &str| {
        let list = fixture.get(list).await;
        let current = &list.response()["current"];
        (current["filesCount"].clone(), current["foldersCount"].clone())
    };
    let (active, archive) = ("files/rooms", "files/15");
    assert_eq!(counts(active).await, (json!(1), json!(4)));
    assert_eq!(counts(&format!("files/{logs}")).await, (json!(1), json!(1)));
    fixture.archive(room).await;
    assert_eq!(counts(active).await, (json!(0), json!(1)));
    assert_eq!(counts(archive).await, (json!(1), json!(3)));
    fixture.docspace.delete_room(room);
    assert_eq!(counts(archive).await, (json!(0), json!(0)));
    fixture.docspace.delete_room(other);
    assert_eq!(counts(active).await, (json!(0), json!(0)));
}

#[tokio::test]
async fn a_copy_is_done_later_and_merges() {
    let fixture = fixture().await;
    let documents = fixture.get("files/@my").await.response()["current"]["id"].as_i64().unwrap();
    let skeleton = fixture.folder(documents, "skeleton").await;
    let logs = fixture.folder(skeleton, "Logs").await;
    fixture.folder(logs, "Server").await;
    fixture.folder(skeleton, "Findings").await;
    fixture.docspace.add_file(logs, "README.txt");
    assert_eq!(fixture.get("files/@my").await.each("title"), ["skeleton"]);
    let id = fixture.room("Ticket", 2, &[]).await;
    fixture.folder(id, "logs").await;

    let copy = |to: i64, content: bool, resolve: Value| {
        let body = json!({
            "folderIds": [skeleton], "fileIds": [], "destFolderId": to, "conflictResolveType": resolve,
            "content": content, "deleteAfter": false, "returnSingleOperation": true,
        });
        let fixture = &fixture;
        async move { fixture.put("files/fileops/copy", body).await }
    };
    let all = ["Findings", "logs", "logs/Server"];
    for skip in [json!(0), json!("Skip")] {
        let started = copy(id, true, skip).await;
        let operation = started.response()[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(started.response()[0]["finished"], false);
        finished(&fixture, &operation).await;
        let room = fixture.docspace.room(id).unwrap();
        assert_eq!((room.folders, room.files), (all.map(str::to_owned).to_vec(), 1));
    }
    copy(id, false, json!("overwrite")).await.response();
    eventually(|| fixture.docspace.room(id).unwrap().folders.len() == 7).await;
    copy(id, false, json!("Duplicate")).await.response();
    eventually(|| fixture.docspace.room(id).unwrap().folders.contains(&"skeleton (1)".to_owned())).await;

    assert_eq!(copy(999, true, json!(0)).await.status, 403, "no such destination");
    assert_eq!(copy(logs, true, json!(0)).await.status, 403, "into itself");
    fixture.archive(id).await;
    assert_eq!(copy(id, true, json!(0)).await.status, 403);
    assert_eq!(copy(skeleton, true, json!("Ask")).await.status, 400, "no such resolution");
    let missing = json!({ "folderIds": [999], "destFolderId": skeleton });
    assert_eq!(fixture.put("files/fileops/copy", missing).await.status, 404);
}

/// Polls until an operation is over, and takes its report away.
pub(super) async fn finished(fixture: &Fixture, operation: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let report = fixture.get(&format!("files/fileops?id={operation}")).await.response()[0].clone();
        if report["finished"] == true {
            return report;
        }
        assert!(Instant::now() < deadline, "{report}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
