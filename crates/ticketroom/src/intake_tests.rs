use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use uuid::Uuid;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::ledger::{Ledger, RoomEntry};
use crate::metrics::Format;
use crate::room::{FolderId, Room, RoomId};
use crate::room_event::{RoomEvent, RoomEventKind};
use crate::source::body;
use crate::source::verified::Signature;
use crate::source::{Hint, Verified};
use crate::store::sqlite::SqliteStore;
use crate::store::{Placed, Queries, Queue as _, RoomEvents, Save, Settlement, State, Use};
use crate::ticket::{Status, TicketKey};

#[test]
fn headers_are_kept_as_they_came_but_for_secrets() {
    let mut headers = HeaderMap::new();
    headers.append("x-a", "1".parse().unwrap());
    headers.append("x-a", "2".parse().unwrap());
    headers.append("authorization", "Bearer secret".parse().unwrap());
    let kept = headers_as_json(&headers);
    assert_eq!(kept, r#"[["x-a","1"],["x-a","2"],["authorization","(withheld)"]]"#);
}

const SIGNATURE: &str = "x-docspace-signature-256";
const SECRET: &str = "a secret";

/// A source that is no helpdesk, and that points at rooms: as DocSpace does, it makes a new body
/// for each attempt, and signs it anew.
#[derive(Debug)]
struct Portal;

impl Source for Portal {
    fn name(&self) -> SourceName {
        SourceName::DocSpace
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        if headers.contains_key(SIGNATURE) { Ok(()) } else { Err(Unverified::Missing("signature")) }
    }

    fn verify(&self, delivery: RawDelivery, _now: Timestamp) -> Result<Verified, Unverified> {
        let given = delivery.headers.get(SIGNATURE).and_then(|given| given.to_str().ok());
        let digits = given.and_then(|given| given.strip_prefix("sha256="));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        let signature = Signature { what: "signature", bytes, prefix: b"" };
        Verified::by_hmac(delivery, &[SecretString::from(SECRET)], &signature)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        let body = body::read(delivery)?;
        let (event, payload) = (body.json().get("event"), body.json().get("payload"));
        let delivery_id = event.get("id").as_text();
        let trigger = event.get("trigger").text().unwrap_or_default().to_owned();
        let is_ours = event.get("createBy").text() == Some("us");
        let consequence = if is_ours { Consequence::Echo } else { Consequence::Look };
        let folder = payload.get("folderId").number().and_then(|id| i64::try_from(id).ok());
        if let Some(folder) = folder {
            let (folder, what, title) = (FolderId(folder), RoomEventKind::FileAdded, "Log.txt".to_owned());
            let event =
                RoomEvent { folder, what, entry: 1, title, by: Uuid::nil(), at: Timestamp::UNIX_EPOCH };
            let target = Target::Folder(event);
            return Ok(Hint { target, event: trigger, delivery_id, snapshot: None, consequence });
        }
        let room = payload.get("rootId").number().and_then(|id| i64::try_from(id).ok());
        let Some(room) = room else {
            return Err(NoTarget::AboutSomethingElse { event: trigger, delivery_id });
        };
        let target = Target::Room(RoomId(room));
        Ok(Hint { target, event: trigger, delivery_id, snapshot: None, consequence })
    }

    fn stable_part<'a>(&self, _delivery: &'a Verified) -> Cow<'a, [u8]> {
        // The event's id is signed, as it is in the body.
        Cow::Borrowed(b"")
    }
}

