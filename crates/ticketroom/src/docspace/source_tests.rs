use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::docspace::limits::{Governor, Limits, NoBudget};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::room_event::RoomEventKind;
use crate::source::RepeatKey;

const OLD: &str = "Old-secret-1";
const NEW: &str = "New-secret-1";
const ANNA: &str = "0c1d4f52-7b1f-4a3e-9d0a-5b1f4f1d2a01";
/// What DocSpace sends when a room is archived.
const ARCHIVED: &str = include_str!("../../tests/fixtures/docspace/room-archived.json");
/// What it sends when a file is uploaded into a folder of a room.
const UPLOADED: &str = include_str!("../../tests/fixtures/docspace/file-uploaded.json");

fn webhooks() -> Webhooks {
    let http = Http::new(Metrics::new()).unwrap();
    let governor = std::sync::Arc::new(Governor::new(Limits::default(), std::sync::Arc::new(NoBudget)));
    let portal = "https://docspace.example".parse().unwrap();
    let key = SecretString::from("sk-1");
    let docspace = DocSpace::new(http, portal, key, Duration::from_secs(1), governor);
    Webhooks { docspace, secrets: vec![SecretString::from(NEW), SecretString::from(OLD)] }
}

fn mac(secret: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn with_signature(signature: &str, body: &[u8]) -> RawDelivery {
    let headers = HeaderMap::from_iter([(SIGNATURE.parse().unwrap(), signature.parse().unwrap())]);
    RawDelivery { headers, query: None, body: body.to_vec().into() }
}

fn verified(body: &[u8]) -> Verified {
    let signature = format!("sha256={}", hex::encode_upper(mac(NEW, body)));
    webhooks().verify(with_signature(&signature, body), Timestamp::UNIX_EPOCH).unwrap()
}

/// An example with changes: each is a pointer and its value.
fn changed(example: &str, changes: &[(&str, Value)]) -> Value {
    let mut body: Value = serde_json::from_str(example).unwrap();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    body
}

fn read_of(body: &Value) -> Result<Hint, NoTarget> {
    read(&verified(body.to_string().as_bytes()), None)
}

fn event_in_folder(body: &Value) -> RoomEvent {
    match read_of(body).unwrap().target {
        Target::Folder(event) => event,
        other => panic!("{other:?}"),
    }
}

fn is_about_something_else(body: &Value) -> bool {
    matches!(read_of(body), Err(NoTarget::AboutSomethingElse { .. }))
}

#[test]
fn a_signature_is_good_in_either_case_and_by_either_secret() {
    let body = ARCHIVED.as_bytes();
    let verify = |signature: &str| webhooks().verify(with_signature(signature, body), Timestamp::UNIX_EPOCH);
    for secret in [OLD, NEW] {
        let mac = mac(secret, body);
        for digits in [hex::encode(&mac), hex::encode_upper(&mac)] {
            assert!(verify(&format!("sha256={digits}")).is_ok());
            let wrong = [digits.clone(), format!("sha1={digits}"), format!("sha256={}", &digits[..62])];
            for wrong in wrong.iter().map(String::as_str).chain(["sha256=", "", "sha256=xyz"]) {
                assert_eq!(verify(wrong).unwrap_err(), Unverified::Wrong(SIGNATURE_IS), "{wrong}");
            }
        }
    }
    let other = format!("sha256={}", hex::encode(mac("another", body)));
    assert_eq!(verify(&other).unwrap_err(), Unverified::Wrong(SIGNATURE_IS));
    let missing = RawDelivery { headers: HeaderMap::new(), query: None, body: ARCHIVED.into() };
    assert_eq!(webhooks().require_proof(&missing.headers), Err(Unverified::Missing(SIGNATURE_IS)));
    assert_eq!(
        webhooks().verify(missing, Timestamp::UNIX_EPOCH).unwrap_err(),
        Unverified::Missing(SIGNATURE_IS)
    );
}

#[test]
fn a_repeat_is_known_whatever_the_attempt_and_nothing_else_is_one() {
    let key = |body: &[u8]| {
        let delivery = verified(body);
        let id = read(&delivery, None).unwrap().delivery_id.unwrap();
        RepeatKey::new(id, &webhooks().stable_part(&delivery)).to_string()
    };
    let first = key(ARCHIVED.as_bytes());
    let again = changed(
        ARCHIVED,
        &[
            ("/webhook/retryCount", json!(2)),
            ("/webhook/lastFailureOn", json!("2026-07-02T08:00:01Z")),
            ("/webhook/lastFailureContent", json!("503")),
        ],
    );
    assert_eq!(key(again.to_string().as_bytes()), first);
    assert_eq!(key(serde_json::to_string_pretty(&again).unwrap().as_bytes()), first);
    for change in [
        ("/payload/title", json!("another")),
        ("/payload/id", json!(1422)),
        ("/event/createBy", json!(Uuid::nil())),
        ("/event/id", json!(982)),
    ] {
        let other = changed(ARCHIVED, std::slice::from_ref(&change));
        assert_ne!(key(other.to_string().as_bytes()), first, "{}", change.0);
    }
}

#[test]
fn of_a_body_that_has_no_event_everything_counts() {
    for body in ["{\"payload\":1}", "{\"event\":7,\"webhook\":1}", "[1]", "not JSON", ""] {
        assert_eq!(webhooks().stable_part(&verified(body.as_bytes())), body.as_bytes(), "{body}");
    }
}

#[test]
fn what_happens_to_a_room_points_at_the_room() {
    for trigger in ["created", "updated", "archived", "deleted", "restored", "copied"] {
        let trigger = format!("room.{trigger}");
        let hint = read_of(&changed(ARCHIVED, &[("/event/trigger", json!(trigger))])).unwrap();
        assert_eq!(hint.target, Target::Room(RoomId(1421)));
        assert_eq!((hint.event, hint.delivery_id), (trigger, Some("981".to_owned())));
        assert_eq!((hint.consequence, hint.snapshot), (Consequence::Look, None));
    }
    let by_bit = changed(ARCHIVED, &[("/event/trigger", Value::Null)]);
    assert_eq!(read_of(&by_bit).unwrap().event, "room.archived");
    let as_texts = changed(ARCHIVED, &[("/payload/id", json!("1421")), ("/event/id", json!("981"))]);
    let hint = read_of(&as_texts).unwrap();
    assert_eq!((hint.target, hint.delivery_id.as_deref()), (Target::Room(RoomId(1421)), Some("981")));
}

#[test]
fn what_happens_in_a_room_points_at_the_folder() {
    use RoomEventKind::{FileAdded, FileChanged, FileRemoved, FolderAdded, FolderChanged, FolderRemoved};
    let expected = RoomEvent {
        folder: FolderId(1422),
        what: FileAdded,
        entry: 9001,
        title: "trace.log".to_owned(),
        by: ANNA.parse().unwrap(),
        at: "2026-07-02T09:00:00Z".parse().unwrap(),
    };
    assert_eq!(event_in_folder(&serde_json::from_str(UPLOADED).unwrap()), expected);
    for (what, file, folder) in [
        ("created", FileAdded, FolderAdded),
        ("copied", FileAdded, FolderAdded),
        ("moved", FileAdded, FolderAdded),
        ("restored", FileAdded, FolderAdded),
        ("updated", FileChanged, FolderChanged),
        ("trashed", FileRemoved, FolderRemoved),
        ("deleted", FileRemoved, FolderRemoved),
    ] {
        for (entry, expected) in [("file", file), ("folder", folder)] {
            let body = changed(UPLOADED, &[("/event/trigger", json!(format!("{entry}.{what}")))]);
            assert_eq!(event_in_folder(&body).what, expected, "{entry}.{what}");
        }
    }
    let directly =
        changed(UPLOADED, &[("/payload/parentId", json!("1421")), ("/payload/rootFolderType", json!(20))]);
    assert_eq!(event_in_folder(&directly).folder, FolderId(1421));
    let local = changed(UPLOADED, &[("/event/createOn", json!("2026-07-02T09:00:00"))]);
    assert_eq!(event_in_folder(&local).at, expected.at, "a time without a zone is UTC");
    let nobody = changed(UPLOADED, &[("/event/createBy", Value::Null)]);
    assert_eq!(event_in_folder(&nobody).by, Uuid::nil());
}

#[test]
fn titles_are_kept_harmless_and_not_without_end() {
    let title = |title: &str| event_in_folder(&changed(UPLOADED, &[("/payload/title", json!(title))])).title;
    assert_eq!(title(" a\u{202E}b\u{1b}[2J\r\nc "), "ab[2J  c");
    assert_eq!(title("漢字 👩\u{200D}🔧.docx"), "漢字 👩\u{200D}🔧.docx");
    assert_eq!(title(&"x".repeat(100_000)).len(), LONGEST_TITLE);
    assert_eq!(title(""), "");
}

#[test]
fn what_can_be_in_no_room_of_ours_is_about_something_else() {
    for trigger in [
        "user.created",
        "group.updated",
        "form.submit",
        "agent.created",
        "file.downloaded",
        "folder.downloaded",
        "x",
    ] {
        let body = changed(UPLOADED, &[("/event/trigger", json!(trigger))]);
        let Err(NoTarget::AboutSomethingElse { event, delivery_id }) = read_of(&body) else {
            panic!("{trigger}")
        };
        assert_eq!((event.as_str(), delivery_id.as_deref()), (trigger, Some("982")));
    }
    for change in [
        ("/payload/id", json!("sbox-12-file")),
        ("/payload/parentId", json!("sbox-12-folder")),
        ("/payload/rootFolderType", json!(5)),
        ("/payload/rootFolderType", json!(3)),
    ] {
        assert!(is_about_something_else(&changed(UPLOADED, std::slice::from_ref(&change))), "{change:?}");
    }
    let nowhere =
        changed(UPLOADED, &[("/payload/parentId", Value::Null), ("/payload/folderIdDisplay", Value::Null)]);
    assert!(is_about_something_else(&nowhere));
}

#[test]
fn our_own_doing_is_an_echo_once_it_is_known_who_we_are() {
    let own = Some(ANNA.parse().unwrap());
    for body in [ARCHIVED, UPLOADED] {
        let delivery = verified(body.as_bytes());
        assert_eq!(read(&delivery, own).unwrap().consequence, Consequence::Echo);
        assert_eq!(read(&delivery, None).unwrap().consequence, Consequence::Look);
        assert_eq!(read(&delivery, Some(Uuid::from_u128(1))).unwrap().consequence, Consequence::Look);
    }
    let nobody = changed(ARCHIVED, &[("/event/createBy", Value::Null)]);
    let delivery = verified(nobody.to_string().as_bytes());
    assert_eq!(read(&delivery, None).unwrap().consequence, Consequence::Look);
}

#[test]
fn what_is_not_docspaces_is_refused_with_what_to_do() {
    for body in [
        "",
        "not JSON",
        "[]",
        "{\"ticket_id\":\"40117\"}",
        "{\"event\":\"ticket.created\"}",
        "{\"event\":{\"id\":1,\"trigger\":\"room.archived\"},\"payload\":{\"id\":7}",
    ] {
        let words = read(&verified(body.as_bytes()), None).unwrap_err().words().0;
        assert!(words.contains("DocSpace's own webhooks"), "{body}: {words}");
    }
    for (example, change, expected) in [
        (ARCHIVED, ("/payload/id", Value::Null), "no `id`"),
        (ARCHIVED, ("/payload/id", json!(0)), "no `id`"),
        (ARCHIVED, ("/payload/id", json!(-7)), "no `id`"),
        (UPLOADED, ("/event/createOn", json!("soon")), "`createOn` is no time"),
    ] {
        let body = changed(example, std::slice::from_ref(&change));
        let Err(NoTarget::NotUnderstood(why)) = read_of(&body) else { panic!("{change:?}") };
        assert!(why.0.contains(expected), "{}", why.0);
    }
}
