//! What people do by hand, with the rights that they have.

use simulator::docspace::{Act, Refused};

use super::*;

/// The service user's room with Anna as manager, Ben as editor, and Carla, a guest, as viewer.
async fn room_with_people(fixture: &Fixture) -> i64 {
    let id = fixture.room("Ticket", 2, &["zendesk:1"]).await;
    for (name, access) in [("anna", 9), ("ben", 10), ("carla", 2)] {
        fixture.docspace.add_member(id, fixture.user(name), access);
    }
    id
}

#[tokio::test]
async fn who_may_do_what_with_a_room() {
    let fixture = fixture().await;
    let id = room_with_people(&fixture).await;
    let (docspace, service) = (&fixture.docspace, fixture.docspace.service_user());
    let [anna, ben, carla] = ["anna", "ben", "carla"].map(|name| fixture.user(name));
    let admin = docspace.portal_owner();
    for user in [ben, carla, admin] {
        assert_eq!(docspace.by(user).rename_room(id, "No"), Err(Refused::Forbidden));
        assert_eq!(docspace.by(user).remove_member(id, anna), Err(Refused::Forbidden));
    }
    docspace.by(anna).rename_room(id, "  VPN: down ").unwrap();
    assert_eq!(docspace.room(id).unwrap().title, "VPN_ down");
    let updated = fixture.get(&format!("files/rooms/{id}")).await;
    assert_eq!(updated.response()["updatedBy"]["id"], json!(anna));

    for user in [anna, ben, carla] {
        assert_eq!(docspace.by(user).archive_room(id), Err(Refused::Forbidden));
        assert_eq!(docspace.by(user).change_owner(id, anna), Err(Refused::Forbidden));
        assert_eq!(docspace.by(user).delete_room(id), Err(Refused::Forbidden));
    }
    assert_eq!(
        docspace.by(admin).delete_room(id),
        Err(Refused::Forbidden),
        "an admin deletes from the archive"
    );
    docspace.by(admin).archive_room(id).unwrap();
    assert_eq!(docspace.room(id).unwrap().archived_by.as_deref(), Some("Olga Owner"));
    assert_eq!(docspace.by(anna).rename_room(id, "No"), Err(Refused::Forbidden));
    assert_eq!(docspace.by(anna).upload(id, "no.txt"), Err(Refused::Forbidden));
    assert_eq!(docspace.by(anna).unarchive_room(id), Err(Refused::Forbidden));
    docspace.set_room_quota(Some(0));
    assert_eq!(docspace.by(service).unarchive_room(id), Err(Refused::Quota));
    docspace.set_room_quota(None);
    docspace.by(service).unarchive_room(id).unwrap();
    assert!(!docspace.room(id).unwrap().archived);

    assert_eq!(docspace.by(admin).change_owner(id, ben), Err(Refused::Forbidden), "a user owns no rooms");
    docspace.by(admin).change_owner(id, anna).unwrap();
    assert_eq!(docspace.room(id).unwrap().owner, anna);
    assert_eq!(fixture.members(id), [("Ben Engineer".to_owned(), 10), ("Carla Customer".to_owned(), 2)]);
    let room = fixture.get(&format!("files/rooms/{id}")).await;
    assert_eq!(room.response()["createdBy"]["id"], json!(anna), "it names the owner, not the maker");
    assert_eq!(docspace.by(service).rename_room(id, "No"), Err(Refused::Forbidden), "no member any more");
    docspace.by(anna).delete_room(id).unwrap();
    assert_eq!(docspace.by(anna).archive_room(id), Err(Refused::NotFound));
}

#[tokio::test]
async fn members_come_and_go() {
    let fixture = fixture().await;
    let id = room_with_people(&fixture).await;
    let docspace = &fixture.docspace;
    let [anna, ben, carla] = ["anna", "ben", "carla"].map(|name| fixture.user(name));
    let support = fixture.group("Support");
    docspace.by(anna).set_member(id, support, 11).unwrap();
    docspace.by(anna).set_member(id, ben, 2).unwrap();
    assert_eq!(docspace.by(anna).set_member(id, carla, 9), Err(Refused::Forbidden), "a guest is no manager");
    assert_eq!(docspace.by(anna).set_member(id, carla, 4), Err(Refused::Forbidden), "no such role");
    let owner = docspace.service_user();
    assert_eq!(docspace.by(anna).remove_member(id, owner), Err(Refused::Forbidden));
    assert_eq!(docspace.by(ben).upload(id, "a.txt"), Err(Refused::Forbidden), "his own role counts");
    docspace.by(anna).remove_member(id, ben).unwrap();
    docspace.by(ben).upload(id, "a.txt").expect("he is still in by his group");
    docspace.by(carla).remove_member(id, carla).expect("everybody may leave");
    let members: Vec<_> = fixture.members(id);
    assert_eq!(members, [("Anna Agent".to_owned(), 9), ("Support".to_owned(), 11)]);
    // By the API it is the same.
    let share = format!("files/rooms/{id}/share");
    fixture.put(&share, json!({ "invitations": [{ "id": anna, "access": 0 }] })).await.response();
    assert_eq!(fixture.members(id), [("Support".to_owned(), 11)]);
    docspace.by(anna).upload(id, "b.txt").expect("she is still in by her group");
}

