//! Proofs and payloads, right and wrong.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};

use super::*;
use crate::clock::ManualClock;
use crate::metrics::Metrics;
use crate::source::{Consequence, NotUnderstood, Target};
use crate::ticket::{FieldValue, Person, Status, TicketKey};

const NOW: i64 = 1_795_766_400;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn name() -> HelpdeskName {
    "generic".parse().unwrap()
}

fn raw(headers: &[(&str, &str)], body: &[u8]) -> RawDelivery {
    let headers =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    RawDelivery { headers: HeaderMap::from_iter(headers), query: None, body: Bytes::copy_from_slice(body) }
}

fn generic(inbound: Inbound) -> Generic {
    let config = GenericConfig { inbound, callback: None };
    let http = Http::new(Metrics::new()).unwrap();
    Generic::new(name(), &config, http, Arc::new(ManualClock::at(now())))
}

fn verified(headers: &[(&str, &str)], body: &[u8]) -> Result<(), Unverified> {
    let secrets = Inbound::Secrets(vec!["old".into(), "Jefe".into(), "".into()]);
    generic(secrets).verify(raw(headers, body), now()).map(|_| ())
}

fn read(body: &str) -> Result<Hint, NotUnderstood> {
    payload::read(&Verified::unsigned(raw(&[], body.as_bytes())), &name()).map_err(NoTarget::words)
}

fn ticket(body: &str) -> Ticket {
    read(body).unwrap().snapshot.unwrap()
}

/// Test case 2 of RFC 4231.
const BODY: &[u8] = b"what do ya want for nothing?";
const RFC_4231: &str = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

#[test]
fn signatures_over_the_body_are_checked() {
    let wrong = Err(Unverified::Wrong(SIGNATURE_IS));
    for header in [SIGNATURE, HUB_SIGNATURE] {
        assert_eq!(verified(&[(header, RFC_4231)], BODY), Ok(()));
        assert_eq!(verified(&[(header, &RFC_4231.to_uppercase().replace("SHA", "sha"))], BODY), Ok(()));
        assert_eq!(verified(&[(header, RFC_4231)], b"something else"), wrong);
        for bad in ["", "sha256=", "sha256=zz", "sha1=00", &RFC_4231[7..], &RFC_4231[..70], "sha256=é"] {
            let header: HeaderName = header.parse().unwrap();
            let mut delivery = raw(&[], BODY);
            delivery
                .headers
                .insert(header, reqwest::header::HeaderValue::from_bytes(bad.as_bytes()).unwrap());
            assert_eq!(super::verify(delivery, &["Jefe".into()], now()).map(|_| ()), wrong, "{bad}");
        }
    }
    // A wrong signature is not outweighed by a right secret.
    assert_eq!(verified(&[(SIGNATURE, "sha256=00"), (SECRET, "Jefe")], BODY), wrong);
}

#[test]
fn a_timestamp_is_signed_and_bounds_the_age() {
    let signed = |timestamp: &str| {
        let signature = signature(&"Jefe".into(), timestamp, BODY);
        verified(&[(SIGNATURE, &signature), (TIMESTAMP, timestamp)], BODY)
    };
    for fresh in [NOW, NOW - 900, NOW + 900] {
        assert_eq!(signed(&fresh.to_string()), Ok(()));
    }
    assert_eq!(signed(&now().to_string()), Ok(()), "RFC 3339");
    for stale in [NOW - 901, NOW + 901, 0] {
        assert_eq!(signed(&stale.to_string()), Err(Unverified::TooOld));
    }
    for nonsense in ["", "now", "-5", "99999999999999999999", "9999999999999999999"] {
        assert_eq!(signed(nonsense), Err(Unverified::Wrong(TIMESTAMP_IS)), "{nonsense}");
    }
    // A timestamp can neither be added nor be taken away nor be changed.
    let wrong = Err(Unverified::Wrong(SIGNATURE_IS));
    let with_timestamp = signature(&"Jefe".into(), &NOW.to_string(), BODY);
    assert_eq!(verified(&[(SIGNATURE, RFC_4231), (TIMESTAMP, &NOW.to_string())], BODY), wrong);
    assert_eq!(verified(&[(SIGNATURE, &with_timestamp)], BODY), wrong);
    assert_eq!(verified(&[(SIGNATURE, &with_timestamp), (TIMESTAMP, "1795766401")], BODY), wrong);
}

