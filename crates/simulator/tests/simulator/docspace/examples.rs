//! Our answers have the members of the examples in `tests/examples/docspace`, no more and no fewer.
//! The examples were put together from the server's own classes; none was recorded from a running
//! server.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::docspace::{Limits, NewUser, Setup, UserKind};

use super::*;

/// The paths of all members that are not null. What is in a list counts once.
fn shape(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
                // Named after the field that was wrong, so no part of the shape.
                let name = if path.ends_with(".errors") { "*" } else { name };
                shape(member, &format!("{path}.{name}"), paths);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), paths)),
        _ => {}
    }
    paths.insert(path.to_owned());
}

pub(super) fn shape_of(value: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    shape(value, "", &mut paths);
    paths
}

#[track_caller]
pub(super) fn is_like(reply: &Reply, example: &str) {
    let path = format!("{}/tests/examples/docspace/{example}.json", env!("CARGO_MANIFEST_DIR"));
    let example: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let expected = &example["response"];
    assert_eq!(json!(reply.status), expected["status"], "{}", reply.body);
    let (ours, theirs) = (shape_of(&reply.body), shape_of(&expected["body"]));
    let more: Vec<_> = ours.difference(&theirs).collect();
    let fewer: Vec<_> = theirs.difference(&ours).collect();
    assert!(more.is_empty() && fewer.is_empty(), "too many: {more:?}, missing: {fewer:?}");
    for (name, value) in expected["headers"].as_object().unwrap() {
        let ours = reply.header(&name.to_lowercase());
        let varies = ["Retry-After", "X-RateLimit-Reset"].contains(&name.as_str());
        assert!(ours.is_some() && (varies || ours == value.as_str()), "{name}: {ours:?}");
    }
}

#[tokio::test]
async fn rooms_and_their_folders() {
    let fixture = fixture().await;
    let body = json!({ "title": "Ticket #4711: VPN outage", "roomType": 2, "tags": ["hd-4711"] });
    let created = fixture.post("files/rooms", body).await;
    is_like(&created, "room-create");
    assert_eq!(created.response()["title"], "Ticket #4711_ VPN outage");
    let id = created.id();
    let room = format!("files/rooms/{id}");
    let body = json!({ "title": "Ticket 4712", "roomType": 5, "tags": ["hd-4712"] });
    is_like(&fixture.post("files/rooms", body).await, "room-create-custom");
    is_like(&fixture.put(&format!("{room}/tags"), json!({ "names": ["hd-4711"] })).await, "room-tags-add");
    is_like(&fixture.post(&format!("files/folder/{id}"), json!({ "title": "Logs" })).await, "folder-create");
    fixture.folder(id, "Attachments").await;
    is_like(&fixture.get(&format!("files/{id}/subfolders")).await, "subfolders-list");
    is_like(&fixture.get(&format!("files/{id}")).await, "folder-contents");
    is_like(&fixture.get(&room).await, "room-get");
    let hit = "files/rooms?searchArea=2&tags=%5B%22hd-4711%22%5D";
    is_like(&fixture.get(hit).await, "rooms-search-by-tag-hit");
    is_like(&fixture.get("files/rooms?searchArea=2&tags=%5B%22no%22%5D").await, "rooms-search-by-tag-miss");
    is_like(&fixture.put(&room, json!({ "title": "Ticket 4711 - closed" })).await, "room-update");
    is_like(&fixture.post("files/tags", json!({ "name": "hd-4713" })).await, "tag-create");
    is_like(&fixture.get("files/tags?filterValue=hd-").await, "tags-list");
}

#[tokio::test]
async fn operations() {
    let fixture = fixture_with(Setup { operation_time: Duration::from_secs(600), ..Setup::default() }).await;
    let id = fixture.room("Ticket", 2, &["hd-1"]).await;
    let skeleton = fixture.folder(id, "Skeleton").await;
    let keep = json!({ "deleteAfter": false });
    is_like(&fixture.put(&format!("files/rooms/{id}/archive"), keep.clone()).await, "room-archive-start");
    is_like(&fixture.get("files/fileops").await, "fileops-running");
    is_like(&fixture.get("files/fileops?id=none").await, "fileops-empty");
    let other = fixture.room("Other", 2, &[]).await;
    is_like(&fixture.delete(&format!("files/rooms/{other}"), keep.clone()).await, "room-delete-start");
    let copy = json!({ "folderIds": [skeleton], "destFolderId": other, "content": true, "returnSingleOperation": true });
    is_like(&fixture.put("files/fileops/copy", copy).await, "fileops-copy-start");

    let fixture = fixture_with(Setup { operation_time: Duration::ZERO, ..Setup::default() }).await;
    let id = fixture.room("Ticket", 2, &["hd-1"]).await;
    // Done in no time, the starting call itself reports it; its list-less answer has the same
    // members.
    let mut archived = fixture.put(&format!("files/rooms/{id}/archive"), keep.clone()).await;
    archived.body["response"] = json!([archived.body["response"]]);
    is_like(&archived, "fileops-finished");
    is_like(&fixture.get(&format!("files/rooms/{id}")).await, "room-get-archived");
    fixture.docspace.set_room_quota(Some(0));
    let mut failed = fixture.put(&format!("files/rooms/{id}/unarchive"), keep).await;
    failed.body["response"] = json!([failed.body["response"]]);
    is_like(&failed, "fileops-failed");
}

