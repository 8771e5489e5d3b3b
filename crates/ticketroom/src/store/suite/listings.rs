//! Tickets that are taken in without a delivery, the order of backfills, and progress.

use super::*;
use crate::helpdesk::listing::Reference;

on_every_store!(
    a_sweep_makes_unknown_tickets_known_and_due,
    what_a_listing_tells_of_a_ticket_is_kept_as_if_a_delivery_had,
    a_change_that_nobody_reported_is_looked_at_and_told,
    a_change_that_was_seen_is_no_news,
    what_may_be_our_own_doing_is_looked_at_and_not_told,
    a_change_during_a_run_makes_another_run,
    a_ticket_that_is_due_anyway_is_told_nothing,
    a_late_webhook_of_a_found_ticket_changes_nothing_but_that_it_is_looked_at,
    a_backfill_takes_in_what_is_unknown_and_goes_after_all_others,
    whoever_asks_for_a_ticket_of_a_backfill_puts_it_before_them,
    a_person_adds_a_ticket_once,
    pages_and_progress_are_written_together,
    progress_has_turns,
);

fn listed(id: &str, second: i64) -> Reference {
    Reference { id: id.parse().unwrap(), updated: at(second), snapshot: None }
}

fn page(origin: Origin, tickets: &[Reference]) -> TakeIn {
    let helpdesk = key("1").helpdesk;
    TakeIn { helpdesk, origin, tickets: tickets.to_vec(), ahead: 0, progress: None }
}

async fn sweep(store: &Timed, tickets: &[Reference], second: i64) -> TakenIn {
    store.take_in(page(Origin::Sweep, tickets), at(second)).await.unwrap()
}

fn taken(new: &[&str], changed: &[&str], known: u64) -> TakenIn {
    let ids = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
    TakenIn { new: ids(new), changed: ids(changed), known }
}

async fn told(store: &Timed, id: &str) -> Vec<String> {
    store.timeline(&key(id)).await.unwrap().into_iter().map(|entry| entry.text).collect()
}

/// A run that sees the ticket as it was at a second of its helpdesk's clock, and ends at another of
/// ours.
async fn see(store: &Timed, version: i64, second: i64) {
    let claim = claim_one(store, second).await;
    let seen = Ticket { version: Some(at(version).to_string()), ..Ticket::default() };
    let mut end = settlement(&claim, State::Ready, None, second);
    end.save.seen = Some(seen);
    end.save.events.clear();
    store.settle(end).await.unwrap();
}

async fn due_in(store: &Timed, second: i64) -> Option<u64> {
    store.next_due(at(second)).await.unwrap().map(|wait| wait.as_secs())
}

async fn a_sweep_makes_unknown_tickets_known_and_due(store: &Timed) {
    // The same one twice, as listings may have it.
    let tickets = [listed("2", 5), listed("1", 1), listed("2", 7)];
    assert_eq!(sweep(store, &tickets, 10).await, taken(&["1", "2"], &[], 0));
    assert_eq!(sweep(store, &tickets, 11).await, taken(&[], &[], 2), "it was taken in before");
    let record = store.ticket(&key("2")).await.unwrap().unwrap();
    assert_eq!((record.state, record.due, record.created), (State::Waiting, Some(at(10)), at(10)));
    assert_eq!(told(store, "2").await, ["found by sweep: its webhook never came"]);
    let claims = store.claim(at(12), LEASE, 10, &[]).await.unwrap();
    assert_eq!(claims.len(), 2);
    assert!(claims.iter().all(|claim| !claim.backfill && claim.ledger == Ledger::default()));
}

/// Of a helpdesk that can't be asked.
async fn what_a_listing_tells_of_a_ticket_is_kept_as_if_a_delivery_had(store: &Timed) {
    let with = |second: i64, subject: &str| {
        let version = Some(at(second).to_string());
        let ticket = Ticket { subject: subject.to_owned(), version, ..Ticket::default() };
        Reference { snapshot: Some(Box::new(ticket)), ..listed("1", second) }
    };
    // The later one counts, in whichever order they come.
    sweep(store, &[with(5, "later"), with(1, "first")], 10).await;
    let record = store.ticket(&key("1")).await.unwrap().unwrap();
    assert_eq!(record.ticket.unwrap().subject, "later");
    see(store, 5, 11).await;
    sweep(store, &[with(60, "changed")], 100).await;
    let claim = claim_one(store, 100).await;
    assert_eq!(claim.reported.unwrap().subject, "changed");
    let by_subject = TicketQuery { text: Some("changed".to_owned()), limit: 9, ..TicketQuery::default() };
    assert_eq!(store.tickets(&by_subject).await.unwrap().len(), 1);
    // One that a delivery has overtaken.
    store.accept(reported("1", "reported", Some("2999"), 101)).await.unwrap();
    sweep(store, &[with(102, "listed")], 103).await;
    let claim = store.claim(at(9999), LEASE, 1, &[]).await.unwrap().remove(0);
    assert_eq!(claim.reported.unwrap().subject, "reported");
}

