//! Deliveries as Freshdesk makes them, and as nobody should.

use std::collections::HashMap;

use bytes::Bytes;
use reqwest::header::HeaderName;
use serde::Deserialize;

use super::*;

const OWN_ID: u64 = 103_000_000_999;
const SECRET_OF_EXAMPLES: &str = "fd-test-0123456789abcdef";
const PASSWORD_OF_EXAMPLES: &str = "correct horse battery staple";

#[derive(Deserialize)]
struct Examples {
    deliveries: Vec<Example>,
}

/// One of the example deliveries: a file and the headers that came with it.
#[derive(Deserialize)]
struct Example {
    file: String,
    headers: HashMap<String, String>,
}

macro_rules! bodies {
    ($($file:literal)*) => {
        [$(($file, include_bytes!(concat!("../../../tests/fixtures/freshdesk/", $file)).as_slice())),*]
    };
}

fn body_of(file: &str) -> &'static [u8] {
    let bodies = bodies! {
        "freshdesk-advanced-broken.json.txt"
        "freshdesk-advanced-ticket-created.json"
        "freshdesk-advanced-ticket-updated-assigned.json"
        "freshdesk-advanced-wrapped-ticket-created.json"
        "freshdesk-app-onticketcreate.json"
        "freshdesk-app-onticketupdate.json"
        "freshdesk-simple-note-added.json"
        "freshdesk-simple-ticket-created.json"
        "freshdesk-simple-ticket-updated-status.json"
    };
    bodies.iter().find(|(name, _)| *name == file).unwrap().1
}