#[tokio::test]
async fn shares_and_links() {
    let fixture = fixture().await;
    let tier_2 = fixture.group("Tier 2");
    let lee = fixture.docspace.add_user(NewUser::active("lee@example.com", "Ann Lee", UserKind::User));
    let room = format!("files/rooms/{}", fixture.room("Ticket", 2, &[]).await);
    let (share, links) = (format!("{room}/share"), format!("{room}/links"));
    let body = json!({ "entries": [{ "id": tier_2, "isGroup": true, "access": 4 }] });
    is_like(&fixture.put(&share, body).await, "share-set-sample-body-noop");
    let body = json!({ "invitations": [{ "id": lee, "access": 4 }] });
    is_like(&fixture.put(&share, body).await, "share-set-role-not-available");
    let invitations = json!([{ "id": lee, "access": 10 }, { "id": tier_2, "access": 11 }]);
    is_like(&fixture.put(&share, json!({ "invitations": invitations, "notify": false })).await, "share-set");
    is_like(&fixture.get(&share).await, "share-get");
    let body = json!({ "invitations": [{ "email": "ext@example.org", "access": 2 }] });
    is_like(&fixture.put(&share, body).await, "share-set-email-invite");

    is_like(&fixture.put(&links, json!({})).await, "links-empty-body-noop");
    let body = json!({ "linkType": 1, "access": 2 });
    is_like(&fixture.put(&links, body).await, "links-external-editing-room-forbidden");
    let link = uuid::Uuid::new_v4();
    let body = json!({ "linkId": link, "linkType": 0, "access": 2, "title": "Ticket 4711" });
    is_like(&fixture.put(&links, body).await, "links-invitation-create");
    is_like(&fixture.put(&links, json!({})).await, "links-max-count");
    let room = format!("files/rooms/{}", fixture.room("Ticket", 5, &[]).await);
    let body = json!({ "linkId": uuid::Uuid::new_v4(), "linkType": 1, "access": 2 });
    is_like(&fixture.put(&format!("{room}/links"), body).await, "links-external-create-custom-room");
    is_like(&fixture.get(&format!("{room}/link")).await, "room-primary-link-get");
    is_like(&fixture.get(&format!("{room}/links?type=1")).await, "room-links-list");
}

#[tokio::test]
async fn people_and_the_portal() {
    let fixture = fixture().await;
    let ends = "2027-07-01T09:00:00Z".parse().unwrap();
    let key = fixture.docspace.add_key(&["rooms:write", "files:write", "accounts:read"], Some(ends));
    is_like(&fixture.with_key(&key).get("keys/@self").await, "key-self");
    is_like(&fixture.get("people/@self").await, "user-self");
    is_like(&fixture.get("people/email?email=Ben.Engineer%40example.com").await, "user-by-email");
    is_like(&fixture.get("people/email?email=nobody%40example.com").await, "user-by-email-not-found");
    is_like(&fixture.get("group?filterValue=Tier%202").await, "groups-search");
    let nobody = fixture.with_key("none");
    is_like(&nobody.get("capabilities").await, "capabilities");
    is_like(&nobody.get("settings/version/build").await, "version-build");
}

#[tokio::test]
async fn refusals() {
    let fixture = fixture().await;
    let body = json!({ "title": "x".repeat(171), "roomType": 2 });
    let invalid = fixture.post("files/rooms", body).await;
    is_like(&invalid, "error-validation");
    assert_eq!(invalid.body["status"], 1);
    is_like(
        &fixture.post("files/folder/999999", json!({ "title": "Logs" })).await,
        "error-folder-parent-not-found",
    );
    is_like(&fixture.get("files/rooms/999999").await, "error-room-not-found");
    is_like(&fixture.get("files/rooms?tags=notjson").await, "error-server");
    let room = json!({ "title": "x", "roomType": 2 });
    let id = fixture.post("files/rooms", room.clone()).await.id();
    fixture.docspace.set_room_quota(Some(1));
    is_like(&fixture.post("files/rooms", room.clone()).await, "error-room-quota");
    let nobody = fixture.with_key("sk-0");
    is_like(&nobody.post("files/rooms", room.clone()).await, "error-unauthorized-empty");
    is_like(&nobody.get(&format!("files/rooms/{id}")).await, "error-unauthorized-json");
    let key = fixture.docspace.add_key(&["rooms:read"], None);
    is_like(&fixture.with_key(&key).post("files/rooms", room.clone()).await, "error-scope-missing");

    for (limits, example) in [
        (Limits { concurrent_writes: 0, ..Limits::default() }, "error-rate-concurrency-write"),
        (Limits { writes_per_day: 0, ..Limits::default() }, "error-rate-daily"),
        (Limits { requests_per_minute: 0, ..Limits::default() }, "error-rate-per-minute"),
    ] {
        fixture.docspace.set_limits(Some(limits));
        let mut refused = fixture.post("files/rooms", room.clone()).await;
        assert_eq!(refused.header("x-ratelimit-limit"), Some("0"));
        // The examples are those of the default numbers.
        let number = match example {
            "error-rate-daily" => "10000",
            "error-rate-per-minute" => "1500",
            _ => "15",
        };
        refused.headers.insert("x-ratelimit-limit", number.parse().unwrap());
        is_like(&refused, example);
        assert_eq!(refused.header("retry-after").is_some(), example == "error-rate-daily");
    }
}
