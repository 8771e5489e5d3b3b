//! One suite for every store: [`transitions`], [`requeues`], [`requests`], [`effects`],
//! [`room_events`], [`unreported_events`] and [`listings`] say transition by transition what they
//! do alike, and [`histories`] puts them through the same random histories as a [`model`] in
//! memory. [`file`] and [`database`] have what one of them does alone; [`repeats`] has what is in
//! the tables of deliveries that nobody understands; [`copying`] moves stores and backs them up;
//! [`plans`] looks at how they find what they look for; [`pooler`] and [`servers`] have what is in
//! the way of a database; [`versions`] has what a later version has written.
//!
//! All of it runs on real SQLite files and a real PostgreSQL server. The clocks by which leases end
//! are set by the tests ([`test_clock`]).

mod copying;
mod database;
mod file;
mod histories;
mod model;
mod plans;
mod pooler;
mod repeats;
mod servers;
mod test_clock;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use self::test_clock::Timed;
use super::*;
use crate::clock::{Timestamp, after};
use crate::ledger::{Ledger, RoomEntry};
use crate::room::Room;
use crate::source::{Consequence, RepeatKey, SourceName};
use crate::ticket::{HelpdeskName, Ticket, TicketId};

const LEASE: Duration = Duration::from_secs(600);
const QUIET: Duration = Duration::from_secs(2);

/// Makes a test of each function, for every store.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&crate::store::suite::File::new().store).await; })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() {
                super::$name(&crate::store::suite::test_clock::Timed::postgres().await).await;
            })*
        }
        mod behind_a_pooler {
            $(#[tokio::test] async fn $name() {
                super::$name(&crate::store::suite::test_clock::Timed::behind_a_pooler().await).await;
            })*
        }
        mod on_the_model {
            $(#[tokio::test] async fn $name() { super::$name(&crate::store::suite::test_clock::Timed::model()).await; })*
        }
    };
}

// After the macro, which they use.
mod effects;
mod listings;
mod requeues;
mod room_events;
mod room_requests;
mod transitions;
mod unreported_events;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A store in a file that goes with it.
struct File {
    store: Timed,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Self { store: Timed::file(&path, Use::Serve, at(0)).unwrap(), path, _folder: folder }
    }
}

fn key(id: &str) -> TicketKey {
    TicketKey { helpdesk: "desk".parse().unwrap(), id: id.parse().unwrap() }
}

/// A delivery of another helpdesk than [`delivery`]'s.
fn delivery_of(helpdesk: &str, id: &str, delivery_id: Option<&str>, second: i64) -> Delivery {
    let helpdesk: HelpdeskName = helpdesk.parse().unwrap();
    let ticket = TicketKey { helpdesk: helpdesk.clone(), id: id.parse().unwrap() };
    let meaning = Meaning::Look { ticket, snapshot: None };
    Delivery { source: helpdesk.into(), meaning, ..delivery(id, delivery_id, second) }
}

fn delivery(id: &str, delivery_id: Option<&str>, second: i64) -> Delivery {
    Delivery {
        source: "desk".parse().unwrap(),
        at: at(second),
        repeat: delivery_id.map(|id| RepeatKey::new(id.to_owned(), b"{}")),
        event: "created".to_owned(),
        headers: "{}".to_owned(),
        query: None,
        body: Bytes::from_static(b"{}"),
        meaning: Meaning::Look { ticket: key(id), snapshot: None },
    }
}

/// The same with another body, by the whole of which a repeat is known.
fn with_body(body: &'static [u8], delivery: Delivery) -> Delivery {
    let repeat = delivery.repeat.map(|key| RepeatKey::new(key.id().to_owned(), body));
    Delivery { body: Bytes::from_static(body), repeat, ..delivery }
}

/// What happened in a room, as DocSpace tells it.
fn in_room(room: i64, consequence: Consequence, delivery_id: Option<&str>, second: i64) -> Delivery {
    let meaning = Meaning::InRoom { room: RoomId(room), consequence };
    Delivery { source: SourceName::DocSpace, meaning, ..delivery("1", delivery_id, second) }
}

fn reported(id: &str, subject: &str, version: Option<&str>, second: i64) -> Delivery {
    let ticket =
        Ticket { subject: subject.to_owned(), version: version.map(str::to_owned), ..Ticket::default() };
    let meaning = Meaning::Look { ticket: key(id), snapshot: Some(Box::new(ticket)) };
    Delivery { meaning, ..delivery(id, None, second) }
}

/// The first commit of a claim.
fn save(claim: &Claim, ledger: Ledger, second: i64) -> Save {
    Save {
        held: claim.held(),
        nth: 1,
        ledger,
        seen: None,
        effects: Vec::new(),
        reported_through: None,
        events: vec![Event { at: at(second), kind: "tested", text: "something".to_owned() }],
        now: at(second),
        lease: LEASE,
        label: "test".to_owned(),
    }
}

/// The end of a claim, as its only commit.
fn settlement(claim: &Claim, state: State, due: Option<Timestamp>, second: i64) -> Settlement {
    Settlement {
        save: save(claim, claim.ledger.clone(), second),
        hints: claim.hints,
        asked: claim.asked,
        applied: None,
        state,
        reason: None,
        due,
        attempts: 0,
    }
}

/// A reason with all that one can have.
fn some_reason(text: &str) -> Reason {
    Reason {
        code: "blocked.test.something".into(),
        text: text.to_owned(),
        help: Some(format!("undo {text}")),
    }
}

const ATTACHMENT: EffectKind = EffectKind::new("attachment");
const MEMBER: EffectKind = EffectKind::new("member");

fn effect(kind: EffectKind, target: &str, entry: &str) -> EffectEntry {
    EffectEntry { kind, target: target.into(), entry: serde_json::json!({ "state": entry }) }
}

fn with_room(id: i64) -> Ledger {
    let room = Room { id: RoomId(id), title: "t".to_owned() };
    Ledger { room: RoomEntry::Made { room, tagged: true, adopted: false }, ..Ledger::default() }
}

async fn claim_one(store: &Timed, second: i64) -> Claim {
    let mut claims = store.claim(at(second), LEASE, 10, &[]).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// On a store that goes by the real time.
async fn claim_one_now(store: &dyn Store) -> Claim {
    let mut claims = store.claim(LEASE, 10.into(), &[]).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}
