//! Members and links.

use simulator::docspace::{LinkKind, NewUser, UserKind};
use uuid::Uuid;

use super::*;

#[tokio::test]
async fn a_share_can_succeed_and_do_nothing() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let path = format!("files/rooms/{id}/share");
    let share = async |body: Value| fixture.put(&path, body).await;
    let (ben, terminated) = (fixture.user("ben"), fixture.user("terminated"));
    for body in [
        json!({ "entries": [{ "id": ben, "access": 2 }] }),
        json!({ "invitations": [{ "id": terminated, "access": 2 }] }),
        json!({ "invitations": [{ "id": fixture.docspace.service_user(), "access": 2 }] }),
        json!({ "invitations": [{ "id": ben, "access": 0 }] }),
        json!({ "invitations": [{ "id": ben, "access": "Viewer" }] }),
    ] {
        assert_eq!(share(body.clone()).await.response()["error"], 0, "{body}");
        assert!(fixture.members(id).is_empty(), "{body}");
    }
    let as_reader = json!({ "invitations": [{ "id": ben, "access": "Read" }] });
    for _ in 0..2 {
        assert_eq!(share(as_reader.clone()).await.response()["members"].as_array().unwrap().len(), 1);
        assert_eq!(fixture.members(id), [("Ben Engineer".to_owned(), 2)]);
    }
    share(json!({ "invitations": [{ "id": ben, "access": "Raed" }] })).await.response();
    assert!(fixture.members(id).is_empty(), "a misspelt role takes the old one away");
}

#[tokio::test]
async fn a_room_refuses_roles_that_it_does_not_have() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let (anna, ben, tier_2) = (fixture.user("anna"), fixture.user("ben"), fixture.group("Tier 2"));
    for (subject, access, status) in [
        (anna, 9, 200),
        (ben, 9, 403),
        (tier_2, 9, 403),
        (tier_2, 11, 200),
        (ben, 10, 200),
        (ben, 4, 403),
        (ben, 5, 403),
        (ben, 99, 403),
    ] {
        let body = json!({ "invitations": [{ "id": subject, "access": access }] });
        assert_eq!(
            fixture.put(&format!("files/rooms/{id}/share"), body).await.status,
            status,
            "{subject} {access}"
        );
    }
    // The one before the refused one stays.
    let id = fixture.room("Ticket", 2, &[]).await;
    let body = json!({ "invitations": [{ "id": tier_2, "access": 11 }, { "id": ben, "access": 4 }] });
    assert_eq!(fixture.put(&format!("files/rooms/{id}/share"), body).await.status, 403);
    assert_eq!(fixture.members(id), [("Tier 2".to_owned(), 11)]);
    let group = fixture.docspace.room(id).unwrap().members[0].clone();
    assert!(group.is_group && group.email.is_none());
    fixture.docspace.remove_group(tier_2);
    assert!(fixture.members(id).is_empty());
}

#[tokio::test]
async fn numbers_that_nobody_has_become_members_without_a_name() {
    let fixture = fixture().await;
    let anna = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    let unknown = Uuid::new_v4();
    let body = json!({ "invitations": [{ "id": unknown, "access": 2 }] });
    for (fixture, members) in [(&fixture, vec![(String::new(), 2)]), (&anna, vec![])] {
        let id = fixture.room("Ticket", 2, &[]).await;
        fixture.put(&format!("files/rooms/{id}/share"), body.clone()).await.response();
        assert_eq!(fixture.members(id), members);
    }
    let id = fixture.room("Ticket", 2, &[]).await;
    let body = json!({ "invitations": [{ "id": "no uuid", "access": 2 }] });
    assert_eq!(fixture.put(&format!("files/rooms/{id}/share"), body).await.status, 400);
}