#[test]
fn secrets_that_are_sent_along_are_checked() {
    let wrong = Err(Unverified::Wrong(SECRET_IS));
    for secret in ["old", "Jefe"] {
        assert_eq!(verified(&[(SECRET, secret)], BODY), Ok(()));
        assert_eq!(verified(&[("authorization", &format!("bearer {secret}"))], BODY), Ok(()));
    }
    for secret in ["", "jefe", "Jefe2"] {
        assert_eq!(verified(&[(SECRET, secret)], BODY), wrong, "{secret}");
        assert_eq!(verified(&[("authorization", &format!("Bearer {secret}"))], BODY), wrong, "{secret}");
    }
    for none in [&[][..], &[("authorization", "Basic SmVmZQ==")], &[(TIMESTAMP, "1795766400")]] {
        assert_eq!(verified(none, BODY), Err(Unverified::Missing(ANY_PROOF)));
    }
    assert!(generic(Inbound::Unsigned).verify(raw(&[], BODY), now()).is_ok());
    assert!(generic(Inbound::Secrets(Vec::new())).verify(raw(&[(SECRET, "")], BODY), now()).is_err());
}

#[test]
fn the_smallest_delivery_is_understood() {
    let hint = read(r#"{"ticketId":"T-1","subject":"Printer is on fire"}"#).unwrap();
    let snapshot = Ticket { subject: "Printer is on fire".to_owned(), ..Ticket::default() };
    let expected = Hint {
        target: Target::Ticket(TicketKey { helpdesk: name(), id: "T-1".parse().unwrap() }),
        event: "ticket".to_owned(),
        delivery_id: None,
        snapshot: Some(snapshot),
        consequence: Consequence::Look,
    };
    assert_eq!(hint, expected);
}

#[test]
fn the_largest_delivery_is_understood() {
    let body = r#"{"ticketId":4711,"subject":"S","description":"D","requester":{"name":"Rita","email":" rita@x.example "},
        "assigneeEmail":"anna@x.example","group":"Support","priority":"URGENT","status":"Resolved",
        "tags":["outage","vpn"],"event":"ticket.created","updatedAt":"2026-11-24T10:00:00Z","deliveryId":"d-1",
        "organization":"Acme","brand":7,"type":"Incident","form":"Fault","channel":"Web","createdAt":"2026-11-20T08:00:00Z",
        "somethingElse":{"a":[1]}}"#;
    let hint = read(body).unwrap();
    assert_eq!((hint.ticket_id(), hint.event.as_str()), ("4711", "ticket.created"));
    assert_eq!(hint.delivery_id.as_deref(), Some("d-1"));
    let expected = Ticket {
        subject: "S".to_owned(),
        description: Some("D".to_owned()),
        requester: Some(Person { name: Some("Rita".to_owned()), email: Some("rita@x.example".to_owned()) }),
        assignee: Some(Person { name: None, email: Some("anna@x.example".to_owned()) }),
        group: Some("Support".to_owned()),
        organization: Some("Acme".to_owned()),
        brand: Some("7".to_owned()),
        kind: Some("incident".to_owned()),
        form: Some("Fault".to_owned()),
        channel: Some("web".to_owned()),
        created: Some("2026-11-20T08:00:00Z".parse().unwrap()),
        priority: Some("urgent".to_owned()),
        status: Status::Solved,
        tags: vec!["outage".to_owned(), "vpn".to_owned()],
        merged_into: None,
        follow_up_of: None,
        version: Some("2026-11-24T10:00:00Z".to_owned()),
        key: None,
        project: None,
        fields: BTreeMap::new(),
    };
    assert_eq!(hint.snapshot, Some(expected));
}

#[test]
fn other_types_than_text_are_taken_where_they_do_no_harm() {
    let odd = ticket(
        r#"{"id":1,"subject":404,"description":["x"],"requester":"rita@x.example","assignee":"Anna","group":7,
            "priority":null,"status":5,"tags":"vpn, outage  mail","updatedAt":1795766400}"#,
    );
    assert_eq!(odd.subject, "404");
    assert_eq!(odd.description, None);
    assert_eq!(odd.requester, Some(Person { name: None, email: Some("rita@x.example".to_owned()) }));
    assert_eq!(odd.assignee, Some(Person { name: Some("Anna".to_owned()), email: None }));
    assert_eq!((odd.group.as_deref(), odd.priority, odd.status), (Some("7"), None, Status::Open));
    assert_eq!(odd.tags, ["vpn", "outage", "mail"]);
    assert_eq!(odd.version.as_deref(), Some("1795766400"));
    let empty =
        ticket(r#"{"ticket_id":"1","subject":null,"requester":{"name":"","email":null},"tags":{"a":1}}"#);
    assert_eq!(empty, Ticket::default());
}

