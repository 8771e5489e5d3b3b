//! Secrets and bodies, right and wrong.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};

use super::*;

const HEADER_SECRET: &str = "fd-test-0123456789abcdef";
/// `ticketroom:correct horse battery staple`, as in the examples.
const BASIC: &str = "Basic dGlja2V0cm9vbTpjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl";

fn raw(headers: &[(&str, &str)], query: Option<&str>, body: &[u8]) -> RawDelivery {
    let headers =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    RawDelivery {
        headers: HeaderMap::from_iter(headers),
        query: query.map(str::to_owned),
        body: Bytes::copy_from_slice(body),
    }
}

fn refused(secrets: &[&str], headers: &[(&str, &str)]) -> Option<Unverified> {
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
    verify(raw(headers, None, b"{}"), &secrets).err()
}

fn read_with(headers: &[(&str, &str)], query: Option<&str>, body: &[u8]) -> Result<Hint, NotUnderstood> {
    read(&Verified::unsigned(raw(headers, query, body)), &"freshdesk".parse().unwrap(), Some(77))
}

fn ticket(query: Option<&str>, body: &str) -> Option<u64> {
    read_with(&[], query, body.as_bytes()).ok().map(|hint| hint.ticket.as_str().parse().unwrap())
}

#[test]
fn any_secret_that_fits_is_enough() {
    let (header, basic) = (("x-ticketroom-secret", HEADER_SECRET), ("authorization", BASIC));
    let password = "correct horse battery staple";
    assert_eq!(refused(&[HEADER_SECRET], &[header]), None);
    assert_eq!(refused(&["an old one", HEADER_SECRET], &[header, basic]), None);
    assert_eq!(refused(&[password], &[header, basic]), None);
    assert_eq!(refused(&[password], &[basic]), None);
    let api_key = format!("basic {}", STANDARD.encode("the-key:X"));
    assert_eq!(refused(&["the-key"], &[("authorization", &api_key)]), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let wrong = Some(Unverified::Wrong(SECRET_IS));
    assert_eq!(refused(&[HEADER_SECRET], &[]), Some(Unverified::Missing(ANY_PROOF)));
    assert_eq!(refused(&[HEADER_SECRET], &[("x-ticketroom-secret", "guess")]), wrong);
    assert_eq!(refused(&[HEADER_SECRET], &[("x-ticketroom-secret", "")]), wrong);
    assert_eq!(refused(&[HEADER_SECRET], &[("authorization", BASIC)]), wrong);
    for odd in ["Basic", "Basic ?", "Basic dGVzdA==", "Bearer fd-test-0123456789abcdef"] {
        assert_eq!(refused(&[HEADER_SECRET], &[("authorization", odd)]), wrong, "{odd}");
    }
    assert_eq!(refused(&[], &[("x-ticketroom-secret", HEADER_SECRET)]), wrong);
}

#[test]
fn the_examples_are_understood() {
    let examples = [
        (
            "ticket_action created",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-simple-ticket-created.json"),
        ),
        (
            "status from 2 to 4",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-simple-ticket-updated-status.json"),
        ),
        (
            "note_type private",
            Consequence::Echo,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-simple-note-added.json"),
        ),
        (
            "ticket_action created",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-advanced-ticket-created.json"),
        ),
        (
            "responder_id from to 103000000042",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-advanced-ticket-updated-assigned.json"),
        ),
        (
            "ticket_action created",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-advanced-wrapped-ticket-created.json"),
        ),
        (
            "onTicketCreate",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-app-onticketcreate.json"),
        ),
        (
            "onTicketUpdate",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-app-onticketupdate.json"),
        ),
        (
            "webhook",
            Consequence::Look,
            include_str!("../../../tests/fixtures/freshdesk/freshdesk-advanced-broken.json.txt"),
        ),
    ];
    for (event, consequence, body) in examples {
        let hint = read_with(&[], None, body.as_bytes()).unwrap();
        assert_eq!((hint.ticket.as_str(), hint.event.as_str()), ("8123", event));
        assert_eq!((hint.consequence, hint.delivery_id, hint.snapshot), (consequence, None, None), "{event}");
    }
}

#[test]
fn the_ticket_is_found_wherever_it_is() {
    let broken = r#"{"ticket_id":"8123","subject":"a "quote" and "ticket_id":"1""}"#;
    assert_eq!(ticket(None, broken), Some(8123));
    assert_eq!(ticket(Some("ticket_id=77"), broken), Some(77), "the address before what is left of a body");
    assert_eq!(ticket(Some("ticket_id=77"), r#"{"ticket_id":5}"#), Some(5), "but not before a whole one");
    assert_eq!(ticket(Some("x=1&ticket_id=77"), "<xml/>"), Some(77));
    assert_eq!(ticket(None, r#"{"ticket_url":"https://x.freshdesk.com/a/tickets/8123"}"#), Some(8123));
    assert_eq!(ticket(None, r#"{"ticket_url":"https://x.freshdesk.com/contacts/8123"}"#), None);
    assert_eq!(
        ticket(None, r#"{"event":"onConversationCreate","data":{"conversation":{"ticket_id":9}}}"#),
        Some(9)
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let hint = read_with(
        &form,
        None,
        b"freshdesk_webhook%5Bticket_id%5D=8123&freshdesk_webhook[ticket_status]=Open",
    );
    assert_eq!(hint.unwrap().ticket.as_str(), "8123");
    assert_eq!(read_with(&form, None, b"ticket_id=7").unwrap().ticket.as_str(), "7");
}

#[test]
fn what_names_no_ticket_says_what_to_do() {
    for (body, expected) in [
        ("", "the body is no JSON"),
        ("[]", "the body names no ticket"),
        (r#"{"freshdesk_webhook":{"ticket_status":"Open"}}"#, "the body names no ticket"),
        (r#"{"freshdesk_webhook":{"ticket_id":"x"}}"#, "`ticket_id` is no number"),
        (r#"{"ticket_id":0}"#, "`ticket_id` is no number"),
        (r#"{"ticket_id":-1}"#, "`ticket_id` is no number"),
    ] {
        let why = read_with(&[], None, body.as_bytes()).unwrap_err().0;
        assert!(why.starts_with(expected) && why.contains("?ticket_id={{ticket.id}}"), "{body}: {why}");
    }
}

#[test]
fn only_our_own_note_is_an_echo() {
    let marker = "[ticketroom:freshdesk:8123]";
    let simple = |event: &str, field: &str, text: &str| {
        format!(
            r#"{{"freshdesk_webhook":{{"ticket_id":8123,"triggered_event":"{event}","{field}":"{text}"}}}}"#
        )
    };
    let app = |user: u64, private: bool, text: &str| {
        format!(
            r#"{{"event":"onConversationCreate","data":{{"conversation":
                {{"ticket_id":8123,"user_id":{user},"private":{private},"body_text":"{text}"}}}}}}"#
        )
    };
    let private = "ticket_latest_private_comment";
    let cases = [
        (simple("{note_type:private}", private, marker), Consequence::Echo),
        (simple("{note_type:public}", private, marker), Consequence::Look),
        (simple("{status:{from:2,to:4}}", private, marker), Consequence::Look),
        (simple("{note_type:private}", private, "hello"), Consequence::Look),
        (simple("{note_type:private}", private, "[ticketroom:freshdesk:81234]"), Consequence::Look),
        (simple("{note_type:private}", "ticket_latest_public_comment", marker), Consequence::Look),
        (app(77, true, "hello"), Consequence::Echo),
        (app(5, true, marker), Consequence::Echo),
        (app(5, false, marker), Consequence::Look),
        (app(77, false, "a reply"), Consequence::Look),
    ];
    for (body, expected) in cases {
        assert_eq!(read_with(&[], None, body.as_bytes()).unwrap().consequence, expected, "{body}");
    }
}
