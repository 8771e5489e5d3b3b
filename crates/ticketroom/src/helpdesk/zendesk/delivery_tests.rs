//! Deliveries as Zendesk makes them, and as nobody should.

use std::collections::HashMap;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::*;

const WINDOW: Duration = Duration::from_secs(15 * 60);
const OWN_ID: u64 = 30_064_054_000_999;

#[derive(Deserialize)]
struct Examples {
    deliveries: Vec<Example>,
}

/// One of the example deliveries: a file and the headers that came with it.
#[derive(Deserialize)]
struct Example {
    file: String,
    headers: HashMap<String, String>,
    secret: String,
}

macro_rules! bodies {
    ($($file:literal)*) => {
        [$(($file, include_bytes!(concat!("../../../tests/fixtures/zendesk/", $file)).as_slice())),*]
    };
}

fn body_of(file: &str) -> &'static [u8] {
    let bodies = bodies! {
        "zendesk-event-agent-assignment-changed.json"
        "zendesk-event-comment-added-own-note.json"
        "zendesk-event-comment-added.json"
        "zendesk-event-soft-deleted.json"
        "zendesk-event-status-changed-reopened.json"
        "zendesk-event-status-changed.json"
        "zendesk-event-subject-changed.json"
        "zendesk-event-ticket-created.json"
        "zendesk-trigger-broken.json.txt"
        "zendesk-trigger-ticket-created.json"
        "zendesk-trigger-ticket-updated.json"
    };
    bodies.iter().find(|(name, _)| *name == file).unwrap().1
}

impl Example {
    fn all() -> Vec<Self> {
        let json = include_str!("../../../tests/fixtures/zendesk/deliveries.json");
        serde_json::from_str::<Examples>(json).unwrap().deliveries
    }

    fn named(file: &str) -> Self {
        Self::all().into_iter().find(|example| example.file == file).unwrap()
    }

    fn raw(&self) -> RawDelivery {
        raw(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())), body_of(&self.file))
    }

    fn secrets(&self) -> [SecretString; 1] {
        [self.secret.as_str().into()]
    }

    fn signed_at(&self) -> Timestamp {
        self.headers[TIMESTAMP].parse().unwrap()
    }

    fn verify(&self, raw: RawDelivery) -> Result<Verified, Unverified> {
        verify(raw, &self.secrets(), WINDOW, self.signed_at())
    }
}

fn raw<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>, body: &[u8]) -> RawDelivery {
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap()));
    RawDelivery { headers: HeaderMap::from_iter(headers), query: None, body: Bytes::copy_from_slice(body) }
}

fn understood(body: &[u8], query: Option<&str>) -> Result<Hint, NotUnderstood> {
    let raw = RawDelivery { query: query.map(str::to_owned), ..raw([], body) };
    read(&Verified::unsigned(raw), &"zendesk".parse().unwrap(), Some(OWN_ID)).map_err(NoTarget::words)
}

fn ticket_in(body: &str) -> Option<String> {
    understood(body.as_bytes(), None).ok().map(|hint| hint.ticket_id().to_owned())
}

#[test]
fn every_example_is_signed_right() {
    let examples = Example::all();
    assert_eq!(examples.len(), 11);
    for example in examples {
        assert!(example.verify(example.raw()).is_ok(), "{}", example.file);
    }
}

#[test]
fn the_vendor_s_vector_fits() {
    let headers =
        [(SIGNATURE, "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="), (TIMESTAMP, "2021-03-25T05:09:27Z")];
    let secret = [SecretString::from("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==")];
    let body = br#"{"event":"ticket.updated","id":123}"#;
    let now = "2021-03-25T05:09:28Z".parse().unwrap();
    assert!(verify(raw(headers, body), &secret, WINDOW, now).is_ok());
}

