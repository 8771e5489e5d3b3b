//! What holds for every kind of helpdesk, tried with each: its proofs, its repeats, its examples,
//! its limits, and that however often and under whatever faults the link is written, the ticket has
//! one link and one note.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use simulator::fault::{Fault, FaultKind, TooMany};
use testbed::{Act, Desk, LifeTicket, WEBHOOK_SECRET, WebhookRequest, wait_until};
use ticketroom::clock::{Clock, SystemClock};
use ticketroom::helpdesk::{self, Absence, Helpdesk, NoteState, Observed, Paces, RoomLink};
use ticketroom::http::Http;
use ticketroom::metrics::Metrics;
use ticketroom::room::RoomId;
use ticketroom::source::{Hint, RawDelivery, Target};
use ticketroom::ticket::{Status, TicketId, TicketKey};

use crate::world::World;

mod notes;

use notes::{
    a_further_note_ends_there, a_note_added_again_is_one_note, a_note_of_an_ended_ticket_is_no_failure,
    a_note_that_may_still_land_is_not_written,
};
pub(crate) use notes::{all_notes, hostile_text};

/// Runs every test of a module over one kind of helpdesk.
macro_rules! over {
    ($($module:ident: $desk:expr),* ; $tests:tt) => {
        $(over!(@one $module, $desk, $tests);)*
    };
    (@one $module:ident, $desk:expr, { $($test:ident),* $(,)? }) => {
        mod $module {
            use testbed::Desk;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($desk).await;
            })*
        }
    };
}
pub(crate) use over;

over! {
    zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira, generic: Desk::Generic;
    {
        proofs_decide,
        repeats_are_one,
        a_link_written_again_is_one_link,
        a_note_added_again_is_one_note,
        what_a_ticket_became_is_observed,
        every_call_may_go_wrong_in_every_way,
        hostile_subjects_stay_text,
    }
}

/// A generic helpdesk has no tickets that could be looked at, and sends nothing by itself.
mod asked {
    use super::*;

    over! {
        zendesk: Desk::Zendesk, freshdesk: Desk::Freshdesk, jira: Desk::Jira;
        {
            our_own_note_ends_there,
            a_further_note_ends_there,
            a_link_that_was_taken_away_comes_back,
            a_limit_is_obeyed,
            a_look_that_fails_writes_nothing,
            a_hostile_title_stays_text,
            a_note_that_may_still_land_is_not_written,
            a_note_of_an_ended_ticket_is_no_failure,
            what_is_over_is_left_alone,
        }
    }
}

/// The helpdesk as the service has it.
pub(crate) fn helpdesk_of(world: &World, desk: Desk) -> Arc<dyn Helpdesk> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let http = Http::new(Metrics::new()).unwrap();
    let all = helpdesk::build(&world.config().helpdesks, &http, &clock, &Paces::default());
    all.into_iter().find(|helpdesk| helpdesk.helpdesk_name().as_str() == desk.name()).unwrap()
}

fn key(desk: Desk, id: &str) -> TicketKey {
    TicketKey { helpdesk: desk.name().parse().unwrap(), id: id.parse().unwrap() }
}

async fn proofs_decide(desk: Desk) {
    let world = World::new().await;
    let id = desk.open(&world.systems, "proven");
    let proofs = desk.proofs(&world.systems, &id);
    for (what, parcel) in &proofs.bad {
        let answer = world.send(&proofs.endpoint, parcel).await;
        assert_eq!(answer.status(), 401, "{what}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !detail.contains(WEBHOOK_SECRET), "{what}: {detail}");
    }
    assert_eq!(world.api("/api/v1/tickets").await["tickets"], serde_json::json!([]), "nothing was let in");
    for (what, parcel) in &proofs.good {
        assert_eq!(world.deliver_to(&proofs.endpoint, parcel).await, 200, "{what}");
    }
    assert!(proofs.bad.len() >= 3 && !proofs.good.is_empty());
}

async fn repeats_are_one(desk: Desk) {
    let world = World::new().await;
    let id = desk.open(&world.systems, "over and over");
    let parcel = desk.created(&world.systems, &id, "over and over");
    let repeats = (0..20).map(|_| async { world.deliver_to(&desk.endpoint(), &parcel).await });
    let statuses = futures_util::future::join_all(repeats).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    world.wait_until_all_rest().await;
    assert_eq!(world.deliver_to(&desk.endpoint(), &parcel).await, 200, "a late repeat");
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.wrong_with_opened(desk, &id), [""; 0]);
    assert_eq!(world.systems.docspace.rooms().len(), 1);
    assert_eq!(world.systems.docspace.counters().of("create_room"), 1);
}

