//! Random histories of deliveries, claims, crashes and clock jumps, the same for the model, SQLite
//! and PostgreSQL: each transition has to give the same result on all three, and at the end each
//! has to know the same.
//!
//! A failure prints the seed; `TICKETROOM_TEST_SEED=N` runs that history alone.

use fastrand::Rng;
use uuid::Uuid;

use super::*;
use crate::helpdesk::listing::Reference;
use crate::ledger::{Entry, LinkEntry};
use crate::room::FolderId;

const HISTORIES: u64 = 12;
const LENGTH: usize = 160;
const WORKERS: usize = 3;

/// The three, and what a test can know of them: numbers and fences differ between them.
struct Three {
    model: Timed,
    postgres: Timed,
    /// None for a moment while it is opened again.
    sqlite: Option<Timed>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

/// One claim as each of the three gave it.
#[derive(Debug, Clone)]
struct Claimed([Claim; 3]);

impl Three {
    async fn new() -> Self {
        let File { store, path, _folder } = File::new();
        Self { model: Timed::model(), postgres: Timed::postgres().await, sqlite: Some(store), path, _folder }
    }

    fn each(&self) -> [&Timed; 3] {
        [&self.model, self.sqlite.as_ref().unwrap(), &self.postgres]
    }

    /// Does the same to all, and demands the same of them. `place` is the place of the store among
    /// them.
    async fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        act: impl AsyncFn(usize, &Timed) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let [model, sqlite, postgres] = self.each();
        let expected = act(0, model).await;
        for (name, place, store) in [("SQLite", 1, sqlite), ("PostgreSQL", 2, postgres)] {
            assert_eq!(act(place, store).await, expected, "{name}: {what}");
        }
        expected
    }

    async fn compare(&self, now: Timestamp) {
        self.same("next_due", async |_, store| store.next_due(now).await).await.unwrap();
        self.same("counts", async |_, store| store.counts().await).await.unwrap();
        self.same("figures", async |_, store| store.figures(now, 100).await).await.unwrap();
        let all = TicketQuery { limit: 100, ..TicketQuery::default() };
        let records = self.same("tickets", async |_, store| store.tickets(&all).await).await.unwrap();
        for record in &records {
            self.same("timeline", async |_, store| store.timeline(&record.key).await).await.unwrap();
            for kind in [ATTACHMENT, MEMBER] {
                let effects = async |_, store: &Timed| store.effects(&record.key, kind).await;
                self.same("effects", effects).await.unwrap();
            }
        }
        let rooms: Vec<_> = (1..=ROOMS).map(RoomId).collect();
        let owned = async |_, store: &Timed| {
            let mut owned = store.owned_rooms(&rooms).await?;
            owned.sort_by_key(|(room, _)| room.0);
            Ok(owned)
        };
        self.same("owned_rooms", owned).await.unwrap();
    }
}

const ROOMS: i64 = 4;
const FOLDERS: i64 = 5;

/// One random history.
struct History {
    rng: Rng,
    now: Timestamp,
    three: Three,
    /// What each worker is at.
    held: [Vec<Claimed>; WORKERS],
    /// Every claim there ever was: stale ones may still speak up.
    ever: Vec<Claimed>,
}

impl History {
    fn id(&mut self) -> TicketId {
        self.rng.u32(1..=5).to_string().parse().unwrap()
    }

    fn key(&mut self) -> TicketKey {
        let helpdesk = if self.rng.bool() { "one" } else { "two" };
        TicketKey { helpdesk: helpdesk.parse().unwrap(), id: self.id() }
    }

    fn ticket(&mut self) -> Ticket {
        // Two of them say when it changed.
        let soon = after(self.now, Duration::from_secs(self.rng.u64(..30))).to_string();
        let versions = [None, Some("2026-01-01"), Some("2026-02-02T02:02:02Z"), Some(&soon)];
        let keys = [None, Some("SUP-1"), Some("sup-2")];
        Ticket {
            subject: ["", "Printer smokes", "VPN", "Tür"][self.rng.usize(..4)].to_owned(),
            version: versions[self.rng.usize(..4)].map(str::to_owned),
            key: keys[self.rng.usize(..3)].map(str::to_owned),
            ..Ticket::default()
        }
    }