#[tokio::test]
async fn invitations_by_email_make_guests() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 2, &[]).await;
    let path = format!("files/rooms/{id}/share");
    let invite = json!([{ "email": "New@example.org", "access": 2 }, { "email": "ben.engineer@example.com", "access": 10 }]);
    let answer = fixture.put(&path, json!({ "invitations": invite })).await;
    assert_eq!(answer.response()["members"], json!([]), "they are not echoed");
    let shares = fixture.get(&format!("{path}?filterType=0")).await;
    assert_eq!(shares.each("access"), [1, 2, 10]);
    assert_eq!(shares.each("isOwner"), [true, false, false]);
    assert_eq!(shares.body["total"], 3);
    let guest = fixture.get("people/email?email=new@example.org").await;
    assert_eq!((&guest.response()["isVisitor"], &guest.response()["status"]), (&json!(true), &json!(4)));
    let found = fixture.get(&format!("{path}?filterValue=engineer&count=1")).await;
    assert_eq!(found.each("access"), [10]);
}

#[tokio::test]
async fn groups_are_found_by_any_part_of_their_name() {
    let fixture = fixture().await;
    let mut names = fixture.get("group?filterValue=support").await.each("name");
    names.sort_by_key(|name| name.as_str().unwrap().to_owned());
    assert_eq!(names, ["Support", "Support EMEA"]);
    let support = fixture.group("Support");
    let group = fixture.get(&format!("group/{support}")).await;
    assert_eq!(group.response()["members"].as_array().unwrap().len(), 2);
    assert_eq!(fixture.get(&format!("group/{}", Uuid::new_v4())).await.status, 404);
    assert_eq!(fixture.get("group?count=1&startIndex=1").await.body["total"], 3);
}

#[tokio::test]
async fn a_link_is_made_or_changed_by_its_own_id() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket", 5, &[]).await;
    let path = format!("files/rooms/{id}/links");
    let link = Uuid::new_v4();
    let external = |id: Option<Uuid>, access: i32| json!({ "linkId": id, "linkType": 1, "access": access });
    let first = fixture.put(&path, external(Some(link), 2)).await;
    let address = first.response()["sharedLink"]["shareLink"].as_str().unwrap().to_owned();
    assert!(address.starts_with(&format!("{}s/", fixture.docspace.url())) && address.len() > 20, "{address}");
    let again = fixture.put(&path, external(Some(link), 6)).await;
    assert_eq!(again.response()["sharedTo"]["shareLink"], address);
    let views = fixture.docspace.room(id).unwrap().links;
    assert_eq!((views.len(), views[0].id, views[0].access, &views[0].url), (1, link, 6, &address));
    // Without an id, another one each time, up to five beside the primary one.
    for _ in 0..4 {
        assert_eq!(fixture.put(&path, external(None, 2)).await.status, 200);
    }
    assert_eq!(fixture.put(&path, external(None, 2)).await.status, 403);
    let primary = fixture.get(&format!("files/rooms/{id}/link")).await.response()["sharedLink"]["id"].clone();
    assert_eq!(fixture.get(&format!("files/rooms/{id}/link")).await.response()["sharedLink"]["id"], primary);
    assert_eq!(fixture.get(&format!("{path}?type=1")).await.each("subjectType"), [4, 1, 1, 1, 1, 1]);
    // No access takes it away, and answers nothing; nowhere else may its id be used meanwhile.
    let elsewhere = format!("files/rooms/{}/links", fixture.room("Other", 5, &[]).await);
    assert_eq!(fixture.put(&elsewhere, external(Some(link), 2)).await.status, 403);
    let removed = fixture.put(&path, external(Some(link), 0)).await;
    assert_eq!(
        (removed.status, removed.body.get("response"), &removed.body["count"]),
        (200, None, &json!(0))
    );
    assert_eq!(fixture.put(&elsewhere, external(Some(link), 2)).await.status, 200);
}