async fn a_change_that_nobody_reported_is_looked_at_and_told(store: &Timed) {
    sweep(store, &[listed("1", 0)], 1).await;
    see(store, 0, 2).await;
    assert_eq!(due_in(store, 100).await, None);
    assert_eq!(sweep(store, &[listed("1", 60)], 100).await, taken(&[], &["1"], 1));
    assert_eq!(due_in(store, 100).await, Some(0));
    assert_eq!(told(store, "1").await[1..], ["found by sweep: a change of it was never reported"]);
    see(store, 60, 101).await;
    assert_eq!(sweep(store, &[listed("1", 60)], 102).await, taken(&[], &[], 1));
    assert_eq!(due_in(store, 102).await, None, "nothing has changed since");
    // One that is to be looked at in three days is looked at now.
    sweep(store, &[listed("1", 90)], 110).await;
    let claim = claim_one(store, 110).await;
    store.settle(settlement(&claim, State::Ready, Some(at(300_000)), 110)).await.unwrap();
    assert_eq!(sweep(store, &[listed("1", 150)], 200).await, taken(&[], &["1"], 1));
    assert_eq!(due_in(store, 200).await, Some(0));
}

async fn a_change_that_was_seen_is_no_news(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    see(store, 40, 50).await;
    assert_eq!(sweep(store, &[listed("1", 39)], 100).await, taken(&[], &[], 1));
    assert_eq!(sweep(store, &[listed("1", 40)], 101).await, taken(&[], &[], 1));
    assert_eq!(due_in(store, 101).await, None);
    // What was seen counts, also if a listing had an earlier one.
    assert_eq!(sweep(store, &[listed("1", 60)], 102).await, taken(&[], &["1"], 1));
    see(store, 55, 103).await;
    assert_eq!(sweep(store, &[listed("1", 60)], 104).await, taken(&[], &[], 1));
}

async fn what_may_be_our_own_doing_is_looked_at_and_not_told(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    see(store, 0, 20).await;
    // We wrote our note at 20; the helpdesk's clock is ten minutes ahead.
    let ahead = |second| TakeIn { ahead: 600_000, ..page(Origin::Sweep, &[listed("1", second)]) };
    let looked = store.take_in(ahead(621), at(30)).await.unwrap();
    assert_eq!(looked, taken(&[], &[], 1));
    assert_eq!(told(store, "1").await, ["created"]);
    let claim = claim_one(store, 30).await;
    assert_eq!(claim.attempts, 1, "new tickets go first");
    let mut end = settlement(&claim, State::Ready, None, 31);
    end.save.seen = Some(Ticket { version: Some(at(621).to_string()), ..Ticket::default() });
    store.settle(end).await.unwrap();
    // Three seconds after our last commit nobody but others can have changed it.
    let changed = store.take_in(ahead(634), at(40)).await.unwrap();
    assert_eq!(changed, taken(&[], &["1"], 1));
    assert_eq!(claim_one(store, 40).await.attempts, 0);
}

async fn a_change_during_a_run_makes_another_run(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    let claim = claim_one(store, 1).await;
    assert_eq!(sweep(store, &[listed("1", 50)], 60).await, taken(&[], &[], 1));
    store.settle(settlement(&claim, State::Ready, None, 61)).await.unwrap();
    assert_eq!(due_in(store, 61).await, Some(0), "whatever the run saw, it may have been before");
    assert_eq!(claim_one(store, 61).await.hints, claim.hints + 1);
}

async fn a_ticket_that_is_due_anyway_is_told_nothing(store: &Timed) {
    store.accept(delivery("1", None, 0)).await.unwrap();
    assert_eq!(sweep(store, &[listed("1", 50)], 60).await, taken(&[], &[], 1));
    assert_eq!(due_in(store, 60).await, Some(0));
    see(store, 50, 61).await;
    store.accept(delivery("1", None, 100)).await.unwrap();
    assert_eq!(sweep(store, &[listed("1", 100)], 110).await, taken(&[], &[], 1), "its delivery came");
    assert_eq!(told(store, "1").await, ["created", "created"]);
    // One that nobody has seen yet, since its helpdesk did not answer, is tried now.
    store.accept(delivery("2", None, 111)).await.unwrap();
    for id in ["1", "2"] {
        let claim = claim_of(store, id, 112).await;
        let end = Settlement { attempts: 3, ..settlement(&claim, State::Waiting, Some(at(900)), 112) };
        store.settle(end).await.unwrap();
    }
    assert_eq!(sweep(store, &[listed("2", 111)], 200).await, taken(&[], &[], 1));
    let claim = claim_one(store, 200).await;
    assert_eq!((claim.key, claim.attempts), (key("2"), 3));
}