async fn a_link_written_again_is_one_link(desk: Desk) {
    let world = World::new().await;
    let id = desk.open(&world.systems, "written again");
    let (helpdesk, key) = (helpdesk_of(&world, desk), key(desk, &id));
    let url = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711";
    let link = |note| RoomLink { key: &key, room: RoomId(4711), title: "Room", url, version: None, note };
    for note in [
        NoteState::Missing,
        NoteState::Uncertain,
        NoteState::Settling,
        NoteState::Written,
        NoteState::Uncertain,
    ] {
        let written = helpdesk.write_back(&link(note)).await.unwrap();
        assert_eq!(written.warning, None, "{note:?}");
        assert_eq!(desk.notes(&world.systems, &id), (1, 0), "{note:?}");
        assert_eq!(desk.links(&world.systems, &id), [url], "{note:?}");
    }
}

async fn every_call_may_go_wrong_in_every_way(desk: Desk) {
    let world = World::new().await;
    let kinds = [
        FaultKind::Refuse,
        FaultKind::TooMany(TooMany::Daily { retry_after_s: 1 }),
        FaultKind::StatusBefore(503),
        FaultKind::StatusAfter(502),
        FaultKind::AnswerLost,
        FaultKind::TruncatedBody,
        FaultKind::LateLanding(Duration::from_millis(700)),
    ];
    let mut tickets = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        for call in desk.calls() {
            // What is cached is not asked for again, so its fault would wait for another test.
            if number > 0 && desk.asked_once().contains(call) {
                continue;
            }
            let fired = desk.faults(&world.systems).fired();
            desk.faults(&world.systems).add(Fault::once(call, kind.clone()));
            let id = world.open_in(desk, "struck").await;
            wait_until(&format!("{call} is struck by {kind:?}"), async || {
                desk.faults(&world.systems).fired() > fired
            })
            .await;
            tickets.push((format!("{call} {kind:?}"), id));
        }
    }
    world.wait_until_all_rest().await;
    let wrong: Vec<String> = tickets
        .iter()
        .flat_map(|(what, id)| {
            world.systems.wrong_with_opened(desk, id).into_iter().map(move |wrong| format!("{what}: {wrong}"))
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

async fn our_own_note_ends_there(desk: Desk) {
    let world = World::new().await;
    desk.send_all_to(&world.systems, &world.url(&desk.endpoint()));
    let id = desk.open(&world.systems, "echo");
    let view = world.wait_for_state(&format!("{}/{id}", desk.name()), &["ready"]).await;
    assert_eq!(view["written_back"], true);
    desk.deliveries_settled(&world.systems).await;
    world.wait_until_all_rest().await;
    assert_eq!(world.systems.wrong_with_opened(desk, &id), [""; 0]);
    let timeline = world.ticket(&format!("{}/{id}", desk.name())).await["timeline"].to_string();
    // A rule of Freshdesk's tells nothing beyond doubt: its echo is looked into, and nothing is
    // found.
    assert_eq!(timeline.contains("our own note"), desk != Desk::Freshdesk, "{timeline}");
    // Everything that we caused has come back by now, and nothing came of it.
    let counters = desk.counters(&world.systems);
    for call in desk.writing_calls() {
        assert_eq!(counters.of(call), 1, "{call}: {counters:?}");
    }
    assert_eq!(desk.refused_deliveries(&world.systems), [""; 0]);
}

async fn hostile_subjects_stay_text(desk: Desk) {
    let world = World::new().await;
    let subjects = [
        "\"><img src=x onerror=alert(1)><script>alert(2)</script>",
        "[click|javascript:alert(1)] {html}<b>x</b>{html} !x.png! *b* ",
        "\",\"ticket_id\":\"1\",\"issue_id\":\"1\",\"id\":1,\"x\":\"",
        "{{ ticket.id }} {% raw %} ${issue.key} %s \\u0000 \\",
        "line\r\nbreak\ttab \u{202e}bidi\u{200b} 🔥 é فاتورة ☃",
        "   ",
        "../../../etc/passwd?x=1#y",
    ];
    let mut ids = Vec::new();
    for subject in subjects {
        ids.push(world.open_in(desk, subject).await);
    }
    world.wait_until_all_rest().await;
    for (id, subject) in ids.iter().zip(subjects) {
        assert_eq!(world.systems.wrong_with_opened(desk, id), [""; 0], "{subject}");
        let room = world.systems.the_room_of(&format!("{}:{id}", desk.name()));
        assert!(!room.title.chars().any(char::is_control), "{:?}", room.title);
        for note in desk.note_texts(&world.systems, id) {
            let harmful = ["<img", "<script", "<b>", "|javascript:", "href=\"javascript"];
            let found = harmful.iter().find(|harmful| note.contains(*harmful));
            assert_eq!(found, None, "{note}");
        }
    }
    assert_eq!(world.systems.docspace.rooms().len(), subjects.len());
}

/// After a 429, nothing of the kind is asked for until the helpdesk's time is over, whichever
/// ticket wants it.
async fn a_limit_is_obeyed(desk: Desk) {
    let world = World::new().await;
    // Whatever is asked for but once is out of the way.
    let first = world.open_in(desk, "first").await;
    world.wait_for_state(&format!("{}/{first}", desk.name()), &["ready"]).await;
    let (call, wait) = (desk.reading_call(), Duration::from_secs(3));
    let asked = || desk.counters(&world.systems).of(call);
    let before = asked();
    let kind = FaultKind::TooMany(TooMany::Daily { retry_after_s: wait.as_secs() });
    desk.faults(&world.systems).add(Fault::once(call, kind));
    let started = Instant::now();
    let refused = world.open_in(desk, "refused").await;
    wait_until("it is refused", async || desk.counters(&world.systems).rejected_429 == 1).await;
    // The helpdesk has refused it before the service knows.
    let key = format!("{}/{refused}", desk.name());
    wait_until("the refusal has arrived", async || world.ticket(&key).await["reason"].is_string()).await;
    assert_eq!(asked(), before + 1);
    let other = world.open_in(desk, "other").await;
    wait_until("it is asked again", async || asked() > before + 1).await;
    assert!(started.elapsed() >= wait, "asked again after {:?}", started.elapsed());
    world.wait_until_all_rest().await;
    for id in [refused, other] {
        assert_eq!(world.systems.wrong_with_opened(desk, &id), [""; 0]);
    }
}

/// Nobody knows whether the note is there, and the look for it fails in every way: still there is
/// one note.
async fn a_look_that_fails_writes_nothing(desk: Desk) {
    let world = World::new().await;
    let (note, look) = desk.note_calls();
    // What Zendesk has done shows in the field at once, and then nothing is looked for.
    let unknown = if desk == Desk::Zendesk { FaultKind::StatusBefore(500) } else { FaultKind::AnswerLost };
    for kind in [
        FaultKind::Refuse,
        FaultKind::StatusBefore(503),
        FaultKind::StatusBefore(403),
        FaultKind::AnswerLost,
        FaultKind::TruncatedBody,
    ] {
        let faults = desk.faults(&world.systems);
        let fired = faults.fired();
        faults.add(Fault::once(note, unknown.clone()));
        faults.add(Fault::once(look, kind.clone()));
        let id = world.open_in(desk, "looked for").await;
        wait_until("both have failed", async || faults.fired() == fired + 2).await;
        let key = format!("{}/{id}", desk.name());
        let view = world.wait_for_state(&key, &["ready", "blocked"]).await;
        if view["state"] == "blocked" {
            world.retry(&key).await;
            world.wait_for_state(&key, &["ready"]).await;
        }
        world.wait_until_all_rest().await;
        assert_eq!(world.systems.wrong_with_opened(desk, &id), [""; 0], "{kind:?}");
    }
}

/// The ticket as its helpdesk describes it after its last change. What the deliveries tell is kept
/// as the store keeps it.
async fn observed(world: &World, helpdesk: &dyn Helpdesk, ticket: &LifeTicket, nth: u64) -> Observed {
    let parcel = ticket.changed(&world.systems, nth);
    let verified = helpdesk.verify(raw(&parcel), SystemClock.now()).unwrap();
    let reported = helpdesk.read(&verified).unwrap().snapshot;
    helpdesk.observe(&ticket.id.parse().unwrap(), reported.as_ref()).await.unwrap()
}

async fn what_a_ticket_became_is_observed(desk: Desk) {
    let world = World::new().await;
    let systems = &world.systems;
    let helpdesk = helpdesk_of(&world, desk);
    let helpdesk = helpdesk.as_ref();
    let present = |observed: Observed| match observed {
        Observed::Present { ticket, .. } => *ticket,
        Observed::Absent(absence) => panic!("{absence:?}"),
    };
    let id = |id: &str| Some(id.parse::<TicketId>().unwrap());

    // A chain: the first into the second, that into the third.
    let mut tickets: Vec<LifeTicket> =
        (0..3).map(|n| LifeTicket::open(desk, systems, &format!("Order #{n} is late"))).collect();
    let ids: Vec<String> = tickets.iter().map(|ticket| ticket.id.clone()).collect();
    for (nth, target) in [(0_usize, 1_usize), (1, 2)] {
        assert!(tickets[nth].act(systems, &Act::MergeInto(ids[target].clone())));
    }
    for (nth, target) in [(0, Some(1)), (1, Some(2)), (2, None)] {
        let ticket = present(observed(&world, helpdesk, &tickets[nth], 1).await);
        assert_eq!(ticket.merged_into, target.and_then(|target: usize| id(&ids[target])), "{nth}");
        assert_eq!(ticket.follow_up_of, None, "{nth}");
    }
    // The last one is closed like any other, with what the merge left in it.
    assert!(tickets[2].act(systems, &Act::Close));
    let closed = present(observed(&world, helpdesk, &tickets[2], 2).await);
    assert_eq!((closed.status, closed.merged_into), (Status::Closed, None));

    if let Some(follow_up) = tickets[2].follow_up(systems, "It is late again") {
        let ticket = present(observed(&world, helpdesk, &follow_up, 1).await);
        assert_eq!((ticket.follow_up_of, ticket.merged_into), (id(&ids[2]), None));
    } else {
        assert_eq!(desk, Desk::Freshdesk);
    }

    for (gone, back) in [(Act::Delete, Act::Restore), (Act::Spam, Act::NotSpam)] {
        if !desk.supports(&gone) {
            continue;
        }
        let mut ticket = LifeTicket::open(desk, systems, "gone");
        assert!(ticket.act(systems, &gone));
        let is_deleted = |observed: &Observed| match observed {
            Observed::Present { ticket, .. } => ticket.status == Status::Deleted,
            Observed::Absent(absence) => *absence == Absence::Deleted,
        };
        let seen = observed(&world, helpdesk, &ticket, 1).await;
        assert!(is_deleted(&seen), "{gone:?}: {seen:?}");
        if desk == Desk::Zendesk {
            // The event never came: the list of deleted tickets tells.
            let seen = helpdesk.observe(&ticket.id.parse().unwrap(), None).await.unwrap();
            assert_eq!(seen, Observed::Absent(Absence::Deleted), "{gone:?}");
        }
        if desk.supports(&back) {
            assert!(ticket.act(systems, &back));
            let seen = observed(&world, helpdesk, &ticket, 2).await;
            assert!(!is_deleted(&seen), "{back:?}: {seen:?}");
        }
    }
}

/// Titles are DocSpace's, which leaves out much; the note does not rely on that.
async fn a_hostile_title_stays_text(desk: Desk) {
    let world = World::new().await;
    let id = desk.open(&world.systems, "hostile");
    let (helpdesk, key) = (helpdesk_of(&world, desk), key(desk, &id));
    let title =
        "\"><img src=x onerror=alert(1)></a>\n<script>alert(2)</script> &amp; [x|javascript:alert(3)] {html}";
    let url = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";
    let link =
        RoomLink { key: &key, room: RoomId(4711), title, url, version: None, note: NoteState::Missing };
    helpdesk.write_back(&link).await.unwrap();
    assert_eq!(desk.notes(&world.systems, &id), (1, 0));
    assert_eq!(desk.links(&world.systems, &id), [url]);
    let note = desk.note_texts(&world.systems, &id).remove(0);
    if desk == Desk::Jira {
        // A document has no markup in its text; that it is one text with one link is what the
        // simulator checks.
        assert!(note.contains("alert(2)") && note.matches(url).count() == 1, "{note}");
    } else {
        assert!(note.contains("&lt;img src=x onerror=alert(1)&gt;"), "{note}");
        for harmful in ["<img", "<script", "javascript:alert(3)\""] {
            assert!(!note.contains(harmful), "{note}");
        }
    }
}

/// The ticket ends, and somebody takes the link away: what can't be written to any more is not
/// written to.
async fn what_is_over_is_left_alone(desk: Desk) {
    let world = World::new().await;
    let id = world.open_in(desk, "over").await;
    let key = format!("{}/{id}", desk.name());
    world.wait_for_state(&key, &["ready"]).await;
    desk.take_link_away(&world.systems, &id);
    desk.end(&world.systems, &id);
    let writes = || {
        let counters = desk.counters(&world.systems);
        desk.writing_calls().iter().map(|call| counters.of(call)).sum::<u64>()
    };
    let before = writes();
    world.retry(&key).await;
    let view = world.wait_for_state(&key, &["ready", "blocked"]).await;
    assert_eq!(view["state"], "ready", "{view:#}");
    assert_eq!(writes(), before);
}

async fn a_link_that_was_taken_away_comes_back(desk: Desk) {
    let world = World::new().await;
    let id = world.open_in(desk, "repaired").await;
    let key = format!("{}/{id}", desk.name());
    world.wait_for_state(&key, &["ready"]).await;
    desk.take_link_away(&world.systems, &id);
    assert_ne!(world.systems.wrong_with_opened(desk, &id), [""; 0]);
    world.retry(&key).await;
    world.wait_for_state(&key, &["ready"]).await;
    assert_eq!(world.systems.wrong_with_opened(desk, &id), [""; 0]);
}

/// Every example delivery of the vendors' documents, as its helpdesk's adapter understands it. The
/// list is kept with the fixtures; a change in it is a change in behaviour.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_understood_as_they_were() {
    let world = World::new().await;
    let understood = understood_examples(&world);
    let kept = include_str!("../fixtures/understood.txt");
    assert_eq!(
        understood, kept,
        "if this is meant, put it into tests/fixtures/understood.txt:\n{understood}"
    );
}

fn understood_examples(world: &World) -> String {
    let mut lines = String::new();
    for desk in [Desk::Zendesk, Desk::Freshdesk, Desk::Jira] {
        let helpdesk = helpdesk_of(world, desk);
        let folder = format!("{}/tests/fixtures/{}", env!("CARGO_MANIFEST_DIR"), desk.name());
        let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name() != "deliveries.json")
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        for (file, body) in files {
            let parcel = desk.prove(body, "example-1");
            let said = match helpdesk
                .verify(raw(&parcel), SystemClock.now())
                .map(|verified| helpdesk.read(&verified))
            {
                Ok(Ok(Hint { target: Target::Ticket(key), event, delivery_id, snapshot, consequence })) => {
                    format!(
                        "ticket {} | {event} | {consequence:?} | id {} | told {}",
                        key.id,
                        delivery_id.as_deref().unwrap_or("none"),
                        snapshot.map_or("nothing".to_owned(), |ticket| format!("{:?}", ticket.status)),
                    )
                }
                Ok(Ok(other)) => format!("{other:?}"),
                Ok(Err(why)) => format!("{why:?}"),
                Err(why) => format!("refused: {why}"),
            };
            lines.push_str(&format!("{file}: {said}\n"));
        }
    }
    lines
}

fn raw(parcel: &WebhookRequest) -> RawDelivery {
    let headers = parcel.headers.iter();
    let headers = headers.map(|(name, value)| {
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        (name, value.parse().unwrap())
    });
    RawDelivery { headers: headers.collect(), query: None, body: parcel.body.clone().into() }
}
