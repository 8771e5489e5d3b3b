//! What is particular to one kind of helpdesk: why a ticket is not there, what is done without a
//! place for the link, and the other forms in which deliveries come.

use serde_json::Value;
use simulator::configuration::Secrets;
use simulator::fault::{Fault, FaultKind};
use simulator::freshdesk::{self, Content, Freshdesk};
use simulator::jira::{self, Deployment, Jira, Mode, NewIssue};
use simulator::zendesk::{self, Zendesk};
use testbed::{Desk, Systems, TEMPLATE, WEBHOOK_SECRET, WebhookRequest, wait_until};
use ticketroom::call::SideEffect;
use ticketroom::helpdesk::{InternalNote, NoteAdded, NoteId, NoteState, NoteText, RoomLink};
use ticketroom::room::RoomId;
use ticketroom::ticket::{TicketId, TicketKey};

use crate::conformance::{all_notes, helpdesk_of, hostile_text};
use crate::process::{process_over, run};
use crate::world::World;

fn reason(view: &Value) -> String {
    view["reason"].as_str().unwrap_or_default().to_owned()
}

fn says(view: &Value, part: &str) {
    assert!(reason(view).contains(part), "“{part}” is not in: {view:#}");
}

/// Sends a body of a helpdesk's, and waits until its ticket rests.
async fn deliver_and_wait(world: &World, desk: Desk, query: &'static str, body: Vec<u8>, id: u64) -> Value {
    let parcel = WebhookRequest { query, ..desk.prove(body, &format!("{:x}", fastrand::u64(..))) };
    assert_eq!(world.deliver_to(&desk.endpoint(), &parcel).await, 200);
    let states = ["ready", "blocked", "skipped", "archived"];
    world.wait_for_state(&format!("{}/{id}", desk.name()), &states).await
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_each_helpdesk_say_what_to_do() {
    let world = World::new().await;
    let cases = [
        (Desk::Zendesk, "get_ticket", 403, "must be an agent"),
        (Desk::Freshdesk, "get_ticket", 401, "API key"),
        (Desk::Freshdesk, "get_ticket", 403, "ticket scope “global”"),
        (Desk::Jira, "get_issue", 401, "API token"),
        (Desk::Jira, "get_issue", 403, "Browse projects"),
    ];
    for (desk, call, status, advice) in cases {
        desk.faults(&world.systems).add(Fault::once(call, FaultKind::StatusBefore(status)));
        let id = world.open_in(desk, "refused").await;
        let key = format!("{}/{id}", desk.name());
        let view = world.wait_for_state(&key, &["blocked"]).await;
        says(&view, advice);
        world.retry(&key).await;
        world.wait_for_state(&key, &["ready"]).await;
        assert_eq!(world.systems.wrong_with(desk, &id), [""; 0]);
    }
}

/// Jira takes whoever has wrong credentials for a stranger, to whom no issue exists.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_jira_no_longer_takes_are_not_a_missing_issue() {
    let world = World::new().await;
    world.systems.jira.revoke_credentials();
    let id = world.open_in(Desk::Jira, "locked out").await;
    let view = world.wait_for_state(&format!("jira/{id}"), &["blocked"]).await;
    says(&view, "does not accept our credentials (401");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_are_gone_get_no_room_and_the_one_they_have_is_archived() {
    let world = World::new().await;
    let (freshdesk, jira) = (&world.systems.freshdesk, &world.systems.jira);
    let trashed = freshdesk.create_ticket(freshdesk::NewTicket::about("in the trash"));
    let archived = freshdesk.create_ticket(freshdesk::NewTicket::about("in the archive"));
    let spam = freshdesk.create_ticket(freshdesk::NewTicket::about("buy this"));
    freshdesk.change_ticket(trashed, freshdesk::Change::Delete);
    freshdesk.change_ticket(archived, freshdesk::Change::Archive);
    freshdesk.change_ticket(spam, freshdesk::Change::Spam(true));
    for (id, why) in [(trashed, "deleted"), (archived, "closed"), (spam, "deleted")] {
        let body = freshdesk.created_body(id, Content::Simple).unwrap();
        let view = deliver_and_wait(&world, Desk::Freshdesk, "", body, id).await;
        assert_eq!(view["state"], "skipped", "{view}");
        says(&view, &format!("already {why}"));
    }

    let deleted = jira.create_ticket(NewIssue::about("never mind"));
    jira.change_ticket(deleted, jira::Change::Delete);
    let body = jira.event_body(deleted, "jira:issue_deleted").unwrap();
    let view = deliver_and_wait(&world, Desk::Jira, "", body, deleted).await;
    assert_eq!((view["state"].as_str(), reason(&view).as_str()), (Some("skipped"), "the ticket was deleted"));

    let kept: u64 = world.open_in(Desk::Jira, "worked on").await.parse().unwrap();
    world.wait_for_state(&format!("jira/{kept}"), &["ready"]).await;
    jira.change_ticket(kept, jira::Change::Delete);
    let body = jira.event_body(kept, "jira:issue_deleted").unwrap();
    let view = deliver_and_wait(&world, Desk::Jira, "", body, kept).await;
    assert_eq!(view["state"], "archived");
    says(&view, "the ticket was deleted");
    let rooms = world.systems.docspace.rooms();
    assert!(rooms.len() == 1 && rooms[0].archived, "no room is ever deleted: {rooms:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_issues_of_configured_projects_get_rooms() {
    let world = World::new().await;
    let jira = &world.systems.jira;
    let elsewhere = NewIssue { project: Some("HR".to_owned()), ..NewIssue::about("salary") };
    let elsewhere = jira.create_ticket(elsewhere);
    let body = jira.event_body(elsewhere, "jira:issue_created").unwrap();
    let view = deliver_and_wait(&world, Desk::Jira, "", body, elsewhere).await;
    assert_eq!(view["state"], "skipped");
    says(&view, "the issue is in the project HR, and only SUP, OPS get rooms");

    // It keeps its id when it is moved; now it is wanted.
    jira.change_ticket(elsewhere, jira::Change::Move("SUP".to_owned()));
    let body = jira.event_body(elsewhere, "jira:issue_updated").unwrap();
    let view = deliver_and_wait(&world, Desk::Jira, "", body, elsewhere).await;
    assert_eq!(view["state"], "ready", "{view:#}");
    let key = jira.ticket(elsewhere).unwrap().key;
    assert_eq!(view["key"], key.as_str());

    // And away again, into a project that our user can't see.
    jira.hide_project("HR");
    jira.change_ticket(elsewhere, jira::Change::Move("HR".to_owned()));
    world.retry(&format!("jira/{elsewhere}")).await;
    let view = world.wait_for_state(&format!("jira/{elsewhere}"), &["ready"]).await;
    says(&view, "the room stays");
    assert_eq!(world.systems.docspace.rooms().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_are_found_by_what_people_call_them() {
    let world = World::with("[template.default]\nfolders = [\"Logs\"]\n").await;
    let id = world.open_in(Desk::Jira, "Export fails").await;
    world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
    let key = world.systems.jira.ticket(id.parse().unwrap()).unwrap().key;
    for written in [key.clone(), key.to_lowercase()] {
        let view = world.ticket(&format!("jira/{written}")).await;
        assert_eq!((view["id"].as_str(), view["key"].as_str()), (Some(id.as_str()), Some(key.as_str())));
        assert!(!view["timeline"].as_array().unwrap().is_empty());
    }
    world.retry(&format!("jira/{key}")).await;
    let found = world.api(&format!("/api/v1/tickets?q={key}")).await;
    assert_eq!(found["tickets"].as_array().unwrap().len(), 1);
    let room = world.systems.the_room_of(&format!("jira:{id}"));
    assert_eq!(room.title, format!("Ticket #{key} – Export fails"), "nobody knows an issue by its id");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_tickets_of_configured_groups_get_rooms() {
    let systems = Systems::start().await;
    let section = systems.freshdesk.section(&[WEBHOOK_SECRET], &mut Secrets::written_out());
    let section = section.replace("name = \"freshdesk\"", "name = \"billing\"");
    let world = World::around(systems, &format!("{section}groups = [\"support\"]\n{TEMPLATE}")).await;
    let freshdesk = &world.systems.freshdesk;
    let id = freshdesk.create_ticket(freshdesk::NewTicket {
        group: Some(freshdesk::SALES),
        ..freshdesk::NewTicket::about("buy")
    });
    let parcel = Desk::Freshdesk.created(&world.systems, &id.to_string(), "buy");
    assert_eq!(world.deliver_to("/webhooks/billing", &parcel).await, 200);
    let view = world.wait_for_state(&format!("billing/{id}"), &["skipped"]).await;
    says(&view, "the ticket is in the group “Sales”, and only");
    freshdesk.change_ticket(id, freshdesk::Change::Group(Some(freshdesk::SUPPORT)));
    assert_eq!(world.deliver_to("/webhooks/billing", &parcel).await, 200);
    world.wait_for_state(&format!("billing/{id}"), &["ready"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_groups_are_known_or_else_missed_by_nobody() {
    let rule = "[[rule]]\nwhen = \"ticket.group == 'Sales' and ticket.priority == 'urgent'\"\nskip = true\n";
    let world = World::with(&format!("{rule}{TEMPLATE}")).await;
    let freshdesk = &world.systems.freshdesk;
    let ticket = |responder, group, priority| freshdesk::NewTicket {
        responder,
        group,
        priority,
        ..freshdesk::NewTicket::about("who")
    };
    let sold = freshdesk.create_ticket(ticket(None, Some(freshdesk::SALES), 4));
    let body = freshdesk.created_body(sold, Content::Simple).unwrap();
    let view = deliver_and_wait(&world, Desk::Freshdesk, "", body, sold).await;
    assert_eq!(view["state"], "skipped", "{view}");

    let assigned = freshdesk.create_ticket(ticket(Some(freshdesk::ANNA), Some(freshdesk::SUPPORT), 2));
    let body = freshdesk.created_body(assigned, Content::Simple).unwrap();
    deliver_and_wait(&world, Desk::Freshdesk, "", body, assigned).await;
    let members = world.systems.the_room_of(&format!("freshdesk:{assigned}")).members;
    assert!(members.iter().any(|member| member.name == "Anna Agent"), "{members:?}");

    freshdesk.set_directory_readable(false);
    let unreadable = freshdesk.create_ticket(ticket(Some(freshdesk::BEN), None, 2));
    let body = freshdesk.created_body(unreadable, Content::Simple).unwrap();
    let view = deliver_and_wait(&world, Desk::Freshdesk, "", body, unreadable).await;
    assert_eq!(view["state"], "ready", "a room without its assignee is better than none: {view}");
    freshdesk.remove_agent(freshdesk::BEN);
    assert_eq!(freshdesk.counters().of("get_agent"), 2, "who is known is not asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn jiras_assignee_gets_in() {
    let world = World::new().await;
    let issue = NewIssue { assignee: Some(jira::ANNA.to_owned()), ..NewIssue::about("for Anna") };
    let id = world.systems.jira.create_ticket(issue);
    let body = world.systems.jira.event_body(id, "jira:issue_created").unwrap();
    deliver_and_wait(&world, Desk::Jira, "", body, id).await;
    let members = world.systems.the_room_of(&format!("jira:{id}")).members;
    assert!(members.iter().any(|member| member.name == "Anna Agent"), "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_center_does_as_well() {
    let setup = jira::Setup { deployment: Deployment::DataCenter, ..jira::Setup::default() };
    let systems = Systems { jira: Jira::start(setup).await.unwrap(), ..Systems::start().await };
    let world = World::around(systems, TEMPLATE).await;
    Desk::Jira.send_all_to(&world.systems, &world.url(&Desk::Jira.endpoint()));
    let subject = "[~admin] {color:red}*Export*{color} fails\n!x.png!";
    let id = Desk::Jira.open(&world.systems, subject);
    world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
    Desk::Jira.deliveries_settled(&world.systems).await;
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.wrong_with(Desk::Jira, &id), [""; 0]);
    assert_eq!(world.systems.jira.counters().of("create_comment"), 1);
    let note = Desk::Jira.note_texts(&world.systems, &id).remove(0);
    assert!(
        note.contains(r"\{color\_red\}") && note.contains(r"\[\~admin\]"),
        "wiki markup is escaped: {note}"
    );
    world.systems.jira.remove_remote_links(id.parse().unwrap());
    world.retry(&format!("jira/{id}")).await;
    world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
    assert_eq!(world.systems.wrong_with(Desk::Jira, &id), [""; 0]);

    // A further note, looked for twice.
    let helpdesk = helpdesk_of(&world, Desk::Jira);
    let key = TicketKey { helpdesk: "jira".parse().unwrap(), id: id.parse().unwrap() };
    let (note_id, text) = (NoteId::new("files-1"), hostile_text("https://docspace.example.com/rooms/1"));
    for state in [NoteState::Missing, NoteState::Uncertain, NoteState::Settling] {
        let note = InternalNote { key: &key, id: &note_id, text: &text, state };
        assert_eq!(helpdesk.add_note(&note).await, Ok(NoteAdded::Written));
        assert_eq!(all_notes(Desk::Jira, &world.systems, &id), (2, 0), "{state:?}");
    }
    let note = Desk::Jira.note_texts(&world.systems, &id).remove(1);
    assert!(
        note.contains(r"\[x\|javascript:alert(3)\] \{html\}") && !note.contains("[x|javascript"),
        "{note}"
    );
    assert!(note.contains(r"|https://docspace.example.com/rooms/1]"), "{note}");
}

/// What one ticket does not take is no reason to block it; what is about us, or passes, is a
/// failure.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_note_are_told_apart() {
    let world = World::new().await;
    let text = NoteText::default().paragraph(["x".into()]);
    let cases: [(Desk, &[u16], &[u16]); 2] = [
        (Desk::Jira, &[400, 404, 413], &[401, 403, 429, 503]),
        // A program that knows links only refuses notes in its own way.
        (Desk::Generic, &[400, 402, 404, 405, 409, 410, 422], &[401, 403, 429, 500]),
    ];
    for (desk, final_ones, failures) in cases {
        let id = desk.open(&world.systems, "refused");
        let key = TicketKey { helpdesk: desk.name().parse().unwrap(), id: id.parse().unwrap() };
        let add = async |status: u16| {
            // Each time another one, since a 429 holds back all that follow.
            let helpdesk = helpdesk_of(&world, desk);
            desk.faults(&world.systems)
                .add(Fault::once(desk.note_calls().0, FaultKind::StatusBefore(status)));
            let note_id = NoteId::new("archived");
            let note = InternalNote { key: &key, id: &note_id, text: &text, state: NoteState::Missing };
            helpdesk.add_note(&note).await
        };
        for status in final_ones {
            let added = add(*status).await;
            assert!(matches!(added, Ok(NoteAdded::NotPossible(_))), "{desk:?} {status}: {added:?}");
        }
        for status in failures {
            let failure = add(*status).await.unwrap_err();
            let effect = if *status < 500 { SideEffect::None } else { SideEffect::Unknown };
            assert_eq!(failure.side_effect(), effect, "{desk:?} {status}: {failure}");
        }
        assert_eq!(all_notes(desk, &world.systems, &id), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_issue_linking_the_comment_has_the_link() {
    let world = World::new().await;
    world.systems.jira.set_issue_linking(false);
    let id = world.open_in(Desk::Jira, "unlinked").await;
    let view = world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
    assert_eq!(view["written_back"], true);
    assert!(view["timeline"].to_string().contains("switch issue linking on"), "{view:#}");
    world.retry(&format!("jira/{id}")).await;
    world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
    assert_eq!(Desk::Jira.notes(&world.systems, &id), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_does_not_take_the_link_leaves_it_in_the_note() {
    for (field, required, advice) in [
        (None, None, "make a single-line text field"),
        (Some("cf_room"), Some("cf_region"), "because of other fields, cf_region (missing_field)"),
    ] {
        let setup = freshdesk::Setup { room_field: field.map(str::to_owned), ..freshdesk::Setup::default() };
        let played = freshdesk::Freshdesk::start(setup).await.unwrap();
        played.require_field(required);
        let systems = Systems { freshdesk: played, ..Systems::start().await };
        let section = systems.freshdesk.section(&[WEBHOOK_SECRET], &mut Secrets::written_out());
        let section = section.replace("name = \"freshdesk\"", "name = \"picky\"");
        let section = section.replace("room_url_field = \"cf_room\"\n", "");
        let more = format!("{section}room_url_field = \"cf_room\"\n{TEMPLATE}");
        let world = World::around(systems, &more).await;
        let id = Desk::Freshdesk.open(&world.systems, "picky");
        let parcel = Desk::Freshdesk.created(&world.systems, &id, "picky");
        assert_eq!(world.deliver_to("/webhooks/picky", &parcel).await, 200);
        let view = world.wait_for_state(&format!("picky/{id}"), &["ready"]).await;
        assert!(view["timeline"].to_string().contains(advice), "{view:#}");
        assert_eq!(Desk::Freshdesk.notes(&world.systems, &id), (1, 0));
        world.retry(&format!("picky/{id}")).await;
        world.wait_for_state(&format!("picky/{id}"), &["ready"]).await;
        assert_eq!(Desk::Freshdesk.notes(&world.systems, &id), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_delivery_leads_to_the_room() {
    let world = World::new().await;
    let (freshdesk, jira) = (&world.systems.freshdesk, &world.systems.jira);
    let subject = "the \"new\" one\nfails at C:\\temp";
    for content in [Content::Simple, Content::Advanced, Content::AdvancedWrapped, Content::App] {
        let id = freshdesk.create_ticket(freshdesk::NewTicket::about(subject));
        let body = freshdesk.created_body(id, content).unwrap();
        let view = deliver_and_wait(&world, Desk::Freshdesk, "", body, id).await;
        assert_eq!(view["state"], "ready", "{content:?}: {view}");
    }
    let in_address =
        freshdesk.create_ticket(freshdesk::NewTicket { id: Some(777_777), ..Default::default() });
    let view =
        deliver_and_wait(&world, Desk::Freshdesk, "?ticket_id=777777", b"<xml/>".to_vec(), in_address).await;
    assert_eq!(view["state"], "ready", "{view}");

    let automation = [
        Mode::AutomationJiraFormat,
        Mode::AutomationFormat,
        Mode::AutomationCustomData,
        Mode::AutomationRawCustomData,
    ];
    for mode in automation {
        let id = jira.create_ticket(NewIssue::about(subject));
        let body = jira.automation_body(id, mode).unwrap();
        let secret = ("x-ticketroom-secret".to_owned(), WEBHOOK_SECRET.to_owned());
        let parcel = WebhookRequest { headers: vec![secret], query: "", body };
        assert_eq!(world.deliver_to(&Desk::Jira.endpoint(), &parcel).await, 200, "{mode:?}");
        world.wait_for_state(&format!("jira/{id}"), &["ready"]).await;
        assert_eq!(world.systems.wrong_with(Desk::Jira, &id.to_string()), [""; 0], "{mode:?}");
    }
    // Jira sends what it was told to send; that it is about no issue is no mistake.
    let attachment = br#"{"webhookEvent":"attachment_created","attachment":{"id":"1"}}"#.to_vec();
    let parcel = Desk::Jira.prove(attachment, "attachment");
    assert_eq!(world.deliver_to(&Desk::Jira.endpoint(), &parcel).await, 200);
}

/// A life in Freshdesk and Jira as it is, with all the events that it brings; the rooms stay as
/// they are.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_ticket_it_has_one_room_and_one_note() {
    let world = World::new().await;
    for desk in [Desk::Freshdesk, Desk::Jira] {
        desk.send_all_to(&world.systems, &world.url(&desk.endpoint()));
    }
    let (freshdesk, jira) = (&world.systems.freshdesk, &world.systems.jira);
    let ticket = freshdesk.create_ticket(freshdesk::NewTicket::about("a life"));
    for change in [
        freshdesk::Change::Responder(Some(freshdesk::BEN)),
        freshdesk::Change::Status(4),
        freshdesk::Change::Reply("solved?".to_owned()),
        freshdesk::Change::Status(2),
        freshdesk::Change::PrivateNote("<p>[ticketroom:freshdesk:1] not ours</p>".to_owned()),
    ] {
        assert!(freshdesk.change_ticket(ticket, change));
    }
    let issue = jira.create_ticket(NewIssue::about("a life"));
    for change in [
        jira::Change::Assignee(Some(jira::BEN.to_owned())),
        jira::Change::Status("Resolved".to_owned()),
        jira::Change::PublicComment("solved?".to_owned()),
        jira::Change::Status("Waiting for support".to_owned()),
    ] {
        assert!(jira.change_ticket(issue, change));
    }
    for (desk, id) in [(Desk::Freshdesk, ticket), (Desk::Jira, issue)] {
        wait_until("the room has its people", async || {
            let tag = format!("{}:{id}", desk.name());
            let rooms = world.systems.docspace.rooms();
            let room = rooms.iter().find(|room| room.tags.contains(&tag));
            room.is_some_and(|room| room.members.iter().any(|member| member.name == "Ben Engineer"))
        })
        .await;
        desk.deliveries_settled(&world.systems).await;
        assert_eq!(desk.refused_deliveries(&world.systems), [""; 0]);
    }
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.docspace.rooms().len(), 2);
    assert_eq!(freshdesk.counters().of("create_note"), 1);
    assert_eq!(jira.counters().of("create_comment"), 1);
    assert_eq!(world.systems.wrong_with(Desk::Jira, &issue.to_string()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_we_may_not_read_is_no_reason_to_skip() {
    let systems = Systems::start().await;
    let section = systems.freshdesk.section(&[WEBHOOK_SECRET], &mut Secrets::written_out());
    let section = section.replace("name = \"freshdesk\"", "name = \"billing\"");
    let world = World::around(systems, &format!("{section}groups = [\"Support\"]\n{TEMPLATE}")).await;
    world.systems.freshdesk.set_directory_readable(false);
    let id = world.systems.freshdesk.create_ticket(freshdesk::NewTicket {
        group: Some(freshdesk::SUPPORT),
        ..freshdesk::NewTicket::about("wanted")
    });
    let parcel = Desk::Freshdesk.created(&world.systems, &id.to_string(), "wanted");
    assert_eq!(world.deliver_to("/webhooks/billing", &parcel).await, 200);
    let view = world.wait_for_state(&format!("billing/{id}"), &["blocked", "skipped"]).await;
    assert_eq!(view["state"], "blocked", "{view:#}");
    assert!(view["next"].is_string(), "it is tried again by itself: {view:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_note_is_found_among_many() {
    let world = World::new().await;
    let (freshdesk, jira) = (&world.systems.freshdesk, &world.systems.jira);
    let ticket = freshdesk.create_ticket(freshdesk::NewTicket::about("talkative"));
    let issue = jira.create_ticket(NewIssue::about("talkative"));
    // Freshdesk tells the oldest first, Jira the newest.
    for number in 0..150 {
        freshdesk.change_ticket(ticket, freshdesk::Change::Reply(format!("before {number}")));
    }
    for (desk, id) in [(Desk::Freshdesk, ticket), (Desk::Jira, issue)] {
        let helpdesk = helpdesk_of(&world, desk);
        let key = TicketKey { helpdesk: desk.name().parse().unwrap(), id: TicketId::from(id) };
        let url = "https://docspace.example.com/rooms/shared/4711";
        let link = |note| RoomLink { key: &key, room: RoomId(4711), title: "Room", url, version: None, note };
        helpdesk.write_back(&link(NoteState::Missing)).await.unwrap();
        for number in 0..150 {
            jira.change_ticket(issue, jira::Change::InternalComment(format!("after {number}")));
        }
        helpdesk.write_back(&link(NoteState::Uncertain)).await.unwrap();
        assert_eq!(desk.notes(&world.systems, &id.to_string()), (1, 0), "{desk:?}");
        // A note about another room is another note.
        let other = RoomLink {
            room: RoomId(4712),
            url: "https://docspace.example.com/rooms/shared/4712",
            ..link(NoteState::Uncertain)
        };
        helpdesk.write_back(&other).await.unwrap();
        assert_eq!(desk.notes(&world.systems, &id.to_string()), (2, 0), "{desk:?}");
        assert_eq!(
            desk.links(&world.systems, &id.to_string()),
            [other.url],
            "the link is changed, not added"
        );
    }
}

/// More comments than used to be read, no field that would show the link, an order that is not
/// heeded, and an answer that was lost.
#[tokio::test(flavor = "multi_thread")]
async fn our_note_is_found_among_a_thousand_in_whichever_order_they_come() {
    let setup = zendesk::Setup { room_field: None, ..zendesk::Setup::default() };
    let setup_freshdesk = freshdesk::Setup { room_field: None, ..freshdesk::Setup::default() };
    let systems = Systems {
        zendesk: Zendesk::start(setup).await.unwrap(),
        freshdesk: Freshdesk::start(setup_freshdesk).await.unwrap(),
        ..Systems::start().await
    };
    let world = World::around(systems, TEMPLATE).await;
    let (zendesk, freshdesk, jira) = (&world.systems.zendesk, &world.systems.freshdesk, &world.systems.jira);
    zendesk.set_heeds_order(false);
    jira.set_heeds_order(false);
    for desk in [Desk::Zendesk, Desk::Freshdesk, Desk::Jira] {
        let id: u64 = desk.open(&world.systems, "talkative").parse().unwrap();
        for number in 0..1_005 {
            let text = format!("before {number}");
            match desk {
                Desk::Zendesk => zendesk.change_ticket(id, zendesk::Change::PublicComment(text)),
                Desk::Freshdesk => freshdesk.change_ticket(id, freshdesk::Change::Reply(text)),
                _ => jira.change_ticket(id, jira::Change::InternalComment(text)),
            };
        }
        let helpdesk = helpdesk_of(&world, desk);
        let key = TicketKey { helpdesk: desk.name().parse().unwrap(), id: TicketId::from(id) };
        let url = "https://docspace.example.com/rooms/shared/4711";
        let link = |note| RoomLink { key: &key, room: RoomId(4711), title: "Room", url, version: None, note };
        let (faults, call) = match desk {
            Desk::Zendesk => (zendesk.faults(), "update_ticket"),
            Desk::Freshdesk => (freshdesk.faults(), "create_note"),
            _ => (jira.faults(), "create_comment"),
        };
        faults.add(Fault::once(call, FaultKind::AnswerLost));
        helpdesk.write_back(&link(NoteState::Missing)).await.unwrap_err();
        helpdesk.write_back(&link(NoteState::Uncertain)).await.unwrap();
        assert_eq!(desk.notes(&world.systems, &id.to_string()), (1, 0), "{desk:?}");
    }
}

/// What `check` says of a helpdesk, line by line.
async fn checked(systems: &Systems, helpdesk: &str) -> (i32, String) {
    let process = process_over(systems);
    let (status, out, err) = run(&mut process.command(&["check"])).await;
    let from = out.find(&format!("helpdesk {helpdesk}\n")).unwrap_or_else(|| panic!("{out}{err}"));
    let of_this = out[from..].split("\nhelpdesk ").next().unwrap().to_owned();
    (status, of_this)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_covers_every_helpdesk_and_says_what_to_do() {
    let systems = Systems::start().await;
    for desk in ["zendesk", "freshdesk", "jira"] {
        let (status, said) = checked(&systems, desk).await;
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("ok ") && !said.contains("warn") && !said.contains("FAIL"), "{said}");
    }
    systems.freshdesk.set_directory_readable(false);
    systems.freshdesk.set_own_scope(3);
    let (status, said) = checked(&systems, "freshdesk").await;
    assert_eq!(status, 0, "{said}");
    assert!(said.matches("warn").count() >= 2, "{said}");
    systems.freshdesk.revoke_key();
    let (status, said) = checked(&systems, "freshdesk").await;
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("FAIL  Freshdesk does not accept our credentials (401") && said.contains("→"),
        "{said}"
    );

    systems.jira.hide_project("SUP");
    let (status, said) = checked(&systems, "jira").await;
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("there is no project SUP that our user can see"), "{said}");
    systems.jira.revoke_credentials();
    let (_, said) = checked(&systems, "jira").await;
    assert!(
        said.contains("Jira does not accept our credentials (401") && said.contains("api.atlassian.com"),
        "{said}"
    );
}