#[test]
fn what_is_not_signed_right_is_refused() {
    let example = Example::named("zendesk-event-ticket-created.json");
    let with = |name: &'static str, value: &str| {
        let mut raw = example.raw();
        raw.headers.insert(name, value.parse().unwrap());
        example.verify(raw).err()
    };
    let without = |name: &str| {
        let mut raw = example.raw();
        raw.headers.remove(name);
        example.verify(raw).err()
    };
    assert_eq!(without(SIGNATURE), Some(Unverified::Missing(SIGNATURE_IS)));
    assert_eq!(without(TIMESTAMP), Some(Unverified::Missing(TIMESTAMP_IS)));
    let wrong = Some(Unverified::Wrong(SIGNATURE_IS));
    for signature in [
        "",
        "?",
        "AAAA",
        "5cSH8GdsQsFh+CmJrAAPRVPxyrYd6JKOP4LvxhNadRw",
        "5cSH8GdsQsFh+CmJrAAPRVPxyrYd6JKOP4LvxhNadRx=",
    ] {
        assert_eq!(with(SIGNATURE, signature), wrong, "{signature}");
    }
    // The same time in other characters is another signature.
    for timestamp in ["2026-11-20T08:14:04+00:00", "2026-11-20T08:14:05Z", "", "now"] {
        assert_eq!(with(TIMESTAMP, timestamp), wrong, "{timestamp}");
    }
    let mut longer = example.raw();
    longer.body = Bytes::from([&longer.body[..], b" "].concat());
    assert_eq!(example.verify(longer).err(), wrong);
    assert_eq!(verify(example.raw(), &[], WINDOW, example.signed_at()).err(), wrong);
}

#[test]
fn old_and_future_deliveries_are_refused() {
    let example = Example::named("zendesk-trigger-broken.json.txt");
    let secrets = &example.secrets();
    let second = jiff::SignedDuration::from_secs(1);
    let edge = jiff::SignedDuration::from_secs(15 * 60);
    for (offset, fits) in [(edge, true), (-edge, true), (edge + second, false), (-edge - second, false)] {
        let now = example.signed_at() + offset;
        let result = verify(example.raw(), secrets, WINDOW, now);
        assert_eq!(result.err(), (!fits).then_some(Unverified::TooOld), "{offset}");
    }
}

#[test]
fn secrets_can_be_rotated() {
    let example = Example::named("zendesk-trigger-ticket-created.json");
    let ([ours], other) = (example.secrets(), SecretString::from("another"));
    for secrets in [[ours.clone(), other.clone()], [other.clone(), ours]] {
        assert!(verify(example.raw(), &secrets, WINDOW, example.signed_at()).is_ok());
    }
    assert!(verify(example.raw(), &[other], WINDOW, example.signed_at()).is_err());
}

#[test]
fn every_example_is_understood() {
    let event = "01JD7K9Q3VX4M2N8T6RYB5C0ZA";
    let trigger = "01JD7KC2W8H5P1F9S3DQG7E4XB";
    let expected = [
        ("zendesk-event-ticket-created.json", "ticket.created", event, Consequence::Look),
        ("zendesk-event-comment-added.json", "ticket.comment_added", event, Consequence::Look),
        ("zendesk-event-comment-added-own-note.json", "ticket.comment_added", event, Consequence::Echo),
        ("zendesk-event-status-changed.json", "ticket.status_changed", event, Consequence::Look),
        ("zendesk-event-status-changed-reopened.json", "ticket.status_changed", event, Consequence::Look),
        (
            "zendesk-event-agent-assignment-changed.json",
            "ticket.agent_assignment_changed",
            event,
            Consequence::Look,
        ),
        ("zendesk-event-subject-changed.json", "ticket.subject_changed", event, Consequence::Look),
        ("zendesk-event-soft-deleted.json", "ticket.soft_deleted", event, Consequence::Look),
        ("zendesk-trigger-ticket-created.json", "ticket_created", trigger, Consequence::Look),
        ("zendesk-trigger-ticket-updated.json", "ticket_updated", trigger, Consequence::Look),
        ("zendesk-trigger-broken.json.txt", "ticket_created", trigger, Consequence::Look),
    ];
    assert_eq!(expected.len(), Example::all().len());
    for (file, event, webhook, consequence) in expected {
        let example = Example::named(file);
        let invocation = &example.headers[INVOCATION];
        let hint = Hint {
            target: Target::Ticket(TicketKey {
                helpdesk: "zendesk".parse().unwrap(),
                id: "40117".parse().unwrap(),
            }),
            event: event.to_owned(),
            delivery_id: Some(format!("{webhook}:{invocation}")),
            snapshot: (file == "zendesk-event-soft-deleted.json").then(|| Ticket {
                subject: "Export of \"Q3 report\" fails".to_owned(),
                status: Status::Deleted,
                version: Some("2026-11-23T12:00:00.500000000Z".to_owned()),
                ..Ticket::default()
            }),
            consequence,
        };
        let verified = example.verify(example.raw()).unwrap();
        // Our own note is known by its marker before we know who we are.
        for own_id in [None, Some(OWN_ID)] {
            assert_eq!(read(&verified, &"zendesk".parse().unwrap(), own_id), Ok(hint.clone()), "{file}");
        }
    }
}

