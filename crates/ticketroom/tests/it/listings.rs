//! Listings pass over no ticket, whatever happens between their pages: random histories of tickets
//! that are created, changed and deleted at a helpdesk whose clock is ten minutes off, many in the
//! same second, over the hour in which Europe's clocks are set back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use simulator::Clock as SimulatedClock;
use simulator::zendesk::{self, Zendesk};
use ticketroom::clock::{Clock, ManualClock};
use ticketroom::config::{HelpdeskConfig, HelpdeskKind, ZendeskAuth, ZendeskConfig};
use ticketroom::helpdesk::listing::Cursor;
use ticketroom::helpdesk::{Helpdesk, Paces};
use ticketroom::http::Http;
use ticketroom::metrics::Metrics;

/// How many histories are tried.
const HISTORIES: u64 = 12;

/// A clock that a test moves, as the simulator and the test see it.
#[derive(Clone)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn at(time: &str) -> Self {
        let time: Timestamp = time.parse().unwrap();
        Self(Arc::new(AtomicI64::new(time.as_millisecond())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    fn simulated(&self) -> SimulatedClock {
        let time = self.clone();
        SimulatedClock::new(move || time.now())
    }
}

/// A helpdesk whose tickets can be created and changed.
trait Desk {
    fn create(&self) -> u64;
    /// False if nothing was changed.
    fn change(&self, id: u64, how: u64) -> bool;
    /// False if it can't be deleted, or if what is deleted is not listed.
    fn delete(&self, id: u64) -> bool;
}

impl Desk for Zendesk {
    fn create(&self) -> u64 {
        self.create_ticket(zendesk::NewTicket::about("new"))
    }

    fn change(&self, id: u64, how: u64) -> bool {
        self.change_ticket(id, zendesk::Change::Subject(format!("changed {how}")))
    }

    fn delete(&self, id: u64) -> bool {
        self.change_ticket(id, zendesk::Change::Delete)
    }
}

/// What happened to the tickets of a helpdesk, and when.
struct History<'a> {
    desk: &'a dyn Desk,
    time: Time,
    chance: Rng,
    /// When each ticket changed last.
    tickets: BTreeMap<u64, Timestamp>,
    changes: u64,
}

impl History<'_> {
    /// Something happens to a ticket.
    fn step(&mut self) {
        self.changes += 1;
        let known: Vec<u64> = self.tickets.keys().copied().collect();
        let id = match (self.chance.u8(..10), self.chance.choice(&known).copied()) {
            (0..5, Some(id)) if self.desk.change(id, self.changes) => id,
            (5, Some(id)) if self.desk.delete(id) => id,
            (6.., _) | (_, None) => self.desk.create(),
            _ => return,
        };
        self.tickets.insert(id, self.time.now());
    }

    /// Many things happen, some of them in the same second, some after a long time.
    fn steps(&mut self, most: usize) {
        for _ in 0..self.chance.usize(..=most) {
            self.step();
            let millis = match self.chance.u8(..100) {
                0..70 => 0,
                70..90 => self.chance.i64(0..1_500),
                90..99 => self.chance.i64(0..60_000),
                _ => self.chance.i64(0..1_800_000),
            };
            self.time.advance(millis);
        }
    }

    fn changed_since(&self, time: Timestamp) -> BTreeSet<u64> {
        self.tickets.iter().filter(|(_, changed)| **changed >= time).map(|(id, _)| *id).collect()
    }
}

fn helpdesk(name: &str, kind: HelpdeskKind) -> Arc<dyn Helpdesk> {
    // Ten minutes behind the helpdesk's.
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-10-24T23:20:00Z".parse().unwrap()));
    let config =
        HelpdeskConfig { name: name.parse().unwrap(), kind, group_names: Vec::new(), secret_place: None };
    let http = Http::new(Metrics::new()).unwrap();
    let mut all = ticketroom::helpdesk::build(&[config], &http, &clock, &Paces::default());
    all.pop().unwrap()
}

/// Reads a listing from a time of the history on, while things happen, and then, once the helpdesk
/// shows everything, to its end.
async fn nothing_is_passed_over(helpdesk: &dyn Helpdesk, desk: &dyn Desk, time: &Time, seed: u64) {
    let mut history = History {
        desk,
        time: time.clone(),
        chance: Rng::with_seed(seed),
        tickets: BTreeMap::new(),
        changes: 0,
    };
    let listing = helpdesk.listing().unwrap();
    history.steps(400);
    let since = time.now();
    time.advance(history.chance.i64(0..3_000));
    history.steps(900);
    time.advance(history.chance.i64(0..120_000));
    let mut seen = BTreeSet::new();
    let mut cursor: Cursor = listing.since(since);
    for (round, most) in [(0, 60), (1, 3), (2, 0)] {
        for page in 0.. {
            assert!(page < 500, "seed {seed}, round {round}: the list has no end");
            let page = listing.page(&cursor).await.unwrap();
            assert!(page.now >= since && page.now <= time.now(), "seed {seed}");
            assert_eq!(page.unreadable, 0);
            seen.extend(page.tickets.iter().map(|ticket| ticket.id.as_str().parse::<u64>().unwrap()));
            // It is stored and read again.
            cursor = serde_json::from_str(&serde_json::to_string(&page.next).unwrap()).unwrap();
            history.steps(most);
            if !page.more {
                break;
            }
        }
        // What is held back from lists comes.
        time.advance(121_000);
    }
    let changed = history.changed_since(since);
    let missing: Vec<&u64> = changed.difference(&seen).collect();
    assert!(
        missing.is_empty(),
        "seed {seed}: {} of {} are missing: {missing:?}",
        missing.len(),
        changed.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_zendesk_nothing_is_passed_over() {
    for seed in 0..HISTORIES {
        let time = Time::at("2026-10-24T23:30:00Z");
        let setup = zendesk::Setup { clock: time.simulated(), ..zendesk::Setup::default() };
        let desk = Zendesk::start(setup).await.unwrap();
        let config = ZendeskConfig {
            url: desk.url(),
            webhook_secrets: vec!["s".into()],
            auth: ZendeskAuth::ApiToken { email: desk.email(), api_token: desk.api_token().into() },
            room_url_field: None,
            signature_window: Duration::from_secs(900),
        };
        let helpdesk = helpdesk("zendesk", HelpdeskKind::Zendesk(config));
        nothing_is_passed_over(helpdesk.as_ref(), &desk, &time, seed).await;
    }
}
