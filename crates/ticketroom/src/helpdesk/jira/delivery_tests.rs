//! Signatures and bodies, right and wrong.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};

use super::*;

/// The vendor's own test secret and vector, and the signature of an example body.
const SECRET_TEXT: &str = "It's a Secret to Everybody";
const CREATED: &str = include_str!("../../../tests/fixtures/jira/jira-issue-created.json");
const CREATED_SIGNATURE: &str = "sha256=5aa43d6ccda1896d7523339b617bc10913772553f685c1bac5af263bc9262e13";
/// The time in that body.
const CREATED_AT: i64 = 1_795_162_443_512;

fn raw(headers: &[(&str, &str)], query: Option<&str>, body: &[u8]) -> RawDelivery {
    let headers =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    RawDelivery {
        headers: HeaderMap::from_iter(headers),
        query: query.map(str::to_owned),
        body: Bytes::copy_from_slice(body),
    }
}

fn verified(headers: &[(&str, &str)], body: &[u8]) -> Result<Verified, Unverified> {
    let secrets = ["an old one".into(), SECRET_TEXT.into()];
    verify(raw(headers, None, body), &secrets, None, Timestamp::UNIX_EPOCH)
}

fn read_with(query: Option<&str>, body: &[u8], own: Option<&str>) -> Result<Hint, NoTarget> {
    read(&Verified::unsigned(raw(&[("x-atlassian-webhook-identifier", "wh-1")], query, body)), &name(), own)
}

fn read_body(body: &str) -> Result<Hint, NoTarget> {
    read_with(None, body.as_bytes(), None)
}

fn name() -> HelpdeskName {
    "jira".parse().unwrap()
}

#[test]
fn the_vendors_vector_is_right() {
    let vector = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    assert!(verified(&[(SIGNATURE, vector)], b"Hello World!").is_ok());
    assert!(verified(&[(SIGNATURE, CREATED_SIGNATURE)], CREATED.as_bytes()).is_ok());
    assert!(verified(&[(SIGNATURE, &vector.replace("sha256=a47", "sha256=A47"))], b"Hello World!").is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let wrong = |signature: &str, body: &[u8]| verified(&[(SIGNATURE, signature)], body).unwrap_err();
    let hex = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    for signature in [
        format!("sha256={}", hex.replace('a', "b")),
        format!("sha1={hex}"),
        format!("sha512={hex}"),
        hex.to_owned(),
        format!("sha256={}", &hex[..62]),
        format!("sha256={hex}00"),
        "sha256=".to_owned(),
        String::new(),
    ] {
        assert_eq!(wrong(&signature, b"Hello World!"), Unverified::Wrong(SIGNATURE_IS), "{signature}");
    }
    assert_eq!(wrong(&format!("sha256={hex}"), b"Hello World"), Unverified::Wrong(SIGNATURE_IS));
    assert_eq!(verified(&[], b"{}").unwrap_err(), Unverified::Missing(ANY_PROOF));
    // A wrong signature is not made good by a right secret.
    let both = [(SIGNATURE, "sha256=00"), (SECRET, SECRET_TEXT)];
    assert_eq!(verified(&both, b"{}").unwrap_err(), Unverified::Wrong(SIGNATURE_IS));
}

#[test]
fn automation_sends_a_secret() {
    assert!(verified(&[(SECRET, SECRET_TEXT)], b"{}").is_ok());
    assert_eq!(verified(&[(SECRET, "guess")], b"{}").unwrap_err(), Unverified::Wrong(SECRET_IS));
    assert_eq!(verified(&[(SECRET, "")], b"{}").unwrap_err(), Unverified::Wrong(SECRET_IS));
}

#[test]
fn a_window_is_kept_where_there_is_one() {
    let at = |millis| {
        let window = Some(Duration::from_secs(3600));
        let delivery = raw(&[(SIGNATURE, CREATED_SIGNATURE)], None, CREATED.as_bytes());
        verify(delivery, &[SECRET_TEXT.into()], window, Timestamp::from_millisecond(millis).unwrap()).err()
    };
    assert_eq!(at(CREATED_AT + 3_600_000), None);
    assert_eq!(at(CREATED_AT + 3_600_001), Some(Unverified::TooOld));
    assert_eq!(at(CREATED_AT - 3_700_000), Some(Unverified::TooOld));
}

#[test]
fn the_examples_are_understood() {
    let examples = [
        ("jira:issue_created", Consequence::Look, false, CREATED),
        (
            "jira:issue_updated",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-issue-updated-assignee.json"),
        ),
        (
            "jira:issue_deleted",
            Consequence::Look,
            true,
            include_str!("../../../tests/fixtures/jira/jira-issue-deleted.json"),
        ),
        (
            "comment_created",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-comment-created-public.json"),
        ),
        (
            "comment_created",
            Consequence::Echo,
            false,
            include_str!("../../../tests/fixtures/jira/jira-comment-created-own-internal.json"),
        ),
        (
            "comment_deleted",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-comment-deleted-secondary.json"),
        ),
        (
            "automation",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-automation-issue-data-jira-format.json"),
        ),
        (
            "automation",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-automation-issue-data-automation-format.json"),
        ),
        (
            "created",
            Consequence::Look,
            false,
            include_str!("../../../tests/fixtures/jira/jira-automation-custom-data.json"),
        ),
    ];
    for (event, consequence, deleted, body) in examples {
        let hint = read_body(body).unwrap();
        assert_eq!((hint.ticket_id(), hint.event.as_str()), ("10042", event));
        assert_eq!((hint.consequence, hint.snapshot.is_some()), (consequence, deleted), "{event}");
        assert_eq!(hint.delivery_id.as_deref(), Some("wh-1"));
    }
}

#[test]
fn a_deletion_is_remembered() {
    let body = include_str!("../../../tests/fixtures/jira/jira-issue-deleted.json");
    let snapshot = read_body(body).unwrap().snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.key.as_deref()), (Status::Deleted, Some("SUP-42")));
    assert_eq!(snapshot.project.as_deref(), Some("SUP"));
    assert!(snapshot.subject.contains("Export of"));
}