    fn delivery(&mut self) -> Delivery {
        let ticket = self.key();
        let mut source = ticket.helpdesk.clone().into();
        let snapshot = self.rng.bool().then(|| Box::new(self.ticket()));
        let meaning = match self.rng.u32(..13) {
            0 => Meaning::Echo { ticket },
            1 => Meaning::AboutSomethingElse,
            2 => Meaning::NotUnderstood { why: "no".to_owned() },
            3 | 4 => {
                source = SourceName::DocSpace;
                let consequence = if self.rng.bool() { Consequence::Look } else { Consequence::Echo };
                Meaning::InRoom { room: RoomId(self.rng.i64(1..=ROOMS)), consequence }
            }
            5..=8 => {
                source = SourceName::DocSpace;
                let consequence = if self.rng.u32(..5) == 0 { Consequence::Echo } else { Consequence::Look };
                Meaning::InFolder { event: self.room_event(), consequence }
            }
            _ => Meaning::Look { ticket, snapshot },
        };
        let body = Bytes::from_static([b"{}".as_slice(), b"{ }", b""][self.rng.usize(..3)]);
        // Now and then the body is not what stays the same.
        let stable = if self.rng.u32(..4) == 0 { Bytes::new() } else { Bytes::clone(&body) };
        let repeat = self.rng.bool().then(|| RepeatKey::new(self.rng.u32(..20).to_string(), &stable));
        Delivery { source, at: self.now, repeat, body, meaning, ..delivery("1", None, 0) }
    }

    fn folder(&mut self) -> FolderId {
        FolderId(self.rng.i64(1..=FOLDERS))
    }

    fn room_event(&mut self) -> RoomEvent {
        let kinds = [RoomEventKind::FileAdded, RoomEventKind::FileRemoved, RoomEventKind::FolderChanged];
        RoomEvent {
            folder: self.folder(),
            what: kinds[self.rng.usize(..3)],
            entry: self.rng.i64(1..5),
            title: ["", "Log.txt", "T\u{fc}r", "a\0b"][self.rng.usize(..4)].to_owned(),
            by: Uuid::from_u128(self.rng.u128(..3)),
            at: self.now,
        }
    }

    fn effect(&mut self) -> EffectEntry {
        let kind = if self.rng.bool() { ATTACHMENT } else { MEMBER };
        let target = ["17", "18", "t\u{fc}r", "a\0b"][self.rng.usize(..4)];
        effect(kind, target, ["pending", "done", "a\0b"][self.rng.usize(..3)])
    }

    fn ledger(&mut self, before: &Ledger) -> Ledger {
        let mut ledger = before.clone();
        match self.rng.u32(..4) {
            0 => ledger = with_room(self.rng.i64(1..=ROOMS)),
            1 => ledger.link = LinkEntry::Done { url: "https://d.example/1".to_owned(), internal: false },
            2 => ledger.write_back.url = ledger.link.url().map(str::to_owned),
            _ => ledger.folders = Entry::Pending { since: self.now },
        }
        ledger
    }

    async fn claim(&mut self) {
        let worker = self.rng.usize(..WORKERS);
        let all = self.rng.usize(1..=3);
        let limit = ClaimLimit { all, backfill: self.rng.usize(..=all) };
        let held = self.held[worker].clone();
        let only: Option<&[HelpdeskName]> = match self.rng.u32(..6) {
            0 => Some(&["one".parse().unwrap()]),
            1 => Some(&["two".parse().unwrap(), "nobody".parse().unwrap()]),
            2 => Some(&["two".parse().unwrap(), "one".parse().unwrap()]),
            _ => None,
        };
        let now = self.now;
        let mut claims: Vec<Vec<Claim>> = Vec::new();
        for (place, store) in self.three.each().into_iter().enumerate() {
            let running: Vec<i64> = held.iter().map(|Claimed(each)| each[place].number).collect();
            let claimed = match only {
                Some(helpdesks) => store.claim_of(now, LEASE, limit, &running, helpdesks).await,
                None => store.claim(now, LEASE, limit, &running).await,
            };
            let mut claimed = claimed.unwrap();
            claimed.sort_by(|one, other| one.key.cmp(&other.key));
            claims.push(claimed);
        }
        let plain = |claims: &[Claim]| -> Vec<Claim> {
            claims.iter().map(|claim| Claim { number: 0, fence: 0, ..claim.clone() }).collect()
        };
        assert_eq!(plain(&claims[1]), plain(&claims[0]), "SQLite: claim");
        assert_eq!(plain(&claims[2]), plain(&claims[0]), "PostgreSQL: claim");
        let [postgres, sqlite, model] = [claims.pop().unwrap(), claims.pop().unwrap(), claims.pop().unwrap()];
        for ((model, sqlite), postgres) in model.into_iter().zip(sqlite).zip(postgres) {
            let claimed = Claimed([model, sqlite, postgres]);
            self.held[worker].push(claimed.clone());
            self.ever.push(claimed);
        }
    }