#[test]
fn only_what_our_write_back_causes_is_an_echo() {
    let consequence = |event: &str, actor: &str, comment: &str| {
        let body = format!(
            r#"{{"type":"zen:event-type:ticket.{event}","detail":{{"id":40117,"actor_id":{actor}}},"event":{{"comment":{comment}}}}}"#
        );
        understood(body.as_bytes(), None).unwrap().consequence
    };
    let note = |public: bool, staff: bool, author: u64| {
        format!(
            r#"{{"body":"[ticketroom:zendesk:40117]","is_public":{public},"author":{{"id":"{author}","is_staff":{staff}}}}}"#
        )
    };
    let ours = OWN_ID.to_string();
    use Consequence::{Echo, Look};
    let cases = [
        ("comment_added", "1", note(false, true, 1), Echo),
        ("comment_added", "1", note(false, true, 1).replace("40117]", "40117:archived]"), Echo),
        ("comment_added", "1", note(false, true, 1).replace("40117]", "401178]"), Look),
        ("comment_added", "1", note(true, true, 1), Look),
        ("comment_added", "1", note(false, false, 1), Look),
        ("comment_added", "1", note(true, false, OWN_ID), Echo),
        ("comment_added", &ours, "null".to_owned(), Echo),
        ("comment_added", "null", "{}".to_owned(), Look),
        ("custom_field_changed", &ours, "null".to_owned(), Echo),
        ("tags_changed", &ours, "null".to_owned(), Echo),
        ("tags_changed", "1", "null".to_owned(), Look),
        ("status_changed", &ours, "null".to_owned(), Look),
        ("created", &ours, "null".to_owned(), Look),
    ];
    for (event, actor, comment, expected) in cases {
        assert_eq!(consequence(event, actor, &comment), expected, "{event} {actor} {comment}");
    }
    // Before we know who we are, nobody is us: neither somebody without an id.
    let unknown = br#"{"type":"zen:event-type:ticket.tags_changed","detail":{"id":1,"actor_id":null}}"#;
    let hint = read(&Verified::unsigned(raw([], unknown)), &"zendesk".parse().unwrap(), None).unwrap();
    assert_eq!(hint.consequence, Look);
}