#[tokio::test]
async fn files_live_and_die() {
    let fixture = fixture().await;
    let id = room_with_people(&fixture).await;
    let docspace = &fixture.docspace;
    let [anna, ben, carla] = ["anna", "ben", "carla"].map(|name| fixture.user(name));
    let paths = || docspace.files(id).into_iter().map(|file| (file.path, file.version)).collect::<Vec<_>>();
    assert_eq!(docspace.by(ben).upload(id, "no.txt"), Err(Refused::Forbidden), "an editor uploads nothing");
    let log = docspace.by(anna).upload_into(id, "Logs/Server", "boot.log").unwrap();
    assert_eq!(docspace.room(id).unwrap().folders, ["Logs", "Logs/Server"]);
    assert_eq!(docspace.by(anna).upload_into(id, "logs/server", "BOOT.log"), Ok(log), "another version");
    docspace.by(ben).edit_file(log).unwrap();
    assert_eq!(docspace.by(carla).edit_file(log), Err(Refused::Forbidden));
    assert_eq!(docspace.by(ben).rename_file(log, "x"), Err(Refused::Forbidden));
    let file = docspace.files(id).remove(0);
    assert_eq!((file.version, file.created_by, file.updated_by), (3, anna, ben));
    docspace.by(anna).rename_file(log, "start.log").unwrap();
    assert_eq!(paths(), [("Logs/Server/start.log".to_owned(), 3)]);

    docspace.by(anna).trash_file(log).unwrap();
    assert_eq!((docspace.room(id).unwrap().files, paths()), (0, vec![]));
    assert_eq!(docspace.by(ben).restore_file(log), Err(Refused::Forbidden), "it is in her trash");
    docspace.by(anna).restore_file(log).unwrap();
    assert_eq!((docspace.room(id).unwrap().files, paths().len()), (1, 1));
    let copy = docspace.by(anna).copy_file(log, id).unwrap();
    docspace.by(anna).delete_file(log).unwrap();
    assert_eq!(docspace.by(anna).delete_file(log), Err(Refused::NotFound));
    let findings = docspace.by(anna).create_folder(id, "Findings").unwrap();
    docspace.by(anna).move_file(copy, findings).unwrap();
    docspace.by(anna).rename_folder(findings, "Results").unwrap();
    assert_eq!(paths(), [("Results/start.log".to_owned(), 1)]);
    docspace.by(anna).trash_folder(findings).unwrap();
    assert_eq!((docspace.room(id).unwrap().files, docspace.room(id).unwrap().folders.len()), (0, 2));
    docspace.by(anna).restore_folder(findings).unwrap();
    assert_eq!(docspace.room(id).unwrap().files, 1);
    assert_eq!(docspace.by(anna).trash_folder(id), Err(Refused::Forbidden), "a room is no folder");
    assert_eq!(docspace.by(anna).move_folder(findings, findings), Err(Refused::Forbidden));
    docspace.by(anna).delete_folder(findings).unwrap();
    let contents = fixture.get(&format!("files/{id}")).await;
    assert_eq!(
        (contents.each("title"), &contents.response()["current"]["filesCount"]),
        (vec![json!("Logs")], &json!(0))
    );
}

#[tokio::test]
async fn rooms_are_made_and_copied_by_hand() {
    let fixture = fixture().await;
    let docspace = &fixture.docspace;
    let (anna, ben) = (fixture.user("anna"), fixture.user("ben"));
    assert_eq!(docspace.by(ben).create_room("Mine"), Err(Refused::Forbidden));
    let room = docspace.by(anna).create_room("Mine").unwrap();
    docspace.by(anna).upload_into(room, "Logs", "boot.log").unwrap();
    let copy = docspace.room(docspace.by(anna).copy_room(room).unwrap()).unwrap();
    assert_eq!((copy.title.as_str(), copy.folders, copy.files), ("Mine (1)", vec!["Logs".to_owned()], 1));
    docspace.set_room_quota(Some(2));
    assert_eq!(docspace.by(anna).copy_room(room), Err(Refused::Quota));
    assert_eq!(docspace.by(anna).create_room("More"), Err(Refused::Quota));
}

#[tokio::test]
async fn people_act_at_the_control_endpoint_as_well() {
    let fixture = fixture().await;
    let id = room_with_people(&fixture).await;
    let act = async |by: &str, act: Value| {
        let reply = fixture.control(Method::POST, "act", Some(json!({ "by": by, "act": act }))).await;
        (reply.status, reply.body)
    };
    let anna = "anna.agent@example.com";
    let renamed = act(anna, json!({ "rename_room": { "room": id, "title": "VPN" } })).await;
    assert_eq!(renamed, (200, json!({ "id": id })));
    assert_eq!(fixture.docspace.room(id).unwrap().title, "VPN");
    let uploaded = act(anna, json!({ "upload": { "folder": id, "path": "Logs", "title": "a.log" } })).await;
    assert_eq!(uploaded.1["id"], json!(fixture.docspace.files(id)[0].id));
    assert_eq!(act(anna, json!({ "archive_room": { "room": id } })).await.0, 403);
    assert_eq!(act(anna, json!({ "archive_room": { "room": 999 } })).await.0, 404);
    assert_eq!(act("nobody@example.com", json!({ "archive_room": { "room": id } })).await.0, 404);
    assert_eq!(act(anna, json!({ "burn_room": { "room": id } })).await.0, 400);
    let service = fixture.docspace.service_user();
    let order = serde_json::to_value(Act::ArchiveRoom { room: id }).unwrap();
    assert_eq!(act(&service.to_string(), order).await.0, 200);
    assert!(fixture.docspace.room(id).unwrap().archived);
    fixture.docspace.set_room_quota(Some(0));
    let unarchive = json!({ "unarchive_room": { "room": id } });
    assert_eq!(act(&service.to_string(), unarchive).await.0, 402);
}