    /// A claim that may or may not hold any more, and how often something was committed under it.
    fn some_claim(&mut self) -> Option<Claimed> {
        (!self.ever.is_empty()).then(|| {
            // Mostly one of the last, which may be alive.
            let last = self.ever.len().saturating_sub(4);
            let place = if self.rng.u32(..4) == 0 {
                self.rng.usize(..self.ever.len())
            } else {
                self.rng.usize(last..self.ever.len())
            };
            self.ever[place].clone()
        })
    }

    fn save(&mut self, claimed: &Claimed) -> impl Fn(usize) -> Save + use<> {
        let nth = self.rng.i64(1..=4);
        let ledger = self.ledger(&claimed.0[0].ledger);
        let seen = self.rng.bool().then(|| self.ticket());
        let now = self.now;
        let effects: Vec<_> = (0..self.rng.usize(..4)).map(|_| self.effect()).collect();
        // Often everything that was placed before the claim, and sometimes a part of it, or more
        // than that.
        let hints = claimed.0[0].hints;
        let reported_through = [None, Some(hints), Some(hints - 1), Some(hints + 1)][self.rng.usize(..4)];
        let held: Vec<Held> = claimed.0.iter().map(Claim::held).collect();
        move |place| Save {
            held: held[place],
            nth,
            ledger: ledger.clone(),
            seen: seen.clone(),
            effects: effects.clone(),
            reported_through,
            events: vec![
                Event { at: now, kind: "first", text: "a".to_owned() },
                Event { at: now, kind: "second", text: "b".to_owned() },
            ],
            now,
            lease: LEASE,
            label: "test".to_owned(),
        }
    }

    async fn commit(&mut self) {
        let Some(claimed) = self.some_claim() else { return };
        let save = self.save(&claimed);
        // The answer may be lost, and it is tried again.
        for _ in 0..self.rng.usize(1..=2) {
            let _ = self.three.same("save", async |place, store| store.save(save(place)).await).await;
        }
    }

    async fn settle(&mut self) {
        let Some(claimed) = self.some_claim() else { return };
        let save = self.save(&claimed);
        let states = [State::Waiting, State::Ready, State::Blocked, State::Skipped, State::Archived];
        let state = states[self.rng.usize(..states.len())];
        let due = self.rng.bool().then(|| after(self.now, Duration::from_secs(self.rng.u64(..900))));
        let attempts = self.rng.u32(..3);
        let reason = self.rng.bool().then(|| some_reason("because"));
        let applied = claimed.0[0].request.filter(|_| self.rng.bool()).map(|requested| requested.nth);
        for _ in 0..self.rng.usize(1..=2) {
            let settle = async |place: usize, store: &Timed| {
                let Claim { hints, asked, .. } = claimed.0[place];
                let (save, reason) = (save(place), reason.clone());
                store.settle(Settlement { save, hints, asked, applied, state, reason, due, attempts }).await
            };
            let _ = self.three.same("settle", settle).await;
        }
        for held in &mut self.held {
            held.retain(|other| other.0[0].held() != claimed.0[0].held());
        }
    }

    fn held_by(&self, worker: usize, place: usize) -> Vec<Held> {
        self.held[worker].iter().map(|Claimed(each)| each[place].held()).collect()
    }

    /// A worker dies: nobody renews what it was at.
    fn crash(&mut self) {
        let worker = self.rng.usize(..WORKERS);
        self.held[worker].clear();
    }

