//! The pages that people open: no key, no count, and nothing in them is more than text.

use simulator::docspace::{NewUser, UserKind};
use simulator::fault::{Fault, FaultKind};

use super::*;

#[tokio::test]
async fn a_room_opens_in_a_browser_at_its_member_address_and_by_its_link() {
    let play = play().await;
    let id = play.room("Ticket & \u{202E}co", 5, &["zendesk:4711"]).await;
    let hostile = NewUser::active("eve@example.com", "<script>alert(1)</script>", UserKind::DocSpaceAdmin);
    let eve = play.docspace.add_user(hostile);
    let invitations = json!({ "invitations": [{ "id": eve, "access": "Editing" }] });
    play.send(Method::PUT, &format!("files/rooms/{id}/share"), Some(&invitations)).await.response();
    play.send(Method::POST, &format!("files/folder/{id}"), Some(&json!({ "title": "Logs" })))
        .await
        .response();
    let link =
        play.get(&format!("files/rooms/{id}/link")).await.response()["sharedLink"]["shareLink"].clone();
    play.docspace.reset_counters();
    play.docspace.faults().add(Fault::always("unknown", FaultKind::Refuse));

    let member_address = play.docspace.url().join(&format!("rooms/shared/{id}/filter?folder={id}")).unwrap();
    for address in [member_address.as_str(), link.as_str().unwrap()] {
        let answer = play.http.get(address).send().await.unwrap();
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
    let list = play.docspace.url().join("rooms/shared").unwrap();
    let list = play.http.get(list).send().await.unwrap().text().await.unwrap();
    assert!(list.contains(&format!("/rooms/shared/{id}/filter?folder={id}")), "{list}");
    let missing = play.docspace.url().join("rooms/shared/999999/filter").unwrap();
    assert_eq!(play.http.get(missing).send().await.unwrap().status(), 404);
    assert_eq!(play.docspace.counters().requests, 0, "pages are no calls");
}