#[tokio::test]
async fn each_kind_of_room_has_its_own_links() {
    let fixture = fixture().await;
    for (room_type, at_first, put, get) in [
        (1, 1, 403, 200),
        (2, 0, 403, 403),
        (5, 0, 200, 200),
        (6, 1, 200, 200),
        (8, 0, 403, 403),
        (9, 0, 403, 403),
    ] {
        let id = fixture.room("Ticket", room_type, &[]).await;
        let room = format!("files/rooms/{id}");
        assert_eq!(fixture.docspace.room(id).unwrap().links.len(), at_first, "{room_type}");
        let says = fixture.get(&room).await.response()["availableShareRights"]["ExternalLink"].clone();
        assert!(says.as_array().unwrap().len() > 1, "the room says so whether or not it is true");
        let body = json!({ "linkType": "External", "access": "Read" });
        assert_eq!(fixture.put(&format!("{room}/links"), body).await.status, put, "{room_type}");
        assert_eq!(fixture.get(&format!("{room}/link")).await.status, get, "{room_type}");
        // One invitation link each.
        let body = json!({ "access": 11 });
        for status in [200, 403] {
            assert_eq!(
                fixture.put(&format!("{room}/links"), body.clone()).await.status,
                status,
                "{room_type}"
            );
        }
        let links = fixture.docspace.room(id).unwrap().links;
        assert_eq!(links.iter().filter(|link| link.kind == LinkKind::Invitation).count(), 1);
    }
    let public = fixture.room("Ticket", 6, &[]).await;
    let primary = fixture.docspace.room(public).unwrap().links[0].id;
    let remove = json!({ "linkId": primary, "linkType": 1, "access": 0 });
    fixture.put(&format!("files/rooms/{public}/links"), remove).await;
    let links = fixture.docspace.room(public).unwrap().links;
    assert!(links.len() == 1 && links[0].primary && links[0].id != primary, "it has a new one at once");
}

#[tokio::test]
async fn a_link_has_limits_of_its_own() {
    let fixture = fixture().await;
    let path = format!("files/rooms/{}/links", fixture.room("Ticket", 5, &[]).await);
    for body in [
        json!({ "access": 2, "expirationDate": "2026-06-30T00:00:00Z" }),
        json!({ "linkType": 1, "access": 2, "expirationDate": "2037-01-01T00:00:00Z" }),
        json!({ "access": 2, "maxUseCount": 0 }),
        json!({ "access": 2, "title": "x".repeat(256) }),
        json!({ "access": 2, "linkId": "x" }),
        json!({ "access": 2, "linkType": 7 }),
    ] {
        assert_eq!(fixture.put(&path, body.clone()).await.status, 400, "{body}");
    }
    assert_eq!(fixture.send(Method::PUT, &path, None).await.status, 400);
    let ends =
        json!({ "linkType": 1, "access": 2, "expirationDate": "2026-07-02T00:00:00Z", "password": "x" });
    let link = fixture.put(&path, ends).await.response()["sharedLink"].clone();
    assert_eq!((&link["isExpired"], &link["password"]), (&json!(false), &json!("x")));
    fixture.clock.advance(86_400);
    let links = fixture.get(&path).await;
    assert_eq!(links.response()[0]["sharedLink"]["isExpired"], true);
}

#[tokio::test]
async fn one_bad_address_and_one_hidden_guest_fail_the_whole_call() {
    let fixture = fixture().await;
    let room = fixture.room("Ticket", 2, &[]).await;
    let support = fixture.docspace.group("Support").unwrap();
    let share = format!("files/rooms/{room}/share");
    let bad =
        json!({ "invitations": [{ "id": support, "access": 10 }, { "email": "no address", "access": 2 }] });
    let reply = fixture.put(&share, bad).await;
    assert_eq!((reply.status, reply.body["response"]["errors"].is_object()), (400, true), "{}", reply.body);
    let guest = NewUser::active("guest@example.com", "Guest", UserKind::Guest);
    let guest = fixture.docspace.add_user(guest);
    fixture.docspace.set_service_user_kind(UserKind::RoomAdmin);
    let hidden = json!({ "invitations": [{ "id": support, "access": 10 }, { "id": guest, "access": 2 }] });
    assert_eq!(fixture.put(&share, hidden).await.status, 403);
    assert_eq!(fixture.get("people/email?email=guest%40example.com").await.status, 403);
    assert_eq!(fixture.get("people/email?email=nobody").await.status, 400);
    assert!(fixture.docspace.room(room).unwrap().members.is_empty());
}