    /// The whole service starts again. SQLite lets go of every claim by itself.
    async fn restart(&mut self) {
        self.three.sqlite = None;
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let store = loop {
            match Timed::file(&self.three.path, Use::Serve, self.now) {
                Ok(store) => break store,
                // A process that another test is just starting has our lock until it has become
                // another program.
                Err(OpenError::InUse(_)) if std::time::Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        self.three.sqlite = Some(store);
        for (place, store) in self.three.each().into_iter().enumerate() {
            let ever: Vec<Held> = self.ever.iter().map(|Claimed(each)| each[place].held()).collect();
            store.leave(Uuid::nil(), &ever, self.now).await.unwrap();
        }
        self.held = Default::default();
    }

    fn some_selection(&mut self) -> Selection {
        match self.rng.u32(..6) {
            0 => Selection::All,
            1 => Selection::One(self.key()),
            _ => Selection::Blocked,
        }
    }

    fn some_request(&mut self) -> Why {
        Why::Requested(if self.rng.bool() { RoomRequest::Archive } else { RoomRequest::Reopen })
    }

    fn some_reason(&mut self) -> Why {
        match self.rng.u32(..8) {
            0 => Why::Restored,
            1 => Why::Asked,
            2 => Why::AskedForBlocked,
            3 => Why::Accepted { system: "DocSpace".to_owned() },
            4 | 5 => self.some_request(),
            _ => Why::Configured,
        }
    }

    async fn requeue(&self, selection: &Selection, why: &Why) {
        let requeue = async |_, store: &Timed| store.requeue(selection, why, self.now).await;
        self.three.same("requeue", requeue).await.unwrap();
    }

    /// A page of a listing, with a turn that is right mostly.
    async fn take_in(&mut self) {
        let origin = match self.rng.u32(..6) {
            0 => Origin::Person,
            1 => Origin::Backfill { quiet: false },
            2 => Origin::Backfill { quiet: true },
            _ => Origin::Sweep,
        };
        let tickets = (0..self.rng.usize(..6)).map(|_| {
            let updated = jiff::SignedDuration::from_millis(self.rng.i64(-40_000..40_000));
            let snapshot = (self.rng.u32(..3) == 0).then(|| Box::new(self.ticket()));
            Reference { id: self.id(), updated: self.now.checked_add(updated).unwrap(), snapshot }
        });
        let tickets = tickets.collect();
        let progress = (self.rng.u32(..3) > 0).then_some(self.save_progress().await);
        let helpdesk = self.key().helpdesk;
        let taken = TakeIn { helpdesk, origin, tickets, ahead: self.rng.i64(-9000..9000), progress };
        let now = self.now;
        let take_in = async |_, store: &Timed| store.take_in(taken.clone(), now).await;
        let _ = self.three.same("take_in", take_in).await;
    }

    async fn save_progress(&mut self) -> SaveProgress {
        let name = ["sweep.one", "sweep.two", "sweep.\u{fc}"][self.rng.usize(..3)].to_owned();
        let read = async |_, store: &Timed| store.progress(&name).await;
        let read = self.three.same("progress", read).await.unwrap();
        let wrong = i64::from(self.rng.u32(..5) == 0);
        let turn = read.map_or(0, |record| record.turn) + wrong;
        SaveProgress { name, turn, value: format!("{{\"n\":{}}}", self.rng.u32(..9)) }
    }

    /// Somebody asks for the rooms of folders, or of one that nothing happened in.
    async fn place(&mut self) {
        let (now, most) = (self.now, self.rng.usize(1..=3));
        let unplaced = async |_, store: &Timed| store.unplaced(most, now).await;
        let mut folders = self.three.same("unplaced", unplaced).await.unwrap();
        folders.push(self.folder());
        for folder in folders {
            let room = (self.rng.u32(..4) > 0).then(|| RoomId(self.rng.i64(1..=ROOMS)));
            let place = async |_, store: &Timed| store.place(folder, room, now).await;
            self.three.same("place", place).await.unwrap();
        }
    }

    async fn compare(&self) {
        self.three.compare(self.now).await;
        self.compare_news().await;
    }

    /// What the tickets that were ever claimed have not been told of.
    async fn compare_news(&self) {
        let all: std::collections::BTreeMap<_, _> =
            self.ever.iter().map(|claimed| (&claimed.0[0].key, claimed)).collect();
        for Claimed(each) in all.values() {
            for most in [0, 2, 100] {
                let unreported = async |place: usize, store: &Timed| {
                    store.unreported_events(each[place].number, None, most).await
                };
                self.three.same("unreported_events", unreported).await.unwrap();
            }
        }
    }

    async fn step(&mut self) {
        let now = self.now;
        match self.rng.u32(..31) {
            0..=6 => {
                let delivery = self.delivery();
                let accept = async |_, store: &Timed| store.accept(delivery.clone()).await;
                self.three.same("accept", accept).await.unwrap();
            }
            7..=10 => self.claim().await,
            11..=13 => self.commit().await,
            14..=16 => self.settle().await,
            17 => {
                let worker = self.rng.usize(..WORKERS);
                let beat = async |place, store: &Timed| {
                    let (held, replica) = (self.held_by(worker, place), Uuid::nil());
                    let beat = Heartbeat { replica, works: true, held, lease: LEASE, quiet: QUIET };
                    Ok(store.heartbeat(now, beat).await?.held.len())
                };
                self.three.same("heartbeat", beat).await.unwrap();
            }
            18 => self.crash(),
            19 => {
                // Forward mostly, and sometimes back.
                let seconds =
                    if self.rng.u32(..4) == 0 { -self.rng.i64(1..400) } else { self.rng.i64(1..900) };
                self.now = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
            }
            20 => {
                let key = self.key();
                let why = if self.rng.bool() { Why::Asked } else { self.some_request() };
                self.requeue(&Selection::One(key.clone()), &why).await;
                let found = async |_, store: &Timed| store.ticket(&key).await;
                self.three.same("ticket", found).await.unwrap();
            }
            21 => match self.rng.u32(..4) {
                0 => self.restart().await,
                1 => self.requeue(&Selection::All, &Why::Restored).await,
                _ => {
                    let (selection, why) = (self.some_selection(), self.some_reason());
                    self.requeue(&selection, &why).await;
                }
            },
            22 => {
                let (wanted, per_day) = (self.rng.u32(1..30), 50);
                let take = async |_, store: &Timed| store.take_writes(now, wanted, per_day).await;
                self.three.same("take_writes", take).await.unwrap();
                if self.rng.u32(..4) == 0 {
                    let until = after(now, Duration::from_secs(self.rng.u64(1..100_000)));
                    let none = async |_, store: &Timed| store.no_writes_until(now, until).await;
                    self.three.same("no_writes_until", none).await.unwrap();
                }
            }
            23..=25 => self.place().await,
            26..=28 => self.take_in().await,
            29 => {
                let save = self.save_progress().await;
                let save = async |_, store: &Timed| store.save_progress(save.clone()).await;
                let _ = self.three.same("save_progress", save).await;
                for prefix in ["sweep.", "sweep.o", "x"] {
                    let all = async |_, store: &Timed| store.progresses(prefix).await;
                    self.three.same("progresses", all).await.unwrap();
                }
            }
            _ => {
                let replica = Uuid::from_u128(self.rng.u128(..2));
                let lease = Duration::from_secs(self.rng.u64(..900));
                let reserve = async |_, store: &Timed| store.reserve("name", replica, lease, now).await;
                self.three.same("reserve", reserve).await.unwrap();
                let value = Uuid::from_u128(self.rng.u128(..3));
                let before = async |_, store: &Timed| store.remembered("value").await;
                self.three.same("remembered", before).await.unwrap();
                let remember = async |_, store: &Timed| store.remember("value", value).await;
                self.three.same("remember", remember).await.unwrap();
            }
        }
    }
}

async fn run(seed: u64) {
    let three = Three::new().await;
    let (held, ever) = (Default::default(), Vec::new());
    let mut history = History { rng: Rng::with_seed(seed), now: at(0), three, held, ever };
    for step in 0..LENGTH {
        history.step().await;
        if step % 8 == 7 {
            history.compare().await;
        }
    }
    history.compare().await;
}

#[test]
fn the_same_histories_give_the_same_state_everywhere() {
    let chosen = std::env::var("TICKETROOM_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    let first: u64 = chosen.unwrap_or_else(|| fastrand::u64(..));
    let count = if chosen.is_some() { 1 } else { HISTORIES };
    let histories: Vec<_> = (0..count)
        .map(|nth| {
            let seed = first.wrapping_add(nth);
            let history = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(run(seed));
            };
            (seed, std::thread::spawn(history))
        })
        .collect();
    let failed: Vec<_> =
        histories.into_iter().filter_map(|(seed, history)| history.join().err().map(|_| seed)).collect();
    assert!(failed.is_empty(), "run TICKETROOM_TEST_SEED={} alone; all that fail: {failed:?}", failed[0]);
}