#[test]
fn broken_custom_data_is_salvaged() {
    let broken = b"{\"v\":1,\"kind\":\"created\",\"issue_id\":\"10042\",\"summary\":\"the \"new\" one\nfails \\\"issue_id\\\":1\"}";
    assert_eq!(read_with(None, broken, None).unwrap().ticket_id(), "10042");
    assert_eq!(read_with(Some("issue_id=77"), b"<xml/>", None).unwrap().ticket_id(), "77");
    assert_eq!(read_with(Some("issue_id=77"), br#"{"issue_id":5}"#, None).unwrap().ticket_id(), "5");
}

#[test]
fn what_names_no_issue_says_what_to_do() {
    for (body, expected) in [
        ("", "the body is empty"),
        ("{\"issue_id\":\"{{issue.id}}\"}", "placeholder that was not filled in"),
        ("[]", "the body names no issue"),
        (r#"{"issue_id":"SUP-42"}"#, "`issue_id` is no number"),
        (r#"{"issue_key":"SUP-42"}"#, "a key but not its id"),
        (r#"{"issue_id":0}"#, "`issue_id` is no number"),
        (r#"{"webhookEvent":"jira:issue_created","issue":{"id":"../1"}}"#, "the event names no issue"),
    ] {
        let why = match read_body(body).unwrap_err() {
            NoTarget::NotUnderstood(why) => why.0,
            other => panic!("{body}: {other:?}"),
        };
        let expected = expected.replace("a key but", "an issue's key but");
        assert!(why.contains(&expected), "{body}: {why}");
    }
}

#[test]
fn only_our_own_comment_is_an_echo() {
    let comment = |author: &str, public: &str, text: &str| {
        format!(
            r#"{{"webhookEvent":"comment_created","issue":{{"id":"10042"}},
                "comment":{{"author":{{"accountId":"{author}"}},"jsdPublic":{public},"body":"{text}"}}}}"#
        )
    };
    let marker = "[ticketroom:jira:10042]";
    let cases = [
        (comment("us", "true", "hello"), Consequence::Echo),
        (comment("anna", "false", marker), Consequence::Echo),
        (comment("anna", "false", r"\\[ticketroom:jira:10042:files\\-1\\]"), Consequence::Echo),
        (comment("qm:1", "true", marker), Consequence::Look),
        (comment("anna", "false", "[ticketroom:jira:7]"), Consequence::Look),
        (comment("anna", "false", "hello"), Consequence::Look),
    ];
    for (body, expected) in cases {
        let hint = read_with(None, body.as_bytes(), Some("us")).unwrap();
        assert_eq!(hint.consequence, expected, "{body}");
    }
    let commented = comment("us", "false", marker)
        .replace("comment_created", "jira:issue_updated")
        .replace("\"issue\":", "\"issue_event_type_name\":\"issue_commented\",\"issue\":");
    assert_eq!(read_with(None, commented.as_bytes(), Some("us")).unwrap().consequence, Consequence::Echo);
    let with_change = commented.replace("\"issue\":", "\"changelog\":{\"items\":[{}]},\"issue\":");
    assert_eq!(read_with(None, with_change.as_bytes(), Some("us")).unwrap().consequence, Consequence::Look);
}

#[test]
fn the_issue_of_a_comment_is_in_its_address() {
    let body = r#"{"webhookEvent":"comment_created","comment":{"self":"https://x/rest/api/2/issue/10042/comment/3"}}"#;
    assert_eq!(read_body(body).unwrap().ticket_id(), "10042");
}

#[test]
fn events_about_other_things_are_no_mistakes() {
    let body = r#"{"webhookEvent":"attachment_created","attachment":{"id":"1"}}"#;
    let expected = NoTarget::AboutSomethingElse {
        event: "attachment_created".to_owned(),
        delivery_id: Some("wh-1".to_owned()),
    };
    assert_eq!(read_body(body), Err(expected));
}
