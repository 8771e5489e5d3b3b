//! The note, the field, and what their answers say, without HTTP.

use serde_json::json;

use super::*;

const URL: &str = "https://docspace.example.com/rooms/shared/4711/filter?folder=4711&x='1'";

fn read<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn odd(field: Field) -> String {
    match field {
        Field::Odd(warning) => warning,
        Field::Filled => String::new(),
    }
}

#[test]
fn the_answers_are_read_back() {
    let private = read(json!({ "private": true }));
    let public = read(json!({ "private": false }));
    let cases = [
        (false, Some(&private), Some(Field::Filled), "field and private note", None),
        (false, None, Some(Field::Filled), "field and private note", None),
        (false, Some(&private), None, "private note", None),
        (false, Some(&private), Some(Field::Odd("odd".to_owned())), "private note", Some("odd")),
        (false, Some(&public), Some(Field::Filled), "field and private note", Some("made the note public")),
        (
            false,
            Some(&public),
            Some(Field::Odd("odd".to_owned())),
            "private note",
            Some("odd; Freshdesk made"),
        ),
        (true, None, Some(Field::Filled), "field", None),
        (true, None, Some(Field::Odd("odd".to_owned())), "nowhere: no note is wanted", Some("odd")),
        (true, None, None, "nowhere: no note is wanted, and no field is configured", None),
    ];
    for (is_quiet, posted, field, place, warning) in cases {
        let written = written_back(is_quiet, posted, field);
        assert_eq!(written.place, place);
        match warning {
            Some(part) => assert!(written.warning.is_some_and(|said| said.contains(part)), "{part}"),
            None => assert_eq!(written.warning, None),
        }
    }
    let ticket = |fields: Value| read::<TicketDto>(json!({ "custom_fields": fields }));
    assert_eq!(filled(&ticket(json!({ "cf_room": format!("{URL} ") })), "cf_room", URL), Field::Filled);
    let ignored = odd(filled(&ticket(json!({ "cf_room": null })), "cf_room", URL));
    assert!(ignored.contains("did not take the link") && ignored.contains("`room_url_field`"), "{ignored}");
    assert!(odd(filled(&ticket(json!(null)), "cf_room", URL)).contains("has no custom field cf_room"));
}

#[test]
fn a_refusal_says_which_field_it_is_about_and_what_to_do() {
    let objection = |field: &str, code: &str| Objection { field: field.to_owned(), code: code.to_owned() };
    let said = |objections: &[Objection]| refused(objections, "cf_room");
    let unknown = said(&[objection("cf_region", "missing_field"), objection("cf_room", "invalid_field")]);
    assert!(unknown.contains("no custom field cf_room") && unknown.contains("single-line text"), "{unknown}");
    let long = said(&[objection("cf_room", "invalid_value")]);
    assert!(long.contains("cf_room (invalid_value)") && long.contains("single-line text"), "{long}");
    let others = said(&[objection("cf_region", "missing_field"), objection("type", "")]);
    assert!(others.contains("other fields, cf_region (missing_field), type: fill them"), "{others}");
}

#[test]
fn only_what_is_about_the_field_is_told_of_and_not_failed_for() {
    let failure = |cause| {
        crate::call::CallName { system: &super::super::reasons::FRESHDESK, call: "update_ticket" }
            .failed(cause)
    };
    let rejected = Cause::Rejected { status: 405, detail: String::new() };
    for cause in [Cause::Forbidden, rejected] {
        let warning = odd(not_filled(failure(cause), "cf_room").unwrap());
        assert!(warning.contains("cf_room could not be filled"), "{warning}");
    }
    for cause in [
        Cause::Unauthorized,
        Cause::PaymentRequired,
        Cause::NotFound,
        Cause::Conflict,
        Cause::Unreachable(String::new()),
        Cause::NoAnswer(String::new()),
        Cause::RateLimited { retry_after: None, limit: String::new() },
        Cause::ServerError { status: 500, retry_after: None },
        Cause::Unintelligible(String::new()),
    ] {
        assert_eq!(not_filled(failure(cause.clone()), "cf_room"), Err(failure(cause)));
    }
}
