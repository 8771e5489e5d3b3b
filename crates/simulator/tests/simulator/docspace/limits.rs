//! Rate limits and quotas as a client meets them.

use simulator::docspace::Limits;

use super::*;

#[tokio::test]
async fn requests_in_flight_are_counted_over_all_keys_of_a_user() {
    let fixture = fixture().await;
    let limits = Limits { concurrent_reads: 2, concurrent_writes: 1, ..Limits::default() };
    fixture.docspace.set_limits(Some(limits));
    fixture.docspace.set_latency(Duration::from_millis(500));
    let other = fixture.with_key(&fixture.docspace.add_key(&[], None));
    let anna = fixture.with_key(&fixture.docspace.add_key_of(fixture.user("anna")));
    let room = json!({ "title": "x", "roomType": 2 });
    let (a, b, c, d, e, f) = tokio::join!(
        fixture.get("files/rooms"),
        other.get("files/rooms"),
        fixture.get("files/rooms"),
        fixture.post("files/rooms", room.clone()),
        other.post("files/rooms", room.clone()),
        anna.post("files/rooms", room.clone()),
    );
    let mut limits: Vec<_> =
        [&a, &b, &c, &d, &e, &f].iter().filter_map(|r| r.header("x-ratelimit-limit")).collect();
    limits.sort_unstable();
    assert_eq!(limits, ["1", "2"]);
    assert_eq!(f.status, 200, "another user");
    assert_eq!(fixture.docspace.rooms().len(), 2);
    let counters = fixture.docspace.counters();
    assert_eq!((counters.requests, counters.rejected_429), (6, 2));
    assert_eq!((counters.peak_reads, counters.peak_writes), (2, 2));
    assert_eq!((counters.reads, counters.writes, counters.of("find_rooms")), (2, 2, 3));
    assert_eq!(fixture.get("files/rooms").await.status, 200, "their places are free again");
}

#[tokio::test]
async fn windows_end() {
    let fixture = fixture().await;
    let limits = Limits { requests_per_minute: 3, writes_per_day: 1, ..Limits::default() };
    fixture.docspace.set_limits(Some(limits));
    fixture.room("Ticket", 2, &[]).await;
    fixture.clock.advance(20);
    let room = json!({ "title": "x", "roomType": 2 });
    let daily = fixture.post("files/rooms", room.clone()).await;
    assert_eq!((daily.status, daily.header("x-ratelimit-limit")), (429, Some("1")));
    assert_eq!(daily.header("retry-after"), Some("86380"));
    assert_eq!(daily.header("x-ratelimit-reset"), Some("1782987330000"));
    assert_eq!(fixture.get("files/rooms").await.status, 200);
    let minute = fixture.get("files/rooms").await;
    assert_eq!((minute.status, minute.header("x-ratelimit-remaining")), (429, Some("0")));
    assert_eq!((minute.header("retry-after"), minute.header("x-ratelimit-reset")), (None, None));
    fixture.clock.advance(40);
    assert_eq!(fixture.delete("files/rooms/1", json!({})).await.status, 404, "no limit on deletions a day");
    fixture.clock.advance(86_400);
    assert_eq!(fixture.post("files/rooms", room).await.status, 200);
    assert!(fixture.get("files/rooms").await.header("x-ratelimit-limit").is_none(), "none on a success");
}

#[tokio::test]
async fn email_invitations_are_the_portals() {
    let fixture = fixture().await;
    let limits = Limits { email_invitations_per_day: Some(2), ..Limits::default() };
    fixture.docspace.set_limits(Some(limits));
    let path = format!("files/rooms/{}/share", fixture.room("Ticket", 2, &[]).await);
    let invite = |emails: &[&str]| {
        let invitations: Vec<_> = emails.iter().map(|email| json!({ "email": email, "access": 2 })).collect();
        json!({ "invitations": invitations })
    };
    assert_eq!(fixture.put(&path, invite(&["a@example.org", "b@example.org"])).await.status, 200);
    let refused = fixture.put(&path, invite(&["c@example.org"])).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-limit")), (429, Some("2")));
    assert_eq!(refused.header("retry-after"), Some("86400"));
    assert_eq!(
        fixture
            .put(&path, json!({ "invitations": [{ "id": fixture.user("ben"), "access": 2 }] }))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn only_active_rooms_count_for_the_quota() {
    let fixture = fixture().await;
    fixture.docspace.set_room_quota(Some(1));
    let id = fixture.room("Ticket", 2, &[]).await;
    let room = json!({ "title": "x", "roomType": 2 });
    assert_eq!(fixture.post("files/rooms", room.clone()).await.status, 402);
    fixture.archive(id).await;
    assert_eq!(fixture.post("files/rooms", room).await.status, 200);
}
