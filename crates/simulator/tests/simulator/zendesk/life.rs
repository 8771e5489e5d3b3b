//! How tickets end, come back, and go on in other tickets.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::zendesk::{
    ANNA, BEN, CARLA, Change, INTEGRATION, Limits, MAIN_BRAND, Mode, NewTicket, OTHER_BRAND, RITA, Setup,
};

use super::{FIELD, Fixture, fixture};
use crate::fixture::Reply;

/// The latest event of that name.
fn event(fixture: &Fixture, id: u64, name: &str) -> Value {
    serde_json::from_slice(&fixture.zendesk.event_body(id, name).unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_deleted_is_not_there_until_it_is_restored() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = fixture.receiver(Mode::Events).await;
    for (change, event_name) in [(Change::Delete, "soft_deleted"), (Change::Spam, "marked_as_spam")] {
        let id = fixture.ticket();
        fixture.zendesk.change_ticket(id, Change::Status("solved".to_owned()));
        assert!(fixture.zendesk.change_ticket(id, change.clone()));
        for again in [change, Change::Delete, Change::Spam, Change::Subject("x".to_owned())] {
            assert!(!fixture.zendesk.change_ticket(id, again.clone()), "{again:?}");
        }
        assert_eq!(event(&fixture, id, event_name)["detail"]["status"], "DELETED");
        assert_eq!(fixture.get(&format!("tickets/{id}")).await.status, 404);
        assert_eq!(fixture.get(&format!("tickets/{id}/comments")).await.status, 404);
        assert_eq!(fixture.put(id, json!({ "subject": "x" })).await.status, 404);
        let restore = format!("deleted_tickets/{id}/restore");
        assert_eq!(fixture.call(Method::PUT, &restore, None).await.status, 200);
        assert_eq!(fixture.call(Method::PUT, &restore, None).await.status, 404, "it is not deleted any more");
        let restored = event(&fixture, id, "undeleted");
        assert_eq!(restored["detail"]["status"], "SOLVED", "it has its old status again");
        assert_eq!(restored["detail"]["actor_id"], INTEGRATION.to_string());
        assert_eq!(fixture.get(&format!("tickets/{id}")).await.body["ticket"]["status"], "solved");
    }
    let expected = ["created", "status_changed", "soft_deleted", "undeleted"];
    let events = fixture.events().await;
    assert_eq!(events[..4], expected);
    assert_eq!(events[6..], ["marked_as_spam", "undeleted"]);
}

#[tokio::test]
async fn what_is_deleted_for_good_never_comes_back() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = fixture.receiver(Mode::Events).await;
    let id = fixture.ticket();
    assert!(!fixture.zendesk.change_ticket(id, Change::DeletePermanently), "it has to be deleted first");
    fixture.zendesk.change_ticket(id, Change::Delete);
    assert!(fixture.zendesk.change_ticket(id, Change::DeletePermanently));
    for impossible in [Change::DeletePermanently, Change::Restore, Change::Delete] {
        assert!(!fixture.zendesk.change_ticket(id, impossible));
    }
    assert_eq!(fixture.events().await, ["created", "soft_deleted", "permanently_deleted"]);
    let told = event(&fixture, id, "permanently_deleted");
    assert_eq!(
        (&told["detail"]["status"], &told["detail"]["subject"]),
        (&json!("SCRUBBED"), &json!("SCRUBBED"))
    );
    assert_eq!(fixture.get("deleted_tickets").await.body["count"], 0);
    assert_eq!(fixture.call(Method::PUT, &format!("deleted_tickets/{id}/restore"), None).await.status, 404);
    let left = fixture.zendesk.ticket(id).unwrap();
    assert_eq!(
        (left.status.as_str(), left.subject.as_str(), left.comments.len()),
        ("deleted", "SCRUBBED", 0)
    );
}

