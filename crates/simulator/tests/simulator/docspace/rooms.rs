//! Keys, rooms, tags, searching.

use simulator::docspace::{NewUser, Quirks, ServerVersion, UserKind, UserStatus};

use super::*;

#[tokio::test]
async fn a_key_opens_what_its_scopes_say() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let room = format!("files/rooms/{id}");
    let minimum: &[&str] = &["rooms:write", "files:write", "accounts:read"];
    for (permissions, method, path, status) in [
        (minimum, Method::GET, "files/rooms", 200),
        (minimum, Method::GET, "group", 200),
        (minimum, Method::GET, "people/email?email=anna.agent@example.com", 200),
        (minimum, Method::GET, "people/@self", 403),
        (minimum, Method::GET, "keys/@self", 200),
        (&["rooms:read"], Method::GET, room.as_str(), 200),
        (&["rooms:read"], Method::PUT, room.as_str(), 403),
        (&["rooms:write"], Method::GET, "files/@my", 403),
        (&["files:read"], Method::GET, "files/fileops", 200),
        (&["files:read"], Method::GET, room.as_str(), 403),
        (&["accounts:write"], Method::GET, "group", 403),
        (&["accounts.self:read"], Method::GET, "people/@self", 200),
        (&["rooms:read"], Method::GET, "capabilities", 200),
        (&["*"], Method::PUT, room.as_str(), 200),
        (&["*:read"], Method::GET, "people/@self", 200),
        (&["*:read"], Method::PUT, room.as_str(), 403),
        (&[], Method::PUT, room.as_str(), 200),
    ] {
        let key = fixture.docspace.add_key(permissions, None);
        let body = (method == Method::PUT).then(|| json!({}));
        let reply = fixture.with_key(&key).send(method.clone(), path, body.as_ref()).await;
        assert_eq!(reply.status, status, "{permissions:?} {method} {path}");
        assert!(status == 200 || reply.body.is_null());
    }
}

#[tokio::test]
async fn a_key_ends_is_revoked_and_is_somebodys() {
    let fixture = fixture().await;
    let ends = "2026-07-01T11:00:00Z".parse().unwrap();
    let limited = fixture.with_key(&fixture.docspace.add_key(&[], Some(ends)));
    assert_eq!(limited.get("people/@self").await.status, 200);
    fixture.clock.advance(3600);
    assert_eq!(limited.get("people/@self").await.status, 401);
    assert_eq!(limited.get("files/rooms/1").await.status, 404, "anonymous, but there is no such room");
    fixture.docspace.revoke_key(&fixture.key);
    assert_eq!(fixture.get("people/@self").await.status, 401);
    fixture.docspace.restore_key(&fixture.key);
    assert_eq!(fixture.get("people/@self").await.status, 200);
    // Only with `Bearer ` is it taken for a key.
    let url = fixture.docspace.url().join("api/2.0/people/@self").unwrap();
    let bare = fixture.http.get(url).header("authorization", &fixture.key).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let gone = NewUser::active("gone@example.com", "Gone", UserKind::DocSpaceAdmin);
    let gone = fixture.docspace.add_user(NewUser { status: UserStatus::Terminated, ..gone });
    assert_eq!(fixture.with_key(&fixture.docspace.add_key_of(gone)).get("people/@self").await.status, 401);
}

#[tokio::test]
async fn bodies_are_bound_leniently_and_validated_strictly() {
    let fixture = fixture().await;
    for (body, status) in [
        (json!({ "title": "x", "roomType": "EditingRoom" }), 200),
        (json!({ "Title": "x", "ROOMTYPE": "2", "unknown": 1, "share": [{ "email": "a@b.c" }] }), 200),
        (json!({ "title": "x".repeat(170), "roomType": 2 }), 200),
        (json!({ "title": "🔥".repeat(86), "roomType": 2 }), 400),
        (json!({ "title": "  ", "roomType": 2 }), 400),
        (json!({ "roomType": 2 }), 400),
        (json!({ "title": "x" }), 400),
        (json!({ "title": "x", "roomType": 3 }), 400),
        (json!({ "title": "x", "roomType": "NoRoom" }), 400),
        (json!([]), 400),
    ] {
        let reply = fixture.post("files/rooms", body.clone()).await;
        assert_eq!(reply.status, status, "{body}");
        assert_eq!(reply.body["response"]["errors"].is_object(), status == 400, "{}", reply.body);
    }
    let rooms = fixture.docspace.rooms().len();
    let tags = json!({ "title": "x", "roomType": 2, "tags": ["x".repeat(256)] });
    let reply = fixture.post("files/rooms", tags).await;
    assert_eq!((reply.status, reply.body["error"].is_object()), (400, true), "{}", reply.body);
    assert_eq!(fixture.docspace.rooms().len(), rooms + 1, "the room was there before its tags");
    let request = || fixture.request(Method::POST, "files/rooms", None);
    assert_eq!(request().send().await.unwrap().status(), 400);
    assert_eq!(request().body("{}").send().await.unwrap().status(), 415);
    assert!(fixture.docspace.rooms().iter().all(|room| room.members.is_empty()), "`share` is not read");
    let unknown = fixture.get("files/covers").await;
    assert_eq!((unknown.status, unknown.body["statusCode"].as_i64()), (404, Some(404)));
    assert_eq!(fixture.docspace.counters().of("unknown"), 1);
}