#[test]
fn subjects_are_kept_as_they_are() {
    let subjects =
        ["x".repeat(10_000), "🎉 مرحبا \u{202E}abc".to_owned(), "<script>alert(1)</script> & \"'".to_owned()];
    for subject in subjects {
        let body = json!({ "ticketId": "1", "subject": subject }).to_string();
        assert_eq!(ticket(&body).subject, subject);
    }
    assert_eq!(ticket("\u{FEFF}{\"ticketId\":\"1\",\"subject\":\"a\nb\"}").subject, "a\nb");
}

#[test]
fn what_is_no_ticket_is_refused_with_a_reason() {
    let cases = [
        ("", "the body is empty"),
        ("ticketId=1", "`subject` is missing"),
        ("subject=x&a=b", "neither the field `ticketId` nor `payload`"),
        ("[]", "no object"),
        ("null", "no object"),
        ("{\"ticketId\":\"{{ticket.id}}\",\"subject\":\"x\"}", "placeholder that was not filled in"),
        (r#"{"subject":"x"}"#, "`ticketId` is missing"),
        (r#"{"ticketId":null,"subject":"x"}"#, "`ticketId` is missing"),
        (r#"{"ticketId":"","subject":"x"}"#, "empty"),
        (r#"{"ticketId":"a\u0000b","subject":"x"}"#, "control characters"),
        (r#"{"ticketId":1.5,"subject":"x"}"#, "text or a whole number"),
        (r#"{"ticketId":-1,"subject":"x"}"#, "text or a whole number"),
        (r#"{"ticketId":{},"subject":"x"}"#, "text or a whole number"),
        (r#"{"ticketId":"1"}"#, "`subject` is missing"),
        (r#"{"ticketId":"1","subject":{}}"#, "`subject` has to be text"),
    ];
    for (body, reason) in cases {
        let said = read(body).unwrap_err().0;
        assert!(said.contains(reason), "{body}: {said}");
    }
    assert!(read(&format!("{{\"ticketId\":\"1\",\"subject\":{}", "[".repeat(200_000))).is_err());
    assert!(read(&json!({ "ticketId": "x".repeat(201), "subject": "" }).to_string()).is_err());
}

#[test]
fn bodies_are_taken_as_they_come() {
    for body in [
        r#"{"ticketId":"LS","subject":"cut \ud83d"}"#,
        "ticketId=LS&subject=cut+%EF%BF%BD",
        r#""{\"ticketId\":\"LS\",\"subject\":\"cut \\ud83d\"}""#,
        "payload=%7B%22ticketId%22%3A%22LS%22%2C%22subject%22%3A%22cut+%5Cud83d%22%7D",
    ] {
        let hint = read(body).unwrap();
        assert_eq!(
            (hint.ticket_id(), &*hint.snapshot.as_ref().unwrap().subject),
            ("LS", "cut \u{FFFD}"),
            "{body}"
        );
    }
    assert_eq!(read(r#"{"ticketId":42.0,"subject":""}"#).unwrap().ticket_id(), "42");
    let long = read(r#"{"ticketId":99999999999999999999999,"subject":""}"#).unwrap();
    assert_eq!(long.ticket_id(), "99999999999999999999999");
    let broken = ticket(r#"{"ticketId":"1","subject":"Export of "Q3" fails","priority":"high"}"#);
    assert_eq!((&*broken.subject, broken.priority.as_deref()), (r#"Export of "Q3" fails"#, Some("high")));
    let numbers = ticket(r#"{"ticketId":1,"subject":"","fields":{"a":42.0,"b":-5,"c":1e999,"d":1.50}}"#);
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let expected = [
        ("a", FieldValue::Number(42)),
        ("b", FieldValue::Number(-5)),
        ("c", text("1e999")),
        ("d", text("1.50")),
    ];
    assert_eq!(numbers.fields, expected.map(|(name, value)| (name.to_owned(), value)).into());
    let form =
        ticket("ticketId=1&subject=x&requester[email]=rita%40x.example&fields[region]=EU&tags[]=a&tags[]=b");
    assert_eq!(form.requester.unwrap().email.as_deref(), Some("rita@x.example"));
    assert_eq!(
        (form.fields["region"].clone(), form.tags),
        (text("EU"), vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn events_about_something_else_are_no_mistake() {
    let read = |body: &str| payload::read(&Verified::unsigned(raw(&[], body.as_bytes())), &name());
    let other = |event: &str, id: Option<&str>| {
        Err(NoTarget::AboutSomethingElse { event: event.to_owned(), delivery_id: id.map(str::to_owned) })
    };
    assert_eq!(
        read(r#"{"event":"user.created","deliveryId":"7","user":{}}"#),
        other("user.created", Some("7"))
    );
    assert_eq!(read(r#"{"type":"ping"}"#), other("ping", None));
    for mistake in [
        r#"{"event":"ticket.created"}"#,
        r#"{"event":"Issue updated"}"#,
        r#"{"event":""}"#,
        r#"{"type":"question","subject":"x"}"#,
        "{}",
    ] {
        assert!(matches!(read(mistake), Err(NoTarget::NotUnderstood(_))), "{mistake}");
    }
    assert!(read(r#"{"event":"user.created","ticketId":"1","subject":""}"#).is_ok(), "a ticket is a ticket");
}

#[test]
fn a_timestamp_cannot_be_moved_into_the_body() {
    let missing = Err(Unverified::Missing(TIMESTAMP_IS));
    for timestamp in [NOW.to_string(), now().to_string(), "0".to_owned()] {
        let body = br#"{"ticketId":"1","subject":"x"}"#;
        let captured = signature(&"Jefe".into(), &timestamp, body);
        let moved = [timestamp.as_bytes(), b".", body].concat();
        assert_eq!(verified(&[(SIGNATURE, &captured)], &moved), missing, "{timestamp}");
        assert_eq!(verified(&[(HUB_SIGNATURE, &captured)], &moved), missing, "{timestamp}");
    }
    // Everything that the signature may be taken for with a timestamp begins with a digit.
    for odd in ["+1795766400", "-1", ".", " 1795766400", "+002026-11-24T10:00:00Z"] {
        assert_eq!(time(odd), None, "{odd}");
    }
}

#[test]
fn a_repeat_is_known_by_a_header_or_a_field() {
    let id = |headers: &[(&str, &str)], body: &[u8]| {
        payload::read(&Verified::unsigned(raw(headers, body)), &name()).unwrap().delivery_id
    };
    let body = br#"{"ticketId":"1","subject":"","deliveryId":7}"#;
    assert_eq!(id(&[("idempotency-key", "a"), ("x-ticketroom-delivery", "b")], body).as_deref(), Some("a"));
    assert_eq!(id(&[("x-ticketroom-delivery", "b")], body).as_deref(), Some("b"));
    assert_eq!(id(&[], body).as_deref(), Some("7"));
    assert_eq!(id(&[("idempotency-key", &"k".repeat(201))], body), None);
}

#[test]
fn merged_and_follow_up_tickets_name_another_one() {
    let of = |value: &str| {
        let body = format!(r#"{{"ticketId":"T-1","subject":"","mergedInto":{value},"followUpOf":{value}}}"#);
        let first = ticket(&body);
        let second = ticket(&body.replace("mergedInto", "merged_into").replace("followUpOf", "follow_up_of"));
        assert_eq!(first, second);
        assert_eq!(first.merged_into, first.follow_up_of);
        first.merged_into.map(|id| id.to_string())
    };
    for (value, expected) in [
        (r#""T-2""#, Some("T-2")),
        (r#"" T-2 ""#, Some("T-2")),
        ("42", Some("42")),
        ("99999999999999999999999", Some("99999999999999999999999")),
        (r#""T-1""#, None),
        (r#""""#, None),
        ("null", None),
        ("1.5", None),
        ("-1", None),
        ("{}", None),
        (r#"["T-2"]"#, None),
        (r#""a\u0000b""#, None),
        (r#""{{merged_into}}""#, None),
    ] {
        assert_eq!(of(value).as_deref(), expected, "{value}");
    }
    assert_eq!(of(&json!("x".repeat(201)).to_string()), None);
    assert_eq!(ticket(r#"{"ticketId":"1","subject":"","status":"spam"}"#).status, Status::Deleted);
}