#[tokio::test]
async fn deleted_tickets_are_listed_the_oldest_first_unless_asked_otherwise() {
    let mut fixture = fixture(Setup::default()).await;
    let [a, b, c, kept] = [(); 4].map(|()| {
        fixture.clock.advance(1);
        fixture.ticket()
    });
    // Deleted in another order than they were made in.
    for (id, change) in [(c, Change::Delete), (a, Change::Spam), (b, Change::Delete)] {
        fixture.clock.advance(1);
        assert!(fixture.zendesk.change_ticket(id, change));
    }
    let listed = async |query: &str| -> Vec<u64> {
        let body = fixture.get(&format!("deleted_tickets?{query}")).await.body;
        let tickets = body["deleted_tickets"].as_array().unwrap();
        tickets.iter().map(|ticket| ticket["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(listed("").await, [a, b, c]);
    assert_eq!(listed("sort_by=deleted_at").await, [c, a, b]);
    assert_eq!(listed("sort_by=deleted_at&sort_order=desc").await, [b, a, c]);
    assert_eq!(listed("sort_by=id&sort_order=desc&page=2&per_page=2").await, [a]);
    assert_eq!(fixture.get("deleted_tickets?sort_by=age").await.status, 400);
    let first = fixture.get("deleted_tickets?page[size]=2&sort_by=deleted_at&sort_order=desc").await.body;
    assert_eq!((&first["deleted_tickets"][0]["id"], &first["meta"]["has_more"]), (&json!(b), &json!(true)));
    let entry = &first["deleted_tickets"][1];
    assert_eq!(
        (&entry["previous_state"], &entry["actor"]["id"], &entry["subject"]),
        (&json!("new"), &json!(ANNA), &json!("Export fails"))
    );
    let after = first["meta"]["after_cursor"].as_str().unwrap();
    let rest = listed(&format!("page[size]=2&page[after]={after}&sort_by=deleted_at&sort_order=desc")).await;
    assert_eq!(rest, [c]);
    // The addresses of further pages keep the order.
    let next = first["links"]["next"].as_str().unwrap();
    let followed = Reply::to(fixture.http.get(next).bearer_auth(&fixture.token)).await.body;
    assert_eq!(followed["deleted_tickets"][0]["id"], c);
    fixture.zendesk.change_ticket(a, Change::Restore);
    assert_eq!(listed("").await, [b, c]);
    fixture.zendesk.set_heeds_order(false);
    assert_eq!(listed("sort_by=deleted_at&sort_order=desc").await, [b, c]);
    fixture.clock.advance(30 * 24 * 3600 + 60);
    fixture.token = fixture.new_token("read").await;
    assert_eq!(fixture.get("deleted_tickets").await.body["count"], 0, "they are kept for 30 days");
    assert_eq!(fixture.get(&format!("tickets/{kept}")).await.status, 200);
    assert_eq!(fixture.zendesk.counters().of("deleted_tickets"), 11);
}

#[tokio::test]
async fn deleted_tickets_may_be_listed_ten_times_a_minute() {
    let fixture = fixture(Setup { limits: Some(Limits::default()), ..Setup::default() }).await;
    for status in [[200; 10].as_slice(), &[429]].concat() {
        assert_eq!(fixture.get("deleted_tickets").await.status, status);
    }
    assert_eq!(fixture.get("users/me").await.status, 200, "other calls have limits of their own");
    fixture.clock.advance(60);
    assert_eq!(fixture.get("deleted_tickets").await.status, 200);
}

#[tokio::test]
async fn a_merged_ticket_is_closed_with_a_tag_and_a_comment_that_quotes() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = fixture.receiver(Mode::Events).await;
    let hostile = "merged into request #1 \"";
    let target = fixture.zendesk.create_ticket(NewTicket::about(hostile));
    let source = fixture.ticket();
    fixture
        .put(source, json!({ "comment": { "html_body": "[ticketroom:zendesk:7]", "public": false } }))
        .await;
    assert!(!fixture.zendesk.change_ticket(source, Change::Merge(source)));
    assert!(!fixture.zendesk.change_ticket(source, Change::Merge(1)));
    assert!(fixture.zendesk.change_ticket(source, Change::Merge(target)));
    assert!(!fixture.zendesk.change_ticket(source, Change::Merge(target)), "it is closed");
    assert!(!fixture.zendesk.change_ticket(target, Change::Merge(source)), "no circle");

    let shown = fixture.get(&format!("tickets/{source}")).await.body;
    assert_eq!(
        (&shown["ticket"]["status"], &shown["ticket"]["tags"]),
        (&json!("closed"), &json!(["closed_by_merge"]))
    );
    let last = fixture.zendesk.ticket(source).unwrap().comments.pop().unwrap();
    assert_eq!(
        (last.body, last.public, last.author),
        (format!("This request was closed and merged into request #{target} \"{hostile}\"."), false, ANNA)
    );
    let noted = fixture.zendesk.ticket(target).unwrap().comments.pop().unwrap();
    assert!(
        !noted.public && noted.body.starts_with(&format!("Request #{source} \"Export fails\"")),
        "{noted:?}"
    );
    assert!(noted.body.ends_with("\n\n[ticketroom:zendesk:7]"), "the last comment is quoted: {noted:?}");
    assert_eq!(fixture.put(source, json!({ "subject": "x" })).await.status, 422);
    let expected =
        ["created", "created", "comment_added", "comment_added", "status_changed", "merged", "comment_added"];
    assert_eq!(fixture.events().await, expected);
    let told: Value = serde_json::from_slice(&fixture.zendesk.latest_event_body(source).unwrap()).unwrap();
    assert_eq!(told["type"], "zen:event-type:ticket.merged");
}

#[tokio::test]
async fn merging_by_the_api_is_a_job_and_writes_only_the_comments_that_it_is_given() {
    let fixture = fixture(Setup::default()).await;
    let [target, a, b] = [(); 3].map(|()| fixture.ticket());
    let merge =
        async |body: Value| fixture.call(Method::POST, &format!("tickets/{target}/merge"), Some(&body)).await;
    let queued = merge(json!({ "ids": [a, 1], "target_comment": "from #a" })).await;
    assert_eq!((queued.status, &queued.body["job_status"]["status"]), (200, &json!("queued")));
    let job = queued.body["job_status"]["id"].as_str().unwrap();
    let done = fixture.get(&format!("job_statuses/{job}")).await.body;
    assert_eq!(done["job_status"]["status"], "completed");
    let outcome = |place: usize| done["job_status"]["results"][place]["success"].as_bool();
    assert_eq!((outcome(0), outcome(1)), (Some(true), Some(false)));
    let merged = fixture.zendesk.ticket(a).unwrap();
    assert_eq!((merged.status.as_str(), merged.comments.len()), ("closed", 1), "nothing says into which one");
    let comment = fixture.zendesk.ticket(target).unwrap().comments.pop().unwrap();
    assert_eq!((comment.body.as_str(), comment.public, comment.author), ("from #a", false, INTEGRATION));

    merge(json!({ "ids": [b], "source_comment": "see there", "source_comment_is_public": true })).await;
    let comment = fixture.zendesk.ticket(b).unwrap().comments.pop().unwrap();
    assert_eq!((comment.body.as_str(), comment.public), ("see there", true));
    assert_eq!(merge(json!({ "ids": [] })).await.status, 400);
    assert_eq!(fixture.get("job_statuses/none").await.status, 404);
    let nowhere = fixture.call(Method::POST, "tickets/1/merge", Some(&json!({ "ids": [target] }))).await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn a_follow_up_names_the_closed_ticket_and_begins_with_its_fields() {
    let fixture = fixture(Setup::default()).await;
    let old = fixture
        .zendesk
        .create_ticket(NewTicket { tags: vec!["vpn".to_owned()], ..NewTicket::about("VPN is down") });
    let link = "https://d.example/1";
    fixture.zendesk.change_ticket(old, Change::Field(FIELD, json!(link)));
    let follow_up = || NewTicket { follow_up_of: Some(old), ..NewTicket::about("VPN is down again") };
    let too_early = fixture.zendesk.create_ticket(follow_up());
    assert_eq!(fixture.zendesk.ticket(too_early).unwrap().follow_up_of, None);
    let new =
        json!({ "ticket": { "subject": "x", "comment": { "body": "y" }, "via_followup_source_id": old } });
    assert_eq!(fixture.call(Method::POST, "tickets", Some(&new)).await.status, 422, "it is not closed");

    fixture.zendesk.change_ticket(old, Change::Status("closed".to_owned()));
    let by_hand = fixture.zendesk.create_ticket(follow_up());
    let created = fixture.call(Method::POST, "tickets", Some(&new)).await;
    assert_eq!(created.status, 201);
    let by_api = created.body["ticket"]["id"].as_u64().unwrap();
    for id in [by_hand, by_api] {
        let ticket = fixture.get(&format!("tickets/{id}")).await.body["ticket"].clone();
        assert_eq!(ticket["via"]["source"]["rel"], "follow_up");
        assert_eq!(ticket["via"]["source"]["from"]["ticket_id"], old);
        assert_eq!(ticket["custom_fields"], json!([{ "id": FIELD, "value": link }]));
        assert_eq!(ticket["tags"], json!(["vpn"]));
        assert_eq!(fixture.zendesk.ticket(id).unwrap().follow_up_of, Some(old));
    }
    let shown = fixture.get(&format!("tickets/{old}")).await.body["ticket"].clone();
    assert_eq!(shown["followup_ids"], json!([by_hand, by_api]));
    assert_eq!(shown["via"]["source"]["rel"], Value::Null);
    let empty = json!({ "ticket": { "subject": "x" } });
    assert_eq!(fixture.call(Method::POST, "tickets", Some(&empty)).await.status, 422);
}

#[tokio::test]
async fn brand_and_requester_change_with_events() {
    let fixture = fixture(Setup::default()).await;
    let _receiver = fixture.receiver(Mode::Events).await;
    let id = fixture.ticket();
    for change in [Change::Brand(OTHER_BRAND), Change::Requester(CARLA)] {
        assert!(fixture.zendesk.change_ticket(id, change.clone()));
        assert!(!fixture.zendesk.change_ticket(id, change));
    }
    assert!(!fixture.zendesk.change_ticket(id, Change::Brand(1)), "there is no such brand");
    assert_eq!(fixture.events().await, ["created", "brand_changed", "requester_changed"]);
    let moved = event(&fixture, id, "brand_changed");
    assert_eq!(
        (&moved["event"]["previous"], &moved["event"]["current"], &moved["detail"]["brand_id"]),
        (&json!(MAIN_BRAND.to_string()), &json!(OTHER_BRAND.to_string()), &json!(OTHER_BRAND.to_string()))
    );
    assert_eq!(event(&fixture, id, "requester_changed")["event"]["previous"], RITA.to_string());
    let shown = fixture.get(&format!("tickets/{id}?include=users")).await.body;
    assert_eq!(
        (&shown["ticket"]["brand_id"], &shown["users"][0]["email"]),
        (&json!(OTHER_BRAND), &json!("carla.customer@example.com"))
    );
    assert_eq!(fixture.put(id, json!({ "brand_id": 1 })).await.status, 422);
    assert_eq!(fixture.put(id, json!({ "brand_id": MAIN_BRAND })).await.status, 200);
}

#[tokio::test]
async fn the_latest_event_is_that_of_a_person() {
    let fixture = fixture(Setup::default()).await;
    let id = fixture.ticket();
    let latest =
        || -> Value { serde_json::from_slice(&fixture.zendesk.latest_event_body(id).unwrap()).unwrap() };
    assert_eq!(latest()["type"], "zen:event-type:ticket.created");
    fixture.zendesk.change_ticket(id, Change::Assignee(Some(BEN)));
    fixture.put(id, json!({ "comment": { "body": "ours", "public": false } })).await;
    assert_eq!(latest()["type"], "zen:event-type:ticket.agent_assignment_changed");
    assert_eq!(latest()["detail"]["assignee_id"], BEN.to_string());
    fixture.zendesk.change_ticket(id, Change::Spam);
    assert_eq!(latest()["type"], "zen:event-type:ticket.marked_as_spam");
}