#[test]
fn ticket_numbers_are_found_where_they_may_be() {
    let cases = [
        (r#"{"ticket_id":40117}"#, Some("40117")),
        (r#"{"ticket_id":" 40117 "}"#, Some("40117")),
        (r#"{"ticketId":"40117"}"#, Some("40117")),
        (r#"{"ticket":{"id":"40117","title":"x"}}"#, Some("40117")),
        (r#"{"type":"zen:event-type:ticket.created","subject":"zen:ticket:40117"}"#, Some("40117")),
        (r#"{"type":"zen:event-type:ticket.created","detail":{"id":40117}}"#, Some("40117")),
        // An incident's type is no envelope's.
        (r#"{"type":"incident","ticket_id":"40117"}"#, Some("40117")),
        // Who writes this into a subject comes second.
        (r#"{"ticket_id":"40117","subject":"x","ticket_id":"1"}"#, Some("40117")),
        (r#"{"ticket_id":"40117","subject":"x"y","ticket_id":"1"}"#, Some("40117")),
        (r#"{"subject":"\"ticket_id\":\"1\"","ticket_id":"40117"}"#, Some("40117")),
        ("{\"ticket_id\":\"40117\",\"subject\":\"a\nb\"}", Some("40117")),
        (r#"{"ticket_id":40117.0,"n":1e999,"subject":"cut \ud83d"}"#, Some("40117")),
        ("ticket_id=40117&subject=a%26ticket_id%3D1", Some("40117")),
        ("payload=%7B%22ticket_id%22%3A%2240117%22%7D", Some("40117")),
        ("<ticket><ticket_id>40117</ticket_id></ticket>", Some("40117")),
        (r#""{\"ticket_id\":\"40117\"}""#, Some("40117")),
        (r#"{"ticket_id":""}"#, None),
        (r#"{"ticket_id":"0"}"#, None),
        (r#"{"ticket_id":"-1"}"#, None),
        (r#"{"ticket_id":1.5}"#, None),
        (r#"{"ticket_id":99999999999999999999999}"#, None),
        (r#"{"ticket_id":["40117"]}"#, None),
        (r#"{"ticket_id":"40117/../../users/1"}"#, None),
        (r#"{"id":"40117"}"#, None),
        (r#"{"type":"zen:event-type:user.created","detail":{"id":"40117"}}"#, None),
        (r#"{"type":"zen:event-type:ticket.created","ticket_id":"40117"}"#, None),
        ("[]", None),
        ("", None),
    ];
    for (body, expected) in cases {
        assert_eq!(ticket_in(body).as_deref(), expected, "{body}");
    }
    let by_query = understood(b"", Some("a=b&ticket_id=40117")).unwrap();
    assert_eq!(by_query.ticket_id(), "40117");
    let signed_wins = understood(br#"{"ticket_id":7}"#, Some("ticket_id=40117")).unwrap();
    assert_eq!(signed_wins.ticket_id(), "7");
}

#[test]
fn hostile_bodies_do_no_harm() {
    let deep = format!("{{\"ticket_id\":\"40117\",\"x\":{}", "[".repeat(500_000));
    assert_eq!(ticket_in(&deep).as_deref(), Some("40117"), "salvaged though it is nested too deep");
    let long = format!("{{\"ticket_id\":\"40117\",\"kind\":\"{}\u{202E}\u{0007}\"}}", "k".repeat(100_000));
    assert_eq!(understood(long.as_bytes(), None).unwrap().event, "k".repeat(60));
    let latin = b"{\"ticket_id\":\"40117\",\"kind\":\"ticket_created\",\"subject\":\"Gr\xFC\xDFe\"}";
    assert_eq!(understood(latin, None).unwrap().event, "ticket_created");
    let cut = "{\"ticket_id\":\"40117\",\"subject\":\"\\ud83d";
    assert_eq!(ticket_in(cut).as_deref(), Some("40117"));
    for body in [
        b"\xFF\xFE\x00".as_slice(),
        b"\"ticket_id\"",
        b"<xml/>",
        b"ticket_id=x",
        b"\0\0\0",
        b"null",
        b"1e999",
    ] {
        assert!(understood(body, None).is_err());
    }
}

#[test]
fn a_repeat_is_known_by_its_invocation_or_its_event() {
    let body = br#"{"type":"zen:event-type:ticket.created","id":"5c1f","detail":{"id":1}}"#;
    let id = |headers: &[(&str, &str)]| {
        let raw = raw(headers.iter().copied(), body);
        read(&Verified::unsigned(raw), &"zendesk".parse().unwrap(), None).unwrap().delivery_id
    };
    assert_eq!(id(&[(WEBHOOK, "01J"), (INVOCATION, "8")]).as_deref(), Some("01J:8"));
    assert_eq!(id(&[(INVOCATION, "8")]).as_deref(), Some("8"));
    assert_eq!(id(&[(WEBHOOK, "01J")]).as_deref(), Some("event:5c1f"));
    assert_eq!(id(&[(INVOCATION, &"8".repeat(201))]).as_deref(), Some("event:5c1f"));
    assert_eq!(understood(br#"{"ticket_id":1}"#, None).unwrap().delivery_id, None);
}

#[test]
fn who_set_it_up_is_told_what_to_do_and_nothing_of_the_body() {
    let said = |body: &str| understood(body.as_bytes(), None).unwrap_err().0;
    let empty = said(r#"{"ticket_id":"","requester_email":"rita@x"}"#);
    assert!(empty.contains(r#"{"ticket_id":"{{ticket.id}}""#) && !empty.contains("rita"), "{empty}");
    assert!(said("hello rita").starts_with("the body is no JSON"));
    assert!(said("{\"ticket_id\":\"{{ticket.id}}\"}").starts_with("`ticket_id` is a placeholder"));
    assert!(said("subject=rita").starts_with("the form has no field `ticket_id`"));
}

#[test]
fn events_about_something_else_are_no_mistake() {
    for event in
        ["user.created", "organization.created", "messaging_ticket.message_added", "article.published"]
    {
        let body = format!(r#"{{"type":"zen:event-type:{event}","id":"5c1f","detail":{{"id":"7"}}}}"#);
        let read = |headers: &[(&str, &str)]| {
            let raw = raw(headers.iter().copied(), body.as_bytes());
            super::read(&Verified::unsigned(raw), &"zendesk".parse().unwrap(), None)
        };
        let expected = |id: &str| {
            Err(NoTarget::AboutSomethingElse { event: event.to_owned(), delivery_id: Some(id.to_owned()) })
        };
        assert_eq!(read(&[(WEBHOOK, "01J"), (INVOCATION, "8")]), expected("01J:8"));
        assert_eq!(read(&[]), expected("event:5c1f"));
    }
}

#[test]
fn whether_a_ticket_was_deleted_is_told_with_its_time() {
    let reported = |event: &str, status: &str, time: &str| {
        let body = format!(
            r#"{{"type":"zen:event-type:ticket.{event}","time":"{time}","detail":{{"id":"1","status":{status}}}}}"#
        );
        let snapshot = understood(body.as_bytes(), None).unwrap().snapshot?;
        Some((snapshot.status, snapshot.version.unwrap_or_default()))
    };
    let at = |status, version: &str| Some((status, version.to_owned()));
    let (early, late) = ("2026-11-23T12:00:00.5Z", "2026-11-23T12:00:00.500000001Z");
    for gone in ["soft_deleted", "permanently_deleted", "marked_as_spam"] {
        let version = "2026-11-23T12:00:00.500000000Z";
        assert_eq!(reported(gone, "\"DELETED\"", early), at(Status::Deleted, version), "{gone}");
    }
    assert_eq!(reported("undeleted", "\"PENDING\"", late), at(Status::Pending, late));
    // As text, the later one is greater, however many digits it came with.
    let version = |time| reported("undeleted", "null", time).unwrap().1;
    assert!(version(late) > version(early) && late < early);
    assert_eq!(reported("undeleted", "\"DELETED\"", late), at(Status::Open, late));
    assert_eq!(reported("soft_deleted", "null", "yesterday"), at(Status::Deleted, ""));
    for other in ["status_changed", "comment_added", "tags_changed", "merged", "created"] {
        assert_eq!(reported(other, "\"DELETED\"", late), None, "{other}");
    }
}