#[tokio::test]
async fn only_those_who_run_rooms_make_them_and_others_see_their_own() {
    let fixture = fixture().await;
    let anna = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    let ben = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("ben")));
    let (of_service, of_anna) = (fixture.room("One", 2, &[]).await, anna.room("Two", 2, &[]).await);
    let body = json!({ "title": "x", "roomType": 2 });
    assert_eq!(ben.post("files/rooms", body.clone()).await.status, 403);
    assert_eq!(ben.get("people/email?email=anna.agent@example.com").await.status, 403);
    let ids = |reply: Reply| reply.each("id");
    assert_eq!(ids(fixture.get("files/rooms?sortBy=DateAndTimeCreation").await), [of_service, of_anna]);
    assert_eq!(ids(anna.get("files/rooms").await), [of_anna]);
    assert_eq!(anna.get(&format!("files/rooms/{of_service}")).await.status, 403);
    // An admin who isn't in the room reads and archives it, and that is all.
    let room = format!("files/rooms/{of_anna}");
    assert_eq!(fixture.get(&room).await.response()["security"]["EditAccess"], false);
    let tier_2 = json!({ "invitations": [{ "id": fixture.group("Tier 2"), "access": "Read" }] });
    for (path, body) in [
        (format!("{room}/share"), tier_2.clone()),
        (room.clone(), json!({ "title": "y" })),
        (format!("{room}/links"), json!({ "access": 2 })),
    ] {
        assert_eq!(fixture.put(&path, body).await.status, 403, "{path}");
    }
    assert_eq!(fixture.post(&format!("files/folder/{of_anna}"), json!({ "title": "x" })).await.status, 403);
    // Through his group, Ben is in.
    assert_eq!(anna.put(&format!("{room}/share"), tier_2).await.status, 200);
    assert_eq!(ids(ben.get("files/rooms").await), [of_anna]);
    assert_eq!(ben.post(&format!("files/folder/{of_anna}"), json!({ "title": "x" })).await.status, 403);
    assert_eq!(ben.put(&format!("{room}/archive"), json!({})).await.status, 403);
    fixture.archive(of_anna).await;
    fixture.docspace.set_service_user_kind(UserKind::User);
    assert_eq!(fixture.post("files/rooms", body).await.status, 403);
}

#[tokio::test]
async fn a_room_that_is_gone_or_archived_refuses_like_a_forbidden_one() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 5, &[]).await;
    fixture.archive(id).await;
    let edits = [
        ("", json!({ "title": "x" }), 403, 403),
        ("/tags", json!({ "names": ["x"] }), 403, 404),
        ("/share", json!({ "invitations": [] }), 403, 404),
        ("/links", json!({ "linkType": 1, "access": 2 }), 403, 404),
        ("/archive", json!({}), 200, 404),
    ];
    for (path, body, archived, unknown) in edits {
        assert_eq!(
            fixture.put(&format!("files/rooms/{id}{path}"), body.clone()).await.status,
            archived,
            "{path}"
        );
        assert_eq!(fixture.put(&format!("files/rooms/999{path}"), body).await.status, unknown, "{path}");
    }
    assert_eq!(fixture.post(&format!("files/folder/{id}"), json!({ "title": "x" })).await.status, 403);
    assert_eq!(fixture.get(&format!("files/rooms/{id}")).await.response()["rootFolderType"], 20);
    fixture.docspace.delete_room(id);
    assert_eq!(fixture.get(&format!("files/rooms/{id}")).await.status, 404);
    assert_eq!(fixture.get(&format!("files/{id}/subfolders")).await.status, 404);
}

#[tokio::test]
async fn tags_are_found_at_once_and_titles_later() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket #1: VPN outage", 2, &["hd-1"]).await;
    let other = fixture.room("Other", 5, &["hd-2"]).await;
    let untagged = fixture.room("Untagged", 2, &[]).await;
    fixture.archive(other).await;
    let by_title = "files/rooms?filterValue=vpn%20ticket";
    assert_eq!(fixture.get(by_title).await.response()["total"], 0, "the index has not heard of it");
    let owner = fixture.docspace.service_user();
    for (query, found) in [
        ("tags=%5B%22HD-1%22%5D".to_owned(), vec![id]),
        ("tags=%5B%22hd-2%22%5D".to_owned(), vec![]),
        ("searchArea=2&tags=%5B%22hd-1%22%2C%22hd-2%22%5D".to_owned(), vec![id, other]),
        ("searchArea=1".to_owned(), vec![other]),
        ("searchArea=Archive".to_owned(), vec![other]),
        ("searchArea=4".to_owned(), vec![]),
        ("searchArea=2&withoutTags=true".to_owned(), vec![untagged]),
        (format!("subjectOwnerId={owner}"), vec![id, untagged]),
        (format!("subjectOwnerId={}", fixture.user("anna")), vec![]),
        ("searchArea=2&type=5".to_owned(), vec![other]),
        ("searchArea=2&count=1&startIndex=1".to_owned(), vec![other]),
    ] {
        let reply = fixture.get(&format!("files/rooms?{query}&sortBy=DateAndTimeCreation")).await;
        assert_eq!(reply.each("id"), found, "{query}");
    }
    assert_eq!(fixture.get("files/rooms?count=101").await.status, 400);
    let deadline = Instant::now() + Duration::from_secs(10);
    while fixture.get(by_title).await.each("id") != [id] {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fixture.put(&format!("files/rooms/{id}"), json!({ "title": "Renamed" })).await.response();
    assert_eq!(fixture.get(by_title).await.each("id"), [id], "nor of the new name");
}