fn raw(headers: &[(&str, &str)], body: &[u8]) -> RawDelivery {
    let headers =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    RawDelivery { headers: HeaderMap::from_iter(headers), query: None, body: Bytes::copy_from_slice(body) }
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn proved(headers: &[(&str, &str)], secrets: &[&str]) -> Result<(), Unverified> {
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
    verify(raw(headers, b"{}"), &secrets).map(|_| ())
}

fn understood(body: &[u8], query: Option<&str>) -> Result<Hint, NotUnderstood> {
    let raw = RawDelivery { query: query.map(str::to_owned), ..raw(&[], body) };
    read(&Verified::unsigned(raw), &"freshdesk".parse().unwrap(), Some(OWN_ID)).map_err(NoTarget::words)
}

fn ticket_in(body: &str) -> Option<String> {
    understood(body.as_bytes(), None).ok().map(|hint| hint.ticket_id().to_owned())
}

#[test]
fn every_example_proves_itself_by_either_of_its_secrets() {
    let json = include_str!("../../../tests/fixtures/freshdesk/deliveries.json");
    let examples = serde_json::from_str::<Examples>(json).unwrap().deliveries;
    assert_eq!(examples.len(), 7);
    for Example { file, headers } in examples {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let with = |secret: &str| verify(raw(&headers, body_of(&file)), &[secret.into()]);
        assert_eq!(with(SECRET_OF_EXAMPLES).unwrap().body(), body_of(&file), "{file}");
        assert!(with(PASSWORD_OF_EXAMPLES).is_ok(), "{file}");
        assert_eq!(with("another").err(), Some(Unverified::Wrong(SECRET_IS)), "{file}");
    }
}

#[test]
fn any_proof_that_fits_is_enough() {
    let authorization = "authorization";
    let (password, key, alone) = (basic("ticketroom:s3:cr"), basic("s3:X"), basic("s3"));
    for headers in [
        vec![(SECRET, "s3")],
        vec![(SECRET, "other"), (SECRET, "s3")],
        vec![(SECRET, "other"), (authorization, &*key)],
        vec![(SECRET, "s3"), (authorization, "Basic ???")],
        vec![(SECRET, "s3"), (authorization, "Bearer other")],
        vec![(authorization, &*alone)],
        vec![(authorization, &*password)],
    ] {
        assert_eq!(proved(&headers, &["old", "s3", "s3:cr"]), Ok(()), "{headers:?}");
    }
    let lower = key.replace("Basic", "basic");
    assert_eq!(proved(&[(authorization, &lower)], &["s3"]), Ok(()));
}

#[test]
fn what_proves_nothing_is_refused() {
    let (missing, wrong) = (Err(Unverified::Missing(SECRET_IS)), Err(Unverified::Wrong(SECRET_IS)));
    for headers in [vec![], vec![("authorization", "Bearer s3")], vec![("authorization", "Basi")]] {
        assert_eq!(proved(&headers, &["s3"]), missing, "{headers:?}");
    }
    let (nothing, twisted) = (basic(":"), basic("X:S3"));
    for headers in [
        vec![(SECRET, "")],
        vec![(SECRET, "s")],
        vec![(SECRET, "s33")],
        vec![("authorization", "Basic ")],
        vec![("authorization", "Basic s3")],
        vec![("authorization", &*nothing)],
        vec![("authorization", &*twisted)],
    ] {
        assert_eq!(proved(&headers, &["s3"]), wrong, "{headers:?}");
    }
    // Without a secret nothing fits, not even nothing.
    assert_eq!(proved(&[(SECRET, "")], &[]), wrong);
    assert_eq!(proved(&[("authorization", &nothing)], &[]), wrong);
}

#[test]
fn every_example_is_understood() {
    let look = Consequence::Look;
    let cases = [
        ("freshdesk-simple-ticket-created.json", "ticket_action:created", look),
        ("freshdesk-simple-ticket-updated-status.json", "status 2 to 4", look),
        ("freshdesk-simple-note-added.json", "note_type:private", Consequence::Look),
        ("freshdesk-advanced-ticket-created.json", "ticket_action:created", look),
        ("freshdesk-advanced-ticket-updated-assigned.json", "responder_id nothing to 103000000042", look),
        ("freshdesk-advanced-wrapped-ticket-created.json", "ticket_action:created", look),
        ("freshdesk-advanced-broken.json.txt", "ticket_action:created", look),
        ("freshdesk-app-onticketcreate.json", "onTicketCreate", look),
        ("freshdesk-app-onticketupdate.json", "onTicketUpdate", look),
    ];
    for (file, event, consequence) in cases {
        let hint = Hint {
            target: Target::Ticket(TicketKey {
                helpdesk: "freshdesk".parse().unwrap(),
                id: "8123".parse().unwrap(),
            }),
            event: event.to_owned(),
            delivery_id: None,
            snapshot: None,
            consequence,
        };
        // Our own note is known by its marker before we know who we are.
        for own_id in [None, Some(OWN_ID)] {
            let delivery = Verified::unsigned(raw(&[], body_of(file)));
            assert_eq!(read(&delivery, &"freshdesk".parse().unwrap(), own_id), Ok(hint.clone()), "{file}");
        }
    }
}

#[test]
fn ticket_numbers_are_found_where_they_may_be() {
    let cases = [
        (r#"{"ticket_id":8123}"#, Some("8123")),
        (r#"{"ticket_id":" 8123 "}"#, Some("8123")),
        (r#"{"ticketId":"8123"}"#, Some("8123")),
        (r#"{"ticket":{"id":"8123"}}"#, Some("8123")),
        (r#"{"freshdesk_webhook":{"ticket_id":"8123"}}"#, Some("8123")),
        (r#"{"freshdesk_webhook":{"ticket":{"id":8123}}}"#, Some("8123")),
        (r#"{"freshdesk_webhook":"","ticket_id":"8123"}"#, Some("8123")),
        (r#"{"freshdesk_webhook":{"ticket_id":8123},"ticket_id":1}"#, Some("8123")),
        ("ticket_id=8123&subject=a%26ticket_id%3D1", Some("8123")),
        ("freshdesk_webhook[ticket_id]=8123&freshdesk_webhook[ticket_subject]=x", Some("8123")),
        ("freshdesk_webhook%5Bticket_id%5D=8123\r\n", Some("8123")),
        (r#"{"event":"onTicketDelete","data":{"ticket":{"id":"8123"}}}"#, Some("8123")),
        (
            r#"{"event":"onConversationUpdate","data":{"conversation":{"id":7,"ticket_id":8123}}}"#,
            Some("8123"),
        ),
        (r#"{"ticket_url":"https://example.freshdesk.com/a/tickets/8123"}"#, Some("8123")),
        (r#"{"freshdesk_webhook":{"ticket_url":"http://x/helpdesk/tickets/8123/?a=1#b"}}"#, Some("8123")),
        // Who writes this into a subject comes second.
        (r#"{"ticket_id":"8123","subject":"x","ticket_id":"1"}"#, Some("8123")),
        (r#"{"ticket_id":"8123","subject":"x"y","ticket_id":"1"}"#, Some("8123")),
        (r#"{"ticket_id":"8123","subject":"x"y&ticket_id=1&"}"#, Some("8123")),
        (
            r#"{"ticket_id":"8123","subject":"x","event":"onTicketCreate","data":{"ticket":{"id":1}}}"#,
            Some("8123"),
        ),
        (r#"{"subject":"\"ticket_id\":\"1\"","ticket_id":"8123"}"#, Some("8123")),
        ("{\"ticket_id\":\"8123\",\"subject\":\"a\nb\"}", Some("8123")),
        ("{\"event\":{status:{from:2,to:4}},\"ticket_id\":\"8123\"}", Some("8123")),
        (r#"{"ticket_id":""}"#, None),
        (r#"{"ticket_id":"0"}"#, None),
        (r#"{"ticket_id":0,"x":"y"z"}"#, None),
        (r#"{"ticket_id":"-1"}"#, None),
        (r#"{"ticket_id":1.5}"#, None),
        (r#"{"ticket_id":99999999999999999999999}"#, None),
        (r#"{"ticket_id":["8123"]}"#, None),
        (r#"{"ticket_id":"8123/../../agents/me"}"#, None),
        (r#"{"ticket_id":"","ticket_url":"https://x/a/tickets/8123"}"#, None),
        (r#"{"ticket_url":"https://x/a/tickets/8123abc"}"#, None),
        (r#"{"ticket_url":"https://x/a/contacts/8123"}"#, None),
        (r#"{"ticket_url":"8123"}"#, None),
        (r#"{"ticket_public_url":"https://x/public/tickets/8123"}"#, None),
        (r#"{"id":"8123"}"#, None),
        (r#"{"event":"onAppInstall","data":{}}"#, None),
        (r#"{"event":"onContactCreate","data":{"contact":{"id":8123}}}"#, None),
        ("<freshdesk_webhook><ticket_id>8123</ticket_id></freshdesk_webhook>", Some("8123")),
        (r#"{"ticket_id":8123.0,"custom":1e999,"subject":"cut \ud83d"}"#, Some("8123")),
        (r#"{"event":"onTicketCreate","data":{"ticket":{}}}"#, None),
        ("ticket_id=", None),
        ("ticket_id", None),
        ("[]", None),
        ("null", None),
        ("", None),
    ];
    for (body, expected) in cases {
        assert_eq!(ticket_in(body).as_deref(), expected, "{body}");
    }
}

#[test]
fn the_address_is_believed_before_a_broken_body_and_after_a_good_one() {
    let ticket = |body: &str, query: &str| {
        understood(body.as_bytes(), Some(query)).ok().map(|hint| hint.ticket_id().to_owned())
    };
    let query = "a=b&ticket_id=8123";
    for (body, expected) in [
        (r#"{"ticket_id":7}"#, "7"),
        (r#"{"ticket_id":"7","subject":"x"y"}"#, "8123"),
        (r#"{"ticket_id":"0"}"#, "8123"),
        (r#"{"ticket_id":""}"#, "8123"),
        (r#"{"ticket_url":"https://x/a/tickets/7"}"#, "8123"),
        ("", "8123"),
        ("<xml/>", "8123"),
    ] {
        assert_eq!(ticket(body, query).as_deref(), Some(expected), "{body}");
    }
    for query in ["ticket_id=0", "ticket_id=x", "ticket_id=", "id=8123", "ticket_id={{ticket.id}}"] {
        assert_eq!(ticket("", query), None, "{query}");
    }
    let broken = std::str::from_utf8(body_of("freshdesk-advanced-broken.json.txt")).unwrap();
    assert_eq!(ticket(broken, "ticket_id=9").as_deref(), Some("9"));
}

/// Whatever a rule's body holds, a subject may hold.
#[test]
fn no_rule_tells_of_our_own_note_beyond_doubt() {
    let mark = "[ticketroom:freshdesk:8123]";
    let body = format!(
        r#"{{"ticket_id":8123,"triggered_event":"{{note_type:private}}","ticket_latest_private_comment":"{mark}"}}"#
    );
    for body in [body.clone(), format!("{{\"freshdesk_webhook\":{body}}}")] {
        assert_eq!(understood(body.as_bytes(), None).unwrap().consequence, Consequence::Look, "{body}");
    }
}

#[test]
fn a_number_that_is_there_twice_gives_way_to_the_address() {
    let ticket = |body: &str, query: &str| {
        let query = (!query.is_empty()).then_some(query);
        understood(body.as_bytes(), query).ok().map(|hint| hint.ticket_id().to_owned())
    };
    let body = r#"{"subject":"x","ticket_id":"1","x":"","ticket_id":"8123"}"#;
    assert_eq!(ticket(body, "ticket_id=8123").as_deref(), Some("8123"));
    assert_eq!(ticket(body, "").as_deref(), Some("1"), "the first, as everywhere");
    assert_eq!(ticket(r#"{"ticket_id":"1"}"#, "ticket_id=8123").as_deref(), Some("1"));
}

#[test]
fn an_app_tells_of_our_note_with_its_author() {
    use Consequence::{Echo, Look};
    let read_as = |own_id, event: &str, conversation: &str| {
        let body =
            format!(r#"{{"event":"{event}","data":{{"conversation":{{"ticket_id":8123,{conversation}}}}}}}"#);
        let delivery = Verified::unsigned(raw(&[], body.as_bytes()));
        read(&delivery, &"freshdesk".parse().unwrap(), own_id).unwrap().consequence
    };
    let mark = "[ticketroom:freshdesk:8123]";
    let cases = [
        (None, "onConversationCreate", format!(r#""private":true,"body":"<p>{mark}</p>""#), Echo),
        (None, "onConversationCreate", format!(r#""private":true,"body_text":"{mark}""#), Echo),
        (
            None,
            "onConversationCreate",
            r#""private":true,"body_text":"[ticketroom:freshdesk:8123:files-1]""#.to_owned(),
            Echo,
        ),
        (Some(7), "onConversationCreate", r#""private":true,"user_id":7"#.to_owned(), Echo),
        (Some(7), "onConversationCreate", r#""private":false,"user_id":7"#.to_owned(), Look),
        (Some(7), "onConversationCreate", r#""private":true,"user_id":8"#.to_owned(), Look),
        (Some(7), "onConversationUpdate", r#""private":true,"user_id":7"#.to_owned(), Look),
        (Some(7), "onConversationCreate", format!(r#""private":false,"body":"{mark}""#), Look),
        (Some(7), "onConversationCreate", format!(r#""body":"{mark}""#), Look),
        // Before we know who we are, nobody is us: neither somebody without an id.
        (None, "onConversationCreate", r#""private":true,"user_id":null"#.to_owned(), Look),
    ];
    for (own_id, event, conversation, expected) in cases {
        assert_eq!(read_as(own_id, event, &conversation), expected, "{own_id:?} {event} {conversation}");
    }
}

#[test]
fn events_are_named_plainly() {
    for (given, expected) in [
        ("{ticket_action:created}", "ticket_action:created"),
        ("{status:{from:2,to:4}}", "status 2 to 4"),
        ("{ticket_type:{from:,to:Feature Request}}", "ticket_type nothing to Feature Request"),
        ("{responder_id:{from:7,to:}}", "responder_id 7 to nothing"),
        ("{status:{from:2}}", "status:{from:2}"),
        ("{", "{"),
        ("{}", ""),
        ("ticket_created", "ticket_created"),
    ] {
        assert_eq!(plain(given), expected);
    }
    let event = |body: &str| understood(body.as_bytes(), None).unwrap().event;
    assert_eq!(event(r#"{"ticket_id":1,"kind":"ticket_created"}"#), "ticket_created");
    assert_eq!(event(r#"{"ticket_id":1,"triggered_event":"{}"}"#), "automation rule");
    assert_eq!(event("ticket_id=1&triggered_event=%7Breply_sent%3Asent%7D"), "reply_sent:sent");
}

#[test]
fn hostile_bodies_do_no_harm() {
    let deep = format!("{{\"ticket_id\":\"8123\",\"x\":{}", "[".repeat(500_000));
    assert_eq!(ticket_in(&deep).as_deref(), Some("8123"), "salvaged though it is nested too deep");
    let braces = format!("{{\"ticket_id\":8123,\"event\":\"{}\u{202E}\u{0007}\"}}", "{".repeat(100_000));
    assert_eq!(understood(braces.as_bytes(), None).unwrap().event, "{".repeat(60));
    let latin = b"{\"ticket_id\":\"8123\",\"event\":\"{ticket_action:created}\",\"subject\":\"Gr\xFC\xDFe\"}";
    assert_eq!(understood(latin, None).unwrap().event, "ticket_action:created");
    let cut = "{\"ticket_id\":\"8123\",\"subject\":\"\\ud83d";
    assert_eq!(ticket_in(cut).as_deref(), Some("8123"));
    let many = format!("a{}", "&a=%FF".repeat(100_000));
    for body in [
        b"\xFF\xFE\x00".as_slice(),
        b"\"ticket_id\"",
        b"<xml/>",
        b"a=\xFF&%",
        b"=&=&&",
        b"\0\0\0",
        b"1e999",
        many.as_bytes(),
    ] {
        assert!(understood(body, None).is_err());
    }
}

#[test]
fn who_set_it_up_is_told_what_to_do_and_nothing_of_the_body() {
    let said = |body: &str| understood(body.as_bytes(), None).unwrap_err().0;
    let empty = said(r#"{"ticket_id":"","requester_email":"rita@x"}"#);
    assert!(empty.starts_with("`ticket_id` is no ticket's number") && !empty.contains("rita"), "{empty}");
    assert!(empty.contains(r#"{"ticket_id":"{{ticket.id}}""#) && empty.contains("?ticket_id={{ticket.id}}"));
    assert!(said("hello rita").starts_with("the body is no JSON"));
    assert!(said(r#"{"subject":"rita"}"#).starts_with("the body names no ticket"));
    let app = said(r#"{"event":"onTicketCreate","data":{"ticket":{"subject":"rita"}}}"#);
    assert!(app.contains("`data.ticket.id`") && !app.contains("rita"), "{app}");
    assert!(said("{\"ticket_id\":\"{{ticket.id}}\"}").starts_with("`ticket_id` is a placeholder"));
    assert!(said("subject=rita").starts_with("the form has no field `ticket_id`"));
}

#[test]
fn what_an_app_forwards_besides_tickets_is_no_mistake() {
    for event in ["onContactCreate", "onCompanyUpdate", "onAgentCreate", "onAppInstall", "onScheduledEvent"] {
        let body = format!(r#"{{"event":"{event}","data":{{"contact":{{"id":8123}}}}}}"#);
        let delivery = Verified::unsigned(raw(&[], body.as_bytes()));
        let read = read(&delivery, &"freshdesk".parse().unwrap(), None);
        assert_eq!(read, Err(NoTarget::AboutSomethingElse { event: event.to_owned(), delivery_id: None }));
    }
}
