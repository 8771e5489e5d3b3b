//! The pages that people open: no key, no count, and nothing in them is more than text.

use simulator::docspace::{NewUser, UserKind};
use simulator::fault::{Fault, FaultKind};

use super::*;

#[tokio::test]
async fn a_room_opens_in_a_browser_at_its_member_address_and_by_its_link() {
    let fixture = fixture().await;
    let id = fixture.room("Ticket & \u{202E}co", 5, &["zendesk:4711"]).await;
    let hostile = NewUser::active("eve@example.com", "<script>alert(1)</script>", UserKind::DocSpaceAdmin);
    let eve = fixture.docspace.add_user(hostile);
    let invitations = json!({ "invitations": [{ "id": eve, "access": "Editing" }] });
    fixture.send(Method::PUT, &format!("files/rooms/{id}/share"), Some(&invitations)).await.response();
    fixture
        .send(Method::POST, &format!("files/folder/{id}"), Some(&json!({ "title": "Logs" })))
        .await
        .response();
    let link =
        fixture.get(&format!("files/rooms/{id}/link")).await.response()["sharedLink"]["shareLink"].clone();
    fixture.docspace.reset_counters();
    fixture.docspace.faults().add(Fault::always("unknown", FaultKind::Refuse));

    let member_address =
        fixture.docspace.url().join(&format!("rooms/shared/{id}/filter?folder={id}")).unwrap();
    for address in [member_address.as_str(), link.as_str().unwrap()] {
        let answer = fixture.http.get(address).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{address}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        let html = answer.text().await.unwrap();
        for part in
            ["Ticket &amp; \u{202E}co", "zendesk:4711", "Logs", "eve@example.com", "editor", "Custom room"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    }
    let list = fixture.docspace.url().join("rooms/shared").unwrap();
    let list = fixture.http.get(list).send().await.unwrap().text().await.unwrap();
    assert!(list.contains(&format!("/rooms/shared/{id}/filter?folder={id}")), "{list}");
    fixture.docspace.by(eve).archive_room(id).unwrap();
    let archived = fixture.docspace.url().join(&format!("rooms/archived/{id}/filter")).unwrap();
    for page in [archived, fixture.docspace.url().join("rooms/shared").unwrap()] {
        let html = fixture.http.get(page).send().await.unwrap().text().await.unwrap();
        assert!(html.contains("archived by <bdi>&lt;script&gt;alert(1)"), "{html}");
    }
    assert_eq!(
        fixture.http.get(link.as_str().unwrap()).send().await.unwrap().status(),
        404,
        "links are disabled"
    );
    let missing = fixture.docspace.url().join("rooms/shared/999999/filter").unwrap();
    assert_eq!(fixture.http.get(missing).send().await.unwrap().status(), 404);
    assert_eq!(fixture.docspace.counters().requests, 0, "pages are no calls");
}