async fn claim_of(store: &Timed, id: &str, second: i64) -> Claim {
    let claims = store.claim(at(second), LEASE, 1, &[]).await.unwrap();
    let [claim] = &claims[..] else { panic!("{claims:?}") };
    assert_eq!(claim.key, key(id));
    claim.clone()
}

async fn a_late_webhook_of_a_found_ticket_changes_nothing_but_that_it_is_looked_at(store: &Timed) {
    sweep(store, &[listed("1", 0)], 100).await;
    see(store, 0, 101).await;
    assert_eq!(store.accept(delivery("1", Some("a"), 120)).await.unwrap(), Accepted::New);
    see(store, 0, 121).await;
    assert_eq!(sweep(store, &[listed("1", 0)], 130).await, taken(&[], &[], 1));
    assert_eq!(due_in(store, 130).await, None);
    let all = TicketQuery { limit: 9, ..TicketQuery::default() };
    assert_eq!(store.tickets(&all).await.unwrap().len(), 1);
}

async fn a_backfill_takes_in_what_is_unknown_and_goes_after_all_others(store: &Timed) {
    let old: Vec<_> = (1..=6).map(|id| listed(&id.to_string(), -90_000)).collect();
    let quiet = Origin::Backfill { quiet: true };
    assert_eq!(store.take_in(page(quiet, &old[..2]), at(0)).await.unwrap(), taken(&["1", "2"], &[], 0));
    let loud = Origin::Backfill { quiet: false };
    let rest = store.take_in(page(loud, &old), at(1)).await.unwrap();
    assert_eq!(rest, taken(&["3", "4", "5", "6"], &[], 2), "nothing happens to those that are known");
    store.accept(delivery("live", None, 2)).await.unwrap();
    store.accept(delivery("tried", None, 2)).await.unwrap();
    // One that was tried in vain also goes first.
    let limit = ClaimLimit { all: 2, backfill: 2 };
    let first = store.claim(at(2), LEASE, limit, &[]).await.unwrap();
    assert!(first.iter().all(|claim| !claim.backfill), "{first:?}");
    for claim in &first {
        let end = Settlement { attempts: 1, ..settlement(claim, State::Waiting, Some(at(3)), 2) };
        store.settle(end).await.unwrap();
    }
    let desk = [key("1").helpdesk, "nobody".parse().unwrap()];
    let mut claimed = Vec::new();
    for (second, limit, expected) in [
        (3, ClaimLimit { all: 1, backfill: 1 }, 0),
        (4, ClaimLimit { all: 3, backfill: 1 }, 1),
        (5, ClaimLimit { all: 3, backfill: 0 }, 0),
        (6, ClaimLimit { all: 3, backfill: 2 }, 2),
    ] {
        let claims = store.claim_of(at(second), LEASE, limit, &[], &desk).await.unwrap();
        let of_backfills: Vec<_> = claims.iter().filter(|claim| claim.backfill).cloned().collect();
        assert_eq!(of_backfills.len(), expected, "{limit:?}: {claims:?}");
        claimed.extend(of_backfills);
    }
    claimed.sort_by(|one, other| one.key.cmp(&other.key));
    let found: Vec<_> = claimed.iter().map(|claim| (claim.key.id.as_str(), claim.ledger.quiet)).collect();
    assert_eq!(found, [("1", true), ("2", true), ("3", false)], "the longest due first");
    assert_eq!(told(store, "3").await, ["taken in by a backfill"]);
    assert_eq!(due_in(store, 6).await, Some(0), "three are left");
    let figures = store.figures(at(6), 1).await.unwrap();
    assert_eq!(figures.oldest_waiting, Some(at(2)), "a backfill takes its time");
}