fn delivery(event: u32, by: &str, payload: &str, attempt: u32, is_upper: bool) -> RawDelivery {
    let body = format!(
        r#"{{"event":{{"id":{event},"createBy":"{by}","trigger":"file.uploaded"}},"payload":{payload},"webhook":{{"retryCount":{attempt}}}}}"#
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let mac = mac.finalize().into_bytes();
    let hex = if is_upper { hex::encode_upper(mac) } else { hex::encode(mac) };
    let headers =
        HeaderMap::from_iter([(SIGNATURE.parse().unwrap(), format!("sha256={hex}").parse().unwrap())]);
    RawDelivery { headers, query: None, body: body.into() }
}

/// A store in which ticket `desk/1` has room 7, and nothing is due.
async fn store_with_room(clock: &Arc<ManualClock>) -> (Arc<SqliteStore>, TicketKey, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::<ManualClock>::clone(clock);
    let now = clock.now();
    let store = SqliteStore::open(&folder.path().join("store.db"), Use::Serve, clock).unwrap();
    let key = TicketKey { helpdesk: "desk".parse().unwrap(), id: "1".parse().unwrap() };
    let first = Delivery {
        source: key.helpdesk.clone().into(),
        at: now,
        repeat: None,
        event: "created".to_owned(),
        headers: "[]".to_owned(),
        query: None,
        body: Bytes::new(),
        meaning: Meaning::Look { ticket: key.clone(), snapshot: None },
    };
    store.accept(first).await.unwrap();
    let lease = std::time::Duration::from_secs(600);
    let claim = store.claim(lease, 1.into(), &[]).await.unwrap().remove(0);
    let room =
        RoomEntry::Made { room: Room { id: RoomId(7), title: "t".to_owned() }, tagged: true, adopted: false };
    let save = Save {
        held: claim.held(),
        nth: 1,
        ledger: Ledger { room, ..Ledger::default() },
        seen: None,
        effects: Vec::new(),
        reported_through: None,
        events: Vec::new(),
        now,
        lease,
        label: "test".to_owned(),
    };
    let (hints, asked, state) = (claim.hints, claim.asked, State::Ready);
    let end = Settlement { save, hints, asked, applied: None, state, reason: None, due: None, attempts: 0 };
    store.settle(end).await.unwrap();
    (Arc::new(store), key, folder)
}

#[tokio::test]
async fn a_source_that_is_no_helpdesk_points_at_rooms() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap()));
    let (store, key, _folder) = store_with_room(&clock).await;
    let (metrics, wake) = (Metrics::new(), Arc::new(Notify::new()));
    let portal: Arc<dyn Source> = Arc::new(Portal);
    let sources = Sources::from([(portal.name(), portal)]);
    let intake = Intake::new(
        Arc::<SqliteStore>::clone(&store),
        clock,
        metrics.clone(),
        Arc::clone(&wake),
        Arc::default(),
    );
    let counted = |outcome: &str| {
        let line = format!("ticketroom_deliveries_total{{helpdesk=\"docspace\",outcome=\"{outcome}\"}} ");
        let text = metrics.text(Format::OpenMetrics);
        text.lines().find_map(|found| found.strip_prefix(&line).map(str::to_owned))
    };

    assert_eq!(
        intake.admit(&sources, "docspace", &HeaderMap::new()),
        Err(Refused::Unverified(Unverified::Missing("signature")))
    );
    assert_eq!(intake.admit(&sources, "desk", &HeaderMap::new()), Err(Refused::NoSuchSource));
    let mut forged = delivery(1, "anna", r#"{"rootId":7}"#, 0, true);
    forged.body = Bytes::from_static(b"{}");
    assert!(matches!(intake.deliver(&sources, "docspace", forged).await, Err(Refused::Unverified(_))));

    for (event, by, payload) in [
        (1, "anna", r#"{"rootId":7}"#),
        (2, "us", r#"{"rootId":7}"#),
        (3, "anna", r#"{"rootId":8}"#),
        (4, "anna", "{}"),
    ] {
        for attempt in 0..3 {
            let delivery = delivery(event, by, payload, attempt, attempt == 1);
            assert_eq!(
                intake.deliver(&sources, "docspace", delivery).await,
                Ok(()),
                "event {event}, attempt {attempt}"
            );
        }
    }
    assert_eq!(counted("accepted").as_deref(), Some("2"));
    assert_eq!(counted("about_something_else").as_deref(), Some("2"), "a room of no ticket, and no room");
    assert_eq!(counted("repeat").as_deref(), Some("8"));
    let reported: Vec<_> = store.timeline(&key).await.unwrap().into_iter().map(|entry| entry.text).collect();
    assert_eq!(reported, ["created", "file.uploaded", "file.uploaded (done by us)"]);
    assert!(wake.notified().now_or_never().is_some());
    assert_eq!(store.next_due().await.unwrap(), Some(std::time::Duration::ZERO));
}

#[tokio::test]
async fn what_people_do_in_a_folder_is_kept_until_its_room_is_known() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap()));
    let (store, key, _folder) = store_with_room(&clock).await;
    let (metrics, wake, in_folders) = (Metrics::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let portal: Arc<dyn Source> = Arc::new(Portal);
    let sources = Sources::from([(portal.name(), portal)]);
    let intake = Intake::new(
        Arc::<SqliteStore>::clone(&store),
        clock,
        metrics,
        Arc::clone(&wake),
        Arc::clone(&in_folders),
    );
    let ours = delivery(9, "us", r#"{"folderId":70,"rootId":7}"#, 0, false);
    assert_eq!(intake.deliver(&sources, "docspace", ours).await, Ok(()));
    assert!(in_folders.notified().now_or_never().is_none(), "there is nothing to ask for");
    for attempt in 0..2 {
        for (event, by) in [(1, "anna"), (2, "us"), (3, "anna")] {
            let delivery = delivery(event, by, r#"{"folderId":70,"rootId":7}"#, attempt, false);
            assert_eq!(intake.deliver(&sources, "docspace", delivery).await, Ok(()), "event {event}");
        }
    }
    assert!(
        in_folders.notified().now_or_never().is_some(),
        "somebody has to ask which room the folder is in"
    );
    assert!(wake.notified().now_or_never().is_none(), "no ticket is due yet");
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.unplaced(9).await.unwrap(), [FolderId(70)]);
    assert_eq!(store.place(FolderId(70), Some(RoomId(7))).await.unwrap(), Placed::Ticket);
    let claim = store.claim(std::time::Duration::from_secs(600), 1.into(), &[]).await.unwrap().remove(0);
    assert_eq!((claim.key, claim.has_unreported), (key, true));
    let unreported = store.unreported_events(claim.number, None, 9).await.unwrap();
    assert_eq!(unreported.total, 2, "neither repeats nor what we did ourselves");
}

#[test]
fn what_a_delivery_without_a_time_says_of_a_creation_may_be_outdated() {
    let of = |status, version: Option<&str>, event| {
        let ticket = Ticket { status, version: version.map(str::to_owned), ..Ticket::default() };
        is_of_a_creation(&ticket, event)
    };
    for event in ["created", "ticket.created", "ticket_created", "Issue-Created"] {
        assert!(of(Status::Open, None, event), "{event}");
    }
    for event in ["ticket", "ticket.updated", "recreated", "created.by.form", ""] {
        assert!(!of(Status::Open, None, event), "{event}");
    }
    assert!(!of(Status::Open, Some("2026-11-24T10:00:00Z"), "created"), "its time tells");
    assert!(!of(Status::Solved, None, "created"), "it reopens nothing");
}