#[tokio::test]
async fn an_order_is_remembered() {
    let fixture = fixture().await;
    for title in ["b", "c", "a"] {
        fixture.room(title, 2, &[]).await;
        fixture.clock.advance(1);
    }
    for (query, titles) in [
        ("", ["a", "c", "b"]),
        ("?sortBy=AZ", ["a", "b", "c"]),
        ("", ["a", "b", "c"]),
        ("?sortBy=DateAndTimeCreation&sortOrder=ascending", ["b", "c", "a"]),
        ("?count=100", ["b", "c", "a"]),
    ] {
        assert_eq!(fixture.get(&format!("files/rooms{query}")).await.each("title"), titles, "{query}");
    }
}

#[tokio::test]
async fn tags_come_after_the_room_and_are_the_portals() {
    let fixture = fixture().await;
    fixture.docspace.lose_tags_of_next_room();
    let body = json!({ "title": "Ticket", "roomType": 2, "tags": ["hd-1"] });
    assert_eq!(fixture.post("files/rooms", body).await.status, 500);
    let rooms = fixture.docspace.rooms();
    assert_eq!((rooms.len(), rooms[0].tags.len()), (1, 0), "made all the same, and nobody knows for whom");
    let room = format!("files/rooms/{}", rooms[0].id);
    // The portal knows the tag by its first spelling.
    for names in [json!(["hd-1", "x"]), json!(["HD-1"])] {
        let tagged = fixture.put(&format!("{room}/tags"), json!({ "names": names })).await;
        assert_eq!(tagged.response()["tags"], json!(["hd-1", "x"]));
    }
    let less = fixture.delete(&format!("{room}/tags"), json!({ "names": ["X"] })).await;
    assert_eq!(less.response()["tags"], json!(["hd-1"]));
    let replaced = fixture.put(&room, json!({ "tags": ["y"] })).await;
    assert_eq!(replaced.response()["tags"], json!(["y"]));
    assert_eq!(fixture.get("files/tags").await.response(), &json!(["hd-1", "x", "y"]));
}

#[tokio::test]
async fn an_older_server_knows_less() {
    let fixture = fixture_with(Setup { version: ServerVersion::V2_0, ..Setup::default() }).await;
    let id = fixture.room("Ticket", 5, &["hd-1"]).await;
    assert!(fixture.docspace.room(id).unwrap().tags.is_empty());
    let body = json!({ "invitations": [{ "id": fixture.user("ben"), "access": 2 }] });
    let shared = fixture.put(&format!("files/rooms/{id}/share"), body).await;
    let member = &shared.response()["members"][0];
    assert!(member["sharedTo"]["id"].is_string() && member.get("sharedToUser").is_none());
    let link = fixture.get(&format!("files/rooms/{id}/link")).await;
    assert!(
        link.response()["sharedTo"]["shareLink"].is_string() && link.response().get("sharedLink").is_none()
    );
    assert_eq!(fixture.get("keys/@self").await.status, 404);
    assert_eq!(fixture.get("settings/version/build").await.response()["docSpace"], "2.0.4");
}

#[tokio::test]
async fn portals_differ() {
    let fixture = fixture().await;
    let room = fixture.room("Ticket", 5, &["hd-1"]).await;
    let third_party_rooms = vec!["Cloud".to_owned()];
    let quirks = Quirks { third_party_rooms, links_are_internal: true, ..Quirks::default() };
    fixture.docspace.set_quirks(quirks);
    let ids = fixture.get("files/rooms").await.each("id");
    assert_eq!(ids, [json!("sbox-12-|Cloud"), json!(room)]);
    assert_eq!(fixture.get("files/rooms?storageFilter=1").await.each("id"), [json!(room)]);
    let link = fixture.get(&format!("files/rooms/{room}/link")).await;
    assert_eq!(link.response()["sharedLink"]["internal"], true);
    fixture.docspace.set_quirks(Quirks { lists_repeat: true, ..Quirks::default() });
    let page = fixture.get("files/rooms?storageFilter=1&startIndex=5000").await;
    assert_eq!(page.each("id").len(), 100);
    let session = fixture.with_key(&fixture.docspace.add_session());
    assert_eq!(session.get("keys/@self").await.status, 500);
    assert_eq!(session.get("people/@self").await.status, 200);
}