async fn whoever_asks_for_a_ticket_of_a_backfill_puts_it_before_them(store: &Timed) {
    let ids = ["delivery", "asked", "request", "sweep", "room", "left", "ours"];
    let old: Vec<_> = ids.iter().map(|id| listed(id, -90_000)).collect();
    store.take_in(page(Origin::Backfill { quiet: true }, &old), at(0)).await.unwrap();
    let mut claims = store.claim(at(0), LEASE, 10, &[]).await.unwrap();
    claims.sort_by(|one, other| one.key.cmp(&other.key));
    for claim in &claims {
        let ledger = if claim.key == key("room") { with_room(7) } else { claim.ledger.clone() };
        let save = save(claim, ledger, 1);
        store.settle(Settlement { save, ..settlement(claim, State::Ready, None, 1) }).await.unwrap();
    }
    let is_backfill = async |id: &str, second: i64| {
        let mut claims = store.claim(at(second), LEASE, 10, &[]).await.unwrap();
        assert_eq!(claims.len(), 1, "{id}: {claims:?}");
        let claim = claims.remove(0);
        assert_eq!(claim.key, key(id));
        store.settle(settlement(&claim, State::Ready, None, second)).await.unwrap();
        claim.backfill
    };
    store.accept(delivery("delivery", None, 20)).await.unwrap();
    assert!(!is_backfill("delivery", 20).await);
    store.requeue(&Selection::One(key("asked")), &Why::Asked, at(21)).await.unwrap();
    assert!(!is_backfill("asked", 21).await);
    let archive = Why::Requested(RoomRequest::Archive);
    store.requeue(&Selection::One(key("request")), &archive, at(22)).await.unwrap();
    assert!(!is_backfill("request", 22).await);
    sweep(store, &[listed("sweep", 15)], 23).await;
    assert!(!is_backfill("sweep", 23).await);
    store.accept(in_room(7, Consequence::Look, None, 24)).await.unwrap();
    assert!(!is_backfill("room", 24).await);
    // Nobody asks for these.
    sweep(store, &[listed("ours", 1)], 25).await;
    assert!(is_backfill("ours", 25).await, "it may be our own note");
    store.requeue(&Selection::One(key("left")), &Why::Configured, at(26)).await.unwrap();
    assert!(is_backfill("left", 26).await);
}

async fn a_person_adds_a_ticket_once(store: &Timed) {
    let add = || page(Origin::Person, &[listed("1", 0)]);
    assert_eq!(store.take_in(add(), at(1)).await.unwrap(), taken(&["1"], &[], 0));
    see(store, -7, 2).await;
    assert_eq!(store.take_in(add(), at(3)).await.unwrap(), taken(&[], &[], 1));
    assert_eq!(due_in(store, 3).await, None);
    assert_eq!(told(store, "1").await, ["somebody added it"]);
}

async fn pages_and_progress_are_written_together(store: &Timed) {
    let with = |turn: i64, value: &str, id: &str| {
        let progress = SaveProgress { name: "sweep.desk".to_owned(), turn, value: value.to_owned() };
        TakeIn { progress: Some(progress), ..page(Origin::Sweep, &[listed(id, 0)]) }
    };
    assert_eq!(store.take_in(with(1, "x", "1"), at(0)).await, Err(StoreError::Lost), "there is nothing yet");
    assert_eq!(store.take_in(with(0, "a", "1"), at(0)).await, Ok(taken(&["1"], &[], 0)));
    // Whoever is behind changes nothing, were it the same again.
    for late in [with(0, "a", "1"), with(0, "b", "2"), with(2, "b", "2")] {
        assert_eq!(store.take_in(late, at(1)).await, Err(StoreError::Lost));
    }
    assert_eq!(store.ticket(&key("2")).await.unwrap(), None);
    let record = |turn, value: &str| {
        Some(ProgressRecord { name: "sweep.desk".to_owned(), turn, value: value.to_owned() })
    };
    assert_eq!(store.progress("sweep.desk").await.unwrap(), record(1, "a"));
    assert_eq!(store.take_in(with(1, "b", "2"), at(2)).await, Ok(taken(&["2"], &[], 0)));
    assert_eq!(store.progress("sweep.desk").await.unwrap(), record(2, "b"));
    // A page without any tickets moves the cursor as well.
    let empty = TakeIn { tickets: Vec::new(), ..with(2, "c", "3") };
    assert_eq!(store.take_in(empty, at(3)).await, Ok(TakenIn::default()));
    assert_eq!(store.progress("sweep.desk").await.unwrap(), record(3, "c"));
}

async fn progress_has_turns(store: &Timed) {
    let write = async |name: &str, turn: i64, value: &str| {
        store.save_progress(SaveProgress { name: name.to_owned(), turn, value: value.to_owned() }).await
    };
    assert_eq!(store.progress("a.one").await.unwrap(), None);
    assert_eq!(write("a.one", 3, "{}").await, Err(StoreError::Lost));
    assert_eq!(write("a.one", 0, "1").await, Ok(1));
    assert_eq!(write("a.one", 0, "2").await, Err(StoreError::Lost));
    assert_eq!(write("a.one", 1, "2").await, Ok(2));
    assert_eq!(write("a.two", 0, "3").await, Ok(1));
    assert_eq!(write("b", 0, "4").await, Ok(1));
    let names = async |prefix: &str| {
        let all = store.progresses(prefix).await.unwrap();
        all.into_iter().map(|record| format!("{}={}", record.name, record.value)).collect::<Vec<_>>()
    };
    assert_eq!(names("a.").await, ["a.one=2", "a.two=3"]);
    assert_eq!(names("b").await, ["b=4"]);
    assert_eq!(names("").await.len(), 3);
    assert_eq!(names("c").await, Vec::<String>::new());
}
